/*
 * random.h - the generator's only source of chance: equal seeds give equal captures.
 *
 * Spec:   xoshiro256** 1.0, seeded by splitmix64. Not for secrets.
 */
#ifndef ROLECALL_BENCH_RANDOM_H
#define ROLECALL_BENCH_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct octets;

struct random {
    uint64_t state[4];
};

void random_init(struct random *r, uint64_t seed);
uint64_t random_u64(struct random *r);
uint32_t random_u32(struct random *r);
/* Below n; n > 0. The modulo bias is of no interest here. */
uint32_t random_below(struct random *r, uint32_t n);
/* From low to high, both included. */
uint32_t random_between(struct random *r, uint32_t low, uint32_t high);
/* True in `per_mille` of 1000 calls. */
bool random_chance(struct random *r, uint32_t per_mille);
void random_fill(struct random *r, void *to, size_t n);
/* Appends n random octets. */
void random_octets(struct random *r, struct octets *o, size_t n);

#endif
