/*
 * test_flow_record.c - what is known of a conversation when it ends stands in its record.
 */
#include "dissect/conversation.h"
#include "tests/test.h"

#include <stdlib.h>

struct stage {
    struct arena_pool pool;
    struct engine *engine;
    struct stream_sink sink;
    struct observation *got; /* the flow record */
};

static void keep(void *user, struct observation *o)
{
    struct stage *s = user;
    if (o->record == RECORD_FLOW) {
        assert_null(s->got);
        s->got = o;
    } else {
        observation_release(engine_pool(s->engine), o);
    }
}

static void stage_begin(struct stage *s, struct engine_options options)
{
    const struct observer observer = {.user = s, .observe = keep};
    *s = (struct stage){0};
    options.no_ndpi = true;
    s->engine = engine_new(&options, &observer);
    assert_non_null(s->engine);
    arena_pool_init(&s->pool, 0);
    engine_attach(s->engine, 0, &s->pool);
    s->sink = engine_sink(s->engine, 0);
}

static void stage_end(struct stage *s)
{
    if (s->got != NULL) {
        observation_release(engine_pool(s->engine), s->got);
    }
    (void)engine_free(s->engine);
    assert_int_equal(s->pool.used, 0);
    arena_pool_done(&s->pool);
}

static struct stamp stamp_of(uint64_t packet)
{
    return (struct stamp){.packet = packet,
                          .order = packet,
                          .ns = 1700000000000000000 + (int64_t)packet * 1000,
                          .precision = 6};
}

static struct flow flow_of(uint8_t protocol, uint16_t port)
{
    static const uint8_t client[] = {192, 0, 2, 1}, server[] = {192, 0, 2, 2};
    struct flow f = {.id = 1,
                     .protocol = protocol,
                     .state = FLOW_ESTABLISHED,
                     .first = stamp_of(1),
                     .last = stamp_of(9),
                     .packets = {5, 4},
                     .bytes = {500, 400}};
    f.ends[DIR_CLIENT].address = address_v4(client);
    f.ends[DIR_SERVER].address = address_v4(server);
    f.ends[DIR_CLIENT].port = 50000;
    f.ends[DIR_SERVER].port = port;
    return f;
}

/* Opens, gives the client's octets, closes; of silence capture only tells the end. */
static void converse(struct stage *s, struct flow *f, const char *octets)
{
    struct stamp at = stamp_of(4), end = stamp_of(10);
    void *room = calloc(1, s->sink.ctx_size);
    assert_non_null(room);
    void *ctx = octets == NULL ? NULL : s->sink.open(s->sink.user, f, room);
    if (ctx != NULL) {
        (void)s->sink.data(s->sink.user, ctx, DIR_CLIENT, bytes_of(octets, strlen(octets)), &at);
    }
    s->sink.close(s->sink.user, ctx, f, &end);
    free(room);
}

static const char *said(const struct stage *s, enum fact_id id)
{
    const char *text = observation_text(s->got, id);
    return text == NULL ? "" : text;
}

static uint64_t number(const struct stage *s, enum fact_id id)
{
    return observation_number(s->got, id, UINT64_MAX);
}

static void test_everything_there_is(void **state)
{
    (void)state;
    static const struct tunnel tunnels[] = {{TUNNEL_VLAN, 20}, {TUNNEL_GRE, 0}, {TUNNEL_VXLAN, 5}};
    static const uint8_t router[] = {192, 0, 2, 254};
    struct stage s;
    stage_begin(&s, (struct engine_options){.records = UINT32_MAX});
    struct flow f = flow_of(IP_TCP, 445);
    f.opening_seen = f.direction_certain = f.evicted = f.blocked = true;
    f.opening = stamp_of(1);
    f.answer = stamp_of(2);
    f.refusal = stamp_of(8);
    f.state = FLOW_RESET;
    f.rtt_ns = 142000;
    f.tunnels = tunnels;
    f.tunnel_count = COUNT_OF(tunnels);
    f.anomalies = ANOMALY_TCP_OVERLAP | ANOMALY_MAC_CHANGED;
    f.missing[DIR_SERVER] = 77;
    f.retransmissions[DIR_CLIENT] = 3;
    f.retransmissions[DIR_SERVER] = 4;
    f.duplicates = 2;
    f.blocked_by = address_v4(router);
    f.icmp_code = 13;
    f.blocked_at = stamp_of(7);
    converse(&s, &f, NULL);
    assert_non_null(s.got);
    static const struct {
        enum fact_id id;
        uint64_t number;
    } numbers[] = {
        {FACT_FLOW_PACKETS_CLIENT, 5},
        {FACT_FLOW_PACKETS_SERVER, 4},
        {FACT_FLOW_BYTES_CLIENT, 500},
        {FACT_FLOW_BYTES_SERVER, 400},
        {FACT_FLOW_RTT_US, 142},
        {FACT_FLOW_RETRANSMISSIONS_CLIENT, 3},
        {FACT_FLOW_RETRANSMISSIONS_SERVER, 4},
        {FACT_FLOW_DUPLICATES, 2},
        {FACT_FLOW_MISSING_SERVER, 77},
        {FACT_FLOW_MISSING_CLIENT, UINT64_MAX},
        {FACT_FLOW_ICMP_CODE, 13},
        {FACT_FLOW_EVICTED, 1},
        {FACT_FLOW_OPENING_SEEN, 1},
        {FACT_FLOW_START, 1700000000000001000},
        {FACT_FLOW_END, 1700000000000009000},
    };
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        print_message("%s\n", fact_rows[numbers[i].id].key);
        assert_int_equal(number(&s, numbers[i].id), numbers[i].number);
    }
    static const struct {
        enum fact_id id;
        const char *text;
    } texts[] = {
        {FACT_FLOW_TRANSPORT, "tcp"},     {FACT_FLOW_STATE, "reset"},
        {FACT_FLOW_DIRECTION, "certain"}, {FACT_FLOW_BLOCKED_BY, "192.0.2.254"},
        {FACT_FLOW_TUNNEL, "vlan:20"},    {FACT_FLOW_ANOMALIES, "tcp.overlap"},
        {FACT_FLOW_PROTOCOL, "smb"},      {FACT_FLOW_IDENTIFIED_BY, "port"},
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        print_message("%s\n", fact_rows[texts[i].id].key);
        assert_string_equal(said(&s, texts[i].id), texts[i].text);
    }
    static const struct {
        enum fact_id id;
        uint64_t packet;
    } packets[] = {
        {FACT_FLOW_FIRST_PACKET, 1},  {FACT_FLOW_LAST_PACKET, 9},    {FACT_FLOW_OPENING_PACKET, 1},
        {FACT_FLOW_ANSWER_PACKET, 2}, {FACT_FLOW_REFUSAL_PACKET, 8}, {FACT_FLOW_BLOCKED_PACKET, 7},
    };
    for (size_t i = 0; i < COUNT_OF(packets); i++) {
        print_message("%s\n", fact_rows[packets[i].id].key);
        assert_int_equal(observation_packet(s.got, packets[i].id).packet, packets[i].packet);
    }
    const struct fact *tunnel = observation_get(s.got, FACT_FLOW_TUNNEL);
    tunnel = observation_more(s.got, FACT_FLOW_TUNNEL, tunnel);
    assert_string_equal(fact_text(s.got, tunnel), "gre");
    tunnel = observation_more(s.got, FACT_FLOW_TUNNEL, tunnel);
    assert_string_equal(fact_text(s.got, tunnel), "vxlan:5");
    stage_end(&s);
}

static void test_who_named_it(void **state)
{
    (void)state;
    static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    static const char noise[] = "\x01\x02\x03 this is nothing that anybody would know\r\n";
    static const struct {
        const char *label, *octets;
        uint8_t protocol;
        uint16_t port;
        bool opening;
        const char *name, *by;
    } cases[] = {
        {"content", request, IP_TCP, 40123, true, "http", "content"},
        {"the port, of silence", NULL, IP_TCP, 80, true, "http", "port"},
        {"the port, of noise without a beginning", noise, IP_TCP, 80, false, "http", "port"},
        {"not the port, of a beginning that is noise", noise, IP_TCP, 80, true, "unknown", ""},
        {"nobody", NULL, IP_TCP, 40123, true, "unknown", ""},
        {"nobody, where there are no ports", NULL, IP_ICMP, 0, true, "unknown", ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("%s\n", cases[i].label);
        struct stage s;
        stage_begin(&s, (struct engine_options){.records = UINT32_MAX});
        struct flow f = flow_of(cases[i].protocol, cases[i].port);
        f.opening_seen = f.direction_certain = cases[i].opening;
        converse(&s, &f, cases[i].octets);
        assert_non_null(s.got);
        assert_string_equal(said(&s, FACT_FLOW_PROTOCOL), cases[i].name);
        assert_string_equal(said(&s, FACT_FLOW_IDENTIFIED_BY), cases[i].by);
        stage_end(&s);
    }
}

static void test_only_what_is_asked_for(void **state)
{
    (void)state;
    struct stage s;
    struct flow f = flow_of(IP_TCP, 445);
    stage_begin(&s, (struct engine_options){.records = 1u << RECORD_TLS});
    converse(&s, &f, NULL);
    assert_null(s.got);
    stage_end(&s);
    stage_begin(&s, (struct engine_options){.records = UINT32_MAX, .brief = true});
    converse(&s, &f, NULL);
    assert_non_null(s.got);
    assert_int_equal(number(&s, FACT_FLOW_BYTES_SERVER), UINT64_MAX);
    assert_int_equal(number(&s, FACT_FLOW_PACKETS_CLIENT), 5);
    assert_string_equal(said(&s, FACT_FLOW_STATE), "established");
    stage_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_there_is),
        cmocka_unit_test(test_who_named_it),
        cmocka_unit_test(test_only_what_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
