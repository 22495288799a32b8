/*
 * test_html.c - the page around the data, and what is left out of pages that would be too large.
 */
#include "tests/test.h"

#include <stdio.h>

#include "capture/limits.h"
#include "dissect/base64.h"
#include "reports/html.h"

static struct output *page_of(struct output *document)
{
    size_t len = 0;
    struct document *d = NULL;
    char error[DOCUMENT_ERROR] = "";
    const char *text = output_memory(document, &len);
    assert_int_equal(document_parse(bytes_of(text, len), error, &d), 0);
    struct output *page = output_to_memory();
    render_html(page, d, &(struct render_options){0});
    assert_int_equal(output_error(page), 0);
    document_free(d);
    assert_int_equal(output_close(document), 0);
    return page;
}

/* Evidence that does not deflate, as a hostile capture could have it. */
static void add_noise(struct output *out, uint32_t *seed, unsigned octets)
{
    for (unsigned i = 0; i < octets; i++) {
        *seed = *seed * 1664525u + 1013904223u;
        output_format(out, "%02x", *seed >> 24);
    }
}

static struct output *noisy_document(unsigned findings, unsigned octets)
{
    struct output *out = output_to_memory();
    uint32_t seed = 6;
    for (unsigned i = 0; i < findings; i++) {
        output_format(out,
                      "{\"type\":\"finding\",\"code\":\"R001\",\"id\":\"%u\",\"evidence\":[{"
                      "\"says\":\"<!--</script>\",\"hex\":\"",
                      i);
        add_noise(out, &seed, octets);
        output_format(out, "\"}]}\n");
    }
    return out;
}

static void data_stands_in_the_page_as_digits_only(void **state)
{
    size_t len = 0;
    struct output *page = page_of(noisy_document(3, 40));
    const char *text = output_memory(page, &len);
    (void)state;
    if (!html_is_built()) {
        skip();
    }
    const size_t policy = strlen(page_policy);
    const size_t front = page_head.len + policy + page_body.len;
    assert_true(len > front + page_tail.len);
    assert_memory_equal(text, page_head.at, page_head.len);
    assert_memory_equal(text + page_head.len, page_policy, policy);
    assert_memory_equal(text + front - page_body.len, page_body.at, page_body.len);
    assert_memory_equal(text + len - 1 - page_tail.len, page_tail.at, page_tail.len);
    uint8_t *octets = malloc(base64_room(len));
    size_t got = 0;
    assert_true(base64_decode(bytes_of(text + front, len - 1 - front - page_tail.len), octets,
                              base64_room(len), &got));
    assert_true(got > 100);
    assert_int_equal(octets[0], 0x78); /* RFC 1950 2.2: deflate, window of 32 KiB */
    free(octets);
    assert_int_equal(output_close(page), 0);
}

static void pages_stay_small(void **state)
{
    size_t len = 0;
    struct output *page = page_of(noisy_document(3000, 600)); /* 1.8 MB of noise */
    (void)state;
    output_memory(page, &len);
    assert_true(len < LIMIT_PAGE_OCTETS);
    assert_int_equal(output_close(page), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_stands_in_the_page_as_digits_only),
        cmocka_unit_test(pages_stay_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
