/*
 * fragment.h - IP fragments put together again, under a limit.
 *
 * RFC 791 3.2, RFC 8200 4.5; overlapping fragments: the first octets win and the overlap is counted
 * (RFC 5722 drops IPv6 ones; an auditor prefers what the first receiver most likely saw).
 *
 * Owner:  the table owns the pieces. A completed datagram lies in a block of its own that the
 * returned datagram's `frame` refers to.
 */
#ifndef ROLECALL_CAPTURE_FRAGMENT_H
#define ROLECALL_CAPTURE_FRAGMENT_H

#include "capture/attributes.h"
#include "capture/decode.h"

struct fragments;

struct fragment_counts {
    uint64_t pieces, completed;
    uint64_t expired;   /* datagrams given up incomplete, by time */
    uint64_t shed;      /* datagrams given up to keep the limit */
    uint64_t overlaps;  /* pieces that repeat octets */
    uint64_t malformed; /* impossible offsets or lengths */
};

struct fragments *fragments_new(void) MUST_USE;
/* True when `d` was the last piece: `d` is then the whole datagram, decoded anew, stamped with this
 * packet; its frame is a packet inside `*ret_whole`, which the caller keeps until it is done and
 * then drops its block. */
bool fragments_add(struct fragments *f, struct datagram *d, struct packet *ret_whole);
/* Gives up what has waited too long at this capture time; and, when no more comes, everything. */
void fragments_expire(struct fragments *f, int64_t now_ns);
void fragments_end(struct fragments *f);
/* The next datagram that was given up though its first piece came: as much of it as is there,
 * stamped as that piece was; `*ret_packet` is as for fragments_add(). False: no more. */
bool fragments_take_lost(struct fragments *f, struct datagram *ret, struct packet *ret_packet);
const struct fragment_counts *fragments_counts(const struct fragments *f);
struct fragments *fragments_free(struct fragments *f);

#endif
