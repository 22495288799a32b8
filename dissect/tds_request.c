/*
 * tds_request.c - what is asked for after the login: how much of what, and, where the user wants
 * it, the SQL itself.
 *
 * A text that speaks of passwords is shown without its literals: CREATE LOGIN and connection
 * strings carry secrets.
 */
#include "dissect/tds.h"

#include <stdio.h>

#include "dissect/text.h"

/* Of UTF-16 becomes as many octets of UTF-8 and half as many more at most. */
enum { TEXT_ROOM = LIMIT_TDS_TEXT * 3 / 2 + 16 };

/* [MS-TDS] 2.2.6.6: ProcIDs, and which of the text parameters is the statement. */
static const struct procedure {
    const char *name;
    unsigned statement; /* from 1; 0: none is */
} procedures[] = {
    {NULL, 0},
    {"sp_cursor", 0},
    {"sp_cursoropen", 1},
    {"sp_cursorprepare", 2},
    {"sp_cursorexecute", 0},
    {"sp_cursorprepexec", 2},
    {"sp_cursorunprepare", 0},
    {"sp_cursorfetch", 0},
    {"sp_cursoroption", 0},
    {"sp_cursorclose", 0},
    {"sp_executesql", 1},
    {"sp_prepare", 2},
    {"sp_execute", 0},
    {"sp_prepexec", 2},
    {"sp_prepexecrpc", 0},
    {"sp_unprepare", 0},
};
enum { PROCEDURES = sizeof procedures / sizeof procedures[0] };

/* ---- text without secrets ---- */

static bool is_word_at(const char *text, const char *word)
{
    while (*word != '\0' && (*text | 0x20) == *word) {
        text++;
        word++;
    }
    return *word == '\0';
}

static bool speaks_of_secrets(const char *text)
{
    static const char *const words[] = {"password", "pwd", "secret", "addlogin", "srvlogin"};
    for (; *text != '\0'; text++) {
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
            if (is_word_at(text, words[i])) {
                return true;
            }
        }
    }
    return false;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* Takes the content out of every literal, in place: 'x', "x" and 0xFF. */
static void mask(char *text)
{
    char *to = text;
    char quote = '\0';
    for (const char *from = text; *from != '\0'; from++) {
        if (quote != '\0') {
            quote = *from == quote ? '\0' : quote;
            if (quote != '\0') {
                continue;
            }
        } else if (*from == '\'' || *from == '"') {
            quote = *from;
        }
        *to++ = *from;
        if (from[0] == '0' && (from[1] | 0x20) == 'x' && quote == '\0') {
            *to++ = *++from;
            while (is_hex(from[1])) {
                from++;
            }
        }
    }
    *to = '\0';
}

static void state_text(struct dissection *dx, struct observation *o, struct bytes sql, bool octets)
{
    char text[TEXT_ROOM];
    size_t len =
        octets ? text_from_utf8(sql, text, sizeof text) : text_from_utf16le(sql, text, sizeof text);
    if (!dissection_secrets(dx) && speaks_of_secrets(text)) {
        mask(text);
        len = strlen(text);
    }
    observation_utf8(o, FACT_SQL_TEXT, bytes_of(text, len));
}

/* ---- names ---- */

/* Tables, procedures and verbs by which a database is taken over or its secrets are read. */
static const char *const names[] = {
    "rbac_admins",    "rbac_extendedpermissions", "xp_cmdshell",
    "sc_useraccount", "mp_getpolicybody",         "mp_getmachinepolicyassignments",
    "openquery",      "sp_addlinkedserver",       "insert",
    "update",
};
enum { NAMES = sizeof names / sizeof names[0], NAMES_THAT_TELL = NAMES - 2 };

/* UTF-16LE from TDS 7 on, octets before. */
static bool is_name_at(struct bytes at, const char *name, size_t unit)
{
    size_t len = strlen(name);
    if (at.len < len * unit) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if ((at.at[i * unit] | (name[i] == '_' ? 0 : 0x20)) != name[i] ||
            (unit == 2 && at.at[i * unit + 1] != 0)) {
            return false;
        }
    }
    return true;
}

/* A bit for each of the names; 0 where only verbs are there. */
static uint32_t find_names(struct bytes message, bool old)
{
    uint32_t found = 0;
    for (size_t i = 0; i < message.len; i++) {
        uint8_t first = message.at[i] | 0x20;
        if (first != 'r' && first != 'x' && first != 's' && first != 'm' && first != 'o' &&
            first != 'i' && first != 'u') {
            continue;
        }
        for (size_t n = 0; n < NAMES; n++) {
            if (names[n][0] == first && is_name_at(bytes_from(message, i), names[n], old ? 1 : 2)) {
                found |= 1u << n;
            }
        }
    }
    return (found & ((1u << NAMES_THAT_TELL) - 1)) != 0 ? found : 0;
}

static void state_names(struct observation *o, uint32_t found)
{
    for (size_t n = 0; n < NAMES; n++) {
        if ((found & 1u << n) != 0) {
            observation_string(o, FACT_SQL_NAMES, names[n]);
        }
    }
}

/* Texts where the user asked for them; in an audit, requests with one of the names. */
static bool looks_inside(const struct dissection *dx)
{
    return dissection_sql_text(dx) || dissection_audited(dx);
}

/* ---- procedures ---- */

/* [MS-TDS] 2.2.5.4: data types of parameters before the statement */
enum { INTNTYPE = 0x26, NVARCHARTYPE = 0xe7, NTEXTTYPE = 0x63 };
enum { COLLATION = 5 };

/* [MS-TDS] 2.2.5.2.3: a value in chunks; the first has to do. */
static struct bytes read_chunk(struct cursor *c)
{
    cursor_skip(c, 8);
    size_t len = cursor_le32(c);
    return cursor_take(c, len < c->rest.len ? len : c->rest.len);
}

/* A parameter's value, as much of it as there is. *ret_text tells whether it is text. */
static struct bytes read_parameter(struct cursor *c, bool *ret_text)
{
    cursor_skip(c, (size_t)cursor_u8(c) * 2 + 1);
    uint8_t type = cursor_u8(c);
    size_t most = 0;
    size_t len = 0;
    *ret_text = type != INTNTYPE;
    switch (type) {
    case INTNTYPE:
        cursor_skip(c, 1);
        len = cursor_u8(c);
        break;
    case NVARCHARTYPE:
        most = cursor_le16(c);
        cursor_skip(c, COLLATION);
        if (most == UINT16_MAX) {
            return read_chunk(c);
        }
        len = cursor_le16(c);
        len = len == UINT16_MAX ? 0 : len;
        break;
    case NTEXTTYPE:
        cursor_skip(c, 4 + COLLATION);
        len = cursor_le32(c);
        len = len == UINT32_MAX ? 0 : len;
        break;
    default:
        *c = (struct cursor){.failed = true};
        break;
    }
    return cursor_take(c, len < c->rest.len ? len : c->rest.len);
}

static void state_statement(struct dissection *dx, struct observation *o, struct cursor c,
                            unsigned number)
{
    unsigned texts = 0;
    cursor_skip(&c, 2); /* OptionFlags */
    while (number > 0 && c.rest.len > 0) {
        bool is_text = false;
        struct bytes value = read_parameter(&c, &is_text);
        texts += is_text;
        if (is_text && texts == number) {
            state_text(dx, o, value, false);
            return;
        }
    }
}

/* [MS-TDS] 2.2.6.6 */
static void state_procedure(struct dissection *dx, struct observation *o, struct cursor c)
{
    uint16_t len = cursor_le16(&c);
    if (len != UINT16_MAX) {
        observation_utf16le(o, FACT_SQL_PROCEDURE, cursor_take(&c, (size_t)len * 2));
        return;
    }
    uint16_t number = cursor_le16(&c);
    if (c.failed || number == 0 || number >= PROCEDURES) {
        observation_format(o, FACT_SQL_PROCEDURE, "%u", number);
        return;
    }
    observation_string(o, FACT_SQL_PROCEDURE, procedures[number].name);
    state_statement(dx, o, c, procedures[number].statement);
}

/* ---- requests ---- */

/* [MS-TDS] 2.2.5.3: from TDS 7.2 on, headers stand before a request. Their length is never so
 * large that it could begin a text. */
static void pass_headers(struct cursor *c)
{
    struct cursor headers = *c;
    size_t all = cursor_le32(&headers);
    size_t first = cursor_le32(&headers);
    if (!headers.failed && all >= 4 && all <= 256 && (all == 4 || first + 4 <= all)) {
        cursor_skip(c, all);
    }
}

/* TDS 5.0: a LANGUAGE token with its length, a status and the text. */
static struct bytes read_language(const struct tds_state *s, struct cursor c)
{
    enum { TOKEN_LANGUAGE = 0x21 };
    uint8_t token = cursor_u8(&c);
    size_t len = s->big_endian ? cursor_be32(&c) : cursor_le32(&c);
    cursor_skip(&c, 1);
    if (c.failed || token != TOKEN_LANGUAGE || len == 0) {
        return (struct bytes){0};
    }
    return bytes_slice(c.rest, 0, len - 1 < c.rest.len ? len - 1 : c.rest.len);
}

static const char *message_name(uint8_t type)
{
    return type == TDS_RPC ? "rpc" : type == TDS_ATTENTION ? "attention" : "batch";
}

static void state_request(struct dissection *dx, const struct tds_state *s, struct observation *o,
                          uint8_t type, struct bytes message)
{
    struct cursor c = cursor_of(message);
    struct bytes language = {0};
    switch (type) {
    case TDS_SQL_BATCH:
        pass_headers(&c);
        state_text(dx, o, c.rest, s->old);
        break;
    case TDS_RPC:
        pass_headers(&c);
        state_procedure(dx, o, c);
        break;
    case TDS_NORMAL:
        language = read_language(s, c);
        state_text(dx, o, language, true);
        break;
    default:
        break;
    }
}

/* A record of a request; it waits for the reply, which may begin with an error. */
static void begin_request(struct dissection *dx, struct tds_state *s, struct tds_session *session,
                          uint8_t type, struct bytes message)
{
    uint32_t found = find_names(message, s->old);
    tds_session_end(dx, session);
    struct observation *o =
        found == 0 && !dissection_sql_text(dx) ? NULL : dissection_begin(dx, RECORD_SQL);
    if (o == NULL) {
        return;
    }
    observation_string(o, FACT_SQL_MESSAGE, message_name(type));
    if (session->used) {
        observation_num(o, FACT_SQL_SESSION, session->sid);
    }
    if (dissection_sql_text(dx)) {
        state_request(dx, s, o, type, message);
    }
    state_names(o, found);
    observation_stamp(o, FACT_SQL_REQUEST_PACKET, dissection_at(dx));
    if (type == TDS_ATTENTION) {
        dissection_send(dx, o, DIR_CLIENT);
    } else {
        session->waiting = o;
    }
}

void tds_session_end(struct dissection *dx, struct tds_session *session)
{
    dissection_send(dx, session->waiting, DIR_CLIENT);
    session->waiting = NULL;
}

/* Keeps the start of a request that lies in several packets. */
static void keep(struct dissection *dx, struct tds_lane *lane, struct bytes content)
{
    if (lane->message == NULL) {
        lane->message = arena_alloc(dissection_arena(dx), LIMIT_TDS_TEXT);
        lane->room = lane->message == NULL ? 0 : LIMIT_TDS_TEXT;
    }
    size_t len = lane->room - lane->len < content.len ? lane->room - lane->len : content.len;
    if (len > 0) {
        memcpy(lane->message + lane->len, content.at, len);
        lane->len += len;
    }
}

static void read_request(struct dissection *dx, struct tds_state *s, struct tds_session *session,
                         const struct tds_header *h, struct bytes content)
{
    struct tds_lane *lane = &session->request;
    bool last = (h->status & TDS_STATUS_EOM) != 0;
    if (last && lane->len == 0) {
        begin_request(dx, s, session, h->type, content);
        return;
    }
    keep(dx, lane, content);
    if (last) {
        begin_request(dx, s, session, h->type, bytes_of(lane->message, lane->len));
        lane->len = 0;
    }
}

/* ---- packets ---- */

static bool has_text(uint8_t type)
{
    return type == TDS_SQL_BATCH || type == TDS_RPC || type == TDS_NORMAL || type == TDS_ATTENTION;
}

size_t tds_work_want(struct dissection *dx, const struct tds_session *session,
                     const struct tds_header *h, size_t length)
{
    size_t want = 0;
    if (looks_inside(dx)) {
        want = has_text(h->type)                                           ? LIMIT_TDS_TEXT
               : h->type == TDS_TABULAR_RESULT && session->waiting != NULL ? LIMIT_TDS_TEXT
                                                                           : 0;
    }
    return want < length ? want : length;
}

static void count(struct dissection *dx, struct tds_work *work, uint8_t type)
{
    switch (type) {
    case TDS_SQL_BATCH:
    case TDS_NORMAL:
        work->batches++;
        break;
    case TDS_RPC:
        work->rpcs++;
        break;
    case TDS_BULK_LOAD:
        work->bulk_loads++;
        break;
    case TDS_ATTENTION:
        work->attentions++;
        break;
    default:
        return;
    }
    if (work->first.order == 0) {
        work->first = *dissection_at(dx);
    }
}

void tds_work_read(struct dissection *dx, struct tds_state *s, struct tds_session *session,
                   const struct tds_header *h, struct bytes content)
{
    enum dir dir = h->type == TDS_TABULAR_RESULT ? DIR_SERVER : DIR_CLIENT;
    bool begins = !session->inside[dir];
    session->inside[dir] = (h->status & TDS_STATUS_EOM) == 0;
    if (dir == DIR_SERVER) {
        if (begins && session->waiting != NULL) {
            tds_error_read(s, session->waiting, content);
            observation_stamp(session->waiting, FACT_SQL_RESPONSE_PACKET, dissection_at(dx));
            dissection_send(dx, session->waiting, DIR_SERVER);
            session->waiting = NULL;
        }
        return;
    }
    if (begins) {
        count(dx, &s->work, h->type);
    }
    if (looks_inside(dx) && has_text(h->type)) {
        read_request(dx, s, session, h, content);
    }
}

/* One record says how much was asked for. */
void tds_work_end(struct dissection *dx, struct tds_state *s)
{
    const struct tds_work *w = &s->work;
    tds_session_end(dx, &s->main);
    for (size_t i = 0; s->sessions != NULL && i < LIMIT_TDS_SESSIONS; i++) {
        tds_session_end(dx, &s->sessions[i]);
    }
    struct observation *o = w->first.order == 0 ? NULL : dissection_begin(dx, RECORD_SQL);
    if (o != NULL) {
        observation_string(o, FACT_SQL_MESSAGE, "requests");
        observation_num(o, FACT_SQL_BATCHES, w->batches);
        observation_num(o, FACT_SQL_RPCS, w->rpcs);
        observation_num(o, FACT_SQL_BULK_LOADS, w->bulk_loads);
        observation_num(o, FACT_SQL_ATTENTIONS, w->attentions);
        observation_num(o, FACT_SQL_SESSIONS, w->sessions);
        observation_stamp(o, FACT_SQL_FIRST_PACKET, &w->first);
        dissection_send(dx, o, DIR_CLIENT);
    }
}
