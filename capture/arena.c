#include "capture/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Most flows need one small chunk: a dissector's state and a few strings. Who needs more needs much
 * more. */
#define FIRST_OCTETS 1024u
#define FURTHER_OCTETS 4096u

struct chunk {
    struct chunk *next;
    size_t size; /* of this chunk, header included */
};

struct arena {
    struct arena_pool *pool;
    struct chunk *chunks;
    size_t ceiling, taken; /* octets of chunks */
    size_t used;           /* octets handed out */
    char *at;
    size_t left;
};

static size_t aligned(size_t size)
{
    return (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
}

void arena_pool_init(struct arena_pool *pool, size_t limit)
{
    *pool = (struct arena_pool){.limit = limit};
}

static void chunks_free(struct chunk *c)
{
    while (c != NULL) {
        struct chunk *next = c->next;
        free(c);
        c = next;
    }
}

void arena_pool_done(struct arena_pool *pool)
{
    chunks_free(pool->free_first);
    chunks_free(pool->free_further);
    pool->free_first = pool->free_further = NULL;
}

/* The list that chunks of this size wait in, or NULL for odd sizes. */
static void **list_of(struct arena_pool *pool, size_t size)
{
    return size == FIRST_OCTETS     ? &pool->free_first
           : size == FURTHER_OCTETS ? &pool->free_further
                                    : NULL;
}

bool arena_pool_charge(struct arena_pool *pool, size_t size)
{
    if (pool->limit != 0 &&
        size > pool->limit - (pool->used < pool->limit ? pool->used : pool->limit)) {
        return false;
    }
    pool->used += size;
    return true;
}

void arena_pool_refund(struct arena_pool *pool, size_t size)
{
    pool->used -= size;
}

/* Those of odd sizes come zeroed: what is large has not been touched yet. */
static struct chunk *chunk_take(struct arena_pool *pool, size_t size)
{
    if (!arena_pool_charge(pool, size)) {
        return NULL;
    }
    void **list = list_of(pool, size);
    struct chunk *c = list == NULL ? NULL : *list;
    if (c != NULL) {
        *list = c->next;
    } else {
        c = list == NULL ? calloc(1, size) : malloc(size);
    }
    if (c == NULL) {
        arena_pool_refund(pool, size);
        return NULL;
    }
    c->size = size;
    return c;
}

struct arena *arena_new(struct arena_pool *pool, size_t ceiling)
{
    struct chunk *c = chunk_take(pool, FIRST_OCTETS);
    if (c == NULL) {
        return NULL;
    }
    size_t head = aligned(sizeof *c), own = aligned(sizeof(struct arena));
    struct arena *a = (struct arena *)((char *)c + head);
    c->next = NULL;
    *a = (struct arena){.pool = pool,
                        .chunks = c,
                        .ceiling = ceiling,
                        .taken = FIRST_OCTETS,
                        .at = (char *)a + own,
                        .left = FIRST_OCTETS - head - own};
    return a;
}

void *arena_alloc(struct arena *a, size_t size)
{
    if (size > a->ceiling) {
        return NULL;
    }
    bool zeroed = false;
    size = aligned(size == 0 ? 1 : size);
    if (size > a->left) {
        size_t head = aligned(sizeof(struct chunk));
        size_t want = size + head > FURTHER_OCTETS ? size + head : FURTHER_OCTETS;
        if (want > a->ceiling - (a->taken < a->ceiling ? a->taken : a->ceiling)) {
            return NULL;
        }
        struct chunk *c = chunk_take(a->pool, want);
        if (c == NULL) {
            return NULL;
        }
        c->next = a->chunks;
        a->chunks = c;
        a->taken += want;
        a->at = (char *)c + head;
        a->left = want - head;
        zeroed = want != FURTHER_OCTETS;
    }
    void *taken = a->at;
    a->at += size;
    a->left -= size;
    a->used += size;
    return zeroed ? taken : memset(taken, 0, size);
}

char *arena_text(struct arena *a, const void *text, size_t len)
{
    char *copy = len == SIZE_MAX ? NULL : arena_alloc(a, len + 1);
    if (copy != NULL && len != 0) {
        memcpy(copy, text, len);
    }
    return copy;
}

size_t arena_used(const struct arena *a)
{
    return a->used;
}

struct arena *arena_free(struct arena *a)
{
    if (a == NULL) {
        return NULL;
    }
    /* The arena lies in its own first chunk, which is the last of the list. */
    struct arena_pool *pool = a->pool;
    for (struct chunk *c = a->chunks; c != NULL;) {
        struct chunk *next = c->next;
        arena_pool_refund(pool, c->size);
        void **list = list_of(pool, c->size);
        if (list != NULL) {
            c->next = *list;
            *list = c;
        } else {
            free(c);
        }
        c = next;
    }
    return NULL;
}
