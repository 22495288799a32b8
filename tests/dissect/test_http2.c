#include "tests/test.h"

#include "capture/limits.h"
#include "tests/dissect/play.h"

/* A conversation under construction: octets of both directions in turns. */
enum { OCTETS = 1 << 16, STEPS = 12 };

struct script {
    uint8_t octets[OCTETS];
    size_t len;
    struct play_step steps[STEPS];
    size_t count;
};

static const struct play_options records_only = {.records_only = true};

static struct script *script_new(void)
{
    return test_calloc(1, sizeof(struct script));
}

static void put(struct script *s, const void *octets, size_t len)
{
    assert_true(len <= OCTETS - s->len);
    memcpy(s->octets + s->len, octets, len);
    s->len += len;
    s->steps[s->count - 1].data.len += len;
}

/* What is put from here on is sent in this direction. */
static void turn(struct script *s, enum dir dir)
{
    assert_true(s->count < STEPS);
    s->steps[s->count++] = (struct play_step){.dir = dir, .data = {.at = s->octets + s->len}};
}

static void lose(struct script *s, enum dir dir, uint64_t octets)
{
    assert_true(s->count < STEPS);
    s->steps[s->count++] = (struct play_step){.dir = dir, .gap = octets};
}

/* RFC 9113 4.1 */
static void frame_head(struct script *s, size_t length, uint8_t type, uint8_t flags,
                       uint32_t stream)
{
    uint8_t head[] = {(uint8_t)(length >> 16),
                      (uint8_t)(length >> 8),
                      (uint8_t)length,
                      type,
                      flags,
                      (uint8_t)(stream >> 24),
                      (uint8_t)(stream >> 16),
                      (uint8_t)(stream >> 8),
                      (uint8_t)stream};
    put(s, head, sizeof head);
}

static void frame(struct script *s, uint8_t type, uint8_t flags, uint32_t stream,
                  const char *payload, size_t length)
{
    frame_head(s, length, type, flags, stream);
    put(s, payload, length);
}

/* RFC 7541 6.2: a literal field that enters the table (0x40), or does not (0x00), without Huffman.
 */
static size_t literal(uint8_t *to, uint8_t kind, const char *name, const char *value)
{
    size_t name_len = strlen(name), value_len = strlen(value), at = 0;
    assert_true(name_len < 127 && value_len < 127);
    to[at++] = kind;
    to[at++] = (uint8_t)name_len;
    memcpy(to + at, name, name_len);
    at += name_len;
    to[at++] = (uint8_t)value_len;
    memcpy(to + at, value, value_len);
    return at + value_len;
}

struct fields {
    uint8_t octets[4096];
    size_t len;
};

static void add(struct fields *f, const char *name, const char *value)
{
    f->len += literal(f->octets + f->len, 0x40, name, value);
}

static void headers(struct script *s, uint8_t flags, uint32_t stream, const struct fields *f)
{
    frame(s, 1, flags, stream, (const char *)f->octets, f->len);
}

static struct fields request_of(const char *method, const char *path)
{
    struct fields f = {.len = 0};
    add(&f, ":method", method);
    add(&f, ":scheme", "http");
    add(&f, ":authority", "MP01.corp");
    add(&f, ":path", path);
    return f;
}

static struct fields reply_of(const char *status)
{
    struct fields f = {.len = 0};
    add(&f, ":status", status);
    add(&f, "server", "IIS");
    return f;
}

enum { END = 0x01, WHOLE = 0x04, PADDED = 0x08, PRIORITY = 0x20 };
enum { DATA = 0, RST = 3, SETTINGS = 4, PUSH = 5, PING = 6, GOAWAY = 7, CONTINUATION = 9 };

static void begin(struct script *s)
{
    turn(s, DIR_CLIENT);
    put(s, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    frame(s, SETTINGS, 0, 0, "\0\3\0\0\0\x64", 6);
}

static char *said(const struct script *s)
{
    return play(s->steps, s->count, &records_only);
}

/* Every fragment, in this order; the caller's conversation is thrown away. */
static void expect(struct script *s, const char *const *fragments, unsigned records)
{
    char *text = said(s);
    const char *at = text;
    unsigned lines = 0;
    for (const char *c = text; *c != '\0'; c++) {
        lines += *c == '\n';
    }
    if (lines != records) {
        fail_msg("%u records:\n%s", lines, text);
    }
    for (; *fragments != NULL; fragments++) {
        const char *found = strstr(at, *fragments);
        if (found == NULL) {
            fail_msg("no \"%s\" in\n%s", *fragments, at);
            return;
        }
        at = found + strlen(*fragments);
    }
    free(text);
    test_free(s);
}

/* Two streams, answered in the other order; the second block of each direction uses the table of
 * the first. */
static struct script *two_streams(void)
{
    struct script *s = script_new();
    begin(s);
    struct fields f = request_of("GET", "/one");
    add(&f, "user-agent", "ccmhttp");
    add(&f, "authorization", "Basic dXNlcjpzZWNyZXQ=");
    headers(s, WHOLE | END, 1, &f);
    /* RFC 7541 6.1: :method, :authority from the dynamic table: the newest row is 62 */
    struct fields again = {.octets = {0x80 | 67, 0x80 | 65}, .len = 2};
    add(&again, ":path", "/two");
    headers(s, WHOLE, 3, &again);
    frame(s, DATA, PADDED, 3, "\3abcde\0\0\0", 9);
    frame(s, PING, 0, 0, "12345678", 8);
    frame(s, DATA, END, 3, "fgh", 3);
    turn(s, DIR_SERVER);
    frame(s, SETTINGS, 0, 0, "\0\1\0\0\x10\0", 6);
    f = reply_of("404");
    add(&f, "content-type", "text/plain");
    headers(s, WHOLE | END, 3, &f);
    struct fields interim = {.len = 0};
    add(&interim, ":status", "103");
    headers(s, WHOLE, 1, &interim);
    f = (struct fields){.len = 0};
    add(&f, ":status", "302");
    add(&f, "location", "https://u:pw@mp01/x");
    add(&f, "www-authenticate", "Negotiate");
    headers(s, WHOLE, 1, &f);
    frame(s, DATA, 0, 1, "hello", 5);
    f = (struct fields){.len = 0};
    add(&f, "grpc-status", "0");
    headers(s, WHOLE | END, 1, &f);
    return s;
}

static void streams(void **unused)
{
    (void)unused;
    static const char *const says[] = {
        "http @2 server http.method=GET http.host=MP01.corp http.uri=/two http.version=HTTP/2",
        "http.server=IIS http.status=404 http.request_packet=1 http.response_packet=2",
        "http.content_type=text/plain http.request_bytes=8 http.response_bytes=0\n",
        "http @2 server http.version=HTTP/2 http.status=103 http.response_packet=2\n",
        "http.method=GET http.host=MP01.corp http.uri=/one http.version=HTTP/2 "
        "http.user_agent=ccmhttp",
        "http.location=https://u:@mp01/x http.status=302",
        "http.auth=basic http.auth_offered=negotiate http.user=user",
        "http.request_bytes=0 http.response_bytes=5\n",
        NULL};
    expect(two_streams(), says, 3);
}

/* A block in three frames, with everything that may stand around it. */
static struct script *in_pieces(void)
{
    struct script *s = script_new();
    struct fields f = request_of("POST", "/grpc.Service/Call");
    uint8_t first[16] = {2, 0, 0, 0, 0, 200};
    begin(s);
    memcpy(first + 6, f.octets, 8);
    frame(s, 1, PADDED | PRIORITY, 1, (const char *)first, sizeof first);
    frame(s, CONTINUATION, 0, 1, (const char *)f.octets + 8, 3);
    frame(s, CONTINUATION, 0, 1, "", 0);
    frame(s, CONTINUATION, WHOLE, 1, (const char *)f.octets + 11, f.len - 11);
    frame(s, DATA, END, 1, "", 0);
    turn(s, DIR_SERVER);
    /* RFC 9113 8.4: a pushed request, then both replies */
    struct fields pushed = {.len = 4};
    memcpy(pushed.octets, "\0\0\0\2", 4);
    add(&pushed, ":method", "GET");
    add(&pushed, ":path", "/pushed");
    frame(s, PUSH, WHOLE, 1, (const char *)pushed.octets, pushed.len);
    f = reply_of("200");
    headers(s, WHOLE | END, 1, &f);
    f = reply_of("204");
    headers(s, WHOLE | END, 2, &f);
    frame(s, GOAWAY, 0, 0, "\0\0\0\1\0\0\0\0", 8);
    return s;
}

static void pieces(void **unused)
{
    (void)unused;
    static const char *const says[] = {"http.method=POST http.host=MP01.corp",
                                       "http.uri=/grpc.Service/Call",
                                       "http.status=200",
                                       "http.method=GET http.uri=/pushed",
                                       "http.status=204",
                                       NULL};
    expect(in_pieces(), says, 2);
}

/* RFC 7540 3.2: the request before the Upgrade is stream 1. */
static struct script *upgraded(void)
{
    struct script *s = script_new();
    static const char request[] =
        "GET /up HTTP/1.1\r\nHost: mp01\r\nConnection: Upgrade, HTTP2-Settings\r\n"
        "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n";
    static const char reply[] =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
    turn(s, DIR_CLIENT);
    put(s, request, sizeof request - 1);
    turn(s, DIR_SERVER);
    put(s, reply, sizeof reply - 1);
    frame(s, SETTINGS, 0, 0, "", 0);
    struct fields f = reply_of("200");
    headers(s, WHOLE | END, 1, &f);
    begin(s);
    f = request_of("GET", "/next");
    headers(s, WHOLE | END, 3, &f);
    turn(s, DIR_SERVER);
    f = reply_of("403");
    headers(s, WHOLE | END, 3, &f);
    return s;
}

static void upgrade(void **unused)
{
    (void)unused;
    static const char *const says[] = {"http.uri=/up http.version=HTTP/1.1",
                                       "http.status=101",
                                       "http.upgrade=h2c",
                                       "http.version=HTTP/2 http.server=IIS http.status=200",
                                       "http.uri=/next http.version=HTTP/2",
                                       "http.status=403",
                                       NULL};
    expect(upgraded(), says, 3);
}

static void sweeps(void **unused)
{
    (void)unused;
    struct script *(*const scripts[])(void) = {two_streams, in_pieces, upgraded};
    for (size_t i = 0; i < COUNT_OF(scripts); i++) {
        struct script *s = scripts[i]();
        play_truncation_sweep(s->steps, s->count);
        play_chunking_sweep(s->steps, s->count);
        play_gap_sweep(s->steps, s->count);
        play_hostile_sweep(s->steps, s->count);
        test_free(s);
    }
}

/* After a loss in one direction, the other one still says what it can. */
static void losses(void **unused)
{
    (void)unused;
    struct script *s = script_new();
    begin(s);
    struct fields f = request_of("GET", "/read");
    headers(s, WHOLE | END, 1, &f);
    lose(s, DIR_CLIENT, 40);
    turn(s, DIR_CLIENT);
    f = request_of("GET", "/unread");
    headers(s, WHOLE | END, 5, &f);
    turn(s, DIR_SERVER);
    f = reply_of("200");
    headers(s, WHOLE | END, 1, &f);
    f = reply_of("500");
    headers(s, WHOLE | END, 3, &f);
    char *text = play(s->steps, s->count, NULL);
    assert_non_null(strstr(text, "http.uri=/read http.version=HTTP/2 http.server=IIS"));
    assert_non_null(strstr(text, "server http.version=HTTP/2 http.server=IIS http.status=500"));
    assert_non_null(strstr(text, "flow.protocol=http"));
    assert_non_null(strstr(text, "flow.anomalies=http2.header_table_lost"));
    assert_null(strstr(text, "unread"));
    free(text);
    test_free(s);

    /* A hole in content is none in the table. */
    s = script_new();
    begin(s);
    f = request_of("PUT", "/file");
    headers(s, WHOLE, 1, &f);
    frame_head(s, 1000, DATA, END, 1);
    lose(s, DIR_CLIENT, 999);
    turn(s, DIR_CLIENT);
    put(s, "z", 1);
    f = request_of("GET", "/after");
    headers(s, WHOLE | END, 3, &f);
    text = play(s->steps, s->count, NULL);
    assert_non_null(strstr(text, "http.uri=/file"));
    assert_non_null(strstr(text, "http.request_bytes=1000"));
    assert_non_null(strstr(text, "http.uri=/after"));
    assert_null(strstr(text, "anomalies"));
    free(text);
    test_free(s);
}

/* What ends the reading of a direction, and how it is called. */
static void hostile(void **unused)
{
    (void)unused;
    static const struct {
        const char *octets;
        size_t len;
        const char *name;
    } oddities[] = {
        {"\0\0\1\1\4\0\0\0\1\x80", 10, "http2.bad_header_block"}, /* index 0: RFC 7541 6.1 */
        {"\0\0\1\1\4\0\0\0\1\xff", 10, "http2.bad_header_block"}, /* a number without its end */
        {"\0\0\0\1\4\0\0\0\0", 9, "http2.bad_frame"},             /* stream 0 */
        {"\0\0\0\x09\4\0\0\0\1", 9, "http2.bad_frame"},           /* nothing to continue */
        {"\0\0\0\1\0\0\0\0\1\0\0\0\0\0\0\0\0\1", 18, "http2.bad_frame"},   /* DATA in a block */
        {"\0\0\0\1\0\0\0\0\1\0\0\0\x09\0\0\0\0\3", 18, "http2.bad_frame"}, /* another stream's */
        {"\0\0\1\1\x0c\0\0\0\1\x05", 10, "http2.bad_frame"}, /* more padding than payload */
        {"\0\0\1\0\x08\0\0\0\1\x05", 10, "http2.bad_frame"}, /* likewise in DATA */
        {"\0\0\0\0\x08\0\0\0\1", 9, "http2.bad_frame"},      /* no room for the padding's length */
        {"\0\0\4\5\4\0\0\0\1\0\0\0\2", 13, "http2.bad_frame"}, /* a client that promises */
        {"\x7f\xff\xff\1\4\0\0\0\1", 9, "http.head_too_long"},
    };
    for (size_t i = 0; i < COUNT_OF(oddities); i++) {
        struct script *s = script_new();
        begin(s);
        put(s, oddities[i].octets, oddities[i].len);
        struct fields f = request_of("GET", "/unread");
        headers(s, WHOLE | END, 7, &f);
        char *text = play(s->steps, s->count, NULL);
        if (strstr(text, oddities[i].name) == NULL || strstr(text, "unread") != NULL) {
            fail_msg("case %zu: no %s in\n%s", i, oddities[i].name, text);
        }
        free(text);
        test_free(s);
    }
}

static void floods(void **unused)
{
    (void)unused;
    struct script *s = script_new();
    struct fields f = request_of("GET", "/flood");
    begin(s);
    headers(s, 0, 1, &f);
    for (unsigned i = 0; i < LIMIT_HTTP2_CONTINUATIONS; i++) {
        frame(s, CONTINUATION, 0, 1, "", 0);
    }
    frame(s, CONTINUATION, WHOLE, 1, "", 0);
    char *text = play(s->steps, s->count, NULL);
    assert_non_null(strstr(text, "http2.continuation_flood"));
    assert_null(strstr(text, "http.uri"));
    free(text);
    test_free(s);

    /* Every stream is told, also those that had to make room. */
    s = script_new();
    begin(s);
    f = request_of("GET", "/first");
    headers(s, WHOLE | END, 1, &f);
    for (unsigned i = 1; i < LIMIT_HTTP2_STREAMS + 8; i++) {
        struct fields again = {.octets = {0x80 | 65, 0x80 | 62}, .len = 2};
        headers(s, WHOLE | END, 1 + 2 * i, &again);
    }
    text = play(s->steps, s->count, NULL);
    unsigned count = 0;
    for (const char *at = text; (at = strstr(at, "http.uri=/first")) != NULL; at++) {
        count++;
    }
    assert_int_equal(count, LIMIT_HTTP2_STREAMS + 8);
    assert_non_null(strstr(text, "http2.many_streams"));
    free(text);
    test_free(s);

    /* RFC 7541 7.3: a small block that names a large row of the table again and again. */
    s = script_new();
    begin(s);
    f = request_of("GET", "/bomb");
    add(&f, "authorization", "Basic dXNlcjpzZWNyZXQ=");
    memset(f.octets + f.len, 0x80 | 62, 2000);
    f.len += 2000;
    headers(s, WHOLE | END, 1, &f);
    text = play(s->steps, s->count, NULL);
    assert_non_null(strstr(text, "http.uri=/bomb"));
    assert_non_null(strstr(text, "http.head_too_long"));
    free(text);
    test_free(s);
}

/* A table that grows and shrinks for as long as the connection lives stays within the arena. */
static void long_lived(void **unused)
{
    (void)unused;
    enum { REQUESTS = 20000, EACH = 96 };
    char *octets = test_malloc((size_t)REQUESTS * EACH);
    size_t len = 0;
    memcpy(octets, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    len = 24;
    for (unsigned i = 0; i < REQUESTS; i++) {
        char path[24];
        (void)snprintf(path, sizeof path, "/%u", i);
        uint8_t block[EACH];
        size_t size = literal(block, 0x40, ":path", path);
        uint8_t head[] = {
            0, 0, (uint8_t)size, 1, WHOLE | END, 0, 0, (uint8_t)(i >> 7), (uint8_t)(i << 1 | 1)};
        memcpy(octets + len, head, sizeof head);
        memcpy(octets + len + sizeof head, block, size);
        len += sizeof head + size;
        /* RST_STREAM */
        memcpy(octets + len, "\0\0\4\3\0\0\0", 7);
        octets[len + 7] = (char)(i >> 7);
        octets[len + 8] = (char)(i << 1 | 1);
        memcpy(octets + len + 9, "\0\0\0\x08", 4);
        len += 13;
    }
    struct play_step step = {.dir = DIR_CLIENT, .data = bytes_of(octets, len)};
    char *text = play(&step, 1, NULL);
    assert_non_null(strstr(text, "http.uri=/19999 "));
    assert_null(strstr(text, "anomalies"));
    free(text);
    test_free(octets);
}

static void probes(void **unused)
{
    (void)unused;
    static const struct {
        const char *head;
        size_t len;
        enum probe answer;
    } heads[] = {
        {"", 0, PROBE_MORE},
        {"PRI * HTTP/2", 12, PROBE_MORE},
        {"PRI * HTTP/2.0\r\n", 16, PROBE_CLIENT},
        {"PRI * HTTP/1.1\r\n", 16, PROBE_NO},
        {"\0\0\6", 3, PROBE_MORE},
        {"\0\0\6\4\0\0\0\0\0\0\3", 11, PROBE_SERVER},
        {"\0\0\6\4\0\0\0\0\0\0\x99", 11, PROBE_NO},
        {"\0\0\6\4\0\0\0\0\1\0\3", 11, PROBE_NO},
        {"\0\0\0\4\0\0\0\0\0\0\3", 11, PROBE_NO},
        {"\0\0\7\4\0\0\0\0\0\0\3", 11, PROBE_NO},
        {"\0\0\6\1\0\0\0\0\0\0\3", 11, PROBE_NO},
    };
    for (size_t i = 0; i < COUNT_OF(heads); i++) {
        if (http2_dissector.probe(bytes_of(heads[i].head, heads[i].len)) != heads[i].answer) {
            fail_msg("case %zu", i);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams), cmocka_unit_test(pieces),     cmocka_unit_test(upgrade),
        cmocka_unit_test(sweeps),  cmocka_unit_test(losses),     cmocka_unit_test(hostile),
        cmocka_unit_test(floods),  cmocka_unit_test(long_lived), cmocka_unit_test(probes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
