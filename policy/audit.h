/*
 * audit.h - observations in, findings and verdicts out.
 *
 * One audit per run, in one thread; observations come in packet order, so equal input gives equal
 * output.
 *
 * Owner:  findings and verdicts belong to the audit and are valid until audit_free; the policy is
 * borrowed. Limits: LIMIT_SUBJECTS, LIMIT_FINDINGS, LIMIT_EVIDENCE; what they cost is in
 * audit_counts.
 */
#ifndef ROLECALL_POLICY_AUDIT_H
#define ROLECALL_POLICY_AUDIT_H

#include "capture/losses.h"
#include "policy/identity.h"
#include "policy/rule.h"

struct evidence_field { /* a fact of the message; text is NULL where the number says it */
    enum fact_id id;
    uint64_t number;
    const char *text;
};

struct evidence {
    struct stamp at;
    char *says;                          /* what that packet shows, one line */
    const struct evidence_field *fields; /* what was decoded of it, where audit_keep_fields asks */
    unsigned field_count;
};

struct party {  /* one end of a finding */
    bool known; /* false: the finding has no such end */
    struct address address;
    uint16_t port;                    /* 0: any */
    const struct host *host;          /* NULL: not declared */
    const struct client_group *group; /* NULL: in no declared network */
    const struct zone *zone;          /* never NULL where known */
    /* What the capture calls an address that is not declared; NULL: nothing. It decides nothing. */
    const struct learned_name *learned;
};

struct finding {
    char id[17]; /* stable: the same rule, ends and service give the same id in every run */
    const struct rule *rule;
    const char *title;
    enum severity severity;
    enum confidence confidence;
    struct party client, server;
    bool any_client; /* the server's own fault: the client is named while it is one */
    int64_t first_ns, last_ns;
    uint8_t precision; /* digits of the stamps */
    uint64_t count;
    uint64_t flows[LIMIT_FINDING_FLOWS];
    unsigned flow_count;
    uint64_t flows_total;
    struct evidence evidence[LIMIT_EVIDENCE];
    unsigned evidence_count;
    char *explanation, *remediation; /* plain sentences with the actual names and values in them */
    const struct acceptance *accepted; /* NULL: not accepted */
    bool acceptance_expired;           /* `accepted` ended before the finding's last packet */
};

enum verdict_status {
    VERDICT_VIOLATED,
    VERDICT_CONSISTENT,
    VERDICT_NOT_OBSERVED,
    VERDICT_NOT_ASSESSABLE
};

/* What was lost before the audit could see it; told before audit_finish. */
struct audit_losses {
    uint64_t dropped;   /* packets, by the capturing machine */
    uint64_t cut_files; /* that end inside a packet */
    uint64_t given_up;  /* conversations, by a limit */
    uint64_t away;      /* times that an interface was */
    uint64_t shed;      /* packets, whole or their payload, since they came too fast */
    /* Live: the times in which something was lost, as long as the audit; NULL: not known. */
    const struct loss_interval *intervals;
    size_t interval_count;
    uint64_t restarts; /* live: the audit began anew, and had seen nothing before */
};

struct verdict {
    const struct rule *rule;
    const char *subject; /* host, role instance ("mp01.corp.example management-point"), pair ("a ->
                      b") or "hierarchy" */
    enum verdict_status status;
    uint64_t observed; /* messages or flows judged */
    /* Consistent, but part of the subject's traffic is missing: a breach may be too. */
    bool partial;
    const char *because; /* one sentence */
};

struct audit_counts {
    uint64_t observations;
    uint64_t subjects_shed, findings_shed, state_shed, names_shed, paths_shed;
    uint64_t findings[SEVERITY_CRITICAL + 1]; /* by severity; accepted ones not counted here */
    uint64_t accepted;
    uint64_t verdicts[VERDICT_NOT_ASSESSABLE + 1];
    uint64_t partial; /* of the consistent ones */
    uint64_t statements[VERDICT_NOT_ASSESSABLE + 1];
};

struct audit *audit_new(const struct policy *p) MUST_USE;
/* Evidence shall say what was decoded of its message: for reports that show it. */
void audit_keep_fields(struct audit *a);
/* Each packet that a finding cites, as soon as it does; NULL: nobody is told. */
void audit_on_evidence(struct audit *a, void (*tell)(void *user, const struct stamp *at),
                       void *user);
void audit_observe(struct audit *a, const struct observation *o);
void audit_lost(struct audit *a, const struct audit_losses *losses);
const struct audit_losses *audit_losses(const struct audit *a);
/* Ends the audit: what was never seen gets its verdict, findings are sorted (severity, code, ends).
 */
void audit_finish(struct audit *a);
const struct finding *const *audit_findings(const struct audit *a, size_t *ret_count);
/* A finding that is new, or worse than before, since it was last asked; NULL: no more. While the
 * audit goes on. */
const struct finding *audit_take_new(struct audit *a);
/* While the audit goes on: the one that was found next after `f`; NULL: the first of all. NULL when
 * there is no more. */
const struct finding *audit_next_finding(const struct audit *a, const struct finding *f);
/* How the policy accepts the finding, as far as its ends are known by now; NULL: not at all. */
const struct acceptance *audit_acceptance(const struct audit *a, const struct finding *f);
const struct verdict *const *audit_verdicts(const struct audit *a,
                                            size_t *ret_count); /* by rule, then subject */
const struct audit_counts *audit_counts(const struct audit *a);
/* The rules that are on, by place, and the severity that the policy gives them; NULL past the last.
 */
const struct rule *audit_rule(const struct audit *a, unsigned place, enum severity *ret_severity);
uint32_t audit_records(const struct audit *a); /* bit per enum record that some rule that is on
                                                  wants, or names are learned from */
const char *verdict_status_name(enum verdict_status s);
const char *confidence_name(enum confidence c);
/* Names learned so far; identity_conflict tells where they contradict the policy. */
const struct identity *audit_identity(const struct audit *a);
/* What of the hierarchy was seen so far (coverage.h). */
struct coverage;
const struct coverage *audit_coverage(const struct audit *a);
struct audit *audit_free(struct audit *a);

#endif
