/*
 * tls_cert.h - X.509 certificates, read by OpenSSL and remembered by their octets.
 *
 * Spec:   RFC 5280. Subject and issuer as RFC 2253 text, most specific part first.
 * Owner:  the cache; a certificate is valid while the cache lives and is shared by all flows of a worker.
 * Errors: NULL for octets that OpenSSL cannot read, or past LIMIT_CERTIFICATE_OCTETS.
 */
#ifndef ROLECALL_DISSECT_TLS_CERT_H
#define ROLECALL_DISSECT_TLS_CERT_H

#include "capture/attributes.h"
#include "capture/bytes.h"

#define CERTIFICATE_NAMES 64 /* alternative names and usages kept; `names_cut` counts the rest */

struct certificate {
    char *subject, *issuer; /* UTF-8 */
    char *serial;           /* hex, upper case, no separators */
    int64_t not_before_ns, not_after_ns; /* since the Unix epoch; INT64_MAX past what ns can hold */
    char *san[CERTIFICATE_NAMES];        /* "dns:mp01.corp.example", "ip:10.0.0.1", ... */
    char *eku[CERTIFICATE_NAMES];        /* "serverAuth", ...; the OID where it has no name */
    unsigned san_count, eku_count, names_cut;
    char *key;       /* "rsa 2048", "ec P-256", "ed25519" */
    char *signature; /* "sha256WithRSAEncryption" */
    uint8_t sha256[32];
    bool self_signed; /* subject equals issuer and its own key verifies it */
};

struct certificates;

struct certificates *certificates_new(void) MUST_USE;
const struct certificate *certificates_read(struct certificates *cache, struct bytes der);
struct certificates *certificates_free(struct certificates *cache);

#endif
