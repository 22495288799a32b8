#include "capture/decode_layers.h"

enum { /* IANA protocol numbers of IPv6 extension headers, RFC 8200 4 and RFC 4302 */
       IPV6_HOP_BY_HOP = 0,
       IPV6_ROUTING = 43,
       IPV6_FRAGMENT = 44,
       IPV6_AUTHENTICATION = 51,
       IPV6_NONE = 59,
       IPV6_DESTINATION = 60,
};

#define IPV4_HEADER 20u
#define IPV6_HEADER 40u
#define TCP_HEADER 20u
#define UDP_HEADER 8u
#define ICMP_HEADER 8u

static struct address take_v6(struct cursor *c)
{
    struct address a = {{0}};
    struct bytes octets = cursor_take(c, sizeof a.octets);
    if (octets.len == sizeof a.octets) {
        memcpy(a.octets, octets.at, sizeof a.octets);
    }
    return a;
}

/* What follows l->c is the payload of d. */
static void set_payload(struct layers *l)
{
    l->d->payload = l->c.rest;
    l->d->payload_cut = (uint32_t)l->cut;
}

/* A protocol that this program reads no further: ICMP's number in the wrong version of IP, too, so
 * that nobody takes it for an error. */
static enum decode_result opaque(struct layers *l)
{
    l->d->icmp.type = 0;
    l->d->icmp.code = 0;
    l->d->icmp.is_error = false;
    l->d->source_port = 0;
    l->d->destination_port = 0;
    l->d->transport_checksum = 0;
    set_payload(l);
    return DECODE_OK;
}

/* RFC 9293 3.1 */
static enum decode_result layer_tcp(struct layers *l)
{
    struct datagram *d = l->d;
    struct bytes all = l->c.rest;
    struct bytes head = bytes_slice(all, 0, TCP_HEADER);
    if (head.len == 0) {
        return layers_ran_out(l);
    }
    struct cursor c = cursor_of(head);
    d->source_port = cursor_be16(&c);
    d->destination_port = cursor_be16(&c);
    d->tcp.sequence = cursor_be32(&c);
    d->tcp.acknowledgement = cursor_be32(&c);
    size_t header = (size_t)(cursor_u8(&c) >> 4) * 4; /* Data Offset */
    d->tcp.flags = cursor_u8(&c);
    d->tcp.window = cursor_be16(&c);
    d->tcp.checksum = cursor_be16(&c);
    d->transport_checksum = d->tcp.checksum;
    if (header < TCP_HEADER || header > all.len + l->cut) {
        return DECODE_MALFORMED;
    }
    if (header > all.len) {
        return DECODE_TRUNCATED;
    }
    cursor_skip(&l->c, header);
    set_payload(l);
    return DECODE_OK;
}

/* RFC 768; a length of zero is a jumbogram's (RFC 2675 4) or that of a segment the network card has
 * yet to cut */
static enum decode_result layer_udp(struct layers *l)
{
    struct datagram *d = l->d;
    d->source_port = cursor_be16(&l->c);
    d->destination_port = cursor_be16(&l->c);
    uint16_t len = cursor_be16(&l->c);
    d->transport_checksum = cursor_be16(&l->c);
    if (l->c.failed) {
        return layers_ran_out(l);
    }
    if (len != 0 && len < UDP_HEADER) {
        return DECODE_MALFORMED;
    }
    if (len != 0) {
        layers_trim(l, len - UDP_HEADER);
    }
    set_payload(l);
    enum decode_result result = DECODE_OK;
    return layer_udp_tunnel(l, &result) ? result : DECODE_OK;
}

/* RFC 792, RFC 4443 2.4: as much of the packet as was sent back; about_protocol stays 0 when that
 * is too little */
static void read_quote(struct datagram *d, struct cursor c)
{
    struct bytes all = c.rest;
    uint8_t protocol = 0;
    bool first = true; /* the ports are in the first fragment */
    if (d->version == 4) {
        size_t header = (size_t)(cursor_u8(&c) & 0x0f) * 4;
        cursor_skip(&c, 5);
        first = (cursor_be16(&c) & 0x1fff) == 0;
        cursor_skip(&c, 1);
        protocol = cursor_u8(&c);
        cursor_skip(&c, 2);
        struct bytes ends = cursor_take(&c, 8);
        if (c.failed || header < IPV4_HEADER) {
            return;
        }
        d->icmp.about_source = address_v4(ends.at);
        d->icmp.about_destination = address_v4(ends.at + 4);
        c = cursor_of(bytes_from(all, header));
    } else {
        cursor_skip(&c, 6);
        protocol = cursor_u8(&c);
        cursor_skip(&c, 1);
        d->icmp.about_source = take_v6(&c);
        d->icmp.about_destination = take_v6(&c);
        if (c.failed) {
            return;
        }
    }
    if (protocol == IP_TCP || protocol == IP_UDP) {
        d->icmp.about_source_port = cursor_be16(&c);
        d->icmp.about_destination_port = cursor_be16(&c);
        if (c.failed || !first) {
            d->icmp.about_source_port = 0;
            d->icmp.about_destination_port = 0;
            return;
        }
    }
    d->icmp.about_protocol = protocol;
}

static bool is_icmp_error(uint8_t version, uint8_t type)
{
    if (version == 6) {
        return type >= 1 && type <= 4; /* RFC 4443 2.1 */
    }
    /* RFC 1122 3.2.2: unreachable, source quench, redirect, time exceeded, parameter problem */
    return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

/* RFC 792, RFC 4443 2.1 */
static enum decode_result layer_icmp(struct layers *l)
{
    struct datagram *d = l->d;
    d->source_port = 0;
    d->destination_port = 0;
    d->icmp.type = cursor_u8(&l->c);
    d->icmp.code = cursor_u8(&l->c);
    d->transport_checksum = cursor_be16(&l->c);
    cursor_skip(&l->c, 4);
    if (l->c.failed) {
        return layers_ran_out(l);
    }
    set_payload(l);
    d->icmp.is_error = is_icmp_error(d->version, d->icmp.type);
    d->icmp.about_source_port = 0;
    d->icmp.about_destination_port = 0;
    d->icmp.about_protocol = 0;
    if (d->icmp.is_error) {
        read_quote(d, l->c);
    }
    return DECODE_OK;
}

/* A packet in the packet; what is no IP after all is the outer packet's content. */
static enum decode_result layer_inner_ip(struct layers *l, layer *inner)
{
    struct datagram outer = *l->d;
    struct layers around = *l;
    if (!layers_push(l, TUNNEL_IPIP, 0)) {
        return DECODE_TOO_DEEP;
    }
    l->d->has_mac = false;
    enum decode_result result = inner(l);
    if (result != DECODE_NOT_IP) {
        return result;
    }
    *l->d = outer;
    return opaque(&around);
}

static enum decode_result layer_extensions(struct layers *l);

enum decode_result layer_transport(struct layers *l)
{
    struct datagram *d = l->d;
    switch (d->protocol) {
    case IP_TCP:
        return layer_tcp(l);
    case IP_UDP:
        return layer_udp(l);
    case IP_ICMP:
        return d->version == 4 ? layer_icmp(l) : opaque(l);
    case IP_ICMPV6:
        return d->version == 6 ? layer_icmp(l) : opaque(l);
    case IP_GRE:
        (void)opaque(l);
        return layer_gre(l);
    case IP_IPIP:
        return layer_inner_ip(l, layer_ipv4);
    case IP_IPV6:
        return layer_inner_ip(l, layer_ipv6);
    case IPV6_HOP_BY_HOP:
    case IPV6_ROUTING:
    case IPV6_FRAGMENT:
    case IPV6_AUTHENTICATION:
    case IPV6_DESTINATION:
        return d->version == 6 || d->protocol == IPV6_AUTHENTICATION ? layer_extensions(l)
                                                                     : opaque(l);
    default:
        return opaque(l);
    }
}

/* RFC 8200 4.5: next header, reserved, offset in units of eight octets with flags, identification.
 * True when this is a piece; an "atomic" fragment (RFC 6946) is whole. */
static bool take_fragment_header(struct layers *l)
{
    struct datagram *d = l->d;
    d->protocol = cursor_u8(&l->c);
    cursor_skip(&l->c, 1);
    uint16_t place = cursor_be16(&l->c);
    d->fragment.id = cursor_be32(&l->c);
    if (l->c.failed || (place & 0xfff9) == 0) {
        return false;
    }
    d->fragment.offset = place & 0xfff8u;
    d->fragment.more = (place & 1) != 0;
    d->fragment.content = l->c.rest;
    d->payload_cut = (uint32_t)l->cut;
    return true;
}

/* RFC 8200 4.2: next header, then a length in units of eight octets past the first; RFC 4302 2.2
 * counts in fours */
static enum decode_result layer_extensions(struct layers *l)
{
    struct datagram *d = l->d;
    for (;;) {
        size_t unit = 8;
        size_t base = 8;
        switch (d->protocol) {
        case IPV6_FRAGMENT:
            if (take_fragment_header(l)) {
                return DECODE_FRAGMENT;
            }
            if (l->c.failed) {
                return layers_ran_out(l);
            }
            continue;
        case IPV6_AUTHENTICATION:
            unit = 4;
            break;
        case IPV6_HOP_BY_HOP:
        case IPV6_ROUTING:
        case IPV6_DESTINATION:
            break;
        default:
            return layer_transport(l);
        }
        uint8_t next = cursor_u8(&l->c);
        size_t len = base + unit * cursor_u8(&l->c);
        cursor_skip(&l->c, len - 2);
        if (l->c.failed) {
            return layers_ran_out(l);
        }
        d->protocol = next;
    }
}

/* RFC 791 3.1 */
enum decode_result layer_ipv4(struct layers *l)
{
    struct datagram *d = l->d;
    struct bytes head = bytes_slice(l->c.rest, 0, IPV4_HEADER);
    if (head.len == 0) {
        return layers_ran_out(l);
    }
    struct cursor c = cursor_of(head);
    uint8_t first = cursor_u8(&c);
    cursor_skip(&c, 1);
    size_t total = cursor_be16(&c);
    uint16_t id = cursor_be16(&c);
    uint16_t place = cursor_be16(&c);
    uint8_t ttl = cursor_u8(&c);
    uint8_t protocol = cursor_u8(&c);
    cursor_skip(&c, 2);
    struct bytes ends = cursor_take(&c, 8);
    size_t header = (size_t)(first & 0x0f) * 4;
    if (first >> 4 != 4 || header < IPV4_HEADER || (total != 0 && total < header)) {
        return DECODE_MALFORMED;
    }
    if (total != 0) { /* 0: a segment that the network card has yet to cut */
        layers_trim(l, total);
    }
    cursor_skip(&l->c, header);
    if (l->c.failed) {
        return layers_ran_out(l);
    }
    d->version = 4;
    d->ip_id = id;
    d->ttl = ttl;
    d->protocol = protocol;
    d->source = address_v4(ends.at);
    d->destination = address_v4(ends.at + 4);
    if (UNLIKELY((place & 0x3fff) != 0)) { /* more fragments, or an offset */
        d->fragment.id = id;
        d->fragment.offset = (place & 0x1fffu) * 8;
        d->fragment.more = (place & 0x2000) != 0;
        d->fragment.content = l->c.rest;
        d->payload_cut = (uint32_t)l->cut;
        return DECODE_FRAGMENT;
    }
    return layer_transport(l);
}

/* RFC 8200 3; a payload length of zero is a jumbogram's (RFC 2675) or that of an uncut segment */
enum decode_result layer_ipv6(struct layers *l)
{
    struct datagram *d = l->d;
    struct bytes head = cursor_take(&l->c, IPV6_HEADER);
    if (head.len == 0) {
        return layers_ran_out(l);
    }
    struct cursor c = cursor_of(head);
    if (cursor_u8(&c) >> 4 != 6) {
        return DECODE_MALFORMED;
    }
    cursor_skip(&c, 3);
    size_t len = cursor_be16(&c);
    d->protocol = cursor_u8(&c);
    d->ttl = cursor_u8(&c);
    d->source = take_v6(&c);
    d->destination = take_v6(&c);
    d->version = 6;
    d->ip_id = 0;
    if (len != 0 || d->protocol == IPV6_NONE) {
        layers_trim(l, len);
    }
    return layer_transport(l);
}

enum decode_result layer_ip(struct layers *l)
{
    if (l->c.rest.len == 0) {
        return layers_ran_out(l);
    }
    switch (l->c.rest.at[0] >> 4) {
    case 4:
        return layer_ipv4(l);
    case 6:
        return layer_ipv6(l);
    default:
        return DECODE_NOT_IP;
    }
}
