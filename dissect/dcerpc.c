/*
 * dcerpc.c - DCERPC, connection-oriented: fragments over TCP, and in the named pipes of SMB.
 *
 * Stub data is read only where the endpoint mapper answers: of other calls their head and, while a
 * logon waits for its outcome, their verifier's head.
 */
#include "dissect/dcerpc.h"

uint16_t dcerpc_u16(struct cursor *c, bool little)
{
    return little ? cursor_le16(c) : cursor_be16(c);
}

uint32_t dcerpc_u32(struct cursor *c, bool little)
{
    return little ? cursor_le32(c) : cursor_be32(c);
}

/* [MS-RPCE] 2.2.2.11 */
struct dcerpc_trailer dcerpc_trailer_read(struct bytes in, bool little)
{
    struct cursor c = cursor_of(in);
    struct dcerpc_trailer t = {.type = cursor_u8(&c), .level = cursor_u8(&c)};
    cursor_skip(&c, 2);
    t.context = dcerpc_u32(&c, little);
    return t;
}

/* C706 12.6.3.1: version 5.0 or 5.1, type, flags, data representation, lengths, call id. False when
 * these octets are no such header, as far as they go. */
static bool read_header(struct bytes in, struct dcerpc_header *ret)
{
    struct cursor c = cursor_of(in);
    uint8_t major = cursor_u8(&c);
    uint8_t minor = cursor_u8(&c);
    ret->type = cursor_u8(&c);
    ret->flags = cursor_u8(&c);
    uint8_t integers = cursor_u8(&c);
    uint8_t floats = cursor_u8(&c);
    uint16_t reserved = cursor_be16(&c);
    ret->little = (integers & 0xf0) != 0;
    ret->fragment = dcerpc_u16(&c, ret->little);
    ret->auth = dcerpc_u16(&c, ret->little);
    ret->call = dcerpc_u32(&c, ret->little);
    bool head = (in.len < 1 || major == 5) && (in.len < 2 || minor <= 1) &&
                (in.len < 3 || ret->type <= DCERPC_TYPE_LAST) && (integers & 0xef) == 0 &&
                floats <= 3 && reserved == 0;
    bool lengths = ret->fragment >= DCERPC_HEADER && ret->auth <= ret->fragment;
    return head && (in.len < DCERPC_HEADER || lengths);
}

static bool is_servers(uint8_t type)
{
    static const uint8_t from_server[] = {2, 3, 12, 13, 15, 17};
    return memchr(from_server, type, sizeof from_server) != NULL;
}

static enum probe dcerpc_probe(struct bytes head)
{
    struct dcerpc_header h;
    if (!read_header(head, &h)) {
        return dcerpc_datagram_probe(head);
    }
    if (head.len < DCERPC_HEADER) {
        return PROBE_MORE;
    }
    return is_servers(h.type) ? PROBE_SERVER : PROBE_CLIENT;
}

/* ---- calls ---- */

static void call_ends(struct dcerpc_state *s, const struct dcerpc_lane *lane,
                      const struct dcerpc_trailer *trailer)
{
    switch (lane->header.type) {
    case DCERPC_REQUEST:
        dcerpc_auth_request(s, trailer);
        break;
    case DCERPC_RESPONSE:
        dcerpc_auth_response(s, trailer);
        break;
    default:
        dcerpc_auth_fault(s, trailer, lane->status);
        break;
    }
}

/* The whole answer of the endpoint mapper, when it is one fragment and not sealed. */
static bool is_map_answer(const struct dcerpc_state *s, const struct dcerpc_header *h)
{
    enum { WHOLE = DCERPC_FIRST_FRAG | DCERPC_LAST_FRAG };
    return h->type == DCERPC_RESPONSE && s->watch != NULL && s->watch->maps &&
           h->call == s->watch->map_id && h->auth == 0 && (h->flags & WHOLE) == WHOLE &&
           h->fragment <= LIMIT_DCERPC_ANSWER;
}

/* What records need of a call whose head is there. */
static void state_call(struct dissection *dx, struct dcerpc_state *s, const struct dcerpc_header *h,
                       struct bytes in)
{
    if (h->type == DCERPC_REQUEST) {
        dcerpc_call_request(dx, s, h, in);
        return;
    }
    bool mapped = is_map_answer(s, h);
    dcerpc_call_answered(dx, s, h, in);
    if (mapped) {
        dcerpc_endpoint_read(dx, h, bytes_of(in.at, h->fragment));
    }
}

/* C706 12.6.4.9, 12.6.4.10, 12.6.4.7 */
static struct fed read_call(struct dissection *dx, struct dcerpc_state *s, enum dir dir,
                            const struct dcerpc_header *h, struct bytes in)
{
    struct dcerpc_lane *lane = &s->lanes[dir];
    size_t want = h->type == DCERPC_FAULT ? DCERPC_FAULT_HEAD : DCERPC_CALL_HEAD;
    bool asks = dcerpc_call_asks(s, h), waits = dcerpc_auth_waits(s);
    bool unbound = dcerpc_call_is_unbound(dx, s, h);
    if (h->fragment < want || (!asks && !waits && !unbound)) {
        return fed_skip(DCERPC_HEADER, h->fragment - DCERPC_HEADER);
    }
    size_t there = is_map_answer(s, h) || dcerpc_call_names_key(s, h) ? h->fragment : want;
    if (in.len < there) {
        return fed_more(there);
    }
    if (asks) {
        state_call(dx, s, h, in);
    }
    if (!waits && !unbound) {
        return fed_skip(want, h->fragment - want);
    }
    struct cursor number = cursor_of(bytes_from(in, DCERPC_CALL_HEAD - 2));
    *lane = (struct dcerpc_lane){
        .header = *h, .unbound = unbound, .number = dcerpc_u16(&number, h->little)};
    if (h->type == DCERPC_FAULT) {
        struct cursor c = cursor_of(bytes_from(in, DCERPC_CALL_HEAD));
        lane->status = dcerpc_u32(&c, h->little);
    }
    if (h->auth == 0 || want + DCERPC_TRAILER + h->auth > h->fragment) {
        call_ends(s, lane, NULL);
        return fed_skip(want, h->fragment - want);
    }
    lane->in_verifier = true;
    return fed_skip(want, h->fragment - want - DCERPC_TRAILER - h->auth);
}

static struct fed read_verifier(struct dissection *dx, struct dcerpc_state *s, enum dir dir,
                                struct bytes in)
{
    struct dcerpc_lane *lane = &s->lanes[dir];
    if (in.len < DCERPC_TRAILER) {
        return fed_more(DCERPC_TRAILER);
    }
    struct dcerpc_trailer trailer = dcerpc_trailer_read(in, lane->header.little);
    call_ends(s, lane, &trailer);
    if (lane->unbound) {
        dcerpc_call_unbound(dx, s, dir, &trailer);
    }
    lane->in_verifier = false;
    return fed_skip(DCERPC_TRAILER, lane->header.auth);
}

/* ---- binds ---- */

/* A fragment that is there as a whole. C706 12.6.4.3 to 12.6.4.5, 12.6.4.1, 12.6.4.2;
 * [MS-RPCE] 2.2.2.10 */
static void read_bind(struct dissection *dx, struct dcerpc_state *s, enum dir dir,
                      const struct dcerpc_header *h, struct bytes fragment)
{
    struct dcerpc_trailer trailer = {0};
    bool verifier = h->auth > 0 && DCERPC_HEADER + DCERPC_TRAILER + h->auth <= h->fragment;
    if (h->auth > 0 && !verifier) {
        dissection_anomaly(dx, "dcerpc.bad_length");
    }
    if (verifier) {
        size_t at = (size_t)h->fragment - h->auth - DCERPC_TRAILER;
        trailer = dcerpc_trailer_read(bytes_from(fragment, at), h->little);
        fragment.len = at;
    }
    if (h->type == DCERPC_BIND || h->type == DCERPC_ALTER_CONTEXT) {
        dcerpc_bind_read(dx, s, h, fragment, verifier ? &trailer : NULL);
    } else if (h->type != DCERPC_AUTH3) {
        dcerpc_bind_answered(dx, s, h, fragment);
    }
    if (h->type == DCERPC_BIND_NAK) {
        dcerpc_auth_refused(s);
        return;
    }
    if (verifier) {
        struct bytes token = bytes_of(fragment.at + fragment.len + DCERPC_TRAILER, h->auth);
        dcerpc_auth_token(dx, s, dir, &trailer, token);
    }
}

static struct fed dcerpc_feed(struct dissection *dx, void *state, enum dir dir, struct bytes in)
{
    struct dcerpc_state *s = state;
    struct dcerpc_header h;
    if (dissection_flow(dx)->protocol == IP_UDP) {
        return dcerpc_datagram_feed(dx, s, dir, in);
    }
    if (s->lanes[dir].in_verifier) {
        return read_verifier(dx, s, dir, in);
    }
    if (!read_header(in, &h)) {
        return fed_bad();
    }
    if (in.len < DCERPC_HEADER) {
        return fed_more(DCERPC_HEADER);
    }
    switch (h.type) {
    case DCERPC_REQUEST:
    case DCERPC_RESPONSE:
    case DCERPC_FAULT:
        return read_call(dx, s, dir, &h, in);
    case DCERPC_BIND:
    case DCERPC_BIND_ACK:
    case DCERPC_BIND_NAK:
    case DCERPC_ALTER_CONTEXT:
    case DCERPC_ALTER_CONTEXT_RESP:
    case DCERPC_AUTH3:
        if (in.len < h.fragment) {
            return fed_more(h.fragment);
        }
        read_bind(dx, s, dir, &h, bytes_of(in.at, h.fragment));
        return fed_ok(h.fragment);
    default:
        return fed_skip(DCERPC_HEADER, h.fragment - DCERPC_HEADER);
    }
}

static bool dcerpc_gap(struct dissection *dx, void *state, enum dir dir, uint64_t missing)
{
    (void)missing;
    struct dcerpc_state *s = state;
    s->lanes[dir].in_verifier = false;
    if (dir == DIR_SERVER) {
        dcerpc_bind_end(dx, s);
        dcerpc_call_end(dx, s);
    }
    return true;
}

static void dcerpc_end(struct dissection *dx, void *state, const struct outcome *outcome)
{
    struct dcerpc_state *s = state;
    dcerpc_bind_end(dx, s);
    dcerpc_call_end(dx, s);
    if (outcome != NULL) { /* a pipe was closed, and this state serves another one */
        dcerpc_auth_end(s);
        s->unbound_stated = false;
        if (s->watch != NULL) {
            *s->watch = (struct dcerpc_watch){0};
        }
    }
}

static const uint16_t ports[] = {135, 0};

const struct dissector dcerpc_dissector = {
    .name = "dcerpc",
    .ports = ports,
    .tcp = true,
    .udp = true,
    .state_size = sizeof(struct dcerpc_state),
    .probe = dcerpc_probe,
    .feed = dcerpc_feed,
    .gap = dcerpc_gap,
    .end = dcerpc_end,
};
