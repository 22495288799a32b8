#include "policy/identity.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "capture/arena.h"
#include "capture/limits.h"

#define NAME_ROOM 256

struct identity {
    struct arena_pool pool;
    struct arena *arena;
    struct identity_entry **slots; /* open addressing; nothing is removed */
    size_t room, count;
    uint64_t learned, shed;
};

const char *name_source_text(enum name_source source)
{
    static const char *const texts[] = {"Kerberos", "NTLM", "a certificate",
                                        "DNS",      "DHCP", "NetBIOS"};
    return texts[source];
}

/* ---- life ---- */

struct identity *identity_new(void)
{
    struct identity *i = calloc(1, sizeof *i);
    if (i == NULL) {
        return NULL;
    }
    arena_pool_init(&i->pool, 0);
    i->arena = arena_new(&i->pool, LIMIT_LEARNED_OCTETS);
    i->room = 256;
    i->slots = calloc(i->room, sizeof *i->slots);
    return i->arena != NULL && i->slots != NULL ? i : identity_free(i);
}

struct identity *identity_free(struct identity *i)
{
    if (i != NULL) {
        arena_free(i->arena);
        arena_pool_done(&i->pool);
        free(i->slots);
        free(i);
    }
    return NULL;
}

uint64_t identity_learned(const struct identity *i)
{
    return i->learned;
}

uint64_t identity_shed(const struct identity *i)
{
    return i->shed;
}

/* ---- the table ---- */

static size_t place_of(const struct identity *i, const struct address *a)
{
    size_t at = address_hash(a) & (i->room - 1);
    while (i->slots[at] != NULL && !address_equal(&i->slots[at]->address, a)) {
        at = (at + 1) & (i->room - 1);
    }
    return at;
}

static bool grow(struct identity *i)
{
    struct identity grown = {.room = 2 * i->room};
    grown.slots = calloc(grown.room, sizeof *grown.slots);
    for (size_t s = 0; grown.slots != NULL && s < i->room; s++) {
        if (i->slots[s] != NULL) {
            grown.slots[place_of(&grown, &i->slots[s]->address)] = i->slots[s];
        }
    }
    if (grown.slots == NULL) {
        return false;
    }
    free(i->slots);
    i->slots = grown.slots;
    i->room = grown.room;
    return true;
}

static struct identity_entry *entry_of(struct identity *i, const struct address *a)
{
    size_t at = place_of(i, a);
    if (i->slots[at] != NULL) {
        return i->slots[at];
    }
    if (i->count >= LIMIT_LEARNED_ADDRESSES || (2 * (i->count + 1) > i->room && !grow(i))) {
        return NULL;
    }
    struct identity_entry *entry = arena_alloc(i->arena, sizeof *entry);
    if (entry != NULL) {
        entry->address = *a;
        i->slots[place_of(i, a)] = entry;
        i->count++;
    }
    return entry;
}

/* Lower case, without the final dot; false when it cannot be a host's name. Names of services
 * ("_ldap._tcp") and addresses written as names are none. */
static bool host_name(const char *text, size_t len, char name[NAME_ROOM])
{
    bool letters = false;
    len -= len > 0 && text[len - 1] == '.';
    if (len == 0 || len >= NAME_ROOM || text[0] == '_' || text[0] == '.' || text[0] == '-') {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        bool fine = (c < 0x80 && isalnum(c)) || c == '-' || c == '_' || c == '.';
        if (!fine || (c == '.' && i > 0 && text[i - 1] == '.')) {
            return false;
        }
        letters |= isalpha(c) != 0;
        name[i] = (char)tolower(c);
    }
    name[len] = '\0';
    return letters;
}

static bool is_better(const struct learned_name *x, const struct learned_name *y)
{
    bool whole_x = strchr(x->name, '.') != NULL, whole_y = strchr(y->name, '.') != NULL;
    return whole_x != whole_y ? whole_x : x->source < y->source;
}

static void link_name(struct identity_entry *entry, struct learned_name *added)
{
    const struct learned_name **at = &entry->names;
    while (*at != NULL && !is_better(added, *at)) {
        at = (const struct learned_name **)(uintptr_t) & (*at)->next;
    }
    added->next = *at;
    *at = added;
    entry->count++;
}

static bool knows(const struct identity *i, const struct address *a, enum name_source source,
                  const char *text, size_t len)
{
    const struct identity_entry *entry = i->slots[place_of(i, a)];
    len -= len > 0 && text[len - 1] == '.';
    for (const struct learned_name *n = entry == NULL ? NULL : entry->names; n != NULL;
         n = n->next) {
        if (n->source == source && strlen(n->name) == len && strncasecmp(n->name, text, len) == 0) {
            return true;
        }
    }
    return false;
}

static void learn(struct identity *i, const struct address *a, enum name_source source,
                  const char *text, size_t len, struct stamp at)
{
    char name[NAME_ROOM];
    /* Nearly always it is known; what has been learned is in lower case. */
    if (knows(i, a, source, text, len) || !address_is_host(a) || !host_name(text, len, name)) {
        return;
    }
    struct identity_entry *entry = entry_of(i, a);
    struct learned_name *added = entry == NULL || entry->count >= LIMIT_LEARNED_NAMES
                                     ? NULL
                                     : arena_alloc(i->arena, sizeof *added);
    char *kept = added == NULL ? NULL : arena_text(i->arena, name, strlen(name));
    if (kept == NULL) {
        i->shed++;
        return;
    }
    *added = (struct learned_name){.name = kept, .source = source, .at = at};
    link_name(entry, added);
    i->learned++;
}

/* ---- one reader for each kind of record ---- */

/* "name address"; NetBIOS writes the kind behind the name, and only workstation and server are
 * hosts (RFC 1001 14.1, [MS-BRWS] 2.1.1). */
static void learn_dns(struct identity *i, const struct observation *o)
{
    bool netbios = observation_is(o, FACT_DNS_KIND, "nbns");
    for (const struct fact *f = observation_get(o, FACT_DNS_ADDRESSES); f != NULL;
         f = observation_more(o, FACT_DNS_ADDRESSES, f)) {
        const char *text = fact_text(o, f), *space = strrchr(text, ' ');
        struct address address;
        if (space == NULL || !address_parse(space + 1, &address)) {
            continue;
        }
        size_t len = (size_t)(space - text);
        if (netbios) {
            size_t bare = strcspn(text, "<");
            if (bare >= len ||
                (strncmp(text + bare, "<00>", 4) != 0 && strncmp(text + bare, "<20>", 4) != 0)) {
                continue;
            }
            len = bare;
        }
        learn(i, &address, netbios ? NAMED_BY_NETBIOS : NAMED_BY_DNS, text, len, o->at);
    }
}

/* A client that asks for an address, or has it, says its own name beside it. */
static void learn_dhcp(struct identity *i, const struct observation *o)
{
    static const enum fact_id places[] = {FACT_DHCP_YOUR_IP, FACT_DHCP_CLIENT_IP,
                                          FACT_DHCP_REQUESTED_IP};
    const char *whole = observation_text(o, FACT_DHCP_CLIENT_FQDN);
    const char *name = whole != NULL ? whole : observation_text(o, FACT_DHCP_HOST_NAME);
    const char *message = observation_text(o, FACT_DHCP_MESSAGE);
    struct address address;
    bool holds = message != NULL && (strcmp(message, "REQUEST") == 0 ||
                                     strcmp(message, "ACK") == 0 || strcmp(message, "INFORM") == 0);
    for (size_t p = 0; holds && name != NULL && p < sizeof places / sizeof *places; p++) {
        const char *text = observation_text(o, places[p]);
        if (text != NULL && address_parse(text, &address) && address_is_host(&address)) {
            learn(i, &address, NAMED_BY_DHCP, name, strlen(name), o->at);
            return;
        }
    }
}

static void learn_text(struct identity *i, const struct observation *o, enum fact_id fact,
                       enum dir end, enum name_source source)
{
    const char *text = observation_text(o, fact);
    if (text != NULL) {
        learn(i, &o->flow.ends[end].address, source, text, strlen(text), o->at);
    }
}

static void learn_ntlm(struct identity *i, const struct observation *o)
{
    learn_text(i, o, FACT_NTLM_SERVER_DNS_NAME, DIR_SERVER, NAMED_BY_NTLM);
    learn_text(i, o, FACT_NTLM_SERVER_NAME, DIR_SERVER, NAMED_BY_NTLM);
    learn_text(i, o, FACT_NTLM_WORKSTATION, DIR_CLIENT, NAMED_BY_NTLM);
}

/* A service's ticket that was taken names the server; a machine account's first ticket names the
 * client ([MS-KILE] 3.1.5.11: host names in service principals; [MS-ADTS] 3.1.1.1.6: NAME$). */
static void learn_kerberos(struct identity *i, const struct observation *o)
{
    const char *service = observation_text(o, FACT_KERBEROS_SERVICE);
    const char *client = observation_text(o, FACT_KERBEROS_CLIENT);
    const char *realm = observation_text(o, FACT_KERBEROS_REALM);
    if (observation_get(o, FACT_KERBEROS_ERROR) != NULL) {
        return;
    }
    if (observation_is(o, FACT_KERBEROS_EXCHANGE, "ap")) {
        const char *slash = service == NULL ? NULL : strchr(service, '/');
        if (slash != NULL && observation_is(o, FACT_KERBEROS_RESULT, "success")) {
            learn(i, &o->flow.ends[DIR_SERVER].address, NAMED_BY_KERBEROS, slash + 1,
                  strcspn(slash + 1, "/:@"), o->at);
        }
        return;
    }
    size_t len = client == NULL ? 0 : strlen(client);
    if (observation_is(o, FACT_KERBEROS_EXCHANGE, "as") && realm != NULL && len > 1 &&
        client[len - 1] == '$') {
        char whole[NAME_ROOM];
        int got = snprintf(whole, sizeof whole, "%.*s.%s", (int)(len - 1), client, realm);
        if (got > 0 && got < NAME_ROOM) {
            learn(i, &o->flow.ends[DIR_CLIENT].address, NAMED_BY_KERBEROS, whole, (size_t)got,
                  o->at);
        }
    }
}

/* A certificate for many names is a proxy's or a cluster's: it names nobody in particular. */
static void learn_certificate(struct identity *i, const struct observation *o, enum fact_id san,
                              enum dir end)
{
    const char *only = NULL;
    for (const struct fact *f = observation_get(o, san); f != NULL;
         f = observation_more(o, san, f)) {
        const char *text = fact_text(o, f);
        if (strncmp(text, "dns:", 4) == 0) {
            if (only != NULL) {
                return;
            }
            only = text + 4;
        }
    }
    if (only != NULL) {
        learn(i, &o->flow.ends[end].address, NAMED_BY_CERTIFICATE, only, strlen(only), o->at);
    }
}

void identity_observe(struct identity *i, const struct observation *o)
{
    switch ((unsigned)o->record) {
    case RECORD_DNS:
        learn_dns(i, o);
        break;
    case RECORD_DHCP:
        learn_dhcp(i, o);
        break;
    case RECORD_NTLM:
        learn_ntlm(i, o);
        break;
    case RECORD_KERBEROS:
        learn_kerberos(i, o);
        break;
    case RECORD_TLS:
        learn_certificate(i, o, FACT_TLS_CERTIFICATE_SAN, DIR_SERVER);
        learn_certificate(i, o, FACT_TLS_CLIENT_CERTIFICATE_SAN, DIR_CLIENT);
        break;
    default:
        break;
    }
}

/* ---- asking ---- */

const struct learned_name *identity_names(const struct identity *i, const struct address *a)
{
    const struct identity_entry *entry = i->slots[place_of(i, a)];
    return entry == NULL ? NULL : entry->names;
}

static int compare_entries(const void *left, const void *right)
{
    const struct identity_entry *x = *(struct identity_entry *const *)left,
                                *y = *(struct identity_entry *const *)right;
    return memcmp(x->address.octets, y->address.octets, sizeof x->address.octets);
}

void identity_walk(const struct identity *i,
                   void (*visit)(void *user, const struct identity_entry *entry), void *user)
{
    const struct identity_entry **all = calloc(i->count + 1, sizeof *all);
    size_t n = 0;
    for (size_t s = 0; all != NULL && s < i->room; s++) {
        if (i->slots[s] != NULL) {
            all[n++] = i->slots[s];
        }
    }
    if (all != NULL) {
        qsort(all, n, sizeof *all, compare_entries);
    }
    for (size_t s = 0; s < n; s++) {
        visit(user, all[s]);
    }
    free(all);
}

static bool lives_at(const struct host *h, const struct address *a)
{
    bool there = false;
    for (unsigned i = 0; i < h->address_count && !there; i++) {
        there = address_equal(&h->addresses[i], a);
    }
    return there;
}

bool identity_conflict(const struct identity *i, const struct policy *p, const struct address *a,
                       unsigned sources, struct identity_conflict *ret)
{
    for (const struct learned_name *n = identity_names(i, a); n != NULL; n = n->next) {
        const struct host *named = strchr(n->name, '.') == NULL || (sources & 1u << n->source) == 0
                                       ? NULL
                                       : policy_host_named(p, n->name);
        if (named != NULL && named->address_count > 0 && !lives_at(named, a)) {
            *ret = (struct identity_conflict){
                .name = n, .declared = policy_host(p, a), .named = named};
            return true;
        }
    }
    return false;
}
