/*
 * decode.h - from a frame to the innermost IP packet and its TCP, UDP or ICMP header.
 *
 * Link layers: Ethernet, Linux cooked v1/v2, raw IP, BSD null/loop, PPP, PPPoE. Between link and
 * IP: VLAN and QinQ (IEEE 802.1Q/ad), MPLS (RFC 3032). Tunnels: GRE (RFC 2784/2890), ERSPAN II/III,
 * VXLAN (RFC 7348) and its GPE, GENEVE (RFC 8926), CAPWAP data (RFC 5415), IP in IP and 6in4
 * (RFC 2003, 4213), GTP-U. IPv4 with
 * options, IPv6 with extension headers.
 *
 * Owner:  everything borrows from the packet.
 * Errors: what cannot be read is no error: the result says how far it came, and the caller counts
 * it.
 */
#ifndef ROLECALL_CAPTURE_DECODE_H
#define ROLECALL_CAPTURE_DECODE_H

#include "capture/address.h"
#include "capture/bytes.h"
#include "capture/limits.h"
#include "capture/packet.h"

enum { /* IANA protocol numbers in use */
       IP_ICMP = 1,
       IP_TCP = 6,
       IP_UDP = 17,
       IP_ESP = 50,
       IP_ICMPV6 = 58,
};

enum {
    TCP_FIN = 0x01,
    TCP_SYN = 0x02,
    TCP_RST = 0x04,
    TCP_PSH = 0x08,
    TCP_ACK = 0x10,
    TCP_URG = 0x20
};

enum tunnel_kind { /* named in the order of the flow record's `tunnel` list */
                   TUNNEL_VLAN,
                   TUNNEL_MPLS,
                   TUNNEL_GRE,
                   TUNNEL_ERSPAN,
                   TUNNEL_VXLAN,
                   TUNNEL_GENEVE,
                   TUNNEL_IPIP,
                   TUNNEL_GTP,
                   TUNNEL_PPPOE,
                   TUNNEL_CAPWAP,
};

struct tunnel {
    uint16_t kind; /* enum tunnel_kind */
    uint32_t id;   /* VLAN id, MPLS label, VNI, session or tunnel id; 0 where there is none */
};

enum decode_result {
    DECODE_OK,        /* a transport header, or a protocol without one, was reached */
    DECODE_FRAGMENT,  /* an IP fragment: `fragment` is filled, the transport header is not */
    DECODE_NOT_IP,    /* ARP, LLDP, 802.3, ... */
    DECODE_TRUNCATED, /* the capture ends inside a header */
    DECODE_MALFORMED, /* a header contradicts itself */
    DECODE_UNKNOWN_LINK,
    DECODE_TOO_DEEP,
};

struct datagram {
    const struct packet *frame;
    struct address source, destination;     /* innermost */
    uint16_t source_port, destination_port; /* 0 for neither TCP nor UDP */
    uint8_t protocol;                       /* IANA number of the innermost transport */
    uint8_t ttl;
    uint8_t version; /* 4 or 6 */
    uint16_t ip_id;  /* IPv4 only */
    uint8_t source_mac[6], destination_mac[6];
    bool has_mac;
    bool is_late; /* given up by fragment.c: packets after it may have been seen before it */
    uint8_t tunnel_count;
    struct tunnel tunnels[LIMIT_TUNNEL_DEPTH];

    struct { /* RFC 9293 3.1, valid for IP_TCP */
        uint32_t sequence, acknowledgement;
        uint16_t window, checksum;
        uint8_t flags;
    } tcp;

    struct { /* RFC 792, RFC 4443: an error carries the start of the packet it is about */
        uint8_t type, code;
        bool is_error;
        struct address about_source, about_destination;
        uint16_t about_source_port, about_destination_port;
        uint8_t about_protocol; /* 0: the quoted packet was too short */
    } icmp;

    struct {
        uint32_t id;     /* IPv4 identification, or that of the IPv6 fragment header */
        uint32_t offset; /* octets */
        bool more;
        struct bytes content;
    } fragment;

    struct bytes payload; /* captured octets above the transport header, padding cut off */
    uint32_t payload_cut; /* further payload octets that were on the wire but not captured (snap
                             length) */
    uint16_t transport_checksum; /* as sent; with ip_id it tells copies of a packet from repeats */
};

enum decode_result decode(const struct packet *frame, struct datagram *ret);

/* Continues above the IP header with a datagram whose content was put together from fragments;
 * `cut` octets more were on the wire. */
enum decode_result decode_transport(struct datagram *d, struct bytes content, size_t cut);

/* True for the link types that decode() knows (LINKTYPE_ values). */
bool decode_knows_link(uint32_t link_type);

#endif
