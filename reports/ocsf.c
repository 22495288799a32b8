/*
 * ocsf.c - findings as OCSF detection findings, one a line.
 *
 * Spec: Open Cybersecurity Schema Framework 1.3: detection_finding (2004), finding_info, evidences,
 * network_endpoint, remediation. Times are in ms since the epoch.
 */
#include <stdio.h>
#include <string.h>

#include "reports/finding_view.h"
#include "reports/formats.h"

enum { CLASS_DETECTION_FINDING = 2004, CATEGORY_FINDINGS = 2, ACTIVITY_CREATE = 1 };

static void add_ms(struct json *j, const char *key, const char *rfc3339)
{
    int64_t ns = time_of_text(rfc3339);
    json_number(j, key, ns < 0 ? 0 : (uint64_t)ns / 1000000);
}

static void add_metadata(struct json *j, const struct document *d, const struct finding_view *v)
{
    json_open(j, "metadata", '{');
    json_text(j, "version", "1.3.0");
    json_open(j, "product", '{');
    json_text(j, "name", "rolecall");
    json_text(j, "vendor_name", "rolecall");
    json_text(j, "version", member_text(d->audit, "version"));
    json_close(j, '}');
    json_word(j, "event_code", v->code);
    json_word(j, "uid", v->id);
    json_close(j, '}');
}

static void add_finding_info(struct json *j, const struct finding_view *v)
{
    json_open(j, "finding_info", '{');
    json_text(j, "uid", v->id);
    json_text(j, "title", v->title);
    json_word(j, "desc", v->explanation);
    add_ms(j, "first_seen_time", v->first);
    add_ms(j, "last_seen_time", v->last);
    json_open(j, "types", '[');
    json_word(j, NULL, member_or_empty(v->rule, "chapter"));
    json_close(j, ']');
    json_open(j, "analytic", '{');
    json_text(j, "uid", v->code);
    json_text(j, "name", v->name);
    json_text(j, "type", "Rule");
    json_number(j, "type_id", 1);
    json_close(j, '}');
    json_close(j, '}');
}

static void add_end(struct json *j, const char *key, const struct end_view *e)
{
    if (!e->known) {
        return;
    }
    json_open(j, key, '{');
    json_word(j, "ip", e->ip);
    if (e->port != 0) {
        json_number(j, "port", e->port);
    }
    json_word(j, "hostname", e->name);
    json_word(j, "zone", e->zone);
    json_close(j, '}');
}

static void add_evidences(struct json *j, const struct finding_view *v)
{
    const json_t *all = member_at(v->record, "evidence");
    json_open(j, "evidences", '[');
    for (size_t i = 0; i < json_array_size(all); i++) {
        json_open(j, NULL, '{');
        add_end(j, "src_endpoint", &v->client);
        add_end(j, "dst_endpoint", &v->server);
        json_value(j, "data", json_array_get(all, i));
        json_close(j, '}');
    }
    json_close(j, ']');
}

/* What the finding is about: the server, or the client where there is none. */
static void add_resources(struct json *j, const struct finding_view *v)
{
    const struct end_view *e = v->server.known ? &v->server : &v->client;
    json_open(j, "resources", '[');
    if (e->known) {
        json_open(j, NULL, '{');
        json_text(j, "name", end_label(e));
        json_word(j, "uid", e->ip);
        json_text(j, "type", "host");
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void add_remediation(struct json *j, const struct finding_view *v)
{
    const json_t *references = member_at(v->record, "references");
    json_open(j, "remediation", '{');
    json_text(j, "desc", v->remediation);
    if (json_array_size(references) > 0) {
        json_value(j, "references", references);
    }
    json_close(j, '}');
}

static void add_levels(struct json *j, const struct finding_view *v)
{
    static const char *const severities[] = {"Unknown", "Informational", "Low",
                                             "Medium",  "High",          "Critical"};
    static const char *const words[] = {"inferred", "derived", "proven"};
    static const char *const confidences[] = {"Low", "Medium", "High"};
    json_number(j, "severity_id", v->rank); /* the same numbers: 0 unknown to 5 critical */
    json_text(j, "severity", severities[v->rank]);
    for (unsigned i = 0; i < 3; i++) {
        if (strcmp(v->confidence, words[i]) == 0) {
            json_number(j, "confidence_id", i + 1);
            json_text(j, "confidence", confidences[i]);
        }
    }
    json_number(j, "status_id", v->accepted ? 3 : 1);
    json_text(j, "status", v->accepted ? "Suppressed" : "New");
    json_text(j, "status_detail", v->accepted ? v->reason : NULL);
}

void render_ocsf(struct output *out, const struct document *d, const struct render_options *o)
{
    (void)o;
    for (size_t i = 0; i < d->findings.count; i++) {
        const struct finding_view v = finding_view(d, i);
        struct json j = json_on(out);
        json_open(&j, NULL, '{');
        json_number(&j, "class_uid", CLASS_DETECTION_FINDING);
        json_text(&j, "class_name", "Detection Finding");
        json_number(&j, "category_uid", CATEGORY_FINDINGS);
        json_text(&j, "category_name", "Findings");
        json_number(&j, "activity_id", ACTIVITY_CREATE);
        json_text(&j, "activity_name", "Create");
        json_number(&j, "type_uid", CLASS_DETECTION_FINDING * 100 + ACTIVITY_CREATE);
        add_ms(&j, "time", v.last);
        add_ms(&j, "start_time", v.first);
        add_ms(&j, "end_time", v.last);
        json_number(&j, "count", v.count);
        add_levels(&j, &v);
        json_text(&j, "message", v.title);
        add_metadata(&j, d, &v);
        add_finding_info(&j, &v);
        add_evidences(&j, &v);
        add_resources(&j, &v);
        add_remediation(&j, &v);
        record_end(&j);
    }
}
