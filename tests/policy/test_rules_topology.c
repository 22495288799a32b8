/*
 * test_rules_topology.c - R001 unknown hosts, R003 the wrong end opens, R020 and R027 untrusted places.
 */
#include "tests/policy/rule_play.h"
#include "tests/test.h"

static void unknown_host(void **state)
{
    static const struct rule_case cases[] = {
        {"an undeclared address is served by the site database",
         {"flow 10.7.7.7 > 10.0.0.13:1433 | flow.protocol=tds"},
         "high proven 10.7.7.7 > 10.0.0.13:1433 @1,2", "db01.corp.example", "violated", NULL},
        {"SMB of the site server", {"flow 10.7.7.7 > 10.0.0.10:445 | flow.protocol=smb"},
         "high proven 10.7.7.7 > 10.0.0.10:445 @1,2", NULL, NULL, NULL},
        {"another port of the site server", {"flow 10.7.7.7 > 10.0.0.10:135 | flow.protocol=dcerpc"},
         "medium proven 10.7.7.7 > 10.0.0.10:135 @1,2", NULL, NULL, NULL},
        {"a distribution point, twice and on two ports",
         {"flow#1 10.7.7.7 > 10.0.0.30:80", "flow#3 10.7.7.7:50001 > 10.0.0.30:80", "flow#5 10.7.7.7 > 10.0.0.30:443"},
         "medium proven 10.7.7.7 > 10.0.0.30:80 @1,2; medium proven 10.7.7.7 > 10.0.0.30:443 @5,6", NULL, NULL, NULL},
        {"a datagram was answered: who asked is a guess", {"flow 10.7.7.7 udp> 10.0.0.14:161 | flow.protocol=snmp"},
         "medium inferred 10.7.7.7 > 10.0.0.14:161 @1,2", NULL, NULL, NULL},
        {"joined midstream", {"flow 10.7.7.7 ~> 10.0.0.30:443 | flow.protocol=tls"},
         "medium inferred 10.7.7.7 > 10.0.0.30:443 @1", NULL, NULL, NULL},
        {"IPv6", {"flow [2001:db8::7] > [fd00::20]:445 | flow.protocol=smb"},
         "medium proven 2001:db8::7 > fd00::20:445 @1,2", NULL, NULL, NULL},
        {"near miss: midstream between two dynamic ports", {"flow 10.7.7.7 ~> 10.0.0.30:50123"}, "",
         "dp01.corp.example", "not_assessable", NULL},
        {"near miss: no answer", {"flow 10.7.7.7 !> 10.0.0.13:1433"}, "", "db01.corp.example", "consistent", NULL},
        {"near miss: refused",
         {"flow 10.7.7.7 > 10.0.0.13:1433 | flow.state=refused | flow.packets.server=1"}, "", "db01.corp.example",
         "consistent", NULL},
        {"near miss: the site system opened it", {"flow 10.0.0.13 > 10.7.7.7:443 | flow.protocol=tls"}, "",
         "db01.corp.example", "not_observed", NULL},
        {"near miss: clients, administrators, hosts",
         {"flow 10.1.0.5 > 10.0.0.30:80", "flow 10.9.0.5 > 10.0.0.13:1433", "flow 10.0.0.4 > 10.0.0.13:445"}, "",
         "db01.corp.example", "consistent", NULL},
        {"near miss: a scanner that is declared", {"flow 10.7.7.7 > 10.0.0.13:1433"}, "", "db01.corp.example", "consistent",
         "forests: {corp: {domains: [corp.example]}}\n"
         "sites: {P01: {type: primary}}\n"
         "hosts: {db01.corp.example: {addresses: [10.0.0.13], forest: corp, site: P01, roles: [site-database]}}\n"
         "administrators: {scanners: {networks: [10.7.7.7]}}\n"},
        {"near miss: an internet client at a role that serves the internet",
         {"flow 203.0.113.9 > 10.0.0.20:443 | flow.protocol=tls"}, "", "mp01.corp.example", "consistent", NULL},
        {"near miss: on its declared alternate port", {"flow 203.0.113.9 > 10.0.0.20:8443 | flow.protocol=tls"}, "", NULL, NULL,
         NULL},
        {"the same role on a port that clients do not use", {"flow 203.0.113.9 > 10.0.0.20:3389 | flow.protocol=rdp"},
         "medium proven 203.0.113.9 > 10.0.0.20:3389 @1,2", NULL, NULL, NULL},
        {"a role that serves nobody outside", {"flow 203.0.113.9 > 10.0.0.30:443 | flow.protocol=tls"},
         "medium proven 203.0.113.9 > 10.0.0.30:443 @1,2", NULL, NULL, NULL},
        {"near miss: link-local addresses cannot be declared",
         {"flow [fe80::7] > [fd00::20]:445 | flow.protocol=smb", "flow 169.254.3.4 > 10.0.0.20:445 | flow.protocol=smb"}, "",
         "mp01.corp.example", "not_assessable", NULL},
        {"near miss: no host's address", {"flow 0.0.0.0 udp> 10.0.0.30:67 | flow.protocol=dhcp"}, "", "dp01.corp.example",
         "not_observed", NULL},
        {"near miss: an undeclared server", {"flow 10.7.7.7 > 10.7.7.8:445"}, "", "db01.corp.example", "not_observed", NULL},
        {"near miss: a domain controller is no site system", {"flow 10.7.7.7 > 10.0.0.2:389"}, "", "dc01.corp.example", "none",
         NULL},
    };
    (void)state;
    rule_play_cases("R001", cases, COUNT_OF(cases));
}

static void wrong_direction(void **state)
{
    static const struct rule_case cases[] = {
        {"a distribution point opens SMB to the site server", {"flow 10.0.0.30 > 10.0.0.10:445 | flow.protocol=smb"},
         "medium proven 10.0.0.30 > 10.0.0.10:445 @1,2", "dp01.corp.example", "violated", NULL},
        {"it tries and gets no answer", {"flow 10.0.0.30 !> 10.0.0.10:445 | flow.protocol=smb | flow.identified_by=port"},
         "medium proven 10.0.0.30 > 10.0.0.10:445 @1", NULL, NULL, NULL},
        {"the site database opens SQL to a management point", {"flow 10.0.0.13 > 10.0.0.20:1433 | flow.protocol=tds"},
         "medium proven 10.0.0.13 > 10.0.0.20:1433 @1,2", NULL, NULL, NULL},
        {"on a port declared for the database", {"flow 10.0.0.13 > 10.0.0.20:51433 | flow.protocol=tds"},
         "medium proven 10.0.0.13 > 10.0.0.20:51433 @1,2", NULL, NULL, NULL},
        {"a management point opens HTTPS to a client", {"flow 10.0.0.20 > 10.1.0.5:443 | flow.protocol=tls"},
         "medium proven 10.0.0.20 > 10.1.0.5:443 @1,2", "mp01.corp.example", "violated", NULL},
        {"a client opens RPC to the site server", {"flow 10.1.0.5 > 10.0.0.10:135 | flow.protocol=dcerpc"},
         "medium proven 10.1.0.5 > 10.0.0.10:135 @1,2", "cm01.corp.example", "violated", NULL},
        {"RPC on a dynamic port, known by its content", {"flow 10.0.0.30 > 10.0.0.10:50123 | flow.protocol=dcerpc"},
         "medium proven 10.0.0.30 > 10.0.0.10:50123 @1,2", NULL, NULL, NULL},
        {"the SMS Provider opens to a console", {"flow 10.0.0.14 > 10.9.0.5:443 | flow.protocol=tls"},
         "medium proven 10.0.0.14 > 10.9.0.5:443 @1,2", NULL, NULL, NULL},
        {"midstream: information only", {"flow 10.0.0.30 ~> 10.0.0.10:445 | flow.protocol=smb"},
         "info inferred 10.0.0.30 > 10.0.0.10:445 @1", NULL, NULL, NULL},
        {"a datagram: information only", {"flow 10.0.0.2 udp> 10.0.0.20:389 | flow.protocol=ldap"},
         "info inferred 10.0.0.2 > 10.0.0.20:389 @1,2", NULL, NULL, NULL},
        {"the exception is for another protocol", {"flow 10.0.0.30 > 10.0.0.10:445 | flow.protocol=smb"},
         "medium proven 10.0.0.30 > 10.0.0.10:445 @1,2", NULL, NULL,
         "\nmatrix: [{allow: {from: distribution-point, to: site-server, over: [dcerpc], reason: x}}]\n"},
        {"the first line that fits counts", {"flow 10.0.0.30 > 10.0.0.10:445 | flow.protocol=smb"},
         "medium proven 10.0.0.30 > 10.0.0.10:445 @1,2", NULL, NULL,
         "\nmatrix: [{deny: {from: dp01.corp.example, to: any}}, {allow: {from: any, to: any, reason: x}}]\n"},
        {"near miss: allowed by the policy", {"flow 10.0.0.30 > 10.0.0.10:445 | flow.protocol=smb"}, "", "dp01.corp.example",
         "consistent", "\nmatrix: [{allow: {from: distribution-point, to: site-server, over: [smb], reason: x}}]\n"},
        {"near miss: the site server opens it", {"flow 10.0.0.10 > 10.0.0.30:445 | flow.protocol=smb"}, "",
         "cm01.corp.example", "consistent", NULL},
        {"near miss: both ways between management point and site server",
         {"flow 10.0.0.20 > 10.0.0.10:445 | flow.protocol=smb", "flow 10.0.0.10 > 10.0.0.20:445 | flow.protocol=smb"}, "",
         "mp01.corp.example", "consistent", NULL},
        {"near miss: roles on one host count together", {"flow 10.0.0.35 > 10.0.0.10:445 | flow.protocol=smb"}, "",
         "all01.corp.example", "consistent", NULL},
        {"near miss: a managed server is a client too", {"flow 10.0.0.20 > 10.0.0.30:443 | flow.protocol=tls"}, "",
         "mp01.corp.example", "consistent", NULL},
        {"near miss: client push", {"flow 10.0.0.10 > 10.1.0.5:445 | flow.protocol=smb"}, "", NULL, NULL, NULL},
        {"near miss: an answer of DHCP is a conversation of its own", {"flow 10.0.0.30:67 udp> 10.1.0.5:68 | flow.protocol=dhcp"},
         "", NULL, NULL, NULL},
        {"near miss: an answer of TFTP likewise", {"flow 10.0.0.30:51000 udp> 10.1.0.5:2070 | flow.protocol=tftp"}, "", NULL,
         NULL, NULL},
        {"near miss: midstream between two dynamic ports", {"flow 10.0.0.30 ~> 10.0.0.10:50123 | flow.protocol=dcerpc"}, "",
         "dp01.corp.example", "not_assessable", NULL},
        {"near miss: a dynamic port that nobody knows", {"flow 10.0.0.30 > 10.0.0.10:50123"}, "", "dp01.corp.example",
         "not_observed", NULL},
        {"near miss: a port that no row knows", {"flow 10.0.0.30 > 10.0.0.10:22 | flow.protocol=ssh"}, "", NULL, NULL, NULL},
        {"near miss: another protocol on the port", {"flow 10.0.0.30 > 10.0.0.10:445 | flow.protocol=ssh"}, "", NULL, NULL, NULL},
        {"near miss: an undeclared opener", {"flow 10.7.7.7 > 10.0.0.10:445 | flow.protocol=smb"}, "", NULL, NULL, NULL},
        {"near miss: an undeclared server", {"flow 10.0.0.20 > 10.7.7.7:443 | flow.protocol=tls"}, "", NULL, NULL, NULL},
        {"near miss: parent and child site", {"flow 10.0.0.12 > 10.0.0.10:445 | flow.protocol=smb"}, "", "cm03.corp.example",
         "consistent", NULL},
    };
    (void)state;
    rule_play_cases("R003", cases, COUNT_OF(cases));
}

static void untrusted_initiates(void **state)
{
    static const struct rule_case cases[] = {
        {"a system of an untrusted forest is answered", {"flow 192.0.2.21 > 10.0.0.10:445 | flow.protocol=smb"},
         "high proven 192.0.2.21 > 10.0.0.10:445 @1,2", "cm01.corp.example", "violated", NULL},
        {"the attempt alone", {"flow 192.0.2.20 !> 10.0.0.10:445"}, "medium proven 192.0.2.20 > 10.0.0.10:445 @1",
         "cm01.corp.example", "violated", NULL},
        {"a workgroup's", {"flow 192.0.2.22 > 10.0.0.10:80 | flow.protocol=http"},
         "high proven 192.0.2.22 > 10.0.0.10:80 @1,2", NULL, NULL, NULL},
        {"one of the own forest in the perimeter", {"flow 192.0.2.23 > 10.0.0.10:445 | flow.protocol=smb"},
         "high proven 192.0.2.23 > 10.0.0.10:445 @1,2", NULL, NULL, NULL},
        {"a datagram that was answered", {"flow 192.0.2.21 udp> 10.0.0.10:137 | flow.protocol=nbns"},
         "high derived 192.0.2.21 > 10.0.0.10:137 @1,2", NULL, NULL, NULL},
        {"near miss: the site server opens it", {"flow 10.0.0.10 > 192.0.2.20:445 | flow.protocol=smb"}, "",
         "cm01.corp.example", "consistent", NULL},
        {"near miss: midstream", {"flow 192.0.2.20 ~> 10.0.0.10:445 | flow.protocol=smb"}, "", "cm01.corp.example",
         "not_assessable", NULL},
        {"near miss: a trusted forest's", {"flow 10.0.0.50 > 10.0.0.10:445 | flow.protocol=smb"}, "", "cm01.corp.example",
         "not_observed", NULL},
        {"near miss: to another role", {"flow 192.0.2.21 > 10.0.0.20:443 | flow.protocol=tls"}, "", NULL, NULL, NULL},
        {"near miss: name service that the same box offers", {"flow 192.0.2.21 > 10.0.0.10:53 | flow.protocol=dns"}, "", NULL,
         NULL,
         "forests: {corp: {domains: [corp.example]}, partner: {domains: [partner.example]}}\n"
         "sites: {P01: {type: primary}}\n"
         "hosts:\n"
         "  cm01.corp.example: {addresses: [10.0.0.10], forest: corp, site: P01, roles: [site-server, dns]}\n"
         "  dp07.partner.example: {addresses: [192.0.2.21], forest: partner, site: P01, roles: [distribution-point]}\n"},
        {"near miss: a client network's address", {"flow 10.3.0.5 > 10.0.0.10:445"}, "", NULL, NULL, NULL},
    };
    (void)state;
    rule_play_cases("R020", cases, COUNT_OF(cases));
}

static void untrusted_target(void **state)
{
    static const struct rule_case cases[] = {
        {"the internet is served by a secondary site", {"flow 198.51.100.5 > 10.0.0.22:443 | flow.protocol=tls"},
         "high proven 198.51.100.5 > 10.0.0.22:443 @1,2", "mp03.corp.example", "violated", NULL},
        {"undeclared, from the internet, to the site database", {"flow 203.0.113.9 > 10.0.0.13:1433 | flow.protocol=tds"},
         "high proven 203.0.113.9 > 10.0.0.13:1433 @1,2", "db01.corp.example", "violated", NULL},
        {"a client of an untrusted forest at the site server", {"flow 10.3.0.5 > 10.0.0.10:445 | flow.protocol=smb"},
         "high proven 10.3.0.5 > 10.0.0.10:445 @1,2", NULL, NULL, NULL},
        {"midstream", {"flow 198.51.100.5 ~> 10.0.0.22:443 | flow.protocol=tls"},
         "medium inferred 198.51.100.5 > 10.0.0.22:443 @1", NULL, NULL, NULL},
        {"near miss: a primary site's management point", {"flow 198.51.100.5 > 10.0.0.20:443 | flow.protocol=tls"}, "",
         "mp01.corp.example", "consistent", NULL},
        {"near miss: no answer", {"flow 198.51.100.5 !> 10.0.0.22:443"}, "", "mp03.corp.example", "consistent", NULL},
        {"near miss: refused", {"flow 198.51.100.5 > 10.0.0.22:443 | flow.state=refused | flow.packets.server=1"}, "",
         "mp03.corp.example", "consistent", NULL},
        {"near miss: address translation that is declared", {"flow 10.1.0.5 > 10.0.0.22:443 | flow.protocol=tls"}, "",
         "mp03.corp.example", "not_observed", NULL},
        {"near miss: a trusted forest's client", {"flow 10.4.0.5 > 10.0.0.10:445 | flow.protocol=smb"}, "", NULL, NULL, NULL},
        {"near miss: the cloud gateway is made for it", {"flow 198.51.100.5 > 203.0.113.80:443 | flow.protocol=tls"}, "", NULL,
         NULL, NULL},
    };
    (void)state;
    rule_play_cases("R027", cases, COUNT_OF(cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_host),
        cmocka_unit_test(wrong_direction),
        cmocka_unit_test(untrusted_initiates),
        cmocka_unit_test(untrusted_target),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
