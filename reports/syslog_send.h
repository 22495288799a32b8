/*
 * syslog_send.h - findings sent to a syslog receiver, one message each.
 *
 * Spec:   RFC 5426 (udp), RFC 6587 3.4.1 (tcp, counted octets), RFC 5425 (tls: the receiver's
 * certificate must be valid for its name).
 * Errors: 0 or a negative errno, with one line in `error`. With UDP nobody hears of a loss.
 * Limits: LIMIT_SYSLOG_DATAGRAM, LIMIT_SYSLOG_SECONDS for each step.
 */
#ifndef ROLECALL_REPORTS_SYSLOG_SEND_H
#define ROLECALL_REPORTS_SYSLOG_SEND_H

#include "reports/document.h"

#define SYSLOG_ERROR 400

enum syslog_transport { SYSLOG_UDP, SYSLOG_TCP, SYSLOG_TLS };
struct syslog_target {
    enum syslog_transport transport;
    char host[256], port[8];
    const char *authorities; /* PEM file for tls; NULL: the system's */
    /* Of syslog_prepare; NULL: each sending asks anew. */
    struct addrinfo *addresses;
    struct ssl_ctx_st *context;
};

/* "udp://host", "tcp://host:514", "tls://[2001:db8::1]:6514"; false when it is none. */
bool syslog_target_parse(const char *url, struct syslog_target *ret);
/* Looks the receiver up and reads the authorities now: a process that may open neither files nor
 * ask for names later can then send all the same. */
int syslog_prepare(struct syslog_target *target, char error[SYSLOG_ERROR]) MUST_USE;
void syslog_forget(struct syslog_target *target); /* what syslog_prepare keeps */
int syslog_send(const struct syslog_target *target, const struct document *d,
                char error[SYSLOG_ERROR]) MUST_USE;

#endif
