/*
 * observation.h - what is stated about one message or exchange: the one thing that leaves a
 * dissector.
 *
 * An observation is written while the exchange goes on (a request's facts wait in it for the reply)
 * and is then sent whole. The engine owns it until it is sent; a worker's pool recycles it with its
 * buffers, so a steady state allocates nothing.
 *
 * Text given here is made safe once: UTF-8 is checked, UTF-16LE converted, whatever is not valid
 * becomes U+FFFD, length is capped at LIMIT_TEXT with a final U+2026. Empty text is not stated,
 * unless said otherwise. Errors: past LIMIT_FACTS or LIMIT_OBSERVATION_TEXT a fact is dropped and
 * `cut` counts it.
 */
#ifndef ROLECALL_DISSECT_OBSERVATION_H
#define ROLECALL_DISSECT_OBSERVATION_H

#include "capture/flow.h"
#include "dissect/fact.h"

struct fact {
    uint16_t id;  /* enum fact_id */
    uint32_t len; /* of text, hex octets or stamp */
    union {
        uint64_t num;
        size_t offset; /* into the observation's text */
    } value;
};

/* The flow as the rules and writers need it: a copy, since the flow itself may be gone by then. */
struct flow_reference {
    uint64_t id;
    struct flow_end ends[2]; /* by enum dir */
    uint8_t protocol;        /* IANA number */
    bool opening_seen, direction_certain, has_vlan;
    bool holed[2]; /* by enum dir: payload was not captured, up to the time of this observation */
    uint16_t vlan;
    struct stamp opening; /* as in struct flow */
};

struct observation {
    enum record record;
    enum dir dir;    /* which end sent the message that completed it */
    struct stamp at; /* the packet that completed it */
    struct flow_reference flow;
    uint64_t order; /* place in the output: at.order, or that of the moment the flow was closed */
    uint32_t sequence; /* place among observations of the same order and flow */
    uint32_t cut;      /* facts dropped by a limit */
    bool muted; /* nobody asks for this kind of record: facts are not kept, and it is not sent */
    struct fact *facts;
    uint32_t count, room;
    uint64_t stated[(FACT_COUNT + 63) / 64]; /* one bit a fact: most that is asked is not there */
    char *text;
    size_t text_len, text_room;
    struct observation *next;   /* the pool's and the queues' link */
    uint16_t first[FACT_COUNT]; /* of what is stated: the place of its first fact */
};

struct observation_pool; /* one per worker */

struct observation_pool *observation_pool_new(void) MUST_USE;
struct observation_pool *observation_pool_free(struct observation_pool *pool);
/* NULL when memory is used up. */
struct observation *observation_new(struct observation_pool *pool, enum record record) MUST_USE;
void observation_release(struct observation_pool *pool, struct observation *o); /* NULL is fine */

void observation_num(struct observation *o, enum fact_id id, uint64_t num);
void observation_bool(struct observation *o, enum fact_id id, bool yes);
void observation_utf8(struct observation *o, enum fact_id id,
                      struct bytes text); /* octets that should be UTF-8 */
void observation_string(struct observation *o, enum fact_id id,
                        const char *text); /* our own text; NULL: nothing */
/* States our own text, instead of what was stated. */
void observation_replace(struct observation *o, enum fact_id id, const char *text);
void observation_utf16le(struct observation *o, enum fact_id id, struct bytes text);
void observation_hex(struct observation *o, enum fact_id id, struct bytes octets);
void observation_hash(struct observation *o, enum fact_id id, uint64_t hash); /* as hexadecimal */
void observation_stamp(struct observation *o, enum fact_id id,
                       const struct stamp *at); /* order 0: nothing */
void observation_format(struct observation *o, enum fact_id id, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* States a text even when it is empty (an NTLM domain that is really empty). */
void observation_empty(struct observation *o, enum fact_id id);

/* Reading. NULL or the fallback when not stated. `from` continues a list: pass the last fact, or
 * NULL. */
const struct fact *observation_get(const struct observation *o, enum fact_id id);
const struct fact *observation_more(const struct observation *o, enum fact_id id,
                                    const struct fact *from);
/* Terminated text of a TEXT or LIST fact; NULL when not stated. */
const char *observation_text(const struct observation *o, enum fact_id id);
const char *fact_text(const struct observation *o, const struct fact *f);
struct bytes fact_octets(const struct observation *o, const struct fact *f);
uint64_t observation_number(const struct observation *o, enum fact_id id, uint64_t fallback);
bool observation_says(const struct observation *o,
                      enum fact_id id); /* a BOOL that is stated and true */
bool observation_is(const struct observation *o, enum fact_id id,
                    const char *text); /* stated and equal */
struct stamp observation_packet(const struct observation *o,
                                enum fact_id id); /* order 0 when not stated */
/* The same, but the packet that completed the observation when it is not stated. */
struct stamp observation_packet_or_own(const struct observation *o, enum fact_id id);

#endif
