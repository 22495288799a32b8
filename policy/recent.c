#include "policy/recent.h"

#include <stdalign.h>
#include <string.h>

#include "policy/audit_state.h"

#define NEIGHBOURS 8u

#define GROUPS (LIMIT_RECENT / NEIGHBOURS)

/* Keys lie by themselves: most that is asked for is not there. */
struct recent_keys {
    uint64_t key[NEIGHBOURS]; /* 0: empty */
    int64_t ns[NEIGHBOURS];
};

struct recent_row {
    alignas(16) unsigned char octets[RECENT_OCTETS];
};

_Static_assert(LIMIT_RECENT % NEIGHBOURS == 0, "rows come in whole groups");

static size_t group_of(uint64_t key)
{
    uint64_t mixed = key * UINT64_C(0x9e3779b97f4a7c15);
    return (mixed >> 32) % GROUPS;
}

static bool lives(const struct recent *t, const struct recent_keys *group, unsigned i, int64_t ns)
{
    int64_t age = ns - group->ns[i];
    return group->key[i] != 0 && age <= t->window_ns && age >= -t->window_ns;
}

void *recent_find(const struct recent *t, uint64_t key, int64_t ns)
{
    if (t->rows == NULL) {
        return NULL;
    }
    size_t place = group_of(key);
    const struct recent_keys *group = &t->keys[place];
    for (unsigned i = 0; i < NEIGHBOURS; i++) {
        if (group->key[i] == key && lives(t, group, i, ns)) {
            return t->rows[place * NEIGHBOURS + i].octets;
        }
    }
    return NULL;
}

/* Of the group: the key's own place, an empty one, or that of the oldest. */
static unsigned place_for(const struct recent_keys *group, uint64_t key)
{
    unsigned oldest = 0;
    for (unsigned i = 0; i < NEIGHBOURS; i++) {
        if (group->key[i] == key) {
            return i;
        }
        if (group->key[oldest] != 0 && (group->key[i] == 0 || group->ns[i] < group->ns[oldest])) {
            oldest = i;
        }
    }
    return oldest;
}

void *recent_make(struct audit *a, struct recent *t, uint64_t key, int64_t ns)
{
    if (t->rows == NULL) {
        t->keys = audit_alloc(a, GROUPS * sizeof *t->keys);
        t->rows = t->keys == NULL ? NULL : audit_alloc(a, LIMIT_RECENT * sizeof *t->rows);
        if (t->rows == NULL) {
            return NULL;
        }
    }
    size_t place = group_of(key);
    struct recent_keys *group = &t->keys[place];
    unsigned i = place_for(group, key);
    struct recent_row *row = &t->rows[place * NEIGHBOURS + i];
    bool other = group->key[i] != key;
    if (other || !lives(t, group, i, ns)) {
        a->counts.state_shed += other && lives(t, group, i, ns);
        memset(row->octets, 0, sizeof row->octets);
    }
    group->key[i] = key;
    group->ns[i] = ns;
    return row->octets;
}

uint64_t recent_key(uint64_t before, const void *octets, size_t len)
{
    uint64_t key = bytes_hash(before == 0 ? BYTES_HASH_START : before, bytes_of(octets, len));
    return key == 0 ? 1 : key;
}

uint64_t recent_address(const struct address *address)
{
    return recent_key(0, address->octets, sizeof address->octets);
}
