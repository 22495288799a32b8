/* RFC 9293 3.3.2, 3.10: the states of a connection, as somebody sees them who watches it pass. */
#include "capture/flow_record.h"

/* A segment before the SYN that it follows, or a fast-open request, is at most this far from it. */
#define NEAR_OCTETS 65536

/* So many segments in a row that are far from the expected number, but follow each other, are the
 * stream. */
#define STRAYS_BELIEVED 8

/* A reset must fit the stream closer than data (RFC 5961 3.2 asks for an exact match from whoever
 * sees all). */
#define RESET_OCTETS (1 << 20)

static bool is_near(uint32_t a, uint32_t b, int32_t limit)
{
    int32_t delta = sequence_delta(a, b);
    return delta <= limit && delta >= -limit;
}

static bool has_ended(const struct flow *f)
{
    return f->state == FLOW_CLOSED || f->state == FLOW_RESET || f->state == FLOW_REFUSED;
}

static uint32_t payload_on_wire(const struct datagram *d)
{
    return (uint32_t)d->payload.len + d->payload_cut;
}

bool flow_tcp_is_next(const struct body *b, const struct datagram *d, unsigned side)
{
    const struct side *from = &b->sides[side];
    return d->payload.len != 0 && from->known && d->tcp.sequence == from->next;
}

/* A SYN without ACK that differs from the one known. */
static bool syn_starts_anew(const struct flow_table *t, const struct record *r,
                            const struct datagram *d, unsigned side)
{
    const struct body *b = r->body;
    const struct side *from = &b->sides[side], *to = &b->sides[!side];
    if (b->flow.state == FLOW_UNANSWERED) {
        return from->has_isn; /* else both ends opened at once */
    }
    if (!from->has_isn) {
        /* Captured after what it precedes on the wire. */
        bool late = from->known ? is_near(d->tcp.sequence + 1, from->next, NEAR_OCTETS)
                                : from->has_ack && from->acked == d->tcp.sequence + 1;
        return !late;
    }
    int64_t idle = t->clock - r->last_ns;
    return !to->known || idle >= (int64_t)LIMIT_TCP_HALF_OPEN_SECONDS * 1000000000;
}

bool flow_tcp_starts_anew(const struct flow_table *t, const struct record *r,
                          const struct datagram *d, unsigned side)
{
    bool has_ack = (d->tcp.flags & TCP_ACK) != 0;
    if (r->is_half) {
        return !has_ack && side == r->opener && d->tcp.sequence != r->half->isn;
    }
    const struct body *b = r->body;
    const struct side *from = &b->sides[side], *to = &b->sides[!side];
    if (from->has_isn && d->tcp.sequence == from->isn) {
        /* Some stacks and generators begin every connection with the same number. */
        bool over = b->flow.state == FLOW_CLOSED || b->flow.state == FLOW_RESET;
        return over && !has_ack && t->clock - r->last_ns > LIMIT_DUPLICATE_NS;
    }
    if (from->has_isn && (has_ended(&b->flow) || from->fin_seen || to->fin_seen)) {
        return true;
    }
    if (!has_ack) {
        return syn_starts_anew(t, r, d, side);
    }
    if (from->has_isn) {
        return !(to->has_isn && is_near(d->tcp.acknowledgement, to->isn + 1, NEAR_OCTETS));
    }
    return from->known && !is_near(d->tcp.sequence + 1, from->next, NEAR_OCTETS);
}

static void bad_sequence(struct flow_table *t, struct body *b)
{
    b->flow.anomalies |= ANOMALY_TCP_BAD_SEQUENCE;
    t->counts.bad_sequence++;
}

/* Whether the segment is near enough to the expected number; counts those that are not, until
 * enough of them agree with each other. */
static bool is_in_window(struct flow_table *t, struct body *b, unsigned side,
                         const struct datagram *d)
{
    struct side *from = &b->sides[side];
    uint32_t len = payload_on_wire(d);
    if (LIKELY(is_near(d->tcp.sequence, from->next, WINDOW_OCTETS))) {
        from->strays = len == 0 ? from->strays : 0;
        return true;
    }
    bad_sequence(t, b);
    if (len == 0) {
        return false;
    }
    bool follows = from->strays != 0 && d->tcp.sequence == from->stray_next;
    from->strays = follows ? (uint8_t)(from->strays + 1) : 1;
    from->stray_octets = (follows ? from->stray_octets : 0) + len;
    from->stray_next = d->tcp.sequence + len;
    if (from->strays < STRAYS_BELIEVED) {
        return false;
    }
    /* Forwards the distance is known; backwards only what was passed over. */
    int32_t ahead = sequence_delta(d->tcp.sequence, from->next);
    uint32_t missing = ahead > 0 ? (uint32_t)ahead : from->stray_octets - len;
    from->strays = 0;
    reassembly_resume(t, b, side, d->tcp.sequence, missing, &d->frame->at);
    return true;
}

static void take_ack(struct body *b, unsigned side, const struct datagram *d)
{
    struct side *to = &b->sides[!side];
    if ((d->tcp.flags & TCP_ACK) == 0) {
        return;
    }
    uint32_t ack = d->tcp.acknowledgement;
    if (to->known && !is_near(ack, to->next, WINDOW_OCTETS)) {
        return;
    }
    if (!to->has_ack || sequence_delta(ack, to->acked) > 0) {
        to->has_ack = true;
        to->acked = ack;
    }
}

/* The SYN's sender is the client, whatever was guessed before; but a sink that was opened has been
 * told which end is which, so a handshake captured after its data does not change that any more. */
static void set_direction(struct body *b, unsigned client_side)
{
    bool agrees = side_dir(b, client_side) == DIR_CLIENT;
    if (!b->flow.direction_certain && !agrees && !b->opened) {
        flow_reverse(&b->flow);
        agrees = true;
    }
    b->flow.direction_certain |= agrees;
}

static void synchronise(struct side *from, const struct datagram *d)
{
    from->has_isn = true;
    from->isn = d->tcp.sequence;
    if (!from->started) {
        from->next = d->tcp.sequence + 1;
        from->known = true;
    }
}

static void take_syn_ack(struct flow_table *t, struct body *b, unsigned side,
                         const struct datagram *d)
{
    struct flow *f = &b->flow;
    const struct side *to = &b->sides[!side];
    if (to->has_isn && !is_near(d->tcp.acknowledgement, to->isn + 1, NEAR_OCTETS)) {
        bad_sequence(t, b);
        return;
    }
    synchronise(&b->sides[side], d);
    set_direction(b, !side);
    if (!f->answer_seen && side_dir(b, side) == DIR_SERVER) {
        f->answer_seen = true;
        f->answer = d->frame->at;
    }
    if (f->state == FLOW_UNANSWERED || f->state == FLOW_MIDSTREAM) {
        f->state = FLOW_ESTABLISHED;
    }
    take_ack(b, side, d);
}

static void take_opening(struct body *b, unsigned side, const struct datagram *d)
{
    struct flow *f = &b->flow;
    synchronise(&b->sides[side], d);
    if (f->opening_seen) {
        return; /* both ends opened: the first was the client */
    }
    set_direction(b, side);
    if (side_dir(b, side) != DIR_CLIENT) {
        return;
    }
    f->opening_seen = true;
    f->opening = d->frame->at;
    b->syn_ns = d->frame->at.ns;
    bool answered = b->sides[!side].known;
    if (f->state == FLOW_MIDSTREAM) {
        f->state = answered ? FLOW_ESTABLISHED : FLOW_UNANSWERED;
    }
}

static struct span span_of(const struct body *b, unsigned side, const struct datagram *d,
                           uint32_t sequence)
{
    bool has_ack = (d->tcp.flags & TCP_ACK) != 0;
    return (struct span){.at = d->payload.at,
                         .sequence = sequence,
                         .len = (uint32_t)d->payload.len,
                         .cut = d->payload_cut,
                         .ack = has_ack ? d->tcp.acknowledgement : b->sides[!side].next};
}

static void take_syn(struct flow_table *t, struct body *b, unsigned side, const struct datagram *d)
{
    struct side *from = &b->sides[side];
    bool has_ack = (d->tcp.flags & TCP_ACK) != 0;
    bool same = from->has_isn && from->isn == d->tcp.sequence;
    if (from->has_isn && !same) {
        bad_sequence(t, b);
        return;
    }
    if (same && !(has_ack && !b->flow.answer_seen)) {
        b->flow.retransmissions[side_dir(b, side)]++;
        if (!has_ack && b->flow.rtt_ns == 0 && side_dir(b, side) == DIR_CLIENT) {
            b->syn_ns = d->frame->at.ns;
        }
    } else if (has_ack) {
        take_syn_ack(t, b, side, d);
    } else {
        take_opening(b, side, d);
    }
    uint32_t len = payload_on_wire(d);
    if (len != 0 && from->has_isn && from->isn == d->tcp.sequence) {
        b->flow.anomalies |= ANOMALY_TCP_SYN_PAYLOAD;
        struct span span = span_of(b, side, d, from->isn + 1);
        reassembly_payload(t, b, side, &span, &d->frame->at);
    }
}

static bool reset_fits(const struct body *b, unsigned side, const struct datagram *d)
{
    const struct side *from = &b->sides[side], *to = &b->sides[!side];
    if (from->known) {
        return is_near(d->tcp.sequence, from->next, RESET_OCTETS) ||
               (from->has_ack && d->tcp.sequence == from->acked);
    }
    bool has_ack = (d->tcp.flags & TCP_ACK) != 0;
    return !has_ack || !to->known || is_near(d->tcp.acknowledgement, to->next, RESET_OCTETS);
}

static void take_reset(struct flow_table *t, struct body *b, unsigned side,
                       const struct datagram *d)
{
    struct flow *f = &b->flow;
    if (!reset_fits(b, side, d)) {
        bad_sequence(t, b);
        return;
    }
    reassembly_flush(t, b, &d->frame->at);
    bool refuses = f->state == FLOW_UNANSWERED && side_dir(b, side) == DIR_SERVER;
    bool gives_up = f->state == FLOW_UNANSWERED && !refuses;
    if (has_ended(f) || gives_up) {
        return;
    }
    if (b->sides[0].fin_seen || b->sides[1].fin_seen) {
        f->state = FLOW_CLOSED;
        return;
    }
    f->state = refuses ? FLOW_REFUSED : FLOW_RESET;
    f->refusal = d->frame->at;
}

/* What a packet without SYN says about the handshake. */
static void take_progress(struct body *b, unsigned side, const struct datagram *d)
{
    struct flow *f = &b->flow;
    enum dir dir = side_dir(b, side);
    const struct side *to = &b->sides[!side];
    if ((d->tcp.flags & TCP_ACK) == 0) {
        return;
    }
    int32_t acked = sequence_delta(d->tcp.acknowledgement, to->isn);
    bool completes = !to->has_isn || (acked > 0 && acked <= WINDOW_OCTETS);
    if (f->state == FLOW_UNANSWERED && completes) {
        f->state = FLOW_ESTABLISHED; /* its SYN-ACK was not captured */
    }
    if (dir == DIR_CLIENT && f->rtt_ns == 0 && f->opening_seen && f->answer_seen && completes) {
        bool forward = b->syn_ns >= 0 && d->frame->at.ns > b->syn_ns;
        f->rtt_ns = forward ? d->frame->at.ns - b->syn_ns : 1;
    }
}

static void take_payload(struct flow_table *t, struct body *b, unsigned side,
                         const struct datagram *d)
{
    struct side *from = &b->sides[side];
    struct span span = span_of(b, side, d, d->tcp.sequence);
    if (!from->started && !from->has_isn && span.sequence == from->next + 1) {
        from->next = span.sequence; /* the flow was joined at a keep-alive */
    }
    if (UNLIKELY(from->fin_seen)) {
        int32_t beyond = sequence_delta(span.sequence + span.len + span.cut, from->fin);
        if (beyond > 0) {
            b->flow.anomalies |= ANOMALY_DATA_AFTER_FIN;
            uint32_t excess = (uint32_t)beyond;
            uint32_t of_cut = excess < span.cut ? excess : span.cut;
            span.cut -= of_cut;
            excess -= of_cut;
            span.len -= excess < span.len ? excess : span.len;
        }
    }
    if (span.len + span.cut != 0) {
        reassembly_payload(t, b, side, &span, &d->frame->at);
    }
}

static void take_fin(struct flow_table *t, struct body *b, unsigned side, const struct datagram *d)
{
    struct side *from = &b->sides[side];
    uint32_t fin = d->tcp.sequence + payload_on_wire(d);
    const struct segment *last = from->held_last;
    if (from->fin_seen) {
        b->flow.retransmissions[side_dir(b, side)] += payload_on_wire(d) == 0 ? 1 : 0;
    } else if (sequence_delta(fin, from->next) < 0) {
        bad_sequence(t, b);
    } else if (last != NULL && sequence_delta(last->sequence + last->len + last->cut, fin) > 0) {
        b->flow.anomalies |= ANOMALY_DATA_AFTER_FIN; /* the data came first */
    } else {
        from->fin_seen = true;
        from->fin = fin;
    }
}

static void finish(struct body *b)
{
    for (unsigned side = 0; side < 2; side++) {
        struct side *from = &b->sides[side];
        if (from->fin_seen && from->next == from->fin) {
            from->next = from->fin + 1;
        }
    }
    if (b->sides[0].fin_seen && b->sides[1].fin_seen && !has_ended(&b->flow)) {
        b->flow.state = FLOW_CLOSED;
    }
}

static void take_segment(struct flow_table *t, struct body *b, unsigned side,
                         const struct datagram *d)
{
    struct side *from = &b->sides[side];
    if (UNLIKELY(!from->known)) {
        from->known = true;
        from->next = d->tcp.sequence;
    }
    if (UNLIKELY(!is_in_window(t, b, side, d))) {
        return;
    }
    take_progress(b, side, d);
    take_ack(b, side, d);
    if (d->payload.len != 0 || d->payload_cut != 0) {
        take_payload(t, b, side, d);
    }
    if (UNLIKELY((d->tcp.flags & TCP_FIN) != 0)) {
        take_fin(t, b, side, d);
    }
}

void flow_tcp(struct flow_table *t, struct body *b, const struct datagram *d, unsigned side)
{
    if (UNLIKELY((d->tcp.flags & TCP_RST) != 0)) {
        take_reset(t, b, side, d);
    } else if (UNLIKELY((d->tcp.flags & TCP_SYN) != 0)) {
        take_syn(t, b, side, d);
    } else {
        take_segment(t, b, side, d);
    }
    if (UNLIKELY(b->sides[0].held != NULL || b->sides[1].held != NULL)) {
        reassembly_check(t, b, &d->frame->at);
    }
    if (UNLIKELY(b->sides[0].fin_seen || b->sides[1].fin_seen)) {
        finish(b);
    }
}
