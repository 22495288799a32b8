#include "dissect/tls_hello.h"

#include "dissect/tls_names.h"

/* RFC 8446 4.1.3: the random of a HelloRetryRequest, SHA-256 of that name. */
static const uint8_t retry_random[32] = {
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
};

/* A vector with a length of two octets that fills the whole extension. */
static struct bytes vector16(struct bytes data)
{
    struct cursor c = cursor_of(data);
    uint16_t len = cursor_be16(&c);
    return cursor_take(&c, len);
}

/* RFC 6066 3: the first host_name of the ServerNameList. */
static struct bytes host_name(struct bytes data)
{
    struct cursor list = cursor_of(vector16(data));
    while (list.rest.len > 0) {
        uint8_t type = cursor_u8(&list);
        uint16_t len = cursor_be16(&list);
        struct bytes name = cursor_take(&list, len);
        if (type == 0) {
            return name;
        }
    }
    return (struct bytes){0};
}

/* True when version `a` is offered above `b`: a draft of TLS 1.3 is above TLS 1.2. */
static bool is_higher(uint16_t a, uint16_t b)
{
    bool a13 = tls_version_is_13(a), b13 = tls_version_is_13(b);
    return a13 != b13 ? a13 : a > b;
}

/* RFC 8446 4.2.1 */
static uint16_t highest_version(struct bytes data, uint16_t legacy)
{
    struct cursor c = cursor_of(data);
    uint8_t len = cursor_u8(&c);
    struct cursor list = cursor_sub(&c, len);
    uint16_t best = 0;
    while (list.rest.len > 0) {
        uint16_t version = cursor_be16(&list);
        if (!tls_is_grease(version) && is_higher(version, best)) {
            best = version;
        }
    }
    return best == 0 ? legacy : best;
}

static void client_extension(struct client_hello *h, uint16_t type, struct bytes data)
{
    struct cursor c = cursor_of(data);
    switch (type) {
    case EXTENSION_SERVER_NAME:
        h->has_server_name = true;
        h->server_name = host_name(data);
        break;
    case EXTENSION_GROUPS:
        h->groups = vector16(data);
        break;
    case EXTENSION_POINT_FORMATS: {
        uint8_t len = cursor_u8(&c);
        h->formats = cursor_take(&c, len);
        break;
    }
    case EXTENSION_SIGNATURES:
        h->signatures = vector16(data);
        break;
    case EXTENSION_ALPN:
        h->has_alpn = true;
        h->alpn = vector16(data);
        break;
    case EXTENSION_EARLY_DATA:
        h->early_data = true;
        break;
    case EXTENSION_VERSIONS:
        h->highest = highest_version(data, h->version);
        break;
    default:
        break;
    }
}

/* One Extension (RFC 8446 4.2); false when it is cut. */
static bool next_extension(struct cursor *list, uint16_t *ret_type, struct bytes *ret_data)
{
    uint16_t type = cursor_be16(list);
    uint16_t len = cursor_be16(list);
    struct bytes data = cursor_take(list, len);
    if (list->failed) {
        return false;
    }
    *ret_type = type;
    *ret_data = data;
    return true;
}

/* RFC 8446 4.1.2, RFC 5246 7.4.1.2 */
bool client_hello_read(struct bytes body, struct client_hello *ret)
{
    struct cursor c = cursor_of(body);
    *ret = (struct client_hello){.version = cursor_be16(&c)};
    ret->highest = ret->version;
    ret->random = cursor_take(&c, 32);
    uint8_t session_id_len = cursor_u8(&c);
    cursor_skip(&c, session_id_len);
    uint16_t ciphers_len = cursor_be16(&c);
    ret->ciphers = cursor_take(&c, ciphers_len);
    uint8_t compressions_len = cursor_u8(&c);
    cursor_skip(&c, compressions_len);
    if (c.failed || ret->version >> 8 != 3 || session_id_len > 32 || ciphers_len % 2 != 0) {
        return false;
    }
    if (c.rest.len == 0) { /* before extensions were invented */
        return true;
    }
    uint16_t extensions_len = cursor_be16(&c);
    ret->bad_extensions = c.failed || extensions_len != c.rest.len;
    struct cursor list = ret->bad_extensions ? c : cursor_sub(&c, extensions_len);
    uint16_t type = 0;
    struct bytes data = {0};
    while (list.rest.len > 0) {
        if (!next_extension(&list, &type, &data)) {
            ret->bad_extensions = true;
            break;
        }
        client_extension(ret, type, data);
        if (ret->extension_count < HELLO_EXTENSIONS) {
            ret->extensions[ret->extension_count++] = type;
        } else {
            ret->extensions_cut++;
        }
    }
    return true;
}

static void server_extension(struct server_hello *h, uint16_t type, struct bytes data)
{
    struct cursor c = cursor_of(data);
    switch (type) {
    case EXTENSION_ALPN: {
        c = cursor_of(vector16(data));
        uint8_t len = cursor_u8(&c);
        h->alpn = cursor_take(&c, len);
        break;
    }
    case EXTENSION_PRE_SHARED_KEY:
        h->resumed = true;
        break;
    case EXTENSION_VERSIONS:
        h->chosen = data.len == 2 ? cursor_be16(&c) : h->chosen;
        break;
    case EXTENSION_KEY_SHARE:
        h->group = cursor_be16(&c);
        break;
    default:
        break;
    }
}

/* RFC 8446 4.1.3, RFC 5246 7.4.1.3. Drafts of TLS 1.3 before the 22nd had neither session id nor
 * compression. */
bool server_hello_read(struct bytes body, struct server_hello *ret)
{
    struct cursor c = cursor_of(body);
    *ret = (struct server_hello){.version = cursor_be16(&c)};
    bool old_draft = ret->version >> 8 == 0x7f;
    ret->chosen = ret->version;
    struct bytes random = cursor_take(&c, 32);
    ret->retry = bytes_is(random, retry_random, sizeof retry_random);
    uint8_t session_id_len = old_draft ? 0 : cursor_u8(&c);
    cursor_skip(&c, session_id_len);
    ret->cipher = cursor_be16(&c);
    cursor_skip(&c, old_draft ? 0 : 1);
    if (c.failed || (ret->version >> 8 != 3 && !old_draft) || session_id_len > 32) {
        return false;
    }
    if (c.rest.len == 0) {
        return true;
    }
    uint16_t extensions_len = cursor_be16(&c);
    ret->bad_extensions = c.failed || extensions_len != c.rest.len;
    uint16_t type = 0;
    struct bytes data = {0};
    while (c.rest.len > 0) {
        if (!next_extension(&c, &type, &data)) {
            ret->bad_extensions = true;
            break;
        }
        server_extension(ret, type, data);
        if (ret->extension_count < HELLO_EXTENSIONS) {
            ret->extensions[ret->extension_count++] = type;
        } else {
            ret->extensions_cut++;
        }
    }
    return true;
}

/* RFC 5246 E.2, draft-hickman-netscape-ssl-00 2.5 */
bool sslv2_client_hello_read(struct bytes record, struct client_hello *ret)
{
    struct cursor c = cursor_of(record);
    uint16_t length = cursor_be16(&c);
    uint8_t type = cursor_u8(&c);
    *ret = (struct client_hello){.version = cursor_be16(&c), .sslv2_form = true};
    ret->highest = ret->version;
    uint16_t ciphers_len = cursor_be16(&c);
    uint16_t session_id_len = cursor_be16(&c);
    uint16_t challenge_len = cursor_be16(&c);
    ret->ciphers = cursor_take(&c, ciphers_len);
    cursor_skip(&c, session_id_len);
    struct bytes challenge = cursor_take(&c, challenge_len);
    ret->random = challenge.len == 32 ? challenge : (struct bytes){0};
    bool version_fits =
        ret->version == 0x0002 || (ret->version >> 8 == 3 && (ret->version & 0xff) <= 4);
    return !c.failed && c.rest.len == 0 && (length & 0x8000) != 0 && type == 1 && version_fits &&
           ciphers_len != 0 && ciphers_len % 3 == 0 &&
           (session_id_len == 0 || session_id_len == 16) && challenge_len >= 16 &&
           challenge_len <= 32;
}

/* draft-hickman-netscape-ssl-00 2.6 */
bool sslv2_server_hello_read(struct bytes record, struct sslv2_server_hello *ret)
{
    struct cursor c = cursor_of(record);
    uint16_t length = cursor_be16(&c);
    uint8_t type = cursor_u8(&c);
    uint8_t hit = cursor_u8(&c);
    uint8_t certificate_type = cursor_u8(&c);
    uint16_t version = cursor_be16(&c);
    uint16_t certificate_len = cursor_be16(&c);
    uint16_t ciphers_len = cursor_be16(&c);
    uint16_t connection_len = cursor_be16(&c);
    struct bytes certificate = cursor_take(&c, certificate_len);
    cursor_skip(&c, ciphers_len);
    cursor_skip(&c, connection_len);
    if (c.failed || c.rest.len != 0 || (length & 0x8000) == 0 || type != 4 || version != 0x0002 ||
        hit > 1) {
        return false;
    }
    *ret = (struct sslv2_server_hello){
        .resumed = hit == 1,
        .certificate = certificate_type == 1 ? certificate : (struct bytes){0},
    };
    return true;
}

static bool suite_uses(uint16_t cipher, const char *exchange)
{
    const char *name = tls_suite_name(cipher);
    return name != NULL && strncmp(name, exchange, strlen(exchange)) == 0;
}

/* RFC 8422 5.4; RFC 5489 2: a PSK identity hint comes first. */
uint16_t server_key_exchange_group(struct bytes body, uint16_t cipher)
{
    if (!suite_uses(cipher, "TLS_ECDHE_") && !suite_uses(cipher, "TLS_ECDH_anon_")) {
        return 0;
    }
    struct cursor c = cursor_of(body);
    if (suite_uses(cipher, "TLS_ECDHE_PSK_")) {
        uint16_t hint_len = cursor_be16(&c);
        cursor_skip(&c, hint_len);
    }
    uint8_t curve_type = cursor_u8(&c);
    uint16_t group = cursor_be16(&c);
    uint8_t point_len = cursor_u8(&c);
    cursor_skip(&c, point_len);
    return !c.failed && curve_type == 3 ? group : 0; /* named_curve */
}
