/*
 * ring.h - a bounded queue between two threads: one writes, one reads, each waits for the other.
 *
 * The slots are the owner's own array of `room` items; the ring only says which is next.
 *
 * Owner: whoever embeds it; ring_done() when both threads are gone.
 */
#ifndef ROLECALL_CAPTURE_RING_H
#define ROLECALL_CAPTURE_RING_H

#include <pthread.h>
#include <stddef.h>

struct ring {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t head, tail, room; /* head: next to read */
};

void ring_init(struct ring *r, size_t room);
void ring_done(struct ring *r);
/* The slot to write next, once there is one; ring_written() hands it over. */
size_t ring_to_write(struct ring *r);
void ring_written(struct ring *r);
/* The slot to read next, once there is one; ring_read() gives it back. */
size_t ring_to_read(struct ring *r);
void ring_read(struct ring *r);

#endif
