#include "tests/test.h"

#include <stdlib.h>

#include "tests/capture/flow_script.h"

struct expected {
    const char *label;
    struct step steps[SCRIPT_STEPS];
    const char *says;
    enum flow_state state;
    uint32_t anomalies;
    uint64_t missing[2];
    uint32_t retransmissions[2];
    uint32_t duplicates;
};

// clang-format off
static const struct expected cases[] = {
    {"in order", {HANDSHAKE, {'c', A, 1, 1, "ab"}, {'s', A, 1, 3, "xy"}, {'c', A, 3, 3, "c"}},
     "+ c:ab s:xy c:c = ", FLOW_ESTABLISHED, 0, {0}, {0}, 0},
    {"out of order", {HANDSHAKE, {'c', A, 3, 1, "cd"}, {'c', A, 5, 1, "e"}, {'c', A, 1, 1, "ab"}},
     "+ c:ab c:cd c:e = ", FLOW_ESTABLISHED, 0, {0}, {0}, 0},
    {"two holes filled backwards", {HANDSHAKE, {'c', A, 5, 1, "e"}, {'c', A, 3, 1, "c"}, {'c', A, 4, 1, "d"}, {'c', A, 1, 1, "ab"}},
     "+ c:ab c:c c:d c:e = ", FLOW_ESTABLISHED, 0, {0}, {0}, 0},
    {"retransmission", {HANDSHAKE, {'c', A, 1, 1, "abc"}, {'c', A, 1, 1, "abc", 300}},
     "+ c:abc = ", FLOW_ESTABLISHED, 0, {0}, {1, 0}, 0},
    {"retransmission at once, with its own IP id", {HANDSHAKE, {'c', A, 1, 1, "abc"}, {'c', A, 1, 1, "abc", 5}},
     "+ c:abc = ", FLOW_ESTABLISHED, 0, {0}, {1, 0}, 0},
    {"copy", {HANDSHAKE, {'c', A, 1, 1, "abc", 0, 7}, {'c', A, 1, 1, "abc", 1, 7}},
     "+ c:abc = ", FLOW_ESTABLISHED, 0, {0}, {0}, 1},
    {"equal IP id, but too late for a copy", {HANDSHAKE, {'c', A, 1, 1, "abc", 0, 7}, {'c', A, 1, 1, "abc", 60, 7}},
     "+ c:abc = ", FLOW_ESTABLISHED, 0, {0}, {1, 0}, 0},
    {"repeat with more", {HANDSHAKE, {'c', A, 1, 1, "abc"}, {'c', A, 1, 1, "abcde", 300}},
     "+ c:abc c:de = ", FLOW_ESTABLISHED, 0, {0}, {1, 0}, 0},
    {"overlap equal", {HANDSHAKE, {'c', A, 4, 1, "def"}, {'c', A, 2, 1, "bcde"}, {'c', A, 1, 1, "a"}},
     "+ c:a c:bc c:def = ", FLOW_ESTABLISHED, 0, {0}, {0}, 0},
    {"overlap differs: the first wins", {HANDSHAKE, {'c', A, 4, 1, "def"}, {'c', A, 2, 1, "bcXY"}, {'c', A, 1, 1, "a"}},
     "+ c:a c:bc c:def = ", FLOW_ESTABLISHED, ANOMALY_TCP_OVERLAP, {0}, {0}, 0},
    {"in-order segment over a held one", {HANDSHAKE, {'c', A, 3, 1, "c"}, {'c', A, 1, 1, "abXde"}},
     "+ c:ab c:c c:de = ", FLOW_ESTABLISHED, ANOMALY_TCP_OVERLAP, {0}, {0}, 0},
    {"one segment over two held ones", {HANDSHAKE, {'c', A, 3, 1, "c"}, {'c', A, 5, 1, "e"}, {'c', A, 2, 1, "bcdef"}, {'c', A, 1, 1, "a"}},
     "+ c:a c:b c:c c:d c:e c:f = ", FLOW_ESTABLISHED, 0, {0}, {0}, 0},
    {"held segment repeated", {HANDSHAKE, {'c', A, 3, 1, "cd"}, {'c', A, 3, 1, "cd", 300}, {'c', A, 1, 1, "ab"}},
     "+ c:ab c:cd = ", FLOW_ESTABLISHED, 0, {0}, {1, 0}, 0},
    {"keep-alive with one octet, without", {HANDSHAKE, {'c', A, 1, 1, "ab"}, {'c', A, 2, 1, "\1", 1000}, {'s', A, 1, 3, 0}, {'c', A, 2, 1, 0, 1000}},
     "+ c:ab = ", FLOW_ESTABLISHED, 0, {0}, {0}, 0},
    {"zero-window probe", {HANDSHAKE, {'c', A, 1, 1, "ab"}, {'s', A, 1, 3, 0, 0, 0, 0, true}, {'c', A, 3, 1, "c", 300}, {'s', A, 1, 3, 0, 0, 0, 0, true},
      {'c', A, 3, 1, "c", 600}, {'s', A, 1, 3, 0}, {'c', A, 3, 1, "cdef", 1}},
     "+ c:ab c:c c:def = ", FLOW_ESTABLISHED, 0, {0}, {0}, 0},
    {"data in SYN", {{'c', S, 0, 0, "ab"}, {'s', S | A, 0, 3, 0}, {'c', A, 3, 1, "c"}},
     "+ c:ab c:c = ", FLOW_ESTABLISHED, ANOMALY_TCP_SYN_PAYLOAD, {0}, {0}, 0},
    {"data in SYN refused and repeated", {{'c', S, 0, 0, "ab"}, {'s', S | A, 0, 1, 0}, {'c', A, 1, 1, "abc"}},
     "+ c:ab c:c = ", FLOW_ESTABLISHED, ANOMALY_TCP_SYN_PAYLOAD, {0}, {1, 0}, 0},
    {"FIN with data, both sides", {HANDSHAKE, {'c', F | A, 1, 1, "ab"}, {'s', F | A, 1, 4, "xy"}, {'c', A, 4, 4, 0}},
     "+ c:ab s:xy = ", FLOW_CLOSED, 0, {0}, {0}, 0},
    {"FIN before its data", {HANDSHAKE, {'c', F | A, 3, 1, 0}, {'c', A, 1, 1, "ab"}, {'s', F | A, 1, 4, 0}},
     "+ c:ab = ", FLOW_CLOSED, 0, {0}, {0}, 0},
    {"FIN repeated", {HANDSHAKE, {'c', F | A, 1, 1, 0}, {'c', F | A, 1, 1, 0, 300}},
     "= ", FLOW_ESTABLISHED, 0, {0}, {1, 0}, 0},
    {"data after FIN", {HANDSHAKE, {'c', F | A, 1, 1, "ab"}, {'c', A, 3, 1, "cd"}, {'c', A, 4, 1, "e"}},
     "+ c:ab = ", FLOW_ESTABLISHED, ANOMALY_DATA_AFTER_FIN, {0}, {0}, 0},
    {"RST flushes", {HANDSHAKE, {'c', A, 3, 1, "cd"}, {'s', R, 1, 0, 0}},
     "+ c-2 c:cd = ", FLOW_RESET, 0, {2, 0}, {0}, 0},
    {"implausible RST", {HANDSHAKE, {'c', A, 1, 1, "ab"}, {'s', R, 900000000, 0, 0}, {'c', A, 3, 1, "c"}},
     "+ c:ab c:c = ", FLOW_ESTABLISHED, ANOMALY_TCP_BAD_SEQUENCE, {0}, {0}, 0},
    {"joined mid-stream", {{'c', A, 500, 70, "ab"}, {'s', A, 70, 502, "xy"}, {'c', A, 502, 72, "c"}},
     "+ c:ab s:xy c:c = ", FLOW_MIDSTREAM, 0, {0}, {0}, 0},
    {"joined at a keep-alive", {{'c', A, 499, 70, 0}, {'s', A, 70, 500, 0}, {'c', A, 500, 70, "ab"}},
     "+ c:ab = ", FLOW_MIDSTREAM, 0, {0}, {0}, 0},
    {"one far segment", {HANDSHAKE, {'c', A, 1, 1, "ab"}, {'c', A, 800000000, 1, "zz"}, {'c', A, 3, 1, "c"}},
     "+ c:ab c:c = ", FLOW_ESTABLISHED, ANOMALY_TCP_BAD_SEQUENCE, {0}, {0}, 0},
    {"many far segments that agree", {HANDSHAKE, {'c', A, 1, 1, "ab"}, {'c', A, 100000003, 1, "1"}, {'c', A, 100000004, 1, "2"},
      {'c', A, 100000005, 1, "3"}, {'c', A, 100000006, 1, "4"}, {'c', A, 100000007, 1, "5"}, {'c', A, 100000008, 1, "6"},
      {'c', A, 100000009, 1, "7"}, {'c', A, 100000010, 1, "8"}, {'c', A, 100000011, 1, "9"}},
     "+ c:ab c-100000007 c:8 c:9 = ", FLOW_ESTABLISHED, ANOMALY_TCP_BAD_SEQUENCE, {100000007, 0}, {0}, 0},
    {"hole waits", {HANDSHAKE, {'c', A, 3, 1, "cd"}, {'c', A, 5, 1, "e", 9000}, {'c', A, 1, 1, "ab"}},
     "+ c:ab c:cd c:e = ", FLOW_ESTABLISHED, 0, {0}, {0}, 0},
    {"hole given up after ten seconds, with no ACK seen", {HANDSHAKE, {'c', A, 3, 1, "cd"}, {'c', A, 5, 1, "e", 10000}, {'s', A, 1, 1, "xy"}},
     "+ c-2 c:cd c:e s:xy = ", FLOW_ESTABLISHED, 0, {2, 0}, {0}, 0},
    {"acknowledged hole given up after a second", {HANDSHAKE, {'c', A, 3, 1, "cd"}, {'s', A, 1, 5, 0, 10}, {'c', A, 5, 1, "e", 900}, {'s', A, 1, 6, "x", 90},
      {'c', A, 6, 1, "f", 20}, {'s', A, 2, 7, "y"}},
     "+ c-2 c:cd c:e c:f s:x s:y = ", FLOW_ESTABLISHED, 0, {2, 0}, {0}, 0},
    {"FIN not captured", {HANDSHAKE, {'c', A, 1, 1, "ab"}, {'s', A, 1, 4, 0}},
     "+ c:ab = ", FLOW_ESTABLISHED, 0, {0}, {0}, 0},
    {"ACK captured before what it acknowledges", {HANDSHAKE, {'c', A, 3, 1, "cd"}, {'s', A, 1, 5, 0, 10}, {'c', A, 1, 1, "ab", 10}},
     "+ c:ab c:cd = ", FLOW_ESTABLISHED, 0, {0}, {0}, 0},
    {"answers captured before what they answer", {HANDSHAKE, {'s', A, 1, 3, "vw"}, {'s', A, 3, 3, "x"}, {'c', A, 1, 1, "ab"}, {'s', A, 4, 5, "y"}, {'c', A, 3, 4, "cd"}},
     "+ c:ab s:vw s:x c:cd s:y = ", FLOW_ESTABLISHED, 0, {0}, {0}, 0},
    {"an early answer repeated", {HANDSHAKE, {'s', A, 1, 3, "xy"}, {'s', A, 1, 3, "xy", 300}, {'c', A, 1, 1, "ab"}},
     "+ c:ab s:xy = ", FLOW_ESTABLISHED, 0, {0}, {0, 1}, 0},
    {"answers to what never comes wait a second, once", {HANDSHAKE, {'s', A, 1, 3, "v"}, {'s', A, 2, 3, "w", 900}, {'c', A, 3, 3, "c", 200}, {'s', A, 3, 9, "x"}},
     "+ s:v s:w s:x c-2 c:c c-5 = ", FLOW_ESTABLISHED, 0, {7, 0}, {0}, 0},
    {"two that wait for each other", {HANDSHAKE, {'s', A, 1, 3, "xy"}, {'c', A, 1, 3, "ab"}, {'c', A, 3, 3, "c", 1000}},
     "+ c:ab c:c s:xy = ", FLOW_ESTABLISHED, 0, {0}, {0}, 0},
    {"an answer before a request, then a reset", {HANDSHAKE, {'s', A, 1, 3, "xy"}, {'s', R, 3, 0, 0}},
     "+ s:xy c-2 = ", FLOW_RESET, 0, {2, 0}, {0}, 0},
    {"hole at the end of the capture", {HANDSHAKE, {'c', A, 3, 1, "cd"}},
     "+ c-2 c:cd = ", FLOW_ESTABLISHED, 0, {2, 0}, {0}, 0},
    {"acknowledged, but never captured", {HANDSHAKE, {'c', A, 1, 1, "ab"}, {'s', A, 1, 9, "xy"}},
     "+ c:ab s:xy c-6 = ", FLOW_ESTABLISHED, 0, {6, 0}, {0}, 0},
    {"before the FIN, but never captured", {HANDSHAKE, {'c', A, 1, 1, "ab"}, {'c', F | A, 6, 1, 0}},
     "+ c:ab c-3 = ", FLOW_ESTABLISHED, 0, {3, 0}, {0}, 0},
    {"snap length", {HANDSHAKE, {'c', A, 1, 1, "ab", 0, 0, 10}, {'c', A, 13, 1, "c"}},
     "+ c:ab c-10 c:c = ", FLOW_ESTABLISHED, 0, {10, 0}, {0}, 0},
    {"snap length, out of order", {HANDSHAKE, {'c', A, 13, 1, "cd", 0, 0, 3}, {'c', A, 1, 1, "ab", 0, 0, 10}, {'c', A, 18, 1, "e"}},
     "+ c:ab c-10 c:cd c-3 c:e = ", FLOW_ESTABLISHED, 0, {13, 0}, {0}, 0},
    {"headers only", {HANDSHAKE, {'c', A, 1, 1, 0, 0, 0, 10}, {'c', A, 11, 1, 0, 0, 0, 5}},
     "= ", FLOW_ESTABLISHED, 0, {15, 0}, {0}, 0},
    {"one side only", {{'c', S, 0, 0, 0}, {'c', A, 1, 1, 0}, {'c', A, 3, 40, "cd"}, {'c', A, 1, 40, "ab"}, {'c', F | A, 5, 80, 0}},
     "+ c:ab c:cd = ", FLOW_ESTABLISHED, 0, {0}, {0}, 0},
};
// clang-format on

static void check_case(const struct expected *e, uint32_t isn)
{
    struct script s;
    script_init(&s, 1 << 20, NULL);
    size_t base = flow_table_pool(s.table)->used;
    s.isn[0] += isn;
    s.isn[1] += isn;
    script_run(&s, e->steps);
    script_end(&s);
    bool equal = strcmp(s.said, e->says) == 0 && s.last.state == e->state && s.closes == 1 &&
                 s.last.anomalies == e->anomalies && s.last.duplicates == e->duplicates;
    for (unsigned dir = 0; dir < 2; dir++) {
        equal = equal && s.last.missing[dir] == e->missing[dir] &&
                s.last.retransmissions[dir] == e->retransmissions[dir];
    }
    if (!equal) {
        fail_msg("%s (isn +%u): \"%s\" %s anomalies %x missing %llu retransmitted %u,%u copies %u",
                 e->label, isn, s.said, flow_state_name(s.last.state), s.last.anomalies,
                 (unsigned long long)s.last.missing[0], s.last.retransmissions[0],
                 s.last.retransmissions[1], s.last.duplicates);
    }
    size_t kept = flow_table_pool(s.table)->used - base;
    assert_true(kept < 16384); /* slots and one chunk of records, nothing else */
    script_done(&s);
}

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_case(&cases[i], 0);
        check_case(&cases[i],
                   UINT32_MAX - 1002); /* the client's numbers wrap within the first octets */
        check_case(&cases[i], UINT32_MAX - 5002); /* and the server's */
    }
}

static void test_done_counts_only(void **state)
{
    (void)state;
    static const struct step steps[SCRIPT_STEPS] = {HANDSHAKE,
                                                    {'c', A, 1, 1, "ab"},
                                                    {'c', A, 5, 1, "ef"},
                                                    {'c', A, 3, 1, "cd"},
                                                    {'c', A, 10, 1, "j"},
                                                    {'c', A, 10, 1, "j", 300},
                                                    {'s', F | A, 1, 11, 0},
                                                    {'c', F | A, 11, 2, 0}};
    for (int refuse = 0; refuse < 2; refuse++) {
        struct script s;
        script_init(&s, 1 << 20, NULL);
        s.answer = SINK_DONE;
        s.refuse = refuse;
        script_run(&s, steps);
        script_end(&s);
        assert_string_equal(s.said, refuse ? "+ = " : "+ c:ab = ");
        assert_int_equal(s.last.state, FLOW_CLOSED);
        assert_int_equal(s.last.payload[0], 7);
        assert_int_equal(s.last.missing[0], 3);
        assert_int_equal(s.last.retransmissions[0], 0); /* one octet: a keep-alive */
        script_done(&s);
    }
}

/* A sink that is done while segments are held gets nothing more, and they are given back and
 * counted. */
static void test_done_releases_held(void **state)
{
    (void)state;
    static const struct step steps[SCRIPT_STEPS] = {
        HANDSHAKE, {'c', A, 3, 1, "cd"}, {'c', A, 7, 1, "gh"}, {'c', A, 1, 1, "ab"}};
    struct script s;
    script_init(&s, 1 << 20, NULL);
    s.answer = SINK_DONE;
    script_run(&s, steps);
    assert_string_equal(s.said, "+ c:ab ");
    script_end(&s);
    assert_int_equal(s.last.payload[0], 6);
    assert_int_equal(s.last.missing[0], 2);
    script_done(&s);
}

static void test_tick_gives_up_holes(void **state)
{
    (void)state;
    static const struct step steps[SCRIPT_STEPS] = {HANDSHAKE, {'c', A, 3, 1, "cd"}};
    struct script s;
    script_init(&s, 1 << 20, NULL);
    script_run(&s, steps);
    s.at.ns += 9000000000;
    flow_table_tick(s.table, &s.at);
    assert_string_equal(s.said, "+ ");
    s.at.ns += 1000000000;
    flow_table_tick(s.table, &s.at);
    assert_string_equal(s.said, "+ c-2 c:cd ");
    script_end(&s);
    script_done(&s);
}

/* What waited only for the other end is told of its own packet, what filled a hole of the filling
 * one. */
static void test_stamps(void **state)
{
    (void)state;
    static const struct step steps[SCRIPT_STEPS] = {HANDSHAKE,
                                                    {'s', A, 1, 3, "xy", 7},
                                                    {'c', A, 1, 1, "ab", 1},
                                                    {'c', A, 5, 3, "ef", 1},
                                                    {'c', A, 3, 3, "cd", 1}};
    struct script s;
    script_init(&s, 1 << 20, NULL);
    script_run(&s, steps);
    assert_string_equal(s.said, "+ c:ab s:xy c:cd c:ef ");
    uint64_t opening = 3; /* packets */
    assert_int_equal(s.told[DIR_SERVER].packet, opening + 1);
    assert_int_equal(s.told[DIR_SERVER].order, opening + 2);
    assert_int_equal(s.told[DIR_SERVER].ns, s.at.ns - 3000000);
    assert_int_equal(s.told[DIR_CLIENT].packet, opening + 4);
    script_end(&s);
    script_done(&s);
}

/* An acknowledged hole is also given up when 64 packets more have passed in no time. */
static void test_covered_by_packets(void **state)
{
    (void)state;
    static const struct step steps[SCRIPT_STEPS] = {
        HANDSHAKE, {'c', A, 3, 1, "cd"}, {'s', A, 1, 5, 0}};
    struct script s;
    script_init(&s, 1 << 20, NULL);
    script_run(&s, steps);
    for (unsigned i = 0; i < 64; i++) {
        assert_string_equal(s.said, "+ ");
        script_step(&s, &(struct step){'s', A, 1, 5, 0});
    }
    assert_string_equal(s.said, "+ c-2 c:cd ");
    script_end(&s);
    script_done(&s);
}

static void run_limit(size_t memory, uint32_t step, unsigned count)
{
    static uint8_t octets[1400];
    struct script s;
    script_init(&s, memory, NULL);
    s.refuse = false;
    static const struct step open[SCRIPT_STEPS] = {HANDSHAKE};
    script_run(&s, open);
    for (unsigned i = 0; i < count; i++) {
        struct packet frame = {0};
        struct datagram d = script_datagram(&s, &(struct step){'c', A, 2 + i * step, 1, 0});
        d.payload = bytes_of(octets, step > sizeof octets ? sizeof octets : step - 1);
        script_add(&s, &d, &frame);
        assert_true(flow_table_pool(s.table)->used <= memory);
        assert_true(flow_table_pool(s.table)->used <= LIMIT_REORDER_OCTETS + (128 << 10));
    }
    assert_true(flow_table_counts(s.table)->reorder_shed > 0);
    script_end(&s);
    assert_true((s.last.anomalies & ANOMALY_TCP_REORDER_LIMIT) != 0);
    assert_false(s.last.evicted);
    uint64_t end = 1 + (uint64_t)count * step - (step > sizeof octets ? step - sizeof octets : 1);
    assert_int_equal(s.last.payload[0] + s.last.missing[0], end);
    script_done(&s);
}

static void test_reorder_limits(void **state)
{
    (void)state;
    run_limit(8 << 20, 2000, 2000); /* octets */
    run_limit(8 << 20, 2, 3000);    /* segments */
    run_limit(96 << 10, 1500, 200); /* the shard's memory */
}

/* A stream of known octets, cut, shuffled, repeated with other cuts, and lost in part. */
#define STREAM 20000u

struct check {
    uint8_t stream[STREAM];
    uint64_t at, missing;
    unsigned opens, closes, wrong;
};

static void *check_open(void *user, struct flow *flow, void *room)
{
    (void)room;
    (void)flow;
    ((struct check *)user)->opens++;
    return user;
}

static enum sink_answer check_data(void *user, void *ctx, enum dir dir, struct bytes payload,
                                   const struct stamp *at)
{
    struct check *c = ctx;
    (void)user;
    (void)at;
    bool fits = dir == DIR_CLIENT && payload.len != 0 && payload.len <= STREAM &&
                c->at <= STREAM - payload.len;
    c->wrong += !fits || memcmp(c->stream + c->at, payload.at, payload.len) != 0;
    c->at += payload.len;
    return SINK_MORE;
}

static enum sink_answer check_gap(void *user, void *ctx, enum dir dir, uint64_t missing,
                                  const struct stamp *at)
{
    struct check *c = ctx;
    (void)user;
    (void)at;
    c->wrong += dir != DIR_CLIENT || missing == 0;
    c->at += missing;
    c->missing += missing;
    return SINK_MORE;
}

static void check_close(void *user, void *ctx, const struct flow *flow, const struct stamp *at)
{
    struct check *c = user;
    (void)at;
    c->closes++;
    c->wrong += ctx == NULL || flow->missing[DIR_CLIENT] != c->missing ||
                flow->payload[DIR_CLIENT] + c->missing != c->at;
}

struct piece {
    uint32_t from, len;
};

static uint32_t rnd(uint32_t *seed, uint32_t below)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % below;
}

/* Cuts the stream into pieces, with repeats in between, and shuffles within a window. */
static unsigned make_pieces(struct piece *pieces, unsigned room, uint32_t *seed)
{
    unsigned n = 0;
    for (uint32_t from = 0; from < STREAM && n + 2 < room;) {
        uint32_t len = 1 + rnd(seed, 300);
        len = len > STREAM - from ? STREAM - from : len;
        pieces[n++] = (struct piece){from, len};
        from += len;
        if (rnd(seed, 4) == 0) {
            uint32_t back = rnd(seed, from < 1000 ? from : 1000), again = 1 + rnd(seed, back + 1);
            pieces[n++] = (struct piece){from - back - 1, again};
        }
    }
    for (unsigned i = 0; i < n; i++) {
        unsigned j = i + rnd(seed, n - i < 8 ? n - i : 8);
        struct piece swap = pieces[i];
        pieces[i] = pieces[j];
        pieces[j] = swap;
    }
    return n;
}

static void stream_send(struct flow_table *t, const struct check *c, struct piece p, uint32_t isn,
                        bool syn)
{
    static struct packet frame;
    frame.at.order++;
    frame.at.ns += 100000;
    struct datagram d = {.frame = &frame,
                         .protocol = IP_TCP,
                         .version = 4,
                         .source_port = 50000,
                         .destination_port = 80,
                         .source = script_address(1),
                         .destination = script_address(2)};
    d.ip_id = (uint16_t)frame.at.order;
    d.tcp.flags = syn ? TCP_SYN : TCP_ACK;
    d.tcp.sequence = syn ? isn : isn + 1 + p.from;
    d.payload = syn ? (struct bytes){0} : bytes_of(c->stream + p.from, p.len);
    struct flow_place place;
    flow_place_of(&d, &(struct flow_options){0}, &(struct flow_secret){0}, &place);
    flow_table_add(t, &d, &place);
}

static void run_stream(uint32_t seed, unsigned lose_one_in)
{
    static struct piece pieces[4000];
    struct check *c = calloc(1, sizeof *c);
    assert_non_null(c);
    for (unsigned i = 0; i < STREAM; i++) {
        c->stream[i] = (uint8_t)rnd(&seed, 256);
    }
    struct stream_sink sink = {
        .user = c, .open = check_open, .data = check_data, .gap = check_gap, .close = check_close};
    struct flow_table *t = flow_table_new(4 << 20, &sink);
    assert_non_null(t);
    uint32_t isn = UINT32_MAX - rnd(&seed, STREAM), last = 0;
    stream_send(t, c, (struct piece){0}, isn, true);
    unsigned n = make_pieces(pieces, 4000, &seed);
    for (unsigned i = 0; i < n; i++) {
        if (lose_one_in == 0 || rnd(&seed, lose_one_in) != 0) {
            stream_send(t, c, pieces[i], isn, false);
            uint32_t end = pieces[i].from + pieces[i].len;
            last = end > last ? end : last;
        }
    }
    if (lose_one_in == 0) {
        assert_int_equal(c->at, STREAM); /* before the flush */
    }
    flow_table_close(t, &(struct stamp){.order = 1});
    assert_int_equal(c->wrong, 0);
    assert_int_equal(c->at, last);
    assert_int_equal(c->opens, 1);
    assert_int_equal(c->closes, 1);
    assert_true(lose_one_in != 0 ? c->missing > 0 : c->missing == 0);
    flow_table_free(t);
    free(c);
}

static void test_random_streams(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 200; seed++) {
        run_stream(seed, 0);
        run_stream(seed, 5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_done_counts_only),
        cmocka_unit_test(test_done_releases_held),
        cmocka_unit_test(test_tick_gives_up_holes),
        cmocka_unit_test(test_covered_by_packets),
        cmocka_unit_test(test_stamps),
        cmocka_unit_test(test_reorder_limits),
        cmocka_unit_test(test_random_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
