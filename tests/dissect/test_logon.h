/*
 * test_logon.h - conversations that carry a logon: messages built by hand, and what is stated of
 * them.
 *
 * Owner: a talk holds the octets of its steps; it is meant to live on the stack of one test.
 */
#ifndef ROLECALL_TESTS_LOGON_H
#define ROLECALL_TESTS_LOGON_H

#include "tests/test.h"

#include "tests/dissect/play.h"
#include "tests/dissect/test_ntlm_messages.h"

enum { TALK_STEPS = 96, TALK_OCTETS = 65536 };

struct talk {
    struct play_step steps[TALK_STEPS];
    size_t count, used;
    uint8_t octets[TALK_OCTETS];
};

static inline void say_octets(struct talk *t, enum dir dir, struct bytes octets)
{
    assert(t->count < TALK_STEPS && octets.len <= TALK_OCTETS - t->used);
    memcpy(t->octets + t->used, octets.at, octets.len);
    t->steps[t->count++] =
        (struct play_step){.dir = dir, .data = bytes_of(t->octets + t->used, octets.len)};
    t->used += octets.len;
}

static inline void say(struct talk *t, enum dir dir, struct built message)
{
    say_octets(t, dir, built_bytes(&message));
}

static inline void put_be(struct built *b, uint64_t number, unsigned octets)
{
    for (unsigned i = octets; i > 0; i--) {
        put_le(b, i > 8 ? 0 : number >> 8 * (i - 1) & 0xff, 1);
    }
}

static inline void put_built(struct built *b, struct built more)
{
    put(b, more.at, more.len);
}

static inline struct built logon_authenticate(const char *user)
{
    struct built nt = ntlm_v2_response(true, false, "host/mp01");
    struct authenticate a = {.domain = "CORP",
                             .user = user,
                             .workstation = "CL01",
                             .nt = built_bytes(&nt),
                             .flags = NTLM_UNICODE | NTLM_SIGN};
    return ntlm_authenticate(&a);
}

/* One conversation, and every word that its records must or must not hold. */
struct logon_case {
    const char *label;
    void (*build)(struct talk *t);
    const char *stated; /* the whole answer, flow record left out */
};

static inline void check_logon(const struct logon_case *c, const struct play_options *options)
{
    struct talk t = {.count = 0};
    c->build(&t);
    char *answer = play(t.steps, t.count, options);
    if (strcmp(answer, c->stated) != 0) {
        print_error("%s:\n%swanted:\n%s", c->label, answer, c->stated);
        free(answer);
        fail();
    }
    free(answer);
}

/* The flow record of a conversation holds `word`. */
static inline void check_flow(void (*build)(struct talk *t), const char *word)
{
    struct talk t = {.count = 0};
    build(&t);
    char *answer = play(t.steps, t.count, NULL);
    if (strstr(answer, word) == NULL) {
        print_error("no %s in:\n%s", word, answer);
        free(answer);
        fail();
    }
    free(answer);
}

static inline void sweep(void (*build)(struct talk *t))
{
    struct talk t = {.count = 0};
    build(&t);
    play_truncation_sweep(t.steps, t.count);
    play_chunking_sweep(t.steps, t.count);
    play_gap_sweep(t.steps, t.count);
    play_hostile_sweep(t.steps, t.count);
}

#endif
