/*
 * heap.h - the heap of the process on large pages.
 *
 * Tables of flows, names and findings are looked into at random places. On pages of 4 KiB most such
 * looks miss the processor's table of pages as well as its caches, which made an audit a tenth
 * slower.
 */
#ifndef ROLECALL_CAPTURE_HEAP_H
#define ROLECALL_CAPTURE_HEAP_H

/* Once, before much is allocated. Where the system has no large pages to give, nothing changes. */
void heap_use_large_pages(void);

#endif
