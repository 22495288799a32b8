/*
 * rules_forest_accounts.c - chapter C: accounts and trusts between forests. R022 the wrong account,
 * R023 a hierarchy across forests without a Kerberos trust.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "policy/topology.h"

#define SITE_SERVERS (ROLE_BIT(ROLE_SITE_SERVER) | ROLE_BIT(ROLE_SITE_SERVER_PASSIVE))

/* ---- R022 ---- */

static bool same_domain(const struct policy *p, const char *one, size_t len, const char *two)
{
    char name[256];
    (void)snprintf(name, sizeof name, "%.*s", (int)(len < 255 ? len : 255), one);
    const struct forest *forest = policy_forest_of_domain(p, name);
    return strcasecmp(name, two) == 0 ||
           (forest != NULL && forest == policy_forest_of_domain(p, two));
}

/* "DOMAIN\user" or "user@domain", as declared, against a logon; a logon that names no domain is
 * told by its user alone. */
static bool is_account(const struct policy *p, const char *declared, const char *user,
                       const char *domain)
{
    const char *slash = strchr(declared, '\\'), *at = strchr(declared, '@');
    const char *name = slash != NULL ? slash + 1 : declared;
    size_t len = slash == NULL && at != NULL ? (size_t)(at - declared) : strlen(name);
    if (strlen(user) != len || strncasecmp(name, user, len) != 0) {
        return strcasecmp(declared, user) == 0; /* user@domain given as the user */
    }
    return domain == NULL || (slash == NULL && at == NULL) ||
           (slash != NULL ? same_domain(p, declared, (size_t)(slash - declared), domain)
                          : same_domain(p, at + 1, strlen(at + 1), domain));
}

static bool is_listed(const struct policy *p, const struct account_list *list, const char *user,
                      const char *domain)
{
    bool listed = false;
    for (unsigned i = 0; list != NULL && i < list->count && !listed; i++) {
        listed = is_account(p, list->accounts[i], user, domain);
    }
    return listed;
}

/* Within a forest the computer account will do as well, where no account is declared. */
static const char *names_accounts(const struct policy *p, const char *purpose)
{
    const struct account_list *list = policy_accounts(p, purpose);
    return list != NULL && list->count > 0 ? purpose : NULL;
}

/* Which lists of accounts a logon across the border must be from; NULL: none is asked for. */
static const char *purpose_of(const struct audit *a, const struct observation *o,
                              const struct party *client, const struct party *server)
{
    const struct forest *from = party_forest(client), *to = party_forest(server);
    if ((party_roles(client) & SITE_SERVERS) != 0 &&
        (party_roles(server) & ROLE_BIT(ROLE_EXCHANGE_SERVER)) != 0) {
        return names_accounts(audit_policy(a), "exchange-connection");
    }
    if (client->host == NULL || server->host == NULL || from == NULL || to == NULL || from == to) {
        return NULL;
    }
    if ((party_roles(client) & SITE_SERVERS) != 0 &&
        (party_roles(server) & ROLE_BIT(ROLE_DOMAIN_CONTROLLER)) != 0 &&
        observation_is(o, FACT_NTLM_CARRIER, "ldap")) {
        return policy_trusts(audit_policy(a), to, from) ? NULL : "active-directory-forest";
    }
    bool sql = observation_is(o, FACT_NTLM_CARRIER, "tds") || server->port == 1433;
    if ((party_roles(client) & SITE_SERVERS) != 0 && party_is_site_system(server) &&
        (party_roles(server) & SITE_SERVERS) == 0 && !sql) {
        return policy_trusts(audit_policy(a), to, from) ? NULL : "site-system-installation";
    }
    if (!sql || (party_roles(server) & ROLE_BIT(ROLE_SITE_DATABASE)) == 0 ||
        policy_trusts(audit_policy(a), to, from)) {
        return NULL;
    }
    role_set roles = party_roles(client);
    return (roles & ROLE_BIT(ROLE_MANAGEMENT_POINT)) != 0   ? "management-point-connection"
           : (roles & ROLE_BIT(ROLE_ENROLLMENT_POINT)) != 0 ? "enrollment-point-connection"
           : (roles & ROLE_BIT(ROLE_REPORTING_POINT)) != 0  ? "reporting-point"
                                                            : NULL;
}

/* The account that is declared for this host or role alone; NULL: the lists count. */
static const char *own_account(const struct party *client, const struct party *server)
{
    static const enum role roles[] = {ROLE_MANAGEMENT_POINT, ROLE_ENROLLMENT_POINT,
                                      ROLE_REPORTING_POINT};
    if ((party_roles(client) & SITE_SERVERS) != 0) {
        return server->host->installation_account;
    }
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        const struct role_instance *role = host_role(client->host, roles[i]);
        if (role != NULL) {
            return role->connection_account;
        }
    }
    return NULL;
}

static void report_account(struct audit *a, const struct rule *r, const struct observation *o,
                           const char *purpose, const char *user)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp proof = observation_packet(o, FACT_NTLM_AUTHENTICATE_PACKET);
    bool machine = user[strlen(user) - 1] == '$';
    const char *domain = observation_text(o, FACT_NTLM_DOMAIN),
               *carrier = observation_text(o, FACT_NTLM_CARRIER);
    struct breach b = {.subject = {.host = client->host, .peer = server->host},
                       .client = client,
                       .server = server,
                       .kind = user,
                       .confidence = CONFIDENCE_PROVEN,
                       .at = &proof};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, proof, "NTLM AUTHENTICATE of %.80s\\%.80s", domain == NULL ? "" : domain,
                     user);
    if (is_new) {
        finding_evidence(a, f, observation_packet(o, FACT_NTLM_RESULT_PACKET), "the answer");
        bool border = party_forest(client) != party_forest(server);
        finding_explain(a, f,
                        "%s logged on to %s%s as %.80s\\%.80s (%s), which "
                        "is %s; there the policy's accounts for %s are to be used.",
                        party_text(client, client_text), party_text(server, server_text),
                        border ? ", in a forest without trust," : "", domain == NULL ? "" : domain,
                        user, carrier == NULL ? "ntlm" : carrier,
                        machine ? "a computer account" : "none of those declared", purpose);
        finding_remedy(a, f,
                       "Set the %s account for %s, with the full name of its domain so that "
                       "Kerberos is used, and name it under `accounts` in the policy.",
                       purpose,
                       (party_roles(client) & SITE_SERVERS) != 0 ? server->host->name
                                                                 : client->host->name);
    }
}

static void observe_account(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    const char *purpose = purpose_of(a, o, client, server);
    if (purpose == NULL) {
        return;
    }
    struct subject subject = {.host = client->host, .peer = server->host};
    if (o->record == RECORD_KERBEROS) {
        if (observation_is(o, FACT_KERBEROS_EXCHANGE, "ap")) {
            judge_hidden(a, r, subject, "A Kerberos ticket hides the account that uses it.");
        }
        return;
    }
    const char *user = observation_text(o, FACT_NTLM_USER),
               *domain = observation_text(o, FACT_NTLM_DOMAIN);
    if (observation_get(o, FACT_NTLM_AUTHENTICATE_PACKET) == NULL || user == NULL ||
        user[0] == '\0') {
        return;
    }
    const struct policy *p = audit_policy(a);
    const struct account_list *list = policy_accounts(p, purpose);
    const char *own = own_account(client, server);
    if (own != NULL ? is_account(p, own, user, domain) : is_listed(p, list, user, domain)) {
        judge_fine(a, r, subject, "The account that the policy names for it was used.");
    } else if (own == NULL && (list == NULL || list->count == 0) && user[strlen(user) - 1] != '$') {
        judge_hidden(a, r, subject,
                     "An account was used across the forests, and the policy names none for it.");
    } else {
        report_account(a, r, o, purpose, user);
    }
}

static void finish_account(struct audit *a, const struct rule *r)
{
    judge_expected(a, r, (struct subject){.host = NULL},
                   "No readable logon between forests without trust is in the capture.");
}

const struct rule rule_wrong_account_across_forest = {
    .code = "R022",
    .name = "wrong-account-across-forest",
    .title = "Wrong account across the border of a forest",
    .severity = SEVERITY_HIGH,
    .statements = "S82 S87 S99 S101 S102",
    .references = "Microsoft Learn: Accounts used in Configuration Manager (site system "
                  "installation account, management point connection account)\nMicrosoft Learn: "
                  "Communications between endpoints in Configuration Manager",
    .means = "Towards a forest that is not trusted, the site server must use the site system "
             "installation account, and roles there must open the site database by an account set "
             "for it. A computer account or another account means that these were not set, so that "
             "something more powerful than needed crosses the border, open to relaying.",
    .evidence =
        "Domain and user in the NTLM AUTHENTICATE message of the site server towards a "
        "site system, or of a management, enrollment or reporting point towards the site "
        "database, in a forest without trust, or of the site server at a domain controller there "
        "(LDAP) or at an Exchange server for which accounts are declared, against the account that "
        "the policy names for "
        "that host or role (`installation-account`, `connection-account`), or else those "
        "under `accounts`. "
        "A local account of the role's host counts when it is declared. Kerberos hides "
        "who it is.",
    .remediation = "Set the site system installation account and the role's connection account "
                   "with the domain's full name, and declare them.",
    .records = 1u << RECORD_NTLM | 1u << RECORD_KERBEROS,
    .observe = observe_account,
    .finish = finish_account,
};

/* ---- R023 ---- */

#define INTERSITE (SITE_SERVERS | ROLE_BIT(ROLE_SITE_DATABASE))

/* Hosts of parent and child site in two declared forests. */
static bool is_intersite(const struct party *one, const struct party *two)
{
    const struct site *s = one->host == NULL ? NULL : one->host->site,
                      *t = two->host == NULL ? NULL : two->host->site;
    return s != NULL && t != NULL && (s->parent == t || t->parent == s) &&
           (party_roles(one) & INTERSITE) != 0 && (party_roles(two) & INTERSITE) != 0 &&
           party_forest(one) != NULL && party_forest(two) != NULL &&
           party_forest(one) != party_forest(two);
}

static void report_trust(struct audit *a, const struct rule *r, const struct observation *o,
                         bool trusted)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp at = trusted ? observation_packet(o, FACT_NTLM_AUTHENTICATE_PACKET)
                              : observation_packet(o, FACT_FLOW_OPENING_PACKET);
    struct breach b = {.subject = {.host = client->host, .peer = server->host},
                       .client = client,
                       .server = server,
                       .kind = trusted ? "ntlm" : "trust",
                       .severity = trusted ? SEVERITY_HIGH : SEVERITY_CRITICAL,
                       .confidence = trusted                     ? CONFIDENCE_PROVEN
                                     : o->flow.direction_certain ? CONFIDENCE_DERIVED
                                                                 : CONFIDENCE_INFERRED,
                       .at = &at};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    if (trusted) {
        finding_evidence(a, f, at, "NTLM AUTHENTICATE between the sites");
    } else {
        topology_evidence(a, f, o);
    }
    if (is_new) {
        finding_explain(
            a, f, "Sites %s and %s spoke with each other across forests (%s to %s, port %u)%s",
            client->host->site->code, server->host->site->code, party_text(client, client_text),
            party_text(server, server_text), server->port,
            trusted ? " and used NTLM, although their forests trust each other with "
                      "Kerberos."
                    : ", and the policy declares no two-way forest trust between them, "
                      "which a hierarchy across forests needs; an external trust is "
                      "not enough.");
        finding_remedy(a, f,
                       trusted ? "Register the service principal names of %s and address it by its "
                                 "full name; if the forests of %s and %s are declared wrongly, "
                                 "correct the policy."
                               : "Make a two-way forest trust for %s: between forests %s and %s; "
                                 "or, if it exists or a forest is declared wrongly, correct the "
                                 "policy.",
                       server->host->name, party_forest(client)->name, party_forest(server)->name);
    }
}

static void observe_trust(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    if (!is_intersite(client, server)) {
        return;
    }
    const struct policy *p = audit_policy(a);
    const struct forest *one = party_forest(client), *two = party_forest(server);
    bool trusted = policy_kerberos_trust(p, one, two) && policy_kerberos_trust(p, two, one);
    uint16_t port = server->port;
    struct subject subject = {.host = client->host, .peer = server->host};
    if (o->record == RECORD_NTLM) {
        if (trusted && observation_get(o, FACT_NTLM_AUTHENTICATE_PACKET) != NULL &&
            !observation_is(o, FACT_NTLM_VARIANT, "anonymous")) {
            report_trust(a, r, o, true);
        }
    } else if ((port == 445 || port == 1433 || port == 4022) && topology_is_answered(o)) {
        if (trusted) {
            judge_fine(a, r, subject, "Their forests trust each other with Kerberos.");
        } else {
            report_trust(a, r, o, false);
        }
    }
}

static void finish_trust(struct audit *a, const struct rule *r)
{
    judge_expected(a, r, (struct subject){.host = NULL},
                   "No connection between sites of different forests is in the capture.");
}

const struct rule rule_hierarchy_without_trust = {
    .code = "R023",
    .name = "cross-forest-hierarchy-without-kerberos-trust",
    .title = "Sites in different forests without a Kerberos trust",
    .severity = SEVERITY_CRITICAL,
    .statements = "S32 S62 S63 S65",
    .references = "Microsoft Learn: Communications between endpoints in Configuration Manager "
                  "(hierarchies that span forests)\nMicrosoft Learn: Security and privacy for site "
                  "administration",
    .means = "Two sites of one hierarchy are in different forests and replicate, although the "
             "forests have no two-way trust that supports Kerberos, or by NTLM although they do. "
             "Without Kerberos the sites cannot be sure of each other, and a forest that nobody "
             "vouches for gets all data of the hierarchy.",
    .evidence = "An answered connection on 445, 1433 or 4022 between site servers or site "
                "databases of parent and child, in forests between which the policy declares no "
                "two-way forest trust: critical. NTLM between them where it does: high. An "
                "external trust does not count, and a ticket that was not seen proves nothing. A "
                "forest that is declared wrongly looks alike.",
    .remediation = "Make a two-way forest trust; register service principal names.",
    .records = 1u << RECORD_FLOW | 1u << RECORD_NTLM,
    .observe = observe_trust,
    .finish = finish_trust,
};
