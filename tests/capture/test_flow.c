#include "tests/test.h"

#include <stdlib.h>

#include "tests/capture/flow_script.h"

struct expected {
    const char *label;
    struct step steps[SCRIPT_STEPS];
    unsigned flows;
    /* of the last flow that closed */
    enum flow_state state;
    bool opening, answer, certain, refusal;
    uint16_t client_port;
    uint32_t anomalies;
    uint32_t duplicates;
};

static uint8_t script_shard(const struct script *s, const struct datagram *d)
{
    struct flow_place place;
    flow_place_of(d, &s->options, &s->secret, &place);
    return place.shard;
}

// clang-format off
static const struct expected cases[] = {
    {"SYN only", {{'c', S, 0, 0}}, 1, FLOW_UNANSWERED, true, false, true, false, 49152, 0, 0},
    {"SYN repeated", {{'c', S, 0, 0}, {'c', S, 0, 0, 0, 1000}, {'c', S, 0, 0, 0, 2000}}, 1, FLOW_UNANSWERED, true, false, true, false, 49152, 0, 0},
    {"SYN copied", {{'c', S, 0, 0, 0, 0, 9}, {'c', S, 0, 0, 0, 1, 9}}, 1, FLOW_UNANSWERED, true, false, true, false, 49152, 0, 1},
    {"handshake", {HANDSHAKE}, 1, FLOW_ESTABLISHED, true, true, true, false, 49152, 0, 0},
    {"all copied", {{'c', S, 0, 0, 0, 0, 9}, {'c', S, 0, 0, 0, 0, 9}, {'s', S | A, 0, 1, 0, 1, 10}, {'s', S | A, 0, 1, 0, 0, 10}, {'c', A, 1, 1, 0, 0, 11},
      {'c', A, 1, 1, 0, 0, 11}, {'c', A, 1, 1, "ab", 0, 12}, {'c', A, 1, 1, "ab", 0, 12}}, 1, FLOW_ESTABLISHED, true, true, true, false, 49152, 0, 4},
    {"refused", {{'c', S, 0, 0}, {'s', R | A, 0, 1}}, 1, FLOW_REFUSED, true, false, true, true, 49152, 0, 0},
    {"refused, and tried again with the same number", {{'c', S, 0, 0}, {'s', R | A, 0, 1}, {'c', S, 0, 0, 0, 500}, {'s', R | A, 0, 1}}, 1, FLOW_REFUSED, true, false, true, true, 49152, 0, 0},
    {"RST that acknowledges something else", {{'c', S, 0, 0}, {'s', R | A, 0, 90000000}}, 1, FLOW_UNANSWERED, true, false, true, false, 49152, ANOMALY_TCP_BAD_SEQUENCE, 0},
    {"SYN scan", {{'c', S, 0, 0}, {'s', S | A, 0, 1}, {'c', R, 1, 0}}, 1, FLOW_RESET, true, true, true, true, 49152, 0, 0},
    {"reset", {HANDSHAKE, {'s', R | A, 1, 1}}, 1, FLOW_RESET, true, true, true, true, 49152, 0, 0},
    {"closed", {HANDSHAKE, {'c', F | A, 1, 1}, {'s', F | A, 1, 2}, {'c', A, 2, 2}}, 1, FLOW_CLOSED, true, true, true, false, 49152, 0, 0},
    {"half closed", {HANDSHAKE, {'c', F | A, 1, 1}, {'s', A, 1, 2}}, 1, FLOW_ESTABLISHED, true, true, true, false, 49152, 0, 0},
    {"FIN and RST", {HANDSHAKE, {'c', F | A, 1, 1}, {'s', R | A, 1, 2}}, 1, FLOW_CLOSED, true, true, true, false, 49152, 0, 0},
    {"RST after the close", {HANDSHAKE, {'c', F | A, 1, 1}, {'s', F | A, 1, 2}, {'c', R, 2, 0}}, 1, FLOW_CLOSED, true, true, true, false, 49152, 0, 0},
    {"mid-stream, server speaks first", {{'s', A, 1, 1, "x"}, {'c', A, 1, 2}}, 1, FLOW_MIDSTREAM, false, false, false, false, 49152, 0, 0},
    {"mid-stream, client speaks first", {{'c', A, 1, 1, "x"}}, 1, FLOW_MIDSTREAM, false, false, false, false, 49152, 0, 0},
    {"mid-stream, closed", {{'c', F | A, 1, 1}, {'s', F | A, 1, 2}}, 1, FLOW_CLOSED, false, false, false, false, 49152, 0, 0},
    {"SYN-ACK first", {{'s', S | A, 0, 1}, {'c', A, 1, 1}}, 1, FLOW_ESTABLISHED, false, true, true, false, 49152, 0, 0},
    {"SYN-ACK captured before its SYN", {{'s', S | A, 0, 1}, {'c', S, 0, 0}, {'c', A, 1, 1}}, 1, FLOW_ESTABLISHED, true, true, true, false, 49152, 0, 0},
    {"SYN captured after the first data", {{'c', A, 1, 1, "ab"}, {'c', S, 0, 0}}, 1, FLOW_UNANSWERED, true, false, true, false, 49152, 0, 0},
    {"SYN of the end that was taken for the server, after data: too late", {{'s', A, 1, 1, "x"}, {'s', S, 0, 0}}, 1, FLOW_MIDSTREAM, false, false, false, false, 49152, 0, 0},
    {"and before data", {{'s', A, 1, 1}, {'s', S, 0, 0}}, 1, FLOW_UNANSWERED, true, false, true, false, 443, 0, 0},
    {"SYN-ACK not captured", {{'c', S, 0, 0}, {'c', A, 1, 1}}, 1, FLOW_ESTABLISHED, true, false, true, false, 49152, 0, 0},
    {"both ends open: the first is the client", {{'s', S, 0, 0}, {'c', S, 0, 0}, {'s', S | A, 0, 1}, {'c', S | A, 0, 1}}, 1, FLOW_ESTABLISHED, true, true, true, false, 443, 0, 0},
    {"SYN-ACK for another SYN", {{'c', S, 0, 0}, {'s', S | A, 0, 90000000}}, 1, FLOW_UNANSWERED, true, false, true, false, 49152, ANOMALY_TCP_BAD_SEQUENCE, 0},
    {"port used again: unanswered", {{'c', S, 0, 0}, {'c', S, 7000000, 0}}, 2, FLOW_UNANSWERED, true, false, true, false, 49152, 0, 0},
    {"port used again: refused", {{'c', S, 0, 0}, {'s', R | A, 0, 1}, {'c', S, 7000000, 0}}, 2, FLOW_UNANSWERED, true, false, true, false, 49152, 0, 0},
    {"port used again: after a close", {HANDSHAKE, {'c', F | A, 1, 1}, {'s', F | A, 1, 2}, {'c', A, 2, 2}, {'c', S, 7000000, 0}}, 2, FLOW_UNANSWERED, true, false, true, false, 49152, 0, 0},
    {"port used again: with the same number", {HANDSHAKE, {'c', F | A, 1, 1}, {'s', F | A, 1, 2}, {'c', S, 0, 0, 0, 900}}, 2, FLOW_UNANSWERED, true, false, true, false, 49152, 0, 0},
    {"port used again: one FIN seen", {HANDSHAKE, {'c', F | A, 1, 1}, {'c', S, 7000000, 0}}, 2, FLOW_UNANSWERED, true, false, true, false, 49152, 0, 0},
    {"port used again: mid-stream", {{'c', A, 1, 1, "ab"}, {'c', S, 7000000, 0}}, 2, FLOW_UNANSWERED, true, false, true, false, 49152, 0, 0},
    {"port used again: one side captured", {{'c', S, 0, 0}, {'c', A, 1, 1, "ab"}, {'c', S, 7000000, 0}}, 2, FLOW_UNANSWERED, true, false, true, false, 49152, 0, 0},
    {"port used again: idle", {HANDSHAKE, {'c', S, 7000000, 0, 0, 61000}}, 2, FLOW_UNANSWERED, true, false, true, false, 49152, 0, 0},
    {"SYN into a live connection is not believed", {HANDSHAKE, {'c', S, 7000000, 0, 0, 10}}, 1, FLOW_ESTABLISHED, true, true, true, false, 49152, ANOMALY_TCP_BAD_SEQUENCE, 0},
    {"port used again: its SYN-ACK is believed", {HANDSHAKE, {'c', S, 7000000, 0, 0, 10}, {'s', S | A, 8000000, 7000001}}, 2, FLOW_ESTABLISHED, false, true, true, false, 49152, 0, 0},
    {"handshake repeated", {HANDSHAKE, {'s', S | A, 0, 1, 0, 1000}, {'c', A, 1, 1, 0, 1}}, 1, FLOW_ESTABLISHED, true, true, true, false, 49152, 0, 0},
    {"packet after the time a closed flow is kept", {HANDSHAKE, {'c', R, 1, 0}, {'s', A, 1, 1, 0, LIMIT_TCP_CLOSED_SECONDS * 1000}}, 2, FLOW_MIDSTREAM, false, false, false, false, 49152, 0, 0},
    {"packet within it", {HANDSHAKE, {'c', R, 1, 0}, {'s', A, 1, 1, 0, LIMIT_TCP_CLOSED_SECONDS * 1000 - 1}}, 1, FLOW_RESET, true, true, true, true, 49152, 0, 0},
};
// clang-format on

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct expected *e = &cases[i];
        struct script s;
        script_init(&s, 1 << 20, NULL);
        script_run(&s, e->steps);
        script_end(&s);
        const struct flow *f = &s.last;
        bool equal = s.closes == e->flows && f->state == e->state &&
                     f->opening_seen == e->opening && (f->opening.order != 0) == e->opening &&
                     f->answer_seen == e->answer && (f->answer.order != 0) == e->answer &&
                     f->direction_certain == e->certain && (f->refusal.order != 0) == e->refusal &&
                     f->anomalies == e->anomalies && f->ends[DIR_CLIENT].port == e->client_port &&
                     f->duplicates == e->duplicates;
        if (!equal) {
            fail_msg("%s: %u flows, %s opening %d answer %d certain %d refusal %d client %u "
                     "anomalies %x copies %u",
                     e->label, s.closes, flow_state_name(f->state), f->opening_seen, f->answer_seen,
                     f->direction_certain, f->refusal.order != 0, f->ends[DIR_CLIENT].port,
                     f->anomalies, f->duplicates);
        }
        assert_int_equal(flow_table_counts(s.table)->flows, e->flows);
        script_done(&s);
    }
}

static void test_counts(void **state)
{
    (void)state;
    static const struct step steps[SCRIPT_STEPS] = {
        {'c', S, 0, 0},       {'c', S, 0, 0, 0, 3000},     {'s', S | A, 0, 1, 0, 5},
        {'c', A, 1, 1, 0, 2}, {'c', A, 1, 1, "hello", 50}, {'s', A, 1, 6, "hi"}};
    struct script s;
    script_init(&s, 1 << 20, NULL);
    script_run(&s, steps);
    script_end(&s);
    const struct flow *f = &s.last;
    assert_int_equal(f->id, 1);
    assert_int_equal(f->rtt_ns, 7000000); /* from the SYN that was answered */
    assert_int_equal(f->packets[DIR_CLIENT], 4);
    assert_int_equal(f->packets[DIR_SERVER], 2);
    assert_int_equal(f->bytes[DIR_CLIENT], 4 * 54 + 5);
    assert_int_equal(f->bytes[DIR_SERVER], 2 * 54 + 2);
    assert_int_equal(f->payload[DIR_CLIENT], 5);
    assert_int_equal(f->payload[DIR_SERVER], 2);
    assert_int_equal(f->retransmissions[DIR_CLIENT], 1);
    assert_int_equal(f->first.order, 1);
    assert_int_equal(f->opening.order, 1);
    assert_int_equal(f->answer.order, 3);
    assert_int_equal(f->last.order, 6);
    assert_int_equal(flow_table_counts(s.table)->packets, 6);
    assert_true(flow_table_counts(s.table)->memory_peak > 0);
    script_done(&s);
}

static void udp(struct script *s, uint32_t from, uint16_t from_port, uint32_t to, uint16_t to_port,
                const char *payload)
{
    struct packet frame = {0};
    struct datagram d = {.source = script_address(from),
                         .destination = script_address(to),
                         .source_port = from_port,
                         .destination_port = to_port,
                         .protocol = IP_UDP,
                         .version = 4,
                         .payload = bytes_text(payload)};
    d.ip_id = (uint16_t)(100 + s->next_id++);
    /* decode() leaves what is not of this protocol as it was. */
    d.icmp.is_error = true;
    d.icmp.about_protocol = IP_TCP;
    d.tcp.flags = TCP_ACK;
    s->at.ns += 1000;
    script_add(s, &d, &frame);
}

static void test_udp(void **state)
{
    (void)state;
    struct script s;
    script_init(&s, 1 << 20, NULL);
    udp(&s, 1, 50000, 2, 53, "query");
    udp(&s, 2, 53, 1, 50000, "reply");
    udp(&s, 3, 50001, 2, 53, "lonely");
    udp(&s, 2, 53, 4, 50002, "late");
    udp(&s, 5, 123, 6, 123, "peer");
    udp(&s, 2, 53, 7, 50003, "");
    script_end(&s);
    assert_string_equal(s.said, "+ c:query s:reply + c:lonely + s:late + c:peer = = = = = ");
    assert_int_equal(s.all[0].state, FLOW_ANSWERED);
    assert_true(s.all[0].opening_seen && s.all[0].answer_seen && !s.all[0].direction_certain);
    assert_int_equal(s.all[0].answer.order, 2);
    assert_int_equal(s.all[1].state, FLOW_UNANSWERED);
    assert_false(s.all[2].opening_seen);
    assert_int_equal(s.all[2].ends[DIR_SERVER].port, 53);
    assert_true(s.all[3].opening_seen);
    assert_memory_equal(s.all[3].ends[DIR_CLIENT].address.octets, script_address(5).octets, 16);
    script_done(&s);
}

static void test_udp_copies(void **state)
{
    (void)state;
    static const struct {
        const char *label, *payload;
        uint8_t version;
        uint16_t id;
        int64_t ns;
        unsigned copies;
    } rows[] = {
        {"same id", "query", 4, 7, 1000, 1},
        {"same id, 40 ms later", "query", 4, 7, 40000000, 1},
        {"same id, 60 ms later", "query", 4, 7, 60000000, 0},
        {"same id, other octets", "quarx", 4, 7, 1000, 0},
        {"other id", "query", 4, 8, 1000, 0},
        {"no id, within 1 ms", "query", 4, 0, 500000, 1},
        {"no id, later", "query", 4, 0, 5000000, 0},
        {"IPv6, within 1 ms", "query", 6, 0, 500000, 1},
        {"IPv6, later", "query", 6, 0, 5000000, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct script s;
        script_init(&s, 1 << 20, NULL);
        struct packet frame = {0};
        struct datagram d = {.source = script_address(1),
                             .destination = script_address(2),
                             .source_port = 50000,
                             .destination_port = 53,
                             .protocol = IP_UDP,
                             .ttl = 64};
        d.version = rows[i].version;
        d.payload = bytes_text("query");
        d.ip_id = rows[i].id == 0 ? 0 : 7;
        script_add(&s, &d, &frame);
        d.ip_id = rows[i].id;
        d.ttl--; /* the copy passed a router, and a trunk */
        d.icmp.type = d.tcp.flags = (uint8_t)i;
        d.tunnels[d.tunnel_count++] = (struct tunnel){TUNNEL_VLAN, 20};
        d.has_mac = true;
        d.payload = bytes_text(rows[i].payload);
        s.at.ns += rows[i].ns;
        script_add(&s, &d, &frame);
        script_end(&s);
        if (s.last.duplicates != rows[i].copies || s.last.packets[DIR_CLIENT] != 2) {
            fail_msg("%s: %u copies of %llu", rows[i].label, s.last.duplicates,
                     (unsigned long long)s.last.packets[DIR_CLIENT]);
        }
        assert_int_equal(flow_table_counts(s.table)->duplicates, rows[i].copies);
        script_done(&s);
    }
}

static void test_reverse(void **state)
{
    (void)state;
    struct script s;
    script_init(&s, 1 << 20, NULL);
    struct flow f = {.opening_seen = true,
                     .opening = {.order = 5},
                     .packets = {1, 2},
                     .bytes = {3, 4},
                     .payload = {5, 6},
                     .missing = {7, 8},
                     .retransmissions = {9, 10},
                     .ends = {{.port = 1}, {.port = 2}}};
    flow_reverse(&f);
    assert_int_equal(f.ends[DIR_CLIENT].port, 2);
    assert_int_equal(
        f.packets[0] * 10000 + f.bytes[0] * 1000 + f.payload[0] * 100 + f.missing[0] * 10, 24680);
    assert_int_equal(f.retransmissions[1], 9);
    assert_true(!f.opening_seen && f.opening.order == 0 && f.answer_seen && f.answer.order == 5);
    flow_reverse(&f);
    assert_true(f.opening_seen && f.opening.order == 5 && !f.answer_seen && f.answer.order == 0);
    script_done(&s);
}

static void *reverse_open(void *user, struct flow *flow, void *room)
{
    flow_reverse(flow);
    return script_open(user, flow, room);
}

/* Exchanging the ends in the middle of it disturbs neither the order nor the counts. */
static void test_reverse_inside(void **state)
{
    (void)state;
    static const struct step steps[SCRIPT_STEPS] = {{'c', A, 1, 1, "ab"},
                                                    {'c', A, 5, 1, "ef"},
                                                    {'s', A, 1, 1, "xy", 0, 0, 3},
                                                    {'c', A, 3, 1, "cd"},
                                                    {'c', A, 1, 1, "ab", 300}};
    struct script s;
    script_init(&s, 1 << 20, NULL);
    script_done(&s);
    struct stream_sink sink = {.user = &s,
                               .open = reverse_open,
                               .data = script_data,
                               .gap = script_gap,
                               .close = script_close};
    s.table = flow_table_new(1 << 20, &sink);
    script_run(&s, steps);
    script_end(&s);
    assert_string_equal(s.said, "+ s:ab c:xy c-3 s:cd s:ef = ");
    assert_int_equal(s.last.ends[DIR_CLIENT].port, 443);
    assert_int_equal(s.last.payload[DIR_SERVER], 6);
    assert_int_equal(s.last.payload[DIR_CLIENT], 2);
    assert_int_equal(s.last.missing[DIR_CLIENT], 3);
    assert_int_equal(s.last.packets[DIR_SERVER], 4);
    assert_int_equal(s.last.retransmissions[DIR_SERVER], 1);
    script_done(&s);
}

static struct datagram icmp_error(const struct step *about, struct script *s, uint8_t type,
                                  uint8_t code)
{
    struct datagram quoted = script_datagram(s, about);
    struct datagram d = {.source = script_address(254),
                         .destination = quoted.source,
                         .protocol = IP_ICMP,
                         .version = 4};
    d.icmp.type = type;
    d.icmp.code = code;
    d.icmp.is_error = true;
    d.icmp.about_source = quoted.source;
    d.icmp.about_destination = quoted.destination;
    d.icmp.about_source_port = quoted.source_port;
    d.icmp.about_destination_port = quoted.destination_port;
    d.icmp.about_protocol = IP_TCP;
    return d;
}

static void test_icmp(void **state)
{
    (void)state;
    static const struct step syn = {'c', S, 0, 0};
    struct script s;
    script_init(&s, 1 << 20, NULL);
    struct packet frame = {0};
    script_step(&s, &syn);
    struct datagram mtu = icmp_error(&syn, &s, 3, 4), first = icmp_error(&syn, &s, 3, 13),
                    second = icmp_error(&syn, &s, 3, 1), short_quote = first;
    short_quote.icmp.about_protocol = 0;
    script_add(&s, &mtu, &frame);
    script_add(&s, &short_quote, &frame);
    static const struct step accepted = {'s', S | A, 0, 1};
    struct datagram of_answer = icmp_error(&accepted, &s, 3, 3);
    script_add(&s, &of_answer, &frame);
    script_add(&s, &first, &frame);
    script_add(&s, &second, &frame);
    struct datagram of_syn = script_datagram(&s, &syn);
    assert_int_equal(script_shard(&s, &first), script_shard(&s, &of_syn));
    script_end(&s);
    assert_int_equal(s.closes, 1);
    assert_int_equal(s.last.state, FLOW_UNANSWERED);
    assert_int_equal(s.last.packets[DIR_CLIENT], 1);
    assert_true(s.last.blocked);
    assert_int_equal(s.last.icmp_type * 256 + s.last.icmp_code, 3 * 256 + 13);
    assert_int_equal(s.last.blocked_at.order, 5);
    assert_memory_equal(s.last.blocked_by.octets, script_address(254).octets, 16);
    script_done(&s);
}

static void test_echo(void **state)
{
    (void)state;
    for (uint8_t type = 8, i = 0; i < 2; type = 0, i++) {
        struct script s;
        script_init(&s, 1 << 20, NULL);
        struct packet frame = {0};
        struct datagram d = {.protocol = IP_ICMP, .version = 4, .payload = bytes_text("abc")};
        d.source = script_address(type == 8 ? 1 : 2);
        d.destination = script_address(type == 8 ? 2 : 1);
        d.icmp.type = type;
        script_add(&s, &d, &frame);
        script_end(&s);
        assert_string_equal(s.said, "= ");
        assert_memory_equal(s.last.ends[DIR_CLIENT].address.octets, script_address(1).octets, 16);
        assert_int_equal(s.last.opening_seen, type == 8);
        script_done(&s);
    }
}

static void test_keys(void **state)
{
    (void)state;
    static const struct {
        const char *label;
        struct flow_options options;
        struct tunnel first, second;
        unsigned flows;
    } rows[] = {
        {"VLANs, not told apart", {false, false}, {TUNNEL_VLAN, 10}, {TUNNEL_VLAN, 20}, 1},
        {"VLANs, told apart", {true, false}, {TUNNEL_VLAN, 10}, {TUNNEL_VLAN, 20}, 2},
        {"one VLAN", {true, false}, {TUNNEL_VLAN, 10}, {TUNNEL_VLAN, 10}, 1},
        {"VXLANs, not told apart", {true, false}, {TUNNEL_VXLAN, 10}, {TUNNEL_VXLAN, 20}, 1},
        {"VXLANs, told apart", {false, true}, {TUNNEL_VXLAN, 10}, {TUNNEL_VXLAN, 20}, 2},
        {"VLANs, where only tunnels are told apart",
         {false, true},
         {TUNNEL_VLAN, 10},
         {TUNNEL_VLAN, 20},
         1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct script s;
        script_init(&s, 1 << 20, &rows[i].options);
        struct packet frame = {0};
        uint32_t shards[2];
        for (unsigned k = 0; k < 2; k++) {
            struct datagram d =
                script_datagram(&s, &(struct step){k == 0 ? 'c' : 's', A, 1, 1, "x"});
            d.tunnel_count = 1;
            d.tunnels[0] = k == 0 ? rows[i].first : rows[i].second;
            shards[k] = script_shard(&s, &d);
            script_add(&s, &d, &frame);
        }
        script_end(&s);
        if (s.closes != rows[i].flows || (rows[i].flows == 1 && shards[0] != shards[1])) {
            fail_msg("%s: %u flows, shards %u and %u", rows[i].label, s.closes, shards[0],
                     shards[1]);
        }
        assert_int_equal(s.last.tunnel_count, 1);
        assert_int_equal(s.last.has_vlan, rows[i].first.kind == TUNNEL_VLAN);
        script_done(&s);
    }
}

static void test_tunnels_and_macs(void **state)
{
    (void)state;
    struct script s;
    script_init(&s, 1 << 20, NULL);
    struct packet frame = {0};
    static const uint8_t macs[] = {1, 1, 2};
    for (unsigned i = 0; i < 3; i++) {
        struct datagram d = script_datagram(&s, &(struct step){'c', S, 0, 0});
        d.has_mac = true;
        d.source_mac[5] = macs[i];
        d.tunnel_count = 2;
        d.tunnels[0] = (struct tunnel){TUNNEL_VLAN, 7};
        d.tunnels[1] = (struct tunnel){TUNNEL_GRE, 9};
        script_add(&s, &d, &frame);
        struct datagram answer = script_datagram(&s, &(struct step){'s', S | A, 0, 1});
        script_add(&s, &answer, &frame);
    }
    flow_table_close(s.table, &s.at);
    assert_int_equal(s.last.tunnel_count, 2);
    assert_non_null(s.last.tunnels); /* freed by now: only that it was there */
    assert_true(s.last.has_vlan);
    assert_int_equal(s.last.vlan, 7);
    assert_true(s.last.ends[DIR_CLIENT].has_mac && !s.last.ends[DIR_SERVER].has_mac);
    assert_int_equal(s.last.ends[DIR_CLIENT].mac[5], 1);
    assert_int_equal(s.last.anomalies, ANOMALY_MAC_CHANGED);
    script_done(&s);
}

static void syn_from(struct script *s, uint32_t host, uint16_t port)
{
    struct packet frame = {0};
    struct datagram d = script_datagram(s, &(struct step){'c', S, 0, 0});
    d.source = script_address(host);
    d.source_port = port;
    script_add(s, &d, &frame);
}

/* Half-open flows go first, the idlest of them before the others; then the idlest of all. */
static void test_eviction(void **state)
{
    (void)state;
    struct script s;
    script_init(&s, 64 << 10, NULL);
    static const struct step live[SCRIPT_STEPS] = {HANDSHAKE, {'c', A, 1, 1, "ab"}};
    script_run(&s, live); /* the oldest, but established */
    s.at.ns += 1000000000;
    unsigned n = 0;
    for (; flow_table_counts(s.table)->evicted_half_open == 0; n++) {
        syn_from(&s, 1000 + n, 40000);
        s.at.ns += 200000000;
        if (n == 3) {
            syn_from(&s, 1000, 40000); /* the first is not the idlest any more */
        }
        assert_true(n < 5000);
        assert_true(flow_table_pool(s.table)->used <= 64 << 10);
    }
    assert_memory_equal(s.all[0].ends[DIR_CLIENT].address.octets, script_address(1001).octets, 16);
    assert_true(s.all[0].evicted);
    assert_int_equal(flow_table_counts(s.table)->evicted, 0);
    /* Established flows take the room of all the half-open ones, then that of the idlest
     * established one. */
    for (unsigned i = 0; flow_table_counts(s.table)->evicted == 0; i++) {
        udp(&s, 2000 + i, 50000, 2, 53, "query");
        s.at.ns += 200000000;
        assert_true(i < 5000);
        assert_true(flow_table_pool(s.table)->used <= 64 << 10);
    }
    assert_int_equal(s.last.state, FLOW_ESTABLISHED);
    assert_true(s.last.evicted);
    assert_int_equal(flow_table_counts(s.table)->evicted_half_open, n);
    script_end(&s);
    assert_false(s.last.evicted);
    assert_int_equal(s.closes, flow_table_counts(s.table)->flows);
    script_done(&s);
}

static void test_flood(void **state)
{
    (void)state;
    enum { SYNS = 300000, MEMORY = 2 << 20 };
    struct script s;
    script_init(&s, MEMORY, NULL);
    for (uint32_t i = 0; i < SYNS; i++) {
        s.at.ns += 1000;
        syn_from(&s, i, (uint16_t)(1024 + i % 60000));
        assert_true(flow_table_pool(s.table)->used <= MEMORY);
    }
    const struct flow_counts *counts = flow_table_counts(s.table);
    uint64_t shed = counts->evicted_half_open;
    assert_int_equal(counts->flows, SYNS);
    assert_int_equal(s.closes, shed);
    assert_true(SYNS - shed > MEMORY / 600); /* what is kept is worth the memory */
    script_end(&s);
    assert_int_equal(s.closes, SYNS);
    assert_true(counts->memory_peak <= MEMORY);
    script_done(&s);
}

/* Room that others have taken is made for new flows; where none can be made, the flow is shed and
 * counted. */
static void test_no_room(void **state)
{
    (void)state;
    struct script s;
    script_init(&s, 256 << 10, NULL);
    struct arena_pool *pool = flow_table_pool(s.table);
    syn_from(&s, 1, 40000);
    syn_from(&s, 3, 40000);
    size_t rest = pool->limit - pool->used;
    assert_true(arena_pool_charge(pool, rest));
    syn_from(&s, 4, 40000);
    assert_int_equal(flow_table_counts(s.table)->evicted_half_open, 2);
    assert_int_equal(s.closes, 2);
    arena_pool_refund(pool, rest);
    script_end(&s);
    script_done(&s);
}

/* A flow that needs more room sheds others for it, not itself, be it the idlest. */
static void test_promotion_keeps_itself(void **state)
{
    (void)state;
    struct script s;
    script_init(&s, 256 << 10, NULL);
    struct arena_pool *pool = flow_table_pool(s.table);
    script_step(&s, &(struct step){'c', S, 0, 0});
    for (uint32_t i = 0; i < 20; i++) {
        s.at.ns += 200000000;
        syn_from(&s, 1000 + i, 40000);
    }
    size_t rest = pool->limit - pool->used;
    assert_true(arena_pool_charge(pool, rest));
    script_step(&s, &(struct step){'s', S | A, 0, 1});
    arena_pool_refund(pool, rest);
    assert_in_range(s.closes, 1, 19);
    assert_int_not_equal(s.all[0].id, 1);
    script_end(&s);
    assert_int_equal(flow_table_counts(s.table)->flows, 21);
    script_done(&s);
}

/* What is left is still found after others went from between. */
static void test_found_after_removal(void **state)
{
    (void)state;
    enum { HOSTS = 4000 };
    struct script s;
    script_init(&s, 4 << 20, NULL);
    for (uint32_t i = 0; i < HOSTS; i++) {
        syn_from(&s, i, 40000);
    }
    for (unsigned round = 1; round < 8; round++) {
        s.at.ns += round == 1 ? 35000000000 : 25000000000;
        for (uint32_t i = 0; i < HOSTS; i += 1u << round) {
            syn_from(&s, i, 40000); /* with the same number: not a new flow */
        }
        s.at.ns += 30000000000;
        flow_table_tick(s.table, &s.at);
        assert_int_equal(flow_table_counts(s.table)->flows, HOSTS);
        assert_int_equal(s.closes, HOSTS - (HOSTS + (1u << round) - 1) / (1u << round));
    }
    script_end(&s);
    assert_int_equal(s.closes, HOSTS);
    script_done(&s);
}

static void test_tick(void **state)
{
    (void)state;
    static const struct {
        const char *label;
        struct step steps[SCRIPT_STEPS];
        unsigned seconds;
    } rows[] = {
        {"half-open", {{'c', S, 0, 0}}, LIMIT_TCP_HALF_OPEN_SECONDS},
        {"closed", {HANDSHAKE, {'c', F | A, 1, 1}, {'s', F | A, 1, 2}}, LIMIT_TCP_CLOSED_SECONDS},
        {"reset", {HANDSHAKE, {'c', R, 1, 0}}, LIMIT_TCP_CLOSED_SECONDS},
        {"refused", {{'c', S, 0, 0}, {'s', R | A, 0, 1}}, LIMIT_TCP_CLOSED_SECONDS},
        {"established", {HANDSHAKE}, LIMIT_TCP_IDLE_SECONDS},
        {"mid-stream", {{'c', A, 1, 1, "ab"}}, LIMIT_TCP_IDLE_SECONDS},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct script s;
        script_init(&s, 1 << 20, NULL);
        script_run(&s, rows[i].steps);
        s.at.ns += (int64_t)rows[i].seconds * 1000000000 - 1;
        flow_table_tick(s.table, &s.at);
        unsigned before = s.closes;
        s.at.ns += 1;
        flow_table_tick(s.table, &s.at);
        if (before != 0 || s.closes != 1) {
            fail_msg("%s: %u closed before, %u after", rows[i].label, before, s.closes);
        }
        script_done(&s);
    }
}

static void test_tick_order(void **state)
{
    (void)state;
    struct script s;
    script_init(&s, 1 << 20, NULL);
    syn_from(&s, 3, 40000);        /* 1: at 60 s, but touched */
    udp(&s, 1, 50000, 2, 53, "a"); /* 2: dies at 15 s */
    syn_from(&s, 4, 40000);        /* 3: dies at 60 s */
    udp(&s, 5, 50000, 2, 53, "b"); /* 4: touched, lives */
    s.at.ns += 12000000000;
    udp(&s, 5, 50000, 2, 53, "b");
    s.at.ns += 5000000000;
    flow_table_tick(s.table, &s.at);
    assert_int_equal(s.closes, 1);
    assert_int_equal(s.all[0].id, 2);
    syn_from(&s, 3, 40000);
    for (unsigned i = 0; i < 4; i++) {
        udp(&s, 5, 50000, 2, 53, "b");
        s.at.ns += 12000000000;
    }
    flow_table_tick(s.table, &s.at);
    assert_int_equal(s.closes, 2);
    assert_int_equal(s.all[1].id, 3);
    s.at.ns += 60000000000;
    flow_table_tick(s.table, &s.at);
    assert_int_equal(s.closes, 4);
    assert_int_equal(s.all[2].id, 1);
    assert_int_equal(s.all[3].id, 4);
    script_end(&s);
    script_done(&s);
}

/* Each table draws its own secret; nothing that comes out may depend on it. */
static void test_secret_is_silent(void **state)
{
    (void)state;
    static struct script runs[2];
    uint64_t sums[2] = {0}, peaks[2];
    for (unsigned run = 0; run < 2; run++) {
        struct script *s = &runs[run];
        script_init(s, 128 << 10, NULL);
        for (uint32_t i = 0; i < 3000; i++) {
            s->at.ns += 7000000;
            syn_from(s, i * 7919 % 700, (uint16_t)(1024 + i % 3));
            udp(s, i * 31 % 200, 50000, 2, 53, "query");
            if (i % 100 == 0) {
                flow_table_tick(s->table, &s->at);
            }
            sums[run] = sums[run] * 31 + s->closes * s->last.id + flow_table_pool(s->table)->used;
        }
        script_end(s);
        peaks[run] = flow_table_counts(s->table)->memory_peak;
        assert_true(flow_table_counts(s->table)->evicted_half_open > 0);
        script_done(s);
    }
    assert_int_equal(sums[0], sums[1]);
    assert_int_equal(peaks[0], peaks[1]);
    assert_int_equal(runs[0].closes, runs[1].closes);
}

static void test_shards(void **state)
{
    (void)state;
    unsigned of_shard[LIMIT_SHARDS] = {0};
    struct script s = {0}; /* neither options nor a secret: a shard depends on the key alone */
    for (uint32_t i = 0; i < 16000; i++) {
        struct datagram d = {.protocol = IP_TCP,
                             .source = script_address(i),
                             .destination = script_address(2),
                             .source_port = (uint16_t)i,
                             .destination_port = 443};
        struct datagram back = {.protocol = IP_TCP,
                                .source = d.destination,
                                .destination = d.source,
                                .source_port = 443,
                                .destination_port = (uint16_t)i};
        uint8_t shard = script_shard(&s, &d);
        assert_true(shard < LIMIT_SHARDS);
        assert_int_equal(shard, script_shard(&s, &back));
        of_shard[shard]++;
    }
    for (unsigned i = 0; i < LIMIT_SHARDS; i++) {
        assert_in_range(of_shard[i], 800, 1200);
    }
}

static void test_names(void **state)
{
    (void)state;
    char text[8];
    assert_string_equal(flow_protocol_name(IP_TCP, text), "tcp");
    assert_string_equal(flow_protocol_name(IP_ICMPV6, text), "icmpv6");
    assert_string_equal(flow_protocol_name(253, text), "253");
    assert_string_equal(flow_state_name(FLOW_MIDSTREAM), "midstream");
    assert_string_equal(flow_anomaly_name(ANOMALY_TCP_OVERLAP), "tcp.overlap");
    assert_string_equal(tunnel_kind_name(TUNNEL_PPPOE), "pppoe");
    assert_null(flow_table_free(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_udp),
        cmocka_unit_test(test_udp_copies),
        cmocka_unit_test(test_reverse),
        cmocka_unit_test(test_reverse_inside),
        cmocka_unit_test(test_icmp),
        cmocka_unit_test(test_echo),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_tunnels_and_macs),
        cmocka_unit_test(test_eviction),
        cmocka_unit_test(test_flood),
        cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_promotion_keeps_itself),
        cmocka_unit_test(test_found_after_removal),
        cmocka_unit_test(test_tick),
        cmocka_unit_test(test_tick_order),
        cmocka_unit_test(test_secret_is_silent),
        cmocka_unit_test(test_shards),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
