/*
 * test_text_layout.c - wrapping, columns, and hostile text made harmless; figures.
 */
#include "tests/test.h"

#include "reports/text_figures.h"
#include "reports/text_layout.h"

static struct layout layout_of(struct output *out, unsigned width, bool color)
{
    struct text_style style = {.color = color, .width = width};
    struct layout l;
    layout_init(&l, out, &style);
    return l;
}

/* The output so far as a string; the output is closed. The caller frees. */
static char *taken(struct output *out)
{
    size_t len = 0;
    const char *text = output_memory(out, &len);
    char *copy = malloc(len + 1);
    assert_non_null(copy);
    memcpy(copy, text, len);
    copy[len] = '\0';
    assert_int_equal(output_close(out), 0);
    return copy;
}

static void wraps_at_the_width(void **state)
{
    static const struct {
        const char *label, *text, *laid;
        unsigned width, indent, hang;
    } cases[] = {
        {"fits", "one two", "one two\n", 20, 0, 0},
        {"exactly", "one two three four x", "one two three four x\n", 20, 0, 0},
        {"one more", "one two three four xy", "one two three four\nxy\n", 20, 0, 0},
        {"hanging", "aaaa bbbb cccc dddd eeee ffff", "  aaaa bbbb cccc dddd\n    eeee ffff\n", 21,
         2, 4},
        {"long word", "x abcdefghijklmnopqrstuvwxyz", "x\nabcdefghijklmnopqrst\nuvwxyz\n", 20, 0,
         0},
        {"blanks and line ends are one blank", "  one \n\n two  \n", "one two\n", 20, 0, 0},
        {"nothing", "", "\n", 20, 0, 0},
        {"wide characters take two",
         "\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2\xe5"
         "\xad\x97\xe6\xbc\xa2 ab",
         "\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2\xe5"
         "\xad\x97\xe6\xbc\xa2\nab\n",
         20, 0, 0},
        {"an indent leaves room", "one two three four", "    one two three\n    four\n", 20, 90,
         90},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct output *out = output_to_memory();
        struct layout l = layout_of(out, cases[i].width, false);
        layout_begin(&l, cases[i].indent, cases[i].hang);
        layout_text(&l, INK_PLAIN, cases[i].text);
        layout_end(&l);
        char *text = taken(out);
        if (strcmp(text, cases[i].laid) != 0) {
            fail_msg("%s:\n%s", cases[i].label, text);
        }
        free(text);
    }
}

static void columns_line_up(void **state)
{
    (void)state;
    struct output *out = output_to_memory();
    struct layout l = layout_of(out, 40, false);
    layout_begin(&l, 0, 8);
    layout_text(&l, INK_PLAIN, "a");
    layout_column(&l, 8);
    layout_text(&l, INK_PLAIN, "b");
    layout_right(&l, INK_PLAIN, 20, "123");
    layout_end(&l);
    layout_begin(&l, 0, 2);
    layout_text(&l, INK_PLAIN, "longer-than-that");
    layout_column(&l, 8);
    layout_text(&l, INK_PLAIN, "b");
    layout_end(&l);
    layout_begin(&l, 0, 2);
    layout_unbroken(&l, INK_PLAIN, "https://a.example/0123456789012345678901234567890123456789");
    layout_end(&l);
    char *text = taken(out);
    assert_string_equal(text, "a       b        123\nlonger-than-that\n        b\n"
                              "https://a.example/0123456789012345678901234567890123456789\n");
    free(text);
}

static void what_belongs_together_stays_so(void **state)
{
    (void)state;
    struct output *out = output_to_memory();
    struct layout l = layout_of(out, 20, false);
    layout_begin(&l, 0, 2);
    layout_text(&l, INK_PLAIN, "from a host on");
    layout_together(&l, INK_PLAIN, "port 445");
    layout_together(&l, INK_PLAIN, "which has no room in any line");
    layout_together(&l, INK_PLAIN, "cut \xe2\x82");
    layout_end(&l);
    char *text = taken(out);
    assert_string_equal(text, "from a host on\n  port 445 which has\n  no room in any\n  line cut "
                              "\xef\xbf\xbd\xef\xbf\xbd\n");
    free(text);
}

static void hostile_text_is_shown(void **state)
{
    static const struct {
        const char *label, *text, *laid;
    } cases[] = {
        {"escape sequence", "a\33[31mb", "a\\x1b[31mb\n"},
        {"title of the window", "\33]0;x\a", "\\x1b]0;x\\x07\n"},
        {"return, tab, backspace", "a\rb\tc\bd", "a\\x0db\\x09c\\x08d\n"},
        {"delete", "a\x7f", "a\\x7f\n"},
        {"C1: CSI in one character",
         "a\xc2\x9b"
         "31mb",
         "a\\x9b31mb\n"},
        {"C1 as a raw octet",
         "a\x9b"
         "31mb",
         "a\xef\xbf\xbd"
         "31mb\n"},
        {"right-to-left override",
         "a\xe2\x80\xae"
         "b",
         "a\\u202eb\n"},
        {"isolate", "\xe2\x81\xa6x\xe2\x81\xa9", "\\u2066x\\u2069\n"},
        {"arabic letter mark", "\xd8\x9c", "\\u061c\n"},
        {"zero width",
         "a\xe2\x80\x8b"
         "b\xef\xbb\xbf",
         "a\\u200bb\\ufeff\n"},
        {"line separator",
         "a\xe2\x80\xa8"
         "b",
         "a\\u2028b\n"},
        {"tag", "\xf3\xa0\x81\x81", "\\U000e0041\n"},
        {"overlong", "\xc0\x9b", "\xef\xbf\xbd\xef\xbf\xbd\n"},
        {"cut UTF-8", "ab\xe2\x82", "ab\xef\xbf\xbd\xef\xbf\xbd\n"},
        {"surrogate", "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\n"},
        {"harmless", "DOM\\J\xc3\xb6rg \xd0\x96", "DOM\\J\xc3\xb6rg \xd0\x96\n"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct output *out = output_to_memory();
        struct layout l = layout_of(out, 100, false);
        layout_begin(&l, 0, 0);
        layout_text(&l, INK_PLAIN, cases[i].text);
        layout_end(&l);
        char *text = taken(out);
        if (strcmp(text, cases[i].laid) != 0) {
            fail_msg("%s: %s", cases[i].label, text);
        }
        free(text);
    }
}

/* Whatever two octets come, at any width: only printable octets and line ends, no blank before one,
 * no line too long. */
static void no_octets_break_out(void **state)
{
    (void)state;
    for (unsigned pair = 0; pair < 65536; pair++) {
        const char raw[] = {'w', 'o', 'r', 'd', ' ', (char)(pair >> 8), (char)(pair & 255),
                            'x', ' ', 'y', '\0'};
        struct output *out = output_to_memory();
        struct layout l = layout_of(out, 16 + pair % 5, false);
        layout_begin(&l, 2, 3);
        layout_text(&l, INK_PLAIN, raw);
        layout_end(&l);
        size_t len = 0, line = 0;
        const char *text = output_memory(out, &len);
        for (size_t i = 0; i < len; i++) {
            uint8_t c = (uint8_t)text[i];
            if ((c < 0x20 && c != '\n') || c == 0x7f ||
                (c == '\n' && i > 0 && text[i - 1] == ' ')) {
                fail_msg("octets %04x give %02x at %zu", pair, c, i);
            }
            line = c == '\n' ? 0 : line + ((c & 0xc0) != 0x80);
            assert_true(line <= l.width);
        }
        assert_int_equal(output_close(out), 0);
    }
}

static void a_word_without_end_is_cut(void **state)
{
    static char word[3 * LAYOUT_WORD];
    (void)state;
    memset(word, 'x', sizeof word - 1);
    struct output *out = output_to_memory();
    struct layout l = layout_of(out, 64, false);
    layout_begin(&l, 0, 0);
    layout_text(&l, INK_PLAIN, word);
    layout_end(&l);
    char *text = taken(out);
    size_t len = strlen(text);
    assert_true(len < LAYOUT_WORD + LAYOUT_WORD / 32);
    assert_memory_equal(text + len - 4, "\xe2\x80\xa6\n", 4);
    free(text);
}

static void colour_only_where_wanted(void **state)
{
    (void)state;
    for (int color = 0; color < 2; color++) {
        struct output *out = output_to_memory();
        struct layout l = layout_of(out, 20, color != 0);
        layout_begin(&l, 0, 0);
        layout_text(&l, INK_HIGH, "abcdefghijklmnopqrstuv w");
        layout_column(&l, 6);
        layout_text(&l, INK_CRITICAL, "x");
        layout_end(&l);
        char *text = taken(out);
        /* Colour runs neither over a line's end nor over the blanks before other ink. */
        assert_string_equal(
            text,
            color != 0
                ? "\33[1;31mabcdefghijklmnopqrst\33[0m\n\33[1;31muv w\33[0m  \33[1;97;41mx\33[0m\n"
                : "abcdefghijklmnopqrst\nuv w  x\n");
        free(text);
    }
}

static void figures(void **state)
{
    char text[FIGURE_TEXT];
    (void)state;
    assert_string_equal(figure_count(0, text), "0");
    assert_string_equal(figure_count(999, text), "999");
    assert_string_equal(figure_count(1000, text), "1,000");
    assert_string_equal(figure_count(UINT64_MAX, text), "18,446,744,073,709,551,615");
    assert_string_equal(figure_octets(1, text), "1 octet");
    assert_string_equal(figure_octets(999, text), "999 octets");
    assert_string_equal(figure_octets(1000, text), "1.0 kB");
    assert_string_equal(figure_octets(88123, text), "88 kB");
    assert_string_equal(figure_octets(999499, text), "999 kB");
    assert_string_equal(figure_octets(999500, text), "1.0 MB");
    assert_string_equal(figure_octets(UINT64_MAX, text), "18 EB");
    assert_string_equal(figure_seconds(-1, text), "0.0 s");
    assert_string_equal(figure_seconds(3.49, text), "3.5 s");
    assert_string_equal(figure_seconds(9.96, text), "10 s");
    assert_string_equal(figure_seconds(59.6, text), "1 min 0 s");
    assert_string_equal(figure_seconds(3600, text), "1 h 0 min");
    assert_string_equal(figure_seconds(90000, text), "1 d 1 h");
    static const char micro[] = "2025-11-22T14:33:13.374238Z";
    static const char nano[] = "2025-11-22T14:33:13.374238123Z";
    assert_string_equal(figure_time(micro, nano, text), "14:33:13.374238");
    assert_string_equal(figure_time(nano, "2025-11-23T00:00:00Z", text),
                        "2025-11-22 14:33:13.374238123");
    assert_string_equal(figure_time(micro, NULL, text), "2025-11-22 14:33:13.374238");
    assert_string_equal(figure_time("2025-11-22T14:33:13Z", NULL, text), "2025-11-22 14:33:13");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wraps_at_the_width),
        cmocka_unit_test(columns_line_up),
        cmocka_unit_test(what_belongs_together_stays_so),
        cmocka_unit_test(hostile_text_is_shown),
        cmocka_unit_test(no_octets_break_out),
        cmocka_unit_test(a_word_without_end_is_cut),
        cmocka_unit_test(colour_only_where_wanted),
        cmocka_unit_test(figures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
