/*
 * rules_topology_pairs.c - chapter A: what two roles may say to each other. R002 pairs without a
 * row, R004 protocols that a pair does not use, R015 connections opened to clients.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "capture/decode.h"
#include "policy/topology.h"

/* ---- what both R002 and R004 begin with ---- */

static struct subject pair_subject(const struct scene *scene)
{
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    return (struct subject){
        .host = party_is_site_system(server) || client->host == NULL ? server->host : client->host};
}

/* A flow towards a declared host, from somebody declared who is no administrator, with a site
 * system at one end at least. */
static bool is_judged_pair(const struct scene *scene, const struct observation *o)
{
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    bool administrator = (client->group != NULL && client->group->administrators) ||
                         (party_roles(client) & ROLE_BIT(ROLE_CONSOLE)) != 0;
    return topology_has_ports(o) && party_is_declared(client) && !administrator &&
           server->host != NULL && server->host != client->host && server->host->role_bits != 0 &&
           (party_is_site_system(client) || party_is_site_system(server));
}

static bool is_known(const struct connection *c)
{
    return c->protocol != NULL && strcmp(c->protocol, "unknown") != 0 && !c->guessed;
}

static enum confidence certainty(const struct connection *c, const struct observation *o)
{
    return o->flow.direction_certain && is_known(c) ? CONFIDENCE_PROVEN : CONFIDENCE_INFERRED;
}

static const char *end_text(const struct party *p)
{
    return topology_is_client(p) ? "client" : matrix_end_name(~(role_set)0, p);
}

/* ---- R002 ---- */

static enum severity pair_severity(const struct scene *scene)
{
    const role_set heart = ROLE_BIT(ROLE_SITE_DATABASE) | ROLE_BIT(ROLE_SMS_PROVIDER) |
                           ROLE_BIT(ROLE_SITE_SERVER) | ROLE_BIT(ROLE_SITE_SERVER_PASSIVE);
    return (party_roles(&scene->ends[DIR_SERVER]) & heart) != 0 ||
                   topology_is_client(&scene->ends[DIR_CLIENT])
               ? SEVERITY_HIGH
               : SEVERITY_MEDIUM;
}

static void report_pair(struct audit *a, const struct rule *r, const struct observation *o,
                        const struct connection *c, const struct matrix_exception *denied)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = c->client, *server = c->server;
    struct stamp opening = observation_packet(o, FACT_FLOW_OPENING_PACKET);
    struct breach b = {.subject = pair_subject(scene),
                       .client = client,
                       .server = server,
                       .severity = pair_severity(scene),
                       .confidence = certainty(c, o),
                       .at = &opening};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT], rows[MATRIX_ROWS_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    topology_evidence(a, f, o);
    if (!is_new) {
        return;
    }
    party_text(client, client_text);
    party_text(server, server_text);
    if (denied != NULL) {
        finding_explain(a, f,
                        "%s reached %s on port %u (%s), which the policy's own matrix denies (line "
                        "%u).",
                        client_text, server_text, server->port, topology_protocol(o),
                        denied->place.line);
    } else {
        finding_explain(a, f,
                        "%s (%s) reached %s (%s) on port %u (%s), and no row of the matrix lets "
                        "the one open anything to the other. Rows that lead to %s: %s.",
                        client_text, end_text(client), server_text, end_text(server), server->port,
                        topology_protocol(o), server->host->short_name,
                        matrix_rows_text(scene->policy, c, false, rows));
    }
    finding_remedy(
        a, f,
        "If it is monitoring, backup, antivirus or the like, allow it under `matrix` in "
        "the policy with a reason; otherwise have the firewall of %s refuse port %u from "
        "%s.",
        server->host->name, server->port, client_text);
}

/* ---- S17: updates from the vendor ---- */

static bool is_update_service(const char *name)
{
    static const char *const services[] = {"windowsupdate.com", "update.microsoft.com",
                                           "windowsupdate.microsoft.com",
                                           "delivery.mp.microsoft.com"};
    size_t len = strcspn(name, ":");
    for (size_t i = 0; i < sizeof services / sizeof *services; i++) {
        size_t end = strlen(services[i]);
        if (len >= end && strncasecmp(name + len - end, services[i], end) == 0 &&
            (len == end || name[len - end - 1] == '.')) {
            return true;
        }
    }
    return false;
}

static void report_update(struct audit *a, const struct rule *r, const struct observation *o,
                          const char *name)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    bool tls = o->record == RECORD_TLS;
    struct stamp at =
        observation_packet(o, tls ? FACT_TLS_CLIENT_HELLO_PACKET : FACT_HTTP_REQUEST_PACKET);
    struct breach b = {.subject = {.host = NULL},
                       .client = client,
                       .server = server,
                       .kind = "update",
                       .severity = SEVERITY_INFO,
                       .confidence = CONFIDENCE_PROVEN,
                       .title = "Client fetches updates from the vendor",
                       .at = &at};
    char client_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, at, "%s %.120s", tls ? "server name" : "Host header", name);
    if (is_new) {
        finding_explain(a, f,
                        "%s asked %.120s for updates, and the policy says that its network takes "
                        "them from distribution points only.",
                        party_text(client, client_text), name);
        finding_remedy(a, f,
                       "Turn the fallback to Microsoft Update off in the deployments for %s, or "
                       "declare `microsoft-update: true`.",
                       client->group->name);
    }
}

static void observe_update(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct party *client = &audit_scene(a)->ends[DIR_CLIENT];
    if (client->group == NULL || client->group->microsoft_update < 0) {
        return;
    }
    const char *name =
        observation_text(o, o->record == RECORD_TLS ? FACT_TLS_SERVER_NAME : FACT_HTTP_HOST);
    if (name == NULL || !is_update_service(name)) {
        return;
    }
    if (client->group->microsoft_update == 1) {
        judge_fine(a, r, (struct subject){.host = NULL},
                   "Clients fetched updates from the vendor, as the policy lets them.");
    } else {
        report_update(a, r, o, name);
    }
}

/* S31: a management point outside asks a controller inside that can be written to, although a
 * read-only one stands beside it. */
static const struct host *passed_by(const struct scene *scene)
{
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    const struct policy *p = scene->policy;
    const struct role_instance *dc =
        server->host == NULL ? NULL : host_role(server->host, ROLE_DOMAIN_CONTROLLER);
    if (p->read_only_controllers == 0 || dc == NULL || dc->read_only ||
        (party_roles(client) & ROLE_BIT(ROLE_MANAGEMENT_POINT)) == 0 ||
        client->zone == server->zone) {
        return NULL;
    }
    for (unsigned i = 0; i < p->host_count; i++) {
        const struct host *h = &p->hosts[i];
        const struct role_instance *role = host_role(h, ROLE_DOMAIN_CONTROLLER);
        if (role != NULL && role->read_only && h->forest == server->host->forest &&
            h->address_count > 0 && policy_zone(p, &h->addresses[0]) == client->zone) {
            return h;
        }
    }
    return NULL;
}

static void report_controller(struct audit *a, const struct rule *r, const struct observation *o,
                              const struct host *near)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp opening = observation_packet(o, FACT_FLOW_OPENING_PACKET);
    struct breach b = {.subject = {.host = client->host},
                       .client = client,
                       .server = server,
                       .kind = "writable-controller",
                       .severity = SEVERITY_MEDIUM,
                       .confidence =
                           o->flow.direction_certain ? CONFIDENCE_DERIVED : CONFIDENCE_INFERRED,
                       .title = "Writable domain controller asked from another zone",
                       .at = &opening};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    topology_evidence(a, f, o);
    if (is_new) {
        finding_explain(a, f,
                        "%s, in zone %s, asked the domain controller %s in zone %s (%s), although "
                        "the read-only one %s stands in its own zone for that.",
                        party_text(client, client_text), client->zone->name,
                        party_text(server, server_text), server->zone->name, topology_protocol(o),
                        near->name);
        finding_remedy(a, f,
                       "Give the zone %s a site of Active Directory with %s, and have the firewall "
                       "keep %s away from other controllers.",
                       client->zone->name, near->name, client->host->name);
    }
}

static bool authenticates(const struct observation *o)
{
    return observation_is(o, FACT_FLOW_PROTOCOL, "kerberos") ||
           observation_is(o, FACT_FLOW_PROTOCOL, "ldap") ||
           observation_is(o, FACT_FLOW_PROTOCOL, "dcerpc");
}

static void observe_pair(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    if (o->record != RECORD_FLOW) {
        observe_update(a, r, o);
        return;
    }
    const struct host *near = passed_by(scene);
    if (near != NULL && authenticates(o) && topology_is_answered(o)) {
        report_controller(a, r, o, near);
        return;
    }
    if (!is_judged_pair(scene, o)) {
        return;
    }
    struct subject subject = pair_subject(scene);
    struct connection c = topology_connection(scene, o);
    const struct matrix_exception *e =
        scene->policy->matrix_count == 0 ? NULL : matrix_exception_of(scene->policy, &c);
    struct matrix_answer answer =
        e == NULL ? topology_ask(a, r, &c) : (struct matrix_answer){NULL, NULL};
    bool denied = e != NULL && !e->allow;
    if ((e != NULL && e->allow) || answer.allows != NULL) {
        judge_fine(a, r, subject, "Its connections are such as the matrix knows.");
    } else if (!denied &&
               (answer.reversed != NULL || matrix_pair_of(scene->policy, &c).row != NULL)) {
        return; /* R003 and R004 judge these */
    } else if (!denied && topology_is_common(&c, o)) {
        judge_fine(a, r, subject, "Name, directory and administration services were used.");
    } else if (!topology_is_answered(o)) {
        judge_fine(a, r, subject, "What has no row in the matrix was tried and not answered.");
    } else if (topology_opener_is_unclear(o)) {
        judge_hidden(a, r, subject,
                     "A connection's opening was not captured, so who opened it is not known.");
    } else if (!denied && flow_is_claimed(a, o->flow.id)) {
        judge_told(a, r, subject,
                   "A connection that the matrix does not know was found by a rule that says more "
                   "of it: its finding names the ends.");
    } else {
        report_pair(a, r, o, &c, denied ? e : NULL);
    }
}

static void finish_pairs(struct audit *a, const struct rule *r)
{
    expect_hosts(a, r, role_site_systems(),
                 "No connection of this host with another declared one is in the capture.");
}

const struct rule rule_undeclared_role_pair = {
    .code = "R002",
    .name = "undeclared-role-pair",
    .title = "Two roles that have nothing to say to each other",
    .severity = SEVERITY_MEDIUM,
    .statements = "S01 S17 S20 S31",
    .references = "Microsoft Learn: Ports used in Configuration Manager\nMisconfiguration Manager: "
                  "PREVENT-20",
    .means = "A declared machine was served by another one although, in the product's design, the "
             "roles of the one never talk to those of the other: a distribution point to the site "
             "database, a client to the site server. It is software that nobody declared, or "
             "somebody on the way through the hierarchy. High where it reached the site database, "
             "the SMS Provider or the site server, and where a client did it.",
    .evidence =
        "A connection that was answered, between two declared ends of which one is a site "
        "system, for which no row of the matrix exists in either direction and no line of "
        "the policy's own `matrix`; or one that such a line denies. Not counted: "
        "administrators, name, time and directory services, monitoring by SNMP and syslog, "
        "and remote administration, which another rule judges. What a finding about callers "
        "of the site database or the SMS Provider tells already is no finding again. Where "
        "the handshake or the content was not seen it is inferred. Besides: Kerberos, LDAP or "
        "RPC of a management point with a writable domain controller in another zone, where a "
        "read-only one of that forest stands in its own (medium); and the names of Microsoft "
        "Update asked for from a client network with `microsoft-update: false` (information).",
    .remediation = "Restrict the port by the host's firewall, or declare the connection under "
                   "`matrix` with a reason.",
    .records = 1u << RECORD_FLOW | 1u << RECORD_TLS | 1u << RECORD_HTTP,
    .last = true,
    .observe = observe_pair,
    .finish = finish_pairs,
};

/* ---- R004 ---- */

static void report_protocol(struct audit *a, const struct rule *r, const struct observation *o,
                            const struct connection *c, bool undeclared)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = c->client, *server = c->server;
    struct stamp opening = observation_packet(o, FACT_FLOW_OPENING_PACKET);
    struct breach b = {.subject = pair_subject(scene),
                       .client = client,
                       .server = server,
                       .kind = c->protocol,
                       .confidence = certainty(c, o),
                       .at = &opening};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT], rows[MATRIX_ROWS_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    topology_evidence(a, f, o);
    if (!is_new) {
        return;
    }
    party_text(client, client_text);
    party_text(server, server_text);
    finding_explain(a, f, "%s (%s) spoke %s with %s (%s) on port %u; %s (matrix rows %s).",
                    client_text, end_text(client), c->protocol, server_text, end_text(server),
                    server->port,
                    undeclared ? "clients use it there only where the policy says so"
                               : "these two have other things to say to each other, not this",
                    matrix_rows_text(scene->policy, c, true, rows));
    finding_remedy(
        a, f,
        "Find what on %s speaks %s with %s; allow it under `matrix` in the policy with a "
        "reason if it is meant, otherwise refuse port %u from there.",
        client_text, c->protocol, server->host->name, server->port);
}

static bool has_package_share(const struct host *h)
{
    for (unsigned i = 0; i < h->role_count; i++) {
        if (h->roles[i].package_share) {
            return true;
        }
    }
    return false;
}

/* Content from a share: a client that does so needs a declaration. */
static bool is_client_share(const struct policy *p, const struct connection *c,
                            const struct matrix_answer *answer)
{
    return !has_package_share(c->server->host) && answer->allows->otherwise == MATRIX_IF_DECLARED &&
           c->server->port == 445 && topology_is_client(c->client) &&
           party_is_site_system(c->server) && matrix_needs_declaration(p, c);
}

static void observe_protocol(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    if (!is_judged_pair(scene, o)) {
        return;
    }
    struct subject subject = pair_subject(scene);
    struct connection c = topology_connection(scene, o);
    const struct matrix_exception *e =
        scene->policy->matrix_count == 0 ? NULL : matrix_exception_of(scene->policy, &c);
    if (e != NULL && !e->allow) {
        return; /* R002's */
    }
    struct matrix_answer answer =
        e == NULL ? topology_ask(a, r, &c) : (struct matrix_answer){NULL, NULL};
    bool share = answer.allows != NULL && is_client_share(scene->policy, &c, &answer);
    if (e != NULL || (answer.allows != NULL && !share)) {
        judge_fine(a, r, subject, "What it speaks with others is what the matrix says.");
        return;
    }
    struct matrix_pair pair =
        share ? (struct matrix_pair){answer.allows, false} : matrix_pair_of(scene->policy, &c);
    if (answer.reversed != NULL || pair.row == NULL || topology_is_common(&c, o)) {
        return;
    }
    if (!topology_is_answered(o)) {
        judge_fine(a, r, subject, "Another protocol was tried and not answered.");
    } else if (!is_known(&c)) {
        judge_hidden(a, r, subject,
                     "What was spoken on a port that the matrix does not know was not recognised.");
    } else if (pair.speaks) {
        judge_hidden(a, r, subject,
                     "A protocol of the matrix was spoken on a port that the policy does not "
                     "declare.");
    } else if (topology_opener_is_unclear(o)) {
        judge_hidden(a, r, subject,
                     "A connection's opening was not captured, so who opened it is not known.");
    } else {
        report_protocol(a, r, o, &c, share);
    }
}

const struct rule rule_protocol_not_allowed = {
    .code = "R004",
    .name = "protocol-not-allowed-for-role",
    .title = "Right hosts, wrong protocol",
    .severity = SEVERITY_MEDIUM,
    .statements = "S01 S10 S12 S13 S16 S19 S67",
    .references = "Microsoft Learn: Ports used in Configuration Manager\nMisconfiguration Manager: "
                  "PREVENT-20",
    .means = "Two machines that are meant to talk to each other spoke a protocol that their roles "
             "have no use for: a client SMB with a management point, two sites DCOM. Whatever does "
             "that is not the product; such a side channel is how a foothold is widened.",
    .evidence = "The protocol as its content shows it, against all rows of the matrix between all "
                "roles of both hosts and the policy's own lines. Clients at a share of a "
                "distribution point need a line of their own, or `package-share: true`. Not "
                "counted: what was not answered, "
                "the same protocol on another port, name, time and directory services, remote "
                "administration.",
    .remediation = "Restrict the port by the host's firewall, or declare the connection under "
                   "`matrix` with a reason.",
    .records = 1u << RECORD_FLOW,
    .observe = observe_protocol,
    .finish = finish_pairs,
};

/* ---- R015 ---- */

static const char *purpose_of(uint16_t port)
{
    switch (port) {
    case 135:
    case 139:
    case 445:
        return "client push or remote administration of files and services";
    case 2701:
        return "remote control";
    case 3389:
        return "Remote Desktop or Remote Assistance";
    case 9:
    case 25536:
        return "wake on LAN";
    default:
        return "no purpose that the product has";
    }
}

static void report_to_client(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *from = &scene->ends[DIR_CLIENT], *to = &scene->ends[DIR_SERVER];
    struct stamp opening = observation_packet(o, FACT_FLOW_OPENING_PACKET);
    struct breach b = {.subject = {.host = from->host},
                       .client = from,
                       .server = to,
                       .confidence =
                           o->flow.direction_certain ? CONFIDENCE_PROVEN : CONFIDENCE_INFERRED,
                       .at = &opening};
    char from_text[PARTY_TEXT], to_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    topology_evidence(a, f, o);
    if (!is_new) {
        return;
    }
    party_text(from, from_text);
    party_text(to, to_text);
    finding_explain(a, f,
                    "%s, a site system, opened a connection to the client %s on port %u (%s)%s. "
                    "That port is for %s, and the policy declares no such thing; by default it is "
                    "the client that opens connections.",
                    from_text, to_text, to->port, topology_protocol(o),
                    topology_is_answered(o) ? "" : ", without an answer", purpose_of(to->port));
    finding_remedy(a, f,
                   "Install clients by group policy or the software update point and restrict "
                   "remote tools to consoles; if %s is meant to do this, name the account under "
                   "`accounts: client-push` or allow it under `matrix`.",
                   from->host->name);
}

/* Client push is declared by its site, or else by its accounts. */
static bool is_declared_push(const struct audit *a, const struct connection *c)
{
    const struct account_list *push = policy_accounts(audit_policy(a), "client-push");
    const role_set pushing = ROLE_BIT(ROLE_SITE_SERVER) | ROLE_BIT(ROLE_SITE_SERVER_PASSIVE);
    uint16_t port = c->server->port;
    const struct site *site = c->client->host->site;
    int pushes = site == NULL ? -1 : site->client_push;
    return (pushes < 0 ? push != NULL && push->count > 0 : pushes == 1) &&
           (party_roles(c->client) & pushing) != 0 &&
           (port == 445 || port == 139 || port == 135 ||
            (c->protocol != NULL && strcmp(c->protocol, "dcerpc") == 0));
}

static void observe_to_client(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *from = &scene->ends[DIR_CLIENT], *to = &scene->ends[DIR_SERVER];
    if (!topology_has_ports(o)) {
        return;
    }
    if (topology_is_client(from) && party_is_site_system(to)) {
        judge_fine(a, r, (struct subject){.host = to->host}, "Clients opened the connections.");
        return;
    }
    if (!party_is_site_system(from) || !topology_is_client(to)) {
        return;
    }
    struct subject subject = {.host = from->host};
    struct connection c = topology_connection(scene, o);
    const struct matrix_exception *e =
        scene->policy->matrix_count == 0 ? NULL : matrix_exception_of(scene->policy, &c);
    struct matrix_answer answer = topology_ask(a, r, &c);
    bool common = topology_is_common(&c, o) && to->port != 3389;
    if (e != NULL && e->allow) {
        judge_fine(a, r, subject, "What it opened to clients is allowed by the policy's matrix.");
    } else if (is_declared_push(a, &c)) {
        judge_fine(a, r, subject, "It opened connections to clients for the declared client push.");
    } else if (answer.allows != NULL && !matrix_needs_declaration(scene->policy, &c)) {
        judge_fine(a, r, subject, "What it opened to clients is allowed by the matrix.");
    } else if (answer.allows != NULL && answer.allows->direction == MATRIX_ANSWERED_ANEW) {
        judge_fine(a, r, subject, "It answered clients by conversations of their own.");
    } else if ((answer.allows == NULL && answer.reversed != NULL) || common) {
        return; /* R003 judges these */
    } else if (!o->flow.opening_seen || topology_opener_is_unclear(o)) {
        judge_hidden(a, r, subject,
                     "A connection's opening was not captured, so who opened it is not known.");
    } else if (o->flow.protocol == IP_UDP && to->port >= 1024 && from->port < 1024) {
        judge_hidden(a, r, subject, "Datagrams from a service may be answers to a client.");
    } else {
        report_to_client(a, r, o);
    }
}

static void finish_to_client(struct audit *a, const struct rule *r)
{
    expect_hosts(a, r, role_site_systems(),
                 "No connection between this host and clients is in the capture.");
}

const struct rule rule_server_initiated_to_client = {
    .code = "R015",
    .name = "server-initiated-to-client",
    .title = "Site system opens connections to clients",
    .severity = SEVERITY_MEDIUM,
    .statements = "S08",
    .references = "Microsoft Learn: Security and privacy for Configuration Manager clients\n"
                  "Microsoft Learn: Ports used in Configuration Manager",
    .means = "A site system opened a connection to a client. By default clients open all "
             "connections. What goes the other way is client push, remote control or wake-up: each "
             "needs ports open on every client, and client push brings an account with "
             "administrative rights to every machine, also to one that waits for it.",
    .evidence = "The SYN, or first datagram, from a declared site system to a declared client. "
                "Client push is expected where the policy turns it on for the site or, where it "
                "does not say, names its accounts, and whatever else is allowed under `matrix`. "
                "Not counted: name and time services, answers of DHCP and "
                "TFTP that are conversations of their own, connections joined midstream.",
    .remediation = "Install clients by group policy or the software update point; restrict remote "
                   "tools; close the ports on clients.",
    .records = 1u << RECORD_FLOW,
    .observe = observe_to_client,
    .finish = finish_to_client,
};
