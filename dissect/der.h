/*
 * der.h - BER and DER elements on a cursor.
 *
 * Definite lengths only, in any form that fits four octets: DER's shortest one, and the longer ones
 * that BER allows (Microsoft's LDAP writes 0x84 and four octets). Identifiers of up to four octets.
 * Not recursive: the caller opens what it knows, level by level.
 *
 * Units:  octets; a tag is its identifier octets as a big-endian number (0x30, 0xa0, 0x5f1f, ...).
 * Owner:  spans borrow from the cursor's.
 * Errors: what is broken, indefinite or longer than its surroundings fails the cursor for good, and
 *         every later value is empty or zero. Only der_measure() knows "not there yet".
 * Spec:   X.690 8.1 (BER), 10 and 11 (DER).
 */
#ifndef ROLECALL_DISSECT_DER_H
#define ROLECALL_DISSECT_DER_H

#include "capture/attributes.h"
#include "capture/bytes.h"

enum der_tag {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_OID = 0x06,
    DER_ENUMERATED = 0x0a,
    DER_UTF8_STRING = 0x0c,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31,
    DER_GENERAL_STRING = 0x1b,
    DER_GENERALIZED_TIME = 0x18,
    /* Context-specific [n], constructed, and application [n], constructed; n <= 30. */
    DER_CONTEXT = 0xa0,
    DER_APPLICATION = 0x60,
};

struct der {
    uint32_t tag; /* 0: nothing was read */
    struct bytes value;
};

enum der_extent {
    DER_WHOLE, /* the length is known */
    DER_SHORT, /* the head itself is not complete */
    DER_BROKEN,
};

/* How long the element at the start of `head` is with its own identifier and length, whether or not
 * all of it is there: for messages that come in a stream. */
enum der_extent der_measure(struct bytes head, uint64_t *ret_size) MUST_USE;

/* The next element, whatever it is. */
struct der der_next(struct cursor *c);
/* Its tag without moving; 0 at the end and for a broken identifier. */
uint32_t der_peek(const struct cursor *c);
/* The content of the next element, which must have this tag. */
struct cursor der_open(struct cursor *c, uint32_t tag);
struct bytes der_take(struct cursor *c, uint32_t tag);
/* As der_open, but an element with another tag is left where it is and the answer is empty. */
struct cursor der_option(struct cursor *c, uint32_t tag);
/* INTEGER or ENUMERATED, or one tagged anew: at most 8 octets, two's complement. */
int64_t der_int(struct cursor *c, uint32_t tag);
bool der_bool(struct cursor *c, uint32_t tag);

#endif
