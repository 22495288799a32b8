/*
 * text_layout.h - words laid into lines: wrapping, hanging indents, columns, colour.
 *
 * Text of the wire is made harmless here: what is not UTF-8 becomes U+FFFD, and characters that
 * steer a terminal, turn the reading direction or cannot be seen are shown as "\x1b" or "\u202e".
 * No line ends in a blank.
 *
 * Units:  columns of a terminal cell; East Asian wide characters take two.
 * Limits: a word longer than LAYOUT_WORD octets is cut and ends in U+2026.
 */
#ifndef ROLECALL_REPORTS_TEXT_LAYOUT_H
#define ROLECALL_REPORTS_TEXT_LAYOUT_H

#include <stdbool.h>

#include "policy/policy.h"
#include "reports/output.h"
#include "reports/text.h"

#define LAYOUT_WORD 2048

/* With `marks` of the style, a change of ink is this octet and LAYOUT_MARK_FIRST plus the ink. No
 * text of the wire can look like it, since control characters are shown as "\\x0e". */
#define LAYOUT_MARK '\016'
#define LAYOUT_MARK_FIRST 'A'

enum ink {
    INK_PLAIN,
    INK_STRONG,
    INK_FAINT,
    INK_CRITICAL,
    INK_HIGH,
    INK_MEDIUM,
    INK_LOW,
    INK_INFO,
    INK_GOOD
};

struct layout {
    struct output *out;
    unsigned width;
    bool color, marks;
    unsigned hang;   /* column at which a wrapped line goes on */
    unsigned column; /* columns written of this line */
    unsigned next;   /* column at which the next word begins */
    bool empty;      /* no word in this line yet */
    enum ink ink;    /* in force where the line ends now */
};

void layout_init(struct layout *l, struct output *out, const struct text_style *style);
/* A new line: its words begin at `indent`, and at `hang` where it wraps. */
void layout_begin(struct layout *l, unsigned indent, unsigned hang);
/* Words, separated by blanks or line ends; words of two calls are separated too. */
void layout_text(struct layout *l, enum ink ink, const char *text);
void layout_format(struct layout *l, enum ink ink, const char *format, ...) PRINTF_LIKE(3, 4);
/* A word that is not broken, however long: an address that somebody wants to click. */
void layout_unbroken(struct layout *l, enum ink ink, const char *text);
/* Words that stay in one line, where a line has room for them all: "port 445". */
void layout_together(struct layout *l, enum ink ink, const char *text);
/* The next word begins at `column`, in a new line when this one is past it. */
void layout_column(struct layout *l, unsigned column);
/* The next word, one without blanks, ends before `column`. */
void layout_right(struct layout *l, enum ink ink, unsigned column, const char *word);
void layout_end(struct layout *l);
void layout_blank(struct layout *l); /* an empty line */

enum ink layout_severity_ink(enum severity s);

#endif
