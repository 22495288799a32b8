#include "capture/fragment.h"

#include <stdlib.h>
#include <sys/random.h>

#define BUCKETS 1024u
#define DATAGRAM_OCTETS 65535u /* the largest content that an IP length can name */

/* What a stored piece costs besides its octets. */
#define PIECE_COST (sizeof(struct piece) + 16)

struct key {
    struct address source, destination;
    uint32_t id;
    uint8_t protocol; /* IPv4 only: RFC 8200 4.5 leaves it out */
    uint8_t version;
    uint8_t tunnel_count;
    struct tunnel tunnels[LIMIT_TUNNEL_DEPTH];
};

struct piece {
    uint32_t offset, len;
    uint8_t *octets;
};

/* A datagram that waits for more pieces, which are kept in order and do not overlap. */
struct waiting {
    struct key key;
    struct waiting *next_in_bucket;
    struct waiting *older, *newer;
    uint32_t bucket;
    int64_t first_ns;
    uint64_t wire_len; /* of all frames that held a piece */
    uint32_t have;     /* octets stored */
    uint32_t total;    /* known when the last piece came */
    bool total_known;
    struct datagram first; /* the piece at offset 0, and its frame */
    struct packet frame;
    struct piece *pieces;
    uint32_t count, room;
};

struct fragments {
    struct fragment_counts counts;
    struct waiting *oldest, *newest;
    size_t datagrams, pieces, octets;
    struct waiting *lost, *lost_last; /* given up, and not taken yet; linked by `newer` */
    uint64_t seed;                    /* so that nobody can aim at one bucket */
    struct waiting *buckets[BUCKETS];
};

/* The memory of a datagram that was put together. */
struct whole {
    struct block block; /* first, so that a block's release finds it */
    uint8_t octets[];
};

static void whole_release(struct block *block)
{
    free(block);
}

struct fragments *fragments_new(void)
{
    struct fragments *f = calloc(1, sizeof *f);
    if (f != NULL && getrandom(&f->seed, sizeof f->seed, GRND_NONBLOCK) != sizeof f->seed) {
        f->seed = (uintptr_t)f;
    }
    return f;
}

const struct fragment_counts *fragments_counts(const struct fragments *f)
{
    return &f->counts;
}

static uint64_t mix(uint64_t hash, const void *octets, size_t len)
{
    struct cursor c = cursor_of(bytes_of(octets, len));
    while (c.rest.len > 0) {
        uint64_t word = c.rest.len >= 8 ? cursor_le64(&c) : cursor_u8(&c);
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    return hash;
}

static struct key key_of(const struct datagram *d)
{
    struct key k = {
        .source = d->source,
        .destination = d->destination,
        .id = d->fragment.id,
        .protocol = d->version == 4 ? d->protocol : 0,
        .version = d->version,
        .tunnel_count = d->tunnel_count,
    };
    for (size_t i = 0; i < d->tunnel_count; i++) {
        k.tunnels[i] = d->tunnels[i];
    }
    return k;
}

static bool key_equal(const struct key *a, const struct key *b)
{
    if (a->id != b->id || a->protocol != b->protocol || a->version != b->version ||
        a->tunnel_count != b->tunnel_count || !address_equal(&a->source, &b->source) ||
        !address_equal(&a->destination, &b->destination)) {
        return false;
    }
    for (size_t i = 0; i < a->tunnel_count; i++) {
        if (a->tunnels[i].kind != b->tunnels[i].kind || a->tunnels[i].id != b->tunnels[i].id) {
            return false;
        }
    }
    return true;
}

static uint32_t bucket_of(const struct fragments *f, const struct key *k)
{
    uint64_t hash = mix(f->seed, k->source.octets, sizeof k->source.octets);
    hash = mix(hash, k->destination.octets, sizeof k->destination.octets);
    hash = mix(hash, &k->id, sizeof k->id);
    return (uint32_t)(hash >> 32) % BUCKETS;
}

static void waiting_free(struct waiting *w)
{
    for (uint32_t i = 0; i < w->count; i++) {
        free(w->pieces[i].octets);
    }
    free(w->pieces);
    free(w);
}

static void take_out(struct fragments *f, struct waiting *w)
{
    struct waiting **link = &f->buckets[w->bucket];
    while (*link != w) {
        link = &(*link)->next_in_bucket;
    }
    *link = w->next_in_bucket;
    *(w->older != NULL ? &w->older->newer : &f->oldest) = w->newer;
    *(w->newer != NULL ? &w->newer->older : &f->newest) = w->older;
    f->datagrams--;
    f->pieces -= w->count;
    f->octets -= w->have + w->count * PIECE_COST;
}

static void forget(struct fragments *f, struct waiting *w)
{
    take_out(f, w);
    waiting_free(w);
}

static bool has_first(const struct waiting *w)
{
    return w->count > 0 && w->pieces[0].offset == 0;
}

/* What it has of its beginning is still to be taken. */
static void give_up(struct fragments *f, struct waiting *w)
{
    take_out(f, w);
    if (!has_first(w)) {
        waiting_free(w);
        return;
    }
    w->newer = NULL;
    *(f->lost != NULL ? &f->lost_last->newer : &f->lost) = w;
    f->lost_last = w;
}

void fragments_expire(struct fragments *f, int64_t now_ns)
{
    const int64_t limit = LIMIT_FRAGMENT_SECONDS * INT64_C(1000000000);
    while (f->oldest != NULL && now_ns > f->oldest->first_ns &&
           (uint64_t)now_ns - (uint64_t)f->oldest->first_ns > (uint64_t)limit) {
        f->counts.expired++;
        give_up(f, f->oldest);
    }
}

void fragments_end(struct fragments *f)
{
    while (f->oldest != NULL) {
        f->counts.expired++;
        give_up(f, f->oldest);
    }
}

/* Gives up the oldest until `octets` and one piece more fit; `keep` is not given up. False when it
 * cannot be. */
static bool shed_for(struct fragments *f, const struct waiting *keep, size_t octets)
{
    while (f->octets + octets + PIECE_COST > LIMIT_FRAGMENT_OCTETS ||
           f->pieces >= LIMIT_FRAGMENT_PIECES) {
        struct waiting *oldest = f->oldest == keep && keep != NULL ? keep->newer : f->oldest;
        if (oldest == NULL) {
            return false;
        }
        f->counts.shed++;
        give_up(f, oldest);
    }
    return true;
}

static struct waiting *find_or_add(struct fragments *f, const struct datagram *d)
{
    struct key k = key_of(d);
    uint32_t bucket = bucket_of(f, &k);
    for (struct waiting *w = f->buckets[bucket]; w != NULL; w = w->next_in_bucket) {
        if (key_equal(&w->key, &k)) {
            return w;
        }
    }
    if (f->datagrams == LIMIT_FRAGMENT_DATAGRAMS) {
        f->counts.shed++;
        give_up(f, f->oldest);
    }
    struct waiting *w = calloc(1, sizeof *w);
    if (w == NULL) {
        return NULL;
    }
    w->key = k;
    w->bucket = bucket;
    w->first_ns = d->frame->at.ns;
    w->next_in_bucket = f->buckets[bucket];
    f->buckets[bucket] = w;
    w->older = f->newest;
    *(f->newest != NULL ? &f->newest->newer : &f->oldest) = w;
    f->newest = w;
    f->datagrams++;
    return w;
}

/* Index of the first piece that ends past `offset`. */
static uint32_t find_piece(const struct waiting *w, uint32_t offset)
{
    uint32_t low = 0;
    uint32_t high = w->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (w->pieces[middle].offset + w->pieces[middle].len > offset) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

/* Stores octets that no piece covers at index `at`. False: no room. */
static bool insert(struct fragments *f, struct waiting *w, uint32_t at, uint32_t offset,
                   struct bytes octets)
{
    if (!shed_for(f, w, octets.len)) {
        return false;
    }
    if (w->count == w->room) {
        uint32_t room = w->room == 0 ? 8 : w->room * 2;
        struct piece *grown = realloc(w->pieces, room * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        w->pieces = grown;
        w->room = room;
    }
    uint8_t *copy = malloc(octets.len);
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, octets.at, octets.len);
    memmove(w->pieces + at + 1, w->pieces + at, (w->count - at) * sizeof *w->pieces);
    w->pieces[at] = (struct piece){.offset = offset, .len = (uint32_t)octets.len, .octets = copy};
    w->count++;
    w->have += (uint32_t)octets.len;
    f->pieces++;
    f->octets += octets.len + PIECE_COST;
    return true;
}

/* Stores what is new of the piece: the first octets win. */
static bool store(struct fragments *f, struct waiting *w, uint32_t offset, struct bytes content)
{
    uint32_t end = offset + (uint32_t)content.len;
    uint32_t from = offset;
    bool overlap = false;
    uint32_t at = find_piece(w, from);
    while (from < end) {
        uint32_t hole_end = at < w->count ? w->pieces[at].offset : end;
        if (hole_end > from) {
            uint32_t to = hole_end < end ? hole_end : end;
            if (!insert(f, w, at, from, bytes_slice(content, from - offset, to - from))) {
                return false;
            }
            from = to;
        } else {
            overlap = true;
            from = w->pieces[at].offset + w->pieces[at].len;
        }
        at++;
    }
    f->counts.overlaps += overlap ? 1 : 0;
    return true;
}

/* RFC 791 3.2, RFC 8200 4.5: every piece but the last holds a multiple of eight octets; all fit an
 * IP length and agree about the end. Notes the end. */
static bool check_place(struct waiting *w, const struct datagram *d)
{
    uint64_t end = (uint64_t)d->fragment.offset + d->fragment.content.len;
    uint32_t stored_end = 0;
    if (w->count > 0) {
        stored_end = w->pieces[w->count - 1].offset + w->pieces[w->count - 1].len;
    }
    if (end > DATAGRAM_OCTETS || d->fragment.content.len == 0) {
        return false;
    }
    if (d->fragment.more) {
        return (end % 8 == 0 || d->payload_cut > 0) && (!w->total_known || end <= w->total);
    }
    if (end < stored_end || (w->total_known && end != w->total)) {
        return false;
    }
    w->total_known = true;
    w->total = (uint32_t)end;
    return true;
}

/* Puts the pieces of the first `len` octets together. NULL: out of memory. */
static struct whole *join(const struct waiting *w, size_t len)
{
    struct whole *whole = malloc(sizeof *whole + len);
    if (whole == NULL) {
        return NULL;
    }
    atomic_init(&whole->block.holders, 1);
    whole->block.release = whole_release;
    for (uint32_t i = 0; i < w->count && w->pieces[i].offset < len; i++) {
        memcpy(whole->octets + w->pieces[i].offset, w->pieces[i].octets, w->pieces[i].len);
    }
    return whole;
}

/* `frame` with the first `len` octets as its data. */
static struct packet joined_packet(const struct packet *frame, const struct waiting *w,
                                   struct whole *whole, size_t len)
{
    struct packet p = *frame;
    p.data = bytes_of(whole->octets, len);
    p.wire_len = w->wire_len < UINT32_MAX ? (uint32_t)w->wire_len : UINT32_MAX;
    p.block = &whole->block;
    return p;
}

/* Finds the datagram of a piece and stores that there; NULL when it has no place. */
static struct waiting *keep_piece(struct fragments *f, const struct datagram *d)
{
    struct waiting *w = find_or_add(f, d);
    if (w == NULL) {
        f->counts.shed++;
        return NULL;
    }
    if (!check_place(w, d)) {
        f->counts.malformed++;
        if (w->count == 0) {
            forget(f, w);
        }
        return NULL;
    }
    if (d->fragment.offset == 0 && !has_first(w)) {
        w->first = *d;
        w->frame = *d->frame;
    }
    w->wire_len += d->frame->wire_len;
    if (!store(f, w, d->fragment.offset, d->fragment.content)) {
        f->counts.shed++;
        forget(f, w);
        return NULL;
    }
    return w;
}

/* A piece that the snap length cut: its datagram cannot become whole. */
static void add_cut_piece(struct fragments *f, const struct datagram *d)
{
    if (d->fragment.offset == 0 && d->fragment.more) {
        struct waiting *w = keep_piece(f, d);
        if (w != NULL) {
            give_up(f, w);
        }
    }
}

/* One piece: the whole packet it completes in `ret`, and d continues above the IP header; or false.
 */
static bool add_piece(struct fragments *f, struct datagram *d, struct packet *ret)
{
    f->counts.pieces++;
    fragments_expire(f, d->frame->at.ns);
    if (d->payload_cut == 0 && d->fragment.more && d->fragment.content.len % 8 != 0) {
        f->counts.malformed++; /* or cut by who wrote the file, who did not say so */
        d->payload_cut = 1;
    }
    if (d->payload_cut > 0) {
        add_cut_piece(f, d);
        return false;
    }
    struct waiting *w = keep_piece(f, d);
    if (w == NULL || !w->total_known || w->have != w->total) {
        return false;
    }
    struct whole *whole = join(w, w->total);
    if (whole != NULL) {
        f->counts.completed++;
        *ret = joined_packet(d->frame, w, whole, w->total);
        d->protocol = w->first.protocol;
    }
    forget(f, w);
    return whole != NULL;
}

bool fragments_add(struct fragments *f, struct datagram *d, struct packet *ret_whole)
{
    struct packet whole = {.block = NULL};
    struct packet joined;
    enum decode_result result = DECODE_FRAGMENT;
    /* Inside a tunnel a datagram may be a piece of another; each round takes one out of the table.
     */
    while (result == DECODE_FRAGMENT && add_piece(f, d, &joined)) {
        block_drop(whole.block);
        whole = joined;
        d->frame = &whole;
        result = decode_transport(d, whole.data, 0);
    }
    if (result != DECODE_OK) {
        f->counts.malformed += result == DECODE_FRAGMENT ? 0 : 1;
        block_drop(whole.block);
        return false;
    }
    *ret_whole = whole;
    d->frame = ret_whole;
    return true;
}

/* What is there of the beginning of `w`: false when it is too little. */
static bool make_beginning(struct waiting *w, struct datagram *ret, struct packet *ret_packet)
{
    uint32_t len = 0;
    for (uint32_t i = 0; i < w->count && w->pieces[i].offset == len; i++) {
        len += w->pieces[i].len;
    }
    struct whole *whole = join(w, len);
    if (whole == NULL) {
        return false;
    }
    *ret_packet = joined_packet(&w->frame, w, whole, len);
    *ret = w->first;
    ret->frame = ret_packet;
    ret->is_late = true;
    /* Where the end was not seen UDP's own length says how much is missing. */
    const struct piece *last = &w->pieces[w->count - 1];
    uint32_t end = ret->protocol == IP_UDP ? DATAGRAM_OCTETS : last->offset + last->len;
    end = w->total_known ? w->total : end;
    if (decode_transport(ret, ret_packet->data, end - len) == DECODE_OK) {
        return true;
    }
    block_drop(ret_packet->block);
    return false;
}

bool fragments_take_lost(struct fragments *f, struct datagram *ret, struct packet *ret_packet)
{
    bool made = false;
    while (!made && f->lost != NULL) {
        struct waiting *w = f->lost;
        f->lost = w->newer;
        made = make_beginning(w, ret, ret_packet);
        waiting_free(w);
    }
    return made;
}

struct fragments *fragments_free(struct fragments *f)
{
    if (f == NULL) {
        return NULL;
    }
    fragments_end(f);
    while (f->lost != NULL) {
        struct waiting *w = f->lost;
        f->lost = w->newer;
        waiting_free(w);
    }
    free(f);
    return NULL;
}
