/*
 * stamp.h - which packet, and when.
 *
 * Units: packets count from 1 in their file (Wireshark's frame.number); ns since the Unix epoch,
 * UTC.
 */
#ifndef ROLECALL_CAPTURE_STAMP_H
#define ROLECALL_CAPTURE_STAMP_H

#include <stdbool.h>
#include <stdint.h>

struct stamp {
    /* Place in the whole input, all files as one timeline, from 1; 0: no stamp. Of octets that were
     * kept back: the place of the packet that set them free. */
    uint64_t order;
    uint64_t packet; /* 1-based number in its file */
    int64_t ns;
    uint32_t file;     /* index of the input file, for its name */
    uint8_t precision; /* digits after the second that the capture holds: 6 or 9 */
};

static inline bool stamp_is_same(const struct stamp *a, const struct stamp *b)
{
    return a->order == b->order && a->packet == b->packet;
}

#endif
