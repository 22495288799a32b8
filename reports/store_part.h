/*
 * store_part.h - the inside of a store; only the files of the store include it.
 */
#ifndef ROLECALL_REPORTS_STORE_PART_H
#define ROLECALL_REPORTS_STORE_PART_H

#include <sqlite3.h>

#include "reports/store.h"

struct store {
    char *path;
    const char *name; /* of the path: as the user gave it */
    sqlite3 *db;
};

/* Puts the line about what SQLite refused into `error`; false. */
bool store_fails(const struct store *s, char error[STORE_ERROR]);
/* One statement, or several, without values. */
bool store_run(struct store *s, const char *sql, char error[STORE_ERROR]) MUST_USE;
/* A statement to be bound and stepped; NULL after an error. */
sqlite3_stmt *store_prepare(struct store *s, const char *sql, char error[STORE_ERROR]);
/* Runs a statement that gives no row, and makes it ready for the next values. */
bool store_step(struct store *s, sqlite3_stmt *statement, char error[STORE_ERROR]) MUST_USE;
/* The one number that a statement gives, with `id` as ?1; `otherwise` where it gives no row. */
bool store_number(struct store *s, const char *sql, int64_t id, int64_t otherwise,
                  char error[STORE_ERROR], int64_t *ret) MUST_USE;
/* Ends a transaction: its work stays when `good`, else it is as if it had not begun. */
bool store_end(struct store *s, bool good, char error[STORE_ERROR]) MUST_USE;
/* The names of an audit, within the transaction that adds it. */
bool store_add_names(struct store *s, int64_t id, struct bytes names,
                     char error[STORE_ERROR]) MUST_USE;
bool store_has(struct store *s, int64_t id, char error[STORE_ERROR]) MUST_USE;

#endif
