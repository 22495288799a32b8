/*
 * policy_fault.h - what is wrong in a policy file, collected and printed in the file's order.
 *
 * Form:   "file:line:column: what; expected ...; did you mean 'x'?", one line each.
 * Limits: LIMIT_POLICY_FAULTS are kept, the rest is counted.
 */
#ifndef ROLECALL_POLICY_POLICY_FAULT_H
#define ROLECALL_POLICY_POLICY_FAULT_H

#include <stdio.h>

#include "capture/limits.h"
#include "policy/policy.h"

#define FAULT_TEXT 480 /* octets of one message; longer ones are cut */

struct fault {
    struct place place;
    unsigned order; /* of discovery: faults of one place keep it */
    char text[FAULT_TEXT];
};

struct faults {
    unsigned kept, total;
    struct fault list[LIMIT_POLICY_FAULTS];
};

void fault_note(struct faults *f, struct place at, const char *format, ...) PRINTF_LIKE(3, 4);
/* True while a further fault would be kept: when not, the search for near names is saved. */
bool fault_is_heard(const struct faults *f);
/* "; did you mean 'x'?", or nothing when `near` is NULL. */
struct fault_hint {
    char text[96];
};
struct fault_hint fault_hint(const char *near);
void faults_print(struct faults *f, const char *path, FILE *out);

#endif
