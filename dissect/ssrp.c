/*
 * ssrp.c - SQL Server Resolution Protocol: which instances a host has, and on which ports.
 *
 * Spec:   [MC-SQLR] 2.2. A request is one datagram, so is a response. Text is in the server's code
 *         page; instance names are ASCII in practice.
 * Errors: an instance's text that breaks off is stated as far as it goes.
 */
#include <stdio.h>

#include "capture/limits.h"
#include "dissect/dissector.h"

enum {
    CLNT_BCAST_EX = 0x02,   /* [MC-SQLR] 2.2.1 */
    CLNT_UCAST_EX = 0x03,   /* 2.2.2 */
    CLNT_UCAST_INST = 0x04, /* 2.2.3 */
    SVR_RESP = 0x05,        /* 2.2.5 */
    CLNT_UCAST_DAC = 0x0f,  /* 2.2.4 */
};
enum { PROTOCOLVERSION = 1, INSTANCE_NAME_MOST = 34, DAC_RESPONSE = 6 };

struct ssrp {
    struct observation *draft; /* a request without its response yet */
    uint8_t dir;
};

/* [MC-SQLR] 2.2.6: its size counts all of the datagram */
static bool is_dac(struct bytes in)
{
    static const uint8_t head[] = {SVR_RESP, DAC_RESPONSE, 0, PROTOCOLVERSION};
    return in.len == DAC_RESPONSE && bytes_has_prefix(in, head, sizeof head);
}

static enum probe ssrp_probe(struct bytes head)
{
    struct cursor c = cursor_of(head);
    switch (cursor_u8(&c)) {
    case CLNT_BCAST_EX:
    case CLNT_UCAST_EX:
        return c.rest.len == 0 ? PROBE_CLIENT : PROBE_NO;
    case CLNT_UCAST_INST:
    case CLNT_UCAST_DAC:
        return c.rest.len > 0 && c.rest.len <= INSTANCE_NAME_MOST ? PROBE_CLIENT : PROBE_NO;
    case SVR_RESP:
        return is_dac(head) || (cursor_le16(&c) == c.rest.len && !c.failed) ? PROBE_SERVER
                                                                            : PROBE_NO;
    default:
        return PROBE_NO;
    }
}

static struct observation *begin(struct dissection *dx)
{
    struct observation *o = dissection_begin(dx, RECORD_SQL);
    if (o != NULL) {
        observation_string(o, FACT_SQL_MESSAGE, "ssrp");
    }
    return o;
}

/* ---- requests ---- */

static void write_waiting(struct dissection *dx, struct ssrp *s)
{
    if (s->draft != NULL) {
        dissection_send(dx, s->draft, (enum dir)s->dir);
        s->draft = NULL;
    }
}

/* Up to the zero that ends it. */
static int text_length(struct bytes text)
{
    const uint8_t *zero = text.len == 0 ? NULL : memchr(text.at, 0, text.len);
    return (int)(zero == NULL ? text.len : (size_t)(zero - text.at));
}

static void read_request(struct dissection *dx, struct ssrp *s, enum dir dir, struct cursor c)
{
    uint8_t asked = cursor_u8(&c);
    if (asked == CLNT_UCAST_DAC) {
        cursor_skip(&c, 1); /* PROTOCOLVERSION */
    }
    write_waiting(dx, s);
    struct observation *o = begin(dx);
    if (o == NULL) {
        return;
    }
    const char *name = c.rest.len == 0 ? "" : (const char *)c.rest.at;
    int len = text_length(c.rest);
    if (asked == CLNT_BCAST_EX) {
        observation_string(o, FACT_SQL_REQUEST, "broadcast");
    } else if (asked == CLNT_UCAST_EX) {
        observation_string(o, FACT_SQL_REQUEST, "all");
    } else {
        const char *what = asked == CLNT_UCAST_DAC ? "dac" : "instance";
        observation_format(o, FACT_SQL_REQUEST, "%s %.*s", what, len, name);
    }
    s->draft = o;
    s->dir = (uint8_t)dir;
}

/* ---- responses ---- */

struct instance {
    struct bytes name, version, tcp, pipe;
};

/* The text before the next semicolon, which is passed too. */
static struct bytes take_field(struct cursor *c)
{
    const uint8_t *end = c->rest.len == 0 ? NULL : memchr(c->rest.at, ';', c->rest.len);
    struct bytes field = cursor_take(c, end == NULL ? c->rest.len : (size_t)(end - c->rest.at));
    if (end != NULL) {
        cursor_skip(c, 1);
    }
    return field;
}

static bool is_key(struct bytes field, const char *key)
{
    return bytes_is(field, key, strlen(key));
}

static void state_instance(struct observation *o, const struct instance *i)
{
    char text[LIMIT_TEXT];
    int len = snprintf(text, sizeof text, "%.*s", (int)i->name.len, (const char *)i->name.at);
    const struct {
        const char *label;
        struct bytes value;
    } parts[] = {{"tcp", i->tcp}, {"np", i->pipe}, {"version", i->version}};
    for (size_t p = 0; p < sizeof parts / sizeof parts[0]; p++) {
        if (parts[p].value.len > 0 && len >= 0 && (size_t)len < sizeof text) {
            len += snprintf(text + len, sizeof text - (size_t)len, " %s %.*s", parts[p].label,
                            (int)parts[p].value.len, (const char *)parts[p].value.at);
        }
    }
    observation_utf8(o, FACT_SQL_INSTANCES, bytes_text(text));
}

/* [MC-SQLR] 2.2.5.1: keys and values in turn; an empty key ends an instance. */
static void state_instances(struct observation *o, struct bytes list)
{
    struct cursor c = cursor_of(list);
    struct instance i = {0};
    while (c.rest.len > 0) {
        struct bytes key = take_field(&c);
        if (key.len > 0) {
            struct bytes value = take_field(&c);
            i.name = is_key(key, "InstanceName") ? value : i.name;
            i.version = is_key(key, "Version") ? value : i.version;
            i.tcp = is_key(key, "tcp") ? value : i.tcp;
            i.pipe = is_key(key, "np") ? value : i.pipe;
        }
        if (i.name.len > 0 && (key.len == 0 || c.rest.len == 0)) {
            state_instance(o, &i);
            i = (struct instance){0};
        }
    }
}

static void read_response(struct dissection *dx, struct ssrp *s, enum dir dir, struct bytes in)
{
    struct observation *o = s->draft != NULL ? s->draft : begin(dx);
    struct cursor c = cursor_of(in);
    cursor_skip(&c, 3);
    s->draft = NULL;
    if (o == NULL) {
        return;
    }
    if (is_dac(in)) {
        cursor_skip(&c, 1);
        observation_format(o, FACT_SQL_INSTANCES, "dac tcp %u", cursor_le16(&c));
    } else {
        state_instances(o, c.rest);
    }
    dissection_send(dx, o, dir);
}

static struct fed ssrp_feed(struct dissection *dx, void *state, enum dir dir, struct bytes in)
{
    enum probe seen = ssrp_probe(in);
    if (seen == PROBE_CLIENT) {
        read_request(dx, state, dir, cursor_of(in));
    } else if (seen == PROBE_SERVER) {
        read_response(dx, state, dir, in);
    } else {
        dissection_anomaly(dx, "ssrp.bad_message");
    }
    const struct ssrp *s = state;
    return s->draft == NULL ? fed_rest(in.len) : fed_ok(in.len);
}

static void ssrp_end(struct dissection *dx, void *state, const struct outcome *outcome)
{
    (void)outcome;
    write_waiting(dx, state);
}

const struct dissector ssrp_dissector = {
    .name = "ssrp",
    .ports = (const uint16_t[]){1434, 0},
    .udp = true,
    .ports_only = true,
    .records = 1u << RECORD_SQL,
    .state_size = sizeof(struct ssrp),
    .probe = ssrp_probe,
    .feed = ssrp_feed,
    .end = ssrp_end,
};
