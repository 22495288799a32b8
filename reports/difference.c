#include "reports/difference.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is compared ---- */

struct item {
    char *key; /* owned */
    const json_t *record;
};

struct items {
    struct item *at;
    size_t count;
};

typedef char *key_function(const json_t *record); /* malloc'ed; NULL and errno 0: left out */

static char *text_key(const char *text)
{
    errno = 0;
    return text == NULL ? NULL : strdup(text);
}

static char *finding_key(const json_t *record)
{
    return text_key(member_text(record, "id"));
}

/* A host that is declared and was not seen is not there. */
static char *host_key(const json_t *record)
{
    bool seen = member_number(record, "flows") + member_number(record, "findings") > 0;
    return text_key(seen ? member_text(record, "name") : NULL);
}

static char *service_key(const json_t *record)
{
    char *key = NULL;
    const char *name = member_text(record, "server.name"), *ip = member_text(record, "server.ip");
    const char *transport = member_text(record, "transport");
    const char *protocol = member_text(record, "protocol");
    bool answered = member_number(record, "flows") > member_number(record, "unanswered");
    errno = 0;
    if (!answered || (name == NULL && ip == NULL)) {
        return NULL;
    }
    int len = asprintf(&key, "%s %s %05u %s", name != NULL ? name : ip,
                       transport == NULL ? "" : transport, (unsigned)member_number(record, "port"),
                       protocol == NULL ? "" : protocol);
    errno = len < 0 ? ENOMEM : 0;
    return len < 0 ? NULL : key;
}

static int by_key(const void *left, const void *right)
{
    return strcmp(((const struct item *)left)->key, ((const struct item *)right)->key);
}

static void items_done(struct items *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->at[i].key);
    }
    free(list->at);
}

/* Sorted, each key once. */
static int items_make(struct items *list, const struct document_part *part, key_function *key_of)
{
    *list = (struct items){.at = calloc(part->count + 1, sizeof *list->at)};
    for (size_t i = 0; list->at != NULL && i < part->count; i++) {
        char *key = key_of(part->at[i]);
        if (key != NULL) {
            list->at[list->count++] = (struct item){.key = key, .record = part->at[i]};
        } else if (errno != 0) {
            return -ENOMEM;
        }
    }
    if (list->at == NULL) {
        return -ENOMEM;
    }
    qsort(list->at, list->count, sizeof *list->at, by_key);
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (kept > 0 && strcmp(list->at[kept - 1].key, list->at[i].key) == 0) {
            free(list->at[i].key);
        } else {
            list->at[kept++] = list->at[i];
        }
    }
    list->count = kept;
    return 0;
}

/* ---- how it changed ---- */

enum severity difference_severity(const json_t *record)
{
    enum severity severity = SEVERITY_OFF;
    const char *name = member_text(record, "severity");
    name = name != NULL ? name : member_text(record, "worst");
    return name != NULL && severity_parse(name, &severity) ? severity : SEVERITY_OFF;
}

static bool is_accepted(const json_t *finding)
{
    return member_at(finding, "accepted") != NULL && !member_truth(finding, "accepted.expired");
}

static enum change change_of(const json_t *before, const json_t *after)
{
    enum severity was = difference_severity(before), is = difference_severity(after);
    if (before == NULL || after == NULL) {
        return before == NULL ? CHANGE_NEW : CHANGE_GONE;
    }
    if (is_accepted(before) != is_accepted(after)) {
        return is_accepted(before) ? CHANGE_WORSE : CHANGE_BETTER;
    }
    return is > was ? CHANGE_WORSE : is < was ? CHANGE_BETTER : CHANGE_STILL;
}

static const json_t *shown(const struct changed *c)
{
    return c->after != NULL ? c->after : c->before;
}

static int by_change(const void *left, const void *right)
{
    const struct changed *x = left, *y = right;
    if (x->change != y->change) {
        return x->change < y->change ? -1 : 1;
    }
    enum severity of_x = difference_severity(shown(x)), of_y = difference_severity(shown(y));
    if (of_x != of_y) {
        return of_x > of_y ? -1 : 1;
    }
    const char *code_x = member_text(shown(x), "code"), *code_y = member_text(shown(y), "code");
    int order = code_x == NULL || code_y == NULL ? 0 : strcmp(code_x, code_y);
    return order != 0 ? order : strcmp(x->key, y->key);
}

static char *take_key(struct item *item)
{
    char *key = item->key;
    item->key = NULL;
    return key;
}

static int changes_make(struct changes *c, struct items *before, struct items *after)
{
    size_t b = 0, a = 0;
    c->at = calloc(before->count + after->count + 1, sizeof *c->at);
    if (c->at == NULL) {
        return -ENOMEM;
    }
    while (b < before->count || a < after->count) {
        int order = b == before->count  ? 1
                    : a == after->count ? -1
                                        : strcmp(before->at[b].key, after->at[a].key);
        struct changed *next = &c->at[c->count++];
        next->key = take_key(order <= 0 ? &before->at[b] : &after->at[a]);
        next->before = order <= 0 ? before->at[b++].record : NULL;
        next->after = order >= 0 ? after->at[a++].record : NULL;
        next->change = change_of(next->before, next->after);
        c->of[next->change]++;
    }
    qsort(c->at, c->count, sizeof *c->at, by_change);
    return 0;
}

static int compare(struct changes *c, const struct document_part *before,
                   const struct document_part *after, key_function *key_of)
{
    struct items old = {0}, new = {0};
    int error = items_make(&old, before, key_of);
    error = error == 0 ? items_make(&new, after, key_of) : error;
    error = error == 0 ? changes_make(c, &old, &new) : error;
    items_done(&old);
    items_done(&new);
    return error;
}

/* ---- why a finding is gone ---- */

static const char *const reasons[] = {
    "rule is off", "violated by others", "not assessable", "consistent", "not observed",
};
enum reason { REASON_OFF, REASON_VIOLATED, REASON_HIDDEN, REASON_FINE, REASON_UNSEEN };

static enum reason reason_of(const json_t *verdict)
{
    const char *status = member_text(verdict, "status");
    if (status == NULL) {
        return REASON_UNSEEN;
    }
    return strcmp(status, "violated") == 0         ? REASON_VIOLATED
           : strcmp(status, "not_assessable") == 0 ? REASON_HIDDEN
           : strcmp(status, "consistent") == 0     ? REASON_FINE
                                                   : REASON_UNSEEN;
}

/* The subject is the host, a role of it, or a pair with it: "host", "host role", "host -> host". */
static bool is_about(const char *subject, const char *host)
{
    size_t len = host == NULL ? 0 : strlen(host);
    for (const char *at = subject; len > 0 && (at = strstr(at, host)) != NULL; at++) {
        bool begins = at == subject || at[-1] == ' ', ends = at[len] == '\0' || at[len] == ' ';
        if (begins && ends) {
            return true;
        }
    }
    return false;
}

static int by_rule(const void *left, const void *right)
{
    const char *x = member_text(*(json_t *const *)left, "rule");
    const char *y = member_text(*(json_t *const *)right, "rule");
    return strcmp(x == NULL ? "" : x, y == NULL ? "" : y);
}

static const char *why_gone(const struct document *after, json_t *const *verdicts,
                            const json_t *finding)
{
    const char *server = member_text(finding, "server.name");
    const char *client = member_text(finding, "client.name");
    const char *rule = member_text(finding, "rule");
    enum reason why = REASON_UNSEEN;
    size_t low = 0, high = after->verdicts.count;
    if (rule == NULL || document_rule(after, finding) == NULL) {
        return reasons[REASON_OFF];
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        bool below = by_rule(&verdicts[middle], &finding) < 0;
        low = below ? middle + 1 : low;
        high = below ? high : middle;
    }
    for (; low < after->verdicts.count && by_rule(&verdicts[low], &finding) == 0; low++) {
        const char *subject = member_text(verdicts[low], "subject");
        bool about = subject != NULL && (is_about(subject, server) || is_about(subject, client));
        enum reason reason = reason_of(verdicts[low]);
        why = about && reason < why ? reason : why;
    }
    return reasons[why];
}

static int explain(struct difference *d)
{
    const struct document_part *verdicts = &d->after->verdicts;
    json_t **sorted = calloc(verdicts->count + 1, sizeof *sorted);
    if (sorted == NULL) {
        return -ENOMEM;
    }
    if (verdicts->count > 0) {
        memcpy(sorted, verdicts->at, verdicts->count * sizeof *sorted);
        qsort(sorted, verdicts->count, sizeof *sorted, by_rule);
    }
    for (size_t i = 0; i < d->findings.count; i++) {
        struct changed *c = &d->findings.at[i];
        c->because = c->change == CHANGE_GONE ? why_gone(d->after, sorted, c->before) : NULL;
    }
    free(sorted);
    return 0;
}

/* ---- all ---- */

int difference_make(struct difference *d, const struct document *before,
                    const struct document *after)
{
    d->before = before;
    d->after = after;
    int error = compare(&d->findings, &before->findings, &after->findings, finding_key);
    error = error == 0 ? compare(&d->hosts, &before->hosts, &after->hosts, host_key) : error;
    error = error == 0
                ? compare(&d->services, &before->conversations, &after->conversations, service_key)
                : error;
    return error == 0 ? explain(d) : error;
}

static void changes_done(struct changes *c)
{
    for (size_t i = 0; i < c->count; i++) {
        free(c->at[i].key);
    }
    free(c->at);
}

void difference_done(struct difference *d)
{
    changes_done(&d->findings);
    changes_done(&d->hosts);
    changes_done(&d->services);
}

bool difference_fails(const struct difference *d, enum severity from)
{
    for (size_t i = 0; i < d->findings.count; i++) {
        const struct changed *c = &d->findings.at[i];
        if (c->change <= CHANGE_WORSE && !is_accepted(c->after) &&
            difference_severity(c->after) >= from) {
            return true;
        }
    }
    return false;
}
