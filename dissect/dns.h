/*
 * dns.h - messages in DNS form and their exchanges, for the four services that share that form:
 * DNS, NetBIOS names, LLMNR, mDNS.
 *
 * dns_message.c reads, dns_answers.c makes answers text, dns_tkey.c finds security tokens,
 * dns_exchange.c pairs queries with responses and writes the records. dns.c, nbns.c, llmnr.c and
 * mdns.c say what is particular to each.
 *
 * Spec:   RFC 1035 4; RFC 1002 4.2 (NetBIOS names); RFC 4795 (LLMNR); RFC 6762 (mDNS).
 * Owner:  spans borrow from the message; drafts that wait are sent or dropped.
 * Errors: a name or record that cannot be read ends its message; what was read before it is true.
 */
#ifndef ROLECALL_DISSECT_DNS_H
#define ROLECALL_DISSECT_DNS_H

#include "capture/limits.h"
#include "dissect/dissector.h"

/* RFC 1035 2.3.4; and the most that escaping makes of it: \DDD for each octet */
enum { DNS_NAME_OCTETS = 255, DNS_NAME_TEXT = 4 * DNS_NAME_OCTETS + 1 };
enum { DNS_HEADER = 12 };

/* RFC 1035 4.1.1; RFC 1002 4.2.1.1 */
enum dns_flag { DNS_RESPONSE = 0x8000, DNS_RESERVED = 0x0040, NBNS_BROADCAST = 0x0010 };
/* RFC 1035 4.1.1, RFC 1996, RFC 2136; RFC 1002 4.2.1.1 */
enum dns_opcode {
    DNS_QUERY = 0,
    DNS_NOTIFY = 4,
    DNS_UPDATE = 5,
    DNS_STATEFUL = 6,
    NBNS_REGISTRATION = 5,
    NBNS_RELEASE = 6,
    NBNS_WACK = 7,
    NBNS_REFRESH = 8,
    NBNS_REFRESH_TOO = 9, /* what RFC 1002's own figures show in places */
    NBNS_MULTIHOMED = 15,
};
enum dns_class { DNS_IN = 1, DNS_CLASS_MOST = 4, DNS_CLASS_NONE = 254, DNS_CLASS_ANY = 255 };
enum dns_type {
    DNS_A = 1,
    DNS_NS = 2,
    DNS_CNAME = 5,
    DNS_SOA = 6,
    DNS_NULL = 10,
    DNS_PTR = 12,
    DNS_MX = 15,
    DNS_TXT = 16,
    DNS_AAAA = 28,
    DNS_SRV = 33,
    DNS_DNAME = 39,
    DNS_OPT = 41,
    DNS_SPF = 99,
    DNS_TKEY = 249,
    DNS_TSIG = 250,
    DNS_IXFR = 251,
    DNS_AXFR = 252,
    NBNS_NB = 0x20,
    NBNS_NBSTAT = 0x21,
};

struct dns_message {
    struct bytes whole;
    uint16_t id, flags;
    uint16_t count[4]; /* questions, answers, authority, additional */
};

/* A name without compression: labels, each with its length in front, down to the root's. */
struct dns_name {
    uint8_t octets[DNS_NAME_OCTETS];
    size_t len;
};

struct dns_question {
    size_t name; /* its place in the message */
    uint16_t type, class;
};

struct dns_record {
    size_t name, data_at; /* places in the message */
    struct bytes data;
    uint16_t type, class;
    uint32_t ttl;
};

struct dns_text {
    char at[LIMIT_TEXT + DNS_NAME_TEXT]; /* terminated */
    size_t len;
};

/* ---- dns_message.c ---- */

static inline unsigned dns_opcode_of(const struct dns_message *m)
{
    return m->flags >> 11 & 15;
}

/* False when there is no whole header. */
bool dns_message_open(struct bytes whole, struct dns_message *ret) MUST_USE;
/* Where the questions begin. */
struct cursor dns_questions(const struct dns_message *m);
bool dns_next_question(const struct dns_message *m, struct cursor *c, struct dns_question *ret);
bool dns_next_record(const struct dns_message *m, struct cursor *c, struct dns_record *ret);
/* Passes over a name where it stands; its pointer's target is not looked at. */
bool dns_skip_name(struct cursor *c);
/* RFC 1035 4.1.4: pointers lead backwards only, and not on for ever. */
bool dns_name_read(struct bytes message, size_t at, struct dns_name *ret) MUST_USE;
/* Case does not matter in it. */
uint32_t dns_name_digest(const struct dns_name *name);

/* What the first octets look like to a service whose port this is. */
enum probe dns_datagram_looks(struct bytes head);
/* The same, of a stream too (RFC 7766 8). */
enum probe dns_looks(struct bytes head);
/* On any port: every octet of a message must be as RFC 1035 has it. */
enum probe dns_looks_strictly(struct bytes head);

/* ---- dns_answers.c ---- */

/* All append. RFC 1035 5.1: "mp01.corp.example"; a dot inside a label is "\.". */
void dns_name_text(const struct dns_name *name, struct dns_text *text);
void dns_text_put(struct dns_text *text, const char *more);
void dns_text_add(struct dns_text *text, const char *format, ...) PRINTF_LIKE(2, 3);
/* NULL: not assigned. */
const char *dns_type_name(uint16_t type);
const char *dns_rcode_name(unsigned code);
const char *dns_opcode_name(unsigned code);
/* dns_service.answer of all but NetBIOS: a record is one answer. */
bool dns_answer(const struct dns_message *m, const struct dns_record *r, unsigned n,
                struct dns_text *text);

/* ---- dns_exchange.c ---- */

/* What is particular to a service. */
struct dns_service {
    const char *kind; /* "dns", "nbns", ... */
    const char *(*type_name)(uint16_t type);
    const char *(*rcode_name)(unsigned code);
    const char *(*opcode_name)(unsigned code);
    void (*name_text)(const struct dns_name *name, struct dns_text *text); /* appends */
    /* Appends the answer that is the n-th in a record, from 0; false when there is none. */
    bool (*answer)(const struct dns_message *m, const struct dns_record *r, unsigned n,
                   struct dns_text *text);
    bool owners;  /* answers do not belong to the question: say whose they are */
    bool netbios; /* RFC 1002's meaning of types, opcodes and flags */
};

struct dns_waiting { /* a question that waits for its response */
    struct observation *draft;
    int64_t ns;      /* when it was last asked */
    uint32_t digest; /* of name, type and class */
    uint16_t id;
    uint16_t repeats;
    uint8_t dir;
    bool elsewhere; /* asked of many: what answers is another flow */
};

struct dns_echo { /* an answered question: responses to its repetitions say nothing new */
    uint32_t digest;
    uint16_t id;
    uint16_t left;
};

/* Most flows ask one or two questions, and there are many such flows. */
#define DNS_WAITING_FIRST 4

struct dns_state {
    struct dns_waiting *waiting; /* the oldest first; NULL: none has waited yet */
    unsigned count, room;
    struct dns_waiting few[DNS_WAITING_FIRST]; /* where they lie until there are more */
    struct dns_echo echoes[LIMIT_DNS_ECHOES];  /* a ring */
    unsigned next_echo;
    struct dissection *security; /* what TKEY records hold; NULL: none was seen */
    bool blind;                  /* responses may have been lost by the capture */
};

struct fed dns_feed_datagram(struct dissection *dx, struct dns_state *s,
                             const struct dns_service *service, enum dir dir, struct bytes in);
struct fed dns_feed_stream(struct dissection *dx, struct dns_state *s,
                           const struct dns_service *service, enum dir dir, struct bytes in);
bool dns_gap(struct dissection *dx, void *state, enum dir dir, uint64_t missing);
void dns_end(struct dissection *dx, void *state, const struct outcome *outcome);

/* ---- dns_tkey.c ---- */

/* A message that asks for a key or answers that; `records` is past its questions. */
void dns_tkey_read(struct dissection *dx, struct dns_state *s, enum dir dir,
                   const struct dns_message *m, struct cursor records);

#endif
