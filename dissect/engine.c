/*
 * engine.c - the stream_sink: ordered octets to dissectors, lane by lane.
 *
 * recognise.c says what a flow is, nesting.c holds what dissectors call, flow_record.c writes the
 * end.
 */
#include "dissect/engine.h"

#include <assert.h>
#include <stdlib.h>

#include "dissect/conversation.h"

/* ---- life ---- */

struct engine *engine_new(const struct engine_options *options, const struct observer *observer)
{
    struct engine *e = calloc(1, sizeof *e);
    if (e == NULL) {
        return NULL;
    }
    e->options = *options;
    e->observer = *observer;
    e->pool = observation_pool_new();
    e->certificates = certificates_new();
    for (unsigned s = 0; s < LIMIT_SHARDS; s++) {
        e->shards[s].engine = e;
    }
    return e->pool == NULL || e->certificates == NULL ? engine_free(e) : e;
}

struct engine *engine_free(struct engine *e)
{
    if (e != NULL) {
        for (unsigned s = 0; s < LIMIT_SHARDS; s++) {
            identifier_free(e->shards[s].ndpi);
            while (e->shards[s].spare_buffer_count > 0) {
                free(e->shards[s].spare_buffers[--e->shards[s].spare_buffer_count]);
            }
        }
        identifier_free(e->host_names);
        certificates_free(e->certificates);
        observation_pool_free(e->pool);
        free(e);
    }
    return NULL;
}

struct observation_pool *engine_pool(struct engine *e)
{
    return e->pool;
}

void engine_counts_add(struct engine_counts *sum, const struct engine_counts *c)
{
    sum->flow_memory += c->flow_memory;
    sum->bad_messages += c->bad_messages;
    sum->messages_too_long += c->messages_too_long;
    sum->drafts_shed += c->drafts_shed;
    sum->facts_cut += c->facts_cut;
    sum->ndpi_flows += c->ndpi_flows;
    sum->nested_too_deep += c->nested_too_deep;
}

const struct engine_counts *engine_counts(const struct engine *e)
{
    return &e->counts;
}

void engine_attach(struct engine *e, unsigned shard, struct arena_pool *pool)
{
    assert(shard < LIMIT_SHARDS);
    e->shards[shard].pool = pool;
}

/* ---- lanes ---- */

static void lane_drop(struct conversation *c, struct lane *lane)
{
    struct shard *shard = c->shard;
    arena_pool_refund(shard->pool, lane->room);
    if (lane->room == SPARE_BUFFER_OCTETS && shard->spare_buffer_count < SPARE_BUFFERS) {
        shard->spare_buffers[shard->spare_buffer_count++] = lane->held;
    } else {
        free(lane->held);
    }
    lane->held = NULL;
    lane->room = lane->len = lane->need = 0;
}

static void lane_quiet(struct conversation *c, struct lane *lane)
{
    lane_drop(c, lane);
    lane->quiet = true;
}

/* Makes room for `want` octets, keeping what is held. */
static bool lane_grow(struct conversation *c, struct lane *lane, size_t want)
{
    struct shard *shard = c->shard;
    size_t room = want + want / 2;
    if (lane->room == 0 && want <= SPARE_BUFFER_OCTETS) {
        room = SPARE_BUFFER_OCTETS;
    }
    if (want > LIMIT_FLOW_BUFFER || !arena_pool_charge(shard->pool, room - lane->room)) {
        return false;
    }
    uint8_t *grown = room == SPARE_BUFFER_OCTETS && shard->spare_buffer_count > 0
                         ? shard->spare_buffers[--shard->spare_buffer_count]
                         : realloc(lane->held, room);
    if (grown == NULL) {
        arena_pool_refund(shard->pool, room - lane->room);
        return false;
    }
    lane->held = grown;
    lane->room = room;
    return true;
}

static bool lane_hold(struct conversation *c, struct lane *lane, struct bytes more)
{
    size_t len = lane->len + more.len;
    if (len > lane->room &&
        !lane_grow(c, lane,
                   lane->need > len && lane->need <= LIMIT_FLOW_BUFFER ? lane->need : len)) {
        return false;
    }
    memcpy(lane->held + lane->len, more.at, more.len);
    lane->len = len;
    return true;
}

static void lane_consume(struct conversation *c, struct lane *lane, size_t used)
{
    lane->len -= used;
    if (lane->len == 0) {
        lane_drop(c, lane);
    } else if (used > 0) {
        memmove(lane->held, lane->held + used, lane->len);
    }
}

/* ---- one message after the other ---- */

static void conversation_quiet(struct conversation *c)
{
    lane_quiet(c, &c->lanes[DIR_CLIENT]);
    lane_quiet(c, &c->lanes[DIR_SERVER]);
}

static void bad_message(struct conversation *c, struct lane *lane)
{
    c->engine->counts.bad_messages++;
    lane->resync = true;
    if (!c->confirmed) {
        /* The probe was wrong: this flow is something else. What it wrote so far stays its own. */
        c->top = NULL;
        c->protocol = c->protocol_before;
    }
    if (++c->bad >= LIMIT_BAD_MESSAGES) {
        conversation_quiet(c);
    }
}

/* Feeds once. Returns the octets of `in` that need not be kept. */
static size_t feed_once(struct conversation *c, enum dir dir, struct bytes in)
{
    struct lane *lane = &c->lanes[dir];
    struct fed fed = c->top->dissector->feed(c->top, c->top->state, dir, in);
    assert(fed.used <= in.len);
    lane->need = 0;
    switch (fed.status) {
    case FED_OK:
    case FED_REST:
    case FED_SKIP:
        c->confirmed = true;
        lane->skip = fed.status == FED_SKIP ? fed.need : 0;
        if (fed.used == 0 && lane->skip == 0 && !c->handed_over) {
            lane->need = in.len + 1;
        }
        return fed.used;
    case FED_MORE:
        if (fed.need > LIMIT_FLOW_BUFFER) {
            /* No buffer holds it, but its length is known: pass it over. */
            c->engine->counts.messages_too_long++;
            lane->skip = fed.need - in.len;
            return in.len;
        }
        lane->need = fed.need > in.len ? (size_t)fed.need : in.len + 1;
        return 0;
    case FED_QUIET:
        c->confirmed = true;
        lane_quiet(c, lane);
        return in.len;
    case FED_DONE:
        c->confirmed = true;
        conversation_quiet(c);
        return in.len;
    case FED_BAD:
        break;
    }
    bad_message(c, lane);
    return in.len;
}

/* True when the top dissector is there to read `in`. */
static bool recognised(struct conversation *c, enum dir *dir, struct bytes in, size_t *passed)
{
    if (c->top != NULL) {
        return true;
    }
    enum probe seen = conversation_recognise(c, *dir, in);
    if (c->turned) {
        c->turned = false;
        *dir = (enum dir) !*dir;
    }
    if (c->top == NULL && seen != PROBE_MORE) {
        *passed += in.len;
    }
    c->lanes[*dir].need = seen == PROBE_MORE ? in.len + 1 : 0;
    return c->top != NULL;
}

/* Returns the octets of `in` that need not be kept; the rest waits for more. */
static size_t lane_run(struct conversation *c, enum dir *dir, struct bytes in)
{
    size_t passed = 0;
    while (passed < in.len && !c->lanes[*dir].quiet) {
        struct lane *lane = &c->lanes[*dir];
        struct bytes rest = bytes_from(in, passed);
        if (lane->skip > 0) {
            size_t skipped = lane->skip < rest.len ? (size_t)lane->skip : rest.len;
            lane->skip -= skipped;
            passed += skipped;
            continue;
        }
        if (!recognised(c, dir, rest, &passed)) {
            return passed;
        }
        passed += feed_once(c, *dir, rest);
        c->handed_over = false;
        if (c->lanes[*dir].need > 0) {
            break;
        }
    }
    return passed;
}

/* After a loss or a bad message only a segment that begins a message is read. */
static bool lane_resumes(struct conversation *c, struct lane *lane, struct bytes in)
{
    if (!lane->resync || lane->skip > 0 || c->top == NULL) {
        return true;
    }
    enum probe seen = c->top->dissector->probe == NULL ? PROBE_NO : c->top->dissector->probe(in);
    if (seen == PROBE_NO || seen == PROBE_MORE) {
        if (++lane->tries >= LIMIT_RESYNC_SEGMENTS) {
            lane_quiet(c, lane);
        }
        return false;
    }
    lane->resync = false;
    return true;
}

/* The first octets wait for more before anybody can tell what they are. */
static bool still_unread(const struct conversation *c, const struct lane *lane)
{
    return c->top == NULL && lane->len > 0;
}

static void stream_data(struct conversation *c, enum dir dir, struct bytes in)
{
    struct lane *lane = &c->lanes[dir];
    if (lane->quiet || !lane_resumes(c, lane, in)) {
        return;
    }
    if (lane->len == 0) {
        size_t passed = lane_run(c, &dir, in);
        lane = &c->lanes[dir];
        if (passed == in.len || lane->quiet || lane_hold(c, lane, bytes_from(in, passed))) {
            lane->seen = still_unread(c, lane) ? lane->seen : true;
            return;
        }
    } else if (lane_hold(c, lane, in)) {
        if (lane->len >= lane->need) {
            size_t passed = lane_run(c, &dir, bytes_of(lane->held, lane->len));
            lane = &c->lanes[dir];
            if (!lane->quiet) {
                lane_consume(c, lane, passed);
            }
        }
        lane->seen = still_unread(c, lane) ? lane->seen : true;
        return;
    }
    c->engine->counts.flow_memory++;
    conversation_quiet(c);
}

static void conversation_rest(struct conversation *c)
{
    c->resting = c->top->dissector;
    c->arena = arena_free(c->arena);
    c->all = c->top = NULL;
}

static void conversation_wake(struct conversation *c)
{
    c->top = dissection_new(c, c->resting, "udp");
    c->resting = NULL;
}

static void datagram_data(struct conversation *c, enum dir dir, struct bytes in)
{
    size_t passed = 0;
    if (c->resting != NULL) {
        conversation_wake(c);
    }
    if (!recognised(c, &dir, in, &passed)) {
        c->lanes[dir].seen = true;
        if (c->protocol != NULL) {
            conversation_quiet(c); /* recognised, and nobody reads it */
        }
        return;
    }
    struct fed fed = c->top->dissector->feed(c->top, c->top->state, dir, in);
    if (fed.status == FED_BAD || fed.status == FED_MORE) {
        bad_message(c, &c->lanes[dir]);
    } else if (fed.status == FED_DONE) {
        conversation_quiet(c);
    } else {
        c->confirmed = true;
        if (fed.status == FED_REST) {
            conversation_rest(c);
        }
    }
    c->lanes[dir].seen = true;
}

/* ---- the sink ---- */

/* Nothing more is to be learned: what waits is written, and all but the conversation itself goes.
 */
static void conversation_settle(struct conversation *c)
{
    if (c->settled) {
        return;
    }
    c->settled = true;
    for (struct dissection *dx = c->all; dx != NULL; dx = dx->next) {
        if (dx->dissector->end != NULL) {
            dx->dissector->end(dx, dx->state, NULL);
        }
    }
    conversation_quiet(c);
    c->ndpi = identification_free(c->ndpi);
    c->arena = arena_free(c->arena);
    c->all = c->top = NULL;
}

static enum sink_answer answer(struct conversation *c)
{
    if (c->lanes[DIR_CLIENT].quiet && c->lanes[DIR_SERVER].quiet) {
        conversation_settle(c);
        return SINK_DONE;
    }
    return SINK_MORE;
}

static void *sink_open(void *user, struct flow *flow, void *room)
{
    struct shard *shard = user;
    struct conversation *c = room;
    c->engine = shard->engine;
    c->shard = shard;
    c->flow = flow;
    return c;
}

static enum sink_answer sink_data(void *user, void *ctx, enum dir dir, struct bytes payload,
                                  const struct stamp *at)
{
    (void)user;
    struct conversation *c = ctx;
    c->at = *at;
    if (c->flow->protocol != IP_TCP) {
        datagram_data(c, dir, payload);
        return answer(c);
    }
    stream_data(c, dir, payload);
    /* A hand-over gives what the other direction held back to the new reader; or the old one asked
     * for it. */
    struct lane *other = &c->lanes[!dir];
    if (other->len > 0 && other->need == 0 && !other->quiet) {
        enum dir back = (enum dir) !dir;
        size_t passed = lane_run(c, &back, bytes_of(other->held, other->len));
        if (!c->lanes[back].quiet) {
            lane_consume(c, &c->lanes[back], passed);
        }
    }
    return answer(c);
}

static enum sink_answer sink_gap(void *user, void *ctx, enum dir dir, uint64_t missing,
                                 const struct stamp *at)
{
    (void)user;
    struct conversation *c = ctx;
    struct lane *lane = &c->lanes[dir];
    c->at = *at;
    if (lane->quiet) {
        return answer(c);
    }
    lane->gap = true;
    if (lane->skip >= missing) {
        lane->skip -= missing;
        return answer(c);
    }
    missing -= lane->skip;
    lane->skip = 0;
    lane_drop(c, lane);
    const struct dissector *d = c->top == NULL ? NULL : c->top->dissector;
    if (d == NULL || (d->gap != NULL && d->gap(c->top, c->top->state, dir, missing))) {
        lane->resync = true;
    } else {
        lane_quiet(c, lane);
    }
    return answer(c);
}

static void sink_close(void *user, void *ctx, const struct flow *flow, const struct stamp *at)
{
    struct shard *shard = user;
    struct conversation *c = ctx;
    if (c == NULL) {
        flow_record(shard->engine, flow, NULL, at->order);
        return;
    }
    c->at = flow->last;
    c->closing_order = at->order;
    conversation_settle(c);
    flow_record(shard->engine, flow, c, at->order);
}

struct stream_sink engine_sink(struct engine *e, unsigned shard)
{
    assert(shard < LIMIT_SHARDS);
    return (struct stream_sink){.user = &e->shards[shard],
                                .ctx_size = sizeof(struct conversation),
                                .open = sink_open,
                                .data = sink_data,
                                .gap = sink_gap,
                                .close = sink_close};
}
