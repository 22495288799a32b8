/*
 * test_rules_user_policy.c - R030 enrolled devices behind a bridge, user policy without a trust.
 */
#include "tests/policy/rule_play.h"
#include "tests/test.h"

#define AROUND                                                                                     \
    "forests: {corp: {domains: [corp.example]}, partner: {domains: [partner.example]}}\n"          \
    "zones: {intranet: [10.0.0.0/8], perimeter: [192.0.2.0/24]}\n"                                 \
    "sites: {P01: {type: primary}}\n"                                                              \
    "clients: {hq: {networks: [10.1.0.0/16], forest: corp}, "                                      \
    "partners: {networks: [10.3.0.0/16], forest: partner}}\nhosts:\n"                              \
    "  en01.corp.example: {addresses: [10.0.0.60], forest: corp, site: P01, roles: "               \
    "[enrollment-proxy-point]}\n"                                                                  \
    "  en02.corp.example: {addresses: [10.0.0.61], forest: corp, site: P01, roles: "               \
    "[enrollment-proxy-point, distribution-point]}\n"                                              \
    "  bridge: {addresses: [192.0.2.5], workgroup: true, roles: [{web-proxy: {mode: "              \
    "bridging}}]}\n"                                                                               \
    "  tunnel: {addresses: [192.0.2.6], workgroup: true, roles: [{web-proxy: {mode: "              \
    "tunneling}}]}\n"                                                                              \
    "  mute: {addresses: [192.0.2.7], workgroup: true, roles: [web-proxy]}\n"
#define MP(options)                                                                                \
    AROUND "  mp01.corp.example: {addresses: [10.0.0.20], forest: corp, site: P01, roles: "        \
           "[{management-point: {" options "}}]}\n"
#define TLS(client, server)                                                                        \
    "tls@4 " client " > " server                                                                   \
    ":443 | tls.client_hello_packet=4 | tls.server_hello_packet=5 | tls.established=true"
#define USER(client)                                                                               \
    "http@4 " client " > 10.0.0.20:80 | http.method=CCM_POST | "                                   \
    "http.uri=/ccm_system_windowsauth/request | http.request_packet=4"

static const struct rule_case cases[] = {
    {"a bridge before enrollment",
     {TLS("192.0.2.5", "10.0.0.60")},
     "medium derived 192.0.2.5 > 10.0.0.60:443 @4",
     "en01.corp.example enrollment-proxy-point",
     "violated",
     AROUND},
    {"a request in clear tells the role where there are others",
     {"http@4 192.0.2.5 > 10.0.0.61:80 | http.method=POST | "
      "http.uri=/EnrollmentServer/Discovery.svc | http.request_packet=4"},
     "medium derived 192.0.2.5 > 10.0.0.61:80 @4",
     NULL,
     NULL,
     AROUND},
    {"near miss: TLS does not",
     {TLS("192.0.2.5", "10.0.0.61")},
     "",
     "en02.corp.example enrollment-proxy-point",
     "not_assessable",
     AROUND},
    {"near miss: a tunnel",
     {TLS("192.0.2.6", "10.0.0.60")},
     "",
     "en01.corp.example enrollment-proxy-point",
     "consistent",
     AROUND},
    {"near miss: nobody says which",
     {TLS("192.0.2.7", "10.0.0.60")},
     "",
     "en01.corp.example enrollment-proxy-point",
     "not_assessable",
     AROUND},
    {"near miss: no proxy",
     {TLS("198.51.100.7", "10.0.0.60")},
     "",
     "en01.corp.example enrollment-proxy-point",
     "consistent",
     AROUND},
    {"near miss: no answer",
     {"tls@4 192.0.2.5 > 10.0.0.60:443 | tls.client_hello_packet=4"},
     "",
     "en01.corp.example enrollment-proxy-point",
     "not_observed",
     AROUND},
    {"user policy from the internet though it is off",
     {USER("198.51.100.7")},
     "info proven 198.51.100.7 > 10.0.0.20:80 @4",
     "mp01.corp.example management-point",
     "violated",
     MP("user-policy: false")},
    {"through a proxy",
     {USER("192.0.2.5")},
     "info proven 192.0.2.5 > 10.0.0.20:80 @4",
     NULL,
     NULL,
     MP("user-policy: false")},
    {"users of a forest that is not trusted",
     {USER("10.3.0.7")},
     "info proven 10.3.0.7 > 10.0.0.20:80 @4",
     NULL,
     NULL,
     MP("clients: https")},
    {"near miss: its own forest",
     {USER("10.1.0.7")},
     "",
     "mp01.corp.example management-point",
     "consistent",
     MP("user-policy: false")},
    {"near miss: a trust",
     {USER("10.3.0.7")},
     "",
     "mp01.corp.example management-point",
     "consistent",
     "trusts: [{forests: [corp, partner], type: forest, direction: one-way}]\n" MP(
         "user-policy: true")},
    {"near miss: it is on",
     {USER("198.51.100.7")},
     "",
     "mp01.corp.example management-point",
     "consistent",
     MP("user-policy: true")},
    {"near miss: nobody says",
     {USER("198.51.100.7")},
     "",
     "mp01.corp.example management-point",
     "not_assessable",
     MP("serves: [internet]")},
    {"near miss: TLS hides it",
     {TLS("198.51.100.7", "10.0.0.20")},
     "",
     "mp01.corp.example management-point",
     "not_assessable",
     MP("user-policy: false")},
    {"near miss: what computers ask for",
     {"http@4 198.51.100.7 > 10.0.0.20:80 | http.method=CCM_POST | http.uri=/ccm_system/request | "
      "http.request_packet=4"},
     "",
     "mp01.corp.example management-point",
     "not_observed",
     MP("user-policy: false")},
};

static void unsupported(void **state)
{
    (void)state;
    rule_play_cases("R030", cases, COUNT_OF(cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(unsupported)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
