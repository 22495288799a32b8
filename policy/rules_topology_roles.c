/*
 * rules_topology_roles.c - chapter A: who acts as a site system. R006 without being declared as
 * one, R008 in a role whose time is over.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "capture/decode.h"
#include "policy/boot.h"
#include "policy/sign_on.h"
#include "policy/topology.h"
#include "policy/web_roles.h"

/* ---- R006 ---- */

/* Others than Configuration Manager have these, and so prove nothing of whom nobody declared. */
#define SHARED_PATHS                                                                               \
    (ROLE_BIT(ROLE_REPORTING_POINT) | ROLE_BIT(ROLE_POLICY_MODULE) | ROLE_BIT(ROLE_SMS_PROVIDER))
/* And these are on the internet of everybody: the vendor's update service, other device managers.
 */
#define INTERNET_PATHS                                                                             \
    (ROLE_BIT(ROLE_SOFTWARE_UPDATE_POINT) | ROLE_BIT(ROLE_ENROLLMENT_PROXY_POINT) |                \
     ROLE_BIT(ROLE_ENROLLMENT_POINT))

struct sign { /* what gives an end away as a site system */
    enum role role;
    const struct party *who; /* NULL: nobody whose address is known */
    const char *name;        /* what else he is called; NULL: nothing */
    struct stamp at;
    bool boots; /* it answers machines that boot */
    const char *what, *value;
};

static bool is_undeclared(const struct party *p)
{
    return p->host == NULL || p->host->role_bits == 0;
}

static void report_sign(struct audit *a, const struct rule *r, const struct sign *s)
{
    const struct party *client = &audit_scene(a)->ends[DIR_CLIENT];
    bool worst = s->role == ROLE_MANAGEMENT_POINT || s->boots;
    struct breach b = {.subject = {.host = NULL},
                       /* Broadcasts have no client. */
                       .client = s->boots ? NULL : client,
                       .server = s->who,
                       .any_client = true,
                       .kind = s->who == NULL ? s->name : role_name(s->role),
                       .severity = worst ? SEVERITY_HIGH : SEVERITY_MEDIUM,
                       .confidence = CONFIDENCE_PROVEN,
                       .at = &s->at};
    char text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, s->at, "%s: %.160s", s->what, s->value);
    if (!is_new) {
        return;
    }
    const char *who = s->who == NULL ? s->name : party_text(s->who, text);
    finding_explain(a, f,
                    "%.160s acts as %s (%s: %.160s), and the policy declares no such role "
                    "there.",
                    who, role_name(s->role), s->what, s->value);
    finding_remedy(a, f,
                   "If the role was moved to %.160s lately, declare it under `hosts`; otherwise "
                   "find out who runs it and stop it. Give clients the trusted root key, so that "
                   "they follow no strange management point.",
                   who);
}

/* A page for people answers any path on many a server; the roles serve none. */
static bool is_page(const struct observation *o)
{
    const char *type = observation_text(o, FACT_HTTP_CONTENT_TYPE);
    return type != NULL && strncasecmp(type, "text/html", 9) == 0;
}

static void observe_web(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct party *server = &audit_scene(a)->ends[DIR_SERVER];
    enum role role = role_of_path(web_path(o));
    uint64_t status = observation_number(o, FACT_HTTP_STATUS, 0);
    if (role == ROLE_COUNT || status < 200 || status > 299 ||
        observation_says(o, FACT_HTTP_PROXY)) {
        return;
    }
    struct subject everywhere = {.host = NULL};
    bool outside = strcmp(server->zone->name, "internet") == 0;
    if (!is_undeclared(server)) {
        judge_fine(a, r, everywhere, "What answered as a site system is declared.");
    } else if (((SHARED_PATHS | (outside ? INTERNET_PATHS : 0)) & ROLE_BIT(role)) != 0) {
        return;
    } else if (is_page(o)) {
        judge_hidden(a, r, everywhere,
                     "An undeclared web server answered the path of a role with a page, as some do "
                     "for any path.");
    } else {
        struct sign s = {.role = role,
                         .who = server,
                         .at = observation_packet(o, FACT_HTTP_RESPONSE_PACKET),
                         .what = "it served",
                         .value = web_path(o)};
        report_sign(a, r, &s);
    }
}

/* Shares by which a role is known: SMS_ and a site's code; those of a distribution point. */
static enum role role_of_share(const char *share)
{
    bool site = strlen(share) == 7 && strncasecmp(share, "SMS_", 4) == 0;
    for (size_t i = 4; site && i < 7; i++) {
        site = isalnum((unsigned char)share[i]) != 0;
    }
    bool content = strcasecmp(share, "SMS_DP$") == 0 || strcasecmp(share, "SMSSIG$") == 0 ||
                   strcasecmp(share, "SCCMContentLib$") == 0;
    return site ? ROLE_SITE_SERVER : content ? ROLE_DISTRIBUTION_POINT : ROLE_COUNT;
}

static void observe_share(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct party *server = &audit_scene(a)->ends[DIR_SERVER];
    const char *path = observation_text(o, FACT_SMB_PATH);
    if (path == NULL || !observation_is(o, FACT_SMB_MESSAGE, "tree_connect")) {
        return;
    }
    enum role role = role_of_share(share_name(path));
    if (role == ROLE_COUNT || observation_number(o, FACT_SMB_STATUS_CODE, 1) != 0) {
        return;
    }
    if (!is_undeclared(server)) {
        judge_fine(a, r, (struct subject){.host = NULL},
                   "What answered as a site system is declared.");
        return;
    }
    struct sign s = {.role = role,
                     .who = server,
                     .at = observation_packet(o, FACT_SMB_RESPONSE_PACKET),
                     .what = "it gave the share",
                     .value = path};
    report_sign(a, r, &s);
}

static void observe_sql(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct party *server = &audit_scene(a)->ends[DIR_SERVER];
    const char *database = observation_text(o, FACT_SQL_DATABASE_ENTERED);
    database = database == NULL ? observation_text(o, FACT_SQL_DATABASE) : database;
    if (database == NULL || strlen(database) != 6 || strncasecmp(database, "CM_", 3) != 0 ||
        !observation_is(o, FACT_SQL_RESULT, "success")) {
        return;
    }
    if (!is_undeclared(server)) {
        judge_fine(a, r, (struct subject){.host = NULL},
                   "What answered as a site system is declared.");
        return;
    }
    struct sign s = {.role = ROLE_SITE_DATABASE,
                     .who = server,
                     .at = observation_packet(o, FACT_SQL_RESPONSE_PACKET),
                     .what = "it opened the database",
                     .value = database};
    report_sign(a, r, &s);
}

/* The address that an answer gives for this name, "NAME ADDRESS"; false: it gives none. */
static bool address_named(const struct observation *o, const char *name, struct address *ret)
{
    size_t len = strlen(name);
    for (const struct fact *f = observation_get(o, FACT_DNS_ADDRESSES); f != NULL;
         f = observation_more(o, FACT_DNS_ADDRESSES, f)) {
        const char *text = fact_text(o, f);
        if (strncasecmp(text, name, len) == 0 && text[len] == ' ' &&
            address_parse(text + len + 1, ret)) {
            return true;
        }
    }
    return address_parse(name, ret);
}

static void observe_service(struct audit *a, const struct rule *r, const struct observation *o)
{
    const char *query = observation_text(o, FACT_DNS_QUERY);
    if (query == NULL || !topology_is_location(query) ||
        observation_get(o, FACT_DNS_OPCODE) != NULL ||
        observation_get(o, FACT_DNS_ANSWERS) == NULL) {
        return;
    }
    const char *stranger = topology_strange_location(a, o, true);
    if (stranger == NULL) {
        judge_fine(a, r, (struct subject){.host = NULL},
                   "The management points that DNS names are declared.");
        return;
    }
    struct address address;
    struct party party;
    bool known = address_named(o, stranger, &address);
    if (known) {
        party = party_at(audit_policy(a), &address);
    }
    struct sign s = {.role = ROLE_MANAGEMENT_POINT,
                     .who = known ? &party : NULL,
                     .name = stranger,
                     .at = observation_packet(o, FACT_DNS_RESPONSE_PACKET),
                     .what = "DNS names it for",
                     .value = query};
    report_sign(a, r, &s);
}

/* Options 243 and 252 of an answer on port 4011: where the variables and the boot configuration
 * lie. */
static bool is_site_boot(const struct observation *o)
{
    for (const struct fact *f = observation_get(o, FACT_DHCP_OPTIONS); f != NULL;
         f = observation_more(o, FACT_DHCP_OPTIONS, f)) {
        const char *number = fact_text(o, f);
        if (strcmp(number, "243") == 0 || strcmp(number, "252") == 0) {
            return true;
        }
    }
    return false;
}

static void observe_boot_service(struct audit *a, const struct rule *r, const struct observation *o)
{
    struct address address;
    if (!observation_says(o, FACT_DHCP_PROXY) || !boot_is_answer(o) || !is_site_boot(o) ||
        !boot_answered_by(audit_scene(a), o, &address)) {
        return;
    }
    struct party party = party_at(audit_policy(a), &address);
    if (!is_undeclared(&party)) {
        judge_fine(a, r, (struct subject){.host = NULL},
                   "What answered as a site system is declared.");
        return;
    }
    const char *file = observation_text(o, FACT_DHCP_BOOT_FILE);
    struct sign s = {.role = ROLE_DISTRIBUTION_POINT,
                     .who = &party,
                     .at = o->at,
                     .boots = true,
                     .what = "it answered PXE with",
                     .value = file == NULL ? "the options of a task sequence" : file};
    report_sign(a, r, &s);
}

static void observe_sign(struct audit *a, const struct rule *r, const struct observation *o)
{
    switch ((int)o->record) {
    case RECORD_HTTP:
        observe_web(a, r, o);
        break;
    case RECORD_SMB:
        observe_share(a, r, o);
        break;
    case RECORD_SQL:
        observe_sql(a, r, o);
        break;
    case RECORD_DNS:
        observe_service(a, r, o);
        break;
    default:
        observe_boot_service(a, r, o);
        break;
    }
}

static void finish_sign(struct audit *a, const struct rule *r)
{
    judge_expected(a, r, (struct subject){.host = NULL},
                   "Nothing that acts as a site system in a readable way is in the capture.");
}

const struct rule rule_role_signature_on_undeclared_host = {
    .code = "R006",
    .name = "role-signature-on-undeclared-host",
    .title = "Undeclared host acts as a site system",
    .severity = SEVERITY_MEDIUM,
    .statements = "S21",
    .references = "Microsoft Learn: Plan for security in Configuration Manager (trusted root key)\n"
                  "Misconfiguration Manager: ELEVATE-4\nMITRE ATT&CK T1557",
    .means = "A host that the policy knows as no site system answered as one: a management point, "
             "a distribution point, an update point, a site database, a PXE service. Either a role "
             "was set up or moved and nobody declared it, so that nobody looks after it, or "
             "somebody plays a site system to clients in order to give them orders. High for "
             "management points and PXE.",
    .evidence =
        "What the server itself answered: the path of a role served (status 2xx), a DNS "
        "answer for _mssms_mp_<site> that names a host without that role, a PXE answer on "
        "port 4011 with options 243 or 252, the share SMS_<site> or one of a distribution "
        "point opened, the database CM_<site> entered. Questions alone prove nothing, since "
        "scanners ask everybody; nor do pages (text/html), forward proxies, and paths that "
        "other products have too. Inside TLS nothing of this can be seen. Roles that were "
        "moved lately look alike. A declared site system that acts in another role is not "
        "judged here.",
    .remediation = "Declare the host, or stop it; give clients the trusted root key.",
    .records = 1u << RECORD_HTTP | 1u << RECORD_SMB | 1u << RECORD_SQL | 1u << RECORD_DNS |
               1u << RECORD_DHCP,
    .observe = observe_sign,
    .finish = finish_sign,
};

/* ---- R008 ---- */

/* Retired roles that traffic can show: those that are asked, and those that ask. */
static bool is_retired(role_set roles)
{
    return (roles & role_retired_ones()) != 0;
}

static const struct role_instance *retired_of(const struct host *h)
{
    for (unsigned i = 0; i < h->role_count; i++) {
        if (is_retired(ROLE_BIT(h->roles[i].role))) {
            return &h->roles[i];
        }
    }
    return NULL;
}

struct use { /* of a retired role */
    const struct host *host;
    const struct role_instance *instance; /* NULL: the host is not declared with it */
    enum role role;
    struct stamp at;
    const char *shown;
    bool proven;
};

static void report_use(struct audit *a, const struct rule *r, const struct use *use)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct subject subject = {.host = use->host, .role = use->instance};
    if (scene->policy->profile == PROFILE_ARTICLE) {
        judge_fine(a, r, subject,
                   "The policy judges by the 2016 article, which supports the role.");
        return;
    }
    struct breach b = {.subject = subject,
                       .client = client,
                       .server = server,
                       .any_client = server->host == use->host,
                       .kind = role_name(use->role),
                       .confidence = use->proven ? CONFIDENCE_PROVEN : CONFIDENCE_DERIVED,
                       .at = &use->at};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, use->at, "%.160s", use->shown);
    if (is_new) {
        finding_explain(
            a, f, "%s and %s spoke on port %u (%.160s): %s still works as %s, which %s.",
            party_text(client, client_text), party_text(server, server_text), server->port,
            use->shown, use->host->name, role_name(use->role), role_retired(use->role));
        finding_remedy(a, f,
                       "Retire the %s on %s. If the site runs the version that the article is "
                       "about, declare `profile: article`.",
                       role_name(use->role), use->host->name);
    }
}

static void observe_old_path(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct party *server = &audit_scene(a)->ends[DIR_SERVER];
    uint64_t status = observation_number(o, FACT_HTTP_STATUS, 0);
    if (server->host == NULL || status < 200 || status > 399) {
        return;
    }
    enum role role = role_of_path(web_path(o));
    if (role == ROLE_COUNT || !is_retired(ROLE_BIT(role))) {
        return;
    }
    const struct role_instance *instance = host_role(server->host, role);
    if (instance == NULL && (SHARED_PATHS & ROLE_BIT(role)) != 0) {
        return;
    }
    struct use use = {.host = server->host,
                      .instance = instance,
                      .role = role,
                      .at = observation_packet(o, FACT_HTTP_REQUEST_PACKET),
                      .shown = web_path(o),
                      .proven = true};
    report_use(a, r, &use);
}

/* What such a role takes and gives. HTTP in clear is judged by its paths. */
static bool is_role_traffic(const struct observation *o)
{
    return o->flow.protocol == IP_TCP && (observation_is(o, FACT_FLOW_PROTOCOL, "tls") ||
                                          observation_is(o, FACT_FLOW_PROTOCOL, "tds"));
}

static void observe_old_flow(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    bool asked = is_retired(party_roles(server));
    if ((!asked && !is_retired(party_roles(client))) || client->host == server->host ||
        !is_role_traffic(o) || !topology_is_answered(o)) {
        return;
    }
    struct connection c = topology_connection(scene, o);
    const struct party *end = asked ? server : client;
    const struct role_instance *instance = retired_of(end->host);
    struct subject subject = {.host = end->host, .role = instance};
    if (topology_is_common(&c, o)) {
        return;
    }
    if ((end->host->role_bits & ~role_retired_ones()) != 0) {
        judge_hidden(a, r, subject,
                     "Its host has other roles as well, and TLS or SQL does not tell which of them "
                     "was used.");
        return;
    }
    struct stamp opening = observation_packet(o, FACT_FLOW_OPENING_PACKET);
    struct use use = {.host = end->host,
                      .instance = instance,
                      .role = instance->role,
                      .at = opening.order != 0 ? opening
                                               : observation_packet(o, FACT_FLOW_FIRST_PACKET),
                      .shown = topology_protocol(o)};
    report_use(a, r, &use);
}

static void observe_old(struct audit *a, const struct rule *r, const struct observation *o)
{
    if (o->record == RECORD_FLOW) {
        observe_old_flow(a, r, o);
    } else {
        observe_old_path(a, r, o);
    }
}

static void finish_old(struct audit *a, const struct rule *r)
{
    expect_roles(a, r, role_retired_ones(), "No traffic of this role is in the capture.");
}

const struct rule rule_legacy_role_in_use = {
    .code = "R008",
    .name = "legacy-role-in-use",
    .title = "Retired role still in use",
    .severity = SEVERITY_LOW,
    .statements = "S10 S12",
    .references = "Microsoft Learn: Removed and deprecated features for Configuration Manager",
    .means = "A role that the product no longer has, or is about to lose, carries traffic: the "
             "application catalog, certificate registration with the policy module of NDES, cloud "
             "distribution points, asset intelligence, the enrollment of mobile devices. Nothing "
             "there is mended any more, and the next upgrade may stop at it.",
    .evidence = "A request in clear for the path of such a role that was answered; or TLS or SQL "
                "of a declared host that has no other roles. The classic cloud management gateway "
                "looks like today's and is not judged. `profile: article` pins the version to "
                "2016, when these roles were supported.",
    .remediation = "Retire the role; move what used it to what replaced it.",
    .records = 1u << RECORD_FLOW | 1u << RECORD_HTTP,
    .observe = observe_old,
    .finish = finish_old,
};
