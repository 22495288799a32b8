/*
 * DCERPC over TCP: interfaces, logons in security verifiers, and how the first answered call
 * decides them. The same in named pipes is in test_smb_pipe.c.
 */
#include "tests/dissect/test_dcerpc_messages.h"

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

/* The bind was not captured: what protects the calls is said once. */
static void bind_not_captured(struct talk *t)
{
    say_call(t, NO_VERIFIER);
    say_answer(t, NO_VERIFIER);
    say_call(t, sealed(3));
    say_answer(t, sealed(3));
    say_call(t, sealed(3));
}

/* ---- what is stated ---- */

#define SVCCTL_STATED                                                                              \
    "dcerpc.interface=svcctl dcerpc.uuid=367abb81-9844-35f1-ad32-98f038001003 dcerpc.carrier=tcp "
#define PARTIES                                                                                    \
    " ntlm.domain=CORP ntlm.workstation=CL01 ntlm.server_name=MP01 ntlm.server_domain=CORP "       \
    "ntlm.server_dns_name=mp01.corp.example ntlm.server_dns_domain=corp.example "                  \
    "ntlm.server_challenge=0123456789abcdef ntlm.response_hash=d427dc6b8fa0a2ef ntlm.mic=1 "       \
    "ntlm.sign=1 ntlm.seal=0 "                                                                     \
    "ntlm.channel_binding=0 ntlm.target_spn=host/mp01 "

static const struct logon_case cases[] = {
    {"interfaces", interfaces,
     "dcerpc @2 server dcerpc.message=bind " SVCCTL_STATED
     "dcerpc.auth=none dcerpc.level=none dcerpc.request_packet=1 dcerpc.reply_packet=2\n"
     "dcerpc @2 server dcerpc.message=bind dcerpc.uuid=aabbccdd-eeff-0123-4567-89abcdef0100 "
     "dcerpc.carrier=tcp dcerpc.auth=none dcerpc.level=none dcerpc.request_packet=1 "
     "dcerpc.reply_packet=2\n"
     "dcerpc @4 server dcerpc.message=call " SVCCTL_STATED
     "dcerpc.auth=none dcerpc.level=none dcerpc.opnum=0 dcerpc.request_packet=3 "
     "dcerpc.reply_packet=4\n"},
    {"big-endian", big_endian,
     "dcerpc @1 client dcerpc.message=bind " SVCCTL_STATED
     "dcerpc.auth=none dcerpc.level=none dcerpc.request_packet=1\n"},
    {"logon", logon,
     "dcerpc @2 server dcerpc.message=bind " SVCCTL_STATED
     "dcerpc.auth=ntlm dcerpc.level=privacy dcerpc.request_packet=1 dcerpc.reply_packet=2\n"
     "dcerpc @5 server dcerpc.message=call " SVCCTL_STATED
     "dcerpc.auth=ntlm dcerpc.level=privacy dcerpc.opnum=0 dcerpc.request_packet=4 "
     "dcerpc.reply_packet=5\n"
     "ntlm @5 client ntlm.carrier=dcerpc ntlm.variant=v2 ntlm.user=svc-site" PARTIES
     "ntlm.negotiate_packet=1 ntlm.challenge_packet=2 ntlm.authenticate_packet=3 "
     "ntlm.result_packet=5 ntlm.result=success ntlm.status=response\n"},
    {"logon in a negotiation", logon_in_negotiation,
     "dcerpc @2 server dcerpc.message=bind " SVCCTL_STATED
     "dcerpc.auth=spnego dcerpc.level=privacy dcerpc.request_packet=1 dcerpc.reply_packet=2\n"
     "dcerpc @5 server dcerpc.message=call " SVCCTL_STATED
     "dcerpc.auth=none dcerpc.level=none dcerpc.opnum=0 dcerpc.request_packet=4 "
     "dcerpc.reply_packet=5\n"
     "ntlm @5 client ntlm.carrier=dcerpc ntlm.variant=v2 ntlm.user=svc-site" PARTIES
     "ntlm.negotiate_packet=1 ntlm.challenge_packet=2 ntlm.authenticate_packet=3 "
     "ntlm.result_packet=5 ntlm.result=success ntlm.status=response\n"},
    {"denied", logon_denied,
     "dcerpc @2 server dcerpc.message=bind " SVCCTL_STATED
     "dcerpc.auth=ntlm dcerpc.level=privacy dcerpc.request_packet=1 dcerpc.reply_packet=2\n"
     "dcerpc @5 server dcerpc.message=call " SVCCTL_STATED
     "dcerpc.auth=ntlm dcerpc.level=privacy dcerpc.opnum=0 dcerpc.fault=nca_s_fault_access_denied "
     "dcerpc.fault_code=0x5 dcerpc.request_packet=4 dcerpc.reply_packet=5\n"
     "ntlm @5 client ntlm.carrier=dcerpc ntlm.variant=v2 ntlm.user=svc-site" PARTIES
     "ntlm.negotiate_packet=1 ntlm.challenge_packet=2 ntlm.authenticate_packet=3 "
     "ntlm.result_packet=5 ntlm.result=failure ntlm.status=nca_s_fault_access_denied\n"},
    {"package error", logon_package_error,
     "dcerpc @2 server dcerpc.message=bind " SVCCTL_STATED
     "dcerpc.auth=ntlm dcerpc.level=privacy dcerpc.request_packet=1 dcerpc.reply_packet=2\n"
     "dcerpc @5 server dcerpc.message=call " SVCCTL_STATED
     "dcerpc.auth=ntlm dcerpc.level=privacy dcerpc.opnum=0 dcerpc.fault=RPC_S_SEC_PKG_ERROR "
     "dcerpc.fault_code=0x721 dcerpc.request_packet=4 dcerpc.reply_packet=5\n"
     "ntlm @5 client ntlm.carrier=dcerpc ntlm.variant=v2 ntlm.user=svc-site" PARTIES
     "ntlm.negotiate_packet=1 ntlm.challenge_packet=2 ntlm.authenticate_packet=3 "
     "ntlm.result_packet=5 ntlm.result=failure ntlm.status=RPC_S_SEC_PKG_ERROR\n"},
    {"another fault", logon_other_fault,
     "dcerpc @2 server dcerpc.message=bind " SVCCTL_STATED
     "dcerpc.auth=ntlm dcerpc.level=privacy dcerpc.request_packet=1 dcerpc.reply_packet=2\n"
     "dcerpc @5 server dcerpc.message=call " SVCCTL_STATED
     "dcerpc.auth=ntlm dcerpc.level=privacy dcerpc.opnum=0 dcerpc.fault=nca_s_op_rng_error "
     "dcerpc.fault_code=0x1c010002 dcerpc.request_packet=4 dcerpc.reply_packet=5\n"
     "ntlm @6 client ntlm.carrier=dcerpc ntlm.variant=v2 ntlm.user=svc-site" PARTIES
     "ntlm.negotiate_packet=1 ntlm.challenge_packet=2 ntlm.authenticate_packet=3 "
     "ntlm.result_packet=6 ntlm.result=success ntlm.status=response\n"},
    {"bind refused", logon_refused,
     "dcerpc @2 server dcerpc.message=bind " SVCCTL_STATED
     "dcerpc.auth=ntlm dcerpc.level=privacy dcerpc.result=rejected "
     "dcerpc.reason=reason_not_specified dcerpc.request_packet=1 dcerpc.reply_packet=2\n"
     "ntlm @2 client ntlm.carrier=dcerpc ntlm.negotiate_packet=1 ntlm.result_packet=2 "
     "ntlm.result=failure ntlm.status=bind_nak\n"},
    {"answer without a request", answer_too_early,
     "dcerpc @2 server dcerpc.message=bind " SVCCTL_STATED
     "dcerpc.auth=ntlm dcerpc.level=privacy dcerpc.request_packet=1 dcerpc.reply_packet=2\n"
     "ntlm @4 client ntlm.carrier=dcerpc ntlm.variant=v2 ntlm.user=svc-site" PARTIES
     "ntlm.negotiate_packet=1 ntlm.challenge_packet=2 ntlm.authenticate_packet=3 "
     "ntlm.result=unknown\n"},
    {"two logons", two_logons,
     "dcerpc @2 server dcerpc.message=bind " SVCCTL_STATED
     "dcerpc.auth=ntlm dcerpc.level=privacy dcerpc.request_packet=1 dcerpc.reply_packet=2\n"
     "dcerpc @5 server dcerpc.message=alter " SVCCTL_STATED
     "dcerpc.auth=ntlm dcerpc.level=privacy dcerpc.request_packet=4 dcerpc.reply_packet=5\n"
     "dcerpc @9 server dcerpc.message=call " SVCCTL_STATED
     "dcerpc.auth=ntlm dcerpc.level=privacy dcerpc.opnum=0 dcerpc.fault=nca_s_fault_access_denied "
     "dcerpc.fault_code=0x5 dcerpc.request_packet=7 dcerpc.reply_packet=9\n"
     "ntlm @9 client ntlm.carrier=dcerpc ntlm.variant=v2 ntlm.user=two" PARTIES
     "ntlm.negotiate_packet=4 ntlm.challenge_packet=5 ntlm.authenticate_packet=6 "
     "ntlm.result_packet=9 ntlm.result=failure ntlm.status=nca_s_fault_access_denied\n"
     "ntlm @10 client ntlm.carrier=dcerpc ntlm.variant=v2 ntlm.user=one" PARTIES
     "ntlm.negotiate_packet=1 ntlm.challenge_packet=2 ntlm.authenticate_packet=3 "
     "ntlm.result_packet=10 ntlm.result=success ntlm.status=response\n"},
    {"other providers", other_providers,
     "dcerpc @2 client dcerpc.message=bind " SVCCTL_STATED
     "dcerpc.auth=kerberos dcerpc.level=connect dcerpc.request_packet=1\n"
     "dcerpc @3 client dcerpc.message=alter " SVCCTL_STATED
     "dcerpc.auth=netlogon dcerpc.level=connect dcerpc.request_packet=2\n"
     "dcerpc @4 client dcerpc.message=alter " SVCCTL_STATED
     "dcerpc.auth=32 dcerpc.request_packet=3\n"
     "dcerpc @5 server dcerpc.message=call " SVCCTL_STATED
     "dcerpc.auth=none dcerpc.level=none dcerpc.opnum=0 dcerpc.request_packet=4 "
     "dcerpc.reply_packet=5\n"},
    {"bind not captured", bind_not_captured,
     "dcerpc @3 client dcerpc.message=call dcerpc.carrier=tcp dcerpc.auth=ntlm "
     "dcerpc.level=privacy dcerpc.opnum=0 dcerpc.request_packet=3\n"},
    {"a count that lies", lying_count,
     "dcerpc @1 client dcerpc.message=bind " SVCCTL_STATED
     "dcerpc.auth=none dcerpc.level=none dcerpc.request_packet=1\n"},
    {"a verifier that lies", lying_verifier,
     "dcerpc @1 client dcerpc.message=bind " SVCCTL_STATED
     "dcerpc.auth=none dcerpc.level=none dcerpc.request_packet=1\n"},
    {"bulk", bulk,
     "dcerpc @2 server dcerpc.message=bind " SVCCTL_STATED
     "dcerpc.auth=ntlm dcerpc.level=privacy dcerpc.request_packet=1 dcerpc.reply_packet=2\n"
     "ntlm @13 client ntlm.carrier=dcerpc ntlm.variant=v2 ntlm.user=svc-site" PARTIES
     "ntlm.negotiate_packet=1 ntlm.challenge_packet=2 ntlm.authenticate_packet=3 "
     "ntlm.result=unknown\n"
     "dcerpc @13 client dcerpc.message=alter " SVCCTL_STATED
     "dcerpc.auth=none dcerpc.level=none dcerpc.request_packet=13\n"
     "dcerpc @13 client dcerpc.message=call " SVCCTL_STATED
     "dcerpc.auth=ntlm dcerpc.level=privacy dcerpc.opnum=0 dcerpc.request_packet=5\n"},
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
