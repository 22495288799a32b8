#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "policy/matrix_rows.h"

/* ---- the file ---- */

static int read_all(int fd, struct load_file *file)
{
    size_t room = 0;
    for (;;) {
        if (file->length == room) {
            room = room == 0 ? 32768 : room * 2;
            uint8_t *octets = realloc(file->octets, room);
            if (octets == NULL) {
                return -ENOMEM;
            }
            file->octets = octets;
        }
        ssize_t n = read(fd, file->octets + file->length, room - file->length);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n == 0 ? 0 : -errno;
        }
        file->length += (size_t)n;
        if (file->length > LIMIT_POLICY_OCTETS) {
            return -EFBIG;
        }
    }
}

int load_from(int fd, struct load_file *file)
{
    int error = read_all(fd, file);
    bool hashed = error == 0 && EVP_Digest(file->octets, file->length, file->sha256, NULL,
                                           EVP_sha256(), NULL) == 1;
    return error == 0 && !hashed ? -ENOMEM : error;
}

int load_file(const char *path, struct load_file *file)
{
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    int error = load_from(fd, file);
    if (!standard) {
        (void)close(fd);
    }
    return error;
}

void load_file_fault(const char *path, int error, FILE *errors)
{
    if (error == -EFBIG) {
        (void)fprintf(errors, "%s: cannot be read: larger than %u octets\n", path,
                      LIMIT_POLICY_OCTETS);
    } else {
        (void)fprintf(errors, "%s: cannot be read: %s\n", path, strerror(-error));
    }
}

/* ---- the sections ---- */

static void read_profile(struct loader *l, const struct load_key *key, const struct yaml_node *node,
                         void *into)
{
    static const struct load_word words[] = {
        {"article", PROFILE_ARTICLE}, {"current", PROFILE_CURRENT}, {"strict", PROFILE_STRICT}};
    int profile;
    if (load_word(l, key->name, node, words, LOAD_COUNT(words), &profile)) {
        *(enum profile *)into = (enum profile)profile;
    }
}

/* In the order in which they refer to one another, whatever their order in the file. */
static const struct load_key sections[] = {
    {"profile", read_profile, offsetof(struct policy, profile), false},
    {"forests", load_forests, 0, false},
    {"trusts", load_trusts, 0, false},
    {"zones", load_zones, 0, false},
    {"sites", load_sites, 0, false},
    {"clients", load_clients, 0, false},
    {"administrators", load_administrators, 0, false},
    {"hosts", load_hosts, 0, false},
    {"accounts", load_accounts, 0, false},
    {"tls", load_tls, 0, false},
    {"sensor", load_sensor, 0, false},
    {"links", load_links, 0, false},
    {"ntlm", load_ntlm, 0, false},
    {"cloud", load_cloud, 0, false},
    {"address-translation", load_translators, 0, false},
    {"pxe", load_boot_networks, 0, false},
    {"matrix", load_matrix, 0, false},
    {"watch", load_watches, 0, false},
    {"rules", load_tunings, 0, false},
    {"accept", load_acceptances, 0, false},
};

enum { SITES = 4, HOSTS = 7, ACCOUNTS = 8 };

static void read_sections(struct loader *l, const struct yaml_node *root, size_t from, size_t to)
{
    for (size_t i = from; i < to && l->error == 0; i++) {
        const struct yaml_node *value = yaml_get(root, sections[i].name);
        /* A section whose lines are all commented out is an empty one. */
        if (value != NULL && !yaml_is_null(value)) {
            sections[i].read(l, &sections[i], value, (char *)l->policy + sections[i].at);
        }
    }
}

static void read_policy(struct loader *l, const struct yaml_node *root)
{
    if (!load_keys_known(l, root, "the policy", sections, LOAD_COUNT(sections))) {
        return;
    }
    read_sections(l, root, 0, SITES);
    load_finish_zones(l);
    read_sections(l, root, SITES, HOSTS);
    load_finish_groups(l);
    read_sections(l, root, HOSTS, ACCOUNTS);
    load_finish_hosts(l);
    read_sections(l, root, ACCOUNTS, LOAD_COUNT(sections));
}

/* ---- loading ---- */

static int add_rules(struct loader *l)
{
    for (unsigned i = 0; i < l->names->rule_count; i++) {
        struct name_entry *first = NULL;
        const char *both[] = {l->names->rule_name(i), l->names->rule_code(i)};
        for (size_t k = 0; k < LOAD_COUNT(both); k++) {
            struct name_entry entry = {.name = both[k], .owner = i};
            if (name_add(&l->rules, l->scratch, entry, &first) == -ENOMEM) {
                return -ENOMEM;
            }
        }
    }
    return 0;
}

static int set_directory(struct loader *l, const char *path)
{
    const char *slash = strcmp(path, "-") == 0 ? NULL : strrchr(path, '/');
    size_t length = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
    l->directory = arena_text(l->scratch, path, length);
    return l->directory == NULL ? -ENOMEM : 0;
}

static int load(struct loader *l, const struct load_paths *paths, const struct load_file *file,
                FILE *errors)
{
    const struct yaml_node *root = NULL;
    const char *path = paths->policy;
    l->policy = arena_alloc(l->arena, sizeof *l->policy);
    l->faults = arena_alloc(l->scratch, sizeof *l->faults);
    if (l->policy == NULL || l->faults == NULL || set_directory(l, path) != 0 ||
        add_rules(l) != 0) {
        return -ENOMEM;
    }
    l->policy->path = load_copy(l, path);
    l->policy->index = l->index;
    l->policy->profile = PROFILE_CURRENT;
    l->policy->tls_minimum = 0x0303;
    memcpy(l->policy->sha256, file->sha256, sizeof file->sha256);
    if (l->error != 0) {
        return -ENOMEM;
    }
    struct bytes text = bytes_of(file->octets, file->length);
    int error = yaml_read(text, l->scratch, l->faults, &root);
    if (error == 0) {
        read_policy(l, root);
        error = l->error;
    }
    if (error != -ENOMEM && l->faults->total != 0) {
        faults_print(l->faults, path, errors);
        error = -EINVAL;
    }
    int of_matrix = error == -ENOMEM ? error : matrix_load(l, paths->matrix, errors);
    return of_matrix == 0 ? error : of_matrix;
}

static int load_in_arenas(struct loader *l, const struct load_paths *paths,
                          const struct load_file *file, FILE *errors)
{
    struct arena_pool pool;
    arena_pool_init(&pool, 0);
    arena_pool_init(&l->index->pool, 0);
    l->scratch = arena_new(&pool, LIMIT_POLICY_MEMORY);
    l->arena = arena_new(&l->index->pool, LIMIT_POLICY_MEMORY);
    l->index->arena = l->arena;
    int error = l->scratch == NULL || l->arena == NULL ? -ENOMEM : load(l, paths, file, errors);
    (void)arena_free(l->scratch);
    arena_pool_done(&pool);
    if (error != 0) {
        (void)arena_free(l->arena);
        arena_pool_done(&l->index->pool);
    }
    return error;
}

int load_octets(const struct load_paths *paths, const struct load_file *file,
                const struct policy_names *names, FILE *errors, struct policy **ret)
{
    struct loader l = {.names = names, .index = calloc(1, sizeof(struct policy_index))};
    int error = l.index == NULL ? -ENOMEM : load_in_arenas(&l, paths, file, errors);
    if (error == 0) {
        *ret = l.policy;
        return 0;
    }
    free(l.index);
    return error;
}

int policy_load(const char *path, const char *matrix, const struct policy_names *names,
                FILE *errors, struct policy **ret)
{
    const struct load_paths paths = {path, matrix};
    struct load_file file = {.octets = NULL};
    int error = load_file(path, &file);
    bool told = false;
    if (error == 0) {
        error = load_octets(&paths, &file, names, errors, ret);
        told = error == 0 || error == -EINVAL;
    }
    free(file.octets);
    if (!told) {
        load_file_fault(path, error, errors);
    }
    return error;
}
