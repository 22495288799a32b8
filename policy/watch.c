/*
 * watch.c - rules of the policy's own, `watch:`, as rules like the built-in ones.
 *
 * A watch rule is compiled once: names into things, texts into numbers. It looks at records of one
 * kind, that of its facts; facts of the flow are known when the flow ends, so what matched until
 * then waits in a note. A fact that is not stated proves nothing: no condition on it holds, a
 * negated one neither; only `present: false` asks for just that.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include "policy/audit_state.h"
#include "policy/flow_notes.h"
#include "policy/policy_load.h"
#include "policy/watch_window.h"

enum asked { ASK_FACT, ASK_ROLE, ASK_SITE, ASK_FOREST, ASK_ZONE, ASK_NAME, ASK_WORKGROUP, ASK_IP };

struct watch_value {
    const char *text;
    uint64_t num, to;  /* of a number, truth, code or date (in seconds): from and to */
    const void *thing; /* site, forest, zone or host */
    struct prefix prefix;
    bool is_prefix, is_glob;
};

struct watch_test {
    enum asked asked;
    enum dir end; /* of an attribute */
    enum fact_id fact;
    const struct watch_condition *from;
    struct watch_value *values; /* from->value_count of them */
};

struct watching {
    struct rule rule; /* first: a rule's address is its watch rule's */
    const struct watch_rule *from;
    struct watch_test *tests;
    enum record record; /* of its facts; RECORD_FLOW when it has none */
    bool waits;         /* facts of the flow beside facts of another record */
};

struct watch_state {
    struct flow_notes notes;
    struct watch_windows windows;
    bool judged;
};

#define MATCHED_TEXT 48

struct matched { /* a record that matched, until its flow's own facts are known */
    struct stamp at;
    char text[MATCHED_TEXT];
};
_Static_assert(sizeof(struct matched) <= FLOW_NOTE_OCTETS, "a note has room for it");

/* ---- compiling ---- */

static void compile_fact(const struct watch_test *t, struct watch_value *v)
{
    switch (fact_rows[t->fact].type) {
    case FACT_NUM:
        (void)load_range_parse(v->text, &v->num, &v->to);
        break;
    case FACT_CODE16:
    case FACT_CODE32:
        v->num = v->to = strtoull(v->text, NULL, 16);
        break;
    case FACT_BOOL:
        v->num = v->to = strcmp(v->text, "true") == 0;
        break;
    case FACT_DATE:
        (void)load_dates_parse(v->text, &v->num, &v->to);
        break;
    case FACT_TEXT:
    case FACT_LIST:
        v->is_glob = load_is_glob(v->text);
        v->is_prefix = strchr(v->text, '/') != NULL && load_prefix_parse(v->text, &v->prefix);
        break;
    case FACT_HEX:
    case FACT_TIME:
    case FACT_PACKET:
        break;
    }
}

/* The loader has checked that every name exists. */
static const void *thing_named(const struct policy *p, enum asked asked, const char *name)
{
    for (unsigned i = 0; asked == ASK_SITE && i < p->site_count; i++) {
        if (strcasecmp(p->sites[i].code, name) == 0) {
            return &p->sites[i];
        }
    }
    for (unsigned i = 0; asked == ASK_FOREST && i < p->forest_count; i++) {
        if (strcasecmp(p->forests[i].name, name) == 0) {
            return &p->forests[i];
        }
    }
    return asked == ASK_NAME && !load_is_glob(name) ? policy_host_named(p, name) : NULL;
}

static void compile_value(const struct policy *p, const struct watch_test *t, struct watch_value *v)
{
    switch (t->asked) {
    case ASK_FACT:
        compile_fact(t, v);
        break;
    case ASK_SITE:
    case ASK_FOREST:
    case ASK_NAME:
        v->thing = thing_named(p, t->asked, v->text);
        break;
    case ASK_WORKGROUP:
        v->num = strcmp(v->text, "true") == 0;
        break;
    case ASK_IP:
        (void)load_prefix_parse(v->text, &v->prefix);
        break;
    case ASK_ROLE:
    case ASK_ZONE:
        break;
    }
}

static enum asked asked_of(const char *key)
{
    static const char *const names[] = {
        [ASK_ROLE] = "role", [ASK_SITE] = "site", [ASK_FOREST] = "forest",
        [ASK_ZONE] = "zone", [ASK_NAME] = "name", [ASK_WORKGROUP] = "workgroup",
        [ASK_IP] = "ip"};
    bool attribute = strncmp(key, "client.", 7) == 0 || strncmp(key, "server.", 7) == 0;
    for (int i = ASK_ROLE; attribute && i <= ASK_IP; i++) {
        if (strcmp(key + 7, names[i]) == 0) {
            return (enum asked)i;
        }
    }
    return ASK_FACT;
}

static enum record record_of(enum fact_id fact)
{
    const char *key = fact_rows[fact].key;
    size_t len = strcspn(key, ".");
    unsigned i = 0;
    while (i < RECORD_COUNT &&
           (strncmp(record_keys[i], key, len) != 0 || record_keys[i][len] != '\0')) {
        i++;
    }
    return i < RECORD_COUNT ? (enum record)i : RECORD_FLOW;
}

static bool compile_test(struct audit *a, const struct watch_condition *c, struct watch_test *t)
{
    *t = (struct watch_test){.asked = asked_of(c->key), .from = c, .fact = FACT_COUNT};
    t->end = strncmp(c->key, "server.", 7) == 0 ? DIR_SERVER : DIR_CLIENT;
    t->fact = t->asked == ASK_FACT ? fact_find(c->key) : FACT_COUNT;
    t->values = arena_alloc(a->arena, c->value_count * sizeof *t->values);
    for (unsigned i = 0; t->values != NULL && i < c->value_count; i++) {
        t->values[i].text = c->values[i];
        compile_value(a->policy, t, &t->values[i]);
    }
    return t->values != NULL;
}

/* ---- asking ---- */

static bool octets_are(struct bytes octets, const char *hex)
{
    size_t i = 0;
    for (; i < octets.len && hex[2 * i] != '\0' && hex[2 * i + 1] != '\0'; i++) {
        char pair[3];
        (void)snprintf(pair, sizeof pair, "%02x", octets.at[i]);
        if (strncmp(pair, hex + 2 * i, 2) != 0) {
            return false;
        }
    }
    return i == octets.len && hex[2 * i] == '\0';
}

/* '*' is any number of characters, '?' is one; case is ignored, as in all comparisons of text. */
static bool glob_fits(const char *glob, const char *text)
{
    const char *star = NULL, *from = NULL;
    while (*text != '\0') {
        if (*glob == '*') {
            star = glob++;
            from = text;
        } else if (*glob == '?' || tolower((unsigned char)*glob) == tolower((unsigned char)*text)) {
            glob++;
            text++;
        } else if (star != NULL) {
            glob = star + 1;
            text = ++from;
        } else {
            return false;
        }
    }
    return glob[strspn(glob, "*")] == '\0';
}

static bool text_is(const char *text, const struct watch_value *v)
{
    struct address address;
    return v->is_prefix ? address_parse(text, &address) && prefix_holds(&v->prefix, &address)
           : v->is_glob ? glob_fits(v->text, text)
                        : strcasecmp(text, v->text) == 0;
}

static bool fact_is(const struct observation *o, const struct fact *f, const struct watch_value *v)
{
    switch (fact_rows[f->id].type) {
    case FACT_TEXT:
    case FACT_LIST:
        return text_is(fact_text(o, f), v);
    case FACT_HEX:
        return octets_are(fact_octets(o, f), v->text);
    case FACT_DATE: /* to the second, as it is printed */
        return f->value.num / UINT64_C(1000000000) >= v->num &&
               f->value.num / UINT64_C(1000000000) <= v->to;
    case FACT_NUM:
    case FACT_BOOL:
    case FACT_CODE16:
    case FACT_CODE32:
        return f->value.num >= v->num && f->value.num <= v->to;
    case FACT_TIME:
    case FACT_PACKET:
        return false;
    }
    return false;
}

/* The stated fact that decides, or NULL: the one that equals a value; under `not` the first, when
 * none does. */
static const struct fact *fact_holds(const struct watch_test *t, const struct observation *o)
{
    const struct fact *first = observation_get(o, t->fact);
    for (const struct fact *f = first; f != NULL; f = observation_more(o, t->fact, f)) {
        for (unsigned i = 0; i < t->from->value_count; i++) {
            if (fact_is(o, f, &t->values[i])) {
                return t->from->negated ? NULL : f;
            }
        }
    }
    return t->from->negated ? first : NULL;
}

static bool attribute_is(const struct audit *a, const struct watch_test *t, unsigned value)
{
    const struct party *p = &a->scene.ends[t->end];
    const struct watch_value *v = &t->values[value];
    const struct forest *forest = party_forest(p);
    switch (t->asked) {
    case ASK_ROLE:
        return selector_matches(a->policy, &t->from->selectors[value], &p->address);
    case ASK_SITE:
        return v->thing != NULL && p->host != NULL && p->host->site == v->thing;
    case ASK_FOREST:
        return v->thing != NULL && forest == v->thing;
    case ASK_ZONE:
        return p->zone != NULL && strcasecmp(p->zone->name, v->text) == 0;
    case ASK_NAME:
        return p->host != NULL &&
               (v->thing != NULL ? p->host == v->thing : glob_fits(v->text, p->host->name));
    case ASK_WORKGROUP:
        return party_is_declared(p) &&
               (p->host != NULL ? p->host->workgroup : p->group->workgroup) == (v->num != 0);
    case ASK_IP:
        return prefix_holds(&v->prefix, &p->address);
    case ASK_FACT:
        break;
    }
    return false;
}

static bool attribute_is_there(const struct audit *a, const struct watch_test *t)
{
    const struct party *p = &a->scene.ends[t->end];
    switch (t->asked) {
    case ASK_ROLE:
        return party_roles(p) != 0;
    case ASK_SITE:
        return p->host != NULL && p->host->site != NULL;
    case ASK_FOREST:
        return party_forest(p) != NULL;
    case ASK_NAME:
        return p->host != NULL;
    case ASK_WORKGROUP:
        return party_is_declared(p);
    case ASK_ZONE:
    case ASK_IP:
    case ASK_FACT:
        break;
    }
    return true;
}

static bool ends_hold(const struct audit *a, const struct watching *w)
{
    for (unsigned i = 0; i < w->from->condition_count; i++) {
        const struct watch_test *t = &w->tests[i];
        bool any = t->asked == ASK_FACT;
        for (unsigned v = 0; t->asked != ASK_FACT && v < t->from->value_count && !any; v++) {
            any = attribute_is(a, t, v);
        }
        bool wanted = !t->from->negated;
        if (t->asked != ASK_FACT && t->from->presence != WATCH_BY_VALUE) {
            any = attribute_is_there(a, t);
            wanted = t->from->presence == WATCH_PRESENT;
        }
        if (t->asked != ASK_FACT && any != wanted) {
            return false;
        }
    }
    return true;
}

static size_t put_fact(char *text, size_t room, size_t at, const struct observation *o,
                       const struct fact *f)
{
    const struct fact_row *row = &fact_rows[f->id];
    const char *comma = at == 0 ? "" : ", ";
    int len = 0;
    switch (row->type) {
    case FACT_TEXT:
    case FACT_LIST:
        len = snprintf(text + at, room - at, "%s%s = %.120s", comma, row->key, fact_text(o, f));
        break;
    case FACT_BOOL:
        len = snprintf(text + at, room - at, "%s%s = %s", comma, row->key,
                       f->value.num != 0 ? "true" : "false");
        break;
    case FACT_NUM:
        len = snprintf(text + at, room - at, "%s%s = %" PRIu64, comma, row->key, f->value.num);
        break;
    case FACT_CODE16:
        len = snprintf(text + at, room - at, "%s%s = 0x%04" PRIx64, comma, row->key, f->value.num);
        break;
    case FACT_CODE32:
        len = snprintf(text + at, room - at, "%s%s = 0x%08" PRIx64, comma, row->key, f->value.num);
        break;
    case FACT_HEX:
    case FACT_DATE:
    case FACT_TIME:
    case FACT_PACKET:
        len = snprintf(text + at, room - at, "%s%s", comma, row->key);
        break;
    }
    at += len < 0 ? 0 : (size_t)len;
    return at < room ? at : room - 1;
}

enum outcome { UNSTATED, DIFFERS, HOLDS };

/* The conditions on facts of one kind of record; what held is put into words. */
static enum outcome facts_hold(const struct watching *w, const struct observation *o, char *text,
                               size_t room)
{
    size_t at = 0;
    enum outcome outcome = HOLDS;
    text[0] = '\0';
    for (unsigned i = 0; i < w->from->condition_count; i++) {
        const struct watch_test *t = &w->tests[i];
        if (t->asked != ASK_FACT || record_of(t->fact) != o->record) {
            continue;
        }
        const struct fact *f = observation_get(o, t->fact);
        if (t->from->presence == WATCH_ABSENT) {
            outcome = f != NULL ? DIFFERS : outcome;
            continue;
        }
        if (f == NULL) {
            return UNSTATED;
        }
        f = t->from->presence == WATCH_PRESENT ? f : fact_holds(t, o);
        if (f == NULL) {
            outcome = DIFFERS;
        } else {
            at = put_fact(text, room, at, o, f);
        }
    }
    return outcome;
}

/* ---- judging ---- */

static struct subject subject_of(const struct audit *a)
{
    const struct party *client = &a->scene.ends[DIR_CLIENT], *server = &a->scene.ends[DIR_SERVER];
    return (struct subject){.host = server->host != NULL ? server->host : client->host};
}

static void explain(struct audit *a, const struct watching *w, struct finding *f, const char *what)
{
    const struct party *client = &a->scene.ends[DIR_CLIENT], *server = &a->scene.ends[DIR_SERVER];
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT], often[80] = "";
    if (w->from->count > 0) {
        (void)snprintf(often, sizeof often,
                       "%u times within %" PRId64 " s, the last: ", w->from->count,
                       w->from->within_ns / INT64_C(1000000000));
    }
    finding_explain(a, f, "%.600s: %s%s to %s on port %u%s%s%s.", w->from->says, often,
                    party_text(client, client_text), party_text(server, server_text), server->port,
                    what[0] != '\0' ? " (" : "", what, what[0] != '\0' ? ")" : "");
    finding_remedy(
        a, f, "This is the policy's own rule %s (line %u); its author knows what is to be done.",
        w->from->name, w->from->place.line);
}

/* True when it is one of so many in so little time; *ret_first is then the first of them. */
static bool reaches_count(struct audit *a, const struct watching *w, struct watch_state *state,
                          const struct stamp *at, struct stamp *ret_first)
{
    struct watch_counted who = {0};
    if (w->from->by != WATCH_BY_SERVER) {
        who.client = a->scene.ends[DIR_CLIENT].address;
    }
    if (w->from->by != WATCH_BY_CLIENT) {
        who.server = a->scene.ends[DIR_SERVER].address;
    }
    if (watch_window_add(a, &state->windows, w->from, &who, at, ret_first)) {
        return true;
    }
    judge_fine(a, &w->rule, subject_of(a), "It did not happen that often within the time.");
    return false;
}

static void report(struct audit *a, const struct watching *w, struct watch_state *state,
                   const struct stamp *at, const char *what)
{
    const struct observation *o = a->scene.o;
    struct stamp first = {0};
    bool guess = o->record == RECORD_FLOW && !w->waits &&
                 (!o->flow.opening_seen || observation_is(o, FACT_FLOW_IDENTIFIED_BY, "port"));
    bool counts = w->from->count > 0;
    bool any_client = counts && w->from->by == WATCH_BY_SERVER;
    bool any_server = counts && w->from->by == WATCH_BY_CLIENT;
    struct breach b = {.subject = subject_of(a),
                       .client = any_client ? NULL : &a->scene.ends[DIR_CLIENT],
                       .server = any_server ? NULL : &a->scene.ends[DIR_SERVER],
                       .confidence = guess ? CONFIDENCE_INFERRED : CONFIDENCE_PROVEN,
                       .at = at};
    bool is_new = false;
    if (counts && !reaches_count(a, w, state, at, &first)) {
        return;
    }
    struct finding *f = judge_breach(a, &w->rule, &b, &is_new);
    finding_evidence(a, f, first, "the first of %u", w->from->count);
    finding_evidence(a, f, *at, "%s", what[0] != '\0' ? what : "traffic between these ends");
    if (is_new) {
        explain(a, w, f, what);
    }
}

static struct stamp beginning_of(const struct observation *o)
{
    struct stamp at =
        o->record == RECORD_FLOW ? observation_packet(o, FACT_FLOW_OPENING_PACKET) : o->at;
    return at.order != 0 ? at : observation_packet(o, FACT_FLOW_FIRST_PACKET);
}

static void judge_record(struct audit *a, const struct watching *w, struct watch_state *state,
                         const struct observation *o)
{
    char what[500];
    enum outcome outcome = facts_hold(w, o, what, sizeof what);
    if (outcome == UNSTATED) {
        return;
    }
    state->judged = true;
    struct matched *m =
        outcome == HOLDS && w->waits ? flow_note(a, &state->notes, o->flow.id, true) : NULL;
    if (m != NULL) {
        m->at = m->at.order != 0 ? m->at : o->at;
        (void)snprintf(m->text, sizeof m->text, "%.*s", MATCHED_TEXT - 1, what);
    } else if (outcome == DIFFERS) {
        judge_fine(a, &w->rule, subject_of(a), "What was seen does not meet the conditions.");
    } else if (!w->waits) {
        struct stamp at = beginning_of(o);
        report(a, w, state, &at, what);
    }
}

static void judge_waiting(struct audit *a, const struct watching *w, struct watch_state *state,
                          const struct observation *o)
{
    char what[500];
    const struct matched *m = flow_note(a, &state->notes, o->flow.id, false);
    if (m == NULL) {
        return;
    }
    if (facts_hold(w, o, what, sizeof what) == HOLDS) {
        char both[600];
        (void)snprintf(both, sizeof both, "%s%s%s", m->text, m->text[0] != '\0' ? ", " : "", what);
        report(a, w, state, &m->at, both);
    } else {
        judge_fine(a, &w->rule, subject_of(a), "What was seen does not meet the conditions.");
    }
    flow_note_remove(&state->notes, o->flow.id);
}

static void observe_watch(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct watching *w = (const struct watching *)(const void *)r;
    struct watch_state *state = audit_state(a, r, sizeof *state);
    if (state == NULL || !ends_hold(a, w)) {
        return;
    }
    if (o->record == w->record) {
        judge_record(a, w, state, o);
    } else {
        judge_waiting(a, w, state, o);
    }
}

static void finish_watch(struct audit *a, const struct rule *r)
{
    const struct watch_state *state = audit_state(a, r, sizeof *state);
    if (state != NULL && !state->judged) {
        judge_expected(a, r, (struct subject){.host = NULL},
                       "Nothing that this rule watches for is in the capture.");
    }
}

/* ---- making ---- */

static void describe(struct watching *w)
{
    w->rule = (struct rule){
        .code = "WATCH",
        .name = w->from->name,
        .title = w->from->says,
        .severity = w->from->severity,
        .statements = "",
        .references = "",
        .means = w->from->says,
        .evidence = "The conditions under `when` in the policy.",
        .remediation = "As the policy's author intends.",
        .observe = observe_watch,
        .finish = finish_watch,
    };
}

const struct rule *watch_rule_new(struct audit *a, const struct watch_rule *from)
{
    struct watching *w = arena_alloc(a->arena, sizeof *w);
    struct watch_test *tests = arena_alloc(a->arena, from->condition_count * sizeof *tests);
    if (w == NULL || tests == NULL) {
        return NULL;
    }
    *w = (struct watching){.from = from, .tests = tests, .record = RECORD_FLOW};
    bool of_flow = false;
    for (unsigned i = 0; i < from->condition_count; i++) {
        if (!compile_test(a, &from->conditions[i], &tests[i])) {
            return NULL;
        }
        enum record record = tests[i].asked == ASK_FACT ? record_of(tests[i].fact) : RECORD_FLOW;
        of_flow |= tests[i].asked == ASK_FACT && record == RECORD_FLOW;
        w->record = record != RECORD_FLOW ? record : w->record;
    }
    w->waits = of_flow && w->record != RECORD_FLOW;
    describe(w);
    bool off = from->severity == SEVERITY_OFF;
    w->rule.records = off ? 0 : 1u << w->record | (w->waits ? 1u << RECORD_FLOW : 0);
    w->rule.finish = off ? NULL : finish_watch;
    return &w->rule;
}
