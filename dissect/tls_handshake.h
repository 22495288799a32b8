/*
 * tls_handshake.h - what one TLS handshake has shown so far, and the record it becomes.
 *
 * tls.c takes records apart and calls these functions with whole messages; they state facts and
 * keep what decides how the handshake ended.
 *
 * Spec:   RFC 8446, RFC 5246, RFC 6101 (SSL 3.0).
 * Owner:  `record` belongs to the engine until tls_handshake_finish sends it.
 * Errors: a message that cannot be read is named as an anomaly of the flow and states nothing.
 */
#ifndef ROLECALL_DISSECT_TLS_HANDSHAKE_H
#define ROLECALL_DISSECT_TLS_HANDSHAKE_H

#include "dissect/dissector.h"

/* RFC 8446 B.3, RFC 5246 A.4, RFC 6066, RFC 4680; the rest of the octet's values are no handshake
 * type. */
enum handshake_type {
    HANDSHAKE_HELLO_REQUEST = 0,
    HANDSHAKE_CLIENT_HELLO = 1,
    HANDSHAKE_SERVER_HELLO = 2,
    HANDSHAKE_NEW_SESSION_TICKET = 4,
    HANDSHAKE_HELLO_RETRY_REQUEST = 6, /* drafts of TLS 1.3 before the 22nd */
    HANDSHAKE_CERTIFICATE = 11,
    HANDSHAKE_SERVER_KEY_EXCHANGE = 12,
    HANDSHAKE_CERTIFICATE_REQUEST = 13,
    HANDSHAKE_SERVER_HELLO_DONE = 14,
    HANDSHAKE_CERTIFICATE_VERIFY = 15,
    HANDSHAKE_CLIENT_KEY_EXCHANGE = 16,
    HANDSHAKE_CERTIFICATE_URL = 21,
    HANDSHAKE_CERTIFICATE_STATUS = 22,
    HANDSHAKE_SUPPLEMENTAL_DATA = 23,
    HANDSHAKE_NEXT_PROTOCOL = 67,
};

/* One end's half of the handshake. */
struct tls_end {
    bool seen;      /* a record came from it */
    bool changed;   /* it sent ChangeCipherSpec */
    bool encrypted; /* whatever comes from now on is encrypted */
    bool finished;  /* an encrypted record has come */
    bool holed;     /* octets of it are lost */
};

struct tls_handshake {
    struct tls_end ends[2];
    struct observation *record; /* NULL: nothing stated yet */
    enum dir client;
    bool client_known;
    bool declined; /* the engine wants no record */
    bool client_hello, retry, early_data;
    bool tds_offered, tds_chosen; /* by ALPN: TDS 8.0, which hides all else */
    bool server_hello;
    uint16_t version, cipher; /* chosen; valid with server_hello */
    bool certificate, key_exchange, certificate_request, hello_done; /* of the server's flight */
    bool client_certificate;
    bool sslv2; /* the server chose SSL 2.0: nothing after its hello is read */
    bool resumed;
    bool alert;      /* one was stated */
    bool fatal;      /* a readable fatal alert */
    bool broken_off; /* an encrypted alert where Finished should be */
};

/* True for a type that can stand readable in a record; `ret_wanted`: its content is asked for. */
bool tls_handshake_knows(uint8_t type, bool *ret_wanted);
/* `body` is the message without its header of four octets. */
void tls_handshake_message(struct dissection *dx, struct tls_handshake *h, enum dir dir,
                           uint8_t type, struct bytes body);
/* SSL 2.0's form of the hellos; false when it is none. */
bool tls_handshake_sslv2(struct dissection *dx, struct tls_handshake *h, enum dir dir,
                         struct bytes record) MUST_USE;
/* RFC 5246 7.1 */
void tls_handshake_change(struct tls_handshake *h, enum dir dir);
/* A readable alert. */
void tls_handshake_alert(struct dissection *dx, struct tls_handshake *h, enum dir dir,
                         struct bytes alert);
/* TLS 1.3 holds; false as well while the version is not known. */
bool tls_handshake_is_13(const struct tls_handshake *h);
/* Both ends have come to an end, or one has refused: nothing more will be readable. */
bool tls_handshake_is_over(const struct tls_handshake *h);
/* States how it ended and sends the record, if there is one. */
void tls_handshake_finish(struct dissection *dx, struct tls_handshake *h, enum dir dir);

/* RFC 5246 7.4.2, 7.4.6: the facts of a Certificate message. Returns whether a certificate was in
 * it. */
bool tls_certificate_state(struct dissection *dx, struct observation *o, struct bytes body,
                           bool of_client);
/* The same for a bare certificate. */
void tls_certificate_state_leaf(struct dissection *dx, struct observation *o, struct bytes der,
                                bool of_client);

#endif
