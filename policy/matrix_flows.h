/*
 * matrix_flows.h - the rows of the matrix turned into the flows that a declared hierarchy needs:
 * who opens which ports of whom, host by host.
 *
 * A flow is needed where its row holds as it stands for roles that are declared, or where the
 * policy says that it is used (HTTP by the client mode, client push); others are optional: the
 * matrix knows them, and the hierarchy works without. Roles of one site speak with each other, not
 * with those of other sites, save parent and child where the row is about them. The policy's own
 * `allow` and `deny` lines are not flows of the matrix.
 *
 * Owner: the list is the caller's (free); what it points to is the policy's.
 */
#ifndef ROLECALL_POLICY_MATRIX_FLOWS_H
#define ROLECALL_POLICY_MATRIX_FLOWS_H

#include "policy/matrix.h"

#define MATRIX_FLOW_PORTS 16

struct matrix_end { /* one of them; none: the internet */
    const struct host *host;
    const struct client_group *group;
};

struct matrix_flow {
    const struct matrix_row *row; /* the first that asks for it */
    struct matrix_end from, to;
    uint8_t transports; /* bits of enum matrix_transport */
    bool needed;
    struct port_range ports[MATRIX_FLOW_PORTS];
    unsigned port_count;
};

/* Sorted by the answering end, then the opening one, then ports; equal flows of several rows are
 * one. -ENOMEM, or -E2BIG past LIMIT_MATRIX_FLOWS. */
int matrix_flows(const struct policy *p, struct matrix_flow **ret, size_t *ret_count) MUST_USE;
/* The first row by which the hierarchy needs that connection; NULL: none. `transport` is IANA's. */
const struct matrix_row *matrix_needs(const struct policy *p, const struct matrix_end *from,
                                      const struct matrix_end *to, uint8_t transport,
                                      uint16_t port);
/* By its place in the table, whether some declared pair needs a row; it is looked for among
 * LIMIT_ROW_PAIRS pairs. The caller frees it; NULL: out of memory. */
bool *matrix_rows_needed(const struct policy *p) MUST_USE;
const char *matrix_flow_end(const struct matrix_end *e); /* its name */

#endif
