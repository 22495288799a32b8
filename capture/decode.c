#include "capture/decode.h"

#include "capture/decode_layers.h"

enum { /* LINKTYPE_ values, https://www.tcpdump.org/linktypes.html */
       LINK_NULL = 0,
       LINK_ETHERNET = 1,
       LINK_PPP = 9,
       LINK_RAW_DLT = 12, /* DLT_RAW, which some writers put into files */
       LINK_PPP_HDLC = 50,
       LINK_PPP_ETHER = 51,
       LINK_RAW = 101,
       LINK_CISCO_HDLC = 104,
       LINK_WIFI = 105,
       LINK_LOOP = 108,
       LINK_COOKED = 113,
       LINK_RADIOTAP = 127,
       LINK_PPI = 192,
       LINK_PPP_WITH_DIRECTION = 204,
       LINK_IPV4 = 228,
       LINK_IPV6 = 229,
       LINK_NFLOG = 239,
       LINK_COOKED_2 = 276,
};

enum { VLAN_ID = 0x0fff };

/* IEEE 802.1Q 9.6: priority and VLAN id, then the next type */
static enum decode_result layer_vlan(struct layers *l)
{
    uint16_t tag = cursor_be16(&l->c);
    uint16_t type = cursor_be16(&l->c);
    if (l->c.failed) {
        return layers_ran_out(l);
    }
    if (!layers_push(l, TUNNEL_VLAN, tag & VLAN_ID)) {
        return DECODE_TOO_DEEP;
    }
    return layer_ethertype(l, type);
}

enum decode_result layer_ethertype(struct layers *l, uint16_t type)
{
    switch (type) {
    case ETHERTYPE_IPV4:
        return layer_ipv4(l);
    case ETHERTYPE_IPV6:
        return layer_ipv6(l);
    case ETHERTYPE_VLAN:
    case ETHERTYPE_QINQ:
    case ETHERTYPE_QINQ_OLD:
        return layer_vlan(l);
    case ETHERTYPE_MPLS:
    case ETHERTYPE_MPLS_MULTICAST:
        return layer_mpls(l);
    case ETHERTYPE_PPPOE_SESSION:
        return layer_pppoe(l);
    case ETHERTYPE_PPP:
        return layer_ppp(l);
    case ETHERTYPE_BRIDGED:
        return layer_ethernet(l);
    default:
        break;
    }
    if (type <= 1500) { /* IEEE 802.3 3.2.6: a length, and IEEE 802.2 follows */
        layers_trim(l, type);
        return layer_llc(l);
    }
    return DECODE_NOT_IP;
}

/* IEEE 802.2 3.2, and SNAP of IEEE 802 with RFC 1042: only the latter leads to IP */
enum decode_result layer_llc(struct layers *l)
{
    static const uint8_t snap[6] = {0xaa, 0xaa, 0x03, 0, 0, 0};
    if (!bytes_has_prefix(l->c.rest, snap, sizeof snap)) {
        return DECODE_NOT_IP;
    }
    cursor_skip(&l->c, sizeof snap);
    uint16_t type = cursor_be16(&l->c);
    if (l->c.failed) {
        return layers_ran_out(l);
    }
    return type <= 1500 ? DECODE_NOT_IP : layer_ethertype(l, type);
}

/* IEEE 802.3 3.1.1 */
enum decode_result layer_ethernet(struct layers *l)
{
    struct bytes destination = cursor_take(&l->c, 6);
    struct bytes source = cursor_take(&l->c, 6);
    uint16_t type = cursor_be16(&l->c);
    if (l->c.failed) {
        return layers_ran_out(l);
    }
    memcpy(l->d->destination_mac, destination.at, 6);
    memcpy(l->d->source_mac, source.at, 6);
    l->d->has_mac = true;
    return layer_ethertype(l, type);
}

/* LINKTYPE_LINUX_SLL: packet type, ARPHRD_, address length, address, protocol */
static enum decode_result link_cooked(struct layers *l)
{
    cursor_skip(&l->c, 14);
    uint16_t type = cursor_be16(&l->c);
    if (l->c.failed) {
        return layers_ran_out(l);
    }
    return type <= 1500 ? DECODE_NOT_IP : layer_ethertype(l, type);
}

/* LINKTYPE_LINUX_SLL2: protocol, reserved, interface, ARPHRD_, packet type, address */
static enum decode_result link_cooked_2(struct layers *l)
{
    uint16_t type = cursor_be16(&l->c);
    cursor_skip(&l->c, 18);
    if (l->c.failed) {
        return layers_ran_out(l);
    }
    return type <= 1500 ? DECODE_NOT_IP : layer_ethertype(l, type);
}

/* LINKTYPE_NULL, LINKTYPE_LOOP: the AF_ number of the recording system, in one byte order or the
 * other */
static enum decode_result link_null(struct layers *l)
{
    uint32_t family = cursor_le32(&l->c);
    if (l->c.failed) {
        return layers_ran_out(l);
    }
    if (family > 0xffff) {
        family = __builtin_bswap32(family);
    }
    switch (family) {
    case 2: /* AF_INET everywhere */
        return layer_ipv4(l);
    case 10: /* AF_INET6: Linux, Windows, NetBSD and OpenBSD, FreeBSD, macOS */
    case 23:
    case 24:
    case 28:
    case 30:
        return layer_ipv6(l);
    default:
        return DECODE_NOT_IP;
    }
}

/* LINKTYPE_C_HDLC: address, control, EtherType */
static enum decode_result link_cisco_hdlc(struct layers *l)
{
    cursor_skip(&l->c, 2);
    uint16_t type = cursor_be16(&l->c);
    if (l->c.failed) {
        return layers_ran_out(l);
    }
    return type <= 1500 ? DECODE_NOT_IP : layer_ethertype(l, type);
}

/* LINKTYPE_PPP_HDLC: PPP of RFC 1662, or Cisco's framing, told apart by the address octet */
static enum decode_result link_ppp_hdlc(struct layers *l)
{
    bool cisco = l->c.rest.len > 0 && (l->c.rest.at[0] == 0x0f || l->c.rest.at[0] == 0x8f);
    return cisco ? link_cisco_hdlc(l) : layer_ppp(l);
}

static enum decode_result link_ppp_with_direction(struct layers *l)
{
    cursor_skip(&l->c, 1);
    return layer_ppp(l);
}

/* LINKTYPE_NFLOG: family, version, id; then length, type and value in the recording system's order.
 * A length covers its own four octets. */
static enum decode_result link_nflog(struct layers *l)
{
    cursor_skip(&l->c, 4);
    while (l->c.rest.len > 0) {
        uint16_t len = cursor_le16(&l->c);
        uint16_t type = cursor_le16(&l->c);
        if ((type & 0xff) == 0) { /* NFULA_ types are small: the other order */
            len = __builtin_bswap16(len);
            type = __builtin_bswap16(type);
        }
        if (l->c.failed || len < 4) {
            break;
        }
        if (type == 9) { /* NFULA_PAYLOAD, from the IP header on */
            return layer_ip(l);
        }
        cursor_skip(&l->c, (len - 4u + 3u) & ~3u);
    }
    return l->c.failed ? layers_ran_out(l) : DECODE_NOT_IP;
}

/* IEEE 802.11 9.2.3: frame control, duration, three addresses, sequence control; then as flags say
 */
static enum decode_result wifi_content(struct layers *l, uint16_t control)
{
    bool data = (control & 0x000c) == 0x0008;
    bool no_content = (control & 0x0040) != 0;
    bool encrypted = (control & 0x4000) != 0;
    if (!l->c.failed && (!data || no_content || encrypted)) {
        return DECODE_NOT_IP;
    }
    cursor_skip(&l->c, 22);
    if ((control & 0x0300) == 0x0300) { /* to and from a distribution system: a fourth address */
        cursor_skip(&l->c, 6);
    }
    if ((control & 0x0080) != 0) { /* quality of service, and high throughput control */
        cursor_skip(&l->c, (control & 0x8000) != 0 ? 6 : 2);
    }
    return l->c.failed ? layers_ran_out(l) : layer_llc(l);
}

enum decode_result layer_wifi(struct layers *l)
{
    return wifi_content(l, cursor_le16(&l->c));
}

enum decode_result layer_wifi_swapped(struct layers *l)
{
    uint16_t control = cursor_le16(&l->c);
    bool version_0 = (control & 3) == 0; /* there is no other */
    return wifi_content(l, version_0 ? control : __builtin_bswap16(control));
}

/* LINKTYPE_IEEE802_11_RADIOTAP: version, padding, header length, all little-endian */
static enum decode_result link_radiotap(struct layers *l)
{
    cursor_skip(&l->c, 2);
    uint16_t len = cursor_le16(&l->c);
    if (!l->c.failed && len < 4) {
        return DECODE_MALFORMED;
    }
    cursor_skip(&l->c, len - 4u);
    return l->c.failed ? layers_ran_out(l) : layer_wifi(l);
}

static layer *layer_of_link(uint32_t link_type);

/* LINKTYPE_PPI: version, flags, header length, the link type inside */
static enum decode_result link_ppi(struct layers *l)
{
    cursor_skip(&l->c, 2);
    uint16_t len = cursor_le16(&l->c);
    uint32_t inside = cursor_le32(&l->c);
    if (!l->c.failed && len < 8) {
        return DECODE_MALFORMED;
    }
    cursor_skip(&l->c, len - 8u);
    if (l->c.failed) {
        return layers_ran_out(l);
    }
    layer *next = inside == LINK_PPI ? NULL : layer_of_link(inside);
    return next == NULL ? DECODE_NOT_IP : next(l);
}

static layer *layer_of_link(uint32_t link_type)
{
    static const struct {
        uint32_t link_type;
        layer *read;
    } links[] = {
        {LINK_NULL, link_null},
        {LINK_PPP, layer_ppp},
        {LINK_RAW_DLT, layer_ip},
        {LINK_PPP_HDLC, link_ppp_hdlc},
        {LINK_PPP_ETHER, layer_pppoe},
        {LINK_RAW, layer_ip},
        {LINK_CISCO_HDLC, link_cisco_hdlc},
        {LINK_WIFI, layer_wifi},
        {LINK_LOOP, link_null},
        {LINK_COOKED, link_cooked},
        {LINK_RADIOTAP, link_radiotap},
        {LINK_PPI, link_ppi},
        {LINK_PPP_WITH_DIRECTION, link_ppp_with_direction},
        {LINK_IPV4, layer_ip},
        {LINK_IPV6, layer_ip},
        {LINK_NFLOG, link_nflog},
        {LINK_COOKED_2, link_cooked_2},
    };
    if (LIKELY(link_type == LINK_ETHERNET)) {
        return layer_ethernet;
    }
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        if (links[i].link_type == link_type) {
            return links[i].read;
        }
    }
    return NULL;
}

bool decode_knows_link(uint32_t link_type)
{
    return layer_of_link(link_type) != NULL;
}

enum decode_result decode(const struct packet *frame, struct datagram *ret)
{
    ret->frame = frame;
    ret->has_mac = false;
    ret->is_late = false;
    ret->tunnel_count = 0;
    ret->protocol = 0;
    ret->version = 0;
    struct layers l = {.c = cursor_of(frame->data), .d = ret};
    if (frame->wire_len > frame->data.len) {
        l.cut = frame->wire_len - frame->data.len;
    }
    layer *read = layer_of_link(frame->link_type);
    return LIKELY(read != NULL) ? read(&l) : DECODE_UNKNOWN_LINK;
}

enum decode_result decode_transport(struct datagram *d, struct bytes content, size_t cut)
{
    struct layers l = {.c = cursor_of(content), .cut = cut, .d = d};
    return layer_transport(&l);
}
