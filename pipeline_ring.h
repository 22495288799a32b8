/*
 * pipeline_ring.h - a bounded queue of fixed slots between two threads: which slot is whose.
 *
 * One producer, one consumer. The slots themselves are the caller's, an array of `room`.
 */
#ifndef ROLECALL_PIPELINE_RING_H
#define ROLECALL_PIPELINE_RING_H

#include <pthread.h>
#include <stddef.h>

struct ring {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t head, tail, room; /* head: next to read */
};

void ring_init(struct ring *r, size_t room);
void ring_done(struct ring *r);
/* The slot to write next, once there is one; and that it is written. */
size_t ring_to_write(struct ring *r);
void ring_written(struct ring *r);
/* The slot to read next, once there is one; and that it was read. */
size_t ring_to_read(struct ring *r);
void ring_read(struct ring *r);

#endif
