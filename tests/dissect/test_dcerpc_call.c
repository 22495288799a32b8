/*
 * What DCERPC says beside logons: results of binds, the operations that are called, faults, the
 * endpoint mapper's answers, and connectionless calls.
 */
#include "tests/dissect/test_dcerpc_messages.h"

#include "dissect/endpoints.h"
#include "dissect/engine.h"

/* e1af8308-5d1f-11c9-91a4-08002b14a0fa */
static const uint8_t MAPPER[16] = {0x08, 0x83, 0xaf, 0xe1, 0x1f, 0x5d, 0xc9, 0x11,
                                   0x91, 0xa4, 0x08, 0x00, 0x2b, 0x14, 0xa0, 0xfa};

/* With a call id of its own, and flags. */
static struct built numbered(struct built fragment, unsigned flags, unsigned id)
{
    fragment.at[3] = (uint8_t)flags;
    fragment.at[12] = (uint8_t)id;
    return fragment;
}

static void call(struct talk *t, unsigned id, unsigned context, unsigned number)
{
    say(t, DIR_CLIENT, numbered(pdu(REQUEST, call_body(context, number, zeros(16)), NULL), 3, id));
}

static void reply(struct talk *t, unsigned id)
{
    say(t, DIR_SERVER, numbered(pdu(RESPONSE, zeros(8 + 16), NULL), 3, id));
}

static struct built three_contexts(void)
{
    struct built b = bind_head(3);
    put_context(&b, 0, SVCCTL, 1);
    put_context(&b, 1, OTHER, 1);
    put_context(&b, 2, SVCCTL, 1);
    return b;
}

/* One context of an interface refused, the other accepted; the third is negotiation's. */
static void results(struct talk *t)
{
    static const uint16_t answers[] = {0x0202, 0x0102, 0};
    say(t, DIR_CLIENT, pdu(BIND, three_contexts(), NULL));
    say(t, DIR_SERVER, pdu(BIND_ACK, ack_body(3, answers), NULL));
    call(t, 2, 2, 7);
}

static void fewer_results(struct talk *t)
{
    static const uint16_t answers[] = {0x0902};
    say(t, DIR_CLIENT, pdu(BIND, three_contexts(), NULL));
    say(t, DIR_SERVER, pdu(BIND_ACK, ack_body(1, answers), NULL));
}

static void refusal(struct talk *t)
{
    struct built reason = zeros(2);
    reason.at[0] = 8;
    say(t, DIR_CLIENT, pdu(BIND, bind_body(), NULL));
    say(t, DIR_SERVER, pdu(BIND_NAK, reason, NULL));
    reason.at[0] = 77;
    say(t, DIR_CLIENT, pdu(BIND, bind_body(), NULL));
    say(t, DIR_SERVER, pdu(BIND_NAK, reason, NULL));
}

/* Each operation once; fragments behind the first, and contexts that are not bound, say nothing. */
static void calls(struct talk *t)
{
    struct built denied = zeros(8);
    put_le(&denied, 0x1c010003, 4);
    say(t, DIR_CLIENT, pdu(BIND, bind_body(), NULL));
    call(t, 2, 0, 15);
    reply(t, 2);
    call(t, 3, 0, 15);
    reply(t, 3);
    say(t, DIR_CLIENT, numbered(pdu(REQUEST, call_body(0, 20, zeros(8)), NULL), 1, 4));
    say(t, DIR_CLIENT, numbered(pdu(REQUEST, call_body(0, 21, zeros(8)), NULL), 2, 4));
    say(t, DIR_SERVER, numbered(pdu(FAULT, denied, NULL), 3, 4));
    call(t, 5, 9, 22);
    call(t, 6, 0, 23);
    call(t, 7, 0, 24);
    reply(t, 7);
}

static void denied_with_a_number(struct talk *t)
{
    struct built body = zeros(8);
    put_le(&body, 0xee000001, 4);
    say(t, DIR_CLIENT, pdu(BIND, bind_body(), NULL));
    call(t, 2, 0, 15);
    say(t, DIR_SERVER, numbered(pdu(FAULT, body, NULL), 3, 2));
}

/* At the level of connections no verifier comes with a call. */
static void protected_connection(struct talk *t)
{
    struct verifier v = {.type = NETLOGON, .level = CONNECT, .token = zeros(8)};
    say_pdu(t, DIR_CLIENT, BIND, bind_body(), v);
    call(t, 2, 0, 1);
}

static void many_calls(struct talk *t)
{
    say(t, DIR_CLIENT, pdu(BIND, bind_body(), NULL));
    for (unsigned i = 0; i < 70; i++) {
        call(t, i + 2, 0, i);
    }
}

/* ---- the remote registry ---- */

static const uint8_t WINREG[16] = {0x01, 0xd0, 0x8c, 0x33, 0x44, 0x22, 0xf1, 0x31,
                                   0xaa, 0xaa, 0x90, 0x00, 0x38, 0x00, 0x10, 0x03};

/* [MS-RRP] 3.1.5.15, with a length that may be wrong. */
static struct built open_key(const char *key, unsigned more)
{
    size_t len = strlen(key) + 1;
    struct built b = zeros(20);
    put_le(&b, 2 * len + more, 2);
    put_le(&b, 2 * len, 2);
    put_le(&b, 0x20000, 4);
    put_le(&b, len, 4);
    put_le(&b, 0, 4);
    put_le(&b, len, 4);
    for (size_t i = 0; i < len; i++) {
        put_le(&b, (uint8_t)key[i], 2);
    }
    put_le(&b, 0, 8);
    return b;
}

static void say_key(struct talk *t, unsigned id, const char *key, unsigned more)
{
    say(t, DIR_CLIENT, numbered(pdu(REQUEST, call_body(0, 15, open_key(key, more)), NULL), 3, id));
}

/* The first key, and the first of the product's, once. */
static void keys(struct talk *t)
{
    struct built b = bind_head(1);
    put_context(&b, 0, WINREG, 1);
    say(t, DIR_CLIENT, pdu(BIND, b, NULL));
    say_key(t, 2, "SYSTEM", 0);
    say_key(t, 3, "SYSTEM\\x", 0);
    say_key(t, 4, "Software\\Microsoft\\SMS\\DP", 0);
    say_key(t, 5, "SOFTWARE\\Microsoft\\CCM", 0);
}

static void no_keys(struct talk *t)
{
    struct built b = bind_head(1);
    put_context(&b, 0, WINREG, 1);
    say(t, DIR_CLIENT, pdu(BIND, b, NULL));
    say_key(t, 2, "SOFTWARE\\Microsoft\\SMS", 2);
}

static void sealed_key(struct talk *t)
{
    struct verifier v = {.type = NTLM, .level = PRIVACY, .token = zeros(16)};
    struct built b = bind_head(1);
    put_context(&b, 0, WINREG, 1);
    say_pdu(t, DIR_CLIENT, BIND, b, v);
    say_pdu(t, DIR_CLIENT, REQUEST, call_body(0, 15, open_key("SOFTWARE\\Microsoft\\SMS", 0)), v);
}

/* ---- the endpoint mapper ---- */

static void put_floor(struct built *b, const void *left, size_t left_len, const void *right,
                      size_t right_len)
{
    put_le(b, left_len, 2);
    put(b, left, left_len);
    put_le(b, right_len, 2);
    put(b, right, right_len);
}

/* C706 appendix L: svcctl, NDR, the protocol, and where it is. */
static struct built tower(unsigned protocol, const void *value, size_t len, const char *address)
{
    struct built b = {.len = 0}, interface = {.len = 0}, syntax = {.len = 0};
    const uint8_t id = (uint8_t)protocol;
    put_le(&b, address == NULL ? 4 : 5, 2);
    put_le(&interface, 0x0d, 1);
    put(&interface, SVCCTL, 16);
    put_le(&interface, 2, 2);
    put_le(&syntax, 0x0d, 1);
    put(&syntax, NDR, 18);
    put_floor(&b, interface.at, interface.len, "\0", 2);
    put_floor(&b, syntax.at, syntax.len, "\0", 2);
    put_floor(&b, "\x0b", 1, "\0", 2);
    put_floor(&b, &id, 1, value, len);
    if (address != NULL) {
        put_floor(&b, "\x09", 1, address, 4);
    }
    return b;
}

static void put_count(struct built *b, size_t count, size_t width)
{
    while (b->len % width != 0) {
        put_le(b, 0, 1);
    }
    put_le(b, count, (unsigned)width);
}

/* The answer of ept_map, from its allocation hint on, with integers of 4 or 8 octets. */
static struct built map_answer(const struct built *towers, size_t count, size_t width)
{
    struct built b = zeros(20), head = zeros(8);
    put_le(&b, count, 4);
    put_count(&b, count, width);
    put_count(&b, 0, width);
    put_count(&b, count, width);
    for (size_t i = 0; i < count; i++) {
        put_count(&b, 3 + i, width);
    }
    for (size_t i = 0; i < count; i++) {
        put_count(&b, towers[i].len, width);
        put_le(&b, towers[i].len, 4);
        put_built(&b, towers[i]);
    }
    put_count(&b, 0, 4);
    put_built(&head, b);
    return head;
}

static void ask_mapper(struct talk *t)
{
    struct built b = bind_head(1);
    put_context(&b, 0, MAPPER, 1);
    say(t, DIR_CLIENT, pdu(BIND, b, NULL));
    call(t, 2, 0, 3);
}

static void mapped(struct talk *t, size_t width)
{
    const struct built towers[] = {
        tower(0x07, "\xc0\x01", 2, "\x0a\x4d\0\x0a"),
        tower(0x07, "\xc0\x02", 2, "\0\0\0\0"),
        tower(0x08, "\xc0\x03", 2, "\x0a\x4d\0\x0a"),
        tower(0x0f, "\\pipe\\svcctl", 13, NULL),
        tower(0x1f, "\x02\x51", 2, NULL),
        tower(0x14, "x", 2, NULL), /* a protocol that is not stated */
    };
    ask_mapper(t);
    say(t, DIR_SERVER,
        numbered(pdu(RESPONSE, map_answer(towers, COUNT_OF(towers), width), NULL), 3, 2));
}

static void mapped_narrow(struct talk *t)
{
    mapped(t, 4);
}

static void mapped_wide(struct talk *t)
{
    mapped(t, 8);
}

/* An answer in pieces, one to another call, one without towers, one that is cut. */
static void not_mapped(struct talk *t)
{
    const struct built one = tower(0x07, "\xc0\x01", 2, "\x0a\x4d\0\x0a");
    struct built whole = map_answer(&one, 1, 4);
    ask_mapper(t);
    say(t, DIR_SERVER, numbered(pdu(RESPONSE, whole, NULL), 3, 9));
    say(t, DIR_SERVER, numbered(pdu(RESPONSE, whole, NULL), 1, 2));
    call(t, 3, 0, 3);
    say(t, DIR_SERVER, numbered(pdu(RESPONSE, map_answer(&one, 0, 4), NULL), 3, 3));
    call(t, 4, 0, 3);
    whole.len -= 20;
    say(t, DIR_SERVER, numbered(pdu(RESPONSE, whole, NULL), 3, 4));
}

/* ---- connectionless ---- */

/* C706 12.5.2.1 */
static struct built datagram(unsigned type, unsigned number, struct built stub)
{
    struct built b = {.len = 0};
    put_le(&b, 4, 1);
    put_le(&b, type, 1);
    put_le(&b, 0x28, 2);
    put_le(&b, 0x10, 4);
    put_built(&b, zeros(16));
    put(&b, SVCCTL, 16);
    put(&b, MAPPER, 16);
    put_le(&b, 0, 4);
    put_le(&b, 2, 4);
    put_le(&b, 0, 4);
    put_le(&b, number, 2);
    put_le(&b, 0xffffffff, 4);
    put_le(&b, stub.len, 2);
    put_le(&b, 0, 4);
    put_built(&b, stub);
    return b;
}

static void datagrams(struct talk *t)
{
    say(t, DIR_CLIENT, datagram(0, 3, zeros(24)));
    say(t, DIR_SERVER, datagram(2, 3, zeros(8)));
    say(t, DIR_CLIENT, datagram(0, 3, zeros(24)));
    say(t, DIR_CLIENT, datagram(0, 4, zeros(0)));
    say(t, DIR_CLIENT, datagram(7, 4, zeros(0)));
}

/* ---- what is stated ---- */

#define NAMED(interface, uuid, carrier)                                                            \
    "dcerpc.interface=" interface " dcerpc.uuid=" uuid " dcerpc.carrier=" carrier " "
#define SVCCTL_NAMED NAMED("svcctl", "367abb81-9844-35f1-ad32-98f038001003", "tcp")
#define WINREG_NAMED NAMED("winreg", "338cd001-2244-31f1-aaaa-900038001003", "tcp")
#define MAPPER_NAMED NAMED("epmapper", "e1af8308-5d1f-11c9-91a4-08002b14a0fa", "tcp")
#define OTHER_NAMED "dcerpc.uuid=aabbccdd-eeff-0123-4567-89abcdef0100 dcerpc.carrier=tcp "
#define OPEN "dcerpc.auth=none dcerpc.level=none "
#define ALONE(at, message) "dcerpc @" at " client dcerpc.message=" message " "
#define ANSWERED(at, message) "dcerpc @" at " server dcerpc.message=" message " "
#define ASKED(at) "dcerpc.request_packet=" at "\n"
#define BOTH(at, reply) "dcerpc.request_packet=" at " dcerpc.reply_packet=" reply "\n"
#define SERVED                                                                                     \
    ANSWERED("3", "endpoint")                                                                      \
    MAPPER_NAMED OPEN "dcerpc.endpoint.interface=svcctl "                                          \
                      "dcerpc.endpoint.uuid=367abb81-9844-35f1-ad32-98f038001003 "
#define MAPPED                                                                                     \
    ALONE("2", "bind")                                                                             \
    MAPPER_NAMED OPEN ASKED("1") ANSWERED("3", "call") MAPPER_NAMED OPEN                           \
        "dcerpc.opnum=3 " BOTH("2", "3") SERVED                                                    \
        "dcerpc.endpoint.transport=tcp dcerpc.endpoint.address=10.77.0.10 "                        \
        "dcerpc.endpoint.port=49153\n" SERVED                                                      \
        "dcerpc.endpoint.transport=tcp dcerpc.endpoint.port=49154\n" SERVED                        \
        "dcerpc.endpoint.transport=udp dcerpc.endpoint.address=10.77.0.10 "                        \
        "dcerpc.endpoint.port=49155\n" SERVED                                                      \
        "dcerpc.endpoint.transport=smb-pipe dcerpc.endpoint.pipe=\\pipe\\svcctl\n" SERVED          \
        "dcerpc.endpoint.transport=http dcerpc.endpoint.port=593\n"

static const struct logon_case cases[] = {
    {"results of a bind", results,
     ANSWERED("2", "bind") SVCCTL_NAMED OPEN "dcerpc.result=accepted " BOTH("1", "2")
         ANSWERED("2", "bind") OTHER_NAMED OPEN
     "dcerpc.result=rejected dcerpc.reason=abstract_syntax_not_supported " BOTH("1", "2")
         ALONE("3", "call") SVCCTL_NAMED OPEN "dcerpc.opnum=7 " ASKED("3")},
    {"fewer results than contexts", fewer_results,
     ANSWERED("2", "bind") SVCCTL_NAMED OPEN "dcerpc.result=rejected dcerpc.reason=9 " BOTH(
         "1", "2") ANSWERED("2", "bind") OTHER_NAMED OPEN BOTH("1", "2")},
    {"refusals", refusal,
     ANSWERED("2", "bind") SVCCTL_NAMED OPEN
     "dcerpc.result=rejected "
     "dcerpc.reason=authentication_type_not_recognized " BOTH("1", "2") ANSWERED("4", "bind")
         SVCCTL_NAMED OPEN "dcerpc.result=rejected dcerpc.reason=77 " BOTH("3", "4")},
    {"calls", calls,
     ALONE("2", "bind") SVCCTL_NAMED OPEN ASKED("1") ANSWERED("3", "call") SVCCTL_NAMED OPEN
     "dcerpc.opnum=15 " BOTH("2", "3") ANSWERED("8", "call") SVCCTL_NAMED OPEN
     "dcerpc.opnum=20 dcerpc.fault=nca_s_unk_if "
     "dcerpc.fault_code=0x1c010003 " BOTH("6", "8") ALONE("11", "call") SVCCTL_NAMED OPEN
     "dcerpc.opnum=23 " ASKED("10") ANSWERED("12", "call") SVCCTL_NAMED OPEN
     "dcerpc.opnum=24 " BOTH("11", "12")},
    {"a fault without a name", denied_with_a_number,
     ALONE("2", "bind") SVCCTL_NAMED OPEN ASKED("1") ANSWERED("3", "call") SVCCTL_NAMED OPEN
     "dcerpc.opnum=15 dcerpc.fault=0xee000001 "
     "dcerpc.fault_code=0xee000001 " BOTH("2", "3")},
    {"a protected connection", protected_connection,
     ALONE("2", "bind") SVCCTL_NAMED "dcerpc.auth=netlogon dcerpc.level=connect " ASKED("1")
         ALONE("2", "call") SVCCTL_NAMED
     "dcerpc.auth=netlogon dcerpc.level=connect dcerpc.opnum=1 " ASKED("2")},
    {"keys of the registry", keys,
     ALONE("2", "bind") WINREG_NAMED OPEN ASKED("1") ALONE("4", "call") WINREG_NAMED OPEN
     "dcerpc.opnum=15 dcerpc.key=SYSTEM " ASKED("2") ALONE("5", "call") WINREG_NAMED OPEN
     "dcerpc.opnum=15 dcerpc.key=Software\\Microsoft\\SMS\\DP " ASKED("4")},
    {"a key of another length", no_keys,
     ALONE("2", "bind") WINREG_NAMED OPEN ASKED("1") ALONE("2", "call") WINREG_NAMED OPEN
     "dcerpc.opnum=15 " ASKED("2")},
    {"endpoints", mapped_narrow, MAPPED},
    {"endpoints, with NDR64", mapped_wide, MAPPED},
    {"no endpoints", not_mapped,
     ALONE("2", "bind") MAPPER_NAMED OPEN ASKED("1") ANSWERED("4", "call") MAPPER_NAMED OPEN
     "dcerpc.opnum=3 " BOTH("2", "4")},
};

static void test_what_is_stated(void **state)
{
    (void)state;
    static const struct play_options options = {.records_only = true};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        check_logon(&cases[i], &options);
        sweep(cases[i].build);
    }
}

static void test_datagrams(void **state)
{
    (void)state;
    static const struct play_options options = {.records_only = true, .udp = true};
    static const struct logon_case udp = {
        "connectionless", datagrams,
        ALONE("1", "call") NAMED("svcctl", "367abb81-9844-35f1-ad32-98f038001003", "udp") OPEN
        "dcerpc.opnum=3 " ASKED("1") ALONE("4", "call")
            NAMED("svcctl", "367abb81-9844-35f1-ad32-98f038001003", "udp") OPEN
        "dcerpc.opnum=4 " ASKED("4")};
    check_logon(&udp, &options);
}

/* Where calls are sealed, what stands in the key's place is none. */
static void test_sealed_key(void **state)
{
    (void)state;
    struct talk t = {.count = 0};
    sealed_key(&t);
    char *text = play(t.steps, t.count, &(struct play_options){.records_only = true});
    assert_non_null(strstr(text, "dcerpc.opnum=15"));
    assert_null(strstr(text, "dcerpc.key"));
    free(text);
}

static void test_limits(void **state)
{
    (void)state;
    check_flow(many_calls, "dcerpc.call_limit");
}

static void test_datagram_probe(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint8_t octet;
    } wrong[] = {{0, 5}, {1, 11}, {4, 0x12}, {5, 4}, {6, 1}, {32, 0}, {48, 0xff}, {74, 25}};
    struct built good = datagram(0, 3, zeros(24)), answer = datagram(2, 3, zeros(8));
    assert_int_equal(dcerpc_dissector.probe(built_bytes(&good)), PROBE_CLIENT);
    assert_int_equal(dcerpc_dissector.probe(built_bytes(&answer)), PROBE_SERVER);
    for (size_t len = 1; len < good.len; len++) {
        assert_int_equal(dcerpc_dissector.probe(bytes_of(good.at, len)), PROBE_NO);
    }
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct built bad = good;
        bad.at[wrong[i].at] = wrong[i].octet;
        if (dcerpc_dissector.probe(built_bytes(&bad)) != PROBE_NO) {
            fail_msg("octet %zu", wrong[i].at);
        }
    }
}

/* ---- flows named by endpoints ---- */

static const uint8_t SERVER[] = {10, 77, 0, 10}, TOLD[] = {10, 77, 0, 11}, NOBODY[] = {10, 0, 0, 1};

static struct observation *flow_to(struct observation_pool *pool, enum record record,
                                   const uint8_t *server, uint16_t port)
{
    struct observation *o = observation_new(pool, record);
    assert_non_null(o);
    o->flow.protocol = IP_TCP;
    o->flow.ends[DIR_SERVER].address = address_v4(server);
    o->flow.ends[DIR_SERVER].port = port;
    return o;
}

static void tell_endpoint(struct endpoints *e, struct observation_pool *pool, const char *name,
                          const char *transport, uint16_t port)
{
    struct observation *o = flow_to(pool, RECORD_DCERPC, SERVER, 135);
    observation_string(o, FACT_DCERPC_MESSAGE, "endpoint");
    observation_string(o, FACT_DCERPC_ENDPOINT_INTERFACE, name);
    observation_string(o, FACT_DCERPC_ENDPOINT_UUID, "aabbccdd-eeff-0123-4567-89abcdef0100");
    observation_string(o, FACT_DCERPC_ENDPOINT_TRANSPORT, transport);
    observation_string(o, FACT_DCERPC_ENDPOINT_ADDRESS, "10.77.0.11");
    observation_num(o, FACT_DCERPC_ENDPOINT_PORT, port);
    endpoints_see(e, o);
    observation_release(pool, o);
}

/* "protocol by:interface,interface" */
static void check_named(struct endpoints *e, struct observation_pool *pool, struct observation *o,
                        const char *wanted)
{
    char said[256];
    endpoints_see(e, o);
    size_t len =
        (size_t)snprintf(said, sizeof said, "%s %s:", observation_text(o, FACT_FLOW_PROTOCOL),
                         observation_text(o, FACT_FLOW_IDENTIFIED_BY));
    const struct fact *f = NULL;
    while ((f = observation_more(o, FACT_FLOW_INTERFACES, f)) != NULL && len < sizeof said) {
        len += (size_t)snprintf(said + len, sizeof said - len, "%s,", fact_text(o, f));
    }
    assert_string_equal(said, wanted);
    observation_release(pool, o);
}

static struct observation *known_as(struct observation *o, const char *protocol, const char *by)
{
    observation_string(o, FACT_FLOW_PROTOCOL, protocol);
    observation_string(o, FACT_FLOW_IDENTIFIED_BY, by);
    return o;
}

static void test_endpoints(void **state)
{
    (void)state;
    static const struct {
        const uint8_t *server;
        uint16_t port;
        const char *protocol, *by, *wanted;
    } flows[] = {
        {SERVER, 49153, "unknown", NULL, "dcerpc port:drsuapi,netlogon,"},
        {TOLD, 49153, "unknown", NULL, "dcerpc port:drsuapi,netlogon,"},
        {SERVER, 49153, "dcerpc", "content", "dcerpc content:drsuapi,netlogon,"},
        {SERVER, 49153, "http", "ndpi", "dcerpc port:drsuapi,netlogon,"},
        {SERVER, 49153, "tls", "content", "tls content:"},
        {NOBODY, 49153, "unknown", NULL, "unknown (null):"},
        {SERVER, 49154, "unknown", NULL, "dcerpc port:aabbccdd-eeff-0123-4567-89abcdef0100,"},
        {SERVER, 49155, "unknown", NULL, "unknown (null):"},
    };
    struct endpoints *e = endpoints_new();
    struct observation_pool *pool = observation_pool_new();
    assert_non_null(e);
    assert_non_null(pool);
    check_named(e, pool, known_as(flow_to(pool, RECORD_FLOW, SERVER, 49153), "tls", "content"),
                "tls content:");
    tell_endpoint(e, pool, "drsuapi", "tcp", 49153);
    tell_endpoint(e, pool, "netlogon", "tcp", 49153);
    tell_endpoint(e, pool, "drsuapi", "tcp", 49153);
    tell_endpoint(e, pool, NULL, "tcp", 49154);
    tell_endpoint(e, pool, "drsuapi", "udp", 49155);
    for (size_t i = 0; i < COUNT_OF(flows); i++) {
        struct observation *o = flow_to(pool, RECORD_FLOW, flows[i].server, flows[i].port);
        check_named(e, pool, known_as(o, flows[i].protocol, flows[i].by), flows[i].wanted);
    }
    for (unsigned i = 0; i < 20; i++) {
        char name[] = "interface-a";
        name[10] = (char)('a' + i);
        tell_endpoint(e, pool, name, "tcp", 49160);
    }
    check_named(e, pool, known_as(flow_to(pool, RECORD_FLOW, SERVER, 49160), "unknown", NULL),
                "dcerpc port:interface-a,interface-b,interface-c,interface-d,interface-e,"
                "interface-f,interface-g,interface-h,");
    observation_pool_free(pool);
    endpoints_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_stated), cmocka_unit_test(test_datagrams),
        cmocka_unit_test(test_limits),         cmocka_unit_test(test_sealed_key),
        cmocka_unit_test(test_datagram_probe), cmocka_unit_test(test_endpoints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
