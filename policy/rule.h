/*
 * rule.h - one judgement: a row that people read, and one to three functions that decide.
 *
 * Rules see facts, hosts and roles, never octets. Each rule keeps its state per subject in the
 * audit's ledger, and counts every judgement, also when nothing is wrong or something hid the
 * answer (ledger.h).
 *
 * Owner: rows are constant. Sentences are the project's own.
 */
#ifndef ROLECALL_POLICY_RULE_H
#define ROLECALL_POLICY_RULE_H

#include "dissect/observation.h"
#include "policy/policy.h"

enum confidence {
    CONFIDENCE_INFERRED, /* port or heuristic; never above medium severity */
    CONFIDENCE_DERIVED,  /* observations joined */
    CONFIDENCE_PROVEN,   /* the bytes were seen */
};

struct audit;

struct rule {
    const char *code;  /* "R010" */
    const char *name;  /* "client-http-when-https-required": stable for ever */
    const char *title; /* one line */
    enum severity
        severity; /* as a rule; a finding may say otherwise, with the reason in its text */
    const char *statements;  /* "S10 S13", as in the specification */
    const char *references;  /* one a line */
    const char *means;       /* what is wrong and why it matters: a paragraph */
    const char *evidence;    /* what is looked at, and what never counts as a breach: a paragraph */
    const char *remediation; /* what to change: a paragraph */
    uint32_t records;        /* bit per enum record it wants to see */
    bool last;               /* judges after the others, to be silent about what they tell */
    /* NULL with no records: it judges at the end what the whole capture showed (coverage.h). */
    void (*observe)(struct audit *a, const struct rule *r, const struct observation *o);
    void (*finish)(struct audit *a, const struct rule *r); /* at the end; NULL: nothing */
};

/* All rules, in the order of their codes (rules.def). */
extern const struct rule *const rules[];
extern const unsigned rule_count;
extern const struct rule
    rule_policy_inconsistent; /* what it finds is told with other findings too */
const struct rule *rule_find(const char *name_or_code); /* NULL: no such rule */

struct chapter { /* of the catalogue */
    const char *letter, *name, *title;
    unsigned first; /* number of its first rule */
};
extern const struct chapter chapters[];
extern const unsigned chapter_count;
const struct chapter *rule_chapter(const struct rule *r);

/* For policy_load: the rules above. */
extern const struct policy_names rule_names;

#endif
