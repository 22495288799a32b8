#include "dissect/ja.h"

#include "capture/limits.h"
#include "dissect/text.h"
#include "dissect/tls_names.h"

static const char hex_digits[] = "0123456789abcdef";

/* The longest text: three lists of decimals with separators, point formats, a version; and the end
 * that numbers put behind them. */
#define TEXT_ROOM (3 * 6 * LIMIT_HELLO_LIST + 4 * 255 + 16 + 1)

struct text {
    char at[TEXT_ROOM];
    size_t len;
};

struct numbers {
    uint16_t at[LIMIT_HELLO_LIST];
    unsigned count;
};

static void put(struct text *t, char c)
{
    t->at[t->len++] = c;
}

static void put_decimal(struct text *t, unsigned number)
{
    t->len = (size_t)(text_decimal(t->at + t->len, number) - t->at);
}

static void put_hex16(struct text *t, uint16_t number)
{
    t->len = (size_t)(text_hex(t->at + t->len, number, 4) - t->at);
}

static void put_decimals(struct text *t, const struct numbers *list)
{
    for (unsigned i = 0; i < list->count; i++) {
        if (i > 0) {
            put(t, '-');
        }
        put_decimal(t, list->at[i]);
    }
}

static void put_hexes(struct text *t, const struct numbers *list)
{
    for (unsigned i = 0; i < list->count; i++) {
        if (i > 0) {
            put(t, ',');
        }
        put_hex16(t, list->at[i]);
    }
}

static void hex_text(const uint8_t *octets, size_t len, char *ret)
{
    for (size_t i = 0; i < len; i++) {
        ret[2 * i] = hex_digits[octets[i] >> 4];
        ret[2 * i + 1] = hex_digits[octets[i] & 15];
    }
}

/* Pairs of octets as numbers, without GREASE; false when there are too many. */
static bool numbers_of(struct bytes pairs, struct numbers *ret)
{
    ret->count = 0;
    for (size_t i = 0; i + 1 < pairs.len; i += 2) {
        uint16_t number = (uint16_t)(pairs.at[i] << 8 | pairs.at[i + 1]);
        if (tls_is_grease(number)) {
            continue;
        }
        if (ret->count == LIMIT_HELLO_LIST) {
            return false;
        }
        ret->at[ret->count++] = number;
    }
    return true;
}

static void extensions_of(const struct client_hello *h, struct numbers *ret)
{
    ret->count = 0;
    for (unsigned i = 0; i < h->extension_count; i++) {
        if (!tls_is_grease(h->extensions[i])) {
            ret->at[ret->count++] = h->extensions[i];
        }
    }
}

static bool md5_text(struct certificates *digests, const struct text *t, char ret[JA3_TEXT])
{
    uint8_t digest[16];
    if (!certificates_md5(digests, bytes_of(t->at, t->len), digest)) {
        return false;
    }
    hex_text(digest, sizeof digest, ret);
    ret[32] = '\0';
    return true;
}

/* Version, ciphers, extensions, groups, point formats; five fields in decimal. */
bool ja3(struct certificates *digests, const struct client_hello *h, char ret[JA3_TEXT])
{
    struct text t;
    struct numbers list;
    if (h->sslv2_form || h->extensions_cut > 0 || !numbers_of(h->ciphers, &list)) {
        return false;
    }
    t.len = 0;
    put_decimal(&t, h->version);
    put(&t, ',');
    put_decimals(&t, &list);
    put(&t, ',');
    extensions_of(h, &list);
    put_decimals(&t, &list);
    put(&t, ',');
    if (!numbers_of(h->groups, &list)) {
        return false;
    }
    put_decimals(&t, &list);
    put(&t, ',');
    for (size_t i = 0; i < h->formats.len; i++) {
        if (i > 0) {
            put(&t, '-');
        }
        put_decimal(&t, h->formats.at[i]);
    }
    return md5_text(digests, &t, ret);
}

/* Version, cipher, extensions. */
bool ja3s(struct certificates *digests, const struct server_hello *h, char ret[JA3_TEXT])
{
    struct text t;
    if (h->extensions_cut > 0) {
        return false;
    }
    t.len = 0;
    put_decimal(&t, h->version);
    put(&t, ',');
    put_decimal(&t, h->cipher);
    put(&t, ',');
    for (unsigned i = 0; i < h->extension_count; i++) {
        if (i > 0) {
            put(&t, '-');
        }
        put_decimal(&t, h->extensions[i]);
    }
    return md5_text(digests, &t, ret);
}

/* Lists are short and partly in order already. */
static void sort(struct numbers *list)
{
    for (unsigned i = 1; i < list->count; i++) {
        uint16_t number = list->at[i];
        unsigned j = i;
        for (; j > 0 && list->at[j - 1] > number; j--) {
            list->at[j] = list->at[j - 1];
        }
        list->at[j] = number;
    }
}

static const char *ja4_version(uint16_t version)
{
    static const char *const names[] = {"s3", "10", "11", "12", "13"};
    if (version == 0x0002) {
        return "s2";
    }
    return version >= 0x0300 && version <= 0x0304 ? names[version - 0x0300] : "00";
}

static bool is_alphanumeric(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* First and last character of the first ALPN value, by its hex digits where these are not
 * alphanumeric. */
static void ja4_alpn(const struct client_hello *h, char ret[2])
{
    struct cursor c = cursor_of(h->alpn);
    uint8_t len = cursor_u8(&c);
    struct bytes first = cursor_take(&c, len);
    ret[0] = ret[1] = '0';
    if (first.len == 0) {
        return;
    }
    uint8_t front = first.at[0], back = first.at[first.len - 1];
    bool readable = is_alphanumeric(front) && is_alphanumeric(back);
    ret[0] = readable ? (char)front : hex_digits[front >> 4];
    ret[1] = readable ? (char)back : hex_digits[back & 15];
}

/* The first twelve hex digits of SHA-256; zeroes for an empty list. */
static bool ja4_hash(struct certificates *digests, const struct text *t, bool empty, char ret[12])
{
    uint8_t digest[32];
    memset(ret, '0', 12);
    if (empty) {
        return true;
    }
    if (!certificates_sha256(digests, bytes_of(t->at, t->len), digest)) {
        return false;
    }
    hex_text(digest, 6, ret);
    return true;
}

static void put_count(char ret[2], unsigned count)
{
    count = count > 99 ? 99 : count;
    ret[0] = (char)('0' + count / 10);
    ret[1] = (char)('0' + count % 10);
}

/* Server name and ALPN are counted but not hashed: they change with the server. */
static void drop_server_named(struct numbers *extensions)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < extensions->count; i++) {
        uint16_t type = extensions->at[i];
        if (type != EXTENSION_SERVER_NAME && type != EXTENSION_ALPN) {
            extensions->at[kept++] = type;
        }
    }
    extensions->count = kept;
}

bool ja4(struct certificates *digests, const struct client_hello *h, char ret[JA4_TEXT])
{
    struct text t;
    struct numbers list, signatures;
    if (h->sslv2_form || h->extensions_cut > 0 || !numbers_of(h->ciphers, &list) ||
        !numbers_of(h->signatures, &signatures)) {
        return false;
    }
    ret[0] = 't';
    memcpy(ret + 1, ja4_version(h->highest), 2);
    ret[3] = h->has_server_name ? 'd' : 'i';
    put_count(ret + 4, list.count);
    sort(&list);
    t.len = 0;
    put_hexes(&t, &list);
    ret[10] = ret[23] = '_';
    if (!ja4_hash(digests, &t, list.count == 0, ret + 11)) {
        return false;
    }
    extensions_of(h, &list);
    put_count(ret + 6, list.count);
    ja4_alpn(h, ret + 8);
    drop_server_named(&list);
    sort(&list);
    t.len = 0;
    put_hexes(&t, &list);
    if (signatures.count > 0) {
        put(&t, '_');
        put_hexes(&t, &signatures);
    }
    ret[36] = '\0';
    return ja4_hash(digests, &t, list.count == 0, ret + 24);
}
