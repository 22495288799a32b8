#include "policy/flow_notes.h"

#include <stdalign.h>
#include <string.h>

#include "policy/audit_state.h"

struct flow_note_entry {
    uint64_t flow; /* 0: empty */
    alignas(16) unsigned char octets[FLOW_NOTE_OCTETS];
};

/* Small at first, since a look-up per flow is made even where there is nothing to find; half full
 * at most. */
#define FIRST_ROOM 256u

static unsigned home(const struct flow_notes *n, uint64_t flow)
{
    return (unsigned)((flow * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (n->room - 1);
}

/* What the smaller table leaves behind stays in the arena: as much again as the final one, at most.
 */
static bool grow(struct audit *a, struct flow_notes *n)
{
    struct flow_notes grown = {.room = n->room == 0 ? FIRST_ROOM : 2 * n->room, .count = n->count};
    grown.entries = audit_alloc(a, grown.room * sizeof *grown.entries);
    if (grown.entries == NULL) {
        return false;
    }
    for (unsigned i = 0; i < n->room; i++) {
        if (n->entries[i].flow != 0) {
            unsigned to = home(&grown, n->entries[i].flow);
            while (grown.entries[to].flow != 0) {
                to = (to + 1) & (grown.room - 1);
            }
            grown.entries[to] = n->entries[i];
        }
    }
    *n = grown;
    return true;
}

void *flow_note(struct audit *a, struct flow_notes *n, uint64_t flow, bool make)
{
    if (n->count == 0 && !make) {
        return NULL;
    }
    if (make && 2 * (n->count + 1) > n->room && n->room < 2 * LIMIT_FLOW_NOTES && !grow(a, n)) {
        return NULL;
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
    /* Whatever follows in this run may have been pushed along by the removed one: put it in again.
     */
    n->entries[at].flow = 0;
    n->count--;
    for (unsigned next = (at + 1) & (n->room - 1); n->entries[next].flow != 0;
         next = (next + 1) & (n->room - 1)) {
        struct flow_note_entry moved = n->entries[next];
        n->entries[next].flow = 0;
        unsigned to = home(n, moved.flow);
        while (n->entries[to].flow != 0) {
            to = (to + 1) & (n->room - 1);
        }
        n->entries[to] = moved;
    }
}
