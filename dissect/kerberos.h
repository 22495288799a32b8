/*
 * kerberos.h - Kerberos messages, for the exchanges with a KDC and for the AP exchange.
 *
 * Readers give spans; the state functions turn them into facts. What is encrypted stays a span that
 * nobody prints: no ticket and no key material is ever stated.
 *
 * Spec:   RFC 4120 5 and its annex A. A message is one DER element, its tag the message's name.
 * Owner:  spans borrow from the message.
 * Errors: false for a message that is broken or lacks what it must have; then nothing of it is
 * known. A name that cannot be read states nothing.
 */
#ifndef ROLECALL_DISSECT_KERBEROS_H
#define ROLECALL_DISSECT_KERBEROS_H

#include "capture/limits.h"
#include "dissect/dissector.h"

/* RFC 4120 5.10: [APPLICATION n], where n is msg-type too (RFC 4120 7.5.7) */
enum kerberos_message {
    KRB_AS_REQ = 0x6a,
    KRB_AS_REP = 0x6b,
    KRB_TGS_REQ = 0x6c,
    KRB_TGS_REP = 0x6d,
    KRB_AP_REQ = 0x6e,
    KRB_AP_REP = 0x6f,
    KRB_ERROR = 0x7e,
};

/* AP exchanges: whole AP-REQ, AP-REP and KRB-ERROR messages are fed, without GSS-API around them.
 */
extern const struct dissector kerberos_ap_dissector;

struct kerberos_encrypted {
    int64_t etype;
    struct bytes cipher;
};

struct kerberos_ticket {
    struct bytes realm, service;
    struct kerberos_encrypted part;
};

/* Realms are text; client and service are PrincipalName elements, empty where left out. */
struct kerberos_request {
    struct bytes padata, realm, client, service, etypes;
    struct bytes nonce; /* INTEGER element, empty where left out */
};

struct kerberos_reply {
    struct bytes client;
    struct kerberos_ticket ticket;
    struct kerberos_encrypted part;
};

struct kerberos_ap_request {
    bool mutual;
    struct kerberos_ticket ticket;
    struct kerberos_encrypted authenticator;
};

struct kerberos_error {
    int64_t code;
    struct bytes realm, client, service;
};

bool kerberos_read_request(struct bytes message, struct kerberos_request *ret) MUST_USE;
bool kerberos_read_reply(struct bytes message, struct kerberos_reply *ret) MUST_USE;
bool kerberos_read_ap_request(struct bytes message, struct kerberos_ap_request *ret) MUST_USE;
bool kerberos_read_error(struct bytes message, struct kerberos_error *ret) MUST_USE;
/* What the first octets say. */
enum probe kerberos_looks(struct bytes head);

/* A principal's name as text, its components joined by "/"; empty when it cannot be read. */
struct kerberos_name {
    char text[LIMIT_TEXT + 8];
};
void kerberos_name(struct bytes name, struct kerberos_name *ret);

void kerberos_state_name(struct observation *o, enum fact_id id, struct bytes name);
void kerberos_state_etype(struct observation *o, enum fact_id id, int64_t etype);
void kerberos_state_etypes(struct observation *o, struct bytes etypes);
void kerberos_state_padata(struct observation *o, struct bytes padata);
void kerberos_state_error(struct observation *o, int64_t code);

#endif
