/*
 * screen_canvas.h - a page of terminal cells in memory: what is shown, before any terminal.
 *
 * Text of the wire is made harmless here as in reports (glyph.h): no cell ever holds a control
 * character, however hostile the name. Where the terminal has no UTF-8 (`ascii`), each column of
 * another character is a question mark.
 *
 * Owner:  canvas_done frees the cells. Everything is clipped; any size, also 0, is fine.
 * Limits: LIMIT_SCREEN_COLUMNS, LIMIT_SCREEN_ROWS.
 */
#ifndef ROLECALL_REPORTS_SCREEN_CANVAS_H
#define ROLECALL_REPORTS_SCREEN_CANVAS_H

#include "reports/text_layout.h"

#define CELL_TEXT 8 /* a character of 4 octets, and one accent */

struct cell {
    char text[CELL_TEXT]; /* UTF-8; "": the right half of a wide character */
    uint8_t ink;          /* enum ink */
    bool reverse;
};

struct canvas {
    struct cell *cells; /* row by row */
    unsigned rows, columns;
    size_t room;
    bool ascii;
};

/* A blank canvas of that size; false: no memory, and nothing can be drawn. */
bool canvas_begin(struct canvas *c, unsigned rows, unsigned columns) MUST_USE;
void canvas_done(struct canvas *c);
/* NULL where there is none. */
struct cell *canvas_cell(const struct canvas *c, unsigned row, unsigned column);

struct pen { /* where the next text goes: [column, end) of the row */
    unsigned row, column, end;
};

/* What does not fit ends in U+2026, without UTF-8 in '~'. */
void canvas_text(struct canvas *c, struct pen *p, enum ink ink, const char *text);
void canvas_format(struct canvas *c, struct pen *p, enum ink ink, const char *format, ...)
    PRINTF_LIKE(4, 5);
/* Ends before p->end, which moves to a blank before it. */
void canvas_right(struct canvas *c, struct pen *p, enum ink ink, const char *text);
/* A line of a layout with marks (text_layout.h). */
void canvas_marked(struct canvas *c, struct pen *p, const char *line, size_t len);
/* `eighths` of a column, filled from the left. */
void canvas_bar(struct canvas *c, struct pen *p, enum ink ink, unsigned eighths);
void canvas_reverse(struct canvas *c, unsigned row);

/* One character, 0 (lowest) to 7, of a chart that is one line high. */
const char *canvas_level(const struct canvas *c, unsigned level);

#endif
