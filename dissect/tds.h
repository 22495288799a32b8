/*
 * tds.h - what the parts of the TDS dissector share: the state of one connection.
 *
 * tds.c frames and probes; tds_prelogin.c and tds_login.c read messages.
 *
 * Spec:   [MS-TDS] 2.2; MARS frames: [MC-SMP] 2.2.
 * Units:  octets.
 * Owner:  everything lives in the flow's arena; drafts are sent or dropped.
 */
#ifndef ROLECALL_DISSECT_TDS_H
#define ROLECALL_DISSECT_TDS_H

#include "capture/limits.h"
#include "dissect/dissector.h"

#define TDS_HEADER 8

/* [MS-TDS] 2.2.3.1.1 */
enum tds_type {
    TDS_SQL_BATCH = 0x01,
    TDS_RPC = 0x03,
    TDS_TABULAR_RESULT = 0x04,
    TDS_LOGIN7 = 0x10,
    TDS_SSPI = 0x11,
    TDS_PRELOGIN = 0x12,
};

/* A message put together from its packets. */
struct tds_lane {
    uint8_t *message;
    size_t len, room;
    bool too_long; /* the rest of this message is not kept */
};

struct tds_prelogin {
    struct observation *draft; /* NULL: none waits */
    int client, server;        /* [MS-TDS] 2.2.6.5 ENCRYPTION; TDS_UNKNOWN: not seen */
    struct stamp at;
};
#define TDS_UNKNOWN (-1)

struct tds_state {
    struct tds_lane lanes[2]; /* by enum dir */
    struct tds_prelogin prelogin;
    struct observation *login; /* waits for the server's answer */
    struct dissection *tls;    /* the handshake in packets of type 0x12 */
    struct dissection *sspi;
    bool tls_over[2]; /* by enum dir: nothing more to learn from it */
    bool prelogin_done, logged_in, refused;
};

/* ---- tds_prelogin.c ---- */

/* The option list of a PRELOGIN message, of either end. */
void tds_prelogin_read(struct dissection *dx, struct tds_state *s, enum dir dir,
                       struct bytes message);
void tds_prelogin_end(struct dissection *dx, struct tds_state *s, enum dir dir);
/* What both ends' ENCRYPTION comes to: "none", "login", "full"; NULL: not known. */
const char *tds_encryption_result(int client, int server);
/* VERSION is the first option of every PRELOGIN: this tells it from other content. */
bool tds_prelogin_begins(struct cursor c);

/* ---- tds_login.c ---- */

void tds_login_read(struct dissection *dx, struct tds_state *s, struct bytes message);
void tds_sspi_read(struct dissection *dx, struct tds_state *s, enum dir dir, struct bytes token);
/* The server's answer to a login, as far as its tokens say how it ended. */
void tds_answer_read(struct dissection *dx, struct tds_state *s, struct bytes message);
void tds_login_end(struct dissection *dx, struct tds_state *s);

#endif
