/*
 * test_rules_relay.c - R042 what can be relayed, R043 computer accounts of site systems, R044 and
 * R053 what was relayed, R045 accounts from foreign addresses, R048 the network access account.
 */
#include "tests/policy/rule_play.h"
#include "tests/test.h"

#define ANSWER(carrier, domain, user)                                                              \
    " | ntlm.carrier=" carrier " | ntlm.variant=v2 | ntlm.user=" user " | ntlm.domain=" domain     \
    " | ntlm.authenticate_packet=10"
#define ACCOUNTS                                                                                   \
    "\naccounts: {network-access: ['CORP\\svc-naa'], client-push: ['CORP\\svc-push'], "            \
    "site-system-installation: ['svc-install@corp.example']}\n"

/* ---- R042 ---- */

static const struct rule_case relayable_cases[] = {
    {"no MIC",
     {"ntlm 10.1.0.5 > 10.0.0.30:445" ANSWER("smb", "CORP", "alice") " | ntlm.mic=false"},
     "high proven 10.1.0.5 > 10.0.0.30:445 @10",
     "dp01.corp.example",
     "violated",
     NULL},
    {"in plain HTTP",
     {"ntlm 10.1.0.5 > 10.0.0.30:80" ANSWER("http", "CORP", "alice") " | ntlm.mic=true | "
                                                                     "ntlm.channel_binding=false"},
     "high proven 10.1.0.5 > 10.0.0.30:80 @10",
     NULL,
     NULL,
     NULL},
    {"near miss: a MIC, and a channel that needs no binding",
     {"ntlm 10.1.0.5 > 10.0.0.30:445" ANSWER("smb", "CORP", "alice") " | ntlm.mic=true | "
                                                                     "ntlm.channel_binding=false"},
     "",
     "dp01.corp.example",
     "consistent",
     NULL},
    {"near miss: bound to its channel",
     {"ntlm 10.1.0.5 > 10.0.0.30:443" ANSWER("http", "CORP", "alice") " | ntlm.mic=true | "
                                                                      "ntlm.channel_binding=true"},
     "",
     "dp01.corp.example",
     "consistent",
     NULL},
    {"near miss: NTLMv1 is another rule's",
     {"ntlm 10.1.0.5 > 10.0.0.30:445 | ntlm.carrier=smb | ntlm.variant=v1 | ntlm.mic=false | "
      "ntlm.authenticate_packet=10"},
     "",
     "dp01.corp.example",
     "not_observed",
     NULL},
    {"near miss: strangers",
     {"ntlm 10.7.0.5 > 10.7.0.30:445" ANSWER("smb", "CORP", "alice") " | ntlm.mic=false"},
     "",
     NULL,
     NULL,
     NULL},
};

static void relayable(void **state)
{
    (void)state;
    rule_play_cases("R042", relayable_cases, COUNT_OF(relayable_cases));
}

/* ---- R043 ---- */

static const struct rule_case machine_cases[] = {
    {"a site server to a distribution point",
     {"ntlm 10.0.0.10 > 10.0.0.30:445" ANSWER("smb", "CORP", "CM01$")},
     "high proven 10.0.0.10 > 10.0.0.30:445 @10",
     "cm01.corp.example",
     "violated",
     NULL},
    {"to a client",
     {"ntlm 10.0.0.10 > 10.1.0.5:445" ANSWER("smb", "CORP", "CM01$")},
     "critical proven 10.0.0.10 > 10.1.0.5:445 @10",
     NULL,
     NULL,
     NULL},
    {"in SQL",
     {"ntlm 10.0.0.20 > 10.0.0.13:1433" ANSWER("tds", "", "MP01$@corp.example")},
     "critical proven 10.0.0.20 > 10.0.0.13:1433 @10",
     NULL,
     NULL,
     NULL},
    {"near miss: another account",
     {"ntlm 10.0.0.10 > 10.0.0.30:445" ANSWER("smb", "CORP", "svc-site")},
     "",
     "cm01.corp.example",
     "consistent",
     NULL},
    {"near miss: a computer of that name in another domain",
     {"ntlm 10.0.0.10 > 10.0.0.30:445" ANSWER("smb", "PARTNER", "CM01$")},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: to itself",
     {"ntlm 10.0.0.10 > 10.0.0.10:445" ANSWER("smb", "CORP", "CM01$")},
     "",
     "cm01.corp.example",
     "not_observed",
     NULL},
    {"near miss: a server that can do NTLM only, as declared",
     {"ntlm 10.0.0.10 > 10.0.0.30:445" ANSWER("smb", "CORP", "CM01$")},
     "",
     "cm01.corp.example",
     "consistent",
     "\nntlm: {servers: [dp01.corp.example]}\n"},
    {"near miss: a distribution point administers nothing",
     {"ntlm 10.0.0.30 > 10.0.0.31:445" ANSWER("smb", "CORP", "DP01$")},
     "",
     NULL,
     NULL,
     NULL},
};

static void machine(void **state)
{
    (void)state;
    rule_play_cases("R043", machine_cases, COUNT_OF(machine_cases));
}

/* ---- R044 ---- */

#define LEG(challenge, c, p)                                                                       \
    " | ntlm.carrier=smb | ntlm.variant=v2 | ntlm.user=CM01$ | ntlm.domain=CORP | "                \
    "ntlm.server_challenge=" challenge " | ntlm.challenge_packet=" c                               \
    " | ntlm.authenticate_packet=" p
#define ONE "0123456789abcdef"
#define OTHER "fedcba9876543210"

static const struct rule_case relay_cases[] = {
    {"the same challenge on two connections",
     {"ntlm#1@20 10.0.0.10 > 10.1.0.66:445" LEG(ONE, "12", "13"),
      "ntlm#2@21 10.1.0.66 > 10.0.0.13:445" LEG(ONE, "11", "14")},
     "critical proven 10.1.0.66 > 10.0.0.13:445 @14,13,11,12",
     "db01.corp.example",
     "violated",
     NULL},
    {"told in the other order, the relay having two addresses",
     {"ntlm#2@21 10.1.0.67 > 10.0.0.13:445" LEG(ONE, "11", "14"),
      "ntlm#1@22 10.0.0.10 > 10.1.0.66:445" LEG(ONE, "12", "13")},
     "critical proven 10.1.0.67 > 10.0.0.13:445 @14,13,11,12",
     NULL,
     NULL,
     NULL},
    {"the same response, challenges unseen",
     {"ntlm#1@20 10.0.0.10 > 10.1.0.66:445 | ntlm.carrier=smb | ntlm.variant=v2 | ntlm.user=CM01$ "
      "| ntlm.response_hash=0011223344556677 | ntlm.authenticate_packet=13",
      "ntlm#2@21 10.1.0.66 > 10.0.0.13:445 | ntlm.carrier=smb | ntlm.variant=v2 | ntlm.user=CM01$ "
      "| ntlm.response_hash=0011223344556677 | ntlm.authenticate_packet=14"},
     "critical proven 10.1.0.66 > 10.0.0.13:445 @14,13",
     NULL,
     NULL,
     NULL},
    {"an answer meant for another declared host",
     {"ntlm 10.1.0.66 > 10.0.0.13:445" LEG(OTHER, "11", "14") " | ntlm.target_spn=cifs/dp01"},
     "critical derived 10.1.0.66 > 10.0.0.13:445 @14",
     "db01.corp.example",
     "violated",
     NULL},
    {"an answer meant for another address",
     {"ntlm 10.1.0.66 > 10.0.0.13:445" LEG(OTHER, "11", "14") " | ntlm.target_spn=cifs/10.1.0.66"},
     "critical derived 10.1.0.66 > 10.0.0.13:445 @14",
     NULL,
     NULL,
     NULL},
    {"a challenge that names another host",
     {"ntlm 10.0.0.10 > 10.1.0.66:445" LEG(OTHER, "11", "14") " | ntlm.server_name=DB01 | "
                                                              "ntlm.server_dns_name=db01.corp."
                                                              "example"},
     "critical derived 10.0.0.10 > 10.1.0.66:445 @11",
     "cm01.corp.example",
     "violated",
     NULL},
    {"near miss: copies on both sides of an address translation",
     {"ntlm#1@20 10.1.0.5 > 10.0.0.30:445" LEG(ONE, "11", "13"),
      "ntlm#2@21 10.1.0.66 > 10.0.0.30:445" LEG(ONE, "12", "14")},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: one client, the server's name and its address",
     {"ntlm#1@20 10.1.0.5 > 10.7.0.30:445" LEG(ONE, "11", "13"),
      "ntlm#2@21 10.1.0.5 > 10.0.0.30:445" LEG(ONE, "12", "14")},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: a declared proxy",
     {"ntlm#1@20 198.51.100.9 > 192.0.2.5:80" LEG(ONE, "12", "13"),
      "ntlm#2@21 192.0.2.5 > 10.0.0.20:80" LEG(ONE, "11", "14")},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: more than a minute apart",
     {"ntlm#1@20 10.0.0.10 > 10.1.0.66:445" LEG(ONE, "12", "13"),
      "ntlm#2@21+61 10.1.0.66 > 10.0.0.13:445" LEG(ONE, "11", "14")},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: other challenges, and an alias",
     {"ntlm#1@20 10.0.0.10 > 10.0.0.20:80" LEG(ONE, "12", "13") " | ntlm.target_spn=http/"
                                                                "mp.corp.example",
      "ntlm#2@21 10.1.0.66 > 10.0.0.13:445" LEG(OTHER, "11", "14")},
     "",
     "mp01.corp.example",
     "consistent",
     NULL},
    {"a name that nobody declared says nothing",
     {"ntlm 10.1.0.66 > 10.0.0.13:445" LEG(OTHER, "11", "14") " | ntlm.target_spn=cifs/files"},
     "",
     "db01.corp.example",
     "not_assessable",
     NULL},
};

static void relay(void **state)
{
    (void)state;
    rule_play_cases("R044", relay_cases, COUNT_OF(relay_cases));
}

/* The table is bounded: what is pushed out is counted, and the rest is still found. */
static void bounded(void **state)
{
    (void)state;
    struct rule_play p;
    char line[300];
    rule_play_begin(&p, NULL);
    for (unsigned i = 1; i <= 3 * LIMIT_RECENT; i++) {
        (void)snprintf(line, sizeof line,
                       "ntlm#%u 10.1.1.%u > 10.0.0.13:445 | ntlm.carrier=smb | ntlm.variant=v2 | "
                       "ntlm.user=x | ntlm.server_challenge=%016x | ntlm.challenge_packet=1 | "
                       "ntlm.authenticate_packet=2",
                       i, i % 200, i);
        rule_play_say(&p, line);
    }
    rule_play_say(&p, "ntlm#90001 10.1.0.66 > 10.0.0.13:445" LEG(ONE, "1", "4"));
    rule_play_say(&p, "ntlm#90002 10.0.0.10 > 10.1.0.66:445" LEG(ONE, "2", "3"));
    rule_play_finish(&p);
    assert_true(audit_counts(p.audit)->state_shed >= LIMIT_RECENT);
    char *findings = rule_play_findings(&p, "R044");
    assert_string_equal(findings, "critical proven 10.1.0.66 > 10.0.0.13:445 @4,3,1,2");
    free(findings);
    rule_play_end(&p);
}

/* ---- R045 ---- */

static const struct rule_case foreign_cases[] = {
    {"the account of the Exchange connector, from a client's address",
     {"ntlm 10.1.0.66 > 10.0.0.13:445" ANSWER("smb", "CORP", "svc-mail")},
     "critical derived 10.1.0.66 > 10.0.0.13:445 @10",
     NULL,
     NULL,
     "\naccounts: {exchange-connection: ['CORP\\svc-mail'], active-directory-forest: "
     "['CORP\\svc-ad']}\n"},
    {"near miss: the forest account, from the site server",
     {"ntlm 10.0.0.10 > 10.0.0.13:445" ANSWER("smb", "CORP", "svc-ad")},
     "",
     NULL,
     NULL,
     "\naccounts: {active-directory-forest: ['CORP\\svc-ad']}\n"},
    {"a site server's account from a client's address",
     {"ntlm 10.1.0.66 > 10.0.0.13:445" ANSWER("smb", "CORP", "CM01$") " | ntlm.workstation=CM01"},
     "critical derived 10.1.0.66 > 10.0.0.13:445 @10",
     "cm01.corp.example",
     "violated",
     ACCOUNTS},
    {"the push account from a client's address",
     {"ntlm 10.1.0.66 > 10.0.0.13:445" ANSWER("smb", "CORP", "svc-push")},
     "critical derived 10.1.0.66 > 10.0.0.13:445 @10",
     NULL,
     NULL,
     ACCOUNTS},
    {"the installation account, named otherwise than declared, from another site system",
     {"ntlm 10.0.0.20 > 10.0.0.13:445" ANSWER("smb", "CORP", "SVC-INSTALL")},
     "critical derived 10.0.0.20 > 10.0.0.13:445 @10",
     NULL,
     NULL,
     ACCOUNTS},
    {"near miss: from its own address",
     {"ntlm 10.0.0.10 > 10.0.0.13:445" ANSWER("smb", "CORP", "CM01$")},
     "",
     "cm01.corp.example",
     "consistent",
     ACCOUNTS},
    {"near miss: through a proxy",
     {"ntlm 192.0.2.5 > 10.0.0.20:80" ANSWER("http", "CORP", "DP09$")},
     "",
     "dp09.corp.example",
     "not_assessable",
     ACCOUNTS},
    {"near miss: through address translation",
     {"ntlm 10.1.0.66 > 10.0.0.13:445" ANSWER("smb", "CORP", "CM01$")},
     "",
     "cm01.corp.example",
     "not_assessable",
     "\naddress-translation: {networks: [10.1.0.66]}\n"},
    {"near miss: renamed",
     {"ntlm 10.0.0.31 > 10.0.0.13:445" ANSWER("smb", "CORP", "DP01$") " | ntlm.workstation=DP01"},
     "",
     "dp01.corp.example",
     "not_assessable",
     ACCOUNTS},
    {"near miss: a client's own account",
     {"ntlm 10.1.0.66 > 10.0.0.30:445" ANSWER("smb", "CORP", "CL66$")},
     "",
     NULL,
     NULL,
     ACCOUNTS},
    {"near miss: an account of that name in another domain",
     {"ntlm 10.3.0.6 > 10.0.0.30:445" ANSWER("smb", "PARTNER", "svc-push")},
     "",
     NULL,
     NULL,
     ACCOUNTS},
    {"near miss: the push account from a site server",
     {"ntlm 10.0.0.11 > 10.1.0.66:445" ANSWER("smb", "CORP", "svc-push")},
     "",
     "cm02.corp.example",
     "consistent",
     ACCOUNTS},
};

static void foreign(void **state)
{
    (void)state;
    rule_play_cases("R045", foreign_cases, COUNT_OF(foreign_cases));
}

/* ---- R048 ---- */

#define SHOWN(carrier, user, packet)                                                               \
    " | ntlm.carrier=" carrier " | ntlm.variant=v2 | ntlm.domain=CORP | ntlm.user=" user           \
    " | ntlm.authenticate_packet=" packet

static const struct rule_case access_cases[] = {
    {"content for a workgroup client",
     {"ntlm 10.2.0.6 > 10.0.0.30:445" ANSWER("smb", "CORP", "svc-naa")},
     "medium proven 10.2.0.6 > 10.0.0.30:445 @10",
     "dp01.corp.example",
     "violated",
     ACCOUNTS},
    {"from a client of the forest, where HTTPS is the mode",
     {"ntlm 10.1.0.6 > 10.0.0.30:80" ANSWER("http", "CORP", "svc-naa")},
     "high proven 10.1.0.6 > 10.0.0.30:80 @10",
     NULL,
     NULL,
     ACCOUNTS},
    {"to a database",
     {"ntlm 10.2.0.6 > 10.0.0.13:1433" ANSWER("tds", "CORP", "svc-naa")},
     "high proven 10.2.0.6 > 10.0.0.13:1433 @10",
     NULL,
     NULL,
     ACCOUNTS},
    {"near miss: another account",
     {"ntlm 10.2.0.6 > 10.0.0.30:445" ANSWER("smb", "CORP", "alice")},
     "",
     "dp01.corp.example",
     "consistent",
     ACCOUNTS},
    {"near miss: the same name in another domain",
     {"ntlm 10.2.0.6 > 10.0.0.30:445" ANSWER("smb", "PARTNER", "svc-naa")},
     "",
     "dp01.corp.example",
     "consistent",
     ACCOUNTS},
    {"nothing declared",
     {"ntlm 10.2.0.6 > 10.0.0.30:445" ANSWER("smb", "CORP", "svc-naa")},
     "",
     "dp01.corp.example",
     "not_assessable",
     NULL},
    {"nothing declared: five clients, at distribution points only",
     {"ntlm 10.1.0.1 > 10.0.0.30:445" SHOWN("smb", "svc-content", "11"),
      "ntlm 10.1.0.2 > 10.0.0.31:80" SHOWN("http", "SVC-Content", "12"),
      "ntlm 10.1.0.2 > 10.0.0.31:80" SHOWN("http", "svc-content", "13"),
      "ntlm 10.2.0.3 > 10.0.0.30:445" SHOWN("smb", "svc-content", "14"),
      "ntlm 10.1.0.4 > 10.0.0.30:445" SHOWN("smb", "svc-content", "15"),
      "ntlm+80000 10.1.0.5 > 10.0.0.30:445" SHOWN("smb", "svc-content", "16")},
     "medium inferred 10.1.0.5 > 10.0.0.30:445 @11,12,14,15,16",
     "dp01.corp.example",
     "violated",
     NULL},
    {"near miss: four clients, and an administrator's",
     {"ntlm 10.1.0.1 > 10.0.0.30:445" SHOWN("smb", "svc-content", "11"),
      "ntlm 10.1.0.2 > 10.0.0.30:445" SHOWN("smb", "svc-content", "12"),
      "ntlm 10.1.0.3 > 10.0.0.30:445" SHOWN("smb", "svc-content", "13"),
      "ntlm 10.1.0.4 > 10.0.0.30:445" SHOWN("smb", "svc-content", "14"),
      "ntlm 10.9.0.5 > 10.0.0.30:445" SHOWN("smb", "svc-content", "15")},
     "",
     "dp01.corp.example",
     "not_assessable",
     NULL},
    {"near miss: also to a management point",
     {"ntlm 10.1.0.1 > 10.0.0.20:80" SHOWN("http", "alice", "11"),
      "ntlm 10.1.0.1 > 10.0.0.30:445" SHOWN("smb", "alice", "12"),
      "ntlm 10.1.0.2 > 10.0.0.30:445" SHOWN("smb", "alice", "13"),
      "ntlm 10.1.0.3 > 10.0.0.30:445" SHOWN("smb", "alice", "14"),
      "ntlm 10.1.0.4 > 10.0.0.30:445" SHOWN("smb", "alice", "15"),
      "ntlm 10.1.0.5 > 10.0.0.30:445" SHOWN("smb", "alice", "16")},
     "",
     "dp01.corp.example",
     "not_assessable",
     NULL},
    {"near miss: five refusals",
     {"ntlm 10.1.0.1 > 10.0.0.30:445" SHOWN("smb", "x", "11") " | ntlm.result=failure",
      "ntlm 10.1.0.2 > 10.0.0.30:445" SHOWN("smb", "x", "12") " | ntlm.result=failure",
      "ntlm 10.1.0.3 > 10.0.0.30:445" SHOWN("smb", "x", "13") " | ntlm.result=failure",
      "ntlm 10.1.0.4 > 10.0.0.30:445" SHOWN("smb", "x", "14") " | ntlm.result=failure",
      "ntlm 10.1.0.5 > 10.0.0.30:445" SHOWN("smb", "x", "15") " | ntlm.result=failure"},
     "",
     NULL,
     NULL,
     NULL},
};

static void network_access(void **state)
{
    (void)state;
    rule_play_cases("R048", access_cases, COUNT_OF(access_cases));
}

/* ---- R053 ---- */

#define TICKET(hash, service, packet)                                                              \
    " | kerberos.exchange=ap | kerberos.carrier=smb | kerberos.ap_hash=" hash                      \
    " | kerberos.service=" service " | kerberos.packet=" packet

static const struct rule_case ticket_cases[] = {
    {"the same AP-REQ on two connections",
     {"kerberos#1@20 10.0.0.10 > 10.1.0.66:445" TICKET(ONE, "cifs/x", "12"),
      "kerberos#2@21 10.1.0.66 > 10.0.0.13:445" TICKET(ONE, "cifs/x", "14")},
     "critical proven 10.1.0.66 > 10.0.0.13:445 @14,12",
     "db01.corp.example",
     "violated",
     NULL},
    {"a ticket for another host",
     {"kerberos 10.1.0.66 > 10.0.0.13:1433" TICKET(ONE, "MSSQLSvc/cm01.corp.example:1433", "12")},
     "critical derived 10.1.0.66 > 10.0.0.13:1433 @12",
     "db01.corp.example",
     "violated",
     NULL},
    {"near miss: a ticket for the host, by any of its names",
     {"kerberos 10.1.0.66 > 10.0.0.13:1433" TICKET(ONE, "MSSQLSvc/db01:1433", "12"),
      "kerberos 10.1.0.66 > 10.0.0.20:80" TICKET(OTHER, "http/mp.corp.example", "13")},
     "",
     "db01.corp.example",
     "consistent",
     NULL},
    {"near miss: the domain's own name",
     {"kerberos 10.1.0.66 > 10.0.0.2:389" TICKET(ONE, "ldap/corp.example", "12")},
     "",
     "dc01.corp.example",
     "not_assessable",
     NULL},
    {"near miss: a controller's name with its domain",
     {"kerberos 10.1.0.66 > 10.0.0.2:389" TICKET(ONE, "ldap/dc01.corp.example/corp.example", "12")},
     "",
     "dc01.corp.example",
     "consistent",
     NULL},
    {"near miss: a copy behind address translation",
     {"kerberos#1@20 10.1.0.5 > 10.0.0.13:445" TICKET(ONE, "cifs/db01", "12"),
      "kerberos#2@21 10.1.0.66 > 10.0.0.13:445" TICKET(ONE, "cifs/db01", "14")},
     "",
     "db01.corp.example",
     "consistent",
     NULL},
    {"near miss: a ticket used again after six minutes",
     {"kerberos#1@20 10.0.0.10 > 10.1.0.66:445" TICKET(ONE, "cifs/x", "12"),
      "kerberos#2@21+360 10.1.0.66 > 10.0.0.13:445" TICKET(ONE, "cifs/x", "14")},
     "",
     NULL,
     NULL,
     NULL},
};

static void tickets(void **state)
{
    (void)state;
    rule_play_cases("R053", ticket_cases, COUNT_OF(ticket_cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(relayable), cmocka_unit_test(machine), cmocka_unit_test(relay),
        cmocka_unit_test(bounded),   cmocka_unit_test(foreign), cmocka_unit_test(network_access),
        cmocka_unit_test(tickets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
