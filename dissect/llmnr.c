/*
 * llmnr.c - link-local multicast name resolution: DNS in form, on a port of its own.
 *
 * Spec: RFC 4795 2.
 */
#include "dissect/dns.h"

static const struct dns_service service = {
    .kind = "llmnr",
    .type_name = dns_type_name,
    .rcode_name = dns_rcode_name,
    .opcode_name = dns_opcode_name,
    .name_text = dns_name_text,
    .answer = dns_answer,
};

static struct fed llmnr_feed(struct dissection *dx, void *state, enum dir dir, struct bytes in)
{
    if (dissection_flow(dx)->protocol == IP_TCP) {
        return dns_feed_stream(dx, state, &service, dir, in);
    }
    return dns_feed_datagram(dx, state, &service, dir, in);
}

const struct dissector llmnr_dissector = {
    .name = "llmnr",
    .ports = (const uint16_t[]){5355, 0},
    .tcp = true,
    .udp = true,
    .ports_only = true,
    .records = 1u << RECORD_DNS,
    .state_size = sizeof(struct dns_state),
    .probe = dns_looks,
    .feed = llmnr_feed,
    .gap = dns_gap,
    .end = dns_end,
};
