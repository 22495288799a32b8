#include "policy/policy_index.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

/* ---- names ---- */

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* "mp01.corp.example." is the same name in its absolute form. */
static size_t name_length(const char *name)
{
    size_t length = strlen(name);
    return length > 1 && name[length - 1] == '.' ? length - 1 : length;
}

static bool name_is(const char *a, const char *b, size_t length)
{
    return name_length(a) == length && strncasecmp(a, b, length) == 0;
}

static size_t name_hash(const char *name, size_t length)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ lower(name[i])) * UINT64_C(0x100000001b3);
    }
    return (size_t)(hash ^ hash >> 32);
}

/* The slot that holds the name, or the empty one where it belongs; the table is never full. */
static struct name_entry *name_slot(struct name_entry *slots, size_t size, const char *name)
{
    size_t length = name_length(name);
    for (size_t i = name_hash(name, length);; i++) {
        struct name_entry *slot = &slots[i & (size - 1)];
        if (slot->name == NULL || name_is(slot->name, name, length)) {
            return slot;
        }
    }
}

struct name_entry *name_find(const struct name_table *t, const char *name)
{
    if (t->size == 0) {
        return NULL;
    }
    struct name_entry *slot = name_slot(t->slots, t->size, name);
    return slot->name == NULL ? NULL : slot;
}

int name_add(struct name_table *t, struct arena *arena, struct name_entry entry,
             struct name_entry **ret)
{
    if (t->count * 2 >= t->size) {
        size_t size = t->size == 0 ? 16 : t->size * 2;
        struct name_entry *slots = arena_alloc(arena, size * sizeof *slots);
        if (slots == NULL) {
            return -ENOMEM;
        }
        for (size_t i = 0; i < t->size; i++) {
            if (t->slots[i].name != NULL) {
                *name_slot(slots, size, t->slots[i].name) = t->slots[i];
            }
        }
        t->slots = slots;
        t->size = size;
    }
    struct name_entry *slot = name_slot(t->slots, t->size, entry.name);
    if (slot->name != NULL) {
        *ret = slot;
        return -EEXIST;
    }
    *slot = entry;
    t->count++;
    return 0;
}

/* ---- addresses ---- */

static struct address_entry *address_slot(struct address_entry *slots, size_t size,
                                          const struct address *a)
{
    for (size_t i = address_hash(a);; i++) {
        struct address_entry *slot = &slots[i & (size - 1)];
        if (slot->owner_plus_one == 0 || address_equal(&slot->address, a)) {
            return slot;
        }
    }
}

const struct address_entry *address_find(const struct address_table *t, const struct address *a)
{
    if (t->size == 0) {
        return NULL;
    }
    const struct address_entry *slot = address_slot(t->slots, t->size, a);
    return slot->owner_plus_one == 0 ? NULL : slot;
}

int address_add(struct address_table *t, struct arena *arena, struct address_entry entry,
                const struct address_entry **ret)
{
    if (t->count * 2 >= t->size) {
        size_t size = t->size == 0 ? 16 : t->size * 2;
        struct address_entry *slots = arena_alloc(arena, size * sizeof *slots);
        if (slots == NULL) {
            return -ENOMEM;
        }
        for (size_t i = 0; i < t->size; i++) {
            if (t->slots[i].owner_plus_one != 0) {
                *address_slot(slots, size, &t->slots[i].address) = t->slots[i];
            }
        }
        t->slots = slots;
        t->size = size;
    }
    struct address_entry *slot = address_slot(t->slots, t->size, &entry.address);
    if (slot->owner_plus_one != 0) {
        *ret = slot;
        return -EEXIST;
    }
    *slot = entry;
    t->count++;
    return 0;
}

/* ---- prefixes ---- */

int prefix_add(struct prefix_table *t, struct arena *arena, struct prefix_entry entry)
{
    if (t->count == t->room) {
        size_t room = t->room == 0 ? 16 : t->room * 2;
        struct prefix_entry *rows = arena_alloc(arena, room * sizeof *rows);
        if (rows == NULL) {
            return -ENOMEM;
        }
        if (t->count != 0) {
            memcpy(rows, t->rows, t->count * sizeof *rows);
        }
        t->rows = rows;
        t->room = room;
    }
    t->rows[t->count++] = entry;
    return 0;
}

static int in_address_order(const void *left, const void *right)
{
    const struct prefix_entry *a = left, *b = right;
    int order = memcmp(a->prefix.address.octets, b->prefix.address.octets, 16);
    if (order != 0) {
        return order;
    }
    if (a->prefix.bits != b->prefix.bits) {
        return a->prefix.bits < b->prefix.bits ? -1 : 1;
    }
    if (a->place.line != b->place.line) {
        return a->place.line < b->place.line ? -1 : 1;
    }
    return a->place.column < b->place.column ? -1 : a->place.column > b->place.column;
}

/* Bits only: unlike prefix_holds, ::/0 is around the addresses of IPv4 as well. */
static bool bits_agree(const struct prefix *prefix, const struct address *a)
{
    unsigned whole = prefix->bits / 8u, rest = prefix->bits % 8u;
    if (memcmp(prefix->address.octets, a->octets, whole) != 0) {
        return false;
    }
    return rest == 0 || (prefix->address.octets[whole] ^ a->octets[whole]) >> (8 - rest) == 0;
}

bool prefix_holds(const struct prefix *prefix, const struct address *a)
{
    return bits_agree(prefix, a) && (prefix->bits >= 96 || !address_is_v4(a));
}

void prefix_table_finish(struct prefix_table *t)
{
    if (t->count == 0) {
        return;
    }
    qsort(t->rows, t->count, sizeof t->rows[0], in_address_order);
    t->rows[0].around = INDEX_NONE;
    for (size_t i = 1; i < t->count; i++) {
        uint32_t around = (uint32_t)(i - 1);
        while (around != INDEX_NONE &&
               !bits_agree(&t->rows[around].prefix, &t->rows[i].prefix.address)) {
            around = t->rows[around].around;
        }
        t->rows[i].around = around;
    }
}

const struct prefix_entry *prefix_find(const struct prefix_table *t, const struct address *a)
{
    /* The last row that does not begin after the address: it, or one around it, is the longest. */
    size_t low = 0, high = t->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(t->rows[middle].prefix.address.octets, a->octets, 16) <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    uint32_t row = low == 0 ? INDEX_NONE : (uint32_t)(low - 1);
    while (row != INDEX_NONE && !prefix_holds(&t->rows[row].prefix, a)) {
        row = t->rows[row].around;
    }
    return row == INDEX_NONE ? NULL : &t->rows[row];
}
