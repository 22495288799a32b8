/*
 * audit.c - `rolecall audit`: the run, then its reports.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "commands/folder.h"
#include "commands/guard.h"
#include "commands/live_screen.h"
#include "commands/packets.h"
#include "commands/service.h"
#include "commands/web.h"
#include "reports/records_report.h"
#include "reports/screen_terminal.h"

struct reporting { /* of a finished audit */
    struct session *session;
    struct run run; /* the pipeline's, and what the supervisor knows */
    struct results results;
    struct cited_packets *packets; /* NULL: none were read again */
    struct document *history;      /* records of earlier audits; NULL: there is no store */
    struct document *document;     /* NULL: only the records themselves are asked for */
};

/* ---- the document ---- */

/* Whether this format is all that is made of the audit. */
static bool only_format(const struct options *o, const char *name)
{
    return strcmp(o->format == NULL ? "text" : o->format, name) == 0 && o->report_folder == NULL &&
           o->store == NULL && o->syslog == NULL && !o->mask;
}

static int make_document(struct reporting *r, bool for_text)
{
    return records_document(&r->results, for_text, &r->document) < 0
               ? trouble("out of memory for the report")
               : EXIT_CLEAN;
}

static int mask_records(struct reporting *r)
{
    int failed = r->session->options->mask ? mask_document(r->session->mask, r->document) : 0;
    if (failed < 0) {
        return trouble("--mask: %s; nothing was written",
                       failed == -E2BIG ? "more names than can be kept" : strerror(-failed));
    }
    return EXIT_CLEAN;
}

/* ---- the store ---- */

/* What the reports tell of earlier audits. */
static int read_history(struct reporting *r, struct store *store)
{
    char error[STORE_ERROR], sha256[65];
    const struct policy *p = r->session->policy;
    for (size_t i = 0; i < sizeof p->sha256; i++) {
        (void)snprintf(sha256 + 2 * i, 3, "%02x", p->sha256[i]);
    }
    if (!store_history(store, p->path, sha256, &r->history, error)) {
        return trouble("%s", error);
    }
    r->results.history = r->history;
    return EXIT_CLEAN;
}

/* Half an audit would look like one in which much was mended: none is stored. */
static int keep_document(struct reporting *r, struct store *store)
{
    char error[STORE_ERROR];
    int64_t id = 0;
    const struct session *s = r->session;
    /* A live capture has no other end. */
    if (s->partial || (r->results.run->interrupted && !s->options->live)) {
        return trouble("not all of the input was read: the audit is reported, not stored");
    }
    struct output *names = output_to_memory();
    if (names == NULL) {
        return trouble("out of memory");
    }
    mask_write(s->mask, names);
    size_t len = 0;
    const char *list = output_memory(names, &len);
    bool stored = store_add(store, r->document, bytes_of(list, len), error, &id);
    output_drop(names);
    return stored ? EXIT_CLEAN : trouble("%s", error);
}

/* The document, kept where that is asked for; `ret_kept` tells how that went, as
 * the reports are written whether or not. */
static int gather_document(struct reporting *r, const char *folder, int *ret_kept)
{
    struct store *store = NULL;
    *ret_kept = EXIT_CLEAN;
    if (r->session->options->store == NULL) {
        /* Text takes the findings in turn. */
        return make_document(r, folder == NULL && only_format(r->session->options, "text"));
    }
    /* Opened for each audit: a report of a running one is written in a process of its own, which
     * cannot share what SQLite holds open. */
    *ret_kept = open_store(r->session->options, STORE_KEEP, &store);
    if (store != NULL) {
        *ret_kept = read_history(r, store);
    }
    int status = make_document(r, false);
    if (*ret_kept == EXIT_CLEAN && status == EXIT_CLEAN) {
        *ret_kept = keep_document(r, store);
    }
    store_close(store);
    return status;
}

/* ---- all of them ---- */

/* --report: the folder gets the text report, the records, and what --formats names. */
static int fill_folder(struct reporting *r, const char *folder)
{
    const struct options *o = r->session->options;
    int status = write_folder(o, folder, r->document);
    return status == EXIT_CLEAN ? write_evidence(o, folder, r->document, r->packets) : status;
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
    char error[SYSLOG_ERROR];
    return syslog_send(&r->session->syslog, r->document, error) < 0 ? trouble("%s", error)
                                                                    : EXIT_CLEAN;
}

/* Before the records are made, which show what is in them. */
static int read_packets(struct reporting *r)
{
    struct session *s = r->session;
    int status = packets_of_audit(s, &r->packets);
    s->names.packets = r->packets;
    s->names.evidence = r->packets != NULL && folder_has(s->options, FORMAT_EVIDENCE);
    return status;
}

/* `records`: the output that is open for them; NULL: another format is asked for. With `folder`,
 * what belongs there and nothing else. */
static int write_reports(struct reporting *r, struct output *records, const char *folder)
{
    const struct options *o = r->session->options;
    const char *format = o->format == NULL ? "text" : o->format;
    int kept = EXIT_CLEAN;
    /* Records alone are written as they are made; every other format needs all of them at hand. */
    if (records != NULL && only_format(o, "jsonl")) {
        records_report(records, &r->results);
        return close_output(records, o->output);
    }
    int status = gather_document(r, folder, &kept);
    /* The store has what was seen: it is not what is given away. */
    status = status == EXIT_CLEAN ? mask_records(r) : status;
    if (status != EXIT_CLEAN) {
        output_drop(records);
        return status;
    }
    if (folder != NULL) {
        status = fill_folder(r, folder);
        return status == EXIT_CLEAN ? kept : status;
    }
    if (records != NULL) {
        document_write(records, r->document);
        status = close_output(records, o->output);
    } else {
        status = write_format(format_find(format), r->document, o->output, style_for(o));
    }
    if (o->report_folder != NULL && fill_folder(r, o->report_folder) != EXIT_CLEAN) {
        status = EXIT_TROUBLE;
    }
    if (o->syslog != NULL && send_findings(r) != EXIT_CLEAN) {
        status = EXIT_TROUBLE;
    }
    return status == EXIT_CLEAN ? kept : status;
}

static int64_t time_of_generation(const struct options *o)
{
    struct timespec now = {0};
    if (o->reproducible || clock_gettime(CLOCK_REALTIME, &now) != 0) {
        return INT64_MIN;
    }
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Ends the audit. */
static void end_audit(struct reporting *r, struct session *s, struct pipeline *p)
{
    *r = (struct reporting){.session = s,
                            .run = *pipeline_summary(p),
                            .results = {.names = &s->names,
                                        .run = &r->run,
                                        .audit = s->audit,
                                        .gathering = s->gathering,
                                        .generated_ns = time_of_generation(s->options)}};
    const struct run *run = &r->run;
    r->run.restarts = s->supervision.restarts;
    r->run.gaps = s->supervision.gaps;
    r->run.gap_count = s->supervision.gap_count;
    audit_lost(s->audit,
               &(struct audit_losses){
                   .dropped = run->source.dropped,
                   .cut_files = run->source.truncated_files,
                   .given_up = run->flows.evicted + run->flows.evicted_half_open,
                   .away = run->source.interface_losses,
                   .restarts = run->restarts,
                   .shed = run->shed.content_packets + run->shed.newcomer_packets,
                   .intervals = run->losses == NULL ? NULL : run->losses->list,
                   .interval_count = run->losses == NULL ? 0 : loss_log_count(run->losses)});
    audit_finish(s->audit);
    if (s->pins != NULL) {
        pins_look(s->pins);
        r->run.evidence_gone = pins_gone(s->pins);
    }
    if (s->gathering != NULL) {
        gathering_finish(s->gathering, s->audit);
    }
}

/* ... and writes what is asked for; with `folder`, what belongs there and nothing else. */
static int report_audit(struct session *s, struct pipeline *p, struct output *records,
                        const char *folder)
{
    struct reporting r;
    end_audit(&r, s, p);
    int read = read_packets(&r);
    int status = write_reports(&r, records, folder);
    status = status == EXIT_CLEAN ? read : status;
    s->names.packets = cited_packets_free(r.packets);
    document_free(r.document);
    document_free(r.history);
    return status == EXIT_CLEAN ? finding_status(s->audit, s->options->fail_on) : status;
}

/* Of an audit that goes on; in a process of its own. */
static int report_now(struct session *s, struct pipeline *p, const char *folder)
{
    return report_audit(s, p, NULL, folder);
}

/* The same for who looks at it through --listen; nothing is stored. */
static int view_now(struct session *s, struct pipeline *p, struct document **ret)
{
    struct reporting r;
    end_audit(&r, s, p);
    int status = make_document(&r, false);
    *ret = r.document;
    return status;
}

/* Packets are kept where a report shows those that findings cite. */
static int keep_packets(struct session *s)
{
    const struct options *o = s->options;
    if (o->keep_packets == 0 || !packets_wanted(o)) {
        return EXIT_CLEAN;
    }
    s->keeper = keeper_new(o->keep_packets);
    s->pins = s->keeper == NULL ? NULL : pins_new(s->keeper);
    return s->pins == NULL ? trouble("out of memory to keep packets: a smaller --keep-packets may "
                                     "help")
                           : EXIT_CLEAN;
}

/* `records`: where --format jsonl goes; NULL: another format is asked for. */
static int audit_with(struct session *s, struct output *records)
{
    const struct options *o = s->options;
    struct pipeline *p = NULL;
    if (o->live && keep_packets(s) != EXIT_CLEAN) {
        output_drop(records);
        return EXIT_TROUBLE;
    }
    s->events = o->events ? records : NULL;
    s->written_records = s->events == NULL ? 0 : UINT32_MAX;
    uint32_t wanted = audit_records(s->audit) | s->written_records | 1u << RECORD_FLOW;
    wanted |= s->gathering == NULL ? 0 : GATHERING_RECORDS;
    wanted |= s->mask == NULL ? 0 : MASK_RECORDS;
    if (o->live) {
        wanted = UINT32_MAX; /* a policy that is read anew may ask for more */
        s->service = service_new(s, report_now);
        service_watch_evidence(s);
    }
    web_begin(s->web);
    s->screen = s->terminal == NULL ? NULL : live_screen_new(s);
    int status = run_pipeline(s, wanted, &p);
    s->screen = live_screen_free(s->screen);
    s->service = service_free(s->service);
    s->partial = status != EXIT_CLEAN;
    if (p != NULL) {
        int reported = report_audit(s, p, records, NULL);
        status = status != EXIT_CLEAN ? status : reported;
    } else if (close_output(records, o->output) != EXIT_CLEAN) {
        status = EXIT_TROUBLE;
    }
    pipeline_close(p);
    s->pins = pins_free(s->pins);
    s->keeper = keeper_free(s->keeper);
    return status;
}

static int prepare_syslog(struct session *s)
{
    char error[SYSLOG_ERROR];
    const struct options *o = s->options;
    if (o->syslog == NULL) {
        return EXIT_CLEAN;
    }
    if (!syslog_target_parse(o->syslog, &s->syslog)) {
        return EXIT_TROUBLE; /* has been checked */
    }
    s->syslog.authorities = o->syslog_authorities;
    return o->live && syslog_prepare(&s->syslog, error) < 0 ? trouble("%s", error) : EXIT_CLEAN;
}

/* With the session's policy, which is the caller's. */
static int audit_session(struct session *s, struct output *records)
{
    const struct options *o = s->options;
    bool gathers =
        o->tui || records != NULL || (o->format != NULL && strcmp(o->format, "text") != 0) ||
        o->report_folder != NULL || o->syslog != NULL || o->store != NULL || s->web != NULL;
    /* That it cannot be used is told before the work, not after. */
    struct store *store = NULL;
    if ((o->store != NULL && open_store(o, STORE_KEEP, &store) != EXIT_CLEAN) ||
        prepare_syslog(s) != EXIT_CLEAN) {
        output_drop(records);
        return EXIT_TROUBLE;
    }
    store_close(store);
    s->names.policy = s->policy;
    s->audit = audit_new(s->policy);
    s->gathering = gathers ? gathering_new(s->policy) : NULL;
    if (s->audit != NULL && (gathers || o->octets)) {
        audit_keep_fields(s->audit);
    }
    /* A stored audit may be masked later, by the same words. */
    bool masks = o->mask || o->store != NULL;
    s->mask = masks ? mask_new(s->policy) : NULL;
    struct spool spool;
    int status = packets_prepare(s, &spool);
    if (s->audit == NULL || (gathers && s->gathering == NULL) || (masks && s->mask == NULL)) {
        status = trouble("out of memory");
    }
    if (status == EXIT_CLEAN) {
        status = audit_with(s, records);
    } else {
        output_drop(records);
    }
    if (s->spool != NULL) {
        spool_close(s->spool);
    }
    mask_free(s->mask);
    gathering_free(s->gathering);
    audit_free(s->audit);
    syslog_forget(&s->syslog);
    return status;
}

/* ---- live, in a process of its own ---- */

struct worker {
    struct session *session;
    struct output *records;
};

/* One that takes the place of another reads the policy anew, as that one may have; a bad one is
 * refused, as always. */
static int work(void *user)
{
    struct worker *w = user;
    struct session *s = w->session;
    struct policy *fresh = NULL;
    if (s->supervision.restarts > 0 && strcmp(s->options->policy, "-") != 0) {
        if (load_policy(s->options, s->options->policy, &fresh) == EXIT_CLEAN) {
            policy_free(s->policy);
            s->policy = fresh;
        } else {
            (void)trouble("%s: refused; the audit begins anew with the policy of its first start",
                          s->options->policy);
        }
    }
    int status = audit_session(s, w->records);
    (void)web_close(s->web);
    policy_free(s->policy);
    return status;
}

static int audit_live(struct session *s, struct output *records)
{
    struct worker w = {.session = s, .records = records};
    int status = guard_become(s->options);
    status = status == EXIT_CLEAN ? supervise(&s->supervision, work, &w) : status;
    output_drop(records); /* the worker has closed what it wrote */
    return status;
}

static int check_syslog(const struct options *o)
{
    struct syslog_target target;
    return o->syslog == NULL || syslog_target_parse(o->syslog, &target)
               ? EXIT_CLEAN
               : trouble("--syslog %s: expected udp://HOST:PORT, tcp://HOST:PORT or "
                         "tls://HOST:PORT",
                         o->syslog);
}

/* What nobody wants to hear after hours of work. */
static int check_options(const struct command *c, const struct options *o, bool jsonl)
{
    if (check_syslog(o) != EXIT_CLEAN || check_formats(c, o) != EXIT_CLEAN ||
        live_screen_check(o) != EXIT_CLEAN) {
        return EXIT_TROUBLE;
    }
    if (o->events && !jsonl) {
        return trouble("--events writes records: add --format jsonl");
    }
    if (o->events && o->mask) {
        return trouble("--events writes what was seen as it was: leave out one of it and --mask");
    }
    if (o->live && o->keep_packets == 0 && o->formats != NULL && folder_has(o, FORMAT_EVIDENCE)) {
        return trouble("--keep-packets 0 leaves nothing for evidence: take that out of --formats");
    }
    if (o->live && o->mask) {
        return trouble("--mask is for captures in files: findings that are told at once are not "
                       "masked");
    }
    return o->policy == NULL ? usage(c, "no policy given; name one with -p") : EXIT_CLEAN;
}

int run_audit(const struct command *c, struct options *o, int argc, char **argv)
{
    struct session s = {.options = o, .policy_lock = PTHREAD_MUTEX_INITIALIZER};
    bool jsonl = o->format != NULL && strcmp(o->format, "jsonl") == 0;
    if (check_options(c, o, jsonl) != EXIT_CLEAN) {
        return EXIT_TROUBLE;
    }
    struct output *records = NULL;
    int status = rest_as_inputs(o, argc, argv);
    status = status == EXIT_CLEAN ? load_policy(o, o->policy, &s.policy) : status;
    status = status == EXIT_CLEAN ? live_screen_open(&s) : status;
    if (status == EXIT_CLEAN && jsonl) {
        status = open_output(o->output, &records);
    }
    /* Before rights are given up: the port may be a low one, the key readable by root alone. */
    status = status == EXIT_CLEAN ? web_open(&s, view_now, &s.web) : status;
    if (status == EXIT_CLEAN) {
        status = o->live ? audit_live(&s, records) : audit_session(&s, records);
    }
    (void)web_close(s.web);
    (void)terminal_free(s.terminal);
    policy_free(s.policy);
    return status;
}
