#include "reports/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "reports/server_part.h"

#define BACKLOG 64
#define TURN_MS 500      /* how often deadlines are looked at */
#define HURRIED_TURNS 16 /* turns without a wait in a row */
#define FLOOD_MS 10      /* what we take our time for */
#define FAREWELL_MS 1000 /* how long the last events may take */
#define NEVER INT64_MAX
/* TLS 1.2 and later; what GnuTLS holds safe of it. */
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE"

int64_t server_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

void server_wake(struct server *s)
{
    uint64_t one = 1;
    /* When it is full, it wakes all the same. */
    ssize_t written = write(s->waker, &one, sizeof one);
    (void)written;
}

void server_count(struct server *s, uint64_t *count)
{
    pthread_mutex_lock(&s->lock);
    (*count)++;
    pthread_mutex_unlock(&s->lock);
}

/* ---- connections: the serving thread ---- */

/* IPv4 as IPv6 has it; of IPv6 the network, as a host has all of one. */
void address_key(const struct sockaddr *from, uint8_t ret[16])
{
    memset(ret, 0, 16);
    if (from->sa_family == AF_INET) {
        ret[10] = ret[11] = 0xff;
        memcpy(ret + 12, &((const struct sockaddr_in *)from)->sin_addr, 4);
    } else if (from->sa_family == AF_INET6) {
        const struct in6_addr *six = &((const struct sockaddr_in6 *)from)->sin6_addr;
        memcpy(ret, six, IN6_IS_ADDR_V4MAPPED(six) ? 16 : 8);
    }
}

static void count_arrival(struct server *s)
{
    int64_t second = server_now() / NS_PER_SECOND;
    s->arrivals = second == s->second ? s->arrivals + 1 : 1;
    s->second = second;
}

/* MHD asks for each connection; those that are too many are closed at once. */
static enum MHD_Result admit(void *user, const struct sockaddr *from, socklen_t len)
{
    struct server *s = user;
    uint8_t key[16];
    unsigned all = 0, same = 0;
    (void)len;
    address_key(from, key);
    for (unsigned i = 0; i < LIMIT_WEB_VISITORS; i++) {
        all += s->visitors[i].used;
        same += s->visitors[i].used && memcmp(s->visitors[i].address, key, sizeof key) == 0;
    }
    count_arrival(s);
    if (all < LIMIT_WEB_VISITORS && same < LIMIT_WEB_VISITORS_OF_ADDRESS) {
        return MHD_YES;
    }
    server_count(s, &s->counts.refused_connections);
    return MHD_NO;
}

static void arrive(struct server *s, struct MHD_Connection *c, void **context)
{
    const union MHD_ConnectionInfo *fd =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
    const union MHD_ConnectionInfo *from =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    struct visitor *v = s->visitors;
    while (v < s->visitors + LIMIT_WEB_VISITORS && v->used) {
        v++;
    }
    if (v == s->visitors + LIMIT_WEB_VISITORS || fd == NULL || from == NULL) {
        return; /* server_answer turns away who is not in the book */
    }
    *v = (struct visitor){.used = true,
                          .fd = fd->connect_fd,
                          .deadline_ns = server_now() + LIMIT_WEB_REQUEST_SECONDS * NS_PER_SECOND};
    address_key(from->client_addr, v->address);
    *context = v;
}

static void connection_changed(void *user, struct MHD_Connection *c, void **context,
                               enum MHD_ConnectionNotificationCode what)
{
    struct server *s = user;
    struct visitor *v = *context;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        arrive(s, c, context);
    } else if (v != NULL) {
        v->used = false;
        *context = NULL;
    }
}

/* Whose time is over. MHD itself ends those where nothing moves at all. */
static void end_overdue(struct server *s)
{
    int64_t now = server_now();
    unsigned visitors = 0;
    for (unsigned i = 0; i < LIMIT_WEB_VISITORS; i++) {
        struct visitor *v = &s->visitors[i];
        visitors += v->used;
        if (v->used && now > v->deadline_ns) {
            v->deadline_ns = NEVER;
            server_count(s, &s->counts.timed_out);
            (void)shutdown(v->fd, SHUT_RDWR); /* MHD then finds its end */
        }
    }
    pthread_mutex_lock(&s->lock);
    s->counts.visitors = visitors;
    pthread_mutex_unlock(&s->lock);
}

/* ---- the thread ---- */

static void turn(struct server *s, int patience_ms)
{
    const union MHD_DaemonInfo *epoll = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    struct pollfd polls[] = {{.fd = epoll->epoll_fd, .events = POLLIN},
                             {.fd = s->waker, .events = POLLIN}};
    MHD_UNSIGNED_LONG_LONG wants = 0;
    uint64_t count = 0;
    if (MHD_get_timeout(s->daemon, &wants) == MHD_YES && wants < (unsigned)patience_ms) {
        patience_ms = (int)wants;
    }
    /* Of a TLS handshake in which it is the visitor's turn, MHD says that it has work: then it may
     * wait a little. What comes ends the wait. */
    s->hurried = patience_ms == 0 ? s->hurried + 1 : 0;
    if (s->hurried > HURRIED_TURNS) {
        patience_ms = 1;
    }
    (void)poll(polls, 2, patience_ms);
    bool woken = (polls[1].revents & POLLIN) != 0 && read(s->waker, &count, sizeof count) > 0;
    if (woken) {
        streams_wake(s);
    }
    server_wake_waiting(s, false);
    (void)MHD_run(s->daemon);
    end_overdue(s);
    if (s->arrivals > LIMIT_WEB_ARRIVALS) {
        (void)poll(NULL, 0, FLOOD_MS);
    }
}

static void *serve(void *user)
{
    struct server *s = user;
    while (!atomic_load(&s->stop)) {
        turn(s, TURN_MS);
    }
    /* Who listens hears the end. */
    int64_t end = server_now() + FAREWELL_MS * (NS_PER_SECOND / 1000);
    server_wake_waiting(s, true);
    while (s->streams != NULL && server_now() < end) {
        streams_wake(s);
        turn(s, 50);
    }
    streams_wake(s); /* MHD demands that nothing is suspended when it ends */
    server_wake_waiting(s, true);
    (void)MHD_run(s->daemon);
    return NULL;
}

/* ---- the beginning ---- */

static int fail(char error[SERVER_ERROR], const char *listen, const char *what, int code)
{
    (void)snprintf(error, SERVER_ERROR, "--listen %s: %s%s", listen, what,
                   code == -EADDRINUSE ? "; another program listens there, so choose another port"
                   : code == -EACCES   ? "; ports below 1024 are for root"
                                       : "");
    return code;
}

static int open_socket(struct server *s, char error[SERVER_ERROR])
{
    const struct server_place *at = &s->access.place;
    const int on = 1;
    int fd = socket(at->at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (const struct sockaddr *)&at->at, at->len) != 0 || listen(fd, BACKLOG) != 0) {
        int code = -errno;
        if (fd >= 0) {
            (void)close(fd);
        }
        return fail(error, s->options.listen, strerror(-code), code);
    }
    s->listener = fd;
    return 0;
}

/* The port may have been left to the kernel. */
static void tell_address(struct server *s)
{
    struct sockaddr_storage at = s->access.place.at;
    socklen_t len = sizeof at;
    char host[INET6_ADDRSTRLEN] = "";
    (void)getsockname(s->listener, (struct sockaddr *)&at, &len);
    bool six = at.ss_family == AF_INET6;
    const struct sockaddr_in *four = (const struct sockaddr_in *)&at;
    const void *octets = six ? (const void *)&((const struct sockaddr_in6 *)&at)->sin6_addr
                             : (const void *)&four->sin_addr;
    (void)inet_ntop(at.ss_family, octets, host, sizeof host);
    /* Both forms have the port in the same place. */
    (void)snprintf(s->address, sizeof s->address, "http%s://%s%s%s:%u/",
                   s->access.certificate == NULL ? "" : "s", six ? "[" : "", host, six ? "]" : "",
                   ntohs(four->sin_port));
}

/* No path of ours needs an escape: one that has any is another. */
static size_t keep_escapes(void *user, struct MHD_Connection *c, char *text)
{
    (void)user;
    (void)c;
    return strlen(text);
}

static int start_daemon(struct server *s, char error[SERVER_ERROR])
{
    const bool tls = s->access.certificate != NULL;
    struct MHD_OptionItem items[] = {
        {MHD_OPTION_LISTEN_SOCKET, s->listener, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, LIMIT_WEB_VISITORS + 8, NULL}, /* `admit` counts */
        {MHD_OPTION_CONNECTION_TIMEOUT, LIMIT_WEB_IDLE_SECONDS, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, LIMIT_WEB_REQUEST, NULL},
        {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
        {MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, NULL},
        {tls ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0, s->access.certificate},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, s->access.key},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES},
        {MHD_OPTION_END, 0, NULL},
    };
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (tls ? MHD_USE_TLS : 0u);
    s->daemon = MHD_start_daemon(flags, 0, admit, s, server_answer, s, MHD_OPTION_NOTIFY_COMPLETED,
                                 server_answered, s, MHD_OPTION_NOTIFY_CONNECTION,
                                 connection_changed, s, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes,
                                 s, MHD_OPTION_ARRAY, items, MHD_OPTION_END);
    return s->daemon != NULL
               ? 0
               : fail(error, s->options.listen,
                      tls ? "the web server does not start; can GnuTLS use this certificate?"
                          : "the web server does not start",
                      -EIO);
}

int server_open(const struct server_options *o, char error[SERVER_ERROR], struct server **ret)
{
    struct server *s = calloc(1, sizeof *s);
    struct shared **published = calloc(o->path_count, sizeof(struct shared *));
    if (s == NULL || published == NULL) {
        free(s);
        free(published);
        return fail(error, o->listen, "out of memory", -ENOMEM);
    }
    tzset(); /* for the Date of answers: its file is read now, and never again */
    s->options = *o;
    s->published = published;
    s->listener = -1;
    s->events.first = s->events.next = 1;
    (void)pthread_mutex_init(&s->lock, NULL);
    atomic_store(&s->alive_ns, server_now());
    s->waker = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int failed = s->waker < 0 ? fail(error, o->listen, strerror(errno), -errno)
                              : access_open(o, login_style, error, &s->access);
    failed = failed < 0 ? failed : open_socket(s, error);
    failed = failed < 0 ? failed : start_daemon(s, error);
    if (failed < 0) {
        (void)server_close(s);
        return failed;
    }
    tell_address(s);
    *ret = s;
    return 0;
}

const char *server_address(const struct server *s)
{
    return s->address;
}

int server_start(struct server *s)
{
    sigset_t all, before; /* signals are for the thread that judges */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&s->thread, NULL, serve, s);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    s->running = failed == 0;
    return -failed;
}

void server_forget(struct server *s)
{
    (void)close(s->listener);
}

struct server *server_close(struct server *s)
{
    if (s == NULL) {
        return NULL;
    }
    if (s->running) {
        pthread_mutex_lock(&s->lock);
        s->events.ended = true;
        pthread_mutex_unlock(&s->lock);
        atomic_store(&s->stop, true);
        server_wake(s);
        (void)pthread_join(s->thread, NULL);
    }
    if (s->daemon != NULL) {
        MHD_stop_daemon(s->daemon); /* closes the listener */
    } else if (s->listener >= 0) {
        (void)close(s->listener);
    }
    for (unsigned i = 0; i < s->options.path_count; i++) {
        shared_drop(s->published[i]);
    }
    rendering_drop(s->rendering);
    events_free(&s->events);
    access_close(&s->access);
    if (s->waker >= 0) {
        (void)close(s->waker);
    }
    (void)pthread_mutex_destroy(&s->lock);
    free(s->published);
    free(s);
    return NULL;
}

/* ---- publishing: any thread ---- */

void server_alive(struct server *s)
{
    atomic_store(&s->alive_ns, server_now());
}

void server_publish(struct server *s, unsigned path, struct shared *octets)
{
    pthread_mutex_lock(&s->lock);
    struct shared *before = s->published[path];
    s->published[path] = shared_hold(octets);
    pthread_mutex_unlock(&s->lock);
    shared_drop(before);
}

void server_changed(struct server *s)
{
    pthread_mutex_lock(&s->lock);
    s->change++;
    pthread_mutex_unlock(&s->lock);
}

bool server_wanted(struct server *s, uint64_t *ret_change)
{
    pthread_mutex_lock(&s->lock);
    bool wanted = s->wanted;
    if (wanted) {
        s->wanted = false;
        s->begun_ns = server_now();
        *ret_change = s->change;
    }
    pthread_mutex_unlock(&s->lock);
    return wanted;
}

void rendering_drop(struct rendering *r)
{
    if (r != NULL && atomic_fetch_sub(&r->holders, 1) == 1) {
        (void)atomic_fetch_sub(&r->server->renderings, 1);
        shared_drop(r->octets);
        free(r->parts);
        free(r);
    }
}

void server_render(struct server *s, const struct server_rendering *given)
{
    struct rendering *r = calloc(1, sizeof *r);
    struct bytes *parts = calloc(s->options.path_count, sizeof *parts);
    if (r == NULL || parts == NULL) {
        free(r);
        free(parts);
        return; /* the one before stays */
    }
    memcpy(parts, given->parts, s->options.path_count * sizeof *parts);
    *r = (struct rendering){
        .server = s, .octets = shared_hold(given->octets), .parts = parts, .change = given->change};
    atomic_store(&r->holders, 1);
    (void)atomic_fetch_add(&s->renderings, 1);
    pthread_mutex_lock(&s->lock);
    struct rendering *before = s->rendering;
    r->begun_ns = s->begun_ns;
    s->rendering = r;
    pthread_mutex_unlock(&s->lock);
    rendering_drop(before);
    server_wake(s);
}

unsigned server_renderings(struct server *s)
{
    return atomic_load(&s->renderings);
}

void server_counts(struct server *s, struct server_counts *ret)
{
    pthread_mutex_lock(&s->lock);
    *ret = s->counts;
    pthread_mutex_unlock(&s->lock);
}
