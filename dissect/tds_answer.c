/*
 * tds_answer.c - how the server answers a login: its tokens, in whichever version they are.
 *
 * Spec: [MS-TDS] 2.2.7; for TDS 4.2 and 5.0, where text is octets and the client chose the order of
 * them in numbers, Sybase's TDS 5.0 Functional Specification.
 */
#include "dissect/tds.h"

#include <stdio.h>

enum {
    TOKEN_MESSAGE = 0x65, /* TDS 5.0 */
    TOKEN_RETURNSTATUS = 0x79,
    TOKEN_ORDER = 0xa9,
    TOKEN_ERROR = 0xaa,
    TOKEN_INFO = 0xab,
    TOKEN_LOGINACK = 0xad,
    TOKEN_FEATUREEXTACK = 0xae,
    TOKEN_CAPABILITY = 0xe2, /* TDS 5.0 */
    TOKEN_ENVCHANGE = 0xe3,
    TOKEN_SESSIONSTATE = 0xe4,
    TOKEN_EED = 0xe5, /* TDS 5.0: an error or a message */
    TOKEN_SSPI = 0xed,
    TOKEN_FEDAUTHINFO = 0xee,
};
enum { FEATURE_TERMINATOR = 0xff };

static uint16_t read_u16(const struct tds_state *s, struct cursor *c)
{
    return s->big_endian ? cursor_be16(c) : cursor_le16(c);
}

static uint32_t read_u32(const struct tds_state *s, struct cursor *c)
{
    return s->big_endian ? cursor_be32(c) : cursor_le32(c);
}

/* Text of `len` characters. */
static struct bytes read_text(const struct tds_state *s, struct cursor *c, size_t len)
{
    return cursor_take(c, s->old ? len : len * 2);
}

static void state_text(const struct tds_state *s, struct observation *o, enum fact_id id,
                       struct bytes text)
{
    if (s->old) {
        observation_utf8(o, id, text);
    } else {
        observation_utf16le(o, id, text);
    }
}

/* ---- tokens ---- */

/* [MS-TDS] 2.2.7.11: features, each with its own length */
static void skip_features(struct cursor *c)
{
    while (cursor_u8(c) != FEATURE_TERMINATOR && !c->failed) {
        cursor_skip(c, cursor_le32(c));
    }
}

/* [MS-TDS] 2.2.4: the length that follows a token. False for what does not belong to a login's
 * answer. */
static bool next_token(const struct tds_state *s, struct cursor *c, uint8_t *ret_token,
                       struct cursor *ret_value)
{
    uint8_t token = cursor_u8(c);
    size_t len = 0;
    switch (token) {
    case TOKEN_ORDER:
    case TOKEN_ERROR:
    case TOKEN_INFO:
    case TOKEN_LOGINACK:
    case TOKEN_CAPABILITY:
    case TOKEN_ENVCHANGE:
    case TOKEN_EED:
    case TOKEN_SSPI:
        len = read_u16(s, c);
        break;
    case TOKEN_SESSIONSTATE:
    case TOKEN_FEDAUTHINFO:
        len = cursor_le32(c);
        break;
    case TOKEN_MESSAGE:
        len = cursor_u8(c);
        break;
    case TOKEN_RETURNSTATUS:
        len = 4;
        break;
    case TOKEN_FEATUREEXTACK:
        skip_features(c);
        break;
    default:
        return false;
    }
    *ret_token = token;
    *ret_value = cursor_sub(c, len);
    return !c->failed;
}

/* ---- errors ---- */

struct error {
    uint32_t number;
    uint8_t state, class;
    bool cut;
    struct bytes text;
};

/* [MS-TDS] 2.2.7.10; an EED has an SQL state, a status and a transaction state more, and tells by
 * its class whether it is an error. */
static bool is_error(const struct tds_state *s, uint8_t token, struct cursor c, struct error *ret)
{
    enum { CLASS_ERROR = 11 };
    if (token != TOKEN_ERROR && token != TOKEN_EED) {
        return false;
    }
    *ret = (struct error){.number = read_u32(s, &c)};
    ret->state = cursor_u8(&c);
    ret->class = cursor_u8(&c);
    if (token == TOKEN_EED) {
        cursor_skip(&c, cursor_u8(&c));
        cursor_skip(&c, 3);
    }
    ret->text = read_text(s, &c, read_u16(s, &c));
    ret->cut = c.failed;
    return token == TOKEN_ERROR || ret->class >= CLASS_ERROR;
}

/* The first error says why; those after it follow from it. */
static void state_error(const struct tds_state *s, struct observation *o, const struct error *e)
{
    if (o != NULL && observation_get(o, FACT_SQL_ERROR) == NULL) {
        observation_num(o, FACT_SQL_ERROR, e->number);
        state_text(s, o, FACT_SQL_ERROR_TEXT, e->text);
        observation_num(o, FACT_SQL_ERROR_STATE, e->state);
    }
}

void tds_error_read(const struct tds_state *s, struct observation *o, struct bytes reply)
{
    struct cursor c = cursor_of(reply);
    struct cursor value;
    struct error e;
    uint8_t token = 0;
    while (next_token(s, &c, &token, &value)) {
        if (is_error(s, token, value, &e)) {
            state_error(s, o, &e);
            return;
        }
    }
}

/* ---- what the server says of itself and of the connection ---- */

static struct bytes trim(struct bytes text, size_t width)
{
    while (text.len >= width && text.at[text.len - width] == 0 &&
           text.at[text.len - 1] == 0) { /* the program's name is filled up */
        text.len -= width;
    }
    return text;
}

/* [MS-TDS] 2.2.7.14. False: an old server's answer that is no consent. */
static bool read_acknowledgement(struct dissection *dx, const struct tds_state *s,
                                 struct observation *o, struct cursor c)
{
    enum { LOG_FAIL = 6, LOG_NEGOTIATE = 7 };
    uint8_t interface = cursor_u8(&c);
    unsigned major = cursor_u8(&c);
    unsigned minor = cursor_u8(&c);
    cursor_skip(&c, 2);
    struct bytes program = read_text(s, &c, cursor_u8(&c));
    unsigned version = cursor_u8(&c);
    unsigned revision = cursor_u8(&c);
    unsigned build = cursor_be16(&c);
    if (s->old && (interface == LOG_FAIL || interface == LOG_NEGOTIATE)) {
        return false;
    }
    if (o == NULL || c.failed || !dissection_details(dx)) {
        return true;
    }
    minor = major > 15 ? major & 15 : minor;
    major = major > 15 ? major >> 4 : major;
    observation_format(o, FACT_SQL_TDS_VERSION_AGREED, "%u.%u", major, minor);
    state_text(s, o, FACT_SQL_SERVER_PROGRAM, trim(program, s->old ? 1 : 2));
    observation_format(o, FACT_SQL_SERVER_VERSION, "%u.%u.%u", version, revision, build);
    return true;
}

/* [MS-TDS] 2.2.7.9: the database that is entered, and where else to go */
static void read_change(struct dissection *dx, const struct tds_state *s, struct observation *o,
                        struct cursor c)
{
    enum { CHANGE_DATABASE = 1, CHANGE_ROUTING = 20 };
    uint8_t type = cursor_u8(&c);
    if (o == NULL || !dissection_details(dx)) {
        return;
    }
    if (type == CHANGE_DATABASE && observation_get(o, FACT_SQL_DATABASE_ENTERED) == NULL) {
        state_text(s, o, FACT_SQL_DATABASE_ENTERED, read_text(s, &c, cursor_u8(&c)));
    } else if (type == CHANGE_ROUTING) {
        cursor_skip(&c, 3);
        uint16_t port = cursor_le16(&c);
        struct bytes host = read_text(s, &c, cursor_le16(&c));
        if (!c.failed) {
            observation_utf16le(o, FACT_SQL_ROUTED_TO, host);
            observation_num(o, FACT_SQL_ROUTED_TO_PORT, port);
        }
    }
}

/* [MS-TDS] 2.2.7.12: places of values, counted from the number of them */
static void read_federation(struct observation *o, struct bytes value)
{
    enum { INFO_STS = 1, INFO_SPN = 2, INFO_MOST = 8 };
    struct cursor c = cursor_of(value);
    uint32_t count = cursor_le32(&c);
    for (uint32_t i = 0; i < count && i < INFO_MOST && o != NULL; i++) {
        uint8_t id = cursor_u8(&c);
        size_t len = cursor_le32(&c);
        size_t at = cursor_le32(&c);
        if (!c.failed && (id == INFO_STS || id == INFO_SPN)) {
            observation_utf16le(o, id == INFO_STS ? FACT_SQL_TOKEN_SERVICE : FACT_SQL_SPN,
                                bytes_slice(value, at, len));
        }
    }
}

/* ---- the answer ---- */

static void finish(struct dissection *dx, struct tds_state *s, bool success, uint32_t error)
{
    if (s->login != NULL) {
        observation_string(s->login, FACT_SQL_RESULT, success ? "success" : "failure");
        dissection_send(dx, s->login, DIR_SERVER);
        s->login = NULL;
    }
    if (s->sspi != NULL) {
        char number[12];
        (void)snprintf(number, sizeof number, "%u", error);
        dissection_end(s->sspi, &(struct outcome){.result = success ? AUTH_SUCCESS : AUTH_FAILURE,
                                                  .status = success ? "LOGINACK" : number});
    }
}

struct answer {
    bool decided;    /* an end of the login is in it */
    bool no_refusal; /* errors in it are not the login's */
    bool acknowledged, refused;
    uint32_t error;
};

static void read_token(struct dissection *dx, struct tds_state *s, uint8_t token,
                       struct cursor value, struct answer *a)
{
    struct error e;
    switch (token) {
    case TOKEN_LOGINACK:
        a->acknowledged = read_acknowledgement(dx, s, s->login, value);
        a->refused = !a->acknowledged;
        break;
    case TOKEN_SSPI:
        tds_sspi_read(dx, s, DIR_SERVER, value.rest);
        break;
    case TOKEN_ENVCHANGE:
        read_change(dx, s, s->login, value);
        break;
    case TOKEN_FEDAUTHINFO:
        read_federation(s->login, value.rest);
        break;
    case TOKEN_ERROR:
    case TOKEN_EED:
        if (!a->no_refusal && is_error(s, token, value, &e)) {
            if (e.cut) {
                dissection_anomaly(dx, "tds.bad_token");
            }
            state_error(s, s->login, &e);
            a->refused = true;
            a->error = a->error == 0 ? e.number : a->error;
        }
        break;
    default:
        break;
    }
}

/* Looks through the tokens for those that end a login. */
static struct answer look_ahead(const struct tds_state *s, struct bytes message)
{
    struct cursor c = cursor_of(message);
    struct cursor value;
    struct error e;
    uint8_t token = 0;
    bool expected = s->login != NULL || s->sspi != NULL || s->prelogin_done;
    struct answer a = {.no_refusal = !expected || s->refused};
    while (next_token(s, &c, &token, &value)) {
        a.decided |= token == TOKEN_LOGINACK || (!a.no_refusal && is_error(s, token, value, &e));
    }
    return a;
}

void tds_answer_read(struct dissection *dx, struct tds_state *s, struct bytes message)
{
    struct cursor c = cursor_of(message);
    struct cursor value;
    uint8_t token = 0;
    struct answer a = look_ahead(s, message);
    if (a.decided && s->login == NULL) { /* the login itself was encrypted, or not captured */
        s->login = tds_login_begin(dx);
    }
    while (next_token(s, &c, &token, &value)) {
        read_token(dx, s, token, value, &a);
    }
    if (a.acknowledged) {
        s->logged_in = true;
        finish(dx, s, true, 0);
    } else if (a.refused) {
        s->refused = true;
        finish(dx, s, false, a.error);
    }
}
