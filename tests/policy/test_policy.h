/*
 * test_policy.h - a policy from text, as every test of policy/ needs it.
 *
 * The text goes through a memfd, so that the real reader reads a real path; names are those of a
 * small rule table.
 */
#ifndef ROLECALL_TESTS_POLICY_TEST_POLICY_H
#define ROLECALL_TESTS_POLICY_TEST_POLICY_H

#include "tests/test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "policy/policy.h"

static const char *const test_rules[][2] = {
    {"smb-signing-not-required", "R061"},
    {"smb-content-readable", "R063"},
    {"ntlm-where-kerberos-expected", "R040"},
    {"capture-gap", "R120"},
};

static inline const char *test_rule_name(unsigned rule)
{
    return test_rules[rule][0];
}

static inline const char *test_rule_code(unsigned rule)
{
    return test_rules[rule][1];
}

static const struct policy_names test_names = {4, test_rule_name, test_rule_code};

/* What policy_load answers for `text`; *ret_errors holds what it printed, the path cut off each
 * line, and is the caller's to free. */
static inline int test_load(const void *text, size_t length, struct policy **ret, char **ret_errors)
{
    char path[64];
    size_t size = 0;
    int fd = memfd_create("policy", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, length), (ssize_t)length);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    FILE *errors = open_memstream(ret_errors, &size);
    assert_non_null(errors);
    *ret = NULL;
    int error = policy_load(path, NULL, &test_names, errors, ret);
    assert_int_equal(fclose(errors), 0);
    (void)close(fd);
    size_t prefix = strlen(path) + 1;
    char *to = *ret_errors;
    for (const char *from = *ret_errors; *from != '\0';) {
        assert_memory_equal(from, path, prefix - 1); /* every line names the file */
        from += prefix;
        size_t line = strcspn(from, "\n") + 1;
        memmove(to, from, line);
        to += line;
        from += line;
    }
    *to = '\0';
    return error;
}

static inline struct policy *test_policy(const char *text)
{
    struct policy *p = NULL;
    char *errors = NULL;
    int error = test_load(text, strlen(text), &p, &errors);
    if (error != 0) {
        print_error("%s", errors);
    }
    free(errors);
    assert_int_equal(error, 0);
    return p;
}

#endif
