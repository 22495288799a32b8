/*
 * render_document.c - a format of a document that is given as JSON Lines: render_document FORMAT
 * <IN >OUT. For tests of documents that no capture makes: very large ones, and hostile ones.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/formats.h"

int main(int argc, char **argv)
{
    char error[DOCUMENT_ERROR] = "";
    struct output *text = output_to_memory(), *out = NULL;
    struct document *d = NULL;
    const struct format *f = argc == 2 ? format_find(argv[1]) : NULL;
    size_t len = 0;
    if (f == NULL || text == NULL || output_open("-", &out) < 0) {
        (void)fputs("usage: render_document FORMAT <IN >OUT\n", stderr);
        return 2;
    }
    for (;;) {
        char *at = output_reserve(text, BUFSIZ);
        size_t got = at == NULL ? 0 : fread(at, 1, BUFSIZ, stdin);
        output_commit(text, got);
        if (got == 0) {
            break;
        }
    }
    const char *at = output_memory(text, &len);
    if (document_parse(bytes_of(at, len), error, &d) == 0) {
        f->render(out, d, &(struct render_options){0});
        (void)snprintf(error, sizeof error, "%s", output_refusal(out));
    }
    if (error[0] != '\0') {
        (void)fprintf(stderr, "render_document: %s\n", error);
    }
    document_free(d);
    int failed = output_close(out);
    int closed = output_close(text);
    return error[0] != '\0' || failed < 0 || closed < 0 ? 1 : 0;
}
