/*
 * signatures.c - name services that are recognised, not read: enough to say what a flow is for.
 */
#include "dissect/signature.h"

/* RFC 1035 4.1.2: labels up to the root, or a pointer (RFC 1035 4.1.4) that ends the name. */
static bool dns_name(struct cursor *c)
{
    size_t octets = 0;
    while (!c->failed && octets < 256) {
        uint8_t len = cursor_u8(c);
        if (len == 0) {
            return !c->failed;
        }
        if (len >= 0xc0) {
            cursor_skip(c, 1);
            return !c->failed;
        }
        if (len > 63) {
            return false;
        }
        cursor_skip(c, len);
        octets += len + 1u;
    }
    return false;
}

/* RFC 1035 4.1.1, RFC 6895: an assigned opcode, sane counts, and a first question or record that
 * can be read. */
static enum probe dns_message(struct bytes message)
{
    struct cursor c = cursor_of(message);
    cursor_skip(&c, 2);
    uint16_t flags = cursor_be16(&c);
    uint16_t questions = cursor_be16(&c), answers = cursor_be16(&c), authority = cursor_be16(&c);
    uint16_t additional = cursor_be16(&c);
    unsigned opcode = flags >> 11 & 15;
    if (c.failed || opcode > 6 || opcode == 3 || questions > 16 || answers > 512 ||
        authority > 512 || additional > 64) {
        return PROBE_NO;
    }
    bool reply = (flags & 0x8000) != 0;
    if (questions + answers + authority + additional == 0 ||
        (!reply && questions + authority == 0)) {
        return PROBE_NO;
    }
    if (!dns_name(&c)) {
        return PROBE_NO;
    }
    cursor_skip(&c, 2);
    uint16_t class = cursor_be16(&c) & 0x7fff; /* the top bit is mDNS's (RFC 6762 5.4, 10.2) */
    if (c.failed || (class > 4 && class != 254 && class != 255)) {
        return PROBE_NO;
    }
    return reply ? PROBE_SERVER : PROBE_CLIENT;
}

static enum probe dns_probe(struct bytes head)
{
    enum probe datagram = dns_message(head);
    if (datagram != PROBE_NO) {
        return datagram;
    }
    struct cursor c = cursor_of(head); /* RFC 7766 8: over TCP the length comes first */
    uint16_t len = cursor_be16(&c);
    if (c.failed) {
        return PROBE_MORE;
    }
    if (len < 17) {
        return PROBE_NO;
    }
    enum probe stream = dns_message(c.rest);
    return stream == PROBE_NO && c.rest.len < 17 ? PROBE_MORE : stream;
}

const struct dissector dns_dissector = {.name = "dns",
                                        .ports = PORTS(53),
                                        .tcp = true,
                                        .udp = true,
                                        .ports_only = true,
                                        .probe = dns_probe};
/* RFC 4795, RFC 6762 and RFC 1002 share DNS's form; the port tells them apart. */
const struct dissector llmnr_dissector = {.name = "llmnr",
                                          .ports = PORTS(5355),
                                          .tcp = true,
                                          .udp = true,
                                          .ports_only = true,
                                          .probe = dns_probe};
const struct dissector mdns_dissector = {
    .name = "mdns", .ports = PORTS(5353), .udp = true, .ports_only = true, .probe = dns_message};

/* RFC 1002 4.2.1: opcode 0, 5 to 9 or 15, and a name of 32 octets from A to P. */
static enum probe nbns_probe(struct bytes head)
{
    if (head.len < 50) {
        return PROBE_NO;
    }
    for (size_t i = 13; head.at[12] == 32 && i < 45; i++) {
        if (head.at[i] < 'A' || head.at[i] > 'P') {
            return PROBE_NO;
        }
    }
    if (head.at[12] != 32) {
        return PROBE_NO;
    }
    return (head.at[2] & 0x80) != 0 ? PROBE_SERVER : PROBE_CLIENT;
}

const struct dissector nbns_dissector = {
    .name = "nbns", .ports = PORTS(137), .udp = true, .ports_only = true, .probe = nbns_probe};

/* [MC-SQLR] 2.2: CLNT_BCAST_EX, CLNT_UCAST_EX, CLNT_UCAST_INST, CLNT_UCAST_DAC, SVR_RESP. */
static enum probe ssrp_probe(struct bytes head)
{
    if (head.len == 0) {
        return PROBE_NO;
    }
    if (head.at[0] == 0x05 && head.len >= 3) {
        return ((size_t)head.at[1] | (size_t)head.at[2] << 8) == head.len - 3 ? PROBE_SERVER
                                                                              : PROBE_NO;
    }
    bool short_request = head.len == 1 && (head.at[0] == 0x02 || head.at[0] == 0x03);
    bool named = (head.at[0] == 0x04 || head.at[0] == 0x0f) && head.len <= 34;
    return short_request || named ? PROBE_CLIENT : PROBE_NO;
}

const struct dissector ssrp_dissector = {
    .name = "ssrp", .ports = PORTS(1434), .udp = true, .ports_only = true, .probe = ssrp_probe};
