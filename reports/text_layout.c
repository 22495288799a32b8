#include "reports/text_layout.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "dissect/text.h"
#include "reports/glyph.h"

#define DEFAULT_WIDTH 100
#define LEAST_ROOM 16 /* columns that a line keeps for words, however deep its indent */

/* ---- lines ---- */

void layout_init(struct layout *l, struct output *out, const struct text_style *style)
{
    *l = (struct layout){.out = out,
                         .width = style->width == 0 ? DEFAULT_WIDTH : style->width,
                         .color = style->color,
                         .marks = style->marks,
                         .empty = true};
}

void layout_begin(struct layout *l, unsigned indent, unsigned hang)
{
    unsigned most = l->width < LEAST_ROOM ? 0 : l->width - LEAST_ROOM;
    l->column = 0;
    l->empty = true;
    l->next = indent < most ? indent : most;
    l->hang = hang < most ? hang : most;
}

void layout_blank(struct layout *l)
{
    output_line(l->out);
}

/* Colour never runs over the end of a line, nor over the blanks between two inks. */
static void paint(struct layout *l, enum ink ink)
{
    static const char *const codes[] = {"",          "\33[1m",  "\33[2m",  "\33[1;97;41m",
                                        "\33[1;31m", "\33[33m", "\33[36m", "\33[34m",
                                        "\33[32m"};
    if (l->marks && l->ink != ink) {
        const char mark[] = {LAYOUT_MARK, (char)(LAYOUT_MARK_FIRST + (int)ink)};
        output_octets(l->out, mark, sizeof mark);
    } else if (l->color && l->ink != ink) {
        output_text(l->out, ink == INK_PLAIN ? "\33[0m" : codes[ink]);
    }
    l->ink = ink;
}

void layout_end(struct layout *l)
{
    paint(l, INK_PLAIN);
    output_line(l->out);
    l->column = 0;
    l->empty = true;
}

static void wrap(struct layout *l)
{
    layout_end(l);
    l->next = l->hang;
}

static void move_to_next(struct layout *l, enum ink ink)
{
    if (l->ink != ink) {
        paint(l, INK_PLAIN);
    }
    static const char blanks[] = "                                                  ";
    while (l->column < l->next) {
        unsigned missing = l->next - l->column;
        unsigned count = missing < sizeof blanks - 1 ? missing : (unsigned)sizeof blanks - 1;
        output_octets(l->out, blanks, count);
        l->column += count;
    }
    paint(l, ink);
}

static unsigned word_columns(const char *word, size_t len)
{
    unsigned columns = 0;
    for (size_t i = 0, used = 0; i < len; i += used) {
        columns += glyph_of(word + i, &used).columns;
    }
    return columns;
}

/* Nearly all words: octets that are shown as they are, a column each. */
static bool is_plain(struct bytes word)
{
    for (size_t i = 0; i < word.len; i++) {
        if (word.at[i] < ' ' || word.at[i] >= 0x7f) {
            return false;
        }
    }
    return true;
}

static void add_glyphs(struct layout *l, enum ink ink, struct bytes raw, bool breakable)
{
    char word[LAYOUT_WORD];
    size_t len = text_from_utf8(raw, word, sizeof word);
    if (!l->empty && l->next + word_columns(word, len) > l->width) {
        wrap(l);
    }
    move_to_next(l, ink);
    for (size_t i = 0, used = 0; i < len; i += used) {
        struct glyph g = glyph_of(word + i, &used);
        if (breakable && l->column + g.columns > l->width) {
            wrap(l);
            move_to_next(l, ink);
        }
        output_octets(l->out, g.text, g.len);
        l->column += g.columns;
        l->empty = false;
    }
    l->next = l->column + 1;
}

static void add_word(struct layout *l, enum ink ink, struct bytes raw, bool breakable)
{
    bool plain = is_plain(raw);
    if (plain && !l->empty && l->next + raw.len > l->width) {
        wrap(l);
    }
    if (!plain || l->next + raw.len > l->width) {
        add_glyphs(l, ink, raw, breakable);
        return;
    }
    move_to_next(l, ink);
    output_octets(l->out, raw.at, raw.len);
    l->column += (unsigned)raw.len;
    l->empty = l->empty && raw.len == 0;
    l->next = l->column + 1;
}

void layout_text(struct layout *l, enum ink ink, const char *text)
{
    for (;;) {
        while (*text == ' ' || *text == '\n') {
            text++;
        }
        size_t len = 0;
        while (text[len] != '\0' && text[len] != ' ' && text[len] != '\n') {
            len++;
        }
        if (len == 0) {
            return;
        }
        add_word(l, ink, bytes_of(text, len), true);
        text += len;
    }
}

void layout_unbroken(struct layout *l, enum ink ink, const char *text)
{
    add_word(l, ink, bytes_text(text), false);
}

static size_t text_columns(const char *text)
{
    struct bytes raw = bytes_text(text);
    if (is_plain(raw)) {
        return raw.len;
    }
    char valid[LAYOUT_WORD];
    return word_columns(valid, text_from_utf8(raw, valid, sizeof valid));
}

void layout_together(struct layout *l, enum ink ink, const char *text)
{
    if (text_columns(text) <= l->width - l->hang) {
        layout_unbroken(l, ink, text);
    } else {
        layout_text(l, ink, text);
    }
}

void layout_format(struct layout *l, enum ink ink, const char *format, ...)
{
    char text[LAYOUT_WORD];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    layout_text(l, ink, text);
}

void layout_column(struct layout *l, unsigned column)
{
    if (!l->empty && l->column >= column) {
        wrap(l);
    }
    l->next = column;
}

void layout_right(struct layout *l, enum ink ink, unsigned column, const char *word)
{
    /* Figures and headings of our own: valid UTF-8. */
    unsigned columns = word_columns(word, strlen(word));
    layout_column(l, columns < column ? column - columns : 0);
    add_word(l, ink, bytes_text(word), false);
}

enum ink layout_severity_ink(enum severity s)
{
    static const enum ink inks[] = {
        [SEVERITY_OFF] = INK_PLAIN, [SEVERITY_INFO] = INK_INFO,
        [SEVERITY_LOW] = INK_LOW,   [SEVERITY_MEDIUM] = INK_MEDIUM,
        [SEVERITY_HIGH] = INK_HIGH, [SEVERITY_CRITICAL] = INK_CRITICAL,
    };
    return inks[s];
}
