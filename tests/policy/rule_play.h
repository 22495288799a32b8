/*
 * rule_play.h - feeds observations written as one line each to the real audit and tells what it
 * found.
 *
 * A line: RECORD[#FLOW][@PACKET][+SECONDS] CLIENT[:PORT] ARROW SERVER:PORT [| key=value]...
 *   "smb#2@14 10.1.0.5 > 10.0.0.30:445 | smb.message=negotiate | smb.dialect=3.1.1"
 * Flows count from 1 (1 where not said), packets go on by one from line to line. Seconds are
 * counted from the start of the capture and stay. Keys are facts; packets are given by number,
 * dates in seconds from the capture's start. Arrows: ">" TCP with its handshake; "!>" TCP without
 * an answer; "~>" TCP joined midstream; "udp>" and "udp!>" likewise. A flow line gets what every
 * flow record states (transport, state, direction, packets; opening and answer are packets @PACKET
 * and the next), unless the line says otherwise.
 */
#ifndef ROLECALL_TESTS_POLICY_RULE_PLAY_H
#define ROLECALL_TESTS_POLICY_RULE_PLAY_H

#include "policy/audit.h"

#define RULE_PLAY_STEPS 10
#define RULE_PLAY_START INT64_C(1767225600000000000) /* 2026-01-01T00:00:00Z */

struct rule_play {
    struct policy *policy;
    struct audit *audit;
    struct observation_pool *pool;
    uint64_t packet;
    int64_t seconds;
    void (*also)(void *user, const struct observation *o); /* sees each line too; NULL: nobody */
    void *also_user;
};

/* The policy of rule_play.c has one host of every kind that the rules tell apart. `policy` is
 * appended to it where it begins with a newline, and stands alone otherwise; NULL: nothing is
 * added. */
void rule_play_begin(struct rule_play *p, const char *policy);
void rule_play_say(struct rule_play *p, const char *line);
void rule_play_finish(struct rule_play *p);
void rule_play_end(struct rule_play *p);

/* One line a finding of that rule, in the audit's order, joined by "; ":
 * "high proven 10.0.0.30 > 10.0.0.10:445 @1,2"; "-" for an end that it does not have. The caller
 * frees it. */
char *rule_play_findings(const struct rule_play *p, const char *code);
/* The only finding of that rule; fails the test when there is another number of them. */
const struct finding *rule_play_finding(const struct rule_play *p, const char *code);
/* "violated", ...; "none" where there is no such verdict. */
const char *rule_play_verdict(const struct rule_play *p, const char *code, const char *subject);

struct rule_case {
    const char *label;
    const char *steps[RULE_PLAY_STEPS];
    const char *findings;          /* as rule_play_findings; "": none */
    const char *subject, *verdict; /* NULL: not asked */
    const char *policy;            /* as in rule_play_begin */
};

/* Plays each case and fails the test at the end when one of them was judged otherwise. */
void rule_play_cases(const char *code, const struct rule_case *cases, size_t count);

#endif
