/*
 * rules_topology.c - chapter A: who talks to whom. R001 unknown hosts, R003 the wrong end opens.
 */
#include <stdio.h>
#include <string.h>

#include "capture/decode.h"
#include "policy/topology.h"

/* ---- R001 ---- */

/* RFC 3927, RFC 4291 2.5.6: such an address holds on one link only, so no policy can declare it. */
static bool is_link_local(const struct address *a)
{
    const uint8_t *o = a->octets;
    return address_is_v4(a) ? o[12] == 169 && o[13] == 254 : o[0] == 0xfe && (o[1] & 0xc0) == 0x80;
}

/* A role that serves the zone this client stands in, asked on a port that clients use for it. */
static bool is_served(const struct policy *p, const struct connection *c)
{
    const struct host *h = c->server->host;
    for (unsigned i = 0; i < h->role_count; i++) {
        const struct role_instance *r = &h->roles[i];
        bool serves = false;
        for (unsigned z = 0; z < r->serve_count && !serves; z++) {
            serves = r->serves[z] == c->client->zone;
        }
        if (serves && matrix_client_row(p, c, r) != NULL) {
            return true;
        }
    }
    return false;
}

static enum severity reach_of(const struct party *server, const char *protocol)
{
    role_set worst = ROLE_BIT(ROLE_SITE_DATABASE) | ROLE_BIT(ROLE_SMS_PROVIDER);
    role_set site_server = ROLE_BIT(ROLE_SITE_SERVER) | ROLE_BIT(ROLE_SITE_SERVER_PASSIVE);
    bool high = (party_roles(server) & worst) != 0 ||
                ((party_roles(server) & site_server) != 0 && strcmp(protocol, "smb") == 0);
    return high ? SEVERITY_HIGH : SEVERITY_MEDIUM;
}

static void report_unknown(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp opening = observation_packet(o, FACT_FLOW_OPENING_PACKET);
    struct stamp answer = observation_packet(o, FACT_FLOW_ANSWER_PACKET);
    bool tcp = o->flow.protocol == IP_TCP;
    struct breach b = {.subject = {.host = server->host},
                       .client = client,
                       .server = server,
                       .severity = reach_of(server, topology_protocol(o)),
                       .confidence =
                           o->flow.direction_certain ? CONFIDENCE_PROVEN : CONFIDENCE_INFERRED,
                       .at = &opening};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    if (!is_new) {
        return;
    }
    party_text(client, client_text);
    finding_evidence(a, f, opening, "%s from %s to port %u", tcp ? "SYN" : "first datagram",
                     client_text, server->port);
    finding_evidence(a, f, answer, "%s from %s", tcp ? "SYN-ACK" : "first reply",
                     server->host->name);
    if (opening.order == 0 && answer.order == 0) {
        finding_evidence(a, f, observation_packet(o, FACT_FLOW_FIRST_PACKET),
                         "traffic between the two");
    }
    finding_explain(
        a, f,
        "%s, which the policy declares neither as a host nor in a client network, "
        "reached %s on port %u (%s)%s.",
        client_text, party_text(server, server_text), server->port, topology_protocol(o),
        o->flow.direction_certain ? " and was answered" : "; the opening was not captured");
    finding_remedy(a, f,
                   "If %s belongs to the hierarchy, add it to `hosts`, `clients` or "
                   "`administrators` of the policy; if not, have the "
                   "firewall keep it away from %s.",
                   client_text, server->host->name);
}

static void observe_unknown(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    if (!party_is_site_system(server) || !address_is_host(&client->address) ||
        !topology_has_ports(o)) {
        return;
    }
    struct subject subject = {.host = server->host};
    if (party_is_declared(client)) {
        judge_fine(a, r, subject, "Hosts and client networks that the policy declares reached it.");
        return;
    }
    bool answered = topology_is_answered(o);
    struct connection c = topology_connection(scene, o);
    if (!answered) {
        judge_fine(a, r, subject,
                   "An address that is not declared tried to reach it and got no answer.");
    } else if (is_link_local(&client->address)) {
        judge_hidden(a, r, subject,
                     "A link-local address reached it, and such addresses cannot be declared.");
    } else if (topology_opener_is_unclear(o)) {
        judge_hidden(
            a, r, subject,
            "Traffic with an address that is not declared was seen, but not which end opened it.");
    } else if (is_served(scene->policy, &c)) {
        judge_fine(a, r, subject, "Clients of a zone that it serves reached it.");
    } else {
        report_unknown(a, r, o);
    }
}

static void finish_unknown(struct audit *a, const struct rule *r)
{
    expect_hosts(a, r, role_site_systems(), "Nobody reached for this host in the capture.");
}

const struct rule rule_unknown_host = {
    .code = "R001",
    .name = "unknown-host",
    .title = "Undeclared host served by a site system",
    .severity = SEVERITY_MEDIUM,
    .statements = "S20",
    .references = "Misconfiguration Manager: PREVENT-20\nMITRE ATT&CK T1046",
    .means = "An address that the policy knows neither as a host nor as a client or administrator "
             "got an answer from a site system. "
             "Either the inventory is out of date, or somebody who has no business there can reach "
             "the system. High where it was the "
             "site database, the SMS Provider, or the site server's file shares.",
    .evidence = "The SYN-ACK or first reply of a declared site system to an address outside the "
                "policy. Not counted: connections that the "
                "site system opened itself, attempts without an answer, multicast and link-local "
                "addresses, and clients of a zone that a "
                "role is declared to serve, on the ports of that role. New clients and scanners "
                "are to be declared.",
    .remediation = "Add the host to the inventory, or its network to the clients or "
                   "administrators; otherwise block it at the segment's "
                   "border.",
    .records = 1u << RECORD_FLOW,
    .observe = observe_unknown,
    .finish = finish_unknown,
};

/* ---- R003 ---- */

static void report_direction(struct audit *a, const struct rule *r, const struct observation *o,
                             struct subject subject, const struct matrix_row *row)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp opening = observation_packet(o, FACT_FLOW_OPENING_PACKET);
    struct stamp answer = observation_packet(o, FACT_FLOW_ANSWER_PACKET);
    bool proven = o->flow.direction_certain; /* only a TCP handshake makes it so */
    struct breach b = {.subject = subject,
                       .client = client,
                       .server = server,
                       .severity = proven ? SEVERITY_MEDIUM : SEVERITY_INFO,
                       .confidence = proven ? CONFIDENCE_PROVEN : CONFIDENCE_INFERRED,
                       .at = &opening};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    if (!is_new) {
        return;
    }
    party_text(client, client_text);
    party_text(server, server_text);
    const char *answering = matrix_end_name(row->to, client),
               *opening_end = matrix_end_name(row->from, server);
    finding_evidence(a, f, opening, "%s from %s to port %u",
                     o->flow.protocol == IP_TCP ? "SYN" : "first datagram", client_text,
                     server->port);
    finding_evidence(a, f, answer, "answer from %s", server_text);
    if (opening.order == 0) {
        finding_evidence(a, f, observation_packet(o, FACT_FLOW_FIRST_PACKET),
                         "traffic to port %u; its opening was not captured", server->port);
    }
    finding_explain(
        a, f,
        "%s (%s) opened a connection to %s (%s) on port %u (%s)%s. Between these roles it is the "
        "%s that opens such "
        "connections (matrix row %s), and no row or exception allows the other direction.",
        client_text, answering, server_text, opening_end, server->port, topology_protocol(o),
        proven ? "" : ", as far as can be told without a handshake", opening_end, row->id);
    finding_remedy(a, f,
                   "Find the process on %s that connects to %s; if it is meant to, allow it under "
                   "`matrix` in the policy with a reason, "
                   "otherwise have the firewall drop port %u in that direction.",
                   client_text, server_text, server->port);
}

static void observe_direction(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    if (!party_is_declared(client) || !party_is_declared(server) || !topology_has_ports(o)) {
        return;
    }
    struct subject subject = {
        .host = party_is_site_system(client) || server->host == NULL ? client->host : server->host};
    if (subject.host == NULL) {
        return;
    }
    struct connection c = topology_connection(scene, o);
    struct matrix_answer answer = topology_ask(a, r, &c);
    if (answer.allows != NULL) {
        judge_fine(a, r, subject,
                   "Its connections were opened by the end that the matrix lets open them.");
        return;
    }
    const struct matrix_exception *e =
        answer.reversed == NULL ? NULL : matrix_exception_of(scene->policy, &c);
    if (e != NULL && e->allow) {
        judge_fine(a, r, subject,
                   "What was opened the other way is allowed by the policy's own matrix.");
    } else if (answer.reversed != NULL && topology_opener_is_unclear(o)) {
        judge_hidden(a, r, subject,
                     "A connection's opening was not captured, so who opened it is not known.");
    } else if (answer.reversed != NULL) {
        report_direction(a, r, o, subject, answer.reversed);
    }
}

static void finish_direction(struct audit *a, const struct rule *r)
{
    expect_hosts(a, r, role_site_systems(),
                 "No connection of this host that the matrix knows is in the capture.");
}

const struct rule rule_wrong_direction = {
    .code = "R003",
    .name = "wrong-direction",
    .title = "The end that should only answer opened the connection",
    .severity = SEVERITY_MEDIUM,
    .statements = "S08",
    .references = "Microsoft Learn: Ports used in Configuration Manager (arrows show which "
                  "computer starts the communication)",
    .means =
        "A connection between two roles was opened by the end that, in the product's design, only "
        "answers: a distribution point "
        "towards its site server, a site system towards a client. The product does not do that by "
        "itself. It is either software "
        "that nobody declared, or somebody who uses the one system as a step towards the other.",
    .evidence = "Who sent the SYN, and the roles of both ends: all roles of a host count together, "
                "every managed server may also act as a "
                "client, and the policy's own `matrix` comes first. Where the handshake was not "
                "captured, and for datagrams, the direction "
                "is a guess and the finding is for information only.",
    .remediation = "Find the process that opens the connection; correct the firewall so that only "
                   "the intended direction is open; or "
                   "declare it under `matrix`.",
    .records = 1u << RECORD_FLOW,
    .observe = observe_direction,
    .finish = finish_direction,
};
