#include "reports/catalogue.h"

#include <stdio.h>
#include <string.h>

#include "reports/records_report.h"
#include "reports/text_layout.h"

#define GAP 2
#define BODY_INDENT 2

static unsigned widest_name(void)
{
    size_t widest = 0;
    for (unsigned i = 0; i < rule_count; i++) {
        size_t len = strlen(rules[i]->name);
        widest = len > widest ? len : widest;
    }
    return (unsigned)widest;
}

static void list_text(struct output *out, const struct text_style *style)
{
    const unsigned name_at = 4 + GAP, severity_at = name_at + widest_name() + GAP;
    const unsigned title_at = severity_at + 8 + GAP; /* "critical" */
    struct layout l;
    layout_init(&l, out, style);
    for (unsigned i = 0; i < rule_count; i++) {
        const struct rule *r = rules[i];
        layout_begin(&l, 0, title_at);
        layout_text(&l, INK_STRONG, r->code);
        layout_column(&l, name_at);
        layout_text(&l, INK_PLAIN, r->name);
        layout_column(&l, severity_at);
        layout_text(&l, layout_severity_ink(r->severity), severity_name(r->severity));
        layout_column(&l, title_at);
        layout_text(&l, INK_PLAIN, r->title);
        layout_end(&l);
    }
}

static void list_records(struct output *out)
{
    for (unsigned i = 0; i < rule_count; i++) {
        record_rule(out, rules[i], rules[i]->severity);
    }
}

void catalogue_list(struct output *out, const struct text_style *style, bool jsonl)
{
    if (jsonl) {
        list_records(out);
    } else {
        list_text(out, style);
    }
}

static void section(struct layout *l, const char *heading, const char *text)
{
    if (text == NULL || *text == '\0') {
        return;
    }
    layout_blank(l);
    layout_begin(l, 0, 0);
    layout_text(l, INK_STRONG, heading);
    layout_end(l);
    layout_begin(l, BODY_INDENT, BODY_INDENT);
    layout_text(l, INK_PLAIN, text);
    layout_end(l);
}

/* References stand one a line; addresses in them are not broken. */
static void references(struct layout *l, const char *text)
{
    char word[LAYOUT_WORD];
    while (*text != '\0') {
        layout_begin(l, BODY_INDENT, BODY_INDENT + 2);
        while (*text != '\0' && *text != '\n') {
            size_t len = strcspn(text, " \n");
            (void)snprintf(word, sizeof word, "%.*s",
                           (int)(len < LAYOUT_WORD - 1 ? len : LAYOUT_WORD - 1), text);
            if (len > 0) {
                layout_unbroken(l, INK_PLAIN, word);
            }
            text += len;
            text += strspn(text, " ");
        }
        layout_end(l);
        text += *text == '\n';
    }
}

void catalogue_explain(struct output *out, const struct text_style *style, const struct rule *rule)
{
    struct layout l;
    layout_init(&l, out, style);
    layout_begin(&l, 0, 6);
    layout_text(&l, INK_STRONG, rule->code);
    layout_column(&l, 6);
    layout_text(&l, INK_STRONG, rule->title);
    layout_end(&l);
    layout_begin(&l, 6, 6);
    layout_format(&l, INK_PLAIN, "%s,", rule->name);
    layout_text(&l, layout_severity_ink(rule->severity), severity_name(rule->severity));
    layout_end(&l);
    section(&l, "What it means", rule->means);
    section(&l, "What is looked at", rule->evidence);
    section(&l, "What to do", rule->remediation);
    section(&l, "Statements of the specification", rule->statements);
    if (rule->references != NULL && *rule->references != '\0') {
        layout_blank(&l);
        layout_begin(&l, 0, 0);
        layout_text(&l, INK_STRONG, "References");
        layout_end(&l);
        references(&l, rule->references);
    }
}
