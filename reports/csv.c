/*
 * csv.c - tables for spreadsheets: findings, verdicts, hosts and flows (who speaks to whom).
 *
 * A field that a spreadsheet would take for a formula gets an apostrophe in front; what cannot be
 * seen is shown as in the text report.
 *
 * Spec: RFC 4180; OWASP on CSV injection.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "reports/finding_view.h"
#include "reports/formats.h"
#include "reports/glyph.h"

struct row {
    struct output *out;
    bool any; /* a field stands before the next one */
};

/* Every field of text is in quotes, so that nothing in it needs to be asked. */
static void add_text(struct row *r, const char *text)
{
    output_text(r->out, r->any ? ",\"" : "\"");
    r->any = true;
    if (*text != '\0' && strchr("=+-@\t\r\n|%", *text) != NULL) {
        output_text(r->out, "'");
    }
    for (size_t used = 0; *text != '\0'; text += used) {
        struct glyph g = glyph_of(text, &used);
        output_octets(r->out, "\"", *text == '"');
        output_octets(r->out, g.text, g.len);
    }
    output_text(r->out, "\"");
}

static void add_number(struct row *r, uint64_t number)
{
    output_format(r->out, "%s%" PRIu64, r->any ? "," : "", number);
    r->any = true;
}

static void end_row(struct row *r)
{
    output_octets(r->out, "\r", 1);
    output_line(r->out);
    r->any = false;
}

static void add_head(struct row *r, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        add_text(r, names[i]);
    }
    end_row(r);
}
#define HEAD(r, ...)                                                                               \
    add_head(r, (const char *const[]){__VA_ARGS__},                                                \
             sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

/* What was written to memory as one field. */
static void add_joined(struct row *r, struct output *joined)
{
    size_t len = 0;
    if (joined == NULL) {
        add_text(r, "");
        return;
    }
    output_octets(joined, "", 1);
    add_text(r, output_memory(joined, &len));
    output_drop(joined);
}

/* The texts of an array: "a; b". */
static void add_list(struct row *r, const json_t *list)
{
    struct output *joined = output_to_memory();
    for (size_t i = 0; joined != NULL && i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        output_text(joined, i == 0 ? "" : "; ");
        output_text(joined, text == NULL ? "" : text);
    }
    add_joined(r, joined);
}

/* The names of an object with their counts: "3.1.1 2; 2.1 1". */
static void add_tally(struct row *r, const json_t *tally)
{
    struct output *joined = output_to_memory();
    json_t *members = (json_t *)tally; /* jansson's iterator is not const */
    for (void *at = joined == NULL ? NULL : json_object_iter(members); at != NULL;
         at = json_object_iter_next(members, at)) {
        output_format(joined, "%s%s %" PRIu64, at == json_object_iter(members) ? "" : "; ",
                      json_object_iter_key(at),
                      (uint64_t)json_integer_value(json_object_iter_value(at)));
    }
    add_joined(r, joined);
}

static void add_end(struct row *r, const struct end_view *e)
{
    add_text(r, e->ip);
    add_text(r, e->name);
    add_text(r, e->group);
}

void render_csv_findings(struct output *out, const struct document *d,
                         const struct render_options *o)
{
    struct row r = {.out = out};
    (void)o;
    HEAD(&r, "id", "severity", "confidence", "code", "rule", "title", "client_ip", "client_name",
         "client_group", "server_ip", "server_name", "server_group", "server_port", "first", "last",
         "count", "accepted", "statements", "explanation", "remediation", "file", "packet",
         "display_filter");
    for (size_t i = 0; i < d->findings.count; i++) {
        const struct finding_view v = finding_view(d, i);
        const json_t *packet = json_array_get(member_at(v.record, "evidence"), 0);
        const char *texts[] = {v.id, v.severity, v.confidence, v.code, v.name, v.title};
        for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
            add_text(&r, texts[t]);
        }
        add_end(&r, &v.client);
        add_end(&r, &v.server);
        add_number(&r, v.server.port);
        add_text(&r, v.first);
        add_text(&r, v.last);
        add_number(&r, v.count);
        add_text(&r, v.accepted ? v.reason : "");
        add_list(&r, member_at(v.record, "statements"));
        add_text(&r, v.explanation);
        add_text(&r, v.remediation);
        add_text(&r, member_or_empty(packet, "file"));
        add_number(&r, member_number(packet, "packet"));
        add_text(&r, member_or_empty(v.record, "display_filter"));
        end_row(&r);
    }
}

void render_csv_verdicts(struct output *out, const struct document *d,
                         const struct render_options *o)
{
    struct row r = {.out = out};
    (void)o;
    HEAD(&r, "code", "rule", "subject", "status", "observed", "because");
    for (size_t i = 0; i < d->verdicts.count; i++) {
        const json_t *v = d->verdicts.at[i];
        add_text(&r, member_or_empty(v, "code"));
        add_text(&r, member_or_empty(v, "rule"));
        add_text(&r, member_or_empty(v, "subject"));
        add_text(&r, member_or_empty(v, "status"));
        add_number(&r, member_number(v, "observed"));
        add_text(&r, member_or_empty(v, "because"));
        end_row(&r);
    }
}

void render_csv_hosts(struct output *out, const struct document *d, const struct render_options *o)
{
    static const char *const tallies[] = {"posture.smb.dialects",  "posture.smb.signing",
                                          "posture.tls.versions",  "posture.sql.encryption",
                                          "posture.ntlm.variants", "posture.kerberos.etypes"};
    struct row r = {.out = out};
    (void)o;
    HEAD(&r, "name", "ips", "declared", "roles", "site", "forest", "zone", "group", "first", "last",
         "flows", "bytes_sent", "bytes_received", "findings", "worst", "smb_dialects",
         "smb_signing", "tls_versions", "sql_encryption", "ntlm_variants", "kerberos_etypes");
    for (size_t i = 0; i < d->hosts.count; i++) {
        const json_t *h = d->hosts.at[i];
        static const char *const texts[] = {"site", "forest", "zone", "group", "first", "last"};
        static const char *const numbers[] = {"flows", "bytes_sent", "bytes_received", "findings"};
        add_text(&r, member_or_empty(h, "name"));
        add_list(&r, member_at(h, "ips"));
        add_text(&r, member_truth(h, "declared") ? "yes" : "no");
        add_list(&r, member_at(h, "roles"));
        for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
            add_text(&r, member_or_empty(h, texts[t]));
        }
        for (size_t n = 0; n < sizeof numbers / sizeof *numbers; n++) {
            add_number(&r, member_number(h, numbers[n]));
        }
        add_text(&r, member_or_empty(h, "worst"));
        for (size_t t = 0; t < sizeof tallies / sizeof *tallies; t++) {
            add_tally(&r, member_at(h, tallies[t]));
        }
        end_row(&r);
    }
}

void render_csv_flows(struct output *out, const struct document *d, const struct render_options *o)
{
    struct row r = {.out = out};
    (void)o;
    HEAD(&r, "client_ip", "client_name", "client_group", "server_ip", "server_name", "protocol",
         "transport", "port", "flows", "bytes", "unanswered", "first", "last");
    for (size_t i = 0; i < d->conversations.count; i++) {
        static const char *const texts[] = {"client.ip", "client.name", "client.group",
                                            "server.ip", "server.name", "protocol",
                                            "transport"};
        static const char *const numbers[] = {"port", "flows", "bytes", "unanswered"};
        const json_t *c = d->conversations.at[i];
        for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
            add_text(&r, member_or_empty(c, texts[t]));
        }
        for (size_t n = 0; n < sizeof numbers / sizeof *numbers; n++) {
            add_number(&r, member_number(c, numbers[n]));
        }
        add_text(&r, member_or_empty(c, "first"));
        add_text(&r, member_or_empty(c, "last"));
        end_row(&r);
    }
}
