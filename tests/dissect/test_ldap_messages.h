/*
 * test_ldap_messages.h - LDAP messages put together for tests: RFC 4511.
 */
#ifndef ROLECALL_TESTS_LDAP_MESSAGES_H
#define ROLECALL_TESTS_LDAP_MESSAGES_H

#include "tests/dissect/test_logon.h"

/* X.690 8.1, with a length of four octets as Microsoft's servers write it where `wide`. */
static inline struct built element(unsigned tag, struct bytes content, bool wide)
{
    struct built b = {.len = 0};
    put_be(&b, tag, 1);
    if (wide) {
        put_be(&b, 0x84, 1);
        put_be(&b, content.len, 4);
    } else if (content.len < 0x80) {
        put_be(&b, content.len, 1);
    } else {
        put_be(&b, 0x82, 1);
        put_be(&b, content.len, 2);
    }
    put(&b, content.at, content.len);
    return b;
}

static inline void put_element(struct built *b, unsigned tag, struct bytes content)
{
    put_built(b, element(tag, content, false));
}

static inline void put_string(struct built *b, const char *text)
{
    put_element(b, 0x04, bytes_text(text));
}

static inline void put_number(struct built *b, unsigned tag, unsigned number)
{
    put_be(b, tag, 1);
    put_be(b, 1, 1);
    put_be(b, number, 1);
}

/* RFC 4511 4.1.1 */
static inline struct built message(unsigned id, unsigned tag, struct built body, bool wide)
{
    struct built inside = {.len = 0};
    put_be(&inside, 0x0202, 2);
    put_be(&inside, id, 2);
    put_built(&inside, element(tag, built_bytes(&body), wide));
    return element(0x30, built_bytes(&inside), wide);
}

static inline void ask(struct talk *t, unsigned id, unsigned tag, struct built body)
{
    say(t, DIR_CLIENT, message(id, tag, body, false));
}

static inline struct built bind(const char *name, unsigned choice, struct bytes credentials)
{
    struct built b = {.len = 0};
    put_number(&b, 0x02, 3);
    put_string(&b, name);
    put_element(&b, choice, credentials);
    return b;
}

static inline struct built sasl(const char *mechanism, const struct built *token)
{
    struct built c = {.len = 0};
    put_string(&c, mechanism);
    if (token != NULL) {
        put_element(&c, 0x04, built_bytes(token));
    }
    return bind("", 0xa3, built_bytes(&c));
}

/* RFC 4511 4.1.9, 4.2.2 */
static inline struct built result(unsigned code, struct bytes matched,
                                  const struct built *credentials)
{
    struct built b = {.len = 0};
    put_number(&b, 0x0a, code);
    put_element(&b, 0x04, matched);
    put_string(&b, "diagnostics");
    if (credentials != NULL) {
        put_element(&b, 0x87, built_bytes(credentials));
    }
    return b;
}

static inline void answer(struct talk *t, unsigned id, unsigned tag, unsigned code)
{
    say(t, DIR_SERVER, message(id, tag, result(code, (struct bytes){0}, NULL), true));
}

static inline struct built search(const char *base, unsigned scope)
{
    struct built b = {.len = 0};
    put_string(&b, base);
    put_number(&b, 0x0a, scope);
    put_number(&b, 0x0a, 0);
    put_number(&b, 0x02, 0);
    put_number(&b, 0x02, 0);
    put_number(&b, 0x01, 0);
    put_element(&b, 0x87, bytes_text("objectClass"));
    put_element(&b, 0x30, (struct bytes){0});
    return b;
}

static inline struct built entry(void)
{
    struct built b = {.len = 0};
    put_string(&b, "cn=a,dc=corp,dc=example");
    put_element(&b, 0x30, (struct bytes){0});
    return b;
}

/* An operation that begins with the name of an entry. */
static inline struct built named(const char *dn)
{
    struct built b = {.len = 0};
    put_string(&b, dn);
    put_element(&b, 0x30, (struct bytes){0});
    return b;
}

#endif
