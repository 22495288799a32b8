/*
 * test_store.c - the store of audits from inside: documents in and out, names of audits, earlier
 * audits, retention, what is told of a file that is in use or full.
 */
#include "tests/test.h"

#include <stdlib.h>
#include <unistd.h>

#include "reports/store_part.h"

#define AUDIT(policy, sha)                                                                         \
    "{\"type\":\"audit\",\"tool\":\"rolecall\",\"version\":\"0.1.0\",\"policy\":\"" policy         \
    "\",\"policy_sha256\":\"" sha "\",\"profile\":\"current\",\"generated\":"                      \
    "\"2026-11-26T18:00:00Z\",\"start\":\"2026-11-23T08:00:00.5Z\","                               \
    "\"end\":\"2026-11-23T09:00:00Z\"}\n"
#define SUMMARY                                                                                    \
    "{\"type\":\"summary\",\"input\":{\"packets\":10,\"bytes\":1000},\"flows\":3,"                 \
    "\"findings\":{\"critical\":1,\"high\":0,\"medium\":0,\"low\":0,\"info\":2,\"accepted\":0},"   \
    "\"verdicts\":{\"violated\":1,\"consistent\":2,\"not_observed\":3,\"not_assessable\":4}}\n"
#define FINDING                                                                                    \
    "{\"type\":\"finding\",\"id\":\"0123456789abcdef\",\"rule\":\"smb1-used\",\"code\":\"R060\","  \
    "\"severity\":\"critical\",\"client\":{\"ip\":\"10.0.0.1\",\"group\":\"hq\"},"                 \
    "\"server\":{\"ip\":\"10.0.0.2\",\"name\":\"dp01\",\"port\":445},\"count\":7,"                 \
    "\"accepted\":{\"reason\":\"x\",\"until\":\"2020-01-31\",\"expired\":true}}\n"
#define TRAFFIC                                                                                    \
    "{\"type\":\"traffic\",\"start\":\"2026-11-23T08:00:00Z\",\"seconds\":60,"                     \
    "\"protocols\":{\"smb\":{\"flows\":2,\"bytes\":900},\"a'b\\\"c\":{\"flows\":1,\"bytes\":1}}}"  \
    "\n"
#define GRADE                                                                                      \
    "{\"type\":\"grade\",\"chapter\":\"smb\",\"grade\":\"D\",\"points\":40,\"judged\":1}\n"
/* Hostile text, empty ones, big numbers, a type that nobody knows. */
#define ODD                                                                                        \
    "{\"type\":\"strange\",\"text\":\"\\u0001\\u001b[31m\\\"'; DROP TABLE audits; --\\\\\",\"\":"  \
    "[[],{},\"\",\"\\u202e\xf0\x9f\x98\x80\",9007199254740993,true,false]}\n{\"type\":\"\"}"       \
    "\n"

static char folder[] = "/tmp/rolecall-store-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof path, "%s/audits.db", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder);
}

static struct document *document_of(const char *text)
{
    char error[DOCUMENT_ERROR];
    struct document *d = NULL;
    assert_int_equal(document_parse(bytes_text(text), error, &d), 0);
    return d;
}

static struct store *open_store(void)
{
    char error[STORE_ERROR] = "";
    struct store *s = NULL;
    if (!store_open(path, STORE_KEEP, error, &s)) {
        fail_msg("%s", error);
    }
    return s;
}

static struct store *new_store(void)
{
    (void)unlink(path);
    return open_store();
}

static int64_t add(struct store *s, const char *text)
{
    char error[STORE_ERROR] = "";
    int64_t id = 0;
    struct document *d = document_of(text);
    if (!store_add(s, d, (struct bytes){0}, error, &id)) {
        fail_msg("%s", error);
    }
    document_free(d);
    return id;
}

static int64_t number(struct store *s, const char *sql)
{
    char error[STORE_ERROR] = "";
    int64_t value = 0;
    if (!store_number(s, sql, 0, -1, error, &value)) {
        fail_msg("%s: %s", sql, error);
    }
    return value;
}

static void documents(void **state)
{
    static const char *const texts[] = {
        AUDIT("a.yaml", "00") SUMMARY,
        AUDIT("a.yaml", "00") FINDING FINDING TRAFFIC GRADE SUMMARY,
        ODD ODD AUDIT("a.yaml", "00") ODD SUMMARY ODD,
    };
    (void)state;
    struct store *s = new_store();
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        char error[STORE_ERROR] = "";
        size_t len = 0;
        struct document *d = NULL;
        assert_int_equal(add(s, texts[i]), i + 1);
        assert_true(store_read(s, (int64_t)i + 1, error, &d));
        struct output *out = output_to_memory();
        document_write(out, d);
        const char *again = output_memory(out, &len);
        assert_int_equal(len, strlen(texts[i]));
        assert_memory_equal(again, texts[i], len);
        assert_int_equal(output_close(out), 0);
        document_free(d);
    }
    store_close(s);
}

static void columns(void **state)
{
    static const struct {
        const char *sql;
        int64_t value;
    } cases[] = {
        {"SELECT count(*) FROM findings WHERE id = '0123456789abcdef' AND severity = 'critical'",
         2},
        {"SELECT count(*) FROM findings WHERE server_port = 445 AND client_group = 'hq'", 2},
        {"SELECT count(*) FROM findings WHERE accepted", 0}, /* expired */
        {"SELECT sum(bytes) FROM traffic WHERE protocol = 'smb'", 900},
        {"SELECT count(*) FROM traffic", 2},
        {"SELECT points FROM grades WHERE chapter = 'smb'", 40},
        {"SELECT critical + info FROM audits WHERE policy = 'a.yaml'", 3},
        {"SELECT not_assessable FROM audits", 4},
        {"SELECT count(*) FROM texts", 5}, /* two findings are one text */
        {"SELECT count(*) FROM documents", 6},
        {"SELECT records FROM audits", 6},
    };
    (void)state;
    struct store *s = new_store();
    add(s, AUDIT("a.yaml", "00") FINDING FINDING TRAFFIC GRADE SUMMARY);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (number(s, cases[i].sql) != cases[i].value) {
            fail_msg("%s: %lld", cases[i].sql, (long long)number(s, cases[i].sql));
        }
    }
    store_close(s);
}

/* Audits 1, 2 and 4 are of one policy: it was edited, then moved. */
static struct store *store_of_series(void)
{
    struct store *s = new_store();
    add(s, AUDIT("a.yaml", "00") GRADE SUMMARY);
    add(s, AUDIT("a.yaml", "01") SUMMARY);
    add(s, AUDIT("b.yaml", "99") SUMMARY);
    add(s, AUDIT("c.yaml", "01") SUMMARY);
    return s;
}

static void names(void **state)
{
    static const struct {
        const char *word;
        int64_t id;
        const char *says;
    } cases[] = {
        {"1", 1, ""},
        {"4", 4, ""},
        {"last", 4, ""},
        {"previous", 2, ""},
        {"5", 0, "no audit 5; there are 1 to 4"},
        {"0", 0, "no audit 0;"},
        {"-1", 0, "no audit -1;"},
        {"1 OR 1", 0, "no audit 1 OR 1;"},
        {"latest", 0, "'last' and 'previous'"},
        {"99999999999999999999", 0, "no audit 9999"},
        {"", 0, "no audit ;"},
    };
    (void)state;
    struct store *s = store_of_series();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char error[STORE_ERROR] = "";
        int64_t id = 0;
        bool found = store_find(s, cases[i].word, error, &id);
        if (found != (cases[i].id != 0) || id != cases[i].id ||
            strstr(error, cases[i].says) == NULL) {
            fail_msg("%s: %lld, %s", cases[i].word, (long long)id, error);
        }
    }
    store_close(s);
}

static void earlier_audits(void **state)
{
    static const struct {
        const char *policy, *sha256, *ids;
    } cases[] = {
        {NULL, NULL, "1 2 3 4 "},       {"a.yaml", "xx", "1 2 4 "}, {"x.yaml", "01", "1 2 4 "},
        {"c.yaml", "new", "1 2 4 "},    {"b.yaml", "99", "3 "},     {"x.yaml", "xx", ""},
        {"'; --", "' OR 1 = 1 --", ""},
    };
    (void)state;
    struct store *s = store_of_series();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char error[STORE_ERROR] = "", ids[64] = "";
        struct document *d = NULL;
        assert_true(store_history(s, cases[i].policy, cases[i].sha256, &d, error));
        for (size_t k = 0; k < d->history.count; k++) {
            const json_t *audit = d->history.at[k];
            size_t at = strlen(ids);
            (void)snprintf(ids + at, sizeof ids - at, "%u ", (unsigned)member_number(audit, "id"));
            assert_int_equal(member_number(audit, "findings.info"), 2);
            assert_int_equal(member_text(audit, "stored") != NULL, cases[i].policy == NULL);
            assert_int_equal(json_array_size(member_at(audit, "grades")),
                             member_number(audit, "id") == 1);
        }
        assert_string_equal(ids, cases[i].ids);
        document_free(d);
    }
    store_close(s);
}

static void retention(void **state)
{
    static const struct {
        unsigned keep;
        uint64_t removed;
        int64_t ids; /* their sum */
    } cases[] = {{3, 0, 10}, {2, 1, 9}, {1, 2, 7}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char error[STORE_ERROR] = "";
        uint64_t removed = 99;
        struct store *s = store_of_series();
        assert_true(store_keep(s, cases[i].keep, error, &removed));
        assert_int_equal(removed, cases[i].removed);
        assert_int_equal(number(s, "SELECT sum(id) FROM audits"), cases[i].ids);
        assert_int_equal(number(s, "SELECT count(*) FROM texts WHERE id NOT IN "
                                   "(SELECT text FROM records)"),
                         0);
        assert_int_equal(number(s, "SELECT count(*) FROM records WHERE audit NOT IN "
                                   "(SELECT id FROM audits)"),
                         0);
        assert_int_equal(add(s, AUDIT("a.yaml", "00") SUMMARY), 5); /* numbers come once */
        store_close(s);
    }
}

static void in_use(void **state)
{
    char error[STORE_ERROR] = "";
    int64_t id = 0;
    struct document *read = NULL, *d = document_of(AUDIT("a.yaml", "00") SUMMARY);
    (void)state;
    struct store *s = new_store(), *other = open_store();
    add(s, AUDIT("a.yaml", "00") FINDING SUMMARY);
    assert_true(store_run(other, "BEGIN IMMEDIATE", error));
    assert_int_equal(sqlite3_busy_timeout(s->db, 20), SQLITE_OK);
    assert_false(store_add(s, d, (struct bytes){0}, error, &id));
    assert_non_null(strstr(error, "audits.db: in use by another program"));
    assert_true(store_read(s, 1, error, &read)); /* readers do not wait */
    document_free(read);
    assert_true(store_run(other, "ROLLBACK", error));
    assert_true(store_add(s, d, (struct bytes){0}, error, &id));
    document_free(d);
    store_close(s);
    store_close(other);
}

static void no_room(void **state)
{
    char error[STORE_ERROR] = "", sql[64];
    int64_t id = 0;
    struct output *out = output_to_memory();
    (void)state;
    struct store *s = new_store();
    add(s, AUDIT("a.yaml", "00") FINDING SUMMARY);
    output_text(out, AUDIT("a.yaml", "00") SUMMARY);
    for (int i = 0; i < 2000; i++) {
        output_format(out, "{\"type\":\"verdict\",\"subject\":\"host%d\"}\n", i);
    }
    size_t len = 0;
    const char *text = output_memory(out, &len);
    struct document *d = NULL;
    assert_int_equal(document_parse(bytes_of(text, len), error, &d), 0);
    assert_int_equal(output_close(out), 0);
    /* However far it gets. */
    for (int pages = 1; pages < 40; pages += 3) {
        (void)snprintf(sql, sizeof sql, "PRAGMA max_page_count = %d",
                       (int)number(s, "PRAGMA page_count") + pages);
        assert_true(store_run(s, sql, error));
        assert_false(store_add(s, d, (struct bytes){0}, error, &id));
        assert_non_null(strstr(error, "no room left for the store"));
        assert_int_equal(number(s, "SELECT count(*) FROM audits"), 1);
        assert_int_equal(number(s, "SELECT count(*) FROM records"), 3);
        assert_int_equal(number(s, "SELECT count(*) FROM texts"), 3);
    }
    assert_true(store_run(s, "PRAGMA max_page_count = 1000000", error));
    assert_true(store_add(s, d, (struct bytes){0}, error, &id));
    assert_int_equal(id, 2);
    document_free(d);
    store_close(s);
}

/* What stands in the file is compared with what was stored. */
static void changed_behind(void **state)
{
    static const struct {
        const char *sql, *says;
    } cases[] = {
        {"UPDATE texts SET json = replace(json, 'dp01', 'dp02')", "not as it was stored"},
        {"UPDATE texts SET json = '{'", "not as it was stored"},
        {"UPDATE texts SET json = x'00ff'", "not as it was stored"},
        {"DELETE FROM records WHERE position = 2", "not all there"},
        {"DELETE FROM records", "not all there"},
        {"DELETE FROM audits", "no audit is stored there"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char error[STORE_ERROR] = "";
        struct document *d = NULL;
        struct store *s = new_store();
        add(s, AUDIT("a.yaml", "00") FINDING SUMMARY);
        assert_true(store_run(s, cases[i].sql, error));
        assert_false(store_read(s, 1, error, &d));
        assert_null(d);
        if (strstr(error, cases[i].says) == NULL) {
            fail_msg("%s: %s", cases[i].sql, error);
        }
        store_close(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents), cmocka_unit_test(columns),
        cmocka_unit_test(names),     cmocka_unit_test(earlier_audits),
        cmocka_unit_test(retention), cmocka_unit_test(in_use),
        cmocka_unit_test(no_room),   cmocka_unit_test(changed_behind),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
