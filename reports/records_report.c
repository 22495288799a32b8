#include "reports/records_report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "reports/finding_view.h"
#include "reports/grade.h"
#include "reports/input_file.h"

static const char *profile_name(enum profile p)
{
    static const char *const names[] = {"article", "current", "strict"};
    return names[p];
}

/* The captures, and by what each is known again when its packets are wanted later. */
static void add_files(struct json *j, const struct source *source)
{
    if (source_files(source) == 0) {
        return; /* live */
    }
    json_open(j, "files", '[');
    for (uint32_t i = 0; i < source_files(source); i++) {
        const char *path = source_file_path(source, i);
        struct input_file file;
        json_open(j, NULL, '{');
        json_text(j, "file", path);
        if (input_file_look(path, &file)) {
            json_number(j, "octets", file.octets);
            json_text(j, "head_sha256", file.head_sha256);
        }
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void record_audit(struct output *out, const struct results *r)
{
    const struct policy *p = r->names->policy;
    const struct run *run = r->run;
    struct json j = record_begin(out, "audit");
    json_text(&j, "tool", "rolecall");
    json_text(&j, "version", ROLECALL_VERSION);
    json_text(&j, "policy", p->path);
    json_hex(&j, "policy_sha256", bytes_of(p->sha256, sizeof p->sha256));
    json_text(&j, "profile", profile_name(p->profile));
    json_open(&j, "inputs", '[');
    for (size_t i = 0; i < run->input_count; i++) {
        json_text(&j, NULL, run->inputs[i]);
    }
    json_close(&j, ']');
    if (r->names->source != NULL) {
        json_number(&j, "captures", source_files(r->names->source));
        add_files(&j, r->names->source);
    }
    if (r->generated_ns != INT64_MIN) {
        json_time(&j, "generated", r->generated_ns, 0);
    }
    if (run->source.packets > 0) {
        json_time(&j, "start", run->source.first_ns, run->precision);
        json_time(&j, "end", run->source.last_ns, run->precision);
    }
    record_end(&j);
}

static void add_chapter(struct json *j, const struct chapter *c)
{
    json_text(j, "chapter", c->name);
    json_text(j, "chapter_letter", c->letter);
    json_text(j, "chapter_title", c->title);
}

void record_rule(struct output *out, const struct rule *rule, enum severity severity)
{
    struct json j = record_begin(out, "rule");
    json_text(&j, "code", rule->code);
    json_text(&j, "rule", rule->name);
    add_chapter(&j, rule_chapter(rule));
    json_text(&j, "title", rule->title);
    json_text(&j, "severity", severity_name(severity));
    json_parts(&j, "statements", rule->statements, ' ');
    json_parts(&j, "references", rule->references, '\n');
    json_text(&j, "means", rule->means);
    json_text(&j, "evidence", rule->evidence);
    json_text(&j, "remediation", rule->remediation);
    json_open(&j, "records", '[');
    for (unsigned kind = 0; kind < RECORD_COUNT; kind++) {
        if ((rule->records & 1u << kind) != 0) {
            json_text(&j, NULL, record_keys[kind]);
        }
    }
    json_close(&j, ']');
    record_end(&j);
}

/* ---- grades ---- */

static void add_cost(struct json *j, const struct grade_cost *c)
{
    char text[200];
    if (c->findings > 0) {
        (void)snprintf(text, sizeof text, "%s %s: %" PRIu64 " finding%s, the worst %s: -%u points",
                       c->rule->code, c->rule->name, c->findings, c->findings == 1 ? "" : "s",
                       severity_name(c->worst), c->points);
        json_text(j, NULL, text);
    }
    if (c->accepted > 0) {
        (void)snprintf(text, sizeof text, "%s %s: %" PRIu64 " accepted by the policy, not counted",
                       c->rule->code, c->rule->name, c->accepted);
        json_text(j, NULL, text);
    }
}

/* The same as numbers. */
static void add_sum(struct json *j, const struct grade_cost *c)
{
    json_open(j, NULL, '{');
    json_text(j, "code", c->rule->code);
    json_text(j, "title", c->rule->title);
    json_text(j, "severity", severity_name(c->findings > 0 ? c->worst : c->rule->severity));
    json_number(j, "findings", c->findings);
    json_number(j, "accepted", c->accepted);
    json_number(j, "points", c->points);
    json_close(j, '}');
}

static void record_grade(struct output *out, const struct grade *g)
{
    char text[120];
    struct json j = record_begin(out, "grade");
    add_chapter(&j, g->chapter);
    if (g->letter != '\0') {
        json_text(&j, "grade", (char[2]){g->letter, '\0'});
        json_number(&j, "points", g->points);
    }
    json_number(&j, "judged", g->judged);
    json_number(&j, "not_judged", g->unjudged);
    json_open(&j, "costs", '[');
    for (unsigned i = 0; i < g->cost_count; i++) {
        add_sum(&j, &g->costs[i]);
    }
    json_close(&j, ']');
    json_open(&j, "because", '[');
    for (unsigned i = 0; i < g->cost_count; i++) {
        add_cost(&j, &g->costs[i]);
    }
    if (g->letter == '\0') {
        json_text(&j, NULL, "nothing of this chapter was judged, so there is no grade");
    } else if (g->cost_count == 0) {
        (void)snprintf(text, sizeof text, "no finding in %" PRIu64 " judged subject%s", g->judged,
                       g->judged == 1 ? "" : "s");
        json_text(&j, NULL, text);
    }
    json_close(&j, ']');
    record_end(&j);
}

/* Of each chapter that has a rule which is on. */
static void record_grades(struct output *out, const struct audit *a)
{
    for (unsigned c = 0; c < chapter_count; c++) {
        enum severity severity = SEVERITY_OFF;
        const struct rule *rule = NULL;
        struct grade grade;
        for (unsigned i = 0; (rule = audit_rule(a, i, &severity)) != NULL; i++) {
            if (rule_chapter(rule) == &chapters[c]) {
                grade_chapter(&grade, a, &chapters[c]);
                record_grade(out, &grade);
                break;
            }
        }
    }
}

/* ---- all ---- */

static void record_findings(struct output *out, const struct results *r)
{
    size_t count = 0;
    const struct finding *const *findings = audit_findings(r->audit, &count);
    for (size_t i = 0; i < count; i++) {
        record_finding(out, r->names, findings[i]);
    }
}

static void record_answers(struct output *out, const struct results *r)
{
    size_t count = 0;
    const struct verdict *const *verdicts = audit_verdicts(r->audit, &count);
    for (size_t i = 0; i < count; i++) {
        record_verdict(out, verdicts[i]);
    }
    const struct statement_verdict *answers = audit_statements(r->audit, &count);
    for (size_t i = 0; i < count; i++) {
        record_statement(out, &answers[i]);
    }
    record_coverage(out, r->audit);
}

static void record_all(struct output *out, const struct results *r, bool for_text)
{
    enum severity severity = SEVERITY_OFF;
    const struct rule *rule = NULL;
    record_audit(out, r);
    if (!for_text) {
        record_findings(out, r);
    }
    record_answers(out, r);
    for (unsigned i = 0; (rule = audit_rule(r->audit, i, &severity)) != NULL; i++) {
        record_rule(out, rule, severity);
    }
    if (!for_text) {
        record_model(out, r->names->policy);
    }
    if (r->gathering != NULL) {
        record_gathering(out, r);
    }
    record_grades(out, r->audit);
    if (r->history != NULL) {
        document_write(out, r->history);
    }
    record_summary(out, r->names, r->run, r->audit, r->gathering);
}

void records_report(struct output *out, const struct results *r)
{
    record_all(out, r, false);
}

static const struct finding *finding_at(const struct results *r, size_t place)
{
    size_t count = 0;
    return audit_findings(r->audit, &count)[place];
}

static void write_finding(void *user, struct output *out, size_t place)
{
    const struct results *r = user;
    record_finding(out, r->names, finding_at(r, place));
}

static struct end_view brief_end(const struct party *p)
{
    bool learned = p->host == NULL && p->learned != NULL;
    struct end_view view = {.known = p->known,
                            .name = p->host != NULL ? p->host->name
                                    : learned       ? p->learned->name
                                                    : "",
                            .learned_from = learned ? name_source_text(p->learned->source) : "",
                            .group = p->group == NULL ? "" : p->group->name,
                            .port = p->port};
    if (p->known) {
        (void)address_format(&p->address, view.ip);
    }
    return view;
}

static void brief_finding(void *user, size_t place, struct finding_view *ret)
{
    const struct results *r = user;
    const struct finding *f = finding_at(r, place);
    const struct evidence *first = f->evidence_count == 0 ? NULL : &f->evidence[0];
    const char *file = first == NULL || r->names->source == NULL
                           ? NULL
                           : source_file_name(r->names->source, first->at.file);
    *ret = (struct finding_view){.id = f->id,
                                 .name = f->rule->name,
                                 .code = f->rule->code,
                                 .rank = (unsigned)f->severity,
                                 .count = f->count,
                                 .accepted = f->accepted != NULL && !f->acceptance_expired,
                                 .file = file == NULL ? "" : file,
                                 .packet = first == NULL ? 0 : first->at.packet,
                                 .client = brief_end(&f->client),
                                 .server = brief_end(&f->server)};
}

int records_document(const struct results *r, bool for_text, struct document **ret)
{
    struct document_draft draft;
    if (document_begin(&draft) < 0) {
        return -ENOMEM;
    }
    record_all(draft.out, r, for_text);
    int failed = document_finish(&draft, ret);
    if (failed == 0 && for_text) {
        struct finding_source source = {
            .user = (void *)(uintptr_t)r, .write = write_finding, .brief = brief_finding};
        (void)audit_findings(r->audit, &source.count);
        failed = document_make_findings(*ret, &source);
        *ret = failed == 0 ? *ret : document_free(*ret);
    }
    return failed;
}
