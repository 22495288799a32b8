/*
 * test_wire_text.c - text of the wire: what is not valid becomes U+FFFD, what is long ends in
 * U+2026.
 */
#include "dissect/text.h"
#include "tests/test.h"

#define ROOM 64
#define BAD "\xef\xbf\xbd"
#define MORE "\xe2\x80\xa6"

static void test_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *label, *in, *out;
    } cases[] = {
        {"nothing", "", ""},
        {"ASCII", "CN=mp01.corp.example", "CN=mp01.corp.example"},
        {"two octets", "B\xc3\xbcro", "B\xc3\xbcro"},
        {"three octets", "\xe2\x82\xac", "\xe2\x82\xac"},
        {"four octets", "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
        {"after eight of ASCII", "12345678\xc3\xa4", "12345678\xc3\xa4"},
        {"cut", "a\xe2\x82", "a" BAD BAD},
        {"a tail alone", "\x80z", BAD "z"},
        {"too long a form of '/'", "\xc0\xaf", BAD BAD},
        {"too long a form, three octets", "\xe0\x80\xaf", BAD BAD BAD},
        {"too long a form, four octets", "\xf0\x80\x80\xaf", BAD BAD BAD BAD},
        {"a surrogate", "\xed\xa0\x80", BAD BAD BAD},
        {"past the last code point", "\xf4\x90\x80\x80", BAD BAD BAD BAD},
        {"no first octet", "\xff\xfe", BAD BAD},
        {"a tail that is none", "\xc3(", BAD "("},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char out[ROOM];
        print_message("%s\n", cases[i].label);
        size_t len = text_from_utf8(bytes_of(cases[i].in, strlen(cases[i].in)), out, sizeof out);
        assert_string_equal(out, cases[i].out);
        assert_int_equal(len, strlen(cases[i].out));
    }
}

static void test_utf16(void **state)
{
    (void)state;
    static const struct {
        const char *label, *in;
        size_t len;
        const char *out;
    } cases[] = {
        {"nothing", "", 0, ""},
        {"ASCII", "C\0O\0", 4, "CO"},
        {"one of two octets", "\xfc\0", 2, "\xc3\xbc"},
        {"one of three", "\xac\x20", 2, "\xe2\x82\xac"},
        {"a pair", "\x3d\xd8\x00\xde", 4, "\xf0\x9f\x98\x80"},
        {"half a unit", "C\0O", 3, "C" BAD},
        {"half a pair at the end", "\x3d\xd8", 2, BAD},
        {"half a pair before another", "\x3d\xd8z\0", 4, BAD "z"},
        {"the second half first", "\x00\xdez\0", 4, BAD "z"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char out[ROOM];
        print_message("%s\n", cases[i].label);
        size_t len = text_from_utf16le(bytes_of(cases[i].in, cases[i].len), out, sizeof out);
        assert_string_equal(out, cases[i].out);
        assert_int_equal(len, strlen(cases[i].out));
    }
}

/* Every room from the least on: terminated within it, whole code points, and the mark at the end.
 */
static void test_cut(void **state)
{
    (void)state;
    static const char *const texts[] = {"abcdefghijklmnopqrst",
                                        "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xc3\xa4",
                                        "\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80"};
    for (size_t t = 0; t < COUNT_OF(texts); t++) {
        struct bytes in = bytes_of(texts[t], strlen(texts[t]));
        for (size_t room = 8; room < in.len + 8; room++) {
            char *out = malloc(room); /* exact, so that a sanitizer sees one octet too many */
            assert_non_null(out);
            size_t len = text_from_utf8(in, out, room);
            assert_true(len < room && out[len] == '\0');
            if (strcmp(out, texts[t]) != 0) {
                assert_true(len >= 3 && memcmp(out + len - 3, MORE, 3) == 0);
                assert_memory_equal(out, texts[t], len - 3);
            } else {
                assert_true(room > in.len);
            }
            char again[ROOM];
            assert_int_equal(text_from_utf8(bytes_of(out, len), again, sizeof again), len);
            assert_string_equal(again, out);
            free(out);
        }
    }
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        uint64_t number;
        const char *decimal, *hex4, *hex16;
    } cases[] = {
        {0, "0", "0000", "0000000000000000"},
        {9, "9", "0009", "0000000000000009"},
        {10, "10", "000a", "000000000000000a"},
        {0xbeef, "48879", "beef", "000000000000beef"},
        {0x12345, "74565", "2345", "0000000000012345"},
        {UINT64_MAX, "18446744073709551615", "ffff", "ffffffffffffffff"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[TEXT_DECIMAL] = "********************";
        const char *end = text_decimal(text, cases[i].number);
        assert_string_equal(text, cases[i].decimal);
        assert_ptr_equal(end, text + strlen(text));
        assert_ptr_equal(text_hex(text, cases[i].number, 4), text + 4);
        assert_string_equal(text, cases[i].hex4);
        assert_ptr_equal(text_hex(text, cases[i].number, 16), text + 16);
        assert_string_equal(text, cases[i].hex16);
    }
    char uuid[TEXT_UUID];
    text_uuid(uuid, 0x6bffd098, 0xa112, 0x0361, UINT64_C(0x983346c3f87e345a));
    assert_string_equal(uuid, "6bffd098-a112-0361-9833-46c3f87e345a");
}

static void test_holds(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
        bool holds;
    } cases[] = {
        {NULL, "a", false},    {"", "a", false},
        {"a", "", true},       {NULL, "", false},
        {"ab", "abc", false},  {"xABc", "abC", true},
        {"aab", "ab", true},   {"{5D-1}", "5d-", true},
        {"a@b", "a`b", false}, {"sha1WithRSA", "md5", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(text_holds(cases[i].text, cases[i].part), cases[i].holds);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8),    cmocka_unit_test(test_utf16), cmocka_unit_test(test_cut),
        cmocka_unit_test(test_numbers), cmocka_unit_test(test_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
