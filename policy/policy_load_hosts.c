#include <errno.h>
#include <stddef.h>

#include "policy/policy_load.h"

#define NETBIOS_NAME 15 /* characters of a computer's name that its NetBIOS name keeps */

static uint32_t number_of(const struct loader *l, const struct host *host)
{
    return (uint32_t)(host - l->hosts);
}

static void read_addresses(struct loader *l, const struct load_key *key,
                           const struct yaml_node *node, void *into)
{
    struct host *host = into;
    if (!load_is(l, node, YAML_LIST, key->name)) {
        return;
    }
    struct address *addresses = load_alloc(l, node->count, sizeof *addresses);
    unsigned count = 0;
    for (unsigned i = 0; l->error == 0 && i < node->count; i++) {
        const struct yaml_node *item = node->items[i];
        struct address a;
        if (!load_is(l, item, YAML_TEXT, "an address")) {
            continue;
        }
        if (!address_parse(item->text, &a) || !address_is_host(&a)) {
            fault_note(l->faults, item->place,
                       "'%.64s' is no address of a host; expected one such as 10.0.1.20 or "
                       "fd00:a::20",
                       item->text);
            continue;
        }
        const struct address_entry *first = NULL;
        struct address_entry entry = {a, number_of(l, host) + 1, item->place};
        int error = address_add(&l->index->addresses, l->arena, entry, &first);
        if (error == -EEXIST) {
            fault_note(l->faults, item->place,
                       "address %.64s is declared twice; expected it at one host, first at line %u "
                       "for '%.128s'",
                       item->text, first->place.line, l->hosts[first->owner_plus_one - 1].name);
        } else if (error != 0) {
            l->error = error;
        } else {
            addresses[count++] = a;
        }
    }
    host->addresses = addresses;
    host->address_count = l->error == 0 ? count : 0;
}

static void add_host_name(struct loader *l, const char *name, const struct host *host,
                          struct place at)
{
    if (!load_dns_name(name)) {
        fault_note(l->faults, at,
                   "'%.128s' is no host name; expected one such as mp01.corp.example", name);
    }
    (void)load_name(l, &l->index->hosts, (struct name_entry){name, number_of(l, host), false, at},
                    "host name");
}

static void read_aliases(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                         void *into)
{
    struct host *host = into;
    if (!load_is(l, node, YAML_LIST, key->name)) {
        return;
    }
    const char **aliases = load_alloc(l, node->count, sizeof *aliases);
    for (unsigned i = 0; l->error == 0 && i < node->count; i++) {
        if (!load_is(l, node->items[i], YAML_TEXT, "an alias")) {
            continue;
        }
        const char *alias = load_copy(l, node->items[i]->text);
        if (alias != NULL) {
            aliases[host->alias_count++] = alias;
            add_host_name(l, alias, host, node->items[i]->place);
        }
    }
    host->aliases = aliases;
}

static void read_site(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                      void *into)
{
    (void)key;
    *(const struct site **)into = load_site(l, node);
}

static void read_service_names(struct loader *l, const struct load_key *key,
                               const struct yaml_node *node, void *into)
{
    struct host *host = into;
    host->service_names = load_texts(l, key->name, node, &host->service_name_count);
    for (unsigned i = 0; node->kind == YAML_LIST && i < node->count; i++) {
        const char *name = node->items[i]->kind == YAML_TEXT ? node->items[i]->text : "a/b";
        const char *slash = strchr(name, '/');
        if (slash == NULL || slash == name || slash[1] == '\0') {
            fault_note(l->faults, node->items[i]->place,
                       "'%.128s' is no service name; expected one such as HTTP/www.corp.example",
                       name);
        }
    }
}

static const struct load_key host_keys[] = {
    {"addresses", read_addresses, 0, false},
    {"aliases", read_aliases, 0, false},
    {"forest", load_forest_field, offsetof(struct host, forest), false},
    {"workgroup", load_bool_field, offsetof(struct host, workgroup), false},
    {"site", read_site, offsetof(struct host, site), false},
    {"site-server-initiates", load_bool_field, offsetof(struct host, site_server_initiates), false},
    {"installation-account", load_account_field, offsetof(struct host, installation_account),
     false},
    {"service-names", read_service_names, 0, false},
    {"roles", load_roles, 0, false},
};

static const char *short_name(struct loader *l, const char *name)
{
    const char *cut = arena_text(l->arena, name, strcspn(name, "."));
    if (cut == NULL) {
        l->error = -ENOMEM;
    }
    return cut;
}

void load_hosts(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                void *into)
{
    (void)into;
    if (!load_is(l, node, YAML_MAP, key->name)) {
        return;
    }
    l->hosts = load_alloc(l, node->count, sizeof *l->hosts);
    for (unsigned i = 0; l->error == 0 && i < node->count; i++) {
        struct host *host = &l->hosts[i];
        host->name = load_copy(l, node->keys[i]->text);
        host->short_name = l->error == 0 ? short_name(l, host->name) : NULL;
        host->place = node->keys[i]->place;
        if (l->error == 0) {
            add_host_name(l, host->name, host, host->place);
        }
    }
    for (unsigned i = 0; l->error == 0 && i < node->count; i++) {
        struct host *host = &l->hosts[i];
        load_map(l, node->items[i], "the host", host_keys, LOAD_COUNT(host_keys), host);
        if (host->forest != NULL && host->workgroup) {
            fault_note(l->faults, host->place,
                       "host '%.128s' has both a forest and 'workgroup: true'; expected one of "
                       "them",
                       host->name);
        }
    }
    l->policy->hosts = l->hosts;
    l->policy->host_count = node->count;
}

/* ---- names that follow from the declared ones ---- */

static const char *domain_of(const char *name)
{
    const char *dot = strchr(name, '.');
    return dot == NULL ? "" : dot + 1;
}

/* One derived name. Two hosts of one domain cannot share it; those of different domains can, and
 * then the short name alone names neither. */
static void derive(struct loader *l, const struct host *host, const char *full, size_t length)
{
    const char *name = arena_text(l->arena, full, length);
    if (name == NULL) {
        l->error = -ENOMEM;
        return;
    }
    struct name_entry *first = NULL;
    struct name_entry entry = {name, number_of(l, host), true, host->place};
    int error = name_add(&l->index->hosts, l->arena, entry, &first);
    if (error != -EEXIST) {
        l->error = error != 0 ? error : l->error;
        return;
    }
    if (!first->derived || first->owner == entry.owner) {
        return;
    }
    const struct host *other = first->owner == INDEX_AMBIGUOUS ? NULL : &l->hosts[first->owner];
    struct name_entry *a = other == NULL ? NULL : name_find(&l->index->domains, domain_of(full));
    struct name_entry *b =
        other == NULL ? NULL : name_find(&l->index->domains, domain_of(other->name));
    bool same = other != NULL &&
                (strcmp(domain_of(full), domain_of(other->name)) == 0 || (a != NULL && a == b));
    if (same && length == NETBIOS_NAME) {
        fault_note(l->faults, host->place,
                   "NetBIOS name '%s' of '%.128s' is also that of '%.128s'; expected names that "
                   "differ in their first 15 characters",
                   name, host->name, other->name);
    }
    first->owner = INDEX_AMBIGUOUS;
}

static void derive_all(struct loader *l, const struct host *host, const char *full)
{
    size_t length = strcspn(full, ".");
    if (full[length] == '.') {
        derive(l, host, full, length);
    }
    if (length > NETBIOS_NAME && l->error == 0) {
        derive(l, host, full, NETBIOS_NAME);
    }
}

void load_finish_hosts(struct loader *l)
{
    for (unsigned i = 0; l->error == 0 && i < l->policy->host_count; i++) {
        const struct host *host = &l->hosts[i];
        const struct role_instance *dc = host_role(host, ROLE_DOMAIN_CONTROLLER);
        l->policy->read_only_controllers += dc != NULL && dc->read_only;
        derive_all(l, host, host->name);
        for (unsigned k = 0; l->error == 0 && k < host->alias_count; k++) {
            derive_all(l, host, host->aliases[k]);
        }
    }
    for (const struct host_reference *r = l->references; r != NULL && l->error == 0; r = r->next) {
        const struct name_entry *entry = name_find(&l->index->hosts, r->name->text);
        if (entry == NULL) {
            load_unknown(l, r->name, "host", "one declared under 'hosts'",
                         load_nearest(l, &l->index->hosts, r->name->text));
        }
    }
}
