#include <string.h>

#include "capture/flow_record.h"

__extension__ typedef unsigned __int128 wide;

/* The digits of pi: numbers without a purpose of their own. */
static const uint64_t shard_secret[SECRET_WORDS] = {
    0x243f6a8885a308d3, 0x13198a2e03707344, 0xa4093822299f31d0,
    0x082efa98ec4e6c89, 0x452821e638d01377, 0xbe5466cf34e90c6c,
};

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

uint32_t flow_key_hash(const struct flow_key *key, const uint64_t secret[SECRET_WORDS])
{
    const uint8_t *low = key->low.octets, *high = key->high.octets;
    uint64_t rest = (uint64_t)key->low_port << 48 | (uint64_t)key->high_port << 32 | key->protocol;
    uint64_t a = folded(word(low) ^ secret[0], word(low + 8) ^ secret[1]);
    uint64_t b = folded(word(high) ^ secret[2], word(high + 8) ^ secret[3]);
    uint64_t mixed = folded(a ^ rest ^ secret[4], b ^ key->scope ^ secret[5]);
    return (uint32_t)(mixed ^ mixed >> 32);
}

static uint64_t scope_of(const struct datagram *d, const struct flow_options *o)
{
    uint64_t scope = 0;
    for (unsigned i = 0; i < d->tunnel_count && i < LIMIT_TUNNEL_DEPTH; i++) {
        const struct tunnel *tunnel = &d->tunnels[i];
        if (tunnel->kind == TUNNEL_VLAN ? o->key_vlan : o->key_tunnel) {
            uint64_t id = (uint64_t)tunnel->kind << 32 | tunnel->id;
            scope = folded(scope ^ id ^ shard_secret[0], shard_secret[1]) ^ id;
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
static unsigned key_fill(struct flow_key *key, const struct address *a, uint16_t a_port,
                         const struct address *b, uint16_t b_port)
{
    bool swap = is_higher(a, a_port, b, b_port);
    key->low = swap ? *b : *a;
    key->high = swap ? *a : *b;
    key->low_port = swap ? b_port : a_port;
    key->high_port = swap ? a_port : b_port;
    return swap ? 1 : 0;
}

unsigned flow_key_of(const struct datagram *d, const struct flow_options *o, struct flow_key *ret)
{
    *ret = (struct flow_key){.protocol = d->protocol};
    if (o->key_vlan || o->key_tunnel) {
        ret->scope = scope_of(d, o);
    }
    return key_fill(ret, &d->source, d->source_port, &d->destination, d->destination_port);
}

bool flow_key_quoted(const struct datagram *d, const struct flow_options *o, struct flow_key *ret)
{
    if (d->icmp.about_protocol == 0) {
        return false;
    }
    *ret = (struct flow_key){.protocol = d->icmp.about_protocol, .scope = scope_of(d, o)};
    (void)key_fill(ret, &d->icmp.about_source, d->icmp.about_source_port,
                   &d->icmp.about_destination, d->icmp.about_destination_port);
    return true;
}

uint32_t flow_shard(const struct datagram *d, const struct flow_options *options)
{
    struct flow_key key;
    bool is_icmp = d->protocol == IP_ICMP || d->protocol == IP_ICMPV6;
    if (!is_icmp || !d->icmp.is_error || !flow_key_quoted(d, options, &key)) {
        (void)flow_key_of(d, options, &key);
    }
    return flow_key_hash(&key, shard_secret) % LIMIT_SHARDS;
}
