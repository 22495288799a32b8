#include "reports/progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "reports/text_figures.h"

#define FIRST_SECONDS 0.5
#define BETWEEN_SECONDS 0.2
#define LINE 160
#define SURE_SHARE 0.005 /* of the input: before that, the time left is a guess */

static double seconds_between(const struct timespec *from, const struct timespec *to)
{
    return (double)(to->tv_sec - from->tv_sec) + (double)(to->tv_nsec - from->tv_nsec) / 1e9;
}

static unsigned terminal_columns(void)
{
    struct winsize size = {0};
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/* Appends a part when the line still has room for it. */
static void add_part(char line[LINE], unsigned room, const char *part)
{
    size_t have = strlen(line), gap = have == 0 ? 0 : 2;
    if (have + gap + strlen(part) <= room && have + gap + strlen(part) < LINE) {
        (void)snprintf(line + have, LINE - have, "%s%s", have == 0 ? "" : "  ", part);
    }
}

static void compose(char line[LINE], unsigned room, const struct source_counts *c, double elapsed)
{
    char figure[FIGURE_TEXT], part[2 * FIGURE_TEXT];
    bool known = c->octets_total > 0 && c->octets_read <= c->octets_total;
    double share = known ? (double)c->octets_read / (double)c->octets_total : 0;
    line[0] = '\0';
    if (known) {
        /* Never 100 % while there is work left. */
        (void)snprintf(part, sizeof part, "%3u %%", share >= 0.99 ? 99 : (unsigned)(share * 100));
        add_part(line, room, part);
    }
    (void)snprintf(part, sizeof part, "%s packets", figure_count(c->packets, figure));
    add_part(line, room, part);
    (void)snprintf(part, sizeof part, "%.1f MB/s", (double)c->octets_read / 1e6 / elapsed);
    add_part(line, room, part);
    if (known && share >= SURE_SHARE) {
        (void)snprintf(part, sizeof part, "%s left",
                       figure_seconds(elapsed / share - elapsed, figure));
        add_part(line, room, part);
    }
}

static void put(const char *text, size_t len)
{
    /* A terminal that takes nothing is no reason to stop an audit. */
    ssize_t written = write(STDERR_FILENO, text, len);
    (void)written;
}

static void wipe(struct progress *p)
{
    char blanks[LINE + 2];
    size_t len = p->columns;
    blanks[0] = '\r';
    memset(blanks + 1, ' ', len);
    blanks[len + 1] = '\r';
    put(blanks, len + 2);
    p->columns = 0;
}

void progress_begin(struct progress *p, bool wanted)
{
    *p = (struct progress){.on = wanted};
    clock_gettime(CLOCK_MONOTONIC, &p->started);
    p->drawn = p->started;
}

void progress_show(struct progress *p, const struct source_counts *counts)
{
    struct timespec now;
    if (!p->on) {
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &now);
    double elapsed = seconds_between(&p->started, &now);
    if (elapsed < FIRST_SECONDS ||
        (p->columns > 0 && seconds_between(&p->drawn, &now) < BETWEEN_SECONDS)) {
        return;
    }
    char line[LINE], text[2 * LINE];
    unsigned columns = terminal_columns();
    compose(line, columns - 1, counts, elapsed);
    /* What the longer line before has left over is blanked; the last column stays free, so nothing
     * wraps. */
    size_t len = strlen(line);
    unsigned before = p->columns < columns ? p->columns : columns - 1;
    int padding = before > len ? (int)(before - len) : 0;
    int n = snprintf(text, sizeof text, "\r%s%*s", line, padding, "");
    put(text, (size_t)n);
    p->columns = (unsigned)len;
    p->drawn = now;
}

void progress_end(struct progress *p)
{
    if (p->on && p->columns > 0) {
        wipe(p);
    }
    p->on = false;
}
