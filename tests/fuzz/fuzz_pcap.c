/*
 * fuzz_pcap.c - a capture of any octets: opened, read, decoded, its fragments put together.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture/fragment.h"
#include "capture/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads the first and last octet: a sanitizer tells when the span is not there. */
static void touch(struct bytes span)
{
    const volatile uint8_t *at = span.at;
    if (span.len > 0) {
        (void)at[0];
        (void)at[span.len - 1];
    }
}

static void read_all(struct source *s)
{
    struct fragments *f = fragments_new();
    struct packet p;
    while (f != NULL && source_next(s, &p) == 1) {
        struct datagram d;
        struct packet whole = {.block = NULL};
        touch(p.data);
        /* In an allocation of its own, so that reading past the frame shows. */
        uint8_t *exact = malloc(p.data.len + 1);
        if (exact == NULL) {
            break;
        }
        memcpy(exact + 1, p.data.at, p.data.len);
        p.data.at = exact + 1;
        enum decode_result result = decode(&p, &d);
        if (result == DECODE_FRAGMENT) {
            touch(d.fragment.content);
            result = fragments_add(f, &d, &whole) ? DECODE_OK : DECODE_FRAGMENT;
        }
        if (result == DECODE_OK) {
            touch(d.payload);
        }
        block_drop(whole.block);
        free(exact);
    }
    (void)fragments_free(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char error[SOURCE_ERROR];
    char path[40];
    struct source *s = NULL;
    int fd = memfd_create("capture", MFD_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    if (write(fd, data, size) == (ssize_t)size) {
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        const char *paths[] = {path, path};
        size_t count = size % 2 + 1; /* one input, or the same twice for the merge */
        if (source_open(paths, count, NULL, error, &s) == 0) {
            read_all(s);
            (void)source_free(s);
        }
    }
    (void)close(fd);
    return 0;
}
