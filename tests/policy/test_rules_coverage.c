/*
 * test_rules_coverage.c - chapter K: R120 traffic that is missing, R121 what was not seen, R122
 * what encryption hid, R123 required paths that nobody answered.
 */
#include "capture/limits.h"
#include "policy/coverage.h"
#include "tests/policy/rule_play.h"
#include "tests/test.h"

#define CASES(code, cases) rule_play_cases(code, cases, sizeof(cases) / sizeof *(cases))
#define SENSOR "\nsensor: {zone: perimeter, sees: [perimeter]}\n"
#define DENIED "\nmatrix: [{deny: {from: hq, to: mp01.corp.example}}]\n"

static void test_blocked_required_path(void **state)
{
    static const struct rule_case cases[] = {
        {"three SYNs, and answers to others are seen",
         {"flow#1 10.1.0.5 > 10.0.0.30:443", "flow#2@10 10.1.0.6 !> 10.0.0.20:443"},
         "medium derived 10.1.0.6 > 10.0.0.20:443 @10",
         "mp01.corp.example",
         "violated",
         NULL},
        {"refused",
         {"flow#2@10 10.1.0.6 > 10.0.0.20:443 | flow.state=refused | flow.refusal_packet=11"},
         "medium proven 10.1.0.6 > 10.0.0.20:443 @10,11",
         "mp01.corp.example",
         "violated",
         NULL},
        {"ICMP says that a filter is in the way",
         {"flow#2@10 10.1.0.6 !> 10.0.0.20:443 | flow.packets.client=1 | flow.icmp_type=3 | "
          "flow.icmp_code=13 | flow.blocked_by=10.0.0.1 | flow.blocked_packet=11"},
         "medium proven 10.1.0.6 > 10.0.0.20:443 @10,11",
         "mp01.corp.example",
         "violated",
         NULL},
        {"a datagram too",
         {"flow#2@10 10.1.0.6 udp!> 10.0.0.2:88 | flow.icmp_type=3 | flow.icmp_code=13 | "
          "flow.blocked_by=10.0.0.1 | flow.blocked_packet=11"},
         "medium proven 10.1.0.6 > 10.0.0.2:88 @10,11",
         "dc01.corp.example",
         "violated",
         NULL},
        {"ICMPv6 unreachable",
         {"flow#2@10 fd00:1::5 !> [fd00::20]:443 | flow.packets.client=1 | flow.icmp_type=1 | "
          "flow.icmp_code=1 | flow.blocked_by=fd00::1 | flow.blocked_packet=11"},
         "medium proven fd00:1::5 > fd00::20:443 @10,11",
         "mp01.corp.example",
         "violated",
         NULL},
        {"the database's port is closed to a role",
         {"flow#2@10 10.0.0.20 > 10.0.0.13:1433 | flow.state=refused | flow.refusal_packet=11"},
         "medium proven 10.0.0.20 > 10.0.0.13:1433 @10,11",
         "mp01.corp.example -> db01.corp.example",
         "violated",
         NULL},
        {"attempts of several clients are one finding",
         {"flow#1 10.1.0.5 > 10.0.0.30:443", "flow#2@10 10.1.0.6 !> 10.0.0.20:443",
          "flow#3@20 10.1.0.7 !> 10.0.0.20:443", "flow#4@30 10.1.0.8 !> 10.0.0.20:443",
          "flow#5@40 10.1.0.8 !> 10.0.0.20:443"},
         "medium derived - > 10.0.0.20:443 @10,20,30",
         NULL,
         NULL,
         NULL},
        {"the endpoint mapper answers, the dynamic ports do not",
         {"flow#1 10.0.0.10 > 10.0.0.30:135", "flow#2@10 10.0.0.10 !> 10.0.0.30:49700",
          "flow#3@20 10.0.0.10 !> 10.0.0.30:49701"},
         "medium derived 10.0.0.10 > 10.0.0.30:49700 @10,20",
         "cm01.corp.example -> dp01.corp.example",
         "violated",
         NULL},
    };
    (void)state;
    CASES("R123", cases);
}

static void test_not_blocked(void **state)
{
    static const struct rule_case cases[] = {
        {"answered later: a service that restarts",
         {"flow#2@10 10.1.0.6 > 10.0.0.20:443 | flow.state=refused | flow.refusal_packet=11",
          "flow#3@20 10.1.0.6 > 10.0.0.20:443"},
         "",
         "mp01.corp.example",
         "consistent",
         NULL},
        {"two SYNs",
         {"flow#1 10.1.0.5 > 10.0.0.30:443",
          "flow#2@10 10.1.0.6 !> 10.0.0.20:443 | flow.packets.client=2"},
         "",
         "mp01.corp.example",
         "not_assessable",
         NULL},
        {"nothing shows that the sensor would see an answer",
         {"flow#2@10 10.1.0.6 !> 10.0.0.20:443"},
         "",
         "mp01.corp.example",
         "not_assessable",
         NULL},
        {"the sensor sees one direction of the server's traffic",
         {"flow#1 10.1.0.5 > 10.0.0.30:443",
          "flow#3 10.1.0.7 ~> 10.0.0.20:8080 | flow.packets.server=0",
          "flow#2@10 10.1.0.6 !> 10.0.0.20:443"},
         "",
         "mp01.corp.example",
         "not_assessable",
         NULL},
        {"the declared sensor sees neither end",
         {"flow#1 10.1.0.5 > 10.0.0.30:443", "flow#2@10 10.1.0.6 !> 10.0.0.20:443"},
         "",
         "mp01.corp.example",
         "not_assessable",
         SENSOR},
        {"the sensor's own zone is what it sees, where nothing more is said",
         {"flow#1 10.1.0.5 > 10.0.0.30:443", "flow#2@10 10.1.0.6 !> 10.0.0.20:443"},
         "",
         "mp01.corp.example",
         "not_assessable",
         "\nsensor: {zone: perimeter}\n"},
        {"no row asks for it",
         {"flow#1 10.1.0.5 > 10.0.0.30:443", "flow#2@10 10.1.0.6 !> 10.0.0.20:445"},
         "",
         "mp01.corp.example",
         "not_observed",
         NULL},
        {"the policy denies it",
         {"flow#2@10 10.1.0.6 > 10.0.0.20:443 | flow.state=refused | flow.refusal_packet=11"},
         "",
         "mp01.corp.example",
         "not_observed",
         DENIED},
        {"HTTP to a role that wants HTTPS is not required",
         {"flow#2@10 10.1.0.6 > 10.0.0.20:80 | flow.state=refused | flow.refusal_packet=11"},
         "",
         "mp01.corp.example",
         "not_observed",
         NULL},
        {"LDAPS is refused, LDAP is served",
         {"flow#1 10.1.0.5 > 10.0.0.2:389",
          "flow#2@10 10.1.0.6 > 10.0.0.2:636 | flow.state=refused | flow.refusal_packet=11"},
         "",
         "dc01.corp.example",
         "consistent",
         NULL},
        {"so for a role, by rows of their own",
         {"flow#1 10.0.0.20 > 10.0.0.2:389",
          "flow#2@10 10.0.0.20 > 10.0.0.2:636 | flow.state=refused | flow.refusal_packet=11"},
         "",
         "mp01.corp.example -> dc01.corp.example",
         "consistent",
         NULL},
        {"a probe of the route (time exceeded)",
         {"flow#2@10 10.1.0.6 !> 10.0.0.20:443 | flow.packets.client=1 | flow.icmp_type=11 | "
          "flow.icmp_code=0 | flow.blocked_by=10.0.0.1 | flow.blocked_packet=11"},
         "",
         "mp01.corp.example",
         "not_assessable",
         NULL},
        {"a role in an untrusted forest must not open it",
         {"flow#1 10.0.0.10 > 192.0.2.20:443",
          "flow#2@10 192.0.2.20 > 10.0.0.10:445 | flow.state=refused | flow.refusal_packet=11"},
         "",
         "mp07.partner.example -> cm01.corp.example",
         "none",
         NULL},
        {"a conversation given up early by a limit",
         {"flow#1 10.1.0.5 > 10.0.0.30:443",
          "flow#2@10 10.1.0.6 !> 10.0.0.20:443 | flow.evicted=true"},
         "",
         "mp01.corp.example",
         "not_observed",
         NULL},
    };
    (void)state;
    CASES("R123", cases);
}

static void test_says_how_often(void **state)
{
    struct rule_play play;
    (void)state;
    rule_play_begin(&play, NULL);
    rule_play_say(&play, "flow#1 10.1.0.5 > 10.0.0.30:443");
    for (int i = 0; i < 5; i++) {
        rule_play_say(&play, "flow#2 10.1.0.6 !> 10.0.0.20:443");
    }
    rule_play_finish(&play);
    const struct finding *f = rule_play_finding(&play, "R123");
    assert_int_equal(f->count, 5);
    assert_non_null(strstr(f->explanation, "(15 SYNs)"));
    assert_non_null(strstr(f->explanation, "matrix row M002"));
    assert_non_null(strstr(f->explanation, "at this sensor"));
    rule_play_end(&play);
}

/* ---- verdicts, never findings ---- */

static void test_capture_gap(void **state)
{
    static const struct rule_case cases[] = {
        {"captured whole",
         {"flow 10.1.0.5 > 10.0.0.20:443"},
         "",
         "mp01.corp.example",
         "consistent",
         NULL},
        {"nothing lacks anywhere",
         {"flow 10.1.0.5 > 10.0.0.20:443"},
         "",
         "hierarchy",
         "consistent",
         NULL},
        {"payload is missing",
         {"flow 10.1.0.5 > 10.0.0.20:443 | flow.missing.server=1400"},
         "",
         "mp01.corp.example",
         "not_assessable",
         NULL},
        {"one direction",
         {"flow 10.1.0.5 ~> 10.0.0.20:443 | flow.packets.server=0"},
         "",
         "mp01.corp.example",
         "not_assessable",
         NULL},
        {"joined midway, among whole ones",
         {"flow 10.1.0.5 > 10.0.0.20:443", "flow 10.1.0.6 ~> 10.0.0.20:443"},
         "",
         "mp01.corp.example",
         "not_assessable",
         NULL},
        {"of another host",
         {"flow 10.1.0.5 > 10.0.0.20:443", "flow 10.1.0.6 ~> 10.0.0.30:443"},
         "",
         "mp01.corp.example",
         "consistent",
         NULL},
        {"but the whole is not complete",
         {"flow 10.1.0.5 > 10.0.0.20:443", "flow 10.1.0.6 ~> 10.0.0.30:443"},
         "",
         "hierarchy",
         "not_assessable",
         NULL},
        {"an attempt that nobody answers lacks nothing",
         {"flow 10.1.0.5 > 10.0.0.20:443", "flow 10.1.0.6 !> 10.0.0.20:8080"},
         "",
         "mp01.corp.example",
         "consistent",
         NULL},
        {"datagrams that need no answer",
         {"flow 10.1.0.5 > 10.0.0.20:443", "flow 10.0.0.20 udp!> 10.0.0.2:514"},
         "",
         "mp01.corp.example",
         "consistent",
         NULL},
        {"no traffic", {NULL}, "", "mp01.corp.example", "not_observed", NULL},
        {"none at all", {NULL}, "", "hierarchy", "not_observed", NULL},
    };
    (void)state;
    CASES("R120", cases);
}

static void test_losses(void **state)
{
    static const struct {
        struct audit_losses losses;
        const char *verdict;
    } cases[] = {
        {{0}, "consistent"},
        {{.dropped = 3}, "not_assessable"},
        {{.cut_files = 1}, "not_assessable"},
        {{.given_up = 9}, "not_assessable"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rule_play play;
        rule_play_begin(&play, NULL);
        rule_play_say(&play, "flow 10.1.0.5 > 10.0.0.20:443");
        audit_lost(play.audit, &cases[i].losses);
        rule_play_finish(&play);
        assert_string_equal(rule_play_verdict(&play, "R120", "hierarchy"), cases[i].verdict);
        assert_int_equal(audit_counts(play.audit)->partial > 0, i > 0);
        rule_play_end(&play);
    }
}

/* Which consistent verdicts a loss touches. */
static void test_partial_verdicts(void **state)
{
    static const struct {
        const char *label, *flow, *code;
        bool partial;
    } cases[] = {
        {"nothing is missing", "flow#2 10.1.0.6 > 10.0.0.20:443", "R090", false},
        {"nothing is missing", "flow#2 10.1.0.6 > 10.0.0.20:443", "R001", false},
        {"payload", "flow#2 10.1.0.6 > 10.0.0.20:443 | flow.missing.client=9", "R090", true},
        {"payload tells nothing of openers",
         "flow#2 10.1.0.6 > 10.0.0.20:443 | flow.missing.client=9", "R001", false},
        {"openings", "flow#2 10.1.0.6 ~> 10.0.0.20:443", "R001", true},
        {"one direction", "flow#2 10.1.0.6 ~> 10.0.0.20:443 | flow.packets.client=0", "R090", true},
        {"another host's", "flow#2 10.1.0.6 ~> 10.0.0.30:443", "R090", false},
        {"what was seen was seen", "flow#2 10.1.0.6 ~> 10.0.0.20:443", "R123", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rule_play play;
        size_t count = 0;
        int partial = -1;
        rule_play_begin(&play, NULL);
        rule_play_say(&play, "flow#1 10.1.0.5 > 10.0.0.20:443 | flow.protocol=tls");
        rule_play_say(&play, "tls#1 10.1.0.5 > 10.0.0.20:443 | tls.version=TLS 1.2 | "
                             "tls.version_offered=TLS 1.2 | tls.established=true");
        rule_play_say(&play, cases[i].flow);
        rule_play_finish(&play);
        const struct verdict *const *all = audit_verdicts(play.audit, &count);
        for (size_t v = 0; v < count; v++) {
            if (strcmp(all[v]->rule->code, cases[i].code) == 0 &&
                strcmp(all[v]->subject, "mp01.corp.example") == 0) {
                assert_int_equal(all[v]->status, VERDICT_CONSISTENT);
                partial = all[v]->partial;
            }
        }
        if (partial != cases[i].partial) {
            fail_msg("%s: %s is %d", cases[i].label, cases[i].code, partial);
        }
        rule_play_end(&play);
    }
}

/* What was joined of several observations says that some are missing; what was seen stands. */
static void test_findings_say_what_is_missing(void **state)
{
    static const struct {
        const char *loss, *flow, *code;
        bool told;
    } cases[] = {
        {"flow#9 10.1.0.6 > 10.0.0.20:445 | flow.missing.client=9", "flow 10.4.0.5 > 10.0.0.20:443",
         "R025", true},
        {"flow#9 10.1.0.6 > 10.0.0.20:445", "flow 10.4.0.5 > 10.0.0.20:443", "R025", false},
        {"flow#9 10.1.0.6 > 10.0.0.30:445 | flow.missing.client=9", "flow 10.0.7.9 > 10.0.0.30:443",
         "R001", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rule_play play;
        rule_play_begin(&play, NULL);
        rule_play_say(&play, cases[i].flow);
        rule_play_say(&play, cases[i].loss);
        rule_play_finish(&play);
        const struct finding *f = rule_play_finding(&play, cases[i].code);
        assert_int_equal(strstr(f->explanation, "(R120)") != NULL, cases[i].told);
        rule_play_end(&play);
    }
}

/* More required paths than are followed: the rest are counted, and nothing is said of them. */
static void test_too_many_paths(void **state)
{
    enum { SERVERS = 129 };
    struct rule_play play;
    char *policy = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&policy, &size);
    (void)state;
    assert_non_null(to);
    (void)fputs("sites: {P: {type: primary}}\nhosts:\n", to);
    for (unsigned i = 0; i < SERVERS; i++) {
        (void)fprintf(to,
                      "  a%u: {addresses: [10.0.0.%u], site: P, roles: [management-point, "
                      "pull-distribution-point]}\n",
                      i, i + 1);
    }
    (void)fclose(to);
    rule_play_begin(&play, policy);
    for (unsigned i = 0; i < SERVERS; i++) {
        for (unsigned k = 0; k < SERVERS; k++) {
            char line[80];
            (void)snprintf(line, sizeof line, "flow 10.0.0.%u > 10.0.0.%u:443", i + 1, k + 1);
            rule_play_say(&play, line);
        }
    }
    rule_play_finish(&play);
    size_t count = 0;
    (void)coverage_paths(audit_coverage(play.audit), &count);
    assert_int_equal(count, LIMIT_PATHS);
    assert_true(audit_counts(play.audit)->paths_shed > 0);
    rule_play_end(&play);
    free(policy);
}

#define TREE                                                                                       \
    "forests: {corp: {domains: [corp.example], published: true}}\n"                                \
    "sites: {CEN: {type: central-administration}, P01: {type: primary, parent: CEN}}\n"            \
    "zones: {intranet: [10.0.0.0/8]}\n"                                                            \
    "hosts:\n"                                                                                     \
    "  dc01.corp.example: {addresses: [10.0.0.2], forest: corp, roles: [domain-controller]}\n"     \
    "  cm01.corp.example: {addresses: [10.0.0.10], forest: corp, site: P01, roles: "               \
    "[site-server]}\n"                                                                             \
    "  db00.corp.example: {addresses: [10.0.0.5], forest: corp, site: CEN, roles: "                \
    "[site-database]}\n"                                                                           \
    "  db01.corp.example: {addresses: [10.0.0.13], forest: corp, site: P01, roles: "               \
    "[site-database, management-point]}\n"                                                         \
    "  mp01.corp.example: {addresses: [10.0.0.20], forest: corp, site: P01, roles: "               \
    "[management-point, distribution-point]}\n"                                                    \
    "clients: {hq: {networks: [10.1.0.0/16], forest: corp}}\n"

static void test_declared_but_not_seen(void **state)
{
    static const struct rule_case cases[] = {
        {"a role at work",
         {"flow 10.1.0.5 > 10.0.0.20:443"},
         "",
         "mp01.corp.example distribution-point",
         "consistent",
         TREE},
        {"used by clients is not yet connected to the database",
         {"flow 10.1.0.5 > 10.0.0.20:443"},
         "",
         "mp01.corp.example management-point",
         "not_observed",
         TREE},
        {"it is",
         {"flow 10.0.0.20 > 10.0.0.13:1433"},
         "",
         "mp01.corp.example management-point",
         "consistent",
         TREE},
        {"it tried",
         {"flow 10.0.0.20 !> 10.0.0.13:1433"},
         "",
         "mp01.corp.example management-point",
         "not_observed",
         TREE},
        {"on one host with the database",
         {NULL},
         "",
         "db01.corp.example management-point",
         "not_assessable",
         TREE},
        {"parent and child replicate",
         {"flow 10.0.0.13 > 10.0.0.5:4022"},
         "",
         "db00.corp.example site-database",
         "consistent",
         TREE},
        {"a role's connection is no replication",
         {"flow 10.0.0.20 > 10.0.0.13:1433"},
         "",
         "db01.corp.example site-database",
         "not_observed",
         TREE},
        {"the site server opens the directory",
         {"flow 10.0.0.10 > 10.0.0.2:389"},
         "",
         "cm01.corp.example -> dc01.corp.example",
         "consistent",
         TREE},
        {"by LDAPS",
         {"flow 10.0.0.10 > 10.0.0.2:636"},
         "",
         "cm01.corp.example -> dc01.corp.example",
         "consistent",
         TREE},
        {"a ticket is no publishing",
         {"flow 10.0.0.10 > 10.0.0.2:88"},
         "",
         "cm01.corp.example -> dc01.corp.example",
         "not_observed",
         TREE},
        {"nothing", {NULL}, "", "cm01.corp.example site-server", "not_observed", TREE},
    };
    (void)state;
    CASES("R121", cases);
}

static void test_hidden_by_encryption(void **state)
{
    static const struct rule_case cases[] = {
        {"a certificate",
         {"tls 10.1.0.5 > 10.0.0.20:443 | tls.version=TLS 1.3 | tls.certificate_visible=false"},
         "",
         "hierarchy",
         "not_assessable",
         NULL},
        {"a certificate that is shown",
         {"tls 10.1.0.5 > 10.0.0.20:443 | tls.version=TLS 1.2 | tls.certificate_visible=true"},
         "",
         "hierarchy",
         "consistent",
         NULL},
        {"an SMB session",
         {"smb 10.1.0.5 > 10.0.0.30:445 | smb.message=transfer | smb.encrypted=true"},
         "",
         "hierarchy",
         "not_assessable",
         NULL},
        {"one in clear",
         {"smb 10.1.0.5 > 10.0.0.30:445 | smb.message=transfer | smb.signed=true"},
         "",
         "hierarchy",
         "consistent",
         NULL},
        {"LDAP that is sealed",
         {"ldap 10.0.0.10 > 10.0.0.2:389 | ldap.protection=seal"},
         "",
         "hierarchy",
         "not_assessable",
         NULL},
        {"SQL encrypted as a whole",
         {"sql 10.0.0.20 > 10.0.0.13:1433 | sql.message=prelogin | sql.encryption.result=full"},
         "",
         "hierarchy",
         "not_assessable",
         NULL},
        {"only its login",
         {"sql 10.0.0.20 > 10.0.0.13:1433 | sql.message=prelogin | sql.encryption.result=login"},
         "",
         "hierarchy",
         "consistent",
         NULL},
        {"IPsec",
         {"flow 10.0.0.20 udp> 10.0.0.13:4500 | flow.protocol=ipsec | flow.opaque=true"},
         "",
         "hierarchy",
         "not_assessable",
         NULL},
        {"strangers among themselves",
         {"tls 8.8.8.8 > 9.9.9.9:443 | tls.version=TLS 1.3 | tls.certificate_visible=false"},
         "",
         "hierarchy",
         "not_observed",
         NULL},
    };
    (void)state;
    CASES("R122", cases);
}

static void test_counts_what_was_hidden(void **state)
{
    struct rule_play play;
    size_t count = 0;
    (void)state;
    rule_play_begin(&play, NULL);
    for (int i = 0; i < 3; i++) {
        rule_play_say(&play, "tls 10.1.0.5 > 10.0.0.20:443 | tls.version=TLS 1.3 | "
                             "tls.certificate_visible=false");
    }
    rule_play_say(&play, "ldap 10.0.0.10 > 10.0.0.2:389 | ldap.protection=seal");
    rule_play_finish(&play);
    const struct verdict *const *all = audit_verdicts(play.audit, &count);
    bool told = false;
    for (size_t i = 0; i < count; i++) {
        told |= strcmp(all[i]->rule->code, "R122") == 0 &&
                strcmp(all[i]->because,
                       "Encryption hid the certificates of 3 TLS 1.3 handshakes, the content of 1 "
                       "sealed LDAP sessions; the rules that needed them are not assessable "
                       "there.") == 0;
    }
    assert_true(told);
    rule_play_end(&play);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocked_required_path),
        cmocka_unit_test(test_not_blocked),
        cmocka_unit_test(test_says_how_often),
        cmocka_unit_test(test_capture_gap),
        cmocka_unit_test(test_losses),
        cmocka_unit_test(test_partial_verdicts),
        cmocka_unit_test(test_findings_say_what_is_missing),
        cmocka_unit_test(test_too_many_paths),
        cmocka_unit_test(test_declared_but_not_seen),
        cmocka_unit_test(test_hidden_by_encryption),
        cmocka_unit_test(test_counts_what_was_hidden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
