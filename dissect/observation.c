#include "dissect/observation.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "capture/limits.h"
#include "dissect/text.h"

/* Most observations fit; the largest (a ClientHello's cipher suites) grow once and stay in the
 * pool. */
#define FIRST_FACTS 32
#define FIRST_TEXT 1024

struct observation_pool {
    struct observation *free;
};

struct observation_pool *observation_pool_new(void)
{
    return calloc(1, sizeof(struct observation_pool));
}

static void observation_free(struct observation *o)
{
    free(o->facts);
    free(o->text);
    free(o);
}

struct observation_pool *observation_pool_free(struct observation_pool *pool)
{
    if (pool != NULL) {
        for (struct observation *o = pool->free; o != NULL;) {
            struct observation *next = o->next;
            observation_free(o);
            o = next;
        }
        free(pool);
    }
    return NULL;
}

struct observation *observation_new(struct observation_pool *pool, enum record record)
{
    struct observation *o = pool->free;
    if (o != NULL) {
        pool->free = o->next;
        struct fact *facts = o->facts;
        char *text = o->text;
        uint32_t room = o->room;
        size_t text_room = o->text_room;
        memset(o, 0, offsetof(struct observation, first));
        o->record = record;
        o->facts = facts;
        o->room = room;
        o->text = text;
        o->text_room = text_room;
        return o;
    }
    o = calloc(1, sizeof *o);
    if (o == NULL) {
        return NULL;
    }
    o->record = record;
    o->facts = malloc(FIRST_FACTS * sizeof *o->facts);
    o->text = malloc(FIRST_TEXT);
    if (o->facts == NULL || o->text == NULL) {
        observation_free(o);
        return NULL;
    }
    o->room = FIRST_FACTS;
    o->text_room = FIRST_TEXT;
    return o;
}

void observation_release(struct observation_pool *pool, struct observation *o)
{
    if (o != NULL) {
        o->next = pool->free;
        pool->free = o;
    }
}

static bool is_stated(const struct observation *o, enum fact_id id)
{
    return (o->stated[id / 64] >> id % 64 & 1) != 0;
}

static void note_place(struct observation *o, uint32_t place)
{
    enum fact_id id = (enum fact_id)o->facts[place].id;
    if (!is_stated(o, id)) {
        o->stated[id / 64] |= UINT64_C(1) << id % 64;
        o->first[id] = (uint16_t)place;
    }
}

static struct fact *add(struct observation *o, enum fact_id id)
{
    if (o->muted) {
        return NULL;
    }
    if (o->count == o->room) {
        struct fact *grown = NULL;
        if (o->room < LIMIT_FACTS) {
            grown = realloc(o->facts, 2 * (size_t)o->room * sizeof *grown);
        }
        if (grown == NULL) {
            o->cut++;
            return NULL;
        }
        o->facts = grown;
        o->room *= 2;
    }
    struct fact *f = &o->facts[o->count];
    *f = (struct fact){.id = (uint16_t)id};
    note_place(o, o->count++);
    return f;
}

/* Room for `len` octets and a terminator, or NULL. */
static char *reserve(struct observation *o, size_t len)
{
    if (o->muted) {
        return NULL;
    }
    size_t want = o->text_len + len + 1;
    if (want > o->text_room) {
        size_t room = o->text_room;
        while (room < want) {
            room *= 2;
        }
        char *grown = want > LIMIT_OBSERVATION_TEXT ? NULL : realloc(o->text, room);
        if (grown == NULL) {
            o->cut++;
            return NULL;
        }
        o->text = grown;
        o->text_room = room;
    }
    return o->text + o->text_len;
}

static void add_text(struct observation *o, enum fact_id id, size_t len, size_t stored)
{
    struct fact *f = add(o, id);
    if (f != NULL) {
        f->len = (uint32_t)len;
        f->value.offset = o->text_len;
        o->text_len += stored;
    }
}

void observation_num(struct observation *o, enum fact_id id, uint64_t num)
{
    struct fact *f = add(o, id);
    if (f != NULL) {
        f->value.num = num;
    }
}

void observation_bool(struct observation *o, enum fact_id id, bool yes)
{
    observation_num(o, id, yes);
}

static void add_converted(struct observation *o, enum fact_id id, struct bytes text,
                          size_t (*convert)(struct bytes in, char *out, size_t room))
{
    /* UTF-8 of a code point is never more than three octets per octet read, so this is always
     * enough. */
    size_t most = text.len > LIMIT_TEXT / 3 ? LIMIT_TEXT : 3 * text.len;
    char *at = text.len == 0 ? NULL : reserve(o, most + 8);
    if (at != NULL) {
        size_t len = convert(text, at, most + 8);
        add_text(o, id, len, len + 1);
    }
}

void observation_utf8(struct observation *o, enum fact_id id, struct bytes text)
{
    add_converted(o, id, text, text_from_utf8);
}

void observation_utf16le(struct observation *o, enum fact_id id, struct bytes text)
{
    add_converted(o, id, text, text_from_utf16le);
}

void observation_string(struct observation *o, enum fact_id id, const char *text)
{
    if (text == NULL || text[0] == '\0') {
        return;
    }
    size_t len = strlen(text);
    char *at = reserve(o, len);
    if (at != NULL) {
        memcpy(at, text, len + 1);
        add_text(o, id, len, len + 1);
    }
}

void observation_replace(struct observation *o, enum fact_id id, const char *text)
{
    uint32_t kept = 0;
    memset(o->stated, 0, sizeof o->stated);
    for (uint32_t i = 0; i < o->count; i++) {
        if (o->facts[i].id != id) {
            o->facts[kept] = o->facts[i];
            note_place(o, kept++);
        }
    }
    o->count = kept;
    observation_string(o, id, text);
}

void observation_empty(struct observation *o, enum fact_id id)
{
    char *at = reserve(o, 0);
    if (at != NULL) {
        *at = '\0';
        add_text(o, id, 0, 1);
    }
}

void observation_format(struct observation *o, enum fact_id id, const char *format, ...)
{
    char text[LIMIT_TEXT];
    va_list args;
    if (o->muted) {
        return;
    }
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len > 0) {
        observation_utf8(o, id, bytes_of(text, strlen(text)));
    }
}

void observation_hex(struct observation *o, enum fact_id id, struct bytes octets)
{
    char *at = octets.len == 0 ? NULL : reserve(o, octets.len);
    if (at != NULL) {
        memcpy(at, octets.at, octets.len);
        add_text(o, id, octets.len, octets.len);
    }
}

void observation_hash(struct observation *o, enum fact_id id, uint64_t hash)
{
    uint8_t octets[sizeof hash];
    for (unsigned i = 0; i < sizeof octets; i++) {
        octets[i] = (uint8_t)(hash >> (56 - 8 * i));
    }
    observation_hex(o, id, bytes_of(octets, sizeof octets));
}

void observation_stamp(struct observation *o, enum fact_id id, const struct stamp *at)
{
    char *to = at->order == 0 ? NULL : reserve(o, sizeof *at);
    if (to != NULL) {
        memcpy(to, at, sizeof *at);
        add_text(o, id, sizeof *at, sizeof *at);
    }
}

const struct fact *observation_more(const struct observation *o, enum fact_id id,
                                    const struct fact *from)
{
    for (uint32_t i = from == NULL ? 0 : (uint32_t)(from - o->facts) + 1; i < o->count; i++) {
        if (o->facts[i].id == id) {
            return &o->facts[i];
        }
    }
    return NULL;
}

const struct fact *observation_get(const struct observation *o, enum fact_id id)
{
    return is_stated(o, id) ? &o->facts[o->first[id]] : NULL;
}

const char *fact_text(const struct observation *o, const struct fact *f)
{
    assert(fact_rows[f->id].type == FACT_TEXT || fact_rows[f->id].type == FACT_LIST);
    return o->text + f->value.offset;
}

struct bytes fact_octets(const struct observation *o, const struct fact *f)
{
    return bytes_of(o->text + f->value.offset, f->len);
}

const char *observation_text(const struct observation *o, enum fact_id id)
{
    const struct fact *f = observation_get(o, id);
    return f == NULL ? NULL : fact_text(o, f);
}

uint64_t observation_number(const struct observation *o, enum fact_id id, uint64_t fallback)
{
    const struct fact *f = observation_get(o, id);
    return f == NULL ? fallback : f->value.num;
}

bool observation_says(const struct observation *o, enum fact_id id)
{
    return observation_number(o, id, 0) != 0;
}

bool observation_is(const struct observation *o, enum fact_id id, const char *text)
{
    const char *stated = observation_text(o, id);
    /* Most that is asked differs in its first letter. */
    return stated != NULL && stated[0] == text[0] && strcmp(stated, text) == 0;
}

struct stamp observation_packet(const struct observation *o, enum fact_id id)
{
    struct stamp at = {0};
    const struct fact *f = observation_get(o, id);
    if (f != NULL && f->len == sizeof at) {
        memcpy(&at, o->text + f->value.offset, sizeof at);
    }
    return at;
}

struct stamp observation_packet_or_own(const struct observation *o, enum fact_id id)
{
    struct stamp at = observation_packet(o, id);
    return at.order == 0 ? o->at : at;
}
