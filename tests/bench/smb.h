/*
 * smb.h - how an SMB2 connection begins and ends, for short visits and bulk transfers alike.
 *
 * Owner:  the session is the caller's; it borrows the scene's random source.
 */
#ifndef ROLECALL_BENCH_SMB_H
#define ROLECALL_BENCH_SMB_H

#include <stdbool.h>
#include <stdint.h>

struct scene;
struct smb_session;

/* Negotiate, session setup and tree connect to `share` of the scene's server. */
void smb_begin(struct scene *sc, struct smb_session *s, const char *share, bool must_sign);
/* Opens a file of `size` octets; a new FileId each time. */
void smb_open_file(struct scene *sc, struct smb_session *s, bool writes, uint64_t size);
void smb_close_file(struct scene *sc, struct smb_session *s);
/* Tree disconnect and logoff. */
void smb_end(struct scene *sc, struct smb_session *s);

#endif
