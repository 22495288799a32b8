/*
 * recognise.c - what a flow is, from the first octets of a direction: own probes, then nDPI, then
 * the port.
 */
#include <stddef.h>

#include "dissect/conversation.h"

static const struct dissector *const protocols[] = {
#define PROTOCOL(name) &name##_dissector,
#include "dissect/protocols.def"
#undef PROTOCOL
};
#define PROTOCOLS (sizeof protocols / sizeof *protocols)

/* A head that is still "too short to tell" past this is nobody's: the longest request line we wait
 * for. */
#define LONGEST_HEAD 8192

static bool runs_on(const struct dissector *d, uint8_t transport)
{
    return transport == IP_TCP ? d->tcp : transport == IP_UDP && d->udp;
}

static bool has_port(const struct dissector *d, uint16_t port)
{
    for (const uint16_t *p = d->ports; p != NULL && *p != 0; p++) {
        if (*p == port) {
            return true;
        }
    }
    return false;
}

static bool on_own_port(const struct dissector *d, const struct flow *flow)
{
    return has_port(d, flow->ends[DIR_SERVER].port) || has_port(d, flow->ends[DIR_CLIENT].port);
}

/* The port is part of what tells it from others. */
static bool port_counts(const struct dissector *d)
{
    return d->ports_only || d->probe_elsewhere != NULL;
}

static bool probes_flow(const struct dissector *d, const struct flow *flow)
{
    return runs_on(d, flow->protocol) && (!port_counts(d) || on_own_port(d, flow));
}

static bool probes_elsewhere(const struct dissector *d, const struct flow *flow)
{
    return d->probe_elsewhere != NULL && runs_on(d, flow->protocol) && !on_own_port(d, flow);
}

/* A stream's protocol begins with its first octet; only TLS starts later, at a STARTTLS of some
 * kind. */
static bool may_begin_here(const struct conversation *c, const struct lane *lane,
                           const struct dissector *d)
{
    if (c->flow->protocol != IP_TCP) {
        return c->protocol == NULL;
    }
    bool start = !lane->seen && c->flow->opening_seen;
    bool anywhere = !c->flow->opening_seen || lane->gap || c->carrier != NULL;
    bool unknown = c->protocol == NULL || c->carrier != NULL;
    return d == &tls_dissector || (unknown && (start || anywhere));
}

/* Content shows that capture took the client for the server. */
static void turn(struct conversation *c)
{
    flow_reverse(c->flow);
    struct lane client = c->lanes[DIR_CLIENT];
    c->lanes[DIR_CLIENT] = c->lanes[DIR_SERVER];
    c->lanes[DIR_SERVER] = client;
    c->turned = true;
}

static void adopt(struct conversation *c, const struct dissector *d, enum dir dir, enum probe seen)
{
    enum dir sent_by = seen == PROBE_CLIENT ? DIR_CLIENT : DIR_SERVER;
    if (seen != PROBE_EITHER && sent_by != dir && !c->flow->direction_certain && c->all == NULL &&
        !c->flow->opening_seen) {
        turn(c);
    }
    c->identified_by = "content";
    c->ndpi = identification_free(c->ndpi);
    c->ndpi_over = true;
    bool wanted = d->records == 0 || (d->records & c->engine->options.records) != 0;
    if (d->feed == NULL || (!wanted && c->protocol == NULL)) {
        c->protocol = d->name;
        return;
    }
    const char *transport = c->flow->protocol == IP_TCP ? "tcp" : "udp";
    const char *carrier = c->carrier != NULL    ? c->carrier
                          : c->protocol != NULL ? "starttls"
                                                : transport;
    c->top = dissection_new(c, d, carrier);
    c->confirmed = false;
    struct lane *other = &c->lanes[!dir];
    if (c->protocol != NULL) {
        other->len = other->need = 0; /* what waited there was the outer protocol's */
    }
    if (other->quiet) {
        other->quiet = false;
        other->resync = true;
    }
    c->protocol_before = c->protocol;
    /* Inside a tunnel the innermost says what the flow is for; TLS says nothing of that. */
    bool tells = c->protocol == NULL || (c->carrier != NULL && d != &tls_dissector);
    if (c->top != NULL && tells && !d->precedes) {
        c->protocol = d->name;
    }
}

static void ask_ndpi(struct conversation *c, enum dir dir, struct bytes payload)
{
    struct shard *shard = c->shard;
    if (c->ndpi_over || c->engine->options.no_ndpi || shard->ndpi_failed || c->protocol != NULL) {
        return;
    }
    if (shard->ndpi == NULL) {
        shard->ndpi = identifier_new();
        shard->ndpi_failed = shard->ndpi == NULL;
    }
    if (c->ndpi == NULL && shard->ndpi != NULL) {
        c->ndpi = identification_new(shard->ndpi);
        c->engine->counts.ndpi_flows++;
    }
    if (c->ndpi == NULL) {
        return;
    }
    c->protocol = identification_add(shard->ndpi, c->ndpi, c->flow, dir, payload);
    if (c->protocol != NULL) {
        c->identified_by = "ndpi";
    }
    if (c->protocol != NULL || ++c->ndpi_packets >= LIMIT_NDPI_PACKETS) {
        c->ndpi = identification_free(c->ndpi);
        c->ndpi_over = true;
    }
}

/* Asks those that look at this flow's port, or the others; *more: somebody needs more octets. */
static enum probe ask_probes(struct conversation *c, enum dir dir, struct bytes head,
                             bool elsewhere, bool *more)
{
    for (size_t i = 0; i < PROTOCOLS; i++) {
        const struct dissector *d = protocols[i];
        bool asked = elsewhere ? probes_elsewhere(d, c->flow) : probes_flow(d, c->flow);
        if (!asked || !may_begin_here(c, &c->lanes[dir], d)) {
            continue;
        }
        enum probe seen = elsewhere ? d->probe_elsewhere(head) : d->probe(head);
        if (seen == PROBE_MORE) {
            *more = true;
        } else if (seen != PROBE_NO) {
            adopt(c, d, dir, seen);
            return seen;
        }
    }
    return PROBE_NO;
}

enum probe conversation_recognise(struct conversation *c, enum dir dir, struct bytes head)
{
    struct lane *lane = &c->lanes[dir];
    bool more = false;
    for (int elsewhere = 0; elsewhere < 2; elsewhere++) {
        enum probe seen = ask_probes(c, dir, head, elsewhere, &more);
        if (seen != PROBE_NO) {
            return seen;
        }
    }
    if (more && c->flow->protocol == IP_TCP && head.len < LONGEST_HEAD) {
        return PROBE_MORE;
    }
    ask_ndpi(c, dir, head);
    if (++lane->tries >= LIMIT_IDENTIFY_SEGMENTS) {
        lane->quiet = true;
    }
    return PROBE_NO;
}

struct dissection *dissection_recognise(struct dissection *dx, struct bytes head,
                                        const char *carrier, enum probe *ret_seen)
{
    *ret_seen = PROBE_NO;
    for (size_t i = 0; i < PROTOCOLS; i++) {
        const struct dissector *d = protocols[i];
        enum probe seen = d->tcp && !d->ports_only && !d->precedes ? d->probe(head) : PROBE_NO;
        if (seen == PROBE_MORE) {
            *ret_seen = seen;
        } else if (seen != PROBE_NO) {
            *ret_seen = seen;
            if (d != &tls_dissector) { /* which says nothing of what it is for */
                dx->conversation->protocol = d->name;
            }
            return d->feed == NULL ? NULL : dissection_child(dx, d, carrier);
        }
    }
    return NULL;
}

const char *port_protocol(uint8_t transport, uint16_t port, bool only_recognised)
{
    for (size_t i = 0; i < PROTOCOLS; i++) {
        const struct dissector *d = protocols[i];
        bool refuted = only_recognised && d->feed != NULL && !port_counts(d);
        if (runs_on(d, transport) && has_port(d, port) && !refuted) {
            return d->name;
        }
    }
    return NULL;
}
