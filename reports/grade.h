/*
 * grade.h - a grade per chapter of the catalogue, A to F: how bad it is at a glance.
 *
 * A chapter begins with 100 points. Each of its rules that is broken costs what its worst open
 * finding weighs (critical 60, high 30, medium 10, low 3, info 0), and a tenth of that for each
 * further one, up to ten. Accepted findings cost nothing. A from 90 points, B from 75, C from 60, D
 * from 40, E from 20, else F. A chapter of which nothing was judged has no grade: silence is not
 * innocence.
 */
#ifndef ROLECALL_REPORTS_GRADE_H
#define ROLECALL_REPORTS_GRADE_H

#include "policy/audit.h"

#define GRADE_RULES 64 /* broken rules of one chapter that are told: more than any has */

struct grade_cost { /* one broken rule */
    const struct rule *rule;
    enum severity worst;
    uint64_t findings, accepted;
    unsigned points;
};

struct grade {
    const struct chapter *chapter;
    char letter;       /* 'A' to 'F'; '\0': nothing was judged */
    unsigned points;   /* 0 to 100 */
    uint64_t judged;   /* verdicts that say violated or consistent */
    uint64_t unjudged; /* that something hid, or of which nothing was seen */
    unsigned cost_count;
    struct grade_cost costs[GRADE_RULES];
};

/* Of a finished audit. */
void grade_chapter(struct grade *g, const struct audit *a, const struct chapter *chapter);

#endif
