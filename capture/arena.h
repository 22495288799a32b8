/*
 * arena.h - one lifetime, one ceiling.
 *
 * All of a flow's state dies with the flow, so it is taken from one arena and never freed singly.
 * Drawback: what a long-lived flow takes it keeps, so per-message state belongs in a reused slot.
 *
 * Units:  octets.
 * Owner:  arena_new's caller; memory lives until arena_free.
 * Errors: NULL past the ceiling, or when the shard's budget (arena_pool) is used up: the flow is
 * then abandoned and counted, never the process. Threads: a pool belongs to one shard and so to one
 * thread at a time.
 */
#ifndef ROLECALL_CAPTURE_ARENA_H
#define ROLECALL_CAPTURE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "capture/attributes.h"

/* Chunks are recycled through a pool, so that short flows cost no malloc. */
struct arena_pool {
    void *free_first,
        *free_further; /* chunks of the two sizes, each list linked through the chunks */
    size_t used;       /* octets in live arenas and in whatever else is charged here */
    size_t limit;      /* 0: none */
};

struct arena;

void arena_pool_init(struct arena_pool *pool, size_t limit);
void arena_pool_done(struct arena_pool *pool);

/* Charges `size` octets of memory that lives outside arenas; false when the budget has no room. */
bool arena_pool_charge(struct arena_pool *pool, size_t size) MUST_USE;
void arena_pool_refund(struct arena_pool *pool, size_t size);

struct arena *arena_new(struct arena_pool *pool, size_t ceiling) MUST_USE;
void *arena_alloc(struct arena *a,
                  size_t size) MUST_USE; /* zeroed, max-aligned; NULL past the ceiling */
char *arena_text(struct arena *a, const void *text,
                 size_t len) MUST_USE; /* copied and terminated */
size_t arena_used(const struct arena *a);
struct arena *arena_free(struct arena *a); /* NULL is fine; returns NULL */

#endif
