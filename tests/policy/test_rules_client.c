/*
 * test_rules_client.c - R010 plain HTTP, R011 downgrade, R013 cloud services, R050 passwords in
 * headers.
 */
#include "tests/policy/rule_play.h"
#include "tests/test.h"

#define GET(path)                                                                                  \
    " | http.method=GET | http.uri=" path                                                          \
    " | http.status=200 | http.request_packet=4 | http.response_packet=6"
#define HELLO " | tls.client_hello_packet=3"

#define LOCATED(port)                                                                              \
    " | dns.query=_mssms_mp_p01._tcp.corp.example | dns.qtype=SRV | "                              \
    "dns.answers=0 0 " port " mp01.corp.example | dns.response_packet=6"

static const struct rule_case plain_http_cases[] = {
    {"a management point that is HTTPS only",
     {"http 10.1.0.5 > 10.0.0.20:80" GET("/SMS_MP/.sms_aut?MPLIST")},
     "high proven 10.1.0.5 > 10.0.0.20:80 @4,6",
     "mp01.corp.example management-point",
     "violated",
     NULL},
    {"twice: one finding",
     {"http 10.1.0.5 > 10.0.0.20:80" GET("/SMS_MP/a"),
      "http#2 10.1.0.5 > 10.0.0.20:80 | http.method=GET | "
      "http.uri=/ccm_system/request | http.request_packet=9"},
     "high proven 10.1.0.5 > 10.0.0.20:80 @4,6,9",
     NULL,
     NULL,
     NULL},
    {"the absolute form names the role as well",
     {"http 10.1.0.5 > 10.0.0.20:80" GET("http://mp01/SMS_MP/a")},
     "high proven 10.1.0.5 > 10.0.0.20:80 @4,6",
     NULL,
     NULL,
     NULL},
    {"a path that names no role",
     {"http 10.1.0.5 > 10.0.0.30:80" GET("/")},
     "high proven 10.1.0.5 > 10.0.0.30:80 @4,6",
     "dp01.corp.example distribution-point",
     "violated",
     NULL},
    {"answered by a redirection to HTTPS",
     {"http 10.1.0.5 > 10.0.0.20:80 | http.method=GET | http.uri=/SMS_MP/a | http.status=302 | "
      "http.location=https://mp01/SMS_MP/a | http.request_packet=4 | http.response_packet=6"},
     "medium proven 10.1.0.5 > 10.0.0.20:80 @4,6",
     NULL,
     NULL,
     NULL},
    {"enhanced HTTP does not cover this",
     {"http 10.1.0.5 > 10.0.0.21:80" GET("/SMS_MP/.sms_aut?MPLIST")},
     "medium proven 10.1.0.5 > 10.0.0.21:80 @4,6",
     "mp02.corp.example management-point",
     "violated",
     NULL},
    {"near miss: content under enhanced HTTP",
     {"http 10.1.0.5 > 10.0.0.31:80" GET("/SMS_DP_SMSPKG$/P0100001")},
     "",
     "dp02.corp.example distribution-point",
     "consistent",
     NULL},
    {"near miss: state migration under enhanced HTTP",
     {"http 10.1.0.5 > 10.0.0.42:80" GET("/SMSSMP/x")},
     "",
     "smp02.corp.example state-migration-point",
     "consistent",
     NULL},
    {"near miss: the fallback status point",
     {"http 10.1.0.5 > 10.0.0.41:80" GET("/SMS_FSP/.sms_fsp")},
     "",
     "fsp01.corp.example fallback-status-point",
     "none",
     NULL},
    {"near miss: remote management of the same server is no business of its roles",
     {"http 10.1.0.5 > 10.0.0.20:5985" GET("/wsman?PSVersion=5.1")},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: a role that allows both",
     {"http 10.1.0.5 > 10.0.0.23:80" GET("/SMS_MP/a")},
     "",
     "mp04.corp.example management-point",
     "consistent",
     NULL},
    {"near miss: revocation lists and certificates",
     {"http 10.1.0.5 > 10.0.0.20:80" GET("/pki/root.crl"),
      "http#2 10.1.0.5 > 10.0.0.20:80" GET("/pki/root.crt?x=1")},
     "",
     "mp01.corp.example management-point",
     "not_observed",
     NULL},
    {"near miss: update payload",
     {"http 10.1.0.5 > 10.0.0.20:80" GET("/Content/ab/x.cab")},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: HTTPS",
     {"tls 10.1.0.5 > 10.0.0.20:443" HELLO " | tls.established=true"},
     "",
     "mp01.corp.example management-point",
     "consistent",
     NULL},
    {"near miss: CONNECT and proxies",
     {"http 10.1.0.5 > 10.0.0.20:80 | http.method=CONNECT | http.uri=x:443",
      "http 10.1.0.5 > 10.0.0.20:80" GET("http://x/y") " | http.proxy=true"},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: no web role",
     {"http 10.1.0.5 > 10.0.0.13:80" GET("/SMS_MP/a")},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: the cloud gateway is another rule's",
     {"http 10.1.0.5 > 203.0.113.80:80" GET("/CCM_Proxy_ServerAuth/x")},
     "",
     "cmg01.cloud.example cloud-management-gateway",
     "none",
     NULL},
    {"near miss: an undeclared server",
     {"http 10.1.0.5 > 10.7.7.7:80" GET("/SMS_MP/a")},
     "",
     "mp01.corp.example management-point",
     "not_observed",
     NULL},
    {"DNS sends clients to plain HTTP",
     {"dns 10.1.0.5 udp> 10.0.0.2:53" LOCATED("80")},
     "medium proven - > 10.0.0.20:80 @6",
     "mp01.corp.example management-point",
     "violated",
     NULL},
    {"near miss: to HTTPS",
     {"dns 10.1.0.5 udp> 10.0.0.2:53" LOCATED("443")},
     "",
     "mp01.corp.example management-point",
     "consistent",
     NULL},
    {"near miss: for another service, and to one that takes both",
     {"dns 10.1.0.5 udp> 10.0.0.2:53 | dns.query=_http._tcp.corp.example | dns.qtype=SRV | "
      "dns.answers=0 0 80 mp01.corp.example | dns.response_packet=6",
      "dns 10.1.0.5 udp> 10.0.0.2:53 | dns.query=_mssms_mp_p01._tcp.corp.example | dns.qtype=SRV | "
      "dns.answers=0 0 80 mp04.corp.example | dns.response_packet=6"},
     "",
     NULL,
     NULL,
     NULL},
    {"the policy does not say",
     {"http 10.1.0.5 > 10.0.0.20:80" GET("/SMS_MP/a")},
     "",
     "mp.corp.example management-point",
     "not_assessable",
     "forests: {corp: {domains: [corp.example]}}\n"
     "sites: {P01: {type: primary}}\n"
     "hosts: {mp.corp.example: {addresses: [10.0.0.20], forest: corp, site: P01, roles: "
     "[management-point]}}\n"},
};

static void plain_http(void **state)
{
    (void)state;
    rule_play_cases("R010", plain_http_cases, COUNT_OF(plain_http_cases));
}

static const struct rule_case downgrade_cases[] = {
    {"an alert, then HTTP",
     {"tls@7 10.1.0.5 > 10.0.0.20:443" HELLO
      " | tls.established=false | tls.alert=handshake_failure | tls.alert_from=server | "
      "tls.alert_packet=5",
      "http#2@12+60 10.1.0.5 > 10.0.0.20:80 | http.method=GET | http.uri=/SMS_MP/a | "
      "http.request_packet=12"},
     "high derived 10.1.0.5 > 10.0.0.20:80 @3,5,12",
     "mp01.corp.example",
     "violated",
     NULL},
    {"no answer, then HTTP",
     {"tls@7 10.1.0.5 > 10.0.0.20:443" HELLO " | tls.established=false",
      "http#2@12 10.1.0.5 > 10.0.0.20:80 | http.method=GET | http.uri=/SMS_MP/a | "
      "http.request_packet=12"},
     "high derived 10.1.0.5 > 10.0.0.20:80 @3,12",
     NULL,
     NULL,
     NULL},
    {"near miss: later than ten minutes",
     {"tls@7 10.1.0.5 > 10.0.0.20:443" HELLO " | tls.established=false",
      "http#2@12+601 10.1.0.5 > 10.0.0.20:80 | http.method=GET | http.uri=/SMS_MP/a | "
      "http.request_packet=12"},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: the retry succeeded",
     {"tls@7 10.1.0.5 > 10.0.0.20:443" HELLO " | tls.established=false",
      "tls#2@9 10.1.0.5 > 10.0.0.20:443 | tls.client_hello_packet=8 | tls.established=true",
      "http#3@12 10.1.0.5 > 10.0.0.20:80 | http.method=GET | http.uri=/SMS_MP/a | "
      "http.request_packet=12"},
     "",
     "mp01.corp.example",
     "consistent",
     NULL},
    {"near miss: another client",
     {"tls@7 10.1.0.5 > 10.0.0.20:443" HELLO " | tls.established=false",
      "http#2@12 10.1.0.6 > 10.0.0.20:80 | http.method=GET | http.uri=/SMS_MP/a | "
      "http.request_packet=12"},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: another server",
     {"tls@7 10.1.0.5 > 10.0.0.20:443" HELLO " | tls.established=false",
      "http#2@12 10.1.0.5 > 10.0.0.21:80 | http.method=GET | http.uri=/SMS_MP/a | "
      "http.request_packet=12"},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: fetching the revocation list it misses",
     {"tls@7 10.1.0.5 > 10.0.0.20:443" HELLO " | tls.established=false",
      "http#2@12 10.1.0.5 > 10.0.0.20:80 | http.method=GET | http.uri=/pki/root.crl | "
      "http.request_packet=12"},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: HTTP first",
     {"http#2@2 10.1.0.5 > 10.0.0.20:80 | http.method=GET | http.uri=/SMS_MP/a | "
      "http.request_packet=2",
      "tls@7 10.1.0.5 > 10.0.0.20:443" HELLO " | tls.established=false"},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: no handshake at all",
     {"http 10.1.0.5 > 10.0.0.20:80" GET("/SMS_MP/a")},
     "",
     "mp01.corp.example",
     "not_observed",
     NULL},
};

static void downgrade(void **state)
{
    (void)state;
    rule_play_cases("R011", downgrade_cases, COUNT_OF(downgrade_cases));
}

static const struct rule_case cloud_cases[] = {
    {"a request to the gateway",
     {"http 198.51.100.5 > 203.0.113.80:80" GET("/CCM_Proxy_ServerAuth/x")},
     "critical proven 198.51.100.5 > 203.0.113.80:80 @4",
     "cmg01.cloud.example",
     "violated",
     NULL},
    {"told by its name",
     {"http 10.1.0.5 > 203.0.113.99:80" GET("/x") " | http.host=cmg01.cloud.example:80"},
     "critical proven 10.1.0.5 > 203.0.113.99:80 @4",
     NULL,
     NULL,
     NULL},
    {"near miss: TLS",
     {"tls 198.51.100.5 > 203.0.113.80:443" HELLO " | tls.established=true"},
     "",
     "cmg01.cloud.example",
     "consistent",
     NULL},
    {"near miss: CONNECT through a proxy",
     {"http 10.1.0.5 > 192.0.2.5:8080 | http.method=CONNECT | http.uri=cmg01.cloud.example:443 "
      "| "
      "http.host=cmg01.cloud.example:443"},
     "",
     "cmg01.cloud.example",
     "not_observed",
     NULL},
    {"near miss: another name",
     {"http 10.1.0.5 > 203.0.113.99:80" GET("/x") " | http.host=portal.example"},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: a revocation list",
     {"http 10.1.0.5 > 203.0.113.80:80" GET("/root.crl")},
     "",
     NULL,
     NULL,
     NULL},
};

static void cloud(void **state)
{
    (void)state;
    rule_play_cases("R013", cloud_cases, COUNT_OF(cloud_cases));
}

#define ASKED " | http.method=GET | http.uri=/x | http.request_packet=4 | http.response_packet=6"

static const struct rule_case header_cases[] = {
    {"Basic",
     {"http 10.1.0.5 > 10.0.0.40:8530" ASKED " | http.auth=basic | http.user=alice"},
     "critical proven 10.1.0.5 > 10.0.0.40:8530 @4",
     "sup01.corp.example",
     "violated",
     NULL},
    {"Digest",
     {"http 10.1.0.5 > 10.0.0.40:8530" ASKED " | http.auth=digest | http.user=alice"},
     "medium proven 10.1.0.5 > 10.0.0.40:8530 @4",
     NULL,
     NULL,
     NULL},
    {"a server that offers nothing but Basic",
     {"http 10.1.0.5 > 10.0.0.40:8530" ASKED " | http.status=401 | http.auth_offered=basic"},
     "medium proven 10.1.0.5 > 10.0.0.40:8530 @6",
     NULL,
     NULL,
     NULL},
    {"to an undeclared server",
     {"http 10.1.0.5 > 10.7.7.7:80" ASKED " | http.auth=basic"},
     "critical proven 10.1.0.5 > 10.7.7.7:80 @4",
     "hierarchy",
     "violated",
     NULL},
    {"an undeclared proxy",
     {"http 10.1.0.5 > 10.0.0.40:8080" ASKED " | http.auth=basic | http.proxy_auth=true"},
     "critical proven 10.1.0.5 > 10.0.0.40:8080 @4",
     NULL,
     NULL,
     NULL},
    {"near miss: a declared proxy",
     {"http 10.1.0.5 > 192.0.2.5:8080" ASKED " | http.auth=basic | http.proxy_auth=true"},
     "",
     "proxy01",
     "consistent",
     NULL},
    {"near miss: Negotiate",
     {"http 10.1.0.5 > 10.0.0.40:8530" ASKED " | http.auth=negotiate"},
     "",
     "sup01.corp.example",
     "consistent",
     NULL},
    {"near miss: Basic is one of several",
     {"http 10.1.0.5 > 10.0.0.40:8530" ASKED
      " | http.status=401 | http.auth_offered=negotiate | http.auth_offered=basic"},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: strangers",
     {"http 10.7.7.8 > 10.7.7.7:80" ASKED " | http.auth=basic"},
     "",
     "sup01.corp.example",
     "not_observed",
     NULL},
};

static void header(void **state)
{
    (void)state;
    rule_play_cases("R050", header_cases, COUNT_OF(header_cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_http),
        cmocka_unit_test(downgrade),
        cmocka_unit_test(cloud),
        cmocka_unit_test(header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
