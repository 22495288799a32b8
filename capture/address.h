/*
 * address.h - IPv4 and IPv6 addresses in one shape.
 *
 * IPv4 is kept as ::ffff:a.b.c.d, so one comparison and one prefix walk serve both.
 */
#ifndef ROLECALL_CAPTURE_ADDRESS_H
#define ROLECALL_CAPTURE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct address {
    uint8_t octets[16];
};

#define ADDRESS_TEXT 46 /* INET6_ADDRSTRLEN: room for any address as text */

static inline bool address_is_v4(const struct address *a)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return memcmp(a->octets, mapped, sizeof mapped) == 0;
}

static inline struct address address_v4(const uint8_t *octets)
{
    struct address a = {.octets = {[10] = 0xff, [11] = 0xff}};
    memcpy(a.octets + 12, octets, 4);
    return a;
}

static inline bool address_equal(const struct address *a, const struct address *b)
{
    return memcmp(a->octets, b->octets, sizeof a->octets) == 0;
}

/* For places in tables, which no output may depend on. */
static inline uint32_t address_hash(const struct address *a)
{
    uint64_t half[2];
    memcpy(half, a->octets, sizeof half);
    uint64_t mixed = (half[0] ^ (half[1] << 31 | half[1] >> 33)) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(mixed >> 32);
}

/* Multicast, broadcast (255.255.255.255) and unspecified addresses name no host. */
bool address_is_host(const struct address *a);

/* Dotted or RFC 5952 text, terminated; returns `text`. */
const char *address_format(const struct address *a, char text[ADDRESS_TEXT]);
/* False when `text` is not one address; *ret is then untouched. */
bool address_parse(const char *text, struct address *ret);

#endif
