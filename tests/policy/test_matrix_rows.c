/*
 * test_matrix_rows.c - the matrix as a file: its faults with their places, the rows of each
 * profile, and sets of rows against a plain search.
 */
#include <errno.h>

#include "policy/matrix.h"
#include "tests/policy/test_policy.h"

#define ROW "M1 client dns+wins other tcp+udp 53 one-way allow any 1511.. DNS\n"

static const char *matrix_path(const char *text, char path[64], int *ret_fd)
{
    *ret_fd = memfd_create("matrix", MFD_CLOEXEC);
    assert_true(*ret_fd >= 0);
    assert_int_equal(write(*ret_fd, text, strlen(text)), (ssize_t)strlen(text));
    (void)snprintf(path, 64, "/proc/self/fd/%d", *ret_fd);
    return path;
}

/* A policy of one line with this matrix; NULL: refused, and *ret_errors says why. */
static struct policy *load(const char *policy_text, const char *matrix, char **ret_errors)
{
    char policy_file[64], matrix_file[64];
    int policy_fd = -1, matrix_fd = -1;
    size_t size = 0;
    struct policy *p = NULL;
    FILE *errors = open_memstream(ret_errors, &size);
    assert_non_null(errors);
    (void)matrix_path(policy_text, policy_file, &policy_fd);
    (void)matrix_path(matrix, matrix_file, &matrix_fd);
    int error = policy_load(policy_file, matrix_file, &test_names, errors, &p);
    assert_int_equal(fclose(errors), 0);
    assert_true((error == 0) == (p != NULL));
    assert_true(error == 0 || error == -EINVAL);
    (void)close(policy_fd);
    (void)close(matrix_fd);
    return p;
}

// clang-format off
static const struct fault_case {
    const char *matrix, *says;
} faults[] = {
    {"", ":1:1: no rows; expected some"},
    {"# nothing\n\n", ":1:1: no rows"},
    {"M1\n", ":1:3: the row ends before its column 'opened-by'; expected 10 columns"},
    {"M1 client dns other tcp 53 one-way allow any\n", ":1:45: the row ends before its column 'versions'"},
    {ROW ROW, ":2:1: row 'M1' is declared twice; expected it once, first at line 1"},
    {"M1234567890123456 client dns other tcp 53 one-way allow any 1511..\n", ":1:1: row 'M1234567890123456' has no usable name; expected at most 15 letters"},
    {"M'1 client dns other tcp 53 one-way allow any 1511..\n", ":1:1: row 'M'1' has no usable name"},
    {"M1 clients dns other tcp 53 one-way allow any 1511..\n", ":1:4: unknown end 'clients'; expected a role, client, internet, site-system or internet-facing; did you mean 'client'?"},
    {"M1 client dns+managment-point other tcp 53 one-way allow any 1511..\n", ":1:15: unknown end 'managment-point'; expected a role, client, internet, site-system or internet-facing; did you mean 'management-point'?"},
    {"M1 client dns+ other tcp 53 one-way allow any 1511..\n", ":1:15: unknown end ''"},
    {"M1 client dns htpp tcp 53 one-way allow any 1511..\n", ":1:15: unknown protocol 'htpp'; expected http, https, http-or-https, smb, rpc, sql, ldap, kerberos, mixed, other; did you mean 'http'?"},
    {"M1 client dns other icmp 53 one-way allow any 1511..\n", ":1:21: unknown transport 'icmp'; expected tcp, udp, tcp+udp"},
    {"M1 client dns other tcp 0 one-way allow any 1511..\n", ":1:25: unknown port '0'; expected numbers from 1 to 65535"},
    {"M1 client dns other tcp 53,65536 one-way allow any 1511..\n", ":1:28: unknown port '65536'"},
    {"M1 client dns other tcp 20-10 one-way allow any 1511..\n", ":1:25: unknown port '20-10'"},
    {"M1 client dns other tcp 20-30-40 one-way allow any 1511..\n", ":1:25: unknown port '20-30-40'"},
    {"M1 client dns other tcp -5 one-way allow any 1511..\n", ":1:25: unknown port '-5'"},
    {"M1 client dns other tcp 1,2,3,4,5,6,7,dynamic one-way allow any 1511..\n", ":1:39: more ports than a row holds; expected at most 8, dynamic counting twice"},
    {"M1 client dns other tcp 53 oneway allow any 1511..\n", ":1:28: unknown direction 'oneway'; expected one-way, both-ways, answered-anew; did you mean 'one-way'?"},
    {"M1 client dns other tcp 53 one-way legacy any 1511..\n", ":1:36: unknown default 'legacy'; expected allow, if-declared, info"},
    {"M1 client dns other tcp 53 one-way allow some 1511..\n", ":1:42: unknown sites 'some'; expected any, same-site, parent-child"},
    {"M1 client dns other tcp 53 one-way allow any 2016\n", ":1:46: unknown versions '2016'; expected such as 1511.. or 1610..2111"},
    {"M1 client dns other tcp 53 one-way allow any ..2111\n", ":1:46: unknown versions '..2111'"},
    {"M1 client dns other tcp 53 one-way allow any 2111..1511\n", ":1:46: unknown versions '2111..1511'"},
    {"M1 client dns other tcp 53 one-way allow any 1610..2113\n", ":1:46: unknown versions '1610..2113'"},
};
// clang-format on

static void test_faults(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        char *errors = NULL;
        assert_null(load("profile: strict\n", faults[i].matrix, &errors));
        if (strstr(errors, faults[i].says) == NULL || strchr(errors, '\n')[1] != '\0') {
            fail_msg("%s\nsaid: %swanted: %s", faults[i].matrix, errors, faults[i].says);
        }
        free(errors);
    }
}

/* All mistakes at once, those of the policy too. */
static void test_all_at_once(void **state)
{
    static const char *const says[] = {":1:10: unknown profile 'currant'",
                                       ":1:4: unknown end 'clint'", ":1:22: unknown protocol 'x'",
                                       ":3:1: row 'M1' is declared twice"};
    char *errors = NULL;
    (void)state;
    assert_null(load("profile: currant\n",
                     "M1 clint dns         x    tcp 53 one-way allow any 1511..\n\n" ROW, &errors));
    for (size_t i = 0; i < COUNT_OF(says); i++) {
        assert_non_null(strstr(errors, says[i]));
    }
    free(errors);
}

static void test_unreadable(void **state)
{
    char path[64], *errors = NULL;
    int fd = -1;
    size_t size = 0;
    struct policy *p = NULL;
    FILE *out = open_memstream(&errors, &size);
    (void)state;
    (void)matrix_path("profile: strict\n", path, &fd);
    assert_int_equal(policy_load(path, "/nonexistent.txt", &test_names, out, &p), -EINVAL);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(errors, "/nonexistent.txt: cannot be read: No such file or directory\n");
    free(errors);
    (void)close(fd);
}

static void test_replaced(void **state)
{
    char *errors = NULL;
    (void)state;
    struct policy *p = load("profile: strict\n",
                            "# one\r\n\t" ROW "  # another\n"
                            "own.row-2 internet-facing site-system mixed tcp 80,1000-2000,dynamic "
                            "both-ways info other-hierarchy 1610..",
                            &errors);
    assert_string_equal(errors, "");
    free(errors);
    assert_non_null(p);
    const struct matrix_table *t = p->matrix_table;
    assert_int_equal(t->count, 2);
    const struct matrix_row *row = &t->rows[1];
    assert_string_equal(row->id, "own.row-2");
    assert_true(t->rows[0].to == (ROLE_BIT(ROLE_DNS) | ROLE_BIT(ROLE_WINS)));
    assert_true(row->from == MATRIX_INTERNET_FACING && row->to == MATRIX_SITE_SYSTEM);
    assert_int_equal(row->ports[1].last, 2000);
    assert_int_equal(row->ports[3].first, 1024);
    assert_int_equal(row->ports[4].first, 0);
    assert_int_equal(row->of, MATRIX_MIXED);
    assert_int_equal(row->direction, MATRIX_BOTH_WAYS);
    assert_int_equal(row->otherwise, MATRIX_INFO);
    assert_int_equal(row->sites, MATRIX_OTHER_HIERARCHY);
    assert_non_null(p->matrix_path);
    (void)policy_free(p);
}

/* Which rows of the built-in matrix a profile has: the first, one that was retired, one that came
 * later. */
static void test_profiles(void **state)
{
    static const struct {
        const char *policy;
        bool retired, later;
    } cases[] = {
        {"profile: article\n", true, false},
        {"profile: current\n", true, true},
        {"profile: strict\n", false, true},
        {"zones: {a: [10.0.0.0/8]}\n", true, true},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct policy *p = test_policy(cases[i].policy);
        bool first = false, retired = false, later = false;
        for (unsigned k = 0; k < p->matrix_table->count; k++) {
            const char *id = p->matrix_table->rows[k].id;
            first |= strcmp(id, "M001") == 0;
            retired |= strcmp(id, "M023") == 0; /* application catalogue: 1511..1906 */
            later |= strcmp(id, "M085") == 0;   /* cloud management gateway: 2107.. */
        }
        assert_true(first && retired == cases[i].retired && later == cases[i].later);
        assert_null(p->matrix_path);
        (void)policy_free(p);
    }
}

static void same_rows(const struct matrix_table *t, struct row_bits set, role_set opens,
                      role_set answers, bool back)
{
    for (unsigned i = 0; i < t->count; i++) {
        const struct matrix_row *row = &t->rows[i];
        bool fits = ((row->from & opens) != 0 && (row->to & answers) != 0) ||
                    (back && row->direction != MATRIX_ONE_WAY && (row->to & opens) != 0 &&
                     (row->from & answers) != 0);
        if (fits && matrix_rows_next(t, &set) != row) {
            fail_msg("%s is missing", row->id);
        }
    }
    assert_null(matrix_rows_next(t, &set));
}

static void test_sets(void **state)
{
    (void)state;
    struct policy *p = test_policy("profile: current\n");
    const struct matrix_table *t = p->matrix_table;
    for (unsigned i = 0; i < MATRIX_ENDS; i++) {
        for (unsigned k = 0; k < MATRIX_ENDS; k++) {
            role_set opens = ROLE_BIT(i) | ROLE_BIT((i * 7 + k) % MATRIX_ENDS);
            role_set answers = ROLE_BIT(k) | ROLE_BIT((k * 5 + i) % MATRIX_ENDS);
            same_rows(t, matrix_rows_between(t, opens, answers), opens, answers, false);
            same_rows(t, matrix_rows_both_ways(t, opens, answers), opens, answers, true);
        }
    }
    same_rows(t, matrix_rows_between(t, MATRIX_EVERY_END, MATRIX_EVERY_END), MATRIX_EVERY_END,
              MATRIX_EVERY_END, false);
    same_rows(t, matrix_rows_between(t, 0, MATRIX_EVERY_END), 0, MATRIX_EVERY_END, false);
    (void)policy_free(p);
}

/* As many rows as the limit lets in, and one more. */
static void test_limit(void **state)
{
    (void)state;
    for (unsigned more = 0; more < 2; more++) {
        char *text = NULL, *errors = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        for (unsigned i = 0; i < LIMIT_MATRIX_ROWS + more; i++) {
            (void)fprintf(out, "R%u client dns other tcp 53 one-way allow any 1511..\n", i);
        }
        assert_int_equal(fclose(out), 0);
        struct policy *p = load("profile: strict\n", text, &errors);
        assert_true((p == NULL) == (more == 1));
        if (more == 1) {
            assert_non_null(strstr(errors, ":513:1: more rows than 512; expected fewer\n"));
        } else {
            assert_int_equal(p->matrix_table->count, LIMIT_MATRIX_ROWS);
            same_rows(p->matrix_table,
                      matrix_rows_between(p->matrix_table, MATRIX_CLIENT, MATRIX_EVERY_END),
                      MATRIX_CLIENT, MATRIX_EVERY_END, false);
        }
        free(text);
        free(errors);
        (void)policy_free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults),     cmocka_unit_test(test_all_at_once),
        cmocka_unit_test(test_unreadable), cmocka_unit_test(test_replaced),
        cmocka_unit_test(test_profiles),   cmocka_unit_test(test_sets),
        cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
