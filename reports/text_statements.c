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

static void add_row(struct report *r, const json_t *statement)
{
    static const char *const names[] = {"violated", "consistent", "not observed", "not assessable"};
    static const enum ink inks[] = {INK_HIGH, INK_GOOD, INK_FAINT, INK_FAINT}; /* by status */
    unsigned status = text_status(statement);
    const json_t *judges = member_at(statement, "rules");
    /* What packets cannot tell at all is something that it permits or describes. */
    bool permits = strcmp(member_or_empty(statement, "seen"), "no") == 0;
    layout_begin(&r->l, 0, DEMAND_COLUMN);
    layout_text(&r->l, INK_PLAIN, member_or_empty(statement, "id"));
    layout_column(&r->l, STATUS_COLUMN);
    layout_text(&r->l, inks[status], permits ? "permits" : names[status]);
    layout_column(&r->l, DEMAND_COLUMN);
    layout_text(&r->l, INK_PLAIN, member_or_empty(statement, "demands"));
    for (size_t i = 0; i < json_array_size(judges); i++) {
        const char *code = json_string_value(json_array_get(judges, i));
        layout_format(&r->l, INK_FAINT, "%s%s%s", i == 0 ? "[" : "", code == NULL ? "" : code,
                      i + 1 == json_array_size(judges) ? "]" : "");
    }
    layout_end(&r->l);
}

/* ---- why not ---- */

struct entry {
    const char *id, *because;
    size_t place;
};

static int by_reason(const void *left, const void *right)
{
    const struct entry *x = left, *y = right;
    int by = strcmp(x->because, y->because);
    return by != 0 ? by : (x->place > y->place) - (x->place < y->place);
}

static size_t run_of(const struct entry *e, size_t count)
{
    size_t n = 1;
    while (n < count && strcmp(e[n].because, e->because) == 0) {
        n++;
    }
    return n;
}

static void add_reason(struct report *r, const struct entry *e, size_t count)
{
    layout_begin(&r->l, 2, 4);
    layout_text(&r->l, INK_PLAIN, e->because);
    layout_end(&r->l);
    layout_begin(&r->l, 4, 4);
    for (size_t i = 0; i < count; i++) {
        layout_text(&r->l, INK_FAINT, e[i].id);
    }
    layout_end(&r->l);
}

static void add_reasons(struct report *r)
{
    const struct document_part *all = &r->d->statements;
    struct entry *open = calloc(all->count + 1, sizeof *open);
    size_t n = 0;
    for (size_t i = 0; open != NULL && i < all->count; i++) {
        if (text_status(all->at[i]) >= VERDICT_NOT_OBSERVED) {
            open[n] = (struct entry){.id = member_or_empty(all->at[i], "id"),
                                     .because = member_or_empty(all->at[i], "because"),
                                     .place = i};
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
    if (r->d->statements.count == 0) {
        return;
    }
    text_heading(r, "STATEMENTS OF THE SPECIFICATION");
    for (size_t i = 0; i < r->d->statements.count; i++) {
        add_row(r, r->d->statements.at[i]);
    }
    add_reasons(r);
}
