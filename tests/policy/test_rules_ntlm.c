/*
 * test_rules_ntlm.c - R040 NTLM where Kerberos was to be expected, R041 NTLMv1.
 */
#include "tests/policy/rule_play.h"
#include "tests/test.h"

#define ANSWER(user, domain)                                                                       \
    " | ntlm.carrier=smb | ntlm.variant=v2 | ntlm.user=" user " | ntlm.domain=" domain             \
    " | ntlm.authenticate_packet=10"
#define RESULT " | ntlm.result=success | ntlm.status=STATUS_SUCCESS | ntlm.result_packet=11"

static const struct rule_case fallback_cases[] = {
    {"within a forest, at a distribution point",
     {"ntlm 10.1.0.5 > 10.0.0.30:445" ANSWER("alice", "CORP") RESULT},
     "medium proven 10.1.0.5 > 10.0.0.30:445 @10,11",
     "dp01.corp.example",
     "violated",
     NULL},
    {"from the site server",
     {"ntlm 10.0.0.10 > 10.0.0.30:445" ANSWER("CM01$", "CORP") RESULT},
     "high proven 10.0.0.10 > 10.0.0.30:445 @10,11",
     NULL,
     NULL,
     NULL},
    {"between forests with a forest trust",
     {"ntlm 10.1.0.5 > 10.0.0.50:445" ANSWER("alice", "CORP")},
     "high proven 10.1.0.5 > 10.0.0.50:445 @10",
     NULL,
     NULL,
     NULL},
    {"an account named by its principal",
     {"ntlm 10.1.0.5 > 10.0.0.30:445" ANSWER("alice@corp.example", "")},
     "medium proven 10.1.0.5 > 10.0.0.30:445 @10",
     NULL,
     NULL,
     NULL},
    {"the KDC's error just before is the cause",
     {"kerberos#1@7 10.1.0.5 > 10.0.0.2:88 | kerberos.exchange=tgs | "
      "kerberos.service=cifs/nospn | "
      "kerberos.error=KDC_ERR_S_PRINCIPAL_UNKNOWN",
      "ntlm#2@12 10.1.0.5 > 10.0.0.30:445" ANSWER("alice", "CORP")},
     "medium proven 10.1.0.5 > 10.0.0.30:445 @10,7",
     NULL,
     NULL,
     NULL},
    {"so is a KDC that does not answer, known only when its flow ends",
     {"ntlm#2@12 10.1.0.5 > 10.0.0.30:445" ANSWER("alice", "CORP"),
      "flow#1@8 10.1.0.5 !> 10.0.0.2:88 | flow.protocol=kerberos"},
     "medium proven 10.1.0.5 > 10.0.0.30:445 @10,8",
     NULL,
     NULL,
     NULL},
    {"an error of another client, or the usual first one, is none",
     {"kerberos#1@7 10.1.0.6 > 10.0.0.2:88 | kerberos.exchange=tgs | "
      "kerberos.error=KDC_ERR_S_PRINCIPAL_UNKNOWN",
      "kerberos#3@8 10.1.0.5 > 10.0.0.2:88 | kerberos.exchange=as | "
      "kerberos.error=KDC_ERR_PREAUTH_REQUIRED",
      "ntlm#2@12 10.1.0.5 > 10.0.0.30:445" ANSWER("alice", "CORP")},
     "medium proven 10.1.0.5 > 10.0.0.30:445 @10",
     NULL,
     NULL,
     NULL},
    {"an error long before is none",
     {"kerberos#1@7 10.1.0.5 > 10.0.0.2:88 | kerberos.exchange=tgs | "
      "kerberos.error=KDC_ERR_S_PRINCIPAL_UNKNOWN",
      "ntlm#2@12+61 10.1.0.5 > 10.0.0.30:445" ANSWER("alice", "CORP")},
     "medium proven 10.1.0.5 > 10.0.0.30:445 @10",
     NULL,
     NULL,
     NULL},
    {"near miss: a server, and an account, that the policy lets use NTLM",
     {"ntlm 10.1.0.5 > 10.0.0.30:445" ANSWER("alice", "CORP"),
      "ntlm 10.1.0.5 > 10.0.0.31:445" ANSWER("svc-report", "CORP")},
     "",
     "dp02.corp.example",
     "consistent",
     "\nntlm: {accounts: ['CORP\\svc-report'], servers: [dp01.corp.example, dc01.corp.example]}\n"},
    {"another server and account than those",
     {"ntlm 10.1.0.5 > 10.0.0.31:445" ANSWER("alice", "CORP")},
     "medium proven 10.1.0.5 > 10.0.0.31:445 @10",
     NULL,
     NULL,
     "\nntlm: {accounts: ['CORP\\svc-report'], servers: [dp01.corp.example, dc01.corp.example]}\n"},
    {"near miss: a directory tool that asks for NTLM itself",
     {"ldap 10.1.0.5 > 10.0.0.2:389 | ldap.operation=bind | ldap.mechanism=sicily",
      "ntlm 10.1.0.5 > 10.0.0.2:389" ANSWER("alice", "CORP")},
     "",
     "dc01.corp.example",
     "consistent",
     NULL},
    {"near miss: a local account by the server's name",
     {"ntlm 10.1.0.5 > 10.0.0.30:445" ANSWER("admin", "DP01") " | ntlm.server_name=DP01"},
     "",
     "dp01.corp.example",
     "consistent",
     NULL},
    {"near miss: a local account",
     {"ntlm 10.1.0.5 > 10.0.0.30:445" ANSWER("admin", ".")},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: no trust",
     {"ntlm 10.0.0.10 > 192.0.2.20:445" ANSWER("svc", "PARTNER")},
     "",
     "mp07.partner.example",
     "consistent",
     NULL},
    {"near miss: an external trust",
     {"ntlm 10.1.0.5 > 10.0.0.51:445" ANSWER("alice", "CORP")},
     "",
     "mp06.old.example",
     "consistent",
     NULL},
    {"near miss: an account of an untrusted forest",
     {"ntlm 10.1.0.5 > 10.0.0.30:445" ANSWER("bob", "PARTNER")},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: an account of a domain nobody knows",
     {"ntlm 10.1.0.5 > 10.0.0.30:445" ANSWER("bob", "ELSEWHERE")},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: a workgroup client",
     {"ntlm 10.2.0.5 > 10.0.0.30:445" ANSWER("alice", "CORP")},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: anonymous",
     {"ntlm 10.1.0.5 > 10.0.0.30:445 | ntlm.carrier=smb | ntlm.variant=anonymous | "
      "ntlm.authenticate_packet=10"},
     "",
     "dp01.corp.example",
     "not_observed",
     NULL},
    {"near miss: Kerberos",
     {"kerberos 10.1.0.5 > 10.0.0.30:445 | kerberos.exchange=ap | kerberos.carrier=smb"},
     "",
     "dp01.corp.example",
     "consistent",
     NULL},
    {"near miss: only a challenge",
     {"ntlm 10.1.0.5 > 10.0.0.30:445 | ntlm.carrier=smb | ntlm.challenge_packet=9"},
     "",
     NULL,
     NULL,
     NULL},
};

static void fallback(void **state)
{
    (void)state;
    rule_play_cases("R040", fallback_cases, COUNT_OF(fallback_cases));
}

static void causes_in_words(void **state)
{
    static const struct {
        const char *step, *says, *remedy;
    } cases[] = {
        {"kerberos#1@7 10.1.0.5 > 10.0.0.2:88 | kerberos.exchange=tgs | "
         "kerberos.service=cifs/nospn.corp.example | "
         "kerberos.error=KDC_ERR_S_PRINCIPAL_UNKNOWN",
         "KDC_ERR_S_PRINCIPAL_UNKNOWN for cifs/nospn.corp.example (packet 7)", "setspn -S"},
        {"kerberos#1@7 10.1.0.5 > 10.0.0.2:88 | kerberos.exchange=tgs | kerberos.service=x | "
         "kerberos.error=KRB_AP_ERR_SKEW",
         "KRB_AP_ERR_SKEW for x", "clock"},
        {"kerberos#1@7 10.1.0.5 > 10.0.0.2:88 | kerberos.exchange=tgs | "
         "kerberos.error=KDC_ERR_ETYPE_NOSUPP",
         "KDC_ERR_ETYPE_NOSUPP", "AES"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct rule_play p;
        rule_play_begin(&p, NULL);
        rule_play_say(&p, cases[i].step);
        rule_play_say(&p, "ntlm#2@12 10.1.0.5 > 10.0.0.30:445" ANSWER("alice", "CORP"));
        rule_play_finish(&p);
        const struct finding *f = rule_play_finding(&p, "R040");
        assert_non_null(strstr(f->explanation, cases[i].says));
        assert_non_null(strstr(f->explanation, "CORP\\alice"));
        assert_non_null(strstr(f->remediation, cases[i].remedy));
        rule_play_end(&p);
    }
}

static void target_names(void **state)
{
    static const struct {
        const char *step, *says;
    } cases[] = {
        {"ntlm 10.1.0.5 > 10.0.0.30:445" ANSWER("alice",
                                                "CORP") " | ntlm.target_spn=cifs/10.0.0.30",
         "by IP address"},
        {"ntlm 10.1.0.5 > 10.0.0.30:445" ANSWER(
             "alice", "CORP") " | ntlm.target_spn=cifs/packages.corp.example",
         "as cifs/packages.corp.example"},
        {"ntlm 10.1.0.5 > 10.0.0.30:445" ANSWER("alice",
                                                "CORP") " | ntlm.target_spn=cifs/dp01.corp.example",
         "Kerberos trust."},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct rule_play p;
        rule_play_begin(&p, NULL);
        rule_play_say(&p, cases[i].step);
        rule_play_finish(&p);
        assert_non_null(strstr(rule_play_finding(&p, "R040")->explanation, cases[i].says));
        rule_play_end(&p);
    }
}

static const struct rule_case version_one_cases[] = {
    {"NTLMv1",
     {"ntlm 10.0.0.10 > 192.0.2.20:445 | ntlm.carrier=smb | ntlm.variant=v1 | ntlm.user=svc | "
      "ntlm.authenticate_packet=10"},
     "critical proven 10.0.0.10 > 192.0.2.20:445 @10",
     "mp07.partner.example",
     "violated",
     NULL},
    {"to an undeclared server",
     {"ntlm 10.1.0.5 > 10.7.7.7:445 | ntlm.carrier=smb | ntlm.variant=v1 | "
      "ntlm.authenticate_packet=10"},
     "critical proven 10.1.0.5 > 10.7.7.7:445 @10",
     "hierarchy",
     "violated",
     NULL},
    {"near miss: NTLMv2",
     {"ntlm 10.1.0.5 > 10.0.0.30:445" ANSWER("alice", "CORP")},
     "",
     "dp01.corp.example",
     "consistent",
     NULL},
    {"near miss: the extended session form",
     {"ntlm 10.1.0.5 > 10.0.0.30:445 | ntlm.carrier=smb | ntlm.variant=v1-ess | "
      "ntlm.authenticate_packet=10"},
     "",
     "dp01.corp.example",
     "consistent",
     NULL},
    {"near miss: anonymous",
     {"ntlm 10.1.0.5 > 10.0.0.30:445 | ntlm.carrier=smb | ntlm.variant=anonymous"},
     "",
     "dp01.corp.example",
     "not_observed",
     NULL},
    {"near miss: strangers",
     {"ntlm 10.7.7.8 > 10.7.7.7:445 | ntlm.carrier=smb | ntlm.variant=v1 | "
      "ntlm.authenticate_packet=10"},
     "",
     NULL,
     NULL,
     NULL},
};

static void version_one(void **state)
{
    (void)state;
    rule_play_cases("R041", version_one_cases, COUNT_OF(version_one_cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fallback),
        cmocka_unit_test(causes_in_words),
        cmocka_unit_test(target_names),
        cmocka_unit_test(version_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
