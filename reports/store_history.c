/*
 * store_history.c - the figures of stored audits, as records: for the list, and for the trend that
 * a report draws.
 */
#include <string.h>

#include "capture/limits.h"
#include "reports/records.h"
#include "reports/store_part.h"

#define COLUMNS                                                                                    \
    "SELECT id, series, stored, policy, policy_sha256, version, generated, traffic_start,"         \
    " traffic_end, critical, high, medium, low, info, accepted FROM audits"
#define ALL COLUMNS " ORDER BY id"
#define OF_POLICY                                                                                  \
    COLUMNS " WHERE id IN (SELECT id FROM audits WHERE series = (SELECT series FROM audits"        \
            " WHERE policy = ?1 OR policy_sha256 = ?2 ORDER BY id DESC LIMIT 1)"                   \
            " ORDER BY id DESC LIMIT ?3) ORDER BY id"
#define GRADES "SELECT chapter, grade, points FROM grades WHERE audit = ?1 ORDER BY position"

enum column {
    COLUMN_ID,
    COLUMN_SERIES,
    COLUMN_STORED,
    COLUMN_POLICY,
    COLUMN_SHA256,
    COLUMN_VERSION,
    COLUMN_GENERATED,
    COLUMN_START,
    COLUMN_END,
    COLUMN_CRITICAL
};

static void add_text(struct json *j, const char *key, sqlite3_stmt *row, int column)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    json_text(j, key, text);
}

static void add_count(struct json *j, const char *key, sqlite3_stmt *row, int column)
{
    int64_t count = sqlite3_column_int64(row, column);
    json_number(j, key, count < 0 ? 0 : (uint64_t)count);
}

static bool add_grades(struct json *j, struct store *s, sqlite3_stmt *grades, int64_t id,
                       char error[STORE_ERROR])
{
    int step = sqlite3_bind_int64(grades, 1, id);
    json_open(j, "grades", '[');
    while (step != SQLITE_DONE && (step = sqlite3_step(grades)) == SQLITE_ROW) {
        json_open(j, NULL, '{');
        add_text(j, "chapter", grades, 0);
        if (sqlite3_column_type(grades, 1) != SQLITE_NULL) {
            add_text(j, "grade", grades, 1);
            add_count(j, "points", grades, 2);
        }
        json_close(j, '}');
    }
    json_close(j, ']');
    bool good = step == SQLITE_DONE || store_fails(s, error);
    (void)sqlite3_reset(grades);
    return good;
}

/* `listed`: also where and when it was stored; in a document, only what the audit itself says. */
static bool add_audit(struct store *s, struct output *out, sqlite3_stmt *row, sqlite3_stmt *grades,
                      bool listed, char error[STORE_ERROR])
{
    static const char *const counts[] = {"critical", "high", "medium", "low", "info", "accepted"};
    struct json j = record_begin(out, "history");
    add_count(&j, "id", row, COLUMN_ID);
    if (listed) {
        add_count(&j, "series", row, COLUMN_SERIES);
        add_text(&j, "stored", row, COLUMN_STORED);
    }
    add_text(&j, "policy", row, COLUMN_POLICY);
    add_text(&j, "policy_sha256", row, COLUMN_SHA256);
    add_text(&j, "version", row, COLUMN_VERSION);
    add_text(&j, "generated", row, COLUMN_GENERATED);
    add_text(&j, "start", row, COLUMN_START);
    add_text(&j, "end", row, COLUMN_END);
    json_open(&j, "findings", '{');
    for (int i = 0; i < (int)(sizeof counts / sizeof *counts); i++) {
        add_count(&j, counts[i], row, COLUMN_CRITICAL + i);
    }
    json_close(&j, '}');
    bool good = add_grades(&j, s, grades, sqlite3_column_int64(row, COLUMN_ID), error);
    record_end(&j);
    return good;
}

static bool bind(sqlite3_stmt *rows, const char *policy, const char *sha256)
{
    return policy == NULL || (sqlite3_bind_text(rows, 1, policy, -1, SQLITE_STATIC) == SQLITE_OK &&
                              sqlite3_bind_text(rows, 2, sha256, -1, SQLITE_STATIC) == SQLITE_OK &&
                              sqlite3_bind_int(rows, 3, LIMIT_STORE_HISTORY) == SQLITE_OK);
}

static bool add_audits(struct store *s, const char *policy, const char *sha256, struct output *out,
                       char error[STORE_ERROR])
{
    sqlite3_stmt *rows = store_prepare(s, policy == NULL ? ALL : OF_POLICY, error);
    sqlite3_stmt *grades = rows == NULL ? NULL : store_prepare(s, GRADES, error);
    bool good = grades != NULL;
    int step = good && bind(rows, policy, sha256) ? SQLITE_ROW : SQLITE_ERROR;
    while (good && step == SQLITE_ROW && (step = sqlite3_step(rows)) == SQLITE_ROW) {
        good = add_audit(s, out, rows, grades, policy == NULL, error);
    }
    good = good && (step == SQLITE_DONE || store_fails(s, error));
    (void)sqlite3_finalize(rows);
    (void)sqlite3_finalize(grades);
    return good;
}

bool store_history(struct store *s, const char *policy, const char *sha256, struct document **ret,
                   char error[STORE_ERROR])
{
    struct document_draft draft;
    if (document_begin(&draft) < 0) {
        (void)snprintf(error, STORE_ERROR, "out of memory");
        return false;
    }
    bool good = add_audits(s, policy, sha256, draft.out, error);
    if (document_finish(&draft, ret) < 0) {
        (void)snprintf(error, STORE_ERROR, "out of memory");
        return false;
    }
    if (!good) {
        *ret = document_free(*ret);
    }
    return good;
}
