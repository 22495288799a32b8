/*
 * http2.c - HTTP/2 in clear: known beforehand (RFC 9113 3.3), or agreed on by an Upgrade to h2c.
 *
 * One record per stream, as http.c writes them for HTTP/1. Of the frames only those that make up
 * heads are read; DATA is counted and passed over but for the last octet of a message. Header
 * blocks build on each other: after a loss in one direction nothing more can be read of it, and the
 * flow says so.
 *
 * Spec:   RFC 9113; RFC 7540 3.2 (the Upgrade, whose request is stream 1).
 */
#include "capture/limits.h"
#include "dissect/dissector.h"
#include "dissect/hpack.h"
#include "dissect/http2_head.h"
#include "dissect/http_text.h"

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

enum {
    PREFACE = sizeof preface - 1,
    PREFACE_LINE = 16, /* enough of it to know it by, as http.c does */
    FRAME_HEAD = 9,
    STREAMS_FIRST = 8,
    BLOCK_FIRST = 8192,
};

/* RFC 9113 6 */
enum frame_type {
    FRAME_DATA = 0,
    FRAME_HEADERS = 1,
    FRAME_RST_STREAM = 3,
    FRAME_SETTINGS = 4,
    FRAME_PUSH_PROMISE = 5,
    FRAME_CONTINUATION = 9,
};
enum frame_flag {
    FLAG_END_STREAM = 0x01,
    FLAG_END_HEADERS = 0x04,
    FLAG_PADDED = 0x08,
    FLAG_PRIORITY = 0x20,
};

struct frame { /* RFC 9113 4.1 */
    uint32_t length;
    uint8_t type, flags;
    uint32_t stream;
};

struct stream {
    uint32_t id; /* 0: the row is free */
    uint64_t opened;
    struct observation *o;    /* NULL: a limit bit */
    bool headed[2], ended[2]; /* by enum dir: its head was read; its message is over */
    uint64_t body[2];
    uint8_t type_len;
    char type[HTTP2_CONTENT_TYPE_MOST];
};

struct header_block { /* a header block, and what its first frame said */
    uint32_t stream;
    bool open; /* CONTINUATION frames follow */
    bool request, end_stream;
    unsigned frames;
    size_t len, room;
    uint8_t *octets;
};

struct side { /* one direction */
    struct hpack *hpack;
    struct header_block block;
    uint32_t ending; /* the next octet is the last one of this stream's message */
};

struct http2 {
    struct side sides[2];
    bool preface_read;
    struct stream *streams;
    unsigned room;
    uint64_t opened;
};

/* ---- streams ---- */

static struct stream *find_stream(const struct http2 *s, uint32_t id)
{
    for (unsigned i = 0; i < s->room; i++) {
        if (s->streams[i].id == id) {
            return &s->streams[i];
        }
    }
    return NULL;
}

static void write_stream(struct dissection *dx, struct stream *st, enum dir dir)
{
    struct observation *o = st->o;
    if (o != NULL && st->ended[DIR_CLIENT]) {
        observation_num(o, FACT_HTTP_REQUEST_BYTES, st->body[DIR_CLIENT]);
    }
    if (o != NULL && st->ended[DIR_SERVER]) {
        observation_num(o, FACT_HTTP_RESPONSE_BYTES, st->body[DIR_SERVER]);
    }
    if (o != NULL) {
        http_state(o, FACT_HTTP_CONTENT_TYPE, bytes_of(st->type, st->type_len));
        dissection_send(dx, o, dir);
    }
    *st = (struct stream){0};
}

static void write_all(struct dissection *dx, struct http2 *s)
{
    for (unsigned i = 0; i < s->room; i++) {
        struct stream *st = &s->streams[i];
        if (st->id != 0) {
            write_stream(dx, st, st->headed[DIR_SERVER] ? DIR_SERVER : DIR_CLIENT);
        }
    }
}

static bool streams_grow(struct dissection *dx, struct http2 *s)
{
    unsigned room = s->room == 0 ? STREAMS_FIRST : LIMIT_HTTP2_STREAMS;
    struct stream *grown = arena_alloc(dissection_arena(dx), room * sizeof(*grown));
    if (grown == NULL) {
        return false;
    }
    if (s->room > 0) {
        memcpy(grown, s->streams, s->room * sizeof(*grown));
    }
    s->streams = grown;
    s->room = room;
    return true;
}

/* The oldest is written as it is when there is no other room. */
static struct stream *open_stream(struct dissection *dx, struct http2 *s, uint32_t id)
{
    struct stream *st = find_stream(s, 0);
    if (st == NULL && s->room < LIMIT_HTTP2_STREAMS) {
        unsigned had = s->room;
        st = streams_grow(dx, s) ? &s->streams[had] : NULL;
    }
    if (st == NULL && s->room > 0) {
        st = &s->streams[0];
        for (unsigned i = 1; i < s->room; i++) {
            st = s->streams[i].opened < st->opened ? &s->streams[i] : st;
        }
        dissection_anomaly(dx, "http2.many_streams");
        write_stream(dx, st, st->headed[DIR_SERVER] ? DIR_SERVER : DIR_CLIENT);
    }
    if (st != NULL) {
        *st = (struct stream){
            .id = id, .opened = ++s->opened, .o = dissection_begin(dx, RECORD_HTTP)};
    }
    return st;
}

/* A reply is a stream's last message, whatever its client still sends. */
static void end_message(struct dissection *dx, struct http2 *s, enum dir dir, uint32_t id)
{
    struct stream *st = find_stream(s, id);
    if (st != NULL) {
        st->ended[dir] = true;
    }
    if (st != NULL && dir == DIR_SERVER) {
        write_stream(dx, st, DIR_SERVER);
    }
}

/* ---- heads ---- */

/* What comes next in this direction cannot be read any more. */
static struct fed give_up(struct dissection *dx, const char *why)
{
    dissection_anomaly(dx, why);
    return fed_quiet();
}

static void finish_head(struct dissection *dx, struct stream *st, const struct http2_head *head)
{
    struct observation *o = head->o;
    enum dir dir = head->reply ? DIR_SERVER : DIR_CLIENT;
    if (head->reply && head->status != 0 && head->status < 200) {
        if (o != NULL) {
            observation_stamp(o, FACT_HTTP_RESPONSE_PACKET, dissection_at(dx));
            dissection_send(dx, o, DIR_SERVER);
        }
        return;
    }
    if (head->type_len > 0) {
        memcpy(st->type, head->type, head->type_len);
        st->type_len = head->type_len;
    }
    if (o != NULL) {
        observation_stamp(o, head->reply ? FACT_HTTP_RESPONSE_PACKET : FACT_HTTP_REQUEST_PACKET,
                          dissection_at(dx));
        if (!st->headed[DIR_CLIENT] || !head->reply) {
            observation_string(o, FACT_HTTP_VERSION, "HTTP/2");
        }
        if (head->connect) {
            observation_bool(o, FACT_HTTP_PROXY, true);
        }
    }
    st->headed[dir] = true;
}

/* A whole header block. Trailers (RFC 9113 8.1) change the table, and say nothing here. */
static struct fed read_block(struct dissection *dx, struct http2 *s, enum dir dir,
                             struct bytes octets, size_t used)
{
    struct side *side = &s->sides[dir];
    struct header_block *b = &side->block;
    enum dir of = b->request ? DIR_CLIENT : DIR_SERVER;
    struct stream *st = find_stream(s, b->stream);
    if (st == NULL) {
        st = open_stream(dx, s, b->stream);
    }
    if (side->hpack == NULL) {
        side->hpack = hpack_new(dissection_arena(dx));
    }
    b->open = false;
    if (st == NULL || side->hpack == NULL) {
        return fed_done(); /* out of memory */
    }
    bool trailers = st->headed[of];
    struct http2_head head = {.dx = dx, .o = trailers ? NULL : st->o, .reply = of == DIR_SERVER};
    bool good = hpack_read(side->hpack, octets, http2_head_field, &head);
    if (head.too_long) {
        dissection_anomaly(dx, "http.head_too_long");
    }
    if (!trailers) {
        finish_head(dx, st, &head);
    }
    if (!good) {
        return give_up(dx, "http2.bad_header_block");
    }
    if (b->end_stream) {
        end_message(dx, s, dir, b->stream);
    }
    return fed_ok(used);
}

/* Keeps a part of a header block whose end is in another frame. */
static bool keep_fragment(struct dissection *dx, struct header_block *b, struct bytes part)
{
    if (b->len + part.len > b->room) {
        size_t room = b->len + part.len <= BLOCK_FIRST ? BLOCK_FIRST : LIMIT_HTTP_HEAD;
        uint8_t *grown = arena_alloc(dissection_arena(dx), room);
        if (grown == NULL) {
            return false;
        }
        if (b->len > 0) {
            memcpy(grown, b->octets, b->len);
        }
        b->octets = grown;
        b->room = room;
    }
    if (part.len > 0) {
        memcpy(b->octets + b->len, part.at, part.len);
    }
    b->len += part.len;
    return true;
}

/* A header block goes on in `part`, and ends in it or not. */
static struct fed add_fragment(struct dissection *dx, struct http2 *s, enum dir dir,
                               const struct frame *f, struct bytes part)
{
    struct header_block *b = &s->sides[dir].block;
    bool ends = (f->flags & FLAG_END_HEADERS) != 0;
    size_t used = FRAME_HEAD + f->length;
    if (++b->frames > LIMIT_HTTP2_CONTINUATIONS || b->len + part.len > LIMIT_HTTP_HEAD) {
        return give_up(dx, "http2.continuation_flood");
    }
    if (ends && b->len == 0) {
        return read_block(dx, s, dir, part, used);
    }
    if (!keep_fragment(dx, b, part)) {
        return fed_done(); /* out of memory */
    }
    b->open = !ends;
    return ends ? read_block(dx, s, dir, bytes_of(b->octets, b->len), used) : fed_ok(used);
}

/* RFC 9113 6.2, 6.6: what stands around the block in its first frame. */
static struct fed read_headers(struct dissection *dx, struct http2 *s, enum dir dir,
                               const struct frame *f, struct bytes payload)
{
    struct cursor c = cursor_of(payload);
    bool push = f->type == FRAME_PUSH_PROMISE;
    size_t padding = (f->flags & FLAG_PADDED) != 0 ? cursor_u8(&c) : 0;
    uint32_t stream = f->stream;
    if (push) {
        stream = cursor_be32(&c) & 0x7fffffff;
    } else if ((f->flags & FLAG_PRIORITY) != 0) {
        (void)cursor_take(&c, 5);
    }
    if (c.failed || padding > c.rest.len || stream == 0 || f->stream == 0 ||
        (push && dir == DIR_CLIENT)) {
        return give_up(dx, "http2.bad_frame");
    }
    c.rest.len -= padding;
    struct header_block *b = &s->sides[dir].block;
    *b = (struct header_block){.stream = stream,
                               .request = push || dir == DIR_CLIENT,
                               .end_stream = !push && (f->flags & FLAG_END_STREAM) != 0,
                               .room = b->room,
                               .octets = b->octets};
    return add_fragment(dx, s, dir, f, c.rest);
}

/* ---- frames ---- */

static struct frame read_frame(struct bytes in)
{
    struct cursor c = cursor_of(in);
    struct frame f = {.length = (uint32_t)cursor_u8(&c) << 16};
    f.length |= cursor_be16(&c);
    f.type = cursor_u8(&c);
    f.flags = cursor_u8(&c);
    f.stream = cursor_be32(&c) & 0x7fffffff;
    return f;
}

/* RFC 9113 6.1. What was announced counts once the message is over. */
static struct fed read_data(struct dissection *dx, struct http2 *s, enum dir dir,
                            const struct frame *f, struct bytes in)
{
    size_t used = FRAME_HEAD, padding = 0;
    if ((f->flags & FLAG_PADDED) != 0) {
        if (f->length > 0 && in.len == FRAME_HEAD) {
            return fed_more(FRAME_HEAD + 1);
        }
        padding = f->length > 0 ? in.at[FRAME_HEAD] + 1u : 1u;
        used++;
    }
    if (padding > f->length || f->stream == 0) {
        return give_up(dx, "http2.bad_frame");
    }
    uint64_t rest = f->length - (used - FRAME_HEAD);
    struct stream *st = find_stream(s, f->stream);
    if (st != NULL) {
        st->body[dir] += f->length - padding;
    }
    if ((f->flags & FLAG_END_STREAM) == 0) {
        return fed_skip(used, rest);
    }
    if (rest == 0) {
        end_message(dx, s, dir, f->stream);
        return fed_ok(used);
    }
    s->sides[dir].ending = f->stream;
    return fed_skip(used, rest - 1);
}

static struct fed read_any_frame(struct dissection *dx, struct http2 *s, enum dir dir,
                                 struct bytes in)
{
    struct frame f = read_frame(in);
    struct header_block *b = &s->sides[dir].block;
    bool continues = f.type == FRAME_CONTINUATION;
    /* RFC 9113 6.10: a block's frames follow each other. */
    if (b->open != continues || (continues && f.stream != b->stream)) {
        return give_up(dx, "http2.bad_frame");
    }
    if (f.type == FRAME_DATA) {
        return read_data(dx, s, dir, &f, in);
    }
    if (f.type == FRAME_RST_STREAM) {
        struct stream *st = f.stream == 0 ? NULL : find_stream(s, f.stream);
        if (st != NULL) {
            write_stream(dx, st, dir);
        }
    }
    if (f.type != FRAME_HEADERS && f.type != FRAME_PUSH_PROMISE && !continues) {
        return fed_skip(FRAME_HEAD, f.length);
    }
    if (f.length > LIMIT_HTTP_HEAD) {
        return give_up(dx, "http.head_too_long");
    }
    if (in.len < FRAME_HEAD + f.length) {
        return fed_more(FRAME_HEAD + f.length);
    }
    struct bytes payload = bytes_slice(in, FRAME_HEAD, f.length);
    return continues ? add_fragment(dx, s, dir, &f, payload)
                     : read_headers(dx, s, dir, &f, payload);
}

static struct fed http2_feed(struct dissection *dx, void *state, enum dir dir, struct bytes in)
{
    struct http2 *s = state;
    struct side *side = &s->sides[dir];
    if (dir == DIR_CLIENT && !s->preface_read) {
        if (in.len < PREFACE) {
            return fed_more(PREFACE);
        }
        s->preface_read = true;
        return bytes_has_prefix(in, preface, PREFACE) ? fed_ok(PREFACE)
                                                      : give_up(dx, "http2.bad_frame");
    }
    if (side->ending != 0) {
        end_message(dx, s, dir, side->ending);
        side->ending = 0;
        return fed_ok(1);
    }
    return in.len < FRAME_HEAD ? fed_more(FRAME_HEAD) : read_any_frame(dx, s, dir, in);
}

/* RFC 9113 3.4: a client begins with the preface, a server with SETTINGS. An empty one is too plain
 * to know a protocol by. */
static enum probe http2_probe(struct bytes head)
{
    size_t len = head.len < PREFACE_LINE ? head.len : PREFACE_LINE;
    if (len > 0 && memcmp(head.at, preface, len) == 0) {
        return len < PREFACE_LINE ? PROBE_MORE : PROBE_CLIENT;
    }
    static const uint8_t zeros[5];
    static const uint8_t start[] = {0, 0};
    len = head.len < sizeof start ? head.len : sizeof start;
    if (len > 0 && memcmp(head.at, start, len) != 0) {
        return PROBE_NO;
    }
    if (head.len > 2 && (head.at[2] == 0 || head.at[2] % 6 != 0)) {
        return PROBE_NO;
    }
    if (head.len > 3 && head.at[3] != FRAME_SETTINGS) {
        return PROBE_NO;
    }
    struct bytes rest = bytes_from(head, 4);
    if (memcmp(rest.len == 0 ? zeros : rest.at, zeros, rest.len < 5 ? rest.len : 5) != 0) {
        return PROBE_NO;
    }
    struct cursor c = cursor_of(bytes_from(head, FRAME_HEAD));
    uint16_t setting = cursor_be16(&c);
    if (c.failed) {
        return PROBE_MORE;
    }
    return setting >= 1 && setting <= 9 ? PROBE_SERVER : PROBE_NO; /* RFC 9113 6.5.2, RFC 8441 */
}

/* A table that misses a block is of no use, and where the next frame begins is not known. */
static bool http2_gap(struct dissection *dx, void *state, enum dir dir, uint64_t missing)
{
    struct http2 *s = state;
    (void)missing;
    dissection_anomaly(dx, "http2.header_table_lost");
    if (dir == DIR_SERVER) {
        write_all(dx, s);
    }
    return false;
}

static void http2_end(struct dissection *dx, void *state, const struct outcome *outcome)
{
    (void)outcome;
    write_all(dx, state);
}

const struct dissector http2_dissector = {
    .name = "http",
    .tcp = true,
    .state_size = sizeof(struct http2),
    .probe = http2_probe,
    .feed = http2_feed,
    .gap = http2_gap,
    .end = http2_end,
};
