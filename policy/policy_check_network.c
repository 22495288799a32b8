#include <string.h>

#include "policy/policy_check.h"

#define SITE_SERVERS (ROLE_BIT(ROLE_SITE_SERVER) | ROLE_BIT(ROLE_SITE_SERVER_PASSIVE))
/* What clients of a forest are served by. */
#define CLIENT_ROLES                                                                               \
    (ROLE_BIT(ROLE_MANAGEMENT_POINT) | ROLE_BIT(ROLE_DISTRIBUTION_POINT) |                         \
     ROLE_BIT(ROLE_PULL_DISTRIBUTION_POINT) | ROLE_BIT(ROLE_SOFTWARE_UPDATE_POINT))

static const struct zone *zone_of(const struct policy *p, const struct host *h)
{
    return h->address_count == 0 ? NULL : policy_zone(p, &h->addresses[0]);
}

/* A host of that forest (NULL: any) with one of these roles, in that zone (NULL: any). */
static const struct host *any_host(const struct policy *p, const struct forest *forest,
                                   role_set roles, const struct zone *zone)
{
    for (unsigned i = 0; i < p->host_count; i++) {
        const struct host *h = &p->hosts[i];
        if ((h->role_bits & roles) != 0 && (forest == NULL || h->forest == forest) &&
            (zone == NULL || zone_of(p, h) == zone)) {
            return h;
        }
    }
    return NULL;
}

/* ---- how clients find the site ---- */

/* S59, S60, S113: who reads nothing from the directory needs DNS, WINS or an assigned management
 * point. The last of these is a setting of each client. */
static void check_location(struct remarks *r, const struct client_group *group)
{
    const struct policy *p = r->policy;
    bool unpublished = group->forest != NULL && !group->forest->published;
    if (group->administrators || (!group->workgroup && !unpublished) ||
        any_host(p, NULL, ROLE_BIT(ROLE_DNS), NULL) != NULL) {
        return;
    }
    bool wins = any_host(p, NULL, ROLE_BIT(ROLE_WINS), NULL) != NULL;
    if (!wins) {
        remark(r, group->place, SEVERITY_INFO, group->workgroup ? "S59" : "S113",
               "client group %s finds no management point in a directory, and no host is declared "
               "as dns or wins; unless one is assigned to each client, it has no way to find one",
               group->name);
    } else if (p->profile != PROFILE_ARTICLE) {
        remark(r, group->place, SEVERITY_LOW, "S60",
               "client group %s finds management points by WINS only, which later versions no "
               "longer use; publish them in DNS",
               group->name);
    }
}

/* S52, S107: a forest with systems of its own for clients, but not with the one they begin at. */
static void check_kept_within(struct remarks *r, const struct client_group *group)
{
    const struct forest *forest = group->forest;
    if (group->administrators || forest == NULL ||
        any_host(r->policy, forest, CLIENT_ROLES, NULL) == NULL ||
        any_host(r->policy, forest, ROLE_BIT(ROLE_MANAGEMENT_POINT), NULL) != NULL) {
        return;
    }
    remark(r, group->place, SEVERITY_INFO, "S52",
           "clients of group %s have site systems in their forest %s, but no management point; "
           "they must leave it for their policies",
           group->name, forest->name);
}

/* ---- names and directories ---- */

/* S20: who is not declared as a controller is a stranger to the audit. */
static void check_controllers(struct remarks *r, const struct forest *forest)
{
    const struct policy *p = r->policy;
    const struct host *system = any_host(p, forest, role_site_systems(), NULL);
    if (system != NULL && any_host(p, forest, ROLE_BIT(ROLE_DOMAIN_CONTROLLER), NULL) == NULL) {
        remark(r, forest->place, SEVERITY_INFO, "S20",
               "no domain-controller is declared in forest %s, so the logons of %s and others go "
               "to hosts that nobody knows",
               forest->name, system->name);
    }
}

/* S76, S114: names of another forest must resolve. */
static void check_names(struct remarks *r, const struct forest *forest)
{
    const struct policy *p = r->policy;
    const struct host *server = any_host(p, NULL, SITE_SERVERS, NULL);
    const struct host *exchange = any_host(p, forest, ROLE_BIT(ROLE_EXCHANGE_SERVER), NULL);
    const struct host *system = any_host(p, forest, role_site_systems(), NULL);
    if (server == NULL || server->forest == NULL || server->forest == forest ||
        (exchange == NULL && system == NULL) ||
        any_host(p, forest, ROLE_BIT(ROLE_DNS), NULL) != NULL) {
        return;
    }
    remark(r, forest->place, SEVERITY_INFO, system != NULL ? "S76" : "S114",
           "%s is in forest %s, for whose names no dns host is declared; see that site server %s "
           "can resolve them",
           system != NULL ? system->name : exchange->name, forest->name, server->name);
}

/* ---- the perimeter ---- */

static bool serves_internet(const struct host *h, enum role role)
{
    const struct role_instance *instance = host_role(h, role);
    return instance != NULL && instance->serves_internet;
}

static bool is_writable_controller(const struct host *h)
{
    const struct role_instance *dc = host_role(h, ROLE_DOMAIN_CONTROLLER);
    return dc != NULL && !dc->read_only;
}

/* S31: where users of the inner forest are to be authenticated outside, by whom. */
static void check_authentication(struct remarks *r, const struct host *h)
{
    const struct policy *p = r->policy;
    const struct host *server = check_site_server(r, h->site);
    const struct zone *zone = zone_of(p, h);
    if (!serves_internet(h, ROLE_MANAGEMENT_POINT) || h->forest == NULL || zone == NULL ||
        server == NULL || server->forest != h->forest || zone_of(p, server) == zone) {
        return;
    }
    const struct host *near = any_host(p, h->forest, ROLE_BIT(ROLE_DOMAIN_CONTROLLER), zone);
    const struct host *far = any_host(p, h->forest, ROLE_BIT(ROLE_DOMAIN_CONTROLLER), NULL);
    const struct role_instance *mp = host_role(h, ROLE_MANAGEMENT_POINT);
    if (near != NULL && is_writable_controller(near)) {
        remark(r, near->place, SEVERITY_MEDIUM, "S31",
               "domain controller %s stands in zone %s, where management point %s serves the "
               "internet, and can be written to; a read-only one is enough there",
               near->name, zone->name, h->name);
    } else if (near == NULL && far != NULL && mp->user_policy == 1) {
        remark(r, mp->place, SEVERITY_LOW, "S31",
               "management point %s gives user policy to the internet from zone %s, where no "
               "domain controller of forest %s is declared; its users are authenticated at %s, "
               "through the firewall",
               h->name, zone->name, h->forest->name, far->name);
    }
}

/* S33, S35: what a proxy publishes is for the internet. */
static void check_publishing(struct remarks *r, const struct host *h)
{
    const struct role_instance *proxy = host_role(h, ROLE_WEB_PROXY);
    for (unsigned i = 0; proxy != NULL && i < proxy->publish_count; i++) {
        const struct host *published = policy_host_named(r->policy, proxy->publishes[i]);
        unsigned inside = 0, outside = 0;
        for (unsigned k = 0; published != NULL && k < published->role_count; k++) {
            inside += published->roles[k].serve_count > 0;
            outside += published->roles[k].serves_internet;
        }
        if (inside > 0 && outside == 0) {
            remark(r, proxy->place, SEVERITY_LOW, "S33",
                   "web proxy %s publishes %s, none of whose roles is declared to serve the "
                   "internet",
                   h->name, published->name);
        }
    }
}

/* S39, S42: a bridge authenticates computers, on both of its sides, by certificates. */
static void check_bridge(struct remarks *r, const struct host *h)
{
    const struct role_instance *proxy = host_role(h, ROLE_WEB_PROXY);
    if (proxy != NULL && proxy->proxy_mode != NULL && !r->policy->pki &&
        strcmp(proxy->proxy_mode, "bridging") == 0) {
        remark(r, proxy->place, SEVERITY_MEDIUM, "S39",
               "web proxy %s bridges, for which client computers must show certificates, but 'tls: "
               "{pki: true}' is not declared",
               h->name);
    }
}

void check_network(struct remarks *r)
{
    const struct policy *p = r->policy;
    for (unsigned i = 0; i < p->group_count; i++) {
        check_location(r, &p->groups[i]);
        check_kept_within(r, &p->groups[i]);
    }
    for (unsigned i = 0; i < p->forest_count; i++) {
        check_controllers(r, &p->forests[i]);
        check_names(r, &p->forests[i]);
    }
    for (unsigned i = 0; i < p->host_count; i++) {
        check_authentication(r, &p->hosts[i]);
        check_publishing(r, &p->hosts[i]);
        check_bridge(r, &p->hosts[i]);
    }
}
