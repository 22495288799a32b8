/*
 * dns.c - DNS over UDP and TCP.
 *
 * Spec: RFC 1035; RFC 7766 (TCP), RFC 6891 (EDNS), RFC 2136 (update), RFC 1996 (notify).
 */
#include "dissect/dns.h"

static const struct dns_service service = {
    .kind = "dns",
    .type_name = dns_type_name,
    .rcode_name = dns_rcode_name,
    .opcode_name = dns_opcode_name,
    .name_text = dns_name_text,
    .answer = dns_answer,
};

static struct fed dns_feed(struct dissection *dx, void *state, enum dir dir, struct bytes in)
{
    if (dissection_flow(dx)->protocol == IP_TCP) {
        return dns_feed_stream(dx, state, &service, dir, in);
    }
    return dns_feed_datagram(dx, state, &service, dir, in);
}

const struct dissector dns_dissector = {
    .name = "dns",
    .ports = (const uint16_t[]){53, 0},
    .tcp = true,
    .udp = true,
    .records = 1u << RECORD_DNS,
    .state_size = sizeof(struct dns_state),
    .probe = dns_looks,
    .probe_elsewhere = dns_looks_strictly,
    .feed = dns_feed,
    .gap = dns_gap,
    .end = dns_end,
};
