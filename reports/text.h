/*
 * text.h - the report that people read on a terminal or in a file.
 *
 * What was audited, findings by severity with their evidence packets and remedy, verdicts with what
 * was not observed and not assessable and why, capture quality. Plain text; colour and width only
 * where the output is a terminal.
 */
#ifndef ROLECALL_REPORTS_TEXT_H
#define ROLECALL_REPORTS_TEXT_H

#include "reports/records.h"

struct text_style {
    bool color;
    unsigned width;        /* columns; 0: 100 */
    enum severity fail_on; /* from which on the exit status is 1; SEVERITY_OFF: low, the default */
};

void text_report(struct output *out, const struct text_style *style,
                 const struct record_names *names, const struct run *run,
                 const struct audit *audit);

#endif
