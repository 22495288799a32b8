/*
 * tls.c - TLS and SSL 3.0 over a stream: records to handshake messages.
 *
 * Spec:   RFC 8446 5, RFC 5246 6, RFC 6101 5.2; SSL 2.0's hellos: RFC 5246 E.2.
 *
 * A message is read where it lies when its record holds it whole; one that spans records is put
 * together in the flow's arena. Octets of an encrypted record are never looked at.
 */
#include "capture/limits.h"
#include "dissect/tls_handshake.h"
#include "dissect/tls_hello.h"
#include "dissect/tls_names.h"

enum content_type {
    CONTENT_CHANGE_CIPHER_SPEC = 20,
    CONTENT_ALERT = 21,
    CONTENT_HANDSHAKE = 22,
    CONTENT_APPLICATION_DATA = 23,
    CONTENT_HEARTBEAT = 24, /* RFC 6520 */
};

#define RECORD_HEADER 5
#define HANDSHAKE_HEADER 4
#define RECORD_MAX ((1u << 14) + 2048) /* RFC 5246 6.2.3 */

/* The least a hello can be: version, random, and the lengths that follow (RFC 5246 7.4.1). */
#define CLIENT_HELLO_MIN (2 + 32 + 1 + 2 + 1 + 1)
#define SERVER_HELLO_MIN (2 + 32 + 2) /* drafts of TLS 1.3 had no more */

struct tls_lane {
    uint8_t content;  /* of the record being read */
    uint32_t left;    /* octets of its body still to come */
    uint64_t ignored; /* octets of a handshake message that nobody asks for, still to come */
    uint8_t header[HANDSHAKE_HEADER]; /* of the message put together from several records */
    uint8_t *message;
    size_t room, have; /* of the message, header not counted; `have` counts the header */
};

struct tls {
    struct tls_handshake handshake;
    struct tls_lane lanes[2];
};

struct record_header {
    uint8_t content;
    uint16_t version, len;
};

/* RFC 5246 6.2.1; false when these octets are no record's header, as far as they go. */
static bool record_header_read(struct bytes in, struct record_header *ret)
{
    struct cursor c = cursor_of(in);
    ret->content = cursor_u8(&c);
    ret->version = cursor_be16(&c);
    ret->len = cursor_be16(&c);
    return !c.failed && ret->content >= CONTENT_CHANGE_CIPHER_SPEC &&
           ret->content <= CONTENT_HEARTBEAT && ret->version >= 0x0300 && ret->version <= 0x0304 &&
           ret->len <= RECORD_MAX;
}

/* ---- probe ---- */

/* RFC 8446 4.1.2: what is seen of a ClientHello's body agrees with its length. */
static bool is_client_hello(struct bytes body, uint32_t len)
{
    struct cursor c = cursor_of(body);
    uint8_t major = cursor_u8(&c);
    if (len < CLIENT_HELLO_MIN || len > LIMIT_HANDSHAKE_OCTETS || (!c.failed && major != 3)) {
        return false;
    }
    cursor_skip(&c, 1 + 32);
    uint8_t session_id_len = cursor_u8(&c);
    cursor_skip(&c, session_id_len);
    uint16_t ciphers_len = cursor_be16(&c);
    if (c.failed) {
        return session_id_len <= 32;
    }
    return session_id_len <= 32 && ciphers_len % 2 == 0 && ciphers_len > 0 &&
           (uint32_t)2 + 32 + 1 + session_id_len + 2 + ciphers_len < len;
}

/* RFC 8446 4.1.3 */
static bool is_server_hello(struct bytes body, uint32_t len)
{
    struct cursor c = cursor_of(body);
    uint8_t major = cursor_u8(&c);
    bool old_draft = major == 0x7f;
    if (len < SERVER_HELLO_MIN || len > LIMIT_HANDSHAKE_OCTETS ||
        (!c.failed && major != 3 && !old_draft)) {
        return false;
    }
    cursor_skip(&c, 1 + 32);
    uint8_t session_id_len = cursor_u8(&c);
    return c.failed || old_draft || session_id_len <= 32;
}

/* RFC 5246 E.2: each length is checked as soon as it is there. */
static enum probe probe_sslv2(struct bytes head)
{
    struct cursor c = cursor_of(head);
    uint16_t length = cursor_be16(&c) & 0x7fff;
    uint8_t type = cursor_u8(&c);
    uint16_t version = cursor_be16(&c);
    if ((head.len >= 3 && type != 1) ||
        (head.len >= 5 && version != 0x0002 && (version < 0x0300 || version > 0x0304))) {
        return PROBE_NO;
    }
    uint16_t ciphers_len = cursor_be16(&c);
    uint16_t session_id_len = cursor_be16(&c);
    uint16_t challenge_len = cursor_be16(&c);
    if (c.failed) {
        return PROBE_MORE;
    }
    bool agrees = ciphers_len > 0 && ciphers_len % 3 == 0 &&
                  (session_id_len == 0 || session_id_len == 16) && challenge_len >= 16 &&
                  challenge_len <= 32 &&
                  9u + ciphers_len + session_id_len + challenge_len == length;
    return agrees ? PROBE_CLIENT : PROBE_NO;
}

static bool is_start_of_record(struct bytes head)
{
    return (head.len < 1 ||
            (head.at[0] >= CONTENT_CHANGE_CIPHER_SPEC && head.at[0] <= CONTENT_HEARTBEAT)) &&
           (head.len < 2 || head.at[1] == 3) && (head.len < 3 || head.at[2] <= 4);
}

/* Joined in the middle: this header, what its content allows, and the next header where it is seen.
 */
static enum probe probe_middle(struct record_header first, struct bytes head)
{
    struct bytes body = bytes_from(head, RECORD_HEADER);
    bool fits = first.len > 0;
    if (first.content == CONTENT_CHANGE_CIPHER_SPEC) {
        fits = first.len == 1 && (body.len == 0 || body.at[0] == 1);
    } else if (first.content == CONTENT_ALERT) {
        fits = first.len > 2 ||
               (first.len == 2 && (body.len == 0 || body.at[0] == 1 || body.at[0] == 2));
    }
    struct bytes next = bytes_from(head, (size_t)RECORD_HEADER + first.len);
    struct record_header second;
    if (next.len >= RECORD_HEADER) {
        fits = fits && record_header_read(next, &second) && second.version == first.version;
    } else {
        fits = fits && is_start_of_record(next);
    }
    return fits ? PROBE_EITHER : PROBE_NO;
}

/* A whole message that only one end sends (RFC 5246 7.4), where it begins a record. */
static enum probe probe_message(struct record_header first, uint8_t type, uint32_t len)
{
    if (first.content != CONTENT_HANDSHAKE || len + HANDSHAKE_HEADER > first.len) {
        return PROBE_EITHER;
    }
    switch (type) {
    case HANDSHAKE_CLIENT_KEY_EXCHANGE:
        return PROBE_CLIENT;
    case HANDSHAKE_NEW_SESSION_TICKET:
    case HANDSHAKE_SERVER_KEY_EXCHANGE:
    case HANDSHAKE_CERTIFICATE_REQUEST:
        return PROBE_SERVER;
    default:
        return PROBE_EITHER;
    }
}

static enum probe tls_probe(struct bytes head)
{
    struct record_header first;
    if (head.len > 0 && (head.at[0] & 0x80) != 0) {
        return probe_sslv2(head);
    }
    if (head.len < RECORD_HEADER + HANDSHAKE_HEADER) {
        bool fits = is_start_of_record(head) &&
                    (head.len < RECORD_HEADER || record_header_read(head, &first));
        if (fits && head.len >= RECORD_HEADER && first.content != CONTENT_HANDSHAKE) {
            return probe_middle(first, head);
        }
        return fits ? PROBE_MORE : PROBE_NO;
    }
    if (!record_header_read(head, &first)) {
        return PROBE_NO;
    }
    struct cursor c = cursor_of(bytes_slice(head, RECORD_HEADER, HANDSHAKE_HEADER));
    uint8_t type = cursor_u8(&c);
    uint32_t len = cursor_be24(&c);
    struct bytes body = bytes_from(head, RECORD_HEADER + HANDSHAKE_HEADER);
    bool is_hello = false;
    if (first.content == CONTENT_HANDSHAKE && first.len >= HANDSHAKE_HEADER) {
        if (type == HANDSHAKE_CLIENT_HELLO && is_client_hello(body, len)) {
            return PROBE_CLIENT;
        }
        if (type == HANDSHAKE_SERVER_HELLO && is_server_hello(body, len)) {
            return PROBE_SERVER;
        }
        is_hello = type == HANDSHAKE_CLIENT_HELLO || type == HANDSHAKE_SERVER_HELLO;
    }
    /* A hello that is none may still be encrypted octets, if another record follows. */
    if (is_hello && head.len < RECORD_HEADER + (size_t)first.len + RECORD_HEADER) {
        return PROBE_NO;
    }
    enum probe seen = probe_middle(first, head);
    return seen == PROBE_EITHER ? probe_message(first, type, len) : seen;
}

/* ---- handshake messages ---- */

/* Room for a message of `len` octets; false when the arena has none. */
static bool make_room(struct dissection *dx, struct tls_lane *lane, size_t len)
{
    if (len <= lane->room) {
        return true;
    }
    size_t room = 4096; /* doubling bounds what outgrown rooms leave behind in the arena */
    while (room < len) {
        room *= 2;
    }
    lane->message = arena_alloc(dissection_arena(dx), room);
    lane->room = lane->message == NULL ? 0 : room;
    return lane->message != NULL;
}

static uint32_t message_len(const uint8_t *header)
{
    return (uint32_t)header[1] << 16 | (uint32_t)header[2] << 8 | header[3];
}

/* Whether a message is to be put together or read; one that is not is ignored as it goes by. */
static bool is_asked_for(struct dissection *dx, struct tls *t, enum dir dir, const uint8_t *header)
{
    bool wanted = false;
    uint32_t len = message_len(header);
    if (tls_handshake_knows(header[0], &wanted) && wanted && len > LIMIT_HANDSHAKE_OCTETS) {
        dissection_anomaly(dx, "tls.handshake_too_long");
        wanted = false;
    }
    if (!wanted) {
        tls_handshake_message(dx, &t->handshake, dir, header[0], (struct bytes){0});
        t->lanes[dir].ignored = len;
    }
    return wanted;
}

/* Adds `in` to the message that spans records; returns how many octets it took. */
static size_t assemble(struct dissection *dx, struct tls *t, enum dir dir, struct bytes in)
{
    struct tls_lane *lane = &t->lanes[dir];
    size_t used = 0;
    while (used < in.len && lane->have < HANDSHAKE_HEADER) {
        lane->header[lane->have++] = in.at[used++];
    }
    if (lane->have < HANDSHAKE_HEADER) {
        return used;
    }
    uint32_t len = message_len(lane->header);
    if (lane->have == HANDSHAKE_HEADER) {
        bool wanted = is_asked_for(dx, t, dir, lane->header);
        if (!wanted || !make_room(dx, lane, len)) {
            lane->ignored = len;
            lane->have = 0;
            return used;
        }
    }
    size_t body_have = lane->have - HANDSHAKE_HEADER;
    size_t n = len - body_have < in.len - used ? len - body_have : in.len - used;
    if (n > 0) {
        memcpy(lane->message + body_have, in.at + used, n);
        lane->have += n;
    }
    if (lane->have == HANDSHAKE_HEADER + (size_t)len) {
        lane->have = 0;
        tls_handshake_message(dx, &t->handshake, dir, lane->header[0],
                              bytes_of(lane->message, len));
    }
    return used + n;
}

/*
 * A message may start here. An unknown type, or a hello too short to be one, is encrypted octets
 * whose ChangeCipherSpec was lost.
 */
static bool is_plausible(struct bytes header)
{
    bool wanted = false;
    if (!tls_handshake_knows(header.at[0], &wanted)) {
        return false;
    }
    uint32_t len = header.len < HANDSHAKE_HEADER ? UINT32_MAX : message_len(header.at);
    return (header.at[0] != HANDSHAKE_CLIENT_HELLO || len >= CLIENT_HELLO_MIN) &&
           (header.at[0] != HANDSHAKE_SERVER_HELLO || len >= SERVER_HELLO_MIN);
}

/*
 * After a client's ChangeCipherSpec, while the server's choice is not known, only a ClientHello is
 * readable: the second one, that a HelloRetryRequest asked for; likewise the ServerHello after such
 * a request.
 */
static bool is_readable(const struct tls *t, enum dir dir, struct bytes header,
                        uint32_t record_left)
{
    if (!is_plausible(header)) {
        return false;
    }
    return !t->handshake.ends[dir].changed ||
           (header.at[0] == HANDSHAKE_CLIENT_HELLO &&
            (header.len < HANDSHAKE_HEADER ||
             message_len(header.at) + HANDSHAKE_HEADER == record_left)) ||
           (header.at[0] == HANDSHAKE_SERVER_HELLO && t->handshake.retry);
}

/* One step into the body of a readable handshake record. */
static struct fed read_handshake(struct dissection *dx, struct tls *t, enum dir dir,
                                 struct bytes in)
{
    struct tls_lane *lane = &t->lanes[dir];
    struct bytes here = bytes_of(in.at, in.len < lane->left ? in.len : lane->left);
    if (lane->ignored > 0) {
        size_t n = lane->ignored < here.len ? (size_t)lane->ignored : here.len;
        lane->ignored -= n;
        return fed_ok(n);
    }
    if (lane->have > 0) {
        return fed_ok(assemble(dx, t, dir, here));
    }
    if (here.len < HANDSHAKE_HEADER && here.len < lane->left) {
        return fed_more(lane->left < HANDSHAKE_HEADER ? lane->left : HANDSHAKE_HEADER);
    }
    if (!is_readable(t, dir, here, lane->left)) {
        lane->content = CONTENT_APPLICATION_DATA;
        return fed_ok(0);
    }
    uint32_t whole =
        here.len < HANDSHAKE_HEADER ? UINT32_MAX : message_len(here.at) + HANDSHAKE_HEADER;
    if (whole > lane->left) {
        return fed_ok(assemble(dx, t, dir, here));
    }
    if (!is_asked_for(dx, t, dir, here.at)) {
        return fed_ok(HANDSHAKE_HEADER);
    }
    if (here.len < whole) {
        return fed_more(whole);
    }
    tls_handshake_message(dx, &t->handshake, dir, here.at[0],
                          bytes_slice(here, HANDSHAKE_HEADER, whole - HANDSHAKE_HEADER));
    return fed_ok(whole);
}

/* ---- records ---- */

/* RFC 8446 5.2: an alert alone in an encrypted record: two octets, the content type and the AEAD's
 * tag. */
static bool is_encrypted_alert(uint16_t len, uint16_t cipher)
{
    enum { TLS_AES_128_CCM_8_SHA256 = 0x1305 };
    return len == 2 + 1 + (cipher == TLS_AES_128_CCM_8_SHA256 ? 8 : 16);
}

/* Application data shows encryption, even where ChangeCipherSpec was lost; but early data comes
 * before it. */
static void on_application_data(struct tls_handshake *h, enum dir dir, uint16_t len)
{
    struct tls_end *end = &h->ends[dir];
    if (dir == h->client && h->early_data && !h->server_hello) {
        return;
    }
    if (tls_handshake_is_13(h) && !end->encrypted && is_encrypted_alert(len, h->cipher)) {
        h->broken_off = true;
    }
    end->encrypted = end->finished = true;
}

/* What the header alone says. Returns whether the body is to be read. */
static bool begin_record(struct tls *t, enum dir dir, struct record_header header)
{
    struct tls_handshake *h = &t->handshake;
    struct tls_end *end = &h->ends[dir];
    end->seen = true;
    switch (header.content) {
    case CONTENT_CHANGE_CIPHER_SPEC:
        tls_handshake_change(h, dir);
        return false;
    case CONTENT_ALERT:
        if (end->encrypted) {
            h->broken_off |= !end->finished;
            return false;
        }
        return header.len == 2;
    case CONTENT_HANDSHAKE:
        if (end->encrypted) {
            end->finished = true;
            return false;
        }
        return !tls_handshake_is_13(h);
    case CONTENT_APPLICATION_DATA:
        on_application_data(h, dir, header.len);
        return false;
    default:
        return false;
    }
}

/* The first record of a direction may have the form of SSL 2.0. */
static struct fed read_sslv2(struct dissection *dx, struct tls *t, enum dir dir, struct bytes in)
{
    if (in.len < 2) {
        return fed_more(2);
    }
    size_t whole = 2 + (size_t)((in.at[0] & 0x7f) << 8 | in.at[1]);
    if (in.len < whole) {
        return fed_more(whole);
    }
    t->handshake.ends[dir].seen = true;
    return tls_handshake_sslv2(dx, &t->handshake, dir, bytes_slice(in, 0, whole)) ? fed_ok(whole)
                                                                                  : fed_bad();
}

static struct fed read_body(struct dissection *dx, struct tls *t, enum dir dir, struct bytes in)
{
    struct tls_lane *lane = &t->lanes[dir];
    struct fed fed;
    if (lane->content == CONTENT_HANDSHAKE) {
        fed = read_handshake(dx, t, dir, in);
        if (lane->content == CONTENT_APPLICATION_DATA) { /* it turned out to be encrypted */
            t->handshake.ends[dir].encrypted |= t->handshake.ends[dir].changed;
            t->handshake.ends[dir].finished |= t->handshake.ends[dir].changed;
        }
    } else if (lane->content == CONTENT_ALERT) {
        fed = in.len < 2 ? fed_more(2) : fed_ok(2);
        if (fed.status == FED_OK) {
            tls_handshake_alert(dx, &t->handshake, dir, bytes_slice(in, 0, 2));
        }
    } else {
        fed = fed_ok(in.len < lane->left ? in.len : lane->left);
    }
    if (fed.status == FED_OK) {
        lane->left -= (uint32_t)fed.used;
    }
    return fed;
}

static struct fed read_header(struct tls *t, enum dir dir, struct bytes in)
{
    struct tls_lane *lane = &t->lanes[dir];
    struct record_header header;
    if (in.len < RECORD_HEADER) {
        return is_start_of_record(in) ? fed_more(RECORD_HEADER) : fed_bad();
    }
    if (!record_header_read(in, &header)) {
        return fed_bad();
    }
    if (!begin_record(t, dir, header)) {
        lane->content = CONTENT_APPLICATION_DATA;
        return header.len == 0 ? fed_ok(RECORD_HEADER) : fed_skip(RECORD_HEADER, header.len);
    }
    lane->content = header.content;
    lane->left = header.len;
    return fed_ok(RECORD_HEADER);
}

static struct fed read_next(struct dissection *dx, struct tls *t, enum dir dir, struct bytes in)
{
    if (t->lanes[dir].left > 0) {
        return read_body(dx, t, dir, in);
    }
    if (!t->handshake.ends[dir].seen && (in.at[0] & 0x80) != 0) {
        return read_sslv2(dx, t, dir, in);
    }
    return read_header(t, dir, in);
}

/* Joined after the handshake: application data, and no hello before it. */
static bool is_past(const struct tls_handshake *h, enum dir dir)
{
    return h->ends[dir].finished && h->record == NULL && !h->client_hello && !h->server_hello;
}

static struct fed tls_feed(struct dissection *dx, void *state, enum dir dir, struct bytes in)
{
    struct tls *t = state;
    struct tls_handshake *h = &t->handshake;
    size_t used = 0;
    while (used < in.len) {
        struct fed fed = read_next(dx, t, dir, bytes_from(in, used));
        if (tls_handshake_is_over(h) || is_past(h, dir)) {
            tls_handshake_finish(dx, h, dir);
            return fed_done();
        }
        if (h->ends[dir].finished) {
            return fed_quiet();
        }
        if (fed.status == FED_OK) {
            used += fed.used;
        } else if (fed.status == FED_SKIP && fed.need <= in.len - used - fed.used) {
            used += fed.used + (size_t)fed.need;
        } else if (fed.status == FED_SKIP) {
            return fed_skip(used + fed.used, fed.need);
        } else {
            return used > 0 ? fed_ok(used) : fed;
        }
    }
    return fed_ok(used);
}

static bool tls_gap(struct dissection *dx, void *state, enum dir dir, uint64_t missing)
{
    (void)dx;
    (void)missing;
    struct tls *t = state;
    struct tls_lane *lane = &t->lanes[dir];
    lane->left = 0;
    lane->have = 0;
    lane->ignored = 0;
    t->handshake.ends[dir].holed = true;
    return !t->handshake.ends[dir].finished;
}

static void tls_end(struct dissection *dx, void *state, const struct outcome *outcome)
{
    (void)outcome;
    struct tls *t = state;
    tls_handshake_finish(
        dx, &t->handshake,
        t->handshake.server_hello == (t->handshake.client == DIR_CLIENT) ? DIR_SERVER : DIR_CLIENT);
}

/* HTTPS, LDAPS, global catalogue over TLS, WSUS, notification, WinRM. */
static const uint16_t tls_ports[] = {443, 636, 3269, 8531, 10123, 5986, 8443, 0};

const struct dissector tls_dissector = {
    .name = "tls",
    .ports = tls_ports,
    .tcp = true,
    .state_size = sizeof(struct tls),
    .probe = tls_probe,
    .feed = tls_feed,
    .gap = tls_gap,
    .end = tls_end,
};
