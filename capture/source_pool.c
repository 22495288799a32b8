#include "capture/source_pool.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

/* What lies ready for use: more than this was a peak, and goes back to the system. */
#define FREE_CHUNKS 64

struct chunk_pool {
    pthread_mutex_t lock;
    struct chunk *free_chunks;
    size_t free_count;
    size_t out; /* chunks that somebody holds */
    bool closed;
};

struct chunk_pool *chunk_pool_new(void)
{
    struct chunk_pool *pool = calloc(1, sizeof *pool);
    if (pool != NULL && pthread_mutex_init(&pool->lock, NULL) != 0) {
        free(pool);
        return NULL;
    }
    return pool;
}

static void pool_destroy(struct chunk_pool *pool)
{
    while (pool->free_chunks != NULL) {
        struct chunk *chunk = pool->free_chunks;
        pool->free_chunks = chunk->next;
        free(chunk);
    }
    (void)pthread_mutex_destroy(&pool->lock);
    free(pool);
}

static void chunk_release(struct block *block)
{
    struct chunk *chunk = (struct chunk *)block;
    struct chunk_pool *pool = chunk->pool;
    (void)pthread_mutex_lock(&pool->lock);
    assert(pool->out > 0);
    pool->out--;
    bool last = pool->closed && pool->out == 0;
    bool keep = chunk->capacity == CHUNK_OCTETS && pool->free_count < FREE_CHUNKS;
    if (keep) {
        chunk->next = pool->free_chunks;
        pool->free_chunks = chunk;
        pool->free_count++;
    }
    (void)pthread_mutex_unlock(&pool->lock);
    if (!keep) {
        free(chunk);
    }
    if (last) {
        pool_destroy(pool);
    }
}

struct chunk *chunk_take(struct chunk_pool *pool, size_t octets)
{
    size_t capacity = octets > CHUNK_OCTETS ? octets : CHUNK_OCTETS;
    struct chunk *chunk = NULL;
    (void)pthread_mutex_lock(&pool->lock);
    if (capacity == CHUNK_OCTETS && pool->free_chunks != NULL) {
        chunk = pool->free_chunks;
        pool->free_chunks = chunk->next;
        pool->free_count--;
    }
    (void)pthread_mutex_unlock(&pool->lock);
    if (chunk == NULL) {
        chunk = malloc(sizeof *chunk + capacity);
        if (chunk == NULL) {
            return NULL;
        }
        chunk->capacity = capacity;
        chunk->pool = pool;
        chunk->block.release = chunk_release;
    }
    chunk->next = NULL;
    atomic_init(&chunk->block.holders, 1);
    (void)pthread_mutex_lock(&pool->lock);
    pool->out++;
    (void)pthread_mutex_unlock(&pool->lock);
    return chunk;
}

void chunk_pool_close(struct chunk_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&pool->lock);
    pool->closed = true;
    bool last = pool->out == 0;
    (void)pthread_mutex_unlock(&pool->lock);
    if (last) {
        pool_destroy(pool);
    }
}
