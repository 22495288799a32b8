/*
 * smb1_setup.c - SMB 1 NEGOTIATE and SESSION_SETUP_ANDX, with extended security and without.
 */
#include "dissect/smb.h"

#define CAP_EXTENDED_SECURITY 0x80000000u

/* SecurityMode, [MS-CIFS] 2.2.4.52.2 */
enum {
    NEGOTIATE_USER_SECURITY = 0x01,
    NEGOTIATE_ENCRYPT_PASSWORDS = 0x02,
    NEGOTIATE_SIGNATURES_ENABLED = 0x04,
    NEGOTIATE_SIGNATURES_REQUIRED = 0x08
};

/* ---- negotiate ---- */

/* [MS-CIFS] 2.2.4.52.1 */
void smb1_negotiate_request(struct dissection *dx, struct smb_state *s, const struct smb1_block *b)
{
    struct observation *o = smb_negotiation_request(dx, s);
    if (o == NULL) {
        return;
    }
    s->negotiation.client = smb_signing_of((b->flags2 & SMB1_FLAGS2_SIGNATURE) != 0,
                                           (b->flags2 & SMB1_FLAGS2_SIGNATURE_REQUIRED) != 0);
    struct cursor c = cursor_of(b->data);
    while (c.rest.len > 0 && cursor_u8(&c) == 0x02) {
        const uint8_t *end = memchr(c.rest.at, 0, c.rest.len);
        if (end == NULL) {
            dissection_anomaly(dx, "smb.bad_length");
            return;
        }
        struct bytes name = cursor_take(&c, (size_t)(end - c.rest.at));
        cursor_skip(&c, 1);
        if (name.len == 0) {
            observation_empty(o, FACT_SMB_DIALECTS_OFFERED);
        } else {
            observation_utf8(o, FACT_SMB_DIALECTS_OFFERED, name);
        }
    }
}

/* The name of the offered dialect number `index`, or NULL. */
static const char *offered(const struct observation *o, unsigned index)
{
    const struct fact *f = NULL;
    do {
        f = observation_more(o, FACT_SMB_DIALECTS_OFFERED, f);
    } while (f != NULL && index-- > 0);
    return f == NULL ? NULL : fact_text(o, f);
}

/* [MS-SMB] 2.2.4.5.2.2: behind the challenge comes nothing that is wanted. */
static void read_security(struct smb_negotiation *n, const struct smb1_block *b)
{
    struct cursor c = cursor_of(b->words);
    cursor_skip(&c, 2);
    uint8_t mode = cursor_u8(&c);
    cursor_skip(&c, 16);
    uint32_t capabilities = cursor_le32(&c);
    cursor_skip(&c, 10);
    size_t challenge = cursor_u8(&c);
    n->clear_passwords = !c.failed && (mode & NEGOTIATE_ENCRYPT_PASSWORDS) == 0;
    observation_string(n->draft, FACT_SMB_SECURITY,
                       (mode & NEGOTIATE_USER_SECURITY) != 0 ? "user" : "share");
    n->server = smb_signing_of((mode & NEGOTIATE_SIGNATURES_ENABLED) != 0,
                               (mode & NEGOTIATE_SIGNATURES_REQUIRED) != 0);
    n->has_challenge = !c.failed && (capabilities & CAP_EXTENDED_SECURITY) == 0 &&
                       (mode & NEGOTIATE_ENCRYPT_PASSWORDS) != 0 &&
                       challenge == sizeof n->challenge && b->data.len >= sizeof n->challenge;
    if (n->has_challenge) {
        memcpy(n->challenge, b->data.at, sizeof n->challenge);
    }
}

/* [MS-SMB] 2.2.4.5.2.1: extended security has the server's GUID first. */
static bool has_guid(const struct smb1_block *b)
{
    struct cursor c = cursor_of(b->words);
    cursor_skip(&c, 19);
    return (cursor_le32(&c) & CAP_EXTENDED_SECURITY) != 0 && b->data.len >= 16;
}

/* [MS-CIFS] 2.2.4.52.2; 13 words are a LAN Manager dialect, which knows no signing, 1 word the core
 * protocol. */
void smb1_negotiate_reply(struct dissection *dx, struct smb_state *s, const struct smb1_block *b)
{
    struct observation *o = smb_negotiation_reply(dx, s);
    if (o == NULL) {
        return;
    }
    struct smb_negotiation *n = &s->negotiation;
    n->has_challenge = false;
    struct cursor c = cursor_of(b->words);
    uint16_t index = cursor_le16(&c);
    if (b->status != 0 || c.failed) {
        smb_state_status(o, b->status);
    } else if (index != 0xffff) {
        observation_string(o, FACT_SMB_DIALECT, offered(o, index));
    }
    if (b->words.len == 34) {
        read_security(n, b);
        if (has_guid(b)) {
            smb_state_guid(o, FACT_SMB_SERVER_GUID, bytes_of(b->data.at, 16));
        }
    } else if (b->words.len == 26) {
        n->server = SMB_SIGNING_NONE;
    }
    observation_stamp(o, FACT_SMB_RESPONSE_PACKET, dissection_at(dx));
    smb_negotiation_send(dx, s, DIR_SERVER);
}

/* ---- session setup ---- */

/* A password in clear text, as servers without NEGOTIATE_ENCRYPT_PASSWORDS ask for it; nobody keeps
 * it. */
static void read_clear_logon(struct dissection *dx, struct smb_setup *setup, struct bytes user,
                             bool unicode)
{
    setup->draft = smb_record(dx, "session_setup");
    if (setup->draft != NULL) {
        smb1_state_text(setup->draft, FACT_SMB_USER, user, unicode);
        observation_bool(setup->draft, FACT_SMB_PASSWORD_EXPOSED, true);
    }
}

/* The logon of a request without extended security; the responses give only their lengths. */
static void read_logon(struct dissection *dx, const struct smb_state *s, const struct smb1_block *b,
                       struct smb_setup *setup, size_t oem, size_t nt)
{
    struct smb1_strings strings = smb1_strings_of(b, oem + nt);
    struct bytes user = smb1_string(&strings);
    struct bytes domain = smb1_string(&strings);
    bool anonymous = nt == 0 && oem <= 1 && user.len == 0;
    if (!anonymous && nt < 24 && oem != 24) { /* or a guest's empty password */
        if (oem > 1 || nt > 2) {
            read_clear_logon(dx, setup, user, strings.unicode);
        }
        return;
    }
    struct observation *o = dissection_begin(dx, RECORD_NTLM);
    if (o == NULL) {
        return;
    }
    observation_string(o, FACT_NTLM_CARRIER, "smb");
    observation_string(o, FACT_NTLM_VARIANT, anonymous ? "anonymous" : nt > 24 ? "v2" : "v1");
    smb1_state_text(o, FACT_NTLM_USER, user, strings.unicode);
    smb1_state_text(o, FACT_NTLM_DOMAIN, domain, strings.unicode);
    if (s->negotiation.has_challenge) {
        observation_hex(o, FACT_NTLM_SERVER_CHALLENGE,
                        bytes_of(s->negotiation.challenge, sizeof s->negotiation.challenge));
    }
    observation_stamp(o, FACT_NTLM_AUTHENTICATE_PACKET, dissection_at(dx));
    setup->ntlm = o;
    setup->nameless = anonymous;
}

/* [MS-SMB] 2.2.4.6.1 (12 words), [MS-CIFS] 2.2.4.53.1 (13 words; 10 before NT LM 0.12) */
void smb1_setup_request(struct dissection *dx, struct smb_state *s, const struct smb1_block *b)
{
    struct smb_setup setup = {.session = b->session, .message = b->key, .smb1 = true};
    struct cursor c = cursor_of(b->words);
    cursor_skip(&c, 14);
    size_t first = cursor_le16(&c);
    if (b->words.len == 24) {
        setup.blob = bytes_slice(b->data, 0, first);
        if (first > b->data.len) {
            dissection_anomaly(dx, "smb.bad_length");
        }
    } else if (b->words.len == 26) {
        read_logon(dx, s, b, &setup, first, cursor_le16(&c));
    } else if (b->words.len == 20) {
        read_logon(dx, s, b, &setup, first, 0);
    }
    smb_session_request(dx, s, &setup);
}

/* [MS-SMB] 2.2.4.6.2 (4 words), [MS-CIFS] 2.2.4.53.2 (3 words) */
void smb1_setup_reply(struct dissection *dx, struct smb_state *s, const struct smb1_block *b)
{
    struct smb_setup setup = {.session = b->session,
                              .message = b->key,
                              .status = b->status,
                              .is_signed = b->is_signed,
                              .smb1 = true};
    struct cursor c = cursor_of(b->words);
    cursor_skip(&c, 4);
    uint16_t action = cursor_le16(&c);
    setup.guest = (action & 0x1) != 0;
    if (b->words.len == 8) {
        size_t len = cursor_le16(&c);
        setup.blob = bytes_slice(b->data, 0, len);
        if (len > b->data.len) {
            dissection_anomaly(dx, "smb.bad_length");
        }
    }
    smb_session_reply(dx, s, &setup);
}
