/*
 * rules_proxy.c - chapter C: proxies that publish site systems, seen on both legs. R028 the
 * protocol changes on the way, R029 the proxy works otherwise than declared.
 */
#include <string.h>

#include "policy/certificate.h"
#include "policy/ledger.h"
#include "policy/web_roles.h"

#define PROXY ROLE_BIT(ROLE_WEB_PROXY)
#define PROXIES                                                                                    \
    64 /* of one policy, that are told apart; more share the last place's fate: none               \
        */

/* ---- which leg ---- */

enum leg { LEG_NONE, LEG_OUTER, LEG_INNER }; /* client to proxy, proxy to site system */

static enum leg leg_of(const struct scene *scene, const struct host **ret_proxy)
{
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    if ((party_roles(server) & PROXY) != 0 && (party_roles(client) & PROXY) == 0) {
        *ret_proxy = server->host;
        return LEG_OUTER;
    }
    if ((party_roles(client) & PROXY) != 0 && party_is_site_system(server)) {
        *ret_proxy = client->host;
        return LEG_INNER;
    }
    return LEG_NONE;
}

/* ---- R028 ---- */

#define LEGS_NS (600 * INT64_C(1000000000))

struct bridge { /* the last TLS of each leg of a proxy */
    const struct host *proxy;
    struct stamp outer, inner;
};
struct bridges {
    struct bridge of[PROXIES];
};

static struct bridge *bridge_of(struct bridges *all, const struct host *proxy)
{
    for (unsigned i = 0; i < PROXIES; i++) {
        if (all->of[i].proxy == NULL || all->of[i].proxy == proxy) {
            all->of[i].proxy = proxy;
            return &all->of[i];
        }
    }
    return NULL;
}

static void report_bridge(struct audit *a, const struct rule *r, const struct observation *o,
                          const struct host *proxy, const struct stamp *other, bool inner)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp request = observation_packet(o, FACT_HTTP_REQUEST_PACKET);
    const char *uri = observation_text(o, FACT_HTTP_URI);
    struct breach b = {.subject = {.host = proxy},
                       .client = client,
                       .server = server,
                       .any_client = !inner,
                       .confidence = CONFIDENCE_DERIVED,
                       .at = &request};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, *other, "TLS %s",
                     inner ? "of a client with the proxy" : "of the proxy with a site system");
    finding_evidence(a, f, request, "HTTP in clear: %s %.160s",
                     observation_text(o, FACT_HTTP_METHOD), uri == NULL ? "" : uri);
    if (is_new) {
        finding_explain(a, f,
                        "%s sent %.160s to %s by plain HTTP on port %u, while %s by TLS: the proxy "
                        "%s changes the protocol on the way.",
                        party_text(client, client_text), uri == NULL ? "a request" : uri,
                        party_text(server, server_text), server->port,
                        inner ? "clients reach the proxy" : "the proxy reaches site systems",
                        proxy->name);
        finding_remedy(a, f,
                       "Set %s to bridge HTTPS to HTTPS, and remove the HTTP listener or target.",
                       proxy->name);
    }
}

/* What monitors of the proxy itself ask for. */
static bool is_probe(const struct observation *o)
{
    const char *path = web_path(o);
    return observation_is(o, FACT_HTTP_METHOD, "HEAD") ||
           observation_is(o, FACT_HTTP_METHOD, "OPTIONS") || path == NULL ||
           strcmp(path, "/") == 0 || path_is_clear_by_design(path);
}

static void observe_bridge(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct host *proxy = NULL;
    enum leg leg = leg_of(audit_scene(a), &proxy);
    struct bridges *all = leg == LEG_NONE ? NULL : audit_state(a, r, sizeof *all);
    struct bridge *bridge = all == NULL ? NULL : bridge_of(all, proxy);
    if (bridge == NULL) {
        return;
    }
    struct subject subject = {.host = proxy};
    if (o->record == RECORD_TLS) {
        /* What a CONNECT carries is not for the proxy. */
        if (observation_says(o, FACT_TLS_ESTABLISHED) &&
            !observation_is(o, FACT_TLS_CARRIER, "http-connect")) {
            struct stamp *last = leg == LEG_OUTER ? &bridge->outer : &bridge->inner;
            *last = observation_packet(o, FACT_TLS_CLIENT_HELLO_PACKET);
            judge_fine(a, r, subject, "TLS was used on a leg that was seen.");
        }
        return;
    }
    uint64_t status = observation_number(o, FACT_HTTP_STATUS, 0);
    if (!web_request_is_clear(o) || observation_says(o, FACT_HTTP_PROXY) || is_probe(o) ||
        (status >= 301 && status <= 308) ||
        (leg == LEG_OUTER && role_of_path(web_path(o)) == ROLE_COUNT)) {
        return;
    }
    const struct stamp *other = leg == LEG_INNER ? &bridge->outer : &bridge->inner;
    if (other->order != 0 && o->at.ns - other->ns <= LEGS_NS) {
        report_bridge(a, r, o, proxy, other, leg == LEG_INNER);
    } else {
        judge_hidden(a, r, subject,
                     "HTTP was used on one leg, and the other leg was not captured.");
    }
}

static void finish_proxy(struct audit *a, const struct rule *r)
{
    expect_hosts(a, r, PROXY, "No HTTP or TLS of this proxy with site systems is in the capture.");
}

const struct rule rule_proxy_bridges_http = {
    .code = "R028",
    .name = "proxy-bridges-http-https",
    .title = "Protocol changes across the proxy",
    .severity = SEVERITY_HIGH,
    .statements = "S33 S44",
    .references = "Microsoft Learn: Communications between endpoints in Configuration Manager "
                  "(internet-based clients)\nMicrosoft Learn: Security and privacy for site "
                  "administration (SSL bridging)",
    .means = "Between clients and proxy the traffic is HTTPS, between proxy and site system HTTP, "
             "or the other way round. On the one leg everything can be read and changed, and the "
             "site system no longer knows that the client was authenticated. The product supports "
             "a proxy only where both legs speak the same.",
    .evidence = "An HTTP request in clear on one leg of a declared proxy, and a completed TLS "
                "handshake on its other leg within ten minutes before. Not counted: requests to a "
                "forward proxy, redirections, health probes (HEAD, OPTIONS, /), revocation lists.",
    .remediation = "Use SSL to SSL bridging, or tunnelling, and remove HTTP from both legs.",
    .records = 1u << RECORD_HTTP | 1u << RECORD_TLS,
    .observe = observe_bridge,
    .finish = finish_proxy,
};

/* ---- R029 ---- */

#define HELLOS 4096
#define RANDOM_OCTETS 32

struct hello { /* of one leg, told by its random (RFC 5246 7.4.1.2) */
    const struct host *proxy;
    uint8_t random[RANDOM_OCTETS];
    struct stamp at;
    enum leg leg;
};
struct hellos {
    struct hello slots[HELLOS];
};

static const char *mode_of(const struct host *proxy)
{
    return host_role(proxy, ROLE_WEB_PROXY)->proxy_mode;
}

static void report_mode(struct audit *a, const struct rule *r, const struct observation *o,
                        const struct host *proxy, const struct stamp *other)
{
    const struct scene *scene = audit_scene(a);
    struct stamp hello = observation_packet(o, FACT_TLS_CLIENT_HELLO_PACKET);
    bool tunnel = other != NULL;
    struct breach b = {.subject = {.host = proxy},
                       .client = &scene->ends[DIR_CLIENT],
                       .server = &scene->ends[DIR_SERVER],
                       .any_client = true,
                       .kind = tunnel ? "tunnel" : "no-client-certificate",
                       .confidence = tunnel ? CONFIDENCE_DERIVED : CONFIDENCE_PROVEN,
                       .at = &hello};
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    if (tunnel) {
        finding_evidence(a, f, *other, "ClientHello on the other leg, with the same random");
    }
    finding_evidence(a, f, hello, "ClientHello to port %u", scene->ends[DIR_SERVER].port);
    if (!tunnel) {
        finding_evidence(a, f, observation_packet(o, FACT_TLS_SERVER_HELLO_PACKET),
                         "the proxy's answer, without a CertificateRequest");
    }
    if (is_new) {
        finding_explain(a, f,
                        tunnel ? "%s is declared to bridge, but the same ClientHello is on both of "
                                 "its legs: it passes TLS through and sees nothing of it."
                               : "%s is declared to bridge, and asks its clients for no "
                                 "certificate: it lets in whoever comes.",
                        proxy->name);
        finding_remedy(a, f,
                       "Set %s to end TLS itself and to demand a client certificate, or declare "
                       "`mode: tunneling` if that is what is meant.",
                       proxy->name);
    }
}

/* The port on which it publishes; its own administration is on another. */
static bool is_published_port(const struct host *proxy, uint16_t port)
{
    const struct role_instance *role = host_role(proxy, ROLE_WEB_PROXY);
    bool listed = role->https_port_count == 0 && port == 443;
    for (unsigned i = 0; i < role->https_port_count; i++) {
        listed |= role->https_ports[i] == port;
    }
    return listed;
}

/* S47: a tunnel shows the certificates of what it leads to, never one of its own. */
static void report_own_certificate(struct audit *a, const struct rule *r,
                                   const struct observation *o, const struct host *proxy)
{
    const struct scene *scene = audit_scene(a);
    struct stamp shown = observation_packet(o, FACT_TLS_CERTIFICATE_PACKET);
    struct breach b = {.subject = {.host = proxy},
                       .client = &scene->ends[DIR_CLIENT],
                       .server = &scene->ends[DIR_SERVER],
                       .any_client = true,
                       .kind = "own-certificate",
                       .confidence = CONFIDENCE_PROVEN,
                       .at = &shown};
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, shown, "a certificate for %s", proxy->name);
    if (is_new) {
        finding_explain(a, f,
                        "%s is declared to tunnel, but shows a certificate in its own name on port "
                        "%u: it ends TLS itself.",
                        proxy->name, scene->ends[DIR_SERVER].port);
        finding_remedy(a, f,
                       "Declare `mode: bridging` for %s if that is what is meant; otherwise let it "
                       "pass TLS through.",
                       proxy->name);
    }
}

/* The ClientHello of the other leg with the same random; else this one is remembered. */
static const struct hello *twin_of(struct hellos *all, const struct observation *o,
                                   const struct host *proxy, enum leg leg)
{
    const struct fact *fact = observation_get(o, FACT_TLS_CLIENT_RANDOM);
    struct bytes random = fact == NULL ? (struct bytes){0} : fact_octets(o, fact);
    if (random.len != RANDOM_OCTETS) {
        return NULL;
    }
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < RANDOM_OCTETS; i++) {
        hash = (hash ^ random.at[i]) * 16777619u;
    }
    struct hello *slot = &all->slots[hash % HELLOS];
    if (slot->proxy == proxy && slot->leg != leg &&
        memcmp(slot->random, random.at, RANDOM_OCTETS) == 0) {
        return slot;
    }
    slot->proxy = proxy;
    slot->leg = leg;
    slot->at = observation_packet(o, FACT_TLS_CLIENT_HELLO_PACKET);
    memcpy(slot->random, random.at, RANDOM_OCTETS);
    return NULL;
}

static void judge_client_certificate(struct audit *a, const struct rule *r,
                                     const struct observation *o, const struct host *proxy)
{
    struct subject subject = {.host = proxy};
    const char *version = observation_text(o, FACT_TLS_VERSION);
    if (version == NULL || !observation_says(o, FACT_TLS_ESTABLISHED)) {
        return;
    }
    if (strcmp(version, "TLS 1.3") == 0 || observation_says(o, FACT_TLS_SESSION_RESUMED)) {
        judge_hidden(a, r, subject,
                     "TLS 1.3 or a resumed session hides whether it asks for a certificate.");
    } else if (observation_says(o, FACT_TLS_CLIENT_CERTIFICATE_REQUESTED)) {
        judge_fine(a, r, subject, "It asks clients for a certificate.");
    } else if (!o->flow.opening_seen ||
               observation_get(o, FACT_TLS_CLIENT_CERTIFICATE_REQUESTED) == NULL) {
        judge_hidden(a, r, subject, "A part of the handshake was not captured.");
    } else {
        report_mode(a, r, o, proxy, NULL);
    }
}

static void observe_mode(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct host *proxy = NULL;
    enum leg leg = leg_of(audit_scene(a), &proxy);
    const char *mode = leg == LEG_NONE ? NULL : mode_of(proxy);
    struct hellos *all = mode == NULL ? NULL : audit_state(a, r, sizeof *all);
    if (all == NULL) {
        return;
    }
    bool bridging = strcmp(mode, "bridging") == 0;
    if (!bridging && leg == LEG_OUTER && certificate_holds(o, proxy->name) &&
        is_published_port(proxy, audit_scene(a)->ends[DIR_SERVER].port)) {
        report_own_certificate(a, r, o, proxy);
        return;
    }
    const struct hello *twin = twin_of(all, o, proxy, leg);
    if (twin != NULL && bridging) {
        report_mode(a, r, o, proxy, &twin->at);
    } else if (twin != NULL) {
        judge_fine(a, r, (struct subject){.host = proxy}, "It passes TLS through, as declared.");
    } else if (bridging && leg == LEG_OUTER &&
               !observation_is(o, FACT_TLS_CARRIER, "http-connect")) {
        judge_client_certificate(a, r, o, proxy);
    }
}

const struct rule rule_proxy_mode_mismatch = {
    .code = "R029",
    .name = "proxy-mode-mismatch",
    .title = "Proxy works otherwise than declared",
    .severity = SEVERITY_MEDIUM,
    .statements = "S33 S37 S38 S39 S42 S45 S46 S47",
    .references = "Microsoft Learn: Security and privacy for site administration (use SSL "
                  "bridging)\nMicrosoft Learn: Plan for internet-based client management",
    .means = "The proxy in front of site systems is declared to end TLS, authenticate the client "
             "and inspect what it sends. Where it passes TLS through, packets from the internet "
             "reach the site system unseen; where it asks for no client certificate, anybody may "
             "send through it.",
    .evidence =
        "The same random in the ClientHello of both legs: a tunnel, which only bridging "
        "that is declared contradicts. No CertificateRequest on the outer leg of a bridging "
        "proxy, up to TLS 1.2 and in a handshake that was captured whole; TLS 1.3 and resumed "
        "sessions hide it. What CONNECT carries "
        "is not the proxy's. And a certificate in the name of a proxy that is declared to tunnel.",
    .remediation = "Configure SSL bridging with authentication of the client, or declare the mode "
                   "that is used.",
    .records = 1u << RECORD_TLS,
    .observe = observe_mode,
    .finish = finish_proxy,
};
