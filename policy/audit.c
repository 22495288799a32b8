#include "policy/audit.h"

#include <stdio.h>
#include <stdlib.h>

#include "policy/audit_state.h"
#include "policy/statements.h"

/* ---- names ---- */

const char *verdict_status_name(enum verdict_status s)
{
    static const char *const names[] = {"violated", "consistent", "not_observed", "not_assessable"};
    return names[s];
}

const char *confidence_name(enum confidence c)
{
    static const char *const names[] = {"inferred", "derived", "proven"};
    return names[c];
}

/* ---- life ---- */

static bool tuned_off(const struct policy *p, unsigned rule, enum severity *ret_severity)
{
    *ret_severity = SEVERITY_OFF;
    for (unsigned i = 0; i < p->tuning_count; i++) {
        if (p->tunings[i].rule == rule) {
            *ret_severity = p->tunings[i].severity;
            return p->tunings[i].off;
        }
    }
    return false;
}

static bool add_rule(struct audit *a, const struct rule *r, enum severity tuned)
{
    if (r == NULL) {
        return false;
    }
    a->running[a->running_count++] = (struct running_rule){.rule = r, .tuned = tuned};
    a->records |= r->records;
    return true;
}

static void list_rules(struct audit *a, unsigned record, bool last)
{
    for (unsigned i = 0; i < a->running_count; i++) {
        const struct rule *r = a->running[i].rule;
        if ((r->records & 1u << record) != 0 && r->last == last) {
            a->asking[record][a->asking_count[record]++] = i;
        }
    }
}

static bool list_asking(struct audit *a)
{
    for (unsigned record = 0; record < RECORD_COUNT; record++) {
        a->asking[record] = calloc(a->running_count + 1, sizeof *a->asking[record]);
        if (a->asking[record] == NULL) {
            return false;
        }
        list_rules(a, record, false);
        list_rules(a, record, true);
    }
    return true;
}

struct audit *audit_new(const struct policy *p)
{
    struct audit *a = calloc(1, sizeof *a);
    if (a == NULL) {
        return NULL;
    }
    a->policy = p;
    arena_pool_init(&a->pool, 0);
    a->arena = arena_new(&a->pool, LIMIT_AUDIT_OCTETS);
    a->running = calloc(rule_count + p->watch_count + 1, sizeof *a->running);
    a->identity = identity_new();
    a->coverage = coverage_new(p);
    a->disputed = calloc(p->host_count + 1, sizeof *a->disputed);
    /* Certificates name hosts as well, where a rule has them read anyway. */
    a->records = (IDENTITY_RECORDS & ~(1u << RECORD_TLS)) | 1u << RECORD_FLOW;
    bool fine = a->arena != NULL && a->running != NULL && a->identity != NULL &&
                a->coverage != NULL && a->disputed != NULL;
    for (unsigned i = 0; fine && i < rule_count; i++) {
        enum severity tuned = SEVERITY_OFF;
        if (!tuned_off(p, i, &tuned)) {
            fine = add_rule(a, rules[i], tuned);
        }
    }
    for (unsigned i = 0; fine && i < p->watch_count; i++) {
        enum severity tuned = SEVERITY_OFF;
        if (!tuned_off(p, rule_names.rule_count + i, &tuned)) {
            fine = add_rule(a, watch_rule_new(a, &p->watches[i]), tuned);
        }
    }
    return fine && list_asking(a) ? a : audit_free(a);
}

struct audit *audit_free(struct audit *a)
{
    if (a != NULL) {
        arena_free(a->arena);
        identity_free(a->identity);
        coverage_free(a->coverage);
        free(a->disputed);
        arena_pool_done(&a->pool);
        free(a->running);
        for (unsigned record = 0; record < RECORD_COUNT; record++) {
            free(a->asking[record]);
        }
        free(a->judgements.slots);
        free(a->findings.slots);
        free(a->sorted_findings);
        free(a->sorted_verdicts);
        free(a->statements);
        free(a);
    }
    return NULL;
}

const struct policy *audit_policy(const struct audit *a)
{
    return a->policy;
}

const struct scene *audit_scene(const struct audit *a)
{
    return &a->scene;
}

uint32_t audit_records(const struct audit *a)
{
    return a->records;
}

const struct rule *audit_rule(const struct audit *a, unsigned place, enum severity *ret_severity)
{
    if (place >= a->running_count) {
        return NULL;
    }
    const struct running_rule *r = &a->running[place];
    *ret_severity = r->tuned != SEVERITY_OFF ? r->tuned : r->rule->severity;
    return r->rule;
}

const struct identity *audit_identity(const struct audit *a)
{
    return a->identity;
}

const struct coverage *audit_coverage(const struct audit *a)
{
    return a->coverage;
}

const struct audit_counts *audit_counts(const struct audit *a)
{
    return &a->counts;
}

void *audit_alloc(struct audit *a, size_t size)
{
    void *got = arena_alloc(a->arena, size);
    a->counts.state_shed += got == NULL;
    return got;
}

void audit_shed(struct audit *a)
{
    a->counts.state_shed++;
}

void *audit_state(struct audit *a, const struct rule *r, size_t size)
{
    (void)r;
    struct running_rule *running = &a->running[a->current];
    if (running->state == NULL) {
        running->state = audit_alloc(a, size);
    }
    return running->state;
}

void audit_keep_fields(struct audit *a)
{
    a->keeps_fields = true;
}

void audit_on_evidence(struct audit *a, void (*tell)(void *user, const struct stamp *at),
                       void *user)
{
    a->cited = tell;
    a->cited_user = user;
}

void audit_dispute(struct audit *a, const struct host *h)
{
    a->disputed[h - a->policy->hosts] = true;
}

void audit_lost(struct audit *a, const struct audit_losses *losses)
{
    a->losses = *losses;
}

const struct audit_losses *audit_losses(const struct audit *a)
{
    return &a->losses;
}

/* How long before a finding a loss may have taken what explains it: rules join what is minutes
 * apart. */
#define BEFORE_NS (INT64_C(600) * 1000000000)

/* ---- observing ---- */

static struct party party_of(struct audit *a, const struct address *address)
{
    struct party *met = &a->met[address_hash(address) & (PARTIES_MET - 1)];
    if (!met->known || !address_equal(&met->address, address)) {
        *met = party_at(a->policy, address);
    }
    return *met;
}

static void look_up(struct audit *a, const struct observation *o)
{
    a->scene.o = o;
    a->scene.policy = a->policy;
    for (int d = 0; d < 2; d++) {
        a->scene.ends[d] = party_of(a, &o->flow.ends[d].address);
        a->scene.ends[d].port = o->flow.ends[d].port;
    }
}

void audit_observe(struct audit *a, const struct observation *o)
{
    uint32_t bit = 1u << o->record;
    a->counts.observations++;
    if ((a->records & bit) == 0) {
        return;
    }
    if ((IDENTITY_RECORDS & bit) != 0) {
        identity_observe(a->identity, o);
    }
    look_up(a, o);
    if (o->record == RECORD_FLOW) {
        coverage_see(a->coverage, o, a->scene.ends);
    }
    for (unsigned i = 0; i < a->asking_count[o->record]; i++) {
        a->current = a->asking[o->record][i];
        const struct rule *r = a->running[a->current].rule;
        r->observe(a, r, o);
    }
}

/* ---- the end ---- */

static int compare_party(const struct party *x, const struct party *y)
{
    if (x->known != y->known) {
        return x->known ? 1 : -1;
    }
    int by_address = memcmp(x->address.octets, y->address.octets, sizeof x->address.octets);
    return by_address != 0 ? by_address : (x->port > y->port) - (x->port < y->port);
}

/* Most that are compared are of one rule. */
static int compare_rules(const struct rule *x, const struct rule *y)
{
    int by = x == y ? 0 : strcmp(x->code, y->code);
    return x == y || by != 0 ? by : strcmp(x->name, y->name);
}

static int compare_findings(const void *left, const void *right)
{
    const struct finding *x = *(const struct finding *const *)left,
                         *y = *(const struct finding *const *)right;
    bool x_accepted = x->accepted != NULL && !x->acceptance_expired;
    bool y_accepted = y->accepted != NULL && !y->acceptance_expired;
    if (x_accepted != y_accepted) {
        return x_accepted ? 1 : -1;
    }
    if (x->severity != y->severity) {
        return x->severity > y->severity ? -1 : 1;
    }
    int by = compare_rules(x->rule, y->rule);
    by = by != 0 ? by : compare_party(&x->client, &y->client);
    by = by != 0 ? by : compare_party(&x->server, &y->server);
    return by != 0 ? by : strcmp(x->id, y->id);
}

static int compare_verdicts(const void *left, const void *right)
{
    const struct verdict *x = *(const struct verdict *const *)left,
                         *y = *(const struct verdict *const *)right;
    int by = compare_rules(x->rule, y->rule);
    return by != 0 ? by : strcmp(x->subject, y->subject);
}

static const char *join(struct audit *a, const char *first, const char *second)
{
    char text[1200];
    if (first == NULL || second == NULL) {
        return first == NULL ? "" : first;
    }
    (void)snprintf(text, sizeof text, "%s Not seen: %s", first, second);
    const char *kept = ledger_keep(a, text);
    return kept == NULL ? "" : kept;
}

/* Whether what is missing could have broken the rule: who opened a connection is told by its first
 * packets, all else by any of them. */
static bool may_miss(const struct rule *r, const struct sight *s)
{
    bool content = (r->records & ~(1u << RECORD_FLOW)) != 0;
    return s->one_sided + s->midstream > 0 || (content && s->gaps > 0);
}

static bool is_partial(const struct audit *a, const struct judgement *j)
{
    const struct subject *s = &j->subject;
    const struct host *hosts[] = {s->host, s->peer};
    const struct rule *r = j->verdict.rule;
    bool partial = a->losses.dropped + a->losses.cut_files + a->losses.given_up + a->losses.away +
                       a->losses.restarts + a->losses.shed >
                   0;
    for (int i = 0; i < 2 && !partial && hosts[i] != NULL; i++) {
        struct sight sight = coverage_sight(a->coverage, &(struct matrix_end){.host = hosts[i]});
        partial = may_miss(r, &sight);
    }
    if (s->host == NULL && !partial) {
        struct sight sight = coverage_whole(a->coverage);
        partial = may_miss(r, &sight);
    }
    /* Without records it judges what was seen at all, not what else there may have been. */
    return partial && r->records != 0;
}

static void settle(struct audit *a, struct judgement *j)
{
    struct verdict *v = &j->verdict;
    v->observed = j->breaches + j->fine + j->hidden;
    if (j->breaches > 0) {
        v->status = VERDICT_VIOLATED;
        v->because = join(a,
                          j->worst != NULL          ? j->worst->explanation
                          : j->told_because != NULL ? j->told_because
                                                    : "breaches past the limit of findings",
                          NULL);
    } else if (j->fine > 0) {
        v->status = VERDICT_CONSISTENT;
        v->because = join(a, j->fine_because, j->hidden_because);
        v->partial = is_partial(a, j);
        a->counts.partial += v->partial;
    } else if (j->hidden > 0) {
        v->status = VERDICT_NOT_ASSESSABLE;
        v->because = join(a, j->hidden_because, NULL);
    } else {
        v->status = VERDICT_NOT_OBSERVED;
        v->because = join(a, j->missing_because, NULL);
    }
    a->counts.verdicts[v->status]++;
}

static void *gather(const struct ledger_table *t)
{
    const void **all = calloc(t->count + 1, sizeof *all);
    size_t n = 0;
    for (size_t i = 0; all != NULL && i < t->room; i++) {
        if (t->slots[i].item != NULL) {
            all[n++] = t->slots[i].item;
        }
    }
    return all;
}

/* A name may be learned after the breach. */
static void settle_party(const struct audit *a, struct party *p)
{
    if (p->known && p->host == NULL) {
        p->learned = identity_names(a->identity, &p->address);
    }
}

static void say_also(struct audit *a, struct finding *f, const char *text)
{
    char whole[2400];
    (void)snprintf(whole, sizeof whole, "%s%s", f->explanation == NULL ? "" : f->explanation, text);
    f->explanation = ledger_keep(a, whole);
}

/* A finding that stands on a declaration in doubt says so; R125 itself is that doubt. */
static void settle_dispute(struct audit *a, struct finding *f)
{
    const struct host *ends[] = {f->client.host, f->server.host};
    for (int i = 0; i < 2; i++) {
        const struct host *h = ends[i];
        if (h != NULL && a->disputed[h - a->policy->hosts] &&
            f->rule != &rule_policy_inconsistent) {
            char text[400];
            (void)snprintf(text, sizeof text,
                           " Depends on the declaration of %s (line %u of the policy), which the "
                           "traffic contradicts (R125).",
                           h->name, h->place.line);
            say_also(a, f, text);
        }
    }
}

/* Whether packets were lost while it was seen, or shortly before. */
static bool seen_in_loss(const struct audit *a, const struct finding *f)
{
    for (size_t i = 0; i < a->losses.interval_count; i++) {
        const struct loss_interval *lost = &a->losses.intervals[i];
        if (lost->from_ns <= f->last_ns && f->first_ns - BEFORE_NS < lost->to_ns) {
            return true;
        }
    }
    return false;
}

/* What joins observations may lack the one that would have explained it. */
static void settle_losses(struct audit *a, struct finding *f)
{
    const struct host *ends[] = {f->client.host, f->server.host};
    bool joined = f->confidence == CONFIDENCE_DERIVED && f->rule->records != 0;
    if (joined && seen_in_loss(a, f)) {
        say_also(a, f,
                 " Packets were lost at that time (R120); what would explain this may be among "
                 "them.");
        return;
    }
    for (int i = 0; i < 2 && joined; i++) {
        struct sight s = {0};
        if (ends[i] != NULL) {
            s = coverage_sight(a->coverage, &(struct matrix_end){.host = ends[i]});
        }
        if (s.gaps + s.one_sided > 0) {
            say_also(
                a, f,
                " Part of the traffic is missing (R120); what would explain this may be in it.");
            return;
        }
    }
}

/* Of several acceptances the one that lasts longest: a risk that is accepted anew is accepted. */
const struct acceptance *audit_acceptance(const struct audit *a, const struct finding *f)
{
    static const struct address nobody;
    const struct policy *p = a->policy;
    const struct address *client = f->client.known ? &f->client.address : &nobody;
    const struct address *server = f->server.known ? &f->server.address : &nobody;
    const struct acceptance *found = NULL;
    for (unsigned i = 0; i < p->acceptance_count; i++) {
        const struct acceptance *c = &p->acceptances[i];
        const char *name = c->rule < rule_names.rule_count
                               ? rule_names.rule_name(c->rule)
                               : p->watches[c->rule - rule_names.rule_count].name;
        if ((found == NULL || c->until_ns > found->until_ns) && strcmp(name, f->rule->name) == 0 &&
            selector_matches(p, &c->client, client) && selector_matches(p, &c->server, server)) {
            found = c;
        }
    }
    return found;
}

/* Only now: the clients of a finding are known when all were seen. */
static void settle_finding(struct audit *a, struct finding *f)
{
    settle_party(a, &f->client);
    settle_party(a, &f->server);
    settle_dispute(a, f);
    settle_losses(a, f);
    f->accepted = audit_acceptance(a, f);
    if (f->accepted != NULL && f->last_ns > f->accepted->until_ns) {
        f->acceptance_expired = true;
        char text[160];
        (void)snprintf(text, sizeof text, " This risk was accepted until %s; that time is over.",
                       f->accepted->until);
        say_also(a, f, text);
    }
    if (f->accepted != NULL && !f->acceptance_expired) {
        a->counts.accepted++;
    } else {
        a->counts.findings[f->severity]++;
    }
}

void audit_finish(struct audit *a)
{
    a->counts.names_shed = identity_shed(a->identity);
    a->scene = (struct scene){.policy = a->policy};
    a->counts.paths_shed = coverage_shed(a->coverage);
    for (unsigned i = 0; i < a->running_count; i++) {
        a->current = i;
        if (a->running[i].rule->finish != NULL) {
            a->running[i].rule->finish(a, a->running[i].rule);
        }
    }
    /* A kept finding and a judgement begin with what is shown of them. */
    a->sorted_findings = gather(&a->findings);
    a->sorted_verdicts = gather(&a->judgements);
    for (size_t i = 0; i < a->findings.room; i++) {
        if (a->findings.slots[i].item != NULL) {
            settle_finding(a, &((struct kept_finding *)a->findings.slots[i].item)->shown);
        }
    }
    for (size_t i = 0; i < a->judgements.room; i++) {
        if (a->judgements.slots[i].item != NULL) {
            settle(a, a->judgements.slots[i].item);
        }
    }
    if (a->sorted_findings != NULL) {
        qsort(a->sorted_findings, a->findings.count, sizeof *a->sorted_findings, compare_findings);
    }
    if (a->sorted_verdicts != NULL) {
        qsort(a->sorted_verdicts, a->judgements.count, sizeof *a->sorted_verdicts,
              compare_verdicts);
    }
    a->statements = statements_judge(a);
}

const struct statement_verdict *audit_statements(const struct audit *a, size_t *ret_count)
{
    *ret_count = a->statements == NULL ? 0 : statement_count;
    return a->statements;
}

const struct finding *const *audit_findings(const struct audit *a, size_t *ret_count)
{
    *ret_count = a->sorted_findings == NULL ? 0 : a->findings.count;
    return a->sorted_findings;
}

const struct verdict *const *audit_verdicts(const struct audit *a, size_t *ret_count)
{
    *ret_count = a->sorted_verdicts == NULL ? 0 : a->judgements.count;
    return a->sorted_verdicts;
}
