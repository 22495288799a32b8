/*
 * ldap.c - LDAP over TCP, and connectionless LDAP over UDP: messages, and what may stand between
 * them.
 */
#include "dissect/ldap.h"

/* The longest head of a message that BER allows: a SEQUENCE's, a message id of 8 octets, an
 * operation's. */
enum { HEAD_MOST = 6 + 6 + 8 + 6 };
enum { SASL_HEADER = 4 };

/* Head of a Wrap token and length of an NTLM signature; and as far as a message's head may lie
 * behind it, with the longest checksum (RFC 8009) in between. */
enum { WRAP_HEADER = 16, WRAP_MOST = WRAP_HEADER + 24 + HEAD_MOST };

struct head {
    uint64_t size; /* of the message */
    int64_t id;
    uint32_t tag;
    struct bytes body; /* as much of the operation's content as is there */
};

/* Identifier and length octets of an element that der_measure() could measure; its identifier is
 * one octet. */
static size_t der_head(struct bytes element)
{
    return (element.at[1] & 0x80) == 0 ? 2 : 2u + (element.at[1] & 0x7f);
}

/* RFC 4511 4.1.1: LDAPMessage ::= SEQUENCE { messageID INTEGER, protocolOp [APPLICATION n] ... } */
static enum der_extent read_head(struct bytes in, struct head *ret)
{
    if (in.len == 0 || in.at[0] != DER_SEQUENCE) {
        return in.len == 0 ? DER_SHORT : DER_BROKEN;
    }
    enum der_extent extent = der_measure(in, &ret->size);
    if (extent != DER_WHOLE) {
        return extent;
    }
    uint64_t size = 0;
    struct bytes inside = bytes_from(in, der_head(in));
    extent = der_measure(inside, &size);
    if (extent == DER_WHOLE && size > 6 + 8) {
        return DER_BROKEN;
    }
    if (extent != DER_WHOLE || inside.len < size) {
        return extent == DER_BROKEN ? DER_BROKEN : DER_SHORT;
    }
    struct cursor c = cursor_of(inside);
    ret->id = der_int(&c, DER_INTEGER);
    if (c.failed || ret->id < 0 || ret->id > INT32_MAX) {
        return DER_BROKEN;
    }
    extent = der_measure(c.rest, &size);
    if (extent != DER_WHOLE) {
        return extent;
    }
    uint64_t before = in.len - c.rest.len;
    if ((c.rest.at[0] & 0x1f) == 0x1f || before + size > ret->size) {
        return DER_BROKEN;
    }
    size_t head = der_head(c.rest);
    ret->tag = c.rest.at[0];
    ret->body = bytes_from(c.rest, head);
    if (ret->body.len > size - head) {
        ret->body.len = (size_t)(size - head);
    }
    return DER_WHOLE;
}

/* ---- probe ---- */

/* RFC 4511 4.2: a bind names its version, 2 or 3. */
static enum probe probe_bind(struct bytes body)
{
    struct cursor c = cursor_of(body);
    uint8_t tag = cursor_u8(&c);
    uint8_t len = cursor_u8(&c);
    uint8_t version = cursor_u8(&c);
    if (c.failed) {
        return PROBE_MORE;
    }
    return tag == DER_INTEGER && len == 1 && (version == 2 || version == 3) ? PROBE_CLIENT
                                                                            : PROBE_NO;
}

static enum probe ldap_probe(struct bytes head)
{
    static const uint8_t client[] = {
        LDAP_UNBIND_REQUEST,  LDAP_SEARCH_REQUEST,  LDAP_MODIFY_REQUEST,
        LDAP_ADD_REQUEST,     LDAP_DELETE_REQUEST,  LDAP_MODIFY_DN_REQUEST,
        LDAP_COMPARE_REQUEST, LDAP_ABANDON_REQUEST, LDAP_EXTENDED_REQUEST,
    };
    static const uint8_t server[] = {
        LDAP_BIND_RESPONSE,      LDAP_SEARCH_ENTRY,          LDAP_SEARCH_DONE,
        LDAP_MODIFY_RESPONSE,    LDAP_ADD_RESPONSE,          LDAP_DELETE_RESPONSE,
        LDAP_MODIFY_DN_RESPONSE, LDAP_COMPARE_RESPONSE,      LDAP_SEARCH_REFERENCE,
        LDAP_EXTENDED_RESPONSE,  LDAP_INTERMEDIATE_RESPONSE,
    };
    struct head h = {0};
    enum der_extent extent = read_head(head, &h);
    if (extent != DER_WHOLE) {
        return extent == DER_SHORT ? PROBE_MORE : PROBE_NO;
    }
    if (h.tag == LDAP_BIND_REQUEST) {
        return probe_bind(h.body);
    }
    if (memchr(client, (int)h.tag, sizeof client) != NULL) {
        return PROBE_CLIENT;
    }
    return memchr(server, (int)h.tag, sizeof server) != NULL ? PROBE_SERVER : PROBE_NO;
}

/* ---- messages ---- */

/* Whether more than the head is asked for. */
static bool is_asked_for(const struct head *h)
{
    return ldap_operation_name(h->tag) != NULL && h->size <= LIMIT_LDAP_MESSAGE;
}

static struct fed read_message(struct dissection *dx, struct ldap_state *s, enum dir dir,
                               struct bytes in)
{
    struct head h = {0};
    enum der_extent extent = read_head(in, &h);
    if (extent != DER_WHOLE) {
        bool short_of_head = extent == DER_SHORT && in.len < HEAD_MOST;
        return short_of_head ? fed_more(in.len + 1) : fed_bad();
    }
    bool whole = is_asked_for(&h);
    if (whole && in.len < h.size) {
        return fed_more((size_t)h.size);
    }
    struct ldap_message m = {.id = h.id, .tag = h.tag};
    if (whole) {
        m.body = h.body;
    }
    if (ldap_message_read(dx, s, dir, &m)) {
        dissection_hand_over(dx, &tls_dissector, "ldap-starttls");
    }
    size_t used = in.len < h.size ? in.len : (size_t)h.size;
    return used < h.size ? fed_skip(used, h.size - used) : fed_ok(used);
}

/* ---- security layers ---- */

/* RFC 4121 4.2.4, 4.2.5: where the plain text of a Wrap token lies that is not sealed. Its checksum
 * of EC octets was rotated to the front by RRC octets. */
static struct bytes unsealed_kerberos(struct cursor c, size_t len)
{
    enum { SEALED = 0x02 };
    cursor_skip(&c, 2);
    uint8_t flags = cursor_u8(&c);
    cursor_skip(&c, 1);
    size_t extra = cursor_be16(&c);
    size_t rotated = cursor_be16(&c);
    cursor_skip(&c, 8);
    if (c.failed || (flags & SEALED) != 0 || rotated > extra || len < WRAP_HEADER + extra) {
        return (struct bytes){0};
    }
    cursor_skip(&c, rotated);
    return bytes_of(c.rest.at, c.failed ? 0 : len - WRAP_HEADER - extra);
}

/* [MS-NLMP] 2.2.2.9: what follows the signature; nothing in it says whether it is sealed. */
static struct bytes after_signature(struct cursor c, size_t len)
{
    cursor_skip(&c, WRAP_HEADER);
    return bytes_of(c.rest.at, c.failed || len < WRAP_HEADER ? 0 : len - WRAP_HEADER);
}

/* The protected octets that are readable: their place and length, whether or not all of them are
 * there. `len` is the buffer's length. */
static struct bytes readable(struct bytes buffer, size_t len)
{
    static const uint8_t kerberos[] = {0x05, 0x04}, ntlm[] = {1, 0, 0, 0};
    struct bytes plain = {0};
    struct head h = {0};
    if (bytes_has_prefix(buffer, kerberos, sizeof kerberos)) {
        plain = unsealed_kerberos(cursor_of(buffer), len);
    } else if (bytes_has_prefix(buffer, ntlm, sizeof ntlm)) {
        plain = after_signature(cursor_of(buffer), len);
    }
    if (plain.len == 0) {
        return plain;
    }
    size_t there = buffer.len - (size_t)(plain.at - buffer.at);
    struct bytes head = bytes_of(plain.at, there < plain.len ? there : plain.len);
    bool message = read_head(head, &h) == DER_WHOLE && h.size <= plain.len;
    return message ? plain : (struct bytes){0};
}

/* RFC 4422 3.7: a buffer protected by a SASL security layer. What is only signed is read. */
static struct fed read_buffer(struct dissection *dx, struct ldap_state *s, enum dir dir,
                              struct bytes in)
{
    struct cursor c = cursor_of(in);
    size_t len = cursor_be32(&c);
    size_t head = len < WRAP_MOST ? len : WRAP_MOST;
    if (c.failed || c.rest.len < head) {
        return fed_more(SASL_HEADER + (c.failed ? 0 : head));
    }
    struct bytes plain = readable(c.rest, len);
    if (plain.len == 0 || len > LIMIT_LDAP_MESSAGE) {
        return fed_skip(SASL_HEADER, len);
    }
    if (c.rest.len < len) {
        return fed_more(SASL_HEADER + len);
    }
    while (plain.len > 0) {
        struct fed fed = read_message(dx, s, dir, plain);
        if (fed.status != FED_OK) {
            break; /* it goes on in the next buffer */
        }
        plain = bytes_from(plain, fed.used);
    }
    return fed_ok(SASL_HEADER + len);
}

static struct fed ldap_feed(struct dissection *dx, void *state, enum dir dir, struct bytes in)
{
    struct ldap_state *s = state;
    if (s->layered && in.at[0] == 0) {
        return read_buffer(dx, s, dir, in);
    }
    if (dissection_flow(dx)->protocol != IP_UDP) {
        return read_message(dx, s, dir, in);
    }
    /* [MS-ADTS] 3.1.1.3.1.3.1: the entry and the end of a search come in one datagram. */
    size_t used = 0;
    while (used < in.len) {
        struct fed fed = read_message(dx, s, dir, bytes_from(in, used));
        if (fed.status != FED_OK) {
            return fed;
        }
        used += fed.used;
    }
    return fed_ok(used);
}

static bool ldap_gap(struct dissection *dx, void *state, enum dir dir, uint64_t missing)
{
    (void)dx;
    (void)state;
    (void)dir;
    (void)missing;
    return true;
}

static void ldap_end(struct dissection *dx, void *state, const struct outcome *outcome)
{
    (void)outcome;
    ldap_requests_end(dx, state);
}

static const uint16_t ports[] = {389, 3268, 0};

const struct dissector ldap_dissector = {
    .name = "ldap",
    .ports = ports,
    .tcp = true,
    .udp = true,
    .state_size = sizeof(struct ldap_state),
    .probe = ldap_probe,
    .feed = ldap_feed,
    .gap = ldap_gap,
    .end = ldap_end,
};
