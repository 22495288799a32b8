#include "reports/formats.h"

#include <stdio.h>
#include <string.h>

const struct format formats[] = {
#define FORMAT(name, file, function, about) {name, file, about, function},
#include "reports/formats.def"
#undef FORMAT
};
const unsigned format_count = sizeof formats / sizeof *formats;

const struct format *format_find(const char *name)
{
    for (unsigned i = 0; i < format_count; i++) {
        if (strcmp(formats[i].name, name) == 0) {
            return &formats[i];
        }
    }
    return NULL;
}

/* "csv" means "csv-findings" too. */
static bool word_means(const char *word, size_t len, const char *name)
{
    return strncmp(word, name, len) == 0 && (name[len] == '\0' || name[len] == '-');
}

bool format_listed(const char *list, const char *name)
{
    while (*list != '\0') {
        size_t len = strcspn(list, ",");
        if (len > 0 && word_means(list, len, name)) {
            return true;
        }
        list += len + (list[len] == ',');
    }
    return false;
}

bool format_unknown(const char *list, char word[FORMAT_WORD])
{
    while (*list != '\0') {
        size_t len = strcspn(list, ",");
        bool known = word_means(list, len, "text");
        for (unsigned i = 0; i < format_count; i++) {
            known = known || (len > 0 && word_means(list, len, formats[i].name));
        }
        if (!known) {
            (void)snprintf(word, FORMAT_WORD, "%.*s", (int)len, list);
            return true;
        }
        list += len + (list[len] == ',');
    }
    return false;
}

void render_jsonl(struct output *out, const struct document *d, const struct render_options *o)
{
    (void)o;
    document_write(out, d);
}
