/*
 * screen_text.c - texts of the live screen: a finding as the report tells it, with what was decoded
 * and the filter for Wireshark; its rule as `rolecall explain` tells it; what was lost; the help.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "reports/catalogue.h"
#include "reports/screen_parts.h"
#include "reports/text_parts.h"

#define LABEL_COLUMN 12
#define VALUE_COLUMN 28 /* past "flow.packets.client" and most others */

/* ---- a finding ---- */

static void add_value(struct layout *l, const json_t *value)
{
    if (json_is_string(value)) {
        layout_text(l, INK_PLAIN, json_string_value(value));
    } else if (json_is_integer(value)) {
        layout_format(l, INK_PLAIN, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    } else if (json_is_boolean(value)) {
        layout_text(l, INK_PLAIN, json_is_true(value) ? "yes" : "no");
    }
}

/* What was decoded of each packet that is cited. */
static void add_decoded(struct layout *l, const json_t *evidence)
{
    const unsigned column = l->width >= 2 * VALUE_COLUMN ? VALUE_COLUMN : 4;
    for (size_t i = 0; i < json_array_size(evidence); i++) {
        const json_t *e = json_array_get(evidence, i), *value = NULL;
        json_t *fields = json_object_get(e, "fields");
        const char *key = NULL;
        if (json_object_size(fields) == 0) {
            continue;
        }
        layout_blank(l);
        layout_begin(l, 0, 0);
        layout_format(l, INK_STRONG, "Decoded of packet #%" PRIu64, member_number(e, "packet"));
        layout_end(l);
        json_object_foreach(fields, key, value)
        {
            layout_begin(l, 2, column);
            layout_text(l, INK_FAINT, key);
            layout_column(l, column);
            add_value(l, value);
            layout_end(l);
        }
    }
}

static void add_finding(struct report *r, const struct document *d)
{
    const struct finding_view v = finding_view(d, 0), none = {0};
    const char *filter = member_text(v.record, "display_filter");
    text_finding(r, &v, &none);
    if (filter != NULL) {
        layout_blank(&r->l);
        layout_begin(&r->l, 0, LABEL_COLUMN);
        layout_text(&r->l, INK_STRONG, "Wireshark");
        layout_column(&r->l, LABEL_COLUMN);
        layout_text(&r->l, INK_PLAIN, filter);
        layout_end(&r->l);
    }
    add_decoded(&r->l, member_at(v.record, "evidence"));
}

/* Records are told by what tells them in a report, so that both say the same. */
static void add_record(struct output *out, const struct text_style *style, struct bytes record,
                       void (*tell)(struct report *r, const struct document *d))
{
    char error[DOCUMENT_ERROR];
    struct document *d = NULL;
    struct report r = {0};
    layout_init(&r.l, out, style);
    if (document_parse(record, error, &d) < 0) {
        layout_begin(&r.l, 0, 0);
        layout_text(&r.l, INK_HIGH, "Out of memory.");
        layout_end(&r.l);
        return;
    }
    r.d = d;
    tell(&r, d);
    document_free(d);
}

static void tell_finding(struct output *out, const struct text_style *style,
                         const struct screen_model *m, const struct finding *f)
{
    struct output *record = output_to_memory();
    size_t len = 0;
    if (record != NULL) {
        record_finding(record, m->names, f);
        const char *text = output_memory(record, &len);
        add_record(out, style, bytes_of(text, len), add_finding);
    }
    output_drop(record);
}

/* ---- losses and help ---- */

static void add_quality(struct report *r, const struct document *d)
{
    if (d->summary != NULL) {
        text_quality(r);
    }
}

struct help_line {
    const char *keys, *does;
};

static void tell_help(struct output *out, const struct text_style *style)
{
    static const struct help_line lines[] = {
        {"1 to 5, Tab", "the pages"},
        {"arrows, j k", "select a line, scroll a text; also PgUp, PgDn, Home (g), End (G)"},
        {"Enter", "the finding: packets, what was decoded, Wireshark filter, remedy"},
        {"", "on a host: its findings"},
        {"e", "the finding's rule: what it means, what is looked at, what to do"},
        {"n p", "in a finding or rule: the next one, the one before"},
        {"f F", "show findings from a higher severity on, from a lower one"},
        {"s", "sort findings: newest first, worst first"},
        {"Space", "hold the screen still; the audit goes on"},
        {"w", "write a report now"},
        {"Esc", "back; on a page: all hosts' findings again"},
        {"^L", "draw everything anew"},
        {"q", "in a text: back; on a page: end the audit, with its report, as ^C does"},
    };
    struct layout l;
    layout_init(&l, out, style);
    layout_blank(&l);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        layout_begin(&l, 0, LABEL_COLUMN + 2);
        layout_together(&l, INK_STRONG, lines[i].keys);
        layout_column(&l, LABEL_COLUMN + 2);
        layout_text(&l, INK_PLAIN, lines[i].does);
        layout_end(&l);
    }
    layout_blank(&l);
    layout_begin(&l, 0, 0);
    layout_text(&l, INK_FAINT,
                "Octets and conversations of hosts and protocols are those of conversations that "
                "ended. Findings may still get worse, or be accepted, until the report.");
    layout_end(&l);
}

/* ---- all of them ---- */

static void tell(struct output *out, const struct text_style *style, const struct screen_model *m,
                 const struct screen_view *v)
{
    const struct finding *f = screen_selected(v);
    if (v->over == OVER_HELP) {
        tell_help(out, style);
    } else if (v->over == OVER_NOTHING) {
        add_record(out, style, bytes_text(m->summary), add_quality);
    } else if (f == NULL) {
        output_text(out, "No finding is selected.");
        output_line(out);
    } else if (v->over == OVER_RULE) {
        catalogue_explain(out, style, f->rule);
    } else {
        tell_finding(out, style, m, f);
    }
}

static size_t count_lines(struct bytes text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        count += text.at[i] == '\n';
    }
    return count;
}

/* Texts begin with an empty line, which the screen has no room for. */
static struct bytes without_first_blank(struct bytes text)
{
    return text.len > 0 && text.at[0] == '\n' ? bytes_from(text, 1) : text;
}

void screen_text(struct canvas *c, const struct area *a, const struct screen_model *m,
                 struct screen_view *v)
{
    struct output *out = output_to_memory();
    const struct text_style style = {.marks = true, .width = a->end - a->column};
    size_t len = 0;
    if (out == NULL) {
        return;
    }
    tell(out, &style, m, v);
    const char *all = output_memory(out, &len);
    struct bytes left = without_first_blank(bytes_of(all, len));
    v->room = a->rows;
    v->lines = count_lines(left);
    size_t most = v->lines > a->rows ? v->lines - a->rows : 0;
    v->text_first = v->text_first < most ? v->text_first : most;
    for (size_t line = 0; left.len > 0 && line < v->text_first + a->rows; line++) {
        const uint8_t *end = memchr(left.at, '\n', left.len);
        size_t octets = end == NULL ? left.len : (size_t)(end - left.at);
        if (line >= v->text_first) {
            struct pen p = area_pen(a, (unsigned)(line - v->text_first));
            canvas_marked(c, &p, (const char *)left.at, octets);
        }
        left = bytes_from(left, end == NULL ? octets : octets + 1);
    }
    output_drop(out);
}
