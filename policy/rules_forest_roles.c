/*
 * rules_forest_roles.c - chapter C: roles across forests. R021 roles that may not stand there, R024
 * the application catalogue's web service, R025 clients that leave their forest.
 */
#include <stdio.h>
#include <string.h>

#include "policy/topology.h"

#define SITE_SERVERS (ROLE_BIT(ROLE_SITE_SERVER) | ROLE_BIT(ROLE_SITE_SERVER_PASSIVE))

/* ---- R021 ---- */

/* Article, section 3b: what may open the site database from an untrusted forest; and what later
 * documentation adds. */
#define MAY_OPEN_DATABASE                                                                          \
    (ROLE_BIT(ROLE_ASSET_INTELLIGENCE_POINT) | ROLE_BIT(ROLE_ENDPOINT_PROTECTION_POINT) |          \
     ROLE_BIT(ROLE_ENROLLMENT_POINT) | ROLE_BIT(ROLE_MANAGEMENT_POINT) |                           \
     ROLE_BIT(ROLE_REPORTING_POINT) | ROLE_BIT(ROLE_STATE_MIGRATION_POINT))
#define ADDED_LATER                                                                                \
    (ROLE_BIT(ROLE_DATA_WAREHOUSE_POINT) | ROLE_BIT(ROLE_SERVICE_CONNECTION_POINT) |               \
     ROLE_BIT(ROLE_CERTIFICATE_REGISTRATION_POINT))

static bool is_sql(const struct party *server, const struct observation *o)
{
    const struct role_instance *db = host_role(server->host, ROLE_SITE_DATABASE);
    bool port = server->port == 1433;
    for (unsigned i = 0; i < db->port_count; i++) {
        port |= db->ports[i] == server->port;
    }
    return port || observation_is(o, FACT_FLOW_PROTOCOL, "tds");
}

static bool is_untrusted_pair(const struct audit *a, const struct party *one,
                              const struct party *two)
{
    const struct forest *from = party_forest(one), *to = party_forest(two);
    return from != NULL && to != NULL && from != to && !policy_trusts(audit_policy(a), to, from);
}

static void report_misplaced(struct audit *a, const struct rule *r, const struct observation *o,
                             const struct party *role_host, const char *why)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp opening = observation_packet(o, FACT_FLOW_OPENING_PACKET);
    struct breach b = {.subject = {.host = role_host->host},
                       .client = client,
                       .server = server,
                       .severity = role_host == client ? SEVERITY_HIGH : SEVERITY_MEDIUM,
                       .confidence =
                           o->flow.direction_certain ? CONFIDENCE_DERIVED : CONFIDENCE_INFERRED,
                       .at = &opening};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    topology_evidence(a, f, o);
    if (is_new) {
        finding_explain(a, f, "%s and %s spoke on port %u (%s): %s %s.",
                        party_text(client, client_text), party_text(server, server_text),
                        server->port, topology_protocol(o), role_host->host->name, why);
        finding_remedy(a, f,
                       "Move what %s does into the forest of the site, or to a primary site and to "
                       "a role that is supported there; if the forest is declared wrongly, correct "
                       "the policy.",
                       role_host->host->name);
    }
}

static bool is_secondary_server(const struct party *p)
{
    return (party_roles(p) & SITE_SERVERS) != 0 && p->host->site != NULL &&
           p->host->site->type == SITE_SECONDARY;
}

static void observe_database(struct audit *a, const struct rule *r, const struct observation *o,
                             const struct party *client, const struct party *server)
{
    if (!party_is_site_system(client) || !is_untrusted_pair(a, client, server) ||
        !is_sql(server, o)) {
        return;
    }
    role_set may =
        MAY_OPEN_DATABASE | (audit_policy(a)->profile == PROFILE_ARTICLE ? 0 : ADDED_LATER);
    struct subject subject = {.host = client->host};
    if ((party_roles(client) & may) != 0) {
        judge_fine(a, r, subject, "Its role may open the site database from its forest.");
    } else if (!topology_is_answered(o)) {
        judge_fine(a, r, subject, "It tried the site database and got no answer.");
    } else {
        report_misplaced(a, r, o, client,
                         "stands in a forest that the database's does not trust, and holds no role "
                         "that may open the site database from there");
    }
}

static void observe_misplaced(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    if (client->host == NULL || server->host == NULL || !topology_has_ports(o)) {
        return;
    }
    if ((party_roles(server) & ROLE_BIT(ROLE_SITE_DATABASE)) != 0) {
        observe_database(a, r, o, client, server);
    }
    bool forth = is_secondary_server(client) && party_is_site_system(server);
    bool back = is_secondary_server(server) && party_is_site_system(client);
    const struct party *role_host = forth ? server : client;
    const struct forest *one = party_forest(client), *two = party_forest(server);
    if ((!forth && !back) || (party_roles(role_host) & SITE_SERVERS) != 0 || one == NULL ||
        two == NULL || role_host->host->site != (forth ? client : server)->host->site) {
        return;
    }
    if (one == two || !topology_is_answered(o)) {
        judge_fine(a, r, (struct subject){.host = role_host->host},
                   "It stands in the forest of the secondary site that it serves.");
    } else {
        report_misplaced(a, r, o, role_host,
                         "serves a secondary site of another forest, and only primary sites may "
                         "have roles in remote forests");
    }
}

static void finish_misplaced(struct audit *a, const struct rule *r)
{
    expect_hosts(a, r, role_site_systems() & ~SITE_SERVERS & ~ROLE_BIT(ROLE_SITE_DATABASE),
                 "No connection of this host to a site database of another forest, or with a "
                 "secondary site, is in the capture.");
}

const struct rule rule_untrusted_forest_role = {
    .code = "R021",
    .name = "untrusted-forest-role-not-allowed",
    .title = "Role of another forest where it is not supported",
    .severity = SEVERITY_HIGH,
    .statements = "S79 S89",
    .references = "Microsoft Learn: Communications between endpoints in Configuration Manager "
                  "(sites that span forests)\nMicrosoft Learn: Ports used in Configuration Manager "
                  "(connections to SQL Server)",
    .means = "A system in an untrusted forest opened the site database although its roles do not "
             "need to, or serves a secondary site from another forest. The first is a way from a "
             "forest that nobody vouches for to the heart of the hierarchy; the second is not "
             "supported by the product.",
    .evidence = "A SQL connection to a declared site database that was answered, the forests and "
                "trusts declared, and the roles of its client: six of them may, and by default the "
                "data warehouse, service connection and certificate registration points of later "
                "versions. For secondary sites, a connection between the site server and a role of "
                "its site in another forest (medium).",
    .remediation = "Move the role into a trusted forest or to a primary site; close the SQL port "
                   "towards the other forest.",
    .records = 1u << RECORD_FLOW,
    .observe = observe_misplaced,
    .finish = finish_misplaced,
};

/* ---- R024 ---- */

#define WEB_SERVICE ROLE_BIT(ROLE_APPCAT_WEB_SERVICE)

static void observe_catalogue(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    const role_set site = SITE_SERVERS | ROLE_BIT(ROLE_SITE_DATABASE);
    bool forth = (party_roles(client) & WEB_SERVICE) != 0 && (party_roles(server) & site) != 0;
    bool back = (party_roles(server) & WEB_SERVICE) != 0 && (party_roles(client) & site) != 0;
    if ((!forth && !back) || !topology_has_ports(o) || !topology_is_answered(o)) {
        return;
    }
    const struct party *service = forth ? client : server;
    struct subject subject = {.host = service->host,
                              .role = host_role(service->host, ROLE_APPCAT_WEB_SERVICE)};
    const struct forest *one = party_forest(client), *two = party_forest(server);
    if (one == NULL || two == NULL) {
        judge_hidden(a, r, subject, "The policy does not say in which forests both ends are.");
        return;
    }
    if (one == two) {
        judge_fine(a, r, subject, "It is in the forest of the site.");
        return;
    }
    struct stamp opening = observation_packet(o, FACT_FLOW_OPENING_PACKET);
    struct breach b = {.subject = subject,
                       .client = client,
                       .server = server,
                       .confidence = CONFIDENCE_DERIVED,
                       .at = &opening};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    topology_evidence(a, f, o);
    if (is_new) {
        finding_explain(a, f,
                        "%s and %s spoke on port %u: the application catalog web service point is "
                        "in forest %s, the site in another (%s, %s).",
                        party_text(client, client_text), party_text(server, server_text),
                        server->port, party_forest(service)->name, one->name, two->name);
        finding_remedy(a, f,
                       "Retire the application catalog on %s (support ended with version 1910), or "
                       "move it into the site server's forest.",
                       service->host->name);
    }
}

static void finish_catalogue(struct audit *a, const struct rule *r)
{
    expect_roles(a, r, WEB_SERVICE,
                 "No connection between this web service and its site is in the capture.");
}

const struct rule rule_app_catalog_cross_forest = {
    .code = "R024",
    .name = "app-catalog-web-service-cross-forest",
    .title = "Application catalog web service in another forest",
    .severity = SEVERITY_MEDIUM,
    .statements = "S80",
    .references = "Microsoft Learn: Communications between endpoints in Configuration Manager "
                  "(sites that span forests)\nMicrosoft Learn: Removed and deprecated features",
    .means = "The application catalog web service point is the one role that is supported only in "
             "the forest of the site server. Elsewhere it needs rights at the site database across "
             "the forests' border that no other role needs.",
    .evidence = "A connection that was answered between a host declared with this role and a site "
                "server or site database declared in another forest. A forest that is declared "
                "wrongly looks alike.",
    .remediation = "Retire the application catalog, or move it into the site server's forest.",
    .records = 1u << RECORD_FLOW,
    .observe = observe_catalogue,
    .finish = finish_catalogue,
};

/* ---- R025 ---- */

#define CLIENT_ROLES                                                                               \
    (ROLE_BIT(ROLE_MANAGEMENT_POINT) | ROLE_BIT(ROLE_DISTRIBUTION_POINT) |                         \
     ROLE_BIT(ROLE_PULL_DISTRIBUTION_POINT) | ROLE_BIT(ROLE_SOFTWARE_UPDATE_POINT))

/* The role by which the server serves that connection, when one port tells. */
static role_set roles_asked(const struct policy *p, const struct connection *c)
{
    role_set asked = 0;
    for (unsigned i = 0; i < c->server->host->role_count; i++) {
        const struct role_instance *role = &c->server->host->roles[i];
        if ((ROLE_BIT(role->role) & CLIENT_ROLES) != 0 && matrix_client_row(p, c, role) != NULL) {
            asked |= ROLE_BIT(role->role);
        }
    }
    return asked;
}

/* A host of that forest which holds all of what was asked for. */
static const struct host *at_home(const struct policy *p, const struct forest *forest,
                                  role_set asked)
{
    role_set dp = ROLE_BIT(ROLE_DISTRIBUTION_POINT) | ROLE_BIT(ROLE_PULL_DISTRIBUTION_POINT);
    for (unsigned i = 0; i < p->host_count; i++) {
        const struct host *h = &p->hosts[i];
        role_set held = h->role_bits | ((h->role_bits & dp) != 0 ? dp : 0);
        if (h->forest == forest && (asked & ~held) == 0) {
            return h;
        }
    }
    return NULL;
}

#define HOMES 1024

struct home { /* what at_home said of a forest and roles */
    const struct forest *forest;
    role_set asked;
    const struct host *host;
};
struct homes {
    struct home slots[HOMES];
};

static const struct host *home_of(struct audit *a, const struct rule *r,
                                  const struct forest *forest, role_set asked)
{
    struct homes *homes = audit_state(a, r, sizeof *homes);
    if (homes == NULL) {
        return at_home(audit_policy(a), forest, asked);
    }
    uint64_t mix = ((uintptr_t)forest ^ asked) * UINT64_C(0x9e3779b97f4a7c15);
    struct home *home = &homes->slots[mix >> 54];
    if (home->forest != forest || home->asked != asked) {
        *home = (struct home){forest, asked, at_home(audit_policy(a), forest, asked)};
    }
    return home->host;
}

static bool may_fall_back(const struct client_group *group, const struct forest *forest)
{
    for (unsigned i = 0; group != NULL && i < group->fallback_count; i++) {
        if (group->fallback[i] == forest) {
            return true;
        }
    }
    return false;
}

static void report_abroad(struct audit *a, const struct rule *r, const struct observation *o,
                          struct subject subject, const struct host *home)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp opening = observation_packet(o, FACT_FLOW_OPENING_PACKET);
    struct breach b = {.subject = subject,
                       .client = client,
                       .server = server,
                       .confidence =
                           o->flow.direction_certain ? CONFIDENCE_DERIVED : CONFIDENCE_INFERRED,
                       .at = &opening};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    topology_evidence(a, f, o);
    if (is_new) {
        finding_explain(a, f,
                        "%s, a client of forest %s, was served by %s of forest %s on port %u, "
                        "although %s is there for it in its own forest.",
                        party_text(client, client_text), party_forest(client)->name,
                        party_text(server, server_text), party_forest(server)->name, server->port,
                        home->name);
        finding_remedy(a, f,
                       "Give %s's network a boundary group with %s, and look at its fallback; a "
                       "client that roams, or a network that is declared with the wrong forest, "
                       "looks alike.",
                       client_text, home->name);
    }
}

static void observe_abroad(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    const struct forest *own = party_forest(client), *theirs = party_forest(server);
    if (!topology_is_client(client) || (party_roles(server) & CLIENT_ROLES) == 0 || own == NULL ||
        theirs == NULL || !topology_has_ports(o) || !topology_is_answered(o)) {
        return;
    }
    struct connection c = topology_connection(scene, o);
    role_set asked = roles_asked(scene->policy, &c);
    struct subject subject = {.host = server->host};
    if (asked == 0) {
        return;
    }
    if (own == theirs) {
        judge_fine(a, r, subject, "Clients of its own forest used it.");
        return;
    }
    const struct host *home = home_of(a, r, own, asked);
    if (home == NULL) {
        judge_fine(a, r, subject, "Clients used it whose own forest has no such role.");
    } else if (may_fall_back(client->group, theirs)) {
        judge_fine(a, r, subject, "Clients used it that the policy lets fall back to its forest.");
    } else if (client->zone != NULL && strcmp(client->zone->name, "internet") == 0) {
        judge_hidden(a, r, subject, "Clients on the internet take what is published there.");
    } else {
        report_abroad(a, r, o, subject, home);
    }
}

static void finish_abroad(struct audit *a, const struct rule *r)
{
    expect_hosts(a, r, CLIENT_ROLES,
                 "No client of a declared forest was served by this host in the capture.");
}

const struct rule rule_client_leaves_its_forest = {
    .code = "R025",
    .name = "client-leaves-its-forest",
    .title = "Client served by another forest",
    .severity = SEVERITY_MEDIUM,
    .statements = "S52 S107",
    .references = "Microsoft Learn: Communications between endpoints in Configuration Manager\n"
                  "Microsoft Learn: Understand how clients find site resources",
    .means = "A client was served by a management, distribution or software update point of "
             "another forest although its own forest has one. Its traffic, and perhaps its "
             "accounts, cross a border that they need not cross.",
    .evidence = "An answered connection of a client, whose network is declared with a forest, to "
                "such a role's port on a host of another forest, while a host of its own forest "
                "holds the same role. Fallback of boundary groups and roaming look alike; clients "
                "on the internet do not count, nor those of a network that names the forest under "
                "`fallback-forests`.",
    .remediation = "Correct the boundary groups and their fallback, or the declared forest of the "
                   "client network.",
    .records = 1u << RECORD_FLOW,
    .observe = observe_abroad,
    .finish = finish_abroad,
};
