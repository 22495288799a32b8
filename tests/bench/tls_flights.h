/*
 * tls_flights.h - the flights of a TLS handshake, each as a run of records, for whatever carries
 * them.
 *
 * Spec:   RFC 5246 7, RFC 8446 4, RFC 7301 (ALPN), RFC 7627. What would be encrypted, signed or a
 *         key share is random: nobody on the wire can tell.
 * Owner:  struct tls_peers borrows all it points to.
 */
#ifndef ROLECALL_BENCH_TLS_FLIGHTS_H
#define ROLECALL_BENCH_TLS_FLIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct certificate;
struct octets;
struct random;

enum { TLS_SESSION_ID = 32 };

/* What both ends know before they speak. */
struct tls_peers {
    struct random *random;
    const char *server_name;
    const char *alpn; /* offered and chosen; NULL: none */
    const struct certificate *authority, *server;
    const struct certificate *client; /* NULL: not asked for */
    uint8_t session_id[TLS_SESSION_ID];
    bool resumes; /* TLS 1.2: the session named by session_id */
};

/* TLS 1.2; the client's flight ends in Finished, the server's second one likewise. */
void tls12_client_hello(struct octets *o, const struct tls_peers *p);
void tls12_server_hello(struct octets *o, const struct tls_peers *p);
void tls12_client_flight(struct octets *o, const struct tls_peers *p);
void tls12_finish(struct octets *o, const struct tls_peers *p);

void tls13_client_hello(struct octets *o, const struct tls_peers *p);
void tls13_server_hello(struct octets *o, const struct tls_peers *p);
void tls13_client_flight(struct octets *o, const struct tls_peers *p);
void tls13_session_ticket(struct octets *o, const struct tls_peers *p);

/* n octets of plain text as application data, in records of at most 16 KiB. */
void tls_application_data(struct octets *o, struct random *r, size_t n);
void tls12_close_notify(struct octets *o, struct random *r);
/* In TLS 1.3 an encrypted alert looks like data. */
void tls13_close_notify(struct octets *o, struct random *r);

#endif
