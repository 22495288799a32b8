/*
 * rules_coverage_names.c - chapter K: R124 names of another forest that do not resolve.
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
    struct stamp at; /* of the failure that `says` is of: the question, or the answer alone */
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
    if (all->rows[at] != NULL || !make) {
        return all->rows[at];
    }
    if (all->count == LIMIT_LOOKUPS) {
        audit_shed(a);
        return NULL;
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
        l->at = observation_packet_or_own(o, FACT_DNS_REQUEST_PACKET);
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
        l->fallback = strcmp(kind, "llmnr") == 0  ? "LLMNR"
                      : strcmp(kind, "nbns") == 0 ? "NetBIOS names"
                                                  : "mDNS";
        l->fallback_at = observation_packet_or_own(o, FACT_DNS_REQUEST_PACKET);
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
                       .at = &l->at,
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
