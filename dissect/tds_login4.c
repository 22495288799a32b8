/*
 * tds_login4.c - the login record of TDS 4.2 and 5.0, which FreeTDS, Sybase and old DB-Library
 * clients still send: texts in fields of a fixed size, each with its length behind it.
 *
 * Spec: [MS-TDS] 2.2.3.1.1 names its type only; the layout is that of Sybase's TDS 5.0 Functional
 * Specification, LOGINREC.
 */
#include "dissect/tds.h"

enum { FIELD = 30, REMOTE_PASSWORDS = 255 };

/* Text of a field of `room` octets. */
static struct bytes read_field(struct dissection *dx, struct cursor *c, size_t room)
{
    struct bytes field = cursor_take(c, room);
    size_t len = cursor_u8(c);
    if (len > room) {
        dissection_anomaly(dx, "tds.bad_login");
        return (struct bytes){0};
    }
    return bytes_slice(field, 0, len);
}

void tds_login4_read(struct dissection *dx, struct tds_state *s, struct bytes message)
{
    enum { INT2_BIG_ENDIAN = 2, INT_TO_APPLICATION = 16 };
    struct cursor c = cursor_of(message);
    struct bytes host = read_field(dx, &c, FIELD);
    struct bytes user = read_field(dx, &c, FIELD);
    struct bytes password = read_field(dx, &c, FIELD);
    (void)read_field(dx, &c, FIELD); /* the client's process */
    uint8_t int2 = c.rest.len > 0 ? c.rest.at[0] : 0;
    cursor_skip(&c, INT_TO_APPLICATION);
    struct bytes application = read_field(dx, &c, FIELD);
    struct bytes server = read_field(dx, &c, FIELD);
    (void)read_field(dx, &c, REMOTE_PASSWORDS);
    uint8_t major = cursor_u8(&c);
    uint8_t minor = cursor_u8(&c);
    cursor_skip(&c, 2);
    struct bytes library = read_field(dx, &c, 10);
    if (c.failed) {
        dissection_anomaly(dx, "tds.bad_login");
        return;
    }
    tds_login_end(dx, s);
    s->old = true;
    s->big_endian = int2 == INT2_BIG_ENDIAN;
    s->refused = false;
    struct observation *o = s->login = tds_login_begin(dx);
    if (o != NULL) {
        observation_stamp(o, FACT_SQL_REQUEST_PACKET, dissection_at(dx));
        observation_string(o, FACT_SQL_AUTH, "sql");
        observation_utf8(o, FACT_SQL_USER, user);
        observation_utf8(o, FACT_SQL_APPLICATION, application);
        observation_utf8(o, FACT_SQL_SERVER, server);
        observation_utf8(o, FACT_SQL_CLIENT_HOST, host);
        observation_utf8(o, FACT_SQL_LIBRARY, library);
        observation_format(o, FACT_SQL_TDS_VERSION, "%u.%u", major, minor);
        observation_bool(o, FACT_SQL_PASSWORD_EXPOSED, password.len > 0);
    }
}
