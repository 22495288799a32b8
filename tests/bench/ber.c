#include "tests/bench/ber.h"

#include <assert.h>
#include <string.h>

size_t der_open(struct octets *o, uint8_t tag)
{
    octets_u8(o, tag);
    octets_u8(o, 0);
    return o->len;
}

/* The length was given one octet; a longer one shifts the content. */
void der_close(struct octets *o, size_t mark)
{
    size_t n = o->len - mark;
    size_t extra = n < 0x80 ? 0 : n < 0x100 ? 1 : n < 0x10000 ? 2 : 3;

    assert(n < 0x1000000);
    if (extra == 0) {
        octets_set_u8(o, mark - 1, (uint8_t)n);
        return;
    }
    octets_grow(o, extra);
    memmove(o->at + mark + extra, o->at + mark, n);
    octets_set_u8(o, mark - 1, (uint8_t)(0x80 | extra));
    for (size_t i = 0; i < extra; i++)
        octets_set_u8(o, mark + i, (uint8_t)(n >> 8 * (extra - 1 - i)));
}

size_t ber_open(struct octets *o, uint8_t tag)
{
    octets_u8(o, tag);
    octets_u8(o, 0x84);
    octets_be32(o, 0);
    return o->len;
}

void ber_close(struct octets *o, size_t mark)
{
    octets_set_be32(o, mark - 4, (uint32_t)(o->len - mark));
}

void der_octets(struct octets *o, uint8_t tag, const void *src, size_t n)
{
    size_t mark = der_open(o, tag);
    octets_copy(o, src, n);
    der_close(o, mark);
}

void der_text(struct octets *o, uint8_t tag, const char *text)
{
    der_octets(o, tag, text, strlen(text));
}

void der_integer(struct octets *o, uint8_t tag, uint32_t v)
{
    size_t mark = der_open(o, tag);
    int shift = 24;

    /* A set top bit would read as negative, so it costs one more octet. */
    while (shift > 0 && v >> (shift - 1) == 0)
        shift -= 8;
    if (v >> 31)
        octets_u8(o, 0);
    for (; shift >= 0; shift -= 8)
        octets_u8(o, (uint8_t)(v >> shift));
    der_close(o, mark);
}

void der_field_integer(struct octets *o, uint8_t number, uint32_t v)
{
    size_t mark = der_open(o, (uint8_t)(DER_CONTEXT | number));
    der_integer(o, DER_INTEGER, v);
    der_close(o, mark);
}

void der_field_text(struct octets *o, uint8_t number, uint8_t tag, const char *text)
{
    size_t mark = der_open(o, (uint8_t)(DER_CONTEXT | number));
    der_text(o, tag, text);
    der_close(o, mark);
}

void der_field_octets(struct octets *o, uint8_t number, const void *src, size_t n)
{
    size_t mark = der_open(o, (uint8_t)(DER_CONTEXT | number));
    der_octets(o, DER_OCTET_STRING, src, n);
    der_close(o, mark);
}
