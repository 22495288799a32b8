/*
 * tls_names.h - names of the numbers that TLS speaks in.
 *
 * Spec:   IANA, Transport Layer Security (TLS) Parameters; RFC 8701 for GREASE.
 * Owner:  names are constants. NULL for a number without a name.
 */
#ifndef ROLECALL_DISSECT_TLS_NAMES_H
#define ROLECALL_DISSECT_TLS_NAMES_H

#include <stdbool.h>
#include <stdint.h>

/* "SSL 2.0" to "TLS 1.3"; the drafts of TLS 1.3 are TLS 1.3. */
const char *tls_version_name(uint16_t version);
const char *tls_suite_name(uint16_t suite);
/* What an SSL 2.0 CIPHER-KIND is called. */
const char *tls_kind_name(uint32_t kind);
const char *tls_alert_name(uint8_t description);
const char *tls_group_name(uint16_t group);

/* RFC 8701 2: a number that a client puts in only to see it ignored. */
static inline bool tls_is_grease(uint16_t number)
{
    return (number & 0x0f0f) == 0x0a0a && number >> 8 == (number & 0xff);
}

/* TLS 1.3 by its final number, or by that of a draft (RFC 8446 4.2.1.1; 0xfb was one vendor's). */
static inline bool tls_version_is_13(uint16_t version)
{
    return version == 0x0304 || version >> 8 == 0x7f || version >> 8 == 0xfb;
}

#endif
