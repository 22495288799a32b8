/*
 * stream.h - where capture ends: ordered payload of a flow, or an honest hole in it.
 *
 * capture/ calls these functions and knows nobody who implements them, so includes stay one-way and
 * capture is tested with no protocol linked.
 *
 * Calls for one flow: open at its first payload octet, then data and gap in stream order for each
 * direction, then close once (close comes for every flow, with ctx NULL when open never came). A
 * gap is announced, never zero-filled. For a datagram transport each data call is one whole
 * datagram. Owner: payload and stamp are valid during the call only.
 */
#ifndef ROLECALL_CAPTURE_STREAM_H
#define ROLECALL_CAPTURE_STREAM_H

#include "capture/bytes.h"
#include "capture/flow.h"

enum sink_answer {
    SINK_MORE, /* go on */
    SINK_DONE, /* nothing more to learn: only count this flow from here on */
};

struct stream_sink {
    void *user;
    /* Octets that the sink wants beside each flow for a state of its own: zeroed, charged to the
     * table's budget, valid until close() returns. */
    size_t ctx_size;
    /* Returns the ctx of the other calls: usually `room`, which is that memory. NULL: not
     * interested; the flow is only counted. */
    void *(*open)(void *user, struct flow *flow, void *room);
    /* `at` is the packet that made the octets deliverable. */
    enum sink_answer (*data)(void *user, void *ctx, enum dir dir, struct bytes payload,
                             const struct stamp *at);
    enum sink_answer (*gap)(void *user, void *ctx, enum dir dir, uint64_t missing,
                            const struct stamp *at);
    void (*close)(void *user, void *ctx, const struct flow *flow, const struct stamp *at);
};

#endif
