/*
 * ldap.c - LDAP over TCP, and connectionless LDAP over UDP: messages, and what may stand between
 * them.
 */
#include "dissect/ldap.h"

/* The longest head of a message that BER allows: a SEQUENCE's, a message id of 8 octets, an
 * operation's. */
enum { HEAD_MOST = 6 + 6 + 8 + 6 };
enum { SASL_HEADER = 4 };

struct head {
    uint64_t size; /* of the message */
    int64_t id;
    uint32_t tag;
    struct bytes body; /* as much of the operation's content as is there */
    size_t controls;   /* where they begin, if there are any */
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
    ret->controls = (size_t)(before + size);
    ret->body = bytes_from(c.rest, head);
    if (ret->body.len > size - head) {
        ret->body.len = (size_t)(size - head);
    }
    return DER_WHOLE;
}

bool ldap_message_size(struct bytes head, uint64_t *ret_size)
{
    struct head h = {0};
    if (read_head(head, &h) != DER_WHOLE) {
        return false;
    }
    *ret_size = h.size;
    return true;
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
static bool is_asked_for(const struct dissection *dx, struct ldap_state *s, const struct head *h)
{
    bool named = ldap_operation_name(h->tag) != NULL || h->tag == LDAP_ABANDON_REQUEST ||
                 (h->tag == LDAP_SEARCH_REFERENCE && dissection_details(dx)) ||
                 (h->tag == LDAP_SEARCH_ENTRY && ldap_entry_is_sought(dx, s, h->id));
    return named && h->size <= LIMIT_LDAP_MESSAGE;
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
    bool whole = is_asked_for(dx, s, &h);
    if (whole && in.len < h.size) {
        return fed_more((size_t)h.size);
    }
    if (s->settled != NULL) {
        ldap_protection_seen(dx, s, s->protection);
    }
    struct ldap_message m = {.id = h.id, .tag = h.tag};
    if (whole) {
        m.body = h.body;
        m.controls = bytes_slice(in, h.controls, (size_t)h.size - h.controls);
    }
    switch (ldap_message_read(dx, s, dir, &m)) {
    case LDAP_TLS:
        dissection_hand_over(dx, &tls_dissector, "ldap-starttls");
        break;
    case LDAP_OVER:
        return fed_done();
    case LDAP_LAST_ANSWERS:
        return fed_quiet();
    case LDAP_MORE:
        break;
    }
    size_t used = in.len < h.size ? in.len : (size_t)h.size;
    return used < h.size ? fed_skip(used, h.size - used) : fed_ok(used);
}

/* RFC 4422 3.7: a buffer protected by a SASL security layer. What is only signed is read. */
static struct fed read_buffer(struct dissection *dx, struct ldap_state *s, enum dir dir,
                              struct bytes in)
{
    struct cursor c = cursor_of(in);
    size_t len = cursor_be32(&c);
    size_t head = len < LDAP_LAYER_HEAD ? len : LDAP_LAYER_HEAD;
    if (c.failed || c.rest.len < head) {
        return fed_more(SASL_HEADER + (c.failed ? 0 : head));
    }
    struct ldap_layer layer = ldap_layer_read(c.rest, len);
    /* The first buffer behind a bind begins with a message: this one cannot be read, so no other
     * can. */
    bool sealed = s->settled != NULL && layer.protection == LDAP_SEAL && len > 0;
    if (len > 0) {
        ldap_protection_seen(dx, s, layer.protection);
    }
    if (sealed) {
        return fed_done();
    }
    if (layer.plain.len == 0) {
        return fed_skip(SASL_HEADER, len);
    }
    size_t before = (size_t)(layer.plain.at - c.rest.at);
    s->buffers[dir] = (struct ldap_buffer){.protection = layer.protection,
                                           .plain = layer.plain.len,
                                           .tail = len - before - layer.plain.len};
    return fed_ok(SASL_HEADER + before);
}

/* The messages in a buffer, as they come. One that goes on in the next buffer is not read. */
static struct fed read_buffered(struct dissection *dx, struct ldap_state *s, enum dir dir,
                                struct bytes in)
{
    struct ldap_buffer *buffer = &s->buffers[dir];
    struct bytes plain = in;
    plain.len = in.len < buffer->plain ? in.len : buffer->plain;
    s->protection = buffer->protection;
    struct fed fed = read_message(dx, s, dir, plain);
    uint64_t passed = UINT64_MAX;
    switch (fed.status) {
    case FED_MORE:
        if (fed.need <= buffer->plain) {
            return fed;
        }
        break;
    case FED_OK:
    case FED_SKIP:
        passed = fed.used + fed.need;
        break;
    case FED_DONE:
    case FED_QUIET:
        return fed;
    case FED_REST:
    case FED_BAD:
        break;
    }
    if (passed < buffer->plain) {
        buffer->plain -= (size_t)passed;
        return fed;
    }
    size_t rest = buffer->plain + buffer->tail;
    *buffer = (struct ldap_buffer){0};
    return fed_skip(0, rest);
}

/* [MS-ADTS] 3.1.1.3.1.3.1: the entry and the end of a search come in one datagram. */
static struct fed read_datagram(struct dissection *dx, struct ldap_state *s, enum dir dir,
                                struct bytes in)
{
    size_t used = 0;
    while (used < in.len) {
        struct fed fed = read_message(dx, s, dir, bytes_from(in, used));
        if (fed.status != FED_OK) {
            return fed;
        }
        used += fed.used;
    }
    bool rests = s->child == NULL && s->settled == NULL && !s->bound && !ldap_requests_wait(s);
    return rests ? fed_rest(used) : fed_ok(used);
}

static struct fed ldap_feed(struct dissection *dx, void *state, enum dir dir, struct bytes in)
{
    struct ldap_state *s = state;
    s->protection = LDAP_NONE;
    if (dissection_flow(dx)->protocol == IP_UDP) {
        return read_datagram(dx, s, dir, in);
    }
    if (s->buffers[dir].plain > 0) {
        return read_buffered(dx, s, dir, in);
    }
    if (s->layered && in.at[0] == 0) {
        return read_buffer(dx, s, dir, in);
    }
    return read_message(dx, s, dir, in);
}

static bool ldap_gap(struct dissection *dx, void *state, enum dir dir, uint64_t missing)
{
    struct ldap_state *s = state;
    (void)dx;
    (void)missing;
    s->buffers[dir] = (struct ldap_buffer){0};
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
