/*
 * libpcap_loop.c - the yardstick: read every packet of a file with libpcap and touch its first
 * 64 octets. Nothing that audits a capture through libpcap can cost less. With -i INTERFACE MIB, of
 * an interface, through a ring of so many MiB, until SIGINT.
 *
 * Prints "packets octets sum", and live also what the kernel dropped; the sum keeps the compiler
 * from dropping the reads.
 */
#include <inttypes.h>
#include <pcap/pcap.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOUCHED = 64 };

struct totals {
    uint64_t packets, octets, sum;
};

static void touch(u_char *user, const struct pcap_pkthdr *header, const u_char *data)
{
    struct totals *t = (struct totals *)(void *)user;
    uint32_t n = header->caplen < TOUCHED ? header->caplen : TOUCHED;

    t->packets++;
    t->octets += header->len;
    for (uint32_t i = 0; i < n; i++)
        t->sum += data[i];
}

static pcap_t *opened;

static void on_stop(int number)
{
    (void)number;
    pcap_breakloop(opened);
}

/* As rolecall does it. */
static pcap_t *open_live(const char *name, int mib, char error[PCAP_ERRBUF_SIZE])
{
    pcap_t *p = pcap_create(name, error);
    if (p == NULL)
        return NULL;
    (void)pcap_set_snaplen(p, 262144);
    (void)pcap_set_promisc(p, 1);
    (void)pcap_set_timeout(p, 100);
    (void)pcap_set_buffer_size(p, mib << 20);
    if (pcap_activate(p) < 0) {
        (void)snprintf(error, PCAP_ERRBUF_SIZE, "%s", pcap_geterr(p));
        pcap_close(p);
        return NULL;
    }
    return p;
}

int main(int argc, char **argv)
{
    char error[PCAP_ERRBUF_SIZE];
    struct totals totals = {0};
    struct pcap_stat stat = {0};
    int live = argc == 4 && strcmp(argv[1], "-i") == 0;

    if (argc != 2 && !live) {
        fputs("usage: libpcap_loop FILE.pcap | -i INTERFACE MIB\n", stderr);
        return 2;
    }
    opened = live ? open_live(argv[2], (int)strtol(argv[3], NULL, 10), error)
                  : pcap_open_offline(argv[1], error);
    if (!opened) {
        fprintf(stderr, "libpcap_loop: %s\n", error);
        return 2;
    }
    (void)signal(SIGINT, on_stop);
    int result = pcap_loop(opened, -1, touch, (u_char *)&totals);
    if (result == PCAP_ERROR)
        fprintf(stderr, "libpcap_loop: %s\n", pcap_geterr(opened));
    if (live)
        (void)pcap_stats(opened, &stat);
    pcap_close(opened);
    printf("%" PRIu64 " %" PRIu64 " %" PRIu64, totals.packets, totals.octets, totals.sum);
    printf(live ? " %u\n" : "\n", stat.ps_drop);
    return result == PCAP_ERROR ? 2 : 0;
}
