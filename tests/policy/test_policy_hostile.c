/* Files that mean harm: each is refused with its reason, in less than a second. */
#include "tests/policy/test_policy.h"

#include <errno.h>
#include <time.h>

#include "capture/limits.h"

static double seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Sanitizers cost some 5 times; the promise is for the program as it is shipped. */
#if defined(__SANITIZE_ADDRESS__)
#define SECONDS 10.0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SECONDS 10.0
#endif
#endif
#ifndef SECONDS
#define SECONDS 1.0
#endif

struct text {
    char *at;
    size_t length;
};

static struct text repeated(const char *head, const char *piece, size_t times, const char *tail)
{
    size_t h = strlen(head), p = strlen(piece), t = strlen(tail);
    struct text all = {malloc(h + p * times + t + 1), h + p * times + t};
    assert_non_null(all.at);
    memcpy(all.at, head, h);
    for (size_t i = 0; i < times; i++) {
        memcpy(all.at + h + i * p, piece, p);
    }
    memcpy(all.at + h + times * p, tail, t + 1);
    return all;
}

/* Loads and frees; the answer's error, what it said in *ret_errors, and the time within bounds. */
static int load_quickly(struct text text, char **ret_errors)
{
    struct policy *p = NULL;
    double start = seconds();
    int error = test_load(text.at, text.length, &p, ret_errors);
    double took = seconds() - start;
    (void)policy_free(p);
    free(text.at);
    if (took >= SECONDS) {
        fail_msg("took %.2f s", took);
    }
    return error;
}

static void hostile_texts_are_refused_quickly(void **state)
{
    (void)state;
    unsigned wrong = 0;
    const size_t large = LIMIT_POLICY_OCTETS - 64;
    const struct {
        struct text text;
        const char *says;
    } cases[] = {
        {repeated("", "[", 20000, ""), "nested too deeply"},
        {repeated("a: ", "{a: ", 20000, ""), "nested too deeply"},
        {repeated("", "- ", 20000, ""), "nested too deeply"},
        {repeated("", "? ", 20000, ""), "a key is a list or a mapping"},
        {repeated("", "[", large, ""), "nested too deeply"},
        {repeated("", "\n", 3, "\0"), "declares nothing"},
        {repeated("hosts: {", "a: b, ", 200000, "}"), "duplicate key 'a'"},
        {repeated("zones: {a: [", "x, ", large / 3, "]}"), "grows past"},
        {repeated("hosts: \"", "a", large, "\"\n"), "hosts is text"},
        {repeated("hosts: {", "a", large, ": {}}\n"), "syntax"},
        {repeated("# ", "a", large, "\n"), "declares nothing"},
        {repeated("", "\xc3\x28", 1000, ""), "not UTF-8"},
        {repeated("\xff\xfe", "a", 1000, ""), "not UTF-8"},
        {repeated("", "\t", 100000, "a: b"), "tab"},
        {repeated("", "%", 100000, ""), "syntax"},
        {repeated("", "&a ", 100000, ""), "syntax"},
        {repeated("zones: {a: [", "&a x, ", 65, "]}"), "one too many"},
        {repeated("zones: {a: [", "*a, ", 65, "]}"), "no anchor"},
        {repeated("", "'", 99999, ""), "syntax"},
        {repeated("", ": ", 100000, ""), "syntax"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *errors = NULL;
        int error = load_quickly(cases[i].text, &errors);
        if (error != -EINVAL || strstr(errors, cases[i].says) == NULL) {
            print_error("case %zu, '%s': %d\n%.400s", i, cases[i].says, error, errors);
            wrong++;
        }
        free(errors);
    }
    assert_int_equal(wrong, 0);
}

static void nul_octets_are_refused(void **state)
{
    (void)state;
    struct text text = repeated("hosts: ", "x", 1000, "");
    memset(text.at + 7, 0, 1000);
    char *errors = NULL;
    assert_int_equal(load_quickly(text, &errors), -EINVAL);
    assert_true(strncmp(errors, "1:8: control character U+0000", 29) == 0);
    free(errors);
}

static void an_alias_bomb_does_not_go_off(void **state)
{
    (void)state;
    char text[2048] = "zones:\n  a0: &a0 [10.0.0.0/8, 10.0.0.0/8]\n";
    size_t length = strlen(text);
    for (unsigned i = 1; i < 12; i++) {
        length += (size_t)snprintf(text + length, sizeof text - length,
                                   "  a%u: &a%u [*a%u, *a%u, *a%u, *a%u, *a%u, *a%u, *a%u, *a%u]\n",
                                   i, i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    }
    char *errors = NULL;
    assert_int_equal(load_quickly(repeated(text, "", 0, ""), &errors), -EINVAL);
    assert_non_null(strstr(errors, "grows past"));
    free(errors);
}

static void aliases_cannot_deepen_past_the_limit(void **state)
{
    (void)state;
    char text[1024] = "a0: &a0 []\n";
    size_t length = strlen(text);
    for (unsigned i = 1; i < 20; i++) {
        length += (size_t)snprintf(text + length, sizeof text - length, "a%u: &a%u [*a%u]\n", i, i,
                                   i - 1);
    }
    char *errors = NULL;
    assert_int_equal(load_quickly(repeated(text, "", 0, ""), &errors), -EINVAL);
    assert_non_null(strstr(errors, "nested too deeply"));
    free(errors);
}

static void a_file_past_the_limit_is_not_read(void **state)
{
    (void)state;
    char *errors = NULL;
    assert_int_equal(load_quickly(repeated("", "#", 5u << 20, "\n"), &errors), -EFBIG);
    assert_non_null(strstr(errors, "larger than 4194304 octets"));
    free(errors);
}

/* Every octet lost or changed: any answer, no crash. */
static void damaged_texts_are_answered(void **state)
{
    (void)state;
    static const char text[] =
        "forests: {c: {domains: [c.example]}}\ntrusts: []\nzones: {a: [10.0.0.0/8]}\n"
        "sites: {P01: {type: primary}}\nhosts: {m.c.example: {addresses: [10.0.0.1], forest: c, "
        "site: P01, roles: [{management-point: {clients: https, ports: {http: [80]}}}]}}\n"
        "watch: [{name: a, when: {smb.dialect: {not: [x]}, server.role: a}}]\n"
        "accept: [{rule: R061, server: m, until: 2030-01-01}]\n";
    static const unsigned char octets[] = {0, '\n', ' ', '[', '{', '*', '"', 0x80};
    char copy[sizeof text];
    for (size_t i = 0; i < sizeof text - 1; i++) {
        for (size_t k = 0; k <= COUNT_OF(octets); k++) {
            size_t length = k == COUNT_OF(octets) ? i : sizeof text - 1; /* or cut here */
            memcpy(copy, text, sizeof text);
            copy[i] = k == COUNT_OF(octets) ? '\0' : (char)octets[k];
            struct policy *p = NULL;
            char *errors = NULL;
            int error = test_load(copy, length, &p, &errors);
            assert_true(error == 0 ? p != NULL : error == -EINVAL && errors[0] != '\0');
            (void)policy_free(p);
            free(errors);
        }
    }
}

/* Nanoseconds of policy_host over `hosts` addresses in a row. */
static double time_hosts(const struct policy *p, unsigned hosts)
{
    unsigned rounds = 2000000 / hosts;
    uint64_t found = 0;
    double start = seconds();
    for (unsigned n = 0; n < rounds; n++) {
        for (unsigned i = 0; i < hosts; i++) {
            const uint8_t v4[] = {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
            struct address a = address_v4(v4);
            found += policy_host(p, &a) != NULL;
        }
    }
    double took = seconds() - start;
    assert_int_equal(found, (uint64_t)rounds * hosts);
    return took * 1e9 / rounds / hosts;
}

/* A hierarchy larger than any: it loads, and the look-ups stay those of tables. */
static void a_large_hierarchy_loads(void **state)
{
    (void)state;
    enum { HOSTS = 40000 };
    size_t size = LIMIT_POLICY_OCTETS, length;
    char *text = malloc(size);
    assert_non_null(text);
    length = (size_t)snprintf(text, size, "zones: {a: [10.0.0.0/8]}\nhosts:\n");
    for (unsigned i = 0; i < HOSTS; i++) {
        length += (size_t)snprintf(text + length, size - length,
                                   "  h%u.corp.example: {addresses: [10.%u.%u.%u], roles: [dns]}\n",
                                   i, i >> 16, i >> 8 & 255, i & 255);
    }
    assert_true(length < size);
    struct policy *p = NULL;
    char *errors = NULL;
    double start = seconds();
    assert_int_equal(test_load(text, length, &p, &errors), 0);
    assert_true(seconds() - start < 2 * SECONDS);
    free(errors);
    free(text);
    double all = time_hosts(p, HOSTS), few = time_hosts(p, 500);
    print_message("policy_host: %.1f ns over all, %.1f ns over 500\n", all, few);
    assert_true(all < 1000 * SECONDS); /* a walk of the hosts would take some 40,000 ns */
    assert_string_equal(policy_host_named(p, "h39999")->name, "h39999.corp.example");
    (void)policy_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_texts_are_refused_quickly),
        cmocka_unit_test(nul_octets_are_refused),
        cmocka_unit_test(an_alias_bomb_does_not_go_off),
        cmocka_unit_test(aliases_cannot_deepen_past_the_limit),
        cmocka_unit_test(a_file_past_the_limit_is_not_read),
        cmocka_unit_test(damaged_texts_are_answered),
        cmocka_unit_test(a_large_hierarchy_loads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
