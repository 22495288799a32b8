#include "reports/flow_list.h"

#include <stdio.h>
#include <string.h>

#include "reports/json.h"

#define V4_BITS 96u
#define NAME_TEXT 100
#define PORTS_TEXT 200

const char *const flow_list_formats[] = {"table", "csv", "json", "nftables", "windows", NULL};

/* ---- parts ---- */

static const char *safe_name(const struct matrix_end *e, char text[NAME_TEXT])
{
    static const char fine[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    (void)snprintf(text, NAME_TEXT, "%.60s", matrix_flow_end(e));
    for (char *at = text + strspn(text, fine); *at != '\0'; at += strspn(at, fine)) {
        *at++ = '_';
    }
    return text;
}

static const char *ports_text(const struct matrix_flow *f, const char *between,
                              char text[PORTS_TEXT])
{
    size_t n = 0;
    text[0] = '\0';
    for (unsigned i = 0; i < f->port_count && n + 16 < PORTS_TEXT; i++) {
        struct port_range p = f->ports[i];
        n += (size_t)snprintf(text + n, PORTS_TEXT - n, p.first == p.last ? "%s%u" : "%s%u-%u",
                              i == 0 ? "" : between, p.first, p.last);
    }
    return text;
}

static const char *transports_text(uint8_t transports)
{
    return transports == MATRIX_TCP ? "tcp" : transports == MATRIX_UDP ? "udp" : "tcp+udp";
}

static struct prefix prefix_at(const struct matrix_end *e, unsigned i)
{
    return e->host != NULL ? (struct prefix){e->host->addresses[i], 128} : e->group->prefixes[i];
}

static unsigned prefix_count(const struct matrix_end *e)
{
    return e->host != NULL ? e->host->address_count : e->group != NULL ? e->group->count : 0;
}

static bool is_v4(const struct prefix *p)
{
    return address_is_v4(&p->address) && p->bits >= V4_BITS;
}

/* The end's addresses of one family, or of both; how many there are. */
enum family { FAMILY_V4 = 1, FAMILY_V6 = 2 };
static unsigned add_addresses(struct output *out, const struct matrix_end *e, unsigned families)
{
    unsigned n = 0;
    char text[ADDRESS_TEXT];
    for (unsigned i = 0; i < prefix_count(e); i++) {
        struct prefix p = prefix_at(e, i);
        bool v4 = is_v4(&p);
        if ((families & (v4 ? FAMILY_V4 : FAMILY_V6)) == 0) {
            continue;
        }
        if (out != NULL) {
            output_format(out, "%s%s", n == 0 ? "" : ",", address_format(&p.address, text));
            if (p.bits < 128) {
                output_format(out, "/%u", v4 ? p.bits - V4_BITS : p.bits);
            }
        }
        n++;
    }
    return n;
}

static bool is_internet(const struct matrix_end *e)
{
    return e->host == NULL && e->group == NULL;
}

/* ---- for people and programs ---- */

static void as_table(struct output *out, const struct matrix_flow *flows, size_t count)
{
    char ports[PORTS_TEXT];
    for (size_t i = 0; i < count; i++) {
        const struct matrix_flow *f = &flows[i];
        if (i == 0 || strcmp(matrix_flow_end(&f->to), matrix_flow_end(&flows[i - 1].to)) != 0) {
            output_format(out, "%s%s is reached by", i == 0 ? "" : "\n", matrix_flow_end(&f->to));
            output_line(out);
        }
        output_format(out, "  %-40s %-7s %-20s %-13s %s%s", matrix_flow_end(&f->from),
                      transports_text(f->transports), ports_text(f, ",", ports),
                      matrix_class_name((enum matrix_class)f->row->of), f->row->id,
                      f->needed ? "" : "  optional");
        output_line(out);
    }
}

static void add_quoted(struct output *out, const char *text)
{
    output_text(out, "\"");
    for (; *text != '\0'; text++) {
        output_octets(out, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1);
    }
    output_text(out, "\"");
}

static void as_csv(struct output *out, const struct matrix_flow *flows, size_t count)
{
    char ports[PORTS_TEXT], versions[MATRIX_VERSIONS_TEXT];
    output_text(out,
                "from,from_addresses,to,to_addresses,transport,ports,protocol,row,versions,needed");
    output_line(out);
    for (size_t i = 0; i < count; i++) {
        const struct matrix_flow *f = &flows[i];
        add_quoted(out, matrix_flow_end(&f->from));
        output_text(out, ",\"");
        (void)add_addresses(out, &f->from, FAMILY_V4 | FAMILY_V6);
        output_text(out, "\",");
        add_quoted(out, matrix_flow_end(&f->to));
        output_text(out, ",\"");
        (void)add_addresses(out, &f->to, FAMILY_V4 | FAMILY_V6);
        output_format(out, "\",%s,\"%s\",%s,%s,%s,%s", transports_text(f->transports),
                      ports_text(f, ",", ports), matrix_class_name((enum matrix_class)f->row->of),
                      f->row->id, matrix_versions(f->row, versions),
                      f->needed ? "yes" : "optional");
        output_line(out);
    }
}

static void add_end(struct json *j, const char *key, const struct matrix_end *e)
{
    char text[ADDRESS_TEXT], whole[ADDRESS_TEXT + 8];
    json_open(j, key, '{');
    json_text(j, "name", matrix_flow_end(e));
    json_open(j, "addresses", '[');
    for (unsigned i = 0; i < prefix_count(e); i++) {
        struct prefix p = prefix_at(e, i);
        (void)snprintf(whole, sizeof whole, p.bits == 128 ? "%s" : "%s/%u",
                       address_format(&p.address, text), is_v4(&p) ? p.bits - V4_BITS : p.bits);
        json_text(j, NULL, whole);
    }
    json_close(j, ']');
    json_close(j, '}');
}

static void as_json(struct output *out, const struct matrix_flow *flows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct matrix_flow *f = &flows[i];
        struct json j = json_on(out);
        char ports[PORTS_TEXT], versions[MATRIX_VERSIONS_TEXT];
        json_open(&j, NULL, '{');
        json_text(&j, "type", "needed_flow");
        add_end(&j, "from", &f->from);
        add_end(&j, "to", &f->to);
        json_text(&j, "transport", transports_text(f->transports));
        json_parts(&j, "ports", ports_text(f, ",", ports), ',');
        json_text(&j, "protocol", matrix_class_name((enum matrix_class)f->row->of));
        json_text(&j, "row", f->row->id);
        json_text(&j, "versions", matrix_versions(f->row, versions));
        json_truth(&j, "needed", f->needed);
        json_close(&j, '}');
        output_line(out);
    }
}

/* ---- for firewalls ---- */

static void add_nft_rule(struct output *out, const struct matrix_flow *f, enum family family,
                         const char *transport)
{
    char from[NAME_TEXT], to[NAME_TEXT], ports[PORTS_TEXT];
    const char *ip = family == FAMILY_V4 ? "ip" : "ip6";
    const struct matrix_end *ends[] = {&f->from, &f->to};
    output_text(out, "        ");
    for (unsigned i = 0; i < 2; i++) {
        if (!is_internet(ends[i])) {
            output_format(out, "%s %s { ", ip, i == 0 ? "saddr" : "daddr");
            (void)add_addresses(out, ends[i], family);
            output_text(out, " } ");
        }
    }
    output_format(out, "%s dport { %s } accept comment \"%s %.45s to %.45s\"", transport,
                  ports_text(f, ", ", ports), f->row->id, safe_name(&f->from, from),
                  safe_name(&f->to, to));
    output_line(out);
}

static bool has_family(const struct matrix_end *e, unsigned family)
{
    return is_internet(e) || add_addresses(NULL, e, family) > 0;
}

/* What cannot be a rule is said, once per host: its addresses are not declared. */
static void add_nft_gap(struct output *out, const struct matrix_flow *flows, size_t i)
{
    char name[NAME_TEXT];
    bool first = i == 0 || flows[i - 1].to.host != flows[i].to.host;
    if (first && flows[i].to.host != NULL && prefix_count(&flows[i].to) == 0) {
        output_format(out, "        # %s has no address in the policy",
                      safe_name(&flows[i].to, name));
        output_line(out);
    }
}

static void as_nftables(struct output *out, const struct matrix_flow *flows, size_t count)
{
    static const enum family families[] = {FAMILY_V4, FAMILY_V6};
    output_text(out, "table inet rolecall {\n    chain forward {\n"
                     "        type filter hook forward priority filter; policy drop;\n"
                     "        ct state established,related accept");
    output_line(out);
    for (size_t i = 0; i < count; i++) {
        const struct matrix_flow *f = &flows[i];
        add_nft_gap(out, flows, i);
        for (unsigned k = 0; f->needed && k < 2; k++) {
            if (!has_family(&f->from, families[k]) || !has_family(&f->to, families[k])) {
                continue;
            }
            if ((f->transports & MATRIX_TCP) != 0) {
                add_nft_rule(out, f, families[k], "tcp");
            }
            if ((f->transports & MATRIX_UDP) != 0) {
                add_nft_rule(out, f, families[k], "udp");
            }
        }
    }
    output_text(out, "    }\n}");
    output_line(out);
}

static void add_windows_rule(struct output *out, const struct matrix_flow *f, const char *transport)
{
    char from[NAME_TEXT], ports[PORTS_TEXT];
    output_format(out,
                  "New-NetFirewallRule -DisplayName 'rolecall %s %s from %s' -Direction Inbound "
                  "-Action Allow -Protocol %s -LocalPort %s",
                  f->row->id, transport, safe_name(&f->from, from), transport,
                  ports_text(f, ",", ports));
    if (!is_internet(&f->from)) {
        output_text(out, " -RemoteAddress ");
        (void)add_addresses(out, &f->from, FAMILY_V4 | FAMILY_V6);
    }
    output_line(out);
}

/* Inbound rules, host by host; clients open connections and need none. */
static void as_windows(struct output *out, const struct matrix_flow *flows, size_t count)
{
    char name[NAME_TEXT];
    const struct host *last = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct matrix_flow *f = &flows[i];
        bool addressed = is_internet(&f->from) || prefix_count(&f->from) > 0;
        if (!f->needed || f->to.host == NULL || !addressed) {
            continue;
        }
        if (f->to.host != last) {
            output_format(out, "%s# on %s", last == NULL ? "" : "\n", safe_name(&f->to, name));
            output_line(out);
            last = f->to.host;
        }
        if ((f->transports & MATRIX_TCP) != 0) {
            add_windows_rule(out, f, "TCP");
        }
        if ((f->transports & MATRIX_UDP) != 0) {
            add_windows_rule(out, f, "UDP");
        }
    }
}

bool flow_list(struct output *out, const char *format, const struct matrix_flow *flows,
               size_t count)
{
    static void (*const writers[])(struct output * out, const struct matrix_flow *flows,
                                   size_t count) = {as_table, as_csv, as_json, as_nftables,
                                                    as_windows};
    for (unsigned i = 0; flow_list_formats[i] != NULL; i++) {
        if (strcmp(format, flow_list_formats[i]) == 0) {
            writers[i](out, flows, count);
            return true;
        }
    }
    return false;
}
