/*
 * ldap_filter.c - a search's filter as text: RFC 4511 4.5.1.7 as RFC 4515 writes it.
 *
 * Not recursive: the levels that are open lie in a row. What is broken or nested too deep states
 * nothing.
 */
#include "dissect/ldap.h"
#include "dissect/text.h"

enum {
    AND = 0xa0,
    OR = 0xa1,
    NOT = 0xa2,
    EQUALITY = 0xa3,
    SUBSTRINGS = 0xa4,
    GREATER_OR_EQUAL = 0xa5,
    LESS_OR_EQUAL = 0xa6,
    PRESENT = 0x87,
    APPROXIMATE = 0xa8,
    EXTENSIBLE = 0xa9,
};
enum { INITIAL = 0x80, ANY = 0x81, FINAL = 0x82 };
enum { RULE = 0x81, TYPE = 0x82, VALUE = 0x83, DN_ATTRIBUTES = 0x84 };

struct writer {
    char text[LIMIT_TEXT + 8];
    size_t len; /* past LIMIT_TEXT: the rest is not wanted */
};

static void put(struct writer *w, struct bytes octets)
{
    size_t room = sizeof w->text - w->len;
    size_t len = octets.len < room ? octets.len : room;
    if (len > 0) {
        memcpy(w->text + w->len, octets.at, len);
        w->len += len;
    }
}

static void put_text(struct writer *w, const char *text)
{
    put(w, bytes_text(text));
}

/* RFC 4515 3: what has a meaning in a filter is escaped, and so is a value that is no text. */
static void put_value(struct writer *w, struct bytes value)
{
    static const char digits[] = "0123456789abcdef";
    bool text = text_looks_utf8(value);
    for (size_t i = 0; i < value.len && w->len <= LIMIT_TEXT; i++) {
        uint8_t c = value.at[i];
        if (c < 0x20 || (c >= 0x80 && !text) || strchr("()*\\", c) != NULL) {
            const char escaped[] = {'\\', digits[c >> 4], digits[c & 15]};
            put(w, bytes_of(escaped, sizeof escaped));
        } else {
            put(w, bytes_of(&value.at[i], 1));
        }
    }
}

static bool write_substrings(struct writer *w, struct cursor c)
{
    put(w, der_take(&c, DER_OCTET_STRING));
    put_text(w, "=");
    struct cursor parts = der_open(&c, DER_SEQUENCE);
    bool ended = false;
    for (bool first = true; parts.rest.len > 0; first = false) {
        struct der part = der_next(&parts);
        if (parts.failed || part.tag < INITIAL || part.tag > FINAL) {
            return false;
        }
        if (part.tag != INITIAL && first) {
            put_text(w, "*");
        }
        put_value(w, part.value);
        ended = part.tag == FINAL;
        if (!ended) {
            put_text(w, "*");
        }
    }
    return !c.failed;
}

static bool write_extensible(struct writer *w, struct cursor c)
{
    struct bytes rule = der_option(&c, RULE).rest;
    struct bytes type = der_option(&c, TYPE).rest;
    struct bytes value = der_take(&c, VALUE);
    struct bytes names = der_option(&c, DN_ATTRIBUTES).rest;
    put(w, type);
    if (names.len == 1 && names.at[0] != 0) {
        put_text(w, ":dn");
    }
    if (rule.len > 0) {
        put_text(w, ":");
        put(w, rule);
    }
    put_text(w, ":=");
    put_value(w, value);
    return !c.failed;
}

static bool write_assertion(struct writer *w, struct cursor c, const char *sign)
{
    put(w, der_take(&c, DER_OCTET_STRING));
    put_text(w, sign);
    put_value(w, der_take(&c, DER_OCTET_STRING));
    return !c.failed;
}

static bool write_item(struct writer *w, const struct der *item)
{
    struct cursor c = cursor_of(item->value);
    bool good = false;
    put_text(w, "(");
    switch (item->tag) {
    case EQUALITY:
        good = write_assertion(w, c, "=");
        break;
    case GREATER_OR_EQUAL:
        good = write_assertion(w, c, ">=");
        break;
    case LESS_OR_EQUAL:
        good = write_assertion(w, c, "<=");
        break;
    case APPROXIMATE:
        good = write_assertion(w, c, "~=");
        break;
    case SUBSTRINGS:
        good = write_substrings(w, c);
        break;
    case EXTENSIBLE:
        good = write_extensible(w, c);
        break;
    case PRESENT:
        put(w, item->value);
        put_text(w, "=*");
        good = true;
        break;
    default:
        break;
    }
    put_text(w, ")");
    return good;
}

bool ldap_filter_state(struct observation *o, struct cursor *c)
{
    static const char *const begins[] = {"(&", "(|", "(!"};
    struct cursor levels[LIMIT_LDAP_FILTER_DEPTH];
    struct writer w = {.len = 0};
    struct der element = der_next(c);
    size_t depth = 0;
    for (bool good = !c->failed; good;) {
        if (element.tag >= AND && element.tag <= NOT) {
            if (depth == LIMIT_LDAP_FILTER_DEPTH) {
                return false;
            }
            put_text(&w, begins[element.tag - AND]);
            levels[depth++] = cursor_of(element.value);
        } else if (!write_item(&w, &element)) {
            return false;
        }
        while (depth > 0 && levels[depth - 1].rest.len == 0) {
            put_text(&w, ")");
            depth--;
        }
        if (depth == 0 || w.len > LIMIT_TEXT) {
            observation_utf8(o, FACT_LDAP_FILTER, bytes_of(w.text, w.len));
            return true;
        }
        element = der_next(&levels[depth - 1]);
        good = !levels[depth - 1].failed;
    }
    return false;
}
