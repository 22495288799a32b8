/*
 * test_rules_forest.c - R021 roles of other forests, R022 accounts, R023 trusts, R024 the
 * application catalogue, R025 clients that leave their forest, R026 workgroups, R028 and R029
 * proxies, R031 service location, R032 the Exchange connector.
 */
#include "tests/policy/rule_play.h"
#include "tests/test.h"

#define FORESTS                                                                                    \
    "forests: {corp: {domains: [corp.example]}, partner: {domains: [partner.example]}, "           \
    "ally: {domains: [ally.example]}}\n"                                                           \
    "trusts: [{forests: [corp, ally], type: forest, direction: two-way}]\n"                        \
    "sites: {P01: {type: primary}, S01: {type: secondary, parent: P01}, S02: {type: secondary, "   \
    "parent: P01}}\n"
#define HOST(name, address, forest, site, roles)                                                   \
    "  " name ": {addresses: [" address "], forest: " forest ", site: " site ", roles: [" roles    \
    "]}\n"
#define SPANNING                                                                                   \
    FORESTS "hosts:\n" HOST("cm01", "10.0.0.10", "corp", "P01", "site-server")                     \
        HOST("db01", "10.0.0.13", "corp", "P01", "site-database")                                  \
            HOST("cm02", "10.0.0.20", "ally", "S01", "site-server")                                \
                HOST("cm03", "10.0.0.30", "partner", "S02", "site-server")                         \
                    HOST("dp03", "10.0.0.31", "partner", "S02", "distribution-point")              \
                        HOST("dp04", "10.0.0.32", "corp", "S02", "distribution-point")             \
                            HOST("dw03", "10.0.0.33", "partner", "P01", "data-warehouse-point")    \
                                HOST("ws03", "10.0.0.34", "partner", "P01",                        \
                                     "application-catalog-web-service")                            \
                                    HOST("ws01", "10.0.0.35", "corp", "P01",                       \
                                         "application-catalog-web-service")

static const struct rule_case role_cases[] = {
    {"a distribution point of an untrusted forest opens the site database",
     {"flow 192.0.2.21 > 10.0.0.13:1433 | flow.protocol=tds"},
     "high derived 192.0.2.21 > 10.0.0.13:1433 @1,2",
     "dp07.partner.example",
     "violated",
     NULL},
    {"on another port that is declared",
     {"flow 192.0.2.21 > 10.0.0.13:51433"},
     "high derived 192.0.2.21 > 10.0.0.13:51433 @1,2",
     NULL,
     NULL,
     NULL},
    {"joined midstream",
     {"flow 192.0.2.21 ~> 10.0.0.13:1433"},
     "medium inferred 192.0.2.21 > 10.0.0.13:1433 @1",
     NULL,
     NULL,
     NULL},
    {"a role of another forest serves a secondary site",
     {"flow 10.0.0.30 > 10.0.0.32:445 | flow.protocol=smb"},
     "medium derived 10.0.0.30 > 10.0.0.32:445 @1,2",
     "dp04",
     "violated",
     SPANNING},
    {"a role of later versions, by the article to the letter",
     {"flow 10.0.0.33 > 10.0.0.13:1433"},
     "high derived 10.0.0.33 > 10.0.0.13:1433 @1,2",
     NULL,
     NULL,
     "profile: article\n" SPANNING},
    {"near miss: by default it may",
     {"flow 10.0.0.33 > 10.0.0.13:1433"},
     "",
     "dw03",
     "consistent",
     SPANNING},
    {"near miss: a management point",
     {"flow 192.0.2.20 > 10.0.0.13:1433 | flow.protocol=tds"},
     "",
     "mp07.partner.example",
     "consistent",
     NULL},
    {"near miss: no answer",
     {"flow 192.0.2.21 !> 10.0.0.13:1433"},
     "",
     "dp07.partner.example",
     "consistent",
     NULL},
    {"near miss: another service of that host",
     {"flow 192.0.2.21 > 10.0.0.13:445 | flow.protocol=smb"},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: the same forest",
     {"flow 10.0.0.30 > 10.0.0.31:445 | flow.protocol=smb"},
     "",
     "dp03",
     "consistent",
     SPANNING},
};

static void roles(void **state)
{
    (void)state;
    rule_play_cases("R021", role_cases, COUNT_OF(role_cases));
}

#define LOGON(domain, user)                                                                        \
    " | ntlm.variant=v2 | ntlm.domain=" domain " | ntlm.user=" user                                \
    " | ntlm.authenticate_packet=5 | ntlm.result_packet=6"
#define INSTALLER                                                                                  \
    "\naccounts: {site-system-installation: ['PARTNER\\svc-install', 'DP07\\local']}\n"
#define CONNECTION "\naccounts: {management-point-connection: ['svc-mp@partner.example']}\n"

#define MAILING                                                                                    \
    "forests: {corp: {domains: [corp.example]}, partner: {domains: [partner.example], netbios: "   \
    "[PARTNER]}}\nsites: {P01: {type: primary}}\nhosts:\n"                                         \
    "  cm01.corp.example: {addresses: [10.0.0.10], forest: corp, site: P01, roles: "               \
    "[site-server]}\n"                                                                             \
    "  mail.corp.example: {addresses: [10.0.0.60], forest: corp, roles: [exchange-server]}\n"      \
    "  dc9.partner.example: {addresses: [192.0.2.2], forest: partner, roles: "                     \
    "[domain-controller]}\n"
#define CONNECTORS                                                                                 \
    MAILING "accounts: {active-directory-forest: [svc-publish@partner.example], "                  \
            "exchange-connection: ['CORP\\svc-exchange']}\n"

static const struct rule_case account_cases[] = {
    {"the site server's computer account",
     {"ntlm 10.0.0.10 > 192.0.2.21:445 | ntlm.carrier=smb" LOGON("CORP", "CM01$")},
     "high proven 10.0.0.10 > 192.0.2.21:445 @5,6",
     "cm01.corp.example -> dp07.partner.example",
     "violated",
     NULL},
    {"an account that is not declared",
     {"ntlm 10.0.0.10 > 192.0.2.21:445 | ntlm.carrier=smb" LOGON("PARTNER", "admin")},
     "high proven 10.0.0.10 > 192.0.2.21:445 @5,6",
     NULL,
     NULL,
     INSTALLER},
    {"the right name in another domain",
     {"ntlm 10.0.0.10 > 192.0.2.21:445 | ntlm.carrier=smb" LOGON("CORP", "svc-install")},
     "high proven 10.0.0.10 > 192.0.2.21:445 @5,6",
     NULL,
     NULL,
     INSTALLER},
    {"a computer account at the site database",
     {"ntlm 192.0.2.20 > 10.0.0.13:1433 | ntlm.carrier=tds" LOGON("PARTNER", "MP07$")},
     "high proven 192.0.2.20 > 10.0.0.13:1433 @5,6",
     NULL,
     NULL,
     CONNECTION},
    {"near miss: the declared account",
     {"ntlm 10.0.0.10 > 192.0.2.21:445 | ntlm.carrier=smb" LOGON("PARTNER", "svc-install")},
     "",
     "cm01.corp.example -> dp07.partner.example",
     "consistent",
     INSTALLER},
    {"near miss: its domain's other name, in another case",
     {"ntlm 10.0.0.10 > 192.0.2.21:445 | ntlm.carrier=smb" LOGON("partner.example", "SVC-Install")},
     "",
     NULL,
     NULL,
     INSTALLER},
    {"near miss: a local account that is declared",
     {"ntlm 10.0.0.10 > 192.0.2.21:445 | ntlm.carrier=smb" LOGON("DP07", "local")},
     "",
     NULL,
     NULL,
     INSTALLER},
    {"near miss: no accounts are declared",
     {"ntlm 10.0.0.10 > 192.0.2.21:445 | ntlm.carrier=smb" LOGON("PARTNER", "svc")},
     "",
     "cm01.corp.example -> dp07.partner.example",
     "not_assessable",
     NULL},
    {"near miss: the connection account",
     {"ntlm 192.0.2.20 > 10.0.0.13:1433 | ntlm.carrier=tds" LOGON("PARTNER", "svc-mp")},
     "",
     "mp07.partner.example -> db01.corp.example",
     "consistent",
     CONNECTION},
    {"near miss: Kerberos",
     {"kerberos 10.0.0.10 > 192.0.2.21:445 | kerberos.exchange=ap"},
     "",
     "cm01.corp.example -> dp07.partner.example",
     "not_assessable",
     NULL},
    {"another account than the forest account at a domain controller of an untrusted forest",
     {"ntlm 10.0.0.10 > 192.0.2.2:389 | ntlm.carrier=ldap" LOGON("PARTNER", "admin")},
     "high proven 10.0.0.10 > 192.0.2.2:389 @5,6",
     NULL,
     NULL,
     CONNECTORS},
    {"near miss: the forest account, and what is no directory",
     {"ntlm#1 10.0.0.10 > 192.0.2.2:389 | ntlm.carrier=ldap" LOGON("PARTNER", "svc-publish"),
      "ntlm#2 10.0.0.10 > 192.0.2.2:445 | ntlm.carrier=smb" LOGON("PARTNER", "admin")},
     "",
     NULL,
     NULL,
     CONNECTORS},
    {"another account than the connector's at an Exchange server",
     {"ntlm 10.0.0.10 > 10.0.0.60:5985 | ntlm.carrier=http" LOGON("CORP", "CM01$")},
     "high proven 10.0.0.10 > 10.0.0.60:5985 @5,6",
     NULL,
     NULL,
     CONNECTORS},
    {"near miss: the connector's",
     {"ntlm 10.0.0.10 > 10.0.0.60:5985 | ntlm.carrier=http" LOGON("CORP", "svc-exchange")},
     "",
     "cm01.corp.example -> mail.corp.example",
     "consistent",
     CONNECTORS},
    {"near miss: no account is declared for it",
     {"ntlm 10.0.0.10 > 10.0.0.60:5985 | ntlm.carrier=http" LOGON("CORP", "CM01$")},
     "",
     NULL,
     NULL,
     MAILING},
    {"near miss: a trusted forest",
     {"ntlm 10.0.0.10 > 10.0.0.50:445 | ntlm.carrier=smb" LOGON("CORP", "CM01$")},
     "",
     "hierarchy",
     "not_observed",
     NULL},
};

static void accounts(void **state)
{
    (void)state;
    rule_play_cases("R022", account_cases, COUNT_OF(account_cases));
}

static const struct rule_case trust_cases[] = {
    {"no trust is declared",
     {"flow 10.0.0.30 > 10.0.0.10:445 | flow.protocol=smb"},
     "critical derived 10.0.0.30 > 10.0.0.10:445 @1,2",
     "cm03 -> cm01",
     "violated",
     SPANNING},
    {"NTLM although there is one",
     {"ntlm 10.0.0.20 > 10.0.0.10:445 | ntlm.carrier=smb" LOGON("ALLY", "CM02$")},
     "high proven 10.0.0.20 > 10.0.0.10:445 @5",
     "cm02 -> cm01",
     "violated",
     SPANNING},
    {"near miss: a forest trust",
     {"flow 10.0.0.20 > 10.0.0.10:445 | flow.protocol=smb"},
     "",
     "cm02 -> cm01",
     "consistent",
     SPANNING},
    {"near miss: no answer, and another port",
     {"flow 10.0.0.30 !> 10.0.0.10:445", "flow 10.0.0.30 > 10.0.0.10:80"},
     "",
     "hierarchy",
     "not_observed",
     SPANNING},
    {"near miss: one forest",
     {"flow 10.0.0.12 > 10.0.0.10:445 | flow.protocol=smb"},
     "",
     "hierarchy",
     "not_observed",
     NULL},
    {"near miss: sites that are not parent and child",
     {"flow 10.0.0.30 > 10.0.0.20:445 | flow.protocol=smb"},
     "",
     NULL,
     NULL,
     SPANNING},
};

static void trusts(void **state)
{
    (void)state;
    rule_play_cases("R023", trust_cases, COUNT_OF(trust_cases));
}

static const struct rule_case catalogue_cases[] = {
    {"a web service of another forest opens the site database",
     {"flow 10.0.0.34 > 10.0.0.13:1433 | flow.protocol=tds"},
     "medium derived 10.0.0.34 > 10.0.0.13:1433 @1,2",
     "ws03 application-catalog-web-service",
     "violated",
     SPANNING},
    {"the site server opens it",
     {"flow 10.0.0.10 > 10.0.0.34:445 | flow.protocol=smb"},
     "medium derived 10.0.0.10 > 10.0.0.34:445 @1,2",
     NULL,
     NULL,
     SPANNING},
    {"near miss: the site's forest",
     {"flow 10.0.0.35 > 10.0.0.13:1433 | flow.protocol=tds"},
     "",
     "ws01 application-catalog-web-service",
     "consistent",
     SPANNING},
    {"near miss: no answer",
     {"flow 10.0.0.34 !> 10.0.0.13:1433"},
     "",
     "ws03 application-catalog-web-service",
     "not_observed",
     SPANNING},
};

static void catalogue(void **state)
{
    (void)state;
    rule_play_cases("R024", catalogue_cases, COUNT_OF(catalogue_cases));
}

static const struct rule_case abroad_cases[] = {
    {"the own forest has a management point",
     {"flow 10.4.0.5 > 10.0.0.20:443 | flow.protocol=tls"},
     "medium derived 10.4.0.5 > 10.0.0.20:443 @1,2",
     "mp01.corp.example",
     "violated",
     NULL},
    {"midstream",
     {"flow 10.4.0.5 ~> 10.0.0.20:443 | flow.protocol=tls"},
     "medium inferred 10.4.0.5 > 10.0.0.20:443 @1",
     NULL,
     NULL,
     NULL},
    {"near miss: the own forest has no distribution point",
     {"flow 10.4.0.5 > 10.0.0.30:443 | flow.protocol=tls"},
     "",
     "dp01.corp.example",
     "consistent",
     NULL},
    {"near miss: its own forest's",
     {"flow 10.1.0.5 > 10.0.0.20:443 | flow.protocol=tls"},
     "",
     "mp01.corp.example",
     "consistent",
     NULL},
    {"near miss: no answer; another port; a workgroup",
     {"flow 10.4.0.5 !> 10.0.0.20:443", "flow 10.4.0.5 > 10.0.0.20:445 | flow.protocol=smb",
      "flow 10.2.0.5 > 10.0.0.20:443"},
     "",
     "mp01.corp.example",
     "not_observed",
     NULL},
    {"near miss: on the internet",
     {"flow 198.51.100.5 > 10.0.0.50:443 | flow.protocol=tls"},
     "",
     "mp05.ally.example",
     "not_assessable",
     NULL},
};

static void abroad(void **state)
{
    (void)state;
    rule_play_cases("R025", abroad_cases, COUNT_OF(abroad_cases));
}

#define HELLO                                                                                      \
    " | tls.client_hello_packet=3 | tls.server_hello_packet=5 | tls.established=true | "           \
    "tls.version=TLS 1.2"
#define ASKED                                                                                      \
    " | http.method=CCM_POST | http.uri=/ccm_system/request | http.status=200 | "                  \
    "http.request_packet=14"

static const struct rule_case bridge_cases[] = {
    {"HTTPS outside, HTTP inside",
     {"tls#1 198.51.100.5 > 192.0.2.5:443" HELLO, "http#2 192.0.2.5 > 10.0.0.20:80" ASKED},
     "high derived 192.0.2.5 > 10.0.0.20:80 @3,14",
     "proxy01",
     "violated",
     NULL},
    {"HTTP outside, HTTPS inside",
     {"tls#1 192.0.2.5 > 10.0.0.20:443" HELLO, "http#2 198.51.100.5 > 192.0.2.5:80" ASKED},
     "high derived 198.51.100.5 > 192.0.2.5:80 @3,14",
     NULL,
     NULL,
     NULL},
    {"near miss: HTTPS on both",
     {"tls#1 198.51.100.5 > 192.0.2.5:443" HELLO, "tls#2 192.0.2.5 > 10.0.0.20:443" HELLO},
     "",
     "proxy01",
     "consistent",
     NULL},
    {"near miss: the other leg was not captured",
     {"http#2 192.0.2.5 > 10.0.0.20:80" ASKED},
     "",
     "proxy01",
     "not_assessable",
     NULL},
    {"near miss: long before",
     {"tls#1 198.51.100.5 > 192.0.2.5:443" HELLO, "http#2+700 192.0.2.5 > 10.0.0.20:80" ASKED},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: health probes",
     {"tls#1 198.51.100.5 > 192.0.2.5:443" HELLO,
      "http#2 192.0.2.5 > 10.0.0.20:80 | http.method=HEAD | http.uri=/SMS_MP/x | "
      "http.request_packet=14",
      "http#3 192.0.2.5 > 10.0.0.20:80 | http.method=GET | http.uri=/ | http.request_packet=15"},
     "",
     "proxy01",
     "consistent",
     NULL},
    {"near miss: a redirection to HTTPS",
     {"tls#1 192.0.2.5 > 10.0.0.20:443" HELLO,
      "http#2 198.51.100.5 > 192.0.2.5:80 | http.method=GET | http.uri=/SMS_MP/.sms_aut | "
      "http.status=301 | http.request_packet=14"},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: what a CONNECT carries",
     {"tls#1 198.51.100.5 > 192.0.2.5:8080 | tls.carrier=http-connect" HELLO,
      "http#2 192.0.2.5 > 10.0.0.20:80" ASKED},
     "",
     "proxy01",
     "not_assessable",
     NULL},
};

static void bridges(void **state)
{
    (void)state;
    rule_play_cases("R028", bridge_cases, COUNT_OF(bridge_cases));
}

#define RANDOM_A                                                                                   \
    " | tls.client_random=0102030405060708091011121314151617181920212223242526272829303132"
#define RANDOM_B                                                                                   \
    " | tls.client_random=ff02030405060708091011121314151617181920212223242526272829303132"
#define REQUESTED " | tls.client_certificate_requested=true"
#define TUNNELLING                                                                                 \
    "forests: {corp: {domains: [corp.example]}}\nsites: {P01: {type: primary}}\n"                  \
    "hosts:\n  mp01: {addresses: [10.0.0.20], forest: corp, site: P01, roles: "                    \
    "[management-point]}\n  proxy01: {addresses: [192.0.2.5], workgroup: true, roles: "            \
    "[{web-proxy: {mode: tunneling, publishes: [mp01]}}]}\n"

static const struct rule_case mode_cases[] = {
    {"a tunnel where bridging is declared",
     {"tls#1 198.51.100.5 > 192.0.2.5:443" HELLO RANDOM_A REQUESTED,
      "tls#2 192.0.2.5 > 10.0.0.20:443 | tls.client_hello_packet=4" RANDOM_A},
     "medium derived 192.0.2.5 > 10.0.0.20:443 @3,4",
     "proxy01",
     "violated",
     NULL},
    {"a certificate of its own where tunnelling is declared",
     {"tls#1 198.51.100.5 > 192.0.2.5:443" HELLO RANDOM_A
      " | tls.certificate.san=DNS:proxy01 | tls.certificate.packet=6"},
     "medium proven 198.51.100.5 > 192.0.2.5:443 @6",
     "proxy01",
     "violated",
     TUNNELLING},
    {"near miss: that of the published host; that of its own administration",
     {"tls#1 198.51.100.5 > 192.0.2.5:443" HELLO RANDOM_A
      " | tls.certificate.san=DNS:mp01 | tls.certificate.packet=6",
      "tls#2 198.51.100.5 > 192.0.2.5:8443" HELLO RANDOM_A
      " | tls.certificate.san=DNS:proxy01 | tls.certificate.packet=6"},
     "",
     NULL,
     NULL,
     TUNNELLING},
    {"bridging without a client certificate",
     {"tls#1 198.51.100.5 > 192.0.2.5:443" HELLO RANDOM_A
      " | tls.client_certificate_requested=false"},
     "medium proven 198.51.100.5 > 192.0.2.5:443 @3,5",
     "proxy01",
     "violated",
     NULL},
    {"near miss: bridging as declared",
     {"tls#1 198.51.100.5 > 192.0.2.5:443" HELLO RANDOM_A REQUESTED,
      "tls#2 192.0.2.5 > 10.0.0.20:443" HELLO RANDOM_B},
     "",
     "proxy01",
     "consistent",
     NULL},
    {"near miss: a tunnel as declared",
     {"tls#1 198.51.100.5 > 192.0.2.5:443" HELLO RANDOM_A,
      "tls#2 192.0.2.5 > 10.0.0.20:443" HELLO RANDOM_A},
     "",
     "proxy01",
     "consistent",
     TUNNELLING},
    {"near miss: TLS 1.3 hides it",
     {"tls#1 198.51.100.5 > 192.0.2.5:443 | tls.client_hello_packet=3 | tls.established=true | "
      "tls.version=TLS 1.3" RANDOM_A},
     "",
     "proxy01",
     "not_assessable",
     NULL},
    {"near miss: the same octets twice on one leg",
     {"tls#1 198.51.100.5 > 192.0.2.5:443" HELLO RANDOM_A REQUESTED,
      "tls#2 198.51.100.5 > 192.0.2.5:443" HELLO RANDOM_A REQUESTED},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: no proxy",
     {"tls#1 198.51.100.5 > 10.0.0.20:443" HELLO RANDOM_A},
     "",
     "proxy01",
     "not_observed",
     NULL},
};

static void modes(void **state)
{
    (void)state;
    rule_play_cases("R029", mode_cases, COUNT_OF(mode_cases));
}

static const struct rule_case member_cases[] = {
    {"a computer account's ticket",
     {"kerberos 10.2.0.5 > 10.0.0.2:88 | kerberos.exchange=as | kerberos.client=KIOSK7$ | "
      "kerberos.request_packet=5"},
     "medium proven 10.2.0.5 > 10.0.0.2:88 @5",
     "dc01.corp.example",
     "violated",
     NULL},
    {"the global catalogue: for information",
     {"flow 10.2.0.5 > 10.0.0.2:3268 | flow.protocol=ldap"},
     "info derived 10.2.0.5 > 10.0.0.2:3268 @1",
     NULL,
     NULL,
     NULL},
    {"near miss: a user's ticket",
     {"kerberos 10.2.0.5 > 10.0.0.2:88 | kerberos.exchange=as | kerberos.client=alice"},
     "",
     "dc01.corp.example",
     "consistent",
     NULL},
    {"near miss: a member of the domain",
     {"kerberos 10.1.0.5 > 10.0.0.2:88 | kerberos.exchange=as | kerberos.client=CL01$",
      "flow 10.1.0.5 > 10.0.0.2:3268 | flow.protocol=ldap"},
     "",
     "dc01.corp.example",
     "not_observed",
     NULL},
    {"near miss: no answer", {"flow 10.2.0.5 !> 10.0.0.2:3268"}, "", NULL, NULL, NULL},
};

static void members(void **state)
{
    (void)state;
    rule_play_cases("R026", member_cases, COUNT_OF(member_cases));
}

#define ASKED_FOR(name, kind)                                                                      \
    " | dns.query=" name " | dns.kind=" kind " | dns.request_packet=3 | dns.response_packet=4"
#define SERVICE ASKED_FOR("_mssms_mp_p01._tcp.corp.example", "dns")

static const struct rule_case location_cases[] = {
    {"WINS although the site is published",
     {"dns 10.1.0.5 udp> 10.0.0.2:137" ASKED_FOR("MP_P01<1a>", "nbns")},
     "low proven 10.1.0.5 > 10.0.0.2:137 @3",
     "hierarchy",
     "violated",
     NULL},
    {"an answer that names a stranger",
     {"dns 10.1.0.5 udp> 10.0.0.2:137" ASKED_FOR("MP_P01<1A>",
                                                 "nbns") " | dns.addresses=MP_P01<1A> 10.7.7.7"},
     "high proven 10.1.0.5 > 10.0.0.2:137 @3,4",
     NULL,
     NULL,
     NULL},
    {"a service that is a stranger's",
     {"dns 10.1.0.5 udp> 10.0.0.2:53" SERVICE " | dns.answers=0 0 443 mp99.corp.example"},
     "high proven 10.1.0.5 > 10.0.0.2:53 @3,4",
     NULL,
     NULL,
     NULL},
    {"one of two is a host without that role",
     {"dns 10.1.0.5 udp> 10.0.0.2:53" SERVICE
      " | dns.answers=0 0 443 mp01.corp.example | dns.answers=0 0 443 dp01.corp.example"},
     "high proven 10.1.0.5 > 10.0.0.2:53 @3,4",
     NULL,
     NULL,
     NULL},
    {"near miss: the service is a management point's",
     {"dns 10.1.0.5 udp> 10.0.0.2:53" SERVICE " | dns.answers=0 0 443 mp01.corp.example"},
     "",
     "hierarchy",
     "consistent",
     NULL},
    {"near miss: nothing is published, or nobody can read it",
     {"dns 10.3.0.5 udp> 10.0.0.2:137" ASKED_FOR("MP_P01<1a>", "nbns"),
      "dns 10.2.0.5 udp> 10.0.0.2:137" ASKED_FOR("MP_P01<1a>", "nbns")},
     "",
     "hierarchy",
     "consistent",
     NULL},
    {"near miss: not declared",
     {"dns 10.7.7.7 udp> 10.0.0.2:137" ASKED_FOR("MP_P01<1a>", "nbns")},
     "",
     "hierarchy",
     "not_assessable",
     NULL},
    {"near miss: other names, and a registration",
     {"dns 10.1.0.5 udp> 10.0.0.2:137" ASKED_FOR("MP_P01<00>", "nbns"),
      "dns 10.1.0.5 udp> 10.0.0.2:53" ASKED_FOR("mp01.corp.example", "dns"),
      "dns 10.0.0.20 udp> 10.0.0.2:137 | dns.opcode=REGISTRATION" ASKED_FOR("MP_P01<1a>", "nbns")},
     "",
     "hierarchy",
     "not_observed",
     NULL},
};

static void location(void **state)
{
    (void)state;
    rule_play_cases("R031", location_cases, COUNT_OF(location_cases));
}

#define EXCHANGE                                                                                   \
    FORESTS "hosts:\n" HOST("cm01", "10.0.0.10", "corp", "P01", "site-server")                     \
        HOST("ex01.corp.example", "10.0.0.11", "corp", "P01", "exchange-server")
#define WSMAN(host)                                                                                \
    "http 10.0.0.10 > 10.0.0.11:5985 | http.method=POST | http.uri=/wsman | http.host=" host       \
    " | http.request_packet=4"

static const struct rule_case exchange_cases[] = {
    {"by address",
     {WSMAN("10.0.0.11:5985")},
     "low proven 10.0.0.10 > 10.0.0.11:5985 @4",
     "cm01 -> ex01.corp.example",
     "violated",
     EXCHANGE},
    {"by a short name",
     {WSMAN("ex01")},
     "low proven 10.0.0.10 > 10.0.0.11:5985 @4",
     NULL,
     NULL,
     EXCHANGE},
    {"another name in TLS",
     {"tls 10.0.0.10 > 10.0.0.11:5986 | tls.server_name=mail.example | tls.client_hello_packet=4"},
     "low proven 10.0.0.10 > 10.0.0.11:5986 @4",
     NULL,
     NULL,
     EXCHANGE},
    {"near miss: its own",
     {WSMAN("EX01.corp.example:5985")},
     "",
     "cm01 -> ex01.corp.example",
     "consistent",
     EXCHANGE},
    {"near miss: no name is said",
     {"tls 10.0.0.10 > 10.0.0.11:5986 | tls.client_hello_packet=4"},
     "",
     "cm01 -> ex01.corp.example",
     "not_assessable",
     EXCHANGE},
    {"near miss: somebody else",
     {"http 10.1.0.5 > 10.0.0.11:80 | http.method=GET | http.uri=/owa | http.host=mail"},
     "",
     "hierarchy",
     "not_observed",
     EXCHANGE},
};

static void exchange(void **state)
{
    (void)state;
    rule_play_cases("R032", exchange_cases, COUNT_OF(exchange_cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roles),     cmocka_unit_test(accounts), cmocka_unit_test(trusts),
        cmocka_unit_test(catalogue), cmocka_unit_test(abroad),   cmocka_unit_test(bridges),
        cmocka_unit_test(modes),     cmocka_unit_test(members),  cmocka_unit_test(location),
        cmocka_unit_test(exchange),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
