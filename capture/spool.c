#include "capture/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int spool_open(struct spool *s, uint64_t most)
{
    char path[4096];
    const char *folder = getenv("TMPDIR");
    *s = (struct spool){.most = most};
    (void)snprintf(path, sizeof path, "%s/rolecall-XXXXXX",
                   folder == NULL || *folder == '\0' ? "/var/tmp" : folder);
    s->fd = mkostemp(path, O_CLOEXEC);
    if (s->fd < 0) {
        return -errno;
    }
    (void)unlink(path); /* it lives on by its descriptor */
    return 0;
}

void spool_add(struct spool *s, struct bytes octets)
{
    if (octets.len > s->most - s->octets) {
        octets.len = (size_t)(s->most - s->octets);
        s->cut = true;
    }
    while (octets.len > 0) {
        ssize_t done = write(s->fd, octets.at, octets.len);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) { /* a full disk */
            s->most = s->octets;
            s->cut = true;
            return;
        }
        s->octets += (uint64_t)done;
        octets = bytes_from(octets, (size_t)done);
    }
}

const char *spool_path(const struct spool *s, char text[SPOOL_PATH])
{
    (void)snprintf(text, SPOOL_PATH, "/proc/self/fd/%d", s->fd);
    return text;
}

void spool_close(struct spool *s)
{
    (void)close(s->fd);
    s->fd = -1;
}
