/*
 * syslog.c - findings as syslog messages, one a line in a file, or one by one to a receiver
 * (syslog_send.h).
 *
 * What a machine asks for is structured data; the message is for people. The structured data are
 * bounded, so that cutting a datagram only ever cuts the message.
 *
 * Spec: RFC 5424; RFC 5612 (32473: the enterprise number for examples, since there is no other).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "reports/finding_view.h"
#include "reports/formats.h"

#define FACILITY 16 /* local0 */
#define VALUE_MOST 128

static void add_value(struct output *out, const char *name, const char *text)
{
    if (*text != '\0') {
        output_format(out, " %s=\"", name);
        escaped_text(out, text, "\"\\]", VALUE_MOST);
        output_text(out, "\"");
    }
}

static void add_number(struct output *out, const char *name, uint64_t number)
{
    output_format(out, " %s=\"%" PRIu64 "\"", name, number);
}

/* 6.2.3: at most six digits of a second. */
static void add_time(struct output *out, const char *rfc3339)
{
    size_t whole = sizeof "2026-11-23T08:26:27.121172" - 1;
    if (*rfc3339 == '\0') {
        output_text(out, "-");
    } else if (strlen(rfc3339) > whole + 1) {
        output_octets(out, rfc3339, whole);
        output_text(out, "Z");
    } else {
        output_text(out, rfc3339);
    }
}

static void add_end(struct output *out, const char *what, const struct end_view *e)
{
    char name[32];
    (void)snprintf(name, sizeof name, "%s_ip", what);
    add_value(out, name, e->ip);
    (void)snprintf(name, sizeof name, "%s_name", what);
    add_value(out, name, e->name);
}

static void add_structured_data(struct output *out, const struct finding_view *v)
{
    const json_t *first = json_array_get(member_at(v->record, "evidence"), 0);
    output_text(out, "[finding@32473");
    add_value(out, "id", v->id);
    add_value(out, "code", v->code);
    add_value(out, "rule", v->name);
    add_value(out, "severity", v->severity);
    add_value(out, "confidence", v->confidence);
    add_end(out, "client", &v->client);
    add_end(out, "server", &v->server);
    if (v->server.port != 0) {
        add_number(out, "server_port", v->server.port);
    }
    add_value(out, "first", v->first);
    add_value(out, "last", v->last);
    add_number(out, "count", v->count);
    add_value(out, "accepted", v->accepted ? v->reason : "");
    add_value(out, "file", member_or_empty(first, "file"));
    if (member_number(first, "packet") > 0) {
        add_number(out, "packet", member_number(first, "packet"));
    }
    output_text(out, "]");
}

void render_syslog(struct output *out, const struct document *d, const struct render_options *o)
{
    static const unsigned severities[] = {6, 6, 5, 4, 3, 2}; /* by rank: critical is 2 */
    (void)o;
    for (size_t i = 0; i < d->findings.count; i++) {
        const struct finding_view v = finding_view(d, i);
        output_format(out, "<%u>1 ", FACILITY * 8 + severities[v.rank]);
        add_time(out, v.last);
        output_format(out, " - rolecall - %s ", *v.code == '\0' ? "-" : v.code);
        add_structured_data(out, &v);
        output_text(out, " \xef\xbb\xbf"); /* 6.4: what follows is UTF-8 */
        escaped_text(out, v.title, "", SIZE_MAX);
        output_text(out, *v.explanation == '\0' ? "" : ": ");
        escaped_text(out, v.explanation, "", SIZE_MAX);
        output_line(out);
    }
}
