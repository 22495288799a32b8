/*
 * text.h - text of the wire made safe: valid UTF-8 in the end, whatever came in.
 *
 * Spec:   RFC 3629; [MS-DTYP] strings are UTF-16LE. What is not valid becomes U+FFFD. Control
 * characters stay; the writers escape them. Units:  octets. `room` is at least 8; the result is
 * terminated, and cut before `room` with a final U+2026.
 */
#ifndef ROLECALL_DISSECT_TEXT_H
#define ROLECALL_DISSECT_TEXT_H

#include "capture/bytes.h"

/* Both return the octets written, terminator not counted. */
size_t text_from_utf8(struct bytes in, char *out, size_t room);
size_t text_from_utf16le(struct bytes in, char *out, size_t room);

/* A number in so many lower-case hexadecimal digits, or in decimal ones (TEXT_DECIMAL octets at
 * most): what stands in thousands of records is not for printf. Both return where the terminator
 * stands. */
#define TEXT_DECIMAL 21
char *text_hex(char *at, uint64_t number, unsigned digits);
char *text_decimal(char *at, uint64_t number);
/* C706 appendix A.1; `rest`: its last eight octets. */
#define TEXT_UUID 37
void text_uuid(char text[TEXT_UUID], uint32_t low, uint16_t mid, uint16_t high, uint64_t rest);

/* Whether `part` is in it, without regard to case; a text of NULL holds nothing. For texts of tens
 * of octets, in most of which not even the first letter is found: strcasestr prepares for long
 * ones first. */
bool text_holds(const char *text, const char *part);

/* Only the shape: what it lets through, text_from_utf8() mends. */
bool text_looks_utf8(struct bytes text);

#endif
