/*
 * store_writer.c - stores one document again and again, for store_test.py to kill, or to run beside
 * others.
 *
 * usage: store_writer STORE RECORDS COUNT [KEEP]
 *
 * Writes the number of each audit as soon as it is stored. With KEEP, all but the newest so many
 * are removed after each one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reports/store.h"

static struct document *read_document(const char *path)
{
    static char text[64 << 20];
    char error[DOCUMENT_ERROR] = "out of memory";
    struct document *d = NULL;
    FILE *f = fopen(path, "r");
    size_t len = f == NULL ? 0 : fread(text, 1, sizeof text, f);
    if (f == NULL || fclose(f) != 0 || document_parse(bytes_of(text, len), error, &d) < 0) {
        (void)fprintf(stderr, "%s: %s\n", path, error);
    }
    return d;
}

static bool store_once(struct store *s, const struct document *d, unsigned keep,
                       char error[STORE_ERROR])
{
    int64_t id = 0;
    uint64_t removed = 0;
    char line[32];
    if (!store_add(s, d, (struct bytes){0}, error, &id)) {
        return false;
    }
    int len = snprintf(line, sizeof line, "%lld\n", (long long)id);
    return write(STDOUT_FILENO, line, (size_t)len) == len &&
           (keep == 0 || store_keep(s, keep, error, &removed));
}

int main(int argc, char **argv)
{
    char error[STORE_ERROR] = "";
    struct store *s = NULL;
    if (argc < 4) {
        return 2;
    }
    struct document *d = read_document(argv[2]);
    unsigned keep = argc > 4 ? (unsigned)strtoul(argv[4], NULL, 10) : 0;
    bool good = d != NULL && store_open(argv[1], STORE_KEEP, error, &s);
    for (unsigned long i = strtoul(argv[3], NULL, 10); good && i > 0; i--) {
        good = store_once(s, d, keep, error);
    }
    if (!good) {
        (void)fprintf(stderr, "%s\n", error);
    }
    store_close(s);
    document_free(d);
    return good ? 0 : 2;
}
