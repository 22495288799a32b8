#include "capture/source_live.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "capture/decode.h"
#include "capture/limits.h"

#define NS_PER_SECOND INT64_C(1000000000)
/* How long the kernel may gather packets before it hands them over, and how often time is told. */
#define PATIENCE_MS 100
#define PATIENCE_NS (PATIENCE_MS * (NS_PER_SECOND / 1000))
/* Time is told a little late, so that packets that are still in the kernel are not in the past; and
 * a packet waits so long for earlier ones of other interfaces. */
#define LATE_NS (2 * PATIENCE_NS)
/* A packet that is further ahead of the clock than this was stamped before the clock was put back.
 */
#define CLOCK_STEP_NS NS_PER_SECOND
/* Packets between two looks at drops and at interfaces that went away. */
#define LOOK_PACKETS 256
#define LOOK_NS (NS_PER_SECOND / 100)
/* Octets of the ring that a packet takes beside its own: TPACKET3_HDRLEN and alignment. */
#define RING_OVERHEAD 96u

struct tap { /* one interface */
    const char *name;
    pcap_t *pcap; /* NULL: it went away */
    struct pollfd poll;
    unsigned ring_drops, card_drops; /* as last told */
    unsigned read;                   /* packets since it was opened; may wrap */
    unsigned waiting;                /* packets in its ring */
    size_t mean;                     /* octets of a packet, of late, 64 times */
    bool ran_dry;                    /* nothing was left in its ring when it was last read */
    bool down;                       /* and counted; until a packet comes */
    bool has_next;
    struct packet next;     /* holds its block */
    struct kept_head *head; /* of it */
};

struct live {
    struct live_options options;
    struct tap *taps;
    struct pollfd *polls;
    struct chunk *chunk; /* being filled */
    size_t filled;
    struct block *delivered;
    uint64_t number;  /* of the last packet, all interfaces together */
    int64_t ahead_ns; /* the clock before the monotonic one; 0: not looked at yet */
    int64_t told_ns, looked_ns, retried_ns; /* monotonic */
};

static int64_t clock_ns(clockid_t which)
{
    struct timespec now;
    clock_gettime(which, &now);
    return now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

/* ---- opening ---- */

static int explain(const struct tap *tap, pcap_t *pcap, int code, char error[SOURCE_ERROR])
{
    switch (code) {
    case PCAP_ERROR_NO_SUCH_DEVICE:
        (void)snprintf(error, SOURCE_ERROR, "%s: no such interface; 'ip -br link' lists them",
                       tap->name);
        return -ENODEV;
    case PCAP_ERROR_PERM_DENIED:
    case PCAP_ERROR_PROMISC_PERM_DENIED:
        (void)snprintf(error, SOURCE_ERROR,
                       "%s: capturing is not allowed; run as root, or once 'setcap cap_net_raw+ep' "
                       "on the program",
                       tap->name);
        return -EPERM;
    case PCAP_ERROR_IFACE_NOT_UP:
        (void)snprintf(error, SOURCE_ERROR,
                       "%s: the interface is down; 'ip link set %s up' mends it", tap->name,
                       tap->name);
        return -ENETDOWN;
    default:
        (void)snprintf(error, SOURCE_ERROR, "%s: cannot capture: %s", tap->name,
                       *pcap_geterr(pcap) != '\0' ? pcap_geterr(pcap) : pcap_statustostr(code));
        return -EIO;
    }
}

static void prepare(pcap_t *pcap, size_t buffer)
{
    (void)pcap_set_snaplen(pcap, LIMIT_FRAME_OCTETS);
    (void)pcap_set_promisc(pcap, 1);
    (void)pcap_set_timeout(pcap, PATIENCE_MS);
    (void)pcap_set_buffer_size(pcap, (int)buffer);
    /* Where the kernel cannot, stamps are in microseconds; pcap_get_tstamp_precision tells. */
    (void)pcap_set_tstamp_precision(pcap, PCAP_TSTAMP_PRECISION_NANO);
}

static int apply_filter(pcap_t *pcap, const char *expression, char error[SOURCE_ERROR])
{
    struct bpf_program program;
    if (expression == NULL) {
        return 0;
    }
    if (pcap_compile(pcap, &program, expression, 1, PCAP_NETMASK_UNKNOWN) != 0) {
        (void)snprintf(error, SOURCE_ERROR, "filter '%s': %s", expression, pcap_geterr(pcap));
        return -EINVAL;
    }
    int failed = pcap_setfilter(pcap, &program);
    pcap_freecode(&program);
    if (failed != 0) {
        (void)snprintf(error, SOURCE_ERROR, "filter '%s': %s", expression, pcap_geterr(pcap));
        return -EINVAL;
    }
    return 0;
}

static int check_link(const struct tap *tap, pcap_t *pcap, char error[SOURCE_ERROR])
{
    int link = pcap_datalink(pcap);
    if (link >= 0 && decode_knows_link((uint32_t)link)) {
        return 0;
    }
    const char *name = link < 0 ? NULL : pcap_datalink_val_to_name(link);
    (void)snprintf(error, SOURCE_ERROR,
                   "%s: its packets begin with a link layer that is not known here (%s)", tap->name,
                   name == NULL ? "no name" : name);
    return -EPROTONOSUPPORT;
}

static int tap_open(struct tap *tap, const struct live_options *o, char error[SOURCE_ERROR])
{
    char why[PCAP_ERRBUF_SIZE] = "";
    pcap_t *pcap = pcap_create(tap->name, why);
    if (pcap == NULL) {
        (void)snprintf(error, SOURCE_ERROR, "%s: cannot capture: %s", tap->name, why);
        return -EIO;
    }
    prepare(pcap, o->buffer);
    int code = pcap_activate(pcap);
    int failed = code < 0 ? explain(tap, pcap, code, error) : check_link(tap, pcap, error);
    if (failed == 0) {
        failed = apply_filter(pcap, o->filter, error);
    }
    if (failed == 0 && pcap_setnonblock(pcap, 1, why) != 0) {
        (void)snprintf(error, SOURCE_ERROR, "%s: cannot capture: %s", tap->name, why);
        failed = -EIO;
    }
    if (failed != 0) {
        pcap_close(pcap);
        return failed;
    }
    tap->pcap = pcap;
    tap->ring_drops = tap->card_drops = tap->read = tap->waiting = 0;
    tap->poll = (struct pollfd){.fd = pcap_get_selectable_fd(pcap), .events = POLLIN};
    return 0;
}

int live_open(const struct live_options *options, char error[SOURCE_ERROR], struct live **ret)
{
    struct live *l = calloc(1, sizeof *l);
    int failed = l == NULL ? -ENOMEM : 0;
    if (failed == 0) {
        l->options = *options;
        l->taps = calloc(options->count, sizeof *l->taps);
        l->polls = calloc(options->count, sizeof *l->polls);
        failed = l->taps == NULL || l->polls == NULL ? -ENOMEM : 0;
    }
    if (failed == -ENOMEM) {
        (void)snprintf(error, SOURCE_ERROR, "out of memory for capturing");
    }
    for (size_t i = 0; i < options->count && failed == 0; i++) {
        l->taps[i].name = options->names[i];
        failed = tap_open(&l->taps[i], options, error);
    }
    if (failed != 0) {
        (void)live_free(l);
        return failed;
    }
    *ret = l;
    return 0;
}

struct live *live_free(struct live *l)
{
    if (l == NULL) {
        return NULL;
    }
    for (size_t i = 0; l->taps != NULL && i < l->options.count; i++) {
        if (l->taps[i].pcap != NULL) {
            pcap_close(l->taps[i].pcap);
        }
        block_drop(l->taps[i].has_next ? l->taps[i].next.block : NULL);
    }
    block_drop(l->delivered);
    block_drop(l->chunk == NULL ? NULL : &l->chunk->block);
    free(l->taps);
    free(l->polls);
    free(l);
    return NULL;
}

/* ---- reading ---- */

static bool fresh_chunk(struct live *l, size_t octets)
{
    block_drop(l->chunk == NULL ? NULL : &l->chunk->block);
    l->chunk = chunk_take(l->options.pool, octets);
    l->filled = 0;
    if (l->chunk != NULL && l->options.keeper != NULL) {
        keeper_begin(l->options.keeper, l->chunk);
    }
    return l->chunk != NULL;
}

static bool keep(struct live *l, struct tap *tap, const uint8_t *octets, size_t len)
{
    size_t taken = kept_octets(len);
    if ((l->chunk == NULL || l->chunk->capacity - l->filled < taken) && !fresh_chunk(l, taken)) {
        return false;
    }
    struct kept_head *head = (void *)(l->chunk->octets + l->filled);
    uint8_t *to = (uint8_t *)(head + 1);
    *head = (struct kept_head){.ns = tap->next.at.ns,
                               .len = (uint32_t)len,
                               .wire_len = tap->next.wire_len,
                               .link_type = tap->next.link_type,
                               .precision = tap->next.at.precision};
    memcpy(to, octets, len);
    l->filled += taken;
    if (l->options.keeper != NULL) {
        keeper_filled(l->options.keeper, l->filled);
    }
    tap->head = head;
    tap->next.data = bytes_of(to, len);
    tap->next.block = block_hold(&l->chunk->block);
    tap->has_next = true;
    return true;
}

static void count_drops(struct live *l, struct tap *tap)
{
    struct pcap_stat stat;
    if (pcap_stats(tap->pcap, &stat) == 0) {
        /* Both are cumulative and may wrap. */
        unsigned by_ring = stat.ps_drop - tap->ring_drops;
        unsigned by_card = stat.ps_ifdrop - tap->card_drops;
        l->options.counts->dropped += (uint64_t)by_ring + by_card;
        l->options.counts->card_dropped += by_card;
        tap->waiting = stat.ps_recv - stat.ps_drop - tap->read;
        tap->ring_drops = stat.ps_drop;
        tap->card_drops = stat.ps_ifdrop;
    }
}

/* Taken down: libpcap waits until it is up again. */
static void note_down(struct live *l, struct tap *tap)
{
    l->options.counts->interface_losses += !tap->down;
    tap->down = true;
}

static void lose(struct live *l, struct tap *tap)
{
    count_drops(l, tap);
    pcap_close(tap->pcap);
    tap->pcap = NULL;
    note_down(l, tap);
}

/* False when memory is used up. */
static bool take_next(struct live *l, struct tap *tap)
{
    struct pcap_pkthdr *head;
    const uint8_t *octets;
    int got = pcap_next_ex(tap->pcap, &head, &octets);
    if (got == PCAP_ERROR) {
        lose(l, tap);
    }
    tap->ran_dry = got != 1;
    if (got != 1) {
        return true;
    }
    tap->down = false;
    tap->read++;
    tap->mean = tap->mean - tap->mean / 64 + head->caplen;
    bool nano = pcap_get_tstamp_precision(tap->pcap) == PCAP_TSTAMP_PRECISION_NANO;
    tap->next.at = (struct stamp){
        .ns = head->ts.tv_sec * NS_PER_SECOND + head->ts.tv_usec * (nano ? 1 : 1000),
        .precision = nano ? 9 : 6,
    };
    tap->next.wire_len = head->len;
    tap->next.link_type = (uint32_t)pcap_datalink(tap->pcap);
    return keep(l, tap, octets, head->caplen);
}

/* The earliest packet that was handed over; NULL: none. *ret_wait: how long it has to wait, as an
 * interface that has handed over nothing may have seen an earlier one. */
static struct tap *earliest(struct live *l, int64_t *ret_wait)
{
    struct tap *first = NULL;
    bool all = true;
    for (size_t i = 0; i < l->options.count; i++) {
        struct tap *tap = &l->taps[i];
        all = all && (tap->has_next || tap->pcap == NULL);
        if (tap->has_next && (first == NULL || tap->next.at.ns < first->next.at.ns)) {
            first = tap;
        }
    }
    *ret_wait = 0;
    if (first != NULL && !all) {
        int64_t age = clock_ns(CLOCK_REALTIME) - first->next.at.ns;
        *ret_wait = age < LATE_NS && age > -CLOCK_STEP_NS ? LATE_NS - age : 0;
    }
    return first;
}

static void reopen(struct live *l, int64_t now)
{
    char error[SOURCE_ERROR]; /* it is told in the report, once, and not every second */
    if (now - l->retried_ns < NS_PER_SECOND) {
        return;
    }
    l->retried_ns = now;
    for (size_t i = 0; i < l->options.count; i++) {
        if (l->taps[i].pcap == NULL) {
            (void)tap_open(&l->taps[i], &l->options, error);
        }
    }
}

/* Each interface's packets are stamped by that clock. */
static void watch_clock(struct live *l, int64_t now)
{
    int64_t ahead = clock_ns(CLOCK_REALTIME) - now;
    int64_t step = ahead - l->ahead_ns;
    if (l->ahead_ns != 0 && (step > CLOCK_STEP_NS || step < -CLOCK_STEP_NS)) {
        l->options.counts->clock_steps++;
        l->options.counts->clock_step_ns = step;
    }
    l->ahead_ns = ahead; /* slewing adds up to nothing */
}

/* What waits in the fullest ring. The kernel counts packets that libpcap passes over, such as those
 * that the loopback shows twice: where nothing is left, all of them are read. */
static void gauge(struct live *l)
{
    size_t most = 0;
    for (size_t i = 0; i < l->options.count; i++) {
        struct tap *tap = &l->taps[i];
        size_t each = tap->mean / 64 + RING_OVERHEAD;
        bool is_empty = tap->pcap == NULL || tap->ran_dry;
        size_t held = is_empty ? 0 : tap->waiting * each;
        tap->read += is_empty ? tap->waiting : 0;
        most = held > most ? held : most;
    }
    size_t load = most / (l->options.buffer / 1000);
    l->options.counts->load = load > 1000 ? 1000 : (unsigned)load;
}

/* Drops, interfaces that are back, the clock. */
static void look_after(struct live *l, int64_t now)
{
    l->looked_ns = now;
    watch_clock(l, now);
    for (size_t i = 0; i < l->options.count; i++) {
        if (l->taps[i].pcap != NULL) {
            count_drops(l, &l->taps[i]);
        }
    }
    gauge(l);
    reopen(l, now);
}

static int tell_time(struct live *l, int64_t now, struct packet *ret)
{
    l->told_ns = now;
    look_after(l, now);
    *ret = (struct packet){.at = {.ns = clock_ns(CLOCK_REALTIME) - LATE_NS}};
    return SOURCE_IDLE;
}

/* Until an interface that has handed over nothing does, but no longer than `most`. */
static void wait_for_packets(struct live *l, int64_t most)
{
    for (size_t i = 0; i < l->options.count; i++) {
        bool asked = l->taps[i].pcap != NULL && !l->taps[i].has_next;
        l->polls[i] = asked ? l->taps[i].poll : (struct pollfd){.fd = -1};
    }
    /* Other errors of poll show at the next read of the interface; a signal, in `stop`. */
    (void)poll(l->polls, l->options.count, (int)((most + 999999) / 1000000));
    for (size_t i = 0; i < l->options.count; i++) {
        if ((l->polls[i].revents & POLLERR) != 0) {
            note_down(l, &l->taps[i]);
        }
    }
}

static int deliver(struct live *l, struct tap *from, struct packet *ret)
{
    from->has_next = false;
    from->next.at.packet = ++l->number;
    atomic_store_explicit(&from->head->number, l->number, memory_order_release);
    l->delivered = from->next.block;
    *ret = from->next;
    if (l->number % LOOK_PACKETS == 0) {
        int64_t now = clock_ns(CLOCK_MONOTONIC);
        if (now - l->looked_ns >= LOOK_NS) {
            look_after(l, now);
        }
    }
    return 1;
}

int live_next(struct live *l, struct packet *ret)
{
    block_drop(l->delivered);
    l->delivered = NULL;
    for (;;) {
        int64_t wait = 0;
        if (l->options.stop != NULL && *l->options.stop != 0) {
            (void)tell_time(l, l->told_ns, ret);
            return 0;
        }
        for (size_t i = 0; i < l->options.count; i++) {
            if (l->taps[i].pcap != NULL && !l->taps[i].has_next && !take_next(l, &l->taps[i])) {
                return -ENOMEM;
            }
        }
        struct tap *first = earliest(l, &wait);
        if (LIKELY(first != NULL && wait == 0)) {
            return deliver(l, first, ret);
        }
        int64_t now = clock_ns(CLOCK_MONOTONIC);
        int64_t left = l->told_ns + PATIENCE_NS - now;
        if (left <= 0) {
            return tell_time(l, now, ret);
        }
        wait_for_packets(l, first != NULL && wait < left ? wait : left);
    }
}
