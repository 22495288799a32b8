/*
 * clock_shim.c - preloaded into rolecall by longlife.py: a clock that is put forward and back,
 * without touching that of the machine. The seconds stand in the file that CLOCK_SHIM names;
 * packets are stamped by the same clock.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t which, struct timespec *ret);

static const volatile long *seconds;

/* Before files are out of reach. */
__attribute__((constructor)) static void look(void)
{
    int fd = open(getenv("CLOCK_SHIM"), O_RDONLY | O_CLOEXEC);
    seconds = mmap(NULL, sizeof *seconds, PROT_READ, MAP_SHARED, fd, 0);
    (void)close(fd);
}

static long ahead(void)
{
    return seconds == NULL ? 0 : *seconds;
}

static void *next(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

int clock_gettime(clockid_t which, struct timespec *ret)
{
    int (*real)(clockid_t, struct timespec *) = NULL;
    void *found = next("clock_gettime");
    memcpy(&real, &found, sizeof found);
    int result = real(which, ret);
    ret->tv_sec += which == CLOCK_REALTIME ? ahead() : 0;
    return result;
}

int pcap_next_ex(pcap_t *pcap, struct pcap_pkthdr **head, const u_char **octets)
{
    int (*real)(pcap_t *, struct pcap_pkthdr **, const u_char **) = NULL;
    void *found = next("pcap_next_ex");
    memcpy(&real, &found, sizeof found);
    int result = real(pcap, head, octets);
    if (result == 1) {
        (*head)->ts.tv_sec += ahead();
    }
    return result;
}
