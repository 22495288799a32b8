/*
 * keeper.h - the packets of a live capture, kept for a while: a ring of the chunks that they lie in
 * anyway, so that keeping costs no copy. When it is full, the oldest chunk goes.
 *
 * Openings of connections are few and small, and are cited when the connection is over, hours
 * later: copies of them have a ring of their own.
 *
 * A kept packet lies behind a `struct kept_head` in its chunk. One thread writes; any thread reads.
 *
 * Units:  `octets` of memory, heads included; packets by the number that they were given.
 * Owner:  what keeper_next gives is valid until the next call with the same walk, or keeper_leave.
 */
#ifndef ROLECALL_CAPTURE_KEEPER_H
#define ROLECALL_CAPTURE_KEEPER_H

#include "capture/attributes.h"
#include "capture/packet.h"

struct keeper;
struct chunk; /* of source_pool.h */

/* An eighth of it for openings. */
struct keeper *keeper_new(size_t octets) MUST_USE;
/* ---- by the thread that captures ---- */

struct kept_head {
    atomic_uint_fast64_t number; /* 0: not delivered yet */
    int64_t ns;
    uint32_t len, wire_len, link_type;
    uint8_t precision;
};
#define KEPT_ALIGN 8u
/* Octets that a packet of this length takes of a chunk. */
static inline size_t kept_octets(size_t len)
{
    return (sizeof(struct kept_head) + len + KEPT_ALIGN - 1) & ~(size_t)(KEPT_ALIGN - 1);
}

/* A chunk that is going to be filled; the keeper holds it, and lets the oldest go for it. */
void keeper_begin(struct keeper *k, struct chunk *chunk);
/* How far that chunk is filled. */
void keeper_filled(struct keeper *k, size_t octets);

/* A packet that opens a connection, which has its number. Without memory, it is not kept. */
void keeper_opening(struct keeper *k, const struct packet *p);

/* ---- by any thread ---- */

struct keeper_walk {
    struct keeper *keeper;
    size_t left;         /* octets that may still be walked over */
    uint64_t next;       /* the serial number of the chunk to look at next; goes down */
    struct chunk *chunk; /* held */
    size_t at, filled;
};

/* Chunk by chunk, the newest first, over `most` octets; within a chunk from the oldest packet. Then
 * all openings, in the same way. */
void keeper_enter(struct keeper *k, size_t most, struct keeper_walk *ret);
bool keeper_next(struct keeper_walk *w, struct packet *ret);
void keeper_leave(struct keeper_walk *w);
/* Around fork(2), so that the child finds the ring in order. */
void keeper_lock(struct keeper *k);
void keeper_unlock(struct keeper *k);
struct keeper *keeper_free(struct keeper *k); /* NULL is fine; returns NULL */

#endif
