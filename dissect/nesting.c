/*
 * nesting.c - what the engine offers to dissectors: records, anomalies, exchanges inside others,
 * hand-over.
 */
#include "dissect/conversation.h"

const struct flow *dissection_flow(const struct dissection *dx)
{
    return dx->conversation->flow;
}

const struct stamp *dissection_at(const struct dissection *dx)
{
    return &dx->conversation->at;
}

struct arena *dissection_arena(struct dissection *dx)
{
    return dx->conversation->arena;
}

const char *dissection_carrier(const struct dissection *dx)
{
    return dx->carrier;
}

bool dissection_secrets(const struct dissection *dx)
{
    return dx->conversation->engine->options.secrets;
}

bool dissection_sql_text(const struct dissection *dx)
{
    return dx->conversation->engine->options.sql_text;
}

bool dissection_paths(const struct dissection *dx)
{
    return dx->conversation->engine->options.paths;
}

bool dissection_audited(const struct dissection *dx)
{
    return dx->conversation->engine->options.audited;
}

bool dissection_details(const struct dissection *dx)
{
    return !dx->conversation->engine->options.brief;
}

bool dissection_wants(const struct dissection *dx, enum record record)
{
    return (dx->conversation->engine->options.records & 1u << record) != 0;
}

struct certificates *dissection_certificates(struct dissection *dx)
{
    return dx->conversation->engine->certificates;
}

struct auth *dissection_auth(struct dissection *dx)
{
    return dx->auth;
}

struct dissection *dissection_new(struct conversation *c, const struct dissector *d,
                                  const char *carrier)
{
    if (c->arena == NULL) {
        c->arena = arena_new(c->shard->pool, LIMIT_FLOW_ARENA);
    }
    struct dissection *dx = c->arena == NULL ? NULL : arena_alloc(c->arena, sizeof *dx);
    void *state = dx == NULL ? NULL : arena_alloc(c->arena, d->state_size);
    if (state == NULL) {
        c->engine->counts.flow_memory++;
        return NULL;
    }
    dx->conversation = c;
    dx->dissector = d;
    dx->state = state;
    dx->carrier = carrier;
    dx->auth = &dx->own_auth;
    dx->next = c->all;
    c->all = dx;
    return dx;
}

struct dissection *dissection_child(struct dissection *dx, const struct dissector *inside,
                                    const char *carrier)
{
    struct conversation *c = dx->conversation;
    if (dx->depth + 1 > LIMIT_NESTING) {
        c->engine->counts.nested_too_deep++;
        return NULL;
    }
    struct dissection *child = dissection_new(c, inside, carrier);
    if (child != NULL) {
        child->depth = dx->depth + 1;
        /* A stream's own dissector has many exchanges in it, each with its answer; deeper ones
         * share theirs. */
        child->auth = dx->depth == 0 ? &child->own_auth : dx->auth;
    }
    return child;
}

void dissection_feed(struct dissection *child, enum dir dir, struct bytes message)
{
    if (child != NULL && message.len > 0) {
        struct fed fed = child->dissector->feed(child, child->state, dir, message);
        if (fed.status == FED_BAD || fed.status == FED_MORE) {
            child->conversation->engine->counts.bad_messages++;
        }
    }
}

void dissection_end(struct dissection *child, const struct outcome *outcome)
{
    if (child != NULL && child->dissector->end != NULL) {
        child->dissector->end(child, child->state, outcome);
    }
}

void engine_emit(struct engine *e, const struct flow *flow, struct observation *o, uint64_t order)
{
    o->flow = (struct flow_reference){.id = flow->id,
                                      .ends = {flow->ends[0], flow->ends[1]},
                                      .protocol = flow->protocol,
                                      .opening_seen = flow->opening_seen,
                                      .direction_certain = flow->direction_certain,
                                      .holed = {flow->missing[0] > 0, flow->missing[1] > 0},
                                      .has_vlan = flow->has_vlan,
                                      .vlan = flow->vlan,
                                      .opening = flow->opening};
    o->order = order;
    if (order != e->order) {
        e->order = order;
        e->sequence = 0;
    }
    o->sequence = e->sequence++;
    e->counts.facts_cut += o->cut;
    e->observer.observe(e->observer.user, o);
}

struct observation *dissection_begin(struct dissection *dx, enum record record)
{
    struct conversation *c = dx->conversation;
    struct observation *o = NULL;
    if (c->drafts < LIMIT_FLOW_DRAFTS) {
        o = observation_new(c->engine->pool, record);
    }
    if (o == NULL) {
        c->engine->counts.drafts_shed++;
        return NULL;
    }
    c->drafts++;
    o->muted = !dissection_wants(dx, record);
    return o;
}

void dissection_drop(struct dissection *dx, struct observation *o)
{
    if (o != NULL) {
        dx->conversation->drafts--;
        observation_release(dx->conversation->engine->pool, o);
    }
}

void dissection_send(struct dissection *dx, struct observation *o, enum dir dir)
{
    if (o == NULL) {
        return;
    }
    struct conversation *c = dx->conversation;
    if (o->muted) {
        dissection_drop(dx, o);
        return;
    }
    c->drafts--;
    o->dir = dir;
    if (o->at.order == 0) {
        o->at = c->at;
    }
    engine_emit(c->engine, c->flow, o, c->closing_order != 0 ? c->closing_order : c->at.order);
}

void dissection_anomaly(struct dissection *dx, const char *name)
{
    struct conversation *c = dx->conversation;
    for (unsigned i = 0; i < c->anomaly_count; i++) {
        if (strcmp(c->anomalies[i], name) == 0) {
            return;
        }
    }
    if (c->anomaly_count < CONVERSATION_ANOMALIES) {
        c->anomalies[c->anomaly_count++] = name;
    }
}

void dissection_hand_over(struct dissection *dx, const struct dissector *inside,
                          const char *carrier)
{
    struct conversation *c = dx->conversation;
    if (dx->depth + 1 > LIMIT_NESTING) {
        c->engine->counts.nested_too_deep++;
        return;
    }
    c->tunnel = carrier;
    c->carrier = carrier;
    c->top = inside == NULL ? NULL : dissection_new(c, inside, carrier);
    c->handed_over = true;
    for (int d = 0; d < 2; d++) {
        c->lanes[d].need = 0;
        c->lanes[d].tries = 0;
        c->lanes[d].resync = false;
        c->lanes[d].quiet = false;
    }
}

void dissection_resume(struct dissection *dx, enum dir dir)
{
    if (dx == dx->conversation->top) {
        dx->conversation->lanes[dir].need = 0;
    }
}

void dissection_host_name(struct dissection *dx, struct bytes name)
{
    struct engine *e = dx->conversation->engine;
    if (!e->options.applications || e->options.no_ndpi || dx->conversation->application != NULL) {
        return;
    }
    if (e->host_names == NULL) {
        e->host_names = identifier_new();
    }
    if (e->host_names != NULL) {
        dx->conversation->application = identifier_application(e->host_names, name);
    }
}

void dissection_application(struct dissection *dx, const char *name)
{
    dx->conversation->application = name;
}
