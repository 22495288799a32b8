#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "capture/attributes.h"
#include "capture/flow.h"

__extension__ typedef unsigned __int128 wide;

/* The digits of pi: numbers without a purpose of their own. */
#define PI_1 0x243f6a8885a308d3u
#define PI_2 0x13198a2e03707344u
#define PI_3 0xa4093822299f31d0u

int flow_secret_draw(struct flow_secret *ret)
{
    ssize_t got = getrandom(ret, sizeof *ret, 0);
    return got == (ssize_t)sizeof *ret ? 0 : -EIO;
}

/* Multiplies and folds the halves: every bit of the result depends on every bit of both. */
static uint64_t folded(uint64_t a, uint64_t b)
{
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t word(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static uint32_t hash_of(const struct flow_key *key, const struct flow_secret *s)
{
    const uint8_t *low = key->low.octets, *high = key->high.octets;
    uint64_t rest = (uint64_t)key->low_port << 48 | (uint64_t)key->high_port << 32 | key->protocol;
    uint64_t a = folded(word(low) ^ s->words[0], word(low + 8) ^ s->words[1]);
    uint64_t b = folded(word(high) ^ s->words[2], word(high + 8) ^ s->words[3]);
    uint64_t mixed = folded(a ^ rest ^ s->words[4], b ^ key->scope ^ s->words[5]);
    return (uint32_t)(mixed ^ mixed >> 32);
}

/* Who fills one shard on purpose costs other flows of that shard their place, no more. */
static uint8_t shard_of(const struct flow_key *key)
{
    uint64_t ports = (uint64_t)key->low_port << 32 | (uint64_t)key->high_port << 16 | key->protocol;
    uint64_t ends = word(key->low.octets + 8) ^ word(key->high.octets + 8) * PI_1;
    return (uint8_t)(folded(ends ^ key->scope ^ PI_2, ports ^ PI_3) % LIMIT_SHARDS);
}

static uint64_t scope_of(const struct datagram *d, const struct flow_options *o)
{
    uint64_t scope = 0;
    for (unsigned i = 0; i < d->tunnel_count && i < LIMIT_TUNNEL_DEPTH; i++) {
        const struct tunnel *tunnel = &d->tunnels[i];
        if (tunnel->kind == TUNNEL_VLAN ? o->key_vlan : o->key_tunnel) {
            uint64_t id = (uint64_t)tunnel->kind << 32 | tunnel->id;
            scope = folded(scope ^ id ^ PI_1, PI_2) ^ id;
        }
    }
    return scope;
}

/* Any order will do that is the same for both directions. */
static bool is_higher(const struct address *a, uint16_t a_port, const struct address *b,
                      uint16_t b_port)
{
    uint64_t a_last = word(a->octets + 8), b_last = word(b->octets + 8);
    if (a_last != b_last) {
        return a_last > b_last;
    }
    uint64_t a_first = word(a->octets), b_first = word(b->octets);
    return a_first != b_first ? a_first > b_first : a_port > b_port;
}

/* Orders the ends; returns which side the first of them became. */
static uint8_t key_fill(struct flow_key *key, const struct address *a, uint16_t a_port,
                        const struct address *b, uint16_t b_port)
{
    bool swap = is_higher(a, a_port, b, b_port);
    key->low = swap ? *b : *a;
    key->high = swap ? *a : *b;
    key->low_port = swap ? b_port : a_port;
    key->high_port = swap ? a_port : b_port;
    return swap ? 1 : 0;
}

/* False when the quoted packet was too short. */
static bool key_quoted(const struct datagram *d, struct flow_place *ret)
{
    if (d->icmp.about_protocol == 0) {
        return false;
    }
    ret->key.protocol = d->icmp.about_protocol;
    ret->side = key_fill(&ret->key, &d->icmp.about_source, d->icmp.about_source_port,
                         &d->icmp.about_destination, d->icmp.about_destination_port);
    return true;
}

void flow_place_of(const struct datagram *d, const struct flow_options *options,
                   const struct flow_secret *secret, struct flow_place *ret)
{
    struct flow_key *key = &ret->key;
    bool is_icmp = d->protocol == IP_ICMP || d->protocol == IP_ICMPV6;
    key->scope = options->key_vlan || options->key_tunnel ? scope_of(d, options) : 0;
    key->protocol = d->protocol;
    ret->is_error = UNLIKELY(is_icmp) && d->icmp.is_error;
    if (LIKELY(!ret->is_error) || !key_quoted(d, ret)) {
        ret->side = key_fill(key, &d->source, d->source_port, &d->destination, d->destination_port);
    }
    ret->hash = hash_of(key, secret);
    ret->shard = shard_of(key);
}

bool flow_place_of_segment(const struct packet *p, const struct flow_secret *secret,
                           struct datagram *ret_datagram, struct flow_place *ret)
{
    static const struct flow_options plain;
    if (decode(p, ret_datagram) != DECODE_OK || ret_datagram->protocol != IP_TCP) {
        return false;
    }
    memset(ret, 0, sizeof *ret); /* padding as well */
    flow_place_of(ret_datagram, &plain, secret, ret);
    return true;
}
