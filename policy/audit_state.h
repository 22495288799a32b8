/*
 * audit_state.h - the audit's inside; only audit.c, ledger.c, statements.c and watch.c include it.
 */
#ifndef ROLECALL_POLICY_AUDIT_STATE_H
#define ROLECALL_POLICY_AUDIT_STATE_H

#include "capture/arena.h"
#include "capture/limits.h"
#include "policy/coverage.h"
#include "policy/ledger.h"

/* A copy of the text that lives as long as the audit; NULL, counted, when there is no room. */
char *ledger_keep(struct audit *a, const char *text);

struct ledger_slot {
    uint64_t hash;
    void *item; /* NULL: empty */
};

struct ledger_table { /* open addressing; items are never removed */
    struct ledger_slot *slots;
    size_t room, count;
};

struct judgement { /* what is known of one rule and one subject */
    struct verdict verdict;
    struct subject subject;
    uint64_t breaches, fine, hidden;
    const struct finding *worst; /* the first breach's finding */
    const char *fine_because, *hidden_because, *missing_because, *told_because;
};

struct kept_finding {
    struct finding shown;
    const char *key; /* ends, service and kind */
    struct kept_finding *next_found, *next_new;
    bool is_new; /* among those that audit_take_new gives */
};

/* Flows open at a time that a finding tells of. */
#define FLOWS_CLAIMED 4096u

/* Hosts that are busy at a time; a power of two. */
#define PARTIES_MET 1024u

struct running_rule {
    const struct rule *rule;
    void *state;
    enum severity tuned; /* SEVERITY_OFF: as the rule says */
};

struct audit {
    const struct policy *policy;
    struct arena_pool pool;
    struct arena *arena;
    struct running_rule *running; /* the rules that are on: built in, then the policy's own */
    unsigned running_count, current;
    unsigned *asking[RECORD_COUNT]; /* those that read a kind of record, by place in `running` */
    unsigned asking_count[RECORD_COUNT];
    struct party met[PARTIES_MET];   /* by address: who spoke lately */
    uint64_t claimed[FLOWS_CLAIMED]; /* by flow */
    struct identity *identity;
    struct coverage *coverage;
    struct audit_losses losses;
    void (*cited)(void *user, const struct stamp *at); /* NULL: nobody is told */
    void *cited_user;
    bool *disputed; /* by host (audit_dispute) */
    uint32_t records;
    bool keeps_fields;
    struct scene scene;
    struct ledger_table judgements, findings;
    struct kept_finding *first_found, *last_found; /* in the order in which they were found */
    struct kept_finding *first_new, *last_new;
    const struct finding **sorted_findings;
    const struct verdict **sorted_verdicts;
    struct statement_verdict *statements; /* NULL until the end */
    struct audit_counts counts;
};

/* watch.c: the policy's own rules, as rules; NULL when memory is used up. */
const struct rule *watch_rule_new(struct audit *a, const struct watch_rule *w);

#endif
