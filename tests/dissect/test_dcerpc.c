/*
 * DCERPC over TCP: interfaces, logons in security verifiers, and how the first answered call
 * decides them. The same in named pipes is in test_smb_pipe.c.
 */
#include "tests/dissect/test_logon.h"

enum { BIND = 11, BIND_ACK = 12, BIND_NAK = 13, ALTER = 14, ALTER_RESP = 15, AUTH3 = 16 };
enum { REQUEST = 0, RESPONSE = 2, FAULT = 3, CO_CANCEL = 18 };
enum { SPNEGO = 9, NTLM = 10, KERBEROS = 16, NETLOGON = 0x44 };
enum { CONNECT = 2, PRIVACY = 6 };

struct verifier {
    unsigned type, level, context;
    struct built token;
};

/* C706 12.6.3.1, [MS-RPCE] 2.2.2.11 */
static struct built pdu(unsigned type, struct built body, const struct verifier *v)
{
    struct built b = {.len = 0};
    size_t auth = v == NULL ? 0 : v->token.len;
    put_le(&b, 5, 2);
    put_le(&b, type, 1);
    put_le(&b, 3, 1);
    put_le(&b, 0x10, 4);
    put_le(&b, 16 + body.len + (v == NULL ? 0 : 8 + auth), 2);
    put_le(&b, auth, 2);
    put_le(&b, 1, 4);
    put_built(&b, body);
    if (v != NULL) {
        put_le(&b, v->type, 1);
        put_le(&b, v->level, 1);
        put_le(&b, 0, 2);
        put_le(&b, v->context, 4);
        put_built(&b, v->token);
    }
    return b;
}

static const uint8_t NDR[20] = {4,    0x5d, 0x88, 0x8a, 0xeb, 0x1c, 0xc9, 0x11, 0x9f,
                                0xe8, 8,    0,    0x2b, 0x10, 0x48, 0x60, 2};

/* A bind's body up to its contexts. */
static struct built bind_head(size_t contexts)
{
    struct built b = {.len = 0};
    put_le(&b, 4280, 2);
    put_le(&b, 4280, 2);
    put_le(&b, 0, 4);
    put_le(&b, contexts, 4);
    return b;
}

/* One context: an interface aabbccdd-eeff-0123-4567-89abcdef01xx unless it is a known one. */
static void put_context(struct built *b, unsigned id, const uint8_t uuid[16], unsigned transfers)
{
    put_le(b, id, 2);
    put_le(b, transfers, 2);
    put(b, uuid, 16);
    put_le(b, 1, 4);
    for (unsigned i = 0; i < transfers; i++) {
        put(b, NDR, sizeof NDR);
    }
}

/* svcctl, 367abb81-9844-35f1-ad32-98f038001003 */
static const uint8_t SVCCTL[16] = {0x81, 0xbb, 0x7a, 0x36, 0x44, 0x98, 0xf1, 0x35,
                                   0xad, 0x32, 0x98, 0xf0, 0x38, 0x00, 0x10, 0x03};
static const uint8_t OTHER[16] = {0xdd, 0xcc, 0xbb, 0xaa, 0xff, 0xee, 0x23, 0x01,
                                  0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x00};

static struct built bind_body(void)
{
    struct built b = bind_head(1);
    put_context(&b, 0, SVCCTL, 1);
    return b;
}

static struct built zeros(size_t octets)
{
    struct built b = {.len = octets};
    memset(b.at, 0, octets);
    return b;
}

static struct verifier token(unsigned type, unsigned context, struct built octets)
{
    return (struct verifier){.type = type, .level = PRIVACY, .context = context, .token = octets};
}

static void say_pdu(struct talk *t, enum dir dir, unsigned type, struct built body,
                    struct verifier v)
{
    say(t, dir, pdu(type, body, v.token.len == 0 ? NULL : &v));
}

static const struct verifier NO_VERIFIER;

static void say_call(struct talk *t, struct verifier v)
{
    say_pdu(t, DIR_CLIENT, REQUEST, zeros(8 + 40), v);
}

static void say_answer(struct talk *t, struct verifier v)
{
    say_pdu(t, DIR_SERVER, RESPONSE, zeros(8 + 24), v);
}

static void say_fault(struct talk *t, uint32_t status, struct verifier v)
{
    struct built body = zeros(8);
    put_le(&body, status, 4);
    put_le(&body, 0, 4);
    say_pdu(t, DIR_SERVER, FAULT, body, v);
}

/* The three messages of a logon in context `context`. */
static void say_logon(struct talk *t, unsigned type, unsigned context, const char *user)
{
    say_pdu(t, DIR_CLIENT, context == 0 ? BIND : ALTER, bind_body(),
            token(type, context, ntlm_negotiate()));
    say_pdu(t, DIR_SERVER, context == 0 ? BIND_ACK : ALTER_RESP, zeros(40),
            token(type, context, ntlm_challenge(NTLM_UNICODE)));
    say_pdu(t, DIR_CLIENT, AUTH3, zeros(4), token(type, context, logon_authenticate(user)));
}

static struct verifier sealed(unsigned context)
{
    return token(NTLM, context, zeros(16));
}

/* ---- conversations ---- */

static void interfaces(struct talk *t)
{
    struct built b = bind_head(4);
    put_context(&b, 0, SVCCTL, 1);
    put_context(&b, 1, SVCCTL, 2); /* again, for another transfer syntax */
    put_context(&b, 2, OTHER, 0);
    put_context(&b, 3, SVCCTL, 1);
    say(t, DIR_CLIENT, pdu(BIND, b, NULL));
    say(t, DIR_SERVER, pdu(BIND_ACK, zeros(40), NULL));
    say_call(t, NO_VERIFIER);
    say_answer(t, NO_VERIFIER);
}

/* A fragment and a context from a sender with the other byte order. */
static void big_endian(struct talk *t)
{
    struct built b = {.len = 0};
    put(&b, "\5\0\13\3\0\0\0\0\0\x48\0\0\0\0\0\1", 16);
    put(&b, "\x10\xb8\x10\xb8\0\0\0\0\1\0\0\0\0\0\1\0", 16);
    put(&b, "\x36\x7a\xbb\x81\x98\x44\x35\xf1\xad\x32\x98\xf0\x38\x00\x10\x03\0\0\0\2", 20);
    put(&b, NDR, 20);
    say(t, DIR_CLIENT, b);
}

static void logon(struct talk *t)
{
    say_logon(t, NTLM, 0, "svc-site");
    say_call(t, sealed(0));
    say_answer(t, sealed(0));
}

static void logon_in_negotiation(struct talk *t)
{
    say_logon(t, SPNEGO, 0, "svc-site");
    say_call(t, NO_VERIFIER);
    say_answer(t, NO_VERIFIER);
}

static void logon_denied(struct talk *t)
{
    say_logon(t, NTLM, 0, "svc-site");
    say_call(t, sealed(0));
    say_fault(t, 5, NO_VERIFIER);
}

static void logon_package_error(struct talk *t)
{
    say_logon(t, NTLM, 0, "svc-site");
    say_call(t, sealed(0));
    say_fault(t, 0x721, sealed(0));
}

/* A fault of another kind says nothing; the next answer does. */
static void logon_other_fault(struct talk *t)
{
    say_logon(t, NTLM, 0, "svc-site");
    say_call(t, sealed(0));
    say_fault(t, 0x1c010002, sealed(0));
    say_answer(t, sealed(0));
}

static void logon_refused(struct talk *t)
{
    say_pdu(t, DIR_CLIENT, BIND, bind_body(), token(NTLM, 0, ntlm_negotiate()));
    say(t, DIR_SERVER, pdu(BIND_NAK, zeros(2), NULL));
}

/* An answer to an earlier call, before any request with the new logon. */
static void answer_too_early(struct talk *t)
{
    say_logon(t, NTLM, 0, "svc-site");
    say_answer(t, NO_VERIFIER);
}

static void two_logons(struct talk *t)
{
    say_logon(t, NTLM, 0, "one");
    say_logon(t, NTLM, 7, "two");
    say_call(t, sealed(0));
    say_call(t, sealed(7));
    say_fault(t, 5, sealed(7));
    say_answer(t, sealed(0));
}

/* Tokens that are not read: Kerberos without GSS-API around it, netlogon, and an unknown provider.
 */
static void other_providers(struct talk *t)
{
    static const unsigned types[] = {KERBEROS, NETLOGON, 0x20};
    struct built octets = zeros(12);
    octets.at[0] = 0x6f;
    for (unsigned i = 0; i < COUNT_OF(types); i++) {
        struct verifier v = token(types[i], i, octets);
        v.level = i == 2 ? 9 : CONNECT;
        say_pdu(t, DIR_CLIENT, i == 0 ? BIND : ALTER, bind_body(), v);
    }
    say_call(t, NO_VERIFIER);
    say_answer(t, NO_VERIFIER);
}

/* A ninth context takes the place of the one used least recently. */
static void many_logons(struct talk *t)
{
    for (unsigned i = 0; i < 9; i++) {
        char user[] = "user0";
        user[4] = (char)('0' + i);
        say_pdu(t, DIR_CLIENT, AUTH3, zeros(4), token(NTLM, i, logon_authenticate(user)));
    }
    say_call(t, sealed(8));
    say_answer(t, sealed(8));
}

static void many_interfaces(struct talk *t)
{
    struct built b = bind_head(40);
    for (unsigned i = 0; i < 40; i++) {
        uint8_t uuid[16];
        memcpy(uuid, OTHER, 16);
        uuid[15] = (uint8_t)i;
        put_context(&b, i, uuid, 0);
    }
    say(t, DIR_CLIENT, pdu(BIND, b, NULL));
}

static void lying_count(struct talk *t)
{
    struct built b = bind_head(200);
    put_context(&b, 0, SVCCTL, 1);
    say(t, DIR_CLIENT, pdu(BIND, b, NULL));
}

static void lying_verifier(struct talk *t)
{
    struct built b = pdu(BIND, bind_body(), NULL);
    b.at[10] = 60; /* of the 72 octets, but its head has no room */
    say(t, DIR_CLIENT, b);
}

/* Stub data of several fragments, larger than what is ever kept, between two binds. */
static void bulk(struct talk *t)
{
    say_logon(t, NTLM, 0, "svc-site");
    say(t, DIR_SERVER, pdu(CO_CANCEL, zeros(0), NULL));
    for (unsigned i = 0; i < 8; i++) {
        say_pdu(t, DIR_CLIENT, REQUEST, zeros(1900), sealed(0));
    }
    say_pdu(t, DIR_CLIENT, ALTER, bind_body(), NO_VERIFIER);
}

/* ---- what is stated ---- */

#define SVCCTL_STATED                                                                              \
    " client dcerpc.interface=svcctl dcerpc.uuid=367abb81-9844-35f1-ad32-98f038001003 "            \
    "dcerpc.carrier=tcp"
#define LOGON_STATED(at, dir, user, packets)                                                       \
    "ntlm @" at " " dir " ntlm.carrier=dcerpc ntlm.variant=v2 ntlm.user=" user                     \
    " ntlm.domain=CORP ntlm.workstation=CL01 ntlm.server_name=MP01 ntlm.server_domain=CORP "       \
    "ntlm.server_dns_name=mp01.corp.example ntlm.server_dns_domain=corp.example "                  \
    "ntlm.server_challenge=0123456789abcdef ntlm.mic=1 ntlm.sign=1 ntlm.seal=0 "                   \
    "ntlm.channel_binding=0 ntlm.target_spn=host/mp01 " packets
#define FIRST_PACKETS "ntlm.negotiate_packet=1 ntlm.challenge_packet=2 ntlm.authenticate_packet=3 "
#define BOUND "dcerpc @1" SVCCTL_STATED " dcerpc.auth=ntlm dcerpc.level=privacy\n"

static const struct logon_case cases[] = {
    {"interfaces", interfaces,
     "dcerpc @1" SVCCTL_STATED " dcerpc.auth=none dcerpc.level=none\n"
     "dcerpc @1 client dcerpc.uuid=aabbccdd-eeff-0123-4567-89abcdef0100 dcerpc.carrier=tcp "
     "dcerpc.auth=none dcerpc.level=none\n"},
    {"big-endian", big_endian, "dcerpc @1" SVCCTL_STATED " dcerpc.auth=none dcerpc.level=none\n"},
    {"logon", logon,
     BOUND LOGON_STATED("5", "client", "svc-site",
                        FIRST_PACKETS
                        "ntlm.result_packet=5 ntlm.result=success ntlm.status=response\n")},
    {"logon in a negotiation", logon_in_negotiation,
     "dcerpc @1" SVCCTL_STATED " dcerpc.auth=spnego dcerpc.level=privacy\n" LOGON_STATED(
         "5", "client", "svc-site",
         FIRST_PACKETS "ntlm.result_packet=5 ntlm.result=success ntlm.status=response\n")},
    {"denied", logon_denied,
     BOUND LOGON_STATED(
         "5", "client", "svc-site",
         FIRST_PACKETS
         "ntlm.result_packet=5 ntlm.result=failure ntlm.status=nca_s_fault_access_denied\n")},
    {"package error", logon_package_error,
     BOUND LOGON_STATED(
         "5", "client", "svc-site",
         FIRST_PACKETS
         "ntlm.result_packet=5 ntlm.result=failure ntlm.status=RPC_S_SEC_PKG_ERROR\n")},
    {"another fault", logon_other_fault,
     BOUND LOGON_STATED("6", "client", "svc-site",
                        FIRST_PACKETS
                        "ntlm.result_packet=6 ntlm.result=success ntlm.status=response\n")},
    {"bind refused", logon_refused,
     BOUND "ntlm @2 client ntlm.carrier=dcerpc ntlm.negotiate_packet=1 ntlm.result_packet=2 "
           "ntlm.result=failure ntlm.status=bind_nak\n"},
    {"answer without a request", answer_too_early,
     BOUND LOGON_STATED("4", "client", "svc-site", FIRST_PACKETS "ntlm.result=unknown\n")},
    {"two logons", two_logons,
     BOUND "dcerpc @4" SVCCTL_STATED " dcerpc.auth=ntlm dcerpc.level=privacy\n" LOGON_STATED(
         "9", "client", "two",
         "ntlm.negotiate_packet=4 ntlm.challenge_packet=5 ntlm.authenticate_packet=6 "
         "ntlm.result_packet=9 ntlm.result=failure ntlm.status=nca_s_fault_access_denied\n")
         LOGON_STATED("10", "client", "one",
                      FIRST_PACKETS
                      "ntlm.result_packet=10 ntlm.result=success ntlm.status=response\n")},
    {"other providers", other_providers,
     "dcerpc @1" SVCCTL_STATED " dcerpc.auth=kerberos dcerpc.level=connect\n"
     "dcerpc @2" SVCCTL_STATED " dcerpc.auth=netlogon dcerpc.level=connect\n"
     "dcerpc @3" SVCCTL_STATED " dcerpc.auth=32\n"},
    {"a count that lies", lying_count,
     "dcerpc @1" SVCCTL_STATED " dcerpc.auth=none dcerpc.level=none\n"},
    {"a verifier that lies", lying_verifier,
     "dcerpc @1" SVCCTL_STATED " dcerpc.auth=none dcerpc.level=none\n"},
    {"bulk", bulk,
     BOUND "dcerpc @13" SVCCTL_STATED " dcerpc.auth=none dcerpc.level=none\n" LOGON_STATED(
         "13", "client", "svc-site", FIRST_PACKETS "ntlm.result=unknown\n")},
};

static void test_what_is_stated(void **state)
{
    (void)state;
    static const struct play_options options = {.records_only = true};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        check_logon(&cases[i], &options);
    }
}

static size_t count_of(const char *text, const char *word)
{
    size_t count = 0;
    for (const char *at = strstr(text, word); at != NULL; at = strstr(at + 1, word)) {
        count++;
    }
    return count;
}

static void test_limits(void **state)
{
    (void)state;
    struct talk t = {.count = 0};
    many_logons(&t);
    char *answer = play(t.steps, t.count, NULL);
    assert_int_equal(count_of(answer, "ntlm.result=unknown"), 8);
    assert_non_null(strstr(answer, "ntlm.user=user8"));
    assert_int_equal(count_of(answer, "ntlm.result=success"), 1);
    assert_non_null(strstr(answer, "dcerpc.context_limit"));
    free(answer);
    t = (struct talk){.count = 0};
    many_interfaces(&t);
    answer = play(t.steps, t.count, NULL);
    assert_int_equal(count_of(answer, "dcerpc.uuid="), 32);
    assert_non_null(strstr(answer, "dcerpc.bind_limit"));
    free(answer);
}

static void test_anomalies(void **state)
{
    (void)state;
    check_flow(lying_count, "dcerpc.bad_bind");
    check_flow(lying_verifier, "dcerpc.bad_length");
    check_flow(logon, "flow.protocol=dcerpc");
}

static void test_probe(void **state)
{
    (void)state;
    struct built bind = pdu(BIND, bind_body(), NULL), ack = pdu(BIND_ACK, zeros(40), NULL);
    struct built many[8] = {bind, bind, bind, bind, bind, bind, bind, bind};
    many[0].at[0] = 4;    /* connectionless */
    many[1].at[1] = 2;    /* version 5.2 */
    many[2].at[2] = 20;   /* no such type */
    many[3].at[4] = 0x12; /* no such character set */
    many[4].at[5] = 4;    /* no such float */
    many[5].at[7] = 1;
    many[6].at[8] = 15; /* shorter than its header */
    many[6].at[9] = 0;
    many[7].at[10] = 0xff; /* a verifier longer than the fragment */
    assert_int_equal(dcerpc_dissector.probe(built_bytes(&bind)), PROBE_CLIENT);
    assert_int_equal(dcerpc_dissector.probe(built_bytes(&ack)), PROBE_SERVER);
    for (size_t len = 0; len < 16; len++) {
        assert_int_equal(dcerpc_dissector.probe(bytes_of(bind.at, len)), PROBE_MORE);
    }
    for (size_t i = 0; i < COUNT_OF(many); i++) {
        if (dcerpc_dissector.probe(built_bytes(&many[i])) != PROBE_NO) {
            fail_msg("header %zu", i);
        }
    }
}

static void test_sweeps(void **state)
{
    (void)state;
    void (*const builds[])(struct talk *) = {interfaces, two_logons, logon_denied, big_endian};
    for (size_t i = 0; i < COUNT_OF(builds); i++) {
        sweep(builds[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_stated), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_anomalies),      cmocka_unit_test(test_probe),
        cmocka_unit_test(test_sweeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
