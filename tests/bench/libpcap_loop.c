/*
 * libpcap_loop.c - the yardstick: read every packet of a file with libpcap and touch its first
 * 64 octets. Nothing that audits a capture through libpcap can cost less.
 *
 * Prints "packets octets sum"; the sum keeps the compiler from dropping the reads.
 */
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdint.h>
#include <stdio.h>

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

int main(int argc, char **argv)
{
    char error[PCAP_ERRBUF_SIZE];
    struct totals totals = {0};

    if (argc != 2) {
        fputs("usage: libpcap_loop FILE.pcap\n", stderr);
        return 2;
    }
    pcap_t *p = pcap_open_offline(argv[1], error);
    if (!p) {
        fprintf(stderr, "libpcap_loop: %s\n", error);
        return 2;
    }
    int result = pcap_loop(p, -1, touch, (u_char *)&totals);
    if (result < 0)
        fprintf(stderr, "libpcap_loop: %s\n", pcap_geterr(p));
    pcap_close(p);
    printf("%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", totals.packets, totals.octets, totals.sum);
    return result < 0 ? 2 : 0;
}
