/*
 * source_inputs.h - the captures that the given paths name, each checked and with the time of its
 * first packet.
 *
 * A file of a list of several is closed again after that look, so thousands of them cost no
 * descriptors.
 *
 * Owner:  inputs_done.
 * Errors: as source_open.
 */
#ifndef ROLECALL_CAPTURE_SOURCE_INPUTS_H
#define ROLECALL_CAPTURE_SOURCE_INPUTS_H

#include "capture/source_filter.h"
#include "capture/source_reader.h"

struct input {
    char *path;
    const char *name;      /* base name, inside `path` */
    struct reader *reader; /* NULL: not open */
    uint64_t size;         /* 0: not a regular file */
    int64_t first_ns;
    uint32_t link_type; /* of the first packet */
    bool has_packets;
};

struct inputs {
    struct chunk_pool *pool;      /* the source's */
    struct source_counts *counts; /* the source's */
    bool keep_open;               /* a single path: leave its reader open after the first look */
    struct input *list;
    size_t count, room;
    uint64_t octets_total;
    bool endless; /* standard input or a pipe is among them: octets_total is not known */
    const volatile sig_atomic_t *stop; /* as in struct source_options */
    struct spool *spool;               /* likewise */
};

/* Adds the file, or the captures of the directory, at `path`. */
int inputs_add(struct inputs *in, const char *path, char error[SOURCE_ERROR]) MUST_USE;
/* Opens list[index] for reading from its first packet on; nothing to do when it is open. */
int inputs_open(struct inputs *in, size_t index, char error[SOURCE_ERROR]) MUST_USE;
/* Closes, and counts the file as read to its end. */
void inputs_close(struct inputs *in, size_t index);
void inputs_done(struct inputs *in);

#endif
