#include "capture/nearest.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#define LONGEST 64

/* Edit distance with swaps of neighbours (optimal string alignment), case ignored. */
static size_t distance(const char *a, const char *b)
{
    size_t la = strlen(a), lb = strlen(b);
    if (la > LONGEST || lb > LONGEST) {
        return SIZE_MAX;
    }
    size_t rows[3][LONGEST + 1];
    size_t *before = rows[0], *last = rows[1], *now = rows[2];
    for (size_t j = 0; j <= lb; j++) {
        last[j] = j;
        before[j] = 0;
    }
    for (size_t i = 1; i <= la; i++) {
        now[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            int x = tolower((unsigned char)a[i - 1]), y = tolower((unsigned char)b[j - 1]);
            size_t best = last[j - 1] + (x != y);
            best = last[j] + 1 < best ? last[j] + 1 : best;
            best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
            if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) &&
                y == tolower((unsigned char)a[i - 2]) && before[j - 2] + 1 < best) {
                best = before[j - 2] + 1;
            }
            now[j] = best;
        }
        size_t *spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return last[lb];
}

struct nearest nearest_of(const char *word)
{
    /* More than a third of the letters wrong is another word, not a misspelling. */
    return (struct nearest){.word = word, .distance = strlen(word) / 3 + 2};
}

void nearest_offer(struct nearest *n, const char *known)
{
    size_t d = distance(n->word, known);
    if (d < n->distance) {
        n->distance = d;
        n->best = known;
    }
}
