#include "tests/bench/random.h"

#include <string.h>

#include "tests/bench/octets.h"

static uint64_t rotate(uint64_t v, unsigned by)
{
    return v << by | v >> (64 - by);
}

void random_init(struct random *r, uint64_t seed)
{
    for (size_t i = 0; i < 4; i++) {
        seed += UINT64_C(0x9e3779b97f4a7c15);
        uint64_t z = seed;
        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        r->state[i] = z ^ z >> 31;
    }
}

uint64_t random_u64(struct random *r)
{
    uint64_t *s = r->state;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

uint32_t random_u32(struct random *r)
{
    return (uint32_t)(random_u64(r) >> 32);
}

uint32_t random_below(struct random *r, uint32_t n)
{
    return random_u32(r) % n;
}

uint32_t random_between(struct random *r, uint32_t low, uint32_t high)
{
    return low + random_below(r, high - low + 1);
}

bool random_chance(struct random *r, uint32_t per_mille)
{
    return random_below(r, 1000) < per_mille;
}

void random_fill(struct random *r, void *to, size_t n)
{
    uint8_t *at = to;

    for (; n >= 8; n -= 8, at += 8) {
        uint64_t v = random_u64(r);
        memcpy(at, &v, 8);
    }
    if (n) {
        uint64_t v = random_u64(r);
        memcpy(at, &v, n);
    }
}

void random_octets(struct random *r, struct octets *o, size_t n)
{
    random_fill(r, octets_grow(o, n), n);
}
