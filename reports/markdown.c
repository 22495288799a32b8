/*
 * markdown.c - for tickets: what was audited, the grades, then a section for each finding that
 * stands alone when it is copied.
 *
 * Every character that Markdown or HTML gives a meaning to is escaped in texts that are not our
 * own; line ends are blanks, and what cannot be seen is shown as in the text report.
 *
 * Spec: CommonMark 0.31; GitHub Flavored Markdown (tables).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "reports/finding_view.h"
#include "reports/formats.h"
#include "reports/glyph.h"

/* Characters of ASCII that mean something are escaped by a backslash or as an entity; ":" and "."
 * are among them since links begin with them that need no brackets. */
static void add_text(struct output *out, const char *text)
{
    for (size_t used = 0; *text != '\0'; text += used) {
        const char c = *text == '\n' || *text == '\t' ? ' ' : *text;
        struct glyph g = glyph_of(text, &used);
        if (c == ' ') {
            output_text(out, " ");
        } else if (strchr("<>&@", c) != NULL) {
            output_format(out, "&#%d;", c);
        } else {
            output_text(out, strchr("\\`*_{}[]()#+-.!|~:=^$'\"/", *g.text) != NULL ? "\\" : "");
            output_octets(out, g.text, g.len);
        }
    }
}

static void add_heading(struct output *out, const char *marks, const char *text)
{
    output_format(out, "\n%s %s\n", marks, text);
    output_line(out);
}

/* ---- the head ---- */

static void add_row(struct output *out, const char *name, const char *value)
{
    output_format(out, "| %s | ", name);
    add_text(out, value);
    output_text(out, " |");
    output_line(out);
}

static void add_head(struct output *out, const struct document *d)
{
    output_text(out, "# Audit by rolecall\n\n| | |\n|---|---|");
    output_line(out);
    const json_t *inputs = member_at(d->audit, "inputs");
    for (size_t i = 0; i < json_array_size(inputs); i++) {
        const char *input = json_string_value(json_array_get(inputs, i));
        add_row(out, "Input", input == NULL ? "" : input);
    }
    add_row(out, "From", member_or_empty(d->audit, "start"));
    add_row(out, "To", member_or_empty(d->audit, "end"));
    add_row(out, "Policy", member_or_empty(d->audit, "policy"));
    if (member_text(d->audit, "generated") != NULL) {
        add_row(out, "Made", member_or_empty(d->audit, "generated"));
    }
}

static void add_counts(struct output *out, const struct document *d)
{
    static const char *const severities[] = {"critical", "high", "medium",
                                             "low",      "info", "accepted"};
    add_heading(out, "##", "Findings by severity");
    output_text(out, "| critical | high | medium | low | info | accepted |\n"
                     "|---:|---:|---:|---:|---:|---:|\n|");
    for (size_t i = 0; i < sizeof severities / sizeof *severities; i++) {
        char path[32];
        (void)snprintf(path, sizeof path, "findings.%s", severities[i]);
        output_format(out, " %" PRIu64 " |", member_number(d->summary, path));
    }
    output_line(out);
}

static void add_grades(struct output *out, const struct document *d)
{
    if (d->grades.count == 0) {
        return;
    }
    add_heading(out, "##", "Grades");
    output_text(out, "| chapter | grade | points | because |\n|---|---|---:|---|");
    output_line(out);
    for (size_t i = 0; i < d->grades.count; i++) {
        const json_t *g = d->grades.at[i], *because = member_at(g, "because");
        const char *grade = member_text(g, "grade");
        output_text(out, "| ");
        add_text(out, member_or_empty(g, "chapter_title"));
        if (grade != NULL) {
            output_format(out, " | %s | %" PRIu64 " | ", grade, member_number(g, "points"));
        } else {
            output_text(out, " | | | ");
        }
        for (size_t n = 0; n < json_array_size(because); n++) {
            const char *line = json_string_value(json_array_get(because, n));
            output_text(out, n == 0 ? "" : "<br>");
            add_text(out, line == NULL ? "" : line);
        }
        output_text(out, " |");
        output_line(out);
    }
}

/* ---- findings ---- */

static void add_end(struct output *out, const char *what, const struct end_view *e)
{
    if (!e->known) {
        return;
    }
    output_format(out, "- %s: ", what);
    add_text(out, end_label(e));
    if (*e->name != '\0') {
        output_text(out, " (");
        add_text(out, e->ip);
        output_text(out, ")");
    }
    if (e->port != 0) {
        output_format(out, " port %" PRIu64, e->port);
    }
    if (*e->group != '\0') {
        output_text(out, ", group ");
        add_text(out, e->group);
    }
    output_line(out);
}

static void add_item(struct output *out, const char *what, const char *text)
{
    if (*text != '\0') {
        output_format(out, "- %s: ", what);
        add_text(out, text);
        output_line(out);
    }
}

static void add_evidence(struct output *out, const json_t *finding)
{
    const json_t *all = member_at(finding, "evidence");
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *e = json_array_get(all, i);
        output_text(out, i == 0 ? "\nEvidence:\n\n1. " : "1. ");
        add_text(out, member_or_empty(e, "file"));
        output_format(out, " packet %" PRIu64 ", ", member_number(e, "packet"));
        add_text(out, member_or_empty(e, "ts"));
        output_text(out, " ");
        add_text(out, member_or_empty(e, "says"));
        output_line(out);
    }
}

static void add_paragraph(struct output *out, const char *label, const char *text)
{
    if (*text != '\0') {
        output_format(out, "\n%s", label);
        add_text(out, text);
        output_line(out);
    }
}

static void add_references(struct output *out, const json_t *finding)
{
    const json_t *all = member_at(finding, "references");
    for (size_t i = 0; i < json_array_size(all); i++) {
        const char *reference = json_string_value(json_array_get(all, i));
        output_text(out, i == 0 ? "\nReferences:\n\n- " : "- ");
        add_text(out, reference == NULL ? "" : reference);
        output_line(out);
    }
}

static void add_finding(struct output *out, const struct finding_view *v)
{
    const char *filter = member_text(v->record, "display_filter");
    output_format(out, "\n### %s ", v->severity);
    add_text(out, v->code);
    output_text(out, " ");
    add_text(out, v->title);
    output_text(out, "\n");
    output_line(out);
    add_end(out, "Client", &v->client);
    add_end(out, "Server", &v->server);
    output_format(out, "- Seen: %" PRIu64 " time%s, ", v->count, v->count == 1 ? "" : "s");
    add_text(out, v->first);
    output_text(out, " to ");
    add_text(out, v->last);
    output_line(out);
    add_item(out, "Confidence", v->confidence);
    add_item(out, "Rule", v->name);
    add_item(out, "Finding", v->id);
    add_item(out, "Accepted", v->accepted ? v->reason : "");
    if (filter != NULL && strchr(filter, '`') == NULL) {
        output_format(out, "- Display filter: `%s`", filter);
        output_line(out);
    }
    if (member_text(v->record, "evidence_file") != NULL) {
        output_text(out, "- Packets: [");
        add_text(out, member_text(v->record, "evidence_file"));
        output_format(out, "](%s)", member_text(v->record, "evidence_file"));
        output_line(out);
    }
    add_paragraph(out, "", v->explanation);
    add_evidence(out, v->record);
    add_paragraph(out, "Remedy: ", v->remediation);
    add_references(out, v->record);
}

void render_markdown(struct output *out, const struct document *d, const struct render_options *o)
{
    (void)o;
    add_head(out, d);
    add_counts(out, d);
    add_grades(out, d);
    if (d->findings.count > 0) {
        output_text(out, "\n## Findings");
        output_line(out);
    }
    for (size_t i = 0; i < d->findings.count; i++) {
        const struct finding_view v = finding_view(d, i);
        add_finding(out, &v);
    }
}
