/*
 * smb2.c - SMB 2 and 3 messages: what they are, and those of them that have no file of their own.
 */
#include "dissect/smb.h"

#include "dissect/nt_status.h"

/* [MS-SMB2] 2.2.1.2 */
enum {
    SMB2_NEGOTIATE = 0,
    SMB2_SESSION_SETUP = 1,
    SMB2_LOGOFF = 2,
    SMB2_TREE_CONNECT = 3,
    SMB2_TREE_DISCONNECT = 4,
    SMB2_CREATE = 5,
    SMB2_CLOSE = 6,
    SMB2_READ = 8,
    SMB2_WRITE = 9,
    SMB2_IOCTL = 11,
    SMB2_CANCEL = 12,
    SMB2_ECHO = 13,
    SMB2_QUERY_DIRECTORY = 14,
};
enum { FLAG_REPLY = 0x1, FLAG_ASYNC = 0x2, FLAG_RELATED = 0x4, FLAG_SIGNED = 0x8 };

/* READ and WRITE: as far as the length of the data. */
enum { TRANSFER_HEAD = SMB2_HEADER + 8 };

/* READ, and WRITE where its file matters, as far as the FileId; CLOSE and QUERY_DIRECTORY, the
 * same. */
enum { READ_HEAD = SMB2_HEADER + 32, CLOSE_HEAD = SMB2_HEADER + 24 };

struct smb2_header {
    uint32_t status, flags, tree;
    uint16_t command;
    uint64_t message, session;
    uint64_t opening; /* the message of the compound that opens a file */
};

/* [MS-SMB2] 2.2.1.1, 2.2.1.2 */
static struct smb2_header read_header(struct bytes head)
{
    struct cursor c = cursor_of(head);
    struct smb2_header h = {0};
    cursor_skip(&c, 8);
    h.status = cursor_le32(&c);
    h.command = cursor_le16(&c);
    cursor_skip(&c, 2);
    h.flags = cursor_le32(&c);
    cursor_skip(&c, 4);
    h.message = cursor_le64(&c);
    cursor_skip(&c, 4);
    h.tree = cursor_le32(&c);
    h.session = cursor_le64(&c);
    if ((h.flags & FLAG_ASYNC) != 0) { /* the tree's place holds half of the AsyncId */
        h.tree = UINT32_MAX;
    }
    return h;
}

size_t smb2_want(struct smb_state *s, struct bytes head, size_t length)
{
    struct smb2_header h = read_header(head);
    bool reply = (h.flags & FLAG_REPLY) != 0;
    size_t want = SMB2_HEADER;
    switch (h.command) {
    case SMB2_NEGOTIATE:
    case SMB2_SESSION_SETUP:
    case SMB2_TREE_CONNECT:
    case SMB2_CREATE:
    case SMB2_IOCTL:
        want = LIMIT_SMB_MESSAGE;
        break;
    case SMB2_READ:
        want = reply ? TRANSFER_HEAD : READ_HEAD;
        if (reply && smb_tree_is_pipe(s, h.session, h.tree, length) &&
            smb_pipe_expecting(s, h.message) != NULL) {
            want = LIMIT_SMB_MESSAGE;
        }
        break;
    case SMB2_WRITE:
        want = reply ? SMB2_HEADER : s->opens != NULL ? READ_HEAD : TRANSFER_HEAD;
        if (!reply && smb_tree_is_pipe(s, h.session, h.tree, length)) {
            want = LIMIT_SMB_MESSAGE;
        }
        break;
    case SMB2_CLOSE:
    case SMB2_QUERY_DIRECTORY:
        want = !reply && s->opens != NULL ? CLOSE_HEAD : SMB2_HEADER;
        break;
    default:
        break;
    }
    return want < length ? want : length;
}

/* ---- session setup ---- */

/* A buffer named by offset and length from the start of the header; an impossible one is said once.
 */
static struct bytes read_buffer(struct dissection *dx, struct bytes message, size_t offset,
                                size_t len)
{
    struct bytes buffer = bytes_slice(message, offset, len);
    if (len > 0 && (buffer.len == 0 || offset < SMB2_HEADER)) {
        dissection_anomaly(dx, "smb.bad_offset");
        return (struct bytes){0};
    }
    return buffer;
}

/* [MS-SMB2] 2.2.5 */
static void setup_request(struct dissection *dx, struct smb_state *s, const struct smb2_header *h,
                          struct bytes message)
{
    enum { SMB2_SESSION_FLAG_BINDING = 0x01 };
    struct cursor c = cursor_of(bytes_from(message, SMB2_HEADER));
    cursor_skip(&c, 2);
    uint8_t flags = cursor_u8(&c);
    cursor_skip(&c, 9);
    size_t offset = cursor_le16(&c);
    size_t len = cursor_le16(&c);
    struct smb_setup setup = {.session = h->session, .message = h->message};
    if (!c.failed) {
        setup.blob = read_buffer(dx, message, offset, len);
        setup.binding = (flags & SMB2_SESSION_FLAG_BINDING) != 0;
        setup.previous = cursor_le64(&c);
    }
    smb_session_request(dx, s, &setup);
}

/* [MS-SMB2] 2.2.6 */
static void setup_reply(struct dissection *dx, struct smb_state *s, const struct smb2_header *h,
                        struct bytes message)
{
    struct smb_setup setup = {.session = h->session,
                              .message = h->message,
                              .status = h->status,
                              .is_signed = (h->flags & FLAG_SIGNED) != 0};
    if (h->status == NT_STATUS_SUCCESS || h->status == NT_STATUS_MORE_PROCESSING_REQUIRED) {
        struct cursor c = cursor_of(bytes_from(message, SMB2_HEADER));
        cursor_skip(&c, 2);
        uint16_t flags = cursor_le16(&c);
        size_t offset = cursor_le16(&c);
        size_t len = cursor_le16(&c);
        setup.guest = (flags & 0x1) != 0;
        setup.anonymous = (flags & 0x2) != 0;
        setup.encrypted = (flags & 0x4) != 0;
        if (!c.failed) {
            setup.blob = read_buffer(dx, message, offset, len);
        }
    }
    smb_session_reply(dx, s, &setup);
}

/* ---- tree connect ---- */

/* [MS-SMB2] 2.2.9 */
static void connect_request(struct dissection *dx, struct smb_state *s, const struct smb2_header *h,
                            struct bytes message)
{
    struct cursor c = cursor_of(bytes_from(message, SMB2_HEADER));
    cursor_skip(&c, 4);
    size_t offset = cursor_le16(&c);
    size_t len = cursor_le16(&c);
    struct smb_connect connect = {.message = h->message,
                                  .session = h->session,
                                  .draft = smb_record(dx, "tree_connect"),
                                  .at = *dissection_at(dx)};
    if (connect.draft != NULL) {
        struct bytes path = c.failed ? (struct bytes){0} : read_buffer(dx, message, offset, len);
        observation_utf16le(connect.draft, FACT_SMB_PATH, path);
        smb_tree_request(dx, s, &connect);
    }
}

/* [MS-SMB2] 2.2.10 */
static void connect_reply(struct dissection *dx, struct smb_state *s, const struct smb2_header *h,
                          struct bytes message)
{
    static const char *const types[] = {NULL, "disk", "pipe", "print"};
    struct smb_connected connected = {
        .message = h->message, .session = h->session, .tree = h->tree, .status = h->status};
    if (h->status == NT_STATUS_SUCCESS) {
        struct cursor c = cursor_of(bytes_from(message, SMB2_HEADER));
        cursor_skip(&c, 2);
        uint8_t type = cursor_u8(&c);
        cursor_skip(&c, 1);
        connected.share_type = type < sizeof types / sizeof types[0] ? types[type] : NULL;
        connected.encrypted = (cursor_le32(&c) & 0x8000) != 0;
    }
    smb_tree_reply(dx, s, &connected);
}

/* ---- data ---- */

/* The FileId at `at` of the body: [MS-SMB2] 2.2.14.1 */
static struct smb_file read_file(struct bytes message, size_t at)
{
    struct cursor c = cursor_of(bytes_from(message, SMB2_HEADER + at));
    uint64_t persistent = cursor_le64(&c);
    return (struct smb_file){.high = persistent, .low = cursor_le64(&c)};
}

/* [MS-SMB2] 2.2.19 */
static void read_file_request(struct dissection *dx, struct smb_state *s,
                              const struct smb2_header *h, struct bytes message, size_t length)
{
    struct smb_read read = {.message = h->message, .session = h->session, .tree = h->tree};
    if (s->opens != NULL) {
        read.open = smb_file_find(s, read_file(message, 16), h->opening, &read.use);
    }
    smb_read_remember(dx, s, &read);
    if (smb_tree_is_pipe(s, h->session, h->tree, length)) {
        smb_pipe_expect(smb_pipe_of(dx, s, read_file(message, 16)), h->message);
    }
}

/* Data named by its length must lie in the message. */
static uint64_t read_length(struct dissection *dx, size_t offset, uint32_t data, size_t length)
{
    if (data > 0 && (offset > length || data > length - offset)) {
        dissection_anomaly(dx, "smb.bad_length");
        return 0;
    }
    return data;
}

/* [MS-SMB2] 2.2.20 */
static void read_reply(struct dissection *dx, struct smb_state *s, const struct smb2_header *h,
                       struct bytes message, size_t length)
{
    if (h->status != NT_STATUS_SUCCESS && h->status != NT_STATUS_BUFFER_OVERFLOW) {
        return;
    }
    struct cursor c = cursor_of(bytes_from(message, SMB2_HEADER));
    cursor_skip(&c, 2);
    size_t offset = cursor_u8(&c);
    cursor_skip(&c, 1);
    uint64_t octets = read_length(dx, offset, cursor_le32(&c), length);
    uint32_t tree = h->tree;
    if (tree == UINT32_MAX || s->opens != NULL) {
        const struct smb_read *read = smb_read_find(s, h->message, h->session);
        tree = tree == UINT32_MAX ? read->tree : tree;
        smb_file_moved(dx, read->open, read->use, octets, false);
    }
    smb_tree_moved(dx, s, h->session, tree, octets, false);
    smb_pipe_data(dx, smb_pipe_expecting(s, h->message), DIR_SERVER,
                  bytes_slice(message, offset, (size_t)octets), octets);
}

/* [MS-SMB2] 2.2.21 */
static void write_request(struct dissection *dx, struct smb_state *s, const struct smb2_header *h,
                          struct bytes message, size_t length)
{
    struct cursor c = cursor_of(bytes_from(message, SMB2_HEADER));
    cursor_skip(&c, 2);
    size_t offset = cursor_le16(&c);
    uint32_t data = cursor_le32(&c);
    if (offset == 0) { /* the data travels by RDMA */
        return;
    }
    uint64_t octets = read_length(dx, offset, data, length);
    smb_tree_moved(dx, s, h->session, h->tree, octets, true);
    if (s->opens != NULL) {
        unsigned use = 0;
        struct smb_open *open = smb_file_find(s, read_file(message, 16), h->opening, &use);
        smb_file_moved(dx, open, use, octets, true);
    }
    if (smb_tree_is_pipe(s, h->session, h->tree, length)) {
        struct smb_pipe *pipe = smb_pipe_of(dx, s, read_file(message, 16));
        smb_pipe_data(dx, pipe, DIR_CLIENT, bytes_slice(message, offset, (size_t)octets), octets);
    }
}

/* ---- files and pipes ---- */

/* [MS-SMB2] 2.2.13 */
static void create_request(struct dissection *dx, struct smb_state *s, const struct smb2_header *h,
                           struct bytes message, size_t length)
{
    struct cursor c = cursor_of(bytes_from(message, SMB2_HEADER + 44));
    size_t offset = cursor_le16(&c);
    size_t len = cursor_le16(&c);
    if (c.failed) {
        return;
    }
    struct smb_opening opening = {.message = h->message,
                                  .session = h->session,
                                  .tree = h->tree,
                                  .name = read_buffer(dx, message, offset, len),
                                  .unicode = true};
    smb_file_open(dx, s, &opening);
    if (smb_tree_is_pipe(s, h->session, h->tree, length)) {
        smb_pipe_open(dx, s, h->message, opening.name, true);
    }
}

/* [MS-SMB2] 2.2.14 */
static void create_reply(struct dissection *dx, struct smb_state *s, const struct smb2_header *h,
                         struct bytes message)
{
    struct cursor c = cursor_of(bytes_from(message, SMB2_HEADER + 4));
    struct smb_opened opened = {.message = h->message,
                                .status = h->status,
                                .action = cursor_le32(&c),
                                .file = read_file(message, 64)};
    if (s->opens != NULL) {
        smb_file_opened(dx, s, &opened);
    }
    if (h->status == NT_STATUS_SUCCESS) {
        smb_pipe_opened(s, h->message, opened.file);
    }
}

/* [MS-SMB2] 2.2.31, 2.2.32; [MS-FSCC] 2.3 for the code: both begin alike, and the reply's data is
 * what was output. */
static void pipe_transceive(struct dissection *dx, struct smb_state *s, struct bytes message,
                            enum dir dir)
{
    enum { FSCTL_PIPE_TRANSCEIVE = 0x0011c017 };
    struct cursor c = cursor_of(bytes_from(message, SMB2_HEADER + 4));
    if (cursor_le32(&c) != FSCTL_PIPE_TRANSCEIVE) {
        return;
    }
    cursor_skip(&c, dir == DIR_CLIENT ? 16 : 24);
    size_t offset = cursor_le32(&c);
    size_t len = cursor_le32(&c);
    if (!c.failed) {
        struct smb_pipe *pipe = smb_pipe_of(dx, s, read_file(message, 8));
        smb_pipe_data(dx, pipe, dir, read_buffer(dx, message, offset, len), len);
    }
}

/* ---- messages ---- */

static void read_request(struct dissection *dx, struct smb_state *s, const struct smb2_header *h,
                         struct bytes message, size_t length)
{
    switch (h->command) {
    case SMB2_NEGOTIATE:
        smb2_negotiate_request(dx, s, message);
        return;
    case SMB2_SESSION_SETUP:
        setup_request(dx, s, h, message);
        return;
    case SMB2_TREE_CONNECT:
        connect_request(dx, s, h, message);
        return;
    case SMB2_LOGOFF: /* these name no tree */
    case SMB2_CANCEL:
    case SMB2_ECHO:
        return;
    case SMB2_CREATE:
        create_request(dx, s, h, message, length);
        break;
    case SMB2_IOCTL:
        pipe_transceive(dx, s, message, DIR_CLIENT);
        break;
    case SMB2_READ:
        read_file_request(dx, s, h, message, length);
        break;
    case SMB2_WRITE:
        write_request(dx, s, h, message, length);
        break;
    case SMB2_CLOSE: /* [MS-SMB2] 2.2.15 */
        if (s->opens != NULL) {
            smb_file_close(s, read_file(message, 8), h->opening, h->message);
        }
        break;
    case SMB2_QUERY_DIRECTORY: /* [MS-SMB2] 2.2.33 */
        if (s->opens != NULL) {
            smb_file_list(s, read_file(message, 8), h->opening);
        }
        break;
    default:
        break;
    }
    if (h->tree != UINT32_MAX) {
        smb_tree_used(dx, s, h->session, h->tree, (h->flags & FLAG_SIGNED) != 0);
    }
}

static void read_answer(struct dissection *dx, struct smb_state *s, const struct smb2_header *h,
                        struct bytes message, size_t length)
{
    if (h->status == NT_STATUS_PENDING && (h->flags & FLAG_ASYNC) != 0) {
        return; /* an interim reply: the real one follows */
    }
    switch (h->command) {
    case SMB2_NEGOTIATE:
        smb2_negotiate_reply(dx, s, message, h->status);
        break;
    case SMB2_SESSION_SETUP:
        setup_reply(dx, s, h, message);
        break;
    case SMB2_TREE_CONNECT:
        connect_reply(dx, s, h, message);
        break;
    case SMB2_TREE_DISCONNECT:
        if (h->status == NT_STATUS_SUCCESS) {
            smb_tree_disconnect(s, h->session, h->tree);
        }
        break;
    case SMB2_LOGOFF:
        smb_session_logoff(s, h->session);
        break;
    case SMB2_CREATE:
        create_reply(dx, s, h, message);
        break;
    case SMB2_CLOSE:
        smb_file_closed(dx, s, h->message);
        break;
    case SMB2_IOCTL:
        if (h->status == NT_STATUS_SUCCESS || h->status == NT_STATUS_BUFFER_OVERFLOW) {
            pipe_transceive(dx, s, message, DIR_SERVER);
        }
        break;
    case SMB2_READ:
        read_reply(dx, s, h, message, length);
        break;
    default:
        break;
    }
}

void smb2_message(struct dissection *dx, struct smb_state *s, enum dir dir, struct bytes message,
                  size_t length)
{
    struct smb_lane *lane = &s->lanes[dir];
    struct smb2_header h = read_header(message);
    if ((h.flags & FLAG_RELATED) != 0) { /* [MS-SMB2] 3.3.5.2.7.2: what the one before it named */
        h.session = h.session == UINT64_MAX ? lane->session : h.session;
        h.tree = h.tree == UINT32_MAX ? lane->tree : h.tree;
    }
    h.opening = h.command == SMB2_CREATE ? h.message : lane->opening;
    lane->session = h.session;
    lane->tree = h.tree;
    lane->opening = h.opening;
    if ((h.flags & FLAG_REPLY) != 0) {
        read_answer(dx, s, &h, message, length);
    } else {
        read_request(dx, s, &h, message, length);
    }
}

/* [MS-SMB2] 2.2.41 */
void smb2_transform(struct dissection *dx, struct smb_state *s, struct bytes header)
{
    struct cursor c = cursor_of(header);
    cursor_skip(&c, 44);
    smb_session_hidden(dx, s, cursor_le64(&c));
}
