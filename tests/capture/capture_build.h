/*
 * capture_build.h - capture files for the tests, octet by octet, in a directory that goes away.
 */
#ifndef ROLECALL_TESTS_CAPTURE_CAPTURE_BUILD_H
#define ROLECALL_TESTS_CAPTURE_CAPTURE_BUILD_H

#include <zlib.h>
#include <zstd.h>

#include "tests/test.h"

struct octets {
    uint8_t *at;
    size_t len, room;
};

static inline void put(struct octets *o, const void *from, size_t len)
{
    if (len == 0) {
        return;
    }
    if (o->len + len > o->room) {
        o->room = (o->len + len) * 2;
        o->at = realloc(o->at, o->room);
        assert_non_null(o->at);
    }
    memcpy(o->at + o->len, from, len);
    o->len += len;
}

static inline void put_number(struct octets *o, bool big, uint64_t value, unsigned len)
{
    for (unsigned i = 0; i < len; i++) {
        unsigned shift = 8 * (big ? len - 1 - i : i);
        uint8_t octet = shift < 64 ? (uint8_t)(value >> shift) : 0;
        put(o, &octet, 1);
    }
}

static inline void octets_done(struct octets *o)
{
    free(o->at);
    *o = (struct octets){0};
}

static inline void put_pcap_header(struct octets *o, bool big, uint32_t magic, uint32_t link)
{
    put_number(o, big, magic, 4);
    put_number(o, big, 2, 2);
    put_number(o, big, 4, 2);
    put_number(o, big, 0, 8);
    put_number(o, big, 65535, 4);
    put_number(o, big, link, 4);
}

struct record {
    uint32_t seconds, fraction;
    const void *data;
    uint32_t len, wire_len;
};

static inline void put_pcap_record(struct octets *o, bool big, struct record r)
{
    put_number(o, big, r.seconds, 4);
    put_number(o, big, r.fraction, 4);
    put_number(o, big, r.len, 4);
    put_number(o, big, r.wire_len, 4);
    put(o, r.data, r.len);
}

/* Little-endian, microseconds, one record of a few octets per second given. */
static inline void put_pcap(struct octets *o, uint32_t link, const uint32_t *seconds, size_t count)
{
    put_pcap_header(o, false, 0xa1b2c3d4, link);
    for (size_t i = 0; i < count; i++) {
        put_pcap_record(o, false, (struct record){seconds[i], 0, &seconds[i], 4, 4});
    }
}

static inline void put_block(struct octets *o, bool big, uint32_t type, const struct octets *body)
{
    size_t padding = (4 - body->len % 4) % 4;
    put_number(o, big, type, 4);
    put_number(o, big, body->len + padding + 12, 4);
    put(o, body->at, body->len);
    put_number(o, big, 0, (unsigned)padding);
    put_number(o, big, body->len + padding + 12, 4);
}

static inline void put_section(struct octets *o, bool big)
{
    struct octets body = {0};
    put_number(&body, big, 0x1a2b3c4d, 4);
    put_number(&body, big, 1, 2);
    put_number(&body, big, 0, 2);
    put_number(&body, big, UINT64_MAX, 8);
    put_block(o, big, 0x0a0d0d0a, &body);
    octets_done(&body);
}

/* `resolution` < 0: without the option. */
static inline void put_interface(struct octets *o, bool big, uint16_t link, int resolution,
                                 int64_t offset)
{
    struct octets body = {0};
    put_number(&body, big, link, 2);
    put_number(&body, big, 0, 2);
    put_number(&body, big, 0, 4);
    put_number(&body, big, 2, 2); /* if_name */
    put_number(&body, big, 3, 2);
    put(&body, "en0\0", 4);
    if (resolution >= 0) {
        put_number(&body, big, 9, 2);
        put_number(&body, big, 1, 2);
        put_number(&body, false, (uint64_t)resolution, 4);
    }
    if (offset != 0) {
        put_number(&body, big, 14, 2);
        put_number(&body, big, 8, 2);
        put_number(&body, big, (uint64_t)offset, 8);
    }
    put_number(&body, big, 0, 4);
    put_block(o, big, 1, &body);
    octets_done(&body);
}

static inline void put_enhanced(struct octets *o, bool big, uint32_t interface, uint64_t units,
                                struct record r)
{
    struct octets body = {0};
    put_number(&body, big, interface, 4);
    put_number(&body, big, units >> 32, 4);
    put_number(&body, big, units & 0xffffffff, 4);
    put_number(&body, big, r.len, 4);
    put_number(&body, big, r.wire_len, 4);
    put(&body, r.data, r.len);
    put_number(&body, big, 0, (4 - r.len % 4) % 4);
    put_number(&body, big, 2, 2); /* epb_flags */
    put_number(&body, big, 4, 2);
    put_number(&body, big, 1, 4);
    put_number(&body, big, 0, 4);
    put_block(o, big, 6, &body);
    octets_done(&body);
}

static inline struct octets gzipped(const struct octets *o)
{
    struct octets packed = {.room = compressBound(o->len) + 64};
    packed.at = malloc(packed.room);
    assert_non_null(packed.at);
    z_stream z = {.next_in = o->at,
                  .avail_in = (uInt)o->len,
                  .next_out = packed.at,
                  .avail_out = (uInt)packed.room};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    packed.len = z.total_out;
    (void)deflateEnd(&z);
    return packed;
}

static inline struct octets zstandard(const struct octets *o)
{
    struct octets packed = {.room = ZSTD_compressBound(o->len)};
    packed.at = malloc(packed.room);
    assert_non_null(packed.at);
    packed.len = ZSTD_compress(packed.at, packed.room, o->at, o->len, 3);
    assert_false(ZSTD_isError(packed.len));
    return packed;
}

#endif
