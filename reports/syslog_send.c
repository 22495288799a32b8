#include "reports/syslog_send.h"

#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "capture/limits.h"
#include "reports/formats.h"

struct line_out { /* the way to the receiver */
    const struct syslog_target *target;
    int fd;
    SSL_CTX *context;
    SSL *tls;
    char *error; /* SYSLOG_ERROR octets */
};

/* ---- where to ---- */

bool syslog_target_parse(const char *url, struct syslog_target *ret)
{
    static const struct {
        const char *scheme, *port;
        enum syslog_transport transport;
    } schemes[] = {{"udp://", "514", SYSLOG_UDP},
                   {"tcp://", "514", SYSLOG_TCP},
                   {"tls://", "6514", SYSLOG_TLS}};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        size_t skip = strlen(schemes[i].scheme);
        if (strncmp(url, schemes[i].scheme, skip) != 0) {
            continue;
        }
        const char *host = url + skip;
        bool bracketed = *host == '[';
        host += bracketed;
        size_t len = strcspn(host, bracketed ? "]" : ":/");
        const char *after = host + len;
        if (len == 0 || len >= sizeof ret->host || (bracketed && *after++ != ']') ||
            (*after != '\0' && (*after != ':' || strlen(after) >= sizeof ret->port))) {
            return false;
        }
        const char *port = *after == ':' ? after + 1 : schemes[i].port;
        if (*port == '\0' || port[strspn(port, "0123456789")] != '\0') {
            return false;
        }
        *ret = (struct syslog_target){.transport = schemes[i].transport};
        (void)snprintf(ret->host, sizeof ret->host, "%.*s", (int)len, host);
        (void)snprintf(ret->port, sizeof ret->port, "%s", port);
        return true;
    }
    return false;
}

/* ---- the way there ---- */

static int failed(struct line_out *l, const char *what, const char *why, int error)
{
    (void)snprintf(l->error, SYSLOG_ERROR, "--syslog %s port %s: %s: %s", l->target->host,
                   l->target->port, what, why);
    return error;
}

/* Owner: the caller, with freeaddrinfo. */
static int look_up(struct line_out *l, struct addrinfo **ret)
{
    const struct addrinfo wanted = {
        .ai_socktype = l->target->transport == SYSLOG_UDP ? SOCK_DGRAM : SOCK_STREAM};
    int found = getaddrinfo(l->target->host, l->target->port, &wanted, ret);
    return found == 0 ? 0 : failed(l, "no such host", gai_strerror(found), -EHOSTUNREACH);
}

static int connect_to(struct line_out *l)
{
    struct addrinfo *all = NULL;
    const struct timeval patience = {.tv_sec = LIMIT_SYSLOG_SECONDS};
    int error = l->target->addresses == NULL ? look_up(l, &all) : 0;
    if (error != 0) {
        return error;
    }
    error = EHOSTUNREACH;
    for (const struct addrinfo *a = all == NULL ? l->target->addresses : all;
         a != NULL && l->fd < 0; a = a->ai_next) {
        int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        bool fine = fd >= 0 &&
                    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0 &&
                    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
                    connect(fd, a->ai_addr, a->ai_addrlen) == 0;
        error = fine ? 0 : errno == EINPROGRESS ? ETIMEDOUT : errno;
        l->fd = fine ? fd : -1;
        if (!fine && fd >= 0) {
            close(fd);
        }
    }
    if (all != NULL) {
        freeaddrinfo(all);
    }
    return l->fd >= 0 ? 0 : failed(l, "cannot connect", strerror(error), -error);
}

static int tls_failed(struct line_out *l, const char *what)
{
    long verified = l->tls == NULL ? X509_V_OK : SSL_get_verify_result(l->tls);
    const char *why = ERR_reason_error_string(ERR_get_error());
    if (verified != X509_V_OK) {
        why = X509_verify_cert_error_string(verified);
    }
    return failed(l, what, why == NULL ? "no answer" : why, -EPROTO);
}

static int read_authorities(struct line_out *l)
{
    const char *file = l->target->authorities;
    l->context = SSL_CTX_new(TLS_client_method());
    if (l->context == NULL || SSL_CTX_set_min_proto_version(l->context, TLS1_2_VERSION) != 1) {
        return tls_failed(l, "TLS");
    }
    if ((file == NULL ? SSL_CTX_set_default_verify_paths(l->context)
                      : SSL_CTX_load_verify_file(l->context, file)) != 1) {
        return tls_failed(l, file == NULL ? "no certification authorities" : file);
    }
    SSL_CTX_set_verify(l->context, SSL_VERIFY_PEER, NULL);
    return 0;
}

/* RFC 5425 4.2, 5.2: the receiver shows a certificate that is valid for its name. */
static int start_tls(struct line_out *l)
{
    if (l->target->context != NULL) {
        l->context = l->target->context;
        (void)SSL_CTX_up_ref(l->context);
    } else {
        int error = read_authorities(l);
        if (error != 0) {
            return error;
        }
    }
    l->tls = SSL_new(l->context);
    /* An address is checked as such, a name also asked for (SNI). */
    bool fine = l->tls != NULL && SSL_set_fd(l->tls, l->fd) == 1;
    if (fine && X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(l->tls), l->target->host) != 1) {
        fine = SSL_set1_host(l->tls, l->target->host) == 1 &&
               SSL_set_tlsext_host_name(l->tls, l->target->host) == 1;
    }
    ERR_clear_error();
    return fine && SSL_connect(l->tls) == 1 ? 0 : tls_failed(l, "TLS");
}

static int put(struct line_out *l, const char *octets, size_t len)
{
    while (len > 0) {
        size_t done = 0;
        ssize_t n = 0;
        if (l->tls != NULL && SSL_write_ex(l->tls, octets, len, &done) != 1) {
            return tls_failed(l, "cannot send");
        }
        if (l->tls == NULL && (n = send(l->fd, octets, len, MSG_NOSIGNAL)) < 0) {
            return failed(l, "cannot send", strerror(errno), -errno);
        }
        done = l->tls == NULL ? (size_t)n : done;
        octets += done;
        len -= done;
    }
    return 0;
}

/* A datagram that is too long is cut before a character. */
static size_t datagram_length(const char *octets, size_t len)
{
    if (len > LIMIT_SYSLOG_DATAGRAM) {
        len = LIMIT_SYSLOG_DATAGRAM;
        while (len > 0 && ((uint8_t)octets[len] & 0xc0) == 0x80) {
            len--;
        }
    }
    return len;
}

static int put_message(struct line_out *l, const char *octets, size_t len)
{
    char count[24];
    if (l->target->transport == SYSLOG_UDP) {
        return put(l, octets, datagram_length(octets, len));
    }
    int digits = snprintf(count, sizeof count, "%zu ", len);
    int error = put(l, count, (size_t)digits);
    return error < 0 ? error : put(l, octets, len);
}

/* The end is said, and the receiver's own end awaited: a reset would mean that it lost something.
 */
static int hang_up(struct line_out *l)
{
    char rest[256];
    if (l->target->transport == SYSLOG_UDP) {
        return 0;
    }
    if (l->tls != NULL && SSL_shutdown(l->tls) < 0) {
        return tls_failed(l, "cannot end");
    }
    if (shutdown(l->fd, SHUT_WR) != 0) {
        return failed(l, "cannot end", strerror(errno), -errno);
    }
    ssize_t n = 0;
    do {
        n = recv(l->fd, rest, sizeof rest, 0);
    } while (n > 0);
    return n < 0 && errno != EAGAIN ? failed(l, "the receiver hung up", strerror(errno), -errno)
                                    : 0;
}

static int send_lines(struct line_out *l, const char *text, size_t len)
{
    int error = 0;
    while (len > 0 && error == 0) {
        const char *end = memchr(text, '\n', len);
        size_t line = end == NULL ? len : (size_t)(end - text);
        error = put_message(l, text, line);
        text += line + (end != NULL);
        len -= line + (end != NULL);
    }
    return error;
}

int syslog_prepare(struct syslog_target *target, char error[SYSLOG_ERROR])
{
    struct line_out l = {.target = target, .fd = -1, .error = error};
    int result = look_up(&l, &target->addresses);
    if (result == 0 && target->transport == SYSLOG_TLS) {
        result = read_authorities(&l);
        target->context = l.context;
    }
    return result;
}

void syslog_forget(struct syslog_target *target)
{
    SSL_CTX_free(target->context);
    if (target->addresses != NULL) {
        freeaddrinfo(target->addresses);
    }
    target->context = NULL;
    target->addresses = NULL;
}

int syslog_send(const struct syslog_target *target, const struct document *d,
                char error[SYSLOG_ERROR])
{
    struct line_out l = {.target = target, .fd = -1, .error = error};
    struct output *lines = output_to_memory();
    size_t len = 0;
    if (lines == NULL) {
        return failed(&l, "cannot send", strerror(ENOMEM), -ENOMEM);
    }
    render_syslog(lines, d, NULL);
    const char *text = output_memory(lines, &len);
    int result = connect_to(&l);
    if (result == 0 && target->transport == SYSLOG_TLS) {
        result = start_tls(&l);
    }
    if (result == 0) {
        result = send_lines(&l, text, len);
    }
    if (result == 0) {
        result = hang_up(&l);
    }
    SSL_free(l.tls);
    SSL_CTX_free(l.context);
    if (l.fd >= 0) {
        close(l.fd);
    }
    output_drop(lines);
    return result;
}
