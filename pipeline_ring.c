#include "pipeline_ring.h"

void ring_init(struct ring *r, size_t room)
{
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, NULL);
    r->head = r->tail = 0;
    r->room = room;
}

void ring_done(struct ring *r)
{
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->changed);
}

size_t ring_to_write(struct ring *r)
{
    pthread_mutex_lock(&r->lock);
    while (r->tail - r->head == r->room) {
        pthread_cond_wait(&r->changed, &r->lock);
    }
    size_t slot = r->tail % r->room;
    pthread_mutex_unlock(&r->lock);
    return slot;
}

void ring_written(struct ring *r)
{
    pthread_mutex_lock(&r->lock);
    r->tail++;
    pthread_cond_signal(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

size_t ring_to_read(struct ring *r)
{
    pthread_mutex_lock(&r->lock);
    while (r->tail == r->head) {
        pthread_cond_wait(&r->changed, &r->lock);
    }
    size_t slot = r->head % r->room;
    pthread_mutex_unlock(&r->lock);
    return slot;
}

void ring_read(struct ring *r)
{
    pthread_mutex_lock(&r->lock);
    r->head++;
    pthread_cond_signal(&r->changed);
    pthread_mutex_unlock(&r->lock);
}
