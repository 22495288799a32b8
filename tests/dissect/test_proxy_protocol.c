/*
 * The PROXY protocol: passed over, and what follows is what the flow is.
 */
#include "tests/dissect/test_octets.h"

#define GET "'GET / HTTP/1.1' 0d0a 'Host: mp01' 0d0a 0d0a"
#define SIGNATURE "0d0a0d0a 000d0a51 5549540a "

static void line(struct talk *t)
{
    say_words(t, DIR_CLIENT, "'PROXY TCP4 10.77.0.21 10.77.0.12 50000 80' 0d0a " GET);
}
static void line_unknown(struct talk *t)
{
    say_words(t, DIR_CLIENT, "'PROXY UNKNOWN' 0d0a " GET);
}
static void header(struct talk *t)
{
    say_words(t, DIR_CLIENT, SIGNATURE "2111 000c 0a4d0015 0a4d000c c350 0050");
    say_words(t, DIR_CLIENT, GET);
}
static void header_local(struct talk *t)
{
    say_words(t, DIR_CLIENT, SIGNATURE "2000 0000 " GET);
}
/* The server speaks first. */
static void greeting(struct talk *t)
{
    say_words(t, DIR_CLIENT, "'PROXY TCP4 10.77.0.21 '");
    say_words(t, DIR_SERVER, "'SSH-2.0-OpenSSH_9.3' 0d0a");
}
static void server_first(struct talk *t)
{
    say_words(t, DIR_CLIENT, SIGNATURE "2111 000c 0a4d0015 0a4d000c c350 0016");
    say_words(t, DIR_SERVER, "'SSH-2.0-OpenSSH_9.3' 0d0a");
}
static void too_long(struct talk *t)
{
    say_words(t, DIR_CLIENT, "'PROXY TCP4 ' 31*200 0d0a");
}
static void bare_line_end(struct talk *t)
{
    say_words(t, DIR_CLIENT, "'PROXY TCP4 10.77.0.21' 0a " GET);
}
static void another_family(struct talk *t)
{
    say_words(t, DIR_CLIENT, "'PROXY SCTP4 10.77.0.21 10.77.0.12 50000 80' 0d0a");
}
static void another_version(struct talk *t)
{
    say_words(t, DIR_CLIENT, SIGNATURE "3111 000c 0a4d0015 0a4d000c c350 0050");
}

static void test_what_follows(void **state)
{
    static const struct {
        const char *label;
        void (*build)(struct talk *t);
        const char *protocol;
        bool tunnel;
    } rows[] = {
        {"line", line, "http", true},
        {"line without addresses", line_unknown, "http", true},
        {"header", header, "http", true},
        {"header without addresses", header_local, "http", true},
        {"the server speaks first", server_first, "ssh", true},
        {"too long", too_long, "unknown", false},
        {"another end of line", bare_line_end, "unknown", false},
        {"another family", another_family, "unknown", false},
        {"another version", another_version, "unknown", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct talk t = {.count = 0};
        char wanted[64];
        rows[i].build(&t);
        (void)snprintf(wanted, sizeof wanted, "flow.protocol=%s", rows[i].protocol);
        char *answer = play(t.steps, t.count, NULL);
        bool tunnel = strstr(answer, "flow.tunnel=proxy-protocol") != NULL;
        if (tunnel != rows[i].tunnel || strstr(answer, wanted) == NULL) {
            fail_msg("%s: %s", rows[i].label, answer);
        }
        free(answer);
    }
}

static void test_sweeps(void **state)
{
    void (*const builds[])(struct talk *) = {line, header, greeting, server_first};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(builds); i++) {
        sweep(builds[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_follows),
        cmocka_unit_test(test_sweeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
