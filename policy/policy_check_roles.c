#include "policy/policy_check.h"

/* S26: roles of primary sites that take clients from the internet or an untrusted forest. */
#define INTERNET_ROLES                                                                             \
    (ROLE_BIT(ROLE_APPCAT_WEBSITE) | ROLE_BIT(ROLE_POLICY_MODULE) |                                \
     ROLE_BIT(ROLE_DISTRIBUTION_POINT) | ROLE_BIT(ROLE_PULL_DISTRIBUTION_POINT) |                  \
     ROLE_BIT(ROLE_ENROLLMENT_PROXY_POINT) | ROLE_BIT(ROLE_FALLBACK_STATUS_POINT) |                \
     ROLE_BIT(ROLE_MANAGEMENT_POINT) | ROLE_BIT(ROLE_SOFTWARE_UPDATE_POINT) | CLOUD_ROLES |        \
     ROLE_BIT(ROLE_WEB_PROXY))
#define CLOUD_ROLES                                                                                \
    (ROLE_BIT(ROLE_CLOUD_MANAGEMENT_GATEWAY) | ROLE_BIT(ROLE_CLOUD_DISTRIBUTION_POINT))
/* Their certificate is the service's own, and their clients may prove themselves otherwise. */
#define NO_PKI_ROLES (CLOUD_ROLES | ROLE_BIT(ROLE_CMG_CONNECTION_POINT))
static const char *mode_name(enum client_mode mode)
{
    switch (mode) {
    case CLIENTS_HTTPS:
        return "https";
    case CLIENTS_HTTPS_OR_HTTP:
        return "https-or-http";
    case CLIENTS_HTTP:
        return "http";
    case CLIENTS_ENHANCED_HTTP:
        return "enhanced-http";
    case CLIENTS_UNDECLARED:
        break;
    }
    return "undeclared";
}

/* S14, S28 */
static void check_cloud(struct remarks *r, const struct host *h, const struct role_instance *role)
{
    if (role->role != ROLE_CLOUD_DISTRIBUTION_POINT) {
        return;
    }
    if (role->clients != CLIENTS_UNDECLARED && role->clients != CLIENTS_HTTPS) {
        remark(r, role->place, SEVERITY_CRITICAL, "S14",
               "cloud distribution point %s is declared 'clients: %s'; it must be reached by HTTPS",
               h->name, mode_name(role->clients));
    }
    if (role->http_port_count != 0) {
        remark(r, role->place, SEVERITY_CRITICAL, "S14",
               "cloud distribution point %s is declared with HTTP port %u; it must be reached by "
               "HTTPS",
               h->name, role->http_ports[0]);
    }
}

/* S23: per role where the role says so, else once per site. */
static void check_pki(struct remarks *r)
{
    const struct policy *p = r->policy;
    for (unsigned i = 0; i < p->site_count; i++) {
        if (p->sites[i].clients == CLIENTS_HTTPS) {
            remark(r, p->sites[i].place, SEVERITY_MEDIUM, "S23",
                   "site %s is HTTPS-only, but 'tls: {pki: true}' is not declared; HTTPS needs "
                   "certificates of a PKI on clients and servers",
                   p->sites[i].code);
        }
    }
    for (unsigned i = 0; i < p->host_count; i++) {
        const struct host *h = &p->hosts[i];
        for (unsigned k = 0; k < h->role_count; k++) {
            const struct role_instance *role = &h->roles[k];
            if (role->clients == CLIENTS_HTTPS && (ROLE_BIT(role->role) & NO_PKI_ROLES) == 0) {
                remark(r, role->place, SEVERITY_MEDIUM, "S23",
                       "%s %s is HTTPS-only, but 'tls: {pki: true}' is not declared; HTTPS needs "
                       "certificates of a PKI on clients and servers",
                       role_name(role->role), h->name);
            }
        }
    }
}

static const struct host *publisher_of(const struct policy *p, const struct host *h)
{
    for (unsigned i = 0; i < p->host_count; i++) {
        const struct role_instance *proxy = host_role(&p->hosts[i], ROLE_WEB_PROXY);
        for (unsigned k = 0; proxy != NULL && k < proxy->publish_count; k++) {
            if (policy_host_named(p, proxy->publishes[k]) == h) {
                return &p->hosts[i];
            }
        }
    }
    return NULL;
}

/* S35, S81: a role for the internet stands apart from the site server, or behind a proxy. */
static void check_exposed(struct remarks *r, const struct host *h, const struct role_instance *role)
{
    const struct host *server = check_site_server(r, h->site);
    if (server == NULL || h->address_count == 0 || server->address_count == 0) {
        return;
    }
    const struct zone *zone = policy_zone(r->policy, &h->addresses[0]);
    if (zone->count != 0 && zone == policy_zone(r->policy, &server->addresses[0]) &&
        publisher_of(r->policy, h) == NULL) {
        remark(r, role->place, SEVERITY_LOW, "S81",
               "%s %s serves the internet from zone %s, where site server %s is, and no web proxy "
               "publishes it; a perimeter network would protect the site server",
               role_name(role->role), h->name, zone->name, server->name);
    }
}

/* S26, S27 */
static void check_internet(struct remarks *r, const struct host *h,
                           const struct role_instance *role)
{
    role_set bit = ROLE_BIT(role->role);
    const char *name = role_name(role->role);
    enum client_mode mode = role_client_mode(h, role);
    if (!role->serves_internet || (bit & ROLE_BIT(ROLE_WEB_PROXY)) != 0) {
        return;
    }
    if ((bit & INTERNET_ROLES) == 0) {
        remark(r, role->place, SEVERITY_HIGH, "S26",
               "%s %s serves the internet; this role does not support clients from there", name,
               h->name);
    }
    if (h->site != NULL && h->site->type != SITE_PRIMARY) {
        remark(r, role->place, SEVERITY_HIGH, "S27",
               "%s %s serves the internet, but %s is a %s site; only primary sites support clients "
               "from there",
               name, h->name, h->site->code,
               h->site->type == SITE_SECONDARY ? "secondary" : "central administration");
    }
    if ((bit & (ROLE_BIT(ROLE_FALLBACK_STATUS_POINT) | CLOUD_ROLES)) == 0 &&
        mode != CLIENTS_HTTPS) {
        remark(r, role->place, mode == CLIENTS_UNDECLARED ? SEVERITY_LOW : SEVERITY_HIGH, "S26",
               "%s %s serves the internet, but its client mode is %s; clients on the internet must "
               "be served by HTTPS only",
               name, h->name, mode_name(mode));
    }
    check_exposed(r, h, role);
}

/* S15, the other half: it has no HTTPS. */
static void check_status_mode(struct remarks *r, const struct host *h,
                              const struct role_instance *role)
{
    if (role->role == ROLE_FALLBACK_STATUS_POINT &&
        (role->https_port_count != 0 || role->clients == CLIENTS_HTTPS ||
         role->clients == CLIENTS_HTTPS_OR_HTTP)) {
        remark(r, role->place, SEVERITY_MEDIUM, "S15",
               "fallback status point %s is declared for HTTPS; clients reach it by HTTP only",
               h->name);
    }
}

/* S38, S41, S44 */
static void check_published(struct remarks *r, const struct host *proxy,
                            const struct role_instance *role, const struct host *h)
{
    bool bridging = role->proxy_mode != NULL && strcmp(role->proxy_mode, "bridging") == 0;
    if (bridging && host_role(h, ROLE_ENROLLMENT_PROXY_POINT) != NULL) {
        remark(r, role->place, SEVERITY_HIGH, "S41",
               "web proxy %s bridges to enrollment proxy point %s; enrolled mobile devices do not "
               "support bridging, so this must be tunneling",
               proxy->name, h->name);
    }
    for (unsigned i = 0; i < h->role_count; i++) {
        enum client_mode mode = role_client_mode(h, &h->roles[i]);
        role_set bit = ROLE_BIT(h->roles[i].role);
        if (bridging && (bit & INTERNET_ROLES & ~ROLE_BIT(ROLE_FALLBACK_STATUS_POINT)) != 0 &&
            mode != CLIENTS_HTTPS && mode != CLIENTS_UNDECLARED) {
            remark(r, role->place, SEVERITY_MEDIUM, "S44",
                   "web proxy %s bridges to %s %s, whose client mode is %s; bridging is supported "
                   "from HTTPS to HTTPS only",
                   proxy->name, role_name(h->roles[i].role), h->name, mode_name(mode));
        }
    }
}

static void check_proxy(struct remarks *r, const struct host *h, const struct role_instance *role)
{
    if (role->role != ROLE_WEB_PROXY) {
        return;
    }
    if (role->proxy_mode == NULL && role->publish_count != 0) {
        remark(r, role->place, SEVERITY_INFO, "S37",
               "web proxy %s publishes site systems, but its 'mode' is not declared; bridging and "
               "tunneling cannot be told apart from what is allowed",
               h->name);
    } else if (role->proxy_mode != NULL && strcmp(role->proxy_mode, "tunneling") == 0) {
        remark(r, role->place, SEVERITY_INFO, "S38",
               "web proxy %s tunnels, so what comes from the internet is not inspected; bridging "
               "is recommended except for enrolled mobile devices",
               h->name);
    }
    for (unsigned i = 0; i < role->publish_count; i++) {
        const struct host *published = policy_host_named(r->policy, role->publishes[i]);
        if (published != NULL) {
            check_published(r, h, role, published);
        }
    }
}

static void check_content(struct remarks *r, const struct host *h, const struct role_instance *role)
{
    if (role->anonymous == 1) {
        remark(r, role->place, SEVERITY_LOW, "S13",
               "%s %s gives content to anyone ('anonymous: true'); what is in packages can be read "
               "without an account",
               role_name(role->role), h->name);
    }
    if (r->policy->profile != PROFILE_ARTICLE && role_retired(role->role) != NULL) {
        remark(r, role->place, SEVERITY_LOW, NULL,
               "%s %s is a role that %s; 'profile: article' judges by the 2016 article",
               role_name(role->role), h->name, role_retired(role->role));
    }
}

/* S02, S05 to S07: only what a site server sends to another host can be scheduled, limited, spared.
 */
static void check_delivery(struct remarks *r, const struct host *h,
                           const struct role_instance *role)
{
    bool limited = role->bandwidth_mbit != 0 || role->between_from >= 0;
    if (!limited && !role->prestaged) {
        return;
    }
    const char *key = limited ? "bandwidth" : "prestaged", *statement = limited ? "S05" : "S06";
    if (role->role == ROLE_PULL_DISTRIBUTION_POINT) {
        remark(r, role->place, SEVERITY_LOW, statement,
               "pull distribution point %s fetches its content itself, so '%s' has no effect there",
               h->name, key);
    } else if (host_role(h, ROLE_SITE_SERVER) != NULL) {
        remark(r, role->place, SEVERITY_LOW, statement,
               "distribution point %s is on its site server, so nothing crosses the network that "
               "'%s' could be about",
               h->name, key);
    } else if (role->prestaged && r->policy->links.prestaged_max_mb == 0) {
        remark(r, role->place, SEVERITY_INFO, "S07",
               "distribution point %s is prestaged, but nothing says how much may still be sent to "
               "it; add 'links: {prestaged-max-mb: ...}'",
               h->name);
    }
}

/* S24: ports of the one protocol, and a client mode of the other. */
static void check_ports(struct remarks *r, const struct host *h, const struct role_instance *role)
{
    bool only_http = role->http_port_count > 0 && role->https_port_count == 0;
    bool only_https = role->https_port_count > 0 && role->http_port_count == 0;
    if ((only_http && role->clients == CLIENTS_HTTPS) ||
        (only_https && role->clients == CLIENTS_HTTP)) {
        remark(r, role->place, SEVERITY_MEDIUM, "S24",
               "%s %s is declared 'clients: %s', but with ports for %s only", role_name(role->role),
               h->name, mode_name(role->clients), only_http ? "HTTP" : "HTTPS");
    }
}

/* S30 */
static void check_internet_users(struct remarks *r, const struct host *h,
                                 const struct role_instance *role)
{
    if (role->user_policy == 1 && role->serve_count > 0 && !role->serves_internet) {
        remark(r, role->place, SEVERITY_LOW, "S30",
               "management point %s is declared with user policy for the internet, which it does "
               "not serve",
               h->name);
    }
}

void check_roles(struct remarks *r)
{
    for (unsigned i = 0; i < r->policy->host_count; i++) {
        const struct host *h = &r->policy->hosts[i];
        for (unsigned k = 0; k < h->role_count; k++) {
            const struct role_instance *role = &h->roles[k];
            check_cloud(r, h, role);
            check_internet(r, h, role);
            check_status_mode(r, h, role);
            check_proxy(r, h, role);
            check_content(r, h, role);
            check_delivery(r, h, role);
            check_ports(r, h, role);
            check_internet_users(r, h, role);
        }
    }
    if (!r->policy->pki) {
        check_pki(r);
    }
}
