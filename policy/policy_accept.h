/*
 * policy_accept.h - adds lines to the `accept:` section of a policy file and leaves everything else
 * in it as it was: comments, layout, line ends, mode, owner.
 *
 * The new text is read back before it replaces the old one: it must hold all that the old one held,
 * and the added lines, else nothing is written. The file is replaced by rename, so that whoever
 * reads it meanwhile sees the old text or the new one; two writers wait for each other.
 *
 * Errors: -EINVAL after one line, or several, on `errors`; nothing was written then.
 */
#ifndef ROLECALL_POLICY_POLICY_ACCEPT_H
#define ROLECALL_POLICY_POLICY_ACCEPT_H

#include <stdio.h>

#include "capture/attributes.h"
#include "policy/policy.h"

struct accept_entry { /* NULL: left out */
    const char *rule, *client, *server, *until, *reason, *by;
};

int policy_accept(const char *path, const struct policy_names *names,
                  const struct accept_entry *entries, unsigned count, FILE *errors) MUST_USE;
/* The last second of a day such as 2027-01-31, in ns; false: it is no date. */
bool policy_date(const char *text, int64_t *ret_end_ns);

#endif
