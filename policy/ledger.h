/*
 * ledger.h - what rules write: judgements per subject, findings with their evidence.
 *
 * A rule judges one observation at a time. Each judgement is counted under (rule, subject):
 * breached, fine, or hidden. Breaches of one kind between the same ends are one finding that counts
 * up.
 *
 * Owner:  the audit; texts are copied. NULL findings (a limit was reached) may be passed on:
 * nothing happens. Cost:   a judgement is one hash look-up; texts are made only for the first of a
 * kind.
 */
#ifndef ROLECALL_POLICY_LEDGER_H
#define ROLECALL_POLICY_LEDGER_H

#include "policy/audit.h"

/* What a verdict is about. All NULL: the hierarchy. */
struct subject {
    const struct host *host;
    const struct role_instance *role; /* "mp01.corp.example management-point" */
    const struct host *peer;          /* a pair: "host -> peer" */
};

/* One observation, its ends looked up once for all rules. */
struct scene {
    const struct observation *o;
    const struct policy *policy;
    struct party ends[2]; /* by enum dir: client, server; both known */
};

struct audit;

const struct policy *audit_policy(const struct audit *a);
const struct scene *audit_scene(const struct audit *a); /* of the observation being judged */
/* Per rule and run: `size` zeroed octets, made at first use; NULL when memory is used up. */
void *audit_state(struct audit *a, const struct rule *r, size_t size);
/* Memory for a rule's own tables, from the audit's arena; counted in state_shed when there is none.
 */
void *audit_alloc(struct audit *a, size_t size);
/* Counts what a rule could not remember since its own limit was reached. */
void audit_shed(struct audit *a);

/* The three judgements. `because` is one sentence, kept from the first of its kind. */
void judge_fine(struct audit *a, const struct rule *r, struct subject s, const char *because);
/* The same with a value in the sentence, for one %s: put together only where the sentence is kept.
 */
void judge_fine_with(struct audit *a, const struct rule *r, struct subject s, const char *format,
                     const char *value) PRINTF_LIKE(4, 0);
void judge_hidden(struct audit *a, const struct rule *r, struct subject s, const char *because);
/* A breach that another rule's finding tells. */
void judge_told(struct audit *a, const struct rule *r, struct subject s, const char *because);
/* A finding that claims flows tells of this one. Of very many flows at a time one may be forgotten.
 */
bool flow_is_claimed(const struct audit *a, uint64_t flow);

struct breach {
    struct subject subject;
    const struct party *client, *server; /* NULL: the finding has no such end */
    bool any_client;  /* the server's own fault: one finding for all clients, which names the client
                         while it is one */
    bool claims_flow; /* says more of the flow than a rule that is `last` could: that one is silent
                       */
    const char
        *kind; /* tells findings between the same ends apart (a share, a path's role); NULL: none */
    enum severity severity; /* SEVERITY_OFF: the rule's own */
    enum confidence confidence;
    const char *title;      /* NULL: the rule's own; a constant */
    const struct stamp *at; /* when it happened; NULL: at the observation's packet */
    uint64_t flow;          /* 0: the observation's; at the end there is none, so `at` is given */
};
/* Counts the breach; *ret_new tells whether texts are still to be given. NULL past LIMIT_FINDINGS.
 */
struct finding *judge_breach(struct audit *a, const struct rule *r, const struct breach *b,
                             bool *ret_new);
void finding_evidence(struct audit *a, struct finding *f, struct stamp at, const char *format, ...)
    PRINTF_LIKE(4, 5);
void finding_explain(struct audit *a, struct finding *f, const char *format, ...) PRINTF_LIKE(3, 4);
void finding_remedy(struct audit *a, struct finding *f, const char *format, ...) PRINTF_LIKE(3, 4);

/* The traffic contradicts what is declared of the host: findings about it say that they rest on
 * that.
 */
void audit_dispute(struct audit *a, const struct host *h);

/* At the end: a declared subject that no judgement was about. */
void judge_expected(struct audit *a, const struct rule *r, struct subject s, const char *because);
/* The same for every declared instance of the roles, or every host holding one of them. */
void expect_roles(struct audit *a, const struct rule *r, role_set roles, const char *because);
void expect_hosts(struct audit *a, const struct rule *r, role_set roles, const char *because);

/* Names as they stand in sentences: "mp01.corp.example (10.0.1.20)", "10.1.0.5 (hq)",
 * "203.0.113.9", "10.1.0.5 (hq, called pc7.corp.example by DNS)". */
#define PARTY_TEXT 160
/* An end that is named rather than one that speaks; without a port. */
struct party party_at(const struct policy *p, const struct address *address);
const char *party_text(const struct party *p, char text[PARTY_TEXT]);
const struct forest *party_forest(const struct party *p); /* NULL: none, or not declared */
/* The server of the scene, when it is a declared host with one of these roles; else NULL. */
const struct party *judged_server(const struct audit *a, role_set roles);
bool party_is_site_system(const struct party *p);
role_set party_roles(const struct party *p); /* 0 for who is not declared */
/* A declared console, or in a network of administrators. */
bool party_is_administrator(const struct party *p);
bool party_is_declared(const struct party *p); /* a host, or in a client network */

#endif
