/*
 * signature.h - what the files of signatures share: protocols that are recognised, not read.
 *
 * Each signature is strict, since it is tried on every port; those whose octets look like another's
 * are tried on their own ports only. The clause that a signature rests on stands above it.
 */
#ifndef ROLECALL_DISSECT_SIGNATURE_H
#define ROLECALL_DISSECT_SIGNATURE_H

#include <strings.h>

#include "dissect/dissector.h"

#define PORTS(...)                                                                                 \
    (const uint16_t[])                                                                             \
    {                                                                                              \
        __VA_ARGS__, 0                                                                             \
    }

/* PROBE_EITHER: begins with `text`. PROBE_MORE: it may, once more has come. */
static inline enum probe signature_text(struct bytes head, const char *text)
{
    size_t len = strlen(text), seen = head.len < len ? head.len : len;
    if (seen > 0 && strncasecmp((const char *)head.at, text, seen) != 0) {
        return PROBE_NO;
    }
    return seen < len ? PROBE_MORE : PROBE_EITHER;
}

/* Whether `at` begins with one of the words, which NULL ends; case does not matter. */
static inline bool signature_word(struct bytes at, const char *const *words)
{
    while (*words != NULL) {
        if (signature_text(at, *words++) == PROBE_EITHER) {
            return true;
        }
    }
    return false;
}

/* Octets of printable ASCII, tabs and line ends. */
static inline bool signature_printable(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.at[i];
        if ((c < 0x20 && c != '\t' && c != '\r' && c != '\n') || c >= 0x7f) {
            return false;
        }
    }
    return true;
}

#endif
