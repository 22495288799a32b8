#include "dissect/text.h"

#include <strings.h>

#define REPLACEMENT 0xfffdu
#define ELLIPSIS 0x2026u

/* Writes one code point; `out` has room for four octets. */
static size_t put(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

/* RFC 3629 3: shortest form only, no surrogates, nothing past U+10FFFF. *used is at least 1. */
static uint32_t utf8_next(struct bytes in, size_t *used)
{
    uint8_t first = in.at[0];
    *used = 1;
    if (first < 0x80) {
        return first;
    }
    size_t more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    if (first < 0xc2 || first > 0xf4 || in.len <= more) {
        return REPLACEMENT;
    }
    uint32_t c = first & (0x3fu >> more);
    for (size_t i = 1; i <= more; i++) {
        if ((in.at[i] & 0xc0) != 0x80) {
            return REPLACEMENT;
        }
        c = c << 6 | (in.at[i] & 0x3f);
    }
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
        return REPLACEMENT;
    }
    *used = more + 1;
    return c;
}

static uint32_t utf16_next(struct bytes in, size_t *used)
{
    *used = 2;
    if (in.len < 2) {
        *used = in.len;
        return REPLACEMENT;
    }
    uint32_t c = (uint32_t)in.at[0] | (uint32_t)in.at[1] << 8;
    if (c < 0xd800 || c > 0xdfff) {
        return c;
    }
    if (c > 0xdbff || in.len < 4) {
        return REPLACEMENT;
    }
    uint32_t low = (uint32_t)in.at[2] | (uint32_t)in.at[3] << 8;
    if (low < 0xdc00 || low > 0xdfff) {
        return REPLACEMENT;
    }
    *used = 4;
    return 0x10000 + ((c & 0x3ff) << 10) + (low & 0x3ff);
}

static size_t convert(struct bytes in, char *out, size_t room,
                      uint32_t (*next)(struct bytes in, size_t *used))
{
    size_t len = 0;
    while (in.len > 0) {
        size_t used = 0;
        uint32_t c = next(in, &used);
        /* Room must stay for this code point, an ellipsis after it and the terminator. */
        if (len + 4 + 3 + 1 > room) {
            len += put(out + len, ELLIPSIS);
            break;
        }
        len += put(out + len, c);
        in = bytes_from(in, used);
    }
    out[len] = '\0';
    return len;
}

/* Octets at the start that are ASCII: nearly all text is, from end to end. */
static size_t ascii_run(struct bytes in)
{
    size_t n = 0;
    while (n + 8 <= in.len) {
        uint64_t eight;
        memcpy(&eight, in.at + n, sizeof eight);
        if ((eight & UINT64_C(0x8080808080808080)) != 0) {
            break;
        }
        n += 8;
    }
    while (n < in.len && in.at[n] < 0x80) {
        n++;
    }
    return n;
}

size_t text_from_utf8(struct bytes in, char *out, size_t room)
{
    if (in.len > 0 && in.len + 8 <= room && ascii_run(in) == in.len) {
        memcpy(out, in.at, in.len);
        out[in.len] = '\0';
        return in.len;
    }
    return convert(in, out, room, utf8_next);
}

/* Copies ASCII from the start, four characters at a time, as long as there is room for what may
 * follow. Returns how many. */
static size_t ascii_run_utf16le(struct bytes in, char *out, size_t room)
{
    static const uint8_t not_ascii[] = {0x80, 0xff, 0x80, 0xff, 0x80, 0xff, 0x80, 0xff};
    uint64_t mask, four;
    size_t n = 0;
    memcpy(&mask, not_ascii, sizeof mask);
    while (n * 2 + 8 <= in.len && n + 4 + 8 <= room) {
        memcpy(&four, in.at + n * 2, sizeof four);
        if ((four & mask) != 0) {
            break;
        }
        for (size_t end = n + 4; n < end; n++) {
            out[n] = (char)in.at[n * 2];
        }
    }
    return n;
}

size_t text_from_utf16le(struct bytes in, char *out, size_t room)
{
    size_t plain = ascii_run_utf16le(in, out, room);
    return plain + convert(bytes_from(in, plain * 2), out + plain, room - plain, utf16_next);
}

bool text_looks_utf8(struct bytes text)
{
    unsigned follow = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.at[i];
        if (follow > 0) {
            if ((c & 0xc0) != 0x80) {
                return false;
            }
            follow--;
        } else if (c >= 0x80) {
            follow = c >= 0xf5 ? 0 : c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc2 ? 1 : 0;
            if (follow == 0) {
                return false;
            }
        }
    }
    return follow == 0;
}

char *text_hex(char *at, uint64_t number, unsigned digits)
{
    at[digits] = '\0';
    for (unsigned i = digits; i > 0; i--, number >>= 4) {
        at[i - 1] = "0123456789abcdef"[number & 15];
    }
    return at + digits;
}

char *text_decimal(char *at, uint64_t number)
{
    char digits[TEXT_DECIMAL];
    size_t first = sizeof digits;
    digits[--first] = '\0';
    do {
        digits[--first] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    memcpy(at, digits + first, sizeof digits - first);
    return at + (sizeof digits - first) - 1;
}

void text_uuid(char text[TEXT_UUID], uint32_t low, uint16_t mid, uint16_t high, uint64_t rest)
{
    *text_hex(text, low, 8) = '-';
    *text_hex(text + 9, mid, 4) = '-';
    *text_hex(text + 14, high, 4) = '-';
    *text_hex(text + 19, rest >> 48, 4) = '-';
    (void)text_hex(text + 24, rest, 12);
}

bool text_holds(const char *text, const char *part)
{
    size_t len = strlen(part);
    for (; text != NULL && *text != '\0'; text++) {
        if ((*text | 0x20) == (*part | 0x20) && strncasecmp(text, part, len) == 0) {
            return true;
        }
    }
    return text != NULL && len == 0;
}
