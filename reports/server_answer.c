/*
 * server_answer.c - one request: refused, or answered from what is published.
 */
#include <stdio.h>
#include <stdlib.h>

#include "reports/server_part.h"

#define NOT_MINE UINT32_MAX
#define STALLED_SECONDS 30

const char login_style[] =
    "body{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:14vh auto;padding:0 1rem;"
    "color:#1b1f23;background:#f7f7f5}h1{font-size:1.3rem}input,button{font:inherit;width:100%;"
    "box-sizing:border-box;padding:.55rem .7rem;border:1px solid #8b949c;border-radius:8px;"
    "background:#fff;color:inherit}button{margin-top:.8rem;background:#0b5e6e;border-color:#0b5e6e;"
    "color:#fff}.wrong{color:#a8123e}@media(prefers-color-scheme:dark){body{background:#111417;"
    "color:#e8eaec}input{background:#181c20}.wrong{color:#ff7a98}}";

static const char login_page[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
    "<meta name=\"color-scheme\" content=\"light dark\"><title>rolecall</title>"
    "<style>%s</style></head><body><main><h1>rolecall</h1>%s"
    "<form method=\"post\" action=\"/login\"><label for=\"token\">Token</label>"
    "<input id=\"token\" name=\"token\" type=\"password\" autocomplete=\"current-password\" "
    "required autofocus><button>Open the report</button></form></main></body></html>\n";

/* ---- answers ---- */

static void add_headers(struct MHD_Response *r, const char *policy)
{
    char text[1024];
    static const char *const headers[][2] = {
        {"Cache-Control", "no-store"},
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "DENY"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        (void)MHD_add_response_header(r, headers[i][0], headers[i][1]);
    }
    (void)snprintf(text, sizeof text, "%s; frame-ancestors 'none'",
                   policy == NULL ? "default-src 'none'" : policy);
    (void)MHD_add_response_header(r, "Content-Security-Policy", text);
}

static enum MHD_Result send_status(struct MHD_Connection *c, unsigned status,
                                   struct MHD_Response *r)
{
    enum MHD_Result done = MHD_queue_response(c, status, r);
    MHD_destroy_response(r);
    return done;
}

/* A line for people; a refusal, when the status says so. */
static struct MHD_Response *line_of(const char *text)
{
    char line[256];
    (void)snprintf(line, sizeof line, "%s\n", text);
    struct MHD_Response *r =
        MHD_create_response_from_buffer(strlen(line), line, MHD_RESPMEM_MUST_COPY);
    if (r != NULL) {
        add_headers(r, NULL);
        (void)MHD_add_response_header(r, "Content-Type", "text/plain; charset=utf-8");
    }
    return r;
}

static enum MHD_Result say(struct MHD_Connection *c, unsigned status, const char *text)
{
    struct MHD_Response *r = line_of(text);
    return r == NULL ? MHD_NO : send_status(c, status, r);
}

static enum MHD_Result refuse(struct server *s, struct MHD_Connection *c, unsigned status,
                              const char *text)
{
    server_count(s, &s->counts.refused_requests);
    return say(c, status, text);
}

static enum MHD_Result refuse_with(struct server *s, struct MHD_Connection *c, unsigned status,
                                   const char *text, const char *header, const char *value)
{
    struct MHD_Response *r = line_of(text);
    server_count(s, &s->counts.refused_requests);
    if (r == NULL) {
        return MHD_NO;
    }
    (void)MHD_add_response_header(r, header, value);
    return send_status(c, status, r);
}

static enum MHD_Result send_login(struct server *s, struct MHD_Connection *c, unsigned status,
                                  const char *says)
{
    char page[2048], policy[256];
    int len = snprintf(page, sizeof page, login_page, login_style, says);
    struct MHD_Response *r =
        MHD_create_response_from_buffer((size_t)len, page, MHD_RESPMEM_MUST_COPY);
    if (r == NULL) {
        return MHD_NO;
    }
    (void)snprintf(policy, sizeof policy,
                   "default-src 'none'; style-src 'sha256-%s'; form-action 'self'; base-uri 'none'",
                   s->access.style);
    add_headers(r, policy);
    (void)MHD_add_response_header(r, "Content-Type", "text/html; charset=utf-8");
    return send_status(c, status, r);
}

/* ---- content ---- */

static void drop_shared(void *user)
{
    shared_drop(user);
}

static void drop_rendering(void *user)
{
    rendering_drop(user);
}

/* Octets that stay where they are until they are sent; `drop` then lets go of `owner`. */
static enum MHD_Result send_octets(struct MHD_Connection *c, const struct server_path *path,
                                   struct bytes octets, void (*drop)(void *), void *owner)
{
    struct MHD_Response *r = MHD_create_response_from_buffer_with_free_callback_cls(
        octets.len, (void *)(uintptr_t)octets.at, drop, owner);
    if (r == NULL) {
        drop(owner);
        return MHD_NO;
    }
    add_headers(r, path->policy);
    (void)MHD_add_response_header(r, "Content-Type", path->type);
    return send_status(c, MHD_HTTP_OK, r);
}

static enum MHD_Result send_published(struct server *s, struct MHD_Connection *c, unsigned path)
{
    pthread_mutex_lock(&s->lock);
    struct shared *octets = s->published[path] == NULL ? NULL : shared_hold(s->published[path]);
    pthread_mutex_unlock(&s->lock);
    return octets == NULL ? say(c, MHD_HTTP_SERVICE_UNAVAILABLE, "not yet: rolecall is starting")
                          : send_octets(c, &s->options.paths[path], shared_octets(octets),
                                        drop_shared, octets);
}

/* True when there is a rendering that tells all of now, or was begun after the request. Else one is
 * wanted. */
static bool is_fresh(struct server *s, const struct request *q)
{
    pthread_mutex_lock(&s->lock);
    const struct rendering *r = s->rendering;
    bool fresh =
        r != NULL && (r->begun_ns >= q->asked_ns ||
                      (r->change == s->change &&
                       server_now() - r->begun_ns < LIMIT_WEB_FRESH_SECONDS * NS_PER_SECOND));
    /* What is under way was begun before: only a later one will do. */
    s->wanted = s->wanted || (!fresh && s->begun_ns < q->asked_ns);
    pthread_mutex_unlock(&s->lock);
    return fresh;
}

static enum MHD_Result send_rendered(struct server *s, struct MHD_Connection *c, unsigned path)
{
    pthread_mutex_lock(&s->lock);
    struct rendering *r = s->rendering;
    if (r != NULL) {
        (void)atomic_fetch_add(&r->holders, 1);
    }
    pthread_mutex_unlock(&s->lock);
    if (r == NULL) {
        return say(c, MHD_HTTP_SERVICE_UNAVAILABLE, "not yet: the report is being made");
    }
    if (r->parts[path].at == NULL) {
        rendering_drop(r);
        return say(c, MHD_HTTP_INSUFFICIENT_STORAGE,
                   "too large to be served, or not part of this build; --report writes it");
    }
    return send_octets(c, &s->options.paths[path], r->parts[path], drop_rendering, r);
}

static enum MHD_Result send_path(struct server *s, struct request *q, unsigned path)
{
    if (!s->options.paths[path].rendered) {
        return send_published(s, q->connection, path);
    }
    int64_t waited = server_now() - q->asked_ns;
    if (!is_fresh(s, q) && waited < LIMIT_WEB_WAIT_SECONDS * NS_PER_SECOND &&
        !atomic_load(&s->stop)) {
        q->waits = true;
        q->next_waiting = s->waiting;
        s->waiting = q;
        MHD_suspend_connection(q->connection);
        return MHD_YES;
    }
    return send_rendered(s, q->connection, path);
}

void server_wake_waiting(struct server *s, bool all)
{
    struct request **at = &s->waiting;
    while (*at != NULL) {
        struct request *q = *at;
        int64_t waited = server_now() - q->asked_ns;
        if (all || waited >= LIMIT_WEB_WAIT_SECONDS * NS_PER_SECOND || is_fresh(s, q)) {
            *at = q->next_waiting;
            q->waits = false;
            MHD_resume_connection(q->connection);
        } else {
            at = &q->next_waiting;
        }
    }
}

static enum MHD_Result send_stream(struct server *s, struct MHD_Connection *c,
                                   struct MHD_Response *r)
{
    (void)s;
    add_headers(r, NULL);
    return send_status(c, MHD_HTTP_OK, r);
}

static enum MHD_Result send_events(struct server *s, struct request *q)
{
    pthread_mutex_lock(&s->lock);
    unsigned streams = s->counts.streams;
    pthread_mutex_unlock(&s->lock);
    if (streams >= LIMIT_WEB_STREAMS) {
        return refuse(s, q->connection, MHD_HTTP_SERVICE_UNAVAILABLE,
                      "too many listen to events already");
    }
    q->visitor->deadline_ns = server_now() + (LIMIT_WEB_STREAM_SECONDS + 60) * NS_PER_SECOND;
    return stream_open(s, q->connection, send_stream);
}

static enum MHD_Result send_health(struct server *s, struct MHD_Connection *c)
{
    int64_t quiet = server_now() - atomic_load(&s->alive_ns);
    return quiet < STALLED_SECONDS * NS_PER_SECOND
               ? say(c, MHD_HTTP_OK, "ok")
               : say(c, MHD_HTTP_SERVICE_UNAVAILABLE, "stalled: nothing was judged for a while");
}

/* ---- who may ---- */

static const char *header(struct MHD_Connection *c, const char *name)
{
    return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

struct header_count {
    const char *name;
    unsigned count;
};

static enum MHD_Result count_header(void *user, enum MHD_ValueKind kind, const char *key,
                                    const char *value)
{
    struct header_count *h = user;
    (void)kind;
    (void)value;
    h->count += strcasecmp(key, h->name) == 0;
    return MHD_YES;
}

static bool is_for_us(const struct server *s, struct MHD_Connection *c)
{
    struct header_count hosts = {.name = "Host"};
    (void)MHD_get_connection_values(c, MHD_HEADER_KIND, count_header, &hosts);
    const char *host = header(c, "Host");
    return hosts.count == 1 && host != NULL && access_host(&s->access, host);
}

/* Another site's page may lead here, and nothing more. Browsers say who asks (Fetch Metadata). */
static bool is_foreign(struct MHD_Connection *c)
{
    const char *site = header(c, "Sec-Fetch-Site"), *mode = header(c, "Sec-Fetch-Mode"),
               *destination = header(c, "Sec-Fetch-Dest");
    return site != NULL && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0 &&
           (mode == NULL || strcmp(mode, "navigate") != 0 || destination == NULL ||
            strcmp(destination, "document") != 0);
}

static enum MHD_Result deny(struct server *s, struct request *q, const char *url)
{
    struct MHD_Connection *c = q->connection;
    const char *accepts = header(c, "Accept");
    bool given = header(c, "Authorization") != NULL;
    if (given) {
        server_count(s, &s->counts.wrong_tokens);
        access_failed(&s->failures, q->visitor->address, time(NULL));
    }
    if (!given && strcmp(url, "/") == 0 && accepts != NULL && strstr(accepts, "text/html")) {
        server_count(s, &s->counts.refused_requests);
        return send_login(s, c, MHD_HTTP_UNAUTHORIZED, "");
    }
    return refuse_with(s, c, MHD_HTTP_UNAUTHORIZED,
                       given ? "this token is not the right one"
                             : "a token is needed: 'Authorization: Bearer TOKEN'",
                       "WWW-Authenticate", "Bearer realm=\"rolecall\"");
}

static enum MHD_Result log_in(struct server *s, struct request *q)
{
    char cookie[ACCESS_COOKIE];
    struct MHD_Connection *c = q->connection;
    if (!access_form(&s->access, bytes_of(q->body, q->body_len))) {
        server_count(s, &s->counts.wrong_tokens);
        server_count(s, &s->counts.refused_requests);
        access_failed(&s->failures, q->visitor->address, time(NULL));
        return send_login(s, c, MHD_HTTP_UNAUTHORIZED,
                          "<p class=\"wrong\" role=\"alert\">This token is not the right one.</p>");
    }
    struct MHD_Response *r = line_of("welcome");
    if (r == NULL) {
        return MHD_NO;
    }
    access_make_cookie(&s->access, time(NULL), cookie);
    (void)MHD_add_response_header(r, "Set-Cookie", cookie);
    (void)MHD_add_response_header(r, "Location", "/");
    return send_status(c, MHD_HTTP_SEE_OTHER, r);
}

/* ---- one request ---- */

static unsigned path_of(const struct server *s, const char *url)
{
    for (unsigned i = 0; i < s->options.path_count; i++) {
        if (strcmp(s->options.paths[i].path, url) == 0) {
            return i;
        }
    }
    return NOT_MINE;
}

static enum MHD_Result answer(struct server *s, struct request *q, const char *url,
                              const char *method)
{
    struct MHD_Connection *c = q->connection;
    bool login = s->access.has_token && strcmp(url, "/login") == 0;
    if (strcmp(url, "/healthz") == 0) {
        return send_health(s, c);
    }
    if (s->access.has_token && !access_cookie(&s->access, header(c, "Cookie"), time(NULL))) {
        if (access_must_wait(&s->failures, q->visitor->address, time(NULL))) {
            return refuse_with(s, c, MHD_HTTP_TOO_MANY_REQUESTS,
                               "too many wrong tokens; wait a minute", "Retry-After", "60");
        }
        if (login) {
            return strcmp(method, MHD_HTTP_METHOD_POST) == 0 ? log_in(s, q)
                                                             : send_login(s, c, MHD_HTTP_OK, "");
        }
        if (!access_bearer(&s->access, header(c, "Authorization"))) {
            return deny(s, q, url);
        }
    } else if (login) {
        return refuse_with(s, c, MHD_HTTP_SEE_OTHER, "you are in already", "Location", "/");
    }
    if (strcmp(url, "/events") == 0) {
        return send_events(s, q);
    }
    unsigned path = path_of(s, url);
    return path == NOT_MINE ? refuse(s, c, MHD_HTTP_NOT_FOUND, "no such path")
                            : send_path(s, q, path);
}

static bool has_body(struct MHD_Connection *c)
{
    const char *length = header(c, "Content-Length");
    return header(c, "Transfer-Encoding") != NULL || (length != NULL && strcmp(length, "0") != 0);
}

/* A login's: its length is said, and small. */
static bool is_small(struct MHD_Connection *c)
{
    const char *length = header(c, "Content-Length");
    return length != NULL && strlen(length) <= 4 && length[strspn(length, "0123456789")] == '\0' &&
           strtoul(length, NULL, 10) <= LIMIT_WEB_FORM;
}

/* When its headers are there: what is refused whatever follows. False: the answer is on its way. */
static bool begin(struct server *s, struct request *q, const char *url, const char *method,
                  enum MHD_Result *ret)
{
    struct MHD_Connection *c = q->connection;
    bool post = strcmp(method, MHD_HTTP_METHOD_POST) == 0;
    bool login = s->access.has_token && strcmp(url, "/login") == 0;
    server_count(s, &s->counts.requests);
    if (!is_for_us(s, c)) {
        *ret = refuse(s, c, MHD_HTTP_MISDIRECTED_REQUEST,
                      "this name is not served here; use the address or a name of the certificate");
    } else if (is_foreign(c)) {
        *ret = refuse(s, c, MHD_HTTP_FORBIDDEN, "pages of other sites may not read this");
    } else if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
               strcmp(method, MHD_HTTP_METHOD_HEAD) != 0 && !(post && login)) {
        *ret = refuse_with(s, c, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD", "Allow",
                           login ? "GET, HEAD, POST" : "GET, HEAD");
    } else if (has_body(c) && !(post && is_small(c))) {
        *ret = refuse(s, c, MHD_HTTP_CONTENT_TOO_LARGE, "the request is too large");
    } else {
        return true;
    }
    return false;
}

enum MHD_Result server_answer(void *user, struct MHD_Connection *c, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **state)
{
    struct server *s = user;
    struct request *q = *state;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct visitor *v = info == NULL ? NULL : info->socket_context;
    (void)version;
    if (q == NULL) {
        q = v == NULL ? NULL : calloc(1, sizeof *q);
        if (q == NULL) {
            return MHD_NO;
        }
        *q = (struct request){.visitor = v, .connection = c, .asked_ns = server_now()};
        *state = q;
        enum MHD_Result refused = MHD_YES;
        if (begin(s, q, url, method, &refused) && !has_body(c)) {
            v->deadline_ns = q->asked_ns + LIMIT_WEB_ANSWER_SECONDS * NS_PER_SECOND;
        }
        return refused;
    }
    if (*upload_size > 0) {
        size_t room = sizeof q->body - q->body_len;
        size_t len = *upload_size < room ? *upload_size : room;
        memcpy(q->body + q->body_len, upload, len);
        q->body_len += len;
        *upload_size = 0;
        return MHD_YES;
    }
    return answer(s, q, url, method);
}

void server_answered(void *user, struct MHD_Connection *c, void **state,
                     enum MHD_RequestTerminationCode how)
{
    struct server *s = user;
    struct request *q = *state;
    (void)c;
    (void)how;
    if (q == NULL) {
        return;
    }
    for (struct request **at = &s->waiting; q->waits && *at != NULL; at = &(*at)->next_waiting) {
        if (*at == q) {
            *at = q->next_waiting;
            break;
        }
    }
    q->visitor->deadline_ns =
        server_now() + (LIMIT_WEB_IDLE_SECONDS + LIMIT_WEB_REQUEST_SECONDS) * NS_PER_SECOND;
    free(q);
    *state = NULL;
}
