#include "policy/recent.h"

#include <stdalign.h>
#include <string.h>

#include "policy/audit_state.h"

#define NEIGHBOURS 8u

struct recent_row {
    uint64_t key; /* 0: empty */
    int64_t ns;
    alignas(16) unsigned char octets[RECENT_OCTETS];
};

_Static_assert(LIMIT_RECENT % NEIGHBOURS == 0, "rows come in whole groups");

static struct recent_row *group_of(const struct recent *t, uint64_t key)
{
    uint64_t mixed = key * UINT64_C(0x9e3779b97f4a7c15);
    return &t->rows[((mixed >> 32) % (LIMIT_RECENT / NEIGHBOURS)) * NEIGHBOURS];
}

static bool lives(const struct recent *t, const struct recent_row *row, int64_t ns)
{
    int64_t age = ns - row->ns;
    return row->key != 0 && age <= t->window_ns && age >= -t->window_ns;
}

void *recent_find(const struct recent *t, uint64_t key, int64_t ns)
{
    if (t->rows == NULL) {
        return NULL;
    }
    struct recent_row *group = group_of(t, key);
    for (unsigned i = 0; i < NEIGHBOURS; i++) {
        if (group[i].key == key && lives(t, &group[i], ns)) {
            return group[i].octets;
        }
    }
    return NULL;
}

static struct recent_row *place_for(struct recent *t, uint64_t key)
{
    struct recent_row *group = group_of(t, key), *oldest = group;
    for (unsigned i = 0; i < NEIGHBOURS; i++) {
        if (group[i].key == key) {
            return &group[i];
        }
        if (oldest->key != 0 && (group[i].key == 0 || group[i].ns < oldest->ns)) {
            oldest = &group[i];
        }
    }
    return oldest;
}

void *recent_make(struct audit *a, struct recent *t, uint64_t key, int64_t ns)
{
    if (t->rows == NULL) {
        t->rows = audit_alloc(a, LIMIT_RECENT * sizeof *t->rows);
        if (t->rows == NULL) {
            return NULL;
        }
    }
    struct recent_row *row = place_for(t, key);
    if (row->key != key || !lives(t, row, ns)) {
        a->counts.state_shed += row->key != key && lives(t, row, ns);
        memset(row->octets, 0, sizeof row->octets);
    }
    row->key = key;
    row->ns = ns;
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
