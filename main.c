/*
 * main.c - the commands. Each prints errors once, one line: what, where, how to mend it.
 *
 * Exit status: 0 nothing at or above --fail-on; 1 findings at or above it; 2 could not do it.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/heap.h"
#include "capture/limits.h"
#include "capture/nearest.h"
#include "commands/command.h"
#include "reports/arguments.h"
#include "reports/catalogue.h"
#include "reports/command_help.h"
#include "reports/discover.h"
#include "reports/flow_list.h"

enum option_id {
    OPT_FORMAT = 256,
    OPT_MATRIX,
    OPT_EVENTS,
    OPT_TYPE,
    OPT_FAIL_ON,
    OPT_WORKERS,
    OPT_MEMORY,
    OPT_BUFFER,
    OPT_FILTER,
    OPT_REPORT,
    OPT_FORMATS,
    OPT_REPRODUCIBLE,
    OPT_MASK,
    OPT_FULL,
    OPT_OCTETS,
    OPT_SYSLOG,
    OPT_SYSLOG_CA,
    OPT_NO_NDPI,
    OPT_SECRETS,
    OPT_SQL_TEXT,
    OPT_PATHS,
    OPT_KEY_VLAN,
    OPT_KEY_TUNNEL,
    OPT_COLOR,
    OPT_EVERY,
    OPT_KEEP,
    OPT_KEEP_PACKETS,
    OPT_STORE,
    OPT_FROM,
    OPT_AUDIT,
    OPT_RECORDS,
    OPT_UNTIL,
    OPT_REASON,
    OPT_BY,
    OPT_TUI,
    OPT_USER,
    OPT_LISTEN,
    OPT_TOKEN_FILE,
    OPT_CERTIFICATE,
    OPT_KEY,
};

static const struct option long_options[] = {
    {"read", required_argument, NULL, 'r'},
    {"interface", required_argument, NULL, 'i'},
    {"policy", required_argument, NULL, 'p'},
    {"output", required_argument, NULL, 'o'},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {"matrix", required_argument, NULL, OPT_MATRIX},
    {"format", required_argument, NULL, OPT_FORMAT},
    {"events", no_argument, NULL, OPT_EVENTS},
    {"type", required_argument, NULL, OPT_TYPE},
    {"fail-on", required_argument, NULL, OPT_FAIL_ON},
    {"workers", required_argument, NULL, OPT_WORKERS},
    {"memory", required_argument, NULL, OPT_MEMORY},
    {"buffer", required_argument, NULL, OPT_BUFFER},
    {"filter", required_argument, NULL, OPT_FILTER},
    {"report", required_argument, NULL, OPT_REPORT},
    {"formats", required_argument, NULL, OPT_FORMATS},
    {"tui", no_argument, NULL, OPT_TUI},
    {"reproducible", no_argument, NULL, OPT_REPRODUCIBLE},
    {"mask", no_argument, NULL, OPT_MASK},
    {"full", no_argument, NULL, OPT_FULL},
    {"octets", no_argument, NULL, OPT_OCTETS},
    {"syslog", required_argument, NULL, OPT_SYSLOG},
    {"syslog-ca", required_argument, NULL, OPT_SYSLOG_CA},
    {"no-ndpi", no_argument, NULL, OPT_NO_NDPI},
    {"secrets", no_argument, NULL, OPT_SECRETS},
    {"sql-text", no_argument, NULL, OPT_SQL_TEXT},
    {"paths", no_argument, NULL, OPT_PATHS},
    {"key-vlan", no_argument, NULL, OPT_KEY_VLAN},
    {"key-tunnel", no_argument, NULL, OPT_KEY_TUNNEL},
    {"color", required_argument, NULL, OPT_COLOR},
    {"every", required_argument, NULL, OPT_EVERY},
    {"keep", required_argument, NULL, OPT_KEEP},
    {"keep-packets", required_argument, NULL, OPT_KEEP_PACKETS},
    {"store", required_argument, NULL, OPT_STORE},
    {"from", required_argument, NULL, OPT_FROM},
    {"audit", required_argument, NULL, OPT_AUDIT},
    {"records", required_argument, NULL, OPT_RECORDS},
    {"until", required_argument, NULL, OPT_UNTIL},
    {"reason", required_argument, NULL, OPT_REASON},
    {"by", required_argument, NULL, OPT_BY},
    {"user", required_argument, NULL, OPT_USER},
    {"listen", required_argument, NULL, OPT_LISTEN},
    {"token-file", required_argument, NULL, OPT_TOKEN_FILE},
    {"certificate", required_argument, NULL, OPT_CERTIFICATE},
    {"key", required_argument, NULL, OPT_KEY},
    {NULL, 0, NULL, 0},
};

/* ---- options ---- */

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
    } else if (option == OPT_BUFFER) {
        if (!argument_size(optarg, &o->buffer) || o->buffer > LIMIT_LIVE_RING_MOST) {
            return trouble("--buffer %s: expected a size from 16M to 2047M, such as 256M", optarg);
        }
    } else if (option == OPT_KEEP_PACKETS) {
        o->keep_packets = 0;
        if (strcmp(optarg, "0") != 0 && !argument_size(optarg, &o->keep_packets)) {
            return trouble("--keep-packets %s: expected 0 or a size from 16M on, such as 512M",
                           optarg);
        }
    } else if (option == OPT_EVERY) {
        if (!argument_duration(optarg, &o->every) || o->every < 10) {
            return trouble("--every %s: expected 10s or more, such as 15m, 1h or 1d", optarg);
        }
    } else if (option == OPT_KEEP) {
        if (!argument_count(optarg, 1, 100000, &o->keep)) {
            return trouble("--keep %s: expected a number, from 1 on", optarg);
        }
    } else if (!severity_parse(optarg, &o->fail_on) || o->fail_on == SEVERITY_OFF) {
        return trouble("--fail-on %s: expected critical, high, medium, low or info", optarg);
    }
    (void)c;
    return EXIT_CLEAN;
}

struct option_place { /* where an option's value goes */
    int option;
    size_t at;
};

static const struct option_place text_options[] = {
    {'p', offsetof(struct options, policy)},
    {'o', offsetof(struct options, output)},
    {OPT_MATRIX, offsetof(struct options, matrix)},
    {OPT_FORMAT, offsetof(struct options, format)},
    {OPT_FORMATS, offsetof(struct options, formats)},
    {OPT_TYPE, offsetof(struct options, types)},
    {OPT_FILTER, offsetof(struct options, filter)},
    {OPT_REPORT, offsetof(struct options, report_folder)},
    {OPT_COLOR, offsetof(struct options, color)},
    {OPT_SYSLOG, offsetof(struct options, syslog)},
    {OPT_SYSLOG_CA, offsetof(struct options, syslog_authorities)},
    {OPT_STORE, offsetof(struct options, store)},
    {OPT_FROM, offsetof(struct options, store)},
    {OPT_AUDIT, offsetof(struct options, audit)},
    {OPT_RECORDS, offsetof(struct options, records)},
    {OPT_UNTIL, offsetof(struct options, until)},
    {OPT_REASON, offsetof(struct options, reason)},
    {OPT_BY, offsetof(struct options, by)},
    {OPT_USER, offsetof(struct options, user)},
    {OPT_LISTEN, offsetof(struct options, listen)},
    {OPT_TOKEN_FILE, offsetof(struct options, token_file)},
    {OPT_CERTIFICATE, offsetof(struct options, certificate)},
    {OPT_KEY, offsetof(struct options, key)},
};

/* On when they are given. */
static const struct option_place switch_options[] = {
    {'q', offsetof(struct options, quiet)},
    {OPT_EVENTS, offsetof(struct options, events)},
    {OPT_REPRODUCIBLE, offsetof(struct options, reproducible)},
    {OPT_MASK, offsetof(struct options, mask)},
    {OPT_FULL, offsetof(struct options, full)},
    {OPT_OCTETS, offsetof(struct options, octets)},
    {OPT_TUI, offsetof(struct options, tui)},
    {OPT_NO_NDPI, offsetof(struct options, no_ndpi)},
    {OPT_SECRETS, offsetof(struct options, secrets)},
    {OPT_SQL_TEXT, offsetof(struct options, sql_text)},
    {OPT_PATHS, offsetof(struct options, paths)},
    {OPT_KEY_VLAN, offsetof(struct options, key_vlan)},
    {OPT_KEY_TUNNEL, offsetof(struct options, key_tunnel)},
};

static int set_option(const struct command *c, struct options *o, int option)
{
    for (size_t i = 0; i < sizeof text_options / sizeof *text_options; i++) {
        if (text_options[i].option == option) {
            memcpy((char *)o + text_options[i].at, &optarg, sizeof optarg);
            return EXIT_CLEAN;
        }
    }
    for (size_t i = 0; i < sizeof switch_options / sizeof *switch_options; i++) {
        if (switch_options[i].option == option) {
            *(bool *)((char *)o + switch_options[i].at) = true;
            return EXIT_CLEAN;
        }
    }
    return option == 'r' || option == 'i' ? add_inputs(o, optarg, option == 'i')
                                          : set_numbers(c, o, option);
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
                          .buffer = LIMIT_LIVE_RING,
                          .keep_packets = LIMIT_KEPT_PACKETS,
                          .workers = cores < 1              ? 1
                                     : cores > LIMIT_SHARDS ? LIMIT_SHARDS
                                                            : (unsigned)cores};
    opterr = 0;
    optind = 1;
    for (int option = 0;
         (option = getopt_long(argc, argv, "r:i:p:o:qh", long_options, NULL)) != -1;) {
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

/* ---- commands ---- */

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

static int run_events(const struct command *c, struct options *o, int argc, char **argv)
{
    struct session s = {.options = o, .policy_lock = PTHREAD_MUTEX_INITIALIZER};
    struct pipeline *p = NULL;
    (void)c;
    s.written_records = o->types == NULL ? UINT32_MAX : parse_types(o->types);
    if (s.written_records == 0 || rest_as_inputs(o, argc, argv) != EXIT_CLEAN ||
        open_output(o->output, &s.events) != EXIT_CLEAN) {
        return EXIT_TROUBLE;
    }
    int status = run_pipeline(&s, s.written_records | 1u << RECORD_FLOW, &p);
    if (p != NULL) {
        record_summary(s.events, &s.names, pipeline_summary(p), NULL, NULL);
    }
    int closed = close_output(s.events, o->output);
    pipeline_close(p);
    return status != EXIT_CLEAN ? status : closed;
}

static int run_discover(const struct command *c, struct options *o, int argc, char **argv)
{
    struct session s = {
        .options = o, .policy_lock = PTHREAD_MUTEX_INITIALIZER, .discovery = discovery_new()};
    struct pipeline *p = NULL;
    struct policy *old = NULL;
    struct output *out = NULL;
    (void)c;
    int status = s.discovery == NULL ? trouble("out of memory") : rest_as_inputs(o, argc, argv);
    if (status == EXIT_CLEAN && o->policy != NULL) {
        status = load_policy(o, o->policy, &old);
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
    if (load_policy(o, path, &policy) != EXIT_CLEAN) {
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
    if (load_policy(o, path, &policy) != EXIT_CLEAN) {
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
    {"doctor", "tell what this machine lacks to audit its interfaces", HELP_DOCTOR, run_doctor},
    {"history", "list the audits of a store, or keep only the newest", HELP_HISTORY, run_history},
    {"diff", "compare two audits of a store: new, worse, still there, better, gone", HELP_DIFF,
     run_diff},
    {"report", "render an audit of a store in any format, without the capture", HELP_REPORT,
     run_report},
    {"accept", "accept findings: write them into the policy", HELP_ACCEPT, run_accept},
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
    heap_use_large_pages();
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
