/*
 * pcapng.h - writing pcapng: a section, an interface for each link type and input, packets with
 * comments.
 *
 * Spec: draft-ietf-opsawg-pcapng; little-endian, times in ns.
 */
#ifndef ROLECALL_REPORTS_PCAPNG_H
#define ROLECALL_REPORTS_PCAPNG_H

#include "capture/bytes.h"
#include "reports/output.h"

void pcapng_section(struct output *out, const char *comment);
void pcapng_interface(struct output *out, uint32_t link_type, const char *name);

struct pcapng_packet {
    uint32_t interface; /* by order of pcapng_interface, from 0 */
    int64_t ns;
    struct bytes data;
    uint32_t wire_len;
    const char *comment;
};
void pcapng_packet(struct output *out, const struct pcapng_packet *p);

#endif
