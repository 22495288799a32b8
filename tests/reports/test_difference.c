/*
 * test_difference.c - what counts as new, worse, still there, better and gone between two audits.
 */
#include "tests/test.h"

#include "reports/difference.h"

#define F(severity, more)                                                                          \
    "{\"type\":\"finding\",\"id\":\"00000000000000aa\",\"rule\":\"smb1-used\",\"code\":\"R060\","  \
    "\"title\":\"SMB 1\",\"severity\":\"" severity "\",\"client\":{\"ip\":\"10.0.0.1\"},"          \
    "\"server\":{\"ip\":\"10.0.0.2\",\"name\":\"dp01.corp.example\",\"port\":445}" more "}\n"
#define ACCEPTED ",\"accepted\":{\"reason\":\"x\",\"until\":\"2027-01-31\"}"
#define EXPIRED ",\"accepted\":{\"reason\":\"x\",\"until\":\"2020-01-31\",\"expired\":true}"
#define RULE "{\"type\":\"rule\",\"rule\":\"smb1-used\",\"code\":\"R060\"}\n"
#define V(rule, subject, status)                                                                   \
    "{\"type\":\"verdict\",\"rule\":\"" rule "\",\"subject\":\"" subject "\",\"status\":\"" status \
    "\"}\n"

static struct document *document_of(const char *text)
{
    char error[DOCUMENT_ERROR];
    struct document *d = NULL;
    assert_int_equal(document_parse(bytes_text(text), error, &d), 0);
    return d;
}

struct compared {
    struct document *before, *after;
    struct difference d;
};

static struct compared compare(const char *before, const char *after)
{
    struct compared c = {.before = document_of(before), .after = document_of(after)};
    c.d.before_id = 1;
    c.d.after_id = 2;
    assert_int_equal(difference_make(&c.d, c.before, c.after), 0);
    return c;
}

static void compared_done(struct compared *c)
{
    difference_done(&c->d);
    document_free(c->before);
    document_free(c->after);
}

static void findings(void **state)
{
    static const struct {
        const char *label, *before, *after;
        enum change change;
        bool fails;
        const char *because;
    } cases[] = {
        {"new", "", F("high", ""), CHANGE_NEW, true, NULL},
        {"new, below --fail-on", "", F("low", ""), CHANGE_NEW, false, NULL},
        {"new, accepted at once", "", F("high", ACCEPTED), CHANGE_NEW, false, NULL},
        {"still", F("high", ""), F("high", ""), CHANGE_STILL, false, NULL},
        {"still accepted", F("high", ACCEPTED), F("high", ACCEPTED), CHANGE_STILL, false, NULL},
        {"worse", F("medium", ""), F("high", ""), CHANGE_WORSE, true, NULL},
        {"worse, and accepted", F("medium", ACCEPTED), F("high", ACCEPTED), CHANGE_WORSE, false,
         NULL},
        {"the acceptance is over", F("high", ACCEPTED), F("high", EXPIRED), CHANGE_WORSE, true,
         NULL},
        {"the acceptance is gone", F("high", ACCEPTED), F("high", ""), CHANGE_WORSE, true, NULL},
        {"it was over before", F("high", EXPIRED), F("high", EXPIRED), CHANGE_STILL, false, NULL},
        {"better", F("high", ""), F("medium", ""), CHANGE_BETTER, false, NULL},
        {"accepted now", F("high", ""), F("high", ACCEPTED), CHANGE_BETTER, false, NULL},
        {"gone, the rule is off", F("high", ""), "", CHANGE_GONE, false, "rule is off"},
        {"gone, nothing was said", F("high", ""), RULE, CHANGE_GONE, false, "not observed"},
        {"gone, judged again", F("high", ""),
         RULE V("smb1-used", "dp01.corp.example", "consistent"), CHANGE_GONE, false, "consistent"},
        {"gone, a role was judged", F("high", ""),
         RULE V("smb1-used", "dp01.corp.example distribution-point", "consistent"), CHANGE_GONE,
         false, "consistent"},
        {"gone, a pair was judged", F("high", ""),
         RULE V("smb1-used", "cm01.corp.example -> dp01.corp.example", "consistent"), CHANGE_GONE,
         false, "consistent"},
        {"gone, hidden", F("high", ""), RULE V("smb1-used", "dp01.corp.example", "not_assessable"),
         CHANGE_GONE, false, "not assessable"},
        {"gone, one role hidden", F("high", ""),
         RULE V("smb1-used", "dp01.corp.example a", "consistent")
             V("smb1-used", "dp01.corp.example b", "not_assessable"),
         CHANGE_GONE, false, "not assessable"},
        {"gone, one role not seen", F("high", ""),
         RULE V("smb1-used", "dp01.corp.example a", "not_observed")
             V("smb1-used", "dp01.corp.example b", "consistent"),
         CHANGE_GONE, false, "consistent"},
        {"gone, others break it", F("high", ""),
         RULE V("smb1-used", "dp01.corp.example", "violated"), CHANGE_GONE, false,
         "violated by others"},
        {"gone, another host was judged", F("high", ""),
         RULE V("smb1-used", "xdp01.corp.example", "consistent")
             V("smb1-used", "dp01.corp.example.net", "violated"),
         CHANGE_GONE, false, "not observed"},
        {"gone, another rule was judged", F("high", ""),
         RULE V("smb-x", "dp01.corp.example", "consistent") V("a", "dp01.corp.example", "violated"),
         CHANGE_GONE, false, "not observed"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct compared c = compare(cases[i].before, cases[i].after);
        const struct changes *f = &c.d.findings;
        const char *because = f->count == 1 ? f->at[0].because : NULL;
        bool same = because == NULL || cases[i].because == NULL
                        ? because == cases[i].because
                        : strcmp(because, cases[i].because) == 0;
        if (f->count != 1 || f->of[cases[i].change] != 1 || f->at[0].change != cases[i].change ||
            difference_fails(&c.d, SEVERITY_MEDIUM) != cases[i].fails || !same) {
            fail_msg("%s: %s", cases[i].label, because);
        }
        compared_done(&c);
    }
}

#define HOST(name, flows, more)                                                                    \
    "{\"type\":\"host\",\"name\":\"" name                                                          \
    "\",\"ips\":[\"10.0.0.9\"],\"declared\":false,\"flows\":" flows ",\"findings\":0" more "}\n"
#define TALK(server, protocol, port, flows, unanswered)                                            \
    "{\"type\":\"conversation\",\"client\":{\"ip\":\"10.0.0.1\"},\"server\":{\"ip\":\"" server     \
    "\"},\"protocol\":\"" protocol "\",\"transport\":\"tcp\",\"port\":" port ",\"flows\":" flows   \
    ",\"unanswered\":" unanswered "}\n"

static void hosts_and_services(void **state)
{
    struct compared c = compare(
        HOST("a", "1", "") HOST("b", "2", "") HOST("silent", "0", "")
            TALK("10.0.0.2", "smb", "445", "3", "0") TALK("10.0.0.2", "http", "80", "1", "0"),
        HOST("b", "1", "") HOST("c", "1", "") HOST("silent", "0", "")
            HOST("d", "4", ",\"group\":\"hq\"") TALK("10.0.0.2", "smb", "445", "9", "1")
                TALK("10.0.0.2", "smb", "445", "1", "0") TALK("10.0.0.3", "tls", "443", "1", "0")
                    TALK("10.0.0.4", "tls", "443", "2", "2"));
    (void)state;
    const struct changes *h = &c.d.hosts, *s = &c.d.services;
    assert_int_equal(h->of[CHANGE_NEW], 2);
    assert_int_equal(h->of[CHANGE_GONE], 1);
    assert_int_equal(h->of[CHANGE_STILL], 1);
    assert_string_equal(h->at[0].key, "c");
    assert_string_equal(h->at[h->count - 1].key, "a");
    assert_int_equal(s->of[CHANGE_NEW], 1);
    assert_int_equal(s->of[CHANGE_GONE], 1);
    assert_int_equal(s->of[CHANGE_STILL], 1);
    assert_string_equal(s->at[0].key, "10.0.0.3 tcp 00443 tls");
    assert_false(difference_fails(&c.d, SEVERITY_INFO));
    compared_done(&c);
}

/* What people read, and that nothing of it steers their terminal. */
static void words(void **state)
{
    static const char *const wanted[] = {
        "NEW",
        "WORSE",
        "STILL THERE",
        "BETTER",
        "GONE",
        "It was medium.",
        "no longer accepted",
        "nothing broke it",
        "1 of the declared clients",
        "new c (10.0.0.9)",
        "10.0.0.3 tcp port 443 tls",
        "audit 1 of traffic from 2026-11-23 08:00 under a.yaml",
    };
    static const char audit[] =
        "{\"type\":\"audit\",\"policy\":\"a.yaml\",\"start\":\"2026-11-23T08:00:00Z\"}\n";
    char before[4096], after[4096], flat[8192];
    (void)snprintf(
        before, sizeof before, "%s%s%s%s%s%s", audit, F("medium", ""),
        "{\"type\":\"finding\",\"id\":\"b\",\"severity\":\"low\",\"accepted\":{}}\n",
        "{\"type\":\"finding\",\"id\":\"c\",\"severity\":\"low\",\"title\":\"t\\u001b[31mt\"}\n",
        "{\"type\":\"finding\",\"id\":\"d\",\"severity\":\"low\",\"rule\":\"smb1-used\",\"server\":"
        "{\"name\":\"s\"}}\n",
        "{\"type\":\"finding\",\"id\":\"e\",\"severity\":\"low\"}\n");
    (void)snprintf(
        after, sizeof after, "%s%s%s%s%s%s%s", audit, F("high", ""),
        "{\"type\":\"finding\",\"id\":\"b\",\"severity\":\"low\"}\n"
        "{\"type\":\"finding\",\"id\":\"c\",\"severity\":\"low\",\"title\":\"t\\u001b[31mt\"}\n",
        "{\"type\":\"finding\",\"id\":\"e\",\"severity\":\"info\"}\n",
        "{\"type\":\"finding\",\"id\":\"f\",\"severity\":\"info\"}\n",
        RULE V("smb1-used", "s", "consistent"),
        HOST("c", "1", "") HOST("d", "1", ",\"group\":\"hq\"")
            TALK("10.0.0.3", "tls", "443", "1", "0"));
    (void)state;
    struct compared c = compare(before, after);
    struct output *out = output_to_memory();
    difference_text(out, &(struct text_style){.fail_on = SEVERITY_LOW}, &c.d);
    size_t len = 0, n = 0;
    const char *text = output_memory(out, &len);
    for (size_t i = 0; i < len && n < sizeof flat - 1; i++) { /* line ends and blanks are one */
        char one = text[i] == '\n' ? ' ' : text[i];
        if (one != ' ' || n == 0 || flat[n - 1] != ' ') {
            flat[n++] = one;
        }
    }
    flat[n] = '\0';
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        if (strstr(flat, wanted[i]) == NULL) {
            fail_msg("no '%s' in: %s", wanted[i], flat);
        }
    }
    assert_null(strchr(flat, '\x1b'));
    assert_non_null(
        strstr(flat, "1 new, 2 worse, 1 still there, 1 better, 1 gone. Exit status 1:"));
    assert_int_equal(output_close(out), 0);
    compared_done(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(findings),
        cmocka_unit_test(hosts_and_services),
        cmocka_unit_test(words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
