#include "tests/bench/smb_messages.h"

#include <string.h>

#include "tests/bench/octets.h"
#include "tests/bench/random.h"
#include "tests/bench/spnego.h"

enum {
    NEGOTIATE = 0,
    SESSION_SETUP = 1,
    LOGOFF = 2,
    TREE_CONNECT = 3,
    TREE_DISCONNECT = 4,
    CREATE = 5,
    CLOSE = 6,
    READ = 8,
    WRITE = 9,
    HEADER = 64,
    FLAG_RESPONSE = 1,
    FLAG_SIGNED = 8,
    SIGNING_ENABLED = 1,
    SIGNING_REQUIRED = 2,
    CREDIT_OCTETS = 65536, /* payload one credit pays for */
    MAX_TRANSFER = 8 << 20,
};

/* FILETIME of the captured morning and of the server's start a week before. */
static const uint64_t now = UINT64_C(134169120000000000);
static const uint64_t started = UINT64_C(134163072000000000);

static const uint32_t status_more_processing_required = 0xc0000016;

static uint16_t credit_charge(uint32_t payload)
{
    return (uint16_t)(payload ? 1 + (payload - 1) / CREDIT_OCTETS : 1);
}

void smb_next(struct smb_session *s, uint32_t payload)
{
    s->message_id += credit_charge(payload);
}

/* [MS-SMB2] 2.1: a zero octet and 24 bits of length; the length is set by close_frame. */
static size_t open_frame(struct octets *o)
{
    octets_be32(o, 0);
    return o->len;
}

static void close_frame(struct octets *o, size_t message)
{
    octets_set_be24(o, message - 3, (uint32_t)(o->len - message));
}

struct header {
    uint16_t command;
    uint16_t charge;
    uint32_t status;
    bool response;
};

/* [MS-SMB2] 2.2.1.2; returns where the header begins. */
static size_t put_header(struct octets *o, const struct smb_session *s, struct header h)
{
    static const uint8_t protocol[] = {0xfe, 'S', 'M', 'B'};
    size_t message = o->len;
    bool is_signed = s->signs && h.command != NEGOTIATE;

    octets_copy(o, protocol, sizeof protocol);
    octets_le16(o, HEADER);
    octets_le16(o, h.charge ? h.charge : 1);
    octets_le32(o, h.status);
    octets_le16(o, h.command);
    octets_le16(o, (uint16_t)(h.charge + 31));
    octets_le32(o, (h.response ? FLAG_RESPONSE : 0U) | (is_signed ? FLAG_SIGNED : 0U));
    octets_le32(o, 0);
    octets_le64(o, s->message_id);
    octets_le32(o, 0xfeff);
    octets_le32(o, s->tree);
    octets_le64(o, s->id);
    if (is_signed)
        random_octets(s->random, o, 16);
    else
        octets_zero(o, 16);
    return message;
}

static size_t open_request(struct octets *o, const struct smb_session *s, uint16_t command,
                           uint32_t payload)
{
    open_frame(o);
    return put_header(o, s, (struct header){.command = command, .charge = credit_charge(payload)});
}

static size_t open_response(struct octets *o, const struct smb_session *s, uint16_t command,
                            uint32_t payload)
{
    open_frame(o);
    return put_header(
        o, s,
        (struct header){.command = command, .charge = credit_charge(payload), .response = true});
}

/* [MS-CIFS] 2.2.3.1, 2.2.4.52.1 */
void smb_multi_protocol_request(struct octets *o)
{
    static const uint8_t header[] = {0xff, 'S', 'M',  'B',  0x72, 0,    0, 0, 0, 0x18, 0x53,
                                     0xc8, 0,   0,    0,    0,    0,    0, 0, 0, 0,    0,
                                     0,    0,   0xff, 0xff, 0xff, 0xfe, 0, 0, 0, 0};
    static const char dialects[] = "\002NT LM 0.12\0\002SMB 2.002\0\002SMB 2.\?\?\?";

    size_t message = open_frame(o);
    octets_copy(o, header, sizeof header);
    octets_u8(o, 0);
    octets_le16(o, sizeof dialects);
    octets_copy(o, dialects, sizeof dialects);
    close_frame(o, message);
}

/* [MS-SMB2] 2.2.3.1, 2.2.4.1: the list is 8-aligned but for its end. */
struct context {
    uint16_t type;
    const uint8_t *data;
    uint16_t len;
};

static void put_context(struct octets *o, size_t message, struct context c)
{
    octets_pad(o, message, 8);
    octets_le16(o, c.type);
    octets_le16(o, c.len);
    octets_le32(o, 0);
    octets_copy(o, c.data, c.len);
}

enum { PREAUTH_INTEGRITY = 1, ENCRYPTION = 2, NETNAME = 5, SIGNING = 8 };

static void put_preauth_integrity(struct octets *o, size_t message, struct random *r)
{
    uint8_t data[6 + 32] = {1, 0, 32, 0, 1, 0}; /* one algorithm, salt length, SHA-512 */
    random_fill(r, data + 6, 32);
    put_context(o, message, (struct context){PREAUTH_INTEGRITY, data, sizeof data});
}

void smb_negotiate_request(struct octets *o, const struct smb_session *s, const char *server)
{
    static const uint16_t dialects[] = {0x0202, 0x0210, 0x0300, 0x0302, 0x0311};
    static const uint8_t ciphers[] = {4, 0, 2, 0, 1, 0, 4, 0, 3, 0}; /* four: GCM before CCM */
    static const uint8_t signing[] = {3, 0, 2, 0, 1, 0, 0, 0};       /* GMAC, CMAC, HMAC */
    struct octets name = {0};

    size_t message = open_request(o, s, NEGOTIATE, 0);
    octets_le16(o, 36);
    octets_le16(o, sizeof dialects / sizeof *dialects);
    octets_le16(o, SIGNING_ENABLED);
    octets_le16(o, 0);
    octets_le32(o, 0x7f);
    random_octets(s->random, o, 16);
    size_t contexts = o->len;
    octets_zero(o, 4);
    octets_le16(o, 4);
    octets_le16(o, 0);
    for (size_t i = 0; i < sizeof dialects / sizeof *dialects; i++)
        octets_le16(o, dialects[i]);
    octets_pad(o, message, 8);
    octets_set_le32(o, contexts, (uint32_t)(o->len - message));
    put_preauth_integrity(o, message, s->random);
    put_context(o, message, (struct context){ENCRYPTION, ciphers, sizeof ciphers});
    put_context(o, message, (struct context){SIGNING, signing, sizeof signing});
    uint16_t len = octets_utf16(&name, server);
    put_context(o, message, (struct context){NETNAME, name.at, len});
    octets_done(&name);
    close_frame(o, message);
}

/* [MS-SMB2] 2.2.4 */
void smb_negotiate_response(struct octets *o, const struct smb_session *s, uint16_t dialect,
                            bool required)
{
    static const uint8_t cipher[] = {1, 0, 2, 0}, signing[] = {1, 0, 2, 0};
    static const uint8_t guid[16] = {0x5a, 0x11, 0xe0, 0x2b, 0x97, 0x44, 0x4f, 0x0d,
                                     0x8c, 0x3e, 0x21, 0x6b, 0x90, 0x7f, 0xd5, 0x18};

    size_t message = open_response(o, s, NEGOTIATE, 0);
    octets_le16(o, 65);
    octets_le16(o, required ? SIGNING_ENABLED | SIGNING_REQUIRED : SIGNING_ENABLED);
    octets_le16(o, dialect);
    octets_le16(o, dialect == SMB_DIALECT_3_1_1 ? 3 : 0);
    octets_copy(o, guid, sizeof guid);
    octets_le32(o, dialect == SMB_DIALECT_2_1 ? 0x07 : 0x2f);
    for (unsigned i = 0; i < 3; i++)
        octets_le32(o, MAX_TRANSFER);
    octets_le64(o, now);
    octets_le64(o, started);
    octets_le16(o, HEADER + 64);
    size_t token_len = o->len;
    octets_le16(o, 0);
    size_t contexts = o->len;
    octets_le32(o, 0);
    size_t token = o->len;
    spnego_server_hint(o);
    octets_set_le16(o, token_len, (uint16_t)(o->len - token));
    if (dialect == SMB_DIALECT_3_1_1) {
        octets_pad(o, message, 8);
        octets_set_le32(o, contexts, (uint32_t)(o->len - message));
        put_preauth_integrity(o, message, s->random);
        put_context(o, message, (struct context){ENCRYPTION, cipher, sizeof cipher});
        put_context(o, message, (struct context){SIGNING, signing, sizeof signing});
    }
    close_frame(o, message);
}

/* [MS-SMB2] 2.2.5 */
void smb_session_setup_request(struct octets *o, const struct smb_session *s,
                               const struct octets *token)
{
    size_t message = open_request(o, s, SESSION_SETUP, 0);
    octets_le16(o, 25);
    octets_u8(o, 0);
    octets_u8(o, SIGNING_ENABLED);
    octets_le32(o, 1);
    octets_le32(o, 0);
    octets_le16(o, HEADER + 24);
    octets_le16(o, (uint16_t)token->len);
    octets_le64(o, 0);
    octets_copy(o, token->at, token->len);
    close_frame(o, message);
}

/* [MS-SMB2] 2.2.6 */
void smb_session_setup_response(struct octets *o, const struct smb_session *s, bool done,
                                const struct octets *token)
{
    size_t message = open_frame(o);
    put_header(o, s,
               (struct header){.command = SESSION_SETUP,
                               .charge = 1,
                               .status = done ? 0 : status_more_processing_required,
                               .response = true});
    octets_le16(o, 9);
    octets_le16(o, 0);
    octets_le16(o, HEADER + 8);
    octets_le16(o, (uint16_t)token->len);
    octets_copy(o, token->at, token->len);
    close_frame(o, message);
}

/* [MS-SMB2] 2.2.9 */
void smb_tree_connect_request(struct octets *o, const struct smb_session *s, const char *path)
{
    size_t message = open_request(o, s, TREE_CONNECT, 0);
    octets_le16(o, 9);
    octets_le16(o, 0);
    octets_le16(o, HEADER + 8);
    octets_le16(o, (uint16_t)(2 * strlen(path)));
    octets_utf16(o, path);
    close_frame(o, message);
}

/* [MS-SMB2] 2.2.10: a disk, read and write */
void smb_tree_connect_response(struct octets *o, const struct smb_session *s)
{
    size_t message = open_response(o, s, TREE_CONNECT, 0);
    octets_le16(o, 16);
    octets_u8(o, 1);
    octets_u8(o, 0);
    octets_le32(o, 0);
    octets_le32(o, 0);
    octets_le32(o, 0x001f01ff);
    close_frame(o, message);
}

/* [MS-SMB2] 2.2.13 */
void smb_create_request(struct octets *o, const struct smb_session *s, const char *name,
                        bool writes)
{
    size_t message = open_request(o, s, CREATE, 0);
    octets_le16(o, 57);
    octets_u8(o, 0);
    octets_u8(o, 0);
    octets_le32(o, 2); /* impersonation */
    octets_zero(o, 16);
    octets_le32(o, writes ? 0x0012019f : 0x00120089);
    octets_le32(o, writes ? 0x80 : 0);
    octets_le32(o, writes ? 0 : 7);
    octets_le32(o, writes ? 5 : 1); /* overwrite or create; open */
    octets_le32(o, 0x60);           /* synchronous, not a directory */
    octets_le16(o, HEADER + 56);
    octets_le16(o, (uint16_t)(2 * strlen(name)));
    octets_zero(o, 8);
    octets_utf16(o, name);
    close_frame(o, message);
}

/* CreationTime, LastAccessTime, LastWriteTime, ChangeTime, AllocationSize, EndOfFile */
static void put_times_and_sizes(struct octets *o, uint64_t size)
{
    for (unsigned i = 0; i < 4; i++)
        octets_le64(o, started);
    octets_le64(o, (size + 4095) / 4096 * 4096);
    octets_le64(o, size);
}

/* [MS-SMB2] 2.2.14 */
void smb_create_response(struct octets *o, const struct smb_session *s, uint64_t size)
{
    size_t message = open_response(o, s, CREATE, 0);
    octets_le16(o, 89);
    octets_u8(o, 0);
    octets_u8(o, 0);
    octets_le32(o, 1);
    put_times_and_sizes(o, size);
    octets_le32(o, 0x80);
    octets_le32(o, 0);
    octets_copy(o, s->file_id, sizeof s->file_id);
    octets_zero(o, 8);
    close_frame(o, message);
}

/* [MS-SMB2] 2.2.19 */
void smb_read_request(struct octets *o, const struct smb_session *s, uint64_t offset, uint32_t n)
{
    size_t message = open_request(o, s, READ, n);
    octets_le16(o, 49);
    octets_u8(o, HEADER + 16);
    octets_u8(o, 0);
    octets_le32(o, n);
    octets_le64(o, offset);
    octets_copy(o, s->file_id, sizeof s->file_id);
    octets_zero(o, 16);
    octets_u8(o, 0);
    close_frame(o, message);
}

/* As close_frame, for n octets that are still to come. */
static void close_frame_before(struct octets *o, size_t message, uint32_t n)
{
    octets_set_be24(o, message - 3, (uint32_t)(o->len - message) + n);
}

/* [MS-SMB2] 2.2.20 */
void smb_read_response(struct octets *o, const struct smb_session *s, uint32_t n)
{
    size_t message = open_response(o, s, READ, n);
    octets_le16(o, 17);
    octets_u8(o, HEADER + 16);
    octets_u8(o, 0);
    octets_le32(o, n);
    octets_zero(o, 8);
    close_frame_before(o, message, n);
}

/* [MS-SMB2] 2.2.21 */
void smb_write_request(struct octets *o, const struct smb_session *s, uint64_t offset, uint32_t n)
{
    size_t message = open_request(o, s, WRITE, n);
    octets_le16(o, 49);
    octets_le16(o, HEADER + 48);
    octets_le32(o, n);
    octets_le64(o, offset);
    octets_copy(o, s->file_id, sizeof s->file_id);
    octets_zero(o, 16);
    close_frame_before(o, message, n);
}

/* [MS-SMB2] 2.2.22 */
void smb_write_response(struct octets *o, const struct smb_session *s, uint32_t n)
{
    size_t message = open_response(o, s, WRITE, n);
    octets_le16(o, 17);
    octets_le16(o, 0);
    octets_le32(o, n);
    octets_zero(o, 8);
    close_frame(o, message);
}

/* [MS-SMB2] 2.2.15 */
void smb_close_request(struct octets *o, const struct smb_session *s)
{
    size_t message = open_request(o, s, CLOSE, 0);
    octets_le16(o, 24);
    octets_zero(o, 6);
    octets_copy(o, s->file_id, sizeof s->file_id);
    close_frame(o, message);
}

/* [MS-SMB2] 2.2.16, attributes not asked for */
void smb_close_response(struct octets *o, const struct smb_session *s)
{
    size_t message = open_response(o, s, CLOSE, 0);
    octets_le16(o, 60);
    octets_zero(o, 58);
    close_frame(o, message);
}

static void put_farewell(struct octets *o, const struct smb_session *s, uint16_t command,
                         bool response)
{
    size_t message = response ? open_response(o, s, command, 0) : open_request(o, s, command, 0);
    octets_le16(o, 4);
    octets_le16(o, 0);
    close_frame(o, message);
}

/* [MS-SMB2] 2.2.11, 2.2.12 */
void smb_tree_disconnect(struct octets *o, const struct smb_session *s, bool response)
{
    put_farewell(o, s, TREE_DISCONNECT, response);
}

/* [MS-SMB2] 2.2.7, 2.2.8 */
void smb_logoff(struct octets *o, const struct smb_session *s, bool response)
{
    put_farewell(o, s, LOGOFF, response);
}
