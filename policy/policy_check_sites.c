#include <strings.h>

#include "policy/policy_check.h"

/* A two-way trust of type forest: what a child site in another forest needs (S62). One-way trusts
 * of both directions are as good as one of both ways. */
static bool two_way_forest_trust(const struct policy *p, const struct forest *a,
                                 const struct forest *b)
{
    bool forward = false, back = false;
    for (unsigned i = 0; i < p->trust_count; i++) {
        const struct trust *t = &p->trusts[i];
        if (t->type != TRUST_FOREST) {
            continue;
        }
        bool here = t->trusting == a && t->trusted == b,
             there = t->trusting == b && t->trusted == a;
        forward = forward || here || (t->two_way && there);
        back = back || there || (t->two_way && here);
    }
    return forward && back;
}

static const char *trust_found(const struct policy *p, const struct forest *a,
                               const struct forest *b)
{
    for (unsigned i = 0; i < p->trust_count; i++) {
        const struct trust *t = &p->trusts[i];
        if ((t->trusting != a || t->trusted != b) && (t->trusting != b || t->trusted != a)) {
            continue;
        }
        switch (t->type) {
        case TRUST_EXTERNAL:
            return "only an external trust, which carries no Kerberos between forests,";
        case TRUST_REALM:
            return "only a realm trust";
        case TRUST_FOREST:
            return "only a one-way forest trust";
        }
    }
    return "no trust";
}

/* S62, S63, S65 */
static void check_parent(struct remarks *r, const struct site *site)
{
    const struct host *child = check_site_server(r, site);
    const struct host *parent = check_site_server(r, site->parent);
    if (child == NULL || parent == NULL || child->forest == NULL || parent->forest == NULL ||
        child->forest == parent->forest ||
        two_way_forest_trust(r->policy, child->forest, parent->forest)) {
        return;
    }
    remark(r, site->place, SEVERITY_CRITICAL, "S63",
           "site %s (%s, forest %s) is a child of %s (%s, forest %s), but %s is declared between "
           "these forests; a child site in another forest needs a two-way forest trust with "
           "Kerberos",
           site->code, child->name, child->forest->name, site->parent->code, parent->name,
           parent->forest->name, trust_found(r->policy, child->forest, parent->forest));
}

static const char *domain_of(const char *name)
{
    const char *dot = strchr(name, '.');
    return dot == NULL ? "" : dot + 1;
}

/* "plan-for-the-sms-provider": same domain as the site server, never at a secondary site (see
 * check_hosts). */
static void check_provider(struct remarks *r, const struct host *provider)
{
    const struct host *server = check_site_server(r, provider->site);
    if (server == NULL || host_role(provider, ROLE_SMS_PROVIDER) == NULL ||
        strcasecmp(domain_of(server->name), domain_of(provider->name)) == 0) {
        return;
    }
    remark(r, host_role(provider, ROLE_SMS_PROVIDER)->place, SEVERITY_HIGH, NULL,
           "SMS Provider %s is in domain %s, its site server %s in %s; a provider must be in the "
           "domain of the site server",
           provider->name, domain_of(provider->name), server->name, domain_of(server->name));
}

static void note_site_servers(struct remarks *r)
{
    const struct policy *p = r->policy;
    for (unsigned i = 0; r->site_servers != NULL && i < p->host_count; i++) {
        const struct host *h = &p->hosts[i];
        const struct role_instance *role = host_role(h, ROLE_SITE_SERVER);
        if (role == NULL) {
            continue;
        }
        if (h->site == NULL) {
            remark(r, role->place, SEVERITY_MEDIUM, NULL,
                   "site server %s belongs to no site; add 'site: ...'", h->name);
            continue;
        }
        const struct host **server = &r->site_servers[h->site - p->sites];
        if (*server != NULL) {
            remark(r, role->place, SEVERITY_MEDIUM, NULL,
                   "site %s has two site servers, %s and %s; a stand-by one is a "
                   "site-server-passive",
                   h->site->code, (*server)->name, h->name);
            continue;
        }
        *server = h;
        if (h->workgroup) {
            remark(r, role->place, SEVERITY_HIGH, NULL,
                   "site server %s is in a workgroup; it must be a member of a domain", h->name);
        }
    }
}

static void check_code(struct remarks *r, const struct site *site)
{
    size_t length = strlen(site->code);
    if (length != 3 || strspn(site->code, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                          "0123456789") != length) {
        remark(r, site->place, SEVERITY_LOW, NULL,
               "site code %s is not three letters or digits, as every site code is", site->code);
    }
}

/* The first host of the site with that role; NULL: none. */
static const struct host *any_of(const struct policy *p, const struct site *site, enum role role)
{
    for (unsigned i = 0; i < p->host_count; i++) {
        if (p->hosts[i].site == site && host_role(&p->hosts[i], role) != NULL) {
            return &p->hosts[i];
        }
    }
    return NULL;
}

/* S74, S96: a secondary site's database lies on its site server and needs no declaration. */
static void check_database(struct remarks *r, const struct site *site)
{
    const struct policy *p = r->policy;
    const struct host *mp = any_of(p, site, ROLE_MANAGEMENT_POINT);
    const struct site *other = site->parent;
    for (unsigned i = 0; i < p->site_count && other == NULL; i++) {
        other = p->sites[i].parent == site ? &p->sites[i] : NULL;
    }
    if (site->type == SITE_SECONDARY || check_site_server(r, site) == NULL ||
        any_of(p, site, ROLE_SITE_DATABASE) != NULL) {
        return;
    }
    if (other != NULL) {
        remark(r, site->place, SEVERITY_INFO, "S74",
               "the databases of site %s and site %s replicate with each other, but no host of %s "
               "is declared as site-database",
               site->code, other->code, site->code);
    } else if (mp != NULL) {
        remark(r, site->place, SEVERITY_INFO, "S96",
               "management point %s connects to the database of site %s, but no host there is "
               "declared as site-database",
               mp->name, site->code);
    }
}

/* S21, S24: clients look for what speaks their protocol. */
static void check_modes(struct remarks *r, const struct site *site)
{
    const struct policy *p = r->policy;
    unsigned points = 0, secure = 0, undeclared = 0;
    for (unsigned i = 0; i < p->host_count; i++) {
        const struct role_instance *mp =
            p->hosts[i].site == site ? host_role(&p->hosts[i], ROLE_MANAGEMENT_POINT) : NULL;
        enum client_mode mode =
            mp == NULL ? CLIENTS_UNDECLARED : role_client_mode(&p->hosts[i], mp);
        points += mp != NULL;
        undeclared += mp != NULL && mode == CLIENTS_UNDECLARED;
        secure += mp != NULL && mode != CLIENTS_HTTP;
    }
    if (undeclared > 0) {
        remark(r, site->place, SEVERITY_INFO, "S24",
               "nothing says whether clients use the management points of site %s by HTTP or "
               "HTTPS; add 'client-communication' to the site, or 'clients' to the roles",
               site->code);
    } else if (points > 0 && secure == 0 && site->clients == CLIENTS_HTTPS) {
        remark(
            r, site->place, SEVERITY_MEDIUM, "S21",
            "clients of site %s use HTTPS only, but its management points are declared 'clients: "
            "http'; they find none that speaks with them",
            site->code);
    }
}

/* S68 */
static void check_installation(struct remarks *r, const struct site *site)
{
    if (site->parent != NULL && !check_has_accounts(r->policy, "site-installation")) {
        remark(r, site->place, SEVERITY_INFO, "S68",
               "child site %s is installed with an account, but no site-installation account is "
               "declared, so that its logons cannot be told from others",
               site->code);
    }
}

void check_sites(struct remarks *r)
{
    const struct policy *p = r->policy;
    note_site_servers(r);
    for (unsigned i = 0; i < p->site_count; i++) {
        const struct site *site = &p->sites[i];
        check_code(r, site);
        if (r->site_servers != NULL && check_site_server(r, site) == NULL) {
            remark(r, site->place, SEVERITY_MEDIUM, NULL,
                   "site %s has no site server; no host with 'site: %s' has the role site-server",
                   site->code, site->code);
        }
        if (site->parent != NULL) {
            check_parent(r, site);
        }
        check_database(r, site);
        check_modes(r, site);
        check_installation(r, site);
    }
    for (unsigned i = 0; i < p->host_count; i++) {
        check_provider(r, &p->hosts[i]);
    }
}
