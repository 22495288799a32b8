/*
 * proxy_protocol.c - what a balancer or reverse proxy puts in front of a connection that it passes
 * on: who the client is. It is passed over; what follows says what the flow is.
 *
 * Spec: The PROXY protocol, versions 1 and 2 (haproxy.org, proxy-protocol.txt) 2.1, 2.2.
 */
#include "dissect/dissector.h"

enum {
    LINE_MOST = 107, /* 2.1: with its end */
    HEADER = 16,     /* of version 2: signature, version and command, family, length */
};

static const char line_start[] = "PROXY ";
static const uint8_t signature[] = {'\r', '\n', '\r', '\n', 0,   '\r',
                                    '\n', 'Q',  'U',  'I',  'T', '\n'};

static bool agrees(struct bytes head, const void *with, size_t len)
{
    size_t there = head.len < len ? head.len : len;
    return there == 0 || memcmp(head.at, with, there) == 0;
}

/* 2.1: "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n". Octets with the end; 0: no such line,
 * or *more of it is needed. */
static size_t line_size(struct bytes in, bool *more)
{
    static const char *const families[] = {"TCP4 ", "TCP6 ", "UNKNOWN"};
    bool known = false;
    struct bytes rest = bytes_from(in, sizeof line_start - 1);
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        known = known || agrees(rest, families[i], strlen(families[i]));
    }
    size_t most = in.len < LINE_MOST ? in.len : LINE_MOST;
    const uint8_t *end = known ? memchr(in.at, '\n', most) : NULL;
    if (end == NULL) {
        *more = known && in.len < LINE_MOST;
        return 0;
    }
    size_t size = (size_t)(end - in.at) + 1;
    return in.at[size - 2] == '\r' ? size : 0;
}

/* 2.2: LOCAL or PROXY, a family and a transport, the length of addresses and whatever follows */
static size_t header_size(struct bytes in, bool *more)
{
    struct cursor c = cursor_of(in);
    cursor_skip(&c, sizeof signature);
    uint8_t command = cursor_u8(&c);
    uint8_t family = cursor_u8(&c);
    size_t len = cursor_be16(&c);
    *more = c.failed;
    bool good = (command == 0x20 || command == 0x21) && family >> 4 <= 3 && (family & 0x0f) <= 2;
    return c.failed || !good ? 0 : HEADER + len;
}

/* Octets before the connection's own, which are not all there perhaps. */
static size_t preface_size(struct bytes in, bool *more)
{
    *more = false;
    if (in.len >= sizeof line_start - 1 && agrees(in, line_start, sizeof line_start - 1)) {
        return line_size(in, more);
    }
    if (in.len >= sizeof signature && agrees(in, signature, sizeof signature)) {
        return header_size(in, more);
    }
    *more =
        agrees(in, line_start, sizeof line_start - 1) || agrees(in, signature, sizeof signature);
    return 0;
}

static enum probe proxy_protocol_probe(struct bytes head)
{
    bool more = false;
    size_t size = preface_size(head, &more);
    return size > 0 ? PROBE_CLIENT : more ? PROBE_MORE : PROBE_NO;
}

static struct fed proxy_protocol_feed(struct dissection *dx, void *state, enum dir dir,
                                      struct bytes in)
{
    bool more = false;
    size_t size = preface_size(in, &more);
    (void)state;
    if (dir == DIR_SERVER) {
        return fed_more(0); /* until it is known what speaks here */
    }
    if (size == 0) {
        return more ? fed_more(0) : fed_bad();
    }
    if (in.len < size) {
        return fed_more(size);
    }
    dissection_hand_over(dx, NULL, "proxy-protocol");
    return fed_ok(size);
}

const struct dissector proxy_protocol_dissector = {
    .name = "proxy-protocol",
    .tcp = true,
    .precedes = true,
    .state_size = 1,
    .probe = proxy_protocol_probe,
    .feed = proxy_protocol_feed,
};
