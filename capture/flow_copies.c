#include <string.h>

#include "capture/flow_record.h"

/* 65,536 ns: fine enough for a millisecond, and 2^32 of them are three days. */
#define COPY_TIME_SHIFT 16

/* Without an IP id a copy and a repeat look alike, so only what follows at once is a copy. */
#define COPY_EXACT_NS 1000000

/* Enough of a datagram to tell two of the same length and checksum apart: a DNS or RADIUS header
 * and more. */
#define COPY_HEAD_OCTETS 32u

/* Multiplies and folds the halves. */
static uint64_t mixed(uint64_t hash, uint64_t value)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)(hash ^ value) * UINT64_C(0xd6e8feb86659fd93);
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t of_head(uint64_t hash, struct bytes payload)
{
    uint64_t words[COPY_HEAD_OCTETS / 8] = {0};
    size_t len = payload.len < sizeof words ? payload.len : sizeof words;
    if (len != 0) {
        memcpy(words, payload.at, len);
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        hash = mixed(hash, words[i]);
    }
    return hash;
}

struct copy copy_of(const struct datagram *d, unsigned side)
{
    uint64_t len = d->payload.len + d->payload_cut;
    uint64_t hash = mixed((uint64_t)side << 48 | (uint64_t)d->ip_id << 32, len);
    if (d->protocol == IP_TCP) {
        hash = mixed(hash, (uint64_t)d->tcp.sequence << 32 | d->tcp.acknowledgement);
        hash = mixed(hash, (uint64_t)d->tcp.window << 32 | (uint64_t)d->tcp.checksum << 16 |
                               d->tcp.flags);
    } else {
        bool is_icmp = d->protocol == IP_ICMP || d->protocol == IP_ICMPV6;
        uint32_t kind = is_icmp ? (uint32_t)d->icmp.type << 8 | d->icmp.code : 0;
        hash = of_head(mixed(hash, (uint64_t)kind << 16 | d->transport_checksum), d->payload);
    }
    /* Odd, so that an empty place matches nothing. */
    return (struct copy){.fingerprint = (uint32_t)(hash ^ hash >> 32) | 1,
                         .when = (uint32_t)((uint64_t)d->frame->at.ns >> COPY_TIME_SHIFT)};
}

bool copy_matches(const struct copy *seen, const struct copy *c, const struct datagram *d)
{
    bool has_id = d->version == 4 && d->ip_id != 0;
    int32_t limit = (has_id ? LIMIT_DUPLICATE_NS : COPY_EXACT_NS) >> COPY_TIME_SHIFT;
    int32_t age = sequence_delta(c->when, seen->when);
    return seen->fingerprint == c->fingerprint && age <= limit && age >= -limit;
}

bool copies_has(const struct body *b, const struct copy *c, const struct datagram *d)
{
    for (unsigned i = 0; i < COPIES; i++) {
        if (b->copies[i].fingerprint == c->fingerprint && copy_matches(&b->copies[i], c, d)) {
            return true;
        }
    }
    return false;
}

void copies_add(struct body *b, const struct copy *c)
{
    b->copies[b->copy_at] = *c;
    b->copy_at = (uint8_t)((b->copy_at + 1) % COPIES);
}
