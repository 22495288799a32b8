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

struct flow { /* what every packet changes comes first */
    uint64_t
        id; /* stamp.order of its first packet: unique, and the same for every number of workers */
    uint8_t protocol;        /* IANA number */
    uint8_t state;           /* enum flow_state */
    uint8_t client_side;     /* capture's own: the side of the key that is the client */
    bool opening_seen;       /* SYN, or the first datagram */
    bool answer_seen;        /* SYN-ACK, or a first reply */
    bool direction_certain;  /* SYN or SYN-ACK seen; else the client was inferred */
    bool evicted;            /* shed to keep a limit; its record says less than was on the wire */
    bool blocked;            /* an ICMP error named a packet of its client */
    uint32_t anomalies;      /* enum flow_anomaly bits */
    uint32_t duplicates;     /* copies of the same packet, as mirror ports deliver them: counted,
                                not judged */
    struct flow_end ends[2]; /* indexed by enum dir */
    uint64_t packets[2], bytes[2];
    uint64_t payload[2]; /* payload octets delivered to the sink or counted past it */
    struct stamp last;   /* last packet */
    uint64_t missing[2]; /* payload octets not captured */
    struct stamp first;  /* first packet */
    struct stamp opening,
        answer;           /* SYN and SYN-ACK; first datagram and first reply; order 0: not seen */
    struct stamp refusal; /* the RST that refused or reset; order 0: none */
    int64_t rtt_ns;       /* SYN to the client's ACK; 0: not known */
    uint32_t retransmissions[2];
    const struct tunnel *tunnels; /* NULL when none */
    uint8_t tunnel_count;
    bool has_vlan;
    uint16_t vlan;
    uint8_t icmp_type, icmp_code; /* of that ICMP error */
    struct address blocked_by;
    struct stamp blocked_at;
};

struct flow_options {
    bool key_vlan;   /* equal addresses in two VLANs are two flows */
    bool key_tunnel; /* likewise for tunnel ids */
};

/* Both ends in an order that is the same for both directions. */
struct flow_key {
    struct address low, high;
    uint64_t scope; /* VLAN and tunnels, when they tell flows apart */
    uint16_t low_port, high_port;
    uint8_t protocol;
};

/* Which flow a datagram belongs to; an ICMP error: the flow it is about. */
struct flow_place {
    struct flow_key key;
    uint32_t hash; /* decides places in memory, never an output */
    uint8_t shard; /* below LIMIT_SHARDS; the same in every run */
    uint8_t side;  /* of the key that sent it, or what it quotes: 0 is the low end */
    bool is_error; /* the datagram is an ICMP error; the key is that of the packet it quotes */
};

/* Drawn once for all tables of a run, so that nobody can choose ports that meet in one place. */
#define FLOW_SECRET_WORDS 6
struct flow_secret {
    uint64_t words[FLOW_SECRET_WORDS];
};

struct flow_counts {
    uint64_t flows, packets;
    uint64_t evicted_half_open, evicted; /* shed because the memory limit was reached */
    uint64_t duplicates;
    uint64_t reorder_shed; /* out-of-order octets given up, see ANOMALY_TCP_REORDER_LIMIT */
    uint64_t bad_sequence;
    uint64_t memory_peak;
};

void flow_counts_add(struct flow_counts *sum, const struct flow_counts *c);

struct stream_sink;
struct flow_table;

/* 0, or a negative errno. */
int flow_secret_draw(struct flow_secret *ret) MUST_USE;
void flow_place_of(const struct datagram *d, const struct flow_options *options,
                   const struct flow_secret *secret, struct flow_place *ret);
/* The connection of a packet that is read again, without VLAN and tunnel in its key: keys are
 * comparable as octets. False: it is no whole TCP segment. */
bool flow_place_of_segment(const struct packet *p, const struct flow_secret *secret,
                           struct datagram *ret_datagram, struct flow_place *ret) MUST_USE;

/* `memory` is this shard's share of the limit, in octets. The sink is copied. */
struct flow_table *flow_table_new(size_t memory, const struct stream_sink *sink) MUST_USE;
/* `place` is the datagram's; all that are added to one table are made with the same options. */
void flow_table_add(struct flow_table *t, const struct datagram *d, const struct flow_place *place);
/* Closes what has been silent too long at capture time now->ns; in order of flow id. */
void flow_table_tick(struct flow_table *t, const struct stamp *now);
/* The clock that stamps packets was put forward or back: what flows waited for goes on from there.
 */
void flow_table_step(struct flow_table *t, int64_t by_ns);
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
