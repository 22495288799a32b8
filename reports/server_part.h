/*
 * server_part.h - what the server's files share; only reports/server*.c include it.
 */
#ifndef ROLECALL_REPORTS_SERVER_PART_H
#define ROLECALL_REPORTS_SERVER_PART_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "reports/server_access.h"

#define NS_PER_SECOND INT64_C(1000000000)
#define LATEST_EVENTS 8 /* names of events that are not kept */

struct rendering {
    struct server *server;
    atomic_uint holders;
    struct shared *octets;
    struct bytes *parts;
    uint64_t change;
    int64_t begun_ns;
};

struct latest_event {
    const char *name; /* NULL: free */
    struct shared *octets;
    uint64_t serial;
};

struct events {
    struct shared *ring[LIMIT_WEB_EVENTS]; /* kept ones; number n lies at n % LIMIT_WEB_EVENTS */
    uint64_t first, next;                  /* numbers, from 1 on */
    size_t octets;
    struct latest_event latest[LATEST_EVENTS];
    uint64_t serial;
    bool ended;
};

struct visitor { /* a connection; the serving thread's */
    bool used, in_request;
    int fd;
    uint8_t address[16];
    int64_t deadline_ns;
};

struct stream { /* somebody who listens to events; the serving thread's */
    struct server *server;
    struct MHD_Connection *connection;
    struct stream *next;
    struct shared *block; /* being sent */
    size_t sent;
    uint64_t next_kept, seen[LATEST_EVENTS];
    int64_t end_ns;
    bool suspended;
};

struct request { /* the serving thread's */
    struct visitor *visitor;
    struct MHD_Connection *connection;
    struct request *next_waiting;
    int64_t asked_ns;
    bool begun, waits; /* waits: suspended until there is a rendering */
    size_t body_len;
    uint8_t body[LIMIT_WEB_FORM];
};

struct server {
    struct server_options options;
    struct server_access access;
    char address[96];
    int listener, waker;
    struct MHD_Daemon *daemon;
    pthread_t thread;
    bool running;
    atomic_bool stop;
    atomic_llong alive_ns;
    atomic_uint renderings;

    pthread_mutex_t lock;      /* of what follows, up to the line */
    struct shared **published; /* by path */
    struct rendering *rendering;
    uint64_t change;
    bool wanted;
    int64_t begun_ns; /* the last rendering that was asked for */
    struct events events;
    struct server_counts counts;
    /* ---- the serving thread's own ---- */
    struct visitor visitors[LIMIT_WEB_VISITORS];
    struct stream *streams;
    struct request *waiting;
    struct access_failures failures;
    int64_t second;    /* of the count below */
    unsigned arrivals; /* connections in it */
    unsigned hurried;  /* turns in a row in which MHD did not want to wait */
};

int64_t server_now(void); /* monotonic ns */
void server_wake(struct server *s);
void rendering_drop(struct rendering *r);
void address_key(const struct sockaddr *from, uint8_t ret[16]);
void server_count(struct server *s, uint64_t *count); /* one more */

/* server_answer.c: MHD's callbacks. */
enum MHD_Result server_answer(void *user, struct MHD_Connection *c, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **state);
void server_answered(void *user, struct MHD_Connection *c, void **state,
                     enum MHD_RequestTerminationCode how);
/* What waits is looked at again; `all`: whatever it waits for. */
void server_wake_waiting(struct server *s, bool all);
extern const char login_style[];

/* server_events.c */
enum MHD_Result stream_open(struct server *s, struct MHD_Connection *c,
                            enum MHD_Result (*send)(struct server *, struct MHD_Connection *,
                                                    struct MHD_Response *));
void streams_wake(struct server *s);
void events_free(struct events *e);

#endif
