#include "dissect/base64.h"
#include "tests/test.h"

static void texts(void **unused)
{
    (void)unused;
    static const struct {
        const char *text, *decoded; /* NULL: refused */
    } cases[] = {
        {"", ""},
        {"Zg==", "f"},
        {"Zm8=", "fo"},
        {"Zm9v", "foo"},
        {"Zm9vYg==", "foob"},
        {"Zm9vYmE=", "fooba"},
        {"Zm9vYmFy", "foobar"},
        {"Zm9vYg", "foob"},
        {"Zm 9v\r\n Yg==", "foob"},
        {"+/+/", "\xfb\xff\xbf"},
        {"Z", NULL},
        {"Zm9vZ", NULL},
        {"Zm9v=Zm9v", NULL},
        {"Zm9*", NULL},
        {"Zm9-", NULL},
        {"\x80\x80\x80\x80", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint8_t out[8];
        size_t len = 0;
        bool good = base64_decode(bytes_text(cases[i].text), out, sizeof out, &len);
        if (good != (cases[i].decoded != NULL) ||
            (good && !bytes_is(bytes_of(out, len), cases[i].decoded, strlen(cases[i].decoded)))) {
            fail_msg("\"%s\"", cases[i].text);
        }
    }
}

static void room(void **unused)
{
    (void)unused;
    uint8_t out[3] = {0, 0, 7};
    size_t len = 9;
    assert_false(base64_decode(bytes_text("Zm9v"), out, 2, &len));
    assert_int_equal(len, 9);
    assert_int_equal(out[2], 7);
    for (size_t digits = 0; digits < 100; digits++) {
        assert_true(base64_room(digits) >= digits * 6 / 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(texts), cmocka_unit_test(room)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
