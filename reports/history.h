/*
 * history.h - the list of stored audits, for people.
 */
#ifndef ROLECALL_REPORTS_HISTORY_H
#define ROLECALL_REPORTS_HISTORY_H

#include "reports/document.h"
#include "reports/text.h"

/* Of the records that store_history writes, one line each. */
void history_list(struct output *out, const struct text_style *style, const struct document *d);
/* "2026-11-22 14:33" of a record's time; "-" where there is none. */
#define HISTORY_TIME 20
const char *history_time(const char *time, char text[HISTORY_TIME]);

#endif
