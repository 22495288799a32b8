/* RFC 9293 3.4, 3.10.7.4: putting segments in the order of their sequence numbers. */
#include <stdlib.h>
#include <string.h>

#include "capture/flow_record.h"

/* An acknowledgement may be captured before what it acknowledges, so a hole that is acknowledged
 * was missed by the capture only when this much more has come. */
#define COVERED_NS 1000000000
#define COVERED_PACKETS 64u

static uint32_t span_end(const struct span *s)
{
    return s->sequence + s->len + s->cut;
}

/* The part from sequence number `from` to `to`, both inside the span. */
static struct span span_part(const struct span *s, uint32_t from, uint32_t to)
{
    uint32_t skip = from - s->sequence, want = to - from;
    uint32_t captured = skip < s->len ? s->len - skip : 0;
    uint32_t len = captured < want ? captured : want;
    return (struct span){.at = len == 0 ? NULL : s->at + skip,
                         .sequence = from,
                         .len = len,
                         .cut = want - len,
                         .ack = s->ack};
}

static void sink_ask(struct flow_table *t, struct body *b)
{
    if (!b->opened) {
        b->opened = true;
        b->ctx = t->sink.open(t->sink.user, &b->flow, b + 1);
        b->quiet = b->ctx == NULL;
    }
}

static void sink_gap(struct flow_table *t, struct body *b, unsigned side, uint32_t missing,
                     const struct stamp *at)
{
    enum dir dir = side_dir(b, side);
    b->flow.missing[dir] += missing;
    if (missing != 0 && b->opened && !b->quiet) {
        b->quiet = t->sink.gap(t->sink.user, b->ctx, dir, missing, at) == SINK_DONE;
    }
}

static void sink_span(struct flow_table *t, struct body *b, unsigned side, const struct span *s,
                      const struct stamp *at)
{
    struct side *from = &b->sides[side];
    enum dir dir = side_dir(b, side);
    b->flow.payload[dir] += s->len;
    from->next += s->len + s->cut;
    from->started = true;
    from->unawaited = false;
    if (s->len != 0 && !b->quiet) {
        struct bytes payload = bytes_of(s->at, s->len);
        b->quiet = t->sink.data(t->sink.user, b->ctx, dir, payload, at) == SINK_DONE;
    }
    if (s->cut != 0) {
        sink_gap(t, b, side, s->cut, at);
    }
}

static struct segment *held_pop(struct side *from)
{
    struct segment *first = from->held;
    from->held = first->next;
    if (first->next == NULL) {
        from->held_last = NULL;
    }
    from->held_octets -= first->len;
    from->held_count--;
    return first;
}

static size_t segment_octets(uint32_t len)
{
    return sizeof(struct segment) + len + ALLOCATION_OCTETS;
}

static void segment_free(struct flow_table *t, struct segment *g)
{
    arena_pool_refund(&t->pool, segment_octets(g->len));
    free(g);
}

static struct span segment_span(const struct segment *g)
{
    return (struct span){.at = g->octets, .sequence = g->sequence, .len = g->len, .cut = g->cut};
}

/* An answer that was captured before what it answers: two taps, or two queues of one card. Octets
 * wait for those of the other end that their sender had when it sent them. One number more than is
 * known is the FIN's. */
static bool waits_for_other(const struct body *b, unsigned side, uint32_t ack)
{
    const struct side *other = &b->sides[!side];
    int32_t missing = sequence_delta(ack, other->next);
    return missing > 1 && missing <= WINDOW_OCTETS && other->known && !other->unawaited;
}

static void deliver_first(struct flow_table *t, struct body *b, unsigned side,
                          const struct stamp *at)
{
    struct segment *first = held_pop(&b->sides[side]);
    struct span span = segment_span(first);
    sink_span(t, b, side, &span, at);
    segment_free(t, first);
}

static bool is_first_ready(const struct body *b, unsigned side)
{
    const struct side *from = &b->sides[side];
    return from->held != NULL && from->held->sequence == from->next &&
           !waits_for_other(b, side, from->held->ack);
}

static void deliver_ready(struct flow_table *t, struct body *b, unsigned side,
                          const struct stamp *at)
{
    while (is_first_ready(b, side)) {
        deliver_first(t, b, side, at);
    }
}

/* What waited for nothing but the other end's octets is told of its own packet. */
static void deliver_awaited(struct flow_table *t, struct body *b, const struct stamp *at)
{
    while (is_first_ready(b, 0) || is_first_ready(b, 1)) {
        unsigned side = is_first_ready(b, 0) ? 0 : 1;
        struct stamp own = b->sides[side].held->at;
        own.order = at->order; /* records are in the order in which they were made */
        deliver_first(t, b, side, &own);
    }
}

/* Gives up what the first of the held octets wait for. Returns the octets given up. */
static uint32_t give_up_hole(struct flow_table *t, struct body *b, unsigned side,
                             const struct stamp *at)
{
    struct side *from = &b->sides[side];
    uint32_t missing = from->held->sequence - from->next;
    from->next = from->held->sequence;
    from->started = true;
    if (missing == 0) {
        b->sides[!side].unawaited = true;
        deliver_awaited(t, b, at);
    } else {
        sink_gap(t, b, side, missing, at);
        deliver_ready(t, b, side, at);
    }
    return missing;
}

static void shed_hole(struct flow_table *t, struct body *b, unsigned side, const struct stamp *at)
{
    b->flow.anomalies |= ANOMALY_TCP_REORDER_LIMIT;
    t->counts.reorder_shed += give_up_hole(t, b, side, at);
}

static void compare_overlap(struct body *b, const struct segment *g, const struct span *s)
{
    uint32_t from = sequence_delta(g->sequence, s->sequence) > 0 ? g->sequence : s->sequence;
    uint32_t g_end = g->sequence + g->len, s_end = s->sequence + s->len;
    uint32_t to = sequence_delta(g_end, s_end) < 0 ? g_end : s_end;
    int32_t len = sequence_delta(to, from);
    if (len > 0 &&
        memcmp(g->octets + (from - g->sequence), s->at + (from - s->sequence), (size_t)len) != 0) {
        b->flow.anomalies |= ANOMALY_TCP_OVERLAP;
    }
}

/* Delivers a span that begins at or before the expected number, and all that it makes ready. Where
 * octets were held already, those that came first win. */
static void place_in_order(struct flow_table *t, struct body *b, unsigned side,
                           const struct span *s, const struct stamp *at)
{
    struct side *from = &b->sides[side];
    uint32_t end = span_end(s);
    while (sequence_delta(end, from->next) > 0) {
        const struct segment *first = from->held;
        bool overlaps = first != NULL && sequence_delta(first->sequence, end) < 0;
        uint32_t stop = overlaps ? first->sequence : end;
        if (stop == from->next) {
            compare_overlap(b, first, s);
            deliver_first(t, b, side, at);
        } else {
            struct span part = span_part(s, from->next, stop);
            sink_span(t, b, side, &part, at);
        }
    }
    deliver_ready(t, b, side, at);
}

static bool hold_part(struct flow_table *t, struct side *from, struct segment *before,
                      const struct span *s, const struct stamp *at)
{
    size_t size = segment_octets(s->len);
    if (!arena_pool_charge(&t->pool, size)) {
        return false;
    }
    struct segment *g = malloc(sizeof *g + s->len);
    if (g == NULL) {
        arena_pool_refund(&t->pool, size);
        return false;
    }
    *g = (struct segment){
        .at = *at, .sequence = s->sequence, .len = s->len, .cut = s->cut, .ack = s->ack};
    if (s->len != 0) {
        memcpy(g->octets, s->at, s->len);
    }
    g->next = before == NULL ? from->held : before->next;
    if (before == NULL) {
        from->held = g;
    } else {
        before->next = g;
    }
    if (g->next == NULL) {
        from->held_last = g;
    }
    from->held_octets += s->len;
    from->held_count++;
    return true;
}

/* Keeps what of a span is not held yet; false when memory ran out on the way. */
static bool hold(struct flow_table *t, struct body *b, unsigned side, const struct span *s,
                 const struct stamp *at)
{
    struct side *from = &b->sides[side];
    uint32_t done = s->sequence, end = span_end(s);
    struct segment *before = NULL, *g = from->held;
    const struct segment *last = from->held_last;
    if (last != NULL && sequence_delta(s->sequence, last->sequence + last->len + last->cut) >= 0) {
        before = from->held_last;
        g = NULL;
    }
    for (; g != NULL && sequence_delta(g->sequence, end) < 0; before = g, g = g->next) {
        uint32_t g_end = g->sequence + g->len + g->cut;
        if (sequence_delta(g_end, done) <= 0) {
            continue;
        }
        if (sequence_delta(g->sequence, done) > 0) {
            struct span part = span_part(s, done, g->sequence);
            if (!hold_part(t, from, before, &part, at)) {
                return false;
            }
        }
        compare_overlap(b, g, s);
        done = g_end;
    }
    if (sequence_delta(end, done) > 0) {
        struct span part = span_part(s, done, end);
        return hold_part(t, from, before, &part, at);
    }
    return true;
}

static void place_ahead(struct flow_table *t, struct body *b, unsigned side, const struct span *s,
                        const struct stamp *at)
{
    struct side *from = &b->sides[side];
    while (from->held != NULL && (from->held_octets + s->len > LIMIT_REORDER_OCTETS ||
                                  from->held_count >= LIMIT_REORDER_SEGMENTS)) {
        shed_hole(t, b, side, at);
    }
    bool waits = waits_for_other(b, side, s->ack);
    if (sequence_delta(s->sequence, from->next) <= 0 && !waits) {
        place_in_order(t, b, side, s, at);
        return;
    }
    uint32_t before = from->held_octets;
    if (hold(t, b, side, s, at)) {
        b->flow.retransmissions[side_dir(b, side)] += from->held_octets == before && s->len != 0;
        return;
    }
    while (from->held != NULL) {
        shed_hole(t, b, side, at);
    }
    int32_t missing = sequence_delta(s->sequence, from->next);
    if (missing > 0) {
        b->flow.anomalies |= ANOMALY_TCP_REORDER_LIMIT;
        t->counts.reorder_shed += (uint32_t)missing;
        from->next = s->sequence;
        sink_gap(t, b, side, (uint32_t)missing, at);
    }
    place_in_order(t, b, side, s, at);
}

static void count_repeat(struct body *b, unsigned side, const struct span *s)
{
    /* One octet just before the expected one is a keep-alive (RFC 9293 3.8.4) or a window probe
     * (3.8.6.1). */
    const struct side *from = &b->sides[side];
    bool probe = s->sequence + 1 == from->next;
    b->flow.retransmissions[side_dir(b, side)] += probe ? 0 : 1;
}

/* A flow that nobody listens to: one hole is remembered, whose octets may still come. */
static void count_late(struct body *b, struct side *from, enum dir dir, const struct span *s)
{
    uint32_t end = span_end(s);
    uint32_t first =
        sequence_delta(s->sequence, from->late_from) > 0 ? s->sequence : from->late_from;
    uint32_t to = sequence_delta(end, from->late_to) < 0 ? end : from->late_to;
    uint32_t captured = span_part(s, first, to).len;
    b->flow.payload[dir] += captured;
    b->flow.missing[dir] -= captured;
    if (first == from->late_from) {
        from->late_from = to;
    } else if (to == from->late_to) {
        from->late_to = first;
    } else {
        from->late_from = to;
    }
}

static void count_only(struct body *b, unsigned side, const struct span *s)
{
    struct side *from = &b->sides[side];
    enum dir dir = side_dir(b, side);
    uint32_t end = span_end(s);
    int32_t ahead = sequence_delta(s->sequence, from->next);
    if (ahead < 0 && from->late_from != from->late_to && sequence_delta(end, from->late_from) > 0 &&
        sequence_delta(s->sequence, from->late_to) < 0) {
        count_late(b, from, dir, s);
    } else if (ahead < 0) {
        count_repeat(b, side, s);
    } else if (ahead > 0) {
        b->flow.missing[dir] += (uint32_t)ahead;
        from->late_from = from->next;
        from->late_to = s->sequence;
        from->next = s->sequence;
    }
    if (sequence_delta(end, from->next) > 0) {
        struct span fresh = span_part(s, from->next, end);
        b->flow.payload[dir] += fresh.len;
        b->flow.missing[dir] += fresh.cut;
        from->next = end;
    }
    from->started = true;
}

/* Gives back what is held, once nobody listens. */
static void settle(struct flow_table *t, struct body *b)
{
    for (unsigned side = 0; side < 2; side++) {
        struct side *from = &b->sides[side];
        from->late_from = from->late_to = from->next;
        while (from->held != NULL) {
            struct segment *first = held_pop(from);
            struct span span = segment_span(first);
            count_only(b, side, &span);
            segment_free(t, first);
        }
    }
}

void reassembly_payload(struct flow_table *t, struct body *b, unsigned side, const struct span *s,
                        const struct stamp *at)
{
    struct side *from = &b->sides[side];
    if (s->len != 0) {
        sink_ask(t, b);
    }
    if (b->quiet || !b->opened) {
        count_only(b, side, s);
        return;
    }
    int32_t ahead = sequence_delta(s->sequence, from->next);
    bool waits = waits_for_other(b, side, s->ack);
    if (LIKELY(ahead == 0 && from->held == NULL && !waits)) {
        sink_span(t, b, side, s, at);
    } else if (ahead > 0 || (ahead == 0 && waits)) {
        place_ahead(t, b, side, s, at);
    } else {
        /* One repeated octet and new ones behind it: what follows a window probe. */
        if (ahead < -1 || sequence_delta(span_end(s), from->next) <= 0) {
            count_repeat(b, side, s);
        }
        place_in_order(t, b, side, s, at);
    }
    if (UNLIKELY(b->quiet)) {
        settle(t, b);
    }
}

static bool is_hole(const struct side *from)
{
    return from->held != NULL && from->held->sequence != from->next;
}

static bool covered_long_enough(const struct flow_table *t, const struct body *b, struct side *from)
{
    uint64_t packets = b->flow.packets[DIR_CLIENT] + b->flow.packets[DIR_SERVER];
    if (!from->covered || sequence_delta(from->covered_to, from->held->sequence) < 0) {
        bool acked = from->has_ack && sequence_delta(from->acked, from->held->sequence) >= 0;
        from->covered = acked || !is_hole(from);
        from->covered_to = acked ? from->acked : from->held->sequence;
        from->covered_ns = t->clock;
        from->covered_packets = packets;
    }
    return from->covered && (t->clock - from->covered_ns >= COVERED_NS ||
                             packets - from->covered_packets >= COVERED_PACKETS);
}

static bool waited_long_enough(const struct flow_table *t, const struct body *b, struct side *from)
{
    if (!from->waiting || from->hole_at != from->next) {
        from->waiting = true;
        from->hole_at = from->next;
        from->hole_ns = t->clock;
    }
    return covered_long_enough(t, b, from) ||
           t->clock - from->hole_ns >= (int64_t)LIMIT_HOLE_SECONDS * 1000000000;
}

void reassembly_check(struct flow_table *t, struct body *b, const struct stamp *at)
{
    deliver_awaited(t, b, at);
    /* A hole before what waits for its octets. */
    for (unsigned turn = 0; turn < 4; turn++) {
        unsigned side = turn & 1;
        struct side *from = &b->sides[side];
        while (from->held != NULL && (turn >= 2 || is_hole(from)) &&
               waited_long_enough(t, b, from)) {
            (void)give_up_hole(t, b, side, at);
            deliver_awaited(t, b, at);
        }
        if (from->held == NULL) {
            from->waiting = from->covered = false;
        }
    }
    if (b->quiet) {
        settle(t, b);
    }
}

/* The octets at the end of a direction that were acknowledged or ended by FIN, but never captured.
 */
static void flush_tail(struct flow_table *t, struct body *b, unsigned side, const struct stamp *at)
{
    struct side *from = &b->sides[side];
    if (!from->known || (!from->fin_seen && !from->has_ack)) {
        return;
    }
    uint32_t end = from->fin_seen ? from->fin : from->acked;
    int32_t missing = sequence_delta(end, from->next);
    /* One number more, and no FIN seen: most likely it was the FIN's. */
    if (missing > (from->fin_seen ? 0 : 1)) {
        from->next = end;
        sink_gap(t, b, side, (uint32_t)missing, at);
    }
}

void reassembly_flush(struct flow_table *t, struct body *b, const struct stamp *at)
{
    const struct side *sides = b->sides;
    while (sides[0].held != NULL || sides[1].held != NULL) {
        bool second = sides[0].held == NULL ||
                      (sides[1].held != NULL && sides[1].held->at.order < sides[0].held->at.order);
        (void)give_up_hole(t, b, second ? 1 : 0, at);
        deliver_awaited(t, b, at);
    }
    flush_tail(t, b, 0, at);
    flush_tail(t, b, 1, at);
}

void reassembly_resume(struct flow_table *t, struct body *b, unsigned side, uint32_t sequence,
                       uint32_t missing, const struct stamp *at)
{
    struct side *from = &b->sides[side];
    while (from->held != NULL) {
        (void)give_up_hole(t, b, side, at);
    }
    from->next = sequence;
    from->late_from = from->late_to = sequence;
    from->has_ack = from->fin_seen = false;
    sink_gap(t, b, side, missing, at);
}

void reassembly_datagram(struct flow_table *t, struct body *b, unsigned side,
                         const struct datagram *d)
{
    struct span span = {
        .at = d->payload.at, .len = (uint32_t)d->payload.len, .cut = d->payload_cut};
    if (span.len != 0) {
        sink_ask(t, b);
    }
    if (b->opened) {
        sink_span(t, b, side, &span, &d->frame->at);
    } else {
        b->flow.missing[side_dir(b, side)] += span.cut;
    }
}

void reassembly_release(struct flow_table *t, struct body *b)
{
    for (unsigned side = 0; side < 2; side++) {
        while (b->sides[side].held != NULL) {
            segment_free(t, held_pop(&b->sides[side]));
        }
    }
}
