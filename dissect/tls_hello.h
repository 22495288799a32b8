/*
 * tls_hello.h - the messages of a TLS handshake that are read, as structures.
 *
 * Spec:   RFC 8446 4.1.2, 4.1.3, 4.2; RFC 5246 7.4.1; RFC 6066 3; RFC 7301 3.1; RFC 8422 5.1, 5.4;
 *         SSL 2.0: draft-hickman-netscape-ssl-00 2.5, 2.6; its ClientHello for later versions: RFC
 * 5246 E.2. Owner:  spans borrow from the message. Errors: false when the fixed part is cut or
 * contradicts itself; an extension block that breaks off is read as far as it goes and
 * `bad_extensions` is set.
 */
#ifndef ROLECALL_DISSECT_TLS_HELLO_H
#define ROLECALL_DISSECT_TLS_HELLO_H

#include "capture/attributes.h"
#include "capture/bytes.h"

enum { /* IANA, TLS ExtensionType Values: those that are read */
       EXTENSION_SERVER_NAME = 0,
       EXTENSION_GROUPS = 10,
       EXTENSION_POINT_FORMATS = 11,
       EXTENSION_SIGNATURES = 13,
       EXTENSION_ALPN = 16,
       EXTENSION_PRE_SHARED_KEY = 41,
       EXTENSION_EARLY_DATA = 42,
       EXTENSION_VERSIONS = 43,
       EXTENSION_KEY_SHARE = 51,
};

/* Extensions of one hello that are told apart; far more than IANA has numbers in use. */
#define HELLO_EXTENSIONS 128

struct client_hello {
    uint16_t version; /* legacy_version */
    uint16_t highest; /* highest version offered, GREASE aside */
    bool sslv2_form;  /* ciphers are then CIPHER-KINDs of three octets */
    bool early_data;
    bool has_server_name, has_alpn;
    bool bad_extensions;
    struct bytes random;
    struct bytes ciphers;
    struct bytes server_name;
    struct bytes alpn;       /* ProtocolName entries */
    struct bytes groups;     /* two octets each */
    struct bytes formats;    /* one octet each */
    struct bytes signatures; /* two octets each */
    uint16_t extensions[HELLO_EXTENSIONS];
    unsigned extension_count;
    unsigned extensions_cut; /* further ones, not kept */
};

struct server_hello {
    uint16_t version; /* legacy_version */
    uint16_t chosen;  /* the version that holds: supported_versions, or legacy_version */
    uint16_t cipher;
    uint16_t group; /* of the key_share; 0: none */
    bool retry;     /* a HelloRetryRequest */
    bool resumed;   /* pre_shared_key accepted */
    bool bad_extensions;
    struct bytes alpn; /* the protocol chosen */
    uint16_t extensions[HELLO_EXTENSIONS];
    unsigned extension_count;
    unsigned extensions_cut;
};

/* SSL 2.0 SERVER-HELLO */
struct sslv2_server_hello {
    bool resumed;
    struct bytes certificate; /* DER; empty when there is none */
};

/* `body` is the message without its four octets of handshake header. */
bool client_hello_read(struct bytes body, struct client_hello *ret) MUST_USE;
bool server_hello_read(struct bytes body, struct server_hello *ret) MUST_USE;

/* A whole record in the form of SSL 2.0, with its two octets of length. */
bool sslv2_client_hello_read(struct bytes record, struct client_hello *ret) MUST_USE;
bool sslv2_server_hello_read(struct bytes record, struct sslv2_server_hello *ret) MUST_USE;

/* The named group of a ServerKeyExchange of this cipher suite; 0 where there is none. */
uint16_t server_key_exchange_group(struct bytes body, uint16_t cipher);

#endif
