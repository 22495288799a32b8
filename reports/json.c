#include "reports/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "dissect/text.h"
#include "reports/glyph.h"
#include "reports/tree.h"

struct json json_on(struct output *out)
{
    return (struct json){.out = out, .tree = output_tree(out)};
}

void json_line(struct json *j)
{
    if (j->tree == NULL) {
        output_line(j->out);
    }
}

static void value_begins(struct json *j, const char *key)
{
    size_t len = key == NULL ? 0 : strlen(key), used = 0;
    char *at = output_reserve(j->out, len + 4);
    bool comma = j->comma;
    j->comma = true;
    if (at == NULL) {
        return;
    }
    if (comma) {
        at[used++] = ',';
    }
    if (key != NULL) {
        at[used++] = '"';
        memcpy(at + used, key, len);
        memcpy(at + used + len, "\":", 2);
        used += len + 2;
    }
    output_commit(j->out, used);
}

void json_key(struct json *j, struct bytes key)
{
    if (j->tree != NULL) {
        tree_key(j->tree, key);
        return;
    }
    json_span(j, NULL, key);
    output_octets(j->out, ":", 1);
    j->comma = false;
}

void json_open(struct json *j, const char *key, char bracket)
{
    if (j->tree != NULL) {
        tree_open(j->tree, key, bracket);
        return;
    }
    value_begins(j, key);
    output_octets(j->out, &bracket, 1);
    j->comma = false;
}

void json_close(struct json *j, char bracket)
{
    if (j->tree != NULL) {
        tree_close(j->tree);
        return;
    }
    output_octets(j->out, &bracket, 1);
    j->comma = true;
}

static size_t escape(char *at, uint8_t c)
{
    static const char hex[] = "0123456789abcdef";
    static const char letters[] = "btn\0fr"; /* 0x08 to 0x0d */
    at[0] = '\\';
    if (c == '"' || c == '\\') {
        at[1] = (char)c;
        return 2;
    }
    if (c >= 8 && c <= 13 && letters[c - 8] != '\0') {
        at[1] = letters[c - 8];
        return 2;
    }
    memcpy(at + 1, "u00", 3);
    at[4] = hex[c >> 4];
    at[5] = hex[c & 15];
    return 6;
}

/* The character of several octets at the beginning; U+FFFD for an octet that begins none (RFC
 * 3629), as there may be in a name on the command line. */
static uint32_t wide_code(struct bytes text, size_t *used)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t lead = text.at[0];
    size_t len = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    bool fine = lead >= 0xc2 && lead < 0xf5 && len <= text.len;
    for (size_t i = 1; fine && i < len; i++) {
        fine = (text.at[i] & 0xc0) == 0x80;
    }
    uint32_t c = fine ? glyph_code((const char *)text.at, used) : 0;
    fine = fine && c >= least[len] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
    *used = fine ? len : 1;
    return fine ? c : 0xfffd;
}

/* True only when eight octets are ASCII of which none must be escaped; a borrow between them may
 * say false too often. */
static bool eight_are_plain(const uint8_t *at)
{
    const uint64_t each = UINT64_C(0x0101010101010101), high = each << 7;
    uint64_t x;
    memcpy(&x, at, sizeof x);
    uint64_t quote = x ^ each * '"', slash = x ^ each * '\\', del = x ^ each * 0x7f;
    uint64_t found = x | ((x - each * 0x20) & ~x) | ((quote - each) & ~quote) |
                     ((slash - each) & ~slash) | ((del - each) & ~del);
    return (found & high) == 0;
}

/* Whether it must be escaped: not to be shown, or no character at all. */
static bool is_unsafe(struct bytes text, size_t *used)
{
    uint32_t c = wide_code(text, used);
    return *used == 1 || glyph_unsafe(c);
}

/* Octets before the first that must be escaped: JSON's own, and what nobody should be shown. */
static size_t plain_length(struct bytes text)
{
    size_t len = 0, used = 1;
    for (; len < text.len; len += used) {
        while (text.len - len > 8 && eight_are_plain(text.at + len)) {
            len += 8;
        }
        uint8_t c = text.at[len];
        used = 1;
        if (c < 0x20 || c == '"' || c == '\\' || c == 0x7f ||
            (c >= 0x80 && is_unsafe(bytes_from(text, len), &used))) {
            return len;
        }
    }
    return len;
}

/* A character as \u and digits, two of them above U+FFFF; at most 12 octets. */
static size_t escape_wide(char *at, uint32_t c)
{
    if (c > 0xffff) {
        c -= 0x10000;
        return (size_t)snprintf(at, 13, "\\u%04x\\u%04x", 0xd800 | c >> 10, 0xdc00 | (c & 0x3ff));
    }
    return (size_t)snprintf(at, 7, "\\u%04x", c);
}

/* Text of which some octets are none, with U+FFFD for each of them. */
static void add_mended(struct json *j, const char *key, struct bytes text)
{
    char *mended = malloc(3 * text.len + 1);
    size_t len = 0;
    for (size_t i = 0, used = 1; mended != NULL && i < text.len; i += used) {
        used = 1;
        bool bad = text.at[i] >= 0x80 && wide_code(bytes_from(text, i), &used) == 0xfffd;
        memcpy(mended + len, bad ? "\xef\xbf\xbd" : (const char *)text.at + i, bad ? 3 : used);
        len += bad ? 3 : used;
    }
    if (mended == NULL || !tree_text(j->tree, key, bytes_of(mended, len))) {
        tree_add(j->tree, key, NULL);
    }
    free(mended);
}

void json_span(struct json *j, const char *key, struct bytes text)
{
    if (j->tree != NULL) {
        if (!tree_text(j->tree, key, text)) {
            add_mended(j, key, text);
        }
        return;
    }
    value_begins(j, key);
    char *at = output_reserve(j->out, 6 * text.len + 2);
    if (at == NULL) {
        return;
    }
    size_t len = 0;
    at[len++] = '"';
    for (size_t i = 0; i < text.len;) {
        size_t plain = plain_length(bytes_from(text, i));
        if (plain != 0) {
            memcpy(at + len, text.at + i, plain);
        }
        len += plain;
        i += plain;
        if (i < text.len && text.at[i] >= 0x80) {
            size_t used = 0;
            len += escape_wide(at + len, wide_code(bytes_from(text, i), &used));
            i += used;
        } else if (i < text.len) {
            len += escape(at + len, text.at[i++]);
        }
    }
    at[len++] = '"';
    output_commit(j->out, len);
}

void json_text(struct json *j, const char *key, const char *text)
{
    if (text != NULL) {
        json_span(j, key, bytes_text(text));
    }
}

void json_number(struct json *j, const char *key, uint64_t number)
{
    if (j->tree != NULL) {
        tree_add(j->tree, key, json_integer((json_int_t)number));
        return;
    }
    char digits[TEXT_DECIMAL];
    const char *end = text_decimal(digits, number);
    value_begins(j, key);
    output_octets(j->out, digits, (size_t)(end - digits));
}

void json_truth(struct json *j, const char *key, bool yes)
{
    if (j->tree != NULL) {
        tree_add(j->tree, key, json_boolean(yes));
        return;
    }
    value_begins(j, key);
    output_text(j->out, yes ? "true" : "false");
}

void json_hex(struct json *j, const char *key, struct bytes octets)
{
    static const char hex[] = "0123456789abcdef";
    if (j->tree == NULL) {
        value_begins(j, key);
    }
    char *at = output_reserve(j->out, 2 * octets.len + 2);
    if (at == NULL) {
        return;
    }
    size_t len = 0;
    at[len++] = '"';
    for (size_t i = 0; i < octets.len; i++) {
        at[len++] = hex[octets.at[i] >> 4];
        at[len++] = hex[octets.at[i] & 15];
    }
    at[len++] = '"';
    if (j->tree != NULL) { /* what was reserved is only borrowed */
        json_span(j, key, bytes_of(at + 1, len - 2));
    } else {
        output_commit(j->out, len);
    }
}

void json_code(struct json *j, const char *key, uint64_t code, int digits)
{
    char text[24];
    (void)snprintf(text, sizeof text, "0x%0*" PRIx64, digits, code);
    json_text(j, key, text);
}

void json_parts(struct json *j, const char *key, const char *text, char separator)
{
    json_open(j, key, '[');
    while (text != NULL && *text != '\0') {
        const char *end = strchr(text, separator);
        size_t len = end == NULL ? strlen(text) : (size_t)(end - text);
        if (len > 0) {
            json_span(j, NULL, bytes_of(text, len));
        }
        text += len + (end != NULL);
    }
    json_close(j, ']');
}

/* Days since the epoch to a civil date, proleptic Gregorian; after Howard Hinnant's derivation. */
static void civil(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    unsigned of_era = (unsigned)(days - era * 146097);
    unsigned year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned shifted = (5 * of_year + 2) / 153;
    *day = of_year - (153 * shifted + 2) / 5 + 1;
    *month = shifted < 10 ? shifted + 3 : shifted - 9;
    *year = (int64_t)year_of_era + era * 400 + (*month <= 2);
}

/* So many digits of `number`, then `after`; returns where the next goes. */
static char *put_digits(char *at, uint64_t number, unsigned digits, char after)
{
    for (unsigned i = digits; i > 0; i--) {
        at[i - 1] = (char)('0' + number % 10);
        number /= 10;
    }
    at[digits] = after;
    return at + digits + 1;
}

const char *time_format(int64_t ns, uint8_t precision, char text[TIME_TEXT])
{
    int64_t seconds = ns / 1000000000, fraction = ns % 1000000000;
    if (fraction < 0) {
        fraction += 1000000000;
        seconds--;
    }
    int64_t days = seconds / 86400, left = seconds % 86400;
    if (left < 0) {
        left += 86400;
        days--;
    }
    int64_t year = 0;
    unsigned month = 0, day = 0;
    civil(days, &year, &month, &day);
    text[0] = '\0';
    if (year >= 0 && year <= 9999) {
        char *at = put_digits(text, (uint64_t)year, 4, '-');
        at = put_digits(at, month, 2, '-');
        at = put_digits(at, day, 2, 'T');
        at = put_digits(at, (uint64_t)left / 3600, 2, ':');
        at = put_digits(at, (uint64_t)left / 60 % 60, 2, ':');
        at = put_digits(at, (uint64_t)left % 60, 2, precision > 0 ? '.' : 'Z');
        if (precision >= 9) {
            at = put_digits(at, (uint64_t)fraction, 9, 'Z');
        } else if (precision > 0) {
            at = put_digits(at, (uint64_t)fraction / 1000, 6, 'Z');
        }
        *at = '\0';
    }
    return text;
}

void json_time(struct json *j, const char *key, int64_t ns, uint8_t precision)
{
    char text[TIME_TEXT];
    json_text(j, key, time_format(ns, precision, text));
}
