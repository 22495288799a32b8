#include "tests/bench/scene.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/hosts.h"

enum { MICROSECOND = 1000 };

void script_done(struct script *s)
{
    octets_done(&s->text);
    free(s->messages);
    *s = (struct script){0};
}

void script_clear(struct script *s)
{
    s->text.len = 0;
    s->count = 0;
}

struct octets *script_say(struct script *s, enum side from, uint64_t delay_ns)
{
    if (s->count == s->room) {
        size_t room = s->room ? 2 * s->room : 16;
        struct message *messages = realloc(s->messages, room * sizeof *messages);
        if (!messages) {
            fputs("generate: out of memory\n", stderr);
            exit(2);
        }
        s->messages = messages;
        s->room = room;
    }
    s->messages[s->count++] =
        (struct message){.at = s->text.len, .delay_ns = delay_ns, .from = from};
    return &s->text;
}

size_t script_length(const struct script *s, size_t message)
{
    assert(message < s->count);
    size_t end = message + 1 < s->count ? s->messages[message + 1].at : s->text.len;
    return end - s->messages[message].at;
}

struct octets *scene_say(struct scene *sc, enum side from)
{
    /* A server answers from memory or from disk; a client computes a little in between. */
    uint32_t slow = random_chance(sc->random, 200) ? 12000 : 1500;
    uint64_t think = random_between(sc->random, from == SERVER ? 150 : 300, slow);

    return script_say(&sc->script, from, think * MICROSECOND);
}

struct octets *scene_say_later(struct scene *sc, enum side from)
{
    uint64_t pause = random_between(sc->random, 5000, 500000);

    return script_say(&sc->script, from, pause * MICROSECOND);
}

void scene_expect(struct scene *sc, enum record type, unsigned count)
{
    sc->tally->records[type] += count;
}

void scene_content(struct scene *sc, struct octets *o, size_t n)
{
    assert(n <= sc->pool_len);
    uint32_t slack = (uint32_t)(sc->pool_len - n);
    octets_copy(o, sc->pool + random_below(sc->random, slack + 1), n);
}

void scene_visit(struct scene *sc, unsigned server, uint16_t port)
{
    assert(server < SERVER_COUNT);
    sc->server = &sc->hosts->servers[server];
    sc->server_port = port;
}
