/*
 * spnego.c - what negotiates NTLM or Kerberos inside SMB, HTTP, LDAP and others.
 *
 * RFC 4178 with [MS-SPNG]; also the mechanisms without SPNEGO around them, as GSS-API tokens (RFC
 * 2743 3.1, RFC 4121 4.1) and as a bare NTLM message. States nothing itself: it finds the innermost
 * token. The mechanism used last counts, for a refused Kerberos token is often followed by NTLM.
 */
#include "dissect/der.h"
#include "dissect/dissector.h"

struct spnego {
    struct dissection *ntlm;
};

/* RFC 4178 3.2; RFC 4121 4.1; [MS-SPNG] 3.1.5.2 (the misprinted Kerberos) */
static const uint8_t OID_SPNEGO[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x02};
static const uint8_t OID_KERBEROS[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02};
static const uint8_t OID_MS_KERBEROS[] = {0x2a, 0x86, 0x48, 0x82, 0xf7, 0x12, 0x01, 0x02, 0x02};

enum { TOK_ID_KRB_AP_REQ = 0x0100 };

static bool is_ntlm(struct bytes token)
{
    return bytes_has_prefix(token, "NTLMSSP", 8);
}

static void feed_ntlm(struct dissection *dx, struct spnego *s, enum dir dir, struct bytes token)
{
    if (s->ntlm == NULL) {
        s->ntlm = dissection_child(dx, &ntlm_dissector, dissection_carrier(dx));
    }
    if (s->ntlm != NULL) {
        dissection_feed(s->ntlm, dir, token);
    }
}

/* RFC 2743 3.1 with the token identifiers of RFC 4121 4.1. `c` is behind the mechanism's OID. */
static void read_gss_mechanism(struct dissection *dx, struct bytes oid, struct cursor c)
{
    bool kerberos = bytes_is(oid, OID_KERBEROS, sizeof(OID_KERBEROS)) ||
                    bytes_is(oid, OID_MS_KERBEROS, sizeof(OID_MS_KERBEROS));
    if (!kerberos) {
        dissection_auth(dx)->mechanism = AUTH_OTHER;
    } else if (cursor_be16(&c) == TOK_ID_KRB_AP_REQ) {
        dissection_auth(dx)->mechanism = AUTH_KERBEROS;
        dissection_auth(dx)->anonymous = false;
    }
}

/* A mechToken or responseToken. */
static bool read_mechanism(struct dissection *dx, struct spnego *s, enum dir dir,
                           struct bytes token)
{
    if (is_ntlm(token)) {
        feed_ntlm(dx, s, dir, token);
        return true;
    }
    if (token.len == 0 || token.at[0] != DER_APPLICATION) {
        return true; /* NEGOEX and others: nothing that is ours */
    }
    struct cursor c = cursor_of(token);
    struct cursor inside = der_open(&c, DER_APPLICATION);
    struct bytes oid = der_take(&inside, DER_OID);
    if (inside.failed) {
        return false;
    }
    read_gss_mechanism(dx, oid, inside);
    return true;
}

/* NegTokenInit, NegTokenInit2 and NegTokenResp all hold their token in [2]: RFC 4178 4.2,
 * [MS-SPNG] 2.2.1 */
static bool read_negotiation(struct dissection *dx, struct spnego *s, enum dir dir,
                             struct cursor *c)
{
    uint32_t choice = der_peek(c);
    if (choice != DER_CONTEXT && choice != DER_CONTEXT + 1) {
        return false;
    }
    struct cursor inside = der_open(c, choice);
    struct cursor fields = der_open(&inside, DER_SEQUENCE);
    while (fields.rest.len > 0) {
        struct der field = der_next(&fields);
        if (field.tag != DER_CONTEXT + 2) {
            continue;
        }
        struct cursor value = cursor_of(field.value);
        struct bytes token = der_take(&value, DER_OCTET_STRING);
        if (value.failed || !read_mechanism(dx, s, dir, token)) {
            return false;
        }
    }
    return !fields.failed && !inside.failed;
}

static bool read_token(struct dissection *dx, struct spnego *s, enum dir dir, struct bytes token)
{
    if (is_ntlm(token)) {
        feed_ntlm(dx, s, dir, token);
        return true;
    }
    struct cursor c = cursor_of(token);
    if (der_peek(&c) != DER_APPLICATION) {
        return read_negotiation(dx, s, dir, &c);
    }
    struct cursor inside = der_open(&c, DER_APPLICATION);
    struct bytes oid = der_take(&inside, DER_OID);
    if (inside.failed) {
        return false;
    }
    if (bytes_is(oid, OID_SPNEGO, sizeof(OID_SPNEGO))) {
        return read_negotiation(dx, s, dir, &inside);
    }
    read_gss_mechanism(dx, oid, inside);
    return true;
}

static struct fed spnego_feed(struct dissection *dx, void *state, enum dir dir, struct bytes in)
{
    if (!read_token(dx, state, dir, in)) {
        dissection_anomaly(dx, "spnego.bad_token");
        return fed_bad();
    }
    return fed_ok(in.len);
}

static void spnego_end(struct dissection *dx, void *state, const struct outcome *outcome)
{
    struct spnego *s = state;
    (void)dx;
    if (s->ntlm != NULL) {
        dissection_end(s->ntlm, outcome);
    }
}

const struct dissector spnego_dissector = {
    .name = "spnego",
    .state_size = sizeof(struct spnego),
    .feed = spnego_feed,
    .end = spnego_end,
};
