#include "dissect/der.h"
#include "tests/test.h"

#define TEXT(octets) bytes_of(octets, sizeof(octets) - 1)

static void elements(void **unused)
{
    (void)unused;
    static const struct {
        const char *label;
        struct bytes octets;
        bool good;
        uint32_t tag;
        size_t len;
    } cases[] = {
        {"short length", {(const uint8_t *)"\x04\x02hi", 4}, true, 0x04, 2},
        {"empty", {(const uint8_t *)"\x05\x00", 2}, true, 0x05, 0},
        {"one length octet, not the shortest", {(const uint8_t *)"\x04\x81\x02hi", 5}, true, 4, 2},
        {"four length octets", {(const uint8_t *)"\x30\x84\0\0\0\x02hi", 8}, true, 0x30, 2},
        {"five length octets", {(const uint8_t *)"\x30\x85\0\0\0\0\x02hi", 9}, false, 0, 0},
        {"indefinite", {(const uint8_t *)"\x30\x80\0\0", 4}, false, 0, 0},
        {"reserved length", {(const uint8_t *)"\x30\xff\0\0", 4}, false, 0, 0},
        {"two-octet tag", {(const uint8_t *)"\x5f\x1f\x01x", 4}, true, 0x5f1f, 1},
        {"four-octet tag", {(const uint8_t *)"\x5f\x81\x82\x03\x00", 5}, true, 0x5f818203, 0},
        {"five-octet tag", {(const uint8_t *)"\x5f\x81\x82\x83\x04\x00", 6}, false, 0, 0},
        {"longer than there is", {(const uint8_t *)"\x04\x03hi", 4}, false, 0, 0},
        {"4 GiB", {(const uint8_t *)"\x04\x84\xff\xff\xff\xffhi", 8}, false, 0, 0},
        {"no length", {(const uint8_t *)"\x04", 1}, false, 0, 0},
        {"half a length", {(const uint8_t *)"\x04\x82\x01", 3}, false, 0, 0},
        {"nothing", {NULL, 0}, false, 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct cursor c = cursor_of(cases[i].octets);
        struct der element = der_next(&c);
        if (c.failed == cases[i].good || element.tag != cases[i].tag ||
            element.value.len != cases[i].len) {
            fail_msg("%s: tag %x, %zu octets", cases[i].label, element.tag, element.value.len);
        }
        assert_int_equal(c.rest.len, 0);
    }
}

static void measured(void **unused)
{
    (void)unused;
    static const struct {
        struct bytes octets;
        enum der_extent extent;
        uint64_t size;
    } cases[] = {
        {{NULL, 0}, DER_SHORT, 0},
        {{(const uint8_t *)"\x30", 1}, DER_SHORT, 0},
        {{(const uint8_t *)"\x30\x05", 2}, DER_WHOLE, 7},
        {{(const uint8_t *)"\x30\x84\0\0", 4}, DER_SHORT, 0},
        {{(const uint8_t *)"\x30\x84\0\0\1\0", 6}, DER_WHOLE, 262},
        {{(const uint8_t *)"\x30\x84\xff\xff\xff\xff", 6}, DER_WHOLE, 6 + (uint64_t)UINT32_MAX},
        {{(const uint8_t *)"\x30\x80", 2}, DER_BROKEN, 0},
        {{(const uint8_t *)"\x30\x85", 2}, DER_BROKEN, 0},
        {{(const uint8_t *)"\x1f\x81\x82", 3}, DER_SHORT, 0},
        {{(const uint8_t *)"\x1f\x81\x82\x83", 4}, DER_BROKEN, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint64_t size = 0;
        assert_int_equal(der_measure(cases[i].octets, &size), cases[i].extent);
        assert_int_equal(size, cases[i].size);
    }
}

static void integers(void **unused)
{
    (void)unused;
    static const struct {
        struct bytes octets;
        bool good;
        int64_t value;
    } cases[] = {
        {{(const uint8_t *)"\x02\x01\x00", 3}, true, 0},
        {{(const uint8_t *)"\x02\x01\x7f", 3}, true, 127},
        {{(const uint8_t *)"\x02\x01\x80", 3}, true, -128},
        {{(const uint8_t *)"\x02\x02\x00\x80", 4}, true, 128},
        {{(const uint8_t *)"\x02\x08\x7f\xff\xff\xff\xff\xff\xff\xff", 10}, true, INT64_MAX},
        {{(const uint8_t *)"\x02\x08\x80\0\0\0\0\0\0\0", 10}, true, INT64_MIN},
        {{(const uint8_t *)"\x02\x09\0\0\0\0\0\0\0\0\1", 11}, false, 0},
        {{(const uint8_t *)"\x02\x00", 2}, false, 0},
        {{(const uint8_t *)"\x0a\x01\x05", 3}, false, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct cursor c = cursor_of(cases[i].octets);
        int64_t value = der_int(&c, DER_INTEGER);
        assert_int_equal(c.failed, !cases[i].good);
        assert_true(value == cases[i].value);
    }
    struct cursor yes = cursor_of(TEXT("\x01\x01\xff\x01\x01\x00\x01\x02\x00\x00"));
    assert_true(der_bool(&yes, DER_BOOLEAN));
    assert_false(der_bool(&yes, DER_BOOLEAN));
    assert_false(yes.failed);
    assert_false(der_bool(&yes, DER_BOOLEAN));
    assert_true(yes.failed);
}

static void structures(void **unused)
{
    (void)unused;
    /* SEQUENCE { [0] INTEGER 7, OID 1.3.6, [2] OCTET STRING "x" } and one trailing octet */
    struct bytes whole = TEXT("\x30\x0e\xa0\x03\x02\x01\x07\x06\x02\x2b\x06\xa2\x03\x04\x01x\x99");
    struct cursor c = cursor_of(whole);
    assert_int_equal(der_peek(&c), DER_SEQUENCE);
    struct cursor in = der_open(&c, DER_SEQUENCE);
    struct cursor zero = der_option(&in, DER_CONTEXT);
    assert_int_equal(der_int(&zero, DER_INTEGER), 7);
    assert_int_equal(der_option(&in, DER_CONTEXT + 1).rest.len, 0);
    assert_true(bytes_is(der_take(&in, DER_OID), "\x2b\x06", 2));
    struct cursor two = der_option(&in, DER_CONTEXT + 2);
    assert_true(bytes_is(der_take(&two, DER_OCTET_STRING), "x", 1));
    assert_false(in.failed || zero.failed || two.failed || c.failed);
    assert_int_equal(c.rest.len, 1);
    assert_int_equal(der_peek(&in), 0);
    /* The wrong tag fails, and stays failed. */
    c = cursor_of(whole);
    assert_true(der_open(&c, DER_SET).failed);
    assert_true(c.failed);
    assert_true(der_open(&c, DER_SEQUENCE).failed);
    /* An inner element that claims more than the outer one holds */
    c = cursor_of(TEXT("\x30\x03\x04\x05"
                       "ABCDE"));
    in = der_open(&c, DER_SEQUENCE);
    assert_false(in.failed);
    assert_int_equal(der_take(&in, DER_OCTET_STRING).len, 0);
    assert_true(in.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements),
        cmocka_unit_test(measured),
        cmocka_unit_test(integers),
        cmocka_unit_test(structures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
