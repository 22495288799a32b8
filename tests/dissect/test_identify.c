/*
 * test_identify.c - nDPI is asked with packets made up for it, tells what no signature of ours
 * knows, and is bounded.
 */
#include "capture/limits.h"
#include "dissect/identify.h"
#include "tests/test.h"

static struct flow flow_of(uint8_t protocol, bool v6, uint16_t port)
{
    static const uint8_t client[4] = {192, 0, 2, 1}, server[4] = {192, 0, 2, 2};
    struct flow f = {.id = 1, .protocol = protocol, .last = {.ns = 1000000000}};
    f.ends[DIR_CLIENT].address = address_v4(client);
    f.ends[DIR_SERVER].address = address_v4(server);
    f.ends[DIR_CLIENT].port = 50000;
    f.ends[DIR_SERVER].port = port;
    if (v6) {
        for (unsigned d = 0; d < 2; d++) {
            memset(f.ends[d].address.octets, 0, sizeof f.ends[d].address.octets);
            f.ends[d].address.octets[0] = 0xfd;
            f.ends[d].address.octets[15] = (uint8_t)(d + 1);
        }
    }
    return f;
}

static void test_content_tells(void **state)
{
    (void)state;
    static const char bjnp[] = "BJNB\x02\x01\0\0\0\0\0\0\0\0\0\0";
    static const char irc[] = "NICK a\r\nUSER a b c :d\r\n";
    static const char redis[] = "*1\r\n$4\r\nPING\r\n";
    static const char pong[] = "+PONG\r\n";
    static const char sip[] = "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP c\r\n\r\n";
    static const struct {
        const char *label, *up, *down, *name;
        size_t up_len, down_len;
        uint8_t protocol;
        uint16_t port;
    } cases[] = {
        {"BJNP", bjnp, bjnp, "bjnp", sizeof bjnp - 1, sizeof bjnp - 1, IP_UDP, 8612},
        {"IRC", irc, irc, "irc", sizeof irc - 1, sizeof irc - 1, IP_TCP, 6667},
        {"Redis", redis, pong, "redis", sizeof redis - 1, sizeof pong - 1, IP_TCP, 40123},
        {"SIP", sip, sip, "sip", sizeof sip - 1, sizeof sip - 1, IP_UDP, 5060},
    };
    struct identifier *in = identifier_new();
    assert_non_null(in);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (unsigned v6 = 0; v6 < 2; v6++) {
            print_message("%s, IPv%d\n", cases[i].label, v6 ? 6 : 4);
            struct flow f = flow_of(cases[i].protocol, v6 != 0, cases[i].port);
            struct identification *one = identification_new(in);
            assert_non_null(one);
            const char *name = NULL;
            for (unsigned n = 0; n < LIMIT_NDPI_PACKETS && name == NULL; n++) {
                enum dir dir = n % 2 == 0 ? DIR_CLIENT : DIR_SERVER;
                name = identification_add(in, one, &f, dir,
                                          dir == DIR_CLIENT
                                              ? bytes_of(cases[i].up, cases[i].up_len)
                                              : bytes_of(cases[i].down, cases[i].down_len));
            }
            assert_non_null(name);
            assert_string_equal(name, cases[i].name);
            assert_null(identification_free(one));
        }
    }
    assert_null(identifier_free(in));
}

static void test_nothing_is_told_of_noise(void **state)
{
    (void)state;
    static uint8_t noise[LIMIT_NDPI_OCTETS + 4000]; /* more than nDPI is shown */
    struct identifier *in = identifier_new();
    assert_non_null(in);
    struct flow f = flow_of(IP_TCP, false, 40123);
    struct identification *one = identification_new(in);
    assert_non_null(one);
    memset(noise, 'q', sizeof noise);
    for (unsigned n = 0; n < LIMIT_NDPI_PACKETS; n++) {
        assert_null(identification_add(in, one, &f, n % 2 == 0 ? DIR_CLIENT : DIR_SERVER,
                                       bytes_of(noise, sizeof noise)));
    }
    assert_null(identification_free(one));
    assert_null(identification_free(NULL));
    assert_null(identifier_free(in));
    assert_null(identifier_free(NULL));
}

static void test_applications(void **state)
{
    (void)state;
    char longest[300];
    memset(longest, 'a', sizeof longest);
    struct identifier *in = identifier_new();
    assert_non_null(in);
    static const char known[] = "www.youtube.com";
    assert_string_equal(identifier_application(in, bytes_of(known, sizeof known - 1)), "YouTube");
    static const char own[] = "mp01.corp.example";
    assert_null(identifier_application(in, bytes_of(own, sizeof own - 1)));
    assert_null(identifier_application(in, bytes_of(own, 0)));
    assert_null(identifier_application(in, bytes_of(longest, sizeof longest)));
    assert_null(identifier_free(in));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_content_tells),
        cmocka_unit_test(test_nothing_is_told_of_noise),
        cmocka_unit_test(test_applications),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
