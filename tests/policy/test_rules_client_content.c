/*
 * test_rules_client_content.c - R012 fallback status point, R014 anonymous content, R016 update
 * metadata, R017 certificates of the site, R018 client notification, R019 client messages.
 */
#include "tests/policy/rule_play.h"
#include "tests/test.h"

#define REQUEST(method, path, status)                                                              \
    " | http.method=" method " | http.uri=" path " | http.status=" status                          \
    " | http.request_packet=4 | http.response_packet=6"
#define TLS " | tls.client_hello_packet=3 | tls.server_hello_packet=5 | tls.established=true"
#define SHARED_FSP                                                                                 \
    "forests: {corp: {domains: [corp.example]}}\nsites: {P01: {type: primary}}\n"                  \
    "clients: {hq: {networks: [10.1.0.0/16], forest: corp}}\n"                                     \
    "hosts: {fsp01.corp.example: {addresses: [10.0.0.41], forest: corp, site: P01, roles: "        \
    "[fallback-status-point, "

static const struct rule_case fsp_cases[] = {
    {"TLS with a host that is nothing else",
     {"tls 10.1.0.5 > 10.0.0.41:443" TLS},
     "medium proven 10.1.0.5 > 10.0.0.41:443 @3,5",
     "fsp01.corp.example fallback-status-point",
     "violated",
     NULL},
    {"two clients: one finding of the server",
     {"tls 10.1.0.5 > 10.0.0.41:443" TLS, "tls#2 10.1.0.6 > 10.0.0.41:443" TLS},
     "medium proven - > 10.0.0.41:443 @3,5",
     NULL,
     NULL,
     NULL},
    {"shared with a domain controller",
     {"http 10.1.0.5 > 10.0.0.41:80" REQUEST("POST", "/SMS_FSP/.sms_fsp", "200")},
     "medium derived 10.1.0.5 > 10.0.0.41:80 @4",
     NULL,
     NULL,
     SHARED_FSP "domain-controller]}}\n"},
    {"all on the site server: low",
     {"http 10.1.0.5 > 10.0.0.41:80" REQUEST("POST", "/SMS_FSP/.sms_fsp", "200")},
     "low derived 10.1.0.5 > 10.0.0.41:80 @4",
     NULL,
     NULL,
     SHARED_FSP "site-server]}}\n"},
    {"it answers for a management point",
     {"http 10.1.0.5 > 10.0.0.41:80" REQUEST("GET", "/SMS_MP/.sms_aut?MPLIST", "200")},
     "medium derived 10.1.0.5 > 10.0.0.41:80 @4",
     "fsp01.corp.example fallback-status-point",
     "violated",
     NULL},
    {"near miss: it does not have what another role has",
     {"http 10.1.0.5 > 10.0.0.41:80" REQUEST("GET", "/SMS_MP/.sms_aut?MPLIST", "404")},
     "",
     "fsp01.corp.example fallback-status-point",
     "not_observed",
     NULL},
    {"near miss: HTTP, alone on its server",
     {"http 10.1.0.5 > 10.0.0.41:80" REQUEST("POST", "/SMS_FSP/.sms_fsp", "200")},
     "",
     "fsp01.corp.example fallback-status-point",
     "consistent",
     NULL},
    {"near miss: a handshake that came to nothing",
     {"tls 10.1.0.5 > 10.0.0.41:443 | tls.client_hello_packet=3 | tls.established=false"},
     "",
     "fsp01.corp.example fallback-status-point",
     "not_observed",
     NULL},
    {"near miss: TLS inside Remote Desktop",
     {"tls 10.1.0.5 > 10.0.0.41:3389" TLS},
     "",
     NULL,
     NULL,
     NULL},
};

static void fallback_status_point(void **state)
{
    (void)state;
    rule_play_cases("R012", fsp_cases, COUNT_OF(fsp_cases));
}

#define CONTENT "/SMS_DP_SMSPKG$/P0100001/setup.exe"

static const struct rule_case content_cases[] = {
    {"content without authentication",
     {"http 10.1.0.5 > 10.0.0.31:80" REQUEST("GET", CONTENT, "200")},
     "high proven 10.1.0.5 > 10.0.0.31:80 @4,6",
     "dp02.corp.example distribution-point",
     "violated",
     NULL},
    {"a listing, and a part",
     {"http 10.1.0.5 > 10.0.0.31:80" REQUEST("PROPFIND", "/NOCERT_SMS_DP_SMSPKG$/P0100001", "207"),
      "http 10.1.0.5 > 10.0.0.31:80 | http.method=GET | http.uri=" CONTENT
      " | http.status=206 | http.request_packet=8 | http.response_packet=9"},
     "high proven 10.1.0.5 > 10.0.0.31:80 @4,6,8",
     NULL,
     NULL,
     NULL},
    {"joined midstream: for information",
     {"http 10.1.0.5 ~> 10.0.0.31:80" REQUEST("GET", CONTENT, "200")},
     "info inferred 10.1.0.5 > 10.0.0.31:80 @4,6",
     NULL,
     NULL,
     NULL},
    {"another connection's authentication does not count",
     {"http#1 10.1.0.5 > 10.0.0.31:80 | http.auth=ntlm" REQUEST("GET", CONTENT, "200"),
      "http#2 10.1.0.5 > 10.0.0.31:80" REQUEST("GET", CONTENT, "200")},
     "high proven 10.1.0.5 > 10.0.0.31:80 @4,6",
     NULL,
     NULL,
     NULL},
    {"near miss: the connection was authenticated before",
     {"http 10.1.0.5 > 10.0.0.31:80" REQUEST("GET", CONTENT, "401"),
      "http 10.1.0.5 > 10.0.0.31:80 | http.auth=ntlm" REQUEST("GET", CONTENT, "200"),
      "http 10.1.0.5 > 10.0.0.31:80" REQUEST("GET", CONTENT, "200")},
     "",
     "dp02.corp.example distribution-point",
     "consistent",
     NULL},
    {"near miss: declared anonymous",
     {"http 10.1.0.5 > 10.0.0.31:80" REQUEST("GET", CONTENT, "200")},
     "",
     "dp02.corp.example distribution-point",
     "consistent",
     "forests: {corp: {domains: [corp.example]}}\nsites: {P02: {type: primary}}\n"
     "hosts: {dp02.corp.example: {addresses: [10.0.0.31], forest: corp, site: P02, roles: "
     "[{distribution-point: {anonymous: true}}]}}\n"},
    {"near miss: not found",
     {"http 10.1.0.5 > 10.0.0.31:80" REQUEST("GET", CONTENT, "404")},
     "",
     "dp02.corp.example distribution-point",
     "not_observed",
     NULL},
    {"near miss: another path; a token; a HEAD",
     {"http 10.1.0.5 > 10.0.0.31:80" REQUEST("GET", "/index.html", "200"),
      "http 10.1.0.5 > 10.0.0.31:80" REQUEST("GET", "/CCMTOKENAUTH_SMS_DP_SMSPKG$/P01", "200"),
      "http 10.1.0.5 > 10.0.0.31:80" REQUEST("HEAD", CONTENT, "200")},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: TLS",
     {"tls 10.1.0.5 > 10.0.0.30:443" TLS},
     "",
     "dp01.corp.example distribution-point",
     "not_assessable",
     NULL},
};

static void anonymous_content(void **state)
{
    (void)state;
    rule_play_cases("R014", content_cases, COUNT_OF(content_cases));
}

#define SUP(mode)                                                                                  \
    "forests: {corp: {domains: [corp.example]}}\nsites: {P01: {type: primary}}\n"                  \
    "hosts: {sup01.corp.example: {addresses: [10.0.0.40], forest: corp, site: P01, roles: "        \
    "[{software-update-point: {clients: " mode "}}]}}\n"
#define METADATA REQUEST("POST", "/ClientWebService/client.asmx", "200")

static const struct rule_case metadata_cases[] = {
    {"either is allowed: medium",
     {"http 10.1.0.5 > 10.0.0.40:8530" METADATA},
     "medium proven 10.1.0.5 > 10.0.0.40:8530 @4,6",
     "sup01.corp.example software-update-point",
     "violated",
     NULL},
    {"HTTPS is declared: high",
     {"http 10.1.0.5 > 10.0.0.40:8530" METADATA},
     "high proven 10.1.0.5 > 10.0.0.40:8530 @4,6",
     NULL,
     NULL,
     SUP("https")},
    {"HTTP is declared: for information",
     {"http 10.1.0.5 > 10.0.0.40:8530" METADATA},
     "info proven 10.1.0.5 > 10.0.0.40:8530 @4,6",
     NULL,
     NULL,
     SUP("http")},
    {"the absolute form, in another case",
     {"http 10.1.0.5 > 10.0.0.40:8530" REQUEST(
         "POST", "http://sup01:8530/simpleAuthWebService/SimpleAuth.asmx", "200")},
     "medium proven 10.1.0.5 > 10.0.0.40:8530 @4,6",
     NULL,
     NULL,
     NULL},
    {"near miss: content, inventory, self-update",
     {"http 10.1.0.5 > 10.0.0.40:8530" REQUEST("GET", "/Content/a.cab", "200"),
      "http 10.1.0.5 > 10.0.0.40:8530" REQUEST("POST", "/Inventory/x", "200"),
      "http 10.1.0.5 > 10.0.0.40:8530" REQUEST("GET", "/selfupdate/wuident.cab", "200")},
     "",
     "sup01.corp.example software-update-point",
     "not_observed",
     NULL},
    {"near miss: the page is fetched, nothing is asked",
     {"http 10.1.0.5 > 10.0.0.40:8530" REQUEST("GET", "/ClientWebService/client.asmx", "200")},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: refused",
     {"http 10.1.0.5 > 10.0.0.40:8530" REQUEST("POST", "/ClientWebService/client.asmx", "403")},
     "",
     "sup01.corp.example software-update-point",
     "consistent",
     NULL},
    {"near miss: TLS",
     {"tls 10.1.0.5 > 10.0.0.40:8531" TLS},
     "",
     "sup01.corp.example software-update-point",
     "consistent",
     NULL},
    {"near miss: no software update point",
     {"http 10.1.0.5 > 10.0.0.30:8530" METADATA},
     "",
     NULL,
     NULL,
     NULL},
};

static void update_metadata(void **state)
{
    (void)state;
    rule_play_cases("R016", metadata_cases, COUNT_OF(metadata_cases));
}

#define ISSUED(by)                                                                                 \
    TLS " | tls.certificate.issuer=" by                                                            \
        " | tls.certificate.subject=CN=SMS Role SSL Certificate | tls.certificate.packet=7"

static const struct rule_case issuer_cases[] = {
    {"where HTTPS is declared",
     {"tls 10.1.0.5 > 10.0.0.20:443" ISSUED("CN=SMS Issuing")},
     "high proven 10.1.0.5 > 10.0.0.20:443 @7",
     "mp01.corp.example",
     "violated",
     NULL},
    {"under enhanced HTTP: for information",
     {"tls 10.1.0.5 > 10.0.0.21:443" ISSUED("CN=SMS Issuing, OU=Site Server")},
     "info proven 10.1.0.5 > 10.0.0.21:443 @7",
     "mp02.corp.example",
     "violated",
     NULL},
    {"near miss: the PKI's",
     {"tls 10.1.0.5 > 10.0.0.20:443" ISSUED("CN=Corp Issuing CA 1")},
     "",
     "mp01.corp.example",
     "consistent",
     NULL},
    {"near miss: the administration service",
     {"tls 10.9.0.5 > 10.0.0.14:443" ISSUED("CN=SMS Issuing")},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: hidden",
     {"tls 10.1.0.5 > 10.0.0.20:443" TLS " | tls.certificate_visible=false"},
     "",
     "mp01.corp.example",
     "not_assessable",
     NULL},
    {"near miss: not answered",
     {"tls 10.1.0.5 > 10.0.0.20:443 | tls.client_hello_packet=3"},
     "",
     "mp01.corp.example",
     "not_observed",
     NULL},
};

static void self_issued(void **state)
{
    (void)state;
    rule_play_cases("R017", issuer_cases, COUNT_OF(issuer_cases));
}

static const struct rule_case notification_cases[] = {
    {"another protocol",
     {"flow 10.1.0.5 > 10.0.0.20:10123 | flow.protocol=http"},
     "medium proven 10.1.0.5 > 10.0.0.20:10123 @1,2",
     "mp01.corp.example management-point",
     "violated",
     NULL},
    {"octets that nothing recognised",
     {"flow 10.1.0.5 > 10.0.0.20:10123 | flow.protocol=client-notification | "
      "flow.identified_by=port | flow.unrecognised=true"},
     "medium derived 10.1.0.5 > 10.0.0.20:10123 @1,2",
     NULL,
     NULL,
     NULL},
    {"near miss: TLS",
     {"flow 10.1.0.5 > 10.0.0.20:10123 | flow.protocol=tls"},
     "",
     "mp01.corp.example management-point",
     "consistent",
     NULL},
    {"near miss: nothing was said",
     {"flow 10.1.0.5 > 10.0.0.20:10123 | flow.protocol=client-notification | "
      "flow.identified_by=port | flow.packets.client=5"},
     "",
     "mp01.corp.example management-point",
     "not_assessable",
     NULL},
    {"near miss: midstream",
     {"flow 10.1.0.5 ~> 10.0.0.20:10123 | flow.protocol=client-notification | "
      "flow.identified_by=port | flow.packets.client=5"},
     "",
     "mp01.corp.example management-point",
     "not_assessable",
     NULL},
    {"near miss: another port",
     {"flow 10.1.0.5 > 10.0.0.20:80 | flow.protocol=http"},
     "",
     "mp01.corp.example management-point",
     "not_observed",
     NULL},
};

static void notification(void **state)
{
    (void)state;
    rule_play_cases("R018", notification_cases, COUNT_OF(notification_cases));
}

#define MESSAGE(endpoint)                                                                          \
    "http 10.1.0.5 > 10.0.0.23:80" REQUEST("CCM_POST", "/ccm_system/request",                      \
                                           "200") " | http.ccm.target_endpoint=" endpoint

#define SITE_WITH(options)                                                                         \
    "sites: {P01: {type: primary, client-messages: {" options                                      \
    "}}}\nhosts: {mp04.corp.example: {addresses: [10.0.0.23], site: P01, roles: "                  \
    "[management-point]}}\n"
static const struct rule_case message_cases[] = {
    {"without a signature",
     {MESSAGE("MP_PolicyManager") " | http.ccm.signed=false"},
     "medium proven 10.1.0.5 > 10.0.0.23:80 @4",
     "mp04.corp.example management-point",
     "violated",
     NULL},
    {"SHA-1",
     {MESSAGE("MP_HinvEndpoint") " | http.ccm.signed=true | "
                                 "http.ccm.hash_algorithm_code=1.2.840.113549.1.1.5"},
     "medium proven 10.1.0.5 > 10.0.0.23:80 @4",
     NULL,
     NULL,
     NULL},
    {"near miss: registration and location",
     {MESSAGE("MP_ClientRegistration") " | http.ccm.signed=false",
      MESSAGE("MP_LocationManager") " | http.ccm.signed=false"},
     "",
     "mp04.corp.example management-point",
     "consistent",
     NULL},
    {"near miss: signed with SHA-256",
     {MESSAGE("MP_PolicyManager") " | http.ccm.signed=true | "
                                  "http.ccm.hash_algorithm_code=1.2.840.113549.1.1.11"},
     "",
     "mp04.corp.example management-point",
     "consistent",
     NULL},
    {"near miss: a header that was not captured whole",
     {MESSAGE("MP_PolicyManager")},
     "",
     "mp04.corp.example management-point",
     "not_assessable",
     NULL},
    {"near miss: readable inventory, which the policy says nothing of",
     {MESSAGE("MP_HinvEndpoint") " | http.ccm.signed=true | http.ccm.body_readable=true"},
     "",
     "mp04.corp.example management-point",
     "not_assessable",
     NULL},
    {"readable inventory of a site that encrypts",
     {MESSAGE("MP_HinvEndpoint") " | http.ccm.signed=true | http.ccm.body_readable=true"},
     "medium proven 10.1.0.5 > 10.0.0.23:80 @4",
     "mp04.corp.example management-point",
     "violated",
     SITE_WITH("signing: true, encryption: true")},
    {"near miss: of a site that does not",
     {MESSAGE("MP_HinvEndpoint") " | http.ccm.signed=true | http.ccm.body_readable=true"},
     "",
     "mp04.corp.example management-point",
     "consistent",
     SITE_WITH("encryption: false")},
    {"near miss: other messages of a site that encrypts",
     {MESSAGE("MP_PolicyManager") " | http.ccm.signed=true | http.ccm.body_readable=true"},
     "",
     "mp04.corp.example management-point",
     "consistent",
     SITE_WITH("encryption: true")},
    {"no signature where the site asks for none: a risk taken",
     {MESSAGE("MP_PolicyManager") " | http.ccm.signed=false"},
     "low proven 10.1.0.5 > 10.0.0.23:80 @4",
     NULL,
     NULL,
     SITE_WITH("signing: false")},
    {"near miss: no management point",
     {"http 10.1.0.5 > 10.0.0.30:80 | http.ccm.target_endpoint=MP_PolicyManager | "
      "http.ccm.signed=false"},
     "",
     NULL,
     NULL,
     NULL},
};

static void messages(void **state)
{
    (void)state;
    rule_play_cases("R019", message_cases, COUNT_OF(message_cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fallback_status_point), cmocka_unit_test(anonymous_content),
        cmocka_unit_test(update_metadata),       cmocka_unit_test(self_issued),
        cmocka_unit_test(notification),          cmocka_unit_test(messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
