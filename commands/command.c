#include "commands/command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands/guard.h"
#include "commands/live_screen.h"
#include "commands/service.h"
#include "reports/arguments.h"
#include "reports/screen_terminal.h"

/* Set by SIGINT and SIGTERM: the report is then of what was read so far. A second one ends at once.
 */
static volatile sig_atomic_t stop_asked;

int trouble(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)fputs("rolecall: ", stderr);
    (void)vfprintf(stderr, format, args);
    (void)fputc('\n', stderr);
    va_end(args);
    return EXIT_TROUBLE;
}

int usage(const struct command *c, const char *what)
{
    return trouble("%s; 'rolecall %s --help' shows how", what, c->name);
}

/* ---- inputs and outputs ---- */

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

int add_inputs(struct options *o, char *word, bool live)
{
    if (o->input_count > 0 && o->live != live) {
        return trouble("%s: files and interfaces cannot be read at once; name one kind", word);
    }
    o->live = live;
    int status = EXIT_CLEAN;
    char *rest = NULL;
    for (char *name = live ? strtok_r(word, ",", &rest) : word;
         name != NULL && status == EXIT_CLEAN; name = live ? strtok_r(NULL, ",", &rest) : NULL) {
        status = add_input(o, name);
    }
    return status;
}

int rest_as_inputs(struct options *o, int argc, char **argv)
{
    int status = EXIT_CLEAN;
    for (int i = optind; i < argc && status == EXIT_CLEAN; i++) {
        status = add_inputs(o, argv[i], false);
    }
    return status;
}

int load_policy(const struct options *o, const char *path, struct policy **ret)
{
    int failed = policy_load(path, o->matrix, &rule_names, stderr, ret);
    return failed < 0 ? EXIT_TROUBLE : EXIT_CLEAN;
}

int open_output(const char *path, struct output **ret)
{
    int failed = output_open(path, ret);
    return failed < 0 ? trouble("%s: cannot write: %s; choose another place with --output", path,
                                strerror(-failed))
                      : EXIT_CLEAN;
}

int close_output(struct output *out, const char *path)
{
    char refusal[OUTPUT_REFUSAL] = "";
    if (out != NULL) {
        (void)snprintf(refusal, sizeof refusal, "%s", output_refusal(out));
    }
    int failed = output_close(out);
    if (failed == -EPIPE) {
        return EXIT_CLEAN;
    }
    if (refusal[0] != '\0') {
        return trouble("%s: %s", path, refusal);
    }
    return failed < 0
               ? trouble(
                     "%s: cannot write on: %s; what stands there is whole lines up to that point",
                     strcmp(path, "-") == 0 ? "standard output" : path, strerror(-failed))
               : EXIT_CLEAN;
}

struct text_style style_for(const struct options *o)
{
    bool terminal = strcmp(o->output, "-") == 0 && isatty(STDOUT_FILENO);
    bool color = terminal && getenv("NO_COLOR") == NULL;
    return (struct text_style){
        .color = strcmp(o->color, "always") == 0 || (strcmp(o->color, "auto") == 0 && color),
        .width = argument_width(terminal),
        .fail_on = o->fail_on,
        .full = o->full,
        .octets = o->octets,
    };
}

/* ---- running the pipeline ---- */

static void on_stop(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (!supervised_honours(info)) {
        return;
    }
    if (stop_asked != 0) {
        terminal_rescue();
        _exit(EXIT_TROUBLE);
    }
    stop_asked = number;
}

void end_run(void)
{
    stop_asked = SIGINT;
}

static void catch_stops(void)
{
    struct sigaction action = {.sa_sigaction = on_stop, .sa_flags = SA_SIGINFO | SA_RESTART};
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
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
    if (s->gathering != NULL) {
        gathering_observe(s->gathering, o);
    }
    if (s->mask != NULL) {
        mask_observe(s->mask, o);
    }
    if (s->discovery != NULL) {
        discovery_observe(s->discovery, o);
    }
    return true;
}

/* Live, records can be read as soon as they are written. */
static void session_caught_up(void *user)
{
    struct session *s = user;
    if (s->events != NULL && s->options->live) {
        (void)output_flush(s->events); /* what failed shows at the next record */
    }
    supervised_lives(&s->supervision);
    if (s->service != NULL) {
        service_caught_up(s->service, s->pipeline);
    }
    if (s->screen != NULL) {
        live_screen_caught_up(s->screen, s->pipeline);
    }
}

/* Facts that cost much are stated when they are written, or when a watch rule asks for them. */
static bool asked(const struct session *s, bool to_write, const char *fact)
{
    return (to_write && s->events != NULL) ||
           (s->policy != NULL && policy_watches(s->policy, fact));
}

/* In the thread that reads. */
static bool session_knows(void *user, const struct address *a)
{
    struct session *s = user;
    (void)pthread_mutex_lock(&s->policy_lock);
    bool known = s->policy != NULL && policy_host(s->policy, a) != NULL;
    (void)pthread_mutex_unlock(&s->policy_lock);
    return known;
}

/* Losses are told by the minute, or as often as reports come. */
static int64_t interval_of(const struct options *o)
{
    return INT64_C(1000000000) * (o->every > 0 && o->every < 60 ? (int64_t)o->every : 60);
}

pid_t session_fork(const struct session *s)
{
    if (s->keeper != NULL) {
        keeper_lock(s->keeper);
    }
    pid_t child = fork();
    if (s->keeper != NULL) {
        keeper_unlock(s->keeper);
    }
    return child;
}

int run_pipeline(struct session *s, uint32_t records, struct pipeline **ret)
{
    const struct options *o = s->options;
    char error[SOURCE_ERROR];
    struct pipeline_options p = {
        .inputs = o->inputs,
        .input_count = o->input_count,
        .source = {.filter = o->filter,
                   .stop = &stop_asked,
                   .spool = s->spool,
                   .live = o->live,
                   .keeper = s->keeper,
                   .buffer = o->buffer},
        .flow = {.key_vlan = o->key_vlan, .key_tunnel = o->key_tunnel},
        .engine = {.no_ndpi = o->no_ndpi,
                   .secrets = o->secrets,
                   .sql_text = asked(s, o->sql_text, "sql.text"),
                   .paths = asked(s, o->paths, "smb.name") || asked(s, false, "smb.action") ||
                            asked(s, false, "smb.listed"),
                   .audited = s->policy != NULL,
                   .brief = s->events == NULL && s->mask == NULL && !o->live && s->policy != NULL &&
                            s->policy->watch_count == 0,
                   .totals = s->gathering != NULL,
                   .applications =
                       asked(s, (s->written_records & 1u << RECORD_FLOW) != 0, "flow.application"),
                   .records = records},
        .workers = o->workers,
        .memory = o->memory,
        .interval_ns = interval_of(o),
        .shed = {.knows = session_knows, .user = s},
        .stop = &stop_asked,
        .progress = session_progress,
        .observe = session_observe,
        .caught_up = o->live || s->screen != NULL ? session_caught_up : NULL,
        .opened = session_opened,
        .user = s,
    };
    if (o->input_count == 0) {
        return trouble(
            "no capture given; name files or folders with -r, '-' for standard input, or an "
            "interface with -i");
    }
    /* A worker has become somebody else with its supervisor. */
    if (o->live && s->supervision.supervisor == 0 && guard_become(o) != EXIT_CLEAN) {
        return EXIT_TROUBLE;
    }
    if (pipeline_open(&p, error, ret) < 0) {
        return trouble("%s", error);
    }
    catch_stops();
    s->pipeline = *ret;
    /* From here on traffic is read. */
    if (o->live && guard_seal(o, s->policy) != EXIT_CLEAN) {
        *ret = pipeline_close(*ret);
        return EXIT_TROUBLE;
    }
    supervised_begins(&s->supervision);
    progress_begin(&s->progress, !o->quiet && s->screen == NULL && isatty(STDERR_FILENO));
    int failed = pipeline_run(*ret, error);
    progress_end(&s->progress);
    return failed < 0 ? trouble("%s", error) : EXIT_CLEAN;
}
