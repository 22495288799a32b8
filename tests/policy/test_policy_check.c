/* What can be said of a policy without traffic: each case breaks one thing, its near miss does not.
 */
#include "tests/policy/test_policy.h"

#include "capture/limits.h"

#define FORESTS                                                                                    \
    "forests: {corp: {domains: [corp.example]}, partner: {domains: [partner.example]}}\n"
#define TRUST(type, direction)                                                                     \
    "trusts: [{forests: [corp, partner], type: " type ", direction: " direction "}]\n"
#define SITES "sites: {P01: {type: primary}, S01: {type: secondary, parent: P01}}\n"
#define SERVERS                                                                                    \
    "  cm.corp.example: {forest: corp, site: P01, roles: [site-server]}\n"                         \
    "  s1.corp.example: {forest: corp, site: S01, roles: [site-server]}\n"
#define P01 "sites: {P01: {type: primary}}\n"
#define CM                                                                                         \
    "hosts:\n  cm.corp.example: {addresses: [10.0.0.1], forest: corp, site: P01, roles: "          \
    "[site-server]}\n"
#define PKI "tls: {pki: true}\n"
#define INSTALL "site-system-installation: ['CORP\\i']"

#define PERIMETER(options)                                                                         \
    FORESTS P01 "zones: {in: [10.0.0.0/8], dmz: [192.0.2.0/24]}\n" CM                              \
                "  m.corp.example: {addresses: [192.0.2.20], forest: corp, site: P01, roles: "     \
                "[{management-point: {" options "}}]}\n"
#define DC(options)                                                                                \
    "  dc.corp.example: {addresses: [192.0.2.2], forest: corp, roles: "                            \
    "[{domain-controller: " options "}]}\n"
#define INNER_DC                                                                                   \
    "  in.corp.example: {addresses: [10.0.0.2], forest: corp, roles: [domain-controller]}\n"
#define PATHS                                                                                      \
    FORESTS P01 "clients: {hq: {networks: [10.1.0.0/16], forest: corp}}\n" CM                      \
                "  db.corp.example: {addresses: [10.0.0.3], forest: corp, site: P01, roles: "      \
                "[site-database]}\n"                                                               \
                "  m.corp.example: {addresses: [10.0.0.4], forest: corp, site: P01, roles: "       \
                "[{management-point: {clients: https}}]}\n"                                        \
                "  u.partner.example: {addresses: [192.0.2.4], forest: partner, site: P01, "       \
                "site-server-initiates: true, roles: [distribution-point]}\n"

struct said {
    const char *says;
    unsigned count, found;
    enum severity severity;
    const char *statement;
    struct place last;
    bool out_of_order;
};

static void hear(void *user, const struct policy_remark *r)
{
    struct said *s = user;
    if (r->place.line < s->last.line) {
        s->out_of_order = true;
    }
    s->last = r->place;
    s->count++;
    if (s->says != NULL && strstr(r->text, s->says) != NULL) {
        s->found++;
        s->severity = r->severity;
        s->statement = r->statement;
    }
}

// clang-format off
static const struct check_case {
    const char *broken, *near_miss, *says, *statement;
    enum severity severity;
} cases[] = {
    /* sites */
    {FORESTS SITES "hosts:\n  cm.corp.example: {forest: corp, site: P01, roles: [site-server]}\n  s1.partner.example: {forest: partner, site: S01, roles: [site-server]}\n",
     FORESTS TRUST("forest", "two-way") SITES "hosts:\n  cm.corp.example: {forest: corp, site: P01, roles: [site-server]}\n  s1.partner.example: {forest: partner, site: S01, roles: [site-server]}\n",
     "site S01 (s1.partner.example, forest partner) is a child of P01 (cm.corp.example, forest corp), but no trust is declared", "S63", SEVERITY_CRITICAL},
    {FORESTS TRUST("external", "two-way") SITES "hosts:\n  cm.corp.example: {forest: corp, site: P01, roles: [site-server]}\n  s1.partner.example: {forest: partner, site: S01, roles: [site-server]}\n",
     FORESTS TRUST("external", "two-way") SITES "hosts:\n" SERVERS,
     "only an external trust", "S63", SEVERITY_CRITICAL},
    {FORESTS TRUST("forest", "one-way") SITES "hosts:\n  cm.corp.example: {forest: corp, site: P01, roles: [site-server]}\n  s1.partner.example: {forest: partner, site: S01, roles: [site-server]}\n",
     FORESTS "trusts: [{forests: [corp, partner], type: forest, direction: one-way}, {forests: [partner, corp], type: forest, direction: one-way}]\n" SITES "hosts:\n  cm.corp.example: {forest: corp, site: P01, roles: [site-server]}\n  s1.partner.example: {forest: partner, site: S01, roles: [site-server]}\n",
     "only a one-way forest trust", "S63", SEVERITY_CRITICAL},
    {P01 "hosts: {a.corp.example: {site: P01}}\n", P01 "hosts: {a.corp.example: {site: P01, roles: [site-server]}}\n", "site P01 has no site server", NULL, SEVERITY_MEDIUM},
    {"hosts: {a.corp.example: {roles: [site-server]}}\n", P01 "hosts: {a.corp.example: {site: P01, roles: [site-server]}}\n", "site server a.corp.example belongs to no site", NULL, SEVERITY_MEDIUM},
    {P01 "hosts: {a.corp.example: {site: P01, roles: [site-server]}, b.corp.example: {site: P01, roles: [site-server]}}\n",
     P01 "hosts: {a.corp.example: {site: P01, roles: [site-server]}, b.corp.example: {site: P01, roles: [site-server-passive]}}\n",
     "site P01 has two site servers, a.corp.example and b.corp.example", NULL, SEVERITY_MEDIUM},
    {P01 "hosts: {a: {workgroup: true, site: P01, roles: [site-server]}}\n", FORESTS P01 CM, "site server a is in a workgroup", NULL, SEVERITY_HIGH},
    {"sites: {PRIM: {type: primary}}\n", "sites: {P01: {type: primary}}\n", "site code PRIM is not three letters or digits", NULL, SEVERITY_LOW},
    {FORESTS P01 CM "  p.emea.corp.example: {forest: corp, site: P01, roles: [sms-provider]}\n", FORESTS P01 CM "  p.CORP.example: {forest: corp, site: P01, roles: [sms-provider]}\n",
     "SMS Provider p.emea.corp.example is in domain emea.corp.example, its site server cm.corp.example in corp.example", NULL, SEVERITY_HIGH},
    /* roles at kinds of sites */
    {FORESTS SITES "hosts:\n" SERVERS "  e.corp.example: {forest: corp, site: S01, roles: [enrollment-point]}\n", FORESTS SITES "hosts:\n" SERVERS "  e.corp.example: {forest: corp, site: P01, roles: [enrollment-point]}\n",
     "e.corp.example is a enrollment-point of secondary site S01; this role must be at a primary site", "S26", SEVERITY_HIGH},
    {FORESTS SITES "hosts:\n" SERVERS "  e.corp.example: {forest: corp, site: S01, roles: [sms-provider]}\n", FORESTS SITES "hosts:\n" SERVERS "  e.corp.example: {forest: corp, site: S01, roles: [state-migration-point]}\n",
     "sms-provider of secondary site S01; this role must be at a primary site or above", NULL, SEVERITY_HIGH},
    {"sites: {CEN: {type: central-administration}}\nhosts: {m.corp.example: {site: CEN, roles: [management-point]}}\n", "sites: {CEN: {type: central-administration}}\nhosts: {m.corp.example: {site: CEN, roles: [software-update-point]}}\n",
     "of central administration site CEN, which has no clients", NULL, SEVERITY_HIGH},
    {"sites: {CEN: {type: central-administration}, P01: {type: primary, parent: CEN}}\nhosts: {m.corp.example: {site: P01, roles: [service-connection-point]}}\n", P01 "hosts: {m.corp.example: {site: P01, roles: [service-connection-point]}}\n",
     "a child of CEN; this role must be at the top of the hierarchy", NULL, SEVERITY_MEDIUM},
    {"hosts: {m.corp.example: {roles: [management-point]}}\n", "hosts: {m.corp.example: {roles: [dns]}}\n", "m.corp.example is a management-point of no site", NULL, SEVERITY_MEDIUM},
    {"hosts: {f.corp.example: {roles: [fallback-status-point, management-point]}}\n", "hosts: {f.corp.example: {roles: [fallback-status-point]}}\n", "fallback status point f.corp.example is also a management-point", "S15", SEVERITY_MEDIUM},
    {"hosts: {f.corp.example: {roles: [domain-controller, fallback-status-point]}}\n", "hosts: {f.corp.example: {roles: [domain-controller, dns]}}\n", "fallback status point f.corp.example is a domain controller", "S15", SEVERITY_HIGH},
    {"hosts: {f.corp.example: {roles: [{fallback-status-point: {clients: https-or-http}}]}}\n", "hosts: {f.corp.example: {roles: [{fallback-status-point: {clients: http}}]}}\n", "fallback status point f.corp.example is declared for HTTPS", "S15", SEVERITY_MEDIUM},
    /* across forests */
    {FORESTS TRUST("forest", "two-way") P01 CM "  w.partner.example: {forest: partner, site: P01, roles: [application-catalog-web-service]}\n", FORESTS TRUST("forest", "two-way") P01 CM "  w.partner.example: {forest: partner, site: P01, roles: [application-catalog-website]}\n",
     "application catalog web service point w.partner.example is in partner, its site server cm.corp.example in corp", "S80", SEVERITY_HIGH},
    {FORESTS TRUST("forest", "two-way") SITES "hosts:\n" SERVERS "  d.partner.example: {forest: partner, site: S01, roles: [distribution-point]}\n", FORESTS TRUST("forest", "two-way") SITES "hosts:\n" SERVERS "  d.partner.example: {forest: partner, site: P01, roles: [distribution-point]}\n",
     "only primary sites can have site systems in other forests", "S79", SEVERITY_HIGH},
    {FORESTS P01 CM "  d.partner.example: {forest: partner, site: P01, roles: [distribution-point]}\n", FORESTS P01 CM "  d.partner.example: {forest: partner, site: P01, site-server-initiates: true, roles: [distribution-point]}\n",
     "d.partner.example is in forest partner, which the forest corp of site server cm.corp.example does not trust", "S84", SEVERITY_HIGH},
    {FORESTS "trusts: [{forests: [partner, corp], type: forest, direction: one-way}]\n" P01 CM "  d.partner.example: {forest: partner, site: P01, roles: [distribution-point]}\n", FORESTS TRUST("external", "one-way") P01 CM "  d.partner.example: {forest: partner, site: P01, roles: [distribution-point]}\n",
     "does not trust", "S84", SEVERITY_HIGH},
    {FORESTS P01 CM "  d.partner.example: {forest: partner, site: P01, roles: [distribution-point]}\n", FORESTS P01 "accounts: {" INSTALL "}\n" CM "  d.partner.example: {forest: partner, site: P01, roles: [distribution-point]}\n",
     "no site-system-installation account is declared", "S82", SEVERITY_HIGH},
    {FORESTS P01 CM "  m.partner.example: {forest: partner, site: P01, roles: [management-point]}\n", FORESTS P01 "accounts: {management-point-connection: ['CORP\\m']}\n" CM "  m.partner.example: {forest: partner, site: P01, roles: [management-point]}\n",
     "no management-point-connection account is declared", "S99", SEVERITY_HIGH},
    {FORESTS P01 "accounts: {enrollment-point-connection: []}\n" CM "  m.partner.example: {forest: partner, site: P01, roles: [enrollment-point]}\n", FORESTS P01 "accounts: {enrollment-point-connection: ['CORP\\m']}\n" CM "  m.partner.example: {forest: partner, site: P01, roles: [enrollment-point]}\n",
     "no enrollment-point-connection account is declared", "S99", SEVERITY_HIGH},
    {P01 "hosts: {m: {workgroup: true, site: P01, roles: [management-point]}}\n", P01 "hosts: {m: {workgroup: true, roles: [web-proxy]}}\n", "site system m is in a workgroup", NULL, SEVERITY_MEDIUM},
    {P01 "hosts: {m.corp.example: {site: P01, roles: [management-point]}}\n", "hosts: {m.corp.example: {roles: [dns]}}\n", "m.corp.example has neither 'forest' nor 'workgroup: true'", NULL, SEVERITY_INFO},
    {FORESTS "hosts: {m.corp.example: {forest: partner}}\n", FORESTS "hosts: {m.corp.example: {forest: corp}}\n", "but its name lies in a domain of forest corp", NULL, SEVERITY_LOW},
    {"hosts: {m.corp.example: {}, m.partner.example: {}}\n", "hosts: {m.corp.example: {}, n.partner.example: {}}\n", "the short name m means more than one host; m.corp.example is found", NULL, SEVERITY_LOW},
    /* networks */
    {"zones: {a: [10.0.0.0/8]}\nhosts: {m.corp.example: {addresses: [11.0.0.1]}}\n", "zones: {a: [10.0.0.0/8]}\nhosts: {m.corp.example: {addresses: [10.0.0.1]}}\n", "address 11.0.0.1 of m.corp.example lies in no declared zone", NULL, SEVERITY_INFO},
    {"zones: {a: [10.0.0.0/8]}\nhosts: {m.corp.example: {addresses: [11.0.0.1]}}\n", "hosts: {m.corp.example: {addresses: [11.0.0.1]}}\n", "lies in no declared zone", NULL, SEVERITY_INFO},
    {"clients: {hq: {networks: [10.1.0.0/16]}}\nhosts: {m.corp.example: {addresses: [10.1.0.1], roles: [dns]}}\n", "clients: {hq: {networks: [10.1.0.0/16]}}\nhosts: {m.corp.example: {addresses: [10.2.0.1], roles: [dns]}}\n", "lies in the network of client group hq", NULL, SEVERITY_INFO},
    /* client modes */
    {"hosts: {c.corp.example: {roles: [{cloud-distribution-point: {clients: https-or-http}}]}}\n", "hosts: {c.corp.example: {roles: [{cloud-distribution-point: {clients: https}}]}}\n", "cloud distribution point c.corp.example is declared 'clients: https-or-http'", "S14", SEVERITY_CRITICAL},
    {"hosts: {c.corp.example: {roles: [{cloud-distribution-point: {ports: {http: [80]}}}]}}\n", "hosts: {c.corp.example: {roles: [{cloud-distribution-point: {ports: {https: [443]}}}]}}\n", "declared with HTTP port 80", "S14", SEVERITY_CRITICAL},
    {"sites: {P01: {type: primary, client-communication: https}}\n", PKI "sites: {P01: {type: primary, client-communication: https}}\n", "site P01 is HTTPS-only, but", "S23", SEVERITY_MEDIUM},
    {"sites: {P01: {type: primary, client-communication: https}}\n", "sites: {P01: {type: primary, client-communication: enhanced-http}}\n", "site P01 is HTTPS-only, but", "S23", SEVERITY_MEDIUM},
    {"hosts: {m.corp.example: {roles: [{management-point: {clients: https}}]}}\n", "hosts: {m.corp.example: {roles: [{cloud-management-gateway: {clients: https}}]}}\n", "is HTTPS-only, but", "S23", SEVERITY_MEDIUM},
    {P01 "hosts: {m.corp.example: {site: P01, roles: [{management-point: {clients: https-or-http, serves: [internet]}}]}}\n", P01 "hosts: {m.corp.example: {site: P01, roles: [{management-point: {clients: https, serves: [internet]}}]}}\n",
     "serves the internet, but its client mode is https-or-http", "S26", SEVERITY_HIGH},
    {P01 "hosts: {m.corp.example: {site: P01, roles: [{management-point: {serves: [internet]}}]}}\n", P01 "hosts: {m.corp.example: {site: P01, roles: [{fallback-status-point: {serves: [internet]}}]}}\n", "its client mode is undeclared", "S26", SEVERITY_LOW},
    {P01 "hosts: {m.corp.example: {site: P01, roles: [{state-migration-point: {clients: https, serves: [internet]}}]}}\n", P01 "hosts: {m.corp.example: {site: P01, roles: [{distribution-point: {clients: https, serves: [internet]}}]}}\n", "this role does not support clients from there", "S26", SEVERITY_HIGH},
    {SITES "hosts: {m.corp.example: {site: S01, roles: [{management-point: {clients: https, serves: [internet]}}]}}\n", SITES "hosts: {m.corp.example: {site: P01, roles: [{management-point: {clients: https, serves: [internet]}}]}}\n", "S01 is a secondary site; only primary sites", "S27", SEVERITY_HIGH},
    {FORESTS P01 "zones: {in: [10.0.0.0/8]}\n" CM "  m.corp.example: {addresses: [10.0.0.2], site: P01, roles: [{management-point: {clients: https, serves: [internet]}}]}\n", FORESTS P01 "zones: {in: [10.0.0.0/8], dmz: [10.9.0.0/16]}\n" CM "  m.corp.example: {addresses: [10.9.0.2], site: P01, roles: [{management-point: {clients: https, serves: [internet]}}]}\n",
     "serves the internet from zone in, where site server cm.corp.example is", "S81", SEVERITY_LOW},
    {FORESTS P01 "zones: {in: [10.0.0.0/8]}\n" CM "  m.corp.example: {addresses: [10.0.0.2], site: P01, roles: [{management-point: {clients: https, serves: [internet]}}]}\n", FORESTS P01 "zones: {in: [10.0.0.0/8]}\n" CM "  m.corp.example: {addresses: [10.0.0.2], site: P01, roles: [{management-point: {clients: https, serves: [internet]}}]}\n  x: {roles: [{web-proxy: {publishes: [m.corp.example]}}]}\n",
     "no web proxy publishes it", "S81", SEVERITY_LOW},
    /* proxies and content */
    {"hosts: {x: {roles: [{web-proxy: {mode: bridging, publishes: [e.corp.example]}}]}, e.corp.example: {roles: [enrollment-proxy-point]}}\n", "hosts: {x: {roles: [{web-proxy: {mode: tunneling, publishes: [e.corp.example]}}]}, e.corp.example: {roles: [enrollment-proxy-point]}}\n", "bridges to enrollment proxy point e.corp.example", "S41", SEVERITY_HIGH},
    {"hosts: {x: {roles: [{web-proxy: {mode: bridging, publishes: [e.corp.example]}}]}, e.corp.example: {roles: [{management-point: {clients: http}}]}}\n", "hosts: {x: {roles: [{web-proxy: {mode: bridging, publishes: [e.corp.example]}}]}, e.corp.example: {roles: [{management-point: {clients: https}}]}}\n", "bridges to management-point e.corp.example, whose client mode is http", "S44", SEVERITY_MEDIUM},
    {"hosts: {x: {roles: [{web-proxy: {publishes: [x]}}]}}\n", "hosts: {x: {roles: [web-proxy]}}\n", "its 'mode' is not declared", "S37", SEVERITY_INFO},
    {"hosts: {x: {roles: [{web-proxy: {mode: tunneling}}]}}\n", "hosts: {x: {roles: [{web-proxy: {mode: bridging}}]}}\n", "web proxy x tunnels", "S38", SEVERITY_INFO},
    {"hosts: {x: {roles: [{distribution-point: {anonymous: true}}]}}\n", "hosts: {x: {roles: [{distribution-point: {anonymous: false}}]}}\n", "gives content to anyone", "S13", SEVERITY_LOW},
    {"hosts: {x: {roles: [policy-module]}}\n", "profile: article\nhosts: {x: {roles: [policy-module]}}\n", "is a role that was removed in version 2203", NULL, SEVERITY_LOW},
    /* sites, their databases, modes and accounts */
    {FORESTS SITES "hosts:\n" SERVERS, FORESTS SITES "hosts:\n" SERVERS "  db.corp.example: {forest: corp, site: P01, roles: [site-database]}\n", "the databases of site P01 and site S01 replicate with each other, but no host of P01", "S74", SEVERITY_INFO},
    {FORESTS P01 CM "  m.corp.example: {forest: corp, site: P01, roles: [management-point]}\n", FORESTS P01 CM, "management point m.corp.example connects to the database of site P01", "S96", SEVERITY_INFO},
    {P01 "hosts: {m.corp.example: {site: P01, roles: [management-point]}}\n", P01 "hosts: {m.corp.example: {site: P01, roles: [{management-point: {clients: https}}]}}\n", "nothing says whether clients use the management points of site P01 by HTTP or HTTPS", "S24", SEVERITY_INFO},
    {"sites: {P01: {type: primary, client-communication: https}}\nhosts: {m.corp.example: {site: P01, roles: [{management-point: {clients: http}}]}}\n", "sites: {P01: {type: primary, client-communication: https}}\nhosts: {m.corp.example: {site: P01, roles: [{management-point: {clients: https-or-http}}]}}\n", "they find none that speaks with them", "S21", SEVERITY_MEDIUM},
    {SITES, FORESTS "accounts: {site-installation: ['CORP\\s']}\n" SITES, "no site-installation account is declared", "S68", SEVERITY_INFO},
    /* options without effect, and contradictions */
    {"hosts: {d: {roles: [{pull-distribution-point: {bandwidth: {limit-mbit: 1}}}]}}\n", "hosts: {d: {roles: [{distribution-point: {bandwidth: {limit-mbit: 1}}}]}}\n", "fetches its content itself, so 'bandwidth' has no effect", "S05", SEVERITY_LOW},
    {"links: {prestaged-max-mb: 1}\nhosts: {d: {roles: [site-server, {distribution-point: {prestaged: true}}]}}\n", "links: {prestaged-max-mb: 1}\nhosts: {d: {roles: [{distribution-point: {prestaged: true}}]}}\n", "is on its site server, so nothing crosses the network that 'prestaged'", "S06", SEVERITY_LOW},
    {"hosts: {d: {roles: [{distribution-point: {prestaged: true}}]}}\n", "links: {prestaged-max-mb: 1}\nhosts: {d: {roles: [{distribution-point: {prestaged: true}}]}}\n", "nothing says how much may still be sent to it", "S07", SEVERITY_INFO},
    {"hosts: {d: {roles: [{software-update-point: {clients: https, ports: {http: [8530]}}}]}}\n", "hosts: {d: {roles: [{software-update-point: {clients: https, ports: {http: [8530], https: [8531]}}}]}}\n", "software-update-point d is declared 'clients: https', but with ports for HTTP only", "S24", SEVERITY_MEDIUM},
    {"hosts: {d: {roles: [{software-update-point: {clients: http, ports: {https: [8531]}}}]}}\n", "hosts: {d: {roles: [{software-update-point: {clients: http, ports: {http: [8530]}}}]}}\n", "but with ports for HTTPS only", "S24", SEVERITY_MEDIUM},
    {"zones: {in: [10.0.0.0/8]}\nhosts: {m: {roles: [{management-point: {serves: [in], user-policy: true}}]}}\n", "zones: {in: [10.0.0.0/8]}\nhosts: {m: {roles: [{management-point: {serves: [in, internet], user-policy: true}}]}}\n", "user policy for the internet, which it does not serve", "S30", SEVERITY_LOW},
    /* how systems find each other */
    {"clients: {k: {networks: [10.9.0.0/16], workgroup: true}}\n", "clients: {k: {networks: [10.9.0.0/16], workgroup: true}}\nhosts: {d.corp.example: {roles: [dns]}}\n", "client group k finds no management point in a directory, and no host", "S59", SEVERITY_INFO},
    {FORESTS "clients: {k: {networks: [10.9.0.0/16], forest: corp}}\n", "forests: {corp: {domains: [corp.example], published: true}}\nclients: {k: {networks: [10.9.0.0/16], forest: corp}}\n", "client group k finds no management point in a directory", "S113", SEVERITY_INFO},
    {"clients: {k: {networks: [10.9.0.0/16], workgroup: true}}\nhosts: {w.corp.example: {roles: [wins]}}\n", "profile: article\nclients: {k: {networks: [10.9.0.0/16], workgroup: true}}\nhosts: {w.corp.example: {roles: [wins]}}\n", "finds management points by WINS only", "S60", SEVERITY_LOW},
    {FORESTS "clients: {k: {networks: [10.9.0.0/16], forest: partner}}\nhosts: {d.partner.example: {forest: partner, roles: [distribution-point]}}\n", FORESTS "clients: {k: {networks: [10.9.0.0/16], forest: partner}}\nhosts: {d.partner.example: {forest: partner, roles: [distribution-point, management-point]}}\n", "but no management point; they must leave it", "S52", SEVERITY_INFO},
    {FORESTS P01 CM, FORESTS P01 CM "  d.corp.example: {forest: corp, roles: [domain-controller]}\n", "no domain-controller is declared in forest corp, so the logons of cm.corp.example", "S20", SEVERITY_INFO},
    {FORESTS P01 CM "  d.partner.example: {forest: partner, site: P01, roles: [distribution-point]}\n", FORESTS P01 CM "  d.partner.example: {forest: partner, site: P01, roles: [distribution-point]}\n  n.partner.example: {forest: partner, roles: [dns]}\n", "d.partner.example is in forest partner, for whose names no dns host is declared", "S76", SEVERITY_INFO},
    {FORESTS P01 CM "  e.partner.example: {forest: partner, roles: [exchange-server]}\n", FORESTS P01 CM "  e.corp.example: {forest: corp, roles: [exchange-server]}\n", "for whose names no dns host is declared", "S114", SEVERITY_INFO},
    {FORESTS P01 CM "clients: {k: {networks: [10.9.0.0/16], forest: partner}}\n", FORESTS TRUST("forest", "two-way") P01 CM "clients: {k: {networks: [10.9.0.0/16], forest: partner}}\n", "client group k is of a forest that no site trusts or serves, but no network-access", "S108", SEVERITY_MEDIUM},
    {FORESTS P01 CM "clients: {k: {networks: [10.9.0.0/16], forest: partner}}\n", FORESTS P01 CM "  d.partner.example: {forest: partner, site: P01, roles: [distribution-point]}\nclients: {k: {networks: [10.9.0.0/16], forest: partner}}\n", "of a forest that no site trusts or serves", "S108", SEVERITY_MEDIUM},
    /* the perimeter */
    {PERIMETER("serves: [internet]") DC("{}"), PERIMETER("serves: [internet]") DC("{read-only: true}"), "domain controller dc.corp.example stands in zone dmz, where management point m.corp.example serves the internet, and can be written to", "S31", SEVERITY_MEDIUM},
    {PERIMETER("serves: [internet], user-policy: true") INNER_DC, PERIMETER("serves: [internet], user-policy: true") INNER_DC DC("{read-only: true}"), "gives user policy to the internet from zone dmz, where no domain controller of forest corp is declared; its users are authenticated at in.corp.example", "S31", SEVERITY_LOW},
    {PERIMETER("serves: [internet], user-policy: true") INNER_DC, PERIMETER("serves: [internet], user-policy: false") INNER_DC, "gives user policy to the internet from zone dmz", "S31", SEVERITY_LOW},
    {PERIMETER("serves: [dmz]") "  x: {roles: [{web-proxy: {publishes: [m.corp.example]}}]}\n", PERIMETER("serves: [internet]") "  x: {roles: [{web-proxy: {publishes: [m.corp.example]}}]}\n", "web proxy x publishes m.corp.example, none of whose roles", "S33", SEVERITY_LOW},
    {"hosts: {x: {roles: [{web-proxy: {mode: bridging}}]}}\n", PKI "hosts: {x: {roles: [{web-proxy: {mode: bridging}}]}}\n", "web proxy x bridges, for which client computers must show certificates", "S39", SEVERITY_MEDIUM},
    {"hosts: {x: {roles: [{web-proxy: {mode: bridging}}]}}\n", "hosts: {x: {roles: [{web-proxy: {mode: tunneling}}]}}\n", "must show certificates", "S39", SEVERITY_MEDIUM},
    /* the policy's own matrix */
    {PATHS "matrix: [{deny: {from: management-point, to: site-database}}]\n", PATHS "matrix: [{deny: {from: distribution-point, to: site-database}}]\n", "this line denies what the hierarchy needs: m.corp.example to db.corp.example (sql", "S93", SEVERITY_MEDIUM},
    {PATHS "matrix: [{deny: {from: management-point, to: site-database}}]\n", PATHS "matrix: [{deny: {from: management-point, to: site-database, over: [smb]}}]\n", "this line denies what the hierarchy needs", "S93", SEVERITY_MEDIUM},
    {PATHS "matrix: [{deny: {from: clients, to: m.corp.example, over: [https]}}]\n", PATHS "matrix: [{allow: {from: clients, to: m.corp.example, over: [https], reason: x}}, {deny: {from: clients, to: m.corp.example, over: [https]}}]\n", "hq to m.corp.example (https", "S09", SEVERITY_MEDIUM},
    {PATHS "matrix: [{deny: {from: site-server, to: u.partner.example, over: [smb]}}]\n", PATHS "matrix: [{deny: {from: u.partner.example, to: site-server, over: [smb]}}]\n", "cm.corp.example to u.partner.example (smb", "S88", SEVERITY_MEDIUM},
    {PATHS "matrix: [{allow: {from: u.partner.example, to: site-server, reason: x}}]\n", PATHS "matrix: [{allow: {from: m.corp.example, to: site-server, reason: x}}]\n", "this line lets u.partner.example, declared 'site-server-initiates', open connections to site server cm.corp.example", "S86", SEVERITY_MEDIUM},
    /* accounts, clients, accepted risks */
    {FORESTS "accounts: {client-push: ['CROP\\x']}\n", FORESTS "accounts: {client-push: ['CORP\\x', x@corp.example, '.\\x']}\n", "account CROP\\x (client-push) is in no declared domain", NULL, SEVERITY_LOW},
    {P01 "clients: {k: {networks: [10.0.0.0/8], workgroup: true}}\n", FORESTS P01 "accounts: {network-access: ['CORP\\n']}\nclients: {k: {networks: [10.0.0.0/8], workgroup: true}}\n", "client group k is in a workgroup, but no network-access account", "S58", SEVERITY_MEDIUM},
    {"profile: article\nsites: {P01: {type: primary, client-communication: https}}\nclients: {k: {networks: [10.0.0.0/8], workgroup: true}}\n", "sites: {P01: {type: primary, client-communication: https}}\nclients: {k: {networks: [10.0.0.0/8], workgroup: true}}\n", "no network-access account", "S58", SEVERITY_MEDIUM},
    {FORESTS P01 CM "clients: {k: {networks: [10.9.0.0/16], forest: partner}}\n", FORESTS P01 CM "clients: {k: {networks: [10.9.0.0/16], forest: corp}}\n", "in forest partner, to which no site is published", "S111", SEVERITY_INFO},
    {FORESTS TRUST("external", "two-way") P01 CM "clients: {k: {networks: [10.9.0.0/16], forest: partner}}\n", FORESTS TRUST("forest", "two-way") P01 CM "clients: {k: {networks: [10.9.0.0/16], forest: partner}}\n", "only an external trust; without Kerberos they will use NTLM", "S106", SEVERITY_MEDIUM},
    {"accept: [{rule: R061, until: 2020-01-31, reason: x}]\n", "accept: [{rule: R061, until: 2199-01-31, reason: x}]\n", "the acceptance of R061 expired after 2020-01-31", NULL, SEVERITY_MEDIUM},
    {"accept: [{rule: R061, server: dns, until: 2020-01-31, reason: x}, {rule: R061, server: dns, until: 2199-01-31, reason: x}]\n", "accept: [{rule: R061, server: dns, until: 2199-01-31, reason: x}]\n", "the acceptance of R061 until 2020-01-31 is renewed by line 1", NULL, SEVERITY_INFO},
    {"accept: [{rule: R061, client: dns, until: 2020-01-31, reason: x}, {rule: R061, server: dns, until: 2199-01-31, reason: x}]\n", "accept: [{rule: R061, until: 2199-01-31, reason: x}]\n", "the acceptance of R061 expired after 2020-01-31", NULL, SEVERITY_MEDIUM},
    {"accept: [{rule: R061, until: 2199-01-31}]\n", "accept: [{rule: R061, until: 2199-01-31, reason: x}]\n", "gives no reason", NULL, SEVERITY_LOW},
    {"accept: [{rule: R061, reason: x}]\n", "accept: [{rule: R061, until: 2199-01-31, reason: x}]\n", "has no end", NULL, SEVERITY_LOW},
    /* options */
    {"sites: {P01: {type: primary, client-communication: https-or-http, client-messages: {signing: false}}}\n", "sites: {P01: {type: primary, client-communication: https-or-http, client-messages: {signing: true}}}\n", "declared without signing", "S25", SEVERITY_MEDIUM},
    {"sites: {P01: {type: primary, client-communication: https-or-http, client-messages: {encryption: false}}}\n", PKI "sites: {P01: {type: primary, client-communication: https, client-messages: {encryption: false}}}\n", "declared without encryption", "S25", SEVERITY_MEDIUM},
    {"sites: {P01: {type: primary, approval: all}}\n", "sites: {P01: {type: primary, approval: automatic}}\n", "approves every client that asks", "S56", SEVERITY_MEDIUM},
    {"sites: {P01: {type: primary, approval: all}}\nclients: {k: {networks: [10.0.0.0/8], workgroup: true}}\n", "sites: {P01: {type: primary, approval: all}}\nadministrators: {networks: [10.0.0.0/8], workgroup: true}\n", "also those of workgroups", "S56", SEVERITY_HIGH},
    {FORESTS "accounts: {site-installation: ['CORP\\Administrator']}\n", FORESTS "accounts: {site-installation: ['CORP\\administrators-helper']}\n", "of no more", "S77", SEVERITY_MEDIUM},
    {"hosts: {x: {roles: [{web-proxy: {mode: tunneling, certificate-names: [a.example]}}]}}\n", "hosts: {x: {roles: [{web-proxy: {mode: bridging, certificate-names: [a.example]}}]}}\n", "web proxy x tunnels, so that", "S47", SEVERITY_LOW},
    {FORESTS P01 CM "  m.partner.example: {forest: partner, site: P01, roles: [{management-point: {user-policy: true}}]}\nclients: {k: {networks: [10.9.0.0/16], forest: corp}}\n", FORESTS "trusts: [{forests: [partner, corp], type: forest, direction: one-way}]\n" P01 CM "  m.partner.example: {forest: partner, site: P01, roles: [{management-point: {user-policy: true}}]}\nclients: {k: {networks: [10.9.0.0/16], forest: corp}}\n", "only computer policy works", "S105", SEVERITY_MEDIUM},
    {"hosts: {mail: {roles: [exchange-server]}}\n", "hosts: {mail.corp.example: {roles: [exchange-server]}}\n", "Exchange server mail is declared by its short name", "S115", SEVERITY_LOW},
    {FORESTS P01 CM "  d.partner.example: {forest: partner, site: P01, roles: [distribution-point], installation-account: 'CROP\\i'}\n", FORESTS P01 CM "  d.partner.example: {forest: partner, site: P01, roles: [distribution-point], installation-account: 'CORP\\i'}\n", "account CROP\\i (installation-account of d.partner.example)", NULL, SEVERITY_LOW},
    {FORESTS P01 CM "  d.partner.example: {forest: partner, site: P01, roles: [distribution-point]}\n", FORESTS P01 CM "  d.partner.example: {forest: partner, site: P01, roles: [distribution-point], installation-account: 'CORP\\i'}\n", "no site-system-installation account", "S82", SEVERITY_HIGH},
    {FORESTS P01 CM "  m.partner.example: {forest: partner, site: P01, roles: [management-point]}\n", FORESTS P01 CM "  m.partner.example: {forest: partner, site: P01, roles: [{management-point: {connection-account: 'CORP\\m'}}]}\n", "no management-point-connection account", "S99", SEVERITY_HIGH},
    {"profile: strict\n", "hosts: {x: {}}\n", "no hosts are declared", NULL, SEVERITY_INFO},
};
// clang-format on

static struct said check(const char *text, const char *says)
{
    struct said s = {.says = says};
    struct policy *p = test_policy(text);
    policy_check(p, hear, &s);
    (void)policy_free(p);
    return s;
}

static void each_case_is_said_and_its_near_miss_is_not(void **state)
{
    (void)state;
    unsigned wrong = 0;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct check_case *c = &cases[i];
        struct said broken = check(c->broken, c->says), near_miss = check(c->near_miss, c->says);
        bool statement = c->statement == NULL ||
                         (broken.statement != NULL && strcmp(broken.statement, c->statement) == 0);
        if (broken.found != 1 || broken.severity != c->severity || !statement ||
            broken.out_of_order || near_miss.found != 0) {
            print_error("'%s': said %u times as %s [%s], near miss %u times\n", c->says,
                        broken.found, severity_name(broken.severity),
                        broken.statement == NULL ? "-" : broken.statement, near_miss.found);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static void too_many_remarks_are_counted(void **state)
{
    (void)state;
    size_t size = 1u << 17, length = 0;
    char *text = malloc(size);
    assert_non_null(text);
    length += (size_t)snprintf(text, size, "hosts:\n");
    for (unsigned i = 0; i < LIMIT_POLICY_REMARKS + 5; i++) {
        length += (size_t)snprintf(text + length, size - length,
                                   "  h%u: {roles: [management-point]}\n", i);
    }
    struct said s = check(text, "more remarks are not listed");
    assert_int_equal(s.count, LIMIT_POLICY_REMARKS + 1);
    assert_int_equal(s.found, 1);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_case_is_said_and_its_near_miss_is_not),
        cmocka_unit_test(too_many_remarks_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
