/*
 * generate.c - writes the benchmark's capture: many short conversations of a Configuration Manager
 * hierarchy at once, beside a few bulk transfers that carry most octets; all from one seed.
 *
 * Prints one JSON line: what was written, and the least an auditor must find in it.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/certificates.h"
#include "tests/bench/flow.h"
#include "tests/bench/hosts.h"
#include "tests/bench/protocols.h"
#include "tests/bench/wire.h"

enum {
    BULK_FLOWS = 16,
    MIN_FLOWS = 100,
    /* Beyond this the site server would use a port twice towards the database. */
    MAX_FLOWS = 1500000,
    NS_PER_FLOW = 400000, /* 2,500 new flows a second */
    POOL_LEN = 2 << 20,
};

/* 2026-03-02T08:00:00Z, a Monday morning, in ns. */
static const uint64_t morning = UINT64_C(1772438400) * 1000000000;

/* A port where nobody answers, or a reset does: there is nothing to say. */
static void closed_port_scene(struct scene *sc)
{
    static const struct {
        enum server server;
        uint16_t port;
    } closed[] = {{RSP01, 443}, {CA01, 135}, {CA01, 445}, {FSP01, 443}, {SMP01, 8531}};
    size_t i = random_below(sc->random, sizeof closed / sizeof *closed);

    scene_visit(sc, closed[i].server, closed[i].port);
}

static const struct kind kinds[] = {
    {"dns", 330, 280, true, FATE_NORMAL, dns_scene, NULL},
    {"tls12", 55, 0, false, FATE_NORMAL, tls12_scene, NULL},
    {"tls12_resumed", 90, 0, false, FATE_NORMAL, tls12_resumed_scene, NULL},
    {"tls13", 50, 0, false, FATE_NORMAL, tls13_scene, NULL},
    {"kerberos_udp", 90, 230, true, FATE_NORMAL, kerberos_udp_scene, NULL},
    {"kerberos_tcp", 40, 20, false, FATE_NORMAL, kerberos_tcp_scene, NULL},
    {"http", 70, 60, false, FATE_NORMAL, http_scene, NULL},
    {"http_authenticated", 20, 130, false, FATE_NORMAL, http_authenticated_scene, NULL},
    {"smb", 55, 60, false, FATE_NORMAL, smb_scene, NULL},
    {"ldap", 60, 60, false, FATE_NORMAL, ldap_scene, NULL},
    {"cldap", 80, 80, true, FATE_NORMAL, cldap_scene, NULL},
    {"sql", 20, 80, false, FATE_NORMAL, sql_scene, NULL},
    {"unanswered", 30, 0, false, FATE_UNANSWERED, closed_port_scene, NULL},
    {"refused", 10, 0, false, FATE_REFUSED, closed_port_scene, NULL},
    {"smb_read", 0, 0, false, FATE_NORMAL, smb_read_scene, smb_read_more},
    {"smb_write", 0, 0, false, FATE_NORMAL, smb_write_scene, smb_write_more},
    {"download", 0, 0, false, FATE_NORMAL, download_scene, download_more},
};

enum { KIND_COUNT = sizeof kinds / sizeof *kinds };
enum { SMB_READ = KIND_COUNT - 3, SMB_WRITE, DOWNLOAD };

static const char *const record_names[RECORD_COUNT] = {
    [RECORD_TLS] = "tls",   [RECORD_HTTP] = "http",         [RECORD_SMB] = "smb",
    [RECORD_NTLM] = "ntlm", [RECORD_KERBEROS] = "kerberos", [RECORD_LDAP] = "ldap",
    [RECORD_DNS] = "dns",   [RECORD_SQL] = "sql",
};

struct options {
    uint64_t seed, bytes, flows;
    bool nanoseconds, ever_new;
    const char *path;
};

/* The flows under way, earliest packet first: a binary heap. */
struct entry {
    uint64_t at; /* the flow's own, kept here so that sifting touches no flow */
    struct flow *flow;
};

struct heap {
    struct entry *entries;
    size_t count, room;
};

struct run {
    struct options options;
    struct random random;
    struct hosts hosts;
    struct certificates *certificates;
    struct tally tally;
    struct wire *wire;
    struct pace pace;
    struct heap heap;
    uint8_t *pool;
    uint64_t started; /* flows so far */
    uint64_t per_kind[KIND_COUNT];
    size_t most_at_once;
};

static void heap_push(struct heap *h, struct flow *f)
{
    if (h->count == h->room) {
        size_t room = h->room ? 2 * h->room : 1024;
        struct entry *entries = realloc(h->entries, room * sizeof *entries);
        if (!entries) {
            fputs("generate: out of memory\n", stderr);
            exit(2);
        }
        h->entries = entries;
        h->room = room;
    }
    size_t i = h->count++;
    for (; i > 0 && h->entries[(i - 1) / 2].at > f->at; i = (i - 1) / 2)
        h->entries[i] = h->entries[(i - 1) / 2];
    h->entries[i] = (struct entry){.at = f->at, .flow = f};
}

/* The first entry is new, or its time grew: put it where it belongs. */
static void heap_sink_first(struct heap *h)
{
    struct entry first = h->entries[0];
    size_t i = 0;

    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= h->count)
            break;
        if (child + 1 < h->count && h->entries[child + 1].at < h->entries[child].at)
            child++;
        if (h->entries[child].at >= first.at)
            break;
        h->entries[i] = h->entries[child];
        i = child;
    }
    h->entries[i] = first;
}

static uint32_t share(const struct run *run, const struct kind *k)
{
    return run->options.ever_new ? k->ever_new : k->per_mille;
}

static const struct kind *pick_kind(struct run *run)
{
    uint32_t which = random_below(&run->random, 1000);
    const struct kind *k = kinds;

    for (; which >= share(run, k); k++)
        which -= share(run, k);
    return k;
}

/* A client that was never seen before, or, now and then, a site server that reaches for such a
 * machine. */
static void play_stranger(struct run *run, struct flow *f)
{
    if (f->scene.server_port == 445 && random_chance(&run->random, 250)) {
        f->scene.client = &run->hosts.servers[CM01];
        f->scene.server = &f->stranger;
    } else {
        f->scene.client = &f->stranger;
    }
}

static void start_flow(struct run *run, const struct kind *kind, uint64_t at)
{
    struct flow *f = calloc(1, sizeof *f);
    if (!f) {
        fputs("generate: out of memory\n", stderr);
        exit(2);
    }
    f->scene = (struct scene){
        .random = &run->random,
        .certificates = run->certificates,
        .tally = &run->tally,
        .hosts = &run->hosts,
        .client = &run->hosts.clients[random_below(&run->random, CLIENT_COUNT)],
        .pool = run->pool,
        .pool_len = POOL_LEN,
    };
    if (run->options.ever_new) {
        host_stranger(&f->stranger, (uint32_t)run->started);
        f->scene.client = &f->stranger;
    }
    kind->scene(&f->scene);
    if (run->options.ever_new)
        play_stranger(run, f);
    if (kind->more)
        run->pace.promised += f->scene.script.text.len;
    flow_init(f, kind, at);
    heap_push(&run->heap, f);
    run->started++;
    run->per_kind[kind - kinds]++;
    if (run->heap.count > run->most_at_once)
        run->most_at_once = run->heap.count;
}

static void start_bulk(struct run *run)
{
    for (uint32_t i = 0; i < BULK_FLOWS; i++) {
        const struct kind *kind = &kinds[i % 16 < 7    ? SMB_READ
                                         : i % 16 < 10 ? SMB_WRITE
                                                       : DOWNLOAD];
        start_flow(run, kind, morning + random_below(&run->random, 200000000));
    }
}

/* Arrivals are spread at random around an even rate. */
static uint64_t next_arrival(struct run *run, uint64_t now)
{
    return now + random_below(&run->random, 2 * NS_PER_FLOW);
}

/* The next packet of all. */
static void step_first(struct run *run)
{
    struct heap *h = &run->heap;
    struct flow *f = h->entries[0].flow;

    if (flow_step(f, run->wire, &run->pace)) {
        h->entries[0].at = f->at;
    } else {
        h->entries[0] = h->entries[--h->count];
        flow_done(f);
        free(f);
    }
    if (h->count > 0)
        heap_sink_first(h);
}

static void play(struct run *run)
{
    const struct heap *h = &run->heap;
    uint64_t arrival = next_arrival(run, morning);

    if (!run->options.ever_new)
        start_bulk(run);
    while (h->count > 0 || run->started < run->options.flows) {
        bool more = run->started < run->options.flows;
        if (more && (h->count == 0 || arrival <= h->entries[0].at)) {
            start_flow(run, pick_kind(run), arrival);
            arrival = next_arrival(run, arrival);
        } else {
            step_first(run);
        }
    }
}

static void print_summary(const struct run *run, uint64_t packets, uint64_t bytes)
{
    /* The capture has standard output to itself. */
    FILE *to = strcmp(run->options.path, "-") == 0 ? stderr : stdout;
    fprintf(to,
            "{\"seed\":%" PRIu64 ",\"packets\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"flows\":%" PRIu64
            ",\"most_flows_at_once\":%zu,\"conversations\":{",
            run->options.seed, packets, bytes, run->started, run->most_at_once);
    for (size_t i = 0; i < KIND_COUNT; i++)
        fprintf(to, "%s\"%s\":%" PRIu64, i ? "," : "", kinds[i].name, run->per_kind[i]);
    fputs("},\"records\":{", to);
    for (size_t i = 0; i < RECORD_COUNT; i++)
        fprintf(to, "%s\"%s\":%" PRIu64, i ? "," : "", record_names[i], run->tally.records[i]);
    fputs("}}\n", to);
}

static bool parse_number(const char *text, uint64_t low, uint64_t high, uint64_t *ret)
{
    char *end;

    errno = 0;
    unsigned long long v = strtoull(text, &end, 10);
    if (errno || end == text || *end || *text == '-' || v < low || v > high)
        return false;
    *ret = v;
    return true;
}

static bool parse_options(int argc, char **argv, struct options *ret)
{
    static const struct option known[] = {
        {"seed", required_argument, NULL, 's'},  {"bytes", required_argument, NULL, 'b'},
        {"flows", required_argument, NULL, 'f'}, {"nanoseconds", no_argument, NULL, 'n'},
        {"ever-new", no_argument, NULL, 'e'},    {NULL, 0, NULL, 0},
    };
    struct options o = {.seed = 1, .bytes = 1000000000, .flows = 150000};
    bool good = true;
    int c;

    while (good && (c = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (c == 's')
            good = parse_number(optarg, 0, UINT64_MAX, &o.seed);
        else if (c == 'b')
            good = parse_number(optarg, 1000000, UINT64_C(1) << 44, &o.bytes);
        else if (c == 'f')
            good = parse_number(optarg, MIN_FLOWS, STRANGERS_MOST, &o.flows);
        else if (c == 'n')
            o.nanoseconds = true;
        else if (c == 'e')
            o.ever_new = true;
        else
            good = false;
    }
    if (!good || optind != argc - 1 || (!o.ever_new && o.flows > MAX_FLOWS)) {
        fprintf(
            stderr,
            "usage: generate [--seed N] [--bytes N] [--flows N] [--nanoseconds] OUT.pcap\n"
            "       generate [--seed N] [--flows N] --ever-new OUT.pcap\n"
            "       OUT.pcap - is standard output; bytes from 1000000, flows from %d to %d, with "
            "--ever-new, where each flow has a host of its own, to %d\n",
            MIN_FLOWS, MAX_FLOWS, STRANGERS_MOST);
        return false;
    }
    o.path = argv[optind];
    *ret = o;
    return true;
}

static bool prepare(struct run *run)
{
    random_init(&run->random, run->options.seed);
    hosts_init(&run->hosts);
    run->pace = (struct pace){.start = morning,
                              .end = morning + run->options.flows * NS_PER_FLOW,
                              .target = run->options.bytes,
                              .transfers = BULK_FLOWS};
    run->pool = malloc(POOL_LEN);
    run->certificates = certificates_new(&run->random, &run->hosts);
    if (!run->pool || !run->certificates) {
        fputs("generate: cannot make the certificates (memory or OpenSSL)\n", stderr);
        return false;
    }
    random_fill(&run->random, run->pool, POOL_LEN);
    run->wire = wire_open(run->options.path, run->options.nanoseconds);
    if (!run->wire)
        fprintf(stderr, "generate: %s: %s\n", run->options.path, strerror(errno));
    return run->wire;
}

int main(int argc, char **argv)
{
    struct run run = {0};
    int status = 2;

    if (!parse_options(argc, argv, &run.options))
        return 2;
    if (prepare(&run)) {
        play(&run);
        uint64_t packets = wire_packets(run.wire), bytes = wire_bytes(run.wire);
        int error = wire_close(run.wire);
        if (error) {
            fprintf(stderr, "generate: %s: %s\n", run.options.path, strerror(-error));
        } else {
            print_summary(&run, packets, bytes);
            status = 0;
        }
    }
    certificates_free(run.certificates);
    free(run.pool);
    free(run.heap.entries);
    return status;
}
