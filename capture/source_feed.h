/*
 * source_feed.h - the octets of one input, decompressed, as a window that moves forward.
 *
 * Plain, gzip (RFC 1952) or zstd (RFC 8878), found out by content. The window lies in a shared
 * chunk, so what is read need not be copied: only what is left at the end of a chunk moves to the
 * next one.
 *
 * Owner:  feed_close closes the descriptor, unless it is standard input, and drops the chunk.
 * Errors: feed_need false: the input ended (`cut` where a compressed stream broke off), or `error`
 * is a negative errno.
 */
#ifndef ROLECALL_CAPTURE_SOURCE_FEED_H
#define ROLECALL_CAPTURE_SOURCE_FEED_H

#include <signal.h>

#include "capture/source_pool.h"
#include "capture/spool.h"

struct inflation; /* the state of a decompressor */

struct feed {
    struct chunk_pool *pool;
    struct chunk *chunk;
    size_t begin, end;                 /* the window, in the chunk */
    size_t step;                       /* most octets to ask read(2) for */
    uint64_t octets;                   /* read from the descriptor so far */
    uint64_t *octets_read;             /* the same, for all inputs together */
    struct inflation *inflation;       /* NULL: plain */
    const volatile sig_atomic_t *stop; /* NULL, or not 0 when waiting is to end */
    struct spool *spool; /* of standard input: what is read is kept there; NULL: nowhere */
    int fd;
    int error;
    bool ended, cut;
};

/* `octets_read` counts what was read from the descriptor, before decompression. */
int feed_open(struct feed *f, int fd, struct chunk_pool *pool, size_t step, uint64_t *octets_read,
              struct spool *spool) MUST_USE;
void feed_close(struct feed *f);
/* The slow path of feed_need. */
bool feed_fill(struct feed *f, size_t octets);
/* False when the input ends before. */
bool feed_skip(struct feed *f, uint64_t octets) MUST_USE;

/* True when the window holds at least `octets`. */
static inline bool feed_need(struct feed *f, size_t octets)
{
    return LIKELY(f->end - f->begin >= octets) || feed_fill(f, octets);
}

static inline struct bytes feed_window(const struct feed *f)
{
    return bytes_of(f->chunk->octets + f->begin, f->end - f->begin);
}

#endif
