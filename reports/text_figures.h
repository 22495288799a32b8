/*
 * text_figures.h - numbers, sizes and times as people read them.
 *
 * Units:  octets in powers of 1000; times in ns since the Unix epoch, UTC.
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
/* "2026-11-22 14:33:13.374238", without the date when `day` is the day it is of. */
const char *figure_time(int64_t ns, uint8_t precision, int64_t day, char text[FIGURE_TEXT]);
#define FIGURE_NO_DAY INT64_MIN
int64_t figure_day(int64_t ns);

#endif
