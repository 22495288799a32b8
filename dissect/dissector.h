/*
 * dissector.h - the one interface between the engine and a protocol.
 *
 * A dissector is a pure reader: contiguous octets of one direction in, facts out, and an answer.
 * The engine owns buffering, limits, gaps, identification and nesting. A dissector prints nothing,
 * logs nothing, knows no host and no severity, and allocates only from its flow's arena.
 *
 * Units:  octets.
 * Owner:  `state` lives in the flow's arena, zeroed at first; `in` is valid during the call only.
 * Errors: hostile input is FED_BAD, never a crash; NULL from an allocation means "state nothing and
 * go quiet".
 */
#ifndef ROLECALL_DISSECT_DISSECTOR_H
#define ROLECALL_DISSECT_DISSECTOR_H

#include "capture/arena.h"
#include "capture/bytes.h"
#include "capture/flow.h"
#include "dissect/observation.h"

enum fed_status {
    FED_OK,   /* `used` octets were read; call again with what is left */
    FED_MORE, /* nothing was read; call again when `need` octets are there (0: any more) */
    FED_SKIP, /* `used` octets were read, and the next `need` octets of this direction do not matter
               */
    FED_REST, /* as FED_OK, and the state holds nothing that is waited for: that of a datagram's
                 dissector is forgotten until more comes, so that answered look-ups cost no memory
               */
    FED_DONE, /* nothing more to learn from this flow, in either direction */
    FED_QUIET, /* nothing more to learn from this direction */
    FED_BAD,   /* not this protocol, or broken: the engine looks for the next message */
};

struct fed {
    enum fed_status status;
    size_t used;
    uint64_t need;
};

static inline struct fed fed_ok(size_t used)
{
    return (struct fed){.status = FED_OK, .used = used};
}
static inline struct fed fed_more(size_t need)
{
    return (struct fed){.status = FED_MORE, .need = need};
}
static inline struct fed fed_skip(size_t used, uint64_t need)
{
    return (struct fed){.status = FED_SKIP, .used = used, .need = need};
}
static inline struct fed fed_rest(size_t used)
{
    return (struct fed){.status = FED_REST, .used = used};
}
static inline struct fed fed_done(void)
{
    return (struct fed){.status = FED_DONE};
}
static inline struct fed fed_quiet(void)
{
    return (struct fed){.status = FED_QUIET};
}
static inline struct fed fed_bad(void)
{
    return (struct fed){.status = FED_BAD};
}

/* What the first octets of a direction look like. A probe is strict: it runs on every port. */
enum probe {
    PROBE_NO,
    PROBE_MORE,   /* too short to tell */
    PROBE_CLIENT, /* this protocol, sent by its client */
    PROBE_SERVER, /* this protocol, sent by its server */
    PROBE_EITHER, /* this protocol; either end could have sent it */
};

/* How an authentication that a carrier (SMB, HTTP, LDAP, TDS) held ended. */
enum auth_result { AUTH_UNKNOWN, AUTH_SUCCESS, AUTH_FAILURE };
struct outcome {
    enum auth_result result;
    const char *status; /* the carrier's answer ("STATUS_LOGON_FAILURE", "401"), or NULL */
};

/* What the innermost security mechanism showed, for the carrier that holds it. */
enum auth_mechanism { AUTH_NONE, AUTH_NTLM, AUTH_KERBEROS, AUTH_OTHER };
struct auth {
    enum auth_mechanism mechanism;
    bool anonymous; /* an NTLM AUTHENTICATE without an account */
};

struct dissection; /* one dissector at work on one flow; engine.h */

struct dissector {
    const char *name;      /* the flow's `protocol` when it is identified */
    const uint16_t *ports; /* server ports, a probing hint, 0-terminated; may be NULL */
    bool tcp, udp;         /* transports it runs on; both false: only inside others */
    bool ports_only;  /* its octets look like another's: probed only where one end has one of its
                         ports */
    bool precedes;    /* it only leads to the flow's own protocol, and does not name the flow */
    uint32_t records; /* bit per enum record that it states; where nobody wants one of them its
                         flows are recognised and not read. 0: always read */
    size_t state_size;
    enum probe (*probe)(struct bytes head);
    /* Where neither end has one of its ports, asked after everybody else; NULL: as probe. */
    enum probe (*probe_elsewhere)(struct bytes head);
    /* NULL: recognised only; nothing is read beyond the probe. */
    struct fed (*feed)(struct dissection *dx, void *state, enum dir dir, struct bytes in);
    /* `missing` octets of a direction were lost outside a SKIP. True: go on at the next segment
     * that probe() accepts; false, or NULL: that direction goes quiet. Forget what waited for the
     * lost octets. */
    bool (*gap)(struct dissection *dx, void *state, enum dir dir, uint64_t missing);
    /* The flow ended, or the carrier says how the exchange ended (outcome, else NULL): write what
     * waits. */
    void (*end)(struct dissection *dx, void *state, const struct outcome *outcome);
};

#define PROTOCOL(name) extern const struct dissector name##_dissector;
#include "dissect/protocols.def"
#undef PROTOCOL
/* Read inside others only; never probed for. */
extern const struct dissector spnego_dissector;
extern const struct dissector ntlm_dissector;
extern const struct dissector websocket_dissector;

/* ---- what the engine offers to a dissector ---- */

const struct flow *dissection_flow(const struct dissection *dx);
const struct stamp *dissection_at(const struct dissection *dx); /* the packet being read */
struct arena *dissection_arena(struct dissection *dx);
const char *dissection_carrier(
    const struct dissection *dx); /* "tcp", "udp", "smb", "http", "http-connect", ... */
bool dissection_secrets(
    const struct dissection *dx); /* the user asked for what may be abused (NT proofs) */
/* The user asked for the text of SQL requests, and for the paths of files. */
bool dissection_sql_text(const struct dissection *dx);
bool dissection_paths(const struct dissection *dx);
/* Rules read the records, which ask for some facts that are written only where the user wants them.
 */
bool dissection_audited(const struct dissection *dx);
/* Whether to state also what is costly to work out and no built-in rule reads: fingerprints,
 * offered lists. */
bool dissection_details(const struct dissection *dx);
/* Whether anybody asks for this kind of record. */
bool dissection_wants(const struct dissection *dx, enum record record);
struct certificates *
dissection_certificates(struct dissection *dx); /* the worker's cache, tls_cert.h */

/* A record to write facts into; NULL when a limit bites (counted). Ends in exactly one of send and
 * drop. */
struct observation *dissection_begin(struct dissection *dx, enum record record) MUST_USE;
/* Stamped with the packet being read, unless the dissector stamped it when that was another one. */
void dissection_send(struct dissection *dx, struct observation *o, enum dir dir);
void dissection_drop(struct dissection *dx, struct observation *o);

/* A named oddity of this flow, once each: a string constant such as "smb.bad_length". */
void dissection_anomaly(struct dissection *dx, const char *name);

/* An exchange inside this one (SPNEGO in SMB). The child lives as long as the flow; whole messages
 * are fed. NULL when nested too deep or out of memory. */
struct dissection *dissection_child(struct dissection *dx, const struct dissector *inside,
                                    const char *carrier) MUST_USE;
void dissection_feed(struct dissection *child, enum dir dir, struct bytes message);
/* What begins with `head` in a stream inside this one, by its content: a child for it. NULL, with
 * PROBE_NO or PROBE_MORE for an answer, while nobody knows it; NULL with another answer when it is
 * known and nobody reads it. The flow is named after it, unless it is TLS. */
struct dissection *dissection_recognise(struct dissection *dx, struct bytes head,
                                        const char *carrier, enum probe *ret_seen);
/* As dissection_feed(), for a child whose messages are a stream of their own (TLS in TDS packets,
 * DCERPC in a pipe): what is not whole yet waits, and FED_SKIP holds. False when `dir` of the child
 * has nothing more to say. */
bool dissection_stream(struct dissection *child, enum dir dir, struct bytes octets);
/* The next `missing` octets of that stream are not there: a gap, unless they did not matter. */
void dissection_stream_lost(struct dissection *child, enum dir dir, uint64_t missing);
/* The carrier learned how the exchange ended; the child writes its record. Later calls start a new
 * exchange. */
void dissection_end(struct dissection *child, const struct outcome *outcome);
struct auth *
dissection_auth(struct dissection *dx); /* of the innermost; a security dissector writes it */

/* From the next octet on, both directions carry another protocol (after CONNECT or Upgrade):
 * identified anew with this carrier. With `inside` it is that protocol. The caller returns fed_ok
 * afterwards. */
void dissection_hand_over(struct dissection *dx, const struct dissector *inside,
                          const char *carrier);

/* What waits in `dir`, the other direction, (FED_MORE) is offered again after the octets being
 * read: they changed how it is to be read. */
void dissection_resume(struct dissection *dx, enum dir dir);

/* A finer name of what the flow carries, from a host name seen (SNI, Host), as nDPI knows it. */
void dissection_host_name(struct dissection *dx, struct bytes name);
/* The same from what the protocol itself says: a string constant, which stands over nDPI's. */
void dissection_application(struct dissection *dx, const char *name);

#endif
