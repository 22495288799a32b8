/*
 * protocol_tally.h - the protocols that were seen, by name, and how many flows each has.
 */
#ifndef ROLECALL_DISSECT_PROTOCOL_TALLY_H
#define ROLECALL_DISSECT_PROTOCOL_TALLY_H

#include <stddef.h>
#include <stdint.h>

#define PROTOCOLS 512

struct protocol_tally {
    char *names[PROTOCOLS]; /* sorted */
    uint64_t flows[PROTOCOLS];
    size_t count;
};

void protocol_tally_add(struct protocol_tally *t, const char *name);
void protocol_tally_done(struct protocol_tally *t);

#endif
