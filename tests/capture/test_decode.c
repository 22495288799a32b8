/*
 * test_decode.c - every link layer and encapsulation, whole, cut at every octet, and contradictory.
 */
#include "capture/decode.h"
#include "tests/capture/frame_build.h"

static const char PAYLOAD[] = "GET / HTTP/1.1";
#define PAYLOAD_LEN (sizeof PAYLOAD - 1)

static const char *const tunnel_names[] = {
    [TUNNEL_VLAN] = "vlan",     [TUNNEL_MPLS] = "mpls",   [TUNNEL_GRE] = "gre",
    [TUNNEL_ERSPAN] = "erspan", [TUNNEL_VXLAN] = "vxlan", [TUNNEL_GENEVE] = "geneve",
    [TUNNEL_IPIP] = "ipip",     [TUNNEL_GTP] = "gtp",     [TUNNEL_PPPOE] = "pppoe",
    [TUNNEL_CAPWAP] = "capwap",
};

static const struct {
    uint32_t link;
    const char *layers;
    const char *tunnels;
} frames[] = {
    // clang-format off
    {1, "eth ip4 tcp", ""},
    {1, "eth ip4 udp", ""},
    {1, "eth ip6 tcp", ""},
    {1, "eth ip6 hop route options udp", ""},
    {1, "eth ip6 atomic options tcp", ""},
    {1, "eth ip6 ah tcp", ""},
    {1, "eth ip4 ah udp", ""},
    {1, "eth snap ip4 tcp", ""},
    {1, "eth vlan ip4 tcp", "vlan:20"},
    {1, "eth qinq vlan ip6 udp", "vlan:300 vlan:20"},
    {1, "eth mpls ip4 udp", "mpls:100"},
    {1, "eth mpls ip6 udp", "mpls:100"},
    {1, "eth mpls control eth ip4 tcp", "mpls:100"},
    {1, "eth mpls eth vlan ip4 tcp", "mpls:100 vlan:20"},
    {1, "eth vlan pppoe ip4 tcp", "vlan:20 pppoe:7"},
    {1, "eth pppoe ip6 tcp", "pppoe:7"},
    {1, "eth ip4 gre ip4 tcp", "gre"},
    {1, "eth ip4 gre-full ip6 udp", "gre:77"},
    {1, "eth ip4 gre eth vlan ip4 udp", "gre vlan:20"},
    {1, "eth ip4 gre mpls ip4 udp", "gre mpls:100"},
    {1, "eth ip4 gre wifi llc ip4 tcp", "gre"},
    {1, "eth ip4 udp gre ip4 tcp", "gre"},
    {1, "eth ip4 pptp ppp ip4 tcp", "gre:5"},
    {1, "eth ip4 erspan1 eth ip4 tcp", "gre erspan"},
    {1, "eth ip4 erspan2 eth vlan ip4 tcp", "gre erspan:101 vlan:20"},
    {1, "eth ip4 erspan3 eth ip4 tcp", "gre erspan:102"},
    {1, "eth ip4 udp vxlan eth ip4 tcp", "vxlan:5"},
    {1, "eth ip6 udp vxlan eth vlan ip6 tcp", "vxlan:5 vlan:20"},
    {1, "eth ip4 udp gpe ip4 tcp", "vxlan:5"},
    {1, "eth ip4 udp gpe ip6 udp", "vxlan:5"},
    {1, "eth ip4 udp gpe eth vlan ip4 tcp", "vxlan:5 vlan:20"},
    {1, "eth ip4 udp capwap wifi llc ip4 tcp", "capwap"},
    {1, "eth ip4 udp capwap wifi-swapped llc ip4 udp", "capwap"},
    {1, "eth ip4 udp capwap-802.3 eth vlan ip6 tcp", "capwap vlan:20"},
    {1, "eth ip4 udp geneve eth ip4 tcp", "geneve:6"},
    {1, "eth ip4 udp geneve ip6 udp", "geneve:6"},
    {1, "eth ip4 udp gtp ip4 tcp", "gtp:9"},
    {1, "eth ip4 ip4 tcp", "ipip"},
    {1, "eth ip4 ip6 tcp", "ipip"},
    {1, "eth ip6 ip4 udp", "ipip"},
    {1, "eth vlan ip4 gre ip4 udp vxlan eth ip4 ip6 tcp", "vlan:20 gre vxlan:5 ipip"},
    {0, "null ip4 tcp", ""},
    {0, "null ip6 tcp", ""},
    {108, "loop ip4 udp", ""},
    {108, "loop ip6 udp", ""},
    {9, "ppp ip4 tcp", ""},
    {50, "ppp ip6 tcp", ""},
    {50, "hdlc ip4 tcp", ""},
    {104, "hdlc ip4 tcp", ""},
    {51, "pppoe ip4 tcp", "pppoe:7"},
    {12, "ip4 tcp", ""},
    {101, "ip6 tcp", ""},
    {228, "ip4 udp", ""},
    {229, "ip6 udp", ""},
    {113, "sll ip4 tcp", ""},
    {113, "sll vlan ip4 tcp", "vlan:20"},
    {276, "sll2 ip6 tcp", ""},
    {105, "wifi llc ip4 tcp", ""},
    {127, "radiotap wifi llc ip4 tcp", ""},
    {192, "ppi wifi llc ip4 tcp", ""},
    {239, "nflog ip4 tcp", ""},
    // clang-format on
};

static struct packet packet_of(uint32_t link, const uint8_t *octets, size_t len, size_t wire_len)
{
    return (struct packet){
        .data = bytes_of(octets, len), .wire_len = (uint32_t)wire_len, .link_type = link};
}

static void tunnels_text(const struct datagram *d, char *text, size_t room)
{
    size_t at = 0;
    text[0] = '\0';
    for (size_t i = 0; i < d->tunnel_count; i++) {
        at += (size_t)snprintf(text + at, room - at, "%s%s", i > 0 ? " " : "",
                               tunnel_names[d->tunnels[i].kind]);
        if (d->tunnels[i].id != 0) {
            at += (size_t)snprintf(text + at, room - at, ":%u", d->tunnels[i].id);
        }
    }
}

static void assert_inner(const struct datagram *d, const char *layers)
{
    char text[ADDRESS_TEXT];
    bool tcp = strstr(layers, "tcp") != NULL;
    assert_int_equal(d->protocol, tcp ? IP_TCP : IP_UDP);
    assert_string_equal(address_format(&d->source, text), d->version == 4 ? "10.0.0.1" : "fd00::1");
    assert_string_equal(address_format(&d->destination, text),
                        d->version == 4 ? "10.0.0.2" : "fd00::2");
    assert_int_equal(d->source_port, 40000);
    assert_int_equal(d->destination_port, 445);
    assert_int_equal(d->transport_checksum, 0xabcd);
    assert_int_equal(d->ttl, d->version == 4 ? 64 : 63);
    assert_int_equal(d->ip_id, d->version == 4 ? 0x1234 : 0);
    if (tcp) {
        assert_int_equal(d->tcp.sequence, 0x1000);
        assert_int_equal(d->tcp.acknowledgement, 0x2000);
        assert_int_equal(d->tcp.window, 0x4000);
        assert_int_equal(d->tcp.flags, TCP_PSH | TCP_ACK);
    }
}

static void test_whole_frames(void **state)
{
    (void)state;
    static struct build b;
    for (size_t i = 0; i < COUNT_OF(frames); i++) {
        print_message("%s\n", frames[i].layers);
        build_frame(&b, frames[i].layers, PAYLOAD, PAYLOAD_LEN);
        struct packet p = packet_of(frames[i].link, b.octets, b.len, b.len);
        struct datagram d;
        char text[200];
        assert_true(decode_knows_link(frames[i].link));
        assert_int_equal(decode(&p, &d), DECODE_OK);
        assert_ptr_equal(d.frame, &p);
        assert_inner(&d, frames[i].layers);
        tunnels_text(&d, text, sizeof text);
        assert_string_equal(text, frames[i].tunnels);
        assert_true(bytes_is(d.payload, PAYLOAD, PAYLOAD_LEN));
        assert_int_equal(d.payload_cut, 0);
    }
}

/* Each prefix lies in an allocation of its own, so that a sanitizer sees one octet too many. */
static void test_every_prefix(void **state)
{
    (void)state;
    static struct build b;
    for (size_t i = 0; i < COUNT_OF(frames); i++) {
        build_frame(&b, frames[i].layers, PAYLOAD, PAYLOAD_LEN);
        for (size_t len = 0; len < b.len; len++) {
            uint8_t *exact = malloc(len + (len == 0));
            assert_non_null(exact);
            memcpy(exact, b.octets, len);
            struct datagram d;
            struct packet cut = packet_of(frames[i].link, exact, len, b.len);
            enum decode_result result = decode(&cut, &d);
            if (len >= b.len - PAYLOAD_LEN) {
                assert_int_equal(result, DECODE_OK);
                assert_inner(&d, frames[i].layers);
                assert_int_equal(d.payload.len, PAYLOAD_LEN - (b.len - len));
                assert_int_equal(d.payload.len + d.payload_cut, PAYLOAD_LEN);
            } else if (strstr(frames[i].tunnels, "vxlan") == NULL) {
                assert_true(result != DECODE_OK || d.payload.len + d.payload_cut > PAYLOAD_LEN);
                assert_true(result != DECODE_TOO_DEEP);
            }
            /* The same octets as a frame that was no longer on the wire either. */
            struct packet runt = packet_of(frames[i].link, exact, len, len);
            assert_int_not_equal(decode(&runt, &d), DECODE_TRUNCATED);
            free(exact);
        }
    }
}

static void test_padding_is_no_payload(void **state)
{
    (void)state;
    static struct build b;
    const char *const layers[] = {"eth ip4 tcp", "eth ip6 udp", "eth pppoe ip4 tcp"};
    for (size_t i = 0; i < COUNT_OF(layers); i++) {
        build_frame(&b, layers[i], "ab", 2);
        memset(b.octets + b.len, 0xee, 30);
        struct packet p = packet_of(1, b.octets, b.len + 30, b.len + 34);
        struct datagram d;
        assert_int_equal(decode(&p, &d), DECODE_OK);
        assert_true(bytes_is(d.payload, "ab", 2));
        assert_int_equal(d.payload_cut, 0);
    }
}

/* Octets changed in a good frame, and what decode() makes of it. */
static void test_contradictions(void **state)
{
    (void)state;
    static struct build b;
    static const struct {
        const char *label, *layers;
        size_t at;
        uint8_t octets[2];
        enum decode_result result;
        uint8_t protocol;
        size_t payload;
    } cases[] = {
        // clang-format off
        {"total length 0: uncut segment", "eth ip4 tcp", 16, {0, 0}, DECODE_OK, 6, PAYLOAD_LEN},
        {"payload length 0: uncut segment", "eth ip6 tcp", 18, {0, 0}, DECODE_OK, 6, PAYLOAD_LEN},
        {"UDP length 0", "eth ip4 udp", 38, {0, 0}, DECODE_OK, 17, PAYLOAD_LEN},
        {"UDP length too large", "eth ip4 udp", 38, {0x40, 0}, DECODE_OK, 17, PAYLOAD_LEN},
        {"UDP length 7", "eth ip4 udp", 38, {0, 7}, DECODE_MALFORMED, 17, 0},
        {"UDP length 10", "eth ip4 udp", 38, {0, 10}, DECODE_OK, 17, 2},
        {"total length beyond the frame", "eth ip4 tcp", 16, {0x40, 0}, DECODE_OK, 6, PAYLOAD_LEN},
        {"total length below the header", "eth ip4 tcp", 16, {0, 19}, DECODE_MALFORMED, 0, 0},
        {"IPv4 version 5", "eth ip4 tcp", 14, {0x55, 0}, DECODE_MALFORMED, 0, 0},
        {"IPv4 header of 16 octets", "eth ip4 tcp", 14, {0x44, 0}, DECODE_MALFORMED, 0, 0},
        {"IPv4 options", "eth ip4 tcp", 14, {0x46, 0}, DECODE_MALFORMED, 6, 0},
        {"IPv6 version 4", "eth ip6 tcp", 14, {0x40, 0}, DECODE_MALFORMED, 0, 0},
        {"data offset 4", "eth ip4 tcp", 46, {0x40, 0x10}, DECODE_MALFORMED, 6, 0},
        {"data offset 15", "eth ip4 tcp", 46, {0xf0, 0x10}, DECODE_MALFORMED, 6, 0},
        {"ARP", "eth ip4 tcp", 12, {8, 6}, DECODE_NOT_IP, 0, 0},
        {"802.3 without SNAP", "eth ip4 tcp", 12, {0, 60}, DECODE_NOT_IP, 0, 0},
        {"ESP", "eth ip6 tcp", 20, {IP_ESP, 64}, DECODE_OK, IP_ESP, PAYLOAD_LEN + 24},
        {"SCTP", "eth ip4 tcp", 22, {64, 132}, DECODE_OK, 132, PAYLOAD_LEN + 24},
        {"no next header", "eth ip6 tcp", 20, {59, 64}, DECODE_OK, 59, PAYLOAD_LEN + 24},
        {"IPv4's ICMP in IPv6", "eth ip6 tcp", 20, {1, 64}, DECODE_OK, 1, PAYLOAD_LEN + 24},
        {"extension past the end", "eth ip6 hop tcp", 54, {6, 200}, DECODE_MALFORMED, 0, 0},
        {"GRE of something else", "eth ip4 gre ip4 tcp", 36, {0x88, 0xcc}, DECODE_OK, 47, 4 + 20 + 24 + PAYLOAD_LEN},
        {"GRE with source routes", "eth ip4 gre ip4 tcp", 34, {0x40, 0}, DECODE_OK, 47, 4 + 20 + 24 + PAYLOAD_LEN},
        {"VXLAN without I", "eth ip4 udp vxlan eth ip4 tcp", 42, {0, 0}, DECODE_OK, 17, 8 + 14 + 20 + 24 + PAYLOAD_LEN},
        {"VXLAN of ARP", "eth ip4 udp vxlan eth ip4 tcp", 62, {8, 6}, DECODE_OK, 17, 8 + 14 + 20 + 24 + PAYLOAD_LEN},
        {"VXLAN-GPE of version 1", "eth ip4 udp gpe ip4 tcp", 42, {0x1c, 0}, DECODE_OK, 17, 8 + 20 + 24 + PAYLOAD_LEN},
        {"VXLAN-GPE of a service header", "eth ip4 udp gpe ip4 tcp", 44, {0, 4}, DECODE_OK, 17, 8 + 20 + 24 + PAYLOAD_LEN},
        {"CAPWAP in DTLS", "eth ip4 udp capwap-802.3 eth ip4 tcp", 42, {1, 0}, DECODE_OK, 17, 8 + 14 + 20 + 24 + PAYLOAD_LEN},
        {"CAPWAP keep-alive", "eth ip4 udp capwap-802.3 eth ip4 tcp", 44, {0x42, 8}, DECODE_OK, 17, 8 + 14 + 20 + 24 + PAYLOAD_LEN},
        {"CAPWAP in pieces", "eth ip4 udp capwap-802.3 eth ip4 tcp", 44, {0x42, 0x80}, DECODE_OK, 17, 8 + 14 + 20 + 24 + PAYLOAD_LEN},
        {"CAPWAP of a header too short", "eth ip4 udp capwap-802.3 eth ip4 tcp", 42, {0, 0x08}, DECODE_OK, 17, 8 + 14 + 20 + 24 + PAYLOAD_LEN},
        {"CAPWAP of another radio", "eth ip4 udp capwap wifi llc ip4 tcp", 44, {0x45, 0x20}, DECODE_OK, 17, 16 + 26 + 8 + 20 + 24 + PAYLOAD_LEN},
        {"GENEVE version 3", "eth ip4 udp geneve eth ip4 tcp", 42, {0xc1, 0}, DECODE_OK, 17, 12 + 14 + 20 + 24 + PAYLOAD_LEN},
        {"GTP echo", "eth ip4 udp gtp ip4 tcp", 42, {0x34, 1}, DECODE_OK, 17, 16 + 20 + 24 + PAYLOAD_LEN},
        {"PPPoE discovery code", "eth pppoe ip4 tcp", 14, {0x11, 9}, DECODE_NOT_IP, 0, 0},
        // clang-format on
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("%s\n", cases[i].label);
        build_frame(&b, cases[i].layers, PAYLOAD, PAYLOAD_LEN);
        memcpy(b.octets + cases[i].at, cases[i].octets, 2);
        struct packet p = packet_of(1, b.octets, b.len, b.len);
        struct datagram d;
        assert_int_equal(decode(&p, &d), cases[i].result);
        if (cases[i].result == DECODE_OK) {
            assert_int_equal(d.protocol, cases[i].protocol);
            assert_int_equal(d.payload.len, cases[i].payload);
            assert_int_equal(d.payload_cut, 0);
            assert_int_equal(d.tunnel_count, 0);
            assert_true(d.has_mac);
        }
    }
}

static void test_ipv4_options(void **state)
{
    (void)state;
    static struct build b;
    const uint8_t options[8] = {0x94, 4, 0, 0, 1, 1, 1, 0}; /* router alert */
    build_frame(&b, "tcp", PAYLOAD, PAYLOAD_LEN);
    build_front(&b, options, sizeof options);
    build_ip4(&b);
    b.octets[0] = 0x47;
    struct packet p = packet_of(101, b.octets, b.len, b.len);
    struct datagram d;
    assert_int_equal(decode(&p, &d), DECODE_OK);
    assert_inner(&d, "tcp");
    assert_true(bytes_is(d.payload, PAYLOAD, PAYLOAD_LEN));
}

static void test_too_deep(void **state)
{
    (void)state;
    static struct build b;
    struct datagram d;
    for (unsigned depth = LIMIT_TUNNEL_DEPTH; depth <= LIMIT_TUNNEL_DEPTH + 1; depth++) {
        char layers[200] = "eth ";
        size_t at = 4;
        for (unsigned i = 0; i < depth; i++) {
            at +=
                (size_t)snprintf(layers + at, sizeof layers - at, i % 2 == 0 ? "ip4 gre " : "ip4 ");
        }
        (void)snprintf(layers + at, sizeof layers - at, "ip4 tcp");
        build_frame(&b, layers, PAYLOAD, PAYLOAD_LEN);
        struct packet p = packet_of(1, b.octets, b.len, b.len);
        assert_int_equal(decode(&p, &d), depth <= LIMIT_TUNNEL_DEPTH ? DECODE_OK : DECODE_TOO_DEEP);
    }
}

static void test_fragments_are_told(void **state)
{
    (void)state;
    static struct build b;
    struct datagram d;
    build_frame(&b, "eth ip4 udp", PAYLOAD, PAYLOAD_LEN);
    build_16(b.octets + 20, 0x2000 | 3);
    struct packet p = packet_of(1, b.octets, b.len - 2, b.len);
    assert_int_equal(decode(&p, &d), DECODE_FRAGMENT);
    assert_int_equal(d.fragment.id, 0x1234);
    assert_int_equal(d.fragment.offset, 24);
    assert_true(d.fragment.more);
    assert_int_equal(d.fragment.content.len, PAYLOAD_LEN + 8 - 2);
    assert_int_equal(d.payload_cut, 2);
    assert_int_equal(d.protocol, IP_UDP);

    build_frame(&b, "eth ip6 hop atomic udp", PAYLOAD, PAYLOAD_LEN);
    build_16(b.octets + 14 + 40 + 16 + 2, 1448);
    p = packet_of(1, b.octets, b.len, b.len);
    assert_int_equal(decode(&p, &d), DECODE_FRAGMENT);
    assert_int_equal(d.fragment.id, 9);
    assert_int_equal(d.fragment.offset, 1448);
    assert_false(d.fragment.more);
    assert_int_equal(d.fragment.content.len, PAYLOAD_LEN + 8);
    assert_int_equal(d.protocol, IP_UDP);
}

static void test_icmp_errors(void **state)
{
    (void)state;
    static struct build b;
    static const struct {
        const char *label, *quoted;
        bool v6;
        uint8_t type;
        size_t keep; /* octets of the quoted packet */
        bool is_error;
        uint8_t protocol;
    } cases[] = {
        {"port unreachable", "ip4 udp", false, 3, 28, true, IP_UDP},
        {"prohibited, TCP", "ip4 tcp", false, 3, 28, true, IP_TCP},
        {"ports just there", "ip4 tcp", false, 3, 24, true, IP_TCP},
        {"ports cut", "ip4 tcp", false, 3, 23, true, 0},
        {"time exceeded", "ip4 udp", false, 11, 100, true, IP_UDP},
        {"nothing quoted", "ip4 udp", false, 3, 0, true, 0},
        {"echo request", "ip4 udp", false, 8, 28, false, 0},
        {"IPv6 unreachable", "ip6 tcp", true, 1, 100, true, IP_TCP},
        {"IPv6 quote cut", "ip6 tcp", true, 1, 43, true, 0},
        {"IPv6 echo", "ip6 tcp", true, 128, 100, false, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("%s\n", cases[i].label);
        const uint8_t header[8] = {cases[i].type, 13, 0x55, 0xaa};
        build_frame(&b, cases[i].quoted, PAYLOAD, PAYLOAD_LEN);
        b.len = b.len < cases[i].keep ? b.len : cases[i].keep;
        build_front(&b, header, sizeof header);
        b.protocol = cases[i].v6 ? IP_ICMPV6 : IP_ICMP;
        (cases[i].v6 ? build_ip6 : build_ip4)(&b);
        struct packet p = packet_of(101, b.octets, b.len, b.len);
        struct datagram d;
        assert_int_equal(decode(&p, &d), DECODE_OK);
        assert_int_equal(d.icmp.type, cases[i].type);
        assert_int_equal(d.icmp.code, 13);
        assert_int_equal(d.transport_checksum, 0x55aa);
        assert_int_equal(d.icmp.is_error, cases[i].is_error);
        assert_int_equal(d.icmp.about_protocol, cases[i].protocol);
        assert_int_equal(d.source_port, 0);
        if (cases[i].protocol != 0) {
            char text[ADDRESS_TEXT];
            assert_string_equal(address_format(&d.icmp.about_source, text),
                                cases[i].v6 ? "fd00::1" : "10.0.0.1");
            assert_string_equal(address_format(&d.icmp.about_destination, text),
                                cases[i].v6 ? "fd00::2" : "10.0.0.2");
            assert_int_equal(d.icmp.about_source_port, 40000);
            assert_int_equal(d.icmp.about_destination_port, 445);
        }
    }
}

static void test_icmp_of_the_other_version(void **state)
{
    (void)state;
    static struct build b;
    static const uint8_t header[8] = {3, 13};
    for (unsigned v6 = 0; v6 < 2; v6++) {
        b.len = 0;
        build_front(&b, header, sizeof header);
        b.protocol = v6 ? IP_ICMP : IP_ICMPV6;
        (v6 ? build_ip6 : build_ip4)(&b);
        struct packet p = packet_of(101, b.octets, b.len, b.len);
        struct datagram d;
        memset(&d, 0xff, sizeof d); /* what the packet before left */
        assert_int_equal(decode(&p, &d), DECODE_OK);
        assert_false(d.icmp.is_error);
        assert_int_equal(d.icmp.type, 0);
        assert_int_equal(d.payload.len, sizeof header);
    }
}

static void test_macs_of_the_innermost_ethernet(void **state)
{
    (void)state;
    static struct build b;
    struct datagram d;
    build_frame(&b, "eth ip4 udp vxlan eth ip4 tcp", PAYLOAD, PAYLOAD_LEN);
    b.octets[14 + 20 + 8 + 8] = 0x0a;
    struct packet p = packet_of(1, b.octets, b.len, b.len);
    assert_int_equal(decode(&p, &d), DECODE_OK);
    assert_true(d.has_mac);
    assert_int_equal(d.destination_mac[0], 0x0a);
    assert_int_equal(d.source_mac[5], 1);
    build_frame(&b, "eth ip4 gre ip4 tcp", PAYLOAD, PAYLOAD_LEN);
    p = packet_of(1, b.octets, b.len, b.len);
    assert_int_equal(decode(&p, &d), DECODE_OK);
    assert_false(d.has_mac); /* those of the frame are the tunnel's ends */
}

static void test_unknown_link(void **state)
{
    (void)state;
    struct datagram d;
    struct packet p = packet_of(147, (const uint8_t *)"x", 1, 1);
    assert_false(decode_knows_link(147));
    assert_int_equal(decode(&p, &d), DECODE_UNKNOWN_LINK);
}

static void test_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *text, *formatted; /* NULL: no address */
        bool host;
    } cases[] = {
        {"10.1.2.3", "10.1.2.3", true},
        {"0.0.0.0", "0.0.0.0", false},
        {"255.255.255.255", "255.255.255.255", false},
        {"224.0.0.251", "224.0.0.251", false},
        {"239.255.255.250", "239.255.255.250", false},
        {"240.0.0.1", "240.0.0.1", true},
        {"::", "::", false},
        {"FE80:0:0:0:0:0:0:1", "fe80::1", true},
        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1", true},
        {"ff02::fb", "ff02::fb", false},
        {"::ffff:10.1.2.3", "10.1.2.3", true},
        {"10.1.2", NULL, false},
        {"10.1.2.3/24", NULL, false},
        {"cm01", NULL, false},
        {"", NULL, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct address a = address_v4((const uint8_t *)"\1\2\3\4");
        struct address before = a;
        char text[ADDRESS_TEXT];
        assert_int_equal(address_parse(cases[i].text, &a), cases[i].formatted != NULL);
        if (cases[i].formatted == NULL) {
            assert_true(address_equal(&a, &before));
            continue;
        }
        assert_string_equal(address_format(&a, text), cases[i].formatted);
        assert_int_equal(address_is_host(&a), cases[i].host);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_frames),
        cmocka_unit_test(test_every_prefix),
        cmocka_unit_test(test_padding_is_no_payload),
        cmocka_unit_test(test_contradictions),
        cmocka_unit_test(test_ipv4_options),
        cmocka_unit_test(test_too_deep),
        cmocka_unit_test(test_fragments_are_told),
        cmocka_unit_test(test_icmp_errors),
        cmocka_unit_test(test_icmp_of_the_other_version),
        cmocka_unit_test(test_macs_of_the_innermost_ethernet),
        cmocka_unit_test(test_unknown_link),
        cmocka_unit_test(test_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
