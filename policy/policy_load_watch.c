#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "capture/limits.h"
#include "capture/nearest.h"
#include "dissect/fact.h"
#include "policy/policy_load.h"

/* ---- values of conditions ---- */

enum attribute { OF_ROLE, OF_SITE, OF_FOREST, OF_ZONE, OF_NAME, OF_WORKGROUP, OF_IP, OF_COUNT };

static const char *const attribute_names[OF_COUNT] = {"role", "site",      "forest", "zone",
                                                      "name", "workgroup", "ip"};

/* "client.role" and the like; OF_COUNT for anything else. */
static enum attribute attribute_of(const char *key)
{
    if (strncmp(key, "client.", 7) != 0 && strncmp(key, "server.", 7) != 0) {
        return OF_COUNT;
    }
    unsigned i = 0;
    while (i < OF_COUNT && strcmp(key + 7, attribute_names[i]) != 0) {
        i++;
    }
    return (enum attribute)i;
}

static const char *nearest_key(const char *key)
{
    static const char *const all[] = {
        "client.role", "client.site", "client.forest",    "client.zone",     "client.name",
        "client.ip",   "server.role", "server.site",      "server.forest",   "server.zone",
        "server.name", "server.ip",   "client.workgroup", "server.workgroup"};
    struct nearest near = nearest_of(key);
    for (size_t i = 0; i < LOAD_COUNT(all); i++) {
        nearest_offer(&near, all[i]);
    }
    const char *fact = fact_nearest(key);
    if (fact != NULL) {
        nearest_offer(&near, fact);
    }
    return near.best;
}

bool load_is_glob(const char *text)
{
    return strpbrk(text, "*?") != NULL;
}

static bool number_of(const char *text, size_t len, uint64_t *ret)
{
    char digits[24];
    if (len == 0 || len > 19 || strspn(text, "0123456789") < len) {
        return false;
    }
    (void)snprintf(digits, sizeof digits, "%.*s", (int)len, text);
    *ret = strtoull(digits, NULL, 10);
    return true;
}

/* Seconds of the beginning or, of a day, of its end. */
static bool date_of(const char *text, size_t len, bool end, uint64_t *ret)
{
    char copy[24];
    struct tm tm = {0};
    if (len >= sizeof copy) {
        return false;
    }
    (void)snprintf(copy, sizeof copy, "%.*s", (int)len, text);
    const char *rest = strptime(copy, "%Y-%m-%d", &tm);
    bool day = rest != NULL && *rest == '\0';
    rest = day || rest == NULL ? rest : strptime(rest, "T%H:%M:%SZ", &tm);
    time_t seconds = rest != NULL && *rest == '\0' ? timegm(&tm) : -1;
    if (seconds < 0) {
        return false;
    }
    *ret = (uint64_t)seconds + (day && end ? 86399 : 0);
    return true;
}

bool load_range_parse(const char *text, uint64_t *ret_from, uint64_t *ret_to)
{
    const char *dots = strstr(text, "..");
    size_t left = dots == NULL ? strlen(text) : (size_t)(dots - text);
    const char *right = dots == NULL ? text : dots + 2;
    uint64_t from = 0, to = UINT64_MAX;
    if ((dots != NULL && left == 0 && *right == '\0') ||
        (left > 0 && !number_of(text, left, &from)) || (dots == NULL && left == 0) ||
        (*right != '\0' && !number_of(right, strlen(right), &to)) || from > to) {
        return false;
    }
    *ret_from = from;
    *ret_to = to;
    return true;
}

bool load_dates_parse(const char *text, uint64_t *ret_from, uint64_t *ret_to)
{
    const char *dots = strstr(text, "..");
    size_t left = dots == NULL ? strlen(text) : (size_t)(dots - text);
    const char *right = dots == NULL ? text : dots + 2;
    uint64_t from = 0, to = UINT64_MAX / UINT64_C(1000000000);
    if ((left == 0 && *right == '\0') || (left > 0 && !date_of(text, left, false, &from)) ||
        (*right != '\0' && !date_of(right, strlen(right), true, &to)) || from > to) {
        return false;
    }
    *ret_from = from;
    *ret_to = to;
    return true;
}

static void check_truth(struct loader *l, const char *key, const struct yaml_node *value)
{
    static const struct load_word words[] = {{"true", 1}, {"false", 0}};
    int ignored;
    (void)load_word(l, key, value, words, LOAD_COUNT(words), &ignored);
}

static void check_attribute(struct loader *l, enum attribute of, const char *key,
                            const struct yaml_node *value, struct selector *selector)
{
    struct prefix prefix;
    switch (of) {
    case OF_ROLE:
        (void)load_selector(l, value, selector);
        break;
    case OF_SITE:
        (void)load_site(l, value);
        break;
    case OF_FOREST:
        (void)load_forest(l, value);
        break;
    case OF_ZONE:
        (void)load_zone(l, value);
        break;
    case OF_NAME:
        if (!load_is_glob(value->text) && name_find(&l->index->hosts, value->text) == NULL) {
            load_unknown(l, value, "host", "one declared under 'hosts'",
                         load_nearest(l, &l->index->hosts, value->text));
        }
        break;
    case OF_WORKGROUP:
        check_truth(l, key, value);
        break;
    case OF_IP:
        (void)load_prefix(l, value, &prefix);
        break;
    case OF_COUNT:
        break;
    }
}

static void check_fact(struct loader *l, enum fact_id fact, const struct yaml_node *value)
{
    const char *text = value->text, *expected = NULL;
    uint64_t from, to;
    size_t length = strlen(text);
    switch (fact_rows[fact].type) {
    case FACT_BOOL:
        check_truth(l, fact_rows[fact].key, value);
        break;
    case FACT_NUM:
        expected = load_range_parse(text, &from, &to)
                       ? NULL
                       : "a whole number, or a range such as 400..499, 400.. or ..499";
        break;
    case FACT_CODE16:
    case FACT_CODE32:
        expected =
            strncmp(text, "0x", 2) == 0 && strspn(text + 2, "0123456789abcdef") == length - 2 &&
                    length == (fact_rows[fact].type == FACT_CODE16 ? 6 : 10)
                ? NULL
                : "a code in lower-case hex as records show it, such as 0xc02f or 0xc000006d";
        break;
    case FACT_HEX:
        expected = strspn(text, "0123456789abcdef") == length ? NULL : "lower-case hex";
        break;
    case FACT_DATE:
        expected = load_dates_parse(text, &from, &to)
                       ? NULL
                       : "a date such as 2026-01-31 or 2026-01-31T12:00:00Z, or a range of them";
        break;
    case FACT_TEXT:
    case FACT_LIST:
    case FACT_TIME:
    case FACT_PACKET:
        break;
    }
    if (expected != NULL) {
        fault_note(l->faults, value->place, "'%.64s' cannot be a value of %s; expected %s", text,
                   fact_rows[fact].key, expected);
    }
}

/* ---- conditions ---- */

/* One value, a list of values, or either under 'not'; NULL: none, as of 'present'. */
static const struct yaml_node *values_of(struct loader *l, const struct yaml_node *node,
                                         struct watch_condition *condition)
{
    static const struct load_word words[] = {{"true", WATCH_PRESENT}, {"false", WATCH_ABSENT}};
    if (node->kind != YAML_MAP) {
        return node;
    }
    const struct yaml_node *not = yaml_get(node, "not");
    const struct yaml_node *present = yaml_get(node, "present");
    if (node->count != 1 || (not == NULL && present == NULL) ||
        (not != NULL && not ->kind == YAML_MAP)) {
        fault_note(l->faults, node->place,
                   "a condition is a mapping; expected a value, a list, {not: ...} or {present: "
                   "true | false}");
        return NULL;
    }
    int presence = WATCH_BY_VALUE;
    if (present != NULL && load_word(l, "present", present, words, LOAD_COUNT(words), &presence)) {
        condition->presence = (enum watch_presence)presence;
    }
    condition->negated = not != NULL;
    return not ;
}

static bool known_key(struct loader *l, const struct yaml_node *key)
{
    enum fact_id fact = fact_find(key->text);
    if (attribute_of(key->text) != OF_COUNT) {
        return true;
    }
    if (fact == FACT_COUNT) {
        load_unknown(l, key, "fact",
                     "a key of the records such as smb.dialect, or client. or server. with role, "
                     "site, forest, zone, name, workgroup or ip",
                     fault_is_heard(l->faults) ? nearest_key(key->text) : NULL);
        return false;
    }
    if (fact_rows[fact].type == FACT_TIME || fact_rows[fact].type == FACT_PACKET) {
        fault_note(l->faults, key->place,
                   "'%s' is another in every record; expected a fact that can be compared",
                   key->text);
        return false;
    }
    return true;
}

static void read_condition(struct loader *l, const struct yaml_node *key,
                           const struct yaml_node *node, struct watch_condition *condition)
{
    const struct yaml_node *values = values_of(l, node, condition);
    if (!known_key(l, key)) {
        return;
    }
    condition->key = load_copy(l, key->text);
    if (values == NULL) {
        return;
    }
    const struct yaml_node *const *items = values->kind == YAML_LIST ? values->items : &values;
    unsigned count = values->kind == YAML_LIST ? values->count : 1;
    enum attribute of = attribute_of(key->text);
    condition->values = load_alloc(l, count, sizeof *condition->values);
    struct selector *selectors = of == OF_ROLE ? load_alloc(l, count, sizeof *selectors) : NULL;
    condition->selectors = selectors;
    if (count == 0) {
        fault_note(l->faults, values->place, "'%s' has no values; expected at least one",
                   key->text);
    }
    for (unsigned i = 0; l->error == 0 && i < count; i++) {
        if (!load_is(l, items[i], YAML_TEXT, key->text)) {
            continue;
        }
        condition->values[condition->value_count] = load_copy(l, items[i]->text);
        if (of != OF_COUNT) {
            check_attribute(l, of, key->text, items[i],
                            selectors == NULL ? NULL : &selectors[condition->value_count]);
        } else {
            check_fact(l, fact_find(key->text), items[i]);
        }
        condition->value_count++;
    }
}

/* One message is one record: facts of two kinds never meet, but those of its flow always do. */
static void refuse_mixed_records(struct loader *l, const struct yaml_node *when)
{
    const char *first = NULL;
    for (unsigned i = 0; i < when->count; i++) {
        const char *key = when->keys[i]->text;
        if (fact_find(key) == FACT_COUNT || strncmp(key, "flow.", 5) == 0) {
            continue;
        }
        size_t length = strcspn(key, ".") + 1;
        if (first != NULL && strncmp(first, key, length) != 0) {
            fault_note(l->faults, when->keys[i]->place,
                       "'%s' and '%s' are never in one record; expected facts of one kind", first,
                       key);
            return;
        }
        first = first == NULL ? key : first;
    }
}

static void read_when(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                      void *into)
{
    struct watch_rule *watch = into;
    if (!load_is(l, node, YAML_MAP, key->name)) {
        return;
    }
    if (node->count == 0) {
        fault_note(l->faults, node->place, "'when' is empty; expected at least one condition");
    }
    struct watch_condition *conditions = load_alloc(l, node->count, sizeof *conditions);
    for (unsigned i = 0; l->error == 0 && i < node->count; i++) {
        read_condition(l, node->keys[i], node->items[i], &conditions[i]);
    }
    refuse_mixed_records(l, node);
    watch->conditions = conditions;
    watch->condition_count = node->count;
}

/* ---- watch rules ---- */

static void read_name(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                      void *into)
{
    if (!load_is(l, node, YAML_TEXT, key->name)) {
        return;
    }
    size_t length = strlen(node->text);
    if (strspn(node->text, "abcdefghijklmnopqrstuvwxyz0123456789-") != length || length > 64) {
        fault_note(l->faults, node->place,
                   "'%.64s' cannot name a rule; expected lower-case words and hyphens", node->text);
        return;
    }
    *(const char **)into = load_copy(l, node->text);
}

static void read_severity(struct loader *l, const struct load_key *key,
                          const struct yaml_node *node, void *into)
{
    (void)load_severity(l, key->name, node, into);
}

static void read_count(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                       void *into)
{
    uint64_t count = 0;
    if (!load_is(l, node, YAML_TEXT, key->name)) {
        return;
    }
    if (!number_of(node->text, strlen(node->text), &count) || count < 2 ||
        count > LIMIT_WATCH_COUNT) {
        fault_note(l->faults, node->place, "'%.32s' is no count; expected a number from 2 to %d",
                   node->text, LIMIT_WATCH_COUNT);
        return;
    }
    *(unsigned *)into = (unsigned)count;
}

static void read_within(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                        void *into)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    uint64_t count = 0;
    if (!load_is(l, node, YAML_TEXT, key->name)) {
        return;
    }
    size_t len = strlen(node->text);
    for (size_t i = 0; i < LOAD_COUNT(units) && len > 1; i++) {
        if (node->text[len - 1] == units[i].unit && number_of(node->text, len - 1, &count) &&
            count > 0 && count <= 36500) {
            *(int64_t *)into = (int64_t)count * units[i].seconds * INT64_C(1000000000);
            return;
        }
    }
    fault_note(l->faults, node->place,
               "'%.32s' is no length of time; expected one such as 60s, 5m, 2h or 1d", node->text);
}

static void read_by(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                    void *into)
{
    static const struct load_word words[] = {
        {"pair", WATCH_BY_PAIR}, {"client", WATCH_BY_CLIENT}, {"server", WATCH_BY_SERVER}};
    int by = WATCH_BY_PAIR;
    if (load_word(l, key->name, node, words, LOAD_COUNT(words), &by)) {
        *(enum watch_by *)into = (enum watch_by)by;
    }
}

static const struct load_key watch_keys[] = {
    {"name", read_name, offsetof(struct watch_rule, name), true},
    {"severity", read_severity, offsetof(struct watch_rule, severity), false},
    {"when", read_when, 0, true},
    {"count", read_count, offsetof(struct watch_rule, count), false},
    {"within", read_within, offsetof(struct watch_rule, within_ns), false},
    {"by", read_by, offsetof(struct watch_rule, by), false},
    {"says", load_text_field, offsetof(struct watch_rule, says), false},
};

static void add_rule_name(struct loader *l, const struct watch_rule *watch, unsigned number)
{
    struct name_entry *first = NULL;
    struct name_entry entry = {watch->name, number, false, watch->place};
    int error = name_add(&l->rules, l->scratch, entry, &first);
    if (error == -EEXIST && first->place.line == 0) {
        fault_note(l->faults, watch->place,
                   "'%s' is a rule that is built in; expected a name of its own", watch->name);
    } else if (error == -EEXIST) {
        load_duplicate(l, watch->place, "watch rule", watch->name, first->place);
    } else if (error != 0) {
        l->error = error;
    }
}

/* A count needs its time, and whose matches are counted says nothing without it. */
static void refuse_half_threshold(struct loader *l, const struct yaml_node *node)
{
    const struct yaml_node *count = node->kind != YAML_MAP ? NULL : yaml_get(node, "count");
    const struct yaml_node *within = node->kind != YAML_MAP ? NULL : yaml_get(node, "within");
    if ((count == NULL) != (within == NULL) ||
        (node->kind == YAML_MAP && count == NULL && yaml_get(node, "by") != NULL)) {
        fault_note(l->faults, node->place,
                   "half a threshold; expected 'count' and 'within' together, as 'count: 20, "
                   "within: 60s, by: client'");
    }
}

void load_watches(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                  void *into)
{
    (void)into;
    if (!load_is(l, node, YAML_LIST, key->name)) {
        return;
    }
    struct watch_rule *watches = load_alloc(l, node->count, sizeof *watches);
    for (unsigned i = 0; l->error == 0 && i < node->count; i++) {
        struct watch_rule *watch = &watches[i];
        watch->severity = SEVERITY_MEDIUM;
        watch->place = node->items[i]->place;
        load_map(l, node->items[i], "a watch rule", watch_keys, LOAD_COUNT(watch_keys), watch);
        refuse_half_threshold(l, node->items[i]);
        if (watch->name != NULL && l->error == 0) {
            add_rule_name(l, watch, l->names->rule_count + i);
        }
        watch->says = watch->says != NULL ? watch->says : watch->name;
    }
    l->policy->watches = watches;
    l->policy->watch_count = node->count;
}
