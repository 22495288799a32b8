/*
 * wire.h - the capture file: Ethernet, IPv4, TCP and UDP frames in classic pcap.
 *
 * Spec:   draft-ietf-opsawg-pcap (classic), RFC 791, 9293, 768. Checksums are right; frames shorter
 *         than 60 octets are padded, as a switch would deliver them.
 * Units:  times in ns since the Unix epoch; sequence numbers absolute.
 * Owner:  the wire owns its buffer and descriptor; payload is borrowed for the call.
 * Errors: the first write error sticks; later frames are dropped; wire_close() returns it.
 */
#ifndef ROLECALL_BENCH_WIRE_H
#define ROLECALL_BENCH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct host;
struct wire;

enum { WIRE_MSS = 1460 };
enum { TCP_FIN = 0x01, TCP_SYN = 0x02, TCP_RST = 0x04, TCP_PSH = 0x08, TCP_ACK = 0x10 };

/* One frame; the TCP fields are unused for UDP. */
struct segment {
    struct host *from, *to;
    uint16_t from_port, to_port;
    uint32_t seq, ack;
    uint8_t flags;
    const uint8_t *payload;
    size_t len; /* at most WIRE_MSS (TCP), 1472 (UDP) */
};

/* NULL with errno set when the file cannot be made; "-" is standard output. */
struct wire *wire_open(const char *path, bool nanoseconds);
/* 0, or the negative errno of the first failure. Frees the wire. */
int wire_close(struct wire *w);

void wire_tcp(struct wire *w, uint64_t ns, const struct segment *s);
void wire_udp(struct wire *w, uint64_t ns, const struct segment *s);

/* Frames, and file octets with all headers, so far. */
uint64_t wire_packets(const struct wire *w);
uint64_t wire_bytes(const struct wire *w);

#endif
