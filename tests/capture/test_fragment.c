/*
 * test_fragment.c - datagrams in pieces: every order, overlap, loss, flood.
 */
#include "capture/fragment.h"
#include "tests/capture/frame_build.h"

#define SECOND INT64_C(1000000000)

/* A UDP datagram whose payload octet n is n % 251, to be sent in pieces. */
struct whole_datagram {
    struct build udp;
    uint8_t payload[65507];
};

static void make_datagram(struct whole_datagram *w, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        w->payload[i] = (uint8_t)(i % 251);
    }
    build_frame(&w->udp, "udp", w->payload, len);
}

struct piece_of {
    size_t offset, len;
    bool more;
    uint16_t id;
    int64_t ns;
};

/* One raw IPv4 packet with octets of `content`, decoded and added. */
static bool add_v4(struct fragments *f, struct bytes content, struct piece_of at,
                   struct datagram *d, struct packet *ret)
{
    static struct build b;
    build_frame(&b, "ip4", content.at, content.len);
    b.octets[9] = IP_UDP;
    build_16(b.octets + 4, at.id);
    build_16(b.octets + 6, (at.more ? 0x2000u : 0) | at.offset / 8);
    /* In an allocation of its own that is gone before the next piece comes. */
    uint8_t *exact = malloc(b.len);
    assert_non_null(exact);
    memcpy(exact, b.octets, b.len);
    struct packet p = {.data = bytes_of(exact, b.len),
                       .at = {.ns = at.ns, .packet = 7, .precision = 6},
                       .wire_len = (uint32_t)b.len,
                       .link_type = 101};
    assert_int_equal(decode(&p, d), DECODE_FRAGMENT);
    bool whole = fragments_add(f, d, ret);
    free(exact);
    return whole;
}

static bool add_slice(struct fragments *f, const struct whole_datagram *w, struct piece_of at,
                      struct datagram *d, struct packet *ret)
{
    return add_v4(f, bytes_of(w->udp.octets + at.offset, at.len), at, d, ret);
}

static void assert_whole(const struct whole_datagram *w, const struct datagram *d,
                         struct packet *packet)
{
    assert_ptr_equal(d->frame, packet);
    assert_int_equal(packet->at.packet, 7);
    assert_int_equal(d->protocol, IP_UDP);
    assert_int_equal(d->source_port, 40000);
    assert_int_equal(d->destination_port, 445);
    assert_true(bytes_is(d->payload, w->payload, w->udp.len - 8));
    assert_int_equal(d->payload_cut, 0);
    block_drop(packet->block);
}

static void test_all_orders(void **state)
{
    (void)state;
    static struct whole_datagram w;
    make_datagram(&w, 100);
    const struct piece_of pieces[4] = {
        {0, 32, true, 1, 0}, {32, 8, true, 1, 0}, {40, 40, true, 1, 0}, {80, 28, false, 1, 0}};
    for (unsigned order = 0; order < 256; order++) {
        unsigned at[4] = {order & 3, order >> 2 & 3, order >> 4 & 3, order >> 6 & 3};
        if ((1u << at[0] | 1u << at[1] | 1u << at[2] | 1u << at[3]) != 0xf) {
            continue;
        }
        struct fragments *f = fragments_new();
        assert_non_null(f);
        struct datagram d;
        struct packet packet;
        for (unsigned i = 0; i < 3; i++) {
            assert_false(add_slice(f, &w, pieces[at[i]], &d, &packet));
        }
        assert_true(add_slice(f, &w, pieces[at[3]], &d, &packet));
        assert_int_equal(packet.wire_len, 4 * 20 + 108);
        assert_whole(&w, &d, &packet);
        assert_int_equal(fragments_counts(f)->pieces, 4);
        assert_int_equal(fragments_counts(f)->completed, 1);
        assert_int_equal(fragments_counts(f)->overlaps, 0);
        assert_null(fragments_free(f));
    }
}

static void test_largest_datagram(void **state)
{
    (void)state;
    static struct whole_datagram w;
    make_datagram(&w, 65507);
    struct fragments *f = fragments_new();
    struct datagram d;
    struct packet packet;
    bool whole = false;
    for (size_t off = 0; off < w.udp.len; off += 1480) {
        size_t left = w.udp.len - off;
        assert_false(whole);
        whole =
            add_slice(f, &w, (struct piece_of){off, left < 1480 ? left : 1480, left > 1480, 1, 0},
                      &d, &packet);
    }
    assert_true(whole);
    assert_whole(&w, &d, &packet);
    (void)fragments_free(f);
}

static void test_first_octets_win(void **state)
{
    (void)state;
    static struct whole_datagram w;
    static const uint8_t evil[200] = {0xee, 0xee};
    make_datagram(&w, 100);
    static const struct {
        const char *label;
        struct piece_of good[3], bad;
    } cases[] = {
        {"the same again",
         {{0, 48, true, 1, 0}, {96, 12, false, 1, 0}, {48, 48, true, 1, 0}},
         {0, 48, true, 1, 0}},
        {"across two",
         {{0, 48, true, 1, 0}, {56, 52, false, 1, 0}, {48, 8, true, 1, 0}},
         {8, 32, true, 1, 0}},
        {"inside one",
         {{0, 48, true, 1, 0}, {56, 52, false, 1, 0}, {48, 8, true, 1, 0}},
         {16, 8, true, 1, 0}},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("%s\n", cases[i].label);
        struct fragments *f = fragments_new();
        struct datagram d;
        struct packet packet;
        assert_false(add_slice(f, &w, cases[i].good[0], &d, &packet));
        assert_false(add_slice(f, &w, cases[i].good[1], &d, &packet));
        assert_false(add_v4(f, bytes_of(evil, cases[i].bad.len), cases[i].bad, &d, &packet));
        assert_int_equal(fragments_counts(f)->overlaps, 1);
        assert_true(add_slice(f, &w, cases[i].good[2], &d, &packet));
        assert_whole(&w, &d, &packet);
        (void)fragments_free(f);
    }
}

/* One piece that covers holes and stored octets in turn fills the holes only. */
static void test_piece_over_many_holes(void **state)
{
    (void)state;
    static struct whole_datagram w;
    static uint8_t mixed[400];
    make_datagram(&w, 392);
    memcpy(mixed, w.udp.octets, 400);
    struct fragments *f = fragments_new();
    struct datagram d;
    struct packet packet;
    for (size_t off = 16; off < 400; off += 16) {
        assert_false(add_slice(f, &w, (struct piece_of){off, 8, true, 1, 0}, &d, &packet));
        memset(mixed + off, 0xee, 8);
    }
    assert_false(add_slice(f, &w, (struct piece_of){0, 8, true, 1, 0}, &d, &packet));
    assert_true(
        add_v4(f, bytes_of(mixed + 8, 392), (struct piece_of){8, 392, false, 1, 0}, &d, &packet));
    assert_whole(&w, &d, &packet);
    assert_int_equal(fragments_counts(f)->overlaps, 1);
    (void)fragments_free(f);
}

static void test_impossible_pieces(void **state)
{
    (void)state;
    static struct whole_datagram w;
    make_datagram(&w, 200);
    static const struct {
        const char *label;
        struct piece_of before, bad;
    } cases[] = {
        {"not a multiple of eight", {0, 8, true, 1, 0}, {8, 9, true, 1, 0}},
        {"past 65,535 octets", {0, 8, true, 1, 0}, {65528, 16, false, 1, 0}},
        {"two ends", {8, 50, false, 1, 0}, {8, 60, false, 1, 0}},
        {"past the end", {8, 40, false, 1, 0}, {48, 8, true, 1, 0}},
        {"an end before what is there", {48, 8, true, 1, 0}, {8, 20, false, 1, 0}},
        {"empty", {0, 8, true, 1, 0}, {8, 0, true, 1, 0}},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("%s\n", cases[i].label);
        struct fragments *f = fragments_new();
        struct datagram d;
        struct packet packet;
        assert_false(
            add_v4(f, bytes_of(w.payload, cases[i].before.len), cases[i].before, &d, &packet));
        assert_int_equal(fragments_counts(f)->malformed, 0);
        assert_false(add_v4(f, bytes_of(w.payload, cases[i].bad.len), cases[i].bad, &d, &packet));
        assert_int_equal(fragments_counts(f)->malformed, 1);
        (void)fragments_free(f);
    }
}

static void test_expiry_is_capture_time(void **state)
{
    (void)state;
    static struct whole_datagram w;
    make_datagram(&w, 100);
    for (int late = 0; late < 2; late++) {
        struct fragments *f = fragments_new();
        struct datagram d;
        struct packet packet;
        assert_false(add_slice(f, &w, (struct piece_of){0, 48, true, 1, 5 * SECOND}, &d, &packet));
        bool whole = add_slice(
            f, &w,
            (struct piece_of){48, 60, false, 1, (5 + LIMIT_FRAGMENT_SECONDS + late) * SECOND}, &d,
            &packet);
        assert_int_equal(whole, late == 0);
        assert_int_equal(fragments_counts(f)->expired, late);
        if (whole) {
            assert_whole(&w, &d, &packet);
        }
        (void)fragments_free(f);
    }
}

static void test_different_datagrams_do_not_mix(void **state)
{
    (void)state;
    static struct whole_datagram w;
    make_datagram(&w, 100);
    struct fragments *f = fragments_new();
    struct datagram d;
    struct packet packet;
    assert_false(add_slice(f, &w, (struct piece_of){0, 48, true, 1, 0}, &d, &packet));
    assert_false(add_slice(f, &w, (struct piece_of){48, 60, false, 2, 0}, &d, &packet));
    assert_true(add_slice(f, &w, (struct piece_of){48, 60, false, 1, 0}, &d, &packet));
    assert_whole(&w, &d, &packet);
    (void)fragments_free(f);
}

static void test_floods_shed_the_oldest(void **state)
{
    (void)state;
    static struct whole_datagram w;
    make_datagram(&w, 65000);
    static const struct {
        const char *label;
        size_t len, pieces;
        unsigned datagrams;
    } floods[] = {
        {"datagrams", 8, 1, 6000},
        {"pieces", 8, 3, 4000},
        {"octets", 32000, 1, 1000},
    };
    for (size_t i = 0; i < COUNT_OF(floods); i++) {
        print_message("%s\n", floods[i].label);
        struct fragments *f = fragments_new();
        struct datagram d;
        struct packet packet;
        for (unsigned id = 1; id <= floods[i].datagrams; id++) {
            for (size_t n = 0; n < floods[i].pieces; n++) {
                struct piece_of at = {16 * n, floods[i].len, true, (uint16_t)id, 0};
                assert_false(add_slice(f, &w, at, &d, &packet));
            }
        }
        assert_true(fragments_counts(f)->shed > 0);
        assert_true(fragments_counts(f)->shed < floods[i].datagrams);
        /* What came last still becomes whole. */
        assert_false(add_slice(f, &w, (struct piece_of){0, 32, true, 0xffff, 0}, &d, &packet));
        assert_true(
            add_slice(f, &w, (struct piece_of){32, w.udp.len - 32, false, 0xffff, 0}, &d, &packet));
        assert_whole(&w, &d, &packet);
        (void)fragments_free(f);
    }
}

/* IPv6: the next header is that of the first piece; options may stand after the fragment header. */
static void test_ipv6_in_vlan(void **state)
{
    (void)state;
    static struct build content;
    static struct build b;
    static const uint8_t octets[40] = "forty octets of payload, or nearly so";
    build_frame(&content, "options udp", octets, sizeof octets);
    struct fragments *f = fragments_new();
    struct datagram d;
    struct packet packet;
    for (size_t off = 64; off + 32 > 0 && off <= 64; off -= 32) {
        size_t len = content.len - off < 32 ? content.len - off : 32;
        build_frame(&b, "eth vlan ip6 atomic", content.octets + off, len);
        const size_t header = 14 + 4 + 40;
        b.octets[header] = off == 0 ? 60 : 99;
        build_16(b.octets + header + 2, off | (off + len < content.len));
        b.octets[14 + 4 + 6] = 44;
        struct packet p = {
            .data = bytes_of(b.octets, b.len), .wire_len = (uint32_t)b.len, .link_type = 1};
        assert_int_equal(decode(&p, &d), DECODE_FRAGMENT);
        assert_int_equal(fragments_add(f, &d, &packet), off == 0);
    }
    assert_int_equal(d.protocol, IP_UDP);
    assert_int_equal(d.tunnel_count, 1);
    assert_true(bytes_is(d.payload, octets, sizeof octets));
    block_drop(packet.block);
    (void)fragments_free(f);
}

/* The pieces of a tunnel packet that itself carries a piece. */
static void test_pieces_in_pieces(void **state)
{
    (void)state;
    static struct whole_datagram w;
    static struct build inner;
    make_datagram(&w, 100);
    struct fragments *f = fragments_new();
    struct datagram d;
    struct packet packet;
    for (unsigned half = 0; half < 2; half++) {
        build_frame(&inner, "ip4", w.udp.octets + 64 * half, half == 0 ? 64 : w.udp.len - 64);
        inner.octets[9] = IP_UDP;
        build_16(inner.octets + 6, half == 0 ? 0x2000 : 8);
        build_gre(&inner);
        for (unsigned part = 0; part < 2; part++) {
            static struct build outer;
            build_frame(&outer, "ip4", inner.octets + 40 * part, part == 0 ? 40 : inner.len - 40);
            outer.octets[9] = 47;
            build_16(outer.octets + 4, 100 + half);
            build_16(outer.octets + 6, part == 0 ? 0x2000 : 5);
            struct packet p = {.data = bytes_of(outer.octets, outer.len),
                               .at = {.packet = 7},
                               .wire_len = (uint32_t)outer.len,
                               .link_type = 101};
            assert_int_equal(decode(&p, &d), DECODE_FRAGMENT);
            assert_int_equal(fragments_add(f, &d, &packet), half == 1 && part == 1);
        }
    }
    assert_int_equal(d.tunnel_count, 1);
    assert_int_equal(d.tunnels[0].kind, TUNNEL_GRE);
    assert_int_equal(fragments_counts(f)->completed, 3);
    assert_whole(&w, &d, &packet);
    (void)fragments_free(f);
}

/* A whole that is no datagram, and a piece cut by the snap length. */
static void test_nothing_comes_of_it(void **state)
{
    (void)state;
    static const uint8_t short_udp[16] = {0, 1, 0, 2, 0, 3};
    struct fragments *f = fragments_new();
    struct datagram d;
    struct packet packet;
    assert_false(
        add_v4(f, bytes_of(short_udp, 8), (struct piece_of){0, 8, true, 1, 0}, &d, &packet));
    assert_false(
        add_v4(f, bytes_of(short_udp, 8), (struct piece_of){8, 8, false, 1, 0}, &d, &packet));
    assert_int_equal(fragments_counts(f)->completed, 1);
    assert_int_equal(fragments_counts(f)->malformed, 1);
    static struct build b;
    build_frame(&b, "ip4 udp", short_udp, sizeof short_udp);
    build_16(b.octets + 6, 0x2000);
    struct packet p = {
        .data = bytes_of(b.octets, b.len - 1), .wire_len = (uint32_t)b.len, .link_type = 101};
    assert_int_equal(decode(&p, &d), DECODE_FRAGMENT);
    assert_false(fragments_add(f, &d, &packet));
    (void)fragments_free(f);
    assert_null(fragments_free(NULL));
}

/* A datagram whose end never comes is told as far as it came, whatever made it be given up. */
static void test_beginnings(void **state)
{
    (void)state;
    static struct whole_datagram w;
    make_datagram(&w, 100);
    static const struct {
        const char *label;
        struct piece_of pieces[3];
        size_t payload; /* of what is told; 0: nothing is */
    } cases[] = {
        {"the first only", {{0, 48, true, 1, 0}}, 40},
        {"the first two", {{48, 16, true, 1, 0}, {0, 48, true, 1, 0}}, 56},
        {"a hole", {{0, 48, true, 1, 0}, {56, 52, false, 1, 0}}, 40},
        {"no first", {{48, 60, false, 1, 0}}, 0},
        {"shorter than it may be", {{0, 45, true, 1, 0}}, 37},
        {"too short for a header", {{0, 7, true, 1, 0}}, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (unsigned how = 0; how < 2; how++) {
            print_message("%s, %u\n", cases[i].label, how);
            struct fragments *f = fragments_new();
            struct datagram d;
            struct packet packet;
            for (size_t n = 0; n < 3 && cases[i].pieces[n].len > 0; n++) {
                assert_false(add_slice(f, &w, cases[i].pieces[n], &d, &packet));
            }
            if (how == 0) {
                fragments_end(f);
            } else {
                fragments_expire(f, LIMIT_FRAGMENT_SECONDS * SECOND);
                fragments_expire(f, LIMIT_FRAGMENT_SECONDS * SECOND + 1);
            }
            bool told = fragments_take_lost(f, &d, &packet);
            assert_int_equal(told, cases[i].payload > 0);
            if (told) {
                assert_true(d.is_late);
                assert_ptr_equal(d.frame, &packet);
                assert_int_equal(packet.at.packet, 7);
                assert_int_equal(d.destination_port, 445);
                assert_int_equal(d.payload.len, cases[i].payload);
                assert_int_equal(d.payload_cut, 100 - cases[i].payload);
                assert_memory_equal(d.payload.at, w.payload, d.payload.len);
                block_drop(packet.block);
            }
            assert_false(fragments_take_lost(f, &d, &packet));
            (void)fragments_free(f);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_orders),
        cmocka_unit_test(test_beginnings),
        cmocka_unit_test(test_largest_datagram),
        cmocka_unit_test(test_first_octets_win),
        cmocka_unit_test(test_piece_over_many_holes),
        cmocka_unit_test(test_impossible_pieces),
        cmocka_unit_test(test_expiry_is_capture_time),
        cmocka_unit_test(test_different_datagrams_do_not_mix),
        cmocka_unit_test(test_floods_shed_the_oldest),
        cmocka_unit_test(test_ipv6_in_vlan),
        cmocka_unit_test(test_pieces_in_pieces),
        cmocka_unit_test(test_nothing_comes_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
