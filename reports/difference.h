/*
 * difference.h - what changed between two audits: findings, hosts that spoke, services that
 * answered.
 *
 * A finding is the same one when its id is: rule, ends and service. That one is gone is no proof
 * that it was mended: `because` tells what the later audit's verdicts say of it.
 *
 * Owner:  records are borrowed from the two documents; difference_done frees the rest.
 */
#ifndef ROLECALL_REPORTS_DIFFERENCE_H
#define ROLECALL_REPORTS_DIFFERENCE_H

#include "policy/policy.h"
#include "reports/document.h"
#include "reports/text.h"

enum change {
    CHANGE_NEW,
    CHANGE_WORSE, /* a higher severity, or no longer accepted */
    CHANGE_STILL,
    CHANGE_BETTER, /* a lower severity, or accepted now */
    CHANGE_GONE,
};
#define CHANGES 5

struct changed {
    enum change change;
    char *key;                    /* what makes it the same in both */
    const json_t *before, *after; /* records; NULL: it is not there */
    const char *because;          /* of a finding that is gone; else NULL */
};

struct changes {
    struct changed *at; /* by change, worst first */
    size_t count, of[CHANGES];
};

struct difference {
    const struct document *before, *after;
    int64_t before_id, after_id;
    struct changes findings, hosts, services;
};

/* 0 or -ENOMEM. */
int difference_make(struct difference *d, const struct document *before,
                    const struct document *after) MUST_USE;
void difference_done(struct difference *d);
/* True when a finding is new or worse, stands, and is at or above `from`. */
bool difference_fails(const struct difference *d, enum severity from);
/* The severity of a finding, or the worst of a host; SEVERITY_OFF: none. */
enum severity difference_severity(const json_t *record);

void difference_text(struct output *out, const struct text_style *style,
                     const struct difference *d);
void difference_records(struct output *out, const struct difference *d);

#endif
