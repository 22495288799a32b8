/*
 * fact.h - the vocabulary: what a dissector can state, a rule can ask and a writer can print.
 *
 * facts.def is the one table. It gives the enum, the JSON keys (the record type is the part before
 * the first dot), the names usable in a policy's `watch:` rules and the reference page.
 */
#ifndef ROLECALL_DISSECT_FACT_H
#define ROLECALL_DISSECT_FACT_H

#include <stdbool.h>
#include <stdint.h>

enum record {
#define RECORD(name, key) RECORD_##name,
#include "dissect/records.def"
#undef RECORD
    RECORD_COUNT
};

enum fact_type {
    FACT_TEXT,   /* UTF-8 */
    FACT_LIST,   /* UTF-8, stated any number of times; printed as an array */
    FACT_NUM,    /* unsigned integer */
    FACT_BOOL,   /* 0 or 1 */
    FACT_CODE16, /* printed as "0xc02f" */
    FACT_CODE32, /* printed as "0xc000006d" */
    FACT_HEX,    /* octets, printed as lower-case hex text */
    FACT_TIME,   /* ns since the Unix epoch, printed as RFC 3339 with the capture's precision */
    FACT_DATE,   /* ns since the Unix epoch, printed as RFC 3339 to the second */
    FACT_PACKET, /* a struct stamp, printed as the packet's number in its file */
};

enum fact_id {
#define FACT(id, key, type, spec, doc) FACT_##id,
#include "dissect/facts.def"
#undef FACT
    FACT_COUNT
};

struct fact_row {
    const char *key;  /* "smb.signing.client" */
    const char *spec; /* the clause it is read from */
    const char *doc;  /* one line */
    enum fact_type type;
};

extern const struct fact_row fact_rows[FACT_COUNT];
extern const char *const record_keys[RECORD_COUNT]; /* "flow", "tls", ... */

/* FACT_COUNT when there is no such key. */
enum fact_id fact_find(const char *key);
/* The key nearest to a misspelt one, or NULL when none is near. */
const char *fact_nearest(const char *key);

#endif
