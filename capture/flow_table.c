#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "capture/flow_record.h"

#define SECOND 1000000000ll

/* Kept free for what a new flow's sink will ask for: one chunk of an arena and a few packets'
 * worth. */
#define MARGIN_OCTETS (64u << 10)

/* A flow that took its place at the end of its list this short a time ago keeps it: busy flows then
 * cost no change of the list, and the idlest is found to within this time. */
#define LIST_GRAIN_NS 100000000

struct flow_table *flow_table_new(size_t memory, const struct stream_sink *sink)
{
    struct flow_table *t = calloc(1, sizeof *t);
    if (t == NULL) {
        return NULL;
    }
    t->sink = *sink;
    t->body_octets = sizeof(struct body) + sink->ctx_size;
    t->free_record = t->due = NO_RECORD;
    t->structure_limit = memory / 2;
    arena_pool_init(&t->pool, memory);
    memset(t->lists, 0xff, sizeof t->lists); /* NO_RECORD */
    return t;
}

const struct flow_counts *flow_table_counts(const struct flow_table *t)
{
    return &t->counts;
}

struct arena_pool *flow_table_pool(struct flow_table *t)
{
    return &t->pool;
}

/* Blocks of the two common sizes are used again: short flows come and go by the second. */
static struct spares *spares_of(struct flow_table *t, size_t size)
{
    return size == t->body_octets             ? &t->spare_bodies
           : size == sizeof(struct half_open) ? &t->spare_halves
                                              : NULL;
}

static void block_free(struct flow_table *t, void *block, size_t size)
{
    struct spares *spares = spares_of(t, size);
    if (block == NULL) {
        return;
    }
    arena_pool_refund(&t->pool, size + ALLOCATION_OCTETS);
    if (spares != NULL && spares->count < SPARE_BLOCKS) {
        memcpy(block, &spares->first, sizeof spares->first);
        spares->first = block;
        spares->count++;
    } else {
        free(block);
    }
}

static void *block_take(struct flow_table *t, size_t size)
{
    struct spares *spares = spares_of(t, size);
    if (spares == NULL || spares->count == 0) {
        return calloc(1, size);
    }
    void *block = spares->first;
    memcpy(&spares->first, block, sizeof spares->first);
    spares->count--;
    return memset(block, 0, size);
}

static void spares_free(struct spares *spares)
{
    while (spares->count > 0) {
        void *block = spares->first;
        memcpy(&spares->first, block, sizeof spares->first);
        spares->count--;
        free(block);
    }
}

static void tunnels_free(struct flow_table *t, const struct tunnel *tunnels, unsigned count)
{
    union {
        const struct tunnel *kept;
        void *block;
    } either = {.kept = tunnels};
    block_free(t, either.block, count * sizeof *tunnels);
}

static void record_release(struct flow_table *t, struct record *r)
{
    if (r->is_half) {
        tunnels_free(t, r->half->tunnels, r->half->tunnel_count);
        block_free(t, r->half, sizeof *r->half);
    } else {
        if (r->key.protocol == IP_TCP) {
            reassembly_release(t, r->body);
        }
        tunnels_free(t, r->body->flow.tunnels, r->body->flow.tunnel_count);
        block_free(t, r->body, t->body_octets);
    }
}

struct flow_table *flow_table_free(struct flow_table *t)
{
    if (t == NULL) {
        return NULL;
    }
    for (unsigned i = 0; i < FLOW_LISTS; i++) {
        for (struct record *r = record_at(t, t->lists[i].head); r != NULL;
             r = record_at(t, r->next)) {
            record_release(t, r);
        }
    }
    spares_free(&t->spare_bodies);
    spares_free(&t->spare_halves);
    index_free(t);
    arena_pool_done(&t->pool);
    free(t);
    return NULL;
}

static void body_ends(struct body *b, const struct flow_key *key, unsigned client_side)
{
    struct flow_end *low = &b->flow.ends[client_side == 0 ? DIR_CLIENT : DIR_SERVER];
    struct flow_end *high = &b->flow.ends[client_side == 0 ? DIR_SERVER : DIR_CLIENT];
    b->flow.client_side = (uint8_t)client_side;
    low->address = key->low;
    low->port = key->low_port;
    high->address = key->high;
    high->port = key->high_port;
    b->flow.protocol = key->protocol;
}

static void body_from_half(struct body *b, const struct record *r)
{
    const struct half_open *h = r->half;
    *b = (struct body){.syn_ns = h->syn_ns};
    body_ends(b, &r->key, r->opener);
    struct flow *f = &b->flow;
    f->id = r->id;
    f->state = FLOW_UNANSWERED;
    f->opening_seen = f->direction_certain = true;
    f->has_vlan = h->has_vlan;
    f->vlan = h->vlan;
    f->tunnel_count = h->tunnel_count;
    f->tunnels = h->tunnels;
    f->first = f->opening = h->first;
    f->last = h->last;
    f->packets[DIR_CLIENT] = h->packets;
    f->bytes[DIR_CLIENT] = h->bytes;
    f->retransmissions[DIR_CLIENT] = h->retransmissions;
    f->duplicates = h->duplicates;
    memcpy(f->ends[DIR_CLIENT].mac, h->mac, sizeof h->mac);
    f->ends[DIR_CLIENT].has_mac = h->has_mac;
    b->sides[r->opener].known = b->sides[r->opener].has_isn = true;
    b->sides[r->opener].isn = h->isn;
    b->sides[r->opener].next = h->isn + 1;
    copies_add(b, &h->seen);
}

/* The record is in no list any more. */
static void record_close(struct flow_table *t, struct record *r, bool evicted,
                         const struct stamp *at)
{
    struct body shown, *b = &shown;
    if (r->is_half) {
        body_from_half(b, r);
    } else {
        b = r->body;
        if (r->key.protocol == IP_TCP) {
            reassembly_flush(t, b, at);
        }
    }
    b->flow.evicted = evicted;
    t->sink.close(t->sink.user, b->ctx, &b->flow, at);
    record_release(t, r);
    index_remove(t, r);
}

static void record_end(struct flow_table *t, struct record *r, bool evicted, const struct stamp *at)
{
    list_unlink(t, r);
    record_close(t, r, evicted, at);
}

/* The idlest of all flows but `keep`; NULL when there is none. Equally idle ones in the order of
 * their ids. */
static struct record *idlest(const struct flow_table *t, const struct record *keep)
{
    struct record *found = NULL;
    for (unsigned i = 0; i < FLOW_LISTS; i++) {
        struct record *r = record_at(t, t->lists[i].head);
        if (r != NULL && r == keep) {
            r = record_at(t, r->next);
        }
        if (r == NULL) {
            continue;
        }
        if (i == LIST_HALF_OPEN) {
            return r;
        }
        if (found == NULL || r->queued_ns < found->queued_ns ||
            (r->queued_ns == found->queued_ns && r->id < found->id)) {
            found = r;
        }
    }
    return found;
}

static bool evict(struct flow_table *t, const struct record *keep, const struct stamp *at)
{
    struct record *r = idlest(t, keep);
    if (r == NULL) {
        return false;
    }
    if (r->list == LIST_HALF_OPEN) {
        t->counts.evicted_half_open++;
    } else {
        t->counts.evicted++;
    }
    record_end(t, r, true, at);
    return true;
}

static void make_room(struct flow_table *t, size_t need, const struct record *keep,
                      const struct stamp *at)
{
    while (t->pool.limit != 0 && t->pool.used + need > t->pool.limit && evict(t, keep, at)) {
    }
}

/* Zeroed and charged; sheds other flows for it, never `keep`. */
static void *block_new(struct flow_table *t, size_t size, const struct record *keep,
                       const struct stamp *at)
{
    make_room(t, size + ALLOCATION_OCTETS, keep, at);
    if (!arena_pool_charge(&t->pool, size + ALLOCATION_OCTETS)) {
        return NULL;
    }
    void *block = block_take(t, size);
    if (block == NULL) {
        arena_pool_refund(&t->pool, size + ALLOCATION_OCTETS);
    }
    return block;
}

static const struct tunnel *tunnels_keep(struct flow_table *t, const struct datagram *d,
                                         uint8_t *ret_count)
{
    size_t size = d->tunnel_count * sizeof d->tunnels[0];
    if (size == 0 || !arena_pool_charge(&t->pool, size + ALLOCATION_OCTETS)) {
        return NULL;
    }
    struct tunnel *kept = malloc(size);
    if (kept == NULL) {
        arena_pool_refund(&t->pool, size + ALLOCATION_OCTETS);
        return NULL;
    }
    memcpy(kept, d->tunnels, size);
    *ret_count = d->tunnel_count;
    return kept;
}

/* The VLAN of the hosts is the innermost: outer tags belong to the carrier. */
static bool vlan_of(const struct datagram *d, uint16_t *ret_vlan)
{
    bool found = false;
    for (unsigned i = 0; i < d->tunnel_count; i++) {
        if (d->tunnels[i].kind == TUNNEL_VLAN) {
            *ret_vlan = (uint16_t)d->tunnels[i].id;
            found = true;
        }
    }
    return found;
}

/* Room in every structure for one more record. */
static bool room_for_record(struct flow_table *t, const struct stamp *at)
{
    size_t margin = t->pool.limit / 32 < MARGIN_OCTETS ? t->pool.limit / 32 : MARGIN_OCTETS;
    make_room(t, margin, NULL, at);
    while (!index_has_room(t)) {
        if (!evict(t, NULL, at)) {
            return false;
        }
    }
    return true;
}

/* Which side is the client, as far as the first packet tells. */
static unsigned client_of(const struct datagram *d, unsigned side)
{
    bool answers;
    if (d->protocol == IP_TCP && (d->tcp.flags & TCP_SYN) != 0) {
        answers = (d->tcp.flags & TCP_ACK) != 0;
    } else if (d->protocol == IP_ICMP || d->protocol == IP_ICMPV6) {
        answers = d->icmp.type == (d->protocol == IP_ICMP ? 0 : 129); /* echo reply */
    } else {
        answers =
            flow_port_is_service(d->source_port) && !flow_port_is_service(d->destination_port);
    }
    return answers ? !side : side;
}

static bool is_plain_syn(const struct datagram *d)
{
    return d->protocol == IP_TCP && d->payload.len == 0 && d->payload_cut == 0 &&
           (d->tcp.flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN;
}

static struct record *add_half(struct flow_table *t, const struct flow_place *place,
                               const struct datagram *d)
{
    const struct stamp *at = &d->frame->at;
    struct half_open *h = block_new(t, sizeof *h, NULL, at);
    if (h == NULL) {
        return NULL;
    }
    struct record *r = index_add(t, &place->key, place->hash);
    r->is_half = true;
    r->half = h;
    r->opener = place->side;
    h->first = *at;
    h->isn = d->tcp.sequence;
    h->syn_ns = at->ns;
    h->has_vlan = vlan_of(d, &h->vlan);
    h->tunnels = tunnels_keep(t, d, &h->tunnel_count);
    h->has_mac = d->has_mac;
    memcpy(h->mac, d->source_mac, sizeof h->mac);
    list_append(t, r, LIST_HALF_OPEN);
    return r;
}

static struct record *add_body(struct flow_table *t, const struct flow_place *place,
                               const struct datagram *d)
{
    const struct stamp *at = &d->frame->at;
    struct body *b = block_new(t, t->body_octets, NULL, at);
    if (b == NULL) {
        return NULL;
    }
    struct record *r = index_add(t, &place->key, place->hash);
    r->body = b;
    body_ends(b, &place->key, client_of(d, place->side));
    struct flow *f = &b->flow;
    f->id = at->order;
    f->first = *at;
    f->has_vlan = vlan_of(d, &f->vlan);
    f->tunnels = tunnels_keep(t, d, &f->tunnel_count);
    bool joins = d->protocol == IP_TCP && (d->tcp.flags & (TCP_SYN | TCP_ACK)) != TCP_SYN;
    f->state = joins ? FLOW_MIDSTREAM : FLOW_UNANSWERED;
    list_append(t, r, d->protocol == IP_TCP ? LIST_STREAM : LIST_DATAGRAM);
    return r;
}

static struct record *record_new(struct flow_table *t, const struct flow_place *place,
                                 const struct datagram *d)
{
    struct record *r = NULL;
    if (room_for_record(t, &d->frame->at)) {
        r = is_plain_syn(d) ? add_half(t, place, d) : add_body(t, place, d);
    }
    if (r == NULL) {
        t->counts.evicted++;
        return NULL;
    }
    r->id = d->frame->at.order;
    r->last_ns = r->queued_ns = t->clock;
    t->counts.flows++;
    return r;
}

/* From here on the flow has all there is to know; false when it had to be shed instead. */
static bool record_promote(struct flow_table *t, struct record *r, const struct stamp *at)
{
    struct body *b = block_new(t, t->body_octets, r, at);
    if (b == NULL) {
        t->counts.evicted_half_open++;
        record_end(t, r, true, at);
        return false;
    }
    body_from_half(b, r);
    block_free(t, r->half, sizeof *r->half);
    r->is_half = false;
    r->body = b;
    return true;
}

static enum flow_list list_of(const struct record *r)
{
    if (r->is_half) {
        return LIST_HALF_OPEN;
    }
    const struct body *b = r->body;
    if (r->key.protocol != IP_TCP) {
        return LIST_DATAGRAM;
    }
    if (b->sides[0].held != NULL || b->sides[1].held != NULL) {
        return LIST_HOLE;
    }
    if (b->flow.state == FLOW_CLOSED || b->flow.state == FLOW_RESET ||
        b->flow.state == FLOW_REFUSED) {
        return LIST_CLOSING;
    }
    return b->flow.state == FLOW_UNANSWERED ? LIST_HALF_OPEN : LIST_STREAM;
}

static int64_t idle_limit(enum flow_list list)
{
    static const int64_t limits[FLOW_LISTS] = {
        [LIST_HALF_OPEN] = LIMIT_TCP_HALF_OPEN_SECONDS * SECOND,
        [LIST_CLOSING] = LIMIT_TCP_CLOSED_SECONDS * SECOND,
        [LIST_DATAGRAM] = LIMIT_UDP_IDLE_SECONDS * SECOND,
        [LIST_STREAM] = LIMIT_TCP_IDLE_SECONDS * SECOND,
        [LIST_HOLE] = LIMIT_TCP_IDLE_SECONDS * SECOND,
    };
    return limits[list];
}

static void touch(struct flow_table *t, struct record *r)
{
    enum flow_list list = list_of(r);
    r->last_ns = t->clock;
    if (r->list != list || t->clock - r->queued_ns >= LIST_GRAIN_NS) {
        r->queued_ns = t->clock;
        list_unlink(t, r);
        list_append(t, r, list);
    }
}

/* RFC 792, RFC 4443: errors that say that the packet did not arrive. Not "fragmentation needed" and
 * "packet too big", which path MTU discovery repairs, nor redirects and source quench. */
static bool is_blocking(const struct datagram *d)
{
    if (d->protocol == IP_ICMP) {
        return (d->icmp.type == 3 && d->icmp.code != 4) || d->icmp.type == 11 || d->icmp.type == 12;
    }
    return d->icmp.type == 1 || d->icmp.type == 3 || d->icmp.type == 4;
}

static void annotate(struct flow_table *t, const struct datagram *d, const struct flow_place *about)
{
    bool quotes = is_blocking(d) && d->icmp.about_protocol != 0;
    struct record *r = quotes ? index_find(t, &about->key, about->hash) : NULL;
    if (r == NULL || (r->is_half && !record_promote(t, r, &d->frame->at))) {
        return;
    }
    struct flow *f = &r->body->flow;
    /* A client that no longer listens says so of an answer, which then did come. */
    if (!f->blocked && side_dir(r->body, about->side) == DIR_CLIENT) {
        f->blocked = true;
        f->blocked_by = d->source;
        f->icmp_type = d->icmp.type;
        f->icmp_code = d->icmp.code;
        f->blocked_at = d->frame->at;
    }
}

static void half_packet(struct flow_table *t, struct half_open *h, const struct datagram *d,
                        unsigned side)
{
    struct copy copy = copy_of(d, side);
    if (h->packets != 0 && copy_matches(&h->seen, &copy, d)) {
        h->duplicates++;
        t->counts.duplicates++;
    } else {
        h->retransmissions += h->packets != 0;
        h->syn_ns = d->frame->at.ns;
        h->seen = copy;
    }
    h->packets++;
    h->bytes += d->frame->wire_len;
    h->last = d->frame->at;
}

static void count_packet(struct flow *f, enum dir dir, const struct datagram *d)
{
    f->packets[dir]++;
    f->bytes[dir] += d->frame->wire_len;
    if (LIKELY(!d->is_late) || f->last.order == 0) {
        f->last = d->frame->at;
    }
}

static void check_mac(struct flow *f, enum dir dir, const struct datagram *d)
{
    struct flow_end *end = &f->ends[dir];
    if (!d->has_mac) {
        return;
    }
    if (!end->has_mac) {
        end->has_mac = true;
        memcpy(end->mac, d->source_mac, sizeof end->mac);
    } else if (memcmp(end->mac, d->source_mac, sizeof end->mac) != 0) {
        f->anomalies |= ANOMALY_MAC_CHANGED;
    }
}

static void datagram_progress(struct flow *f, enum dir dir, const struct datagram *d)
{
    if (dir == DIR_SERVER && !f->answer_seen) {
        f->answer_seen = true;
        f->answer = d->frame->at;
    }
    if (dir == DIR_CLIENT && f->packets[DIR_CLIENT] + f->packets[DIR_SERVER] == 1) {
        f->opening_seen = true;
        f->opening = d->frame->at;
    }
    if (f->packets[DIR_CLIENT] != 0 && f->packets[DIR_SERVER] != 0) {
        f->state = FLOW_ANSWERED;
    }
}

static void body_packet(struct flow_table *t, struct body *b, const struct datagram *d,
                        unsigned side)
{
    struct copy copy = copy_of(d, side);
    enum dir dir = side_dir(b, side);
    bool is_new = d->protocol == IP_TCP && flow_tcp_is_next(b, d, side);
    count_packet(&b->flow, dir, d);
    if (!is_new && copies_has(b, &copy, d)) {
        b->flow.duplicates++;
        t->counts.duplicates++;
        return;
    }
    copies_add(b, &copy);
    check_mac(&b->flow, dir, d);
    if (d->protocol == IP_TCP) {
        flow_tcp(t, b, d, side);
        return;
    }
    datagram_progress(&b->flow, dir, d);
    if (d->protocol == IP_UDP) {
        reassembly_datagram(t, b, side, d);
    }
}

static void record_packet(struct flow_table *t, struct record *r, const struct datagram *d,
                          unsigned side)
{
    if (r->is_half && side == r->opener && is_plain_syn(d) && d->tcp.sequence == r->half->isn) {
        half_packet(t, r->half, d, side);
    } else if (!r->is_half || record_promote(t, r, &d->frame->at)) {
        body_packet(t, r->body, d, side);
    } else {
        return;
    }
    touch(t, r);
}

/* The flow that the packet belongs to, when it is still going on. */
static struct record *record_of(struct flow_table *t, const struct flow_place *place,
                                const struct datagram *d)
{
    struct record *r = index_find(t, &place->key, place->hash);
    if (r == NULL) {
        return NULL;
    }
    bool syn = d->protocol == IP_TCP && (d->tcp.flags & (TCP_SYN | TCP_RST)) == TCP_SYN;
    if (UNLIKELY(t->clock - r->last_ns >= idle_limit(r->list)) ||
        (UNLIKELY(syn) && flow_tcp_starts_anew(t, r, d, place->side))) {
        record_end(t, r, false, &d->frame->at);
        return NULL;
    }
    return r;
}

static void note_peak(struct flow_table *t)
{
    if (t->pool.used > t->counts.memory_peak) {
        t->counts.memory_peak = t->pool.used;
    }
}

void flow_table_add(struct flow_table *t, const struct datagram *d, const struct flow_place *place)
{
    t->counts.packets++;
    t->clock = d->frame->at.ns > t->clock ? d->frame->at.ns : t->clock;
    if (UNLIKELY(place->is_error)) {
        annotate(t, d, place);
        note_peak(t);
        return;
    }
    struct record *r = record_of(t, place, d);
    if (UNLIKELY(r == NULL)) {
        r = record_new(t, place, d);
    }
    if (r != NULL) {
        record_packet(t, r, d, place->side);
    }
    note_peak(t);
}

/* Takes the head of a list as due; the chain of due records is linked by `next`. */
static void take_due(struct flow_table *t, struct record *r)
{
    list_unlink(t, r);
    r->next = t->due;
    t->due = r->place;
}

void flow_table_due(struct flow_table *t, const struct stamp *now, bool everything)
{
    t->clock = now->ns > t->clock ? now->ns : t->clock;
    t->ending = everything;
    for (unsigned list = 0; list < FLOW_LISTS; list++) {
        struct flow_list_ends *ends = &t->lists[list];
        if (t->clock < ends->soonest && !everything) {
            continue;
        }
        int64_t limit = list == LIST_HOLE ? LIMIT_HOLE_SECONDS * SECOND : idle_limit(list);
        struct record *r = record_at(t, ends->head);
        while (r != NULL && (everything || t->clock - r->last_ns >= limit)) {
            take_due(t, r);
            r = record_at(t, ends->head);
        }
        ends->soonest = r == NULL ? INT64_MAX : r->last_ns + limit;
    }
    t->due = chain_sort(t, t->due);
}

uint64_t flow_table_next_due(const struct flow_table *t)
{
    const struct record *r = record_at(t, t->due);
    return r == NULL ? UINT64_MAX : r->id;
}

void flow_table_close_due(struct flow_table *t, const struct stamp *now)
{
    struct record *r = record_at(t, t->due);
    t->due = r->next;
    if (r->list == LIST_HOLE && !t->ending && t->clock - r->last_ns < idle_limit(LIST_HOLE)) {
        /* Nobody fills its hole; the flow itself goes on. */
        reassembly_check(t, r->body, now);
        r->last_ns = r->queued_ns = t->clock;
        list_append(t, r, list_of(r));
    } else {
        record_close(t, r, false, now);
    }
}

static void close_all_due(struct flow_table *t, const struct stamp *now)
{
    while (t->due != NO_RECORD) {
        flow_table_close_due(t, now);
    }
}

void flow_table_tick(struct flow_table *t, const struct stamp *now)
{
    flow_table_due(t, now, false);
    close_all_due(t, now);
}

void flow_table_close(struct flow_table *t, const struct stamp *now)
{
    flow_table_due(t, now, true);
    close_all_due(t, now);
}
