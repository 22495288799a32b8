/*
 * arguments.h - values that the command line and the environment give, read strictly.
 */
#ifndef ROLECALL_REPORTS_ARGUMENTS_H
#define ROLECALL_REPORTS_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

/* A whole number from `least` to `most`, and nothing behind it. */
bool argument_count(const char *text, unsigned long least, unsigned long most, unsigned long *ret);
/* "45s", "15m", "1h", "2d", in seconds. */
bool argument_duration(const char *text, unsigned long *ret);
/* "512M", "2G", or octets; at least 16M. */
bool argument_size(const char *text, size_t *ret);
/* Columns of a report: COLUMNS, else the terminal's width, within what reads well; 0: no terminal.
 */
unsigned argument_width(bool terminal);

#endif
