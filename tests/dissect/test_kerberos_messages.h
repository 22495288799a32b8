/*
 * test_kerberos_messages.h - Kerberos messages put together for tests: RFC 4120 5, RFC 3244 2.
 *
 * Owner: everything lies in the caller's struct built.
 */
#ifndef ROLECALL_TESTS_KERBEROS_MESSAGES_H
#define ROLECALL_TESTS_KERBEROS_MESSAGES_H

#include "dissect/der.h"
#include "dissect/kerberos.h"
#include "tests/dissect/test_ntlm_messages.h"

static inline struct built octets(const void *at, size_t len)
{
    struct built b = {.len = 0};
    put(&b, at, len);
    return b;
}

static inline struct built join(struct built a, struct built b)
{
    put(&a, b.at, b.len);
    return a;
}

static inline struct built der(uint8_t tag, struct built inside)
{
    struct built b = {.len = 0};
    size_t n = inside.len < 0x80 ? 0 : inside.len < 0x100 ? 1 : 2;
    put_le(&b, tag, 1);
    put_le(&b, n == 0 ? inside.len : 0x80 | n, 1);
    for (size_t i = n; i > 0; i--) {
        put_le(&b, inside.len >> 8 * (i - 1), 1);
    }
    return join(b, inside);
}

/* `a`, and after it [n] `inside` */
static inline struct built field(struct built a, unsigned n, struct built inside)
{
    return join(a, der((uint8_t)(DER_CONTEXT + n), inside));
}

static inline struct built der_number(int64_t number)
{
    struct built b = {.len = 0};
    unsigned n = 1;
    while (n < 8 &&
           (number > (INT64_C(1) << (8 * n - 1)) - 1 || number < -(INT64_C(1) << (8 * n - 1)))) {
        n++;
    }
    for (unsigned i = n; i > 0; i--) {
        put_le(&b, (uint64_t)number >> 8 * (i - 1) & 0xff, 1);
    }
    return der(DER_INTEGER, b);
}

static inline struct built der_string(const char *text)
{
    return der(DER_GENERAL_STRING, octets(text, strlen(text)));
}

/* "a/b" has two components. */
static inline struct built krb_name(const char *text)
{
    struct built parts = {.len = 0};
    for (;;) {
        size_t len = strcspn(text, "/");
        parts = join(parts, der(DER_GENERAL_STRING, octets(text, len)));
        if (text[len] == '\0') {
            break;
        }
        text += len + 1;
    }
    struct built b = field((struct built){.len = 0}, 0, der_number(2));
    return der(DER_SEQUENCE, field(b, 1, der(DER_SEQUENCE, parts)));
}

static inline struct built krb_encrypted(int64_t etype, const char *cipher)
{
    struct built b = field((struct built){.len = 0}, 0, der_number(etype));
    b = field(b, 1, der_number(2));
    return der(DER_SEQUENCE, field(b, 2, der(DER_OCTET_STRING, octets(cipher, strlen(cipher)))));
}

static inline struct built krb_ticket(const char *realm, const char *service, int64_t etype)
{
    struct built b = field((struct built){.len = 0}, 0, der_number(5));
    b = field(b, 1, der_string(realm));
    b = field(b, 2, krb_name(service));
    b = field(b, 3, krb_encrypted(etype, "ticket cipher"));
    return der(DER_APPLICATION + 1, der(DER_SEQUENCE, b));
}

/* A message from its fields from msg-type on; pvno and msg-type are [first] and [first + 1]. */
static inline struct built krb_message(uint8_t tag, unsigned first, struct built fields)
{
    struct built b = field((struct built){.len = 0}, first, der_number(5));
    b = field(b, first + 1, der_number(tag & 0x1f));
    return der(tag, der(DER_SEQUENCE, join(b, fields)));
}

struct kdc_request {
    uint8_t type;
    const char *realm, *client, *service; /* names: NULL leaves them out */
    int64_t nonce;
    int64_t etypes[6], padata[6]; /* up to a zero */
    const struct built *more;     /* PA-DATA elements behind those; NULL: none */
    const struct built *ticket;   /* an additional one; NULL: none */
    uint32_t options;
};

/* RFC 4120 5.2.7 */
static inline struct built krb_padata(int64_t type, struct built value)
{
    struct built data = field((struct built){.len = 0}, 1, der_number(type));
    return der(DER_SEQUENCE, field(data, 2, der(DER_OCTET_STRING, value)));
}

static inline struct built krb_request(const struct kdc_request *r)
{
    struct built body = {.len = 0}, list = {.len = 0}, fields = {.len = 0};
    uint32_t bits = 0x40810010 | r->options;
    const uint8_t options[] = {0, (uint8_t)(bits >> 24), (uint8_t)(bits >> 16),
                               (uint8_t)(bits >> 8), (uint8_t)bits};
    body = field(body, 0, der(DER_BIT_STRING, octets(options, sizeof options)));
    body = r->client == NULL ? body : field(body, 1, krb_name(r->client));
    body = field(body, 2, der_string(r->realm));
    body = r->service == NULL ? body : field(body, 3, krb_name(r->service));
    body = field(body, 5, der(DER_GENERALIZED_TIME, octets("20370913024805Z", 15)));
    body = field(body, 7, der_number(r->nonce));
    for (const int64_t *e = r->etypes; *e != 0; e++) {
        list = join(list, der_number(*e));
    }
    body = field(body, 8, der(DER_SEQUENCE, list));
    body = r->ticket == NULL ? body : field(body, 11, der(DER_SEQUENCE, *r->ticket));
    list.len = 0;
    for (const int64_t *p = r->padata; *p != 0; p++) {
        list = join(list, krb_padata(*p, octets("padata cipher", 13)));
    }
    list = r->more == NULL ? list : join(list, *r->more);
    fields = list.len == 0 ? fields : field(fields, 3, der(DER_SEQUENCE, list));
    return krb_message(r->type, 1, field(fields, 4, der(DER_SEQUENCE, body)));
}

static inline struct built krb_reply(uint8_t type, const char *client, const char *service,
                                     int64_t ticket_etype, int64_t reply_etype)
{
    struct built b = {.len = 0};
    b = field(b, 3, der_string("CORP.EXAMPLE"));
    b = field(b, 4, krb_name(client));
    b = field(b, 5, krb_ticket("CORP.EXAMPLE", service, ticket_etype));
    return krb_message(type, 0, field(b, 6, krb_encrypted(reply_etype, "reply cipher")));
}

/* With e-data, and the client's realm. */
static inline struct built krb_error_data(int64_t code, const char *client_realm, struct built data)
{
    struct built b = {.len = 0};
    b = field(b, 4, der(DER_GENERALIZED_TIME, octets("20261123024809Z", 15)));
    b = field(b, 5, der_number(524422));
    b = field(b, 6, der_number(code));
    b = client_realm == NULL ? b : field(b, 7, der_string(client_realm));
    b = field(b, 9, der_string("CORP.EXAMPLE"));
    b = field(b, 10, krb_name("krbtgt/CORP.EXAMPLE"));
    return krb_message(KRB_ERROR, 0, field(b, 12, der(DER_OCTET_STRING, data)));
}

/* Names: NULL leaves them out. */
static inline struct built krb_error(int64_t code, const char *client, const char *service)
{
    struct built b = {.len = 0};
    b = field(b, 4, der(DER_GENERALIZED_TIME, octets("20261123024809Z", 15)));
    b = field(b, 5, der_number(524422));
    b = field(b, 6, der_number(code));
    b = client == NULL ? b : field(b, 8, krb_name(client));
    b = field(b, 9, der_string("CORP.EXAMPLE"));
    return krb_message(KRB_ERROR, 0, service == NULL ? b : field(b, 10, krb_name(service)));
}

static inline struct built krb_ap_request(bool mutual, const char *service, int64_t etype,
                                          const char *authenticator)
{
    struct built b = {.len = 0};
    b = field(b, 2, der(DER_BIT_STRING, octets(mutual ? "\0\x20\0\0\0" : "\0\0\0\0\0", 5)));
    b = field(b, 3, krb_ticket("CORP.EXAMPLE", service, etype));
    return krb_message(KRB_AP_REQ, 0, field(b, 4, krb_encrypted(18, authenticator)));
}

static inline struct built krb_ap_reply(void)
{
    return krb_message(KRB_AP_REP, 0,
                       field((struct built){.len = 0}, 2, krb_encrypted(18, "part cipher")));
}

/* RFC 4120 7.2.2 */
static inline struct built krb_framed(struct built message)
{
    struct built b = {.len = 0};
    for (unsigned i = 4; i > 0; i--) {
        put_le(&b, message.len >> 8 * (i - 1) & 0xff, 1);
    }
    return join(b, message);
}

/* RFC 3244 2; without `ap` the rest is the error */
static inline struct built krb_kpasswd(uint16_t version, struct built ap, struct built rest)
{
    size_t len = 6 + ap.len + rest.len;
    uint8_t header[] = {(uint8_t)(len >> 8), (uint8_t)len,           (uint8_t)(version >> 8),
                        (uint8_t)version,    (uint8_t)(ap.len >> 8), (uint8_t)ap.len};
    return join(join(octets(header, sizeof header), ap), rest);
}

#endif
