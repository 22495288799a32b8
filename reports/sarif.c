/*
 * sarif.c - SARIF 2.1.0, for viewers of code scanning: rules with their help, a result for each
 * finding, its packets as places in the capture file.
 *
 * Such viewers want a line of a file: the number of the packet stands there. In messages SARIF
 * gives a meaning to links "[text](target)" and placeholders "{0}"; in texts from traffic they have
 * none.
 *
 * Spec: OASIS SARIF 2.1.0.
 */
#include <stdio.h>
#include <string.h>

#include "reports/finding_view.h"
#include "reports/formats.h"

static const char *level_of(unsigned rank)
{
    return rank >= 4 ? "error" : rank == 3 ? "warning" : "note";
}

/* The scale that code-scanning viewers sort by. */
static const char *score_of(unsigned rank)
{
    static const char *const scores[] = {"0.0", "0.0", "2.5", "5.5", "8.0", "9.5"};
    return scores[rank];
}

/* 3.11.5, 3.11.6: "](" would make a link, "{0" a placeholder. */
static void add_message_text(struct json *j, const char *text)
{
    struct output *plain = output_to_memory();
    if (plain == NULL) {
        json_text(j, "text", "");
        return;
    }
    for (const char *at = text; *at != '\0'; at++) {
        output_octets(plain, at, 1);
        bool link = at[0] == ']' && at[1] == '(';
        bool placeholder = at[0] == '{' && at[1] >= '0' && at[1] <= '9';
        if (link || placeholder) {
            output_octets(plain, " ", 1);
        }
    }
    size_t len = 0;
    const char *made = output_memory(plain, &len);
    json_span(j, "text", bytes_of(made, len));
    output_drop(plain);
}

static void add_message(struct json *j, const char *key, const char *text)
{
    json_open(j, key, '{');
    add_message_text(j, text);
    json_close(j, '}');
}

/* Rules of the policy's own share one code. */
static void add_rule_id(struct json *j, const char *key, const json_t *record)
{
    char id[200];
    const char *code = member_or_empty(record, "code"), *name = member_or_empty(record, "rule");
    (void)snprintf(id, sizeof id, "%s%s%s", code, code[0] == 'R' ? "" : "/",
                   code[0] == 'R' ? "" : name);
    json_text(j, key, id);
}

static void add_copy(struct json *j, const json_t *record, const char *key)
{
    const json_t *value = member_at(record, key);
    if (value != NULL) {
        json_value(j, key, value);
    }
}

/* ---- rules ---- */

static void add_rule(struct json *j, const json_t *rule)
{
    char help[8192];
    struct finding_view v = {0};
    enum severity severity = SEVERITY_OFF;
    v.rank = severity_parse(member_or_empty(rule, "severity"), &severity) ? severity : 0;
    (void)snprintf(help, sizeof help, "%s\n\n%s\n\n%s", member_or_empty(rule, "means"),
                   member_or_empty(rule, "evidence"), member_or_empty(rule, "remediation"));
    json_open(j, NULL, '{');
    add_rule_id(j, "id", rule);
    json_text(j, "name", member_or_empty(rule, "rule"));
    add_message(j, "shortDescription", member_or_empty(rule, "title"));
    add_message(j, "fullDescription", member_or_empty(rule, "means"));
    add_message(j, "help", help);
    json_open(j, "defaultConfiguration", '{');
    json_text(j, "level", level_of(v.rank));
    json_close(j, '}');
    json_open(j, "properties", '{');
    json_open(j, "tags", '[');
    json_text(j, NULL, "security");
    json_text(j, NULL, member_text(rule, "chapter"));
    json_close(j, ']');
    json_text(j, "security-severity", score_of(v.rank));
    add_copy(j, rule, "statements");
    add_copy(j, rule, "references");
    json_close(j, '}');
    json_close(j, '}');
}

static void add_tool(struct json *j, const struct document *d)
{
    json_open(j, "tool", '{');
    json_open(j, "driver", '{');
    json_text(j, "name", "rolecall");
    json_text(j, "version", member_text(d->audit, "version"));
    json_text(j, "semanticVersion", member_text(d->audit, "version"));
    json_open(j, "rules", '[');
    for (size_t i = 0; i < d->rules.count; i++) {
        add_rule(j, d->rules.at[i]);
    }
    json_close(j, ']');
    json_close(j, '}');
    json_close(j, '}');
}

static void add_invocation(struct json *j, const struct document *d)
{
    json_open(j, "invocations", '[');
    json_open(j, NULL, '{');
    json_truth(j, "executionSuccessful", true);
    json_text(j, "endTimeUtc", member_text(d->audit, "generated"));
    json_close(j, '}');
    json_close(j, ']');
}

/* ---- results ---- */

/* 3.4.3: a URI reference (RFC 3986), so that names of files are escaped. */
static void add_uri(struct json *j, const char *file)
{
    char uri[1024];
    size_t len = 0;
    for (; *file != '\0' && len + 4 < sizeof uri; file++) {
        unsigned char c = (unsigned char)*file;
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     strchr("-._~", c) != NULL;
        len += (size_t)snprintf(uri + len, sizeof uri - len, plain ? "%c" : "%%%02X", c);
    }
    uri[len] = '\0';
    json_text(j, "uri", uri);
}

static void add_place(struct json *j, const json_t *evidence, const struct finding_view *v)
{
    const char *file = member_text(evidence, "file");
    uint64_t packet = member_number(evidence, "packet");
    json_open(j, NULL, '{');
    json_open(j, "physicalLocation", '{');
    json_open(j, "artifactLocation", '{');
    add_uri(j, file == NULL || strcmp(file, "-") == 0 ? "capture" : file);
    json_close(j, '}');
    json_open(j, "region", '{');
    json_number(j, "startLine", packet == 0 ? 1 : packet);
    json_close(j, '}');
    json_close(j, '}');
    if (v != NULL) {
        json_open(j, "logicalLocations", '[');
        const struct end_view *ends[2] = {&v->client, &v->server};
        for (unsigned i = 0; i < 2; i++) {
            /* 3.28.3: all different; a host may speak to itself. */
            bool same =
                i == 1 && ends[0]->known && strcmp(end_label(ends[0]), end_label(ends[1])) == 0;
            if (ends[i]->known && !same) {
                json_open(j, NULL, '{');
                json_text(j, "name", end_label(ends[i]));
                json_text(j, "kind", "resource");
                json_close(j, '}');
            }
        }
        json_close(j, ']');
    }
    add_message(j, "message", member_or_empty(evidence, "says"));
    json_close(j, '}');
}

static void add_places(struct json *j, const struct finding_view *v)
{
    const json_t *evidence = member_at(v->record, "evidence");
    json_open(j, "locations", '[');
    if (json_array_size(evidence) > 0) {
        add_place(j, json_array_get(evidence, 0), v);
    }
    json_close(j, ']');
    if (json_array_size(evidence) > 1) {
        json_open(j, "relatedLocations", '[');
        for (size_t i = 1; i < json_array_size(evidence); i++) {
            add_place(j, json_array_get(evidence, i), NULL);
        }
        json_close(j, ']');
    }
}

static void add_suppression(struct json *j, const struct finding_view *v)
{
    if (!v->accepted) {
        return;
    }
    json_open(j, "suppressions", '[');
    json_open(j, NULL, '{');
    json_text(j, "kind", "external");
    json_text(j, "status", "accepted");
    json_text(j, "justification", v->reason);
    json_close(j, '}');
    json_close(j, ']');
}

static void add_properties(struct json *j, const struct finding_view *v)
{
    static const char *const keys[] = {"severity", "confidence",  "statements",
                                       "client",   "server",      "first",
                                       "last",     "flows_total", "display_filter"};
    json_open(j, "properties", '{');
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        add_copy(j, v->record, keys[i]);
    }
    json_text(j, "remediation", v->remediation);
    json_close(j, '}');
}

static void add_result(struct json *j, const struct document *d, size_t place)
{
    const struct finding_view v = finding_view(d, place);
    json_open(j, NULL, '{');
    add_rule_id(j, "ruleId", v.record);
    for (size_t i = 0; i < d->rules.count; i++) {
        if (d->rules.at[i] == v.rule) {
            json_number(j, "ruleIndex", i);
        }
    }
    json_text(j, "kind", "fail");
    json_text(j, "level", level_of(v.rank));
    add_message(j, "message", *v.explanation == '\0' ? v.title : v.explanation);
    add_places(j, &v);
    json_open(j, "partialFingerprints", '{');
    json_text(j, "rolecallFinding/v1", v.id);
    json_close(j, '}');
    if (v.count > 0) {
        json_number(j, "occurrenceCount", v.count);
    }
    add_suppression(j, &v);
    add_properties(j, &v);
    json_close(j, '}');
}

void render_sarif(struct output *out, const struct document *d, const struct render_options *o)
{
    struct json j = json_on(out);
    (void)o;
    json_open(&j, NULL, '{');
    json_text(&j, "$schema", "https://json.schemastore.org/sarif-2.1.0.json");
    json_text(&j, "version", "2.1.0");
    json_open(&j, "runs", '[');
    json_open(&j, NULL, '{');
    add_tool(&j, d);
    add_invocation(&j, d);
    json_open(&j, "results", '[');
    for (size_t i = 0; i < d->findings.count; i++) {
        add_result(&j, d, i);
    }
    json_close(&j, ']');
    json_close(&j, '}');
    json_close(&j, ']');
    json_close(&j, '}');
    output_line(out);
}
