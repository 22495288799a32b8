/*
 * flow_script.h - conversations as tables of segments, for the tests of flow and reassembly.
 *
 * Two ends: 'c' (10.0.0.1:49152) and 's' (10.0.0.2:443); sequence and acknowledgement numbers count
 * from each end's initial number, so a SYN is 0 and the first octet 1. The sink writes what it is
 * told as text:
 * "+" open, "c:abc" data, "c-5" a gap, "=" close.
 */
#ifndef ROLECALL_TESTS_FLOW_SCRIPT_H
#define ROLECALL_TESTS_FLOW_SCRIPT_H

#include <stdio.h>
#include <string.h>

#include "capture/flow.h"
#include "capture/stream.h"

/* A step says only what matters in it. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define SCRIPT_STEPS 20
#define SCRIPT_START 1700000000000000000ll

enum { F = TCP_FIN, S = TCP_SYN, R = TCP_RST, A = TCP_ACK };

struct step {
    char who; /* 'c' or 's'; 0 ends the script */
    uint8_t flags;
    uint32_t seq, ack;
    const char *payload;
    uint32_t ms;  /* since the step before */
    uint16_t id;  /* IP id; 0: the next of a counter */
    uint32_t cut; /* octets of payload not captured */
    bool no_window;
};

struct script {
    struct flow_table *table;
    struct flow_options options;
    struct flow_secret secret;
    struct stamp at;
    uint16_t next_id;
    uint32_t isn[2];
    char said[4096];
    size_t said_len;
    enum sink_answer answer;
    bool refuse; /* open answers NULL */
    unsigned closes;
    struct flow last, all[8]; /* as closed */
    struct stamp told[2];     /* of the last data of each direction */
};

static void script_say(struct script *s, const char *text, size_t len)
{
    if (len < sizeof s->said - s->said_len) {
        memcpy(s->said + s->said_len, text, len);
        s->said_len += len;
        s->said[s->said_len] = '\0';
    }
}

static void *script_open(void *user, struct flow *flow, void *room)
{
    (void)room;
    struct script *s = user;
    (void)flow;
    script_say(s, "+ ", 2);
    return s->refuse ? NULL : s;
}

static enum sink_answer script_data(void *user, void *ctx, enum dir dir, struct bytes payload,
                                    const struct stamp *at)
{
    struct script *s = user;
    (void)ctx;
    s->told[dir] = *at;
    script_say(s, dir == DIR_CLIENT ? "c:" : "s:", 2);
    script_say(s, (const char *)payload.at, payload.len);
    script_say(s, " ", 1);
    return s->answer;
}

static enum sink_answer script_gap(void *user, void *ctx, enum dir dir, uint64_t missing,
                                   const struct stamp *at)
{
    struct script *s = user;
    (void)ctx;
    (void)at;
    char text[32];
    int len = snprintf(text, sizeof text, "%c-%llu ", dir == DIR_CLIENT ? 'c' : 's',
                       (unsigned long long)missing);
    script_say(s, text, (size_t)len);
    return s->answer;
}

static void script_close(void *user, void *ctx, const struct flow *flow, const struct stamp *at)
{
    struct script *s = user;
    (void)ctx;
    (void)at;
    script_say(s, "= ", 2);
    s->last = *flow;
    if (s->closes < 8) {
        s->all[s->closes] = *flow;
    }
    s->closes++;
}

static void script_init(struct script *s, size_t memory, const struct flow_options *options)
{
    static const struct flow_options none = {0};
    *s = (struct script){.at = {.ns = SCRIPT_START, .precision = 9}, .isn = {1000, 5000}};
    struct stream_sink sink = {.user = s,
                               .open = script_open,
                               .data = script_data,
                               .gap = script_gap,
                               .close = script_close};
    s->options = options == NULL ? none : *options;
    assert_int_equal(flow_secret_draw(&s->secret), 0);
    s->table = flow_table_new(memory, &sink);
}

static void script_done(struct script *s)
{
    s->table = flow_table_free(s->table);
}

static struct address script_address(uint32_t host)
{
    uint8_t octets[4] = {10, (uint8_t)(host >> 16), (uint8_t)(host >> 8), (uint8_t)host};
    return address_v4(octets);
}

static void script_add(struct script *s, struct datagram *d, struct packet *frame)
{
    frame->at = s->at;
    frame->at.order = s->at.packet = ++s->at.order;
    frame->at.packet = frame->at.order;
    frame->wire_len = 54 + (uint32_t)d->payload.len + d->payload_cut;
    d->frame = frame;
    struct flow_place place;
    flow_place_of(d, &s->options, &s->secret, &place);
    flow_table_add(s->table, d, &place);
}

static struct datagram script_datagram(struct script *s, const struct step *step)
{
    bool client = step->who == 'c';
    struct datagram d = {.source = script_address(client ? 1 : 2),
                         .destination = script_address(client ? 2 : 1),
                         .source_port = client ? 49152 : 443,
                         .destination_port = client ? 443 : 49152,
                         .protocol = IP_TCP,
                         .ttl = 64,
                         .version = 4,
                         .payload_cut = step->cut};
    d.ip_id = step->id != 0 ? step->id : (uint16_t)(20000 + s->next_id++);
    d.tcp.flags = step->flags;
    d.tcp.sequence = s->isn[client ? 0 : 1] + step->seq;
    d.tcp.acknowledgement = (step->flags & TCP_ACK) != 0 ? s->isn[client ? 1 : 0] + step->ack : 0;
    d.tcp.window = step->no_window ? 0 : 8192;
    if (step->payload != NULL) {
        d.payload = bytes_text(step->payload);
    }
    return d;
}

static void script_step(struct script *s, const struct step *step)
{
    struct packet frame = {0};
    struct datagram d = script_datagram(s, step);
    s->at.ns += (int64_t)step->ms * 1000000;
    script_add(s, &d, &frame);
}

static void script_run(struct script *s, const struct step *steps)
{
    for (unsigned i = 0; i < SCRIPT_STEPS && steps[i].who != 0; i++) {
        script_step(s, &steps[i]);
    }
}

static void script_end(struct script *s)
{
    flow_table_close(s->table, &s->at);
}

#define HANDSHAKE                                                                                  \
    {'c', S, 0, 0, 0, 0}, {'s', S | A, 0, 1, 0, 1},                                                \
    {                                                                                              \
        'c', A, 1, 1, 0, 1                                                                         \
    }

#endif
