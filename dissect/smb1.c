/*
 * smb1.c - SMB 1 messages: header, ANDX chains, shares and data.
 */
#include "dissect/smb.h"

#include "dissect/nt_status.h"

/* [MS-CIFS] 2.2.2.1 */
enum {
    SMB_COM_CLOSE = 0x04,
    SMB_COM_READ = 0x0a,
    SMB_COM_WRITE = 0x0b,
    SMB_COM_LOCKING_ANDX = 0x24,
    SMB_COM_TRANSACTION = 0x25,
    SMB_COM_ECHO = 0x2b,
    SMB_COM_OPEN_ANDX = 0x2d,
    SMB_COM_READ_ANDX = 0x2e,
    SMB_COM_WRITE_ANDX = 0x2f,
    SMB_COM_TREE_CONNECT = 0x70,
    SMB_COM_TREE_DISCONNECT = 0x71,
    SMB_COM_NEGOTIATE = 0x72,
    SMB_COM_SESSION_SETUP_ANDX = 0x73,
    SMB_COM_LOGOFF_ANDX = 0x74,
    SMB_COM_TREE_CONNECT_ANDX = 0x75,
    SMB_COM_NT_CREATE_ANDX = 0xa2,
    SMB_COM_NT_CANCEL = 0xa4,
    SMB_COM_NO_ANDX = 0xff,
};

/* How far the data's length lies from the start of the message, at most. */
enum { TRANSFER_HEAD = SMB1_HEADER + 1 + 28 };

/* A chain longer than this is no client's: four different commands may follow each other at most.
 */
enum { CHAIN_MOST = 8 };

struct smb1_header {
    uint8_t command, flags;
    struct smb1_block common; /* what every block of the message shares */
};

bool smb1_command_known(uint8_t command)
{
    /* [MS-CIFS] 2.2.2.1: first and last of each run of codes that are in use. */
    static const uint8_t runs[][2] = {
        {0x00, 0x14}, {0x1a, 0x35}, {0x70, 0x75}, {0x7e, 0x7e}, {0x80, 0x84},
        {0xa0, 0xa2}, {0xa4, 0xa5}, {0xc0, 0xc3}, {0xd8, 0xda},
    };
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
        if (command >= runs[i][0] && command <= runs[i][1]) {
            return true;
        }
    }
    return false;
}

/* [MS-CIFS] 2.2.3.4 */
static bool is_andx(uint8_t command)
{
    switch (command) {
    case SMB_COM_LOCKING_ANDX:
    case SMB_COM_OPEN_ANDX:
    case SMB_COM_READ_ANDX:
    case SMB_COM_WRITE_ANDX:
    case SMB_COM_SESSION_SETUP_ANDX:
    case SMB_COM_LOGOFF_ANDX:
    case SMB_COM_TREE_CONNECT_ANDX:
    case SMB_COM_NT_CREATE_ANDX:
        return true;
    default:
        return false;
    }
}

/* Before signing is in force, this stands where a signature will be. */
static bool is_signature(struct bytes octets)
{
    static const uint8_t zero[8] = {0};
    return octets.len == 8 && memcmp(octets.at, zero, 8) != 0 &&
           memcmp(octets.at, "BSRSPYL ", 8) != 0;
}

/* [MS-CIFS] 2.2.3.1 */
static struct smb1_header read_header(struct bytes message)
{
    struct smb1_header h = {0};
    struct cursor c = cursor_of(message);
    cursor_skip(&c, 4);
    h.command = cursor_u8(&c);
    uint32_t status = cursor_le32(&c);
    h.flags = cursor_u8(&c);
    h.common.flags2 = cursor_le16(&c);
    uint64_t pid_high = cursor_le16(&c);
    struct bytes signature = cursor_take(&c, 8);
    cursor_skip(&c, 2);
    h.common.tree = cursor_le16(&c);
    uint64_t pid_low = cursor_le16(&c);
    h.common.session = cursor_le16(&c);
    uint64_t mid = cursor_le16(&c);
    h.common.message = message;
    h.common.status = status;
    h.common.key = pid_high << 32 | pid_low << 16 | mid;
    h.common.is_signed = (h.common.flags2 & SMB1_FLAGS2_SIGNATURE) != 0 && is_signature(signature);
    return h;
}

static bool is_reply(const struct smb1_header *h)
{
    return (h->flags & 0x80) != 0;
}

/* As far as the FID that SMB_COM_CLOSE names. */
enum { CLOSE_HEAD = SMB1_HEADER + 1 + 6 };

size_t smb1_want(struct dissection *dx, struct smb_state *s, struct bytes head, size_t length)
{
    struct smb1_header h = read_header(bytes_of(head.at, SMB1_HEADER));
    bool pipe = smb_tree_is_pipe(s, h.common.session, h.common.tree, length);
    size_t want = SMB1_HEADER + 1;
    switch (h.command) {
    case SMB_COM_NEGOTIATE:
    case SMB_COM_SESSION_SETUP_ANDX:
    case SMB_COM_TREE_CONNECT:
    case SMB_COM_TREE_CONNECT_ANDX:
        want = LIMIT_SMB_MESSAGE;
        break;
    case SMB_COM_TRANSACTION:
        want = pipe ? LIMIT_SMB_MESSAGE : want;
        break;
    case SMB_COM_OPEN_ANDX:
    case SMB_COM_NT_CREATE_ANDX:
        want = pipe || smb_files_matter(dx) ? LIMIT_SMB_MESSAGE : want;
        break;
    case SMB_COM_READ:
    case SMB_COM_READ_ANDX:
        want = pipe ? LIMIT_SMB_MESSAGE : is_reply(&h) || s->opens != NULL ? TRANSFER_HEAD : want;
        break;
    case SMB_COM_CLOSE:
        want = s->opens != NULL ? CLOSE_HEAD : want;
        break;
    case SMB_COM_WRITE:
    case SMB_COM_WRITE_ANDX:
        want = pipe ? LIMIT_SMB_MESSAGE : is_reply(&h) ? want : TRANSFER_HEAD;
        break;
    default:
        break;
    }
    return want < length ? want : length;
}

/* ---- strings ---- */

struct smb1_strings smb1_strings_of(const struct smb1_block *b, size_t skipped)
{
    size_t end = b->data_at + b->data.len;
    size_t at = skipped < b->data.len ? b->data_at + skipped : end;
    return (struct smb1_strings){.message = b->message,
                                 .at = at,
                                 .end = end,
                                 .unicode = (b->flags2 & SMB1_FLAGS2_UNICODE) != 0};
}

/* [MS-CIFS] 2.2.1.1: UTF-16LE at an even place of the message, or octets of the OEM code page. */
struct bytes smb1_string(struct smb1_strings *strings)
{
    size_t width = strings->unicode ? 2 : 1;
    size_t start = strings->at + (strings->unicode ? strings->at % 2 : 0);
    if (start > strings->end) {
        start = strings->end;
    }
    size_t at = start;
    while (strings->end - at >= width &&
           (strings->message.at[at] != 0 || (width == 2 && strings->message.at[at + 1] != 0))) {
        at += width;
    }
    strings->at = strings->end - at >= width ? at + width : strings->end;
    return bytes_slice(strings->message, start, at - start);
}

void smb1_state_text(struct observation *o, enum fact_id id, struct bytes text, bool unicode)
{
    if (unicode) {
        observation_utf16le(o, id, text);
    } else {
        observation_utf8(o, id, text);
    }
}

/* ---- shares ---- */

/* A share's own password, where share and not user is what protects it, of so many octets. */
static void connect(struct dissection *dx, struct smb_state *s, const struct smb1_block *b,
                    struct smb1_strings strings, size_t password)
{
    struct smb_connect connect = {.message = b->key,
                                  .session = b->session,
                                  .draft = smb_record(dx, "tree_connect"),
                                  .at = *dissection_at(dx)};
    if (connect.draft != NULL) {
        smb1_state_text(connect.draft, FACT_SMB_PATH, smb1_string(&strings), strings.unicode);
        if (s->negotiation.clear_passwords && password > 1) { /* one octet: none */
            observation_bool(connect.draft, FACT_SMB_PASSWORD_EXPOSED, true);
        }
        smb_tree_request(dx, s, &connect);
    }
}

/* [MS-CIFS] 2.2.4.55.1 */
static void connect_andx_request(struct dissection *dx, struct smb_state *s,
                                 const struct smb1_block *b)
{
    struct cursor c = cursor_of(b->words);
    cursor_skip(&c, 6);
    size_t password = cursor_le16(&c);
    if (!c.failed) {
        connect(dx, s, b, smb1_strings_of(b, password), password);
    }
}

/* [MS-CIFS] 2.2.4.50.1: a buffer format octet stands before each string. */
static void connect_request(struct dissection *dx, struct smb_state *s, const struct smb1_block *b)
{
    connect(dx, s, b, smb1_strings_of(b, 1), 0);
}

static const char *share_type(struct bytes service)
{
    static const struct {
        const char *service, *type;
    } types[] = {{"A:", "disk"}, {"IPC", "pipe"}, {"LPT1:", "print"}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (bytes_is(service, types[i].service, strlen(types[i].service))) {
            return types[i].type;
        }
    }
    return NULL;
}

/* [MS-CIFS] 2.2.4.55.2; the core reply, 2.2.4.50.2, has the TID in its second word. */
static void connect_reply(struct dissection *dx, struct smb_state *s, const struct smb1_block *b,
                          bool core)
{
    struct smb_connected connected = {
        .message = b->key, .session = b->session, .tree = b->tree, .status = b->status};
    if (core) {
        struct cursor c = cursor_of(b->words);
        cursor_skip(&c, 2);
        uint16_t tree = cursor_le16(&c);
        connected.tree = c.failed ? b->tree : tree;
    } else {
        struct smb1_strings strings = smb1_strings_of(b, 0);
        strings.unicode = false; /* the service's name is always OEM text */
        connected.share_type = share_type(smb1_string(&strings));
    }
    smb_tree_reply(dx, s, &connected);
}

/* ---- data ---- */

static void moved(struct dissection *dx, struct smb_state *s, const struct smb1_block *b,
                  uint64_t octets, bool written)
{
    smb_tree_moved(dx, s, b->session, b->tree, octets, written);
}

/* Data of `octets` at `offset` must lie in a message of `length`. */
static bool data_fits(struct dissection *dx, size_t offset, uint64_t octets, size_t length)
{
    if (octets > 0 && (offset > length || octets > length - offset)) {
        dissection_anomaly(dx, "smb.bad_length");
        return false;
    }
    return true;
}

/* [MS-SMB] 2.2.4.2.2 */
static void read_andx_reply(struct dissection *dx, struct smb_state *s, const struct smb1_block *b,
                            size_t length)
{
    struct cursor c = cursor_of(b->words);
    cursor_skip(&c, 10);
    uint64_t low = cursor_le16(&c);
    size_t offset = cursor_le16(&c);
    uint64_t octets = low | (uint64_t)cursor_le16(&c) << 16;
    if (!c.failed && data_fits(dx, offset, octets, length)) {
        moved(dx, s, b, octets, false);
        if (s->opens != NULL) {
            const struct smb_read *read = smb_read_find(s, b->key, b->session);
            smb_file_moved(dx, read->open, read->use, octets, false);
        }
        smb_pipe_data(dx, smb_pipe_expecting(s, b->key), DIR_SERVER,
                      bytes_slice(b->message, offset, (size_t)octets), octets);
    }
}

/* [MS-SMB] 2.2.4.3.1 */
static void write_andx_request(struct dissection *dx, struct smb_state *s,
                               const struct smb1_block *b, size_t length)
{
    enum {
        RAW_MESSAGE_START = 0x000c
    }; /* with both bits a length of two octets stands before the data */
    struct cursor c = cursor_of(b->words);
    cursor_skip(&c, 4);
    uint16_t file = cursor_le16(&c);
    cursor_skip(&c, 8);
    uint16_t mode = cursor_le16(&c);
    cursor_skip(&c, 2);
    uint64_t high = cursor_le16(&c);
    uint64_t octets = cursor_le16(&c) | high << 16;
    size_t offset = cursor_le16(&c);
    if (c.failed || !data_fits(dx, offset, octets, length)) {
        return;
    }
    moved(dx, s, b, octets, true);
    if (s->opens != NULL) {
        unsigned use = 0;
        struct smb_open *open = smb_file_find(s, (struct smb_file){.low = file}, 0, &use);
        smb_file_moved(dx, open, use, octets, true);
    }
    if (smb_tree_is_pipe(s, b->session, b->tree, length)) {
        size_t before = (mode & RAW_MESSAGE_START) == RAW_MESSAGE_START && octets >= 2 ? 2 : 0;
        struct bytes data = bytes_slice(b->message, offset, (size_t)octets);
        smb_pipe_data(dx, smb_pipe_of(dx, s, (struct smb_file){.low = file}), DIR_CLIENT,
                      bytes_from(data, before), octets - before);
    }
}

/* [MS-CIFS] 2.2.4.11.2, 2.2.4.12.1: the count stands in the first word, or in the second. */
static void core_transfer(struct dissection *dx, struct smb_state *s, const struct smb1_block *b,
                          size_t length, bool written)
{
    struct cursor c = cursor_of(b->words);
    cursor_skip(&c, written ? 2 : 0);
    uint16_t octets = cursor_le16(&c);
    if (!c.failed && data_fits(dx, 0, octets, length)) {
        moved(dx, s, b, octets, written);
    }
}

/* ---- files and pipes ---- */

/* [MS-CIFS] 2.2.4.64.1, 2.2.4.41.1 */
static void create_request(struct dissection *dx, struct smb_state *s, const struct smb1_block *b,
                           size_t length)
{
    struct smb1_strings strings = smb1_strings_of(b, 0);
    struct smb_opening opening = {.message = b->key,
                                  .session = b->session,
                                  .tree = b->tree,
                                  .name = smb1_string(&strings),
                                  .unicode = strings.unicode};
    smb_file_open(dx, s, &opening);
    if (smb_tree_is_pipe(s, b->session, b->tree, length)) {
        smb_pipe_open(dx, s, b->key, opening.name, opening.unicode);
    }
}

/* [MS-CIFS] 2.2.4.64.2; in OPEN_ANDX, 2.2.4.41.2, the FID stands one octet earlier, and OpenResults
 * say otherwise what was done. */
static void create_reply(struct dissection *dx, struct smb_state *s, const struct smb1_block *b,
                         bool nt)
{
    struct cursor c = cursor_of(b->words);
    cursor_skip(&c, nt ? 5 : 4);
    struct smb_opened opened = {.message = b->key, .status = b->status, .action = UINT32_MAX};
    opened.file.low = cursor_le16(&c);
    if (nt) {
        opened.action = cursor_le32(&c);
    }
    if (s->opens != NULL) {
        smb_file_opened(dx, s, &opened);
    }
    if (!c.failed && b->status == NT_STATUS_SUCCESS) {
        smb_pipe_opened(s, b->key, opened.file);
    }
}

/* [MS-CIFS] 2.2.4.42.1 */
static void read_andx_request(struct dissection *dx, struct smb_state *s,
                              const struct smb1_block *b, size_t length)
{
    struct cursor c = cursor_of(b->words);
    cursor_skip(&c, 4);
    struct smb_file file = {.low = cursor_le16(&c)};
    if (c.failed) {
        return;
    }
    if (s->opens != NULL) {
        struct smb_read read = {.message = b->key, .session = b->session, .tree = b->tree};
        read.open = smb_file_find(s, file, 0, &read.use);
        smb_read_remember(dx, s, &read);
    }
    if (smb_tree_is_pipe(s, b->session, b->tree, length)) {
        smb_pipe_expect(smb_pipe_of(dx, s, file), b->key);
    }
}

/* [MS-CIFS] 2.2.4.5.1 */
static void close_request(struct smb_state *s, const struct smb1_block *b)
{
    struct cursor c = cursor_of(b->words);
    struct smb_file file = {.low = cursor_le16(&c)};
    if (!c.failed && s->opens != NULL) {
        smb_file_close(s, file, 0, b->key);
    }
}

/* [MS-CIFS] 2.2.5.6.1: TRANS_TRANSACT_NMPIPE. The reply does not name the pipe. */
static void transact_request(struct dissection *dx, struct smb_state *s, const struct smb1_block *b)
{
    enum { TRANS_TRANSACT_NMPIPE = 0x0026 };
    struct cursor c = cursor_of(b->words);
    cursor_skip(&c, 22);
    size_t len = cursor_le16(&c);
    size_t offset = cursor_le16(&c);
    uint8_t setup = cursor_u8(&c);
    cursor_skip(&c, 1);
    uint16_t function = cursor_le16(&c);
    struct smb_file file = {.low = cursor_le16(&c)};
    if (!c.failed && setup == 2 && function == TRANS_TRANSACT_NMPIPE) {
        struct smb_pipe *pipe = smb_pipe_of(dx, s, file);
        smb_pipe_data(dx, pipe, DIR_CLIENT, bytes_slice(b->message, offset, len), len);
        smb_pipe_expect(pipe, b->key);
    }
}

/* [MS-CIFS] 2.2.5.6.2 */
static void transact_reply(struct dissection *dx, struct smb_state *s, const struct smb1_block *b)
{
    struct cursor c = cursor_of(b->words);
    cursor_skip(&c, 12);
    size_t len = cursor_le16(&c);
    size_t offset = cursor_le16(&c);
    if (!c.failed) {
        smb_pipe_data(dx, smb_pipe_expecting(s, b->key), DIR_SERVER,
                      bytes_slice(b->message, offset, len), len);
    }
}

/* ---- messages ---- */

static void read_request(struct dissection *dx, struct smb_state *s, uint8_t command,
                         const struct smb1_block *b, size_t length)
{
    switch (command) {
    case SMB_COM_NEGOTIATE:
        smb1_negotiate_request(dx, s, b);
        return;
    case SMB_COM_SESSION_SETUP_ANDX:
        smb1_setup_request(dx, s, b);
        return;
    case SMB_COM_TREE_CONNECT:
        connect_request(dx, s, b);
        return;
    case SMB_COM_TREE_CONNECT_ANDX:
        connect_andx_request(dx, s, b);
        return;
    case SMB_COM_ECHO: /* these name no tree */
    case SMB_COM_LOGOFF_ANDX:
    case SMB_COM_NT_CANCEL:
        return;
    case SMB_COM_WRITE_ANDX:
        write_andx_request(dx, s, b, length);
        break;
    case SMB_COM_WRITE:
        core_transfer(dx, s, b, length, true);
        break;
    case SMB_COM_NT_CREATE_ANDX:
    case SMB_COM_OPEN_ANDX:
        create_request(dx, s, b, length);
        break;
    case SMB_COM_READ_ANDX:
        read_andx_request(dx, s, b, length);
        break;
    case SMB_COM_CLOSE:
        close_request(s, b);
        break;
    case SMB_COM_TRANSACTION:
        if (smb_tree_is_pipe(s, b->session, b->tree, length)) {
            transact_request(dx, s, b);
        }
        break;
    default:
        break;
    }
    smb_tree_used(dx, s, b->session, b->tree, b->is_signed);
}

static void read_answer(struct dissection *dx, struct smb_state *s, uint8_t command,
                        const struct smb1_block *b, size_t length)
{
    switch (command) {
    case SMB_COM_NEGOTIATE:
        smb1_negotiate_reply(dx, s, b);
        break;
    case SMB_COM_SESSION_SETUP_ANDX:
        smb1_setup_reply(dx, s, b);
        break;
    case SMB_COM_TREE_CONNECT:
    case SMB_COM_TREE_CONNECT_ANDX:
        connect_reply(dx, s, b, command == SMB_COM_TREE_CONNECT);
        break;
    case SMB_COM_TREE_DISCONNECT:
        smb_tree_disconnect(s, b->session, b->tree);
        break;
    case SMB_COM_READ_ANDX:
        read_andx_reply(dx, s, b, length);
        break;
    case SMB_COM_NT_CREATE_ANDX:
    case SMB_COM_OPEN_ANDX:
        create_reply(dx, s, b, command == SMB_COM_NT_CREATE_ANDX);
        break;
    case SMB_COM_CLOSE:
        smb_file_closed(dx, s, b->key);
        break;
    case SMB_COM_TRANSACTION:
        transact_reply(dx, s, b);
        break;
    case SMB_COM_READ:
        core_transfer(dx, s, b, length, false);
        break;
    default:
        break;
    }
}

/* Words and data of the command at `at`; what lies past the message is left out.
 * [MS-CIFS] 2.2.3.2, 2.2.3.3 */
static bool read_block(struct smb1_block *b, size_t at)
{
    struct cursor c = cursor_of(bytes_from(b->message, at));
    size_t words = cursor_u8(&c);
    b->words = cursor_take(&c, 2 * words < c.rest.len ? 2 * words : c.rest.len);
    if (c.failed) {
        return false;
    }
    size_t count = cursor_le16(&c);
    b->data_at = b->message.len - c.rest.len;
    b->data = cursor_take(&c, count < c.rest.len ? count : c.rest.len);
    return true;
}

/* Status without NT codes is a DOS class and code: only its success has a meaning of ours. */
static uint32_t status_of(const struct smb1_header *h)
{
    uint32_t status = h->common.status;
    bool dos = (h->common.flags2 & SMB1_FLAGS2_NT_STATUS) == 0;
    return dos && (status & 0xff) == 0 && status >> 16 == 0 ? NT_STATUS_SUCCESS : status;
}

void smb1_message(struct dissection *dx, struct smb_state *s, struct bytes message, size_t length)
{
    struct smb1_header h = read_header(message);
    h.common.status = status_of(&h);
    uint8_t command = h.command;
    size_t at = SMB1_HEADER;
    for (unsigned links = 0; links < CHAIN_MOST; links++) {
        struct smb1_block b = h.common;
        if (!read_block(&b, at)) {
            dissection_anomaly(dx, "smb.bad_length");
            return;
        }
        if (is_reply(&h)) {
            read_answer(dx, s, command, &b, length);
        } else {
            read_request(dx, s, command, &b, length);
        }
        struct cursor c = cursor_of(b.words);
        uint8_t next = cursor_u8(&c);
        cursor_skip(&c, 1);
        size_t offset = cursor_le16(&c);
        if (!is_andx(command) || c.failed || next == SMB_COM_NO_ANDX) {
            return;
        }
        if (offset <= at || offset >= length) {
            dissection_anomaly(dx, "smb.bad_offset");
            return;
        }
        if (offset >= message.len) { /* behind data that was not waited for */
            return;
        }
        command = next;
        at = offset;
    }
}
