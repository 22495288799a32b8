#include "tests/test.h"

#include <zlib.h>

#include "capture/limits.h"
#include "tests/dissect/play.h"

enum { ROOM = 128 << 10 };

enum encoding { UTF8, UTF16, UTF16_MARKED };
enum packing { PLAIN, ZLIB };

/* A request under construction. */
struct text {
    uint8_t octets[ROOM];
    size_t len;
};

static void put(struct text *t, const void *octets, size_t len)
{
    assert_true(len <= ROOM - t->len);
    memcpy(t->octets + t->len, octets, len);
    t->len += len;
}

static void put_string(struct text *t, const char *string)
{
    put(t, string, strlen(string));
}

static void put_encoded(struct text *t, const char *string, enum encoding encoding)
{
    if (encoding == UTF16_MARKED) {
        put(t, "\xff\xfe", 2);
    }
    for (; *string != '\0'; string++) {
        put(t, string, 1);
        if (encoding != UTF8) {
            put(t, "", 1);
        }
    }
}

static void put_body(struct text *t, const char *body, size_t len, enum packing packing)
{
    uLongf room = ROOM - t->len;
    if (packing == PLAIN) {
        put(t, body, len);
        return;
    }
    assert_int_equal(compress(t->octets + t->len, &room, (const Bytef *)body, len), Z_OK);
    t->len += room;
}

#define BOUNDARY "aAbBcCdDv1234567890VxXyYzZ"
#define MIXED "multipart/mixed; boundary=\"" BOUNDARY "\""

/* A request whose body is `body`, and its answer. */
static char *answer_to(const char *method, const char *type, const struct text *body, size_t chunk)
{
    static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    struct text *all = test_calloc(1, sizeof *all);
    char head[400];
    (void)snprintf(head, sizeof head,
                   "%s /ccm_system/request HTTP/1.1\r\nHost: mp01\r\nContent-Type: %s\r\n"
                   "Content-Length: %zu\r\n\r\n",
                   method, type, body->len);
    put_string(all, head);
    put(all, body->octets, body->len);
    put_string(all, "GET /next HTTP/1.1\r\n\r\n");
    const struct play_options options = {.records_only = true, .chunk = chunk};
    struct play_step steps[] = {
        {.dir = DIR_CLIENT, .data = bytes_of(all->octets, all->len)},
        {.dir = DIR_SERVER, .data = bytes_text(reply)},
        {.dir = DIR_SERVER, .data = bytes_text(reply)},
    };
    char *said = play(steps, 3, &options);
    test_free(all);
    return said;
}

static void put_message(struct text *t, const char *header, enum encoding encoding,
                        const struct text *body, enum packing packing)
{
    put_string(t, "--" BOUNDARY "\r\ncontent-type: text/plain; charset=UTF-16\r\n\r\n");
    put_encoded(t, header, encoding);
    put_string(t, "\r\n--" BOUNDARY "\r\ncontent-type: application/octet-stream\r\n\r\n");
    put_body(t, (const char *)body->octets, body->len, packing);
    put_string(t, "\r\n--" BOUNDARY "--");
}

#define HEADER(hooks)                                                                              \
    "<Msg ReplyCompression=\"zlib\" SchemaVersion=\"1.1\"><Body Type=\"ByteRange\" Length=\"9\" "  \
    "Offset=\"0\" /><Hooks>" hooks "</Hooks><ID>{A-1}</ID><Payload Type=\"inline\" />"             \
    "<ReplyTo>direct:cl01:X</ReplyTo><SourceHost>cl01</SourceHost>"                                \
    "<SourceID>GUID:7F</SourceID><TargetAddress>mp:[http]MP_X</TargetAddress>"                     \
    "<TargetEndpoint>MP_PolicyManager</TargetEndpoint><TargetHost>mp01</TargetHost>"               \
    "<Timeout>60000</Timeout></Msg>"
#define SIGNED                                                                                     \
    "<Hook2 Name=\"clientauth\"><Property Name=\"AuthSenderMachine\">cl01</Property><Property "    \
    "Name=\"PublicKey\">0602</Property><Property Name=\"PayloadSignature\">AB</Property>"          \
    "<Property Name=\"HashAlgorithm\">1.2.840.113549.1.1.11</Property></Hook2>"
#define COMPRESSED "<Hook3 Name=\"zlib-compress\" />"
#define TARGET "http.ccm.target_endpoint=MP_PolicyManager http.ccm.target_host=mp01 "
#define SOURCE "http.ccm.message_id={A-1} http.ccm.source_id=GUID:7F http.ccm.source_host=cl01 "

static const struct {
    const char *label, *header;
    enum encoding encoding, body_encoding;
    enum packing packing;
    const char *body, *says;
} cases[] = {
    {"signed and compressed", HEADER(SIGNED COMPRESSED), UTF16_MARKED, UTF16, ZLIB,
     "<RequestAssignments SchemaVersion=\"1.00\"><PolicySource>SMS:P01</PolicySource>"
     "</RequestAssignments>",
     SOURCE TARGET "http.ccm.hooks=clientauth http.ccm.hooks=zlib-compress http.ccm.signed=1 "
                   "http.ccm.hash_algorithm=sha256WithRSAEncryption "
                   "http.ccm.hash_algorithm_code=1.2.840.113549.1.1.11 "
                   "http.ccm.body_readable=1 http.ccm.body_kind=RequestAssignments\n"},
    {"not signed", HEADER(COMPRESSED), UTF8, UTF16_MARKED, ZLIB,
     "<?xml version='1.0'?><Report><Inventory/></Report>",
     SOURCE TARGET "http.ccm.hooks=zlib-compress http.ccm.signed=0 http.ccm.body_readable=1 "
                   "http.ccm.body_kind=Report\n"},
    {"encrypted", HEADER("<Hook1 Name=\"encrypt\"/>" COMPRESSED), UTF16, UTF8, ZLIB,
     "0\x82\x03\x01\x06\x09*\x86H\x86\xf7",
     "http.ccm.hooks=encrypt http.ccm.hooks=zlib-compress http.ccm.signed=0 "
     "http.ccm.body_readable=0\n"},
    {"in clear", HEADER("<Hook2 Name='clientauth'></Hook2>"), UTF8, UTF8, PLAIN,
     "\xef\xbb\xbf<ClientLocationRequest/>",
     "http.ccm.hooks=clientauth http.ccm.signed=0 http.ccm.body_readable=1 "
     "http.ccm.body_kind=ClientLocationRequest\n"},
    {"a registration, with the agent's version", HEADER(COMPRESSED), UTF16_MARKED, UTF16, ZLIB,
     "<ClientRegistrationRequest><Data SMSID=\"\"><AgentInformation AgentIdentity=\"CCMSetup.exe\" "
     "AgentVersion=\"5.00.9132.1000\" AgentType=\"0\" /></Data></ClientRegistrationRequest>",
     "http.ccm.body_readable=1 http.ccm.version=5.00.9132.1000 "
     "http.ccm.body_kind=ClientRegistrationRequest\n"},
    {"a report, with the computer's name", HEADER(COMPRESSED), UTF8, UTF16, ZLIB,
     "<Report><ReportHeader><Identification><Machine><ClientVersion>5.00.9132.1000</ClientVersion>"
     "<NetBIOSName> CL01 </NetBIOSName></Machine></Identification></ReportHeader><ReportBody>"
     "<NetBIOSName>no</NetBIOSName></ReportBody></Report>",
     "http.ccm.body_readable=1 http.ccm.computer=CL01 http.ccm.version=5.00.9132.1000 "
     "http.ccm.body_kind=Report\n"},
    {"a discovery record, with the computer's addresses",
     "<Msg><TargetEndpoint>MP_DdrEndpoint</TargetEndpoint></Msg>", UTF8, UTF16, ZLIB,
     "<Report><ReportHeader><NetBIOSName>PC9</NetBIOSName><IPAddress>no</IPAddress></ReportHeader>"
     "<ReportBody><a><IPAddress>10.6.10.43</IPAddress><IPAddress> fe80::1 </IPAddress></a>"
     "</ReportBody></Report>",
     "http.ccm.computer=PC9 http.ccm.addresses=10.6.10.43 http.ccm.addresses=fe80::1 "},
    {"no addresses of another report", HEADER(COMPRESSED), UTF8, UTF16, ZLIB,
     "<Report><ReportHeader/><ReportBody><IPAddress>no</IPAddress></ReportBody></Report>",
     "http.ccm.body_readable=1 http.ccm.body_kind=Report\n"},
    {"no body", HEADER(""), UTF8, UTF8, PLAIN, "", "http.ccm.signed=0\n"},
    {"an algorithm without a name",
     HEADER("<h Name='clientauth'><p Name='HashAlgorithm'>1.2</p></h>"), UTF8, UTF8, PLAIN, "x",
     "http.ccm.signed=0 http.ccm.hash_algorithm=1.2 http.ccm.hash_algorithm_code=1.2 "
     "http.ccm.body_readable=0\n"},
    {"not a message", "<Xsg><ID>1</ID></Xsg>", UTF8, UTF8, PLAIN, "<a/>", "http.request_bytes="},
    {"elements of another depth", "<Msg><A><ID>no</ID></A><ID>yes</ID></Msg>", UTF8, UTF8, PLAIN,
     "<1/>", "http.ccm.message_id=yes http.ccm.signed=0 http.ccm.body_readable=0\n"},
    {"a header without its end", "<Msg><ID>cut</ID><Hooks>", UTF8, UTF8, PLAIN,
     "<!-- --><a b='>'/>",
     "http.ccm.message_id=cut http.ccm.body_readable=1 http.ccm.body_kind=a\n"},
    {"a quote in the other kind", "<Msg a='\">' b=\"'/>\"><ID>yes</ID></Msg>", UTF8, UTF8, PLAIN,
     "<a b=\"'\"/>",
     "http.ccm.message_id=yes http.ccm.signed=0 http.ccm.body_readable=1 http.ccm.body_kind=a\n"},
    {"a quote without its end", "<Msg><ID>yes</ID><b c=\"><ID>no</ID></Msg>", UTF8, UTF8, PLAIN,
     "<a/>", "http.ccm.message_id=yes http.ccm.body_readable=1 http.ccm.body_kind=a\n"},
};

static void messages(void **unused)
{
    (void)unused;
    static const size_t chunks[] = {0, 1, 100};
    for (size_t i = 0; i < COUNT_OF(cases) * COUNT_OF(chunks); i++) {
        struct text *message = test_calloc(1, sizeof *message);
        struct text *body = test_calloc(1, sizeof *body);
        size_t k = i / COUNT_OF(chunks);
        put_encoded(body, cases[k].body, cases[k].body_encoding);
        put_message(message, cases[k].header, cases[k].encoding, body, cases[k].packing);
        char *said = answer_to("CCM_POST", MIXED, message, chunks[i % COUNT_OF(chunks)]);
        if (strstr(said, cases[k].says) == NULL) {
            fail_msg("%s: no \"%s\" in\n%s", cases[k].label, cases[k].says, said);
        }
        char bytes[40];
        (void)snprintf(bytes, sizeof bytes, "http.request_bytes=%zu ", message->len);
        assert_non_null(strstr(said, bytes));
        assert_non_null(strstr(said, "http.uri=/next"));
        assert_null(strstr(said, "=no"));
        free(said);
        test_free(body);
        test_free(message);
    }
}

/* Where a body is no message, it is passed over as ever. */
static void others(void **unused)
{
    (void)unused;
    static const struct {
        const char *method, *type;
    } requests[] = {
        {"POST", MIXED},
        {"CCM_POST", "multipart/related; boundary=" BOUNDARY},
        {"CCM_POST", "multipart/mixed"},
        {"CCM_POST", "multipart/mixed; boundary="},
        {"CCM_POST", "multipart/mixed; boundary=other"},
        {"CCM_POST",
         "multipart/mixed; boundary=\"12345678901234567890123456789012345678901234567890"
         "123456789012345678901\""},
    };
    struct text *message = test_calloc(1, sizeof *message);
    struct text *body = test_calloc(1, sizeof *body);
    put_string(body, "<a/>");
    put_message(message, HEADER(COMPRESSED), UTF8, body, ZLIB);
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        char *said = answer_to(requests[i].method, requests[i].type, message, 0);
        if (strstr(said, "ccm.") != NULL || strstr(said, "http.uri=/next") == NULL) {
            fail_msg("%s %s:\n%s", requests[i].method, requests[i].type, said);
        }
        free(said);
    }
    /* RFC 2046 5.1.1: text before the first boundary; and parameters in any order */
    struct text *later = test_calloc(1, sizeof *later);
    put_string(later, "preamble\r\n");
    put(later, message->octets, message->len);
    char *said = answer_to("CCM_POST", "Multipart/Mixed; type=x;Boundary=" BOUNDARY, later, 0);
    assert_non_null(strstr(said, "http.ccm.body_kind=a\n"));
    free(said);
    test_free(later);
    test_free(body);
    test_free(message);
}

/* Of what is longer than the limit the beginning is read; and a bomb is not inflated. */
static void long_messages(void **unused)
{
    (void)unused;
    struct text *message = test_calloc(1, sizeof *message);
    struct text *body = test_calloc(1, sizeof *body);
    put_string(body, "<Report>");
    memset(body->octets + body->len, 'x', 100000);
    body->len += 100000;
    put_message(message, HEADER(""), UTF8, body, PLAIN);
    assert_true(message->len > LIMIT_CCM_MESSAGE);
    char *said = answer_to("CCM_POST", MIXED, message, 1460);
    assert_non_null(strstr(said, "http.ccm.signed=0 http.ccm.body_readable=1 http.ccm.body_kind="
                                 "Report\n"));
    assert_non_null(strstr(said, "http.uri=/next"));
    free(said);

    message->len = 0;
    put_message(message, HEADER(COMPRESSED), UTF16, body, ZLIB);
    assert_true(message->len < LIMIT_CCM_MESSAGE);
    said = answer_to("CCM_POST", MIXED, message, 0);
    assert_non_null(strstr(said, "http.ccm.body_kind=Report\n"));
    free(said);

    /* A header longer than the limit: what of it was read, but not that it is not signed. */
    message->len = 0;
    put_string(message, "--" BOUNDARY "\r\n\r\n<Msg><ID>long</ID><Body>");
    put(message, body->octets, body->len);
    said = answer_to("CCM_POST", MIXED, message, 0);
    assert_non_null(strstr(said, "http.ccm.message_id=long\n"));
    free(said);
    test_free(body);
    test_free(message);
}

static void sweeps(void **unused)
{
    (void)unused;
    static struct text all, body, message;
    put_string(&body, "<Report/>");
    put_message(&message, "<Msg><Hooks>" SIGNED "</Hooks><ID>1</ID></Msg>", UTF8, &body, ZLIB);
    char head[200];
    (void)snprintf(head, sizeof head,
                   "CCM_POST /r HTTP/1.1\r\nContent-Type: " MIXED "\r\nContent-Length: %zu\r\n\r\n",
                   message.len);
    put_string(&all, head);
    put(&all, message.octets, message.len);
    struct play_step steps[] = {
        {.dir = DIR_CLIENT, .data = bytes_of(all.octets, all.len)},
        {.dir = DIR_SERVER, .data = bytes_text("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")},
    };
    play_truncation_sweep(steps, 2);
    play_chunking_sweep(steps, 2);
    play_gap_sweep(steps, 2);
    play_hostile_sweep(steps, 2);
}

/* A message that ends anywhere, also behind a part's head, and says so in its length. */
static void every_beginning(void **unused)
{
    (void)unused;
    struct text *body = test_calloc(1, sizeof *body), *message = test_calloc(1, sizeof *message);
    put_string(body, "<Report/>");
    put_message(message, "<Msg><ID>1</ID></Msg>", UTF8, body, PLAIN);
    size_t whole = message->len;
    for (message->len = 0; message->len <= whole; message->len++) {
        char *said = answer_to("CCM_POST", MIXED, message, 0);
        if (strstr(said, "http.uri=/next") == NULL) {
            fail_msg("%zu octets:\n%s", message->len, said);
        }
        free(said);
    }
    test_free(body);
    test_free(message);
}

/* What the management point's clients say in fields of the head. */
static void fields(void **unused)
{
    (void)unused;
    static const struct {
        const char *request, *says;
    } requests[] = {
        {"GET /SMS_MP/.sms_pol?x HTTP/1.1\r\nClientToken: GUID:7F;2026-11-26T15:00:00Z;2\r\n"
         "ClientTokenSignature: ABCD\r\n\r\n",
         "http.ccm.client_id=GUID:7F http.ccm.client_token=1\n"},
        {"GET /SMS_MP/.sms_pol?x HTTP/1.1\r\nCCMClientID: GUID:8A\r\n\r\n",
         "http.ccm.client_id=GUID:8A\n"},
        {"BITS_POST /CCM_Incoming/{1} HTTP/1.1\r\nBITS-Packet-Type: Create-Session\r\n"
         "Content-Length: 0\r\n\r\n",
         "http.bits_packet=Create-Session\n"},
        {"POST /ClientWebService/client.asmx HTTP/1.1\r\nSOAPAction: \"http://a/b/GetConfig\"\r\n"
         "Content-Length: 0\r\n\r\n",
         "http.soap_action=http://a/b/GetConfig\n"},
        {"POST /x HTTP/1.1\r\nSOAPAction: \"\"\r\nContent-Length: 0\r\n\r\n",
         "http.request_packet=1 http.request_bytes=0\n"},
    };
    static const struct play_options options = {.records_only = true};
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        struct play_step step = {.dir = DIR_CLIENT, .data = bytes_text(requests[i].request)};
        char *said = play(&step, 1, &options);
        if (strstr(said, requests[i].says) == NULL || strstr(said, "ABCD") != NULL) {
            fail_msg("no \"%s\" in\n%s", requests[i].says, said);
        }
        free(said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages),        cmocka_unit_test(others),
        cmocka_unit_test(long_messages),   cmocka_unit_test(sweeps),
        cmocka_unit_test(every_beginning), cmocka_unit_test(fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
