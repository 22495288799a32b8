/*
 * conversation.h - the engine's private state of one flow; only the engine's own files include it.
 *
 * Owner: dissectors and their state lie in the flow's arena, which is made when a dissector comes
 * and goes as soon as nothing more is to be learned; the conversation itself stays until the flow
 * ends, to say what it was. Lanes' buffers and nDPI's state hang off it. All but nDPI's is charged
 * to the shard's budget.
 */
#ifndef ROLECALL_DISSECT_CONVERSATION_H
#define ROLECALL_DISSECT_CONVERSATION_H

#include "capture/limits.h"
#include "dissect/engine.h"
#include "dissect/identify.h"
#include "dissect/tls_cert.h"

struct conversation;

struct dissection { /* one dissector at work */
    struct conversation *conversation;
    const struct dissector *dissector;
    void *state;
    const char *carrier;
    struct auth *auth; /* shared with everything nested in it */
    struct auth own_auth;
    struct substream *stream; /* substream.c: of a child that is fed a stream, else NULL */
    struct dissection *next;  /* all of a conversation, the newest first */
    unsigned depth;
};

struct lane { /* one direction's octets that wait for more */
    uint8_t *held;
    size_t len, room;
    size_t need;    /* do not ask the dissector again below this many */
    uint64_t skip;  /* octets that do not matter */
    unsigned tries; /* segment starts that no probe accepted */
    bool quiet;     /* nothing more to learn */
    bool resync;    /* wait for a segment that begins a message */
    bool seen;      /* payload was seen */
    bool gap;       /* octets were lost, so a segment's start may be a message's */
};

#define CONVERSATION_ANOMALIES 8

struct conversation { /* what the flow's end needs comes first */
    struct engine *engine;
    struct shard *shard;
    struct flow *flow;
    struct arena *arena;    /* NULL while no dissector is at work */
    struct dissection *top; /* reads the stream; NULL until identified */
    struct dissection *all;
    const struct dissector *resting; /* of datagrams: what reads the next one, see FED_REST */
    struct identification *ndpi;
    const char *protocol;        /* NULL while unknown */
    const char *protocol_before; /* what it was before the top dissector came */
    const char *identified_by;
    const char *carrier; /* of what is identified next: NULL, or "http-connect", ... */
    const char *tunnel;  /* entered by handing over, for the flow record */
    const char *application;
    unsigned anomaly_count, drafts, bad, ndpi_packets;
    bool settled; /* nothing more is to be learned, and all was given back */
    bool ndpi_over;
    bool confirmed;         /* the top dissector has read a message */
    bool handed_over;       /* set while feed() runs */
    bool turned;            /* client and server were exchanged by recognition */
    struct lane lanes[2];   /* by enum dir */
    struct stamp at;        /* the packet being read; the flow's last one while it is closed */
    uint64_t closing_order; /* 0 while the flow is open */
    const char *anomalies[CONVERSATION_ANOMALIES];
};

/* Lanes' buffers kept for use again, outside the budget, all of one size: most messages that must
 * wait fit. */
#define SPARE_BUFFERS 8
#define SPARE_BUFFER_OCTETS 8192u

struct shard {
    struct engine *engine;
    struct arena_pool *pool;
    uint8_t *spare_buffers[SPARE_BUFFERS];
    unsigned spare_buffer_count;
    struct identifier *ndpi;
    bool ndpi_failed;
};

struct engine {
    struct engine_options options;
    struct observer observer;
    struct observation_pool *pool;
    struct certificates *certificates;
    struct identifier *host_names; /* for application names */
    struct shard shards[LIMIT_SHARDS];
    struct engine_counts counts;
    uint64_t order; /* packet of the last observation, and how many it has had */
    uint32_t sequence;
};

/* nesting.c: a new dissection on this flow; NULL when memory is used up. */
struct dissection *dissection_new(struct conversation *c, const struct dissector *d,
                                  const char *carrier);
/* Hands a finished observation to the observer. `order`: its place in the output, never before the
 * last one's. */
void engine_emit(struct engine *e, const struct flow *flow, struct observation *o, uint64_t order);

/* recognise.c: what this direction's first octets are; sets c->top or c->protocol. PROBE_NO: nobody
 * knows them. */
enum probe conversation_recognise(struct conversation *c, enum dir dir, struct bytes head);

/* recognise.c: the protocol that a server port stands for, as a guess; NULL: none. */
const char *port_protocol(uint8_t transport, uint16_t port, bool only_recognised);

/* flow_record.c: the flow record, from the flow and what the conversation (or NULL) found out. */
void flow_record(struct engine *e, const struct flow *flow, const struct conversation *c,
                 uint64_t order);

#endif
