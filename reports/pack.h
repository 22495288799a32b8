/*
 * pack.h - records as columns: what stands in one column is alike, and deflates to a fraction of
 * what lines do. 20,000 findings that are 37 MB of lines become 1.1 MB.
 *
 * A column of n values is one of
 *   {"c": value}                     all are this one
 *   {"u": column, "n": m, "i": [..]} m distinct values, and which of them each is
 *   {"o": {key: column, ..}}         objects; a key that only some have is {"h": [..], "c":
 * column}, runs of those that do and that do not, in turns
 *   {"l": column, "e": column}       lists: their lengths, and all elements
 *   {"t": f, "b": seconds, "d": [..]} times with f fraction digits: steps of the smallest unit from
 *                                    second b of 1970 on
 *   {"d": [..]}                      whole numbers: the steps from each to the next
 *   {"v": [..]}                      anything else, as it is
 * reports/page/src/unpack.js is the other side of it.
 */
#ifndef ROLECALL_REPORTS_PACK_H
#define ROLECALL_REPORTS_PACK_H

#include "reports/document.h"

/* A new reference; NULL: out of memory. The values are borrowed. */
json_t *pack_column(json_t *const *values, size_t count) MUST_USE;

/* RFC 3339 in UTC as the records write it: seconds since 1970 and the fraction as a number of
 * `digits` digits. False: it is another text. */
struct pack_time {
    int64_t seconds;
    uint32_t fraction;
    uint8_t digits;
};
bool pack_time(const char *text, struct pack_time *ret);

#endif
