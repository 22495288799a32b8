/*
 * test_rules_declared.c - what only the policy can tell, and what rules make of it: each pair is
 * the same traffic, with and without the declaration.
 */
#include "tests/policy/rule_play.h"
#include "tests/test.h"

#define LOGON(carrier, domain, user)                                                               \
    " | ntlm.carrier=" carrier " | ntlm.variant=ntlmv2 | ntlm.domain=" domain " | ntlm.user=" user \
    " | ntlm.authenticate_packet=10"
#define AROUND                                                                                     \
    "forests: {corp: {domains: [corp.example], netbios: [CORP]}, partner: {domains: "              \
    "[partner.example], netbios: [PARTNER]}}\n"                                                    \
    "zones: {intranet: [10.0.0.0/8], perimeter: [192.0.2.0/24]}\n"
#define SITE(options) "sites: {P01: {type: primary" options "}}\n"
#define CM                                                                                         \
    "hosts:\n  cm01.corp.example: {addresses: [10.0.0.10], forest: corp, site: P01, roles: "       \
    "[site-server]}\n"
#define DB                                                                                         \
    "  db01.corp.example: {addresses: [10.0.0.13], forest: corp, site: P01, roles: "               \
    "[site-database]}\n"
#define MP(options)                                                                                \
    "  mp01.corp.example: {addresses: [10.0.0.20], forest: corp, site: P01" options                \
    ", roles: [management-point]}\n"
#define STRANGE(options, roles)                                                                    \
    "  x.partner.example: {addresses: [192.0.2.20], forest: partner, site: P01" options            \
    ", roles: [" roles "]}\n"
#define REGISTERS                                                                                  \
    "http 10.2.0.7 > 10.0.0.20:80 | http.method=CCM_POST | http.uri=/ccm_system/request | "        \
    "http.ccm.target_endpoint=MP_ClientRegistration | http.user_agent=SMS CCM 5.0 | "              \
    "http.request_packet=5"
#define SECRETS_BY(seconds, agent)                                                                 \
    "http+" seconds                                                                                \
    " 10.2.0.7 > 10.0.0.20:80 | http.method=GET | http.uri=/SMS_MP/.sms_pol?{7}.1_00 | "           \
    "http.ccm.client_token=true | http.status=200 | http.request_packet=8 | "                      \
    "http.user_agent=" agent
#define FETCHES(seconds) SECRETS_BY(seconds, "SMS CCM 5.0")
#define KIOSKS "clients: {kiosks: {networks: [10.2.0.0/16], workgroup: true}}\n"
#define MEMBERS "clients: {members: {networks: [10.2.0.0/16], forest: corp}}\n"
#define IDENTITY(guid)                                                                             \
    "http 10.2.0.7 > 10.0.0.20:80 | http.method=CCM_POST | http.uri=/ccm_system/request | "        \
    "http.request_packet=5 | http.ccm.source_id=GUID:" guid
#define SHOWN(name)                                                                                \
    " | tls.certificate.sha256=00ff | tls.certificate.subject=CN=x | "                             \
    "tls.certificate.issuer=CN=Corp Issuing CA 1 | tls.certificate.packet=6 | "                    \
    "tls.certificate.not_before=-86400 | tls.certificate.not_after=86400 | "                       \
    "tls.certificate.key=rsa 2048 | tls.certificate.signature=sha256WithRSAEncryption | "          \
    "tls.certificate.san=DNS:" name
#define PROXY(options)                                                                             \
    AROUND                                                                                         \
    "hosts: {proxy01: {addresses: [192.0.2.5], workgroup: true, roles: [{web-proxy: {mode: "       \
    "bridging" options "}}]}}\n"
#define CONTROLLERS(options)                                                                       \
    AROUND SITE("") CM "  mp01.corp.example: {addresses: [192.0.2.20], forest: corp, site: P01, "  \
                       "roles: [management-point]}\n"                                              \
                       "  dc01.corp.example: {addresses: [10.0.0.2], forest: corp, roles: "        \
                       "[domain-controller]}\n"                                                    \
                       "  dc02.corp.example: {addresses: [192.0.2.2], forest: corp, roles: "       \
                       "[{domain-controller: {read-only: " options "}}]}\n"
#define HQ(options)                                                                                \
    AROUND SITE("") "clients: {hq: {networks: [10.1.0.0/16], forest: corp" options "}}\n" CM
#define UPDATES                                                                                    \
    "http 10.1.0.5 > 203.0.113.9:80 | http.method=GET | http.uri=/d/a.cab | "                      \
    "http.host=au.download.windowsupdate.com | http.request_packet=4"

static const struct {
    const char *code;
    struct rule_case it;
} cases[] = {
    {"R022",
     {"an installation account of the host's own",
      {"ntlm 10.0.0.10 > 192.0.2.20:445" LOGON("smb", "PARTNER", "svc-own")},
      "",
      "cm01.corp.example -> x.partner.example",
      "consistent",
      AROUND SITE("")
          CM STRANGE(", installation-account: 'PARTNER\\svc-own'", "distribution-point")}},
    {"R022",
     {"then that of the list is another one",
      {"ntlm 10.0.0.10 > 192.0.2.20:445" LOGON("smb", "PARTNER", "svc-list")},
      "high proven 10.0.0.10 > 192.0.2.20:445 @10",
      NULL,
      NULL,
      "accounts: {site-system-installation: ['PARTNER\\svc-list']}\n" AROUND SITE("")
          CM STRANGE(", installation-account: 'PARTNER\\svc-own'", "distribution-point")}},
    {"R022",
     {"a connection account of the role's own",
      {"ntlm 192.0.2.20 > 10.0.0.13:1433" LOGON("tds", "CORP", "svc-mp")},
      "",
      "x.partner.example -> db01.corp.example",
      "consistent",
      AROUND SITE("") CM DB STRANGE("", "{management-point: {connection-account: "
                                        "'CORP\\svc-mp'}}")}},
    {"R025",
     {"a network that may fall back to that forest",
      {"flow 10.3.0.5 > 10.0.0.20:443 | flow.protocol=tls"},
      "",
      "mp01.corp.example",
      "consistent",
      AROUND SITE("") "clients: {p: {networks: [10.3.0.0/16], forest: partner, fallback-forests: "
                      "[corp]}}\n" CM MP("") STRANGE("", "management-point")}},
    {"R025",
     {"a network that may not",
      {"flow 10.3.0.5 > 10.0.0.20:443 | flow.protocol=tls"},
      "medium derived 10.3.0.5 > 10.0.0.20:443 @1,2",
      NULL,
      NULL,
      AROUND SITE("") "clients: {p: {networks: [10.3.0.0/16], forest: partner}}\n" CM MP("")
          STRANGE("", "management-point")}},
    {"R040",
     {"a server that may be asked by NTLM",
      {"ntlm 10.1.0.5 > 10.0.0.30:445" LOGON("smb", "CORP", "alice")},
      "",
      "dp01.corp.example",
      "consistent",
      "\nntlm: {servers: [dp01.corp.example]}\n"}},
    {"R040",
     {"an account that may use it",
      {"ntlm 10.1.0.5 > 10.0.0.30:445" LOGON("smb", "CORP", "svc-report")},
      "",
      NULL,
      NULL,
      "\nntlm: {accounts: ['CORP\\svc-report']}\n"}},
    {"R040",
     {"another account, another server",
      {"ntlm 10.1.0.5 > 10.0.0.30:445" LOGON("smb", "CORP", "alice")},
      "medium proven 10.1.0.5 > 10.0.0.30:445 @10",
      NULL,
      NULL,
      "\nntlm: {accounts: ['CORP\\svc-report'], servers: [dp02.corp.example]}\n"}},
    {"R043",
     {"an appliance that can do NTLM only",
      {"ntlm 10.0.0.10 > 10.0.0.4:445" LOGON("smb", "CORP", "CM01$")},
      "",
      "cm01.corp.example",
      "consistent",
      "\nntlm: {servers: [fs01.corp.example]}\n"}},
    {"R045",
     {"a computer's account behind address translation",
      {"ntlm 10.6.0.1 > 10.0.0.13:445" LOGON("smb", "CORP", "CM01$")},
      "",
      "cm01.corp.example",
      "not_assessable",
      "\naddress-translation: {networks: [10.6.0.1]}\n"}},
    {"R114",
     {"many clients behind one address",
      {IDENTITY("1"), IDENTITY("2"), IDENTITY("3")},
      "",
      "mp01.corp.example",
      "consistent",
      "address-translation: {networks: [10.2.0.7]}\n" AROUND SITE("") KIOSKS CM MP("")}},
    {"R114",
     {"many identities of one client",
      {IDENTITY("1"), IDENTITY("2"), IDENTITY("3")},
      "medium derived 10.2.0.7 > 10.0.0.20:80 @5",
      NULL,
      NULL,
      AROUND SITE("") KIOSKS CM MP("")}},
    {"R114",
     {"a workgroup client is approved at once",
      {REGISTERS, FETCHES("60")},
      "high derived 10.2.0.7 > 10.0.0.20:80 @8,5",
      NULL,
      NULL,
      AROUND SITE("") KIOSKS CM MP("")}},
    {"R114",
     {"as declared",
      {REGISTERS, FETCHES("60")},
      "medium derived 10.2.0.7 > 10.0.0.20:80 @8,5",
      NULL,
      NULL,
      AROUND SITE(", approval: all") KIOSKS CM MP("")}},
    {"R114",
     {"by another program than the client's, whatever is declared",
      {REGISTERS, SECRETS_BY("60", "curl/8")},
      "high derived 10.2.0.7 > 10.0.0.20:80 @8,5",
      NULL,
      NULL,
      AROUND SITE(", approval: all") KIOSKS CM MP("")}},
    {"R114",
     {"where clients are approved by hand that is one finding",
      {REGISTERS, FETCHES("60"), SECRETS_BY("120", "curl/8")},
      "high derived 10.2.0.7 > 10.0.0.20:80 @8,5",
      NULL,
      NULL,
      AROUND SITE(", approval: manual") KIOSKS CM MP("")}},
    {"R114",
     {"near miss: one registers and another fetches behind one address",
      {REGISTERS, FETCHES("60")},
      "",
      "mp01.corp.example",
      "consistent",
      "address-translation: {networks: [10.2.0.7]}\n" AROUND SITE("") KIOSKS CM MP("")}},
    {"R114",
     {"a member of a domain where clients are approved by hand",
      {REGISTERS, FETCHES("60")},
      "high derived 10.2.0.7 > 10.0.0.20:80 @8,5",
      NULL,
      NULL,
      AROUND SITE(", approval: manual") MEMBERS CM MP("")}},
    {"R114",
     {"near miss: a member of a domain",
      {REGISTERS, FETCHES("60")},
      "",
      "mp01.corp.example",
      "consistent",
      AROUND SITE(", approval: automatic") MEMBERS CM MP("")}},
    {"R114",
     {"near miss: much later",
      {REGISTERS, FETCHES("700")},
      "",
      NULL,
      NULL,
      AROUND SITE("") KIOSKS CM MP("")}},
    {"R092",
     {"an authority that is not expected",
      {"tls 10.1.0.5 > 10.0.0.20:443" SHOWN("mp01.corp.example")},
      "medium proven 10.1.0.5 > 10.0.0.20:443 @6",
      NULL,
      NULL,
      "tls: {issuers: [\"Other CA\"]}\n" AROUND SITE("") CM MP("")}},
    {"R092",
     {"one that is",
      {"tls 10.1.0.5 > 10.0.0.20:443" SHOWN("mp01.corp.example")},
      "",
      "mp01.corp.example",
      "consistent",
      "tls: {issuers: [\"Corp Issuing CA\"]}\n" AROUND SITE("") CM MP("")}},
    {"R092",
     {"a proxy's name on its outer side",
      {"tls 10.1.0.5 > 192.0.2.5:443" SHOWN("manage.corp.example")},
      "",
      "proxy01",
      "consistent",
      PROXY(", certificate-names: [manage.corp.example]")}},
    {"R092",
     {"that nobody declared",
      {"tls 10.1.0.5 > 192.0.2.5:443 | tls.client_hello_packet=4" SHOWN("manage.corp.example")},
      "medium proven 10.1.0.5 > 192.0.2.5:443 @6",
      NULL,
      NULL,
      PROXY("")}},
    {"R013",
     {"storage in the cloud, by its name",
      {"http 10.1.0.5 > 203.0.113.99:80 | http.method=GET | http.uri=/x | http.request_packet=4 | "
       "http.host=a.blob.core.windows.net:80"},
      "critical proven 10.1.0.5 > 203.0.113.99:80 @4",
      "hierarchy",
      "violated",
      "\ncloud: {names: [\"*.blob.core.windows.net\"]}\n"}},
    {"R013",
     {"by TLS; and another name",
      {"tls 10.1.0.5 > 203.0.113.99:443 | tls.server_name=a.blob.core.windows.net",
       "http 10.1.0.5 > 203.0.113.99:80 | http.method=GET | http.uri=/x | http.request_packet=4 | "
       "http.host=blob.core.windows.net"},
      "",
      "hierarchy",
      "consistent",
      "\ncloud: {names: [\"*.blob.core.windows.net\"]}\n"}},
    {"R002",
     {"updates from the vendor although the network takes none there",
      {UPDATES},
      "info proven 10.1.0.5 > 203.0.113.9:80 @4",
      "hierarchy",
      "violated",
      HQ(", microsoft-update: false")}},
    {"R002",
     {"a network that may",
      {UPDATES},
      "",
      "hierarchy",
      "consistent",
      HQ(", microsoft-update: true")}},
    {"R002", {"nobody says", {UPDATES}, "", "hierarchy", "none", HQ("")}},
    {"R002",
     {"a controller inside is asked though a read-only one stands beside",
      {"flow 192.0.2.20 > 10.0.0.2:88 | flow.protocol=kerberos"},
      "medium derived 192.0.2.20 > 10.0.0.2:88 @1,2",
      "mp01.corp.example",
      "violated",
      CONTROLLERS("true")}},
    {"R002",
     {"the read-only one is asked",
      {"flow 192.0.2.20 > 192.0.2.2:88 | flow.protocol=kerberos"},
      "",
      "mp01.corp.example",
      "consistent",
      CONTROLLERS("true")}},
    {"R002",
     {"there is none",
      {"flow 192.0.2.20 > 10.0.0.2:88 | flow.protocol=kerberos"},
      "",
      "mp01.corp.example",
      "consistent",
      CONTROLLERS("false")}},
    {"R004",
     {"packages run from the share",
      {"flow 10.1.0.5 > 10.0.0.30:445 | flow.protocol=smb"},
      "",
      "dp01.corp.example",
      "consistent",
      HQ("") "  dp01.corp.example: {addresses: [10.0.0.30], forest: corp, site: P01, roles: "
             "[{distribution-point: {package-share: true}}]}\n"}},
    {"R004",
     {"they do not",
      {"flow 10.1.0.5 > 10.0.0.30:445 | flow.protocol=smb"},
      "medium proven 10.1.0.5 > 10.0.0.30:445 @1,2",
      NULL,
      NULL,
      HQ("") "  dp01.corp.example: {addresses: [10.0.0.30], forest: corp, site: P01, roles: "
             "[distribution-point]}\n"}},
    {"R015",
     {"the site pushes clients",
      {"flow 10.0.0.10 > 10.1.0.5:445 | flow.protocol=smb"},
      "",
      "cm01.corp.example",
      "consistent",
      AROUND SITE(", client-push: true") "clients: {hq: {networks: [10.1.0.0/16]}}\n" CM}},
    {"R015",
     {"it does not, whatever accounts there are",
      {"flow 10.0.0.10 > 10.1.0.5:445 | flow.protocol=smb"},
      "medium proven 10.0.0.10 > 10.1.0.5:445 @1,2",
      NULL,
      NULL,
      "accounts: {client-push: ['CORP\\p']}\n" AROUND SITE(
          ", client-push: false") "clients: {hq: {networks: [10.1.0.0/16]}}\n" CM}},
    {"R020",
     {"a system outside during maintenance",
      {"flow+3600 192.0.2.20 > 10.0.0.10:445 | flow.protocol=smb"},
      "",
      "cm01.corp.example",
      "not_assessable",
      AROUND SITE(", maintenance: \"22:00-04:00\"") CM STRANGE("", "distribution-point")}},
    {"R020",
     {"and after it",
      {"flow+18000 192.0.2.20 > 10.0.0.10:445 | flow.protocol=smb"},
      "high proven 192.0.2.20 > 10.0.0.10:445 @1,2",
      NULL,
      NULL,
      AROUND SITE(", maintenance: \"22:00-04:00\"") CM STRANGE("", "distribution-point")}},
    {"R053",
     {"a ticket for a service name of the host's own",
      {"kerberos 10.1.0.66 > 10.0.0.20:80 | kerberos.exchange=ap | "
       "kerberos.service=HTTP/portal.corp.example | kerberos.ap_hash=0123456789abcdef | "
       "kerberos.packet=12"},
      "",
      NULL,
      NULL,
      AROUND SITE("")
          CM MP(", service-names: [HTTP/portal.corp.example]") "  portal.corp.example: {addresses: "
                                                               "[10.0.0.99], forest: corp}\n"}},
    {"R053",
     {"that is not",
      {"kerberos 10.1.0.66 > 10.0.0.20:80 | kerberos.exchange=ap | "
       "kerberos.service=HTTP/portal.corp.example | kerberos.ap_hash=0123456789abcdef | "
       "kerberos.packet=12"},
      "critical derived 10.1.0.66 > 10.0.0.20:80 @12",
      NULL,
      NULL,
      AROUND SITE("") CM MP("") "  portal.corp.example: {addresses: "
                                "[10.0.0.99], forest: corp}\n"}},
};

static void declarations_count(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        rule_play_cases(cases[i].code, &cases[i].it, 1);
    }
}

static void what_the_sensor_does_not_see_is_not_missed(void **state)
{
    (void)state;
    struct rule_play p;
    rule_play_begin(&p, "\nsensor: {sees: [perimeter]}\n");
    rule_play_finish(&p);
    size_t count = 0, unseen = 0, missed = 0;
    const struct verdict *const *all = audit_verdicts(p.audit, &count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(all[i]->rule->code, "R001") == 0) {
            bool out =
                strcmp(all[i]->because, "The sensor does not see the zone where it stands.") == 0;
            unseen += out && strcmp(all[i]->subject, "dp01.corp.example") == 0;
            missed += !out && strcmp(all[i]->subject, "dp09.corp.example") == 0;
        }
    }
    assert_int_equal(unseen, 1);
    assert_int_equal(missed, 1);
    rule_play_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(declarations_count),
        cmocka_unit_test(what_the_sensor_does_not_see_is_not_missed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
