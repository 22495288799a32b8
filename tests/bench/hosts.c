#include "tests/bench/hosts.h"

#include <stdio.h>

enum { FIRST_EPHEMERAL = 49152 };

static const struct {
    const char *name;
    uint8_t last_octet; /* of 10.0.1.0/24 */
} servers[SERVER_COUNT] = {
    [DC01] = {"dc01", 2},    [DC02] = {"dc02", 3},    [CM01] = {"cm01", 10},
    [DB01] = {"db01", 11},   [MP01] = {"mp01", 20},   [MP02] = {"mp02", 21},
    [MP03] = {"mp03", 22},   [DP01] = {"dp01", 30},   [DP02] = {"dp02", 31},
    [DP03] = {"dp03", 32},   [DP04] = {"dp04", 33},   [DP05] = {"dp05", 34},
    [DP06] = {"dp06", 35},   [SUP01] = {"sup01", 40}, [SUP02] = {"sup02", 41},
    [FSP01] = {"fsp01", 45}, [SMP01] = {"smp01", 46}, [RSP01] = {"rsp01", 47},
    [CA01] = {"ca01", 50},   [FS01] = {"fs01", 60},
};

static void host_init(struct host *h, const char *name, uint32_t address)
{
    snprintf(h->short_name, sizeof h->short_name, "%s", name);
    snprintf(h->fqdn, sizeof h->fqdn, "%s." DOMAIN, h->short_name);
    h->address = address;
    h->mac[0] = 0x02; /* locally administered */
    h->mac[1] = 0x00;
    for (unsigned i = 0; i < 4; i++)
        h->mac[2 + i] = (uint8_t)(address >> 8 * (3 - i));
    h->ip_id = (uint16_t)(address * 2654435761U >> 16);
    h->next_port = FIRST_EPHEMERAL;
}

void hosts_init(struct hosts *all)
{
    for (uint32_t i = 0; i < SERVER_COUNT; i++)
        host_init(&all->servers[i], servers[i].name, 0x0a000100 | servers[i].last_octet);
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        char name[16];
        snprintf(name, sizeof name, "PC%05u", i);
        host_init(&all->clients[i], name, 0x0a010000 | (i / 250 + 1) << 8 | (i % 250 + 1));
    }
}

void host_stranger(struct host *h, uint32_t n)
{
    char name[16];
    snprintf(name, sizeof name, "X%08u", n);
    host_init(h, name, (n % 2 == 0 ? 0x0a800000 : 0x0b000000) + n / 2);
}

uint16_t host_take_port(struct host *h)
{
    uint16_t port = h->next_port;
    h->next_port = port == UINT16_MAX ? FIRST_EPHEMERAL : (uint16_t)(port + 1);
    return port;
}
