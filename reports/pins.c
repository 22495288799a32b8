#include "reports/pins.h"

#include <stdlib.h>

#include "capture/decode.h"
#include "capture/flow.h"

/* The packets of a connection's opening. */
#define OPENING 3

struct pin {
    struct packet packet; /* its data follows */
    uint8_t octets[];
};

struct opening { /* of a connection that a cited packet belongs to */
    struct flow_place place;
    uint64_t cited, syn, after[OPENING - 1]; /* numbers; 0: not found */
};

struct pins {
    struct keeper *keeper;
    struct flow_secret secret;
    struct pin **list; /* by number */
    size_t count, room, octets;
    uint64_t gone;
    size_t wanted_count;
    uint64_t wanted[LIMIT_PINS_WANTED];
    uint64_t hashes[64]; /* a bit for each hash of an opening: most packets are of none */
    size_t opening_count;
    struct opening openings[LIMIT_PINS_WANTED];
};

struct pins *pins_new(struct keeper *keeper)
{
    struct pins *p = calloc(1, sizeof *p);
    if (p == NULL || flow_secret_draw(&p->secret) < 0) {
        free(p);
        return NULL;
    }
    p->keeper = keeper;
    return p;
}

/* Where the packet is, or belongs. */
static size_t place_of(const struct pins *p, uint64_t number)
{
    size_t low = 0, high = p->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (p->list[middle]->packet.at.packet < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool is_pinned(const struct pins *p, uint64_t number)
{
    size_t at = place_of(p, number);
    return at < p->count && p->list[at]->packet.at.packet == number;
}

void pins_want(struct pins *p, uint64_t number)
{
    if (p->wanted_count == LIMIT_PINS_WANTED) {
        pins_look(p);
    }
    if (!is_pinned(p, number)) {
        p->wanted[p->wanted_count++] = number;
    }
}

static bool grow(struct pins *p)
{
    if (p->count < p->room) {
        return true;
    }
    size_t room = p->room == 0 ? 64 : 2 * p->room;
    struct pin **grown = realloc(p->list, room * sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    p->list = grown;
    p->room = room;
    return true;
}

/* False when there is no room for it. */
static bool pin(struct pins *p, const struct packet *packet)
{
    size_t at = place_of(p, packet->at.packet);
    size_t taken = sizeof(struct pin) + packet->data.len;
    if (at < p->count && p->list[at]->packet.at.packet == packet->at.packet) {
        return true;
    }
    struct pin *n = p->octets + taken > LIMIT_PINNED_OCTETS || !grow(p) ? NULL : malloc(taken);
    if (n == NULL) {
        return false;
    }
    n->packet = *packet;
    n->packet.block = NULL;
    n->packet.data = bytes_of(n->octets, packet->data.len);
    memcpy(n->octets, packet->data.at, packet->data.len);
    memmove(p->list + at + 1, p->list + at, (p->count - at) * sizeof(struct pin *));
    p->list[at] = n;
    p->count++;
    p->octets += taken;
    return true;
}

/* ---- looking ---- */

static int by_number(const void *left, const void *right)
{
    uint64_t x, y;
    memcpy(&x, left, sizeof x);
    memcpy(&y, right, sizeof y);
    return (x > y) - (x < y);
}

static uint64_t *hash_word(struct pins *p, uint32_t hash)
{
    return &p->hashes[hash / 64 % (sizeof p->hashes / sizeof *p->hashes)];
}

static struct opening *opening_of(struct pins *p, const struct flow_place *place)
{
    if ((*hash_word(p, place->hash) >> place->hash % 64 & 1) == 0) {
        return NULL;
    }
    for (size_t i = 0; i < p->opening_count; i++) {
        struct opening *o = &p->openings[i];
        if (o->place.hash == place->hash &&
            memcmp(&o->place.key, &place->key, sizeof place->key) == 0) {
            return o;
        }
    }
    return NULL;
}

static void meet(struct pins *p, const struct packet *packet)
{
    struct datagram d;
    struct flow_place place;
    if (flow_place_of_segment(packet, &p->secret, &d, &place) && opening_of(p, &place) == NULL) {
        *hash_word(p, place.hash) |= UINT64_C(1) << place.hash % 64;
        p->openings[p->opening_count++] =
            (struct opening){.place = place, .cited = packet->at.packet};
    }
}

/* The cited packets themselves: they mostly are among the newest. */
static void find_wanted(struct pins *p)
{
    struct keeper_walk walk;
    struct packet packet;
    size_t left = p->wanted_count;
    keeper_enter(p->keeper, SIZE_MAX, &walk);
    while (left > 0 && keeper_next(&walk, &packet)) {
        uint64_t number = packet.at.packet;
        if (bsearch(&number, p->wanted, p->wanted_count, sizeof number, by_number) != NULL &&
            !is_pinned(p, number) && pin(p, &packet)) {
            left--;
            meet(p, &packet);
        }
    }
    keeper_leave(&walk);
    p->gone += left;
}

typedef void openings_fn(struct opening *o, const struct datagram *d, uint64_t number);

static void note_syn(struct opening *o, const struct datagram *d, uint64_t number)
{
    bool opens = (d->tcp.flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
    if (opens && number <= o->cited && number > o->syn) {
        o->syn = number;
    }
}

/* The two that come next after it. */
static void note_after(struct opening *o, const struct datagram *d, uint64_t number)
{
    (void)d;
    if (o->syn == 0 || number <= o->syn) {
        return;
    }
    for (unsigned i = 0; i < OPENING - 1 && o->after[i] != number; i++) {
        if (o->after[i] == 0 || number < o->after[i]) {
            uint64_t later = o->after[i];
            o->after[i] = number;
            if (later == 0) {
                return;
            }
            number = later;
        }
    }
}

static void walk_openings(struct pins *p, openings_fn *note, bool pins_them)
{
    struct keeper_walk walk;
    struct packet packet;
    struct datagram d;
    struct flow_place place;
    keeper_enter(p->keeper, LIMIT_OPENING_OCTETS, &walk);
    while (keeper_next(&walk, &packet)) {
        struct opening *o =
            flow_place_of_segment(&packet, &p->secret, &d, &place) ? opening_of(p, &place) : NULL;
        uint64_t number = packet.at.packet;
        if (o != NULL && !pins_them) {
            note(o, &d, number);
        } else if (o != NULL &&
                   (number == o->syn || number == o->after[0] || number == o->after[1])) {
            (void)pin(p, &packet); /* without it, the evidence is the cited packet alone */
        }
    }
    keeper_leave(&walk);
}

void pins_look(struct pins *p)
{
    size_t count = 0;
    if (p->wanted_count == 0) {
        return;
    }
    qsort(p->wanted, p->wanted_count, sizeof *p->wanted, by_number);
    for (size_t i = 0; i < p->wanted_count; i++) {
        if (count == 0 || p->wanted[count - 1] != p->wanted[i]) {
            p->wanted[count++] = p->wanted[i];
        }
    }
    p->wanted_count = count;
    p->opening_count = 0;
    memset(p->hashes, 0, sizeof p->hashes);
    find_wanted(p);
    p->wanted_count = 0;
    if (p->opening_count > 0) {
        walk_openings(p, note_syn, false);
        walk_openings(p, note_after, false);
        walk_openings(p, NULL, true);
    }
}

/* ---- what was pinned ---- */

size_t pins_count(const struct pins *p)
{
    return p->count;
}

struct packet pins_at(const struct pins *p, size_t i)
{
    return p->list[i]->packet;
}

uint64_t pins_gone(const struct pins *p)
{
    return p->gone;
}

void pins_clear(struct pins *p)
{
    for (size_t i = 0; i < p->count; i++) {
        free(p->list[i]);
    }
    p->count = p->octets = p->wanted_count = 0;
    p->gone = 0;
}

struct pins *pins_free(struct pins *p)
{
    if (p != NULL) {
        pins_clear(p);
        free(p->list);
        free(p);
    }
    return NULL;
}
