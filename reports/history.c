#include "reports/history.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "reports/text_figures.h"
#include "reports/text_layout.h"

/* Columns: where one begins, or, of numbers, ends. */
enum { AT_ID = 5, AT_MADE = 7, AT_TRAFFIC = 25, AT_COUNTS = 42, AT_POLICY = 99 };

static const struct {
    const char *head, *path;
    unsigned width;
    enum ink ink;
} counts[] = {
    {"CRITICAL", "findings.critical", 9, INK_CRITICAL},
    {"HIGH", "findings.high", 8, INK_HIGH},
    {"MEDIUM", "findings.medium", 8, INK_MEDIUM},
    {"LOW", "findings.low", 7, INK_LOW},
    {"INFO", "findings.info", 7, INK_INFO},
    {"ACCEPTED", "findings.accepted", 10, INK_FAINT},
};
#define COUNTS (sizeof counts / sizeof *counts)

const char *history_time(const char *time, char text[HISTORY_TIME])
{
    bool whole = time != NULL && strlen(time) >= 16;
    (void)snprintf(text, HISTORY_TIME, "%.10s%s%.5s", whole ? time : "-", whole ? " " : "",
                   whole ? time + 11 : "");
    return text;
}

/* The worst letter of any chapter; "-" where nothing was judged. */
static const char *worst_grade(const json_t *audit)
{
    const json_t *grades = member_at(audit, "grades");
    const char *worst = NULL;
    for (size_t i = 0; i < json_array_size(grades); i++) {
        const char *grade = member_text(json_array_get(grades, i), "grade");
        worst = grade != NULL && (worst == NULL || strcmp(grade, worst) > 0) ? grade : worst;
    }
    return worst == NULL ? "-" : worst;
}

static void put_time(struct layout *l, unsigned column, const char *time)
{
    char text[HISTORY_TIME];
    layout_column(l, column);
    layout_together(l, INK_PLAIN, history_time(time, text));
}

static void put_head(struct layout *l)
{
    unsigned column = AT_COUNTS;
    layout_begin(l, 0, AT_POLICY);
    layout_right(l, INK_FAINT, AT_ID, "AUDIT");
    layout_column(l, AT_MADE);
    layout_text(l, INK_FAINT, "MADE");
    layout_column(l, AT_TRAFFIC);
    layout_text(l, INK_FAINT, "TRAFFIC");
    for (size_t i = 0; i < COUNTS; i++) {
        column += counts[i].width;
        layout_right(l, INK_FAINT, column, counts[i].head);
    }
    layout_column(l, column + 1);
    layout_text(l, INK_FAINT, "GRADE");
    layout_column(l, AT_POLICY);
    layout_text(l, INK_FAINT, "POLICY");
    layout_end(l);
}

static void put_audit(struct layout *l, const json_t *audit)
{
    char figure[FIGURE_TEXT];
    unsigned column = AT_COUNTS;
    const char *made = member_text(audit, "generated");
    layout_begin(l, 0, AT_POLICY);
    (void)snprintf(figure, sizeof figure, "%" PRIu64, member_number(audit, "id"));
    layout_right(l, INK_STRONG, AT_ID, figure);
    put_time(l, AT_MADE, made != NULL ? made : member_text(audit, "stored"));
    put_time(l, AT_TRAFFIC, member_text(audit, "start"));
    for (size_t i = 0; i < COUNTS; i++) {
        uint64_t count = member_number(audit, counts[i].path);
        column += counts[i].width;
        layout_right(l, count == 0 ? INK_FAINT : counts[i].ink, column,
                     figure_count(count, figure));
    }
    layout_column(l, column + 1);
    layout_text(l, INK_PLAIN, worst_grade(audit));
    layout_column(l, AT_POLICY);
    layout_text(l, INK_PLAIN,
                member_text(audit, "policy") == NULL ? "-" : member_text(audit, "policy"));
    layout_end(l);
}

void history_list(struct output *out, const struct text_style *style, const struct document *d)
{
    struct layout l;
    struct text_style wide = *style;
    /* A table: a line an audit, however narrow the terminal. */
    wide.width = AT_POLICY + LAYOUT_WORD;
    layout_init(&l, out, &wide);
    put_head(&l);
    for (size_t i = 0; i < d->history.count; i++) {
        put_audit(&l, d->history.at[i]);
    }
}
