/*
 * server.h - the live report over HTTP: hands out what it is given, and knows nothing of what it
 * says.
 *
 * One thread of its own serves (libmicrohttpd); whoever has the audit publishes octets that no
 * longer change (shared.h), from any thread, and is never kept waiting. Paths are those of the
 * options, and of the server's own: /healthz, /events (server-sent events), /login.
 *
 * Every request is bounded (LIMIT_WEB_...): connections, also of one address; octets, seconds,
 * methods. Only names of this machine are answered to, so that no foreign page reaches it by DNS
 * rebinding. Off loopback a token and TLS are demanded; a token is compared in constant time and
 * never shown; browsers trade it for a cookie that ends by itself.
 *
 * Files are read and the socket listens when server_open returns: nothing is opened later.
 */
#ifndef ROLECALL_REPORTS_SERVER_H
#define ROLECALL_REPORTS_SERVER_H

#include "reports/shared.h"

#define SERVER_ERROR 400

struct server_path {
    const char *path, *type; /* type: of the content */
    /* False: published as it changes. True: a part of a rendering (server_render), which is made
     * when somebody asks; the visitor waits for it. */
    bool rendered;
    const char *policy; /* Content-Security-Policy; NULL: nothing at all may run or load */
};

struct server_options {
    const char *listen;                                   /* "127.0.0.1:8080", "[::1]:8080" */
    const char *token_file, *certificate_file, *key_file; /* NULL: none */
    const struct server_path *paths;                      /* they outlive the server */
    unsigned path_count;
};

struct server_counts {
    uint64_t requests, refused_requests; /* refused: by name, method, size, token */
    uint64_t wrong_tokens;
    uint64_t refused_connections; /* more than are served */
    uint64_t timed_out;           /* connections ended because their time was over */
    unsigned visitors, streams;   /* now */
};

struct server;

/* 0 or a negative errno, with one line in `error`. */
int server_open(const struct server_options *o, char error[SERVER_ERROR],
                struct server **ret) MUST_USE;
/* Where it listens, such as "http://127.0.0.1:8080/". */
const char *server_address(const struct server *s);
/* Starts the thread: it has the rights of who calls. */
int server_start(struct server *s) MUST_USE;
/* In a child process: its copy of the socket must not outlive the parent. */
void server_forget(struct server *s);
/* Tells an end to who listens, then ends the thread. NULL is fine; returns NULL. */
struct server *server_close(struct server *s);

/* Many times a second: /healthz tells when that stops. */
void server_alive(struct server *s);
/* What the path says from now on. Holds `octets` for itself. */
void server_publish(struct server *s, unsigned path, struct shared *octets);

/* A rendering: all rendered paths as they were at one moment. */
struct server_rendering {
    struct shared *octets;
    struct bytes *parts; /* by path, within the octets; without octets: not there */
    uint64_t change;     /* what server_wanted said when it was begun */
};
/* What is rendered is out of date by now. */
void server_changed(struct server *s);
/* True when somebody waits for a rendering. */
bool server_wanted(struct server *s, uint64_t *ret_change);
void server_render(struct server *s, const struct server_rendering *r);
/* Renderings that are still held, by visitors or as the newest one. */
unsigned server_renderings(struct server *s);

/* An event for all who listen; `data` is one line of JSON. Kept ones are also for those who come a
 * little later, and outdate what is rendered; of others only the newest of each name matters.
 * Returns the number of a kept one. */
uint64_t server_event(struct server *s, const char *name, struct bytes data, bool kept);

void server_counts(struct server *s, struct server_counts *ret);

#endif
