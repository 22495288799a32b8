#include "tests/test.h"

#include "dissect/nt_status.h"

static void test_names(void **state)
{
    (void)state;
    static const struct {
        uint32_t code;
        const char *name; /* NULL: the code has none */
    } cases[] = {
        {0x00000000, "STATUS_SUCCESS"},
        {0x00000103, "STATUS_PENDING"},
        {0xc0000016, "STATUS_MORE_PROCESSING_REQUIRED"},
        {0xc000006d, "STATUS_LOGON_FAILURE"},
        {0xc0000413, "STATUS_AUTHENTICATION_FIREWALL_FAILED"},
        {0xc05d0001, "STATUS_SMB_BAD_CLUSTER_DIALECT"},
        {0xdeadbeef, NULL},
        {0xffffffff, NULL},
        {0x00000001, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *name = nt_status_name(cases[i].code);
        if (cases[i].name == NULL) {
            assert_null(name);
        } else {
            assert_non_null(name);
            assert_string_equal(name, cases[i].name);
        }
    }
}

/* Every row is found by its code, so the table is in rising order. */
static void test_order(void **state)
{
    (void)state;
    static const struct {
        uint32_t code;
        const char *name;
    } rows[] = {
#define NT_STATUS(code, name) {code, #name},
#include "dissect/nt_status.def"
#undef NT_STATUS
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *name = nt_status_name(rows[i].code);
        assert_non_null(name);
        assert_string_equal(name, rows[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
