/*
 * dns_exchange.c - queries and their responses: one record a question.
 *
 * A response names its query by id and question; the query's facts wait in the record. What was
 * asked of many (multicast, broadcast) is answered in other flows: such a record has no rcode, and
 * a response without its query has a record of its own.
 */
#include "dissect/dns.h"

enum { QUESTIONS, ANSWERS, AUTHORITY, ADDITIONAL };

#define NS_PER_SECOND 1000000000

/* One message at work. */
struct reading {
    struct dissection *dx;
    struct dns_state *s;
    const struct dns_service *service;
    enum dir dir;
    struct dns_message m;
};

static bool is_tcp(const struct dissection *dx)
{
    return dissection_flow(dx)->protocol == IP_TCP;
}

/* ---- what waits ---- */

static void forget(struct dns_state *s, unsigned place)
{
    s->count--;
    memmove(&s->waiting[place], &s->waiting[place + 1], (s->count - place) * sizeof s->waiting[0]);
}

/* No response came: `known` when there was time enough for one. */
static void give_up(struct dissection *dx, struct dns_state *s, unsigned place, bool known)
{
    struct dns_waiting w = s->waiting[place];
    forget(s, place);
    if (known && !w.elsewhere && !s->blind) {
        observation_string(w.draft, FACT_DNS_RCODE, "timeout");
    }
    dissection_send(dx, w.draft, (enum dir)w.dir);
}

static void give_up_old(struct dissection *dx, struct dns_state *s)
{
    int64_t before = dissection_at(dx)->ns - (int64_t)LIMIT_DNS_WAITING_SECONDS * NS_PER_SECOND;
    for (unsigned i = 0; i < s->count;) {
        if (s->waiting[i].ns < before) {
            give_up(dx, s, i, true);
        } else {
            i++;
        }
    }
}

/* Place of the question from `dir` that waits, or s->count. A response without a question is told
 * by its id only. */
static unsigned find(const struct dns_state *s, enum dir dir, uint16_t id, const uint32_t *digest)
{
    unsigned i = 0;
    while (i < s->count && !(s->waiting[i].id == id && s->waiting[i].dir == dir &&
                             (digest == NULL || s->waiting[i].digest == *digest))) {
        i++;
    }
    return i;
}

static void remember_echoes(struct dns_state *s, const struct dns_waiting *w, unsigned left)
{
    if (left > 0) {
        s->echoes[s->next_echo++ % LIMIT_DNS_ECHOES] =
            (struct dns_echo){.id = w->id, .digest = w->digest, .left = (uint16_t)left};
    }
}

static bool is_echo(struct dns_state *s, uint16_t id, const uint32_t *digest)
{
    for (unsigned i = 0; i < LIMIT_DNS_ECHOES; i++) {
        struct dns_echo *echo = &s->echoes[i];
        if (echo->left > 0 && echo->id == id && (digest == NULL || echo->digest == *digest)) {
            if (echo->left < UINT16_MAX) { /* a zone transfer goes on and on */
                echo->left--;
            }
            return true;
        }
    }
    return false;
}

/* ---- facts ---- */

/* A named code; the number where it has no name. */
static void state_named(struct observation *o, enum fact_id id, const char *name, unsigned code)
{
    if (name != NULL) {
        observation_string(o, id, name);
    } else {
        observation_format(o, id, "%u", code);
    }
}

static void state_name(const struct reading *r, struct observation *o, enum fact_id id,
                       const struct dns_name *name)
{
    struct dns_text text;
    text.len = 0;
    r->service->name_text(name, &text);
    observation_utf8(o, id, bytes_of(text.at, text.len));
}

static struct observation *begin(const struct reading *r)
{
    struct observation *o = dissection_begin(r->dx, RECORD_DNS);
    if (o == NULL) {
        return NULL;
    }
    unsigned opcode = dns_opcode_of(&r->m);
    observation_string(o, FACT_DNS_KIND, r->service->kind);
    observation_string(o, FACT_DNS_TRANSPORT, is_tcp(r->dx) ? "tcp" : "udp");
    if (opcode != DNS_QUERY) {
        state_named(o, FACT_DNS_OPCODE, r->service->opcode_name(opcode), opcode);
    }
    return o;
}

static void state_question(const struct reading *r, struct observation *o,
                           const struct dns_name *name, uint16_t type)
{
    state_name(r, o, FACT_DNS_QUERY, name);
    state_named(o, FACT_DNS_QTYPE, r->service->type_name(type), type);
}

static bool is_stated(const struct observation *o, enum fact_id id, const char *text)
{
    const struct fact *f = observation_get(o, id);
    while (f != NULL && strcmp(fact_text(o, f), text) != 0) {
        f = observation_more(o, id, f);
    }
    return f != NULL;
}

static bool none_left(const struct reading *r, const unsigned *left)
{
    if (*left == 0) {
        dissection_anomaly(r->dx, "dns.answer_limit");
    }
    return *left == 0;
}

/* What a record holds, part by part, each behind `text`; *left: how many more may be. */
static void state_parts(const struct reading *r, struct observation *o, enum fact_id id,
                        const struct dns_record *record, struct dns_text *text, unsigned *left)
{
    size_t before = text->len;
    for (unsigned n = 0; r->service->answer(&r->m, record, n, text) && !none_left(r, left); n++) {
        if (id != FACT_DNS_ADDRESSES || !is_stated(o, id, text->at)) {
            observation_utf8(o, id, bytes_of(text->at, text->len));
        }
        text->len = before;
        --*left;
    }
}

static bool holds_address(const struct reading *r, const struct dns_record *record)
{
    if ((record->class & 0x7fff) != DNS_IN) { /* the top bit is mDNS's */
        return false;
    }
    if (r->service->netbios) { /* a released name has no address any more */
        return record->type == NBNS_NB && dns_opcode_of(&r->m) != NBNS_RELEASE;
    }
    return (record->type == DNS_A && record->data.len == 4) ||
           (record->type == DNS_AAAA && record->data.len == 16);
}

/* RFC 6891 6.1.3; RFC 1002 has none. */
static bool is_extension(const struct reading *r, const struct dns_record *record)
{
    return record->type == DNS_OPT && !r->service->netbios;
}

static void state_record(const struct reading *r, struct observation *o,
                         const struct dns_record *record, bool answer, unsigned left[2])
{
    struct dns_name owner;
    struct dns_text text;
    text.len = 0;
    answer = answer && !none_left(r, &left[0]);
    bool address = holds_address(r, record) && !none_left(r, &left[1]);
    bool owners = r->service->owners && answer;
    if ((address || owners) && !dns_name_read(r->m.whole, record->name, &owner)) {
        return;
    }
    if (owners) {
        const char *type = r->service->type_name(record->type);
        r->service->name_text(&owner, &text);
        dns_text_put(&text, " ");
        dns_text_put(&text, type == NULL ? "unknown" : type);
        dns_text_put(&text, " ");
    }
    if (answer) {
        state_parts(r, o, FACT_DNS_ANSWERS, record, &text, &left[0]);
    }
    if (address) {
        text.len = 0;
        r->service->name_text(&owner, &text);
        dns_text_put(&text, " ");
        state_parts(r, o, FACT_DNS_ADDRESSES, record, &text, &left[1]);
    }
}

/* Answers, and the addresses in all sections; `claims`: those that a request registers. Returns
 * the upper bits of a response's code (RFC 6891 6.1.3). */
static unsigned state_records(const struct reading *r, struct observation *o, struct cursor c,
                              bool claims)
{
    struct dns_record record;
    unsigned left[2] = {LIMIT_DNS_ANSWERS, LIMIT_DNS_ANSWERS}, extended = 0;
    for (unsigned section = ANSWERS; section <= ADDITIONAL; section++) {
        bool answers = section == ANSWERS && !claims;
        for (unsigned i = 0; i < r->m.count[section]; i++) {
            if (!dns_next_record(&r->m, &c, &record)) {
                dissection_anomaly(r->dx, "dns.cut"); /* by the capture, or by who made it */
                return extended;
            }
            if (is_extension(r, &record)) {
                extended = record.ttl >> 24;
            } else {
                /* Of a service the rules ask who it is. */
                bool wanted = answers && (record.type == DNS_SRV || dissection_details(r->dx));
                state_record(r, o, &record, wanted, left);
            }
        }
    }
    return extended;
}

/* ---- queries ---- */

/* RFC 2136 2.5; RFC 1002 4.2.2 to 4.2.4 */
static bool claims_names(const struct reading *r)
{
    unsigned opcode = dns_opcode_of(&r->m);
    if (!r->service->netbios) {
        return opcode == DNS_UPDATE;
    }
    return opcode == NBNS_REGISTRATION || opcode >= NBNS_REFRESH;
}

/* What answers a query to a group comes from its members, in flows of their own. */
static bool asks_many(const struct reading *r)
{
    const struct flow *flow = dissection_flow(r->dx);
    return !address_is_host(&flow->ends[!r->dir].address) ||
           (r->service->netbios && (r->m.flags & NBNS_BROADCAST) != 0);
}

/* Room for one more question: more of it, or that of the one that waits longest. */
static void make_room(const struct reading *r)
{
    struct dns_state *s = r->s;
    if (s->waiting == NULL) {
        s->waiting = s->few;
        s->room = DNS_WAITING_FIRST;
    }
    if (s->count < s->room) {
        return;
    }
    struct dns_waiting *more =
        s->room == LIMIT_DNS_WAITING
            ? NULL
            : arena_alloc(dissection_arena(r->dx), LIMIT_DNS_WAITING * sizeof *more);
    if (more != NULL) {
        memcpy(more, s->waiting, s->count * sizeof *more);
        s->waiting = more;
        s->room = LIMIT_DNS_WAITING;
    } else {
        dissection_anomaly(r->dx, "dns.waiting_limit");
        give_up(r->dx, s, 0, false);
    }
}

static void wait_for_response(const struct reading *r, struct dns_waiting *w,
                              const struct dns_name *name, uint16_t type, struct cursor after)
{
    struct dns_state *s = r->s;
    make_room(r);
    w->draft = begin(r);
    if (w->draft == NULL) {
        return;
    }
    state_question(r, w->draft, name, type);
    observation_stamp(w->draft, FACT_DNS_REQUEST_PACKET, dissection_at(r->dx));
    if (claims_names(r)) {
        (void)state_records(r, w->draft, after, true);
    }
    s->waiting[s->count++] = *w;
}

/* The cursor past all questions; failed when they cannot be read. */
static struct cursor past_questions(const struct dns_message *m)
{
    struct dns_question question;
    struct cursor c = dns_questions(m);
    for (unsigned i = 0; i < m->count[QUESTIONS] && !c.failed; i++) {
        if (!dns_next_question(m, &c, &question)) {
            c = (struct cursor){.failed = true};
        }
    }
    return c;
}

static uint32_t question_digest(const struct dns_name *name, const struct dns_question *q)
{
    return dns_name_digest(name) ^ ((uint32_t)q->type << 16 | (q->class & 0x7fff));
}

/* The next question with its name. */
static bool take_question(const struct reading *r, struct cursor *c, struct dns_question *q,
                          struct dns_name *name)
{
    if (dns_next_question(&r->m, c, q) && dns_name_read(r->m.whole, q->name, name)) {
        return true;
    }
    dissection_anomaly(r->dx, "dns.bad_message");
    return false;
}

static unsigned questions_of(const struct reading *r)
{
    unsigned count = r->m.count[QUESTIONS];
    if (count > LIMIT_DNS_QUESTIONS) {
        dissection_anomaly(r->dx, "dns.question_limit");
        count = LIMIT_DNS_QUESTIONS;
    }
    return count;
}

static void read_query(const struct reading *r)
{
    struct dns_name name;
    struct dns_question q;
    struct cursor c = dns_questions(&r->m);
    for (unsigned i = questions_of(r); i > 0 && take_question(r, &c, &q, &name); i--) {
        struct dns_waiting w = {.ns = dissection_at(r->dx)->ns,
                                .digest = question_digest(&name, &q),
                                .id = r->m.id,
                                .dir = (uint8_t)r->dir,
                                .elsewhere = asks_many(r)};
        if (q.type == DNS_TKEY) {
            dns_tkey_read(r->dx, r->s, r->dir, &r->m, past_questions(&r->m));
        }
        unsigned place = find(r->s, r->dir, w.id, &w.digest);
        if (place == r->s->count) {
            wait_for_response(r, &w, &name, q.type, past_questions(&r->m));
            continue;
        }
        struct dns_waiting *first = &r->s->waiting[place];
        first->ns = w.ns;
        if (first->repeats < UINT16_MAX - 1) {
            first->repeats++;
        }
    }
}

/* ---- responses ---- */

static void complete(const struct reading *r, struct observation *o, struct cursor records)
{
    if (o == NULL) {
        return;
    }
    unsigned code = r->m.flags & 15;
    observation_stamp(o, FACT_DNS_RESPONSE_PACKET, dissection_at(r->dx));
    code |= state_records(r, o, records, false) << 4;
    state_named(o, FACT_DNS_RCODE, r->service->rcode_name(code), code);
    observation_num(o, FACT_DNS_RCODE_CODE, code);
    dissection_send(r->dx, o, r->dir);
}

static struct observation *take_waiting(const struct reading *r, unsigned place, uint16_t type)
{
    struct dns_state *s = r->s;
    struct dns_waiting w = s->waiting[place];
    bool transfer = is_tcp(r->dx) && (type == DNS_AXFR || type == DNS_IXFR);
    forget(s, place);
    remember_echoes(s, &w, transfer ? UINT16_MAX : w.repeats);
    return w.draft;
}

/* A response that repeats its questions. */
static void read_answered(const struct reading *r)
{
    struct dns_name name;
    struct dns_question q;
    struct cursor c = dns_questions(&r->m), records = past_questions(&r->m);
    for (unsigned i = questions_of(r); i > 0 && take_question(r, &c, &q, &name); i--) {
        uint32_t digest = question_digest(&name, &q);
        if (q.type == DNS_TKEY) {
            dns_tkey_read(r->dx, r->s, r->dir, &r->m, records);
        }
        unsigned place = find(r->s, (enum dir) !r->dir, r->m.id, &digest);
        struct observation *o = NULL;
        if (place < r->s->count) {
            o = take_waiting(r, place, q.type);
        } else if (is_echo(r->s, r->m.id, &digest)) {
            continue;
        } else {
            o = begin(r);
            if (o != NULL) {
                state_question(r, o, &name, q.type);
            }
        }
        complete(r, o, records);
    }
}

/* RFC 1002 4.2.13: the answer is about the name that was asked for. */
static void state_answered_name(const struct reading *r, struct observation *o)
{
    struct dns_name name;
    struct dns_record first;
    struct cursor c = dns_questions(&r->m);
    if (o == NULL || !r->service->netbios || !dns_next_record(&r->m, &c, &first) ||
        !dns_name_read(r->m.whole, first.name, &name)) {
        return;
    }
    if (first.type == DNS_NULL) { /* RFC 1002 4.2.14: a refusal does not say what was asked for */
        state_name(r, o, FACT_DNS_QUERY, &name);
    } else {
        state_question(r, o, &name, first.type);
    }
}

/* A response that does not: NetBIOS, mDNS, some refusals. */
static void read_unquoted(const struct reading *r)
{
    enum dir asker = (enum dir) !r->dir;
    struct cursor records = dns_questions(&r->m);
    unsigned place = find(r->s, asker, r->m.id, NULL);
    if (place == r->s->count) {
        if (!is_echo(r->s, r->m.id, NULL)) {
            struct observation *o = begin(r);
            state_answered_name(r, o);
            complete(r, o, records);
        }
        return;
    }
    for (; place < r->s->count; place = find(r->s, asker, r->m.id, NULL)) {
        complete(r, take_waiting(r, place, 0), records);
    }
}

static bool is_interim(const struct reading *r)
{
    return r->service->netbios && dns_opcode_of(&r->m) == NBNS_WACK; /* RFC 1002 4.2.16 */
}

static void read_message(struct reading *r, struct bytes whole)
{
    give_up_old(r->dx, r->s);
    if (!dns_message_open(whole, &r->m)) {
        dissection_anomaly(r->dx, "dns.bad_message");
    } else if ((r->m.flags & DNS_RESPONSE) == 0) {
        read_query(r);
    } else if (r->m.count[QUESTIONS] > 0) {
        read_answered(r);
    } else if (!is_interim(r)) {
        read_unquoted(r);
    }
}

/* ---- feeding ---- */

static bool rests(const struct dns_state *s)
{
    unsigned left = s->count + (s->security != NULL);
    for (unsigned i = 0; i < LIMIT_DNS_ECHOES; i++) {
        left += s->echoes[i].left;
    }
    return left == 0;
}

/* What was recognised is never disowned: the port, or a strict probe, vouches for it. */
struct fed dns_feed_datagram(struct dissection *dx, struct dns_state *s,
                             const struct dns_service *service, enum dir dir, struct bytes in)
{
    struct reading r = {.dx = dx, .s = s, .service = service, .dir = dir};
    read_message(&r, in);
    return rests(s) ? fed_rest(in.len) : fed_ok(in.len);
}

/* RFC 1035 4.2.2 */
struct fed dns_feed_stream(struct dissection *dx, struct dns_state *s,
                           const struct dns_service *service, enum dir dir, struct bytes in)
{
    struct cursor c = cursor_of(in);
    size_t len = cursor_be16(&c);
    if (c.failed) {
        return fed_more(2);
    }
    if (len < DNS_HEADER) {
        return fed_bad();
    }
    struct bytes whole = cursor_take(&c, len);
    if (c.failed) {
        return fed_more(2 + len);
    }
    struct reading r = {.dx = dx, .s = s, .service = service, .dir = dir};
    read_message(&r, whole);
    return fed_ok(2 + len);
}

bool dns_gap(struct dissection *dx, void *state, enum dir dir, uint64_t missing)
{
    struct dns_state *s = state;
    (void)dx;
    (void)dir;
    (void)missing;
    s->blind = true;
    return true;
}

void dns_end(struct dissection *dx, void *state, const struct outcome *outcome)
{
    struct dns_state *s = state;
    (void)outcome;
    while (s->count > 0) {
        give_up(dx, s, 0, true);
    }
}
