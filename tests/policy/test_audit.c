/*
 * test_audit.c - the audit itself: tuning, acceptance, limits, order, ids, learned names.
 */
#include "policy/ledger.h"
#include "tests/policy/rule_play.h"
#include "tests/test.h"

#define OLD_TLS "tls 10.1.0.5 > 10.0.0.20:443 | tls.version=TLS 1.0 | tls.server_hello_packet=5"
#define RC4                                                                                        \
    "tls 10.1.0.5 > 10.0.0.20:443 | tls.cipher=TLS_RSA_WITH_RC4_128_SHA | "                        \
    "tls.server_hello_packet=5"
#define GUEST_TREE                                                                                 \
    "smb 10.1.0.5 > 10.0.0.30:445 | smb.message=session_setup | smb.status_code=0 | "              \
    "smb.guest=true | smb.response_packet=11"

/* ---- tuning ---- */

static void tuning(void **state)
{
    static const struct {
        const char *policy, *findings, *verdict;
    } cases[] = {
        {NULL, "high proven 10.1.0.5 > 10.0.0.20:443 @5", "violated"},
        {"\nrules: {tls-below-1-2: off}\n", "", "none"},
        {"\nrules: {R090: off}\n", "", "none"},
        {"\nrules: {tls-below-1-2: low}\n", "low proven 10.1.0.5 > 10.0.0.20:443 @5", "violated"},
        {"\nrules: {R090: {severity: critical}}\n", "critical proven 10.1.0.5 > 10.0.0.20:443 @5",
         "violated"},
        {"\nrules: {R091: off}\n", "high proven 10.1.0.5 > 10.0.0.20:443 @5", "violated"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct rule_play p;
        rule_play_begin(&p, cases[i].policy);
        rule_play_say(&p, OLD_TLS);
        rule_play_finish(&p);
        char *findings = rule_play_findings(&p, "R090");
        assert_string_equal(findings, cases[i].findings);
        assert_string_equal(rule_play_verdict(&p, "R090", "mp01.corp.example"), cases[i].verdict);
        free(findings);
        rule_play_end(&p);
    }
}

static void guesses_stay_low(void **state)
{
    struct rule_play p;
    (void)state;
    rule_play_begin(&p, "\nrules: {unknown-host: critical}\n");
    rule_play_say(&p, "flow 10.7.7.7 ~> 10.0.0.13:1433 | flow.protocol=tds");
    rule_play_finish(&p);
    assert_int_equal(rule_play_finding(&p, "R001")->severity, SEVERITY_MEDIUM);
    rule_play_end(&p);
}

/* Whether an audit asks for that record when every rule that does is off, and `more` is added. */
static bool is_asked_for(enum record record, const char *more)
{
    struct rule_play p;
    char text[2048] = "\nrules: {";
    for (unsigned i = 0; i < rule_count; i++) {
        if ((rules[i]->records & 1u << record) != 0) {
            (void)snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s: off",
                           text[strlen(text) - 1] == '{' ? "" : ", ", rules[i]->code);
        }
    }
    (void)snprintf(text + strlen(text), sizeof text - strlen(text), "}%s", more);
    rule_play_begin(&p, text);
    bool asked = (audit_records(p.audit) & 1u << record) != 0;
    rule_play_end(&p);
    return asked;
}

static void what_is_off_is_not_asked_for(void **state)
{
    struct rule_play p;
    (void)state;
    rule_play_begin(&p, NULL);
    assert_true((audit_records(p.audit) & 1u << RECORD_TLS) != 0);
    rule_play_end(&p);
    assert_false(is_asked_for(RECORD_TLS, "\n"));
    assert_false(is_asked_for(RECORD_LDAP, "\n"));
    assert_true(
        is_asked_for(RECORD_LDAP, "\nwatch: [{name: binds, when: {ldap.operation: bind}}]\n"));
}

/* ---- learned names ---- */

static void learned_names(void **state)
{
    static const struct {
        const char *steps[3], *name, *text;
    } cases[] = {
        {{"dns 10.1.0.5 > 10.0.0.2:53 | dns.kind=dns | dns.addresses=pc7.corp.example 10.1.0.5",
          OLD_TLS},
         "pc7.corp.example",
         "10.1.0.5 (hq, called pc7.corp.example by DNS)"},
        {{OLD_TLS,
          "dns 10.1.0.5 > 10.0.0.2:53 | dns.kind=dns | dns.addresses=pc7.corp.example 10.1.0.5"},
         "pc7.corp.example",
         "10.1.0.5 (hq, called pc7.corp.example by DNS)"},
        {{OLD_TLS}, NULL, "10.1.0.5 (hq)"},
        {{"dns 10.1.0.5 > 10.0.0.2:53 | dns.kind=dns | dns.addresses=evil.example 10.0.0.20",
          OLD_TLS},
         NULL,
         "10.1.0.5 (hq)"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct rule_play p;
        char text[PARTY_TEXT];
        rule_play_begin(&p, NULL);
        for (size_t s = 0; s < COUNT_OF(cases[i].steps) && cases[i].steps[s] != NULL; s++) {
            rule_play_say(&p, cases[i].steps[s]);
        }
        rule_play_finish(&p);
        const struct finding *f = rule_play_finding(&p, "R090");
        assert_string_equal(party_text(&f->client, text), cases[i].text);
        assert_true((f->client.learned != NULL) == (cases[i].name != NULL));
        assert_string_equal(party_text(&f->server, text), "mp01.corp.example (10.0.0.20)");
        rule_play_end(&p);
    }
}

/* ---- acceptance ---- */

static void acceptance(void **state)
{
    static const struct {
        const char *policy;
        bool accepted, expired;
    } cases[] = {
        {NULL, false, false},
        {"\naccept: [{rule: tls-below-1-2, server: mp01.corp.example, until: 2199-01-31, reason: "
         "x, by: y}]\n",
         true, false},
        {"\naccept: [{rule: R090, server: management-point, reason: x, by: y}]\n", true, false},
        {"\naccept: [{rule: R090, client: hq, server: 10.0.0.0/24, reason: x, by: y}]\n", true,
         false},
        {"\naccept: [{rule: R090, client: kiosks, reason: x, by: y}]\n", false, false},
        {"\naccept: [{rule: R091, server: mp01.corp.example, reason: x, by: y}]\n", false, false},
        {"\naccept: [{rule: R090, server: dp01.corp.example, reason: x, by: y}]\n", false, false},
        {"\naccept: [{rule: R090, server: mp01.corp.example, until: 2025-12-31, reason: x, by: "
         "y}]\n",
         true, true},
        {"\naccept: [{rule: R090, server: mp01.corp.example, until: 2026-01-01, reason: x, by: "
         "y}]\n",
         true, false},
        /* accepted anew: the longest one counts, wherever it stands */
        {"\naccept: [{rule: R090, until: 2025-12-31, reason: x}, {rule: R090, until: 2199-01-31, "
         "reason: x}]\n",
         true, false},
        {"\naccept: [{rule: R090, until: 2199-01-31, reason: x}, {rule: R090, until: 2025-12-31, "
         "reason: x}]\n",
         true, false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct rule_play p;
        rule_play_begin(&p, cases[i].policy);
        rule_play_say(&p, OLD_TLS);
        rule_play_finish(&p);
        const struct finding *f = rule_play_finding(&p, "R090");
        const struct audit_counts *counts = audit_counts(p.audit);
        bool stands = !cases[i].accepted || cases[i].expired;
        if ((f->accepted != NULL) != cases[i].accepted ||
            f->acceptance_expired != cases[i].expired) {
            fail_msg("case %zu", i);
        }
        assert_int_equal(counts->accepted, !stands);
        assert_int_equal(counts->findings[SEVERITY_HIGH], stands);
        assert_int_equal(strstr(f->explanation, "that time is over") != NULL, cases[i].expired);
        assert_string_equal(rule_play_verdict(&p, "R090", "mp01.corp.example"), "violated");
        rule_play_end(&p);
    }
}

/* The server's own fault has all the clients that met it: an entry for one of them covers it only
 * while it is alone. */
static void acceptance_of_all_clients(void **state)
{
    static const struct {
        const char *policy;
        bool alone, both;
    } cases[] = {
        {"\naccept: [{rule: R090, client: 10.1.0.5, reason: x}]\n", true, false},
        {"\naccept: [{rule: R090, client: 10.1.0.6, reason: x}]\n", false, false},
        {"\naccept: [{rule: R090, server: mp01.corp.example, reason: x}]\n", true, true},
    };
    (void)state;
    for (size_t i = 0; i < 2 * COUNT_OF(cases); i++) {
        struct rule_play p;
        rule_play_begin(&p, cases[i / 2].policy);
        rule_play_say(&p, OLD_TLS);
        if (i % 2 == 1) {
            rule_play_say(&p, "tls#9 10.1.0.6 > 10.0.0.20:443 | tls.version=TLS 1.0 | "
                              "tls.server_hello_packet=5");
        }
        rule_play_finish(&p);
        const struct finding *f = rule_play_finding(&p, "R090");
        assert_true(f->any_client);
        if ((f->accepted != NULL) != (i % 2 == 1 ? cases[i / 2].both : cases[i / 2].alone)) {
            fail_msg("case %zu", i);
        }
        rule_play_end(&p);
    }
}

/* ---- order, ids, counts ---- */

static const struct finding *const *all_of(const struct rule_play *p, size_t *ret_count)
{
    return audit_findings(p->audit, ret_count);
}

static void order(void **state)
{
    static const char *const wanted[] = {"critical R041", "high R001",   "high R049",
                                         "high R064",     "high R090",   "high R091",
                                         "high R102",     "medium R003", "high R090"};
    struct rule_play p;
    size_t count = 0, verdicts = 0;
    (void)state;
    rule_play_begin(&p, "\naccept: [{rule: R090, server: dp01.corp.example, reason: x, by: y}]\n");
    rule_play_say(
        &p, "tls#9 10.1.0.5 > 10.0.0.30:443 | tls.version=TLS 1.0 | tls.server_hello_packet=5");
    rule_play_say(&p, RC4);
    rule_play_say(&p, OLD_TLS);
    rule_play_say(&p, GUEST_TREE);
    rule_play_say(&p, "smb 10.1.0.5 > 10.0.0.30:445 | smb.message=tree_connect | "
                      "smb.path=\\\\x\\C$ | smb.status_code=0 | "
                      "smb.response_packet=13");
    rule_play_say(&p, "flow#4 10.0.0.30 > 10.0.0.10:445 | flow.protocol=smb");
    rule_play_say(&p, "flow#5 10.7.7.7 > 10.0.0.13:1433 | flow.protocol=tds");
    rule_play_say(&p, "ntlm#6 10.0.0.10 > 192.0.2.20:445 | ntlm.carrier=smb | ntlm.variant=v1 | "
                      "ntlm.authenticate_packet=10");
    rule_play_finish(&p);
    const struct finding *const *all = all_of(&p, &count);
    assert_int_equal(count, COUNT_OF(wanted));
    for (size_t i = 0; i < count; i++) {
        char text[40];
        (void)snprintf(text, sizeof text, "%s %s", severity_name(all[i]->severity),
                       all[i]->rule->code);
        assert_string_equal(text, wanted[i]);
    }
    assert_non_null(all[count - 1]->accepted); /* what is accepted comes last */
    const struct verdict *const *said = audit_verdicts(p.audit, &verdicts);
    uint64_t counted = 0;
    for (size_t i = 0; i < COUNT_OF(audit_counts(p.audit)->verdicts); i++) {
        counted += audit_counts(p.audit)->verdicts[i];
    }
    assert_int_equal(counted, verdicts);
    for (size_t i = 1; i < verdicts; i++) {
        int by_rule = strcmp(said[i - 1]->rule->code, said[i]->rule->code);
        assert_true(by_rule < 0 ||
                    (by_rule == 0 && strcmp(said[i - 1]->subject, said[i]->subject) < 0));
    }
    rule_play_end(&p);
}

static void ids(void **state)
{
    static const struct {
        const char *step;
        bool same; /* as the first */
    } cases[] = {
        {"flow 10.7.7.7 > 10.0.0.13:1433", true},
        {"flow#77@500+100 10.7.7.7:60001 > 10.0.0.13:1433 | flow.protocol=tds", true},
        {"flow 10.7.7.8 > 10.0.0.13:1433", false},
        {"flow 10.7.7.7 > 10.0.0.13:1434", false},
        {"flow 10.7.7.7 > 10.0.0.30:1433", false},
    };
    char first[17] = "";
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct rule_play p;
        rule_play_begin(&p, NULL);
        rule_play_say(&p, cases[i].step);
        rule_play_finish(&p);
        const struct finding *f = rule_play_finding(&p, "R001");
        assert_int_equal(strlen(f->id), 16);
        assert_true(i == 0 || (strcmp(f->id, first) == 0) == cases[i].same);
        if (i == 0) {
            memcpy(first, f->id, sizeof first);
        }
        rule_play_end(&p);
    }
}

/* An id that changed would look like another finding to whoever keeps them. */
static void known_id(void **state)
{
    struct rule_play p;
    (void)state;
    rule_play_begin(&p, NULL);
    rule_play_say(&p, "flow 10.7.7.7 > 10.0.0.13:1433");
    rule_play_finish(&p);
    assert_string_equal(rule_play_finding(&p, "R001")->id, "34a625aa77138a86");
    rule_play_end(&p);
}

static void counting_up(void **state)
{
    struct rule_play p;
    char line[200];
    (void)state;
    rule_play_begin(&p, NULL);
    for (unsigned i = 0; i < 40; i++) {
        (void)snprintf(
            line, sizeof line,
            "http#%u@%u+%u 10.1.0.%u > 10.0.0.20:80 | http.method=GET | http.uri=/SMS_MP/%u | "
            "http.request_packet=%u",
            i / 2 + 1, 10 + i, i, 5 + i % 2, i, 10 + i);
        rule_play_say(&p, line);
    }
    rule_play_finish(&p);
    size_t count = 0;
    const struct finding *const *all = all_of(&p, &count);
    assert_int_equal(count, 2);
    assert_int_equal(all[0]->count, 20);
    assert_int_equal(all[0]->evidence_count, LIMIT_EVIDENCE);
    assert_int_equal(all[0]->flow_count, LIMIT_FINDING_FLOWS);
    assert_int_equal(all[0]->flows_total, 20);
    assert_int_equal(all[0]->first_ns / 1000000000, RULE_PLAY_START / 1000000000);
    assert_int_equal(all[0]->last_ns / 1000000000, RULE_PLAY_START / 1000000000 + 38);
    assert_int_equal(all[0]->client.port, 0); /* another one each time */
    assert_int_equal(all[0]->server.port, 80);
    rule_play_end(&p);
}

static void any_client(void **state)
{
    struct rule_play p;
    (void)state;
    rule_play_begin(&p, NULL);
    rule_play_say(&p, OLD_TLS);
    rule_play_say(&p, OLD_TLS);
    rule_play_finish(&p);
    assert_true(rule_play_finding(&p, "R090")->client.known);
    rule_play_end(&p);
    rule_play_begin(&p, NULL);
    rule_play_say(&p, OLD_TLS);
    rule_play_say(
        &p, "tls#2 10.1.0.6 > 10.0.0.20:443 | tls.version=TLS 1.0 | tls.server_hello_packet=8");
    rule_play_say(
        &p, "tls#3 10.1.0.6 > 10.0.0.20:8443 | tls.version=TLS 1.0 | tls.server_hello_packet=8");
    rule_play_finish(&p);
    size_t count = 0;
    const struct finding *const *all = all_of(&p, &count);
    assert_int_equal(count, 2);
    assert_false(all[0]->client.known && all[1]->client.known);
    rule_play_end(&p);
}

/* ---- limits ---- */

static void too_many_findings(void **state)
{
    struct rule_play p;
    char line[100];
    size_t count = 0;
    (void)state;
    rule_play_begin(&p, NULL);
    for (unsigned i = 0; i < LIMIT_FINDINGS + 10; i++) {
        (void)snprintf(line, sizeof line, "flow#%u 10.7.%u.%u > 10.0.0.30:80", i + 1, i / 200 % 200,
                       i % 200 + 1);
        rule_play_say(&p, line);
    }
    rule_play_finish(&p);
    (void)all_of(&p, &count);
    assert_int_equal(count, LIMIT_FINDINGS);
    assert_int_equal(audit_counts(p.audit)->findings_shed, 10);
    assert_string_equal(rule_play_verdict(&p, "R001", "dp01.corp.example"), "violated");
    rule_play_end(&p);
}

static void too_many_flows(void **state)
{
    struct rule_play p;
    char line[200];
    (void)state;
    rule_play_begin(&p, NULL);
    for (unsigned i = 0; i < LIMIT_FLOW_NOTES + 5; i++) {
        (void)snprintf(
            line, sizeof line,
            "smb#%u 10.1.0.5 > 10.0.0.30:445 | smb.message=negotiate | smb.dialect=3.1.1 | "
            "smb.signing.server=enabled | smb.response_packet=6",
            i + 1);
        rule_play_say(&p, line);
    }
    assert_int_equal(audit_counts(p.audit)->state_shed, 5);
    for (unsigned i = 0; i < LIMIT_FLOW_NOTES + 5; i++) {
        (void)snprintf(line, sizeof line, "flow#%u 10.1.0.5 > 10.0.0.30:445 | flow.protocol=smb",
                       i + 1);
        rule_play_say(&p, line);
    }
    rule_play_finish(&p);
    assert_int_equal(rule_play_finding(&p, "R061")->count, LIMIT_FLOW_NOTES);
    rule_play_end(&p);
}

static void nothing_seen(void **state)
{
    struct rule_play p;
    size_t findings = 0, verdicts = 0;
    (void)state;
    rule_play_begin(&p, NULL);
    rule_play_finish(&p);
    (void)all_of(&p, &findings);
    const struct verdict *const *all = audit_verdicts(p.audit, &verdicts);
    assert_int_equal(findings, 0);
    assert_true(verdicts > rule_count);
    for (size_t i = 0; i < verdicts; i++) {
        assert_int_equal(all[i]->status, VERDICT_NOT_OBSERVED); /* never consistent from silence */
    }
    rule_play_end(&p);
}

static void rows_of_rules(void **state)
{
    (void)state;
    for (unsigned i = 0; i < rule_count; i++) {
        const struct rule *r = rules[i];
        assert_ptr_equal(rule_find(r->name), r);
        assert_ptr_equal(rule_find(r->code), r);
        assert_true(r->severity != SEVERITY_OFF && (r->records != 0) == (r->observe != NULL) &&
                    r->finish != NULL);
        assert_true(strlen(r->title) > 0 && strlen(r->means) > 80 && strlen(r->evidence) > 80 &&
                    strlen(r->remediation) > 40);
        assert_true(i == 0 || strcmp(rules[i - 1]->code, r->code) < 0);
        for (const char *s = r->statements; *s != '\0'; s += strspn(s, " ")) {
            unsigned number = 0;
            assert_int_equal(sscanf(s, "S%u", &number), 1);
            assert_in_range(number, 1, 115);
            s += strcspn(s, " ");
        }
    }
    assert_null(rule_find("no-such-rule"));
}

/* ---- repetition ---- */

/* The same breach again is one finding: it counts, and lists no more flows than it may. */
static void repeated_breach(void **state)
{
    char ids[2][17];
    (void)state;
    for (unsigned run = 0; run < 2; run++) {
        struct rule_play p;
        unsigned times = run == 0 ? 1 : LIMIT_FINDING_FLOWS + 4;
        rule_play_begin(&p, NULL);
        for (unsigned i = 0; i < times; i++) {
            char line[200];
            (void)snprintf(line, sizeof line,
                           "tls#%u@%u+%u 10.1.0.5:%u > 10.0.0.20:443 | tls.version=TLS 1.0 | "
                           "tls.server_hello_packet=%u",
                           i + 1, 10 + i, i, 40000 + i, 10 + i);
            rule_play_say(&p, line);
        }
        rule_play_finish(&p);
        const struct finding *f = rule_play_finding(&p, "R090");
        assert_int_equal(f->count, times);
        assert_int_equal(f->flows_total, times);
        assert_int_equal(f->flow_count, times < LIMIT_FINDING_FLOWS ? times : LIMIT_FINDING_FLOWS);
        assert_int_equal(f->evidence_count, times < LIMIT_EVIDENCE ? times : LIMIT_EVIDENCE);
        assert_int_equal((f->last_ns - f->first_ns) / INT64_C(1000000000), times - 1);
        (void)snprintf(ids[run], sizeof ids[run], "%s", f->id);
        rule_play_end(&p);
    }
    assert_string_equal(ids[0], ids[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tuning),
        cmocka_unit_test(guesses_stay_low),
        cmocka_unit_test(learned_names),
        cmocka_unit_test(what_is_off_is_not_asked_for),
        cmocka_unit_test(acceptance),
        cmocka_unit_test(order),
        cmocka_unit_test(ids),
        cmocka_unit_test(known_id),
        cmocka_unit_test(counting_up),
        cmocka_unit_test(any_client),
        cmocka_unit_test(acceptance_of_all_clients),
        cmocka_unit_test(too_many_findings),
        cmocka_unit_test(too_many_flows),
        cmocka_unit_test(nothing_seen),
        cmocka_unit_test(rows_of_rules),
        cmocka_unit_test(repeated_breach),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
