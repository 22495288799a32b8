/*
 * source_pool.h - the memory that packets lie in: large chunks, shared by reference, used again.
 *
 * Owner:   chunk_take gives one reference; the chunk returns to its pool when the last one is
 * dropped. A pool that was closed lives on until its last chunk has come back. Errors:  NULL when
 * memory is short. Threads: a chunk may be dropped by any thread.
 */
#ifndef ROLECALL_CAPTURE_SOURCE_POOL_H
#define ROLECALL_CAPTURE_SOURCE_POOL_H

#include "capture/attributes.h"
#include "capture/packet.h"

/* One read(2). Small enough to stay in a usual second-level cache until its packets are decoded. */
#define CHUNK_OCTETS ((size_t)256 << 10)

struct chunk_pool;

struct chunk {
    struct block block; /* first, so that a block's release finds its chunk */
    struct chunk_pool *pool;
    struct chunk *next;
    size_t capacity;
    _Alignas(8) uint8_t octets[];
};

struct chunk_pool *chunk_pool_new(void) MUST_USE;
/* At least `octets` of room; one holder. */
struct chunk *chunk_take(struct chunk_pool *pool, size_t octets) MUST_USE;
void chunk_pool_close(struct chunk_pool *pool); /* NULL is fine */

#endif
