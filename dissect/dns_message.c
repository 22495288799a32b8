/*
 * dns_message.c - messages in DNS form: header, questions, records, names; and what looks like one.
 */
#include "dissect/dns.h"

/* Counts above these are no message's: RFC 6762 7.2 allows many questions, a response of 64 KiB has
 * no more records. */
enum { QUESTIONS_MOST = 64, RECORDS_MOST = 4096 };
/* The shortest message with a question: the root, type and class. */
enum { SHORTEST_QUERY = DNS_HEADER + 5 };

enum { QUESTIONS, ANSWERS, AUTHORITY, ADDITIONAL };

/* RFC 1035 4.1.1 */
bool dns_message_open(struct bytes whole, struct dns_message *ret)
{
    struct cursor c = cursor_of(whole);
    *ret = (struct dns_message){.whole = whole};
    ret->id = cursor_be16(&c);
    ret->flags = cursor_be16(&c);
    for (unsigned i = 0; i < 4; i++) {
        ret->count[i] = cursor_be16(&c);
    }
    return !c.failed;
}

struct cursor dns_questions(const struct dns_message *m)
{
    return cursor_of(bytes_from(m->whole, DNS_HEADER));
}

/* ---- names ---- */

bool dns_name_read(struct bytes message, size_t at, struct dns_name *ret)
{
    struct cursor c = cursor_of(bytes_from(message, at));
    size_t part = at;
    ret->len = 0;
    for (unsigned pointers = 0; pointers <= LIMIT_DNS_POINTERS;) {
        uint8_t len = cursor_u8(&c);
        if (len >= 0xc0) {
            size_t to = (size_t)(len & 0x3f) << 8 | cursor_u8(&c);
            if (c.failed || to >= part) {
                return false;
            }
            part = to;
            c = cursor_of(bytes_from(message, to));
            pointers++;
            continue;
        }
        struct bytes label = cursor_take(&c, len);
        if (c.failed || len > 63 || ret->len + 1 + len > DNS_NAME_OCTETS) {
            return false;
        }
        ret->octets[ret->len++] = len;
        if (len == 0) {
            return true;
        }
        memcpy(ret->octets + ret->len, label.at, len);
        ret->len += len;
    }
    return false;
}

bool dns_skip_name(struct cursor *c)
{
    for (size_t octets = 0; octets < DNS_NAME_OCTETS;) {
        uint8_t len = cursor_u8(c);
        if (c->failed || (len > 63 && len < 0xc0)) {
            return false;
        }
        if (len == 0) {
            return true;
        }
        if (len >= 0xc0) {
            cursor_skip(c, 1);
            return !c->failed;
        }
        cursor_skip(c, len);
        octets += len + 1u;
    }
    return false;
}

/* RFC 4343: upper and lower case of ASCII are the same. FNV-1a. */
uint32_t dns_name_digest(const struct dns_name *name)
{
    uint32_t digest = 2166136261u;
    for (size_t i = 0; i < name->len; i++) {
        uint8_t octet = name->octets[i];
        octet = octet >= 'A' && octet <= 'Z' ? (uint8_t)(octet | 0x20) : octet;
        digest = (digest ^ octet) * 16777619u;
    }
    return digest;
}

/* ---- questions and records ---- */

static size_t place(const struct dns_message *m, const struct cursor *c)
{
    return m->whole.len - c->rest.len;
}

/* RFC 1035 4.1.2 */
bool dns_next_question(const struct dns_message *m, struct cursor *c, struct dns_question *ret)
{
    ret->name = place(m, c);
    if (!dns_skip_name(c)) {
        return false;
    }
    ret->type = cursor_be16(c);
    ret->class = cursor_be16(c);
    return !c->failed;
}

/* RFC 1035 4.1.3 */
bool dns_next_record(const struct dns_message *m, struct cursor *c, struct dns_record *ret)
{
    ret->name = place(m, c);
    if (!dns_skip_name(c)) {
        return false;
    }
    ret->type = cursor_be16(c);
    ret->class = cursor_be16(c);
    ret->ttl = cursor_be32(c);
    size_t len = cursor_be16(c);
    ret->data_at = place(m, c);
    ret->data = cursor_take(c, len);
    return !c->failed;
}

/* ---- recognition ---- */

/* The top bit is mDNS's (RFC 6762 5.4, 10.2). */
static bool is_class(uint16_t class)
{
    class &= 0x7fff;
    return class <= DNS_CLASS_MOST || class == DNS_CLASS_NONE || class == DNS_CLASS_ANY;
}

/* RFC 1035 4.1.1, RFC 6895: an assigned opcode, sane counts, and a first question or record that
 * can be read; or a refusal that is a header only. */
enum probe dns_datagram_looks(struct bytes head)
{
    struct dns_message m;
    struct dns_question first;
    if (!dns_message_open(head, &m)) {
        return PROBE_NO;
    }
    bool response = (m.flags & DNS_RESPONSE) != 0;
    unsigned opcode = dns_opcode_of(&m);
    if (opcode > DNS_STATEFUL || opcode == 3 || m.count[QUESTIONS] > QUESTIONS_MOST ||
        m.count[ANSWERS] > RECORDS_MOST || m.count[AUTHORITY] > RECORDS_MOST ||
        m.count[ADDITIONAL] > QUESTIONS_MOST) {
        return PROBE_NO;
    }
    if (m.count[QUESTIONS] + m.count[ANSWERS] + m.count[AUTHORITY] + m.count[ADDITIONAL] == 0) {
        bool refusal = response && (m.flags & 15) != 0 && head.len == DNS_HEADER;
        return refusal ? PROBE_SERVER : PROBE_NO;
    }
    if (!response && m.count[QUESTIONS] + m.count[AUTHORITY] == 0) {
        return PROBE_NO;
    }
    /* A record begins as a question does. */
    struct cursor c = dns_questions(&m);
    if (!dns_next_question(&m, &c, &first) || !is_class(first.class)) {
        return PROBE_NO;
    }
    return response ? PROBE_SERVER : PROBE_CLIENT;
}

enum probe dns_looks(struct bytes head)
{
    enum probe datagram = dns_datagram_looks(head);
    if (datagram != PROBE_NO) {
        return datagram;
    }
    struct cursor c = cursor_of(head);
    uint16_t len = cursor_be16(&c);
    if (c.failed) {
        return PROBE_MORE;
    }
    if (len < DNS_HEADER) {
        return PROBE_NO;
    }
    enum probe stream = dns_datagram_looks(c.rest);
    return stream == PROBE_NO && c.rest.len < SHORTEST_QUERY ? PROBE_MORE : stream;
}

/* Letters, digits, and what else occurs in the names of hosts and services (RFC 1123 2.1, RFC 2782)
 */
static bool is_plain_name(const struct dns_name *name)
{
    for (size_t at = 0; at < name->len; at += 1u + name->octets[at]) {
        for (size_t i = at + 1; i <= at + name->octets[at]; i++) {
            uint8_t octet = name->octets[i], letter = octet | 0x20;
            bool plain = (letter >= 'a' && letter <= 'z') || (octet >= '0' && octet <= '9') ||
                         octet == '-' || octet == '_';
            if (!plain) {
                return false;
            }
        }
    }
    return name->len > 1;
}

/* A query, or a response to one, about one name, with no reserved bit (RFC 6895 2) and no section
 * that does not belong there. */
static bool strict_header(const struct dns_message *m)
{
    bool response = (m->flags & DNS_RESPONSE) != 0;
    bool empty = m->count[ANSWERS] == 0 && m->count[AUTHORITY] == 0 && m->count[ADDITIONAL] <= 2;
    bool good =
        dns_opcode_of(m) == DNS_QUERY && (m->flags & DNS_RESERVED) == 0 && m->count[QUESTIONS] == 1;
    return good && (response || ((m->flags & 15) == 0 && empty));
}

/* Every record, up to the last octet. */
static bool strict_records(const struct dns_message *m, struct cursor *c)
{
    struct dns_record r;
    unsigned count = (unsigned)m->count[ANSWERS] + m->count[AUTHORITY] + m->count[ADDITIONAL];
    for (unsigned i = 0; i < count; i++) {
        if (!dns_next_record(m, c, &r) || (r.type != DNS_OPT && !is_class(r.class))) {
            return false;
        }
    }
    return c->rest.len == 0;
}

static enum probe strict_message(struct bytes whole)
{
    struct dns_message m;
    struct dns_question question;
    struct dns_name name;
    if (!dns_message_open(whole, &m) || !strict_header(&m)) {
        return PROBE_NO;
    }
    struct cursor c = dns_questions(&m);
    bool good = dns_next_question(&m, &c, &question) && dns_type_name(question.type) != NULL &&
                question.class == DNS_IN && dns_name_read(whole, question.name, &name) &&
                is_plain_name(&name) && strict_records(&m, &c);
    if (!good) {
        return PROBE_NO;
    }
    return (m.flags & DNS_RESPONSE) != 0 ? PROBE_SERVER : PROBE_CLIENT;
}

enum { WAITED_FOR = 4096 }; /* octets of a message that begins a stream on any port */

enum probe dns_looks_strictly(struct bytes head)
{
    enum probe datagram = strict_message(head);
    if (datagram != PROBE_NO) {
        return datagram;
    }
    struct dns_message m;
    struct cursor c = cursor_of(head);
    size_t len = cursor_be16(&c);
    if (c.failed || len < SHORTEST_QUERY) {
        return c.failed ? PROBE_MORE : PROBE_NO;
    }
    if (!dns_message_open(c.rest, &m)) { /* short banners of others must not wait for more */
        return len <= WAITED_FOR ? PROBE_MORE : PROBE_NO;
    }
    if (c.rest.len >= len) {
        return strict_message(cursor_take(&c, len));
    }
    return strict_header(&m) ? PROBE_MORE : PROBE_NO;
}
