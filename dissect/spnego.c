/*
 * spnego.c - what negotiates NTLM or Kerberos inside SMB, HTTP, LDAP and others.
 *
 * RFC 4178 with [MS-SPNG]; also the mechanisms without SPNEGO around them, as GSS-API tokens (RFC
 * 2743 3.1, RFC 4121 4.1) and as a bare NTLM message. States nothing itself: it finds the innermost
 * token. The mechanism used last counts, for a refused Kerberos token is often followed by NTLM.
 */
#include "dissect/der.h"
#include "dissect/kerberos.h"

struct spnego {
    struct dissection *ntlm, *kerberos;
};

/* RFC 4178 3.2; RFC 4121 4.1; [MS-SPNG] 3.1.5.2 (the misprinted Kerberos);
 * draft-swift-win2k-krb-user2user-03 4 */
static const uint8_t OID_SPNEGO[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x02};
static const uint8_t OID_KERBEROS[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02};
static const uint8_t OID_MS_KERBEROS[] = {0x2a, 0x86, 0x48, 0x82, 0xf7, 0x12, 0x01, 0x02, 0x02};
static const uint8_t OID_USER_TO_USER[] = {0x2a, 0x86, 0x48, 0x86, 0xf7,
                                           0x12, 0x01, 0x02, 0x02, 0x03};

/* RFC 4121 4.1 */
enum { TOK_ID_KRB_AP_REQ = 0x0100, TOK_ID_KRB_AP_REP = 0x0200, TOK_ID_KRB_ERROR = 0x0300 };

static bool is_ntlm(struct bytes token)
{
    return bytes_has_prefix(token, "NTLMSSP", 8);
}

static void feed_ntlm(struct dissection *dx, struct spnego *s, enum dir dir, struct bytes token)
{
    if (s->kerberos != NULL) {
        /* What turns to NTLM did not get through with Kerberos. */
        dissection_end(s->kerberos, &(struct outcome){.result = AUTH_FAILURE});
    }
    if (s->ntlm == NULL) {
        s->ntlm = dissection_child(dx, &ntlm_dissector, dissection_carrier(dx));
    }
    if (s->ntlm != NULL) {
        dissection_feed(s->ntlm, dir, token);
    }
}

/* [MS-KILE] 3.4.5.1: with GSS_C_DCE_STYLE the messages stand without GSS-API around them. */
static bool is_kerberos(struct bytes token)
{
    return token.len > 0 &&
           (token.at[0] == KRB_AP_REQ || token.at[0] == KRB_AP_REP || token.at[0] == KRB_ERROR);
}

static void feed_kerberos(struct dissection *dx, struct spnego *s, enum dir dir,
                          struct bytes message)
{
    if (s->ntlm != NULL && message.len > 0 && message.at[0] == KRB_AP_REQ) {
        dissection_end(s->ntlm, NULL);
    }
    if (s->kerberos == NULL) {
        s->kerberos = dissection_child(dx, &kerberos_ap_dissector, dissection_carrier(dx));
    }
    if (s->kerberos != NULL) {
        dissection_feed(s->kerberos, dir, message);
    }
}

/* RFC 2743 3.1 with the token identifiers of RFC 4121 4.1. `c` is behind the mechanism's OID. */
static void read_gss_mechanism(struct dissection *dx, struct spnego *s, enum dir dir,
                               struct bytes oid, struct cursor c)
{
    bool kerberos = bytes_is(oid, OID_KERBEROS, sizeof(OID_KERBEROS)) ||
                    bytes_is(oid, OID_MS_KERBEROS, sizeof(OID_MS_KERBEROS)) ||
                    bytes_is(oid, OID_USER_TO_USER, sizeof(OID_USER_TO_USER));
    if (!kerberos) {
        dissection_auth(dx)->mechanism = AUTH_OTHER;
        return;
    }
    uint16_t token = cursor_be16(&c);
    if (token == TOK_ID_KRB_AP_REQ || token == TOK_ID_KRB_AP_REP || token == TOK_ID_KRB_ERROR) {
        feed_kerberos(dx, s, dir, c.rest);
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
    if (is_kerberos(token)) {
        feed_kerberos(dx, s, dir, token);
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
    read_gss_mechanism(dx, s, dir, oid, inside);
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
    if (is_kerberos(token)) {
        feed_kerberos(dx, s, dir, token);
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
    read_gss_mechanism(dx, s, dir, oid, inside);
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
    if (s->kerberos != NULL) {
        dissection_end(s->kerberos, outcome);
    }
}

const struct dissector spnego_dissector = {
    .name = "spnego",
    .state_size = sizeof(struct spnego),
    .feed = spnego_feed,
    .end = spnego_end,
};
