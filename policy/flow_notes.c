#include "policy/flow_notes.h"

#include <stdalign.h>
#include <string.h>

#include "policy/audit_state.h"

struct flow_note_entry {
    uint64_t flow; /* 0: empty */
    alignas(16) unsigned char octets[FLOW_NOTE_OCTETS];
};

/* Half full at most, so that runs stay short. */
#define ROOM (2u * LIMIT_FLOW_NOTES)

static unsigned home(const struct flow_notes *n, uint64_t flow)
{
    return (unsigned)((flow * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (n->room - 1);
}

void *flow_note(struct audit *a, struct flow_notes *n, uint64_t flow, bool make)
{
    if (n->room == 0) {
        n->entries = make ? audit_alloc(a, ROOM * sizeof *n->entries) : NULL;
        if (n->entries == NULL) {
            return NULL;
        }
        n->room = ROOM;
    }
    unsigned at = home(n, flow);
    while (n->entries[at].flow != 0 && n->entries[at].flow != flow) {
        at = (at + 1) & (n->room - 1);
    }
    if (n->entries[at].flow == flow) {
        return n->entries[at].octets;
    }
    if (!make) {
        return NULL;
    }
    if (n->count >= LIMIT_FLOW_NOTES) {
        a->counts.state_shed++;
        return NULL;
    }
    n->count++;
    n->entries[at].flow = flow;
    return memset(n->entries[at].octets, 0, FLOW_NOTE_OCTETS);
}

void flow_note_remove(struct flow_notes *n, uint64_t flow)
{
    if (n->count == 0) {
        return;
    }
    unsigned at = home(n, flow);
    while (n->entries[at].flow != flow) {
        if (n->entries[at].flow == 0) {
            return;
        }
        at = (at + 1) & (n->room - 1);
    }
    /* Whatever follows in this run may have been pushed along by the removed one: put it in again. */
    n->entries[at].flow = 0;
    n->count--;
    for (unsigned next = (at + 1) & (n->room - 1); n->entries[next].flow != 0; next = (next + 1) & (n->room - 1)) {
        struct flow_note_entry moved = n->entries[next];
        n->entries[next].flow = 0;
        unsigned to = home(n, moved.flow);
        while (n->entries[to].flow != 0) {
            to = (to + 1) & (n->room - 1);
        }
        n->entries[to] = moved;
    }
}
