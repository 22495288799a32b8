/*
 * flow.h - one conversation on the wire: a script cut into packets with the manners of TCP.
 *
 * Units:  times in ns since the Unix epoch.
 * Owner:  a flow owns its scene's script; the kind and everything the scene borrows outlive it.
 */
#ifndef ROLECALL_BENCH_FLOW_H
#define ROLECALL_BENCH_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/bench/hosts.h"
#include "tests/bench/scene.h"

struct wire;

enum fate { FATE_NORMAL, FATE_UNANSWERED, FATE_REFUSED };

/* A kind of conversation; the table of them is in generate.c. */
struct kind {
    const char *name;   /* in the summary; the flow record's `protocol` where there is one */
    uint32_t per_mille; /* of all short flows; 0: bulk */
    uint32_t ever_new;  /* the same where every flow has a host of its own */
    bool udp;
    enum fate fate;
    void (*scene)(struct scene *sc);
    bool (*more)(struct scene *sc, uint64_t budget); /* bulk only */
};

/* Keeps the bulk transfers filling what the short flows leave of the target, evenly over time. */
struct pace {
    uint64_t start, end;
    uint64_t target;    /* file octets */
    uint64_t promised;  /* bulk octets scripted and not yet sent */
    uint64_t transfers; /* bulk flows */
};

struct flow {
    uint64_t at; /* of its next packet */
    const struct kind *kind;
    struct scene scene;
    struct host stranger; /* a host that only this flow knows */
    enum stage {
        STAGE_SYN,
        STAGE_SYN_ACK,
        STAGE_HANDSHAKE_ACK,
        STAGE_DATA,
        STAGE_FIN,
        STAGE_FIN_ACK,
        STAGE_SERVER_FIN,
        STAGE_LAST_ACK,
        STAGE_RESET,
        STAGE_OVER
    } stage;
    size_t message, offset; /* what is sent next */
    uint32_t next[2];       /* sequence number of each side's message under way */
    uint32_t rtt_ns;
    unsigned owed;    /* segments not yet acknowledged */
    unsigned retries; /* of an unanswered SYN */
    uint64_t pause;   /* before the message that waits behind an acknowledgement */
    bool swapped;     /* the second of two segments went first */
    size_t again;     /* length of the segment just sent, to be sent once more; 0: none */
};

/* Takes a scene with its cast, script written; sets the client's port. */
void flow_init(struct flow *f, const struct kind *kind, uint64_t at);
void flow_done(struct flow *f);
/* Sends at most one packet and sets the time of the next; false once the flow is over. */
bool flow_step(struct flow *f, struct wire *w, struct pace *pace);

#endif
