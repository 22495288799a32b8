/*
 * signatures_network.c - services of a network that are recognised, not read: time, logging, IPv6
 * addresses, IPsec, waking, and the two channels of Configuration Manager that only a port names.
 */
#include "dissect/signature.h"

/* ---- NetBIOS datagrams ---- */

/* RFC 1002 4.4.1 to 4.4.3: a datagram (0x10 to 0x12), an error (0x13), or a query (0x14 to 0x16);
 * no reserved flag; the sender's port. */
static enum probe nbdgm_probe(struct bytes head)
{
    struct cursor c = cursor_of(head);
    uint8_t type = cursor_u8(&c), flags = cursor_u8(&c);
    cursor_skip(&c, 2 + 4);
    uint16_t port = cursor_be16(&c);
    bool good = !c.failed && type >= 0x10 && type <= 0x16 && (flags & 0xf0) == 0 && port != 0;
    return good ? PROBE_EITHER : PROBE_NO;
}

const struct dissector nbdgm_dissector = {
    .name = "nbdgm", .ports = PORTS(138), .udp = true, .ports_only = true, .probe = nbdgm_probe};

/* ---- NTP ---- */

enum { NTP_SIZE = 48, NTP_CLIENT = 3, NTP_SERVER = 4, NTP_CONTROL = 6 };

/* RFC 5905 7.3: version 1 to 4, mode 1 to 7, at least 48 octets (12 for control messages). */
static enum probe ntp_probe(struct bytes head)
{
    if (head.len < 12) {
        return PROBE_NO;
    }
    unsigned version = head.at[0] >> 3 & 7, mode = head.at[0] & 7;
    if (version < 1 || version > 4 || mode == 0 || (mode < NTP_CONTROL && head.len < NTP_SIZE)) {
        return PROBE_NO;
    }
    return mode == NTP_SERVER ? PROBE_SERVER : mode == NTP_CLIENT ? PROBE_CLIENT : PROBE_EITHER;
}

/* RFC 5905 7.3: a message alone, or with a key and digest of MD5 or SHA-1; [MS-SNTP] 2.2. */
static bool ntp_size(size_t len)
{
    return len == NTP_SIZE || len == NTP_SIZE + 20 || len == NTP_SIZE + 24 || len == NTP_SIZE + 72;
}

/* RFC 5905 6: seconds since 1900, of 1995 or later, or nothing. */
static bool ntp_time_fits(uint32_t seconds)
{
    return seconds == 0 || seconds >= UINT32_C(0xb2a00000);
}

/* On other ports: a clock that is one, and times that fit each other. A request of one that tells
 * nothing of itself (RFC 8915 appendix, chrony, ntpd) is zeros before a random time. */
static enum probe ntp_probe_elsewhere(struct bytes head)
{
    static const uint8_t nothing[36];
    struct cursor c = cursor_of(head);
    uint8_t first = cursor_u8(&c), stratum = cursor_u8(&c), poll = cursor_u8(&c);
    uint8_t precision = cursor_u8(&c), version = first >> 3 & 7, mode = first & 7;
    struct bytes tells = bytes_slice(head, 4, sizeof nothing);
    cursor_skip(&c, 12);
    uint64_t reference = cursor_be64(&c), origin = cursor_be64(&c), receive = cursor_be64(&c);
    uint64_t transmit = cursor_be64(&c);
    bool clock = precision == 0 || precision >= 0xe0; /* a power of two below one second */
    if (c.failed || !ntp_size(head.len) || version < 3 || version > 4 || stratum > 16 ||
        poll > 17) {
        return PROBE_NO;
    }
    bool reference_fits = ntp_time_fits((uint32_t)(reference >> 32));
    if (mode == NTP_CLIENT) {
        bool silent = bytes_is(tells, nothing, sizeof nothing) && transmit != 0;
        bool told = clock && reference != 0 && reference_fits && origin >> 32 == 0 &&
                    receive == 0 && transmit >> 32 != 0 &&
                    ntp_time_fits((uint32_t)(transmit >> 32));
        return silent || told ? PROBE_CLIENT : PROBE_NO;
    }
    bool prompt = receive >> 32 != 0 && ntp_time_fits((uint32_t)(receive >> 32)) &&
                  transmit >= receive && (transmit - receive) >> 32 < 2;
    return mode == NTP_SERVER && clock && stratum > 0 && reference_fits && prompt ? PROBE_SERVER
                                                                                  : PROBE_NO;
}

const struct dissector ntp_dissector = {.name = "ntp",
                                        .ports = PORTS(123),
                                        .udp = true,
                                        .probe = ntp_probe,
                                        .probe_elsewhere = ntp_probe_elsewhere};

/* ---- syslog ---- */

/* RFC 5424 6.2.1: "<" and a number up to 191, without leading zeros, and ">". */
static bool syslog_priority(struct cursor *c)
{
    unsigned value = 0, digits = 0;
    if (cursor_u8(c) != '<') {
        return false;
    }
    while (c->rest.len > 0 && c->rest.at[0] >= '0' && c->rest.at[0] <= '9' && digits < 4) {
        value = value * 10 + (unsigned)(cursor_u8(c) - '0');
        digits++;
    }
    return digits > 0 && digits <= 3 && value <= 191 && cursor_u8(c) == '>' && c->rest.len > 0;
}

/* On its port whatever follows the priority: devices write what they like there. */
static enum probe syslog_probe(struct bytes head)
{
    struct cursor c = cursor_of(head);
    return syslog_priority(&c) ? PROBE_CLIENT : PROBE_NO;
}

/* On other ports a time as well: RFC 5424 6.2.3 after the version, or RFC 3164 4.1.2. RFC
 * 6587 3.4.1: over TCP a length may come first. */
static enum probe syslog_probe_elsewhere(struct bytes head)
{
    static const char *const months[] = {"Jan ", "Feb ", "Mar ", "Apr ", "May ", "Jun ", "Jul ",
                                         "Aug ", "Sep ", "Oct ", "Nov ", "Dec ", NULL};
    struct cursor c = cursor_of(head);
    for (unsigned digits = 0; c.rest.len > 0 && c.rest.at[0] != '<'; digits++) {
        uint8_t octet = cursor_u8(&c);
        if (digits > 5 || (octet != ' ' && (octet < '0' || octet > '9'))) {
            return PROBE_NO;
        }
    }
    if (!syslog_priority(&c)) {
        return PROBE_NO;
    }
    bool version = bytes_has_prefix(c.rest, "1 ", 2) && c.rest.len > 12 &&
                   (c.rest.at[2] == '-' || c.rest.at[6] == '-');
    return version || (c.rest.len > 15 && signature_word(c.rest, months)) ? PROBE_CLIENT : PROBE_NO;
}

const struct dissector syslog_dissector = {.name = "syslog",
                                           .ports = PORTS(514),
                                           .udp = true,
                                           .tcp = true,
                                           .probe = syslog_probe,
                                           .probe_elsewhere = syslog_probe_elsewhere};

/* ---- DHCPv6 ---- */

/* RFC 8415 7.3, 8, 9, 21, RFC 5007 4.1: a message type, and options that end where the message
 * does. */
static enum probe dhcpv6_probe(struct bytes head)
{
    enum { RELAY_FORWARD = 12, RELAY_REPLY = 13, TYPES = 36 };
    static const char servers[] = {2, 7, 10, RELAY_REPLY, 15, 16, 17, 0};
    struct cursor c = cursor_of(head);
    uint8_t type = cursor_u8(&c);
    cursor_skip(&c, type == RELAY_FORWARD || type == RELAY_REPLY ? 33 : 3);
    if (c.failed || type == 0 || type > TYPES || c.rest.len < 4) {
        return PROBE_NO;
    }
    while (c.rest.len > 0) {
        uint16_t option = cursor_be16(&c);
        cursor_skip(&c, cursor_be16(&c));
        if (option == 0 || option > 150) {
            return PROBE_NO;
        }
    }
    return c.failed ? PROBE_NO : strchr(servers, type) != NULL ? PROBE_SERVER : PROBE_CLIENT;
}

const struct dissector dhcpv6_dissector = {.name = "dhcp",
                                           .ports = PORTS(547, 546),
                                           .udp = true,
                                           .ports_only = true,
                                           .probe = dhcpv6_probe};

/* ---- IPsec ---- */

/* RFC 7296 3.1, RFC 2408 3.1: the initiator's SPI, version 1.0 or 2.x, an exchange, and a length
 * that is the datagram's. */
static enum probe ike_message(struct bytes message)
{
    struct cursor c = cursor_of(message);
    uint64_t initiator = cursor_be64(&c), responder = cursor_be64(&c);
    uint8_t next = cursor_u8(&c), version = cursor_u8(&c), exchange = cursor_u8(&c);
    uint8_t flags = cursor_u8(&c);
    cursor_skip(&c, 4);
    uint32_t len = cursor_be32(&c);
    bool first = version == 0x10 &&
                 ((exchange >= 1 && exchange <= 6) || exchange == 32 || exchange == 33) &&
                 next < 24 && (flags & 0xf8) == 0;
    bool second = version >> 4 == 2 && exchange >= 34 && exchange <= 44 &&
                  (next == 0 || (next >= 33 && next <= 54)) && (flags & 0xc7) == 0;
    if (c.failed || initiator == 0 || len != message.len || (!first && !second)) {
        return PROBE_NO;
    }
    return responder == 0 ? PROBE_CLIENT : PROBE_EITHER;
}

/* RFC 3948 2.2: on port 4500 four zeros come before it. */
static enum probe ike_probe(struct bytes head)
{
    static const uint8_t non_esp[4];
    return ike_message(
        bytes_has_prefix(head, non_esp, sizeof non_esp) ? bytes_from(head, sizeof non_esp) : head);
}

const struct dissector ike_dissector = {
    .name = "ike", .ports = PORTS(500, 4500), .udp = true, .probe = ike_probe};

/* RFC 3948 2.1, 2.3, RFC 4303 2: an SPI past the reserved ones, a sequence number from 1 and whole
 * words; or a keep-alive of one octet. */
static enum probe ipsec_probe(struct bytes head)
{
    struct cursor c = cursor_of(head);
    uint32_t spi = cursor_be32(&c), sequence = cursor_be32(&c);
    bool alive = head.len == 1 && head.at[0] == 0xff;
    bool packet = !c.failed && spi > 255 && sequence > 0 && c.rest.len >= 16 && head.len % 4 == 0;
    return alive || packet ? PROBE_EITHER : PROBE_NO;
}

const struct dissector ipsec_dissector = {
    .name = "ipsec", .ports = PORTS(4500), .udp = true, .ports_only = true, .probe = ipsec_probe};

/* ---- Remote Desktop over UDP ---- */

/* [MS-RDPEUDP] 2.2.2.1, 2.2.2.2, 3.1.5.1.1: a SYN acknowledges nothing, and is padded to 1232. */
static enum probe rdpudp_probe(struct bytes head)
{
    enum { SYN = 0x0001, UNUSED = 0xe000, PADDED = 1232, MTU_LEAST = 1132 };
    struct cursor c = cursor_of(head);
    uint32_t acknowledged = cursor_be32(&c);
    uint16_t window = cursor_be16(&c), flags = cursor_be16(&c);
    cursor_skip(&c, 4);
    uint16_t up = cursor_be16(&c), down = cursor_be16(&c);
    bool mtu = up >= MTU_LEAST && up <= PADDED && down >= MTU_LEAST && down <= PADDED;
    return acknowledged == UINT32_MAX && window > 0 && (flags & SYN) != 0 &&
                   (flags & UNUSED) == 0 && mtu && head.len == PADDED
               ? PROBE_CLIENT
               : PROBE_NO;
}

const struct dissector rdpudp_dissector = {
    .name = "rdp", .ports = PORTS(3389), .udp = true, .probe = rdpudp_probe};

/* ---- Wake-on-LAN ---- */

/* AMD 20213, "Magic Packet": six ones, sixteen times the address, and a password of four or six
 * octets at most. */
static enum probe wol_probe(struct bytes head)
{
    enum { ADDRESS = 6, TIMES = 16, SIZE = ADDRESS + ADDRESS * TIMES };
    if (head.len != SIZE && head.len != SIZE + 4 && head.len != SIZE + 6) {
        return PROBE_NO;
    }
    for (size_t i = 0; i < SIZE; i++) {
        if (i < ADDRESS ? head.at[i] != 0xff : head.at[i] != head.at[ADDRESS + i % ADDRESS]) {
            return PROBE_NO;
        }
    }
    return PROBE_CLIENT;
}

const struct dissector wol_dissector = {
    .name = "wol", .ports = PORTS(9), .udp = true, .probe = wol_probe};

/* ---- Configuration Manager ---- */

/* No publication tells what these look like when TLS does not protect them: the port names them,
 * and the record says that it was the port. */
static enum probe no_probe(struct bytes head)
{
    (void)head;
    return PROBE_NO;
}

/* Microsoft Learn, "Ports used in Configuration Manager": client notification; remote control;
 * wake-up proxy. */
const struct dissector client_notification_dissector = {.name = "client-notification",
                                                        .ports = PORTS(10123),
                                                        .tcp = true,
                                                        .ports_only = true,
                                                        .probe = no_probe};
const struct dissector remote_control_dissector = {.name = "remote-control",
                                                   .ports = PORTS(2701),
                                                   .tcp = true,
                                                   .ports_only = true,
                                                   .probe = no_probe};
const struct dissector wake_up_proxy_dissector = {.name = "wake-up-proxy",
                                                  .ports = PORTS(25536),
                                                  .udp = true,
                                                  .ports_only = true,
                                                  .probe = no_probe};
