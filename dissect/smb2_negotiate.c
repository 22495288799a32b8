/*
 * smb2_negotiate.c - SMB2 NEGOTIATE: dialect, signing, and the contexts of 3.1.1.
 */
#include "dissect/smb.h"

#include "dissect/nt_status.h"

#define SMB2_WILDCARD                                                                              \
    0x02ff /* "a dialect of 2.1 or later": only ever an answer to an SMB1 question */

/* [MS-SMB2] 2.2.3.1 */
enum {
    CONTEXT_PREAUTH = 1,
    CONTEXT_ENCRYPTION = 2,
    CONTEXT_COMPRESSION = 3,
    CONTEXT_NETNAME = 5,
    CONTEXT_SIGNING = 8,
};

struct code_name {
    uint16_t code;
    const char *name;
};

/* [MS-SMB2] 2.2.3 */
static const struct code_name dialects[] = {
    {0x0202, "2.0.2"}, {0x0210, "2.1"},   {0x0300, "3.0"},
    {0x0302, "3.0.2"}, {0x0311, "3.1.1"}, {0, NULL},
};

/* [MS-SMB2] 2.2.3.1.2 */
static const struct code_name ciphers[] = {
    {1, "AES-128-CCM"}, {2, "AES-128-GCM"}, {3, "AES-256-CCM"}, {4, "AES-256-GCM"}, {0, NULL},
};

/* [MS-SMB2] 2.2.3.1.1 */
static const struct code_name hashes[] = {
    {1, "SHA-512"},
    {0, NULL},
};

/* [MS-SMB2] 2.2.3.1.3 */
static const struct code_name compressions[] = {
    {1, "LZNT1"}, {2, "LZ77"}, {3, "LZ77+Huffman"}, {4, "Pattern_V1"}, {5, "LZ4"}, {0, NULL},
};

/* [MS-SMB2] 2.2.3.1.7 */
static const struct code_name signings[] = {
    {0, "HMAC-SHA256"},
    {1, "AES-CMAC"},
    {2, "AES-GMAC"},
    {0, NULL},
};

static const char *name_of(const struct code_name *names, uint16_t code)
{
    while (names->name != NULL && names->code != code) {
        names++;
    }
    return names->name;
}

static void state_code(struct observation *o, enum fact_id id, const struct code_name *names,
                       uint16_t code)
{
    const char *name = name_of(names, code);
    if (name != NULL) {
        observation_string(o, id, name);
    } else {
        observation_format(o, id, "0x%04x", code);
    }
}

static enum smb_signing signing_of(uint16_t security_mode)
{
    return smb_signing_of((security_mode & 0x1) != 0, (security_mode & 0x2) != 0);
}

/* [MS-SMB2] 2.2.3.1.2, 2.2.3.1.7: a count, and in a reply the one that was chosen; no cipher is 0.
 */
static void state_choice(struct observation *o, enum fact_id id, const struct code_name *names,
                         struct cursor c)
{
    uint16_t count = cursor_le16(&c);
    uint16_t chosen = cursor_le16(&c);
    if (!c.failed && count == 1 && (chosen != 0 || id != FACT_SMB_CIPHER)) {
        state_code(o, id, names, chosen);
    }
}

/* [MS-SMB2] 2.2.3.1.1: counts of hashes and of salt octets, then the hashes. */
static void state_preauth(struct observation *o, struct cursor c)
{
    cursor_skip(&c, 4);
    uint16_t hash = cursor_le16(&c);
    if (!c.failed) {
        state_code(o, FACT_SMB_PREAUTH, hashes, hash);
    }
}

/* [MS-SMB2] 2.2.3.1.3: count, padding, flags, algorithms. */
static void state_compression(struct observation *o, struct cursor c)
{
    unsigned count = cursor_le16(&c);
    cursor_skip(&c, 6);
    for (unsigned i = 0; i < count && c.rest.len >= 2; i++) {
        uint16_t algorithm = cursor_le16(&c);
        if (algorithm != 0) {
            state_code(o, FACT_SMB_COMPRESSION, compressions, algorithm);
        }
    }
}

/* What a reply agreed to; of a request, the name it asks for. */
static void read_context(struct observation *o, bool reply, uint16_t type, struct cursor c)
{
    if (!reply) {
        if (type == CONTEXT_NETNAME) {
            observation_utf16le(o, FACT_SMB_NETNAME, c.rest);
        }
        return;
    }
    switch (type) {
    case CONTEXT_PREAUTH:
        state_preauth(o, c);
        break;
    case CONTEXT_ENCRYPTION:
        state_choice(o, FACT_SMB_CIPHER, ciphers, c);
        break;
    case CONTEXT_COMPRESSION:
        state_compression(o, c);
        break;
    case CONTEXT_SIGNING:
        state_choice(o, FACT_SMB_SIGNING_ALGORITHM, signings, c);
        break;
    default:
        break;
    }
}

struct contexts {
    size_t offset; /* from the start of the header */
    unsigned count;
};

/* [MS-SMB2] 2.2.3.1 */
static void read_contexts(struct dissection *dx, struct observation *o, bool reply,
                          struct bytes message, struct contexts at)
{
    struct cursor c = cursor_of(bytes_from(message, at.offset));
    if (at.count > 0 && at.offset < SMB2_HEADER) {
        dissection_anomaly(dx, "smb.bad_offset");
        return;
    }
    for (unsigned i = 0; i < at.count; i++) {
        uint16_t type = cursor_le16(&c);
        size_t len = cursor_le16(&c);
        cursor_skip(&c, 4);
        struct cursor data = cursor_sub(&c, len);
        if (data.failed) {
            dissection_anomaly(dx, "smb.bad_offset");
            return;
        }
        read_context(o, reply, type, data);
        size_t padding = (8 - len % 8) % 8;
        cursor_skip(&c, padding < c.rest.len ? padding : c.rest.len);
    }
}

/* [MS-SMB2] 2.2.3: the contexts' place holds a time when 3.1.1 is not among the dialects. */
void smb2_negotiate_request(struct dissection *dx, struct smb_state *s, struct bytes message)
{
    struct cursor c = cursor_of(bytes_from(message, SMB2_HEADER));
    cursor_skip(&c, 2);
    unsigned count = cursor_le16(&c);
    uint16_t security_mode = cursor_le16(&c);
    cursor_skip(&c, 6);
    struct bytes guid = cursor_take(&c, 16);
    struct contexts contexts = {.offset = cursor_le32(&c)};
    contexts.count = cursor_le16(&c);
    cursor_skip(&c, 2);
    struct observation *o = smb_negotiation_request(dx, s);
    if (o == NULL || c.failed) {
        return;
    }
    s->negotiation.client = signing_of(security_mode);
    smb_state_guid(o, FACT_SMB_CLIENT_GUID, guid);
    bool has_contexts = false;
    for (unsigned i = 0; i < count && c.rest.len >= 2; i++) {
        uint16_t dialect = cursor_le16(&c);
        has_contexts = has_contexts || dialect == 0x0311;
        state_code(o, FACT_SMB_DIALECTS_OFFERED, dialects, dialect);
    }
    if (has_contexts) {
        read_contexts(dx, o, false, message, contexts);
    }
}

/* [MS-SMB2] 2.2.4 */
void smb2_negotiate_reply(struct dissection *dx, struct smb_state *s, struct bytes message,
                          uint32_t status)
{
    struct observation *o = smb_negotiation_reply(dx, s);
    if (o == NULL) {
        return;
    }
    struct cursor c = cursor_of(bytes_from(message, SMB2_HEADER));
    cursor_skip(&c, 2);
    uint16_t security_mode = cursor_le16(&c);
    uint16_t dialect = cursor_le16(&c);
    unsigned contexts = cursor_le16(&c);
    struct bytes guid = cursor_take(&c, 16);
    cursor_skip(&c, 36);
    size_t offset = cursor_le32(&c);
    if (status == NT_STATUS_SUCCESS && !c.failed) {
        s->negotiation.server = signing_of(security_mode);
        if (dialect == SMB2_WILDCARD) {
            s->negotiation.answered = true;
            return;
        }
        state_code(o, FACT_SMB_DIALECT, dialects, dialect);
        smb_state_guid(o, FACT_SMB_SERVER_GUID, guid);
        if (dialect == 0x0311) {
            read_contexts(dx, o, true, message, (struct contexts){offset, contexts});
        }
    } else {
        smb_state_status(o, status);
    }
    observation_stamp(o, FACT_SMB_RESPONSE_PACKET, dissection_at(dx));
    smb_negotiation_send(dx, s, DIR_SERVER);
}
