#include "pipeline.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "capture/decode.h"
#include "capture/fragment.h"
#include "capture/keeper.h"
#include "capture/limits.h"
#include "capture/ring.h"
#include "dissect/endpoints.h"
#include "reports/run_counts.h"

/* Packets of one round: every worker gets its share of a round, and answers it, before the merge
 * moves on. */
#define ROUND_PACKETS 2048
#define ROUNDS_AHEAD 8
/* Without threads a round is short: what it holds must stay in the cache. */
#define INLINE_PACKETS 256
/* Observations handed over at once. */
#define CHUNK 256
#define CHUNKS_AHEAD 16
/* Flows are closed in small lots, whose memory is used again while it is in the cache. */
#define TICK_NS 20000000
/* A leap of the packets' time, live, that is one of the clock. */
#define STEP_NS INT64_C(10000000000)

struct item { /* a packet, or a moment of capture time */
    struct packet frame;
    struct datagram datagram; /* its `frame` points at the one above */
    struct flow_place place;
    bool is_tick;
    int64_t step_ns; /* of a tick: the clock was put forward or back by this */
};

struct share { /* one worker's part of a round */
    struct item *items;
    unsigned count;
    struct block *blocks[ROUND_PACKETS + 1]; /* held until the share is done */
    unsigned block_count;
    bool last; /* close every flow afterwards */
};

struct chunk {
    struct observation *items[CHUNK];
    unsigned count;
    bool round_ends, input_ends;
};

struct worker {
    struct pipeline *pipeline;
    struct engine *engine;
    struct flow_table *tables[LIMIT_SHARDS]; /* NULL: another worker's shard */
    pthread_t thread;
    bool threaded;
    struct ring in, out;
    struct share shares[ROUNDS_AHEAD];
    struct chunk chunks[CHUNKS_AHEAD];
    struct chunk *filling; /* the chunk that the observer writes */
    /* Observations given back by the merge, waiting for their own thread. */
    pthread_mutex_t returns_lock;
    struct observation *returns;
    uint64_t told_given_up; /* flows, to the meter */
};

struct pipeline {
    struct pipeline_options options;
    struct source *source;
    struct fragments *fragments;
    struct flow_secret secret;
    struct endpoints *endpoints;
    struct worker *workers;
    unsigned worker_count;
    struct run run;
    int64_t next_tick, step_ns;
    uint64_t order;
    struct stamp last;
    bool stopped;  /* the observer wants no more */
    bool read_all; /* the reader's: nothing more comes */
    atomic_bool stop_reading;
    int read_error;
    char read_message[SOURCE_ERROR];
    struct protocol_tally protocols;
    struct loss_meter meter;
    struct shedder *shedder; /* NULL: not live */
    struct loss_log losses;
    struct timespec started;
};

/* ---- what is seen, in order ---- */

static void deliver(struct pipeline *p, struct observation *o)
{
    endpoints_see(p->endpoints, o);
    if (o->record == RECORD_FLOW) {
        protocol_tally_add(&p->protocols, observation_text(o, FACT_FLOW_PROTOCOL));
        flow_quality_add(&p->run.quality, o);
    }
    if (!p->stopped && !p->options.observe(p->options.user, o)) {
        p->stopped = true;
        atomic_store(&p->stop_reading, true);
    }
}

static void caught_up(struct pipeline *p)
{
    if (p->options.source.live) {
        loss_log_note(&p->losses, &p->meter);
    }
    if (p->options.caught_up != NULL) {
        p->options.caught_up(p->options.user);
    }
}

static void worker_take_returns(struct worker *w)
{
    pthread_mutex_lock(&w->returns_lock);
    struct observation *o = w->returns;
    w->returns = NULL;
    pthread_mutex_unlock(&w->returns_lock);
    while (o != NULL) {
        struct observation *next = o->next;
        observation_release(engine_pool(w->engine), o);
        o = next;
    }
}

/* With each chunk, since a single round may close millions of flows: what came back is used again
 * at once. */
static void fill_next(struct worker *w)
{
    worker_take_returns(w);
    w->filling = &w->chunks[ring_to_write(&w->out)];
    w->filling->count = 0;
    w->filling->round_ends = w->filling->input_ends = false;
}

/* Without threads: what was seen of a few packets at once, so that neither dissectors nor rules
 * push each other out of the cache. */
static void deliver_inline(struct worker *w)
{
    for (unsigned i = 0; i < w->filling->count; i++) {
        deliver(w->pipeline, w->filling->items[i]);
        observation_release(engine_pool(w->engine), w->filling->items[i]);
    }
    w->filling->count = 0;
}

/* The engine's observer. */
static void worker_observe(void *user, struct observation *o)
{
    struct worker *w = user;
    w->filling->items[w->filling->count++] = o;
    if (w->filling->count == CHUNK && !w->threaded) {
        deliver_inline(w);
    } else if (w->filling->count == CHUNK) {
        ring_written(&w->out);
        fill_next(w);
    }
}

/* ---- a worker ---- */

/* Flows end in the order of their ids, over all of a worker's shards. */
static void worker_close_due(struct worker *w, const struct stamp *now)
{
    for (;;) {
        struct flow_table *lowest = NULL;
        uint64_t id = UINT64_MAX;
        for (unsigned s = 0; s < LIMIT_SHARDS; s++) {
            if (w->tables[s] != NULL && flow_table_next_due(w->tables[s]) < id) {
                id = flow_table_next_due(w->tables[s]);
                lowest = w->tables[s];
            }
        }
        if (lowest == NULL) {
            return;
        }
        flow_table_close_due(lowest, now);
    }
}

static void worker_tick(struct worker *w, const struct stamp *now, bool everything)
{
    for (unsigned s = 0; s < LIMIT_SHARDS; s++) {
        if (w->tables[s] != NULL) {
            flow_table_due(w->tables[s], now, everything);
        }
    }
    worker_close_due(w, now);
}

static void worker_step(struct worker *w, int64_t by_ns)
{
    for (unsigned s = 0; s < LIMIT_SHARDS && by_ns != 0; s++) {
        if (w->tables[s] != NULL) {
            flow_table_step(w->tables[s], by_ns);
        }
    }
}

static void worker_counts(const struct worker *w, struct flow_counts *sum)
{
    for (unsigned s = 0; s < LIMIT_SHARDS; s++) {
        if (w->tables[s] != NULL) {
            flow_counts_add(sum, flow_table_counts(w->tables[s]));
        }
    }
}

static void tell_given_up(struct worker *w)
{
    struct flow_counts sum = {0};
    worker_counts(w, &sum);
    uint64_t given_up = sum.evicted + sum.evicted_half_open;
    loss_meter_add(&w->pipeline->meter, LOSS_CONVERSATION, given_up - w->told_given_up);
    w->told_given_up = given_up;
}

static void worker_share(struct worker *w, struct share *share)
{
    for (unsigned i = 0; i < share->count; i++) {
        struct item *item = &share->items[i];
        if (item->is_tick) {
            worker_step(w, item->step_ns);
            worker_tick(w, &item->frame.at, false);
        } else {
            flow_table_add(w->tables[item->place.shard], &item->datagram, &item->place);
        }
    }
    for (unsigned i = 0; i < share->block_count; i++) {
        block_drop(share->blocks[i]);
    }
    share->count = share->block_count = 0;
    if (w->pipeline->options.source.live) {
        tell_given_up(w);
    }
}

static void *worker_main(void *argument)
{
    struct worker *w = argument;
    for (bool last = false; !last;) {
        struct share *share = &w->shares[ring_to_read(&w->in)];
        fill_next(w);
        worker_share(w, share);
        last = share->last;
        if (last) {
            worker_tick(w, &w->pipeline->last, true);
        }
        w->filling->round_ends = true;
        w->filling->input_ends = last;
        ring_written(&w->out);
        ring_read(&w->in);
    }
    return NULL;
}

static int worker_init(struct pipeline *p, unsigned index)
{
    struct worker *w = &p->workers[index];
    struct observer observer = {.user = w, .observe = worker_observe};
    w->pipeline = p;
    w->threaded = p->worker_count > 1;
    w->engine = engine_new(&p->options.engine, &observer);
    if (w->engine == NULL) {
        return -ENOMEM;
    }
    for (unsigned s = index; s < LIMIT_SHARDS; s += p->worker_count) {
        struct stream_sink sink = engine_sink(w->engine, s);
        w->tables[s] = flow_table_new(p->options.memory / LIMIT_SHARDS, &sink);
        if (w->tables[s] == NULL) {
            return -ENOMEM;
        }
        engine_attach(w->engine, s, flow_table_pool(w->tables[s]));
    }
    ring_init(&w->in, ROUNDS_AHEAD);
    ring_init(&w->out, CHUNKS_AHEAD);
    pthread_mutex_init(&w->returns_lock, NULL);
    for (unsigned i = 0; i < (w->threaded ? ROUNDS_AHEAD : 1); i++) {
        w->shares[i].items = malloc((ROUND_PACKETS + 1) * sizeof *w->shares[i].items);
        if (w->shares[i].items == NULL) {
            return -ENOMEM;
        }
    }
    return 0;
}

static void worker_done(struct worker *w)
{
    if (w->pipeline == NULL) {
        return;
    }
    for (unsigned s = 0; s < LIMIT_SHARDS; s++) {
        flow_table_free(w->tables[s]);
    }
    if (w->engine != NULL) {
        worker_take_returns(w);
    }
    engine_free(w->engine);
    for (unsigned i = 0; i < ROUNDS_AHEAD; i++) {
        free(w->shares[i].items);
    }
    ring_done(&w->in);
    ring_done(&w->out);
    pthread_mutex_destroy(&w->returns_lock);
}

/* ---- the reader ---- */

/* True when `d` is a whole datagram; *frame is then what it lies in (its block is the caller's when
 * `made`). */
static bool decode_frame(struct pipeline *p, struct packet *frame, struct datagram *d, bool *made)
{
    enum decode_result result = decode(frame, d);
    *made = false;
    if (result == DECODE_OK) {
        return true;
    }
    if (result == DECODE_FRAGMENT) {
        struct packet whole;
        if (fragments_add(p->fragments, d, &whole)) {
            *frame = whole;
            d->frame = frame;
            *made = true;
            return true;
        }
    }
    count_frame(&p->run, result);
    return false;
}

/* Live, time is told many times a second: what jumps is the clock, not time. Files may lack hours.
 */
static void note_step(struct pipeline *p, int64_t now_ns)
{
    int64_t jump = now_ns - p->last.ns;
    bool is_step = p->options.source.live && p->last.ns != 0 && (jump > STEP_NS || jump < -STEP_NS);
    p->step_ns = is_step ? jump : 0;
    if (is_step) {
        fragments_end(p->fragments);
    }
}

/* 1: a packet; SOURCE_IDLE: only time has passed; 0: the end. Sets *tick when capture time has
 * moved on enough before it. */
static int read_packet(struct pipeline *p, struct packet *frame, bool *tick)
{
    bool stop = (p->options.stop != NULL && *p->options.stop != 0) || atomic_load(&p->stop_reading);
    int got = stop ? 0 : source_next(p->source, frame);
    if (got <= 0) {
        p->run.interrupted =
            p->options.stop != NULL && *p->options.stop != 0 && !p->options.source.live;
        if (got < 0) {
            p->read_error = got;
            (void)snprintf(p->read_message, sizeof p->read_message, "%s", source_error(p->source));
        }
        return 0;
    }
    frame->at.order = ++p->order;
    if (p->options.progress != NULL && (got == SOURCE_IDLE || (p->order & 0xfff) == 0)) {
        p->options.progress(p->options.user, source_counts(p->source));
    }
    /* A tick takes the place just before its packet, so that both have one order and flows know
     * their own. */
    note_step(p, frame->at.ns);
    *tick = frame->at.ns >= p->next_tick || p->step_ns != 0;
    if (*tick) {
        p->next_tick = frame->at.ns + TICK_NS;
        fragments_expire(p->fragments, frame->at.ns);
    }
    if (frame->at.precision > p->run.precision) {
        p->run.precision = frame->at.precision;
    }
    p->last = frame->at;
    return got;
}

static void end_stamp(struct pipeline *p)
{
    /* Flows that are open at the end are closed after the last packet. */
    p->last.order = p->order + 1;
}

static void share_hold(struct share *share, struct block *block, bool made)
{
    if (made) {
        share->blocks[share->block_count++] = block;
    } else if (share->block_count == 0 || share->blocks[share->block_count - 1] != block) {
        share->blocks[share->block_count++] = block_hold(block);
    }
}

static void share_tick(struct share *share, const struct packet *frame, int64_t step_ns)
{
    struct item *item = &share->items[share->count++];
    item->frame = *frame;
    item->is_tick = true;
    item->step_ns = step_ns;
}

/* Moves an item to the share of the worker whose flow it belongs to. */
static void share_copy(struct share *share, const struct item *item)
{
    struct item *to = &share->items[share->count];
    *to = *item;
    to->datagram.frame = &to->frame;
}

static void share_add(struct pipeline *p, struct share **shares, struct item *item, bool made)
{
    flow_place_of(&item->datagram, &p->options.flow, &p->secret, &item->place);
    if (p->shedder != NULL &&
        !shed_pass(p->shedder, source_counts(p->source)->load, &item->datagram, &item->place)) {
        block_drop(made ? item->frame.block : NULL);
        return;
    }
    struct share *share = shares[item->place.shard % p->worker_count];
    if (p->options.source.keeper != NULL && item->datagram.protocol == IP_TCP &&
        (item->datagram.tcp.flags & TCP_SYN) != 0) {
        keeper_opening(p->options.source.keeper, &item->frame);
    }
    share_hold(share, item->frame.block, made);
    if (item != &share->items[share->count]) {
        share_copy(share, item);
    }
    share->count++;
}

/* A datagram of which only the beginning came takes a place of its own between the packets. */
static bool take_lost(struct pipeline *p, struct share **shares)
{
    struct item item; /* asked for before every packet: nothing is filled in until there is one */
    if (!fragments_take_lost(p->fragments, &item.datagram, &item.frame)) {
        return false;
    }
    item.is_tick = false;
    item.frame.at.order = ++p->order;
    share_add(p, shares, &item, true);
    return true;
}

/* Deals out up to `most` packets. False when the input has ended. */
static bool deal_round(struct pipeline *p, struct share **shares, unsigned most)
{
    struct packet frame;
    struct item spare;
    bool tick = false, made = false;
    for (unsigned n = 0; n < most; n++) {
        if (take_lost(p, shares)) {
            continue;
        }
        if (p->read_all) {
            return false;
        }
        int got = read_packet(p, &frame, &tick);
        if (got <= 0) {
            p->read_all = true;
            fragments_end(p->fragments);
            continue;
        }
        for (unsigned i = 0; tick && i < p->worker_count; i++) {
            share_tick(shares[i], &frame, p->step_ns);
        }
        if (got == SOURCE_IDLE) {
            return true; /* what is there is not to wait for a full round */
        }
        /* A single worker's packets are decoded where they stay. */
        struct item *item = p->worker_count > 1 ? &spare : &shares[0]->items[shares[0]->count];
        item->frame = frame;
        item->is_tick = false;
        if (decode_frame(p, &item->frame, &item->datagram, &made)) {
            share_add(p, shares, item, made);
        }
        /* A tick and a packet a turn, so a share never has more than a round and its ticks. */
        n += tick;
    }
    return true;
}

static bool read_round(struct pipeline *p, struct share **shares, unsigned most)
{
    bool more = deal_round(p, shares, most);
    loss_meter_read(&p->meter, source_counts(p->source),
                    p->shedder == NULL ? NULL : shed_counts(p->shedder), p->last.ns);
    return more;
}

static void read_inline(struct pipeline *p)
{
    struct worker *w = &p->workers[0];
    struct share *share = &w->shares[0];
    w->filling = &w->chunks[0];
    for (bool more = true; more;) {
        more = read_round(p, &share, INLINE_PACKETS);
        worker_share(w, share);
        deliver_inline(w);
        caught_up(p);
    }
    end_stamp(p);
    worker_tick(w, &p->last, true);
    deliver_inline(w);
}

static void *reader_main(void *argument)
{
    struct pipeline *p = argument;
    struct share *shares[LIMIT_SHARDS];
    for (bool more = true; more;) {
        for (unsigned i = 0; i < p->worker_count; i++) {
            shares[i] = &p->workers[i].shares[ring_to_write(&p->workers[i].in)];
            shares[i]->count = shares[i]->block_count = 0;
            shares[i]->last = false;
        }
        more = read_round(p, shares, ROUND_PACKETS);
        if (!more) {
            end_stamp(p);
        }
        for (unsigned i = 0; i < p->worker_count; i++) {
            shares[i]->last = !more;
            ring_written(&p->workers[i].in);
        }
    }
    return NULL;
}

/* ---- the merge ---- */

struct head { /* a worker's next observation */
    struct worker *worker;
    struct chunk *chunk;
    unsigned at;
    struct observation *done; /* to be given back */
};

static bool comes_before(const struct observation *a, const struct observation *b)
{
    if (a->order != b->order) {
        return a->order < b->order;
    }
    return a->flow.id != b->flow.id ? a->flow.id < b->flow.id : a->sequence < b->sequence;
}

static void head_give_back(struct head *h)
{
    struct observation *o = h->done;
    if (o != NULL) {
        struct observation *tail = o;
        while (tail->next != NULL) {
            tail = tail->next;
        }
        pthread_mutex_lock(&h->worker->returns_lock);
        tail->next = h->worker->returns;
        h->worker->returns = o;
        pthread_mutex_unlock(&h->worker->returns_lock);
        h->done = NULL;
    }
}

/* The next observation of this worker in this round, or NULL when its round is over. */
static struct observation *head_peek(struct head *h)
{
    for (;;) {
        if (h->chunk == NULL) {
            h->chunk = &h->worker->chunks[ring_to_read(&h->worker->out)];
            h->at = 0;
        }
        if (h->at < h->chunk->count) {
            return h->chunk->items[h->at];
        }
        if (h->chunk->round_ends) {
            return NULL;
        }
        h->chunk = NULL;
        head_give_back(h);
        ring_read(&h->worker->out);
    }
}

/* True when it was the last round. */
static bool merge_round(struct pipeline *p, struct head *heads)
{
    bool input_ends = false;
    for (;;) {
        struct head *first = NULL;
        struct observation *best = NULL;
        for (unsigned i = 0; i < p->worker_count; i++) {
            struct observation *o = head_peek(&heads[i]);
            if (o != NULL && (best == NULL || comes_before(o, best))) {
                best = o;
                first = &heads[i];
            }
        }
        if (best == NULL) {
            break;
        }
        deliver(p, best);
        first->at++;
        best->next = first->done;
        first->done = best;
    }
    for (unsigned i = 0; i < p->worker_count; i++) {
        input_ends = heads[i].chunk->input_ends;
        heads[i].chunk = NULL;
        head_give_back(&heads[i]);
        ring_read(&heads[i].worker->out);
    }
    return input_ends;
}

/* Lets a worker that has no reader run out. */
static void end_worker(struct worker *w)
{
    struct share *share = &w->shares[ring_to_write(&w->in)];
    share->count = share->block_count = 0;
    share->last = true;
    ring_written(&w->in);
    pthread_join(w->thread, NULL);
}

static int run_threads(struct pipeline *p)
{
    struct head heads[LIMIT_SHARDS] = {0};
    pthread_t reader;
    unsigned started = 0;
    int failed = 0;
    for (; started < p->worker_count && failed == 0; started++) {
        heads[started].worker = &p->workers[started];
        failed =
            pthread_create(&p->workers[started].thread, NULL, worker_main, &p->workers[started]);
    }
    if (failed == 0) {
        failed = pthread_create(&reader, NULL, reader_main, p);
    } else {
        started--;
    }
    if (failed != 0) {
        while (started-- > 0) {
            end_worker(&p->workers[started]);
        }
        return -failed;
    }
    while (!merge_round(p, heads)) {
        caught_up(p);
    }
    pthread_join(reader, NULL);
    for (unsigned i = 0; i < p->worker_count; i++) {
        pthread_join(p->workers[i].thread, NULL);
    }
    return 0;
}

/* ---- the whole ---- */

int pipeline_open(const struct pipeline_options *options, char error[SOURCE_ERROR],
                  struct pipeline **ret)
{
    struct pipeline *p = calloc(1, sizeof *p);
    if (p == NULL) {
        (void)snprintf(error, SOURCE_ERROR, "out of memory");
        return -ENOMEM;
    }
    p->options = *options;
    /* What an endpoint mapper answers names flows, whoever asks for records of it. */
    p->options.engine.records |= 1u << RECORD_DCERPC;
    p->next_tick = INT64_MIN;
    loss_log_init(&p->losses, options->interval_ns);
    p->worker_count = options->workers > LIMIT_SHARDS ? LIMIT_SHARDS : options->workers;
    clock_gettime(CLOCK_MONOTONIC, &p->started);
    int failed = flow_secret_draw(&p->secret);
    if (failed < 0) {
        (void)snprintf(error, SOURCE_ERROR, "the system gives no random numbers");
    } else {
        failed =
            source_open(options->inputs, options->input_count, &options->source, error, &p->source);
    }
    p->shedder = failed < 0 || !options->source.live ? NULL : shedder_new(&options->shed);
    p->fragments = failed < 0 ? NULL : fragments_new();
    p->endpoints = failed < 0 ? NULL : endpoints_new();
    p->workers = failed < 0 ? NULL : calloc(p->worker_count, sizeof *p->workers);
    if (failed >= 0 && (p->fragments == NULL || p->endpoints == NULL || p->workers == NULL ||
                        (options->source.live && p->shedder == NULL))) {
        failed = -ENOMEM;
    }
    for (unsigned i = 0; i < p->worker_count && failed >= 0; i++) {
        failed = worker_init(p, i);
    }
    if (failed < 0) {
        if (failed == -ENOMEM) {
            (void)snprintf(error, SOURCE_ERROR,
                           "out of memory: a smaller --memory or fewer --workers may help");
        }
        pipeline_close(p);
        return failed;
    }
    *ret = p;
    return 0;
}

int pipeline_run(struct pipeline *p, char error[SOURCE_ERROR])
{
    int failed = 0;
    if (p->options.opened != NULL) {
        p->options.opened(p->options.user, p->source);
    }
    if (p->worker_count == 1) {
        read_inline(p);
    } else {
        failed = run_threads(p);
        if (failed < 0) {
            (void)snprintf(error, SOURCE_ERROR, "cannot start threads: %s", strerror(-failed));
            return failed;
        }
    }
    if (p->read_error < 0) {
        (void)snprintf(error, SOURCE_ERROR, "%s", p->read_message);
    }
    return p->read_error;
}

const struct run *pipeline_summary(struct pipeline *p)
{
    struct run *run = &p->run;
    const struct fragment_counts *fragments = fragments_counts(p->fragments);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    run->inputs = p->options.inputs;
    run->input_count = p->options.input_count;
    run->source = *source_counts(p->source);
    if (p->options.source.live) {
        loss_log_note(&p->losses, &p->meter);
        run->losses = &p->losses;
        run->shed = *shed_counts(p->shedder);
    }
    run->fragments_given_up = fragments->expired + fragments->shed;
    run->flows = (struct flow_counts){0};
    run->engine = (struct engine_counts){0};
    for (unsigned i = 0; i < p->worker_count; i++) {
        engine_counts_add(&run->engine, engine_counts(p->workers[i].engine));
        worker_counts(&p->workers[i], &run->flows);
    }
    run->protocols = (const char *const *)p->protocols.names;
    run->protocol_flows = p->protocols.flows;
    run->protocol_count = p->protocols.count;
    run->seconds =
        (double)(now.tv_sec - p->started.tv_sec) + (double)(now.tv_nsec - p->started.tv_nsec) / 1e9;
    return run;
}

const struct source *pipeline_source(const struct pipeline *p)
{
    return p->source;
}

struct pipeline *pipeline_close(struct pipeline *p)
{
    if (p == NULL) {
        return NULL;
    }
    for (unsigned i = 0; p->workers != NULL && i < p->worker_count; i++) {
        worker_done(&p->workers[i]);
    }
    protocol_tally_done(&p->protocols);
    free(p->workers);
    shedder_free(p->shedder);
    fragments_free(p->fragments);
    endpoints_free(p->endpoints);
    source_free(p->source);
    free(p);
    return NULL;
}
