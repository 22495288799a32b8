/*
 * smb.h - what the parts of the SMB dissector share: the state of one connection.
 *
 * smb.c frames and probes, smb_netbios.c reads what stands before SMB on port 139; smb1.c,
 * smb1_setup.c and smb2.c, smb2_negotiate.c read messages; smb_negotiation.c, smb_session.c,
 * smb_tree.c, smb_file.c and smb_pipe.c keep what outlives a message, for both generations of the
 * protocol.
 *
 * Spec:   [MS-SMB2], [MS-SMB], [MS-CIFS], RFC 1002 4.3.
 * Units:  octets.
 * Owner:  everything lives in the flow's arena; rows are recycled, so a connection takes a bounded
 * amount. Errors: a row or record that cannot be had is left out, and what a full table cost is an
 * anomaly.
 */
#ifndef ROLECALL_DISSECT_SMB_H
#define ROLECALL_DISSECT_SMB_H

#include "capture/limits.h"
#include "dissect/dissector.h"

#define SMB1_HEADER 32
#define SMB2_HEADER 64

/* RFC 1002 4.3.1; direct TCP ([MS-SMB2] 2.1) uses type 0 only, with 24 bits of length. */
enum nbss_type {
    NBSS_MESSAGE = 0x00,
    NBSS_REQUEST = 0x81,
    NBSS_POSITIVE = 0x82,
    NBSS_NEGATIVE = 0x83,
    NBSS_RETARGET = 0x84,
    NBSS_KEEPALIVE = 0x85,
};

enum smb_signing {
    SMB_SIGNING_UNKNOWN,
    SMB_SIGNING_NONE,
    SMB_SIGNING_ENABLED,
    SMB_SIGNING_REQUIRED
};

/* The NEGOTIATE exchanges of a connection, up to the one that chose a dialect. */
struct smb_negotiation {
    struct observation *draft; /* NULL: none under way */
    bool answered;             /* with 0x02FF: another SMB2 NEGOTIATE follows */
    enum smb_signing client, server;
    struct stamp request;
    uint8_t challenge[8]; /* SMB1 without extended security */
    bool has_challenge;
    bool clear_passwords; /* SMB1: the server takes no other */
};

/* One session, or one that is being set up. */
struct smb_session {
    struct smb_session *next;
    uint64_t id;      /* SMB2 SessionId, SMB1 UID; 0: the server has not named it yet */
    uint64_t message; /* of the request that waits for its reply */
    bool waiting;
    bool open; /* the security exchange goes on */
    bool authenticated, guest, anonymous;
    bool binding, again; /* the exchange is for another channel, or for a session that is set up */
    uint64_t previous;   /* the session that the client had before */
    struct stamp request;
    struct observation *draft; /* its record, where the request says what the reply does not */
    struct dissection *child;  /* the SPNEGO exchange */
    struct observation
        *ntlm;           /* SMB1 without extended security: the logon that waits for its reply */
    bool nameless;       /* that logon has no account */
    struct stamp hidden; /* first encrypted message */
    int64_t hidden_last_ns;
};

/* One connected share and what moved through it. */
struct smb_tree {
    struct smb_tree *next;
    uint64_t session;
    uint32_t id;
    bool connected;
    bool encrypted; /* SMB2_SHAREFLAG_ENCRYPT_DATA */
    bool guest, anonymous;
    const char *share_type; /* NULL: not known */
    char *path;             /* NULL or empty: not known */
    size_t path_room;
    uint64_t read, written;
    struct stamp first;
    int64_t last_ns;
    uint64_t signed_requests, unsigned_requests;
    struct stamp unsigned_at;
};

/* A TREE_CONNECT request that waits for its reply. */
struct smb_connect {
    uint64_t message, session;
    struct observation *draft; /* NULL: free slot */
    struct stamp at;
};

/* A READ request: an asynchronous reply does not name the tree, and none names the file. */
struct smb_read {
    uint64_t message, session;
    uint32_t tree;
    bool taken;
    unsigned use;
    struct smb_open *open; /* NULL: nobody asks for files */
};

/* Where reading stands in one direction. */
struct smb_lane {
    size_t left;      /* octets left of the frame; 0: at the start of one */
    uint64_t session; /* of the previous message of a compound */
    uint64_t opening; /* the message of the compound that opens a file */
    uint32_t tree;
};

struct smb_state {
    struct smb_lane lanes[2]; /* by enum dir */
    struct smb_negotiation negotiation;
    struct smb_session *sessions; /* most recently used first */
    unsigned session_count;
    struct smb_tree *trees; /* most recently used first */
    struct smb_tree others; /* what the full table could not take */
    unsigned tree_count;
    struct smb_connect connects[LIMIT_SMB_CONNECTS];
    unsigned next_connect;
    struct smb_pipe *pipes; /* most recently used first */
    unsigned pipe_count;
    struct smb_open *opens; /* most recently used first */
    unsigned open_count;
    struct observation *netbios; /* a session request that waits for its answer */
    struct smb_read *reads;      /* a ring of LIMIT_SMB_READS; NULL until the first one */
    unsigned next_read;
};

/* ---- smb.c ---- */

/* A draft with its `message`, or NULL. */
struct observation *smb_record(struct dissection *dx, const char *message) MUST_USE;
/* `status` and `status_code`. */
void smb_state_status(struct observation *o, uint32_t status);
/* 16 octets as canonical text; nothing when there are fewer. */
void smb_state_guid(struct observation *o, enum fact_id id, struct bytes guid);

/* ---- messages: how much of `length` octets must be there, and reading it ---- */

/* Octets of the message at `head` (its fixed header at least) that its reader wants, at most
 * `length`. */
size_t smb1_want(struct dissection *dx, struct smb_state *s, struct bytes head, size_t length);
void smb1_message(struct dissection *dx, struct smb_state *s, struct bytes message, size_t length);
size_t smb2_want(struct smb_state *s, struct bytes head, size_t length);
void smb2_message(struct dissection *dx, struct smb_state *s, enum dir dir, struct bytes message,
                  size_t length);
/* SMB2 TRANSFORM_HEADER: an encrypted message. */
void smb2_transform(struct dissection *dx, struct smb_state *s, struct bytes header);
bool smb1_command_known(uint8_t command);

/* ---- smb1_setup.c ---- */

/* One command of an SMB1 message; `data_at` is the place of `data` in `message`, for alignment. */
struct smb1_block {
    struct bytes message, words, data;
    size_t data_at;
    uint32_t status;
    uint16_t flags2, tree, session;
    uint64_t key; /* PID and MID: pairs a reply with its request */
    bool is_signed;
};

#define SMB1_FLAGS2_SIGNATURE 0x0004
#define SMB1_FLAGS2_SIGNATURE_REQUIRED 0x0010
#define SMB1_FLAGS2_NT_STATUS 0x4000
#define SMB1_FLAGS2_UNICODE 0x8000

void smb1_negotiate_request(struct dissection *dx, struct smb_state *s, const struct smb1_block *b);
void smb1_negotiate_reply(struct dissection *dx, struct smb_state *s, const struct smb1_block *b);
void smb1_setup_request(struct dissection *dx, struct smb_state *s, const struct smb1_block *b);
void smb1_setup_reply(struct dissection *dx, struct smb_state *s, const struct smb1_block *b);

/* The strings of an SMB1 message, one after the other. */
struct smb1_strings {
    struct bytes message;
    size_t at, end;
    bool unicode;
};
struct smb1_strings smb1_strings_of(const struct smb1_block *b, size_t skipped);
struct bytes smb1_string(struct smb1_strings *strings); /* without its terminator */
void smb1_state_text(struct observation *o, enum fact_id id, struct bytes text, bool unicode);

/* ---- smb2_negotiate.c ---- */

void smb2_negotiate_request(struct dissection *dx, struct smb_state *s, struct bytes message);
void smb2_negotiate_reply(struct dissection *dx, struct smb_state *s, struct bytes message,
                          uint32_t status);

/* ---- smb_negotiation.c ---- */

/* The draft for a NEGOTIATE request; NULL when there is none to be had. */
struct observation *smb_negotiation_request(struct dissection *dx, struct smb_state *s);
/* The draft for a NEGOTIATE reply, begun here when the request was not captured. */
struct observation *smb_negotiation_reply(struct dissection *dx, struct smb_state *s);
void smb_negotiation_send(struct dissection *dx, struct smb_state *s, enum dir dir);
/* From the bits of an SMB2 SecurityMode. */
enum smb_signing smb_signing_of(bool enabled, bool required);

/* ---- smb_session.c ---- */

/* A SESSION_SETUP request or reply of either generation. */
struct smb_setup {
    uint64_t session, message, previous;
    struct bytes blob;         /* security token, may be empty */
    bool binding;              /* request: to a session of another connection */
    struct observation *draft; /* request: the record, taken over; else NULL */
    struct observation
        *ntlm;       /* request: a logon without extended security, taken over; else NULL */
    bool nameless;   /* request: that logon has no account */
    uint32_t status; /* reply: the rest */
    bool guest, anonymous, encrypted, is_signed;
    bool smb1;
};

void smb_session_request(struct dissection *dx, struct smb_state *s, const struct smb_setup *setup);
void smb_session_reply(struct dissection *dx, struct smb_state *s, const struct smb_setup *setup);
struct smb_session *smb_session_find(struct smb_state *s, uint64_t id); /* NULL: never seen */
/* An encrypted message of session `id`. */
void smb_session_hidden(struct dissection *dx, struct smb_state *s, uint64_t id);
void smb_session_logoff(struct smb_state *s, uint64_t id);
void smb_sessions_end(struct dissection *dx, struct smb_state *s);
void smb_state_session(struct observation *o, uint64_t id);

/* ---- smb_tree.c ---- */

struct smb_connected {
    uint64_t message, session;
    uint32_t tree, status;
    const char *share_type;
    bool encrypted;
};

/* Takes over `draft`, which holds the path. */
void smb_tree_request(struct dissection *dx, struct smb_state *s,
                      const struct smb_connect *connect);
void smb_tree_reply(struct dissection *dx, struct smb_state *s,
                    const struct smb_connected *connected);
void smb_tree_disconnect(struct smb_state *s, uint64_t session, uint32_t tree);
/* `octets` of file data moved: read, or written. */
void smb_tree_moved(struct dissection *dx, struct smb_state *s, uint64_t session, uint32_t tree,
                    uint64_t octets, bool written);
/* A request of `session` on `tree`; counted once the session is authenticated. */
void smb_tree_used(struct dissection *dx, struct smb_state *s, uint64_t session, uint32_t tree,
                   bool is_signed);
void smb_trees_end(struct dissection *dx, struct smb_state *s);
/* NULL: its connecting was not captured. */
const struct smb_tree *smb_tree_find(struct smb_state *s, uint64_t session, uint32_t tree);
/* Whether a message of `length` may be of a named pipe of this tree. */
bool smb_tree_is_pipe(struct smb_state *s, uint64_t session, uint32_t tree, size_t length);

/* An open file: SMB2 FileId, or SMB1 FID in `low`. */
struct smb_file {
    uint64_t high, low;
};

/* ---- smb_netbios.c ---- */

bool smb_netbios_name(struct cursor *c, struct bytes *ret_letters);
void smb_netbios_request(struct dissection *dx, struct smb_state *s, struct bytes names);
void smb_netbios_reply(struct dissection *dx, struct smb_state *s, uint8_t type,
                       struct bytes content);
void smb_netbios_end(struct dissection *dx, struct smb_state *s);

/* ---- smb_file.c: what is opened, by name ---- */

struct smb_opening {
    uint64_t message, session;
    uint32_t tree;
    struct bytes name;
    bool unicode;
};
struct smb_opened {
    uint64_t message;
    uint32_t status, action;
    struct smb_file file;
};
/* Whether anybody asks for files by name: the user for all, an audit for some. */
bool smb_files_matter(const struct dissection *dx);
void smb_file_open(struct dissection *dx, struct smb_state *s, const struct smb_opening *opening);
void smb_file_opened(struct dissection *dx, struct smb_state *s, const struct smb_opened *opened);
/* `opening` is the message of the compound that opened it, where the FileId says so. NULL: not
 * known; else *ret_use tells later that the row is still this file's. */
struct smb_open *smb_file_find(struct smb_state *s, struct smb_file file, uint64_t opening,
                               unsigned *ret_use);
void smb_file_moved(struct dissection *dx, struct smb_open *row, unsigned use, uint64_t octets,
                    bool written);
/* The names in a folder were asked for. */
void smb_file_list(struct smb_state *s, struct smb_file file, uint64_t opening);
/* A file is being closed by `message`; and the answer to that. */
void smb_file_close(struct smb_state *s, struct smb_file file, uint64_t opening, uint64_t message);
void smb_file_closed(struct dissection *dx, struct smb_state *s, uint64_t message);
/* What a READ is of; its reply. Never NULL: the tree of what was not remembered is UINT32_MAX. */
void smb_read_remember(struct dissection *dx, struct smb_state *s, const struct smb_read *read);
const struct smb_read *smb_read_find(const struct smb_state *s, uint64_t message, uint64_t session);
void smb_files_end(struct dissection *dx, struct smb_state *s);

/* ---- smb_pipe.c: DCERPC in named pipes ---- */

struct smb_pipe;

/* A pipe is being opened by `message`; and the answer that gives it its file. */
void smb_pipe_open(struct dissection *dx, struct smb_state *s, uint64_t message, struct bytes name,
                   bool unicode);
void smb_pipe_opened(struct smb_state *s, uint64_t message, struct smb_file file);
/* The pipe behind a file, a nameless one when its opening was not seen; NULL when memory is used
 * up. */
struct smb_pipe *smb_pipe_of(struct dissection *dx, struct smb_state *s, struct smb_file file);
/* The reply to `message` will bring octets of this pipe (NULL is fine); and the pipe it brings them
 * for. */
void smb_pipe_expect(struct smb_pipe *pipe, uint64_t message);
struct smb_pipe *smb_pipe_expecting(struct smb_state *s, uint64_t message);
/* `length` octets moved, of which those in `data` are at hand; `pipe` may be NULL. */
void smb_pipe_data(struct dissection *dx, struct smb_pipe *pipe, enum dir dir, struct bytes data,
                   uint64_t length);
/* Some octets of this direction were lost. */
void smb_pipes_gap(struct smb_state *s, enum dir dir);

#endif
