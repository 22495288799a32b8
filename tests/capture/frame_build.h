/*
 * frame_build.h - octets for the tests of capture/, put together from the inside out.
 *
 * build_frame("eth vlan ip4 tcp") wraps a payload in the named layers; the innermost end points
 * are 10.0.0.1 (or fd00::1) port 40000 and 10.0.0.2 (or fd00::2) port 445, those of the n-th layer
 * around it 10.n.0.1 and so on.
 */
#ifndef ROLECALL_TESTS_CAPTURE_FRAME_BUILD_H
#define ROLECALL_TESTS_CAPTURE_FRAME_BUILD_H

#include "capture/bytes.h"
#include "tests/test.h"

#define BUILD_ROOM 70000u

struct build {
    size_t len;
    uint16_t ethertype, port; /* of what has been built so far, for the layer around it */
    uint8_t protocol, depth;
    uint16_t ppp;
    uint8_t octets[BUILD_ROOM];
};

static inline void build_front(struct build *b, const void *octets, size_t len)
{
    assert_true(b->len + len <= sizeof b->octets);
    memmove(b->octets + len, b->octets, b->len);
    memcpy(b->octets, octets, len);
    b->len += len;
}

static inline void build_16(uint8_t *at, size_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static inline void build_tcp(struct build *b)
{
    uint8_t h[24] = {0x9c, 0x40, 0x01, 0xbd, 0,    0,    0x10, 0, 0, 0, 0x20, 0,
                     0x60, 0x18, 0x40, 0,    0xab, 0xcd, 0,    0, 1, 1, 1,    0};
    build_front(b, h, sizeof h);
    b->protocol = 6;
}

static inline void build_udp(struct build *b)
{
    uint8_t h[8] = {0x9c, 0x40, 0, 0, 0, 0, 0xab, 0xcd};
    build_16(h + 2, b->port != 0 ? b->port : 445);
    build_16(h + 4, b->len + 8);
    build_front(b, h, sizeof h);
    b->protocol = 17;
}

static inline void build_ip4(struct build *b)
{
    uint8_t h[20] = {0x45, 0, 0,  0,        0x12, 0x34, 0x40, 0,        64, b->protocol,
                     0,    0, 10, b->depth, 0,    1,    10,   b->depth, 0,  2};
    build_16(h + 2, b->len + 20);
    build_front(b, h, sizeof h);
    b->protocol = 4;
    b->ethertype = 0x0800;
    b->ppp = 0x21;
    b->depth++;
}

static inline void build_ip6(struct build *b)
{
    uint8_t h[40] = {0x60,
                     0,
                     0,
                     0,
                     0,
                     0,
                     b->protocol,
                     63,
                     0xfd,
                     b->depth,
                     [23] = 1,
                     [24] = 0xfd,
                     [25] = b->depth,
                     [39] = 2};
    build_16(h + 4, b->len);
    build_front(b, h, sizeof h);
    b->protocol = 41;
    b->ethertype = 0x86dd;
    b->ppp = 0x57;
    b->depth++;
}

static inline void build_extension(struct build *b, uint8_t protocol)
{
    uint8_t h[16] = {b->protocol, 1};
    build_front(b, h, sizeof h);
    b->protocol = protocol;
}

static inline void build_hop(struct build *b)
{
    build_extension(b, 0);
}

static inline void build_route(struct build *b)
{
    build_extension(b, 43);
}

static inline void build_options(struct build *b)
{
    build_extension(b, 60);
}

static inline void build_atomic(struct build *b)
{
    uint8_t h[8] = {b->protocol, 0, 0, 0, 0, 0, 0, 9};
    build_front(b, h, sizeof h);
    b->protocol = 44;
}

static inline void build_ah(struct build *b)
{
    uint8_t h[24] = {b->protocol, 4};
    build_front(b, h, sizeof h);
    b->protocol = 51;
}

static inline void build_typed(struct build *b, const uint8_t *octets, size_t len, size_t type_at)
{
    uint8_t h[32];
    memcpy(h, octets, len);
    build_16(h + type_at, b->ethertype);
    build_front(b, h, len);
}

static inline void build_eth(struct build *b)
{
    const uint8_t h[14] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
    build_typed(b, h, sizeof h, 12);
    b->ethertype = 0x6558;
}

static inline void build_vlan(struct build *b)
{
    const uint8_t h[4] = {0xa0, 20};
    build_typed(b, h, sizeof h, 2);
    b->ethertype = 0x8100;
}

static inline void build_qinq(struct build *b)
{
    const uint8_t h[4] = {0x01, 0x2c};
    build_typed(b, h, sizeof h, 2);
    b->ethertype = 0x88a8;
}

static inline void build_snap(struct build *b)
{
    const uint8_t h[8] = {0xaa, 0xaa, 3};
    build_typed(b, h, sizeof h, 6);
    b->ethertype = (uint16_t)b->len;
}

static inline void build_mpls(struct build *b)
{
    const uint8_t h[8] = {0x00, 0x01, 0x00, 64, 0x00, 0x06, 0x41, 64}; /* labels 16 and 100 */
    build_front(b, h, sizeof h);
    b->ethertype = 0x8847;
}

static inline void build_control(struct build *b)
{
    const uint8_t h[4] = {0};
    build_front(b, h, sizeof h);
}

static inline void build_ppp(struct build *b)
{
    uint8_t h[4] = {0xff, 3};
    build_16(h + 2, b->ppp);
    build_front(b, h, sizeof h);
    b->ethertype = 0x880b;
}

static inline void build_pppoe(struct build *b)
{
    uint8_t h[8] = {0x11, 0, 0, 7};
    build_16(h + 4, b->len + 2);
    build_16(h + 6, b->ppp);
    build_front(b, h, sizeof h);
    b->ethertype = 0x8864;
}

static inline void build_sll(struct build *b)
{
    const uint8_t h[16] = {0, 0, 0, 1, 0, 6, 2};
    build_typed(b, h, sizeof h, 14);
}

static inline void build_sll2(struct build *b)
{
    const uint8_t h[20] = {[7] = 3, [9] = 1, [11] = 6};
    build_typed(b, h, sizeof h, 0);
}

static inline void build_null(struct build *b)
{
    const uint8_t h[4] = {b->ethertype == 0x0800 ? 2 : 30};
    build_front(b, h, sizeof h);
}

static inline void build_loop(struct build *b)
{
    const uint8_t h[4] = {0, 0, 0, b->ethertype == 0x0800 ? 2 : 24};
    build_front(b, h, sizeof h);
}

static inline void build_hdlc(struct build *b)
{
    const uint8_t h[4] = {0x0f};
    build_typed(b, h, sizeof h, 2);
}

static inline void build_gre(struct build *b)
{
    const uint8_t h[4] = {0};
    build_typed(b, h, sizeof h, 2);
    b->protocol = 47;
    b->port = 4754;
}

static inline void build_gre_full(struct build *b)
{
    const uint8_t h[16] = {0xb0, [11] = 77};
    build_typed(b, h, sizeof h, 2);
    b->protocol = 47;
}

static inline void build_pptp(struct build *b)
{
    uint8_t h[16] = {0x30, 0x81, 0x88, 0x0b, 0, 0, 0, 5};
    build_16(h + 4, b->len);
    build_front(b, h, sizeof h);
    b->protocol = 47;
}

static inline void build_erspan1(struct build *b)
{
    const uint8_t h[4] = {0, 0, 0x88, 0xbe};
    build_front(b, h, sizeof h);
    b->protocol = 47;
}

static inline void build_erspan2(struct build *b)
{
    const uint8_t h[16] = {0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0x14, 0, 0x65};
    build_front(b, h, sizeof h);
    b->protocol = 47;
}

static inline void build_erspan3(struct build *b)
{
    const uint8_t h[28] = {0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 0x14, 0, 0x66, [19] = 1};
    build_front(b, h, sizeof h);
    b->protocol = 47;
}

static inline void build_vxlan(struct build *b)
{
    const uint8_t h[8] = {8, 0, 0, 0, 0, 0, 5};
    build_front(b, h, sizeof h);
    b->port = 4789;
}

static inline void build_gpe(struct build *b)
{
    uint8_t h[8] = {0x0c, 0, 0, 3, 0, 0, 5};
    h[3] = b->ethertype == 0x0800 ? 1 : b->ethertype == 0x86dd ? 2 : 3;
    build_front(b, h, sizeof h);
    b->port = 4790;
}

/* With wireless information, of IEEE 802.11 */
static inline void build_capwap(struct build *b)
{
    const uint8_t h[16] = {0, 0x20, 0x43, 0x20};
    build_front(b, h, sizeof h);
    b->port = 5247;
}

static inline void build_capwap_802_3(struct build *b)
{
    const uint8_t h[8] = {0, 0x10, 0x42};
    build_front(b, h, sizeof h);
    b->port = 5247;
}

static inline void build_geneve(struct build *b)
{
    const uint8_t h[12] = {1, 0, 0, 0, 0, 0, 6};
    build_typed(b, h, sizeof h, 2);
    b->port = 6081;
}

static inline void build_gtp(struct build *b)
{
    uint8_t h[16] = {0x34, 0xff, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0x85, 1, 0, 0, 0};
    build_16(h + 2, b->len + 8);
    build_front(b, h, sizeof h);
    b->port = 2152;
}

static inline void build_wifi(struct build *b)
{
    const uint8_t h[26] = {0x88, 0x01};
    build_front(b, h, sizeof h);
    b->ethertype = 0x8200;
}

/* As some access points write its first field. */
static inline void build_wifi_swapped(struct build *b)
{
    const uint8_t h[26] = {0x01, 0x88};
    build_front(b, h, sizeof h);
}

static inline void build_llc(struct build *b)
{
    const uint8_t h[8] = {0xaa, 0xaa, 3};
    build_typed(b, h, sizeof h, 6);
}

static inline void build_radiotap(struct build *b)
{
    const uint8_t h[10] = {0, 0, 10};
    build_front(b, h, sizeof h);
}

static inline void build_ppi(struct build *b)
{
    const uint8_t h[8] = {0, 0, 8, 0, 105};
    build_front(b, h, sizeof h);
}

static inline void build_nflog(struct build *b)
{
    uint8_t h[16] = {2, 0, 0, 0, 6, 0, 10, 0, 'x', 0, 0, 0, 0, 0, 9, 0};
    h[12] = (uint8_t)(b->len + 4);
    h[13] = (uint8_t)((b->len + 4) >> 8);
    build_front(b, h, sizeof h);
}

/* Layers outermost first, separated by spaces, around `payload`. */
static inline void build_frame(struct build *b, const char *layers, const void *payload, size_t len)
{
    static const struct {
        const char *name;
        void (*wrap)(struct build *b);
    } kinds[] = {
        {"tcp", build_tcp},
        {"udp", build_udp},
        {"ip4", build_ip4},
        {"ip6", build_ip6},
        {"hop", build_hop},
        {"route", build_route},
        {"options", build_options},
        {"atomic", build_atomic},
        {"ah", build_ah},
        {"eth", build_eth},
        {"vlan", build_vlan},
        {"qinq", build_qinq},
        {"snap", build_snap},
        {"mpls", build_mpls},
        {"control", build_control},
        {"ppp", build_ppp},
        {"pppoe", build_pppoe},
        {"sll", build_sll},
        {"sll2", build_sll2},
        {"null", build_null},
        {"loop", build_loop},
        {"hdlc", build_hdlc},
        {"gre", build_gre},
        {"gre-full", build_gre_full},
        {"pptp", build_pptp},
        {"erspan1", build_erspan1},
        {"erspan2", build_erspan2},
        {"erspan3", build_erspan3},
        {"vxlan", build_vxlan},
        {"geneve", build_geneve},
        {"gpe", build_gpe},
        {"capwap", build_capwap},
        {"capwap-802.3", build_capwap_802_3},
        {"wifi-swapped", build_wifi_swapped},
        {"gtp", build_gtp},
        {"wifi", build_wifi},
        {"llc", build_llc},
        {"radiotap", build_radiotap},
        {"ppi", build_ppi},
        {"nflog", build_nflog},
    };
    b->len = 0;
    b->ethertype = 0;
    b->port = 0;
    b->protocol = 0;
    b->depth = 0;
    build_front(b, payload, len);
    size_t end = strlen(layers);
    while (end > 0) {
        size_t start = end;
        while (start > 0 && layers[start - 1] != ' ') {
            start--;
        }
        size_t i = 0;
        while (i < COUNT_OF(kinds) && !(strlen(kinds[i].name) == end - start &&
                                        memcmp(kinds[i].name, layers + start, end - start) == 0)) {
            i++;
        }
        assert_true(i < COUNT_OF(kinds));
        kinds[i].wrap(b);
        end = start > 0 ? start - 1 : 0;
    }
}

#endif
