/*
 * watch_window.h - thresholds of watch rules: so many matches of one end within so much time.
 *
 * Owner:  the audit; a window keeps the last matches and forgets them when it has told. Limits:
 * LIMIT_WATCH_WINDOWS for each rule; past it there is no window, which is counted as state shed.
 */
#ifndef ROLECALL_POLICY_WATCH_WINDOW_H
#define ROLECALL_POLICY_WATCH_WINDOW_H

#include "policy/ledger.h"

struct watch_windows { /* zeroed at first */
    struct watch_window *slots;
    unsigned room, count;
};

/* Who is counted: a zero address where the end does not matter. */
struct watch_counted {
    struct address client, server;
};

/* One match more. True when it completes the rule's count within its time; *ret_first is then the
 * first of them. */
bool watch_window_add(struct audit *a, struct watch_windows *w, const struct watch_rule *rule,
                      const struct watch_counted *who, const struct stamp *at,
                      struct stamp *ret_first);

#endif
