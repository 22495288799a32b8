/*
 * test_rules_admin.c - R110, R112, R113, R115, R116: who administers, boots and looks for names.
 */
#include "tests/policy/rule_play.h"
#include "tests/test.h"

#define WMI " | dcerpc.message=bind | dcerpc.interface=IWbemLevel1Login | dcerpc.request_packet=8"

static const struct rule_case caller_cases[] = {
    {"TLS to the administration service",
     {"tls 10.1.0.5 > 10.0.0.14:443 | tls.established=true | tls.client_hello_packet=4"},
     "high derived 10.1.0.5 > 10.0.0.14:443 @4",
     "prov01.corp.example",
     "violated",
     NULL},
    {"WMI",
     {"dcerpc 10.1.0.5 > 10.0.0.14:49670" WMI " | dcerpc.result=accepted"},
     "high proven 10.1.0.5 > 10.0.0.14:49670 @8",
     NULL,
     NULL,
     NULL},
    {"its path in clear",
     {"http 10.1.0.5 > 10.0.0.14:80 | http.method=GET | http.uri=/adminservice/wmi/SMS_Site | "
      "http.request_packet=5"},
     "high proven 10.1.0.5 > 10.0.0.14:80 @5",
     NULL,
     NULL,
     NULL},
    {"near miss: an administrator and the site server",
     {"tls 10.9.0.5 > 10.0.0.14:443 | tls.established=true",
      "dcerpc 10.0.0.10 > 10.0.0.14:49670" WMI},
     "",
     "prov01.corp.example",
     "consistent",
     NULL},
    {"near miss: allowed by the policy",
     {"tls 10.1.0.5 > 10.0.0.14:443 | tls.established=true"},
     "",
     "prov01.corp.example",
     "consistent",
     "\nmatrix: [{allow: {from: hq, to: sms-provider, over: [tls], reason: reports}}]\n"},
    {"near miss: a handshake that failed, another interface, a rejected bind",
     {"tls 10.1.0.5 > 10.0.0.14:443 | tls.established=false",
      "dcerpc 10.1.0.5 > 10.0.0.14:135 | dcerpc.message=bind | dcerpc.interface=epmapper",
      "dcerpc 10.1.0.5 > 10.0.0.14:49670" WMI " | dcerpc.result=rejected"},
     "",
     "prov01.corp.example",
     "not_observed",
     NULL},
    {"a management point on the same host",
     {"tls 10.1.0.5 > 10.0.0.60:443 | tls.established=true"},
     "",
     "both01",
     "not_assessable",
     "sites: {P01: {type: primary}}\n"
     "forests: {corp: {domains: [corp.example]}}\n"
     "clients: {hq: {networks: [10.1.0.0/16], forest: corp}}\n"
     "hosts: {both01: {addresses: [10.0.0.60], forest: corp, site: P01, roles: [sms-provider, "
     "management-point]}}\n"},
};

static const struct rule_case remote_cases[] = {
    {"Remote Desktop by its content",
     {"flow@3 10.1.0.5 > 10.0.0.30:3390 | flow.protocol=rdp | flow.identified_by=content"},
     "high proven 10.1.0.5 > 10.0.0.30:3390 @3,4",
     "dp01.corp.example",
     "violated",
     NULL},
    {"WinRM by its path",
     {"flow@3 10.0.0.20 > 10.0.0.30:5985 | flow.protocol=http | flow.application=WinRM | "
      "flow.identified_by=content"},
     "high proven 10.0.0.20 > 10.0.0.30:5985 @3,4",
     NULL,
     NULL,
     NULL},
    {"by its port alone",
     {"flow@3 10.7.7.7 > 10.0.0.30:22 | flow.protocol=ssh | flow.identified_by=port"},
     "medium inferred 10.7.7.7 > 10.0.0.30:22 @3,4",
     NULL,
     NULL,
     NULL},
    {"near miss: an administrator",
     {"flow 10.9.0.5 > 10.0.0.30:3389 | flow.protocol=rdp | flow.identified_by=content"},
     "",
     "dp01.corp.example",
     "consistent",
     NULL},
    {"near miss: allowed by the policy",
     {"flow 10.0.0.4 > 10.0.0.30:3389 | flow.protocol=rdp | flow.identified_by=content"},
     "",
     "dp01.corp.example",
     "consistent",
     "\nmatrix: [{allow: {from: fs01.corp.example, to: distribution-point, over: [rdp], reason: "
     "jump}}]\n"},
    {"near miss: no answer, no site system, no such protocol",
     {"flow#1 10.1.0.5 !> 10.0.0.30:3389", "flow#2 10.1.0.5 > 10.0.0.4:3389 | flow.protocol=rdp",
      "flow#3 10.1.0.5 > 10.0.0.30:443 | flow.protocol=tls | flow.identified_by=content"},
     "",
     "dp01.corp.example",
     "not_observed",
     NULL},
    {"who opened it is not known",
     {"flow 10.1.0.5 ~> 10.0.0.30:3389 | flow.identified_by=port"},
     "",
     "dp01.corp.example",
     "not_assessable",
     NULL},
};

static const struct rule_case control_cases[] = {
    {"a client controls a client",
     {"flow@3 10.1.0.5 > 10.1.0.6:2701"},
     "medium inferred 10.1.0.5 > 10.1.0.6:2701 @3,4",
     "hierarchy",
     "violated",
     NULL},
    {"a site system, without an answer",
     {"flow@3 10.0.0.20 !> 10.1.0.6:2701"},
     "low inferred 10.0.0.20 > 10.1.0.6:2701 @3",
     "mp01.corp.example",
     "violated",
     NULL},
    {"near miss: an administrator",
     {"flow@3 10.9.0.5 > 10.1.0.6:2701"},
     "",
     "hierarchy",
     "consistent",
     NULL},
    {"near miss: no client, another port",
     {"flow@3 10.1.0.5 > 10.0.0.30:2701", "flow@3 10.1.0.5 > 10.1.0.6:2702"},
     "",
     "hierarchy",
     "not_observed",
     NULL},
    {"who opened it is not known",
     {"flow@3 10.1.0.5 ~> 10.1.0.6:2701"},
     "",
     "hierarchy",
     "not_assessable",
     NULL},
};

#define PXE " | dhcp.vendor_class=PXEClient:Arch:00007 | dhcp.client_mac=02:00:00:00:00:01"

#define OFFERED " | dhcp.client_mac=02:00:00:00:00:01 | dhcp.boot_file=boot.efi"

static const struct rule_case boot_cases[] = {
    {"an undeclared network, behind a relay",
     {"dhcp@3 0.0.0.0 udp> 255.255.255.255:67 | dhcp.message=DISCOVER | dhcp.relay=10.7.7.1" PXE},
     "medium proven 10.7.7.1 > - @3",
     "hierarchy",
     "violated",
     NULL},
    {"a server that nobody declared",
     {"dhcp@3 10.1.0.66 udp> 255.255.255.255:68 | dhcp.message=OFFER" PXE},
     "high proven - > 10.1.0.66:0 @3",
     NULL,
     NULL,
     NULL},
    {"the same behind a relay",
     {"dhcp@3 10.1.0.1 udp> 10.1.0.5:68 | dhcp.message=OFFER | dhcp.relay=10.1.0.1 | "
      "dhcp.server_id=10.1.0.66" PXE},
     "high proven - > 10.1.0.66:0 @3",
     NULL,
     NULL,
     NULL},
    {"a second server offers a boot file, without PXE's class",
     {"dhcp 0.0.0.0:68 udp> 255.255.255.255:67 | dhcp.message=DISCOVER" PXE,
      "dhcp@3 10.0.0.30:67 udp> 255.255.255.255:68 | dhcp.message=OFFER" PXE,
      "dhcp@4 10.1.0.66:67 udp> 255.255.255.255:68 | dhcp.message=OFFER" OFFERED},
     "high proven - > 10.1.0.66:0 @3,4",
     NULL,
     NULL,
     NULL},
    {"near miss: to a machine that did not ask by PXE, too late, without a file, to a declared "
     "host",
     {"dhcp@1 10.1.0.66:67 udp> 255.255.255.255:68 | dhcp.message=OFFER" OFFERED,
      "dhcp 0.0.0.0:68 udp> 255.255.255.255:67 | dhcp.message=DISCOVER" PXE,
      "dhcp 10.1.0.66:67 udp> 255.255.255.255:68 | dhcp.message=OFFER | "
      "dhcp.client_mac=02:00:00:00:00:01",
      "dhcp 10.1.0.66:67 udp> 255.255.255.255:68 | dhcp.message=OFFER" OFFERED
      " | dhcp.next_server=10.0.0.30",
      "dhcp+61 10.1.0.66:67 udp> 255.255.255.255:68 | dhcp.message=OFFER" OFFERED},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: a declared network, a declared server",
     {"dhcp#1 10.1.0.1 udp> 10.0.0.30:67 | dhcp.message=DISCOVER | dhcp.relay=10.1.0.1" PXE,
      "dhcp#2 10.1.0.1 udp> 10.1.0.5:68 | dhcp.message=OFFER | dhcp.relay=10.1.0.1 | "
      "dhcp.server_id=10.0.0.30" PXE},
     "",
     "hierarchy",
     "consistent",
     NULL},
    {"a client network where machines do not boot",
     {"dhcp@3 10.1.0.1 udp> 10.0.0.30:67 | dhcp.message=DISCOVER | dhcp.relay=10.1.0.1" PXE},
     "medium proven 10.1.0.1 > - @3",
     NULL,
     NULL,
     "\npxe: {networks: [10.1.8.0/24]}\n"},
    {"near miss: a segment for it",
     {"dhcp@3 10.7.7.1 udp> 10.0.0.30:67 | dhcp.message=DISCOVER | dhcp.relay=10.7.7.1" PXE},
     "",
     "hierarchy",
     "consistent",
     "\npxe: {networks: [10.7.7.0/24]}\n"},
    {"near miss: a lease, no boot",
     {"dhcp@3 10.7.7.7 udp> 255.255.255.255:68 | dhcp.message=OFFER | dhcp.vendor_class=MSFT 5.0"},
     "",
     "hierarchy",
     "not_observed",
     NULL},
    {"a broadcast does not tell",
     {"dhcp@3 0.0.0.0 udp> 255.255.255.255:67 | dhcp.message=DISCOVER" PXE},
     "",
     "hierarchy",
     "not_assessable",
     NULL},
};

#define ASKS(kind) " | dns.kind=" kind " | dns.query=srv | dns.request_packet=5"

static const struct rule_case lookup_cases[] = {
    {"LLMNR",
     {"dns 10.0.0.20 udp> 224.0.0.252:5355" ASKS("llmnr")},
     "low proven 10.0.0.20 > - @5",
     "mp01.corp.example",
     "violated",
     NULL},
    {"the SQL Server Browser",
     {"sql@4 10.0.0.20 udp> 10.0.0.13:1434 | sql.message=ssrp | sql.request=instance CM"},
     "low proven 10.0.0.20 > - @4",
     NULL,
     NULL,
     NULL},
    {"near miss: a client",
     {"dns 10.1.0.5 udp> 224.0.0.252:5355" ASKS("llmnr")},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: DNS",
     {"dns 10.0.0.20 udp> 10.0.0.2:53" ASKS("dns")},
     "",
     "mp01.corp.example",
     "consistent",
     NULL},
    {"near miss: it registers its own name",
     {"dns 10.0.0.20 udp> 10.0.0.255:137" ASKS("nbns") " | dns.opcode=REGISTRATION"},
     "",
     "mp01.corp.example",
     "not_observed",
     NULL},
};

static void callers(void **state)
{
    (void)state;
    rule_play_cases("R110", caller_cases, COUNT_OF(caller_cases));
}

static void remote(void **state)
{
    (void)state;
    rule_play_cases("R112", remote_cases, COUNT_OF(remote_cases));
}

static void control(void **state)
{
    (void)state;
    rule_play_cases("R113", control_cases, COUNT_OF(control_cases));
}

static void boots(void **state)
{
    (void)state;
    rule_play_cases("R115", boot_cases, COUNT_OF(boot_cases));
}

static void lookups(void **state)
{
    (void)state;
    rule_play_cases("R116", lookup_cases, COUNT_OF(lookup_cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(callers), cmocka_unit_test(remote),  cmocka_unit_test(control),
        cmocka_unit_test(boots),   cmocka_unit_test(lookups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
