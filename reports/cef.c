/*
 * cef.c - findings in ArcSight's Common Event Format, one a line.
 *
 * In the header "|" and "\" are escaped, in the values "=" and "\"; what cannot be seen is shown as
 * in the text report, line ends among it.
 *
 * Spec: ArcSight Common Event Format (CEF) Implementation Standard, version 25.
 */
#include <inttypes.h>
#include <string.h>

#include "reports/finding_view.h"
#include "reports/formats.h"

static void add_header(struct output *out, const char *text)
{
    escaped_text(out, text, "|\\", SIZE_MAX);
    output_text(out, "|");
}

/* The standard's limits of a value are 1023 octets and less. */
#define VALUE_MOST 1023

static void add_text(struct output *out, const char *key, const char *text)
{
    if (*text != '\0') {
        output_format(out, " %s=", key);
        escaped_text(out, text, "=\\", VALUE_MOST);
    }
}

static void add_number(struct output *out, const char *key, uint64_t number)
{
    output_format(out, " %s=%" PRIu64, key, number);
}

static void add_ms(struct output *out, const char *key, const char *rfc3339)
{
    int64_t ns = time_of_text(rfc3339);
    add_number(out, key, ns < 0 ? 0 : (uint64_t)ns / 1000000);
}

/* IPv6 addresses have fields of their own. */
static void add_end(struct output *out, const struct end_view *e, const char *const keys[3])
{
    bool v6 = strchr(e->ip, ':') != NULL;
    add_text(out, keys[0], v6 ? "" : e->ip);
    if (v6) {
        add_text(out, keys[1], e->ip);
        output_format(out, " %sLabel=%s IPv6 Address", keys[1],
                      strcmp(keys[1], "c6a2") == 0 ? "Source" : "Destination");
    }
    add_text(out, keys[2], e->name);
}

static void add_packet(struct output *out, const struct finding_view *v)
{
    const json_t *first = json_array_get(member_at(v->record, "evidence"), 0);
    add_text(out, "fname", member_or_empty(first, "file"));
    if (member_number(first, "packet") > 0) {
        output_text(out, " cn1Label=packet");
        add_number(out, "cn1", member_number(first, "packet"));
    }
}

void render_cef(struct output *out, const struct document *d, const struct render_options *o)
{
    static const char *const client_keys[3] = {"src", "c6a2", "shost"};
    static const char *const server_keys[3] = {"dst", "c6a3", "dhost"};
    static const unsigned severities[] = {0, 1, 3, 5, 8, 10}; /* by rank; 0 to 10 */
    (void)o;
    for (size_t i = 0; i < d->findings.count; i++) {
        const struct finding_view v = finding_view(d, i);
        output_text(out, "CEF:0|rolecall|rolecall|");
        add_header(out, member_or_empty(d->audit, "version"));
        add_header(out, v.code);
        add_header(out, v.title);
        output_format(out, "%u|externalId=", severities[v.rank]);
        escaped_text(out, v.id, "=\\", VALUE_MOST);
        add_text(out, "cat", v.name);
        add_ms(out, "start", v.first);
        add_ms(out, "end", v.last);
        add_number(out, "cnt", v.count);
        add_end(out, &v.client, client_keys);
        add_end(out, &v.server, server_keys);
        if (v.server.port != 0) {
            add_number(out, "dpt", v.server.port);
        }
        add_text(out, "msg", v.explanation);
        output_text(out, " cs1Label=confidence");
        add_text(out, "cs1", v.confidence);
        if (v.accepted) {
            output_text(out, " cs2Label=accepted");
            add_text(out, "cs2", v.reason);
        }
        add_packet(out, &v);
        output_line(out);
    }
}
