/*
 * test_text.c - the report for people: what it says, how it is laid out, and that traffic cannot
 * break out of it.
 */
#include "tests/test.h"

#include "tests/reports/report_scene.h"

static const struct rule loose_rule = {.code = "R901",
                                       .name = "loose-rule",
                                       .title = "Something is loose",
                                       .severity = SEVERITY_HIGH,
                                       .statements = "S10 S13"};
static const struct rule grave_rule = {.code = "R902",
                                       .name = "grave-rule",
                                       .title = "Something is gravely wrong",
                                       .severity = SEVERITY_CRITICAL,
                                       .statements = "S34"};

static const char policy_text[] =
    "forests: {corp: {domains: [corp.example]}}\n"
    "zones: {intranet: [10.0.0.0/8]}\n"
    "sites: {P01: {type: primary}}\n"
    "hosts:\n"
    "  cm01.corp.example: {addresses: [10.0.0.11], forest: corp, site: P01, roles: [site-server]}\n"
    "  dp01.corp.example: {addresses: [10.0.0.13], forest: corp, site: P01, roles: "
    "[distribution-point]}\n"
    "clients: {desks: {networks: [10.1.0.0/16], forest: corp}}\n"
    "accept:\n"
    "  - {rule: smb1-used, until: 2030-12-31, reason: \"old scanner\", by: \"J. Doe\"}\n"
    "  - {rule: smb-session-unsigned, until: 2020-01-31, reason: \"too long ago\", by: \"J. "
    "Doe\"}\n";

static struct finding *breach(struct scene_files *s, const struct rule *r, uint64_t packet,
                              const char *kind)
{
    struct stamp at = scene_stamp(packet);
    struct breach b = {.subject = {.host = s->server.host},
                       .client = &s->client,
                       .server = &s->server,
                       .kind = kind,
                       .confidence = CONFIDENCE_PROVEN,
                       .at = &at};
    bool is_new = false;
    return judge_breach(s->audit, r, &b, &is_new);
}

/* The report as a string; the caller frees. */
static char *rendered(const struct document *d, const struct text_style *style)
{
    size_t len = 0;
    struct output *out = output_to_memory();
    assert_non_null(out);
    format_find("text")->render(out, d, &(struct render_options){.style = *style});
    const char *text = output_memory(out, &len);
    assert_int_equal(strlen(text) < len, 0);
    char *copy = strndup(text, len);
    assert_non_null(copy);
    assert_int_equal(output_close(out), 0);
    return copy;
}

static char *report(const struct scene_files *s, const struct text_style *style,
                    const struct run *run)
{
    struct document *d = scene_document(s, run, NULL);
    char *text = rendered(d, style);
    document_free(d);
    return text;
}

static struct run quiet_run(void)
{
    static const char *const inputs[] = {"monday.pcap"};
    static const char *const protocols[] = {"dns", "smb"};
    static const uint64_t flows[] = {2, 40};
    return (struct run){.inputs = inputs,
                        .input_count = 1,
                        .source = {.packets = 1234,
                                   .bytes = 88123,
                                   .first_ns = SCENE_START,
                                   .last_ns = SCENE_START + 5700000000},
                        .flows = {.flows = 42},
                        .protocols = protocols,
                        .protocol_flows = flows,
                        .protocol_count = 2,
                        .precision = 6};
}

static const char *must_say(const char *text, const char *says)
{
    const char *at = strstr(text, says);
    if (at == NULL) {
        fail_msg("'%s' is not in:\n%s", says, text);
    }
    return at;
}

static void must_not_say(const char *text, const char *says)
{
    if (strstr(text, says) != NULL) {
        fail_msg("'%s' is in:\n%s", says, text);
    }
}

/* No control octet, no line past the width, no blank at a line's end. */
static void must_be_laid_well(const char *text, unsigned width)
{
    size_t line = 0;
    for (const char *at = text; *at != '\0'; at++) {
        uint8_t c = (uint8_t)*at;
        assert_true(c >= 0x20 || c == '\n');
        assert_true(c != 0x7f);
        if (c == '\n') {
            assert_true(at == text || at[-1] != ' ');
            assert_true(line <= width);
        }
        line = c == '\n' ? 0 : line + ((c & 0xc0) != 0x80);
    }
    assert_true(line == 0); /* ends in a line end */
}

static void fill(struct scene_files *s)
{
    scene_begin(s, policy_text, "10.1.2.3", "10.0.0.13");
    struct finding *f = breach(s, &loose_rule, 7, NULL);
    finding_evidence(s->audit, f, scene_stamp(7), "NEGOTIATE without 0x0002");
    finding_explain(s->audit, f, "dp01 leaves it loose for 10.1.2.3.");
    finding_remedy(s->audit, f, "Fasten it.");
    assert_ptr_equal(breach(s, &loose_rule, 9, NULL), f);
    f = breach(s, &loose_rule, 8, "another");
    finding_remedy(s->audit, f, "Fasten it.");
    f = breach(s, &grave_rule, 11, NULL);
    finding_explain(s->audit, f, "Grave.");
    f = breach(s, rule_find("smb1-used"), 12, NULL);
    finding_explain(s->audit, f, "SMB 1 was chosen.");
    f = breach(s, rule_find("smb-session-unsigned"), 13, NULL);
    finding_explain(s->audit, f, "Unsigned.");
    judge_fine(s->audit, &loose_rule,
               (struct subject){.host = policy_host_named(s->policy, "cm01")}, "Fast.");
    audit_finish(s->audit);
}

static void says_all_of_it(void **state)
{
    struct scene_files s;
    struct run run = quiet_run();
    struct text_style style = {0};
    (void)state;
    fill(&s);
    char *text = report(&s, &style, &run);
    must_be_laid_well(text, 100);
    must_say(text, "\nInput     monday.pcap\n");
    must_say(text, "\nTime      2025-11-22 14:33:13.374238 to 14:33:19.074238 UTC (5.7 s)\n");
    must_say(text, "\nTraffic   1,234 packets, 88 kB, 42 conversations\n");
    must_say(text, "\nProtocols smb 40, dns 2\n");
    must_say(text, " (sha256 ");
    /* Worst first; the expired acceptance is a finding, the accepted one is not counted. */
    must_say(text, "\nResult    4 findings: 1 critical, 2 high, 1 medium; 1 accepted\n");
    const char *grave = must_say(text, "\nCRITICAL  R902 Something is gravely wrong\n");
    const char *loose = must_say(text, "\nHIGH      R901 Something is loose\n");
    const char *unsigned_session = must_say(text, "\nMEDIUM    R062 ");
    const char *accepted = must_say(text, "\nACCEPTED BY THE POLICY\n");
    const char *smb1 = must_say(text, "\nHIGH      R060 ");
    assert_true(grave < loose && loose < unsigned_session && unsigned_session < accepted &&
                accepted < smb1);
    must_say(loose, "\n          10.1.2.3 (desks) -> dp01.corp.example (10.0.0.13) port 445\n"
                    "          proven; 2 times, from 14:33:13.381238 to 14:33:13.383238\n"
                    "          dp01 leaves it loose for 10.1.2.3.\n"
                    "          Evidence  packet #7 14:33:13.381238 NEGOTIATE without 0x0002\n"
                    "          Remedy    Fasten it.\n"
                    "          Basis     id ");
    must_say(loose, "; loose-rule; S10 S13\n");
    must_say(loose,
             "proven; once, at 14:33:13.382238\n          Remedy    as for the finding above\n");
    must_say(unsigned_session, "Accepted  too long ago (expired on 2020-01-31) by J. Doe\n");
    must_say(smb1, "Accepted  old scanner (until 2030-12-31) by J. Doe\n");
    must_say(text, "\nR901  loose-rule ");
    must_say(text, "Everything in the capture was read");
    must_say(text, "\n4 findings: 1 critical, 2 high, 1 medium; 1 accepted. Exit status 1: "
                   "findings at or above low.\n");
    must_not_say(text, "\nMatrix ");
    free(text);
    s.policy->matrix_path = "own.txt";
    s.policy->matrix_sha256[0] = 0xc5;
    text = report(&s, &style, &run);
    must_say(text, "\nMatrix    own.txt (sha256 c500000000000000...)\n");
    free(text);
    scene_end(&s);
}

/* A line tells the same whether it is made of a record or of the finding itself. */
static void many_of_a_rule(void **state)
{
    struct scene_files s;
    struct run run = quiet_run();
    struct text_style style = {0};
    (void)state;
    scene_begin(&s, policy_text, "10.1.2.3", "10.0.0.13");
    for (unsigned i = 0; i < 30; i++) {
        char kind[8];
        (void)snprintf(kind, sizeof kind, "%u", i);
        struct finding *f = breach(&s, &loose_rule, 7 + i, kind);
        finding_evidence(s.audit, f, scene_stamp(7 + i), "loose");
    }
    struct party stranger = {.known = true};
    assert_true(address_parse("10.9.9.9", &stranger.address));
    struct learned_name name = {.name = "pc9.example", .source = NAMED_BY_DNS};
    audit_finish(s.audit);
    size_t count = 0;
    struct finding *const *all = (struct finding *const *)audit_findings(s.audit, &count);
    assert_int_equal(count, 30);
    all[24]->client = stranger;
    all[25]->client = stranger;
    all[25]->client.learned = &name;
    all[26]->client.learned = &name;
    all[27]->client.known = false;
    all[28]->server.port = 0;
    all[28]->count = 12345;
    const struct record_names names = {.policy = s.policy};
    const struct results results = {
        .names = &names, .run = &run, .audit = s.audit, .generated_ns = INT64_MIN};
    struct document *whole = scene_document(&s, &run, NULL), *once = NULL;
    assert_int_equal(records_document(&results, true, &once), 0);
    char *text = rendered(whole, &style), *again = rendered(once, &style);
    assert_string_equal(text, again);
    must_be_laid_well(text, 100);
    const char *more = must_say(text, "\n          More of R901, a line each");
    must_say(more,
             "\n          10.1.2.3 (desks) -> dp01.corp.example (10.0.0.13) port 445 once in");
    must_say(more,
             "\n          10.9.9.9 -> dp01.corp.example (10.0.0.13) port 445 once in packet #");
    must_say(more,
             "\n          10.9.9.9 (called pc9.example by DNS) -> dp01.corp.example (10.0.0.13) ");
    must_say(more, "\n          10.1.2.3 (desks, called pc9.example by DNS) -> dp01.corp.example ");
    must_say(more, "\n          dp01.corp.example (10.0.0.13) port 445 once in packet #");
    must_say(more, "dp01.corp.example (10.0.0.13) 12,345 times, first in packet #");
    free(text);
    free(again);
    document_free(whole);
    document_free(once);
    scene_end(&s);
}

static void same_input_same_report(void **state)
{
    struct text_style style = {.width = 72};
    struct run run = quiet_run();
    char *texts[2];
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct scene_files s;
        fill(&s);
        texts[i] = report(&s, &style, &run);
        scene_end(&s);
    }
    /* The policy's path names a file descriptor, so its line is left out. */
    assert_string_equal(strstr(texts[0], "\nResult"), strstr(texts[1], "\nResult"));
    free(texts[0]);
    free(texts[1]);
}

static void fits_every_width(void **state)
{
    struct scene_files s;
    struct run run = quiet_run();
    (void)state;
    fill(&s);
    for (unsigned width = 60; width <= 200; width += 7) {
        struct text_style style = {.width = width};
        char *text = report(&s, &style, &run);
        must_be_laid_well(text, width);
        free(text);
    }
    scene_end(&s);
}

static void colour_frames_words_only(void **state)
{
    struct scene_files s;
    struct run run = quiet_run();
    struct text_style plain = {0}, color = {.color = true};
    (void)state;
    fill(&s);
    char *with = report(&s, &color, &run), *without = report(&s, &plain, &run);
    must_say(with, "\33[1;97;41mCRITICAL\33[0m");
    must_say(with, "\33[1;31mHIGH\33[0m");
    /* Taken out, nothing else differs. */
    char *to = with;
    for (const char *from = with; *from != '\0';) {
        if (from[0] == '\33') {
            from += strcspn(from, "m") + 1;
        } else {
            *to++ = *from++;
        }
    }
    *to = '\0';
    assert_string_equal(with, without);
    free(with);
    free(without);
    scene_end(&s);
}

static void traffic_cannot_break_out(void **state)
{
    static const char hostile[] = "\33[2J\33]0;pwned\a\r\nCRITICAL  R999 forged \x9b"
                                  "31m \xc2\x9b"
                                  "1m \xe2\x80\xae"
                                  "evil\x7f";
    struct scene_files s;
    struct run run = quiet_run();
    struct text_style style = {.width = 80};
    (void)state;
    scene_begin(&s, policy_text, "10.1.2.3", "10.0.0.13");
    struct finding *f = breach(&s, &loose_rule, 7, NULL);
    finding_evidence(s.audit, f, scene_stamp(7), "user %s", hostile);
    finding_explain(s.audit, f, "user %s", hostile);
    finding_remedy(s.audit, f, "ask %s", hostile);
    judge_hidden(s.audit, &grave_rule, (struct subject){.host = s.server.host}, hostile);
    audit_finish(s.audit);
    const char *inputs[] = {hostile};
    const char *protocols[] = {hostile};
    const uint64_t flows[] = {1};
    run.inputs = inputs;
    run.protocols = protocols;
    run.protocol_flows = flows;
    run.protocol_count = 1;
    char *text = report(&s, &style, &run);
    must_be_laid_well(text, 80);
    must_not_say(text, "\nCRITICAL");
    must_not_say(text, "\xe2\x80\xae");
    must_not_say(text, "\xc2\x9b");
    must_say(text, "\\x1b[2J\\x1b]0;pwned\\x07\\x0d");
    must_say(text, "\\u202eevil\\x7f");
    free(text);
    scene_end(&s);
}

static void reasons_stand_together(void **state)
{
    static const char reason[] = "TLS 1.3 encrypts the certificate.";
    struct scene_files s;
    struct run run = quiet_run();
    struct text_style style = {.width = 120};
    (void)state;
    scene_begin(&s, policy_text, "10.1.2.3", "10.0.0.13");
    const struct subject dp = {.host = policy_host_named(s.policy, "dp01")},
                         cm = {.host = policy_host_named(s.policy, "cm01")};
    judge_hidden(s.audit, &loose_rule, dp, reason);
    judge_hidden(s.audit, &loose_rule, cm, reason);
    judge_hidden(s.audit, &grave_rule, cm, reason);
    judge_hidden(s.audit, &grave_rule, dp, reason);
    judge_hidden(s.audit, rule_find("weak-cipher"), dp, reason);
    judge_expected(s.audit, rule_find("tls-below-1-2"), cm, "Nothing was seen.");
    audit_finish(s.audit);
    char *text = report(&s, &style, &run);
    must_say(text, "  TLS 1.3 encrypts the certificate.\n"
                   "    R091 dp01.corp.example\n"
                   "    R901 R902 cm01.corp.example, dp01.corp.example\n");
    must_say(text, "Nothing was seen.\n");
    must_say(text, "\nno findings. Exit status 0: none at or above low.\n");
    free(text);
    scene_end(&s);
}

/* Three hundred hosts are a few lines, and the count of the rest. */
static void many_subjects_stay_readable(void **state)
{
    static char policy[64 * 1024];
    struct scene_files s;
    struct run run = quiet_run();
    struct text_style style = {.width = 100};
    (void)state;
    int n = snprintf(
        policy, sizeof policy,
        "forests: {corp: {domains: [corp.example]}}\nsites: {P01: {type: primary}}\nhosts:\n");
    for (unsigned i = 0; i < 300; i++) {
        n += snprintf(policy + n, sizeof policy - (size_t)n,
                      "  dp%03u.corp.example: {addresses: [10.0.%u.%u], forest: corp, site: P01, "
                      "roles: [distribution-point]}\n",
                      i, 1 + i / 200, 1 + i % 200);
    }
    scene_begin(&s, policy, "10.9.9.9", "10.0.1.1");
    for (unsigned i = 0; i < s.policy->host_count; i++) {
        judge_expected(s.audit, &loose_rule, (struct subject){.host = &s.policy->hosts[i]},
                       "No SMB was seen.");
    }
    audit_finish(s.audit);
    char *text = report(&s, &style, &run);
    must_be_laid_well(text, 100);
    const char *unseen = must_say(text, "\nNOT OBSERVED");
    const char *loose =
        must_say(unseen, "  No SMB was seen.\n    R901 dp000.corp.example, dp001.corp.example, ");
    must_say(loose, "dp019.corp.example, and 280 more\n");
    must_not_say(text, "dp299.corp.example");
    must_say(text,
             "\nR901  loose-rule                        -          -        300          -\n");
    free(text);
    scene_end(&s);
}

static void quality_says_what_was_lost(void **state)
{
    struct scene_files s;
    struct text_style style = {.fail_on = SEVERITY_CRITICAL};
    (void)state;
    scene_begin(&s, policy_text, "10.1.2.3", "10.0.0.13");
    breach(&s, &loose_rule, 7, NULL);
    audit_finish(s.audit);
    struct run run = quiet_run();
    run.flows.duplicates = 12;
    char *text = report(&s, &style, &run);
    /* Copies are no loss. */
    must_say(text, "Everything in the capture was read");
    must_say(text, "12  copies of packets");
    free(text);
    run.source.dropped = 1234;
    run.source.truncated_files = 1;
    run.quality.gaps = 3;
    run.quality.missing_octets = 4096;
    run.quality.one_sided = 2;
    run.flows.evicted_half_open = 5;
    run.interrupted = true;
    static struct loss_log losses = {
        .count = 3,
        .list = {{.from_ns = 0, .to_ns = 60000000000, .packets = 10, .lost = {[LOSS_RING] = 34}},
                 {.from_ns = 60000000000,
                  .to_ns = 120000000000,
                  .packets = 99,
                  .lost = {[LOSS_RING] = 1100, [LOSS_CARD] = 100, [LOSS_CONVERSATION] = 5}},
                 {.from_ns = 180000000000, .to_ns = 240000000000, .packets = 7}}};
    run.losses = &losses;
    text = report(&s, &style, &run);
    must_say(text, "Lost within 2 intervals of time, worst first:\n");
    const char *worst = strstr(text, "00:01:00 to");
    const char *other = strstr(text, "00:00:00 to");
    assert_true(worst != NULL && other != NULL && worst < other);
    must_say(worst, "+ 1,100");
    must_not_say(text, "Everything in the capture was read");
    must_say(text, "\n           1,234  packets dropped");
    must_say(text, "\n               1  files that end inside a packet");
    must_say(text, "\n               3  conversations with payload that was not captured\n");
    must_say(text, "\n           4,096  octets of payload");
    must_say(text, "only one direction");
    must_say(text, "half-open conversations");
    must_say(text, "interruption by the user");
    must_not_say(text, "snap length");
    must_say(text, "\n1 finding: 1 high. Exit status 0: none at or above critical.\n");
    free(text);
    scene_end(&s);
}

/* Which rows the capture covers, and which consistent verdicts its losses touch. */
static void coverage_is_told(void **state)
{
    struct scene_files s;
    struct run run = quiet_run();
    struct text_style style = {0};
    (void)state;
    scene_begin(&s, policy_text, "10.1.2.3", "10.0.0.13");
    judge_fine(s.audit, &loose_rule, (struct subject){.host = policy_host_named(s.policy, "cm01")},
               "Fast.");
    judge_fine(s.audit, rule_find("smb1-used"),
               (struct subject){.host = policy_host_named(s.policy, "cm01")}, "SMB 3.");
    audit_lost(s.audit, &(struct audit_losses){.dropped = 2});
    audit_finish(s.audit);
    char *text = report(&s, &style, &run);
    must_be_laid_well(text, 100);
    must_say(text, "\nCOVERAGE OF THE MATRIX");
    must_say(text, "None was seen. Needed:");
    must_say(text, "goes: 2 verdicts (R120 tells whose), of R001 R060");
    free(text);
    scene_end(&s);
}

static void empty_input(void **state)
{
    struct scene_files s;
    struct run run = {.precision = 6};
    struct text_style style = {0};
    (void)state;
    scene_begin(&s, "hosts: {}\n", "10.1.2.3", "10.0.0.13");
    audit_finish(s.audit);
    char *text = report(&s, &style, &run);
    must_be_laid_well(text, 100);
    must_say(text, "\nTime      no packets\n");
    must_say(text, "\nProtocols none\n");
    must_say(text, "no findings. Exit status 0");
    free(text);
    scene_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_all_of_it),
        cmocka_unit_test(many_of_a_rule),
        cmocka_unit_test(same_input_same_report),
        cmocka_unit_test(fits_every_width),
        cmocka_unit_test(colour_frames_words_only),
        cmocka_unit_test(traffic_cannot_break_out),
        cmocka_unit_test(reasons_stand_together),
        cmocka_unit_test(many_subjects_stay_readable),
        cmocka_unit_test(quality_says_what_was_lost),
        cmocka_unit_test(coverage_is_told),
        cmocka_unit_test(empty_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
