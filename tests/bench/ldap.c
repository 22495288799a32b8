#include "tests/bench/protocols.h"

#include <stdio.h>
#include <string.h>

#include "tests/bench/ber.h"
#include "tests/bench/hosts.h"
#include "tests/bench/scene.h"
#include "tests/bench/spnego.h"

/* RFC 4511 4.2 and on: protocolOp tags, and choices within */
enum {
    BIND_REQUEST = 0x60,
    BIND_RESPONSE = 0x61,
    UNBIND_REQUEST = 0x42,
    SEARCH_REQUEST = 0x63,
    SEARCH_ENTRY = 0x64,
    SEARCH_DONE = 0x65,
    AUTH_SIMPLE = 0x80,
    AUTH_SASL = 0xa3,
    SERVER_SASL_CREDS = 0x87,
    FILTER_AND = 0xa0,
    FILTER_EQUALITY = 0xa3,
    FILTER_PRESENT = 0x87,
    LDAP_PORT = 389,
    SASL_BIND_IN_PROGRESS = 14,
};

enum scope { SCOPE_BASE = 0, SCOPE_SUBTREE = 2 };

#define BASE_DN "DC=corp,DC=example"
#define SYSTEM_MANAGEMENT "CN=System Management,CN=System," BASE_DN

struct ldap_message {
    size_t envelope, operation;
};

struct search {
    const char *base;
    enum scope scope;
    const char *filter[2][2]; /* attribute and value; value NULL: present */
    const char *attributes[6];
    bool asks_version; /* NtVer, the one value that is not text */
};

static const struct search root_search = {
    .base = "",
    .scope = SCOPE_BASE,
    .filter = {{"objectClass", NULL}},
    .attributes = {"defaultNamingContext", "configurationNamingContext", "supportedSASLMechanisms",
                   "dnsHostName"},
};

static const struct search site_search = {
    .base = SYSTEM_MANAGEMENT,
    .scope = SCOPE_SUBTREE,
    .filter = {{"objectCategory", "mSSMSManagementPoint"}, {"mSSMSSiteCode", "P01"}},
    .attributes = {"mSSMSMPName", "mSSMSDefaultMP", "mSSMSSiteCode", "mSSMSCapabilities",
                   "dNSHostName"},
};

static struct ldap_message open_message(struct octets *o, uint32_t id, uint8_t operation)
{
    struct ldap_message m;

    m.envelope = ber_open(o, DER_SEQUENCE);
    der_integer(o, DER_INTEGER, id);
    m.operation = ber_open(o, operation);
    return m;
}

static void close_message(struct octets *o, struct ldap_message m)
{
    ber_close(o, m.operation);
    ber_close(o, m.envelope);
}

/* LDAPResult, RFC 4511 4.1.9: code, matched DN, message. */
static void put_result(struct octets *o, uint32_t code)
{
    der_integer(o, DER_ENUMERATED, code);
    der_text(o, DER_OCTET_STRING, "");
    der_text(o, DER_OCTET_STRING, "");
}

static void put_filter_item(struct octets *o, const char *attribute, const char *value)
{
    if (!value) {
        der_text(o, FILTER_PRESENT, attribute);
        return;
    }
    size_t mark = ber_open(o, FILTER_EQUALITY);
    der_text(o, DER_OCTET_STRING, attribute);
    der_text(o, DER_OCTET_STRING, value);
    ber_close(o, mark);
}

/* [MS-ADTS] 6.3.1.1: V5 and V5EX */
static void put_version_item(struct octets *o)
{
    static const uint8_t version[4] = {0x06};

    size_t mark = ber_open(o, FILTER_EQUALITY);
    der_text(o, DER_OCTET_STRING, "NtVer");
    der_octets(o, DER_OCTET_STRING, version, sizeof version);
    ber_close(o, mark);
}

static void put_search(struct octets *o, uint32_t id, const struct search *s)
{
    struct ldap_message m = open_message(o, id, SEARCH_REQUEST);

    der_text(o, DER_OCTET_STRING, s->base);
    der_integer(o, DER_ENUMERATED, s->scope);
    der_integer(o, DER_ENUMERATED, 0);
    der_integer(o, DER_INTEGER, 0);
    der_integer(o, DER_INTEGER, 120);
    der_integer(o, DER_BOOLEAN, 0);
    if (s->filter[1][0]) {
        size_t both = ber_open(o, FILTER_AND);
        put_filter_item(o, s->filter[0][0], s->filter[0][1]);
        put_filter_item(o, s->filter[1][0], s->filter[1][1]);
        if (s->asks_version)
            put_version_item(o);
        ber_close(o, both);
    } else {
        put_filter_item(o, s->filter[0][0], s->filter[0][1]);
    }
    size_t list = ber_open(o, DER_SEQUENCE);
    for (size_t i = 0; i < 6 && s->attributes[i]; i++)
        der_text(o, DER_OCTET_STRING, s->attributes[i]);
    ber_close(o, list);
    close_message(o, m);
}

static void put_attribute(struct octets *o, const char *name, const char *value)
{
    size_t attribute = ber_open(o, DER_SEQUENCE);
    der_text(o, DER_OCTET_STRING, name);
    size_t values = ber_open(o, DER_SET);
    der_text(o, DER_OCTET_STRING, value);
    ber_close(o, values);
    ber_close(o, attribute);
}

static void put_done(struct octets *o, uint32_t id)
{
    struct ldap_message m = open_message(o, id, SEARCH_DONE);
    put_result(o, 0);
    close_message(o, m);
}

static void root_search_round(struct scene *sc, uint32_t id)
{
    put_search(scene_say(sc, CLIENT), id, &root_search);
    struct octets *o = scene_say(sc, SERVER);
    struct ldap_message m = open_message(o, id, SEARCH_ENTRY);
    der_text(o, DER_OCTET_STRING, "");
    size_t list = ber_open(o, DER_SEQUENCE);
    put_attribute(o, "defaultNamingContext", BASE_DN);
    put_attribute(o, "configurationNamingContext", "CN=Configuration," BASE_DN);
    put_attribute(o, "supportedSASLMechanisms", "GSS-SPNEGO");
    put_attribute(o, "dnsHostName", sc->server->fqdn);
    ber_close(o, list);
    close_message(o, m);
    put_done(o, id);
    scene_expect(sc, RECORD_LDAP, 1);
}

static void site_search_round(struct scene *sc, uint32_t id)
{
    static const enum server points[] = {MP01, MP02, MP03};

    put_search(scene_say(sc, CLIENT), id, &site_search);
    struct octets *o = scene_say(sc, SERVER);
    for (size_t i = 0; i < 3; i++) {
        const struct host *point = &sc->hosts->servers[points[i]];
        char dn[160];
        snprintf(dn, sizeof dn, "CN=SMS-MP-P01-%s," SYSTEM_MANAGEMENT, point->fqdn);
        struct ldap_message m = open_message(o, id, SEARCH_ENTRY);
        der_text(o, DER_OCTET_STRING, dn);
        size_t list = ber_open(o, DER_SEQUENCE);
        put_attribute(o, "mSSMSMPName", point->fqdn);
        put_attribute(o, "mSSMSDefaultMP", i ? "FALSE" : "TRUE");
        put_attribute(o, "mSSMSSiteCode", "P01");
        put_attribute(o, "mSSMSCapabilities",
                      "<ClientOperationalSettings><Version>5.00.9128.1000</Version>"
                      "<SecurityConfiguration><SecurityModeMask>7</SecurityModeMask>"
                      "</SecurityConfiguration></ClientOperationalSettings>");
        put_attribute(o, "dNSHostName", point->fqdn);
        ber_close(o, list);
        close_message(o, m);
    }
    put_done(o, id);
    scene_expect(sc, RECORD_LDAP, 1);
}

static void put_sasl_bind(struct octets *o, uint32_t id, const struct octets *token)
{
    struct ldap_message m = open_message(o, id, BIND_REQUEST);
    der_integer(o, DER_INTEGER, 3);
    der_text(o, DER_OCTET_STRING, "");
    size_t sasl = ber_open(o, AUTH_SASL);
    der_text(o, DER_OCTET_STRING, "GSS-SPNEGO");
    der_octets(o, DER_OCTET_STRING, token->at, token->len);
    ber_close(o, sasl);
    close_message(o, m);
}

static void put_bind_response(struct octets *o, uint32_t id, uint32_t code,
                              const struct octets *token)
{
    struct ldap_message m = open_message(o, id, BIND_RESPONSE);
    put_result(o, code);
    if (token->len)
        der_octets(o, SERVER_SASL_CREDS, token->at, token->len);
    close_message(o, m);
}

static void anonymous_bind(struct scene *sc, uint32_t id)
{
    static const struct octets nothing = {0};
    struct octets *o = scene_say(sc, CLIENT);

    struct ldap_message m = open_message(o, id, BIND_REQUEST);
    der_integer(o, DER_INTEGER, 3);
    der_text(o, DER_OCTET_STRING, "");
    der_text(o, AUTH_SIMPLE, "");
    close_message(o, m);
    put_bind_response(scene_say(sc, SERVER), id, 0, &nothing);
    scene_expect(sc, RECORD_LDAP, 1);
}

static void kerberos_bind(struct scene *sc, uint32_t id)
{
    struct octets token = {0};
    char spn[64];

    snprintf(spn, sizeof spn, "ldap/%s", sc->server->fqdn);
    spnego_kerberos_request(&token, sc->random, spn);
    put_sasl_bind(scene_say(sc, CLIENT), id, &token);
    token.len = 0;
    spnego_kerberos_accept(&token, sc->random);
    put_bind_response(scene_say(sc, SERVER), id, 0, &token);
    octets_done(&token);
    scene_expect(sc, RECORD_LDAP, 1);
}

static void ntlm_bind(struct scene *sc, uint32_t id)
{
    struct octets token = {0};
    char user[24], spn[64];
    struct ntlm_talk talk = {.random = sc->random,
                             .user = user,
                             .workstation = sc->client->short_name,
                             .server_short = sc->server->short_name,
                             .server_fqdn = sc->server->fqdn,
                             .target_spn = spn,
                             .unprotected = true};

    snprintf(user, sizeof user, "u%s", sc->client->short_name + 2);
    snprintf(spn, sizeof spn, "ldap/%s", sc->server->fqdn);
    random_fill(sc->random, talk.challenge, sizeof talk.challenge);
    spnego_ntlm_negotiate(&token);
    put_sasl_bind(scene_say(sc, CLIENT), id, &token);
    token.len = 0;
    spnego_ntlm_challenge(&token, &talk);
    put_bind_response(scene_say(sc, SERVER), id, SASL_BIND_IN_PROGRESS, &token);
    token.len = 0;
    spnego_ntlm_authenticate(&token, &talk);
    put_sasl_bind(scene_say(sc, CLIENT), id + 1, &token);
    token.len = 0;
    spnego_ntlm_accept(&token, sc->random);
    put_bind_response(scene_say(sc, SERVER), id + 1, 0, &token);
    octets_done(&token);
    scene_expect(sc, RECORD_LDAP, 1);
    scene_expect(sc, RECORD_NTLM, 1);
}

/* RFC 4513 5.2.1.8, RFC 4752 3.1: a length, and a wrapped message nobody can read. */
static void put_sealed(struct octets *o, struct random *r, bool from_server, size_t n)
{
    octets_be32(o, 0);
    size_t mark = o->len;
    kerberos_sealed(o, r, from_server, n);
    octets_set_be32(o, mark - 4, (uint32_t)(o->len - mark));
}

static void say_sealed(struct scene *sc, enum side from, uint32_t n)
{
    put_sealed(scene_say(sc, from), sc->random, from == SERVER, n);
}

static void sealed_round(struct scene *sc)
{
    say_sealed(sc, CLIENT, random_between(sc->random, 180, 400));
    say_sealed(sc, SERVER, random_between(sc->random, 600, 2000));
    say_sealed(sc, CLIENT, 14); /* the unbind */
}

static void put_unbind(struct octets *o, uint32_t id)
{
    size_t envelope = ber_open(o, DER_SEQUENCE);
    der_integer(o, DER_INTEGER, id);
    octets_be16(o, UNBIND_REQUEST << 8); /* a NULL: no content */
    ber_close(o, envelope);
}

void ldap_scene(struct scene *sc)
{
    uint32_t which = random_below(sc->random, 100), id = random_between(sc->random, 1, 40);

    scene_visit(sc, random_chance(sc->random, 600) ? DC01 : DC02, LDAP_PORT);
    root_search_round(sc, id);
    if (which < 60) {
        kerberos_bind(sc, id + 1);
        sealed_round(sc);
        return;
    }
    if (which < 75)
        ntlm_bind(sc, id + 1);
    else
        anonymous_bind(sc, id + 1);
    site_search_round(sc, id + 3);
    put_unbind(scene_say(sc, CLIENT), id + 4);
}

/* A domain name in RFC 1035 labels, as the netlogon answer has it, without compression. */
static void put_labels(struct octets *o, const char *name)
{
    while (*name) {
        size_t n = strcspn(name, ".");
        octets_u8(o, (uint8_t)n);
        octets_copy(o, name, n);
        name += n + (name[n] == '.');
    }
    octets_u8(o, 0);
}

/* NETLOGON_SAM_LOGON_RESPONSE_EX, [MS-ADTS] 6.3.1.9 */
static void put_netlogon(struct octets *o, const struct scene *sc)
{
    static const uint8_t domain_guid[16] = {0x4e, 0x8d, 0x1c, 0x7a, 0x33, 0x90, 0x42, 0x47,
                                            0x9b, 0x0f, 0x6d, 0x52, 0xa1, 0xc8, 0x3e, 0x70};

    octets_le16(o, 23); /* LOGON_SAM_LOGON_RESPONSE_EX */
    octets_le16(o, 0);
    octets_le32(o, 0x0003f3fd); /* PDC, GC, LDAP, DS, KDC, TIMESERV, CLOSEST, WRITABLE, ... */
    octets_copy(o, domain_guid, sizeof domain_guid);
    put_labels(o, DOMAIN);
    put_labels(o, DOMAIN);
    put_labels(o, sc->server->fqdn);
    put_labels(o, NETBIOS_DOMAIN);
    put_labels(o, sc->server->short_name);
    put_labels(o, "");
    put_labels(o, "hq");
    put_labels(o, "hq");
    octets_le32(o, 5); /* NtVersion: V1, V5EX */
    octets_le16(o, 0xffff);
    octets_le16(o, 0xffff);
}

/* [MS-ADTS] 6.3.3: the domain controller locator's ping. */
void cldap_scene(struct scene *sc)
{
    uint32_t id = random_between(sc->random, 1, 200);
    struct search ping = {
        .base = "",
        .scope = SCOPE_BASE,
        .filter = {{"DnsDomain", DOMAIN}, {"Host", sc->client->short_name}},
        .attributes = {"Netlogon"},
        .asks_version = true,
    };

    scene_visit(sc, random_chance(sc->random, 500) ? DC01 : DC02, LDAP_PORT);
    put_search(scene_say(sc, CLIENT), id, &ping);
    struct octets *o = scene_say(sc, SERVER);
    struct ldap_message m = open_message(o, id, SEARCH_ENTRY);
    der_text(o, DER_OCTET_STRING, "");
    size_t list = ber_open(o, DER_SEQUENCE), attribute = ber_open(o, DER_SEQUENCE);
    der_text(o, DER_OCTET_STRING, "netlogon"); /* AD answers in lower case */
    size_t values = ber_open(o, DER_SET), value = ber_open(o, DER_OCTET_STRING);
    put_netlogon(o, sc);
    ber_close(o, value);
    ber_close(o, values);
    ber_close(o, attribute);
    ber_close(o, list);
    close_message(o, m);
    put_done(o, id);
    scene_expect(sc, RECORD_LDAP, 1);
}
