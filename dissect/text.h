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

/* Only the shape: what it lets through, text_from_utf8() mends. */
bool text_looks_utf8(struct bytes text);

#endif
