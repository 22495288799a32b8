/*
 * tls_cert.h - X.509 certificates, read by OpenSSL and remembered by their octets.
 *
 * Spec:   RFC 5280. Subject and issuer as RFC 2253 text, most specific part first.
 * Owner:  the cache, shared by all flows of a worker; a certificate is valid until the next
 * certificates_read. Errors: NULL for octets that OpenSSL cannot read, or past
 * LIMIT_CERTIFICATE_OCTETS. A certificate that has no place left replaces the one of its set that
 * was asked for longest ago (counted).
 *
 * The worker's digests lie here too: OpenSSL's are costly to fetch and cheap to reuse.
 */
#ifndef ROLECALL_DISSECT_TLS_CERT_H
#define ROLECALL_DISSECT_TLS_CERT_H

#include "capture/attributes.h"
#include "capture/bytes.h"

#define CERTIFICATE_NAMES 64 /* alternative names and usages kept; `names_cut` counts the rest */

struct certificate {
    char *subject, *issuer; /* UTF-8 */
    char *serial;           /* hex, upper case, no separators */
    /* Since the Unix epoch; INT64_MAX past what ns can hold, INT64_MIN before, or when it is no
     * time. */
    int64_t not_before_ns, not_after_ns;
    char *san[CERTIFICATE_NAMES]; /* "dns:mp01.corp.example", "ip:10.0.0.1", ... */
    char *eku[CERTIFICATE_NAMES]; /* "serverAuth", ...; the OID where it has no name */
    unsigned san_count, eku_count, names_cut;
    char *key;       /* "rsa 2048", "ec P-256", "ed25519" */
    char *signature; /* "sha256WithRSAEncryption" */
    uint8_t sha256[32];
    bool self_signed; /* subject equals issuer, and its own key verifies it where that is known */
};

struct certificates;

struct certificates *certificates_new(void) MUST_USE;
const struct certificate *certificates_read(struct certificates *cache, struct bytes der);
uint64_t certificates_evicted(const struct certificates *cache);
struct certificates *certificates_free(struct certificates *cache);

/* False when OpenSSL has no such digest (a FIPS build has no MD5). */
bool certificates_md5(struct certificates *cache, struct bytes octets,
                      uint8_t ret_digest[16]) MUST_USE;
bool certificates_sha256(struct certificates *cache, struct bytes octets,
                         uint8_t ret_digest[32]) MUST_USE;

/* Calls `each` with the subject of every certificate in a file of PEM (RFC 7468); how many there
 * are. 0: none, or no regular file that can be read. Limits: LIMIT_AUTHORITY_FILE,
 * LIMIT_AUTHORITIES. */
unsigned authority_subjects(const char *path, void (*each)(void *user, const char *subject),
                            void *user);

#endif
