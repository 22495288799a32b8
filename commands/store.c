/*
 * command_store.c - what is asked of a store of audits: `rolecall history`, `diff` and `report`.
 */
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "commands/folder.h"
#include "commands/packets.h"
#include "reports/difference.h"
#include "reports/history.h"

int open_store(const struct options *o, enum store_use use, struct store **ret)
{
    char error[STORE_ERROR];
    return store_open(o->store, use, error, ret) ? EXIT_CLEAN : trouble("%s", error);
}

static int look_into_store(const struct command *c, const struct options *o, struct store **ret)
{
    return o->store == NULL ? usage(c, "no store given; name one with --store")
                            : open_store(o, STORE_LOOK, ret);
}

/* One of two: text, or one record a line. */
static int wants_records(const struct options *o, bool *ret)
{
    *ret = o->format != NULL && strcmp(o->format, "jsonl") == 0;
    return *ret || o->format == NULL || strcmp(o->format, "text") == 0
               ? EXIT_CLEAN
               : trouble("--format %s: expected text or jsonl", o->format);
}

/* ---- history ---- */

static int remove_audits(const struct options *o, struct store *store)
{
    char error[STORE_ERROR];
    uint64_t removed = 0;
    if (o->keep == 0) {
        return EXIT_CLEAN;
    }
    if (!store_keep(store, (unsigned)o->keep, error, &removed)) {
        return trouble("%s", error);
    }
    if (!o->quiet) {
        (void)fprintf(stderr, "%s: %llu audit%s removed\n", o->store, (unsigned long long)removed,
                      removed == 1 ? "" : "s");
    }
    return EXIT_CLEAN;
}

static int list_audits(const struct options *o, const struct document *d, bool jsonl)
{
    struct output *out = NULL;
    if (open_output(o->output, &out) != EXIT_CLEAN) {
        return EXIT_TROUBLE;
    }
    struct text_style style = style_for(o);
    if (jsonl) {
        document_write(out, d);
    } else {
        history_list(out, &style, d);
    }
    return close_output(out, o->output);
}

int run_history(const struct command *c, struct options *o, int argc, char **argv)
{
    char error[STORE_ERROR];
    struct store *store = NULL;
    struct document *d = NULL;
    bool jsonl = false;
    (void)argc;
    (void)argv;
    int status = wants_records(o, &jsonl);
    status = status == EXIT_CLEAN ? look_into_store(c, o, &store) : status;
    status = status == EXIT_CLEAN ? remove_audits(o, store) : status;
    if (status == EXIT_CLEAN) {
        status = store_history(store, NULL, NULL, &d, error) ? list_audits(o, d, jsonl)
                                                             : trouble("%s", error);
    }
    document_free(d);
    store_close(store);
    return status;
}

/* ---- one audit, or two ---- */

static int read_audit(struct store *store, const char *word, int64_t *ret_id, struct document **ret)
{
    char error[STORE_ERROR];
    return store_find(store, word, error, ret_id) && store_read(store, *ret_id, error, ret)
               ? EXIT_CLEAN
               : trouble("%s", error);
}

int read_stored(const struct command *c, const struct options *o, const char *word,
                struct document **ret, struct output *ret_names)
{
    struct store *store = NULL;
    char error[STORE_ERROR];
    int64_t id = 0;
    int status = look_into_store(c, o, &store);
    status =
        status == EXIT_CLEAN ? read_audit(store, word == NULL ? "last" : word, &id, ret) : status;
    if (status == EXIT_CLEAN && ret_names != NULL && !store_names(store, id, ret_names, error)) {
        status = trouble("%s", error);
    }
    store_close(store);
    return status;
}

static int write_difference(const struct options *o, const struct difference *d, bool jsonl)
{
    struct output *out = NULL;
    int status = open_output(o->output, &out);
    if (status == EXIT_CLEAN) {
        struct text_style style = style_for(o);
        if (jsonl) {
            difference_records(out, d);
        } else {
            difference_text(out, &style, d);
        }
        status = close_output(out, o->output);
    }
    return status != EXIT_CLEAN              ? status
           : difference_fails(d, o->fail_on) ? EXIT_FINDINGS
                                             : EXIT_CLEAN;
}

static int compare_audits(const struct options *o, struct store *store, char **words, bool jsonl)
{
    struct document *before = NULL, *after = NULL;
    struct difference d = {0};
    int status = read_audit(store, words[0], &d.before_id, &before);
    status = status == EXIT_CLEAN ? read_audit(store, words[1], &d.after_id, &after) : status;
    if (status == EXIT_CLEAN) {
        status = difference_make(&d, before, after) < 0 ? trouble("out of memory")
                                                        : write_difference(o, &d, jsonl);
    }
    difference_done(&d);
    document_free(before);
    document_free(after);
    return status;
}

int run_diff(const struct command *c, struct options *o, int argc, char **argv)
{
    static char *ordinary[] = {"previous", "last"};
    struct store *store = NULL;
    bool jsonl = false;
    if (argc - optind != 0 && argc - optind != 2) {
        return usage(c, "two audits are compared; give both, or none for previous and last");
    }
    int status = wants_records(o, &jsonl);
    status = status == EXIT_CLEAN ? look_into_store(c, o, &store) : status;
    status = status == EXIT_CLEAN
                 ? compare_audits(o, store, argc == optind ? ordinary : argv + optind, jsonl)
                 : status;
    store_close(store);
    return status;
}

/* ---- any format again ---- */

/* As `rolecall audit --mask` would have masked it. */
static int mask_stored(struct document *d, const struct output *learned)
{
    size_t len = 0;
    const char *names = output_memory(learned, &len);
    if (len == 0) {
        return trouble("--mask: the audit was stored without its names, by an older rolecall or "
                       "as they were too many; audit its captures again with --mask");
    }
    struct mask *m = mask_new(NULL);
    int failed = m == NULL ? -ENOMEM : mask_read(m, bytes_of(names, len));
    failed = failed == 0 ? mask_document(m, d) : failed;
    mask_free(m);
    return failed == 0 ? EXIT_CLEAN
                       : trouble("--mask: %s; nothing was written",
                                 failed == -E2BIG    ? "more names than can be kept"
                                 : failed == -EINVAL ? "the stored names cannot be read"
                                                     : strerror(-failed));
}

static int write_stored(const struct options *o, struct document *d,
                        const struct cited_packets *packets)
{
    const char *name = o->format == NULL ? "text" : o->format;
    int status = write_format(format_find(name), d, o->output, style_for(o));
    if (status == EXIT_CLEAN && o->report_folder != NULL) {
        status = write_folder(o, o->report_folder, d);
        status = status == EXIT_CLEAN ? write_evidence(o, o->report_folder, d, packets) : status;
    }
    return status;
}

int run_report(const struct command *c, struct options *o, int argc, char **argv)
{
    struct document *d = NULL;
    struct cited_packets *packets = NULL;
    if (check_formats(c, o) != EXIT_CLEAN || rest_as_inputs(o, argc, argv) != EXIT_CLEAN) {
        return EXIT_TROUBLE;
    }
    struct output *names = output_to_memory();
    int status = names == NULL ? trouble("out of memory") : read_stored(c, o, o->audit, &d, names);
    status = status == EXIT_CLEAN ? packets_of_document(o, d, &packets) : status;
    if (status == EXIT_CLEAN) {
        evidence_link(d, packets);
        status = o->mask ? mask_stored(d, names) : EXIT_CLEAN;
    }
    status = status == EXIT_CLEAN ? write_stored(o, d, packets) : status;
    cited_packets_free(packets);
    document_free(d);
    if (names != NULL) {
        output_drop(names);
    }
    return status;
}
