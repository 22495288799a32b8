/*
 * test_dcerpc_messages.h - DCERPC fragments put together for tests: C706 12.6, [MS-RPCE] 2.2.2.
 */
#ifndef ROLECALL_TESTS_DCERPC_MESSAGES_H
#define ROLECALL_TESTS_DCERPC_MESSAGES_H

#include "tests/dissect/test_logon.h"

enum { BIND = 11, BIND_ACK = 12, BIND_NAK = 13, ALTER = 14, ALTER_RESP = 15, AUTH3 = 16 };
enum { REQUEST = 0, RESPONSE = 2, FAULT = 3, CO_CANCEL = 18 };
enum { SPNEGO = 9, NTLM = 10, KERBEROS = 16, NETLOGON = 0x44 };
enum { CONNECT = 2, PRIVACY = 6 };

struct verifier {
    unsigned type, level, context;
    struct built token;
};

/* C706 12.6.3.1, [MS-RPCE] 2.2.2.11 */
static inline struct built pdu(unsigned type, struct built body, const struct verifier *v)
{
    struct built b = {.len = 0};
    size_t auth = v == NULL ? 0 : v->token.len;
    put_le(&b, 5, 2);
    put_le(&b, type, 1);
    put_le(&b, 3, 1);
    put_le(&b, 0x10, 4);
    put_le(&b, 16 + body.len + (v == NULL ? 0 : 8 + auth), 2);
    put_le(&b, auth, 2);
    put_le(&b, 1, 4);
    put_built(&b, body);
    if (v != NULL) {
        put_le(&b, v->type, 1);
        put_le(&b, v->level, 1);
        put_le(&b, 0, 2);
        put_le(&b, v->context, 4);
        put_built(&b, v->token);
    }
    return b;
}

static const uint8_t NDR[20] = {4,    0x5d, 0x88, 0x8a, 0xeb, 0x1c, 0xc9, 0x11, 0x9f,
                                0xe8, 8,    0,    0x2b, 0x10, 0x48, 0x60, 2};

/* A bind's body up to its contexts. */
static inline struct built bind_head(size_t contexts)
{
    struct built b = {.len = 0};
    put_le(&b, 4280, 2);
    put_le(&b, 4280, 2);
    put_le(&b, 0, 4);
    put_le(&b, contexts, 4);
    return b;
}

/* One context: an interface aabbccdd-eeff-0123-4567-89abcdef01xx unless it is a known one. */
static inline void put_context(struct built *b, unsigned id, const uint8_t uuid[16],
                               unsigned transfers)
{
    put_le(b, id, 2);
    put_le(b, transfers, 2);
    put(b, uuid, 16);
    put_le(b, 1, 4);
    for (unsigned i = 0; i < transfers; i++) {
        put(b, NDR, sizeof NDR);
    }
}

/* svcctl, 367abb81-9844-35f1-ad32-98f038001003 */
static const uint8_t SVCCTL[16] = {0x81, 0xbb, 0x7a, 0x36, 0x44, 0x98, 0xf1, 0x35,
                                   0xad, 0x32, 0x98, 0xf0, 0x38, 0x00, 0x10, 0x03};
static const uint8_t OTHER[16] = {0xdd, 0xcc, 0xbb, 0xaa, 0xff, 0xee, 0x23, 0x01,
                                  0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x00};

static inline struct built bind_body(void)
{
    struct built b = bind_head(1);
    put_context(&b, 0, SVCCTL, 1);
    return b;
}

static inline struct built zeros(size_t octets)
{
    struct built b = {.len = octets};
    memset(b.at, 0, octets);
    return b;
}

static inline struct verifier token(unsigned type, unsigned context, struct built octets)
{
    return (struct verifier){.type = type, .level = PRIVACY, .context = context, .token = octets};
}

static inline void say_pdu(struct talk *t, enum dir dir, unsigned type, struct built body,
                           struct verifier v)
{
    say(t, dir, pdu(type, body, v.token.len == 0 ? NULL : &v));
}

static const struct verifier NO_VERIFIER;

static inline void say_call(struct talk *t, struct verifier v)
{
    say_pdu(t, DIR_CLIENT, REQUEST, zeros(8 + 40), v);
}

static inline void say_answer(struct talk *t, struct verifier v)
{
    say_pdu(t, DIR_SERVER, RESPONSE, zeros(8 + 24), v);
}

static inline void say_fault(struct talk *t, uint32_t status, struct verifier v)
{
    struct built body = zeros(8);
    put_le(&body, status, 4);
    put_le(&body, 0, 4);
    say_pdu(t, DIR_SERVER, FAULT, body, v);
}

/* The three messages of a logon in context `context`. */
static inline void say_logon(struct talk *t, unsigned type, unsigned context, const char *user)
{
    say_pdu(t, DIR_CLIENT, context == 0 ? BIND : ALTER, bind_body(),
            token(type, context, ntlm_negotiate()));
    say_pdu(t, DIR_SERVER, context == 0 ? BIND_ACK : ALTER_RESP, zeros(40),
            token(type, context, ntlm_challenge(NTLM_UNICODE)));
    say_pdu(t, DIR_CLIENT, AUTH3, zeros(4), token(type, context, logon_authenticate(user)));
}

static inline struct verifier sealed(unsigned context)
{
    return token(NTLM, context, zeros(16));
}

/* C706 12.6.4.9: a call with a number of its own. */
static inline struct built call_body(unsigned context, unsigned number, struct built stub)
{
    struct built b = {.len = 0};
    put_le(&b, stub.len, 4);
    put_le(&b, context, 2);
    put_le(&b, number, 2);
    put_built(&b, stub);
    return b;
}

/* C706 12.6.4.4: a secondary address of five octets, so that padding follows; and a result a
 * context: result in the low octet, reason above. */
static inline struct built ack_body(size_t count, const uint16_t *results)
{
    struct built b = zeros(8);
    put_le(&b, 5, 2);
    put(&b, "4444", 5);
    put_le(&b, 0, 1);
    put_le(&b, count, 4);
    for (size_t i = 0; i < count; i++) {
        put_le(&b, results[i] & 0xffu, 2);
        put_le(&b, results[i] >> 8, 2);
        put(&b, NDR, sizeof NDR);
    }
    return b;
}

#endif
