/*
 * server_access.h - who may ask: where the server listens, by which names, with which token.
 *
 * The token is kept as its digest alone. A browser's cookie is a time at which it ends and a code
 * over that time by a key of this run (HMAC-SHA-256): nothing about visitors is kept.
 */
#ifndef ROLECALL_REPORTS_SERVER_ACCESS_H
#define ROLECALL_REPORTS_SERVER_ACCESS_H

#include <sys/socket.h>
#include <time.h>

#include "capture/limits.h"
#include "reports/server.h"

#define ACCESS_DIGEST 32
#define ACCESS_COOKIE 160
#define ACCESS_TOKEN_LEAST 16

struct server_place { /* where it listens */
    struct sockaddr_storage at;
    socklen_t len;
    bool loopback;
};

struct server_access {
    struct server_place place;
    bool has_token;
    uint8_t token[ACCESS_DIGEST], session_key[ACCESS_DIGEST];
    char *certificate, *key;       /* PEM; NULL: no TLS */
    struct x509_st *names;         /* the certificate, for the names in it */
    char cookie_name[32];          /* other services on this host have other ones */
    char style[ACCESS_DIGEST * 2]; /* digest of the login page's style, for its policy */
};

/* "ADDRESS:PORT": an address in digits, or localhost. */
bool access_place(const char *text, struct server_place *ret);
/* Reads what the options name, and refuses what would lay the report open. */
int access_open(const struct server_options *o, const char *style, char error[SERVER_ERROR],
                struct server_access *ret) MUST_USE;
void access_close(struct server_access *a);

/* `host`: the Host header. */
bool access_host(const struct server_access *a, const char *host);
/* `authorization`: that header; NULL: none. */
bool access_bearer(const struct server_access *a, const char *authorization);
/* `body`: a form with the field "token". */
bool access_form(const struct server_access *a, struct bytes body);
bool access_cookie(const struct server_access *a, const char *cookies, time_t now);
/* A Set-Cookie header's value. */
void access_make_cookie(const struct server_access *a, time_t now, char ret[ACCESS_COOKIE]);

/* Wrong tokens, by address. */
struct access_failures {
    struct access_failure {
        uint8_t address[16];
        time_t since;
        unsigned count;
    } rows[LIMIT_WEB_WRONG_ADDRESSES];
};
/* True when this address has to wait. */
bool access_must_wait(const struct access_failures *f, const uint8_t address[16], time_t now);
void access_failed(struct access_failures *f, const uint8_t address[16], time_t now);

#endif
