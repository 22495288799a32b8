#include <stdio.h>
#include <time.h>

#include "policy/policy_check.h"

/* Anything else is a slip or a forest that is missing. */
bool check_domain_is_known(const struct policy *p, const char *account)
{
    char domain[256];
    const char *backslash = strchr(account, '\\'), *at = strrchr(account, '@');
    int length = backslash != NULL ? (int)(backslash - account) : (int)sizeof domain;
    const char *from = backslash != NULL ? account : at == NULL ? account : at + 1;
    (void)snprintf(domain, sizeof domain, "%.*s", length, from);
    return strcmp(domain, ".") == 0 || policy_forest_of_domain(p, domain) != NULL ||
           policy_host_named(p, domain) != NULL;
}

static void check_account_domains(struct remarks *r)
{
    const struct policy *p = r->policy;
    for (unsigned i = 0; i < p->account_count; i++) {
        for (unsigned k = 0; k < p->accounts[i].count; k++) {
            if (!check_domain_is_known(p, p->accounts[i].accounts[k])) {
                remark(r, p->accounts[i].place, SEVERITY_LOW, NULL,
                       "account %s (%s) is in no declared domain; add the domain to its forest, or "
                       "correct the name",
                       p->accounts[i].accounts[k], p->accounts[i].purpose);
            }
        }
    }
}

/* S51, S108: domain members whom no site trusts and whose forest has no system of a site. */
static bool managed_like_workgroup(const struct policy *p, const struct client_group *group)
{
    bool trusted = false, served = false;
    for (unsigned i = 0; group->forest != NULL && i < p->host_count; i++) {
        const struct host *h = &p->hosts[i];
        trusted |= host_role(h, ROLE_SITE_SERVER) != NULL &&
                   (h->forest == NULL || policy_trusts(p, h->forest, group->forest));
        served |= h->forest == group->forest && (h->role_bits & role_site_systems()) != 0;
    }
    return group->workgroup || (group->forest != NULL && !trusted && !served);
}

/* S58: clients that no domain vouches for fetch content with the network access account. Under
 * HTTPS or enhanced HTTP they need none today; in the 2016 article they always do. */
static void check_workgroup_clients(struct remarks *r, const struct client_group *group)
{
    const struct policy *p = r->policy;
    if (group->administrators || check_has_accounts(p, "network-access") ||
        !managed_like_workgroup(p, group)) {
        return;
    }
    bool needed = p->profile == PROFILE_ARTICLE || p->site_count == 0;
    for (unsigned i = 0; i < p->site_count; i++) {
        const struct site *site = &p->sites[i];
        needed = needed || (site->type == SITE_PRIMARY && site->clients != CLIENTS_HTTPS &&
                            site->clients != CLIENTS_ENHANCED_HTTP);
    }
    if (needed) {
        remark(r, group->place, SEVERITY_MEDIUM, group->workgroup ? "S58" : "S108",
               "client group %s is %s, but no network-access account is declared; such clients "
               "need it to fetch content from distribution points",
               group->name,
               group->workgroup ? "in a workgroup" : "of a forest that no site trusts or serves");
    }
}

static const struct host *any_site_server_elsewhere(const struct policy *p,
                                                    const struct forest *forest)
{
    for (unsigned i = 0; i < p->host_count; i++) {
        const struct host *h = &p->hosts[i];
        if (host_role(h, ROLE_SITE_SERVER) != NULL && h->forest != NULL) {
            if (h->forest == forest) {
                return NULL;
            }
        }
    }
    for (unsigned i = 0; i < p->host_count; i++) {
        const struct host *h = &p->hosts[i];
        if (host_role(h, ROLE_SITE_SERVER) != NULL && h->forest != NULL) {
            return h;
        }
    }
    return NULL;
}

/* S111, S106: clients of a forest that holds no site server. */
static void check_forest_clients(struct remarks *r, const struct client_group *group)
{
    if (group->forest == NULL || group->administrators) {
        return;
    }
    const struct host *server = any_site_server_elsewhere(r->policy, group->forest);
    if (server == NULL) {
        return;
    }
    if (!group->forest->published) {
        remark(
            r, group->place, SEVERITY_INFO, "S111",
            "clients of group %s are in forest %s, to which no site is published; they must find "
            "management points by DNS, WINS or assignment",
            group->name, group->forest->name);
    }
    if (policy_trusts(r->policy, server->forest, group->forest) &&
        !policy_kerberos_trust(r->policy, server->forest, group->forest)) {
        remark(r, group->place, SEVERITY_MEDIUM, "S106",
               "clients of group %s are in forest %s, with which forest %s of site server %s has "
               "only an external trust; without Kerberos they will use NTLM",
               group->name, group->forest->name, server->forest->name, server->name);
    }
}

static void check_selector(struct remarks *r, struct place place, const struct selector *s)
{
    if (s->kind == SELECT_NAME) {
        remark(r, place, SEVERITY_INFO, NULL,
               "%s is not declared under 'hosts', so this line applies to nobody yet", s->is.name);
    }
}

static void check_selectors(struct remarks *r)
{
    const struct policy *p = r->policy;
    for (unsigned i = 0; i < p->matrix_count; i++) {
        check_selector(r, p->matrix[i].place, &p->matrix[i].from);
        check_selector(r, p->matrix[i].place, &p->matrix[i].to);
    }
    for (unsigned i = 0; i < p->acceptance_count; i++) {
        check_selector(r, p->acceptances[i].place, &p->acceptances[i].client);
        check_selector(r, p->acceptances[i].place, &p->acceptances[i].server);
    }
}

static bool same_selector(const struct selector *x, const struct selector *y)
{
    if (x->kind != y->kind) {
        return false;
    }
    switch (x->kind) {
    case SELECT_NAME:
        return strcmp(x->is.name, y->is.name) == 0;
    case SELECT_ROLE:
        return x->is.role == y->is.role;
    case SELECT_HOST:
        return x->is.host == y->is.host;
    case SELECT_GROUP:
        return x->is.group == y->is.group;
    case SELECT_ZONE:
        return x->is.zone == y->is.zone;
    case SELECT_PREFIX:
        return x->is.prefix.bits == y->is.prefix.bits &&
               address_equal(&x->is.prefix.address, &y->is.prefix.address);
    case SELECT_ANY:
    case SELECT_CLIENTS:
    case SELECT_ADMINISTRATORS:
        break;
    }
    return true;
}

/* The acceptance of the same risk that lasts longer: the one that counts. */
static const struct acceptance *renewed_by(const struct policy *p, const struct acceptance *old)
{
    for (unsigned i = 0; i < p->acceptance_count; i++) {
        const struct acceptance *a = &p->acceptances[i];
        if (a->rule == old->rule && a->until_ns > old->until_ns &&
            same_selector(&a->client, &old->client) && same_selector(&a->server, &old->server)) {
            return a;
        }
    }
    return NULL;
}

static void check_acceptances(struct remarks *r)
{
    const struct policy *p = r->policy;
    int64_t now = (int64_t)time(NULL);
    for (unsigned i = 0; i < p->acceptance_count; i++) {
        const struct acceptance *a = &p->acceptances[i];
        const struct acceptance *renewed = renewed_by(p, a);
        if (a->until_ns / INT64_C(1000000000) <= now && renewed != NULL) {
            remark(r, a->place, SEVERITY_INFO, NULL,
                   "the acceptance of %s until %s is renewed by line %u; this one can go",
                   a->rule_name, a->until, renewed->place.line);
        } else if (a->until_ns / INT64_C(1000000000) <= now) {
            remark(r, a->place, SEVERITY_MEDIUM, NULL,
                   "the acceptance of %s expired after %s; its findings count again", a->rule_name,
                   a->until);
        }
        if (a->reason == NULL) {
            remark(r, a->place, SEVERITY_LOW, NULL,
                   "the acceptance of %s gives no reason; whoever reads the report will ask",
                   a->rule_name);
        }
        if (a->until == NULL) {
            remark(r, a->place, SEVERITY_LOW, NULL,
                   "the acceptance of %s has no end; add 'until: YYYY-MM-DD'", a->rule_name);
        }
    }
}

void check_accounts(struct remarks *r)
{
    check_account_domains(r);
    for (unsigned i = 0; i < r->policy->group_count; i++) {
        check_workgroup_clients(r, &r->policy->groups[i]);
        check_forest_clients(r, &r->policy->groups[i]);
    }
    check_selectors(r);
    check_acceptances(r);
}
