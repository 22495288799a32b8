/*
 * fuzz_der.c - the BER reader on any octets: a walk into everything constructed, and every typed
 * read.
 */
#include <stdlib.h>

#include "dissect/der.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DEPTH_MOST = 32 };

static void need(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void walk(struct bytes whole, unsigned depth)
{
    struct cursor c = cursor_of(whole);
    while (c.rest.len > 0) {
        size_t before = c.rest.len;
        uint64_t size = 0;
        enum der_extent extent = der_measure(c.rest, &size);
        uint32_t tag = der_peek(&c);
        struct cursor typed = c;
        (void)der_int(&typed, tag);
        typed = c;
        (void)der_bool(&typed, tag);
        typed = c;
        (void)der_option(&typed, tag ^ 1);
        struct der element = der_next(&c);
        /* What was read is inside, is as long as measured, and a failure leaves nothing. */
        need(c.rest.len < before);
        need(c.failed ? c.rest.len == 0 && element.tag == 0
                      : extent == DER_WHOLE && size == before - c.rest.len && element.tag == tag);
        need(element.value.len < before);
        if ((whole.at[0] & 0x20) != 0 && depth < DEPTH_MOST) {
            walk(element.value, depth + 1);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    walk(bytes_of(data, size), 0);
    return 0;
}
