/*
 * supervise.h - an audit of interfaces in a process of its own, and another process that reads no
 * traffic and starts it anew when it dies.
 *
 * The supervisor holds no packet, no interface and no file of the report; it passes on SIGHUP,
 * SIGUSR1, SIGTERM and SIGINT, and waits. A worker that a signal ends (a call that the filter
 * forbids, a crash, want of memory) is told of in one line and started anew, later each time and
 * not for ever (LIMIT_RESTART...). The new one's report says from when to when nothing was seen,
 * and why, and its verdicts are of what it saw itself.
 *
 * A worker honours what its supervisor passes on and what a terminal sends, to both of them;
 * nothing else: a service manager may send a signal to both, too.
 */
#ifndef ROLECALL_COMMANDS_SUPERVISE_H
#define ROLECALL_COMMANDS_SUPERVISE_H

#include <signal.h>
#include <sys/types.h>

#include "reports/records.h"

struct supervision {
    pid_t supervisor; /* 0: there is none */
    struct run_gap *gaps;
    size_t gap_count;
    uint64_t restarts;       /* gaps are at most LIMIT_RESTART_GAPS */
    struct watched *watched; /* memory that both share */
};

/* In a process of its own; what it returns is the exit status. */
typedef int supervised(void *user);
/* Returns in the supervisor only: the exit status of all. */
int supervise(struct supervision *v, supervised *work, void *user) MUST_USE;

/* In the worker: interfaces are open; then, that all was seen up to now. */
void supervised_begins(struct supervision *v);
void supervised_lives(const struct supervision *v);
/* May be asked in a signal handler. */
bool supervised_honours(const siginfo_t *info);

#endif
