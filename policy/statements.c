#include "policy/statements.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/audit_state.h"
#include "policy/sign_on.h"

#define R(role) ROLE_BIT(ROLE_##role)
#define STATEMENT(id, seen, about, subjects, rules, demands)                                       \
    {#id, SEEN_##seen, about, subjects, rules, NULL, demands},
/* Subjects that are told by their kind and not by a role: a host or role, for whoever uses it; a
 * pair of hosts of two sites; a pair of which only the site server opens. */
#define OF_CLIENTS ROLE_BIT(ROLE_COUNT + 8)
#define BETWEEN_SITES ROLE_BIT(ROLE_COUNT + 9)
#define SERVER_INITIATES ROLE_BIT(ROLE_COUNT + 10)
#define SAYS(id, reason, demands) {#id, SEEN_NO, 0, 0, "", reason, demands},
const struct statement all_statements[] = {
#include "policy/statements.def"
};
const unsigned statement_count = sizeof all_statements / sizeof *all_statements;

#define CODE_LENGTH 4 /* "R010" */

const struct statement *statement_find(const char *id)
{
    for (unsigned i = 0; i < statement_count; i++) {
        if (strcmp(all_statements[i].id, id) == 0) {
            return &all_statements[i];
        }
    }
    return NULL;
}

const char *statement_seen_name(enum statement_seen s)
{
    static const char *const names[] = {"yes", "partly", "hints", "no"};
    return names[s];
}

static bool has_word(const char *list, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = list; at != NULL && *at != '\0';) {
        size_t n = strcspn(at, " ");
        if (n == len && strncmp(at, word, n) == 0) {
            return true;
        }
        at += n + strspn(at + n, " ");
    }
    return false;
}

bool statement_is_judged_by(const struct statement *s, const struct rule *r)
{
    return has_word(s->rules, r->code);
}

static void add_code(char list[STATEMENT_CODES], const char *code)
{
    size_t len = strlen(list);
    if (len + CODE_LENGTH + 2 < STATEMENT_CODES && !has_word(list, code)) {
        (void)snprintf(list + len, STATEMENT_CODES - len, "%s%s", len == 0 ? "" : " ", code);
    }
}

/* What is known of one statement while its verdicts are counted. */
struct tally {
    uint64_t verdicts[VERDICT_NOT_ASSESSABLE + 1];
    const struct verdict *first[VERDICT_NOT_ASSESSABLE + 1];
    bool built, on; /* some rule of it is there; and is not turned off */
};

/* What an instance of a role is besides that role. */
static role_set traits_of(const struct role_instance *role)
{
    bool scheduled = role->bandwidth_mbit != 0 || role->between_from >= 0;
    return ROLE_BIT(role->role) | (scheduled ? STATEMENT_SCHEDULED : 0) |
           (role->prestaged ? STATEMENT_PRESTAGED : 0);
}

static role_set kind_of(const struct subject *s)
{
    if (s->host == NULL || s->peer == NULL) {
        return OF_CLIENTS;
    }
    bool between = s->host->site != NULL && s->peer->site != NULL && s->host->site != s->peer->site;
    bool initiates =
        s->peer->site_server_initiates && (s->host->role_bits & ROLES_SITE_SERVERS) != 0;
    return (between ? BETWEEN_SITES : 0) | (initiates ? SERVER_INITIATES : 0);
}

static bool is_about(const struct statement *s, const struct subject *subject)
{
    role_set held = (subject->host == NULL ? 0 : subject->host->role_bits) |
                    (subject->peer == NULL ? 0 : subject->peer->role_bits);
    if (s->subjects == 0 || (subject->host == NULL && subject->peer == NULL)) {
        return true;
    }
    if (subject->role == NULL) {
        return (s->subjects & (held | STATEMENT_HOST | kind_of(subject))) != 0;
    }
    role_set traits = traits_of(subject->role);
    return (s->subjects & (traits | kind_of(subject))) != 0 &&
           (s->about == 0 || (s->about & traits) != 0);
}

/* The sorted verdicts rule by rule: large hierarchies have thousands for each. */
struct stretch {
    const struct rule *rule;
    size_t first, end;
};
struct stretches {
    struct stretch *list;
    size_t count;
};

static bool find_stretches(const struct audit *a, struct stretches *ret)
{
    size_t total = a->sorted_verdicts == NULL ? 0 : a->judgements.count, count = 0;
    for (size_t i = 0; i < total; i++) {
        count += i == 0 || a->sorted_verdicts[i]->rule != a->sorted_verdicts[i - 1]->rule;
    }
    *ret = (struct stretches){.list = calloc(count + 1, sizeof *ret->list)};
    for (size_t i = 0; ret->list != NULL && i < total; i++) {
        const struct rule *rule = a->sorted_verdicts[i]->rule;
        if (ret->count == 0 || ret->list[ret->count - 1].rule != rule) {
            ret->list[ret->count++] = (struct stretch){.rule = rule, .first = i};
        }
        ret->list[ret->count - 1].end = i + 1;
    }
    return ret->list != NULL;
}

static void count_stretch(const struct audit *a, const struct stretch *s,
                          struct statement_verdict *v, struct tally *t)
{
    bool judges = statement_is_judged_by(v->statement, s->rule);
    bool rests = has_word(s->rule->statements, v->statement->id);
    for (size_t i = s->first; (judges || rests) && i < s->end; i++) {
        const struct verdict *one = a->sorted_verdicts[i];
        /* A judgement begins with what is shown of it. */
        const struct judgement *j = (const struct judgement *)one;
        if ((judges || one->status == VERDICT_VIOLATED) && is_about(v->statement, &j->subject)) {
            t->verdicts[one->status]++;
            t->first[one->status] = t->first[one->status] == NULL ? one : t->first[one->status];
            v->observed += one->observed;
        }
    }
}

static void count_rules(const struct audit *a, struct statement_verdict *v, struct tally *t)
{
    const struct statement *s = v->statement;
    for (unsigned i = 0; i < rule_count; i++) {
        if (statement_is_judged_by(s, rules[i])) {
            add_code(v->judged, rules[i]->code);
            t->built = true;
        }
    }
    for (const char *at = s->rules; *at != '\0'; at += strspn(at, " ")) {
        char code[CODE_LENGTH + 1];
        (void)snprintf(code, sizeof code, "%.*s", CODE_LENGTH, at);
        at += strcspn(at, " ");
        if (rule_find(code) == NULL) {
            add_code(v->not_judged, code);
        }
    }
    for (unsigned i = 0; i < a->running_count; i++) {
        t->on |= statement_is_judged_by(s, a->running[i].rule);
    }
}

static bool is_declared(const struct policy *p, role_set roles)
{
    for (unsigned i = 0; i < p->host_count; i++) {
        if ((p->hosts[i].role_bits & roles) != 0) {
            return true;
        }
        for (unsigned k = 0; k < p->hosts[i].role_count; k++) {
            if ((traits_of(&p->hosts[i].roles[k]) & roles) != 0) {
                return true;
            }
        }
    }
    return roles == 0;
}

static void settle(struct audit *a, struct statement_verdict *v, enum verdict_status status,
                   const char *because)
{
    char text[1600];
    v->status = status;
    v->because = because;
    if (v->not_judged[0] != '\0' && status != VERDICT_VIOLATED) {
        (void)snprintf(text, sizeof text, "%s%sNot judged by this version: %s.", because,
                       *because == '\0' ? "" : " ", v->not_judged);
        v->because = ledger_keep(a, text);
    }
}

static const char *about_name(unsigned bit)
{
    static const char *const others[] = {"site system",
                                         "distribution point with a schedule or limit",
                                         "distribution point with prestaged content"};
    return bit < ROLE_COUNT ? role_name((enum role)bit) : others[bit - ROLE_COUNT];
}

static const char *not_declared(struct audit *a, role_set roles)
{
    char text[200] = "No host is declared as ";
    for (unsigned i = 0, n = 0; i <= ROLE_COUNT + 2; i++) {
        if ((roles & ROLE_BIT(i)) != 0) {
            size_t len = strlen(text);
            (void)snprintf(text + len, sizeof text - len, "%s%s", n++ == 0 ? "" : " or ",
                           about_name(i));
        }
    }
    size_t len = strlen(text);
    (void)snprintf(text + len, sizeof text - len, ".");
    return ledger_keep(a, text);
}

static void judge(struct audit *a, const struct stretches *stretches, struct statement_verdict *v)
{
    static const enum verdict_status order[] = {VERDICT_VIOLATED, VERDICT_CONSISTENT,
                                                VERDICT_NOT_ASSESSABLE, VERDICT_NOT_OBSERVED};
    struct tally t = {.built = false};
    count_rules(a, v, &t);
    if (v->statement->reason != NULL) {
        settle(a, v, VERDICT_NOT_ASSESSABLE, v->statement->reason);
        return;
    }
    for (size_t i = 0; i < stretches->count; i++) {
        count_stretch(a, &stretches->list[i], v, &t);
    }
    for (unsigned i = 0; i < sizeof order / sizeof *order; i++) {
        if (t.verdicts[order[i]] > 0 &&
            (order[i] != VERDICT_NOT_OBSERVED || is_declared(a->policy, v->statement->about))) {
            settle(a, v, order[i], t.first[order[i]]->because);
            return;
        }
    }
    if (!is_declared(a->policy, v->statement->about)) {
        v->status = VERDICT_NOT_OBSERVED;
        v->because = not_declared(a, v->statement->about);
    } else if (!t.built) {
        settle(a, v, VERDICT_NOT_ASSESSABLE, "");
    } else if (!t.on) {
        settle(a, v, VERDICT_NOT_ASSESSABLE, "The policy turns its rules off.");
    } else {
        settle(a, v, VERDICT_NOT_OBSERVED, "No traffic was seen that its rules judge.");
    }
}

struct statement_verdict *statements_judge(struct audit *a)
{
    struct stretches stretches;
    struct statement_verdict *all =
        find_stretches(a, &stretches) ? calloc(statement_count, sizeof *all) : NULL;
    for (unsigned i = 0; all != NULL && i < statement_count; i++) {
        all[i].statement = &all_statements[i];
        judge(a, &stretches, &all[i]);
        all[i].because = all[i].because == NULL ? "" : all[i].because;
        a->counts.statements[all[i].status]++;
    }
    free(stretches.list);
    return all;
}
