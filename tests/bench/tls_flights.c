#include "tests/bench/tls_flights.h"

#include <string.h>

#include "tests/bench/certificates.h"
#include "tests/bench/octets.h"
#include "tests/bench/random.h"

enum {
    CHANGE_CIPHER_SPEC = 20,
    ALERT = 21,
    HANDSHAKE = 22,
    APPLICATION_DATA = 23,
    CLIENT_HELLO = 1,
    SERVER_HELLO = 2,
    CERTIFICATE = 11,
    SERVER_KEY_EXCHANGE = 12,
    CERTIFICATE_REQUEST = 13,
    SERVER_HELLO_DONE = 14,
    CERTIFICATE_VERIFY = 15,
    CLIENT_KEY_EXCHANGE = 16,
    TLS_1_0 = 0x0301,
    TLS_1_2 = 0x0303,
    TLS_1_3 = 0x0304,
    ECDHE_RSA_AES256_GCM_SHA384 = 0xc030,
    AES256_GCM_SHA384 = 0x1302,
    X25519 = 0x001d,
    RSA_PSS_RSAE_SHA256 = 0x0804,
    GCM_OVERHEAD = 24,   /* TLS 1.2: explicit nonce and tag */
    TLS13_OVERHEAD = 17, /* inner type and tag */
    RECORD_LIMIT = 16384,
};

static const uint16_t signature_schemes[] = {0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0201,
                                             0x0403, 0x0503, 0x0203, 0x0202, 0x0601, 0x0603};

/* Windows Server 2019's list without what 1.3 adds. */
static const uint16_t tls12_ciphers[] = {0xc02c, 0xc02b, 0xc030, 0xc02f, 0x009f, 0x009e, 0xc024,
                                         0xc023, 0xc028, 0xc027, 0xc00a, 0xc009, 0xc014, 0xc013,
                                         0x009d, 0x009c, 0x003d, 0x003c, 0x0035, 0x002f, 0x000a};

static void put_list(struct octets *o, const uint16_t *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        octets_be16(o, list[i]);
}

/* Records, handshake messages and extensions: the length stands just before the mark. */
static size_t open_record(struct octets *o, uint8_t type, uint16_t version)
{
    octets_u8(o, type);
    octets_be16(o, version);
    octets_be16(o, 0);
    return o->len;
}

static size_t open_message(struct octets *o, uint8_t type)
{
    octets_u8(o, type);
    octets_be24(o, 0);
    return o->len;
}

static size_t open_be16(struct octets *o)
{
    octets_be16(o, 0);
    return o->len;
}

static size_t open_extension(struct octets *o, uint16_t type)
{
    octets_be16(o, type);
    return open_be16(o);
}

static void close_be16(struct octets *o, size_t mark)
{
    octets_set_be16(o, mark - 2, (uint16_t)(o->len - mark));
}

static void close_be24(struct octets *o, size_t mark)
{
    octets_set_be24(o, mark - 3, (uint32_t)(o->len - mark));
}

static void put_empty_extension(struct octets *o, uint16_t type)
{
    close_be16(o, open_extension(o, type));
}

static void put_server_name(struct octets *o, const char *name)
{
    size_t extension = open_extension(o, 0);
    size_t list = open_be16(o);
    octets_u8(o, 0); /* host_name */
    size_t host = open_be16(o);
    octets_text(o, name);
    close_be16(o, host);
    close_be16(o, list);
    close_be16(o, extension);
}

static void put_alpn(struct octets *o, const char *protocol)
{
    if (!protocol)
        return;
    size_t extension = open_extension(o, 16);
    size_t list = open_be16(o);
    octets_u8(o, (uint8_t)strlen(protocol));
    octets_text(o, protocol);
    close_be16(o, list);
    close_be16(o, extension);
}

/* RFC 5746: an empty renegotiated_connection. */
static void put_renegotiation(struct octets *o)
{
    size_t extension = open_extension(o, 0xff01);
    octets_u8(o, 0);
    close_be16(o, extension);
}

static void put_client_extensions(struct octets *o, const struct tls_peers *p)
{
    static const uint8_t status_request[] = {0, 5, 0, 5, 1, 0, 0, 0, 0};
    static const uint8_t groups[] = {0, 10, 0, 8, 0, 6, 0, 0x1d, 0, 0x17, 0, 0x18};
    static const uint8_t point_formats[] = {0, 11, 0, 2, 1, 0};

    put_server_name(o, p->server_name);
    octets_copy(o, status_request, sizeof status_request);
    octets_copy(o, groups, sizeof groups);
    octets_copy(o, point_formats, sizeof point_formats);
    size_t extension = open_extension(o, 13);
    size_t list = open_be16(o);
    put_list(o, signature_schemes, sizeof signature_schemes / sizeof *signature_schemes);
    close_be16(o, list);
    close_be16(o, extension);
    put_empty_extension(o, 35); /* session_ticket */
    put_alpn(o, p->alpn);
    put_empty_extension(o, 23); /* extended_master_secret */
    put_renegotiation(o);
}

static void put_tls13_extensions(struct octets *o, const struct tls_peers *p)
{
    static const uint8_t versions[] = {0, 43, 0, 5, 4, 3, 4, 3, 3};
    static const uint8_t psk_modes[] = {0, 45, 0, 2, 1, 1};

    octets_copy(o, versions, sizeof versions);
    octets_copy(o, psk_modes, sizeof psk_modes);
    size_t extension = open_extension(o, 51);
    size_t shares = open_be16(o);
    octets_be16(o, X25519);
    octets_be16(o, 32);
    random_octets(p->random, o, 32);
    close_be16(o, shares);
    close_be16(o, extension);
}

static void put_client_hello(struct octets *o, const struct tls_peers *p, bool tls13)
{
    size_t record = open_record(o, HANDSHAKE, tls13 ? TLS_1_0 : TLS_1_2);
    size_t message = open_message(o, CLIENT_HELLO);

    octets_be16(o, TLS_1_2);
    random_octets(p->random, o, 32);
    bool names_session = tls13 || p->resumes;
    octets_u8(o, names_session ? TLS_SESSION_ID : 0);
    octets_copy(o, p->session_id, names_session ? TLS_SESSION_ID : 0);
    size_t ciphers = open_be16(o);
    if (tls13) {
        octets_be16(o, AES256_GCM_SHA384);
        octets_be16(o, 0x1301);
    }
    put_list(o, tls12_ciphers, sizeof tls12_ciphers / sizeof *tls12_ciphers);
    close_be16(o, ciphers);
    octets_be16(o, 0x0100); /* the null compression only */
    size_t extensions = open_be16(o);
    put_client_extensions(o, p);
    if (tls13)
        put_tls13_extensions(o, p);
    close_be16(o, extensions);
    close_be24(o, message);
    close_be16(o, record);
}

void tls12_client_hello(struct octets *o, const struct tls_peers *p)
{
    put_client_hello(o, p, false);
}

void tls13_client_hello(struct octets *o, const struct tls_peers *p)
{
    put_client_hello(o, p, true);
}

/* Up to the extensions, which differ. Returns their mark. */
static size_t open_server_hello(struct octets *o, const struct tls_peers *p, uint16_t cipher)
{
    octets_be16(o, TLS_1_2);
    random_octets(p->random, o, 32);
    octets_u8(o, TLS_SESSION_ID);
    octets_copy(o, p->session_id, TLS_SESSION_ID);
    octets_be16(o, cipher);
    octets_u8(o, 0);
    return open_be16(o);
}

static void put_chain(struct octets *o, const struct certificate *leaf,
                      const struct certificate *authority)
{
    size_t message = open_message(o, CERTIFICATE);
    octets_be24(o, 0);
    size_t list = o->len;
    octets_be24(o, (uint32_t)leaf->len);
    octets_copy(o, leaf->der, leaf->len);
    octets_be24(o, (uint32_t)authority->len);
    octets_copy(o, authority->der, authority->len);
    close_be24(o, list);
    close_be24(o, message);
}

static void put_signature(struct octets *o, struct random *r)
{
    octets_be16(o, RSA_PSS_RSAE_SHA256);
    octets_be16(o, 256);
    random_octets(r, o, 256);
}

/* RFC 8422 5.4 */
static void put_server_key_exchange(struct octets *o, struct random *r)
{
    size_t message = open_message(o, SERVER_KEY_EXCHANGE);
    octets_u8(o, 3); /* named_curve */
    octets_be16(o, X25519);
    octets_u8(o, 32);
    random_octets(r, o, 32);
    put_signature(o, r);
    close_be24(o, message);
}

/* RFC 5246 7.4.4; Windows names no authorities. */
static void put_certificate_request(struct octets *o)
{
    static const uint8_t types[] = {3, 1, 2, 64};

    size_t message = open_message(o, CERTIFICATE_REQUEST);
    octets_copy(o, types, sizeof types);
    size_t schemes = open_be16(o);
    put_list(o, signature_schemes, sizeof signature_schemes / sizeof *signature_schemes);
    close_be16(o, schemes);
    octets_be16(o, 0);
    close_be24(o, message);
}

static void put_change_cipher_spec(struct octets *o)
{
    size_t record = open_record(o, CHANGE_CIPHER_SPEC, TLS_1_2);
    octets_u8(o, 1);
    close_be16(o, record);
}

static void put_encrypted(struct octets *o, struct random *r, uint8_t type, size_t n)
{
    size_t record = open_record(o, type, TLS_1_2);
    random_octets(r, o, n);
    close_be16(o, record);
}

/* ChangeCipherSpec, and Finished: 4 octets of header and 12 of verify_data. */
void tls12_finish(struct octets *o, const struct tls_peers *p)
{
    put_change_cipher_spec(o);
    put_encrypted(o, p->random, HANDSHAKE, 16 + GCM_OVERHEAD);
}

void tls12_server_hello(struct octets *o, const struct tls_peers *p)
{
    size_t record = open_record(o, HANDSHAKE, TLS_1_2);
    size_t message = open_message(o, SERVER_HELLO);
    size_t extensions = open_server_hello(o, p, ECDHE_RSA_AES256_GCM_SHA384);
    put_alpn(o, p->alpn);
    put_empty_extension(o, 23);
    put_renegotiation(o);
    close_be16(o, extensions);
    close_be24(o, message);
    if (!p->resumes) {
        put_chain(o, p->server, p->authority);
        put_server_key_exchange(o, p->random);
        if (p->client)
            put_certificate_request(o);
        close_be24(o, open_message(o, SERVER_HELLO_DONE));
    }
    close_be16(o, record);
    if (p->resumes)
        tls12_finish(o, p);
}

void tls12_client_flight(struct octets *o, const struct tls_peers *p)
{
    if (!p->resumes) {
        size_t record = open_record(o, HANDSHAKE, TLS_1_2);
        if (p->client)
            put_chain(o, p->client, p->authority);
        size_t message = open_message(o, CLIENT_KEY_EXCHANGE);
        octets_u8(o, 32);
        random_octets(p->random, o, 32);
        close_be24(o, message);
        if (p->client) {
            message = open_message(o, CERTIFICATE_VERIFY);
            put_signature(o, p->random);
            close_be24(o, message);
        }
        close_be16(o, record);
    }
    tls12_finish(o, p);
}

void tls13_server_hello(struct octets *o, const struct tls_peers *p)
{
    static const uint8_t version[] = {0, 43, 0, 2, TLS_1_3 >> 8, TLS_1_3 & 0xff};

    size_t record = open_record(o, HANDSHAKE, TLS_1_2);
    size_t message = open_message(o, SERVER_HELLO);
    size_t extensions = open_server_hello(o, p, AES256_GCM_SHA384);
    octets_copy(o, version, sizeof version);
    size_t extension = open_extension(o, 51);
    octets_be16(o, X25519);
    octets_be16(o, 32);
    random_octets(p->random, o, 32);
    close_be16(o, extension);
    close_be16(o, extensions);
    close_be24(o, message);
    close_be16(o, record);
    put_change_cipher_spec(o);
    size_t chain = p->server->len + p->authority->len;
    put_encrypted(o, p->random, APPLICATION_DATA, 28 + TLS13_OVERHEAD); /* EncryptedExtensions */
    if (p->client)
        put_encrypted(o, p->random, APPLICATION_DATA, 43 + TLS13_OVERHEAD);
    put_encrypted(o, p->random, APPLICATION_DATA, chain + 18 + TLS13_OVERHEAD);
    put_encrypted(o, p->random, APPLICATION_DATA, 264 + TLS13_OVERHEAD); /* CertificateVerify */
    put_encrypted(o, p->random, APPLICATION_DATA, 52 + TLS13_OVERHEAD);  /* Finished */
}

void tls13_client_flight(struct octets *o, const struct tls_peers *p)
{
    put_change_cipher_spec(o);
    if (p->client) {
        size_t chain = p->client->len + p->authority->len;
        put_encrypted(o, p->random, APPLICATION_DATA, chain + 18 + TLS13_OVERHEAD);
        put_encrypted(o, p->random, APPLICATION_DATA, 264 + TLS13_OVERHEAD);
    }
    put_encrypted(o, p->random, APPLICATION_DATA, 52 + TLS13_OVERHEAD);
}

void tls13_session_ticket(struct octets *o, const struct tls_peers *p)
{
    put_encrypted(o, p->random, APPLICATION_DATA, 233 + TLS13_OVERHEAD);
}

void tls_application_data(struct octets *o, struct random *r, size_t n)
{
    while (n) {
        size_t piece = n < RECORD_LIMIT ? n : RECORD_LIMIT;
        put_encrypted(o, r, APPLICATION_DATA, piece + GCM_OVERHEAD);
        n -= piece;
    }
}

void tls12_close_notify(struct octets *o, struct random *r)
{
    put_encrypted(o, r, ALERT, 2 + GCM_OVERHEAD);
}

void tls13_close_notify(struct octets *o, struct random *r)
{
    put_encrypted(o, r, APPLICATION_DATA, 2 + TLS13_OVERHEAD);
}
