#include <strings.h>

#include "policy/policy_check.h"

/* S25: messages in plain HTTP are protected by their own signature and encryption, or by nothing.
 */
static void check_messages(struct remarks *r, const struct site *site)
{
    bool plain = site->clients != CLIENTS_HTTPS && site->clients != CLIENTS_UNDECLARED;
    if (plain && (site->signing == 0 || site->encryption == 0)) {
        remark(r, site->place, SEVERITY_MEDIUM, "S25",
               "site %s lets clients use HTTP, and their messages are declared without %s; "
               "anybody on the way can %s them",
               site->code, site->signing == 0 ? "signing" : "encryption",
               site->signing == 0 ? "change" : "read");
    }
}

/* S56 */
static void check_approval(struct remarks *r, const struct site *site)
{
    bool workgroup = false;
    for (unsigned i = 0; i < r->policy->group_count; i++) {
        workgroup |= r->policy->groups[i].workgroup && !r->policy->groups[i].administrators;
    }
    if (site->approval == APPROVAL_ALL) {
        remark(r, site->place, workgroup ? SEVERITY_HIGH : SEVERITY_MEDIUM, "S56",
               "site %s approves every client that asks%s; approve by hand those that no trusted "
               "domain vouches for",
               site->code, workgroup ? ", also those of workgroups" : "");
    }
}

/* S77: an account that installs is administrator of one computer, not of the domain. */
static void check_privileged(struct remarks *r, const struct account_list *list)
{
    bool installs = strcmp(list->purpose, "site-installation") == 0 ||
                    strcmp(list->purpose, "site-system-installation") == 0 ||
                    strcmp(list->purpose, "client-push") == 0 ||
                    strcmp(list->purpose, "network-access") == 0;
    for (unsigned i = 0; installs && i < list->count; i++) {
        const char *backslash = strchr(list->accounts[i], '\\');
        const char *user = backslash == NULL ? list->accounts[i] : backslash + 1;
        size_t length = strcspn(user, "@");
        if (length == strlen("administrator") && strncasecmp(user, "administrator", length) == 0) {
            remark(r, list->place, SEVERITY_MEDIUM, "S77",
                   "%s is the %s account; give that purpose an account that is administrator of "
                   "the computers it connects to, and of no more",
                   list->accounts[i], list->purpose);
        }
    }
}

/* S47 */
static void check_proxy_names(struct remarks *r, const struct host *h)
{
    const struct role_instance *proxy = host_role(h, ROLE_WEB_PROXY);
    if (proxy != NULL && proxy->certificate_name_count > 0 && proxy->proxy_mode != NULL &&
        strcmp(proxy->proxy_mode, "tunneling") == 0) {
        remark(r, proxy->place, SEVERITY_LOW, "S47",
               "web proxy %s tunnels, so that no certificate of its own is ever shown, but "
               "'certificate-names' is declared",
               h->name);
    }
}

/* S104, S105: users can be authenticated only where the management point's forest trusts theirs. */
static void check_user_policy(struct remarks *r, const struct host *h)
{
    const struct role_instance *mp = host_role(h, ROLE_MANAGEMENT_POINT);
    if (mp == NULL || mp->user_policy != 1 || h->forest == NULL) {
        return;
    }
    unsigned known = 0, trusted = 0;
    for (unsigned i = 0; i < r->policy->group_count; i++) {
        const struct client_group *group = &r->policy->groups[i];
        bool counts = group->forest != NULL && !group->administrators;
        known += counts;
        trusted += counts && policy_trusts(r->policy, h->forest, group->forest);
    }
    if (known > 0 && trusted == 0) {
        remark(r, mp->place, SEVERITY_MEDIUM, "S105",
               "management point %s gives user policy to internet clients, but its forest %s "
               "trusts none of the forests that clients belong to; only computer policy works",
               h->name, h->forest->name);
    }
}

/* S115 */
static void check_exchange(struct remarks *r, const struct host *h)
{
    const struct role_instance *exchange = host_role(h, ROLE_EXCHANGE_SERVER);
    if (exchange != NULL && strchr(h->name, '.') == NULL) {
        remark(r, exchange->place, SEVERITY_LOW, "S115",
               "Exchange server %s is declared by its short name; the connector needs its full "
               "intranet name",
               h->name);
    }
}

/* S68, S82: an account of its own for a host whose forest is trusted anyway needs no remark; one in
 * no declared domain does. */
static void check_own_account(struct remarks *r, const struct host *h, const char *account,
                              const char *key)
{
    if (account != NULL && !check_domain_is_known(r->policy, account)) {
        remark(r, h->place, SEVERITY_LOW, NULL,
               "account %s (%s of %s) is in no declared domain; add the domain to its forest, or "
               "correct the name",
               account, key, h->name);
    }
}

void check_options(struct remarks *r)
{
    const struct policy *p = r->policy;
    for (unsigned i = 0; i < p->site_count; i++) {
        check_messages(r, &p->sites[i]);
        check_approval(r, &p->sites[i]);
    }
    for (unsigned i = 0; i < p->host_count; i++) {
        const struct host *h = &p->hosts[i];
        check_proxy_names(r, h);
        check_user_policy(r, h);
        check_exchange(r, h);
        check_own_account(r, h, h->installation_account, "installation-account");
        for (unsigned k = 0; k < h->role_count; k++) {
            check_own_account(r, h, h->roles[k].connection_account, "connection-account");
        }
    }
    for (unsigned i = 0; i < p->account_count; i++) {
        check_privileged(r, &p->accounts[i]);
    }
}
