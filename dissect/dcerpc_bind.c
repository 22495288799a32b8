/*
 * dcerpc_bind.c - which interfaces a client binds to, and how it means to protect the calls.
 */
#include "dissect/dcerpc.h"

/* C706 appendix A.1: the first three fields are in the sender's byte order. */
void dcerpc_uuid(struct cursor *c, bool little, char text[TEXT_UUID])
{
    uint32_t time_low = dcerpc_u32(c, little);
    uint16_t time_mid = dcerpc_u16(c, little);
    uint16_t time_high = dcerpc_u16(c, little);
    uint64_t rest = cursor_be64(c);
    text_uuid(text, time_low, time_mid, time_high, rest);
}

/* [MS-RPCE] 2.2.1.1.7 */
static const char *provider_name(const struct dcerpc_trailer *trailer)
{
    switch (trailer == NULL ? 0 : trailer->type) {
    case 0x00:
        return "none";
    case 0x09:
        return "spnego";
    case 0x0a:
        return "ntlm";
    case 0x10:
        return "kerberos";
    case 0x44:
        return "netlogon";
    default:
        return NULL;
    }
}

/* [MS-RPCE] 2.2.1.1.8 */
static const char *level_name(const struct dcerpc_trailer *trailer)
{
    static const char *const names[] = {"none",   "none",      "connect", "call",
                                        "packet", "integrity", "privacy"};
    uint8_t level = trailer == NULL ? 0 : trailer->level;
    return level < sizeof names / sizeof names[0] ? names[level] : NULL;
}

void dcerpc_state_protection(struct dissection *dx, struct observation *o,
                             const struct dcerpc_trailer *trailer)
{
    const char *provider = provider_name(trailer);
    observation_string(o, FACT_DCERPC_CARRIER, dissection_carrier(dx));
    if (provider != NULL) {
        observation_string(o, FACT_DCERPC_AUTH, provider);
    } else {
        observation_format(o, FACT_DCERPC_AUTH, "%u", trailer->type);
    }
    observation_string(o, FACT_DCERPC_LEVEL, level_name(trailer));
}

void dcerpc_state_interface(struct dissection *dx, struct observation *o, const char *uuid,
                            const struct dcerpc_trailer *trailer)
{
    observation_string(o, FACT_DCERPC_INTERFACE, dcerpc_interface_name(uuid));
    observation_string(o, FACT_DCERPC_UUID, uuid);
    dcerpc_state_protection(dx, o, trailer);
}

/* ---- BIND and ALTER_CONTEXT ---- */

/* p_cont_elem_t, C706 12.6.3.1: its interface; the transfer syntaxes are passed over. */
static bool read_context(struct cursor *c, bool little, struct dcerpc_context *ret)
{
    ret->id = dcerpc_u16(c, little);
    size_t transfers = cursor_u8(c);
    cursor_skip(c, 1);
    dcerpc_uuid(c, little, ret->uuid);
    cursor_skip(c, 4 + transfers * 20);
    return !c->failed;
}

/* A number that is bound again means what was bound last. */
static void keep_context(struct dcerpc_watch *w, const struct dcerpc_context *context)
{
    unsigned place = 0;
    while (place < w->context_count && w->contexts[place].id != context->id) {
        place++;
    }
    if (place < LIMIT_DCERPC_SYNTAXES) {
        w->registry |= strcmp(context->uuid, dcerpc_registry) == 0;
        w->contexts[place] = *context;
        w->context_count += place == w->context_count;
    }
}

/* The place in `binds` of the record of this interface; a new one where it is not yet proposed. */
static bool state_context(struct dissection *dx, struct dcerpc_watch *w,
                          const struct dcerpc_header *h, const struct dcerpc_context *context,
                          const struct dcerpc_trailer *trailer)
{
    unsigned place = 0;
    while (place < w->bind_count &&
           !observation_is(w->binds[place], FACT_DCERPC_UUID, context->uuid)) {
        place++;
    }
    if (place == w->bind_count) {
        struct observation *o =
            place == LIMIT_DCERPC_SYNTAXES ? NULL : dissection_begin(dx, RECORD_DCERPC);
        if (o == NULL) {
            dissection_anomaly(dx, "dcerpc.bind_limit");
            return false;
        }
        observation_string(o, FACT_DCERPC_MESSAGE, h->type == DCERPC_BIND ? "bind" : "alter");
        dcerpc_state_interface(dx, o, context->uuid, trailer);
        observation_stamp(o, FACT_DCERPC_REQUEST_PACKET, dissection_at(dx));
        w->binds[w->bind_count++] = o;
    }
    if (w->element_count < LIMIT_DCERPC_ELEMENTS) {
        w->bind_of[w->element_count++] = (uint8_t)place;
    }
    return true;
}

/* Where nobody asks for records there is nothing to follow. */
static bool is_watched(struct dissection *dx, struct dcerpc_state *s)
{
    if (s->watch == NULL && dissection_wants(dx, RECORD_DCERPC)) {
        s->watch = arena_alloc(dissection_arena(dx), sizeof *s->watch);
    }
    return s->watch != NULL;
}

/* C706 12.6.4.3, 12.6.4.1. An interface that is proposed again with another transfer syntax (NDR64,
 * bind time feature negotiation: [MS-RPCE] 3.3.1.5.3) is stated once. */
void dcerpc_bind_read(struct dissection *dx, struct dcerpc_state *s, const struct dcerpc_header *h,
                      struct bytes fragment, const struct dcerpc_trailer *trailer)
{
    struct cursor c = cursor_of(bytes_from(fragment, DCERPC_HEADER));
    cursor_skip(&c, 8);
    size_t contexts = cursor_u8(&c);
    cursor_skip(&c, 3);
    if (!is_watched(dx, s)) {
        return;
    }
    dcerpc_bind_end(dx, s);
    for (size_t i = 0; i < contexts; i++) {
        struct dcerpc_context context = {0};
        if (!read_context(&c, h->little, &context)) {
            dissection_anomaly(dx, "dcerpc.bad_bind");
            return;
        }
        if (!state_context(dx, s->watch, h, &context, trailer)) {
            return;
        }
        if (trailer != NULL) {
            context.trailer = *trailer;
        }
        keep_context(s->watch, &context);
    }
}

/* ---- their answers ---- */

static void send_binds(struct dissection *dx, struct dcerpc_watch *w, enum dir dir)
{
    for (unsigned i = 0; i < w->bind_count; i++) {
        if (dir == DIR_SERVER) {
            observation_stamp(w->binds[i], FACT_DCERPC_REPLY_PACKET, dissection_at(dx));
        }
        dissection_send(dx, w->binds[i], dir);
    }
    w->bind_count = w->element_count = 0;
}

/* C706 12.6.3.1: p_provider_reason_t of a result, p_reject_reason_t of a refusal; [MS-RPCE]
 * 2.2.2.5 */
static const char *const reasons[] = {"reason_not_specified", "abstract_syntax_not_supported",
                                      "proposed_transfer_syntaxes_not_supported",
                                      "local_limit_exceeded"};
static const char *const refusals[] = {"reason_not_specified",
                                       "temporary_congestion",
                                       "local_limit_exceeded",
                                       "called_paddr_unknown",
                                       "protocol_version_not_supported",
                                       "default_context_not_supported",
                                       "user_data_not_readable",
                                       "no_psap_available",
                                       "authentication_type_not_recognized",
                                       "invalid_checksum"};

static void state_refusal(struct observation *o, const char *const *names, size_t count,
                          unsigned reason)
{
    observation_string(o, FACT_DCERPC_RESULT, "rejected");
    if (reason < count) {
        observation_string(o, FACT_DCERPC_REASON, names[reason]);
    } else {
        observation_format(o, FACT_DCERPC_REASON, "%u", reason);
    }
}

/* C706 12.6.4.4: sizes, association group, secondary address, then a result for each context. An
 * interface is accepted when any of its contexts is. */
static void read_results(struct dcerpc_watch *w, bool little, struct bytes fragment)
{
    enum { ACCEPTANCE = 0, NEGOTIATE_ACK = 3, SYNTAX = 20 };
    uint16_t reason[LIMIT_DCERPC_SYNTAXES] = {0};
    bool accepted[LIMIT_DCERPC_SYNTAXES] = {0}, refused[LIMIT_DCERPC_SYNTAXES] = {0};
    struct cursor c = cursor_of(bytes_from(fragment, DCERPC_HEADER));
    cursor_skip(&c, 8);
    cursor_skip(&c, dcerpc_u16(&c, little));
    cursor_skip(&c, (4 - (fragment.len - c.rest.len) % 4) % 4);
    unsigned results = cursor_u8(&c);
    cursor_skip(&c, 3);
    for (unsigned i = 0; i < results && i < w->element_count; i++) {
        uint16_t result = dcerpc_u16(&c, little);
        uint16_t why = dcerpc_u16(&c, little);
        cursor_skip(&c, SYNTAX);
        if (c.failed) {
            break;
        }
        unsigned place = w->bind_of[i];
        accepted[place] |= result == ACCEPTANCE;
        if (result != ACCEPTANCE && result != NEGOTIATE_ACK) {
            refused[place] = true;
            reason[place] = why;
        }
    }
    for (unsigned i = 0; i < w->bind_count; i++) {
        if (accepted[i]) {
            observation_string(w->binds[i], FACT_DCERPC_RESULT, "accepted");
        } else if (refused[i]) {
            state_refusal(w->binds[i], reasons, sizeof reasons / sizeof reasons[0], reason[i]);
        }
    }
}

void dcerpc_bind_answered(struct dissection *dx, struct dcerpc_state *s,
                          const struct dcerpc_header *h, struct bytes fragment)
{
    struct dcerpc_watch *w = s->watch;
    if (w == NULL || w->bind_count == 0) {
        return;
    }
    if (h->type == DCERPC_BIND_NAK) { /* C706 12.6.4.5 */
        struct cursor c = cursor_of(bytes_from(fragment, DCERPC_HEADER));
        unsigned reason = dcerpc_u16(&c, h->little);
        for (unsigned i = 0; i < w->bind_count && !c.failed; i++) {
            state_refusal(w->binds[i], refusals, sizeof refusals / sizeof refusals[0], reason);
        }
    } else {
        read_results(w, h->little, fragment);
    }
    send_binds(dx, w, DIR_SERVER);
}

void dcerpc_bind_end(struct dissection *dx, struct dcerpc_state *s)
{
    if (s->watch != NULL) {
        send_binds(dx, s->watch, DIR_CLIENT);
    }
}
