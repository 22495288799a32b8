#include "reports/records.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy/coverage.h"
#include "policy/ledger.h"
#include "reports/deciding.h"
#include "reports/evidence.h"

struct json record_begin(struct output *out, const char *type)
{
    struct json j = json_on(out);
    json_open(&j, NULL, '{');
    json_text(&j, "type", type);
    return j;
}

void record_end(struct json *j)
{
    json_close(j, '}');
    json_line(j);
}

static const char *file_name(const struct record_names *names, uint32_t file)
{
    return names->source == NULL ? NULL : source_file_name(names->source, file);
}

/* ---- observations ---- */

static void add_end(struct json *j, const char *key, const struct record_names *names,
                    const struct observation *o, enum dir dir)
{
    const struct flow_end *end = &o->flow.ends[dir];
    char text[ADDRESS_TEXT];
    json_open(j, key, '{');
    json_text(j, "ip", address_format(&end->address, text));
    if (o->flow.protocol == IP_TCP || o->flow.protocol == IP_UDP) {
        json_number(j, "port", end->port);
    }
    if (end->has_mac) {
        char mac[18];
        const uint8_t *m = end->mac;
        (void)snprintf(mac, sizeof mac, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3],
                       m[4], m[5]);
        json_text(j, "mac", mac);
    }
    const struct host *host =
        names->policy == NULL ? NULL : policy_host(names->policy, &end->address);
    json_text(j, "name", host == NULL ? NULL : host->name);
    if (o->flow.has_vlan) {
        json_number(j, "vlan", o->flow.vlan);
    }
    json_close(j, '}');
}

static void add_stamp(struct json *j, const char *key, const struct record_names *names,
                      const struct observation *o, const struct fact *f)
{
    struct stamp at = {0};
    struct bytes octets = fact_octets(o, f);
    assert(octets.len == sizeof at);
    memcpy(&at, octets.at, sizeof at);
    json_number(j, key, at.packet);
    if (at.file != o->at.file) {
        /* Only where many files are one timeline and the exchange spans two of them. */
        char beside[80];
        (void)snprintf(beside, sizeof beside, "%s_file", key);
        json_text(j, beside, file_name(names, at.file));
    }
}

static void add_value(struct json *j, const char *key, const struct record_names *names,
                      const struct observation *o, const struct fact *f)
{
    switch (fact_rows[f->id].type) {
    case FACT_TEXT:
    case FACT_LIST:
        json_span(j, key, fact_octets(o, f));
        break;
    case FACT_NUM:
        json_number(j, key, f->value.num);
        break;
    case FACT_BOOL:
        json_truth(j, key, f->value.num != 0);
        break;
    case FACT_CODE16:
        json_code(j, key, f->value.num, 4);
        break;
    case FACT_CODE32:
        json_code(j, key, f->value.num, 8);
        break;
    case FACT_HEX:
        json_hex(j, key, fact_octets(o, f));
        break;
    case FACT_TIME:
        json_time(j, key, (int64_t)f->value.num, o->at.precision);
        break;
    case FACT_DATE:
        json_time(j, key, (int64_t)f->value.num, 0);
        break;
    case FACT_PACKET:
        add_stamp(j, key, names, o, f);
        break;
    }
}

/* Opens and closes objects so that the next key may be written where its dots say. Depth is at most
 * two. */
static const char *enter_group(struct json *j, const char *key, struct bytes *open)
{
    const char *dot = strchr(key, '.');
    struct bytes group = dot == NULL ? (struct bytes){0} : bytes_of(key, (size_t)(dot - key));
    if (open->len > 0 && !(group.len == open->len && memcmp(group.at, open->at, group.len) == 0)) {
        json_close(j, '}');
        *open = (struct bytes){0};
    }
    if (group.len > 0 && open->len == 0) {
        json_key(j, group);
        json_open(j, NULL, '{');
        *open = group;
    }
    return dot == NULL ? key : dot + 1;
}

static void add_facts(struct json *j, const struct record_names *names, const struct observation *o)
{
    /* Facts are stated as they become known; keys are written in the table's order. */
    uint32_t first[FACT_COUNT];
    enum fact_id low = FACT_COUNT, high = (enum fact_id)0;
    memset(first, 0xff, sizeof first);
    for (uint32_t i = o->count; i-- > 0;) {
        enum fact_id id = (enum fact_id)o->facts[i].id;
        first[id] = i;
        low = id < low ? id : low;
        high = id > high ? id : high;
    }
    struct bytes open = {0};
    size_t prefix = strlen(record_keys[o->record]) + 1;
    for (unsigned id = low; id <= high; id++) {
        if (first[id] == UINT32_MAX) {
            continue;
        }
        const char *key = enter_group(j, fact_rows[id].key + prefix, &open);
        const struct fact *f = &o->facts[first[id]];
        if (fact_rows[id].type != FACT_LIST) {
            add_value(j, key, names, o, f);
            continue;
        }
        json_open(j, key, '[');
        for (; f != NULL; f = observation_more(o, (enum fact_id)id, f)) {
            add_value(j, NULL, names, o, f);
        }
        json_close(j, ']');
    }
    if (open.len > 0) {
        json_close(j, '}');
    }
}

void record_observation(struct output *out, const struct record_names *names,
                        const struct observation *o)
{
    struct json j = record_begin(out, record_keys[o->record]);
    json_time(&j, "ts", o->at.ns, o->at.precision);
    json_number(&j, "flow", o->flow.id);
    if (o->record == RECORD_FLOW) {
        add_end(&j, "client", names, o, DIR_CLIENT);
        add_end(&j, "server", names, o, DIR_SERVER);
    } else {
        json_number(&j, "packet", o->at.packet);
        json_text(&j, "dir", o->dir == DIR_CLIENT ? "client" : "server");
    }
    json_text(&j, "file", file_name(names, o->at.file));
    add_facts(&j, names, o);
    record_end(&j);
}

/* ---- findings and verdicts ---- */

static void add_party(struct json *j, const char *key, const struct party *p)
{
    if (!p->known) {
        return;
    }
    char text[ADDRESS_TEXT];
    json_open(j, key, '{');
    json_text(j, "ip", address_format(&p->address, text));
    if (p->port != 0) {
        json_number(j, "port", p->port);
    }
    json_text(j, "name", p->host == NULL ? NULL : p->host->name);
    if (p->learned != NULL) {
        json_text(j, "learned_name", p->learned->name);
        json_text(j, "learned_from", name_source_text(p->learned->source));
    }
    json_open(j, "roles", '[');
    for (unsigned i = 0; p->host != NULL && i < p->host->role_count; i++) {
        json_text(j, NULL, role_name(p->host->roles[i].role));
    }
    json_close(j, ']');
    const struct forest *forest = p->host != NULL    ? p->host->forest
                                  : p->group != NULL ? p->group->forest
                                                     : NULL;
    json_text(j, "forest", forest == NULL ? NULL : forest->name);
    json_text(j, "group", p->group == NULL ? NULL : p->group->name);
    json_text(j, "zone", p->zone == NULL ? NULL : p->zone->name);
    json_close(j, '}');
}

/* Decoded fields, by the names of facts; those that have a number also say it as its own. */
static void add_fields(struct json *j, const struct evidence *e)
{
    if (e->field_count == 0) {
        return;
    }
    json_open(j, "fields", '{');
    for (unsigned i = 0; i < e->field_count; i++) {
        const struct evidence_field *f = &e->fields[i];
        const char *key = fact_rows[f->id].key;
        enum fact_type type = fact_rows[f->id].type;
        if (type == FACT_BOOL) {
            json_truth(j, key, f->number != 0);
        } else if (type == FACT_CODE16 || type == FACT_CODE32) {
            json_code(j, key, f->number, type == FACT_CODE16 ? 4 : 8);
        } else if (type == FACT_DATE) {
            json_time(j, key, (int64_t)f->number, 0);
        } else if (type == FACT_NUM) {
            json_number(j, key, f->number);
        } else {
            json_text(j, key, f->text);
        }
    }
    json_close(j, '}');
}

/* What the packet is cited for: the kind of record that its fields are of. */
static enum record cited_for(const struct evidence *e)
{
    const char *key = e->field_count == 0 ? "" : fact_rows[e->fields[0].id].key;
    enum record r = (enum record)0;
    while (r < RECORD_COUNT && !(strncmp(key, record_keys[r], strlen(record_keys[r])) == 0 &&
                                 key[strlen(record_keys[r])] == '.')) {
        r++;
    }
    return r;
}

static void add_octets(struct json *j, const struct cited_packet *cited, const struct evidence *e)
{
    const struct packet *packets[LEAD_PACKETS + 1];
    enum record about = cited_for(e);
    unsigned count = cited->lead_count, in = cited->lead_count;
    struct deciding d;
    for (unsigned i = 0; i < count; i++) {
        packets[i] = &cited->lead[i]->packet;
    }
    packets[count] = &cited->packet->packet;
    if (!deciding_octets(packets[count], about, &d) &&
        !deciding_before(packets, count + 1, about, &d, &in)) {
        return;
    }
    json_text(j, "hex_of", d.of);
    if (in < count) {
        json_number(j, "hex_packet", packets[in]->at.packet);
    }
    json_number(j, "hex_offset", d.offset);
    json_hex(j, "hex", d.octets);
}

static void add_evidence(struct json *j, const struct record_names *names, const struct finding *f)
{
    bool several = names->source != NULL && source_files(names->source) > 1, kept = false;
    json_open(j, "evidence", '[');
    for (unsigned i = 0; i < f->evidence_count; i++) {
        const struct evidence *e = &f->evidence[i];
        const struct cited_packet *cited =
            names->packets == NULL ? NULL
                                   : cited_packets_find(names->packets, e->at.file, e->at.packet);
        bool here = cited != NULL && cited->packet != NULL;
        kept = kept || here;
        json_open(j, NULL, '{');
        json_text(j, "file", file_name(names, e->at.file));
        if (several) {
            json_number(j, "file_index", e->at.file);
        }
        json_number(j, "packet", e->at.packet);
        json_time(j, "ts", e->at.ns, e->at.precision);
        json_text(j, "says", e->says);
        add_fields(j, e);
        if (here) {
            add_octets(j, cited, e);
        }
        json_close(j, '}');
    }
    json_close(j, ']');
    if (kept && names->evidence) {
        char path[sizeof EVIDENCE_FOLDER "/.pcapng" + sizeof f->id];
        (void)snprintf(path, sizeof path, EVIDENCE_FOLDER "/%s.pcapng", f->id);
        json_text(j, "evidence_file", path);
    }
}

/* What Wireshark shows of it: the packets between its ends. */
static void add_display_filter(struct json *j, const struct finding *f)
{
    const struct party *ends[2] = {&f->client, &f->server};
    char text[256] = "", address[ADDRESS_TEXT];
    int len = 0;
    for (unsigned d = 0; d < 2; d++) {
        if (ends[d]->known) {
            len +=
                snprintf(text + len, sizeof text - (size_t)len, "%s%s.addr == %s",
                         len == 0 ? "" : " && ", address_is_v4(&ends[d]->address) ? "ip" : "ipv6",
                         address_format(&ends[d]->address, address));
        }
    }
    if (f->server.known && f->server.port != 0) {
        (void)snprintf(text + len, sizeof text - (size_t)len,
                       " && (tcp.port == %u || udp.port == %u)", f->server.port, f->server.port);
    }
    json_text(j, "display_filter", *text == '\0' ? NULL : text);
}

void record_finding(struct output *out, const struct record_names *names, const struct finding *f)
{
    struct json j = record_begin(out, "finding");
    json_text(&j, "id", f->id);
    json_text(&j, "rule", f->rule->name);
    json_text(&j, "code", f->rule->code);
    json_text(&j, "title", f->title);
    json_text(&j, "severity", severity_name(f->severity));
    json_text(&j, "confidence", confidence_name(f->confidence));
    json_parts(&j, "statements", f->rule->statements, ' ');
    json_parts(&j, "references", f->rule->references, '\n');
    add_party(&j, "client", &f->client);
    add_party(&j, "server", &f->server);
    if (f->any_client) {
        json_truth(&j, "any_client", true);
    }
    json_time(&j, "first", f->first_ns, f->precision);
    json_time(&j, "last", f->last_ns, f->precision);
    json_number(&j, "count", f->count);
    json_open(&j, "flows", '[');
    for (unsigned i = 0; i < f->flow_count; i++) {
        json_number(&j, NULL, f->flows[i]);
    }
    json_close(&j, ']');
    json_number(&j, "flows_total", f->flows_total);
    add_evidence(&j, names, f);
    add_display_filter(&j, f);
    json_text(&j, "explanation", f->explanation);
    json_text(&j, "remediation", f->remediation);
    if (f->accepted != NULL) {
        json_open(&j, "accepted", '{');
        json_text(&j, "reason", f->accepted->reason);
        json_text(&j, "until", f->accepted->until);
        json_text(&j, "by", f->accepted->by);
        if (f->acceptance_expired) {
            json_truth(&j, "expired", true);
        }
        json_close(&j, '}');
    }
    record_end(&j);
}

void record_verdict(struct output *out, const struct verdict *v)
{
    struct json j = record_begin(out, "verdict");
    json_text(&j, "rule", v->rule->name);
    json_text(&j, "code", v->rule->code);
    json_text(&j, "subject", v->subject);
    json_text(&j, "status", verdict_status_name(v->status));
    json_number(&j, "observed", v->observed);
    if (v->partial) {
        json_truth(&j, "partial", true);
    }
    json_text(&j, "because", v->because);
    record_end(&j);
}

void record_statement(struct output *out, const struct statement_verdict *v)
{
    const struct statement *s = v->statement;
    struct json j = record_begin(out, "statement");
    json_text(&j, "id", s->id);
    json_text(&j, "demands", s->demands);
    json_text(&j, "seen", statement_seen_name(s->seen));
    json_text(&j, "status", verdict_status_name(v->status));
    json_parts(&j, "rules", v->judged, ' ');
    json_parts(&j, "not_judged", v->not_judged, ' ');
    json_number(&j, "observed", v->observed);
    json_text(&j, "because", v->because);
    record_end(&j);
}

/* A row of the matrix that the hierarchy needs, or that was used as if it did. */
static void record_row(struct output *out, const struct matrix_row *row, const struct row_sight *s)
{
    struct json j = record_begin(out, "coverage");
    json_text(&j, "row", row->id);
    json_text(&j, "class", matrix_class_name((enum matrix_class)row->of));
    json_text(&j, "from", matrix_side_name(row->from));
    json_text(&j, "to", matrix_side_name(row->to));
    json_number(&j, "answered", s->answered);
    json_number(&j, "unanswered", s->unanswered);
    record_end(&j);
}

void record_coverage(struct output *out, const struct audit *audit)
{
    const struct coverage *c = audit_coverage(audit);
    const struct matrix_table *t = audit_policy(audit)->matrix_table;
    bool *needed = matrix_rows_needed(audit_policy(audit));
    for (unsigned i = 0; i < t->count; i++) {
        const struct matrix_row *row = &t->rows[i];
        struct row_sight s = coverage_row(c, row);
        if (s.answered + s.unanswered > 0 || (needed != NULL && needed[i])) {
            record_row(out, row, &s);
        }
    }
    free(needed);
}

/* ---- summary ---- */

void flow_quality_add(struct flow_quality *q, const struct observation *flow)
{
    uint64_t missing = observation_number(flow, FACT_FLOW_MISSING_CLIENT, 0) +
                       observation_number(flow, FACT_FLOW_MISSING_SERVER, 0);
    uint64_t client = observation_number(flow, FACT_FLOW_PACKETS_CLIENT, 0);
    uint64_t server = observation_number(flow, FACT_FLOW_PACKETS_SERVER, 0);
    q->gaps += missing > 0;
    q->missing_octets += missing;
    if (flow->flow.protocol == IP_TCP) {
        /* A connection attempt that nobody answers is the network's answer, not the capture's
         * fault. */
        bool went_on = !observation_is(flow, FACT_FLOW_STATE, "unanswered");
        q->one_sided += went_on && (client == 0 || server == 0);
        q->midstream += observation_is(flow, FACT_FLOW_STATE, "midstream");
    }
}

static void add_input(struct json *j, const struct run *run, uint8_t precision)
{
    json_open(j, "input", '{');
    json_open(j, "files", '[');
    for (size_t i = 0; i < run->input_count; i++) {
        json_text(j, NULL, run->inputs[i]);
    }
    json_close(j, ']');
    json_number(j, "packets", run->source.packets);
    json_number(j, "bytes", run->source.bytes);
    if (run->source.packets > 0) {
        json_time(j, "first", run->source.first_ns, precision);
        json_time(j, "last", run->source.last_ns, precision);
    }
    if (run->source.filtered > 0) {
        json_number(j, "filtered", run->source.filtered);
    }
    if (run->source.clock_steps > 0) {
        int64_t step = run->source.clock_step_ns / 1000000000;
        json_number(j, "clock_steps", run->source.clock_steps);
        json_number(j, step < 0 ? "clock_back_s" : "clock_forward_s",
                    (uint64_t)(step < 0 ? -step : step));
    }
    if (run->interrupted) {
        json_truth(j, "interrupted", true);
    }
    json_close(j, '}');
}

/* When nobody looked. */
static void add_gaps(struct json *j, const struct run *run)
{
    if (run->gap_count == 0) {
        return;
    }
    json_open(j, "unseen", '[');
    for (size_t i = 0; i < run->gap_count; i++) {
        json_open(j, NULL, '{');
        json_time(j, "from", run->gaps[i].from_ns, 3);
        json_time(j, "until", run->gaps[i].until_ns, 3);
        json_text(j, "because", run->gaps[i].because);
        json_close(j, '}');
    }
    json_close(j, ']');
}

/* What was lost, and where; zero is said too, since it is what the reader wants to hear. */
static void add_losses(struct json *j, const struct run *run, const struct audit_counts *a,
                       const struct gathering *gathering)
{
    json_open(j, "dropped", '{');
    json_number(j, "capture", run->source.dropped);
    if (run->source.interface_losses > 0) {
        json_number(j, "interfaces", run->source.interface_losses);
    }
    if (run->restarts > 0) {
        json_number(j, "restarts", run->restarts);
    }
    if (run->shed.content_packets > 0) {
        json_number(j, "content", run->shed.content_packets);
        json_number(j, "content_octets", run->shed.content_octets);
    }
    if (run->shed.newcomer_packets > 0) {
        json_number(j, "newcomers", run->shed.newcomer_packets);
        json_number(j, "newcomer_flows", run->shed.newcomer_flows);
    }
    if (run->evidence_gone > 0) {
        json_number(j, "evidence", run->evidence_gone);
    }
    json_number(j, "flows_half_open", run->flows.evicted_half_open);
    json_number(j, "flows", run->flows.evicted);
    json_number(j, "reorder_octets", run->flows.reorder_shed);
    json_number(j, "flow_state", run->engine.flow_memory);
    json_number(j, "messages_too_long", run->engine.messages_too_long);
    json_number(j, "records", run->engine.drafts_shed);
    json_number(j, "facts", run->engine.facts_cut);
    json_number(j, "nesting", run->engine.nested_too_deep);
    json_number(j, "fragments", run->fragments_given_up);
    if (a != NULL) {
        json_number(j, "subjects", a->subjects_shed);
        json_number(j, "findings", a->findings_shed);
        json_number(j, "paths", a->paths_shed);
        json_number(j, "names", a->names_shed);
        json_number(j, "rule_state", a->state_shed);
        if (a->names_shed > 0) {
            json_number(j, "learned_names", a->names_shed);
        }
    }
    if (gathering != NULL) {
        const struct gathering_counts *g = gathering_counts(gathering);
        json_number(j, "hosts", g->hosts_shed);
        json_number(j, "conversations", g->conversations_shed);
        json_number(j, "host_details", g->details_shed);
    }
    json_close(j, '}');
    json_open(j, "truncated", '{');
    json_number(j, "files", run->source.truncated_files);
    json_number(j, "packets", run->source.snapped);
    json_close(j, '}');
    json_open(j, "malformed", '{');
    json_number(j, "frames", run->frames_malformed);
    json_number(j, "cut_headers", run->frames_truncated);
    json_number(j, "messages", run->engine.bad_messages);
    json_number(j, "sequence", run->flows.bad_sequence);
    json_close(j, '}');
    json_open(j, "partial", '{');
    json_number(j, "gaps", run->quality.gaps);
    json_number(j, "missing_octets", run->quality.missing_octets);
    json_number(j, "one_sided", run->quality.one_sided);
    json_number(j, "midstream", run->quality.midstream);
    json_close(j, '}');
    json_number(j, "duplicates", run->flows.duplicates);
    json_open(j, "not_ip", '{');
    json_number(j, "frames", run->frames_not_ip);
    json_number(j, "unknown_link", run->frames_unknown_link);
    json_close(j, '}');
}

/* Live: the intervals of time in which something was lost. */
static void add_loss_times(struct json *j, const struct run *run)
{
    const struct loss_log *log = run->losses;
    size_t count = log == NULL ? 0 : loss_log_count(log);
    if (count == 0) {
        return;
    }
    json_open(j, "losses", '[');
    for (size_t i = 0; i < count; i++) {
        const struct loss_interval *l = &log->list[i];
        json_open(j, NULL, '{');
        json_time(j, "from", l->from_ns, 6);
        json_time(j, "to", l->to_ns, 6);
        json_number(j, "packets", l->packets);
        for (unsigned k = 0; k < LOSS_KINDS; k++) {
            if (l->lost[k] > 0) {
                json_number(j, loss_kind_name((enum loss_kind)k), l->lost[k]);
            }
        }
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void add_audit(struct json *j, const struct audit_counts *a, const struct policy *p)
{
    json_open(j, "findings", '{');
    for (unsigned s = SEVERITY_CRITICAL; s >= SEVERITY_INFO; s--) {
        json_number(j, severity_name((enum severity)s), a->findings[s]);
    }
    json_number(j, "accepted", a->accepted);
    json_close(j, '}');
    json_open(j, "verdicts", '{');
    for (unsigned s = 0; s <= VERDICT_NOT_ASSESSABLE; s++) {
        json_number(j, verdict_status_name((enum verdict_status)s), a->verdicts[s]);
    }
    json_close(j, '}');
    json_number(j, "verdicts_partial", a->partial);
    json_open(j, "statements", '{');
    for (unsigned s = 0; s <= VERDICT_NOT_ASSESSABLE; s++) {
        json_number(j, verdict_status_name((enum verdict_status)s), a->statements[s]);
    }
    json_close(j, '}');
    json_open(j, "policy", '{');
    json_text(j, "path", p->path);
    json_hex(j, "sha256", bytes_of(p->sha256, sizeof p->sha256));
    json_close(j, '}');
    if (p->matrix_path != NULL) {
        json_open(j, "matrix", '{');
        json_text(j, "path", p->matrix_path);
        json_hex(j, "sha256", bytes_of(p->matrix_sha256, sizeof p->matrix_sha256));
        json_close(j, '}');
    }
}

void record_summary(struct output *out, const struct record_names *names, const struct run *run,
                    const struct audit *audit, const struct gathering *gathering)
{
    struct json j = record_begin(out, "summary");
    const struct audit_counts *a = audit == NULL ? NULL : audit_counts(audit);
    add_input(&j, run, run->precision);
    add_losses(&j, run, a, gathering);
    add_loss_times(&j, run);
    add_gaps(&j, run);
    json_number(&j, "flows", run->flows.flows);
    json_open(&j, "protocols", '{');
    for (size_t i = 0; i < run->protocol_count; i++) {
        json_key(&j, bytes_text(run->protocols[i]));
        json_number(&j, NULL, run->protocol_flows[i]);
    }
    json_close(&j, '}');
    if (a != NULL && names->policy != NULL) {
        add_audit(&j, a, names->policy);
    }
    json_text(&j, "version", ROLECALL_VERSION);
    record_end(&j);
}
