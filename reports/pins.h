/*
 * pins.h - the packets that findings of a live capture cite, taken out of the ring of kept packets
 * (capture/keeper.h) before it overwrites them, with the opening of their connections.
 *
 * pins_want is told of a citation as it is made; pins_look, called some times a second, finds those
 * packets. A rule that fires late cites what may be gone: that is counted.
 *
 * Threads: one, that of the audit.
 * Limits:  LIMIT_PINNED_OCTETS, LIMIT_PINS_WANTED; what they cost is counted in `gone`.
 */
#ifndef ROLECALL_REPORTS_PINS_H
#define ROLECALL_REPORTS_PINS_H

#include "capture/keeper.h"

struct pins;

struct pins *pins_new(struct keeper *keeper) MUST_USE;
void pins_want(struct pins *p, uint64_t number);
void pins_look(struct pins *p);
/* All that were pinned, by number; nothing is looked for. */
size_t pins_count(const struct pins *p);
struct packet pins_at(const struct pins *p, size_t i);
uint64_t pins_gone(const struct pins *p); /* cited packets that were not there any more */
/* Those of an audit that is over. */
void pins_clear(struct pins *p);
struct pins *pins_free(struct pins *p); /* NULL is fine; returns NULL */

#endif
