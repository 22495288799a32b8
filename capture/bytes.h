/*
 * bytes.h - borrowed octets, and a cursor that cannot leave them.
 *
 * Units:  octets; multi-octet reads say their byte order in the name.
 * Owner:  nobody here; whoever lent `at` outlives the call.
 * Errors: the first short read fails the cursor for good: it is then empty and every later value is
 *         zero. Read a whole structure in the order of its specification, then ask `failed` once.
 *
 * Packet memory is never cast to a struct, and lengths are compared, never pointers: an attacker
 * chooses the lengths.
 */
#ifndef ROLECALL_CAPTURE_BYTES_H
#define ROLECALL_CAPTURE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const uint8_t *at; /* NULL only when a slice was out of range, or the span is empty */
    size_t len;
};

struct cursor {
    struct bytes rest;
    bool failed;
};

static inline struct bytes bytes_of(const void *at, size_t len)
{
    return (struct bytes){.at = at, .len = len};
}

/* The octets of a C string, without its terminator. */
static inline struct bytes bytes_text(const char *text)
{
    return bytes_of(text, strlen(text));
}

/* `len` octets at `off`, or {NULL, 0} when they do not all lie inside `whole`. */
static inline struct bytes bytes_slice(struct bytes whole, size_t off, size_t len)
{
    if (off > whole.len || len > whole.len - off || whole.at == NULL) {
        return (struct bytes){0};
    }
    return bytes_of(whole.at + off, len);
}

/* What remains after the first `off` octets; empty when there are fewer. */
static inline struct bytes bytes_from(struct bytes whole, size_t off)
{
    return off >= whole.len ? (struct bytes){0} : bytes_of(whole.at + off, whole.len - off);
}

static inline bool bytes_is(struct bytes a, const void *octets, size_t len)
{
    return a.len == len && (len == 0 || memcmp(a.at, octets, len) == 0);
}

static inline bool bytes_has_prefix(struct bytes a, const void *octets, size_t len)
{
    return a.len >= len && memcmp(a.at, octets, len) == 0;
}

/* FNV-1a, 64 bit, begun with BYTES_HASH_START or what came before: the same in every run. */
#define BYTES_HASH_START UINT64_C(0xcbf29ce484222325)
static inline uint64_t bytes_hash(uint64_t hash, struct bytes octets)
{
    for (size_t i = 0; i < octets.len; i++) {
        hash = (hash ^ octets.at[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

static inline struct cursor cursor_of(struct bytes span)
{
    return (struct cursor){.rest = span};
}

static inline struct bytes cursor_take(struct cursor *c, size_t n)
{
    if (n > c->rest.len) {
        *c = (struct cursor){.failed = true};
        return (struct bytes){0};
    }
    struct bytes taken = bytes_of(c->rest.at, n);
    c->rest.at = n == 0 ? c->rest.at : c->rest.at + n;
    c->rest.len -= n;
    return taken;
}

/* A child over the next `n` octets; the parent moves past them. Fails both when they are not there.
 */
static inline struct cursor cursor_sub(struct cursor *c, size_t n)
{
    struct bytes span = cursor_take(c, n);
    return (struct cursor){.rest = span, .failed = c->failed};
}

static inline void cursor_skip(struct cursor *c, size_t n)
{
    (void)cursor_take(c, n);
}

static inline uint8_t cursor_u8(struct cursor *c)
{
    struct bytes b = cursor_take(c, 1);
    return b.len == 1 ? b.at[0] : 0;
}

static inline uint16_t cursor_be16(struct cursor *c)
{
    struct bytes b = cursor_take(c, 2);
    return b.len == 2 ? (uint16_t)(b.at[0] << 8 | b.at[1]) : 0;
}

static inline uint32_t cursor_be24(struct cursor *c)
{
    struct bytes b = cursor_take(c, 3);
    return b.len == 3 ? (uint32_t)b.at[0] << 16 | (uint32_t)b.at[1] << 8 | b.at[2] : 0;
}

static inline uint32_t cursor_be32(struct cursor *c)
{
    struct bytes b = cursor_take(c, 4);
    return b.len == 4 ? (uint32_t)b.at[0] << 24 | (uint32_t)b.at[1] << 16 | (uint32_t)b.at[2] << 8 |
                            b.at[3]
                      : 0;
}

static inline uint64_t cursor_be64(struct cursor *c)
{
    uint64_t high = cursor_be32(c);
    return high << 32 | cursor_be32(c);
}

static inline uint16_t cursor_le16(struct cursor *c)
{
    struct bytes b = cursor_take(c, 2);
    return b.len == 2 ? (uint16_t)(b.at[1] << 8 | b.at[0]) : 0;
}

static inline uint32_t cursor_le32(struct cursor *c)
{
    struct bytes b = cursor_take(c, 4);
    return b.len == 4 ? (uint32_t)b.at[3] << 24 | (uint32_t)b.at[2] << 16 | (uint32_t)b.at[1] << 8 |
                            b.at[0]
                      : 0;
}

static inline uint64_t cursor_le64(struct cursor *c)
{
    uint64_t low = cursor_le32(c);
    return low | (uint64_t)cursor_le32(c) << 32;
}

#endif
