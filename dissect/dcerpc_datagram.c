/*
 * dcerpc_datagram.c - connectionless DCERPC: which interface is called over UDP, and what in it.
 *
 * Every datagram names its interface and its operation; one record for each pair.
 */
#include "dissect/dcerpc.h"

enum { VERSION = 4, HEADER = 80, LAST_TYPE = 10, REQUEST = 0 };

struct datagram_head {
    uint8_t type, provider;
    bool little;
    char uuid[TEXT_UUID];
    uint16_t number;
};

/* C706 appendix A.1: the variant in a UUID's ninth octet; Microsoft's early ones have the other. */
static bool is_uuid(struct bytes uuid)
{
    enum { VARIANT = 8 };
    return uuid.len == 16 && (uuid.at[VARIANT] & 0xc0) >= 0x80 && (uuid.at[VARIANT] & 0xe0) != 0xe0;
}

/* C706 12.5.2.1 */
static bool read_head(struct bytes in, struct datagram_head *ret)
{
    struct cursor c = cursor_of(in);
    uint8_t version = cursor_u8(&c);
    ret->type = cursor_u8(&c);
    cursor_skip(&c, 2); /* flags */
    uint8_t integers = cursor_u8(&c);
    uint8_t floats = cursor_u8(&c);
    uint8_t reserved = cursor_u8(&c);
    cursor_skip(&c, 1 + 16); /* serial number, object */
    struct cursor interface = cursor_sub(&c, 16);
    struct bytes activity = cursor_take(&c, 16);
    ret->little = (integers & 0xf0) != 0;
    cursor_skip(&c, 12); /* boot time, version of the interface, sequence */
    ret->number = dcerpc_u16(&c, ret->little);
    cursor_skip(&c, 4); /* hints */
    size_t len = dcerpc_u16(&c, ret->little);
    cursor_skip(&c, 2); /* fragment */
    ret->provider = cursor_u8(&c);
    cursor_skip(&c, 1);
    bool good = !c.failed && version == VERSION && ret->type <= LAST_TYPE &&
                (integers & 0xef) == 0 && floats <= 3 && reserved == 0 && is_uuid(interface.rest) &&
                is_uuid(activity);
    dcerpc_uuid(&interface, ret->little, ret->uuid);
    return good && (ret->provider == 0 ? len == c.rest.len : len <= c.rest.len);
}

enum probe dcerpc_datagram_probe(struct bytes head)
{
    static const uint8_t from_server[] = {2, 3, 4, 5, 6, 10};
    struct datagram_head h;
    if (head.len < HEADER || !read_head(head, &h)) {
        return PROBE_NO;
    }
    return memchr(from_server, h.type, sizeof from_server) != NULL ? PROBE_SERVER : PROBE_CLIENT;
}

/* The first request for this operation of this interface. */
static void state_call(struct dissection *dx, struct dcerpc_state *s, const struct datagram_head *h)
{
    if (s->watch == NULL && dissection_wants(dx, RECORD_DCERPC)) {
        s->watch = arena_alloc(dissection_arena(dx), sizeof *s->watch);
    }
    struct dcerpc_watch *w = s->watch;
    unsigned place = 0;
    while (w != NULL && place < w->context_count && strcmp(w->contexts[place].uuid, h->uuid) != 0) {
        place++;
    }
    if (w == NULL || place == LIMIT_DCERPC_SYNTAXES) {
        return;
    }
    memcpy(w->contexts[place].uuid, h->uuid, sizeof h->uuid);
    w->context_count += place == w->context_count;
    if (!dcerpc_call_is_new(dx, w, place, h->number)) {
        return;
    }
    struct observation *o = dissection_begin(dx, RECORD_DCERPC);
    if (o != NULL) {
        /* C706 12.5.2.14: the provider is named; the level is in its own data. */
        const struct dcerpc_trailer trailer = {.type = h->provider};
        observation_string(o, FACT_DCERPC_MESSAGE, "call");
        dcerpc_state_interface(dx, o, h->uuid, &trailer);
        observation_num(o, FACT_DCERPC_OPNUM, h->number);
        observation_stamp(o, FACT_DCERPC_REQUEST_PACKET, dissection_at(dx));
        dissection_send(dx, o, DIR_CLIENT);
    }
}

struct fed dcerpc_datagram_feed(struct dissection *dx, struct dcerpc_state *s, enum dir dir,
                                struct bytes in)
{
    struct datagram_head h;
    if (in.len < HEADER || !read_head(in, &h)) {
        return fed_bad();
    }
    if (dir == DIR_CLIENT && h.type == REQUEST) {
        state_call(dx, s, &h);
    }
    return fed_ok(in.len);
}
