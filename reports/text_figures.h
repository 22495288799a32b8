/*
 * text_figures.h - numbers, sizes and times as people read them.
 *
 * Units:  octets in powers of 1000.
 */
#ifndef ROLECALL_REPORTS_TEXT_FIGURES_H
#define ROLECALL_REPORTS_TEXT_FIGURES_H

#include <stdbool.h>
#include <stdint.h>

#define FIGURE_TEXT 48

/* All return `text`. */
const char *figure_count(uint64_t n, char text[FIGURE_TEXT]);  /* "1,234,567" */
const char *figure_octets(uint64_t n, char text[FIGURE_TEXT]); /* "12.3 MB" */
const char *figure_seconds(double seconds,
                           char text[FIGURE_TEXT]); /* "5.7 s", "28 min 58 s", "3 h 12 min" */
/* "2026-11-22 14:33:13.374238" of a record's time, without the date when it is `day`, which is a
 * time too; NULL: no day. */
#define FIGURE_DAY 10 /* octets of a date */
const char *figure_time(const char *rfc3339, const char *day, char text[FIGURE_TEXT]);

#endif
