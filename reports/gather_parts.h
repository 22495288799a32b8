/*
 * gather_parts.h - the parts of a gathering; only gather*.c include it.
 */
#ifndef ROLECALL_REPORTS_GATHER_PARTS_H
#define ROLECALL_REPORTS_GATHER_PARTS_H

#include "capture/arena.h"
#include "reports/gather.h"

struct gather_memory { /* everything that is kept lies here */
    struct arena_pool pool;
    struct arena *arena;
    uint64_t shed; /* names and certificates not kept */
};

/* Counts the name; past the limit it is shed. NULL: nothing. */
void tally_add(struct tally *t, struct gather_memory *m, const char *name);

/* What a message says of its two ends; NULL: that end is not kept. */
void posture_observe(struct gathered_host *const ends[2], struct gather_memory *m,
                     const struct observation *o);

/* A flow, spread over the time it lasted. */
void traffic_add(struct traffic *t, struct gather_memory *m, const struct observation *flow);

#endif
