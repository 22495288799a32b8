#include "reports/deciding_parts.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

bool sight_show(struct sight *s, struct bytes from, size_t len, const char *format, ...)
{
    va_list args;
    len = len < from.len ? len : from.len;
    len = len < LIMIT_DECIDING_OCTETS ? len : LIMIT_DECIDING_OCTETS;
    if (len == 0) {
        return false;
    }
    va_start(args, format);
    (void)vsnprintf(s->ret->of, sizeof s->ret->of, format, args);
    va_end(args);
    s->ret->octets = bytes_of(from.at, len);
    s->ret->offset = (size_t)(from.at - s->from.at);
    return true;
}

bool sight_has_port(const struct sight *s, uint16_t port)
{
    return s->d.source_port == port || s->d.destination_port == port;
}

size_t sight_find(struct bytes in, const void *octets, size_t len)
{
    const uint8_t *at = in.len == 0 ? NULL : memmem(in.at, in.len, octets, len);
    return at == NULL ? in.len : (size_t)(at - in.at);
}

/* ---- transport ---- */

/* RFC 9293 3.1, RFC 768, RFC 792: the header before the content. */
static bool look_at_transport(struct sight *s)
{
    const struct bytes frame = s->from;
    const char *name = s->d.protocol == IP_TCP   ? "TCP header"
                       : s->d.protocol == IP_UDP ? "UDP header"
                                                 : "ICMP header";
    bool icmp = s->d.protocol == IP_ICMP || s->d.protocol == IP_ICMPV6;
    if (s->content.at == NULL || (!icmp && s->d.protocol != IP_TCP && s->d.protocol != IP_UDP)) {
        return false;
    }
    size_t end = (size_t)(s->content.at - frame.at);
    size_t least = s->d.protocol == IP_TCP ? 20 : 8, most = s->d.protocol == IP_TCP ? 60 : 8;
    for (size_t len = least; len <= most && len <= end; len += 4) {
        const struct bytes header = bytes_slice(frame, end - len, len);
        struct cursor c = cursor_of(header);
        bool ports =
            cursor_be16(&c) == s->d.source_port && cursor_be16(&c) == s->d.destination_port;
        bool fits = least == 8 || (header.at[12] >> 4) * 4u == len;
        if ((icmp || ports) && fits) {
            /* An ICMP error quotes the packet that it is about: its addresses and ports. */
            return icmp ? sight_show(s, bytes_from(frame, end - len), 36, "%s", name)
                        : sight_show(s, header, len, "%s", name);
        }
    }
    return false;
}

/* ---- text ---- */

/* Octets of the first line, without its end. */
static size_t line_length(struct bytes text)
{
    size_t len = 0;
    while (len < text.len && text.at[len] != '\r' && text.at[len] != '\n') {
        len++;
    }
    return len;
}

/* RFC 9112 3, 4: the first line; never a user's name and password before a host. */
static bool look_at_http(struct sight *s)
{
    const struct bytes line = bytes_of(s->content.at, line_length(s->content));
    size_t method = 0, authority = sight_find(line, "://", 3);
    while (method < line.len && (isupper(line.at[method]) || line.at[method] == '_')) {
        method++;
    }
    if (bytes_has_prefix(line, "HTTP/1.", 7)) {
        return sight_show(s, line, line.len, "HTTP status line");
    }
    if (method < 3 || method == line.len || line.at[method] != ' ' ||
        sight_find(line, " HTTP/1.", 8) == line.len) {
        return false;
    }
    bool names_user = authority < line.len && memchr(line.at, '@', line.len) != NULL;
    return sight_show(s, line, names_user ? authority + 3 : line.len, "HTTP request line");
}

/* RFC 4253 4.2 */
static bool look_at_ssh(struct sight *s)
{
    return bytes_has_prefix(s->content, "SSH-", 4) &&
           sight_show(s, s->content, line_length(s->content), "SSH banner");
}

/* ---- TLS, QUIC ---- */

enum { RECORD_HEAD = 5, CLIENT_HELLO = 1, SERVER_HELLO = 2, CERTIFICATE = 11, RANDOM = 32 };

/* RFC 5246 6.2.1, 7.4: the first message that goes on past what is through; empty: none. */
static struct bytes message_of(const struct sight *s)
{
    struct bytes rest = s->content;
    while (rest.len > RECORD_HEAD && rest.at[0] == 22) {
        size_t record = (size_t)(rest.at[3] << 8 | rest.at[4]), at = 0;
        const struct bytes body = bytes_from(rest, RECORD_HEAD);
        while (at + 4 <= record && at + 4 <= body.len) {
            struct cursor c = cursor_of(bytes_slice(body, at + 1, 3));
            size_t end = at + 4 + cursor_be24(&c);
            if ((size_t)(body.at - s->content.at) + end > s->through) {
                return bytes_from(body, at);
            }
            at = end;
        }
        rest = bytes_from(body, record);
    }
    return (struct bytes){0};
}

/* RFC 5246 7.4, RFC 8446 4: versions and suites are read in the first octets. */
static bool look_at_handshake(struct sight *s)
{
    const struct bytes message = message_of(s);
    struct cursor c = cursor_of(message);
    uint8_t type = cursor_u8(&c);
    size_t rest = cursor_be24(&c);
    cursor_skip(&c, 2 + RANDOM);
    size_t session = cursor_u8(&c);
    if (type == CLIENT_HELLO) { /* to the suites, without what is random */
        return sight_show(s, message, 4 + 2, "TLS ClientHello");
    }
    if (type == SERVER_HELLO && !c.failed) {
        size_t chosen = 4 + 2 + RANDOM + 1 + session + 3;
        return sight_show(s, message, chosen < 4 + rest ? chosen : 4 + rest, "TLS ServerHello");
    }
    return type == CERTIFICATE && sight_show(s, message, 4 + rest, "TLS Certificate");
}

static bool look_at_tls(struct sight *s)
{
    struct cursor c = cursor_of(s->content);
    uint8_t type = cursor_u8(&c), major = cursor_u8(&c), minor = cursor_u8(&c);
    size_t len = cursor_be16(&c);
    if (c.failed || type < 20 || type > 23 || major != 3 || minor > 4 || len == 0 || len > 18432) {
        return false;
    }
    if (type == 22 && look_at_handshake(s)) {
        return true;
    }
    if (s->through > 0) {
        return false;
    }
    return sight_show(s, s->content, type == 21 && len == 2 ? 7 : 5, "TLS %s",
                      type == 21   ? "alert"
                      : type == 22 ? "handshake record"
                      : type == 20 ? "ChangeCipherSpec"
                                   : "record of encrypted data");
}

/* RFC 9000 17.2: to the connection ids */
static bool look_at_quic(struct sight *s)
{
    struct cursor c = cursor_of(s->content);
    bool is_long = (cursor_u8(&c) & 0xc0) == 0xc0;
    cursor_skip(&c, 4);
    size_t to = cursor_u8(&c);
    cursor_skip(&c, to);
    size_t from = cursor_u8(&c);
    return s->d.protocol == IP_UDP && is_long && !c.failed && to <= 20 && from <= 20 &&
           (s->about || sight_has_port(s, 443)) &&
           sight_show(s, s->content, 7 + to + from, "QUIC long header");
}

/* ---- names and addresses ---- */

/* RFC 1035 4.1: the header and the first question, or the owner of the first record. */
static bool look_at_dns(struct sight *s)
{
    static const uint16_t ports[] = {53, 5353, 5355, 137};
    bool known = s->about;
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++) {
        known = known || sight_has_port(s, ports[i]);
    }
    const struct bytes message = bytes_from(s->content, s->d.protocol == IP_TCP ? 2 : 0);
    struct cursor c = cursor_of(message);
    cursor_skip(&c, 4);
    uint16_t questions = cursor_be16(&c);
    cursor_skip(&c, 6);
    for (uint8_t label = cursor_u8(&c); label > 0 && label < 64; label = cursor_u8(&c)) {
        cursor_skip(&c, label);
    }
    cursor_skip(&c, 2);
    unsigned of_class = cursor_be16(&c) & 0x7fffu; /* mDNS has a bit of its own */
    return known && !c.failed && questions < 16 && (of_class == 1 || of_class == 255) &&
           sight_show(s, message, message.len - c.rest.len, "DNS header and question");
}

/* RFC 2131 3: the options */
static bool look_at_dhcp(struct sight *s)
{
    static const uint8_t cookie[4] = {0x63, 0x82, 0x53, 0x63};
    const struct bytes options = bytes_from(s->content, 236);
    return s->d.protocol == IP_UDP && bytes_has_prefix(options, cookie, sizeof cookie) &&
           sight_show(s, options, 64, "DHCP options");
}

/* RFC 1350 5: what is asked for */
static bool look_at_tftp(struct sight *s)
{
    struct cursor c = cursor_of(s->content);
    uint16_t operation = cursor_be16(&c);
    return s->d.protocol == IP_UDP && (s->about || sight_has_port(s, 69)) && !c.failed &&
           (operation == 1 || operation == 2) &&
           sight_show(s, s->content, s->content.len, "TFTP %s request",
                      operation == 1 ? "read" : "write");
}

/* RFC 1157 4: the version, which the community follows */
static bool look_at_snmp(struct sight *s)
{
    struct cursor c = cursor_of(s->content);
    bool sequence = cursor_u8(&c) == 0x30;
    uint8_t len = cursor_u8(&c);
    cursor_skip(&c, (len & 0x80) != 0 ? len & 0x7f : 0);
    bool version = cursor_u8(&c) == 2 && cursor_u8(&c) == 1;
    cursor_skip(&c, 1);
    return sequence && version && !c.failed &&
           (s->about || sight_has_port(s, 161) || sight_has_port(s, 162)) &&
           sight_show(s, s->content, s->content.len - c.rest.len, "SNMP version");
}

/* [MC-SQLR] 2.2: what the browser of SQL Server is asked for, and what it answers */
static bool look_at_browser(struct sight *s)
{
    return s->d.protocol == IP_UDP && sight_has_port(s, 1434) && s->content.at[0] <= 0x0f &&
           sight_show(s, s->content, s->content.len, "SQL Server Browser");
}

/* [MS-RDPBCGR] 2.2.1.1, 2.2.1.2: what is asked for and chosen */
static bool look_at_rdp(struct sight *s)
{
    struct cursor c = cursor_of(s->content);
    bool packet = cursor_be16(&c) == 0x0300;
    size_t len = cursor_be16(&c);
    cursor_skip(&c, 1);
    uint8_t code = cursor_u8(&c) & 0xf0;
    return packet && !c.failed && (code == 0xe0 || code == 0xd0) &&
           sight_show(s, s->content, len, "X.224 connection %s",
                      code == 0xe0 ? "request" : "confirm");
}

/* ---- all of them ---- */

/* In the order in which content is asked: what is inside others comes first. */
static const struct {
    enum record record;
    bool (*look)(struct sight *s);
} looks[] = {
    {RECORD_NTLM, look_at_ntlm}, {RECORD_HTTP, look_at_http},
    {RECORD_TLS, look_at_tls},   {RECORD_SSH, look_at_ssh},
    {RECORD_SMB, look_at_smb},   {RECORD_KERBEROS, look_at_kerberos},
    {RECORD_RDP, look_at_rdp},   {RECORD_DCERPC, look_at_dcerpc},
    {RECORD_LDAP, look_at_ldap}, {RECORD_SQL, look_at_sql},
    {RECORD_DNS, look_at_dns},   {RECORD_DHCP, look_at_dhcp},
    {RECORD_TFTP, look_at_tftp}, {RECORD_SNMP, look_at_snmp},
    {RECORD_QUIC, look_at_quic}, {RECORD_SQL, look_at_browser},
};
#define LOOKS (sizeof looks / sizeof *looks)

static bool look_about(struct sight *s, enum record about)
{
    bool seen = false;
    s->about = true;
    for (size_t i = 0; i < LOOKS && !seen; i++) {
        seen = looks[i].record == about && looks[i].look(s);
    }
    s->about = false;
    return seen;
}

static bool look_by_content(struct sight *s)
{
    bool seen = false;
    for (size_t i = 0; i < LOOKS && !seen; i++) {
        seen = looks[i].look(s);
    }
    return seen;
}

bool deciding_octets(const struct packet *p, enum record about, struct deciding *ret)
{
    struct sight s = {.from = p->data, .ret = ret};
    *ret = (struct deciding){0};
    if (decode(p, &s.d) != DECODE_OK) {
        return false;
    }
    s.content = s.d.payload;
    bool header = s.content.len == 0 || s.d.protocol == IP_ICMP || s.d.protocol == IP_ICMPV6;
    if (about == RECORD_FLOW || header) {
        return look_at_transport(&s);
    }
    return look_about(&s, about) || look_by_content(&s);
}

/* ---- a message of several segments ---- */

#define STREAM_OCTETS 8192

struct stream { /* contents one after the other */
    uint8_t octets[STREAM_OCTETS];
    size_t len, through; /* through: where the last content begins */
    struct datagram last;
};

static bool join(const struct packet *const *packets, unsigned count, struct stream *ret)
{
    ret->len = 0;
    for (unsigned i = 0; i < count; i++) {
        if (decode(packets[i], &ret->last) != DECODE_OK ||
            ret->last.payload.len > sizeof ret->octets - ret->len) {
            return false;
        }
        ret->through = ret->len;
        memcpy(ret->octets + ret->len, ret->last.payload.at, ret->last.payload.len);
        ret->len += ret->last.payload.len;
    }
    return true;
}

/* Where the octets are that stand at `at` of the joined contents. */
static bool place_in(const struct packet *const *packets, unsigned count, size_t at,
                     struct deciding *ret, unsigned *ret_in)
{
    struct datagram d;
    for (unsigned i = 0; i < count && decode(packets[i], &d) == DECODE_OK; i++) {
        if (at < d.payload.len) {
            const struct bytes rest = bytes_from(d.payload, at);
            size_t len = ret->octets.len < rest.len ? ret->octets.len : rest.len;
            ret->offset = (size_t)(rest.at - packets[i]->data.at);
            ret->octets = bytes_of(rest.at, len);
            *ret_in = i;
            return true;
        }
        at -= d.payload.len;
    }
    return false;
}

bool deciding_before(const struct packet *const *packets, unsigned count, enum record about,
                     struct deciding *ret, unsigned *ret_in)
{
    struct stream joined;
    /* The nearest beginning. */
    for (unsigned first = count - 1; first-- > 0;) {
        if (!join(packets + first, count - first, &joined)) {
            return false;
        }
        struct sight s = {.from = bytes_of(joined.octets, joined.len),
                          .d = joined.last,
                          .content = bytes_of(joined.octets, joined.len),
                          .through = joined.through,
                          .ret = ret};
        *ret = (struct deciding){0};
        bool seen =
            about == RECORD_COUNT ? look_at_tls(&s) || look_at_kerberos(&s) : look_about(&s, about);
        if (seen) {
            bool there = place_in(packets + first, count - first, ret->offset, ret, ret_in);
            *ret_in += first;
            return there;
        }
    }
    return false;
}
