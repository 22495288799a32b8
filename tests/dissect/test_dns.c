/*
 * DNS, LLMNR and mDNS: pairing, answers as text, names that mislead, both transports, any port.
 */
#include "tests/dissect/test_dns_messages.h"

static const struct play_options UDP = {.udp = true, .port = 53, .records_only = true};
static const struct play_options TCP = {.port = 53, .records_only = true};
static const struct play_options LLMNR = {.udp = true, .port = 5355, .records_only = true};
static const struct play_options MDNS = {.udp = true, .port = 5353, .records_only = true};

/* ---- pairs ---- */

static void address(struct talk *t)
{
    say(t, DIR_CLIENT, query_of(7, "mp01.corp.example", A));
    say(t, DIR_SERVER, address_of(7, "MP01.corp.example"));
}

/* As resolvers do: both questions first, answered in the other order. */
static void two_under_way(struct talk *t)
{
    say(t, DIR_CLIENT, query_of(7, "mp01.corp.example", A));
    say(t, DIR_CLIENT, query_of(8, "mp01.corp.example", AAAA));
    say(t, DIR_SERVER, refusal_of(8, "mp01.corp.example", AAAA, 0));
    say(t, DIR_SERVER, address_of(7, "mp01.corp.example"));
}

static void asked_again(struct talk *t)
{
    say(t, DIR_CLIENT, query_of(7, "mp01.corp.example", A));
    say(t, DIR_CLIENT, query_of(7, "mp01.corp.example", A));
    say(t, DIR_SERVER, address_of(7, "mp01.corp.example"));
    say(t, DIR_SERVER, address_of(7, "mp01.corp.example"));
}

static void unanswered(struct talk *t)
{
    say(t, DIR_CLIENT, query_of(7, "mp01.corp.example", A));
    say(t, DIR_CLIENT, query_of(7, "mp01.corp.example", A));
    say(t, DIR_CLIENT, query_of(9, "cm01.corp.example", A));
}

static void answer_alone(struct talk *t)
{
    say(t, DIR_SERVER, address_of(7, "mp01.corp.example"));
}

/* The id fits, the question does not: somebody guesses ids. */
static void other_question(struct talk *t)
{
    say(t, DIR_CLIENT, query_of(7, "mp01.corp.example", A));
    say(t, DIR_SERVER, refusal_of(7, "mp02.corp.example", A, 3));
}

/* RFC 1035 4.1.1: a refusal need not repeat the question. */
static void refused_without_question(struct talk *t)
{
    struct built b = {.len = 0};
    say(t, DIR_CLIENT, query_of(7, "mp01.corp.example", A));
    put_header(&b, 7, RESPONSE | 1, 0, 0, 0, 0);
    say(t, DIR_SERVER, b);
}

static void two_questions(struct talk *t)
{
    struct built b = {.len = 0};
    put_header(&b, 7, QUERY, 2, 0, 0, 0);
    put_question(&b, "mp01.corp.example", A);
    put_question(&b, "corp.example", NS);
    say(t, DIR_CLIENT, b);
    b.at[2] = RESPONSE >> 8;
    b.at[3] = RESPONSE & 0xff;
    say(t, DIR_SERVER, b);
}

/* ---- answers ---- */

static void service_with_address(struct talk *t)
{
    struct built b = {.len = 0};
    say(t, DIR_CLIENT, query_of(1, "_mssms_mp_p01._tcp.corp.example", SRV));
    put_header(&b, 1, RESPONSE, 1, 1, 0, 2);
    put_question(&b, "_mssms_mp_p01._tcp.corp.example", SRV);
    put_be(&b, FIRST_NAME, 2);
    put_record(&b, SRV, IN, 6 + 19);
    put_be(&b, 0, 2);
    put_be(&b, 100, 2);
    put_be(&b, 443, 2);
    size_t target = b.len;
    put_name(&b, "mp01.corp.example");
    put_a(&b, 0xc000 | (unsigned)target, 0x0a4d000c);
    put_be(&b, 0, 1); /* RFC 6891 6.1.2 */
    put_record(&b, OPT, 4096, 0);
    say(t, DIR_SERVER, b);
}

static void alias(struct talk *t)
{
    struct built b = {.len = 0};
    put_header(&b, 1, RESPONSE, 1, 3, 0, 0);
    put_question(&b, "sup.corp.example", A);
    put_be(&b, FIRST_NAME, 2);
    put_record(&b, CNAME, IN, 20);
    size_t target = b.len;
    put_name(&b, "sup01.corp.example");
    put_a(&b, 0xc000 | (unsigned)target, 0x0a4d000e);
    put_be(&b, 0xc000 | (unsigned)target, 2);
    put_record(&b, AAAA, IN, 16);
    put_be(&b, 0xfd00, 2);
    put_be(&b, 0xe, 14);
    say(t, DIR_SERVER, b);
}

static void mixed_types(struct talk *t)
{
    struct built b = {.len = 0};
    put_header(&b, 1, RESPONSE, 1, 5, 0, 0);
    put_question(&b, "corp.example", 255);
    put_be(&b, FIRST_NAME, 2);
    put_record(&b, SOA, IN, 2 + 2 + 20);
    put_be(&b, FIRST_NAME, 2);
    put_be(&b, FIRST_NAME, 2);
    for (unsigned i = 1; i <= 5; i++) {
        put_be(&b, i, 4);
    }
    put_be(&b, FIRST_NAME, 2);
    put_record(&b, MX, IN, 4);
    put_be(&b, 10, 2);
    put_be(&b, FIRST_NAME, 2);
    put_be(&b, FIRST_NAME, 2);
    put_record(&b, TXT, IN, 8);
    put(&b, "\2a\\\4b\tcd", 8);
    put_be(&b, FIRST_NAME, 2);
    put_record(&b, 46, IN, 3);
    put_be(&b, 0, 3);
    put_be(&b, FIRST_NAME, 2);
    put_record(&b, A, IN, 3); /* no address */
    put_be(&b, 0, 3);
    say(t, DIR_SERVER, b);
}

/* RFC 6891 6.1.3: the code's upper bits */
static void bad_cookie(struct talk *t)
{
    struct built b = {.len = 0};
    put_header(&b, 1, RESPONSE | 7, 1, 0, 0, 1);
    put_question(&b, "", SOA);
    put_be(&b, 0, 1);
    put_be(&b, OPT, 2);
    put_be(&b, 4096, 2);
    put_be(&b, 0x01000000, 4);
    put_be(&b, 0, 2);
    say(t, DIR_SERVER, b);
}

static void unnamed_numbers(struct talk *t)
{
    say(t, DIR_SERVER, refusal_of(1, "x", 999, 13));
}

/* ---- other operations ---- */

static void update(struct talk *t)
{
    struct built b = {.len = 0};
    put_header(&b, 3, UPDATE, 1, 0, 2, 0);
    put_question(&b, "corp.example", SOA);
    put_name(&b, "cl01.corp.example");
    put_record(&b, A, 255, 0); /* RFC 2136 2.5.2: delete what is there */
    put_name(&b, "cl01.corp.example");
    put_record(&b, A, IN, 4);
    put_be(&b, 0x0a4d0065, 4);
    say(t, DIR_CLIENT, b);
    b = (struct built){.len = 0};
    put_header(&b, 3, 0x8000 | UPDATE | 5, 0, 0, 0, 0);
    say(t, DIR_SERVER, b);
}

static void notify(struct talk *t)
{
    struct built b = {.len = 0};
    put_header(&b, 3, NOTIFY, 1, 0, 0, 0);
    put_question(&b, "corp.example", SOA);
    say(t, DIR_CLIENT, b);
    b.at[2] |= 0x80;
    say(t, DIR_SERVER, b);
}

/* ---- names ---- */

static void odd_names(struct talk *t)
{
    struct built b = {.len = 0};
    put_header(&b, 1, RESPONSE, 1, 0, 0, 0);
    put(&b, "\3a.b\4c\\\1d\2\xc3\xa9\1\xff\0", 15);
    put_be(&b, A, 2);
    put_be(&b, IN, 2);
    say(t, DIR_SERVER, b);
}

static void pointing(struct talk *t, const char *name, size_t len)
{
    struct built b = {.len = 0};
    say(t, DIR_CLIENT, query_of(1, "a.b", PTR));
    put_header(&b, 1, RESPONSE, 1, 1, 0, 0);
    put_question(&b, "a.b", PTR); /* octets 12 to 20 */
    put_be(&b, FIRST_NAME, 2);
    put_record(&b, PTR, IN, len); /* the data begin at octet 33 */
    put(&b, name, len);
    say(t, DIR_SERVER, b);
}

static void to_itself(struct talk *t)
{
    pointing(t, "\xc0\x21", 2);
}
static void forwards(struct talk *t)
{
    pointing(t, "\xc0\x24\0\1x\0", 6);
}
static void round_and_round(struct talk *t)
{
    pointing(t, "\1x\xc0\x21", 4);
}
static void past_the_end(struct talk *t)
{
    pointing(t, "\4ab", 3);
}
static void backwards_twice(struct talk *t)
{
    pointing(t, "\1x\xc0\x15", 4); /* the owner's place, which is a pointer */
}
static void no_label(struct talk *t)
{
    pointing(t, "\x41x\0", 3);
}

/* ---- streams ---- */

static void stream(struct talk *t)
{
    say_stream(t, DIR_CLIENT, query_of(7, "mp01.corp.example", A));
    say_stream(t, DIR_CLIENT, query_of(8, "mp02.corp.example", A));
    say_stream(t, DIR_SERVER, refusal_of(8, "mp02.corp.example", A, 3));
    say_stream(t, DIR_SERVER, address_of(7, "mp01.corp.example"));
}

/* RFC 5936 2.2: as many messages as the zone needs; later ones need not repeat the question. */
static void transfer(struct talk *t)
{
    struct built b = {.len = 0};
    say_stream(t, DIR_CLIENT, query_of(7, "corp.example", AXFR));
    say_stream(t, DIR_SERVER, refusal_of(7, "corp.example", AXFR, 0));
    put_header(&b, 7, RESPONSE, 0, 1, 0, 0);
    put_name(&b, "mp01.corp.example");
    put_record(&b, A, IN, 4);
    put_be(&b, 0x0a4d000c, 4);
    say_stream(t, DIR_SERVER, b);
    say_stream(t, DIR_SERVER, b);
    say_stream(t, DIR_CLIENT, query_of(9, "corp.example", NS));
}

/* ---- multicast ---- */

static void announcement(struct talk *t)
{
    struct built b = {.len = 0};
    put_header(&b, 0, 0x8400, 0, 2, 0, 0);
    put_name(&b, "Print 1._ipp._tcp.local");
    put_record(&b, SRV, FLUSH_IN, 6 + 11);
    put_be(&b, 0, 4);
    put_be(&b, 631, 2);
    put_name(&b, "pr1.local");
    put_name(&b, "pr1.local");
    put_record(&b, A, FLUSH_IN, 4);
    put_be(&b, 0x0a4d0014, 4);
    say(t, DIR_CLIENT, b);
}

static void many_asked(struct talk *t)
{
    struct built b = {.len = 0};
    put_header(&b, 0, 0, 3, 0, 0, 0);
    put_question(&b, "_ipp._tcp.local", PTR);
    put_question(&b, "pr1.local", A);
    put_question(&b, "pr1.local", AAAA);
    say(t, DIR_CLIENT, b);
}

/* RFC 2930 2: a token in a record; in a response with a signature, or an error. */
static void say_key(struct talk *t, enum dir dir, const struct built *token, unsigned error,
                    bool tsig)
{
    enum { TKEY = 249, TSIG = 250, ANY = 255 };
    struct built b = {.len = 0};
    put_header(&b, 7, dir == DIR_CLIENT ? 0 : 0x8000, 1, 0, 0, tsig ? 2 : 1);
    put_question(&b, "7.key.cl01", TKEY);
    put_be(&b, FIRST_NAME, 2);
    put_record(&b, TKEY, ANY, 10 + 16 + token->len);
    put_name(&b, "gss-tsig");
    put_be(&b, 0, 8);
    put_be(&b, 3, 2);
    put_be(&b, error, 2);
    put_be(&b, token->len, 2);
    put_built(&b, *token);
    put_be(&b, 0, 2);
    if (tsig) {
        put_be(&b, FIRST_NAME, 2);
        put_record(&b, TSIG, ANY, 0);
    }
    say_stream(t, dir, b);
}

static void say_keys(struct talk *t, unsigned error)
{
    struct built first = ntlm_negotiate(), second = ntlm_challenge(NTLM_UNICODE),
                 third = logon_authenticate("cl01$"), none = {.len = 0};
    say_key(t, DIR_CLIENT, &first, 0, false);
    say_key(t, DIR_SERVER, &second, 0, false);
    say_key(t, DIR_CLIENT, &third, 0, false);
    say_key(t, DIR_SERVER, &none, error, error == 0);
}

static void agreed_key(struct talk *t)
{
    say_keys(t, 0);
}

static void refused_key(struct talk *t)
{
    say_keys(t, 17);
}

/* What is said of a key is said by who was logged on for it. */
static void test_keys(void **state)
{
    (void)state;
    static const struct {
        void (*build)(struct talk *t);
        const char *result, *status;
    } cases[] = {{agreed_key, " ntlm.result=success ", " ntlm.status=NOERROR"},
                 {refused_key, " ntlm.result=failure ", " ntlm.status=BADKEY"}};
    static const struct play_options options = {.port = 53};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct talk t = {.count = 0};
        cases[i].build(&t);
        char *text = play(t.steps, t.count, &options);
        if (strstr(text, " ntlm.carrier=dns ") == NULL || strstr(text, "cl01$") == NULL ||
            strstr(text, cases[i].result) == NULL || strstr(text, cases[i].status) == NULL) {
            fail_msg("%s", text);
        }
        free(text);
        play_truncation_sweep(t.steps, t.count);
        play_chunking_sweep(t.steps, t.count);
        play_gap_sweep(t.steps, t.count);
        play_hostile_sweep(t.steps, t.count);
    }
}

static void test_what_is_stated(void **state)
{
    (void)state;
    static const struct {
        const struct play_options *how;
        struct logon_case what;
    } rows[] = {
#define PAIR(packets) " dns.transport=udp dns.kind=dns" packets "\n"
        {&UDP,
         {"address", address,
          "dns @2 server dns.query=mp01.corp.example dns.qtype=A dns.rcode=NOERROR "
          "dns.rcode_code=0 dns.answers=10.77.0.12 dns.addresses=MP01.corp.example 10.77.0.12" PAIR(
              " dns.request_packet=1 dns.response_packet=2")}},
        {&UDP,
         {"two under way", two_under_way,
          "dns @3 server dns.query=mp01.corp.example dns.qtype=AAAA dns.rcode=NOERROR "
          "dns.rcode_code=0" PAIR(
              " dns.request_packet=2 dns.response_packet=3") "dns @4 server "
                                                             "dns.query=mp01.corp.example "
                                                             "dns.qtype=A dns.rcode=NOERROR "
                                                             "dns.rcode_code=0 "
                                                             "dns.answers=10.77.0.12 "
                                                             "dns.addresses=mp01.corp.example "
                                                             "10.77.0.12" PAIR(
                                                                 " dns.request_packet=1 "
                                                                 "dns.response_packet=4")}},
        {&UDP,
         {"asked again", asked_again,
          "dns @3 server dns.query=mp01.corp.example dns.qtype=A dns.rcode=NOERROR "
          "dns.rcode_code=0 dns.answers=10.77.0.12 dns.addresses=mp01.corp.example 10.77.0.12" PAIR(
              " dns.request_packet=1 dns.response_packet=3")}},
        {&UDP,
         {"unanswered", unanswered,
          "dns @3 client dns.query=mp01.corp.example dns.qtype=A dns.rcode=timeout" PAIR(
              " dns.request_packet=1") "dns @3 client dns.query=cm01.corp.example dns.qtype=A "
                                       "dns.rcode=timeout" PAIR(" dns.request_packet=3")}},
        {&UDP,
         {"answer alone", answer_alone,
          "dns @1 server dns.query=mp01.corp.example dns.qtype=A dns.rcode=NOERROR "
          "dns.rcode_code=0 dns.answers=10.77.0.12 dns.addresses=mp01.corp.example 10.77.0.12" PAIR(
              " dns.response_packet=1")}},
        {&UDP,
         {"other question", other_question,
          "dns @2 server dns.query=mp02.corp.example dns.qtype=A dns.rcode=NXDOMAIN "
          "dns.rcode_code=3" PAIR(
              " dns.response_packet=2") "dns @2 client dns.query=mp01.corp.example "
                                        "dns.qtype=A dns.rcode=timeout" PAIR(
                                            " dns.request_packet=1")}},
        {&UDP,
         {"refused without question", refused_without_question,
          "dns @2 server dns.query=mp01.corp.example dns.qtype=A dns.rcode=FORMERR "
          "dns.rcode_code=1" PAIR(" dns.request_packet=1 dns.response_packet=2")}},
        {&UDP,
         {"two questions", two_questions,
          "dns @2 server dns.query=mp01.corp.example dns.qtype=A dns.rcode=NOERROR "
          "dns.rcode_code=0" PAIR(
              " dns.request_packet=1 dns.response_packet=2") "dns @2 server dns.query=corp.example "
                                                             "dns.qtype=NS dns.rcode=NOERROR "
                                                             "dns.rcode_code=0" PAIR(
                                                                 " dns.request_packet=1 "
                                                                 "dns.response_packet=2")}},
        {&UDP,
         {"service", service_with_address,
          "dns @2 server dns.query=_mssms_mp_p01._tcp.corp.example dns.qtype=SRV "
          "dns.rcode=NOERROR dns.rcode_code=0 dns.answers=0 100 443 mp01.corp.example "
          "dns.addresses=mp01.corp.example 10.77.0.12" PAIR(
              " dns.request_packet=1 dns.response_packet=2")}},
        {&UDP,
         {"alias", alias,
          "dns @1 server dns.query=sup.corp.example dns.qtype=A dns.rcode=NOERROR "
          "dns.rcode_code=0 dns.answers=sup01.corp.example dns.answers=10.77.0.14 "
          "dns.answers=fd00::e dns.addresses=sup01.corp.example 10.77.0.14 "
          "dns.addresses=sup01.corp.example fd00::e" PAIR(" dns.response_packet=1")}},
        {&UDP,
         {"mixed types", mixed_types,
          "dns @1 server dns.query=corp.example dns.qtype=ANY dns.rcode=NOERROR dns.rcode_code=0 "
          "dns.answers=corp.example corp.example 1 2 3 4 5 dns.answers=10 corp.example "
          "dns.answers=a\\\\ b\\009cd dns.answers=RRSIG (3 octets) dns.answers=A (3 octets)" PAIR(
              " dns.response_packet=1")}},
        {&UDP,
         {"bad cookie", bad_cookie,
          "dns @1 server dns.query=. dns.qtype=SOA dns.rcode=BADCOOKIE dns.rcode_code=23" PAIR(
              " dns.response_packet=1")}},
        {&UDP,
         {"unnamed numbers", unnamed_numbers,
          "dns @1 server dns.query=x dns.qtype=999 dns.rcode=13 dns.rcode_code=13" PAIR(
              " dns.response_packet=1")}},
        {&UDP,
         {"update", update,
          "dns @2 server dns.query=corp.example dns.qtype=SOA dns.opcode=UPDATE "
          "dns.rcode=REFUSED dns.rcode_code=5 dns.addresses=cl01.corp.example 10.77.0.101" PAIR(
              " dns.request_packet=1 dns.response_packet=2")}},
        {&UDP,
         {"notify", notify,
          "dns @2 server dns.query=corp.example dns.qtype=SOA dns.opcode=NOTIFY "
          "dns.rcode=NOERROR dns.rcode_code=0" PAIR(
              " dns.request_packet=1 dns.response_packet=2")}},
        {&UDP,
         {"odd names", odd_names,
          "dns @1 server dns.query=a\\.b.c\\\\\\001d.\xc3\xa9.\xef\xbf\xbd dns.qtype=A "
          "dns.rcode=NOERROR dns.rcode_code=0" PAIR(" dns.response_packet=1")}},
#define POINTED(name, answer)                                                                      \
    {                                                                                              \
        &UDP,                                                                                      \
        {                                                                                          \
#name, name,                                                                           \
                "dns @2 server dns.query=a.b dns.qtype=PTR dns.rcode=NOERROR "                     \
                "dns.rcode_code=0 dns.answers=" answer PAIR(                                       \
                    " dns.request_packet=1 dns.response_packet=2")                                 \
        }                                                                                          \
    }
        POINTED(to_itself, "PTR (2 octets)"),
        POINTED(forwards, "PTR (6 octets)"),
        POINTED(round_and_round, "PTR (4 octets)"),
        POINTED(past_the_end, "PTR (3 octets)"),
        POINTED(no_label, "PTR (3 octets)"),
        POINTED(backwards_twice, "x.a.b"),
        {&LLMNR,
         {"LLMNR", address,
          "dns @2 server dns.query=mp01.corp.example dns.qtype=A dns.rcode=NOERROR "
          "dns.rcode_code=0 dns.answers=10.77.0.12 dns.addresses=MP01.corp.example 10.77.0.12 "
          "dns.transport=udp dns.kind=llmnr dns.request_packet=1 dns.response_packet=2\n"}},
        {&MDNS,
         {"announcement", announcement,
          "dns @1 client dns.rcode=NOERROR dns.rcode_code=0 "
          "dns.answers=Print 1._ipp._tcp.local SRV 0 0 631 pr1.local "
          "dns.answers=pr1.local A 10.77.0.20 dns.addresses=pr1.local 10.77.0.20 "
          "dns.transport=udp dns.kind=mdns dns.response_packet=1\n"}},
        {&MDNS,
         {"many asked", many_asked,
          "dns @1 client dns.query=_ipp._tcp.local dns.qtype=PTR dns.rcode=timeout "
          "dns.transport=udp dns.kind=mdns dns.request_packet=1\n"
          "dns @1 client dns.query=pr1.local dns.qtype=A dns.rcode=timeout "
          "dns.transport=udp dns.kind=mdns dns.request_packet=1\n"
          "dns @1 client dns.query=pr1.local dns.qtype=AAAA dns.rcode=timeout "
          "dns.transport=udp dns.kind=mdns dns.request_packet=1\n"}},
        {&TCP,
         {"stream", stream,
          "dns @3 server dns.query=mp02.corp.example dns.qtype=A dns.rcode=NXDOMAIN "
          "dns.rcode_code=3 dns.transport=tcp dns.kind=dns dns.request_packet=2 "
          "dns.response_packet=3\n"
          "dns @4 server dns.query=mp01.corp.example dns.qtype=A dns.rcode=NOERROR "
          "dns.rcode_code=0 dns.answers=10.77.0.12 dns.addresses=mp01.corp.example 10.77.0.12 "
          "dns.transport=tcp dns.kind=dns dns.request_packet=1 dns.response_packet=4\n"}},
        {&TCP,
         {"transfer", transfer,
          "dns @2 server dns.query=corp.example dns.qtype=AXFR dns.rcode=NOERROR "
          "dns.rcode_code=0 dns.transport=tcp dns.kind=dns dns.request_packet=1 "
          "dns.response_packet=2\n"
          "dns @5 client dns.query=corp.example dns.qtype=NS dns.rcode=timeout "
          "dns.transport=tcp dns.kind=dns dns.request_packet=5\n"}},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_logon(&rows[i].what, rows[i].how);
    }
}

/* ---- limits ---- */

/* More under way than can wait: all are written, none twice; the first without an outcome. */
static void test_waiting_limit(void **state)
{
    (void)state;
    struct talk t = {.count = 0};
    for (unsigned i = 0; i < TALK_STEPS; i++) {
        say(&t, DIR_CLIENT, query_of(i, "mp01.corp.example", A));
    }
    char *answer = play(t.steps, t.count, &UDP);
    unsigned records = 0, timeouts = 0;
    for (const char *at = answer; (at = strstr(at, "dns @")) != NULL; at++) {
        records++;
    }
    for (const char *at = answer; (at = strstr(at, "=timeout")) != NULL; at++) {
        timeouts++;
    }
    free(answer);
    assert_int_equal(records, TALK_STEPS);
    assert_int_equal(timeouts, LIMIT_DNS_WAITING);
}

/* A response of `count` addresses, all different. */
static struct built addresses_of(unsigned count)
{
    struct built b = {.len = 0};
    put_header(&b, 1, RESPONSE, 1, count, 0, 0);
    put_question(&b, "x", A);
    for (unsigned i = 0; i < count; i++) {
        put_a(&b, FIRST_NAME, 0x0a000000 + i);
    }
    return b;
}

static void test_answer_limit(void **state)
{
    (void)state;
    const struct play_options options = {.udp = true, .port = 53};
    for (unsigned more = 0; more < 2; more++) {
        struct talk t = {.count = 0};
        unsigned stated = 0;
        say(&t, DIR_SERVER, addresses_of(LIMIT_DNS_ANSWERS + more));
        char *answer = play(t.steps, t.count, &options);
        for (const char *at = answer; (at = strstr(at, "dns.answers=")) != NULL; at++) {
            stated++;
        }
        assert_int_equal(stated, LIMIT_DNS_ANSWERS);
        assert_int_equal(strstr(answer, "flow.anomalies=dns.answer_limit") != NULL, more);
        free(answer);
    }
}

/* Counts that the message does not hold. */
static void test_hostile_counts(void **state)
{
    (void)state;
    struct talk t = {.count = 0};
    struct built b = query_of(1, "x", A);
    say(&t, DIR_CLIENT, b);
    b.at[2] = 0x81;
    b.at[5] = 60;
    b.at[6] = b.at[7] = b.at[8] = b.at[9] = 0x0f;
    say(&t, DIR_SERVER, b);
    char *answer = play(t.steps, t.count, &UDP);
    assert_non_null(strstr(answer, "dns.rcode=NOERROR"));
    assert_null(strstr(answer, "dns.answers"));
    free(answer);
}

/* ---- recognition ---- */

static void test_any_port(void **state)
{
    (void)state;
    static const struct {
        const char *label;
        void (*build)(struct talk *t);
        bool udp, dns;
    } rows[] = {
        {"datagram", address, true, true},          {"stream", stream, false, true},
        {"answer alone", answer_alone, true, true}, {"service", service_with_address, true, true},
        {"root", bad_cookie, true, false},          {"announcement", announcement, true, false},
        {"odd names", odd_names, true, false},      {"update", update, true, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct play_options options = {.udp = rows[i].udp};
        struct talk t = {.count = 0};
        rows[i].build(&t);
        char *answer = play(t.steps, t.count, &options);
        if ((strstr(answer, "flow.protocol=dns") != NULL) != rows[i].dns) {
            print_error("%s:\n%s", rows[i].label, answer);
            free(answer);
            fail();
        }
        free(answer);
    }
}

/* One octet too many or too few, and it is nobody's on a strange port. */
static void test_strict(void **state)
{
    (void)state;
    struct built whole = address_of(7, "mp01.corp.example"), b = whole;
    assert_int_equal(dns_dissector.probe_elsewhere(built_bytes(&b)), PROBE_SERVER);
    b.len--;
    assert_int_equal(dns_dissector.probe_elsewhere(built_bytes(&b)), PROBE_NO);
    b = whole;
    put_be(&b, 0, 1);
    assert_int_equal(dns_dissector.probe_elsewhere(built_bytes(&b)), PROBE_NO);
    static const struct {
        size_t at;
        uint8_t octet;
    } changes[] = {{2, 0xb1}, {3, 0xc0}, {5, 2}, {7, 2}, {13, ' '}, {32, 200}, {34, 9}};
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        b = whole;
        b.at[changes[i].at] = changes[i].octet;
        if (dns_dissector.probe_elsewhere(built_bytes(&b)) != PROBE_NO) {
            fail_msg("octet %zu = %u", changes[i].at, changes[i].octet);
        }
    }
    struct built q = query_of(7, "mp01.corp.example", A);
    assert_int_equal(dns_dissector.probe_elsewhere(built_bytes(&q)), PROBE_CLIENT);
}

/* What nobody can read keeps its port's name. */
static void test_noise_on_its_port(void **state)
{
    (void)state;
    struct talk t = {.count = 0};
    struct built b = {.len = 0};
    const struct play_options options = {.udp = true, .port = 53};
    for (unsigned i = 0; i < 1000; i++) {
        put_be(&b, 0x3f, 1);
    }
    say(&t, DIR_CLIENT, b);
    char *answer = play(t.steps, t.count, &options);
    assert_non_null(strstr(answer, "flow.protocol=dns flow.identified_by=port"));
    free(answer);
}

static void test_sweeps(void **state)
{
    (void)state;
    void (*const streams[])(struct talk *) = {stream, transfer};
    void (*const datagrams[])(struct talk *) = {
        address,   service_with_address, alias,           mixed_types,  update,
        odd_names, bad_cookie,           backwards_twice, two_questions};
    for (size_t i = 0; i < COUNT_OF(streams); i++) {
        sweep(streams[i]);
    }
    for (size_t i = 0; i < COUNT_OF(datagrams); i++) {
        sweep_datagrams(datagrams[i], 53);
    }
    sweep_datagrams(announcement, 5353);
    sweep_datagrams(address, 5355);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),           cmocka_unit_test(test_what_is_stated),
        cmocka_unit_test(test_waiting_limit),  cmocka_unit_test(test_answer_limit),
        cmocka_unit_test(test_hostile_counts), cmocka_unit_test(test_any_port),
        cmocka_unit_test(test_strict),         cmocka_unit_test(test_noise_on_its_port),
        cmocka_unit_test(test_sweeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
