/*
 * guard_filter.h - the filter of system calls (seccomp) that guard_calls.def lists.
 *
 * It holds for the calling thread, the threads and processes that it starts, and for good.
 */
#ifndef ROLECALL_COMMANDS_GUARD_FILTER_H
#define ROLECALL_COMMANDS_GUARD_FILTER_H

#include "capture/attributes.h"

/* What a call is for; one that is for nothing that was asked for is not permitted. */
enum guard_need {
    GUARD_ALWAYS = 1 << 0,
    GUARD_SYSLOG = 1 << 1, /* --syslog: findings are sent */
    GUARD_LISTEN = 1 << 2, /* --listen: visitors are served */
    GUARD_SCREEN = 1 << 3, /* --tui: a terminal is taken and given back */
};

/* `needs`: bits. 0 or a negative errno. */
int guard_filter(unsigned needs) MUST_USE;

#endif
