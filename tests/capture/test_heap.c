/*
 * test_heap.c - the heap on large pages, as the kernel tells of its mappings.
 */
#include "tests/test.h"

#include <stdlib.h>
#include <unistd.h>

#include "capture/heap.h"

/* Whether the kernel was asked for large pages where `at` lies; proc(5), smaps: "hg". */
static bool asked_for(const void *at)
{
    FILE *f = fopen("/proc/self/smaps", "r");
    char line[512];
    bool here = false, asked = false;
    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL) {
        unsigned long from = 0, to = 0;
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2) {
            here = (uintptr_t)at >= from && (uintptr_t)at < to;
        } else if (here && strncmp(line, "VmFlags:", 8) == 0) {
            asked = strstr(line, " hg") != NULL;
        }
    }
    (void)fclose(f);
    return asked;
}

static void large_pages_are_asked_for(void **state)
{
    (void)state;
#ifdef ROLECALL_SANITIZED
    skip(); /* the sanitizer has a heap of its own */
#endif
    if (access("/sys/kernel/mm/transparent_hugepage", F_OK) != 0) {
        skip();
    }
    heap_use_large_pages();
    /* Past the first, which may begin in the middle of one. */
    char *pieces[64];
    for (size_t i = 0; i < 64; i++) {
        pieces[i] = malloc(64u << 10);
        assert_non_null(pieces[i]);
        memset(pieces[i], 1, 64u << 10);
    }
    assert_true(asked_for(pieces[63]));
    for (size_t i = 0; i < 64; i++) {
        free(pieces[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_pages_are_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
