#include "reports/tree.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH 16 /* of our own records; theirs nest to six */
#define ROOM_FIRST 64
#define RECENT 256 /* texts that may come again; a power of 2 */

struct tree {
    json_t *open[DEPTH]; /* from the record inwards */
    unsigned depth;
    struct bytes key; /* of the next value; none: {0} */
    json_t **records;
    size_t count, room;
    bool failed;
    /* By key and length, the text that came last there: records of one type repeat most of
     * theirs, and a value that is shared is not made again. */
    json_t *recent[RECENT];
};

struct tree *tree_new(void)
{
    return calloc(1, sizeof(struct tree));
}

struct tree *tree_free(struct tree *t)
{
    if (t != NULL) {
        for (size_t i = 0; i < t->count; i++) {
            json_decref(t->records[i]);
        }
        for (size_t i = 0; i < RECENT; i++) {
            json_decref(t->recent[i]);
        }
        free(t->records);
        free(t);
    }
    return NULL;
}

static bool add_record(struct tree *t, json_t *record)
{
    if (t->count == t->room) {
        size_t room = t->room == 0 ? ROOM_FIRST : 2 * t->room;
        json_t **grown = realloc(t->records, room * sizeof(json_t *));
        if (grown == NULL) {
            json_decref(record);
            return false;
        }
        t->records = grown;
        t->room = room;
    }
    t->records[t->count++] = record;
    return true;
}

/* Failed for good: how deep it is open is still counted, nothing is added. */
void tree_add(struct tree *t, const char *key, json_t *value)
{
    struct bytes name = key == NULL ? t->key : bytes_text(key);
    t->key = (struct bytes){0};
    if (t->failed || value == NULL) {
        json_decref(value);
        t->failed = true;
        return;
    }
    json_t *into = t->depth == 0 ? NULL : t->open[t->depth - 1];
    if (into == NULL) {
        t->failed = !add_record(t, value);
    } else if (json_is_array(into)) {
        t->failed = json_array_append_new(into, value) != 0;
    } else if (key != NULL) { /* of our own: ASCII */
        t->failed = json_object_setn_new_nocheck(into, key, name.len, value) != 0;
    } else {
        t->failed = json_object_setn_new(into, (const char *)name.at, name.len, value) != 0;
    }
}

void tree_open(struct tree *t, const char *key, char bracket)
{
    json_t *opened = bracket == '{' ? json_object() : json_array();
    tree_add(t, key, opened);
    t->failed = t->failed || t->depth == DEPTH;
    if (!t->failed) {
        t->open[t->depth] = opened;
    }
    t->depth++;
}

void tree_close(struct tree *t)
{
    t->depth--;
}

void tree_key(struct tree *t, struct bytes key)
{
    t->key = key;
}

/* Nearly all texts: not worth a second look for what is valid UTF-8. */
static json_t *text_new(struct bytes text)
{
    const char *octets = text.len == 0 ? "" : (const char *)text.at;
    uint8_t seen = 0;
    for (size_t i = 0; i < text.len; i++) {
        seen |= text.at[i];
    }
    return seen < 0x80 ? json_stringn_nocheck(octets, text.len) : json_stringn(octets, text.len);
}

bool tree_text(struct tree *t, const char *key, struct bytes text)
{
    /* Keys are literals mostly: their place stands for what they say. */
    json_t **recent = &t->recent[((uintptr_t)key ^ text.len) % RECENT];
    if (*recent == NULL ||
        !bytes_is(bytes_of(json_string_value(*recent), json_string_length(*recent)), text.at,
                  text.len)) {
        json_t *made = text_new(text);
        if (made == NULL) {
            return false;
        }
        json_decref(*recent);
        *recent = made;
    }
    tree_add(t, key, json_incref(*recent));
    return true;
}

bool tree_take(struct tree *t, json_t ***ret_records, size_t *ret_count)
{
    if (t->failed) {
        return false;
    }
    *ret_records = t->records;
    *ret_count = t->count;
    t->records = NULL;
    t->count = t->room = 0;
    return true;
}

json_t *tree_take_one(struct tree *t)
{
    return t->failed || t->count != 1 ? NULL : t->records[--t->count];
}
