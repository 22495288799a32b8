/*
 * TDS: what both ends say before the login, the login and its answer, logons in it, and the TLS
 * that begins inside packets and goes on, or not, outside of them.
 */
#include "tests/dissect/test_tds_messages.h"

#include "dissect/tds.h"
#include "tests/dissect/test_tls_messages.h"

/* ---- conversations ---- */

static void sql_login(struct talk *t)
{
    say_prelogin(t, 0, 2);
    send(t, LOGIN7, login7(&(struct login){.user = "sa", .password = "topsecret"}));
    send(t, REPLY, acknowledged());
}

static void sql_login_refused(struct talk *t)
{
    say_prelogin(t, 2, 2);
    send(t, LOGIN7, login7(&(struct login){.user = "sa", .password = ""}));
    send(t, REPLY, refused());
    send(t, REPLY, refused());
}

static void windows_login(struct talk *t)
{
    struct built first = ntlm_negotiate(), third = logon_authenticate("mp01$");
    say_prelogin(t, 2, 0);
    send(t, LOGIN7,
         login7(&(struct login){
             .user = "", .password = "", .flags2 = 0x80, .sspi = built_bytes(&first)}));
    send(t, REPLY, challenge());
    send(t, SSPI, third);
    send(t, REPLY, acknowledged());
}

static void windows_login_refused(struct talk *t)
{
    struct built third = logon_authenticate("mp01$");
    send(t, LOGIN7,
         login7(&(struct login){.user = "",
                                .password = "",
                                .flags2 = 0x80,
                                .sspi = built_bytes(&third),
                                .sspi_long = true}));
    send(t, REPLY, refused());
}

static void federated_login(struct talk *t)
{
    static const uint8_t features[] = {4, 1, 0, 0, 0, 9, 2, 0, 0, 0, 0, 0xff};
    send(t, LOGIN7,
         login7(&(struct login){.user = "",
                                .password = "",
                                .flags3 = 0x10,
                                .extension = bytes_of(features, sizeof features)}));
}

/* A LOGIN7 cut into packets of 50 octets. */
static void login_in_packets(struct talk *t)
{
    struct built l = login7(&(struct login){.user = "sa", .password = "topsecret"});
    for (size_t at = 0; at < l.len; at += 50) {
        struct bytes piece = bytes_from(built_bytes(&l), at);
        bool last = piece.len <= 50;
        piece.len = last ? piece.len : 50;
        say(t, DIR_CLIENT, packet(LOGIN7, last, piece));
    }
    send(t, REPLY, acknowledged());
}

/* After the login requests are counted, in MARS sessions too; an error of a query is not the
 * login's.
 */
static void work(struct talk *t)
{
    struct built batch = {.len = 0}, frame = {.len = 0}, none = {.len = 1500};
    memset(none.at, 0xaa, none.len);
    sql_login(t);
    put_le(&batch, 22, 4);
    put_le(&batch, 18, 4);
    put_le(&batch, 2, 2);
    put_le(&batch, 1, 8);
    put_le(&batch, 1, 4);
    put_utf16(&batch, "SELECT 1");
    send(t, BATCH, batch);
    for (unsigned i = 0; i < 8; i++) {
        send(t, REPLY, none);
    }
    send(t, REPLY, refused());
    put_be(&frame, 0x5308, 2);
    put_le(&frame, 0, 2);
    put_le(&frame, 16 + 40, 4);
    put_be(&frame, 0, 8);
    put_be(&frame, 1, 40);
    say(t, DIR_CLIENT, frame);
    send(t, BATCH, batch);
}

static void query_midstream(struct talk *t)
{
    struct built batch = {.len = 0};
    put_le(&batch, 22, 4);
    put_le(&batch, 18, 4);
    put_le(&batch, 2, 2);
    put_be(&batch, 0, 12);
    send(t, BATCH, batch);
    send(t, REPLY, refused());
}

static void lying_prelogin(struct talk *t)
{
    struct built p = prelogin(1, "CM", 0);
    p.at[8] = 200; /* ENCRYPTION lies past the message */
    send(t, PRELOGIN, p);
}

static void lying_login(struct talk *t)
{
    struct built l = login7(&(struct login){.user = "sa", .password = ""});
    l.at[40] = 0xff;
    l.at[41] = 0xff; /* the user's name lies past the message */
    send(t, LOGIN7, l);
}

/* ---- TLS ---- */

static const uint16_t CIPHERS[] = {0xc02f};
static const struct hello_shape HELLO = {
    .version = 0x0303, .ciphers = CIPHERS, .cipher_count = 1, .server_name = "sql01.corp.example"};

/* Both ends' flights in packets of type 0x12, of at most 40 octets: records and messages span them.
 */
static void say_tls(struct talk *t, enum dir dir, const struct wire *w)
{
    for (size_t at = 0; at < w->len; at += 40) {
        size_t left = w->len - at;
        say(t, dir, packet(PRELOGIN, left <= 40, bytes_of(w->at + at, left < 40 ? left : 40)));
    }
}

static void say_record(struct talk *t, enum dir dir, uint8_t content, size_t len)
{
    struct wire w = {.len = 0};
    wire_opaque(&w, content, len);
    say_octets(t, dir, wire_bytes(&w));
}

static void say_handshake(struct talk *t)
{
    struct wire w = {.len = 0};
    wire_client_hello(&w, &HELLO);
    say_tls(t, DIR_CLIENT, &w);
    w.len = 0;
    wire_server_hello(
        &w, &(struct hello_shape){.version = 0x0303, .ciphers = CIPHERS, .cipher_count = 1});
    wire_message(&w, 14, NULL, 0);
    say_tls(t, DIR_SERVER, &w);
    w.len = 0;
    wire_message(&w, 16, "\0", 1);
    wire_change(&w);
    wire_opaque(&w, 22, 40);
    say_tls(t, DIR_CLIENT, &w);
    w.len = 0;
    wire_change(&w);
    wire_opaque(&w, 22, 40);
    say_tls(t, DIR_SERVER, &w);
}

/* Only the login is encrypted: what follows it is in clear again, the logon too. */
static void login_only(struct talk *t)
{
    say_prelogin(t, 0, 0);
    say_handshake(t);
    say_record(t, DIR_CLIENT, 23, 300);
    send(t, REPLY, challenge());
    send(t, SSPI, logon_authenticate("mp01$"));
    send(t, REPLY, acknowledged());
}

static void all_encrypted(struct talk *t)
{
    say_prelogin(t, 1, 1);
    say_handshake(t);
    for (unsigned i = 0; i < 3; i++) {
        say_record(t, DIR_CLIENT, 23, 300);
        say_record(t, DIR_SERVER, 23, 500);
    }
}

/* ---- what is stated ---- */

#define PRELOGIN_STATED(at, client, server, result)                                                \
    "sql @" at " server sql.message=prelogin sql.client_version=15.0.2000 "                        \
    "sql.server_version=15.0.2000 sql.encryption.client=" client " sql.encryption.server=" server  \
    " " result "sql.instance=CM sql.mars=0 sql.federated=0\n"
#define CLIENT_STATED                                                                              \
    " sql.application=Console sql.database=CM_P01 sql.server=sql01 sql.client_host=CL01 "          \
    "sql.library=ODBC sql.tds_version=7.4 sql.password_exposed="
#define AUTHENTICATED                                                                              \
    " client ntlm.carrier=tds ntlm.variant=v2 ntlm.user=mp01$ ntlm.domain=CORP "                   \
    "ntlm.workstation=CL01"
#define CHALLENGED                                                                                 \
    " ntlm.server_name=MP01 ntlm.server_domain=CORP ntlm.server_dns_name=mp01.corp.example "       \
    "ntlm.server_dns_domain=corp.example ntlm.server_challenge=0123456789abcdef"
#define FLAGS                                                                                      \
    " ntlm.response_hash=d427dc6b8fa0a2ef ntlm.mic=1 ntlm.sign=1 ntlm.seal=0 "                     \
    "ntlm.channel_binding=0 ntlm.target_spn=host/mp01"

static const struct logon_case cases[] = {
    {"SQL login", sql_login,
     PRELOGIN_STATED("2", "off", "not_supported",
                     "sql.encryption.result=none ") "sql @4 server sql.message=login sql.auth=sql "
                                                    "sql.user=sa" CLIENT_STATED
                                                    "1 sql.result=success "
                                                    "sql.request_packet=3\n"},
    {"SQL login refused", sql_login_refused,
     PRELOGIN_STATED("2", "not_supported", "not_supported",
                     "sql.encryption.result=none ") "sql @4 server sql.message=login sql.auth=sql "
                                                    "sql.user=sa" CLIENT_STATED
                                                    "0 sql.result=failure sql.error=4060 "
                                                    "sql.error_text=Cannot open database "
                                                    "sql.error_state=1 sql.request_packet=3\n"},
    {"Windows login", windows_login,
     PRELOGIN_STATED(
         "2", "not_supported", "off",
         "sql.encryption.result=none ") "sql @6 server sql.message=login "
                                        "sql.auth=windows" CLIENT_STATED "0 sql.result=success "
                                        "sql.request_packet=3\n"
                                        "ntlm @6" AUTHENTICATED CHALLENGED FLAGS
                                        " ntlm.negotiate_packet=3 ntlm.challenge_packet=4 "
                                        "ntlm.authenticate_packet=5 "
                                        "ntlm.result_packet=6 ntlm.result=success "
                                        "ntlm.status=LOGINACK\n"},
    {"Windows login refused", windows_login_refused,
     "sql @2 server sql.message=login sql.auth=windows" CLIENT_STATED
     "0 sql.result=failure sql.error=4060 sql.error_text=Cannot open database sql.error_state=1 "
     "sql.request_packet=1\n"
     "ntlm @2" AUTHENTICATED FLAGS " ntlm.authenticate_packet=1 ntlm.result_packet=2 "
     "ntlm.result=failure ntlm.status=4060\n"},
    {"federated login", federated_login,
     "sql @1 client sql.message=login sql.auth=federated" CLIENT_STATED "0 sql.request_packet=1\n"},
    {"login in packets", login_in_packets,
     "sql @5 server sql.message=login sql.auth=sql sql.user=sa" CLIENT_STATED
     "1 sql.result=success sql.request_packet=4\n"},
    {"work", work,
     PRELOGIN_STATED(
         "2", "off", "not_supported",
         "sql.encryption.result=none ") "sql @4 server sql.message=login sql.auth=sql "
                                        "sql.user=sa" CLIENT_STATED "1 sql.result=success "
                                        "sql.request_packet=3\n"
                                        "sql @16 client sql.message=requests sql.batches=2 "
                                        "sql.rpcs=0 sql.bulk_loads=0 sql.attentions=0 "
                                        "sql.sessions=1 sql.first_packet=5\n"},
    {"query joined in the middle", query_midstream,
     "sql @2 client sql.message=requests sql.batches=1 sql.rpcs=0 sql.bulk_loads=0 "
     "sql.attentions=0 sql.sessions=0 sql.first_packet=1\n"},
    {"a prelogin that lies", lying_prelogin,
     "sql @1 client sql.message=prelogin sql.client_version=15.0.2000\n"},
    {"a login that lies", lying_login,
     "sql @1 client sql.message=login sql.auth=sql" CLIENT_STATED "0 sql.request_packet=1\n"},
};

static void test_what_is_stated(void **state)
{
    (void)state;
    static const struct play_options options = {.records_only = true};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        check_logon(&cases[i], &options);
    }
}

static void test_tls(void **state)
{
    (void)state;
    static const char *const words[] = {
        "tls.cipher=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "tls.server_name=sql01.corp.example",
        "tls.established=1",
        "tls.carrier=tds",
        "flow.protocol=tds",
    };
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        check_flow(login_only, words[i]);
        check_flow(all_encrypted, words[i]);
    }
    check_flow(all_encrypted, "sql.encryption.result=full");
    check_flow(login_only, "sql.encryption.result=login");
    check_flow(login_only, "sql.message=login sql.result=success\n");
    check_flow(login_only, "ntlm.user=mp01$");
    check_flow(login_only, "ntlm.status=LOGINACK");
}

static void test_oddities(void **state)
{
    (void)state;
    check_flow(lying_prelogin, "tds.bad_prelogin");
    check_flow(lying_login, "tds.bad_login");
}

/* [MS-TDS] 2.2.6.5 */
static void test_encryption(void **state)
{
    (void)state;
    static const struct {
        int client, server;
        const char *result;
    } rows[] = {
        {0, 0, "login"}, {0, 1, "full"}, {0, 2, "none"}, {0, 3, "full"}, {1, 1, "full"},
        {1, 2, "none"},  {1, 0, NULL},   {2, 0, "none"}, {2, 2, "none"}, {2, 3, "full"},
        {3, 1, "full"},  {-1, 1, NULL},  {0, -1, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *result = tds_encryption_result(rows[i].client, rows[i].server);
        if ((result == NULL) != (rows[i].result == NULL) ||
            (result != NULL && strcmp(result, rows[i].result) != 0)) {
            fail_msg("client %d, server %d", rows[i].client, rows[i].server);
        }
    }
}

/* No password reaches any record, in clear or as it is scrambled on the wire. */
static void test_secrets(void **state)
{
    (void)state;
    struct talk t = {.count = 0};
    static const struct play_options options = {.secrets = true};
    sql_login(&t);
    char *text = play(t.steps, t.count, &options);
    assert_null(strstr(text, "topsecret"));
    free(text);
}

static void test_probe(void **state)
{
    (void)state;
    struct talk t = {.count = 0};
    sql_login(&t);
    assert_int_equal(tds_dissector.probe(t.steps[0].data), PROBE_CLIENT);
    assert_int_equal(tds_dissector.probe(t.steps[1].data), PROBE_SERVER);
    assert_int_equal(tds_dissector.probe(t.steps[2].data), PROBE_CLIENT);
    assert_int_equal(tds_dissector.probe(t.steps[3].data), PROBE_SERVER);
    for (size_t len = 0; len < 14; len++) {
        assert_int_equal(tds_dissector.probe(bytes_slice(t.steps[0].data, 0, len)), PROBE_MORE);
    }
    static const struct {
        size_t at;
        uint8_t octet;
    } changes[] = {{0, 0x13}, {1, 0x20}, {2, 0xff}, {5, 1}, {6, 2}, {7, 1}, {8, 1}, {12, 7}};
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        struct built b = {.len = 0};
        put(&b, t.steps[0].data.at, t.steps[0].data.len);
        b.at[changes[i].at] = changes[i].octet;
        if (tds_dissector.probe(built_bytes(&b)) != PROBE_NO) {
            fail_msg("octet %zu", changes[i].at);
        }
    }
}

static void test_sweeps(void **state)
{
    (void)state;
    void (*const builds[])(struct talk *) = {sql_login, windows_login, login_in_packets,
                                             login_only};
    for (size_t i = 0; i < COUNT_OF(builds); i++) {
        sweep(builds[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_stated), cmocka_unit_test(test_tls),
        cmocka_unit_test(test_oddities),       cmocka_unit_test(test_encryption),
        cmocka_unit_test(test_secrets),        cmocka_unit_test(test_probe),
        cmocka_unit_test(test_sweeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
