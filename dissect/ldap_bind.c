/*
 * ldap_bind.c - how a client authenticates, and the security tokens in it. A password is never
 * kept.
 */
#include "dissect/ldap.h"

/* RFC 4511 4.2: AuthenticationChoice; [MS-ADTS] 5.1.1.1.3 for the Sicily ones */
enum {
    CHOICE_SIMPLE = 0x80,
    CHOICE_SASL = 0xa3,
    CHOICE_SICILY_DISCOVERY = 0x89,
    CHOICE_SICILY_NEGOTIATE = 0x8a,
    CHOICE_SICILY_RESPONSE = 0x8b,
};
enum { LDAP_SUCCESS = 0, LDAP_SASL_BIND_IN_PROGRESS = 14 };

/* RFC 4422 3.1: at most 20 characters; compared without regard to case here, for clients differ. */
enum { MECHANISM_MOST = 20 };

static void state_sasl_mechanism(struct observation *o, struct bytes name)
{
    uint8_t lower[MECHANISM_MOST];
    size_t len = name.len < sizeof lower ? name.len : sizeof lower;
    for (size_t i = 0; i < len; i++) {
        uint8_t c = name.at[i];
        lower[i] = c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
    }
    observation_utf8(o, FACT_LDAP_MECHANISM, bytes_of(lower, len));
}

/* Tokens that are ours: NTLM, GSS-API and SPNEGO. Those of a security layer's negotiation (RFC
 * 4752 3.1) and of other mechanisms are not. */
static void feed_token(struct dissection *dx, struct ldap_state *s, enum dir dir,
                       struct bytes token)
{
    bool ours =
        bytes_has_prefix(token, "NTLMSSP", 8) ||
        (token.len > 0 && (token.at[0] == 0x60 || token.at[0] == 0xa0 || token.at[0] == 0xa1));
    if (!ours) {
        return;
    }
    if (s->child == NULL) {
        s->child = dissection_child(dx, &spnego_dissector, "ldap");
    }
    dissection_feed(s->child, dir, token);
}

/* RFC 4513 5.1 */
static const char *simple_mechanism(struct bytes name, struct bytes password)
{
    return password.len > 0 ? "simple" : name.len > 0 ? "unauthenticated" : "anonymous";
}

/* RFC 4511 4.2 */
void ldap_bind_request(struct dissection *dx, struct ldap_state *s, struct ldap_request *request,
                       struct bytes body, enum dir dir)
{
    struct cursor c = cursor_of(body);
    (void)der_int(&c, DER_INTEGER);
    struct bytes name = der_take(&c, DER_OCTET_STRING);
    struct der choice = der_next(&c);
    if (c.failed) {
        dissection_anomaly(dx, "ldap.bad_bind");
        return;
    }
    struct observation *o = request->draft;
    observation_utf8(o, FACT_LDAP_DN, name);
    struct cursor sasl = cursor_of(choice.value);
    struct bytes token = choice.value;
    switch (choice.tag) {
    case CHOICE_SIMPLE:
        observation_string(o, FACT_LDAP_MECHANISM, simple_mechanism(name, choice.value));
        return;
    case CHOICE_SASL:
        request->bind = LDAP_BIND_SASL;
        state_sasl_mechanism(o, der_take(&sasl, DER_OCTET_STRING));
        token = der_option(&sasl, DER_OCTET_STRING).rest;
        break;
    case CHOICE_SICILY_DISCOVERY:
        request->bind = LDAP_BIND_SICILY_DISCOVERY;
        observation_string(o, FACT_LDAP_MECHANISM, "sicily");
        return;
    case CHOICE_SICILY_NEGOTIATE:
    case CHOICE_SICILY_RESPONSE:
        request->bind = choice.tag == CHOICE_SICILY_NEGOTIATE ? LDAP_BIND_SICILY_NEGOTIATE
                                                              : LDAP_BIND_SICILY_RESPONSE;
        observation_string(o, FACT_LDAP_MECHANISM, "sicily");
        break;
    default:
        dissection_anomaly(dx, "ldap.bad_bind");
        return;
    }
    s->layered = true;
    feed_token(dx, s, dir, token);
}

/* RFC 4511 4.2.2. Sicily's challenge stands in matchedDN: [MS-ADTS] 5.1.1.1.3. */
bool ldap_bind_response(struct dissection *dx, struct ldap_state *s, enum ldap_bind bind,
                        const struct ldap_result *result, enum dir dir)
{
    bool sicily = bind == LDAP_BIND_SICILY_NEGOTIATE;
    bool goes_on = result->code == (sicily ? LDAP_SUCCESS : LDAP_SASL_BIND_IN_PROGRESS);
    if (result->failed || bind == LDAP_BIND_SICILY_DISCOVERY) {
        return false;
    }
    if (bind == LDAP_BIND_PLAIN) {
        return result->code == LDAP_SUCCESS;
    }
    feed_token(dx, s, dir, sicily ? result->matched : result->credentials);
    if (!goes_on && s->child != NULL) {
        struct outcome outcome = {.result =
                                      result->code == LDAP_SUCCESS ? AUTH_SUCCESS : AUTH_FAILURE,
                                  .status = ldap_result_name(result->code)};
        dissection_end(s->child, &outcome);
    }
    return !goes_on && result->code == LDAP_SUCCESS;
}
