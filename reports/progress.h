/*
 * progress.h - how far a long run is, on standard error when that is a terminal: share, rate, time
 * left.
 *
 * Called from one thread. Redraws at most five times a second, and not before the first half
 * second, so that short runs stay silent. progress_end wipes the line.
 */
#ifndef ROLECALL_REPORTS_PROGRESS_H
#define ROLECALL_REPORTS_PROGRESS_H

#include <time.h>

#include "capture/source.h"

struct progress {
    bool on;
    struct timespec started, drawn;
    unsigned columns; /* drawn last */
};

void progress_begin(struct progress *p, bool wanted);
void progress_show(struct progress *p, const struct source_counts *counts);
void progress_end(struct progress *p);

#endif
