/*
 * http.c - HTTP/1 conversations: RFC 9112 framing, and replies paired with their requests.
 *
 * Bodies are passed over, but for their last octet: it tells when a message really ended, so that a
 * record says what was transferred and not what was promised; and but for the beginning of a
 * Configuration Manager client's message, which ccm_message.c reads. Both directions are read
 * independently; requests wait in a queue for their replies.
 */
#include "capture/limits.h"
#include "dissect/base64.h"
#include "dissect/ccm_message.h"
#include "dissect/dissector.h"
#include "dissect/http_auth.h"
#include "dissect/http_chunk.h"
#include "dissect/http_head.h"
#include "dissect/http_text.h"

enum {
    QUEUE_FIRST = 4,
    /* Requests that wait at once; drafts are left for what is nested. The oldest goes when one more
       comes. */
    QUEUE_MOST = LIMIT_FLOW_DRAFTS / 2,
    CONTENT_TYPE_MOST = 80,
    LINE_MOST = 8192, /* a chunk's size line or a trailer field */
};

enum method { METHOD_OTHER, METHOD_HEAD, METHOD_CONNECT };

enum want {
    WANT_HEAD,
    WANT_LAST_OCTET, /* of a body whose length was given */
    WANT_CHUNK,
    WANT_TRAILER,
    WANT_CLOSE,   /* the body ends with the connection */
    WANT_MESSAGE, /* the body's beginning is a client's message */
    WANT_TUNNEL,  /* the client asked for one, and the answer is not there yet */
};

struct side { /* one direction */
    enum want want;
    bool first_chunk;
    size_t searched; /* octets of an unfinished head or line that hold no end */
    uint64_t body;   /* octets of the body that is being read */
};

struct exchange {          /* a request that waits for its reply */
    struct observation *o; /* NULL: a limit bit */
    uint64_t serial;
    enum method method;
    bool token;  /* it carried a security token */
    bool simple; /* HTTP/0.9: its answer is a body without a head */
    uint8_t type_len;
    char type[CONTENT_TYPE_MOST];
};

/* The first line of a head that is not complete: all that is left of it when a loss cuts the rest
 * off, as in captures of short snapshots. */
struct opening {
    size_t len; /* 0: none */
    char line[LIMIT_TEXT];
};

struct boundary { /* between the parts of the message that the client is sending */
    size_t len;
    char text[CCM_BOUNDARY_MOST];
};

struct http {
    struct side sides[2];
    struct opening *openings[2];
    struct boundary *boundary; /* NULL: no such message came yet */
    struct exchange *queue;    /* a ring */
    unsigned room, first, count;
    uint64_t serial;           /* requests seen */
    uint64_t written;          /* requests written before their reply, which will still come */
    struct observation *reply; /* its head was read, its body is not over */
    uint64_t reply_to;         /* serial of its request, 0: none */
    struct dissection *security;
};

/* ---- the queue ---- */

static struct exchange *queue_front(struct http *s)
{
    return s->count == 0 ? NULL : &s->queue[s->first];
}

static void queue_pop(struct http *s)
{
    s->first = (s->first + 1) % s->room;
    s->count--;
}

static bool queue_grow(struct dissection *dx, struct http *s)
{
    unsigned room = s->room == 0 ? QUEUE_FIRST : QUEUE_MOST;
    struct exchange *grown = arena_alloc(dissection_arena(dx), room * sizeof(*grown));
    if (grown == NULL) {
        return false;
    }
    for (unsigned i = 0; i < s->count; i++) {
        grown[i] = s->queue[(s->first + i) % s->room];
    }
    s->queue = grown;
    s->room = room;
    s->first = 0;
    return true;
}

static void write_lone(struct dissection *dx, struct exchange *e)
{
    if (e->o != NULL) {
        http_state(e->o, FACT_HTTP_CONTENT_TYPE, bytes_of(e->type, e->type_len));
        dissection_send(dx, e->o, DIR_CLIENT);
    }
}

static void queue_flush(struct dissection *dx, struct http *s)
{
    while (s->count > 0) {
        write_lone(dx, queue_front(s));
        queue_pop(s);
    }
}

static struct exchange *queue_push(struct dissection *dx, struct http *s)
{
    if (s->count == s->room && s->room < QUEUE_MOST && !queue_grow(dx, s)) {
        return NULL;
    }
    if (s->count == s->room) {
        write_lone(dx, queue_front(s));
        queue_pop(s);
        s->written++;
    }
    struct exchange *e = &s->queue[(s->first + s->count++) % s->room];
    *e = (struct exchange){.serial = s->serial};
    return e;
}

/* ---- the end of bodies ---- */

static void send_reply(struct dissection *dx, struct http *s)
{
    if (s->reply != NULL) {
        dissection_send(dx, s->reply, DIR_SERVER);
        s->reply = NULL;
    }
}

/* What is written about the client's last request; NULL when that is gone already. */
static struct observation *last_request(struct http *s)
{
    if (s->reply != NULL && s->reply_to == s->serial) {
        return s->reply;
    }
    struct exchange *last = s->count == 0 ? NULL : &s->queue[(s->first + s->count - 1) % s->room];
    return last != NULL && last->serial == s->serial ? last->o : NULL;
}

/* The message of this direction is over, with side->body octets of body. */
static void complete(struct dissection *dx, struct http *s, enum dir dir)
{
    struct side *side = &s->sides[dir];
    if (dir == DIR_SERVER) {
        if (s->reply != NULL) {
            observation_num(s->reply, FACT_HTTP_RESPONSE_BYTES, side->body);
        }
        send_reply(dx, s);
    } else {
        struct observation *o = last_request(s);
        if (o != NULL) {
            observation_num(o, FACT_HTTP_REQUEST_BYTES, side->body);
        }
    }
    *side = (struct side){0};
}

/* How the octets behind a head of `used` octets are read. */
static struct fed begin_body(struct dissection *dx, struct http *s, enum dir dir, size_t used,
                             const struct http_head *head)
{
    struct side *side = &s->sides[dir];
    *side = (struct side){0};
    switch (head->body) {
    case HTTP_BODY_NONE:
        if (dir == DIR_SERVER) {
            complete(dx, s, dir);
        }
        return fed_ok(used);
    case HTTP_BODY_LENGTH:
        side->body = head->length;
        if (head->length == 0) {
            complete(dx, s, dir);
            return fed_ok(used);
        }
        side->want = WANT_LAST_OCTET;
        return fed_skip(used, head->length - 1);
    case HTTP_BODY_CHUNKED:
        side->want = WANT_CHUNK;
        side->first_chunk = true;
        return fed_ok(used);
    case HTTP_BODY_UNTIL_CLOSE:
        side->want = WANT_CLOSE;
        return fed_ok(used);
    }
    return fed_bad();
}

/* Whether a request's body is a client's message that is worth reading. */
static bool begin_message(struct dissection *dx, struct http *s, const struct http_head *head)
{
    if (!bytes_is(head->method, "CCM_POST", 8) || head->body != HTTP_BODY_LENGTH ||
        head->length == 0) {
        return false;
    }
    const struct observation *o = last_request(s);
    struct bytes boundary = ccm_boundary(head->fields[HTTP_FIELD_CONTENT_TYPE]);
    if (o == NULL || o->muted || boundary.len == 0) {
        return false;
    }
    if (s->boundary == NULL) {
        s->boundary = arena_alloc(dissection_arena(dx), sizeof(*s->boundary));
    }
    if (s->boundary == NULL) {
        return false;
    }
    memcpy(s->boundary->text, boundary.at, boundary.len);
    s->boundary->len = boundary.len;
    s->sides[DIR_CLIENT] = (struct side){.want = WANT_MESSAGE, .body = head->length};
    return true;
}

/* The beginning of the body is read, the rest is passed over. */
static struct fed read_message(struct dissection *dx, struct http *s, struct bytes in)
{
    struct side *side = &s->sides[DIR_CLIENT];
    size_t size = side->body < LIMIT_CCM_MESSAGE ? (size_t)side->body : LIMIT_CCM_MESSAGE;
    if (in.len < size) {
        return fed_more(size);
    }
    struct observation *o = last_request(s);
    if (o != NULL) {
        ccm_message_state(o, bytes_of(s->boundary->text, s->boundary->len),
                          bytes_slice(in, 0, size));
    }
    if (size == side->body) {
        complete(dx, s, DIR_CLIENT);
        return fed_ok(size);
    }
    side->want = WANT_LAST_OCTET;
    return fed_skip(size, side->body - size - 1);
}

/* What comes next in this direction is not known; a reply under way is as complete as it will be.
 */
static struct fed fail(struct dissection *dx, struct http *s, enum dir dir)
{
    if (dir == DIR_SERVER) {
        send_reply(dx, s);
    }
    s->sides[dir] = (struct side){0};
    return fed_bad();
}

static struct fed wait_for_line(struct dissection *dx, struct http *s, enum dir dir, size_t have)
{
    if (have >= LINE_MOST) {
        dissection_anomaly(dx, "http.bad_chunk");
        return fail(dx, s, dir);
    }
    s->sides[dir].searched = have;
    return fed_more(0);
}

/* A chunk's data is passed over with the line that announces it; the line end behind it opens the
 * next. */
static struct fed read_chunk(struct dissection *dx, struct http *s, enum dir dir, struct bytes in)
{
    struct side *side = &s->sides[dir];
    size_t used = 0;
    uint64_t size = 0;
    switch (http_chunk_line(in, side->first_chunk, side->searched, &used, &size)) {
    case HTTP_CHUNK_SHORT:
        return wait_for_line(dx, s, dir, in.len);
    case HTTP_CHUNK_BAD:
        dissection_anomaly(dx, "http.bad_chunk");
        return fail(dx, s, dir);
    case HTTP_CHUNK_WHOLE:
        break;
    }
    side->searched = 0;
    side->first_chunk = false;
    if (size == 0) {
        side->want = WANT_TRAILER;
        return fed_ok(used);
    }
    side->body = size > UINT64_MAX - side->body ? UINT64_MAX : side->body + size;
    return fed_skip(used, size);
}

/* RFC 9112 7.1.2 */
static struct fed read_trailer(struct dissection *dx, struct http *s, enum dir dir, struct bytes in)
{
    struct side *side = &s->sides[dir];
    size_t used = http_line_size(in, side->searched);
    if (used == 0) {
        return wait_for_line(dx, s, dir, in.len);
    }
    side->searched = 0;
    if (http_trim(bytes_slice(in, 0, used)).len == 0) {
        complete(dx, s, dir);
    }
    return fed_ok(used);
}

/* ---- authentication ---- */

/* A CHALLENGE, bare or in SPNEGO: the exchange goes on. */
static bool holds_challenge(struct bytes token)
{
    static const uint8_t start[] = {'N', 'T', 'L', 'M', 'S', 'S', 'P', 0, 2};
    return memmem(token.at, token.len, start, sizeof(start)) != NULL;
}

/* Decodes a token and gives it to SPNEGO. `ret_challenge` may be NULL. */
static bool feed_token(struct dissection *dx, struct http *s, enum dir dir, struct bytes text,
                       bool *ret_challenge)
{
    uint8_t token[HTTP_TOKEN_OCTETS];
    size_t len = 0;
    if (text.len == 0 || !base64_decode(text, token, sizeof(token), &len) || len == 0) {
        return false;
    }
    if (s->security == NULL) {
        s->security = dissection_child(dx, &spnego_dissector, "http");
    }
    if (s->security == NULL) {
        return false;
    }
    dissection_feed(s->security, dir, bytes_of(token, len));
    if (ret_challenge != NULL) {
        *ret_challenge = holds_challenge(bytes_of(token, len));
    }
    return true;
}

static void end_authentication(struct http *s, unsigned status)
{
    char text[4] = {(char)('0' + status / 100 % 10), (char)('0' + status / 10 % 10),
                    (char)('0' + status % 10), '\0'};
    struct outcome outcome = {
        .result = status == 401 || status == 407 ? AUTH_FAILURE : AUTH_SUCCESS, .status = text};
    dissection_end(s->security, &outcome);
}

/* The challenges of a reply, and what they say about the token that its request carried. */
static void read_challenges(struct dissection *dx, struct http *s, struct observation *o,
                            const struct http_head *head, bool asked)
{
    bool goes_on = false;
    for (unsigned i = 0; i < head->challenge_count; i++) {
        bool challenge = false;
        struct bytes token = http_auth_challenge(o, head->challenges[i]);
        if (feed_token(dx, s, DIR_SERVER, token, &challenge)) {
            goes_on = goes_on || challenge;
        }
    }
    if (asked && !goes_on && s->security != NULL) {
        end_authentication(s, head->status);
    }
}

static bool read_credentials(struct dissection *dx, struct http *s, struct observation *o,
                             const struct http_head *head)
{
    struct bytes field = head->fields[HTTP_FIELD_AUTHORIZATION];
    struct bytes proxy = head->fields[HTTP_FIELD_PROXY_AUTHORIZATION];
    if (field.at == NULL && proxy.at == NULL) {
        return false;
    }
    if (field.at == NULL && o != NULL) {
        observation_bool(o, FACT_HTTP_PROXY_AUTH, true);
    }
    struct bytes token = http_auth_credentials(o, field.at == NULL ? proxy : field);
    return feed_token(dx, s, DIR_CLIENT, token, NULL);
}

/* ---- heads ---- */

static void name_oddities(struct dissection *dx, const struct http_head *head)
{
    if (head->space_before_colon) {
        dissection_anomaly(dx, "http.space_before_colon");
    }
    if (head->ambiguous_length) {
        dissection_anomaly(dx, "http.ambiguous_length");
    }
    if (head->bad_length) {
        dissection_anomaly(dx, "http.bad_length");
    }
}

/* [MS-WSMV] 2.1: WinRM answers below this path, on 5985, 5986 and wherever else it is told to. */
static void name_service(struct dissection *dx, struct bytes target)
{
    static const char prefix[] = "/wsman";
    size_t len = sizeof prefix - 1;
    if (http_equal(bytes_slice(target, 0, len), prefix) &&
        (target.len == len || memchr("/?", target.at[len], 2) != NULL)) {
        dissection_application(dx, "WinRM");
    }
}

static void state_request(struct dissection *dx, struct observation *o,
                          const struct http_head *head, enum method method)
{
    http_state(o, FACT_HTTP_METHOD, head->method);
    http_state(o, FACT_HTTP_HOST, head->fields[HTTP_FIELD_HOST]);
    http_state_uri(o, FACT_HTTP_URI, head->target);
    http_state(o, FACT_HTTP_VERSION, head->version);
    http_state(o, FACT_HTTP_USER_AGENT, head->fields[HTTP_FIELD_USER_AGENT]);
    observation_stamp(o, FACT_HTTP_REQUEST_PACKET, dissection_at(dx));
    if (method == METHOD_CONNECT || http_authority_offset(head->target) != 0) {
        observation_bool(o, FACT_HTTP_PROXY, true);
    }
}

/* What services of Windows ask for in fields of their own. */
static void state_service(struct observation *o, const struct http_head *head)
{
    struct bytes action = head->fields[HTTP_FIELD_SOAP_ACTION];
    struct bytes client = head->fields[HTTP_FIELD_CCM_CLIENT_ID];
    struct bytes token = head->fields[HTTP_FIELD_CLIENT_TOKEN];
    /* "GUID:...;2026-11-26T15:00:00Z;2": the client's identifier, the time, a version */
    client = client.len > 0 ? client : bytes_slice(token, 0, http_find(token, ';'));
    if (action.len >= 2 && action.at[0] == '"' && action.at[action.len - 1] == '"') {
        action = bytes_slice(action, 1, action.len - 2);
    }
    http_state(o, FACT_HTTP_SOAP_ACTION, action);
    http_state(o, FACT_HTTP_BITS_PACKET, head->fields[HTTP_FIELD_BITS_PACKET_TYPE]);
    http_state(o, FACT_HTTP_CCM_CLIENT_ID, client);
}

static struct fed read_request(struct dissection *dx, struct http *s, size_t used,
                               struct http_head *head)
{
    s->serial++;
    struct exchange *e = queue_push(dx, s);
    if (e == NULL) {
        return fed_done(); /* out of memory */
    }
    struct bytes type = head->fields[HTTP_FIELD_CONTENT_TYPE];
    e->o = dissection_begin(dx, RECORD_HTTP);
    e->method = bytes_is(head->method, "HEAD", 4)      ? METHOD_HEAD
                : bytes_is(head->method, "CONNECT", 7) ? METHOD_CONNECT
                                                       : METHOD_OTHER;
    e->type_len = (uint8_t)(type.len < CONTENT_TYPE_MOST ? type.len : CONTENT_TYPE_MOST);
    if (e->type_len > 0) {
        memcpy(e->type, type.at, e->type_len);
    }
    if (e->o != NULL) {
        state_request(dx, e->o, head, e->method);
        if (head->fields[HTTP_FIELD_CLIENT_TOKEN].len > 0) { /* R114 asks */
            observation_bool(e->o, FACT_HTTP_CCM_CLIENT_TOKEN, true);
        }
        if (dissection_details(dx)) {
            state_service(e->o, head);
        }
    }
    if (head->fields[HTTP_FIELD_HOST].len > 0) {
        dissection_host_name(dx, head->fields[HTTP_FIELD_HOST]);
    }
    e->token = read_credentials(dx, s, e->o, head);
    if (e->method == METHOD_CONNECT) {
        s->sides[DIR_CLIENT] = (struct side){.want = WANT_TUNNEL};
        return fed_ok(used);
    }
    if (head->body == HTTP_BODY_UNTIL_CLOSE) {
        dissection_anomaly(dx, "http.ambiguous_length");
    }
    return begin_message(dx, s, head) ? fed_ok(used) : begin_body(dx, s, DIR_CLIENT, used, head);
}

static void state_reply(struct dissection *dx, struct observation *o, const struct http_head *head,
                        const struct exchange *asked)
{
    if (asked == NULL) {
        http_state(o, FACT_HTTP_VERSION, head->version);
    }
    http_state(o, FACT_HTTP_SERVER, head->fields[HTTP_FIELD_SERVER]);
    if (head->status / 100 == 3) {
        http_state_uri(o, FACT_HTTP_LOCATION, head->fields[HTTP_FIELD_LOCATION]);
    }
    observation_num(o, FACT_HTTP_STATUS, head->status);
    observation_stamp(o, FACT_HTTP_RESPONSE_PACKET, dissection_at(dx));
    struct bytes type = head->fields[HTTP_FIELD_CONTENT_TYPE];
    if (type.len == 0 && asked != NULL) {
        type = bytes_of(asked->type, asked->type_len);
    }
    http_state(o, FACT_HTTP_CONTENT_TYPE, type);
}

/* RFC 9110 15.2: an interim reply is a record of its own, for the request's is the final one's. */
static struct fed read_interim(struct dissection *dx, size_t used, const struct http_head *head)
{
    struct observation *o = dissection_begin(dx, RECORD_HTTP);
    if (o != NULL) {
        state_reply(dx, o, head, NULL);
        dissection_send(dx, o, DIR_SERVER);
    }
    return fed_ok(used);
}

/* The connection is something else from here on: RFC 9110 7.8, 9.3.6 */
static struct fed switch_protocol(struct dissection *dx, struct http *s, size_t used,
                                  struct bytes upgrade, bool tunnel)
{
    if (s->reply != NULL && !tunnel) {
        http_state(s->reply, FACT_HTTP_UPGRADE, upgrade);
    }
    send_reply(dx, s);
    queue_flush(dx, s);
    s->sides[DIR_CLIENT] = s->sides[DIR_SERVER] = (struct side){0};
    if (tunnel) {
        dissection_hand_over(dx, NULL, "http-connect");
    } else if (http_equal(upgrade, "websocket")) {
        dissection_hand_over(dx, &websocket_dissector, "websocket");
    } else if (http_equal(upgrade, "h2c")) {
        dissection_hand_over(dx, &http2_dissector, "h2c");
    } else {
        dissection_hand_over(dx, NULL, "http-upgrade");
    }
    return fed_ok(used);
}

/* RFC 9112 6.3, rules 1 and 8 */
static void settle_reply_body(struct http_head *head, enum method method)
{
    if (method == METHOD_HEAD || head->status == 204 || head->status == 304) {
        head->body = HTTP_BODY_NONE;
    } else if (head->body == HTTP_BODY_NONE) {
        head->body = HTTP_BODY_UNTIL_CLOSE;
    }
}

static struct fed read_reply(struct dissection *dx, struct http *s, size_t used,
                             struct http_head *head)
{
    bool switching = head->status == 101;
    if (head->status < 200 && !switching) {
        return read_interim(dx, used, head);
    }
    struct exchange *asked = s->written > 0 ? NULL : queue_front(s);
    s->written -= s->written > 0 ? 1 : 0;
    enum method method = asked != NULL ? asked->method : METHOD_OTHER;
    bool token = asked != NULL && asked->token;
    s->reply = asked != NULL ? asked->o : dissection_begin(dx, RECORD_HTTP);
    s->reply_to = asked != NULL ? asked->serial : 0;
    if (s->reply != NULL) {
        state_reply(dx, s->reply, head, asked);
    }
    if (asked != NULL) {
        queue_pop(s);
    }
    read_challenges(dx, s, s->reply, head, token);
    bool tunnel = method == METHOD_CONNECT && head->status / 100 == 2;
    if (switching || tunnel) {
        return switch_protocol(dx, s, used, head->fields[HTTP_FIELD_UPGRADE], tunnel);
    }
    if (method == METHOD_CONNECT && s->sides[DIR_CLIENT].want == WANT_TUNNEL) {
        s->sides[DIR_CLIENT].want = WANT_HEAD;
        dissection_resume(dx, DIR_CLIENT);
    }
    settle_reply_body(head, method);
    return begin_body(dx, s, DIR_SERVER, used, head);
}

static void remember_opening(struct dissection *dx, struct http *s, enum dir dir, struct bytes in)
{
    struct opening *opening = s->openings[dir];
    size_t len = opening != NULL && opening->len > 0 ? 0 : http_line_size(in, 0);
    if (len == 0 || len > sizeof(opening->line)) {
        return;
    }
    if (opening == NULL) {
        opening = s->openings[dir] = arena_alloc(dissection_arena(dx), sizeof(*opening));
    }
    if (opening != NULL) {
        memcpy(opening->line, in.at, len);
        opening->len = len;
    }
}

static void forget_opening(struct http *s, enum dir dir)
{
    if (s->openings[dir] != NULL) {
        s->openings[dir]->len = 0;
    }
}

/* A head that is not there to its end says what it says so far; where its body begins is not known.
 */
static void read_cut_head(struct dissection *dx, struct http *s, enum dir dir, struct bytes in)
{
    struct http_head head;
    if (http_head_read(in, dir == DIR_SERVER, &head)) {
        head.body = HTTP_BODY_UNTIL_CLOSE;
        (void)(dir == DIR_SERVER ? read_reply(dx, s, 0, &head) : read_request(dx, s, 0, &head));
    }
}

static struct fed read_long_head(struct dissection *dx, struct http *s, enum dir dir,
                                 struct bytes in)
{
    dissection_anomaly(dx, "http.head_too_long");
    forget_opening(s, dir);
    read_cut_head(dx, s, dir, in);
    return fail(dx, s, dir);
}

/* RFC 1945 4.1: a line without a version is a whole request, and its answer has no head. */
static bool is_simple_request(struct bytes line)
{
    struct http_head head;
    line = http_trim(line);
    return bytes_has_prefix(line, "GET /", 5) &&
           http_find(bytes_from(line, 4), ' ') == line.len - 4 &&
           !http_head_read(line, false, &head);
}

static struct fed read_simple_request(struct dissection *dx, struct http *s, struct bytes line)
{
    struct http_head head = {.method = bytes_slice(line, 0, 3),
                             .target = http_trim(bytes_from(line, 4))};
    struct fed fed = read_request(dx, s, line.len, &head);
    if (s->count > 0) {
        s->queue[(s->first + s->count - 1) % s->room].simple = true;
    }
    return fed;
}

/* RFC 9113 3.4: the reply that agreed to it was lost, for http2.c reads all others. */
static bool is_http2(struct bytes in)
{
    return bytes_has_prefix(in, "PRI * HTTP/2.0\r\n", 16);
}

static struct fed read_head(struct dissection *dx, struct http *s, enum dir dir, struct bytes in)
{
    struct side *side = &s->sides[dir];
    /* RFC 9112 2.2: empty lines before a message */
    if (in.at[0] == '\n') {
        return fed_ok(1);
    }
    if (in.at[0] == '\r') {
        return in.len < 2 ? fed_more(2) : in.at[1] == '\n' ? fed_ok(2) : fail(dx, s, dir);
    }
    size_t line = dir == DIR_CLIENT ? http_line_size(in, 0) : 0;
    if (line > 0 && is_simple_request(bytes_slice(in, 0, line))) {
        return read_simple_request(dx, s, bytes_slice(in, 0, line));
    }
    if (dir == DIR_SERVER && s->count > 0 && queue_front(s)->simple && in.at[0] != 'H') {
        return fed_quiet();
    }
    size_t used = http_head_size(in, side->searched);
    if (used == 0 || used > LIMIT_HTTP_HEAD) {
        if (in.len >= LIMIT_HTTP_HEAD) {
            return read_long_head(dx, s, dir, bytes_slice(in, 0, LIMIT_HTTP_HEAD));
        }
        side->searched = in.len > 2 ? in.len - 2 : 0;
        remember_opening(dx, s, dir, in);
        return fed_more(0);
    }
    struct http_head head;
    side->searched = 0;
    forget_opening(s, dir);
    if (dir == DIR_CLIENT && is_http2(in)) {
        queue_flush(dx, s);
        dissection_hand_over(dx, &http2_dissector, "h2c");
        return fed_ok(0);
    }
    if (!http_head_read(bytes_slice(in, 0, used), dir == DIR_SERVER, &head)) {
        return fail(dx, s, dir);
    }
    name_oddities(dx, &head);
    if (dir == DIR_CLIENT) {
        name_service(dx, head.target);
    }
    return dir == DIR_SERVER ? read_reply(dx, s, used, &head) : read_request(dx, s, used, &head);
}

static struct fed http_feed(struct dissection *dx, void *state_, enum dir dir, struct bytes in)
{
    struct http *s = state_;
    struct side *side = &s->sides[dir];
    switch (side->want) {
    case WANT_HEAD:
        return read_head(dx, s, dir, in);
    case WANT_LAST_OCTET:
        complete(dx, s, dir);
        return fed_ok(1);
    case WANT_CHUNK:
        return read_chunk(dx, s, dir, in);
    case WANT_TRAILER:
        return read_trailer(dx, s, dir, in);
    case WANT_MESSAGE:
        return read_message(dx, s, in);
    case WANT_CLOSE:
        side->body += in.len;
        return fed_ok(in.len);
    case WANT_TUNNEL:
        return fed_more(0);
    }
    return fail(dx, s, dir);
}

/* What was under way in this direction is lost. A reply's loss leaves open which of the waiting
 * requests it belonged to, so they are written as they are. */
static bool http_gap(struct dissection *dx, void *state_, enum dir dir, uint64_t missing)
{
    struct http *s = state_;
    bool goes_on = s->sides[dir].want != WANT_CLOSE;
    struct opening *opening = s->openings[dir];
    (void)missing;
    if (opening != NULL && opening->len > 0) {
        read_cut_head(dx, s, dir, bytes_of(opening->line, opening->len));
        opening->len = 0;
    }
    if (dir == DIR_SERVER) {
        send_reply(dx, s);
        queue_flush(dx, s);
        s->written = 0;
    }
    s->sides[dir] = (struct side){0};
    return goes_on;
}

static void http_end(struct dissection *dx, void *state_, const struct outcome *outcome)
{
    struct http *s = state_;
    (void)outcome;
    if (s->sides[DIR_SERVER].want == WANT_CLOSE) {
        complete(dx, s, DIR_SERVER);
    }
    send_reply(dx, s);
    queue_flush(dx, s);
}

static const uint16_t ports[] = {80, 8080, 8530, 3128, 5985, 0};

const struct dissector http_dissector = {
    .name = "http",
    .ports = ports,
    .tcp = true,
    .state_size = sizeof(struct http),
    .probe = http_probe,
    .feed = http_feed,
    .gap = http_gap,
    .end = http_end,
};
