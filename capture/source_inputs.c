#include "capture/source_inputs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Enough for the first packet of most files. */
#define LOOK_OCTETS ((size_t)32 << 10)

static int path_failed(const char *path, int code, char error[SOURCE_ERROR])
{
    const char *mend = "";
    switch (code) {
    case ENOENT:
        mend = ": check the path";
        break;
    case EACCES:
    case EPERM:
        mend = ": let this user read it";
        break;
    case EMFILE:
    case ENFILE:
        mend = ": too many captures overlap in time: raise the limit (ulimit -n)";
        break;
    default:
        break;
    }
    (void)snprintf(error, SOURCE_ERROR, "%s: cannot be opened: %s%s", path, strerror(code), mend);
    return -code;
}

static int out_of_memory(const char *path, char error[SOURCE_ERROR])
{
    (void)snprintf(error, SOURCE_ERROR, "%s: out of memory", path);
    return -ENOMEM;
}

static int open_path(const char *path, char error[SOURCE_ERROR])
{
    if (strcmp(path, "-") == 0) {
        if (isatty(STDIN_FILENO)) {
            (void)snprintf(error, SOURCE_ERROR,
                           "-: standard input is a terminal: pipe a capture into it");
            return -EINVAL;
        }
        return STDIN_FILENO;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    return fd < 0 ? path_failed(path, errno, error) : fd;
}

/* On success in->list[index].reader is open. */
static int start_reader(struct inputs *in, size_t index, struct source_counts *counts, size_t step,
                        char error[SOURCE_ERROR])
{
    struct input *i = &in->list[index];
    struct reader *reader = malloc(sizeof *reader);
    if (reader == NULL) {
        return out_of_memory(i->path, error);
    }
    struct reader_origin origin = {.fd = open_path(i->path, error),
                                   .file = (uint32_t)index,
                                   .path = i->path,
                                   .step = step,
                                   .stop = in->stop,
                                   .spool = strcmp(i->path, "-") == 0 ? in->spool : NULL};
    int result = origin.fd < 0 ? origin.fd : reader_open(reader, &origin, in->pool, counts, error);
    if (result != 0) {
        free(reader);
        return result;
    }
    i->reader = reader;
    return 0;
}

static void stop_reader(struct input *i)
{
    if (i->reader != NULL) {
        reader_close(i->reader);
        free(i->reader);
        i->reader = NULL;
    }
}

int inputs_open(struct inputs *in, size_t index, char error[SOURCE_ERROR])
{
    return in->list[index].reader != NULL
               ? 0
               : start_reader(in, index, in->counts, CHUNK_OCTETS, error);
}

void inputs_close(struct inputs *in, size_t index)
{
    struct input *i = &in->list[index];
    if (i->reader != NULL && i->size > i->reader->feed.octets) {
        in->counts->octets_read += i->size - i->reader->feed.octets;
    }
    stop_reader(i);
}

/* Opens the last of the list for a look at its first packet, and closes it where that can be
 * undone. */
static int look(struct inputs *in, char error[SOURCE_ERROR])
{
    struct input *i = &in->list[in->count - 1];
    struct source_counts unused = {0};
    bool keep = in->keep_open || i->size == 0;
    int result = start_reader(in, in->count - 1, keep ? in->counts : &unused,
                              keep ? CHUNK_OCTETS : LOOK_OCTETS, error);
    if (result != 0) {
        return result;
    }
    i->has_packets = i->reader->head_answer == READER_PACKET;
    if (i->has_packets) {
        i->first_ns = i->reader->head.at.ns;
        i->link_type = i->reader->head.link_type;
    }
    if (!keep) {
        stop_reader(i);
    }
    return 0;
}

static int append(struct inputs *in, const char *path, const struct stat *st,
                  char error[SOURCE_ERROR])
{
    if (in->count == in->room) {
        size_t room = in->room == 0 ? 8 : in->room * 2;
        struct input *grown = realloc(in->list, room * sizeof *grown);
        if (grown == NULL) {
            return out_of_memory(path, error);
        }
        in->list = grown;
        in->room = room;
    }
    struct input i = {.path = strdup(path)};
    if (i.path == NULL) {
        return out_of_memory(path, error);
    }
    const char *slash = strrchr(i.path, '/');
    i.name = slash == NULL ? i.path : slash + 1;
    i.size = S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0;
    in->list[in->count++] = i;
    return 0;
}

static int add_file(struct inputs *in, const char *path, const struct stat *st,
                    char error[SOURCE_ERROR])
{
    int result = append(in, path, st, error);
    if (result != 0) {
        return result;
    }
    result = look(in, error);
    if (result != 0) {
        free(in->list[--in->count].path);
        return result;
    }
    in->octets_total += in->list[in->count - 1].size;
    in->endless = in->endless || in->list[in->count - 1].size == 0;
    return 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* A file among others in a directory: one that is no capture is passed over, one that was cut
 * inside its header (a recorder was stopped at once) is counted. */
static int add_entry(struct inputs *in, const char *directory, const char *name,
                     char error[SOURCE_ERROR])
{
    char *path = NULL;
    struct stat st;
    size_t len = strlen(directory);
    const char *slash = len > 0 && directory[len - 1] == '/' ? "" : "/";
    if (asprintf(&path, "%s%s%s", directory, slash, name) < 0) {
        return out_of_memory(directory, error);
    }
    int result = 0;
    if (stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
        result = add_file(in, path, &st, error);
        in->counts->truncated_files += result == -ENODATA ? 1 : 0;
        result = result == -EBADMSG || result == -ENODATA ? 0 : result;
    }
    free(path);
    return result;
}

static int add_directory(struct inputs *in, const char *path, char error[SOURCE_ERROR])
{
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, by_name);
    if (count < 0) {
        return path_failed(path, errno, error);
    }
    size_t before = in->count;
    int result = 0;
    for (int i = 0; i < count; i++) {
        if (result == 0) {
            result = add_entry(in, path, entries[i]->d_name, error);
        }
        free(entries[i]);
    }
    free(entries);
    if (result == 0 && in->count == before) {
        (void)snprintf(error, SOURCE_ERROR,
                       "%s: no captures in this directory: give one with pcap or pcapng files, "
                       "plain, gzip or zstd",
                       path);
        return -ENOENT;
    }
    return result;
}

int inputs_add(struct inputs *in, const char *path, char error[SOURCE_ERROR])
{
    struct stat st = {0};
    if (strcmp(path, "-") != 0 && stat(path, &st) != 0) {
        return path_failed(path, errno, error);
    }
    if (S_ISDIR(st.st_mode)) {
        in->keep_open = false;
        return add_directory(in, path, error);
    }
    return add_file(in, path, &st, error);
}

void inputs_done(struct inputs *in)
{
    for (size_t i = 0; i < in->count; i++) {
        stop_reader(&in->list[i]);
        free(in->list[i].path);
    }
    free(in->list);
    *in = (struct inputs){0};
}
