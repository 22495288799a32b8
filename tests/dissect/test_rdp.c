/*
 * RDP: how the two ends agree on security, what follows in clear, and the TLS that takes over.
 */
#include "tests/dissect/test_octets.h"

#include "tests/dissect/test_tls_messages.h"

#define REQUEST(protocols) "0300 0013 0e e0 0000 0000 00 01 00 0800 " protocols
#define CONFIRM(protocol) "0300 0013 0e d0 0000 1234 00 02 00 0800 " protocol
/* [MS-RDPBCGR] 2.2.1.3: what stands before the client's settings does not matter here. */
#define CONNECT_INITIAL                                                                            \
    "0300 005a 02 f0 80 7f65 52 0401 01 0401 01 'Duca' 80 d8 "                                     \
    "01c0 d800 04000800 0004 0003 01ca 03aa 09040000 280a0000 u'CL01' 00*24"
/* [MS-RDPBCGR] 2.2.1.4: core data, then security data. */
#define CONNECT_RESPONSE                                                                           \
    "0300 002f 02 f0 80 7f66 27 0a01 00 0201 00 'McDn' 18 "                                        \
    "010c 0c00 04000800 00000000 020c 0c00 02000000 02000000"

static void say_standard(struct talk *t)
{
    struct built b = octets(CONNECT_INITIAL);
    b.at[3] = (uint8_t)b.len;
    /* The block says how long it is: as long as what there is of it. */
    b.at[24] = (uint8_t)(b.len - 22);
    b.at[25] = 0;
    say(t, DIR_CLIENT, b);
    b = octets(CONNECT_RESPONSE);
    b.at[3] = (uint8_t)b.len;
    say(t, DIR_SERVER, b);
}

static void standard(struct talk *t)
{
    say_words(t, DIR_CLIENT, "0300 0024 1f e0 0000 0000 00 'Cookie: mstshash=anna' 0d0a");
    t->steps[0].data.len = 34;
    t->octets[3] = 34;
    t->octets[4] = 29;
    say_words(t, DIR_SERVER, "0300 000b 06 d0 0000 1234 00");
    say_standard(t);
}
static void joined(struct talk *t)
{
    say_standard(t);
}
static void refused(struct talk *t)
{
    say_words(t, DIR_CLIENT, REQUEST("00000000"));
    say_words(t, DIR_SERVER, "0300 0013 0e d0 0000 1234 00 03 00 0800 05000000");
}
static void restricted(struct talk *t)
{
    say_words(t, DIR_CLIENT,
              "0300 002a 25 e0 0000 0000 00 'Cookie: msts=12345.' 0d0a 01 03 0800 0b000000");
    t->steps[0].data.len = 40;
    t->octets[3] = 40;
    t->octets[4] = 35;
    say_words(t, DIR_SERVER, CONFIRM("08000000"));
}
static void unanswered(struct talk *t)
{
    say_words(t, DIR_CLIENT, REQUEST("03000000"));
}

static const uint16_t CIPHERS[] = {0xc02f};
static const struct hello_shape HELLO = {.version = 0x0303,
                                         .ciphers = CIPHERS,
                                         .cipher_count = 1,
                                         .server_name = "ts.corp.example"},
                                ANSWER = {.version = 0x0303, .ciphers = CIPHERS, .cipher_count = 1};

static void say_tls(struct talk *t)
{
    struct wire w = {.len = 0};
    wire_client_hello(&w, &HELLO);
    say_octets(t, DIR_CLIENT, bytes_of(w.at, w.len));
    w.len = 0;
    wire_server_hello(&w, &ANSWER);
    say_octets(t, DIR_SERVER, bytes_of(w.at, w.len));
}
static void credssp(struct talk *t)
{
    say_words(t, DIR_CLIENT, REQUEST("03000000"));
    say_words(t, DIR_SERVER, CONFIRM("02000000"));
    say_tls(t);
}
/* The answer to the request was not captured. */
static void one_sided(struct talk *t)
{
    struct wire w = {.len = 0};
    say_words(t, DIR_CLIENT, REQUEST("03000000"));
    wire_client_hello(&w, &HELLO);
    say_octets(t, DIR_CLIENT, bytes_of(w.at, w.len));
}

static void test_what_is_stated(void **state)
{
    (void)state;
    static const struct play_options options = {.records_only = true};
    static const struct logon_case rows[] = {
        {"standard security", standard,
         "rdp @4 server rdp.request_packet=1 rdp.response_packet=2 rdp.user=anna rdp.requested=rdp "
         "rdp.selected=rdp rdp.security=standard rdp.client_name=CL01 rdp.client_build=2600 "
         "rdp.encryption_method=128bit rdp.encryption_level=client-compatible\n"},
        {"joined later", joined,
         "rdp @2 server rdp.security=standard rdp.client_name=CL01 rdp.client_build=2600 "
         "rdp.encryption_method=128bit rdp.encryption_level=client-compatible\n"},
        {"refused", refused,
         "rdp @2 server rdp.request_packet=1 rdp.response_packet=2 rdp.requested=rdp "
         "rdp.failure=HYBRID_REQUIRED_BY_SERVER rdp.failure_code=5\n"},
        {"restricted", restricted,
         "rdp @2 server rdp.request_packet=1 rdp.response_packet=2 "
         "rdp.routing_token=Cookie: msts=12345. rdp.requested=ssl rdp.requested=hybrid "
         "rdp.requested=hybrid_ex rdp.selected=hybrid_ex rdp.security=credssp-early "
         "rdp.restricted_admin=1 rdp.redirected_authentication=1\n"},
        {"unanswered", unanswered,
         "rdp @1 client rdp.request_packet=1 rdp.requested=ssl rdp.requested=hybrid\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_logon(&rows[i], &options);
    }
}

static void check_words(void (*build)(struct talk *t), const char *const *words)
{
    struct talk t = {.count = 0};
    build(&t);
    char *answer = play(t.steps, t.count, NULL);
    for (; *words != NULL; words++) {
        if (strstr(answer, *words) == NULL) {
            print_error("no %s in:\n%s", *words, answer);
            free(answer);
            fail();
        }
    }
    free(answer);
}

static void test_tls_takes_over(void **state)
{
    (void)state;
    check_words(credssp, (const char *const[]){"rdp.selected=hybrid rdp.security=credssp",
                                               "tls.server_name=ts.corp.example", "tls.carrier=rdp",
                                               "flow.protocol=rdp", NULL});
    check_words(one_sided, (const char *const[]){"rdp.requested=ssl rdp.requested=hybrid",
                                                 "tls.server_name=ts.corp.example",
                                                 "flow.protocol=rdp", NULL});
}

static void test_sweeps(void **state)
{
    (void)state;
    sweep(standard);
    sweep(restricted);
    sweep(refused);
    sweep(credssp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_stated),
        cmocka_unit_test(test_tls_takes_over),
        cmocka_unit_test(test_sweeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
