/*
 * base64.h - base64 as HTTP headers carry it.
 *
 * White space is passed over; padding may be missing. Nothing else is tolerated.
 *
 * Owner:  the caller's buffer.
 * Errors: false for a foreign octet, a stray single digit or a buffer that is too small.
 * Spec:   RFC 4648 4.
 */
#ifndef ROLECALL_DISSECT_BASE64_H
#define ROLECALL_DISSECT_BASE64_H

#include "capture/attributes.h"
#include "capture/bytes.h"

/* Octets that `len` digits can hold at most. */
static inline size_t base64_room(size_t len)
{
    return len / 4 * 3 + 3;
}

bool base64_decode(struct bytes text, uint8_t *out, size_t room, size_t *ret_len) MUST_USE;

/* Digits of `len` octets, with padding. */
static inline size_t base64_digits(size_t len)
{
    return (len + 2) / 3 * 4;
}

/* Writes base64_digits(octets.len) digits, and no end mark. */
void base64_encode(struct bytes octets, char *out);

#endif
