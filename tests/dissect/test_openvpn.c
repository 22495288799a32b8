/*
 * OpenVPN over TCP: the TLS of its control channel, with and without tls-auth, and what must not be
 * taken for it.
 */
#include "tests/dissect/test_logon.h"

#include "tests/dissect/test_tls_messages.h"

enum { SOFT_RESET = 3, CONTROL = 4, ACK = 5, DATA_V1 = 6, CLIENT_RESET = 7, SERVER_RESET = 8 };
enum { DATA_V2 = 9, STARTED = 0x5e3e7b98, PIECE = 60 };

/* One end's view of the session; hmac 0: no tls-auth. */
struct session {
    struct talk *t;
    unsigned hmac;
    unsigned replay[2], next[2]; /* by enum dir */
};

/* OpenVPN Protocol: packet length, opcode and key, session, tls-auth, acknowledgements. */
static struct built header(struct session *s, enum dir dir, unsigned first, unsigned acks)
{
    struct built b = {.len = 0};
    put_be(&b, 0, 2);
    put_be(&b, first, 1);
    put_be(&b, 0x28e1328a7185e6ca + dir, 8);
    if (s->hmac > 0) {
        for (unsigned i = 0; i < s->hmac; i++) {
            put_be(&b, 0xde ^ 7 * i, 1);
        }
        put_be(&b, ++s->replay[dir], 4);
        put_be(&b, STARTED, 4);
    }
    put_be(&b, acks, 1);
    for (unsigned i = 0; i < acks; i++) {
        put_be(&b, i, 4);
    }
    put_be(&b, 0x28e1328a7185e6ca + !dir, acks > 0 ? 8 : 0);
    return b;
}

static void send(struct talk *t, enum dir dir, struct built b)
{
    b.at[0] = (uint8_t)((b.len - 2) >> 8);
    b.at[1] = (uint8_t)(b.len - 2);
    say(t, dir, b);
}

static void send_message(struct session *s, enum dir dir, unsigned first, unsigned id,
                         struct bytes tls)
{
    struct built b = header(s, dir, first, dir == DIR_SERVER || id == 2 ? 1 : 0);
    put_be(&b, id, 4);
    put(&b, tls.at, tls.len);
    send(s->t, dir, b);
}

static void send_data(struct session *s, enum dir dir, unsigned opcode)
{
    struct built b = {.len = 0};
    put_be(&b, 0, 2);
    put_be(&b, opcode << 3, 1);
    put_be(&b, 0x0011223344556677, 40);
    send(s->t, dir, b);
}

static void open_session(struct session *s)
{
    send_message(s, DIR_CLIENT, CLIENT_RESET << 3, 0, (struct bytes){0});
    send_message(s, DIR_SERVER, SERVER_RESET << 3, 0, (struct bytes){0});
    send(s->t, DIR_CLIENT, header(s, DIR_CLIENT, ACK << 3, 1));
    s->next[DIR_CLIENT] = s->next[DIR_SERVER] = 1;
}

/* In messages that records span. */
static void send_tls(struct session *s, enum dir dir, const struct wire *w)
{
    for (size_t at = 0; at < w->len; at += PIECE) {
        size_t left = w->len - at;
        send_message(s, dir, CONTROL << 3, s->next[dir]++,
                     bytes_of(w->at + at, left < PIECE ? left : PIECE));
    }
}

static const uint16_t CIPHERS[] = {0xc02f};
static const struct hello_shape HELLO = {.version = 0x0303,
                                         .ciphers = CIPHERS,
                                         .cipher_count = 1,
                                         .server_name = "vpn.corp.example"},
                                ANSWER = {.version = 0x0303, .ciphers = CIPHERS, .cipher_count = 1};

static void say_hellos(struct session *s)
{
    struct wire w = {.len = 0};
    wire_client_hello(&w, &HELLO);
    send_tls(s, DIR_CLIENT, &w);
    w.len = 0;
    wire_server_hello(&w, &ANSWER);
    wire_message(&w, 14, NULL, 0);
    send_tls(s, DIR_SERVER, &w);
}

static void say_finished(struct session *s)
{
    struct wire w = {.len = 0};
    wire_message(&w, 16, "\0", 1);
    wire_change(&w);
    wire_opaque(&w, 22, 40);
    send_tls(s, DIR_CLIENT, &w);
    w.len = 0;
    wire_change(&w);
    wire_opaque(&w, 22, 40);
    send_tls(s, DIR_SERVER, &w);
}

static void session_of(struct talk *t, unsigned hmac)
{
    struct session s = {.t = t, .hmac = hmac};
    open_session(&s);
    say_hellos(&s);
    say_finished(&s);
    for (unsigned i = 0; i < 3; i++) {
        send_data(&s, DIR_CLIENT, DATA_V1);
        send_data(&s, DIR_SERVER, DATA_V2);
    }
}

/* ---- conversations ---- */

static void plain(struct talk *t)
{
    session_of(t, 0);
}
static void md5(struct talk *t)
{
    session_of(t, 16);
}
static void sha1(struct talk *t)
{
    session_of(t, 20);
}
static void sha256(struct talk *t)
{
    session_of(t, 32);
}
static void sha512(struct talk *t)
{
    session_of(t, 64);
}

/* Every message comes twice, and a renegotiation's come between. */
static void sent_again(struct talk *t)
{
    static const uint8_t other[] = {22, 3, 1, 0, 200, 1, 0};
    struct session s = {.t = t, .hmac = 20};
    struct wire w = {.len = 0};
    open_session(&s);
    wire_client_hello(&w, &HELLO);
    for (size_t at = 0; at < w.len; at += PIECE) {
        struct bytes piece = bytes_from(wire_bytes(&w), at);
        piece.len = piece.len < PIECE ? piece.len : PIECE;
        send_message(&s, DIR_CLIENT, CONTROL << 3, s.next[DIR_CLIENT], piece);
        send_message(&s, DIR_CLIENT, CONTROL << 3, s.next[DIR_CLIENT]++, piece);
        send_message(&s, DIR_CLIENT, SOFT_RESET << 3 | 1, 0, (struct bytes){0});
        send_message(&s, DIR_CLIENT, CONTROL << 3 | 1, s.next[DIR_CLIENT],
                     bytes_of(other, sizeof other));
    }
    w.len = 0;
    wire_server_hello(&w, &ANSWER);
    wire_message(&w, 14, NULL, 0);
    send_tls(&s, DIR_SERVER, &w);
    say_finished(&s);
}

/* The message in the middle of the ServerHello never comes: what follows is not read as if it
 * had. */
static void one_missing(struct talk *t)
{
    struct session s = {.t = t};
    struct wire w = {.len = 0};
    open_session(&s);
    wire_client_hello(&w, &HELLO);
    send_tls(&s, DIR_CLIENT, &w);
    w.len = 0;
    wire_server_hello(&w, &ANSWER);
    send_message(&s, DIR_SERVER, CONTROL << 3, 1, bytes_slice(wire_bytes(&w), 0, 20));
    send_message(&s, DIR_SERVER, CONTROL << 3, 3, bytes_from(wire_bytes(&w), 20));
}

/* A message without replay protection in a session that has it. */
static void changed_form(struct talk *t)
{
    struct session s = {.t = t, .hmac = 20};
    struct wire w = {.len = 0};
    open_session(&s);
    s.hmac = 0;
    wire_client_hello(&w, &HELLO);
    send_tls(&s, DIR_CLIENT, &w);
}

/* ---- what is stated ---- */

static char *answer_of(void (*build)(struct talk *))
{
    struct talk t = {.count = 0};
    build(&t);
    return play(t.steps, t.count, NULL);
}

static void test_what_is_stated(void **state)
{
    (void)state;
    static const struct {
        const char *label;
        void (*build)(struct talk *);
        const char *stated, *unstated;
    } rows[] = {
        {"plain", plain, " tls.established=1", "malformed"},
        {"HMAC-MD5", md5, " tls.established=1", "malformed"},
        {"HMAC-SHA1", sha1, " tls.established=1", "malformed"},
        {"HMAC-SHA256", sha256, " tls.established=1", "malformed"},
        {"HMAC-SHA512", sha512, " tls.established=1", "malformed"},
        {"retransmissions", sent_again, " tls.established=1", "malformed"},
        {"named", plain, " tls.server_name=vpn.corp.example", "starttls"},
        {"carrier", sha1, " tls.carrier=openvpn", "starttls"},
        {"cipher", sent_again, " tls.cipher=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "starttls"},
        {"protocol", sha256, " flow.protocol=openvpn", "flow.protocol=tls"},
        {"once", sent_again, " tls.server_name=vpn.corp.example", "starttls"},
        {"a message missing", one_missing, " tls.server_name=vpn.corp.example", " tls.cipher="},
        {"another form", changed_form, " flow.protocol=openvpn", " tls.server_name="},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char *answer = answer_of(rows[i].build);
        if (strstr(answer, rows[i].stated) == NULL || strstr(answer, rows[i].unstated) != NULL) {
            print_error("%s: %s, not %s:\n%s", rows[i].label, rows[i].stated, rows[i].unstated,
                        answer);
            free(answer);
            fail();
        }
        free(answer);
    }
}

/* ---- probe ---- */

static void test_probe_openings(void **state)
{
    (void)state;
    static const unsigned hmacs[] = {0, 16, 20, 28, 32, 48, 64};
    for (size_t i = 0; i < COUNT_OF(hmacs); i++) {
        struct talk t = {.count = 0};
        session_of(&t, hmacs[i]);
        assert_int_equal(openvpn_dissector.probe(t.steps[0].data), PROBE_CLIENT);
        assert_int_equal(openvpn_dissector.probe(t.steps[1].data), PROBE_SERVER);
        for (size_t step = 2; step < t.count; step++) {
            assert_int_equal(openvpn_dissector.probe(t.steps[step].data), PROBE_NO);
        }
        for (size_t len = 0; len < t.steps[0].data.len; len++) {
            assert_int_equal(openvpn_dissector.probe(bytes_slice(t.steps[0].data, 0, len)),
                             PROBE_MORE);
        }
    }
}

static void test_probe_refusals(void **state)
{
    (void)state;
    /* The opening of tls-auth with SHA-1: length 0, opcode 2, number 31, time 35, acks 39, id 40.
     */
    static const struct {
        size_t at;
        uint8_t octet;
    } changes[] = {{0, 1},  {1, 13}, {1, 200}, {1, 41}, {2, 0x39}, {2, 0x40 | 1}, {2, 10 << 3},
                   {31, 1}, {34, 0}, {35, 0},  {39, 1}, {39, 9},   {40, 1},       {43, 1}};
    struct talk t = {.count = 0};
    sha1(&t);
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        struct built b = {.len = 0};
        put(&b, t.steps[0].data.at, t.steps[0].data.len);
        b.at[changes[i].at] = changes[i].octet;
        if (openvpn_dissector.probe(built_bytes(&b)) != PROBE_NO) {
            fail_msg("octet %zu = %u", changes[i].at, changes[i].octet);
        }
    }
}

/* An opening is a whole packet, and acknowledges one opening at most. */
static void test_probe_surplus(void **state)
{
    (void)state;
    static const struct {
        enum dir dir;
        unsigned opcode, acks, more;
        enum probe seen;
    } rows[] = {
        {DIR_CLIENT, CLIENT_RESET, 0, 0, PROBE_CLIENT},
        {DIR_CLIENT, CLIENT_RESET, 0, 2, PROBE_NO},
        {DIR_CLIENT, CLIENT_RESET, 1, 0, PROBE_NO},
        {DIR_SERVER, SERVER_RESET, 0, 0, PROBE_SERVER},
        {DIR_SERVER, SERVER_RESET, 1, 0, PROBE_SERVER},
        {DIR_SERVER, SERVER_RESET, 1, 1, PROBE_NO},
        {DIR_SERVER, SERVER_RESET, 2, 0, PROBE_NO},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct session s = {.hmac = 0};
        struct built b = header(&s, rows[i].dir, rows[i].opcode << 3, rows[i].acks);
        put_be(&b, 0, 4);
        put_be(&b, 0, rows[i].more);
        b.at[1] = (uint8_t)(b.len - 2);
        if (openvpn_dissector.probe(built_bytes(&b)) != rows[i].seen) {
            fail_msg("row %zu", i);
        }
    }
}

/* A DNS query over TCP whose number looks like an opening. */
static void test_probe_neighbours(void **state)
{
    (void)state;
    static const uint8_t query[] = "\0\x2a\x38\0\1\0\0\1\0\0\0\0\0\1\10rolecall\4corp\0\0\1\0\1"
                                   "\0\0\x29\x10\0\0\0\0\0\0";
    assert_int_equal(sizeof query, 2 + 42);
    assert_int_equal(openvpn_dissector.probe(bytes_of(query, sizeof query)), PROBE_NO);
}

static void test_sweeps(void **state)
{
    (void)state;
    void (*const builds[])(struct talk *) = {plain, sha1, sent_again, one_missing};
    for (size_t i = 0; i < COUNT_OF(builds); i++) {
        sweep(builds[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_stated), cmocka_unit_test(test_probe_openings),
        cmocka_unit_test(test_probe_refusals), cmocka_unit_test(test_probe_neighbours),
        cmocka_unit_test(test_probe_surplus),  cmocka_unit_test(test_sweeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
