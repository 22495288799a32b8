/*
 * policy_index.h - the tables behind the look-ups of a policy: names, addresses, prefixes.
 *
 * They are filled while the policy is read and constant afterwards. Tables grow by doubling in the
 * policy's arena, which keeps what they outgrow: at most as much again as they need.
 *
 * Errors: -ENOMEM; -EEXIST where noted.
 */
#ifndef ROLECALL_POLICY_POLICY_INDEX_H
#define ROLECALL_POLICY_POLICY_INDEX_H

#include "capture/arena.h"
#include "policy/policy.h"

#define INDEX_NONE UINT32_MAX
#define INDEX_AMBIGUOUS (UINT32_MAX - 1)

/* Names, case ignored (ASCII), a final dot ignored. */
struct name_entry {
    const char *name; /* NULL: empty slot */
    uint32_t owner;
    bool derived; /* follows from a declared name, as the NetBIOS name does */
    struct place place;
};
struct name_table {
    struct name_entry *slots;
    size_t size, count; /* size: a power of 2, or 0 */
};

struct name_entry *name_find(const struct name_table *t, const char *name);
/* -EEXIST and the earlier entry in *ret when the name is there; the name is borrowed. */
int name_add(struct name_table *t, struct arena *arena, struct name_entry entry,
             struct name_entry **ret) MUST_USE;

struct address_entry {
    struct address address;
    uint32_t owner_plus_one; /* 0: empty slot */
    struct place place;
};
struct address_table {
    struct address_entry *slots;
    size_t size, count;
};

const struct address_entry *address_find(const struct address_table *t, const struct address *a);
int address_add(struct address_table *t, struct arena *arena, struct address_entry entry,
                const struct address_entry **ret) MUST_USE;

/* Prefixes in the order of their first address, shorter ones first; `around` is the nearest that
 * holds this one. */
struct prefix_entry {
    struct prefix prefix;
    uint32_t owner;
    uint32_t around; /* INDEX_NONE: none */
    struct place place;
};
struct prefix_table {
    struct prefix_entry *rows;
    size_t count, room;
};

int prefix_add(struct prefix_table *t, struct arena *arena, struct prefix_entry entry) MUST_USE;
/* Sorts and links; to be called once, before prefix_find. Equal prefixes stay neighbours. */
void prefix_table_finish(struct prefix_table *t);
/* The longest prefix that holds the address; NULL: none does. */
const struct prefix_entry *prefix_find(const struct prefix_table *t, const struct address *a);

struct policy_index {
    struct arena_pool pool;
    struct arena *arena; /* holds the policy and all it points to */
    struct name_table hosts, domains, forests, zones, sites, groups;
    struct address_table addresses;
    struct prefix_table zone_prefixes, group_prefixes;
    const struct zone *internet;
};

#endif
