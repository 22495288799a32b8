/*
 * test_rules_remote.c - R046 forced authentication, R047 client push, R064 administrative access,
 * R065 remote registry, R068 shares listed.
 */
#include "tests/policy/rule_play.h"
#include "tests/test.h"

#define CALL(uuid, opnum)                                                                          \
    " | dcerpc.message=call | dcerpc.uuid=" uuid " | dcerpc.opnum=" opnum                          \
    " | dcerpc.request_packet=10"
#define BIND(uuid)                                                                                 \
    " | dcerpc.message=bind | dcerpc.uuid=" uuid " | dcerpc.result=accepted | "                    \
    "dcerpc.request_packet=8"
#define EFSR "c681d488-d850-11d0-8c52-00c04fd90f7e"
#define RPRN "12345678-1234-abcd-ef00-0123456789ab"
#define SVCCTL "367abb81-9844-35f1-ad32-98f038001003"
#define ATSVC "1ff70682-0a51-30e8-076d-740be8cee98b"
#define TASKS "86d35949-83c9-4044-b424-db363231fd0c"
#define WINREG "338cd001-2244-31f1-aaaa-900038001003"
#define SRVSVC "4b324fc8-1670-01d3-1278-5a47bf6ee188"
#define MACHINE(user, packet)                                                                      \
    " | ntlm.carrier=smb | ntlm.variant=v2 | ntlm.domain=CORP | ntlm.user=" user                   \
    " | ntlm.authenticate_packet=" packet

static const struct rule_case forcing_cases[] = {
    {"a file opened elsewhere",
     {"dcerpc 10.1.0.66 > 10.0.0.10:445" CALL(EFSR, "0")},
     "high proven 10.1.0.66 > 10.0.0.10:445 @10",
     "cm01.corp.example",
     "violated",
     NULL},
    {"answered by an authentication, told before the call",
     {"ntlm#2@12 10.0.0.10 > 10.1.0.66:445" MACHINE("CM01$", "11"),
      "dcerpc#1@13 10.1.0.66 > 10.0.0.10:445" CALL(RPRN, "65")},
     "critical derived 10.0.0.10 > 10.1.0.66:445 @10,11; high proven 10.1.0.66 > 10.0.0.10:445 "
     "@10",
     NULL,
     NULL,
     NULL},
    {"or after it, to a third host",
     {"dcerpc#1@10 10.1.0.66 > 10.0.0.10:445" CALL(RPRN, "65"),
      "ntlm#2@12+20 10.0.0.10 > 10.1.0.67:445" MACHINE("CM01$", "11")},
     "critical derived 10.0.0.10 > 10.1.0.67:445 @10,11; high proven 10.1.0.66 > 10.0.0.10:445 "
     "@10",
     NULL,
     NULL,
     NULL},
    {"an authentication half a minute later, or of a user, is none of it",
     {"dcerpc#1@10 10.1.0.66 > 10.0.0.10:445" CALL(RPRN, "65"),
      "ntlm#3@11+5 10.0.0.10 > 10.1.0.66:445" MACHINE("alice", "11"),
      "ntlm#2@12+31 10.0.0.10 > 10.1.0.66:445" MACHINE("CM01$", "12")},
     "high proven 10.1.0.66 > 10.0.0.10:445 @10",
     NULL,
     NULL,
     NULL},
    {"near miss: a printer opened",
     {"dcerpc 10.1.0.66 > 10.0.0.10:445" BIND(RPRN),
      "dcerpc 10.1.0.66 > 10.0.0.10:445" CALL(RPRN, "1")},
     "",
     "cm01.corp.example",
     "consistent",
     NULL},
    {"near miss: a print server",
     {"dcerpc 10.1.0.66 > 10.0.0.4:445" CALL(RPRN, "65")},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: an administrator",
     {"dcerpc 10.9.0.6 > 10.0.0.10:445" CALL("4fc742e0-4a10-11cf-8273-00aa004ae673", "12")},
     "",
     "cm01.corp.example",
     "consistent",
     NULL},
    {"near miss: what the policy allows",
     {"dcerpc 10.1.0.66 > 10.0.0.10:445" CALL(RPRN, "65")},
     "",
     NULL,
     NULL,
     "\nmatrix:\n  - allow: {from: clients, to: site-server, over: [dcerpc], reason: "
     "\"prints\"}\n"},
};

static void forcing(void **state)
{
    (void)state;
    rule_play_cases("R046", forcing_cases, COUNT_OF(forcing_cases));
}

#define SETUP(mechanism)                                                                           \
    " | smb.message=session_setup | smb.status_code=0 | smb.mechanism=" mechanism
#define TREE(path, status)                                                                         \
    " | smb.message=tree_connect | smb.path=" path " | smb.status_code=" status                    \
    " | smb.response_packet=13"

static const struct rule_case push_cases[] = {
    {"by Kerberos",
     {"smb 10.0.0.10 > 10.1.0.5:445" SETUP("kerberos"),
      "smb 10.0.0.10 > 10.1.0.5:445" TREE("\\\\cl05\\ADMIN$", "0")},
     "medium proven 10.0.0.10 > 10.1.0.5:445 @13",
     "cm01.corp.example",
     "violated",
     NULL},
    {"by NTLM",
     {"smb 10.0.0.10 > 10.1.0.5:445" SETUP("ntlm"),
      "smb 10.0.0.10 > 10.1.0.5:445" TREE("\\\\cl05\\admin$", "0")},
     "high proven 10.0.0.10 > 10.1.0.5:445 @13",
     NULL,
     NULL,
     NULL},
    {"by NTLM to nobody knows whom",
     {"smb 10.0.0.10 > 10.7.0.5:445" SETUP("ntlm"),
      "smb 10.0.0.10 > 10.7.0.5:445" TREE("\\\\10.7.0.5\\C$", "0")},
     "critical proven 10.0.0.10 > 10.7.0.5:445 @13",
     NULL,
     NULL,
     NULL},
    {"near miss: another flow's NTLM",
     {"smb#1 10.0.0.10 > 10.1.0.5:445" SETUP("ntlm"), "flow#1 10.0.0.10 > 10.1.0.5:445",
      "smb#2 10.0.0.10 > 10.1.0.5:445" TREE("\\\\cl05\\ADMIN$", "0")},
     "medium proven 10.0.0.10 > 10.1.0.5:445 @13",
     NULL,
     NULL,
     NULL},
    {"near miss: other shares, or refused",
     {"smb 10.0.0.10 > 10.1.0.5:445" SETUP("ntlm"),
      "smb 10.0.0.10 > 10.1.0.5:445" TREE("\\\\cl05\\logs", "0"),
      "smb 10.0.0.10 > 10.1.0.5:445" TREE("\\\\cl05\\ADMIN$", "0xc0000022")},
     "",
     "cm01.corp.example",
     "consistent",
     NULL},
    {"near miss: a declared host",
     {"smb 10.0.0.10 > 10.0.0.30:445" TREE("\\\\dp01\\ADMIN$", "0")},
     "",
     "cm01.corp.example",
     "not_observed",
     NULL},
    {"near miss: declared targets",
     {"smb 10.0.0.10 > 10.1.0.5:445" SETUP("ntlm"),
      "smb 10.0.0.10 > 10.1.0.5:445" TREE("\\\\cl05\\ADMIN$", "0")},
     "",
     "cm01.corp.example",
     "consistent",
     "\nmatrix:\n  - allow: {from: site-server, to: hq, over: [smb], reason: \"client push\"}\n"},
};

static void push(void **state)
{
    (void)state;
    rule_play_cases("R047", push_cases, COUNT_OF(push_cases));
}

#define AS(domain, user)                                                                           \
    " | ntlm.carrier=smb | ntlm.domain=" domain " | ntlm.user=" user                               \
    " | ntlm.authenticate_packet=10"
#define SITE_ACCOUNT "\naccounts: {site-installation: ['CORP\\svc-site']}\n"

static const struct rule_case hold_cases[] = {
    {"an administrative share from a client",
     {"smb 10.1.0.66 > 10.0.0.20:445" TREE("\\\\mp01\\ADMIN$", "0")},
     "high proven 10.1.0.66 > 10.0.0.20:445 @13",
     "mp01.corp.example",
     "violated",
     NULL},
    {"service control and tasks from another site system",
     {"dcerpc 10.0.0.30 > 10.0.0.20:445" BIND(SVCCTL),
      "dcerpc 10.0.0.30 > 10.0.0.20:445" BIND(ATSVC)},
     "high proven 10.0.0.30 > 10.0.0.20:445 @8; high proven 10.0.0.30 > 10.0.0.20:445 @8",
     NULL,
     NULL,
     NULL},
    {"tasks by the interface in use",
     {"dcerpc 10.1.0.66 > 10.0.0.20:49664" BIND(TASKS)},
     "high proven 10.1.0.66 > 10.0.0.20:49664 @8",
     NULL,
     NULL,
     NULL},
    {"near miss: refused",
     {"smb 10.1.0.66 > 10.0.0.20:445" TREE("\\\\mp01\\ADMIN$", "0xc0000022"),
      "dcerpc 10.1.0.66 > 10.0.0.20:445 | dcerpc.message=bind | dcerpc.uuid=" SVCCTL
      " | dcerpc.result=rejected"},
     "",
     "mp01.corp.example",
     "consistent",
     NULL},
    {"near miss: a content share",
     {"smb 10.1.0.66 > 10.0.0.30:445" TREE("\\\\dp01\\SMSPKGD$", "0")},
     "",
     "dp01.corp.example",
     "consistent",
     NULL},
    {"a site server that is refused",
     {"smb 10.0.0.10 > 10.0.0.20:445" TREE("\\\\mp01\\ADMIN$", "0xc0000022")},
     "info derived 10.0.0.10 > 10.0.0.20:445 @13",
     "mp01.corp.example",
     "violated",
     NULL},
    {"a site server as the domain's administrator",
     {"ntlm 10.0.0.10 > 10.0.0.20:445" AS("CORP", "Administrator"),
      "smb 10.0.0.10 > 10.0.0.20:445" TREE("\\\\mp01\\ADMIN$", "0")},
     "medium derived 10.0.0.10 > 10.0.0.20:445 @13",
     NULL,
     NULL,
     NULL},
    {"near miss: as that of the one computer",
     {"ntlm 10.0.0.10 > 10.0.0.20:445" AS("MP01", "Administrator"),
      "smb 10.0.0.10 > 10.0.0.20:445" TREE("\\\\mp01\\ADMIN$", "0")},
     "",
     "mp01.corp.example",
     "consistent",
     NULL},
    {"a child site, with an account that is not declared",
     {"ntlm 10.0.0.10 > 10.0.0.12:445" AS("CORP", "svc-other"),
      "smb 10.0.0.10 > 10.0.0.12:445" TREE("\\\\cm03\\ADMIN$", "0")},
     "medium derived 10.0.0.10 > 10.0.0.12:445 @13",
     NULL,
     NULL,
     SITE_ACCOUNT},
    {"near miss: with the declared one, with the computer's; another connection's account",
     {"ntlm#1 10.0.0.10 > 10.0.0.12:445" AS("CORP", "svc-site"),
      "smb#1 10.0.0.10 > 10.0.0.12:445" TREE("\\\\cm03\\ADMIN$", "0"),
      "ntlm#2 10.0.0.10 > 10.0.0.12:445" AS("CORP", "CM01$"),
      "smb#2 10.0.0.10 > 10.0.0.12:445" TREE("\\\\cm03\\ADMIN$", "0"),
      "ntlm#3 10.0.0.10 > 10.0.0.12:445" AS("CORP", "svc-other"),
      "flow#3 10.0.0.10 > 10.0.0.12:445",
      "smb#3 10.0.0.10 > 10.0.0.12:445" TREE("\\\\cm03\\ADMIN$", "0")},
     "",
     "cm03.corp.example",
     "consistent",
     SITE_ACCOUNT},
    {"near miss: nothing declared, and a system of its own site",
     {"ntlm 10.0.0.10 > 10.0.0.12:445" AS("CORP", "svc-other"),
      "smb 10.0.0.10 > 10.0.0.12:445" TREE("\\\\cm03\\ADMIN$", "0"),
      "ntlm#2 10.0.0.10 > 10.0.0.20:445" AS("CORP", "svc-other"),
      "smb#2 10.0.0.10 > 10.0.0.20:445" TREE("\\\\mp01\\ADMIN$", "0")},
     "",
     "cm03.corp.example",
     "consistent",
     NULL},
    {"near miss: the site server, an administrator",
     {"smb 10.0.0.10 > 10.0.0.20:445" TREE("\\\\mp01\\ADMIN$", "0"),
      "dcerpc 10.9.0.6 > 10.0.0.20:445" BIND(SVCCTL)},
     "",
     "mp01.corp.example",
     "consistent",
     NULL},
    {"near miss: declared backup",
     {"smb 10.0.0.4 > 10.0.0.20:445" TREE("\\\\mp01\\C$", "0")},
     "",
     "mp01.corp.example",
     "consistent",
     "\nmatrix:\n  - allow: {from: fs01.corp.example, to: management-point, over: [smb], reason: "
     "\"backup\"}\n"},
    {"near miss: no site system",
     {"smb 10.1.0.66 > 10.0.0.4:445" TREE("\\\\fs01\\ADMIN$", "0")},
     "",
     NULL,
     NULL,
     NULL},
};

static void hold(void **state)
{
    (void)state;
    rule_play_cases("R064", hold_cases, COUNT_OF(hold_cases));
}

#define PIPE(name, status)                                                                         \
    " | smb.message=pipe | smb.name=" name " | smb.status_code=" status " | smb.request_packet=9"

static const struct rule_case registry_cases[] = {
    {"the pipe, by a client; and what is then bound to",
     {"smb 10.1.0.66 > 10.0.0.20:445" PIPE("winreg", "0"),
      "dcerpc 10.1.0.66 > 10.0.0.20:445" BIND(WINREG)},
     "high proven 10.1.0.66 > 10.0.0.20:445 @9,8",
     "mp01.corp.example",
     "violated",
     NULL},
    {"near miss: another pipe, a refusal, the site server",
     {"smb 10.1.0.66 > 10.0.0.20:445" PIPE("svcctl", "0"),
      "smb 10.1.0.66 > 10.0.0.20:445" PIPE("\\winreg", "0xc0000034"),
      "smb 10.0.0.10 > 10.0.0.20:445" PIPE("\\winreg", "0")},
     "",
     "mp01.corp.example",
     "consistent",
     NULL},
    {"from a client",
     {"dcerpc 10.1.0.66 > 10.0.0.20:445" BIND(WINREG)},
     "high proven 10.1.0.66 > 10.0.0.20:445 @8",
     "mp01.corp.example",
     "violated",
     NULL},
    {"the key that it opens",
     {"dcerpc 10.1.0.66 > 10.0.0.20:445 | dcerpc.message=call | dcerpc.opnum=15 | "
      "dcerpc.uuid=" WINREG " | dcerpc.key=SOFTWARE\\Microsoft\\SMS | dcerpc.request_packet=9",
      "dcerpc 10.1.0.66 > 10.0.0.20:445 | dcerpc.message=call | dcerpc.opnum=2 | "
      "dcerpc.uuid=" WINREG},
     "high proven 10.1.0.66 > 10.0.0.20:445 @9",
     NULL,
     NULL,
     NULL},
    {"from another server",
     {"dcerpc 10.0.0.30 > 10.0.0.20:445" BIND(WINREG)},
     "medium proven 10.0.0.30 > 10.0.0.20:445 @8",
     NULL,
     NULL,
     NULL},
    {"near miss: the site server",
     {"dcerpc 10.0.0.10 > 10.0.0.20:445" BIND(WINREG)},
     "",
     "mp01.corp.example",
     "consistent",
     NULL},
    {"near miss: another service, and refused",
     {"dcerpc 10.1.0.66 > 10.0.0.20:445" BIND(SRVSVC),
      "dcerpc 10.1.0.66 > 10.0.0.20:445 | dcerpc.message=bind | dcerpc.uuid=" WINREG
      " | dcerpc.result=rejected"},
     "",
     "mp01.corp.example",
     "consistent",
     NULL},
    {"nothing seen",
     {"flow 10.1.0.66 > 10.0.0.20:445"},
     "",
     "mp01.corp.example",
     "not_observed",
     NULL},
};

static void registry(void **state)
{
    (void)state;
    rule_play_cases("R065", registry_cases, COUNT_OF(registry_cases));
}

#define LIST " | dcerpc.message=call | dcerpc.uuid=" SRVSVC " | dcerpc.opnum=15"

static const struct rule_case listing_cases[] = {
    {"three site systems",
     {"dcerpc#1 10.1.0.66 > 10.0.0.20:445" LIST " | dcerpc.request_packet=1",
      "dcerpc#2 10.1.0.66 > 10.0.0.30:445" LIST " | dcerpc.request_packet=2",
      "dcerpc#3+300 10.1.0.66 > 10.0.0.31:445" LIST " | dcerpc.request_packet=3"},
     "medium derived 10.1.0.66 > - @1,2,3",
     "hierarchy",
     "violated",
     NULL},
    {"near miss: two of them, again and again",
     {"dcerpc#1 10.1.0.66 > 10.0.0.20:445" LIST " | dcerpc.request_packet=1",
      "dcerpc#2 10.1.0.66 > 10.0.0.30:445" LIST " | dcerpc.request_packet=2",
      "dcerpc#3 10.1.0.66 > 10.0.0.20:445" LIST " | dcerpc.request_packet=3"},
     "",
     "hierarchy",
     "consistent",
     NULL},
    {"near miss: over a longer time",
     {"dcerpc#1 10.1.0.66 > 10.0.0.20:445" LIST " | dcerpc.request_packet=1",
      "dcerpc#2+500 10.1.0.66 > 10.0.0.30:445" LIST " | dcerpc.request_packet=2",
      "dcerpc#3+700 10.1.0.66 > 10.0.0.31:445" LIST " | dcerpc.request_packet=3"},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: a declared scanner",
     {"dcerpc#1 10.9.0.66 > 10.0.0.20:445" LIST, "dcerpc#2 10.9.0.66 > 10.0.0.30:445" LIST,
      "dcerpc#3 10.9.0.66 > 10.0.0.31:445" LIST},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: another operation, other clients, servers that are no site systems",
     {"dcerpc#1 10.1.0.66 > 10.0.0.20:445" CALL(SRVSVC, "16"),
      "dcerpc#2 10.1.0.66 > 10.0.0.30:445" LIST, "dcerpc#3 10.1.0.66 > 10.0.0.31:445" LIST,
      "dcerpc#4 10.1.0.67 > 10.0.0.20:445" LIST, "dcerpc#5 10.1.0.66 > 10.0.0.4:445" LIST},
     "",
     NULL,
     NULL,
     NULL},
};

static void listing(void **state)
{
    (void)state;
    rule_play_cases("R068", listing_cases, COUNT_OF(listing_cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forcing),  cmocka_unit_test(push),    cmocka_unit_test(hold),
        cmocka_unit_test(registry), cmocka_unit_test(listing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
