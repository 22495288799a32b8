/*
 * ldap.h - what the parts of the LDAP dissector share: the state of one connection.
 *
 * ldap.c frames and probes; ldap_layer.c opens what is only signed; ldap_operation.c pairs requests
 * with their answers; ldap_filter.c and ldap_result.c read parts of them; ldap_bind.c follows
 * authentication.
 *
 * Spec:   RFC 4511; RFC 4513 5 (authentication); [MS-ADTS] 3.1.1.3.1.3 (CLDAP), 5.1.1 (Sicily).
 * Units:  octets; tags as in der.h.
 * Owner:  the state lives in the flow's arena; drafts are sent or dropped.
 */
#ifndef ROLECALL_DISSECT_LDAP_H
#define ROLECALL_DISSECT_LDAP_H

#include "capture/limits.h"
#include "dissect/der.h"
#include "dissect/dissector.h"

/* RFC 4511 4.2 to 4.14, as tags of protocolOp */
enum ldap_operation {
    LDAP_BIND_REQUEST = 0x60,
    LDAP_BIND_RESPONSE = 0x61,
    LDAP_UNBIND_REQUEST = 0x42,
    LDAP_SEARCH_REQUEST = 0x63,
    LDAP_SEARCH_ENTRY = 0x64,
    LDAP_SEARCH_DONE = 0x65,
    LDAP_SEARCH_REFERENCE = 0x73,
    LDAP_MODIFY_REQUEST = 0x66,
    LDAP_MODIFY_RESPONSE = 0x67,
    LDAP_ADD_REQUEST = 0x68,
    LDAP_ADD_RESPONSE = 0x69,
    LDAP_DELETE_REQUEST = 0x4a,
    LDAP_DELETE_RESPONSE = 0x6b,
    LDAP_MODIFY_DN_REQUEST = 0x6c,
    LDAP_MODIFY_DN_RESPONSE = 0x6d,
    LDAP_COMPARE_REQUEST = 0x6e,
    LDAP_COMPARE_RESPONSE = 0x6f,
    LDAP_ABANDON_REQUEST = 0x50,
    LDAP_EXTENDED_REQUEST = 0x77,
    LDAP_EXTENDED_RESPONSE = 0x78,
    LDAP_INTERMEDIATE_RESPONSE = 0x79,
};

/* How a bind goes on after its answer. */
enum ldap_bind {
    LDAP_BIND_PLAIN,            /* the answer is final, and no security token is in it */
    LDAP_BIND_SICILY_DISCOVERY, /* asks only what there is */
    LDAP_BIND_SASL,             /* the answer may ask for more */
    LDAP_BIND_SICILY_NEGOTIATE, /* success only means that a challenge comes with it */
    LDAP_BIND_SICILY_RESPONSE,
};

/* How messages after a bind are protected, as their octets show it. */
enum ldap_protection { LDAP_NONE, LDAP_SIGN, LDAP_SEAL };

/* A request that waits for its answer. */
struct ldap_request {
    struct observation *draft; /* NULL: free slot */
    int64_t id;
    uint64_t entries; /* of a search, so far */
    uint64_t age;     /* the lower, the older */
    enum ldap_bind bind;
    bool starttls;
    bool of_product;   /* a search that speaks of Configuration Manager */
    uint8_t referrals; /* stated so far */
};

/* What is not read yet of a security layer's buffer. */
struct ldap_buffer {
    enum ldap_protection protection;
    size_t plain; /* octets of messages */
    size_t tail;  /* octets behind them */
};

struct ldap_state {
    struct ldap_request *requests; /* `room` slots: a connection seldom has two under way */
    unsigned room;
    struct ldap_buffer buffers[2]; /* by enum dir */
    uint64_t clock;
    struct dissection *child;    /* what binds exchange; NULL until a token that is ours came */
    struct observation *settled; /* a bind that succeeded, until what follows says what it gave */
    enum ldap_protection protection; /* of the message being read */
    bool layered;                    /* a SASL security layer may be in force */
    bool bound;                      /* a bind succeeded */
};

/* One message: its protocolOp's tag and content. */
struct ldap_message {
    int64_t id;
    uint32_t tag;
    struct bytes body;     /* empty when the message is too long to be read whole */
    struct bytes controls; /* what follows the operation */
};

/* RFC 4511 4.1.9, with the serverSaslCreds of a bind (4.2.2) */
struct ldap_result {
    int64_t code;
    struct bytes matched, diagnostic, referral, name, credentials;
    bool failed;
};

/* What a security layer's buffer holds. */
struct ldap_layer {
    enum ldap_protection protection;
    struct bytes plain; /* its messages, where they are readable; perhaps not all of it is there */
};

/* What is to be read after a message. */
enum ldap_next { LDAP_MORE, LDAP_TLS, LDAP_OVER, LDAP_LAST_ANSWERS };

/* ---- ldap.c ---- */

/* The length of the message that begins here, as far as it is there; false: none begins. */
bool ldap_message_size(struct bytes head, uint64_t *ret_size) MUST_USE;

/* ---- ldap_layer.c ---- */

/* A buffer of `len` octets, of which at least the first LDAP_LAYER_HEAD are there. */
#define LDAP_LAYER_HEAD 128
struct ldap_layer ldap_layer_read(struct bytes buffer, size_t len);

/* ---- ldap_filter.c ---- */

/* False when it is broken or too deep. */
bool ldap_filter_state(struct observation *o, struct cursor *c);

/* ---- ldap_operation.c ---- */

/* "bind", "search", ... of a request or of the answer that ends it; NULL: neither. */
const char *ldap_operation_name(uint32_t tag);
/* Whether more than the head of an entry found is asked for. */
bool ldap_entry_is_sought(const struct dissection *dx, struct ldap_state *s, int64_t id);
enum ldap_next ldap_message_read(struct dissection *dx, struct ldap_state *s, enum dir dir,
                                 const struct ldap_message *m);
/* What follows a bind is protected like this: its record waited for it. */
void ldap_protection_seen(struct dissection *dx, struct ldap_state *s,
                          enum ldap_protection protection);
bool ldap_requests_wait(const struct ldap_state *s);
/* Requests that got no answer. */
void ldap_requests_end(struct dissection *dx, struct ldap_state *s);

/* ---- ldap_result.c ---- */

struct ldap_result ldap_result_read(struct bytes body);
void ldap_result_state(struct observation *o, const struct ldap_result *result);
/* RFC 4511 4.1.9; NULL: not assigned there. */
const char *ldap_result_name(int64_t code);
/* A list of URIs. `stated` of them were stated before; the answer is how many now are. */
uint8_t ldap_referral_state(struct observation *o, struct bytes uris, uint8_t stated);

/* ---- ldap_bind.c ---- */

void ldap_bind_request(struct dissection *dx, struct ldap_state *s, struct ldap_request *request,
                       struct bytes body, enum dir dir);
/* True when the client is bound now. */
bool ldap_bind_response(struct dissection *dx, struct ldap_state *s, enum ldap_bind bind,
                        const struct ldap_result *result, enum dir dir);

#endif
