/*
 * text_statements.c - the specification's statements, a line each with its answer, and the reasons
 * of those that were not answered, by reason.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/text_parts.h"

#define STATUS_COLUMN 6
#define DEMAND_COLUMN 22

static const char *shown_status(const struct statement_verdict *v)
{
    static const char *const names[] = {"violated", "consistent", "not observed", "not assessable"};
    return v->statement->reason != NULL ? "permits" : names[v->status];
}

static void add_row(struct report *r, const struct statement_verdict *v)
{
    static const enum ink inks[] = {INK_HIGH, INK_GOOD, INK_FAINT, INK_FAINT}; /* by status */
    layout_begin(&r->l, 0, DEMAND_COLUMN);
    layout_text(&r->l, INK_PLAIN, v->statement->id);
    layout_column(&r->l, STATUS_COLUMN);
    layout_text(&r->l, inks[v->status], shown_status(v));
    layout_column(&r->l, DEMAND_COLUMN);
    layout_text(&r->l, INK_PLAIN, v->statement->demands);
    if (v->judged[0] != '\0') {
        layout_format(&r->l, INK_FAINT, "[%s]", v->judged);
    }
    layout_end(&r->l);
}

/* ---- why not ---- */

struct entry {
    const struct statement_verdict *verdict;
    size_t place;
};

static int by_reason(const void *left, const void *right)
{
    const struct entry *x = left, *y = right;
    int by = strcmp(x->verdict->because, y->verdict->because);
    return by != 0 ? by : (x->place > y->place) - (x->place < y->place);
}

static size_t run_of(const struct entry *e, size_t count)
{
    size_t n = 1;
    while (n < count && strcmp(e[n].verdict->because, e->verdict->because) == 0) {
        n++;
    }
    return n;
}

static void add_reason(struct report *r, const struct entry *e, size_t count)
{
    layout_begin(&r->l, 2, 4);
    layout_text(&r->l, INK_PLAIN, e->verdict->because);
    layout_end(&r->l);
    layout_begin(&r->l, 4, 4);
    for (size_t i = 0; i < count; i++) {
        layout_text(&r->l, INK_FAINT, e[i].verdict->statement->id);
    }
    layout_end(&r->l);
}

static void add_reasons(struct report *r, const struct statement_verdict *all, size_t count)
{
    struct entry *open = calloc(count + 1, sizeof *open);
    size_t n = 0;
    for (size_t i = 0; open != NULL && i < count; i++) {
        if (all[i].status == VERDICT_NOT_OBSERVED || all[i].status == VERDICT_NOT_ASSESSABLE) {
            open[n] = (struct entry){.verdict = &all[i], .place = i};
            n++;
        }
    }
    if (n > 0) {
        qsort(open, n, sizeof *open, by_reason);
        text_heading(r, "STATEMENTS WITHOUT AN ANSWER, AND WHY");
    }
    for (size_t i = 0, same = 0; i < n; i += same) {
        same = run_of(open + i, n - i);
        add_reason(r, open + i, same);
    }
    free(open);
}

void text_statements(struct report *r)
{
    size_t count = 0;
    const struct statement_verdict *all = audit_statements(r->audit, &count);
    if (count == 0) {
        return;
    }
    text_heading(r, "STATEMENTS OF THE SPECIFICATION");
    for (size_t i = 0; i < count; i++) {
        add_row(r, &all[i]);
    }
    add_reasons(r, all, count);
}
