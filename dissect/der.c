#include "dissect/der.h"

enum { IDENTIFIER_OCTETS = 4, LENGTH_OCTETS = 4, INTEGER_OCTETS = 8 };

/* X.690 8.1.2 */
static uint32_t read_identifier(struct cursor *c)
{
    uint32_t tag = cursor_u8(c);
    if ((tag & 0x1f) != 0x1f) {
        return tag;
    }
    for (int i = 1; i < IDENTIFIER_OCTETS; i++) {
        uint8_t octet = cursor_u8(c);
        tag = tag << 8 | octet;
        if ((octet & 0x80) == 0) {
            return tag;
        }
    }
    c->failed = true;
    return 0;
}

/* X.690 8.1.3 */
static uint32_t read_length(struct cursor *c, bool *ret_broken)
{
    uint8_t first = cursor_u8(c);
    if (first < 0x80) {
        return first;
    }
    int octets = first & 0x7f;
    if (octets == 0 || octets > LENGTH_OCTETS) {
        *ret_broken = true;
        return 0;
    }
    uint32_t len = 0;
    for (int i = 0; i < octets; i++) {
        len = len << 8 | cursor_u8(c);
    }
    return len;
}

static struct cursor fail(struct cursor *c)
{
    *c = (struct cursor){.failed = true};
    return *c;
}

enum der_extent der_measure(struct bytes head, uint64_t *ret_size)
{
    struct cursor c = cursor_of(head);
    bool broken = false;
    (void)read_identifier(&c);
    if (c.failed) {
        return head.len >= IDENTIFIER_OCTETS ? DER_BROKEN : DER_SHORT;
    }
    uint32_t len = read_length(&c, &broken);
    if (broken) {
        return DER_BROKEN;
    }
    if (c.failed) {
        return DER_SHORT;
    }
    *ret_size = (uint64_t)(head.len - c.rest.len) + len;
    return DER_WHOLE;
}

struct der der_next(struct cursor *c)
{
    bool broken = false;
    uint32_t tag = read_identifier(c);
    uint32_t len = read_length(c, &broken);
    if (broken || c->failed) {
        (void)fail(c);
        return (struct der){0};
    }
    struct bytes value = cursor_take(c, len);
    return c->failed ? (struct der){0} : (struct der){.tag = tag, .value = value};
}

uint32_t der_peek(const struct cursor *c)
{
    struct cursor ahead = *c;
    uint32_t tag = read_identifier(&ahead);
    return ahead.failed ? 0 : tag;
}

struct cursor der_open(struct cursor *c, uint32_t tag)
{
    struct der element = der_next(c);
    if (c->failed || element.tag != tag) {
        return fail(c);
    }
    return cursor_of(element.value);
}

struct bytes der_take(struct cursor *c, uint32_t tag)
{
    return der_open(c, tag).rest;
}

struct cursor der_option(struct cursor *c, uint32_t tag)
{
    return der_peek(c) == tag ? der_open(c, tag) : (struct cursor){0};
}

/* X.690 8.3 */
int64_t der_int(struct cursor *c, uint32_t tag)
{
    struct bytes value = der_take(c, tag);
    if (c->failed || value.len == 0 || value.len > INTEGER_OCTETS) {
        (void)fail(c);
        return 0;
    }
    uint64_t number = (value.at[0] & 0x80) != 0 ? UINT64_MAX : 0;
    for (size_t i = 0; i < value.len; i++) {
        number = number << 8 | value.at[i];
    }
    return (int64_t)number;
}

/* X.690 8.2 */
bool der_bool(struct cursor *c, uint32_t tag)
{
    struct bytes value = der_take(c, tag);
    if (c->failed || value.len != 1) {
        (void)fail(c);
        return false;
    }
    return value.at[0] != 0;
}
