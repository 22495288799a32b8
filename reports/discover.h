/*
 * discover.h - the draft of a policy: YAML that policy_load takes, every guess with its evidence.
 *
 * What is certain or likely is written as keys, what is only possible as a comment to be
 * uncommented by a person. Equal input gives identical output.
 */
#ifndef ROLECALL_REPORTS_DISCOVER_H
#define ROLECALL_REPORTS_DISCOVER_H

#include "policy/discover.h"
#include "reports/records.h"

/* `names->policy` is the policy that the draft is compared with, in comments; NULL: with none. */
void discover_draft(struct output *out, const struct record_names *names,
                    const struct discovery *d);

#endif
