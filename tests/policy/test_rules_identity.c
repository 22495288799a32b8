/*
 * test_rules_identity.c - R114: requests to a management point that no client makes.
 */
#include "tests/policy/rule_play.h"
#include "tests/test.h"

#define POST                                                                                       \
    " > 10.0.0.20:80 | http.method=CCM_POST | http.uri=/ccm_system/request | "                     \
    "http.request_packet=5"
#define REGISTERS " | http.ccm.target_endpoint=MP_ClientRegistration"
#define FROM(guid) " | http.ccm.source_id=GUID:" guid

#define AGENT " | http.user_agent=SMS CCM 5.0"
#define SECRETS                                                                                    \
    " > 10.0.0.20:80 | http.method=GET | http.uri=/SMS_MP/.sms_pol?{1}.1_00 | http.status=200 | "  \
    "http.ccm.client_token=true | http.request_packet=6"
#define DISCOVERS " | http.ccm.target_endpoint=MP_DdrEndpoint"
#define WINDOWS                                                                                    \
    " > 10.0.0.20:80 | http.method=CCM_POST | http.uri=/ccm_system_windowsauth/request | "         \
    "http.status=401 | http.request_packet=7"
#define LOGON(user)                                                                                \
    " | ntlm.carrier=http | ntlm.variant=v2 | ntlm.domain=CORP | ntlm.user=" user                  \
    " | ntlm.authenticate_packet=9"
#define LEASE " | dhcp.message=REQUEST | dhcp.client_ip=10.1.0.5 | dhcp.host_name=PC7"

static const struct rule_case cases[] = {
    {"a registration from nowhere",
     {"http 10.7.7.7" POST REGISTERS},
     "high proven 10.7.7.7 > 10.0.0.20:80 @5",
     "mp01.corp.example",
     "violated",
     NULL},
    {"a tool's message ID",
     {"http 10.1.0.5" POST " | http.ccm.message_id={5dd100cd-df1d-45f5-ba17-a327f43465f8}"},
     "high derived 10.1.0.5 > 10.0.0.20:80 @5",
     NULL,
     NULL,
     NULL},
    {"a script",
     {"http 10.1.0.5" POST " | http.user_agent=python-requests/2.31.0"},
     "high proven 10.1.0.5 > 10.0.0.20:80 @5",
     NULL,
     NULL,
     NULL},
    {"the key of media, from nowhere",
     {"http 10.7.7.7 > 10.0.0.20:80 | http.method=GET | "
      "http.uri=/SMS_MP/.sms_aut?MPKEYINFORMATIONMEDIA | http.request_packet=5"},
     "high proven 10.7.7.7 > 10.0.0.20:80 @5",
     NULL,
     NULL,
     NULL},
    {"three identities",
     {"http 10.1.0.5" POST FROM("A"), "http 10.1.0.5" POST FROM("B"),
      "http 10.1.0.5" POST FROM("C")},
     "medium derived 10.1.0.5 > 10.0.0.20:80 @5",
     NULL,
     NULL,
     NULL},
    {"near miss: a client registers and reports",
     {"http 10.1.0.5" POST REGISTERS FROM("A"), "http 10.1.0.5" POST FROM("A"),
      "http 10.1.0.5" POST FROM("B"), "http+700 10.1.0.5" POST FROM("C")},
     "",
     "mp01.corp.example",
     "consistent",
     NULL},
    {"near miss: a script elsewhere",
     {"http 10.1.0.5 > 10.0.0.20:80 | http.method=GET | http.uri=/status | "
      "http.user_agent=python-requests/2.31.0",
      "http 10.7.7.7 > 10.0.0.30:80 | http.method=CCM_POST" REGISTERS},
     "",
     "mp01.corp.example",
     "not_observed",
     NULL},
    {"a tool's version, in its registration",
     {"http 10.1.0.5" POST REGISTERS " | http.ccm.version=5.00.8325.0000"},
     "high derived 10.1.0.5 > 10.0.0.20:80 @5",
     NULL,
     NULL,
     NULL},
    {"near miss: that version in a hierarchy of 2016, and another version",
     {"http 10.1.0.5" POST REGISTERS " | http.ccm.version=5.00.8325.0000",
      "http 10.1.0.6" POST REGISTERS " | http.ccm.version=5.00.9132.1000"},
     "",
     "mp01.corp.example",
     "consistent",
     "\nprofile: article\n"},
    {"a registration, then policies with secrets, by another program than the client's",
     {"http 10.1.0.5" POST REGISTERS, "http+300 10.1.0.5" SECRETS " | http.user_agent=curl/8"},
     "high derived 10.1.0.5 > 10.0.0.20:80 @6,5",
     "mp01.corp.example",
     "violated",
     NULL},
    {"the same from nowhere, by the client's",
     {"http 10.7.7.7" POST REGISTERS AGENT, "http+300 10.7.7.7" SECRETS AGENT},
     "high derived 10.7.7.7 > 10.0.0.20:80 @6,5; high proven 10.7.7.7 > 10.0.0.20:80 @5",
     NULL,
     NULL,
     NULL},
    {"near miss: a client that was just installed",
     {"http 10.1.0.5" POST REGISTERS AGENT, "http+60 10.1.0.5" SECRETS AGENT},
     "",
     "mp01.corp.example",
     "consistent",
     NULL},
    {"near miss: too late, refused, or without a token",
     {"http 10.1.0.5" POST REGISTERS, "http+601 10.1.0.5" SECRETS " | http.user_agent=curl/8",
      "http 10.1.0.6" POST REGISTERS,
      "http 10.1.0.6 > 10.0.0.20:80 | http.method=GET | http.uri=/SMS_MP/.sms_pol?x | "
      "http.status=403 | http.ccm.client_token=true",
      "http 10.1.0.6 > 10.0.0.20:80 | http.method=GET | http.uri=/SMS_MP/.sms_pol?x | "
      "http.status=200"},
     "",
     "mp01.corp.example",
     "consistent",
     NULL},
    {"a discovery record of a declared host",
     {"http 10.1.0.5" POST DISCOVERS " | http.ccm.computer=CM01"},
     "high derived 10.1.0.5 > 10.0.0.20:80 @5",
     "mp01.corp.example",
     "violated",
     NULL},
    {"a discovery record of another name than that which the sender proved",
     {"dhcp 10.1.0.5:68 udp> 10.0.0.2:67" LEASE,
      "http 10.1.0.5" POST DISCOVERS " | http.ccm.source_host=PC8"},
     "high derived 10.1.0.5 > 10.0.0.20:80 @5",
     NULL,
     NULL,
     NULL},
    {"near miss: discovery records of the sender itself, and of one that nothing is known of",
     {"dhcp 10.1.0.5:68 udp> 10.0.0.2:67" LEASE,
      "http 10.1.0.5" POST DISCOVERS " | http.ccm.computer=PC7",
      "http 10.1.0.6" POST DISCOVERS " | http.ccm.computer=PC9",
      "http 10.0.0.10" POST DISCOVERS " | http.ccm.computer=CM01",
      "http 10.1.0.5" POST " | http.ccm.target_endpoint=MP_HinvEndpoint | http.ccm.computer=CM01"},
     "",
     "mp01.corp.example",
     "consistent",
     NULL},
    {"a discovery record with the addresses of others, declared ones among them",
     {"http 10.1.0.5" POST DISCOVERS " | http.ccm.computer=PC9 | http.ccm.addresses=fe80::1 | "
      "http.ccm.addresses=10.0.0.10"},
     "high derived 10.1.0.5 > 10.0.0.20:80 @5",
     NULL,
     NULL,
     NULL},
    {"near miss: with the sender's among them, with addresses that nobody declared, of a host that "
     "has several",
     {"http 10.1.0.5" POST DISCOVERS " | http.ccm.computer=PC9 | http.ccm.addresses=10.0.0.10 | "
      "http.ccm.addresses=10.1.0.5",
      "http 10.1.0.5" POST DISCOVERS " | http.ccm.addresses=192.168.77.5",
      "http 10.1.0.5" POST DISCOVERS " | http.ccm.addresses=no address"},
     "",
     "mp01.corp.example",
     "consistent",
     NULL},
    {"near miss: a discovery record through address translation",
     {"http 10.1.0.5" POST DISCOVERS " | http.ccm.computer=CM01"},
     "",
     "mp01.corp.example",
     "consistent",
     "\naddress-translation: {networks: [10.1.0.5/32]}\n"},
    {"another computer's account",
     {"dhcp 10.1.0.5:68 udp> 10.0.0.2:67" LEASE, "http#7 10.1.0.5" WINDOWS,
      "ntlm#7 10.1.0.5 > 10.0.0.20:80" LOGON("PC8$")},
     "high derived 10.1.0.5 > 10.0.0.20:80 @9",
     "mp01.corp.example",
     "violated",
     NULL},
    {"near miss: its own account, a user's, a declared host's, on another path, with no known name",
     {"dhcp 10.1.0.5:68 udp> 10.0.0.2:67" LEASE, "http#7 10.1.0.5" WINDOWS,
      "ntlm#7 10.1.0.5 > 10.0.0.20:80" LOGON("PC7$"), "ntlm#7 10.1.0.5 > 10.0.0.20:80" LOGON("x"),
      "ntlm#7 10.1.0.5 > 10.0.0.20:80" LOGON("CM01$"),
      "ntlm#8 10.1.0.5 > 10.0.0.20:80" LOGON("PC8$"), "http#9 10.1.0.6" WINDOWS,
      "ntlm#9 10.1.0.6 > 10.0.0.20:80" LOGON("PC8$")},
     "",
     "mp01.corp.example",
     "consistent",
     NULL},
    {"near miss: three identities behind address translation",
     {"http 10.1.0.5" POST FROM("A"), "http 10.1.0.5" POST FROM("B"),
      "http 10.1.0.5" POST FROM("C")},
     "",
     "mp01.corp.example",
     "consistent",
     "\naddress-translation: {networks: [10.1.0.0/24]}\n"},
    {"encrypted",
     {"tls 10.1.0.5 > 10.0.0.20:443 | tls.established=true"},
     "",
     "mp01.corp.example",
     "not_assessable",
     NULL},
};

static void identity(void **state)
{
    (void)state;
    rule_play_cases("R114", cases, COUNT_OF(cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
