#include "policy/policy.h"

#include <stdlib.h>
#include <strings.h>

#include "policy/policy_index.h"

/* ---- names of roles and severities ---- */

static const char *const role_names[ROLE_COUNT] = {
#define ROLE(id, name, doc) [ROLE_##id] = name,
#include "policy/roles.def"
#undef ROLE
};

static const char *const severity_names[] = {
    [SEVERITY_OFF] = "off",       [SEVERITY_INFO] = "info", [SEVERITY_LOW] = "low",
    [SEVERITY_MEDIUM] = "medium", [SEVERITY_HIGH] = "high", [SEVERITY_CRITICAL] = "critical",
};

const char *role_name(enum role role)
{
    return role < ROLE_COUNT ? role_names[role] : "unknown";
}

enum role role_find(const char *name)
{
    for (unsigned i = 0; i < ROLE_COUNT; i++) {
        if (strcmp(role_names[i], name) == 0) {
            return (enum role)i;
        }
    }
    return ROLE_COUNT;
}

static const char *const retired_roles[ROLE_COUNT] = {
    [ROLE_APPCAT_WEBSITE] = "was removed in version 1910",
    [ROLE_APPCAT_WEB_SERVICE] = "was removed in version 1910",
    [ROLE_CERTIFICATE_REGISTRATION_POINT] = "was removed in version 2203",
    [ROLE_POLICY_MODULE] = "was removed in version 2203",
    [ROLE_CLOUD_DISTRIBUTION_POINT] = "gave way to the cloud management gateway",
    [ROLE_ASSET_INTELLIGENCE_POINT] = "has been deprecated since 2021",
    [ROLE_ENROLLMENT_POINT] = "has been deprecated since 2021",
    [ROLE_ENROLLMENT_PROXY_POINT] = "has been deprecated since 2021",
};

const char *role_retired(enum role role)
{
    return role < ROLE_COUNT ? retired_roles[role] : NULL;
}

role_set role_retired_ones(void)
{
    return ROLE_BIT(ROLE_APPCAT_WEBSITE) | ROLE_BIT(ROLE_APPCAT_WEB_SERVICE) |
           ROLE_BIT(ROLE_CERTIFICATE_REGISTRATION_POINT) | ROLE_BIT(ROLE_POLICY_MODULE) |
           ROLE_BIT(ROLE_CLOUD_DISTRIBUTION_POINT) | ROLE_BIT(ROLE_ASSET_INTELLIGENCE_POINT) |
           ROLE_BIT(ROLE_ENROLLMENT_POINT) | ROLE_BIT(ROLE_ENROLLMENT_PROXY_POINT);
}

role_set role_site_systems(void)
{
    /* Everything that the site installs; not what it merely uses. */
    const role_set others = ROLE_BIT(ROLE_EXCHANGE_SERVER) | ROLE_BIT(ROLE_DOMAIN_CONTROLLER) |
                            ROLE_BIT(ROLE_GLOBAL_CATALOG) | ROLE_BIT(ROLE_DNS) |
                            ROLE_BIT(ROLE_WINS) | ROLE_BIT(ROLE_CERTIFICATION_AUTHORITY) |
                            ROLE_BIT(ROLE_WEB_PROXY) | ROLE_BIT(ROLE_FILE_SHARE) |
                            ROLE_BIT(ROLE_CONSOLE) | ROLE_BIT(ROLE_CLOUD_MANAGEMENT_GATEWAY) |
                            ROLE_BIT(ROLE_CLOUD_DISTRIBUTION_POINT) | ROLE_BIT(ROLE_POLICY_MODULE);
    return (ROLE_BIT(ROLE_COUNT) - 1) & ~others;
}

role_set role_smb_servers(void)
{
    return role_site_systems() | ROLE_BIT(ROLE_DOMAIN_CONTROLLER) | ROLE_BIT(ROLE_FILE_SHARE);
}

role_set role_tls_servers(void)
{
    return role_site_systems() | ROLE_BIT(ROLE_DOMAIN_CONTROLLER) | ROLE_BIT(ROLE_GLOBAL_CATALOG) |
           ROLE_BIT(ROLE_CERTIFICATION_AUTHORITY) | ROLE_BIT(ROLE_WEB_PROXY) |
           ROLE_BIT(ROLE_EXCHANGE_SERVER);
}

const char *severity_name(enum severity s)
{
    return severity_names[s];
}

bool severity_parse(const char *name, enum severity *ret)
{
    for (unsigned i = 0; i < sizeof severity_names / sizeof severity_names[0]; i++) {
        if (strcmp(severity_names[i], name) == 0) {
            *ret = (enum severity)i;
            return true;
        }
    }
    return false;
}

/* ---- look-ups ---- */

const struct host *policy_host(const struct policy *p, const struct address *a)
{
    const struct address_entry *entry = address_find(&p->index->addresses, a);
    return entry == NULL ? NULL : &p->hosts[entry->owner_plus_one - 1];
}

const struct host *policy_host_named(const struct policy *p, const char *name)
{
    const struct name_entry *entry = name_find(&p->index->hosts, name);
    return entry == NULL || entry->owner >= INDEX_AMBIGUOUS ? NULL : &p->hosts[entry->owner];
}

const struct zone *policy_zone(const struct policy *p, const struct address *a)
{
    const struct prefix_entry *entry = prefix_find(&p->index->zone_prefixes, a);
    return entry == NULL ? p->index->internet : &p->zones[entry->owner];
}

const struct client_group *policy_group(const struct policy *p, const struct address *a)
{
    const struct prefix_entry *entry = prefix_find(&p->index->group_prefixes, a);
    return entry == NULL ? NULL : &p->groups[entry->owner];
}

const struct forest *policy_forest_of_domain(const struct policy *p, const char *domain)
{
    const struct name_entry *entry = name_find(&p->index->domains, domain);
    return entry == NULL || entry->owner >= INDEX_AMBIGUOUS ? NULL : &p->forests[entry->owner];
}

const struct account_list *policy_accounts(const struct policy *p, const char *purpose)
{
    for (unsigned i = 0; i < p->account_count; i++) {
        if (strcmp(p->accounts[i].purpose, purpose) == 0) {
            return &p->accounts[i];
        }
    }
    return NULL;
}

/* ---- trusts ---- */

static bool trust_carries(const struct trust *t, const struct forest *resource,
                          const struct forest *account)
{
    return (t->trusting == resource && t->trusted == account) ||
           (t->two_way && t->trusting == account && t->trusted == resource);
}

static bool list_holds(const struct prefix *list, unsigned count, const struct address *a)
{
    for (unsigned i = 0; i < count; i++) {
        if (prefix_holds(&list[i], a)) {
            return true;
        }
    }
    return false;
}

bool policy_is_cloud_name(const struct policy *p, const char *name)
{
    size_t len = strlen(name);
    for (unsigned i = 0; i < p->cloud_name_count; i++) {
        const char *pattern = p->cloud_names[i];
        size_t end = strncmp(pattern, "*.", 2) == 0 ? strlen(pattern) - 1 : 0;
        if (end == 0 ? strcasecmp(pattern, name) == 0
                     : len > end && strcasecmp(pattern + 1, name + len - end) == 0) {
            return true;
        }
    }
    return false;
}

bool policy_is_maintenance(const struct site *site, int64_t ns)
{
    if (site == NULL || site->maintenance_from < 0) {
        return false;
    }
    int from = site->maintenance_from, to = site->maintenance_to;
    int minute = (int)(ns / INT64_C(60000000000) % (24 * 60));
    return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}

bool policy_translates(const struct policy *p, const struct address *a)
{
    return list_holds(p->translators, p->translator_count, a);
}

bool policy_boots(const struct policy *p, const struct address *a)
{
    return list_holds(p->boot_networks, p->boot_network_count, a);
}

bool policy_kerberos_trust(const struct policy *p, const struct forest *resource,
                           const struct forest *account)
{
    if (resource == NULL || account == NULL) {
        return false;
    }
    if (resource == account) {
        return true;
    }
    for (unsigned i = 0; i < p->trust_count; i++) {
        if (p->trusts[i].type != TRUST_EXTERNAL &&
            trust_carries(&p->trusts[i], resource, account)) {
            return true;
        }
    }
    return false;
}

bool policy_trusts(const struct policy *p, const struct forest *resource,
                   const struct forest *account)
{
    if (resource == NULL || account == NULL) {
        return false;
    }
    if (resource == account) {
        return true;
    }
    for (unsigned i = 0; i < p->trust_count; i++) {
        if (trust_carries(&p->trusts[i], resource, account)) {
            return true;
        }
    }
    return false;
}

/* ---- roles and selectors ---- */

const struct role_instance *host_role(const struct host *h, enum role role)
{
    if (role >= ROLE_COUNT || (h->role_bits & ROLE_BIT(role)) == 0) {
        return NULL;
    }
    for (unsigned i = 0; i < h->role_count; i++) {
        if (h->roles[i].role == role) {
            return &h->roles[i];
        }
    }
    return NULL;
}

enum client_mode role_client_mode(const struct host *h, const struct role_instance *r)
{
    if (r->clients != CLIENTS_UNDECLARED || h->site == NULL) {
        return r->clients;
    }
    return h->site->clients;
}

bool selector_matches(const struct policy *p, const struct selector *s, const struct address *a)
{
    const struct host *host = NULL;
    const struct client_group *group = NULL;
    switch (s->kind) {
    case SELECT_ANY:
        return true;
    case SELECT_NAME:
        return false;
    case SELECT_ROLE:
        host = policy_host(p, a);
        return host != NULL && (host->role_bits & ROLE_BIT(s->is.role)) != 0;
    case SELECT_HOST:
        return policy_host(p, a) == s->is.host;
    case SELECT_GROUP:
        return policy_group(p, a) == s->is.group;
    case SELECT_CLIENTS:
        /* A host with a role that stands in a client network is that role, not a client. */
        group = policy_group(p, a);
        host = policy_host(p, a);
        return group != NULL && !group->administrators && (host == NULL || host->role_bits == 0);
    case SELECT_ADMINISTRATORS:
        group = policy_group(p, a);
        host = policy_host(p, a);
        return (group != NULL && group->administrators) ||
               (host != NULL && (host->role_bits & ROLE_BIT(ROLE_CONSOLE)) != 0);
    case SELECT_ZONE:
        return policy_zone(p, a) == s->is.zone;
    case SELECT_PREFIX:
        return prefix_holds(&s->is.prefix, a);
    }
    return false;
}

struct policy *policy_free(struct policy *p)
{
    if (p != NULL) {
        struct policy_index *index = p->index;
        (void)arena_free(index->arena);
        arena_pool_done(&index->pool);
        free(index);
    }
    return NULL;
}

bool policy_watches(const struct policy *p, const char *fact)
{
    bool found = false;
    for (unsigned w = 0; w < p->watch_count; w++) {
        const struct watch_rule *watch = &p->watches[w];
        for (unsigned c = 0; watch->severity != SEVERITY_OFF && c < watch->condition_count; c++) {
            found |=
                watch->conditions[c].key != NULL && strcmp(watch->conditions[c].key, fact) == 0;
        }
    }
    return found;
}
