#include "dissect/base64.h"

enum { NOT_A_DIGIT = -1, DIGIT_SPACE = -2, DIGIT_PADDING = -3 };

/* RFC 4648 4, table 1 */
static int digit_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    switch (c) {
    case '+':
        return 62;
    case '/':
        return 63;
    case '=':
        return DIGIT_PADDING;
    case ' ':
    case '\t':
    case '\r':
    case '\n':
        return DIGIT_SPACE;
    default:
        return NOT_A_DIGIT;
    }
}

bool base64_decode(struct bytes text, uint8_t *out, size_t room, size_t *ret_len)
{
    uint32_t held = 0;
    unsigned bits = 0;
    size_t len = 0;
    bool padded = false;
    for (size_t i = 0; i < text.len; i++) {
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
