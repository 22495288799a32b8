/*
 * input_file.h - by what a capture file is known again later: its size and what it begins with.
 *
 * Owner: nobody; the file is closed again. Limits: LIMIT_FILE_HEAD octets are read.
 */
#ifndef ROLECALL_REPORTS_INPUT_FILE_H
#define ROLECALL_REPORTS_INPUT_FILE_H

#include <stdbool.h>
#include <stdint.h>

#define FILE_HEAD_SHA256 65
struct input_file {
    uint64_t octets;
    char head_sha256[FILE_HEAD_SHA256]; /* of the first octets, as hexadecimal */
};

/* False with errno: it cannot be read; errno 0: it is not a regular file. */
bool input_file_look(const char *path, struct input_file *ret);

#endif
