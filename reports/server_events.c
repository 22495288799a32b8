/*
 * server_events.c - server-sent events (HTML, 9.2): each is put into its form once, and sent to all
 * who listen from the same octets.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "reports/output.h"
#include "reports/server_part.h"

/* ---- publishing: any thread ---- */

static struct shared *event_block(const char *name, uint64_t id, struct bytes data)
{
    struct output *out = output_to_memory();
    struct shared *block = NULL;
    size_t len = 0;
    if (out == NULL) {
        return NULL;
    }
    if (id != 0) {
        output_format(out, "id: %" PRIu64 "\n", id);
    }
    output_format(out, "event: %s\ndata: ", name);
    output_octets(out, data.at, data.len);
    output_text(out, "\n\n");
    const char *text = output_memory(out, &len);
    block = output_error(out) < 0 ? NULL : shared_copy(bytes_of(text, len));
    output_drop(out);
    return block;
}

static void forget_oldest(struct events *e)
{
    struct shared **place = &e->ring[e->first++ % LIMIT_WEB_EVENTS];
    e->octets -= shared_octets(*place).len;
    shared_drop(*place);
    *place = NULL;
}

static void keep_event(struct events *e, struct shared *block)
{
    size_t len = shared_octets(block).len;
    while (e->first < e->next &&
           (e->next - e->first == LIMIT_WEB_EVENTS || e->octets + len > LIMIT_WEB_EVENT_OCTETS)) {
        forget_oldest(e);
    }
    e->ring[e->next++ % LIMIT_WEB_EVENTS] = block;
    e->octets += len;
}

static void set_latest(struct events *e, const char *name, struct shared *block)
{
    for (unsigned i = 0; i < LATEST_EVENTS; i++) {
        struct latest_event *l = &e->latest[i];
        if (l->name == NULL || strcmp(l->name, name) == 0) {
            shared_drop(l->octets);
            *l = (struct latest_event){.name = name, .octets = block, .serial = ++e->serial};
            return;
        }
    }
    shared_drop(block);
}

uint64_t server_event(struct server *s, const char *name, struct bytes data, bool kept)
{
    uint64_t id = 0;
    pthread_mutex_lock(&s->lock);
    id = kept ? s->events.next : 0;
    struct shared *block = event_block(name, id, data);
    if (block != NULL && kept) {
        keep_event(&s->events, block);
    } else if (block != NULL) {
        set_latest(&s->events, name, block);
    }
    s->change += kept;
    pthread_mutex_unlock(&s->lock);
    server_wake(s);
    return id;
}

void events_free(struct events *e)
{
    while (e->first < e->next) {
        forget_oldest(e);
    }
    for (unsigned i = 0; i < LATEST_EVENTS; i++) {
        shared_drop(e->latest[i].octets);
    }
}

/* ---- sending: the serving thread ---- */

/* What this stream has not had, or NULL; *ret_ended: and nothing comes after it. */
static struct shared *next_block(struct stream *t, bool *ret_ended)
{
    struct server *s = t->server;
    struct events *e = &s->events;
    struct shared *block = NULL;
    pthread_mutex_lock(&s->lock);
    if (t->next_kept < e->first) {
        char text[40];
        (void)snprintf(text, sizeof text, "{\"count\":%" PRIu64 "}", e->first - t->next_kept);
        block = event_block("missed", 0, bytes_text(text));
        t->next_kept = e->first;
    } else if (t->next_kept < e->next) {
        block = shared_hold(e->ring[t->next_kept++ % LIMIT_WEB_EVENTS]);
    }
    for (unsigned i = 0; block == NULL && i < LATEST_EVENTS; i++) {
        if (e->latest[i].name != NULL && t->seen[i] != e->latest[i].serial) {
            t->seen[i] = e->latest[i].serial;
            block = shared_hold(e->latest[i].octets);
        }
    }
    *ret_ended = e->ended;
    pthread_mutex_unlock(&s->lock);
    return block;
}

static ssize_t stream_read(void *user, uint64_t position, char *to, size_t room)
{
    struct stream *t = user;
    bool ended = false;
    (void)position;
    if (t->block == NULL) {
        t->block = next_block(t, &ended);
        t->sent = 0;
    }
    if (t->block == NULL) {
        if (ended || server_now() > t->end_ns) {
            return MHD_CONTENT_READER_END_OF_STREAM;
        }
        t->suspended = true;
        MHD_suspend_connection(t->connection);
        return 0;
    }
    struct bytes left = bytes_from(shared_octets(t->block), t->sent);
    size_t len = left.len < room ? left.len : room;
    memcpy(to, left.at, len);
    t->sent += len;
    if (len == left.len) {
        shared_drop(t->block);
        t->block = NULL;
    }
    return (ssize_t)len;
}

static void stream_free(void *user)
{
    struct stream *t = user;
    struct stream **at = &t->server->streams;
    while (*at != NULL && *at != t) {
        at = &(*at)->next;
    }
    if (*at != NULL) {
        *at = t->next;
    }
    pthread_mutex_lock(&t->server->lock);
    t->server->counts.streams--;
    pthread_mutex_unlock(&t->server->lock);
    shared_drop(t->block);
    free(t);
}

/* The event after which it goes on: what the browser had last, or what the page says of itself. */
static uint64_t asked_after(struct MHD_Connection *c)
{
    const char *text = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Last-Event-ID");
    if (text == NULL) {
        text = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "after");
    }
    bool number = text != NULL && *text != '\0' && text[strspn(text, "0123456789")] == '\0' &&
                  strlen(text) < 19;
    return number ? strtoull(text, NULL, 10) : 0;
}

enum MHD_Result stream_open(struct server *s, struct MHD_Connection *c,
                            enum MHD_Result (*send)(struct server *, struct MHD_Connection *,
                                                    struct MHD_Response *))
{
    struct stream *t = calloc(1, sizeof *t);
    if (t == NULL) {
        return MHD_NO;
    }
    t->server = s;
    t->connection = c;
    t->end_ns = server_now() + LIMIT_WEB_STREAM_SECONDS * NS_PER_SECOND;
    pthread_mutex_lock(&s->lock);
    uint64_t after = asked_after(c);
    t->next_kept = after < s->events.next ? after + 1 : 1; /* of another run: from its beginning */
    s->counts.streams++;
    pthread_mutex_unlock(&s->lock);
    t->next = s->streams;
    s->streams = t;
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 2048, stream_read, t, stream_free);
    if (response == NULL) {
        stream_free(t);
        return MHD_NO;
    }
    (void)MHD_add_response_header(response, "X-Accel-Buffering", "no");
    (void)MHD_add_response_header(response, "Content-Type", "text/event-stream");
    return send(s, c, response);
}

void streams_wake(struct server *s)
{
    for (struct stream *t = s->streams; t != NULL; t = t->next) {
        if (t->suspended) {
            t->suspended = false;
            MHD_resume_connection(t->connection);
        }
    }
}
