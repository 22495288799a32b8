/*
 * packet.h - one captured frame, and the memory it lies in.
 *
 * Owner: `data` lies in `block`; it is valid until the last reference to the block is given back,
 * so a batch of packets can travel to another thread without a copy.
 */
#ifndef ROLECALL_CAPTURE_PACKET_H
#define ROLECALL_CAPTURE_PACKET_H

#include <stdatomic.h>

#include "capture/bytes.h"
#include "capture/stamp.h"

/* Memory that several packets share. `release` is called when `holders` falls to zero. */
struct block {
    atomic_uint holders;
    void (*release)(struct block *block);
};

static inline struct block *block_hold(struct block *block)
{
    atomic_fetch_add_explicit(&block->holders, 1, memory_order_relaxed);
    return block;
}

static inline void block_drop(struct block *block)
{
    if (block != NULL && atomic_fetch_sub_explicit(&block->holders, 1, memory_order_acq_rel) == 1) {
        block->release(block);
    }
}

struct packet {
    struct stamp at;
    struct bytes data;  /* captured octets, from the link-layer header on */
    uint32_t wire_len;  /* length on the wire */
    uint32_t link_type; /* LINKTYPE_ value of the interface, as libpcap's DLT_ */
    struct block *block;
};

#endif
