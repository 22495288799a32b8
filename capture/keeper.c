#include "capture/keeper.h"

#include <pthread.h>
#include <stdlib.h>

#include "capture/source_pool.h"

struct kept_chunk {
    struct chunk *chunk;
    atomic_size_t filled;
};

struct keeper {
    pthread_mutex_t lock;
    size_t room;             /* chunks */
    uint64_t begun;          /* chunks ever; the serial number of the next one */
    uint64_t oldest;         /* the serial number of the oldest that is there */
    struct kept_chunk *list; /* by serial number modulo room */
    struct keeper *openings; /* NULL: this is the ring of openings, which has what follows */
    struct chunk_pool *pool;
    struct chunk *filling;
    size_t filled;
};

static struct keeper *ring_new(size_t octets)
{
    struct keeper *k = calloc(1, sizeof *k);
    if (k == NULL) {
        return NULL;
    }
    k->room = octets / CHUNK_OCTETS < 2 ? 2 : octets / CHUNK_OCTETS;
    k->list = calloc(k->room, sizeof *k->list);
    if (k->list == NULL || pthread_mutex_init(&k->lock, NULL) != 0) {
        free(k->list);
        free(k);
        return NULL;
    }
    return k;
}

struct keeper *keeper_new(size_t octets)
{
    struct keeper *k = ring_new(octets - octets / 8);
    if (k == NULL) {
        return NULL;
    }
    k->openings = ring_new(octets / 8);
    if (k->openings != NULL) {
        k->openings->pool = chunk_pool_new();
    }
    return k->openings == NULL || k->openings->pool == NULL ? keeper_free(k) : k;
}

void keeper_lock(struct keeper *k)
{
    (void)pthread_mutex_lock(&k->lock);
    if (k->openings != NULL) {
        keeper_lock(k->openings);
    }
}

void keeper_unlock(struct keeper *k)
{
    if (k->openings != NULL) {
        keeper_unlock(k->openings);
    }
    (void)pthread_mutex_unlock(&k->lock);
}

void keeper_begin(struct keeper *k, struct chunk *chunk)
{
    struct chunk *gone = NULL;
    keeper_lock(k);
    struct kept_chunk *place = &k->list[k->begun % k->room];
    if (k->begun - k->oldest == k->room) {
        gone = place->chunk;
        k->oldest++;
    }
    place->chunk = chunk;
    atomic_store_explicit(&place->filled, 0, memory_order_relaxed);
    (void)block_hold(&chunk->block);
    k->begun++;
    keeper_unlock(k);
    block_drop(gone == NULL ? NULL : &gone->block);
}

void keeper_filled(struct keeper *k, size_t octets)
{
    /* Only this thread changes `begun`. */
    atomic_store_explicit(&k->list[(k->begun - 1) % k->room].filled, octets, memory_order_release);
}

void keeper_opening(struct keeper *k, const struct packet *p)
{
    struct keeper *o = k->openings;
    size_t taken = kept_octets(p->data.len);
    if (o->filling == NULL || o->filling->capacity - o->filled < taken) {
        block_drop(o->filling == NULL ? NULL : &o->filling->block);
        o->filling = chunk_take(o->pool, taken);
        o->filled = 0;
        if (o->filling == NULL) {
            return;
        }
        keeper_begin(o, o->filling);
    }
    struct kept_head *head = (void *)(o->filling->octets + o->filled);
    *head = (struct kept_head){.number = p->at.packet,
                               .ns = p->at.ns,
                               .len = (uint32_t)p->data.len,
                               .wire_len = p->wire_len,
                               .link_type = p->link_type,
                               .precision = p->at.precision};
    memcpy(head + 1, p->data.at, p->data.len);
    o->filled += taken;
    keeper_filled(o, o->filled);
}

void keeper_enter(struct keeper *k, size_t most, struct keeper_walk *ret)
{
    *ret = (struct keeper_walk){.keeper = k, .left = most};
    keeper_lock(k);
    ret->next = k->begun;
    keeper_unlock(k);
}

/* The next older chunk; false when there is none. */
static bool next_chunk(struct keeper_walk *w)
{
    struct keeper *k = w->keeper;
    keeper_leave(w);
    keeper_lock(k);
    if (w->left > 0 && w->next > k->oldest) {
        const struct kept_chunk *place = &k->list[--w->next % k->room];
        w->chunk = place->chunk;
        w->filled = atomic_load_explicit(&place->filled, memory_order_acquire);
        w->at = 0;
        (void)block_hold(&w->chunk->block);
    }
    keeper_unlock(k);
    if (w->chunk != NULL) {
        w->left -= w->filled < w->left ? w->filled : w->left;
    }
    return w->chunk != NULL;
}

bool keeper_next(struct keeper_walk *w, struct packet *ret)
{
    for (;;) {
        while (w->chunk == NULL || w->at >= w->filled) {
            if (!next_chunk(w)) {
                if (w->keeper->openings == NULL) {
                    return false;
                }
                keeper_enter(w->keeper->openings, SIZE_MAX, w);
            }
        }
        const uint8_t *at = w->chunk->octets + w->at;
        const struct kept_head *head = (const void *)at;
        uint64_t number = atomic_load_explicit(&head->number, memory_order_acquire);
        w->at += kept_octets(head->len);
        if (number != 0) {
            *ret = (struct packet){
                .at = {.packet = number, .ns = head->ns, .precision = head->precision},
                .data = bytes_of(at + sizeof *head, head->len),
                .wire_len = head->wire_len,
                .link_type = head->link_type,
                .block = &w->chunk->block,
            };
            return true;
        }
    }
}

void keeper_leave(struct keeper_walk *w)
{
    block_drop(w->chunk == NULL ? NULL : &w->chunk->block);
    w->chunk = NULL;
}

struct keeper *keeper_free(struct keeper *k)
{
    if (k == NULL) {
        return NULL;
    }
    (void)keeper_free(k->openings);
    block_drop(k->filling == NULL ? NULL : &k->filling->block);
    while (k->oldest < k->begun) {
        block_drop(&k->list[k->oldest++ % k->room].chunk->block);
    }
    chunk_pool_close(k->pool);
    (void)pthread_mutex_destroy(&k->lock);
    free(k->list);
    free(k);
    return NULL;
}
