#include "reports/evidence.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "capture/decode.h"
#include "capture/flow.h"
#include "reports/finding_view.h"
#include "reports/pcapng.h"

/* A handshake's packets are told whole by their headers. */
#define HANDSHAKE_OCTETS 256
enum { SYN, SYN_ACK, FINAL_ACK, HANDSHAKE };

struct kept { /* a packet of the input */
    struct stamp at;
    uint64_t order; /* of reading */
    uint32_t link_type, wire_len;
    struct bytes data;
};

struct connection {
    struct flow_key key;
    uint32_t hash;
    uint8_t client_side, seen; /* bits of the three */
    struct kept handshake[HANDSHAKE];
    uint8_t octets[HANDSHAKE][HANDSHAKE_OCTETS];
};

struct citation { /* a packet that a finding cites */
    struct stamp at;
    size_t finding, place;         /* of its evidence */
    struct connection *connection; /* NULL: not TCP */
    const struct kept *packet;     /* NULL: not there */
    const struct kept *opening[HANDSHAKE];
};

struct collection {
    const struct evidence_request *request;
    const struct finding *const *findings;
    struct citation *citations; /* by file and packet */
    size_t count, left;         /* how many are still to come */
    size_t *next;               /* by file: the first citation that is to come */
    size_t files;
    struct connection **slots; /* open addressing; a power of two */
    size_t slot_count;
    struct arena_pool pool;
    struct arena *arena;
    struct flow_secret secret;
    uint64_t order;
    struct evidence_counts counts;
    char *error;
};

/* ---- what is cited ---- */

static int by_place(const void *left, const void *right)
{
    const struct citation *x = left, *y = right;
    if (x->at.file != y->at.file) {
        return x->at.file < y->at.file ? -1 : 1;
    }
    if (x->at.packet != y->at.packet) {
        return x->at.packet < y->at.packet ? -1 : 1;
    }
    int by = (x->finding > y->finding) - (x->finding < y->finding);
    return by != 0 ? by : (x->place > y->place) - (x->place < y->place);
}

static bool list_citations(struct collection *c, size_t findings)
{
    size_t count = 0;
    for (size_t f = 0; f < findings; f++) {
        count += c->findings[f]->evidence_count;
    }
    c->citations = calloc(count + 1, sizeof *c->citations);
    for (size_t f = 0; c->citations != NULL && f < findings; f++) {
        for (unsigned e = 0; e < c->findings[f]->evidence_count; e++) {
            c->citations[c->count++] =
                (struct citation){.at = c->findings[f]->evidence[e].at, .finding = f, .place = e};
        }
    }
    for (c->slot_count = 16; c->slot_count < 2 * count; c->slot_count *= 2) {
    }
    c->slots = calloc(c->slot_count, sizeof *c->slots);
    if (c->citations == NULL || c->slots == NULL) {
        return false;
    }
    qsort(c->citations, c->count, sizeof *c->citations, by_place);
    return true;
}

/* ---- connections ---- */

static struct connection **slot_of(const struct collection *c, const struct flow_place *place)
{
    size_t at = place->hash & (c->slot_count - 1);
    while (c->slots[at] != NULL &&
           memcmp(&c->slots[at]->key, &place->key, sizeof place->key) != 0) {
        at = (at + 1) & (c->slot_count - 1);
    }
    return &c->slots[at];
}

static bool place_of(const struct collection *c, const struct packet *p, struct datagram *d,
                     struct flow_place *ret)
{
    static const struct flow_options plain;
    if (decode(p, d) != DECODE_OK || d->protocol != IP_TCP) {
        return false;
    }
    memset(ret, 0, sizeof *ret); /* keys are compared as octets */
    flow_place_of(d, &plain, &c->secret, ret);
    return true;
}

static struct connection *meet(struct collection *c, const struct packet *p)
{
    struct datagram d;
    struct flow_place place;
    if (!place_of(c, p, &d, &place)) {
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
    return *slot;
}

static void note_handshake(struct collection *c, const struct packet *p)
{
    struct datagram d;
    struct flow_place place;
    if (!place_of(c, p, &d, &place)) {
        return;
    }
    struct connection *n = *slot_of(c, &place);
    if (n == NULL || (n->seen == 7 && (d.tcp.flags & TCP_SYN) == 0)) {
        return;
    }
    bool syn = (d.tcp.flags & TCP_SYN) != 0, ack = (d.tcp.flags & TCP_ACK) != 0;
    unsigned which = syn ? (ack ? SYN_ACK : SYN) : FINAL_ACK;
    bool of_client = place.side == n->client_side;
    if (which == SYN) { /* the same ends may connect again */
        n->seen = 0;
        n->client_side = place.side;
    } else if (n->seen != (1u << which) - 1 || of_client == (which == SYN_ACK)) {
        return;
    }
    size_t len = p->data.len < HANDSHAKE_OCTETS ? p->data.len : HANDSHAKE_OCTETS;
    memcpy(n->octets[which], p->data.at, len);
    n->seen = (uint8_t)(n->seen | 1u << which);
    n->handshake[which] = (struct kept){.at = p->at,
                                        .order = c->order,
                                        .link_type = p->link_type,
                                        .wire_len = p->wire_len,
                                        .data = bytes_of(n->octets[which], len)};
}

/* ---- keeping ---- */

static const struct kept *keep(struct collection *c, const struct kept *k)
{
    struct kept *copy = arena_alloc(c->arena, sizeof *copy);
    char *octets = copy == NULL ? NULL : arena_text(c->arena, k->data.at, k->data.len);
    if (octets == NULL) {
        return NULL;
    }
    *copy = *k;
    copy->data = bytes_of(octets, k->data.len);
    return copy;
}

static void keep_citation(struct collection *c, struct citation *n, const struct kept *packet)
{
    n->packet = packet;
    for (unsigned i = 0; n->connection != NULL && i < HANDSHAKE; i++) {
        if ((n->connection->seen & 1u << i) != 0) {
            n->opening[i] = keep(c, &n->connection->handshake[i]);
        }
    }
}

static void keep_cited(struct collection *c, const struct packet *p, struct citation *first,
                       size_t count)
{
    const struct kept seen = {.at = p->at,
                              .order = c->order,
                              .link_type = p->link_type,
                              .wire_len = p->wire_len,
                              .data = p->data};
    const struct kept *packet = keep(c, &seen);
    for (size_t i = 0; i < count; i++) {
        keep_citation(c, &first[i], packet);
    }
}

/* ---- reading ---- */

/* How many citations are of this packet; they begin at *ret. */
static size_t cited(struct collection *c, const struct packet *p, struct citation **ret)
{
    if (p->at.file >= c->files) {
        return 0;
    }
    size_t *next = &c->next[p->at.file], count = 0;
    while (*next < c->count && c->citations[*next].at.file == p->at.file &&
           c->citations[*next].at.packet < p->at.packet) {
        ++*next; /* not there: held back, or the file has changed */
        c->left--;
    }
    *ret = c->citations + *next;
    while (*next < c->count && c->citations[*next].at.file == p->at.file &&
           c->citations[*next].at.packet == p->at.packet) {
        ++*next;
        c->left--;
        count++;
    }
    return count;
}

static bool begin_reading(struct collection *c, size_t files)
{
    c->files = files;
    c->next = realloc(c->next, (c->files + 1) * sizeof *c->next);
    c->left = c->count;
    c->order = 0;
    for (size_t f = 0, n = 0; c->next != NULL && f <= c->files; f++) {
        while (n < c->count && c->citations[n].at.file < f) {
            n++;
        }
        c->next[f] = n;
    }
    return c->next != NULL;
}

/* The first reading meets connections, the second keeps packets. */
static void read_packet(struct collection *c, const struct packet *p, bool keeps)
{
    struct citation *first = NULL;
    c->order++;
    if (keeps) {
        note_handshake(c, p);
    }
    size_t count = cited(c, p, &first);
    if (count > 0 && keeps) {
        keep_cited(c, p, first, count);
    }
    struct connection *met = count > 0 && !keeps ? meet(c, p) : NULL;
    for (size_t i = 0; i < count && !keeps; i++) {
        first[i].connection = met;
    }
}

static int read_pins(struct collection *c, bool keeps)
{
    size_t count = pins_count(c->request->pins);
    if (!begin_reading(c, 1)) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < count && c->left > 0; i++) {
        struct packet p = pins_at(c->request->pins, i);
        read_packet(c, &p, keeps);
    }
    return 0;
}

static int read_inputs(struct collection *c, bool keeps)
{
    const struct source_options options = {.filter = c->request->filter};
    struct source *s = NULL;
    struct packet p;
    if (c->request->pins != NULL) {
        return read_pins(c, keeps);
    }
    int got = source_open(c->request->inputs, c->request->input_count, &options, c->error, &s);
    if (got == 0 && !begin_reading(c, source_files(s))) {
        got = -ENOMEM;
    }
    while (got >= 0 && c->left > 0 && (got = source_next(s, &p)) == 1) {
        read_packet(c, &p, keeps);
    }
    if (got < 0 && s != NULL) {
        (void)snprintf(c->error, EVIDENCE_ERROR, "%s", source_error(s));
    }
    source_free(s);
    return got < 0 ? got : 0;
}

/* ---- writing ---- */

struct shown { /* a packet as it stands in the file */
    const struct kept *packet;
    const char *says; /* NULL: of a handshake */
    unsigned which;
    size_t place;
};

#define SHOWN_MOST (LIMIT_EVIDENCE * (1 + HANDSHAKE))

static int by_order(const void *left, const void *right)
{
    const struct shown *x = left, *y = right;
    if (x->packet->order != y->packet->order) {
        return x->packet->order < y->packet->order ? -1 : 1;
    }
    /* What a cited packet shows comes before what it is. */
    int by = (x->says == NULL) - (y->says == NULL);
    return by != 0 ? by : (x->place > y->place) - (x->place < y->place);
}

static void comment_on(struct output *text, const struct finding *f, const struct shown *s)
{
    static const char *const steps[HANDSHAKE] = {
        "opens the connection (SYN)", "answers it (SYN, ACK)", "completes the handshake (ACK)"};
    output_format(text, "rolecall %s: ", f->rule->code);
    escaped_text(text, s->says == NULL ? steps[s->which] : s->says, "", SIZE_MAX);
}

static uint32_t interface_of(struct output *out, const struct collection *c, const struct kept *k,
                             const struct kept *known[SHOWN_MOST])
{
    uint32_t i = 0;
    for (; known[i] != NULL; i++) {
        if (known[i]->at.file == k->at.file && known[i]->link_type == k->link_type) {
            return i;
        }
    }
    const char *name = source_file_name(c->request->source, k->at.file);
    pcapng_interface(out, k->link_type, name == NULL ? "" : name);
    known[i] = k;
    return i;
}

/* Packets that come twice have all their comments in one. */
static void write_packets(struct output *out, struct collection *c, const struct finding *f,
                          struct shown *all, size_t count)
{
    const struct kept *known[SHOWN_MOST + 1] = {NULL};
    size_t octets = 0;
    for (size_t i = 0, n = 0; i < count; i += n) {
        struct output *text = output_to_memory();
        const struct kept *k = all[i].packet;
        for (n = 0; text != NULL && i + n < count && all[i + n].packet->order == k->order; n++) {
            if (n == 0 || (all[i + n].says != NULL && all[i + n - 1].says != all[i + n].says)) {
                output_text(text, n == 0 ? "" : "\n");
                comment_on(text, f, &all[i + n]);
            }
        }
        n = n == 0 ? 1 : n;
        octets += k->data.len;
        if (text == NULL || octets > LIMIT_EVIDENCE_FILE) {
            c->counts.left_out++;
        } else {
            size_t len = 0;
            output_octets(text, "", 1);
            pcapng_packet(out, &(struct pcapng_packet){.interface = interface_of(out, c, k, known),
                                                       .ns = k->at.ns,
                                                       .data = k->data,
                                                       .wire_len = k->wire_len,
                                                       .comment = output_memory(text, &len)});
            c->counts.packets++;
        }
        output_drop(text);
    }
}

static int write_file(struct collection *c, const struct finding *f, struct shown *all,
                      size_t count)
{
    char path[4096], comment[400];
    struct output *out = NULL;
    (void)snprintf(path, sizeof path, "%s/%s.pcapng", c->request->folder, f->id);
    int failed = output_open(path, &out);
    if (failed == 0) {
        (void)snprintf(comment, sizeof comment, "rolecall finding %s: %s %s", f->id, f->rule->code,
                       f->title);
        pcapng_section(out, comment);
        write_packets(out, c, f, all, count);
        failed = output_close(out);
    }
    if (failed < 0) {
        (void)snprintf(c->error, EVIDENCE_ERROR, "%s: cannot write: %s", path, strerror(-failed));
    }
    c->counts.files += failed == 0;
    return failed;
}

static int by_finding(const void *left, const void *right)
{
    const struct citation *x = left, *y = right;
    int by = (x->finding > y->finding) - (x->finding < y->finding);
    return by != 0 ? by : (x->place > y->place) - (x->place < y->place);
}

static int write_finding(struct collection *c, const struct citation *of, size_t count)
{
    const struct finding *f = c->findings[of->finding];
    struct shown all[SHOWN_MOST];
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (of[i].packet == NULL) {
            c->counts.left_out++;
            continue;
        }
        all[n] = (struct shown){
            .packet = of[i].packet, .says = f->evidence[of[i].place].says, .place = n};
        n++;
        for (unsigned h = 0; h < HANDSHAKE; h++) {
            if (of[i].opening[h] != NULL) {
                all[n] = (struct shown){.packet = of[i].opening[h], .which = h, .place = n};
                n++;
            }
        }
    }
    qsort(all, n, sizeof *all, by_order);
    return n == 0 ? 0 : write_file(c, f, all, n);
}

static int write_files(struct collection *c)
{
    int failed = 0;
    qsort(c->citations, c->count, sizeof *c->citations, by_finding);
    for (size_t i = 0, n = 0; i < c->count && failed == 0; i += n) {
        for (n = 1; i + n < c->count && c->citations[i + n].finding == c->citations[i].finding;
             n++) {
        }
        failed = write_finding(c, c->citations + i, n);
    }
    return failed;
}

/* ---- all of it ---- */

bool evidence_is_possible(const char *const *inputs, size_t count)
{
    struct stat st;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(inputs[i], "-") == 0 || stat(inputs[i], &st) != 0 ||
            !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))) {
            return false;
        }
    }
    return true;
}

int evidence_write(const struct evidence_request *request, const struct audit *audit,
                   char error[EVIDENCE_ERROR], struct evidence_counts *ret)
{
    size_t findings = 0;
    struct collection c = {.request = request, .error = error};
    c.findings = audit_findings(audit, &findings);
    (void)snprintf(error, EVIDENCE_ERROR, "out of memory for the evidence");
    arena_pool_init(&c.pool, 0);
    c.arena = arena_new(&c.pool, LIMIT_EVIDENCE_OCTETS);
    int failed = flow_secret_draw(&c.secret);
    if (failed == 0 && (c.arena == NULL || !list_citations(&c, findings))) {
        failed = -ENOMEM;
    }
    if (failed == 0 && c.count > 0) {
        failed = read_inputs(&c, false);
    }
    if (failed == 0 && c.count > 0) {
        failed = read_inputs(&c, true);
    }
    if (failed == 0) {
        failed = write_files(&c);
    }
    arena_free(c.arena);
    arena_pool_done(&c.pool);
    free(c.citations);
    free(c.next);
    free(c.slots);
    *ret = c.counts;
    return failed;
}
