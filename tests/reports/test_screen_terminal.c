/*
 * test_screen_terminal.c - the terminal of the live screen: what it is sent, how it is given back,
 * and that it holds nobody up.
 */
#include "tests/test.h"

#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "reports/screen.h"
#include "reports/screen_terminal.h"

#define SENT 65536

/* Asked by a build that searches for leaks: ncurses keeps what it needed to make a screen. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:new_prescr\n";
}

struct desk { /* standard output and error as a terminal of their own */
    int master, slave, out, error;
    struct termios before;
};

static void sit_down(struct desk *d, const char *type)
{
    struct winsize size = {.ws_row = 24, .ws_col = 80};
    assert_int_equal(openpty(&d->master, &d->slave, NULL, NULL, &size), 0);
    assert_int_equal(fcntl(d->master, F_SETFL, O_NONBLOCK), 0);
    d->out = dup(STDOUT_FILENO);
    d->error = dup(STDERR_FILENO);
    assert_int_equal(dup2(d->slave, STDOUT_FILENO), STDOUT_FILENO);
    assert_int_equal(dup2(d->slave, STDERR_FILENO), STDERR_FILENO);
    assert_int_equal(tcgetattr(d->slave, &d->before), 0);
    setenv("TERM", type, 1);
    setenv("LC_ALL", "C.UTF-8", 1);
}

/* What was sent since the last time. */
static size_t sent(const struct desk *d, char text[SENT])
{
    size_t len = 0;
    ssize_t n = 0;
    while (len + 1 < SENT && (n = read(d->master, text + len, SENT - 1 - len)) > 0) {
        len += (size_t)n;
    }
    text[len] = '\0';
    return len;
}

/* Standard output is cmocka's again before anything is asserted. */
static bool stand_up(struct desk *d)
{
    struct termios after;
    bool same = tcgetattr(d->slave, &after) == 0 && after.c_lflag == d->before.c_lflag &&
                after.c_iflag == d->before.c_iflag && after.c_oflag == d->before.c_oflag;
    dup2(d->out, STDOUT_FILENO);
    dup2(d->error, STDERR_FILENO);
    close(d->out);
    close(d->error);
    close(d->slave);
    close(d->master);
    return same;
}

static void write_canvas(struct canvas *c, const char *text)
{
    bool fine = canvas_begin(c, 24, 80);
    assert_true(fine);
    for (unsigned row = 0; row < 24; row++) {
        struct pen p = {.row = row, .end = 80};
        canvas_text(c, &p, (enum ink)(row % (INK_GOOD + 1)), text);
    }
}

static void draws_and_gives_back(void **state)
{
    static const struct {
        const char *type, *locale;
        bool color, colors_sent;
        const char *shown, *gone;
    } cases[] = {
        {"xterm-256color", "C.UTF-8", true, true, "\u00e4", "\33[?1049l"},
        {"xterm-256color", "C.UTF-8", false, false, "\u00e4", "\33[?1049l"},
        {"vt100", "C", true, false, "?", ""},
        {"linux", "C.UTF-8", true, true, "\u00e4", ""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char error[TERMINAL_ERROR] = "", before[SENT], text[SENT], after[SENT];
        struct desk d;
        struct terminal *t = NULL;
        struct canvas c = {0};
        sit_down(&d, cases[i].type);
        setenv("LC_ALL", cases[i].locale, 1);
        int failed = terminal_open(cases[i].color, error, &t);
        size_t early = sent(&d, before);
        if (failed == 0) {
            terminal_take(t);
            c.ascii = terminal_is_ascii(t);
            write_canvas(&c, "\u00e4");
            terminal_show(t, &c, false);
            (void)fprintf(stderr, "told meanwhile\n");
        }
        (void)sent(&d, text);
        unsigned number = 0;
        const char *message = failed == 0 ? terminal_message(t, &number) : NULL;
        char kept[32] = "";
        (void)snprintf(kept, sizeof kept, "%s", message == NULL ? "" : message);
        (void)terminal_free(t);
        (void)sent(&d, after);
        bool same = stand_up(&d);
        canvas_done(&c);
        assert_string_equal(error, "");
        assert_int_equal(early, 0); /* opening sends nothing */
        assert_non_null(strstr(text, cases[i].shown));
        assert_true((strstr(text, "\33[31m") != NULL) == cases[i].colors_sent);
        assert_null(strstr(text, "told meanwhile"));
        assert_string_equal(kept, "told meanwhile");
        assert_non_null(strstr(after, cases[i].gone));
        assert_non_null(strstr(after, "told meanwhile\r\n"));
        assert_true(same);
    }
}

static void unknown_types(void **state)
{
    static const char *const types[] = {"dumb", "no-such-type", ""};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        char error[TERMINAL_ERROR] = "", text[SENT];
        struct desk d;
        struct terminal *t = NULL;
        sit_down(&d, types[i]);
        int failed = terminal_open(true, error, &t);
        size_t len = sent(&d, text);
        bool same = stand_up(&d);
        assert_true(failed < 0);
        assert_non_null(strstr(error, "set TERM"));
        assert_int_equal(len, 0);
        assert_true(same);
    }
}

/* Nobody reads what is sent: no call waits, and afterwards everything comes in order. */
static void a_terminal_that_takes_nothing(void **state)
{
    char error[TERMINAL_ERROR] = "", text[SENT], line[2][80];
    struct desk d;
    struct terminal *t = NULL;
    struct canvas c = {0};
    struct timespec from, to;
    unsigned skipped = 0;
    (void)state;
    sit_down(&d, "xterm");
    memset(line, 0, sizeof line);
    memset(line[0], 'a', 79);
    memset(line[1], 'b', 79);
    int failed = terminal_open(false, error, &t);
    clock_gettime(CLOCK_MONOTONIC, &from);
    if (failed == 0) {
        terminal_take(t);
    }
    for (unsigned i = 0; i < 500 && failed == 0; i++) {
        if (terminal_is_ready(t)) {
            write_canvas(&c, line[i % 2]);
            terminal_show(t, &c, true);
        } else {
            skipped++;
        }
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    while (failed == 0 && !terminal_is_ready(t)) {
        (void)sent(&d, text);
    }
    write_canvas(&c, "the end");
    terminal_show(t, &c, false);
    while (failed == 0 && !terminal_is_ready(t)) {
    }
    size_t len = sent(&d, text);
    (void)terminal_free(t);
    bool same = stand_up(&d);
    canvas_done(&c);
    assert_int_equal(failed, 0);
    assert_true(skipped > 100);
    assert_true(to.tv_sec - from.tv_sec < 5);
    assert_true(len > 0);
    assert_non_null(strstr(text, "the end"));
    assert_true(same);
}

static void one_that_is_closed(void **state)
{
    char error[TERMINAL_ERROR] = "";
    struct desk d;
    struct terminal *t = NULL;
    struct canvas c = {0};
    (void)state;
    sit_down(&d, "xterm");
    int failed = terminal_open(false, error, &t);
    if (failed == 0) {
        terminal_take(t);
        close(d.master);
    }
    bool ready = terminal_is_ready(t), gone = terminal_is_gone(t);
    write_canvas(&c, "x");
    terminal_show(t, &c, false);
    (void)terminal_key(t);
    (void)terminal_free(t);
    d.master = dup(d.out);
    (void)stand_up(&d);
    canvas_done(&c);
    assert_int_equal(failed, 0);
    assert_false(ready);
    assert_true(gone);
}

/* The program is ended by a signal, by _exit after terminal_rescue, by exit; and its child is. */
static void every_way_out(void **state)
{
    static const int ways[] = {SIGSEGV, SIGABRT, SIGHUP, SIGQUIT, 0, -1, -2};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        char text[SENT], error[TERMINAL_ERROR];
        struct desk d;
        int status = 0;
        sit_down(&d, "xterm");
        pid_t child = fork();
        if (child == 0) {
            struct terminal *t = NULL;
            if (ways[i] > 0) {
                (void)signal(ways[i], SIG_DFL); /* a sanitizer's; ignored below nohup */
            }
            (void)signal(SIGSEGV, SIG_DFL);
            if (terminal_open(false, error, &t) < 0) {
                _exit(9);
            }
            terminal_take(t);
            (void)fprintf(stderr, "last words\n");
            pid_t of_child = ways[i] == -2 ? fork() : -1;
            if (ways[i] > 0 || of_child == 0) {
                (void)raise(of_child == 0 ? SIGSEGV : ways[i]);
            } else if (ways[i] == 0) {
                exit(0);
            } else if (ways[i] == -2) {
                (void)waitpid(of_child, NULL, 0);
                struct termios now;
                /* The screen is still there. */
                _exit(tcgetattr(STDOUT_FILENO, &now) == 0 && (now.c_lflag & ICANON) == 0 ? 0 : 8);
            }
            terminal_rescue();
            _exit(0);
        }
        (void)waitpid(child, &status, 0);
        (void)sent(&d, text);
        bool same = stand_up(&d);
        assert_true(ways[i] > 0 ? WIFSIGNALED(status) && WTERMSIG(status) == ways[i]
                                : WIFEXITED(status) && WEXITSTATUS(status) == 0);
        if (ways[i] != -2) {
            assert_true(same);
            assert_non_null(strstr(text, "\33[?1049l"));
            assert_non_null(strstr(text, "last words"));
        }
    }
}

static void keys_as_they_are_typed(void **state)
{
    static const struct {
        const char *typed;
        int key;
        size_t used;
    } cases[] = {
        {"", KEYS_NONE, 0},
        {"q", 'q', 1},
        {"\r", KEYS_ENTER, 1},
        {"\n", KEYS_ENTER, 1},
        {"\x7f", KEYS_BACKSPACE, 1},
        {"\t", KEYS_TAB, 1},
        {"\33[A", KEYS_UP, 3},
        {"\33OB", KEYS_DOWN, 3},
        {"\33[5~x", KEYS_PAGE_UP, 4},
        {"\33[6~", KEYS_PAGE_DOWN, 4},
        {"\33[H", KEYS_HOME, 3},
        {"\33[4~", KEYS_END, 4},
        {"\33[Z", KEYS_BACK_TAB, 3},
        {"\33", KEYS_NONE, 1},
        {"\33[", KEYS_NONE, 2},
        {"\33[1;5", KEYS_NONE, 5},
        {"\33[1;5A", KEYS_UNKNOWN, 6},
        {"\33[<0;1;1M", KEYS_UNKNOWN, 9},
        {"\33x", KEYS_ESCAPE, 1},
        {"\33\33[A", KEYS_ESCAPE, 1},
        {"\xc3\xa4", KEYS_UNKNOWN, 1},
        {"\33[\1", KEYS_UNKNOWN, 3},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        size_t used = 99;
        assert_int_equal(terminal_key_of(cases[i].typed, strlen(cases[i].typed), &used),
                         cases[i].key);
        assert_int_equal(used, cases[i].used);
    }
}

static void a_lone_escape_and_a_slow_arrow(void **state)
{
    char error[TERMINAL_ERROR] = "";
    struct desk d;
    struct terminal *t = NULL;
    (void)state;
    sit_down(&d, "xterm");
    int failed = terminal_open(false, error, &t);
    int none = 0, escape = 0, half = 0, up = 0;
    if (failed == 0) {
        terminal_take(t);
        none = terminal_key(t);
        assert_int_equal(write(d.master, "\33", 1), 1);
        usleep(20000);
        half = terminal_key(t);
        assert_int_equal(write(d.master, "[A", 2), 2);
        usleep(20000);
        up = terminal_key(t);
        assert_int_equal(write(d.master, "\33", 1), 1);
        usleep(20000);
        (void)terminal_key(t);
        usleep(60000);
        escape = terminal_key(t);
    }
    (void)terminal_free(t);
    (void)stand_up(&d);
    assert_int_equal(none, KEYS_NONE);
    assert_int_equal(half, KEYS_NONE);
    assert_int_equal(up, KEYS_UP);
    assert_int_equal(escape, KEYS_ESCAPE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draws_and_gives_back),
        cmocka_unit_test(unknown_types),
        cmocka_unit_test(a_terminal_that_takes_nothing),
        cmocka_unit_test(one_that_is_closed),
        cmocka_unit_test(every_way_out),
        cmocka_unit_test(keys_as_they_are_typed),
        cmocka_unit_test(a_lone_escape_and_a_slow_arrow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
