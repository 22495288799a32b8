/*
 * packets.h - the packets that findings cite, read again: for the octets that decide and for the
 * captures of evidence.
 *
 * Errors are printed where they are met, as in command.h. What cannot be read again costs a report
 * only that: *ret is NULL then, after one line that says why.
 */
#ifndef ROLECALL_COMMANDS_PACKETS_H
#define ROLECALL_COMMANDS_PACKETS_H

#include "commands/command.h"
#include "reports/evidence.h"

/* Whether a report of these options shows anything of packets. */
bool packets_wanted(const struct options *o);
/* Before the audit: standard input can be read only once, so it is kept where packets are wanted.
 */
int packets_prepare(struct session *s, struct spool *spool);
/* Of a finished audit. */
int packets_of_audit(const struct session *s, struct cited_packets **ret);
/* Of a stored one, from its captures, or from those that the options name instead. */
int packets_of_document(const struct options *o, const struct document *d,
                        struct cited_packets **ret);

#endif
