/*
 * NetBIOS names: encoded names, the operations of RFC 1002, and answers of many kinds.
 */
#include "tests/dissect/test_dns_messages.h"

enum { NBNS_QUERY = 0x0100, REGISTER = 0x2900, REFRESH = 0x4000, RELEASE = 0x3000 };
enum { WACK = 0xbc00, ANSWER = 0x8000, BROADCAST = 0x0010 };

static const struct play_options OPTIONS = {.udp = true, .port = 137, .records_only = true};

/* RFC 1001 14.1; `kind` is the sixteenth octet. */
static void put_netbios(struct built *b, const char *name, uint8_t kind)
{
    uint8_t padded[16];
    memset(padded, ' ', sizeof padded);
    memcpy(padded, name, strlen(name));
    padded[15] = kind;
    put_be(b, 32, 1);
    for (size_t i = 0; i < sizeof padded; i++) {
        put_be(b, 'A' + (unsigned)(padded[i] >> 4), 1);
        put_be(b, 'A' + (unsigned)(padded[i] & 15), 1);
    }
}

static struct built request(unsigned id, unsigned flags, const char *name, uint8_t kind,
                            unsigned type)
{
    struct built b = {.len = 0};
    put_header(&b, id, flags, 1, 0, 0, 0);
    put_netbios(&b, name, kind);
    put_be(&b, 0, 1);
    put_be(&b, type, 2);
    put_be(&b, IN, 2);
    return b;
}

static struct built answer(unsigned id, unsigned flags, const char *name, uint8_t kind,
                           unsigned type, struct built data)
{
    struct built b = {.len = 0};
    put_header(&b, id, flags, 0, 1, 0, 0);
    put_netbios(&b, name, kind);
    put_be(&b, 0, 1);
    put_record(&b, type, IN, data.len);
    put_built(&b, data);
    return b;
}

static struct built one_address(uint32_t address)
{
    struct built b = {.len = 0};
    put_be(&b, 0, 2);
    put_be(&b, address, 4);
    return b;
}

static void query(struct talk *t)
{
    struct built two = one_address(0x0a4d000a);
    put_built(&two, one_address(0x0a4d000b));
    say(t, DIR_CLIENT, request(1, NBNS_QUERY, "CORP", 0x1b, NB));
    say(t, DIR_SERVER, answer(1, 0x8580, "CORP", 0x1b, NB, two));
}

static void no_such_name(struct talk *t)
{
    say(t, DIR_CLIENT, request(1, NBNS_QUERY, "MP_P01", 0x1a, NB));
    say(t, DIR_SERVER, answer(1, 0x8583, "MP_P01", 0x1a, 10, (struct built){.len = 0}));
}

static void broadcast(struct talk *t)
{
    say(t, DIR_CLIENT, request(1, NBNS_QUERY | BROADCAST, "WPAD", 0, NB));
    say(t, DIR_CLIENT, request(1, NBNS_QUERY | BROADCAST, "WPAD", 0, NB));
}

static void unanswered(struct talk *t)
{
    say(t, DIR_CLIENT, request(1, NBNS_QUERY, "CM01", 0x20, NB));
}

static void status(struct talk *t)
{
    struct built names = {.len = 0};
    put_be(&names, 2, 1);
    put(&names, "CM01            ", 15);
    put_be(&names, 0x20, 1);
    put_be(&names, 0x0400, 2);
    put(&names, "CORP            ", 15);
    put_be(&names, 0, 1);
    put_be(&names, 0x8400, 2);
    put_be(&names, 0, 46); /* STATISTICS */
    say(t, DIR_CLIENT, request(2, 0, "*", 0, NBSTAT));
    say(t, DIR_SERVER, answer(2, 0x8400, "*", 0, NBSTAT, names));
}

static struct built claim(unsigned id, unsigned flags, const char *name, uint32_t address)
{
    struct built b = request(id, flags, name, 0, NB);
    b.at[11] = 1;
    put_be(&b, FIRST_NAME, 2);
    put_record(&b, NB, IN, 6);
    put_built(&b, one_address(address));
    return b;
}

/* RFC 1002 4.2.16: wait, I am asking who has it; then the answer. */
static void registration(struct talk *t)
{
    struct built flags = {.len = 0};
    put_be(&flags, REGISTER, 2);
    say(t, DIR_CLIENT, claim(3, REGISTER, "CL01", 0x0a4d0065));
    say(t, DIR_SERVER, answer(3, WACK, "CL01", 0, 10, flags));
    say(t, DIR_SERVER, answer(3, 0xad86, "CL01", 0, NB, one_address(0x0a4d0065)));
}

static void refresh(struct talk *t)
{
    say(t, DIR_CLIENT, claim(4, REFRESH, "CL01", 0x0a4d0065));
    say(t, DIR_SERVER, answer(4, ANSWER | REFRESH, "CL01", 0, NB, one_address(0x0a4d0065)));
}

static void release(struct talk *t)
{
    say(t, DIR_CLIENT, claim(5, RELEASE, "CL01", 0x0a4d0065));
    say(t, DIR_SERVER, answer(5, ANSWER | RELEASE, "CL01", 0, NB, one_address(0x0a4d0065)));
}

/* Control characters and a scope. */
static void browser(struct talk *t)
{
    struct built b = {.len = 0};
    put_header(&b, 6, NBNS_QUERY | BROADCAST, 1, 0, 0, 0);
    put_netbios(&b, "\1\2__MSBROWSE__\2", 1);
    put_name(&b, "scope.example");
    put_be(&b, NB, 2);
    put_be(&b, IN, 2);
    say(t, DIR_CLIENT, b);
}

static void answer_alone(struct talk *t)
{
    say(t, DIR_SERVER, answer(7, 0x8580, "CM01", 0x20, NB, one_address(0x0a4d000b)));
}

static void test_what_is_stated(void **state)
{
    (void)state;
#define END " dns.transport=udp dns.kind=nbns dns.request_packet=1"
    static const struct logon_case rows[] = {
        {"query", query,
         "dns @2 server dns.query=CORP<1b> dns.qtype=NB dns.rcode=NOERROR dns.rcode_code=0 "
         "dns.answers=10.77.0.10 dns.answers=10.77.0.11 dns.addresses=CORP<1b> 10.77.0.10 "
         "dns.addresses=CORP<1b> 10.77.0.11" END " dns.response_packet=2\n"},
        {"no such name", no_such_name,
         "dns @2 server dns.query=MP_P01<1a> dns.qtype=NB dns.rcode=NAM_ERR "
         "dns.rcode_code=3" END " dns.response_packet=2\n"},
        {"broadcast", broadcast, "dns @2 client dns.query=WPAD<00> dns.qtype=NB" END "\n"},
        {"unanswered", unanswered,
         "dns @1 client dns.query=CM01<20> dns.qtype=NB dns.rcode=timeout" END "\n"},
        {"status", status,
         "dns @2 server dns.query=*<00> dns.qtype=NBSTAT dns.rcode=NOERROR dns.rcode_code=0 "
         "dns.answers=CM01<20> dns.answers=CORP<00> group" END " dns.response_packet=2\n"},
        {"registration", registration,
         "dns @3 server dns.query=CL01<00> dns.qtype=NB dns.opcode=REGISTRATION "
         "dns.rcode=ACT_ERR dns.rcode_code=6 dns.answers=10.77.0.101 "
         "dns.addresses=CL01<00> 10.77.0.101" END " dns.response_packet=3\n"},
        {"refresh", refresh,
         "dns @2 server dns.query=CL01<00> dns.qtype=NB dns.opcode=REFRESH dns.rcode=NOERROR "
         "dns.rcode_code=0 dns.answers=10.77.0.101 "
         "dns.addresses=CL01<00> 10.77.0.101" END " dns.response_packet=2\n"},
        {"release", release,
         "dns @2 server dns.query=CL01<00> dns.qtype=NB dns.opcode=RELEASE dns.rcode=NOERROR "
         "dns.rcode_code=0 dns.answers=10.77.0.101" END " dns.response_packet=2\n"},
        {"browser", browser,
         "dns @1 client dns.query=<01><02>__MSBROWSE__<02><01>.scope.example dns.qtype=NB" END
         "\n"},
        {"answer alone", answer_alone,
         "dns @1 server dns.query=CM01<20> dns.qtype=NB dns.rcode=NOERROR dns.rcode_code=0 "
         "dns.answers=10.77.0.11 dns.addresses=CM01<20> 10.77.0.11 dns.transport=udp "
         "dns.kind=nbns dns.response_packet=1\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_logon(&rows[i], &OPTIONS);
    }
}

static void test_probe(void **state)
{
    (void)state;
    struct built b = request(1, NBNS_QUERY, "CM01", 0x20, NB);
    assert_int_equal(nbns_dissector.probe(built_bytes(&b)), PROBE_CLIENT);
    for (size_t len = 0; len < b.len; len++) {
        assert_int_equal(nbns_dissector.probe(bytes_slice(built_bytes(&b), 0, len)), PROBE_NO);
    }
    b.at[20] = 'Q';
    assert_int_equal(nbns_dissector.probe(built_bytes(&b)), PROBE_NO);
    b = query_of(1, "mp01.corp.example", A);
    assert_int_equal(nbns_dissector.probe(built_bytes(&b)), PROBE_NO);
}

static void test_sweeps(void **state)
{
    (void)state;
    void (*const builds[])(struct talk *) = {query, status, registration, browser, answer_alone};
    for (size_t i = 0; i < COUNT_OF(builds); i++) {
        sweep_datagrams(builds[i], 137);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_stated),
        cmocka_unit_test(test_probe),
        cmocka_unit_test(test_sweeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
