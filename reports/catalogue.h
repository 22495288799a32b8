/*
 * catalogue.h - the rules as a list, and one rule explained.
 */
#ifndef ROLECALL_REPORTS_CATALOGUE_H
#define ROLECALL_REPORTS_CATALOGUE_H

#include "policy/rule.h"
#include "reports/output.h"
#include "reports/text.h"

/* format: "text" or "jsonl". */
void catalogue_list(struct output *out, const struct text_style *style, bool jsonl);
/* What it means, statements, evidence, remedy, references. */
void catalogue_explain(struct output *out, const struct text_style *style, const struct rule *rule);

#endif
