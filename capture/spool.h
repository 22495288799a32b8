/*
 * spool.h - what came on standard input, kept in a file without a name, so that packets can be read
 * again.
 *
 * One thread adds. The octets are kept as they come, compressed ones compressed.
 *
 * Owner:  spool_free; the file goes with it, or with the process.
 * Errors: 0 or a negative errno when it cannot be made. Afterwards a full disk only cuts it.
 * Limits: as given; past it nothing is kept, and `cut` tells.
 */
#ifndef ROLECALL_CAPTURE_SPOOL_H
#define ROLECALL_CAPTURE_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/bytes.h"

struct spool {
    int fd;
    uint64_t octets, most;
    bool cut; /* not all of it is kept */
};

#define SPOOL_PATH 40
/* In $TMPDIR, or /var/tmp. */
int spool_open(struct spool *s, uint64_t most);
void spool_add(struct spool *s, struct bytes octets);
/* By which it can be opened, from its beginning on, while it is there. */
const char *spool_path(const struct spool *s, char text[SPOOL_PATH]);
void spool_close(struct spool *s);

#endif
