#include "tests/bench/protocols.h"

#include "tests/bench/certificates.h"
#include "tests/bench/hosts.h"
#include "tests/bench/scene.h"
#include "tests/bench/tls_flights.h"

enum { HTTPS = 443, WSUS_HTTPS = 8531, CLIENT_NOTIFICATION = 10123 };

static const struct {
    enum server server;
    uint16_t port;
    const char *alpn;
    bool asks_client; /* PKI: clients show their certificate */
} services[] = {
    {MP01, HTTPS, "http/1.1", true},          {MP03, HTTPS, "http/1.1", true},
    {MP01, HTTPS, "http/1.1", true},          {DP02, HTTPS, "http/1.1", false},
    {DP05, HTTPS, "http/1.1", false},         {SUP01, WSUS_HTTPS, NULL, false},
    {MP01, CLIENT_NOTIFICATION, NULL, false}, {MP03, CLIENT_NOTIFICATION, NULL, true},
};

static struct tls_peers meet(struct scene *sc)
{
    size_t i = random_below(sc->random, sizeof services / sizeof *services);
    struct tls_peers p = {.random = sc->random, .alpn = services[i].alpn};

    scene_visit(sc, services[i].server, services[i].port);
    scene_expect(sc, RECORD_TLS, 1);
    p.server_name = sc->server->fqdn;
    p.authority = certificates_authority(sc->certificates);
    p.server = certificates_server(sc->certificates, services[i].server);
    if (services[i].asks_client)
        p.client = certificates_client(sc->certificates, (size_t)(sc->client - sc->hosts->clients));
    random_fill(sc->random, p.session_id, sizeof p.session_id);
    return p;
}

/* Requests and replies of a kilobyte or so, a few longer; the caller adds the close_notify. */
static void converse(struct scene *sc)
{
    struct random *r = sc->random;
    uint32_t rounds = random_chance(r, 400) ? 2 : 1;

    for (uint32_t i = 0; i < rounds; i++) {
        uint32_t request = random_between(r, 150, 900);
        uint32_t reply = random_between(r, 200, random_chance(r, 50) ? 20000 : 1800);
        struct octets *o = i ? scene_say_later(sc, CLIENT) : scene_say(sc, CLIENT);
        tls_application_data(o, r, request);
        o = scene_say(sc, SERVER);
        tls_application_data(o, r, reply);
    }
}

void tls12_scene(struct scene *sc)
{
    struct tls_peers p = meet(sc);

    tls12_client_hello(scene_say(sc, CLIENT), &p);
    tls12_server_hello(scene_say(sc, SERVER), &p);
    tls12_client_flight(scene_say(sc, CLIENT), &p);
    tls12_finish(scene_say(sc, SERVER), &p);
    converse(sc);
    tls12_close_notify(scene_say(sc, CLIENT), sc->random);
}

void tls12_resumed_scene(struct scene *sc)
{
    struct tls_peers p = meet(sc);

    p.resumes = true;
    tls12_client_hello(scene_say(sc, CLIENT), &p);
    tls12_server_hello(scene_say(sc, SERVER), &p);
    tls12_client_flight(scene_say(sc, CLIENT), &p);
    converse(sc);
    tls12_close_notify(scene_say(sc, CLIENT), sc->random);
}

void tls13_scene(struct scene *sc)
{
    struct tls_peers p = meet(sc);

    tls13_client_hello(scene_say(sc, CLIENT), &p);
    tls13_server_hello(scene_say(sc, SERVER), &p);
    tls13_client_flight(scene_say(sc, CLIENT), &p);
    tls13_session_ticket(scene_say(sc, SERVER), &p);
    converse(sc);
    tls13_close_notify(scene_say(sc, CLIENT), sc->random);
}
