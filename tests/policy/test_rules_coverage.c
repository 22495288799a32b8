/*
 * test_rules_coverage.c - chapter K: R123 required paths that nobody answered.
 */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocked_required_path),
        cmocka_unit_test(test_not_blocked),
        cmocka_unit_test(test_says_how_often),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
