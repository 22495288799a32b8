/*
 * ntlm.c - NTLM authentications: [MS-NLMP].
 *
 * One record per authentication. Its facts are gathered as NEGOTIATE, CHALLENGE and AUTHENTICATE
 * pass; it is sent when the carrier tells the outcome, when the next authentication begins, or when
 * the flow ends. Responses and session keys are measured and never stated; the NT proof only where
 * the user asked for it.
 */
#include "capture/limits.h"
#include "dissect/dissector.h"
#include "dissect/text.h"

enum message_type { NEGOTIATE_MESSAGE = 1, CHALLENGE_MESSAGE = 2, AUTHENTICATE_MESSAGE = 3 };

/* [MS-NLMP] 2.2.2.5 */
enum negotiate_flag {
    NTLMSSP_NEGOTIATE_UNICODE = 0x00000001,
    NTLMSSP_NEGOTIATE_SIGN = 0x00000010,
    NTLMSSP_NEGOTIATE_SEAL = 0x00000020,
    NTLMSSP_TARGET_TYPE_DOMAIN = 0x00010000,
    NTLMSSP_TARGET_TYPE_SERVER = 0x00020000,
};

/* [MS-NLMP] 2.2.2.1 */
enum av_id {
    MsvAvEOL = 0,
    MsvAvNbComputerName = 1,
    MsvAvNbDomainName = 2,
    MsvAvDnsComputerName = 3,
    MsvAvDnsDomainName = 4,
    MsvAvFlags = 6,
    MsvAvTargetName = 9,
    MsvAvChannelBindings = 10,
};
enum { AV_FLAG_MIC = 0x2 };

enum {
    CHALLENGE_OCTETS = 8,
    V1_RESPONSE_OCTETS = 24,
    NT_PROOF_OCTETS = 16,
    /* NTProofStr and the fixed part of NTLMv2_CLIENT_CHALLENGE: [MS-NLMP] 2.2.2.7, 2.2.2.8 */
    V2_AV_OFFSET = NT_PROOF_OCTETS + 28,
    /* AUTHENTICATE up to the flags; clients older than these end their header before them. */
    AUTHENTICATE_FLAGS_END = 64,
    AUTHENTICATE_OLD_HEADER = 52,
};

struct ntlm {
    struct observation *o; /* NULL: no authentication under way, or a limit bit */
    uint32_t flags;        /* of the CHALLENGE */
    bool negotiated, challenged, authenticated;
};

/* [MS-NLMP] 2.2.1: the length, maximum length and offset of a payload field */
struct field {
    uint16_t len;
    uint32_t offset;
    bool good;
};

static struct field read_field(struct cursor *c)
{
    struct field f = {.len = cursor_le16(c)};
    cursor_skip(c, 2);
    f.offset = cursor_le32(c);
    return f;
}

static struct bytes field_octets(struct bytes message, const struct field *f)
{
    return f->good ? bytes_slice(message, f->offset, f->len) : (struct bytes){0};
}

/* A field is good when it lies behind the header, inside the message and over no earlier good one.
 */
static void check_fields(struct dissection *dx, struct bytes message, size_t header,
                         struct field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct field *f = &fields[i];
        f->good = f->len == 0 || (f->offset >= header && f->offset <= message.len &&
                                  f->len <= message.len - f->offset);
        for (size_t k = 0; k < i && f->good && f->len != 0; k++) {
            const struct field *g = &fields[k];
            f->good = !g->good || g->len == 0 || f->offset >= (uint64_t)g->offset + g->len ||
                      g->offset >= (uint64_t)f->offset + f->len;
        }
        if (!f->good) {
            dissection_anomaly(dx, "ntlm.bad_field");
        }
    }
}

/* The OEM code page is the client's secret: UTF-8 where it fits, else Latin-1. */
static void state_oem(struct observation *o, enum fact_id id, struct bytes text)
{
    if (text_looks_utf8(text)) {
        observation_utf8(o, id, text);
        return;
    }
    uint8_t wide[2 * (LIMIT_TEXT + 1)];
    size_t len = text.len < LIMIT_TEXT + 1 ? text.len : LIMIT_TEXT + 1;
    for (size_t i = 0; i < len; i++) {
        wide[2 * i] = text.at[i];
        wide[2 * i + 1] = 0;
    }
    observation_utf16le(o, id, bytes_of(wide, 2 * len));
}

static void state_name(struct observation *o, enum fact_id id, struct bytes text, bool unicode)
{
    if (text.len == 0) {
        observation_empty(o, id);
    } else if (unicode) {
        observation_utf16le(o, id, text);
    } else {
        state_oem(o, id, text);
    }
}

static void state_flags(struct observation *o, uint32_t flags)
{
    observation_bool(o, FACT_NTLM_SIGN, (flags & NTLMSSP_NEGOTIATE_SIGN) != 0);
    observation_bool(o, FACT_NTLM_SEAL, (flags & NTLMSSP_NEGOTIATE_SEAL) != 0);
}

/* ---- a record's life ---- */

static void finish(struct dissection *dx, struct ntlm *s, const struct outcome *outcome)
{
    static const char *const results[] = {
        [AUTH_UNKNOWN] = "unknown", [AUTH_SUCCESS] = "success", [AUTH_FAILURE] = "failure"};
    struct observation *o = s->o;
    if (o != NULL) {
        if (s->challenged && !s->authenticated) {
            state_flags(o, s->flags);
        }
        observation_string(o, FACT_NTLM_RESULT, results[outcome ? outcome->result : AUTH_UNKNOWN]);
        if (outcome != NULL) {
            observation_string(o, FACT_NTLM_STATUS, outcome->status);
            observation_stamp(o, FACT_NTLM_RESULT_PACKET, dissection_at(dx));
        }
        bool servers = s->challenged && !s->authenticated;
        dissection_send(dx, o, servers ? DIR_SERVER : DIR_CLIENT);
    }
    *s = (struct ntlm){0};
}

/* Begins a record unless one is open that this message continues. */
static struct observation *open_record(struct dissection *dx, struct ntlm *s, bool continues)
{
    bool under_way = s->negotiated || s->challenged || s->authenticated;
    if (under_way && !continues) {
        finish(dx, s, NULL);
        under_way = false;
    }
    if (!under_way) {
        s->o = dissection_begin(dx, RECORD_NTLM);
        if (s->o != NULL) {
            observation_string(s->o, FACT_NTLM_CARRIER, dissection_carrier(dx));
        }
    }
    dissection_auth(dx)->mechanism = AUTH_NTLM;
    return s->o;
}

/* ---- the messages ---- */

/* [MS-NLMP] 2.2.1.1 */
static void read_negotiate(struct dissection *dx, struct ntlm *s)
{
    if (s->negotiated && !s->challenged && !s->authenticated) {
        return; /* sent again */
    }
    struct observation *o = open_record(dx, s, false);
    s->negotiated = true;
    if (o != NULL) {
        observation_stamp(o, FACT_NTLM_NEGOTIATE_PACKET, dissection_at(dx));
    }
}

struct av_pair {
    uint16_t id;
    struct bytes value;
};

/* [MS-NLMP] 2.2.2.1. False at the end; a list that breaks off is named. */
static bool next_av_pair(struct dissection *dx, struct cursor *c, struct av_pair *ret_pair)
{
    if (c->rest.len == 0) {
        return false;
    }
    uint16_t id = cursor_le16(c);
    uint16_t len = cursor_le16(c);
    struct bytes value = cursor_take(c, len);
    if (c->failed) {
        dissection_anomaly(dx, "ntlm.bad_field");
        return false;
    }
    *ret_pair = (struct av_pair){.id = id, .value = value};
    return id != MsvAvEOL;
}

static void state_target_info(struct dissection *dx, struct observation *o, struct bytes info)
{
    static const enum fact_id names[] = {
        [MsvAvNbComputerName] = FACT_NTLM_SERVER_NAME,
        [MsvAvNbDomainName] = FACT_NTLM_SERVER_DOMAIN,
        [MsvAvDnsComputerName] = FACT_NTLM_SERVER_DNS_NAME,
        [MsvAvDnsDomainName] = FACT_NTLM_SERVER_DNS_DOMAIN,
    };
    struct cursor c = cursor_of(info);
    struct av_pair pair;
    uint32_t stated = 0;
    while (next_av_pair(dx, &c, &pair)) {
        if (pair.id > MsvAvDnsDomainName || (stated & 1u << pair.id) != 0) {
            continue;
        }
        stated |= 1u << pair.id;
        observation_utf16le(o, names[pair.id], pair.value);
    }
}

/* [MS-NLMP] 2.2.1.2 */
static bool read_challenge(struct dissection *dx, struct ntlm *s, struct bytes message)
{
    enum { TARGET_NAME, TARGET_INFO, FIELDS };
    struct field fields[FIELDS] = {0};
    struct cursor c = cursor_of(bytes_from(message, 12));
    fields[TARGET_NAME] = read_field(&c);
    uint32_t flags = cursor_le32(&c);
    struct bytes challenge = cursor_take(&c, CHALLENGE_OCTETS);
    if (c.failed) {
        return false;
    }
    size_t header = 32;
    if (fields[TARGET_NAME].len == 0 || fields[TARGET_NAME].offset >= 48) {
        cursor_skip(&c, 8);
        fields[TARGET_INFO] = read_field(&c);
        header = c.failed ? 32 : 48;
    }
    check_fields(dx, message, header, fields, FIELDS);

    struct observation *o = open_record(dx, s, !s->challenged && !s->authenticated);
    s->challenged = true;
    s->flags = flags;
    if (o == NULL) {
        return true;
    }
    observation_stamp(o, FACT_NTLM_CHALLENGE_PACKET, dissection_at(dx));
    observation_hex(o, FACT_NTLM_SERVER_CHALLENGE, challenge);
    struct bytes info = field_octets(message, &fields[TARGET_INFO]);
    struct bytes name = field_octets(message, &fields[TARGET_NAME]);
    if (info.len > 0) {
        state_target_info(dx, o, info);
    } else if (name.len > 0) {
        bool unicode = (flags & NTLMSSP_NEGOTIATE_UNICODE) != 0;
        if ((flags & NTLMSSP_TARGET_TYPE_DOMAIN) != 0) {
            state_name(o, FACT_NTLM_SERVER_DOMAIN, name, unicode);
        } else if ((flags & NTLMSSP_TARGET_TYPE_SERVER) != 0) {
            state_name(o, FACT_NTLM_SERVER_NAME, name, unicode);
        }
    }
    return true;
}

static bool all_zero(struct bytes octets)
{
    for (size_t i = 0; i < octets.len; i++) {
        if (octets.at[i] != 0) {
            return false;
        }
    }
    return true;
}

/* [MS-NLMP] 3.3.1, 3.3.2: told by the lengths of the responses. An LM response alone is version 1
 * too. */
static const char *variant_of(struct bytes lm, struct bytes nt)
{
    if (nt.len > V1_RESPONSE_OCTETS) {
        return "v2";
    }
    if (nt.len == 0 && lm.len <= 1) {
        return "anonymous";
    }
    if (nt.len == V1_RESPONSE_OCTETS) {
        bool ess = lm.len == V1_RESPONSE_OCTETS && all_zero(bytes_from(lm, CHALLENGE_OCTETS));
        return ess ? "v1-ess" : "v1";
    }
    return nt.len == 0 && lm.len == V1_RESPONSE_OCTETS ? "v1" : NULL;
}

/* What the client's own target information adds: [MS-NLMP] 2.2.2.7, 3.1.5.1.2 */
static void state_v2_response(struct dissection *dx, struct observation *o, struct bytes nt)
{
    struct cursor c = cursor_of(bytes_from(nt, V2_AV_OFFSET));
    struct av_pair pair;
    struct bytes spn = {0};
    bool mic = false, bound = false;
    while (next_av_pair(dx, &c, &pair)) {
        if (pair.id == MsvAvFlags) {
            struct cursor value = cursor_of(pair.value);
            mic = (cursor_le32(&value) & AV_FLAG_MIC) != 0;
        } else if (pair.id == MsvAvTargetName) {
            spn = pair.value;
        } else if (pair.id == MsvAvChannelBindings) {
            bound = !all_zero(pair.value);
        }
    }
    observation_utf16le(o, FACT_NTLM_TARGET_SPN, spn);
    observation_bool(o, FACT_NTLM_MIC, mic);
    observation_bool(o, FACT_NTLM_CHANNEL_BINDING, bound);
    /* With the client's own challenge, which is stated nowhere, no password can be tried on it. */
    observation_hash(o, FACT_NTLM_RESPONSE_HASH,
                     bytes_hash(BYTES_HASH_START, bytes_slice(nt, 0, V2_AV_OFFSET)));
    if (dissection_secrets(dx)) {
        observation_hex(o, FACT_NTLM_NT_PROOF, bytes_slice(nt, 0, NT_PROOF_OCTETS));
    }
}

static void state_responses(struct dissection *dx, struct observation *o, struct bytes lm,
                            struct bytes nt)
{
    observation_string(o, FACT_NTLM_VARIANT, variant_of(lm, nt));
    if (nt.len > V1_RESPONSE_OCTETS) {
        state_v2_response(dx, o, nt);
    } else if (nt.len != 0 || lm.len > 1) {
        observation_bool(o, FACT_NTLM_MIC, false);
        observation_bool(o, FACT_NTLM_CHANNEL_BINDING, false);
    }
}

/* [MS-NLMP] 2.2.1.3 */
static bool read_authenticate(struct dissection *dx, struct ntlm *s, struct bytes message)
{
    enum { LM, NT, DOMAIN, USER, WORKSTATION, SESSION_KEY, FIELDS };
    struct field fields[FIELDS] = {0};
    struct cursor c = cursor_of(bytes_from(message, 12));
    size_t payload = message.len;
    for (int i = LM; i < SESSION_KEY; i++) {
        fields[i] = read_field(&c);
        if (fields[i].len != 0 && fields[i].offset < payload) {
            payload = fields[i].offset;
        }
    }
    if (c.failed) {
        return false;
    }
    uint32_t flags = s->flags;
    size_t header = AUTHENTICATE_OLD_HEADER;
    if (payload >= AUTHENTICATE_FLAGS_END) {
        fields[SESSION_KEY] = read_field(&c);
        flags = cursor_le32(&c);
        header = AUTHENTICATE_FLAGS_END;
    }
    check_fields(dx, message, header, fields, FIELDS);

    struct observation *o = open_record(dx, s, !s->authenticated);
    s->authenticated = true;
    dissection_auth(dx)->anonymous = fields[USER].len == 0;
    if (o == NULL) {
        return true;
    }
    static const struct {
        unsigned field;
        enum fact_id id;
    } names[] = {
        {DOMAIN, FACT_NTLM_DOMAIN}, {USER, FACT_NTLM_USER}, {WORKSTATION, FACT_NTLM_WORKSTATION}};
    observation_stamp(o, FACT_NTLM_AUTHENTICATE_PACKET, dissection_at(dx));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct field *f = &fields[names[i].field];
        if (f->good) {
            state_name(o, names[i].id, field_octets(message, f),
                       (flags & NTLMSSP_NEGOTIATE_UNICODE) != 0);
        }
    }
    if (fields[LM].good && fields[NT].good) {
        state_responses(dx, o, field_octets(message, &fields[LM]),
                        field_octets(message, &fields[NT]));
    }
    state_flags(o, flags);
    return true;
}

static struct fed ntlm_feed(struct dissection *dx, void *state, enum dir dir, struct bytes in)
{
    struct ntlm *s = state;
    struct cursor c = cursor_of(in);
    struct bytes signature = cursor_take(&c, 8);
    uint32_t type = cursor_le32(&c);
    bool good = bytes_is(signature, "NTLMSSP", 8) && !c.failed;
    (void)dir; /* the message type says who sent it */
    if (good && type == NEGOTIATE_MESSAGE) {
        read_negotiate(dx, s);
    } else if (good && type == CHALLENGE_MESSAGE) {
        good = read_challenge(dx, s, in);
    } else {
        good = good && type == AUTHENTICATE_MESSAGE && read_authenticate(dx, s, in);
    }
    return good ? fed_ok(in.len) : fed_bad();
}

static void ntlm_end(struct dissection *dx, void *state, const struct outcome *outcome)
{
    finish(dx, state, outcome);
}

const struct dissector ntlm_dissector = {
    .name = "ntlm",
    .state_size = sizeof(struct ntlm),
    .feed = ntlm_feed,
    .end = ntlm_end,
};
