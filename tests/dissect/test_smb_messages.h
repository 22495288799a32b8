/*
 * test_smb_messages.h - hand-made SMB conversations for the SMB tests.
 *
 * Owner: a script holds the octets of its steps; it is meant to live on the stack of one test.
 */
#ifndef ROLECALL_TESTS_SMB_MESSAGES_H
#define ROLECALL_TESTS_SMB_MESSAGES_H

#include "tests/test.h"

#include <assert.h>
#include <string.h>

#include "tests/dissect/play.h"

#define SCRIPT_STEPS 80
#define SCRIPT_OCTETS 16384

struct script {
    struct play_step steps[SCRIPT_STEPS];
    size_t count;
    uint8_t octets[SCRIPT_OCTETS];
    size_t used;
    size_t frame; /* where the frame under construction begins */
};

static inline void put(struct script *s, const void *at, size_t len)
{
    assert(len <= sizeof s->octets - s->used);
    if (len > 0) {
        memcpy(s->octets + s->used, at, len);
    }
    s->used += len;
}

static inline void put_le(struct script *s, uint64_t value, size_t octets)
{
    for (size_t i = 0; i < octets; i++) {
        uint8_t octet = (uint8_t)(value >> 8 * i);
        put(s, &octet, 1);
    }
}

static inline void put_zero(struct script *s, size_t octets)
{
    put_le(s, 0, octets < 8 ? octets : 8);
    for (size_t i = 8; i < octets; i++) {
        put_le(s, 0, 1);
    }
}

static inline void put_utf16(struct script *s, const char *text)
{
    for (; *text != '\0'; text++) {
        put_le(s, (uint8_t)*text, 2);
    }
}

/* A frame of direct TCP from `dir`; what is put until end_frame() is its content. */
static inline void begin_frame(struct script *s)
{
    s->frame = s->used;
    put_zero(s, 4);
}

static inline void end_frame(struct script *s, enum dir dir)
{
    size_t len = s->used - s->frame - 4;
    s->octets[s->frame + 1] = (uint8_t)(len >> 16);
    s->octets[s->frame + 2] = (uint8_t)(len >> 8);
    s->octets[s->frame + 3] = (uint8_t)len;
    assert(s->count < SCRIPT_STEPS);
    s->steps[s->count++] =
        (struct play_step){.dir = dir, .data = bytes_of(s->octets + s->frame, len + 4)};
}

/* Octets that are no SMB message: NetBIOS session service, noise. */
static inline void put_raw(struct script *s, enum dir dir, const void *octets, size_t len)
{
    assert(s->count < SCRIPT_STEPS);
    s->steps[s->count++] =
        (struct play_step){.dir = dir, .data = bytes_of(s->octets + s->used, len)};
    put(s, octets, len);
}

/* ---- SMB2 ---- */

enum { FLAG2_REPLY = 1, FLAG2_ASYNC = 2, FLAG2_RELATED = 4, FLAG2_SIGNED = 8 };
#define ALL_TREES UINT32_MAX
#define SESSION 0x0000400000000011u

struct smb2 {
    unsigned command, status, flags;
    uint64_t message, session;
    uint32_t tree, next;
};

static inline void put_smb2(struct script *s, struct smb2 h)
{
    put(s, "\xfeSMB", 4);
    put_le(s, 64, 2);
    put_le(s, 1, 2);
    put_le(s, h.status, 4);
    put_le(s, h.command, 2);
    put_le(s, 1, 2);
    put_le(s, h.flags, 4);
    put_le(s, h.next, 4);
    put_le(s, h.message, 8);
    put_le(s, 0xfeff, 4);
    put_le(s, h.tree, 4);
    put_le(s, h.session, 8);
    put_zero(s, 16);
}

/* One message in a frame of its own, with a body that is already laid out. */
static inline void say_smb2(struct script *s, struct smb2 h, const void *body, size_t len)
{
    begin_frame(s);
    put_smb2(s, h);
    put(s, body, len);
    end_frame(s, (h.flags & FLAG2_REPLY) != 0 ? DIR_SERVER : DIR_CLIENT);
}

static inline void say_negotiate(struct script *s, uint64_t message, unsigned mode)
{
    static const uint16_t dialects[] = {0x0202, 0x0210, 0x0300, 0x0302, 0x0311};
    begin_frame(s);
    put_smb2(s, (struct smb2){.command = 0, .message = message});
    put_le(s, 36, 2);
    put_le(s, 5, 2);
    put_le(s, mode, 2);
    put_zero(s, 6);
    for (unsigned i = 1; i <= 16; i++) {
        put_le(s, i, 1);
    }
    put_le(s, 0x70, 4); /* contexts begin behind the padded dialects */
    put_le(s, 2, 2);
    put_zero(s, 2);
    for (size_t i = 0; i < 5; i++) {
        put_le(s, dialects[i], 2);
    }
    put_zero(s, 2);
    put(s, "\x02\x00\x06\x00\x00\x00\x00\x00\x02\x00\x02\x00\x01\x00\0\0", 16);
    put(s, "\x05\x00\x08\x00\x00\x00\x00\x00", 8);
    put_utf16(s, "dp01");
    end_frame(s, DIR_CLIENT);
}

static inline void say_negotiated(struct script *s, uint64_t message, unsigned mode,
                                  unsigned dialect)
{
    begin_frame(s);
    put_smb2(s, (struct smb2){.command = 0, .flags = FLAG2_REPLY, .message = message});
    put_le(s, 65, 2);
    put_le(s, mode, 2);
    put_le(s, dialect, 2);
    put_le(s, dialect == 0x0311 ? 4 : 0, 2);
    for (unsigned i = 0; i < 16; i++) {
        put_le(s, 0xa0 + i, 1);
    }
    put_zero(s, 32);
    put_le(s, 0x80, 2);
    put_zero(s, 2);
    put_le(s, 0x80, 4);
    put(s, "\x01\x00\x06\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00", 16);
    put(s, "\x02\x00\x04\x00\x00\x00\x00\x00\x01\x00\x02\x00\0\0\0\0", 16);
    put(s, "\x08\x00\x04\x00\x00\x00\x00\x00\x01\x00\x02\x00\0\0\0\0", 16);
    put(s, "\x03\x00\x0a\x00\x00\x00\x00\x00\x01\x00\0\0\0\0\0\0\x04\x00", 18);
    end_frame(s, DIR_SERVER);
}

static inline void say_setup(struct script *s, uint64_t message, uint64_t session,
                             struct bytes token)
{
    begin_frame(s);
    put_smb2(s, (struct smb2){.command = 1, .message = message, .session = session});
    put_le(s, 25, 2);
    put_zero(s, 10);
    put_le(s, 88, 2);
    put_le(s, token.len, 2);
    put_zero(s, 8);
    put(s, token.at, token.len);
    end_frame(s, DIR_CLIENT);
}

static inline void say_setup_reply(struct script *s, uint64_t message, unsigned status,
                                   unsigned session_flags, unsigned flags)
{
    begin_frame(s);
    put_smb2(s, (struct smb2){.command = 1,
                              .status = status,
                              .flags = FLAG2_REPLY | flags,
                              .message = message,
                              .session = SESSION});
    put_le(s, 9, 2);
    put_le(s, session_flags, 2);
    put_le(s, 72, 2);
    put_zero(s, 3);
    end_frame(s, DIR_SERVER);
}

/* The messages of a logon whose last reply has these flags; message ids 1 and 2. */
static inline void say_logon(struct script *s, unsigned session_flags, unsigned flags)
{
    say_setup(s, 1, 0, bytes_text("one"));
    say_setup_reply(s, 1, 0xc0000016, 0, 0);
    say_setup(s, 2, SESSION, bytes_text("two"));
    say_setup_reply(s, 2, 0, session_flags, flags);
}

static inline void put_connect(struct script *s, const char *path)
{
    put_le(s, 9, 2);
    put_zero(s, 2);
    put_le(s, 72, 2);
    put_le(s, 2 * strlen(path), 2);
    put_utf16(s, path);
}

static inline void say_connect(struct script *s, uint64_t message, const char *path)
{
    begin_frame(s);
    put_smb2(s, (struct smb2){
                    .command = 3, .message = message, .session = SESSION, .flags = FLAG2_SIGNED});
    put_connect(s, path);
    end_frame(s, DIR_CLIENT);
}

static inline void say_connected(struct script *s, uint64_t message, uint32_t tree, unsigned type,
                                 unsigned flags)
{
    begin_frame(s);
    put_smb2(s, (struct smb2){.command = 3,
                              .flags = FLAG2_REPLY,
                              .message = message,
                              .session = SESSION,
                              .tree = tree});
    put_le(s, 16, 2);
    put_le(s, type, 2);
    put_le(s, flags, 4);
    put_zero(s, 8);
    end_frame(s, DIR_SERVER);
}

/* READ replies and WRITE requests: as much of the body as names the data, then the data. */
static inline void put_read_data(struct script *s, unsigned octets)
{
    put_le(s, 17, 2);
    put_le(s, 80, 2);
    put_le(s, octets, 4);
    put_zero(s, 8 + octets);
}

static inline void put_write_data(struct script *s, unsigned octets)
{
    put_le(s, 49, 2);
    put_le(s, 112, 2);
    put_le(s, octets, 4);
    put_zero(s, 40 + octets);
}

static inline void say_write(struct script *s, uint64_t message, uint32_t tree, unsigned flags,
                             unsigned octets)
{
    begin_frame(s);
    put_smb2(
        s, (struct smb2){
               .command = 9, .flags = flags, .message = message, .session = SESSION, .tree = tree});
    put_write_data(s, octets);
    end_frame(s, DIR_CLIENT);
}

static inline void say_read(struct script *s, uint64_t message, uint32_t tree, unsigned flags)
{
    begin_frame(s);
    put_smb2(
        s, (struct smb2){
               .command = 8, .flags = flags, .message = message, .session = SESSION, .tree = tree});
    put_le(s, 49, 2);
    put_zero(s, 47);
    end_frame(s, DIR_CLIENT);
}

static inline void say_data(struct script *s, uint64_t message, uint32_t tree, unsigned flags,
                            unsigned octets)
{
    begin_frame(s);
    put_smb2(s, (struct smb2){.command = 8,
                              .flags = FLAG2_REPLY | flags,
                              .message = message,
                              .session = SESSION,
                              .tree = tree});
    put_read_data(s, octets);
    end_frame(s, DIR_SERVER);
}

/* ---- SMB1 ---- */

struct smb1 {
    unsigned command, flags2, tree, user, mid;
    uint32_t status;
    bool reply;
    const char *signature; /* 8 octets, or NULL */
};

static inline void put_smb1(struct script *s, struct smb1 h)
{
    put(s, "\xffSMB", 4);
    put_le(s, h.command, 1);
    put_le(s, h.status, 4);
    put_le(s, h.reply ? 0x80 : 0, 1);
    put_le(s, h.flags2, 2);
    put_zero(s, 2);
    put(s, h.signature == NULL ? "\0\0\0\0\0\0\0\0" : h.signature, 8);
    put_zero(s, 2);
    put_le(s, h.tree, 2);
    put_le(s, 0x1234, 2);
    put_le(s, h.user, 2);
    put_le(s, h.mid, 2);
}

/* Words (an even number of octets), then data. */
static inline void put_block(struct script *s, struct bytes words, struct bytes data)
{
    put_le(s, words.len / 2, 1);
    put(s, words.at, words.len);
    put_le(s, data.len, 2);
    put(s, data.at, data.len);
}

static inline void say_smb1(struct script *s, struct smb1 h, struct bytes words, struct bytes data)
{
    begin_frame(s);
    put_smb1(s, h);
    put_block(s, words, data);
    end_frame(s, h.reply ? DIR_SERVER : DIR_CLIENT);
}

#define OCTETS(text) bytes_of(text, sizeof(text) - 1)

/* ---- what is stated ---- */

struct smb_case {
    const char *label;
    void (*build)(struct script *s);
    const char *said[6]; /* for each, one line of the answer has all its words, parted by '|' */
    const char *unsaid;  /* NULL, or nowhere in the answer */
};

/* Whether one line of `answer` has every word of `words`. */
static inline bool line_has(const char *answer, const char *words)
{
    for (const char *line = answer; *line != '\0';) {
        size_t len = strcspn(line, "\n");
        bool all = true;
        for (const char *word = words; all && *word != '\0';) {
            size_t wide = strcspn(word, "|");
            all = memmem(line, len, word, wide) != NULL;
            word += wide + (word[wide] == '|');
        }
        if (all) {
            return true;
        }
        line += len + (line[len] == '\n');
    }
    return false;
}

static inline void check_case_with(const struct smb_case *c, struct play_options options)
{
    struct script s = {0};
    c->build(&s);
    options.port = 445;
    char *answer = play(s.steps, s.count, &options);
    for (size_t k = 0; k < sizeof c->said / sizeof c->said[0]; k++) {
        if (c->said[k] != NULL && !line_has(answer, c->said[k])) {
            fail_msg("%s: no \"%s\" in\n%s", c->label, c->said[k], answer);
        }
    }
    if (c->unsaid != NULL && strstr(answer, c->unsaid) != NULL) {
        fail_msg("%s: \"%s\" in\n%s", c->label, c->unsaid, answer);
    }
    free(answer);
}

static inline void check_case(const struct smb_case *c)
{
    check_case_with(c, (struct play_options){.port = 0});
}

#endif
