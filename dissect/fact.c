#include "dissect/fact.h"

#include <stddef.h>
#include <string.h>

#include "capture/nearest.h"

const struct fact_row fact_rows[FACT_COUNT] = {
#define FACT(id, key, type, spec, doc) [FACT_##id] = {key, spec, doc, FACT_##type},
#include "dissect/facts.def"
#undef FACT
};

const char *const record_keys[RECORD_COUNT] = {
#define RECORD(name, key) [RECORD_##name] = key,
#include "dissect/records.def"
#undef RECORD
};

enum fact_id fact_find(const char *key)
{
    for (unsigned i = 0; i < FACT_COUNT; i++) {
        if (strcmp(fact_rows[i].key, key) == 0) {
            return (enum fact_id)i;
        }
    }
    return FACT_COUNT;
}

const char *fact_nearest(const char *key)
{
    struct nearest n = nearest_of(key);
    for (unsigned i = 0; i < FACT_COUNT; i++) {
        nearest_offer(&n, fact_rows[i].key);
    }
    return n.best;
}
