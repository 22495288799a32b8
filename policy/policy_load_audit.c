#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include "dissect/tls_cert.h"
#include "policy/policy_load.h"

/* ---- accounts ---- */

static const struct load_word purposes[] = {
    {"site-system-installation", 0},
    {"network-access", 0},
    {"client-push", 0},
    {"management-point-connection", 0},
    {"enrollment-point-connection", 0},
    {"site-installation", 0},
    {"intersite", 0},
    {"active-directory-forest", 0},
    {"exchange-connection", 0},
    {"reporting-point", 0},
};

void load_account_check(struct loader *l, const struct yaml_node *node)
{
    if (node->kind != YAML_TEXT) {
        return;
    }
    const char *backslash = strchr(node->text, '\\'), *at = strrchr(node->text, '@');
    bool down_level = backslash != NULL && backslash != node->text && backslash[1] != '\0' &&
                      strchr(backslash + 1, '\\') == NULL;
    bool principal = backslash == NULL && at != NULL && at != node->text && at[1] != '\0';
    if (!down_level && !principal) {
        fault_note(l->faults, node->place,
                   "'%.128s' is no account; expected 'DOMAIN\\user' or 'user@domain'", node->text);
    }
}

void load_accounts(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                   void *into)
{
    (void)into;
    if (!load_is(l, node, YAML_MAP, key->name)) {
        return;
    }
    struct account_list *lists = load_alloc(l, node->count, sizeof *lists);
    unsigned count = 0;
    for (unsigned i = 0; l->error == 0 && i < node->count; i++) {
        int known;
        const struct yaml_node *purpose = node->keys[i], *names = node->items[i];
        if (!load_word(l, "account purpose", purpose, purposes, LOAD_COUNT(purposes), &known)) {
            continue;
        }
        struct account_list *list = &lists[count++];
        list->purpose = load_copy(l, purpose->text);
        list->place = purpose->place;
        list->accounts = load_texts(l, purpose->text, names, &list->count);
        for (unsigned k = 0; names->kind == YAML_LIST && k < names->count; k++) {
            load_account_check(l, names->items[k]);
        }
    }
    l->policy->accounts = lists;
    l->policy->account_count = l->error == 0 ? count : 0;
}

/* ---- tls ---- */

static void read_minimum(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                         void *into)
{
    static const struct load_word words[] = {
        {"1.0", 0x0301}, {"1.1", 0x0302}, {"1.2", 0x0303}, {"1.3", 0x0304}};
    int version;
    if (load_word(l, "TLS version", node, words, LOAD_COUNT(words), &version)) {
        *(uint16_t *)into = (uint16_t)version;
    }
    (void)key;
}

static const char *beside_policy(struct loader *l, const char *name)
{
    char path[4096];
    if (name[0] == '/' || l->directory[0] == '\0') {
        return load_copy(l, name);
    }
    int n = snprintf(path, sizeof path, "%s/%s", l->directory, name);
    return n > 0 && (size_t)n < sizeof path ? load_copy(l, path) : load_copy(l, name);
}

struct authorities { /* while they are read */
    struct loader *l;
    const char **subjects;
    unsigned count, room;
};

static void add_authority(void *user, const char *subject)
{
    struct authorities *a = user;
    if (a->count == a->room) {
        unsigned room = a->room == 0 ? 8 : 2 * a->room;
        const char **grown = load_alloc(a->l, room, sizeof *grown);
        for (unsigned i = 0; grown != NULL && i < a->count; i++) {
            grown[i] = a->subjects[i];
        }
        a->subjects = grown;
        a->room = grown == NULL ? a->room : room;
    }
    if (a->subjects != NULL && a->count < a->room) {
        a->subjects[a->count++] = load_copy(a->l, subject);
    }
}

static void read_authorities(struct loader *l, const struct load_key *key,
                             const struct yaml_node *node, void *into)
{
    struct policy *p = into;
    struct authorities all = {.l = l};
    unsigned count = 0;
    const char **files = load_texts(l, key->name, node, &count);
    const char **paths = load_alloc(l, count, sizeof *paths);
    for (unsigned i = 0; l->error == 0 && i < count; i++) {
        const char *path = paths[i] = beside_policy(l, files[i]);
        struct place at = count == node->count ? node->items[i]->place : node->place;
        if (path != NULL && access(path, R_OK) != 0) {
            fault_note(l->faults, at,
                       "'%.128s' cannot be read (%.160s); expected a file of certificates in PEM",
                       files[i], path);
        } else if (path != NULL && authority_subjects(path, add_authority, &all) == 0) {
            fault_note(l->faults, at, "'%.128s' holds no certificate in PEM (%.160s)", files[i],
                       path);
        }
    }
    p->tls_authorities = all.subjects;
    p->tls_authority_count = all.count;
    p->tls_authority_files = paths;
    p->tls_authority_file_count = l->error == 0 ? count : 0;
}

static void read_issuers(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                         void *into)
{
    struct policy *p = into;
    p->tls_issuers = load_texts(l, key->name, node, &p->tls_issuer_count);
}

void load_tls(struct loader *l, const struct load_key *key, const struct yaml_node *node,
              void *into)
{
    static const struct load_key keys[] = {
        {"minimum", read_minimum, offsetof(struct policy, tls_minimum), false},
        {"authorities", read_authorities, 0, false},
        {"issuers", read_issuers, 0, false},
        {"pki", load_bool_field, offsetof(struct policy, pki), false},
    };
    (void)into;
    (void)key;
    load_map(l, node, "'tls'", keys, LOAD_COUNT(keys), l->policy);
}

/* ---- matrix ---- */

/* The values of flow.protocol, and https for HTTP in TLS. */
static const char *const protocols[] = {
    "https",  "http",   "smb",     "tls",   "ldap",   "kerberos",   "tds",       "dns",
    "nbns",   "llmnr",  "mdns",    "ssrp",  "dcerpc", "rdp",        "ssh",       "ntp",
    "dhcp",   "tftp",   "snmp",    "quic",  "mysql",  "postgresql", "oracle",    "icmp",
    "ftp",    "telnet", "smtp",    "imap",  "pop3",   "vnc",        "nfs",       "syslog",
    "radius", "sip",    "stun",    "ipsec", "ike",    "openvpn",    "wireguard", "rsync",
    "nbss",   "nbdgm",  "mongodb", "redis", "mqtt",   "socks",      "unknown",
};

static void read_selector(struct loader *l, const struct load_key *key,
                          const struct yaml_node *node, void *into)
{
    (void)key;
    (void)load_selector(l, node, into);
}

static void read_over(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                      void *into)
{
    struct matrix_exception *exception = into;
    exception->over = load_texts(l, key->name, node, &exception->over_count);
    struct load_word words[LOAD_COUNT(protocols)];
    for (size_t i = 0; i < LOAD_COUNT(protocols); i++) {
        words[i] = (struct load_word){protocols[i], 0};
    }
    for (unsigned i = 0; node->kind == YAML_LIST && i < node->count; i++) {
        int ignored;
        if (node->items[i]->kind == YAML_TEXT) {
            (void)load_word(l, "protocol", node->items[i], words, LOAD_COUNT(words), &ignored);
        }
    }
}

static const struct load_key exception_keys[] = {
    {"from", read_selector, offsetof(struct matrix_exception, from), true},
    {"to", read_selector, offsetof(struct matrix_exception, to), true},
    {"over", read_over, 0, false},
    {"reason", load_text_field, offsetof(struct matrix_exception, reason), false},
};

static void read_exception(struct loader *l, const struct load_key *key,
                           const struct yaml_node *node, void *into)
{
    struct matrix_exception *exception = into;
    exception->allow = strcmp(key->name, "allow") == 0;
    load_map(l, node, exception->allow ? "'allow'" : "'deny'", exception_keys,
             LOAD_COUNT(exception_keys), exception);
}

void load_matrix(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                 void *into)
{
    static const struct load_key keys[] = {
        {"allow", read_exception, 0, false},
        {"deny", read_exception, 0, false},
    };
    (void)into;
    if (!load_is(l, node, YAML_LIST, key->name)) {
        return;
    }
    struct matrix_exception *exceptions = load_alloc(l, node->count, sizeof *exceptions);
    for (unsigned i = 0; l->error == 0 && i < node->count; i++) {
        const struct yaml_node *item = node->items[i];
        exceptions[i].place = item->place;
        load_map(l, item, "a line of the matrix", keys, LOAD_COUNT(keys), &exceptions[i]);
        if (item->kind == YAML_MAP &&
            (yaml_get(item, "allow") != NULL) == (yaml_get(item, "deny") != NULL)) {
            fault_note(l->faults, item->place,
                       "a line of the matrix is neither or both; expected 'allow' or 'deny'");
        }
    }
    l->policy->matrix = exceptions;
    l->policy->matrix_count = node->count;
}

/* ---- rules ---- */

bool load_rule(struct loader *l, const struct yaml_node *node, unsigned *ret)
{
    if (!load_is(l, node, YAML_TEXT, "a rule")) {
        return false;
    }
    const struct name_entry *entry = name_find(&l->rules, node->text);
    if (entry == NULL) {
        load_unknown(l, node, "rule", "a name or code that 'rolecall rules' lists, or a watch rule",
                     load_nearest(l, &l->rules, node->text));
        return false;
    }
    *ret = entry->owner;
    return true;
}

bool load_severity(struct loader *l, const char *what, const struct yaml_node *node,
                   enum severity *ret)
{
    static const struct load_word words[] = {
        {"off", SEVERITY_OFF},       {"info", SEVERITY_INFO}, {"low", SEVERITY_LOW},
        {"medium", SEVERITY_MEDIUM}, {"high", SEVERITY_HIGH}, {"critical", SEVERITY_CRITICAL}};
    int severity;
    if (!load_word(l, what, node, words, LOAD_COUNT(words), &severity)) {
        return false;
    }
    *ret = (enum severity)severity;
    return true;
}

static void read_severity(struct loader *l, const struct load_key *key,
                          const struct yaml_node *node, void *into)
{
    (void)load_severity(l, key->name, node, into);
}

void load_tunings(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                  void *into)
{
    static const struct load_key keys[] = {{"severity", read_severity, 0, true}};
    (void)into;
    if (!load_is(l, node, YAML_MAP, key->name)) {
        return;
    }
    struct rule_tuning *tunings = load_alloc(l, node->count, sizeof *tunings);
    struct name_table seen = {.size = 0};
    unsigned count = 0;
    for (unsigned i = 0; l->error == 0 && i < node->count; i++) {
        const struct yaml_node *value = node->items[i];
        struct rule_tuning *tuning = &tunings[count];
        unsigned before = l->faults->total;
        if (!load_rule(l, node->keys[i], &tuning->rule)) {
            continue;
        }
        char number[16];
        (void)snprintf(number, sizeof number, "%u", tuning->rule);
        const char *kept = arena_text(l->scratch, number, strlen(number));
        struct name_entry *first = NULL;
        struct name_entry entry = {kept, i, false, node->keys[i]->place};
        int error = kept == NULL ? -ENOMEM : name_add(&seen, l->scratch, entry, &first);
        if (error == -EEXIST) {
            load_duplicate(l, entry.place, "rule", node->keys[i]->text, first->place);
            continue;
        }
        if (error != 0) {
            l->error = error;
        } else if (value->kind == YAML_MAP) {
            load_map(l, value, "the rule", keys, LOAD_COUNT(keys), &tuning->severity);
        } else {
            (void)load_severity(l, "severity", value, &tuning->severity);
        }
        tuning->off = l->faults->total == before && tuning->severity == SEVERITY_OFF;
        count++;
    }
    l->policy->tunings = tunings;
    l->policy->tuning_count = l->error == 0 ? count : 0;
}

/* ---- accepted risks ---- */

static void read_accepted_rule(struct loader *l, const struct load_key *key,
                               const struct yaml_node *node, void *into)
{
    struct acceptance *acceptance = into;
    (void)key;
    if (load_rule(l, node, &acceptance->rule)) {
        acceptance->rule_name = load_copy(l, node->text);
    }
}

static void read_until(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                       void *into)
{
    struct acceptance *acceptance = into;
    if (!load_is(l, node, YAML_TEXT, key->name)) {
        return;
    }
    if (!load_date(node->text, &acceptance->until_ns)) {
        fault_note(l->faults, node->place, "'%.32s' is no date; expected one such as 2027-01-31",
                   node->text);
        return;
    }
    acceptance->until = load_copy(l, node->text);
}

void load_acceptances(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                      void *into)
{
    static const struct load_key keys[] = {
        {"rule", read_accepted_rule, 0, true},
        {"client", read_selector, offsetof(struct acceptance, client), false},
        {"server", read_selector, offsetof(struct acceptance, server), false},
        {"until", read_until, 0, false},
        {"reason", load_text_field, offsetof(struct acceptance, reason), false},
        {"by", load_text_field, offsetof(struct acceptance, by), false},
    };
    (void)into;
    if (!load_is(l, node, YAML_LIST, key->name)) {
        return;
    }
    struct acceptance *acceptances = load_alloc(l, node->count, sizeof *acceptances);
    for (unsigned i = 0; l->error == 0 && i < node->count; i++) {
        acceptances[i] = (struct acceptance){.until_ns = INT64_MAX, .place = node->items[i]->place};
        load_map(l, node->items[i], "an acceptance", keys, LOAD_COUNT(keys), &acceptances[i]);
    }
    l->policy->acceptances = acceptances;
    l->policy->acceptance_count = node->count;
}
