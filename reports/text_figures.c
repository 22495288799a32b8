#include "reports/text_figures.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *figure_count(uint64_t n, char text[FIGURE_TEXT])
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, n);
    int at = 0;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) {
            text[at++] = ',';
        }
        text[at++] = digits[i];
    }
    text[at] = '\0';
    return text;
}

const char *figure_octets(uint64_t n, char text[FIGURE_TEXT])
{
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
    if (n < 1000) {
        (void)snprintf(text, FIGURE_TEXT, "%" PRIu64 " octet%s", n, n == 1 ? "" : "s");
        return text;
    }
    double size = (double)n / 1000;
    unsigned unit = 0;
    /* 999.5 of a unit would be rounded to 1000 of it. */
    while (size >= 999.5 && unit + 1 < sizeof units / sizeof *units) {
        size /= 1000;
        unit++;
    }
    (void)snprintf(text, FIGURE_TEXT, size < 9.95 ? "%.1f %s" : "%.0f %s", size, units[unit]);
    return text;
}

const char *figure_seconds(double seconds, char text[FIGURE_TEXT])
{
    uint64_t whole = seconds < 0 ? 0 : (uint64_t)(seconds + 0.5);
    if (seconds < 9.95) {
        (void)snprintf(text, FIGURE_TEXT, "%.1f s", seconds < 0 ? 0 : seconds);
    } else if (whole < 60) {
        (void)snprintf(text, FIGURE_TEXT, "%" PRIu64 " s", whole);
    } else if (whole < 3600) {
        (void)snprintf(text, FIGURE_TEXT, "%" PRIu64 " min %" PRIu64 " s", whole / 60, whole % 60);
    } else if (whole < 86400) {
        (void)snprintf(text, FIGURE_TEXT, "%" PRIu64 " h %" PRIu64 " min", whole / 3600,
                       whole / 60 % 60);
    } else {
        (void)snprintf(text, FIGURE_TEXT, "%" PRIu64 " d %" PRIu64 " h", whole / 86400,
                       whole / 3600 % 24);
    }
    return text;
}

const char *figure_time(const char *rfc3339, const char *day, char text[FIGURE_TEXT])
{
    size_t len = strlen(rfc3339);
    if (len < sizeof "2026-11-22T" - 1) {
        (void)snprintf(text, FIGURE_TEXT, "(no time)");
    } else if (day != NULL && strncmp(rfc3339, day, FIGURE_DAY) == 0) {
        (void)snprintf(text, FIGURE_TEXT, "%.*s", (int)(len - FIGURE_DAY - 2),
                       rfc3339 + FIGURE_DAY + 1);
    } else {
        (void)snprintf(text, FIGURE_TEXT, "%.*s %.*s", FIGURE_DAY, rfc3339,
                       (int)(len - FIGURE_DAY - 2), rfc3339 + FIGURE_DAY + 1);
    }
    return text;
}
