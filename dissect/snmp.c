/*
 * snmp.c - SNMP: which version; communities are secrets and are never stated.
 *
 * Spec: RFC 1157 4, RFC 1901 2, RFC 3416 3, RFC 3412 6.
 */
#include "dissect/der.h"
#include "dissect/signature.h"

enum { V1 = 0, V2C = 1, V3 = 3, COMMUNITY_MOST = 255 };

/* What a message begins with; false when it is none. */
static bool read_head(struct bytes message, uint8_t *ret_version, enum probe *ret_by)
{
    struct cursor whole = cursor_of(message);
    struct cursor c = der_open(&whole, DER_SEQUENCE);
    struct bytes version = der_take(&c, DER_INTEGER);
    if (c.failed || whole.failed || whole.rest.len > 0 || version.len != 1) {
        return false;
    }
    if (version.at[0] == V3) { /* RFC 3412 6: id, largest size, flags, security model */
        struct cursor header = der_open(&c, DER_SEQUENCE);
        (void)der_take(&header, DER_INTEGER);
        (void)der_take(&header, DER_INTEGER);
        struct bytes flags = der_take(&header, DER_OCTET_STRING);
        (void)der_take(&header, DER_INTEGER);
        *ret_by = PROBE_EITHER;
        *ret_version = V3;
        return !header.failed && flags.len == 1 && !c.failed;
    }
    struct bytes community = der_take(&c, DER_OCTET_STRING);
    uint32_t pdu = der_peek(&c);
    bool server = pdu == DER_CONTEXT + 2;
    *ret_by = server ? PROBE_SERVER : PROBE_CLIENT;
    *ret_version = version.at[0];
    return !c.failed && version.at[0] <= V2C && community.len <= COMMUNITY_MOST &&
           pdu >= DER_CONTEXT && pdu <= DER_CONTEXT + 8;
}

static enum probe snmp_probe(struct bytes head)
{
    uint8_t version = 0;
    enum probe by = PROBE_NO;
    return head.len > 0 && head.at[0] == DER_SEQUENCE && read_head(head, &version, &by) ? by
                                                                                        : PROBE_NO;
}

static struct fed snmp_feed(struct dissection *dx, void *state, enum dir dir, struct bytes in)
{
    uint8_t version = 0;
    enum probe by = PROBE_NO;
    (void)state;
    if (!read_head(in, &version, &by)) {
        return fed_bad();
    }
    struct observation *o = dissection_begin(dx, RECORD_SNMP);
    if (o != NULL) {
        observation_string(o, FACT_SNMP_VERSION,
                           version == V1    ? "v1"
                           : version == V2C ? "v2c"
                                            : "v3");
        dissection_send(dx, o, dir);
    }
    return fed_done();
}

const struct dissector snmp_dissector = {
    .name = "snmp",
    .ports = PORTS(161, 162),
    .udp = true,
    .records = 1u << RECORD_SNMP,
    .state_size = 1,
    .probe = snmp_probe,
    .feed = snmp_feed,
};
