#include "capture/flow_record.h"

static void shift_body(struct body *b, int64_t by_ns)
{
    b->syn_ns += by_ns;
    for (unsigned i = 0; i < 2; i++) {
        b->sides[i].hole_ns += by_ns;
        b->sides[i].covered_ns += by_ns;
    }
}

void flow_table_step(struct flow_table *t, int64_t by_ns)
{
    t->clock += by_ns;
    for (unsigned i = 0; i < FLOW_LISTS; i++) {
        struct flow_list_ends *ends = &t->lists[i];
        if (ends->soonest != INT64_MAX) {
            ends->soonest += by_ns;
        }
        for (struct record *r = record_at(t, ends->head); r != NULL; r = record_at(t, r->next)) {
            r->last_ns += by_ns;
            r->queued_ns += by_ns;
            if (r->is_half) {
                r->half->syn_ns += by_ns;
            } else if (r->key.protocol == IP_TCP) {
                shift_body(r->body, by_ns);
            }
        }
    }
}
