#include "reports/formats.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/text_parts.h"

#define LABEL_COLUMN 10
#define INPUTS_SHOWN 8
#define PROTOCOLS_SHOWN 24
#define SHA256_SHOWN 16 /* digits: enough to tell policies apart, short enough to read out */

void text_heading(struct report *r, const char *heading)
{
    layout_blank(&r->l);
    layout_begin(&r->l, 0, 0);
    layout_text(&r->l, INK_STRONG, heading);
    layout_end(&r->l);
}

static void label(struct report *r, const char *text)
{
    layout_begin(&r->l, 0, LABEL_COLUMN);
    layout_text(&r->l, INK_FAINT, text);
    layout_column(&r->l, LABEL_COLUMN);
}

unsigned text_status(const json_t *record)
{
    const char *word = member_or_empty(record, "status");
    unsigned s = 0;
    while (s < VERDICT_NOT_ASSESSABLE &&
           strcmp(verdict_status_name((enum verdict_status)s), word) != 0) {
        s++;
    }
    return s;
}

static uint64_t findings_of(const struct document *d, const char *severity)
{
    char path[40];
    (void)snprintf(path, sizeof path, "findings.%s", severity);
    return member_number(d->summary, path);
}

const char *text_tally(const struct document *d, char text[TALLY_TEXT])
{
    char figure[FIGURE_TEXT];
    uint64_t all = 0, accepted = findings_of(d, "accepted");
    for (unsigned s = SEVERITY_INFO; s <= SEVERITY_CRITICAL; s++) {
        all += findings_of(d, severity_name((enum severity)s));
    }
    int n = snprintf(text, TALLY_TEXT, "%s finding%s", all == 0 ? "no" : figure_count(all, figure),
                     all == 1 ? "" : "s");
    const char *before = ": ";
    for (unsigned s = SEVERITY_CRITICAL; s >= SEVERITY_INFO; s--) {
        const char *name = severity_name((enum severity)s);
        uint64_t count = findings_of(d, name);
        if (count > 0) {
            n += snprintf(text + n, TALLY_TEXT - (size_t)n, "%s%s %s", before,
                          figure_count(count, figure), name);
            before = ", ";
        }
    }
    if (accepted > 0) {
        (void)snprintf(text + n, TALLY_TEXT - (size_t)n, "; %s accepted",
                       figure_count(accepted, figure));
    }
    return text;
}

/* ---- what was audited ---- */

static void add_inputs(struct report *r)
{
    const json_t *inputs = member_at(r->d->summary, "input.files");
    size_t count = json_array_size(inputs);
    uint64_t files = member_number(r->d->audit, "captures");
    label(r, "Input");
    for (size_t i = 0; i < count && i < INPUTS_SHOWN; i++) {
        const char *input = json_string_value(json_array_get(inputs, i));
        layout_format(&r->l, INK_PLAIN, "%s%s",
                      input == NULL || strcmp(input, "-") == 0 ? "standard input" : input,
                      i + 1 < count ? "," : "");
    }
    if (count > INPUTS_SHOWN) {
        layout_format(&r->l, INK_PLAIN, "and %zu more", count - INPUTS_SHOWN);
    }
    if (files > count) {
        layout_format(&r->l, INK_PLAIN, "(%" PRIu64 " files)", files);
    }
    layout_end(&r->l);
}

static void add_time(struct report *r)
{
    const char *first = member_or_empty(r->d->summary, "input.first");
    const char *last = member_or_empty(r->d->summary, "input.last");
    char from[FIGURE_TEXT], to[FIGURE_TEXT], length[FIGURE_TEXT];
    label(r, "Time");
    if (member_number(r->d->summary, "input.packets") == 0) {
        layout_text(&r->l, INK_PLAIN, "no packets");
    } else {
        double seconds = ((double)time_of_text(last) - (double)time_of_text(first)) / 1e9;
        layout_format(&r->l, INK_PLAIN, "%s to %s UTC (%s)", figure_time(first, NULL, from),
                      figure_time(last, r->day, to), figure_seconds(seconds, length));
    }
    layout_end(&r->l);
}

struct used_protocol {
    const char *name;
    uint64_t flows;
};

static int by_flows(const void *left, const void *right)
{
    const struct used_protocol *x = left, *y = right;
    if (x->flows != y->flows) {
        return x->flows > y->flows ? -1 : 1;
    }
    return strcmp(x->name, y->name);
}

/* Most used first. */
static void add_protocols(struct report *r)
{
    char figure[FIGURE_TEXT];
    json_t *counts = (json_t *)member_at(r->d->summary, "protocols"); /* iterators are not const */
    size_t count = json_object_size(counts), n = 0;
    struct used_protocol *all = calloc(count + 1, sizeof *all);
    label(r, "Protocols");
    for (void *at = all == NULL ? NULL : json_object_iter(counts); at != NULL;
         at = json_object_iter_next(counts, at)) {
        all[n++] = (struct used_protocol){
            .name = json_object_iter_key(at),
            .flows = (uint64_t)json_integer_value(json_object_iter_value(at))};
    }
    if (all != NULL) {
        qsort(all, n, sizeof *all, by_flows);
    }
    for (size_t i = 0; i < n && i < PROTOCOLS_SHOWN; i++) {
        layout_format(&r->l, INK_PLAIN, "%s %s%s", all[i].name, figure_count(all[i].flows, figure),
                      i + 1 < n ? "," : "");
    }
    if (count > PROTOCOLS_SHOWN) {
        layout_format(&r->l, INK_PLAIN, "and %zu more", count - PROTOCOLS_SHOWN);
    }
    layout_text(&r->l, INK_PLAIN, count == 0 ? "none" : "");
    layout_end(&r->l);
    free(all);
}

/* A file that the audit rests on: "policy" or "matrix" of the summary. */
static void add_hashed(struct report *r, const char *what, const char *key)
{
    const json_t *file = member_at(r->d->summary, key);
    if (file != NULL) {
        label(r, what);
        layout_format(&r->l, INK_PLAIN, "%s (sha256 %.*s...)", member_or_empty(file, "path"),
                      SHA256_SHOWN, member_or_empty(file, "sha256"));
        layout_end(&r->l);
    }
}

static void add_head(struct report *r)
{
    const json_t *summary = r->d->summary;
    uint64_t packets = member_number(summary, "input.packets");
    uint64_t flows = member_number(summary, "flows");
    char count[FIGURE_TEXT], octets[FIGURE_TEXT], conversations[FIGURE_TEXT], tally[TALLY_TEXT];
    layout_begin(&r->l, 0, 0);
    layout_format(&r->l, INK_STRONG,
                  "rolecall %s: audit of captured traffic against a declared hierarchy",
                  member_or_empty(r->d->audit, "version"));
    layout_end(&r->l);
    layout_blank(&r->l);
    add_inputs(r);
    add_time(r);
    label(r, "Traffic");
    layout_format(&r->l, INK_PLAIN, "%s packet%s, %s, %s conversation%s",
                  figure_count(packets, count), packets == 1 ? "" : "s",
                  figure_octets(member_number(summary, "input.bytes"), octets),
                  figure_count(flows, conversations), flows == 1 ? "" : "s");
    layout_end(&r->l);
    add_protocols(r);
    add_hashed(r, "Policy", "policy");
    add_hashed(r, "Matrix", "matrix");
    label(r, "Result");
    layout_text(&r->l, INK_STRONG, text_tally(r->d, tally));
    layout_end(&r->l);
}

/* ---- the last line ---- */

static void add_tail(struct report *r, enum severity fail_on)
{
    enum severity from = fail_on == SEVERITY_OFF ? SEVERITY_LOW : fail_on;
    char tally[TALLY_TEXT];
    uint64_t counted = 0;
    for (unsigned s = from; s <= SEVERITY_CRITICAL; s++) {
        counted += findings_of(r->d, severity_name((enum severity)s));
    }
    layout_blank(&r->l);
    layout_begin(&r->l, 0, 0);
    layout_format(&r->l, counted > 0 ? INK_HIGH : INK_GOOD, "%s.", text_tally(r->d, tally));
    layout_format(&r->l, INK_PLAIN, "Exit status %d: %s at or above %s.", counted > 0,
                  counted > 0 ? "findings" : "none", severity_name(from));
    layout_end(&r->l);
}

void render_text(struct output *out, const struct document *d, const struct render_options *o)
{
    const char *first = member_or_empty(d->summary, "input.first");
    const char *last = member_or_empty(d->summary, "input.last");
    struct report r = {.d = d, .full = o->style.full, .octets = o->style.octets};
    layout_init(&r.l, out, &o->style);
    if (*first != '\0' && strncmp(first, last, FIGURE_DAY) == 0) {
        r.day = first;
    }
    add_head(&r);
    text_findings(&r);
    text_verdicts(&r);
    text_statements(&r);
    text_coverage(&r);
    text_quality(&r);
    add_tail(&r, o->style.fail_on);
}
