/*
 * test_mask.c - what is replaced, always by the same word, and what is left alone.
 */
#include "tests/test.h"

#include <errno.h>

#include "reports/mask.h"
#include "tests/reports/report_scene.h"

static const char policy_text[] =
    "forests: {corp: {domains: [corp.example], netbios: [CORP]}}\n"
    "sites: {P01: {type: primary}}\n"
    "hosts:\n"
    "  mp01.corp.example: {addresses: [10.0.0.3], aliases: [www.corp.example], forest: corp,\n"
    "    site: P01, roles: [management-point]}\n"
    "accounts: {client-push: ['CORP\\svc-push']}\n";

static void texts(void **state)
{
    static const struct {
        const char *text, *masked;
    } cases[] = {
        {"nothing to hide", "nothing to hide"},
        {"mp01.corp.example (10.0.0.3)", "host-1 (198.18.0.1)"},
        {"MP01 and mp01.CORP.example.", "host-1 and host-1."},
        {"\\\\mp01\\SMS_P01", "\\\\host-1\\SMS_P01"},
        {"10.0.0.3:443, 10.0.0.4.", "198.18.0.1:443, 198.18.0.2."},
        {"fd00::1 and FD00:0::1", "2001:db8::0:1 and 2001:db8::0:1"},
        {"1.3.6.1.5.5.2 at 08:26:27", "1.3.6.1.5.5.2 at 08:26:27"},
        {"255.255.255.255 224.0.0.1", "255.255.255.255 224.0.0.1"},
        {"10.0.0.0/8", "198.18.0.3/8"},
        {"CORP\\svc-push, svc-push@CORP.EXAMPLE", "domain-2\\user-1, user-1@domain-1"},
        {"svc-pusher mp011 corporate", "svc-pusher mp011 corporate"},
        {"never-seen.corp.example", "host-3"},
        {"never-seen", "host-3"},
        {"cifs/www.corp.example", "cifs/host-2"},
        {"", ""},
    };
    (void)state;
    struct policy *p = scene_policy(policy_text);
    struct mask *m = mask_new(p);
    assert_non_null(m);
    unsigned wrong = 0;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *got = mask_text(m, cases[i].text);
        assert_non_null(got);
        if (strcmp(got, cases[i].masked) != 0) {
            print_error("'%s' became '%s', not '%s'\n", cases[i].text, got, cases[i].masked);
            wrong++;
        }
        free(got);
    }
    assert_int_equal(wrong, 0);
    mask_free(m);
    policy_free(p);
}

/* Names as protocols give them. */
static void names_are_taken_apart(void **state)
{
    static const struct {
        enum masked_kind kind;
        const char *name, *text, *masked;
    } cases[] = {
        {MASKED_USER, "alice", "of Alice in smb", "of user-1 in smb"},
        {MASKED_USER, "LAB\\bob", "LAB\\bob, bob@lab", "domain-1\\user-1, user-1@domain-1"},
        {MASKED_USER, "PC7$", "pc7$ and PC7.lab", "host-1$ and host-1.lab"},
        {MASKED_USER, "John Doe", "'John Doe' or Doe", "'user-1' or user-1"},
        {MASKED_USER, "host/pc7.corp.example", "pc7.corp.example", "host-1"},
        {MASKED_USER, "a", "a user", "a user"},
        {MASKED_HOST, "cifs/fs1.corp.example@CORP", "fs1 fs1.corp.example", "host-1 host-1"},
        {MASKED_HOST, "\\\\FS1\\data", "fs1", "host-1"},
        {MASKED_HOST, "FS1<20>", "fs1", "host-1"},
        {MASKED_HOST, "fs1:8080", "fs1:8080", "host-1:8080"},
        {MASKED_HOST, "10.1.2.3", "10.1.2.3", "198.18.0.1"},
        {MASKED_HOST, "fd00::1", "fd00 things", "fd00 things"},
        {MASKED_HOST, "corp.example", "x.corp.example", "host-1"},
        {MASKED_NAME, "CN=pc7,O=Corp", "issued to CN=pc7,O=Corp", "issued to name-1"},
        {MASKED_DOMAIN, "", "", ""},
    };
    (void)state;
    unsigned wrong = 0;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct mask *m = mask_new(NULL);
        mask_name(m, cases[i].kind, cases[i].name);
        char *got = mask_text(m, cases[i].text);
        if (strcmp(got, cases[i].masked) != 0) {
            print_error("%s: '%s' became '%s', not '%s'\n", cases[i].name, cases[i].text, got,
                        cases[i].masked);
            wrong++;
        }
        free(got);
        mask_free(m);
    }
    assert_int_equal(wrong, 0);
}

static void documents(void **state)
{
    static const char text[] =
        "{\"type\":\"audit\",\"policy\":\"/home/alice/site.yaml\",\"policy_sha256\":\"00ff\","
        "\"inputs\":[\"dir/alice.pcap\"]}\n"
        "{\"type\":\"finding\",\"id\":\"ffffffffffffffff\",\"rule\":\"mp01\",\"client\":{\"ip\":"
        "\"10.1.0.5\",\"learned_name\":\"pc7.corp.example\",\"zone\":\"mp01\"},\"evidence\":[{"
        "\"file\":\"alice.pcap\",\"says\":\"pc7 asks MP01\"}],\"accepted\":{\"reason\":\"says "
        "carol\",\"by\":\"carol\"}}\n"
        "{\"type\":\"rule\",\"rule\":\"r\",\"chapter\":\"smb\",\"means\":\"mp01\",\"title\":"
        "\"mp01\"}\n"
        "{\"type\":\"rule\",\"rule\":\"w\",\"chapter\":\"watch\",\"title\":\"mp01\"}\n"
        "{\"type\":\"host\",\"name\":\"mp01.corp.example\",\"posture\":{\"tls\":{\"certificates\":["
        "{"
        "\"subject\":\"CN=mp01\",\"issuer\":\"CN=Corp\",\"sha256\":\"ab\"}]}}}\n";
    static const struct {
        size_t line;
        const char *path, *masked;
    } cases[] = {
        {0, "policy", "policy.yaml"},
        {1, "id", "0000000000000001"},
        {1, "rule", "mp01"},
        {1, "client.ip", "198.18.0.1"},
        {1, "client.learned_name", "host-3"},
        {1, "client.zone", "mp01"},
        {1, "accepted.by", "user-2"},
        {1, "accepted.reason", "says user-2"},
        {2, "means", "mp01"},
        {2, "title", "mp01"},
        {3, "title", "host-1"},
        {4, "name", "host-1"},
    };
    (void)state;
    struct policy *p = scene_policy(policy_text);
    struct mask *m = mask_new(p);
    struct document *d = NULL;
    char error[DOCUMENT_ERROR] = "";
    assert_int_equal(document_parse(bytes_text(text), error, &d), 0);
    assert_int_equal(mask_document(m, d), 0);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_string_equal(member_text(d->lines[cases[i].line], cases[i].path), cases[i].masked);
    }
    const json_t *evidence = json_array_get(member_at(d->lines[1], "evidence"), 0);
    assert_string_equal(member_text(evidence, "file"), "capture-1");
    assert_string_equal(member_text(evidence, "says"), "host-3 asks host-1");
    assert_string_equal(json_string_value(json_array_get(member_at(d->audit, "inputs"), 0)),
                        "capture-1");
    const json_t *certificate =
        json_array_get(member_at(d->lines[4], "posture.tls.certificates"), 0);
    assert_string_equal(member_text(certificate, "subject"), "name-1");
    assert_string_equal(member_text(certificate, "issuer"), "name-2");
    document_free(d);
    mask_free(m);
    policy_free(p);
}

/* A draft's like values are one: what is masked in one place stays as it is in the other. */
static void shared_values(void **state)
{
    (void)state;
    struct mask *m = mask_new(NULL);
    struct document_draft draft;
    assert_int_equal(document_begin(&draft), 0);
    for (unsigned i = 0; i < 3; i++) {
        struct json j = json_on(draft.out);
        const char *type = i == 2 ? "finding" : "host", *key = i == 2 ? "zone" : "name";
        json_open(&j, NULL, '{');
        json_text(&j, "type", type);
        json_text(&j, key, "mp01");
        json_close(&j, '}');
        json_line(&j);
    }
    struct document *d = NULL;
    assert_int_equal(document_finish(&draft, &d), 0);
    assert_ptr_equal(json_object_get(d->lines[0], "name"), json_object_get(d->lines[1], "name"));
    json_object_set(d->lines[2], "zone", json_object_get(d->lines[0], "name"));
    assert_int_equal(mask_document(m, d), 0);
    assert_string_equal(member_text(d->lines[0], "name"), "host-1");
    assert_string_equal(member_text(d->lines[1], "name"), "host-1");
    assert_string_equal(member_text(d->lines[2], "zone"), "mp01");
    document_free(d);
    mask_free(m);
}

static void more_names_than_can_be_kept(void **state)
{
    (void)state;
    struct mask *m = mask_new(NULL);
    for (unsigned i = 0; i < LIMIT_MASKED_NAMES + 1; i++) {
        char name[24];
        (void)snprintf(name, sizeof name, "user%u", i);
        mask_name(m, MASKED_USER, name);
    }
    struct document *d = NULL;
    char error[DOCUMENT_ERROR] = "";
    assert_int_equal(document_parse(bytes_text("{\"type\":\"summary\"}\n"), error, &d), 0);
    assert_int_equal(mask_document(m, d), -E2BIG);
    document_free(d);
    mask_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(names_are_taken_apart),
        cmocka_unit_test(documents),
        cmocka_unit_test(shared_values),
        cmocka_unit_test(more_names_than_can_be_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
