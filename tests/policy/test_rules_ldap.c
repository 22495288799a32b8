/*
 * test_rules_ldap.c - R070 to R073: what binds show, signing, NTLM, and CN=System Management.
 */
#include "tests/policy/rule_play.h"
#include "tests/test.h"

#define BIND(mechanism)                                                                            \
    " | ldap.operation=bind | ldap.mechanism=" mechanism                                           \
    " | ldap.request_packet=4 | ldap.response_packet=5"
#define DONE " | ldap.result=success | ldap.result_code=0"

static const struct rule_case bind_cases[] = {
    {"a password",
     {"ldap 10.1.0.5 > 10.0.0.2:389" BIND("simple") " | ldap.dn=CN=svc" DONE},
     "critical proven 10.1.0.5 > 10.0.0.2:389 @4",
     "dc01.corp.example",
     "violated",
     NULL},
    {"a password that was refused has crossed all the same",
     {"ldap 10.1.0.5 > 10.0.0.2:3268" BIND(
         "simple") " | ldap.dn=CN=svc | ldap.result=invalidCredentials | ldap.result_code=49"},
     "critical proven 10.1.0.5 > 10.0.0.2:3268 @4",
     NULL,
     NULL,
     NULL},
    {"a site system's password to a server that is not declared",
     {"ldap 10.0.0.10 > 10.7.7.7:389" BIND("simple") " | ldap.dn=CN=svc"},
     "critical proven 10.0.0.10 > 10.7.7.7:389 @4",
     "cm01.corp.example",
     "violated",
     NULL},
    {"a name without a password",
     {"ldap 10.1.0.5 > 10.0.0.2:389" BIND("unauthenticated") " | ldap.dn=CN=svc" DONE},
     "medium proven 10.1.0.5 > 10.0.0.2:389 @4",
     NULL,
     NULL,
     NULL},
    {"nothing at all",
     {"ldap 10.1.0.5 > 10.0.0.2:389" BIND("anonymous") DONE},
     "info proven 10.1.0.5 > 10.0.0.2:389 @4",
     NULL,
     NULL,
     NULL},
    {"near miss: an empty password that was refused",
     {"ldap 10.1.0.5 > 10.0.0.2:389" BIND(
         "unauthenticated") " | ldap.result=unwillingToPerform | ldap.result_code=53"},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: a bind without a password in it",
     {"ldap 10.1.0.5 > 10.0.0.2:389" BIND("gss-spnego") DONE},
     "",
     "dc01.corp.example",
     "consistent",
     NULL},
    {"near miss: neither end is declared",
     {"ldap 10.7.7.8 > 10.7.7.7:389" BIND("simple") DONE},
     "",
     "dc01.corp.example",
     "not_observed",
     NULL},
};

static const struct rule_case signing_cases[] = {
    {"nothing is signed after an NTLM bind",
     {"ldap 10.1.0.5 > 10.0.0.2:389" BIND("sicily") DONE " | ldap.protection=none"},
     "high proven 10.1.0.5 > 10.0.0.2:389 @4,5",
     "dc01.corp.example",
     "violated",
     NULL},
    {"a controller of a forest without site systems",
     {"ldap 10.1.0.5 > 10.0.7.2:389" BIND("gssapi") DONE " | ldap.protection=none"},
     "medium proven 10.1.0.5 > 10.0.7.2:389 @4,5",
     "dc07.lone.example",
     "violated",
     "forests: {corp: {domains: [corp.example]}, lone: {domains: [lone.example]}}\n"
     "sites: {P01: {type: primary}}\n"
     "hosts:\n"
     "  cm01.corp.example: {addresses: [10.0.0.10], forest: corp, site: P01, roles: "
     "[site-server]}\n"
     "  dc07.lone.example: {addresses: [10.0.7.2], forest: lone, roles: [domain-controller]}\n"},
    {"many clients are one finding of the server",
     {"ldap#1@4 10.1.0.5 > 10.0.0.2:389" BIND("gssapi") DONE " | ldap.protection=none",
      "ldap#2@9 10.1.0.6 > 10.0.0.2:389" BIND("gssapi") DONE " | ldap.protection=none"},
     "high proven - > 10.0.0.2:389 @4,5",
     NULL,
     NULL,
     NULL},
    {"near miss: sealed",
     {"ldap 10.1.0.5 > 10.0.0.2:389" BIND("gssapi") DONE " | ldap.protection=seal"},
     "",
     "dc01.corp.example",
     "consistent",
     NULL},
    {"near miss: refused for want of signing",
     {"ldap 10.1.0.5 > 10.0.0.2:389" BIND(
         "gssapi") " | ldap.result=strongerAuthRequired | ldap.result_code=8"},
     "",
     "dc01.corp.example",
     "consistent",
     NULL},
    {"near miss: LDAPS",
     {"tls 10.1.0.5 > 10.0.0.2:636 | tls.established=true"},
     "",
     "dc01.corp.example",
     "consistent",
     NULL},
    {"nothing follows the bind",
     {"ldap 10.1.0.5 > 10.0.0.2:389" BIND("gssapi") DONE},
     "",
     "dc01.corp.example",
     "not_assessable",
     NULL},
    {"near miss: a simple bind is R070's",
     {"ldap 10.1.0.5 > 10.0.0.2:389" BIND("simple") DONE " | ldap.protection=none"},
     "",
     "dc01.corp.example",
     "not_observed",
     NULL},
    {"near miss: a server that is no controller",
     {"ldap 10.1.0.5 > 10.0.0.30:389" BIND("gssapi") DONE " | ldap.protection=none"},
     "",
     NULL,
     NULL,
     NULL},
    {"nothing followed, but its NTLM agreed on no protection",
     {"ntlm 10.1.0.5 > 10.0.0.2:389 | ntlm.carrier=ldap | ntlm.variant=v2 | ntlm.sign=false | "
      "ntlm.seal=false | ntlm.authenticate_packet=6",
      "ldap 10.1.0.5 > 10.0.0.2:389" BIND("gss-spnego") DONE},
     "high proven 10.1.0.5 > 10.0.0.2:389 @4,5",
     "dc01.corp.example",
     "violated",
     NULL},
    {"near miss: its NTLM agreed on signing, or it was another connection's",
     {"ntlm#1 10.1.0.5 > 10.0.0.2:389 | ntlm.carrier=ldap | ntlm.variant=v2 | ntlm.sign=true | "
      "ntlm.seal=false | ntlm.authenticate_packet=6",
      "ntlm#2 10.1.0.5 > 10.0.0.2:389 | ntlm.carrier=ldap | ntlm.variant=v2 | ntlm.sign=false | "
      "ntlm.seal=false | ntlm.authenticate_packet=6",
      "flow#2 10.1.0.5 > 10.0.0.2:389 | flow.protocol=ldap",
      "ldap#1 10.1.0.5 > 10.0.0.2:389" BIND("gss-spnego") DONE,
      "ldap#2 10.1.0.5 > 10.0.0.2:389" BIND("gss-spnego") DONE},
     "",
     "dc01.corp.example",
     "not_assessable",
     NULL},
};

#define NTLM " | ntlm.carrier=ldap | ntlm.user=CM01$ | ntlm.domain=CORP"
#define PROOF " | ntlm.authenticate_packet=6"

static const struct rule_case ntlm_cases[] = {
    {"a site server's account",
     {"ntlm 10.0.0.10 > 10.0.0.2:389" NTLM PROOF},
     "medium proven 10.0.0.10 > 10.0.0.2:389 @6",
     "cm01.corp.example",
     "violated",
     NULL},
    {"near miss: a client", {"ntlm 10.1.0.5 > 10.0.0.2:389" NTLM PROOF}, "", NULL, NULL, NULL},
    {"near miss: where the policy lets NTLM be used",
     {"ntlm 10.0.0.10 > 10.0.0.2:389" NTLM PROOF},
     "",
     "cm01.corp.example",
     "consistent",
     "\nntlm: {servers: [dc01.corp.example]}\n"},
    {"near miss: in another carrier",
     {"ntlm 10.0.0.10 > 10.0.0.2:445 | ntlm.carrier=smb | ntlm.user=CM01$" PROOF},
     "",
     "cm01.corp.example",
     "not_observed",
     NULL},
    {"near miss: nobody logged on",
     {"ntlm 10.0.0.10 > 10.0.0.2:389" NTLM,
      "ntlm 10.0.0.10 > 10.0.0.2:389 | ntlm.carrier=ldap | ntlm.variant=anonymous" PROOF},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: Kerberos",
     {"kerberos 10.0.0.10 > 10.0.0.2:389 | kerberos.exchange=ap | kerberos.carrier=ldap"},
     "",
     "cm01.corp.example",
     "consistent",
     NULL},
    {"channel binding is enforced",
     {"ldap 10.1.0.5 > 10.0.0.2:389" BIND(
         "gss-spnego") " | ldap.result_code=49 | ldap.diagnostic=80090346: LdapErr: DSID-0C0906B0"},
     "",
     "dc01.corp.example",
     "consistent",
     NULL},
};

#define SEARCH(base, filter, attribute)                                                            \
    " | ldap.operation=search | ldap.dn=" base " | ldap.filter=" filter                            \
    " | ldap.attributes=" attribute " | ldap.request_packet=7" DONE
#define CONTAINER "CN=System Management,CN=System,DC=corp,DC=example"

static const struct rule_case enumeration_cases[] = {
    {"the product's attributes, read by nobody's host",
     {"ldap 10.7.7.7 > 10.0.0.2:389" SEARCH("DC=corp,DC=example", "(cn=x)", "mSSMSMPName")},
     "medium proven 10.7.7.7 > 10.0.0.2:389 @7",
     NULL,
     NULL,
     NULL},
    {"a client asks who has rights",
     {"ldap 10.1.0.5 > 10.0.0.2:389" SEARCH(CONTAINER, "(objectClass=*)", "nTSecurityDescriptor")},
     "medium proven 10.1.0.5 > 10.0.0.2:389 @7",
     "dc01.corp.example",
     "violated",
     NULL},
    {"a hunt for names",
     {"ldap 10.1.0.5 > 10.0.0.2:389" SEARCH("DC=corp", "(cn=*SCCM*)", "cn")},
     "medium proven 10.1.0.5 > 10.0.0.2:389 @7",
     NULL,
     NULL,
     NULL},
    {"a stranger reads",
     {"ldap 10.7.7.7 > 10.0.0.2:389" SEARCH("DC=corp", "(objectClass=mSSMSManagementPoint)", "cn")},
     "medium proven 10.7.7.7 > 10.0.0.2:389 @7",
     NULL,
     NULL,
     NULL},
    {"a management point writes",
     {"ldap 10.0.0.20 > 10.0.0.2:389 | ldap.operation=modify | ldap.dn=CN=SMS-MP-P01," CONTAINER
      " | ldap.request_packet=7" DONE},
     "high proven 10.0.0.20 > 10.0.0.2:389 @7",
     NULL,
     NULL,
     NULL},
    {"a client tries to write",
     {"ldap 10.1.0.5 > 10.0.0.2:389 | ldap.operation=add | ldap.dn=CN=x," CONTAINER
      " | ldap.request_packet=7 | ldap.result=insufficientAccessRights | ldap.result_code=50"},
     "medium proven 10.1.0.5 > 10.0.0.2:389 @7",
     NULL,
     NULL,
     NULL},
    {"near miss: a client finds its management point",
     {"ldap 10.1.0.5 > 10.0.0.2:389" SEARCH("DC=corp", "(objectClass=mSSMSManagementPoint)", "cn")},
     "",
     "dc01.corp.example",
     "consistent",
     NULL},
    {"near miss: a site server publishes, an administrator looks",
     {"ldap 10.0.0.10 > 10.0.0.2:389 | ldap.operation=modify | ldap.dn=CN=SMS-MP-P01," CONTAINER
          DONE,
      "ldap 10.9.0.5 > 10.0.0.2:389" SEARCH(CONTAINER, "(cn=*)", "nTSecurityDescriptor")},
     "",
     "dc01.corp.example",
     "consistent",
     NULL},
    {"near miss: a write elsewhere, and the word in a name",
     {"ldap 10.1.0.5 > 10.0.0.2:389 | ldap.operation=modify | ldap.dn=CN=System "
      "Management,OU=x" DONE,
      "ldap 10.1.0.5 > 10.0.0.2:389" SEARCH("DC=corp", "(cn=sccm01)", "nTSecurityDescriptor")},
     "",
     "dc01.corp.example",
     "not_observed",
     NULL},
    {"a sealed session",
     {"ldap 10.1.0.5 > 10.0.0.2:389" BIND("gssapi") DONE " | ldap.protection=seal"},
     "",
     "dc01.corp.example",
     "not_assessable",
     NULL},
};

static void binds(void **state)
{
    (void)state;
    rule_play_cases("R070", bind_cases, COUNT_OF(bind_cases));
}

static void signing(void **state)
{
    (void)state;
    rule_play_cases("R071", signing_cases, COUNT_OF(signing_cases));
}

static void ntlm(void **state)
{
    (void)state;
    rule_play_cases("R072", ntlm_cases, COUNT_OF(ntlm_cases));
}

static void enumeration(void **state)
{
    (void)state;
    rule_play_cases("R073", enumeration_cases, COUNT_OF(enumeration_cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(binds),
        cmocka_unit_test(signing),
        cmocka_unit_test(ntlm),
        cmocka_unit_test(enumeration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
