/*
 * text_verdicts.c - the audit's answer per rule, then what it could not see, by reason.
 *
 * Subjects that share a reason stand together, and rules that share reason and subjects too: with
 * hundreds of hosts it is a page, not a book. The records have every subject on a line of its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/text_parts.h"

#define NAME_COLUMN 6
#define COUNT_COLUMNS 11
#define STATUSES (VERDICT_NOT_ASSESSABLE + 1)
#define SUBJECTS_SHOWN 20

struct answer { /* a verdict of the document */
    const char *code, *name, *subject, *because;
    unsigned status;
};

/* Like texts of a document are mostly one. */
static int by_text(const char *x, const char *y)
{
    return x == y ? 0 : strcmp(x, y);
}

static bool same_rule(const struct answer *x, const struct answer *y)
{
    return by_text(x->name, y->name) == 0;
}

/* The caller frees; NULL: out of memory. */
static struct answer *answers_of(const struct document *d)
{
    struct answer *all = calloc(d->verdicts.count + 1, sizeof *all);
    for (size_t i = 0; all != NULL && i < d->verdicts.count; i++) {
        const json_t *v = d->verdicts.at[i];
        all[i] = (struct answer){.code = member_or_empty(v, "code"),
                                 .name = member_or_empty(v, "rule"),
                                 .subject = member_or_empty(v, "subject"),
                                 .because = member_or_empty(v, "because"),
                                 .status = text_status(v)};
    }
    return all;
}

/* ---- the table ---- */

static unsigned counts_column(const struct report *r, const struct answer *answers, size_t count)
{
    size_t widest = 24;
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(answers[i].name);
        widest = len > widest ? len : widest;
    }
    size_t most = r->l.width > NAME_COLUMN + STATUSES * COUNT_COLUMNS
                      ? r->l.width - STATUSES * COUNT_COLUMNS
                      : NAME_COLUMN;
    size_t at = NAME_COLUMN + widest;
    return (unsigned)(at < most ? at : most);
}

static void add_table_head(struct report *r, unsigned at)
{
    static const char *const lines[2][STATUSES] = {
        {"", "", "not", "not"}, {"violated", "consistent", "observed", "assessable"}};
    for (unsigned line = 0; line < 2; line++) {
        layout_begin(&r->l, 0, 0);
        for (unsigned s = 0; s < STATUSES; s++) {
            if (*lines[line][s] != '\0') {
                layout_right(&r->l, INK_FAINT, at + (s + 1) * COUNT_COLUMNS, lines[line][s]);
            }
        }
        layout_end(&r->l);
    }
}

static void add_table_row(struct report *r, unsigned at, const char *code, const char *name,
                          const uint64_t counts[STATUSES])
{
    static const enum ink inks[] = {INK_HIGH, INK_GOOD, INK_PLAIN, INK_PLAIN}; /* by status */
    char figure[FIGURE_TEXT];
    layout_begin(&r->l, 0, NAME_COLUMN);
    layout_text(&r->l, INK_PLAIN, code);
    layout_column(&r->l, NAME_COLUMN);
    layout_text(&r->l, INK_PLAIN, name);
    for (unsigned s = 0; s < STATUSES; s++) {
        layout_right(&r->l, counts[s] == 0 ? INK_FAINT : inks[s], at + (s + 1) * COUNT_COLUMNS,
                     counts[s] == 0 ? "-" : figure_count(counts[s], figure));
    }
    layout_end(&r->l);
}

static void add_table(struct report *r, const struct answer *answers, size_t count)
{
    unsigned at = counts_column(r, answers, count);
    uint64_t all[STATUSES] = {0};
    add_table_head(r, at);
    for (size_t i = 0; i < count;) {
        uint64_t counts[STATUSES] = {0};
        const struct answer *first = &answers[i];
        for (; i < count && same_rule(&answers[i], first); i++) {
            counts[answers[i].status]++;
            all[answers[i].status]++;
        }
        add_table_row(r, at, first->code, first->name, counts);
    }
    add_table_row(r, at, "all", "", all);
}

/* ---- what was not seen, and why ---- */

struct entry {
    const struct answer *answer;
    size_t place;
    bool done; /* the first of its rule: printed with an earlier rule */
};

static int by_reason(const void *left, const void *right)
{
    const struct entry *x = left, *y = right;
    int by = by_text(x->answer->because, y->answer->because);
    return by != 0 ? by : (x->place > y->place) - (x->place < y->place);
}

/* How many entries from `at` on share reason and rule. */
static size_t run_of(const struct entry *e, size_t at, size_t count)
{
    size_t n = 1;
    while (at + n < count && same_rule(e[at + n].answer, e[at].answer) &&
           by_text(e[at + n].answer->because, e[at].answer->because) == 0) {
        n++;
    }
    return n;
}

static bool same_subjects(const struct entry *x, const struct entry *y, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (by_text(x[i].answer->subject, y[i].answer->subject) != 0) {
            return false;
        }
    }
    return true;
}

static void add_subjects(struct report *r, const struct entry *e, size_t count)
{
    /* One more than shown is shown too: "and 1 more" would take its place. */
    size_t shown = count <= SUBJECTS_SHOWN + 1 ? count : SUBJECTS_SHOWN;
    for (size_t i = 0; i < shown; i++) {
        char subject[LAYOUT_WORD];
        (void)snprintf(subject, sizeof subject, "%s%s", e[i].answer->subject,
                       i + 1 < count ? "," : "");
        layout_together(&r->l, INK_PLAIN, subject);
    }
    if (shown < count) {
        layout_format(&r->l, INK_PLAIN, "and %zu more", count - shown);
    }
    layout_end(&r->l);
}

/* The codes of the rule at `at` and of all later ones with the same subjects, which are then done.
 */
static void add_codes(struct report *r, struct entry *e, size_t at, size_t subjects, size_t count)
{
    layout_text(&r->l, INK_FAINT, e[at].answer->code);
    for (size_t i = at + subjects, n = 0; i < count; i += n) {
        n = run_of(e, i, count);
        if (n == subjects && !e[i].done && same_subjects(e + at, e + i, n)) {
            layout_text(&r->l, INK_FAINT, e[i].answer->code);
            e[i].done = true;
        }
    }
}

/* All entries of one reason. */
static void add_reason(struct report *r, struct entry *e, size_t count)
{
    layout_begin(&r->l, 2, 4);
    layout_text(&r->l, INK_PLAIN,
                *e->answer->because == '\0' ? "(no reason was kept)" : e->answer->because);
    layout_end(&r->l);
    for (size_t i = 0, n = 0; i < count; i += n) {
        n = run_of(e, i, count);
        if (!e[i].done) {
            layout_begin(&r->l, 4, 6);
            add_codes(r, e, i, n, count);
            add_subjects(r, e + i, n);
        }
    }
}

static void add_unseen(struct report *r, const struct answer *answers, const char *heading,
                       unsigned status)
{
    size_t all = r->d->verdicts.count, count = 0;
    struct entry *entries = calloc(all + 1, sizeof *entries);
    for (size_t i = 0; entries != NULL && i < all; i++) {
        if (answers[i].status == status) {
            entries[count] = (struct entry){.answer = &answers[i], .place = count};
            count++;
        }
    }
    if (count > 0) {
        qsort(entries, count, sizeof *entries, by_reason);
        text_heading(r, heading);
    }
    for (size_t i = 0, n = 0; i < count; i += n) {
        for (n = 1; i + n < count &&
                    by_text(entries[i + n].answer->because, entries[i].answer->because) == 0;
             n++) {
        }
        add_reason(r, entries + i, n);
    }
    free(entries);
}

void text_verdicts(struct report *r)
{
    struct answer *answers = answers_of(r->d);
    text_heading(r, "VERDICTS (subjects per rule)");
    if (answers == NULL || r->d->verdicts.count == 0) {
        layout_begin(&r->l, 2, 2);
        layout_text(&r->l, INK_PLAIN, "No rule had anything to judge.");
        layout_end(&r->l);
    } else {
        add_table(r, answers, r->d->verdicts.count);
        add_unseen(r, answers, "NOT ASSESSABLE: seen, but something hid the answer",
                   VERDICT_NOT_ASSESSABLE);
        add_unseen(r, answers, "NOT OBSERVED: nothing in the capture tells", VERDICT_NOT_OBSERVED);
    }
    free(answers);
}
