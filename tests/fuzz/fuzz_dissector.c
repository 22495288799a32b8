/*
 * fuzz_dissector.c - one dissector at work on any octets, through the real engine; compiled once
 * per protocol with -DFUZZ_DISSECTOR=name.
 *
 * The first octet: bit 0 is the direction, bits 1 to 6 the size of the pieces that the rest comes
 * in (0: whole). With bit 7 the rest is a conversation: pieces with two octets of length
 * (big-endian) in front, whose top bit is the direction; a length of 0 loses one octet.
 *
 * Checked: whatever the flow took is given back, and the dissector uses no more than there was (the
 * engine's assert).
 */
#include <stdlib.h>
#include <string.h>

#include "dissect/conversation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NAMED(name) name##_dissector
#define DISSECTOR_OF(name) NAMED(name)
/* Those read inside others only are not in protocols.def. */
static const struct dissector *const dissector = &DISSECTOR_OF(FUZZ_DISSECTOR);

enum { MEMORY = 64 << 20, ONE_DIRECTION = 0x7e, CONVERSATION = 0x80 };

struct stage {
    struct arena_pool pool;
    struct engine *engine;
    struct stream_sink sink;
    struct flow flow;
    struct conversation *conversation;
    struct dissection *nested; /* for a dissector that reads inside others */
    struct stamp at;
    bool done;
};

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void forget(void *user, struct observation *o)
{
    struct stage *s = user;
    must(o->at.packet <= s->at.packet + 1);
    observation_release(engine_pool(s->engine), o);
}

static void stage_begin(struct stage *s)
{
    static const uint8_t client[] = {192, 0, 2, 1}, server[] = {192, 0, 2, 2};
    const struct engine_options options = {
        .no_ndpi = true, .secrets = true, .sql_text = true, .paths = true, .records = UINT32_MAX};
    const struct observer observer = {.user = s, .observe = forget};
    *s = (struct stage){.at = {.packet = 1, .order = 1, .ns = 1000000000, .precision = 6}};
    arena_pool_init(&s->pool, MEMORY);
    s->engine = engine_new(&options, &observer);
    must(s->engine != NULL);
    engine_attach(s->engine, 0, &s->pool);
    s->sink = engine_sink(s->engine, 0);
    s->flow = (struct flow){.id = 1,
                            .protocol = dissector->udp && !dissector->tcp ? IP_UDP : IP_TCP,
                            .opening_seen = true,
                            .direction_certain = true,
                            .state = FLOW_ESTABLISHED,
                            .first = s->at};
    s->flow.ends[DIR_CLIENT].address = address_v4(client);
    s->flow.ends[DIR_CLIENT].port = 50000;
    s->flow.ends[DIR_SERVER].address = address_v4(server);
    s->flow.ends[DIR_SERVER].port = dissector->ports != NULL ? dissector->ports[0] : 40123;
    void *room = calloc(1, s->sink.ctx_size);
    must(room != NULL);
    s->conversation = s->sink.open(s->sink.user, &s->flow, room);
    must(s->conversation != NULL);
    if (!dissector->tcp && !dissector->udp) {
        s->conversation->at = s->at;
        s->nested = dissection_new(s->conversation, dissector, "smb");
        must(s->nested != NULL);
    }
}

static void stage_piece(struct stage *s, enum dir dir, const uint8_t *octets, size_t len)
{
    s->at.packet++;
    s->at.order++;
    s->at.ns += 1000000;
    s->flow.last = s->at;
    if (s->done) {
        return;
    }
    if (len == 0) {
        s->flow.missing[dir]++;
        s->done = s->sink.gap(s->sink.user, s->conversation, dir, 1, &s->at) == SINK_DONE;
        return;
    }
    /* An allocation of its own, so that a sanitizer sees one octet too many. */
    uint8_t *exact = malloc(len);
    must(exact != NULL);
    memcpy(exact, octets, len);
    if (s->nested != NULL) {
        s->conversation->at = s->at;
        dissection_feed(s->nested, dir, bytes_of(exact, len));
    } else {
        s->done = s->sink.data(s->sink.user, s->conversation, dir, bytes_of(exact, len), &s->at) ==
                  SINK_DONE;
    }
    free(exact);
}

static void stage_end(struct stage *s)
{
    struct stamp end = s->at;
    end.order++;
    s->sink.close(s->sink.user, s->conversation, &s->flow, &end);
    free(s->conversation);
    (void)engine_free(s->engine);
    must(s->pool.used == 0);
    arena_pool_done(&s->pool);
}

static void converse(struct stage *s, const uint8_t *data, size_t size)
{
    while (size >= 2) {
        size_t len = (size_t)(data[0] & 0x7f) << 8 | data[1];
        enum dir dir = data[0] & 0x80 ? DIR_SERVER : DIR_CLIENT;
        len = len < size - 2 ? len : size - 2;
        stage_piece(s, dir, data + 2, len);
        data += 2 + len;
        size -= 2 + len;
    }
}

static void recite(struct stage *s, enum dir dir, size_t chunk, const uint8_t *data, size_t size)
{
    chunk = chunk == 0 || s->nested != NULL ? size : chunk;
    for (size_t at = 0; at < size; at += chunk) {
        stage_piece(s, dir, data + at, size - at < chunk ? size - at : chunk);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct stage s;
    if (size < 2) {
        return 0;
    }
    stage_begin(&s);
    if (data[0] & CONVERSATION) {
        converse(&s, data + 1, size - 1);
    } else {
        recite(&s, data[0] & 1 ? DIR_SERVER : DIR_CLIENT, (data[0] & ONE_DIRECTION) >> 1, data + 1,
               size - 1);
    }
    stage_end(&s);
    return 0;
}
