#include "reports/grade.h"

#define FURTHER_COUNTED 10

static unsigned weight_of(enum severity worst)
{
    static const unsigned weights[] = {0, 0, 3, 10, 30, 60}; /* by severity */
    return weights[worst];
}

static char letter_of(unsigned points)
{
    static const struct {
        unsigned from;
        char letter;
    } letters[] = {{90, 'A'}, {75, 'B'}, {60, 'C'}, {40, 'D'}, {20, 'E'}, {0, 'F'}};
    unsigned i = 0;
    while (points < letters[i].from) {
        i++;
    }
    return letters[i].letter;
}

static struct grade_cost *cost_of(struct grade *g, const struct rule *r)
{
    for (unsigned i = 0; i < g->cost_count; i++) {
        if (g->costs[i].rule == r) {
            return &g->costs[i];
        }
    }
    if (g->cost_count == GRADE_RULES) {
        return NULL;
    }
    g->costs[g->cost_count] = (struct grade_cost){.rule = r};
    return &g->costs[g->cost_count++];
}

static void add_finding(struct grade *g, const struct finding *f)
{
    struct grade_cost *c = cost_of(g, f->rule);
    if (c == NULL) {
        return;
    }
    if (f->accepted != NULL && !f->acceptance_expired) {
        c->accepted++;
        return;
    }
    c->findings++;
    c->worst = f->severity > c->worst ? f->severity : c->worst;
}

void grade_chapter(struct grade *g, const struct audit *a, const struct chapter *chapter)
{
    size_t count = 0;
    *g = (struct grade){.chapter = chapter, .points = 100};
    const struct finding *const *findings = audit_findings(a, &count);
    const struct rule *rule = NULL; /* those of a rule stand together */
    bool mine = false;
    for (size_t i = 0; i < count; i++) {
        if (findings[i]->rule != rule) {
            rule = findings[i]->rule;
            mine = rule_chapter(rule) == chapter;
        }
        if (mine) {
            add_finding(g, findings[i]);
        }
    }
    const struct verdict *const *verdicts = audit_verdicts(a, &count);
    rule = NULL;
    for (size_t i = 0; i < count; i++) {
        if (verdicts[i]->rule != rule) {
            rule = verdicts[i]->rule;
            mine = rule_chapter(rule) == chapter;
        }
        if (mine) {
            bool judged = verdicts[i]->status == VERDICT_VIOLATED ||
                          verdicts[i]->status == VERDICT_CONSISTENT;
            g->judged += judged;
            g->unjudged += !judged;
        }
    }
    for (unsigned i = 0; i < g->cost_count; i++) {
        struct grade_cost *c = &g->costs[i];
        uint64_t further = c->findings > 1 ? c->findings - 1 : 0;
        unsigned counted = (unsigned)(further < FURTHER_COUNTED ? further : FURTHER_COUNTED);
        c->points = weight_of(c->worst) * (10 + counted) / 10;
        g->points = c->points < g->points ? g->points - c->points : 0;
    }
    g->letter = g->judged == 0 && g->cost_count == 0 ? '\0' : letter_of(g->points);
}
