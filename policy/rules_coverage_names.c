/*
 * rules_coverage_names.c - chapter K: names and declarations. R124 names of another forest that do
 * not resolve, R125 declarations that the traffic contradicts.
 */
#include <stdio.h>
#include <strings.h>

#include "capture/limits.h"
#include "policy/ledger.h"

/* ---- R124 ---- */

#define ROWS (2u * LIMIT_LOOKUPS)
#define FAILURES_SHOWN 2

struct lookup { /* one host's questions for one host of another forest */
    const struct host *asker, *named;
    uint32_t failed, resolved;
    bool only_silence; /* no name server ever said no */
    struct party client, server;
    char says[12]; /* NXDOMAIN, ... */
    uint64_t flow;
    struct stamp questions[FAILURES_SHOWN], answers[FAILURES_SHOWN];
    int64_t last_ns;
    const char *fallback; /* what it turned to afterwards; NULL: nothing */
    struct stamp fallback_at;
};

struct lookups {
    bool *heard;                        /* by host: name servers' answers to it are captured */
    struct lookup **rows;               /* open addressing */
    struct lookup *list[LIMIT_LOOKUPS]; /* in the order of their first failure or success */
    unsigned count;
};

static struct lookups *lookups_of(struct audit *a, const struct rule *r)
{
    struct lookups *all = audit_state(a, r, sizeof *all);
    if (all != NULL && all->rows == NULL) {
        all->heard = audit_alloc(a, audit_policy(a)->host_count * sizeof *all->heard);
        all->rows = audit_alloc(a, ROWS * sizeof(struct lookup *));
    }
    return all != NULL && all->heard != NULL ? all : NULL;
}

static struct lookup *lookup_of(struct audit *a, struct lookups *all, const struct host *asker,
                                const struct host *named, bool make)
{
    uint64_t mix = (uint64_t)(asker - audit_policy(a)->hosts) << 32 |
                   (uint64_t)(named - audit_policy(a)->hosts);
    unsigned at = (unsigned)(mix * UINT64_C(0x9e3779b97f4a7c15) >> 40) & (ROWS - 1);
    while (all->rows[at] != NULL &&
           (all->rows[at]->asker != asker || all->rows[at]->named != named)) {
        at = (at + 1) & (ROWS - 1);
    }
    if (all->rows[at] != NULL || !make || all->count == LIMIT_LOOKUPS) {
        return all->rows[at];
    }
    struct lookup *l = audit_alloc(a, sizeof *l);
    if (l != NULL) {
        *l = (struct lookup){.asker = asker, .named = named, .only_silence = true};
        all->rows[at] = l;
        all->list[all->count++] = l;
    }
    return l;
}

/* The declared host of another forest that the question is for; NULL: none. */
static const struct host *named_abroad(const struct policy *p, const struct host *asker,
                                       const char *query, bool whole)
{
    char bare[64];
    if (whole != (strchr(query, '.') != NULL) && whole) {
        return NULL;
    }
    if (!whole) { /* NetBIOS writes the kind behind it, mDNS its own domain */
        size_t len = strcspn(query, ".<");
        if (len >= sizeof bare) {
            return NULL;
        }
        (void)snprintf(bare, sizeof bare, "%.*s", (int)len, query);
    }
    const struct host *named = policy_host_named(p, whole ? query : bare);
    return named != NULL && named->forest != NULL && named->forest != asker->forest ? named : NULL;
}

static bool is_failure(const char *rcode)
{
    return strcmp(rcode, "NXDOMAIN") == 0 || strcmp(rcode, "SERVFAIL") == 0 ||
           strcmp(rcode, "REFUSED") == 0 || strcmp(rcode, "timeout") == 0;
}

static void note_failure(struct audit *a, struct lookup *l, const struct observation *o,
                         const char *rcode)
{
    const struct scene *scene = audit_scene(a);
    bool silence = strcmp(rcode, "timeout") == 0;
    if (l->failed == 0 || (l->only_silence && !silence)) {
        l->client = scene->ends[DIR_CLIENT];
        l->server = scene->ends[DIR_SERVER];
        l->flow = o->flow.id;
        (void)snprintf(l->says, sizeof l->says, "%s", rcode);
    }
    if (l->failed < FAILURES_SHOWN) {
        l->questions[l->failed] = observation_packet(o, FACT_DNS_REQUEST_PACKET);
        l->answers[l->failed] = observation_packet(o, FACT_DNS_RESPONSE_PACKET);
    }
    l->failed++;
    l->only_silence &= silence;
    l->last_ns = o->at.ns;
}

static void note_fallback(struct lookup *l, const struct observation *o, const char *kind)
{
    if (l != NULL && l->failed > 0 && l->fallback == NULL) {
        struct stamp question = observation_packet(o, FACT_DNS_REQUEST_PACKET);
        l->fallback = strcmp(kind, "llmnr") == 0  ? "LLMNR"
                      : strcmp(kind, "nbns") == 0 ? "NetBIOS names"
                                                  : "mDNS";
        l->fallback_at = question.order == 0 ? o->at : question;
    }
}

static void observe_resolution(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct policy *p = audit_policy(a);
    const struct party *client = &audit_scene(a)->ends[DIR_CLIENT];
    if (!party_is_site_system(client) || client->host->forest == NULL || p->forest_count < 2 ||
        observation_get(o, FACT_DNS_OPCODE) != NULL) {
        return;
    }
    const char *kind = observation_text(o, FACT_DNS_KIND),
               *query = observation_text(o, FACT_DNS_QUERY);
    const char *rcode = observation_text(o, FACT_DNS_RCODE);
    struct lookups *all = kind == NULL || query == NULL ? NULL : lookups_of(a, r);
    if (all == NULL) {
        return;
    }
    bool dns = strcmp(kind, "dns") == 0;
    all->heard[client->host - p->hosts] |= dns && rcode != NULL && strcmp(rcode, "timeout") != 0;
    const struct host *named = named_abroad(p, client->host, query, dns);
    if (named == NULL || (dns && rcode == NULL)) {
        return;
    }
    struct lookup *l = lookup_of(a, all, client->host, named, dns);
    if (!dns) {
        note_fallback(l, o, kind);
    } else if (l != NULL && is_failure(rcode)) {
        note_failure(a, l, o, rcode);
    } else if (l != NULL) {
        l->resolved += observation_get(o, FACT_DNS_ADDRESSES) != NULL;
    }
}

static void report_lookup(struct audit *a, const struct rule *r, const struct lookup *l)
{
    struct breach b = {.subject = {.host = l->asker, .peer = l->named},
                       .client = &l->client,
                       .server = &l->server,
                       .kind = l->named->name,
                       .confidence = l->only_silence ? CONFIDENCE_DERIVED : CONFIDENCE_PROVEN,
                       .at = &l->questions[0],
                       .flow = l->flow};
    char client[PARTY_TEXT], server[PARTY_TEXT], then[160] = "";
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    for (unsigned i = 0; i < FAILURES_SHOWN && i < l->failed; i++) {
        finding_evidence(a, f, l->questions[i], "question for %s", l->named->name);
        finding_evidence(a, f, l->answers[i], "%s", l->says);
    }
    if (!is_new) {
        return;
    }
    f->count = l->failed;
    f->last_ns = l->last_ns > f->last_ns ? l->last_ns : f->last_ns;
    if (l->fallback != NULL) {
        finding_evidence(a, f, l->fallback_at, "the name asked for by %s", l->fallback);
        (void)snprintf(then, sizeof then,
                       " Afterwards it asked for the name by %s, which anybody who hears it may "
                       "answer.",
                       l->fallback);
    }
    finding_explain(a, f,
                    "%s asked the name server %s for %s, a host of forest %s, and %s%s; no "
                    "question for it was answered in the whole capture.%s",
                    party_text(&l->client, client), party_text(&l->server, server), l->named->name,
                    l->named->forest->name, l->only_silence ? "got no answer" : "was answered ",
                    l->only_silence ? "" : l->says, then);
    finding_remedy(a, f,
                   "Give the name servers of forest %s a conditional forwarder (or a stub zone) "
                   "for the domain of %s, and let DNS pass between them.",
                   l->asker->forest->name, l->named->name);
}

static void finish_resolution(struct audit *a, const struct rule *r)
{
    const struct policy *p = audit_policy(a);
    struct lookups *all = audit_state(a, r, sizeof *all);
    for (unsigned i = 0; all != NULL && i < all->count; i++) {
        const struct lookup *l = all->list[i];
        struct subject subject = {.host = l->asker, .peer = l->named};
        if (l->resolved > 0) {
            judge_fine(a, r, subject, "The name of the other forest's host was resolved.");
        } else if (l->failed == 0) {
            judge_hidden(a, r, subject, "The name exists, but no address of it was given.");
        } else if (l->only_silence && !all->heard[l->asker - p->hosts]) {
            judge_hidden(a, r, subject,
                         "No answer of any name server to it was captured, so a missing one says "
                         "nothing.");
        } else {
            report_lookup(a, r, l);
        }
    }
    if (p->forest_count > 1 && (all == NULL || all->count == 0)) {
        judge_expected(a, r, (struct subject){.host = NULL},
                       "No site system asked a name server for a declared host of another forest; "
                       "cached and encrypted look-ups do not show.");
    }
}

const struct rule rule_cross_forest_name_resolution_failure = {
    .code = "R124",
    .name = "cross-forest-name-resolution-failure",
    .title = "Name of another forest does not resolve",
    .severity = SEVERITY_MEDIUM,
    .statements = "S76 S114",
    .references = "Microsoft Learn: Communications between endpoints in Configuration Manager\n"
                  "RFC 1035 4.1.1\nRFC 4795 5\nMITRE ATT&CK T1557.001",
    .means = "A site system asked for a host of another forest and its name server could not tell. "
             "Sites and roles that span the forests then fail, or Windows goes on by LLMNR or "
             "NetBIOS, whose answers anybody can forge.",
    .evidence = "Questions of a declared site system by DNS for the whole name of a host that is "
                "declared in another forest, answered NXDOMAIN, SERVFAIL or REFUSED, or not at "
                "all although other answers of name servers to it were captured; and the questions "
                "by LLMNR, NetBIOS or mDNS that followed. Not counted: a name that was resolved at "
                "any time in the capture, and names with another suffix behind them, which "
                "resolvers try by themselves. Cached and encrypted look-ups do not show.",
    .remediation = "Conditional forwarders or stub zones between the forests' name servers.",
    .records = 1u << RECORD_DNS,
    .observe = observe_resolution,
    .finish = finish_resolution,
};

/* ---- R125 ---- */

/* What says where a host belongs. */
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
    if (client != NULL && domain != NULL && proof.order != 0 &&
        observation_is(o, FACT_NTLM_RESULT, "success") &&
        is_own_account(client, observation_text(o, FACT_NTLM_USER))) {
        judge_claim(a, r, &(struct claim){domain, "NTLM", DIR_CLIENT, proof});
    }
}

static void observe_claims(struct audit *a, const struct rule *r, const struct observation *o)
{
    if (o->record == RECORD_NTLM) {
        observe_ntlm(a, r, o);
        return;
    }
    const struct host *client = audit_scene(a)->ends[DIR_CLIENT].host;
    const char *realm = observation_text(o, FACT_KERBEROS_REALM);
    if (client != NULL && realm != NULL && observation_is(o, FACT_KERBEROS_EXCHANGE, "as") &&
        observation_get(o, FACT_KERBEROS_ERROR) == NULL &&
        is_own_account(client, observation_text(o, FACT_KERBEROS_CLIENT))) {
        judge_claim(a, r, &(struct claim){realm, "Kerberos", DIR_CLIENT, o->at});
    }
}

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

static void judge_names(void *user, const struct identity_entry *entry)
{
    const struct names_judge *judge = user;
    struct audit *a = judge->audit;
    const struct policy *p = audit_policy(a);
    struct identity_conflict conflict;
    if (!identity_conflict(audit_identity(a), p, &entry->address, NAMED_BY_NO_RELAY, &conflict) ||
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
    identity_walk(audit_identity(a), judge_names, &judge);
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
    .means = "The inventory says one thing of a host and the traffic another: its forest, or where "
             "its name lives. All rules judge by the inventory, so that findings and verdicts "
             "about such a host may be wrong, and say that they depend on it.",
    .evidence = "The domain in a host's own NTLM challenge, in the ticket request and the NTLM "
                "logon of its own computer account, against its declared forest; and whole names "
                "that DNS, DHCP or certificates give to an address, against the addresses "
                "declared for the host of that name. Not counted: a challenge or ticket that "
                "names another host (it was passed on), failed logons, domains that the policy "
                "does not know, proxies and declared address translation.",
    .remediation = "Correct the inventory first, then audit again.",
    .records = 1u << RECORD_NTLM | 1u << RECORD_KERBEROS,
    .observe = observe_claims,
    .finish = finish_claims,
};
