/*
 * text.h - the report that people read on a terminal or in a file.
 *
 * What was audited, findings by severity with their evidence packets and remedy, verdicts with what
 * was not observed and not assessable and why, capture quality. Plain text; colour and width only
 * where the output is a terminal.
 */
#ifndef ROLECALL_REPORTS_TEXT_H
#define ROLECALL_REPORTS_TEXT_H

#include <stdbool.h>

#include "policy/policy.h"

struct text_style {
    bool color;
    bool full;             /* every finding, however many of a rule there are */
    bool octets;           /* with the octets that decide, below each packet of evidence */
    bool marks;            /* where there are no colours: ink is told by marks (text_layout.h) */
    unsigned width;        /* columns; 0: 100 */
    enum severity fail_on; /* from which on the exit status is 1; SEVERITY_OFF: low, the default */
};

#endif
