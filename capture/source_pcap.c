#include <errno.h>

#include "capture/limits.h"
#include "capture/source_reader.h"

#define FILE_HEADER 24u

/* draft-ietf-opsawg-pcap 5: seconds, fraction, captured and original length, then the frame. */
static enum reader_answer pcap_next(struct reader *r, struct packet *ret)
{
    struct feed *f = &r->feed;
    if (!feed_need(f, r->record_header)) {
        return reader_stopped(r, true);
    }
    struct cursor c = cursor_of(bytes_slice(feed_window(f), 0, 16));
    uint32_t seconds = reader_u32(r, &c);
    uint32_t fraction = reader_u32(r, &c);
    uint32_t captured = reader_u32(r, &c);
    uint32_t original = reader_u32(r, &c);
    if (UNLIKELY(captured > LIMIT_FRAME_OCTETS)) {
        return READER_CUT;
    }
    if (!feed_need(f, (size_t)r->record_header + captured)) {
        return reader_stopped(r, false);
    }
    ret->at = (struct stamp){
        .packet = ++r->number,
        .ns = (int64_t)(seconds * UINT64_C(1000000000) + fraction * r->only.scale),
        .file = r->file,
        .precision = r->only.precision,
    };
    ret->data = bytes_slice(feed_window(f), r->record_header, captured);
    ret->wire_len = original < captured ? captured : original;
    ret->link_type = r->only.link_type;
    ret->block = &f->chunk->block;
    f->begin += r->record_header + captured;
    /* Where the next packet's headers are: it may lie far behind this one's. */
    __builtin_prefetch(ret->data.at + captured);
    __builtin_prefetch(ret->data.at + captured + 64);
    return READER_PACKET;
}

/* draft-ietf-opsawg-pcap 4, and the 24-octet records of Alexey Kuznetsov's libpcap patches */
int reader_try_pcap(struct reader *r)
{
    static const struct {
        uint32_t magic;
        uint32_t record_header;
        uint32_t scale;
        uint8_t precision;
    } kinds[] = {
        {0xa1b2c3d4, 16, 1000, 6},
        {0xa1b23c4d, 16, 1, 9},
        {0xa1b2cd34, 24, 1000, 6},
    };
    bool whole = feed_need(&r->feed, FILE_HEADER);
    struct cursor c = cursor_of(feed_window(&r->feed));
    struct cursor swapped = c;
    uint32_t little = cursor_le32(&c);
    uint32_t big = cursor_be32(&swapped);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (little != kinds[i].magic && big != kinds[i].magic) {
            continue;
        }
        if (!whole) {
            return -ENODATA;
        }
        r->big_endian = big == kinds[i].magic;
        r->record_header = kinds[i].record_header;
        r->only.scale = kinds[i].scale;
        r->only.precision = kinds[i].precision;
        cursor_skip(&c, 16); /* version, two reserved fields, snap length */
        r->only.link_type =
            reader_u32(r, &c) & 0xffff; /* above: length of the frame check sequence */
        r->next = pcap_next;
        r->feed.begin += FILE_HEADER;
        return 1;
    }
    return 0;
}
