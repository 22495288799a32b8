/*
 * ldap_layer.c - what SASL security layers wrap: how a buffer is protected, and what of it is
 * readable.
 *
 * Spec:   RFC 4422 3.7 (buffers); RFC 4121 4.2 and RFC 4757 7.3 (Wrap tokens); [MS-NLMP] 2.2.2.9
 *         (signatures); RFC 2831 2.3, 2.4 (DIGEST-MD5).
 */
#include "dissect/ldap.h"

enum { WRAP_HEADER = 16, SIGNATURE = 16, DIGEST_TRAILER = 16 };

/* RFC 4121 4.2.4, 4.2.5: the plain text of a Wrap token that is not sealed. Its checksum of EC
 * octets was rotated to the front by RRC octets. */
static struct bytes after_checksum(struct cursor c, size_t len)
{
    cursor_skip(&c, 4);
    size_t extra = cursor_be16(&c);
    size_t rotated = cursor_be16(&c);
    cursor_skip(&c, 8);
    if (c.failed || rotated > extra || len < WRAP_HEADER + extra) {
        return (struct bytes){0};
    }
    cursor_skip(&c, rotated);
    return bytes_of(c.rest.at, c.failed ? 0 : len - WRAP_HEADER - extra);
}

static struct ldap_layer read_wrap(struct bytes buffer, size_t len)
{
    enum { FLAGS = 2, SEALED = 0x02 };
    if (buffer.len <= FLAGS || (buffer.at[FLAGS] & SEALED) != 0) {
        return (struct ldap_layer){.protection = LDAP_SEAL};
    }
    return (struct ldap_layer){.protection = LDAP_SIGN,
                               .plain = after_checksum(cursor_of(buffer), len)};
}

/* RFC 4757 7.3 inside RFC 2743 3.1: token id, algorithms, sequence number, checksum, confounder,
 * data. A padding octet ends it, which no message's length covers. */
static struct ldap_layer read_gss(struct bytes buffer, size_t len)
{
    static const uint8_t kerberos[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                       0xf7, 0x12, 0x01, 0x02, 0x02};
    enum { TOK_ID = 0x0201, HMAC = 0x1100, NOT_SEALED = 0xffff, SEQUENCE_TO_DATA = 24 };
    struct cursor c = cursor_of(buffer);
    (void)cursor_u8(&c);
    uint8_t first = cursor_u8(&c);
    cursor_skip(&c, first >= 0x80 ? first & 0x7f : 0);
    bool ours = bytes_is(cursor_take(&c, sizeof kerberos), kerberos, sizeof kerberos) &&
                cursor_be16(&c) == TOK_ID && cursor_be16(&c) == HMAC;
    bool sealed = cursor_be16(&c) != NOT_SEALED;
    cursor_skip(&c, 2 + SEQUENCE_TO_DATA);
    if (!ours || sealed || c.failed) {
        return (struct ldap_layer){.protection = LDAP_SEAL};
    }
    size_t head = buffer.len - c.rest.len;
    return (struct ldap_layer){.protection = LDAP_SIGN,
                               .plain = bytes_of(c.rest.at, len < head ? 0 : len - head)};
}

/* Nothing but what it looks like says whether this is sealed. */
static struct ldap_layer read_unmarked(struct bytes octets, size_t len)
{
    uint64_t size = 0;
    struct bytes there = bytes_of(octets.at, octets.len < len ? octets.len : len);
    bool plain = ldap_message_size(there, &size);
    return (struct ldap_layer){.protection = plain ? LDAP_SIGN : LDAP_SEAL,
                               .plain = bytes_of(octets.at, plain ? len : 0)};
}

struct ldap_layer ldap_layer_read(struct bytes buffer, size_t len)
{
    static const uint8_t wrap[] = {0x05, 0x04}, ntlm[] = {1, 0, 0, 0};
    struct ldap_layer layer = {.protection = LDAP_SEAL};
    uint64_t size = 0;
    if (bytes_has_prefix(buffer, wrap, sizeof wrap)) {
        layer = read_wrap(buffer, len);
    } else if (bytes_has_prefix(buffer, ntlm, sizeof ntlm) && len > SIGNATURE) {
        layer = read_unmarked(bytes_from(buffer, SIGNATURE), len - SIGNATURE);
    } else if (buffer.len > 0 && buffer.at[0] == DER_APPLICATION) {
        layer = read_gss(buffer, len);
    } else if (len > DIGEST_TRAILER) {
        layer = read_unmarked(buffer, len - DIGEST_TRAILER);
    }
    if (layer.plain.len > 0) {
        size_t before = (size_t)(layer.plain.at - buffer.at);
        struct bytes there = bytes_from(buffer, before);
        there.len = there.len < layer.plain.len ? there.len : layer.plain.len;
        if (!ldap_message_size(there, &size) || size > layer.plain.len) {
            layer.plain = (struct bytes){0};
        }
    }
    return layer;
}
