#include "reports/pcapng.h"

#include <string.h>

enum {
    BLOCK_SECTION = 0x0a0d0d0a,
    BLOCK_INTERFACE = 1,
    BLOCK_PACKET = 6,
    BYTE_ORDER_MAGIC = 0x1a2b3c4d,
    OPTION_COMMENT = 1,
    OPTION_USER_APPLICATION = 4,
    OPTION_INTERFACE_NAME = 2,
    OPTION_TIME_RESOLUTION = 9,
    NANOSECONDS = 9, /* 10 to the minus 9 */
    OPTION_MOST = 65535,
};

static void put16(struct output *out, uint32_t value)
{
    const uint8_t octets[2] = {(uint8_t)value, (uint8_t)(value >> 8)};
    output_octets(out, octets, sizeof octets);
}

static void put32(struct output *out, uint32_t value)
{
    put16(out, value & 0xffff);
    put16(out, value >> 16);
}

static size_t padded(size_t len)
{
    return (len + 3) & ~(size_t)3;
}

static void put_padded(struct output *out, struct bytes octets)
{
    static const uint8_t zeros[4];
    output_octets(out, octets.at, octets.len);
    output_octets(out, zeros, padded(octets.len) - octets.len);
}

/* An option cannot be longer: a comment is cut before a character. */
static struct bytes option_text(const char *text)
{
    struct bytes octets = bytes_text(text);
    if (octets.len > OPTION_MOST) {
        octets.len = OPTION_MOST;
        while ((octets.at[octets.len] & 0xc0) == 0x80) {
            octets.len--;
        }
    }
    return octets;
}

static size_t option_size(struct bytes value)
{
    return value.len == 0 ? 0 : 4 + padded(value.len);
}

static void put_option(struct output *out, uint32_t code, struct bytes value)
{
    if (value.len > 0) {
        put16(out, code);
        put16(out, (uint32_t)value.len);
        put_padded(out, value);
    }
}

void pcapng_section(struct output *out, const char *comment)
{
    const struct bytes text = option_text(comment), tool = bytes_text("rolecall " ROLECALL_VERSION);
    const uint32_t size = (uint32_t)(28 + option_size(text) + option_size(tool) + 4);
    put32(out, BLOCK_SECTION);
    put32(out, size);
    put32(out, BYTE_ORDER_MAGIC);
    put16(out, 1); /* version 1.0 */
    put16(out, 0);
    put32(out, UINT32_MAX); /* length not told */
    put32(out, UINT32_MAX);
    put_option(out, OPTION_COMMENT, text);
    put_option(out, OPTION_USER_APPLICATION, tool);
    put32(out, 0); /* end of options */
    put32(out, size);
}

void pcapng_interface(struct output *out, uint32_t link_type, const char *name)
{
    static const uint8_t resolution = NANOSECONDS;
    const struct bytes text = option_text(name), unit = bytes_of(&resolution, 1);
    const uint32_t size = (uint32_t)(20 + option_size(text) + option_size(unit) + 4);
    put32(out, BLOCK_INTERFACE);
    put32(out, size);
    put16(out, link_type);
    put16(out, 0);
    put32(out, 0); /* no snap length */
    put_option(out, OPTION_INTERFACE_NAME, text);
    put_option(out, OPTION_TIME_RESOLUTION, unit);
    put32(out, 0);
    put32(out, size);
}

void pcapng_packet(struct output *out, const struct pcapng_packet *p)
{
    const struct bytes text = option_text(p->comment);
    const uint32_t size =
        (uint32_t)(32 + padded(p->data.len) + option_size(text) + (text.len > 0 ? 4 : 0));
    const uint64_t time = (uint64_t)p->ns;
    put32(out, BLOCK_PACKET);
    put32(out, size);
    put32(out, p->interface);
    put32(out, (uint32_t)(time >> 32));
    put32(out, (uint32_t)time);
    put32(out, (uint32_t)p->data.len);
    put32(out, p->wire_len);
    put_padded(out, p->data);
    put_option(out, OPTION_COMMENT, text);
    if (text.len > 0) {
        put32(out, 0);
    }
    put32(out, size);
}
