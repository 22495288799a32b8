#include "tests/test.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "capture/limits.h"
#include "tests/dissect/play.h"
#include "tests/dissect/test_tls_messages.h"

enum { STEPS = 10, FRAGMENTS = 10 };

#define CLIENT DIR_CLIENT
#define SERVER DIR_SERVER

/* A conversation under construction: each step has a wire of its own. */
struct scene {
    struct wire wires[STEPS];
    struct play_step steps[STEPS];
    size_t count;
};

static struct bytes leaf; /* a self-signed certificate, made once */

static struct wire *say(struct scene *s, enum dir dir)
{
    assert_true(s->count < STEPS);
    s->steps[s->count].dir = dir;
    s->wires[s->count].len = 0;
    return &s->wires[s->count++];
}

static void lose(struct scene *s, enum dir dir, uint64_t octets)
{
    (void)say(s, dir);
    s->steps[s->count - 1].gap = octets;
}

static void seal(struct scene *s)
{
    for (size_t i = 0; i < s->count; i++) {
        s->steps[i].data = wire_bytes(&s->wires[i]);
    }
}

/* ---- the parts of handshakes ---- */

static const uint16_t offer[] = {0x1301, 0xc02f, 0x0a0a, 0x00ff, 0x7777};
static const uint16_t rsa_suite[] = {0x002f};
static const uint16_t ecdhe_suite[] = {0xc02f};
static const uint16_t suite_13[] = {0x1301};
static const uint16_t versions_offered[] = {0x3a3a, 0x0304, 0x0303};
static const uint16_t version_13[] = {0x0304};
static const uint16_t draft_28[] = {0x7f1c};

static const struct hello_shape client_12 = {.version = 0x0303,
                                             .ciphers = offer,
                                             .cipher_count = 5,
                                             .server_name = "mp01.corp.example",
                                             .alpn = "h2"};
static const struct hello_shape client_13 = {.version = 0x0303,
                                             .ciphers = offer,
                                             .cipher_count = 5,
                                             .server_name = "mp01.corp.example",
                                             .versions = versions_offered,
                                             .version_count = 3};
static const struct hello_shape client_early = {.version = 0x0303,
                                                .ciphers = offer,
                                                .cipher_count = 5,
                                                .versions = versions_offered,
                                                .version_count = 3,
                                                .early_data = true};
static const struct hello_shape server_12 = {
    .version = 0x0303, .ciphers = ecdhe_suite, .alpn = "h2"};
static const struct hello_shape server_10 = {.version = 0x0301, .ciphers = rsa_suite};
static const struct hello_shape server_ssl3 = {.version = 0x0300, .ciphers = rsa_suite};
static const struct hello_shape server_13 = {.version = 0x0303,
                                             .ciphers = suite_13,
                                             .versions = version_13,
                                             .version_count = 1,
                                             .key_share = 29};
static const struct hello_shape server_psk = {.version = 0x0303,
                                              .ciphers = suite_13,
                                              .versions = version_13,
                                              .version_count = 1,
                                              .key_share = 29,
                                              .psk = true};
static const struct hello_shape server_draft = {
    .version = 0x0303, .ciphers = suite_13, .versions = draft_28, .version_count = 1};
static const struct hello_shape server_retry = {.version = 0x0303,
                                                .ciphers = suite_13,
                                                .versions = version_13,
                                                .version_count = 1,
                                                .retry = true};

/* RFC 8422 5.4: secp384r1 and a point; the signature is cut short, nobody reads it. */
static void key_exchange(struct wire *w)
{
    wire_message(w, 12, "\3\0\30\4abcd", 8);
}

static void finished(struct wire *w)
{
    wire_change(w);
    wire_opaque(w, HANDSHAKE, 40);
}

static void server_flight(struct wire *w, const struct hello_shape *hello, bool ask)
{
    wire_server_hello(w, hello);
    wire_certificate(w, leaf, 2);
    if (hello == &server_12) {
        key_exchange(w);
    }
    if (ask) {
        wire_message(w, 13, "\1\1\0\0", 4);
    }
    wire_message(w, 14, NULL, 0);
}

static void full(struct scene *s, const struct hello_shape *hello)
{
    wire_client_hello(say(s, CLIENT), &client_12);
    server_flight(say(s, SERVER), hello, false);
    struct wire *w = say(s, CLIENT);
    wire_message(w, 16, "key", 3);
    finished(w);
    finished(say(s, SERVER));
    wire_opaque(say(s, CLIENT), DATA, 300);
    wire_opaque(say(s, SERVER), DATA, 300);
}

static void tls12(struct scene *s)
{
    full(s, &server_12);
}

static void tls10(struct scene *s)
{
    full(s, &server_10);
}

static void ssl3(struct scene *s)
{
    full(s, &server_ssl3);
}

static void client_certificate(struct scene *s)
{
    wire_client_hello(say(s, CLIENT), &client_12);
    server_flight(say(s, SERVER), &server_12, true);
    struct wire *w = say(s, CLIENT);
    wire_certificate(w, leaf, 1);
    wire_message(w, 16, "key", 3);
    wire_message(w, 15, "signed", 6);
    finished(w);
    w = say(s, SERVER);
    wire_message(w, 4, "ticket", 6);
    finished(w);
}

static void no_client_certificate(struct scene *s)
{
    wire_client_hello(say(s, CLIENT), &client_12);
    server_flight(say(s, SERVER), &server_12, true);
    struct wire *w = say(s, CLIENT);
    wire_certificate(w, leaf, 0);
    wire_message(w, 16, "key", 3);
    finished(w);
    wire_alert(say(s, SERVER), 2, 40);
}

static void resumed_12(struct scene *s)
{
    wire_client_hello(say(s, CLIENT), &client_12);
    struct wire *w = say(s, SERVER);
    wire_server_hello(w, &server_12);
    wire_message(w, 4, "ticket", 6);
    finished(w);
    finished(say(s, CLIENT));
}

static void encrypted_13(struct scene *s)
{
    wire_opaque(say(s, SERVER), DATA, 1200);
    struct wire *w = say(s, CLIENT);
    wire_change(w);
    wire_opaque(w, DATA, 53);
}

static void tls13(struct scene *s)
{
    wire_client_hello(say(s, CLIENT), &client_13);
    struct wire *w = say(s, SERVER);
    wire_server_hello(w, &server_13);
    wire_change(w);
    encrypted_13(s);
}

static void tls13_draft(struct scene *s)
{
    wire_client_hello(say(s, CLIENT), &client_13);
    wire_server_hello(say(s, SERVER), &server_draft);
    encrypted_13(s);
}

static void psk(struct scene *s)
{
    wire_client_hello(say(s, CLIENT), &client_13);
    wire_server_hello(say(s, SERVER), &server_psk);
    encrypted_13(s);
}

static void early_data(struct scene *s)
{
    struct wire *w = say(s, CLIENT);
    wire_client_hello(w, &client_early);
    wire_change(w);
    wire_opaque(w, DATA, 500);
    w = say(s, SERVER);
    wire_server_hello(w, &server_psk);
    wire_change(w);
    encrypted_13(s);
}

/* The client's ChangeCipherSpec comes before its second, readable ClientHello. */
static void retried(struct scene *s)
{
    wire_client_hello(say(s, CLIENT), &client_13);
    struct wire *w = say(s, SERVER);
    wire_server_hello(w, &server_retry);
    wire_change(w);
    w = say(s, CLIENT);
    wire_change(w);
    wire_client_hello(w, &client_early);
    wire_server_hello(say(s, SERVER), &server_13);
    encrypted_13(s);
}

static void tls13_refused_by_client(struct scene *s)
{
    wire_client_hello(say(s, CLIENT), &client_13);
    wire_server_hello(say(s, SERVER), &server_13);
    wire_opaque(say(s, SERVER), DATA, 1200);
    wire_opaque(say(s, CLIENT), DATA, 19);
}

static void refused(struct scene *s)
{
    wire_client_hello(say(s, CLIENT), &client_12);
    wire_alert(say(s, SERVER), 2, 70);
}

static void warned(struct scene *s)
{
    wire_client_hello(say(s, CLIENT), &client_12);
    struct wire *w = say(s, SERVER);
    wire_alert(w, 1, 112);
    server_flight(w, &server_12, false);
    w = say(s, CLIENT);
    wire_message(w, 16, "key", 3);
    finished(w);
    finished(say(s, SERVER));
}

static void distrusted(struct scene *s)
{
    wire_client_hello(say(s, CLIENT), &client_12);
    server_flight(say(s, SERVER), &server_12, false);
    wire_alert(say(s, CLIENT), 2, 45);
}

static void unknown_alert(struct scene *s)
{
    wire_client_hello(say(s, CLIENT), &client_12);
    wire_alert(say(s, SERVER), 2, 200);
}

/* What an encrypted alert says is anybody's guess: its first octets look like a readable one. */
static void encrypted_alert(struct scene *s)
{
    wire_client_hello(say(s, CLIENT), &client_12);
    server_flight(say(s, SERVER), &server_12, false);
    struct wire *w = say(s, CLIENT);
    wire_message(w, 16, "key", 3);
    finished(w);
    w = say(s, SERVER);
    wire_change(w);
    wire_record(w, ALERT, bytes_of("\2\50____________________", 22));
}

static void close_notify(struct scene *s)
{
    wire_client_hello(say(s, CLIENT), &client_12);
    wire_alert(say(s, SERVER), 1, 0);
}

static void lone_hello(struct scene *s)
{
    wire_client_hello(say(s, CLIENT), &client_12);
}

static void server_only(struct scene *s)
{
    server_flight(say(s, SERVER), &server_12, false);
    finished(say(s, SERVER));
    wire_opaque(say(s, SERVER), DATA, 100);
}

static void client_only(struct scene *s)
{
    wire_client_hello(say(s, CLIENT), &client_12);
    struct wire *w = say(s, CLIENT);
    wire_message(w, 16, "key", 3);
    finished(w);
    wire_opaque(say(s, CLIENT), DATA, 100);
}

static void server_speaks_first(struct scene *s)
{
    wire_client_hello(say(s, SERVER), &client_12);
    server_flight(say(s, CLIENT), &server_12, false);
}

static void past_the_handshake(struct scene *s)
{
    wire_opaque(say(s, SERVER), DATA, 100);
    wire_opaque(say(s, CLIENT), DATA, 100);
}

/* All of the server's messages in one record. */
static void coalesced(struct scene *s)
{
    static struct wire each, body;
    each.len = body.len = 0;
    server_flight(&each, &server_12, true);
    for (size_t at = 0; at < each.len;) {
        size_t len = (size_t)(each.at[at + 3] << 8 | each.at[at + 4]);
        wire_copy(&body, each.at + at + 5, len);
        at += 5 + len;
    }
    wire_client_hello(say(s, CLIENT), &client_12);
    wire_record(say(s, SERVER), HANDSHAKE, wire_bytes(&body));
    struct wire *w = say(s, CLIENT);
    wire_message(w, 16, "key", 3);
    finished(w);
    finished(say(s, SERVER));
}

/* The same, cut into records of 3 octets: headers of messages are split as well. */
static void fragmented(struct scene *s)
{
    static struct scene whole;
    whole.count = 0;
    coalesced(&whole);
    wire_client_hello(say(s, CLIENT), &client_12);
    struct wire *w = say(s, SERVER);
    struct bytes body = bytes_from(wire_bytes(&whole.wires[1]), 5);
    for (size_t at = 0; at < body.len; at += 3) {
        wire_record(w, HANDSHAKE, bytes_slice(body, at, body.len - at < 3 ? body.len - at : 3));
    }
    *say(s, CLIENT) = whole.wires[2];
    *say(s, SERVER) = whole.wires[3];
}

/* RFC 5246 E.2: SSL 2.0's form, one CIPHER-KIND of its own and two suites. */
static void sslv2_hello(struct wire *w, uint16_t version)
{
    size_t record = wire_open(w, 2);
    wire_number(w, 1, 1);
    wire_number(w, version, 2);
    wire_number(w, 9, 2);
    wire_number(w, 0, 2);
    wire_number(w, 16, 2);
    wire_copy(w, "\1\0\200\0\0\5\0\0\12", 9);
    wire_fill(w, 0x44, 16);
    wire_close(w, record, 2);
    w->at[record - 2] |= 0x80;
}

static void old_form(struct scene *s)
{
    sslv2_hello(say(s, CLIENT), 0x0301);
    server_flight(say(s, SERVER), &server_10, false);
    struct wire *w = say(s, CLIENT);
    wire_message(w, 16, "key", 3);
    finished(w);
    finished(say(s, SERVER));
}

static void ssl2(struct scene *s)
{
    sslv2_hello(say(s, CLIENT), 0x0002);
    struct wire *w = say(s, SERVER);
    size_t record = wire_open(w, 2);
    wire_copy(w, "\4\0\1\0\2", 5);
    wire_number(w, (uint32_t)leaf.len, 2);
    wire_number(w, 3, 2);
    wire_number(w, 16, 2);
    wire_copy(w, leaf.at, leaf.len);
    wire_copy(w, "\1\0\200", 3);
    wire_fill(w, 0x55, 16);
    wire_close(w, record, 2);
    w->at[record - 2] |= 0x80;
}

/* The certificate is lost; the server's later records can still be told. */
static void hole_in_certificate(struct scene *s)
{
    wire_client_hello(say(s, CLIENT), &client_12);
    wire_server_hello(say(s, SERVER), &server_12);
    lose(s, SERVER, 1000);
    wire_message(say(s, SERVER), 14, NULL, 0);
    struct wire *w = say(s, CLIENT);
    wire_message(w, 16, "key", 3);
    finished(w);
    finished(say(s, SERVER));
}

/* The server's ChangeCipherSpec is lost: data shows that it came. */
static void hole_at_change(struct scene *s)
{
    wire_client_hello(say(s, CLIENT), &client_12);
    server_flight(say(s, SERVER), &server_12, false);
    struct wire *w = say(s, CLIENT);
    wire_message(w, 16, "key", 3);
    finished(w);
    lose(s, SERVER, 51);
    wire_opaque(say(s, SERVER), DATA, 300);
}

static void too_long(struct scene *s)
{
    wire_client_hello(say(s, CLIENT), &client_12);
    struct wire *w = say(s, SERVER);
    wire_server_hello(w, &server_12);
    wire_number(w, HANDSHAKE, 1);
    wire_number(w, 0x0303, 2);
    wire_number(w, 16384, 2);
    wire_number(w, 11, 1);
    wire_number(w, 16384 * 5 - 4, 3);
    wire_fill(w, 0, 16380);
    for (unsigned i = 0; i < 4; i++) {
        w = say(s, SERVER);
        wire_number(w, HANDSHAKE, 1);
        wire_number(w, 0x0303, 2);
        wire_number(w, 16384, 2);
        wire_fill(w, 0, 16384);
    }
    wire_message(say(s, SERVER), 14, NULL, 0);
    w = say(s, CLIENT);
    wire_message(w, 16, "key", 3);
    finished(w);
    finished(say(s, SERVER));
}

static void broken_certificate(struct scene *s)
{
    wire_client_hello(say(s, CLIENT), &client_12);
    struct wire *w = say(s, SERVER);
    wire_server_hello(w, &server_12);
    wire_certificate(w, bytes_of("no DER", 6), 1);
    wire_message(w, 14, NULL, 0);
}

static void broken_extensions(struct scene *s)
{
    struct wire *w = say(s, CLIENT);
    wire_client_hello(w, &client_12);
    w->at[w->len - 7] = 0xff; /* the last extension, ALPN, claims more than there is */
}

// clang-format off
static const struct {
    const char *label;
    void (*make)(struct scene *);
    struct play_options options;
    const char *says[FRAGMENTS]; /* in this order */
    const char *never[4];
} cases[] = {
    {"TLS 1.2", tls12, {0}, {"tls @4 server tls.version=TLS 1.2 tls.version_offered=TLS 1.2 tls.cipher=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 tls.cipher_code=0xc02f",
      "tls.ciphers_offered=TLS_AES_128_GCM_SHA256 tls.ciphers_offered=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 tls.ciphers_offered=0x0a0a tls.ciphers_offered=TLS_EMPTY_RENEGOTIATION_INFO_SCSV tls.ciphers_offered=0x7777 tls.server_name=mp01.corp.example tls.alpn=h2 tls.alpn_offered=h2 tls.ja3=",
      "tls.client_random=1111111111111111111111111111111111111111111111111111111111111111 tls.group=secp384r1 tls.session_resumed=0 tls.established=1",
      "tls.certificate.subject=CN=mp01", "tls.certificate.key=ec P-256", "tls.certificate.self_signed=1 tls.certificate.packet=2",
      "tls.chain_length=2", "tls.client_certificate_requested=0 tls.certificate_visible=1 tls.carrier=tcp tls.client_hello_packet=1 tls.server_hello_packet=2", "flow.protocol=tls"},
     {"tls.alert", "tls.client_certificate.", "anomalies", NULL}},
    {"TLS 1.0", tls10, {0}, {"tls.version=TLS 1.0 tls.version_offered=TLS 1.2 tls.cipher=TLS_RSA_WITH_AES_128_CBC_SHA", "tls.established=1"}, {"tls.alpn=", "tls.group"}},
    {"SSL 3.0", ssl3, {0}, {"tls.version=SSL 3.0", "tls.established=1"}, {NULL}},
    {"client certificate", client_certificate, {0}, {"tls.established=1", "tls.client_certificate.subject=CN=mp01", "tls.client_certificate.packet=3", "tls.client_certificate_requested=1"}, {"anomalies"}},
    {"client without a certificate", no_client_certificate, {0}, {"tls @4 server", "tls.established=0 tls.alert=handshake_failure tls.alert_code=40 tls.alert_from=server tls.alert_packet=4", "tls.client_certificate_requested=1"}, {"tls.client_certificate."}},
    {"resumed by ticket", resumed_12, {0}, {"tls.session_resumed=1 tls.established=1", "tls.certificate_visible=0"}, {"tls.client_certificate_requested", "chain_length"}},
    {"TLS 1.3", tls13, {0}, {"tls @4 client tls.version=TLS 1.3 tls.version_offered=TLS 1.3 tls.cipher=TLS_AES_128_GCM_SHA256", "tls.group=x25519 tls.session_resumed=0 tls.established=1 tls.certificate_visible=0"}, {"tls.client_certificate_requested", "tls.certificate.", "anomalies"}},
    {"TLS 1.3, a draft", tls13_draft, {0}, {"tls.version=TLS 1.3 ", "tls.established=1"}, {NULL}},
    {"TLS 1.3, PSK accepted", psk, {0}, {"tls.session_resumed=1 tls.established=1 tls.certificate_visible=0"}, {NULL}},
    {"TLS 1.3, early data", early_data, {0}, {"tls @4 client", "tls.session_resumed=1 tls.established=1"}, {NULL}},
    {"HelloRetryRequest", retried, {0}, {"tls @6 client tls.version=TLS 1.3", "tls.server_name=mp01.corp.example", "tls.established=1", "tls.client_hello_packet=1 tls.server_hello_packet=4"}, {"anomalies"}},
    {"TLS 1.3, an alert for Finished", tls13_refused_by_client, {0}, {"tls @4 client tls.version=TLS 1.3", "tls.established=0"}, {"tls.alert"}},
    {"refused", refused, {0}, {"tls @2 server tls.version_offered=TLS 1.2", "tls.established=0 tls.alert=protocol_version tls.alert_code=70 tls.alert_from=server tls.alert_packet=2"}, {"tls.version=", "tls.cipher=", "tls.session_resumed", "certificate_visible"}},
    {"a warning", warned, {0}, {"tls.established=1 tls.alert=unrecognized_name tls.alert_code=112"}, {NULL}},
    {"certificate refused", distrusted, {0}, {"tls @3 client", "tls.established=0 tls.alert=certificate_expired tls.alert_code=45 tls.alert_from=client", "tls.certificate.subject"}, {NULL}},
    {"an alert without a name", unknown_alert, {0}, {"tls.alert=0xc8 tls.alert_code=200"}, {NULL}},
    {"encrypted alert for Finished", encrypted_alert, {0}, {"tls @4 server", "tls.established=0"}, {"tls.alert"}},
    {"close_notify", close_notify, {0}, {"tls.established=0"}, {"tls.alert"}},
    {"no answer", lone_hello, {0}, {"tls @1 client tls.version_offered=TLS 1.2", "tls.established=0", "tls.client_hello_packet=1"}, {"tls.version=", "tls.server_hello_packet"}},
    {"server's side only", server_only, {.midstream = true}, {"tls.version=TLS 1.2", "tls.certificate.subject"}, {"tls.established", "tls.version_offered"}},
    {"server's side only, taken for the client", server_only, {.midstream = true, .wrong_guess = true}, {"tls @3 server tls.version=TLS 1.2"}, {"tls.established"}},
    {"client's side only", client_only, {0}, {"tls.version_offered=TLS 1.2"}, {"tls.established", "tls.version="}},
    {"the TCP server is the TLS client", server_speaks_first, {0}, {"tls.version=TLS 1.2 tls.version_offered=TLS 1.2", "tls.certificate.subject"}, {"tls.client_certificate."}},
    {"joined after the handshake", past_the_handshake, {.midstream = true}, {"flow @", "flow.protocol=tls"}, {"tls @"}},
    {"messages in one record", coalesced, {0}, {"tls.version=TLS 1.2", "tls.group=secp384r1", "tls.established=1", "tls.chain_length=2", "tls.client_certificate_requested=1"}, {"anomalies"}},
    {"messages over records", fragmented, {0}, {"tls.version=TLS 1.2", "tls.group=secp384r1", "tls.established=1", "tls.chain_length=2", "tls.client_certificate_requested=1"}, {"anomalies"}},
    {"SSL 2.0's form of hello", old_form, {0}, {"tls.version=TLS 1.0 tls.version_offered=TLS 1.0", "tls.ciphers_offered=SSL_CK_RC4_128_WITH_MD5 tls.ciphers_offered=TLS_RSA_WITH_RC4_128_SHA tls.ciphers_offered=TLS_RSA_WITH_3DES_EDE_CBC_SHA", "tls.established=1"}, {"tls.ja3=", "tls.ja4", "anomalies"}},
    {"SSL 2.0", ssl2, {0}, {"tls.version=SSL 2.0 tls.version_offered=SSL 2.0", "tls.session_resumed=0", "tls.certificate.subject=CN=mp01", "tls.chain_length=1"}, {"tls.established"}},
    {"certificate lost", hole_in_certificate, {0}, {"tls.version=TLS 1.2", "tls.session_resumed=0 tls.established=1"}, {"tls.certificate.", "certificate_visible", "client_certificate_requested", "session_resumed=1"}},
    {"ChangeCipherSpec lost", hole_at_change, {0}, {"tls @5 server", "tls.established=1", "tls.certificate.subject"}, {NULL}},
    {"a message too long to keep", too_long, {0}, {"tls.version=TLS 1.2", "tls.established=1", "flow.anomalies=tls.handshake_too_long"}, {"tls.certificate."}},
    {"a certificate that is none", broken_certificate, {0}, {"tls.certificate.sha256=", "tls.chain_length=1", "flow.anomalies=tls.bad_certificate"}, {"tls.certificate.subject"}},
    {"extensions that break off", broken_extensions, {0}, {"tls.server_name=mp01.corp.example", "flow.anomalies=tls.bad_extensions"}, {NULL}},
};
// clang-format on

static struct scene *scene_of(size_t n)
{
    static struct scene s;
    memset(&s, 0, sizeof s);
    cases[n].make(&s);
    seal(&s);
    return &s;
}

static void handshakes_are_stated(void **state)
{
    (void)state;
    for (size_t n = 0; n < COUNT_OF(cases); n++) {
        struct scene *s = scene_of(n);
        char *answer = play(s->steps, s->count, &cases[n].options);
        const char *at = answer;
        for (size_t i = 0; i < FRAGMENTS && cases[n].says[i] != NULL; i++) {
            const char *found = strstr(at, cases[n].says[i]);
            if (found == NULL) {
                fail_msg("%s: no '%s' in\n%s", cases[n].label, cases[n].says[i], answer);
            }
            at = found + strlen(cases[n].says[i]);
        }
        for (size_t i = 0; i < COUNT_OF(cases[n].never) && cases[n].never[i] != NULL; i++) {
            if (strstr(answer, cases[n].never[i]) != NULL) {
                fail_msg("%s: '%s' in\n%s", cases[n].label, cases[n].never[i], answer);
            }
        }
        free(answer);
    }
}

/* One record for one handshake, whatever comes. */
static void a_handshake_is_one_record(void **state)
{
    (void)state;
    static const struct play_options options = {.records_only = true};
    for (size_t n = 0; n < COUNT_OF(cases); n++) {
        struct scene *s = scene_of(n);
        char *answer = play(s->steps, s->count, &options);
        const char *first = strchr(answer, '\n');
        if (first != NULL && first[1] != '\0') {
            fail_msg("%s: more than one record\n%s", cases[n].label, answer);
        }
        free(answer);
    }
}

/* A name a nanosecond old must not be an old name: what the probe refuses, and what it leaves open.
 */
static void probes_are_strict(void **state)
{
    (void)state;
    static const struct {
        const char *label, *head;
        size_t len;
        enum probe expected;
    } heads[] = {
        {"nothing yet", "", 0, PROBE_MORE},
        {"a type alone", "\26", 1, PROBE_MORE},
        {"half a header", "\26\3\1", 3, PROBE_MORE},
        {"another major version", "\26\2\1", 3, PROBE_NO},
        {"a minor version too high", "\26\3\5\0\1", 5, PROBE_NO},
        {"a record too long", "\26\3\1\110\1", 5, PROBE_NO},
        {"a ClientHello too short", "\26\3\1\0\12\1\0\0\6\3\3", 11, PROBE_NO},
        {"a ClientHello of version 2", "\26\3\1\0\120\1\0\0\114\2\3", 11, PROBE_NO},
        {"a ClientHello", "\26\3\1\0\120\1\0\0\114\3\3", 11, PROBE_CLIENT},
        {"a ServerHello", "\26\3\1\0\120\2\0\0\114\3\3", 11, PROBE_SERVER},
        {"application data", "\27\3\3\1\0xxxx", 9, PROBE_EITHER},
        {"application data, then none", "\27\3\3\0\4xxxxyyyyy", 14, PROBE_NO},
        {"application data twice", "\27\3\3\0\4xxxx\27\3\3\0\4", 14, PROBE_EITHER},
        {"ChangeCipherSpec of two octets", "\24\3\3\0\2\1\1", 7, PROBE_NO},
        {"ChangeCipherSpec", "\24\3\3\0\1\1", 6, PROBE_EITHER},
        {"an alert of no level", "\25\3\3\0\2\3\0", 7, PROBE_NO},
        {"text", "GET / HTTP/1.1", 14, PROBE_NO},
        {"SSL 2.0's form cut", "\200\56\1\3\1", 5, PROBE_MORE},
        {"SSL 2.0's form, lengths that disagree", "\200\57\1\3\1\0\11\0\0\0\20", 11, PROBE_NO},
        {"SSL 2.0's form", "\200\42\1\3\1\0\11\0\0\0\20", 11, PROBE_CLIENT},
        {"high octets", "\377\376\1\3", 4, PROBE_MORE},
        {"high octets of another type", "\377\376\2", 3, PROBE_NO},
    };
    for (size_t i = 0; i < COUNT_OF(heads); i++) {
        uint8_t *exact = malloc(heads[i].len + 1);
        memcpy(exact, heads[i].head, heads[i].len);
        enum probe got = tls_dissector.probe(bytes_of(exact, heads[i].len));
        free(exact);
        if (got != heads[i].expected) {
            fail_msg("%s: %d instead of %d", heads[i].label, got, heads[i].expected);
        }
    }
}

/* Sweeps over conversations that use all of the reader; the costly sweeps over the first few. */
static void (*const swept[])(struct scene *) = {
    client_certificate, retried, ssl2, fragmented, old_form, distrusted, resumed_12};
enum { FEW = 3 };

static void sweep(void (*with)(const struct play_step *steps, size_t count), size_t conversations)
{
    static struct scene s;
    for (size_t i = 0; i < conversations; i++) {
        memset(&s, 0, sizeof s);
        swept[i](&s);
        seal(&s);
        with(s.steps, s.count);
    }
}

static void cut_conversations(void **state)
{
    (void)state;
    sweep(play_truncation_sweep, FEW);
}

static void chunked_conversations(void **state)
{
    (void)state;
    sweep(play_chunking_sweep, COUNT_OF(swept));
}

static void conversations_with_holes(void **state)
{
    (void)state;
    sweep(play_gap_sweep, FEW);
}

static void hostile_conversations(void **state)
{
    (void)state;
    sweep(play_hostile_sweep, FEW);
}

static int make_leaf(void **state)
{
    (void)state;
    uint8_t *der = NULL;
    X509 *x = X509_new();
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    X509_gmtime_adj(X509_getm_notBefore(x), 0);
    X509_gmtime_adj(X509_getm_notAfter(x), 86400);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
                               (const uint8_t *)"mp01", -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    X509_set_pubkey(x, key);
    int len = X509_sign(x, key, EVP_sha256()) > 0 ? i2d_X509(x, &der) : -1;
    leaf = bytes_of(der, len < 0 ? 0 : (size_t)len);
    EVP_PKEY_free(key);
    X509_free(x);
    return len < 0;
}

static int free_leaf(void **state)
{
    (void)state;
    OPENSSL_free((void *)(uintptr_t)leaf.at);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handshakes_are_stated), cmocka_unit_test(a_handshake_is_one_record),
        cmocka_unit_test(probes_are_strict),     cmocka_unit_test(cut_conversations),
        cmocka_unit_test(chunked_conversations), cmocka_unit_test(conversations_with_holes),
        cmocka_unit_test(hostile_conversations),
    };
    return cmocka_run_group_tests(tests, make_leaf, free_leaf);
}
