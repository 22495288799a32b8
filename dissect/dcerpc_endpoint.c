/*
 * dcerpc_endpoint.c - what the endpoint mapper answers: which port an interface is served on.
 *
 * Spec:   C706 appendix O (ept_map), appendix L (protocol towers), 14.3 (NDR); [MS-RPCE] 2.2.5
 *         (NDR64).
 */
#include "dissect/dcerpc.h"

const char dcerpc_endpoint_mapper[] = "e1af8308-5d1f-11c9-91a4-08002b14a0fa";

/* C706 appendix I: protocol identifiers */
enum {
    PROTOCOL_TCP = 0x07,
    PROTOCOL_UDP = 0x08,
    PROTOCOL_IP = 0x09,
    PROTOCOL_UUID = 0x0d,
    PROTOCOL_PIPE = 0x0f,
    PROTOCOL_HTTP = 0x1f,
};

struct endpoint {
    char uuid[TEXT_UUID];
    const char *transport; /* NULL: none that is stated */
    uint16_t port;
    struct bytes address, pipe;
};

/* One floor: what it identifies, and its value. */
static void read_floor(struct endpoint *e, struct bytes left, struct bytes right, bool first)
{
    struct cursor c = cursor_of(left), value = cursor_of(right);
    uint8_t protocol = cursor_u8(&c);
    if (first && protocol == PROTOCOL_UUID) {
        dcerpc_uuid(&c, true, e->uuid);
        return;
    }
    switch (c.failed ? 0 : protocol) {
    case PROTOCOL_TCP:
    case PROTOCOL_UDP:
    case PROTOCOL_HTTP:
        e->transport = protocol == PROTOCOL_TCP ? "tcp" : protocol == PROTOCOL_UDP ? "udp" : "http";
        e->port = cursor_be16(&value);
        break;
    case PROTOCOL_PIPE:
        e->transport = "smb-pipe";
        e->pipe = right;
        break;
    case PROTOCOL_IP:
        e->address = right;
        break;
    default:
        break;
    }
}

/* C706 appendix L: little-endian whatever the message is; ports and addresses as in the network. */
static bool read_tower(struct cursor c, struct endpoint *ret)
{
    *ret = (struct endpoint){0};
    unsigned floors = cursor_le16(&c);
    for (unsigned i = 0; i < floors && i < LIMIT_DCERPC_FLOORS; i++) {
        struct bytes left = cursor_take(&c, cursor_le16(&c));
        struct bytes right = cursor_take(&c, cursor_le16(&c));
        if (!c.failed) {
            read_floor(ret, left, right, i == 0);
        }
    }
    return !c.failed && ret->uuid[0] != '\0' && ret->transport != NULL;
}

static void write_endpoint(struct dissection *dx, const struct endpoint *e)
{
    struct observation *o = dissection_begin(dx, RECORD_DCERPC);
    if (o == NULL) {
        return;
    }
    observation_string(o, FACT_DCERPC_MESSAGE, "endpoint");
    dcerpc_state_interface(dx, o, dcerpc_endpoint_mapper, NULL);
    observation_string(o, FACT_DCERPC_ENDPOINT_INTERFACE, dcerpc_interface_name(e->uuid));
    observation_string(o, FACT_DCERPC_ENDPOINT_UUID, e->uuid);
    observation_string(o, FACT_DCERPC_ENDPOINT_TRANSPORT, e->transport);
    if (e->address.len == 4) {
        struct address address = address_v4(e->address.at);
        char text[ADDRESS_TEXT];
        if (address_is_host(&address)) { /* Samba answers 0.0.0.0 */
            observation_string(o, FACT_DCERPC_ENDPOINT_ADDRESS, address_format(&address, text));
        }
    }
    if (e->port != 0) {
        observation_num(o, FACT_DCERPC_ENDPOINT_PORT, e->port);
    }
    struct bytes pipe = e->pipe;
    while (pipe.len > 0 && pipe.at[pipe.len - 1] == 0) {
        pipe.len--;
    }
    observation_utf8(o, FACT_DCERPC_ENDPOINT_PIPE, pipe);
    dissection_send(dx, o, DIR_SERVER);
}

/* Integers of 4 octets, or with NDR64 of 8, each aligned to its length. */
static uint64_t read_count(struct cursor *c, bool little, size_t width, size_t whole)
{
    cursor_skip(c, (width - (whole - c->rest.len) % width) % width);
    uint64_t first = dcerpc_u32(c, little);
    if (width == 4) {
        return first;
    }
    uint64_t second = dcerpc_u32(c, little);
    return little ? second << 32 | first : first << 32 | second;
}

/* What comes after the entry handle: num_towers, then the towers as a conformant varying array of
 * pointers. Nothing in the message says which transfer syntax it has: false when it is not this
 * one. */
static bool read_towers(struct dissection *dx, struct bytes stub, bool little, size_t width)
{
    enum { ENTRY_HANDLE = 20 };
    struct cursor c = cursor_of(stub);
    cursor_skip(&c, ENTRY_HANDLE);
    uint64_t towers = dcerpc_u32(&c, little);
    uint64_t most = read_count(&c, little, width, stub.len);
    uint64_t offset = read_count(&c, little, width, stub.len);
    uint64_t count = read_count(&c, little, width, stub.len);
    if (c.failed || towers == 0 || count != towers || count > most || offset != 0 ||
        count > LIMIT_DCERPC_TOWERS) {
        return false;
    }
    cursor_skip(&c, (size_t)count * width); /* pointers */
    for (uint64_t i = 0; i < count; i++) {
        struct endpoint e;
        uint64_t size = read_count(&c, little, width, stub.len);
        uint64_t len = dcerpc_u32(&c, little);
        if (c.failed || size != len || len > c.rest.len) {
            return i > 0;
        }
        if (read_tower(cursor_sub(&c, (size_t)len), &e)) {
            write_endpoint(dx, &e);
        }
    }
    return true;
}

void dcerpc_endpoint_read(struct dissection *dx, const struct dcerpc_header *h,
                          struct bytes fragment)
{
    struct bytes stub = bytes_from(fragment, DCERPC_CALL_HEAD);
    if (!read_towers(dx, stub, h->little, 4)) {
        (void)read_towers(dx, stub, h->little, 8);
    }
}
