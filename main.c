/*
 * main.c - the commands. Each prints errors once, one line: what, where, how to mend it.
 *
 * Exit status: 0 nothing at or above --fail-on; 1 findings at or above it; 2 could not do it.
 */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/limits.h"
#include "capture/nearest.h"
#include "pipeline.h"
#include "reports/arguments.h"
#include "reports/catalogue.h"
#include "reports/command_help.h"
#include "reports/discover.h"
#include "reports/flow_list.h"
#include "reports/progress.h"
#include "reports/text.h"

enum { EXIT_CLEAN = 0, EXIT_FINDINGS = 1, EXIT_TROUBLE = 2 };

/* Set by SIGINT and SIGTERM: the report is then of what was read so far. A second one ends at once.
 */
static volatile sig_atomic_t stop_asked;

struct options {
    const char **inputs;
    size_t input_count;
    const char *policy, *filter, *output, *report_folder, *format, *types, *color;
    enum severity fail_on;
    unsigned workers;
    size_t memory;
    bool events, no_ndpi, secrets, sql_text, paths, key_vlan, key_tunnel, quiet;
};

enum option_id {
    OPT_FORMAT = 256,
    OPT_EVENTS,
    OPT_TYPE,
    OPT_FAIL_ON,
    OPT_WORKERS,
    OPT_MEMORY,
    OPT_FILTER,
    OPT_REPORT,
    OPT_NO_NDPI,
    OPT_SECRETS,
    OPT_SQL_TEXT,
    OPT_PATHS,
    OPT_KEY_VLAN,
    OPT_KEY_TUNNEL,
    OPT_COLOR,
};

static const struct option long_options[] = {
    {"read", required_argument, NULL, 'r'},
    {"policy", required_argument, NULL, 'p'},
    {"output", required_argument, NULL, 'o'},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {"format", required_argument, NULL, OPT_FORMAT},
    {"events", no_argument, NULL, OPT_EVENTS},
    {"type", required_argument, NULL, OPT_TYPE},
    {"fail-on", required_argument, NULL, OPT_FAIL_ON},
    {"workers", required_argument, NULL, OPT_WORKERS},
    {"memory", required_argument, NULL, OPT_MEMORY},
    {"filter", required_argument, NULL, OPT_FILTER},
    {"report", required_argument, NULL, OPT_REPORT},
    {"no-ndpi", no_argument, NULL, OPT_NO_NDPI},
    {"secrets", no_argument, NULL, OPT_SECRETS},
    {"sql-text", no_argument, NULL, OPT_SQL_TEXT},
    {"paths", no_argument, NULL, OPT_PATHS},
    {"key-vlan", no_argument, NULL, OPT_KEY_VLAN},
    {"key-tunnel", no_argument, NULL, OPT_KEY_TUNNEL},
    {"color", required_argument, NULL, OPT_COLOR},
    {NULL, 0, NULL, 0},
};

struct command {
    const char *name, *summary, *help;
    int (*run)(const struct command *c, struct options *o, int argc, char **argv);
};

static int trouble(const char *format, ...) PRINTF_LIKE(1, 2);
static int trouble(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)fputs("rolecall: ", stderr);
    (void)vfprintf(stderr, format, args);
    (void)fputc('\n', stderr);
    va_end(args);
    return EXIT_TROUBLE;
}

static int usage(const struct command *c, const char *what)
{
    return trouble("%s; 'rolecall %s --help' shows how", what, c->name);
}

/* ---- options ---- */

static int add_input(struct options *o, const char *path)
{
    const char **grown = realloc(o->inputs, (o->input_count + 1) * sizeof *grown);
    if (grown == NULL) {
        return trouble("out of memory");
    }
    o->inputs = grown;
    o->inputs[o->input_count++] = path;
    return EXIT_CLEAN;
}

static int set_numbers(const struct command *c, struct options *o, int option)
{
    unsigned long value = 0;
    if (option == OPT_WORKERS) {
        if (!argument_count(optarg, 1, LIMIT_SHARDS, &value)) {
            return trouble("--workers %s: expected a number from 1 to %d", optarg, LIMIT_SHARDS);
        }
        o->workers = (unsigned)value;
    } else if (option == OPT_MEMORY) {
        if (!argument_size(optarg, &o->memory)) {
            return trouble("--memory %s: expected a size of at least 16M, such as 512M or 2G",
                           optarg);
        }
    } else if (!severity_parse(optarg, &o->fail_on) || o->fail_on == SEVERITY_OFF) {
        return trouble("--fail-on %s: expected critical, high, medium, low or info", optarg);
    }
    (void)c;
    return EXIT_CLEAN;
}

static int set_option(const struct command *c, struct options *o, int option)
{
    switch (option) {
    case 'r':
        return add_input(o, optarg);
    case 'p':
        o->policy = optarg;
        break;
    case 'o':
        o->output = optarg;
        break;
    case 'q':
        o->quiet = true;
        break;
    case OPT_FORMAT:
        o->format = optarg;
        break;
    case OPT_EVENTS:
        o->events = true;
        break;
    case OPT_TYPE:
        o->types = optarg;
        break;
    case OPT_FILTER:
        o->filter = optarg;
        break;
    case OPT_REPORT:
        o->report_folder = optarg;
        break;
    case OPT_NO_NDPI:
        o->no_ndpi = true;
        break;
    case OPT_SECRETS:
        o->secrets = true;
        break;
    case OPT_SQL_TEXT:
        o->sql_text = true;
        break;
    case OPT_PATHS:
        o->paths = true;
        break;
    case OPT_KEY_VLAN:
        o->key_vlan = true;
        break;
    case OPT_KEY_TUNNEL:
        o->key_tunnel = true;
        break;
    case OPT_COLOR:
        o->color = optarg;
        break;
    default:
        return set_numbers(c, o, option);
    }
    return EXIT_CLEAN;
}

/* The message getopt would print, with the nearest option's name. */
static int bad_option(const struct command *c, int argc, char **argv)
{
    const char *given = optind > 0 && optind <= argc ? argv[optind - 1] : "";
    if (strncmp(given, "--", 2) != 0) {
        return usage(c, "unknown option or missing value");
    }
    struct nearest n = nearest_of(given + 2);
    for (const struct option *known = long_options; known->name != NULL; known++) {
        nearest_offer(&n, known->name);
        if (strcmp(known->name, given + 2) == 0) {
            return trouble("%s needs a value; 'rolecall %s --help' shows how", given, c->name);
        }
    }
    return n.best == NULL
               ? trouble("unknown option %s; 'rolecall %s --help' shows all", given, c->name)
               : trouble("unknown option %s; did you mean --%s?", given, n.best);
}

/* Options first, then what is left are inputs (or a command's own words). -1: go on; else the exit
 * status. */
static int parse(const struct command *c, struct options *o, int argc, char **argv)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    *o = (struct options){.output = "-",
                          .color = "auto",
                          .fail_on = SEVERITY_LOW,
                          .memory = LIMIT_MEMORY_DEFAULT,
                          .workers = cores < 1              ? 1
                                     : cores > LIMIT_SHARDS ? LIMIT_SHARDS
                                                            : (unsigned)cores};
    opterr = 0;
    optind = 1;
    for (int option = 0;
         (option = getopt_long(argc, argv, "r:p:o:qh", long_options, NULL)) != -1;) {
        if (option == 'h') {
            (void)printf("%s", c->help);
            return EXIT_CLEAN;
        }
        int failed = option == '?' ? bad_option(c, argc, argv) : set_option(c, o, option);
        if (failed != EXIT_CLEAN) {
            return failed;
        }
    }
    return -1;
}

/* ---- running the pipeline ---- */

struct session { /* one run of events or audit */
    const struct options *options;
    struct policy *policy;
    struct audit *audit;
    struct discovery *discovery;
    struct output *events; /* where observations are written; NULL: nowhere */
    uint32_t written_records;
    struct record_names names;
    struct progress progress;
};

static void on_stop(int number)
{
    if (stop_asked != 0) {
        _exit(EXIT_TROUBLE);
    }
    stop_asked = number;
}

static void session_opened(void *user, const struct source *source)
{
    struct session *s = user;
    s->names.source = source;
}

static void session_progress(void *user, const struct source_counts *counts)
{
    struct session *s = user;
    progress_show(&s->progress, counts);
}

static bool session_observe(void *user, const struct observation *o)
{
    struct session *s = user;
    if (s->events != NULL && (s->written_records & 1u << o->record) != 0) {
        record_observation(s->events, &s->names, o);
        if (output_error(s->events) < 0) {
            return false;
        }
    }
    if (s->audit != NULL) {
        audit_observe(s->audit, o);
    }
    if (s->discovery != NULL) {
        discovery_observe(s->discovery, o);
    }
    return true;
}

/* Bits of the record types in a comma-separated list; 0 after an error line. */
static uint32_t parse_types(const char *list)
{
    uint32_t bits = 0;
    while (list != NULL && *list != '\0') {
        size_t len = strcspn(list, ",");
        char word[32] = "";
        (void)snprintf(word, sizeof word, "%.*s", (int)(len < 31 ? len : 31), list);
        struct nearest n = nearest_of(word);
        uint32_t before = bits;
        for (unsigned r = 0; r < RECORD_COUNT; r++) {
            nearest_offer(&n, record_keys[r]);
            bits |= strcmp(record_keys[r], word) == 0 ? 1u << r : 0;
        }
        if (bits == before) {
            (void)trouble("--type %s: no such record type%s%s%s", word,
                          n.best == NULL ? "" : "; did you mean '", n.best == NULL ? "" : n.best,
                          n.best == NULL ? "" : "'?");
            return 0;
        }
        list += len + (list[len] == ',');
    }
    return bits;
}

static int open_output(const char *path, struct output **ret)
{
    int failed = output_open(path, ret);
    return failed < 0 ? trouble("%s: cannot write: %s; choose another place with --output", path,
                                strerror(-failed))
                      : EXIT_CLEAN;
}

static int close_output(struct output *out, const char *path)
{
    int failed = output_close(out);
    if (failed == -EPIPE) {
        return EXIT_CLEAN;
    }
    return failed < 0
               ? trouble(
                     "%s: cannot write on: %s; what stands there is whole lines up to that point",
                     strcmp(path, "-") == 0 ? "standard output" : path, strerror(-failed))
               : EXIT_CLEAN;
}

static struct text_style style_for(const struct options *o)
{
    bool terminal = strcmp(o->output, "-") == 0 && isatty(STDOUT_FILENO);
    bool color = terminal && getenv("NO_COLOR") == NULL;
    return (struct text_style){
        .color = strcmp(o->color, "always") == 0 || (strcmp(o->color, "auto") == 0 && color),
        .width = argument_width(terminal),
        .fail_on = o->fail_on,
    };
}

/* Facts that cost much are stated when they are written, or when a watch rule asks for them. */
static bool asked(const struct session *s, bool to_write, const char *fact)
{
    return (to_write && s->events != NULL) ||
           (s->policy != NULL && policy_watches(s->policy, fact));
}

static int run_pipeline(struct session *s, uint32_t records, struct pipeline **ret)
{
    const struct options *o = s->options;
    char error[SOURCE_ERROR];
    struct pipeline_options p = {
        .inputs = o->inputs,
        .input_count = o->input_count,
        .source = {.filter = o->filter, .stop = &stop_asked},
        .flow = {.key_vlan = o->key_vlan, .key_tunnel = o->key_tunnel},
        .engine = {.no_ndpi = o->no_ndpi,
                   .secrets = o->secrets,
                   .sql_text = asked(s, o->sql_text, "sql.text"),
                   .paths = asked(s, o->paths, "smb.name") || asked(s, false, "smb.action") ||
                            asked(s, false, "smb.listed"),
                   .audited = s->policy != NULL,
                   .brief = s->events == NULL && s->policy != NULL && s->policy->watch_count == 0,
                   .applications =
                       asked(s, (s->written_records & 1u << RECORD_FLOW) != 0, "flow.application"),
                   .records = records},
        .workers = o->workers,
        .memory = o->memory,
        .stop = &stop_asked,
        .progress = session_progress,
        .observe = session_observe,
        .opened = session_opened,
        .user = s,
    };
    if (o->input_count == 0) {
        return trouble(
            "no capture given; name files or folders with -r, or '-' for standard input");
    }
    if (pipeline_open(&p, error, ret) < 0) {
        return trouble("%s", error);
    }
    (void)signal(SIGINT, on_stop);
    (void)signal(SIGTERM, on_stop);
    progress_begin(&s->progress, !o->quiet && isatty(STDERR_FILENO));
    int failed = pipeline_run(*ret, error);
    progress_end(&s->progress);
    return failed < 0 ? trouble("%s", error) : EXIT_CLEAN;
}

/* ---- commands ---- */

static int rest_as_inputs(struct options *o, int argc, char **argv)
{
    int status = EXIT_CLEAN;
    for (int i = optind; i < argc && status == EXIT_CLEAN; i++) {
        status = add_input(o, argv[i]);
    }
    return status;
}

static int run_events(const struct command *c, struct options *o, int argc, char **argv)
{
    struct session s = {.options = o};
    struct pipeline *p = NULL;
    (void)c;
    s.written_records = o->types == NULL ? UINT32_MAX : parse_types(o->types);
    if (s.written_records == 0 || rest_as_inputs(o, argc, argv) != EXIT_CLEAN ||
        open_output(o->output, &s.events) != EXIT_CLEAN) {
        return EXIT_TROUBLE;
    }
    int status = run_pipeline(&s, s.written_records | 1u << RECORD_FLOW, &p);
    if (p != NULL) {
        record_summary(s.events, &s.names, pipeline_summary(p), NULL);
    }
    int closed = close_output(s.events, o->output);
    pipeline_close(p);
    return status != EXIT_CLEAN ? status : closed;
}

static int load_policy(const char *path, struct policy **ret)
{
    int failed = policy_load(path, &rule_names, stderr, ret);
    return failed < 0 ? EXIT_TROUBLE : EXIT_CLEAN;
}

static void write_records(struct output *out, const struct session *s, const struct run *run)
{
    size_t count = 0;
    const struct finding *const *findings = audit_findings(s->audit, &count);
    for (size_t i = 0; i < count; i++) {
        record_finding(out, &s->names, findings[i]);
    }
    const struct verdict *const *verdicts = audit_verdicts(s->audit, &count);
    for (size_t i = 0; i < count; i++) {
        record_verdict(out, verdicts[i]);
    }
    const struct statement_verdict *answers = audit_statements(s->audit, &count);
    for (size_t i = 0; i < count; i++) {
        record_statement(out, &answers[i]);
    }
    record_summary(out, &s->names, run, s->audit);
}

static int write_text(const char *path, struct text_style style, const struct session *s,
                      const struct run *run)
{
    struct output *out = NULL;
    if (open_output(path, &out) != EXIT_CLEAN) {
        return EXIT_TROUBLE;
    }
    text_report(out, &style, &s->names, run, s->audit);
    return close_output(out, path);
}

/* --report: the folder gets the text report and the records. */
static int write_folder(const struct session *s, const struct run *run)
{
    char path[4096];
    struct output *out = NULL;
    const char *folder = s->options->report_folder;
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        return trouble("%s: cannot make the folder: %s; choose another with --report", folder,
                       strerror(errno));
    }
    (void)snprintf(path, sizeof path, "%s/report.txt", folder);
    int status = write_text(path, (struct text_style){.fail_on = s->options->fail_on}, s, run);
    (void)snprintf(path, sizeof path, "%s/records.jsonl", folder);
    if (status != EXIT_CLEAN || open_output(path, &out) != EXIT_CLEAN) {
        return EXIT_TROUBLE;
    }
    write_records(out, s, run);
    return close_output(out, path);
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

static int report_audit(struct session *s, struct pipeline *p, bool jsonl)
{
    const struct options *o = s->options;
    const struct run *run = pipeline_summary(p);
    int status = EXIT_CLEAN;
    audit_finish(s->audit);
    if (jsonl) {
        write_records(s->events, s, run);
        status = close_output(s->events, o->output);
        s->events = NULL;
    } else {
        status = write_text(o->output, style_for(o), s, run);
    }
    if (o->report_folder != NULL && write_folder(s, run) != EXIT_CLEAN) {
        status = EXIT_TROUBLE;
    }
    return status == EXIT_CLEAN ? finding_status(s->audit, o->fail_on) : status;
}

static int audit_with(struct session *s, bool jsonl)
{
    const struct options *o = s->options;
    struct pipeline *p = NULL;
    struct output *records = NULL;
    if (jsonl && open_output(o->output, &records) != EXIT_CLEAN) {
        return EXIT_TROUBLE;
    }
    s->events = o->events && jsonl ? records : NULL;
    s->written_records = s->events == NULL ? 0 : UINT32_MAX;
    int status =
        run_pipeline(s, audit_records(s->audit) | s->written_records | 1u << RECORD_FLOW, &p);
    s->events = records;
    if (p != NULL) {
        int reported = report_audit(s, p, jsonl);
        status = status != EXIT_CLEAN ? status : reported;
    }
    if (s->events != NULL && close_output(s->events, o->output) != EXIT_CLEAN) {
        status = EXIT_TROUBLE;
    }
    pipeline_close(p);
    return status;
}

static int run_audit(const struct command *c, struct options *o, int argc, char **argv)
{
    struct session s = {.options = o};
    bool jsonl = o->format != NULL && strcmp(o->format, "jsonl") == 0;
    if (o->format != NULL && !jsonl && strcmp(o->format, "text") != 0) {
        return trouble("--format %s: expected text or jsonl", o->format);
    }
    if (o->events && !jsonl) {
        return trouble("--events writes records: add --format jsonl");
    }
    if (o->policy == NULL) {
        return usage(c, "no policy given; name one with -p");
    }
    if (rest_as_inputs(o, argc, argv) != EXIT_CLEAN ||
        load_policy(o->policy, &s.policy) != EXIT_CLEAN) {
        return EXIT_TROUBLE;
    }
    s.names.policy = s.policy;
    s.audit = audit_new(s.policy);
    int status = s.audit == NULL ? trouble("out of memory") : audit_with(&s, jsonl);
    audit_free(s.audit);
    policy_free(s.policy);
    return status;
}

static int run_discover(const struct command *c, struct options *o, int argc, char **argv)
{
    struct session s = {.options = o, .discovery = discovery_new()};
    struct pipeline *p = NULL;
    struct policy *old = NULL;
    struct output *out = NULL;
    (void)c;
    int status = s.discovery == NULL ? trouble("out of memory") : rest_as_inputs(o, argc, argv);
    if (status == EXIT_CLEAN && o->policy != NULL) {
        status = load_policy(o->policy, &old);
        s.names.policy = old;
    }
    if (status == EXIT_CLEAN) {
        status = open_output(o->output, &out);
    }
    if (out != NULL) {
        status = run_pipeline(&s, UINT32_MAX, &p);
    }
    if (p != NULL) {
        discovery_finish(s.discovery);
        discover_draft(out, &s.names, s.discovery);
    }
    int closed = close_output(out, o->output);
    pipeline_close(p);
    discovery_free(s.discovery);
    policy_free(old);
    return status != EXIT_CLEAN ? status : closed;
}

struct remarks {
    const char *path;
    unsigned count;
    enum severity worst;
};

static void print_remark(void *user, const struct policy_remark *r)
{
    struct remarks *seen = user;
    seen->count++;
    seen->worst = r->severity > seen->worst ? r->severity : seen->worst;
    (void)printf("%s:%u:%u: %s: %s%s%s%s\n", seen->path, r->place.line, r->place.column,
                 severity_name(r->severity), r->text, r->statement == NULL ? "" : " (",
                 r->statement == NULL ? "" : r->statement, r->statement == NULL ? "" : ")");
}

static int run_check(const struct command *c, struct options *o, int argc, char **argv)
{
    const char *path = o->policy != NULL ? o->policy : optind < argc ? argv[optind] : NULL;
    struct policy *policy = NULL;
    if (path == NULL) {
        return usage(c, "no policy given");
    }
    if (load_policy(path, &policy) != EXIT_CLEAN) {
        return EXIT_TROUBLE;
    }
    struct remarks seen = {.path = path};
    policy_check(policy, print_remark, &seen);
    (void)printf("%s: %u hosts, %u sites, %u forests, %u client groups; %u remark%s\n", path,
                 policy->host_count, policy->site_count, policy->forest_count, policy->group_count,
                 seen.count, seen.count == 1 ? "" : "s");
    policy_free(policy);
    return seen.worst >= o->fail_on ? EXIT_FINDINGS : EXIT_CLEAN;
}

static int list_flows(const struct options *o, const char *format, const struct policy *policy)
{
    struct matrix_flow *flows = NULL;
    struct output *out = NULL;
    size_t count = 0;
    int failed = matrix_flows(policy, &flows, &count);
    if (failed < 0) {
        return trouble("%s: %s", policy->path,
                       failed == -E2BIG ? "more flows than can be listed" : strerror(-failed));
    }
    int status = open_output(o->output, &out);
    if (status == EXIT_CLEAN) {
        (void)flow_list(out, format, flows, count);
        status = close_output(out, o->output);
    }
    free(flows);
    return status;
}

static int run_matrix(const struct command *c, struct options *o, int argc, char **argv)
{
    const char *path = o->policy != NULL ? o->policy : optind < argc ? argv[optind] : NULL;
    const char *format = o->format == NULL ? flow_list_formats[0] : o->format;
    struct policy *policy = NULL;
    unsigned known = 0;
    while (flow_list_formats[known] != NULL && strcmp(flow_list_formats[known], format) != 0) {
        known++;
    }
    if (flow_list_formats[known] == NULL) {
        return trouble("--format %s: expected table, csv, json, nftables or windows", format);
    }
    if (path == NULL) {
        return usage(c, "no policy given; name one with -p");
    }
    if (load_policy(path, &policy) != EXIT_CLEAN) {
        return EXIT_TROUBLE;
    }
    int status = list_flows(o, format, policy);
    policy_free(policy);
    return status;
}

static int run_rules(const struct command *c, struct options *o, int argc, char **argv)
{
    struct output *out = NULL;
    (void)c;
    (void)argc;
    (void)argv;
    if (open_output(o->output, &out) != EXIT_CLEAN) {
        return EXIT_TROUBLE;
    }
    struct text_style style = style_for(o);
    catalogue_list(out, &style, o->format != NULL && strcmp(o->format, "jsonl") == 0);
    return close_output(out, o->output);
}

static int run_explain(const struct command *c, struct options *o, int argc, char **argv)
{
    struct output *out = NULL;
    if (optind >= argc) {
        return usage(c, "no rule given");
    }
    const struct rule *rule = rule_find(argv[optind]);
    if (rule == NULL) {
        struct nearest n = nearest_of(argv[optind]);
        for (unsigned i = 0; i < rule_count; i++) {
            nearest_offer(&n, rules[i]->name);
            nearest_offer(&n, rules[i]->code);
        }
        return n.best == NULL ? trouble("no rule '%s'; 'rolecall rules' lists all", argv[optind])
                              : trouble("no rule '%s'; did you mean '%s'?", argv[optind], n.best);
    }
    if (open_output(o->output, &out) != EXIT_CLEAN) {
        return EXIT_TROUBLE;
    }
    struct text_style style = style_for(o);
    catalogue_explain(out, &style, rule);
    return close_output(out, o->output);
}

static const struct command commands[] = {
    {"audit", "judge captures against a policy", HELP_AUDIT, run_audit},
    {"events", "write what was seen, as JSON Lines; needs no policy", HELP_EVENTS, run_events},
    {"check", "check a policy file, and what can be told of it without traffic", HELP_CHECK,
     run_check},
    {"matrix", "list the flows that a declared hierarchy needs, also as firewall rules",
     HELP_MATRIX, run_matrix},
    {"discover", "draft a policy from traffic alone, with the evidence for each guess",
     HELP_DISCOVER, run_discover},
    {"rules", "list the rules",
     "usage: rolecall rules [--format text|jsonl]\n\nexample:\n  rolecall rules\n", run_rules},
    {"explain", "what a rule means, what it looks at, how to mend a breach",
     "usage: rolecall explain RULE\n\nRULE is a name or a code.\n\nexample:\n  rolecall explain "
     "R040\n",
     run_explain},
};
#define COMMANDS (sizeof commands / sizeof *commands)

static int print_help(FILE *to)
{
    (void)fprintf(to,
                  "rolecall %s - audits the traffic of a Configuration Manager hierarchy\n\nusage: "
                  "rolecall COMMAND ...\n\n",
                  ROLECALL_VERSION);
    for (size_t i = 0; i < COMMANDS; i++) {
        (void)fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].summary);
    }
    (void)fputs("\n'rolecall COMMAND --help' tells more of each.\n"
                "\nexamples:\n"
                "  rolecall check site.yaml\n"
                "  rolecall audit -p site.yaml -r monday.pcapng\n"
                "  rolecall events -r monday.pcapng | jq .\n",
                to);
    return EXIT_CLEAN;
}

static int unknown_command(const char *word)
{
    struct nearest n = nearest_of(word);
    for (size_t i = 0; i < COMMANDS; i++) {
        nearest_offer(&n, commands[i].name);
    }
    return n.best == NULL ? trouble("unknown command '%s'; 'rolecall --help' lists all", word)
                          : trouble("unknown command '%s'; did you mean '%s'?", word, n.best);
}

int main(int argc, char **argv)
{
    /* A reader that went away or a full disk is an error of write(2), told in a line like others.
     */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
    if (argc < 2) {
        (void)print_help(stderr);
        return EXIT_TROUBLE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        return print_help(stdout);
    }
    if (strcmp(argv[1], "--version") == 0) {
        (void)printf("rolecall %s\n", ROLECALL_VERSION);
        return EXIT_CLEAN;
    }
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            struct options o;
            int status = parse(&commands[i], &o, argc - 1, argv + 1);
            if (status < 0) {
                status = commands[i].run(&commands[i], &o, argc - 1, argv + 1);
            }
            free(o.inputs);
            return status;
        }
    }
    return unknown_command(argv[1]);
}
