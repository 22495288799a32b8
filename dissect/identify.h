/*
 * identify.h - nDPI's opinion of flows that no signature of ours recognises, and its finer
 * application names.
 *
 * nDPI is evidence, never the verdict: it is asked only after our own probes declined, sees at most
 * LIMIT_NDPI_PACKETS payloads of at most LIMIT_NDPI_OCTETS each, and its flow state is freed at the
 * verdict. identify.c is the only file that includes nDPI.
 *
 * Owner:  one identifier per shard, so that nDPI's caches, and with them its answers, do not depend
 * on the number of workers. Its 5 MB are taken at first use.
 */
#ifndef ROLECALL_DISSECT_IDENTIFY_H
#define ROLECALL_DISSECT_IDENTIFY_H

#include "capture/attributes.h"
#include "capture/bytes.h"
#include "capture/flow.h"

struct identifier;     /* one nDPI module */
struct identification; /* nDPI's state of one flow */

struct identifier *identifier_new(void) MUST_USE; /* NULL: nDPI would not start */
struct identifier *identifier_free(struct identifier *in);

struct identification *identification_new(struct identifier *in) MUST_USE;
struct identification *identification_free(struct identification *i);

/* The protocol in lower case, once nDPI tells it from content; NULL while it does not. */
const char *identification_add(struct identifier *in, struct identification *i,
                               const struct flow *flow, enum dir dir, struct bytes payload);

/* nDPI's name for the service a host name belongs to ("Microsoft365"), or NULL. */
const char *identifier_application(struct identifier *in, struct bytes host_name);

#endif
