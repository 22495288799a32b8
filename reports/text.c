#include "reports/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/text_parts.h"

#define LABEL_COLUMN 10
#define INPUTS_SHOWN 8
#define PROTOCOLS_SHOWN 24
#define SHA256_SHOWN 8 /* octets: enough to tell policies apart, short enough to read out */

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

const char *text_tally(const struct audit_counts *counts, char text[TALLY_TEXT])
{
    char figure[FIGURE_TEXT];
    uint64_t all = 0;
    for (unsigned s = SEVERITY_INFO; s <= SEVERITY_CRITICAL; s++) {
        all += counts->findings[s];
    }
    int n = snprintf(text, TALLY_TEXT, "%s finding%s", all == 0 ? "no" : figure_count(all, figure),
                     all == 1 ? "" : "s");
    const char *before = ": ";
    for (unsigned s = SEVERITY_CRITICAL; s >= SEVERITY_INFO; s--) {
        if (counts->findings[s] > 0) {
            n += snprintf(text + n, TALLY_TEXT - (size_t)n, "%s%s %s", before,
                          figure_count(counts->findings[s], figure),
                          severity_name((enum severity)s));
            before = ", ";
        }
    }
    if (counts->accepted > 0) {
        (void)snprintf(text + n, TALLY_TEXT - (size_t)n, "; %s accepted",
                       figure_count(counts->accepted, figure));
    }
    return text;
}

/* ---- what was audited ---- */

static void add_inputs(struct report *r)
{
    const struct run *run = r->run;
    label(r, "Input");
    for (size_t i = 0; i < run->input_count && i < INPUTS_SHOWN; i++) {
        const char *input = run->inputs[i];
        layout_format(&r->l, INK_PLAIN, "%s%s", strcmp(input, "-") == 0 ? "standard input" : input,
                      i + 1 < run->input_count ? "," : "");
    }
    if (run->input_count > INPUTS_SHOWN) {
        layout_format(&r->l, INK_PLAIN, "and %zu more", run->input_count - INPUTS_SHOWN);
    }
    size_t files = r->names->source == NULL ? 0 : source_files(r->names->source);
    if (files > run->input_count) {
        layout_format(&r->l, INK_PLAIN, "(%zu files)", files);
    }
    layout_end(&r->l);
}

static void add_time(struct report *r)
{
    const struct source_counts *c = &r->run->source;
    char first[FIGURE_TEXT], last[FIGURE_TEXT], length[FIGURE_TEXT];
    label(r, "Time");
    if (c->packets == 0) {
        layout_text(&r->l, INK_PLAIN, "no packets");
    } else {
        layout_format(&r->l, INK_PLAIN, "%s to %s UTC (%s)",
                      figure_time(c->first_ns, r->run->precision, FIGURE_NO_DAY, first),
                      figure_time(c->last_ns, r->run->precision, r->day, last),
                      figure_seconds(((double)c->last_ns - (double)c->first_ns) / 1e9, length));
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
    const struct run *run = r->run;
    char figure[FIGURE_TEXT];
    struct used_protocol *all = calloc(run->protocol_count + 1, sizeof *all);
    label(r, "Protocols");
    for (size_t i = 0; all != NULL && i < run->protocol_count; i++) {
        all[i] = (struct used_protocol){.name = run->protocols[i], .flows = run->protocol_flows[i]};
    }
    if (all != NULL) {
        qsort(all, run->protocol_count, sizeof *all, by_flows);
    }
    for (size_t i = 0; all != NULL && i < run->protocol_count && i < PROTOCOLS_SHOWN; i++) {
        layout_format(&r->l, INK_PLAIN, "%s %s%s", all[i].name, figure_count(all[i].flows, figure),
                      i + 1 < run->protocol_count ? "," : "");
    }
    if (run->protocol_count > PROTOCOLS_SHOWN) {
        layout_format(&r->l, INK_PLAIN, "and %zu more", run->protocol_count - PROTOCOLS_SHOWN);
    }
    layout_text(&r->l, INK_PLAIN, run->protocol_count == 0 ? "none" : "");
    layout_end(&r->l);
    free(all);
}

static void add_hashed(struct report *r, const char *what, const char *path,
                       const uint8_t sha256[32])
{
    char hex[2 * SHA256_SHOWN + 1];
    for (unsigned i = 0; i < SHA256_SHOWN; i++) {
        (void)snprintf(hex + 2 * i, 3, "%02x", sha256[i]);
    }
    label(r, what);
    layout_format(&r->l, INK_PLAIN, "%s (sha256 %s...)", path, hex);
    layout_end(&r->l);
}

static void add_policy(struct report *r)
{
    const struct policy *p = r->names->policy;
    if (p != NULL) {
        add_hashed(r, "Policy", p->path, p->sha256);
    }
    if (p != NULL && p->matrix_path != NULL) {
        add_hashed(r, "Matrix", p->matrix_path, p->matrix_sha256);
    }
}

static void add_head(struct report *r)
{
    const struct run *run = r->run;
    char packets[FIGURE_TEXT], octets[FIGURE_TEXT], flows[FIGURE_TEXT], tally[TALLY_TEXT];
    layout_begin(&r->l, 0, 0);
    layout_text(&r->l, INK_STRONG,
                "rolecall " ROLECALL_VERSION
                ": audit of captured traffic against a declared hierarchy");
    layout_end(&r->l);
    layout_blank(&r->l);
    add_inputs(r);
    add_time(r);
    label(r, "Traffic");
    layout_format(&r->l, INK_PLAIN, "%s packet%s, %s, %s conversation%s",
                  figure_count(run->source.packets, packets), run->source.packets == 1 ? "" : "s",
                  figure_octets(run->source.bytes, octets), figure_count(run->flows.flows, flows),
                  run->flows.flows == 1 ? "" : "s");
    layout_end(&r->l);
    add_protocols(r);
    add_policy(r);
    label(r, "Result");
    layout_text(&r->l, INK_STRONG, text_tally(audit_counts(r->audit), tally));
    layout_end(&r->l);
}

/* ---- the last line ---- */

static void add_tail(struct report *r, enum severity fail_on)
{
    const struct audit_counts *counts = audit_counts(r->audit);
    enum severity from = fail_on == SEVERITY_OFF ? SEVERITY_LOW : fail_on;
    char tally[TALLY_TEXT];
    uint64_t counted = 0;
    for (unsigned s = from; s <= SEVERITY_CRITICAL; s++) {
        counted += counts->findings[s];
    }
    layout_blank(&r->l);
    layout_begin(&r->l, 0, 0);
    layout_format(&r->l, counted > 0 ? INK_HIGH : INK_GOOD, "%s.", text_tally(counts, tally));
    layout_format(&r->l, INK_PLAIN, "Exit status %d: %s at or above %s.", counted > 0,
                  counted > 0 ? "findings" : "none", severity_name(from));
    layout_end(&r->l);
}

void text_report(struct output *out, const struct text_style *style,
                 const struct record_names *names, const struct run *run, const struct audit *audit)
{
    struct report r = {.names = names, .run = run, .audit = audit, .day = FIGURE_NO_DAY};
    layout_init(&r.l, out, style);
    if (run->source.packets > 0 &&
        figure_day(run->source.first_ns) == figure_day(run->source.last_ns)) {
        r.day = figure_day(run->source.first_ns);
    }
    add_head(&r);
    text_findings(&r);
    text_verdicts(&r);
    text_statements(&r);
    text_coverage(&r);
    text_quality(&r);
    add_tail(&r, style->fail_on);
}
