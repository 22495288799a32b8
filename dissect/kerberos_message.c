/*
 * kerberos_message.c - what stands readable in Kerberos messages.
 *
 * Every SEQUENCE of RFC 4120 tags its elements [0], [1], ..., so one reader turns any of them into
 * a row of spans; an element left out is an empty span.
 */
#include "dissect/der.h"
#include "dissect/kerberos.h"
#include "dissect/text.h"

enum { PVNO = 5 };

/* RFC 4120 5.1: explicit tags. False when an element is broken. */
bool kerberos_fields(struct bytes sequence, struct bytes *fields, uint32_t count)
{
    struct cursor c = cursor_of(sequence);
    for (uint32_t i = 0; i < count; i++) {
        fields[i] = (struct bytes){0};
    }
    while (c.rest.len > 0) {
        struct der field = der_next(&c);
        if (field.tag >= DER_CONTEXT && field.tag - DER_CONTEXT < count) {
            fields[field.tag - DER_CONTEXT] = field.value;
        }
    }
    return !c.failed;
}

bool kerberos_open(struct bytes element, struct bytes *fields, uint32_t count)
{
    struct cursor c = cursor_of(element);
    struct bytes sequence = der_take(&c, DER_SEQUENCE);
    return !c.failed && kerberos_fields(sequence, fields, count);
}

bool kerberos_int(struct bytes field, int64_t *ret)
{
    struct cursor c = cursor_of(field);
    *ret = der_int(&c, DER_INTEGER);
    return !c.failed;
}

/* RFC 4120 5.2.1, 5.2.2: a Realm is a KerberosString. */
bool kerberos_text(struct bytes field, struct bytes *ret)
{
    struct cursor c = cursor_of(field);
    *ret = der_take(&c, DER_GENERAL_STRING);
    return !c.failed;
}

/* RFC 4120 5.10; pvno and msg-type follow each other from element `pvno` on. */
static bool open_message(struct bytes message, uint32_t pvno, struct bytes *fields, uint32_t count)
{
    struct cursor c = cursor_of(message);
    struct der element = der_next(&c);
    int64_t version = 0, type = 0;
    return !c.failed && kerberos_open(element.value, fields, count) &&
           kerberos_int(fields[pvno], &version) && version == PVNO &&
           kerberos_int(fields[pvno + 1], &type) && type == (int64_t)(element.tag & 0x1f);
}

/* RFC 4120 5.2.9 */
bool kerberos_read_encrypted(struct bytes field, struct kerberos_encrypted *ret)
{
    enum { ETYPE, KVNO, CIPHER, FIELDS };
    struct bytes fields[FIELDS];
    if (!kerberos_open(field, fields, FIELDS) || !kerberos_int(fields[ETYPE], &ret->etype)) {
        return false;
    }
    struct cursor c = cursor_of(fields[CIPHER]);
    ret->cipher = der_take(&c, DER_OCTET_STRING);
    return !c.failed;
}

/* RFC 4120 5.3 */
bool kerberos_read_ticket(struct bytes ticket_element, struct kerberos_ticket *ret)
{
    enum { TKT_VNO, REALM, SNAME, ENC_PART, FIELDS };
    struct bytes fields[FIELDS];
    struct cursor c = cursor_of(ticket_element);
    struct bytes ticket = der_take(&c, DER_APPLICATION + 1);
    if (c.failed || !kerberos_open(ticket, fields, FIELDS)) {
        return false;
    }
    ret->service = fields[SNAME];
    return kerberos_text(fields[REALM], &ret->realm) &&
           kerberos_read_encrypted(fields[ENC_PART], &ret->part);
}

/* ---- messages ---- */

/* RFC 4120 5.4.1: KDC-REQ-BODY */
static bool read_body(struct bytes body, struct kerberos_request *ret)
{
    enum { OPTIONS, CNAME, REALM, SNAME, NONCE = 7, ETYPE = 8, TICKETS = 11, FIELDS };
    struct bytes fields[FIELDS];
    if (!kerberos_open(body, fields, FIELDS)) {
        return false;
    }
    ret->client = fields[CNAME];
    ret->service = fields[SNAME];
    ret->etypes = fields[ETYPE];
    ret->nonce = fields[NONCE];
    ret->tickets = fields[TICKETS];
    struct cursor c = cursor_of(fields[OPTIONS]);
    struct cursor options = der_option(&c, DER_BIT_STRING);
    cursor_skip(&options, 1); /* unused bits: X.690 8.6 */
    ret->options = cursor_be32(&options);
    return kerberos_text(fields[REALM], &ret->realm);
}

/* RFC 4120 5.4.1: KDC-REQ */
bool kerberos_read_request(struct bytes message, struct kerberos_request *ret)
{
    enum { MSG_PVNO = 1, PADATA = 3, REQ_BODY = 4, FIELDS };
    struct bytes fields[FIELDS];
    if (!open_message(message, MSG_PVNO, fields, FIELDS)) {
        return false;
    }
    ret->padata = fields[PADATA];
    return read_body(fields[REQ_BODY], ret);
}

/* RFC 4120 5.4.2: KDC-REP */
bool kerberos_read_reply(struct bytes message, struct kerberos_reply *ret)
{
    enum { MSG_PVNO = 0, PADATA = 2, CNAME = 4, TICKET = 5, ENC_PART = 6, FIELDS };
    struct bytes fields[FIELDS];
    if (!open_message(message, MSG_PVNO, fields, FIELDS)) {
        return false;
    }
    ret->padata = fields[PADATA];
    ret->client = fields[CNAME];
    return kerberos_read_ticket(fields[TICKET], &ret->ticket) &&
           kerberos_read_encrypted(fields[ENC_PART], &ret->part);
}

/* RFC 4120 5.5.1 */
bool kerberos_read_ap_request(struct bytes message, struct kerberos_ap_request *ret)
{
    enum { MSG_PVNO = 0, AP_OPTIONS = 2, TICKET = 3, AUTHENTICATOR = 4, FIELDS };
    enum { MUTUAL_REQUIRED = 0x20 }; /* bit 2, the most significant one being bit 0 */
    struct bytes fields[FIELDS];
    if (!open_message(message, MSG_PVNO, fields, FIELDS)) {
        return false;
    }
    struct cursor c = cursor_of(fields[AP_OPTIONS]);
    struct bytes options =
        der_take(&c, DER_BIT_STRING); /* unused bits, then the flags: X.690 8.6 */
    ret->mutual = options.len > 1 && (options.at[1] & MUTUAL_REQUIRED) != 0;
    return !c.failed && kerberos_read_ticket(fields[TICKET], &ret->ticket) &&
           kerberos_read_encrypted(fields[AUTHENTICATOR], &ret->authenticator);
}

/* RFC 4120 5.9.1. Heimdal and Samba leave the names out, or give them empty, where they know none.
 */
bool kerberos_read_error(struct bytes message, struct kerberos_error *ret)
{
    enum { MSG_PVNO = 0, ERROR_CODE = 6, CREALM, CNAME, REALM, SNAME, E_TEXT, E_DATA, FIELDS };
    struct bytes fields[FIELDS];
    if (!open_message(message, MSG_PVNO, fields, FIELDS) ||
        !kerberos_int(fields[ERROR_CODE], &ret->code)) {
        return false;
    }
    struct cursor data = cursor_of(fields[E_DATA]);
    ret->client_realm = ret->realm = (struct bytes){0};
    (void)kerberos_text(fields[CREALM], &ret->client_realm);
    (void)kerberos_text(fields[REALM], &ret->realm);
    ret->client = fields[CNAME];
    ret->service = fields[SNAME];
    ret->data = der_option(&data, DER_OCTET_STRING).rest;
    return true;
}

/* RFC 3244 2: message length, version (1, and 0xff80 for requests to set a password), length of the
 * AP-REQ or AP-REP */
bool kerberos_read_password(struct bytes in, uint64_t whole, struct kerberos_password *ret)
{
    struct cursor c = cursor_of(in);
    ret->len = cursor_be16(&c);
    ret->version = cursor_be16(&c);
    uint16_t ap = cursor_be16(&c);
    ret->message = c.rest;
    if (ap > 0 && ap < c.rest.len) {
        ret->message.len = ap;
    }
    return !c.failed && ret->len == whole &&
           (ret->version == 1 || ret->version == KERBEROS_PASSWORD_SET) &&
           ap <= ret->len - KERBEROS_PASSWORD_HEADER;
}

/* Passes an element's identifier and its length; for heads whose rest may not be there yet. False
 * when broken. */
static bool enter(struct cursor *c, uint8_t *ret_tag)
{
    *ret_tag = cursor_u8(c);
    uint8_t first = cursor_u8(c);
    if (first >= 0x80) {
        cursor_skip(c, first & 0x7f);
    }
    return c->failed || (first != 0x80 && first <= 0x84);
}

/* RFC 4120 5.4.1, 5.9.1: [APPLICATION n] SEQUENCE { pvno [0 or 1] INTEGER (5), ... } */
enum probe kerberos_looks(struct bytes head)
{
    static const uint8_t version[] = {3, DER_INTEGER, 1, PVNO};
    struct cursor c = cursor_of(head);
    uint8_t tag = 0, sequence = 0;
    bool whole = enter(&c, &tag);
    bool request = tag == KRB_AS_REQ || tag == KRB_TGS_REQ || tag == KRB_AP_REQ;
    bool reply = tag == KRB_AS_REP || tag == KRB_TGS_REP || tag == KRB_AP_REP || tag == KRB_ERROR;
    if (head.len > 0 && !request && !reply) {
        return PROBE_NO;
    }
    whole = enter(&c, &sequence) && whole;
    uint8_t pvno = cursor_u8(&c);
    struct bytes number = cursor_take(&c, sizeof(version));
    if (whole && c.failed) {
        return PROBE_MORE;
    }
    bool kdc_request = tag == KRB_AS_REQ || tag == KRB_TGS_REQ;
    if (!whole || sequence != DER_SEQUENCE || pvno != DER_CONTEXT + kdc_request ||
        !bytes_is(number, version, sizeof(version))) {
        return PROBE_NO;
    }
    return request ? PROBE_CLIENT : PROBE_SERVER;
}

/* ---- facts ---- */

/* RFC 4120 5.2.2 */
void kerberos_name(struct bytes name, struct kerberos_name *ret)
{
    enum { NAME_TYPE, NAME_STRING, FIELDS };
    struct bytes fields[FIELDS];
    uint8_t joined[sizeof(ret->text)];
    size_t len = 0;
    ret->text[0] = '\0';
    if (name.len == 0 || !kerberos_open(name, fields, FIELDS)) {
        return;
    }
    struct cursor c = cursor_of(fields[NAME_STRING]);
    struct cursor components = der_open(&c, DER_SEQUENCE);
    for (bool first = true; components.rest.len > 0 && len < sizeof(joined); first = false) {
        struct bytes part = der_take(&components, DER_GENERAL_STRING);
        if (components.failed) {
            return;
        }
        if (!first) {
            joined[len++] = '/';
        }
        size_t room = sizeof(joined) - len;
        size_t taken = part.len < room ? part.len : room;
        if (taken > 0) {
            memcpy(joined + len, part.at, taken);
            len += taken;
        }
    }
    (void)text_from_utf8(bytes_of(joined, len), ret->text, sizeof(ret->text));
}

void kerberos_state_name(struct observation *o, enum fact_id id, struct bytes name)
{
    struct kerberos_name readable;
    kerberos_name(name, &readable);
    observation_string(o, id, readable.text);
}

static const char *const etypes_known[] = {
#define KERBEROS_ETYPE(number, name) [number] = name,
#include "dissect/kerberos_names.def"
};
static const char *const padata_known[] = {
#define KERBEROS_PADATA(number, name) [number] = name,
#include "dissect/kerberos_names.def"
};
static const char *const errors_known[] = {
#define KERBEROS_ERROR(number, name) [number] = #name,
#include "dissect/kerberos_names.def"
};

/* The name of a number; the number itself where it has none. */
static void state_named(struct observation *o, enum fact_id id, int64_t number,
                        const char *const *names, size_t count)
{
    if (number >= 0 && (uint64_t)number < count && names[number] != NULL) {
        observation_string(o, id, names[number]);
    } else {
        observation_format(o, id, "%lld", (long long)number);
    }
}

#define STATE_NAMED(o, id, number, names)                                                          \
    state_named(o, id, number, names, sizeof(names) / sizeof(*(names)))

void kerberos_state_etype(struct observation *o, enum fact_id id, int64_t etype)
{
    STATE_NAMED(o, id, etype, etypes_known);
}

/* RFC 4120 5.4.1: etype [8] SEQUENCE OF Int32 */
void kerberos_state_etypes(struct observation *o, struct bytes etypes)
{
    struct cursor c = cursor_of(etypes);
    struct cursor list = der_option(&c, DER_SEQUENCE);
    while (list.rest.len > 0) {
        int64_t etype = der_int(&list, DER_INTEGER);
        if (!list.failed) {
            kerberos_state_etype(o, FACT_KERBEROS_ETYPES_OFFERED, etype);
        }
    }
}

void kerberos_state_padata_type(struct observation *o, enum fact_id id, int64_t type)
{
    STATE_NAMED(o, id, type, padata_known);
}

void kerberos_state_error(struct observation *o, int64_t code)
{
    STATE_NAMED(o, FACT_KERBEROS_ERROR, code, errors_known);
    if (code >= 0) {
        observation_num(o, FACT_KERBEROS_ERROR_CODE, (uint64_t)code);
    }
}
