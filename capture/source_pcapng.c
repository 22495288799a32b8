#include <errno.h>
#include <stdlib.h>

#include "capture/limits.h"
#include "capture/source_reader.h"

/* draft-ietf-opsawg-pcapng 11.1 */
enum block_type {
    BLOCK_INTERFACE = 1,
    BLOCK_PACKET = 2, /* obsolete, appendix A */
    BLOCK_SIMPLE_PACKET = 3,
    BLOCK_STATISTICS = 5,
    BLOCK_ENHANCED_PACKET = 6,
};

#define SECTION_HEADER 0x0a0d0d0au /* reads the same in both byte orders */
#define BYTE_ORDER_MAGIC 0x1a2b3c4du

#define BLOCK_HEADER 8u   /* type, total length */
#define BLOCK_FRAME 12u   /* with the total length repeated at the end */
#define SECTION_FIXED 24u /* up to the options */

enum { OPTION_TSRESOL = 9, OPTION_TSOFFSET = 14 };          /* 4.2 */
enum { OPTION_INTERFACE_DROP = 5, OPTION_SYSTEM_DROP = 7 }; /* 4.6 */

static uint64_t read_u64(const struct reader *r, struct cursor *c)
{
    return r->big_endian ? cursor_be64(c) : cursor_le64(c);
}

/* 3.5: the next option's code and value; false at the end. */
static bool next_option(const struct reader *r, struct cursor *c, uint16_t *ret_code,
                        struct bytes *ret_value)
{
    uint16_t code = reader_u16(r, c);
    uint16_t len = reader_u16(r, c);
    struct bytes value = cursor_take(c, len);
    if (c->failed || code == 0) {
        return false;
    }
    cursor_skip(c, (4u - len % 4u) % 4u);
    *ret_code = code;
    *ret_value = value;
    return true;
}

/* 4.2, if_tsresol: a power of ten, or of two when the highest bit is set */
static void set_resolution(struct reader_interface *i, uint8_t resolution)
{
    unsigned power = resolution & 0x7fu;
    i->precision = power <= 6 ? 6 : 9;
    i->scale = 1;
    i->binary = 0;
    i->finer = false;
    if ((resolution & 0x80) != 0 && power != 0) {
        i->binary = (uint8_t)power;
        i->precision = power < 20 ? 6 : 9; /* 2^-20 s is just finer than a microsecond */
        return;
    }
    i->finer = power > 9;
    for (unsigned n = i->finer ? power - 9 : 9 - power; n > 0; n--) {
        i->scale = i->scale > UINT64_MAX / 10 ? UINT64_MAX : i->scale * 10;
    }
}

static uint64_t binary_ns(uint64_t units, unsigned power)
{
    uint64_t seconds = power < 64 ? units >> power : 0;
    uint64_t fraction = power < 64 ? units & ((UINT64_C(1) << power) - 1) : units;
    if (power > 32) { /* 2^-32 s is finer than a nanosecond; more bits would overflow below */
        fraction = power - 32 < 64 ? fraction >> (power - 32) : 0;
        power = 32;
    }
    return seconds * UINT64_C(1000000000) + (fraction * UINT64_C(1000000000) >> power);
}

static int64_t interface_ns(const struct reader_interface *i, uint32_t high, uint32_t low)
{
    uint64_t units = (uint64_t)high << 32 | low;
    uint64_t ns = i->finer ? units / i->scale : units * i->scale;
    if (UNLIKELY(i->binary != 0)) {
        ns = binary_ns(units, i->binary);
    }
    return (int64_t)(ns + (uint64_t)i->offset_ns);
}

/* 4.2: link type, reserved, snap length, options */
static bool read_interface(struct reader *r, struct cursor c)
{
    if (r->interface_count == r->interface_room) {
        uint32_t room = r->interface_room == 0 ? 4 : r->interface_room * 2;
        struct reader_interface *grown = NULL;
        if (room <= LIMIT_INTERFACES) {
            grown = realloc(r->interfaces, room * sizeof *grown);
        }
        if (grown == NULL) {
            return false;
        }
        r->interfaces = grown;
        r->interface_room = room;
    }
    struct reader_interface i = {0};
    set_resolution(&i, 6);
    i.link_type = reader_u16(r, &c);
    cursor_skip(&c, 2);
    i.snap = reader_u32(r, &c);
    uint16_t code;
    struct bytes value;
    while (next_option(r, &c, &code, &value)) {
        struct cursor v = cursor_of(value);
        if (code == OPTION_TSRESOL && value.len == 1) {
            set_resolution(&i, cursor_u8(&v));
        } else if (code == OPTION_TSOFFSET && value.len == 8) {
            i.offset_ns = (int64_t)(read_u64(r, &v) * UINT64_C(1000000000));
        }
    }
    r->interfaces[r->interface_count++] = i;
    return true;
}

/* 4.6: interface id, time stamp, options; the counters run from the start of the capture */
static void read_statistics(struct reader *r, struct cursor c)
{
    uint32_t id = reader_u32(r, &c);
    cursor_skip(&c, 8);
    if (c.failed || id >= r->interface_count) {
        return;
    }
    struct reader_interface *i = &r->interfaces[id];
    uint64_t dropped = 0;
    uint16_t code;
    struct bytes value;
    while (next_option(r, &c, &code, &value)) {
        struct cursor v = cursor_of(value);
        if ((code == OPTION_INTERFACE_DROP || code == OPTION_SYSTEM_DROP) && value.len == 8) {
            dropped += read_u64(r, &v);
        }
    }
    if (dropped > i->dropped) {
        r->counts->dropped += dropped - i->dropped;
        i->dropped = dropped;
    }
}

/* 4.1: the byte order may change, and interfaces are counted anew. False: no valid section header.
 */
static bool read_section(struct reader *r, uint32_t *ret_length)
{
    if (!feed_need(&r->feed, SECTION_FIXED)) {
        return false;
    }
    struct cursor c = cursor_of(feed_window(&r->feed));
    cursor_skip(&c, BLOCK_HEADER);
    struct cursor swapped = c;
    bool little = cursor_le32(&c) == BYTE_ORDER_MAGIC;
    bool big = cursor_be32(&swapped) == BYTE_ORDER_MAGIC;
    if (!little && !big) {
        return false;
    }
    r->big_endian = big;
    r->interface_count = 0;
    c = cursor_of(bytes_from(feed_window(&r->feed), 4));
    *ret_length = reader_u32(r, &c);
    return *ret_length >= SECTION_FIXED;
}

/* A block that is read as a whole: its body without the frame. */
static bool whole_body(struct reader *r, uint32_t length, struct cursor *ret)
{
    if (length > LIMIT_FRAME_OCTETS || !feed_need(&r->feed, length)) {
        return false;
    }
    *ret = cursor_of(bytes_slice(feed_window(&r->feed), BLOCK_HEADER, length - BLOCK_FRAME));
    return true;
}

/* What the three packet blocks have in common. */
struct frame_block {
    uint32_t interface;
    uint32_t high, low;
    uint32_t captured, original;
    uint32_t header; /* octets before the frame, block header included */
    bool stamped;
};

/* 4.3, 4.4, appendix A */
static struct frame_block read_frame_block(const struct reader *r, uint32_t type, uint32_t length)
{
    struct frame_block b = {.header = 28, .stamped = true};
    struct cursor c =
        cursor_of(bytes_slice(feed_window(&r->feed), 0, type == BLOCK_SIMPLE_PACKET ? 12 : 28));
    cursor_skip(&c, BLOCK_HEADER);
    if (type == BLOCK_SIMPLE_PACKET) {
        b.stamped = false;
        b.header = 12;
        b.original = reader_u32(r, &c);
        b.captured = b.original;
        uint32_t snap = r->interface_count > 0 ? r->interfaces[0].snap : 0;
        if (snap != 0 && snap < b.captured) {
            b.captured = snap;
        }
        if (b.captured > length - 4 - b.header) {
            b.captured = length - 4 - b.header;
        }
        return b;
    }
    if (type == BLOCK_PACKET) {
        b.interface = reader_u16(r, &c);
        cursor_skip(&c, 2);
    } else {
        b.interface = reader_u32(r, &c);
    }
    b.high = reader_u32(r, &c);
    b.low = reader_u32(r, &c);
    b.captured = reader_u32(r, &c);
    b.original = reader_u32(r, &c);
    return b;
}

/* The window begins with a packet block of `length` octets. */
static enum reader_answer read_frame(struct reader *r, uint32_t type, uint32_t length,
                                     struct packet *ret)
{
    struct feed *f = &r->feed;
    uint32_t fixed = type == BLOCK_SIMPLE_PACKET ? 12 : 28;
    if (length < fixed + 4) {
        return READER_CUT;
    }
    if (!feed_need(f, fixed)) {
        return reader_stopped(r, false);
    }
    struct frame_block b = read_frame_block(r, type, length);
    if (b.captured > LIMIT_FRAME_OCTETS || b.captured > length - 4 - b.header ||
        b.interface >= r->interface_count) {
        return READER_CUT;
    }
    if (!feed_need(f, (size_t)b.header + b.captured)) {
        return reader_stopped(r, false);
    }
    const struct reader_interface *i = &r->interfaces[b.interface];
    r->last_ns = b.stamped ? interface_ns(i, b.high, b.low) : r->last_ns;
    ret->at = (struct stamp){
        .packet = ++r->number,
        .ns = r->last_ns,
        .file = r->file,
        .precision = i->precision,
    };
    ret->data = bytes_slice(feed_window(f), b.header, b.captured);
    ret->wire_len = b.original < b.captured ? b.captured : b.original;
    ret->link_type = i->link_type;
    ret->block = &f->chunk->block;
    f->begin += b.header + b.captured;
    r->pending = length - b.header - b.captured; /* passed at the next call: the packet must stay */
    return READER_PACKET;
}

/* Reads or passes one block that holds no packet; false: damaged or cut. */
static bool read_other(struct reader *r, uint32_t type, uint32_t length)
{
    struct cursor body;
    if (type == SECTION_HEADER && !read_section(r, &length)) {
        return false;
    }
    if (type == BLOCK_INTERFACE && (!whole_body(r, length, &body) || !read_interface(r, body))) {
        return false;
    }
    if (type == BLOCK_STATISTICS && whole_body(r, length, &body)) {
        read_statistics(r, body);
    }
    return feed_skip(&r->feed, length);
}

static enum reader_answer pcapng_next(struct reader *r, struct packet *ret)
{
    struct feed *f = &r->feed;
    for (;;) {
        if (r->pending != 0 && !feed_skip(f, r->pending)) {
            r->pending = 0;
            return reader_stopped(r, false);
        }
        r->pending = 0;
        if (!feed_need(f, BLOCK_HEADER)) {
            return reader_stopped(r, true);
        }
        struct cursor c = cursor_of(bytes_slice(feed_window(f), 0, BLOCK_HEADER));
        uint32_t type = reader_u32(r, &c);
        uint32_t length = reader_u32(r, &c);
        if (type != SECTION_HEADER && (length < BLOCK_FRAME || length % 4 != 0)) {
            return READER_CUT;
        }
        if (type == BLOCK_ENHANCED_PACKET || type == BLOCK_SIMPLE_PACKET || type == BLOCK_PACKET) {
            return read_frame(r, type, length, ret);
        }
        if (!read_other(r, type, length)) {
            return reader_stopped(r, false);
        }
    }
}

int reader_try_pcapng(struct reader *r)
{
    struct cursor c = cursor_of(feed_window(&r->feed));
    if (cursor_le32(&c) != SECTION_HEADER) {
        return 0;
    }
    if (!feed_need(&r->feed, SECTION_FIXED)) {
        return -ENODATA;
    }
    uint32_t length;
    if (!read_section(r, &length)) {
        return 0;
    }
    r->next = pcapng_next;
    return 1;
}
