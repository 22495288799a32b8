#include "reports/shared.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct shared {
    atomic_uint holders;
    bool mapped;
    uint8_t *at;
    size_t len, room; /* room: of the map */
};

static struct shared *make(uint8_t *at, size_t len, bool mapped)
{
    struct shared *s = calloc(1, sizeof *s);
    if (s != NULL) {
        atomic_init(&s->holders, 1);
        s->at = at;
        s->len = s->room = len;
        s->mapped = mapped;
    }
    return s;
}

struct shared *shared_copy(struct bytes octets)
{
    uint8_t *at = malloc(octets.len + 1);
    struct shared *s = at == NULL ? NULL : make(at, octets.len, false);
    if (s == NULL) {
        free(at);
        return NULL;
    }
    if (octets.len > 0) {
        memcpy(at, octets.at, octets.len);
    }
    return s;
}

struct shared *shared_between(size_t room)
{
    void *at =
        mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    struct shared *s = at == MAP_FAILED ? NULL : make(at, room, true);
    if (s == NULL && at != MAP_FAILED) {
        (void)munmap(at, room);
    }
    return s;
}

uint8_t *shared_room(struct shared *s)
{
    return s->at;
}

void shared_trim(struct shared *s, size_t len)
{
    assert(len <= s->len);
    s->len = len;
    if (s->mapped) {
        size_t page = (size_t)sysconf(_SC_PAGESIZE);
        size_t kept = len == 0 ? page : (len + page - 1) / page * page;
        if (kept < s->room && munmap(s->at + kept, s->room - kept) == 0) {
            s->room = kept;
        }
    }
}

struct bytes shared_octets(const struct shared *s)
{
    return bytes_of(s->at, s->len);
}

struct shared *shared_hold(struct shared *s)
{
    (void)atomic_fetch_add(&s->holders, 1);
    return s;
}

void shared_drop(struct shared *s)
{
    if (s == NULL || atomic_fetch_sub(&s->holders, 1) > 1) {
        return;
    }
    if (s->mapped) {
        (void)munmap(s->at, s->room);
    } else {
        free(s->at);
    }
    free(s);
}
