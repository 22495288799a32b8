#include <stdio.h>

#include "policy/policy_check.h"

/* Site systems that a secondary site can have
 * ("plan-for-site-system-servers-and-site-system-roles"). */
#define SECONDARY_ROLES                                                                            \
    (ROLE_BIT(ROLE_SITE_SERVER) | ROLE_BIT(ROLE_SITE_DATABASE) | ROLE_BIT(ROLE_MANAGEMENT_POINT) | \
     ROLE_BIT(ROLE_DISTRIBUTION_POINT) | ROLE_BIT(ROLE_PULL_DISTRIBUTION_POINT) |                  \
     ROLE_BIT(ROLE_SOFTWARE_UPDATE_POINT) | ROLE_BIT(ROLE_STATE_MIGRATION_POINT))
/* Site systems that serve clients and so cannot be at the central administration site, which has
 * none. */
#define NOT_CENTRAL_ROLES                                                                          \
    (ROLE_BIT(ROLE_MANAGEMENT_POINT) | ROLE_BIT(ROLE_DISTRIBUTION_POINT) |                         \
     ROLE_BIT(ROLE_PULL_DISTRIBUTION_POINT) | ROLE_BIT(ROLE_STATE_MIGRATION_POINT) |               \
     ROLE_BIT(ROLE_FALLBACK_STATUS_POINT) | ROLE_BIT(ROLE_APPCAT_WEBSITE) |                        \
     ROLE_BIT(ROLE_APPCAT_WEB_SERVICE) | ROLE_BIT(ROLE_ENROLLMENT_POINT) |                         \
     ROLE_BIT(ROLE_ENROLLMENT_PROXY_POINT))
/* One in a hierarchy, at its top. */
#define TOP_ROLES                                                                                  \
    (ROLE_BIT(ROLE_ASSET_INTELLIGENCE_POINT) | ROLE_BIT(ROLE_ENDPOINT_PROTECTION_POINT) |          \
     ROLE_BIT(ROLE_SERVICE_CONNECTION_POINT))
/* Part of running the site: not "site system roles" that may lie in other forests. */
#define CORE_ROLES                                                                                 \
    (ROLE_BIT(ROLE_SITE_SERVER) | ROLE_BIT(ROLE_SITE_SERVER_PASSIVE) |                             \
     ROLE_BIT(ROLE_SITE_DATABASE) | ROLE_BIT(ROLE_SMS_PROVIDER))
#define CLOUD_ROLES                                                                                \
    (ROLE_BIT(ROLE_CLOUD_MANAGEMENT_GATEWAY) | ROLE_BIT(ROLE_CLOUD_DISTRIBUTION_POINT))

/* ---- a role at a kind of site ---- */

static void check_placement(struct remarks *r, const struct host *h,
                            const struct role_instance *role)
{
    role_set bit = ROLE_BIT(role->role);
    const char *name = role_name(role->role);
    if ((bit & role_site_systems()) == 0) {
        return;
    }
    if (h->site == NULL) {
        if (role->role != ROLE_SITE_SERVER) {
            remark(r, role->place, SEVERITY_MEDIUM, NULL,
                   "%s is a %s of no site; add 'site: ...' to the host", h->name, name);
        }
    } else if (h->site->type == SITE_SECONDARY && (bit & ~SECONDARY_ROLES) != 0) {
        remark(r, role->place, SEVERITY_HIGH, (bit & NOT_CENTRAL_ROLES) != 0 ? "S26" : NULL,
               "%s is a %s of secondary site %s; this role must be at a primary site%s", h->name,
               name, h->site->code, (bit & NOT_CENTRAL_ROLES) != 0 ? "" : " or above");
    } else if (h->site->type == SITE_CENTRAL_ADMINISTRATION && (bit & NOT_CENTRAL_ROLES) != 0) {
        remark(r, role->place, SEVERITY_HIGH, NULL,
               "%s is a %s of central administration site %s, which has no clients; this role must "
               "be at a primary site",
               h->name, name, h->site->code);
    } else if (h->site->parent != NULL && (bit & TOP_ROLES) != 0) {
        remark(
            r, role->place, SEVERITY_MEDIUM, NULL,
            "%s is a %s of site %s, a child of %s; this role must be at the top of the hierarchy",
            h->name, name, h->site->code, h->site->parent->code);
    }
}

/* S15: a fallback status point takes unauthenticated data, so it stands alone. */
static void check_fallback(struct remarks *r, const struct host *h)
{
    const struct role_instance *fsp = host_role(h, ROLE_FALLBACK_STATUS_POINT);
    if (fsp == NULL) {
        return;
    }
    for (unsigned i = 0; i < h->role_count; i++) {
        enum role other = h->roles[i].role;
        if (other == ROLE_DOMAIN_CONTROLLER) {
            remark(r, fsp->place, SEVERITY_HIGH, "S15",
                   "fallback status point %s is a domain controller; it takes data from anyone and "
                   "must never be on one",
                   h->name);
        } else if (other != ROLE_FALLBACK_STATUS_POINT) {
            remark(r, fsp->place, SEVERITY_MEDIUM, "S15",
                   "fallback status point %s is also a %s; it takes data from anyone and should "
                   "stand alone",
                   h->name, role_name(other));
        }
    }
}

/* ---- hosts in other forests than their site server ---- */

/* S80 */
static void check_catalog(struct remarks *r, const struct host *h, const struct host *server)
{
    const struct role_instance *role = host_role(h, ROLE_APPCAT_WEB_SERVICE);
    if (role != NULL && h->forest != server->forest) {
        remark(r, role->place, SEVERITY_HIGH, "S80",
               "application catalog web service point %s is in %s, its site server %s in %s; this "
               "role must be in the forest of the site server",
               h->name, check_forest_name(h), server->name, check_forest_name(server));
    }
}

/* S82, S84, S99 */
static void check_untrusted(struct remarks *r, const struct host *h, const struct host *server)
{
    const struct policy *p = r->policy;
    const struct role_instance *mp = host_role(h, ROLE_MANAGEMENT_POINT);
    const struct role_instance *enrollment = host_role(h, ROLE_ENROLLMENT_POINT);
    if (!h->site_server_initiates) {
        remark(r, h->place, SEVERITY_HIGH, "S84",
               "%s is in forest %s, which the forest %s of site server %s does not trust, but "
               "'site-server-initiates: true' is not declared; the site server must open all "
               "connections",
               h->name, h->forest->name, server->forest->name, server->name);
    }
    if (h->installation_account == NULL && !check_has_accounts(p, "site-system-installation")) {
        remark(r, h->place, SEVERITY_HIGH, "S82",
               "%s is in untrusted forest %s, but no site-system-installation account is declared",
               h->name, h->forest->name);
    }
    if (mp != NULL && mp->connection_account == NULL &&
        !check_has_accounts(p, "management-point-connection")) {
        remark(r, mp->place, SEVERITY_HIGH, "S99",
               "management point %s is in untrusted forest %s, but no management-point-connection "
               "account is declared; its computer account cannot open the site database",
               h->name, h->forest->name);
    }
    if (enrollment != NULL && enrollment->connection_account == NULL &&
        !check_has_accounts(p, "enrollment-point-connection")) {
        remark(r, enrollment->place, SEVERITY_HIGH, "S99",
               "enrollment point %s is in untrusted forest %s, but no enrollment-point-connection "
               "account is declared; its computer account cannot open the site database",
               h->name, h->forest->name);
    }
}

static void check_forest(struct remarks *r, const struct host *h)
{
    const struct host *server = check_site_server(r, h->site);
    role_set systems = h->role_bits & role_site_systems();
    if (systems != 0 && h->workgroup && (systems & ~ROLE_BIT(ROLE_SITE_SERVER)) != 0) {
        remark(r, h->place, SEVERITY_MEDIUM, NULL,
               "site system %s is in a workgroup; site systems must be members of a domain",
               h->name);
    }
    if (server == NULL || server == h || server->forest == NULL) {
        return;
    }
    check_catalog(r, h, server);
    if (systems == 0 || h->forest == NULL || h->forest == server->forest) {
        return;
    }
    if (h->site->type == SITE_SECONDARY) {
        remark(r, h->place, SEVERITY_HIGH, "S79",
               "%s is in forest %s, but a site system of secondary site %s, whose server %s is in "
               "forest %s; only primary sites can have site systems in other forests",
               h->name, h->forest->name, h->site->code, server->name, server->forest->name);
    }
    if ((systems & ~CORE_ROLES) != 0 && check_is_untrusted(r->policy, server, h)) {
        check_untrusted(r, h, server);
    }
}

/* ---- places in the network ---- */

static void check_addresses(struct remarks *r, const struct host *h)
{
    const struct policy *p = r->policy;
    char text[ADDRESS_TEXT];
    bool any_zones = false;
    for (unsigned i = 0; i < p->zone_count && !any_zones; i++) {
        any_zones = p->zones[i].count != 0;
    }
    for (unsigned i = 0; i < h->address_count; i++) {
        const struct address *a = &h->addresses[i];
        const struct client_group *group = policy_group(p, a);
        if (any_zones && (h->role_bits & CLOUD_ROLES) == 0 && policy_zone(p, a)->count == 0) {
            remark(r, h->place, SEVERITY_INFO, NULL,
                   "address %s of %s lies in no declared zone, so it counts as the internet",
                   address_format(a, text), h->name);
        }
        if (group != NULL && !group->administrators && h->role_bits != 0) {
            remark(r, h->place, SEVERITY_INFO, NULL,
                   "address %s of %s lies in the network of client group %s; the host is judged by "
                   "its roles",
                   address_format(a, text), h->name, group->name);
        }
    }
}

static void check_membership(struct remarks *r, const struct host *h)
{
    if (h->forest == NULL && !h->workgroup && (h->role_bits & role_site_systems()) != 0) {
        remark(r, h->place, SEVERITY_INFO, NULL,
               "%s has neither 'forest' nor 'workgroup: true'; what rests on its forest cannot be "
               "judged",
               h->name);
        return;
    }
    const char *dot = strchr(h->name, '.');
    const struct forest *by_name = dot == NULL ? NULL : policy_forest_of_domain(r->policy, dot + 1);
    if (h->forest != NULL && by_name != NULL && by_name != h->forest) {
        remark(r, h->place, SEVERITY_LOW, NULL,
               "%s is declared in forest %s, but its name lies in a domain of forest %s", h->name,
               h->forest->name, by_name->name);
    }
    if (policy_host_named(r->policy, h->short_name) == NULL) {
        remark(r, h->place, SEVERITY_LOW, NULL,
               "the short name %s means more than one host; %s is found by its full name only",
               h->short_name, h->name);
    }
}

void check_hosts(struct remarks *r)
{
    for (unsigned i = 0; i < r->policy->host_count; i++) {
        const struct host *h = &r->policy->hosts[i];
        for (unsigned k = 0; k < h->role_count; k++) {
            check_placement(r, h, &h->roles[k]);
        }
        check_fallback(r, h);
        check_forest(r, h);
        check_addresses(r, h);
        check_membership(r, h);
    }
    if (r->policy->host_count == 0) {
        remark(r, (struct place){1, 1}, SEVERITY_INFO, NULL,
               "no hosts are declared; every site system will be unknown");
    }
}
