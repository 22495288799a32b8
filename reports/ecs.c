/*
 * ecs.c - findings as Elastic Common Schema documents, one a line, as Filebeat and the bulk API
 * take them; what ECS has no field for lies under "rolecall".
 *
 * Spec: Elastic Common Schema 8.11.
 */
#include <stdio.h>
#include <string.h>

#include "reports/finding_view.h"
#include "reports/formats.h"

static void add_end(struct json *j, const char *key, const struct end_view *e)
{
    if (!e->known) {
        return;
    }
    json_open(j, key, '{');
    json_text(j, "address", end_label(e));
    json_word(j, "ip", e->ip);
    if (e->port != 0) {
        json_number(j, "port", e->port);
    }
    json_word(j, "domain", e->name);
    json_close(j, '}');
}

static void add_event(struct json *j, const struct finding_view *v)
{
    json_open(j, "event", '{');
    json_text(j, "kind", "alert");
    json_parts(j, "category", "configuration network", ' ');
    json_parts(j, "type", "info", ' ');
    json_text(j, "module", "rolecall");
    json_text(j, "dataset", "rolecall.finding");
    json_word(j, "id", v->id);
    json_word(j, "code", v->code);
    json_number(j, "severity", v->rank);
    json_word(j, "start", v->first);
    json_word(j, "end", v->last);
    json_word(j, "reason", v->explanation);
    json_close(j, '}');
}

static void add_rule(struct json *j, const struct finding_view *v)
{
    json_open(j, "rule", '{');
    json_word(j, "id", v->code);
    json_word(j, "name", v->name);
    json_word(j, "description", v->title);
    json_word(j, "category", member_or_empty(v->rule, "chapter"));
    json_text(j, "ruleset", "rolecall");
    const json_t *references = member_at(v->record, "references");
    if (json_array_size(references) > 0) {
        json_text(j, "reference", json_string_value(json_array_get(references, 0)));
    }
    json_close(j, '}');
}

static void add_related(struct json *j, const struct finding_view *v)
{
    const struct end_view *ends[2] = {&v->client, &v->server};
    json_open(j, "related", '{');
    json_open(j, "ip", '[');
    for (unsigned i = 0; i < 2; i++) {
        json_word(j, NULL, ends[i]->ip);
    }
    json_close(j, ']');
    json_open(j, "hosts", '[');
    for (unsigned i = 0; i < 2; i++) {
        json_word(j, NULL, ends[i]->name);
    }
    json_close(j, ']');
    json_close(j, '}');
}

static void add_own(struct json *j, const struct finding_view *v)
{
    static const char *const keys[] = {"severity",       "confidence", "statements",
                                       "count",          "flows",      "flows_total",
                                       "display_filter", "evidence",   "accepted"};
    json_open(j, "rolecall", '{');
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const json_t *value = member_at(v->record, keys[i]);
        if (value != NULL) {
            json_value(j, keys[i], value);
        }
    }
    json_word(j, "remediation", v->remediation);
    json_close(j, '}');
}

void render_ecs(struct output *out, const struct document *d, const struct render_options *o)
{
    (void)o;
    for (size_t i = 0; i < d->findings.count; i++) {
        const struct finding_view v = finding_view(d, i);
        struct json j = json_on(out);
        json_open(&j, NULL, '{');
        json_text(&j, "@timestamp", v.last);
        json_open(&j, "ecs", '{');
        json_text(&j, "version", "8.11.0");
        json_close(&j, '}');
        json_text(&j, "message", v.title);
        add_event(&j, &v);
        add_rule(&j, &v);
        add_end(&j, "source", &v.client);
        add_end(&j, "destination", &v.server);
        add_related(&j, &v);
        json_open(&j, "observer", '{');
        json_text(&j, "product", "rolecall");
        json_text(&j, "type", "ids");
        json_text(&j, "version", member_text(d->audit, "version"));
        json_close(&j, '}');
        add_own(&j, &v);
        record_end(&j);
    }
}
