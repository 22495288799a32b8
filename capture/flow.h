/*
 * flow.h - conversations: who talks to whom, how it began and ended, and what the capture missed of
 * it.
 *
 * One table per shard. A flow's key is symmetric: both directions are one flow. TCP payload is put
 * in order (reassembly.c) and handed to the stream_sink; a flow whose sink is done costs one lookup
 * a packet.
 *
 * Units:  octets on the wire for `bytes`, payload octets for `missing`; capture time in ns.
 * Owner:  the table; a flow is valid until its close() call returns.
 * Spec:   RFC 9293 (TCP), RFC 768, RFC 792.
 */
#ifndef ROLECALL_CAPTURE_FLOW_H
#define ROLECALL_CAPTURE_FLOW_H

#include "capture/address.h"
#include "capture/arena.h"
#include "capture/decode.h"
#include "capture/stamp.h"

enum dir { DIR_CLIENT, DIR_SERVER }; /* which end sent it; the client opened the flow */

enum flow_state {
    FLOW_UNANSWERED,  /* TCP: SYN only; UDP: one side only */
    FLOW_ANSWERED,    /* UDP and others: both sides spoke */
    FLOW_ESTABLISHED, /* three-way handshake seen, not ended */
    FLOW_REFUSED,     /* SYN answered by RST */
    FLOW_RESET,       /* RST after the handshake */
    FLOW_CLOSED,      /* FIN from both sides, or FIN and RST */
    FLOW_MIDSTREAM,   /* no handshake in the capture */
};

enum flow_anomaly { /* bits; names in flow_anomaly_name */
                    ANOMALY_TCP_OVERLAP =
                        1 << 0, /* repeated octets that differ: the first were kept */
                    ANOMALY_TCP_BAD_SEQUENCE = 1 << 1, /* segments far outside any window */
                    ANOMALY_TCP_SYN_PAYLOAD = 1 << 2,
                    ANOMALY_TCP_REORDER_LIMIT = 1 << 3,
                    ANOMALY_DATA_AFTER_FIN = 1 << 4,
                    ANOMALY_MAC_CHANGED = 1 << 5,
};

struct flow_end {
    struct address address;
    uint16_t port;
    uint8_t mac[6]; /* of the first frame from this end */
    bool has_mac;
};

struct flow {
    uint64_t
        id; /* stamp.order of its first packet: unique, and the same for every number of workers */
    struct flow_end ends[2]; /* indexed by enum dir */
    uint8_t protocol;        /* IANA number */
    uint8_t state;           /* enum flow_state */
    bool opening_seen;       /* SYN, or the first datagram */
    bool answer_seen;        /* SYN-ACK, or a first reply */
    bool direction_certain;  /* SYN or SYN-ACK seen; else the client was inferred */
    bool evicted;            /* shed to keep a limit; its record says less than was on the wire */
    bool has_vlan;
    uint16_t vlan;
    uint8_t tunnel_count;
    const struct tunnel *tunnels; /* NULL when none */
    uint32_t anomalies;           /* enum flow_anomaly bits */
    struct stamp first, last;     /* first and last packet */
    struct stamp opening,
        answer;           /* SYN and SYN-ACK; first datagram and first reply; order 0: not seen */
    struct stamp refusal; /* the RST that refused or reset; order 0: none */
    int64_t rtt_ns;       /* SYN to the client's ACK; 0: not known */
    uint64_t packets[2], bytes[2];
    uint64_t payload[2]; /* payload octets delivered to the sink or counted past it */
    uint64_t missing[2]; /* payload octets not captured */
    uint32_t retransmissions[2];
    uint32_t duplicates; /* copies of the same packet, as mirror ports deliver them: counted, not
                            judged */
    bool blocked;        /* an ICMP error named this flow */
    struct address blocked_by;
    uint8_t icmp_type, icmp_code;
    struct stamp blocked_at;
};

struct flow_options {
    bool key_vlan;   /* equal addresses in two VLANs are two flows */
    bool key_tunnel; /* likewise for tunnel ids */
};

struct flow_counts {
    uint64_t flows, packets;
    uint64_t evicted_half_open, evicted; /* shed because the memory limit was reached */
    uint64_t duplicates;
    uint64_t reorder_shed; /* out-of-order octets given up, see ANOMALY_TCP_REORDER_LIMIT */
    uint64_t bad_sequence;
    uint64_t memory_peak;
};

struct stream_sink;
struct flow_table;

/* Symmetric and the same in every run: which shard a datagram belongs to (an ICMP error: the flow
 * it is about). */
uint32_t flow_shard(const struct datagram *d, const struct flow_options *options);

/* `memory` is this shard's share of the limit, in octets. The sink is copied. */
struct flow_table *flow_table_new(const struct flow_options *options, size_t memory,
                                  const struct stream_sink *sink) MUST_USE;
void flow_table_add(struct flow_table *t, const struct datagram *d);
/* Fetches into the cache what flow_table_add will look at first: to be called some packets ahead.
 */
void flow_table_prefetch(const struct flow_table *t, const struct datagram *d);
/* Closes what has been silent too long at capture time now->ns; in order of flow id. */
void flow_table_tick(struct flow_table *t, const struct stamp *now);
/* Closes every flow, in order of id. */
void flow_table_close(struct flow_table *t, const struct stamp *now);
/* The same in steps, so that many tables close their flows in one order of ids: due finds what has
 * been silent too long (or everything), next_due tells the lowest id of it (UINT64_MAX: none),
 * close_due deals with that one. */
void flow_table_due(struct flow_table *t, const struct stamp *now, bool everything);
uint64_t flow_table_next_due(const struct flow_table *t);
void flow_table_close_due(struct flow_table *t, const struct stamp *now);
const struct flow_counts *flow_table_counts(const struct flow_table *t);
struct arena_pool *
flow_table_pool(struct flow_table *t); /* the budget that a flow's other state is charged to */
struct flow_table *
flow_table_free(struct flow_table *t); /* closes nothing; NULL is fine; returns NULL */

/* Exchanges client and server. Only where !direction_certain, when content shows that the guess was
 * wrong. */
void flow_reverse(struct flow *flow);

const char *flow_state_name(enum flow_state state);
const char *flow_anomaly_name(uint32_t bit); /* "tcp.overlap", ... */
const char *tunnel_kind_name(enum tunnel_kind kind);
const char *flow_protocol_name(uint8_t protocol,
                               char text[8]); /* "tcp", "udp", ...; the number where unnamed */

#endif
