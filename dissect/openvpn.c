/*
 * openvpn.c - OpenVPN over TCP: the TLS in its control channel, up to the first data.
 *
 * Spec: "OpenVPN Protocol" (openvpn.net/community-docs/openvpn-protocol.html): packet, P_CONTROL
 * and P_ACK formats.
 *
 * Control packets are read as they are or behind an HMAC (tls-auth), whose length no packet tells:
 * it is the one with which the opening makes sense. tls-crypt encrypts them, and is not recognised.
 */
#include "dissect/dissector.h"

enum opcode {
    CONTROL_SOFT_RESET_V1 = 3,
    CONTROL_V1 = 4,
    ACK_V1 = 5,
    DATA_V1 = 6,
    CONTROL_HARD_RESET_CLIENT_V2 = 7,
    CONTROL_HARD_RESET_SERVER_V2 = 8,
    DATA_V2 = 9,
};

enum { LENGTH = 2, HEADER = LENGTH + 1, SESSION_ID = 8, ACKS_MOST = 8, KEY_ID = 0x07 };

/* Of an opening: nothing but its header, or also the longest HMAC and one acknowledgement. */
enum {
    OPENING_LEAST = 1 + SESSION_ID + 1 + 4,
    OPENING_MOST = OPENING_LEAST + 64 + 8 + 4 + SESSION_ID,
};

/* Where the replay protection of tls-auth begins: numbers from 1, and the time of its start, which
 * is later than the protocol. */
enum { FIRST_NUMBERS = 0xff, YEAR_2001 = 978307200 };

/* Octets of HMAC: none, MD5, SHA-1, SHA-224, SHA-256, SHA-384, SHA-512. */
static const uint8_t hmac_lengths[] = {0, 16, 20, 28, 32, 48, 64};

struct control {
    uint32_t replay_number; /* 0 without tls-auth */
    uint32_t message_id;
    uint8_t acks;
    struct bytes tls;
};

struct openvpn {
    struct dissection *tls;
    uint32_t last_id[2]; /* of the messages fed to TLS; by enum dir */
    bool over[2];        /* nothing more to learn from this direction */
    bool opened;         /* an opening was read, so that the length is known */
    uint8_t hmac_length;
};

static bool is_opening(uint8_t first)
{
    return first == CONTROL_HARD_RESET_CLIENT_V2 << 3 || first == CONTROL_HARD_RESET_SERVER_V2 << 3;
}

/* OpenVPN Protocol, "Message types": P_CONTROL, with what tls-auth puts before the acknowledgements
 */
static bool read_control(struct bytes packet, size_t hmac_length, struct control *ret)
{
    struct cursor c = cursor_of(packet);
    struct control m = {0};
    uint32_t started = YEAR_2001;
    cursor_skip(&c, 1 + SESSION_ID);
    if (hmac_length > 0) {
        cursor_skip(&c, hmac_length);
        m.replay_number = cursor_be32(&c);
        started = cursor_be32(&c);
    }
    m.acks = cursor_u8(&c);
    cursor_skip(&c, (size_t)m.acks * 4 + (m.acks > 0 ? SESSION_ID : 0));
    m.message_id = cursor_be32(&c);
    m.tls = c.rest;
    if (c.failed || m.acks > ACKS_MOST || started < YEAR_2001 ||
        (hmac_length > 0 && m.replay_number == 0)) {
        return false;
    }
    *ret = m;
    return true;
}

/* The client opens the session, and the server acknowledges that: message 0, without content. */
static bool read_opening(struct bytes packet, uint8_t *ret_hmac_length)
{
    bool server = packet.at[0] == CONTROL_HARD_RESET_SERVER_V2 << 3;
    for (size_t i = 0; i < sizeof hmac_lengths; i++) {
        struct control m;
        if (read_control(packet, hmac_lengths[i], &m) && m.tls.len == 0 && m.message_id == 0 &&
            m.acks <= (server ? 1 : 0) && m.replay_number <= FIRST_NUMBERS) {
            *ret_hmac_length = hmac_lengths[i];
            return true;
        }
    }
    return false;
}

static enum probe openvpn_probe(struct bytes head)
{
    struct cursor c = cursor_of(head);
    uint16_t len = cursor_be16(&c);
    uint8_t first = cursor_u8(&c);
    uint8_t hmac_length;
    if (head.len < HEADER) {
        return head.len == 0 || head.at[0] == 0 ? PROBE_MORE : PROBE_NO;
    }
    if (len < OPENING_LEAST || len > OPENING_MOST || !is_opening(first)) {
        return PROBE_NO;
    }
    if (head.len - LENGTH < len) {
        return PROBE_MORE;
    }
    if (!read_opening(bytes_slice(head, LENGTH, len), &hmac_length)) {
        return PROBE_NO;
    }
    return first == CONTROL_HARD_RESET_CLIENT_V2 << 3 ? PROBE_CLIENT : PROBE_SERVER;
}

/* Only the message that continues the TLS stream is read: not one that comes again, and none behind
 * a missing one, which would leave a hole of unknown size. */
static struct fed read_message(struct dissection *dx, struct openvpn *s, enum dir dir,
                               struct bytes packet)
{
    struct control m;
    uint32_t expected = s->last_id[dir] + 1; /* the opening was message 0 */
    if (!s->opened || !read_control(packet, s->hmac_length, &m)) {
        return fed_bad();
    }
    if (m.message_id == expected) {
        if (s->tls == NULL) {
            s->tls = dissection_child(dx, &tls_dissector, "openvpn");
        }
        s->last_id[dir] = expected;
        s->over[dir] = !dissection_stream(s->tls, dir, m.tls);
    }
    return fed_ok(LENGTH + packet.len);
}

static struct fed read_packet(struct dissection *dx, struct openvpn *s, enum dir dir,
                              struct bytes packet)
{
    if (is_opening(packet.at[0])) {
        s->opened = s->opened || read_opening(packet, &s->hmac_length);
        return s->opened ? fed_ok(LENGTH + packet.len) : fed_bad();
    }
    return read_message(dx, s, dir, packet);
}

/* OpenVPN Protocol, "TCP/UDP packet format" */
static struct fed openvpn_feed(struct dissection *dx, void *state, enum dir dir, struct bytes in)
{
    struct openvpn *s = state;
    struct cursor c = cursor_of(in);
    size_t len = cursor_be16(&c);
    uint8_t first = cursor_u8(&c);
    bool read = is_opening(first);
    if (c.failed) {
        return fed_more(HEADER);
    }
    switch (first >> 3) {
    case CONTROL_V1: /* renegotiations have other keys, and come when the session is known */
        read = (first & KEY_ID) == 0;
        break;
    case DATA_V1:
    case DATA_V2: /* the keys were agreed on */
        s->over[dir] = true;
        break;
    case CONTROL_SOFT_RESET_V1:
    case ACK_V1:
        break;
    default:
        if (!read) {
            return fed_bad();
        }
    }
    if (len == 0) {
        return fed_bad();
    }
    if (s->over[DIR_CLIENT] && s->over[DIR_SERVER]) {
        return fed_done();
    }
    if (!read || s->over[dir]) {
        return fed_skip(HEADER, len - 1);
    }
    return in.len < LENGTH + len ? fed_more(LENGTH + len)
                                 : read_packet(dx, s, dir, bytes_slice(in, LENGTH, len));
}

const struct dissector openvpn_dissector = {
    .name = "openvpn",
    .tcp = true,
    .state_size = sizeof(struct openvpn),
    .probe = openvpn_probe,
    .feed = openvpn_feed,
};
