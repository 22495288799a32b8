#include "tests/bench/protocols.h"

#include <string.h>

#include "tests/bench/hosts.h"
#include "tests/bench/scene.h"

enum { TYPE_A = 1, TYPE_SOA = 6, TYPE_SRV = 33, CLASS_IN = 1, DNS_PORT = 53 };
enum { QUERY_FLAGS = 0x0100, ANSWER_FLAGS = 0x8580, NXDOMAIN_FLAGS = 0x8583 };

/* Offset of the question's name in every message: just behind the header. */
enum { HEADER_LEN = 12, POINTER = 0xc000 };

static const struct {
    const char *name;
    enum server targets[2];
    unsigned target_count;
    uint16_t port;
} services[] = {
    {"_ldap._tcp.dc._msdcs." DOMAIN, {DC01, DC02}, 2, 389},
    {"_kerberos._tcp.hq._sites.dc._msdcs." DOMAIN, {DC01, DC02}, 2, 88},
    {"_gc._tcp." DOMAIN, {DC01, DC02}, 2, 3268},
    {"_mssms_mp_p01._tcp." DOMAIN, {MP01, MP03}, 2, 443},
    {"_mssms_mp_p01._tcp." DOMAIN, {MP02}, 1, 80},
};

static void put_name(struct octets *o, const char *name)
{
    while (*name) {
        size_t n = strcspn(name, ".");
        octets_u8(o, (uint8_t)n);
        octets_copy(o, name, n);
        name += n + (name[n] == '.');
    }
    octets_u8(o, 0);
}

/* RFC 1035 4.1.1; `counts` are answers, authorities, additionals. */
static void put_header(struct octets *o, uint16_t id, uint16_t flags, const uint16_t counts[3])
{
    octets_be16(o, id);
    octets_be16(o, flags);
    octets_be16(o, 1);
    for (size_t i = 0; i < 3; i++)
        octets_be16(o, counts[i]);
}

static void put_question(struct octets *o, const char *name, uint16_t type)
{
    put_name(o, name);
    octets_be16(o, type);
    octets_be16(o, CLASS_IN);
}

/* What follows a record's name; returns the mark of its data. */
static size_t open_record(struct octets *o, uint16_t type, uint32_t ttl)
{
    octets_be16(o, type);
    octets_be16(o, CLASS_IN);
    octets_be32(o, ttl);
    octets_be16(o, 0);
    return o->len;
}

static void close_record(struct octets *o, size_t mark)
{
    octets_set_be16(o, mark - 2, (uint16_t)(o->len - mark));
}

static void put_address(struct octets *o, const struct host *h)
{
    size_t data = open_record(o, TYPE_A, 1200);
    octets_be32(o, h->address);
    close_record(o, data);
}

static void ask(struct scene *sc, uint16_t id, const char *name, uint16_t type)
{
    struct octets *o = scene_say(sc, CLIENT);
    put_header(o, id, QUERY_FLAGS, (const uint16_t[]){0, 0, 0});
    put_question(o, name, type);
}

static void address_scene(struct scene *sc, uint16_t id)
{
    const struct host *wanted = &sc->hosts->servers[random_below(sc->random, SERVER_COUNT)];

    ask(sc, id, wanted->fqdn, TYPE_A);
    struct octets *o = scene_say(sc, SERVER);
    put_header(o, id, ANSWER_FLAGS, (const uint16_t[]){1, 0, 0});
    put_question(o, wanted->fqdn, TYPE_A);
    octets_be16(o, POINTER | HEADER_LEN);
    put_address(o, wanted);
}

/* RFC 2782: targets are not compressed; their addresses come along. */
static void service_scene(struct scene *sc, uint16_t id)
{
    size_t s = random_below(sc->random, sizeof services / sizeof *services);
    uint16_t count = (uint16_t)services[s].target_count;

    ask(sc, id, services[s].name, TYPE_SRV);
    struct octets *o = scene_say(sc, SERVER);
    put_header(o, id, ANSWER_FLAGS, (const uint16_t[]){count, 0, count});
    put_question(o, services[s].name, TYPE_SRV);
    for (size_t i = 0; i < count; i++) {
        octets_be16(o, POINTER | HEADER_LEN);
        size_t data = open_record(o, TYPE_SRV, 600);
        octets_be16(o, 0);
        octets_be16(o, 100);
        octets_be16(o, services[s].port);
        put_name(o, sc->hosts->servers[services[s].targets[i]].fqdn);
        close_record(o, data);
    }
    for (size_t i = 0; i < count; i++) {
        const struct host *target = &sc->hosts->servers[services[s].targets[i]];
        put_name(o, target->fqdn);
        put_address(o, target);
    }
}

/* A name nobody has: the zone's SOA says so. */
static void missing_scene(struct scene *sc, uint16_t id)
{
    static const char name[] = "wpad." DOMAIN;
    static const uint32_t serial_and_times[] = {4711, 900, 600, 86400, 3600};

    ask(sc, id, name, TYPE_A);
    struct octets *o = scene_say(sc, SERVER);
    put_header(o, id, NXDOMAIN_FLAGS, (const uint16_t[]){0, 1, 0});
    put_question(o, name, TYPE_A);
    put_name(o, DOMAIN);
    size_t data = open_record(o, TYPE_SOA, 3600);
    put_name(o, sc->server->fqdn);
    put_name(o, "hostmaster." DOMAIN);
    for (size_t i = 0; i < 5; i++)
        octets_be32(o, serial_and_times[i]);
    close_record(o, data);
}

void dns_scene(struct scene *sc)
{
    uint16_t id = (uint16_t)random_u32(sc->random);

    scene_visit(sc, random_chance(sc->random, 700) ? DC01 : DC02, DNS_PORT);
    scene_expect(sc, RECORD_DNS, 1);
    uint32_t which = random_below(sc->random, 100);
    if (which < 70)
        address_scene(sc, id);
    else if (which < 95)
        service_scene(sc, id);
    else
        missing_scene(sc, id);
}
