#include "tests/test.h"

#include "capture/limits.h"
#include "tests/dissect/play.h"

enum { OCTETS = 1 << 15, STEPS = 12 };

struct script {
    uint8_t octets[OCTETS];
    size_t len;
    struct play_step steps[STEPS];
    size_t count;
};

static void put(struct script *s, const void *octets, size_t len)
{
    assert_true(len <= OCTETS - s->len);
    memcpy(s->octets + s->len, octets, len);
    s->len += len;
    s->steps[s->count - 1].data.len += len;
}

static void turn(struct script *s, enum dir dir)
{
    assert_true(s->count < STEPS);
    s->steps[s->count++] = (struct play_step){.dir = dir, .data = {.at = s->octets + s->len}};
}

static struct script *script_new(void)
{
    static const char request[] = "GET /tunnel HTTP/1.1\r\nHost: gw\r\nUpgrade: websocket\r\n"
                                  "Connection: Upgrade\r\nSec-WebSocket-Key: x\r\n\r\n";
    static const char reply[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
    struct script *s = test_calloc(1, sizeof *s);
    turn(s, DIR_CLIENT);
    put(s, request, sizeof request - 1);
    turn(s, DIR_SERVER);
    put(s, reply, sizeof reply - 1);
    return s;
}

enum { CONTINUES = 0x00, TEXT = 0x81, BINARY = 0x82, BINARY_BEGINS = 0x02, CLOSE = 0x88 };
enum { PING = 0x89, COMPRESSED = 0xc2, RESERVED = 0x83, FINAL = 0x80 };

/* RFC 6455 5.2; what a client sends is masked. */
static void frame(struct script *s, uint8_t first, const void *payload, size_t len)
{
    static const uint8_t key[4] = {0x11, 0x9a, 0x00, 0xfe};
    bool masked = s->steps[s->count - 1].dir == DIR_CLIENT;
    uint8_t head[4] = {first, (uint8_t)(masked ? 0x80 : 0), (uint8_t)(len >> 8), (uint8_t)len};
    head[1] |= (uint8_t)(len < 126 ? len : 126);
    put(s, head, len < 126 ? 2 : 4);
    if (masked) {
        put(s, key, sizeof key);
    }
    for (size_t i = 0; i < len; i++) {
        uint8_t c = ((const uint8_t *)payload)[i] ^ (masked ? key[i % 4] : 0);
        put(s, &c, 1);
    }
}

static void string(struct script *s, uint8_t first, const char *payload)
{
    frame(s, first, payload, strlen(payload));
}

/* HTTP, one message in several frames, with a control frame between them. */
static struct script *http_inside(void)
{
    struct script *s = script_new();
    turn(s, DIR_CLIENT);
    string(s, TEXT, "GET /text HTTP/1.1\r\n\r\n");
    string(s, BINARY_BEGINS, "GET /inside HTTP/1.1\r\nHost: mp");
    string(s, PING, "");
    string(s, CONTINUES, "");
    string(s, FINAL | CONTINUES, "01\r\n\r\n");
    turn(s, DIR_SERVER);
    string(s, BINARY,
           "HTTP/1.1 204 No Content\r\nX: 0123456789012345678901234567890123456789"
           "012345678901234567890123456789012345678901234567890123456789012345678\r\n"
           "\r\n");
    string(s, CLOSE, "\x03\xe8");
    return s;
}

static void inside(void **unused)
{
    (void)unused;
    struct script *s = http_inside();
    char *text = play(s->steps, s->count, NULL);
    assert_non_null(strstr(text, "http.uri=/tunnel"));
    assert_non_null(strstr(text, "http.upgrade=websocket"));
    assert_non_null(strstr(text, "http.host=mp01 http.uri=/inside"));
    assert_non_null(strstr(text, "http.status=204"));
    assert_non_null(strstr(text, "flow.protocol=http"));
    assert_non_null(strstr(text, "flow.tunnel=websocket"));
    assert_null(strstr(text, "/text"));
    assert_null(strstr(text, "anomalies"));
    free(text);
    test_free(s);
}

/* A protocol that is known and not read names the flow. */
static void named(void **unused)
{
    (void)unused;
    struct script *s = script_new();
    turn(s, DIR_SERVER);
    string(s, BINARY, "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n");
    turn(s, DIR_CLIENT);
    string(s, BINARY, "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n");
    char *text = play(s->steps, s->count, NULL);
    assert_non_null(strstr(text, "flow.protocol=ssh"));
    assert_non_null(strstr(text, "flow.tunnel=websocket"));
    free(text);
    test_free(s);
}

/* What nobody knows, what an extension changed, and what no endpoint may send. */
static void unknown(void **unused)
{
    (void)unused;
    static const struct {
        uint8_t first;
        const char *payload;
        bool odd;
    } frames[] = {
        {BINARY, "a game's own", false},
        {COMPRESSED, "GET /inside HTTP/1.1\r\n\r\n", false},
        {RESERVED, "GET /inside HTTP/1.1\r\n\r\n", true},
        {CLOSE & 0x7f, "not in one frame", true},
    };
    for (size_t i = 0; i < COUNT_OF(frames); i++) {
        struct script *s = script_new();
        turn(s, DIR_CLIENT);
        for (unsigned k = 0; k <= LIMIT_WEBSOCKET_TRIES; k++) {
            string(s, frames[i].first, frames[i].payload);
        }
        string(s, frames[i].first | BINARY, "GET /late HTTP/1.1\r\n\r\n");
        char *text = play(s->steps, s->count, NULL);
        assert_null(strstr(text, "/inside"));
        assert_null(strstr(text, "/late"));
        assert_int_equal(strstr(text, "websocket.bad_frame") != NULL, frames[i].odd);
        free(text);
        test_free(s);
    }
    /* RFC 6455 5.1: a server does not mask, a client does; 5.2: 63 bits of length */
    static const struct {
        enum dir dir;
        const char *octets;
        size_t len;
    } bad[] = {
        {DIR_SERVER, "\x82\x81mask.", 7},
        {DIR_CLIENT, "\x82\x01.", 3},
        {DIR_SERVER, "\x82\x7f\x80\0\0\0\0\0\0\0.", 11},
        {DIR_SERVER, "\x88\x7e\0\x7e.", 5},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct script *s = script_new();
        turn(s, bad[i].dir);
        put(s, bad[i].octets, bad[i].len);
        char *text = play(s->steps, s->count, NULL);
        assert_non_null(strstr(text, "flow.anomalies=websocket.bad_frame"));
        free(text);
        test_free(s);
    }
}

/* A hole in what is passed over does not matter; one in a frame's head ends the reading. */
static void losses(void **unused)
{
    (void)unused;
    struct script *s = script_new();
    turn(s, DIR_CLIENT);
    string(s, TEXT, "0123456789");
    s->steps[s->count - 1].data.len -= 4;
    s->steps[s->count++] = (struct play_step){.dir = DIR_CLIENT, .gap = 4};
    turn(s, DIR_CLIENT);
    string(s, BINARY, "GET /inside HTTP/1.1\r\n\r\n");
    s->steps[s->count++] = (struct play_step){.dir = DIR_CLIENT, .gap = 4};
    turn(s, DIR_CLIENT);
    string(s, BINARY, "GET /late HTTP/1.1\r\n\r\n");
    char *text = play(s->steps, s->count, NULL);
    assert_non_null(strstr(text, "/inside"));
    assert_null(strstr(text, "/late"));
    free(text);
    test_free(s);
}

static void sweeps(void **unused)
{
    (void)unused;
    struct script *s = http_inside();
    play_truncation_sweep(s->steps, s->count);
    play_chunking_sweep(s->steps, s->count);
    play_gap_sweep(s->steps, s->count);
    play_hostile_sweep(s->steps, s->count);
    test_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inside), cmocka_unit_test(named),  cmocka_unit_test(unknown),
        cmocka_unit_test(losses), cmocka_unit_test(sweeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
