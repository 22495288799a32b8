/*
 * fast_sender.c - fast_sender INTERFACE FILE.pcap [PACKETS-A-SECOND]: sends the capture's packets
 * as fast as this machine can, or at a rate; prints how many were sent, in how many seconds.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FILE_HEADER = 24, RECORD_HEADER = 16, BATCH = 64 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int packet_socket(const char *interface)
{
    int on = 1, fd = socket(AF_PACKET, SOCK_RAW, 0);
    struct sockaddr_ll to = {.sll_family = AF_PACKET,
                             .sll_ifindex = (int)if_nametoindex(interface)};
    if (fd < 0 || to.sll_ifindex == 0 || bind(fd, (const struct sockaddr *)&to, sizeof to) != 0) {
        perror(interface);
        exit(2);
    }
    (void)setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on);
    return fd;
}

/* Whole batches, however often it takes. */
static void send_all(int fd, struct mmsghdr *batch, unsigned count)
{
    for (unsigned sent = 0; sent < count;) {
        int done = sendmmsg(fd, batch + sent, count - sent, 0);
        if (done < 0 && errno != ENOBUFS && errno != EINTR && errno != EAGAIN) {
            perror("sendmmsg");
            exit(2);
        }
        sent += done > 0 ? (unsigned)done : 0;
    }
}

static void pace(double begin, uint64_t sent, double rate)
{
    double ahead = rate > 0 ? begin + (double)sent / rate - now() : 0;
    if (ahead > 0.0005) {
        struct timespec t = {.tv_sec = (time_t)ahead,
                             .tv_nsec = (long)((ahead - (double)(time_t)ahead) * 1e9)};
        (void)nanosleep(&t, NULL);
    }
}

int main(int argc, char **argv)
{
    struct mmsghdr batch[BATCH] = {0};
    struct iovec parts[BATCH];
    struct stat st;
    if (argc < 3) {
        fputs("usage: fast_sender INTERFACE FILE.pcap [PACKETS-A-SECOND]\n", stderr);
        return 2;
    }
    int file = open(argv[2], O_RDONLY), fd = packet_socket(argv[1]);
    if (file < 0 || fstat(file, &st) != 0) {
        perror(argv[2]);
        return 2;
    }
    uint8_t *octets =
        mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
    size_t size = (size_t)st.st_size, at = FILE_HEADER;
    double rate = argc > 3 ? strtod(argv[3], NULL) : 0, begin = now();
    uint64_t sent = 0;
    unsigned count = 0;
    while (at + RECORD_HEADER <= size) {
        uint32_t len;
        memcpy(&len, octets + at + 8, sizeof len);
        at += RECORD_HEADER;
        if (len > size - at) {
            break;
        }
        parts[count] = (struct iovec){.iov_base = octets + at, .iov_len = len};
        batch[count].msg_hdr = (struct msghdr){.msg_iov = &parts[count], .msg_iovlen = 1};
        at += len;
        if (++count == BATCH) {
            send_all(fd, batch, count);
            sent += count;
            count = 0;
            pace(begin, sent, rate);
        }
    }
    send_all(fd, batch, count);
    printf("%llu %.3f\n", (unsigned long long)(sent + count), now() - begin);
    return 0;
}
