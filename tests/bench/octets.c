#include "tests/bench/octets.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void octets_done(struct octets *o)
{
    free(o->at);
    *o = (struct octets){0};
}

uint8_t *octets_grow(struct octets *o, size_t n)
{
    if (n > o->room - o->len) {
        size_t room = o->room ? o->room : 512;
        while (room - o->len < n)
            room *= 2;
        uint8_t *at = realloc(o->at, room);
        if (!at) {
            fputs("generate: out of memory\n", stderr);
            exit(2);
        }
        o->at = at;
        o->room = room;
    }
    uint8_t *first = o->at + o->len;
    o->len += n;
    return first;
}

void octets_u8(struct octets *o, uint8_t v)
{
    *octets_grow(o, 1) = v;
}

void octets_be16(struct octets *o, uint16_t v)
{
    octets_grow(o, 2);
    octets_set_be16(o, o->len - 2, v);
}

void octets_be24(struct octets *o, uint32_t v)
{
    octets_grow(o, 3);
    octets_set_be24(o, o->len - 3, v);
}

void octets_be32(struct octets *o, uint32_t v)
{
    octets_grow(o, 4);
    octets_set_be32(o, o->len - 4, v);
}

void octets_le16(struct octets *o, uint16_t v)
{
    octets_grow(o, 2);
    octets_set_le16(o, o->len - 2, v);
}

void octets_le32(struct octets *o, uint32_t v)
{
    octets_grow(o, 4);
    octets_set_le32(o, o->len - 4, v);
}

void octets_le64(struct octets *o, uint64_t v)
{
    octets_le32(o, (uint32_t)v);
    octets_le32(o, (uint32_t)(v >> 32));
}

void octets_copy(struct octets *o, const void *src, size_t n)
{
    if (n)
        memcpy(octets_grow(o, n), src, n);
}

void octets_zero(struct octets *o, size_t n)
{
    if (n)
        memset(octets_grow(o, n), 0, n);
}

void octets_text(struct octets *o, const char *text)
{
    octets_copy(o, text, strlen(text));
}

uint16_t octets_utf16(struct octets *o, const char *ascii)
{
    size_t n = strlen(ascii);
    uint8_t *at = octets_grow(o, 2 * n);

    assert(n < UINT16_MAX / 2);
    for (size_t i = 0; i < n; i++) {
        at[2 * i] = (uint8_t)ascii[i];
        at[2 * i + 1] = 0;
    }
    return (uint16_t)(2 * n);
}

void octets_printf(struct octets *o, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    assert(n >= 0 && (size_t)n < sizeof text);
    octets_copy(o, text, (size_t)n);
}

void octets_base64(struct octets *o, const uint8_t *src, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < n; i += 3) {
        size_t have = n - i < 3 ? n - i : 3;
        uint32_t v = (uint32_t)src[i] << 16;
        v |= have > 1 ? (uint32_t)src[i + 1] << 8 : 0;
        v |= have > 2 ? (uint32_t)src[i + 2] : 0;
        octets_u8(o, (uint8_t)digits[v >> 18]);
        octets_u8(o, (uint8_t)digits[v >> 12 & 63]);
        octets_u8(o, have > 1 ? (uint8_t)digits[v >> 6 & 63] : '=');
        octets_u8(o, have > 2 ? (uint8_t)digits[v & 63] : '=');
    }
}

void octets_pad(struct octets *o, size_t from, size_t multiple)
{
    size_t over = (o->len - from) % multiple;
    if (over)
        octets_zero(o, multiple - over);
}

void octets_set_u8(struct octets *o, size_t at, uint8_t v)
{
    assert(at < o->len);
    o->at[at] = v;
}

void octets_set_be16(struct octets *o, size_t at, uint16_t v)
{
    octets_set_u8(o, at, (uint8_t)(v >> 8));
    octets_set_u8(o, at + 1, (uint8_t)v);
}

void octets_set_be24(struct octets *o, size_t at, uint32_t v)
{
    octets_set_u8(o, at, (uint8_t)(v >> 16));
    octets_set_be16(o, at + 1, (uint16_t)v);
}

void octets_set_be32(struct octets *o, size_t at, uint32_t v)
{
    octets_set_be16(o, at, (uint16_t)(v >> 16));
    octets_set_be16(o, at + 2, (uint16_t)v);
}

void octets_set_le16(struct octets *o, size_t at, uint16_t v)
{
    octets_set_u8(o, at, (uint8_t)v);
    octets_set_u8(o, at + 1, (uint8_t)(v >> 8));
}

void octets_set_le32(struct octets *o, size_t at, uint32_t v)
{
    octets_set_le16(o, at, (uint16_t)v);
    octets_set_le16(o, at + 2, (uint16_t)(v >> 16));
}
