/*
 * dns_tkey.c - keys that client and server agree on with GSS-API, as clients of a domain do before
 * an update: the security tokens in TKEY records.
 *
 * Spec: RFC 2930 2 (the record), RFC 3645 3, 4 (GSS-API in it), RFC 8945 4.2 (TSIG).
 */
#include "dissect/dns.h"

enum { GSS_API = 3 }; /* RFC 2930 2.5: the mode */

struct tkey {
    uint16_t mode, error;
    struct bytes key;
};

/* Algorithm, inception, expiration, mode, error, key size, key */
static bool read_record(const struct dns_record *record, struct tkey *ret)
{
    struct cursor c = cursor_of(record->data);
    if (!dns_skip_name(&c)) {
        return false;
    }
    cursor_skip(&c, 8);
    ret->mode = cursor_be16(&c);
    ret->error = cursor_be16(&c);
    ret->key = cursor_take(&c, cursor_be16(&c));
    return !c.failed && ret->mode == GSS_API;
}

static void feed(struct dissection *dx, struct dns_state *s, enum dir dir, struct bytes token)
{
    if (s->security == NULL) {
        s->security = dissection_child(dx, &spnego_dissector, "dns");
    }
    if (s->security != NULL && token.len > 0) {
        dissection_feed(s->security, dir, token);
    }
}

void dns_tkey_read(struct dissection *dx, struct dns_state *s, enum dir dir,
                   const struct dns_message *m, struct cursor records)
{
    bool response = (m->flags & DNS_RESPONSE) != 0, signed_too = false;
    unsigned error = m->flags & 15;
    struct tkey key;
    struct dns_record record;
    unsigned count = (unsigned)m->count[1] + m->count[2] + m->count[3];
    for (unsigned i = 0; i < count && dns_next_record(m, &records, &record); i++) {
        if (record.type == DNS_TKEY && read_record(&record, &key)) {
            error = error != 0 ? error : key.error;
            feed(dx, s, dir, key.key);
        }
        signed_too = signed_too || record.type == DNS_TSIG;
    }
    if (!response || s->security == NULL) {
        return;
    }
    /* RFC 3645 4.1.3: the response that ends it well is signed with the new key. */
    struct outcome outcome = {.result = AUTH_SUCCESS, .status = dns_rcode_name(error)};
    if (error != 0) {
        outcome.result = AUTH_FAILURE;
    }
    if (error != 0 || signed_too) {
        dissection_end(s->security, &outcome);
    }
}
