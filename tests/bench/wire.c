#include "tests/bench/wire.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/hosts.h"
#include "tests/bench/octets.h"

enum {
    FILE_HEADER = 24,
    RECORD_HEADER = 16,
    ETHERNET_HEADER = 14,
    IP_HEADER = 20,
    TCP_HEADER = 20,
    UDP_HEADER = 8,
    MIN_FRAME = 60, /* without the frame check sequence */
    FLUSH_AT = 1 << 20,
    IPPROTO_TCP_NUMBER = 6,
    IPPROTO_UDP_NUMBER = 17,
};

struct wire {
    struct octets out;
    int fd;
    int error; /* negative errno */
    bool nanoseconds;
    uint64_t packets;
    uint64_t flushed;
};

static void flush(struct wire *w)
{
    size_t done = 0;

    while (!w->error && done < w->out.len) {
        ssize_t n = write(w->fd, w->out.at + done, w->out.len - done);
        if (n > 0)
            done += (size_t)n;
        else if (n < 0 && errno != EINTR)
            w->error = -errno;
    }
    w->flushed += w->out.len;
    w->out.len = 0;
}

struct wire *wire_open(const char *path, bool nanoseconds)
{
    struct wire *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->fd = strcmp(path, "-") == 0 ? dup(STDOUT_FILENO)
                                   : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (w->fd < 0) {
        free(w);
        return NULL;
    }
    w->nanoseconds = nanoseconds;
    octets_le32(&w->out, nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4);
    octets_le16(&w->out, 2); /* version 2.4 */
    octets_le16(&w->out, 4);
    octets_zero(&w->out, 8); /* time zone, accuracy */
    octets_le32(&w->out, 262144);
    octets_le32(&w->out, 1); /* LINKTYPE_ETHERNET */
    return w;
}

int wire_close(struct wire *w)
{
    flush(w);
    if (close(w->fd) < 0 && !w->error)
        w->error = -errno;
    int error = w->error;
    octets_done(&w->out);
    free(w);
    return error;
}

uint64_t wire_packets(const struct wire *w)
{
    return w->packets;
}

uint64_t wire_bytes(const struct wire *w)
{
    return w->flushed + w->out.len;
}

/* RFC 1071, in the machine's own order: sums of swapped octets are the swapped sum. */
static uint64_t sum_octets(const uint8_t *at, size_t n)
{
    uint64_t sum = 0;

    for (; n >= 4; n -= 4, at += 4) {
        uint32_t v;
        memcpy(&v, at, 4);
        sum += v;
    }
    uint8_t rest[4] = {0};
    memcpy(rest, at, n);
    uint32_t last;
    memcpy(&last, rest, 4);
    return sum + last;
}

static void store_checksum(uint8_t *to, uint64_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    uint16_t sent = (uint16_t)~sum;
    memcpy(to, &sent, 2);
}

static void open_record(struct wire *w, uint64_t ns, size_t frame_len)
{
    uint64_t fraction = ns % 1000000000;

    octets_le32(&w->out, (uint32_t)(ns / 1000000000));
    octets_le32(&w->out, (uint32_t)(w->nanoseconds ? fraction : fraction / 1000));
    octets_le32(&w->out, (uint32_t)frame_len);
    octets_le32(&w->out, (uint32_t)frame_len);
    w->packets++;
}

/* Ethernet and IP; returns the IP header's offset. */
static size_t open_frame(struct wire *w, const struct segment *s, uint8_t protocol, size_t ip_len)
{
    struct octets *o = &w->out;

    octets_copy(o, s->to->mac, 6);
    octets_copy(o, s->from->mac, 6);
    octets_be16(o, 0x0800);
    size_t ip = o->len;
    octets_be16(o, 0x4500);
    octets_be16(o, (uint16_t)ip_len);
    octets_be16(o, s->from->ip_id++);
    octets_be16(o, 0x4000); /* don't fragment */
    octets_u8(o, 128);
    octets_u8(o, protocol);
    octets_be16(o, 0);
    octets_be32(o, s->from->address);
    octets_be32(o, s->to->address);
    store_checksum(o->at + ip + 10, sum_octets(o->at + ip, IP_HEADER));
    return ip;
}

/* Checksum over the pseudo header and the transport part, then padding. */
static void close_frame(struct wire *w, size_t ip, size_t checksum_at)
{
    struct octets *o = &w->out;
    size_t transport = ip + IP_HEADER, len = o->len - transport;
    const uint8_t length_and_protocol[4] = {0, o->at[ip + 9], (uint8_t)(len >> 8), (uint8_t)len};

    uint64_t sum = sum_octets(length_and_protocol, 4) + sum_octets(o->at + ip + 12, 8) +
                   sum_octets(o->at + transport, len);
    store_checksum(o->at + checksum_at, sum);
    /* RFC 768: a zero that was computed is sent as all ones; zero itself means "none". */
    bool zero = o->at[checksum_at] == 0 && o->at[checksum_at + 1] == 0;
    if (zero && o->at[ip + 9] == IPPROTO_UDP_NUMBER)
        octets_set_be16(o, checksum_at, 0xffff);
    size_t frame = o->len - (ip - ETHERNET_HEADER);
    if (frame < MIN_FRAME)
        octets_zero(o, MIN_FRAME - frame);
    if (o->len >= FLUSH_AT)
        flush(w);
}

static size_t padded(size_t frame_len)
{
    return frame_len < MIN_FRAME ? MIN_FRAME : frame_len;
}

void wire_tcp(struct wire *w, uint64_t ns, const struct segment *s)
{
    static const uint8_t syn_options[] = {2, 4, WIRE_MSS >> 8, WIRE_MSS & 0xff, 1, 3, 3, 8, 1, 1,
                                          4, 2};
    /* A reset refusing a SYN carries no options. */
    size_t options = s->flags & TCP_SYN ? sizeof syn_options : 0;
    size_t ip_len = IP_HEADER + TCP_HEADER + options + s->len;
    struct octets *o = &w->out;

    assert(s->len <= WIRE_MSS);
    open_record(w, ns, padded(ETHERNET_HEADER + ip_len));
    size_t ip = open_frame(w, s, IPPROTO_TCP_NUMBER, ip_len);
    octets_be16(o, s->from_port);
    octets_be16(o, s->to_port);
    octets_be32(o, s->seq);
    octets_be32(o, s->flags & TCP_ACK ? s->ack : 0);
    octets_u8(o, (uint8_t)((TCP_HEADER + options) / 4 << 4));
    octets_u8(o, s->flags);
    octets_be16(o, s->flags & TCP_RST ? 0 : s->flags & TCP_SYN ? 64240 : 8212); /* scaled by 256 */
    size_t checksum_at = o->len;
    octets_be32(o, 0);
    octets_copy(o, syn_options, options);
    octets_copy(o, s->payload, s->len);
    close_frame(w, ip, checksum_at);
}

void wire_udp(struct wire *w, uint64_t ns, const struct segment *s)
{
    size_t ip_len = IP_HEADER + UDP_HEADER + s->len;
    struct octets *o = &w->out;

    assert(ip_len <= 1500);
    open_record(w, ns, padded(ETHERNET_HEADER + ip_len));
    size_t ip = open_frame(w, s, IPPROTO_UDP_NUMBER, ip_len);
    octets_be16(o, s->from_port);
    octets_be16(o, s->to_port);
    octets_be16(o, (uint16_t)(UDP_HEADER + s->len));
    size_t checksum_at = o->len;
    octets_be16(o, 0);
    octets_copy(o, s->payload, s->len);
    close_frame(w, ip, checksum_at);
}
