/*
 * rules_forest.c - chapter C: forests, zones, untrusted places. R020, R027.
 */
#include <stdio.h>
#include <string.h>

#include "policy/topology.h"

#define SITE_SERVERS (ROLE_BIT(ROLE_SITE_SERVER) | ROLE_BIT(ROLE_SITE_SERVER_PASSIVE))

static bool is_zone(const struct party *p, const char *name)
{
    return p->zone != NULL && strcmp(p->zone->name, name) == 0;
}

/* ---- R020 ---- */

/* Why this host must not open connections to that site server; NULL: it may. */
static const char *must_not_initiate(const struct audit *a, const struct party *from,
                                     const struct party *to)
{
    const struct host *h = from->host;
    if (h == NULL || h->role_count == 0 || (h->role_bits & SITE_SERVERS) != 0) {
        return NULL;
    }
    if (h->site_server_initiates) {
        return "is set to let the site server initiate connections";
    }
    if (!party_is_site_system(from)) {
        return NULL;
    }
    if (h->workgroup) {
        return "is in a workgroup";
    }
    if (h->forest != NULL && to->host->forest != NULL &&
        !policy_trusts(audit_policy(a), to->host->forest, h->forest)) {
        return "is in a forest that the site server's forest does not trust";
    }
    return is_zone(from, "perimeter") ? "stands in the perimeter network" : NULL;
}

/* Name and time service that the same box gives to everybody. */
static bool is_common_service(const struct party *server)
{
    role_set also = party_roles(server);
    return ((server->port == 53 || server->port == 123) && (also & ROLE_BIT(ROLE_DNS)) != 0) ||
           ((server->port == 123 || server->port == 88) &&
            (also & ROLE_BIT(ROLE_DOMAIN_CONTROLLER)) != 0);
}

static void report_initiated(struct audit *a, const struct rule *r, const struct observation *o,
                             const char *why)
{
    const struct scene *scene = audit_scene(a);
    const struct party *from = &scene->ends[DIR_CLIENT], *to = &scene->ends[DIR_SERVER];
    struct stamp opening = observation_packet(o, FACT_FLOW_OPENING_PACKET);
    struct stamp answer = observation_packet(o, FACT_FLOW_ANSWER_PACKET);
    bool answered = answer.order != 0;
    bool tcp = observation_is(o, FACT_FLOW_TRANSPORT, "tcp");
    struct breach b = {.subject = {.host = to->host},
                       .client = from,
                       .server = to,
                       .severity = answered ? SEVERITY_HIGH : SEVERITY_MEDIUM,
                       .confidence = tcp ? CONFIDENCE_PROVEN : CONFIDENCE_DERIVED,
                       .at = &opening};
    char from_text[PARTY_TEXT], to_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, opening, "%s from %s to port %u of the site server",
                     tcp ? "SYN" : "first datagram", from->host->name, to->port);
    finding_evidence(a, f, answer, "%s from the site server", tcp ? "SYN-ACK" : "reply");
    if (is_new) {
        finding_explain(a, f,
                        "%s opened a connection to %s on port %u (%s)%s, although %s %s and the "
                        "site server is the one to open "
                        "connections to it.",
                        party_text(from, from_text), party_text(to, to_text), to->port,
                        observation_text(o, FACT_FLOW_PROTOCOL),
                        answered ? ", and was answered" : ", without an answer",
                        from->host->short_name, why);
        finding_remedy(a, f,
                       "For the site system server %s select \"Require the site server to initiate "
                       "connections to this site system\", and "
                       "have the firewall between them drop what %s opens towards %s.",
                       from->host->name, from->host->short_name, to->host->name);
    }
}

static void observe_initiated(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    bool to_site_server = (party_roles(server) & SITE_SERVERS) != 0;
    bool from_site_server = (party_roles(client) & SITE_SERVERS) != 0;
    if (to_site_server == from_site_server || observation_is(o, FACT_FLOW_TRANSPORT, "icmp") ||
        observation_is(o, FACT_FLOW_TRANSPORT, "icmpv6")) {
        return;
    }
    const struct party *site = to_site_server ? server : client,
                       *other = to_site_server ? client : server;
    const char *why = must_not_initiate(a, other, site);
    struct subject subject = {.host = site->host};
    if (why == NULL || (to_site_server && is_common_service(server))) {
        return;
    }
    if (from_site_server && o->flow.direction_certain) {
        judge_fine(a, r, subject,
                   "The site server opened the connections with systems that must not open any "
                   "themselves.");
    } else if (to_site_server && policy_is_maintenance(other->host->site, o->flow.opening.ns)) {
        judge_hidden(a, r, subject,
                     "It was opened during the site's maintenance, when roles are installed.");
    } else if (to_site_server && o->flow.opening_seen) {
        report_initiated(a, r, o, why);
    } else {
        judge_hidden(a, r, subject,
                     "A connection's opening was not captured, so who opened it is not known.");
    }
}

static void finish_initiated(struct audit *a, const struct rule *r)
{
    expect_hosts(
        a, r, SITE_SERVERS,
        "No traffic between this site server and systems in untrusted places is in the capture.");
}

const struct rule rule_untrusted_system_initiates = {
    .code = "R020",
    .name = "untrusted-system-initiates-to-site-server",
    .title = "Untrusted system contacts the site server",
    .severity = SEVERITY_HIGH,
    .statements = "S31 S84 S85 S86",
    .references =
        "Microsoft Learn: Communications between endpoints in Configuration Manager\nMicrosoft "
        "Learn: Ports used in Configuration "
        "Manager (note on site-server-initiated transfer)\nMisconfiguration Manager: PREVENT-20",
    .means = "A site system in an untrusted forest, a workgroup or the perimeter opened a "
             "connection to the site server. Such systems are "
             "to be set so that the site server fetches their data: then the firewall needs no "
             "opening inwards, and a system that "
             "fell to an attacker has no way to the site server.",
    .evidence =
        "Who sent the SYN (or the first datagram), from the handshake alone. What happens during "
        "the `maintenance` of the site (UTC) is not judged, since roles are installed then. High "
        "when the "
        "site server answered, medium for the "
        "attempt. Where the opening was not captured nothing is concluded. Name and time "
        "service that the same host offers do "
        "not count.",
    .remediation = "Select \"Require the site server to initiate connections to this site system\" "
                   "for that server and close the firewall "
                   "in the other direction.",
    .records = 1u << RECORD_FLOW,
    .observe = observe_initiated,
    .finish = finish_initiated,
};

/* ---- R027 ---- */

/* Article, section 2a: what may serve clients in untrusted places, at primary sites only. */
#define FOR_UNTRUSTED_CLIENTS                                                                      \
    (ROLE_BIT(ROLE_APPCAT_WEBSITE) | ROLE_BIT(ROLE_POLICY_MODULE) |                                \
     ROLE_BIT(ROLE_DISTRIBUTION_POINT) | ROLE_BIT(ROLE_PULL_DISTRIBUTION_POINT) |                  \
     ROLE_BIT(ROLE_ENROLLMENT_PROXY_POINT) | ROLE_BIT(ROLE_FALLBACK_STATUS_POINT) |                \
     ROLE_BIT(ROLE_MANAGEMENT_POINT) | ROLE_BIT(ROLE_SOFTWARE_UPDATE_POINT) |                      \
     ROLE_BIT(ROLE_CLOUD_MANAGEMENT_GATEWAY) | ROLE_BIT(ROLE_CLOUD_DISTRIBUTION_POINT))

static bool is_untrusted_client(const struct audit *a, const struct party *client,
                                const struct party *server)
{
    if (client->host != NULL) {
        return false;
    }
    if (is_zone(client, "internet")) {
        return client->group == NULL || !client->group->administrators;
    }
    const struct forest *own = party_forest(client), *theirs = party_forest(server);
    return own != NULL && theirs != NULL && !policy_trusts(audit_policy(a), theirs, own);
}

static const char *not_for_untrusted(const struct host *h)
{
    if (h->site != NULL && h->site->type == SITE_SECONDARY) {
        return "belongs to a secondary site, and secondary sites do not serve clients in untrusted "
               "places";
    }
    if ((h->role_bits & role_site_systems() & FOR_UNTRUSTED_CLIENTS) == 0) {
        return "holds no role that may serve clients in untrusted places";
    }
    return NULL;
}

static void report_target(struct audit *a, const struct rule *r, const struct observation *o,
                          const char *why)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp opening = observation_packet(o, FACT_FLOW_OPENING_PACKET);
    struct stamp answer = observation_packet(o, FACT_FLOW_ANSWER_PACKET);
    struct breach b = {.subject = {.host = server->host},
                       .client = client,
                       .server = server,
                       .confidence =
                           o->flow.direction_certain ? CONFIDENCE_PROVEN : CONFIDENCE_INFERRED,
                       .at = &opening};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, opening, "the client opens a connection to port %u", server->port);
    finding_evidence(a, f, answer, "the server answers");
    if (opening.order == 0 && answer.order == 0) {
        finding_evidence(a, f, observation_packet(o, FACT_FLOW_FIRST_PACKET),
                         "traffic between the two");
    }
    if (is_new) {
        finding_explain(a, f, "%s, from the zone %s, was served by %s on port %u (%s), which %s.",
                        party_text(client, client_text), client->zone->name,
                        party_text(server, server_text), server->port,
                        observation_text(o, FACT_FLOW_PROTOCOL), why);
        finding_remedy(a, f,
                       "Publish only site systems of a primary site with the roles meant for "
                       "internet and untrusted clients, and have the "
                       "firewall drop what reaches %s from there.",
                       server->host->name);
    }
}

static void observe_target(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    if (!party_is_site_system(server) || !is_untrusted_client(a, client, server) ||
        observation_is(o, FACT_FLOW_TRANSPORT, "icmp") ||
        observation_is(o, FACT_FLOW_TRANSPORT, "icmpv6")) {
        return;
    }
    struct subject subject = {.host = server->host};
    bool answered = topology_is_answered(o);
    const char *why = not_for_untrusted(server->host);
    if (why == NULL) {
        judge_fine(a, r, subject,
                   "Clients in untrusted places reached a role that is meant for them.");
    } else if (answered) {
        report_target(a, r, o, why);
    } else {
        judge_fine(a, r, subject,
                   "Clients in untrusted places tried to reach it and got no answer.");
    }
}

static void finish_target(struct audit *a, const struct rule *r)
{
    expect_hosts(a, r, role_site_systems(),
                 "No client in an untrusted place reached for this host in the capture.");
}

const struct rule rule_unsupported_untrusted_target = {
    .code = "R027",
    .name = "unsupported-untrusted-client-target",
    .title = "Untrusted client served by a system not meant for it",
    .severity = SEVERITY_HIGH,
    .statements = "S26 S27 S35 S81",
    .references = "Microsoft Learn: Communications between endpoints in Configuration Manager "
                  "(clients in untrusted locations)\nMicrosoft "
                  "Learn: Plan for internet-based client management",
    .means = "A client on the internet or in an untrusted forest got an answer from a site system "
             "that may not serve such clients: one of a "
             "secondary site, or one without a role that supports them. Something that should be "
             "reachable from inside only is open to "
             "the outside.",
    .evidence = "The client's address (zone internet, or a declared client network of a forest "
                "that is not trusted), the server's site and "
                "roles, and an answer of the server. Address translation and VPN pools must be "
                "declared as client networks, or they look "
                "like the internet.",
    .remediation = "Publish only primary-site systems with roles for internet clients; block the "
                   "rest at the firewall; declare VPN and NAT "
                   "ranges.",
    .records = 1u << RECORD_FLOW,
    .observe = observe_target,
    .finish = finish_target,
};
