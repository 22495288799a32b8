/*
 * test_syslog.c - where messages go, and that nothing in a text ends the field it stands in.
 */
#include "tests/test.h"

#include "reports/finding_view.h"
#include "reports/syslog_send.h"

static void targets(void **state)
{
    static const struct {
        const char *url, *host, *port; /* host NULL: refused */
        enum syslog_transport transport;
    } cases[] = {
        {"udp://collector", "collector", "514", SYSLOG_UDP},
        {"tcp://10.0.0.1:1514", "10.0.0.1", "1514", SYSLOG_TCP},
        {"tls://siem.corp.example", "siem.corp.example", "6514", SYSLOG_TLS},
        {"tls://[2001:db8::1]", "2001:db8::1", "6514", SYSLOG_TLS},
        {"udp://[::1]:5514", "::1", "5514", SYSLOG_UDP},
        {"http://x", NULL, NULL, SYSLOG_UDP},
        {"udp:/x", NULL, NULL, SYSLOG_UDP},
        {"udp://", NULL, NULL, SYSLOG_UDP},
        {"udp://:514", NULL, NULL, SYSLOG_UDP},
        {"udp://x:", NULL, NULL, SYSLOG_UDP},
        {"udp://x:syslog", NULL, NULL, SYSLOG_UDP},
        {"udp://x:5141414", NULL, NULL, SYSLOG_UDP},
        {"udp://x/path", NULL, NULL, SYSLOG_UDP},
        {"tls://[::1", NULL, NULL, SYSLOG_UDP},
        {"tls://[::1]x", NULL, NULL, SYSLOG_UDP},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct syslog_target t = {0};
        bool fine = syslog_target_parse(cases[i].url, &t);
        if (fine != (cases[i].host != NULL)) {
            fail_msg("%s: %s", cases[i].url, fine ? "accepted" : "refused");
        } else if (fine) {
            assert_string_equal(t.host, cases[i].host);
            assert_string_equal(t.port, cases[i].port);
            assert_int_equal(t.transport, cases[i].transport);
        }
    }
    char longest[400] = "udp://";
    memset(longest + 6, 'x', sizeof longest - 7);
    struct syslog_target t;
    assert_false(syslog_target_parse(longest, &t));
}

static void fields_end_where_they_should(void **state)
{
    static const struct {
        const char *text, *special;
        size_t most;
        const char *expected;
    } cases[] = {
        {"plain", "\"\\]", SIZE_MAX, "plain"},
        {"a\"b\\c]d", "\"\\]", SIZE_MAX, "a\\\"b\\\\c\\]d"},
        {"k=v", "=\\", SIZE_MAX, "k\\=v"},
        {"a\nb", "", SIZE_MAX, "a\\x0ab"},
        {"a\nb", "=\\", SIZE_MAX, "a\\\\x0ab"},
        {"\x1b[2J", "|\\", SIZE_MAX, "\\\\x1b[2J"},
        {"\xe2\x80\xae", "", SIZE_MAX, "\\u202e"},
        {"\xc3\xa4\xc3\xa4", "", 3, "\xc3\xa4"},
        {"ab]", "]", 3, "ab"},
        {"", "]", 3, ""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct output *out = output_to_memory();
        size_t len = 0;
        escaped_text(out, cases[i].text, cases[i].special, cases[i].most);
        const char *got = output_memory(out, &len);
        assert_int_equal(len, strlen(cases[i].expected));
        assert_memory_equal(got, cases[i].expected, len);
        assert_int_equal(output_close(out), 0);
    }
}

static void times_of_records(void **state)
{
    static const struct {
        const char *text;
        int64_t ns;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2025-11-22T14:33:13.374238Z", INT64_C(1763821993374238000)},
        {"2025-11-22T14:33:13.374238001Z", INT64_C(1763821993374238001)},
        {"1969-12-31T23:59:59.999999Z", -1000},
        {"2000-02-29T00:00:00Z", INT64_C(951782400000000000)},
        {"0000-01-01T00:00:00Z", 0}, /* before the first moment of 64 bits */
        {"9999-12-31T23:59:59Z", 0},
        {"", 0},
        {"yesterday", 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_true(time_of_text(cases[i].text) == cases[i].ns);
    }
    assert_true(time_of_text(NULL) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets),
        cmocka_unit_test(fields_end_where_they_should),
        cmocka_unit_test(times_of_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
