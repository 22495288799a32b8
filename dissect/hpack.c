#include "dissect/hpack.h"

#include <nghttp2/nghttp2.h>

#include "capture/limits.h"

/* An arena frees nothing singly, and a table lives by replacing its rows: what the inflater frees
 * is kept by size and given out again. A piece has the size of 64 octets times a power of two, with
 * its own head. */
enum { SIZES = 16, SMALLEST = 64 };

union piece {
    struct {
        union piece *next; /* while it is free */
        unsigned size;     /* index into `free` */
    } of;
    max_align_t align;
};

struct hpack {
    struct arena *arena;
    nghttp2_hd_inflater *inflater;
    nghttp2_mem memory;
    union piece *free[SIZES];
};

static size_t octets_of(unsigned size)
{
    return (size_t)SMALLEST << size;
}

static void *take(size_t wanted, void *user)
{
    struct hpack *h = user;
    unsigned size = 0;
    while (size < SIZES && octets_of(size) - sizeof(union piece) < wanted) {
        size++;
    }
    if (size == SIZES) {
        return NULL;
    }
    union piece *p = h->free[size];
    if (p != NULL) {
        h->free[size] = p->of.next;
    } else {
        p = arena_alloc(h->arena, octets_of(size));
    }
    if (p == NULL) {
        return NULL;
    }
    p->of.size = size;
    return p + 1;
}

static void give_back(void *at, void *user)
{
    struct hpack *h = user;
    if (at != NULL) {
        union piece *p = (union piece *)at - 1;
        p->of.next = h->free[p->of.size];
        h->free[p->of.size] = p;
    }
}

static void *take_zeroed(size_t count, size_t each, void *user)
{
    void *at = each != 0 && count > LIMIT_FLOW_ARENA / each ? NULL : take(count * each, user);
    return at == NULL ? NULL : memset(at, 0, count * each);
}

static void *take_more(void *at, size_t wanted, void *user)
{
    if (at == NULL) {
        return take(wanted, user);
    }
    const union piece *p = (const union piece *)at - 1;
    size_t room = octets_of(p->of.size) - sizeof *p;
    if (wanted <= room) {
        return at;
    }
    void *grown = take(wanted, user);
    if (grown != NULL) {
        memcpy(grown, at, room);
        give_back(at, user);
    }
    return grown;
}

struct hpack *hpack_new(struct arena *arena)
{
    struct hpack *h = arena_alloc(arena, sizeof *h);
    if (h == NULL) {
        return NULL;
    }
    h->arena = arena;
    h->memory = (nghttp2_mem){.mem_user_data = h,
                              .malloc = take,
                              .free = give_back,
                              .calloc = take_zeroed,
                              .realloc = take_more};
    bool made = nghttp2_hd_inflate_new2(&h->inflater, &h->memory) == 0 &&
                nghttp2_hd_inflate_change_table_size(h->inflater, LIMIT_HPACK_TABLE) == 0;
    return made ? h : NULL;
}

bool hpack_read(struct hpack *h, struct bytes block,
                void (*field)(void *user, struct bytes name, struct bytes value), void *user)
{
    for (;;) {
        nghttp2_nv nv = {0};
        int flags = NGHTTP2_HD_INFLATE_NONE;
        ssize_t used = nghttp2_hd_inflate_hd2(h->inflater, &nv, &flags, block.at, block.len, 1);
        if (used < 0) {
            return false;
        }
        block = bytes_from(block, (size_t)used);
        if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
            field(user, bytes_of(nv.name, nv.namelen), bytes_of(nv.value, nv.valuelen));
        }
        if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) {
            (void)nghttp2_hd_inflate_end_headers(h->inflater);
            return true;
        }
        if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0 && block.len == 0) {
            return false;
        }
    }
}
