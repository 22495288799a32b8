/*
 * dcerpc_bind.c - which interfaces a client binds to, and how it means to protect the calls.
 */
#include "dissect/dcerpc.h"

#include <stdio.h>

#define UUID_TEXT 37

/* C706 appendix A.1: the first three fields are in the sender's byte order. */
static void read_uuid(struct cursor *c, bool little, char text[UUID_TEXT])
{
    uint32_t time_low = dcerpc_u32(c, little);
    uint16_t time_mid = dcerpc_u16(c, little);
    uint16_t time_high = dcerpc_u16(c, little);
    uint64_t rest = cursor_be64(c);
    (void)snprintf(text, UUID_TEXT, "%08x-%04x-%04x-%04x-%012llx", time_low, time_mid, time_high,
                   (unsigned)(rest >> 48), (unsigned long long)(rest & 0xffffffffffff));
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

static void write_interface(struct dissection *dx, const char *uuid,
                            const struct dcerpc_trailer *trailer)
{
    struct observation *o = dissection_begin(dx, RECORD_DCERPC);
    if (o == NULL) {
        return;
    }
    const char *provider = provider_name(trailer);
    observation_string(o, FACT_DCERPC_INTERFACE, dcerpc_interface_name(uuid));
    observation_string(o, FACT_DCERPC_UUID, uuid);
    observation_string(o, FACT_DCERPC_CARRIER, dissection_carrier(dx));
    if (provider != NULL) {
        observation_string(o, FACT_DCERPC_AUTH, provider);
    } else {
        observation_format(o, FACT_DCERPC_AUTH, "%u", trailer->type);
    }
    observation_string(o, FACT_DCERPC_LEVEL, level_name(trailer));
    dissection_send(dx, o, DIR_CLIENT);
}

/* p_cont_elem_t, C706 12.6.3.1: its interface; the transfer syntaxes are passed over. */
static bool read_context(struct cursor *c, bool little, char uuid[UUID_TEXT])
{
    cursor_skip(c, 2);
    size_t transfers = cursor_u8(c);
    cursor_skip(c, 1);
    read_uuid(c, little, uuid);
    cursor_skip(c, 4 + transfers * 20);
    return !c->failed;
}

/* C706 12.6.4.3, 12.6.4.1. An interface that is proposed again with another transfer syntax (NDR64,
 * bind time feature negotiation: [MS-RPCE] 3.3.1.5.3) is stated once. */
void dcerpc_bind_read(struct dissection *dx, const struct dcerpc_header *h, struct bytes fragment,
                      const struct dcerpc_trailer *trailer)
{
    char seen[LIMIT_DCERPC_SYNTAXES][UUID_TEXT];
    size_t stated = 0;
    struct cursor c = cursor_of(bytes_from(fragment, DCERPC_HEADER));
    cursor_skip(&c, 8);
    size_t contexts = cursor_u8(&c);
    cursor_skip(&c, 3);
    for (size_t i = 0; i < contexts; i++) {
        char *uuid = seen[stated];
        if (!read_context(&c, h->little, uuid)) {
            dissection_anomaly(dx, "dcerpc.bad_bind");
            return;
        }
        size_t before = 0;
        while (strcmp(seen[before], uuid) != 0) {
            before++;
        }
        if (before < stated) {
            continue;
        }
        write_interface(dx, uuid, trailer);
        if (++stated == LIMIT_DCERPC_SYNTAXES) {
            dissection_anomaly(dx, "dcerpc.bind_limit");
            return;
        }
    }
}
