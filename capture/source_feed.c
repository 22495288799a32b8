#include "capture/source_feed.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define INPUT_OCTETS ((size_t)64 << 10)

struct inflation {
    ZSTD_DStream *zstd; /* NULL: gzip */
    z_stream gzip;
    bool between; /* at the end of a gzip member or zstd frame, where the input may end */
    bool any;     /* at least one member is complete: what follows may be padding */
    size_t at, len;
    uint8_t input[INPUT_OCTETS];
};

#define LOOK_UP_MS 100

/* Waits for octets; false when the user ends the waiting. */
static bool wait_for_octets(const struct feed *f)
{
    struct pollfd waiting = {.fd = f->fd, .events = POLLIN};
    while (f->stop != NULL && *f->stop == 0 && poll(&waiting, 1, LOOK_UP_MS) == 0) {
    }
    return f->stop == NULL || *f->stop == 0;
}

/* Octets read, 0 at the end; a failure sets f->error. */
static size_t read_some(struct feed *f, uint8_t *to, size_t room)
{
    ssize_t n;
    if (!wait_for_octets(f)) {
        f->ended = true;
        return 0;
    }
    do {
        n = read(f->fd, to, room < f->step ? room : f->step);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        f->error = -errno;
        f->ended = true;
        return 0;
    }
    if (f->spool != NULL) {
        spool_add(f->spool, bytes_of(to, (size_t)n));
    }
    f->octets += (uint64_t)n;
    *f->octets_read += (uint64_t)n;
    return (size_t)n;
}

/* RFC 1952 2.2: members follow one another. Octets written to `to`. */
static size_t gunzip(struct feed *f, uint8_t *to, size_t room)
{
    struct inflation *in = f->inflation;
    z_stream *z = &in->gzip;
    z->next_in = in->input + in->at;
    z->avail_in = (uInt)(in->len - in->at);
    z->next_out = to;
    z->avail_out = (uInt)room;
    bool fresh = in->between;
    int answer = inflate(z, Z_NO_FLUSH);
    in->at = in->len - z->avail_in;
    in->between = answer == Z_STREAM_END;
    if (answer == Z_STREAM_END) {
        in->any = true;
        (void)inflateReset(z);
    } else if (answer != Z_OK && answer != Z_BUF_ERROR) {
        f->ended = true;
        f->cut = !(fresh && in->any);
    }
    return room - z->avail_out;
}

/* RFC 8878 3.1 */
static size_t unzstd(struct feed *f, uint8_t *to, size_t room)
{
    struct inflation *in = f->inflation;
    ZSTD_inBuffer from = {.src = in->input, .size = in->len, .pos = in->at};
    ZSTD_outBuffer into = {.dst = to, .size = room, .pos = 0};
    bool fresh = in->between;
    size_t answer = ZSTD_decompressStream(in->zstd, &into, &from);
    in->at = from.pos;
    if (ZSTD_isError(answer)) {
        f->ended = true;
        f->cut = !(fresh && in->any);
        return into.pos;
    }
    in->between = answer == 0;
    in->any = in->any || answer == 0;
    return into.pos;
}

static size_t decompress_some(struct feed *f, uint8_t *to, size_t room)
{
    struct inflation *in = f->inflation;
    size_t got = 0;
    while (got == 0 && !f->ended) {
        /* What the decompressor still holds comes out first: it may need no further input. */
        size_t before = in->at;
        if (in->at < in->len || !in->between) {
            got = in->zstd != NULL ? unzstd(f, to, room) : gunzip(f, to, room);
        }
        if (got != 0 || f->ended || in->at != before) {
            continue;
        }
        in->at = 0;
        in->len = read_some(f, in->input, sizeof in->input);
        if (in->len == 0) {
            f->ended = true;
            f->cut = f->error == 0 && !in->between;
        }
    }
    return got;
}

/* Room for `octets` from the window's start on, and at least one octet more than is there. */
static bool make_room(struct feed *f, size_t octets)
{
    struct chunk *old = f->chunk;
    size_t left = f->end - f->begin;
    if (old->capacity - f->begin >= octets && f->end < old->capacity) {
        return true;
    }
    if (old->capacity >= octets &&
        atomic_load_explicit(&old->block.holders, memory_order_acquire) == 1) {
        memmove(old->octets, old->octets + f->begin, left);
    } else {
        struct chunk *fresh = chunk_take(f->pool, octets);
        if (fresh == NULL) {
            f->error = -ENOMEM;
            f->ended = true;
            return false;
        }
        memcpy(fresh->octets, old->octets + f->begin, left);
        f->chunk = fresh;
        block_drop(&old->block);
    }
    f->begin = 0;
    f->end = left;
    return true;
}

bool feed_fill(struct feed *f, size_t octets)
{
    while (f->end - f->begin < octets) {
        if (f->ended || !make_room(f, octets)) {
            return false;
        }
        uint8_t *to = f->chunk->octets + f->end;
        size_t room = f->chunk->capacity - f->end;
        size_t got = f->inflation != NULL ? decompress_some(f, to, room) : read_some(f, to, room);
        f->end += got;
        f->ended = f->ended || (got == 0 && f->inflation == NULL);
    }
    return true;
}

bool feed_skip(struct feed *f, uint64_t octets)
{
    while (octets > f->end - f->begin) {
        octets -= f->end - f->begin;
        f->begin = f->end;
        if (!feed_fill(f, 1)) {
            return false;
        }
    }
    f->begin += (size_t)octets;
    return true;
}

/* Hands what was read so far to a decompressor. */
static int start_inflation(struct feed *f, bool zstd)
{
    struct inflation *in = calloc(1, sizeof *in);
    if (in == NULL) {
        return -ENOMEM;
    }
    f->inflation = in;
    in->len = f->end;
    memcpy(in->input, f->chunk->octets, f->end);
    f->end = 0;
    f->ended = false;
    if (zstd) {
        in->zstd = ZSTD_createDStream();
        return in->zstd == NULL ? -ENOMEM : 0;
    }
    /* 15: the largest window; 16: a gzip header. */
    return inflateInit2(&in->gzip, 15 + 16) == Z_OK ? 0 : -ENOMEM;
}

int feed_open(struct feed *f, int fd, struct chunk_pool *pool, size_t step, uint64_t *octets_read,
              struct spool *spool)
{
    static const uint8_t gzip[2] = {0x1f, 0x8b};
    static const uint8_t zstd[4] = {0x28, 0xb5, 0x2f, 0xfd};
    *f = (struct feed){.pool = pool, .fd = fd, .octets_read = octets_read, .spool = spool};
    f->chunk = chunk_take(pool, 0);
    if (f->chunk == NULL) {
        return -ENOMEM;
    }
    f->step = INPUT_OCTETS / 2; /* the first octets must fit into the decompressor's input */
    (void)feed_need(f, sizeof zstd);
    f->step = step;
    bool is_zstd = bytes_has_prefix(feed_window(f), zstd, sizeof zstd);
    if (f->error == 0 && (is_zstd || bytes_has_prefix(feed_window(f), gzip, sizeof gzip))) {
        return start_inflation(f, is_zstd);
    }
    return f->error;
}

void feed_close(struct feed *f)
{
    if (f->inflation != NULL) {
        if (f->inflation->zstd != NULL) {
            (void)ZSTD_freeDStream(f->inflation->zstd);
        } else {
            (void)inflateEnd(&f->inflation->gzip);
        }
        free(f->inflation);
    }
    if (f->chunk != NULL) {
        block_drop(&f->chunk->block);
    }
    if (f->fd != STDIN_FILENO) {
        (void)close(f->fd);
    }
    *f = (struct feed){.fd = -1};
}
