/*
 * source_reader.h - packets of one capture, whatever its format.
 *
 * Spec:   draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng.
 * Owner:  a packet's data lies in the feed's chunk, which the reader holds until its next call.
 * Errors: reader_open answers a negative errno and fills `error` with one line: -EBADMSG not a
 * capture (or empty), -ENODATA cut inside the file header, -EPROTONOSUPPORT a link type that
 * decode() does not know.
 */
#ifndef ROLECALL_CAPTURE_SOURCE_READER_H
#define ROLECALL_CAPTURE_SOURCE_READER_H

#include "capture/source.h"
#include "capture/source_feed.h"

enum reader_answer {
    READER_PACKET,
    READER_END,
    READER_CUT,    /* the capture breaks off here, or is damaged from here on */
    READER_FAILED, /* feed.error says why */
};

/* One pcapng interface of the current section; a pcap file has exactly one. */
struct reader_interface {
    uint32_t link_type;
    uint32_t snap;  /* 0: unlimited */
    uint64_t scale; /* ns per unit of its clock, or units per ns when `finer` */
    int64_t offset_ns;
    uint64_t dropped; /* as its last statistics block said */
    uint8_t precision;
    uint8_t binary; /* not 0: units of 2^-binary s, `scale` unused */
    bool finer;
};

struct reader {
    struct feed feed;
    enum reader_answer (*next)(struct reader *r, struct packet *ret);
    struct source_counts *counts; /* `dropped` is added to */
    uint32_t file;
    bool big_endian;
    bool has_head; /* `head` and `head_answer` are what the first call of `next` gave */
    enum reader_answer head_answer;
    uint32_t record_header; /* pcap: octets before each frame */
    struct reader_interface only;
    struct reader_interface *interfaces; /* pcapng */
    uint32_t interface_count, interface_room;
    uint64_t number;  /* of the last packet */
    int64_t last_ns;  /* for packets without a time stamp */
    uint64_t pending; /* octets to pass before the next block */
    struct packet head;
};

struct reader_origin {
    int fd;                            /* taken over, also on failure */
    uint32_t file;                     /* for the stamps */
    const char *path;                  /* for error lines */
    size_t step;                       /* most octets to ask read(2) for */
    const volatile sig_atomic_t *stop; /* as in struct source_options */
    struct spool *spool;               /* likewise */
};

/* Reads as far as the first packet. */
int reader_open(struct reader *r, const struct reader_origin *origin, struct chunk_pool *pool,
                struct source_counts *counts, char error[SOURCE_ERROR]) MUST_USE;
void reader_close(struct reader *r);

static inline enum reader_answer reader_next(struct reader *r, struct packet *ret)
{
    if (UNLIKELY(r->has_head)) {
        r->has_head = false;
        *ret = r->head;
        return r->head_answer;
    }
    return r->next(r, ret);
}

/* The reason why a short read is no packet. */
static inline enum reader_answer reader_stopped(const struct reader *r, bool at_record_start)
{
    if (r->feed.error != 0) {
        return READER_FAILED;
    }
    bool nothing_left = r->feed.begin == r->feed.end;
    return at_record_start && nothing_left && !r->feed.cut ? READER_END : READER_CUT;
}

static inline uint32_t reader_u32(const struct reader *r, struct cursor *c)
{
    return r->big_endian ? cursor_be32(c) : cursor_le32(c);
}

static inline uint16_t reader_u16(const struct reader *r, struct cursor *c)
{
    return r->big_endian ? cursor_be16(c) : cursor_le16(c);
}

/* The formats: each sets `next` when the window begins with its magic. 1: taken; 0: not this
 * format; -ENODATA: cut inside the header. */
int reader_try_pcap(struct reader *r) MUST_USE;
int reader_try_pcapng(struct reader *r) MUST_USE;

#endif
