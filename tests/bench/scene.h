/*
 * scene.h - what one conversation is made of: who speaks, what they say, and what the auditor
 * should have seen of it.
 *
 * Units:  delays in ns.
 * Owner:  a scene owns its script; hosts, certificates, random and tally belong to the run and
 *         outlive every scene.
 */
#ifndef ROLECALL_BENCH_SCENE_H
#define ROLECALL_BENCH_SCENE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/bench/octets.h"
#include "tests/bench/random.h"
#include "tests/bench/smb_messages.h"

struct certificates;
struct hosts;
struct host;

enum side { CLIENT, SERVER };

/* One application message; its octets end where the next message's begin. */
struct message {
    size_t at;
    uint64_t delay_ns; /* after the message before it */
    enum side from;
};

/* All zero is an empty script. */
struct script {
    struct octets text;
    struct message *messages;
    size_t count, room;
};

void script_done(struct script *s);
void script_clear(struct script *s);
/* Opens the next message; what is appended to the result until the next call belongs to it. */
struct octets *script_say(struct script *s, enum side from, uint64_t delay_ns);
size_t script_length(const struct script *s, size_t message);

/* rolecall's record types (records.md) that the benchmark holds it to. */
enum record {
    RECORD_TLS,
    RECORD_HTTP,
    RECORD_SMB,
    RECORD_NTLM,
    RECORD_KERBEROS,
    RECORD_LDAP,
    RECORD_DNS,
    RECORD_SQL,
    RECORD_COUNT
};

/* Least number of records of each type that the conversations written so far must give. */
struct tally {
    uint64_t records[RECORD_COUNT];
};

/* Where a bulk transfer stands between two of its pieces. */
struct bulk {
    struct smb_session smb;
    uint64_t offset; /* in the file */
    uint64_t left;   /* of the file or body, in octets */
    uint32_t piece;  /* octets a READ, WRITE or body piece */
    bool open;       /* a file is open */
    bool over;       /* the goodbye has been said */
};

struct scene {
    struct random *random;
    const struct certificates *certificates;
    struct tally *tally;
    struct hosts *hosts;
    struct host *client, *server;
    uint16_t client_port, server_port;
    struct script script;
    struct bulk bulk;
    /* A read-only stretch of random octets that content is cut from. */
    const uint8_t *pool;
    size_t pool_len;
};

/* The next message, after a think time that fits the side. */
struct octets *scene_say(struct scene *sc, enum side from);
/* The same, after a pause of a person or a schedule: up to half a second. */
struct octets *scene_say_later(struct scene *sc, enum side from);
void scene_expect(struct scene *sc, enum record type, unsigned count);
/* Appends n <= pool_len octets of content that looks like nothing known. */
void scene_content(struct scene *sc, struct octets *o, size_t n);
/* Names the server and port of this scene; the client stays. */
void scene_visit(struct scene *sc, unsigned server, uint16_t port);

#endif
