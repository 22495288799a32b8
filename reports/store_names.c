/*
 * store_names.c - the names of an audit that a mask replaces, beside its records.
 */
#include "reports/store_part.h"

bool store_add_names(struct store *s, int64_t id, struct bytes names, char error[STORE_ERROR])
{
    sqlite3_stmt *statement = store_prepare(s, "INSERT INTO names VALUES(?1, ?2)", error);
    bool bound = statement != NULL && sqlite3_bind_int64(statement, 1, id) == SQLITE_OK &&
                 sqlite3_bind_blob64(statement, 2, names.at, names.len, SQLITE_STATIC) == SQLITE_OK;
    bool good = bound ? store_step(s, statement, error) : store_fails(s, error);
    (void)sqlite3_finalize(statement);
    return good;
}

bool store_names(struct store *s, int64_t id, struct output *out, char error[STORE_ERROR])
{
    sqlite3_stmt *row = store_prepare(s, "SELECT list FROM names WHERE audit = ?1", error);
    bool bound = row != NULL && sqlite3_bind_int64(row, 1, id) == SQLITE_OK;
    int step = bound ? sqlite3_step(row) : SQLITE_ERROR;
    if (step == SQLITE_ROW) {
        output_octets(out, sqlite3_column_blob(row, 0), (size_t)sqlite3_column_bytes(row, 0));
    }
    bool good = step == SQLITE_DONE || step == SQLITE_ROW || store_fails(s, error);
    (void)sqlite3_finalize(row);
    return good;
}
