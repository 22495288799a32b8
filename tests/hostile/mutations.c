/*
 * mutations.c - audits many broken captures in one process: each file cut at every STEP octets, and
 * with octets flipped.
 *
 * usage: mutations [OPTION]... POLICY FILE...
 *   --step N     cut at every N-th octet (default 1000); 0: never
 *   --every N    take one cut in N only (default 1)
 *   --seeds N    flipped copies of each kind (default 20)
 *   --ndpi       ask nDPI as well, which costs a module's start each run
 *   --note FILE  write what is about to be run there, for who comes after a crash
 *
 * Of the two kinds of flipped copies one is flipped anywhere, so that it breaks the file's own
 * records soon, and one within packets only. A run that takes more than twice the processor time
 * of the whole file's, and more than a floor, is a failure, when it does so three times. With nDPI
 * this is per flow, because each one that flipped addresses make up is shown to it.
 * Exit status: 0, 1 when a run took too long, 2 when something could not be done.
 */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "pipeline.h"
#include "policy/policy.h"
#include "policy/rule.h"
#include "reports/formats.h"
#include "reports/records_report.h"

#define MEMORY (64u << 20)
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(SANITIZED) || defined(__SANITIZE_ADDRESS__)
#define SLOWED 4 /* by what watches it */
#else
#define SLOWED 1
#endif
#define FLOOR_NS INT64_C(20000000)
#define FLOOR_NDPI_NS                                                                              \
    INT64_C(600000000) /* each shard starts an nDPI module of 25 ms when it first asks */
#define TRIES 3
#define FLIPPED_ONE_IN 100
#define NS 1000000000

struct options {
    unsigned long step, every, seeds;
    bool ndpi;
    const char *note;
};

struct totals {
    unsigned long files, cuts, flips, refused, slow;
    uint64_t records;
    uint64_t flows; /* of the last run */
    double worst;   /* processor time of a run over what it may take, where above the floor */
};

/* What one run works with. */
struct run_state {
    struct audit *audit;
    struct output *out;
    struct record_names names;
    uint64_t records;
};

struct bench {
    const struct options *options;
    const struct policy *policy;
    struct totals totals;
    int64_t floor, whole_time; /* of the file as it is */
    uint64_t whole_flows;
    int memory, note; /* descriptors of the file in memory and of the note */
    char path[32];    /* the file in memory, as rolecall opens it */
};

static void fail(const char *what)
{
    perror(what);
    exit(2);
}

static int64_t processor_time(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * NS + now.tv_nsec;
}

/* ---- one run ---- */

static void opened(void *user, const struct source *source)
{
    struct run_state *s = user;
    s->names.source = source;
}

static bool observe(void *user, const struct observation *o)
{
    struct run_state *s = user;
    record_observation(s->out, &s->names, o);
    audit_observe(s->audit, o);
    s->records++;
    return output_error(s->out) == 0;
}

static void write_all(struct run_state *s, struct pipeline *p)
{
    struct document *d = NULL;
    audit_finish(s->audit);
    if (records_document(&(struct results){.names = &s->names,
                                           .run = pipeline_summary(p),
                                           .audit = s->audit,
                                           .generated_ns = INT64_MIN},
                         false, &d) < 0) {
        fail("memory");
    }
    document_write(s->out, d);
    render_text(s->out, d, &(struct render_options){0});
    document_free(d);
}

/* Audits what the file in memory holds; processor time. */
static int64_t audit_once(struct bench *b)
{
    int64_t begin = processor_time();
    const char *input = b->path;
    char error[SOURCE_ERROR];
    struct pipeline *p = NULL;
    struct run_state s = {.audit = audit_new(b->policy), .names = {.policy = b->policy}};
    if (s.audit == NULL || output_open("/dev/null", &s.out) < 0) {
        fail("audit");
    }
    struct pipeline_options options = {
        .inputs = &input,
        .input_count = 1,
        .engine = {.no_ndpi = !b->options->ndpi, .secrets = true, .records = UINT32_MAX},
        .workers = 1,
        .memory = MEMORY,
        .observe = observe,
        .opened = opened,
        .user = &s,
    };
    if (pipeline_open(&options, error, &p) < 0 || pipeline_run(p, error) < 0) {
        b->totals.refused++;
    }
    if (p != NULL) {
        write_all(&s, p);
        b->totals.flows = pipeline_summary(p)->flows.flows;
    }
    if (output_close(s.out) < 0) {
        fail("/dev/null");
    }
    pipeline_close(p);
    audit_free(s.audit);
    b->totals.records += s.records;
    return processor_time() - begin;
}

static int64_t least_time(struct bench *b)
{
    int64_t least = INT64_MAX;
    for (unsigned i = 0; i < TRIES; i++) {
        int64_t took = audit_once(b);
        least = took < least ? took : least;
    }
    return least;
}

/* Twice the whole file's time; with nDPI for as many flows as the last run had. */
static int64_t allowance(const struct bench *b)
{
    uint64_t whole = b->whole_flows > 0 ? b->whole_flows : 1, flows = b->totals.flows;
    double share = b->options->ndpi && flows > whole ? (double)flows / (double)whole : 1;
    return (int64_t)(2 * share * (double)b->whole_time);
}

static void judge_run(struct bench *b, const char *file, const char *how)
{
    char note[512] = "";
    int len = snprintf(note, sizeof note, "%s %s\n", file, how);
    if (b->note >= 0 && (ftruncate(b->note, 0) != 0 || pwrite(b->note, note, (size_t)len, 0) < 0)) {
        fail(b->options->note);
    }
    int64_t took = audit_once(b);
    if (took <= b->floor) {
        return;
    }
    int64_t most = allowance(b);
    took = took > most ? least_time(b) : took;
    double ratio = (double)took / (double)most;
    b->totals.worst = ratio > b->totals.worst ? ratio : b->totals.worst;
    if (took > b->floor && took > most) {
        b->totals.slow++;
        (void)printf("SLOW %s %s: %.1f ms, %.1f are allowed\n", file, how, (double)took / 1e6,
                     (double)most / 1e6);
    }
}

/* ---- mutations ---- */

static void put(struct bench *b, const uint8_t *octets, size_t from, size_t to)
{
    if (ftruncate(b->memory, (off_t)to) != 0 ||
        pwrite(b->memory, octets + from, to - from, (off_t)from) != (ssize_t)(to - from)) {
        fail("memory");
    }
}

static void cut(struct bench *b, const char *file, struct bytes whole)
{
    char how[64];
    size_t step = b->options->step * b->options->every, done = 0;
    for (size_t at = step; step != 0 && at < whole.len; at += step) {
        (void)snprintf(how, sizeof how, "cut at %zu", at);
        put(b, whole.at, done, at);
        done = at;
        judge_run(b, file, how);
        b->totals.cuts++;
    }
}

/* splitmix64 */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static void flip_span(uint8_t *at, size_t len, uint64_t *state)
{
    for (size_t i = 0; i < len; i++) {
        uint64_t r = next_random(state);
        at[i] ^= r % FLIPPED_ONE_IN == 0 ? (uint8_t)(1 + (r >> 32) % 255) : 0;
    }
}

static uint32_t word_at(const uint8_t *at, bool swapped)
{
    uint32_t v =
        (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
    return swapped ? __builtin_bswap32(v) : v;
}

#define PCAP_HEADER 24
#define PCAP_RECORD 16
#define BLOCK_ENHANCED 6
#define BLOCK_ENHANCED_HEADER 28

/* Packets of a pcap file: records of 16 octets, the length captured in the third word. */
static void flip_pcap(uint8_t *octets, size_t len, uint64_t *state)
{
    bool swapped = octets[0] == 0xa1;
    for (size_t at = PCAP_HEADER; len - at > PCAP_RECORD;) {
        size_t captured = word_at(octets + at + 8, swapped), left = len - at - PCAP_RECORD;
        captured = captured < left ? captured : left;
        flip_span(octets + at + PCAP_RECORD, captured, state);
        at += PCAP_RECORD + captured;
    }
}

/* Packets of a pcapng file: enhanced packet blocks of its first section's byte order. */
static void flip_pcapng(uint8_t *octets, size_t len, uint64_t *state)
{
    bool swapped = octets[8] == 0x1a;
    for (size_t at = 0; len - at > BLOCK_ENHANCED_HEADER;) {
        size_t block = word_at(octets + at + 4, swapped), left = len - at;
        if (block < 12 || block > left) {
            return;
        }
        if (word_at(octets + at, swapped) == BLOCK_ENHANCED && block > BLOCK_ENHANCED_HEADER) {
            size_t captured = word_at(octets + at + 20, swapped);
            left = block - BLOCK_ENHANCED_HEADER;
            flip_span(octets + at + BLOCK_ENHANCED_HEADER, captured < left ? captured : left,
                      state);
        }
        at += block;
    }
}

static void flip(struct bench *b, const char *file, struct bytes whole)
{
    char how[64];
    uint8_t *copy = malloc(whole.len);
    if (copy == NULL) {
        fail(file);
    }
    for (unsigned long i = 0; i < 2 * b->options->seeds; i++) {
        bool packets = i % 2 != 0;
        uint64_t state = i / 2;
        memcpy(copy, whole.at, whole.len);
        if (!packets) {
            flip_span(copy, whole.len, &state);
        } else if (copy[0] == 0x0a) {
            flip_pcapng(copy, whole.len, &state);
        } else {
            flip_pcap(copy, whole.len, &state);
        }
        (void)snprintf(how, sizeof how, "flipped %s, seed %lu", packets ? "in packets" : "anywhere",
                       i / 2);
        put(b, copy, 0, whole.len);
        judge_run(b, file, how);
        b->totals.flips++;
    }
    free(copy);
}

/* ---- files ---- */

static void run_file(struct bench *b, const char *path)
{
    FILE *in = fopen(path, "rb");
    long size = 0;
    if (in == NULL || fseek(in, 0, SEEK_END) != 0 || (size = ftell(in)) < PCAP_HEADER) {
        fail(path);
    }
    uint8_t *octets = malloc((size_t)size);
    rewind(in);
    if (octets == NULL || fread(octets, 1, (size_t)size, in) != (size_t)size) {
        fail(path);
    }
    (void)fclose(in);
    struct bytes whole = bytes_of(octets, (size_t)size);
    put(b, octets, 0, whole.len);
    b->whole_time = least_time(b);
    b->whole_flows = b->totals.flows;
    cut(b, path, whole);
    flip(b, path, whole);
    free(octets);
    b->totals.files++;
}

static unsigned long number(const char *text)
{
    char *end = NULL;
    unsigned long value = strtoul(text, &end, 10);
    if (end == text || *end != '\0') {
        (void)fprintf(stderr, "mutations: %s: expected a number\n", text);
        exit(2);
    }
    return value;
}

static void parse(struct options *o, int argc, char **argv)
{
    static const struct option words[] = {
        {"step", required_argument, NULL, 's'},  {"every", required_argument, NULL, 'e'},
        {"seeds", required_argument, NULL, 'n'}, {"ndpi", no_argument, NULL, 'd'},
        {"note", required_argument, NULL, 'o'},  {NULL, 0, NULL, 0},
    };
    *o = (struct options){.step = 1000, .every = 1, .seeds = 20};
    for (int c; (c = getopt_long(argc, argv, "", words, NULL)) != -1;) {
        switch (c) {
        case 's':
            o->step = number(optarg);
            break;
        case 'e':
            o->every = number(optarg);
            break;
        case 'n':
            o->seeds = number(optarg);
            break;
        case 'd':
            o->ndpi = true;
            break;
        case 'o':
            o->note = optarg;
            break;
        default:
            exit(2);
        }
    }
}

int main(int argc, char **argv)
{
    struct options o;
    struct policy *policy = NULL;
    parse(&o, argc, argv);
    if (argc - optind < 2 || policy_load(argv[optind], NULL, &rule_names, stderr, &policy) < 0) {
        (void)fputs("usage: mutations [OPTION]... POLICY FILE...\n", stderr);
        return 2;
    }
    struct bench b = {.options = &o, .policy = policy, .note = -1};
    b.floor = SLOWED * (o.ndpi ? FLOOR_NDPI_NS : FLOOR_NS);
    if ((b.memory = memfd_create("capture", 0)) < 0 ||
        (o.note != NULL && (b.note = open(o.note, O_WRONLY | O_CREAT | O_TRUNC, 0666)) < 0)) {
        fail("mutations");
    }
    (void)snprintf(b.path, sizeof b.path, "/proc/self/fd/%d", b.memory);
    for (int i = optind + 1; i < argc; i++) {
        run_file(&b, argv[i]);
    }
    policy_free(policy);
    (void)close(b.memory);
    const struct totals *t = &b.totals;
    (void)printf("%lu files, %lu cuts, %lu flipped copies, %lu inputs refused, %llu records, "
                 "%lu too slow; the slowest took %.2f of what it may\n",
                 t->files, t->cuts, t->flips, t->refused, (unsigned long long)t->records, t->slow,
                 t->worst);
    return t->slow > 0 ? 1 : 0;
}
