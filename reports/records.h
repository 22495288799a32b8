/*
 * records.h - JSON Lines as spec/records.md describes them: the machine's view of a run.
 *
 * Equal input gives identical output.
 */
#ifndef ROLECALL_REPORTS_RECORDS_H
#define ROLECALL_REPORTS_RECORDS_H

#include "capture/losses.h"
#include "capture/source.h"
#include "dissect/engine.h"
#include "policy/statements.h"
#include "reports/gather.h"
#include "reports/json.h"

/* What the capture shows of conversations only in part; gathered from flow records. */
struct flow_quality {
    uint64_t
        one_sided; /* TCP conversations that went on, of which one direction was never captured */
    uint64_t midstream; /* TCP conversations without their opening */
    uint64_t gaps;      /* conversations with payload that was not captured */
    uint64_t missing_octets;
};
void flow_quality_add(struct flow_quality *q, const struct observation *flow);

/* Everything the summary says of a run; gathered by the pipeline. */
/* Live: nothing was seen, since the process that audited had died. */
struct run_gap {
    int64_t from_ns, until_ns;
    const char *because; /* "crashed (SIGSEGV)": goes after "the process that audits" */
};

struct run {
    const char *const *inputs; /* as the user named them */
    size_t input_count;
    struct source_counts source;
    struct flow_counts flows;    /* of all shards */
    struct engine_counts engine; /* of all workers */
    struct flow_quality quality; /* of all flow records */
    uint64_t frames_not_ip, frames_truncated, frames_malformed, frames_unknown_link;
    const struct loss_log *losses; /* by time; NULL: not live */
    struct shed_counts shed;       /* live: what was given up, by plan */
    uint64_t evidence_gone;        /* live: cited packets that were not kept */
    uint64_t fragments_given_up;   /* datagrams of which pieces were missing, or shed */
    const char *const *protocols;  /* names, sorted, and how many flows each has */
    const uint64_t *protocol_flows;
    size_t protocol_count;
    uint8_t precision; /* digits of the capture's stamps */
    bool interrupted;  /* the user stopped it: the report is of what was read */
    uint64_t restarts; /* live: how often the audit began anew; the last of its gaps */
    const struct run_gap *gaps;
    size_t gap_count;
    double seconds; /* wall time; never in a record, which must be reproducible */
};

struct cited_packets; /* evidence_packets.h */

/* What a writer needs to name files and hosts. */
struct record_names {
    const struct source *source; /* for file names */
    const struct policy *policy; /* for host names; NULL: none */
    /* The cited packets, for the octets that decide; NULL: they were not read again. */
    const struct cited_packets *packets;
    bool evidence; /* captures of them are written beside the report (evidence.h) */
};

/* Every record is a line: an object that says its type first. */
struct json record_begin(struct output *out, const char *type);
void record_end(struct json *j);

void record_observation(struct output *out, const struct record_names *names,
                        const struct observation *o);
void record_finding(struct output *out, const struct record_names *names, const struct finding *f);
void record_verdict(struct output *out, const struct verdict *v);
/* A line for each row of the matrix that the hierarchy needs. */
void record_coverage(struct output *out, const struct audit *audit);
void record_statement(struct output *out, const struct statement_verdict *v);
/* `audit` and the policy are NULL for `events`; `gathering`, where nothing was gathered. */
void record_summary(struct output *out, const struct record_names *names, const struct run *run,
                    const struct audit *audit, const struct gathering *gathering);

#endif
