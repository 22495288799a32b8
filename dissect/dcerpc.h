/*
 * dcerpc.h - what the parts of the DCERPC dissector share: the state of one connection.
 *
 * dcerpc.c frames and probes; dcerpc_bind.c reads what binds interfaces, dcerpc_call.c what is
 * called, dcerpc_endpoint.c what the endpoint mapper answers; dcerpc_auth.c follows the logons;
 * dcerpc_interfaces.c names interfaces; dcerpc_datagram.c reads the connectionless protocol.
 *
 * Spec:   C706 12.6 (connection-oriented PDUs), 12.5 (connectionless), [MS-RPCE] 2.2.2.
 * Units:  octets.
 * Owner:  everything lives in the flow's arena.
 */
#ifndef ROLECALL_DISSECT_DCERPC_H
#define ROLECALL_DISSECT_DCERPC_H

#include "capture/limits.h"
#include "dissect/dissector.h"
#include "dissect/text.h"

#define DCERPC_HEADER 16
#define DCERPC_TRAILER 8 /* sec_trailer, [MS-RPCE] 2.2.2.11 */

/* C706 12.6.4.1, [MS-RPCE] 2.2.2.10 */
enum dcerpc_type {
    DCERPC_REQUEST = 0,
    DCERPC_RESPONSE = 2,
    DCERPC_FAULT = 3,
    DCERPC_BIND = 11,
    DCERPC_BIND_ACK = 12,
    DCERPC_BIND_NAK = 13,
    DCERPC_ALTER_CONTEXT = 14,
    DCERPC_ALTER_CONTEXT_RESP = 15,
    DCERPC_AUTH3 = 16,
    DCERPC_TYPE_LAST = 19,
};

/* C706 12.6.3.1: pfc_flags */
enum dcerpc_flag { DCERPC_FIRST_FRAG = 0x01, DCERPC_LAST_FRAG = 0x02 };

#define DCERPC_CALL_HEAD (DCERPC_HEADER + 8)
#define DCERPC_FAULT_HEAD (DCERPC_CALL_HEAD + 4)

struct dcerpc_header {
    uint8_t type, flags;
    bool little; /* integers are little-endian */
    uint16_t fragment, auth;
    uint32_t call;
};

/* [MS-RPCE] 2.2.2.11 */
struct dcerpc_trailer {
    uint8_t type, level;
    uint32_t context;
};

/* One security context: a logon of this connection. */
struct dcerpc_security {
    struct dissection *child; /* NULL until a token that is ours came */
    uint32_t id;
    unsigned used;  /* when: the higher, the later */
    bool open;      /* the outcome is not known yet */
    bool requested; /* a request followed the client's last token */
};

/* Where reading stands in one direction: inside a request, response or fault, before its verifier.
 */
struct dcerpc_lane {
    bool in_verifier;
    bool unbound;    /* a request whose bind was not captured */
    uint16_t number; /* of its operation */
    struct dcerpc_header header;
    uint32_t status; /* of a fault */
};

/* A presentation context: the interface that calls with this number are for. */
struct dcerpc_context {
    uint16_t id;
    char uuid[TEXT_UUID];
    struct dcerpc_trailer trailer; /* of the bind, all zero without a verifier */
};

/* What is followed for records: which interfaces are bound and what is called in them. */
struct dcerpc_watch {
    struct dcerpc_context contexts[LIMIT_DCERPC_SYNTAXES];
    struct observation *binds[LIMIT_DCERPC_SYNTAXES]; /* wait for the server's answer */
    uint8_t bind_of[LIMIT_DCERPC_ELEMENTS]; /* for each context proposed, its place in `binds` */
    unsigned context_count, bind_count, element_count;
    uint32_t calls[LIMIT_DCERPC_CALLS]; /* those stated: place of the context, and the number */
    unsigned call_count;
    struct observation *call; /* waits for its answer */
    uint32_t call_id, map_id; /* of that call, and of one to the endpoint mapper */
    bool maps;
    bool registry;       /* the remote registry is bound */
    bool product_stated; /* a key of Configuration Manager was opened */
};

struct dcerpc_state {
    struct dcerpc_lane lanes[2]; /* by enum dir */
    struct dcerpc_watch *watch;  /* NULL until a bind; and when nobody asks for records */
    struct dcerpc_security contexts[LIMIT_DCERPC_CONTEXTS];
    unsigned context_count, clock;
    bool unbound_stated; /* the protection of calls whose bind was not captured */
};

/* ---- dcerpc.c ---- */

uint16_t dcerpc_u16(struct cursor *c, bool little);
uint32_t dcerpc_u32(struct cursor *c, bool little);
struct dcerpc_trailer dcerpc_trailer_read(struct bytes in, bool little);

/* ---- dcerpc_bind.c ---- */

void dcerpc_uuid(struct cursor *c, bool little, char text[TEXT_UUID]);
/* The carrier and how calls are protected. */
void dcerpc_state_protection(struct dissection *dx, struct observation *o,
                             const struct dcerpc_trailer *trailer);
/* The interface, and the same of it. */
void dcerpc_state_interface(struct dissection *dx, struct observation *o, const char *uuid,
                            const struct dcerpc_trailer *trailer);
/* BIND and ALTER_CONTEXT: a record per interface. `trailer` is NULL when there is no verifier. */
void dcerpc_bind_read(struct dissection *dx, struct dcerpc_state *s, const struct dcerpc_header *h,
                      struct bytes fragment, const struct dcerpc_trailer *trailer);
/* BIND_ACK, ALTER_CONTEXT_RESP and BIND_NAK: those records are sent. */
void dcerpc_bind_answered(struct dissection *dx, struct dcerpc_state *s,
                          const struct dcerpc_header *h, struct bytes fragment);
/* No answer comes any more. */
void dcerpc_bind_end(struct dissection *dx, struct dcerpc_state *s);

/* ---- dcerpc_call.c ---- */

extern const char dcerpc_registry[]; /* the interface winreg */
/* The head of a request, response or fault; all of it where it names a key. */
void dcerpc_call_request(struct dissection *dx, struct dcerpc_state *s,
                         const struct dcerpc_header *h, struct bytes head);
void dcerpc_call_answered(struct dissection *dx, struct dcerpc_state *s,
                          const struct dcerpc_header *h, struct bytes head);
/* Whether an operation of this context was not called before. */
bool dcerpc_call_is_new(struct dissection *dx, struct dcerpc_watch *w, unsigned place,
                        uint16_t number);
/* Whether a whole request is, for the registry key that it may name. */
bool dcerpc_call_names_key(const struct dcerpc_state *s, const struct dcerpc_header *h);
/* Whether this message's head is worth reading. */
bool dcerpc_call_asks(const struct dcerpc_state *s, const struct dcerpc_header *h);
/* Whether this is the first protected request of a connection whose bind was not captured; and the
 * record of it, for its verifier is all that says how calls are protected. */
bool dcerpc_call_is_unbound(struct dissection *dx, const struct dcerpc_state *s,
                            const struct dcerpc_header *h);
void dcerpc_call_unbound(struct dissection *dx, struct dcerpc_state *s, enum dir dir,
                         const struct dcerpc_trailer *trailer);
void dcerpc_call_end(struct dissection *dx, struct dcerpc_state *s);

/* ---- dcerpc_endpoint.c ---- */

extern const char dcerpc_endpoint_mapper[]; /* the mapper's interface */
enum { DCERPC_EPT_MAP = 3 };

/* The answer to ept_map, whole: a record per endpoint. */
void dcerpc_endpoint_read(struct dissection *dx, const struct dcerpc_header *h,
                          struct bytes fragment);

/* ---- dcerpc_datagram.c ---- */

enum probe dcerpc_datagram_probe(struct bytes head);
struct fed dcerpc_datagram_feed(struct dissection *dx, struct dcerpc_state *s, enum dir dir,
                                struct bytes in);

/* ---- dcerpc_auth.c ---- */

void dcerpc_auth_token(struct dissection *dx, struct dcerpc_state *s, enum dir dir,
                       const struct dcerpc_trailer *trailer, struct bytes token);
/* A request, response or fault; `trailer` is NULL when it has no verifier. */
void dcerpc_auth_request(struct dcerpc_state *s, const struct dcerpc_trailer *trailer);
void dcerpc_auth_response(struct dcerpc_state *s, const struct dcerpc_trailer *trailer);
void dcerpc_auth_fault(struct dcerpc_state *s, const struct dcerpc_trailer *trailer,
                       uint32_t status);
void dcerpc_auth_refused(struct dcerpc_state *s);
/* The connection ended: logons that wait are written without an outcome. */
void dcerpc_auth_end(struct dcerpc_state *s);
/* Whether any logon waits for its outcome, so that verifiers are worth reading. */
bool dcerpc_auth_waits(const struct dcerpc_state *s);

/* ---- dcerpc_interfaces.c ---- */

/* The name of an interface by its canonical UUID; NULL: not known. */
const char *dcerpc_interface_name(const char *uuid);

#endif
