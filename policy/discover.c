#include "policy/discover.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "capture/arena.h"
#include "capture/limits.h"

struct words {
    struct discovered_word all[LIMIT_DISCOVERED_NAMES];
    size_t count;
};

struct discovery {
    struct arena_pool pool;
    struct arena *arena;
    struct identity *identity;
    struct discovered_host **slots; /* open addressing */
    size_t room, count;
    struct discovered_host **sorted;
    struct words domains, sites;
    struct named_role named[LIMIT_DISCOVERED_NAMES]; /* wait until the name has an address */
    size_t named_count;
    char words[200]; /* of the evidence at hand */
    uint64_t shed;
};

const char *score_name(enum score s)
{
    static const char *const names[] = {"possible", "likely", "certain"};
    return names[s];
}

/* ---- life ---- */

struct discovery *discovery_new(void)
{
    struct discovery *d = calloc(1, sizeof *d);
    if (d == NULL) {
        return NULL;
    }
    arena_pool_init(&d->pool, 0);
    d->arena = arena_new(&d->pool, LIMIT_DISCOVERED_OCTETS);
    d->identity = identity_new();
    d->room = 256;
    d->slots = calloc(d->room, sizeof *d->slots);
    return d->arena != NULL && d->identity != NULL && d->slots != NULL ? d : discovery_free(d);
}

struct discovery *discovery_free(struct discovery *d)
{
    if (d != NULL) {
        arena_free(d->arena);
        arena_pool_done(&d->pool);
        identity_free(d->identity);
        free(d->slots);
        free(d->sorted);
        free(d);
    }
    return NULL;
}

/* ---- hosts ---- */

static size_t place_of(const struct discovery *d, const struct address *a)
{
    size_t at = address_hash(a) & (d->room - 1);
    while (d->slots[at] != NULL && !address_equal(&d->slots[at]->address, a)) {
        at = (at + 1) & (d->room - 1);
    }
    return at;
}

static bool grow(struct discovery *d)
{
    struct discovered_host **old = d->slots;
    size_t old_room = d->room;
    struct discovered_host **grown = calloc(2 * old_room, sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    d->slots = grown;
    d->room = 2 * old_room;
    for (size_t i = 0; i < old_room; i++) {
        if (old[i] != NULL) {
            d->slots[place_of(d, &old[i]->address)] = old[i];
        }
    }
    free(old);
    return true;
}

struct discovered_host *discovery_host(struct discovery *d, const struct address *a)
{
    if (!address_is_host(a)) {
        return NULL;
    }
    size_t at = place_of(d, a);
    if (d->slots[at] != NULL) {
        return d->slots[at];
    }
    bool room = d->count < LIMIT_DISCOVERED_HOSTS && (2 * (d->count + 1) <= d->room || grow(d));
    struct discovered_host *h = room ? arena_alloc(d->arena, sizeof *h) : NULL;
    if (h == NULL) {
        d->shed++;
        return NULL;
    }
    h->address = *a;
    d->slots[place_of(d, a)] = h;
    d->count++;
    return h;
}

/* ---- evidence ---- */

struct evidence_seen evidence_of(struct discovery *d, struct stamp at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(d->words, sizeof d->words, format, args);
    va_end(args);
    /* Names from traffic stand in it, and it becomes a comment of one line. */
    for (char *c = d->words; *c != '\0'; c++) {
        *c = isascii((unsigned char)*c) && isprint((unsigned char)*c) ? *c : '?';
    }
    return (struct evidence_seen){.why = d->words, .at = at};
}

const char *discovery_keep(struct discovery *d, const char *text)
{
    char *kept = arena_text(d->arena, text, strlen(text));
    d->shed += kept == NULL;
    return kept;
}

void discovery_role(struct discovery *d, struct discovered_host *h, enum role role,
                    enum score score, const struct evidence_seen *seen)
{
    struct discovered_role **at = h == NULL ? NULL : &h->roles;
    while (at != NULL && *at != NULL && (*at)->role < role) {
        at = &(*at)->next;
    }
    if (at == NULL) {
        return;
    }
    struct discovered_role *r = *at;
    bool is_new = r == NULL || r->role != role;
    if (!is_new) {
        r->times++;
        if (r->score >= score) {
            return;
        }
    }
    const char *why = discovery_keep(d, seen->why);
    r = !is_new ? r : why == NULL ? NULL : arena_alloc(d->arena, sizeof *r);
    if (r == NULL || why == NULL) {
        d->shed++;
        return;
    }
    if (is_new) {
        *r = (struct discovered_role){.role = role, .times = 1, .next = *at};
        *at = r;
    }
    r->score = score;
    r->seen = (struct evidence_seen){.why = why, .at = seen->at};
    r->by_share = false;
}

void discovery_named_role(struct discovery *d, const struct named_role *r)
{
    for (size_t i = 0; i < d->named_count; i++) {
        if (d->named[i].role == r->role && strcasecmp(d->named[i].name, r->name) == 0) {
            return;
        }
    }
    if (d->named_count == LIMIT_DISCOVERED_NAMES) {
        d->shed++;
        return;
    }
    const char *why = discovery_keep(d, r->seen.why);
    const char *kept = why == NULL ? NULL : discovery_keep(d, r->name);
    if (kept != NULL) {
        d->named[d->named_count] = *r;
        d->named[d->named_count].name = kept;
        d->named[d->named_count].seen.why = why;
        d->named[d->named_count].site = r->site == NULL ? NULL : discovery_keep(d, r->site);
        d->named_count++;
    }
}

void discovery_use(struct discovery *d, struct discovered_host *server, enum use use,
                   struct discovered_host *client, struct stamp at)
{
    if (server == NULL || client == NULL || discovered_uses(server, use, client)) {
        return;
    }
    struct discovered_users *u = server->users[use];
    if (u == NULL) {
        u = server->users[use] = arena_alloc(d->arena, sizeof *u);
    }
    if (u == NULL) {
        d->shed++;
    } else if (u->count == LIMIT_DISCOVERED_USERS) {
        u->more = true;
    } else {
        u->all[u->count++] = client;
        u->at = at;
    }
}

bool discovered_uses(const struct discovered_host *server, enum use use,
                     const struct discovered_host *client)
{
    const struct discovered_users *u = server->users[use];
    bool found = false;
    for (unsigned i = 0; u != NULL && i < u->count && !found; i++) {
        found = u->all[i] == client;
    }
    return found;
}

/* ---- domains and sites ---- */

static struct discovered_word *word_of(struct discovery *d, struct words *w, const char *name,
                                       const struct evidence_seen *seen)
{
    for (size_t i = 0; i < w->count; i++) {
        if (strcmp(w->all[i].name, name) == 0) {
            return &w->all[i];
        }
    }
    const char *kept = w->count < LIMIT_DISCOVERED_NAMES ? discovery_keep(d, name) : NULL;
    const char *why = kept == NULL ? NULL : discovery_keep(d, seen->why);
    if (why == NULL) {
        d->shed++;
        return NULL;
    }
    w->all[w->count] = (struct discovered_word){.name = kept, .seen = {.why = why, .at = seen->at}};
    return &w->all[w->count++];
}

/* Lower case; a domain's name is letters, digits, hyphens and at least one dot inside. */
static bool domain_name(const char *text, char name[256])
{
    size_t len = strlen(text), dots = 0;
    len -= len > 0 && text[len - 1] == '.';
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        bool edge = i == 0 || i + 1 == len || text[i - 1] == '.' || text[i + 1] == '.';
        if (len > 255 || !isascii(c) || !(isalnum(c) || ((c == '-' || c == '.') && !edge))) {
            return false;
        }
        dots += c == '.';
        name[i] = (char)tolower(c);
    }
    name[len < 256 ? len : 0] = '\0';
    return dots > 0 && isalpha((unsigned char)name[len - 1]);
}

void discovery_domain(struct discovery *d, const char *name, const char *netbios,
                      const struct evidence_seen *seen)
{
    char lower[256];
    if (name == NULL || !domain_name(name, lower)) {
        return;
    }
    struct discovered_word *w = word_of(d, &d->domains, lower, seen);
    bool fine = netbios != NULL && strlen(netbios) <= 15 && netbios[0] != '\0';
    for (const char *c = netbios; fine && *c != '\0'; c++) {
        fine = isascii((unsigned char)*c) && (isalnum((unsigned char)*c) || *c == '-');
    }
    if (w != NULL && w->netbios == NULL && fine) {
        w->netbios = discovery_keep(d, netbios);
    }
}

void discovery_site(struct discovery *d, struct discovered_host *h, const char *code,
                    const struct evidence_seen *seen)
{
    char upper[4] = "";
    for (int i = 0; i < 3; i++) {
        if (!isascii((unsigned char)code[i]) || !isalnum((unsigned char)code[i])) {
            return;
        }
        upper[i] = (char)toupper((unsigned char)code[i]);
    }
    struct discovered_word *w = word_of(d, &d->sites, upper, seen);
    if (w != NULL && h != NULL && h->site == NULL) {
        h->site = w->name;
        const char *why = discovery_keep(d, seen->why);
        h->site_seen =
            (struct evidence_seen){.why = why == NULL ? w->seen.why : why, .at = seen->at};
    }
}

void discovery_observe(struct discovery *d, const struct observation *o)
{
    identity_observe(d->identity, o);
    discovery_evidence(d, o);
}

/* ---- the end ---- */

static int compare_hosts(const void *left, const void *right)
{
    const struct discovered_host *x = *(struct discovered_host *const *)left,
                                 *y = *(struct discovered_host *const *)right;
    return memcmp(x->address.octets, y->address.octets, sizeof x->address.octets);
}

static int compare_words(const void *left, const void *right)
{
    return strcmp(((const struct discovered_word *)left)->name,
                  ((const struct discovered_word *)right)->name);
}

static bool is_domain(const struct discovery *d, const char *name)
{
    bool found = false;
    for (size_t i = 0; i < d->domains.count && !found; i++) {
        found = strcmp(d->domains.all[i].name, name) == 0;
    }
    return found;
}

/* A domain's own name leads to its controllers and is none of theirs. */
static void name_host(struct discovery *d, struct discovered_host *h)
{
    const struct learned_name *n = identity_names(d->identity, &h->address);
    while (n != NULL && is_domain(d, n->name)) {
        n = n->next;
    }
    if (n != NULL) {
        h->name = n->name;
        h->name_source = n->source;
        h->name_at = n->at;
        const struct discovered_word *w = discovery_domain_of(d, n->name);
        h->domain = w != NULL ? w->name : h->domain;
    }
}

static const struct learned_name *answers_to(const struct discovery *d,
                                             const struct discovered_host *h, const char *name)
{
    const struct learned_name *n = identity_names(d->identity, &h->address);
    while (n != NULL && strcasecmp(n->name, name) != 0) {
        n = n->next;
    }
    return n;
}

static void settle_named_role(struct discovery *d, const struct named_role *r)
{
    bool owned = false;
    for (size_t h = 0; h < d->count && !owned; h++) {
        const struct learned_name *n = answers_to(d, d->sorted[h], r->name);
        owned = n != NULL && n->source != NAMED_BY_CERTIFICATE;
    }
    for (size_t h = 0; h < d->count; h++) {
        const struct learned_name *n = answers_to(d, d->sorted[h], r->name);
        /* Who stands in front of the owner shows its certificate, too. */
        if (n == NULL || (owned && n->source == NAMED_BY_CERTIFICATE)) {
            continue;
        }
        discovery_role(d, d->sorted[h], r->role, r->score, &r->seen);
        if (r->site != NULL) {
            discovery_site(d, d->sorted[h], r->site, &r->seen);
        }
    }
}

static void settle_named(struct discovery *d)
{
    for (size_t i = 0; i < d->named_count; i++) {
        settle_named_role(d, &d->named[i]);
    }
}

static int compare_names(const void *left, const void *right)
{
    const struct discovered_host *x = *(struct discovered_host *const *)left,
                                 *y = *(struct discovered_host *const *)right;
    int by = strcmp(x->name, y->name);
    return by != 0 ? by : compare_hosts(left, right);
}

static void merge_into(struct discovery *d, struct discovered_host *first,
                       struct discovered_host *h)
{
    struct discovered_host *last = first;
    for (const struct discovered_role *r = h->roles; r != NULL; r = r->next) {
        discovery_role(d, first, r->role, r->score, &r->seen);
    }
    first->site_seen = first->site != NULL ? first->site_seen : h->site_seen;
    first->site = first->site != NULL ? first->site : h->site;
    while (last->more != NULL) {
        last = last->more;
    }
    last->more = h;
    h->listed = false;
}

/* A certificate is shown by whoever stands in front of its owner too: where others state the name
 * as their own, who only shows it is another host. */
static void settle_front(struct discovery *d, struct discovered_host **named, size_t count)
{
    bool owned = false;
    for (size_t i = 0; i < count; i++) {
        owned |= named[i]->name_source < NAMED_BY_CERTIFICATE;
    }
    for (size_t i = 0; i < count && owned; i++) {
        if (named[i]->name_source == NAMED_BY_CERTIFICATE) {
            struct evidence_seen seen = evidence_of(
                d, named[i]->name_at, "shows the certificate of %.100s, which has another address",
                named[i]->name);
            discovery_role(d, named[i], ROLE_WEB_PROXY, SCORE_POSSIBLE, &seen);
            named[i]->name = NULL;
        }
    }
}

static void settle_fronts(struct discovery *d, struct discovered_host **named, size_t count)
{
    for (size_t i = 0, end = 0; i < count; i = end) {
        while (end < count && strcmp(named[i]->name, named[end]->name) == 0) {
            end++;
        }
        settle_front(d, named + i, end - i);
    }
}

/* All roles and addresses of a name at its first address. */
static void merge_names(struct discovery *d)
{
    struct discovered_host **named = calloc(d->count + 1, sizeof(*named)), *first = NULL;
    size_t n = 0;
    for (size_t i = 0; i < d->count; i++) {
        d->sorted[i]->listed = d->sorted[i]->roles != NULL;
        if (named != NULL && d->sorted[i]->listed && d->sorted[i]->name != NULL) {
            named[n++] = d->sorted[i];
        }
    }
    if (n > 1) {
        qsort(named, n, sizeof(*named), compare_names);
    }
    settle_fronts(d, named, n);
    for (size_t i = 0; i < n; i++) {
        if (named[i]->name == NULL) {
            continue;
        }
        if (first != NULL && strcmp(first->name, named[i]->name) == 0) {
            merge_into(d, first, named[i]);
        } else {
            first = named[i];
        }
    }
    free(named);
}

void discovery_finish(struct discovery *d)
{
    size_t n = 0;
    d->sorted = calloc(d->count + 1, sizeof *d->sorted);
    if (d->sorted == NULL) {
        d->count = 0;
        return;
    }
    for (size_t i = 0; i < d->room; i++) {
        if (d->slots[i] != NULL) {
            d->sorted[n++] = d->slots[i];
        }
    }
    qsort(d->sorted, n, sizeof(*d->sorted), compare_hosts);
    qsort(d->domains.all, d->domains.count, sizeof *d->domains.all, compare_words);
    qsort(d->sites.all, d->sites.count, sizeof *d->sites.all, compare_words);
    settle_named(d);
    for (size_t i = 0; i < n; i++) {
        name_host(d, d->sorted[i]);
    }
    discovery_settle(d);
    merge_names(d);
}

struct discovered_host *const *discovery_hosts(const struct discovery *d, size_t *ret_count)
{
    *ret_count = d->count;
    return d->sorted;
}

const struct discovered_word *discovery_domains(const struct discovery *d, size_t *ret_count)
{
    *ret_count = d->domains.count;
    return d->domains.all;
}

const struct discovered_word *discovery_sites(const struct discovery *d, size_t *ret_count)
{
    *ret_count = d->sites.count;
    return d->sites.all;
}

const struct identity *discovery_identity(const struct discovery *d)
{
    return d->identity;
}

uint64_t discovery_shed(const struct discovery *d)
{
    return d->shed + identity_shed(d->identity);
}

const struct discovered_word *discovery_domain_of(const struct discovery *d, const char *name)
{
    const struct discovered_word *best = NULL;
    size_t len = strlen(name);
    for (size_t i = 0; i < d->domains.count; i++) {
        const struct discovered_word *w = &d->domains.all[i];
        size_t part = strlen(w->name);
        bool inside = len > part && name[len - part - 1] == '.' &&
                      strcasecmp(name + len - part, w->name) == 0;
        if (inside && (best == NULL || part > strlen(best->name))) {
            best = w;
        }
    }
    return best;
}

const struct discovered_role *discovered_role_of(const struct discovered_host *h, enum role role)
{
    const struct discovered_role *r = h->roles;
    while (r != NULL && r->role != role) {
        r = r->next;
    }
    return r;
}
