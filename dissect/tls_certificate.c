/*
 * tls_certificate.c - the Certificate message, stated.
 */
#include "dissect/tls_cert.h"
#include "dissect/tls_handshake.h"

/* The two ends' certificates have the same facts under two names. */
struct certificate_facts {
    enum fact_id subject, issuer, serial, not_before, not_after, san, key, signature, sha256,
        self_signed, eku, packet;
};

#define FACTS_OF(end)                                                                              \
    {                                                                                              \
        FACT_TLS_##end##_SUBJECT, FACT_TLS_##end##_ISSUER, FACT_TLS_##end##_SERIAL,                \
            FACT_TLS_##end##_NOT_BEFORE, FACT_TLS_##end##_NOT_AFTER, FACT_TLS_##end##_SAN,         \
            FACT_TLS_##end##_KEY, FACT_TLS_##end##_SIGNATURE, FACT_TLS_##end##_SHA256,             \
            FACT_TLS_##end##_SELF_SIGNED, FACT_TLS_##end##_EKU, FACT_TLS_##end##_PACKET            \
    }

static const struct certificate_facts facts_of[2] = {FACTS_OF(CERTIFICATE),
                                                     FACTS_OF(CLIENT_CERTIFICATE)};

static void state_text(struct observation *o, enum fact_id id, const char *text)
{
    observation_utf8(o, id, bytes_text(text));
}

static void state_time(struct observation *o, enum fact_id id, int64_t ns)
{
    if (ns != INT64_MIN) {
        observation_num(o, id, (uint64_t)ns);
    }
}

void tls_certificate_state_leaf(struct dissection *dx, struct observation *o, struct bytes der,
                                bool of_client)
{
    const struct certificate_facts *f = &facts_of[of_client];
    struct certificates *cache = dissection_certificates(dx);
    observation_stamp(o, f->packet, dissection_at(dx));
    const struct certificate *c = certificates_read(cache, der);
    if (c == NULL) {
        uint8_t sha256[32];
        dissection_anomaly(dx, "tls.bad_certificate");
        if (certificates_sha256(cache, der, sha256)) {
            observation_hex(o, f->sha256, bytes_of(sha256, sizeof sha256));
        }
        return;
    }
    state_text(o, f->subject, c->subject);
    state_text(o, f->issuer, c->issuer);
    observation_string(o, f->serial, c->serial);
    state_time(o, f->not_before, c->not_before_ns);
    state_time(o, f->not_after, c->not_after_ns);
    for (unsigned i = 0; i < c->san_count; i++) {
        state_text(o, f->san, c->san[i]);
    }
    observation_string(o, f->key, c->key);
    observation_string(o, f->signature, c->signature);
    observation_hex(o, f->sha256, bytes_of(c->sha256, sizeof c->sha256));
    observation_bool(o, f->self_signed, c->self_signed);
    for (unsigned i = 0; i < c->eku_count; i++) {
        observation_string(o, f->eku, c->eku[i]);
    }
    o->cut += c->names_cut;
}

static void state_issuer(struct dissection *dx, struct observation *o, struct bytes der)
{
    const struct certificate *c = certificates_read(dissection_certificates(dx), der);
    if (c != NULL) {
        state_text(o, FACT_TLS_CHAIN_ISSUERS, c->issuer);
    }
}

/* RFC 5246 7.4.2: the end's own certificate is the first of the list. */
bool tls_certificate_state(struct dissection *dx, struct observation *o, struct bytes body,
                           bool of_client)
{
    struct cursor c = cursor_of(body);
    uint32_t list_len = cursor_be24(&c);
    struct cursor list = cursor_sub(&c, list_len);
    struct bytes leaf = {0};
    unsigned count = 0;
    while (list.rest.len > 0) {
        uint32_t len = cursor_be24(&list);
        struct bytes der = cursor_take(&list, len);
        if (list.failed) {
            break;
        }
        if (count++ == 0) {
            leaf = der;
        } else if (!of_client && count <= LIMIT_CHAIN_ISSUERS + 1) {
            state_issuer(dx, o, der);
        }
    }
    if (c.failed || list.failed) {
        dissection_anomaly(dx, "tls.bad_certificate_list");
    }
    if (!of_client && count > 0) {
        observation_num(o, FACT_TLS_CHAIN_LENGTH, count);
    }
    if (leaf.len > 0) {
        tls_certificate_state_leaf(dx, o, leaf, of_client);
    }
    return count > 0;
}
