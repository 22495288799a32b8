/*
 * test_policy_accept.c - `accept:` entries in policies of every layout; what is refused leaves the
 * file alone.
 */
#include "tests/policy/test_policy.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "policy/policy_accept.h"
#include "policy/rule.h"

#define HOSTS "hosts: {mp01.corp.example: {addresses: [10.0.1.20]}}\n"

static char folder[] = "/tmp/rolecall-accept-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof path, "%s/policy.yaml", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder); /* fails when a temporary file was left */
}

static void write_file(const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static const char *read_file(void)
{
    static char text[16384];
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t n = fread(text, 1, sizeof text - 1, f);
    text[n] = '\0';
    assert_int_equal(fclose(f), 0);
    return text;
}

/* The lines on `errors`; empty: accepted. */
static const char *accept_entries(const struct accept_entry *entries, unsigned count)
{
    static char text[2048];
    FILE *errors = fmemopen(text, sizeof text, "w");
    assert_non_null(errors);
    text[0] = '\0';
    int failed = policy_accept(path, &rule_names, entries, count, errors);
    assert_int_equal(fclose(errors), 0);
    assert_int_equal(failed, text[0] == '\0' ? 0 : -EINVAL);
    return text;
}

#define ENTRY "{rule: R061, server: mp01.corp.example, until: 2199-01-31, reason: \"r\"}"
static const struct accept_entry entry = {
    .rule = "R061", .server = "mp01.corp.example", .until = "2199-01-31", .reason = "r"};

/* What every policy knows. */
static const struct accept_entry anywhere = {
    .rule = "R061", .server = "10.0.0.1", .until = "2199-01-31", .reason = "r"};

static void layouts(void **state)
{
    static const struct {
        const char *label, *before, *after;
    } cases[] = {
        {"no section", HOSTS, HOSTS "\naccept:\n  - " ENTRY "\n"},
        {"no section, no line end at the end",
         "profile: strict # c\n"
         "zones: {a: [10.0.0.0/8]}\n" HOSTS "tls: {pki: true}",
         "profile: strict # c\n"
         "zones: {a: [10.0.0.0/8]}\n" HOSTS "tls: {pki: true}\n\naccept:\n  - " ENTRY "\n"},
        {"an empty section", HOSTS "accept:   # none yet\n  # - {rule: R090}\nprofile: strict\n",
         HOSTS "accept:   # none yet\n  - " ENTRY "\n  # - {rule: R090}\nprofile: strict\n"},
        {"an empty section at the end", HOSTS "accept:", HOSTS "accept:\n  - " ENTRY "\n"},
        {"a list, its comments, a section behind it",
         HOSTS
         "accept:\n  # first\n  - {rule: R090, reason: x}   # old\n  # last\n\nprofile: strict\n",
         HOSTS "accept:\n  # first\n  - {rule: R090, reason: x}   # old\n  - " ENTRY
               "\n  # last\n\nprofile: strict\n"},
        {"a list without indentation", HOSTS "accept:\n- rule: R090\n  reason: x\n",
         HOSTS "accept:\n- rule: R090\n  reason: x\n- " ENTRY "\n"},
        {"deep indentation, entries over several lines",
         HOSTS "accept:\n      - {rule: R090,\n         reason: x,\n         }\ntls: {pki: true}\n",
         HOSTS "accept:\n      - {rule: R090,\n         reason: x,\n         }\n      - " ENTRY
               "\ntls: {pki: true}\n"},
        {"a reason as a block of text",
         HOSTS "accept:\n  - rule: R090\n    reason: |\n      one\n      two\ntls: {pki: true}\n",
         HOSTS "accept:\n  - rule: R090\n    reason: |\n      one\n      two\n  - " ENTRY
               "\ntls: {pki: true}\n"},
        {"in brackets", HOSTS "accept: [{rule: R090, reason: x}] # c\n",
         HOSTS "accept: [{rule: R090, reason: x}, " ENTRY "] # c\n"},
        {"empty brackets", "accept: []\n" HOSTS, "accept: [" ENTRY "]\n" HOSTS},
        {"brackets over several lines", HOSTS "accept: [\n  {rule: R090, reason: x} # c\n]\n",
         HOSTS "accept: [\n  {rule: R090, reason: x} # c\n, " ENTRY "]\n"},
        {"line ends of Windows",
         "profile: strict\r\n"
         "hosts: {mp01.corp.example: {addresses: [10.0.1.20]}}\r\n",
         "profile: strict\r\n"
         "hosts: {mp01.corp.example: {addresses: [10.0.1.20]}}\r\n\r\naccept:\r\n  - " ENTRY
         "\r\n"},
        {"a byte order mark, characters beside ASCII",
         "\xef\xbb\xbf"
         "accept: [{rule: R090, reason: \"\xc3\xa4\xe2\x82\xac\"}]\n" HOSTS,
         "\xef\xbb\xbf"
         "accept: [{rule: R090, reason: \"\xc3\xa4\xe2\x82\xac\"}, " ENTRY "]\n" HOSTS},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_file(cases[i].before);
        const char *errors = accept_entries(&entry, 1);
        if (errors[0] != '\0' || strcmp(read_file(), cases[i].after) != 0) {
            fail_msg("%s: %s\n%s", cases[i].label, errors, read_file());
        }
    }
}

/* Whatever is left of a policy: it is left alone, or one entry is added. */
static void cut(void **state)
{
    static const char text[] =
        "profile: strict # c\nhosts: {mp01.corp.example: {addresses: [10.0.1.20]}}\naccept:\n"
        "  # first\n  - {rule: R090, reason: x}   # old\n  - rule: R091\n    reason: |\n      a\n"
        "      b\ntls: {pki: true}\n";
    char part[sizeof text];
    unsigned added = 0;
    FILE *nowhere = fopen("/dev/null", "w");
    (void)state;
    assert_non_null(nowhere);
    for (size_t len = 0; len < sizeof text; len++) {
        struct policy *before = NULL, *after = NULL;
        memcpy(part, text, len);
        part[len] = '\0';
        write_file(part);
        bool loads = policy_load(path, NULL, &rule_names, nowhere, &before) == 0;
        bool done = accept_entries(&anywhere, 1)[0] == '\0';
        if (!done) {
            assert_string_equal(read_file(), part);
        } else {
            assert_true(loads);
            assert_int_equal(policy_load(path, NULL, &rule_names, stderr, &after), 0);
            assert_int_equal(after->acceptance_count, before->acceptance_count + 1);
            policy_free(after);
            added++;
        }
        policy_free(before);
    }
    assert_int_equal(fclose(nowhere), 0);
    assert_true(added > 50);
}

static void refused(void **state)
{
    static const struct {
        const char *label, *file, *says;
        struct accept_entry entry;
    } cases[] = {
        {"one mapping in brackets",
         "{profile: strict}\n",
         "add by hand:",
         {.rule = "R061", .reason = "r"}},
        {"a second document would begin",
         HOSTS "...\n",
         "add by hand:",
         {.rule = "R061", .reason = "r"}},
        {"a comma at the end",
         "accept: [{rule: R090, reason: x}, ]\n",
         "add by hand:",
         {.rule = "R061", .reason = "r"}},
        {"nothing in a word", "accept: null\n", "add by hand:", {.rule = "R061", .reason = "r"}},
        {"an alias",
         "x: &a [{rule: R090}]\naccept: *a\n",
         "add by hand:",
         {.rule = "R061", .reason = "r"}},
        {"an unknown rule", HOSTS, "unknown rule 'R61'", {.rule = "R61", .reason = "r"}},
        {"a selector that selects nothing",
         HOSTS,
         "unknown name 'mp02'",
         {.rule = "R061", .server = "mp02", .reason = "r"}},
        {"no date", HOSTS, "is no date", {.rule = "R061", .until = "2026-02-30", .reason = "r"}},
        {"not UTF-8", HOSTS, "add by hand:", {.rule = "R061", .reason = "\xff"}},
        {"a policy with faults", "hosts: [\n", "expected", {.rule = "R061", .reason = "r"}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_file(cases[i].file);
        const char *errors = accept_entries(&cases[i].entry, 1);
        if (strstr(errors, cases[i].says) == NULL || strcmp(read_file(), cases[i].file) != 0) {
            fail_msg("%s: %s\n%s", cases[i].label, errors, read_file());
        }
    }
    (void)unlink(path);
    assert_non_null(strstr(accept_entries(&entry, 1), "cannot be read: No such file"));
}

/* Whatever a reason holds comes back as it was given. */
static void texts(void **state)
{
    static const char *const reasons[] = {
        "plain",
        "\"quoted\", it's",
        "back\\slash",
        "a: b, {c} [d] # e",
        "two\nlines\ttab",
        "\x1b[31m",
        "- x",
        "\xc3\xa4",
        "null",
        " blanks ",
        "%",
    };
    (void)state;
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        const struct accept_entry e = {.rule = "smb1-used",
                                       .client = "fd00:a::10",
                                       .until = "2199-01-31",
                                       .reason = reasons[i],
                                       .by = reasons[i]};
        struct policy *p = NULL;
        write_file(HOSTS);
        assert_string_equal(accept_entries(&e, 1), "");
        assert_int_equal(policy_load(path, NULL, &rule_names, stderr, &p), 0);
        assert_int_equal(p->acceptance_count, 1);
        assert_string_equal(p->acceptances[0].reason, reasons[i]);
        assert_string_equal(p->acceptances[0].by, reasons[i]);
        assert_int_equal(p->acceptances[0].client.kind, SELECT_PREFIX);
        policy_free(p);
    }
}

static void mode_and_link(void **state)
{
    char link[80];
    struct stat st;
    (void)state;
    write_file(HOSTS);
    assert_int_equal(chmod(path, 0640), 0);
    (void)snprintf(link, sizeof link, "%s/link.yaml", folder);
    assert_int_equal(symlink("policy.yaml", link), 0);
    assert_int_equal(policy_accept(link, &rule_names, &entry, 1, stderr), 0);
    assert_int_equal(lstat(link, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(unlink(link), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_non_null(strstr(read_file(), ENTRY));
}

/* Writers wait for each other: nobody's entry is lost. */
static void at_once(void **state)
{
    enum { WRITERS = 8, EACH = 5 };
    (void)state;
    write_file(HOSTS);
    for (int i = 0; i < WRITERS; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            int failed = 0;
            for (int k = 0; k < EACH; k++) {
                failed |= policy_accept(path, &rule_names, &entry, 1, stderr);
            }
            _exit(failed != 0);
        }
    }
    for (int i = 0; i < WRITERS; i++) {
        int status = 1;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    struct policy *p = NULL;
    assert_int_equal(policy_load(path, NULL, &rule_names, stderr, &p), 0);
    assert_int_equal(p->acceptance_count, WRITERS * EACH);
    policy_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layouts), cmocka_unit_test(refused),       cmocka_unit_test(cut),
        cmocka_unit_test(texts),   cmocka_unit_test(mode_and_link), cmocka_unit_test(at_once),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
