/*
 * dcerpc.h - what the parts of the DCERPC dissector share: the state of one connection.
 *
 * dcerpc.c frames and probes; dcerpc_bind.c reads what binds interfaces; dcerpc_auth.c follows the
 * logons; dcerpc_interfaces.c names interfaces.
 *
 * Spec:   C706 12.6 (connection-oriented PDUs), [MS-RPCE] 2.2.2.
 * Units:  octets.
 * Owner:  everything lives in the flow's arena.
 */
#ifndef ROLECALL_DISSECT_DCERPC_H
#define ROLECALL_DISSECT_DCERPC_H

#include "capture/limits.h"
#include "dissect/dissector.h"

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
    struct dcerpc_header header;
    uint32_t status; /* of a fault */
};

struct dcerpc_state {
    struct dcerpc_lane lanes[2]; /* by enum dir */
    struct dcerpc_security contexts[LIMIT_DCERPC_CONTEXTS];
    unsigned context_count, clock;
};

/* ---- dcerpc.c ---- */

uint16_t dcerpc_u16(struct cursor *c, bool little);
uint32_t dcerpc_u32(struct cursor *c, bool little);
struct dcerpc_trailer dcerpc_trailer_read(struct bytes in, bool little);

/* ---- dcerpc_bind.c ---- */

/* BIND and ALTER_CONTEXT: a record per interface. `trailer` is NULL when there is no verifier. */
void dcerpc_bind_read(struct dissection *dx, const struct dcerpc_header *h, struct bytes fragment,
                      const struct dcerpc_trailer *trailer);

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
