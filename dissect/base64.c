#include "dissect/base64.h"

enum { NOT_A_DIGIT = -1, DIGIT_SPACE = -2, DIGIT_PADDING = -3 };

/* RFC 4648 4, table 1, by the octet's value */
// clang-format off
static const int8_t values[128] = {
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -2, -2, -1, -1, -2, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -2, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 62, -1, -1, -1, 63,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, -1, -1, -1, -3, -1, -1,
    -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, -1, -1, -1, -1, -1,
    -1, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, -1, -1, -1, -1, -1,
};
// clang-format on

static int digit_value(uint8_t c)
{
    return c < sizeof values ? values[c] : NOT_A_DIGIT;
}

/* Groups of four digits, while there are only digits; returns the octets of text read. */
static size_t decode_groups(struct bytes text, uint8_t *out, size_t room, size_t *ret_len)
{
    size_t i = 0, len = 0;
    for (; text.len - i >= 4 && room - len >= 3; i += 4, len += 3) {
        const uint8_t *c = text.at + i;
        if (((c[0] | c[1] | c[2] | c[3]) & 0x80) != 0) {
            break;
        }
        int group = values[c[0]] * (1 << 18) | values[c[1]] * (1 << 12) | values[c[2]] * (1 << 6) |
                    values[c[3]];
        if (group < 0) {
            break; /* what is no digit is below zero */
        }
        out[len] = (uint8_t)(group >> 16);
        out[len + 1] = (uint8_t)(group >> 8);
        out[len + 2] = (uint8_t)group;
    }
    *ret_len = len;
    return i;
}

bool base64_decode(struct bytes text, uint8_t *out, size_t room, size_t *ret_len)
{
    uint32_t held = 0;
    unsigned bits = 0;
    size_t len = 0;
    bool padded = false;
    for (size_t i = decode_groups(text, out, room, &len); i < text.len; i++) {
        int value = digit_value(text.at[i]);
        if (value == DIGIT_SPACE) {
            continue;
        }
        if (value == DIGIT_PADDING) {
            padded = true;
            continue;
        }
        if (value == NOT_A_DIGIT || padded) {
            return false;
        }
        held = held << 6 | (uint32_t)value;
        bits += 6;
        if (bits >= 8) {
            if (len == room) {
                return false;
            }
            bits -= 8;
            out[len++] = (uint8_t)(held >> bits);
        }
    }
    if (bits >= 6) {
        return false;
    }
    *ret_len = len;
    return true;
}

void base64_encode(struct bytes octets, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < octets.len; i += 3) {
        size_t left = octets.len - i;
        uint32_t group = (uint32_t)octets.at[i] << 16 |
                         (left > 1 ? (uint32_t)octets.at[i + 1] << 8 : 0) |
                         (left > 2 ? octets.at[i + 2] : 0u);
        *out++ = digits[group >> 18];
        *out++ = digits[group >> 12 & 63];
        *out++ = left > 1 ? digits[group >> 6 & 63] : '=';
        *out++ = left > 2 ? digits[group & 63] : '=';
    }
}
