/*
 * records_report.h - the whole of an audit as records, in their order: audit, findings, verdicts,
 * statements, then what only a report shows (rules, model, hosts, conversations, traffic, grades,
 * earlier audits), summary. Every other report is made from these.
 */
#ifndef ROLECALL_REPORTS_RECORDS_REPORT_H
#define ROLECALL_REPORTS_RECORDS_REPORT_H

#include "reports/document.h"
#include "reports/gather.h"
#include "reports/records.h"

struct results {
    const struct record_names *names; /* with source and policy */
    const struct run *run;
    const struct audit *audit; /* finished */
    const struct gathering
        *gathering;                 /* finished; NULL: nothing was gathered, so no records of it */
    const struct document *history; /* records of earlier audits (store.h); NULL: none */
    int64_t generated_ns;           /* when; INT64_MIN: not told, so that it can be reproduced */
};

void records_report(struct output *out, const struct results *r);
/* The same as a document: 0 or -ENOMEM. `for_text`: for the text report and nothing else,
 * which takes the findings in turn and does not tell the model: they are made when they are asked
 * for, and `r` must live as long as the document. */
int records_document(const struct results *r, bool for_text, struct document **ret) MUST_USE;

/* Parts of it; each writes one record, or several. */
void record_rule(struct output *out, const struct rule *rule, enum severity severity);
void record_model(struct output *out, const struct policy *p);
void record_gathering(struct output *out, const struct results *r);

#endif
