/*
 * hpack.h - header blocks of HTTP/2, decompressed by libnghttp2, which is included nowhere else.
 *
 * Each direction has a table that every block changes: once a block is lost or broken, none after
 * it can be read. The table may be as large as LIMIT_HPACK_TABLE, whatever the receiver allowed:
 * its encoder says in the blocks how much of it is in use, so SETTINGS need not be followed.
 *
 * Spec:   RFC 7541. Owner: memory of the flow's arena; nothing is to be freed.
 * Errors: NULL or false when a block is broken, or memory is used up.
 */
#ifndef ROLECALL_DISSECT_HPACK_H
#define ROLECALL_DISSECT_HPACK_H

#include "capture/arena.h"
#include "capture/bytes.h"

struct hpack;

struct hpack *hpack_new(struct arena *arena) MUST_USE;

/* A whole header block; `field` is told each field in order, in spans that live as long as the
 * call. */
bool hpack_read(struct hpack *h, struct bytes block,
                void (*field)(void *user, struct bytes name, struct bytes value),
                void *user) MUST_USE;

#endif
