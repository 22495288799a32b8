/*
 * dcerpc_call.c - which operations of the bound interfaces are called: a record for each, the first
 * time.
 *
 * The number of an operation stands in clear even where the call is sealed.
 */
#include "dissect/dcerpc.h"

static const struct {
    uint32_t status;
    const char *name;
} faults[] = {
    /* C706 appendix E */
    {0x00000005, "nca_s_fault_access_denied"},
    {0x000006d8, "nca_s_fault_cant_perform"},
    {0x000006f7, "nca_s_fault_ndr"},
    {0x00000721, "RPC_S_SEC_PKG_ERROR"}, /* [MS-ERREF] 2.2 */
    {0x1c000002, "nca_s_fault_addr_error"},
    {0x1c000006, "nca_s_fault_invalid_tag"},
    {0x1c000007, "nca_s_fault_invalid_bound"},
    {0x1c000008, "nca_s_rpc_version_mismatch"},
    {0x1c000009, "nca_s_unspec_reject"},
    {0x1c00000a, "nca_s_bad_actid"},
    {0x1c00000c, "nca_s_manager_not_entered"},
    {0x1c00000d, "nca_s_fault_cancel"},
    {0x1c000012, "nca_s_fault_unspec"},
    {0x1c00001a, "nca_s_fault_context_mismatch"},
    {0x1c00001b, "nca_s_fault_remote_no_memory"},
    {0x1c00001c, "nca_s_invalid_pres_context_id"},
    {0x1c00001d, "nca_s_unsupported_authn_level"},
    {0x1c00001f, "nca_s_invalid_checksum"},
    {0x1c000020, "nca_s_invalid_crc"},
    {0x1c000024, "nca_s_fault_object_not_found"},
    {0x1c010002, "nca_s_op_rng_error"},
    {0x1c010003, "nca_s_unk_if"},
    {0x1c010006, "nca_s_wrong_boot_time"},
    {0x1c010009, "nca_s_you_crashed"},
    {0x1c01000b, "nca_s_proto_error"},
    {0x1c010013, "nca_s_out_args_too_big"},
    {0x1c010014, "nca_s_server_too_busy"},
    {0x1c010017, "nca_s_unsupported_type"},
};

static const struct dcerpc_context *context_of(const struct dcerpc_watch *w, uint16_t id,
                                               unsigned *ret_place)
{
    for (unsigned i = 0; i < w->context_count; i++) {
        if (w->contexts[i].id == id) {
            *ret_place = i;
            return &w->contexts[i];
        }
    }
    return NULL;
}

bool dcerpc_call_is_new(struct dissection *dx, struct dcerpc_watch *w, unsigned place,
                        uint16_t number)
{
    uint32_t call = (uint32_t)place << 16 | number;
    for (unsigned i = 0; i < w->call_count; i++) {
        if (w->calls[i] == call) {
            return false;
        }
    }
    if (w->call_count == LIMIT_DCERPC_CALLS) {
        dissection_anomaly(dx, "dcerpc.call_limit");
        return false;
    }
    w->calls[w->call_count++] = call;
    return true;
}

bool dcerpc_call_asks(const struct dcerpc_state *s, const struct dcerpc_header *h)
{
    const struct dcerpc_watch *w = s->watch;
    if (w == NULL) {
        return false;
    }
    if (h->type == DCERPC_REQUEST) {
        return (h->flags & DCERPC_FIRST_FRAG) != 0;
    }
    return (w->call != NULL && h->call == w->call_id) || (w->maps && h->call == w->map_id);
}

/* [MS-RPCE] 3.3.1.5.2.2: at the level of connections calls have no verifier. */
static bool is_protected(const struct dcerpc_header *h, const struct dcerpc_context *context)
{
    enum { RPC_C_AUTHN_LEVEL_CONNECT = 2 };
    return h->auth > 0 || context->trailer.level == RPC_C_AUTHN_LEVEL_CONNECT;
}

const char dcerpc_registry[] = "338cd001-2244-31f1-aaaa-900038001003";

bool dcerpc_call_names_key(const struct dcerpc_state *s, const struct dcerpc_header *h)
{
    enum { WHOLE = DCERPC_FIRST_FRAG | DCERPC_LAST_FRAG };
    return h->type == DCERPC_REQUEST && s->watch != NULL && s->watch->registry &&
           (h->flags & WHOLE) == WHOLE && h->fragment <= LIMIT_DCERPC_KEY_CALL;
}

/* [MS-RRP] 3.1.5.15: hKey, then lpSubKey as an RRP_UNICODE_STRING (2.2.4), whose characters follow
 * it. Empty where the call is sealed ([MS-RPCE] 2.2.1.1.8), or another one. */
static struct bytes registry_key(const struct dcerpc_header *h,
                                 const struct dcerpc_context *context, uint16_t number,
                                 struct bytes fragment)
{
    enum { BaseRegOpenKey = 15, RPC_C_AUTHN_LEVEL_PKT_PRIVACY = 6, HANDLE = 20 };
    if (number != BaseRegOpenKey || strcmp(context->uuid, dcerpc_registry) != 0 ||
        fragment.len < h->fragment ||
        (h->auth > 0 && context->trailer.level == RPC_C_AUTHN_LEVEL_PKT_PRIVACY)) {
        return (struct bytes){0};
    }
    struct cursor c =
        cursor_of(bytes_slice(fragment, DCERPC_CALL_HEAD, h->fragment - DCERPC_CALL_HEAD));
    cursor_skip(&c, HANDLE);
    uint16_t len = dcerpc_u16(&c, h->little);
    cursor_skip(&c, 2 + 4 + 4 + 4); /* MaximumLength, the pointer, maximum count, offset */
    uint32_t count = dcerpc_u32(&c, h->little);
    struct bytes text = cursor_take(&c, len);
    bool fine = !c.failed && h->little && count == len / 2 && len % 2 == 0;
    while (text.len >= 2 && text.at[text.len - 1] == 0 && text.at[text.len - 2] == 0) {
        text.len -= 2; /* it ends as C's do */
    }
    return fine ? text : (struct bytes){0};
}

/* SOFTWARE\Microsoft\SMS and SOFTWARE\Microsoft\CCM, in UTF-16. */
static bool is_key_of_product(struct bytes key)
{
    static const char *const keys[] = {"SOFTWARE\\Microsoft\\SMS", "SOFTWARE\\Microsoft\\CCM"};
    bool found = false;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0] && !found; i++) {
        size_t len = strlen(keys[i]), same = 0;
        while (same < len && 2 * same + 1 < key.len && key.at[2 * same + 1] == 0 &&
               (key.at[2 * same] | 0x20) == (keys[i][same] | 0x20)) {
            same++;
        }
        found = same == len;
    }
    return found;
}

/* C706 12.6.4.9: allocation hint, context, number of the operation */
void dcerpc_call_request(struct dissection *dx, struct dcerpc_state *s,
                         const struct dcerpc_header *h, struct bytes head)
{
    struct dcerpc_watch *w = s->watch;
    struct cursor c = cursor_of(bytes_from(head, DCERPC_HEADER + 4));
    uint16_t id = dcerpc_u16(&c, h->little);
    uint16_t number = dcerpc_u16(&c, h->little);
    unsigned place = 0;
    const struct dcerpc_context *context = context_of(w, id, &place);
    if (context == NULL) {
        return;
    }
    dcerpc_bind_end(dx, s); /* its answer was not captured */
    if (number == DCERPC_EPT_MAP && strcmp(context->uuid, dcerpc_endpoint_mapper) == 0) {
        w->maps = true;
        w->map_id = h->call;
    }
    struct bytes key = registry_key(h, context, number, head);
    bool sought = !w->product_stated && is_key_of_product(key);
    if (!sought && !dcerpc_call_is_new(dx, w, place, number)) {
        return;
    }
    w->product_stated |= sought;
    dcerpc_call_end(dx, s);
    struct observation *o = dissection_begin(dx, RECORD_DCERPC);
    if (o != NULL) {
        observation_string(o, FACT_DCERPC_MESSAGE, "call");
        dcerpc_state_interface(dx, o, context->uuid,
                               is_protected(h, context) ? &context->trailer : NULL);
        observation_num(o, FACT_DCERPC_OPNUM, number);
        observation_utf16le(o, FACT_DCERPC_KEY, key);
        observation_stamp(o, FACT_DCERPC_REQUEST_PACKET, dissection_at(dx));
    }
    w->call = o;
    w->call_id = h->call;
}

bool dcerpc_call_is_unbound(struct dissection *dx, const struct dcerpc_state *s,
                            const struct dcerpc_header *h)
{
    return s->watch == NULL && !s->unbound_stated && h->type == DCERPC_REQUEST && h->auth > 0 &&
           (h->flags & DCERPC_FIRST_FRAG) != 0 && dissection_wants(dx, RECORD_DCERPC);
}

void dcerpc_call_unbound(struct dissection *dx, struct dcerpc_state *s, enum dir dir,
                         const struct dcerpc_trailer *trailer)
{
    struct observation *o = dissection_begin(dx, RECORD_DCERPC);
    s->unbound_stated = true;
    if (o != NULL) {
        observation_string(o, FACT_DCERPC_MESSAGE, "call");
        dcerpc_state_protection(dx, o, trailer);
        observation_num(o, FACT_DCERPC_OPNUM, s->lanes[dir].number);
        observation_stamp(o, FACT_DCERPC_REQUEST_PACKET, dissection_at(dx));
        dissection_send(dx, o, dir);
    }
}

static void state_fault(struct observation *o, uint32_t status)
{
    size_t i = 0;
    while (i < sizeof faults / sizeof faults[0] && faults[i].status != status) {
        i++;
    }
    if (i < sizeof faults / sizeof faults[0]) {
        observation_string(o, FACT_DCERPC_FAULT, faults[i].name);
    } else {
        observation_format(o, FACT_DCERPC_FAULT, "0x%08x", status);
    }
    observation_num(o, FACT_DCERPC_FAULT_CODE, status);
}

/* C706 12.6.4.7, 12.6.4.10 */
void dcerpc_call_answered(struct dissection *dx, struct dcerpc_state *s,
                          const struct dcerpc_header *h, struct bytes head)
{
    struct dcerpc_watch *w = s->watch;
    if (w->maps && h->call == w->map_id) {
        w->maps = false;
    }
    if (w->call == NULL || h->call != w->call_id) {
        return;
    }
    if (h->type == DCERPC_FAULT) {
        struct cursor c = cursor_of(bytes_from(head, DCERPC_CALL_HEAD));
        state_fault(w->call, dcerpc_u32(&c, h->little));
    }
    observation_stamp(w->call, FACT_DCERPC_REPLY_PACKET, dissection_at(dx));
    dissection_send(dx, w->call, DIR_SERVER);
    w->call = NULL;
}

void dcerpc_call_end(struct dissection *dx, struct dcerpc_state *s)
{
    if (s->watch != NULL && s->watch->call != NULL) {
        dissection_send(dx, s->watch->call, DIR_CLIENT);
        s->watch->call = NULL;
    }
}
