/*
 * quic.c - QUIC: its version. What follows the first packets is not to be read by anybody else.
 *
 * Spec: RFC 9000 17.2 (long header), 17.2.1 (version negotiation), RFC 8999 5, RFC 9369 3; Google's
 * own "QUIC Wire Specification" for what went before.
 */
#include "dissect/signature.h"

enum { VERSION_1 = 1, VERSION_2 = 0x6b3343cf, ID_MOST = 20, LEAST = 21 };

struct head {
    uint32_t version;
    bool google;     /* the version is text such as "Q043" */
    bool negotiates; /* a server's list of versions */
};

static bool is_google(uint32_t version)
{
    uint8_t letter = (uint8_t)(version >> 24);
    bool digits = true;
    for (unsigned shift = 0; shift < 24; shift += 8) {
        uint8_t c = (uint8_t)(version >> shift);
        digits = digits && c >= '0' && c <= '9';
    }
    return digits && (letter == 'Q' || letter == 'T');
}

/* RFC 9000 15: versions of the IETF's drafts, and those that are reserved to be refused. */
static bool is_known(uint32_t version)
{
    return version == VERSION_1 || version == VERSION_2 || version >> 8 == 0xff0000 ||
           (version & 0x0f0f0f0f) == 0x0a0a0a0a || is_google(version);
}

/* RFC 9000 17.2: form and fixed bit, version, connection ids and what a packet of it needs. */
static bool read_long(struct bytes in, struct head *ret)
{
    struct cursor c = cursor_of(in);
    uint8_t first = cursor_u8(&c);
    uint32_t version = cursor_be32(&c);
    if ((first & 0x80) == 0) {
        return false;
    }
    *ret = (struct head){.version = version, .google = is_google(version)};
    if (ret->google) { /* Q044 to Q050 have both lengths in one octet */
        return (first & 0x40) != 0 && in.len >= LEAST;
    }
    uint8_t to = cursor_u8(&c);
    cursor_skip(&c, to);
    uint8_t from = cursor_u8(&c);
    cursor_skip(&c, from);
    if (c.failed || to > ID_MOST || from > ID_MOST) {
        return false;
    }
    if (version == 0) { /* RFC 9000 17.2.1: the versions of the server, one of which we know */
        bool known = c.rest.len > 0 && c.rest.len % 4 == 0 && to + from > 0;
        ret->negotiates = true;
        bool any = false;
        while (c.rest.len >= 4) {
            ret->version = cursor_be32(&c);
            any = any || is_known(ret->version);
        }
        return known && any;
    }
    return (first & 0x40) != 0 && is_known(version) && in.len >= LEAST && to + from > 0;
}

/* "QUIC Wire Specification", Public Header: version and eight octets of connection id present. */
static bool read_public(struct bytes in, struct head *ret)
{
    struct cursor c = cursor_of(in);
    uint8_t flags = cursor_u8(&c);
    cursor_skip(&c, 8);
    ret->version = cursor_be32(&c);
    ret->google = true;
    return !c.failed && (flags & 0xc2) == 0 && (flags & 0x09) == 0x09 && is_google(ret->version) &&
           c.rest.len >= 13;
}

static bool read_head(struct bytes in, struct head *ret)
{
    return read_long(in, ret) || read_public(in, ret);
}

static enum probe quic_probe(struct bytes head)
{
    struct head h = {0};
    if (!read_head(head, &h)) {
        return PROBE_NO;
    }
    return h.negotiates ? PROBE_SERVER : PROBE_EITHER;
}

static void state_version(struct observation *o, const struct head *h)
{
    uint32_t v = h->version;
    if (h->google) {
        observation_format(o, FACT_QUIC_VERSION, "%c%c%c%c", (char)(v >> 24), (char)(v >> 16),
                           (char)(v >> 8), (char)v);
    } else if (v >> 8 == 0xff0000) {
        observation_format(o, FACT_QUIC_VERSION, "draft-%u", v & 0xff);
    } else if (v == VERSION_1 || v == VERSION_2) {
        observation_string(o, FACT_QUIC_VERSION, v == VERSION_1 ? "1" : "2");
    } else {
        observation_format(o, FACT_QUIC_VERSION, "0x%08x", v);
    }
}

static struct fed quic_feed(struct dissection *dx, void *state, enum dir dir, struct bytes in)
{
    struct head h = {0};
    (void)state;
    if (!read_head(in, &h)) {
        return fed_bad();
    }
    if (h.negotiates) { /* what the client goes on with comes next */
        return fed_ok(in.len);
    }
    struct observation *o = dissection_begin(dx, RECORD_QUIC);
    if (o != NULL) {
        state_version(o, &h);
    }
    dissection_send(dx, o, dir);
    return fed_done();
}

const struct dissector quic_dissector = {
    .name = "quic",
    .ports = PORTS(443),
    .udp = true,
    .records = 1u << RECORD_QUIC,
    .state_size = 1,
    .probe = quic_probe,
    .feed = quic_feed,
};
