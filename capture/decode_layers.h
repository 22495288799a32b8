/*
 * decode_layers.h - the layers of decode(), which call one another from the outside in.
 *
 * Every layer takes its header off `c` and calls the next. `cut` is how many octets of the packet
 * follow the captured ones on the wire; a layer with a length of its own trims both. Recursion
 * ends: each layer that can contain itself adds a tunnel, and LIMIT_TUNNEL_DEPTH bounds those.
 */
#ifndef ROLECALL_CAPTURE_DECODE_LAYERS_H
#define ROLECALL_CAPTURE_DECODE_LAYERS_H

#include "capture/attributes.h"
#include "capture/decode.h"

enum { /* IEEE 802 numbers */
       ETHERTYPE_IPV4 = 0x0800,
       ETHERTYPE_BRIDGED = 0x6558, /* a whole Ethernet frame, RFC 1701 */
       ETHERTYPE_VLAN = 0x8100,
       ETHERTYPE_IPV6 = 0x86dd,
       ETHERTYPE_ARUBA = 0x8200, /* in GRE: an IEEE 802.11 frame of an Aruba access point */
       ETHERTYPE_MPLS = 0x8847,
       ETHERTYPE_MPLS_MULTICAST = 0x8848,
       ETHERTYPE_PPPOE_SESSION = 0x8864,
       ETHERTYPE_PPP = 0x880b,
       ETHERTYPE_QINQ = 0x88a8,
       ETHERTYPE_ERSPAN_II = 0x88be,
       ETHERTYPE_QINQ_OLD = 0x9100,
       ETHERTYPE_ERSPAN_III = 0x22eb,
};

enum { IP_IPIP = 4, IP_IPV6 = 41, IP_GRE = 47 }; /* IANA protocol numbers of tunnels */

struct layers {
    struct cursor c;
    size_t cut;
    struct datagram *d;
};

typedef enum decode_result layer(struct layers *l);

layer layer_ethernet;
layer layer_llc;          /* IEEE 802.2 */
layer layer_wifi;         /* IEEE 802.11 */
layer layer_wifi_swapped; /* likewise, where the octets of the first field may be swapped */
layer layer_ppp;
layer layer_pppoe;
layer layer_mpls;
layer layer_ip; /* either version, by its first octet */
layer layer_ipv4;
layer layer_ipv6;
layer layer_gre;
/* Above the IP header, by d->protocol: TCP, UDP, ICMP, tunnels, IPv6 extension headers. */
layer layer_transport;
enum decode_result layer_ethertype(struct layers *l, uint16_t type);
/* A tunnel that is carried in UDP, or false: the payload of d is then what it seems. */
bool layer_udp_tunnel(struct layers *l, enum decode_result *ret);

/* False when there are too many. */
static inline bool layers_push(struct layers *l, enum tunnel_kind kind, uint32_t id)
{
    if (l->d->tunnel_count == LIMIT_TUNNEL_DEPTH) {
        return false;
    }
    l->d->tunnels[l->d->tunnel_count++] = (struct tunnel){.kind = (uint16_t)kind, .id = id};
    return true;
}

/* Why there are not enough octets for a header. */
static inline enum decode_result layers_ran_out(const struct layers *l)
{
    return l->cut > 0 ? DECODE_TRUNCATED : DECODE_MALFORMED;
}

/* Cuts off padding: `len` octets follow on the wire, no more; they are there or in `cut`. */
static inline void layers_trim(struct layers *l, size_t len)
{
    size_t captured = l->c.rest.len;
    if (len <= captured) {
        l->c.rest.len = len;
        l->cut = 0;
    } else if (len - captured < l->cut) {
        l->cut = len - captured;
    }
}

#endif
