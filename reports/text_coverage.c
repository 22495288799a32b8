/*
 * text_coverage.c - which rows of the matrix the capture covers: of those that the hierarchy needs,
 * a line for each that was seen, and the names of the others.
 */
#include <stdio.h>

#include "policy/coverage.h"
#include "policy/ledger.h"
#include "reports/text_parts.h"

#define CLASS_COLUMN 6
#define ENDS_COLUMN 20
#define FIGURE_COLUMNS 12

static void add_figures(struct report *r, unsigned at, enum ink ink, const char *first,
                        const char *second)
{
    layout_right(&r->l, ink, at + FIGURE_COLUMNS, first);
    layout_right(&r->l, ink, at + 2 * FIGURE_COLUMNS, second);
    layout_end(&r->l);
}

static unsigned figures_column(const struct report *r)
{
    unsigned most = r->l.width > ENDS_COLUMN + 2 * FIGURE_COLUMNS ? r->l.width - 2 * FIGURE_COLUMNS
                                                                  : ENDS_COLUMN;
    return most < 72 ? most : 72;
}

static void add_row(struct report *r, const struct matrix_row *row, const struct row_sight *s)
{
    char answered[FIGURE_TEXT], unanswered[FIGURE_TEXT];
    layout_begin(&r->l, 0, ENDS_COLUMN);
    layout_text(&r->l, INK_PLAIN, row->id);
    layout_column(&r->l, CLASS_COLUMN);
    layout_text(&r->l, INK_PLAIN, matrix_class_name((enum matrix_class)row->of));
    layout_column(&r->l, ENDS_COLUMN);
    layout_format(&r->l, INK_PLAIN, "%s to %s", matrix_side_name(row->from),
                  matrix_side_name(row->to));
    add_figures(r, figures_column(r), INK_PLAIN,
                s->answered == 0 ? "-" : figure_count(s->answered, answered),
                s->unanswered == 0 ? "-" : figure_count(s->unanswered, unanswered));
}

void text_coverage(struct report *r)
{
    const struct coverage *c = audit_coverage(r->audit);
    const struct policy *p = audit_policy(r->audit);
    const struct matrix_table *t = p->matrix_table;
    unsigned seen = 0, unseen = 0;
    text_heading(r, "COVERAGE OF THE MATRIX (conversations, by row that the hierarchy needs)");
    layout_begin(&r->l, 0, 0);
    add_figures(r, figures_column(r), INK_FAINT, "answered", "unanswered");
    for (unsigned i = 0; i < t->count; i++) {
        struct row_sight s = coverage_row(c, &t->rows[i]);
        if (s.answered + s.unanswered > 0) {
            add_row(r, &t->rows[i], &s);
            seen++;
        }
    }
    layout_begin(&r->l, 2, 4);
    layout_text(&r->l, INK_PLAIN, seen == 0 ? "None was seen. Needed:" : "Needed and not seen:");
    for (unsigned i = 0; i < t->count; i++) {
        struct row_sight s = coverage_row(c, &t->rows[i]);
        if (s.answered + s.unanswered == 0 && matrix_row_is_needed(p, &t->rows[i])) {
            layout_text(&r->l, INK_FAINT, t->rows[i].id);
            unseen++;
        }
    }
    layout_text(&r->l, INK_PLAIN, unseen == 0 ? "none." : "(rolecall matrix tells what they are).");
    layout_end(&r->l);
}
