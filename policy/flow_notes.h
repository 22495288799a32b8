/*
 * flow_notes.h - what a rule remembers of a flow while it lasts.
 *
 * Owner:  the audit; a note is zeroed when made and removed at the flow's record; its address holds
 * until the next removal. Limits: LIMIT_FLOW_NOTES for each rule; past it there is no note, which
 * is counted as state shed.
 */
#ifndef ROLECALL_POLICY_FLOW_NOTES_H
#define ROLECALL_POLICY_FLOW_NOTES_H

#include "policy/ledger.h"

struct flow_notes { /* zeroed at first */
    struct flow_note_entry *entries;
    unsigned room, count;
};

#define FLOW_NOTE_OCTETS 96

/* The flow's note, or NULL; with `make` it is made when there is none. */
void *flow_note(struct audit *a, struct flow_notes *n, uint64_t flow, bool make);
void flow_note_remove(struct flow_notes *n, uint64_t flow);

#endif
