#include "policy/topology.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "capture/decode.h"

struct connection topology_connection(const struct scene *scene, const struct observation *o)
{
    return (struct connection){.client = &scene->ends[DIR_CLIENT],
                               .server = &scene->ends[DIR_SERVER],
                               .transport = o->flow.protocol,
                               .protocol = observation_text(o, FACT_FLOW_PROTOCOL),
                               .guessed = !observation_is(o, FACT_FLOW_IDENTIFIED_BY, "content")};
}

bool topology_has_ports(const struct observation *o)
{
    return o->flow.protocol == IP_TCP || o->flow.protocol == IP_UDP;
}

const char *topology_protocol(const struct observation *o)
{
    const char *protocol = observation_text(o, FACT_FLOW_PROTOCOL);
    return protocol == NULL ? "unknown" : protocol;
}

/* Both ports are such as systems pick for themselves: without the handshake either end may have
 * opened the flow. */
bool topology_opener_is_unclear(const struct observation *o)
{
    return !o->flow.direction_certain && o->flow.ends[DIR_SERVER].port >= MATRIX_DYNAMIC_FIRST;
}

bool topology_is_answered(const struct observation *o)
{
    return observation_number(o, FACT_FLOW_PACKETS_SERVER, 0) > 0 &&
           !observation_is(o, FACT_FLOW_STATE, "refused");
}

bool topology_is_client(const struct party *p)
{
    return p->host != NULL ? p->host->role_bits == 0
                           : p->group != NULL && !p->group->administrators;
}

bool topology_is_common(const struct connection *c, const struct observation *o)
{
    static const char *const names[] = {"dns", "nbns",  "llmnr", "mdns",   "dhcp", "dhcpv6",
                                        "ntp", "nbdgm", "snmp",  "syslog", "rdp",  "rdpudp",
                                        "ssh", "ssrp",  "ike",   "ipsec"};
    static const uint16_t ports[] = {22,  53,  67,   68,   123,  137,  138,  161,  162, 514,
                                     546, 547, 1900, 3389, 3702, 5353, 5355, 5985, 5986};
    const role_set serving = ROLE_BIT(ROLE_DOMAIN_CONTROLLER) | ROLE_BIT(ROLE_GLOBAL_CATALOG) |
                             ROLE_BIT(ROLE_DNS) | ROLE_BIT(ROLE_WINS) |
                             ROLE_BIT(ROLE_CERTIFICATION_AUTHORITY);
    /* On a host that is a site system as well, only what nobody but a controller speaks. */
    bool directory = c->protocol != NULL &&
                     (strcmp(c->protocol, "kerberos") == 0 || strcmp(c->protocol, "ldap") == 0);
    bool common = ((party_roles(c->server) & serving) != 0 &&
                   (directory || !party_is_site_system(c->server))) ||
                  observation_is(o, FACT_FLOW_APPLICATION, "WinRM");
    for (size_t i = 0; c->protocol != NULL && !common && i < sizeof names / sizeof *names; i++) {
        common = strcmp(names[i], c->protocol) == 0;
    }
    bool unnamed = c->protocol == NULL || c->guessed || strcmp(c->protocol, "unknown") == 0;
    for (size_t i = 0; unnamed && !common && i < sizeof ports / sizeof *ports; i++) {
        common = ports[i] == c->server->port;
    }
    return common;
}

void topology_evidence(struct audit *a, struct finding *f, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    char client[PARTY_TEXT], server[PARTY_TEXT];
    struct stamp opening = observation_packet(o, FACT_FLOW_OPENING_PACKET);
    bool tcp = o->flow.protocol == IP_TCP;
    party_text(&scene->ends[DIR_CLIENT], client);
    party_text(&scene->ends[DIR_SERVER], server);
    finding_evidence(a, f, opening, "%s from %s to port %u", tcp ? "SYN" : "first datagram", client,
                     scene->ends[DIR_SERVER].port);
    finding_evidence(a, f, observation_packet(o, FACT_FLOW_ANSWER_PACKET), "%s from %s",
                     tcp ? "SYN-ACK" : "first reply", server);
    if (opening.order == 0) {
        finding_evidence(a, f, observation_packet(o, FACT_FLOW_FIRST_PACKET),
                         "traffic to port %u; its opening was not captured",
                         scene->ends[DIR_SERVER].port);
    }
}

bool topology_is_location(const char *query)
{
    return strncasecmp(query, "_mssms_mp_", 10) == 0;
}

static const struct host *management_point(const struct host *h)
{
    return h != NULL && (h->role_bits & ROLE_BIT(ROLE_MANAGEMENT_POINT)) != 0 ? h : NULL;
}

const char *topology_strange_location(const struct audit *a, const struct observation *o,
                                      bool service)
{
    enum fact_id id = service ? FACT_DNS_ANSWERS : FACT_DNS_ADDRESSES;
    for (const struct fact *f = observation_get(o, id); f != NULL; f = observation_more(o, id, f)) {
        const char *text = fact_text(o, f), *last = strrchr(text, ' ');
        struct address address;
        last = last == NULL ? text : last + 1; /* the target, or the address */
        const struct host *h = address_parse(last, &address)
                                   ? policy_host(audit_policy(a), &address)
                                   : policy_host_named(audit_policy(a), last);
        if (management_point(h) == NULL) {
            return last;
        }
    }
    return NULL;
}

/* The matrix's answers, remembered: a hierarchy has few kinds of connections and very many of each.
 */
#define ASKED 2048

struct asked {
    const void *client, *client_zone, *server, *server_zone; /* host or group, and zone */
    uint16_t port;
    uint8_t transport;
    bool guessed, known;
    char protocol[20];
    struct matrix_answer answer;
};

struct asked_before {
    struct asked slots[ASKED];
};

static const void *end_of(const struct party *p)
{
    return p->host != NULL ? (const void *)p->host : p->group;
}

struct matrix_answer topology_ask(struct audit *a, const struct rule *r, const struct connection *c)
{
    struct asked_before *before = audit_state(a, r, sizeof *before);
    const char *protocol = c->protocol == NULL ? "" : c->protocol;
    if (before == NULL || strlen(protocol) >= sizeof before->slots[0].protocol) {
        return matrix_ask(audit_policy(a), c);
    }
    uint64_t mix = (uint64_t)(uintptr_t)end_of(c->client) * UINT64_C(0x9e3779b97f4a7c15);
    mix = (mix ^ (mix >> 32) ^ (uintptr_t)end_of(c->server)) * UINT64_C(0xbf58476d1ce4e5b9);
    mix = (mix ^ (mix >> 29) ^ c->server->port) * UINT64_C(0x94d049bb133111eb);
    struct asked *slot = &before->slots[(mix >> 40) % ASKED];
    bool same = slot->known && slot->client == end_of(c->client) &&
                slot->server == end_of(c->server) && slot->client_zone == c->client->zone &&
                slot->server_zone == c->server->zone && slot->port == c->server->port &&
                slot->transport == c->transport && slot->guessed == c->guessed &&
                strcmp(slot->protocol, protocol) == 0;
    if (!same) {
        *slot = (struct asked){.client = end_of(c->client),
                               .client_zone = c->client->zone,
                               .server = end_of(c->server),
                               .server_zone = c->server->zone,
                               .port = c->server->port,
                               .transport = c->transport,
                               .guessed = c->guessed,
                               .known = true,
                               .answer = matrix_ask(audit_policy(a), c)};
        (void)snprintf(slot->protocol, sizeof slot->protocol, "%s", protocol);
    }
    return slot->answer;
}
