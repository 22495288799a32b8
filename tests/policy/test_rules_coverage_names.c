/*
 * test_rules_coverage_names.c - chapter K: R124 names of another forest, R125 declarations that the
 * traffic contradicts.
 */
#include "capture/limits.h"
#include "tests/policy/rule_play.h"
#include "tests/test.h"

#define CASES(code, cases) rule_play_cases(code, cases, sizeof(cases) / sizeof *(cases))
#define ASK(head, kind, name)                                                                      \
    head " 10.0.0.10 udp> 10.0.0.2:53 | dns.kind=" kind " | dns.query=" name
#define PAIR "cm01.corp.example -> mp05.ally.example"
#define FAILED "medium proven 10.0.0.10 > 10.0.0.2:53 @10,11"

static void test_resolution_failure(void **state)
{
    static const struct rule_case cases[] = {
        {"no such name",
         {ASK("dns#2", "dns",
              "mp05.ally.example") " | dns.qtype=A | dns.rcode=NXDOMAIN | "
                                   "dns.request_packet=10 | dns.response_packet=11"},
         FAILED,
         PAIR,
         "violated",
         NULL},
        {"the server cannot",
         {ASK("dns#2", "dns",
              "MP05.ally.EXAMPLE") " | dns.rcode=SERVFAIL | "
                                   "dns.request_packet=10 | dns.response_packet=11"},
         FAILED,
         PAIR,
         "violated",
         NULL},
        {"no answer, though others come",
         {ASK("dns#1", "dns", "dc01.corp.example") " | dns.rcode=NOERROR",
          ASK("dns#2", "dns", "mp05.ally.example") " | dns.rcode=timeout | dns.request_packet=10"},
         "medium derived 10.0.0.10 > 10.0.0.2:53 @10",
         PAIR,
         "violated",
         NULL},
        {"then LLMNR",
         {ASK("dns#2", "dns", "mp05.ally.example") " | dns.rcode=NXDOMAIN | "
                                                   "dns.request_packet=10 | dns.response_packet=11",
          ASK("dns#3@20", "llmnr", "mp05") " | dns.request_packet=20"},
         "medium proven 10.0.0.10 > 10.0.0.2:53 @10,11,20",
         PAIR,
         "violated",
         NULL},
        {"then NetBIOS",
         {ASK("dns#2", "dns", "mp05.ally.example") " | dns.rcode=NXDOMAIN | "
                                                   "dns.request_packet=10 | dns.response_packet=11",
          ASK("dns#3@20", "nbns", "MP05<20>") " | dns.request_packet=20"},
         "medium proven 10.0.0.10 > 10.0.0.2:53 @10,11,20",
         PAIR,
         "violated",
         NULL},
    };
    (void)state;
    CASES("R124", cases);
}

static void test_resolution_works(void **state)
{
    static const struct rule_case cases[] = {
        {"resolved",
         {ASK("dns#2", "dns", "mp05.ally.example") " | dns.rcode=NOERROR | "
                                                   "dns.addresses=mp05.ally.example 10.0.0.50"},
         "",
         PAIR,
         "consistent",
         NULL},
        {"the second server knows",
         {ASK("dns#2", "dns", "mp05.ally.example") " | dns.rcode=SERVFAIL | dns.request_packet=10",
          ASK("dns#3", "dns", "mp05.ally.example") " | dns.rcode=NOERROR | "
                                                   "dns.addresses=mp05.ally.example 10.0.0.50"},
         "",
         PAIR,
         "consistent",
         NULL},
        {"no IPv6 address",
         {ASK("dns#2", "dns", "mp05.ally.example") " | dns.qtype=AAAA | dns.rcode=NOERROR"},
         "",
         PAIR,
         "not_assessable",
         NULL},
        {"answers are not captured",
         {ASK("dns#2", "dns", "mp05.ally.example") " | dns.rcode=timeout | dns.request_packet=10"},
         "",
         PAIR,
         "not_assessable",
         NULL},
        {"a suffix that the resolver tries",
         {ASK("dns#2", "dns", "mp05.ally.example.corp.example") " | dns.rcode=NXDOMAIN"},
         "",
         "hierarchy",
         "not_observed",
         NULL},
        {"a host of its own forest",
         {ASK("dns#2", "dns", "mp01.corp.example") " | dns.rcode=NXDOMAIN"},
         "",
         "hierarchy",
         "not_observed",
         NULL},
        {"a name that is not declared",
         {ASK("dns#2", "dns", "www.ally.example") " | dns.rcode=NXDOMAIN"},
         "",
         "hierarchy",
         "not_observed",
         NULL},
        {"a client asks",
         {"dns#2 10.1.0.5 udp> 10.0.0.2:53 | dns.kind=dns | dns.query=mp05.ally.example | "
          "dns.rcode=NXDOMAIN"},
         "",
         "hierarchy",
         "not_observed",
         NULL},
        {"LLMNR without a failure before it is R116's",
         {ASK("dns#3", "llmnr", "mp05") " | dns.request_packet=20"},
         "",
         "hierarchy",
         "not_observed",
         NULL},
    };
    (void)state;
    CASES("R124", cases);
}

/* More pairs than are kept: the rest are counted. */
static void test_too_many_lookups(void **state)
{
    enum { HOSTS = 66 };
    struct rule_play play;
    char *policy = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&policy, &size);
    (void)state;
    assert_non_null(to);
    (void)fputs("forests: {x: {domains: [x.example]}, y: {domains: [y.example]}}\n"
                "sites: {P: {type: primary}}\nhosts:\n",
                to);
    for (unsigned i = 0; i < HOSTS; i++) {
        (void)fprintf(to,
                      "  a%u.x.example: {addresses: [10.0.0.%u], forest: x, site: P, roles: "
                      "[management-point]}\n",
                      i, i + 1);
        (void)fprintf(to, "  b%u.y.example: {addresses: [10.0.1.%u], forest: y}\n", i, i + 1);
    }
    (void)fclose(to);
    rule_play_begin(&play, policy);
    for (unsigned i = 0; i < HOSTS; i++) {
        for (unsigned k = 0; k < HOSTS; k++) {
            char line[160];
            (void)snprintf(line, sizeof line,
                           "dns 10.0.0.%u udp> 10.9.0.1:53 | dns.kind=dns | "
                           "dns.query=b%u.y.example | dns.rcode=NXDOMAIN | dns.request_packet=9",
                           i + 1, k);
            rule_play_say(&play, line);
        }
    }
    rule_play_finish(&play);
    assert_int_equal(audit_counts(play.audit)->state_shed, HOSTS * HOSTS - LIMIT_LOOKUPS);
    rule_play_end(&play);
    free(policy);
}

#define CHALLENGE " | ntlm.challenge_packet=10"
#define PROOF " | ntlm.authenticate_packet=12 | ntlm.result=success"

static void test_contradictions(void **state)
{
    static const struct rule_case cases[] = {
        {"the server's own challenge",
         {"ntlm 10.1.0.5 > 10.0.0.20:445 | ntlm.server_name=MP01 | "
          "ntlm.server_dns_domain=partner.example" CHALLENGE},
         "info proven - > 10.0.0.20:445 @10",
         "mp01.corp.example",
         "violated",
         NULL},
        {"a member that is declared in a workgroup",
         {"ntlm 10.1.0.5 > 192.0.2.22:445 | ntlm.server_name=DP08 | "
          "ntlm.server_domain=CORP" CHALLENGE},
         "info proven - > 192.0.2.22:445 @10",
         "dp08",
         "violated",
         NULL},
        {"its computer account gets a ticket elsewhere",
         {"kerberos@10 10.0.0.30 > 10.0.0.2:88 | kerberos.exchange=as | kerberos.client=DP01$ | "
          "kerberos.realm=PARTNER.EXAMPLE"},
         "info proven 10.0.0.30 > - @10",
         "dp01.corp.example",
         "violated",
         NULL},
        {"its computer account logs on elsewhere",
         {"ntlm 10.0.0.30 > 10.0.0.20:445 | ntlm.user=DP01$ | ntlm.domain=ALLY" PROOF},
         "info proven 10.0.0.30 > - @12",
         "dp01.corp.example",
         "violated",
         NULL},
        {"DNS gives the name to another address",
         {"dns@10 10.1.0.5 udp> 10.0.0.2:53 | dns.kind=dns | dns.query=mp01.corp.example | "
          "dns.rcode=NOERROR | dns.addresses=mp01.corp.example 10.0.7.7"},
         "info derived - > 10.0.7.7:0 @10",
         "mp01.corp.example",
         "violated",
         NULL},
    };
    (void)state;
    CASES("R125", cases);
}

static void test_no_contradictions(void **state)
{
    static const struct rule_case cases[] = {
        {"its forest",
         {"ntlm 10.1.0.5 > 10.0.0.20:445 | ntlm.server_name=MP01 | "
          "ntlm.server_dns_domain=corp.example" CHALLENGE},
         "",
         "mp01.corp.example",
         "consistent",
         NULL},
        {"a domain that the policy does not know",
         {"ntlm 10.1.0.5 > 10.0.0.20:445 | ntlm.server_name=MP01 | "
          "ntlm.server_dns_domain=asia.corp.example" CHALLENGE},
         "",
         "mp01.corp.example",
         "not_assessable",
         NULL},
        {"a challenge that was passed on",
         {"ntlm 10.1.0.5 > 10.0.0.20:445 | ntlm.server_name=DC09 | "
          "ntlm.server_dns_domain=partner.example" CHALLENGE},
         "",
         "mp01.corp.example",
         "not_observed",
         NULL},
        {"another machine's account",
         {"kerberos 10.0.0.30 > 10.0.0.2:88 | kerberos.exchange=as | kerberos.client=MP06$ | "
          "kerberos.realm=OLD.EXAMPLE"},
         "",
         "dp01.corp.example",
         "not_observed",
         NULL},
        {"a user of another forest",
         {"ntlm 10.0.0.30 > 10.0.0.20:445 | ntlm.user=alice | ntlm.domain=ALLY" PROOF},
         "",
         "dp01.corp.example",
         "not_observed",
         NULL},
        {"a logon that failed",
         {"ntlm 10.0.0.30 > 10.0.0.20:445 | ntlm.user=DP01$ | ntlm.domain=ALLY | "
          "ntlm.authenticate_packet=12 | ntlm.result=failure"},
         "",
         "dp01.corp.example",
         "not_observed",
         NULL},
        {"a request for a ticket that the KDC refused",
         {"kerberos 10.0.0.30 > 10.0.0.2:88 | kerberos.exchange=as | kerberos.client=DP01$ | "
          "kerberos.realm=PARTNER.EXAMPLE | kerberos.error=KDC_ERR_WRONG_REALM"},
         "",
         "dp01.corp.example",
         "not_observed",
         NULL},
        {"a proxy shows the certificate of what it publishes",
         {"tls 10.1.0.5 > 192.0.2.5:443 | tls.certificate.san=dns:mp01.corp.example"},
         "",
         "mp01.corp.example",
         "not_observed",
         NULL},
        {"behind a declared address translation",
         {"dns 10.1.0.5 udp> 10.0.0.2:53 | dns.kind=dns | dns.query=mp01.corp.example | "
          "dns.rcode=NOERROR | dns.addresses=mp01.corp.example 10.0.7.7"},
         "",
         "mp01.corp.example",
         "not_observed",
         "\naddress-translation: {networks: [10.0.7.0/24]}\n"},
        {"an IPv6 address, where none is declared",
         {"dns 10.1.0.5 udp> 10.0.0.2:53 | dns.kind=dns | dns.query=dp01.corp.example | "
          "dns.rcode=NOERROR | dns.addresses=dp01.corp.example fd00::30"},
         "",
         "dp01.corp.example",
         "not_observed",
         NULL},
        {"one of its declared addresses",
         {"dns 10.1.0.5 udp> 10.0.0.2:53 | dns.kind=dns | dns.query=mp01.corp.example | "
          "dns.rcode=NOERROR | dns.addresses=mp01.corp.example fd00::20"},
         "",
         "mp01.corp.example",
         "not_observed",
         NULL},
    };
    (void)state;
    CASES("R125", cases);
}

#define TICKET(head, ip, account, realm)                                                           \
    head " " ip " > 10.0.0.2:88 | kerberos.exchange=as | kerberos.client=" account                 \
         " | kerberos.realm=" realm

static void test_networks(void **state)
{
    static const struct rule_case cases[] = {
        {"two machines of another forest",
         {TICKET("kerberos@10", "10.1.0.5", "PC5$", "ALLY.EXAMPLE"),
          TICKET("kerberos#2@20", "10.1.0.6", "PC6$", "ALLY.EXAMPLE")},
         "info derived 10.1.0.5 > - @10,20",
         "hierarchy",
         "violated",
         NULL},
        {"one is a guest",
         {TICKET("kerberos@10", "10.1.0.5", "PC5$", "ALLY.EXAMPLE"),
          TICKET("kerberos#2@20", "10.1.0.5", "PC5$", "ALLY.EXAMPLE")},
         "",
         "hierarchy",
         "none",
         NULL},
        {"among their own",
         {TICKET("kerberos@10", "10.1.0.5", "PC5$", "ALLY.EXAMPLE"),
          TICKET("kerberos#2@20", "10.1.0.6", "PC6$", "ALLY.EXAMPLE"),
          TICKET("kerberos#3@30", "10.1.0.7", "PC7$", "CORP.EXAMPLE")},
         "",
         "hierarchy",
         "consistent",
         NULL},
        {"users of another forest",
         {TICKET("kerberos@10", "10.1.0.5", "alice", "ALLY.EXAMPLE"),
          TICKET("kerberos#2@20", "10.1.0.6", "bob", "ALLY.EXAMPLE")},
         "",
         "hierarchy",
         "none",
         NULL},
        {"by NTLM",
         {"ntlm 10.1.0.5 > 10.0.0.20:445 | ntlm.user=PC5$ | ntlm.domain=ALLY | "
          "ntlm.authenticate_packet=12 | ntlm.result=success",
          "ntlm#2 10.1.0.6 > 10.0.0.20:445 | ntlm.user=PC6$ | ntlm.domain=ALLY | "
          "ntlm.authenticate_packet=22 | ntlm.result=success"},
         "info derived 10.1.0.5 > - @12,22",
         "hierarchy",
         "violated",
         NULL},
    };
    (void)state;
    CASES("R125", cases);
}

#define ASKED(head, path, status)                                                                  \
    head " 10.1.0.5 > 10.0.0.20:80 | http.method=GET | http.uri=" path " | http.status=" status

static void test_roles(void **state)
{
    static const char role[] = "mp01.corp.example management-point";
    static const struct rule_case cases[] = {
        {"not there, three times",
         {ASKED("http@10", "/SMS_MP/.sms_aut?MPLIST", "404"),
          ASKED("http", "/ccm_system/request", "404"), ASKED("http", "/SMS_MP/.sms_pol", "404")},
         "info derived - > 10.0.0.20:80 @10",
         role,
         "violated",
         NULL},
        {"twice",
         {ASKED("http@10", "/SMS_MP/.sms_aut?MPLIST", "404"),
          ASKED("http", "/SMS_MP/.sms_pol", "404")},
         "",
         role,
         "none",
         NULL},
        {"one of its paths is there",
         {ASKED("http@10", "/SMS_MP/x", "404"), ASKED("http", "/SMS_MP/y", "404"),
          ASKED("http", "/SMS_MP/z", "404"), ASKED("http", "/SMS_MP/.sms_aut?MPLIST", "200")},
         "",
         role,
         "consistent",
         NULL},
        {"paths of no role",
         {ASKED("http@10", "/a", "404"), ASKED("http", "/b", "404"), ASKED("http", "/c", "404")},
         "",
         role,
         "none",
         NULL},
        {"a role that is not declared is R006's",
         {ASKED("http@10", "/SMS_FSP/a", "404"), ASKED("http", "/SMS_FSP/b", "404"),
          ASKED("http", "/SMS_FSP/c", "404")},
         "",
         role,
         "none",
         NULL},
        {"content that was never sent",
         {"http 10.1.0.5 > 10.0.0.30:80 | http.uri=/SMS_DP_SMSPKG$/a | http.status=404",
          "http 10.1.0.5 > 10.0.0.30:80 | http.uri=/SMS_DP_SMSPKG$/b | http.status=404",
          "http 10.1.0.5 > 10.0.0.30:80 | http.uri=/SMS_DP_SMSPKG$/c | http.status=404"},
         "",
         "dp01.corp.example distribution-point",
         "none",
         NULL},
    };
    (void)state;
    CASES("R125", cases);
}

/* What is found of such a host says on which declaration it rests. */
static void test_dependence_is_told(void **state)
{
    static const char *const claims[] = {"partner.example", "corp.example"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct rule_play play;
        char line[200];
        rule_play_begin(&play, NULL);
        rule_play_say(&play, "flow 10.0.7.9 > 10.0.0.30:443"); /* R001 */
        (void)snprintf(line, sizeof line,
                       "ntlm#2 10.1.0.5 > 10.0.0.30:445 | ntlm.server_name=DP01 | "
                       "ntlm.server_dns_domain=%s" CHALLENGE,
                       claims[i]);
        rule_play_say(&play, line);
        rule_play_finish(&play);
        const char *says = rule_play_finding(&play, "R001")->explanation;
        bool depends = strstr(says, "Depends on the declaration of dp01.corp.example") != NULL;
        assert_int_equal(depends, i == 0);
        rule_play_end(&play);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resolution_failure),
        cmocka_unit_test(test_resolution_works),
        cmocka_unit_test(test_too_many_lookups),
        cmocka_unit_test(test_contradictions),
        cmocka_unit_test(test_no_contradictions),
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_roles),
        cmocka_unit_test(test_dependence_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
