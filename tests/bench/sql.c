#include "tests/bench/protocols.h"

#include <string.h>

#include "tests/bench/certificates.h"
#include "tests/bench/hosts.h"
#include "tests/bench/scene.h"
#include "tests/bench/tls_flights.h"

/* [MS-TDS] 2.2.3.1.1, 2.2.6.5, 2.2.7 */
enum {
    SQL_BATCH = 0x01,
    TABULAR_RESULT = 0x04,
    PRELOGIN = 0x12,
    TOKEN_LOGINACK = 0xad,
    TOKEN_ENVCHANGE = 0xe3,
    TOKEN_DONE = 0xfd,
    ENCRYPT_OFF = 0, /* the login only */
    ENCRYPT_ON = 1,
    SQL_PORT = 1433,
};

#define DATABASE "CM_P01"

static size_t open_packet(struct octets *o, uint8_t type)
{
    octets_u8(o, type);
    octets_u8(o, 1); /* end of message */
    octets_be16(o, 0);
    octets_be16(o, type == TABULAR_RESULT ? 61 : 0); /* SPID */
    octets_be16(o, 0x0100);                          /* packet 1 */
    return o->len;
}

static void close_packet(struct octets *o, size_t mark)
{
    octets_set_be16(o, mark - 6, (uint16_t)(o->len - mark + 8));
}

/* [MS-TDS] 2.2.6.5: VERSION, ENCRYPTION, INSTOPT, THREADID, MARS */
static void put_prelogin(struct octets *o, uint8_t type, uint8_t encryption)
{
    static const uint8_t version[] = {15, 0, 0x10, 0x6d, 0, 0};
    static const uint8_t thread[] = {0, 0, 0x1c, 0x58};
    static const uint8_t zero[] = {0};
    const uint8_t *const values[] = {version, &encryption, zero, thread, zero};
    uint16_t lengths[] = {6, 1, 1, type == PRELOGIN ? 4 : 0, 1};

    size_t mark = open_packet(o, type);
    uint16_t offset = 5 * 5 + 1;
    for (uint8_t i = 0; i < 5; i++) {
        octets_u8(o, i);
        octets_be16(o, offset);
        octets_be16(o, lengths[i]);
        offset = (uint16_t)(offset + lengths[i]);
    }
    octets_u8(o, 0xff);
    for (size_t i = 0; i < 5; i++)
        octets_copy(o, values[i], lengths[i]);
    close_packet(o, mark);
}

/* A flight of the handshake travels in PRELOGIN packets, both ways. */
static void say_flight(struct scene *sc, enum side from, const struct tls_peers *p,
                       void (*put)(struct octets *o, const struct tls_peers *p))
{
    struct octets *o = scene_say(sc, from);
    size_t mark = open_packet(o, PRELOGIN);
    put(o, p);
    close_packet(o, mark);
}

static void say_data(struct scene *sc, enum side from, uint32_t n)
{
    tls_application_data(scene_say(sc, from), sc->random, n);
}

static void put_counted_utf16(struct octets *o, const char *text)
{
    octets_u8(o, (uint8_t)strlen(text));
    octets_utf16(o, text);
}

/* [MS-TDS] 2.2.7.6 */
static void put_done(struct octets *o, uint16_t status, uint64_t rows)
{
    octets_u8(o, TOKEN_DONE);
    octets_le16(o, status);
    octets_le16(o, 0);
    octets_le64(o, rows);
}

/* ENVCHANGE, LOGINACK and DONE, [MS-TDS] 2.2.7.9, 2.2.7.14 */
static void put_login_answer(struct octets *o)
{
    size_t packet = open_packet(o, TABULAR_RESULT);
    octets_u8(o, TOKEN_ENVCHANGE);
    octets_le16(o, 0);
    size_t token = o->len;
    octets_u8(o, 1); /* database: new, old */
    put_counted_utf16(o, DATABASE);
    put_counted_utf16(o, "master");
    octets_set_le16(o, token - 2, (uint16_t)(o->len - token));
    octets_u8(o, TOKEN_LOGINACK);
    octets_le16(o, 0);
    token = o->len;
    octets_u8(o, 1);
    octets_be32(o, 0x74000004);
    put_counted_utf16(o, "Microsoft SQL Server");
    octets_be32(o, 0x0f00106d);
    octets_set_le16(o, token - 2, (uint16_t)(o->len - token));
    put_done(o, 0, 0);
    close_packet(o, packet);
}

/* [MS-TDS] 2.2.6.7, with the transaction descriptor header of 2.2.5.3.2 */
static void put_batch(struct octets *o, const char *text)
{
    size_t packet = open_packet(o, SQL_BATCH);
    octets_le32(o, 22);
    octets_le32(o, 18);
    octets_le16(o, 2);
    octets_le64(o, 0);
    octets_le32(o, 1);
    octets_utf16(o, text);
    close_packet(o, packet);
}

static void readable_batches(struct scene *sc)
{
    uint32_t rounds = random_between(sc->random, 1, 3);

    put_login_answer(scene_say(sc, SERVER));
    for (uint32_t i = 0; i < rounds; i++) {
        put_batch(scene_say(sc, CLIENT), "exec spGetPolicyAssignments N'P01', 16777220, N'GUID:x'");
        struct octets *o = scene_say(sc, SERVER);
        size_t packet = open_packet(o, TABULAR_RESULT);
        put_done(o, 0x0010, random_below(sc->random, 40)); /* the count is valid */
        close_packet(o, packet);
    }
}

static void encrypted_batches(struct scene *sc)
{
    struct random *r = sc->random;
    uint32_t rounds = random_between(r, 1, 3);

    for (uint32_t i = 0; i < rounds; i++) {
        if (i)
            say_data(sc, CLIENT, random_between(r, 100, 900));
        say_data(sc, SERVER, random_between(r, 100, 3000));
    }
}

/* Site systems at the site database. */
void sql_scene(struct scene *sc)
{
    static const enum server clients[] = {CM01, CM01, MP01, MP02, MP03, RSP01, SUP01};
    uint8_t encryption = random_chance(sc->random, 700) ? ENCRYPT_ON : ENCRYPT_OFF;

    sc->client = &sc->hosts->servers[clients[random_below(sc->random, 7)]];
    scene_visit(sc, DB01, SQL_PORT);
    struct tls_peers p = {.random = sc->random, .server_name = sc->server->fqdn};
    p.authority = certificates_authority(sc->certificates);
    p.server = certificates_server(sc->certificates, DB01);
    random_fill(sc->random, p.session_id, sizeof p.session_id);
    put_prelogin(scene_say(sc, CLIENT), PRELOGIN, encryption);
    put_prelogin(scene_say(sc, SERVER), TABULAR_RESULT, encryption);
    say_flight(sc, CLIENT, &p, tls12_client_hello);
    say_flight(sc, SERVER, &p, tls12_server_hello);
    say_flight(sc, CLIENT, &p, tls12_client_flight);
    say_flight(sc, SERVER, &p, tls12_finish);
    say_data(sc, CLIENT, random_between(sc->random, 220, 420)); /* the login */
    if (encryption == ENCRYPT_ON)
        encrypted_batches(sc);
    else
        readable_batches(sc);
    scene_expect(sc, RECORD_SQL, 1);
    scene_expect(sc, RECORD_TLS, 1);
}
