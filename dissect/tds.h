/*
 * tds.h - what the parts of the TDS dissector share: the state of one connection.
 *
 * tds.c frames, tds_probe.c probes; tds_prelogin.c, tds_login.c (and tds_login4.c for what came
 * before TDS 7), tds_answer.c and tds_request.c read messages.
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

/* [MS-TDS] 2.2.6.5: the name by which TLS is asked for before anything else. */
#define TDS_ALPN "tds/8.0"

/* [MS-TDS] 2.2.3.1.1 */
enum tds_type {
    TDS_SQL_BATCH = 0x01,
    TDS_LOGIN = 0x02, /* before TDS 7 */
    TDS_RPC = 0x03,
    TDS_TABULAR_RESULT = 0x04,
    TDS_ATTENTION = 0x06,
    TDS_BULK_LOAD = 0x07,
    TDS_FEDERATED_TOKEN = 0x08,
    TDS_TRANSACTION = 0x0e,
    TDS_NORMAL = 0x0f, /* TDS 5.0: a request made of tokens */
    TDS_LOGIN7 = 0x10,
    TDS_SSPI = 0x11,
    TDS_PRELOGIN = 0x12,
};

enum { TDS_STATUS_EOM = 0x01 }; /* [MS-TDS] 2.2.3.1.2 */

struct tds_header {
    uint8_t type, status, packet, window;
    uint16_t len, spid;
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

/* One line of requests and replies: the connection itself, or a session of MARS. */
struct tds_session {
    bool used;
    bool inside[2];              /* by enum dir: the message goes on in the next packet */
    uint16_t sid;                /* [MC-SMP] 2.2.1 */
    uint32_t owed[2];            /* by enum dir: of a packet, what further frames bring */
    struct tds_lane request;     /* LIMIT_TDS_TEXT of it */
    struct observation *waiting; /* a request whose reply has not come */
};

/* What was asked for after the login. */
struct tds_work {
    uint64_t batches, rpcs, bulk_loads, attentions, sessions;
    struct stamp first;
};

struct tds_state {
    struct tds_lane lanes[2]; /* by enum dir */
    struct tds_session main;
    struct tds_session *sessions; /* LIMIT_TDS_SESSIONS of them; NULL until the first one */
    unsigned next_session;
    struct {
        uint32_t left; /* octets of the SMP frame still to come */
        struct tds_session *session;
    } frames[2]; /* by enum dir */
    struct tds_work work;
    struct tds_prelogin prelogin;
    struct observation *login; /* waits for the server's answer */
    struct dissection *tls;    /* the handshake in packets of type 0x12 */
    struct dissection *sspi;
    bool tls_over[2]; /* by enum dir: nothing more to learn from it */
    bool prelogin_done, logged_in, refused;
    bool old;        /* TDS 4.2 or 5.0: text is octets */
    bool big_endian; /* the client of an old version asked for that */
};

/* ---- tds_probe.c ---- */

enum probe tds_probe(struct bytes head);
struct tds_header tds_header_read(struct cursor *c);
bool tds_is_type(uint8_t type);

/* [MC-SMP] 2.2.1 */
enum { SMP_SMID = 0x53, SMP_HEADER = 16 };
enum smp_flag { SMP_SYN = 1, SMP_ACK = 2, SMP_FIN = 4, SMP_DATA = 8 };
struct smp_header {
    uint8_t flags;
    uint16_t sid;
    uint32_t len;
};
/* False: it is none. `c` has SMP_HEADER octets. */
bool smp_header_read(struct cursor *c, struct smp_header *ret);

/* ---- tds_prelogin.c ---- */

/* The option list of a PRELOGIN message, of either end. */
void tds_prelogin_read(struct dissection *dx, struct tds_state *s, enum dir dir,
                       struct bytes message);
void tds_prelogin_end(struct dissection *dx, struct tds_state *s, enum dir dir);
/* TLS from the first octet, for TDS 8.0: what takes the place of the PRELOGIN that it hides. */
void tds_strict_state(struct dissection *dx, bool chosen, bool established);
/* What both ends' ENCRYPTION comes to: "none", "login", "full"; NULL: not known. */
const char *tds_encryption_result(int client, int server);
/* VERSION is the first option of every PRELOGIN: this tells it from other content. */
bool tds_prelogin_begins(struct cursor c);

/* ---- tds_login.c ---- */

struct observation *tds_login_begin(struct dissection *dx);
void tds_login_read(struct dissection *dx, struct tds_state *s, struct bytes message);
void tds_sspi_read(struct dissection *dx, struct tds_state *s, enum dir dir, struct bytes token);
void tds_login_end(struct dissection *dx, struct tds_state *s);

/* ---- tds_login4.c ---- */

void tds_login4_read(struct dissection *dx, struct tds_state *s, struct bytes message);
/* Where that record holds its version; the version's four octets, highest first. */
#define TDS_LOGIN4_VERSION_AT 458

/* ---- tds_answer.c ---- */

/* The server's answer to a login, as far as its tokens say how it ended. */
void tds_answer_read(struct dissection *dx, struct tds_state *s, struct bytes message);
/* The error that a reply begins with; nothing when it begins with none. */
void tds_error_read(const struct tds_state *s, struct observation *o, struct bytes reply);

/* ---- tds_request.c ---- */

/* Octets of a packet's content that its reader wants, at most `length`. */
size_t tds_work_want(struct dissection *dx, const struct tds_session *session,
                     const struct tds_header *h, size_t length);
/* A packet after the login; `content` is as much of it as was wanted. */
void tds_work_read(struct dissection *dx, struct tds_state *s, struct tds_session *session,
                   const struct tds_header *h, struct bytes content);
void tds_session_end(struct dissection *dx, struct tds_session *session);
void tds_work_end(struct dissection *dx, struct tds_state *s);

#endif
