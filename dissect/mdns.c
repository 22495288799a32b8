/*
 * mdns.c - multicast DNS: questions of many and announcements, in DNS form on a port of its own.
 *
 * Spec: RFC 6762 6, 18. Its messages have the id 0, and answers need not belong to a question.
 */
#include "dissect/dns.h"

static const struct dns_service service = {
    .kind = "mdns",
    .type_name = dns_type_name,
    .rcode_name = dns_rcode_name,
    .opcode_name = dns_opcode_name,
    .name_text = dns_name_text,
    .answer = dns_answer,
    .owners = true,
};

static struct fed mdns_feed(struct dissection *dx, void *state, enum dir dir, struct bytes in)
{
    return dns_feed_datagram(dx, state, &service, dir, in);
}

const struct dissector mdns_dissector = {
    .name = "mdns",
    .ports = (const uint16_t[]){5353, 0},
    .udp = true,
    .ports_only = true,
    .records = 1u << RECORD_DNS,
    .state_size = sizeof(struct dns_state),
    .probe = dns_datagram_looks,
    .feed = mdns_feed,
    .end = dns_end,
};
