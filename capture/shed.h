/*
 * shed.h - what is given up when packets come faster than they are read: by plan, so that the
 * kernel does not drop by chance.
 *
 * First the content of long transfers: the packet stays, its payload goes. Then conversations that
 * begin between two hosts of which none is declared, whole. Never the beginning of a conversation
 * that a declared host has.
 *
 * Units:  the load in thousandths of what the kernel's ring holds.
 * Cost:   one look at a table of a megabyte for each packet. Two conversations that meet in one
 *         place of it begin anew in turn: then less is shed, not more.
 */
#ifndef ROLECALL_CAPTURE_SHED_H
#define ROLECALL_CAPTURE_SHED_H

#include "capture/flow.h"

enum shed_level { SHED_LEVEL_NONE, SHED_LEVEL_CONTENT, SHED_LEVEL_NEWCOMERS };
enum shed { SHED_NOTHING, SHED_CONTENT, SHED_NEWCOMER };

struct shed_options {
    /* Whether the address is a declared host's; NULL: none is declared. */
    bool (*knows)(void *user, const struct address *a);
    void *user;
};

struct shed_counts {
    uint64_t content_packets, content_octets;
    uint64_t newcomer_flows, newcomer_packets;
};

struct shedder;

struct shedder *shedder_new(const struct shed_options *options) MUST_USE;
/* How full the ring is. */
void shed_load(struct shedder *s, unsigned load);
enum shed_level shed_level(const struct shedder *s);
/* What is to be shed of this packet; counted. */
enum shed shed_judge(struct shedder *s, const struct datagram *d, const struct flow_place *place);
/* The same done to it: its payload may go. False when it goes whole. */
bool shed_pass(struct shedder *s, unsigned load, struct datagram *d,
               const struct flow_place *place);
const struct shed_counts *shed_counts(const struct shedder *s);
struct shedder *shedder_free(struct shedder *s); /* NULL is fine; returns NULL */

#endif
