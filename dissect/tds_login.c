/*
 * tds_login.c - who logs in, by what, and how it ends. A password is measured and never kept.
 */
#include "dissect/tds.h"

#include <stdio.h>

/* [MS-TDS] 2.2.7: tokens of the answer to a login */
enum {
    TOKEN_RETURNSTATUS = 0x79,
    TOKEN_ORDER = 0xa9,
    TOKEN_ERROR = 0xaa,
    TOKEN_INFO = 0xab,
    TOKEN_LOGINACK = 0xad,
    TOKEN_FEATUREEXTACK = 0xae,
    TOKEN_ENVCHANGE = 0xe3,
    TOKEN_SESSIONSTATE = 0xe4,
    TOKEN_SSPI = 0xed,
    TOKEN_FEDAUTHINFO = 0xee,
};

/* [MS-TDS] 2.2.6.4: OptionFlags2, OptionFlags3, FeatureId */
enum { fIntSecurity = 0x80, fExtension = 0x10 };
enum { FEATURE_FEDAUTH = 0x02, FEATURE_TERMINATOR = 0xff };

static struct observation *begin(struct dissection *dx)
{
    struct observation *o = dissection_begin(dx, RECORD_SQL);
    if (o != NULL) {
        observation_string(o, FACT_SQL_MESSAGE, "login");
    }
    return o;
}

/* ---- LOGIN7 ---- */

/* [MS-TDS] 2.2.6.4: offset in octets from the start of the message, length in `unit` octets */
static struct bytes read_field(struct dissection *dx, struct cursor *c, struct bytes message,
                               size_t unit)
{
    size_t offset = cursor_le16(c);
    size_t len = cursor_le16(c) * unit;
    struct bytes field = bytes_slice(message, offset, len);
    if (field.len != len) {
        dissection_anomaly(dx, "tds.bad_login");
    }
    return field;
}

/* [MS-TDS] 2.2.6.4: with fExtension the unused field holds the place of the features. */
static bool is_federated(struct bytes message, struct bytes extension)
{
    struct cursor c = cursor_of(extension);
    size_t at = cursor_le32(&c);
    struct cursor features = cursor_of(c.failed ? (struct bytes){0} : bytes_from(message, at));
    while (features.rest.len > 0) {
        uint8_t id = cursor_u8(&features);
        if (id == FEATURE_FEDAUTH || id == FEATURE_TERMINATOR) {
            return id == FEATURE_FEDAUTH;
        }
        cursor_skip(&features, cursor_le32(&features));
    }
    return false;
}

/* [MS-TDS] 2.2.7.14: major and minor version are the high and low half of the highest octet. */
static void state_version(struct observation *o, uint32_t version)
{
    if (version == 0x08000000) {
        observation_string(o, FACT_SQL_TDS_VERSION, "8.0");
    } else {
        observation_format(o, FACT_SQL_TDS_VERSION, "%u.%u", version >> 28, version >> 24 & 15);
    }
}

/* [MS-TDS] 2.2.6.4 */
void tds_login_read(struct dissection *dx, struct tds_state *s, struct bytes message)
{
    struct cursor c = cursor_of(message);
    cursor_skip(&c, 4);
    uint32_t version = cursor_le32(&c);
    cursor_skip(&c, 17);
    uint8_t flags2 = cursor_u8(&c);
    cursor_skip(&c, 1);
    uint8_t flags3 = cursor_u8(&c);
    cursor_skip(&c, 8);
    struct bytes host = read_field(dx, &c, message, 2);
    struct bytes user = read_field(dx, &c, message, 2);
    struct bytes password = read_field(dx, &c, message, 2);
    struct bytes application = read_field(dx, &c, message, 2);
    struct bytes server = read_field(dx, &c, message, 2);
    struct bytes extension = read_field(dx, &c, message, (flags3 & fExtension) != 0 ? 1 : 0);
    struct bytes library = read_field(dx, &c, message, 2);
    cursor_skip(&c, 4);
    struct bytes database = read_field(dx, &c, message, 2);
    cursor_skip(&c, 6);
    size_t sspi_at = cursor_le16(&c);
    size_t sspi_len = cursor_le16(&c);
    if (c.failed) {
        dissection_anomaly(dx, "tds.bad_login");
        return;
    }
    cursor_skip(&c, 8);
    size_t sspi_long = cursor_le32(&c); /* not there before TDS 7.2 */
    bool windows = (flags2 & fIntSecurity) != 0;
    tds_login_end(dx, s);
    struct observation *o = s->login = begin(dx);
    s->refused = false;
    if (o != NULL) {
        bool federated = (flags3 & fExtension) != 0 && is_federated(message, extension);
        observation_string(o, FACT_SQL_AUTH, windows ? "windows" : federated ? "federated" : "sql");
        observation_utf16le(o, FACT_SQL_USER, user);
        observation_utf16le(o, FACT_SQL_APPLICATION, application);
        observation_utf16le(o, FACT_SQL_DATABASE, database);
        observation_utf16le(o, FACT_SQL_SERVER, server);
        observation_utf16le(o, FACT_SQL_CLIENT_HOST, host);
        observation_utf16le(o, FACT_SQL_LIBRARY, library);
        state_version(o, version);
        observation_bool(o, FACT_SQL_PASSWORD_EXPOSED, !windows && password.len > 0);
    }
    size_t len = sspi_len == UINT16_MAX && sspi_long > 0 ? sspi_long : sspi_len;
    tds_sspi_read(dx, s, DIR_CLIENT, bytes_slice(message, sspi_at, len));
}

/* ---- SSPI ---- */

/* [MS-TDS] 2.2.6.8, 2.2.7.22: SPNEGO, NTLM or Kerberos */
void tds_sspi_read(struct dissection *dx, struct tds_state *s, enum dir dir, struct bytes token)
{
    if (token.len == 0) {
        return;
    }
    if (s->sspi == NULL) {
        s->sspi = dissection_child(dx, &spnego_dissector, "tds");
    }
    dissection_feed(s->sspi, dir, token);
}

/* ---- the answer ---- */

static void finish(struct dissection *dx, struct tds_state *s, bool success, uint32_t error)
{
    if (s->login == NULL) { /* the login itself was encrypted, or not captured */
        s->login = begin(dx);
    }
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

/* [MS-TDS] 2.2.7.10. The first error says why; those after it follow from it. */
static uint32_t read_error(struct dissection *dx, struct tds_state *s, struct cursor c)
{
    uint32_t number = cursor_le32(&c);
    cursor_skip(&c, 2);
    struct bytes text = cursor_take(&c, (size_t)cursor_le16(&c) * 2);
    if (c.failed) {
        dissection_anomaly(dx, "tds.bad_token");
    }
    if (s->login == NULL) {
        s->login = begin(dx);
    }
    if (s->login != NULL && observation_get(s->login, FACT_SQL_ERROR) == NULL) {
        observation_num(s->login, FACT_SQL_ERROR, number);
        observation_utf16le(s->login, FACT_SQL_ERROR_TEXT, text);
    }
    return number;
}

/* [MS-TDS] 2.2.7.11: features, each with its own length */
static void skip_features(struct cursor *c)
{
    while (cursor_u8(c) != FEATURE_TERMINATOR && !c->failed) {
        cursor_skip(c, cursor_le32(c));
    }
}

/* [MS-TDS] 2.2.4: the length that follows a token. False for what does not belong to a login's
 * answer. */
static bool next_token(struct cursor *c, uint8_t *ret_token, struct cursor *ret_value)
{
    uint8_t token = cursor_u8(c);
    size_t len = 0;
    switch (token) {
    case TOKEN_ORDER:
    case TOKEN_ERROR:
    case TOKEN_INFO:
    case TOKEN_LOGINACK:
    case TOKEN_ENVCHANGE:
    case TOKEN_SSPI:
        len = cursor_le16(c);
        break;
    case TOKEN_SESSIONSTATE:
    case TOKEN_FEDAUTHINFO:
        len = cursor_le32(c);
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

void tds_answer_read(struct dissection *dx, struct tds_state *s, struct bytes message)
{
    struct cursor c = cursor_of(message);
    struct cursor value;
    uint8_t token = 0;
    uint32_t error = 0;
    bool expected = s->login != NULL || s->sspi != NULL || s->prelogin_done;
    bool acknowledged = false;
    while (next_token(&c, &token, &value)) {
        if (token == TOKEN_LOGINACK) {
            acknowledged = true;
        } else if (token == TOKEN_SSPI) {
            tds_sspi_read(dx, s, DIR_SERVER, value.rest);
        } else if (token == TOKEN_ERROR && expected && !s->refused) {
            uint32_t number = read_error(dx, s, value);
            error = error == 0 ? number : error;
        }
    }
    if (acknowledged) {
        s->logged_in = true;
        finish(dx, s, true, 0);
    } else if (error != 0) {
        s->refused = true;
        finish(dx, s, false, error);
    }
}

void tds_login_end(struct dissection *dx, struct tds_state *s)
{
    dissection_send(dx, s->login, DIR_CLIENT);
    s->login = NULL;
}
