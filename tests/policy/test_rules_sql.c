/*
 * test_rules_sql.c - R100 to R105: encryption, logins, clients, peers and statements of the site
 * database.
 */
#include "tests/policy/rule_play.h"
#include "tests/test.h"

#define TO_DB " 10.0.0.20 > 10.0.0.13:1433"
#define PRELOGIN(result) " | sql.message=prelogin | sql.encryption.result=" result
#define REQUESTS " | sql.message=requests | sql.first_packet=9"

static const struct rule_case clear_cases[] = {
    {"the login alone is encrypted",
     {"sql@5" TO_DB PRELOGIN("login"), "sql@9" TO_DB REQUESTS},
     "high proven 10.0.0.20 > 10.0.0.13:1433 @5,9",
     "db01.corp.example",
     "violated",
     NULL},
    {"joined midstream",
     {"sql@9" TO_DB REQUESTS},
     "high proven 10.0.0.20 > 10.0.0.13:1433 @9",
     NULL,
     NULL,
     NULL},
    {"a site system's own database elsewhere",
     {"sql@5 10.0.0.20 > 10.7.7.7:1433" PRELOGIN("none"),
      "sql@9 10.0.0.20 > 10.7.7.7:1433" REQUESTS},
     "medium proven 10.0.0.20 > 10.7.7.7:1433 @5,9",
     "mp01.corp.example",
     "violated",
     NULL},
    {"near miss: encrypted",
     {"sql@5" TO_DB PRELOGIN("full")},
     "",
     "db01.corp.example",
     "consistent",
     NULL},
    {"near miss: no request came",
     {"sql@5" TO_DB PRELOGIN("login"), "flow@12" TO_DB " | flow.protocol=tds"},
     "",
     "db01.corp.example",
     "not_assessable",
     NULL},
    {"the server's answer was not captured",
     {"sql@5" TO_DB " | sql.message=prelogin"},
     "",
     "db01.corp.example",
     "not_assessable",
     NULL},
    {"near miss: neither end is declared",
     {"sql@9 10.1.0.5 > 10.7.7.7:1433" REQUESTS},
     "",
     "db01.corp.example",
     "not_observed",
     NULL},
};

#define LOGIN(auth) " | sql.message=login | sql.auth=" auth " | sql.request_packet=6"

static const struct rule_case login_cases[] = {
    {"a password that can be read",
     {"sql" TO_DB LOGIN("sql") " | sql.user=sa | sql.password_exposed=true | sql.result=success | "
                               "sql.response_packet=7"},
     "critical proven 10.0.0.20 > 10.0.0.13:1433 @6,7",
     "db01.corp.example",
     "violated",
     NULL},
    {"an empty password",
     {"sql" TO_DB LOGIN("sql") " | sql.user=sa | sql.password_exposed=false"},
     "high proven 10.0.0.20 > 10.0.0.13:1433 @6",
     NULL,
     NULL,
     NULL},
    {"near miss: Windows authentication",
     {"sql" TO_DB LOGIN("windows")},
     "",
     "db01.corp.example",
     "consistent",
     NULL},
    {"an encrypted login",
     {"sql" TO_DB PRELOGIN("login")},
     "",
     "db01.corp.example",
     "not_assessable",
     NULL},
    {"near miss: neither end is declared",
     {"sql 10.1.0.5 > 10.7.7.7:1433" LOGIN("sql") " | sql.password_exposed=true"},
     "",
     NULL,
     NULL,
     NULL},
};

static const struct rule_case user_cases[] = {
    {"a client",
     {"flow@3 10.1.0.5 > 10.0.0.13:1433 | flow.protocol=tds"},
     "critical proven 10.1.0.5 > 10.0.0.13:1433 @3,4",
     "db01.corp.example",
     "violated",
     NULL},
    {"a stranger, at a declared port",
     {"flow@3 10.7.7.7 > 10.0.0.13:51433 | flow.protocol=tds"},
     "high proven 10.7.7.7 > 10.0.0.13:51433 @3,4",
     NULL,
     NULL,
     NULL},
    {"a distribution point, at the broker's port",
     {"flow@3 10.0.0.30 > 10.0.0.13:4022"},
     "high proven 10.0.0.30 > 10.0.0.13:4022 @3,4",
     NULL,
     NULL,
     NULL},
    {"a question to the browser service is a guess at most",
     {"flow@3 10.1.0.5 udp> 10.0.0.13:1434 | flow.protocol=ssrp"},
     "medium inferred 10.1.0.5 > 10.0.0.13:1434 @3,4",
     NULL,
     NULL,
     NULL},
    {"near miss: roles that need it",
     {"flow#1 10.0.0.10 > 10.0.0.13:1433", "flow#2 10.0.0.20 > 10.0.0.13:1433",
      "flow#3 10.0.0.43 > 10.0.0.13:1433"},
     "",
     "db01.corp.example",
     "consistent",
     NULL},
    {"near miss: an administrator",
     {"flow 10.9.0.5 > 10.0.0.13:1433"},
     "",
     "db01.corp.example",
     "consistent",
     NULL},
    {"near miss: allowed by the policy",
     {"flow 10.0.0.4 > 10.0.0.13:1433 | flow.protocol=tds | flow.identified_by=content"},
     "",
     "db01.corp.example",
     "consistent",
     "\nmatrix: [{allow: {from: fs01.corp.example, to: site-database, over: [tds], reason: "
     "backup}}]\n"},
    {"near miss: no answer",
     {"flow 10.1.0.5 !> 10.0.0.13:1433"},
     "",
     "db01.corp.example",
     "consistent",
     NULL},
    {"near miss: another port", {"flow 10.1.0.5 > 10.0.0.13:445"}, "", NULL, NULL, NULL},
    {"who opened it is not known",
     {"flow 10.1.0.5 ~> 10.0.0.13:51433"},
     "",
     "db01.corp.example",
     "not_assessable",
     NULL},
};

#define NTLM " | ntlm.carrier=tds | ntlm.user=MP01$ | ntlm.domain=CORP"
#define PROOF " | ntlm.authenticate_packet=6"

static const struct rule_case ntlm_cases[] = {
    {"not bound to anything",
     {"ntlm" TO_DB NTLM PROOF " | ntlm.result=success | ntlm.result_packet=7"},
     "high proven 10.0.0.20 > 10.0.0.13:1433 @6,7",
     "db01.corp.example",
     "violated",
     NULL},
    {"near miss: bound to its channel",
     {"ntlm" TO_DB NTLM PROOF " | ntlm.channel_binding=true"},
     "",
     "db01.corp.example",
     "consistent",
     NULL},
    {"near miss: Kerberos",
     {"kerberos" TO_DB " | kerberos.exchange=ap | kerberos.carrier=tds"},
     "",
     "db01.corp.example",
     "consistent",
     NULL},
    {"near miss: no proof was sent",
     {"ntlm" TO_DB NTLM},
     "",
     "db01.corp.example",
     "not_observed",
     NULL},
    {"near miss: another server",
     {"ntlm 10.0.0.20 > 10.0.0.30:1433" NTLM PROOF},
     "",
     NULL,
     NULL,
     NULL},
    {"everything is encrypted",
     {"sql" TO_DB PRELOGIN("full")},
     "",
     "db01.corp.example",
     "not_assessable",
     NULL},
};

#define PEERS                                                                                      \
    "forests: {corp: {domains: [corp.example]}}\n"                                                 \
    "sites:\n"                                                                                     \
    "  CEN: {type: central-administration}\n"                                                      \
    "  P01: {type: primary, parent: CEN}\n"                                                        \
    "  P02: {type: primary, parent: CEN}\n"                                                        \
    "hosts:\n"                                                                                     \
    "  db00: {addresses: [10.0.0.1], forest: corp, site: CEN, roles: [site-database]}\n"           \
    "  db01: {addresses: [10.0.0.13], forest: corp, site: P01, roles: [site-database]}\n"          \
    "  db11: {addresses: [10.0.0.15], forest: corp, site: P01, roles: [site-database]}\n"          \
    "  db02: {addresses: [10.0.0.14], forest: corp, site: P02, roles: [site-database]}\n"          \
    "  mp01: {addresses: [10.0.0.20], forest: corp, site: P01, roles: [management-point]}\n"

static const struct rule_case peer_cases[] = {
    {"databases of two sites side by side",
     {"flow@3 10.0.0.14 > 10.0.0.13:4022"},
     "high proven 10.0.0.14 > 10.0.0.13:4022 @3,4",
     "db01",
     "violated",
     PEERS},
    {"the same on 1433",
     {"flow@3 10.0.0.14 > 10.0.0.13:1433"},
     "high proven 10.0.0.14 > 10.0.0.13:1433 @3,4",
     NULL,
     NULL,
     PEERS},
    {"a management point at the broker's port",
     {"flow@3 10.0.0.20 > 10.0.0.13:4022"},
     "high proven 10.0.0.20 > 10.0.0.13:4022 @3,4",
     NULL,
     NULL,
     PEERS},
    {"near miss: parent and child, and a replica",
     {"flow#1 10.0.0.1 > 10.0.0.13:4022", "flow#2 10.0.0.13 > 10.0.0.1:4022",
      "flow#3 10.0.0.15 > 10.0.0.13:1433"},
     "",
     "db01",
     "consistent",
     PEERS},
    {"near miss: a management point asks its database",
     {"flow 10.0.0.20 > 10.0.0.13:1433"},
     "",
     "db01",
     "not_observed",
     PEERS},
    {"near miss: declared",
     {"flow 10.0.0.14 > 10.0.0.13:4022"},
     "",
     "db01",
     "consistent",
     PEERS "matrix: [{allow: {from: db02, to: db01, reason: migration}}]\n"},
    {"near miss: not answered", {"flow 10.0.0.14 !> 10.0.0.13:4022"}, "", NULL, NULL, PEERS},
};

#define ASKS(from, names)                                                                          \
    "sql " from " > 10.0.0.13:1433 | sql.message=batch | sql.request_packet=9" names

static const struct rule_case danger_cases[] = {
    {"a client makes itself administrator",
     {ASKS("10.1.0.5", " | sql.names=rbac_admins | sql.names=insert")},
     "critical proven 10.1.0.5 > 10.0.0.13:1433 @9",
     "db01.corp.example",
     "violated",
     NULL},
    {"a management point's account, two names: two findings",
     {ASKS("10.0.0.20", " | sql.names=xp_cmdshell | sql.names=sc_useraccount")},
     "critical proven 10.0.0.20 > 10.0.0.13:1433 @9; "
     "critical proven 10.0.0.20 > 10.0.0.13:1433 @9",
     NULL,
     NULL,
     NULL},
    {"policies read by a database administrator",
     {ASKS("10.9.0.5", " | sql.names=mp_getpolicybody")},
     "critical proven 10.9.0.5 > 10.0.0.13:1433 @9",
     NULL,
     NULL,
     NULL},
    {"near miss: the product's own requests",
     {ASKS("10.0.0.20", " | sql.names=mp_getpolicybody"),
      ASKS("10.0.0.14", " | sql.names=rbac_admins | sql.names=insert"),
      ASKS("10.0.0.10", " | sql.names=openquery | sql.names=sc_useraccount"),
      "sql 10.0.0.10 > 10.0.0.13:1433" REQUESTS},
     "",
     "db01.corp.example",
     "consistent",
     NULL},
    {"near miss: administrators are only listed",
     {ASKS("10.0.0.43", " | sql.names=rbac_admins")},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: another server",
     {"sql 10.1.0.5 > 10.0.0.30:1433 | sql.message=batch | sql.names=xp_cmdshell"},
     "",
     NULL,
     NULL,
     NULL},
    {"everything is encrypted",
     {"sql" TO_DB PRELOGIN("full")},
     "",
     "db01.corp.example",
     "not_assessable",
     NULL},
};

static void dangers(void **state)
{
    (void)state;
    rule_play_cases("R105", danger_cases, COUNT_OF(danger_cases));
}

static void clear(void **state)
{
    (void)state;
    rule_play_cases("R100", clear_cases, COUNT_OF(clear_cases));
}

static void logins(void **state)
{
    (void)state;
    rule_play_cases("R101", login_cases, COUNT_OF(login_cases));
}

static void users(void **state)
{
    (void)state;
    rule_play_cases("R102", user_cases, COUNT_OF(user_cases));
}

static void ntlm(void **state)
{
    (void)state;
    rule_play_cases("R103", ntlm_cases, COUNT_OF(ntlm_cases));
}

static void peers(void **state)
{
    (void)state;
    rule_play_cases("R104", peer_cases, COUNT_OF(peer_cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clear), cmocka_unit_test(logins), cmocka_unit_test(users),
        cmocka_unit_test(ntlm),  cmocka_unit_test(peers),  cmocka_unit_test(dangers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
