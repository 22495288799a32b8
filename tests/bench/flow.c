#include "tests/bench/flow.h"

#include <assert.h>

#include "tests/bench/hosts.h"
#include "tests/bench/wire.h"

enum { MICROSECOND = 1000, MILLISECOND = 1000000 };

/* What goes wrong on this network, per mille of data segments; and how flows end. */
enum {
    RETRANSMITTED = 3,
    REORDERED = 2,
    ENDS_IN_RESET = 150,
    ENDS_IN_FOUR_STEPS = 200,
};

/* A delayed acknowledgement waits no longer than this for data to ride on. */
static const uint64_t delayed_ack = 40 * (uint64_t)MILLISECOND;

void flow_init(struct flow *f, const struct kind *kind, uint64_t at)
{
    struct random *r = f->scene.random;

    f->kind = kind;
    f->at = at;
    f->stage = kind->udp ? STAGE_DATA : STAGE_SYN;
    f->next[CLIENT] = random_u32(r);
    f->next[SERVER] = random_u32(r);
    f->rtt_ns = random_between(r, 90, 900) * MICROSECOND;
    f->scene.client_port = host_take_port(f->scene.client);
}

void flow_done(struct flow *f)
{
    script_done(&f->scene.script);
}

static enum side other(enum side s)
{
    return s == CLIENT ? SERVER : CLIENT;
}

static struct segment segment_from(struct flow *f, enum side from, uint8_t flags)
{
    struct scene *sc = &f->scene;
    struct segment s = {.flags = flags, .seq = f->next[from], .ack = f->next[other(from)]};

    s.from = from == CLIENT ? sc->client : sc->server;
    s.to = from == CLIENT ? sc->server : sc->client;
    s.from_port = from == CLIENT ? sc->client_port : sc->server_port;
    s.to_port = from == CLIENT ? sc->server_port : sc->client_port;
    return s;
}

static void send_control(struct flow *f, struct wire *w, enum side from, uint8_t flags)
{
    struct segment s = segment_from(f, from, flags);
    wire_tcp(w, f->at, &s);
}

static const struct message *current(const struct flow *f)
{
    return &f->scene.script.messages[f->message];
}

static void send_piece(struct flow *f, struct wire *w, size_t offset, size_t n)
{
    const struct message *m = current(f);
    bool last = offset + n == script_length(&f->scene.script, f->message);
    struct segment s = segment_from(f, m->from, last ? TCP_ACK | TCP_PSH : TCP_ACK);

    s.seq += (uint32_t)offset;
    s.payload = f->scene.script.text.at + m->at + offset;
    s.len = n;
    wire_tcp(w, f->at, &s);
}

/* Two to forty microseconds a segment: 1 to 10 Gbit/s with company. */
static uint64_t segment_gap(struct flow *f)
{
    return random_between(f->scene.random, 2, 40) * (uint64_t)MICROSECOND;
}

/* When the next message goes, and whether an acknowledgement has to go before it. */
static void finish_message(struct flow *f, size_t len)
{
    const struct script *s = &f->scene.script;
    enum side from = current(f)->from;

    f->next[from] += (uint32_t)len;
    f->message++;
    f->offset = 0;
    bool last = f->message == s->count;
    uint64_t delay = last ? segment_gap(f) : current(f)->delay_ns + f->rtt_ns / 2;
    bool rides = !last && current(f)->from != from && delay < delayed_ack;
    if (rides || f->owed == 0) {
        f->owed = 0;
        f->pause = 0;
        f->at += delay;
        return;
    }
    /* At least two owed makes the next step the acknowledgement. */
    f->owed = 2;
    f->pause = delay;
    f->at += f->rtt_ns / 2;
}

static void acknowledge(struct flow *f, struct wire *w)
{
    /* Between messages the receiver is whoever did not speak last. */
    bool between = f->offset == 0;
    enum side sender = between ? f->scene.script.messages[f->message - 1].from : current(f)->from;
    struct segment s = segment_from(f, other(sender), TCP_ACK);

    s.ack += (uint32_t)f->offset;
    wire_tcp(w, f->at, &s);
    f->owed = 0;
    f->at += segment_gap(f) + f->pause;
    f->pause = 0;
}

static void count_sent(struct flow *f, struct pace *pace, size_t n)
{
    f->offset += n;
    if (f->kind->more)
        pace->promised -= n;
}

static void data_step(struct flow *f, struct wire *w, struct pace *pace)
{
    if (f->owed >= 2 && !f->swapped) {
        acknowledge(f, w);
        return;
    }
    struct random *r = f->scene.random;
    size_t len = script_length(&f->scene.script, f->message), left = len - f->offset;
    size_t n = left < WIRE_MSS ? left : WIRE_MSS;

    if (f->again) {
        send_piece(f, w, f->offset - f->again, f->again);
        f->again = 0;
    } else if (f->swapped) {
        send_piece(f, w, f->offset, WIRE_MSS);
        count_sent(f, pace, (size_t)2 * WIRE_MSS);
        f->swapped = false;
        f->owed += 2;
    } else if (left >= (size_t)2 * WIRE_MSS && random_chance(r, REORDERED)) {
        send_piece(f, w, f->offset + WIRE_MSS, WIRE_MSS);
        f->swapped = true;
    } else {
        send_piece(f, w, f->offset, n);
        count_sent(f, pace, n);
        f->again = random_chance(r, RETRANSMITTED) ? n : 0;
        f->owed++;
    }
    if (f->again)
        f->at += f->rtt_ns + 200 * (uint64_t)MICROSECOND;
    else if (f->offset == len)
        finish_message(f, len);
    else
        f->at += segment_gap(f);
}

static void udp_step(struct flow *f, struct wire *w)
{
    const struct message *m = current(f);
    struct segment s = segment_from(f, m->from, 0);

    s.payload = f->scene.script.text.at + m->at;
    s.len = script_length(&f->scene.script, f->message);
    wire_udp(w, f->at, &s);
    f->message++;
    if (f->message == f->scene.script.count)
        f->stage = STAGE_OVER;
    else
        f->at += current(f)->delay_ns + f->rtt_ns / 2;
}

/* The straight line from nothing to the target; a bulk flow waits when the file is ahead of it. */
static bool is_ahead(const struct flow *f, const struct pace *pace, uint64_t sent)
{
    uint64_t span = pace->end - pace->start, gone = f->at - pace->start;
    double line = gone >= span ? 1.0 : (double)gone / (double)span;
    return (double)sent > line * (double)pace->target;
}

static void refill(struct flow *f, const struct wire *w, struct pace *pace)
{
    enum { HEADERS_PERCENT = 7, SMALLEST_BUDGET = 65536 };
    uint64_t sent = wire_bytes(w) + pace->promised + pace->promised * HEADERS_PERCENT / 100;
    uint64_t budget = sent < pace->target ? (pace->target - sent) / pace->transfers : 0;

    if (budget && is_ahead(f, pace, sent)) {
        f->at += random_between(f->scene.random, 500, 3000) * (uint64_t)MICROSECOND;
        return;
    }
    if (!f->kind->more(&f->scene, budget < SMALLEST_BUDGET ? 0 : budget)) {
        f->stage = STAGE_FIN;
        return;
    }
    assert(f->scene.script.count > 0);
    f->message = 0;
    f->offset = 0;
    pace->promised += f->scene.script.text.len;
    f->at += current(f)->delay_ns;
}

/* Clients keep a connection for a while before they close or, often, just reset it. */
static void end_after_idling(struct flow *f)
{
    f->stage = random_chance(f->scene.random, ENDS_IN_RESET) ? STAGE_RESET : STAGE_FIN;
    f->at += random_between(f->scene.random, 1, 600) * (uint64_t)MILLISECOND;
}

static void conversation_step(struct flow *f, struct wire *w, struct pace *pace)
{
    bool said = f->message == f->scene.script.count;

    if (f->owed >= 2 && said)
        acknowledge(f, w);
    else if (!said)
        data_step(f, w, pace);
    else if (f->kind->more)
        refill(f, w, pace);
    else
        end_after_idling(f);
}

/* Opening: a SYN that nobody answers is repeated twice, a second and two seconds later. */
static void opening_step(struct flow *f, struct wire *w)
{
    static const uint64_t second = 1000 * (uint64_t)MILLISECOND;

    if (f->stage == STAGE_SYN) {
        send_control(f, w, CLIENT, TCP_SYN);
        f->stage = STAGE_SYN_ACK;
        f->at += f->rtt_ns;
        if (f->kind->fate == FATE_UNANSWERED) {
            f->stage = f->retries < 2 ? STAGE_SYN : STAGE_OVER;
            f->at += second << f->retries++;
        }
        return;
    }
    if (f->stage == STAGE_SYN_ACK) {
        f->next[CLIENT]++;
        if (f->kind->fate == FATE_REFUSED) {
            f->next[SERVER] = 0;
            send_control(f, w, SERVER, TCP_RST | TCP_ACK);
            f->stage = STAGE_OVER;
            return;
        }
        send_control(f, w, SERVER, TCP_SYN | TCP_ACK);
        f->next[SERVER]++;
        f->stage = STAGE_HANDSHAKE_ACK;
        f->at += segment_gap(f);
        return;
    }
    send_control(f, w, CLIENT, TCP_ACK);
    f->stage = STAGE_DATA;
    f->at += segment_gap(f) + current(f)->delay_ns / 4;
}

static void closing_step(struct flow *f, struct wire *w)
{
    if (f->stage == STAGE_FIN) {
        bool four_steps = random_chance(f->scene.random, ENDS_IN_FOUR_STEPS);
        send_control(f, w, CLIENT, TCP_FIN | TCP_ACK);
        f->next[CLIENT]++;
        f->stage = four_steps ? STAGE_FIN_ACK : STAGE_SERVER_FIN;
    } else if (f->stage == STAGE_FIN_ACK) {
        send_control(f, w, SERVER, TCP_ACK);
        f->stage = STAGE_SERVER_FIN;
    } else if (f->stage == STAGE_SERVER_FIN) {
        send_control(f, w, SERVER, TCP_FIN | TCP_ACK);
        f->next[SERVER]++;
        f->stage = STAGE_LAST_ACK;
    } else {
        send_control(f, w, CLIENT, f->stage == STAGE_RESET ? TCP_RST | TCP_ACK : TCP_ACK);
        f->stage = STAGE_OVER;
    }
    f->at += f->rtt_ns / 2;
}

bool flow_step(struct flow *f, struct wire *w, struct pace *pace)
{
    if (f->kind->udp)
        udp_step(f, w);
    else if (f->stage < STAGE_DATA)
        opening_step(f, w);
    else if (f->stage == STAGE_DATA)
        conversation_step(f, w, pace);
    else
        closing_step(f, w);
    return f->stage != STAGE_OVER;
}
