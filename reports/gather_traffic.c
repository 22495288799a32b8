/*
 * gather_traffic.c - the time line: what each protocol carried, in at most LIMIT_TRAFFIC_BUCKETS
 * equal buckets of a round number of seconds.
 *
 * Flows come when they end, so the line grows at both sides; when it is too long, its buckets are
 * joined to the next round size, which is a multiple of the one before.
 */
#include "reports/gather_parts.h"

#define SECOND INT64_C(1000000000)

/* Up to sizes with which 200 buckets hold every moment that 64 bits of ns can tell. */
static const int64_t sizes[] = {1,     5,      10,      30,       60,       300,
                                600,   1800,   3600,    7200,     21600,    43200,
                                86400, 604800, 6048000, 60480000, 120960000};

static int64_t floor_divide(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int64_t larger_size(int64_t seconds)
{
    unsigned i = 0;
    while (sizes[i] <= seconds) {
        i++;
    }
    return sizes[i];
}

/* The same counts in buckets of `seconds`, of which the first is number `first`. */
static void rearrange(struct traffic *t, int64_t first, int64_t seconds, unsigned buckets)
{
    int64_t ratio = t->seconds == 0 ? 1 : seconds / t->seconds;
    for (unsigned p = 0; p < t->protocol_count; p++) {
        struct traffic_count moved[LIMIT_TRAFFIC_BUCKETS] = {0};
        for (unsigned b = 0; b < t->buckets; b++) {
            struct traffic_count *to = &moved[floor_divide(t->first + (int64_t)b, ratio) - first];
            to->flows += t->counts[p][b].flows;
            to->bytes += t->counts[p][b].bytes;
        }
        memcpy(t->counts[p], moved, sizeof moved);
    }
    t->first = first;
    t->seconds = seconds;
    t->buckets = buckets;
}

/* Makes room for both moments, in seconds. */
static void make_room(struct traffic *t, int64_t from, int64_t to)
{
    int64_t seconds = t->seconds == 0 ? sizes[0] : t->seconds;
    for (;; seconds = larger_size(seconds)) {
        int64_t low = floor_divide(from, seconds), high = floor_divide(to, seconds);
        if (t->buckets > 0) {
            int64_t ratio = seconds / t->seconds;
            int64_t first = floor_divide(t->first, ratio);
            int64_t last = floor_divide(t->first + (int64_t)t->buckets - 1, ratio);
            low = first < low ? first : low;
            high = last > high ? last : high;
        }
        if (high - low < (int64_t)LIMIT_TRAFFIC_BUCKETS) {
            unsigned buckets = (unsigned)(high - low) + 1;
            if (seconds != t->seconds || low != t->first || buckets != t->buckets) {
                rearrange(t, low, seconds, buckets);
            }
            return;
        }
    }
}

/* The last place is for protocols that have none of their own. */
static struct traffic_count *counts_of(struct traffic *t, struct gather_memory *m,
                                       const char *protocol)
{
    const unsigned last = LIMIT_TRAFFIC_PROTOCOLS - 1;
    unsigned i = 0;
    while (i < t->protocol_count && strcmp(t->protocols[i], protocol) != 0) {
        i++;
    }
    if (i < t->protocol_count) {
        return t->counts[i];
    }
    i = i < last ? i : last;
    const char *name = i == last ? "other" : arena_text(m->arena, protocol, strlen(protocol));
    if (name == NULL) {
        m->shed++;
        return NULL;
    }
    t->protocols[i] = name;
    t->protocol_count = i + 1;
    return t->counts[i];
}

void traffic_add(struct traffic *t, struct gather_memory *m, const struct observation *flow)
{
    const char *protocol = observation_text(flow, FACT_FLOW_PROTOCOL);
    int64_t start = (int64_t)observation_number(flow, FACT_FLOW_START, 0);
    int64_t end = (int64_t)observation_number(flow, FACT_FLOW_END, (uint64_t)start);
    int64_t from = floor_divide(start, SECOND);
    int64_t to = end < start ? from : floor_divide(end, SECOND);
    uint64_t bytes = observation_number(flow, FACT_FLOW_BYTES_CLIENT, 0) +
                     observation_number(flow, FACT_FLOW_BYTES_SERVER, 0);
    make_room(t, from, to);
    struct traffic_count *counts = counts_of(t, m, protocol == NULL ? "unknown" : protocol);
    if (counts == NULL) {
        return;
    }
    uint64_t low = (uint64_t)(floor_divide(from, t->seconds) - t->first);
    uint64_t high = (uint64_t)(floor_divide(to, t->seconds) - t->first);
    uint64_t parts = high - low + 1;
    counts[low].flows++;
    for (uint64_t b = low; b <= high; b++) {
        /* What does not divide evenly lies in front. */
        counts[b].bytes += bytes / parts + (b - low < bytes % parts);
    }
}
