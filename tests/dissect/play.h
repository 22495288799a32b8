/*
 * play.h - plays a conversation through the real engine and tells what was stated.
 *
 * A script is a table of steps; the packet number of a step is its place in the table, from 1. The
 * answer is text, one line an observation in the order sent: "http @4 client http.method=GET
 * http.host=a ...", where @4 is the packet and the next word the direction; list entries come one
 * key=value each; flow records are the last.
 *
 * The sweeps are the same for every dissector (style.md, Tests): they fail the running cmocka test.
 */
#ifndef ROLECALL_TESTS_PLAY_H
#define ROLECALL_TESTS_PLAY_H

#include "dissect/dissector.h"

struct play_step {
    enum dir dir;
    struct bytes data;
    uint64_t gap; /* when not 0: this many octets of `dir` are lost here, and data is empty */
};

struct play_options {
    uint16_t port; /* server's; 0: a port that no protocol claims */
    bool udp;
    bool midstream;   /* the opening was not captured, and the direction is a guess */
    bool wrong_guess; /* with midstream: capture took the client for the server */
    size_t chunk;     /* cut every step into pieces of this many octets; 0: whole */
    bool secrets;
    bool sql_text, paths; /* sweeps have both */
    bool audited;         /* rules read the records */
    bool brief;           /* nobody asks for details */
    bool records_only;    /* leave the flow record out of the answer */
};

/* The caller frees the text. */
char *play(const struct play_step *steps, size_t count, const struct play_options *options);

/* Every prefix of the conversation, each step in an exact allocation of its own: no crash, and
 * nothing is stated that the whole conversation does not state (up to records that end early). */
void play_truncation_sweep(const struct play_step *steps, size_t count);
/* The same facts for every chunk size, one octet at a time included (packet numbers aside). */
void play_chunking_sweep(const struct play_step *steps, size_t count);
/* Loses each octet once: no crash, no leak. */
void play_gap_sweep(const struct play_step *steps, size_t count);
/* Sets each octet in turn to 0x00, 0x7f, 0x80, 0xff: no crash, no leak. */
void play_hostile_sweep(const struct play_step *steps, size_t count);

#endif
