/*
 * rules_client.c - chapter B: how clients talk to roles. R010 HTTP where HTTPS is required, R011
 * downgrade, R013 cloud.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "policy/flow_notes.h"
#include "policy/ledger.h"
#include "policy/topology.h"
#include "policy/web_roles.h"

static bool redirects_to_https(const struct observation *o)
{
    uint64_t status = observation_number(o, FACT_HTTP_STATUS, 0);
    const char *location = observation_text(o, FACT_HTTP_LOCATION);
    return status >= 301 && status <= 308 && location != NULL &&
           strncasecmp(location, "https://", 8) == 0;
}

/* Roles that must never be asked in clear, whatever the policy says: R013's business. */
#define CLOUD_ROLES                                                                                \
    (ROLE_BIT(ROLE_CLOUD_MANAGEMENT_GATEWAY) | ROLE_BIT(ROLE_CLOUD_DISTRIBUTION_POINT))

/* ---- R010 ---- */

/* What the site under enhanced HTTP leaves in clear by design. */
static bool clear_under_enhanced(enum role role)
{
    return role == ROLE_FALLBACK_STATUS_POINT || role == ROLE_STATE_MIGRATION_POINT ||
           role == ROLE_DISTRIBUTION_POINT || role == ROLE_PULL_DISTRIBUTION_POINT;
}

static int strictness(enum client_mode m)
{
    static const int ranks[] = {[CLIENTS_UNDECLARED] = 0,
                                [CLIENTS_HTTP] = 1,
                                [CLIENTS_HTTPS_OR_HTTP] = 2,
                                [CLIENTS_ENHANCED_HTTP] = 3,
                                [CLIENTS_HTTPS] = 4};
    return ranks[m];
}

/* The role that a request is for: by its path where that tells, else the strictest web role of the
 * host. */
static const struct role_instance *addressed_role(const struct host *h, const char *path,
                                                  bool *ret_by_path)
{
    enum role by_path = role_of_path(path);
    const struct role_instance *r = by_path == ROLE_COUNT ? NULL : host_role(h, by_path);
    if (r == NULL && by_path == ROLE_DISTRIBUTION_POINT) {
        r = host_role(h, ROLE_PULL_DISTRIBUTION_POINT);
    }
    *ret_by_path = r != NULL;
    if (r != NULL) {
        return r;
    }
    for (unsigned i = 0; i < h->role_count; i++) {
        const struct role_instance *one = &h->roles[i];
        if ((ROLE_BIT(one->role) & WEB_ROLES) != 0 && one->role != ROLE_FALLBACK_STATUS_POINT &&
            (r == NULL ||
             strictness(role_client_mode(h, one)) > strictness(role_client_mode(h, r)))) {
            r = one;
        }
    }
    return r;
}

static void report_http(struct audit *a, const struct rule *r, const struct observation *o,
                        const struct role_instance *role, enum severity severity, bool by_path)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp request = observation_packet(o, FACT_HTTP_REQUEST_PACKET);
    struct stamp reply = observation_packet(o, FACT_HTTP_RESPONSE_PACKET);
    const char *method = observation_text(o, FACT_HTTP_METHOD),
               *uri = observation_text(o, FACT_HTTP_URI);
    bool redirect = redirects_to_https(o);
    struct breach b = {.subject = {.host = server->host, .role = role},
                       .client = client,
                       .server = server,
                       .kind = role_name(role->role),
                       .severity = severity,
                       .confidence = CONFIDENCE_PROVEN,
                       .at = &request};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, request, "HTTP request in clear: %s %.160s", method,
                     uri == NULL ? "" : uri);
    if (is_new) {
        finding_evidence(a, f, reply, "answered in clear with status %u",
                         (unsigned)observation_number(o, FACT_HTTP_STATUS, 0));
        enum client_mode mode = role_client_mode(server->host, role);
        const char *declared = mode == CLIENTS_HTTPS           ? "only HTTPS"
                               : mode == CLIENTS_ENHANCED_HTTP ? "enhanced HTTP"
                                                               : "HTTPS or HTTP";
        finding_explain(a, f,
                        "%s sent %s %.160s to %s on port %u by plain HTTP, while the policy "
                        "declares %s for its role %s%s%s.",
                        party_text(client, client_text), method, uri == NULL ? "" : uri,
                        party_text(server, server_text), server->port, declared,
                        role_name(role->role),
                        by_path ? "" : " (the path names no role, so the strictest one counts)",
                        redirect ? "; the server answered by a redirection to HTTPS, but the "
                                   "request had crossed in clear"
                                 : "");
        finding_remedy(a, f,
                       "Set %s to accept HTTPS only (role properties and IIS binding), remove the "
                       "HTTP binding on port %u, and see that the "
                       "client has a certificate it can use and asks for https:// addresses.",
                       server->host->name, server->port);
    }
}

/* An answer "priority weight port target" (RFC 2782) to a look-up of management points: the port is
 * the one that clients are sent to (S21). */
static void judge_location(struct audit *a, const struct rule *r, const struct observation *o,
                           const char *answer)
{
    const char *target = strrchr(answer, ' ');
    unsigned port = 0;
    const struct host *h = target == NULL ? NULL : policy_host_named(audit_policy(a), target + 1);
    const struct role_instance *role = h == NULL ? NULL : host_role(h, ROLE_MANAGEMENT_POINT);
    if (role == NULL || role_client_mode(h, role) != CLIENTS_HTTPS ||
        sscanf(answer, "%*u %*u %u", &port) != 1) {
        return; /* who else is named is R006's */
    }
    bool clear = port == 80;
    for (unsigned i = 0; i < role->http_port_count; i++) {
        clear |= role->http_ports[i] == port;
    }
    struct subject subject = {.host = h, .role = role};
    if (!clear) {
        judge_fine(a, r, subject, "DNS sends clients to its HTTPS port.");
        return;
    }
    struct stamp at = observation_packet(o, FACT_DNS_RESPONSE_PACKET);
    struct party party = {.known = true, .host = h, .port = (uint16_t)port};
    if (h->address_count > 0) {
        party = party_at(audit_policy(a), &h->addresses[0]);
        party.port = (uint16_t)port;
    }
    struct breach b = {.subject = subject,
                       .server = h->address_count > 0 ? &party : NULL,
                       .kind = "location",
                       .severity = SEVERITY_MEDIUM,
                       .confidence = CONFIDENCE_PROVEN,
                       .title = "DNS sends clients to HTTP where HTTPS is required",
                       .at = &at};
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, at, "SRV %.100s: %.120s", observation_text(o, FACT_DNS_QUERY), answer);
    if (is_new) {
        finding_explain(a, f,
                        "DNS answers %.100s with port %u of %s, while the policy declares only "
                        "HTTPS for its role management-point: clients that find it this way try "
                        "plain HTTP.",
                        observation_text(o, FACT_DNS_QUERY), port, h->name);
        finding_remedy(a, f,
                       "Publish the HTTPS port of %s (the site does so by itself once the "
                       "management point is set to HTTPS); remove the old record.",
                       h->name);
    }
}

static void observe_location(struct audit *a, const struct rule *r, const struct observation *o)
{
    const char *query = observation_text(o, FACT_DNS_QUERY);
    if (query == NULL || !topology_is_location(query) ||
        !observation_is(o, FACT_DNS_QTYPE, "SRV") || observation_get(o, FACT_DNS_OPCODE) != NULL) {
        return;
    }
    for (const struct fact *f = observation_get(o, FACT_DNS_ANSWERS); f != NULL;
         f = observation_more(o, FACT_DNS_ANSWERS, f)) {
        judge_location(a, r, o, fact_text(o, f));
    }
}

static void observe_http(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *server = &scene->ends[DIR_SERVER];
    if (o->record == RECORD_DNS) {
        observe_location(a, r, o);
        return;
    }
    if (o->record == RECORD_TLS) {
        const struct role_instance *role = NULL;
        bool by_path = false;
        if (server->host != NULL && (party_roles(server) & WEB_ROLES) != 0 &&
            observation_says(o, FACT_TLS_ESTABLISHED)) {
            role = addressed_role(server->host, NULL, &by_path);
        }
        if (role != NULL) {
            judge_fine(a, r, (struct subject){.host = server->host, .role = role},
                       "Clients used HTTPS.");
        }
        return;
    }
    const char *path = web_path(o);
    if (server->host == NULL || !web_request_is_clear(o) || observation_says(o, FACT_HTTP_PROXY) ||
        path_is_clear_by_design(path)) {
        return;
    }
    bool by_path = false;
    const struct role_instance *role = addressed_role(server->host, path, &by_path);
    if (role == NULL || role->role == ROLE_FALLBACK_STATUS_POINT ||
        (ROLE_BIT(role->role) & CLOUD_ROLES) != 0 || path_is_remote_management(path)) {
        return;
    }
    struct subject subject = {.host = server->host, .role = role};
    switch (role_client_mode(server->host, role)) {
    case CLIENTS_HTTPS:
        report_http(a, r, o, role, redirects_to_https(o) ? SEVERITY_MEDIUM : SEVERITY_HIGH,
                    by_path);
        break;
    case CLIENTS_ENHANCED_HTTP:
        if (clear_under_enhanced(role->role)) {
            judge_fine(a, r, subject, "Enhanced HTTP leaves this content in clear by design.");
        } else {
            report_http(a, r, o, role, SEVERITY_MEDIUM, by_path);
        }
        break;
    case CLIENTS_HTTPS_OR_HTTP:
    case CLIENTS_HTTP:
        judge_fine(a, r, subject, "Clients used HTTP, which the policy allows here.");
        break;
    case CLIENTS_UNDECLARED:
        judge_hidden(
            a, r, subject,
            "HTTP was used, but the policy does not say how clients are to reach this role.");
        break;
    }
}

static void finish_http(struct audit *a, const struct rule *r)
{
    expect_roles(a, r, WEB_ROLES & ~ROLE_BIT(ROLE_FALLBACK_STATUS_POINT) & ~CLOUD_ROLES,
                 "No HTTP or HTTPS traffic with this role is in the capture.");
}

const struct rule rule_client_http_when_https_required = {
    .code = "R010",
    .name = "client-http-when-https-required",
    .title = "Plain HTTP to a role that demands HTTPS",
    .severity = SEVERITY_HIGH,
    .statements = "S10 S13 S16 S19 S21 S24 S36",
    .references = "Microsoft Learn: Communications between endpoints in Configuration "
                  "Manager\nMicrosoft Learn: Enhanced HTTP\n"
                  "Misconfiguration Manager: PREVENT-4, PREVENT-8",
    .means = "A client sent a request in clear to a role that the policy declares HTTPS-only. "
             "Policy, inventory, state messages or content "
             "could be read on the way, the client was not authenticated by a certificate, and the "
             "role evidently still listens on "
             "HTTP. High where HTTPS is required, medium under enhanced HTTP for what it should "
             "protect and where the server answered "
             "by a redirection to HTTPS; medium too where DNS (_mssms_mp_<site>) names a port for "
             "HTTP.",
    .evidence = "The request line itself, and the role that its path belongs to; where the path "
                "names none, the strictest web role of the "
                "host. Not counted: the fallback status point (HTTP by design), content and state "
                "migration under enhanced HTTP, fetching of "
                "revocation lists and certificates, update payload, requests to a proxy.",
    .remediation = "Set the role to HTTPS and remove the HTTP binding; give clients certificates "
                   "(or use enhanced HTTP); then block the "
                   "port.",
    .records = 1u << RECORD_HTTP | 1u << RECORD_TLS | 1u << RECORD_DNS,
    .observe = observe_http,
    .finish = finish_http,
};

/* ---- R011 ---- */

#define DOWNGRADE_NS (600 * INT64_C(1000000000))
#define FAILURES 1024

struct failure { /* a TLS attempt that came to nothing, by client and server host */
    struct address client, server;
    struct stamp at, alert;
    uint16_t port;
    char how[100];
    bool live;
};
struct failures {
    struct failure slots[FAILURES];
};

static struct failure *failure_slot(struct failures *all, const struct party *client,
                                    const struct party *server)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < 16; i++) {
        hash = (hash ^ client->address.octets[i]) * 16777619u;
        hash = (hash ^ server->address.octets[i]) * 16777619u;
    }
    return &all->slots[hash % FAILURES];
}

static bool is_of(const struct failure *f, const struct party *client, const struct party *server)
{
    return f->live && address_equal(&f->client, &client->address) &&
           address_equal(&f->server, &server->address);
}

static void note_tls(struct failure *f, const struct observation *o, const struct party *client,
                     const struct party *server)
{
    const char *alert = observation_text(o, FACT_TLS_ALERT);
    if (observation_says(o, FACT_TLS_ESTABLISHED)) {
        f->live = f->live && !is_of(f, client, server);
        return;
    }
    if (observation_get(o, FACT_TLS_CLIENT_HELLO_PACKET) == NULL ||
        observation_get(o, FACT_TLS_ESTABLISHED) == NULL) {
        return;
    }
    *f = (struct failure){.client = client->address,
                          .server = server->address,
                          .at = observation_packet(o, FACT_TLS_CLIENT_HELLO_PACKET),
                          .alert = observation_packet(o, FACT_TLS_ALERT_PACKET),
                          .port = server->port,
                          .live = true};
    if (alert != NULL) {
        (void)snprintf(f->how, sizeof f->how, "the %s broke it off with alert %s",
                       observation_text(o, FACT_TLS_ALERT_FROM), alert);
    } else {
        (void)snprintf(f->how, sizeof f->how, "it was not completed");
    }
}

static void report_downgrade(struct audit *a, const struct rule *r, const struct observation *o,
                             const struct failure *t)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp request = observation_packet(o, FACT_HTTP_REQUEST_PACKET);
    struct breach b = {.subject = {.host = server->host},
                       .client = client,
                       .server = server,
                       .confidence = CONFIDENCE_DERIVED,
                       .at = &request};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, t->at, "ClientHello to port %u", t->port);
    finding_evidence(a, f, t->alert, "the handshake ends: %s", t->how);
    finding_evidence(
        a, f, request, "then HTTP in clear: %s %.160s", observation_text(o, FACT_HTTP_METHOD),
        observation_text(o, FACT_HTTP_URI) == NULL ? "" : observation_text(o, FACT_HTTP_URI));
    if (is_new) {
        finding_explain(a, f,
                        "%s tried TLS with %s on port %u, %s, and %lld s later it asked the same "
                        "host by plain HTTP on port %u.",
                        party_text(client, client_text), party_text(server, server_text), t->port,
                        t->how, (long long)((request.ns - t->at.ns) / 1000000000), server->port);
        finding_remedy(a, f,
                       "Mend what made TLS fail on %s (certificate, revocation list, version), "
                       "then allow HTTPS only, so that a failing "
                       "handshake cannot turn into readable traffic.",
                       server->host->name);
    }
}

static void observe_downgrade(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct failures *all = audit_state(a, r, sizeof *all);
    if (all == NULL || server->host == NULL || (party_roles(server) & WEB_ROLES) == 0) {
        return;
    }
    struct subject subject = {.host = server->host};
    struct failure *f = failure_slot(all, client, server);
    if (o->record == RECORD_TLS) {
        note_tls(f, o, client, server);
        if (observation_says(o, FACT_TLS_ESTABLISHED)) {
            judge_fine(a, r, subject, "TLS handshakes were completed.");
        }
    } else if (web_request_is_clear(o) && !path_is_clear_by_design(web_path(o)) &&
               is_of(f, client, server) && o->at.ns - f->at.ns <= DOWNGRADE_NS) {
        report_downgrade(a, r, o, f);
    }
}

static void finish_downgrade(struct audit *a, const struct rule *r)
{
    expect_hosts(a, r, WEB_ROLES, "No TLS handshake with this host is in the capture.");
}

const struct rule rule_https_to_http_downgrade = {
    .code = "R011",
    .name = "https-to-http-downgrade",
    .title = "TLS failed, plain HTTP followed",
    .severity = SEVERITY_HIGH,
    .statements = "S16 S22",
    .references = "Microsoft Learn: Cryptographic controls technical reference (Configuration "
                  "Manager)\nMITRE ATT&CK T1557",
    .means = "A client tried HTTPS, the handshake failed, and within ten minutes it asked the same "
             "host by plain HTTP. Clients fall back so "
             "where the site allows HTTP. Whoever can disturb a handshake can then make the client "
             "speak in clear.",
    .evidence = "A ClientHello whose handshake was not completed (alert, reset, no answer), then "
                "an HTTP request of the same client to the "
                "same host within 600 seconds, with no completed handshake in between. A role that "
                "was restarting looks alike.",
    .remediation =
        "Repair the certificate, its chain or the revocation list, and set the role to HTTPS only.",
    .records = 1u << RECORD_HTTP | 1u << RECORD_TLS,
    .observe = observe_downgrade,
    .finish = finish_downgrade,
};

/* ---- R013 ---- */

struct cloud {               /* a service there: a declared host, or a name under `cloud:` */
    const struct host *host; /* NULL: a name alone */
    char name[256];          /* empty: it is none */
};

/* `asked`: the name that the client gave; a port may follow. */
static struct cloud cloud_of(const struct audit *a, const struct party *server, const char *asked)
{
    struct cloud cloud = {.host = NULL};
    size_t len = asked == NULL ? 0 : strcspn(asked, ":");
    if ((party_roles(server) & CLOUD_ROLES) != 0) {
        cloud.host = server->host;
    } else if (len > 0 && len < sizeof cloud.name) {
        memcpy(cloud.name, asked, len);
        const struct host *h = policy_host_named(audit_policy(a), cloud.name);
        bool declared = h != NULL && (h->role_bits & CLOUD_ROLES) != 0;
        cloud.host = declared ? h : NULL;
        cloud.name[0] =
            declared || policy_is_cloud_name(audit_policy(a), cloud.name) ? cloud.name[0] : '\0';
    }
    if (cloud.host != NULL) {
        (void)snprintf(cloud.name, sizeof cloud.name, "%s", cloud.host->name);
    }
    return cloud;
}

static void observe_cloud(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    bool tls = o->record == RECORD_TLS;
    if (!tls && !web_request_is_clear(o)) {
        return;
    }
    struct cloud cloud =
        cloud_of(a, server, observation_text(o, tls ? FACT_TLS_SERVER_NAME : FACT_HTTP_HOST));
    if (cloud.name[0] == '\0' || (!tls && path_is_clear_by_design(web_path(o)))) {
        return;
    }
    if (tls) {
        judge_fine(a, r, (struct subject){.host = cloud.host}, "It was reached by TLS.");
        return;
    }
    struct stamp request = observation_packet(o, FACT_HTTP_REQUEST_PACKET);
    struct breach b = {.subject = {.host = cloud.host},
                       .client = client,
                       .server = server,
                       .confidence = CONFIDENCE_PROVEN,
                       .at = &request};
    char client_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    const char *uri = observation_text(o, FACT_HTTP_URI);
    finding_evidence(a, f, request, "HTTP request in clear to %s: %s %.160s", cloud.name,
                     observation_text(o, FACT_HTTP_METHOD), uri == NULL ? "" : uri);
    if (is_new) {
        finding_explain(a, f,
                        "%s asked the cloud service %s for %.160s by plain HTTP on port %u; such "
                        "services must be reached by HTTPS only.",
                        party_text(client, client_text), cloud.name, uri == NULL ? "content" : uri,
                        server->port);
        finding_remedy(a, f,
                       "Block port 80 to %s at the boundary and find out what on %s asks for "
                       "http:// addresses.",
                       cloud.name, client_text);
    }
}

static void finish_cloud(struct audit *a, const struct rule *r)
{
    expect_hosts(a, r, CLOUD_ROLES, "No traffic with this cloud service is in the capture.");
}

const struct rule rule_cloud_content_not_https = {
    .code = "R013",
    .name = "cloud-content-not-https",
    .title = "Plain HTTP to a cloud distribution point or gateway",
    .severity = SEVERITY_CRITICAL,
    .statements = "S11 S14 S28",
    .references = "Microsoft Learn: Ports used in Configuration Manager (client to cloud "
                  "distribution point, to cloud management gateway)",
    .means = "A request to a declared cloud distribution point or cloud management gateway crossed "
             "the network in clear. These services are "
             "reached over the internet and demand HTTPS: content, tokens and identities are open "
             "to everybody in between.",
    .evidence = "A readable HTTP request to the service's address, or with its name, or one under "
                "`cloud: {names}`, in the Host header. A CONNECT to a proxy is the way HTTPS "
                "goes through it and is not counted.",
    .remediation =
        "Block port 80 to the cloud names; correct the content locations that clients use.",
    .records = 1u << RECORD_HTTP | 1u << RECORD_TLS,
    .observe = observe_cloud,
    .finish = finish_cloud,
};
