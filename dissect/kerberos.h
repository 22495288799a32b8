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

/* AP exchanges: whole AP-REQ, AP-REP and KRB-ERROR messages are fed, without GSS-API around them;
 * those of the password service with their frame. */
extern const struct dissector kerberos_ap_dissector;

struct kerberos_encrypted {
    int64_t etype;
    struct bytes cipher;
};

struct kerberos_ticket {
    struct bytes realm, service;
    struct kerberos_encrypted part;
};

/* RFC 4120 5.4.1: KDCOptions, the most significant bit being 0; [MS-SFU] 2.2.3 */
enum kerberos_option {
    KERBEROS_CNAME_IN_ADDL_TKT = 0x00020000,
    KERBEROS_ENC_TKT_IN_SKEY = 0x00000008,
};

/* Realms are text; client and service are PrincipalName elements, empty where left out. */
struct kerberos_request {
    struct bytes padata, realm, client, service, etypes;
    struct bytes nonce;   /* INTEGER element, empty where left out */
    struct bytes tickets; /* additional ones: SEQUENCE OF Ticket, empty where left out */
    uint32_t options;
};

struct kerberos_reply {
    struct bytes padata, client;
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
    struct bytes client_realm, realm; /* text */
    struct bytes client, service;
    struct bytes data; /* e-data's content */
};

/* RFC 3244 2: what frames the messages of the password service. */
struct kerberos_password {
    uint16_t len, version;
    struct bytes message; /* AP-REQ or AP-REP; without one the KRB-ERROR in the place of KRB-PRIV */
};
#define KERBEROS_PASSWORD_HEADER 6
#define KERBEROS_PASSWORD_CARRIER "kpasswd"
#define KERBEROS_PASSWORD_SET 0xff80 /* the version of a request to set another's password */

bool kerberos_read_request(struct bytes message, struct kerberos_request *ret) MUST_USE;
bool kerberos_read_reply(struct bytes message, struct kerberos_reply *ret) MUST_USE;
bool kerberos_read_ap_request(struct bytes message, struct kerberos_ap_request *ret) MUST_USE;
bool kerberos_read_error(struct bytes message, struct kerberos_error *ret) MUST_USE;
bool kerberos_read_ticket(struct bytes ticket, struct kerberos_ticket *ret) MUST_USE;
/* `whole` is the length of the message that `in` is the beginning of. */
bool kerberos_read_password(struct bytes in, uint64_t whole,
                            struct kerberos_password *ret) MUST_USE;
/* What the first octets say. */
enum probe kerberos_looks(struct bytes head);

/* The elements [0] to [count - 1] of a SEQUENCE, of its content or of the whole of it; one that is
 * left out is empty. */
bool kerberos_fields(struct bytes content, struct bytes *fields, uint32_t count) MUST_USE;
bool kerberos_open(struct bytes sequence, struct bytes *fields, uint32_t count) MUST_USE;
bool kerberos_int(struct bytes field, int64_t *ret) MUST_USE;
/* False leaves it empty. */
bool kerberos_text(struct bytes field, struct bytes *ret);
bool kerberos_read_encrypted(struct bytes field, struct kerberos_encrypted *ret) MUST_USE;

/* A principal's name as text, its components joined by "/"; empty when it cannot be read. */
struct kerberos_name {
    char text[LIMIT_TEXT + 8];
};
void kerberos_name(struct bytes name, struct kerberos_name *ret);

void kerberos_state_name(struct observation *o, enum fact_id id, struct bytes name);
void kerberos_state_etype(struct observation *o, enum fact_id id, int64_t etype);
void kerberos_state_etypes(struct observation *o, struct bytes etypes);
void kerberos_state_padata_type(struct observation *o, enum fact_id id, int64_t type);
void kerberos_state_error(struct observation *o, int64_t code);

/* ---- kerberos_padata.c ---- */

/* What a request's pre-authentication data and options say; `details`: the costly rest of it too.
 */
void kerberos_state_request(struct observation *o, const struct kerberos_request *request,
                            bool details);
/* The same of a reply whose request was not seen. */
void kerberos_state_reply(struct observation *o, const struct kerberos_reply *reply);
/* The e-data of an error, by the error's code. */
void kerberos_state_error_data(struct observation *o, const struct kerberos_error *error,
                               bool details);
/* The same of an error of the password service. */
void kerberos_state_password_result(struct observation *o, const struct kerberos_error *error);

#endif
