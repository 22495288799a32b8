#include "reports/evidence_packets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "capture/flow.h"
#include "reports/deciding.h"

/* A handshake's packets are told whole by their headers. */
#define HANDSHAKE_OCTETS 256

/* A segment of an ordinary network; what is longer is whole enough by itself. */
#define SEGMENT_OCTETS 1600

struct tail { /* the last segments with content of one side, without a gap between them */
    struct kept_packet segments[LEAD_PACKETS];
    uint8_t octets[LEAD_PACKETS][SEGMENT_OCTETS];
    unsigned count;
    uint32_t next; /* sequence number */
};

struct tails {
    struct tail side[2];
    struct tails *free; /* in the list of those that nobody uses */
};

struct connection {
    struct flow_key key;
    size_t left;         /* cited packets that are still to come */
    struct tails *tails; /* NULL: nothing is to come, or a limit */
    uint32_t hash;
    uint8_t client_side, seen; /* bits of the three */
    struct kept_packet handshake[HANDSHAKE_PACKETS];
    uint8_t octets[HANDSHAKE_PACKETS][HANDSHAKE_OCTETS];
};

struct place { /* of a packet that is asked for */
    uint32_t file;
    uint64_t packet;
    struct cited_packet cited;
    struct connection *connection; /* NULL: not TCP */
};

struct cited_packets {
    struct place *places; /* sorted from the first pass on */
    size_t count, room;
    size_t left;  /* how many are still to come */
    size_t *next; /* by file: the first place that is to come */
    size_t files;
    struct connection **slots; /* open addressing; a power of two */
    size_t slot_count;
    struct tails *free_tails;
    unsigned tails;
    struct arena_pool pool;
    struct arena *arena;
    struct flow_secret secret;
    uint64_t order;
    enum cited_pass pass;
};

struct cited_packets *cited_packets_new(void)
{
    struct cited_packets *c = calloc(1, sizeof *c);
    if (c == NULL) {
        return NULL;
    }
    arena_pool_init(&c->pool, 0);
    c->arena = arena_new(&c->pool, LIMIT_EVIDENCE_OCTETS);
    return c->arena == NULL ? cited_packets_free(c) : c;
}

struct cited_packets *cited_packets_free(struct cited_packets *c)
{
    if (c != NULL) {
        arena_free(c->arena);
        arena_pool_done(&c->pool);
        free(c->places);
        free(c->next);
        free(c->slots);
        free(c);
    }
    return NULL;
}

/* ---- what is asked for ---- */

bool cited_packets_ask(struct cited_packets *c, uint32_t file, uint64_t packet)
{
    if (c->count == c->room) {
        size_t room = c->room == 0 ? 64 : 2 * c->room;
        struct place *grown = realloc(c->places, room * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        c->places = grown;
        c->room = room;
    }
    c->places[c->count++] = (struct place){.file = file, .packet = packet};
    return true;
}

static int by_place(const void *left, const void *right)
{
    const struct place *x = left, *y = right;
    int by = (x->file > y->file) - (x->file < y->file);
    return by != 0 ? by : (x->packet > y->packet) - (x->packet < y->packet);
}

/* Each once, in order. */
static void sort_places(struct cited_packets *c)
{
    size_t kept = 0;
    if (c->count > 0) {
        qsort(c->places, c->count, sizeof *c->places, by_place);
    }
    for (size_t i = 0; i < c->count; i++) {
        if (kept == 0 || by_place(&c->places[kept - 1], &c->places[i]) != 0) {
            c->places[kept++] = c->places[i];
        }
    }
    c->count = kept;
}

const struct cited_packet *cited_packets_find(const struct cited_packets *c, uint32_t file,
                                              uint64_t packet)
{
    const struct place key = {.file = file, .packet = packet};
    const struct place *found =
        c->count == 0 ? NULL : bsearch(&key, c->places, c->count, sizeof key, by_place);
    return found == NULL ? NULL : &found->cited;
}

/* ---- connections ---- */

static struct connection **slot_of(const struct cited_packets *c, const struct flow_place *place)
{
    size_t at = place->hash & (c->slot_count - 1);
    while (c->slots[at] != NULL &&
           memcmp(&c->slots[at]->key, &place->key, sizeof place->key) != 0) {
        at = (at + 1) & (c->slot_count - 1);
    }
    return &c->slots[at];
}

static struct connection *meet(struct cited_packets *c, const struct packet *p)
{
    struct datagram d;
    struct flow_place place;
    if (!flow_place_of_segment(p, &c->secret, &d, &place)) {
        return NULL;
    }
    struct connection **slot = slot_of(c, &place);
    if (*slot == NULL) {
        struct connection *made = arena_alloc(c->arena, sizeof *made);
        if (made != NULL) {
            made->key = place.key;
            made->hash = place.hash;
        }
        *slot = made;
    }
    if (*slot != NULL) {
        (*slot)->left++;
    }
    return *slot;
}

static struct kept_packet as_kept(const struct cited_packets *c, const struct packet *p)
{
    struct kept_packet k = {.packet = *p, .order = c->order};
    k.packet.block = NULL;
    return k;
}

static void note_handshake(struct cited_packets *c, struct connection *n, const struct datagram *d,
                           uint8_t side)
{
    const struct packet *p = d->frame;
    if (n->seen == 7 && (d->tcp.flags & TCP_SYN) == 0) {
        return;
    }
    bool syn = (d->tcp.flags & TCP_SYN) != 0, ack = (d->tcp.flags & TCP_ACK) != 0;
    unsigned which = syn ? (ack ? HANDSHAKE_SYN_ACK : HANDSHAKE_SYN) : HANDSHAKE_ACK;
    bool of_client = side == n->client_side;
    if (which == HANDSHAKE_SYN) { /* the same ends may connect again */
        n->seen = 0;
        n->client_side = side;
    } else if (n->seen != (1u << which) - 1 || of_client == (which == HANDSHAKE_SYN_ACK)) {
        return;
    }
    size_t len = p->data.len < HANDSHAKE_OCTETS ? p->data.len : HANDSHAKE_OCTETS;
    memcpy(n->octets[which], p->data.at, len);
    n->seen = (uint8_t)(n->seen | 1u << which);
    n->handshake[which] = as_kept(c, p);
    n->handshake[which].packet.data = bytes_of(n->octets[which], len);
}

/* ---- what came before ---- */

static struct tails *take_tails(struct cited_packets *c)
{
    struct tails *t = c->free_tails;
    if (t != NULL) {
        c->free_tails = t->free;
        t->side[0].count = 0;
        t->side[1].count = 0;
    } else if (c->tails < LIMIT_EVIDENCE_TAILS) {
        t = arena_alloc(c->arena, sizeof *t);
        c->tails += t != NULL;
    }
    return t;
}

static void give_tails(struct cited_packets *c, struct connection *n)
{
    if (n->tails != NULL) {
        n->tails->free = c->free_tails;
        c->free_tails = n->tails;
        n->tails = NULL;
    }
}

/* What of the tail leads up to a segment with this sequence number. */
static struct tail *leading(struct connection *n, const struct datagram *d, uint8_t side)
{
    struct tail *t = n->tails == NULL ? NULL : &n->tails->side[side];
    if (t != NULL && t->next != d->tcp.sequence) {
        t->count = 0;
    }
    return t;
}

static void note_segment(struct cited_packets *c, struct connection *n, const struct datagram *d,
                         uint8_t side)
{
    if (n->left == 0 || d->payload.len == 0) {
        return;
    }
    n->tails = n->tails == NULL ? take_tails(c) : n->tails;
    struct tail *t = leading(n, d, side);
    const struct bytes frame = d->frame->data;
    if (t == NULL) {
        return;
    }
    t->next = d->tcp.sequence + (uint32_t)d->payload.len + d->payload_cut;
    if (frame.len > SEGMENT_OCTETS || d->payload_cut > 0) {
        t->count = 0;
        return;
    }
    if (t->count == LEAD_PACKETS) {
        t->count--;
        memmove(t->octets[0], t->octets[1], sizeof t->octets - sizeof t->octets[0]);
        memmove(&t->segments[0], &t->segments[1], t->count * sizeof t->segments[0]);
    }
    memcpy(t->octets[t->count], frame.at, frame.len);
    t->segments[t->count++] = as_kept(c, d->frame);
    for (unsigned i = 0; i < t->count; i++) {
        t->segments[i].packet.data.at = t->octets[i];
    }
}

/* ---- keeping ---- */

static const struct kept_packet *keep(struct cited_packets *c, const struct kept_packet *k)
{
    struct kept_packet *copy = arena_alloc(c->arena, sizeof *copy);
    const struct bytes data = k->packet.data;
    char *octets = copy == NULL ? NULL : arena_text(c->arena, data.at, data.len);
    if (octets == NULL) {
        return NULL;
    }
    *copy = *k;
    copy->packet.data = bytes_of(octets, data.len);
    return copy;
}

static void keep_lead(struct cited_packets *c, struct place *n, const struct datagram *d,
                      uint8_t side)
{
    struct deciding unused;
    const struct tail *t = leading(n->connection, d, side);
    if (t == NULL || d->payload.len == 0 || deciding_octets(d->frame, RECORD_COUNT, &unused)) {
        return;
    }
    for (unsigned i = 0; i < t->count; i++) {
        const struct kept_packet *lead = keep(c, &t->segments[i]);
        if (lead == NULL) {
            return;
        }
        n->cited.lead[n->cited.lead_count++] = lead;
    }
}

static void keep_cited(struct cited_packets *c, struct place *n, const struct packet *p)
{
    const struct kept_packet seen = as_kept(c, p);
    n->cited.packet = keep(c, &seen);
    for (unsigned i = 0; n->connection != NULL && i < HANDSHAKE_PACKETS; i++) {
        if ((n->connection->seen & 1u << i) != 0) {
            n->cited.handshake[i] = keep(c, &n->connection->handshake[i]);
        }
    }
}

/* ---- the passes ---- */

int cited_packets_begin(struct cited_packets *c, enum cited_pass pass)
{
    int failed = 0;
    if (pass == CITED_MEETS) {
        sort_places(c);
        c->files = c->count == 0 ? 0 : (size_t)c->places[c->count - 1].file + 1;
        for (c->slot_count = 16; c->slot_count < 2 * c->count; c->slot_count *= 2) {
        }
        c->next = calloc(c->files + 1, sizeof *c->next);
        c->slots = calloc(c->slot_count, sizeof(struct connection *));
        failed = c->next == NULL || c->slots == NULL ? -ENOMEM : flow_secret_draw(&c->secret);
    }
    c->pass = pass;
    c->left = c->count;
    c->order = 0;
    for (size_t f = 0, n = 0; failed == 0 && f < c->files; f++) {
        while (n < c->count && c->places[n].file < f) {
            n++;
        }
        c->next[f] = n;
    }
    return failed;
}

/* NULL: it is not asked for. */
static struct place *wanted(struct cited_packets *c, const struct packet *p)
{
    if (p->at.file >= c->files) {
        return NULL;
    }
    size_t *next = &c->next[p->at.file];
    while (*next < c->count && c->places[*next].file == p->at.file &&
           c->places[*next].packet < p->at.packet) {
        ++*next; /* not there: held back, or the file has changed */
        c->left--;
    }
    if (*next == c->count || c->places[*next].file != p->at.file ||
        c->places[*next].packet != p->at.packet) {
        return NULL;
    }
    c->left--;
    return &c->places[(*next)++];
}

bool cited_packets_see(struct cited_packets *c, const struct packet *p)
{
    struct datagram d;
    struct flow_place at;
    c->order++;
    struct place *n = wanted(c, p);
    if (c->pass == CITED_MEETS) {
        if (n != NULL) {
            n->connection = meet(c, p);
        }
        return c->left > 0;
    }
    struct connection *of = flow_place_of_segment(p, &c->secret, &d, &at) ? *slot_of(c, &at) : NULL;
    if (of != NULL) {
        note_handshake(c, of, &d, at.side);
    }
    if (n != NULL) {
        keep_cited(c, n, p);
    }
    if (n != NULL && of != NULL && n->connection == of) {
        keep_lead(c, n, &d, at.side);
        of->left--;
    }
    if (of != NULL && of->left > 0) {
        note_segment(c, of, &d, at.side);
    } else if (of != NULL) {
        give_tails(c, of);
    }
    return c->left > 0;
}

static int read_pass(struct cited_packets *c, const struct cited_input *input,
                     char error[EVIDENCE_ERROR])
{
    const struct source_options options = {.filter = input->filter};
    struct source *s = NULL;
    struct packet p;
    int got = source_open(input->paths, input->count, &options, error, &s);
    while (got >= 0 && c->left > 0 && (got = source_next(s, &p)) == 1) {
        p.at.file = input->files == NULL ? p.at.file : input->files[p.at.file];
        (void)cited_packets_see(c, &p);
    }
    if (got < 0 && s != NULL) {
        (void)snprintf(error, EVIDENCE_ERROR, "%s", source_error(s));
    }
    source_free(s);
    return got < 0 ? got : 0;
}

int cited_packets_read(struct cited_packets *c, const struct cited_input *input,
                       char error[EVIDENCE_ERROR])
{
    int failed = 0;
    for (enum cited_pass pass = CITED_MEETS; pass <= CITED_KEEPS && failed == 0; pass++) {
        failed = cited_packets_begin(c, pass);
        if (failed < 0) {
            (void)snprintf(error, EVIDENCE_ERROR, "out of memory for the evidence");
        } else if (c->count > 0) {
            failed = read_pass(c, input, error);
        }
    }
    return failed;
}
