/*
 * test_rules_topology_roles.c - R006 undeclared site systems, R008 retired roles, R009 links and
 * deliveries.
 */
#include "tests/policy/rule_play.h"
#include "tests/test.h"

#define LOCATION                                                                                   \
    "dns 10.1.0.5 udp> 10.0.0.2:53 | dns.kind=dns | dns.query=_mssms_mp_p01._tcp.corp.example"

static const struct rule_case undeclared_cases[] = {
    {"a management point that nobody declared",
     {"http@7 10.1.0.5 > 10.7.7.7:80 | http.method=CCM_POST | http.uri=/ccm_system/request | "
      "http.status=200 | http.response_packet=8"},
     "high proven 10.1.0.5 > 10.7.7.7:80 @8",
     "hierarchy",
     "violated",
     NULL},
    {"a client's machine that serves content",
     {"http@7 10.1.0.5 > 10.1.0.9:80 | http.method=GET | "
      "http.uri=/SMS_DP_SMSPKG$/P0100001/a.exe | http.status=206 | http.response_packet=8"},
     "medium proven 10.1.0.5 > 10.1.0.9:80 @8",
     NULL,
     NULL,
     NULL},
    {"a strange update service in the intranet",
     {"http@7 10.1.0.5 > 10.7.7.7:8530 | http.method=POST | "
      "http.uri=/ClientWebService/client.asmx | http.status=200 | http.response_packet=8"},
     "medium proven 10.1.0.5 > 10.7.7.7:8530 @8",
     NULL,
     NULL,
     NULL},
    {"near miss: the vendor's own on the internet",
     {"http@7 10.1.0.5 > 203.0.113.7:80 | http.method=POST | "
      "http.uri=/ClientWebService/client.asmx | http.status=200 | http.response_packet=8"},
     "",
     "hierarchy",
     "not_observed",
     NULL},
    {"near miss: a scanner asks and is refused",
     {"http@7 10.7.7.8 > 10.7.7.7:80 | http.method=GET | http.uri=/SMS_MP/.sms_aut?MPLIST | "
      "http.status=404 | http.response_packet=8",
      "http@9 10.7.7.8 > 10.7.7.7:80 | http.method=GET | "
      "http.uri=/ccm_system_windowsauth/request | http.status=401 | http.response_packet=10",
      "http@11 10.7.7.8 > 10.7.7.7:80 | http.method=GET | http.uri=/SMS_MP/.sms_aut?MPCERT"},
     "",
     "hierarchy",
     "not_observed",
     NULL},
    {"near miss: a server with a page for every path",
     {"http@7 10.7.7.8 > 10.7.7.7:80 | http.method=GET | http.uri=/SMS_MP/.sms_aut?MPLIST | "
      "http.status=200 | http.content_type=text/html; charset=utf-8 | http.response_packet=8"},
     "",
     "hierarchy",
     "not_assessable",
     NULL},
    {"near miss: reports are everybody's",
     {"http@7 10.1.0.5 > 10.7.7.7:80 | http.method=GET | http.uri=/Reports/sales | "
      "http.status=200 | http.response_packet=8"},
     "",
     "hierarchy",
     "not_observed",
     NULL},
    {"near miss: a forward proxy",
     {"http@7 10.1.0.5 > 10.7.7.7:3128 | http.method=GET | http.proxy=true | "
      "http.uri=http://mp01.corp.example/SMS_MP/.sms_aut?MPLIST | http.status=200 | "
      "http.response_packet=8"},
     "",
     "hierarchy",
     "not_observed",
     NULL},
    {"near miss: a declared one",
     {"http@7 10.1.0.5 > 10.0.0.20:80 | http.method=GET | http.uri=/SMS_MP/.sms_aut?MPLIST | "
      "http.status=200 | http.response_packet=8"},
     "",
     "hierarchy",
     "consistent",
     NULL},
    {"a site's share, a distribution point's, the site database",
     {"smb@7 10.0.0.10 > 10.7.7.7:445 | smb.message=tree_connect | smb.path=\\\\cm7\\SMS_P07 | "
      "smb.status_code=0 | smb.response_packet=8",
      "smb@9 10.0.0.10 > 10.7.7.8:445 | smb.message=tree_connect | "
      "smb.path=\\\\dp7\\SCCMContentLib$ | smb.status_code=0 | smb.response_packet=10",
      "sql@11 10.0.0.20 > 10.7.7.9:1433 | sql.message=login | sql.database=CM_P07 | "
      "sql.result=success | sql.response_packet=12"},
     "medium proven 10.0.0.10 > 10.7.7.7:445 @8; medium proven 10.0.0.10 > 10.7.7.8:445 @10; "
     "medium proven 10.0.0.20 > 10.7.7.9:1433 @12",
     NULL,
     NULL,
     NULL},
    {"near miss: refused, other names, declared",
     {"smb@7 10.0.0.10 > 10.7.7.7:445 | smb.message=tree_connect | smb.path=\\\\cm7\\SMS_P07 | "
      "smb.status_code=0xc0000022 | smb.response_packet=8",
      "smb@9 10.0.0.10 > 10.7.7.7:445 | smb.message=tree_connect | smb.path=\\\\cm7\\SMS_OLDX | "
      "smb.status_code=0 | smb.response_packet=10",
      "smb@11 10.0.0.20 > 10.0.0.10:445 | smb.message=tree_connect | "
      "smb.path=\\\\cm01\\SMS_P01 | smb.status_code=0 | smb.response_packet=12",
      "sql@13 10.0.0.20 > 10.7.7.9:1433 | sql.message=login | sql.database=CM_P07 | "
      "sql.result=failure | sql.response_packet=14"},
     "",
     "hierarchy",
     "consistent",
     NULL},
    {"DNS names a host that is no management point, by address and without",
     {LOCATION " | dns.answers=0 0 443 mp99.corp.example | "
               "dns.addresses=mp99.corp.example 10.7.7.7 | dns.response_packet=3",
      LOCATION " | dns.answers=0 0 443 mp98.corp.example | dns.response_packet=5"},
     "high proven 10.1.0.5 > - @5; high proven 10.1.0.5 > 10.7.7.7:0 @3",
     NULL,
     NULL,
     NULL},
    {"near miss: DNS names a declared one",
     {LOCATION " | dns.answers=0 0 443 mp01.corp.example | dns.response_packet=3"},
     "",
     "hierarchy",
     "consistent",
     NULL},
    {"a strange PXE service of a site",
     {"dhcp@5 10.1.0.5:68 udp> 10.7.7.7:4011 | dhcp.proxy=true | dhcp.message=ACK | "
      "dhcp.relay=10.1.0.1 | dhcp.server_id=10.7.7.7 | dhcp.options=60 | dhcp.options=243"},
     "high proven - > 10.7.7.7:0 @5",
     NULL,
     NULL,
     NULL},
    {"near miss: another PXE service, a declared one, and a question",
     {"dhcp@5 10.1.0.5:68 udp> 10.7.7.7:4011 | dhcp.proxy=true | dhcp.message=ACK | "
      "dhcp.relay=10.1.0.1 | dhcp.server_id=10.7.7.7 | dhcp.options=60",
      "dhcp@6 10.1.0.5:68 udp> 10.0.0.30:4011 | dhcp.proxy=true | dhcp.message=ACK | "
      "dhcp.relay=10.1.0.1 | dhcp.server_id=10.0.0.30 | dhcp.options=243",
      "dhcp@7 10.1.0.5:68 udp> 10.7.7.7:4011 | dhcp.proxy=true | dhcp.message=REQUEST | "
      "dhcp.options=243"},
     "",
     "hierarchy",
     "consistent",
     NULL},
};

static void undeclared(void **state)
{
    (void)state;
    rule_play_cases("R006", undeclared_cases, COUNT_OF(undeclared_cases));
}

/* ---- R008 ---- */

#define OLD_HOSTS                                                                                  \
    "  old01.corp.example: {addresses: [10.0.0.90], forest: corp, site: P01, roles: "              \
    "[application-catalog-website]}\n"                                                             \
    "  old02.corp.example: {addresses: [10.0.0.91], forest: corp, site: P01, roles: "              \
    "[asset-intelligence-point]}\n"                                                                \
    "  old03.corp.example: {addresses: [10.0.0.92], forest: corp, site: P01, roles: "              \
    "[management-point, enrollment-point]}\n"                                                      \
    "  old04.corp.example: {addresses: [10.0.0.93], forest: corp, roles: [policy-module]}\n"
#define OLD                                                                                        \
    "forests: {corp: {domains: [corp.example]}}\nsites: {P01: {type: primary}}\n"                  \
    "clients: {hq: {networks: [10.1.0.0/16], forest: corp}}\nhosts:\n"                             \
    "  db01.corp.example: {addresses: [10.0.0.13], forest: corp, site: P01, roles: "               \
    "[site-database]}\n" OLD_HOSTS

static const struct rule_case retired_cases[] = {
    {"the catalogue is used by TLS",
     {"flow 10.1.0.5 > 10.0.0.90:443 | flow.protocol=tls"},
     "low derived 10.1.0.5 > 10.0.0.90:443 @1",
     "old01.corp.example application-catalog-website",
     "violated",
     OLD},
    {"by a request in clear",
     {"http 10.1.0.5 > 10.0.0.90:80 | http.method=GET | http.uri=/CMApplicationCatalog/ | "
      "http.status=200 | http.request_packet=4"},
     "low proven 10.1.0.5 > 10.0.0.90:80 @4",
     NULL,
     NULL,
     OLD},
    {"asset intelligence asks the database",
     {"flow 10.0.0.91 > 10.0.0.13:1433 | flow.protocol=tds"},
     "low derived 10.0.0.91 > 10.0.0.13:1433 @1",
     NULL,
     NULL,
     OLD},
    {"NDES where its policy module is declared",
     {"http 10.1.0.5 > 10.0.0.93:80 | http.method=GET | http.uri=/certsrv/mscep/mscep.dll | "
      "http.status=200 | http.request_packet=4"},
     "low proven 10.1.0.5 > 10.0.0.93:80 @4",
     NULL,
     NULL,
     OLD},
    {"near miss: NDES of another",
     {"http 10.1.0.5 > 10.0.0.92:80 | http.method=GET | http.uri=/certsrv/mscep/mscep.dll | "
      "http.status=200 | http.request_packet=4"},
     "",
     NULL,
     NULL,
     OLD},
    {"near miss: the host has other roles, too",
     {"flow 10.1.0.5 > 10.0.0.92:443 | flow.protocol=tls"},
     "",
     "old03.corp.example enrollment-point",
     "not_assessable",
     OLD},
    {"near miss: its management, an attempt, a refusal",
     {"flow 10.1.0.5 > 10.0.0.90:445 | flow.protocol=smb",
      "flow 10.1.0.5 !> 10.0.0.90:443 | flow.protocol=tls | flow.identified_by=port",
      "http 10.1.0.5 > 10.0.0.90:80 | http.method=GET | http.uri=/CMApplicationCatalog/ | "
      "http.status=404 | http.request_packet=4"},
     "",
     "old01.corp.example application-catalog-website",
     "not_observed",
     OLD},
    {"near miss: judged by the article",
     {"flow 10.1.0.5 > 10.0.0.90:443 | flow.protocol=tls"},
     "",
     "old01.corp.example application-catalog-website",
     "consistent",
     "profile: article\n" OLD},
};

static void retired(void **state)
{
    (void)state;
    rule_play_cases("R008", retired_cases, COUNT_OF(retired_cases));
}

/* ---- R009 ---- */

#define SITE                                                                                       \
    "forests: {corp: {domains: [corp.example]}}\nsites: {P01: {type: primary}}\nhosts:\n"          \
    "  cm01.corp.example: {addresses: [10.0.0.10], forest: corp, site: P01, roles: "               \
    "[site-server]}\n"                                                                             \
    "  mp01.corp.example: {addresses: [10.0.0.20], forest: corp, site: P01, roles: "               \
    "[management-point]}\n"
#define DP(options)                                                                                \
    SITE "  dp01.corp.example: {addresses: [10.0.0.30], forest: corp, site: P01, roles: "          \
         "[{distribution-point: {" options "}}]}\n"
#define SLOW "flow 10.0.0.10 > 10.0.0.20:445 | flow.protocol=smb | flow.rtt_us=80000"
#define QUICK "flow 10.0.0.10 > 10.0.0.20:445 | flow.protocol=smb | flow.rtt_us=300"
#define SENT(octets, from, to)                                                                     \
    "flow+" to " 10.0.0.10 > 10.0.0.30:445 | flow.protocol=smb | flow.bytes.client=" octets        \
    " | flow.start=" from

static const struct rule_case link_cases[] = {
    {"a management point over a slow line",
     {SLOW, SLOW, SLOW, SLOW, SLOW},
     "info derived 10.0.0.10 > 10.0.0.20:0 @9",
     "mp01.corp.example",
     "violated",
     SITE},
    {"near miss: some are slow",
     {SLOW, QUICK, QUICK, SLOW, QUICK},
     "",
     "mp01.corp.example",
     "consistent",
     SITE},
    {"near miss: too few", {SLOW, SLOW, SLOW, SLOW}, "", "mp01.corp.example", "not_observed", SITE},
    {"near miss: the policy says that it is so",
     {SLOW, SLOW, SLOW, SLOW, SLOW},
     "",
     "mp01.corp.example",
     "consistent",
     "links: {max-rtt-ms: 100}\n" SITE},
    {"packets are lost",
     {"flow 10.0.0.10 > 10.0.0.20:445 | flow.packets.client=100 | flow.packets.server=100 | "
      "flow.retransmissions.client=5"},
     "info inferred 10.0.0.10 > 10.0.0.20:0 @1",
     NULL,
     NULL,
     "links: {max-loss-percent: 2}\n" SITE},
    {"near miss: less than declared, seen from within the site",
     {"flow 10.0.0.10 > 10.0.0.20:445 | flow.packets.client=100 | flow.packets.server=100 | "
      "flow.retransmissions.client=3"},
     "",
     "mp01.corp.example",
     "consistent",
     "links: {max-loss-percent: 2}\nsensor: {site: P01}\n" SITE},
    {"near miss: the same from elsewhere proves nothing",
     {"flow 10.0.0.10 > 10.0.0.20:445 | flow.packets.client=100 | flow.packets.server=100 | "
      "flow.retransmissions.client=3"},
     "",
     "mp01.corp.example",
     "not_assessable",
     "links: {max-loss-percent: 2}\n" SITE},
    {"content outside the schedule",
     {SENT("900000", "28800", "28860"), SENT("900000", "28900", "28960")},
     "info derived 10.0.0.10 > 10.0.0.30:0 @3",
     "dp01.corp.example distribution-point",
     "violated",
     DP("bandwidth: {limit-mbit: 10, between: \"20:00-06:00\"}")},
    {"outside a schedule by day",
     {SENT("9000000", "72000", "72060")},
     "info derived 10.0.0.10 > 10.0.0.30:0 @1",
     NULL,
     NULL,
     DP("bandwidth: {limit-mbit: 10, between: \"08:00-18:00\"}")},
    {"near miss: within it, and reaching into it",
     {SENT("9000000", "75600", "79200"), SENT("9000000", "3600", "7200"),
      SENT("9000000", "68400", "72060")},
     "",
     "dp01.corp.example distribution-point",
     "consistent",
     DP("bandwidth: {limit-mbit: 1000, between: \"20:00-06:00\"}")},
    {"near miss: no more than management needs, in any hour",
     {SENT("900000", "28800", "28860"), SENT("900000", "32500", "32560")},
     "",
     "dp01.corp.example distribution-point",
     "consistent",
     DP("bandwidth: {limit-mbit: 10, between: \"20:00-06:00\"}")},
    {"near miss: urgent content may go at any time",
     {SENT("9000000", "28800", "28860")},
     "",
     "dp01.corp.example distribution-point",
     "consistent", /* the limit was kept */
     DP("bandwidth: {limit-mbit: 10, between: \"20:00-06:00\", urgent-at-any-time: true}")},
    {"above the limit: 450 MB an hour are 1 Mbit/s",
     {SENT("300000000", "0", "600"), SENT("300000000", "1200", "1800")},
     "info derived 10.0.0.10 > 10.0.0.30:0 @3",
     NULL,
     NULL,
     DP("bandwidth: {limit-mbit: 1}")},
    {"near miss: spread over two hours",
     {SENT("600000000", "0", "7200")},
     "",
     "dp01.corp.example distribution-point",
     "consistent",
     DP("bandwidth: {limit-mbit: 1}")},
    {"content for a prestaged one",
     {SENT("3000000", "0", "60"), SENT("3000000", "40000", "40060")},
     "info derived 10.0.0.10 > 10.0.0.30:0 @3",
     NULL,
     NULL,
     "links: {prestaged-max-mb: 5}\n" DP("prestaged: true")},
    {"near miss: on two days",
     {SENT("3000000", "0", "60"), SENT("3000000", "90000", "90060")},
     "",
     "dp01.corp.example distribution-point",
     "consistent",
     "links: {prestaged-max-mb: 5}\n" DP("prestaged: true")},
    {"near miss: nothing declared",
     {SENT("9000000000", "0", "60")},
     "",
     "dp01.corp.example distribution-point",
     "not_assessable",
     DP("anonymous: false")},
};

static void links(void **state)
{
    (void)state;
    rule_play_cases("R009", link_cases, COUNT_OF(link_cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(undeclared),
        cmocka_unit_test(retired),
        cmocka_unit_test(links),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
