/*
 * source_live.h - packets of network interfaces as they pass, through libpcap's memory-mapped ring.
 *
 * Units:  time is the kernel's, in ns where it can.
 * Owner:  a packet lies in a chunk of the pool, held until the next call.
 * Errors: live_open answers a negative errno and one line. An interface that goes away later is no
 * error: it is opened again once a second, and `interface_losses` counts it.
 *
 * What the kernel could not keep, because its ring was full or the interface dropped it, is added
 * to source_counts.dropped. Packets of several interfaces come in the order of their time: each
 * waits until the others must have handed over what they saw before it (200 ms).
 *
 * One ring for each interface and one thread that reads: a ring for each worker
 * (PACKET_FANOUT_HASH) would not raise the rate. Measured by tests/live/rates.py with two workers
 * on two cores, 1.9 M packets: reading and dealing out took 0.98 s of processor time, the
 * workers 1.51 and 1.40, judging in the order of packets 2.01; the cores are full, and the longest
 * part that cannot be divided is judging. Packets of many rings would also have to be put in one
 * order before that.
 */
#ifndef ROLECALL_CAPTURE_SOURCE_LIVE_H
#define ROLECALL_CAPTURE_SOURCE_LIVE_H

#include "capture/keeper.h"
#include "capture/source_filter.h"
#include "capture/source_pool.h"

struct live;

struct live_options {
    const char *const *names; /* of interfaces; "any": all */
    size_t count;
    size_t buffer;                     /* octets of the ring of each */
    const char *filter;                /* checked by the kernel; NULL: all packets */
    const volatile sig_atomic_t *stop; /* as in struct source_options */
    struct chunk_pool *pool;
    struct keeper *keeper; /* of what was captured; NULL: nobody */
    struct source_counts *counts;
};

int live_open(const struct live_options *options, char error[SOURCE_ERROR],
              struct live **ret) MUST_USE;
/* 1: a packet; SOURCE_IDLE: none for a while, ret->at says how late it is; 0: asked to stop;
 * -ENOMEM. */
int live_next(struct live *l, struct packet *ret) MUST_USE;
struct live *live_free(struct live *l); /* NULL is fine; returns NULL */

#endif
