#include "reports/glyph.h"

#include <stdio.h>
#include <string.h>

struct range {
    uint32_t first, last;
};

static bool in_ranges(uint32_t c, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (c >= ranges[i].first && c <= ranges[i].last) {
            return true;
        }
    }
    return false;
}

bool glyph_unsafe(uint32_t c)
{
    static const struct range unsafe[] = {
        {0x00, 0x1f},        {0x7f, 0x9f},       {0xad, 0xad},       {0x34f, 0x34f},
        {0x600, 0x605},      {0x61c, 0x61c},     {0x6dd, 0x6dd},     {0x70f, 0x70f},
        {0x115f, 0x1160},    {0x180b, 0x180f},   {0x200b, 0x200f},   {0x2028, 0x202e},
        {0x2060, 0x206f},    {0x3164, 0x3164},   {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},
        {0xfff0, 0xfffb},    {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff}, {0xe000, 0xf8ff},
        {0xf0000, 0x10ffff},
    };
    return in_ranges(c, unsafe, sizeof unsafe / sizeof *unsafe);
}

/* UAX #11: wide and full-width blocks. */
static unsigned columns_of(uint32_t c)
{
    static const struct range wide[] = {{0x1100, 0x115e},  {0x2e80, 0xa4cf},   {0xac00, 0xd7a3},
                                        {0xf900, 0xfaff},  {0xfe30, 0xfe6f},   {0xff00, 0xff60},
                                        {0xffe0, 0xffe6},  {0x1f300, 0x1f64f}, {0x1f900, 0x1f9ff},
                                        {0x20000, 0x3fffd}};
    static const struct range none[] = {
        {0x300, 0x36f}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x20d0, 0x20ff}, {0xfe20, 0xfe2f}};
    if (in_ranges(c, none, sizeof none / sizeof *none)) {
        return 0;
    }
    return in_ranges(c, wide, sizeof wide / sizeof *wide) ? 2 : 1;
}

uint32_t glyph_code(const char *at, size_t *used)
{
    const uint8_t *o = (const uint8_t *)at;
    *used = o[0] < 0x80 ? 1 : o[0] < 0xe0 ? 2 : o[0] < 0xf0 ? 3 : 4;
    uint32_t c = *used == 1 ? o[0] : o[0] & (0x3fu >> (*used - 1));
    for (size_t i = 1; i < *used; i++) {
        c = c << 6 | (o[i] & 0x3f);
    }
    return c;
}

struct glyph glyph_of(const char *at, size_t *used)
{
    struct glyph g = {0};
    if (*at >= 0x20 && *at < 0x7f) { /* nearly all */
        g.text[0] = *at;
        g.len = g.columns = 1;
        *used = 1;
        return g;
    }
    uint32_t c = glyph_code(at, used);
    if (glyph_unsafe(c)) {
        const char *form = c <= 0xff ? "\\x%02x" : c <= 0xffff ? "\\u%04x" : "\\U%08x";
        g.len = g.columns = (unsigned)snprintf(g.text, sizeof g.text, form, c);
        return g;
    }
    memcpy(g.text, at, *used);
    g.len = (unsigned)*used;
    g.columns = columns_of(c);
    return g;
}
