/*
 * signatures_databases.c - databases that are recognised, not read: MySQL, PostgreSQL, Oracle,
 * MongoDB, Redis, Db2.
 *
 * Openings of either end, and of what comes later only what its form makes certain: a length that
 * fits the octets there are, and words of the protocol in them.
 */
#include "dissect/signature.h"

/* What a statement begins with: ISO/IEC 9075-2, and the dialects'. */
static const char *const statements[] = {
    "select ",   "insert ", "update ",  "delete ",  "set ",     "show ",  "begin",  "commit",
    "rollback",  "create ", "drop ",    "alter ",   "use ",     "call ",  "start ", "replace ",
    "truncate ", "with ",   "explain ", "declare ", "execute ", "fetch ", "/*",     NULL,
};

/* ---- MySQL: "Client/Server Protocol", Packets, Connection Phase, Command Phase ---- */

enum {
    MYSQL_HEADER = 4,
    MYSQL_GREETING = 10,
    MYSQL_ERROR = 0xff,
    MYSQL_QUERY = 3,
    MYSQL_PREPARE = 0x16,
    MYSQL_SSL_REQUEST = 32, /* octets */
    CLIENT_PROTOCOL_41 = 0x0200,
    CLIENT_SSL = 0x0800,
};

/* HandshakeV10: a version text such as "8.0". */
static enum probe mysql_greeting(struct cursor c, size_t len)
{
    struct bytes version = cursor_take(&c, 3);
    bool fits = !c.failed && version.at[0] >= '0' && version.at[0] <= '9' &&
                (version.at[1] == '.' || version.at[2] == '.');
    return fits && len >= 20 && len < 512 ? PROBE_SERVER : PROBE_NO;
}

/* ERR_Packet: in the connection phase a code of the server's from 1000 on and a text; later a mark
 * and SQLSTATE. */
static enum probe mysql_error(struct cursor c, uint8_t sequence)
{
    uint16_t code = cursor_le16(&c);
    bool state = c.rest.len > 6 && c.rest.at[0] == '#';
    bool early = sequence == 0 && c.rest.len > 6;
    return !c.failed && code >= 1000 && code < 5000 && (state || early) &&
                   signature_printable(c.rest)
               ? PROBE_SERVER
               : PROBE_NO;
}

/* HandshakeResponse41, or the SSLRequest that it begins with: capabilities, largest packet,
 * character set, zeros (MariaDB's own capabilities in the last four). */
static enum probe mysql_response(struct cursor c, size_t len)
{
    static const uint8_t zeros[19];
    uint32_t capabilities = cursor_le32(&c);
    uint32_t most = cursor_le32(&c);
    cursor_skip(&c, 1);
    struct bytes filler = cursor_take(&c, sizeof zeros);
    cursor_skip(&c, 4);
    bool fits = !c.failed && bytes_is(filler, zeros, sizeof zeros) &&
                (capabilities & CLIENT_PROTOCOL_41) != 0 && most <= 1 << 30;
    bool request = len == MYSQL_SSL_REQUEST && (capabilities & CLIENT_SSL) != 0;
    bool user = len > MYSQL_SSL_REQUEST && c.rest.len > 0 && memchr(c.rest.at, 0, c.rest.len);
    return fits && (request || user) ? PROBE_CLIENT : PROBE_NO;
}

/* "Length-Encoded Integer Type" */
static uint32_t mysql_integer(struct cursor *c)
{
    uint8_t first = cursor_u8(c);
    if (first == 0xfc) {
        return (uint32_t)cursor_u8(c) | (uint32_t)cursor_u8(c) << 8;
    }
    c->failed |= first > 0xfc;
    return first;
}

/* OK_Packet: rows, last id, the server's status with automatic commits on, warnings, a text. */
static bool mysql_ok(struct cursor c)
{
    enum { AUTOCOMMIT = 0x0002, LIKELY = 0x00ff };
    if (cursor_u8(&c) != 0) {
        return false;
    }
    (void)mysql_integer(&c);
    (void)mysql_integer(&c);
    uint16_t status = cursor_le16(&c), warnings = cursor_le16(&c);
    struct bytes text = bytes_from(c.rest, 1); /* after its length */
    return !c.failed && (status & AUTOCOMMIT) != 0 && (status & ~LIKELY) == 0 && warnings < 1000 &&
           signature_printable(text);
}

/* A column, alone or after the number of columns: its catalogue is "def". */
static enum probe mysql_columns(struct bytes head)
{
    static const uint8_t catalogue[] = {3, 'd', 'e', 'f'};
    static const uint8_t next[] = {0, 0, 2, 3, 'd', 'e', 'f'};
    bool count = head.at[0] == 1 && head.at[1] == 0 && head.at[MYSQL_HEADER] > 0;
    bool after = count && bytes_is(bytes_slice(head, 6, sizeof next), next, sizeof next);
    bool alone = head.at[2] == 0 && bytes_is(bytes_slice(head, MYSQL_HEADER, sizeof catalogue),
                                             catalogue, sizeof catalogue);
    return after || alone ? PROBE_SERVER : PROBE_NO;
}

/* What the other end answers with. */
static enum probe mysql_answer(struct bytes head, struct cursor c, uint8_t sequence, size_t len)
{
    bool whole = len == c.rest.len;
    uint8_t first = c.rest.at[0];
    if (sequence == 1 && whole && mysql_response(c, len) != PROBE_NO) {
        return PROBE_CLIENT;
    }
    if (whole && first == MYSQL_ERROR) {
        cursor_skip(&c, 1);
        return mysql_error(c, sequence);
    }
    return whole && len >= 7 && mysql_ok(c) ? PROBE_SERVER : mysql_columns(head);
}

static enum probe mysql_probe(struct bytes head)
{
    struct cursor c = cursor_of(head);
    size_t len = (size_t)cursor_u8(&c) | (size_t)cursor_u8(&c) << 8 | (size_t)cursor_u8(&c) << 16;
    uint8_t sequence = cursor_u8(&c), first = c.rest.len > 0 ? c.rest.at[0] : 0;
    if (head.len <= MYSQL_HEADER + 4) {
        bool may_be = head.len <= MYSQL_HEADER || (sequence == 0 && first == MYSQL_GREETING);
        return may_be && (head.len < 3 || head.at[2] == 0) ? PROBE_MORE : PROBE_NO;
    }
    bool whole = len == c.rest.len;
    if (sequence > 0) {
        return mysql_answer(head, c, sequence, len);
    }
    cursor_skip(&c, 1);
    switch (first) {
    case MYSQL_GREETING:
        return mysql_greeting(c, len);
    case MYSQL_ERROR:
        return whole ? mysql_error(c, 0) : PROBE_NO;
    case MYSQL_QUERY:
    case MYSQL_PREPARE:
        return whole && signature_word(c.rest, statements) ? PROBE_CLIENT : PROBE_NO;
    default:
        return PROBE_NO;
    }
}

const struct dissector mysql_dissector = {
    .name = "mysql", .ports = PORTS(3306), .tcp = true, .probe = mysql_probe};

/* ---- PostgreSQL: "Frontend/Backend Protocol", Message Formats ---- */

/* AuthenticationRequest, as the answer to the opening. */
static bool postgresql_authentication(struct cursor body, uint32_t len)
{
    uint32_t kind = cursor_be32(&body);
    switch (kind) {
    case 5: /* MD5, with a salt */
        return !body.failed && len == 12;
    case 10: /* SASL, with mechanisms */
        return signature_text(body.rest, "SCRAM-SHA-") == PROBE_EITHER;
    default: /* ok, Kerberos, clear-text password, GSS, SSPI */
        return !body.failed && len == 8 && (kind <= 3 || kind == 7 || kind == 9);
    }
}

/* ErrorResponse or NoticeResponse: the severity is the first field. */
static bool postgresql_error(struct bytes body)
{
    static const char *const severities[] = {"SERROR",   "SFATAL",  "SPANIC",
                                             "SWARNING", "SNOTICE", NULL};
    return signature_word(body, severities);
}

/* Whole messages of the server up to ReadyForQuery, which ends every answer. */
static enum probe postgresql_answer(struct bytes head)
{
    static const char kinds[] = "123CDEGHIKNRSTVWZnst";
    struct cursor c = cursor_of(head);
    bool ready = false;
    while (c.rest.len > 0) {
        uint8_t kind = cursor_u8(&c);
        uint32_t len = cursor_be32(&c);
        struct bytes body = cursor_take(&c, len < 4 ? 0 : len - 4);
        if (c.failed || len < 4 || strchr(kinds, kind) == NULL || kind == 0) {
            return PROBE_NO;
        }
        ready = kind == 'Z' && len == 5 && memchr("ITE", body.at[0], 3) != NULL;
    }
    return ready && head.len > 6 ? PROBE_SERVER : PROBE_NO;
}

/* A message with its type before its length. */
static enum probe postgresql_typed(struct bytes head)
{
    struct cursor c = cursor_of(head);
    uint8_t kind = cursor_u8(&c);
    uint32_t len = cursor_be32(&c);
    if (c.failed || len < 4) {
        return PROBE_NO;
    }
    switch (kind) {
    case 'R':
        return postgresql_authentication(c, len) ? PROBE_SERVER : PROBE_NO;
    case 'E':
    case 'N':
        return postgresql_error(c.rest) ? PROBE_SERVER : postgresql_answer(head);
    case 'Q':
        return len - 4 == c.rest.len && signature_word(c.rest, statements) ? PROBE_CLIENT
                                                                           : PROBE_NO;
    default:
        return postgresql_answer(head);
    }
}

/* StartupMessage 3.0, SSLRequest, GSSENCRequest, CancelRequest. */
static enum probe postgresql_probe(struct bytes head)
{
    struct cursor c = cursor_of(head);
    uint32_t len = cursor_be32(&c), code = cursor_be32(&c);
    if (head.len > 0 && head.at[0] != 0) {
        return postgresql_typed(head);
    }
    if (c.failed) {
        return PROBE_MORE;
    }
    bool request = len == 8 && (code == 80877103 || code == 80877104);
    bool cancel = len == 16 && code == 80877102;
    return request || cancel || (code == 0x00030000 && len > 8 && len < 10000) ? PROBE_CLIENT
                                                                               : PROBE_NO;
}

const struct dissector postgresql_dissector = {
    .name = "postgresql", .ports = PORTS(5432), .tcp = true, .probe = postgresql_probe};

/* ---- Oracle Net (TNS): length, checksum, type, flags, header checksum ---- */

enum { TNS_HEADER = 8, TNS_VERSIONS_FIRST = 300, TNS_VERSIONS_LAST = 330 };

/* Data: flags, then a function of the two-task layer, or the mark of its security negotiation. */
static bool oracle_data(struct cursor body)
{
    uint16_t flags = cursor_be16(&body);
    uint32_t mark = cursor_be32(&body);
    uint8_t function = (uint8_t)(mark >> 24);
    return !body.failed && flags == 0 && (mark == 0xdeadbeef || function == 1 || function == 3);
}

static enum probe oracle_probe(struct bytes head)
{
    static const uint8_t resend[] = {0, 8, 0, 0, 11, 0, 0, 0};
    struct cursor c = cursor_of(head);
    uint16_t len = cursor_be16(&c), checksum = cursor_be16(&c);
    uint8_t type = cursor_u8(&c);
    cursor_skip(&c, 1);
    uint16_t header_checksum = cursor_be16(&c), version = cursor_be16(&c);
    if (c.failed) {
        return bytes_is(head, resend, sizeof resend) ? PROBE_SERVER : PROBE_NO;
    }
    struct bytes body = bytes_from(head, TNS_HEADER);
    if (checksum != 0 || header_checksum != 0 || len < TNS_HEADER + 2) {
        return PROBE_NO;
    }
    bool known = version >= TNS_VERSIONS_FIRST && version <= TNS_VERSIONS_LAST;
    bool described = memmem(body.at, body.len, "(DESCRIPTION=", 13) != NULL;
    switch (type) {
    case 1: /* connect */
        return known && (described || len == 58 || len == 70 || len == 74) ? PROBE_CLIENT
                                                                           : PROBE_NO;
    case 2: /* accept */
        return known && len == head.len && len <= 61 ? PROBE_SERVER : PROBE_NO;
    case 4: /* refuse */
    case 5: /* redirect */
        return described && len == head.len ? PROBE_SERVER : PROBE_NO;
    case 6: /* data */
        return len == head.len && oracle_data(cursor_of(body)) ? PROBE_EITHER : PROBE_NO;
    default:
        return PROBE_NO;
    }
}

const struct dissector oracle_dissector = {
    .name = "oracle", .ports = PORTS(1521), .tcp = true, .probe = oracle_probe};

/* ---- MongoDB Wire Protocol: MsgHeader and the operations; BSON 1.1 ---- */

enum mongodb_operation {
    OP_REPLY = 1,
    OP_UPDATE = 2001,
    OP_INSERT = 2002,
    OP_QUERY = 2004,
    OP_DELETE = 2006,
    OP_COMPRESSED = 2012,
    OP_MSG = 2013,
};

enum { MONGODB_LEAST = 26, MONGODB_MOST = 48000000 }; /* octets of a message */

static bool is_operation(uint32_t code)
{
    return code == OP_REPLY || code == OP_UPDATE || code == OP_INSERT || code == OP_QUERY ||
           code == OP_DELETE || code == OP_COMPRESSED || code == OP_MSG;
}

/* A document: its length, and the type of its first element or its end. */
static bool is_bson(struct cursor c, uint32_t most)
{
    uint32_t len = cursor_le32(&c);
    uint8_t type = cursor_u8(&c);
    return !c.failed && len >= 5 && len <= most && (type <= 0x13 || type == 0x7f || type == 0xff);
}

static bool mongodb_message(struct cursor c, uint32_t len)
{
    uint32_t flags = cursor_le32(&c);
    uint8_t kind = cursor_u8(&c);
    return (flags & ~UINT32_C(0x10003)) == 0 && kind == 0 && is_bson(c, len - 21);
}

/* Flags or zero, then "database.collection". */
static bool mongodb_collection(struct cursor c)
{
    uint32_t flags = cursor_le32(&c);
    const uint8_t *end = c.rest.len == 0 ? NULL : memchr(c.rest.at, 0, c.rest.len);
    struct bytes name = end == NULL ? c.rest : bytes_of(c.rest.at, (size_t)(end - c.rest.at));
    return flags <= 0xff && name.len >= 3 && name.len <= 255 && signature_printable(name) &&
           memchr(name.at, '.', name.len) != NULL;
}

static enum probe mongodb_probe(struct bytes head)
{
    struct cursor c = cursor_of(head);
    uint32_t len = cursor_le32(&c);
    cursor_skip(&c, 4);
    uint32_t answers = cursor_le32(&c), operation = cursor_le32(&c);
    if (c.failed || len < MONGODB_LEAST || len > MONGODB_MOST || !is_operation(operation)) {
        return PROBE_NO;
    }
    if (head.len < MONGODB_LEAST) { /* the header may come alone */
        return PROBE_MORE;
    }
    enum probe by_answer = answers == 0 ? PROBE_CLIENT : PROBE_SERVER;
    uint32_t inner = OP_REPLY;
    switch ((enum mongodb_operation)operation) {
    case OP_MSG:
        return mongodb_message(c, len) ? by_answer : PROBE_NO;
    case OP_QUERY:
    case OP_UPDATE:
    case OP_INSERT:
    case OP_DELETE:
        return answers == 0 && mongodb_collection(c) ? PROBE_CLIENT : PROBE_NO;
    case OP_REPLY: /* flags, cursor, start, number of documents */
        inner = cursor_le32(&c);
        cursor_skip(&c, 16);
        return inner < 16 && is_bson(c, len - 36) ? PROBE_SERVER : PROBE_NO;
    case OP_COMPRESSED: /* of one of the above, its size, and with which of four compressors */
        inner = cursor_le32(&c);
        cursor_skip(&c, 4);
        return (inner == OP_MSG || inner == OP_QUERY || inner == OP_REPLY) && cursor_u8(&c) < 4 &&
                       !c.failed
                   ? by_answer
                   : PROBE_NO;
    }
    return PROBE_NO;
}

const struct dissector mongodb_dissector = {
    .name = "mongodb", .ports = PORTS(27017), .tcp = true, .probe = mongodb_probe};

/* ---- Redis serialization protocol (RESP2, RESP3) ---- */

enum { SHORTEST_ARRAY = 14 }; /* of one word of four letters: "PING" */

/* A decimal number of one to nine digits and CRLF. */
static bool redis_number(struct cursor *c, uint32_t *ret)
{
    uint32_t value = 0;
    unsigned digits = 0;
    while (c->rest.len > 0 && c->rest.at[0] >= '0' && c->rest.at[0] <= '9' && digits < 9) {
        value = value * 10 + (uint32_t)(cursor_u8(c) - '0');
        digits++;
    }
    bool ends = digits > 0 && cursor_be16(c) == 0x0d0a && !c->failed;
    *ret = value;
    return ends;
}

/* An array whose first element is a text that is there: a command is one, and so are most answers.
 */
static enum probe redis_array(struct cursor c)
{
    uint32_t count = 0, len = 0;
    cursor_skip(&c, 1);
    if (!redis_number(&c, &count) || cursor_u8(&c) != '$' || !redis_number(&c, &len)) {
        return PROBE_NO;
    }
    struct bytes word = cursor_take(&c, len);
    bool ends = cursor_be16(&c) == 0x0d0a;
    return !c.failed && count > 0 && len > 0 && ends && signature_printable(word) ? PROBE_EITHER
                                                                                  : PROBE_NO;
}

static enum probe redis_probe(struct bytes head)
{
    static const char *const answers[] = {
        "+PONG\r\n",          "+QUEUED\r\n",          "-NOAUTH ",
        "-WRONGTYPE ",        "-WRONGPASS ",          "-MOVED ",
        "-DENIED Redis",      "-ERR unknown command", "+FULLRESYNC ",
        "-ERR wrong number ", "-LOADING Redis",       NULL,
    };
    if (signature_word(head, answers)) {
        return PROBE_SERVER;
    }
    if (head.len == 0 || head.at[0] != '*') {
        return PROBE_NO;
    }
    enum probe seen = redis_array(cursor_of(head));
    return seen == PROBE_NO && head.len < SHORTEST_ARRAY && signature_printable(head) ? PROBE_MORE
                                                                                      : seen;
}

const struct dissector redis_dissector = {
    .name = "redis", .ports = PORTS(6379), .tcp = true, .probe = redis_probe};

/* ---- Db2: DRDA, Volume 3 (DDM): Data Stream Structure, code points ---- */

static enum probe db2_probe(struct bytes head)
{
    static const struct {
        uint16_t code;
        uint8_t kind; /* of the DSS: 1 request, 2 reply, 3 object */
    } points[] = {
        {0x1041, 1}, {0x106d, 1}, {0x106e, 1}, {0x2001, 1}, {0x200b, 1}, {0x200c, 1}, {0x2014, 1},
        {0x200d, 1}, {0x200e, 1}, {0x2006, 1}, {0x200a, 1}, {0x2005, 1}, {0x1443, 3}, {0x14ac, 3},
        {0x1219, 2}, {0x2201, 2}, {0x2205, 2}, {0x220c, 2}, {0x2408, 3}, {0x2212, 2}, {0x1254, 2},
    };
    struct cursor c = cursor_of(head);
    uint16_t len = cursor_be16(&c);
    uint8_t magic = cursor_u8(&c), format = cursor_u8(&c);
    cursor_skip(&c, 2);
    uint16_t inner = cursor_be16(&c), code = cursor_be16(&c);
    if (c.failed) {
        return head.len >= 6 && head.at[2] == 0xd0 ? PROBE_MORE : PROBE_NO;
    }
    if (magic != 0xd0 || (format & 0x80) != 0 || len < 10 || inner != len - 6) {
        return PROBE_NO;
    }
    for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
        if (points[i].code == code && points[i].kind == (format & 0x0f)) {
            return points[i].kind == 1 ? PROBE_CLIENT : PROBE_SERVER;
        }
    }
    return PROBE_NO;
}

const struct dissector db2_dissector = {
    .name = "db2", .ports = PORTS(446), .tcp = true, .probe = db2_probe};
