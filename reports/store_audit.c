/*
 * store_audit.c - audits into a store and out of it.
 */
#include "reports/store_part.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "capture/limits.h"
#include "reports/arguments.h"
#include "reports/store_schema.h"

/* ---- adding ---- */

struct adding {
    struct store *store;
    char *error;
    sqlite3_stmt *find, *keep, *place;
    struct bytes names;
    int64_t id;
};

static int bind_text(sqlite3_stmt *statement, int at, struct bytes text)
{
    return sqlite3_bind_text64(statement, at, (const char *)text.at, text.len, SQLITE_STATIC,
                               SQLITE_UTF8);
}

/* The number of a text that may be stored already. */
static bool keep_text(struct adding *a, struct bytes text, int64_t *ret)
{
    int64_t hash = (int64_t)bytes_hash(BYTES_HASH_START, text);
    bool bound = sqlite3_bind_int64(a->find, 1, hash) == SQLITE_OK &&
                 bind_text(a->find, 2, text) == SQLITE_OK &&
                 sqlite3_bind_int64(a->keep, 1, hash) == SQLITE_OK &&
                 bind_text(a->keep, 2, text) == SQLITE_OK;
    int step = bound ? sqlite3_step(a->find) : SQLITE_ERROR;
    if (step == SQLITE_ROW) {
        *ret = sqlite3_column_int64(a->find, 0);
    }
    bool good = step == SQLITE_ROW || step == SQLITE_DONE || store_fails(a->store, a->error);
    (void)sqlite3_reset(a->find);
    if (good && step == SQLITE_DONE) {
        good = store_step(a->store, a->keep, a->error);
        *ret = sqlite3_last_insert_rowid(a->store->db);
    }
    return good;
}

static bool add_record(struct adding *a, size_t position, const json_t *record, struct bytes line)
{
    int64_t text = 0;
    const char *type = member_text(record, "type");
    if (!keep_text(a, line, &text)) {
        return false;
    }
    bool bound = sqlite3_bind_int64(a->place, 1, a->id) == SQLITE_OK &&
                 sqlite3_bind_int64(a->place, 2, (int64_t)position + 1) == SQLITE_OK &&
                 sqlite3_bind_text(a->place, 3, type, -1, SQLITE_STATIC) == SQLITE_OK &&
                 sqlite3_bind_int64(a->place, 4, text) == SQLITE_OK;
    return bound ? store_step(a->store, a->place, a->error) : store_fails(a->store, a->error);
}

/* `text`: the document, a line for each of its records. */
static bool add_lines(struct adding *a, const struct document *d, struct bytes text)
{
    bool good = true;
    for (size_t i = 0; good && i < d->line_count; i++) {
        const uint8_t *end = memchr(text.at, '\n', text.len);
        assert(end != NULL);
        size_t len = (size_t)(end - text.at);
        good = add_record(a, i, d->lines[i], bytes_of(text.at, len));
        text = bytes_from(text, len + 1);
    }
    return good;
}

static bool add_records(struct adding *a, const struct document *d, struct bytes text)
{
    a->find =
        store_prepare(a->store, "SELECT id FROM texts WHERE hash = ?1 AND json = ?2", a->error);
    a->keep = store_prepare(a->store, "INSERT INTO texts(hash, json) VALUES(?1, ?2)", a->error);
    a->place = store_prepare(a->store, "INSERT INTO records VALUES(?1, ?2, ?3, ?4)", a->error);
    bool good = a->find != NULL && a->keep != NULL && a->place != NULL && add_lines(a, d, text);
    (void)sqlite3_finalize(a->find);
    (void)sqlite3_finalize(a->keep);
    (void)sqlite3_finalize(a->place);
    return good;
}

/* Audits of one policy are those with its path or its contents: a policy is edited, and moved. */
#define SAME_POLICY "(policy = ?1 ->> 'policy' OR policy_sha256 = ?1 ->> 'policy_sha256')"
#define ADD_AUDIT                                                                                  \
    "INSERT INTO audits SELECT NULL,"                                                              \
    " coalesce((SELECT series FROM audits WHERE " SAME_POLICY " ORDER BY id DESC LIMIT 1),"        \
    "   (SELECT coalesce(max(series), 0) + 1 FROM audits)),"                                       \
    " strftime('%Y-%m-%dT%H:%M:%SZ', 'now'), ?1 ->> 'generated', ?1 ->> 'version', ?3,"            \
    " ?1 ->> 'policy', ?1 ->> 'policy_sha256', ?1 ->> 'profile', ?1 ->> 'start', ?1 ->> 'end',"    \
    " ?2 ->> '$.input.packets', ?2 ->> '$.input.bytes', ?2 ->> 'flows',"                           \
    " ?2 ->> '$.findings.critical', ?2 ->> '$.findings.high', ?2 ->> '$.findings.medium',"         \
    " ?2 ->> '$.findings.low', ?2 ->> '$.findings.info', ?2 ->> '$.findings.accepted',"            \
    " ?2 ->> '$.verdicts.violated', ?2 ->> '$.verdicts.consistent',"                               \
    " ?2 ->> '$.verdicts.not_observed', ?2 ->> '$.verdicts.not_assessable'"

static bool add_audit(struct adding *a, const struct document *d)
{
    char *audit = json_dumps(d->audit, JSON_COMPACT), *summary = json_dumps(d->summary, 0);
    sqlite3_stmt *statement = store_prepare(a->store, ADD_AUDIT, a->error);
    bool good = statement != NULL && audit != NULL && summary != NULL &&
                sqlite3_bind_text(statement, 1, audit, -1, SQLITE_STATIC) == SQLITE_OK &&
                sqlite3_bind_text(statement, 2, summary, -1, SQLITE_STATIC) == SQLITE_OK &&
                sqlite3_bind_int64(statement, 3, (int64_t)d->line_count) == SQLITE_OK;
    good = good ? store_step(a->store, statement, a->error) : store_fails(a->store, a->error);
    a->id = sqlite3_last_insert_rowid(a->store->db);
    (void)sqlite3_finalize(statement);
    free(audit);
    free(summary);
    return good;
}

static bool fill_tables(struct adding *a)
{
    bool good = true;
    for (unsigned i = 0; good && i < store_fill_count; i++) {
        sqlite3_stmt *statement = store_prepare(a->store, store_fills[i], a->error);
        good = statement != NULL && sqlite3_bind_int64(statement, 1, a->id) == SQLITE_OK &&
               store_step(a->store, statement, a->error);
        (void)sqlite3_finalize(statement);
    }
    return good;
}

static bool add(struct adding *a, const struct document *d, const struct output *lines)
{
    size_t len = 0;
    const char *text = output_memory(lines, &len);
    return add_audit(a, d) && add_records(a, d, bytes_of(text, len)) && fill_tables(a) &&
           (a->names.len == 0 || store_add_names(a->store, a->id, a->names, a->error));
}

bool store_add(struct store *s, const struct document *d, struct bytes names,
               char error[STORE_ERROR], int64_t *ret_id)
{
    struct adding a = {.store = s, .error = error, .names = names};
    struct output *lines = output_to_memory();
    bool good = lines != NULL;
    if (good) {
        document_write(lines, d);
        good = output_error(lines) == 0;
    }
    if (!good) {
        (void)snprintf(error, STORE_ERROR, "out of memory");
    }
    good = good && store_run(s, "BEGIN IMMEDIATE", error) && store_end(s, add(&a, d, lines), error);
    int closed = output_close(lines); /* memory: nothing that could fail */
    (void)closed;
    *ret_id = a.id;
    return good;
}

/* ---- reading ---- */

static bool no_audit(struct store *s, const char *word, char error[STORE_ERROR])
{
    int64_t first = 0, last = 0;
    if (!store_number(s, "SELECT min(id) FROM audits", 0, 0, error, &first) ||
        !store_number(s, "SELECT max(id) FROM audits", 0, 0, error, &last)) {
        return false;
    }
    if (last == 0) {
        (void)snprintf(error, STORE_ERROR, "%s: no audit is stored there", s->name);
    } else if (strcmp(word, "previous") == 0) {
        (void)snprintf(error, STORE_ERROR, "%s: no audit of the same policy before the last one",
                       s->name);
    } else {
        (void)snprintf(error, STORE_ERROR,
                       "%s: no audit %.40s; there are %" PRId64 " to %" PRId64
                       ", 'last' and 'previous' ('rolecall history' lists them)",
                       s->name, word, first, last);
    }
    return false;
}

bool store_find(struct store *s, const char *word, char error[STORE_ERROR], int64_t *ret_id)
{
    static const char last[] = "SELECT max(id) FROM audits";
    static const char previous[] =
        "SELECT max(a.id) FROM audits AS a, (SELECT max(id) AS id, series FROM audits) AS l"
        " WHERE a.series = l.series AND a.id < l.id";
    static const char same[] = "SELECT id FROM audits WHERE id = ?1";
    unsigned long number = 0;
    bool counted = argument_count(word, 1, INT32_MAX, &number);
    const char *sql = strcmp(word, "last") == 0       ? last
                      : strcmp(word, "previous") == 0 ? previous
                                                      : same;
    int64_t id = 0;
    if ((sql != same || counted) && !store_number(s, sql, (int64_t)number, 0, error, &id)) {
        return false;
    }
    if (id == 0) {
        return no_audit(s, word, error);
    }
    *ret_id = id;
    return true;
}

static bool is_damaged(const struct store *s, const char *how, char error[STORE_ERROR])
{
    (void)snprintf(error, STORE_ERROR, "%s: is damaged: %s; restore it from a copy", s->name, how);
    return false;
}

/* Each text is still the one that was stored: a disk may forget without telling. */
static bool read_lines(struct store *s, sqlite3_stmt *statement, struct output *out,
                       char error[STORE_ERROR])
{
    int step = SQLITE_ROW;
    while ((step = sqlite3_step(statement)) == SQLITE_ROW) {
        const void *text = sqlite3_column_text(statement, 0);
        struct bytes line = bytes_of(text, (size_t)sqlite3_column_bytes(statement, 0));
        if (line.at == NULL ||
            (int64_t)bytes_hash(BYTES_HASH_START, line) != sqlite3_column_int64(statement, 1)) {
            return is_damaged(s, "a record is not as it was stored", error);
        }
        output_octets(out, line.at, line.len);
        output_line(out);
    }
    if (output_error(out) < 0) {
        (void)snprintf(error, STORE_ERROR, "out of memory");
        return false;
    }
    return step == SQLITE_DONE || store_fails(s, error);
}

static bool parse_lines(const struct store *s, const struct output *out, int64_t records,
                        char error[STORE_ERROR], struct document **ret)
{
    char fault[DOCUMENT_ERROR] = "out of memory";
    size_t len = 0;
    const char *text = output_memory(out, &len);
    if (document_parse(bytes_of(text, len), fault, ret) < 0) {
        return is_damaged(s, fault, error);
    }
    if ((int64_t)(*ret)->line_count != records) {
        *ret = document_free(*ret);
        return is_damaged(s, "its records are not all there", error);
    }
    return true;
}

static bool read_audit(struct store *s, int64_t id, struct output *out, char error[STORE_ERROR],
                       struct document **ret)
{
    char word[24];
    int64_t records = -1;
    (void)snprintf(word, sizeof word, "%" PRId64, id);
    if (!store_number(s, "SELECT records FROM audits WHERE id = ?1", id, -1, error, &records)) {
        return false;
    }
    if (records < 0) {
        return no_audit(s, word, error);
    }
    sqlite3_stmt *statement =
        store_prepare(s,
                      "SELECT json, hash FROM records JOIN texts ON texts.id = text"
                      " WHERE audit = ?1 ORDER BY position",
                      error);
    bool good = statement != NULL && sqlite3_bind_int64(statement, 1, id) == SQLITE_OK &&
                read_lines(s, statement, out, error) && parse_lines(s, out, records, error, ret);
    (void)sqlite3_finalize(statement);
    return good;
}

bool store_read(struct store *s, int64_t id, char error[STORE_ERROR], struct document **ret)
{
    struct output *out = output_to_memory();
    if (out == NULL) {
        (void)snprintf(error, STORE_ERROR, "out of memory");
        return false;
    }
    /* One view of the file, whatever others remove from it meanwhile. */
    bool good =
        store_run(s, "BEGIN", error) && store_end(s, read_audit(s, id, out, error, ret), error);
    int closed = output_close(out); /* memory: nothing that could fail */
    (void)closed;
    return good;
}

/* ---- removing ---- */

#define KEEP                                                                                       \
    "DELETE FROM audits WHERE id IN (SELECT id FROM (SELECT id, row_number() OVER"                 \
    " (PARTITION BY series ORDER BY id DESC) AS age FROM audits) WHERE age > ?1)"

static bool remove_audits(struct store *s, unsigned count, char error[STORE_ERROR],
                          uint64_t *ret_removed)
{
    sqlite3_stmt *statement = store_prepare(s, KEEP, error);
    bool good = statement != NULL && sqlite3_bind_int64(statement, 1, count) == SQLITE_OK &&
                store_step(s, statement, error);
    *ret_removed = good ? (uint64_t)sqlite3_changes64(s->db) : 0;
    (void)sqlite3_finalize(statement);
    return good &&
           store_run(s, "DELETE FROM texts WHERE id NOT IN (SELECT text FROM records)", error);
}

bool store_keep(struct store *s, unsigned count, char error[STORE_ERROR], uint64_t *ret_removed)
{
    return store_run(s, "BEGIN IMMEDIATE", error) &&
           store_end(s, remove_audits(s, count, error, ret_removed), error) &&
           store_run(s, "PRAGMA incremental_vacuum", error);
}
