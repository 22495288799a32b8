/*
 * test_json.c - the JSON writer, with jansson as the oracle.
 */
#include "tests/test.h"

#include <jansson.h>
#include <time.h>

#undef json_truth /* the writer has one of its own */

#include "dissect/text.h"
#include "reports/json.h"

/* What stands in the output, as a document; the caller frees. */
static json_t *document(struct output *out)
{
    size_t len = 0;
    json_error_t error;
    const char *text = output_memory(out, &len);
    json_t *parsed = json_loadb(text, len, JSON_ALLOW_NUL, &error);
    if (parsed == NULL) {
        fail_msg("%s in: %.*s", error.text, (int)len, text);
    }
    assert_int_equal(output_close(out), 0);
    return parsed;
}

/* At every place of a text of more than twice eight octets, which are looked at together. */
static void every_octet_survives(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256 * 20; c++) {
        uint8_t raw[20];
        char text[40];
        memset(raw, 'a', sizeof raw);
        raw[c / 256] = (uint8_t)c;
        size_t len = text_from_utf8(bytes_of(raw, sizeof raw), text, sizeof text);
        struct output *out = output_to_memory();
        struct json j = {.out = out};
        json_open(&j, NULL, '{');
        json_span(&j, "k", bytes_of(text, len));
        json_close(&j, '}');
        size_t written = 0;
        const char *line = output_memory(out, &written);
        for (size_t i = 0; i < written; i++) {
            assert_true((uint8_t)line[i] >= 0x20 && line[i] != 0x7f);
        }
        json_t *doc = document(out);
        json_t *value = json_object_get(doc, "k");
        assert_int_equal(json_string_length(value), len);
        assert_memory_equal(json_string_value(value), text, len);
        json_decref(doc);
    }
}

static void escapes_are_the_short_ones(void **state)
{
    static const struct {
        const char *label, *text, *written;
    } cases[] = {
        {"quote", "\"", "\"\\\"\""},
        {"backslash", "\\", "\"\\\\\""},
        {"backspace to return", "\b\t\n\f\r", "\"\\b\\t\\n\\f\\r\""},
        {"vertical tab", "\v", "\"\\u000b\""},
        {"escape", "\33[2J", "\"\\u001b[2J\""},
        {"delete", "\x7f", "\"\\u007f\""},
        {"slash", "/", "\"/\""},
        {"beyond ASCII", "\xc3\xa9", "\"\xc3\xa9\""},
        {"reading direction", "\xe2\x80\xae", "\"\\u202e\""},
        {"C1 control", "\xc2\x9b", "\"\\u009b\""},
        {"invisible, beyond 16 bits", "\xf3\xa0\x80\x81", "\"\\udb40\\udc01\""},
        {"emoji", "\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\""},
        {"no UTF-8", "a\xff\xc3", "\"a\\ufffd\\ufffd\""},
        {"overlong", "\xc0\xaf\xe0\x80\xaf", "\"\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\""},
        {"surrogate", "\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""},
        {"empty", "", "\"\""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct output *out = output_to_memory();
        struct json j = {.out = out};
        size_t len = 0;
        json_text(&j, NULL, cases[i].text);
        const char *text = output_memory(out, &len);
        if (len != strlen(cases[i].written) || memcmp(text, cases[i].written, len) != 0) {
            fail_msg("%s: %.*s", cases[i].label, (int)len, text);
        }
        assert_int_equal(output_close(out), 0);
    }
}

static void nesting_and_commas(void **state)
{
    static const uint8_t octets[] = {0x00, 0x9f, 0xff};
    (void)state;
    struct output *out = output_to_memory();
    struct json j = {.out = out};
    json_open(&j, NULL, '{');
    json_number(&j, "zero", 0);
    json_number(&j, "most", UINT64_MAX);
    json_text(&j, "nothing", NULL);
    json_truth(&j, "yes", true);
    json_open(&j, "empty", '[');
    json_close(&j, ']');
    json_open(&j, "list", '[');
    json_text(&j, NULL, "a");
    json_open(&j, NULL, '{');
    json_close(&j, '}');
    json_truth(&j, NULL, false);
    json_close(&j, ']');
    json_key(&j, bytes_text("group"));
    json_open(&j, NULL, '{');
    json_hex(&j, "hex", bytes_of(octets, sizeof octets));
    json_code(&j, "code", 0xc02f, 4);
    json_code(&j, "status", 0xc000006d, 8);
    json_close(&j, '}');
    json_parts(&j, "parts", " S10  S13 ", ' ');
    json_parts(&j, "none", NULL, ' ');
    json_close(&j, '}');
    size_t len = 0;
    const char *text = output_memory(out, &len);
    const char *wanted =
        "{\"zero\":0,\"most\":18446744073709551615,\"yes\":true,\"empty\":[],\"list\":[\"a\",{},"
        "false],"
        "\"group\":{\"hex\":\"009fff\",\"code\":\"0xc02f\",\"status\":\"0xc000006d\"},"
        "\"parts\":[\"S10\",\"S13\"],\"none\":[]}";
    assert_int_equal(len, strlen(wanted));
    assert_memory_equal(text, wanted, len);
    assert_int_equal(output_close(out), 0);
}

static void times(void **state)
{
    static const struct {
        int64_t ns;
        uint8_t precision;
        const char *text;
    } cases[] = {
        {0, 6, "1970-01-01T00:00:00.000000Z"},
        {0, 0, "1970-01-01T00:00:00Z"},
        {-1, 9, "1969-12-31T23:59:59.999999999Z"},
        {-1, 6, "1969-12-31T23:59:59.999999Z"},
        {-1000000000, 0, "1969-12-31T23:59:59Z"},
        {INT64_C(951782399999999999), 9, "2000-02-28T23:59:59.999999999Z"},
        {INT64_C(951782400000000000), 6, "2000-02-29T00:00:00.000000Z"},
        {INT64_C(951868800000000000), 6, "2000-03-01T00:00:00.000000Z"},
        {INT64_C(1709164800000000000), 0, "2024-02-29T00:00:00Z"},
        {INT64_C(1677628800000000000), 0, "2023-03-01T00:00:00Z"}, /* no leap year */
        {INT64_C(4107542400000000000), 0,
         "2100-03-01T00:00:00Z"}, /* a century without a leap day */
        {INT64_C(1763821993374238123), 6, "2025-11-22T14:33:13.374238Z"},
        {INT64_C(1763821993374238123), 9, "2025-11-22T14:33:13.374238123Z"},
        {INT64_MAX, 9, "2262-04-11T23:47:16.854775807Z"},
        {INT64_MIN, 9, "1677-09-21T00:12:43.145224192Z"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[TIME_TEXT];
        assert_string_equal(time_format(cases[i].ns, cases[i].precision, text), cases[i].text);
    }
}

/* Every day that ns can tell, against the C library. */
static void times_as_the_library_has_them(void **state)
{
    (void)state;
    for (int64_t day = -106751; day <= 106750; day++) {
        time_t seconds = (time_t)(day * 86400 + (day & 0xffff));
        struct tm broken;
        char wanted[TIME_TEXT], text[TIME_TEXT];
        assert_non_null(gmtime_r(&seconds, &broken));
        assert_true(strftime(wanted, sizeof wanted, "%Y-%m-%dT%H:%M:%SZ", &broken) > 0);
        assert_string_equal(time_format((int64_t)seconds * 1000000000, 0, text), wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_octet_survives),
        cmocka_unit_test(escapes_are_the_short_ones),
        cmocka_unit_test(nesting_and_commas),
        cmocka_unit_test(times),
        cmocka_unit_test(times_as_the_library_has_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
