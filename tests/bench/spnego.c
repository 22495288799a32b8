#include "tests/bench/spnego.h"

#include "tests/bench/ber.h"
#include "tests/bench/hosts.h"
#include "tests/bench/kerberos.h"
#include "tests/bench/octets.h"
#include "tests/bench/random.h"

enum { ACCEPT_COMPLETED = 0, ACCEPT_INCOMPLETE = 1, NO_STATE = 0xff };
enum { KRB5_AP_REQ = 0x0100, KRB5_AP_REP = 0x0200, KRB5_WRAP = 0x0504 };

enum mechanism { MS_KRB5, KRB5, NTLMSSP };

static const struct {
    uint8_t len;
    uint8_t at[10];
} oids[] = {
    [MS_KRB5] = {9, {0x2a, 0x86, 0x48, 0x82, 0xf7, 0x12, 0x01, 0x02, 0x02}},
    [KRB5] = {9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02}},
    [NTLMSSP] = {10, {0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0a}},
};

static const uint8_t spnego_oid[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x02};

static void put_oid(struct octets *o, enum mechanism m)
{
    der_octets(o, DER_OID, oids[m].at, oids[m].len);
}

/* NegTokenInit, RFC 4178 4.2.1, is always wrapped once more by the GSS framing (RFC 2743 3.1). */
struct init_marks {
    size_t gss, choice, sequence;
};

static struct init_marks open_init(struct octets *o, const enum mechanism *offered, size_t count)
{
    struct init_marks m;

    m.gss = der_open(o, DER_APPLICATION);
    der_octets(o, DER_OID, spnego_oid, sizeof spnego_oid);
    m.choice = der_open(o, DER_CONTEXT | 0);
    m.sequence = der_open(o, DER_SEQUENCE);
    size_t types = der_open(o, DER_CONTEXT | 0), list = der_open(o, DER_SEQUENCE);
    for (size_t i = 0; i < count; i++)
        put_oid(o, offered[i]);
    der_close(o, list);
    der_close(o, types);
    return m;
}

static void close_init(struct octets *o, struct init_marks m)
{
    der_close(o, m.sequence);
    der_close(o, m.choice);
    der_close(o, m.gss);
}

static void put_field(struct octets *o, uint8_t number, const struct octets *token)
{
    der_field_octets(o, number, token->at, token->len);
}

/* NegTokenResp, RFC 4178 4.2.2; NULL leaves a field out. */
static void put_response(struct octets *o, uint8_t state, const enum mechanism *chosen,
                         const struct octets *token, const struct octets *mic)
{
    size_t choice = der_open(o, DER_CONTEXT | 1), sequence = der_open(o, DER_SEQUENCE);

    if (state != NO_STATE) {
        size_t field = der_open(o, DER_CONTEXT | 0);
        der_integer(o, DER_ENUMERATED, state);
        der_close(o, field);
    }
    if (chosen) {
        size_t field = der_open(o, DER_CONTEXT | 1);
        put_oid(o, *chosen);
        der_close(o, field);
    }
    if (token)
        put_field(o, 2, token);
    if (mic)
        put_field(o, 3, mic);
    der_close(o, sequence);
    der_close(o, choice);
}

/* NTLMSSP_MESSAGE_SIGNATURE, [MS-NLMP] 2.2.2.9.2. */
static void put_ntlm_mic(struct octets *o, struct random *r)
{
    octets_le32(o, 1);
    random_octets(r, o, 8);
    octets_le32(o, 0);
}

void spnego_ntlm_negotiate(struct octets *o)
{
    static const enum mechanism offered[] = {NTLMSSP};
    struct octets token = {0};

    ntlm_negotiate(&token);
    struct init_marks m = open_init(o, offered, 1);
    put_field(o, 2, &token);
    close_init(o, m);
    octets_done(&token);
}

void spnego_ntlm_challenge(struct octets *o, const struct ntlm_talk *talk)
{
    static const enum mechanism chosen = NTLMSSP;
    struct octets token = {0};

    ntlm_challenge(&token, talk);
    put_response(o, ACCEPT_INCOMPLETE, &chosen, &token, NULL);
    octets_done(&token);
}

void spnego_ntlm_authenticate(struct octets *o, const struct ntlm_talk *talk)
{
    struct octets token = {0}, mic = {0};

    ntlm_authenticate(&token, talk);
    put_ntlm_mic(&mic, talk->random);
    put_response(o, NO_STATE, NULL, &token, &mic);
    octets_done(&token);
    octets_done(&mic);
}

void spnego_ntlm_accept(struct octets *o, struct random *r)
{
    struct octets mic = {0};

    put_ntlm_mic(&mic, r);
    put_response(o, ACCEPT_COMPLETED, NULL, NULL, &mic);
    octets_done(&mic);
}

/* RFC 4121 4.1: the mechanism's name and a token id before the message. */
static size_t open_krb5_token(struct octets *o, uint16_t token_id)
{
    size_t mark = der_open(o, DER_APPLICATION);
    put_oid(o, KRB5);
    octets_be16(o, token_id);
    return mark;
}

void spnego_kerberos_request(struct octets *o, struct random *r, const char *service)
{
    static const enum mechanism offered[] = {MS_KRB5, KRB5, NTLMSSP};
    struct octets token = {0};

    size_t mark = open_krb5_token(&token, KRB5_AP_REQ);
    kerberos_ap_request(&token, r, service, AP_OPTIONS_MUTUAL_REQUIRED);
    der_close(&token, mark);
    struct init_marks m = open_init(o, offered, sizeof offered / sizeof *offered);
    put_field(o, 2, &token);
    close_init(o, m);
    octets_done(&token);
}

void spnego_kerberos_accept(struct octets *o, struct random *r)
{
    static const enum mechanism chosen = MS_KRB5;
    struct octets token = {0};

    size_t mark = open_krb5_token(&token, KRB5_AP_REP);
    kerberos_ap_reply(&token, r);
    der_close(&token, mark);
    put_response(o, ACCEPT_COMPLETED, &chosen, &token, NULL);
    octets_done(&token);
}

void kerberos_sealed(struct octets *o, struct random *r, bool from_server, size_t n)
{
    enum { CONFOUNDER_HEADER_AND_CHECKSUM = 16 + 16 + 12 };

    octets_be16(o, KRB5_WRAP);
    octets_u8(o, from_server ? 0x07 : 0x06); /* sealed, acceptor's subkey, by the acceptor */
    octets_u8(o, 0xff);
    octets_be16(o, 0);
    octets_be16(o, 28); /* RRC: rotated by checksum and header */
    octets_be32(o, 0);
    octets_be32(o, random_u32(r));
    random_octets(r, o, n + CONFOUNDER_HEADER_AND_CHECKSUM);
}

/* [MS-SPNG] 2.2.1: the hint that is there to be ignored. */
void spnego_server_hint(struct octets *o)
{
    static const enum mechanism offered[] = {MS_KRB5, KRB5, NTLMSSP};

    struct init_marks m = open_init(o, offered, sizeof offered / sizeof *offered);
    size_t hints = der_open(o, DER_CONTEXT | 3), sequence = der_open(o, DER_SEQUENCE);
    der_field_text(o, 0, DER_GENERAL_STRING, "not_defined_in_RFC4178@please_ignore");
    der_close(o, sequence);
    der_close(o, hints);
    close_init(o, m);
}
