/*
 * store.h - every audit in one SQLite file: the records of its document as they are, and tables
 * with the columns that people ask for (store_schema.c), so that it can be listed, compared and
 * rendered again without the capture.
 *
 * An audit is one transaction: whatever happens meanwhile, it is in the file whole or not at all.
 * Several processes may use a file; writers wait for each other, LIMIT_STORE_WAIT_MS at most.
 *
 * Errors: false, with one line in `error` that says what, where and how to mend it.
 * Owner:  store_close frees; a file that cannot be opened is left as it was.
 */
#ifndef ROLECALL_REPORTS_STORE_H
#define ROLECALL_REPORTS_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "reports/document.h"

struct store;

#define STORE_ERROR 512

enum store_use {
    STORE_KEEP, /* to add audits: made where it is not there */
    STORE_LOOK, /* to read it, or to remove from it: it must be there */
};
bool store_open(const char *path, enum store_use use, char error[STORE_ERROR],
                struct store **ret) MUST_USE;
struct store *store_close(struct store *s); /* NULL is fine; returns NULL */

/* Adds an audit; its number, which is never used again. `names`: what a mask learned of them
 * (mask_write); empty: nothing, and the audit can never be masked. */
bool store_add(struct store *s, const struct document *d, struct bytes names,
               char error[STORE_ERROR], int64_t *ret_id) MUST_USE;
/* Writes these names to `out`: nothing where there are none. */
bool store_names(struct store *s, int64_t id, struct output *out, char error[STORE_ERROR]) MUST_USE;
/* The document as it was added, octet by octet (document_write). */
bool store_read(struct store *s, int64_t id, char error[STORE_ERROR],
                struct document **ret) MUST_USE;
/* The number that a word names: "12", "last", or "previous", the one before the last of the same
 * policy. */
bool store_find(struct store *s, const char *word, char error[STORE_ERROR],
                int64_t *ret_id) MUST_USE;

/* One record of type `history` an audit, oldest first: its figures and grades. Audits of one policy
 * are those with its path or its contents. `policy` and `sha256`: only its audits, the newest
 * LIMIT_STORE_HISTORY of them; NULL: all. */
bool store_history(struct store *s, const char *policy, const char *sha256, struct document **ret,
                   char error[STORE_ERROR]) MUST_USE;
/* Removes all but the newest `count` audits of each policy; how many went. */
bool store_keep(struct store *s, unsigned count, char error[STORE_ERROR],
                uint64_t *ret_removed) MUST_USE;

#endif
