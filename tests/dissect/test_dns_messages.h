/*
 * test_dns_messages.h - messages in DNS form put together for tests, and sweeps over datagrams.
 *
 * Owner: everything lies in the caller's struct built or struct talk.
 */
#ifndef ROLECALL_TESTS_DNS_MESSAGES_H
#define ROLECALL_TESTS_DNS_MESSAGES_H

#include "tests/dissect/test_logon.h"

enum { QUERY = 0x0100, RESPONSE = 0x8180, UPDATE = 0x2800, NOTIFY = 0x2000 };
enum { A = 1, NS = 2, CNAME = 5, SOA = 6, PTR = 12, MX = 15, TXT = 16, AAAA = 28, SRV = 33 };
enum { OPT = 41, AXFR = 252, NB = 32, NBSTAT = 33, IN = 1, FLUSH_IN = 0x8001 };
enum { FIRST_NAME = 0xc00c }; /* a pointer to the name behind the header */

/* RFC 1035 4.1.1 */
static inline void put_header(struct built *b, unsigned id, unsigned flags, unsigned questions,
                              unsigned answers, unsigned authority, unsigned additional)
{
    const unsigned fields[] = {id, flags, questions, answers, authority, additional};
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        put_be(b, fields[i], 2);
    }
}

/* Labels between dots, and the root. */
static inline void put_name(struct built *b, const char *name)
{
    while (*name != '\0') {
        size_t len = strcspn(name, ".");
        put_be(b, len, 1);
        put(b, name, len);
        name += len + (name[len] == '.');
    }
    put_be(b, 0, 1);
}

static inline void put_question(struct built *b, const char *name, unsigned type)
{
    put_name(b, name);
    put_be(b, type, 2);
    put_be(b, IN, 2);
}

/* All of a record but its data; its owner was put before. */
static inline void put_record(struct built *b, unsigned type, unsigned class, size_t data_len)
{
    put_be(b, type, 2);
    put_be(b, class, 2);
    put_be(b, 300, 4);
    put_be(b, data_len, 2);
}

static inline void put_a(struct built *b, unsigned owner, uint32_t address)
{
    put_be(b, owner, 2);
    put_record(b, A, IN, 4);
    put_be(b, address, 4);
}

static inline struct built query_of(unsigned id, const char *name, unsigned type)
{
    struct built b = {.len = 0};
    put_header(&b, id, QUERY, 1, 0, 0, 0);
    put_question(&b, name, type);
    return b;
}

static inline struct built refusal_of(unsigned id, const char *name, unsigned type, unsigned rcode)
{
    struct built b = {.len = 0};
    put_header(&b, id, RESPONSE | rcode, 1, 0, 0, 0);
    put_question(&b, name, type);
    return b;
}

/* One address of mp01 or another name. */
static inline struct built address_of(unsigned id, const char *name)
{
    struct built b = {.len = 0};
    put_header(&b, id, RESPONSE, 1, 1, 0, 0);
    put_question(&b, name, A);
    put_a(&b, FIRST_NAME, 0x0a4d000c);
    return b;
}

/* RFC 1035 4.2.2 */
static inline void say_stream(struct talk *t, enum dir dir, struct built message)
{
    struct built b = {.len = 0};
    put_be(&b, message.len, 2);
    put_built(&b, message);
    say(t, dir, b);
}

/* Each prefix of each datagram, and each octet changed: no crash, no leak, and what is broken is
 * still of this protocol. */
static inline void sweep_datagrams(void (*build)(struct talk *t), uint16_t port)
{
    static const uint8_t values[] = {0x00, 0x3f, 0x7f, 0x80, 0xc0, 0xff};
    const struct play_options options = {.udp = true, .port = port};
    struct talk whole = {.count = 0};
    build(&whole);
    for (size_t step = 0; step < whole.count; step++) {
        struct bytes data = whole.steps[step].data;
        uint8_t *octets = whole.octets + (data.at - whole.octets);
        for (size_t at = 0; at < data.len; at++) {
            whole.steps[step].data.len = at;
            free(play(whole.steps, whole.count, &options));
            whole.steps[step].data.len = data.len;
            for (size_t v = 0; v < COUNT_OF(values); v++) {
                uint8_t kept = octets[at];
                octets[at] = values[v];
                free(play(whole.steps, whole.count, &options));
                octets[at] = kept;
            }
        }
    }
}

#endif
