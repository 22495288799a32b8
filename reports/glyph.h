/*
 * glyph.h - one character of valid UTF-8 as it may be shown: what steers a terminal, turns the
 * reading direction or cannot be seen becomes "\\x1b" or "\\u202e".
 *
 * Spec: Unicode 15; UAX #11 for columns.
 */
#ifndef ROLECALL_REPORTS_GLYPH_H
#define ROLECALL_REPORTS_GLYPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct glyph {
    char text[12];
    unsigned len, columns; /* octets; cells of a terminal */
};

/* The first character; *used is its length there. */
uint32_t glyph_code(const char *at, size_t *used);
struct glyph glyph_of(const char *at, size_t *used);
/* Controls, format characters (bidirectional ones among them), line and paragraph separators, tags.
 */
bool glyph_unsafe(uint32_t c);

#endif
