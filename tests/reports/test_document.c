/*
 * test_document.c - records parsed and written again, octet by octet; grades; a document of an
 * audit.
 */
#include "tests/test.h"

#include <errno.h>

#include "reports/finding_view.h"
#include "reports/formats.h"
#include "reports/grade.h"
#include "reports/records_report.h"
#include "tests/reports/report_scene.h"

static struct document *parsed(const char *text)
{
    struct document *d = NULL;
    char error[DOCUMENT_ERROR] = "";
    assert_int_equal(document_parse(bytes_text(text), error, &d), 0);
    return d;
}

static void lines_come_back_as_they_were(void **state)
{
    static const char text[] =
        "{\"type\":\"audit\",\"tool\":\"rolecall\",\"inputs\":[\"a\",\"\"],\"end\":{}}\n"
        "{\"type\":\"finding\",\"id\":\"1\",\"client\":{\"ip\":\"10.0.0.1\",\"roles\":[]},"
        "\"count\":9007199254740993}\n"
        "{\"type\":\"no such type\",\"x\":[[1,[true,false]]]}\n"
        "{\"type\":\"finding\",\"a\\n\\\"b\\u0000\":\"\\u001b[2J\\u007f\\\\ \xe2\x80\xa6\"}\n"
        "{\"type\":\"summary\"}\n";
    struct document *d = NULL;
    char error[DOCUMENT_ERROR];
    (void)state;
    /* A key cannot hold U+0000: the writer never makes one, and the reader refuses it. */
    assert_int_equal(document_parse(bytes_text(text), error, &d), -EINVAL);
    char copy[sizeof text];
    memcpy(copy, text, sizeof text);
    char *nul = strstr(copy, "\\u0000");
    memcpy(nul, "\\u0001", 6);
    d = parsed(copy);
    assert_int_equal(d->line_count, 5);
    assert_int_equal(d->findings.count, 2);
    assert_int_equal(d->verdicts.count, 0);
    assert_non_null(d->audit);
    assert_non_null(d->summary);
    assert_null(d->model);
    struct output *out = output_to_memory();
    document_write(out, d);
    size_t len = 0;
    const char *written = output_memory(out, &len);
    assert_int_equal(len, strlen(copy));
    assert_memory_equal(written, copy, len);
    assert_int_equal(output_close(out), 0);
    document_free(d);
}

static void broken_lines_are_refused(void **state)
{
    static const char *const broken[] = {
        "{\"type\":", "[]", "1", "{\"a\":1,\"a\":2}", "{}{}", "{\"type\":\"\xff\"}", "null\n"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(broken); i++) {
        struct document *d = NULL;
        char error[DOCUMENT_ERROR] = "", text[64];
        (void)snprintf(text, sizeof text, "{}\n%s", broken[i]);
        assert_int_equal(document_parse(bytes_text(text), error, &d), -EINVAL);
        assert_string_equal(error, "record 2 is not a JSON object");
        assert_null(d);
    }
    struct document *empty = parsed("");
    assert_int_equal(empty->line_count, 0);
    document_free(empty);
}

static void members_by_path(void **state)
{
    (void)state;
    struct document *d =
        parsed("{\"type\":\"finding\",\"a\":{\"b\":{\"c\":\"x\"}},\"n\":7,\"m\":-1,"
               "\"t\":true,\"rule\":\"r\"}\n"
               "{\"type\":\"rule\",\"rule\":\"q\"}\n"
               "{\"type\":\"rule\",\"rule\":\"r\",\"title\":\"R\"}\n");
    const json_t *f = d->findings.at[0];
    assert_string_equal(member_text(f, "a.b.c"), "x");
    assert_null(member_text(f, "a.b"));
    assert_null(member_text(f, "a.x.c"));
    assert_null(member_text(NULL, "a"));
    assert_int_equal(member_number(f, "n"), 7);
    assert_int_equal(member_number(f, "m"), 0);
    assert_int_equal(member_number(f, "a"), 0);
    assert_true(member_truth(f, "t"));
    assert_false(member_truth(f, "n"));
    assert_string_equal(member_text(document_rule(d, f), "title"), "R");
    assert_ptr_equal(document_rule(d, d->rules.at[0]), d->rules.at[0]);
    document_free(d);
}

/* ---- an audit ---- */

static struct finding *breach(struct scene_files *s, const struct rule *r, const char *kind,
                              enum severity severity)
{
    bool is_new = false;
    const struct breach b = {.client = &s->client,
                             .server = &s->server,
                             .kind = kind,
                             .severity = severity,
                             .confidence = CONFIDENCE_PROVEN};
    struct finding *f = judge_breach(s->audit, r, &b, &is_new);
    assert_true(is_new);
    finding_evidence(s->audit, f, scene_stamp(1), "a packet");
    return f;
}

static const char grade_policy[] =
    "forests: {corp: {domains: [corp.example]}}\n"
    "sites: {P01: {type: primary}}\n"
    "hosts:\n  mp.corp.example: {addresses: [10.0.0.3], forest: corp, site: P01, roles: "
    "[management-point]}\n"
    "accept:\n  - {rule: smb1-used, server: mp.corp.example, reason: old, until: 2099-01-01}\n";

static void grades(void **state)
{
    static const struct {
        unsigned critical, high, medium, low, info;
        unsigned points;
        char letter;
    } cases[] = {
        {0, 0, 0, 0, 1, 100, 'A'}, {0, 0, 0, 1, 0, 97, 'A'},  {0, 0, 1, 0, 0, 90, 'A'},
        {0, 0, 2, 0, 0, 89, 'B'},  {0, 0, 40, 0, 0, 80, 'B'}, {0, 1, 0, 0, 0, 70, 'C'},
        {0, 12, 0, 0, 0, 40, 'D'}, {1, 0, 0, 0, 0, 40, 'D'},  {1, 1, 0, 0, 0, 34, 'E'},
        {9, 0, 0, 0, 0, 0, 'F'},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct scene_files s;
        const unsigned counts[] = {
            0, cases[i].info, cases[i].low, cases[i].medium, cases[i].high, cases[i].critical};
        scene_begin(&s, grade_policy, "10.1.0.5", "10.0.0.3");
        for (unsigned severity = SEVERITY_INFO; severity <= SEVERITY_CRITICAL; severity++) {
            for (unsigned n = 0; n < counts[severity]; n++) {
                char kind[16];
                (void)snprintf(kind, sizeof kind, "%u-%u", severity, n);
                (void)breach(&s, rules[0], kind, (enum severity)severity);
            }
        }
        audit_finish(s.audit);
        struct grade g;
        grade_chapter(&g, s.audit, &chapters[0]);
        assert_int_equal(g.points, cases[i].points);
        assert_int_equal(g.letter, cases[i].letter);
        scene_end(&s);
    }
}

/* What is accepted costs nothing; what was never judged has no grade. */
static void grade_of_nothing(void **state)
{
    struct scene_files s;
    struct grade g;
    (void)state;
    scene_begin(&s, grade_policy, "10.1.0.5", "10.0.0.3");
    const struct rule *accepted = rule_find("smb1-used");
    (void)breach(&s, accepted, "x", SEVERITY_OFF);
    audit_finish(s.audit);
    grade_chapter(&g, s.audit, rule_chapter(accepted));
    assert_int_equal(g.points, 100);
    assert_int_equal(g.costs[0].accepted, 1);
    assert_int_equal(g.costs[0].points, 0);
    grade_chapter(&g, s.audit, rule_chapter(rule_find("R100")));
    assert_int_equal(g.letter, '\0');
    scene_end(&s);
}

static void chapters_of_rules(void **state)
{
    static const struct {
        const char *code, *letter;
    } cases[] = {{"R001", "A"}, {"R005", "A"}, {"R010", "B"}, {"R019", "B"}, {"R020", "C"},
                 {"R032", "C"}, {"R040", "D"}, {"R053", "D"}, {"R060", "E"}, {"R073", "F"},
                 {"R083", "G"}, {"R092", "H"}, {"R100", "I"}, {"R116", "J"}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct rule *r = rule_find(cases[i].code);
        assert_non_null(r);
        assert_string_equal(rule_chapter(r)->letter, cases[i].letter);
    }
    const struct rule own = {.code = "WATCH", .name = "x"};
    assert_string_equal(rule_chapter(&own)->name, "watch");
}

static void document_of_an_audit(void **state)
{
    struct scene_files s;
    (void)state;
    scene_begin(&s, grade_policy, "10.1.0.5", "10.0.0.3");
    struct gathering *gathering = gathering_new(s.policy);
    gathering_observe(gathering, &s.flow);
    (void)breach(&s, rules[0], "\x1b]0;evil\a", SEVERITY_HIGH);
    audit_finish(s.audit);
    gathering_finish(gathering, s.audit);
    const struct record_names names = {.policy = s.policy};
    const struct run run = {0};
    const struct results results = {.names = &names,
                                    .run = &run,
                                    .audit = s.audit,
                                    .gathering = gathering,
                                    .generated_ns = INT64_MIN};
    struct output *out = output_to_memory(), *again = output_to_memory();
    records_report(out, &results);
    size_t len = 0, len_again = 0;
    const char *text = output_memory(out, &len);
    struct document *d = NULL;
    char error[DOCUMENT_ERROR] = "";
    assert_int_equal(document_parse(bytes_of(text, len), error, &d), 0);
    format_find("jsonl")->render(again, d, NULL);
    const char *text_again = output_memory(again, &len_again);
    assert_int_equal(len, len_again);
    assert_memory_equal(text, text_again, len);
    document_free(d);
    assert_int_equal(records_document(&results, false, &d), 0);
    output_drop(again);
    again = output_to_memory();
    document_write(again, d);
    text_again = output_memory(again, &len_again);
    assert_int_equal(len, len_again);
    assert_memory_equal(text, text_again, len);
    assert_string_equal(member_text(d->lines[0], "type"), "audit");
    assert_null(member_text(d->audit, "generated"));
    assert_ptr_equal(d->lines[d->line_count - 1], d->summary);
    assert_int_equal(d->rules.count, 1);
    assert_int_equal(d->grades.count, 1);
    assert_int_equal(d->hosts.count, 2);
    assert_string_equal(member_text(d->hosts.at[0], "worst"), "high");
    assert_int_equal(member_number(d->hosts.at[1], "findings"), 1);
    assert_string_equal(member_text(d->findings.at[0], "display_filter"),
                        "ip.addr == 10.1.0.5 && ip.addr == 10.0.0.3 && (tcp.port == 445 || "
                        "udp.port == 445)");
    assert_int_equal(output_close(out), 0);
    assert_int_equal(output_close(again), 0);
    document_free(d);
    gathering_free(gathering);
    scene_end(&s);
}

static void write_row(void *user, struct output *out, size_t place)
{
    const struct document *all = user;
    struct json j = json_on(out);
    json_value(&j, NULL, all->findings.at[place]);
    json_line(&j);
}

static void brief_row(void *user, size_t place, struct finding_view *ret)
{
    *ret = finding_view(user, place);
}

static void write_nothing(void *user, struct output *out, size_t place)
{
    (void)user;
    (void)out;
    (void)place;
}

static char *as_text(const struct document *d, bool full, int *ret_error)
{
    struct output *out = output_to_memory();
    size_t len = 0;
    render_text(out, d, &(struct render_options){.style = {.full = full}});
    *ret_error = output_error(out);
    const char *text = output_memory(out, &len);
    char *copy = strndup(text, len);
    output_drop(out);
    return copy;
}

#define ROW(id, remedy, accepted)                                                                  \
    "{\"type\":\"finding\",\"id\":\"" id "\",\"rule\":\"r\",\"remediation\":\"" remedy             \
    "\"" accepted "}\n"
#define AGREED ",\"accepted\":{\"reason\":\"known\"}"

/* Accepted ones between two that say the same of what to do. */
static void findings_made_when_asked_for(void **state)
{
    static const char rows[] = ROW("1", "mend it", AGREED)
    ROW("2", "mend it", "")
    ROW("3", "x", AGREED)
    ROW("4", "y", AGREED)
    ROW("5", "z", AGREED)
    ROW("6", "mend it", "");
    static const char others[] = "{\"type\":\"audit\"}\n{\"type\":\"summary\"}\n";
    char both[sizeof rows + sizeof others];
    int error = 0;
    (void)state;
    (void)snprintf(both, sizeof both, "%s%s", rows, others);
    struct document *whole = parsed(both), *made = parsed(others);
    struct finding_source source = {
        .user = whole, .count = 6, .write = write_row, .brief = brief_row};
    assert_int_equal(document_make_findings(made, &source), 0);
    assert_string_equal(member_text(document_finding(made, 3), "id"), "4");
    char *expected = as_text(whole, false, &error), *text = as_text(made, false, &error);
    assert_int_equal(error, 0);
    assert_string_equal(text, expected);
    assert_non_null(strstr(text, "as for the finding above"));
    assert_non_null(strstr(text, "ACCEPTED BY THE POLICY"));
    free(text);
    document_free(made);
    /* One that could not be made: no report that looks whole. */
    made = parsed(others);
    source.write = write_nothing;
    assert_int_equal(document_make_findings(made, &source), 0);
    text = as_text(made, false, &error);
    assert_int_equal(error, -ECANCELED);
    free(text);
    free(expected);
    document_free(made);
    document_free(whole);
}

/* A rule that many break, of which some are accepted, and one finding of another behind it. */
static void a_line_each_past_the_twentieth(void **state)
{
    char rows[8000] = "{\"type\":\"audit\"}\n{\"type\":\"summary\"}\n";
    int error = 0;
    (void)state;
    for (unsigned i = 0; i < 25; i++) {
        size_t len = strlen(rows);
        (void)snprintf(rows + len, sizeof rows - len,
                       "{\"type\":\"finding\",\"id\":\"f%u\",\"rule\":\"%s\",\"code\":\"R9\","
                       "\"severity\":\"high\",\"client\":{\"ip\":\"10.0.0.%u\"},\"count\":%u,"
                       "\"remediation\":\"mend it\",\"evidence\":[{\"packet\":%u}]%s}\n",
                       i, i == 24 ? "other" : "many", i, i == 22 ? 1 : i, 100 + i,
                       i == 3 ? ",\"accepted\":{\"reason\":\"known\"}" : "");
    }
    struct document *whole = parsed(rows);
    struct document *made = parsed("{\"type\":\"audit\"}\n{\"type\":\"summary\"}\n");
    struct finding_source source = {
        .user = whole, .count = 25, .write = write_row, .brief = brief_row};
    assert_int_equal(document_make_findings(made, &source), 0);
    char *text = as_text(whole, false, &error), *again = as_text(made, false, &error);
    assert_int_equal(error, 0);
    assert_string_equal(text, again);
    free(again);
    const char *more = strstr(text, "\n\n          More of R9, a line each (in full with --full):\n"
                                    "          10.0.0.21 21 times, first in packet #121 id f21\n"
                                    "          10.0.0.22 once in packet #122 id f22\n"
                                    "          10.0.0.23 23 times, first in packet #123 id f23\n"
                                    "\nHIGH      R9");
    assert_non_null(more);
    assert_true(strstr(text, "Basis     id f20; many;") < more);
    assert_non_null(strstr(more, "Basis     id f24; other;"));
    assert_non_null(strstr(more, "Basis     id f3; many;"));
    free(text);
    text = as_text(whole, true, &error);
    assert_null(strstr(text, "More of"));
    assert_non_null(strstr(text, "Basis     id f22; many;"));
    free(text);
    document_free(made);
    document_free(whole);
}

static void lists_of_formats(void **state)
{
    char word[FORMAT_WORD] = "";
    (void)state;
    assert_true(format_listed("text,jsonl", "jsonl"));
    assert_true(format_listed("csv", "csv-findings"));
    assert_false(format_listed("csv-findings", "csv"));
    assert_false(format_listed("json", "jsonl"));
    assert_false(format_listed("", "jsonl"));
    assert_false(format_unknown("text,jsonl", word));
    assert_true(format_unknown("text,jsnl", word));
    assert_string_equal(word, "jsnl");
    assert_true(format_unknown("text,,jsonl", word));
    assert_string_equal(word, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_back_as_they_were),
        cmocka_unit_test(broken_lines_are_refused),
        cmocka_unit_test(members_by_path),
        cmocka_unit_test(grades),
        cmocka_unit_test(grade_of_nothing),
        cmocka_unit_test(chapters_of_rules),
        cmocka_unit_test(document_of_an_audit),
        cmocka_unit_test(findings_made_when_asked_for),
        cmocka_unit_test(a_line_each_past_the_twentieth),
        cmocka_unit_test(lists_of_formats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
