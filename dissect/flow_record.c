/*
 * flow_record.c - the record of a conversation, written when it ends.
 */
#include <stdio.h>

#include "dissect/conversation.h"

/* What the audit asks of a link: how far, how good, how much (R009). */
static void add_link(struct observation *o, const struct flow *f)
{
    static const enum fact_id retransmissions[] = {FACT_FLOW_RETRANSMISSIONS_CLIENT,
                                                   FACT_FLOW_RETRANSMISSIONS_SERVER};
    observation_num(o, FACT_FLOW_START, (uint64_t)f->first.ns);
    observation_num(o, FACT_FLOW_BYTES_CLIENT, f->bytes[DIR_CLIENT]);
    if (f->rtt_ns > 0) {
        observation_num(o, FACT_FLOW_RTT_US, (uint64_t)(f->rtt_ns / 1000));
    }
    for (int d = 0; d < 2; d++) {
        if (f->retransmissions[d] > 0) {
            observation_num(o, retransmissions[d], f->retransmissions[d]);
        }
    }
}

static void add_volume(struct observation *o, const struct flow *f)
{
    observation_num(o, FACT_FLOW_BYTES_SERVER, f->bytes[DIR_SERVER]);
    if (f->duplicates > 0) {
        observation_num(o, FACT_FLOW_DUPLICATES, f->duplicates);
    }
}

static void add_tunnels(struct observation *o, const struct flow *f, const struct conversation *c)
{
    for (unsigned i = 0; i < f->tunnel_count && f->tunnels != NULL; i++) {
        const char *kind = tunnel_kind_name((enum tunnel_kind)f->tunnels[i].kind);
        if (f->tunnels[i].id != 0) {
            observation_format(o, FACT_FLOW_TUNNEL, "%s:%u", kind, f->tunnels[i].id);
        } else {
            observation_string(o, FACT_FLOW_TUNNEL, kind);
        }
    }
    if (c != NULL) {
        observation_string(o, FACT_FLOW_TUNNEL, c->tunnel);
    }
}

static void add_oddities(struct observation *o, const struct flow *f, const struct conversation *c)
{
    static const enum fact_id missing[] = {FACT_FLOW_MISSING_CLIENT, FACT_FLOW_MISSING_SERVER};
    for (int d = 0; d < 2; d++) {
        if (f->missing[d] > 0) {
            observation_num(o, missing[d], f->missing[d]);
        }
    }
    for (uint32_t bit = 1; bit != 0 && bit <= f->anomalies; bit <<= 1) {
        if ((f->anomalies & bit) != 0) {
            observation_string(o, FACT_FLOW_ANOMALIES, flow_anomaly_name(bit));
        }
    }
    for (unsigned i = 0; c != NULL && i < c->anomaly_count; i++) {
        observation_string(o, FACT_FLOW_ANOMALIES, c->anomalies[i]);
    }
    if (f->evicted) {
        observation_bool(o, FACT_FLOW_EVICTED, true);
    }
}

static void add_protocol(struct observation *o, const struct flow *f, const struct conversation *c)
{
    const char *name = c == NULL ? NULL : c->protocol, *by = c == NULL ? NULL : c->identified_by;
    bool unrecognised = false;
    if (name == NULL && (f->protocol == IP_TCP || f->protocol == IP_UDP)) {
        /* Where a dissector saw the beginning and declined, its port says nothing any more. The
         * first datagram that was captured need not be the first there was. */
        bool refuted =
            c != NULL && f->protocol == IP_TCP && f->opening_seen && f->missing[DIR_CLIENT] == 0;
        name = port_protocol(f->protocol, f->ends[DIR_SERVER].port, refuted);
        by = "port";
        unrecognised = refuted && name != NULL && f->payload[DIR_CLIENT] > 0;
    }
    if (f->protocol == IP_ESP) { /* RFC 4303: the transport itself says it */
        name = "ipsec";
        by = "content";
    }
    observation_string(o, FACT_FLOW_PROTOCOL, name == NULL ? "unknown" : name);
    if (name != NULL) {
        observation_string(o, FACT_FLOW_IDENTIFIED_BY, by);
    }
    if (unrecognised) {
        observation_bool(o, FACT_FLOW_UNRECOGNISED, true);
    }
    if (name != NULL && strcmp(name, "ipsec") == 0) {
        observation_bool(o, FACT_FLOW_OPAQUE, true);
    }
    if (c != NULL) {
        observation_string(o, FACT_FLOW_APPLICATION, c->application);
    }
}

static void add_blocked(struct observation *o, const struct flow *f)
{
    if (f->blocked) {
        char text[ADDRESS_TEXT];
        observation_string(o, FACT_FLOW_BLOCKED_BY, address_format(&f->blocked_by, text));
        observation_num(o, FACT_FLOW_ICMP_TYPE, f->icmp_type);
        observation_num(o, FACT_FLOW_ICMP_CODE, f->icmp_code);
        observation_stamp(o, FACT_FLOW_BLOCKED_PACKET, &f->blocked_at);
    }
}

void flow_record(struct engine *e, const struct flow *flow, const struct conversation *c,
                 uint64_t order)
{
    struct observation *o = NULL;
    if ((e->options.records & 1u << RECORD_FLOW) == 0) {
        return;
    }
    o = observation_new(e->pool, RECORD_FLOW);
    if (o == NULL) {
        e->counts.drafts_shed++;
        return;
    }
    char number[8];
    observation_string(o, FACT_FLOW_TRANSPORT, flow_protocol_name(flow->protocol, number));
    add_link(o, flow);
    if (!e->options.brief || e->options.totals) {
        observation_num(o, FACT_FLOW_END, (uint64_t)flow->last.ns);
        add_volume(o, flow);
    }
    if (!e->options.brief) {
        observation_stamp(o, FACT_FLOW_LAST_PACKET, &flow->last);
        add_tunnels(o, flow, c);
    }
    observation_stamp(o, FACT_FLOW_FIRST_PACKET, &flow->first);
    observation_bool(o, FACT_FLOW_OPENING_SEEN, flow->opening_seen);
    observation_stamp(o, FACT_FLOW_OPENING_PACKET, &flow->opening);
    observation_stamp(o, FACT_FLOW_ANSWER_PACKET, &flow->answer);
    observation_stamp(o, FACT_FLOW_REFUSAL_PACKET, &flow->refusal);
    observation_string(o, FACT_FLOW_DIRECTION, flow->direction_certain ? "certain" : "inferred");
    observation_string(o, FACT_FLOW_STATE, flow_state_name((enum flow_state)flow->state));
    observation_num(o, FACT_FLOW_PACKETS_CLIENT, flow->packets[DIR_CLIENT]);
    observation_num(o, FACT_FLOW_PACKETS_SERVER, flow->packets[DIR_SERVER]);
    add_blocked(o, flow);
    add_protocol(o, flow, c);
    add_oddities(o, flow, c);
    o->dir = DIR_CLIENT;
    o->at = flow->last;
    engine_emit(e, flow, o, order);
}
