/*
 * tds.c - TDS over TCP: packets, the TLS that begins inside them, and messages put together from
 * them.
 *
 * A connection changes its framing on the way: TLS travels in packets of type 0x12 while it is set
 * up, then bare, and ends again behind the login where only that is encrypted
 * ([MS-TDS] 3.2.5.1, 3.3.5.1); with MARS, packets lie in frames of sessions from then on
 * ([MC-SMP] 2.2.1). Every unit says what it is by its first octet, so each is taken as it comes:
 * TDS types, TLS content types and SMP's 0x53 are all different.
 */
#include "dissect/tds.h"

enum { TLS_RECORD_HEADER = 5, TLS_CHANGE_CIPHER_SPEC = 20, TLS_HEARTBEAT = 24 };

/* RFC 8446 5.1: the content types of TLS, and a version of 3.x */
static bool is_tls(struct bytes in)
{
    return in.len >= 2 && in.at[0] >= TLS_CHANGE_CIPHER_SPEC && in.at[0] <= TLS_HEARTBEAT &&
           in.at[1] == 3;
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

/* ---- messages up to the login's answer ---- */

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
    case TDS_LOGIN:
        tds_login4_read(dx, s, message);
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
                         const struct tds_header *h, struct bytes content)
{
    struct tds_lane *lane = &s->lanes[dir];
    bool last = (h->status & TDS_STATUS_EOM) != 0;
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
    return !s->logged_in && (type == TDS_PRELOGIN || type == TDS_LOGIN7 || type == TDS_LOGIN ||
                             type == TDS_SSPI || type == TDS_TABULAR_RESULT);
}

static bool is_request(uint8_t type)
{
    return type == TDS_SQL_BATCH || type == TDS_RPC || type == TDS_NORMAL ||
           type == TDS_TRANSACTION || type == TDS_BULK_LOAD;
}

/* ---- packets ---- */

/* A packet after the login, of which `inside` octets lie in this frame, or all where there are no
 * frames. */
static struct fed read_work(struct dissection *dx, struct tds_state *s, struct tds_session *session,
                            const struct tds_header *h, size_t inside, struct bytes in)
{
    size_t want = TDS_HEADER + tds_work_want(dx, session, h, inside - TDS_HEADER);
    if (in.len < want) {
        return fed_more(want);
    }
    tds_work_read(dx, s, session, h, bytes_slice(in, TDS_HEADER, want - TDS_HEADER));
    return fed_skip(want, inside - want);
}

static struct fed read_packet(struct dissection *dx, struct tds_state *s, enum dir dir,
                              struct bytes in)
{
    struct cursor c = cursor_of(in);
    struct tds_header h = tds_header_read(&c);
    if (c.failed) {
        return tds_is_type(in.at[0]) ? fed_more(TDS_HEADER) : fed_bad();
    }
    if (!tds_is_type(h.type) || h.len < TDS_HEADER) {
        dissection_anomaly(dx, "tds.bad_header");
        return fed_bad();
    }
    if (!is_asked_for(s, h.type)) {
        s->logged_in |= is_request(h.type);
        return read_work(dx, s, &s->main, &h, h.len, in);
    }
    if (in.len < h.len) {
        return fed_more(h.len);
    }
    read_content(dx, s, dir, &h, bytes_slice(in, TDS_HEADER, (size_t)h.len - TDS_HEADER));
    return fed_ok(h.len);
}

/* ---- sessions of MARS ---- */

static struct tds_session *find_session(struct dissection *dx, struct tds_state *s, uint16_t sid)
{
    if (s->sessions == NULL) {
        s->sessions = arena_alloc(dissection_arena(dx), LIMIT_TDS_SESSIONS * sizeof *s->sessions);
    }
    for (size_t i = 0; s->sessions != NULL && i < LIMIT_TDS_SESSIONS; i++) {
        if (s->sessions[i].used && s->sessions[i].sid == sid) {
            return &s->sessions[i];
        }
    }
    return NULL;
}

/* The row of a session; the one that was taken first makes room for a new one. */
static struct tds_session *take_session(struct dissection *dx, struct tds_state *s, uint16_t sid)
{
    struct tds_session *row = find_session(dx, s, sid);
    if (row != NULL || s->sessions == NULL) {
        return row;
    }
    row = &s->sessions[s->next_session];
    s->next_session = (s->next_session + 1) % LIMIT_TDS_SESSIONS;
    if (row->used) {
        dissection_anomaly(dx, "tds.session_limit");
        tds_session_end(dx, row);
    }
    struct tds_lane request = {.message = row->request.message, .room = row->request.room};
    *row = (struct tds_session){.used = true, .sid = sid, .request = request};
    s->work.sessions++;
    return row;
}

/* [MC-SMP] 2.2.1, 3.1.5: the length counts the header. */
static struct fed read_frame(struct dissection *dx, struct tds_state *s, enum dir dir,
                             struct bytes in)
{
    struct cursor c = cursor_of(in);
    struct smp_header h;
    if (in.len < SMP_HEADER) {
        return fed_more(SMP_HEADER);
    }
    if (!smp_header_read(&c, &h)) {
        dissection_anomaly(dx, "tds.bad_frame");
        return fed_bad();
    }
    s->logged_in = true;
    struct tds_session *session = h.flags == SMP_FIN || h.flags == SMP_ACK
                                      ? find_session(dx, s, h.sid)
                                      : take_session(dx, s, h.sid);
    if (h.flags == SMP_FIN && session != NULL && dir == DIR_SERVER) {
        tds_session_end(dx, session);
        session->used = false;
    }
    s->frames[dir].left = h.len - SMP_HEADER;
    s->frames[dir].session = session;
    return fed_ok(SMP_HEADER);
}

/* What a frame holds: packets, which may go on in the session's next frame. */
static struct fed read_framed(struct dissection *dx, struct tds_state *s, enum dir dir,
                              struct bytes in)
{
    struct tds_session *session = s->frames[dir].session;
    uint32_t left = s->frames[dir].left;
    uint32_t owed = session == NULL ? left : session->owed[dir];
    struct cursor c = cursor_of(in);
    struct tds_header h = {0};
    if (owed == 0 && in.len < TDS_HEADER && left >= TDS_HEADER) {
        return fed_more(TDS_HEADER);
    }
    if (owed == 0) {
        h = tds_header_read(&c);
        if (left < TDS_HEADER || !tds_is_type(h.type) || h.len < TDS_HEADER) {
            dissection_anomaly(dx, "tds.bad_header");
            owed = left;
        }
    }
    if (owed > 0) { /* passed over */
        uint32_t passed = owed < left ? owed : left;
        if (session != NULL && session->owed[dir] > 0) {
            session->owed[dir] -= passed;
        }
        s->frames[dir].left -= passed;
        return fed_skip(0, passed);
    }
    uint32_t inside = h.len < left ? h.len : left;
    struct fed fed = read_work(dx, s, session, &h, inside, in);
    if (fed.status != FED_MORE) {
        s->frames[dir].left -= inside;
        session->owed[dir] = h.len - inside;
    }
    return fed;
}

/* ---- the dissector ---- */

static struct fed tds_feed(struct dissection *dx, void *state, enum dir dir, struct bytes in)
{
    struct tds_state *s = state;
    if (s->frames[dir].left > 0) {
        return read_framed(dx, s, dir, in);
    }
    if (in.len < 2) {
        return fed_more(2);
    }
    if (is_tls(in)) {
        return read_record(dx, s, dir, in);
    }
    return in.at[0] == SMP_SMID ? read_frame(dx, s, dir, in) : read_packet(dx, s, dir, in);
}

static void forget(struct tds_session *session, enum dir dir)
{
    session->owed[dir] = 0;
    session->inside[dir] = false;
    session->request.len = dir == DIR_CLIENT ? 0 : session->request.len;
}

static bool tds_gap(struct dissection *dx, void *state, enum dir dir, uint64_t missing)
{
    (void)dx;
    struct tds_state *s = state;
    s->lanes[dir].len = 0;
    s->lanes[dir].too_long = false;
    s->frames[dir].left = 0;
    forget(&s->main, dir);
    for (size_t i = 0; s->sessions != NULL && i < LIMIT_TDS_SESSIONS; i++) {
        forget(&s->sessions[i], dir);
    }
    dissection_stream_lost(s->tls, dir, missing);
    return true;
}

static void tds_end(struct dissection *dx, void *state, const struct outcome *outcome)
{
    struct tds_state *s = state;
    (void)outcome;
    tds_prelogin_end(dx, s, DIR_CLIENT);
    tds_login_end(dx, s);
    tds_work_end(dx, s);
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
