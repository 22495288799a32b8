/*
 * test_statements.c - every statement of the specification has rules or a reason, and an answer.
 */
#include "policy/statements.h"
#include "tests/policy/rule_play.h"
#include "tests/test.h"

#define STATEMENTS 115

static const char hierarchy[] =
    "forests: {corp: {domains: [corp.example]}}\n"
    "sites: {P01: {type: primary, client-communication: https}}\n"
    "hosts:\n"
    "  cm01.corp.example: {addresses: [10.0.1.10], forest: corp, site: P01, roles: [site-server]}\n"
    "  mp01.corp.example: {addresses: [10.0.1.20], forest: corp, site: P01,"
    " roles: [management-point]}\n"
    "clients: {hq: {networks: [10.1.0.0/16], forest: corp}}\n";

static void test_list_is_whole(void **state)
{
    (void)state;
    assert_int_equal(statement_count, STATEMENTS);
    for (unsigned i = 0; i < statement_count; i++) {
        char id[8];
        (void)snprintf(id, sizeof id, "S%02u", i + 1);
        assert_string_equal(all_statements[i].id, id);
        assert_true(strlen(all_statements[i].demands) > 10);
    }
}

static bool is_known(const char *code)
{
    for (unsigned i = 0; i < rule_names.rule_count; i++) {
        if (strcmp(rule_names.rule_code(i), code) == 0) {
            return true;
        }
    }
    return false;
}

/* Neither rule nor reason: nobody would notice that nothing judges it. */
static void test_each_has_rule_or_reason(void **state)
{
    (void)state;
    for (unsigned i = 0; i < statement_count; i++) {
        const struct statement *s = &all_statements[i];
        if ((*s->rules == '\0') == (s->reason == NULL)) {
            fail_msg("%s needs rules or a reason, one of them", s->id);
        }
        for (const char *at = s->rules; *at != '\0'; at += strspn(at, " ")) {
            char code[8];
            (void)snprintf(code, sizeof code, "%.*s", (int)strcspn(at, " "), at);
            at += strcspn(at, " ");
            if (!is_known(code)) {
                fail_msg("%s rests on %s, which no table of rules has", s->id, code);
            }
        }
    }
}

static void test_only_permitted(void **state)
{
    static const char *const permits[] = {"S29", "S40", "S48", "S49", "S55",
                                          "S64", "S70", "S71", "S78"};
    size_t count = 0;
    (void)state;
    for (unsigned i = 0; i < statement_count; i++) {
        count += all_statements[i].reason != NULL;
    }
    assert_int_equal(count, sizeof permits / sizeof *permits);
    for (size_t i = 0; i < count; i++) {
        assert_non_null(statement_find(permits[i])->reason);
    }
}

static void test_rules_name_statements(void **state)
{
    (void)state;
    for (unsigned i = 0; i < rule_count; i++) {
        for (const char *at = rules[i]->statements; *at != '\0'; at += strspn(at, " ")) {
            char id[8];
            (void)snprintf(id, sizeof id, "%.*s", (int)strcspn(at, " "), at);
            at += strcspn(at, " ");
            if (statement_find(id) == NULL) {
                fail_msg("%s rests on %s, which is no statement", rules[i]->code, id);
            }
        }
    }
}

static const struct statement_verdict *answer_of(const struct audit *a, const char *id)
{
    size_t count = 0;
    const struct statement_verdict *all = audit_statements(a, &count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(all[i].statement->id, id) == 0) {
            return &all[i];
        }
    }
    fail_msg("no answer for %s", id);
    return NULL;
}

static void test_nothing_seen(void **state)
{
    static const struct {
        const char *id;
        enum verdict_status status;
        const char *because;
    } cases[] = {
        {"S16", VERDICT_NOT_OBSERVED, NULL},
        {"S10", VERDICT_NOT_OBSERVED, "No host is declared as application-catalog-website."},
        {"S14", VERDICT_NOT_OBSERVED,
         "No host is declared as cloud-management-gateway or cloud-distribution-point."},
        {"S29", VERDICT_NOT_ASSESSABLE, NULL},
    };
    struct rule_play play;
    (void)state;
    rule_play_begin(&play, hierarchy);
    audit_finish(play.audit);
    size_t count = 0;
    const struct statement_verdict *all = audit_statements(play.audit, &count);
    assert_int_equal(count, STATEMENTS);
    for (size_t i = 0; i < count; i++) {
        if (*all[i].because == '\0' || all[i].status == VERDICT_CONSISTENT ||
            all[i].status == VERDICT_VIOLATED) {
            fail_msg("%s: '%s' from silence", all[i].statement->id, all[i].because);
        }
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct statement_verdict *v = answer_of(play.audit, cases[i].id);
        assert_int_equal(v->status, cases[i].status);
        if (cases[i].because != NULL) {
            assert_string_equal(v->because, cases[i].because);
        }
    }
    rule_play_end(&play);
}

/* Verdicts of one rule about one role answer the statements on that role, and no others'. */
static void test_rolled_up(void **state)
{
    static const struct {
        const char *label, *line, *id;
        enum verdict_status status;
    } cases[] = {
        {"the rule is broken by a management point",
         "http 10.1.0.5 > 10.0.1.20:80 | http.method=CCM_POST"
         " | http.uri=/ccm_system/request | http.status=200",
         "S16", VERDICT_VIOLATED},
        {"and so is what the statement says of every role",
         "http 10.1.0.5 > 10.0.1.20:80"
         " | http.method=CCM_POST | http.uri=/ccm_system/request | http.status=200",
         "S24", VERDICT_VIOLATED},
        {"near miss: nothing of that is about distribution points",
         "http 10.1.0.5 > 10.0.1.20:80 | http.method=CCM_POST | http.uri=/ccm_system/request"
         " | http.status=200",
         "S13", VERDICT_NOT_OBSERVED},
        {"near miss: TLS",
         "tls 10.1.0.5 > 10.0.1.20:443 | tls.version_offered=TLS 1.2 | tls.established=true", "S16",
         VERDICT_CONSISTENT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rule_play play;
        rule_play_begin(&play, hierarchy);
        rule_play_say(&play, cases[i].line);
        audit_finish(play.audit);
        const struct statement_verdict *v = answer_of(play.audit, cases[i].id);
        if (v->status != cases[i].status) {
            fail_msg("%s: %s is %s: %s", cases[i].label, cases[i].id,
                     verdict_status_name(v->status), v->because);
        }
        rule_play_end(&play);
    }
}

/* Whether a path is a client's, one between sites, one that the site server opens to a far role, or
 * one to the database decides which statement it is about. */
static void test_paths_by_their_ends(void **state)
{
    static const char refused[] = " | flow.state=refused | flow.refusal_packet=2";
    static const char *const ids[] = {"S09", "S75", "S88", "S103"};
    static const struct {
        const char *ends;
        bool violated[4];
    } cases[] = {
        {"flow@1 10.1.0.5 > 10.0.0.20:443", {true, false, false, false}},
        {"flow@1 10.0.0.10 > 10.0.0.12:445", {false, true, false, false}},
        {"flow@1 10.0.0.10 > 192.0.2.20:445", {false, false, true, false}},
        {"flow@1 10.0.0.20 > 10.0.0.13:1433", {false, false, false, true}},
        {"flow@1 10.0.0.10 > 10.0.0.30:445", {false, false, false, false}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rule_play play;
        char line[160];
        (void)snprintf(line, sizeof line, "%s%s", cases[i].ends, refused);
        rule_play_begin(&play, NULL);
        rule_play_say(&play, line);
        rule_play_finish(&play);
        assert_non_null(rule_play_finding(&play, "R123"));
        for (size_t s = 0; s < sizeof ids / sizeof *ids; s++) {
            bool violated = answer_of(play.audit, ids[s])->status == VERDICT_VIOLATED;
            if (violated != cases[i].violated[s]) {
                fail_msg("%s: %s", cases[i].ends, ids[s]);
            }
        }
        rule_play_end(&play);
    }
}

/* That databases replicate says nothing of a role that needs one. */
static void test_roles_by_their_own(void **state)
{
    struct rule_play play;
    (void)state;
    rule_play_begin(&play, "forests: {corp: {domains: [corp.example]}}\n"
                           "sites: {CEN: {type: central-administration}, "
                           "P01: {type: primary, parent: CEN}}\n"
                           "hosts:\n"
                           "  db00.corp.example: {addresses: [10.0.0.5], forest: corp, site: CEN, "
                           "roles: [site-database]}\n"
                           "  db01.corp.example: {addresses: [10.0.0.13], forest: corp, site: P01, "
                           "roles: [site-database]}\n"
                           "  rsp1.corp.example: {addresses: [10.0.0.20], forest: corp, site: P01, "
                           "roles: [reporting-point]}\n"
                           "rules: {R100: off, R101: off, R102: off, R104: off}\n");
    rule_play_say(&play, "flow 10.0.0.13 > 10.0.0.5:4022");
    rule_play_finish(&play);
    assert_int_equal(answer_of(play.audit, "S74")->status, VERDICT_CONSISTENT);
    assert_int_equal(answer_of(play.audit, "S94")->status, VERDICT_NOT_OBSERVED);
    rule_play_end(&play);
}

static void test_rules_off(void **state)
{
    struct rule_play play;
    char policy[1024];
    (void)state;
    (void)snprintf(policy, sizeof policy, "%srules: {R027: off}\n", hierarchy);
    rule_play_begin(&play, policy);
    audit_finish(play.audit);
    assert_string_equal(answer_of(play.audit, "S27")->because, "The policy turns its rules off.");
    rule_play_end(&play);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list_is_whole),      cmocka_unit_test(test_each_has_rule_or_reason),
        cmocka_unit_test(test_only_permitted),     cmocka_unit_test(test_rules_name_statements),
        cmocka_unit_test(test_nothing_seen),       cmocka_unit_test(test_rolled_up),
        cmocka_unit_test(test_rules_off),          cmocka_unit_test(test_paths_by_their_ends),
        cmocka_unit_test(test_roles_by_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
