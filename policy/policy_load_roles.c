#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>

#include "capture/nearest.h"
#include "policy/policy_load.h"

/* Roles that clients reach over IIS, so that a mode and HTTP and HTTPS ports can be set for them.
 */
#define WEB_ROLES                                                                                  \
    (ROLE_BIT(ROLE_MANAGEMENT_POINT) | CONTENT_ROLES | ROLE_BIT(ROLE_SOFTWARE_UPDATE_POINT) |      \
     ROLE_BIT(ROLE_FALLBACK_STATUS_POINT) | ROLE_BIT(ROLE_STATE_MIGRATION_POINT) |                 \
     ROLE_BIT(ROLE_REPORTING_POINT) | ROLE_BIT(ROLE_APPCAT_WEBSITE) |                              \
     ROLE_BIT(ROLE_APPCAT_WEB_SERVICE) | ROLE_BIT(ROLE_ENROLLMENT_POINT) |                         \
     ROLE_BIT(ROLE_ENROLLMENT_PROXY_POINT) | ROLE_BIT(ROLE_CERTIFICATE_REGISTRATION_POINT) |       \
     ROLE_BIT(ROLE_POLICY_MODULE) | ROLE_BIT(ROLE_CLOUD_MANAGEMENT_GATEWAY) |                      \
     ROLE_BIT(ROLE_CMG_CONNECTION_POINT) | ROLE_BIT(ROLE_CLOUD_DISTRIBUTION_POINT) |               \
     ROLE_BIT(ROLE_SMS_PROVIDER) | ROLE_BIT(ROLE_EXCHANGE_SERVER) | ROLE_BIT(ROLE_WEB_PROXY))
#define CONTENT_ROLES (ROLE_BIT(ROLE_DISTRIBUTION_POINT) | ROLE_BIT(ROLE_PULL_DISTRIBUTION_POINT))
/* Roles that open the site database with an account that can be set. */
#define DATABASE_ROLES                                                                             \
    (ROLE_BIT(ROLE_MANAGEMENT_POINT) | CONTENT_ROLES | ROLE_BIT(ROLE_STATE_MIGRATION_POINT) |      \
     ROLE_BIT(ROLE_REPORTING_POINT) | ROLE_BIT(ROLE_ENROLLMENT_POINT) |                            \
     ROLE_BIT(ROLE_ENDPOINT_PROTECTION_POINT) | ROLE_BIT(ROLE_ASSET_INTELLIGENCE_POINT) |          \
     ROLE_BIT(ROLE_CERTIFICATE_REGISTRATION_POINT) | ROLE_BIT(ROLE_DATA_WAREHOUSE_POINT))
#define ALL_ROLES (ROLE_BIT(ROLE_COUNT) - 1)

/* ---- ports ---- */

static const uint16_t *read_port_list(struct loader *l, const char *what,
                                      const struct yaml_node *node, unsigned *ret_count)
{
    if (!load_is(l, node, YAML_LIST, what)) {
        return NULL;
    }
    uint16_t *ports = load_alloc(l, node->count, sizeof *ports);
    unsigned count = 0;
    for (unsigned i = 0; ports != NULL && i < node->count; i++) {
        const struct yaml_node *item = node->items[i];
        if (!load_is(l, item, YAML_TEXT, "a port")) {
            continue;
        }
        char *end = NULL;
        unsigned long port = strtoul(item->text, &end, 10);
        if (item->text[0] < '0' || item->text[0] > '9' || *end != '\0' || port == 0 ||
            port > UINT16_MAX) {
            fault_note(l->faults, item->place, "'%.32s' is no port; expected 1 to 65535",
                       item->text);
            continue;
        }
        ports[count++] = (uint16_t)port;
    }
    *ret_count = count;
    return ports;
}

static void read_http_ports(struct loader *l, const struct load_key *key,
                            const struct yaml_node *node, void *into)
{
    struct role_instance *role = into;
    role->http_ports = read_port_list(l, key->name, node, &role->http_port_count);
}

static void read_https_ports(struct loader *l, const struct load_key *key,
                             const struct yaml_node *node, void *into)
{
    struct role_instance *role = into;
    role->https_ports = read_port_list(l, key->name, node, &role->https_port_count);
}

static void read_other_ports(struct loader *l, const struct load_key *key,
                             const struct yaml_node *node, void *into)
{
    struct role_instance *role = into;
    role->ports = read_port_list(l, key->name, node, &role->port_count);
}

static void read_ports(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                       void *into)
{
    /* Client notification is a port of the management point alone. */
    static const struct load_key keys[] = {
        {"http", read_http_ports, 0, false},
        {"https", read_https_ports, 0, false},
        {"notification", read_other_ports, 0, false},
    };
    struct role_instance *role = into;
    if ((WEB_ROLES & ROLE_BIT(role->role)) != 0) {
        size_t count = role->role == ROLE_MANAGEMENT_POINT ? LOAD_COUNT(keys) : 2;
        load_map(l, node, "'ports'", keys, count, role);
    } else {
        read_other_ports(l, key, node, role);
    }
}

/* ---- the other options ---- */

static void read_serves(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                        void *into)
{
    struct role_instance *role = into;
    if (!load_is(l, node, YAML_LIST, key->name)) {
        return;
    }
    role->serves = load_alloc(l, node->count, sizeof *role->serves);
    for (unsigned i = 0; l->error == 0 && i < node->count; i++) {
        const struct zone *zone = load_zone(l, node->items[i]);
        if (zone != NULL) {
            role->serves[role->serve_count++] = zone;
            role->serves_internet = role->serves_internet || zone == l->index->internet;
        }
    }
}

static void read_limit(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                       void *into)
{
    static const uint32_t bounds[] = {1, 1000000};
    (void)load_number(l, key->name, node, bounds, into);
}

static void read_between(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                         void *into)
{
    struct role_instance *role = into;
    int times[2];
    if (load_times(l, key->name, node, times)) {
        role->between_from = times[0];
        role->between_to = times[1];
    }
}

static void read_bandwidth(struct loader *l, const struct load_key *key,
                           const struct yaml_node *node, void *into)
{
    static const struct load_key keys[] = {
        {"limit-mbit", read_limit, offsetof(struct role_instance, bandwidth_mbit), true},
        {"between", read_between, 0, false},
        {"urgent-at-any-time", load_bool_field, offsetof(struct role_instance, urgent_at_any_time),
         false},
    };
    (void)key;
    load_map(l, node, "'bandwidth'", keys, LOAD_COUNT(keys), into);
}

static void read_proxy_mode(struct loader *l, const struct load_key *key,
                            const struct yaml_node *node, void *into)
{
    static const char *const names[] = {"bridging", "tunneling"};
    static const struct load_word words[] = {{"bridging", 0}, {"tunneling", 1}};
    int mode;
    if (load_word(l, key->name, node, words, LOAD_COUNT(words), &mode)) {
        *(const char **)into = names[mode];
    }
}

static void read_publishes(struct loader *l, const struct load_key *key,
                           const struct yaml_node *node, void *into)
{
    struct role_instance *role = into;
    role->publishes = load_texts(l, key->name, node, &role->publish_count);
    for (unsigned i = 0; node->kind == YAML_LIST && i < node->count; i++) {
        struct host_reference *reference = arena_alloc(l->scratch, sizeof *reference);
        if (reference == NULL) {
            l->error = -ENOMEM;
            return;
        }
        if (node->items[i]->kind == YAML_TEXT) {
            *reference = (struct host_reference){node->items[i], l->references};
            l->references = reference;
        }
    }
}

static void read_certificate_names(struct loader *l, const struct load_key *key,
                                   const struct yaml_node *node, void *into)
{
    struct role_instance *role = into;
    role->certificate_names = load_texts(l, key->name, node, &role->certificate_name_count);
}

static const struct option {
    struct load_key key;
    role_set roles;
} options[] = {
    {{"clients", load_client_mode, offsetof(struct role_instance, clients), false},
     WEB_ROLES & ~ROLE_BIT(ROLE_WEB_PROXY)},
    {{"ports", read_ports, 0, false}, ALL_ROLES},
    {{"serves", read_serves, 0, false}, WEB_ROLES},
    {{"anonymous", load_answer_field, offsetof(struct role_instance, anonymous), false},
     CONTENT_ROLES},
    {{"bandwidth", read_bandwidth, 0, false}, CONTENT_ROLES},
    {{"prestaged", load_bool_field, offsetof(struct role_instance, prestaged), false},
     CONTENT_ROLES},
    {{"mode", read_proxy_mode, offsetof(struct role_instance, proxy_mode), false},
     ROLE_BIT(ROLE_WEB_PROXY)},
    {{"publishes", read_publishes, 0, false}, ROLE_BIT(ROLE_WEB_PROXY)},
    {{"certificate-names", read_certificate_names, 0, false}, ROLE_BIT(ROLE_WEB_PROXY)},
    {{"package-share", load_bool_field, offsetof(struct role_instance, package_share), false},
     CONTENT_ROLES},
    {{"user-policy", load_answer_field, offsetof(struct role_instance, user_policy), false},
     ROLE_BIT(ROLE_MANAGEMENT_POINT)},
    {{"connection-account", load_account_field, offsetof(struct role_instance, connection_account),
      false},
     DATABASE_ROLES},
    {{"read-only", load_bool_field, offsetof(struct role_instance, read_only), false},
     ROLE_BIT(ROLE_DOMAIN_CONTROLLER)},
};

/* ---- roles ---- */

static bool read_role_name(struct loader *l, const struct yaml_node *node, enum role *ret)
{
    if (!load_is(l, node, YAML_TEXT, "a role")) {
        return false;
    }
    *ret = role_find(node->text);
    if (*ret != ROLE_COUNT) {
        return true;
    }
    struct nearest near = nearest_of(node->text);
    for (unsigned i = 0; fault_is_heard(l->faults) && i < ROLE_COUNT; i++) {
        nearest_offer(&near, role_name((enum role)i));
    }
    load_unknown(l, node, "role",
                 "a role such as site-server, management-point or distribution-point", near.best);
    return false;
}

/* "management-point", or {management-point: {clients: https, ...}}. */
static bool read_role(struct loader *l, const struct yaml_node *node, struct role_instance *role)
{
    const struct yaml_node *name = node, *given = NULL;
    if (node->kind == YAML_MAP) {
        if (node->count != 1) {
            fault_note(l->faults, node->place,
                       "a role has %u keys; expected its name alone, as in '- name: {options}'",
                       node->count);
            return false;
        }
        name = node->keys[0];
        given = yaml_is_null(node->items[0]) ? NULL : node->items[0];
    }
    *role = (struct role_instance){.place = name->place,
                                   .anonymous = -1,
                                   .user_policy = -1,
                                   .between_from = -1,
                                   .between_to = -1};
    if (!read_role_name(l, name, &role->role)) {
        return false;
    }
    if (given != NULL) {
        struct load_key keys[LOAD_COUNT(options)];
        size_t count = 0;
        for (size_t i = 0; i < LOAD_COUNT(options); i++) {
            if ((options[i].roles & ROLE_BIT(role->role)) != 0) {
                keys[count++] = options[i].key;
            }
        }
        load_map(l, given, role_name(role->role), keys, count, role);
    }
    return true;
}

void load_roles(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                void *into)
{
    struct host *host = into;
    if (!load_is(l, node, YAML_LIST, key->name)) {
        return;
    }
    struct role_instance *roles = load_alloc(l, node->count, sizeof *roles);
    for (unsigned i = 0; l->error == 0 && i < node->count; i++) {
        struct role_instance *role = &roles[host->role_count];
        if (!read_role(l, node->items[i], role)) {
            continue;
        }
        if ((host->role_bits & ROLE_BIT(role->role)) != 0) {
            const struct role_instance *first = roles;
            while (first->role != role->role) {
                first++;
            }
            load_duplicate(l, role->place, "role", role_name(role->role), first->place);
            continue;
        }
        host->role_bits |= ROLE_BIT(role->role);
        host->role_count++;
    }
    host->roles = roles;
}
