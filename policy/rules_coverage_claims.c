/*
 * rules_coverage_claims.c - chapter K: R125 declarations that the traffic contradicts: of what a
 * host says of its forest, of what others call its address, of roles that it does not have.
 */
#include <stdio.h>
#include <strings.h>

#include "policy/ledger.h"
#include "policy/web_roles.h"

/* ---- what is kept ---- */

#define MACHINES 2  /* of another forest make a network contradict its declaration */
#define NOT_FOUND 3 /* answers make a declared role contradict the host */

struct members { /* of one client network: whose machines log on */
    bool own;    /* of the declared forest as well */
    unsigned strangers;
    const struct forest *forest; /* of the strangers, all of one */
    struct party machines[MACHINES];
    struct stamp at[MACHINES];
    uint64_t flow;
};

struct paths_of_role { /* of one host: what its role's paths were answered with */
    role_set served;   /* something else than 404 */
    uint8_t missing[ROLE_COUNT];
    struct stamp first[ROLE_COUNT];
    struct party server;
    uint64_t flow;
};

struct contradictions {
    struct members *groups; /* by client network */
    struct paths_of_role *
        *hosts; /* by host; NULL: none of its roles' paths was missing or served */
};

static struct contradictions *contradictions_of(struct audit *a, const struct rule *r)
{
    struct contradictions *c = audit_state(a, r, sizeof *c);
    if (c != NULL && c->hosts == NULL) {
        const struct policy *p = audit_policy(a);
        c->groups = audit_alloc(a, (p->group_count + 1) * sizeof *c->groups);
        c->hosts = audit_alloc(a, (p->host_count + 1) * sizeof(struct paths_of_role *));
    }
    return c != NULL && c->groups != NULL ? c : NULL;
}

/* ---- what hosts say of their forest ---- */

struct claim {
    const char *domain, *by; /* "Kerberos", "NTLM" */
    enum dir end;            /* whose */
    struct stamp at;
};

static const char *declared_as(const struct host *h)
{
    return h->workgroup ? "in a workgroup" : h->forest == NULL ? "" : h->forest->name;
}

static void report_claim(struct audit *a, const struct rule *r, const struct claim *claim,
                         const struct forest *stated)
{
    const struct scene *scene = audit_scene(a);
    const struct party *party = &scene->ends[claim->end];
    const struct host *h = party->host;
    struct breach b = {.subject = {.host = h},
                       .client = claim->end == DIR_CLIENT ? party : NULL,
                       .server = claim->end == DIR_SERVER ? party : NULL,
                       .any_client = true,
                       .kind = stated->name,
                       .confidence = CONFIDENCE_PROVEN,
                       .at = &claim->at};
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, claim->at, "%s: domain %.100s", claim->by, claim->domain);
    audit_dispute(a, h);
    if (is_new) {
        finding_explain(a, f,
                        "%s is declared %s%s (line %u of the policy), but says by %s that it is in "
                        "domain %.100s, which belongs to forest %s.",
                        h->name, h->workgroup ? "" : "in forest ", declared_as(h), h->place.line,
                        claim->by, claim->domain, stated->name);
        finding_remedy(a, f,
                       "Correct `forest` of %s, or the domains of the forests, in the policy "
                       "first: findings about this host rest on it.",
                       h->name);
    }
}

static void judge_claim(struct audit *a, const struct rule *r, const struct claim *claim)
{
    const struct host *h = audit_scene(a)->ends[claim->end].host;
    const struct forest *stated = policy_forest_of_domain(audit_policy(a), claim->domain);
    struct subject subject = {.host = h};
    if (!h->workgroup && h->forest == NULL) {
        return; /* nothing is declared that could be contradicted */
    }
    if (stated == NULL) {
        judge_hidden(a, r, subject, "It names a domain that the policy does not know.");
    } else if (stated == h->forest) {
        judge_fine(a, r, subject, "It says that it is in the forest that is declared for it.");
    } else {
        report_claim(a, r, claim, stated);
    }
}

/* "CM01$" is the account of host cm01 itself. */
static bool is_own_account(const struct host *h, const char *account)
{
    size_t len = account == NULL ? 0 : strlen(account);
    return len > 1 && account[len - 1] == '$' && strlen(h->short_name) == len - 1 &&
           strncasecmp(h->short_name, account, len - 1) == 0;
}

/* A machine of a client network that proved to belong to a forest. */
static void note_member(struct audit *a, const struct rule *r, const struct claim *claim,
                        const char *account)
{
    const struct party *client = &audit_scene(a)->ends[DIR_CLIENT];
    const struct client_group *group = client->group;
    size_t len = account == NULL ? 0 : strlen(account);
    if (group == NULL || group->forest == NULL || len < 2 || account[len - 1] != '$') {
        return;
    }
    const struct forest *stated = policy_forest_of_domain(audit_policy(a), claim->domain);
    struct contradictions *c = stated == NULL ? NULL : contradictions_of(a, r);
    struct members *m = c == NULL ? NULL : &c->groups[group - audit_policy(a)->groups];
    if (m == NULL || stated == group->forest) {
        if (m != NULL) {
            m->own = true;
        }
        return;
    }
    bool same =
        m->strangers > 0 && address_equal(&m->machines[m->strangers - 1].address, &client->address);
    if (!same && m->strangers < MACHINES && (m->forest == NULL || m->forest == stated)) {
        m->forest = stated;
        m->machines[m->strangers] = *client;
        m->at[m->strangers++] = claim->at;
        m->flow = audit_scene(a)->o->flow.id;
    }
}

static void observe_ntlm(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct host *client = scene->ends[DIR_CLIENT].host,
                      *server = scene->ends[DIR_SERVER].host;
    const char *name = observation_text(o, FACT_NTLM_SERVER_NAME);
    const char *domain = observation_text(o, FACT_NTLM_SERVER_DNS_DOMAIN);
    domain = domain != NULL ? domain : observation_text(o, FACT_NTLM_SERVER_DOMAIN);
    struct stamp challenge = observation_packet(o, FACT_NTLM_CHALLENGE_PACKET);
    /* Somebody else's challenge, passed on, says nothing of this host. */
    if (server != NULL && name != NULL && domain != NULL && challenge.order != 0 &&
        strcasecmp(name, server->short_name) == 0 && strcasecmp(domain, name) != 0) {
        judge_claim(a, r, &(struct claim){domain, "NTLM", DIR_SERVER, challenge});
    }
    domain = observation_text(o, FACT_NTLM_DOMAIN);
    struct stamp proof = observation_packet(o, FACT_NTLM_AUTHENTICATE_PACKET);
    const char *user = observation_text(o, FACT_NTLM_USER);
    const struct claim claim = {domain, "NTLM", DIR_CLIENT, proof};
    if (domain == NULL || proof.order == 0 || !observation_is(o, FACT_NTLM_RESULT, "success")) {
        return;
    }
    if (client == NULL) {
        note_member(a, r, &claim, user);
    } else if (is_own_account(client, user)) {
        judge_claim(a, r, &claim);
    }
}

static void observe_kerberos(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct host *client = audit_scene(a)->ends[DIR_CLIENT].host;
    const char *account = observation_text(o, FACT_KERBEROS_CLIENT);
    const struct claim claim = {observation_text(o, FACT_KERBEROS_REALM), "Kerberos", DIR_CLIENT,
                                o->at};
    if (claim.domain == NULL || !observation_is(o, FACT_KERBEROS_EXCHANGE, "as") ||
        observation_get(o, FACT_KERBEROS_ERROR) != NULL) {
        return;
    }
    if (client == NULL) {
        note_member(a, r, &claim, account);
    } else if (is_own_account(client, account)) {
        judge_claim(a, r, &claim);
    }
}

/* ---- roles that a host does not have ---- */

/* A distribution point lacks content that was never sent to it. */
#define ROLES_WITH_PATHS                                                                           \
    (WEB_ROLES & ~(ROLE_BIT(ROLE_DISTRIBUTION_POINT) | ROLE_BIT(ROLE_PULL_DISTRIBUTION_POINT) |    \
                   ROLE_BIT(ROLE_CLOUD_DISTRIBUTION_POINT)))

static struct paths_of_role *paths_of(struct audit *a, const struct rule *r, const struct host *h)
{
    struct contradictions *c = contradictions_of(a, r);
    struct paths_of_role **slot = c == NULL ? NULL : &c->hosts[h - audit_policy(a)->hosts];
    if (slot != NULL && *slot == NULL) {
        *slot = audit_alloc(a, sizeof **slot);
    }
    return slot == NULL ? NULL : *slot;
}

static void observe_http(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct party *server = &audit_scene(a)->ends[DIR_SERVER];
    role_set asked = party_roles(server) & ROLES_WITH_PATHS;
    uint64_t status = asked == 0 ? 0 : observation_number(o, FACT_HTTP_STATUS, 0);
    struct paths_of_role *p = status == 0 ? NULL : paths_of(a, r, server->host);
    if (p == NULL || (asked & ~p->served) == 0) {
        return;
    }
    enum role role = role_of_path(web_path(o));
    if (role == ROLE_COUNT || (asked & ROLE_BIT(role)) == 0) {
        return;
    }
    p->server = *server;
    if (status != 404) {
        p->served |= ROLE_BIT(role);
    } else if (p->missing[role] < NOT_FOUND) {
        p->first[role] = p->missing[role]++ == 0 ? o->at : p->first[role];
        p->flow = o->flow.id;
    }
}

static void report_missing_role(struct audit *a, const struct rule *r,
                                const struct paths_of_role *p, const struct role_instance *role)
{
    const struct host *h = p->server.host;
    struct breach b = {.subject = {.host = h, .role = role},
                       .server = &p->server,
                       .kind = role_name(role->role),
                       .confidence = CONFIDENCE_DERIVED,
                       .at = &p->first[role->role],
                       .flow = p->flow};
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, p->first[role->role], "404 for a path of %s", role_name(role->role));
    audit_dispute(a, h);
    if (is_new) {
        finding_explain(a, f,
                        "%s is declared as %s (line %u of the policy), but answered every request "
                        "for that role's paths with 404 Not Found, at least %u times.",
                        h->name, role_name(role->role), role->place.line, (unsigned)NOT_FOUND);
        finding_remedy(a, f,
                       "If the role was moved, correct `roles` of %s in the policy; if not, see "
                       "why its web application is not there.",
                       h->name);
    }
}

static void finish_roles(struct audit *a, const struct rule *r, const struct paths_of_role *p)
{
    const struct host *h = p == NULL ? NULL : p->server.host;
    for (unsigned i = 0; h != NULL && i < h->role_count; i++) {
        const struct role_instance *role = &h->roles[i];
        if ((p->served & ROLE_BIT(role->role)) != 0) {
            judge_fine(a, r, (struct subject){.host = h, .role = role},
                       "Paths of this role were there.");
        } else if (p->missing[role->role] == NOT_FOUND) {
            report_missing_role(a, r, p, role);
        }
    }
}

static void finish_members(struct audit *a, const struct rule *r, const struct client_group *group,
                           const struct members *m)
{
    if (m->own) {
        judge_fine(a, r, (struct subject){.host = NULL},
                   "Machines of client networks log on in the forest that is declared for them.");
    }
    if (m->own || m->strangers < MACHINES) {
        return;
    }
    struct breach b = {.subject = {.host = NULL},
                       .client = &m->machines[0],
                       .kind = group->name,
                       .confidence = CONFIDENCE_DERIVED,
                       .at = &m->at[0],
                       .flow = m->flow};
    char first[PARTY_TEXT], second[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    for (unsigned i = 0; i < MACHINES; i++) {
        finding_evidence(a, f, m->at[i], "a computer account of forest %s", m->forest->name);
    }
    if (is_new) {
        finding_explain(a, f,
                        "The client network %s is declared in forest %s (line %u of the policy), "
                        "but its machines, %s and %s among them, log on in forest %s, and none in "
                        "the declared one.",
                        group->name, group->forest->name, group->place.line,
                        party_text(&m->machines[0], first), party_text(&m->machines[1], second),
                        m->forest->name);
        finding_remedy(a, f,
                       "Correct `forest` of the client network %s in the policy: rules about "
                       "clients and forests rest on it.",
                       group->name);
    }
}

static void observe_claims(struct audit *a, const struct rule *r, const struct observation *o)
{
    if (o->record == RECORD_NTLM) {
        observe_ntlm(a, r, o);
    } else if (o->record == RECORD_HTTP) {
        observe_http(a, r, o);
    } else {
        observe_kerberos(a, r, o);
    }
}

/* ---- what others call an address ---- */

struct names_judge {
    struct audit *audit;
    const struct rule *rule;
};

/* Addresses behind which others are reached, under their names. */
static bool stands_for_others(const struct policy *p, const struct address *address,
                              const struct host *there)
{
    const role_set front = ROLE_BIT(ROLE_WEB_PROXY) | ROLE_BIT(ROLE_CLOUD_MANAGEMENT_GATEWAY);
    bool translated = there != NULL && (there->role_bits & front) != 0;
    for (unsigned i = 0; i < p->translator_count && !translated; i++) {
        translated = prefix_holds(&p->translators[i], address);
    }
    return translated;
}

/* Whoever declares none of its IPv6 addresses says nothing of them. */
static bool declares_such(const struct host *h, const struct address *address)
{
    bool such = false;
    for (unsigned i = 0; i < h->address_count && !such; i++) {
        such = address_is_v4(&h->addresses[i]) == address_is_v4(address);
    }
    return such;
}

static void judge_names(void *user, const struct identity_entry *entry)
{
    const struct names_judge *judge = user;
    struct audit *a = judge->audit;
    const struct policy *p = audit_policy(a);
    struct identity_conflict conflict;
    if (!identity_conflict(audit_identity(a), p, &entry->address, NAMED_BY_NO_RELAY, &conflict) ||
        !declares_such(conflict.named, &entry->address) ||
        stands_for_others(p, &entry->address, conflict.declared)) {
        return;
    }
    struct party party = {.known = true,
                          .address = entry->address,
                          .host = conflict.declared,
                          .group =
                              conflict.declared == NULL ? policy_group(p, &entry->address) : NULL,
                          .zone = policy_zone(p, &entry->address)};
    struct breach b = {.subject = {.host = conflict.named},
                       .server = &party,
                       .kind = conflict.named->name,
                       .confidence = CONFIDENCE_DERIVED,
                       .at = &conflict.name->at};
    char text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, judge->rule, &b, &is_new);
    finding_evidence(a, f, conflict.name->at, "%s names the address %s",
                     name_source_text(conflict.name->source), conflict.name->name);
    audit_dispute(a, conflict.named);
    if (conflict.declared != NULL) {
        audit_dispute(a, conflict.declared);
    }
    if (is_new) {
        finding_explain(a, f,
                        "By %s the address %s is %s, whose declared addresses (line %u of the "
                        "policy) are others.",
                        name_source_text(conflict.name->source), party_text(&party, text),
                        conflict.name->name, conflict.named->place.line);
        finding_remedy(a, f,
                       "If %s has this address, declare it; if not, find out who uses the name. "
                       "Until then findings about these hosts rest on a declaration in doubt.",
                       conflict.named->name);
    }
}

static void finish_claims(struct audit *a, const struct rule *r)
{
    struct names_judge judge = {a, r};
    const struct policy *p = audit_policy(a);
    struct contradictions *c = contradictions_of(a, r);
    identity_walk(audit_identity(a), judge_names, &judge);
    for (unsigned i = 0; c != NULL && i < p->host_count; i++) {
        finish_roles(a, r, c->hosts[i]);
    }
    for (unsigned i = 0; c != NULL && i < p->group_count; i++) {
        finish_members(a, r, &p->groups[i], &c->groups[i]);
    }
    expect_hosts(a, r, role_site_systems(),
                 "Nothing that this host says of its name and domain is in the capture.");
}

const struct rule rule_policy_inconsistent = {
    .code = "R125",
    .name = "policy-inconsistent",
    .title = "Traffic contradicts a declaration of the policy",
    .severity = SEVERITY_INFO,
    .statements = "",
    .references = "RFC 4120 6.1\n[MS-NLMP] 2.2.2.1\nRFC 1035 3.4.1",
    .means = "The inventory says one thing of a host and the traffic another: its forest, its "
             "roles, or where its name lives. All rules judge by the inventory, so that what they "
             "say of such a host may be wrong; findings about it say on which declaration they "
             "depend.",
    .evidence =
        "The domain in a host's own NTLM challenge, in the ticket request and the NTLM "
        "logon of its own computer account, against its declared forest; and whole names "
        "that DNS, DHCP or certificates give to an address, against the addresses "
        "declared for the host of that name. Further, a client network of which two machines "
        "or more log on in another forest and none in its own; and a declared web role "
        "whose paths were answered 404 three times and never otherwise. Not counted: a challenge "
        "or ticket that names another host (it was passed on), failed logons, domains that the "
        "policy "
        "does not know, proxies, declared address translation, and IPv6 addresses of hosts "
        "that declare none.",
    .remediation = "Correct the inventory first, then audit again.",
    .records = 1u << RECORD_NTLM | 1u << RECORD_KERBEROS | 1u << RECORD_HTTP,
    .observe = observe_claims,
    .finish = finish_claims,
};
