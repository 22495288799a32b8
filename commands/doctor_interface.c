#include "commands/doctor_interface.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* One that an interface does not know is not there. */
static bool ask_ethtool(int fd, const char *name, void *question)
{
    struct ifreq r = {.ifr_data = question};
    (void)snprintf(r.ifr_name, sizeof r.ifr_name, "%s", name);
    return ioctl(fd, SIOCETHTOOL, &r) == 0;
}

static void check_state(struct doctor *d, int fd)
{
    struct ifreq r = {.ifr_flags = 0}, mtu = {.ifr_mtu = 0};
    char mend[120];
    (void)snprintf(r.ifr_name, sizeof r.ifr_name, "%s", d->interface);
    (void)snprintf(mtu.ifr_name, sizeof mtu.ifr_name, "%s", d->interface);
    if (ioctl(fd, SIOCGIFFLAGS, &r) != 0 || ioctl(fd, SIOCGIFMTU, &mtu) != 0) {
        doctor_say(d, HEALTH_BAD, "state", "'ip -br link' tells", "cannot be asked: %s",
                   strerror(errno));
        return;
    }
    unsigned flags = (unsigned short)r.ifr_flags;
    if ((flags & IFF_UP) == 0) {
        (void)snprintf(mend, sizeof mend, "'ip link set %s up' mends it", d->interface);
        doctor_say(d, HEALTH_BAD, "state", mend, "is down");
    } else if ((flags & IFF_RUNNING) == 0) {
        doctor_say(d, HEALTH_BAD, "state", "look at the cable and at the switch's mirror port",
                   "is up, but there is no link");
    } else {
        doctor_say(d, HEALTH_OK, "state", NULL, "is up; packets of up to %d octets%s", mtu.ifr_mtu,
                   (flags & IFF_PROMISC) != 0 ? "; promiscuous already"
                                              : "; promiscuous as soon as an audit begins");
    }
    if (mtu.ifr_mtu < 1500) {
        (void)snprintf(mend, sizeof mend, "'ip link set %s mtu 9000' or as the hosts have it",
                       d->interface);
        doctor_say(d, HEALTH_WARN, "mtu", mend,
                   "takes packets of up to %d octets only: longer ones may be dropped",
                   mtu.ifr_mtu);
    }
}

/* What the card or the kernel merges before a capture sees it. */
static void check_offloads(struct doctor *d, int fd)
{
    struct ethtool_value gro = {.cmd = ETHTOOL_GGRO}, flags = {.cmd = ETHTOOL_GFLAGS};
    bool merges = ask_ethtool(fd, d->interface, &gro) && gro.data != 0;
    bool card = ask_ethtool(fd, d->interface, &flags) && (flags.data & ETH_FLAG_LRO) != 0;
    char mend[120];
    (void)snprintf(mend, sizeof mend, "'ethtool -K %s gro off lro off' shows them as they passed",
                   d->interface);
    doctor_say(d, merges || card ? HEALTH_WARN : HEALTH_OK, "offloads", mend,
               merges || card ? "merges packets before they are captured (%s%s%s): their number "
                                "and length is not that of the wire"
                              : "packets are captured as they pass (no GRO, no LRO)",
               merges ? "GRO" : "", merges && card ? ", " : "", card ? "LRO" : "");
}

static void check_ring(struct doctor *d, int fd)
{
    struct ethtool_ringparam ring = {.cmd = ETHTOOL_GRINGPARAM};
    char mend[120];
    if (!ask_ethtool(fd, d->interface, &ring) || ring.rx_max_pending == 0) {
        return; /* a virtual one has none */
    }
    (void)snprintf(mend, sizeof mend, "'ethtool -G %s rx %u' makes it last longer", d->interface,
                   ring.rx_max_pending);
    doctor_say(d, ring.rx_pending < ring.rx_max_pending ? HEALTH_WARN : HEALTH_OK, "ring", mend,
               "the card keeps %u packets while the kernel is busy, of %u that it could",
               ring.rx_pending, ring.rx_max_pending);
}

static void check_kernel_ring(struct doctor *d)
{
    int version = TPACKET_V3, fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return; /* no right to: has been told */
    }
    bool there = setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof version) == 0;
    (void)close(fd);
    doctor_say(d, there ? HEALTH_OK : HEALTH_WARN, "kernel-ring", "a kernel from 3.2 on has it",
               there ? "the kernel hands packets over in blocks (TPACKET_V3)"
                     : "the kernel cannot hand packets over in blocks (TPACKET_V3): more are "
                       "dropped at high rates");
}

void doctor_interface(struct doctor *d)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    }
    if (strcmp(d->interface, "any") == 0) {
        doctor_say(d, HEALTH_WARN, "state", "name the mirror port with -i",
                   "stands for all interfaces, none of which is made promiscuous");
    } else if (if_nametoindex(d->interface) == 0) {
        doctor_say(d, HEALTH_BAD, "state", "'ip -br link' lists them", "no such interface");
    } else {
        check_state(d, fd);
        check_offloads(d, fd);
        check_ring(d, fd);
        check_kernel_ring(d);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
}
