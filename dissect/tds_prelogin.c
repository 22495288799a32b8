/*
 * tds_prelogin.c - what both ends want of the connection before the login.
 */
#include "dissect/tds.h"

/* [MS-TDS] 2.2.6.5: PL_OPTION_TOKEN */
enum {
    PL_VERSION = 0x00,
    PL_ENCRYPTION = 0x01,
    PL_INSTOPT = 0x02,
    PL_MARS = 0x04,
    PL_FEDAUTHREQUIRED = 0x06,
    PL_TERMINATOR = 0xff,
};
enum { ENCRYPT_OFF = 0, ENCRYPT_ON = 1, ENCRYPT_NOT_SUP = 2, ENCRYPT_REQ = 3, ENCRYPT_VALUES = 4 };

static const char *const encryptions[ENCRYPT_VALUES] = {"off", "on", "not_supported", "required"};

bool tds_prelogin_begins(struct cursor c)
{
    uint8_t token = cursor_u8(&c);
    uint16_t offset = cursor_be16(&c);
    uint16_t len = cursor_be16(&c);
    return !c.failed && token == PL_VERSION && offset >= 6 && offset < 128 && len == 6;
}

/* [MS-TDS] 2.2.6.5, 3.2.5.1, 3.3.5.1: an end that does not support encryption gets none, unless the
 * server demands it; else the login packet is encrypted at least. */
const char *tds_encryption_result(int client, int server)
{
    if (client == TDS_UNKNOWN || server == TDS_UNKNOWN) {
        return NULL;
    }
    if (server == ENCRYPT_NOT_SUP) {
        return "none";
    }
    if (server == ENCRYPT_ON || server == ENCRYPT_REQ) {
        return "full";
    }
    return client == ENCRYPT_NOT_SUP ? "none" : client == ENCRYPT_OFF ? "login" : NULL;
}

void tds_strict_state(struct dissection *dx, bool chosen, bool established)
{
    struct observation *o = dissection_begin(dx, RECORD_SQL);
    if (o == NULL) {
        return;
    }
    observation_string(o, FACT_SQL_MESSAGE, "prelogin");
    observation_string(o, FACT_SQL_ENCRYPTION_CLIENT, "strict");
    observation_string(o, FACT_SQL_ENCRYPTION_SERVER, chosen ? "strict" : NULL);
    observation_string(o, FACT_SQL_ENCRYPTION_RESULT, established ? "strict" : NULL);
    dissection_send(dx, o, DIR_SERVER);
}

static void state_version(struct observation *o, enum dir dir, struct bytes value)
{
    struct cursor c = cursor_of(value);
    unsigned major = cursor_u8(&c);
    unsigned minor = cursor_u8(&c);
    unsigned build = cursor_be16(&c);
    if (!c.failed) {
        observation_format(o, dir == DIR_CLIENT ? FACT_SQL_CLIENT_VERSION : FACT_SQL_SERVER_VERSION,
                           "%u.%u.%u", major, minor, build);
    }
}

static void state_encryption(struct tds_state *s, struct observation *o, enum dir dir,
                             uint8_t octet)
{
    /* The high bits ask for a client certificate and for TLS without a login: [MS-TDS] 2.2.6.5. */
    int value = octet & 0x1f;
    if (value >= ENCRYPT_VALUES) {
        return;
    }
    if (dir == DIR_CLIENT) {
        s->prelogin.client = value;
        observation_string(o, FACT_SQL_ENCRYPTION_CLIENT, encryptions[value]);
    } else {
        s->prelogin.server = value;
        observation_string(o, FACT_SQL_ENCRYPTION_SERVER, encryptions[value]);
        observation_string(o, FACT_SQL_ENCRYPTION_RESULT,
                           tds_encryption_result(s->prelogin.client, value));
    }
}

static void state_option(struct tds_state *s, struct observation *o, enum dir dir, uint8_t token,
                         struct bytes value)
{
    const uint8_t *end = NULL;
    if (value.len == 0) {
        return;
    }
    switch (token) {
    case PL_VERSION:
        state_version(o, dir, value);
        break;
    case PL_ENCRYPTION:
        state_encryption(s, o, dir, value.at[0]);
        break;
    case PL_INSTOPT: /* the server's answer only says whether the name is right */
        end = memchr(value.at, 0, value.len);
        if (dir == DIR_CLIENT && end != NULL) {
            observation_utf8(o, FACT_SQL_INSTANCE, bytes_of(value.at, (size_t)(end - value.at)));
        }
        break;
    case PL_MARS:
        if (dir == DIR_SERVER) {
            observation_bool(o, FACT_SQL_MARS, value.at[0] == 1);
        }
        break;
    case PL_FEDAUTHREQUIRED:
        if (dir == DIR_SERVER) {
            observation_bool(o, FACT_SQL_FEDERATED, value.at[0] == 1);
        }
        break;
    default:
        break;
    }
}

/* [MS-TDS] 2.2.6.5: options as token, offset and length, then their data. Every option is taken
 * once. */
static void read_options(struct dissection *dx, struct tds_state *s, enum dir dir,
                         struct bytes message)
{
    struct cursor c = cursor_of(message);
    uint32_t stated = 0;
    for (uint8_t token = cursor_u8(&c); token != PL_TERMINATOR; token = cursor_u8(&c)) {
        uint16_t offset = cursor_be16(&c);
        uint16_t len = cursor_be16(&c);
        struct bytes value = bytes_slice(message, offset, len);
        if (c.failed || value.len != len) {
            dissection_anomaly(dx, "tds.bad_prelogin");
            return;
        }
        if (token < 32 && (stated & 1u << token) == 0) {
            stated |= 1u << token;
            state_option(s, s->prelogin.draft, dir, token, value);
        }
    }
}

void tds_prelogin_end(struct dissection *dx, struct tds_state *s, enum dir dir)
{
    dissection_send(dx, s->prelogin.draft, dir);
    s->prelogin.draft = NULL;
}

void tds_prelogin_read(struct dissection *dx, struct tds_state *s, enum dir dir,
                       struct bytes message)
{
    if (dir == DIR_CLIENT) {
        tds_prelogin_end(dx, s, DIR_CLIENT); /* a second one: the first got no answer */
    }
    if (s->prelogin.draft == NULL) {
        s->prelogin = (struct tds_prelogin){.client = TDS_UNKNOWN, .server = TDS_UNKNOWN};
        s->prelogin.draft = dissection_begin(dx, RECORD_SQL);
        if (s->prelogin.draft == NULL) {
            return;
        }
        observation_string(s->prelogin.draft, FACT_SQL_MESSAGE, "prelogin");
    }
    read_options(dx, s, dir, message);
    if (dir == DIR_SERVER) {
        s->prelogin_done = true;
        tds_prelogin_end(dx, s, DIR_SERVER);
    }
}
