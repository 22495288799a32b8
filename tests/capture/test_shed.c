/*
 * test_shed.c - the plan, with a simulated ring: packets come faster than they are read for a
 * while.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capture/shed.h"

static struct address address(unsigned last)
{
    struct address a = {{0}};
    a.octets[14] = (uint8_t)(last >> 8);
    a.octets[15] = (uint8_t)last;
    return a;
}

/* Hosts below 100 are declared. */
static bool knows(void *user, const struct address *a)
{
    (void)user;
    return a->octets[14] == 0 && a->octets[15] < 100;
}

struct told { /* a packet, and what became of it */
    struct datagram d;
    struct flow_place place;
};

static struct told packet(unsigned from, unsigned to, uint32_t flow, uint8_t flags, size_t len)
{
    static const uint8_t octets[1460];
    struct told t = {.place = {.hash = flow}};
    t.d.protocol = IP_TCP;
    t.d.source = address(from);
    t.d.destination = address(to);
    t.d.tcp.flags = flags;
    t.d.payload = bytes_of(octets, len);
    return t;
}

static enum shed judged(struct shedder *s, const struct told *t)
{
    return shed_judge(s, &t->d, &t->place);
}

static struct shedder *begun(void)
{
    struct shedder *s = shedder_new(&(struct shed_options){.knows = knows});
    assert_non_null(s);
    return s;
}

static void levels_have_two_edges(void **state)
{
    static const struct {
        unsigned load;
        enum shed_level level;
    } steps[] = {
        {0, SHED_LEVEL_NONE},         {499, SHED_LEVEL_NONE},      {500, SHED_LEVEL_CONTENT},
        {300, SHED_LEVEL_CONTENT},    {749, SHED_LEVEL_CONTENT},   {750, SHED_LEVEL_NEWCOMERS},
        {1000, SHED_LEVEL_NEWCOMERS}, {500, SHED_LEVEL_NEWCOMERS}, {499, SHED_LEVEL_CONTENT},
        {250, SHED_LEVEL_CONTENT},    {249, SHED_LEVEL_NONE},      {900, SHED_LEVEL_NEWCOMERS},
        {0, SHED_LEVEL_NONE},
    };
    struct shedder *s = begun();
    (void)state;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        shed_load(s, steps[i].load);
        assert_int_equal(shed_level(s), steps[i].level);
    }
    shedder_free(s);
}

/* The first megabyte of a transfer is read at any load; messages and endings always. */
static void content_is_past_the_beginning(void **state)
{
    struct shedder *s = begun();
    struct told data = packet(1, 200, 7, TCP_ACK, 1460), open = packet(1, 200, 7, TCP_SYN, 0);
    struct told message = packet(1, 200, 7, TCP_ACK | TCP_PSH, 200);
    struct told end = packet(1, 200, 7, TCP_ACK | TCP_FIN, 1460);
    size_t read = 0;
    (void)state;
    shed_load(s, 600);
    assert_int_equal(judged(s, &open), SHED_NOTHING);
    while (judged(s, &data) == SHED_NOTHING) {
        read += 1460;
        assert_true(read < 2 * LIMIT_SHED_AFTER);
    }
    assert_true(read >= LIMIT_SHED_AFTER);
    assert_int_equal(judged(s, &message), SHED_NOTHING);
    assert_int_equal(judged(s, &end), SHED_NOTHING);
    assert_int_equal(judged(s, &data), SHED_CONTENT);
    shed_load(s, 0);
    assert_int_equal(judged(s, &data), SHED_NOTHING);
    shed_load(s, 600);
    assert_int_equal(judged(s, &open), SHED_NOTHING); /* the same ends begin anew */
    assert_int_equal(judged(s, &data), SHED_NOTHING);
    assert_int_equal(shed_counts(s)->content_packets, 2);
    assert_int_equal(shed_counts(s)->content_octets, 2 * 1460);
    shedder_free(s);
}

static void newcomers_are_nobody_declared(void **state)
{
    struct shedder *s = begun();
    struct told old = packet(300, 301, 1, TCP_ACK, 100), fresh = packet(302, 303, 2, TCP_SYN, 0);
    struct told more = packet(303, 302, 2, TCP_ACK, 100), declared = packet(304, 5, 3, TCP_SYN, 0);
    struct told answer = packet(5, 304, 3, TCP_SYN | TCP_ACK, 0);
    (void)state;
    assert_int_equal(judged(s, &old), SHED_NOTHING);
    shed_load(s, 800);
    assert_int_equal(judged(s, &old), SHED_NOTHING);
    assert_int_equal(judged(s, &fresh), SHED_NEWCOMER);
    assert_int_equal(judged(s, &more), SHED_NEWCOMER);
    assert_int_equal(judged(s, &declared), SHED_NOTHING);
    assert_int_equal(judged(s, &answer), SHED_NOTHING);
    shed_load(s, 100);
    assert_int_equal(judged(s, &more), SHED_NEWCOMER); /* half of a connection is of no use */
    assert_int_equal(judged(s, &fresh), SHED_NOTHING);
    assert_int_equal(shed_counts(s)->newcomer_flows, 1);
    assert_int_equal(shed_counts(s)->newcomer_packets, 3);
    shedder_free(s);
}

/* ---- a ring that fills ---- */

#define RING 4000u
#define STEPS 4000u

struct play {
    struct told ring[RING];
    unsigned first, count, dropped;
    unsigned shed[3], handshakes;
    unsigned content_before_newcomers; /* content that was shed when no newcomer had been yet */
    uint32_t flow;
};

static void arrives(struct play *p, const struct told *t)
{
    if (p->count == RING) {
        p->dropped++;
        return;
    }
    p->ring[(p->first + p->count++) % RING] = *t;
}

/* Three of four packets are of long transfers; the rest are openings: of declared hosts, and of
 * others. */
static void load(struct play *p, unsigned step)
{
    for (unsigned i = 0; i < 8; i++) {
        struct told bulk = packet(1 + i, 50, 1000 + i, TCP_ACK, 1460);
        arrives(p, &bulk);
    }
    struct told declared = packet(400 + step % 100, 60, 10000 + step, TCP_SYN, 0);
    struct told other = packet(600 + step % 100, 800, 20000 + step, TCP_SYN, 0);
    arrives(p, &declared);
    arrives(p, &other);
}

/* Reading costs time: whole packets two, short ones one, refused ones nothing to speak of. */
static void reads(struct play *p, struct shedder *s, unsigned time)
{
    while (p->count > 0 && time > 0) {
        struct told t = p->ring[p->first];
        p->first = (p->first + 1) % RING;
        p->count--;
        shed_load(s, p->count * 1000 / RING);
        enum shed what = judged(s, &t);
        p->shed[what]++;
        p->content_before_newcomers += what == SHED_CONTENT && p->shed[SHED_NEWCOMER] == 0;
        if ((t.d.tcp.flags & TCP_SYN) != 0 && knows(NULL, &t.d.destination)) {
            assert_int_equal(what, SHED_NOTHING);
            p->handshakes++;
        }
        unsigned cost = what == SHED_NOTHING && t.d.payload.len > 0 ? 2 : what != SHED_NEWCOMER;
        time = cost > time ? 0 : time - cost;
    }
}

static void ring_never_overflows(void **state)
{
    struct shedder *s = begun();
    struct play *p = calloc(1, sizeof *p);
    (void)state;
    assert_non_null(p);
    for (unsigned step = 0; step < STEPS; step++) {
        bool busy = step >= STEPS / 4 && step < 3 * STEPS / 4;
        load(p, step);
        reads(p, s, busy ? 12 : 24);
        if (step < STEPS / 4) {
            assert_int_equal(p->shed[SHED_CONTENT] + p->shed[SHED_NEWCOMER], 0);
        }
    }
    reads(p, s, UINT32_MAX);
    assert_int_equal(p->dropped, 0);
    assert_int_equal(p->handshakes, STEPS);
    assert_true(p->shed[SHED_CONTENT] > 1000);
    assert_true(p->content_before_newcomers > 0);
    assert_int_equal(shed_level(s), SHED_LEVEL_NONE);
    assert_int_equal(p->shed[SHED_CONTENT], shed_counts(s)->content_packets);
    free(p);
    shedder_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_have_two_edges),
        cmocka_unit_test(content_is_past_the_beginning),
        cmocka_unit_test(newcomers_are_nobody_declared),
        cmocka_unit_test(ring_never_overflows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
