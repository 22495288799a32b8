/*
 * tds_login.c - who logs in and by what. A password is measured and never kept.
 */
#include "dissect/tds.h"

/* [MS-TDS] 2.2.6.4: OptionFlags2, OptionFlags3, FeatureId */
enum { fIntSecurity = 0x80, fExtension = 0x10 };
enum { FEATURE_FEDAUTH = 0x02, FEATURE_TERMINATOR = 0xff };

struct observation *tds_login_begin(struct dissection *dx)
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

/* [MS-TDS] 2.2.6.4: with fExtension the unused field holds the place of the features. Whether
 * FEDAUTH is among them. */
static bool find_federation(struct bytes message, struct bytes extension, struct bytes *ret)
{
    struct cursor c = cursor_of(extension);
    size_t at = cursor_le32(&c);
    struct cursor features = cursor_of(c.failed ? (struct bytes){0} : bytes_from(message, at));
    while (features.rest.len > 0) {
        uint8_t id = cursor_u8(&features);
        if (id == FEATURE_TERMINATOR) {
            break;
        }
        struct bytes data = cursor_take(&features, cursor_le32(&features));
        if (id == FEATURE_FEDAUTH) {
            *ret = data;
            return true;
        }
    }
    return false;
}

/* [MS-TDS] 2.2.6.4: bFedAuthLibrary are the upper seven bits. */
static void state_federation(struct observation *o, struct bytes data)
{
    static const char *const libraries[] = {"live-id", "security-token", "adal"};
    unsigned library = data.len == 0 ? 0 : data.at[0] >> 1;
    if (data.len == 0) {
        return;
    }
    if (library < sizeof libraries / sizeof libraries[0]) {
        observation_string(o, FACT_SQL_FEDERATION, libraries[library]);
    } else {
        observation_format(o, FACT_SQL_FEDERATION, "%u", library);
    }
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
    struct observation *o = s->login = tds_login_begin(dx);
    s->refused = false;
    if (o != NULL) {
        struct bytes federation = {0};
        bool federated = find_federation(message, extension, &federation);
        observation_stamp(o, FACT_SQL_REQUEST_PACKET, dissection_at(dx));
        observation_string(o, FACT_SQL_AUTH, windows ? "windows" : federated ? "federated" : "sql");
        state_federation(o, federation);
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

void tds_login_end(struct dissection *dx, struct tds_state *s)
{
    dissection_send(dx, s->login, DIR_CLIENT);
    s->login = NULL;
}
