/*
 * nearest.h - "did you mean": the known word nearest to a misspelt one.
 *
 * Every refusal of a name offers one, in options, policy and facts alike; hence here, at the
 * bottom.
 */
#ifndef ROLECALL_CAPTURE_NEAREST_H
#define ROLECALL_CAPTURE_NEAREST_H

#include <stddef.h>

struct nearest {
    const char *word;
    const char *best; /* borrowed from nearest_offer; NULL while nothing is near */
    size_t distance;
};

struct nearest nearest_of(const char *word);
void nearest_offer(struct nearest *n, const char *known);

#endif
