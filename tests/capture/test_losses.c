#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capture/losses.h"

#define SECOND INT64_C(1000000000)
#define MINUTE (60 * SECOND)
#define START (INT64_C(1800000000) * SECOND) /* a whole minute */

static struct loss_log l;
static struct loss_meter m;

static void begin(void)
{
    m = (struct loss_meter){0};
    loss_log_init(&l, MINUTE);
}

static void read_at(int64_t now, uint64_t packets, uint64_t ring, uint64_t card)
{
    loss_meter_read(
        &m,
        &(struct source_counts){.packets = packets, .dropped = ring + card, .card_dropped = card},
        NULL, now);
    loss_log_note(&l, &m);
}

static void tells_when(void **state)
{
    (void)state;
    begin();
    loss_log_note(&l, &m);
    assert_int_equal(loss_log_count(&l), 0); /* nothing was read, so there is no time */
    read_at(START + 1, 100, 0, 0);
    read_at(START + 30 * SECOND, 200, 7, 0);
    assert_int_equal(loss_log_count(&l), 1);
    read_at(START + 90 * SECOND, 300, 7, 0);
    read_at(START + 110 * SECOND, 400, 7, 0);
    assert_int_equal(loss_log_count(&l), 1); /* a minute without a loss is not kept */
    loss_meter_add(&m, LOSS_CONVERSATION, 3);
    read_at(START + 200 * SECOND, 500, 9, 2);
    assert_int_equal(loss_log_count(&l), 2);
    assert_int_equal(l.list[0].from_ns, START);
    assert_int_equal(l.list[0].to_ns, START + MINUTE);
    assert_int_equal(l.list[0].packets, 200);
    assert_int_equal(l.list[0].lost[LOSS_RING], 7);
    assert_int_equal(l.list[1].from_ns, START + 3 * MINUTE);
    assert_int_equal(l.list[1].lost[LOSS_RING], 2);
    assert_int_equal(l.list[1].lost[LOSS_CARD], 2);
    assert_int_equal(l.list[1].lost[LOSS_CONVERSATION], 3);
    assert_int_equal(loss_interval_packets(&l.list[1]), 4);
}

/* The clock is put back: another interval, and nothing is counted twice. */
static void clock_goes_back(void **state)
{
    (void)state;
    begin();
    read_at(START + 3600 * SECOND, 10, 1, 0);
    read_at(START, 20, 3, 0);
    assert_int_equal(loss_log_count(&l), 2);
    assert_int_equal(l.list[1].from_ns, START);
    assert_int_equal(l.list[1].lost[LOSS_RING], 2);
}

static void weeks_are_joined(void **state)
{
    uint64_t minutes = 20000, sum = 0, packets = 0;
    (void)state;
    begin();
    for (uint64_t i = 0; i < minutes; i++) {
        read_at(START + (int64_t)i * MINUTE, i + 1, i + 1, 0);
    }
    assert_true(loss_log_count(&l) <= LIMIT_LOSS_INTERVALS);
    assert_true(loss_log_count(&l) > LIMIT_LOSS_INTERVALS / 4);
    for (size_t i = 0; i < l.count; i++) {
        sum += l.list[i].lost[LOSS_RING];
        packets += l.list[i].packets;
        assert_true(i == 0 || l.list[i].from_ns == l.list[i - 1].to_ns);
    }
    assert_int_equal(sum, minutes);
    assert_int_equal(packets, minutes);
    assert_int_equal(l.list[0].from_ns, START);
}

static void kinds_have_names(void **state)
{
    (void)state;
    for (unsigned k = 0; k < LOSS_KINDS; k++) {
        assert_non_null(loss_kind_name((enum loss_kind)k));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_when),
        cmocka_unit_test(clock_goes_back),
        cmocka_unit_test(weeks_are_joined),
        cmocka_unit_test(kinds_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
