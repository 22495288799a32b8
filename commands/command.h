/*
 * command.h - what the commands share: options, error lines, outputs, one run of the pipeline.
 *
 * Errors are printed where they are met, once, one line: what, where, how to mend it; the functions
 * then return EXIT_TROUBLE.
 */
#ifndef ROLECALL_COMMANDS_COMMAND_H
#define ROLECALL_COMMANDS_COMMAND_H

#include <pthread.h>

#include "capture/spool.h"
#include "commands/supervise.h"
#include "pipeline.h"
#include "policy/discover.h"
#include "reports/gather.h"
#include "reports/mask.h"
#include "reports/pins.h"
#include "reports/progress.h"
#include "reports/store.h"
#include "reports/syslog_send.h"
#include "reports/text.h"

enum { EXIT_CLEAN = 0, EXIT_FINDINGS = 1, EXIT_TROUBLE = 2 };

struct options {
    const char **inputs;
    size_t input_count;
    const char *policy, *matrix, *filter, *output, *report_folder, *format, *formats, *types,
        *color, *syslog, *syslog_authorities;
    const char *store, *audit, *records, *until, *reason, *by;
    const char *user; /* live: who reads the traffic when root starts it */
    const char *listen, *token_file, *certificate, *key;
    enum severity fail_on;
    unsigned workers;
    unsigned long every,
        keep; /* live: seconds between reports, and how many are kept; 0: none, all */
    size_t memory, buffer, keep_packets; /* the last 0: none are kept */
    bool events, no_ndpi, secrets, sql_text, paths, key_vlan, key_tunnel, quiet, reproducible, live,
        mask, full, octets, tui;
};

struct command {
    const char *name, *summary, *help;
    int (*run)(const struct command *c, struct options *o, int argc, char **argv);
};

struct service;
struct web;
struct live_screen;
struct terminal;

struct session { /* one run of events or audit */
    const struct options *options;
    struct policy *policy;
    pthread_mutex_t policy_lock; /* held to change it, and by other threads to look at it */
    struct audit *audit;
    struct gathering *gathering; /* NULL: no report asks for it */
    struct mask *mask;           /* learns names; NULL: nothing is masked, now or later */
    struct spool *spool;         /* of standard input; NULL: it is not kept */
    struct discovery *discovery;
    struct output *events; /* where observations are written; NULL: nowhere */
    uint32_t written_records;
    bool partial; /* not all of the input could be read */
    struct record_names names;
    struct progress progress;
    struct keeper *keeper;      /* live: packets, for evidence; NULL: nobody asks for it */
    struct pins *pins;          /* of these, those that findings cite */
    struct service *service;    /* NULL: nothing is done while it runs */
    struct web *web;            /* NULL: no --listen */
    struct terminal *terminal;  /* of the screen; NULL: there is none */
    struct live_screen *screen; /* while it is drawn */
    struct supervision supervision;
    struct syslog_target syslog; /* where findings are sent */
    struct pipeline *pipeline;   /* while it runs */
};

int trouble(const char *format, ...) PRINTF_LIKE(1, 2);
int usage(const struct command *c, const char *what);
/* Of -r, or of -i (interfaces, with commas between): the two exclude each other. */
int add_inputs(struct options *o, char *word, bool live);
int rest_as_inputs(struct options *o, int argc, char **argv);
int load_policy(const struct options *o, const char *path, struct policy **ret);
int open_output(const char *path, struct output **ret);
int close_output(struct output *out, const char *path);
int open_store(const struct options *o, enum store_use use, struct store **ret);
/* The document of an audit in the store that the options name; `word` NULL: the last one.
 * `ret_names`: what a mask learned of it (mask_write); NULL: not wanted. */
int read_stored(const struct command *c, const struct options *o, const char *word,
                struct document **ret, struct output *ret_names);
struct text_style style_for(const struct options *o);
/* A process that has everything as it is now, packets that are kept included; as fork(2). */
pid_t session_fork(const struct session *s);
/* Runs the pipeline over the inputs; observations go to the session's audit, gathering, discovery
 * and output. `records`: bits of the kinds that are wanted. */
int run_pipeline(struct session *s, uint32_t records, struct pipeline **ret);
/* As SIGINT does. */
void end_run(void);

int run_audit(const struct command *c, struct options *o, int argc, char **argv);
int run_doctor(const struct command *c, struct options *o, int argc, char **argv);
int run_history(const struct command *c, struct options *o, int argc, char **argv);
int run_diff(const struct command *c, struct options *o, int argc, char **argv);
int run_report(const struct command *c, struct options *o, int argc, char **argv);
int run_accept(const struct command *c, struct options *o, int argc, char **argv);

#endif
