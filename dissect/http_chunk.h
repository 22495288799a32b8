/*
 * http_chunk.h - bodies in chunks: the lines between them.
 *
 * Spec:   RFC 9112 7.1. LF alone ends a line, as in a head.
 */
#ifndef ROLECALL_DISSECT_HTTP_CHUNK_H
#define ROLECALL_DISSECT_HTTP_CHUNK_H

#include "capture/bytes.h"

enum http_chunk {
    HTTP_CHUNK_SHORT, /* its line is not there to its end */
    HTTP_CHUNK_BAD,
    HTTP_CHUNK_WHOLE,
};

/* A whole line with its end, or 0 when it is not there yet. `searched` octets were, before. */
size_t http_line_size(struct bytes in, size_t searched);

/* The line that announces a chunk, with the end of line that closes the one before it unless it is
 * the `first`: its octets, and those of the chunk, 0 for the last. */
enum http_chunk http_chunk_line(struct bytes in, bool first, size_t searched, size_t *ret_used,
                                uint64_t *ret_size);

#endif
