#include "capture/heap.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* What most audits need. It is addresses that are taken, not memory: pages come when they are
 * touched. */
#define HEAP_OCTETS (64u << 20)
#define LARGE_PAGE (2u << 20)
/* More than that is taken by small steps, which succeed where memory is nearly used up. */
#define STEP_OCTETS (1u << 20)
/* Free octets at the heap's end that are kept. */
#define KEPT_OCTETS (HEAP_OCTETS + (16u << 20))
/* Below malloc's threshold for memory of its own, and enough of them to use up what it has. */
#define PIECE_OCTETS (96u << 10)
#define PIECES 4u

void heap_use_large_pages(void)
{
    void *pieces[PIECES] = {NULL};
    const char *before = sbrk(0), *end = before;
    (void)mallopt(M_TOP_PAD, HEAP_OCTETS);
    for (unsigned i = 0; i < PIECES && end == before; i++) {
        pieces[i] = malloc(PIECE_OCTETS);
        end = sbrk(0);
    }
    (void)mallopt(M_TOP_PAD, STEP_OCTETS);
    (void)mallopt(M_TRIM_THRESHOLD, KEPT_OCTETS);
    uintptr_t begin = ((uintptr_t)before + LARGE_PAGE - 1) & ~(uintptr_t)(LARGE_PAGE - 1);
    if ((uintptr_t)end > begin) {
        /* Refused where there are none: then the heap is as it was. */
        (void)madvise((char *)(uintptr_t)begin, (uintptr_t)end - begin, MADV_HUGEPAGE);
    }
    for (unsigned i = 0; i < PIECES; i++) {
        free(pieces[i]);
    }
}
