/*
 * tls_handshake.c - messages of the handshake to facts, and how it ended.
 */
#include "dissect/tls_handshake.h"

#include "dissect/tds.h"

#include "capture/limits.h"
#include "dissect/ja.h"
#include "dissect/tls_hello.h"
#include "dissect/tls_names.h"

static const char hex_digits[] = "0123456789abcdef";

bool tls_handshake_knows(uint8_t type, bool *ret_wanted)
{
    switch (type) {
    case HANDSHAKE_CLIENT_HELLO:
    case HANDSHAKE_SERVER_HELLO:
    case HANDSHAKE_CERTIFICATE:
    case HANDSHAKE_SERVER_KEY_EXCHANGE:
        *ret_wanted = true;
        return true;
    case HANDSHAKE_HELLO_REQUEST:
    case HANDSHAKE_NEW_SESSION_TICKET:
    case HANDSHAKE_HELLO_RETRY_REQUEST:
    case HANDSHAKE_CERTIFICATE_REQUEST:
    case HANDSHAKE_SERVER_HELLO_DONE:
    case HANDSHAKE_CERTIFICATE_VERIFY:
    case HANDSHAKE_CLIENT_KEY_EXCHANGE:
    case HANDSHAKE_CERTIFICATE_URL:
    case HANDSHAKE_CERTIFICATE_STATUS:
    case HANDSHAKE_SUPPLEMENTAL_DATA:
    case HANDSHAKE_NEXT_PROTOCOL:
        *ret_wanted = false;
        return true;
    default:
        return false;
    }
}

bool tls_handshake_is_13(const struct tls_handshake *h)
{
    return h->server_hello && tls_version_is_13(h->version);
}

/* The record to state into; NULL when the engine wants none. */
static struct observation *record_of(struct dissection *dx, struct tls_handshake *h)
{
    if (h->record == NULL && !h->declined) {
        h->record = dissection_begin(dx, RECORD_TLS);
        h->declined = h->record == NULL;
        if (h->record != NULL) {
            observation_string(h->record, FACT_TLS_CARRIER, dissection_carrier(dx));
        }
    }
    return h->record;
}

/* "0x" and hex digits of a number without a name. */
static void state_code(struct observation *o, enum fact_id id, uint32_t number, unsigned digits)
{
    char text[2 + 8 + 1] = "0x";
    for (unsigned i = 0; i < digits; i++) {
        text[2 + i] = hex_digits[number >> 4 * (digits - 1 - i) & 15];
    }
    text[2 + digits] = '\0';
    observation_string(o, id, text);
}

static void state_named(struct observation *o, enum fact_id id, const char *name, uint16_t number)
{
    if (name != NULL) {
        observation_string(o, id, name);
    } else {
        state_code(o, id, number, 4);
    }
}

/* Two octets a suite; three in the form of SSL 2.0, where a first octet of zero means a suite (RFC
 * 5246 E.2). */
static void state_ciphers(struct observation *o, const struct client_hello *hello)
{
    size_t width = hello->sslv2_form ? 3 : 2;
    struct cursor c = cursor_of(hello->ciphers);
    for (unsigned i = 0; c.rest.len >= width; i++) {
        if (i == LIMIT_HELLO_LIST) {
            o->cut += (uint32_t)(c.rest.len / width);
            return;
        }
        uint8_t kind = hello->sslv2_form ? cursor_u8(&c) : 0;
        uint16_t suite = cursor_be16(&c);
        if (kind == 0) {
            state_named(o, FACT_TLS_CIPHERS_OFFERED, tls_suite_name(suite), suite);
            continue;
        }
        uint32_t number = (uint32_t)kind << 16 | suite;
        const char *name = tls_kind_name(number);
        if (name != NULL) {
            observation_string(o, FACT_TLS_CIPHERS_OFFERED, name);
        } else {
            state_code(o, FACT_TLS_CIPHERS_OFFERED, number, 6);
        }
    }
}

/* RFC 7301 3.1 */
static void state_alpn_offered(struct observation *o, struct bytes names)
{
    struct cursor c = cursor_of(names);
    for (unsigned i = 0; c.rest.len > 0; i++) {
        uint8_t len = cursor_u8(&c);
        struct bytes name = cursor_take(&c, len);
        if (i < LIMIT_HELLO_ALPN) {
            observation_utf8(o, FACT_TLS_ALPN_OFFERED, name);
        } else {
            o->cut++;
        }
    }
}

static void state_client_fingerprints(struct dissection *dx, struct observation *o,
                                      const struct client_hello *hello)
{
    struct certificates *digests = dissection_certificates(dx);
    char text3[JA3_TEXT], text4[JA4_TEXT];
    if (ja3(digests, hello, text3)) {
        observation_string(o, FACT_TLS_JA3, text3);
    }
    if (ja4(digests, hello, text4)) {
        observation_string(o, FACT_TLS_JA4, text4);
    }
}

static void know_client(struct tls_handshake *h, enum dir client)
{
    if (!h->client_known) {
        h->client = client;
        h->client_known = true;
    }
}

/* The second ClientHello after a HelloRetryRequest says nothing new. */
static void on_client_hello(struct dissection *dx, struct tls_handshake *h,
                            const struct client_hello *hello)
{
    if (h->client_hello) {
        return;
    }
    h->client_hello = true;
    h->early_data = hello->early_data;
    h->tds_offered = bytes_is(hello->alpn, "\x08" TDS_ALPN, 1 + strlen(TDS_ALPN));
    if (hello->bad_extensions) {
        dissection_anomaly(dx, "tls.bad_extensions");
    }
    struct observation *o = record_of(dx, h);
    if (o != NULL) {
        observation_stamp(o, FACT_TLS_CLIENT_HELLO_PACKET, dissection_at(dx));
        state_named(o, FACT_TLS_VERSION_OFFERED, tls_version_name(hello->highest), hello->highest);
        observation_utf8(o, FACT_TLS_SERVER_NAME, hello->server_name);
        if (dissection_details(dx)) {
            state_alpn_offered(o, hello->alpn);
            state_ciphers(o, hello);
            state_client_fingerprints(dx, o, hello);
        }
        if (hello->random.len > 0) {
            observation_hex(o, FACT_TLS_CLIENT_RANDOM, hello->random);
        }
    }
    if (hello->server_name.len > 0) {
        dissection_host_name(dx, hello->server_name);
    }
}

static void on_server_hello(struct dissection *dx, struct tls_handshake *h,
                            const struct server_hello *hello)
{
    if (hello->retry || h->server_hello) {
        h->retry |= hello->retry;
        return;
    }
    h->server_hello = true;
    h->version = hello->chosen;
    h->cipher = hello->cipher;
    h->resumed = hello->resumed;
    h->tds_chosen = bytes_is(hello->alpn, TDS_ALPN, strlen(TDS_ALPN));
    if (hello->bad_extensions) {
        dissection_anomaly(dx, "tls.bad_extensions");
    }
    struct observation *o = record_of(dx, h);
    if (o == NULL) {
        return;
    }
    observation_stamp(o, FACT_TLS_SERVER_HELLO_PACKET, dissection_at(dx));
    state_named(o, FACT_TLS_VERSION, tls_version_name(hello->chosen), hello->chosen);
    state_named(o, FACT_TLS_CIPHER, tls_suite_name(hello->cipher), hello->cipher);
    observation_num(o, FACT_TLS_CIPHER_CODE, hello->cipher);
    observation_utf8(o, FACT_TLS_ALPN, hello->alpn);
    if (hello->group != 0) {
        state_named(o, FACT_TLS_GROUP, tls_group_name(hello->group), hello->group);
    }
    char text[JA3_TEXT];
    if (dissection_details(dx) && ja3s(dissection_certificates(dx), hello, text)) {
        observation_string(o, FACT_TLS_JA3S, text);
    }
}

static void on_certificate(struct dissection *dx, struct tls_handshake *h, enum dir dir,
                           struct bytes body)
{
    struct observation *o = record_of(dx, h);
    bool of_client = dir == h->client;
    bool *seen = of_client ? &h->client_certificate : &h->certificate;
    if (o == NULL || *seen) {
        return;
    }
    *seen = tls_certificate_state(dx, o, body, of_client);
}

static void on_key_exchange(struct dissection *dx, struct tls_handshake *h, struct bytes body)
{
    h->key_exchange = true;
    uint16_t group = h->server_hello ? server_key_exchange_group(body, h->cipher) : 0;
    struct observation *o = group == 0 ? NULL : record_of(dx, h);
    if (o != NULL) {
        state_named(o, FACT_TLS_GROUP, tls_group_name(group), group);
    }
}

static void read_client_hello(struct dissection *dx, struct tls_handshake *h, enum dir dir,
                              struct bytes body)
{
    struct client_hello hello;
    know_client(h, dir);
    if (dir != h->client) {
        return;
    }
    if (client_hello_read(body, &hello)) {
        on_client_hello(dx, h, &hello);
    } else {
        dissection_anomaly(dx, "tls.bad_client_hello");
    }
}

static void read_server_hello(struct dissection *dx, struct tls_handshake *h, enum dir dir,
                              struct bytes body)
{
    struct server_hello hello;
    know_client(h, dir == DIR_CLIENT ? DIR_SERVER : DIR_CLIENT);
    if (dir == h->client) {
        return;
    }
    if (server_hello_read(body, &hello)) {
        on_server_hello(dx, h, &hello);
    } else {
        dissection_anomaly(dx, "tls.bad_server_hello");
    }
}

void tls_handshake_message(struct dissection *dx, struct tls_handshake *h, enum dir dir,
                           uint8_t type, struct bytes body)
{
    bool of_client = dir == h->client;
    switch (type) {
    case HANDSHAKE_CLIENT_HELLO:
        read_client_hello(dx, h, dir, body);
        break;
    case HANDSHAKE_SERVER_HELLO:
        read_server_hello(dx, h, dir, body);
        break;
    case HANDSHAKE_HELLO_RETRY_REQUEST:
        h->retry |= !of_client;
        break;
    case HANDSHAKE_CERTIFICATE:
        on_certificate(dx, h, dir, body);
        break;
    case HANDSHAKE_SERVER_KEY_EXCHANGE:
        if (!of_client && !h->key_exchange) {
            on_key_exchange(dx, h, body);
        }
        break;
    case HANDSHAKE_CERTIFICATE_REQUEST:
        h->certificate_request |= !of_client;
        break;
    case HANDSHAKE_SERVER_HELLO_DONE:
        h->hello_done |= !of_client;
        break;
    default:
        break;
    }
}

/* A server that speaks nothing newer has chosen SSL 2.0 with its hello. */
static void on_sslv2_server_hello(struct dissection *dx, struct tls_handshake *h,
                                  const struct sslv2_server_hello *hello)
{
    struct observation *o = record_of(dx, h);
    h->sslv2 = true;
    if (o == NULL) {
        return;
    }
    observation_stamp(o, FACT_TLS_SERVER_HELLO_PACKET, dissection_at(dx));
    observation_string(o, FACT_TLS_VERSION, tls_version_name(0x0002));
    observation_bool(o, FACT_TLS_SESSION_RESUMED, hello->resumed);
    if (hello->certificate.len > 0) {
        observation_num(o, FACT_TLS_CHAIN_LENGTH, 1);
        tls_certificate_state_leaf(dx, o, hello->certificate, false);
    }
}

bool tls_handshake_sslv2(struct dissection *dx, struct tls_handshake *h, enum dir dir,
                         struct bytes record)
{
    struct client_hello client;
    struct sslv2_server_hello server;
    if (sslv2_client_hello_read(record, &client)) {
        know_client(h, dir);
        if (dir == h->client) {
            on_client_hello(dx, h, &client);
        }
        return true;
    }
    if (!sslv2_server_hello_read(record, &server)) {
        return false;
    }
    know_client(h, dir == DIR_CLIENT ? DIR_SERVER : DIR_CLIENT);
    if (dir != h->client) {
        on_sslv2_server_hello(dx, h, &server);
    }
    return true;
}

/*
 * RFC 5246 7.1. In TLS 1.3 it means nothing (RFC 8446 D.4); a client may send it before the server
 * has chosen, so until then only the next record can tell. A server that changes right after its
 * hello has resumed a session (RFC 5246 7.3).
 */
void tls_handshake_change(struct tls_handshake *h, enum dir dir)
{
    struct tls_end *end = &h->ends[dir];
    bool of_client = dir == h->client;
    end->changed = true;
    if (h->server_hello) {
        end->encrypted |= !tls_handshake_is_13(h);
    } else {
        end->encrypted |= !of_client && !h->retry;
    }
    if (!of_client && h->server_hello && !tls_handshake_is_13(h) && !end->holed &&
        !h->certificate && !h->key_exchange && !h->hello_done) {
        h->resumed = true;
    }
}

/* RFC 8446 6: in TLS 1.3 the level says nothing; all but two alerts end the connection. */
static bool is_fatal(const struct tls_handshake *h, uint8_t level, uint8_t description)
{
    enum { CLOSE_NOTIFY = 0, USER_CANCELED = 90, FATAL = 2 };
    if (tls_handshake_is_13(h)) {
        return description != CLOSE_NOTIFY && description != USER_CANCELED;
    }
    return level == FATAL;
}

void tls_handshake_alert(struct dissection *dx, struct tls_handshake *h, enum dir dir,
                         struct bytes alert)
{
    struct cursor c = cursor_of(alert);
    uint8_t level = cursor_u8(&c);
    uint8_t description = cursor_u8(&c);
    h->fatal |= is_fatal(h, level, description);
    struct observation *o = h->alert || description == 0 ? NULL : h->record;
    if (o == NULL) {
        return;
    }
    h->alert = true;
    const char *name = tls_alert_name(description);
    if (name != NULL) {
        observation_string(o, FACT_TLS_ALERT, name);
    } else {
        state_code(o, FACT_TLS_ALERT, description, 2);
    }
    observation_num(o, FACT_TLS_ALERT_CODE, description);
    observation_string(o, FACT_TLS_ALERT_FROM, dir == h->client ? "client" : "server");
    observation_stamp(o, FACT_TLS_ALERT_PACKET, dissection_at(dx));
}

/* An alert answers something: before the other end was heard, the capture has its packets out of
 * order. */
bool tls_handshake_is_over(const struct tls_handshake *h)
{
    const struct tls_end *client = &h->ends[h->client];
    const struct tls_end *server = &h->ends[h->client == DIR_CLIENT ? DIR_SERVER : DIR_CLIENT];
    if (!client->seen || !server->seen) {
        return false;
    }
    return h->sslv2 || h->declined || h->fatal || h->broken_off ||
           (client->finished && server->finished);
}

/* Whether both ends came to encryption; not stated where the capture lacks what would tell. */
static void state_established(const struct tls_handshake *h, struct observation *o)
{
    const struct tls_end *client = &h->ends[h->client];
    const struct tls_end *server = &h->ends[h->client == DIR_CLIENT ? DIR_SERVER : DIR_CLIENT];
    bool refused = h->fatal || h->broken_off;
    bool both = client->encrypted && server->encrypted;
    bool unheard = (client->encrypted && !server->seen) || (server->seen && !client->seen);
    bool lost = (!client->encrypted && client->holed) || (!server->encrypted && server->holed);
    if (refused || both || (!unheard && !lost && !h->sslv2)) {
        observation_bool(o, FACT_TLS_ESTABLISHED, both && !refused);
    }
}

/* What the server's flight as a whole says. */
static void state_server_flight(const struct tls_handshake *h, struct observation *o)
{
    bool is_13 = tls_handshake_is_13(h);
    bool full = h->certificate || h->key_exchange || h->hello_done;
    bool holed = h->ends[h->client == DIR_CLIENT ? DIR_SERVER : DIR_CLIENT].holed;
    if (h->server_hello && (is_13 || full || h->resumed)) {
        observation_bool(o, FACT_TLS_SESSION_RESUMED, h->resumed);
    }
    if (is_13 || h->resumed || h->certificate) {
        observation_bool(o, FACT_TLS_CERTIFICATE_VISIBLE, !is_13 && h->certificate);
    }
    if (h->certificate_request || (h->hello_done && !holed)) {
        observation_bool(o, FACT_TLS_CLIENT_CERTIFICATE_REQUESTED, h->certificate_request);
    }
}

void tls_handshake_finish(struct dissection *dx, struct tls_handshake *h, enum dir dir)
{
    struct observation *o = h->record;
    if (o == NULL) {
        return;
    }
    state_server_flight(h, o);
    state_established(h, o);
    if (h->tds_offered || h->tds_chosen) {
        tds_strict_state(dx, h->tds_chosen, observation_says(o, FACT_TLS_ESTABLISHED));
    }
    h->record = NULL;
    h->declined = true;
    dissection_send(dx, o, dir);
}
