/*
 * certificates.h - a small PKI from the seed: root, issuing authority, one certificate per server,
 * and several hundred client certificates.
 *
 * Spec:   RFC 5280. Signatures are true (RSA 2048, SHA-256, PKCS #1 v1.5, so equal seeds give equal
 *         octets); the leaves' moduli are random numbers, as nobody ever signs with them.
 * Owner:  certificates_free() ends all; a struct certificate is borrowed.
 */
#ifndef ROLECALL_BENCH_CERTIFICATES_H
#define ROLECALL_BENCH_CERTIFICATES_H

#include <stddef.h>
#include <stdint.h>

struct certificates;
struct hosts;
struct random;

enum { CLIENT_CERTIFICATES = 320 };

struct certificate {
    uint8_t *der;
    size_t len;
};

/* NULL when OpenSSL refuses. */
struct certificates *certificates_new(struct random *r, const struct hosts *hosts);
void certificates_free(struct certificates *c);

const struct certificate *certificates_authority(const struct certificates *c);
const struct certificate *certificates_server(const struct certificates *c, size_t server);
/* Clients share: `client` is taken modulo CLIENT_CERTIFICATES. */
const struct certificate *certificates_client(const struct certificates *c, size_t client);

#endif
