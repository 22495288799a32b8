/*
 * flow_list.h - the flows that a hierarchy needs, for people, programs and firewalls.
 *
 * Firewall rules hold the needed flows only. Names from the policy are cut to letters, digits, '.',
 * '-' and
 * '_' where a shell or a firewall reads them.
 */
#ifndef ROLECALL_REPORTS_FLOW_LIST_H
#define ROLECALL_REPORTS_FLOW_LIST_H

#include "reports/output.h"
#include "policy/matrix_flows.h"
#include "reports/text.h"

/* False: no such format; the names are in flow_list_formats. */
bool flow_list(struct output *out, const char *format, const struct matrix_flow *flows,
               size_t count);
extern const char *const flow_list_formats[]; /* NULL-terminated */

#endif
