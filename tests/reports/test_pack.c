/*
 * test_pack.c - records as columns, form by form. tests/reports/page_data.mjs reads them back with
 * the page's own code.
 */
#include "tests/test.h"

#include "reports/pack.h"

static void assert_packs(const char *values, const char *expected)
{
    json_t *rows[16];
    json_t *all = json_loads(values, JSON_ALLOW_NUL, NULL);
    assert_non_null(all);
    size_t count = json_array_size(all);
    assert_true(count <= 16);
    for (size_t i = 0; i < count; i++) {
        rows[i] = json_array_get(all, i);
    }
    json_t *column = pack_column(rows, count);
    char *text = json_dumps(column, JSON_COMPACT);
    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
    json_decref(column);
    json_decref(all);
}

static void columns_have_the_form_that_fits(void **state)
{
    static const struct {
        const char *values, *expected;
    } cases[] = {
        {"[]", "{\"v\":[]}"},
        {"[7,7,7]", "{\"c\":7}"},
        {"[{\"a\":1},{\"a\":1}]", "{\"c\":{\"a\":1}}"},
        {"[5,7,4]", "{\"d\":[5,2,-3]}"},
        {"[1,\"1\"]", "{\"v\":[1,\"1\"]}"},
        {"[0.5,1]", "{\"v\":[0.5,1]}"},
        {"[true,false,true]", "{\"v\":[true,false,true]}"},
        {"[\"a\",\"b\"]", "{\"v\":[\"a\",\"b\"]}"},
        {"[\"a\",\"b\",\"a\",\"a\"]", "{\"u\":{\"v\":[\"a\",\"b\"]},\"n\":2,\"i\":[0,1,0,0]}"},
        {"[[1],[],[2,3]]", "{\"l\":{\"d\":[1,-1,2]},\"e\":{\"d\":[1,1,1]}}"},
        {"[{\"a\":1,\"b\":2},{\"a\":3}]",
         "{\"o\":{\"a\":{\"d\":[1,2]},\"b\":{\"h\":[1,1],\"c\":{\"c\":2}}}}"},
        {"[{\"b\":1},{\"a\":2},{\"a\":4}]",
         "{\"o\":{\"b\":{\"h\":[1,2],\"c\":{\"c\":1}},\"a\":{\"h\":[0,1,2],\"c\":{\"d\":[2,2]}}}}"},
        {"[\"2026-11-23T08:26:27.112339Z\",\"2026-11-23T08:26:28.000001Z\"]",
         "{\"t\":6,\"b\":1795422387,\"d\":[112339,887662]}"},
        {"[\"1970-01-01T00:00:01Z\",\"1969-12-31T23:59:59Z\"]", "{\"t\":0,\"b\":1,\"d\":[0,-2]}"},
        {"[\"2026-11-23T08:26:27.1Z\",\"2026-11-23T08:26:28Z\"]",
         "{\"v\":[\"2026-11-23T08:26:27.1Z\",\"2026-11-23T08:26:28Z\"]}"},
        {"[\"2026-11-23T08:26:27Z\",\"2026-11-23T08:26:27Z\\u0000\"]",
         "{\"v\":[\"2026-11-23T08:26:27Z\",\"2026-11-23T08:26:27Z\\u0000\"]}"},
        /* Sums beyond 2^53 would not be exact in the page. */
        {"[9007199254740993,1]", "{\"v\":[9007199254740993,1]}"},
        {"[\"1970-01-01T00:00:00.000000001Z\",\"2026-01-01T00:00:00.000000001Z\"]",
         "{\"v\":[\"1970-01-01T00:00:00.000000001Z\",\"2026-01-01T00:00:00.000000001Z\"]}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_packs(cases[i].values, cases[i].expected);
    }
}

static void only_times_are_times(void **state)
{
    static const char *const others[] = {
        "",
        "Z",
        "2026-11-23",
        "2026-11-23T08:26:27",
        "2026-11-23T08:26:27+01:00",
        "2026-11-23 08:26:27Z",
        "2026-02-30T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-11-23T24:00:00Z",
        "2026-11-23T08:26:60Z",
        "2026-11-23T08:26:27.Z",
        "2026-11-23T08:26:27.1234567890Z",
        "2026-11-23T08:26:27,5Z",
        "+026-11-23T08:26:27Z",
        "2026-11-23T08:26:27.5 Z",
    };
    struct pack_time t;
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_false(pack_time(others[i], &t));
    }
    assert_true(pack_time("2026-11-23T08:26:27.000900Z", &t));
    assert_int_equal(t.seconds, 1795422387);
    assert_int_equal(t.fraction, 900);
    assert_int_equal(t.digits, 6);
    assert_true(pack_time("0001-01-01T00:00:00Z", &t));
    assert_int_equal(t.digits, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_have_the_form_that_fits),
        cmocka_unit_test(only_times_are_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
