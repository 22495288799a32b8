/*
 * policy_load_options.c - values that several sections share: times of day, numbers, answers,
 * accounts; and the small sections: the sensor, links, NTLM, the cloud's names, address
 * translation, PXE.
 */
#include <stddef.h>
#include <stdlib.h>

#include "policy/policy_load.h"

/* ---- values ---- */

static bool minutes(const char *text, int *ret)
{
    for (int i = 0; i < 5; i++) {
        if (i == 2 ? text[i] != ':' : text[i] < '0' || text[i] > '9') {
            return false;
        }
    }
    int hour = (text[0] - '0') * 10 + (text[1] - '0'),
        minute = (text[3] - '0') * 10 + (text[4] - '0');
    *ret = hour * 60 + minute;
    return minute < 60 && *ret <= 24 * 60;
}

bool load_times(struct loader *l, const char *what, const struct yaml_node *node, int ret[2])
{
    if (!load_is(l, node, YAML_TEXT, what)) {
        return false;
    }
    if (strlen(node->text) != 11 || node->text[5] != '-' || !minutes(node->text, &ret[0]) ||
        !minutes(node->text + 6, &ret[1])) {
        fault_note(l->faults, node->place,
                   "'%s' is '%.32s'; expected two times of day such as \"20:00-06:00\"", what,
                   node->text);
        return false;
    }
    return true;
}

bool load_number(struct loader *l, const char *what, const struct yaml_node *node,
                 const uint32_t bounds[2], uint32_t *ret)
{
    if (!load_is(l, node, YAML_TEXT, what)) {
        return false;
    }
    char *end = NULL;
    unsigned long value = strtoul(node->text, &end, 10);
    if (node->text[0] < '0' || node->text[0] > '9' || *end != '\0' || value < bounds[0] ||
        value > bounds[1]) {
        fault_note(l->faults, node->place, "'%s' is '%.32s'; expected a number from %u to %u", what,
                   node->text, bounds[0], bounds[1]);
        return false;
    }
    *ret = (uint32_t)value;
    return true;
}

void load_answer_field(struct loader *l, const struct load_key *key, const struct yaml_node *value,
                       void *into)
{
    bool answer;
    unsigned before = l->faults->total;
    load_bool_field(l, key, value, &answer);
    if (l->faults->total == before) {
        *(int *)into = answer;
    }
}

void load_account_field(struct loader *l, const struct load_key *key, const struct yaml_node *value,
                        void *into)
{
    load_text_field(l, key, value, into);
    load_account_check(l, value);
}

/* ---- sensor ---- */

static void read_zone(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                      void *into)
{
    (void)key;
    *(const struct zone **)into = load_zone(l, node);
}

static void read_site(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                      void *into)
{
    (void)key;
    *(const struct site **)into = load_site(l, node);
}

static void read_sees(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                      void *into)
{
    struct sensor *sensor = into;
    if (!load_is(l, node, YAML_LIST, key->name)) {
        return;
    }
    sensor->sees = load_alloc(l, node->count, sizeof *sensor->sees);
    for (unsigned i = 0; l->error == 0 && i < node->count; i++) {
        const struct zone *zone = load_zone(l, node->items[i]);
        if (zone != NULL) {
            sensor->sees[sensor->see_count++] = zone;
        }
    }
}

void load_sensor(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                 void *into)
{
    static const struct load_key keys[] = {
        {"zone", read_zone, offsetof(struct sensor, zone), false},
        {"site", read_site, offsetof(struct sensor, site), false},
        {"sees", read_sees, 0, false},
    };
    (void)into;
    (void)key;
    l->policy->sensor.place = node->place;
    struct sensor *sensor = &l->policy->sensor;
    load_map(l, node, "'sensor'", keys, LOAD_COUNT(keys), sensor);
    if (sensor->see_count == 0 && sensor->zone != NULL) {
        sensor->sees = load_alloc(l, 1, sizeof *sensor->sees);
        if (sensor->sees != NULL) {
            sensor->sees[sensor->see_count++] = sensor->zone;
        }
    }
}

/* ---- links ---- */

static void read_milliseconds(struct loader *l, const struct load_key *key,
                              const struct yaml_node *node, void *into)
{
    static const uint32_t bounds[] = {1, 60000};
    (void)load_number(l, key->name, node, bounds, into);
}

static void read_percent(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                         void *into)
{
    static const uint32_t bounds[] = {1, 100};
    (void)load_number(l, key->name, node, bounds, into);
}

static void read_megabytes(struct loader *l, const struct load_key *key,
                           const struct yaml_node *node, void *into)
{
    static const uint32_t bounds[] = {1, 100000000};
    (void)load_number(l, key->name, node, bounds, into);
}

void load_links(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                void *into)
{
    static const struct load_key keys[] = {
        {"max-rtt-ms", read_milliseconds, offsetof(struct link_limits, max_rtt_ms), false},
        {"max-loss-percent", read_percent, offsetof(struct link_limits, max_loss_percent), false},
        {"prestaged-max-mb", read_megabytes, offsetof(struct link_limits, prestaged_max_mb), false},
    };
    (void)into;
    (void)key;
    load_map(l, node, "'links'", keys, LOAD_COUNT(keys), &l->policy->links);
}

/* ---- ntlm ---- */

static void read_ntlm_accounts(struct loader *l, const struct load_key *key,
                               const struct yaml_node *node, void *into)
{
    struct ntlm_exceptions *ntlm = into;
    ntlm->accounts = load_texts(l, key->name, node, &ntlm->account_count);
    for (unsigned i = 0; node->kind == YAML_LIST && i < node->count; i++) {
        load_account_check(l, node->items[i]);
    }
}

static void read_ntlm_servers(struct loader *l, const struct load_key *key,
                              const struct yaml_node *node, void *into)
{
    struct ntlm_exceptions *ntlm = into;
    if (!load_is(l, node, YAML_LIST, key->name)) {
        return;
    }
    struct selector *servers = load_alloc(l, node->count, sizeof *servers);
    for (unsigned i = 0; l->error == 0 && i < node->count; i++) {
        ntlm->server_count += load_selector(l, node->items[i], &servers[ntlm->server_count]);
    }
    ntlm->servers = servers;
}

void load_ntlm(struct loader *l, const struct load_key *key, const struct yaml_node *node,
               void *into)
{
    static const struct load_key keys[] = {
        {"accounts", read_ntlm_accounts, 0, false},
        {"servers", read_ntlm_servers, 0, false},
    };
    (void)into;
    (void)key;
    load_map(l, node, "'ntlm'", keys, LOAD_COUNT(keys), &l->policy->ntlm);
}

/* ---- the cloud, address translation, PXE ---- */

static void read_cloud_names(struct loader *l, const struct load_key *key,
                             const struct yaml_node *node, void *into)
{
    struct policy *p = into;
    p->cloud_names = load_texts(l, key->name, node, &p->cloud_name_count);
    for (unsigned i = 0; node->kind == YAML_LIST && i < node->count; i++) {
        const char *name = node->items[i]->kind == YAML_TEXT ? node->items[i]->text : "a.b";
        if (!load_dns_name(strncmp(name, "*.", 2) == 0 ? name + 2 : name)) {
            fault_note(l->faults, node->items[i]->place,
                       "'%.128s' is no name; expected one such as *.blob.core.windows.net", name);
        }
    }
}

void load_cloud(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                void *into)
{
    static const struct load_key keys[] = {{"names", read_cloud_names, 0, true}};
    (void)into;
    (void)key;
    load_map(l, node, "'cloud'", keys, LOAD_COUNT(keys), l->policy);
}

/* Networks that are a section's only key. */
struct network_list {
    const struct prefix **prefixes;
    unsigned *count;
};

static void read_list(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                      void *into)
{
    const struct network_list *list = into;
    if (!load_is(l, node, YAML_LIST, key->name)) {
        return;
    }
    struct prefix *prefixes = load_alloc(l, node->count, sizeof *prefixes);
    for (unsigned i = 0; l->error == 0 && i < node->count; i++) {
        *list->count += load_prefix(l, node->items[i], &prefixes[*list->count]);
    }
    *list->prefixes = prefixes;
}

static void load_list(struct loader *l, const struct yaml_node *node, const char *what,
                      struct network_list list)
{
    static const struct load_key keys[] = {{"networks", read_list, 0, true}};
    load_map(l, node, what, keys, LOAD_COUNT(keys), &list);
}

void load_translators(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                      void *into)
{
    (void)into;
    (void)key;
    load_list(l, node, "'address-translation'",
              (struct network_list){&l->policy->translators, &l->policy->translator_count});
}

void load_boot_networks(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                        void *into)
{
    (void)into;
    (void)key;
    load_list(l, node, "'pxe'",
              (struct network_list){&l->policy->boot_networks, &l->policy->boot_network_count});
}
