/*
 * text_coverage.c - which rows of the matrix the capture covers: of those that the hierarchy needs,
 * a line for each that was seen, and the names of the others.
 */
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

static void add_row(struct report *r, const json_t *row, uint64_t answered, uint64_t unanswered)
{
    char first[FIGURE_TEXT], second[FIGURE_TEXT];
    layout_begin(&r->l, 0, ENDS_COLUMN);
    layout_text(&r->l, INK_PLAIN, member_or_empty(row, "row"));
    layout_column(&r->l, CLASS_COLUMN);
    layout_text(&r->l, INK_PLAIN, member_or_empty(row, "class"));
    layout_column(&r->l, ENDS_COLUMN);
    layout_format(&r->l, INK_PLAIN, "%s to %s", member_or_empty(row, "from"),
                  member_or_empty(row, "to"));
    add_figures(r, figures_column(r), INK_PLAIN,
                answered == 0 ? "-" : figure_count(answered, first),
                unanswered == 0 ? "-" : figure_count(unanswered, second));
}

/* A row that was not seen is in the document only where it is needed. */
void text_coverage(struct report *r)
{
    const struct document_part *rows = &r->d->coverage;
    unsigned seen = 0;
    text_heading(r, "COVERAGE OF THE MATRIX (conversations, by row that the hierarchy needs)");
    layout_begin(&r->l, 0, 0);
    add_figures(r, figures_column(r), INK_FAINT, "answered", "unanswered");
    for (size_t i = 0; i < rows->count; i++) {
        uint64_t answered = member_number(rows->at[i], "answered");
        uint64_t unanswered = member_number(rows->at[i], "unanswered");
        if (answered + unanswered > 0) {
            add_row(r, rows->at[i], answered, unanswered);
            seen++;
        }
    }
    layout_begin(&r->l, 2, 4);
    layout_text(&r->l, INK_PLAIN, seen == 0 ? "None was seen. Needed:" : "Needed and not seen:");
    for (size_t i = 0; i < rows->count; i++) {
        if (member_number(rows->at[i], "answered") + member_number(rows->at[i], "unanswered") ==
            0) {
            layout_text(&r->l, INK_FAINT, member_or_empty(rows->at[i], "row"));
        }
    }
    layout_text(&r->l, INK_PLAIN,
                seen == rows->count ? "none." : "(rolecall matrix tells what they are).");
    layout_end(&r->l);
}
