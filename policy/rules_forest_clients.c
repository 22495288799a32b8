/*
 * rules_forest_clients.c - chapter C: how systems find and use what is across a border. R026
 * workgroup clients that act as members, R031 weak service location, R032 the Exchange connector.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "policy/topology.h"

/* ---- R026 ---- */

static bool is_workgroup(const struct party *p)
{
    return p->host != NULL ? p->host->workgroup : p->group != NULL && p->group->workgroup;
}

/* "KIOSK7$": the account of a computer (RFC 4120 6.2 leaves its form to the realm; [MS-KILE]
 * 3.1.5.7). */
static bool is_computer(const char *principal)
{
    size_t len = principal == NULL ? 0 : strcspn(principal, "@");
    return len > 1 && principal[len - 1] == '$';
}

static void report_member(struct audit *a, const struct rule *r, const struct observation *o,
                          const char *what, bool ticket)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp at = ticket ? observation_packet(o, FACT_KERBEROS_REQUEST_PACKET)
                             : observation_packet(o, FACT_FLOW_FIRST_PACKET);
    struct breach b = {.subject = {.host = server->host},
                       .client = client,
                       .server = server,
                       .kind = ticket ? "ticket" : "catalogue",
                       .severity = ticket ? SEVERITY_MEDIUM : SEVERITY_INFO,
                       .confidence = ticket ? CONFIDENCE_PROVEN : CONFIDENCE_DERIVED,
                       .at = &at};
    char client_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, at, "%s %.100s", ticket ? "AS-REQ of" : "connection to", what);
    if (is_new) {
        finding_explain(a, f,
                        "%s, declared as in a workgroup, %s %.100s at %s, as members of a domain "
                        "do.",
                        party_text(client, client_text),
                        ticket ? "asked for a ticket as" : "reached", what, server->host->name);
        finding_remedy(a, f,
                       "If %s is a member of a domain, declare its forest instead of `workgroup: "
                       "true`; otherwise find out whose computer account it uses.",
                       client_text);
    }
}

static void observe_member(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT];
    const struct party *server =
        judged_server(a, ROLE_BIT(ROLE_DOMAIN_CONTROLLER) | ROLE_BIT(ROLE_GLOBAL_CATALOG));
    if (server == NULL || !is_workgroup(client)) {
        return;
    }
    struct subject subject = {.host = server->host};
    if (o->record == RECORD_KERBEROS) {
        const char *principal = observation_text(o, FACT_KERBEROS_CLIENT);
        if (!observation_is(o, FACT_KERBEROS_EXCHANGE, "as") || principal == NULL) {
            return;
        }
        if (is_computer(principal)) {
            report_member(a, r, o, principal, true);
        } else {
            judge_fine(a, r, subject, "Users logged on at workgroup computers.");
        }
    } else if ((server->port == 3268 || server->port == 3269) && topology_is_answered(o)) {
        report_member(a, r, o, "the global catalogue", false);
    }
}

static void finish_member(struct audit *a, const struct rule *r)
{
    expect_hosts(a, r, ROLE_BIT(ROLE_DOMAIN_CONTROLLER) | ROLE_BIT(ROLE_GLOBAL_CATALOG),
                 "No logon of a computer declared as in a workgroup is in the capture.");
}

const struct rule rule_workgroup_behaves_joined = {
    .code = "R026",
    .name = "workgroup-client-behaves-domain-joined",
    .title = "Workgroup computer acts as a member of a domain",
    .severity = SEVERITY_MEDIUM,
    .statements = "S51 S57 S59 S61 S108 S109",
    .references = "Microsoft Learn: Ports used in Configuration Manager (client to global catalog "
                  "server)\nMicrosoft Learn: Communications between endpoints in Configuration "
                  "Manager",
    .means = "A computer that the policy declares as in a workgroup asked for a ticket with a "
             "computer account, or used the global catalogue. Either the inventory is wrong, and "
             "with it what other rules conclude, or somebody uses a stolen computer account.",
    .evidence = "A computer account in a readable AS-REQ (medium), or an answered connection to "
                "3268 or 3269 (information), from a network or host declared `workgroup: true`. "
                "Logons of users with accounts of a domain are usual and do not count.",
    .remediation = "Correct the declaration, or find out whose account it is and reset it.",
    .records = 1u << RECORD_FLOW | 1u << RECORD_KERBEROS,
    .observe = observe_member,
    .finish = finish_member,
};

/* ---- R031 ---- */

/* "MP_P01<1a>" */
static bool is_netbios(const char *query)
{
    size_t len = strlen(query);
    return strncasecmp(query, "MP_", 3) == 0 && len > 4 && strcasecmp(query + len - 4, "<1a>") == 0;
}

static void report_location(struct audit *a, const struct rule *r, const struct observation *o,
                            const char *query, const char *rogue)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp asked = observation_packet(o, FACT_DNS_REQUEST_PACKET);
    struct stamp answer = observation_packet(o, FACT_DNS_RESPONSE_PACKET);
    const char *kind = observation_text(o, FACT_DNS_KIND);
    struct stamp at = rogue != NULL || asked.order == 0 ? answer : asked;
    struct breach b = {.subject = {.host = NULL},
                       .client = client,
                       .server = server,
                       .kind = rogue != NULL ? rogue : kind,
                       .severity = rogue != NULL ? SEVERITY_HIGH : SEVERITY_LOW,
                       .confidence = CONFIDENCE_PROVEN,
                       .at = &at};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, asked, "query for %.120s (%s)", query, kind);
    if (rogue != NULL) {
        finding_evidence(a, f, answer, "the answer names %.120s", rogue);
    }
    if (!is_new) {
        return;
    }
    party_text(client, client_text);
    party_text(server, server_text);
    if (rogue != NULL) {
        finding_explain(a, f,
                        "%s told %s that %.120s is the management point (%.120s), which the policy "
                        "does not know as one.",
                        server_text, client_text, rogue, query);
        finding_remedy(a, f,
                       "Find out who registered %.120s; remove it, or declare it as a management "
                       "point. Give clients the trusted root key.",
                       rogue);
    } else {
        finding_explain(a, f,
                        "%s looked for its management point by %s (%.120s), which anybody on the "
                        "network may answer, although its site is published to its forest.",
                        client_text, kind, query);
        finding_remedy(a, f,
                       "See that clients can read the published data in Active Directory or DNS, "
                       "drop WINS, and install the client on %s with SMSDIRECTORYLOOKUP=NOWINS.",
                       client_text);
    }
}

static void observe_location(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct party *client = &audit_scene(a)->ends[DIR_CLIENT];
    const char *query = observation_text(o, FACT_DNS_QUERY);
    bool service = query != NULL && topology_is_location(query);
    bool netbios = query != NULL && !service && is_netbios(query);
    /* A registration claims a name; only questions and their answers are looked at. */
    if ((!service && !netbios) || observation_get(o, FACT_DNS_OPCODE) != NULL) {
        return;
    }
    struct subject subject = {.host = NULL};
    const char *rogue = topology_strange_location(a, o, service);
    const struct forest *forest = party_forest(client);
    if (rogue != NULL) {
        report_location(a, r, o, query, rogue);
    } else if (service) {
        judge_fine(a, r, subject, "Management points were looked up in DNS.");
    } else if (forest != NULL && forest->published) {
        report_location(a, r, o, query, NULL);
    } else if (forest == NULL && !is_workgroup(client)) {
        judge_hidden(a, r, subject, "WINS was asked by somebody whose forest is not declared.");
    } else {
        judge_fine(a, r, subject, "WINS was asked where nothing is published.");
    }
}

static void finish_location(struct audit *a, const struct rule *r)
{
    judge_expected(a, r, (struct subject){.host = NULL},
                   "No look-up of a management point in DNS or WINS is in the capture.");
}

const struct rule rule_weak_service_location = {
    .code = "R031",
    .name = "weak-service-location",
    .title = "Management point looked up where anybody may answer",
    .severity = SEVERITY_LOW,
    .statements = "S54 S59 S60 S110 S113",
    .references = "Microsoft Learn: Understand how clients find site resources and services\nMITRE "
                  "ATT&CK T1557.001",
    .means =
        "A client whose site is published asked WINS or the network's broadcast for its "
        "management point, where whoever answers first is believed. High where an answer named "
        "a management point that the policy does not know: a client that follows it takes its "
        "policies from a stranger.",
    .evidence = "Queries for the NetBIOS name MP_<site> with suffix 1a and for the DNS service "
                "_mssms_mp_<site>, and who the answers name. Clients of workgroups and of forests "
                "without published data have to ask WINS and do not count. A management point that "
                "moved lately and is not yet declared looks like a stranger.",
    .remediation = "Publish to Active Directory or DNS, drop WINS, remove strange entries.",
    .records = 1u << RECORD_DNS,
    .observe = observe_location,
    .finish = finish_location,
};

/* ---- R032 ---- */

/* Its declared name in full, or an alias in full; a port may follow. */
static bool is_full_name(const struct host *h, const char *asked)
{
    size_t len = strcspn(asked, ":");
    bool same = strlen(h->name) == len && strncasecmp(h->name, asked, len) == 0;
    for (unsigned i = 0; i < h->alias_count && !same; i++) {
        same = strlen(h->aliases[i]) == len && strncasecmp(h->aliases[i], asked, len) == 0;
    }
    return same && memchr(asked, '.', len) != NULL;
}

static void observe_exchange(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT];
    const struct party *server = judged_server(a, ROLE_BIT(ROLE_EXCHANGE_SERVER));
    const role_set site = ROLE_BIT(ROLE_SITE_SERVER) | ROLE_BIT(ROLE_SITE_SERVER_PASSIVE);
    bool tls = o->record == RECORD_TLS;
    const char *asked = observation_text(o, tls ? FACT_TLS_SERVER_NAME : FACT_HTTP_HOST);
    if (server == NULL || (party_roles(client) & site) == 0) {
        return;
    }
    struct subject subject = {.host = client->host, .peer = server->host};
    if (asked == NULL) {
        judge_hidden(a, r, subject, "The name that the connector asks for was not said.");
        return;
    }
    if (is_full_name(server->host, asked)) {
        judge_fine(a, r, subject, "The connector uses the server's full name.");
        return;
    }
    struct stamp at =
        observation_packet(o, tls ? FACT_TLS_CLIENT_HELLO_PACKET : FACT_HTTP_REQUEST_PACKET);
    struct breach b = {.subject = subject,
                       .client = client,
                       .server = server,
                       .confidence = CONFIDENCE_PROVEN,
                       .at = &at};
    char client_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, at, "%s: %.120s", tls ? "server name in the ClientHello" : "Host header",
                     asked);
    if (is_new) {
        finding_explain(a, f,
                        "%s addresses the Exchange server %s as %.120s, which is not its full "
                        "name in the intranet.",
                        party_text(client, client_text), server->host->name, asked);
        finding_remedy(a, f, "Set the connector's server address to %s.", server->host->name);
    }
}

static void finish_exchange(struct audit *a, const struct rule *r)
{
    judge_expected(a, r, (struct subject){.host = NULL},
                   "No connection of a site server to a declared Exchange server is in the "
                   "capture.");
}

const struct rule rule_exchange_connector_target = {
    .code = "R032",
    .name = "exchange-connector-target",
    .title = "Exchange connector uses another name than the server's own",
    .severity = SEVERITY_LOW,
    .statements = "S115",
    .references = "Microsoft Learn: Communications between endpoints in Configuration Manager "
                  "(Exchange Server connector)",
    .means = "The connector between site and Exchange is to use the server's full name in the "
             "intranet. By an address, a short name or a name for the internet there is no service "
             "principal, so that NTLM is used instead of Kerberos, and the traffic may go around "
             "by the outside.",
    .evidence = "The Host header of the site server's requests, or the server name in its "
                "ClientHello, against the declared name and full aliases of the Exchange server.",
    .remediation = "Set the connector's address to the full name of the server in the intranet.",
    .records = 1u << RECORD_HTTP | 1u << RECORD_TLS,
    .observe = observe_exchange,
    .finish = finish_exchange,
};
