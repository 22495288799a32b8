#include "tests/test.h"

#include "tests/dissect/play.h"
#include "tests/dissect/test_kerberos_messages.h"

/* AP exchanges in HTTP: inside SPNEGO, as GSS-API tokens, and with nothing around them. */

static const uint8_t SPNEGO[] = {6, 6, 0x2b, 6, 1, 5, 5, 2};
static const uint8_t KERBEROS[] = {6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 1, 2, 2};
static const uint8_t MS_KERBEROS[] = {6, 9, 0x2a, 0x86, 0x48, 0x82, 0xf7, 0x12, 1, 2, 2};
static const uint8_t USER_TO_USER[] = {6, 10, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 1, 2, 2, 3};
static const uint8_t SOMETHING[] = {6, 3, 0x2b, 6, 1};

#define MECHANISM(name) bytes_of(name, sizeof(name))

/* RFC 4121 4.1: "\1\0" is AP-REQ, "\2\0" AP-REP, "\3\0" KRB-ERROR */
static struct built gss(struct bytes mechanism, const char *id, struct built message)
{
    struct built b = octets(mechanism.at, mechanism.len);
    return der(DER_APPLICATION, join(join(b, octets(id, 2)), message));
}

/* RFC 4178 4.2.1 */
static struct built init(struct built token)
{
    struct built none = {.len = 0}, oid = octets(KERBEROS, sizeof KERBEROS);
    struct built fields = field(none, 0, der(DER_SEQUENCE, oid));
    fields = field(fields, 2, der(DER_OCTET_STRING, token));
    struct built all = octets(SPNEGO, sizeof SPNEGO);
    return der(DER_APPLICATION, field(all, 0, der(DER_SEQUENCE, fields)));
}

/* RFC 4178 4.2.2 */
static struct built response(struct built token)
{
    struct built none = {.len = 0};
    struct built fields = field(none, 0, octets("\x0a\1\0", 3));
    fields = field(fields, 2, der(DER_OCTET_STRING, token));
    return der(DER_CONTEXT + 1, der(DER_SEQUENCE, fields));
}

static struct built ap_request(void)
{
    return krb_ap_request(true, "HTTP/mp01.corp.example", 23, "one cipher");
}

struct script {
    struct built messages[8];
    struct play_step steps[8];
    size_t count;
};

static void ask(struct script *s, struct built token)
{
    s->messages[s->count] = http_request("Negotiate", &token);
    s->steps[s->count++].dir = DIR_CLIENT;
}

/* `token` may be empty. */
static void answer(struct script *s, const char *status, struct built token)
{
    s->messages[s->count] = http_reply(status, "Negotiate", token.len > 0 ? &token : NULL);
    s->steps[s->count++].dir = DIR_SERVER;
}

static char *told(struct script *s)
{
    for (size_t i = 0; i < s->count; i++) {
        s->steps[i].data = built_bytes(&s->messages[i]);
    }
    return play(s->steps, s->count, NULL);
}

#define FACTS                                                                                      \
    "kerberos.exchange=ap kerberos.carrier=http kerberos.realm=CORP.EXAMPLE "                      \
    "kerberos.service=HTTP/mp01.corp.example kerberos.ticket_etype=rc4-hmac "                      \
    "kerberos.authenticator_etype=aes256-cts-hmac-sha1-96 kerberos.ap_hash="
#define SUCCESS                                                                                    \
    "kerberos.mutual=1 kerberos.result=success kerberos.reply_packet=2 kerberos.packet=1"

static const struct built nothing;

static void wrappings(void **unused)
{
    (void)unused;
    const struct {
        const char *label;
        struct built request, reply;
        bool known;
    } cases[] = {
        {"SPNEGO", init(gss(MECHANISM(KERBEROS), "\1\0", ap_request())),
         response(gss(MECHANISM(KERBEROS), "\2\0", krb_ap_reply())), true},
        {"Microsoft's misprint", init(gss(MECHANISM(MS_KERBEROS), "\1\0", ap_request())),
         response(gss(MECHANISM(KERBEROS), "\2\0", krb_ap_reply())), true},
        {"user to user", gss(MECHANISM(USER_TO_USER), "\1\0", ap_request()),
         gss(MECHANISM(USER_TO_USER), "\2\0", krb_ap_reply()), true},
        {"GSS-API", gss(MECHANISM(KERBEROS), "\1\0", ap_request()),
         gss(MECHANISM(KERBEROS), "\2\0", krb_ap_reply()), true},
        {"DCE style in SPNEGO", init(ap_request()), response(krb_ap_reply()), true},
        {"DCE style", ap_request(), krb_ap_reply(), true},
        {"another mechanism", gss(MECHANISM(SOMETHING), "\1\0", ap_request()), nothing, false},
        {"another token", gss(MECHANISM(KERBEROS), "\4\4", ap_request()), nothing, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct script s = {.count = 0};
        ask(&s, cases[i].request);
        answer(&s, "200 OK", cases[i].reply);
        char *said = told(&s);
        bool stated = strstr(said, "kerberos @2 server " FACTS) != NULL && strstr(said, SUCCESS);
        bool silent = strstr(said, "kerberos.") == NULL;
        if (!(cases[i].known ? stated : silent) || strstr(said, "anomalies") != NULL) {
            fail_msg("%s: %s", cases[i].label, said);
        }
        assert_null(strstr(said, "cipher"));
        free(said);
        play_chunking_sweep(s.steps, s.count);
        play_hostile_sweep(s.steps, s.count);
        play_gap_sweep(s.steps, s.count);
        play_truncation_sweep(s.steps, s.count);
    }
}

static void outcomes(void **unused)
{
    (void)unused;
    struct built rep = gss(MECHANISM(KERBEROS), "\2\0", krb_ap_reply());
    struct built skew = gss(MECHANISM(KERBEROS), "\3\0", krb_error(37, NULL, "HTTP/mp01"));
    struct built broken = krb_message(KRB_ERROR, 0, nothing);
    const struct {
        const char *label, *status;
        struct built reply;
        const char *facts;
    } cases[] = {
        {"AP-REP", "200 OK", rep, "kerberos.result=success kerberos.reply_packet=2 "},
        {"AP-REP, but no access", "401 No", rep, "kerberos.result=success kerberos.reply_packet=2"},
        {"KRB-ERROR", "401 No", skew,
         "kerberos.error=KRB_AP_ERR_SKEW kerberos.error_code=37 kerberos.result=failure "
         "kerberos.reply_packet=2 kerberos.packet=1"},
        {"no proof of the server", "200 OK", nothing, "kerberos.result=success kerberos.packet=1"},
        {"refused without a word", "401 No", nothing, "kerberos.result=failure kerberos.packet=1"},
        {"an error that is none", "401 No", broken, "kerberos.result=failure kerberos.packet=1"},
        {"no answer", NULL, nothing, "kerberos.result=unknown kerberos.packet=1"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct script s = {.count = 0};
        ask(&s, gss(MECHANISM(KERBEROS), "\1\0", ap_request()));
        if (cases[i].status != NULL) {
            answer(&s, cases[i].status, cases[i].reply);
        }
        char *said = told(&s);
        if (strstr(said, cases[i].facts) == NULL) {
            fail_msg("%s: %s", cases[i].label, said);
        }
        free(said);
    }
}

/* Kerberos first, then NTLM, in one exchange and in the next. */
static void ntlm_instead(void **unused)
{
    (void)unused;
    struct built challenge = ntlm_challenge(0xe2898215);
    for (int refused = 0; refused < 2; refused++) {
        struct script s = {.count = 0};
        ask(&s, init(gss(MECHANISM(KERBEROS), "\1\0", ap_request())));
        if (refused) {
            answer(&s, "401 No", nothing);
            ask(&s, ntlm_negotiate());
        }
        answer(&s, "401 No", response(challenge));
        char *said = told(&s);
        assert_non_null(strstr(said, "kerberos.result=failure kerberos.packet=1"));
        assert_non_null(strstr(said, "ntlm.server_challenge=0123456789abcdef"));
        free(said);
    }
    /* And the other way round: the answer is Kerberos's. */
    struct script s = {.count = 0};
    ask(&s, init(ntlm_negotiate()));
    ask(&s, init(gss(MECHANISM(KERBEROS), "\1\0", ap_request())));
    answer(&s, "200 OK", nothing);
    char *said = told(&s);
    assert_non_null(strstr(said, "ntlm.result=unknown"));
    assert_non_null(strstr(said, "kerberos.packet=2"));
    free(said);
}

static void hash_of(struct built request, char ret[17])
{
    struct script s = {.count = 0};
    ask(&s, gss(MECHANISM(KERBEROS), "\1\0", request));
    char *said = told(&s);
    const char *hash = strstr(said, "kerberos.ap_hash=");
    assert_non_null(hash);
    memcpy(ret, hash + strlen("kerberos.ap_hash="), 16);
    ret[16] = '\0';
    free(said);
}

/* The same AP-REQ has the same hash, another authenticator another one. FNV-1a by hand, of ciphers
 * that are shorter than their two ends. */
static void hashes(void **unused)
{
    (void)unused;
    char first[17], again[17], other[17];
    hash_of(ap_request(), first);
    hash_of(ap_request(), again);
    hash_of(krb_ap_request(true, "HTTP/mp01.corp.example", 23, "two cipher"), other);
    assert_string_equal(first, again);
    assert_string_equal(first, "ecf60bff4353b62f");
    assert_string_not_equal(first, other);
}

static void broken_requests(void **unused)
{
    (void)unused;
    struct built good = ap_request();
    for (size_t len = 1; len < good.len; len++) {
        struct script s = {.count = 0};
        ask(&s, octets(good.at, len));
        answer(&s, "200 OK", krb_ap_reply());
        char *said = told(&s);
        if (strstr(said, "kerberos.") != NULL) {
            fail_msg("cut to %zu: %s", len, said);
        }
        free(said);
    }
    static const uint8_t ticket_tags[] = {0x60, 0x62, 0x30};
    for (size_t i = 0; i < COUNT_OF(ticket_tags); i++) {
        struct script s = {.count = 0};
        struct built b = good;
        for (size_t at = 0; at < b.len; at++) {
            b.at[at] = b.at[at] == 0x61 && at > 8 && at < 40 ? ticket_tags[i] : b.at[at];
        }
        ask(&s, b);
        char *said = told(&s);
        assert_null(strstr(said, "kerberos."));
        free(said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrappings),       cmocka_unit_test(outcomes),
        cmocka_unit_test(ntlm_instead),    cmocka_unit_test(hashes),
        cmocka_unit_test(broken_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
