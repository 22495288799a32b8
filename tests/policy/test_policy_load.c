/* Every refusal, with its place and what is said; the faults of one file are all told, in order. */
#include "tests/policy/test_policy.h"

#include <errno.h>
#include <time.h>

/* Sanitizers slow everything down. */
#if defined(__SANITIZE_ADDRESS__)
#define SLOWED_BY 10
#elif defined(__has_feature)
#define SLOWED_BY 10
#else
#define SLOWED_BY 1
#endif

#define FORESTS                                                                                    \
    "forests: {corp: {domains: [corp.example], netbios: [CORP]}, partner: {domains: "              \
    "[partner.example]}}\n"
#define SITES "sites: {CEN: {type: central-administration}, P01: {type: primary, parent: CEN}}\n"
#define ROLE(role) "hosts:\n  a.corp.example:\n    roles:\n      - " role "\n"

// clang-format off
static const struct refusal {
    const char *text, *starts, *says;
} refusals[] = {
    /* the file and its syntax */
    {"", "1:1: ", "declares nothing"},
    {"# nothing\n", "1:1: ", "declares nothing"},
    {"[a]", "1:1: ", "the policy is a list; expected a mapping"},
    {"profile: strict\n---\nprofile: strict\n", "2:1: ", "second document"},
    {"hosts:\n\ta.corp.example: {}\n", "2:1: ", "tab character in the indentation; expected spaces"},
    {"profile: strict\nzones:\n  a: [10.0.0.0/8\nsites: {}\n", "4:6: ", "syntax: "},
    {"zones: {a: [::1]}\n", "1:13: ", "expected it in quotes"},
    {"profile: \xff\n", "1:10: ", "not UTF-8"},
    {"profile: a\x01\n", "1:11: ", "control character U+0001"},
    {"profile: \"a\\0b\"\n", "1:10: ", "NUL character"},
    {"profile: !!str strict\n", "1:10: ", "tags have no meaning"},
    {"? [a]\n: b\n", "1:3: ", "a key is a list or a mapping"},
    {"profile: *x\n", "1:10: ", "alias '*x' has no anchor"},
    {"zones: &z {a: *z}\n", "1:15: ", "alias '*z' has no anchor"},
    {"profile: strict\nprofile: strict\n", "2:1: ", "duplicate key 'profile'; expected it once, first at line 1"},
    {"\xef\xbb\xbfprofil: strict\n", "1:1: ", "did you mean 'profile'?"},
    /* sections and profile */
    {"hots: {}\n", "1:1: ", "unknown key 'hots' in the policy; expected profile, "},
    {"hots: {}\n", "1:1: ", "did you mean 'hosts'?"},
    {"profile: currant\n", "1:10: ", "unknown profile 'currant'; expected article, current, strict; did you mean 'current'?"},
    {"profile: [strict]\n", "1:10: ", "profile is a list; expected one word"},
    {"hosts: [a]\n", "1:8: ", "hosts is a list; expected a mapping"},
    /* forests and trusts */
    {"forests: {corp: {}}\n", "1:17: ", "the forest has no 'domains'"},
    {"forests: {corp: {domains: []}}\n", "1:27: ", "'domains' is empty"},
    {"forests: {corp: {domains: corp.example}}\n", "1:27: ", "domains is text; expected a list"},
    {"forests: {corp: {domains: [a..b]}}\n", "1:28: ", "'a..b' is no domain name"},
    {"forests: {corp: {domains: [c.example], published: maybe}}\n", "1:51: ", "unknown published 'maybe'; expected true, false"},
    {"forests: {corp: {domains: [c.example], netbios: [ABCDEFGHIJKLMNOP]}}\n", "1:50: ", "at most 15"},
    {"forests:\n  a: {domains: [c.example]}\n  b: {domains: [C.EXAMPLE]}\n", "3:17: ", "domain 'C.EXAMPLE' is declared twice; expected it once, first at line 2"},
    {"forests:\n  a: {domains: [c.example]}\n  A: {domains: [d.example]}\n", "3:3: ", "forest 'A' is declared twice"},
    {FORESTS "trusts:\n  - {forests: [corp, partnr], type: forest, direction: two-way}\n", "3:22: ", "unknown forest 'partnr'; expected one declared under 'forests'; did you mean 'partner'?"},
    {FORESTS "trusts:\n  - {forests: [corp, corp], type: forest, direction: two-way}\n", "3:22: ", "cannot trust itself"},
    {FORESTS "trusts:\n  - {forests: [corp], type: forest, direction: two-way}\n", "3:15: ", "names 1 forests; expected two"},
    {FORESTS "trusts:\n  - {forests: [corp, partner], type: forrest, direction: two-way}\n", "3:38: ", "unknown trust type 'forrest'; expected forest, external, realm; did you mean 'forest'?"},
    {FORESTS "trusts:\n  - {forests: [corp, partner], type: forest, direction: twoway}\n", "3:57: ", "did you mean 'two-way'?"},
    {FORESTS "trusts:\n  - {forests: [corp, partner], type: forest}\n", "3:5: ", "a trust has no 'direction'"},
    {FORESTS "trusts:\n  - {forests: [corp, partner], type: forest, direction: two-way}\n  - {forests: [partner, corp], type: external, direction: one-way}\n", "4:5: ", "the trust of 'partner' in 'corp' is declared twice; expected it once, first at line 3"},
    /* zones and client groups */
    {"zones: {a: [10.0.1.0/8]}\n", "1:13: ", "has bits set beyond its length; expected the network's first address; did you mean '10.0.0.0/8'?"},
    {"zones: {a: [\"fd00::1/64\"]}\n", "1:13: ", "did you mean 'fd00::/64'?"},
    {"zones: {a: [10.0.0.0/33]}\n", "1:13: ", "is no network"},
    {"zones: {a: [10.0.0/8]}\n", "1:13: ", "is no network"},
    {"zones: {a: 10.0.0.0/8}\n", "1:12: ", "a zone is text; expected a list"},
    {"zones:\n  a: [10.0.0.0/8]\n  b: [10.0.0.0/8]\n", "3:7: ", "network 10.0.0.0/8 is declared twice; expected it in 'a' or 'b' only, first at line 2"},
    {"zones: {dns: []}\n", "1:9: ", "a zone cannot be called 'dns'"},
    {"clients: {hq: {}}\n", "1:15: ", "the client group has no 'networks'"},
    {"clients: {hq: {network: [10.0.0.0/8]}}\n", "1:16: ", "did you mean 'networks'?"},
    {"clients: {clients: {networks: []}}\n", "1:11: ", "cannot be called 'clients'"},
    {"clients: {administrators: {networks: []}}\n", "1:11: ", "cannot be called 'administrators'"},
    {FORESTS "clients: {hq: {networks: [10.0.0.0/8], forest: crop}}\n", "2:48: ", "unknown forest 'crop'; expected one declared under 'forests'; did you mean 'corp'?"},
    {FORESTS "clients: {hq: {networks: [10.0.0.0/8], forest: corp, workgroup: true}}\n", "2:11: ", "both a forest and 'workgroup: true'"},
    {"clients:\n  a: {networks: [10.0.0.0/8]}\n  b: {networks: [10.1.0.0/16, 10.0.0.0/8]}\n", "3:31: ", "network 10.0.0.0/8 is declared twice"},
    {"administrators: {netwroks: [10.0.0.0/8]}\n", "1:18: ", "unknown key 'netwroks' in the administrators; expected networks, forest, workgroup, microsoft-update, fallback-forests; did you mean 'networks'?"},
    {"clients: {a: {networks: [10.0.0.0/8]}}\nadministrators: {a: {networks: [10.0.0.0/9]}}\n", "2:18: ", "client group 'a' is declared twice"},
    /* sites */
    {"sites: {P01: {}}\n", "1:14: ", "the site has no 'type'"},
    {"sites: {P01: {type: primry}}\n", "1:21: ", "unknown site type 'primry'; expected central-administration, primary, secondary; did you mean 'primary'?"},
    {"sites: {S01: {type: secondary}}\n", "1:9: ", "secondary site 'S01' has no 'parent'"},
    {"sites: {P01: {type: primary, parent: P01}}\n", "1:38: ", "site 'P01' is its own parent"},
    {"sites: {P01: {type: primary, parent: P02}, P02: {type: primary, parent: P01}}\n", "1:38: ", "the parent 'P02' of primary site 'P01' is a primary site; expected a central-administration site"},
    {"sites: {CEN: {type: central-administration}, S01: {type: secondary, parent: CEN}}\n", "1:77: ", "expected a primary site"},
    {"sites: {P01: {type: primary}, S01: {type: secondary, parent: P01}, S02: {type: secondary, parent: S01}}\n", "1:99: ", "is a secondary site; expected a primary site"},
    {"sites: {P01: {type: primary}, CEN: {type: central-administration, parent: P01}}\n", "1:75: ", "has a parent; expected none"},
    {"sites: {P01: {type: primary, parent: CEN}}\n", "1:38: ", "unknown site 'CEN'"},
    {"sites: {P01: {type: primary, client-communication: htps}}\n", "1:52: ", "unknown client-communication 'htps'; expected https, https-or-http, enhanced-http, http; did you mean 'https'?"},
    {"sites: {P01: {type: primary}, p01: {type: primary}}\n", "1:31: ", "site 'p01' is declared twice"},
    /* hosts */
    {"hosts: {a b: {}}\n", "1:9: ", "'a b' is no host name"},
    {"hosts: {a.corp.example: {adresses: []}}\n", "1:26: ", "unknown key 'adresses' in the host; expected addresses, aliases, forest, workgroup, site, site-server-initiates, installation-account, service-names, roles; did you mean 'addresses'?"},
    {"hosts: {a.corp.example: {addresses: [10.0.0.256]}}\n", "1:38: ", "is no address of a host"},
    {"hosts: {a.corp.example: {addresses: [224.0.0.1]}}\n", "1:38: ", "is no address of a host"},
    {"hosts: {a.corp.example: {addresses: [10.0.0.0/8]}}\n", "1:38: ", "is no address of a host"},
    {"hosts:\n  a.corp.example: {addresses: [10.0.0.1]}\n  b.corp.example: {addresses: [10.0.0.1]}\n", "3:32: ", "address 10.0.0.1 is declared twice; expected it at one host, first at line 2 for 'a.corp.example'"},
    {"hosts:\n  a.corp.example: {addresses: [\"fd00::1\"]}\n  b.corp.example: {addresses: [\"FD00:0::1\"]}\n", "3:32: ", "first at line 2 for 'a.corp.example'"},
    {"hosts: {a.corp.example: {addresses: [10.0.0.1, 10.0.0.1]}}\n", "1:48: ", "is declared twice"},
    {"hosts: {a.corp.example: {}, A.CORP.EXAMPLE: {}}\n", "1:29: ", "host name 'A.CORP.EXAMPLE' is declared twice"},
    {"hosts: {a.corp.example: {}, b.corp.example: {aliases: [a.corp.example]}}\n", "1:56: ", "host name 'a.corp.example' is declared twice"},
    {FORESTS "hosts: {a.corp.example: {forest: corp, workgroup: true}}\n", "2:9: ", "has both a forest and 'workgroup: true'"},
    {FORESTS "hosts: {a.corp.example: {forest: partne}}\n", "2:34: ", "did you mean 'partner'?"},
    {SITES "hosts: {a.corp.example: {site: PO1}}\n", "2:32: ", "unknown site 'PO1'; expected one declared under 'sites'; did you mean 'P01'?"},
    {"hosts: {a.corp.example: {site-server-initiates: 1}}\n", "1:49: ", "unknown site-server-initiates '1'; expected true, false"},
    /* roles and their options */
    {ROLE("managment-point"), "4:9: ", "unknown role 'managment-point'; expected a role such as site-server, management-point or distribution-point; did you mean 'management-point'?"},
    {"hosts: {a.corp.example: {roles: management-point}}\n", "1:33: ", "roles is text; expected a list"},
    {ROLE("{dns: , wins: }"), "4:9: ", "a role has 2 keys"},
    {ROLE("[dns]"), "4:9: ", "a role is a list"},
    {"hosts: {a.corp.example: {roles: [dns, dns]}}\n", "1:39: ", "role 'dns' is declared twice"},
    {ROLE("management-point: {client: https}"), "4:28: ", "unknown key 'client' in management-point; expected clients, ports, serves, user-policy, connection-account; did you mean 'clients'?"},
    {ROLE("management-point: {clients: ftp}"), "4:37: ", "unknown clients 'ftp'"},
    {ROLE("management-point: {anonymous: true}"), "4:28: ", "unknown key 'anonymous' in management-point"},
    {ROLE("site-database: {bandwidth: {limit-mbit: 1}}"), "4:25: ", "unknown key 'bandwidth' in site-database; expected ports"},
    {ROLE("management-point: {ports: [443]}"), "4:35: ", "'ports' is a list; expected a mapping"},
    {ROLE("management-point: {ports: {htp: [80]}}"), "4:36: ", "unknown key 'htp' in 'ports'; expected http, https, notification; did you mean 'http'?"},
    {ROLE("distribution-point: {ports: {notification: [1]}}"), "4:38: ", "unknown key 'notification'"},
    {ROLE("site-database: {ports: [0]}"), "4:33: ", "'0' is no port; expected 1 to 65535"},
    {ROLE("site-database: {ports: [65536]}"), "4:33: ", "'65536' is no port"},
    {ROLE("site-database: {ports: [-1]}"), "4:33: ", "'-1' is no port"},
    {ROLE("management-point: {serves: [internet, intranet]}"), "4:47: ", "unknown zone 'intranet'; expected one declared under 'zones'; did you mean 'internet'?"},
    {ROLE("distribution-point: {anonymous: 2}"), "4:41: ", "unknown anonymous '2'"},
    {ROLE("distribution-point: {bandwidth: {limit-mbit: 0}}"), "4:54: ", "expected a number from 1 to 1000000"},
    {ROLE("distribution-point: {bandwidth: {between: \"20:00-06:00\"}}"), "4:41: ", "has no 'limit-mbit'"},
    {ROLE("distribution-point: {bandwidth: {limit-mbit: 5, between: \"20:00-6:00\"}}"), "4:66: ", "expected two times of day"},
    {ROLE("distribution-point: {bandwidth: {limit-mbit: 5, between: \"20:60-06:00\"}}"), "4:66: ", "expected two times of day"},
    {ROLE("web-proxy: {mode: tunnelling}"), "4:27: ", "unknown mode 'tunnelling'; expected bridging, tunneling; did you mean 'tunneling'?"},
    {ROLE("web-proxy: {publishes: [b.corp.example]}"), "4:33: ", "unknown host 'b.corp.example'; expected one declared under 'hosts'; did you mean 'a.corp.example'?"},
    /* accounts and tls */
    {"accounts: {netwrk-access: []}\n", "1:12: ", "unknown account purpose 'netwrk-access'; expected site-system-installation, "},
    {"accounts: {network-access: [svc]}\n", "1:29: ", "'svc' is no account; expected 'DOMAIN\\user' or 'user@domain'"},
    {"accounts: {network-access: ['CORP\\']}\n", "1:29: ", "is no account"},
    {"accounts: {network-access: 'CORP\\svc'}\n", "1:28: ", "network-access is text; expected a list"},
    {"tls: {minimum: 1.4}\n", "1:16: ", "unknown TLS version '1.4'; expected 1.0, 1.1, 1.2, 1.3"},
    {"tls: {pki: maybe}\n", "1:12: ", "unknown pki 'maybe'"},
    {"tls: {authorities: [/nonexistent/root.pem]}\n", "1:21: ", "cannot be read"},
    {"tls: {authorities: [/dev/null]}\n", "1:21: ", "holds no certificate in PEM"},
    {"tls: {authorities: [/]}\n", "1:21: ", "holds no certificate in PEM"},
    {"tls: {authoritys: []}\n", "1:7: ", "did you mean 'authorities'?"},
    /* what must be declared besides */
    {"sites: {P01: {type: primary, aproval: all}}\n", "1:30: ", "did you mean 'approval'?"},
    {"sites: {P01: {type: primary, approval: automtic}}\n", "1:40: ", "unknown approval 'automtic'; expected manual, automatic, all; did you mean 'automatic'?"},
    {"sites: {P01: {type: primary, client-push: on}}\n", "1:43: ", "unknown client-push 'on'; expected true, false"},
    {"sites: {P01: {type: primary, client-messages: {sign: true}}}\n", "1:48: ", "unknown key 'sign' in 'client-messages'; expected signing, encryption"},
    {"sites: {P01: {type: primary, maintenance: \"22:00\"}}\n", "1:43: ", "'maintenance' is '22:00'; expected two times of day"},
    {"hosts: {a.corp.example: {installation-account: svc}}\n", "1:48: ", "'svc' is no account"},
    {"hosts: {a.corp.example: {service-names: [HTTP]}}\n", "1:42: ", "'HTTP' is no service name; expected one such as HTTP/www.corp.example"},
    {ROLE("management-point: {connection-account: svc}"), "4:48: ", "'svc' is no account"},
    {ROLE("domain-controller: {readonly: true}"), "4:29: ", "unknown key 'readonly' in domain-controller; expected ports, read-only; did you mean 'read-only'?"},
    {ROLE("management-point: {user-policy: 1}"), "4:41: ", "unknown user-policy '1'; expected true, false"},
    {ROLE("distribution-point: {package-share: maybe}"), "4:45: ", "unknown package-share 'maybe'"},
    {ROLE("distribution-point: {bandwidth: {limit-mbit: 5, urgent: true}}"), "4:57: ", "unknown key 'urgent' in 'bandwidth'"},
    {ROLE("web-proxy: {certificate-names: a.example}"), "4:40: ", "certificate-names is text; expected a list"},
    {FORESTS "clients: {hq: {networks: [10.0.0.0/8], fallback-forests: [partnr]}}\n", "2:59: ", "unknown forest 'partnr'; expected one declared under 'forests'; did you mean 'partner'?"},
    {"clients: {hq: {networks: [10.0.0.0/8], microsoft-update: x}}\n", "1:58: ", "unknown microsoft-update 'x'"},
    {"sensor: {zone: intranet}\n", "1:16: ", "unknown zone 'intranet'"},
    {"sensor: {site: P01}\n", "1:16: ", "unknown site 'P01'"},
    {"sensor: {see: []}\n", "1:10: ", "did you mean 'sees'?"},
    {"links: {max-rtt-ms: 0}\n", "1:21: ", "'max-rtt-ms' is '0'; expected a number from 1 to 60000"},
    {"links: {max-loss-percent: 101}\n", "1:27: ", "expected a number from 1 to 100"},
    {"links: {max-rtt: 5}\n", "1:9: ", "did you mean 'max-rtt-ms'?"},
    {"ntlm: {accounts: [x]}\n", "1:19: ", "'x' is no account"},
    {"ntlm: {servers: [dsn]}\n", "1:18: ", "did you mean 'dns'?"},
    {"cloud: {names: [\"*\"]}\n", "1:17: ", "'*' is no name"},
    {"cloud: {}\n", "1:8: ", "'cloud' has no 'names'"},
    {"pxe: {networks: [10.0.0.1/8]}\n", "1:18: ", "did you mean '10.0.0.0/8'?"},
    {"pxe: [10.0.0.0/8]\n", "1:6: ", "'pxe' is a list"},
    {"address-translation: {networks: [10.0.0.1/8]}\n", "1:34: ", "did you mean '10.0.0.0/8'?"},
    {"tls: {issuer: []}\n", "1:7: ", "did you mean 'issuers'?"},
    /* matrix */
    {"matrix: [{}]\n", "1:10: ", "neither or both"},
    {"matrix: [{allow: {from: clients, to: any}, deny: {from: any, to: any}}]\n", "1:10: ", "neither or both"},
    {"matrix: [{allow: {from: clients}}]\n", "1:18: ", "'allow' has no 'to'"},
    {"matrix: [{deny: {from: client, to: site-database}}]\n", "1:24: ", "did you mean 'clients'?"},
    {"matrix: [{deny: {from: clients, to: site-databse}}]\n", "1:37: ", "did you mean 'site-database'?"},
    {"matrix: [{deny: {from: clients, to: 10.1.2.3/8}}]\n", "1:37: ", "did you mean '10.0.0.0/8'?"},
    {"matrix: [{allow: {from: any, to: any, over: [smbb]}}]\n", "1:46: ", "unknown protocol 'smbb'"},
    {"matrix: [{allw: {from: any, to: any}}]\n", "1:11: ", "did you mean 'allow'?"},
    {"zones: {a: [10.0.0.0/8]}\nclients: {a: {networks: [10.1.0.0/16]}}\nmatrix: [{deny: {from: a, to: any}}]\n", "3:24: ", "'a' names more than one thing"},
    {"hosts: {a.corp.example: {}, a.partner.example: {}}\nmatrix: [{deny: {from: a, to: any}}]\n", "2:24: ", "'a' names more than one thing; expected a full host name"},
    /* rules */
    {"rules: {smb-content-readble: off}\n", "1:9: ", "did you mean 'smb-content-readable'?"},
    {"rules: {R999: off}\n", "1:9: ", "unknown rule 'R999'"},
    {"rules: {R063: of}\n", "1:15: ", "did you mean 'off'?"},
    {"rules: {R063: {sevrity: low}}\n", "1:16: ", "did you mean 'severity'?"},
    {"rules: {R063: {}}\n", "1:15: ", "the rule has no 'severity'"},
    {"rules:\n  R063: off\n  smb-content-readable: low\n", "3:3: ", "rule 'smb-content-readable' is declared twice; expected it once, first at line 2"},
    /* watch */
    {"watch: [{name: a}]\n", "1:9: ", "a watch rule has no 'when'"},
    {"watch: [{name: A b, when: {smb.dialect: x}}]\n", "1:16: ", "cannot name a rule"},
    {"watch: [{name: capture-gap, when: {smb.dialect: x}}]\n", "1:9: ", "built in"},
    {"watch:\n  - {name: a, when: {smb.dialect: x}}\n  - {name: a, when: {smb.dialect: y}}\n", "3:5: ", "watch rule 'a' is declared twice"},
    {"watch: [{name: a, severity: hihg, when: {smb.dialect: x}}]\n", "1:29: ", "did you mean 'high'?"},
    {"watch: [{name: a, when: {smb.dialct: x}}]\n", "1:26: ", "did you mean 'smb.dialect'?"},
    {"watch: [{name: a, when: {server.rol: dns}}]\n", "1:26: ", "did you mean 'server.role'?"},
    {"watch: [{name: a, when: {server.role: dsn}}]\n", "1:39: ", "did you mean 'dns'?"},
    {"watch: [{name: a, when: {client.zone: x}}]\n", "1:39: ", "unknown zone 'x'"},
    {"watch: [{name: a, when: {client.site: x}}]\n", "1:39: ", "unknown site 'x'"},
    {"watch: [{name: a, when: {client.forest: x}}]\n", "1:41: ", "unknown forest 'x'"},
    {"watch: [{name: a, when: {client.name: x}}]\n", "1:39: ", "unknown host 'x'"},
    {"watch: [{name: a, when: {client.ip: x}}]\n", "1:37: ", "is no network"},
    {"watch: [{name: a, when: {client.workgroup: 1}}]\n", "1:44: ", "expected true, false"},
    {"watch: [{name: a, when: {tls.certificate_visible: 1}}]\n", "1:51: ", "expected true, false"},
    {"watch: [{name: a, when: {http.status: ok}}]\n", "1:39: ", "'ok' cannot be a value of http.status; expected a whole number"},
    {"watch: [{name: a, when: {tls.cipher_code: 0xC02F}}]\n", "1:43: ", "lower-case hex"},
    {"watch: [{name: a, when: {flow.start: x}}]\n", "1:26: ", "another in every record"},
    {"watch: [{name: a, when: {smb.dialect: x, tls.version: y}}]\n", "1:42: ", "'smb.dialect' and 'tls.version' are never in one record"},
    {"watch: [{name: a, when: {smb.dialect: {nt: x}}}]\n", "1:39: ", "expected a value, a list, {not: ...} or {present: true | false}"},
    {"watch: [{name: a, when: {smb.dialect: []}}]\n", "1:39: ", "has no values"},
    {"watch: [{name: a, when: {http.status: 9..4}}]\n", "1:39: ", "or a range such as 400..499"},
    {"watch: [{name: a, when: {http.status: ..}}]\n", "1:39: ", "or a range such as 400..499"},
    {"watch: [{name: a, when: {tls.certificate.not_after: soon}}]\n", "1:53: ", "expected a date such as 2026-01-31"},
    {"watch: [{name: a, when: {smb.dialect: {present: 1}}}]\n", "1:49: ", "expected true, false"},
    {"watch: [{name: a, count: 3, when: {smb.dialect: x}}]\n", "1:9: ", "half a threshold"},
    {"watch: [{name: a, by: client, when: {smb.dialect: x}}]\n", "1:9: ", "half a threshold"},
    {"watch: [{name: a, count: 1, within: 60s, when: {smb.dialect: x}}]\n", "1:26: ", "expected a number from 2 to"},
    {"watch: [{name: a, count: 3, within: 60, when: {smb.dialect: x}}]\n", "1:37: ", "expected one such as 60s, 5m, 2h or 1d"},
    {"watch: [{name: a, count: 3, within: 60s, by: clint, when: {smb.dialect: x}}]\n", "1:46: ", "did you mean 'client'?"},
    {"watch: [{name: a, when: {}}]\n", "1:25: ", "'when' is empty"},
    /* accept */
    {"accept: [{server: dns}]\n", "1:10: ", "an acceptance has no 'rule'"},
    {"accept: [{rule: R61}]\n", "1:17: ", "did you mean 'R061'?"},
    {"accept: [{rule: R061, until: 2026-02-29}]\n", "1:30: ", "'2026-02-29' is no date; expected one such as 2027-01-31"},
    {"accept: [{rule: R061, until: tomorrow}]\n", "1:30: ", "is no date"},
    {"accept: [{rule: R061, sever: dns}]\n", "1:23: ", "did you mean 'server'?"},
    {"accept: [{rule: R061, server: 10.0.0.300}]\n", "1:31: ", "unknown name '10.0.0.300'"},
    {"hosts: {dp01.corp.example: {}}\naccept: [{rule: R061, server: dp0l.corp.example}]\n", "2:31: ", "did you mean 'dp01.corp.example'?"},
};
// clang-format on

/* True when one line begins with the place and holds the words. */
static bool is_told(const char *errors, const struct refusal *r)
{
    size_t starts = strlen(r->starts), says = strlen(r->says);
    for (const char *line = errors; *line != '\0'; line += strcspn(line, "\n") + 1) {
        size_t length = strcspn(line, "\n");
        if (strncmp(line, r->starts, starts) == 0 && memmem(line, length, r->says, says) != NULL) {
            return true;
        }
    }
    return false;
}

static void every_refusal_names_its_place(void **state)
{
    (void)state;
    unsigned wrong = 0;
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        struct policy *p = NULL;
        char *errors = NULL;
        int error = test_load(refusals[i].text, strlen(refusals[i].text), &p, &errors);
        if (error != -EINVAL || p != NULL || !is_told(errors, &refusals[i])) {
            print_error("%s-> %d, expected %s%s\n%s", refusals[i].text, error, refusals[i].starts,
                        refusals[i].says, errors);
            wrong++;
        }
        (void)policy_free(p);
        free(errors);
    }
    assert_int_equal(wrong, 0);
}

static void all_faults_are_told_in_order(void **state)
{
    (void)state;
    static const char text[] = "watch: [{}]\n"
                               "profil: strict\n"
                               "accounts: {push: []}\n"
                               "sites: {P01: {type: x}}\n";
    struct policy *p = NULL;
    char *errors = NULL;
    assert_int_equal(test_load(text, sizeof text - 1, &p, &errors), -EINVAL);
    unsigned before = 0, count = 0;
    for (const char *line = errors; *line != '\0'; line = strchr(line, '\n') + 1, count++) {
        unsigned number = (unsigned)strtoul(line, NULL, 10);
        assert_true(number >= before);
        before = number;
    }
    assert_int_equal(count, 5); /* the watch rule lacks two keys */
    free(errors);
}

static void faults_past_the_limit_are_counted(void **state)
{
    (void)state;
    char text[4096] = "hosts:\n";
    for (unsigned i = 0; i < 60; i++) {
        char line[40];
        (void)snprintf(line, sizeof line, "  h%u.example: {x: 1}\n", i);
        (void)strncat(text, line, sizeof text - strlen(text) - 1);
    }
    struct policy *p = NULL;
    char *errors = NULL;
    assert_int_equal(test_load(text, strlen(text), &p, &errors), -EINVAL);
    assert_non_null(strstr(errors, " 10 more faults are not listed\n"));
    free(errors);
}

static void two_hosts_of_one_domain_cannot_share_a_netbios_name(void **state)
{
    (void)state;
    static const char text[] = "hosts:\n  management-point1.corp.example: {}\n"
                               "  management-point2.corp.example: {}\n";
    struct policy *p = NULL;
    char *errors = NULL;
    assert_int_equal(test_load(text, sizeof text - 1, &p, &errors), -EINVAL);
    assert_true(strncmp(errors, "3:3: NetBIOS name 'management-poin'", 30) == 0);
    free(errors);
}

/* Of the declared size, and printed, so that a change for the worse is seen. */
static void a_large_hierarchy_loads_in_a_second(void **state)
{
    (void)state;
    enum { HOSTS = 5000, NETWORKS = 200 };
    char *text = NULL, *errors = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    (void)fputs(FORESTS "sites: {P01: {type: primary}}\nclients:\n", out);
    for (unsigned i = 0; i < NETWORKS; i++) {
        (void)fprintf(out, "  net%u: {networks: [10.%u.%u.0/24], forest: corp}\n", i, 100 + i / 100,
                      i % 100);
    }
    (void)fputs("hosts:\n", out);
    for (unsigned i = 0; i < HOSTS; i++) {
        (void)fprintf(out,
                      "  dp%u.corp.example: {addresses: [10.1.%u.%u], aliases: [c%u.corp.example],"
                      " forest: corp, site: P01, roles: [distribution-point]}\n",
                      i, i / 250, i % 250 + 1, i);
    }
    assert_int_equal(fclose(out), 0);
    struct policy *p = NULL;
    struct timespec before, after;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    assert_int_equal(test_load(text, size, &p, &errors), 0);
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    double ms = (double)(after.tv_sec - before.tv_sec) * 1e3 +
                (double)(after.tv_nsec - before.tv_nsec) / 1e6;
    print_message("%u hosts and %u client networks in %.1f ms\n", p->host_count, p->group_count,
                  ms);
    assert_true(ms < 1000 * (SLOWED_BY));
    (void)policy_free(p);
    free(errors);
    free(text);
}

static void an_unreadable_file_is_one_line(void **state)
{
    (void)state;
    char *errors = NULL;
    size_t size = 0;
    struct policy *p = NULL;
    FILE *out = open_memstream(&errors, &size);
    assert_non_null(out);
    assert_int_equal(policy_load("/nonexistent.yaml", NULL, &test_names, out, &p), -ENOENT);
    assert_int_equal(policy_load("/", NULL, &test_names, out, &p), -EISDIR);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(errors, "/nonexistent.yaml: cannot be read: No such file or directory\n"
                                "/: cannot be read: Is a directory\n");
    assert_null(p);
    free(errors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_refusal_names_its_place),
        cmocka_unit_test(all_faults_are_told_in_order),
        cmocka_unit_test(faults_past_the_limit_are_counted),
        cmocka_unit_test(two_hosts_of_one_domain_cannot_share_a_netbios_name),
        cmocka_unit_test(a_large_hierarchy_loads_in_a_second),
        cmocka_unit_test(an_unreadable_file_is_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
