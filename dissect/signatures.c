/*
 * signatures.c - protocols that are recognised, not read: enough to say what a flow is for.
 *
 * Each is strict, since it is tried on every port; those whose octets look like another's are tried
 * on their own ports only. The clause that a signature rests on stands above it.
 */
#include <strings.h>

#include "dissect/dissector.h"

#define PORTS(...)                                                                                 \
    (const uint16_t[])                                                                             \
    {                                                                                              \
        __VA_ARGS__, 0                                                                             \
    }

/* A BER length at the cursor, X.690 8.1.3, definite; 0 when there is none. */
static size_t ber_length(struct cursor *c)
{
    uint8_t first = cursor_u8(c);
    if (first < 0x80) {
        return first;
    }
    size_t len = 0;
    unsigned octets = first & 0x7f;
    if (octets == 0 || octets > 4) {
        c->failed = true;
        return 0;
    }
    while (octets-- > 0) {
        len = len << 8 | cursor_u8(c);
    }
    return len;
}

/* [MS-RDPBCGR] 2.2.1.1, 2.2.1.2: TPKT, then an X.224 connection request or confirm. */
static enum probe rdp_probe(struct bytes head)
{
    struct cursor c = cursor_of(head);
    uint16_t tpkt = cursor_be16(&c), len = cursor_be16(&c);
    uint8_t indicator = cursor_u8(&c), type = cursor_u8(&c);
    uint16_t destination = cursor_be16(&c);
    if (c.failed) {
        return head.len == 0 || head.at[0] == 3 ? PROBE_MORE : PROBE_NO;
    }
    if (tpkt != 0x0300 || len < 11 || len > 512 || indicator + 5 != len) {
        return PROBE_NO;
    }
    return type == 0xe0 && destination == 0 ? PROBE_CLIENT : type == 0xd0 ? PROBE_SERVER : PROBE_NO;
}

const struct dissector rdp_dissector = {
    .name = "rdp", .ports = PORTS(3389), .tcp = true, .probe = rdp_probe};

static enum probe starts_with(struct bytes head, const char *text)
{
    size_t len = strlen(text), seen = head.len < len ? head.len : len;
    if (seen > 0 && memcmp(head.at, text, seen) != 0) {
        return PROBE_NO;
    }
    return seen < len ? PROBE_MORE : PROBE_EITHER;
}

/* RFC 4253 4.2 */
static enum probe ssh_probe(struct bytes head)
{
    return starts_with(head, "SSH-");
}

const struct dissector ssh_dissector = {
    .name = "ssh", .ports = PORTS(22), .tcp = true, .probe = ssh_probe};

/* MySQL client/server protocol, HandshakeV10: length, sequence 0, version 10, a version text such
 * as "8.0". */
static enum probe mysql_probe(struct bytes head)
{
    if (head.len < 8) {
        return head.len >= 5 && (head.at[3] != 0 || head.at[4] != 10) ? PROBE_NO : PROBE_MORE;
    }
    size_t len = (size_t)head.at[0] | (size_t)head.at[1] << 8 | (size_t)head.at[2] << 16;
    bool version =
        head.at[5] >= '0' && head.at[5] <= '9' && (head.at[6] == '.' || head.at[7] == '.');
    return head.at[3] == 0 && head.at[4] == 10 && len >= 20 && len < 512 && version ? PROBE_SERVER
                                                                                    : PROBE_NO;
}

const struct dissector mysql_dissector = {
    .name = "mysql", .ports = PORTS(3306), .tcp = true, .probe = mysql_probe};

/* PostgreSQL frontend/backend protocol: StartupMessage 3.0, SSLRequest, GSSENCRequest,
 * CancelRequest. */
static enum probe postgresql_probe(struct bytes head)
{
    struct cursor c = cursor_of(head);
    uint32_t len = cursor_be32(&c), code = cursor_be32(&c);
    if (c.failed) {
        return head.len > 0 && head.at[0] != 0 ? PROBE_NO : PROBE_MORE;
    }
    bool request = len == 8 && (code == 80877103 || code == 80877104);
    bool cancel = len == 16 && code == 80877102;
    return request || cancel || (code == 0x00030000 && len > 8 && len < 10000) ? PROBE_CLIENT
                                                                               : PROBE_NO;
}

const struct dissector postgresql_dissector = {
    .name = "postgresql", .ports = PORTS(5432), .tcp = true, .probe = postgresql_probe};

/* RFC 1002 4.4.1 to 4.4.3: a datagram (0x10 to 0x12), an error (0x13), or a query (0x14 to 0x16);
 * no reserved flag; the sender's port. */
static enum probe nbdgm_probe(struct bytes head)
{
    struct cursor c = cursor_of(head);
    uint8_t type = cursor_u8(&c), flags = cursor_u8(&c);
    cursor_skip(&c, 2 + 4);
    uint16_t port = cursor_be16(&c);
    bool good = !c.failed && type >= 0x10 && type <= 0x16 && (flags & 0xf0) == 0 && port != 0;
    return good ? PROBE_EITHER : PROBE_NO;
}

const struct dissector nbdgm_dissector = {
    .name = "nbdgm", .ports = PORTS(138), .udp = true, .ports_only = true, .probe = nbdgm_probe};

/* RFC 5905 7.3: version 1 to 4, mode 1 to 7, at least 48 octets (12 for control messages). */
static enum probe ntp_probe(struct bytes head)
{
    if (head.len < 12) {
        return PROBE_NO;
    }
    unsigned version = head.at[0] >> 3 & 7, mode = head.at[0] & 7;
    if (version < 1 || version > 4 || mode == 0 || (mode <= 5 && head.len < 48)) {
        return PROBE_NO;
    }
    return mode == 4 ? PROBE_SERVER : mode == 3 ? PROBE_CLIENT : PROBE_EITHER;
}

const struct dissector ntp_dissector = {
    .name = "ntp", .ports = PORTS(123), .udp = true, .ports_only = true, .probe = ntp_probe};

/* RFC 2131 2: op, and the magic cookie after 236 octets. */
static enum probe dhcp_probe(struct bytes head)
{
    static const uint8_t cookie[] = {0x63, 0x82, 0x53, 0x63};
    struct bytes at = bytes_slice(head, 236, 4);
    if (!bytes_is(at, cookie, sizeof cookie) || head.at[0] < 1 || head.at[0] > 2) {
        return PROBE_NO;
    }
    return head.at[0] == 1 ? PROBE_CLIENT : PROBE_SERVER;
}

const struct dissector dhcp_dissector = {
    .name = "dhcp", .ports = PORTS(67, 68, 4011), .udp = true, .probe = dhcp_probe};

/* RFC 1350 5, RFC 2347: a request has a file name and a mode, each ending in a zero. */
static enum probe tftp_probe(struct bytes head)
{
    struct cursor c = cursor_of(head);
    uint16_t operation = cursor_be16(&c);
    const uint8_t *end = c.rest.len == 0 ? NULL : memchr(c.rest.at, 0, c.rest.len);
    if ((operation != 1 && operation != 2) || end == NULL || end == c.rest.at) {
        return PROBE_NO;
    }
    struct bytes mode = bytes_from(c.rest, (size_t)(end - c.rest.at) + 1);
    bool known = mode.len >= 6 &&
                 (strncasecmp((const char *)mode.at, "octet", 6) == 0 ||
                  (mode.len >= 9 && strncasecmp((const char *)mode.at, "netascii", 9) == 0));
    return known ? PROBE_CLIENT : PROBE_NO;
}

const struct dissector tftp_dissector = {
    .name = "tftp", .ports = PORTS(69), .udp = true, .probe = tftp_probe};

/* RFC 1157 4, RFC 3416, RFC 3412: SEQUENCE { version INTEGER 0, 1 or 3, community or header } */
static enum probe snmp_probe(struct bytes head)
{
    struct cursor c = cursor_of(head);
    if (cursor_u8(&c) != 0x30 || ber_length(&c) != c.rest.len) {
        return PROBE_NO;
    }
    struct bytes version = cursor_take(&c, 3);
    uint8_t next = cursor_u8(&c);
    if (c.failed || version.at[0] != 2 || version.at[1] != 1) {
        return PROBE_NO;
    }
    bool community = version.at[2] <= 1 && next == 0x04,
         header = version.at[2] == 3 && next == 0x30;
    return community || header ? PROBE_EITHER : PROBE_NO;
}

const struct dissector snmp_dissector = {
    .name = "snmp", .ports = PORTS(161, 162), .udp = true, .ports_only = true, .probe = snmp_probe};

/* RFC 9000 17.2: long header, a version in use, connection ids of at most 20 octets. */
static enum probe quic_probe(struct bytes head)
{
    struct cursor c = cursor_of(head);
    uint8_t first = cursor_u8(&c);
    uint32_t version = cursor_be32(&c);
    uint8_t id = cursor_u8(&c);
    bool known = version == 1 || version == 0x6b3343cf || version >> 8 == 0xff0000;
    return !c.failed && (first & 0xc0) == 0xc0 && known && id <= 20 && head.len >= 21 ? PROBE_EITHER
                                                                                      : PROBE_NO;
}

const struct dissector quic_dissector = {
    .name = "quic", .ports = PORTS(443), .udp = true, .probe = quic_probe};
