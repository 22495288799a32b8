#include "capture/source.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "capture/source_inputs.h"
#include "capture/source_live.h"

#define LINKTYPE_ETHERNET 1u

/* An input in the merge, ordered by the packet it would deliver next; before it is opened, by its
 * first. */
struct waiting {
    int64_t ns;
    size_t input;
    bool ready; /* `next` is a packet to deliver */
    struct packet next;
};

struct source {
    struct inputs inputs;
    struct live *live; /* NULL: files */
    struct filter *filter;
    struct source_counts counts;
    struct waiting **heap; /* NULL: a single input, or none with packets */
    size_t heap_count;
    struct waiting *waiting; /* one per input */
    bool ended;
    bool stale; /* the heap's first packet was delivered */
    char error[SOURCE_ERROR];
};

/* One packet of an input that passes the filter: 1, 0 at its end (which is counted), or a negative
 * errno. */
static int input_next(struct source *s, size_t index, struct packet *ret)
{
    struct reader *r = s->inputs.list[index].reader;
    enum reader_answer answer;
    while ((answer = reader_next(r, ret)) == READER_PACKET) {
        if (LIKELY(s->filter == NULL) || filter_passes(s->filter, ret)) {
            return 1;
        }
        s->counts.filtered++;
    }
    if (answer == READER_FAILED) {
        int code = r->feed.error;
        (void)snprintf(s->error, sizeof s->error, "%s: reading failed after packet %llu: %s",
                       s->inputs.list[index].path, (unsigned long long)r->number, strerror(-code));
        return code;
    }
    s->counts.truncated_files += answer == READER_CUT ? 1 : 0;
    inputs_close(&s->inputs, index);
    return 0;
}

static int deliver(struct source *s, struct packet *packet)
{
    struct source_counts *c = &s->counts;
    packet->at.order = ++c->packets;
    c->bytes += packet->wire_len;
    c->snapped += packet->data.len < packet->wire_len ? 1 : 0;
    if (c->packets == 1 || packet->at.ns < c->first_ns) {
        c->first_ns = packet->at.ns;
    }
    if (c->packets == 1 || packet->at.ns > c->last_ns) {
        c->last_ns = packet->at.ns;
    }
    return 1;
}

static bool comes_before(const struct waiting *a, const struct waiting *b)
{
    return a->ns < b->ns || (a->ns == b->ns && a->input < b->input);
}

static void sift_down(struct source *s, size_t at)
{
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= s->heap_count) {
            return;
        }
        if (child + 1 < s->heap_count && comes_before(s->heap[child + 1], s->heap[child])) {
            child++;
        }
        if (comes_before(s->heap[at], s->heap[child])) {
            return;
        }
        struct waiting *down = s->heap[at];
        s->heap[at] = s->heap[child];
        s->heap[child] = down;
        at = child;
    }
}

/* Gives the first of the heap its next packet and its new place; takes it out at its end. */
static int refill_first(struct source *s)
{
    struct waiting *first = s->heap[0];
    int result = inputs_open(&s->inputs, first->input, s->error);
    if (result == 0) {
        result = input_next(s, first->input, &first->next);
    }
    if (result < 0) {
        return result;
    }
    first->ready = result == 1;
    if (first->ready) {
        first->ns = first->next.at.ns;
    } else {
        s->heap[0] = s->heap[--s->heap_count];
    }
    sift_down(s, 0);
    return 0;
}

static int merged_next(struct source *s, struct packet *ret)
{
    while (s->heap_count > 0) {
        if (s->stale || !s->heap[0]->ready) {
            s->stale = false;
            int result = refill_first(s);
            if (result < 0) {
                s->ended = true;
                return result;
            }
            continue;
        }
        *ret = s->heap[0]->next;
        s->stale = true;
        return deliver(s, ret);
    }
    s->ended = true;
    return 0;
}

int source_next(struct source *s, struct packet *ret_packet)
{
    if (UNLIKELY(s->ended)) {
        return 0;
    }
    if (s->heap != NULL) {
        return merged_next(s, ret_packet);
    }
    int result = s->live != NULL ? live_next(s->live, ret_packet) : input_next(s, 0, ret_packet);
    if (result == SOURCE_IDLE) {
        return result;
    }
    if (UNLIKELY(result != 1)) {
        s->ended = true;
        return result;
    }
    return deliver(s, ret_packet);
}

static int start_merge(struct source *s, char error[SOURCE_ERROR])
{
    size_t count = s->inputs.count;
    s->waiting = calloc(count, sizeof *s->waiting);
    s->heap = calloc(count, sizeof(struct waiting *));
    if (s->waiting == NULL || s->heap == NULL) {
        (void)snprintf(error, SOURCE_ERROR, "out of memory for %zu inputs", count);
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        s->waiting[i] = (struct waiting){.ns = s->inputs.list[i].first_ns, .input = i};
        s->heap[i] = &s->waiting[i];
    }
    s->heap_count = count;
    for (size_t i = count / 2; i > 0; i--) {
        sift_down(s, i - 1);
    }
    return 0;
}

static int start_filter(struct source *s, const char *expression, char error[SOURCE_ERROR])
{
    s->filter = filter_new(expression);
    if (s->filter == NULL) {
        (void)snprintf(error, SOURCE_ERROR, "filter: out of memory");
        return -ENOMEM;
    }
    int result = 0;
    bool checked = false;
    for (size_t i = 0; i < s->inputs.count && result == 0; i++) {
        if (s->inputs.list[i].has_packets) {
            result = filter_check(s->filter, s->inputs.list[i].link_type, error);
            checked = true;
        }
    }
    return result == 0 && !checked ? filter_check(s->filter, LINKTYPE_ETHERNET, error) : result;
}

static int open_live(struct source *s, const char *const *names, size_t count,
                     const struct source_options *options, char error[SOURCE_ERROR])
{
    struct live_options live = {.names = names,
                                .count = count,
                                .buffer = options->buffer,
                                .keeper = options->keeper,
                                .filter = options->filter,
                                .stop = options->stop,
                                .pool = s->inputs.pool,
                                .counts = &s->counts};
    return live_open(&live, error, &s->live);
}

static int open_inputs(struct source *s, const char *const *paths, size_t count,
                       const struct source_options *options, char error[SOURCE_ERROR])
{
    if (count == 0) {
        (void)snprintf(error, SOURCE_ERROR,
                       "no input: give a capture file, a directory, or - for standard input");
        return -EINVAL;
    }
    s->inputs = (struct inputs){.pool = chunk_pool_new(),
                                .counts = &s->counts,
                                .keep_open = count == 1,
                                .stop = options == NULL ? NULL : options->stop,
                                .spool = options == NULL ? NULL : options->spool};
    if (s->inputs.pool == NULL) {
        (void)snprintf(error, SOURCE_ERROR, "out of memory");
        return -ENOMEM;
    }
    if (options != NULL && options->live) {
        return open_live(s, paths, count, options, error);
    }
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++) {
        result = inputs_add(&s->inputs, paths[i], error);
    }
    if (result == 0 && options != NULL && options->filter != NULL) {
        result = start_filter(s, options->filter, error);
    }
    if (result == 0 && s->inputs.count > 1) {
        result = start_merge(s, error);
    } else if (result == 0) {
        result = inputs_open(&s->inputs, 0, error); /* a directory's only capture was closed */
    }
    s->counts.octets_total = s->inputs.endless ? 0 : s->inputs.octets_total;
    return result;
}

int source_open(const char *const *paths, size_t count, const struct source_options *options,
                char error[SOURCE_ERROR], struct source **ret_source)
{
    struct source *s = calloc(1, sizeof *s);
    if (s == NULL) {
        (void)snprintf(error, SOURCE_ERROR, "out of memory");
        return -ENOMEM;
    }
    int result = open_inputs(s, paths, count, options, error);
    if (result != 0) {
        (void)source_free(s);
        return result;
    }
    *ret_source = s;
    return 0;
}

const struct source_counts *source_counts(const struct source *s)
{
    return &s->counts;
}

size_t source_files(const struct source *s)
{
    return s->inputs.count;
}

const char *source_file_name(const struct source *s, uint32_t file)
{
    assert(s->live != NULL || file < s->inputs.count);
    return s->live != NULL ? NULL : s->inputs.list[file].name;
}

const char *source_file_path(const struct source *s, uint32_t file)
{
    assert(file < s->inputs.count);
    return s->inputs.list[file].path;
}

const char *source_error(const struct source *s)
{
    return s->error;
}

struct source *source_free(struct source *s)
{
    if (s == NULL) {
        return NULL;
    }
    struct chunk_pool *pool = s->inputs.pool;
    (void)live_free(s->live);
    inputs_done(&s->inputs);
    chunk_pool_close(pool);
    (void)filter_free(s->filter);
    free(s->heap);
    free(s->waiting);
    free(s);
    return NULL;
}
