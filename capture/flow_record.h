/*
 * flow_record.h - what the table keeps of a flow. Private to flow*.c and reassembly.c.
 *
 * A record is small and lives in a slab; what hangs off it depends on how far the flow came: a SYN
 * that nobody answered needs half_open only, so a flood costs some 250 octets a flow; every other
 * flow has a body. State of the two directions is indexed by the side of the key (0: its low end),
 * never by enum dir, so that exchanging client and server leaves it right.
 */
#ifndef ROLECALL_CAPTURE_FLOW_RECORD_H
#define ROLECALL_CAPTURE_FLOW_RECORD_H

#include "capture/flow.h"
#include "capture/stream.h"

/* malloc's own bookkeeping, charged with everything that is allocated singly. */
#define ALLOCATION_OCTETS 16u

/* Sequence numbers farther than this from the expected one belong to no window in use (Windows and
 * Linux grow theirs to 16 MiB), even after a loss by the capture. */
#define WINDOW_OCTETS (32 << 20)

/* Expiry looks at the heads only: within a list all flows have the same time-out. */
enum flow_list { LIST_HALF_OPEN, LIST_CLOSING, LIST_DATAGRAM, LIST_STREAM, LIST_HOLE, FLOW_LISTS };

/* One packet that was seen, to recognise a copy of it. */
struct copy {
    uint32_t fingerprint;
    uint32_t when; /* in units of 2^16 ns, modulo 2^32 */
};

struct half_open {
    struct stamp first, last;
    int64_t syn_ns; /* the latest SYN that was no copy */
    uint64_t bytes;
    const struct tunnel *tunnels;
    struct copy seen;
    uint32_t isn, packets, retransmissions, duplicates;
    uint16_t vlan;
    uint8_t mac[6];
    uint8_t tunnel_count;
    bool has_mac, has_vlan;
};

/* Payload that came before what precedes it. */
struct segment {
    struct segment *next;
    struct stamp at; /* the packet that brought it */
    uint32_t sequence, len, cut;
    uint32_t ack; /* what its sender had received by then */
    uint8_t octets[];
};

/* What one end sent. What every segment asks comes first. */
struct side {
    struct segment *held; /* by sequence, not overlapping, none before `next` */
    uint32_t next;        /* expected sequence number, when `known` */
    uint32_t isn;         /* when has_isn */
    uint32_t acked;       /* highest acknowledgement by the other end, when has_ack */
    uint32_t fin;         /* sequence number of the FIN, when fin_seen */
    bool known, started, has_isn, has_ack, fin_seen;
    bool waiting, covered;
    bool unawaited; /* what it sent and the capture has not is not waited for */
    uint8_t strays;
    struct segment *held_last;
    uint32_t held_octets, held_count;
    uint32_t hole_at;    /* `next` when the waiting for a hole began, at hole_ns */
    uint32_t covered_to; /* what the other end had acknowledged beyond the hole at covered_ns */
    int64_t hole_ns, covered_ns;
    uint64_t covered_packets;
    uint32_t late_from, late_to; /* quiet flows: the last hole, whose octets may still come */
    uint32_t stray_next, stray_octets;
};

#define COPIES 8u

/* Behind it lies the sink's own room. */
struct body {
    struct flow flow;
    void *ctx;
    bool opened; /* the sink was asked */
    bool quiet;  /* the sink wants nothing more */
    uint8_t copy_at;
    struct copy copies[COPIES];
    struct side sides[2];
    int64_t syn_ns;
};

struct record {
    struct flow_key key;
    uint64_t id;
    int64_t last_ns;   /* the table's clock at its last packet */
    int64_t queued_ns; /* and when it took its place in the list: see LIST_GRAIN_NS */
    union {
        struct half_open *half;
        struct body *body;
    };
    uint32_t previous, next; /* places in the list, or free list; NO_RECORD ends it */
    uint32_t place, hash;
    uint8_t list;
    bool is_half;
    uint8_t opener; /* half-open: the side that sent the SYN */
};

#define NO_RECORD UINT32_MAX

struct flow_slot {
    uint32_t hash, place; /* NO_RECORD: empty */
};

struct flow_list_ends {
    uint32_t head, tail;
    int64_t soonest; /* before this time nothing of the list is due */
};

#define CHUNK_RECORDS 64u

/* Freed blocks kept for use again, outside the budget: so few that it does not matter. */
#define SPARE_BLOCKS 256u
struct spares {
    void *first; /* each begins with a pointer to the next */
    unsigned count;
};

struct flow_table {
    struct stream_sink sink;
    struct flow_counts counts;
    struct arena_pool pool;
    int64_t clock; /* latest capture time, from 0: never goes back */
    struct flow_slot *slots;
    uint32_t slot_mask, used;
    struct record **chunks;
    uint32_t chunk_count, chunk_room, free_record;
    size_t structure, structure_limit; /* octets of slots and slab, and their share of the budget */
    struct flow_list_ends lists[FLOW_LISTS];
    uint32_t due;       /* records taken from the lists to be closed, by id; NO_RECORD: none */
    size_t body_octets; /* of a body with the sink's room */
    struct spares spare_bodies, spare_halves;
    bool ending; /* they are due because the input ended */
};

/* A TCP segment's payload: `len` captured octets at `at`, then `cut` that were not captured; `ack`
 * is what its sender had received by then. */
struct span {
    const uint8_t *at;
    uint32_t sequence, len, cut, ack;
};

static inline int32_t sequence_delta(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b);
}

static inline enum dir side_dir(const struct body *b, unsigned side)
{
    return side == b->flow.client_side ? DIR_CLIENT : DIR_SERVER;
}

/* flow_index.c: where records lie, and how they are found. */
bool index_has_room(struct flow_table *t) MUST_USE; /* for one more record; grows what must grow */
struct record *index_add(struct flow_table *t, const struct flow_key *key, uint32_t hash);
struct record *index_find(const struct flow_table *t, const struct flow_key *key, uint32_t hash);
void index_remove(struct flow_table *t, struct record *r); /* r is free afterwards */
void index_free(struct flow_table *t);
struct record *record_at(const struct flow_table *t, uint32_t place); /* NULL for NO_RECORD */
void list_append(struct flow_table *t, struct record *r, enum flow_list list);
void list_unlink(struct flow_table *t, struct record *r);
/* Orders a chain of records (linked by `next`) by flow id; returns its first place. */
uint32_t chain_sort(const struct flow_table *t, uint32_t first);

/* flow_ports.c: whether a server is usually behind this port. */
bool flow_port_is_service(uint16_t port);

/* flow_copies.c */
struct copy copy_of(const struct datagram *d, unsigned side);
bool copy_matches(const struct copy *seen, const struct copy *c, const struct datagram *d);
/* Whether a packet like `c`, which is `d`, was seen a moment ago. */
bool copies_has(const struct body *b, const struct copy *c, const struct datagram *d);
void copies_add(struct body *b, const struct copy *c); /* in the place of the oldest */

/* flow_tcp.c */
bool flow_tcp_starts_anew(const struct flow_table *t, const struct record *r,
                          const struct datagram *d, unsigned side);
void flow_tcp(struct flow_table *t, struct body *b, const struct datagram *d, unsigned side);
/* Whether the packet cannot be a copy, because its payload is the very next. */
bool flow_tcp_is_next(const struct body *b, const struct datagram *d, unsigned side);

/* reassembly.c: each call may reach the sink, and so may exchange client and server. */
void reassembly_payload(struct flow_table *t, struct body *b, unsigned side, const struct span *s,
                        const struct stamp *at);
/* Delivers what waited for the other end's octets, and gives up what was waited for long enough. */
void reassembly_check(struct flow_table *t, struct body *b, const struct stamp *at);
/* Gives up every hole: all that is held is delivered. */
void reassembly_flush(struct flow_table *t, struct body *b, const struct stamp *at);
/* Goes on at `sequence` after a hole of `missing` octets. */
void reassembly_resume(struct flow_table *t, struct body *b, unsigned side, uint32_t sequence,
                       uint32_t missing, const struct stamp *at);
void reassembly_datagram(struct flow_table *t, struct body *b, unsigned side,
                         const struct datagram *d);
void reassembly_release(struct flow_table *t, struct body *b);

#endif
