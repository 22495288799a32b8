#include "capture/source_filter.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

#include "capture/limits.h"

/* Link types met in one run: more than decode() knows. */
#define PROGRAMS 32

/* Where libpcap's DLT_ differs from the LINKTYPE_ that files hold. */
#define LINKTYPE_RAW 101u

struct program {
    uint32_t link_type;
    bool valid;
    struct bpf_program code;
};

struct filter {
    char *expression;
    unsigned count;
    struct program programs[PROGRAMS];
};

struct filter *filter_new(const char *expression)
{
    struct filter *f = calloc(1, sizeof *f);
    if (f == NULL) {
        return NULL;
    }
    f->expression = strdup(expression);
    if (f->expression == NULL) {
        free(f);
        return NULL;
    }
    return f;
}

static bool compile(struct filter *f, struct program *p, char error[SOURCE_ERROR])
{
    int dlt = p->link_type == LINKTYPE_RAW ? DLT_RAW : (int)p->link_type;
    pcap_t *dead = pcap_open_dead(dlt, LIMIT_FRAME_OCTETS);
    if (dead == NULL) {
        (void)snprintf(error, SOURCE_ERROR, "filter: out of memory");
        return false;
    }
    bool compiled = pcap_compile(dead, &p->code, f->expression, 1, PCAP_NETMASK_UNKNOWN) == 0;
    if (!compiled) {
        (void)snprintf(error, SOURCE_ERROR, "bad filter \"%.200s\": %.200s: see pcap-filter(7)",
                       f->expression, pcap_geterr(dead));
    }
    pcap_close(dead);
    return compiled;
}

/* NULL when the table is full. */
static struct program *program_for(struct filter *f, uint32_t link_type, char error[SOURCE_ERROR])
{
    for (unsigned i = 0; i < f->count; i++) {
        if (f->programs[i].link_type == link_type) {
            return &f->programs[i];
        }
    }
    if (f->count == PROGRAMS) {
        return NULL;
    }
    struct program *p = &f->programs[f->count++];
    p->link_type = link_type;
    p->valid = compile(f, p, error);
    return p;
}

int filter_check(struct filter *f, uint32_t link_type, char error[SOURCE_ERROR])
{
    const struct program *p = program_for(f, link_type, error);
    return p != NULL && p->valid ? 0 : -EINVAL;
}

bool filter_passes(struct filter *f, const struct packet *packet)
{
    char ignored[SOURCE_ERROR];
    const struct program *p = program_for(f, packet->link_type, ignored);
    if (p == NULL || !p->valid) {
        return false;
    }
    struct pcap_pkthdr header = {.caplen = (bpf_u_int32)packet->data.len, .len = packet->wire_len};
    return pcap_offline_filter(&p->code, &header, packet->data.at) != 0;
}

struct filter *filter_free(struct filter *f)
{
    if (f == NULL) {
        return NULL;
    }
    for (unsigned i = 0; i < f->count; i++) {
        if (f->programs[i].valid) {
            pcap_freecode(&f->programs[i].code);
        }
    }
    free(f->expression);
    free(f);
    return NULL;
}
