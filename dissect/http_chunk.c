#include "dissect/http_chunk.h"

#include "dissect/http_head.h"
#include "dissect/http_text.h"

size_t http_line_size(struct bytes in, size_t searched)
{
    struct bytes rest = bytes_from(in, searched);
    size_t end = searched + http_find(rest, '\n');
    return end < in.len ? end + 1 : 0;
}

/* The value of a hexadecimal digit; 16 for anything else. */
static unsigned hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - (unsigned)'0';
    }
    uint8_t lower = c | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10u : 16u;
}

/* RFC 9112 7.1: the size, and whatever extensions follow it. False: no size. */
static bool read_size(struct bytes line, uint64_t *ret_size)
{
    uint64_t size = 0;
    size_t digits = 0;
    for (; digits < line.len && hex_value(line.at[digits]) < 16; digits++) {
        if (size >> 60 != 0) {
            return false;
        }
        size = size << 4 | hex_value(line.at[digits]);
    }
    struct bytes rest = http_trim(bytes_from(line, digits));
    *ret_size = size;
    return digits > 0 && (rest.len == 0 || rest.at[0] == ';');
}

enum http_chunk http_chunk_line(struct bytes in, bool first, size_t searched, size_t *ret_used,
                                uint64_t *ret_size)
{
    size_t start = 0;
    if (!first) {
        start = in.at[0] == '\r' ? 1 : 0;
        if (start == in.len) {
            return HTTP_CHUNK_SHORT;
        }
        if (in.at[start] != '\n') {
            return HTTP_CHUNK_BAD;
        }
        start++;
    }
    *ret_used = http_line_size(in, searched > start ? searched : start);
    if (*ret_used == 0) {
        return HTTP_CHUNK_SHORT;
    }
    return read_size(bytes_slice(in, start, *ret_used - start), ret_size) ? HTTP_CHUNK_WHOLE
                                                                          : HTTP_CHUNK_BAD;
}
