/*
 * evidence_packets.h - the packets that findings cite, and the handshakes of their connections,
 * taken out of the inputs when a report is made: an audit itself keeps no packets.
 *
 * First everything that is cited is asked for, then all packets go by twice in the order in which
 * they were audited (cited_packets_see): which connections the cited ones belong to, then they are
 * kept.
 *
 * Owner:  cited_packets_free; packets belong to it.
 * Errors: 0 or a negative errno, with one line in `error`.
 * Limits: LIMIT_EVIDENCE_OCTETS, LIMIT_EVIDENCE_TAILS; a packet past them is not found.
 */
#ifndef ROLECALL_REPORTS_EVIDENCE_PACKETS_H
#define ROLECALL_REPORTS_EVIDENCE_PACKETS_H

#include "capture/source.h"

enum { HANDSHAKE_SYN, HANDSHAKE_SYN_ACK, HANDSHAKE_ACK, HANDSHAKE_PACKETS };

struct kept_packet { /* its block is NULL; `order`: of going by */
    struct packet packet;
    uint64_t order;
};

#define LEAD_PACKETS 4

struct cited_packet {
    const struct kept_packet *packet; /* NULL: it did not come */
    /* Segments before it in which its message may have begun, in their order: only where it begins
     * in the middle of one. */
    const struct kept_packet *lead[LEAD_PACKETS];
    unsigned lead_count;
    const struct kept_packet *handshake[HANDSHAKE_PACKETS]; /* of its connection; NULL: not seen */
};

struct cited_packets;

struct cited_packets *cited_packets_new(void) MUST_USE;
struct cited_packets *cited_packets_free(struct cited_packets *c); /* NULL is fine; returns NULL */
/* By number of the file and of the packet in it. False: out of memory. */
bool cited_packets_ask(struct cited_packets *c, uint32_t file, uint64_t packet) MUST_USE;

/* Begins one of the two passes; 0 or -ENOMEM. */
enum cited_pass { CITED_MEETS, CITED_KEEPS };
int cited_packets_begin(struct cited_packets *c, enum cited_pass pass) MUST_USE;
/* The next packet of the pass; false: nothing that is asked for can come any more. */
bool cited_packets_see(struct cited_packets *c, const struct packet *p);

#define EVIDENCE_ERROR (SOURCE_ERROR + 64)
struct cited_input { /* files */
    const char *const *paths;
    const uint32_t *files; /* their numbers; NULL: from 0 on */
    size_t count;
    const char *filter; /* as in struct source_options */
};
/* Both passes. */
int cited_packets_read(struct cited_packets *c, const struct cited_input *input,
                       char error[EVIDENCE_ERROR]) MUST_USE;

/* NULL: was not asked for. */
const struct cited_packet *cited_packets_find(const struct cited_packets *c, uint32_t file,
                                              uint64_t packet);

#endif
