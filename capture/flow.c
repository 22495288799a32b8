#include "capture/flow.h"

#include <stdio.h>
#include <string.h>

const char *flow_state_name(enum flow_state state)
{
    static const char *const names[] = {
        [FLOW_UNANSWERED] = "unanswered",
        [FLOW_ANSWERED] = "answered",
        [FLOW_ESTABLISHED] = "established",
        [FLOW_REFUSED] = "refused",
        [FLOW_RESET] = "reset",
        [FLOW_CLOSED] = "closed",
        [FLOW_MIDSTREAM] = "midstream",
    };
    return names[state];
}

const char *flow_anomaly_name(uint32_t bit)
{
    static const struct {
        uint32_t bit;
        const char *name;
    } names[] = {
        {ANOMALY_TCP_OVERLAP, "tcp.overlap"},
        {ANOMALY_TCP_BAD_SEQUENCE, "tcp.bad_sequence"},
        {ANOMALY_TCP_SYN_PAYLOAD, "tcp.syn_payload"},
        {ANOMALY_TCP_REORDER_LIMIT, "tcp.reorder_limit"},
        {ANOMALY_DATA_AFTER_FIN, "tcp.data_after_fin"},
        {ANOMALY_MAC_CHANGED, "mac.changed"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].bit == bit) {
            return names[i].name;
        }
    }
    return "unknown";
}

const char *tunnel_kind_name(enum tunnel_kind kind)
{
    static const char *const names[] = {
        [TUNNEL_VLAN] = "vlan",     [TUNNEL_MPLS] = "mpls",   [TUNNEL_GRE] = "gre",
        [TUNNEL_ERSPAN] = "erspan", [TUNNEL_VXLAN] = "vxlan", [TUNNEL_GENEVE] = "geneve",
        [TUNNEL_IPIP] = "ipip",     [TUNNEL_GTP] = "gtp",     [TUNNEL_PPPOE] = "pppoe",
        [TUNNEL_CAPWAP] = "capwap",
    };
    return names[kind];
}

/* IANA protocol numbers */
const char *flow_protocol_name(uint8_t protocol, char text[8])
{
    static const struct {
        uint8_t protocol;
        const char *name;
    } names[] = {
        {IP_ICMP, "icmp"}, {2, "igmp"},           {4, "ipip"},   {IP_TCP, "tcp"},
        {IP_UDP, "udp"},   {41, "ipv6"},          {47, "gre"},   {IP_ESP, "esp"},
        {51, "ah"},        {IP_ICMPV6, "icmpv6"}, {88, "eigrp"}, {89, "ospf"},
        {103, "pim"},      {112, "vrrp"},         {115, "l2tp"}, {132, "sctp"},
        {136, "udplite"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].protocol == protocol) {
            return names[i].name;
        }
    }
    (void)snprintf(text, 8, "%u", (unsigned)protocol);
    return text;
}

static void swap_counts(uint64_t counts[2])
{
    uint64_t client = counts[DIR_CLIENT];
    counts[DIR_CLIENT] = counts[DIR_SERVER];
    counts[DIR_SERVER] = client;
}

void flow_reverse(struct flow *flow)
{
    struct flow_end end = flow->ends[DIR_CLIENT];
    flow->client_side = !flow->client_side;
    flow->ends[DIR_CLIENT] = flow->ends[DIR_SERVER];
    flow->ends[DIR_SERVER] = end;
    swap_counts(flow->packets);
    swap_counts(flow->bytes);
    swap_counts(flow->payload);
    swap_counts(flow->missing);
    uint32_t client = flow->retransmissions[DIR_CLIENT];
    flow->retransmissions[DIR_CLIENT] = flow->retransmissions[DIR_SERVER];
    flow->retransmissions[DIR_SERVER] = client;
    /* What was taken for the opening was an answer, to something sent before the capture; what was
     * taken for an answer without its opening was the opening. A TCP flow without certain direction
     * has neither. */
    struct stamp opening = flow->opening_seen ? (struct stamp){0} : flow->answer;
    flow->answer = flow->opening_seen ? flow->opening : (struct stamp){0};
    flow->opening = opening;
    flow->opening_seen = opening.order != 0;
    flow->answer_seen = flow->answer.order != 0;
}

void flow_counts_add(struct flow_counts *sum, const struct flow_counts *c)
{
    sum->flows += c->flows;
    sum->packets += c->packets;
    sum->evicted_half_open += c->evicted_half_open;
    sum->evicted += c->evicted;
    sum->duplicates += c->duplicates;
    sum->reorder_shed += c->reorder_shed;
    sum->bad_sequence += c->bad_sequence;
    sum->memory_peak += c->memory_peak;
}
