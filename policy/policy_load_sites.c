#include <stddef.h>

#include "policy/policy_load.h"

/* What the table of keys fills before parents can be resolved. */
struct site_draft {
    struct site *site;
    const struct yaml_node *parent;
    bool typed;
};

static const char *const type_names[] = {
    [SITE_CENTRAL_ADMINISTRATION] = "central-administration",
    [SITE_PRIMARY] = "primary",
    [SITE_SECONDARY] = "secondary",
};

static void read_type(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                      void *into)
{
    static const struct load_word words[] = {
        {"central-administration", SITE_CENTRAL_ADMINISTRATION},
        {"primary", SITE_PRIMARY},
        {"secondary", SITE_SECONDARY}};
    struct site_draft *draft = into;
    int type;
    draft->typed = load_word(l, "site type", node, words, LOAD_COUNT(words), &type);
    if (draft->typed) {
        draft->site->type = (enum site_type)type;
    }
    (void)key;
}

static void read_parent(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                        void *into)
{
    struct site_draft *draft = into;
    if (load_is(l, node, YAML_TEXT, key->name)) {
        draft->parent = node;
    }
}

void load_client_mode(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                      void *into)
{
    static const struct load_word words[] = {{"https", CLIENTS_HTTPS},
                                             {"https-or-http", CLIENTS_HTTPS_OR_HTTP},
                                             {"enhanced-http", CLIENTS_ENHANCED_HTTP},
                                             {"http", CLIENTS_HTTP}};
    int mode;
    if (load_word(l, key->name, node, words, LOAD_COUNT(words), &mode)) {
        *(enum client_mode *)into = (enum client_mode)mode;
    }
}

static void read_communication(struct loader *l, const struct load_key *key,
                               const struct yaml_node *node, void *into)
{
    struct site_draft *draft = into;
    load_client_mode(l, key, node, &draft->site->clients);
}

static void read_messages(struct loader *l, const struct load_key *key,
                          const struct yaml_node *node, void *into)
{
    static const struct load_key keys[] = {
        {"signing", load_answer_field, offsetof(struct site, signing), false},
        {"encryption", load_answer_field, offsetof(struct site, encryption), false},
    };
    struct site_draft *draft = into;
    (void)key;
    load_map(l, node, "'client-messages'", keys, LOAD_COUNT(keys), draft->site);
}

static void read_approval(struct loader *l, const struct load_key *key,
                          const struct yaml_node *node, void *into)
{
    static const struct load_word words[] = {
        {"manual", APPROVAL_MANUAL}, {"automatic", APPROVAL_AUTOMATIC}, {"all", APPROVAL_ALL}};
    struct site_draft *draft = into;
    int approval;
    if (load_word(l, key->name, node, words, LOAD_COUNT(words), &approval)) {
        draft->site->approval = (enum approval)approval;
    }
}

static void read_push(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                      void *into)
{
    struct site_draft *draft = into;
    load_answer_field(l, key, node, &draft->site->client_push);
}

static void read_maintenance(struct loader *l, const struct load_key *key,
                             const struct yaml_node *node, void *into)
{
    struct site_draft *draft = into;
    int times[2];
    if (load_times(l, key->name, node, times)) {
        draft->site->maintenance_from = times[0];
        draft->site->maintenance_to = times[1];
    }
}

static const struct load_key site_keys[] = {
    {"type", read_type, 0, true},
    {"parent", read_parent, 0, false},
    {"client-communication", read_communication, 0, false},
    {"client-messages", read_messages, 0, false},
    {"approval", read_approval, 0, false},
    {"client-push", read_push, 0, false},
    {"maintenance", read_maintenance, 0, false},
};

/* Only a link that the types allow is made, so that the tree has no cycles. */
static void link_parent(struct loader *l, const struct site_draft *draft,
                        const struct site_draft *drafts)
{
    struct site *site = draft->site;
    if (draft->parent == NULL) {
        if (draft->typed && site->type == SITE_SECONDARY) {
            fault_note(l->faults, site->place,
                       "secondary site '%.32s' has no 'parent'; expected its primary site",
                       site->code);
        }
        return;
    }
    const struct site *parent = load_site(l, draft->parent);
    if (parent == NULL || !draft->typed || !drafts[parent - l->sites].typed) {
        return;
    }
    if (parent == site) {
        fault_note(l->faults, draft->parent->place,
                   "site '%.32s' is its own parent; expected another site", site->code);
    } else if (site->type == SITE_CENTRAL_ADMINISTRATION) {
        fault_note(l->faults, draft->parent->place,
                   "central administration site '%.32s' has a parent; expected none, it is the top",
                   site->code);
    } else if (parent->type !=
               (site->type == SITE_PRIMARY ? SITE_CENTRAL_ADMINISTRATION : SITE_PRIMARY)) {
        fault_note(l->faults, draft->parent->place,
                   "the parent '%.32s' of %s site '%.32s' is a %s site; expected a %s site",
                   parent->code, type_names[site->type], site->code, type_names[parent->type],
                   site->type == SITE_PRIMARY ? "central-administration" : "primary");
    } else {
        site->parent = parent;
    }
}

void load_sites(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                void *into)
{
    (void)into;
    if (!load_is(l, node, YAML_MAP, key->name)) {
        return;
    }
    l->sites = load_alloc(l, node->count, sizeof *l->sites);
    struct site_draft *drafts = load_alloc(l, node->count, sizeof *drafts);
    for (unsigned i = 0; l->error == 0 && i < node->count; i++) {
        struct site *site = &l->sites[i];
        drafts[i].site = site;
        *site = (struct site){.signing = -1,
                              .encryption = -1,
                              .client_push = -1,
                              .maintenance_from = -1,
                              .maintenance_to = -1};
        site->code = load_copy(l, node->keys[i]->text);
        site->place = node->keys[i]->place;
        (void)load_name(l, &l->index->sites, (struct name_entry){site->code, i, false, site->place},
                        "site");
        load_map(l, node->items[i], "the site", site_keys, LOAD_COUNT(site_keys), &drafts[i]);
    }
    for (unsigned i = 0; l->error == 0 && i < node->count; i++) {
        link_parent(l, &drafts[i], drafts);
    }
    l->policy->sites = l->sites;
    l->policy->site_count = node->count;
}
