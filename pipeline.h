/*
 * pipeline.h - the four stages joined: packets in, observations out in packet order, on any number
 * of threads.
 *
 * The reader decodes and deals packets to workers by flow (LIMIT_SHARDS fixed shards, so nothing
 * depends on their number); workers follow flows and dissect; the caller's thread receives every
 * observation in the order of the input. With one worker everything runs in the caller's thread.
 *
 * Errors: 0 or a negative errno, with one line in `error`.
 */
#ifndef ROLECALL_PIPELINE_H
#define ROLECALL_PIPELINE_H

#include <signal.h>

#include "capture/source.h"
#include "dissect/engine.h"
#include "reports/records.h"

struct pipeline_options {
    const char *const *inputs;
    size_t input_count;
    struct source_options source;
    struct flow_options flow;
    struct engine_options engine;
    unsigned workers;
    size_t memory;                     /* octets for flows and their state */
    int64_t interval_ns;               /* live: losses are told for each */
    struct shed_options shed;          /* live: whose conversations are never shed; any thread */
    const volatile sig_atomic_t *stop; /* not 0: end early, as if the input ended here */
    /* Called in the reader's thread now and then; NULL: no progress wanted. */
    void (*progress)(void *user, const struct source_counts *counts);
    /* Called in the caller's thread for each observation, in order; returns false to stop. */
    bool (*observe)(void *user, const struct observation *o);
    /* In the caller's thread: what came has been observed; many times a second. NULL: nobody wants
     * to know. */
    void (*caught_up)(void *user);
    /* Called before the first observation, with the source, for file names. */
    void (*opened)(void *user, const struct source *source);
    void *user;
};

struct pipeline;

/* Opens the inputs. */
int pipeline_open(const struct pipeline_options *options, char error[SOURCE_ERROR],
                  struct pipeline **ret) MUST_USE;
/* Runs to the end of the input. An input that breaks half-way ends the run with its error; what was
 * observed until then has been delivered, flows included. */
int pipeline_run(struct pipeline *p, char error[SOURCE_ERROR]) MUST_USE;
/* What the summary says; valid until pipeline_close. */
const struct run *pipeline_summary(struct pipeline *p);
const struct source *pipeline_source(const struct pipeline *p);
struct pipeline *pipeline_close(struct pipeline *p);

#endif
