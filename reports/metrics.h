/*
 * metrics.h - figures of an audit that goes on, as Prometheus reads them (its text format, version
 * 0.0.4): names in its style, counters end in _total, sizes in bytes, times in seconds.
 */
#ifndef ROLECALL_REPORTS_METRICS_H
#define ROLECALL_REPORTS_METRICS_H

#include "reports/records.h"
#include "reports/server.h"

struct metrics {
    const struct run *run;
    const struct policy *policy;
    const struct audit_counts *audit;
    const struct gathering_counts *gathering;
    uint64_t findings[SEVERITY_CRITICAL + 1]; /* so far; accepted ones not counted here */
    uint64_t accepted, announced, restarts;
    int64_t started_ns, now_ns; /* of the clock on the wall */
    double processor_seconds, rendering_seconds;
    uint64_t resident_octets; /* 0: not known */
    struct server_counts server;
};

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"
void metrics_write(struct output *out, const struct metrics *m);

#endif
