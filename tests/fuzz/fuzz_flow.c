/*
 * fuzz_flow.c - the input as a script of packets for a few flows.
 *
 * Checked: open and close come in pairs, data and gaps add up to what the flow says, the budget is
 * kept and comes back, and the table closes every flow that it opened.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "capture/flow.h"
#include "capture/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MEMORY (128u << 10)

/* One flow as its sink sees it. */
struct seen {
    uint64_t payload[2], missing[2];
    bool done, reversed;
};

struct world {
    struct flow_table *table;
    struct flow_options options;
    uint64_t opens, closes_opened, closes;
    uint8_t mood; /* what the sink does next */
};

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void *seen_open(void *user, struct flow *flow, void *room)
{
    (void)room;
    struct world *w = user;
    if (w->mood % 8 == 7) {
        return NULL;
    }
    struct seen *s = calloc(1, sizeof *s);
    must(s != NULL);
    if (!flow->direction_certain && w->mood % 4 == 3) {
        flow_reverse(flow);
    }
    w->opens++;
    return s;
}

static enum sink_answer seen_data(void *user, void *ctx, enum dir dir, struct bytes payload,
                                  const struct stamp *at)
{
    const struct world *w = user;
    struct seen *s = ctx;
    must(payload.len != 0 && !s->done && at->order != 0);
    s->payload[dir] += payload.len;
    volatile uint8_t touched = payload.at[payload.len - 1];
    (void)touched;
    s->done = w->mood % 32 == 5;
    return s->done ? SINK_DONE : SINK_MORE;
}

static enum sink_answer seen_gap(void *user, void *ctx, enum dir dir, uint64_t missing,
                                 const struct stamp *at)
{
    const struct world *w = user;
    struct seen *s = ctx;
    must(missing != 0 && !s->done && at->order != 0);
    s->missing[dir] += missing;
    s->done = w->mood % 32 == 6;
    return s->done ? SINK_DONE : SINK_MORE;
}

static void seen_close(void *user, void *ctx, const struct flow *flow, const struct stamp *at)
{
    struct world *w = user;
    struct seen *s = ctx;
    (void)at;
    must(flow->id != 0 && flow->packets[0] + flow->packets[1] != 0 &&
         flow->first.order == flow->id);
    must(flow->last.order >= flow->first.order);
    w->closes++;
    if (s == NULL) {
        return;
    }
    for (unsigned dir = 0; dir < 2; dir++) {
        must(s->payload[dir] <= flow->payload[dir] && s->missing[dir] <= flow->missing[dir]);
        must(s->done || (s->payload[dir] == flow->payload[dir]));
    }
    w->closes_opened++;
    free(s);
}

static const uint8_t transports[] = {IP_TCP, IP_TCP, IP_TCP, IP_TCP,
                                     IP_TCP, IP_TCP, IP_UDP, IP_ICMP};

/* Eight octets a packet: who and what, flags, sequence (scaled), acknowledgement, length, time,
 * mood. */
static void send_packet(struct world *w, const uint8_t *step, struct stamp *at, uint32_t next[8])
{
    static const uint8_t octets[2048] = {1, 2, 3};
    static const uint32_t scale[] = {1, 1, 100, 1460, 70000, 1 << 20, 40 << 20, 1 << 30};
    static const int64_t pause[] = {0,          1000,        1000000,     60000000,
                                    1100000000, 11000000000, 70000000000, 4000000000000};
    unsigned end = step[0] & 1, flow = step[0] >> 1 & 3;
    uint8_t low[4] = {10, 0, 0, (uint8_t)flow}, high[4] = {10, 0, 1, (uint8_t)flow};
    struct packet frame = {.wire_len = 60};
    struct datagram d = {.frame = &frame, .version = step[7] & 1 ? 4 : 6, .ttl = 64};
    d.source = end == 0 ? address_v4(low) : address_v4(high);
    d.destination = end == 0 ? address_v4(high) : address_v4(low);
    d.protocol = transports[step[0] >> 5];
    bool has_ports = d.protocol != IP_ICMP;
    d.source_port = has_ports ? (end == 0 ? 50000 : 80) : 0;
    d.destination_port = has_ports ? (end == 0 ? 80 : 50000) : 0;
    d.ip_id = step[7] & 2 ? (uint16_t)(step[7] & 12) : (uint16_t)at->order;
    uint32_t *expected = &next[flow * 2 + end], jump = (step[2] & 15) * scale[step[2] >> 5];
    d.tcp.flags = step[1] & 0x1f;
    d.tcp.sequence = (step[2] & 16) != 0 ? *expected - jump : *expected + jump;
    d.tcp.acknowledgement = next[flow * 2 + 1 - end] + step[3] - 128u;
    d.payload = bytes_of(octets + step[5] % 16, (size_t)step[4] * (step[5] & 0x10 ? 7 : 1));
    d.payload_cut = step[5] & 0x20 ? step[4] : 0;
    d.tunnel_count = step[5] & 0x40 ? 2 : 0;
    d.tunnels[1].id = step[5] & 0x80;
    d.icmp.is_error = d.protocol == IP_ICMP && (step[1] & 1);
    d.icmp.type = 3;
    d.icmp.about_source = d.source;
    d.icmp.about_destination = d.destination;
    d.icmp.about_source_port = end == 0 ? 50000 : 80;
    d.icmp.about_destination_port = end == 0 ? 80 : 50000;
    d.icmp.about_protocol = step[1] & 2 ? IP_TCP : 0;
    if ((step[2] & 15) == 0) {
        *expected +=
            (uint32_t)d.payload.len + d.payload_cut + (step[1] & (TCP_SYN | TCP_FIN) ? 1 : 0);
    }
    at->order++;
    at->packet++;
    at->ns += pause[step[6] & 7];
    frame.at = *at;
    w->mood = step[6] >> 3;
    struct flow_place place;
    flow_place_of(&d, &w->options, &(struct flow_secret){{1, 2, 3, 4, 5, 6}}, &place);
    must(place.shard < LIMIT_SHARDS);
    flow_table_add(w->table, &d, &place);
    must(flow_table_pool(w->table)->used <= MEMORY);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct world w = {0};
    struct stream_sink sink = {
        .user = &w, .open = seen_open, .data = seen_data, .gap = seen_gap, .close = seen_close};
    w.options = (struct flow_options){.key_vlan = data[0] & 1, .key_tunnel = data[0] & 2};
    w.table = flow_table_new(MEMORY, &sink);
    must(w.table != NULL);
    uint32_t next[8] = {0, 0, UINT32_MAX - 500, 7, 1u << 31, UINT32_MAX, 99, 100};
    struct stamp at = {.ns = 1700000000000000000, .precision = 9};
    for (size_t i = 1; size - i >= 8; i += 8) {
        send_packet(&w, data + i, &at, next);
        if (data[i + 7] >= 240) {
            flow_table_tick(w.table, &at);
        }
    }
    at.order++;
    flow_table_close(w.table, &at);
    const struct flow_counts *counts = flow_table_counts(w.table);
    must(w.closes == counts->flows && w.opens == w.closes_opened);
    must(flow_table_pool(w.table)->used <=
         MEMORY / 2); /* slots and records: the rest was given back */
    w.table = flow_table_free(w.table);
    return 0;
}
