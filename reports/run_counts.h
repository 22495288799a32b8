/*
 * run_counts.h - what the pipeline counts: protocols that were seen, by name, with the flows
 * that each has, and frames that are no packets.
 */
#ifndef ROLECALL_REPORTS_RUN_COUNTS_H
#define ROLECALL_REPORTS_RUN_COUNTS_H

#include "capture/decode.h"
#include "reports/records.h"

#define PROTOCOLS 512

struct protocol_tally {
    char *names[PROTOCOLS]; /* sorted */
    uint64_t flows[PROTOCOLS];
    size_t count;
};

void protocol_tally_add(struct protocol_tally *t, const char *name);
void protocol_tally_done(struct protocol_tally *t);
void count_frame(struct run *run, enum decode_result result);

#endif
