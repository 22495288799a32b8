/*
 * ja.h - fingerprints of TLS hellos: JA3, JA3S and JA4.
 *
 * Spec:   JA3, JA3S: the public description at github.com/salesforce/ja3 (GREASE is left out of
 * JA3). JA4: the public description at github.com/FoxIO-LLC/ja4, technical_details/JA4, for TCP.
 * Errors: false when a list is longer than LIMIT_HELLO_LIST, or OpenSSL lacks the digest.
 */
#ifndef ROLECALL_DISSECT_JA_H
#define ROLECALL_DISSECT_JA_H

#include "dissect/tls_cert.h"
#include "dissect/tls_hello.h"

#define JA3_TEXT 33 /* 32 hex digits, terminated */
#define JA4_TEXT 37 /* t13d1516h2_8daaf6152771_e5627efa2ab1, terminated */

bool ja3(struct certificates *digests, const struct client_hello *h, char ret[JA3_TEXT]) MUST_USE;
bool ja3s(struct certificates *digests, const struct server_hello *h, char ret[JA3_TEXT]) MUST_USE;
bool ja4(struct certificates *digests, const struct client_hello *h, char ret[JA4_TEXT]) MUST_USE;

#endif
