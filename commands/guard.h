/*
 * guard.h - what a process that reads the network's traffic gives up before it reads the first
 * packet. Whoever finds a fault in a dissector finds himself in a process that owns nothing.
 *
 * guard_become, as soon as the policy is read: another user than root, no groups, no capability but
 * CAP_NET_RAW (an interface that comes back is opened again), no way to gain any (no new
 * privileges), no core file with packets in it.
 * guard_seal, when the interfaces are open and before threads begin: Landlock leaves the report's
 * folder, the store's folder and --output to write and the policy's folder to read; the filter of
 * guard_calls.def ends the process at any other system call.
 *
 * Errors: told in one line; EXIT_TROUBLE. A kernel without Landlock is told and gone on with.
 */
#ifndef ROLECALL_COMMANDS_GUARD_H
#define ROLECALL_COMMANDS_GUARD_H

#include "commands/guard_filter.h"

struct options;
struct policy;

/* Where a file lies: "" and "." are told from "/". */
#define GUARD_PATH 4096
void guard_folder_of(const char *path, char ret[GUARD_PATH]);

int guard_become(const struct options *o) MUST_USE;
/* `p`: what it names is read again on SIGHUP; NULL: there is none. */
int guard_seal(const struct options *o, const struct policy *p) MUST_USE;

/* 0: this kernel has no Landlock. */
unsigned guard_landlock_version(void);

#endif
