/*
 * test_octets.h - messages written as text, for tables of openings.
 *
 * A message is words with spaces between: hexadecimal octets ("0300"), an octet repeated ("00*16"),
 * text ('GET'), and text in UTF-16LE (u'GET').
 */
#ifndef ROLECALL_TESTS_OCTETS_H
#define ROLECALL_TESTS_OCTETS_H

#include "tests/dissect/test_logon.h"

static inline const char *octets_text(struct built *b, const char *at, unsigned width)
{
    while (*at != '\'') {
        put_le(b, (unsigned char)*at++, width);
    }
    return at + 1;
}

static inline const char *octets_hex(struct built *b, const char *at)
{
    unsigned octet = 0;
    int used = 0;
    assert_int_equal(sscanf(at, "%2x%n", &octet, &used), 1);
    assert_int_equal(used, 2);
    unsigned long times = 1;
    at += 2;
    if (*at == '*') {
        char *end = NULL;
        times = strtoul(at + 1, &end, 10);
        at = end;
    }
    while (times-- > 0) {
        put_le(b, octet, 1);
    }
    return at;
}

static inline struct built octets(const char *words)
{
    struct built b = {.len = 0};
    while (*words != '\0') {
        if (*words == ' ') {
            words++;
        } else if (*words == '\'') {
            words = octets_text(&b, words + 1, 1);
        } else if (*words == 'u') {
            words = octets_text(&b, words + 2, 2);
        } else {
            words = octets_hex(&b, words);
        }
    }
    return b;
}

static inline void say_words(struct talk *t, enum dir dir, const char *words)
{
    say(t, dir, octets(words));
}

#endif
