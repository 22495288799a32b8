#include "reports/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOM (256u << 10)

struct output {
    int fd;            /* -1: memory */
    struct tree *tree; /* NULL: text */
    char *at;
    size_t len, room;
    size_t whole;     /* octets of the buffer that end a line */
    uint64_t written; /* octets of whole lines in the file */
    uint64_t start;   /* offset at which we began */
    int error;
    char refusal[OUTPUT_REFUSAL];
};

static struct output *output_new(int fd)
{
    struct output *o = calloc(1, sizeof *o);
    if (o == NULL) {
        return NULL;
    }
    o->fd = fd;
    o->room = ROOM;
    o->at = malloc(o->room);
    if (o->at == NULL) {
        free(o);
        return NULL;
    }
    return o;
}

int output_open(const char *path, struct output **ret)
{
    int fd = STDOUT_FILENO;
    if (strcmp(path, "-") != 0) {
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (fd < 0) {
            return -errno;
        }
    }
    struct output *o = output_new(fd);
    if (o == NULL) {
        if (fd != STDOUT_FILENO) {
            close(fd);
        }
        return -ENOMEM;
    }
    off_t at = lseek(fd, 0, SEEK_CUR);
    o->start = at < 0 ? 0 : (uint64_t)at;
    *ret = o;
    return 0;
}

struct output *output_to_memory(void)
{
    return output_new(-1);
}

struct output *output_to_tree(struct tree *t)
{
    struct output *o = output_new(-1);
    if (o != NULL) {
        o->tree = t;
    }
    return o;
}

struct tree *output_tree(const struct output *o)
{
    return o->tree;
}

const char *output_memory(const struct output *o, size_t *ret_len)
{
    *ret_len = o->len;
    return o->at;
}

/* Leaves only whole lines in a file that could not take everything. */
static void cut_back(struct output *o)
{
    struct stat st;
    if (fstat(o->fd, &st) == 0 && S_ISREG(st.st_mode) &&
        ftruncate(o->fd, (off_t)(o->start + o->written)) != 0) {
        o->error = -errno;
    }
}

int output_flush(struct output *o)
{
    size_t done = 0;
    while (o->fd >= 0 && o->error == 0 && done < o->len) {
        ssize_t n = write(o->fd, o->at + done, o->len - done);
        if (n < 0 && errno != EINTR) {
            o->error = -errno;
            /* Whole lines among what did arrive count. */
            const char *end = memrchr(o->at, '\n', done < o->whole ? done : o->whole);
            o->written += end == NULL ? 0 : (uint64_t)(end - o->at) + 1;
            cut_back(o);
        }
        done += n > 0 ? (size_t)n : 0;
    }
    if (o->fd >= 0) {
        o->written += o->error == 0 ? o->len : 0;
        o->len = o->whole = 0;
    }
    return o->error;
}

char *output_reserve(struct output *o, size_t len)
{
    if (len > o->room - o->len) {
        size_t want = o->len + len, room = o->room;
        while (room < want) {
            room *= 2;
        }
        char *grown = realloc(o->at, room);
        if (grown == NULL) {
            /* Nothing more is kept; the buffer is reused so that callers need no check. */
            o->error = -ENOMEM;
            o->len = o->whole = 0;
            return len <= o->room ? o->at : NULL;
        }
        o->at = grown;
        o->room = room;
    }
    return o->at + o->len;
}

void output_commit(struct output *o, size_t len)
{
    o->len += len;
}

void output_octets(struct output *o, const void *octets, size_t len)
{
    char *at = output_reserve(o, len);
    if (at != NULL) {
        memcpy(at, octets, len);
        output_commit(o, len);
    }
}

void output_text(struct output *o, const char *text)
{
    output_octets(o, text, strlen(text));
}

void output_format(struct output *o, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *at = len < 0 ? NULL : output_reserve(o, (size_t)len + 1);
    if (at != NULL) {
        (void)vsnprintf(at, (size_t)len + 1, format, again);
        output_commit(o, (size_t)len);
    }
    va_end(again);
}

void output_line(struct output *o)
{
    output_octets(o, "\n", 1);
    o->whole = o->len;
    if (o->fd >= 0 && o->len >= ROOM / 2) {
        output_flush(o);
    }
}

void output_refuse(struct output *o, const char *why)
{
    if (o->error == 0) {
        o->error = -ECANCELED;
        (void)snprintf(o->refusal, sizeof o->refusal, "%s", why);
        o->len = o->whole = 0;
        if (o->fd >= 0) {
            cut_back(o);
        }
    }
}

const char *output_refusal(const struct output *o)
{
    return o->refusal;
}

int output_error(const struct output *o)
{
    return o->error;
}

int output_close(struct output *o)
{
    if (o == NULL) {
        return 0;
    }
    int error = output_flush(o);
    if (o->fd >= 0 && o->fd != STDOUT_FILENO && close(o->fd) != 0 && error == 0) {
        error = -errno;
    }
    free(o->at);
    free(o);
    return error;
}

void output_drop(struct output *o)
{
    int told = output_close(o);
    (void)told;
}
