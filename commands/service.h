/*
 * service.h - what an audit of interfaces does while it runs, for weeks: findings are announced as
 * they happen, reports are written on a schedule and on request, the policy is read anew.
 *
 * SIGUSR1 writes a report now; SIGHUP reads the policy anew: a bad one is refused and the old one
 * stays, a good one that is another ends the old audit with a report and begins a new one; and
 * findings.jsonl is opened anew, in case it was moved away. Both are only noted by the
 * signal and done in service_caught_up.
 *
 * Packets that findings cite are taken out of those that are kept as soon as they are cited.
 *
 * In the report's folder: findings.jsonl, a line for each finding as soon as it is known and again
 * when it gets worse, on the disk before the next packet is judged; and a folder for each report,
 * named by its time (UTC).
 *
 * A report of a running audit is written by a child of its own, from a copy of everything as it is
 * at that moment (fork(2)): capturing goes on, and nothing of the report can disturb it.
 */
#ifndef ROLECALL_COMMANDS_SERVICE_H
#define ROLECALL_COMMANDS_SERVICE_H

#include "commands/command.h"

struct service;

/* Writes the report of the audit as it stands into `folder`, or to --output where it is NULL. */
typedef int service_report(struct session *s, struct pipeline *p, const char *folder);

/* Has the packets pinned that the session's audit cites. */
void service_watch_evidence(struct session *s);
/* From here on the signals are caught. NULL when memory is used up. */
struct service *service_new(struct session *s, service_report *report) MUST_USE;
/* As SIGUSR1 does; and whether a report is asked for or being written. */
void service_want_report(void);
bool service_is_writing(const struct service *v);
/* Many times a second, in the thread that judges. */
void service_caught_up(struct service *v, struct pipeline *p);
/* Waits for a report that is being written. NULL is fine; returns NULL. */
struct service *service_free(struct service *v);

#endif
