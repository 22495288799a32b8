#include "tests/dissect/play.h"

#include "dissect/engine.h"
#include "tests/test.h"

#define STRANGE_PORT 40123

struct stage { /* one conversation on the real engine */
    struct arena_pool pool;
    struct engine *engine;
    struct stream_sink sink;
    struct flow flow;
    void *ctx, *room;
    bool opened, done;
    struct stamp at;
    FILE *text;
    char *answer;
    size_t answer_len;
    bool records_only, no_packets;
};

static void print_fact(FILE *to, const struct observation *o, const struct fact *f, bool no_packets)
{
    struct bytes octets = {0};
    struct stamp at = {0};
    switch (fact_rows[f->id].type) {
    case FACT_TEXT:
    case FACT_LIST:
        (void)fprintf(to, " %s=%s", fact_rows[f->id].key, fact_text(o, f));
        return;
    case FACT_HEX:
        octets = fact_octets(o, f);
        (void)fprintf(to, " %s=", fact_rows[f->id].key);
        for (size_t i = 0; i < octets.len; i++) {
            (void)fprintf(to, "%02x", octets.at[i]);
        }
        return;
    case FACT_PACKET:
        at = observation_packet(o, (enum fact_id)f->id);
        if (!no_packets) {
            (void)fprintf(to, " %s=%llu", fact_rows[f->id].key, (unsigned long long)at.packet);
        }
        return;
    case FACT_CODE16:
    case FACT_CODE32:
        (void)fprintf(to, " %s=0x%llx", fact_rows[f->id].key, (unsigned long long)f->value.num);
        return;
    case FACT_NUM:
    case FACT_BOOL:
    case FACT_TIME:
    case FACT_DATE:
        (void)fprintf(to, " %s=%llu", fact_rows[f->id].key, (unsigned long long)f->value.num);
        return;
    }
}

static void stage_observe(void *user, struct observation *o)
{
    struct stage *s = user;
    if (!(s->records_only && o->record == RECORD_FLOW)) {
        (void)fprintf(s->text, "%s", record_keys[o->record]);
        if (!s->no_packets) {
            (void)fprintf(s->text, " @%llu", (unsigned long long)o->at.packet);
        }
        (void)fprintf(s->text, " %s", o->dir == DIR_CLIENT ? "client" : "server");
        for (unsigned id = 0; id < FACT_COUNT; id++) {
            for (const struct fact *f = observation_get(o, (enum fact_id)id); f != NULL;
                 f = observation_more(o, (enum fact_id)id, f)) {
                print_fact(s->text, o, f, s->no_packets);
            }
        }
        (void)fputc('\n', s->text);
    }
    observation_release(engine_pool(s->engine), o);
}

static void stage_begin(struct stage *s, const struct play_options *options)
{
    static const uint8_t client[] = {192, 0, 2, 1}, server[] = {192, 0, 2, 2};
    struct observer observer = {.user = s, .observe = stage_observe};
    struct engine_options engine = {.no_ndpi = true,
                                    .secrets = options->secrets,
                                    .sql_text = options->sql_text,
                                    .paths = options->paths,
                                    .audited = options->audited,
                                    .brief = options->brief,
                                    .records = UINT32_MAX};
    bool turned = options->midstream && options->wrong_guess;
    *s = (struct stage){.records_only = options->records_only};
    s->text = open_memstream(&s->answer, &s->answer_len);
    s->engine = engine_new(&engine, &observer);
    assert_non_null(s->text);
    assert_non_null(s->engine);
    arena_pool_init(&s->pool, 0);
    engine_attach(s->engine, 0, &s->pool);
    s->sink = engine_sink(s->engine, 0);
    s->at = (struct stamp){.ns = 1000000000, .precision = 6};
    s->flow = (struct flow){.id = 1,
                            .protocol = options->udp ? IP_UDP : IP_TCP,
                            .opening_seen = !options->midstream,
                            .direction_certain = !options->midstream,
                            .state = options->midstream ? FLOW_MIDSTREAM : FLOW_ESTABLISHED};
    s->flow.ends[turned].address = address_v4(client);
    s->flow.ends[turned].port = 50000;
    s->flow.ends[!turned].address = address_v4(server);
    s->flow.ends[!turned].port = options->port == 0 ? STRANGE_PORT : options->port;
}

static void stage_packet(struct stage *s, uint64_t packet)
{
    s->at.packet = s->at.order = packet;
    s->at.ns += 1000000;
    s->flow.last = s->at;
}

/* The client of the script is the end with port 50000, wherever capture believes it to be. */
static enum dir stage_dir(const struct stage *s, enum dir dir)
{
    return s->flow.ends[DIR_CLIENT].port == 50000 ? dir : (enum dir) !dir;
}

static void stage_data(struct stage *s, enum dir dir, struct bytes data)
{
    if (s->done || data.len == 0) {
        return;
    }
    if (!s->opened) {
        s->opened = true;
        s->room = calloc(1, s->sink.ctx_size);
        assert_non_null(s->room);
        s->ctx = s->sink.open(s->sink.user, &s->flow, s->room);
    }
    /* An allocation of its own, so that a sanitizer sees one octet too many. */
    uint8_t *exact = malloc(data.len);
    assert_non_null(exact);
    memcpy(exact, data.at, data.len);
    if (s->ctx != NULL) {
        s->done = s->sink.data(s->sink.user, s->ctx, stage_dir(s, dir), bytes_of(exact, data.len),
                               &s->at) == SINK_DONE;
    }
    free(exact);
}

static void stage_gap(struct stage *s, enum dir dir, uint64_t missing)
{
    s->flow.missing[stage_dir(s, dir)] += missing;
    if (s->opened && s->ctx != NULL && !s->done) {
        s->done =
            s->sink.gap(s->sink.user, s->ctx, stage_dir(s, dir), missing, &s->at) == SINK_DONE;
    }
}

/* The caller frees the answer. */
static char *stage_end(struct stage *s)
{
    struct stamp end = s->at;
    end.order++;
    s->sink.close(s->sink.user, s->ctx, &s->flow, &end);
    free(s->room);
    engine_free(s->engine);
    (void)fclose(s->text);
    /* Everything was given back: arenas, buffers, nested state. */
    assert_int_equal(s->pool.used, 0);
    arena_pool_done(&s->pool);
    return s->answer;
}

static void stage_step(struct stage *s, const struct play_step *step, uint64_t packet, size_t chunk)
{
    stage_packet(s, packet);
    if (step->gap != 0) {
        stage_gap(s, step->dir, step->gap);
        return;
    }
    size_t size = chunk == 0 ? step->data.len : chunk;
    for (size_t at = 0; at < step->data.len; at += size) {
        size_t left = step->data.len - at;
        stage_data(s, step->dir, bytes_slice(step->data, at, left < size ? left : size));
    }
}

static char *perform(const struct play_step *steps, size_t count,
                     const struct play_options *options, bool no_packets)
{
    struct stage s;
    stage_begin(&s, options);
    s.no_packets = no_packets;
    for (size_t i = 0; i < count; i++) {
        stage_step(&s, &steps[i], i + 1, options->udp ? 0 : options->chunk);
    }
    return stage_end(&s);
}

char *play(const struct play_step *steps, size_t count, const struct play_options *options)
{
    static const struct play_options none;
    return perform(steps, count, options == NULL ? &none : options, false);
}

/* ---- sweeps ---- */

#define SWEEP                                                                                      \
    {                                                                                              \
        .records_only = true, .sql_text = true, .paths = true                                      \
    }

static size_t whole_length(const struct play_step *steps, size_t count)
{
    size_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += steps[i].data.len;
    }
    return sum;
}

/* Long conversations are swept in strides, so that a sweep stays a matter of a second. */
static size_t stride(size_t length)
{
    return length / 4000 + 1;
}

/* Every word of a cut conversation's records stands in the whole one's too; ends and counts aside.
 */
static bool states_no_more(const char *cut, const char *whole)
{
    char *copy = strdup(cut), *rest = NULL;
    bool fine = true;
    assert_non_null(copy);
    for (char *word = strtok_r(copy, " \n", &rest); word != NULL && fine;
         word = strtok_r(NULL, " \n", &rest)) {
        const char *value = strchr(word, '=');
        /* Totals, outcomes and states depend on how far it came; the names and identities may not
         * change. */
        static const char *const steady[] = {
            "ntlm.user=",  "ntlm.domain=", "ntlm.server_challenge=", "tls.server_name=",
            "tls.cipher=", "tls.ja3=",     "http.method=",           "http.uri=",
            "http.host=",  "smb.path=",    "smb.dialect=",           "http.user=",
            "sql.user=",   "smb.name="};
        for (size_t i = 0; value != NULL && i < COUNT_OF(steady); i++) {
            if (strncmp(word, steady[i], strlen(steady[i])) == 0 && strstr(whole, word) == NULL) {
                print_error("stated from a cut message: %s\n", word);
                fine = false;
            }
        }
    }
    free(copy);
    return fine;
}

void play_truncation_sweep(const struct play_step *steps, size_t count)
{
    static const struct play_options options = SWEEP;
    char *whole = perform(steps, count, &options, true);
    size_t length = whole_length(steps, count);
    for (size_t keep = 0; keep < length; keep += stride(length)) {
        struct stage s;
        size_t left = keep;
        stage_begin(&s, &options);
        s.no_packets = true;
        for (size_t i = 0; i < count && left > 0; i++) {
            struct play_step step = steps[i];
            step.data.len = step.data.len < left ? step.data.len : left;
            left -= step.data.len;
            stage_step(&s, &step, i + 1, 0);
        }
        char *cut = stage_end(&s);
        assert_true(states_no_more(cut, whole));
        free(cut);
    }
    free(whole);
}

void play_chunking_sweep(const struct play_step *steps, size_t count)
{
    static const size_t chunks[] = {1, 2, 3, 5, 7, 16, 61, 536};
    struct play_options options = SWEEP;
    char *whole = perform(steps, count, &options, true);
    for (size_t i = 0; i < COUNT_OF(chunks); i++) {
        options.chunk = chunks[i];
        char *cut = perform(steps, count, &options, true);
        if (strcmp(cut, whole) != 0) {
            print_error("in chunks of %zu:\n%swhole:\n%s", chunks[i], cut, whole);
        }
        assert_string_equal(cut, whole);
        free(cut);
    }
    free(whole);
}

void play_gap_sweep(const struct play_step *steps, size_t count)
{
    static const struct play_options options = SWEEP;
    size_t length = whole_length(steps, count);
    for (size_t lost = 0; lost < length; lost += stride(length)) {
        struct stage s;
        size_t before = 0;
        stage_begin(&s, &options);
        for (size_t i = 0; i < count; i++) {
            struct bytes data = steps[i].data;
            stage_packet(&s, i + 1);
            if (lost >= before && lost < before + data.len) {
                stage_data(&s, steps[i].dir, bytes_slice(data, 0, lost - before));
                stage_gap(&s, steps[i].dir, 1);
                stage_data(&s, steps[i].dir, bytes_from(data, lost - before + 1));
            } else {
                stage_step(&s, &steps[i], i + 1, 0);
            }
            before += data.len;
        }
        free(stage_end(&s));
    }
}

static void play_with_octet(const struct play_step *steps, size_t count, size_t changed,
                            uint8_t value)
{
    static const struct play_options options = SWEEP;
    struct stage s;
    size_t before = 0;
    stage_begin(&s, &options);
    for (size_t i = 0; i < count; i++) {
        struct play_step step = steps[i];
        uint8_t *copy = NULL;
        if (changed >= before && changed < before + step.data.len) {
            copy = malloc(step.data.len);
            assert_non_null(copy);
            memcpy(copy, step.data.at, step.data.len);
            copy[changed - before] = value;
            step.data.at = copy;
        }
        stage_step(&s, &step, i + 1, 0);
        before += steps[i].data.len;
        free(copy);
    }
    free(stage_end(&s));
}

void play_hostile_sweep(const struct play_step *steps, size_t count)
{
    static const uint8_t values[] = {0x00, 0x7f, 0x80, 0xff};
    size_t length = whole_length(steps, count);
    for (size_t i = 0; i < length; i += stride(length)) {
        for (size_t v = 0; v < COUNT_OF(values); v++) {
            play_with_octet(steps, count, i, values[v]);
        }
    }
}
