/*
 * deciding.h - which octets of a cited packet decide: those of the protocol element from which its
 * facts were read, such as an SMB2 NEGOTIATE's header, a request line, an NTLM message's fields.
 *
 * They are found in the packet alone, when a report is made: nothing of it costs an audit anything.
 * What shows here is a list of layouts, each of which ends before octets that may be secret (NTLM
 * challenges and responses, passwords, communities, tickets' and SQL texts): what is not in the
 * list is not shown, so a packet in the middle of a message has none.
 *
 * Units: octets. Owner: `octets` borrow from the packet.
 * Limits: LIMIT_DECIDING_OCTETS.
 */
#ifndef ROLECALL_REPORTS_DECIDING_H
#define ROLECALL_REPORTS_DECIDING_H

#include "capture/packet.h"
#include "dissect/fact.h"

#define DECIDING_NAME 48
struct deciding {
    char of[DECIDING_NAME]; /* "SMB2 NEGOTIATE response" */
    size_t offset;          /* in the frame */
    struct bytes octets;
};

/* `about`: the kind of record that the packet is cited for; RECORD_COUNT: not known, so that the
 * content decides. False: no element in the list. */
bool deciding_octets(const struct packet *p, enum record about, struct deciding *ret);

#define DECIDING_PACKETS 5
/* Of a message that goes on in the last of some segments, one after the other, and began in one of
 * those before it: *ret_in is the one that has the octets. */
bool deciding_before(const struct packet *const *packets, unsigned count, enum record about,
                     struct deciding *ret, unsigned *ret_in);

#endif
