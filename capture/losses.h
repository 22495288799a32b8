/*
 * losses.h - what a live capture lost, by kind and interval of time: silence within a lossy minute
 * says nothing, and a clean hour beside it still does.
 *
 * The meter is written by the threads that read and follow flows, and read at any time; the log
 * belongs to the thread that notes. Intervals in which nothing was lost are not kept.
 *
 * Units:  ns of capture time; totals since the start.
 * Limits: LIMIT_LOSS_INTERVALS; when there are more, neighbours become one.
 */
#ifndef ROLECALL_CAPTURE_LOSSES_H
#define ROLECALL_CAPTURE_LOSSES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/limits.h"
#include "capture/shed.h"
#include "capture/source.h"

enum loss_kind {
    LOSS_RING,         /* packets: the kernel's ring was full */
    LOSS_CARD,         /* packets: the interface had no room */
    LOSS_INTERFACE,    /* times that an interface went away or down */
    LOSS_CONVERSATION, /* conversations given up: memory limit */
    LOSS_CONTENT,      /* packets whose payload was shed (shed.h) */
    LOSS_NEWCOMERS,    /* packets of conversations that were shed */
    LOSS_KINDS
};

struct loss_meter {
    atomic_uint_fast64_t packets, totals[LOSS_KINDS]; /* packets read */
    atomic_int_fast64_t now_ns;                       /* 0: nothing was read yet */
};

struct loss_interval {
    int64_t from_ns, to_ns; /* the second is the first moment after it */
    uint64_t packets;       /* read */
    uint64_t lost[LOSS_KINDS];
};

struct loss_log {
    int64_t width_ns;
    uint64_t packets, totals[LOSS_KINDS]; /* as last noted */
    size_t count;                         /* the last one is still going on */
    struct loss_interval list[LIMIT_LOSS_INTERVALS];
};

/* By the thread that reads; `now` is the capture's time; `shed` NULL: nothing is. */
void loss_meter_read(struct loss_meter *m, const struct source_counts *c,
                     const struct shed_counts *shed, int64_t now_ns);
/* By any thread: that many more. */
static inline void loss_meter_add(struct loss_meter *m, enum loss_kind k, uint64_t more)
{
    atomic_fetch_add_explicit(&m->totals[k], more, memory_order_relaxed);
}

void loss_log_init(struct loss_log *l, int64_t width_ns);
/* Takes over what the meter shows. */
void loss_log_note(struct loss_log *l, const struct loss_meter *m);
/* How many of the list lost something. */
size_t loss_log_count(const struct loss_log *l);
bool loss_interval_any(const struct loss_interval *i);
uint64_t loss_interval_packets(const struct loss_interval *i); /* lost */
/* As records name it. */
const char *loss_kind_name(enum loss_kind k);

#endif
