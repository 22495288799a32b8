#include "dissect/identify.h"

#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>

#include "dissect/ndpi_shim.h"

#include "capture/limits.h"

#define NAMES 1024 /* more protocols than any nDPI knows */
#define NAME_OCTETS 32

struct identifier {
    struct ndpi_detection_module_struct *module;
    char lower[NAMES]
              [NAME_OCTETS]; /* names as they are written, by nDPI's number; filled at first use */
};

struct identification {
    struct ndpi_flow_struct *flow;
    uint32_t sequence[2]; /* of the packets made up for nDPI, by enum dir */
    unsigned packets;
};

/* nDPI's names of what records.md calls otherwise. */
static const struct {
    const char *ndpi, *ours;
} names[] = {
    {"postgresql", "postgresql"}, {"smbv1", "smb"},       {"smbv23", "smb"},
    {"dce_rpc", "dcerpc"},        {"mssql-tds", "tds"},   {"netbios", "nbns"},
    {"dhcpv6", "dhcp"},           {"http_proxy", "http"}, {"http_connect", "http"},
};

/* nDPI, and the libgcrypt below it, set up process-wide tables when a module starts and ends: two
 * workers that need their first module at once would meet there (seen as a rare abort). The one
 * lock of the program's dissectors. */
static pthread_mutex_t ndpi_starts = PTHREAD_MUTEX_INITIALIZER;

struct identifier *identifier_new(void)
{
    struct identifier *in = calloc(1, sizeof *in);
    if (in == NULL) {
        return NULL;
    }
    pthread_mutex_lock(&ndpi_starts);
    in->module = ndpi_shim_module();
    pthread_mutex_unlock(&ndpi_starts);
    if (in->module == NULL) {
        free(in);
        return NULL;
    }
    return in;
}

struct identifier *identifier_free(struct identifier *in)
{
    if (in != NULL) {
        pthread_mutex_lock(&ndpi_starts);
        ndpi_exit_detection_module(in->module);
        pthread_mutex_unlock(&ndpi_starts);
        free(in);
    }
    return NULL;
}

struct identification *identification_new(struct identifier *in)
{
    (void)in;
    struct identification *i = calloc(1, sizeof *i);
    if (i == NULL) {
        return NULL;
    }
    i->flow = ndpi_flow_malloc(SIZEOF_FLOW_STRUCT);
    if (i->flow == NULL) {
        free(i);
        return NULL;
    }
    memset(i->flow, 0, SIZEOF_FLOW_STRUCT);
    return i;
}

struct identification *identification_free(struct identification *i)
{
    if (i != NULL) {
        ndpi_free_flow(i->flow);
        free(i);
    }
    return NULL;
}

static void put16(uint8_t *at, size_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
    put16(at, value >> 16);
    put16(at + 2, value & 0xffff);
}

/* nDPI wants whole IP packets; the payload here is reassembled, so its headers are made up (RFC
 * 791, 8200). */
static size_t make_headers(struct identification *i, const struct flow *flow, enum dir dir,
                           size_t payload, uint8_t *out)
{
    const struct flow_end *from = &flow->ends[dir], *to = &flow->ends[!dir];
    size_t transport = flow->protocol == IP_TCP ? 20 : 8;
    bool v4 = address_is_v4(&from->address);
    size_t ip = v4 ? 20 : 40;
    memset(out, 0, ip + transport);
    if (v4) {
        out[0] = 0x45;
        put16(out + 2, ip + transport + payload);
        out[8] = 64;
        out[9] = flow->protocol;
        memcpy(out + 12, from->address.octets + 12, 4);
        memcpy(out + 16, to->address.octets + 12, 4);
    } else {
        out[0] = 0x60;
        put16(out + 4, transport + payload);
        out[6] = flow->protocol;
        out[7] = 64;
        memcpy(out + 8, from->address.octets, 16);
        memcpy(out + 24, to->address.octets, 16);
    }
    uint8_t *at = out + ip;
    put16(at, from->port);
    put16(at + 2, to->port);
    if (flow->protocol == IP_TCP) {
        put32(at + 4, i->sequence[dir] + 1);
        put32(at + 8, i->sequence[!dir] + 1);
        at[12] = 0x50;
        at[13] = TCP_PSH | TCP_ACK;
        put16(at + 14, 0xffff);
    } else {
        put16(at + 4, transport + payload);
    }
    i->sequence[dir] += (uint32_t)payload;
    return ip + transport;
}

/* Lower case, in records.md's spelling; the text lives as long as the module. */
static const char *our_name(struct identifier *in, uint16_t id)
{
    const char *name = ndpi_get_proto_name(in->module, id);
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        if (strcasecmp(names[n].ndpi, name) == 0) {
            return names[n].ours;
        }
    }
    char *lower = in->lower[id % NAMES];
    for (size_t n = 0; name[n] != '\0' && n < NAME_OCTETS - 1; n++) {
        lower[n] = (char)tolower((unsigned char)name[n]);
    }
    return lower;
}

const char *identification_add(struct identifier *in, struct identification *i,
                               const struct flow *flow, enum dir dir, struct bytes payload)
{
    uint8_t packet[60 + LIMIT_NDPI_OCTETS];
    size_t len = payload.len < LIMIT_NDPI_OCTETS ? payload.len : LIMIT_NDPI_OCTETS;
    size_t head = make_headers(i, flow, dir, len, packet);
    memcpy(packet + head, payload.at, len);
    uint16_t found = ndpi_shim_packet(in->module, i->flow, packet, (unsigned short)(head + len),
                                      (uint64_t)(flow->last.ns / 1000000));
    return found == NDPI_PROTOCOL_UNKNOWN ? NULL : our_name(in, found);
}

const char *identifier_application(struct identifier *in, struct bytes host_name)
{
    char name[256];
    if (host_name.len == 0 || host_name.len >= sizeof name) {
        return NULL;
    }
    memcpy(name, host_name.at, host_name.len);
    name[host_name.len] = '\0';
    ndpi_protocol_match_result match = {0};
    int found = ndpi_match_string_subprotocol(in->module, name, (unsigned)host_name.len, &match);
    return found <= 0 ? NULL : ndpi_get_proto_name(in->module, (uint16_t)found);
}
