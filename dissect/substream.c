/*
 * substream.c - a stream inside a stream: ordered octets to a child, in pieces of any size.
 *
 * What the engine does for a flow, for an exchange inside it: what is not whole yet waits, what
 * does not matter is passed over, and after a loss or a bad message only a piece that begins a
 * message is read.
 */
#include "dissect/conversation.h"

struct sublane {
    uint8_t *held;
    size_t len, room;
    size_t need;   /* do not ask the child again below this many */
    uint64_t skip; /* octets that do not matter */
    unsigned bad;
    bool quiet, resync;
};

struct substream {
    struct sublane lanes[2]; /* by enum dir */
};

static struct sublane *lane_of(struct dissection *child, enum dir dir)
{
    if (child->stream == NULL) {
        child->stream = arena_alloc(child->conversation->arena, sizeof *child->stream);
    }
    return child->stream == NULL ? NULL : &child->stream->lanes[dir];
}

/* The buffer grows by doubling and is used again, so that the arena holds twice the largest message
 * at most. */
static bool hold(struct dissection *child, struct sublane *lane, struct bytes more)
{
    size_t len = lane->len + more.len;
    if (len > lane->room) {
        size_t room = len < LIMIT_SUBSTREAM / 2 ? len * 2 : LIMIT_SUBSTREAM;
        uint8_t *grown = len > room ? NULL : arena_alloc(child->conversation->arena, room);
        if (grown == NULL) {
            child->conversation->engine->counts.flow_memory++;
            lane->quiet = true;
            return false;
        }
        if (lane->len > 0) {
            memcpy(grown, lane->held, lane->len);
        }
        lane->held = grown;
        lane->room = room;
    }
    if (more.len > 0) {
        memcpy(lane->held + lane->len, more.at, more.len);
    }
    lane->len = len;
    return true;
}

static void bad_message(struct dissection *child, struct sublane *lane)
{
    child->conversation->engine->counts.bad_messages++;
    lane->resync = true;
    lane->quiet = ++lane->bad >= LIMIT_BAD_MESSAGES;
}

/* Feeds once. Returns the octets of `in` that need not be kept. */
static size_t feed_once(struct dissection *child, struct sublane *lane, enum dir dir,
                        struct bytes in)
{
    struct fed fed = child->dissector->feed(child, child->state, dir, in);
    lane->need = 0;
    switch (fed.status) {
    case FED_OK:
    case FED_REST:
    case FED_SKIP:
        lane->skip = fed.status == FED_SKIP ? fed.need : 0;
        lane->need = fed.used == 0 && lane->skip == 0 ? in.len + 1 : 0;
        return fed.used;
    case FED_MORE:
        if (fed.need > LIMIT_SUBSTREAM) {
            child->conversation->engine->counts.messages_too_long++;
            lane->skip = fed.need - in.len;
            return in.len;
        }
        lane->need = fed.need > in.len ? (size_t)fed.need : in.len + 1;
        return 0;
    case FED_DONE:
        child->stream->lanes[!dir].quiet = true;
        lane->quiet = true;
        return in.len;
    case FED_QUIET:
        lane->quiet = true;
        return in.len;
    case FED_BAD:
        break;
    }
    bad_message(child, lane);
    return in.len;
}

static bool resumes(const struct dissection *child, struct sublane *lane, struct bytes in)
{
    if (!lane->resync || lane->skip > 0) {
        return true;
    }
    enum probe (*probe)(struct bytes) = child->dissector->probe;
    enum probe seen = probe == NULL ? PROBE_NO : probe(in);
    lane->resync = seen == PROBE_NO || seen == PROBE_MORE;
    return !lane->resync;
}

/* Returns the octets of `in` that need not be kept. */
static size_t run(struct dissection *child, struct sublane *lane, enum dir dir, struct bytes in)
{
    size_t passed = 0;
    while (passed < in.len && !lane->quiet) {
        struct bytes rest = bytes_from(in, passed);
        if (lane->skip > 0) {
            size_t skipped = lane->skip < rest.len ? (size_t)lane->skip : rest.len;
            lane->skip -= skipped;
            passed += skipped;
            continue;
        }
        passed += feed_once(child, lane, dir, rest);
        if (lane->need > 0) {
            break;
        }
    }
    return passed;
}

bool dissection_stream(struct dissection *child, enum dir dir, struct bytes octets)
{
    struct sublane *lane = child == NULL ? NULL : lane_of(child, dir);
    if (lane == NULL || lane->quiet) {
        return false;
    }
    if (octets.len == 0 || !resumes(child, lane, octets)) {
        return true;
    }
    if (lane->len == 0) {
        size_t passed = run(child, lane, dir, octets);
        return !lane->quiet && hold(child, lane, bytes_from(octets, passed));
    }
    if (!hold(child, lane, octets)) {
        return false;
    }
    if (lane->len >= lane->need) {
        size_t passed = run(child, lane, dir, bytes_of(lane->held, lane->len));
        lane->len -= passed;
        if (lane->len > 0 && passed > 0) {
            memmove(lane->held, lane->held + passed, lane->len);
        }
    }
    return !lane->quiet;
}

void dissection_stream_lost(struct dissection *child, enum dir dir, uint64_t missing)
{
    struct sublane *lane = child == NULL ? NULL : lane_of(child, dir);
    if (lane == NULL || lane->quiet) {
        return;
    }
    if (lane->skip >= missing) {
        lane->skip -= missing;
        return;
    }
    missing -= lane->skip;
    lane->skip = 0;
    lane->len = lane->need = 0;
    const struct dissector *d = child->dissector;
    if (d->gap != NULL && d->gap(child, child->state, dir, missing)) {
        lane->resync = true;
    } else {
        lane->quiet = true;
    }
}
