/*
 * test_deciding.c - which octets of a packet decide, and that no secret is ever among them: every
 * message, cut at every length, cited for every kind of record.
 */
#include "tests/test.h"

#include "capture/decode.h"
#include "reports/deciding.h"

#define LINK_ETHERNET 1
#define FRAME_MOST 700
#define SECRET "S3cretS3" /* stands wherever a message has one */

struct frame {
    uint8_t octets[FRAME_MOST];
    struct packet packet;
};

static void put16(uint8_t *at, size_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void make(struct frame *f, uint8_t protocol, uint16_t port, struct bytes content)
{
    static const uint8_t head[] = {[12] = 8, [14] = 0x45, [22] = 64, [26] = 10, 1, 0,
                                   5,        10,          0,         0,         3};
    size_t transport = protocol == IP_TCP ? 20 : 8, len = 34 + transport + content.len;
    assert_true(len <= FRAME_MOST);
    *f = (struct frame){.packet = {.at = {.packet = 1, .order = 1},
                                   .data = bytes_of(f->octets, len),
                                   .wire_len = (uint32_t)len,
                                   .link_type = LINK_ETHERNET}};
    memcpy(f->octets, head, sizeof head);
    f->octets[23] = protocol;
    put16(f->octets + 16, len - 14);
    put16(f->octets + 34, 50000);
    put16(f->octets + 36, port);
    if (protocol == IP_TCP) {
        f->octets[46] = 0x50;
        f->octets[47] = TCP_ACK;
    } else {
        put16(f->octets + 38, 8 + content.len);
    }
    if (content.len > 0) {
        memcpy(f->octets + 34 + transport, content.at, content.len);
    }
}

#define M(text)                                                                                    \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1                                                  \
    }
/* [MS-NLMP] 2.2.1.3: two responses of 24 octets at 64 and 88, a name at 112. */
#define AUTHENTICATE                                                                               \
    "NTLMSSP\0\x03\0\0\0\x18\0\x18\0\x40\0\0\0\x18\0\x18\0\x58\0\0\0\0\0\0\0\0\0\0\0"              \
    "\x02\0\x02\0\x70\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x05\x82\x08\xa2" SECRET SECRET SECRET  \
        SECRET SECRET SECRET "u\0"
#define CHALLENGE "NTLMSSP\0\x02\0\0\0\0\0\0\0\x38\0\0\0\x05\x82\x89\xe2" SECRET "\0\0\0\0\0\0\0\0"
/* The same as the first, in base64. */
#define AUTHENTICATE_BASE64                                                                        \
    "TlRMTVNTUAADAAAAGAAYAEAAAAAYABgAWAAAAAAAAAAAAAAAAgACAHAAAAAAAAAAAAAAAAAAAAAAAAAABYIIolMz"     \
    "Y3JldFMzUzNjcmV0UzNTM2NyZXRTMw=="
#define SMB2(command, flags)                                                                       \
    "\xfeSMB\x40\0\0\0\0\0\0\0" command "\0\x01\0" flags                                           \
    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define ZEROS_16 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"

static const struct {
    const char *what, *of;
    struct bytes content;
    uint8_t protocol;
    uint16_t port;
    enum record about;
    size_t at, len; /* within the content */
} messages[] = {
    {"request", "HTTP request line",
     M("GET /SMS_MP/.sms_aut?MPLIST HTTP/1.1\r\nAuthorization: Basic " SECRET "\r\n\r\n"), IP_TCP,
     80, RECORD_HTTP, 0, 36},
    {"user in the target", "HTTP request line", M("GET http://u:" SECRET "@host/ HTTP/1.1\r\n\r\n"),
     IP_TCP, 8080, RECORD_HTTP, 0, 11},
    {"NTLM in a header", "NTLM AUTHENTICATE in base64",
     M("GET / HTTP/1.1\r\nAuthorization: NTLM " AUTHENTICATE_BASE64 "\r\n\r\n"), IP_TCP, 80,
     RECORD_NTLM, 36, 84},
    {"answer", "HTTP status line", M("HTTP/1.1 401 Unauthorized\r\nX: y\r\n\r\n"), IP_TCP, 80,
     RECORD_COUNT, 0, 25},
    {"AUTHENTICATE", "NTLM AUTHENTICATE", M("....." AUTHENTICATE), IP_TCP, 445, RECORD_NTLM, 5, 64},
    {"AUTHENTICATE that overlaps", "NTLM AUTHENTICATE",
     M("NTLMSSP\0\x03\0\0\0\x18\0\x18\0\x18\0\0\0\x18\0" SECRET SECRET SECRET SECRET SECRET),
     IP_TCP, 445, RECORD_NTLM, 0, 24},
    {"CHALLENGE", "NTLM CHALLENGE", M(CHALLENGE), IP_TCP, 445, RECORD_NTLM, 0, 24},
    {"NEGOTIATE response", "SMB2 NEGOTIATE response",
     M("\0\0\0\x70" SMB2("\0", "\x01\0") "\x41\0\x01\0\x11\x03" ZEROS_16 ZEROS_16 ZEROS_16), IP_TCP,
     445, RECORD_SMB, 4, 96},
    {"SESSION_SETUP", "SMB2 SESSION_SETUP request",
     M("\0\0\0\x60" SMB2("\x01", "\0\0") "\x19\0\0\x01\0\0\0\0\0\0\0\0" SECRET SECRET SECRET),
     IP_TCP, 445, RECORD_SMB, 4, 76},
    {"SMB 1 of LAN Manager", "SMB1 NEGOTIATE response",
     M("\0\0\0\x60\xffSMB\x72\0\0\0\0\x80" ZEROS_16 "\0\0\0\0\0\0\x0d" ZEROS_16
       "\0\0\0\0\0\0\0\0\0\0\x08\0" SECRET),
     IP_TCP, 445, RECORD_SMB, 4, 61},
    {"simple bind", "LDAP BindRequest",
     M("\x30\x15\x02\x01\x01\x60\x10\x02\x01\x03\x04\x01u\x80\x08" SECRET), IP_TCP, 389,
     RECORD_LDAP, 0, 14},
    {"SASL bind", "LDAP BindRequest",
     M("\x30\x19\x02\x01\x01\x60\x14\x02\x01\x03\x04\0\xa3\x0d\x04\x01G\x04\x08" SECRET), IP_TCP,
     389, RECORD_LDAP, 0, 17},
    {"a search before a bind", "LDAP SearchRequest",
     M("\x30\x06\x02\x01\x01\x63\x01\x04\x30\x14\x02\x01\x01\x60\x0f\x02\x01\x03\x04\0\x80"
       "\x08" SECRET),
     IP_TCP, 389, RECORD_LDAP, 0, 8},
    {"modify", "LDAP operation", M("\x30\x0f\x02\x01\x01\x66\x0a\x04\x08" SECRET), IP_TCP, 389,
     RECORD_LDAP, 0, 7},
    {"LOGIN7", "TDS LOGIN7: fixed part",
     M("\x10\x01\0\x66\0\0\x01\0" ZEROS_16 ZEROS_16 "\0\0\0\0" ZEROS_16 ZEROS_16 SECRET), IP_TCP,
     1433, RECORD_SQL, 0, 44},
    {"batch", "TDS SQL batch header", M("\x01\x01\0\x10\0\0\x01\0" SECRET), IP_TCP, 1433,
     RECORD_SQL, 0, 8},
    {"PRELOGIN", "TDS PRELOGIN", M("\x12\x01\0\x0f\0\0\x01\0\0\0\x06\0\x01\xff\x02"), IP_TCP, 1433,
     RECORD_SQL, 0, 15},
    {"ticket", "Kerberos AS-REP: encryption of its ticket",
     M("\0\0\0\x29\x6b\x27\x30\x25\xa0\x03\x02\x01\x05\xa5\x1e\x61\x1c\x30\x1a\xa0\x03\x02\x01\x05"
       "\xa3\x13\x30\x11\xa0\x03\x02\x01\x17\xa2\x0a\x04\x08" SECRET),
     IP_TCP, 88, RECORD_KERBEROS, 24, 9},
    {"what a ticket may be encrypted by", "Kerberos AS-REQ: etype",
     M("\x6a\x1f\x30\x1d\xa3\x0a\x04\x08" SECRET "\xa4\x0f\x30\x0d\xa8\x0b\x30\x09\x02\x01\x12\x02"
       "\x01\x17\x02\x01\x18"),
     IP_UDP, 88, RECORD_KERBEROS, 20, 13},
    {"community", "SNMP version", M("\x30\x11\x02\x01\0\x04\x08" SECRET "\xa0\0"), IP_UDP, 161,
     RECORD_SNMP, 0, 5},
    {"bind", "DCERPC bind",
     M("\x05\0\x0b\x03\x10\0\0\0\x70\0\x08\0\x01\0\0\0" ZEROS_16 ZEROS_16 ZEROS_16 ZEROS_16 ZEROS_16
       "\0\0\0\0\0\0\0\0" SECRET),
     IP_TCP, 135, RECORD_DCERPC, 0, 72},
    {"short bind", "DCERPC bind",
     M("\x05\0\x0b\x03\x10\0\0\0\x28\0\x08\0\x01\0\0\0" ZEROS_16 SECRET), IP_TCP, 135,
     RECORD_DCERPC, 0, 32},
    {"ClientHello", "TLS ClientHello", M("\x16\x03\x01\0\x2d\x01\0\0\x29\x03\x03" SECRET SECRET),
     IP_TCP, 443, RECORD_TLS, 5, 6},
    {"alert", "TLS alert", M("\x15\x03\x03\0\x02\x02\x28"), IP_TCP, 443, RECORD_TLS, 0, 7},
    {"data", "TLS record of encrypted data", M("\x17\x03\x03\0\x08" SECRET), IP_TCP, 443,
     RECORD_TLS, 0, 5},
    {"question", "DNS header and question",
     M("\0\x01\x01\0\0\x01\0\0\0\0\0\0\x01"
       "a\0\0\x01\0\x01"),
     IP_UDP, 53, RECORD_DNS, 0, 19},
    {"middle of something", NULL, M(SECRET SECRET SECRET), IP_TCP, 80, RECORD_HTTP, 0, 0},
};

static bool holds_secret(struct bytes octets)
{
    static const char base64[] = "UzNjcmV0"; /* of the secret; its other alignments are cut, too */
    return octets.len > 0 && (memmem(octets.at, octets.len, SECRET, 4) != NULL ||
                              memmem(octets.at, octets.len, base64, 6) != NULL);
}

static void each_message(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(messages); i++) {
        struct frame f;
        struct deciding d;
        make(&f, messages[i].protocol, messages[i].port, messages[i].content);
        bool seen = deciding_octets(&f.packet, messages[i].about, &d);
        size_t head = messages[i].protocol == IP_TCP ? 54 : 42;
        if (seen != (messages[i].of != NULL) ||
            (seen && (strcmp(d.of, messages[i].of) != 0 || d.offset != head + messages[i].at ||
                      d.octets.len != messages[i].len))) {
            fail_msg("%s: %s at %zu, %zu octets", messages[i].what, seen ? d.of : "nothing",
                     d.offset, d.octets.len);
        }
        if (seen && memcmp(d.octets.at, f.octets + d.offset, d.octets.len) != 0) {
            fail_msg("%s: octets of another place", messages[i].what);
        }
    }
}

static void no_secret_ever(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(messages); i++) {
        for (size_t len = 0; len <= messages[i].content.len; len++) {
            for (unsigned about = 0; about <= RECORD_COUNT; about++) {
                struct frame f;
                struct deciding d;
                make(&f, messages[i].protocol, messages[i].port,
                     bytes_of(messages[i].content.at, len));
                bool seen = deciding_octets(&f.packet, (enum record)about, &d);
                if (seen && (d.octets.len > LIMIT_DECIDING_OCTETS || holds_secret(d.octets))) {
                    fail_msg("%s cut at %zu, for %u: %s, %zu octets", messages[i].what, len, about,
                             d.of, d.octets.len);
                }
            }
        }
    }
}

static void headers(void **state)
{
    struct frame f;
    struct deciding d;
    (void)state;
    make(&f, IP_TCP, 445, (struct bytes){0});
    assert_true(deciding_octets(&f.packet, RECORD_SMB, &d));
    assert_string_equal(d.of, "TCP header");
    assert_int_equal(d.offset, 34);
    assert_int_equal(d.octets.len, 20);
    make(&f, IP_TCP, 445, bytes_text("x"));
    assert_true(deciding_octets(&f.packet, RECORD_FLOW, &d));
    assert_string_equal(d.of, "TCP header");
    make(&f, IP_ICMP, 0, bytes_text(ZEROS_16));
    assert_true(deciding_octets(&f.packet, RECORD_FLOW, &d));
    assert_string_equal(d.of, "ICMP header");
    f.packet.data.len = 20;
    assert_false(deciding_octets(&f.packet, RECORD_FLOW, &d));
}

/* RFC 5246 7.4.2: a Certificate that begins after the ServerHello of the first of three segments.
 */
static void of_several_segments(void **state)
{
    uint8_t flight[300] = {[0] = 22, 3, 3, 1, 39, 2, 0, 0, 40, 3, 3};
    static const size_t cuts[] = {0, 100, 200, sizeof flight};
    struct frame frames[3];
    const struct packet *packets[3];
    struct deciding d;
    unsigned in = 9;
    (void)state;
    flight[5 + 44] = 11; /* 44: the ServerHello with its head */
    flight[5 + 44 + 3] = 247;
    for (size_t i = 0; i < COUNT_OF(frames); i++) {
        make(&frames[i], IP_TCP, 443, bytes_of(flight + cuts[i], cuts[i + 1] - cuts[i]));
        packets[i] = &frames[i].packet;
    }
    assert_false(deciding_octets(packets[2], RECORD_TLS, &d));
    assert_true(deciding_before(packets, 3, RECORD_TLS, &d, &in));
    assert_string_equal(d.of, "TLS Certificate");
    assert_int_equal(in, 0);
    assert_int_equal(d.offset, 54 + 49);
    assert_int_equal(d.octets.len, 51); /* to the end of that segment */
    assert_memory_equal(d.octets.at, frames[0].octets + d.offset, d.octets.len);
    assert_true(deciding_before(packets, 3, RECORD_COUNT, &d, &in));
    assert_false(deciding_before(packets + 1, 2, RECORD_TLS, &d, &in));
    assert_false(deciding_before(packets + 2, 1, RECORD_TLS, &d, &in));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_message),
        cmocka_unit_test(no_secret_ever),
        cmocka_unit_test(headers),
        cmocka_unit_test(of_several_segments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
