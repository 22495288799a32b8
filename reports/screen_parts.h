/*
 * screen_parts.h - the parts of the live screen; only screen*.c include it.
 */
#ifndef ROLECALL_REPORTS_SCREEN_PARTS_H
#define ROLECALL_REPORTS_SCREEN_PARTS_H

#include "reports/screen.h"
#include "reports/text_figures.h"

struct area { /* rows of the canvas, from `row` on, columns [column, end) */
    unsigned row, rows, column, end;
};

struct pen area_pen(const struct area *a, unsigned line);

/* screen_pages.c */
void screen_findings(struct canvas *c, const struct area *a, struct screen_view *v);
void screen_hosts(struct canvas *c, const struct area *a, const struct screen_model *m,
                  struct screen_view *v);
void screen_protocols(struct canvas *c, const struct area *a, const struct screen_model *m,
                      struct screen_view *v);
void screen_overview(struct canvas *c, const struct area *a, const struct screen_model *m,
                     struct screen_view *v);

/* screen_text.c: a text of many lines, scrolled. */
void screen_text(struct canvas *c, const struct area *a, const struct screen_model *m,
                 struct screen_view *v);

/* The finding that is selected; NULL: there is none. */
const struct finding *screen_selected(const struct screen_view *v);
const char *figure_bits(double bits, char text[FIGURE_TEXT]); /* "12.3 Mbit/s" */

#endif
