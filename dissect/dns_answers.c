/*
 * dns_answers.c - names, numbers and the data of records as text.
 */
#include <stdarg.h>
#include <stdio.h>

#include "dissect/dns.h"
#include "dissect/text.h"

/* ---- numbers ---- */

const char *dns_type_name(uint16_t type)
{
    switch (type) {
#define DNS_TYPE(code, name)                                                                       \
    case code:                                                                                     \
        return name;
#include "dissect/dns_names.def"
#undef DNS_TYPE
    default:
        return NULL;
    }
}

const char *dns_rcode_name(unsigned code)
{
    switch (code) {
#define DNS_RCODE(code, name)                                                                      \
    case code:                                                                                     \
        return name;
#include "dissect/dns_names.def"
#undef DNS_RCODE
    default:
        return NULL;
    }
}

const char *dns_opcode_name(unsigned code)
{
    switch (code) {
#define DNS_OPCODE(code, name)                                                                     \
    case code:                                                                                     \
        return name;
#include "dissect/dns_names.def"
#undef DNS_OPCODE
    default:
        return NULL;
    }
}

/* ---- text ---- */

void dns_text_add(struct dns_text *text, const char *format, ...)
{
    va_list args;
    size_t room = sizeof text->at - text->len;
    va_start(args, format);
    int len = vsnprintf(text->at + text->len, room, format, args);
    va_end(args);
    if (len > 0) {
        text->len += (size_t)len < room ? (size_t)len : room - 1;
    }
}

void dns_text_put(struct dns_text *text, const char *more)
{
    size_t room = sizeof text->at - text->len, len = strlen(more);
    len = len < room ? len : room - 1;
    memcpy(text->at + text->len, more, len);
    text->len += len;
    text->at[text->len] = '\0';
}

static void add_octet(struct dns_text *text, uint8_t octet)
{
    if (text->len + 1 < sizeof text->at) {
        text->at[text->len++] = (char)octet;
        text->at[text->len] = '\0';
    }
}

static void add_number(struct dns_text *text, uint32_t number)
{
    char digits[TEXT_DECIMAL];
    (void)text_decimal(digits, number);
    dns_text_put(text, digits);
}

/* RFC 1035 5.1: \X for what has a meaning, \DDD for what cannot be printed. UTF-8 (RFC 6762 16) and
 * spaces stay. */
static void add_escaped(struct dns_text *text, struct bytes octets, char special)
{
    for (size_t i = 0; i < octets.len; i++) {
        uint8_t octet = octets.at[i];
        if (octet < ' ' || octet == 0x7f) {
            dns_text_add(text, "\\%03u", octet);
            continue;
        }
        if (octet == '\\' || octet == special) {
            add_octet(text, '\\');
        }
        add_octet(text, octet);
    }
}

void dns_name_text(const struct dns_name *name, struct dns_text *text)
{
    for (size_t at = 0; at < name->len; at += 1u + name->octets[at]) {
        size_t len = name->octets[at];
        if (at > 0 ? len > 0 : len == 0) {
            add_octet(text, '.');
        }
        add_escaped(text, bytes_of(name->octets + at + 1, len), '.');
    }
}

/* ---- data of records ---- */

/* The name at `skip` octets of the data, which ends inside it. */
static bool add_name(const struct dns_message *m, const struct dns_record *r, size_t skip,
                     struct dns_text *text)
{
    struct dns_name name;
    struct bytes up_to_end = bytes_slice(m->whole, 0, r->data_at + r->data.len);
    if (!dns_name_read(up_to_end, r->data_at + skip, &name)) {
        return false;
    }
    dns_name_text(&name, text);
    return true;
}

/* RFC 1035 3.4.1; RFC 3596 2.2 */
static bool add_address(const struct dns_record *r, struct dns_text *text)
{
    char written[ADDRESS_TEXT];
    struct address address;
    if (r->type == DNS_A && r->data.len == 4) {
        address = address_v4(r->data.at);
    } else if (r->type == DNS_AAAA && r->data.len == sizeof address.octets) {
        memcpy(address.octets, r->data.at, sizeof address.octets);
    } else {
        return false;
    }
    dns_text_put(text, address_format(&address, written));
    return true;
}

/* RFC 1035 3.3.13 */
static bool add_authority(const struct dns_message *m, const struct dns_record *r,
                          struct dns_text *text)
{
    struct cursor c = cursor_of(r->data);
    if (!dns_skip_name(&c) || !add_name(m, r, 0, text)) {
        return false;
    }
    add_octet(text, ' ');
    if (!add_name(m, r, r->data.len - c.rest.len, text) || !dns_skip_name(&c)) {
        return false;
    }
    for (unsigned i = 0; i < 5; i++) { /* SERIAL REFRESH RETRY EXPIRE MINIMUM */
        add_octet(text, ' ');
        add_number(text, cursor_be32(&c));
    }
    return !c.failed;
}

/* RFC 2782: priority weight port target; RFC 1035 3.3.9: preference exchange */
static bool add_numbers_and_name(const struct dns_message *m, const struct dns_record *r,
                                 unsigned numbers, struct dns_text *text)
{
    struct cursor c = cursor_of(r->data);
    for (unsigned i = 0; i < numbers; i++) {
        add_number(text, cursor_be16(&c));
        add_octet(text, ' ');
    }
    return !c.failed && add_name(m, r, 2 * (size_t)numbers, text);
}

/* RFC 1035 3.3.14: character strings, each with its length */
static bool add_strings(const struct dns_record *r, struct dns_text *text)
{
    struct cursor c = cursor_of(r->data);
    for (bool first = true; c.rest.len > 0; first = false) {
        struct bytes string = cursor_take(&c, cursor_u8(&c));
        if (c.failed) {
            return false;
        }
        if (!first) {
            add_octet(text, ' ');
        }
        add_escaped(text, string, '\\');
    }
    return true;
}

static bool add_data(const struct dns_message *m, const struct dns_record *r, struct dns_text *text)
{
    switch (r->type) {
    case DNS_A:
    case DNS_AAAA:
        return add_address(r, text);
    case DNS_NS:
    case DNS_CNAME:
    case DNS_PTR:
    case DNS_DNAME:
        return add_name(m, r, 0, text);
    case DNS_SOA:
        return add_authority(m, r, text);
    case DNS_MX:
        return add_numbers_and_name(m, r, 1, text);
    case DNS_SRV:
        return add_numbers_and_name(m, r, 3, text);
    case DNS_TXT:
    case DNS_SPF:
        return add_strings(r, text);
    default:
        return false;
    }
}

/* Of what nobody reads, or cannot be read, the kind and the size. */
bool dns_answer(const struct dns_message *m, const struct dns_record *r, unsigned n,
                struct dns_text *text)
{
    size_t before = text->len;
    if (n > 0) {
        return false;
    }
    if (!add_data(m, r, text)) {
        const char *type = dns_type_name(r->type);
        text->len = before;
        text->at[before] = '\0';
        dns_text_add(text, "%s (%zu octets)", type == NULL ? "unknown" : type, r->data.len);
    }
    return true;
}
