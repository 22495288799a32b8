/* The n-th allocation fails, for every n: -ENOMEM with one line, no crash, no leak; and then it
 * loads. Linked with -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc. */
#include "tests/policy/test_policy.h"

#include <errno.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static long left = -1; /* allocations until one fails; negative: none does */

static bool fails(void)
{
    return left >= 0 && left-- == 0;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    char path[1024], said[512];
    const char *slash = strrchr(__FILE__, '/');
    (void)snprintf(path, sizeof path, "%.*s/../../policy/sample.yaml", (int)(slash - __FILE__),
                   __FILE__);
    int error = -ENOMEM;
    long n = 0;
    for (; error != 0; n++) {
        struct policy *p = NULL;
        FILE *errors = fmemopen(said, sizeof said, "w");
        assert_non_null(errors);
        left = n;
        error = policy_load(path, NULL, &test_names, errors, &p);
        left = -1;
        assert_int_equal(fclose(errors), 0);
        if (error != 0) {
            assert_int_equal(error, -ENOMEM);
            assert_null(p);
            assert_non_null(strstr(said, "cannot be read: Cannot allocate memory"));
        }
        (void)policy_free(p);
    }
    assert_true(n > 10);
}

static void count_remark(void *user, const struct policy_remark *r)
{
    (void)r;
    ++*(unsigned *)user;
}

static void checks_need_no_memory(void **state)
{
    (void)state;
    struct policy *p =
        test_policy("sites: {P01: {type: primary}}\nhosts: {a.corp.example: {site: P01, roles: "
                    "[fallback-status-point, dns]}}\n");
    for (long n = 0; n < 3; n++) {
        unsigned count = 0;
        left = n;
        policy_check(p, count_remark, &count);
        left = -1;
        assert_true(count >=
                    2); /* what rests on the site servers is left out without their table */
    }
    (void)policy_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(checks_need_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
