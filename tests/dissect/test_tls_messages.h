/*
 * test_tls_messages.h - TLS messages made by hand, for the tests of the TLS readers.
 *
 * A wire is a growing stretch of octets; wire_open and wire_close bracket what a length stands
 * before.
 */
#ifndef ROLECALL_TESTS_TLS_MESSAGES_H
#define ROLECALL_TESTS_TLS_MESSAGES_H

#include <assert.h>
#include <string.h>

#include "capture/bytes.h"

struct wire {
    uint8_t at[40000];
    size_t len;
};

static inline struct bytes wire_bytes(const struct wire *w)
{
    return bytes_of(w->at, w->len);
}

static inline void wire_copy(struct wire *w, const void *octets, size_t len)
{
    assert(len <= sizeof w->at - w->len);
    if (len > 0) {
        memcpy(w->at + w->len, octets, len);
        w->len += len;
    }
}

static inline void wire_fill(struct wire *w, uint8_t octet, size_t len)
{
    assert(len <= sizeof w->at - w->len);
    memset(w->at + w->len, octet, len);
    w->len += len;
}

/* `width` octets, most significant first. */
static inline void wire_number(struct wire *w, uint32_t number, size_t width)
{
    for (size_t i = width; i > 0; i--) {
        uint8_t octet = (uint8_t)(number >> 8 * (i - 1));
        wire_copy(w, &octet, 1);
    }
}

static inline size_t wire_open(struct wire *w, size_t width)
{
    wire_fill(w, 0, width);
    return w->len;
}

static inline void wire_close(struct wire *w, size_t opened, size_t width)
{
    size_t len = w->len - opened;
    for (size_t i = 1; i <= width; i++) {
        w->at[opened - i] = (uint8_t)(len >> 8 * (i - 1));
    }
}

static inline void wire_numbers16(struct wire *w, const uint16_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        wire_number(w, numbers[i], 2);
    }
}

/* RFC 5246 6.2.1; the same numbers serve as content types. */
enum { CHANGE = 20, ALERT = 21, HANDSHAKE = 22, DATA = 23 };

static inline void wire_record(struct wire *w, uint8_t content, struct bytes body)
{
    wire_number(w, content, 1);
    wire_number(w, 0x0303, 2);
    wire_number(w, (uint32_t)body.len, 2);
    wire_copy(w, body.at, body.len);
}

static inline void wire_change(struct wire *w)
{
    wire_record(w, CHANGE, bytes_of("\1", 1));
}

static inline void wire_alert(struct wire *w, uint8_t level, uint8_t description)
{
    uint8_t alert[2] = {level, description};
    wire_record(w, ALERT, bytes_of(alert, 2));
}

/* A record of octets that look like nothing. */
static inline void wire_opaque(struct wire *w, uint8_t content, size_t len)
{
    wire_number(w, content, 1);
    wire_number(w, 0x0303, 2);
    wire_number(w, (uint32_t)len, 2);
    for (size_t i = 0; i < len; i++) {
        wire_number(w, (uint32_t)(0xe5 + 37 * i), 1);
    }
}

/* A message in a record of its own, of `len` octets at `at`. */
static inline void wire_message(struct wire *w, uint8_t type, const void *body, size_t len)
{
    wire_number(w, HANDSHAKE, 1);
    wire_number(w, 0x0303, 2);
    size_t record = wire_open(w, 2);
    wire_number(w, type, 1);
    size_t message = wire_open(w, 3);
    wire_copy(w, body, len);
    wire_close(w, message, 3);
    wire_close(w, record, 2);
}

struct hello_shape {
    uint16_t version; /* legacy_version */
    const uint16_t *ciphers;
    size_t cipher_count;
    const char *server_name; /* NULL: none */
    const char *alpn;        /* the one protocol offered or chosen */
    const uint16_t *versions;
    size_t version_count;
    bool early_data, psk;
    uint16_t key_share; /* in a ServerHello */
    bool retry;
};

static inline void wire_extension_alpn(struct wire *w, const char *protocol)
{
    wire_number(w, 16, 2);
    size_t extension = wire_open(w, 2);
    size_t list = wire_open(w, 2);
    size_t name = wire_open(w, 1);
    wire_copy(w, protocol, strlen(protocol));
    wire_close(w, name, 1);
    wire_close(w, list, 2);
    wire_close(w, extension, 2);
}

static inline void wire_extension_server_name(struct wire *w, const char *host)
{
    wire_number(w, 0, 2);
    size_t extension = wire_open(w, 2);
    size_t list = wire_open(w, 2);
    wire_number(w, 0, 1);
    size_t name = wire_open(w, 2);
    wire_copy(w, host, strlen(host));
    wire_close(w, name, 2);
    wire_close(w, list, 2);
    wire_close(w, extension, 2);
}

/* The body of a ClientHello; its random is 32 times 0x11. */
static inline void wire_client_hello_body(struct wire *w, const struct hello_shape *h)
{
    wire_number(w, h->version, 2);
    wire_fill(w, 0x11, 32);
    wire_number(w, 0, 1);
    size_t ciphers = wire_open(w, 2);
    wire_numbers16(w, h->ciphers, h->cipher_count);
    wire_close(w, ciphers, 2);
    wire_number(w, 0x0100, 2);
    size_t extensions = wire_open(w, 2);
    if (h->server_name != NULL) {
        wire_extension_server_name(w, h->server_name);
    }
    if (h->alpn != NULL) {
        wire_extension_alpn(w, h->alpn);
    }
    if (h->version_count > 0) {
        wire_number(w, 43, 2);
        size_t extension = wire_open(w, 2);
        size_t list = wire_open(w, 1);
        wire_numbers16(w, h->versions, h->version_count);
        wire_close(w, list, 1);
        wire_close(w, extension, 2);
    }
    if (h->early_data) {
        wire_number(w, 42, 2);
        wire_number(w, 0, 2);
    }
    wire_close(w, extensions, 2);
}

static inline void wire_client_hello(struct wire *w, const struct hello_shape *h)
{
    struct wire body = {.len = 0};
    wire_client_hello_body(&body, h);
    wire_message(w, 1, body.at, body.len);
}

/* RFC 8446 4.1.3 */
static const uint8_t hello_retry_random[32] = {
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
};

static inline void wire_server_hello_body(struct wire *w, const struct hello_shape *h)
{
    wire_number(w, h->version, 2);
    if (h->retry) {
        wire_copy(w, hello_retry_random, 32);
    } else {
        wire_fill(w, 0x22, 32);
    }
    wire_number(w, 0, 1);
    wire_numbers16(w, h->ciphers, 1);
    wire_number(w, 0, 1);
    size_t extensions = wire_open(w, 2);
    if (h->alpn != NULL) {
        wire_extension_alpn(w, h->alpn);
    }
    if (h->version_count > 0) {
        wire_number(w, 43, 2);
        wire_number(w, 2, 2);
        wire_number(w, h->versions[0], 2);
    }
    if (h->key_share != 0) {
        wire_number(w, 51, 2);
        wire_number(w, 2 + 2 + 32, 2);
        wire_number(w, h->key_share, 2);
        wire_number(w, 32, 2);
        wire_fill(w, 0x33, 32);
    }
    if (h->psk) {
        wire_number(w, 41, 2);
        wire_number(w, 2, 2);
        wire_number(w, 0, 2);
    }
    wire_close(w, extensions, 2);
}

static inline void wire_server_hello(struct wire *w, const struct hello_shape *h)
{
    struct wire body = {.len = 0};
    wire_server_hello_body(&body, h);
    wire_message(w, 2, body.at, body.len);
}

/* RFC 5246 7.4.2: a list of `count` times the same certificate. */
static inline void wire_certificate(struct wire *w, struct bytes der, unsigned count)
{
    struct wire body = {.len = 0};
    size_t list = wire_open(&body, 3);
    for (unsigned i = 0; i < count; i++) {
        wire_number(&body, (uint32_t)der.len, 3);
        wire_copy(&body, der.at, der.len);
    }
    wire_close(&body, list, 3);
    wire_message(w, 11, body.at, body.len);
}

#endif
