/*
 * boot.h - what the rules about booting from the network (R006, R115) ask of a DHCP message.
 */
#ifndef ROLECALL_POLICY_BOOT_H
#define ROLECALL_POLICY_BOOT_H

#include "policy/ledger.h"

/* The address that a message states; false: none, or no host's. */
bool boot_address(const struct observation *o, enum fact_id id, struct address *ret);
bool boot_is_answer(const struct observation *o);
/* Who answered: the sender, or behind a relay the server that the message names. False: unknown. */
bool boot_answered_by(const struct scene *scene, const struct observation *o, struct address *ret);

#endif
