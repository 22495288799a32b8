#include <errno.h>
#include <stddef.h>

#include "policy/policy_load.h"

/* A name that selectors give another meaning would be unreachable. */
static void refuse_reserved(struct loader *l, const struct yaml_node *name, const char *what)
{
    if (role_find(name->text) != ROLE_COUNT || strcmp(name->text, "clients") == 0 ||
        strcmp(name->text, "any") == 0) {
        fault_note(l->faults, name->place,
                   "%s cannot be called '%.64s', which means something else in 'from' and 'to'; "
                   "expected another name",
                   what, name->text);
    }
}

static const struct prefix *read_networks(struct loader *l, const struct yaml_node *node,
                                          const char *what, struct prefix_table *table,
                                          uint32_t owner, unsigned *ret_count)
{
    if (!load_is(l, node, YAML_LIST, what)) {
        return NULL;
    }
    struct prefix *prefixes = load_alloc(l, node->count, sizeof *prefixes);
    unsigned count = 0;
    for (unsigned i = 0; l->error == 0 && i < node->count; i++) {
        if (!load_prefix(l, node->items[i], &prefixes[count])) {
            continue;
        }
        struct prefix_entry row = {
            .prefix = prefixes[count++], .owner = owner, .place = node->items[i]->place};
        int error = prefix_add(table, l->arena, row);
        l->error = error != 0 ? error : l->error;
    }
    *ret_count = count;
    return prefixes;
}

static void refuse_equal_prefixes(struct loader *l, const struct prefix_table *table,
                                  const char *(*name_of)(const struct loader *l, uint32_t owner))
{
    for (size_t i = 1; i < table->count; i++) {
        const struct prefix_entry *first = &table->rows[i - 1], *again = &table->rows[i];
        if (first->prefix.bits != again->prefix.bits ||
            !address_equal(&first->prefix.address, &again->prefix.address)) {
            continue;
        }
        char text[ADDRESS_TEXT];
        bool v4 = address_is_v4(&again->prefix.address) && again->prefix.bits >= 96;
        fault_note(l->faults, again->place,
                   "network %s/%u is declared twice; expected it in '%.64s' or '%.64s' only, first "
                   "at line %u",
                   address_format(&again->prefix.address, text),
                   v4 ? again->prefix.bits - 96u : again->prefix.bits, name_of(l, first->owner),
                   name_of(l, again->owner), first->place.line);
    }
}

/* ---- zones ---- */

void load_zones(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                void *into)
{
    (void)into;
    if (!load_is(l, node, YAML_MAP, key->name)) {
        return;
    }
    l->zones = load_alloc(l, node->count + 1u, sizeof *l->zones); /* room for the internet */
    for (unsigned i = 0; l->error == 0 && i < node->count; i++) {
        struct zone *zone = &l->zones[i];
        refuse_reserved(l, node->keys[i], "a zone");
        zone->name = load_copy(l, node->keys[i]->text);
        zone->place = node->keys[i]->place;
        (void)load_name(l, &l->index->zones, (struct name_entry){zone->name, i, false, zone->place},
                        "zone");
        zone->prefixes =
            read_networks(l, node->items[i], "a zone", &l->index->zone_prefixes, i, &zone->count);
    }
    l->policy->zone_count = node->count;
}

static const char *zone_name(const struct loader *l, uint32_t owner)
{
    return l->zones[owner].name;
}

void load_finish_zones(struct loader *l)
{
    if (l->error == 0 && l->zones == NULL) {
        l->zones = load_alloc(l, 1, sizeof *l->zones);
    }
    if (l->error != 0) {
        return;
    }
    const struct name_entry *declared = name_find(&l->index->zones, "internet");
    unsigned internet = declared != NULL ? declared->owner : l->policy->zone_count++;
    if (declared == NULL) {
        l->zones[internet].name = "internet";
        (void)load_name(l, &l->index->zones, (struct name_entry){"internet", internet, false, {0}},
                        "zone");
    }
    l->index->internet = &l->zones[internet];
    l->policy->zones = l->zones;
    prefix_table_finish(&l->index->zone_prefixes);
    refuse_equal_prefixes(l, &l->index->zone_prefixes, zone_name);
}

/* ---- clients and administrators ---- */

static void read_group_networks(struct loader *l, const struct load_key *key,
                                const struct yaml_node *node, void *into)
{
    struct client_group *group = into;
    group->prefixes = read_networks(l, node, key->name, &l->index->group_prefixes,
                                    (uint32_t)(group - l->groups), &group->count);
}

static void read_fallback(struct loader *l, const struct load_key *key,
                          const struct yaml_node *node, void *into)
{
    struct client_group *group = into;
    if (!load_is(l, node, YAML_LIST, key->name)) {
        return;
    }
    group->fallback = load_alloc(l, node->count, sizeof *group->fallback);
    for (unsigned i = 0; l->error == 0 && i < node->count; i++) {
        const struct forest *forest = load_forest(l, node->items[i]);
        if (forest != NULL) {
            group->fallback[group->fallback_count++] = forest;
        }
    }
}

static const struct load_key group_keys[] = {
    {"networks", read_group_networks, 0, true},
    {"forest", load_forest_field, offsetof(struct client_group, forest), false},
    {"workgroup", load_bool_field, offsetof(struct client_group, workgroup), false},
    {"microsoft-update", load_answer_field, offsetof(struct client_group, microsoft_update), false},
    {"fallback-forests", read_fallback, 0, false},
};

/* Makes room for `more` groups; the array moves, so that nothing may point into it before all are
 * read. */
static bool grow_groups(struct loader *l, unsigned more)
{
    unsigned count = l->policy->group_count;
    struct client_group *groups = load_alloc(l, (size_t)count + more, sizeof *groups);
    if (groups == NULL) {
        return false;
    }
    if (count != 0) {
        memcpy(groups, l->groups, count * sizeof *groups);
    }
    l->groups = groups;
    return true;
}

static void read_group(struct loader *l, const char *name, struct place at,
                       const struct yaml_node *node, bool administrators)
{
    uint32_t owner = l->policy->group_count++;
    struct client_group *group = &l->groups[owner];
    group->name = load_copy(l, name);
    group->place = at;
    group->administrators = administrators;
    group->microsoft_update = -1;
    (void)load_name(l, &l->index->groups, (struct name_entry){group->name, owner, false, at},
                    "client group");
    load_map(l, node, administrators ? "the administrators" : "the client group", group_keys,
             LOAD_COUNT(group_keys), group);
    if (group->forest != NULL && group->workgroup) {
        fault_note(l->faults, at,
                   "'%.64s' has both a forest and 'workgroup: true'; expected one of them",
                   group->name);
    }
}

void load_clients(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                  void *into)
{
    (void)into;
    if (!load_is(l, node, YAML_MAP, key->name) || !grow_groups(l, node->count)) {
        return;
    }
    for (unsigned i = 0; l->error == 0 && i < node->count; i++) {
        refuse_reserved(l, node->keys[i], "a client group");
        if (strcmp(node->keys[i]->text, "administrators") == 0) {
            fault_note(l->faults, node->keys[i]->place,
                       "a client group cannot be called 'administrators'; expected that section of "
                       "its own");
            continue;
        }
        read_group(l, node->keys[i]->text, node->keys[i]->place, node->items[i], false);
    }
}

/* The pairs of a mapping whose values are mappings, or the others. */
static struct yaml_node part_of(struct loader *l, const struct yaml_node *node, bool mappings)
{
    struct yaml_node part = *node;
    part.count = 0;
    part.keys = arena_alloc(l->scratch, node->count * sizeof *part.keys);
    part.items = arena_alloc(l->scratch, node->count * sizeof *part.items);
    if (part.keys == NULL || part.items == NULL) {
        l->error = -ENOMEM;
        return part;
    }
    for (unsigned i = 0; i < node->count; i++) {
        if ((node->items[i]->kind == YAML_MAP) == mappings) {
            part.keys[part.count] = node->keys[i];
            part.items[part.count++] = node->items[i];
        }
    }
    return part;
}

/* {networks: [...]}, groups of that form under names of their own, or both. */
void load_administrators(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                         void *into)
{
    (void)into;
    if (!load_is(l, node, YAML_MAP, key->name) || !grow_groups(l, node->count + 1u)) {
        return;
    }
    struct yaml_node own = part_of(l, node, false), named = part_of(l, node, true);
    if (l->error == 0 && (own.count != 0 || named.count == 0)) {
        read_group(l, key->name, node->place, &own, true);
    }
    for (unsigned i = 0; l->error == 0 && i < named.count; i++) {
        refuse_reserved(l, named.keys[i], "a group of administrators");
        read_group(l, named.keys[i]->text, named.keys[i]->place, named.items[i], true);
    }
}

static const char *group_name(const struct loader *l, uint32_t owner)
{
    return l->groups[owner].name;
}

void load_finish_groups(struct loader *l)
{
    l->policy->groups = l->groups;
    prefix_table_finish(&l->index->group_prefixes);
    if (l->error == 0) {
        refuse_equal_prefixes(l, &l->index->group_prefixes, group_name);
    }
}
