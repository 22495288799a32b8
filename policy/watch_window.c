#include "policy/watch_window.h"

#include "policy/audit_state.h"

struct watch_window {
    struct watch_counted who;
    struct stamp *last; /* a ring of the rule's count; NULL: empty slot */
    unsigned begin, held;
};

#define FIRST_ROOM 64u

static unsigned place_of(const struct watch_windows *w, const struct watch_counted *who)
{
    unsigned at =
        (unsigned)bytes_hash(BYTES_HASH_START, bytes_of(who, sizeof *who)) & (w->room - 1);
    while (w->slots[at].last != NULL && memcmp(&w->slots[at].who, who, sizeof *who) != 0) {
        at = (at + 1) & (w->room - 1);
    }
    return at;
}

static bool grow(struct audit *a, struct watch_windows *w)
{
    struct watch_windows grown = {.room = w->room == 0 ? FIRST_ROOM : 2 * w->room,
                                  .count = w->count};
    grown.slots = audit_alloc(a, grown.room * sizeof *grown.slots);
    if (grown.slots == NULL) {
        return false;
    }
    for (unsigned i = 0; i < w->room; i++) {
        if (w->slots[i].last != NULL) {
            grown.slots[place_of(&grown, &w->slots[i].who)] = w->slots[i];
        }
    }
    *w = grown;
    return true;
}

static struct watch_window *window_of(struct audit *a, struct watch_windows *w,
                                      const struct watch_rule *rule,
                                      const struct watch_counted *who)
{
    if (2 * (w->count + 1) > w->room && w->room < 2 * LIMIT_WATCH_WINDOWS && !grow(a, w)) {
        return NULL;
    }
    struct watch_window *window = &w->slots[place_of(w, who)];
    if (window->last == NULL) {
        struct stamp *ring = NULL;
        if (w->count + 1 < LIMIT_WATCH_WINDOWS) {
            ring = audit_alloc(a, rule->count * sizeof *ring);
        } else {
            a->counts.state_shed++;
        }
        if (ring == NULL) {
            return NULL;
        }
        *window = (struct watch_window){.who = *who, .last = ring};
        w->count++;
    }
    return window;
}

bool watch_window_add(struct audit *a, struct watch_windows *w, const struct watch_rule *rule,
                      const struct watch_counted *who, const struct stamp *at,
                      struct stamp *ret_first)
{
    struct watch_window *window = window_of(a, w, rule, who);
    if (window == NULL) {
        return false;
    }
    while (window->held > 0 && at->ns - window->last[window->begin].ns > rule->within_ns) {
        window->begin = (window->begin + 1) % rule->count;
        window->held--;
    }
    window->last[(window->begin + window->held) % rule->count] = *at;
    if (++window->held < rule->count) {
        return false;
    }
    *ret_first = window->last[window->begin];
    window->held = 0;
    return true;
}
