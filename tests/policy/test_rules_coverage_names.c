/*
 * test_rules_coverage_names.c - chapter K: R124 names of another forest, R125 declarations that the
 * traffic contradicts.
 */
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
        cmocka_unit_test(test_resolution_failure), cmocka_unit_test(test_resolution_works),
        cmocka_unit_test(test_contradictions),     cmocka_unit_test(test_no_contradictions),
        cmocka_unit_test(test_dependence_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
