/*
 * tds_probe.c - what begins a TDS conversation, or goes on with one that was joined in the middle.
 *
 * It runs on every port, so that a packet must say two things of itself at least: a header that
 * [MS-TDS] 2.2.3.1 allows, and content that only TDS begins with.
 */
#include "dissect/tds.h"

enum { PACKET_MOST = 32768 }; /* [MS-TDS] 2.2.6.4: PacketSize is at most 32767 */

/* What tells one content from another stands in the first octets of a packet. */
enum { TELLING = TDS_HEADER + 12 };

/* Letters of a request without ALL_HEADERS that must be text before it is taken for SQL. */
enum { LETTERS = 4 };

/* [MS-TDS] 2.2.3.1 */
struct tds_header tds_header_read(struct cursor *c)
{
    struct tds_header h = {.type = cursor_u8(c), .status = cursor_u8(c)};
    h.len = cursor_be16(c);
    h.spid = cursor_be16(c);
    h.packet = cursor_u8(c);
    h.window = cursor_u8(c);
    return h;
}

/* [MS-TDS] 2.2.3.1.1, and the type of TDS 5.0's requests */
bool tds_is_type(uint8_t type)
{
    static const uint8_t types[] = {0x01, 0x02, 0x03, 0x04, 0x06, 0x07,
                                    0x08, 0x0e, 0x0f, 0x10, 0x11, 0x12};
    return memchr(types, type, sizeof types) != NULL;
}

/* [MC-SMP] 2.2.1 */
bool smp_header_read(struct cursor *c, struct smp_header *ret)
{
    uint8_t smid = cursor_u8(c);
    *ret = (struct smp_header){.flags = cursor_u8(c), .sid = cursor_le16(c)};
    ret->len = cursor_le32(c);
    cursor_skip(c, 8);
    bool known = ret->flags == SMP_SYN || ret->flags == SMP_ACK || ret->flags == SMP_FIN;
    return !c->failed && smid == SMP_SMID &&
           ((ret->flags == SMP_DATA && ret->len > SMP_HEADER) || (known && ret->len == SMP_HEADER));
}

/* [MS-TDS] 2.2.6.4: LOGIN7 has its own length and a version of 7.x. */
static enum probe probe_login(struct cursor c)
{
    uint32_t length = cursor_le32(&c);
    uint32_t version = cursor_le32(&c);
    if (c.failed) {
        return PROBE_MORE;
    }
    return length >= 86 && length < LIMIT_TDS_MESSAGE && version >> 28 == 7 ? PROBE_CLIENT
                                                                            : PROBE_NO;
}

/* Texts of 30 octets, each with its length: host, user, password and process; then how the client
 * writes numbers, in codes of which there are few. */
static enum probe probe_login4(struct cursor c)
{
    for (unsigned i = 0; i < 4; i++) {
        cursor_skip(&c, 30);
        if (cursor_u8(&c) > 30) {
            return PROBE_NO;
        }
    }
    uint8_t int2 = cursor_u8(&c);
    uint8_t int4 = cursor_u8(&c);
    if (c.failed) {
        return PROBE_MORE;
    }
    return (int2 == 2 || int2 == 3) && int4 <= 1 ? PROBE_CLIENT : PROBE_NO;
}

/* [MS-TDS] 2.2.7.6: a DONE without bits that nobody defined */
static bool is_done(struct cursor c)
{
    static const uint8_t dones[] = {0xfd, 0xfe, 0xff};
    enum { UNDEFINED = 0xfec8 };
    uint8_t token = cursor_u8(&c);
    uint16_t status = cursor_le16(&c);
    cursor_skip(&c, 6);
    return !c.failed && memchr(dones, token, sizeof dones) != NULL && (status & UNDEFINED) == 0;
}

/* [MS-TDS] 2.2.7: a reply begins with one of these tokens, unless it answers a PRELOGIN. */
static enum probe probe_reply(struct cursor c, uint8_t packet)
{
    static const uint8_t tokens[] = {0xaa, 0xab, 0xad, 0xe3, 0xed, 0x81};
    bool reply = memchr(tokens, c.rest.at[0], sizeof tokens) != NULL || is_done(c);
    return (reply && packet <= 1) || tds_prelogin_begins(c) ? PROBE_SERVER : PROBE_NO;
}

/* [MS-TDS] 2.2.5.3: from TDS 7.2 on, a request begins with ALL_HEADERS that hold the transaction
 * descriptor. */
static bool has_all_headers(struct cursor c)
{
    uint32_t all = cursor_le32(&c);
    uint32_t first = cursor_le32(&c);
    uint16_t kind = cursor_le16(&c);
    return !c.failed && all >= 22 && all < 256 && first == 18 && kind == 2;
}

/* Before that, a batch is nothing but its text: in UTF-16, or in TDS 4.2 in octets. */
static bool is_text(struct cursor c, size_t width)
{
    for (unsigned i = 0; i < LETTERS; i++) {
        uint16_t letter = width == 2 ? cursor_le16(&c) : cursor_u8(&c);
        bool space = letter == '\t' || letter == '\r' || letter == '\n';
        if (c.failed || letter > 0x7e || (letter < 0x20 && !space)) {
            return false;
        }
    }
    return true;
}

/* [MS-TDS] 2.2.6.6: the number of a procedure, or its name */
static bool is_procedure(struct cursor c)
{
    uint16_t len = cursor_le16(&c);
    if (len != UINT16_MAX) {
        return len >= LETTERS && len <= 523 && is_text(c, 2);
    }
    uint16_t number = cursor_le16(&c);
    uint16_t flags = cursor_le16(&c);
    return !c.failed && number >= 1 && number <= 15 && flags <= 7;
}

static enum probe probe_request(struct cursor c, const struct tds_header *h)
{
    bool begins = h->spid == 0 && h->packet <= 1;
    bool exact = c.rest.len + TDS_HEADER == h->len;
    if (has_all_headers(c)) {
        return PROBE_CLIENT;
    }
    bool plain = h->type == TDS_RPC
                     ? is_procedure(c)
                     : h->type == TDS_SQL_BATCH && (is_text(c, 2) || (exact && is_text(c, 1)));
    return begins && plain && c.rest.len + TDS_HEADER <= h->len ? PROBE_CLIENT : PROBE_NO;
}

static enum probe probe_packet(struct bytes head)
{
    struct cursor c = cursor_of(head);
    struct tds_header h = tds_header_read(&c);
    if (head.len > 0 && !tds_is_type(head.at[0])) {
        return PROBE_NO;
    }
    if (head.len < TDS_HEADER) {
        return PROBE_MORE;
    }
    if (h.status > 0x1f || h.len <= TDS_HEADER || h.len > PACKET_MOST || h.window != 0) {
        return PROBE_NO;
    }
    if (head.len < TELLING && head.len < h.len) {
        return PROBE_MORE;
    }
    switch (h.type) {
    case TDS_PRELOGIN:
        return h.spid == 0 && h.packet <= 1 && tds_prelogin_begins(c) ? PROBE_CLIENT : PROBE_NO;
    case TDS_LOGIN7:
        return probe_login(c);
    case TDS_LOGIN:
        return h.spid == 0 && h.packet <= 1 && h.len > 256 ? probe_login4(c) : PROBE_NO;
    case TDS_TABULAR_RESULT:
        return probe_reply(c, h.packet);
    case TDS_SQL_BATCH:
    case TDS_RPC:
    case TDS_TRANSACTION:
        return probe_request(c, &h);
    default:
        return PROBE_NO;
    }
}

/* [MC-SMP] 2.2.1: a frame with a packet that fills it, or one that opens the first session. */
static enum probe probe_frame(struct bytes head)
{
    struct cursor c = cursor_of(head);
    struct smp_header h;
    if (head.len >= 2 && (head.at[1] == 0 || head.at[1] > SMP_DATA)) {
        return PROBE_NO;
    }
    if (head.len < SMP_HEADER) {
        return PROBE_MORE;
    }
    if (!smp_header_read(&c, &h)) {
        return PROBE_NO;
    }
    if (h.flags != SMP_DATA) {
        return h.flags == SMP_SYN ? PROBE_CLIENT : PROBE_EITHER;
    }
    struct cursor packet = c;
    struct tds_header inside = tds_header_read(&packet);
    return packet.failed || inside.len == h.len - SMP_HEADER ? probe_packet(c.rest) : PROBE_NO;
}

enum probe tds_probe(struct bytes head)
{
    return head.len > 0 && head.at[0] == SMP_SMID ? probe_frame(head) : probe_packet(head);
}
