#include "capture/decode_layers.h"

enum { /* IANA PPP protocol numbers */
       PPP_IPV4 = 0x0021,
       PPP_IPV6 = 0x0057,
       PPP_MPLS = 0x0281,
       PPP_MPLS_MULTICAST = 0x0283,
};

enum { /* IANA port numbers, and that of Linux before VXLAN had one */
       PORT_GTP_USER = 2152,
       PORT_GRE = 4754, /* RFC 8086 */
       PORT_VXLAN = 4789,
       PORT_VXLAN_GPE = 4790,
       PORT_CAPWAP_DATA = 5247,
       PORT_GENEVE = 6081,
       PORT_VXLAN_LINUX = 8472,
};

/* RFC 1661 2, RFC 1662 3.1: address and control may be left out, and a zero first octet of the
 * protocol too */
enum decode_result layer_ppp(struct layers *l)
{
    static const uint8_t address_control[2] = {0xff, 0x03};
    if (bytes_has_prefix(l->c.rest, address_control, sizeof address_control)) {
        cursor_skip(&l->c, sizeof address_control);
    }
    uint16_t protocol = cursor_u8(&l->c);
    if ((protocol & 1) == 0) {
        protocol = (uint16_t)(protocol << 8 | cursor_u8(&l->c));
    }
    if (l->c.failed) {
        return layers_ran_out(l);
    }
    switch (protocol) {
    case PPP_IPV4:
        return layer_ipv4(l);
    case PPP_IPV6:
        return layer_ipv6(l);
    case PPP_MPLS:
    case PPP_MPLS_MULTICAST:
        return layer_mpls(l);
    default:
        return DECODE_NOT_IP;
    }
}

/* RFC 2516 4: version and type, code, session, length */
enum decode_result layer_pppoe(struct layers *l)
{
    uint8_t version = cursor_u8(&l->c);
    uint8_t code = cursor_u8(&l->c);
    uint16_t session = cursor_be16(&l->c);
    uint16_t len = cursor_be16(&l->c);
    if (l->c.failed) {
        return layers_ran_out(l);
    }
    if (version != 0x11 || code != 0) {
        return DECODE_NOT_IP;
    }
    if (!layers_push(l, TUNNEL_PPPOE, session)) {
        return DECODE_TOO_DEEP;
    }
    layers_trim(l, len);
    return layer_ppp(l);
}

/* An IPv4 header rather than a MAC address that begins with the digit 4: its lengths fit. */
static bool seems_ipv4(const struct layers *l)
{
    struct cursor c = l->c;
    uint8_t first = cursor_u8(&c);
    cursor_skip(&c, 1);
    size_t total = cursor_be16(&c);
    size_t header = (size_t)(first & 0x0f) * 4;
    return first >> 4 == 4 && header >= 20 && (total == 0 || total >= header) &&
           total <= l->c.rest.len + l->cut;
}

/* Likewise for IPv6, whose payload length must fit. */
static bool seems_ipv6(const struct layers *l)
{
    struct cursor c = l->c;
    uint8_t first = cursor_u8(&c);
    cursor_skip(&c, 3);
    size_t len = cursor_be16(&c);
    return first >> 4 == 6 && len + 40 <= l->c.rest.len + l->cut;
}

/* An Ethernet header `off` octets ahead would lead to IP: what tells a pseudo-wire's control word
 * from its lack. */
static bool seems_ethernet(const struct layers *l, size_t off)
{
    struct cursor c = l->c;
    cursor_skip(&c, off + 12);
    uint16_t type = cursor_be16(&c);
    return type == ETHERTYPE_IPV4 || type == ETHERTYPE_IPV6 || type == ETHERTYPE_VLAN ||
           type == ETHERTYPE_QINQ || type == ETHERTYPE_MPLS || type == ETHERTYPE_PPPOE_SESSION;
}

/* RFC 3032 2.1: a stack of labels that does not say what it carries. The first octet tells IP; else
 * it is a pseudo-wire's Ethernet frame, with a control word (RFC 4385 3) that begins with four zero
 * bits, or without. */
enum decode_result layer_mpls(struct layers *l)
{
    uint32_t entry;
    do {
        entry = cursor_be32(&l->c);
        if (l->c.failed) {
            return layers_ran_out(l);
        }
    } while ((entry & 0x100) == 0); /* bottom of stack */
    if (!layers_push(l, TUNNEL_MPLS, entry >> 12)) {
        return DECODE_TOO_DEEP;
    }
    if (seems_ipv4(l)) {
        return layer_ipv4(l);
    }
    if (seems_ipv6(l)) {
        return layer_ipv6(l);
    }
    static const uint8_t usual[2] = {
        0, 0}; /* no flags, no length; no vendor's addresses but Xerox's begin so */
    bool zero = l->c.rest.len > 0 && l->c.rest.at[0] >> 4 == 0;
    bool word = seems_ethernet(l, 4) && bytes_has_prefix(l->c.rest, usual, sizeof usual);
    if (zero && (word || !seems_ethernet(l, 0))) {
        cursor_skip(&l->c, 4);
    }
    return layer_ethernet(l);
}

/* GRE type 0x88be. Type II and the older type I, which has neither a header nor a GRE sequence
 * number: draft-foschiano-erspan 4.1, 4.2. Version, VLAN, class, session; index. */
static enum decode_result layer_erspan_ii(struct layers *l)
{
    uint32_t word = cursor_be32(&l->c);
    cursor_skip(&l->c, 4);
    if (l->c.failed) {
        return layers_ran_out(l);
    }
    if (word >> 28 != 1) {
        return DECODE_NOT_IP;
    }
    return layers_push(l, TUNNEL_ERSPAN, word & 0x3ff) ? layer_ethernet(l) : DECODE_TOO_DEEP;
}

static enum decode_result layer_erspan_i(struct layers *l)
{
    return layers_push(l, TUNNEL_ERSPAN, 0) ? layer_ethernet(l) : DECODE_TOO_DEEP;
}

/* draft-foschiano-erspan 4.3: as type II; time stamp; group tag, P, frame type, hardware, D,
 * granularity, O */
static enum decode_result layer_erspan_iii(struct layers *l)
{
    uint32_t word = cursor_be32(&l->c);
    cursor_skip(&l->c, 6);
    uint16_t kind = cursor_be16(&l->c);
    if ((kind & 1) != 0) { /* O: a platform's own eight octets */
        cursor_skip(&l->c, 8);
    }
    if (l->c.failed) {
        return layers_ran_out(l);
    }
    if (word >> 28 != 2) {
        return DECODE_NOT_IP;
    }
    if (!layers_push(l, TUNNEL_ERSPAN, word & 0x3ff)) {
        return DECODE_TOO_DEEP;
    }
    return (kind >> 10 & 0x1f) == 2 ? layer_ip(l) : layer_ethernet(l);
}

enum {
    GRE_CHECKSUM = 0x8000,
    GRE_ROUTING = 0x4000,
    GRE_KEY = 0x2000,
    GRE_SEQUENCE = 0x1000,
    GRE_ACKNOWLEDGE = 0x0080
};

/* RFC 2784 2, RFC 2890 2; version 1: RFC 2637 4.1, whose key is a length and a call number */
static enum decode_result gre_content(struct layers *l)
{
    uint16_t flags = cursor_be16(&l->c);
    uint16_t type = cursor_be16(&l->c);
    unsigned version = flags & 7;
    if ((flags & (GRE_CHECKSUM | GRE_ROUTING)) != 0) {
        cursor_skip(&l->c, 4);
    }
    uint32_t key = (flags & GRE_KEY) != 0 ? cursor_be32(&l->c) : 0;
    cursor_skip(&l->c, (flags & GRE_SEQUENCE) != 0 ? 4 : 0);
    cursor_skip(&l->c, version == 1 && (flags & GRE_ACKNOWLEDGE) != 0 ? 4 : 0);
    if (l->c.failed) {
        return layers_ran_out(l);
    }
    bool pptp = version == 1 && type == ETHERTYPE_PPP;
    bool bare = l->c.rest.len == 0 && l->cut == 0; /* a keep-alive, or an acknowledgement only */
    if ((flags & GRE_ROUTING) != 0 || (version != 0 && !pptp) || bare) {
        return DECODE_NOT_IP;
    }
    if (!layers_push(l, TUNNEL_GRE, pptp ? key & 0xffff : key)) {
        return DECODE_TOO_DEEP;
    }
    l->d->has_mac = false;
    switch (type) {
    case ETHERTYPE_ERSPAN_II:
        return (flags & GRE_SEQUENCE) != 0 ? layer_erspan_ii(l) : layer_erspan_i(l);
    case ETHERTYPE_ERSPAN_III:
        return layer_erspan_iii(l);
    case ETHERTYPE_ARUBA:
        return layer_wifi(l);
    default:
        return type <= 1500 ? DECODE_NOT_IP : layer_ethertype(l, type);
    }
}

/* What is not IP inside is the outer packet's content, which the caller has noted in d. */
enum decode_result layer_gre(struct layers *l)
{
    struct datagram outer = *l->d;
    enum decode_result result = gre_content(l);
    if (result != DECODE_NOT_IP) {
        return result;
    }
    *l->d = outer;
    return DECODE_OK;
}

/* RFC 7348 5: flags, of which I must be set and the others are ignored; VNI */
static enum decode_result vxlan_content(struct layers *l)
{
    uint32_t flags = cursor_be32(&l->c);
    uint32_t id = cursor_be32(&l->c);
    if (l->c.failed || (flags & 0x08000000) == 0) {
        return DECODE_NOT_IP;
    }
    return layers_push(l, TUNNEL_VXLAN, id >> 8) ? layer_ethernet(l) : DECODE_TOO_DEEP;
}

/* draft-ietf-nvo3-vxlan-gpe 3.1, 3.2: flags, of which two name a version, the protocol inside, VNI.
 * Whether P, which announces that protocol, is set or not: older senders leave it out. */
static enum decode_result gpe_content(struct layers *l)
{
    static layer *const inside[] = {
        [0] = layer_ethernet, [1] = layer_ipv4, [2] = layer_ipv6, [3] = layer_ethernet};
    uint32_t flags = cursor_be32(&l->c);
    uint32_t id = cursor_be32(&l->c);
    uint32_t next = flags & 0xff;
    bool whole = !l->c.failed && (flags & 0x08000000) != 0 && (flags & 0x30000000) == 0;
    if (!whole || next >= sizeof inside / sizeof inside[0]) {
        return DECODE_NOT_IP;
    }
    return layers_push(l, TUNNEL_VXLAN, id >> 8) ? inside[next](l) : DECODE_TOO_DEEP;
}

/* RFC 5415 4.2, 4.3: version and type; header length in fours, radio, binding, flags; the rest of
 * the header. What is in DTLS, in pieces, or keeps the tunnel alive is not looked into. */
static enum decode_result capwap_content(struct layers *l)
{
    enum { IEEE_802_11 = 1, FRAGMENT = 0x80, KEEP_ALIVE = 0x08, HEADER = 8 };
    uint32_t word = cursor_be32(&l->c);
    size_t header = (size_t)(word >> 19 & 0x1f) * 4;
    bool native = (word & 0x100) != 0;
    bool other_radio = native && (word >> 9 & 0x1f) != IEEE_802_11;
    if (l->c.failed || word >> 24 != 0 || (word & (FRAGMENT | KEEP_ALIVE)) != 0 ||
        header < HEADER || other_radio) {
        return DECODE_NOT_IP;
    }
    cursor_skip(&l->c, header - 4);
    if (l->c.failed) {
        return layers_ran_out(l);
    }
    if (!layers_push(l, TUNNEL_CAPWAP, 0)) {
        return DECODE_TOO_DEEP;
    }
    return native ? layer_wifi_swapped(l) : layer_ethernet(l);
}

/* RFC 8926 3.4: version, option length in fours, flags, type, VNI, options */
static enum decode_result geneve_content(struct layers *l)
{
    uint16_t head = cursor_be16(&l->c);
    uint16_t type = cursor_be16(&l->c);
    uint32_t id = cursor_be32(&l->c);
    cursor_skip(&l->c, (size_t)(head >> 8 & 0x3f) * 4);
    bool known = type == ETHERTYPE_BRIDGED || type == ETHERTYPE_IPV4 || type == ETHERTYPE_IPV6;
    if (l->c.failed || head >> 14 != 0 || (id & 0xff) != 0 || !known) {
        return DECODE_NOT_IP;
    }
    return layers_push(l, TUNNEL_GENEVE, id >> 8) ? layer_ethertype(l, type) : DECODE_TOO_DEEP;
}

/* 3GPP TS 29.281 5.1, 5.2: flags, message type, length, tunnel id; sequence and extension headers
 * where flagged */
static enum decode_result gtp_content(struct layers *l)
{
    enum { USER_DATA = 0xff, OPTIONAL = 0x07, EXTENSION = 0x04 };
    uint8_t flags = cursor_u8(&l->c);
    uint8_t type = cursor_u8(&l->c);
    uint16_t len = cursor_be16(&l->c);
    uint32_t id = cursor_be32(&l->c);
    if (l->c.failed || (flags & 0xf0) != 0x30 || type != USER_DATA) {
        return DECODE_NOT_IP;
    }
    layers_trim(l, len);
    uint8_t next = 0;
    if ((flags & OPTIONAL) != 0) {
        cursor_skip(&l->c, 3);
        next = cursor_u8(&l->c);
    }
    while ((flags & EXTENSION) != 0 && next != 0) {
        size_t extension = (size_t)cursor_u8(&l->c) * 4;
        if (l->c.failed || extension == 0) {
            return DECODE_NOT_IP;
        }
        cursor_skip(&l->c, extension - 2);
        next = cursor_u8(&l->c);
    }
    if (l->c.failed) {
        return layers_ran_out(l);
    }
    return layers_push(l, TUNNEL_GTP, id) ? layer_ip(l) : DECODE_TOO_DEEP;
}

static layer *udp_tunnel_of(uint16_t port)
{
    switch (port) {
    case PORT_VXLAN:
    case PORT_VXLAN_LINUX:
        return vxlan_content;
    case PORT_VXLAN_GPE:
        return gpe_content;
    case PORT_CAPWAP_DATA:
        return capwap_content;
    case PORT_GENEVE:
        return geneve_content;
    case PORT_GTP_USER:
        return gtp_content;
    case PORT_GRE:
        return gre_content;
    default:
        return NULL;
    }
}

bool layer_udp_tunnel(struct layers *l, enum decode_result *ret)
{
    layer *content = udp_tunnel_of(l->d->destination_port);
    content = content == NULL ? udp_tunnel_of(l->d->source_port) : content;
    if (LIKELY(content == NULL)) {
        return false;
    }
    /* A port number proves nothing: what does not fit was not this tunnel. */
    struct datagram outer = *l->d;
    l->d->has_mac = false;
    enum decode_result result = content(l);
    if (result == DECODE_NOT_IP || result == DECODE_MALFORMED) {
        *l->d = outer;
        return false;
    }
    *ret = result;
    return true;
}
