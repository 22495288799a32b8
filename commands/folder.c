#include "commands/folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/nearest.h"

/* What --report writes when --formats does not say. */
#define FORMATS_DEFAULT "html,jsonl,text,evidence"

/* ---- formats ---- */

static int no_format(const struct command *c, const char *word)
{
    struct nearest n = nearest_of(word);
    for (unsigned i = 0; i < format_count; i++) {
        nearest_offer(&n, formats[i].name);
    }
    return n.best == NULL
               ? trouble("--format, --formats: no such format '%s'; 'rolecall %s --help' lists "
                         "them",
                         word, c->name)
               : trouble("--format, --formats: no such format '%s'; did you mean '%s'?", word,
                         n.best);
}

int check_formats(const struct command *c, const struct options *o)
{
    char word[FORMAT_WORD] = "";
    if (o->formats != NULL && o->report_folder == NULL) {
        return trouble("--formats says what --report writes: add --report FOLDER");
    }
    if (o->format != NULL && format_find(o->format) == NULL) {
        return no_format(c, o->format);
    }
    if (o->formats != NULL && format_unknown(o->formats, word)) {
        return no_format(c, word);
    }
    if (o->mask && o->formats != NULL && format_listed(o->formats, FORMAT_EVIDENCE)) {
        return trouble("--formats evidence: packets cannot be masked; leave out one of evidence "
                       "and --mask");
    }
    if (o->mask && o->octets) {
        return trouble("--octets: packets cannot be masked; leave out one of it and --mask");
    }
    for (unsigned i = 0; i < format_count; i++) {
        bool wanted = (o->format != NULL && strcmp(o->format, formats[i].name) == 0) ||
                      (o->formats != NULL && format_listed(o->formats, formats[i].name));
        const char *lacks = wanted ? format_lacks(&formats[i]) : NULL;
        if (lacks != NULL) {
            return trouble("--format %s: %s", formats[i].name, lacks);
        }
        if (wanted && o->live && strcmp(formats[i].name, "pdf") == 0) {
            return trouble("--format pdf: a live audit starts no other program; keep it with "
                           "--store and put it on paper with 'rolecall report --format pdf'");
        }
    }
    return EXIT_CLEAN;
}

bool folder_has(const struct options *o, const char *format)
{
    return o->report_folder != NULL &&
           format_listed(o->formats == NULL ? FORMATS_DEFAULT : o->formats, format);
}

/* By default the folder gets what can be made here; what was asked for by name has been checked. */
static bool belongs(const struct options *o, const struct format *f)
{
    return f->render == render_jsonl || f->render == render_text ||
           (folder_has(o, f->name) && (o->formats != NULL || format_lacks(f) == NULL));
}

/* ---- the folder ---- */

int write_format(const struct format *f, const struct document *d, const char *path,
                 struct text_style style)
{
    struct output *out = NULL;
    if (open_output(path, &out) != EXIT_CLEAN) {
        return EXIT_TROUBLE;
    }
    f->render(out, d, &(struct render_options){.style = style});
    return close_output(out, path);
}

int write_folder(const struct options *o, const char *folder, const struct document *d)
{
    char path[4096];
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        return trouble("%s: cannot make the folder: %s; choose another with --report", folder,
                       strerror(errno));
    }
    int status = EXIT_CLEAN;
    for (unsigned i = 0; i < format_count && status == EXIT_CLEAN; i++) {
        if (belongs(o, &formats[i])) {
            (void)snprintf(path, sizeof path, "%s/%s", folder, formats[i].file);
            status = write_format(
                &formats[i], d, path,
                (struct text_style){.fail_on = o->fail_on, .full = o->full, .octets = o->octets});
        }
    }
    return status;
}

/* What an earlier report left there is of other findings. */
static void clear_evidence(const char *folder)
{
    DIR *d = opendir(folder);
    const struct dirent *entry = NULL;
    while (d != NULL && (entry = readdir(d)) != NULL) {
        size_t digits = strspn(entry->d_name, "0123456789abcdef");
        if (digits == 16 && strcmp(entry->d_name + digits, ".pcapng") == 0) {
            (void)unlinkat(dirfd(d), entry->d_name, 0);
        }
    }
    if (d != NULL) {
        (void)closedir(d);
    }
}

int write_evidence(const struct options *o, const char *folder, const struct document *d,
                   const struct cited_packets *packets)
{
    char path[4096], error[EVIDENCE_ERROR];
    struct evidence_counts counts;
    (void)snprintf(path, sizeof path, "%s/" EVIDENCE_FOLDER, folder);
    if (packets == NULL || !folder_has(o, FORMAT_EVIDENCE)) {
        return EXIT_CLEAN;
    }
    if (mkdir(path, 0777) != 0 && errno != EEXIST) {
        return trouble("%s: cannot make the folder: %s", path, strerror(errno));
    }
    clear_evidence(path);
    if (evidence_write(d, packets, path, error, &counts) < 0) {
        return trouble("%s", error);
    }
    if (counts.left_out > 0 && !o->quiet) {
        (void)fprintf(stderr,
                      "rolecall: %s: %zu cited packets were left out, as they would make the files "
                      "too large or are not there any more\n",
                      path, counts.left_out);
    }
    return EXIT_CLEAN;
}
