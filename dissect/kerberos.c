/*
 * kerberos.c - exchanges with a KDC and with its password service: RFC 4120, RFC 3244.
 *
 * One record per request and its reply. A KDC answers the requests of a connection in their order;
 * over UDP the message type, and for an error the service it names, tell which request is meant.
 * The request's facts wait in its record. A half that stays alone is written when the flow ends.
 */
#include "dissect/kerberos.h"

#include <strings.h>

#include "dissect/der.h"
#include "dissect/text.h"

enum {
    RECORD_MARK = 4,    /* RFC 4120 7.2.2: the length before each message of a TCP stream */
    SHORTEST_HEAD = 24, /* a message's first octets that are looked at before the rest is there */
};

struct waiting {
    struct observation *o;
    uint8_t nonce[7]; /* the element; all zero where the request has none */
    uint8_t type;     /* enum kerberos_message */
};

struct kerberos {
    struct waiting waiting[LIMIT_KERBEROS_WAITING]; /* the oldest first */
    unsigned count;
    unsigned repeated; /* requests seen again whose first one is waiting: as many replies say
                          nothing new */
    struct dissection *ap;
};

/* ---- recognition ---- */

static enum probe kpasswd_looks(struct bytes head, uint64_t whole)
{
    struct kerberos_password framed;
    bool good = kerberos_read_password(head, whole, &framed);
    if (head.len < KERBEROS_PASSWORD_HEADER) {
        return whole <= UINT16_MAX && (head.len < 2 || framed.len == whole) ? PROBE_MORE : PROBE_NO;
    }
    return good ? kerberos_looks(framed.message) : PROBE_NO;
}

static enum probe message_looks(struct bytes head, uint64_t whole)
{
    enum probe seen = kerberos_looks(head);
    return seen != PROBE_NO ? seen : kpasswd_looks(head, whole);
}

static enum probe kerberos_probe(struct bytes head)
{
    struct cursor c = cursor_of(head);
    uint32_t len = cursor_be32(&c);
    if (head.len == 0 || (c.failed && head.at[0] == 0)) {
        return PROBE_MORE;
    }
    enum probe bare = head.len < KERBEROS_PASSWORD_HEADER ? kerberos_looks(head)
                                                          : message_looks(head, head.len); /* UDP */
    if (bare != PROBE_NO) {
        return bare == PROBE_MORE && head.len > SHORTEST_HEAD ? PROBE_NO : bare;
    }
    return len >= SHORTEST_HEAD && len <= LIMIT_FLOW_BUFFER ? message_looks(c.rest, len) : PROBE_NO;
}

/* ---- records ---- */

static const char *transport(const struct dissection *dx)
{
    return dissection_flow(dx)->protocol == IP_TCP ? "tcp" : "udp";
}

static struct observation *begin(struct dissection *dx, const char *exchange)
{
    struct observation *o = dissection_begin(dx, RECORD_KERBEROS);
    if (o != NULL) {
        observation_string(o, FACT_KERBEROS_EXCHANGE, exchange);
        observation_string(o, FACT_KERBEROS_TRANSPORT, transport(dx));
    }
    return o;
}

/* The observation of one that waits, which no longer waits. */
static struct observation *take(struct kerberos *s, unsigned place)
{
    struct observation *o = s->waiting[place].o;
    s->count--;
    for (unsigned i = place; i < s->count; i++) {
        s->waiting[i] = s->waiting[i + 1];
    }
    return o;
}

static void write_waiting(struct dissection *dx, struct kerberos *s)
{
    while (s->count > 0) {
        dissection_send(dx, take(s, 0), DIR_CLIENT);
    }
    s->repeated = 0;
}

/* The reply to a request sent twice comes twice. */
static bool says_nothing_new(struct kerberos *s)
{
    if (s->repeated == 0) {
        return false;
    }
    s->repeated--;
    return true;
}

static void state_once(struct observation *o, enum fact_id id, struct bytes name)
{
    if (observation_get(o, id) == NULL) {
        kerberos_state_name(o, id, name);
    }
}

/* ---- messages ---- */

static bool is_waiting(const struct kerberos *s, const struct waiting *w)
{
    for (unsigned i = 0; i < s->count; i++) {
        const struct waiting *other = &s->waiting[i];
        if (w->nonce[0] != 0 && other->type == w->type &&
            memcmp(other->nonce, w->nonce, sizeof(w->nonce)) == 0) {
            return true;
        }
    }
    return false;
}

static bool read_request(struct dissection *dx, struct kerberos *s, struct bytes message)
{
    struct kerberos_request request;
    struct waiting w = {.type = message.at[0]};
    if (!kerberos_read_request(message, &request)) {
        return false;
    }
    if (request.nonce.len > 0 && request.nonce.len <= sizeof(w.nonce)) {
        memcpy(w.nonce, request.nonce.at, request.nonce.len);
    }
    if (dissection_flow(dx)->protocol != IP_TCP && is_waiting(s, &w)) {
        s->repeated++;
        return true;
    }
    if (s->count == 0) {
        s->repeated = 0;
    }
    if (s->count == LIMIT_KERBEROS_WAITING) {
        dissection_anomaly(dx, "kerberos.waiting_limit");
        dissection_send(dx, take(s, 0), DIR_CLIENT);
    }
    struct observation *o = begin(dx, w.type == KRB_AS_REQ ? "as" : "tgs");
    if (o == NULL) {
        return true;
    }
    observation_utf8(o, FACT_KERBEROS_REALM, request.realm);
    kerberos_state_name(o, FACT_KERBEROS_CLIENT, request.client);
    kerberos_state_name(o, FACT_KERBEROS_SERVICE, request.service);
    kerberos_state_etypes(o, request.etypes);
    kerberos_state_request(o, &request, dissection_details(dx));
    observation_stamp(o, FACT_KERBEROS_REQUEST_PACKET, dissection_at(dx));
    w.o = o;
    s->waiting[s->count++] = w;
    return true;
}

/* RFC 6806 8: the ticket is not for the service that was asked for. One for the ticket-granting
 * service of another realm sends the client there. */
static void state_other_service(struct observation *o, const struct kerberos_reply *reply,
                                const char *service)
{
    static const char granting[] = "krbtgt/";
    char realm[256];
    observation_string(o, FACT_KERBEROS_TICKET_SERVICE, service);
    (void)text_from_utf8(reply->ticket.realm, realm, sizeof realm);
    if (strncmp(service, granting, sizeof granting - 1) == 0 &&
        strcasecmp(service + sizeof granting - 1, realm) != 0) {
        observation_string(o, FACT_KERBEROS_REFERRAL, service + sizeof granting - 1);
    }
}

/* The request that a reply of this type answers; NULL when none waits. */
static struct observation *answered(struct kerberos *s, uint8_t type)
{
    for (unsigned i = 0; i < s->count; i++) {
        if (s->waiting[i].type == type) {
            return take(s, i);
        }
    }
    return NULL;
}

static bool read_reply(struct dissection *dx, struct kerberos *s, enum dir dir,
                       struct bytes message)
{
    struct kerberos_reply reply;
    bool as = message.at[0] == KRB_AS_REP;
    if (!kerberos_read_reply(message, &reply)) {
        return false;
    }
    struct observation *o = answered(s, as ? KRB_AS_REQ : KRB_TGS_REQ);
    bool alone = o == NULL;
    if (alone && says_nothing_new(s)) {
        return true;
    }
    o = alone ? begin(dx, as ? "as" : "tgs") : o;
    if (o == NULL) {
        return true;
    }
    if (alone) {
        observation_utf8(o, FACT_KERBEROS_REALM, reply.ticket.realm);
        kerberos_state_name(o, FACT_KERBEROS_SERVICE, reply.ticket.service);
        kerberos_state_reply(o, &reply);
    } else {
        struct kerberos_name service;
        kerberos_name(reply.ticket.service, &service);
        if (!observation_is(o, FACT_KERBEROS_SERVICE, service.text)) {
            state_other_service(o, &reply, service.text);
        }
    }
    state_once(o, FACT_KERBEROS_CLIENT, reply.client);
    kerberos_state_etype(o, FACT_KERBEROS_TICKET_ETYPE, reply.ticket.part.etype);
    kerberos_state_etype(o, FACT_KERBEROS_REPLY_ETYPE, reply.part.etype);
    observation_stamp(o, FACT_KERBEROS_REPLY_PACKET, dissection_at(dx));
    dissection_send(dx, o, dir);
    return true;
}

/* The request that names the error's service, else the oldest: an error need not name one. */
static struct observation *refused(struct kerberos *s, const char *service)
{
    for (unsigned i = 0; i < s->count; i++) {
        if (observation_is(s->waiting[i].o, FACT_KERBEROS_SERVICE, service)) {
            return take(s, i);
        }
    }
    return s->count > 0 ? take(s, 0) : NULL;
}

/* An error does not say what it answers. Without its request: what is about pre-authentication or a
 * ticket-granting ticket was most likely an AS-REQ. */
static const char *exchange_of_error(int64_t code, const char *service)
{
    enum { KDC_ERR_PREAUTH_FAILED = 24, KDC_ERR_PREAUTH_REQUIRED = 25 };
    bool as = code == KDC_ERR_PREAUTH_FAILED || code == KDC_ERR_PREAUTH_REQUIRED ||
              strncmp(service, "krbtgt/", 7) == 0;
    return as ? "as" : "tgs";
}

static bool read_error(struct dissection *dx, struct kerberos *s, enum dir dir,
                       struct bytes message)
{
    struct kerberos_error error;
    struct kerberos_name service;
    if (!kerberos_read_error(message, &error)) {
        return false;
    }
    if (s->count == 0 && s->ap != NULL) {
        dissection_feed(s->ap, dir, message);
        return true;
    }
    kerberos_name(error.service, &service);
    struct observation *o = refused(s, service.text);
    if (o == NULL && says_nothing_new(s)) {
        return true;
    }
    if (o == NULL) {
        o = begin(dx, exchange_of_error(error.code, service.text));
        if (o == NULL) {
            return true;
        }
        observation_utf8(o, FACT_KERBEROS_REALM, error.realm);
        observation_string(o, FACT_KERBEROS_SERVICE, service.text);
    }
    state_once(o, FACT_KERBEROS_CLIENT, error.client);
    kerberos_state_error(o, error.code);
    kerberos_state_error_data(o, &error, dissection_details(dx));
    observation_stamp(o, FACT_KERBEROS_REPLY_PACKET, dissection_at(dx));
    dissection_send(dx, o, dir);
    return true;
}

static void feed_ap(struct dissection *dx, struct kerberos *s, enum dir dir, struct bytes message,
                    const char *carrier)
{
    if (s->ap == NULL) {
        s->ap = dissection_child(dx, &kerberos_ap_dissector, carrier);
    }
    if (s->ap != NULL) {
        dissection_feed(s->ap, dir, message);
    }
}

static bool read_kpasswd(struct dissection *dx, struct kerberos *s, enum dir dir,
                         struct bytes message)
{
    struct kerberos_password framed;
    if (!kerberos_read_password(message, message.len, &framed)) {
        return false;
    }
    feed_ap(dx, s, dir, message, KERBEROS_PASSWORD_CARRIER);
    return true;
}

static bool read_message(struct dissection *dx, struct kerberos *s, enum dir dir,
                         struct bytes message)
{
    switch (message.at[0]) {
    case KRB_AS_REQ:
    case KRB_TGS_REQ:
        return read_request(dx, s, message);
    case KRB_AS_REP:
    case KRB_TGS_REP:
        return read_reply(dx, s, dir, message);
    case KRB_ERROR:
        return read_error(dx, s, dir, message);
    case KRB_AP_REQ:
    case KRB_AP_REP:
        feed_ap(dx, s, dir, message, dissection_carrier(dx));
        return true;
    default:
        return read_kpasswd(dx, s, dir, message);
    }
}

/* RFC 4120 7.2.2. What begins as a message and cannot be read is passed over: the next one's place
 * is known. */
static struct fed feed_stream(struct dissection *dx, struct kerberos *s, enum dir dir,
                              struct bytes in)
{
    struct cursor c = cursor_of(in);
    uint64_t whole = RECORD_MARK + (uint64_t)cursor_be32(&c);
    size_t head = whole < RECORD_MARK + SHORTEST_HEAD ? (size_t)whole : RECORD_MARK + SHORTEST_HEAD;
    if (c.failed || in.len < head) {
        return fed_more(c.failed ? RECORD_MARK : head);
    }
    enum probe seen = message_looks(c.rest, whole - RECORD_MARK);
    if (seen == PROBE_NO || seen == PROBE_MORE) {
        return fed_bad();
    }
    if (in.len < whole) {
        return fed_more((size_t)whole);
    }
    if (!read_message(dx, s, dir, cursor_take(&c, (size_t)whole - RECORD_MARK))) {
        dissection_anomaly(dx, "kerberos.bad_message");
    }
    return fed_ok((size_t)whole);
}

static struct fed kerberos_feed(struct dissection *dx, void *state, enum dir dir, struct bytes in)
{
    if (dissection_flow(dx)->protocol == IP_TCP) {
        return feed_stream(dx, state, dir, in);
    }
    enum probe seen = message_looks(in, in.len);
    if (seen == PROBE_NO || seen == PROBE_MORE) {
        return fed_bad();
    }
    if (!read_message(dx, state, dir, in)) {
        dissection_anomaly(dx, "kerberos.bad_message");
    }
    const struct kerberos *s = state;
    return s->count == 0 && s->repeated == 0 && s->ap == NULL ? fed_rest(in.len) : fed_ok(in.len);
}

/* Replies are paired by their order: past a loss of any, what waits stays alone. */
static bool kerberos_gap(struct dissection *dx, void *state, enum dir dir, uint64_t missing)
{
    (void)missing;
    if (dir == DIR_SERVER) {
        write_waiting(dx, state);
    }
    return true;
}

static void kerberos_end(struct dissection *dx, void *state, const struct outcome *outcome)
{
    (void)outcome;
    write_waiting(dx, state);
}

const struct dissector kerberos_dissector = {
    .name = "kerberos",
    .ports = (const uint16_t[]){88, 464, 0},
    .tcp = true,
    .udp = true,
    .state_size = sizeof(struct kerberos),
    .probe = kerberos_probe,
    .feed = kerberos_feed,
    .gap = kerberos_gap,
    .end = kerberos_end,
};
