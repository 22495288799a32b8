#include "capture/flow_record.h"

/* 65,536 ns: fine enough for a millisecond, and 2^32 of them are three days. */
#define COPY_TIME_SHIFT 16

/* Without an IP id a copy and a repeat look alike, so only what follows at once is a copy. */
#define COPY_EXACT_NS 1000000

/* Enough of a datagram to tell two of the same length and checksum apart: a DNS or RADIUS header
 * and more. */
#define COPY_HEAD_OCTETS 32u

static uint32_t mixed(uint32_t hash, uint32_t value)
{
    uint64_t product = (uint64_t)(hash ^ value ^ 0x9e3779b9u) * 0xd6e8feb86659fd93u;
    return (uint32_t)(product ^ product >> 32);
}

static uint32_t of_head(uint32_t hash, struct bytes payload)
{
    uint32_t len = (uint32_t)(payload.len < COPY_HEAD_OCTETS ? payload.len : COPY_HEAD_OCTETS);
    for (uint32_t i = 0; i < len; i++) {
        hash = mixed(hash, payload.at[i] | i << 8);
    }
    return hash;
}

struct copy copy_of(const struct datagram *d, unsigned side)
{
    uint32_t len = (uint32_t)d->payload.len + d->payload_cut;
    uint32_t hash = mixed(side << 16 | d->ip_id, len);
    if (d->protocol == IP_TCP) {
        hash = mixed(hash, d->tcp.sequence);
        hash = mixed(hash, d->tcp.acknowledgement);
        hash = mixed(hash, (uint32_t)d->tcp.window << 16 | d->tcp.checksum);
        hash = mixed(hash, d->tcp.flags);
    } else {
        bool is_icmp = d->protocol == IP_ICMP || d->protocol == IP_ICMPV6;
        uint32_t kind = is_icmp ? (uint32_t)d->icmp.type << 8 | d->icmp.code : 0;
        hash = mixed(hash, kind << 16 | d->transport_checksum);
        hash = of_head(hash, d->payload);
    }
    /* Odd, so that an empty place matches nothing. */
    return (struct copy){.fingerprint = hash | 1,
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
