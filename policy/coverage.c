#include "policy/coverage.h"

#include <stdlib.h>
#include <string.h>

#include "capture/bytes.h"
#include "capture/decode.h"
#include "capture/limits.h"

/* What is known of a kind of conversation, remembered: a hierarchy has few kinds and very many of
 * each. */
#define KINDS 4096u
#define PLACES (2u * LIMIT_PATHS)

struct kind {
    struct matrix_end from;
    const void *from_zone, *to_zone; /* the internet's end of a row follows from it */
    const struct host *to;
    uint16_t port;
    uint8_t transport;
    bool known;
    const struct matrix_row *row; /* that requires it; NULL: none */
    uint32_t path;                /* its place, from 1; 0: none, or past the limit */
    role_set opens, answers;
};

struct coverage {
    const struct policy *policy;
    struct sight *sights; /* hosts, then client groups, then all others together */
    struct sight whole;
    role_set *roles;        /* used, by host */
    struct row_sight *rows; /* by row of the matrix */
    struct kind *kinds;
    struct path *paths;
    uint32_t path_count, path_room;
    uint32_t *places; /* of paths, from 1, by hash */
    uint64_t shed;
};

struct coverage *coverage_new(const struct policy *p)
{
    struct coverage *c = calloc(1, sizeof *c);
    if (c == NULL) {
        return NULL;
    }
    c->policy = p;
    c->sights = calloc(p->host_count + p->group_count + 1, sizeof *c->sights);
    c->roles = calloc(p->host_count + 1, sizeof *c->roles);
    c->rows = calloc(p->matrix_table->count + 1, sizeof *c->rows);
    c->kinds = calloc(KINDS, sizeof *c->kinds);
    c->places = calloc(PLACES, sizeof *c->places);
    bool fine = c->sights != NULL && c->roles != NULL && c->rows != NULL && c->kinds != NULL &&
                c->places != NULL;
    return fine ? c : coverage_free(c);
}

struct coverage *coverage_free(struct coverage *c)
{
    if (c != NULL) {
        free(c->sights);
        free(c->roles);
        free(c->rows);
        free(c->kinds);
        free(c->paths);
        free(c->places);
        free(c);
    }
    return NULL;
}

/* ---- how whole the traffic is ---- */

static struct sight *sight_of(const struct coverage *c, const struct matrix_end *e)
{
    return e->host != NULL    ? &c->sights[e->host - c->policy->hosts]
           : e->group != NULL ? &c->sights[c->policy->host_count + (e->group - c->policy->groups)]
                              : &c->sights[c->policy->host_count + c->policy->group_count];
}

enum outcome { CAME_TO_NOTHING, WENT_ON, SILENT, REFUSED, BLOCKED };

/* RFC 792: destination unreachable; RFC 4443: the same. */
#define ICMP_UNREACHABLE 3
#define ICMPV6_UNREACHABLE 1

static bool is_blocked(const struct observation *o)
{
    uint64_t type = observation_number(o, FACT_FLOW_ICMP_TYPE, 0);
    bool v4 = address_is_v4(&o->flow.ends[DIR_SERVER].address);
    return type == (v4 ? ICMP_UNREACHABLE : ICMPV6_UNREACHABLE);
}

static enum outcome outcome_of(const struct observation *o, uint64_t client, uint64_t server)
{
    const char *state = observation_text(o, FACT_FLOW_STATE);
    if (state == NULL || observation_says(o, FACT_FLOW_EVICTED)) {
        return CAME_TO_NOTHING;
    }
    if (strcmp(state, "refused") == 0) {
        return REFUSED;
    }
    bool silent = strcmp(state, "unanswered") == 0;
    if (!silent && (server > 0 || o->flow.protocol == IP_TCP)) {
        /* A reset alone shows nobody who answered. */
        return strcmp(state, "reset") == 0 && client + server == 1 ? CAME_TO_NOTHING : WENT_ON;
    }
    if (is_blocked(o)) {
        return BLOCKED;
    }
    return o->flow.protocol == IP_TCP && o->flow.opening_seen && server == 0 ? SILENT
                                                                             : CAME_TO_NOTHING;
}

static void look_at(struct sight *s, const struct observation *o, uint64_t client, uint64_t server)
{
    bool tcp = o->flow.protocol == IP_TCP;
    s->seen++;
    s->both += client > 0 && server > 0;
    s->one_sided += tcp && (client == 0 || server == 0);
    s->midstream += tcp && !o->flow.opening_seen;
    s->gaps += observation_get(o, FACT_FLOW_MISSING_CLIENT) != NULL ||
               observation_get(o, FACT_FLOW_MISSING_SERVER) != NULL;
}

/* ---- paths ---- */

static uint16_t folded_port(const struct matrix_row *row, uint16_t port)
{
    static const struct {
        uint16_t port, stands_for;
    } same[] = {{636, 389}, {3269, 3268}};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        if (same[i].port == port) {
            return same[i].stands_for;
        }
    }
    bool web = row->of == MATRIX_HTTP || row->of == MATRIX_HTTPS;
    return web ? 0 : port < MATRIX_DYNAMIC_FIRST ? port : MATRIX_DYNAMIC_FIRST;
}

/* LDAP has a row for each of its ports. */
static const void *purpose_of(const struct path *p)
{
    static const char directory[] = "LDAP";
    return p->row->of == MATRIX_LDAP ? directory : (const void *)p->row;
}

static uint64_t path_hash(const struct path *p, uint16_t port)
{
    const void *key[] = {purpose_of(p), p->from.host, p->from.group, p->to};
    uint32_t rest = (uint32_t)port << 8 | p->transport;
    return bytes_hash(bytes_hash(BYTES_HASH_START, bytes_of(key, sizeof key)),
                      bytes_of(&rest, sizeof rest));
}

static bool same_path(const struct path *x, const struct path *y)
{
    return purpose_of(x) == purpose_of(y) && x->from.host == y->from.host &&
           x->from.group == y->from.group && x->to == y->to && x->transport == y->transport &&
           folded_port(x->row, x->port) == folded_port(y->row, y->port);
}

static bool grow(struct coverage *c)
{
    uint32_t room = c->path_room == 0 ? 64 : 2 * c->path_room;
    struct path *grown =
        c->path_count == LIMIT_PATHS ? NULL : realloc(c->paths, room * sizeof *grown);
    if (grown == NULL) {
        c->shed++;
        return false;
    }
    c->paths = grown;
    c->path_room = room;
    return true;
}

/* Its place from 1; 0: past the limit. */
static uint32_t path_place(struct coverage *c, const struct path *p)
{
    uint32_t at = path_hash(p, folded_port(p->row, p->port)) & (PLACES - 1);
    while (c->places[at] != 0 && !same_path(&c->paths[c->places[at] - 1], p)) {
        at = (at + 1) & (PLACES - 1);
    }
    if (c->places[at] == 0 && (c->path_count < c->path_room || grow(c))) {
        c->paths[c->path_count++] = *p;
        c->places[at] = c->path_count;
    }
    return c->places[at];
}

static bool is_denied(const struct coverage *c, const struct connection *connection)
{
    const struct matrix_exception *e =
        c->policy->matrix_count == 0 ? NULL : matrix_exception_of(c->policy, connection);
    return e != NULL && !e->allow;
}

static void learn_kind(struct coverage *c, struct kind *k, const struct party ends[2])
{
    const struct connection connection = {.client = &ends[DIR_CLIENT],
                                          .server = &ends[DIR_SERVER],
                                          .transport = k->transport,
                                          .guessed = true};
    const struct matrix_end to = {.host = k->to};
    struct path path = {.from = k->from, .to = k->to, .port = k->port, .transport = k->transport};
    matrix_roles_used(c->policy, &connection, &k->opens, &k->answers);
    k->row = is_denied(c, &connection)
                 ? NULL
                 : matrix_needs(c->policy, &k->from, &to, k->transport, k->port);
    path.row = k->row;
    k->path = k->row == NULL ? 0 : path_place(c, &path);
    k->known = true;
}

static struct kind *kind_of(struct coverage *c, const struct observation *o,
                            const struct matrix_end *from, const struct party ends[2])
{
    const struct party *client = &ends[DIR_CLIENT], *server = &ends[DIR_SERVER];
    const void *opener = from->host != NULL ? (const void *)from->host : from->group;
    uint64_t mix = (uint64_t)(uintptr_t)opener * UINT64_C(0x9e3779b97f4a7c15);
    mix = (mix ^ (mix >> 32) ^ (uintptr_t)server->host) * UINT64_C(0xbf58476d1ce4e5b9);
    mix = (mix ^ (mix >> 29) ^ server->port ^ (uint64_t)o->flow.protocol << 16) *
          UINT64_C(0x94d049bb133111eb);
    struct kind *k = &c->kinds[(mix >> 40) & (KINDS - 1)];
    if (!k->known || k->from.host != from->host || k->from.group != from->group ||
        k->to != server->host || k->port != server->port || k->transport != o->flow.protocol ||
        k->from_zone != client->zone || k->to_zone != server->zone) {
        *k = (struct kind){.from = *from,
                           .from_zone = client->zone,
                           .to_zone = server->zone,
                           .to = server->host,
                           .port = server->port,
                           .transport = o->flow.protocol};
        learn_kind(c, k, ends);
    }
    return k;
}

static void note_attempt(struct path *p, const struct observation *o, const struct party ends[2],
                         enum outcome outcome)
{
    struct attempt attempt = {.flow = o->flow.id,
                              .opening = observation_packet(o, FACT_FLOW_OPENING_PACKET)};
    if (outcome != SILENT) {
        attempt.ending = observation_packet(o, outcome == REFUSED ? FACT_FLOW_REFUSAL_PACKET
                                                                  : FACT_FLOW_BLOCKED_PACKET);
    }
    const char *by = outcome == BLOCKED ? observation_text(o, FACT_FLOW_BLOCKED_BY) : NULL;
    if (by != NULL && p->blocked == 0 && address_parse(by, &p->blocked_by)) {
        p->icmp_code = (uint8_t)observation_number(o, FACT_FLOW_ICMP_CODE, 0);
    }
    if (p->attempt_count == 0) {
        p->client = ends[DIR_CLIENT];
        p->server = ends[DIR_SERVER];
        p->port = ends[DIR_SERVER].port;
        p->one_client = true;
    }
    p->last_ns = o->at.ns;
    p->one_client &= address_equal(&p->client.address, &ends[DIR_CLIENT].address);
    if (p->attempt_count < PATH_ATTEMPTS) {
        p->attempts[p->attempt_count++] = attempt;
    }
}

static void count(struct path *p, const struct observation *o, const struct party ends[2],
                  enum outcome outcome, uint64_t client)
{
    if (outcome == WENT_ON) {
        p->answered++;
        return;
    }
    note_attempt(p, o, ends, outcome);
    p->silent += outcome == SILENT;
    p->refused += outcome == REFUSED;
    p->blocked += outcome == BLOCKED;
    p->tries += outcome == SILENT && client < UINT16_MAX ? (uint32_t)client : 0;
}

void coverage_see(struct coverage *c, const struct observation *o, const struct party ends[2])
{
    const struct party *client = &ends[DIR_CLIENT], *server = &ends[DIR_SERVER];
    const struct matrix_end from = {client->host, client->group},
                            to = {server->host, server->group};
    if (o->flow.protocol != IP_TCP && o->flow.protocol != IP_UDP) {
        return;
    }
    uint64_t sent = observation_number(o, FACT_FLOW_PACKETS_CLIENT, 0);
    uint64_t received = observation_number(o, FACT_FLOW_PACKETS_SERVER, 0);
    enum outcome outcome = outcome_of(o, sent, received);
    if (outcome == WENT_ON || outcome == REFUSED) {
        look_at(sight_of(c, &from), o, sent, received);
        look_at(sight_of(c, &to), o, sent, received);
        look_at(&c->whole, o, sent, received);
    }
    bool known = server->host != NULL && server->host != client->host;
    if (outcome == CAME_TO_NOTHING || !known) {
        return;
    }
    const struct kind *k = kind_of(c, o, &from, ends);
    if (outcome == WENT_ON) {
        c->roles[server->host - c->policy->hosts] |= k->answers;
        if (client->host != NULL) {
            c->roles[client->host - c->policy->hosts] |= k->opens;
        }
    }
    if (k->row != NULL) {
        struct row_sight *row = &c->rows[k->row - c->policy->matrix_table->rows];
        row->answered += outcome == WENT_ON;
        row->unanswered += outcome != WENT_ON;
    }
    if (k->path != 0) {
        count(&c->paths[k->path - 1], o, ends, outcome, sent);
    }
}

/* ---- asking ---- */

const struct path *coverage_paths(const struct coverage *c, size_t *ret_count)
{
    *ret_count = c->path_count;
    return c->paths;
}

struct row_sight coverage_row(const struct coverage *c, const struct matrix_row *row)
{
    return c->rows[row - c->policy->matrix_table->rows];
}

uint64_t coverage_shed(const struct coverage *c)
{
    return c->shed;
}

struct sight coverage_sight(const struct coverage *c, const struct matrix_end *e)
{
    return *sight_of(c, e);
}

struct sight coverage_whole(const struct coverage *c)
{
    return c->whole;
}

bool sight_is_partial(const struct sight *s)
{
    return s->one_sided + s->midstream + s->gaps > 0;
}

role_set coverage_roles(const struct coverage *c, const struct host *h)
{
    return c->roles[h - c->policy->hosts];
}
