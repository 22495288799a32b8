#include "tests/test.h"

#include "dissect/der.h"
#include "tests/dissect/play.h"
#include "tests/dissect/test_ntlm_messages.h"

static const uint8_t OID_SPNEGO[] = {6, 6, 0x2b, 6, 1, 5, 5, 2};
static const uint8_t OID_KERBEROS[] = {6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 1, 2, 2};
static const uint8_t OID_NTLM[] = {6, 10, 0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 2, 10};

/* One element around what `b` holds, with `octets` length octets (0: the shortest form). */
static struct built wrap(uint8_t tag, const struct built *inside, unsigned octets)
{
    struct built b = {.len = 0};
    if (octets == 0) {
        octets = inside->len < 0x80 ? 0 : inside->len < 0x100 ? 1 : 2;
    }
    put_le(&b, tag, 1);
    put_le(&b, octets == 0 ? inside->len : 0x80u | octets, 1);
    for (unsigned i = octets; i > 0; i--) {
        put_le(&b, inside->len >> 8 * (i - 1), 1);
    }
    put(&b, inside->at, inside->len);
    return b;
}

static struct built join(struct built a, struct built b)
{
    put(&a, b.at, b.len);
    return a;
}

static struct built octets_of(const void *at, size_t len)
{
    struct built b = {.len = 0};
    put(&b, at, len);
    return b;
}

/* RFC 4178 4.2.1, with the mechanisms offered and negHints ([MS-SPNG] 2.2.1) when `hints` */
static struct built neg_token_init(struct built token, bool hints, unsigned octets)
{
    struct built types =
        join(octets_of(OID_KERBEROS, sizeof OID_KERBEROS), octets_of(OID_NTLM, sizeof OID_NTLM));
    struct built fields = wrap(0x30, &types, octets);
    fields = wrap(0xa0, &fields, octets);
    if (token.len > 0) {
        struct built field = wrap(DER_OCTET_STRING, &token, octets);
        fields = join(fields, wrap(0xa2, &field, octets));
    }
    if (hints) {
        struct built hint = octets_of("\x30\x05\xa0\x03\x1b\x01x", 7);
        fields = join(fields, wrap(0xa3, &hint, octets));
    }
    struct built all = wrap(0x30, &fields, octets);
    all = wrap(0xa0, &all, octets);
    all = join(octets_of(OID_SPNEGO, sizeof OID_SPNEGO), all);
    return wrap(0x60, &all, octets);
}

/* RFC 4178 4.2.2 */
static struct built neg_token_resp(struct built token)
{
    struct built fields = octets_of("\xa0\x03\x0a\x01\x01", 5);
    struct built field = wrap(DER_OCTET_STRING, &token, 0);
    fields = join(fields, wrap(0xa2, &field, 0));
    struct built all = wrap(0x30, &fields, 0);
    return wrap(0xa1, &all, 0);
}

/* RFC 4121 4.1: an AP-REQ, of which only the first octets matter here */
static struct built kerberos_token(void)
{
    struct built inside =
        join(octets_of(OID_KERBEROS, sizeof OID_KERBEROS), octets_of("\1\0n\3\2\1\5", 7));
    return wrap(0x60, &inside, 0);
}

static struct built authenticate(void)
{
    static const uint8_t response[24] = {1};
    struct authenticate a = {.domain = "CORP",
                             .user = "joe",
                             .workstation = "PC7",
                             .lm = bytes_of(response, 24),
                             .nt = bytes_of(response, 24),
                             .flags = NTLM_UNICODE};
    return ntlm_authenticate(&a);
}

static char *play_messages(const struct built *messages, size_t count, bool sweep)
{
    struct play_step steps[8] = {0};
    for (size_t i = 0; i < count; i++) {
        bool reply = bytes_has_prefix(built_bytes(&messages[i]), "HTTP", 4);
        steps[i].dir = reply ? DIR_SERVER : DIR_CLIENT;
        steps[i].data = built_bytes(&messages[i]);
    }
    if (sweep) {
        play_truncation_sweep(steps, count);
        play_chunking_sweep(steps, count);
        play_gap_sweep(steps, count);
        play_hostile_sweep(steps, count);
    }
    return play(steps, count, NULL);
}

static void ntlm_inside(void **unused)
{
    (void)unused;
    for (unsigned octets = 0; octets <= 4; octets++) {
        struct built init = neg_token_init(ntlm_negotiate(), octets == 1, octets);
        struct built challenge = neg_token_resp(ntlm_challenge(0xe2898215));
        struct built last = neg_token_resp(authenticate());
        struct built accepted = octets_of("\xa1\x07\x30\x05\xa0\x03\x0a\x01\x00", 9);
        struct built messages[] = {
            http_request("Negotiate", &init), http_reply("401 No", "Negotiate", &challenge),
            http_request("Negotiate", &last), http_reply("200 OK", "Negotiate", &accepted)};
        char *said = play_messages(messages, 4, octets == 0);
        assert_non_null(strstr(
            said,
            "ntlm @4 client ntlm.carrier=http ntlm.variant=v1-ess ntlm.user=joe ntlm.domain=CORP"));
        assert_non_null(
            strstr(said, "ntlm.negotiate_packet=1 ntlm.challenge_packet=2 "
                         "ntlm.authenticate_packet=3 ntlm.result_packet=4 ntlm.result=success"));
        assert_null(strstr(said, "anomalies"));
        free(said);
    }
}

/* The first guess is Kerberos; NTLM follows on the same connection. */
static void after_kerberos(void **unused)
{
    (void)unused;
    struct built guess = neg_token_init(kerberos_token(), false, 0);
    struct built bare = kerberos_token(), raw = authenticate();
    struct built rejected = octets_of("\xa1\x07\x30\x05\xa0\x03\x0a\x01\x02", 9);
    struct built messages[] = {
        http_request("Negotiate", &guess), http_reply("401 No", "Negotiate", &rejected),
        http_request("Kerberos", &bare),   http_reply("401 No", "Negotiate", NULL),
        http_request("Negotiate", &raw),   http_reply("401 No", "Negotiate", NULL)};
    char *said = play_messages(messages, 6, true);
    assert_non_null(strstr(said, "ntlm @6 client"));
    assert_non_null(strstr(
        said,
        "ntlm.authenticate_packet=5 ntlm.result_packet=6 ntlm.result=failure ntlm.status=401"));
    assert_null(strstr(said, "anomalies"));
    free(said);
    said = play_messages(messages, 4, false);
    assert_null(strstr(said, "ntlm."));
    assert_null(strstr(said, "anomalies"));
    free(said);
}

static void broken_tokens(void **unused)
{
    (void)unused;
    static const struct {
        const char *label;
        struct bytes token;
    } cases[] = {
        {"cut", {(const uint8_t *)"\x60\x20\x06\x06\x2b\x06", 6}},
        {"no mechanism", {(const uint8_t *)"\x60\x02\x05\x00", 4}},
        {"SPNEGO in SPNEGO",
         {(const uint8_t
               *)"\x60\x12\x06\x06\x2b\x06\x01\x05\x05\x02\x60\x08\x06\x06\x2b\x06\x01\x05\x05\x02",
          20}},
        {"token of the wrong type", {(const uint8_t *)"\xa1\x07\x30\x05\xa2\x03\x0a\x01\x00", 9}},
        {"indefinite", {(const uint8_t *)"\xa1\x80\x30\x80\0\0\0\0", 8}},
        {"something else", {(const uint8_t *)"hello", 5}},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct built token = octets_of(cases[i].token.at, cases[i].token.len);
        struct built message = http_request("Negotiate", &token);
        char *said = play_messages(&message, 1, false);
        if (strstr(said, "flow.anomalies=spnego.bad_token") == NULL ||
            strstr(said, "ntlm.") != NULL) {
            fail_msg("%s: %s", cases[i].label, said);
        }
        free(said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ntlm_inside),
        cmocka_unit_test(after_kerberos),
        cmocka_unit_test(broken_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
