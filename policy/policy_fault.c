#include "policy/policy_fault.h"

#include <stdarg.h>
#include <stdlib.h>

bool fault_is_heard(const struct faults *f)
{
    return f->kept < LIMIT_POLICY_FAULTS;
}

/* Names are quoted from the file: whatever would break the line or the terminal is not. */
static void keep_printable(char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c == 0x7f) {
            *text = '?';
        }
    }
}

void fault_note(struct faults *f, struct place at, const char *format, ...)
{
    f->total++;
    if (!fault_is_heard(f)) {
        return;
    }
    struct fault *fault = &f->list[f->kept];
    fault->place = at;
    fault->order = f->kept++;
    va_list list;
    va_start(list, format);
    (void)vsnprintf(fault->text, sizeof fault->text, format, list);
    va_end(list);
    keep_printable(fault->text);
}

struct fault_hint fault_hint(const char *near)
{
    struct fault_hint hint = {.text = ""};
    if (near != NULL) {
        (void)snprintf(hint.text, sizeof hint.text, "; did you mean '%.64s'?", near);
    }
    return hint;
}

static int in_file_order(const void *left, const void *right)
{
    const struct fault *a = left, *b = right;
    if (a->place.line != b->place.line) {
        return a->place.line < b->place.line ? -1 : 1;
    }
    if (a->place.column != b->place.column) {
        return a->place.column < b->place.column ? -1 : 1;
    }
    return a->order < b->order ? -1 : a->order > b->order;
}

void faults_print(struct faults *f, const char *path, FILE *out)
{
    qsort(f->list, f->kept, sizeof f->list[0], in_file_order);
    for (unsigned i = 0; i < f->kept; i++) {
        const struct fault *fault = &f->list[i];
        (void)fprintf(out, "%s:%u:%u: %s\n", path, fault->place.line, fault->place.column,
                      fault->text);
    }
    if (f->total > f->kept) {
        (void)fprintf(out, "%s: %u more faults are not listed\n", path, f->total - f->kept);
    }
}
