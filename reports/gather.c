#include "reports/gather.h"

#include <stdlib.h>

#include "policy/policy_index.h"
#include "reports/gather_parts.h"

struct conversation_slot {
    uint64_t hash;
    struct gathered_conversation *conversation; /* NULL: empty */
};

struct gathering {
    const struct policy *policy;
    struct gather_memory memory;
    struct gathered_host **hosts; /* the policy's first, in its order; then as they were met */
    struct gathered_host **sorted;
    size_t host_count, host_room;
    struct address_table others; /* places in `hosts` of those that are not declared */
    struct conversation_slot *slots;
    size_t slot_count; /* a power of 2 */
    struct gathered_conversation **conversations;
    size_t conversation_count;
    struct traffic traffic;
    struct gathering_counts counts;
};

/* ---- life ---- */

static struct gathered_host *add_host(struct gathering *g, const struct host *declared)
{
    struct gathered_host *h = NULL;
    if (g->host_count < g->host_room) {
        h = arena_alloc(g->memory.arena, sizeof *h);
    }
    if (h != NULL) {
        h->declared = declared;
        g->hosts[g->host_count++] = h;
    }
    return h;
}

static bool add_declared(struct gathering *g)
{
    bool fine = true;
    for (unsigned i = 0; fine && i < g->policy->host_count; i++) {
        const struct host *declared = &g->policy->hosts[i];
        struct gathered_host *h = add_host(g, declared);
        fine = h != NULL;
        if (fine && declared->address_count > 0) {
            h->address = declared->addresses[0];
        }
    }
    return fine;
}

struct gathering *gathering_new(const struct policy *p)
{
    struct gathering *g = calloc(1, sizeof *g);
    if (g == NULL) {
        return NULL;
    }
    g->policy = p;
    arena_pool_init(&g->memory.pool, 0);
    g->memory.arena = arena_new(&g->memory.pool, LIMIT_GATHERED_OCTETS);
    g->host_room = p->host_count + LIMIT_GATHERED_HOSTS;
    g->slot_count = 2 * LIMIT_GATHERED_CONVERSATIONS;
    g->hosts = calloc(g->host_room, sizeof *g->hosts);
    g->slots = calloc(g->slot_count, sizeof *g->slots);
    g->conversations = calloc(LIMIT_GATHERED_CONVERSATIONS, sizeof *g->conversations);
    bool fine = g->memory.arena != NULL && g->hosts != NULL && g->slots != NULL &&
                g->conversations != NULL && add_declared(g);
    return fine ? g : gathering_free(g);
}

struct gathering *gathering_free(struct gathering *g)
{
    if (g != NULL) {
        arena_free(g->memory.arena);
        arena_pool_done(&g->memory.pool);
        free(g->hosts);
        free(g->sorted);
        free(g->slots);
        free(g->conversations);
        free(g);
    }
    return NULL;
}

/* ---- hosts ---- */

static struct gathered_host *find_host(const struct gathering *g, const struct address *a)
{
    const struct host *declared = policy_host(g->policy, a);
    if (declared != NULL) {
        return g->hosts[declared - g->policy->hosts];
    }
    const struct address_entry *entry = address_find(&g->others, a);
    return entry == NULL ? NULL : g->hosts[entry->owner_plus_one - 1];
}

/* Who is met is kept; multicast and broadcast addresses are nobody. */
static struct gathered_host *meet_host(struct gathering *g, const struct address *a)
{
    struct gathered_host *h = find_host(g, a);
    if (h != NULL || !address_is_host(a)) {
        return h;
    }
    struct address_entry entry = {.address = *a, .owner_plus_one = (uint32_t)g->host_count + 1};
    const struct address_entry *before = NULL;
    h = add_host(g, NULL);
    if (h == NULL) {
        g->counts.hosts_shed++;
    } else if (address_add(&g->others, g->memory.arena, entry, &before) < 0) {
        g->host_count--;
        g->counts.hosts_shed++;
        return NULL;
    } else {
        h->address = *a;
    }
    return h;
}

static void add_flow(struct gathered_host *h, const struct observation *flow, enum dir as)
{
    int64_t start = (int64_t)observation_number(flow, FACT_FLOW_START, 0);
    int64_t end = (int64_t)observation_number(flow, FACT_FLOW_END, (uint64_t)start);
    uint64_t client = observation_number(flow, FACT_FLOW_BYTES_CLIENT, 0);
    uint64_t server = observation_number(flow, FACT_FLOW_BYTES_SERVER, 0);
    if (h->flows == 0) {
        h->first_ns = start;
        h->last_ns = end;
        h->address = flow->flow.ends[as].address;
    }
    h->first_ns = start < h->first_ns ? start : h->first_ns;
    h->last_ns = end > h->last_ns ? end : h->last_ns;
    h->flows++;
    h->sent += as == DIR_CLIENT ? client : server;
    h->received += as == DIR_CLIENT ? server : client;
}

/* ---- conversations ---- */

static struct gathered_conversation conversation_of(const struct gathering *g,
                                                    const struct observation *flow)
{
    const struct flow_end *client = &flow->flow.ends[DIR_CLIENT];
    const struct flow_end *server = &flow->flow.ends[DIR_SERVER];
    const char *protocol = observation_text(flow, FACT_FLOW_PROTOCOL);
    struct gathered_conversation c = {.client_host = policy_host(g->policy, &client->address),
                                      .client = client->address,
                                      .server = server->address,
                                      .server_host = policy_host(g->policy, &server->address),
                                      .transport = flow->flow.protocol,
                                      .port = server->port};
    if (c.client_host == NULL) {
        c.client_group = policy_group(g->policy, &client->address);
    }
    size_t len = protocol == NULL ? 0 : strlen(protocol);
    len = len < sizeof c.protocol ? len : sizeof c.protocol - 1;
    memcpy(c.protocol, len == 0 ? "unknown" : protocol, len == 0 ? sizeof "unknown" : len);
    return c;
}

static bool same_client(const struct gathered_conversation *a,
                        const struct gathered_conversation *b)
{
    bool by_address = a->client_host == NULL && a->client_group == NULL;
    return a->client_host == b->client_host && a->client_group == b->client_group &&
           (!by_address || address_equal(&a->client, &b->client));
}

static bool same_conversation(const struct gathered_conversation *a,
                              const struct gathered_conversation *b)
{
    return same_client(a, b) && address_equal(&a->server, &b->server) && a->port == b->port &&
           a->transport == b->transport && strcmp(a->protocol, b->protocol) == 0;
}

/* Places in the table only: no output depends on it. */
static uint64_t conversation_hash(const struct gathered_conversation *c)
{
    const void *client = c->client_host != NULL ? (const void *)c->client_host : c->client_group;
    uint64_t hash = BYTES_HASH_START ^ (uintptr_t)client ^ (uint64_t)c->port << 48;
    if (client == NULL) {
        hash = bytes_hash(hash, bytes_of(c->client.octets, sizeof c->client.octets));
    }
    hash = bytes_hash(hash, bytes_of(c->server.octets, sizeof c->server.octets));
    hash = bytes_hash(hash ^ c->transport, bytes_text(c->protocol));
    return hash ^ hash >> 32;
}

static struct gathered_conversation *meet_conversation(struct gathering *g,
                                                       const struct observation *flow)
{
    struct gathered_conversation c = conversation_of(g, flow);
    uint64_t hash = conversation_hash(&c);
    size_t at = hash & (g->slot_count - 1);
    for (; g->slots[at].conversation != NULL; at = (at + 1) & (g->slot_count - 1)) {
        if (g->slots[at].hash == hash && same_conversation(g->slots[at].conversation, &c)) {
            return g->slots[at].conversation;
        }
    }
    struct gathered_conversation *kept = NULL;
    if (g->conversation_count < LIMIT_GATHERED_CONVERSATIONS) {
        kept = arena_alloc(g->memory.arena, sizeof *kept);
    }
    if (kept == NULL) {
        g->counts.conversations_shed++;
        return NULL;
    }
    *kept = c;
    kept->first_ns = (int64_t)observation_number(flow, FACT_FLOW_START, 0);
    kept->last_ns = kept->first_ns;
    g->slots[at] = (struct conversation_slot){.hash = hash, .conversation = kept};
    g->conversations[g->conversation_count++] = kept;
    return kept;
}

static void add_conversation(struct gathering *g, const struct observation *flow)
{
    struct gathered_conversation *c = meet_conversation(g, flow);
    if (c == NULL) {
        return;
    }
    int64_t start = (int64_t)observation_number(flow, FACT_FLOW_START, 0);
    int64_t end = (int64_t)observation_number(flow, FACT_FLOW_END, (uint64_t)start);
    c->flows++;
    c->bytes += observation_number(flow, FACT_FLOW_BYTES_CLIENT, 0) +
                observation_number(flow, FACT_FLOW_BYTES_SERVER, 0);
    c->unanswered += observation_is(flow, FACT_FLOW_STATE, "unanswered");
    c->first_ns = start < c->first_ns ? start : c->first_ns;
    c->last_ns = end > c->last_ns ? end : c->last_ns;
}

/* ---- observing ---- */

void gathering_observe(struct gathering *g, const struct observation *o)
{
    if ((GATHERING_RECORDS & 1u << o->record) == 0) {
        return;
    }
    struct gathered_host *ends[2];
    for (unsigned d = 0; d < 2; d++) {
        ends[d] = meet_host(g, &o->flow.ends[d].address);
    }
    if (o->record == RECORD_FLOW) {
        for (unsigned d = 0; d < 2; d++) {
            if (ends[d] != NULL) {
                add_flow(ends[d], o, (enum dir)d);
            }
        }
        add_conversation(g, o);
        traffic_add(&g->traffic, &g->memory, o);
    }
    posture_observe(ends, &g->memory, o);
}

/* ---- the end ---- */

static int compare_addresses(const struct address *a, const struct address *b)
{
    return memcmp(a->octets, b->octets, sizeof a->octets);
}

static int by_address(const void *left, const void *right)
{
    const struct gathered_host *x = *(const struct gathered_host *const *)left,
                               *y = *(const struct gathered_host *const *)right;
    return compare_addresses(&x->address, &y->address);
}

/* Hosts, then groups, then single addresses. */
static int compare_clients(const struct gathered_conversation *x,
                           const struct gathered_conversation *y)
{
    int kind_x = x->client_host != NULL ? 0 : x->client_group != NULL ? 1 : 2;
    int kind_y = y->client_host != NULL ? 0 : y->client_group != NULL ? 1 : 2;
    if (kind_x != kind_y) {
        return kind_x - kind_y;
    }
    if (kind_x == 0) {
        return (x->client_host > y->client_host) - (x->client_host < y->client_host);
    }
    if (kind_x == 1) {
        return (x->client_group > y->client_group) - (x->client_group < y->client_group);
    }
    return compare_addresses(&x->client, &y->client);
}

static int by_ends(const void *left, const void *right)
{
    const struct gathered_conversation *x = *(const struct gathered_conversation *const *)left,
                                       *y = *(const struct gathered_conversation *const *)right;
    int by = compare_clients(x, y);
    by = by != 0 ? by : compare_addresses(&x->server, &y->server);
    by = by != 0 ? by : (x->port > y->port) - (x->port < y->port);
    by = by != 0 ? by : (x->transport > y->transport) - (x->transport < y->transport);
    return by != 0 ? by : strcmp(x->protocol, y->protocol);
}

void gathering_forget_findings(struct gathering *g)
{
    for (size_t i = 0; i < g->host_count; i++) {
        g->hosts[i]->findings = 0;
        g->hosts[i]->worst = SEVERITY_OFF;
    }
}

void gathering_finding(struct gathering *g, const struct finding *f)
{
    struct gathered_host *client = f->client.known ? find_host(g, &f->client.address) : NULL;
    struct gathered_host *server = f->server.known ? find_host(g, &f->server.address) : NULL;
    struct gathered_host *ends[2] = {client, server == client ? NULL : server};
    for (unsigned d = 0; d < 2; d++) {
        if (ends[d] != NULL) {
            ends[d]->findings++;
            ends[d]->worst = f->severity > ends[d]->worst ? f->severity : ends[d]->worst;
        }
    }
}

void gathering_finish(struct gathering *g, const struct audit *a)
{
    size_t declared = g->policy->host_count, count = 0;
    const struct finding *const *findings = audit_findings(a, &count);
    gathering_forget_findings(g);
    for (size_t i = 0; i < count; i++) {
        if (findings[i]->accepted == NULL || findings[i]->acceptance_expired) {
            gathering_finding(g, findings[i]);
        }
    }
    g->sorted = calloc(g->host_count + 1, sizeof *g->sorted);
    if (g->sorted != NULL) {
        memcpy(g->sorted, g->hosts, g->host_count * sizeof *g->sorted);
        qsort(g->sorted + declared, g->host_count - declared, sizeof *g->sorted, by_address);
    }
    qsort(g->conversations, g->conversation_count, sizeof *g->conversations, by_ends);
    g->counts.details_shed = g->memory.shed;
}

const struct gathered_host *const *gathering_met(const struct gathering *g, size_t *ret_count)
{
    *ret_count = g->host_count;
    return (const struct gathered_host *const *)g->hosts;
}

const struct gathered_host *const *gathering_hosts(const struct gathering *g, size_t *ret_count)
{
    *ret_count = g->sorted == NULL ? 0 : g->host_count;
    return (const struct gathered_host *const *)g->sorted;
}

const struct gathered_conversation *const *gathering_conversations(const struct gathering *g,
                                                                   size_t *ret_count)
{
    *ret_count = g->conversation_count;
    return (const struct gathered_conversation *const *)g->conversations;
}

const struct traffic *gathering_traffic(const struct gathering *g)
{
    return &g->traffic;
}

const struct gathering_counts *gathering_counts(const struct gathering *g)
{
    return &g->counts;
}
