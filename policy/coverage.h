/*
 * coverage.h - what of the declared hierarchy the capture shows: how whole each end's traffic is,
 * which roles were used, and whether the paths that the matrix requires were answered.
 *
 * A path is an end that opens, a declared host that answers, the row by which the hierarchy needs
 * it, and the port; ports that serve one purpose (the dynamic ones, 389 and 636, 80 and 8530 of one
 * row) are one path.
 *
 * Owner:  the audit; it is told of each flow's record once, before the rules are.
 * Limits: LIMIT_PATHS; paths past it are counted. Cost: a look-up and four additions a flow.
 */
#ifndef ROLECALL_POLICY_COVERAGE_H
#define ROLECALL_POLICY_COVERAGE_H

#include "policy/matrix_flows.h"

struct sight {          /* of the conversations of one host, or of one client network */
    uint32_t seen;      /* all that went on */
    uint32_t both;      /* both directions were captured */
    uint32_t one_sided; /* went on although one direction was never captured */
    uint32_t midstream; /* without their opening */
    uint32_t gaps;      /* with payload that was not captured */
};

#define PATH_ATTEMPTS 3 /* what is kept to be shown */

struct attempt { /* a conversation that came to nothing */
    uint64_t flow;
    struct stamp opening, ending; /* the SYN; the RST or ICMP error, or none */
};

struct path {
    const struct matrix_row *row;
    struct matrix_end from;
    const struct host *to;
    uint16_t port; /* of the first attempt, or of the first conversation */
    uint8_t transport;
    uint8_t icmp_code;
    bool one_client;                             /* all attempts came from `client` */
    uint32_t answered, silent, refused, blocked; /* conversations */
    uint32_t tries;                              /* SYNs without an answer */
    struct party client, server;                 /* of the first attempt */
    struct address blocked_by;
    struct attempt attempts[PATH_ATTEMPTS];
    unsigned attempt_count;
    int64_t last_ns; /* of the last attempt */
};

struct row_sight {
    uint64_t answered, unanswered; /* conversations that this row requires */
};

struct coverage;

struct coverage *coverage_new(const struct policy *p) MUST_USE;
struct coverage *coverage_free(struct coverage *c);
void coverage_see(struct coverage *c, const struct observation *flow, const struct party ends[2]);
/* In the order of their first conversations. */
const struct path *coverage_paths(const struct coverage *c, size_t *ret_count);
struct row_sight coverage_row(const struct coverage *c, const struct matrix_row *row);
uint64_t coverage_shed(const struct coverage *c);
struct sight coverage_sight(const struct coverage *c, const struct matrix_end *e);
struct sight coverage_whole(const struct coverage *c); /* of all conversations */
bool sight_is_partial(const struct sight *s);
/* Roles of the host that some answered conversation of the matrix was for. */
role_set coverage_roles(const struct coverage *c, const struct host *h);

#endif
