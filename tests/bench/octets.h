/*
 * octets.h - a growing buffer that wire structures are written into.
 *
 * Units:  lengths and offsets in octets; integers in host order, beNN/leNN says how they are
 * stored. Owner:  the buffer belongs to struct octets; octets_done() frees it. Pointers into it die
 * with the next append. Errors: out of memory ends the process (status 2): a generator has nothing
 * else to do then.
 */
#ifndef ROLECALL_BENCH_OCTETS_H
#define ROLECALL_BENCH_OCTETS_H

#include <stddef.h>
#include <stdint.h>

/* All zero is an empty buffer. */
struct octets {
    uint8_t *at;
    size_t len;
    size_t room;
};

/* Frees the storage; the buffer is empty and usable afterwards. */
void octets_done(struct octets *o);

/* Appends n octets of unset content and returns the first of them. */
uint8_t *octets_grow(struct octets *o, size_t n);

void octets_u8(struct octets *o, uint8_t v);
void octets_be16(struct octets *o, uint16_t v);
void octets_be24(struct octets *o, uint32_t v);
void octets_be32(struct octets *o, uint32_t v);
void octets_le16(struct octets *o, uint16_t v);
void octets_le32(struct octets *o, uint32_t v);
void octets_le64(struct octets *o, uint64_t v);

/* `src` must not lie in the buffer itself. */
void octets_copy(struct octets *o, const void *src, size_t n);
void octets_zero(struct octets *o, size_t n);
void octets_text(struct octets *o, const char *text);
/* ASCII as UTF-16LE, without a terminator; returns the octets written. */
uint16_t octets_utf16(struct octets *o, const char *ascii);
void octets_printf(struct octets *o, const char *format, ...) __attribute__((format(printf, 2, 3)));
void octets_base64(struct octets *o, const uint8_t *src, size_t n);

/* Zeroes until (len - from) is a multiple of `multiple`. */
void octets_pad(struct octets *o, size_t from, size_t multiple);

/* Overwrite what was appended before as a placeholder. */
void octets_set_u8(struct octets *o, size_t at, uint8_t v);
void octets_set_be16(struct octets *o, size_t at, uint16_t v);
void octets_set_be24(struct octets *o, size_t at, uint32_t v);
void octets_set_be32(struct octets *o, size_t at, uint32_t v);
void octets_set_le16(struct octets *o, size_t at, uint16_t v);
void octets_set_le32(struct octets *o, size_t at, uint32_t v);

#endif
