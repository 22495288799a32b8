/*
 * tds.c - TDS over TCP: packets, the TLS that begins inside them, and messages put together from
 * them.
 *
 * A connection changes its framing on the way: TLS travels in packets of type 0x12 while it is set
 * up, then bare, and ends again behind the login where only that is encrypted
 * ([MS-TDS] 3.2.5.1, 3.3.5.1). Every unit says what it is by its first octet, so each is taken as
 * it comes: TDS types, TLS content types and SMP's 0x53 are all different.
 */
#include "dissect/tds.h"

enum { STATUS_EOM = 0x01 }; /* [MS-TDS] 2.2.3.1.2 */

/* [MC-SMP] 2.2: frames of sessions once MARS is in force */
enum { SMP_SMID = 0x53, SMP_HEADER = 16 };

enum { TLS_RECORD_HEADER = 5, TLS_CHANGE_CIPHER_SPEC = 20, TLS_HEARTBEAT = 24 };

enum { PACKET_MOST = 32768 }; /* [MS-TDS] 2.2.6.4: PacketSize is at most 32767 */

struct header {
    uint8_t type, status, packet, window;
    uint16_t len, spid;
};

/* [MS-TDS] 2.2.3.1 */
static struct header read_header(struct cursor *c)
{
    struct header h = {.type = cursor_u8(c), .status = cursor_u8(c)};
    h.len = cursor_be16(c);
    h.spid = cursor_be16(c);
    h.packet = cursor_u8(c);
    h.window = cursor_u8(c);
    return h;
}

/* [MS-TDS] 2.2.3.1.1 */
static bool is_type(uint8_t type)
{
    static const uint8_t types[] = {0x01, 0x02, 0x03, 0x04, 0x06, 0x07,
                                    0x08, 0x0e, 0x10, 0x11, 0x12};
    return memchr(types, type, sizeof types) != NULL;
}

/* RFC 8446 5.1: the content types of TLS, and a version of 3.x */
static bool is_tls(struct bytes in)
{
    return in.len >= 2 && in.at[0] >= TLS_CHANGE_CIPHER_SPEC && in.at[0] <= TLS_HEARTBEAT &&
           in.at[1] == 3;
}

/* ---- probe ---- */

/* [MS-TDS] 2.2.6.4: LOGIN7 has its own length and a version of 7.x. */
static enum probe probe_login(struct cursor c)
{
    uint32_t length = cursor_le32(&c);
    uint32_t version = cursor_le32(&c);
    if (c.failed) {
        return PROBE_MORE;
    }
    return length >= 86 && length < LIMIT_TDS_MESSAGE && version >> 28 == 7 ? PROBE_CLIENT
                                                                            : PROBE_NO;
}

/* [MS-TDS] 2.2.7: a reply begins with one of these tokens, unless it answers a PRELOGIN. */
static enum probe probe_reply(struct cursor c, uint8_t packet)
{
    static const uint8_t tokens[] = {0xaa, 0xab, 0xad, 0xe3, 0xed, 0x81};
    bool reply = memchr(tokens, c.rest.at[0], sizeof tokens) != NULL && packet <= 1;
    return reply || tds_prelogin_begins(c) ? PROBE_SERVER : PROBE_NO;
}

/* [MS-TDS] 2.2.5.3: SQL batch and RPC begin with ALL_HEADERS that hold the transaction descriptor.
 */
static enum probe probe_request(struct cursor c)
{
    uint32_t all = cursor_le32(&c);
    uint32_t first = cursor_le32(&c);
    uint16_t kind = cursor_le16(&c);
    if (c.failed) {
        return PROBE_MORE;
    }
    return all == 22 && first == 18 && kind == 2 ? PROBE_CLIENT : PROBE_NO;
}

static enum probe tds_probe(struct bytes head)
{
    struct cursor c = cursor_of(head);
    struct header h = read_header(&c);
    bool known = h.type == TDS_PRELOGIN || h.type == TDS_LOGIN7 || h.type == TDS_TABULAR_RESULT ||
                 h.type == TDS_SQL_BATCH || h.type == TDS_RPC;
    if (head.len < TDS_HEADER + 6) {
        return head.len == 0 || (head.at[0] <= TDS_PRELOGIN && is_type(head.at[0])) ? PROBE_MORE
                                                                                    : PROBE_NO;
    }
    if (!known || h.status > 0x1f || h.len <= TDS_HEADER || h.len > PACKET_MOST || h.window != 0) {
        return PROBE_NO;
    }
    switch (h.type) {
    case TDS_PRELOGIN:
        return h.spid == 0 && h.packet <= 1 && tds_prelogin_begins(c) ? PROBE_CLIENT : PROBE_NO;
    case TDS_LOGIN7:
        return probe_login(c);
    case TDS_TABULAR_RESULT:
        return probe_reply(c, h.packet);
    default:
        return probe_request(c);
    }
}

/* ---- TLS ---- */

static void feed_tls(struct dissection *dx, struct tds_state *s, enum dir dir, struct bytes octets)
{
    if (s->tls == NULL) {
        s->tls = dissection_child(dx, &tls_dissector, "tds");
    }
    s->tls_over[dir] = !dissection_stream(s->tls, dir, octets);
}

/* A record outside of packets. Nothing more is to be learned where all that follows is encrypted.
 */
static struct fed read_record(struct dissection *dx, struct tds_state *s, enum dir dir,
                              struct bytes in)
{
    struct cursor c = cursor_of(in);
    cursor_skip(&c, 3);
    size_t len = cursor_be16(&c);
    if (c.failed) {
        return fed_more(TLS_RECORD_HEADER);
    }
    if (!s->prelogin_done && s->tls == NULL) {
        return fed_bad();
    }
    if (s->tls_over[dir]) {
        const char *result = tds_encryption_result(s->prelogin.client, s->prelogin.server);
        bool all = s->tls_over[!dir] && result != NULL && strcmp(result, "full") == 0;
        return all ? fed_done() : fed_skip(TLS_RECORD_HEADER, len);
    }
    if (in.len < TLS_RECORD_HEADER + len) {
        return fed_more(TLS_RECORD_HEADER + len);
    }
    feed_tls(dx, s, dir, bytes_slice(in, 0, TLS_RECORD_HEADER + len));
    return fed_ok(TLS_RECORD_HEADER + len);
}

/* ---- messages ---- */

static void read_message(struct dissection *dx, struct tds_state *s, enum dir dir, uint8_t type,
                         struct bytes message)
{
    switch (type) {
    case TDS_PRELOGIN:
        tds_prelogin_read(dx, s, dir, message);
        break;
    case TDS_LOGIN7:
        tds_login_read(dx, s, message);
        break;
    case TDS_SSPI:
        tds_sspi_read(dx, s, dir, message);
        break;
    default:
        if (!s->prelogin_done && tds_prelogin_begins(cursor_of(message))) {
            tds_prelogin_read(dx, s, dir, message);
        } else {
            tds_answer_read(dx, s, message);
        }
        break;
    }
}

/* Keeps a packet's content until its message is whole; past the limit the message's start has to
 * do. */
static void keep(struct dissection *dx, struct tds_lane *lane, struct bytes content)
{
    size_t len = lane->len + content.len;
    if (lane->too_long || content.len == 0) {
        return;
    }
    if (len > lane->room) {
        size_t room = len < LIMIT_TDS_MESSAGE / 2 ? 2 * len : LIMIT_TDS_MESSAGE;
        uint8_t *grown = len > room ? NULL : arena_alloc(dissection_arena(dx), room);
        if (grown == NULL) {
            dissection_anomaly(dx, "tds.message_limit");
            lane->too_long = true;
            return;
        }
        if (lane->len > 0) {
            memcpy(grown, lane->message, lane->len);
        }
        lane->message = grown;
        lane->room = room;
    }
    memcpy(lane->message + lane->len, content.at, content.len);
    lane->len = len;
}

static void read_content(struct dissection *dx, struct tds_state *s, enum dir dir,
                         const struct header *h, struct bytes content)
{
    struct tds_lane *lane = &s->lanes[dir];
    bool last = (h->status & STATUS_EOM) != 0;
    if (h->type == TDS_PRELOGIN && (is_tls(content) || s->tls != NULL)) {
        feed_tls(dx, s, dir, content);
        return;
    }
    if (last && lane->len == 0 && !lane->too_long) {
        read_message(dx, s, dir, h->type, content);
        return;
    }
    keep(dx, lane, content);
    if (last) {
        read_message(dx, s, dir, h->type, bytes_of(lane->message, lane->len));
        lane->len = 0;
        lane->too_long = false;
    }
}

static bool is_asked_for(const struct tds_state *s, uint8_t type)
{
    return !s->logged_in && (type == TDS_PRELOGIN || type == TDS_LOGIN7 || type == TDS_SSPI ||
                             type == TDS_TABULAR_RESULT);
}

static struct fed read_packet(struct dissection *dx, struct tds_state *s, enum dir dir,
                              struct bytes in)
{
    struct cursor c = cursor_of(in);
    struct header h = read_header(&c);
    if (c.failed) {
        return is_type(in.at[0]) ? fed_more(TDS_HEADER) : fed_bad();
    }
    if (!is_type(h.type) || h.len < TDS_HEADER) {
        dissection_anomaly(dx, "tds.bad_header");
        return fed_bad();
    }
    if (!is_asked_for(s, h.type)) {
        s->logged_in |= h.type == TDS_SQL_BATCH || h.type == TDS_RPC;
        return fed_skip(TDS_HEADER, (uint64_t)h.len - TDS_HEADER);
    }
    if (in.len < h.len) {
        return fed_more(h.len);
    }
    read_content(dx, s, dir, &h, bytes_slice(in, TDS_HEADER, (size_t)h.len - TDS_HEADER));
    return fed_ok(h.len);
}

/* [MC-SMP] 2.2.1: the length counts the header. */
static struct fed read_session_frame(struct bytes in)
{
    struct cursor c = cursor_of(in);
    cursor_skip(&c, 4);
    uint32_t len = cursor_le32(&c);
    cursor_skip(&c, 8);
    if (c.failed) {
        return fed_more(SMP_HEADER);
    }
    return len < SMP_HEADER ? fed_bad() : fed_skip(SMP_HEADER, len - SMP_HEADER);
}

static struct fed tds_feed(struct dissection *dx, void *state, enum dir dir, struct bytes in)
{
    struct tds_state *s = state;
    if (in.len < 2) {
        return fed_more(2);
    }
    if (is_tls(in)) {
        return read_record(dx, s, dir, in);
    }
    return in.at[0] == SMP_SMID ? read_session_frame(in) : read_packet(dx, s, dir, in);
}

static bool tds_gap(struct dissection *dx, void *state, enum dir dir, uint64_t missing)
{
    (void)dx;
    struct tds_state *s = state;
    s->lanes[dir].len = 0;
    s->lanes[dir].too_long = false;
    dissection_stream_lost(s->tls, dir, missing);
    return true;
}

static void tds_end(struct dissection *dx, void *state, const struct outcome *outcome)
{
    struct tds_state *s = state;
    (void)outcome;
    tds_prelogin_end(dx, s, DIR_CLIENT);
    tds_login_end(dx, s);
}

static const uint16_t ports[] = {1433, 0};

const struct dissector tds_dissector = {
    .name = "tds",
    .ports = ports,
    .tcp = true,
    .state_size = sizeof(struct tds_state),
    .probe = tds_probe,
    .feed = tds_feed,
    .gap = tds_gap,
    .end = tds_end,
};
