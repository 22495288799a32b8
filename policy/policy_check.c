#include "policy/policy_check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "capture/limits.h"

void remark(struct remarks *r, struct place at, enum severity severity, const char *statement,
            const char *format, ...)
{
    struct policy_remark one = {.place = at, .severity = severity, .statement = statement};
    va_list list;
    va_start(list, format);
    (void)vsnprintf(one.text, sizeof one.text, format, list);
    va_end(list);
    if (r->list == NULL) {
        r->say(r->user, &one);
    } else if (r->count < r->room) {
        r->list[r->count++] = one;
    } else {
        r->left_out++;
    }
}

static int in_file_order(const void *left, const void *right)
{
    const struct policy_remark *a = left, *b = right;
    if (a->place.line != b->place.line) {
        return a->place.line < b->place.line ? -1 : 1;
    }
    if (a->place.column != b->place.column) {
        return a->place.column < b->place.column ? -1 : 1;
    }
    if (a->severity != b->severity) {
        return a->severity > b->severity ? -1 : 1;
    }
    return strcmp(a->text, b->text);
}

const struct host *check_site_server(const struct remarks *r, const struct site *site)
{
    return site == NULL || r->site_servers == NULL ? NULL
                                                   : r->site_servers[site - r->policy->sites];
}

bool check_is_untrusted(const struct policy *p, const struct host *server, const struct host *host)
{
    return server != NULL && server->forest != NULL && host->forest != NULL &&
           !policy_trusts(p, server->forest, host->forest);
}

bool check_has_accounts(const struct policy *p, const char *purpose)
{
    const struct account_list *list = policy_accounts(p, purpose);
    return list != NULL && list->count != 0;
}

const char *check_forest_name(const struct host *host)
{
    if (host->forest != NULL) {
        return host->forest->name;
    }
    return host->workgroup ? "a workgroup" : "no declared forest";
}

static void tell(struct remarks *r)
{
    if (r->count != 0) {
        qsort(r->list, r->count, sizeof r->list[0], in_file_order);
    }
    for (unsigned i = 0; i < r->count; i++) {
        r->say(r->user, &r->list[i]);
    }
    if (r->left_out != 0) {
        struct policy_remark last = {.place = {1, 1}, .severity = SEVERITY_INFO};
        (void)snprintf(last.text, sizeof last.text, "%u more remarks are not listed", r->left_out);
        r->say(r->user, &last);
    }
}

void policy_check(const struct policy *p, void (*say)(void *user, const struct policy_remark *r),
                  void *user)
{
    struct remarks r = {.policy = p, .say = say, .user = user, .room = LIMIT_POLICY_REMARKS};
    r.list = calloc(r.room, sizeof *r.list);
    r.site_servers = calloc(p->site_count + 1u, sizeof *r.site_servers);
    check_sites(&r);
    check_hosts(&r);
    check_roles(&r);
    check_accounts(&r);
    check_options(&r);
    check_network(&r);
    check_paths(&r);
    tell(&r);
    free(r.site_servers);
    free(r.list);
}
