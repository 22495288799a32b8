#include "reports/screen_terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

/* After the system's own: it names macros as others name functions. */
#include <ncurses.h>

#include "capture/limits.h"
#include "reports/glyph.h"
#include "reports/screen.h"

#define TYPED 64
#define ESCAPE_NS 50000000 /* an escape that nothing follows for so long is the key */
#define KEPT_LINES 64u     /* of standard error */
#define KEPT_LINE 256
#define RESCUE_TEXT 64
#define LEAVE_MS 1000 /* how long a terminal may take to take the last of it */

struct terminal {
    int tty;       /* opened anew, so that only this use of it never waits */
    int drawn;     /* in memory: where ncurses writes */
    FILE *drawing; /* the same */
    SCREEN *screen;
    locale_t locale;
    struct cell *shown; /* the canvas before */
    unsigned rows, columns;
    size_t shown_room;
    char *waiting; /* what the terminal has not taken yet */
    size_t waiting_at, waiting_len, waiting_room;
    char typed[TYPED];
    size_t typed_len;
    struct timespec typed_at;
    int errors[2]; /* the pipe that is standard error */
    bool taken, gone, ascii, color;
};

/* What was said on standard error; shared with children, as one of them may die of it. */
struct kept {
    volatile sig_atomic_t taken; /* the terminal is */
    unsigned count;              /* lines; the last KEPT_LINES are kept */
    size_t len;                  /* of the one that is not ended */
    char lines[KEPT_LINES][KEPT_LINE];
};

/* What a signal handler needs. */
static struct {
    struct kept *kept; /* NULL: no terminal is open */
    pid_t owner;
    int tty, kept_error, errors;
    struct termios before;
    char leave[RESCUE_TEXT * 4]; /* what makes the terminal as it was */
} rescue = {.tty = -1, .kept_error = -1, .errors = -1};

/* ---- standard error ---- */

static void keep_error(struct kept *k, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char *line = k->lines[k->count % KEPT_LINES];
        if (text[i] == '\n') {
            line[k->len] = '\0';
            k->len = 0;
            k->count++;
        } else if (k->len + 1 < KEPT_LINE) {
            line[k->len++] = text[i];
        }
    }
}

static void read_errors(void)
{
    char text[1024];
    ssize_t n = 0;
    while ((n = read(rescue.errors, text, sizeof text)) > 0) {
        keep_error(rescue.kept, text, (size_t)n);
    }
}

/* Standard error is what it was, and what was kept of it is told; in a signal handler too. */
static void release_errors(void)
{
    struct kept *k = rescue.kept;
    read_errors();
    if (k->len > 0) {
        keep_error(k, "\n", 1);
    }
    if (rescue.kept_error >= 0) {
        (void)dup2(rescue.kept_error, STDERR_FILENO);
        (void)close(rescue.kept_error);
        rescue.kept_error = -1;
    }
    for (unsigned i = k->count > KEPT_LINES ? k->count - KEPT_LINES : 0; i < k->count; i++) {
        char *line = k->lines[i % KEPT_LINES];
        size_t len = strlen(line);
        line[len] = '\n';
        ssize_t told = write(STDERR_FILENO, line, len + 1);
        (void)told; /* nobody there to tell */
    }
    k->count = 0;
}

/* ---- ways out ---- */

static void restore_modes(void)
{
    rescue.kept->taken = 0;
    (void)tcsetattr(rescue.tty, TCSANOW, &rescue.before);
    release_errors();
}

void terminal_rescue(void)
{
    if (rescue.kept != NULL && rescue.kept->taken != 0) {
        /* What waits in the terminal would be shown afterwards. */
        (void)tcflush(rescue.tty, TCOFLUSH);
        ssize_t told = write(rescue.tty, rescue.leave, strlen(rescue.leave));
        (void)told; /* a terminal that takes nothing shows nothing either */
        restore_modes();
    }
}

static void rescue_if_mine(void)
{
    if (getpid() == rescue.owner) {
        terminal_rescue();
    }
}

/* What the signals did before; faults may be somebody else's to tell of (a sanitizer's). */
static struct sigaction ends_before[NSIG];

static void on_end(int number, siginfo_t *info, void *context)
{
    (void)context;
    rescue_if_mine();
    (void)sigaction(number, &ends_before[number], NULL);
    if (info->si_code <= 0) { /* sent by somebody; a fault comes again by itself */
        (void)raise(number);
    }
}

static void catch_end(int number, bool fault)
{
    struct sigaction mine = {.sa_sigaction = on_end,
                             .sa_flags = (int)(SA_SIGINFO | SA_NODEFER | SA_ONSTACK)};
    struct sigaction before;
    /* Who cares for a signal that is no fault goes on with it. */
    if (sigaction(number, NULL, &before) == 0 && before.sa_sigaction != on_end &&
        (before.sa_handler == SIG_DFL || fault)) {
        ends_before[number] = before;
        (void)sigaction(number, &mine, NULL);
    }
}

static void catch_ends(void)
{
    static const int faults[] = {SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS};
    static const int others[] = {SIGHUP,  SIGINT,  SIGTERM,   SIGQUIT, SIGUSR1, SIGUSR2,
                                 SIGALRM, SIGXCPU, SIGVTALRM, SIGPROF, SIGIO,   SIGPWR};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        catch_end(faults[i], true);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        catch_end(others[i], false);
    }
    /* An audit that a stray ^Z stops loses packets. */
    (void)signal(SIGTSTP, SIG_IGN);
}

/* A capability without its padding ("$<5>"), which no terminal of today waits for. */
static void add_leave(const char *name)
{
    const char *text = tigetstr(name);
    if (text == NULL || text == (const char *)-1) {
        return;
    }
    for (size_t len = strlen(rescue.leave); *text != '\0' && len + 1 < sizeof rescue.leave; len++) {
        if (text[0] == '$' && text[1] == '<') {
            text += strcspn(text, ">");
            text += *text == '>';
            len--;
        } else {
            rescue.leave[len] = *text++;
            rescue.leave[len + 1] = '\0';
        }
    }
}

/* ---- opening ---- */

/* An own opening of the terminal. */
static int open_tty(void)
{
    char name[128];
    int fd = -1;
    if (ttyname_r(STDOUT_FILENO, name, sizeof name) == 0) {
        fd = open(name, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    }
    return fd >= 0 ? fd : open("/dev/tty", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
}

/* ncurses takes signals for itself; they are not its. */
static SCREEN *new_screen(struct terminal *t, FILE *in)
{
    static const int theirs[] = {SIGINT, SIGTERM, SIGTSTP, SIGWINCH};
    struct sigaction before[4];
    for (size_t i = 0; i < 4; i++) {
        (void)sigaction(theirs[i], NULL, &before[i]);
    }
    locale_t old = uselocale(t->locale);
    SCREEN *made = newterm(NULL, t->drawing, in);
    (void)uselocale(old);
    for (size_t i = 0; i < 4; i++) {
        (void)sigaction(theirs[i], &before[i], NULL);
    }
    return made;
}

static void choose_colors(struct terminal *t, bool color)
{
    t->color = color && has_colors() && start_color() == OK && use_default_colors() == OK;
    if (t->color) {
        (void)init_pair(INK_CRITICAL, COLOR_WHITE, COLOR_RED);
        (void)init_pair(INK_HIGH, COLOR_RED, -1);
        (void)init_pair(INK_MEDIUM, COLOR_YELLOW, -1);
        (void)init_pair(INK_LOW, COLOR_CYAN, -1);
        (void)init_pair(INK_INFO, COLOR_BLUE, -1);
        (void)init_pair(INK_GOOD, COLOR_GREEN, -1);
    }
}

/* The user's character set, and nothing else of the locale: case-insensitive names must not depend
 * on the language. */
static bool choose_locale(struct terminal *t)
{
    locale_t users = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    t->ascii = users == (locale_t)0 || strcmp(nl_langinfo_l(CODESET, users), "UTF-8") != 0;
    if (users != (locale_t)0) {
        freelocale(users);
    }
    t->locale = newlocale(LC_CTYPE_MASK, t->ascii ? "C" : "C.UTF-8", (locale_t)0);
    if (t->locale == (locale_t)0) {
        t->ascii = true;
        t->locale = newlocale(LC_CTYPE_MASK, "C", (locale_t)0);
    }
    return t->locale != (locale_t)0;
}

static int open_screen(struct terminal *t, bool color, char error[TERMINAL_ERROR])
{
    const char *type = getenv("TERM");
    t->tty = open_tty();
    t->drawn = memfd_create("screen", MFD_CLOEXEC);
    t->drawing = t->drawn < 0 ? NULL : fdopen(t->drawn, "w");
    if (t->tty < 0 || t->drawing == NULL || tcgetattr(t->tty, &rescue.before) != 0) {
        (void)snprintf(error, TERMINAL_ERROR, "--tui: cannot open the terminal: %s",
                       strerror(errno));
        return -EIO;
    }
    bool fits = choose_locale(t) && (t->screen = new_screen(t, stdin)) != NULL;
    const char *goes_to = fits ? tigetstr("cup") : NULL;
    if (goes_to == NULL || goes_to == (const char *)-1) {
        (void)snprintf(error, TERMINAL_ERROR,
                       "--tui: nothing is known here of drawing on a terminal of type '%.40s'; set "
                       "TERM, or leave out --tui",
                       type == NULL ? "" : type);
        return -ENOTTY;
    }
    (void)typeahead(-1); /* its input is not read by ncurses */
    choose_colors(t, color);
    return 0;
}

int terminal_open(bool color, char error[TERMINAL_ERROR], struct terminal **ret)
{
    struct terminal *t = calloc(1, sizeof *t);
    if (t == NULL) {
        (void)snprintf(error, TERMINAL_ERROR, "out of memory");
        return -ENOMEM;
    }
    t->tty = t->drawn = t->errors[0] = t->errors[1] = -1;
    int failed = open_screen(t, color, error);
    struct kept *kept = MAP_FAILED;
    if (failed == 0) {
        kept = mmap(NULL, sizeof *kept, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    }
    if (failed == 0 && (kept == MAP_FAILED || pipe2(t->errors, O_CLOEXEC | O_NONBLOCK) != 0)) {
        failed = -errno;
        (void)snprintf(error, TERMINAL_ERROR, "--tui: %s", strerror(errno));
    }
    rescue.kept = kept == MAP_FAILED ? NULL : kept;
    if (failed < 0) {
        (void)terminal_free(t);
        return failed;
    }
    rescue.tty = t->tty;
    rescue.errors = t->errors[0];
    rescue.leave[0] = '\0';
    for (size_t i = 0; i < 4; i++) {
        static const char *const names[] = {"sgr0", "op", "cnorm", "rmcup"};
        add_leave(names[i]);
    }
    *ret = t;
    return 0;
}

void terminal_take(struct terminal *t)
{
    struct termios raw = rescue.before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ECHONL);
    /* ^S would stop it, ^Z the program; ^C and ^\ stay. */
    raw.c_iflag &= ~(tcflag_t)(IXON | ICRNL | INLCR);
    raw.c_oflag &= ~(tcflag_t)OPOST;
    raw.c_cc[VSUSP] = _POSIX_VDISABLE;
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    static bool registered;
    if (!registered) {
        registered = atexit(rescue_if_mine) == 0;
    }
    rescue.owner = getpid();
    (void)fflush(stderr);
    rescue.kept_error = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (rescue.kept_error >= 0) {
        (void)dup2(t->errors[1], STDERR_FILENO);
    }
    rescue.kept->taken = 1;
    catch_ends();
    (void)tcsetattr(t->tty, TCSANOW, &raw);
    /* Whatever was said to it before, also by a child that died: the next drawing begins anew. */
    (void)curs_set(0);
    (void)endwin();
    (void)lseek(t->drawn, 0, SEEK_SET);
    (void)ftruncate(t->drawn, 0);
    t->taken = true;
}

/* ---- to the terminal ---- */

/* As much as it takes. */
static void hand_over(struct terminal *t)
{
    while (t->waiting_at < t->waiting_len && !t->gone) {
        ssize_t n = write(t->tty, t->waiting + t->waiting_at, t->waiting_len - t->waiting_at);
        if (n < 0 && errno != EINTR) {
            t->gone = errno != EAGAIN;
            return;
        }
        t->waiting_at += n > 0 ? (size_t)n : 0;
    }
    t->waiting_at = t->waiting_len = 0;
}

/* What ncurses has written goes behind what waits. */
static void collect(struct terminal *t)
{
    off_t size = lseek(t->drawn, 0, SEEK_CUR);
    if (size <= 0) {
        return;
    }
    size_t wanted = t->waiting_len + (size_t)size;
    if (wanted > t->waiting_room) {
        char *grown = realloc(t->waiting, wanted);
        if (grown != NULL) {
            t->waiting = grown;
            t->waiting_room = wanted;
        }
    }
    if (wanted <= t->waiting_room) {
        ssize_t n = pread(t->drawn, t->waiting + t->waiting_len, (size_t)size, 0);
        t->waiting_len += n > 0 ? (size_t)n : 0;
    }
    (void)lseek(t->drawn, 0, SEEK_SET);
    (void)ftruncate(t->drawn, 0);
}

bool terminal_is_ready(struct terminal *t)
{
    struct pollfd p = {.fd = t->tty};
    if (poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) {
        t->gone = true;
    }
    hand_over(t);
    return !t->gone && t->waiting_len == 0;
}

bool terminal_is_gone(const struct terminal *t)
{
    return t->gone;
}

bool terminal_is_ascii(const struct terminal *t)
{
    return t->ascii;
}

void terminal_size(const struct terminal *t, unsigned *ret_rows, unsigned *ret_columns)
{
    struct winsize size = {0};
    bool known = ioctl(t->tty, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0;
    *ret_rows = known ? size.ws_row : 24;
    *ret_columns = known ? size.ws_col : 80;
}

static attr_t attributes_of(const struct cell *cell)
{
    static const attr_t attributes[] = {
        [INK_STRONG] = A_BOLD, [INK_FAINT] = A_DIM, [INK_CRITICAL] = A_BOLD | A_UNDERLINE,
        [INK_HIGH] = A_BOLD,   [INK_MEDIUM] = 0,    [INK_LOW] = 0,
        [INK_INFO] = 0,        [INK_GOOD] = 0,      [INK_PLAIN] = 0,
    };
    return attributes[cell->ink] | (cell->reverse ? A_REVERSE : 0);
}

static void paint(const struct terminal *t, const struct cell *cell)
{
    attr_t attributes = attributes_of(cell);
    short pair = t->color && cell->ink >= INK_CRITICAL ? (short)cell->ink : 0;
    if (pair == INK_CRITICAL) {
        attributes &= ~A_UNDERLINE;
    }
    (void)attr_set(attributes, pair, NULL);
}

static bool same_paint(const struct cell *a, const struct cell *b)
{
    return a->ink == b->ink && a->reverse == b->reverse;
}

/* The characters of a cell; what this system counts otherwise than we do would shift the line. */
static unsigned wide_text(const struct cell *cell, unsigned columns, wchar_t text[CELL_TEXT])
{
    unsigned n = 0;
    int width = 0;
    for (size_t at = 0, used = 0; cell->text[at] != '\0'; at += used) {
        text[n] = (wchar_t)glyph_code(cell->text + at, &used);
        int own = wcwidth(text[n++]);
        width = own < 0 || width < 0 ? -1 : width + own;
    }
    if (width != (int)columns) {
        text[0] = L'?';
        text[1] = L'?';
        n = columns;
    }
    return n;
}

static void draw_row(const struct terminal *t, const struct canvas *c, unsigned row)
{
    wchar_t text[LIMIT_SCREEN_COLUMNS * 2 + CELL_TEXT];
    for (unsigned from = 0, at = 0; from < c->columns; from = at) {
        const struct cell *first = canvas_cell(c, row, from), *cell = first;
        unsigned n = 0;
        do {
            const struct cell *next = canvas_cell(c, row, at + 1);
            unsigned columns = next != NULL && next->text[0] == '\0' ? 2 : 1;
            n += wide_text(cell, columns, text + n);
            at += columns;
            cell = canvas_cell(c, row, at);
        } while (cell != NULL && same_paint(first, cell) && n < LIMIT_SCREEN_COLUMNS * 2);
        paint(t, first);
        (void)mvaddnwstr((int)row, (int)from, text, (int)n);
    }
}

static void remember(struct terminal *t, const struct canvas *c)
{
    size_t cells = (size_t)c->rows * c->columns;
    if (cells > t->shown_room) {
        struct cell *grown = realloc(t->shown, cells * sizeof *grown);
        if (grown == NULL) {
            t->rows = t->columns = 0;
            return;
        }
        t->shown = grown;
        t->shown_room = cells;
    }
    memcpy(t->shown, c->cells, cells * sizeof *c->cells);
    t->rows = c->rows;
    t->columns = c->columns;
}

void terminal_show(struct terminal *t, const struct canvas *c, bool anew)
{
    locale_t old = uselocale(t->locale);
    bool resized = c->rows != t->rows || c->columns != t->columns;
    if (resized) {
        (void)resizeterm((int)c->rows, (int)c->columns);
    }
    if (resized || anew) {
        (void)clearok(stdscr, TRUE);
    }
    for (unsigned row = 0; row < c->rows; row++) {
        size_t at = (size_t)row * c->columns;
        if (resized || memcmp(t->shown + at, c->cells + at, c->columns * sizeof *c->cells) != 0) {
            draw_row(t, c, row);
        }
    }
    (void)refresh();
    (void)uselocale(old);
    remember(t, c);
    collect(t);
    hand_over(t);
}

/* ---- from the terminal ---- */

struct sequence {
    const char *text; /* after the escape */
    int key;
};

static int key_of_sequence(const char *text, size_t len)
{
    static const struct sequence known[] = {
        {"[A", KEYS_UP},       {"[B", KEYS_DOWN},       {"[C", KEYS_RIGHT}, {"[D", KEYS_LEFT},
        {"OA", KEYS_UP},       {"OB", KEYS_DOWN},       {"OC", KEYS_RIGHT}, {"OD", KEYS_LEFT},
        {"[5~", KEYS_PAGE_UP}, {"[6~", KEYS_PAGE_DOWN}, {"[H", KEYS_HOME},  {"OH", KEYS_HOME},
        {"[1~", KEYS_HOME},    {"[7~", KEYS_HOME},      {"[F", KEYS_END},   {"OF", KEYS_END},
        {"[4~", KEYS_END},     {"[8~", KEYS_END},       {"OM", KEYS_ENTER}, {"[Z", KEYS_BACK_TAB},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strlen(known[i].text) == len && memcmp(known[i].text, text, len) == 0) {
            return known[i].key;
        }
    }
    return KEYS_UNKNOWN;
}

/* ECMA-48 5.4: ESC [, parameters, a final octet from 0x40 on; ESC O and one octet. */
static int escape_key(const char *typed, size_t len, size_t *used)
{
    *used = 1;
    if (len < 2) {
        return KEYS_NONE;
    }
    if (typed[1] != '[' && typed[1] != 'O') {
        return KEYS_ESCAPE;
    }
    for (size_t i = 2; i < len; i++) {
        if (typed[i] >= 0x40 || typed[i] < 0x20) {
            *used = i + 1;
            return key_of_sequence(typed + 1, i);
        }
    }
    *used = len;
    return len < TYPED ? KEYS_NONE : KEYS_UNKNOWN;
}

int terminal_key_of(const char *typed, size_t len, size_t *used)
{
    *used = len > 0;
    if (len == 0) {
        return KEYS_NONE;
    }
    unsigned char c = (unsigned char)typed[0];
    if (c == KEYS_ESCAPE) {
        return escape_key(typed, len, used);
    }
    return c == '\n' || c == '\r'    ? KEYS_ENTER
           : c == 0x7f || c == '\b'  ? KEYS_BACKSPACE
           : c == '\0' || c >= 0x80u ? KEYS_UNKNOWN
                                     : c;
}

static int64_t ns_since(const struct timespec *then)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - then->tv_sec) * 1000000000 + (now.tv_nsec - then->tv_nsec);
}

int terminal_key(struct terminal *t)
{
    size_t used = 0;
    ssize_t n =
        t->typed_len == TYPED ? 0 : read(t->tty, t->typed + t->typed_len, TYPED - t->typed_len);
    if (n > 0) {
        t->typed_len += (size_t)n;
        clock_gettime(CLOCK_MONOTONIC, &t->typed_at);
    }
    int key = terminal_key_of(t->typed, t->typed_len, &used);
    if (key == KEYS_NONE && t->typed_len > 0 && ns_since(&t->typed_at) > ESCAPE_NS) {
        key = t->typed_len == 1 ? KEYS_ESCAPE : KEYS_UNKNOWN;
    }
    if (key != KEYS_NONE) {
        t->typed_len -= used;
        memmove(t->typed, t->typed + used, t->typed_len);
    }
    return key;
}

const char *terminal_message(struct terminal *t, unsigned *ret_number)
{
    const struct kept *k = rescue.kept;
    if (t->taken) {
        read_errors();
    }
    *ret_number = k->count;
    return k->count == 0 ? NULL : k->lines[(k->count - 1) % KEPT_LINES];
}

/* ---- the end ---- */

void terminal_leave(struct terminal *t)
{
    struct pollfd p = {.fd = t->tty, .events = POLLOUT};
    if (!t->taken) {
        return;
    }
    locale_t old = uselocale(t->locale);
    (void)endwin();
    (void)uselocale(old);
    collect(t);
    hand_over(t);
    for (int waited = 0; t->waiting_len > 0 && !t->gone && waited < LEAVE_MS; waited += 50) {
        (void)poll(&p, 1, 50);
        hand_over(t);
    }
    if (t->waiting_len > 0) {
        terminal_rescue();
    } else {
        restore_modes();
    }
    (void)signal(SIGTSTP, SIG_DFL);
    t->taken = false;
}

struct terminal *terminal_free(struct terminal *t)
{
    if (t == NULL) {
        return NULL;
    }
    terminal_leave(t);
    if (rescue.kept != NULL) {
        (void)munmap(rescue.kept, sizeof *rescue.kept);
        rescue.kept = NULL;
    }
    if (t->screen != NULL) {
        delscreen(t->screen);
    }
    if (t->locale != (locale_t)0) {
        freelocale(t->locale);
    }
    if (t->drawing != NULL) {
        (void)fclose(t->drawing);
    } else if (t->drawn >= 0) {
        (void)close(t->drawn);
    }
    for (size_t i = 0; i < 2; i++) {
        if (t->errors[i] >= 0) {
            (void)close(t->errors[i]);
        }
    }
    if (t->tty >= 0) {
        (void)close(t->tty);
    }
    free(t->shown);
    free(t->waiting);
    free(t);
    return NULL;
}
