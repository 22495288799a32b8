#include "reports/run_counts.h"

#include <stdlib.h>
#include <string.h>

void protocol_tally_add(struct protocol_tally *t, const char *name)
{
    size_t low = 0, high = t->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(t->names[middle], name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low < t->count && strcmp(t->names[low], name) == 0) {
        t->flows[low]++;
        return;
    }
    char *copy = t->count == PROTOCOLS ? NULL : strdup(name);
    if (copy == NULL) {
        return;
    }
    memmove(t->names + low + 1, t->names + low, (t->count - low) * sizeof *t->names);
    memmove(t->flows + low + 1, t->flows + low, (t->count - low) * sizeof *t->flows);
    t->names[low] = copy;
    t->flows[low] = 1;
    t->count++;
}

void protocol_tally_done(struct protocol_tally *t)
{
    for (size_t i = 0; i < t->count; i++) {
        free(t->names[i]);
    }
}

void count_frame(struct run *run, enum decode_result result)
{
    switch (result) {
    case DECODE_NOT_IP:
        run->frames_not_ip++;
        break;
    case DECODE_TRUNCATED:
        run->frames_truncated++;
        break;
    case DECODE_MALFORMED:
    case DECODE_TOO_DEEP:
        run->frames_malformed++;
        break;
    case DECODE_UNKNOWN_LINK:
        run->frames_unknown_link++;
        break;
    case DECODE_OK:
    case DECODE_FRAGMENT:
        break;
    }
}
