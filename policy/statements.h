/*
 * statements.h - the specification's statements, each with its answer: verdicts rolled up.
 *
 * A statement is violated when a rule that judges it is, consistent when one was seen to hold and
 * none is broken, not assessable when something hid the answer, nothing that this version has
 * judges it, or packets cannot tell at all; not observed otherwise. Every statement gets an answer
 * and a reason.
 *
 * Owner: answers belong to the audit; before audit_finish there are none.
 */
#ifndef ROLECALL_POLICY_STATEMENTS_H
#define ROLECALL_POLICY_STATEMENTS_H

#include "policy/audit.h"

enum statement_seen { SEEN_YES, SEEN_PARTLY, SEEN_HINTS, SEEN_NO };

/* Beyond roles, what a statement may be about: hosts themselves, and distribution points that have
 * a schedule or limit, or whose content is prestaged. */
#define STATEMENT_HOST ROLE_BIT(ROLE_COUNT)
#define STATEMENT_SCHEDULED ROLE_BIT(ROLE_COUNT + 1)
#define STATEMENT_PRESTAGED ROLE_BIT(ROLE_COUNT + 2)

struct statement {
    const char *id; /* "S01" */
    enum statement_seen seen;
    role_set about;      /* roles and the bits above; 0: any */
    role_set subjects;   /* of these are the hosts whose verdicts count; 0: all */
    const char *rules;   /* "R002 R004", in order; "" where packets cannot tell */
    const char *reason;  /* why packets cannot tell; NULL: rules judge it */
    const char *demands; /* one sentence */
};

extern const struct statement all_statements[];
extern const unsigned statement_count;
const struct statement *statement_find(const char *id); /* NULL: no such statement */
const char *statement_seen_name(enum statement_seen s); /* "yes", "partly", "hints", "no" */
/* Whether the statement names the rule. A rule that only rests on it can break it, but its silence
 * proves nothing of it. */
bool statement_is_judged_by(const struct statement *s, const struct rule *r);

#define STATEMENT_CODES 96 /* octets for the codes of one statement */
struct statement_verdict {
    const struct statement *statement;
    enum verdict_status status;
    uint64_t observed; /* messages or flows judged by its rules */
    const char *because;
    char judged[STATEMENT_CODES];     /* codes of its rules that judged */
    char not_judged[STATEMENT_CODES]; /* codes of those that this version does not have */
};

/* The answers of a finished audit, in the order of the statements: statement_count, or 0. */
const struct statement_verdict *audit_statements(const struct audit *a, size_t *ret_count);
/* For audit_finish, once the verdicts are sorted. NULL: out of memory. */
struct statement_verdict *statements_judge(struct audit *a);

#endif
