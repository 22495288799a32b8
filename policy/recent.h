/*
 * recent.h - what a rule remembers across flows for a while: one row a key.
 *
 * Rows older than the window count as gone. Where a row has to make room while it is still wanted,
 * the oldest of its few neighbours goes, and that is counted as state shed.
 *
 * Owner:  the audit; a row is zeroed when made; its address holds until the next row is made.
 * Limits: LIMIT_RECENT rows for each rule, taken from the audit's arena at the first of them.
 */
#ifndef ROLECALL_POLICY_RECENT_H
#define ROLECALL_POLICY_RECENT_H

#include "policy/ledger.h"

struct recent { /* zeroed at first, but for the window */
    int64_t window_ns;
    struct recent_keys *keys; /* in groups */
    struct recent_row *rows;
};

#define RECENT_OCTETS 384
#define SECOND INT64_C(1000000000)

/* NULL: nothing within the window before (or after) `ns`. */
void *recent_find(const struct recent *t, uint64_t key, int64_t ns);
/* The key's row, made anew when there is none within the window; either way it lives from `ns` on.
 * NULL: no memory. */
void *recent_make(struct audit *a, struct recent *t, uint64_t key, int64_t ns);

uint64_t recent_key(uint64_t before, const void *octets, size_t len); /* `before`: 0 at first */
uint64_t recent_address(const struct address *address);

#endif
