/*
 * policy_load.h - what the files of the policy reader share.
 *
 * A mapping is read by a table of keys, so that unknown, missing and duplicate keys and values of
 * the wrong kind are found in one place. Readers note faults and go on: all faults are listed, not
 * only the first.
 *
 * Owner:  what the policy keeps lies in its arena; the tree and the faults in `scratch`, freed
 * after loading. Errors: `error` is set to -ENOMEM and stays; a reader that cannot allocate
 * returns.
 */
#ifndef ROLECALL_POLICY_POLICY_LOAD_H
#define ROLECALL_POLICY_POLICY_LOAD_H

#include "policy/policy_index.h"
#include "policy/yaml.h"

struct host_reference { /* a host named before all hosts are known */
    const struct yaml_node *name;
    struct host_reference *next;
};

struct loader {
    struct policy *policy;
    struct policy_index *index;
    struct arena *arena, *scratch;
    struct faults *faults;
    const struct policy_names *names;
    const char *directory; /* of the policy file: its own file names are relative to it */
    int error;
    struct forest *forests;
    struct zone *zones;
    struct site *sites;
    struct host *hosts;
    struct client_group *groups;
    struct host_reference *references;
    struct name_table rules; /* names and codes of the rules, and the policy's own; in scratch */
};

struct load_key {
    const char *name;
    /* `into` is the structure plus `at`. */
    void (*read)(struct loader *l, const struct load_key *key, const struct yaml_node *value,
                 void *into);
    size_t at;
    bool required;
};

struct load_word {
    const char *name;
    int value;
};

/* ---- policy_load.c: files, "-" being standard input ---- */

struct load_file {
    uint8_t *octets; /* owned */
    size_t length;
    uint8_t sha256[32];
};

struct load_paths {
    const char *policy, *matrix; /* matrix: NULL: the built-in one */
};

/* At most LIMIT_POLICY_OCTETS. */
int load_file(const char *path, struct load_file *ret) MUST_USE;
int load_from(int fd, struct load_file *ret) MUST_USE;
void load_file_fault(const char *path, int error,
                     FILE *errors); /* the one line that says why not */
/* policy_load of a file that was read; -EINVAL after a line for each fault. */
int load_octets(const struct load_paths *paths, const struct load_file *file,
                const struct policy_names *names, FILE *errors, struct policy **ret) MUST_USE;

/* ---- policy_load_read.c: the generic part ---- */

void *load_alloc(struct loader *l, size_t count,
                 size_t size) MUST_USE; /* zeroed; from the policy's arena */
const char *load_copy(struct loader *l, const char *text) MUST_USE;
/* Reads a mapping in the order of the table; `what` is "a trust", "the host". */
void load_map(struct loader *l, const struct yaml_node *node, const char *what,
              const struct load_key *keys, size_t count, void *into);
/* Notes the keys that are not in the table; false when it is no mapping at all. */
bool load_keys_known(struct loader *l, const struct yaml_node *node, const char *what,
                     const struct load_key *keys, size_t count);
/* False after a fault. */
bool load_is(struct loader *l, const struct yaml_node *node, enum yaml_kind kind, const char *what);
/* The value of a word of the table; false after a fault with the nearest one. */
bool load_word(struct loader *l, const char *what, const struct yaml_node *node,
               const struct load_word *words, size_t count, int *ret);
void load_unknown(struct loader *l, const struct yaml_node *node, const char *what,
                  const char *expected, const char *near);
void load_duplicate(struct loader *l, struct place at, const char *what, const char *name,
                    struct place first);
bool load_date(const char *text, int64_t *ret_end_ns); /* 2027-01-31, proleptic Gregorian, UTC */
bool load_dns_name(const char *name);
/* An address, or a prefix where `prefixes` is given; both for "10.0.0.1". */
bool load_prefix(struct loader *l, const struct yaml_node *node, struct prefix *ret);
/* "4", "4..9", "4.." or "..9". */
bool load_range_parse(const char *text, uint64_t *ret_from, uint64_t *ret_to);
/* The same of dates, as "2026-01-31" or "2026-01-31T12:00:00Z", in ns; a day ends with its last
 * second. */
bool load_dates_parse(const char *text, uint64_t *ret_from, uint64_t *ret_to);
/* A text with '*' or '?' in it stands for many. */
bool load_is_glob(const char *text);
bool load_prefix_parse(const char *text, struct prefix *ret); /* host bits are kept */
bool load_selector(struct loader *l, const struct yaml_node *node, struct selector *ret);
const struct forest *load_forest(struct loader *l, const struct yaml_node *node);
const struct zone *load_zone(struct loader *l, const struct yaml_node *node);
const struct site *load_site(struct loader *l, const struct yaml_node *node);
/* The nearest name of a table, while faults are still kept. */
const char *load_nearest(struct loader *l, const struct name_table *t, const char *word);
/* Adds a declared name; notes a fault when it is there. False then, and on -ENOMEM. */
bool load_name(struct loader *l, struct name_table *t, struct name_entry entry, const char *what);

/* Readers of single fields. */
void load_text_field(struct loader *l, const struct load_key *key, const struct yaml_node *value,
                     void *into); /* const char * */
void load_bool_field(struct loader *l, const struct load_key *key, const struct yaml_node *value,
                     void *into); /* bool */
void load_forest_field(struct loader *l, const struct load_key *key, const struct yaml_node *value,
                       void *into); /* const struct forest * */
/* A list of names; NULL and 0 after a fault. */
const char **load_texts(struct loader *l, const char *what, const struct yaml_node *node,
                        unsigned *ret_count);

/* ---- one reader per section ---- */

void load_forests(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                  void *into);
void load_trusts(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                 void *into);
void load_zones(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                void *into);
void load_sites(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                void *into);
void load_hosts(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                void *into);
void load_clients(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                  void *into);
void load_administrators(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                         void *into);
void load_accounts(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                   void *into);
void load_tls(struct loader *l, const struct load_key *key, const struct yaml_node *node,
              void *into);
void load_sensor(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                 void *into);
void load_links(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                void *into);
void load_ntlm(struct loader *l, const struct load_key *key, const struct yaml_node *node,
               void *into);
void load_cloud(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                void *into);
void load_boot_networks(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                        void *into);
void load_translators(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                      void *into);
void load_matrix(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                 void *into);
void load_watches(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                  void *into);
void load_tunings(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                  void *into);
void load_acceptances(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                      void *into);
/* policy_load_roles.c: the roles of one host; `into` is the struct host. */
void load_roles(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                void *into);
/* CLIENTS_... of `clients:` and `client-communication:`; enum client_mode. */
void load_client_mode(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                      void *into);
/* "20:00-06:00" as minutes after midnight; `what` names the key. False after a fault. */
bool load_times(struct loader *l, const char *what, const struct yaml_node *node, int ret[2]);
/* A number within bounds, as `uint32_t`; false after a fault. */
bool load_number(struct loader *l, const char *what, const struct yaml_node *node,
                 const uint32_t bounds[2], uint32_t *ret);
/* True or false as 1 or 0, for fields where -1 is "not declared". */
void load_answer_field(struct loader *l, const struct load_key *key, const struct yaml_node *value,
                       void *into); /* int */
/* One account: 'DOMAIN\user' or user@domain. */
void load_account_field(struct loader *l, const struct load_key *key, const struct yaml_node *value,
                        void *into); /* const char * */
void load_account_check(struct loader *l, const struct yaml_node *node);
/* The rule's number, also that of a watch rule; false after a fault. */
bool load_rule(struct loader *l, const struct yaml_node *node, unsigned *ret);
bool load_severity(struct loader *l, const char *what, const struct yaml_node *node,
                   enum severity *ret);
/* What can only be said when every section was read: zones and groups that collide, names that
 * follow. */
void load_finish_zones(struct loader *l);
void load_finish_groups(struct loader *l);
void load_finish_hosts(struct loader *l);

#define LOAD_COUNT(table) (sizeof(table) / sizeof(table)[0])

#endif
