/*
 * test_discover.c - what traffic alone tells of roles, domains and sites, and what it does not.
 */
#include "policy/discover.h"
#include "tests/policy/rule_play.h"
#include "tests/test.h"

#define STEPS 5

static void observe(void *user, const struct observation *o)
{
    discovery_observe(user, o);
}

/* "10.0.0.1 management-point certain; ..." in order of addresses and roles. */
static void roles_of(const struct discovery *d, char *text, size_t room)
{
    size_t count = 0, at = 0;
    struct discovered_host *const *hosts = discovery_hosts(d, &count);
    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        char address[ADDRESS_TEXT];
        for (const struct discovered_role *r = hosts[i]->roles; r != NULL; r = r->next) {
            int len = snprintf(text + at, room - at, "%s%s %s %s", at == 0 ? "" : "; ",
                               address_format(&hosts[i]->address, address), role_name(r->role),
                               score_name(r->score));
            at += (size_t)len;
            assert_true(at < room);
        }
    }
}

static void play(struct rule_play *p, struct discovery *d, const char *const *steps)
{
    rule_play_begin(p, NULL);
    p->also = observe;
    p->also_user = d;
    for (size_t i = 0; i < STEPS && steps[i] != NULL; i++) {
        rule_play_say(p, steps[i]);
    }
    discovery_finish(d);
    rule_play_end(p);
}

#define OPENED(ends, share)                                                                        \
    "smb " ends ":445 | smb.message=tree_connect | smb.status_code=0 | smb.path=\\\\x\\" share
#define WROTE(ends, share)                                                                         \
    "smb " ends ":445 | smb.message=transfer | smb.written_bytes=9 | smb.path=\\\\x\\" share
#define ANSWERED(method, uri, status)                                                              \
    "http 10.1.0.5 > 10.7.0.1:80 | http.method=" method " | http.uri=" uri                         \
    " | http.status=" status " | http.response_packet=4"

#define FOUND                                                                                      \
    " | ldap.operation=search | ldap.result_code=0 | ldap.entries=1 | ldap.response_packet=2 | "
#define SHAKEN(random)                                                                             \
    " | tls.established=true | tls.server_hello_packet=5 | tls.client_hello_packet=4 | "           \
    "tls.client_random=" random random random random random random random random
#define SHAKE(ends, random) "tls " ends ":443" SHAKEN(random random)
#define ASKS " | tls.client_certificate_requested=true"
#define WMI(ends)                                                                                  \
    "dcerpc " ends ":49670 | dcerpc.message=bind | dcerpc.interface=IWbemLevel1Login | "           \
    "dcerpc.result=accepted"

static void roles(void **state)
{
    static const struct {
        const char *label, *steps[STEPS], *roles;
    } cases[] = {
        {"a management point answers",
         {ANSWERED("CCM_POST", "/ccm_system/request", "200")},
         "10.7.0.1 management-point certain"},
        {"a path that is not there proves nothing",
         {ANSWERED("GET", "/SMS_MP/.sms_aut", "404")},
         ""},
        {"nor one that asks for a logon", {ANSWERED("GET", "/SMS_MP/.sms_aut", "401")}, ""},
        {"nor another path", {ANSWERED("GET", "/index.html", "200")}, ""},
        {"content that is written",
         {OPENED("10.7.0.1 > 10.7.0.2", "SMSPKGD$"), WROTE("10.7.0.1 > 10.7.0.2", "SMSPKGD$")},
         "10.7.0.1 site-server likely; 10.7.0.2 distribution-point likely"},
        {"the site's share, and who writes to it",
         {OPENED("10.7.0.3 > 10.7.0.1", "SMS_P01"), WROTE("10.7.0.3 > 10.7.0.1", "SMS_P01")},
         "10.7.0.1 site-server possible; 10.7.0.3 management-point possible"},
        {"the site's share, and two who write to it",
         {OPENED("10.7.0.3 > 10.7.0.1", "SMS_P01"), WROTE("10.7.0.3 > 10.7.0.1", "SMS_P01"),
          WROTE("10.7.0.4 > 10.7.0.1", "SMS_P01")},
         "10.7.0.1 site-server likely; 10.7.0.3 management-point possible"},
        {"the site's share on a site system",
         {WROTE("10.7.0.1 > 10.7.0.2", "SMSPKGD$"), OPENED("10.7.0.1 > 10.7.0.3", "SMS_P01"),
          WROTE("10.7.0.1 > 10.7.0.3", "SMS_P01")},
         "10.7.0.1 site-server likely; 10.7.0.2 distribution-point likely; 10.7.0.3 site-server "
         "possible; 10.7.0.3 management-point possible"},
        {"near miss: a package share that nobody reads or writes",
         {OPENED("10.7.0.1 > 10.7.0.2", "SMSPKGD$")},
         "10.7.0.2 distribution-point possible"},
        {"a share that is refused",
         {"smb 10.7.0.3 > 10.7.0.1:445 | smb.message=tree_connect | smb.status_code=3221225506 | "
          "smb.path=\\\\x\\SMS_P01"},
         ""},
        {"near miss: a share that only looks like it",
         {OPENED("10.7.0.3 > 10.7.0.1", "SMS_DATA")},
         ""},
        {"a KDC, and no KDC",
         {"kerberos 10.1.0.5 > 10.7.0.1:88 | kerberos.exchange=as | kerberos.realm=CORP.EXAMPLE | "
          "kerberos.reply_packet=2",
          "kerberos 10.1.0.5 > 10.7.0.2:88 | kerberos.exchange=as | kerberos.realm=X.EXAMPLE | "
          "kerberos.error=KDC_ERR_WRONG_REALM | kerberos.reply_packet=2",
          "kerberos 10.1.0.5 > 10.7.0.3:88 | kerberos.exchange=as | kerberos.realm=X.EXAMPLE"},
         "10.7.0.1 domain-controller certain; 10.7.0.1 global-catalog possible"},
        {"the site's database",
         {"sql 10.7.0.2 > 10.7.0.1:1433 | sql.database=CM_P01 | sql.result=success"},
         "10.7.0.1 site-database certain"},
        {"a logon to it that failed",
         {"sql 10.7.0.2 > 10.7.0.1:1433 | sql.database=CM_P01 | sql.result=failure"},
         ""},
        {"a name server names a management point",
         {"dns 10.1.0.5 > 10.7.0.1:53 | dns.kind=dns | dns.rcode=NOERROR | dns.qtype=SRV | "
          "dns.query=_mssms_mp_p01._tcp.corp.example | dns.answers=0 0 443 mp9.corp.example | "
          "dns.addresses=mp9.corp.example 10.7.0.9 | dns.response_packet=2",
          "tls 10.1.0.5 > 10.7.0.9:443 | tls.server_hello_packet=5",
          "flow 10.1.0.5 > 10.7.0.9:443 | flow.protocol=tls"},
         "10.7.0.1 dns certain; 10.7.0.9 management-point likely"},
        {"a service by its port and content",
         {"flow 10.1.0.5 > 10.7.0.1:10123 | flow.protocol=tls",
          "flow 10.1.0.5 > 10.7.0.2:3268 | flow.protocol=ldap"},
         "10.7.0.1 management-point likely; 10.7.0.2 global-catalog certain"},
        {"a netlogon answer, and one that says less",
         {"ldap 10.1.0.5 udp> 10.7.0.1:389" FOUND "ldap.netlogon=ldap | ldap.netlogon=gc",
          "ldap 10.1.0.5 udp> 10.7.0.2:389" FOUND "ldap.netlogon=ldap | ldap.netlogon=kdc"},
         "10.7.0.1 domain-controller certain; 10.7.0.1 global-catalog certain; 10.7.0.2 "
         "domain-controller certain"},
        {"a search that speaks of Active Directory, and one in any directory",
         {"ldap 10.1.0.5 > 10.7.0.1:389" FOUND
          "ldap.dn=dc=corp,dc=example | ldap.filter=(samaccountname=a)",
          "ldap 10.1.0.5 > 10.7.0.2:389" FOUND "ldap.dn=dc=corp,dc=example | ldap.filter=(uid=a)"},
         "10.7.0.1 domain-controller likely; 10.7.0.2 domain-controller possible"},
        {"the directory names a management point",
         {"dns 10.1.0.5 > 10.7.0.1:53 | dns.kind=dns | dns.rcode=NOERROR | dns.qtype=A | "
          "dns.query=mp9.corp.example | dns.answers=10.7.0.9 | "
          "dns.addresses=mp9.corp.example 10.7.0.9 | dns.response_packet=2",
          "ldap 10.1.0.5 > 10.7.0.1:389" FOUND
          "ldap.found=CN=SMS-MP-P01-MP9.CORP.EXAMPLE,CN=System Management,CN=System",
          "ldap 10.1.0.5 > 10.7.0.1:389" FOUND "ldap.found=CN=SMS-MP-P01-MP8.CORP.EXAMPLE,CN=Users",
          "flow 10.1.0.5 > 10.7.0.9:443 | flow.protocol=tls"},
         "10.7.0.1 dns certain; 10.7.0.9 management-point likely"},
        {"a management point behind HTTPS, by certificates and the common database",
         {WROTE("10.7.0.1 > 10.7.0.2", "SMSPKGD$"), SHAKE("10.1.0.5 > 10.7.0.3", "1") ASKS,
          "flow 10.7.0.1 > 10.7.0.4:1433 | flow.protocol=tds",
          "flow 10.7.0.3 > 10.7.0.4:1433 | flow.protocol=tds"},
         "10.7.0.1 site-server likely; 10.7.0.2 distribution-point likely; 10.7.0.3 "
         "management-point likely; 10.7.0.4 site-database "
         "likely"},
        {"near miss: its clients bring files, as those of a state migration point do",
         {WROTE("10.7.0.1 > 10.7.0.2", "SMSPKGD$"), SHAKE("10.1.0.5 > 10.7.0.3", "1") ASKS,
          "flow 10.7.0.1 > 10.7.0.4:1433 | flow.protocol=tds",
          "flow 10.7.0.3 > 10.7.0.4:1433 | flow.protocol=tds",
          WROTE("10.1.0.5 > 10.7.0.3", "store")},
         "10.7.0.1 site-server likely; 10.7.0.2 distribution-point likely; 10.7.0.3 "
         "management-point possible; 10.7.0.4 site-database possible"},
        {"the provider on the site server, by consoles",
         {WROTE("10.7.0.1 > 10.7.0.2", "SMSPKGD$"), OPENED("10.1.0.9 > 10.7.0.1", "SMS_P01"),
          SHAKE("10.1.0.9 > 10.7.0.1", "1")},
         "10.7.0.1 site-server likely; 10.7.0.1 sms-provider likely; 10.7.0.2 distribution-point "
         "likely"},
        {"near miss: HTTPS of a site server to others",
         {WROTE("10.7.0.1 > 10.7.0.2", "SMSPKGD$"), OPENED("10.1.0.9 > 10.7.0.1", "SMS_P01"),
          SHAKE("10.1.0.5 > 10.7.0.1", "1")},
         "10.7.0.1 site-server likely; 10.7.0.2 distribution-point likely"},
        {"the provider by WMI, on the site server alone",
         {WROTE("10.7.0.1 > 10.7.0.2", "SMSPKGD$"), WMI("10.1.0.9 > 10.7.0.1"),
          WMI("10.1.0.9 > 10.7.0.2"), WMI("10.7.0.1 > 10.7.0.3")},
         "10.7.0.1 site-server likely; 10.7.0.1 sms-provider likely; 10.7.0.2 distribution-point "
         "likely"},
        {"a proxy that bridges",
         {SHAKE("10.1.0.5 > 10.7.0.5", "1") " | tls.certificate.san=dns:mp01.corp.example",
          SHAKE("10.7.0.5 > 10.7.0.9", "2") " | tls.certificate.san=dns:mp01.corp.example"},
         "10.7.0.5 web-proxy likely"},
        {"a proxy that tunnels",
         {SHAKE("10.1.0.5 > 10.7.0.5", "1"), SHAKE("10.7.0.5 > 10.7.0.9", "1")},
         "10.7.0.5 web-proxy likely"},
        {"near miss: another name, another hello, later, the other way round",
         {SHAKE("10.1.0.5 > 10.7.0.5", "1") " | tls.certificate.san=dns:mp01.corp.example",
          SHAKE("10.7.0.5 > 10.7.0.9", "2") " | tls.certificate.san=dns:dc01.corp.example",
          "tls+9 10.7.0.5 > 10.7.0.9:443" SHAKEN(
              "3") " | tls.certificate.san=dns:mp01.corp.example"},
         ""},
        {"a gateway in the cloud, and its connection point",
         {"flow 10.7.0.3 > 203.0.113.8:10124 | flow.protocol=tls",
          SHAKE("198.51.100.7 > 203.0.113.8", "1")},
         "10.7.0.3 cloud-management-gateway-connection-point likely; 203.0.113.8 "
         "cloud-management-gateway likely"},
        {"near miss: the port alone, a name of Azure alone",
         {"flow 10.7.0.3 > 203.0.113.8:10124 | flow.protocol=tls",
          SHAKE("10.1.0.5 > 203.0.113.9",
                "1") " | tls.server_name=x.westeurope.cloudapp.azure.com"},
         "10.7.0.3 cloud-management-gateway-connection-point possible; 203.0.113.8 "
         "cloud-management-gateway possible; 203.0.113.9 cloud-management-gateway possible"},
        {"a web server that takes everything, a name server at another port",
         {ANSWERED("POST", "/SMS_MP/x", "200"),
          "dns 10.1.0.5 > 10.7.0.1:5300 | dns.kind=dns | dns.rcode=NOERROR | dns.query=x | "
          "dns.response_packet=2"},
         "10.7.0.1 dns possible"},
        {"a port alone is nothing",
         {"flow 10.1.0.5 > 10.7.0.1:10123 | flow.protocol=tls | flow.identified_by=port",
          "flow 10.1.0.5 !> 10.7.0.2:3268 | flow.protocol=ldap"},
         ""},
        {"SQL of a site server and of a management point",
         {WROTE("10.7.0.1 > 10.7.0.2", "SMSPKGD$"),
          "flow 10.1.0.5 > 10.7.0.3:10123 | flow.protocol=tls",
          "flow 10.7.0.1 > 10.7.0.4:14330 | flow.protocol=tds",
          "flow 10.7.0.3 > 10.7.0.4:14330 | flow.protocol=tds"},
         "10.7.0.1 site-server likely; 10.7.0.2 distribution-point likely; 10.7.0.3 "
         "management-point likely; 10.7.0.4 site-database "
         "likely"},
        {"SQL of a site server alone may be anything's",
         {WROTE("10.7.0.1 > 10.7.0.2", "SMSPKGD$"),
          "flow 10.7.0.1 > 10.7.0.4:14330 | flow.protocol=tds",
          "flow 10.1.0.5 > 10.7.0.4:14330 | flow.protocol=tds"},
         "10.7.0.1 site-server likely; 10.7.0.2 distribution-point likely"},
        {"a proxy",
         {"http 10.1.0.5 > 10.7.0.1:8080 | http.method=CONNECT | http.uri=mp:443 | "
          "http.status=200 | http.proxy=true | http.response_packet=4"},
         "10.7.0.1 web-proxy likely"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct rule_play p;
        char text[1000];
        struct discovery *d = discovery_new();
        assert_non_null(d);
        play(&p, d, cases[i].steps);
        roles_of(d, text, sizeof text);
        if (strcmp(text, cases[i].roles) != 0) {
            print_error("%s: %s\n", cases[i].label, text);
        }
        assert_string_equal(text, cases[i].roles);
        discovery_free(d);
    }
}

static void domains_and_sites(void **state)
{
    static const char *const steps[STEPS] = {
        OPENED("10.7.0.3 > 10.7.0.1", "SMS_P01"),
        "ntlm 10.1.0.5 > 10.7.0.1:445 | ntlm.server_name=CM01 | ntlm.server_domain=CORP | "
        "ntlm.server_dns_name=cm01.corp.example | ntlm.server_dns_domain=corp.example",
        "ntlm 10.1.0.5 > 10.7.0.2:445 | ntlm.server_name=ALONE | ntlm.server_domain=ALONE | "
        "ntlm.server_dns_name=alone | ntlm.server_dns_domain=alone",
        "kerberos 10.1.0.5 > 10.7.0.1:88 | kerberos.exchange=as | kerberos.realm=EMEA.CORP.EXAMPLE "
        "| kerberos.reply_packet=2",
        "kerberos 10.1.0.5 > 10.7.0.1:88 | kerberos.exchange=as | kerberos.realm=A'\n: {B.C | "
        "kerberos.reply_packet=2"};
    struct rule_play p;
    size_t count = 0;
    struct discovery *d = discovery_new();
    (void)state;
    assert_non_null(d);
    play(&p, d, steps);
    const struct discovered_word *domains = discovery_domains(d, &count);
    assert_int_equal(count, 2);
    assert_string_equal(domains[0].name, "corp.example");
    assert_string_equal(domains[0].netbios, "CORP");
    assert_string_equal(domains[1].name, "emea.corp.example");
    assert_string_equal(discovery_domain_of(d, "x.emea.corp.example")->name, "emea.corp.example");
    assert_null(discovery_domain_of(d, "corp.example"));
    const struct discovered_word *sites = discovery_sites(d, &count);
    assert_int_equal(count, 1);
    assert_string_equal(sites[0].name, "P01");
    discovery_free(d);
}

static void one_name_is_one_host(void **state)
{
    static const char *const steps[STEPS] = {
        "ntlm 10.1.0.5 > 10.7.0.1:445 | ntlm.server_dns_name=cm01.corp.example",
        "ntlm 10.1.0.5 > 10.7.0.9:445 | ntlm.server_dns_name=CM01.corp.example",
        OPENED("10.7.0.3 > 10.7.0.1", "SMS_P01"),
        OPENED("10.7.0.3 > 10.7.0.9", "SMSPKGD$"),
    };
    struct rule_play p;
    size_t count = 0;
    struct discovery *d = discovery_new();
    (void)state;
    assert_non_null(d);
    play(&p, d, steps);
    struct discovered_host *const *hosts = discovery_hosts(d, &count);
    assert_int_equal(count, 3); /* and the client */
    const struct discovered_host *h = hosts[0];
    assert_true(h->listed);
    assert_non_null(discovered_role_of(h, ROLE_SITE_SERVER));
    assert_non_null(discovered_role_of(h, ROLE_DISTRIBUTION_POINT));
    assert_non_null(h->more);
    assert_false(h->more->listed);
    discovery_free(d);
}

/* What one site's server alone serves is of that site; what those of two serve is of neither. */
static void sites_of_the_served(void **state)
{
    static const char *const steps[STEPS] = {
        OPENED("10.7.0.9 > 10.7.0.1", "SMS_P01"), WROTE("10.7.0.1 > 10.7.0.3", "SMSPKGD$"),
        OPENED("10.7.0.9 > 10.7.0.2", "SMS_S01"), WROTE("10.7.0.2 > 10.7.0.4", "SMSPKGD$"),
        WROTE("10.7.0.1 > 10.7.0.4", "SMSPKGD$"),
    };
    static const char *const opened[STEPS] = {OPENED("10.7.0.1 > 10.7.0.3", "SMSPKGD$"),
                                              OPENED("10.7.0.1 > 10.7.0.4", "SMSPKGD$")};
    struct rule_play p;
    size_t count = 0;
    struct discovery *d = discovery_new();
    (void)state;
    assert_non_null(d);
    rule_play_begin(&p, NULL);
    p.also = observe;
    p.also_user = d;
    for (size_t i = 0; i < 2; i++) {
        rule_play_say(&p, opened[i]);
    }
    for (size_t i = 0; i < STEPS; i++) {
        rule_play_say(&p, steps[i]);
    }
    discovery_finish(d);
    rule_play_end(&p);
    struct discovered_host *const *hosts = discovery_hosts(d, &count);
    assert_int_equal(count, 5);
    assert_string_equal(hosts[2]->site, "P01");
    assert_null(hosts[3]->site);
    discovery_free(d);
}

/* A bridging proxy shows the certificate of the host behind it. */
static void certificate_of_another(void **state)
{
    static const char *const steps[STEPS] = {
        "ntlm 10.1.0.5 > 10.7.0.1:445 | ntlm.server_dns_name=mp01.corp.example",
        "tls 10.1.0.5 > 10.7.0.9:443 | tls.server_hello_packet=5 | tls.established=true | "
        "tls.client_certificate_requested=true | tls.certificate.subject=CN=mp01.corp.example | "
        "tls.certificate.san=dns:mp01.corp.example | tls.server_name=mp01.corp.example",
        "flow 10.1.0.5 > 10.7.0.1:10123 | flow.protocol=tls",
    };
    struct rule_play p;
    size_t count = 0;
    struct discovery *d = discovery_new();
    (void)state;
    assert_non_null(d);
    play(&p, d, steps);
    struct discovered_host *const *hosts = discovery_hosts(d, &count);
    assert_int_equal(count, 3);
    assert_string_equal(hosts[1]->name, "mp01.corp.example");
    assert_null(hosts[1]->more);
    assert_null(hosts[2]->name);
    assert_true(hosts[2]->listed);
    assert_int_equal(discovered_role_of(hosts[2], ROLE_WEB_PROXY)->score, SCORE_POSSIBLE);
    discovery_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roles),
        cmocka_unit_test(sites_of_the_served),
        cmocka_unit_test(domains_and_sites),
        cmocka_unit_test(one_name_is_one_host),
        cmocka_unit_test(certificate_of_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
