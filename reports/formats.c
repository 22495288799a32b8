#include "reports/formats.h"

#include <stdio.h>
#include <string.h>

#include "reports/html.h"
#include "reports/pdf.h"

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

const char *format_lacks(const struct format *f)
{
    bool page = f->render == render_html || f->render == render_pdf;
    if (page && !html_is_built()) {
        return "this rolecall was built without the HTML page: build it where npm is (README.md, "
               "What it is built on)";
    }
    if (f->render == render_pdf && pdf_browser() == NULL) {
        return "a PDF needs Chromium or Chrome to lay it out, and neither is in PATH: apt-get "
               "install chromium";
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
        bool known = len > 0 && word_means(list, len, FORMAT_EVIDENCE);
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
