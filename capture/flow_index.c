#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "capture/flow_record.h"

#define FIRST_SLOTS 64u
#define MOST_SLOTS (1u << 31)

struct record *record_at(const struct flow_table *t, uint32_t place)
{
    return place == NO_RECORD ? NULL : &t->chunks[place / CHUNK_RECORDS][place % CHUNK_RECORDS];
}

/* Slots and slab keep to their share of the budget: they never shrink, and a flood that had filled
 * the whole of it would leave nothing for the flows that have something to say. */
static bool structure_charge(struct flow_table *t, size_t size)
{
    if (t->structure_limit != 0 && size > t->structure_limit - t->structure) {
        return false;
    }
    if (!arena_pool_charge(&t->pool, size)) {
        return false;
    }
    t->structure += size;
    return true;
}

static void structure_refund(struct flow_table *t, size_t size)
{
    arena_pool_refund(&t->pool, size);
    t->structure -= size;
}

static void slots_put(struct flow_slot *slots, uint32_t mask, struct flow_slot slot)
{
    uint32_t i = slot.hash & mask;
    while (slots[i].place != NO_RECORD) {
        i = (i + 1) & mask;
    }
    slots[i] = slot;
}

static size_t slots_octets(uint32_t count)
{
    return count * sizeof(struct flow_slot);
}

static bool slots_grow(struct flow_table *t)
{
    uint32_t old = t->slots == NULL ? 0 : t->slot_mask + 1;
    uint32_t count = old == 0 ? FIRST_SLOTS : old * 2;
    if (old >= MOST_SLOTS || !structure_charge(t, slots_octets(count))) {
        return false;
    }
    struct flow_slot *slots = malloc(slots_octets(count));
    if (slots == NULL) {
        structure_refund(t, slots_octets(count));
        return false;
    }
    memset(slots, 0xff, slots_octets(count)); /* NO_RECORD */
    for (uint32_t i = 0; i < old; i++) {
        if (t->slots[i].place != NO_RECORD) {
            slots_put(slots, count - 1, t->slots[i]);
        }
    }
    free(t->slots);
    structure_refund(t, slots_octets(old));
    t->slots = slots;
    t->slot_mask = count - 1;
    return true;
}

static bool chunks_widen(struct flow_table *t)
{
    uint32_t room = t->chunk_room == 0 ? 16 : t->chunk_room * 2;
    size_t more = (room - t->chunk_room) * sizeof *t->chunks;
    if (!structure_charge(t, more)) {
        return false;
    }
    struct record **chunks = realloc(t->chunks, room * sizeof *t->chunks);
    if (chunks == NULL) {
        structure_refund(t, more);
        return false;
    }
    t->chunks = chunks;
    t->chunk_room = room;
    return true;
}

static bool slab_grow(struct flow_table *t)
{
    if (t->chunk_count == t->chunk_room && !chunks_widen(t)) {
        return false;
    }
    size_t size = CHUNK_RECORDS * sizeof(struct record);
    if (!structure_charge(t, size)) {
        return false;
    }
    struct record *chunk = malloc(size);
    if (chunk == NULL) {
        structure_refund(t, size);
        return false;
    }
    uint32_t first = t->chunk_count * CHUNK_RECORDS;
    for (uint32_t i = 0; i < CHUNK_RECORDS; i++) {
        chunk[i] = (struct record){.place = first + i, .next = first + i + 1};
    }
    chunk[CHUNK_RECORDS - 1].next = t->free_record;
    t->chunks[t->chunk_count++] = chunk;
    t->free_record = first;
    return true;
}

static bool key_equal(const struct flow_key *a, const struct flow_key *b)
{
    return address_equal(&a->low, &b->low) && address_equal(&a->high, &b->high) &&
           a->scope == b->scope && a->low_port == b->low_port && a->high_port == b->high_port &&
           a->protocol == b->protocol;
}

bool index_has_room(struct flow_table *t)
{
    /* Half full at most: a search then looks at 1.5 slots on average. */
    bool crowded = t->slots == NULL || t->used >= (t->slot_mask + 1) / 2;
    return (!crowded || slots_grow(t)) && (t->free_record != NO_RECORD || slab_grow(t));
}

struct record *index_find(const struct flow_table *t, const struct flow_key *key, uint32_t hash)
{
    if (t->slots == NULL) {
        return NULL;
    }
    for (uint32_t i = hash & t->slot_mask; t->slots[i].place != NO_RECORD;
         i = (i + 1) & t->slot_mask) {
        if (t->slots[i].hash == hash) {
            struct record *r = record_at(t, t->slots[i].place);
            if (key_equal(&r->key, key)) {
                return r;
            }
        }
    }
    return NULL;
}

struct record *index_add(struct flow_table *t, const struct flow_key *key, uint32_t hash)
{
    struct record *r = record_at(t, t->free_record);
    assert(r != NULL);
    t->free_record = r->next;
    *r = (struct record){.key = *key, .place = r->place, .hash = hash};
    slots_put(t->slots, t->slot_mask, (struct flow_slot){.hash = hash, .place = r->place});
    t->used++;
    return r;
}

void index_remove(struct flow_table *t, struct record *r)
{
    uint32_t hole = r->hash & t->slot_mask;
    while (t->slots[hole].place != r->place) {
        hole = (hole + 1) & t->slot_mask;
    }
    /* Whatever follows without a break moves back over the hole, unless it would come before its
     * own place. */
    for (uint32_t i = (hole + 1) & t->slot_mask; t->slots[i].place != NO_RECORD;
         i = (i + 1) & t->slot_mask) {
        uint32_t home = t->slots[i].hash & t->slot_mask;
        if (((i - home) & t->slot_mask) >= ((i - hole) & t->slot_mask)) {
            t->slots[hole] = t->slots[i];
            hole = i;
        }
    }
    t->slots[hole].place = NO_RECORD;
    r->next = t->free_record;
    t->free_record = r->place;
    t->used--;
}

void index_free(struct flow_table *t)
{
    for (uint32_t i = 0; i < t->chunk_count; i++) {
        free(t->chunks[i]);
    }
    free(t->chunks);
    free(t->slots);
    arena_pool_refund(&t->pool, t->structure);
}

void list_append(struct flow_table *t, struct record *r, enum flow_list list)
{
    struct flow_list_ends *ends = &t->lists[list];
    r->list = (uint8_t)list;
    r->previous = ends->tail;
    r->next = NO_RECORD;
    if (ends->tail == NO_RECORD) {
        ends->head = r->place;
        ends->soonest = INT64_MIN; /* not known yet */
    } else {
        record_at(t, ends->tail)->next = r->place;
    }
    ends->tail = r->place;
}

void list_unlink(struct flow_table *t, struct record *r)
{
    struct flow_list_ends *ends = &t->lists[r->list];
    if (r->previous == NO_RECORD) {
        ends->head = r->next;
    } else {
        record_at(t, r->previous)->next = r->next;
    }
    if (r->next == NO_RECORD) {
        ends->tail = r->previous;
    } else {
        record_at(t, r->next)->previous = r->previous;
    }
}

static uint32_t chain_merge(const struct flow_table *t, uint32_t a, uint32_t b)
{
    uint32_t first = NO_RECORD, *last = &first;
    while (a != NO_RECORD && b != NO_RECORD) {
        struct record *ra = record_at(t, a), *rb = record_at(t, b);
        struct record *smaller = ra->id <= rb->id ? ra : rb;
        *last = smaller->place;
        last = &smaller->next;
        a = smaller == ra ? ra->next : a;
        b = smaller == ra ? b : rb->next;
    }
    *last = a != NO_RECORD ? a : b;
    return first;
}

uint32_t chain_sort(const struct flow_table *t, uint32_t first)
{
    /* Merge sort from below: runs[n] holds 2^n records in order, or none. */
    uint32_t runs[32];
    memset(runs, 0xff, sizeof runs);
    while (first != NO_RECORD) {
        struct record *r = record_at(t, first);
        uint32_t run = first;
        first = r->next;
        r->next = NO_RECORD;
        unsigned n = 0;
        for (; n < 31 && runs[n] != NO_RECORD; n++) {
            run = chain_merge(t, runs[n], run);
            runs[n] = NO_RECORD;
        }
        runs[n] = run;
    }
    for (unsigned n = 0; n < 32; n++) {
        first = chain_merge(t, runs[n], first);
    }
    return first;
}
