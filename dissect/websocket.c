/*
 * websocket.c - WebSocket frames, read for what tunnels through them.
 *
 * Behind a 101 the connection carries messages. The first binary ones of each direction are
 * compared with the known protocols; the one that is recognised (TLS, SSH, RDP, ...) is then read
 * as a stream inside this one. Text is content and passed over, as is what an extension changed.
 *
 * Spec:   RFC 6455 5.
 */
#include "capture/limits.h"
#include "dissect/dissector.h"

enum {
    OPCODE_CONTINUATION = 0,
    OPCODE_BINARY = 2,
    OPCODE_CLOSE = 8,
    OPCODE_PONG = 10,
    PIECE = 2048, /* octets unmasked at a time */
    KEY = 4,
};

struct frame { /* RFC 6455 5.2 */
    size_t head;
    uint64_t length;
    uint8_t opcode;
    bool final, extended, masked;
    uint8_t key[KEY];
};

struct side {         /* one direction */
    bool binary;      /* the message that goes on is binary, and no extension changed it */
    uint64_t left;    /* octets of the payload that is being handed inwards */
    uint8_t key[KEY]; /* rotated to the next octet; zeros: not masked */
    unsigned tries;   /* messages that nobody knew */
};

struct websocket {
    struct side sides[2];
    struct dissection *inside; /* NULL until it is known */
    bool named;                /* it is known, and nobody reads it */
};

/* False: more is needed. */
static bool read_frame(struct bytes in, struct frame *ret_frame)
{
    struct cursor c = cursor_of(in);
    uint8_t first = cursor_u8(&c), second = cursor_u8(&c);
    struct frame f = {.opcode = first & 0x0f,
                      .final = (first & 0x80) != 0,
                      .extended = (first & 0x70) != 0,
                      .masked = (second & 0x80) != 0,
                      .length = second & 0x7f};
    if (f.length == 126) {
        f.length = cursor_be16(&c);
    } else if (f.length == 127) {
        f.length = cursor_be64(&c);
    }
    struct bytes key = cursor_take(&c, f.masked ? KEY : 0);
    if (c.failed) {
        return false;
    }
    if (f.masked) {
        memcpy(f.key, key.at, KEY);
    }
    f.head = in.len - c.rest.len;
    *ret_frame = f;
    return true;
}

/* RFC 6455 5.1, 5.2, 5.5 */
static bool is_possible(const struct frame *f, enum dir dir)
{
    bool control = f->opcode >= OPCODE_CLOSE;
    bool known = f->opcode <= OPCODE_BINARY || (control && f->opcode <= OPCODE_PONG);
    return known && f->length >> 63 == 0 && f->masked == (dir == DIR_CLIENT) &&
           !(control && (!f->final || f->length > 125));
}

/* RFC 6455 5.3. `key` moves on by as many octets. */
static void unmask(uint8_t key[KEY], struct bytes in, uint8_t *out)
{
    uint8_t turned[KEY];
    for (size_t i = 0; i < in.len; i++) {
        out[i] = in.at[i] ^ key[i % KEY];
    }
    for (size_t i = 0; i < KEY; i++) {
        turned[i] = key[(i + in.len) % KEY];
    }
    memcpy(key, turned, KEY);
}

/* Whether this message begins something known; `payload` is its start. */
static void recognise(struct dissection *dx, struct websocket *s, struct side *side,
                      const struct frame *f, struct bytes payload)
{
    uint8_t plain[LIMIT_WEBSOCKET_HEAD], key[KEY];
    enum probe seen = PROBE_NO;
    payload.len = payload.len < sizeof plain ? payload.len : sizeof plain;
    memcpy(key, f->key, KEY);
    unmask(key, payload, plain);
    side->tries++;
    s->inside = dissection_recognise(dx, bytes_of(plain, payload.len), "websocket", &seen);
    s->named = seen != PROBE_NO && seen != PROBE_MORE && s->inside == NULL;
}

/* A data frame of a binary message. */
static struct fed read_data(struct dissection *dx, struct websocket *s, enum dir dir,
                            const struct frame *f, struct bytes in)
{
    struct side *side = &s->sides[dir];
    if (s->inside == NULL && !s->named && f->opcode == OPCODE_BINARY && f->length > 0) {
        size_t head = f->length < LIMIT_WEBSOCKET_HEAD ? (size_t)f->length : LIMIT_WEBSOCKET_HEAD;
        if (in.len < f->head + head) {
            return fed_more(f->head + head);
        }
        recognise(dx, s, side, f, bytes_slice(in, f->head, head));
    }
    if (s->inside == NULL) {
        bool over = s->named || side->tries >= LIMIT_WEBSOCKET_TRIES;
        return over ? fed_quiet() : fed_skip(f->head, f->length);
    }
    side->left = f->length;
    memcpy(side->key, f->key, KEY);
    return fed_ok(f->head);
}

/* The payload goes inwards as far as it is there. */
static struct fed read_payload(struct websocket *s, enum dir dir, struct bytes in)
{
    struct side *side = &s->sides[dir];
    size_t used = side->left < in.len ? (size_t)side->left : in.len;
    uint8_t plain[PIECE];
    for (size_t at = 0; at < used; at += PIECE) {
        struct bytes piece = bytes_slice(in, at, used - at < PIECE ? used - at : PIECE);
        unmask(side->key, piece, plain);
        if (!dissection_stream(s->inside, dir, bytes_of(plain, piece.len))) {
            return fed_quiet();
        }
    }
    side->left -= used;
    return fed_ok(used);
}

static struct fed websocket_feed(struct dissection *dx, void *state, enum dir dir, struct bytes in)
{
    struct websocket *s = state;
    struct side *side = &s->sides[dir];
    struct frame f = {0};
    if (side->left > 0) {
        return read_payload(s, dir, in);
    }
    if (!read_frame(in, &f)) {
        return fed_more(0);
    }
    if (!is_possible(&f, dir)) {
        dissection_anomaly(dx, "websocket.bad_frame");
        return fed_quiet();
    }
    if (f.opcode >= OPCODE_CLOSE) {
        return fed_skip(f.head, f.length);
    }
    if (f.opcode != OPCODE_CONTINUATION) {
        side->binary = f.opcode == OPCODE_BINARY && !f.extended;
    }
    return side->binary ? read_data(dx, s, dir, &f, in) : fed_skip(f.head, f.length);
}

/* Where the next frame begins is not known any more. */
static bool websocket_gap(struct dissection *dx, void *state, enum dir dir, uint64_t missing)
{
    struct websocket *s = state;
    (void)dx;
    dissection_stream_lost(s->inside, dir, missing);
    return false;
}

const struct dissector websocket_dissector = {
    .name = "http",
    .state_size = sizeof(struct websocket),
    .feed = websocket_feed,
    .gap = websocket_gap,
};
