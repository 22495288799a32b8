/*
 * store.c - the file: opening, versions, errors, transactions.
 */
#include "reports/store_part.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/limits.h"
#include "reports/store_schema.h"

#define PATH_ROOM 4096u

/* ---- errors ---- */

static bool says(const struct store *s, char error[STORE_ERROR], const char *what)
{
    (void)snprintf(error, STORE_ERROR, "%s: %s", s->name, what);
    return false;
}

static bool says_why(const struct store *s, char error[STORE_ERROR], const char *what)
{
    int number = sqlite3_system_errno(s->db);
    (void)snprintf(error, STORE_ERROR, "%s: %s: %s", s->name, what,
                   number != 0 ? strerror(number) : sqlite3_errmsg(s->db));
    return false;
}

static bool is_write_protected(const struct store *s)
{
    return access(s->path, W_OK) != 0 && (errno == EROFS || errno == EACCES);
}

bool store_fails(const struct store *s, char error[STORE_ERROR])
{
    static const char protected[] =
        "may not be written; mend its rights, or name another with --store";
    switch (sqlite3_errcode(s->db) & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return says(s, error, "in use by another program; try again when it is done");
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return says(s, error, protected);
    case SQLITE_FULL:
        return says(s, error,
                    "no room left for the store; free some and run it again. What was stored "
                    "before is whole");
    case SQLITE_NOTADB:
        return says(s, error, "is not a store of rolecall; name another file with --store");
    case SQLITE_CORRUPT:
        return says(s, error,
                    "is damaged; restore it from a copy, or name a new file with --store");
    case SQLITE_CANTOPEN:
        return is_write_protected(s) ? says(s, error, protected)
                                     : says_why(s, error, "cannot be opened");
    case SQLITE_NOMEM:
        return says(s, error, "out of memory");
    case SQLITE_IOERR:
        return says_why(s, error, "cannot be read or written; what was stored before is whole");
    default:
        (void)snprintf(error, STORE_ERROR, "%s: %s", s->name, sqlite3_errmsg(s->db));
        return false;
    }
}

/* ---- statements ---- */

bool store_run(struct store *s, const char *sql, char error[STORE_ERROR])
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK || store_fails(s, error);
}

sqlite3_stmt *store_prepare(struct store *s, const char *sql, char error[STORE_ERROR])
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(s->db, sql, -1, &statement, NULL) != SQLITE_OK) {
        (void)store_fails(s, error);
    }
    return statement;
}

bool store_step(struct store *s, sqlite3_stmt *statement, char error[STORE_ERROR])
{
    bool done = sqlite3_step(statement) == SQLITE_DONE || store_fails(s, error);
    /* Its error is that of the step. */
    (void)sqlite3_reset(statement);
    return done;
}

bool store_number(struct store *s, const char *sql, int64_t id, int64_t otherwise,
                  char error[STORE_ERROR], int64_t *ret)
{
    sqlite3_stmt *statement = store_prepare(s, sql, error);
    if (statement == NULL) {
        return false;
    }
    int bound = sqlite3_bind_parameter_count(statement) == 0 ? SQLITE_OK
                                                             : sqlite3_bind_int64(statement, 1, id);
    int step = bound == SQLITE_OK ? sqlite3_step(statement) : bound;
    bool good = step == SQLITE_ROW || step == SQLITE_DONE || store_fails(s, error);
    if (good) {
        *ret = step == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : otherwise;
    }
    (void)sqlite3_finalize(statement);
    return good;
}

bool store_end(struct store *s, bool good, char error[STORE_ERROR])
{
    if (good && store_run(s, "COMMIT", error)) {
        return true;
    }
    /* Some errors have ended it already; the first line stays. */
    if (sqlite3_get_autocommit(s->db) == 0) {
        (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    }
    return false;
}

/* ---- opening ---- */

static bool header_number(struct store *s, const char *name, char error[STORE_ERROR], int64_t *ret)
{
    char sql[64];
    (void)snprintf(sql, sizeof sql, "PRAGMA %s", name);
    return store_number(s, sql, 0, 0, error, ret);
}

/* Version 0: an empty file, which is not yet a store. */
static bool check_header(struct store *s, char error[STORE_ERROR], int64_t *ret_version)
{
    int64_t application = 0, version = 0, tables = 0;
    /* Of one moment: another process may make the store between two of the readings. */
    if (!store_run(s, "BEGIN", error) ||
        !store_end(s,
                   header_number(s, "application_id", error, &application) &&
                       header_number(s, "user_version", error, &version) &&
                       store_number(s, "SELECT count(*) FROM sqlite_schema", 0, 0, error, &tables),
                   error)) {
        return false;
    }
    bool empty = application == 0 && version == 0 && tables == 0;
    if (!empty && application != STORE_APPLICATION_ID) {
        return says(s, error, "is a database of another program; name another file with --store");
    }
    if (version > store_version) {
        (void)snprintf(error, STORE_ERROR,
                       "%s: made by a newer rolecall (version %lld of the store, this one knows "
                       "%u); use that one",
                       s->name, (long long)version, store_version);
        return false;
    }
    *ret_version = version;
    return true;
}

static bool migrate(struct store *s, char error[STORE_ERROR])
{
    char sql[96];
    int64_t version = 0;
    /* Another process may have done it while this one waited. */
    bool good = header_number(s, "user_version", error, &version);
    if (good && version == store_version) {
        return true;
    }
    for (int64_t step = version; good && step < store_version; step++) {
        good = store_run(s, store_steps[step], error);
    }
    (void)snprintf(sql, sizeof sql, "PRAGMA application_id = %d; PRAGMA user_version = %u",
                   STORE_APPLICATION_ID, store_version);
    return good && store_run(s, sql, error);
}

static bool prepare_file(struct store *s, enum store_use use, char error[STORE_ERROR])
{
    int64_t version = 0;
    if (!check_header(s, error, &version)) {
        return false;
    }
    if (version == 0 && use == STORE_LOOK) {
        return says(s, error, "no audit is stored there");
    }
    if (version < store_version || use == STORE_KEEP) {
        /* What waits for nobody may fail while another process makes the same file: it sets the
         * same. */
        (void)sqlite3_exec(s->db, "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL",
                           NULL, NULL, NULL);
    }
    return version == store_version ||
           (store_run(s, "BEGIN IMMEDIATE", error) && store_end(s, migrate(s, error), error));
}

static bool open_database(struct store *s, const char *name, int flags, char error[STORE_ERROR])
{
    if (sqlite3_open_v2(name, &s->db, flags, NULL) != SQLITE_OK) {
        return s->db == NULL ? says(s, error, "out of memory") : store_fails(s, error);
    }
    (void)sqlite3_busy_timeout(s->db, LIMIT_STORE_WAIT_MS);
    /* A store may come from anywhere: what stands in it is data, never a program. */
    (void)sqlite3_limit(s->db, SQLITE_LIMIT_LENGTH, LIMIT_STORE_TEXT);
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    return store_run(
        s, "PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY",
        error);
}

/* Where nothing may be written nobody writes: it is read without the files beside it that readers
 * and writers otherwise share. */
static bool open_fixed(struct store *s, char error[STORE_ERROR])
{
    char name[3 * PATH_ROOM + 32] = "file:";
    size_t len = strlen(name);
    (void)sqlite3_close(s->db);
    s->db = NULL;
    /* RFC 3986: whatever means something in an address is written as its number. */
    for (const char *at = s->path; *at != '\0'; at++) {
        bool special = *at == '?' || *at == '#' || *at == '%';
        len += (size_t)snprintf(name + len, 4, special ? "%%%02x" : "%c", (unsigned char)*at);
    }
    (void)snprintf(name + len, sizeof name - len, "?immutable=1");
    return open_database(s, name, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, error);
}

static bool open_file(struct store *s, enum store_use use, char error[STORE_ERROR])
{
    char wal[PATH_ROOM + 8];
    (void)snprintf(wal, sizeof wal, "%s-wal", s->path);
    int flags = SQLITE_OPEN_READWRITE | (use == STORE_KEEP ? SQLITE_OPEN_CREATE : 0);
    if (open_database(s, s->path, flags, error) && prepare_file(s, use, error)) {
        return true;
    }
    bool fixed = use == STORE_LOOK && s->db != NULL && is_write_protected(s) &&
                 access(s->path, R_OK) == 0 && access(wal, F_OK) != 0;
    return fixed && open_fixed(s, error) && prepare_file(s, use, error);
}

bool store_open(const char *path, enum store_use use, char error[STORE_ERROR], struct store **ret)
{
    struct store *s = calloc(1, sizeof *s);
    /* No name of a file means something else to SQLite when it begins so. */
    bool named = s != NULL && asprintf(&s->path, "%s%s", path[0] == '/' ? "" : "./", path) >= 0;
    if (!named || strlen(s->path) >= PATH_ROOM) {
        (void)snprintf(error, STORE_ERROR, "%.80s: %s", path,
                       named ? strerror(ENAMETOOLONG) : "out of memory");
        free(named ? s->path : NULL);
        free(s);
        return false;
    }
    s->name = s->path + (path[0] == '/' ? 0 : 2);
    if (!open_file(s, use, error)) {
        store_close(s);
        return false;
    }
    *ret = s;
    return true;
}

struct store *store_close(struct store *s)
{
    if (s != NULL) {
        (void)sqlite3_close(s->db);
        free(s->path);
        free(s);
    }
    return NULL;
}
