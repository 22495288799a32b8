#include "dissect/endpoints.h"

#include <stdio.h>
#include <stdlib.h>

#include "capture/limits.h"

#define INTERFACE_TEXT 40 /* a UUID, or a name: those are shorter */

/* Several interfaces share a port where one process serves them. */
struct endpoint {
    struct address address;
    uint16_t port; /* 0: free */
    unsigned count;
    char interfaces[LIMIT_ENDPOINT_INTERFACES][INTERFACE_TEXT];
};

struct endpoints {
    struct endpoint *rows; /* LIMIT_ENDPOINTS, from the first endpoint on */
};

struct endpoints *endpoints_new(void)
{
    return calloc(1, sizeof(struct endpoints));
}

struct endpoints *endpoints_free(struct endpoints *e)
{
    if (e != NULL) {
        free(e->rows);
        free(e);
    }
    return NULL;
}

/* FNV-1a. An endpoint has one place; what was there before is replaced. */
static struct endpoint *place_of(struct endpoints *e, const struct address *address, uint16_t port)
{
    uint32_t hash = 2166136261u ^ port;
    for (size_t i = 0; i < sizeof address->octets; i++) {
        hash = (hash ^ address->octets[i]) * 16777619u;
    }
    hash ^= hash >> 16;
    return &e->rows[hash % LIMIT_ENDPOINTS];
}

static void add(struct endpoints *e, const struct address *address, uint16_t port,
                const char *interface)
{
    if (e->rows == NULL) {
        e->rows = calloc(LIMIT_ENDPOINTS, sizeof *e->rows);
    }
    if (e->rows == NULL || interface == NULL) {
        return;
    }
    struct endpoint *row = place_of(e, address, port);
    if (row->port != port || !address_equal(&row->address, address)) {
        *row = (struct endpoint){.address = *address, .port = port};
    }
    unsigned at = 0;
    while (at < row->count && strcmp(row->interfaces[at], interface) != 0) {
        at++;
    }
    if (at == row->count && at < LIMIT_ENDPOINT_INTERFACES) {
        (void)snprintf(row->interfaces[at], INTERFACE_TEXT, "%s", interface);
        row->count++;
    }
}

/* The mapper's own address is as good as the one it tells: behind a translation only that one is
 * right. */
static void note(struct endpoints *e, const struct observation *o)
{
    struct address told;
    const char *text = observation_text(o, FACT_DCERPC_ENDPOINT_ADDRESS),
               *interface = observation_text(o, FACT_DCERPC_ENDPOINT_INTERFACE);
    uint16_t port = (uint16_t)observation_number(o, FACT_DCERPC_ENDPOINT_PORT, 0);
    if (port == 0 || !observation_is(o, FACT_DCERPC_ENDPOINT_TRANSPORT, "tcp")) {
        return;
    }
    interface = interface != NULL ? interface : observation_text(o, FACT_DCERPC_ENDPOINT_UUID);
    add(e, &o->flow.ends[DIR_SERVER].address, port, interface);
    if (text != NULL && address_parse(text, &told) && address_is_host(&told)) {
        add(e, &told, port, interface);
    }
}

static void name_flow(struct endpoints *e, struct observation *o)
{
    const struct flow_end *server = &o->flow.ends[DIR_SERVER];
    if (e->rows == NULL || o->flow.protocol != IP_TCP) {
        return;
    }
    const struct endpoint *row = place_of(e, &server->address, server->port);
    bool by_content = observation_is(o, FACT_FLOW_IDENTIFIED_BY, "content");
    if (row->port != server->port || server->port == 0 ||
        !address_equal(&row->address, &server->address) ||
        (by_content && !observation_is(o, FACT_FLOW_PROTOCOL, "dcerpc"))) {
        return;
    }
    if (!by_content) {
        observation_replace(o, FACT_FLOW_PROTOCOL, "dcerpc");
        observation_replace(o, FACT_FLOW_IDENTIFIED_BY, "port");
    }
    for (unsigned i = 0; i < row->count; i++) {
        observation_string(o, FACT_FLOW_INTERFACES, row->interfaces[i]);
    }
}

void endpoints_see(struct endpoints *e, struct observation *o)
{
    if (o->record == RECORD_FLOW) {
        name_flow(e, o);
    } else if (o->record == RECORD_DCERPC && observation_is(o, FACT_DCERPC_MESSAGE, "endpoint")) {
        note(e, o);
    }
}
