#include "tests/bench/protocols.h"

#include <stdio.h>
#include <string.h>

#include "tests/bench/ber.h"
#include "tests/bench/hosts.h"
#include "tests/bench/kerberos.h"
#include "tests/bench/scene.h"

enum {
    AS_REQ = 10,
    AS_REP = 11,
    TGS_REQ = 12,
    TGS_REP = 13,
    AP_REQ = 14,
    AP_REP = 15,
    KRB_ERROR = 30,
    PA_TGS_REQ = 1,
    PA_ENC_TIMESTAMP = 2,
    PA_ETYPE_INFO2 = 19,
    PA_PAC_REQUEST = 128,
    PA_PAC_OPTIONS = 167,
    NT_PRINCIPAL = 1,
    NT_SRV_INST = 2,
    KDC_ERR_PREAUTH_REQUIRED = 25,
    KERBEROS_PORT = 88,
};

static const char krbtgt[] = "krbtgt/" REALM;
static const char times_end[] = "20370913024805Z";
static const char server_time[] = "20260302080000Z";

static const char *const services[] = {
    "cifs/dp01." DOMAIN, "cifs/smp01." DOMAIN, "HTTP/mp01." DOMAIN, "HTTP/mp02." DOMAIN,
    "ldap/dc01." DOMAIN, "cifs/dc01." DOMAIN,  "host/cm01." DOMAIN, "HTTP/sup01." DOMAIN,
};

static size_t open_field(struct octets *o, uint8_t number)
{
    return der_open(o, (uint8_t)(DER_CONTEXT | number));
}

/* RFC 4120 5.2.2: the parts of "a/b" are separate strings. */
static void put_principal(struct octets *o, uint8_t field, uint32_t type, const char *name)
{
    size_t outer = open_field(o, field), sequence = der_open(o, DER_SEQUENCE);
    der_field_integer(o, 0, type);
    size_t parts = open_field(o, 1), list = der_open(o, DER_SEQUENCE);
    for (;;) {
        size_t n = strcspn(name, "/");
        der_octets(o, DER_GENERAL_STRING, name, n);
        if (!name[n])
            break;
        name += n + 1;
    }
    der_close(o, list);
    der_close(o, parts);
    der_close(o, sequence);
    der_close(o, outer);
}

/* RFC 4120 5.2.9; `version` 0 leaves kvno out. */
static void put_encrypted(struct octets *o, struct random *r, uint8_t etype, uint32_t version,
                          size_t n)
{
    size_t sequence = der_open(o, DER_SEQUENCE);
    der_field_integer(o, 0, etype);
    if (version)
        der_field_integer(o, 1, version);
    size_t field = open_field(o, 2), cipher = der_open(o, DER_OCTET_STRING);
    random_octets(r, o, n);
    der_close(o, cipher);
    der_close(o, field);
    der_close(o, sequence);
}

static void put_flags(struct octets *o, uint8_t field, uint32_t flags)
{
    size_t outer = open_field(o, field), bits = der_open(o, DER_BIT_STRING);
    octets_u8(o, 0);
    octets_be32(o, flags);
    der_close(o, bits);
    der_close(o, outer);
}

/* RC4 for one old service, so that the audit has something to say. */
static uint8_t ticket_etype(const char *service)
{
    return strncmp(service, "cifs/smp01", 10) == 0 ? ETYPE_RC4 : ETYPE_AES256;
}

void kerberos_ticket(struct octets *o, struct random *r, const char *service, size_t cipher_len)
{
    size_t application = der_open(o, DER_APPLICATION | 1), sequence = der_open(o, DER_SEQUENCE);
    der_field_integer(o, 0, 5);
    der_field_text(o, 1, DER_GENERAL_STRING, REALM);
    put_principal(o, 2, NT_SRV_INST, service);
    size_t field = open_field(o, 3);
    put_encrypted(o, r, ticket_etype(service), 2, cipher_len);
    der_close(o, field);
    der_close(o, sequence);
    der_close(o, application);
}

void kerberos_ap_request(struct octets *o, struct random *r, const char *service, uint32_t options)
{
    size_t application = der_open(o, DER_APPLICATION | AP_REQ);
    size_t sequence = der_open(o, DER_SEQUENCE);
    der_field_integer(o, 0, 5);
    der_field_integer(o, 1, AP_REQ);
    put_flags(o, 2, options);
    size_t field = open_field(o, 3);
    kerberos_ticket(o, r, service, random_between(r, 1000, 1180));
    der_close(o, field);
    field = open_field(o, 4);
    put_encrypted(o, r, ETYPE_AES256, 0, random_between(r, 160, 420));
    der_close(o, field);
    der_close(o, sequence);
    der_close(o, application);
}

void kerberos_ap_reply(struct octets *o, struct random *r)
{
    size_t application = der_open(o, DER_APPLICATION | AP_REP);
    size_t sequence = der_open(o, DER_SEQUENCE);
    der_field_integer(o, 0, 5);
    der_field_integer(o, 1, AP_REP);
    size_t field = open_field(o, 2);
    put_encrypted(o, r, ETYPE_AES256, 0, 92);
    der_close(o, field);
    der_close(o, sequence);
    der_close(o, application);
}

/* KDC-REQ-BODY, RFC 4120 5.4.1; `client` NULL in TGS-REQ. */
static void put_request_body(struct octets *o, struct random *r, const char *client,
                             const char *service)
{
    static const uint8_t etypes[] = {ETYPE_AES256, ETYPE_AES128, ETYPE_RC4, 24};

    size_t outer = open_field(o, 4), body = der_open(o, DER_SEQUENCE);
    put_flags(o, 0, 0x40810010); /* forwardable, renewable, canonicalize, renewable-ok */
    if (client)
        put_principal(o, 1, NT_PRINCIPAL, client);
    der_field_text(o, 2, DER_GENERAL_STRING, REALM);
    put_principal(o, 3, NT_SRV_INST, service);
    der_field_text(o, 5, DER_GENERAL_TIME, times_end);
    der_field_integer(o, 7, random_u32(r) >> 1);
    size_t field = open_field(o, 8), list = der_open(o, DER_SEQUENCE);
    for (size_t i = 0; i < sizeof etypes; i++)
        der_integer(o, DER_INTEGER, etypes[i]);
    der_close(o, list);
    der_close(o, field);
    der_close(o, body);
    der_close(o, outer);
}

/* One PA-DATA up to its value; returns the mark of the value, *ret_entry that of the entry. */
static size_t open_padata(struct octets *o, uint32_t type, size_t ret_entry[2])
{
    ret_entry[0] = der_open(o, DER_SEQUENCE);
    der_field_integer(o, 1, type);
    ret_entry[1] = open_field(o, 2);
    return der_open(o, DER_OCTET_STRING);
}

static void close_padata(struct octets *o, size_t value, const size_t entry[2])
{
    der_close(o, value);
    der_close(o, entry[1]);
    der_close(o, entry[0]);
}

static void put_as_padata(struct octets *o, struct random *r, bool timestamp)
{
    static const uint8_t include_pac[] = {0x30, 0x05, 0xa0, 0x03, 0x01, 0x01, 0xff};
    size_t field = open_field(o, 3), list = der_open(o, DER_SEQUENCE), entry[2];

    if (timestamp) {
        size_t value = open_padata(o, PA_ENC_TIMESTAMP, entry);
        put_encrypted(o, r, ETYPE_AES256, 0, 56);
        close_padata(o, value, entry);
    }
    size_t value = open_padata(o, PA_PAC_REQUEST, entry);
    octets_copy(o, include_pac, sizeof include_pac);
    close_padata(o, value, entry);
    der_close(o, list);
    der_close(o, field);
}

static void put_tgs_padata(struct octets *o, struct random *r)
{
    static const uint8_t claims[] = {0x30, 0x09, 0xa0, 0x07, 0x03, 0x05,
                                     0x00, 0x40, 0x00, 0x00, 0x00};
    size_t field = open_field(o, 3), list = der_open(o, DER_SEQUENCE), entry[2];

    size_t value = open_padata(o, PA_TGS_REQ, entry);
    kerberos_ap_request(o, r, krbtgt, 0);
    close_padata(o, value, entry);
    value = open_padata(o, PA_PAC_OPTIONS, entry);
    octets_copy(o, claims, sizeof claims);
    close_padata(o, value, entry);
    der_close(o, list);
    der_close(o, field);
}

static void put_as_request(struct octets *o, struct random *r, const char *client, bool timestamp)
{
    size_t application = der_open(o, DER_APPLICATION | AS_REQ);
    size_t sequence = der_open(o, DER_SEQUENCE);
    der_field_integer(o, 1, 5);
    der_field_integer(o, 2, AS_REQ);
    put_as_padata(o, r, timestamp);
    put_request_body(o, r, client, krbtgt);
    der_close(o, sequence);
    der_close(o, application);
}

static void put_tgs_request(struct octets *o, struct random *r, const char *service)
{
    size_t application = der_open(o, DER_APPLICATION | TGS_REQ);
    size_t sequence = der_open(o, DER_SEQUENCE);
    der_field_integer(o, 1, 5);
    der_field_integer(o, 2, TGS_REQ);
    put_tgs_padata(o, r);
    put_request_body(o, r, NULL, service);
    der_close(o, sequence);
    der_close(o, application);
}

/* ETYPE-INFO2, RFC 4120 5.2.7.5: the salt of a computer account. */
static void put_etype_info(struct octets *o, const char *client)
{
    char salt[64];
    snprintf(salt, sizeof salt, REALM "host%s", client);
    size_t list = der_open(o, DER_SEQUENCE), entry = der_open(o, DER_SEQUENCE);
    der_field_integer(o, 0, ETYPE_AES256);
    der_field_text(o, 1, DER_GENERAL_STRING, salt);
    der_close(o, entry);
    entry = der_open(o, DER_SEQUENCE);
    der_field_integer(o, 0, ETYPE_RC4);
    der_close(o, entry);
    der_close(o, list);
}

/* METHOD-DATA in a KRB-ERROR (RFC 4120 5.9.1), or the reply's padata. */
static void put_preauth_required(struct octets *o, const char *client)
{
    size_t application = der_open(o, DER_APPLICATION | KRB_ERROR);
    size_t sequence = der_open(o, DER_SEQUENCE), entry[2];
    der_field_integer(o, 0, 5);
    der_field_integer(o, 1, KRB_ERROR);
    der_field_text(o, 4, DER_GENERAL_TIME, server_time);
    der_field_integer(o, 5, 482113);
    der_field_integer(o, 6, KDC_ERR_PREAUTH_REQUIRED);
    der_field_text(o, 9, DER_GENERAL_STRING, REALM);
    put_principal(o, 10, NT_SRV_INST, krbtgt);
    size_t field = open_field(o, 12), data = der_open(o, DER_OCTET_STRING);
    size_t list = der_open(o, DER_SEQUENCE);
    size_t value = open_padata(o, PA_ETYPE_INFO2, entry);
    put_etype_info(o, client);
    close_padata(o, value, entry);
    value = open_padata(o, PA_ENC_TIMESTAMP, entry);
    close_padata(o, value, entry);
    der_close(o, list);
    der_close(o, data);
    der_close(o, field);
    der_close(o, sequence);
    der_close(o, application);
}

static void put_reply(struct octets *o, struct random *r, uint8_t type, const char *client,
                      const char *service)
{
    size_t application = der_open(o, (uint8_t)(DER_APPLICATION | type));
    size_t sequence = der_open(o, DER_SEQUENCE), entry[2];
    der_field_integer(o, 0, 5);
    der_field_integer(o, 1, type);
    if (type == AS_REP) {
        size_t field = open_field(o, 2), list = der_open(o, DER_SEQUENCE);
        size_t value = open_padata(o, PA_ETYPE_INFO2, entry);
        put_etype_info(o, client);
        close_padata(o, value, entry);
        der_close(o, list);
        der_close(o, field);
    }
    der_field_text(o, 3, DER_GENERAL_STRING, REALM);
    put_principal(o, 4, NT_PRINCIPAL, client);
    size_t field = open_field(o, 5);
    kerberos_ticket(o, r, service, random_between(r, 560, 700));
    der_close(o, field);
    field = open_field(o, 6);
    put_encrypted(o, r, ETYPE_AES256, 0, random_between(r, 220, 300));
    der_close(o, field);
    der_close(o, sequence);
    der_close(o, application);
}

static void visit_kdc(struct scene *sc, char client[24])
{
    scene_visit(sc, random_chance(sc->random, 600) ? DC01 : DC02, KERBEROS_PORT);
    snprintf(client, 24, "%s$", sc->client->short_name);
}

/* An AS exchange as a computer starts it: refused once, then with a timestamp. */
void kerberos_udp_scene(struct scene *sc)
{
    char client[24];

    visit_kdc(sc, client);
    scene_expect(sc, RECORD_KERBEROS, 2);
    put_as_request(scene_say(sc, CLIENT), sc->random, client, false);
    put_preauth_required(scene_say(sc, SERVER), client);
    put_as_request(scene_say(sc, CLIENT), sc->random, client, true);
    put_reply(scene_say(sc, SERVER), sc->random, AS_REP, client, krbtgt);
}

/* RFC 4120 7.2.2: over TCP each message has its length before it. */
static size_t open_stream(struct octets *o)
{
    octets_be32(o, 0);
    return o->len;
}

static void close_stream(struct octets *o, size_t mark)
{
    octets_set_be32(o, mark - 4, (uint32_t)(o->len - mark));
}

/* TGS exchanges; their tickets carry a PAC and do not fit a datagram. */
void kerberos_tcp_scene(struct scene *sc)
{
    char client[24];
    uint32_t rounds = random_chance(sc->random, 300) ? 2 : 1;

    visit_kdc(sc, client);
    scene_expect(sc, RECORD_KERBEROS, rounds);
    for (uint32_t i = 0; i < rounds; i++) {
        const char *service =
            services[random_below(sc->random, sizeof services / sizeof *services)];
        struct octets *o = scene_say(sc, CLIENT);
        size_t mark = open_stream(o);
        put_tgs_request(o, sc->random, service);
        close_stream(o, mark);
        o = scene_say(sc, SERVER);
        mark = open_stream(o);
        put_reply(o, sc->random, TGS_REP, client, service);
        close_stream(o, mark);
    }
}
