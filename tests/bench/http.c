#include "tests/bench/protocols.h"

#include <assert.h>
#include <stdio.h>

#include "tests/bench/hosts.h"
#include "tests/bench/http_messages.h"
#include "tests/bench/scene.h"
#include "tests/bench/spnego.h"

enum { HTTP_PORT = 80, WSUS_PORT = 8530 };

static const char boundary[] = "aAbBcCdDv1234567890VxXyYzZ";
static const char messaging_agent[] = "ConfigMgr Messaging HTTP Sender";
static const char client_agent[] = "SMS CCM 5.0";

/* Part one of a client message: what is asked of which endpoint. */
static void put_envelope(struct octets *o, const struct scene *sc)
{
    char text[1024];
    int n =
        snprintf(text, sizeof text,
                 "<Msg ReplyCompression=\"zlib\" SchemaVersion=\"1.1\"><Body Type=\"ByteRange\" "
                 "Length=\"2048\" Offset=\"0\"/><CorrelationID>{00000000-0000-0000-0000-"
                 "000000000000}</CorrelationID><Hooks><Hook3 Name=\"zlib-compress\"/></Hooks>"
                 "<ID>{%08X-DF1D-45F5-BA17-000000000000}</ID><Payload Type=\"inline\"/>"
                 "<Priority>0</Priority><Protocol>http</Protocol><ReplyMode>Sync</ReplyMode>"
                 "<SentTime>2026-03-02T08:00:00Z</SentTime><SourceHost>%s</SourceHost>"
                 "<TargetAddress>mp:MP_PolicyManager</TargetAddress><TargetEndpoint>"
                 "MP_PolicyManager</TargetEndpoint><TargetHost>%s</TargetHost><Timeout>60000"
                 "</Timeout></Msg>",
                 random_u32(sc->random), sc->client->short_name, sc->server->fqdn);
    assert(n > 0 && (size_t)n < sizeof text);
    octets_le16(o, 0xfeff);
    octets_utf16(o, text);
}

/* Part two: the request itself, as the client's zlib would store what it cannot shrink. */
static void put_policy_request(struct octets *o, struct scene *sc)
{
    struct octets plain = {0};
    uint32_t assignments = random_between(sc->random, 2, 12);
    octets_le16(&plain, 0xfeff);
    octets_utf16(&plain, "<RequestAssignments SchemaVersion=\"1.00\" ACK=\"false\">");
    for (uint32_t i = 0; i < assignments; i++) {
        char text[96];
        snprintf(text, sizeof text, "<PolicySource>SMS:P01</PolicySource><Resource>%08X</Resource>",
                 random_u32(sc->random));
        octets_utf16(&plain, text);
    }
    octets_utf16(&plain, "</RequestAssignments>");
    http_put_stored_zlib(o, plain.at, plain.len);
    octets_done(&plain);
}

static void put_client_message(struct octets *o, struct scene *sc)
{
    octets_printf(o, "--%s\r\ncontent-type: text/plain; charset=UTF-16\r\n\r\n", boundary);
    put_envelope(o, sc);
    octets_printf(o, "\r\n--%s\r\ncontent-type: application/octet-stream\r\n\r\n", boundary);
    put_policy_request(o, sc);
    octets_printf(o, "\r\n--%s--", boundary);
}

/* CCM_POST; `authorization` is a header line of its own, or empty. */
static void post_message(struct scene *sc, const char *uri, const struct octets *authorization)
{
    struct octets body = {0};
    struct octets *o = scene_say(sc, CLIENT);

    put_client_message(&body, sc);
    http_put_request(o, "CCM_POST", uri, sc->server->fqdn, messaging_agent);
    octets_copy(o, authorization->at, authorization->len);
    octets_printf(o, "Content-Type: multipart/mixed; boundary=\"%s\"\r\n", boundary);
    octets_printf(o, "Content-Length: %zu\r\n\r\n", body.len);
    octets_copy(o, body.at, body.len);
    octets_done(&body);
}

static void answer_octets(struct scene *sc, uint32_t most)
{
    uint32_t n = random_between(sc->random, 100, most);
    struct octets *o = scene_say(sc, SERVER);

    http_put_status(o, "200 OK", "application/octet-stream");
    octets_printf(o, "Content-Length: %u\r\n\r\n", n);
    scene_content(sc, o, n);
}

static void answer_xml(struct scene *sc, uint32_t elements)
{
    struct octets body = {0};
    struct octets *o = scene_say(sc, SERVER);

    http_put_xml(&body, sc->random, elements);
    http_put_status(o, "200 OK", "text/xml; charset=utf-8");
    if (random_chance(sc->random, 400)) {
        octets_text(o, "Transfer-Encoding: chunked\r\n\r\n");
        http_put_chunks(o, sc->random, &body);
    } else {
        octets_printf(o, "Content-Length: %zu\r\n\r\n", body.len);
        octets_copy(o, body.at, body.len);
    }
    octets_done(&body);
}

static void get(struct scene *sc, const char *method, const char *uri, const char *agent)
{
    struct octets *o = scene_say(sc, CLIENT);

    http_put_request(o, method, uri, sc->server->fqdn, agent);
    octets_text(o, "\r\n");
}

static void management_point_round(struct scene *sc)
{
    static const struct octets no_authorization = {0};
    char uri[128];

    switch (random_below(sc->random, 3)) {
    case 0:
        get(sc, "GET", "/SMS_MP/.sms_aut?MPLIST", client_agent);
        answer_xml(sc, random_between(sc->random, 4, 20));
        break;
    case 1:
        snprintf(uri, sizeof uri, "/SMS_MP/.sms_pol?{%08X-6F4A-4B21-9C53-2D1E0A7B5C11}.1_00",
                 random_u32(sc->random));
        get(sc, "GET", uri, messaging_agent);
        answer_octets(sc, 4000);
        break;
    default:
        post_message(sc, "/ccm_system/request", &no_authorization);
        answer_octets(sc, 1500);
    }
}

/* HEAD, then the file in one ranged GET, as BITS does. */
static void distribution_point_round(struct scene *sc)
{
    static const char agent[] = "Microsoft BITS/7.8";
    char uri[128];
    uint32_t n = random_between(sc->random, 500, 6000), number = random_u32(sc->random);

    snprintf(uri, sizeof uri, "/SMS_DP_SMSPKG$/P01%05X/file%u.cab", number % 4096, number % 50);
    get(sc, "HEAD", uri, agent);
    struct octets *o = scene_say(sc, SERVER);
    http_put_status(o, "200 OK", "application/octet-stream");
    octets_printf(o, "Accept-Ranges: bytes\r\nContent-Length: %u\r\n\r\n", n);

    o = scene_say(sc, CLIENT);
    http_put_request(o, "GET", uri, sc->server->fqdn, agent);
    octets_printf(o, "Range: bytes=0-%u\r\n\r\n", n - 1);
    o = scene_say(sc, SERVER);
    http_put_status(o, "206 Partial Content", "application/octet-stream");
    octets_printf(o, "Content-Range: bytes 0-%u/%u\r\nContent-Length: %u\r\n\r\n", n - 1, n, n);
    scene_content(sc, o, n);
}

/* One POST of XML, answered by XML. */
static void post_xml_round(struct scene *sc, const char *uri, const char *agent)
{
    struct octets body = {0};
    struct octets *o = scene_say(sc, CLIENT);

    http_put_xml(&body, sc->random, random_between(sc->random, 3, 12));
    http_put_request(o, "POST", uri, sc->server->fqdn, agent);
    octets_printf(o, "Content-Type: text/xml; charset=utf-8\r\nContent-Length: %zu\r\n\r\n",
                  body.len);
    octets_copy(o, body.at, body.len);
    octets_done(&body);
    answer_xml(sc, random_between(sc->random, 4, 24));
}

void http_scene(struct scene *sc)
{
    static const enum server distribution_points[] = {DP01, DP03, DP04, DP06};
    uint32_t rounds = random_between(sc->random, 1, 3), which = random_below(sc->random, 100);

    for (uint32_t i = 0; i < rounds; i++) {
        if (which < 45) {
            scene_visit(sc, MP02, HTTP_PORT);
            management_point_round(sc);
        } else if (which < 70) {
            if (i == 0)
                scene_visit(sc, distribution_points[random_below(sc->random, 4)], HTTP_PORT);
            distribution_point_round(sc);
            scene_expect(sc, RECORD_HTTP, 1);
        } else if (which < 90) {
            scene_visit(sc, SUP02, WSUS_PORT);
            post_xml_round(sc, "/ClientWebService/client.asmx",
                           "Windows-Update-Agent/10.0.10011.16384 Client-Protocol/2.33");
        } else {
            scene_visit(sc, FSP01, HTTP_PORT);
            post_xml_round(sc, "/SMS_FSP/.sms_fsp", client_agent);
        }
    }
    scene_expect(sc, RECORD_HTTP, rounds);
}

/* "Authorization: Negotiate ..." and its server-side twin. */
static void put_token(struct octets *o, const char *header, const char *scheme,
                      const struct octets *token)
{
    octets_printf(o, "%s: %s ", header, scheme);
    octets_base64(o, token->at, token->len);
    octets_text(o, "\r\n");
}

static void refuse(struct scene *sc, const struct octets *challenge)
{
    struct octets *o = scene_say(sc, SERVER);

    http_put_status(o, "401 Unauthorized", "text/html");
    if (challenge)
        put_token(o, "WWW-Authenticate", "NTLM", challenge);
    else
        octets_text(o, "WWW-Authenticate: Negotiate\r\nWWW-Authenticate: NTLM\r\n");
    octets_text(o, "Content-Length: 0\r\n\r\n");
}

/* [MS-NTHT] 4: three requests on one connection. */
static void ntlm_round(struct scene *sc, const char *uri)
{
    struct octets token = {0}, line = {0};
    char user[24], spn[64];
    struct ntlm_talk talk = {.random = sc->random,
                             .user = user,
                             .workstation = sc->client->short_name,
                             .server_short = sc->server->short_name,
                             .server_fqdn = sc->server->fqdn,
                             .target_spn = spn};

    snprintf(user, sizeof user, "%s$", sc->client->short_name);
    snprintf(spn, sizeof spn, "HTTP/%s", sc->server->fqdn);
    random_fill(sc->random, talk.challenge, sizeof talk.challenge);
    struct octets *o = scene_say(sc, CLIENT);
    ntlm_negotiate(&token);
    http_put_request(o, "CCM_POST", uri, sc->server->fqdn, messaging_agent);
    put_token(o, "Authorization", "NTLM", &token);
    octets_text(o, "Content-Length: 0\r\n\r\n");
    token.len = 0;
    ntlm_challenge(&token, &talk);
    refuse(sc, &token);
    token.len = 0;
    ntlm_authenticate(&token, &talk);
    put_token(&line, "Authorization", "NTLM", &token);
    post_message(sc, uri, &line);
    answer_octets(sc, 1500);
    octets_done(&token);
    octets_done(&line);
    scene_expect(sc, RECORD_HTTP, 2);
    scene_expect(sc, RECORD_NTLM, 1);
}

static void kerberos_round(struct scene *sc, const char *uri)
{
    struct octets token = {0}, line = {0};
    char spn[64];

    snprintf(spn, sizeof spn, "HTTP/%s", sc->server->fqdn);
    spnego_kerberos_request(&token, sc->random, spn);
    put_token(&line, "Authorization", "Negotiate", &token);
    post_message(sc, uri, &line);
    token.len = 0;
    spnego_kerberos_accept(&token, sc->random);
    uint32_t n = random_between(sc->random, 100, 1500);
    struct octets *o = scene_say(sc, SERVER);
    http_put_status(o, "200 OK", "application/octet-stream");
    put_token(o, "WWW-Authenticate", "Negotiate", &token);
    octets_printf(o, "Content-Length: %u\r\n\r\n", n);
    scene_content(sc, o, n);
    octets_done(&token);
    octets_done(&line);
    scene_expect(sc, RECORD_HTTP, 1);
}

void http_authenticated_scene(struct scene *sc)
{
    static const char uri[] = "/ccm_system_windowsauth/request";

    scene_visit(sc, MP02, HTTP_PORT);
    struct octets *o = scene_say(sc, CLIENT);
    http_put_request(o, "CCM_POST", uri, sc->server->fqdn, messaging_agent);
    octets_text(o, "Content-Length: 0\r\n\r\n");
    refuse(sc, NULL);
    scene_expect(sc, RECORD_HTTP, 1);
    if (random_chance(sc->random, 400))
        ntlm_round(sc, uri);
    else
        kerberos_round(sc, uri);
}
