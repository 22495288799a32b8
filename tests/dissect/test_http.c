#include "tests/test.h"

#include "capture/limits.h"
#include "tests/dissect/play.h"

enum { STEPS = 8, FRAGMENTS = 6 };

struct message {
    char side; /* 'c', 's'; 'C', 'S': a hole of `gap` octets; 0: the end */
    const char *text;
    uint64_t gap;
};

struct conversation_case {
    const char *label;
    struct message messages[STEPS];
    unsigned records;
    const char *says[FRAGMENTS]; /* in this order */
    const char *never;           /* nowhere in the answer */
};

#define GET "GET / HTTP/1.1\r\nHost: mp01\r\n\r\n"
#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define NEGOTIATE "TlRMTVNTUAABAAAAB4IIogAAAAAAAAAAAAAAAAAAAAAKAGFKAAAADw=="

// clang-format off
static const struct conversation_case cases[] = {
    {"a pair", {{'c', "GET /a?b=1 HTTP/1.1\r\nHost: MP01.corp\r\nUser-Agent: ccmhttp\r\n\r\n", 0},
                {'s', "HTTP/1.1 200 OK\r\nServer: IIS\r\nContent-Type: text/xml\r\nContent-Length: 5\r\n\r\nhello", 0}}, 1,
     {"http @2 server ", "http.method=GET http.host=MP01.corp http.uri=/a?b=1 http.version=HTTP/1.1 http.user_agent=ccmhttp",
      "http.server=IIS http.status=200 http.request_packet=1 http.response_packet=2", "http.content_type=text/xml",
      "http.response_bytes=5"}, NULL},
    {"Configuration Manager's own methods", {{'c', "CCM_POST /ccm_system/request HTTP/1.1\r\nContent-Type: multipart/mixed\r\nContent-Length: 4\r\n\r\nbody", 0},
                {'s', "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0}, {'c', "BITS_POST /x HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 0}, {'s', OK, 0}}, 2,
     {"http.method=CCM_POST", "http.content_type=multipart/mixed", "http.request_bytes=4", "http.response_bytes=0", "http.method=BITS_POST"}, NULL},
    {"a method nobody knows", {{'c', "SMS_FROB /x HTTP/1.0\n\n", 0}, {'s', "HTTP/1.0 404 No\n\nbye", 0}}, 1,
     {"http.method=SMS_FROB", "http.uri=/x http.version=HTTP/1.0", "http.status=404", "http.response_bytes=3"}, NULL},
    {"an empty line before the request", {{'c', "\r\n\r\nGET / HTTP/1.1\r\n\r\n", 0}}, 0, {0}, NULL},
    {"empty lines between requests", {{'c', GET "\r\n\n" GET, 0}, {'s', OK OK, 0}}, 2, {"http.status=200", "http.status=200"}, NULL},
    {"folded field", {{'c', "GET / HTTP/1.1\r\nUser-Agent: one\r\n two\r\n\tthree\r\nHost: h\r\n\r\n", 0}}, 1,
     {"http.host=h", "http.user_agent=one two three"}, NULL},
    {"space before the colon", {{'c', "GET / HTTP/1.1\r\nHost : h\r\n\r\n", 0}}, 1, {"http.host=h"}, NULL},
    {"pipelined", {{'c', "GET /1 HTTP/1.1\r\n\r\nHEAD /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n\r\n", 0},
                   {'s', OK "HTTP/1.1 404 No\r\nContent-Length: 900\r\n\r\nHTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", 0}}, 3,
     {"http.uri=/1", "http.status=200", "http.uri=/2", "http.status=404", "http.uri=/3", "http.status=403"}, NULL},
    {"chunked, extensions and trailers", {{'c', GET, 0},
                   {'s', "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5;x=\"y\"\r\nhello\r\n00B \r\n HTTP/1.1 9\r\n0\r\nX: HTTP/1.1\r\n\r\n" OK, 0}}, 2,
     {"http.status=200", "http.response_bytes=16", "http @2 server http.version=HTTP/1.1", "http.response_bytes=2"}, NULL},
    {"chunked request", {{'c', "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" GET, 0}, {'s', OK OK, 0}}, 2,
     {"http.method=POST", "http.request_bytes=3", "http.response_bytes=2", "http.method=GET"}, NULL},
    {"a chunk longer than any file", {{'c', GET, 0},
                   {'s', "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nHTTP/1.1 403 No\r\n\r\n", 0}}, 1,
     {"http.status=200"}, "403"},
    {"a chunk size of 17 digits", {{'c', GET, 0}, {'s', "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1ffffffffffffffff\r\n", 0}}, 1,
     {"http.status=200"}, "response_bytes"},
    {"no chunk size", {{'c', GET, 0}, {'s', "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 0}, {'s', OK, 0}}, 2,
     {"http.method=GET", "http.status=200", "http.response_bytes=2"}, NULL},
    {"until close", {{'c', GET, 0}, {'s', "HTTP/1.0 200 OK\r\n\r\nab", 0}, {'s', "HTTP/1.0 200 OK\r\n\r\n", 0}}, 1,
     {"http.status=200", "http.response_bytes=21"}, NULL},
    {"no bodies", {{'c', GET GET, 0}, {'s', "HTTP/1.1 304 Not Modified\r\nContent-Length: 70\r\n\r\nHTTP/1.1 204 No\r\n\r\n", 0}}, 2,
     {"http.status=304", "http.status=204"}, NULL},
    {"continue", {{'c', "PUT /f HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n", 0}, {'s', "HTTP/1.1 100 Continue\r\n\r\n", 0},
                  {'c', "abc", 0}, {'s', "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", 0}}, 2,
     {"http @2 server http.version=HTTP/1.1 http.status=100", "http @4 server http.method=PUT", "http.status=201", "http.request_bytes=3"}, NULL},
    {"the answer comes before the body", {{'c', "PUT /f HTTP/1.1\r\nContent-Length: 3\r\n\r\na", 0}, {'s', "HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n", 0},
                  {'c', "bc" GET, 0}, {'s', OK, 0}}, 2, {"http.method=PUT", "http.status=413", "http.method=GET", "http.status=200"}, NULL},
    {"lone request", {{'c', "POST /x HTTP/1.1\r\nContent-Type: a/b\r\nContent-Length: 9\r\n\r\n", 0}}, 1,
     {"http @1 client http.method=POST", "http.content_type=a/b"}, "request_bytes"},
    {"lone reply", {{'s', "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", 0}, {'c', GET, 0}}, 2,
     {"http @1 server http.version=HTTP/1.1", "http.status=503", "http @2 client http.method=GET"}, NULL},
    {"proxy", {{'c', "GET http://dp01/pkg HTTP/1.1\r\nHost: dp01\r\nProxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n\r\n", 0},
               {'s', "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"p, NTLM\", Digest nonce=\"x\"\r\nProxy-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n", 0}}, 1,
     {"http.uri=http://dp01/pkg", "http.status=407", "http.auth=basic http.auth_offered=basic http.auth_offered=digest http.auth_offered=negotiate",
      "http.proxy_auth=1 http.user=user", "http.proxy=1"}, "secret"},
    {"tunnel", {{'c', "CONNECT mp01:443 HTTP/1.1\r\nHost: mp01:443\r\n\r\n", 0}, {'s', "HTTP/1.1 200 Connection established\r\n\r\n", 0},
                {'c', GET, 0}, {'s', OK, 0}}, 2,
     {"http.method=CONNECT", "http.uri=mp01:443", "http.status=200", "http.proxy=1", "http.method=GET"}, NULL},
    {"tunnel refused", {{'c', "CONNECT a:1 HTTP/1.1\r\n\r\n", 0}, {'s', "HTTP/1.1 407 No\r\nContent-Length: 2\r\n\r\nno", 0},
                {'c', "GET /after HTTP/1.1\r\n\r\n", 0}}, 2, {"http.method=CONNECT", "http.status=407", "http.method=GET http.uri=/after"}, NULL},
    {"upgrade", {{'c', "GET /s HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", 0}, {'s', "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\nGET / HTTP/1.1\r\n\r\n", 0},
                 {'c', GET, 0}}, 1, {"http.status=101", "http.upgrade=websocket"}, "mp01"},
    {"upgrade to something else", {{'c', "GET /s HTTP/1.1\r\nUpgrade: other\r\n\r\n", 0}, {'s', "HTTP/1.1 101 Switching\r\nUpgrade: other\r\n\r\n", 0},
                 {'c', GET, 0}, {'s', OK, 0}}, 2, {"http.upgrade=other", "http.host=mp01", "http.status=200"}, NULL},
    {"the client does not wait for its tunnel", {{'c', "CONNECT mp01:80 HTTP/1.1\r\n\r\n" GET, 0}, {'s', "HTTP/1.1 200 OK\r\n\r\n", 0},
                 {'s', OK, 0}}, 2, {"http.uri=mp01:80", "http.host=mp01", "http.status=200"}, NULL},
    {"a tunnel whose answer has a length", {{'c', "CONNECT mp01:80 HTTP/1.1\r\n\r\n", 0}, {'s', "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", 0},
                 {'c', GET, 0}, {'s', OK, 0}}, 2, {"http.uri=mp01:80", "http.host=mp01", "http.status=200"}, NULL},
    {"refused, and the tunnel's octets came all the same", {{'c', "CONNECT a:1 HTTP/1.1\r\n\r\n" GET, 0}, {'s', "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", 0},
                 {'s', OK, 0}}, 2, {"http.uri=a:1", "http.status=403", "http.host=mp01", "http.status=200"}, NULL},
    {"expectation failed", {{'c', "PUT /f HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n", 0}, {'s', "HTTP/1.1 417 No\r\nContent-Length: 2\r\n\r\nno", 0}}, 1,
     {"http.method=PUT", "http.status=417", "http.response_bytes=2"}, "request_bytes"},
    {"interim replies", {{'c', GET, 0}, {'s', "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" OK, 0}}, 3,
     {"http.status=102", "http.status=103", "http.method=GET", "http.status=200"}, NULL},
    {"HEAD of a chunked page", {{'c', "HEAD / HTTP/1.1\r\n\r\n" GET, 0}, {'s', "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" OK, 0}}, 2,
     {"http.method=HEAD", "http.status=200", "http.response_bytes=0", "http.method=GET", "http.response_bytes=2"}, NULL},
    {"a coding that is not chunked ends with the connection", {{'c', GET, 0}, {'s', "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nContent-Length: 1\r\n\r\nabc", 0}}, 1,
     {"http.status=200", "http.response_bytes=3"}, NULL},
    {"HTTP/2", {{'c', "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0}}, 0, {0}, NULL},
    {"redirection", {{'c', GET, 0}, {'s', "HTTP/1.1 302 Found\r\nLocation: https://u:pw@mp01/x\r\nContent-Length: 0\r\n\r\n", 0}}, 1,
     {"http.location=https://u:@mp01/x", "http.status=302"}, "pw"},
    {"password in the target", {{'c', "GET ftp://joe:hunter2@ftp.x:21/f?a:b@c HTTP/1.1\r\n\r\n", 0}}, 1,
     {"http.uri=ftp://joe:@ftp.x:21/f?a:b@c"}, "hunter2"},
    {"digest", {{'c', "GET / HTTP/1.1\r\nAuthorization: Digest realm=\"a, b\", username=\"CORP\\\\joe\", response=\"deadbeef\"\r\n\r\n", 0}}, 1,
     {"http.auth=digest http.user=CORP\\joe"}, "deadbeef"},
    {"basic without a colon", {{'c', "GET / HTTP/1.1\r\nAuthorization: Basic aHVudGVyMg==\r\n\r\n", 0}}, 1, {"http.auth=basic"}, "hunter2"},
    {"a bare secret", {{'c', "GET / HTTP/1.1\r\nAuthorization: hunter2\r\n\r\n", 0}}, 1, {"http.auth=unknown"}, "hunter2"},
    {"a bare JWT", {{'c', "GET / HTTP/1.1\r\nAuthorization: eyJhbGciOiJIUzI1NiJ9.e30.x\r\n\r\n", 0}}, 1, {"http.auth=unknown"}, "eyJ"},
    {"bearer", {{'c', "GET / HTTP/1.1\r\nAuthorization: BEARER eyJhbGci\r\n\r\n", 0}}, 1, {"http.auth=bearer"}, "eyJ"},
    {"NTLM that stops after its first message", {{'c', "GET / HTTP/1.1\r\nAuthorization: NTLM " NEGOTIATE "\r\n\r\n", 0},
                {'s', "HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n", 0}}, 2,
     {"ntlm @2 client ntlm.carrier=http ntlm.negotiate_packet=1", "ntlm.result=failure ntlm.status=401", "http.auth=ntlm", "http.auth_offered=ntlm"}, NULL},
    {"two lengths", {{'c', "POST / HTTP/1.1\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd" GET, 0}}, 2, {"http.method=POST", "http.method=GET"}, NULL},
    {"the same length twice", {{'c', "POST / HTTP/1.1\r\nContent-Length: 4, 4\r\nContent-Length: 4\r\n\r\nabcd" GET, 0}}, 2, {"http.request_bytes=4", "http.method=GET"}, NULL},
    {"length and chunks", {{'c', "POST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" GET, 0}}, 2, {"http.request_bytes=0", "http.method=GET"}, NULL},
    {"a length that is none", {{'c', "POST / HTTP/1.1\r\nContent-Length: +4\r\n\r\n" GET, 0}}, 2, {"http.method=POST", "http.method=GET"}, NULL},
    {"a length past 64 bits", {{'c', "POST / HTTP/1.1\r\nContent-Length: 18446744073709551617\r\n\r\n" GET, 0}}, 2, {"http.method=POST", "http.method=GET"}, NULL},
    {"hole in a body", {{'c', GET, 0}, {'s', "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab", 0}, {'S', NULL, 4}, {'s', "wxyz" OK, 0}}, 2,
     {"http.response_bytes=10", "http @4 server http.version", "http.response_bytes=2"}, NULL},
    {"hole from a body into the next head", {{'c', GET GET GET, 0}, {'s', "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab", 0}, {'S', NULL, 40},
      {'s', "\r\n\r\n", 0}, {'s', OK, 0}}, 4, {"http.status=200", "http.method=GET", "http.method=GET", "http @5 server http.version=HTTP/1.1"}, NULL},
    {"hole in the client's head", {{'c', "GET /cut HTTP/1.1\r\nHost:", 0}, {'C', NULL, 3}, {'c', "\r\n\r\n", 0}, {'c', GET, 0}, {'s', OK OK, 0}}, 2,
     {"http.uri=/cut", "http.status=200", "http.uri=/", "http.status=200 http.request_packet=4"}, "host=\n"},
    {"hole in the client's first line", {{'c', "GET /lost HTTP/1.1", 0}, {'C', NULL, 3}, {'c', "\r\n\r\n", 0}, {'c', GET, 0}, {'s', OK, 0}}, 1,
     {"http.status=200 http.request_packet=4"}, "lost"},
    {"hole in the reply's head", {{'c', GET GET, 0}, {'s', "HTTP/1.1 200 OK\r\nServer: x", 0}, {'S', NULL, 900}, {'s', OK, 0}}, 3,
     {"http @3 server http.method=GET", "http.status=200", "http @3 client http.method=GET", "http @4 server http.version"}, NULL},
    {"HTTP/0.9", {{'c', "GET /old\r\n", 0}, {'s', "<html>", 0}, {'s', "HTTP/1.1 403 No\r\n\r\n", 0}}, 1, {"http @3 client http.method=GET", "http.uri=/old"}, "403"},
    {"HTTP/0.9 refused", {{'c', "GET /old\r\n", 0}, {'s', "HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n", 0}}, 1, {"http.uri=/old", "http.status=400"}, NULL},
};
// clang-format on

static size_t steps_of(const struct conversation_case *c, struct play_step *steps)
{
    size_t count = 0;
    for (const struct message *m = c->messages; m < c->messages + STEPS && m->side != 0; m++) {
        steps[count].dir = m->side == 'c' || m->side == 'C' ? DIR_CLIENT : DIR_SERVER;
        steps[count].data = m->text == NULL ? (struct bytes){0} : bytes_text(m->text);
        steps[count++].gap = m->gap;
    }
    return count;
}

static unsigned lines_of(const char *text)
{
    unsigned lines = 0;
    for (; *text != '\0'; text++) {
        lines += *text == '\n';
    }
    return lines;
}

static void conversations(void **unused)
{
    (void)unused;
    static const struct play_options options = {.records_only = true};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct play_step steps[STEPS] = {0};
        char *said = play(steps, steps_of(&cases[i], steps), &options);
        if (lines_of(said) != cases[i].records) {
            fail_msg("%s: %u records:\n%s", cases[i].label, lines_of(said), said);
        }
        const char *at = said;
        for (unsigned k = 0; k < FRAGMENTS && cases[i].says[k] != NULL; k++) {
            const char *found = strstr(at, cases[i].says[k]);
            if (found == NULL) {
                fail_msg("%s: no \"%s\" in\n%s", cases[i].label, cases[i].says[k], at);
                return;
            }
            at = found + strlen(cases[i].says[k]);
        }
        if (cases[i].never != NULL && strstr(said, cases[i].never) != NULL) {
            fail_msg("%s: \"%s\" in\n%s", cases[i].label, cases[i].never, said);
        }
        free(said);
    }
}

static void sweeps(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct play_step steps[STEPS] = {0};
        size_t count = steps_of(&cases[i], steps);
        bool holes = false;
        for (size_t k = 0; k < count; k++) {
            holes = holes || steps[k].gap != 0;
        }
        if (!holes) {
            play_truncation_sweep(steps, count);
            play_gap_sweep(steps, count);
            play_hostile_sweep(steps, count);
        }
    }
}

/* Where the next message is found by its segment's start, the cut of the segments matters. */
static void chunks(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct play_step steps[STEPS] = {0};
        size_t count = steps_of(&cases[i], steps);
        bool resyncs = strncmp(cases[i].label, "hole", 4) == 0 ||
                       strcmp(cases[i].label, "no chunk size") == 0 ||
                       strcmp(cases[i].label, "an empty line before the request") == 0;
        if (!resyncs) {
            play_chunking_sweep(steps, count);
        }
    }
}

static void probes(void **unused)
{
    (void)unused;
    static const struct {
        const char *head;
        enum probe answer;
    } heads[] = {
        {"", PROBE_MORE},
        {"G", PROBE_MORE},
        {"GET /", PROBE_CLIENT},
        {"GET *", PROBE_MORE},
        {"GET x", PROBE_MORE},
        {"GET x\r\n", PROBE_NO},
        {"GET /x\r\n", PROBE_CLIENT},
        {"OPTIONS sip:a SIP/2.0\r\n", PROBE_NO},
        {"OPTIONS * HTTP/1.1\r\n", PROBE_CLIENT},
        {"CCM_POST /ccm_system/request HT", PROBE_CLIENT},
        {"SMS_FROB /x HTTP/1", PROBE_MORE},
        {"SMS_FROB /x HTTP/1.1\n", PROBE_CLIENT},
        {"get / HTTP/1.1\r\n", PROBE_NO},
        {"GET\x01/ HTTP/1.1\r\n", PROBE_NO},
        {"ABCDEFGHIJKLMNOPQRSTUVWXYZ", PROBE_NO},
        {"HTTP/1.1 20", PROBE_MORE},
        {"HTTP/1.1 200", PROBE_SERVER},
        {"HTTP/1.1 2x0", PROBE_NO},
        {"HTTP/x", PROBE_NO},
        {"\x16\x03\x01", PROBE_NO},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", PROBE_CLIENT},
    };
    for (size_t i = 0; i < COUNT_OF(heads); i++) {
        if (http_dissector.probe(bytes_text(heads[i].head)) != heads[i].answer) {
            fail_msg("\"%s\"", heads[i].head);
        }
    }
}

/* Anomalies are the flow's. */
static void anomalies(void **unused)
{
    (void)unused;
    static const struct {
        const char *request, *name;
    } oddities[] = {
        {"GET / HTTP/1.1\r\nHost : h\r\n\r\n", "http.space_before_colon"},
        {"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
         "http.ambiguous_length"},
        {"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
         "http.ambiguous_length"},
        {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", "http.ambiguous_length"},
        {"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", "http.bad_length"},
        {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1ffffffffffffffff\r\n",
         "http.bad_chunk"},
        {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc", "http.bad_chunk"},
    };
    for (size_t i = 0; i < COUNT_OF(oddities); i++) {
        struct play_step step = {.dir = DIR_CLIENT, .data = bytes_text(oddities[i].request)};
        char *said = play(&step, 1, NULL);
        char wanted[64];
        (void)snprintf(wanted, sizeof wanted, "flow.anomalies=%s", oddities[i].name);
        if (strstr(said, wanted) == NULL) {
            fail_msg("no %s in\n%s", wanted, said);
        }
        free(said);
    }
    struct play_step plain[] = {{.dir = DIR_CLIENT, .data = bytes_text(GET)},
                                {.dir = DIR_SERVER, .data = bytes_text(OK)}};
    char *said = play(plain, 2, NULL);
    assert_null(strstr(said, "anomalies"));
    free(said);
}

/* `count` copies of `unit` between two texts. */
static struct bytes long_text(const char *head, const char *unit, size_t count, const char *tail)
{
    size_t unit_len = strlen(unit), head_len = strlen(head), tail_len = strlen(tail);
    size_t len = head_len + count * unit_len + tail_len;
    char *text = test_malloc(len);
    memcpy(text, head, head_len);
    for (size_t i = 0; i < count; i++) {
        memcpy(text + head_len + i * unit_len, unit, unit_len);
    }
    memcpy(text + len - tail_len, tail, tail_len);
    return bytes_of(text, len);
}

static char *play_one(enum dir dir, struct bytes text, size_t chunk)
{
    struct play_options options = {.chunk = chunk};
    struct play_step step = {.dir = dir, .data = text};
    char *said = play(&step, 1, &options);
    test_free((void *)(uintptr_t)text.at);
    return said;
}

static void long_heads(void **unused)
{
    (void)unused;
    char *said =
        play_one(DIR_CLIENT, long_text("GET /", "a", 20000, " HTTP/1.1\r\nHost: h\r\n\r\n"), 1000);
    assert_non_null(strstr(said, "http.host=h http.uri=/aaaa"));
    assert_non_null(strstr(said, "a\xe2\x80\xa6 http.version=HTTP/1.1"));
    free(said);

    static const size_t sizes[] = {0, 1460, 100};
    for (size_t i = 0; i < 3; i++) {
        said = play_one(DIR_CLIENT,
                        long_text("GET /big HTTP/1.1\r\nHost: h\r\nX: ", "a", 1 << 20, "\r\n\r\n"),
                        sizes[i]);
        assert_non_null(strstr(said, "http.host=h http.uri=/big"));
        assert_non_null(strstr(said, "flow.anomalies=http.head_too_long"));
        assert_int_equal(lines_of(said), 2);
        free(said);
    }
    said =
        play_one(DIR_SERVER, long_text("HTTP/1.1 200 OK\r\n", "A: b\r\n", 1 << 16, "\r\n"), 4000);
    assert_non_null(strstr(said, "http.status=200"));
    assert_null(strstr(said, "response_bytes"));
    free(said);
}

static void many_pipelined(void **unused)
{
    (void)unused;
    enum { REQUESTS = 10000 };
    static const struct play_options options = {.records_only = true};
    struct bytes requests = long_text("", "GET /r HTTP/1.1\r\n\r\n", REQUESTS, "");
    struct bytes replies = long_text("", OK, REQUESTS, "");
    struct play_step steps[] = {{.dir = DIR_CLIENT, .data = requests},
                                {.dir = DIR_SERVER, .data = replies}};
    char *said = play(steps, 2, &options);
    size_t methods = 0, statuses = 0, both = 0;
    char *rest = said;
    for (char *line = strtok_r(said, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        bool method = strstr(line, "http.method") != NULL;
        bool status = strstr(line, "http.status") != NULL;
        methods += method;
        statuses += status;
        both += method && status;
    }
    /* Nothing is lost; the requests that could not wait are written without their replies. */
    assert_int_equal(methods, REQUESTS);
    assert_int_equal(statuses, REQUESTS);
    assert_int_equal(both, LIMIT_FLOW_DRAFTS / 2);
    free(said);
    test_free((void *)(uintptr_t)requests.at);
    test_free((void *)(uintptr_t)replies.at);
}

/* One side only, and a client that capture took for the server. */
static void midstream(void **unused)
{
    (void)unused;
    static const struct play_options options = {
        .midstream = true, .wrong_guess = true, .records_only = true};
    struct play_step steps[] = {{.dir = DIR_SERVER, .data = bytes_text(OK)},
                                {.dir = DIR_CLIENT, .data = bytes_text(GET)},
                                {.dir = DIR_SERVER, .data = bytes_text(OK)}};
    char *said = play(steps, 3, &options);
    assert_non_null(strstr(said, "http @1 server"));
    assert_non_null(strstr(said, "http @3 server http.method=GET"));
    free(said);
    said = play(steps, 1, &options);
    assert_non_null(strstr(said, "http @1 server http.version=HTTP/1.1"));
    free(said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conversations),  cmocka_unit_test(sweeps),    cmocka_unit_test(chunks),
        cmocka_unit_test(probes),         cmocka_unit_test(anomalies), cmocka_unit_test(long_heads),
        cmocka_unit_test(many_pipelined), cmocka_unit_test(midstream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
