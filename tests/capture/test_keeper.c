#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "capture/keeper.h"
#include "capture/source_pool.h"

#define LEN 1000u

struct filling { /* as source_live.c does it */
    struct chunk_pool *pool;
    struct keeper *keeper;
    struct chunk *chunk;
    size_t filled;
};

static void capture(struct filling *f, uint64_t number)
{
    size_t taken = kept_octets(LEN);
    if (f->chunk == NULL || f->chunk->capacity - f->filled < taken) {
        block_drop(f->chunk == NULL ? NULL : &f->chunk->block);
        f->chunk = chunk_take(f->pool, CHUNK_OCTETS);
        assert_non_null(f->chunk);
        f->filled = 0;
        keeper_begin(f->keeper, f->chunk);
    }
    struct kept_head *head = (void *)(f->chunk->octets + f->filled);
    *head = (struct kept_head){.ns = (int64_t)number * 10, .len = LEN, .wire_len = LEN};
    memset(head + 1, (int)(number & 0xff), LEN);
    f->filled += taken;
    keeper_filled(f->keeper, f->filled);
    atomic_store(&head->number, number);
    if (number % 1000 == 1) {
        keeper_opening(f->keeper, &(struct packet){.at = {.packet = number, .ns = head->ns},
                                                   .data = bytes_of((uint8_t *)(head + 1), 60)});
    }
}

static struct filling begin(void)
{
    struct filling f = {.pool = chunk_pool_new(), .keeper = keeper_new(8 * CHUNK_OCTETS)};
    assert_non_null(f.pool);
    assert_non_null(f.keeper);
    return f;
}

static void end(struct filling *f)
{
    block_drop(f->chunk == NULL ? NULL : &f->chunk->block);
    chunk_pool_close(f->pool);
    assert_null(keeper_free(f->keeper));
}

/* Which of the packets 1 to `most` a walk shows; each must be what it was. */
static size_t walk(const struct filling *f, size_t octets, bool *seen, uint64_t most)
{
    struct keeper_walk w;
    struct packet p;
    size_t count = 0;
    keeper_enter(f->keeper, octets, &w);
    while (keeper_next(&w, &p)) {
        uint64_t number = p.at.packet;
        assert_true(number >= 1 && number <= most);
        assert_int_equal(p.at.ns, number * 10);
        assert_int_equal(p.data.at[0], number & 0xff);
        seen[number] = true;
        count++;
    }
    keeper_leave(&w);
    return count;
}

static void nothing_is_there(void **state)
{
    struct filling f = begin();
    (void)state;
    assert_int_equal(walk(&f, SIZE_MAX, NULL, 0), 0);
    end(&f);
}

/* The newest stay; openings stay longer. */
static void oldest_go_first(void **state)
{
    static bool seen[20001];
    struct filling f = begin();
    (void)state;
    for (uint64_t n = 1; n <= 20000; n++) {
        capture(&f, n);
    }
    memset(seen, 0, sizeof seen);
    size_t count = walk(&f, SIZE_MAX, seen, 20000);
    assert_true(count * LEN < 8 * CHUNK_OCTETS);
    assert_true(count * LEN > 5 * CHUNK_OCTETS);
    for (uint64_t n = 20000 - 1200; n <= 20000; n++) {
        assert_true(seen[n]);
    }
    assert_false(seen[2]);
    for (uint64_t n = 1; n <= 20000; n += 1000) {
        assert_true(seen[n]);
    }
    memset(seen, 0, sizeof seen);
    (void)walk(&f, 1, seen, 20000); /* the newest chunk, and openings */
    assert_true(seen[20000] && seen[1] && !seen[20000 - 300]);
    end(&f);
}

/* A packet that is not delivered yet has no number, and is passed over. */
static void undelivered_is_passed_over(void **state)
{
    static bool seen[4];
    struct filling f = begin();
    (void)state;
    capture(&f, 1);
    capture(&f, 2);
    capture(&f, 3);
    struct kept_head *second = (void *)(f.chunk->octets + kept_octets(LEN));
    atomic_store(&second->number, 0);
    (void)walk(&f, SIZE_MAX, seen, 3);
    assert_true(seen[1] && !seen[2] && seen[3]);
    end(&f);
}

/* What a walk looks at stays, whatever is captured meanwhile. */
static void walk_holds_its_chunk(void **state)
{
    struct filling f = begin();
    struct keeper_walk w;
    struct packet p;
    (void)state;
    capture(&f, 2);
    keeper_enter(f.keeper, SIZE_MAX, &w);
    assert_true(keeper_next(&w, &p));
    for (uint64_t n = 3; n < 9000; n++) {
        capture(&f, n);
    }
    assert_int_equal(p.data.at[LEN - 1], 2);
    keeper_leave(&w);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_there),
        cmocka_unit_test(oldest_go_first),
        cmocka_unit_test(undelivered_is_passed_over),
        cmocka_unit_test(walk_holds_its_chunk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
