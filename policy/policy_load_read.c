#include <errno.h>
#include <stdlib.h>

#include "capture/nearest.h"
#include "policy/policy_load.h"

#define LIST_TEXT 320 /* octets of "expected a, b, c" */

struct wordlist {
    char text[LIST_TEXT];
    size_t length;
};

static void wordlist_add(struct wordlist *list, const char *word)
{
    int n = snprintf(list->text + list->length, sizeof list->text - list->length, "%s%s",
                     list->length == 0 ? "" : ", ", word);
    if (n > 0 && list->length + (size_t)n < sizeof list->text) {
        list->length += (size_t)n;
    }
}

void *load_alloc(struct loader *l, size_t count, size_t size)
{
    void *memory = arena_alloc(l->arena, count * size); /* count <= LIMIT_POLICY_NODES */
    if (memory == NULL) {
        l->error = -ENOMEM;
    }
    return memory;
}

const char *load_copy(struct loader *l, const char *text)
{
    const char *copy = arena_text(l->arena, text, strlen(text));
    if (copy == NULL) {
        l->error = -ENOMEM;
    }
    return copy;
}

/* ---- kinds and mappings ---- */

static const char *kind_wanted(enum yaml_kind kind)
{
    return kind == YAML_LIST  ? "a list: [...]"
           : kind == YAML_MAP ? "a mapping"
                              : "one word or text";
}

bool load_is(struct loader *l, const struct yaml_node *node, enum yaml_kind kind, const char *what)
{
    if (node->kind == kind && !(kind == YAML_TEXT && yaml_is_null(node))) {
        return true;
    }
    fault_note(l->faults, node->place, "%s is %s; expected %s", what, yaml_kind_name(node),
               kind_wanted(kind));
    return false;
}

static void unknown_key(struct loader *l, const struct yaml_node *name, const char *what,
                        const struct load_key *keys, size_t count)
{
    struct nearest near = nearest_of(name->text);
    struct wordlist expected = {.length = 0};
    for (size_t i = 0; i < count; i++) {
        nearest_offer(&near, keys[i].name);
        wordlist_add(&expected, keys[i].name);
    }
    fault_note(l->faults, name->place, "unknown key '%.64s' in %s; expected %s%s", name->text, what,
               expected.text, fault_hint(near.best).text);
}

bool load_keys_known(struct loader *l, const struct yaml_node *node, const char *what,
                     const struct load_key *keys, size_t count)
{
    if (!load_is(l, node, YAML_MAP, what)) {
        return false;
    }
    for (unsigned i = 0; i < node->count; i++) {
        bool known = false;
        for (size_t k = 0; k < count && !known; k++) {
            known = strcmp(keys[k].name, node->keys[i]->text) == 0;
        }
        if (!known && fault_is_heard(l->faults)) {
            unknown_key(l, node->keys[i], what, keys, count);
        } else if (!known) {
            l->faults->total++;
        }
    }
    return true;
}

void load_map(struct loader *l, const struct yaml_node *node, const char *what,
              const struct load_key *keys, size_t count, void *into)
{
    if (!load_keys_known(l, node, what, keys, count)) {
        return;
    }
    for (size_t k = 0; k < count && l->error == 0; k++) {
        const struct yaml_node *value = yaml_get(node, keys[k].name);
        if (value != NULL) {
            keys[k].read(l, &keys[k], value, (char *)into + keys[k].at);
        } else if (keys[k].required) {
            fault_note(l->faults, node->place, "%s has no '%s'; expected that key", what,
                       keys[k].name);
        }
    }
}

void load_unknown(struct loader *l, const struct yaml_node *node, const char *what,
                  const char *expected, const char *near)
{
    fault_note(l->faults, node->place, "unknown %s '%.64s'; expected %s%s", what, node->text,
               expected, fault_hint(near).text);
}

void load_duplicate(struct loader *l, struct place at, const char *what, const char *name,
                    struct place first)
{
    fault_note(l->faults, at, "%s '%.128s' is declared twice; expected it once, first at line %u",
               what, name, first.line);
}

bool load_word(struct loader *l, const char *what, const struct yaml_node *node,
               const struct load_word *words, size_t count, int *ret)
{
    if (!load_is(l, node, YAML_TEXT, what)) {
        return false;
    }
    struct nearest near = nearest_of(node->text);
    struct wordlist expected = {.length = 0};
    for (size_t i = 0; i < count; i++) {
        if (strcmp(words[i].name, node->text) == 0) {
            *ret = words[i].value;
            return true;
        }
        nearest_offer(&near, words[i].name);
        wordlist_add(&expected, words[i].name);
    }
    load_unknown(l, node, what, expected.text, near.best);
    return false;
}

/* ---- fields ---- */

void load_text_field(struct loader *l, const struct load_key *key, const struct yaml_node *value,
                     void *into)
{
    if (load_is(l, value, YAML_TEXT, key->name)) {
        *(const char **)into = load_copy(l, value->text);
    }
}

void load_bool_field(struct loader *l, const struct load_key *key, const struct yaml_node *value,
                     void *into)
{
    static const struct load_word words[] = {{"true", 1}, {"false", 0}, {"yes", 1}, {"no", 0}};
    int is;
    if (load_word(l, key->name, value, words, LOAD_COUNT(words), &is)) {
        *(bool *)into = is != 0;
    }
}

const char **load_texts(struct loader *l, const char *what, const struct yaml_node *node,
                        unsigned *ret_count)
{
    if (!load_is(l, node, YAML_LIST, what)) {
        return NULL;
    }
    const char **texts = load_alloc(l, node->count, sizeof *texts);
    unsigned count = 0;
    for (unsigned i = 0; texts != NULL && i < node->count; i++) {
        if (load_is(l, node->items[i], YAML_TEXT, what)) {
            texts[count++] = load_copy(l, node->items[i]->text);
        }
    }
    *ret_count = l->error == 0 ? count : 0;
    return texts;
}

/* ---- values with a form of their own ---- */

static bool is_leap(unsigned year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

bool load_date(const char *text, int64_t *ret_end_ns)
{
    static const unsigned char days_of[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    unsigned year, month, day;
    for (size_t i = 0; i < 10; i++) {
        if (i == 4 || i == 7 ? text[i] != '-' : text[i] < '0' || text[i] > '9') {
            return false;
        }
    }
    if (text[10] != '\0' || sscanf(text, "%4u-%2u-%2u", &year, &month, &day) != 3 || year < 1970 ||
        year > 2200 || month < 1 || month > 12 || day < 1 ||
        day > days_of[month - 1] + (unsigned)(month == 2 && is_leap(year))) {
        return false;
    }
    int64_t days = day; /* whole days until the end of this one */
    for (unsigned y = 1970; y < year; y++) {
        days += is_leap(y) ? 366 : 365;
    }
    for (unsigned m = 1; m < month; m++) {
        days += days_of[m - 1] + (m == 2 && is_leap(year));
    }
    *ret_end_ns = days * INT64_C(86400) * INT64_C(1000000000);
    return true;
}

/* RFC 1123 2.1, and the underscore that Windows tolerates. */
bool load_dns_name(const char *name)
{
    size_t label = 0, length = strlen(name);
    for (size_t i = 0; i < length; i++) {
        char c = name[i];
        if (c == '.') {
            if (label == 0) {
                return false;
            }
            label = 0;
        } else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                   c == '-' || c == '_') {
            label++;
        } else {
            return false;
        }
        if (label > 63) {
            return false;
        }
    }
    return label != 0 && length <= 253;
}

bool load_prefix_parse(const char *text, struct prefix *ret)
{
    char address[ADDRESS_TEXT];
    const char *slash = strchr(text, '/');
    size_t length = slash == NULL ? strlen(text) : (size_t)(slash - text);
    struct prefix parsed = {.bits = 128};
    if (length >= sizeof address) {
        return false;
    }
    memcpy(address, text, length);
    address[length] = '\0';
    if (!address_parse(address, &parsed.address)) {
        return false;
    }
    if (slash != NULL) {
        bool v4 = address_is_v4(&parsed.address) && strchr(address, ':') == NULL;
        unsigned long most = v4 ? 32 : 128;
        char *end = NULL;
        unsigned long bits = strtoul(slash + 1, &end, 10);
        if (slash[1] < '0' || slash[1] > '9' || *end != '\0' || bits > most) {
            return false;
        }
        parsed.bits = (uint8_t)(bits + (128 - most));
    }
    *ret = parsed;
    return true;
}

static struct address network_of(const struct prefix *prefix)
{
    struct address a = prefix->address;
    for (unsigned bit = prefix->bits; bit < 128; bit++) {
        a.octets[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
    }
    return a;
}

bool load_prefix(struct loader *l, const struct yaml_node *node, struct prefix *ret)
{
    struct prefix prefix;
    if (!load_is(l, node, YAML_TEXT, "a network")) {
        return false;
    }
    if (!load_prefix_parse(node->text, &prefix)) {
        fault_note(l->faults, node->place,
                   "'%.64s' is no network; expected a prefix such as 10.0.0.0/8 or fd00:a::/48, "
                   "or an address",
                   node->text);
        return false;
    }
    struct address network = network_of(&prefix);
    if (!address_equal(&network, &prefix.address)) {
        char text[ADDRESS_TEXT];
        unsigned bits = address_is_v4(&prefix.address) ? prefix.bits - 96u : prefix.bits;
        fault_note(l->faults, node->place,
                   "'%.64s' has bits set beyond its length; expected the network's first address; "
                   "did you mean '%s/%u'?",
                   node->text, address_format(&network, text), bits);
        return false;
    }
    *ret = prefix;
    return true;
}

/* ---- names ---- */

const char *load_nearest(struct loader *l, const struct name_table *t, const char *word)
{
    if (!fault_is_heard(l->faults)) {
        return NULL;
    }
    struct nearest near = nearest_of(word);
    for (size_t i = 0; i < t->size; i++) {
        if (t->slots[i].name != NULL && !t->slots[i].derived) {
            nearest_offer(&near, t->slots[i].name);
        }
    }
    return near.best;
}

bool load_name(struct loader *l, struct name_table *t, struct name_entry entry, const char *what)
{
    struct name_entry *first = NULL;
    int error = entry.name == NULL ? -ENOMEM : name_add(t, l->arena, entry, &first);
    if (error == -EEXIST) {
        load_duplicate(l, entry.place, what, entry.name, first->place);
    } else if (error != 0) {
        l->error = error;
    }
    return error == 0;
}

/* The owner's number, or INDEX_NONE after a fault. */
static uint32_t resolve(struct loader *l, const struct name_table *t, const struct yaml_node *node,
                        const char *what, const char *section)
{
    if (!load_is(l, node, YAML_TEXT, what)) {
        return INDEX_NONE;
    }
    const struct name_entry *entry = name_find(t, node->text);
    if (entry != NULL) {
        return entry->owner;
    }
    char expected[64];
    (void)snprintf(expected, sizeof expected, "one declared under '%s'", section);
    load_unknown(l, node, what, expected, load_nearest(l, t, node->text));
    return INDEX_NONE;
}

const struct forest *load_forest(struct loader *l, const struct yaml_node *node)
{
    uint32_t i = resolve(l, &l->index->forests, node, "forest", "forests");
    return i == INDEX_NONE ? NULL : &l->forests[i];
}

const struct zone *load_zone(struct loader *l, const struct yaml_node *node)
{
    uint32_t i = resolve(l, &l->index->zones, node, "zone", "zones");
    return i == INDEX_NONE ? NULL : &l->zones[i];
}

const struct site *load_site(struct loader *l, const struct yaml_node *node)
{
    uint32_t i = resolve(l, &l->index->sites, node, "site", "sites");
    return i == INDEX_NONE ? NULL : &l->sites[i];
}

void load_forest_field(struct loader *l, const struct load_key *key, const struct yaml_node *value,
                       void *into)
{
    (void)key;
    *(const struct forest **)into = load_forest(l, value);
}

/* ---- selectors ---- */

static bool selector_named(struct loader *l, const char *name, struct selector *ret,
                           unsigned *ret_meanings)
{
    const struct name_entry *group = name_find(&l->index->groups, name);
    const struct name_entry *zone = name_find(&l->index->zones, name);
    const struct name_entry *host = name_find(&l->index->hosts, name);
    enum role role = role_find(name);
    *ret_meanings = 1;
    if (strcmp(name, "any") == 0) {
        *ret = (struct selector){.kind = SELECT_ANY};
    } else if (strcmp(name, "clients") == 0) {
        *ret = (struct selector){.kind = SELECT_CLIENTS};
    } else if (strcmp(name, "administrators") == 0) {
        *ret = (struct selector){.kind = SELECT_ADMINISTRATORS};
    } else if (role != ROLE_COUNT) {
        *ret = (struct selector){.kind = SELECT_ROLE, .is.role = role};
    } else if (group != NULL) {
        *ret = (struct selector){.kind = SELECT_GROUP, .is.group = &l->groups[group->owner]};
        *ret_meanings = zone != NULL ? 2 : 1;
    } else if (zone != NULL) {
        *ret = (struct selector){.kind = SELECT_ZONE, .is.zone = &l->zones[zone->owner]};
    } else if (host != NULL) {
        bool one = host->owner != INDEX_AMBIGUOUS;
        *ret =
            (struct selector){.kind = SELECT_HOST, .is.host = one ? &l->hosts[host->owner] : NULL};
        *ret_meanings = one ? 1 : 2;
    } else {
        *ret_meanings = 0;
    }
    return *ret_meanings == 1;
}

/* A full host name that is no slip of the pen for a declared one: somebody outside the hierarchy,
 * such as a backup server. Its line in the policy waits until the host is declared; policy_check
 * says so. */
static bool selector_foreign(struct loader *l, const char *name, struct selector *ret)
{
    const char *dot = strrchr(name, '.');
    /* Letters must end it, or it is an address gone wrong. */
    if (dot == NULL || dot == name || strspn(dot + 1, "0123456789") == strlen(dot + 1) ||
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") !=
            strlen(name)) {
        return false;
    }
    const char *likely = load_nearest(l, &l->index->hosts, name);
    struct nearest near = nearest_of(name);
    if (likely != NULL) {
        nearest_offer(&near, likely);
    }
    if (near.best != NULL && near.distance <= 1) {
        return false;
    }
    *ret = (struct selector){.kind = SELECT_NAME, .is.name = load_copy(l, name)};
    return ret->is.name != NULL;
}

static void selector_unknown(struct loader *l, const struct yaml_node *node)
{
    static const char *const words[] = {"any", "clients", "administrators"};
    const struct name_table *tables[] = {&l->index->groups, &l->index->zones, &l->index->hosts};
    if (!fault_is_heard(l->faults)) {
        l->faults->total++;
        return;
    }
    struct nearest near = nearest_of(node->text);
    for (unsigned i = 0; i < ROLE_COUNT; i++) {
        nearest_offer(&near, role_name((enum role)i));
    }
    for (unsigned i = 0; i < LOAD_COUNT(words); i++) {
        nearest_offer(&near, words[i]);
    }
    for (unsigned i = 0; i < LOAD_COUNT(tables); i++) {
        const char *best = load_nearest(l, tables[i], node->text);
        if (best != NULL) {
            nearest_offer(&near, best);
        }
    }
    load_unknown(l, node, "name",
                 "a role, a host, a client group, 'clients', 'administrators', a zone, a network "
                 "or an address",
                 near.best);
}

bool load_selector(struct loader *l, const struct yaml_node *node, struct selector *ret)
{
    unsigned meanings;
    if (!load_is(l, node, YAML_TEXT, "a role, host, group, zone or network")) {
        return false;
    }
    if (selector_named(l, node->text, ret, &meanings)) {
        return true;
    }
    if (meanings > 1) {
        fault_note(l->faults, node->place,
                   "'%.64s' names more than one thing; expected a full host name, or a group and "
                   "a zone of different names",
                   node->text);
        return false;
    }
    struct prefix prefix;
    if (strpbrk(node->text, "/:") != NULL || load_prefix_parse(node->text, &prefix)) {
        ret->kind = SELECT_PREFIX;
        return load_prefix(l, node, &ret->is.prefix);
    }
    if (selector_foreign(l, node->text, ret)) {
        return true;
    }
    selector_unknown(l, node);
    return false;
}
