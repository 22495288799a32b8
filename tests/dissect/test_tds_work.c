/*
 * TDS after the login: requests and their text, sessions of MARS, and logins that are not LOGIN7
 * with a password: those of TDS 4.2 and 5.0, federated ones, and TDS 8.0, where all is hidden.
 */
#include "tests/dissect/test_tds_messages.h"

#include "dissect/tds.h"
#include "tests/dissect/test_tls_messages.h"

enum { RPC = 3, ATTENTION = 6, BULK = 7, LOGIN = 2, NORMAL = 15 };

/* ---- messages ---- */

/* [MS-TDS] 2.2.5.3.2: ALL_HEADERS with the transaction descriptor */
static void put_headers(struct built *b)
{
    put_le(b, 22, 4);
    put_le(b, 18, 4);
    put_le(b, 2, 2);
    put_le(b, 1, 8);
    put_le(b, 1, 4);
}

static struct built batch(const char *text)
{
    struct built b = {.len = 0};
    put_headers(&b);
    put_utf16(&b, text);
    return b;
}

/* A parameter without a name. */
static void put_parameter(struct built *b, unsigned type)
{
    put_le(b, 0, 1);
    put_le(b, 0, 1);
    put_le(b, type, 1);
}

static void put_nvarchar(struct built *b, const char *text)
{
    put_parameter(b, 0xe7);
    put_le(b, 8000, 2);
    put_be(b, 0x0904d00034, 5);
    put_le(b, 2 * strlen(text), 2);
    put_utf16(b, text);
}

/* sp_prepexec: handle, declarations, statement */
static struct built prepexec(const char *statement, bool in_chunks)
{
    struct built b = {.len = 0};
    put_headers(&b);
    put_le(&b, 0xffff, 2);
    put_le(&b, 13, 2);
    put_le(&b, 0, 2);
    put_parameter(&b, 0x26);
    put_le(&b, 4, 1);
    put_le(&b, 0, 1);
    put_nvarchar(&b, "@p nvarchar(10)");
    if (in_chunks) {
        put_parameter(&b, 0xe7);
        put_le(&b, 0xffff, 2);
        put_be(&b, 0x0904d00034, 5);
        put_le(&b, 2 * strlen(statement), 8);
        put_le(&b, 2 * strlen(statement), 4);
        put_utf16(&b, statement);
        put_le(&b, 0, 4);
    } else {
        put_nvarchar(&b, statement);
    }
    put_nvarchar(&b, "value");
    return b;
}

static struct built call(const char *procedure)
{
    struct built b = {.len = 0};
    put_headers(&b);
    put_le(&b, strlen(procedure), 2);
    put_utf16(&b, procedure);
    put_le(&b, 0, 2);
    return b;
}

static struct built done(void)
{
    struct built b = {.len = 0};
    put_be(&b, 0xfd, 1);
    put_be(&b, 0, 12);
    return b;
}

/* [MC-SMP] 2.2.1 */
static struct built frame(unsigned flags, unsigned sid, struct bytes content)
{
    struct built b = {.len = 0};
    put_le(&b, 0x53, 1);
    put_le(&b, flags, 1);
    put_le(&b, sid, 2);
    put_le(&b, 16 + content.len, 4);
    put_le(&b, 0, 4);
    put_le(&b, 4, 4);
    put(&b, content.at, content.len);
    return b;
}

static void say_frame(struct talk *t, enum dir dir, unsigned flags, unsigned sid)
{
    say(t, dir, frame(flags, sid, (struct bytes){0}));
}

static void send_framed(struct talk *t, unsigned sid, unsigned type, struct built content)
{
    struct built p = packet(type, true, built_bytes(&content));
    say(t, type == REPLY ? DIR_SERVER : DIR_CLIENT, frame(8, sid, built_bytes(&p)));
}

static void put_fixed(struct built *b, const char *text, size_t room)
{
    size_t len = strlen(text);
    put(b, text, len);
    put_be(b, 0, (unsigned)(room - len));
    put_le(b, len, 1);
}

/* The login record of TDS 4.2 and 5.0. */
static struct built login4(const char *password, unsigned version, bool big_endian)
{
    struct built b = {.len = 0};
    put_fixed(&b, "CL01", 30);
    put_fixed(&b, "sa", 30);
    put_fixed(&b, password, 30);
    put_fixed(&b, "4711", 30);
    put_le(&b, big_endian ? 2 : 3, 1);
    put_le(&b, big_endian ? 0 : 1, 1);
    put_be(&b, 0, 14);
    put_fixed(&b, "isql", 30);
    put_fixed(&b, "SYB", 30);
    put_fixed(&b, "", 255);
    put_be(&b, version, 1);
    put_be(&b, version == 4 ? 2 : 0, 1);
    put_be(&b, 0, 2);
    put_fixed(&b, "CT-Library", 10);
    put_be(&b, 0, 95);
    return b;
}

static void put_u16(struct built *b, size_t number, bool big_endian)
{
    if (big_endian) {
        put_be(b, number, 2);
    } else {
        put_le(b, number, 2);
    }
}

/* LOGINACK of an old server: 5 is consent, 6 is refusal. */
static void put_acknowledgement(struct built *b, unsigned status, bool big_endian)
{
    put_be(b, 0xad, 1);
    put_u16(b, 1 + 4 + 1 + 5 + 4, big_endian);
    put_le(b, status, 1);
    put_be(b, 0x05000000, 4);
    put_le(b, 5, 1);
    put(b, "ASE15", 5);
    put_be(b, 0x0f000102, 4);
}

static struct built ase_accepts(void)
{
    struct built b = {.len = 0};
    put_acknowledgement(&b, 5, true);
    put_be(&b, 0xe2, 1); /* CAPABILITY */
    put_be(&b, 2, 2);
    put_be(&b, 0x0102, 2);
    put_be(&b, 0xfd, 1);
    put_be(&b, 0, 8);
    return b;
}

static struct built ase_refuses(void)
{
    static const char text[] = "Login failed.";
    struct built b = {.len = 0};
    put_acknowledgement(&b, 6, false);
    put_be(&b, 0xe5, 1); /* EED */
    put_le(&b, 4 + 2 + 1 + 5 + 1 + 2 + 2 + strlen(text), 2);
    put_le(&b, 4002, 4);
    put_be(&b, 0x010e, 2);
    put_le(&b, 5, 1);
    put(&b, "ZZZZZ", 5);
    put_be(&b, 0, 3);
    put_le(&b, strlen(text), 2);
    put(&b, text, strlen(text));
    put_be(&b, 0xfd, 1);
    put_be(&b, 0, 8);
    return b;
}

/* ---- conversations ---- */

static void sql_login(struct talk *t)
{
    send(t, LOGIN7, login7(&(struct login){.user = "sa", .password = "topsecret"}));
    send(t, REPLY, acknowledged());
}

static void requests(struct talk *t)
{
    sql_login(t);
    send(t, BATCH, batch("SELECT 'x' FROM t"));
    send(t, REPLY, done());
    send(t, BATCH, batch("SELECT * FROM hidden"));
    send(t, REPLY, refused());
    send(t, RPC, prepexec("SELECT @p", false));
    send(t, REPLY, done());
    send(t, RPC, prepexec("SELECT @p, 1", true));
    send(t, REPLY, done());
    send(t, RPC, call("sp_who"));
    send(t, ATTENTION, (struct built){.len = 0});
    send(t, REPLY, done());
    send(t, BULK, done());
    send(t, REPLY, done());
}

/* A batch in packets of 100 octets, and a reply whose end does not matter. */
static void batch_in_packets(struct talk *t)
{
    char text[400];
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    struct built b = batch(text);
    for (size_t at = 0; at < b.len; at += 100) {
        struct bytes piece = bytes_from(built_bytes(&b), at);
        bool last = piece.len <= 100;
        piece.len = last ? piece.len : 100;
        say(t, DIR_CLIENT, packet(BATCH, last, piece));
    }
    struct built error = refused();
    say(t, DIR_SERVER, packet(REPLY, false, built_bytes(&error)));
    say(t, DIR_SERVER, packet(REPLY, true, built_bytes(&error)));
    send(t, BATCH, batch("SELECT 2"));
}

static void secrets(struct talk *t)
{
    send(t, BATCH, batch("CREATE LOGIN x WITH PassWord = 'topsecret', SID = 0x0AfF"));
    send(t, BATCH, batch("EXEC p \"Pwd=topsecret;\" -- 'top"));
    send(t, BATCH, batch("SELECT 'plain' -- passwor"));
}

static void names(struct talk *t)
{
    send(t, BATCH, batch("INSERT INTO dbo.RBAC_Admins VALUES ('x')"));
    send(t, RPC, call("MP_GetPolicyBody"));
    send(t, BATCH, batch("INSERT INTO t SELECT 'xp_cmd' UPDATE"));
}

/* Two sessions, whose requests and replies lie crosswise. */
static void mars(struct talk *t)
{
    sql_login(t);
    say_frame(t, DIR_CLIENT, 1, 0);
    send_framed(t, 0, BATCH, batch("SELECT 0"));
    say_frame(t, DIR_CLIENT, 1, 1);
    send_framed(t, 1, RPC, call("sp_one"));
    say_frame(t, DIR_SERVER, 2, 1);
    send_framed(t, 1, REPLY, refused());
    send_framed(t, 0, REPLY, done());
    say_frame(t, DIR_CLIENT, 4, 1);
    say_frame(t, DIR_SERVER, 4, 1);
    send_framed(t, 0, ATTENTION, (struct built){.len = 0});
}

/* Joined in the middle; a packet that goes on in a second frame, and one frame with two packets. */
static void mars_midstream(struct talk *t)
{
    struct built content = batch("SELECT 'first'"), two = {.len = 0};
    struct built p = packet(BATCH, true, built_bytes(&content)); /* its text is cut there */
    send_framed(t, 3, BATCH, batch("SELECT 3"));
    send_framed(t, 3, REPLY, done());
    say(t, DIR_CLIENT, frame(8, 3, bytes_slice(built_bytes(&p), 0, 40)));
    say(t, DIR_CLIENT, frame(8, 3, bytes_from(built_bytes(&p), 40)));
    for (unsigned i = 0; i < 2; i++) {
        put_built(&two, p);
    }
    say(t, DIR_CLIENT, frame(8, 3, built_bytes(&two)));
}

static void sessions_without_end(struct talk *t)
{
    for (unsigned i = 0; i < LIMIT_TDS_SESSIONS + 2; i++) {
        send_framed(t, i, BATCH, batch("SELECT 1"));
    }
}

static void bad_frame(struct talk *t)
{
    send_framed(t, 0, BATCH, batch("SELECT 1"));
    say(t, DIR_CLIENT, frame(3, 0, (struct bytes){0}));
}

static void ase_login(struct talk *t)
{
    struct built text = {.len = 0};
    send(t, LOGIN, login4("topsecret", 5, true));
    send(t, REPLY, ase_accepts());
    put_be(&text, 0x21, 1);
    put_be(&text, 1 + 8, 4);
    put_be(&text, 0, 1);
    put(&text, "select 1", 8);
    send(t, NORMAL, text);
}

static void ase_login_refused(struct talk *t)
{
    send(t, LOGIN, login4("", 4, false));
    send(t, REPLY, ase_refuses());
}

static void lying_login4(struct talk *t)
{
    struct built b = login4("x", 5, false);
    b.at[170] = 31; /* the application's name is longer than its field */
    send(t, LOGIN, b);
}

/* [MS-TDS] 2.2.7.9, 2.2.7.12: the token's service, then where to go */
static void federated(struct talk *t)
{
    static const uint8_t features[] = {2, 2, 0, 0, 0, 5, 1, 0xff};
    struct built b = {.len = 0}, change = {.len = 0};
    send(t, LOGIN7,
         login7(&(struct login){.user = "",
                                .password = "",
                                .flags3 = 0x10,
                                .extension = bytes_of(features, sizeof features)}));
    put_be(&b, 0xee, 1);
    put_le(&b, 4 + 9 + 9 + 6 + 6, 4);
    put_le(&b, 2, 4);
    put_le(&b, 1, 1);
    put_le(&b, 6, 4);
    put_le(&b, 22, 4);
    put_le(&b, 2, 1);
    put_le(&b, 6, 4);
    put_le(&b, 28, 4);
    put_utf16(&b, "sts");
    put_utf16(&b, "spn");
    send(t, REPLY, b);
    send(t, 8, batch("token"));
    b.len = 0;
    put_le(&change, 20, 1);
    put_le(&change, 9, 2);
    put_le(&change, 0, 1);
    put_le(&change, 11001, 2);
    put_le(&change, 2, 2);
    put_utf16(&change, "db");
    put_le(&change, 0, 2);
    put_token(&b, 0xe3, built_bytes(&change));
    put_built(&b, acknowledged());
    send(t, REPLY, b);
}

static const uint16_t CIPHERS[] = {0xc02f};

/* [MS-TDS] 2.2.6.5: the client names TDS 8.0 and nothing else. */
static void strict(struct talk *t)
{
    const struct hello_shape hello = {
        .version = 0x0303, .ciphers = CIPHERS, .cipher_count = 1, .alpn = "tds/8.0"};
    struct wire w = {.len = 0};
    wire_client_hello(&w, &hello);
    say_octets(t, DIR_CLIENT, wire_bytes(&w));
    w.len = 0;
    wire_server_hello(&w, &hello);
    wire_message(&w, 14, NULL, 0);
    say_octets(t, DIR_SERVER, wire_bytes(&w));
    w.len = 0;
    wire_message(&w, 16, "\0", 1);
    wire_change(&w);
    wire_opaque(&w, 22, 40);
    say_octets(t, DIR_CLIENT, wire_bytes(&w));
    w.len = 0;
    wire_change(&w);
    wire_opaque(&w, 22, 40);
    say_octets(t, DIR_SERVER, wire_bytes(&w));
}

/* ---- what is stated ---- */

#define LOGGED_IN                                                                                  \
    "sql @2 server sql.message=login sql.auth=sql sql.user=sa sql.application=Console "            \
    "sql.database=CM_P01 sql.server=sql01 sql.client_host=CL01 sql.library=ODBC "                  \
    "sql.tds_version=7.4 sql.password_exposed=1 sql.result=success sql.request_packet=1\n"
#define FAILED " sql.error=4060 sql.error_text=Cannot open database sql.error_state=1"
#define TOTALS(batches, rpcs, bulk, attentions, sessions)                                          \
    " client sql.message=requests sql.batches=" batches " sql.rpcs=" rpcs " sql.bulk_loads=" bulk  \
    " sql.attentions=" attentions " sql.sessions=" sessions

static const struct logon_case cases[] = {
    {"requests", requests,
     LOGGED_IN "sql @4 server sql.message=batch sql.text=SELECT 'x' FROM t sql.request_packet=3 "
               "sql.response_packet=4\n"
               "sql @6 server sql.message=batch" FAILED
               " sql.text=SELECT * FROM hidden sql.request_packet=5 sql.response_packet=6\n"
               "sql @8 server sql.message=rpc sql.procedure=sp_prepexec sql.text=SELECT @p "
               "sql.request_packet=7 sql.response_packet=8\n"
               "sql @10 server sql.message=rpc sql.procedure=sp_prepexec sql.text=SELECT @p, 1 "
               "sql.request_packet=9 sql.response_packet=10\n"
               "sql @12 client sql.message=rpc sql.procedure=sp_who sql.request_packet=11\n"
               "sql @12 client sql.message=attention sql.request_packet=12\n"
               "sql @15" TOTALS("2", "3", "1", "1", "0") " sql.first_packet=3\n"},
    {"secrets", secrets,
     "sql @2 client sql.message=batch sql.text=CREATE LOGIN x WITH PassWord = '', SID = 0x "
     "sql.request_packet=1\n"
     "sql @3 client sql.message=batch sql.text=EXEC p \"\" -- ' sql.request_packet=2\n"
     "sql @3 client sql.message=batch sql.text=SELECT 'plain' -- passwor sql.request_packet=3\n"
     "sql @3" TOTALS("3", "0", "0", "0", "0") " sql.first_packet=1\n"},
    {"MARS", mars,
     LOGGED_IN
     "sql @8 server sql.message=rpc" FAILED " sql.session=1 sql.procedure=sp_one "
     "sql.request_packet=6 sql.response_packet=8\n"
     "sql @9 server sql.message=batch sql.session=0 sql.text=SELECT 0 sql.request_packet=4 "
     "sql.response_packet=9\n"
     "sql @12 client sql.message=attention sql.session=0 sql.request_packet=12\n"
     "sql @12" TOTALS("1", "1", "0", "1", "2") " sql.first_packet=4\n"},
    {"MARS joined in the middle", mars_midstream,
     "sql @2 server sql.message=batch sql.session=3 sql.text=SELECT 3 sql.request_packet=1 "
     "sql.response_packet=2\n"
     "sql @5 client sql.message=batch sql.session=3 sql.text=SELEC sql.request_packet=3\n"
     "sql @5 client sql.message=batch sql.session=3 sql.text=SELECT 'first' "
     "sql.request_packet=5\n"
     "sql @5 client sql.message=batch sql.session=3 sql.text=SELECT 'first' "
     "sql.request_packet=5\n"
     "sql @5" TOTALS("4", "0", "0", "0", "1") " sql.first_packet=1\n"},
    {"TDS 5.0", ase_login,
     "sql @2 server sql.message=login sql.server_version=15.0.258 sql.auth=sql sql.user=sa "
     "sql.application=isql sql.server=SYB sql.client_host=CL01 sql.library=CT-Library "
     "sql.tds_version=5.0 sql.password_exposed=1 sql.tds_version_agreed=5.0 "
     "sql.server_program=ASE15 sql.result=success sql.request_packet=1\n"
     "sql @3 client sql.message=batch sql.text=select 1 sql.request_packet=3\n"
     "sql @3" TOTALS("1", "0", "0", "0", "0") " sql.first_packet=3\n"},
    {"TDS 4.2 refused", ase_login_refused,
     "sql @2 server sql.message=login sql.auth=sql sql.user=sa sql.application=isql "
     "sql.server=SYB sql.client_host=CL01 sql.library=CT-Library sql.tds_version=4.2 "
     "sql.password_exposed=0 sql.result=failure sql.error=4002 sql.error_text=Login failed. "
     "sql.error_state=1 sql.request_packet=1\n"},
    {"federated login", federated,
     "sql @4 server sql.message=login sql.auth=federated sql.application=Console "
     "sql.database=CM_P01 sql.server=sql01 sql.client_host=CL01 sql.library=ODBC "
     "sql.tds_version=7.4 sql.password_exposed=0 sql.federation=adal sql.token_service=sts "
     "sql.spn=spn sql.routed_to=db sql.routed_to_port=11001 sql.result=success "
     "sql.request_packet=1\n"},
};

static void test_what_is_stated(void **state)
{
    (void)state;
    static const struct play_options options = {.records_only = true, .sql_text = true};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        check_logon(&cases[i], &options);
    }
}

static const struct logon_case plain_cases[] = {
    {"requests without their text", requests,
     LOGGED_IN "sql @15" TOTALS("2", "3", "1", "1", "0") " sql.first_packet=3\n"},
    {"MARS without its text", mars,
     LOGGED_IN "sql @12" TOTALS("1", "1", "0", "1", "2") " sql.first_packet=4\n"},
};

/* Texts are an option; an audit is told of requests only where they name what it asks for. */
static void test_what_is_not_stated(void **state)
{
    (void)state;
    static const struct play_options plain = {.records_only = true};
    static const struct play_options brief = {.records_only = true, .brief = true, .audited = true};
    static const struct play_options watched = {.records_only = true, .audited = true};
    for (size_t i = 0; i < COUNT_OF(plain_cases); i++) {
        check_logon(&plain_cases[i], &plain);
        check_logon(&plain_cases[i], &brief);
    }
    static const struct logon_case named = {
        "names", names,
        "sql @2 client sql.message=batch sql.names=rbac_admins "
        "sql.names=insert sql.request_packet=1\n"
        "sql @3 client sql.message=rpc sql.names=mp_getpolicybody "
        "sql.request_packet=2\n"
        "sql @3" TOTALS("2", "1", "0", "0", "0") " sql.first_packet=1\n"};
    check_logon(&named, &brief);
    check_logon(&named, &watched);
}

static void test_long_text(void **state)
{
    (void)state;
    struct talk t = {.count = 0};
    static const struct play_options options = {.records_only = true, .sql_text = true};
    batch_in_packets(&t);
    char *text = play(t.steps, t.count, &options);
    const char *at = strstr(text, "sql.text=aaa");
    assert_non_null(at);
    assert_int_equal(strspn(at + strlen("sql.text="), "a"), 399);
    assert_non_null(strstr(text, FAILED " sql.text=aaa"));
    assert_non_null(strstr(text, "sql.text=SELECT 2"));
    assert_non_null(strstr(text, "sql.batches=2"));
    free(text);
}

/* With secrets asked for, literals stay. */
static void test_secrets(void **state)
{
    (void)state;
    struct talk t = {.count = 0};
    static const struct play_options options = {.sql_text = true, .secrets = true};
    secrets(&t);
    char *text = play(t.steps, t.count, &options);
    assert_non_null(strstr(text, "PassWord = 'topsecret', SID = 0x0AfF"));
    free(text);
}

static void test_strict(void **state)
{
    (void)state;
    check_flow(strict, "sql.message=prelogin sql.encryption.client=strict "
                       "sql.encryption.server=strict sql.encryption.result=strict\n");
}

static void test_oddities(void **state)
{
    (void)state;
    check_flow(lying_login4, "tds.bad_login");
    check_flow(sessions_without_end, "tds.session_limit");
    check_flow(bad_frame, "tds.bad_frame");
}

static void test_probe(void **state)
{
    (void)state;
    struct talk t = {.count = 0};
    mars(&t);
    ase_login(&t);
    static const struct {
        size_t step;
        enum probe seen;
    } rows[] = {{2, PROBE_CLIENT}, {3, PROBE_CLIENT},  {5, PROBE_CLIENT},  {6, PROBE_EITHER},
                {8, PROBE_SERVER}, {12, PROBE_CLIENT}, {13, PROBE_SERVER}, {14, PROBE_NO}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (tds_dissector.probe(t.steps[rows[i].step].data) != rows[i].seen) {
            fail_msg("step %zu", rows[i].step);
        }
    }
}

/* Before TDS 7.2 nothing stands before a request: its text must do. */
static void test_probe_of_text(void **state)
{
    (void)state;
    static const struct {
        unsigned type;
        const char *content;
        size_t len;
        enum probe seen;
    } rows[] = {
        {BATCH, "s\0e\0l\0e\0c\0t\0", 12, PROBE_CLIENT},
        {BATCH, "select 1", 8, PROBE_CLIENT},
        {BATCH, "s\0e\0l\0\1\1c\0t\0", 12, PROBE_NO},
        {BATCH, "\1\2\3\4\5\6\7\10", 8, PROBE_NO},
        {RPC, "\xff\xff\12\0\0\0\0\0", 8, PROBE_CLIENT},
        {RPC, "\xff\xff\20\0\0\0\0\0", 8, PROBE_NO},
        {RPC, "\6\0s\0p\0_\0w\0h\0o\0\0\0", 16, PROBE_CLIENT},
        {REPLY, "\xfd\1\0\xc1\0\0\0\0\0\0\0\0\0", 13, PROBE_SERVER},
        {REPLY, "\xfd\x08\0\xc1\0\0\0\0\0\0\0\0\0", 13, PROBE_NO},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct built p = packet(rows[i].type, true, bytes_of(rows[i].content, rows[i].len));
        if (tds_dissector.probe(built_bytes(&p)) != rows[i].seen) {
            fail_msg("row %zu", i);
        }
    }
}

static void test_sweeps(void **state)
{
    (void)state;
    void (*const builds[])(struct talk *) = {
        requests,       batch_in_packets, secrets,           mars,
        mars_midstream, ase_login,        ase_login_refused, federated};
    for (size_t i = 0; i < COUNT_OF(builds); i++) {
        sweep(builds[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_stated), cmocka_unit_test(test_what_is_not_stated),
        cmocka_unit_test(test_long_text),      cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_strict),         cmocka_unit_test(test_oddities),
        cmocka_unit_test(test_probe),          cmocka_unit_test(test_probe_of_text),
        cmocka_unit_test(test_sweeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
