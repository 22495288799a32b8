/*
 * audit.c - `rolecall audit`: the run, then its reports.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "capture/nearest.h"
#include "commands/service.h"
#include "reports/formats.h"
#include "reports/records_report.h"
#include "reports/syslog_send.h"

/* What --report writes when --formats does not say. */
#define FORMATS_DEFAULT "html,jsonl,text"

struct reporting { /* of a finished audit */
    const struct session *session;
    struct results results;
    struct output *records;    /* in memory: every record of the report, a line each */
    struct document *document; /* the same, parsed; NULL until a format asks for it */
};

/* ---- one format ---- */

static int make_records(struct reporting *r)
{
    r->records = r->records == NULL ? output_to_memory() : r->records;
    if (r->records == NULL) {
        return trouble("out of memory");
    }
    records_report(r->records, &r->results);
    return output_error(r->records) < 0 ? trouble("out of memory for the records of the report")
                                        : EXIT_CLEAN;
}

static struct bytes records_of(const struct reporting *r)
{
    size_t len = 0;
    const char *text = output_memory(r->records, &len);
    return bytes_of(text, len);
}

static int make_document(struct reporting *r)
{
    char error[DOCUMENT_ERROR] = "out of memory for the report";
    if (r->document != NULL) {
        return EXIT_CLEAN;
    }
    return document_parse(records_of(r), error, &r->document) < 0 ? trouble("%s", error)
                                                                  : EXIT_CLEAN;
}

/* Line by line, so that a full disk leaves whole ones. */
static void add_records(struct output *out, const struct reporting *r)
{
    struct bytes left = records_of(r);
    while (left.len > 0) {
        const uint8_t *end = memchr(left.at, '\n', left.len);
        size_t len = end == NULL ? left.len : (size_t)(end - left.at);
        output_octets(out, left.at, len);
        output_line(out);
        left = bytes_from(left, end == NULL ? len : len + 1);
    }
}

static int write_format(struct reporting *r, const char *name, const char *path,
                        struct text_style style)
{
    const struct format *f = format_find(name);
    struct output *out = NULL;
    if ((f != NULL && f->render != render_jsonl && make_document(r) != EXIT_CLEAN) ||
        open_output(path, &out) != EXIT_CLEAN) {
        return EXIT_TROUBLE;
    }
    if (f == NULL) {
        text_report(out, &style, r->results.names, r->results.run, r->results.audit);
    } else if (f->render == render_jsonl) {
        add_records(out, r);
    } else {
        f->render(out, r->document, &(struct render_options){.style = style});
    }
    return close_output(out, path);
}

/* ---- all of them ---- */

/* --report: the folder gets the text report, the records, and what --formats names. */
static int write_folder(struct reporting *r, const char *folder)
{
    char path[4096];
    const struct options *o = r->session->options;
    const char *list = o->formats == NULL ? FORMATS_DEFAULT : o->formats;
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        return trouble("%s: cannot make the folder: %s; choose another with --report", folder,
                       strerror(errno));
    }
    const struct text_style style = {.fail_on = o->fail_on};
    (void)snprintf(path, sizeof path, "%s/report.txt", folder);
    int status = write_format(r, "text", path, style);
    for (unsigned i = 0; i < format_count && status == EXIT_CLEAN; i++) {
        if (formats[i].render == render_jsonl || format_listed(list, formats[i].name)) {
            (void)snprintf(path, sizeof path, "%s/%s", folder, formats[i].file);
            status = write_format(r, formats[i].name, path, style);
        }
    }
    return status;
}

static int finding_status(const struct audit *a, enum severity fail_on)
{
    const struct audit_counts *counts = audit_counts(a);
    for (unsigned s = fail_on; s <= SEVERITY_CRITICAL; s++) {
        if (counts->findings[s] > 0) {
            return EXIT_FINDINGS;
        }
    }
    return EXIT_CLEAN;
}

static int send_findings(struct reporting *r)
{
    struct syslog_target target;
    char error[SYSLOG_ERROR];
    if (!syslog_target_parse(r->session->options->syslog, &target) ||
        make_document(r) != EXIT_CLEAN) {
        return EXIT_TROUBLE;
    }
    target.authorities = r->session->options->syslog_authorities;
    return syslog_send(&target, r->document, error) < 0 ? trouble("%s", error) : EXIT_CLEAN;
}

/* `records`: the output that is open for them; NULL: another format is asked for. */
static int write_reports(struct reporting *r, struct output *records)
{
    const struct options *o = r->session->options;
    const char *format = o->format == NULL ? "text" : o->format;
    bool only_text = r->session->gathering == NULL;
    int status = only_text ? EXIT_CLEAN : make_records(r);
    if (status == EXIT_CLEAN && records != NULL) {
        add_records(records, r);
        status = close_output(records, o->output);
    } else if (status == EXIT_CLEAN) {
        status = write_format(r, format, o->output, style_for(o));
    }
    if (o->report_folder != NULL && write_folder(r, o->report_folder) != EXIT_CLEAN) {
        status = EXIT_TROUBLE;
    }
    if (o->syslog != NULL && send_findings(r) != EXIT_CLEAN) {
        status = EXIT_TROUBLE;
    }
    return status;
}

static int64_t time_of_generation(const struct options *o)
{
    struct timespec now = {0};
    if (o->reproducible || clock_gettime(CLOCK_REALTIME, &now) != 0) {
        return INT64_MIN;
    }
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Ends the audit and writes what is asked for; with `folder`, what belongs there and nothing else.
 */
static int report_audit(struct session *s, struct pipeline *p, struct output *records,
                        const char *folder)
{
    struct reporting r = {.session = s,
                          .results = {.names = &s->names,
                                      .run = pipeline_summary(p),
                                      .audit = s->audit,
                                      .gathering = s->gathering,
                                      .generated_ns = time_of_generation(s->options)}};
    const struct run *run = r.results.run;
    audit_lost(s->audit, &(struct audit_losses){.dropped = run->source.dropped,
                                                .cut_files = run->source.truncated_files,
                                                .given_up = run->flows.evicted +
                                                            run->flows.evicted_half_open});
    audit_finish(s->audit);
    if (s->gathering != NULL) {
        gathering_finish(s->gathering, s->audit);
    }
    int status = folder == NULL ? write_reports(&r, records) : make_records(&r);
    if (folder != NULL && status == EXIT_CLEAN) {
        status = write_folder(&r, folder);
    }
    document_free(r.document);
    int closed = output_close(r.records); /* memory: nothing that could fail */
    (void)closed;
    return status == EXIT_CLEAN ? finding_status(s->audit, s->options->fail_on) : status;
}

/* Of an audit that goes on; in a process of its own. */
static int report_now(struct session *s, struct pipeline *p, const char *folder)
{
    return report_audit(s, p, NULL, folder);
}

static int audit_with(struct session *s, bool jsonl)
{
    const struct options *o = s->options;
    struct pipeline *p = NULL;
    struct output *records = NULL;
    if (jsonl && open_output(o->output, &records) != EXIT_CLEAN) {
        return EXIT_TROUBLE;
    }
    s->events = o->events ? records : NULL;
    s->written_records = s->events == NULL ? 0 : UINT32_MAX;
    uint32_t wanted = audit_records(s->audit) | s->written_records | 1u << RECORD_FLOW;
    if (o->live) {
        wanted = UINT32_MAX; /* a policy that is read anew may ask for more */
        s->service = service_new(s, report_now);
    }
    int status = run_pipeline(s, s->gathering == NULL ? wanted : wanted | GATHERING_RECORDS, &p);
    s->service = service_free(s->service);
    if (p != NULL) {
        int reported = report_audit(s, p, records, NULL);
        status = status != EXIT_CLEAN ? status : reported;
    } else if (close_output(records, o->output) != EXIT_CLEAN) {
        status = EXIT_TROUBLE;
    }
    pipeline_close(p);
    return status;
}

static int check_formats(const struct options *o)
{
    struct syslog_target target;
    if (o->syslog != NULL && !syslog_target_parse(o->syslog, &target)) {
        return trouble("--syslog %s: expected udp://HOST:PORT, tcp://HOST:PORT or tls://HOST:PORT",
                       o->syslog);
    }
    if (o->formats != NULL && o->report_folder == NULL) {
        return trouble("--formats says what --report writes: add --report FOLDER");
    }
    char word[FORMAT_WORD] = "";
    const char *given = o->format;
    if (given != NULL && strcmp(given, "text") != 0 && format_find(given) == NULL) {
        (void)snprintf(word, sizeof word, "%s", given);
    } else if (o->formats == NULL || !format_unknown(o->formats, word)) {
        return EXIT_CLEAN;
    }
    struct nearest n = nearest_of(word);
    nearest_offer(&n, "text");
    for (unsigned i = 0; i < format_count; i++) {
        nearest_offer(&n, formats[i].name);
    }
    return n.best == NULL
               ? trouble(
                     "--format, --formats: no such format '%s'; 'rolecall audit --help' lists them",
                     word)
               : trouble("--format, --formats: no such format '%s'; did you mean '%s'?", word,
                         n.best);
}

int run_audit(const struct command *c, struct options *o, int argc, char **argv)
{
    struct session s = {.options = o};
    bool jsonl = o->format != NULL && strcmp(o->format, "jsonl") == 0;
    bool text = o->format == NULL || strcmp(o->format, "text") == 0;
    if (check_formats(o) != EXIT_CLEAN) {
        return EXIT_TROUBLE;
    }
    if (o->events && !jsonl) {
        return trouble("--events writes records: add --format jsonl");
    }
    if (o->policy == NULL) {
        return usage(c, "no policy given; name one with -p");
    }
    if (rest_as_inputs(o, argc, argv) != EXIT_CLEAN ||
        load_policy(o, o->policy, &s.policy) != EXIT_CLEAN) {
        return EXIT_TROUBLE;
    }
    bool gathers = !text || o->report_folder != NULL || o->syslog != NULL;
    s.names.policy = s.policy;
    s.audit = audit_new(s.policy);
    s.gathering = gathers ? gathering_new(s.policy) : NULL;
    int status = s.audit == NULL || (gathers && s.gathering == NULL) ? trouble("out of memory")
                                                                     : audit_with(&s, jsonl);
    gathering_free(s.gathering);
    audit_free(s.audit);
    policy_free(s.policy);
    return status;
}
