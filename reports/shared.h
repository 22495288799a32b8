/*
 * shared.h - octets that several threads hold: never changed once they are handed on, freed by the
 * last who drops them.
 */
#ifndef ROLECALL_REPORTS_SHARED_H
#define ROLECALL_REPORTS_SHARED_H

#include "capture/attributes.h"
#include "capture/bytes.h"

struct shared;

/* A copy of `octets`. NULL: out of memory. */
struct shared *shared_copy(struct bytes octets) MUST_USE;
/* Zeroed memory that a child process writes and its parent then reads (mmap(2), MAP_SHARED): costs
 * what is written. */
struct shared *shared_between(size_t room) MUST_USE;
/* Before it is handed on: where to write, and what stays of it. */
uint8_t *shared_room(struct shared *s);
void shared_trim(struct shared *s, size_t len);

struct bytes shared_octets(const struct shared *s);
struct shared *shared_hold(struct shared *s);
void shared_drop(struct shared *s); /* NULL is fine */

#endif
