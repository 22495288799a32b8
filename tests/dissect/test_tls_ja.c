#include "tests/test.h"

#include "dissect/ja.h"
#include "tests/dissect/test_tls_messages.h"

/* A ClientHello of these ciphers and of extensions with the given content. */
struct extension {
    uint16_t type;
    const char *data;
    size_t len;
};
#define EXTENSION(type, data)                                                                      \
    {                                                                                              \
        type, data, sizeof data - 1                                                                \
    }

static const uint16_t old_ciphers[] = {47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4};
static const struct extension old_extensions[] = {
    EXTENSION(0, "\0\6\0\0\3a.b"),
    EXTENSION(10, "\0\6\0\27\0\30\0\31"),
    EXTENSION(11, "\1\0"),
};

static const uint16_t modern_ciphers[] = {0x2a2a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f,
                                          0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014,
                                          0x009c, 0x009d, 0x002f, 0x0035};
#define SIGNATURES "\0\20\4\3\10\4\4\1\5\3\10\5\5\1\10\6\6\1"
static const struct extension modern_extensions[] = {
    EXTENSION(0x4a4a, ""),
    EXTENSION(0x001b, "\2\0\2"),
    EXTENSION(0x0000, "\0\6\0\0\3a.b"),
    EXTENSION(0x0033, ""),
    EXTENSION(0x0010, "\0\14\2h2\10http/1.1"),
    EXTENSION(0x4469, ""),
    EXTENSION(0x0017, ""),
    EXTENSION(0x002d, "\1\1"),
    EXTENSION(0x000d, SIGNATURES),
    EXTENSION(0x0005, "\1\0\0\0\0"),
    EXTENSION(0x0023, ""),
    EXTENSION(0x0012, ""),
    EXTENSION(0x002b, "\6\x3a\x3a\3\4\3\3"),
    EXTENSION(0xff01, "\0"),
    EXTENSION(0x000b, "\1\0"),
    EXTENSION(0x000a, "\0\10\x5a\x5a\0\35\0\27\0\30"),
    EXTENSION(0x0015, "\0\0\0\0"),
    EXTENSION(0x9a9a, "\0"),
};
static const struct extension odd_alpn[] = {EXTENSION(0x0010, "\0\3\2\xab\xcd")};
static const struct extension one_letter[] = {EXTENSION(0x0010, "\0\2\1h")};
static const struct extension half_odd[] = {EXTENSION(0x0010, "\0\3\2\x30\xab")};

/*
 * The first is the example of the JA3 description, with its digest; the second the example of the
 * JA4 description, in the order of the browser it was taken from.
 */
static const struct {
    const char *label;
    uint16_t version;
    const uint16_t *ciphers;
    size_t cipher_count;
    const struct extension *extensions;
    size_t extension_count;
    const char *ja3, *ja4;
} cases[] = {
    {"JA3's example", 0x0301, old_ciphers, 12, old_extensions, 3,
     "ada70206e40642a3e4461f35503241d5", "t10d120300_"},
    {"JA4's example", 0x0303, modern_ciphers, 16, modern_extensions, 18, NULL,
     "t13d1516h2_8daaf6152771_e5627efa2ab1"},
    {"nothing offered", 0x0303, NULL, 0, NULL, 0, NULL, "t12i000000_000000000000_000000000000"},
    {"ALPN that is no text", 0x0300, old_ciphers, 1, odd_alpn, 1, NULL, "ts3i0101ad_"},
    {"ALPN of one letter", 0x0302, old_ciphers, 1, one_letter, 1, NULL, "t11i0101hh_"},
    {"ALPN half text", 0x0302, old_ciphers, 1, half_odd, 1, NULL, "t11i01013b_"},
};

static void make_hello(struct wire *w, size_t n)
{
    wire_number(w, cases[n].version, 2);
    wire_fill(w, 0, 32 + 1);
    size_t ciphers = wire_open(w, 2);
    wire_numbers16(w, cases[n].ciphers, cases[n].cipher_count);
    wire_close(w, ciphers, 2);
    wire_number(w, 0x0100, 2);
    size_t extensions = wire_open(w, 2);
    for (size_t i = 0; i < cases[n].extension_count; i++) {
        wire_number(w, cases[n].extensions[i].type, 2);
        wire_number(w, (uint32_t)cases[n].extensions[i].len, 2);
        wire_copy(w, cases[n].extensions[i].data, cases[n].extensions[i].len);
    }
    wire_close(w, extensions, 2);
}

static void fingerprints_agree_with_published_ones(void **state)
{
    (void)state;
    struct certificates *digests = certificates_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct wire w = {.len = 0};
        struct client_hello hello;
        char text3[JA3_TEXT], text4[JA4_TEXT];
        make_hello(&w, i);
        assert_true(client_hello_read(wire_bytes(&w), &hello));
        assert_false(hello.bad_extensions);
        assert_true(ja3(digests, &hello, text3));
        assert_true(ja4(digests, &hello, text4));
        if ((cases[i].ja3 != NULL && strcmp(text3, cases[i].ja3) != 0) ||
            strncmp(text4, cases[i].ja4, strlen(cases[i].ja4)) != 0 ||
            strlen(text4) != JA4_TEXT - 1) {
            fail_msg("%s: %s %s", cases[i].label, text3, text4);
        }
    }
    certificates_free(digests);
}

/* MD5 of "769,47,65281-0-11" and of "771,49199,". */
static void server_fingerprints(void **state)
{
    (void)state;
    struct certificates *digests = certificates_new();
    struct server_hello with = {
        .version = 0x0301, .cipher = 47, .extensions = {65281, 0, 11}, .extension_count = 3};
    struct server_hello without = {.version = 0x0303, .cipher = 49199};
    char text[JA3_TEXT];
    assert_true(ja3s(digests, &with, text));
    assert_string_equal(text, "bfc978c7d1711afe32b78164eb659470");
    assert_true(ja3s(digests, &without, text));
    assert_string_equal(text, "174e7e4992a63f6d419626d97363adb8");
    certificates_free(digests);
}

/* Lists past the limit have no fingerprint rather than a wrong one. */
static void endless_lists_have_none(void **state)
{
    (void)state;
    struct certificates *digests = certificates_new();
    static uint8_t pairs[2 * 385];
    char text[JA4_TEXT];
    struct client_hello hello = {
        .version = 0x0303, .highest = 0x0303, .ciphers = bytes_of(pairs, 2 * 384)};
    assert_true(ja3(digests, &hello, text));
    assert_true(ja4(digests, &hello, text));
    hello.ciphers = bytes_of(pairs, sizeof pairs);
    assert_false(ja3(digests, &hello, text));
    assert_false(ja4(digests, &hello, text));
    hello.ciphers = (struct bytes){0};
    hello.groups = bytes_of(pairs, sizeof pairs);
    assert_false(ja3(digests, &hello, text));
    hello.groups = (struct bytes){0};
    hello.extensions_cut = 1;
    assert_false(ja3(digests, &hello, text));
    assert_false(ja4(digests, &hello, text));
    certificates_free(digests);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fingerprints_agree_with_published_ones),
        cmocka_unit_test(server_fingerprints),
        cmocka_unit_test(endless_lists_have_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
