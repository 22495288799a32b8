/*
 * test_server.c - who may ask the live report's server: places, names, tokens, cookies; what a
 * request may be; and what is published while others still read what was before.
 */
#include "tests/test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reports/server_access.h"

#define TOKEN "0123456789abcdef0123456789abcdef"

/* ---- places ---- */

static void places(void **state)
{
    static const struct {
        const char *text;
        bool good, loopback;
    } rows[] = {
        {"127.0.0.1:8080", true, true},
        {"127.9.9.9:1", true, true},
        {"localhost:80", true, true},
        {"[::1]:8080", true, true},
        {"0.0.0.0:80", true, false},
        {"10.0.0.1:8080", true, false},
        {"[::]:80", true, false},
        {"[fe80::1]:80", true, false},
        {"127.0.0.1:0", true, true},
        {"127.0.0.1", false, false},
        {":8080", false, false},
        {"8080", false, false},
        {"127.0.0.1:", false, false},
        {"127.0.0.1:65536", false, false},
        {"127.0.0.1:8080x", false, false},
        {"127.0.0.1:-1", false, false},
        {"::1:8080", false, false},
        {"[::1]", false, false},
        {"[::1]8080", false, false},
        {"[]:80", false, false},
        {"[127.0.0.1]:80", false, false},
        {"host.example:80", false, false},
        {"", false, false},
        {"1111111111111111111111111111111111111111111111111111:80", false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct server_place place;
        bool good = access_place(rows[i].text, &place);
        if (good != rows[i].good || (good && place.loopback != rows[i].loopback)) {
            fail_msg("%s", rows[i].text);
        }
    }
}

/* ---- names ---- */

static void names(void **state)
{
    const struct server_access here = {.place = {.loopback = true}}, there = {.has_token = true};
    static const struct {
        const char *host;
        bool here, there;
    } rows[] = {
        {"127.0.0.1", true, true},
        {"127.0.0.1:8080", true, true},
        {"10.1.2.3:80", true, true},
        {"[::1]:8080", true, true},
        {"[::1]", true, true},
        {"localhost", true, false},
        {"LocalHost:8080", true, false},
        {"localhost.", false, false},
        {"evil.example", false, false},
        {"127.0.0.1.evil.example", false, false},
        {"localhost.evil.example", false, false},
        {"", false, false},
        {":80", false, false},
        {"127.0.0.1:x", false, false},
        {"127.0.0.1:80:80", false, false},
        {"[evil]", false, false},
        {"[::1", false, false},
        {"::1", false, false},
        {"2130706433", false, false},
        {"127.1", false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (access_host(&here, rows[i].host) != rows[i].here ||
            access_host(&there, rows[i].host) != rows[i].there) {
            fail_msg("%s", rows[i].host);
        }
    }
}

/* ---- tokens ---- */

static struct server_access with_token(void)
{
    char path[] = "/tmp/rolecall-token-XXXXXX", error[SERVER_ERROR] = "";
    struct server_access a = {0};
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, TOKEN "\n", sizeof TOKEN), sizeof TOKEN);
    close(fd);
    const struct server_options o = {.listen = "127.0.0.1:0", .token_file = path};
    int opened = access_open(&o, "", error, &a);
    unlink(path);
    assert_string_equal(error, "");
    assert_int_equal(opened, 0);
    return a;
}

static void tokens(void **state)
{
    struct server_access a = with_token();
    static const char *const wrong[] = {"Bearer",
                                        "Bearer ",
                                        "Bearer 0123456789abcdef0123456789abcde",
                                        "Bearer " TOKEN "0",
                                        "Bearer " TOKEN " ",
                                        ("Basic " TOKEN),
                                        TOKEN,
                                        ""};
    (void)state;
    assert_true(access_bearer(&a, "Bearer " TOKEN));
    assert_true(access_bearer(&a, "bearer  " TOKEN));
    assert_false(access_bearer(&a, NULL));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_false(access_bearer(&a, wrong[i]));
    }
    static const struct {
        const char *body;
        bool good;
    } forms[] = {
        {"token=" TOKEN, true},
        {"token=%30123456789abcdef0123456789abcdef", true},
        {"token=" TOKEN "&x=y", true},
        {"token=", false},
        {"token", false},
        {"x=y&token=" TOKEN, false},
        {"token=%3", false},
        {"token=%zz23456789abcdef0123456789abcdef", false},
        {"token=" TOKEN "+", false},
        {"", false},
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (access_form(&a, bytes_text(forms[i].body)) != forms[i].good) {
            fail_msg("%s", forms[i].body);
        }
    }
    char memory[sizeof a];
    memcpy(memory, &a, sizeof a);
    assert_null(memmem(memory, sizeof memory, TOKEN, strlen(TOKEN)));
    access_close(&a);
}

static void cookies_end(void **state)
{
    struct server_access a = with_token(), b = with_token();
    char set[ACCESS_COOKIE], cookie[ACCESS_COOKIE + 40];
    const time_t now = 1800000000;
    (void)state;
    access_make_cookie(&a, now, set);
    set[strcspn(set, ";")] = '\0';
    assert_true(access_cookie(&a, set, now));
    assert_true(access_cookie(&a, set, now + LIMIT_WEB_SESSION_SECONDS - 1));
    assert_false(access_cookie(&a, set, now + LIMIT_WEB_SESSION_SECONDS));
    assert_false(access_cookie(&b, set, now)); /* of another run */
    assert_false(access_cookie(&a, NULL, now));
    (void)snprintf(cookie, sizeof cookie, "x=y; %s; z=1", set);
    assert_true(access_cookie(&a, cookie, now));
    char *dot = strchr(set, '.');
    for (char *c = strchr(set, '=') + 1; *c != '\0'; c++) {
        char was = *c;
        *c = was == '1' ? '2' : '1';
        assert_false(access_cookie(&a, set, now));
        *c = was;
    }
    *dot = '\0';
    assert_false(access_cookie(&a, set, now));
    access_close(&a);
    access_close(&b);
}

static void guessers_wait(void **state)
{
    struct access_failures f = {0};
    uint8_t one[16] = {1}, other[16] = {2};
    (void)state;
    for (unsigned i = 0; i < LIMIT_WEB_WRONG_TOKENS; i++) {
        assert_false(access_must_wait(&f, one, 1000));
        access_failed(&f, one, 1000);
    }
    assert_true(access_must_wait(&f, one, 1000));
    assert_true(access_must_wait(&f, one, 1059));
    assert_false(access_must_wait(&f, one, 1060));
    assert_false(access_must_wait(&f, other, 1000));
    for (unsigned i = 0; i < 1000; i++) { /* many addresses: the oldest make room */
        memcpy(other + 4, &i, sizeof i);
        access_failed(&f, other, (time_t)(1001 + i));
    }
    access_failed(&f, one, 3000);
    assert_false(access_must_wait(&f, one, 3000));
}

/* ---- the server itself ---- */

static const struct server_path paths[] = {
    {"/", "text/html", true, NULL},
    {"/metrics", "text/plain", false, NULL},
};

static struct server *serving(char port[8])
{
    char error[SERVER_ERROR] = "";
    struct server *s = NULL;
    const struct server_options o = {
        .listen = "127.0.0.1:0", .paths = paths, .path_count = sizeof paths / sizeof *paths};
    if (server_open(&o, error, &s) < 0) {
        fail_msg("%s", error);
    }
    const char *colon = strrchr(server_address(s), ':');
    (void)snprintf(port, 8, "%.*s", (int)strspn(colon + 1, "0123456789"), colon + 1);
    assert_int_equal(server_start(s), 0);
    return s;
}

static int visit(const char *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

/* What is answered until the other end closes, or `part` is there. */
static void hear(int fd, const char *part, char *ret, size_t room)
{
    size_t len = 0;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    for (ssize_t got = 1; got > 0 && len + 1 < room && poll(&p, 1, 10000) == 1;
         len += (size_t)got) {
        got = recv(fd, ret + len, room - len - 1, 0);
        got = got < 0 ? 0 : got;
        ret[len + (size_t)got] = '\0';
        if (part != NULL && strstr(ret, part) != NULL) {
            return;
        }
    }
    ret[len] = '\0';
}

static void ask(const char *port, const char *request, char *ret, size_t room)
{
    int fd = visit(port);
    assert_true(send(fd, request, strlen(request), MSG_NOSIGNAL) > 0);
    hear(fd, NULL, ret, room);
    close(fd);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

static void publish(struct server *s, const char *text)
{
    struct shared *octets = shared_copy(bytes_text(text));
    server_publish(s, 1, octets);
    shared_drop(octets);
}

static void what_is_published_is_said(void **state)
{
    char port[8], said[4096];
    struct server *s = serving(port);
    (void)state;
    ask(port, GET("/metrics"), said, sizeof said);
    assert_non_null(strstr(said, "503"));
    publish(s, "one");
    ask(port, GET("/metrics"), said, sizeof said);
    assert_non_null(strstr(said, "\r\n\r\none"));
    publish(s, "two");
    ask(port, GET("/metrics"), said, sizeof said);
    assert_non_null(strstr(said, "\r\n\r\ntwo"));
    ask(port, GET("/healthz"), said, sizeof said);
    assert_non_null(strstr(said, "200 OK"));
    assert_null(server_close(s));
}

/* Who asks for a rendering waits for one that was begun later, and gets it. */
static void a_rendering_is_waited_for(void **state)
{
    char port[8], said[4096] = "";
    struct server *s = serving(port);
    uint64_t change = 0;
    (void)state;
    assert_false(server_wanted(s, &change));
    int fd = visit(port);
    assert_true(send(fd, GET("/"), strlen(GET("/")), MSG_NOSIGNAL) > 0);
    for (unsigned i = 0; i < 1000 && !server_wanted(s, &change); i++) {
        usleep(5000);
    }
    struct shared *room = shared_between(1 << 20);
    memcpy(shared_room(room), "a page", 6);
    shared_trim(room, 6);
    struct bytes parts[] = {shared_octets(room), {0}};
    server_render(s, &(struct server_rendering){room, parts, change});
    shared_drop(room);
    hear(fd, NULL, said, sizeof said);
    close(fd);
    assert_non_null(strstr(said, "\r\n\r\na page"));
    /* Nothing has changed: the same one is given at once. */
    ask(port, GET("/"), said, sizeof said);
    assert_non_null(strstr(said, "\r\n\r\na page"));
    assert_false(server_wanted(s, &change));
    assert_int_equal(server_renderings(s), 1);
    assert_null(server_close(s));
}

static void events_reach_who_listens(void **state)
{
    char port[8], said[8192] = "";
    struct server *s = serving(port);
    (void)state;
    for (unsigned i = 1; i <= LIMIT_WEB_EVENTS + 3; i++) {
        char text[20];
        (void)snprintf(text, sizeof text, "[%u]", i);
        assert_int_equal(server_event(s, "finding", bytes_text(text), true), i);
    }
    int fd = visit(port);
    static const char request[] = "GET /events?after=513 HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assert_true(send(fd, request, sizeof request - 1, MSG_NOSIGNAL) > 0);
    hear(fd, "[515]", said, sizeof said);
    assert_non_null(strstr(said, "id: 514\nevent: finding\ndata: [514]\n\n"));
    assert_null(strstr(said, "[513]"));
    server_event(s, "figures", bytes_text("{}"), false);
    hear(fd, "figures", said, sizeof said);
    assert_non_null(strstr(said, "event: figures\ndata: {}\n"));
    close(fd);
    fd = visit(port);
    static const char late[] = "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assert_true(send(fd, late, sizeof late - 1, MSG_NOSIGNAL) > 0);
    hear(fd, "[4]", said, sizeof said);
    assert_non_null(strstr(said, "event: missed\ndata: {\"count\":3}\n"));
    assert_null(server_close(s)); /* with somebody who listens */
    close(fd);
}

static void connections_are_counted(void **state)
{
    char port[8], said[512];
    struct server *s = serving(port);
    int fds[LIMIT_WEB_VISITORS_OF_ADDRESS];
    struct server_counts counts = {0};
    (void)state;
    for (unsigned i = 0; i < LIMIT_WEB_VISITORS_OF_ADDRESS; i++) {
        fds[i] = visit(port);
    }
    for (unsigned i = 0; i < 1000 && counts.visitors < LIMIT_WEB_VISITORS_OF_ADDRESS; i++) {
        usleep(5000);
        server_counts(s, &counts);
    }
    int one_more = visit(port);
    hear(one_more, NULL, said, sizeof said);
    assert_string_equal(said, "");
    close(one_more);
    server_counts(s, &counts);
    assert_int_equal(counts.refused_connections, 1);
    close(fds[0]); /* then there is room again */
    for (unsigned i = 0; i < 1000 && counts.visitors == LIMIT_WEB_VISITORS_OF_ADDRESS; i++) {
        usleep(5000);
        server_counts(s, &counts);
    }
    ask(port, GET("/healthz"), said, sizeof said);
    assert_non_null(strstr(said, "200 OK"));
    assert_null(server_close(s));
    for (unsigned i = 1; i < LIMIT_WEB_VISITORS_OF_ADDRESS; i++) {
        close(fds[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places),
        cmocka_unit_test(names),
        cmocka_unit_test(tokens),
        cmocka_unit_test(cookies_end),
        cmocka_unit_test(guessers_wait),
        cmocka_unit_test(what_is_published_is_said),
        cmocka_unit_test(a_rendering_is_waited_for),
        cmocka_unit_test(events_reach_who_listens),
        cmocka_unit_test(connections_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
