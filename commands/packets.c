#include "commands/packets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "capture/spool.h"
#include "commands/folder.h"
#include "reports/input_file.h"

bool packets_wanted(const struct options *o)
{
    bool page =
        o->format != NULL && (strcmp(o->format, "html") == 0 || strcmp(o->format, "pdf") == 0);
    return !o->mask && (o->octets || page || o->store != NULL || folder_has(o, FORMAT_EVIDENCE) ||
                        folder_has(o, "html") || folder_has(o, "pdf"));
}

/* Packets asked for by name are missed; others are only left out. */
static int no_packets(const struct options *o, bool octets, const char *why)
{
    bool evidence = o->formats != NULL && format_listed(o->formats, FORMAT_EVIDENCE);
    if (octets || evidence) {
        return trouble("%s: %s", evidence ? "--formats evidence" : "--octets", why);
    }
    if (!o->quiet) {
        (void)fprintf(stderr, "rolecall: no packets in the report: %s\n", why);
    }
    return EXIT_CLEAN;
}

/* ---- of an audit ---- */

int packets_prepare(struct session *s, struct spool *spool)
{
    bool standard = false;
    for (size_t i = 0; i < s->options->input_count; i++) {
        standard = standard || strcmp(s->options->inputs[i], "-") == 0;
    }
    if (!standard || s->options->live || !packets_wanted(s->options)) {
        return EXIT_CLEAN;
    }
    int failed = spool_open(spool, LIMIT_SPOOL_OCTETS);
    if (failed < 0) {
        char why[200];
        (void)snprintf(why, sizeof why,
                       "standard input cannot be kept: %s; let TMPDIR name a folder with room",
                       strerror(-failed));
        return no_packets(s->options, s->options->octets, why);
    }
    s->spool = spool;
    return EXIT_CLEAN;
}

static bool ask(const struct session *s, struct cited_packets *packets)
{
    size_t count = 0;
    const struct finding *const *findings = audit_findings(s->audit, &count);
    bool kept = true;
    for (size_t f = 0; f < count && kept; f++) {
        for (unsigned e = 0; e < findings[f]->evidence_count && kept; e++) {
            const struct stamp *at = &findings[f]->evidence[e].at;
            kept = cited_packets_ask(packets, at->file, at->packet);
        }
    }
    return kept;
}

/* Paths by number of the file, as the audit read them; NULL: some cannot be read again. */
static const char **paths_of(const struct session *s, char spooled[SPOOL_PATH],
                             const char **ret_not)
{
    size_t count = source_files(s->names.source);
    const char **paths = calloc(count + 1, sizeof *paths);
    struct stat st;
    for (uint32_t i = 0; paths != NULL && i < count; i++) {
        paths[i] = source_file_path(s->names.source, i);
        if (strcmp(paths[i], "-") == 0 && s->spool != NULL) {
            paths[i] = spool_path(s->spool, spooled);
        } else if (stat(paths[i], &st) != 0 || !S_ISREG(st.st_mode)) {
            *ret_not = paths[i];
        }
    }
    if (paths != NULL && *ret_not != NULL) {
        free(paths);
        return NULL;
    }
    return paths;
}

static int read_again(const struct session *s, struct cited_packets *packets, const char **paths)
{
    char error[EVIDENCE_ERROR];
    const struct options *o = s->options;
    const struct cited_input input = {
        .paths = paths, .count = source_files(s->names.source), .filter = o->filter};
    if (cited_packets_read(packets, &input, error) < 0) {
        return trouble("%s", error);
    }
    if (s->spool != NULL && s->spool->cut && !o->quiet) {
        (void)fprintf(stderr,
                      "rolecall: of standard input only the first %llu octets were kept: packets "
                      "after them are not in the report; save it to a file first\n",
                      (unsigned long long)s->spool->octets);
    }
    return EXIT_CLEAN;
}

/* Live: of those that were kept, both passes. */
static int read_pins(const struct session *s, struct cited_packets *packets)
{
    int failed = 0;
    for (enum cited_pass pass = CITED_MEETS; pass <= CITED_KEEPS && failed == 0; pass++) {
        bool more = true;
        failed = cited_packets_begin(packets, pass);
        for (size_t i = 0; failed == 0 && more && i < pins_count(s->pins); i++) {
            struct packet p = pins_at(s->pins, i);
            more = cited_packets_see(packets, &p);
        }
    }
    return failed < 0 ? trouble("out of memory for the cited packets") : EXIT_CLEAN;
}

static int packets_of_pins(const struct session *s, struct cited_packets **ret)
{
    if (s->pins == NULL) {
        return EXIT_CLEAN;
    }
    struct cited_packets *packets = cited_packets_new();
    int status = packets == NULL || !ask(s, packets)
                     ? trouble("out of memory for the cited packets")
                     : read_pins(s, packets);
    *ret = status == EXIT_CLEAN ? packets : cited_packets_free(packets);
    return status;
}

int packets_of_audit(const struct session *s, struct cited_packets **ret)
{
    char spooled[SPOOL_PATH], why[SOURCE_ERROR];
    const char *not = NULL;
    *ret = NULL;
    if (s->options->live) {
        return packets_of_pins(s, ret);
    }
    if (s->names.source == NULL || !packets_wanted(s->options)) {
        return EXIT_CLEAN;
    }
    const char **paths = paths_of(s, spooled, &not );
    if (not != NULL) {
        (void)snprintf(why, sizeof why, "%s can be read only once; save it to a file first", not );
        return no_packets(s->options, s->options->octets, why);
    }
    struct cited_packets *packets = cited_packets_new();
    int status = paths == NULL || packets == NULL || !ask(s, packets)
                     ? trouble("out of memory for the cited packets")
                     : read_again(s, packets, paths);
    free(paths);
    *ret = status == EXIT_CLEAN ? packets : cited_packets_free(packets);
    return status;
}

/* ---- of a document ---- */

struct captures { /* of a stored audit, as far as they are there */
    const char **paths;
    uint32_t *files; /* their numbers in the audit */
    size_t count, missed;
};

static bool is_same(const json_t *file, const struct input_file *seen)
{
    const char *head = member_text(file, "head_sha256");
    return head != NULL && strcmp(head, seen->head_sha256) == 0 &&
           member_number(file, "octets") == seen->octets;
}

/* Why a file is not the one that was audited; NULL: it is. */
static const char *differs(const json_t *file, const char *path, char why[SOURCE_ERROR])
{
    struct input_file seen;
    if (strcmp(path, "-") == 0) {
        return "came on standard input, which is gone";
    }
    if (member_text(file, "head_sha256") == NULL) {
        return "was no file";
    }
    if (!input_file_look(path, &seen)) {
        (void)snprintf(why, SOURCE_ERROR, "is gone: %s",
                       errno == 0 ? "no file any more" : strerror(errno));
        return why;
    }
    if (member_number(file, "octets") != seen.octets) {
        (void)snprintf(why, SOURCE_ERROR, "has changed: %llu octets, and it had %llu",
                       (unsigned long long)seen.octets,
                       (unsigned long long)member_number(file, "octets"));
        return why;
    }
    return is_same(file, &seen) ? NULL : "has changed: it begins with other octets";
}

/* The one among those that the user names; NULL: none. */
static const char *named(const struct options *o, const json_t *file)
{
    struct input_file seen;
    for (size_t i = 0; i < o->input_count; i++) {
        if (input_file_look(o->inputs[i], &seen) && is_same(file, &seen)) {
            return o->inputs[i];
        }
    }
    return NULL;
}

#define MISSED_TOLD 5u

static void find_capture(const struct options *o, const json_t *file, uint32_t place,
                         struct captures *ret)
{
    char why[SOURCE_ERROR];
    const char *stored = member_text(file, "file"), *path = named(o, file);
    const char *differ = path != NULL     ? NULL
                         : stored == NULL ? "has no name"
                                          : differs(file, stored, why);
    if (differ == NULL) {
        ret->files[ret->count] = place;
        ret->paths[ret->count++] = path == NULL ? stored : path;
        return;
    }
    if (ret->missed++ < MISSED_TOLD && !o->quiet) {
        (void)fprintf(stderr, "rolecall: %s %s; if it is elsewhere, name it with -r\n",
                      stored == NULL ? "a capture" : stored, differ);
    }
}

static int read_captures(const struct options *o, const struct document *d,
                         struct captures *captures, struct cited_packets *packets)
{
    char error[EVIDENCE_ERROR];
    const json_t *files = member_at(d->audit, "files");
    for (uint32_t i = 0; i < json_array_size(files); i++) {
        find_capture(o, json_array_get(files, i), i, captures);
    }
    if (captures->missed > MISSED_TOLD && !o->quiet) {
        (void)fprintf(stderr, "rolecall: and %zu captures more\n", captures->missed - MISSED_TOLD);
    }
    if (captures->count == 0) {
        return EXIT_CLEAN;
    }
    const struct cited_input input = {
        .paths = captures->paths, .files = captures->files, .count = captures->count};
    return cited_packets_read(packets, &input, error) < 0 ? trouble("%s", error) : EXIT_CLEAN;
}

int packets_of_document(const struct options *o, const struct document *d,
                        struct cited_packets **ret)
{
    size_t count = json_array_size(member_at(d->audit, "files"));
    *ret = NULL;
    if (!folder_has(o, FORMAT_EVIDENCE) || o->mask) {
        return EXIT_CLEAN;
    }
    if (count == 0) {
        return no_packets(o, false,
                          "the audit does not say by what its captures are known: it was live, "
                          "or an older rolecall stored it");
    }
    struct captures captures = {.paths = calloc(count, sizeof(char *)),
                                .files = calloc(count, sizeof(uint32_t))};
    struct cited_packets *packets = cited_packets_new();
    int status = captures.paths == NULL || captures.files == NULL || packets == NULL ||
                         !evidence_ask(packets, d)
                     ? trouble("out of memory for the cited packets")
                     : read_captures(o, d, &captures, packets);
    if (status == EXIT_CLEAN && captures.count == 0) {
        status = no_packets(o, false, "none of its captures is there as it was");
        packets = cited_packets_free(packets);
    }
    free(captures.paths);
    free(captures.files);
    *ret = status == EXIT_CLEAN ? packets : cited_packets_free(packets);
    return status;
}
