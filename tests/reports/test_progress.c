/*
 * test_progress.c - the line of progress, as a terminal gets it.
 */
#include "tests/test.h"

#include <fcntl.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "reports/progress.h"

struct screen { /* standard error as a terminal of its own */
    int master, kept;
};

static struct screen screen_open(unsigned short columns)
{
    struct screen s;
    int slave = -1;
    struct winsize size = {.ws_row = 24, .ws_col = columns};
    assert_int_equal(openpty(&s.master, &slave, NULL, NULL, &size), 0);
    assert_int_equal(fcntl(s.master, F_SETFL, O_NONBLOCK), 0);
    s.kept = dup(STDERR_FILENO);
    assert_int_equal(dup2(slave, STDERR_FILENO), STDERR_FILENO);
    close(slave);
    return s;
}

/* What was written since the last time. */
static const char *screen_read(const struct screen *s, char text[1024])
{
    ssize_t n = read(s->master, text, 1023);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void screen_close(struct screen *s)
{
    dup2(s->kept, STDERR_FILENO);
    close(s->kept);
    close(s->master);
}

/* As if it had begun that many seconds ago, and drawn then too. */
static void set_back(struct progress *p, time_t seconds)
{
    p->started.tv_sec -= seconds;
    p->drawn = p->started;
}

static const struct source_counts half = {
    .packets = 1234567, .octets_read = 500000000, .octets_total = 1000000000};

static void nothing_when_not_wanted_or_not_yet(void **state)
{
    char text[1024];
    (void)state;
    struct screen s = screen_open(80);
    struct progress p;
    progress_begin(&p, false);
    set_back(&p, 10);
    progress_show(&p, &half);
    progress_end(&p);
    assert_string_equal(screen_read(&s, text), "");
    progress_begin(&p, true);
    progress_show(&p, &half); /* before the first half second */
    progress_end(&p);
    assert_string_equal(screen_read(&s, text), "");
    screen_close(&s);
}

static void tells_share_rate_and_time_left(void **state)
{
    char first[1024], too_soon[1024], second[1024], wiped[1024], again[1024];
    (void)state;
    struct screen s = screen_open(80);
    struct progress p;
    progress_begin(&p, true);
    set_back(&p, 10);
    progress_show(&p, &half);
    (void)screen_read(&s, first);
    progress_show(&p, &half);
    (void)screen_read(&s, too_soon);
    p.drawn.tv_sec -= 1;
    struct source_counts more = half;
    more.octets_read = 999999999;
    more.packets = 9;
    progress_show(&p, &more);
    (void)screen_read(&s, second);
    progress_end(&p);
    (void)screen_read(&s, wiped);
    progress_end(&p);
    (void)screen_read(&s, again);
    screen_close(&s);
    assert_string_equal(first, "\r 50 %  1,234,567 packets  50.0 MB/s  10 s left");
    assert_string_equal(too_soon, "");
    /* Never done before it is done; what the longer line left over is blanked. */
    assert_ptr_equal(strstr(second, "\r 99 %  9 packets  100.0 MB/s  0.0 s left  "), second);
    assert_int_equal(strlen(second), strlen(first));
    assert_int_equal(strspn(wiped + 1, " "),
                     strlen("\r 99 %  9 packets  100.0 MB/s  0.0 s left") - 1);
    assert_string_equal(wiped + 1 + strspn(wiped + 1, " "), "\r");
    assert_string_equal(again, "");
}

static void size_not_known(void **state)
{
    static const struct source_counts unknown[] = {
        {.packets = 5, .octets_read = 20000000},
        {.packets = 5, .octets_read = 20000000, .octets_total = 10}, /* grew while it was read */
    };
    char text[1024];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(unknown); i++) {
        struct screen s = screen_open(80);
        struct progress p;
        progress_begin(&p, true);
        set_back(&p, 10);
        progress_show(&p, &unknown[i]);
        assert_string_equal(screen_read(&s, text), "\r5 packets  2.0 MB/s");
        progress_end(&p);
        screen_close(&s);
    }
}

static void never_wider_than_the_terminal(void **state)
{
    (void)state;
    for (unsigned short columns = 1; columns < 90; columns++) {
        char text[1024];
        struct screen s = screen_open(columns);
        struct progress p;
        progress_begin(&p, true);
        set_back(&p, 10);
        progress_show(&p, &half);
        assert_true(strlen(screen_read(&s, text)) <= columns); /* the return, and one column free */
        progress_end(&p);
        screen_close(&s);
    }
}

/* A window made narrower between two lines: the second must not wrap. */
static void window_shrinks(void **state)
{
    char text[1024];
    (void)state;
    struct screen s = screen_open(80);
    struct progress p;
    struct winsize narrow = {.ws_row = 24, .ws_col = 30};
    progress_begin(&p, true);
    set_back(&p, 10);
    progress_show(&p, &half);
    (void)screen_read(&s, text);
    assert_int_equal(ioctl(s.master, TIOCSWINSZ, &narrow), 0);
    p.drawn.tv_sec -= 1;
    progress_show(&p, &half);
    assert_true(strlen(screen_read(&s, text)) <= 30);
    progress_end(&p);
    screen_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_when_not_wanted_or_not_yet),
        cmocka_unit_test(tells_share_rate_and_time_left),
        cmocka_unit_test(size_not_known),
        cmocka_unit_test(never_wider_than_the_terminal),
        cmocka_unit_test(window_shrinks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
