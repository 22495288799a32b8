/*
 * rules_sql.c - chapter I: the site database. R100 queries in clear, R101 SQL logins, R102 who
 * connects, R103 NTLM to it, R104 replication between databases, R105 statements of a takeover.
 */
#include <stdio.h>
#include <string.h>

#include "capture/decode.h"
#include "policy/flow_notes.h"
#include "policy/ledger.h"
#include "policy/topology.h"

#define DATABASE ROLE_BIT(ROLE_SITE_DATABASE)

enum { SQL_PORT = 1433, SQL_BROWSER_PORT = 1434, BROKER_PORT = 4022 };

static void finish_database(struct audit *a, const struct rule *r)
{
    expect_hosts(a, r, DATABASE, "No SQL traffic with this host is in the capture.");
}

/* The declared end that a SQL connection is judged for: the server, or a site system that uses a
 * server nobody declared. NULL: neither. */
static const struct host *judged_host(const struct scene *scene)
{
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    return server->host != NULL ? server->host : party_is_site_system(client) ? client->host : NULL;
}

/* ---- R100 ---- */

struct agreed { /* a connection's PRELOGIN */
    struct stamp answer;
    char encryption[8];
};
_Static_assert(sizeof(struct agreed) <= FLOW_NOTE_OCTETS, "a note has room for it");

static void report_clear(struct audit *a, const struct rule *r, const struct observation *o,
                         const struct agreed *agreed)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp first = observation_packet(o, FACT_SQL_FIRST_PACKET);
    bool login_only = agreed != NULL && strcmp(agreed->encryption, "login") == 0;
    struct breach b = {.subject = {.host = judged_host(scene)},
                       .client = client,
                       .server = server,
                       .any_client = true,
                       .severity =
                           (party_roles(server) & DATABASE) != 0 ? SEVERITY_HIGH : SEVERITY_MEDIUM,
                       .confidence = CONFIDENCE_PROVEN,
                       .at = &first};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    if (agreed != NULL) {
        finding_evidence(a, f, agreed->answer, "PRELOGIN response: encryption %s",
                         login_only ? "of the login only" : "not supported");
    }
    finding_evidence(a, f, first, "readable request");
    if (is_new) {
        finding_explain(a, f, "%s sent readable SQL to %s on port %u: %s.",
                        party_text(client, client_text), party_text(server, server_text),
                        server->port,
                        login_only       ? "the login packet was protected, queries and their "
                                           "answers were not"
                        : agreed == NULL ? "queries and their answers can be read and changed on "
                                           "the way (how the connection began was not captured)"
                                         : "login, queries and answers could all be read and "
                                           "changed on the way");
        finding_remedy(a, f,
                       "Give the SQL Server at %s a trusted certificate and set Force Encryption; "
                       "ODBC driver 18 on the clients asks for encryption by itself.",
                       server_text);
    }
}

static void note_prelogin(struct audit *a, const struct rule *r, struct flow_notes *flows,
                          const struct observation *o, struct subject subject)
{
    const char *result = observation_text(o, FACT_SQL_ENCRYPTION_RESULT);
    if (result == NULL) {
        judge_hidden(a, r, subject, "A PRELOGIN was seen without the server's answer.");
    } else if (strcmp(result, "full") == 0 || strcmp(result, "strict") == 0) {
        judge_fine_with(a, r, subject, "Connections were encrypted (%.10s).", result);
    } else {
        struct agreed *agreed = flow_note(a, flows, o->flow.id, true);
        if (agreed != NULL) {
            agreed->answer = o->at;
            (void)snprintf(agreed->encryption, sizeof agreed->encryption, "%.7s", result);
        }
    }
}

static void observe_clear(struct audit *a, const struct rule *r, const struct observation *o)
{
    struct flow_notes *flows = audit_state(a, r, sizeof *flows);
    struct subject subject = {.host = judged_host(audit_scene(a))};
    if (flows == NULL || subject.host == NULL) {
        return;
    }
    if (o->record == RECORD_SQL && observation_is(o, FACT_SQL_MESSAGE, "prelogin")) {
        note_prelogin(a, r, flows, o, subject);
        return;
    }
    struct agreed *agreed = flow_note(a, flows, o->flow.id, false);
    if (o->record == RECORD_SQL && observation_is(o, FACT_SQL_MESSAGE, "requests")) {
        report_clear(a, r, o, agreed);
        flow_note_remove(flows, o->flow.id);
    } else if (o->record == RECORD_FLOW && agreed != NULL) {
        judge_hidden(a, r, subject,
                     "Encryption of a connection was declined, but no request on it was seen.");
        flow_note_remove(flows, o->flow.id);
    }
}

const struct rule rule_sql_not_encrypted = {
    .code = "R100",
    .name = "sql-not-encrypted",
    .title = "SQL in clear",
    .severity = SEVERITY_HIGH,
    .statements = "S90 S91 S92 S93 S94 S95",
    .references = "[MS-TDS] 2.2.6.5\nMicrosoft Learn: Security and privacy for site "
                  "administration (Configuration Manager)\nMisconfiguration Manager: PREVENT-14",
    .means = "Queries and their answers crossed the network readable. Configuration Manager does "
             "not protect what site systems exchange with the site database; SQL Server has to. "
             "Whoever is on the way reads policies, accounts and inventories, and can put his own "
             "statement into the connection. High for the site database, medium for others.",
    .evidence = "The ENCRYPTION option of both PRELOGIN messages, and the first request that can "
                "be read behind them. A connection whose encryption was declined but that carries "
                "no request is not counted. IPsec beneath is not seen here: where it was used "
                "there would be nothing to read.",
    .remediation = "Force Encryption with a certificate that the clients trust; ODBC driver 18 on "
                   "site servers and management points (current branch 2503 and later).",
    .records = 1u << RECORD_SQL | 1u << RECORD_FLOW,
    .observe = observe_clear,
    .finish = finish_database,
};

/* ---- R101 ---- */

static void report_login(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp login = observation_packet(o, FACT_SQL_REQUEST_PACKET);
    bool exposed = observation_says(o, FACT_SQL_PASSWORD_EXPOSED);
    const char *user = observation_text(o, FACT_SQL_USER),
               *program = observation_text(o, FACT_SQL_APPLICATION),
               *result = observation_text(o, FACT_SQL_RESULT);
    user = user == NULL ? "an unnamed account" : user;
    result = result == NULL ? "not seen" : result;
    struct breach b = {.subject = {.host = judged_host(scene)},
                       .client = client,
                       .server = server,
                       .kind = user,
                       .severity = exposed ? SEVERITY_CRITICAL : SEVERITY_HIGH,
                       .confidence = CONFIDENCE_PROVEN,
                       .at = &login};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, login, "LOGIN7 of the SQL login %.100s%s", user,
                     exposed ? ", its password readable" : "");
    if (is_new) {
        finding_evidence(a, f, observation_packet(o, FACT_SQL_RESPONSE_PACKET), "answered: %s",
                         result);
        finding_explain(a, f,
                        "%s (%.80s) logged in to %s as the SQL login %.100s instead of by Windows "
                        "authentication%s. Result: %s.",
                        party_text(client, client_text), program == NULL ? "no name" : program,
                        party_text(server, server_text), user,
                        exposed ? ", and the password crossed in a form that anybody can turn back"
                                : "",
                        result);
        finding_remedy(a, f,
                       "Set the SQL Server at %s to Windows authentication only, disable the login "
                       "%.100s%s.",
                       server_text, user, exposed ? " and change its password" : "");
    }
}

static void observe_login(struct audit *a, const struct rule *r, const struct observation *o)
{
    struct subject subject = {.host = judged_host(audit_scene(a))};
    const char *result = observation_text(o, FACT_SQL_ENCRYPTION_RESULT);
    if (subject.host == NULL) {
        return;
    }
    if (observation_is(o, FACT_SQL_MESSAGE, "prelogin")) {
        if (result != NULL && strcmp(result, "none") != 0) {
            judge_hidden(a, r, subject, "Logins were encrypted.");
        }
    } else if (observation_is(o, FACT_SQL_AUTH, "sql")) {
        report_login(a, r, o);
    } else if (observation_get(o, FACT_SQL_AUTH) != NULL) {
        judge_fine_with(a, r, subject, "Logins that could be read were of this kind: %.20s.",
                        observation_text(o, FACT_SQL_AUTH));
    }
}

const struct rule rule_sql_authentication_login = {
    .code = "R101",
    .name = "sql-authentication-login",
    .title = "SQL login instead of Windows authentication",
    .severity = SEVERITY_CRITICAL,
    .statements = "S97 S98",
    .references = "[MS-TDS] 2.2.6.4\nMicrosoft Learn: Security and privacy for site "
                  "administration (Configure SQL Server to use Windows authentication)\n"
                  "Misconfiguration Manager: PREVENT-18\nMITRE ATT&CK T1078",
    .means = "A client logged in by a name and password of SQL Server's own. The site database "
             "is to accept Windows accounts only; a SQL login knows no lockout and no Kerberos, "
             "and without encryption its password is only scrambled, not protected. Critical "
             "where the password crossed readable, else high.",
    .evidence = "A LOGIN7 or older login record that can be read and does not ask for integrated "
                "security, with the server's answer: a password that was refused has crossed all "
                "the same. Encrypted logins do not show how they authenticate. Databases of other "
                "products on the same server look alike; the site database should have its own "
                "server. The password itself is never written.",
    .remediation = "Set the server to Windows authentication; remove SQL logins; force encryption.",
    .records = 1u << RECORD_SQL,
    .observe = observe_login,
    .finish = finish_database,
};

/* ---- R102 ---- */

/* Microsoft Learn, "Ports used": what connects to the site database. */
#define DATABASE_USERS                                                                             \
    (DATABASE | ROLE_BIT(ROLE_SITE_SERVER) | ROLE_BIT(ROLE_SITE_SERVER_PASSIVE) |                  \
     ROLE_BIT(ROLE_SMS_PROVIDER) | ROLE_BIT(ROLE_MANAGEMENT_POINT) |                               \
     ROLE_BIT(ROLE_REPORTING_POINT) | ROLE_BIT(ROLE_ENROLLMENT_POINT) |                            \
     ROLE_BIT(ROLE_CERTIFICATE_REGISTRATION_POINT) | ROLE_BIT(ROLE_STATE_MIGRATION_POINT) |        \
     ROLE_BIT(ROLE_ENDPOINT_PROTECTION_POINT) | ROLE_BIT(ROLE_ASSET_INTELLIGENCE_POINT) |          \
     ROLE_BIT(ROLE_DATA_WAREHOUSE_POINT) | ROLE_BIT(ROLE_SERVICE_CONNECTION_POINT) |               \
     ROLE_BIT(ROLE_SOFTWARE_UPDATE_POINT) | ROLE_BIT(ROLE_APPCAT_WEB_SERVICE))

static bool is_database_port(const struct host *h, uint16_t port)
{
    const struct role_instance *role = host_role(h, ROLE_SITE_DATABASE);
    for (unsigned i = 0; role != NULL && i < role->port_count; i++) {
        if (role->ports[i] == port) {
            return true;
        }
    }
    return port == SQL_PORT || port == SQL_BROWSER_PORT || port == BROKER_PORT;
}

static bool is_allowed(const struct audit *a, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    struct connection c = {.client = &scene->ends[DIR_CLIENT],
                           .server = &scene->ends[DIR_SERVER],
                           .transport = o->flow.protocol,
                           .protocol = observation_text(o, FACT_FLOW_PROTOCOL),
                           .guessed = !observation_is(o, FACT_FLOW_IDENTIFIED_BY, "content")};
    const struct matrix_exception *e = matrix_exception_of(scene->policy, &c);
    return e != NULL && e->allow;
}

static void report_user(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp opening = observation_packet(o, FACT_FLOW_OPENING_PACKET);
    struct breach b = {.subject = {.host = server->host},
                       .client = client,
                       .server = server,
                       .claims_flow = true,
                       .severity = client->group != NULL ? SEVERITY_CRITICAL : SEVERITY_HIGH,
                       .confidence =
                           o->flow.direction_certain ? CONFIDENCE_PROVEN : CONFIDENCE_INFERRED,
                       .at = &opening};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    if (!is_new) {
        return;
    }
    finding_evidence(a, f, opening, "%s to port %u",
                     o->flow.protocol == IP_TCP ? "SYN" : "first datagram", server->port);
    finding_evidence(a, f, observation_packet(o, FACT_FLOW_ANSWER_PACKET), "the database answers");
    finding_explain(a, f,
                    "%s, which holds no role that uses the site database, was answered by %s on "
                    "port %u%s.",
                    party_text(client, client_text), party_text(server, server_text), server->port,
                    client->group != NULL ? ": clients can reach the database itself" : "");
    finding_remedy(a, f,
                   "Let the firewall of %s admit only the site server, the SMS Provider and the "
                   "roles that need the database; declare database administrators' hosts under "
                   "`administrators`, backup and monitoring under `matrix`.",
                   server->host->name);
}

static void observe_user(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = judged_server(a, DATABASE);
    if (server == NULL || !is_database_port(server->host, server->port) ||
        client->host == server->host) {
        return;
    }
    struct subject subject = {.host = server->host};
    if (!topology_is_answered(o)) {
        judge_fine(a, r, subject, "Attempts to reach it were not answered.");
    } else if ((party_roles(client) & DATABASE_USERS) != 0) {
        judge_fine(a, r, subject, "Roles that need the database connected to it.");
    } else if (party_is_administrator(client) || is_allowed(a, o)) {
        judge_fine(a, r, subject, "Declared administrators, or what `matrix` allows, reached it.");
    } else if (topology_opener_is_unclear(o)) {
        judge_hidden(a, r, subject,
                     "A connection's opening was not captured, so who opened it is not known.");
    } else {
        report_user(a, r, o);
    }
}

const struct rule rule_unexpected_sql_client = {
    .code = "R102",
    .name = "unexpected-sql-client",
    .title = "Site database reached by a host that does not need it",
    .severity = SEVERITY_HIGH,
    .statements = "S89 S90 S91 S92 S93 S94 S95 S96",
    .references = "Microsoft Learn: Ports used in Configuration Manager (connections to SQL "
                  "Server)\nMisconfiguration Manager: PREVENT-20, CRED-5, TAKEOVER-1\n"
                  "MITRE ATT&CK T1190, T1210",
    .means = "A host that holds none of the roles that use the site database got a connection to "
             "it. From there the database can be attacked by relayed authentications, guessed "
             "passwords and flaws of the server, and whoever owns the database owns the "
             "hierarchy. Critical from a client network, high from elsewhere.",
    .evidence = "Connections answered by the site database's host on 1433, its declared ports, "
                "4022 and the browser's 1434. Not counted: the site server and its stand-by, SMS "
                "Provider, management, reporting, enrolment, certificate registration, state "
                "migration, Endpoint Protection, Asset Intelligence, data warehouse, service "
                "connection and software update points, other site databases, consoles, "
                "declared administrators, and what the policy's `matrix` allows (backup, "
                "monitoring, multicast distribution points).",
    .remediation = "Restrict the database's ports by host firewall to the roles that need it.",
    .records = 1u << RECORD_FLOW,
    .observe = observe_user,
    .finish = finish_database,
};

/* ---- R103 ---- */

static void report_ntlm(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp proof = observation_packet(o, FACT_NTLM_AUTHENTICATE_PACKET);
    const char *user = observation_text(o, FACT_NTLM_USER),
               *domain = observation_text(o, FACT_NTLM_DOMAIN),
               *result = observation_text(o, FACT_NTLM_RESULT);
    user = user == NULL ? "" : user;
    domain = domain == NULL ? "" : domain;
    struct breach b = {.subject = {.host = server->host},
                       .client = client,
                       .server = server,
                       .confidence = CONFIDENCE_PROVEN,
                       .at = &proof};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, proof, "NTLM AUTHENTICATE of %.100s\\%.100s in TDS, no channel binding",
                     domain, user);
    if (is_new) {
        finding_evidence(a, f, observation_packet(o, FACT_NTLM_RESULT_PACKET), "answered: %s",
                         result == NULL ? "unknown" : result);
        finding_explain(a, f,
                        "%s logged in to the site database at %s as %.100s\\%.100s by NTLM "
                        "without channel binding (%s): an authentication of that account that is "
                        "relayed to it is taken as well.",
                        party_text(client, client_text), party_text(server, server_text), domain,
                        user, result == NULL ? "unknown" : result);
        finding_remedy(a, f,
                       "Register MSSQLSvc/%s (and with its port) at the account SQL Server runs "
                       "as, so that Kerberos is used, and set Extended Protection to Allowed or "
                       "Required with Force Encryption.",
                       server->host->name);
    }
}

static void observe_ntlm(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct party *server = judged_server(a, DATABASE);
    if (server == NULL) {
        return;
    }
    struct subject subject = {.host = server->host};
    if (o->record == RECORD_KERBEROS) {
        if (observation_is(o, FACT_KERBEROS_CARRIER, "tds")) {
            judge_fine(a, r, subject, "Kerberos was used.");
        }
    } else if (o->record == RECORD_SQL) {
        if (observation_is(o, FACT_SQL_ENCRYPTION_RESULT, "full") ||
            observation_is(o, FACT_SQL_ENCRYPTION_RESULT, "strict")) {
            judge_hidden(a, r, subject, "Logins were encrypted together with all else.");
        }
    } else if (!observation_is(o, FACT_NTLM_CARRIER, "tds") ||
               observation_is(o, FACT_NTLM_VARIANT, "anonymous") ||
               observation_get(o, FACT_NTLM_AUTHENTICATE_PACKET) == NULL) {
        return;
    } else if (observation_says(o, FACT_NTLM_CHANNEL_BINDING)) {
        judge_fine(a, r, subject, "NTLM was used, bound to its TLS channel.");
    } else {
        report_ntlm(a, r, o);
    }
}

const struct rule rule_sql_ntlm_without_epa = {
    .code = "R103",
    .name = "sql-ntlm-without-epa",
    .title = "NTLM to the site database without channel binding",
    .severity = SEVERITY_HIGH,
    .statements = "S97 S98 S100",
    .references = "[MS-TDS] 2.2.6.8\n[MS-NLMP] 2.2.2.1\nMisconfiguration Manager: PREVENT-14, "
                  "TAKEOVER-1, CRED-8",
    .means = "The site database took an NTLM logon that is not bound to the connection it came "
             "by. A site server's computer account that is made to authenticate elsewhere can be "
             "relayed there, and it may do everything in that database.",
    .evidence = "An NTLM AUTHENTICATE message in TDS to a declared site database, whose channel "
                "bindings are missing or zero. It is readable unless the whole connection is "
                "encrypted. While a site is being set up and its service principal names are not "
                "yet there, NTLM is to be expected.",
    .remediation = "Register the service principal names; Extended Protection Allowed is enough "
                   "against relayed authentications, Required is better.",
    .records = 1u << RECORD_NTLM | 1u << RECORD_KERBEROS | 1u << RECORD_SQL,
    .observe = observe_ntlm,
    .finish = finish_database,
};

/* ---- R104 ---- */

static bool are_neighbours(const struct site *one, const struct site *other)
{
    return one == other || one->parent == other || other->parent == one;
}

static void report_peer(struct audit *a, const struct rule *r, const struct observation *o,
                        bool database)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp opening = observation_packet(o, FACT_FLOW_OPENING_PACKET);
    struct breach b = {.subject = {.host = server->host},
                       .client = client,
                       .server = server,
                       .claims_flow = true,
                       .confidence =
                           o->flow.direction_certain ? CONFIDENCE_PROVEN : CONFIDENCE_INFERRED,
                       .at = &opening};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    if (!is_new) {
        return;
    }
    finding_evidence(a, f, opening, "SYN to port %u", server->port);
    finding_evidence(a, f, observation_packet(o, FACT_FLOW_ANSWER_PACKET), "the database answers");
    party_text(client, client_text);
    party_text(server, server_text);
    if (database) {
        finding_explain(a, f,
                        "The site databases %s (site %s) and %s (site %s) are connected on port "
                        "%u, although neither site is the other's parent.",
                        client_text, client->host->site->code, server_text,
                        server->host->site->code, server->port);
    } else {
        finding_explain(a, f,
                        "%s, which holds no site database, connected to the replication port %u of "
                        "%s; only databases replicate with each other.",
                        client_text, server->port, server_text);
    }
    finding_remedy(a, f,
                   "Find what on %s connects there; replicas of an availability group and other "
                   "peers that are meant are to be declared under `matrix`, else let the firewall "
                   "of %s admit its own site's hosts and parent or child databases only.",
                   client_text, server->host->name);
}

static void observe_peer(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = judged_server(a, DATABASE);
    /* Whom R102 does not expect at all is its finding. */
    if (server == NULL || o->flow.protocol != IP_TCP || client->host == server->host ||
        (party_roles(client) & DATABASE_USERS) == 0 ||
        !is_database_port(server->host, server->port) || !topology_is_answered(o)) {
        return;
    }
    bool database = (party_roles(client) & DATABASE) != 0;
    struct subject subject = {.host = server->host};
    if (!database && server->port != BROKER_PORT) {
        return;
    }
    if (is_allowed(a, o)) {
        judge_fine(a, r, subject, "What connected to it is allowed by the policy's own matrix.");
    } else if (!database) {
        report_peer(a, r, o, false);
    } else if (client->host->site == NULL || server->host->site == NULL) {
        judge_hidden(a, r, subject,
                     "A database of which the policy does not tell the site connected to it.");
    } else if (are_neighbours(client->host->site, server->host->site)) {
        judge_fine(a, r, subject, "Databases of its own, parent and child sites connected to it.");
    } else {
        report_peer(a, r, o, true);
    }
}

const struct rule rule_replication_peer_irregular = {
    .code = "R104",
    .name = "replication-peer-irregular",
    .title = "Database replication with a site that is neither parent nor child",
    .severity = SEVERITY_HIGH,
    .statements = "S66 S67 S74",
    .references = "Microsoft Learn: Database replication (Configuration Manager)\nMicrosoft "
                  "Learn: Cryptographic controls technical reference",
    .means = "Database replication runs between a site and its parent or child, and between "
             "databases only. A connection of another kind is either a wrong declaration or "
             "somebody who makes one site's database a step towards another's.",
    .evidence = "Answered TCP connections between declared site databases on 1433, declared ports "
                "and 4022, and connections to 4022 by site systems without a database. Databases "
                "of one site (availability groups) and what the policy's `matrix` allows do not "
                "count; hosts that have no business with the database at all are R102's.",
    .remediation = "Correct the declaration of sites and parents, or close the path.",
    .records = 1u << RECORD_FLOW,
    .observe = observe_peer,
    .finish = finish_database,
};

/* ---- R105 ---- */

#define SITE_SERVERS (ROLE_BIT(ROLE_SITE_SERVER) | ROLE_BIT(ROLE_SITE_SERVER_PASSIVE))
#define ADMINISTERING (SITE_SERVERS | ROLE_BIT(ROLE_SMS_PROVIDER))

static const struct danger {
    const char *name, *does;
    role_set lawful; /* of these the product itself makes such requests */
    bool writes;     /* counts with INSERT or UPDATE only */
} dangers[] = {
    {"rbac_admins", "makes somebody an administrator of the hierarchy", ADMINISTERING, true},
    {"rbac_extendedpermissions", "gives somebody rights in the hierarchy", ADMINISTERING, true},
    {"xp_cmdshell", "runs a program on the database server", 0, false},
    {"sc_useraccount", "reads the site's stored accounts", ADMINISTERING, false},
    {"mp_getpolicybody", "reads policies with their secrets", ROLE_BIT(ROLE_MANAGEMENT_POINT),
     false},
    {"mp_getmachinepolicyassignments", "lists policies with their secrets",
     ROLE_BIT(ROLE_MANAGEMENT_POINT), false},
    {"sp_addlinkedserver", "links another database server",
     SITE_SERVERS | DATABASE | ROLE_BIT(ROLE_DATA_WAREHOUSE_POINT), false},
    {"openquery", "passes a statement on to a linked server",
     SITE_SERVERS | DATABASE | ROLE_BIT(ROLE_DATA_WAREHOUSE_POINT), false},
};

static bool has_name(const struct observation *o, const char *name)
{
    for (const struct fact *f = observation_get(o, FACT_SQL_NAMES); f != NULL;
         f = observation_more(o, FACT_SQL_NAMES, f)) {
        if (strcmp(fact_text(o, f), name) == 0) {
            return true;
        }
    }
    return false;
}

static void report_danger(struct audit *a, const struct rule *r, const struct observation *o,
                          const struct danger *d)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp request = observation_packet(o, FACT_SQL_REQUEST_PACKET);
    struct breach b = {.subject = {.host = server->host},
                       .client = client,
                       .server = server,
                       .kind = d->name,
                       .confidence = CONFIDENCE_PROVEN,
                       .at = &request};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, request, "request (%s) with %s", observation_text(o, FACT_SQL_MESSAGE),
                     d->name);
    if (is_new) {
        finding_explain(a, f,
                        "%s sent the site database at %s a request with %s, which %s. The product "
                        "makes such requests from other hosts only.",
                        party_text(client, client_text), party_text(server, server_text), d->name,
                        d->does);
        finding_remedy(a, f,
                       "Treat the hierarchy as attacked until the request is explained: look into "
                       "%s and the login it used, check administrators and stored accounts, and "
                       "keep all but the site's own roles from %s.",
                       client_text, server_text);
    }
}

static void observe_danger(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct party *server = judged_server(a, DATABASE);
    const struct party *client = &audit_scene(a)->ends[DIR_CLIENT];
    if (server == NULL) {
        return;
    }
    struct subject subject = {.host = server->host};
    if (observation_is(o, FACT_SQL_ENCRYPTION_RESULT, "full") ||
        observation_is(o, FACT_SQL_ENCRYPTION_RESULT, "strict")) {
        judge_hidden(a, r, subject, "Encrypted connections do not show their requests.");
    } else if (observation_is(o, FACT_SQL_MESSAGE, "requests")) {
        judge_fine(a, r, subject, "Requests that could be read were looked through.");
    }
    if (observation_get(o, FACT_SQL_NAMES) == NULL) {
        return;
    }
    bool writes = has_name(o, "insert") || has_name(o, "update");
    for (size_t i = 0; i < sizeof dangers / sizeof *dangers; i++) {
        const struct danger *d = &dangers[i];
        if (has_name(o, d->name) && (writes || !d->writes) &&
            (party_roles(client) & d->lawful) == 0) {
            report_danger(a, r, o, d);
        }
    }
}

const struct rule rule_dangerous_sql_statement = {
    .code = "R105",
    .name = "dangerous-sql-statement",
    .title = "Statement that takes the hierarchy over or reads its secrets",
    .severity = SEVERITY_CRITICAL,
    .statements = "S93",
    .references = "Misconfiguration Manager: TAKEOVER-1, TAKEOVER-9, CRED-5, CRED-8, DETECT-6\n"
                  "MITRE ATT&CK T1505.001",
    .means = "A readable request to the site database writes itself into the hierarchy's "
             "administrators, runs a program on the server, reads stored accounts or policies with "
             "secrets, or goes on to linked servers. Known attacks on Configuration Manager end "
             "in these statements.",
    .evidence = "Names in the first 4 KiB of batches and procedure calls in clear: RBAC_Admins and "
                "RBAC_ExtendedPermissions with INSERT or UPDATE, xp_cmdshell, SC_UserAccount, "
                "MP_GetPolicyBody, MP_GetMachinePolicyAssignments, sp_addlinkedserver, OPENQUERY. "
                "What the product's own hosts do does not count: site servers and the SMS Provider "
                "with administrators and accounts, management points with policies, site servers, "
                "databases and the data warehouse with linked servers. A name in a comment or a "
                "literal looks alike. The statement itself is not shown.",
    .remediation = "Look into the client and the login; encrypt and restrict the database.",
    .records = 1u << RECORD_SQL,
    .observe = observe_danger,
    .finish = finish_database,
};
