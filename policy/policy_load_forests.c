#include <errno.h>
#include <stddef.h>

#include "policy/policy_load.h"

#define NETBIOS_NAME                                                                               \
    15 /* [MS-ADTS] 1.1: characters of a NetBIOS name that name the computer or domain */

/* ---- forests ---- */

static void add_domain(struct loader *l, const struct yaml_node *node, const char *name,
                       uint32_t owner)
{
    if (!load_dns_name(name)) {
        fault_note(l->faults, node->place,
                   "'%.128s' is no domain name; expected one such as corp.example", name);
        return;
    }
    struct name_entry *first = NULL;
    struct name_entry entry = {.name = name, .owner = owner, .place = node->place};
    int error = name_add(&l->index->domains, l->arena, entry, &first);
    if (error == -EEXIST) {
        load_duplicate(l, node->place, "domain", name, first->place);
    } else if (error != 0) {
        l->error = error;
    }
}

static void read_domains(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                         void *into)
{
    struct forest *forest = into;
    forest->domains = load_texts(l, key->name, node, &forest->domain_count);
    if (node->kind == YAML_LIST && node->count == 0) {
        fault_note(l->faults, node->place, "'domains' is empty; expected at least one DNS name");
    }
    for (unsigned i = 0; l->error == 0 && i < forest->domain_count; i++) {
        add_domain(l, node->items[i], forest->domains[i], (uint32_t)(forest - l->forests));
    }
}

static void read_netbios(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                         void *into)
{
    struct forest *forest = into;
    forest->netbios = load_texts(l, key->name, node, &forest->netbios_count);
    for (unsigned i = 0; l->error == 0 && i < forest->netbios_count; i++) {
        if (strlen(forest->netbios[i]) > NETBIOS_NAME) {
            fault_note(l->faults, node->items[i]->place,
                       "NetBIOS name '%.64s' is too long; expected at most %d characters",
                       forest->netbios[i], NETBIOS_NAME);
            continue;
        }
        const struct name_entry *same = name_find(&l->index->domains, forest->netbios[i]);
        if (same == NULL || same->owner != (uint32_t)(forest - l->forests)) {
            add_domain(l, node->items[i], forest->netbios[i], (uint32_t)(forest - l->forests));
        }
    }
}

static const struct load_key forest_keys[] = {
    {"domains", read_domains, 0, true},
    {"netbios", read_netbios, 0, false},
    {"published", load_bool_field, offsetof(struct forest, published), false},
};

/* Where no NetBIOS names are declared, those that Windows proposes: each domain's first label. */
static void derive_netbios(struct loader *l, struct forest *forest)
{
    forest->netbios = load_alloc(l, forest->domain_count, sizeof *forest->netbios);
    for (unsigned i = 0; l->error == 0 && i < forest->domain_count; i++) {
        size_t length = strcspn(forest->domains[i], ".");
        length = length > NETBIOS_NAME ? NETBIOS_NAME : length;
        char *name = arena_text(l->arena, forest->domains[i], length);
        if (name == NULL) {
            l->error = -ENOMEM;
            return;
        }
        for (char *c = name; *c != '\0'; c++) {
            *c = (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
        }
        forest->netbios[forest->netbios_count++] = name;
        struct name_entry *first = NULL;
        uint32_t owner = (uint32_t)(forest - l->forests);
        int error = name_add(&l->index->domains, l->arena,
                             (struct name_entry){name, owner, true, forest->place}, &first);
        if (error == -ENOMEM) {
            l->error = error;
        } else if (error == -EEXIST && first->derived && first->owner != owner) {
            first->owner = INDEX_AMBIGUOUS;
        }
    }
}

void load_forests(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                  void *into)
{
    (void)into;
    if (!load_is(l, node, YAML_MAP, key->name)) {
        return;
    }
    l->forests = load_alloc(l, node->count, sizeof *l->forests);
    for (unsigned i = 0; l->error == 0 && i < node->count; i++) {
        struct forest *forest = &l->forests[i];
        forest->name = load_copy(l, node->keys[i]->text);
        forest->place = node->keys[i]->place;
        (void)load_name(l, &l->index->forests,
                        (struct name_entry){forest->name, i, false, forest->place}, "forest");
        load_map(l, node->items[i], "the forest", forest_keys, LOAD_COUNT(forest_keys), forest);
    }
    for (unsigned i = 0; l->error == 0 && i < node->count; i++) {
        if (l->forests[i].netbios_count == 0) {
            derive_netbios(l, &l->forests[i]);
        }
    }
    l->policy->forests = l->forests;
    l->policy->forest_count = node->count;
}

/* ---- trusts ---- */

static void read_trust_forests(struct loader *l, const struct load_key *key,
                               const struct yaml_node *node, void *into)
{
    struct trust *trust = into;
    if (!load_is(l, node, YAML_LIST, key->name)) {
        return;
    }
    if (node->count != 2) {
        fault_note(l->faults, node->place,
                   "'forests' names %u forests; expected two: the trusting, then the trusted",
                   node->count);
        return;
    }
    trust->trusting = load_forest(l, node->items[0]);
    trust->trusted = load_forest(l, node->items[1]);
    if (trust->trusting != NULL && trust->trusting == trust->trusted) {
        fault_note(l->faults, node->items[1]->place,
                   "forest '%.64s' cannot trust itself; expected two different forests",
                   trust->trusted->name);
        trust->trusted = NULL;
    }
}

static void read_trust_type(struct loader *l, const struct load_key *key,
                            const struct yaml_node *node, void *into)
{
    static const struct load_word words[] = {
        {"forest", TRUST_FOREST}, {"external", TRUST_EXTERNAL}, {"realm", TRUST_REALM}};
    int type;
    if (load_word(l, "trust type", node, words, LOAD_COUNT(words), &type)) {
        *(enum trust_type *)into = (enum trust_type)type;
    }
    (void)key;
}

static void read_direction(struct loader *l, const struct load_key *key,
                           const struct yaml_node *node, void *into)
{
    static const struct load_word words[] = {{"two-way", 1}, {"one-way", 0}};
    int two_way;
    if (load_word(l, key->name, node, words, LOAD_COUNT(words), &two_way)) {
        *(bool *)into = two_way != 0;
    }
}

static const struct load_key trust_keys[] = {
    {"forests", read_trust_forests, 0, true},
    {"type", read_trust_type, offsetof(struct trust, type), true},
    {"direction", read_direction, offsetof(struct trust, two_way), true},
};

/* Every direction may be declared once; `seen` holds "trusting>trusted" by the forests' numbers. */
static bool trust_is_new(struct loader *l, struct name_table *seen, const struct trust *t,
                         bool reverse)
{
    char name[48];
    long from = (reverse ? t->trusted : t->trusting) - l->forests;
    long to = (reverse ? t->trusting : t->trusted) - l->forests;
    (void)snprintf(name, sizeof name, "%ld>%ld", from, to);
    struct name_entry *first = NULL;
    const char *kept = arena_text(l->scratch, name, strlen(name));
    int error = kept == NULL ? -ENOMEM
                             : name_add(seen, l->scratch,
                                        (struct name_entry){kept, 0, false, t->place}, &first);
    if (error == -EEXIST) {
        fault_note(l->faults, t->place,
                   "the trust of '%.64s' in '%.64s' is declared twice; expected it once, first at "
                   "line %u",
                   l->forests[from].name, l->forests[to].name, first->place.line);
    } else if (error != 0) {
        l->error = error;
    }
    return error == 0;
}

void load_trusts(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                 void *into)
{
    (void)into;
    if (!load_is(l, node, YAML_LIST, key->name)) {
        return;
    }
    struct trust *trusts = load_alloc(l, node->count, sizeof *trusts);
    struct name_table seen = {.size = 0};
    unsigned count = 0;
    for (unsigned i = 0; l->error == 0 && i < node->count; i++) {
        struct trust *t = &trusts[count];
        *t = (struct trust){.place = node->items[i]->place};
        load_map(l, node->items[i], "a trust", trust_keys, LOAD_COUNT(trust_keys), t);
        if (t->trusting != NULL && t->trusted != NULL && trust_is_new(l, &seen, t, false) &&
            (!t->two_way || trust_is_new(l, &seen, t, true))) {
            count++;
        }
    }
    l->policy->trusts = trusts;
    l->policy->trust_count = count;
}
