/*
 * text_parts.h - the chapters of the text report; only text*.c and screen_text.c include it.
 */
#ifndef ROLECALL_REPORTS_TEXT_PARTS_H
#define ROLECALL_REPORTS_TEXT_PARTS_H

#include "policy/audit.h"
#include "reports/finding_view.h"
#include "reports/text_figures.h"
#include "reports/text_layout.h"

struct report {
    struct layout l;
    const struct document *d;
    bool full, octets; /* as in struct text_style */
    const char *day;   /* a time of the one day of the whole input; NULL: several, so times carry
                          their date */
};

/* An empty line, then the heading of a chapter. */
void text_heading(struct report *r, const char *heading);
/* The status of a verdict or statement, as enum verdict_status; an unknown word counts as the last.
 */
unsigned text_status(const json_t *record);
void text_findings(struct report *r);
/* One of them; `before`: the one above, whose remedy is not told again; its record NULL: none. */
void text_finding(struct report *r, const struct finding_view *v,
                  const struct finding_view *before);
void text_verdicts(struct report *r);
void text_statements(struct report *r);
void text_coverage(struct report *r);
void text_quality(struct report *r);
/* "3 findings: 1 critical, 2 high", and the accepted ones. */
#define TALLY_TEXT 200
const char *text_tally(const struct document *d, char text[TALLY_TEXT]);

#endif
