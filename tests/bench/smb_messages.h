/*
 * smb_messages.h - SMB2 requests and responses, each in its own direct-TCP frame.
 *
 * Spec:   [MS-SMB2] 2.1, 2.2; [MS-CIFS] 2.2.4.52 for the SMB1 negotiate.
 * Units:  message ids count credits; file sizes and lengths in octets.
 * Owner:  struct smb_session borrows the random source.
 */
#ifndef ROLECALL_BENCH_SMB_MESSAGES_H
#define ROLECALL_BENCH_SMB_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct octets;
struct random;

enum { SMB_DIALECT_2_1 = 0x0210, SMB_DIALECT_3_0_2 = 0x0302, SMB_DIALECT_3_1_1 = 0x0311 };
/* What a server answers to an SMB1 negotiate that offers "SMB 2.???". */
enum { SMB_DIALECT_WILDCARD = 0x02ff };

/* What both ends know of one session. */
struct smb_session {
    struct random *random;
    uint64_t message_id; /* of the request under way; see smb_next */
    uint64_t id;         /* SessionId */
    uint32_t tree;       /* TreeId */
    uint8_t file_id[16];
    bool signs; /* flag and signature on what comes after the session setup */
};

/* After a response: the request's credits are used up. */
void smb_next(struct smb_session *s, uint32_t payload);

/* SMB1 NEGOTIATE with the two SMB2 dialect strings. */
void smb_multi_protocol_request(struct octets *o);
void smb_negotiate_request(struct octets *o, const struct smb_session *s, const char *server);
void smb_negotiate_response(struct octets *o, const struct smb_session *s, uint16_t dialect,
                            bool required);
/* `token` is what SPNEGO has to say; `done`: it is the last one. */
void smb_session_setup_request(struct octets *o, const struct smb_session *s,
                               const struct octets *token);
void smb_session_setup_response(struct octets *o, const struct smb_session *s, bool done,
                                const struct octets *token);
void smb_tree_connect_request(struct octets *o, const struct smb_session *s, const char *path);
void smb_tree_connect_response(struct octets *o, const struct smb_session *s);
void smb_create_request(struct octets *o, const struct smb_session *s, const char *name,
                        bool writes);
void smb_create_response(struct octets *o, const struct smb_session *s, uint64_t size);
void smb_read_request(struct octets *o, const struct smb_session *s, uint64_t offset, uint32_t n);
/* The caller appends exactly n octets of content. */
void smb_read_response(struct octets *o, const struct smb_session *s, uint32_t n);
/* Likewise. */
void smb_write_request(struct octets *o, const struct smb_session *s, uint64_t offset, uint32_t n);
void smb_write_response(struct octets *o, const struct smb_session *s, uint32_t n);
void smb_close_request(struct octets *o, const struct smb_session *s);
void smb_close_response(struct octets *o, const struct smb_session *s);
/* TREE_DISCONNECT and LOGOFF look the same but for the command. */
void smb_tree_disconnect(struct octets *o, const struct smb_session *s, bool response);
void smb_logoff(struct octets *o, const struct smb_session *s, bool response);

#endif
