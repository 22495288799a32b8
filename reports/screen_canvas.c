#include "reports/screen_canvas.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/limits.h"
#include "dissect/text.h"
#include "reports/glyph.h"

#define TEXT_OCTETS 1024 /* of one piece: no line is longer */

/* ---- cells ---- */

bool canvas_begin(struct canvas *c, unsigned rows, unsigned columns)
{
    rows = rows < LIMIT_SCREEN_ROWS ? rows : LIMIT_SCREEN_ROWS;
    columns = columns < LIMIT_SCREEN_COLUMNS ? columns : LIMIT_SCREEN_COLUMNS;
    size_t wanted = (size_t)rows * columns;
    if (wanted > c->room) {
        struct cell *grown = realloc(c->cells, wanted * sizeof *grown);
        if (grown == NULL) {
            c->rows = c->columns = 0;
            return false;
        }
        c->cells = grown;
        c->room = wanted;
    }
    c->rows = rows;
    c->columns = columns;
    for (size_t i = 0; i < wanted; i++) {
        c->cells[i] = (struct cell){.text = " ", .ink = INK_PLAIN};
    }
    return true;
}

void canvas_done(struct canvas *c)
{
    free(c->cells);
    *c = (struct canvas){.ascii = c->ascii};
}

struct cell *canvas_cell(const struct canvas *c, unsigned row, unsigned column)
{
    return row < c->rows && column < c->columns ? &c->cells[(size_t)row * c->columns + column]
                                                : NULL;
}

void canvas_reverse(struct canvas *c, unsigned row)
{
    for (unsigned column = 0; column < c->columns && row < c->rows; column++) {
        canvas_cell(c, row, column)->reverse = true;
    }
}

/* ---- characters ---- */

static unsigned last_column(const struct canvas *c, const struct pen *p)
{
    return p->end < c->columns ? p->end : c->columns;
}

static void put_cell(struct canvas *c, struct pen *p, enum ink ink, const char *text, size_t len)
{
    struct cell *cell = canvas_cell(c, p->row, p->column);
    if (cell != NULL && p->column < p->end) {
        memcpy(cell->text, text, len);
        cell->text[len] = '\0';
        cell->ink = (uint8_t)ink;
    }
    p->column++;
}

/* An accent joins the character before it; of a heap of them the first stays. */
static void put_accent(struct canvas *c, const struct pen *p, const struct glyph *g)
{
    struct cell *cell = p->column == 0 ? NULL : canvas_cell(c, p->row, p->column - 1);
    size_t used = 0;
    if (cell == NULL || c->ascii || cell->text[0] == '\0') {
        return;
    }
    (void)glyph_code(cell->text, &used);
    if (cell->text[used] == '\0' && used + g->len < CELL_TEXT) {
        memcpy(cell->text + used, g->text, g->len + 1);
    }
}

static void put_glyph(struct canvas *c, struct pen *p, enum ink ink, const struct glyph *g)
{
    bool plain = (unsigned char)g->text[0] < 0x80; /* what is shown as "\x1b" too */
    if (g->columns == 0) {
        put_accent(c, p, g);
        return;
    }
    if (!plain && p->column + g->columns > last_column(c, p)) { /* half of it */
        p->column = p->end;
        return;
    }
    for (unsigned i = 0; i < g->columns; i++) {
        if (plain) {
            put_cell(c, p, ink, g->text + i, 1);
        } else if (c->ascii) {
            put_cell(c, p, ink, "?", 1);
        } else {
            put_cell(c, p, ink, g->text, i == 0 ? g->len : 0);
        }
    }
}

static unsigned columns_of(const char *text)
{
    unsigned columns = 0;
    for (size_t used = 0; *text != '\0'; text += used) {
        columns += glyph_of(text, &used).columns;
    }
    return columns;
}

/* ---- text ---- */

static void put_text(struct canvas *c, struct pen *p, enum ink ink, const char *valid)
{
    unsigned end = last_column(c, p);
    bool cut = p->column + columns_of(valid) > end;
    struct pen room = {.row = p->row, .column = p->column, .end = cut && end > 0 ? end - 1 : end};
    for (size_t used = 0; *valid != '\0' && room.column < room.end; valid += used) {
        struct glyph g = glyph_of(valid, &used);
        put_glyph(c, &room, ink, &g);
    }
    if (cut && p->column < end) {
        struct pen last = {.row = p->row, .column = end - 1, .end = end};
        put_cell(c, &last, ink, c->ascii ? "~" : "\u2026", c->ascii ? 1 : strlen("\u2026"));
        room.column = end;
    }
    p->column = room.column;
}

void canvas_text(struct canvas *c, struct pen *p, enum ink ink, const char *text)
{
    char valid[TEXT_OCTETS];
    (void)text_from_utf8(bytes_text(text), valid, sizeof valid);
    put_text(c, p, ink, valid);
}

void canvas_format(struct canvas *c, struct pen *p, enum ink ink, const char *format, ...)
{
    char text[TEXT_OCTETS];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    canvas_text(c, p, ink, text);
}

void canvas_right(struct canvas *c, struct pen *p, enum ink ink, const char *text)
{
    char valid[TEXT_OCTETS];
    (void)text_from_utf8(bytes_text(text), valid, sizeof valid);
    unsigned columns = columns_of(valid), end = last_column(c, p);
    unsigned from = columns < end && end - columns > p->column ? end - columns : p->column;
    struct pen at = {.row = p->row, .column = from, .end = end};
    put_text(c, &at, ink, valid);
    p->end = from > p->column ? from - 1 : p->column;
}

void canvas_marked(struct canvas *c, struct pen *p, const char *line, size_t len)
{
    enum ink ink = INK_PLAIN;
    for (size_t i = 0, used = 0; i < len; i += used) {
        if (line[i] == LAYOUT_MARK && i + 1 < len) {
            ink = (enum ink)(line[i + 1] - LAYOUT_MARK_FIRST);
            used = 2;
            continue;
        }
        struct glyph g = glyph_of(line + i, &used);
        put_glyph(c, p, ink, &g);
    }
}

/* ---- charts ---- */

void canvas_bar(struct canvas *c, struct pen *p, enum ink ink, unsigned eighths)
{
    static const char *const parts[] = {"\u258f", "\u258e", "\u258d", "\u258c",
                                        "\u258b", "\u258a", "\u2589"};
    for (; eighths >= 8; eighths -= 8) {
        put_cell(c, p, ink, c->ascii ? "#" : "\u2588", c->ascii ? 1 : strlen("\u2588"));
    }
    if (eighths > 0 && !c->ascii) {
        put_cell(c, p, ink, parts[eighths - 1], strlen(parts[eighths - 1]));
    } else if (eighths >= 4) {
        put_cell(c, p, ink, "#", 1);
    }
}

const char *canvas_level(const struct canvas *c, unsigned level)
{
    static const char *const blocks[] = {"\u2581", "\u2582", "\u2583", "\u2584",
                                         "\u2585", "\u2586", "\u2587", "\u2588"};
    static const char *const plain[] = {"_", ".", "-", ":", "=", "+", "*", "#"};
    return (c->ascii ? plain : blocks)[level < 8 ? level : 7];
}
