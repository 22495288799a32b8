#include "capture/losses.h"

#include <string.h>

void loss_log_init(struct loss_log *l, int64_t width_ns)
{
    l->width_ns = width_ns;
    l->packets = 0;
    l->count = 0;
    memset(l->totals, 0, sizeof l->totals);
}

bool loss_interval_any(const struct loss_interval *i)
{
    uint64_t sum = 0;
    for (unsigned k = 0; k < LOSS_KINDS; k++) {
        sum |= i->lost[k];
    }
    return sum != 0;
}

uint64_t loss_interval_packets(const struct loss_interval *i)
{
    return i->lost[LOSS_RING] + i->lost[LOSS_CARD];
}

static void set(atomic_uint_fast64_t *total, uint64_t value)
{
    atomic_store_explicit(total, value, memory_order_relaxed);
}

void loss_meter_read(struct loss_meter *m, const struct source_counts *c,
                     const struct shed_counts *shed, int64_t now_ns)
{
    if (shed != NULL) {
        set(&m->totals[LOSS_CONTENT], shed->content_packets);
        set(&m->totals[LOSS_NEWCOMERS], shed->newcomer_packets);
    }
    set(&m->packets, c->packets);
    set(&m->totals[LOSS_RING], c->dropped - c->card_dropped);
    set(&m->totals[LOSS_CARD], c->card_dropped);
    set(&m->totals[LOSS_INTERFACE], c->interface_losses);
    atomic_store_explicit(&m->now_ns, now_ns, memory_order_relaxed);
}

static void join(struct loss_interval *to, const struct loss_interval *next)
{
    to->from_ns = next->from_ns < to->from_ns ? next->from_ns : to->from_ns;
    to->to_ns = next->to_ns > to->to_ns ? next->to_ns : to->to_ns;
    to->packets += next->packets;
    for (unsigned k = 0; k < LOSS_KINDS; k++) {
        to->lost[k] += next->lost[k];
    }
}

static void halve(struct loss_log *l)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->count; i += 2) {
        l->list[kept] = l->list[i];
        if (i + 1 < l->count) {
            join(&l->list[kept], &l->list[i + 1]);
        }
        kept++;
    }
    l->count = kept;
}

/* The interval of this moment, the last of the list. */
static struct loss_interval *interval_at(struct loss_log *l, int64_t now)
{
    struct loss_interval *last = l->count == 0 ? NULL : &l->list[l->count - 1];
    if (last != NULL && now >= last->from_ns && now < last->to_ns) {
        return last;
    }
    if (last == NULL || loss_interval_any(last)) {
        if (l->count == LIMIT_LOSS_INTERVALS) {
            halve(l);
        }
        last = &l->list[l->count++];
    }
    int64_t from = now - now % l->width_ns;
    *last = (struct loss_interval){.from_ns = from, .to_ns = from + l->width_ns};
    return last;
}

static uint64_t grown(const atomic_uint_fast64_t *total, uint64_t *noted)
{
    uint64_t now = atomic_load_explicit(total, memory_order_relaxed);
    uint64_t more = now - *noted;
    *noted = now;
    return more;
}

void loss_log_note(struct loss_log *l, const struct loss_meter *m)
{
    int64_t now = atomic_load_explicit(&m->now_ns, memory_order_relaxed);
    if (now <= 0) {
        return;
    }
    struct loss_interval *i = interval_at(l, now);
    i->packets += grown(&m->packets, &l->packets);
    for (unsigned k = 0; k < LOSS_KINDS; k++) {
        i->lost[k] += grown(&m->totals[k], &l->totals[k]);
    }
}

size_t loss_log_count(const struct loss_log *l)
{
    return l->count > 0 && !loss_interval_any(&l->list[l->count - 1]) ? l->count - 1 : l->count;
}

const char *loss_kind_name(enum loss_kind k)
{
    static const char *const names[LOSS_KINDS] = {
        [LOSS_RING] = "ring",
        [LOSS_CARD] = "card",
        [LOSS_INTERFACE] = "interfaces",
        [LOSS_CONVERSATION] = "conversations",
        [LOSS_CONTENT] = "content",
        [LOSS_NEWCOMERS] = "newcomers",
    };
    return names[k];
}
