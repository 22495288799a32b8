/*
 * fuzz_policy.c - the input as a policy file.
 *
 * Checked: a refusal says why, one line each with its place; what loads answers look-ups and
 * checks.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static const char *rule_name(unsigned rule)
{
    return rule == 0 ? "smb-signing-not-required" : "capture-gap";
}

static const char *rule_code(unsigned rule)
{
    return rule == 0 ? "R061" : "R120";
}

static void hear(void *user, const struct policy_remark *r)
{
    (void)user;
    must(r->text[0] != '\0' && r->severity != SEVERITY_OFF && r->place.line != 0);
}

static void ask(const struct policy *p)
{
    policy_check(p, hear, NULL);
    for (unsigned i = 0; i < p->host_count; i++) {
        const struct host *h = &p->hosts[i];
        must(policy_host_named(p, h->name) == h);
        for (unsigned k = 0; k < h->address_count; k++) {
            must(policy_host(p, &h->addresses[k]) == h);
            must(policy_zone(p, &h->addresses[k]) != NULL);
        }
    }
    for (unsigned i = 0; i < p->group_count; i++) {
        for (unsigned k = 0; k < p->groups[i].count; k++) {
            const struct prefix *prefix = &p->groups[i].prefixes[k];
            const struct client_group *g = policy_group(p, &prefix->address);
            /* A prefix of IPv6 that begins at ::ffff:0:0 holds no address of IPv4. */
            must(g != NULL || !prefix_holds(prefix, &prefix->address));
        }
    }
    for (unsigned i = 0; i < p->matrix_count; i++) {
        const struct address a = {.octets = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1}};
        (void)selector_matches(p, &p->matrix[i].from, &a);
        (void)selector_matches(p, &p->matrix[i].to, &a);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct policy_names names = {2, rule_name, rule_code};
    char path[64], *said = NULL;
    size_t length = 0;
    struct policy *p = NULL;
    int fd = memfd_create("policy", MFD_CLOEXEC);
    must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    FILE *errors = open_memstream(&said, &length);
    must(errors != NULL);
    int error = policy_load(path, NULL, &names, errors, &p);
    must(fclose(errors) == 0);
    (void)close(fd);
    if (error == 0) {
        must(length == 0 && p != NULL);
        ask(p);
        (void)policy_free(p);
    } else {
        must((error == -EINVAL || error == -EFBIG) && length != 0 && p == NULL);
        for (const char *line = said; *line != '\0'; line = strchr(line, '\n') + 1) {
            must(strncmp(line, path, strlen(path)) == 0);
        }
    }
    free(said);
    return 0;
}
