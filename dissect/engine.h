/*
 * engine.h - from ordered octets of flows to observations: identification, buffering, gaps,
 * nesting, limits.
 *
 * One engine per worker thread; it serves the flow tables of several shards. It implements the
 * stream_sink of capture and hands every finished observation to the observer.
 *
 * Owner:  observations passed to observe() belong to the receiver, who gives them back with
 *         observation_release(engine_pool()) - in the engine's own thread.
 */
#ifndef ROLECALL_DISSECT_ENGINE_H
#define ROLECALL_DISSECT_ENGINE_H

#include "capture/stream.h"
#include "dissect/dissector.h"

struct engine;

struct observer {
    void *user;
    void (*observe)(void *user, struct observation *o);
};

struct engine_options {
    bool no_ndpi;  /* own signatures only */
    bool secrets;  /* write NT proofs */
    bool sql_text; /* write the text of SQL requests */
    bool paths;    /* write the paths of files opened on shares */
    bool audited;  /* rules judge: state what they ask for and nobody else does */
    bool brief;    /* nobody writes or watches records: leave out costly facts that no built-in rule
                      reads */
    bool totals;   /* state a flow's times and octets nevertheless */
    bool applications; /* look up nDPI's finer names of services (costs a look-up a host name) */
    uint32_t records;  /* bit per enum record that is wanted */
};

struct engine_counts {
    uint64_t flow_memory;       /* flows abandoned because their state reached its ceiling */
    uint64_t bad_messages;      /* messages that could not be read */
    uint64_t messages_too_long; /* messages passed over because no buffer holds them */
    uint64_t drafts_shed;       /* records lost because too many were open in one flow */
    uint64_t facts_cut;         /* facts lost to a limit */
    uint64_t ndpi_flows;        /* flows shown to nDPI */
    uint64_t nested_too_deep;
};

void engine_counts_add(struct engine_counts *sum, const struct engine_counts *c);

struct engine *engine_new(const struct engine_options *options,
                          const struct observer *observer) MUST_USE;
/* The sink for one shard's table; `pool` is that table's budget. Valid while the engine lives. */
struct stream_sink engine_sink(struct engine *e, unsigned shard);
void engine_attach(struct engine *e, unsigned shard, struct arena_pool *pool);
struct observation_pool *engine_pool(struct engine *e);
const struct engine_counts *engine_counts(const struct engine *e);
struct engine *engine_free(struct engine *e);

#endif
