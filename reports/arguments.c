#include "reports/arguments.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

bool argument_count(const char *text, unsigned long least, unsigned long most, unsigned long *ret)
{
    char *end = NULL;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < least || value > most ||
        text[0] == '-') {
        return false;
    }
    *ret = value;
    return true;
}

bool argument_duration(const char *text, unsigned long *ret)
{
    static const struct {
        char unit;
        unsigned long seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    char number[8] = "";
    size_t len = strlen(text);
    if (len < 2 || len > sizeof number) {
        return false;
    }
    memcpy(number, text, len - 1);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (text[len - 1] == units[i].unit && argument_count(number, 1, 1000000, ret)) {
            *ret *= units[i].seconds;
            return true;
        }
    }
    return false;
}

bool argument_size(const char *text, size_t *ret)
{
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    unsigned shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;
    end += shift != 0;
    if (errno != 0 || *end != '\0' || text[0] == '-' || value > SIZE_MAX >> shift) {
        return false;
    }
    *ret = (size_t)value << shift;
    return *ret >= 16u << 20;
}

unsigned argument_width(bool terminal)
{
    const char *columns = getenv("COLUMNS");
    unsigned long width = 0;
    struct winsize size = {0};
    if (columns != NULL && argument_count(columns, 60, 200, &width)) {
        return (unsigned)width;
    }
    if (!terminal || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
        return 0;
    }
    return size.ws_col < 60 ? 60 : size.ws_col > 160 ? 160 : size.ws_col;
}
