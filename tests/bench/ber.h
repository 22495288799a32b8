/*
 * ber.h - writing nested BER and DER.
 *
 * Spec:   X.690 8.1, 10.1 (definite lengths). Both forms nest freely in one buffer:
 *             size_t seq = der_open(o, 0x30);  ...members...  der_close(o, seq);
 * Units:  a mark is an offset into the buffer, valid until its own close.
 */
#ifndef ROLECALL_BENCH_BER_H
#define ROLECALL_BENCH_BER_H

#include "tests/bench/octets.h"

/* Minimal lengths (Kerberos, SPNEGO). */
size_t der_open(struct octets *o, uint8_t tag);
void der_close(struct octets *o, size_t mark);

/* Four-octet lengths always (0x84), as Windows writes LDAP. */
size_t ber_open(struct octets *o, uint8_t tag);
void ber_close(struct octets *o, size_t mark);

/* One whole primitive value, minimal length. */
void der_octets(struct octets *o, uint8_t tag, const void *src, size_t n);
void der_text(struct octets *o, uint8_t tag, const char *text);
void der_integer(struct octets *o, uint8_t tag, uint32_t v);

/* [number] EXPLICIT around one value, as Kerberos has it everywhere. */
void der_field_integer(struct octets *o, uint8_t number, uint32_t v);
void der_field_text(struct octets *o, uint8_t number, uint8_t tag, const char *text);
void der_field_octets(struct octets *o, uint8_t number, const void *src, size_t n);

enum {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_OID = 0x06,
    DER_ENUMERATED = 0x0a,
    DER_GENERAL_TIME = 0x18,
    DER_GENERAL_STRING = 0x1b,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31,
    DER_APPLICATION = 0x60, /* constructed; or-ed with the number */
    DER_CONTEXT = 0xa0,     /* constructed; or-ed with the number */
};

#endif
