#include "policy/ledger.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "dissect/text.h"
#include "policy/audit_state.h"

/* ---- tables ---- */

static bool table_grow(struct ledger_table *t)
{
    size_t room = t->room == 0 ? 256 : 2 * t->room;
    struct ledger_slot *grown = calloc(room, sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    for (size_t i = 0; i < t->room; i++) {
        if (t->slots[i].item != NULL) {
            size_t at = t->slots[i].hash & (room - 1);
            while (grown[at].item != NULL) {
                at = (at + 1) & (room - 1);
            }
            grown[at] = t->slots[i];
        }
    }
    free(t->slots);
    t->slots = grown;
    t->room = room;
    return true;
}

/* The slot of the item that `same` accepts, or the empty one where it belongs; NULL when memory is
 * used up. */
static struct ledger_slot *table_find(struct ledger_table *t, uint64_t hash,
                                      bool (*same)(const void *item, const void *key),
                                      const void *key)
{
    if (2 * (t->count + 1) > t->room && !table_grow(t)) {
        return NULL;
    }
    size_t at = hash & (t->room - 1);
    while (t->slots[at].item != NULL &&
           !(t->slots[at].hash == hash && same(t->slots[at].item, key))) {
        at = (at + 1) & (t->room - 1);
    }
    return &t->slots[at];
}

/* A sentence may have been cut inside a character of a name from traffic: what is kept is valid
 * UTF-8 again. */
char *ledger_keep(struct audit *a, const char *text)
{
    size_t len = strlen(text), room = len + 16;
    char *copy = arena_alloc(a->arena, room);
    if (copy == NULL) {
        a->counts.state_shed++;
        return NULL;
    }
    (void)text_from_utf8(bytes_of(text, len), copy, room);
    return copy;
}

static char *keep_format(struct audit *a, const char *format, va_list args)
{
    char text[2048];
    (void)vsnprintf(text, sizeof text, format, args);
    return ledger_keep(a, text);
}

/* ---- verdicts ---- */

struct judgement_key {
    const struct rule *rule;
    struct subject subject;
};

static bool same_judgement(const void *item, const void *key)
{
    const struct judgement *j = item;
    const struct judgement_key *k = key;
    return j->verdict.rule == k->rule && j->subject.host == k->subject.host &&
           j->subject.role == k->subject.role && j->subject.peer == k->subject.peer;
}

static const char *subject_text(struct audit *a, const struct subject *s)
{
    char text[600];
    if (s->host == NULL) {
        return "hierarchy";
    }
    if (s->peer == NULL && s->role == NULL) {
        return s->host->name; /* the policy outlives the audit */
    }
    if (s->peer != NULL) {
        (void)snprintf(text, sizeof text, "%s -> %s", s->host->name, s->peer->name);
    } else {
        (void)snprintf(text, sizeof text, "%s %s", s->host->name, role_name(s->role->role));
    }
    return ledger_keep(a, text);
}

static struct judgement *judgement_of(struct audit *a, const struct rule *r,
                                      const struct subject *s)
{
    struct judgement_key key = {.rule = r, .subject = *s};
    /* Places in a table only: the output is sorted, so that addresses of memory may decide here. */
    uint64_t hash = (uint64_t)(uintptr_t)r * UINT64_C(0x9e3779b97f4a7c15);
    hash = (hash ^ hash >> 32 ^ (uintptr_t)s->host) * UINT64_C(0xbf58476d1ce4e5b9);
    hash = (hash ^ hash >> 29 ^ (uintptr_t)s->role ^ (uintptr_t)s->peer << 1) *
           UINT64_C(0x94d049bb133111eb);
    hash ^= hash >> 32;
    struct ledger_slot *slot = table_find(&a->judgements, hash, same_judgement, &key);
    if (slot == NULL || (slot->item == NULL && a->judgements.count >= LIMIT_SUBJECTS)) {
        a->counts.subjects_shed++;
        return NULL;
    }
    if (slot->item == NULL) {
        struct judgement *j = arena_alloc(a->arena, sizeof *j);
        const char *text = j == NULL ? NULL : subject_text(a, s);
        if (text == NULL) {
            a->counts.subjects_shed++;
            return NULL;
        }
        j->subject = *s;
        j->verdict.rule = r;
        j->verdict.subject = text;
        *slot = (struct ledger_slot){.hash = hash, .item = j};
        a->judgements.count++;
    }
    return slot->item;
}

void judge_fine(struct audit *a, const struct rule *r, struct subject s, const char *because)
{
    struct judgement *j = judgement_of(a, r, &s);
    if (j != NULL && j->fine++ == 0) {
        j->fine_because = ledger_keep(a, because);
    }
}

void judge_fine_with(struct audit *a, const struct rule *r, struct subject s, const char *format,
                     const char *value)
{
    struct judgement *j = judgement_of(a, r, &s);
    if (j != NULL && j->fine++ == 0) {
        char text[300];
        (void)snprintf(text, sizeof text, format, value);
        j->fine_because = ledger_keep(a, text);
    }
}

void judge_hidden(struct audit *a, const struct rule *r, struct subject s, const char *because)
{
    struct judgement *j = judgement_of(a, r, &s);
    if (j != NULL && j->hidden++ == 0) {
        j->hidden_because = ledger_keep(a, because);
    }
}

void judge_told(struct audit *a, const struct rule *r, struct subject s, const char *because)
{
    struct judgement *j = judgement_of(a, r, &s);
    if (j != NULL && j->breaches++ == 0) {
        j->told_because = ledger_keep(a, because);
    }
}

bool flow_is_claimed(const struct audit *a, uint64_t flow)
{
    return a->claimed[flow % FLOWS_CLAIMED] == flow;
}

/* What the sensor does not see cannot be missed. */
static bool is_out_of_sight(const struct audit *a, const struct host *h)
{
    const struct sensor *sensor = &a->policy->sensor;
    if (sensor->see_count == 0 || h == NULL || h->address_count == 0) {
        return false;
    }
    for (unsigned i = 0; i < h->address_count; i++) {
        const struct zone *zone = policy_zone(a->policy, &h->addresses[i]);
        for (unsigned k = 0; k < sensor->see_count; k++) {
            if (sensor->sees[k] == zone) {
                return false;
            }
        }
    }
    return true;
}

/* `kept` lives as long as the audit. */
static void expect(struct audit *a, const struct rule *r, struct subject s, const char *kept)
{
    struct judgement *j = judgement_of(a, r, &s);
    if (j != NULL && j->breaches + j->fine + j->hidden == 0) {
        j->missing_because =
            is_out_of_sight(a, s.host) ? "The sensor does not see the zone where it stands." : kept;
    }
}

void judge_expected(struct audit *a, const struct rule *r, struct subject s, const char *because)
{
    expect(a, r, s, ledger_keep(a, because));
}

void expect_roles(struct audit *a, const struct rule *r, role_set roles, const char *because)
{
    const struct policy *p = a->policy;
    const char *kept = ledger_keep(a, because); /* one for all of a large hierarchy */
    for (unsigned h = 0; h < p->host_count; h++) {
        for (unsigned i = 0; i < p->hosts[h].role_count; i++) {
            const struct role_instance *role = &p->hosts[h].roles[i];
            if ((roles & ROLE_BIT(role->role)) != 0) {
                expect(a, r, (struct subject){.host = &p->hosts[h], .role = role}, kept);
            }
        }
    }
}

void expect_hosts(struct audit *a, const struct rule *r, role_set roles, const char *because)
{
    const struct policy *p = a->policy;
    const char *kept = ledger_keep(a, because);
    for (unsigned h = 0; h < p->host_count; h++) {
        if ((p->hosts[h].role_bits & roles) != 0) {
            expect(a, r, (struct subject){.host = &p->hosts[h]}, kept);
        }
    }
}

/* ---- findings ---- */

struct finding_key {
    const struct rule *rule;
    size_t len;
    char text[512];
};

static bool same_finding(const void *item, const void *key)
{
    const struct kept_finding *f = item;
    const struct finding_key *k = key;
    return f->shown.rule == k->rule && strcmp(f->key, k->text) == 0;
}

/* Made for every breach, so without printf. What does not fit is left out. */
static void key_add(struct finding_key *key, const char *text)
{
    size_t len = strlen(text), room = sizeof key->text - 1 - key->len;
    len = len < room ? len : room;
    memcpy(key->text + key->len, text, len);
    key->len += len;
    key->text[key->len] = '\0';
}

static void key_add_port(struct finding_key *key, uint16_t port)
{
    char text[1 + TEXT_DECIMAL] = ":";
    (void)text_decimal(text + 1, port);
    key_add(key, text);
}

static void key_add_end(struct finding_key *key, const struct party *p, bool with_port)
{
    char address[ADDRESS_TEXT];
    if (p == NULL) {
        key_add(key, "-");
    } else {
        key_add(key, p->host != NULL ? p->host->name : address_format(&p->address, address));
        if (with_port) {
            key_add_port(key, p->port);
        }
    }
    key_add(key, "|");
}

static void make_key(struct finding_key *key, const struct rule *r, const struct breach *b)
{
    key->rule = r;
    key->len = 0;
    key_add_end(key, b->any_client ? NULL : b->client, false);
    key_add_end(key, b->server, true);
    key_add(key, b->kind == NULL ? "" : b->kind);
}

static enum severity severity_of(const struct audit *a, const struct rule *r,
                                 const struct breach *b)
{
    enum severity tuned = a->running[a->current].tuned;
    enum severity severity = tuned != SEVERITY_OFF         ? tuned
                             : b->severity != SEVERITY_OFF ? b->severity
                                                           : r->severity;
    bool guess = b->confidence == CONFIDENCE_INFERRED && severity > SEVERITY_MEDIUM;
    return guess ? SEVERITY_MEDIUM : severity;
}

static const struct stamp *happened(const struct audit *a, const struct breach *b)
{
    return b->at != NULL && b->at->order != 0 ? b->at : &a->scene.o->at;
}

static struct kept_finding *new_finding(struct audit *a, const struct rule *r,
                                        const struct breach *b, const struct finding_key *key)
{
    struct kept_finding *f = arena_alloc(a->arena, sizeof *f);
    char *kept = f == NULL ? NULL : ledger_keep(a, key->text);
    if (kept == NULL) {
        return NULL;
    }
    uint64_t id = bytes_hash(BYTES_HASH_START, bytes_text(r->name));
    id = bytes_hash(id, bytes_text(key->text));
    f->key = kept;
    struct finding *shown = &f->shown;
    (void)snprintf(shown->id, sizeof shown->id, "%016" PRIx64, id);
    shown->rule = r;
    shown->title = b->title == NULL ? r->title : b->title;
    shown->severity = severity_of(a, r, b);
    shown->confidence = b->confidence;
    shown->any_client = b->any_client;
    shown->first_ns = happened(a, b)->ns;
    shown->precision = happened(a, b)->precision;
    if (b->client != NULL) {
        shown->client = *b->client;
        shown->client.port = 0; /* the client's own port is another one each time */
    }
    if (b->server != NULL) {
        shown->server = *b->server;
    }
    return f;
}

static void add_flow(struct finding *f, uint64_t flow)
{
    unsigned shown = f->flow_count;
    if (shown > 0 && f->flows[shown - 1] == flow) {
        return;
    }
    if (shown < LIMIT_FINDING_FLOWS) {
        for (unsigned i = 0; i < shown; i++) {
            if (f->flows[i] == flow) {
                return;
            }
        }
        f->flows[f->flow_count++] = flow;
    }
    f->flows_total++;
}

/* What undeclared ends were called is only looked up for a breach: who is fine is not named. */
static void name_ends(struct audit *a)
{
    for (int d = 0; d < 2; d++) {
        struct party *end = &a->scene.ends[d];
        if (end->known && end->host == NULL) {
            end->learned = identity_names(a->identity, &end->address);
        }
    }
}

static void queue_new(struct audit *a, struct kept_finding *f)
{
    if (f->is_new) {
        return;
    }
    f->is_new = true;
    f->next_new = NULL;
    if (a->last_new == NULL) {
        a->first_new = f;
    } else {
        a->last_new->next_new = f;
    }
    a->last_new = f;
}

static void list_found(struct audit *a, struct kept_finding *f)
{
    if (a->last_found == NULL) {
        a->first_found = f;
    } else {
        a->last_found->next_found = f;
    }
    a->last_found = f;
}

const struct finding *audit_next_finding(const struct audit *a, const struct finding *f)
{
    /* A kept finding begins with what is shown of it. */
    const struct kept_finding *next =
        f == NULL ? a->first_found : ((const struct kept_finding *)f)->next_found;
    return next == NULL ? NULL : &next->shown;
}

const struct finding *audit_take_new(struct audit *a)
{
    struct kept_finding *f = a->first_new;
    if (f == NULL) {
        return NULL;
    }
    a->first_new = f->next_new;
    a->last_new = a->first_new == NULL ? NULL : a->last_new;
    f->is_new = false;
    return &f->shown;
}

struct finding *judge_breach(struct audit *a, const struct rule *r, const struct breach *b,
                             bool *ret_new)
{
    struct judgement *j = judgement_of(a, r, &b->subject);
    if (j != NULL) {
        j->breaches++;
    }
    name_ends(a);
    if (b->claims_flow) {
        uint64_t flow = a->scene.o->flow.id;
        a->claimed[flow % FLOWS_CLAIMED] = flow;
    }
    struct finding_key key;
    make_key(&key, r, b);
    uint64_t hash = bytes_hash(BYTES_HASH_START, bytes_of(&r, sizeof r));
    hash = bytes_hash(hash, bytes_text(key.text));
    struct ledger_slot *slot = table_find(&a->findings, hash, same_finding, &key);
    *ret_new = false;
    if (slot == NULL || (slot->item == NULL && a->findings.count >= LIMIT_FINDINGS)) {
        a->counts.findings_shed++;
        return NULL;
    }
    if (slot->item == NULL) {
        struct kept_finding *made = new_finding(a, r, b, &key);
        if (made == NULL) {
            a->counts.findings_shed++;
            return NULL;
        }
        *slot = (struct ledger_slot){.hash = hash, .item = made};
        a->findings.count++;
        list_found(a, made);
        *ret_new = true;
    }
    struct finding *f = &((struct kept_finding *)slot->item)->shown;
    enum severity severity = severity_of(a, r, b);
    f->count++;
    int64_t now = happened(a, b)->ns;
    f->first_ns = now < f->first_ns ? now : f->first_ns;
    f->last_ns = now > f->last_ns ? now : f->last_ns;
    if (severity > f->severity) {
        /* The worst of a kind decides, and its words are the ones to read. */
        f->severity = severity;
        f->confidence = b->confidence;
        *ret_new = true;
    }
    if (b->any_client && b->client != NULL &&
        !address_equal(&f->client.address, &b->client->address)) {
        f->client.known = false;
    }
    uint64_t flow = b->flow != 0 || a->scene.o == NULL ? b->flow : a->scene.o->flow.id;
    if (flow != 0) {
        add_flow(f, flow);
    }
    if (*ret_new) {
        queue_new(a, slot->item);
    }
    if (j != NULL && j->worst == NULL) {
        j->worst = f;
    }
    return f;
}

/* Whether the observation tells of that packet. */
static bool tells_of(const struct observation *o, const struct stamp *at)
{
    bool tells = stamp_is_same(&o->at, at);
    for (uint32_t i = 0; i < o->count && !tells; i++) {
        const struct fact *f = &o->facts[i];
        if (fact_rows[f->id].type == FACT_PACKET) {
            struct stamp named = observation_packet(o, (enum fact_id)f->id);
            tells = stamp_is_same(&named, at);
        }
    }
    return tells;
}

/* Numbers, names and texts; no octets (secrets are among them), no packets, of a list the first. */
static bool is_field(const struct fact *f, const struct evidence_field *kept, unsigned count)
{
    enum fact_type type = fact_rows[f->id].type;
    bool wanted = type != FACT_HEX && type != FACT_PACKET && type != FACT_TIME;
    for (unsigned i = 0; i < count && wanted; i++) {
        wanted = kept[i].id != (enum fact_id)f->id;
    }
    return wanted;
}

static void keep_fields(struct audit *a, struct evidence *e)
{
    const struct observation *o = a->scene.o;
    if (!a->keeps_fields || o == NULL || !tells_of(o, &e->at)) {
        return;
    }
    struct evidence_field *kept = arena_alloc(a->arena, LIMIT_EVIDENCE_FIELDS * sizeof *kept);
    unsigned n = 0;
    for (uint32_t i = 0; kept != NULL && i < o->count && n < LIMIT_EVIDENCE_FIELDS; i++) {
        const struct fact *f = &o->facts[i];
        if (!is_field(f, kept, n)) {
            continue;
        }
        kept[n] = (struct evidence_field){.id = (enum fact_id)f->id};
        if (fact_rows[f->id].type == FACT_TEXT || fact_rows[f->id].type == FACT_LIST) {
            char text[LIMIT_EVIDENCE_TEXT];
            (void)text_from_utf8(fact_octets(o, f), text, sizeof text);
            kept[n].text = ledger_keep(a, text);
        } else {
            kept[n].number = f->value.num;
        }
        n++;
    }
    e->fields = kept;
    e->field_count = n;
}

void finding_evidence(struct audit *a, struct finding *f, struct stamp at, const char *format, ...)
{
    if (f == NULL || at.order == 0 || f->evidence_count == LIMIT_EVIDENCE) {
        return;
    }
    for (unsigned i = 0; i < f->evidence_count; i++) {
        if (f->evidence[i].at.order == at.order) {
            return;
        }
    }
    va_list args;
    va_start(args, format);
    char *says = keep_format(a, format, args);
    va_end(args);
    if (says != NULL) {
        struct evidence *e = &f->evidence[f->evidence_count++];
        *e = (struct evidence){.at = at, .says = says};
        keep_fields(a, e);
        if (a->cited != NULL) {
            a->cited(a->cited_user, &e->at);
        }
    }
}

void finding_explain(struct audit *a, struct finding *f, const char *format, ...)
{
    if (f != NULL) {
        va_list args;
        va_start(args, format);
        f->explanation = keep_format(a, format, args);
        va_end(args);
    }
}

void finding_remedy(struct audit *a, struct finding *f, const char *format, ...)
{
    if (f != NULL) {
        va_list args;
        va_start(args, format);
        f->remediation = keep_format(a, format, args);
        va_end(args);
    }
}

/* ---- parties ---- */

const char *party_text(const struct party *p, char text[PARTY_TEXT])
{
    char address[ADDRESS_TEXT];
    address_format(&p->address, address);
    if (p->host != NULL) {
        (void)snprintf(text, PARTY_TEXT, "%.100s (%s)", p->host->name, address);
    } else if (p->learned != NULL) {
        (void)snprintf(text, PARTY_TEXT, "%s (%.30s%scalled %.50s by %s)", address,
                       p->group == NULL ? "" : p->group->name, p->group == NULL ? "" : ", ",
                       p->learned->name, name_source_text(p->learned->source));
    } else if (p->group != NULL) {
        (void)snprintf(text, PARTY_TEXT, "%s (%.80s)", address, p->group->name);
    } else {
        (void)snprintf(text, PARTY_TEXT, "%s", address);
    }
    return text;
}

struct party party_at(const struct policy *p, const struct address *address)
{
    struct party party = {.known = true, .address = *address, .host = policy_host(p, address)};
    party.group = party.host != NULL ? NULL : policy_group(p, address);
    party.zone = policy_zone(p, address);
    return party;
}

const struct forest *party_forest(const struct party *p)
{
    return p->host != NULL ? p->host->forest : p->group != NULL ? p->group->forest : NULL;
}

role_set party_roles(const struct party *p)
{
    return p->host == NULL ? 0 : p->host->role_bits;
}

bool party_is_site_system(const struct party *p)
{
    return (party_roles(p) & role_site_systems()) != 0;
}

bool party_is_administrator(const struct party *p)
{
    return (party_roles(p) & ROLE_BIT(ROLE_CONSOLE)) != 0 ||
           (p->group != NULL && p->group->administrators);
}

bool party_is_declared(const struct party *p)
{
    return p->host != NULL || p->group != NULL;
}

const struct party *judged_server(const struct audit *a, role_set roles)
{
    const struct party *server = &a->scene.ends[DIR_SERVER];
    return (party_roles(server) & roles) != 0 ? server : NULL;
}
