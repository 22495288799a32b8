#include "commands/live_screen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "commands/service.h"
#include "reports/screen.h"
#include "reports/screen_terminal.h"

#define NS_PER_SECOND INT64_C(1000000000)
#define LOOK_NS (NS_PER_SECOND / 50)     /* between looks at the keys */
#define DRAW_NS (NS_PER_SECOND / 5)      /* between drawings */
#define DRAW_KEY_NS (NS_PER_SECOND / 20) /* likewise, after a key */
#define FIRST_NS (NS_PER_SECOND / 2)     /* files that are read sooner need no screen */
#define MESSAGE_NS (8 * NS_PER_SECOND)

struct live_screen {
    struct session *session;
    struct canvas canvas;
    struct screen_view view;
    struct screen_model model;
    const struct audit *audit; /* the one that `rows` are of */
    const struct finding *last;
    struct screen_row *rows;
    size_t row_room;
    struct screen_protocol protocols[LIMIT_TRAFFIC_PROTOCOLS];
    struct screen_host hosts[LIMIT_SCREEN_HOSTS];
    float history[SCREEN_HISTORY];
    struct output *summary;
    char inputs[256], message[320];
    unsigned told; /* number of the message that was shown last */
    int64_t started, looked, taken_at, figured, drawn, told_at;
    bool taken, changed, key, anew;
    bool writing; /* a report was asked for, and is not there yet */
};

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

/* ---- life ---- */

int live_screen_check(const struct options *o)
{
    if (!o->tui) {
        return EXIT_CLEAN;
    }
    if (!isatty(STDOUT_FILENO) || !isatty(STDERR_FILENO)) {
        return trouble(
            "--tui needs a terminal: %s is none; name a file with -o, or leave out --tui",
            isatty(STDOUT_FILENO) ? "standard error" : "standard output");
    }
    if (strcmp(o->output, "-") == 0 && o->format != NULL && strcmp(o->format, "text") != 0) {
        return trouble("--tui: --format %s would go to the screen; name a file with -o", o->format);
    }
    return EXIT_CLEAN;
}

static void name_inputs(struct live_screen *l)
{
    const struct options *o = l->session->options;
    size_t len = 0;
    for (size_t i = 0; i < o->input_count && len < sizeof l->inputs; i++) {
        len += (size_t)snprintf(l->inputs + len, sizeof l->inputs - len, "%s%s", i == 0 ? "" : ", ",
                                strcmp(o->inputs[i], "-") == 0 ? "standard input" : o->inputs[i]);
    }
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

int live_screen_open(struct session *s)
{
    const struct options *o = s->options;
    char error[TERMINAL_ERROR] = "";
    bool color = strcmp(o->color, "always") == 0 ||
                 (strcmp(o->color, "auto") == 0 && getenv("NO_COLOR") == NULL);
    return o->tui && terminal_open(color, error, &s->terminal) < 0 ? trouble("%s", error)
                                                                   : EXIT_CLEAN;
}

struct live_screen *live_screen_new(struct session *s)
{
    const struct options *o = s->options;
    struct live_screen *l = calloc(1, sizeof *l);
    if (l == NULL) {
        return NULL;
    }
    l->session = s;
    l->started = l->looked = now_ns();
    l->canvas.ascii = terminal_is_ascii(l->session->terminal);
    l->changed = l->anew = true;
    screen_init(&l->view);
    name_inputs(l);
    l->model = (struct screen_model){.input = l->inputs,
                                     .live = o->live,
                                     .share = -1,
                                     .history = l->history,
                                     .flow_memory_most = o->memory,
                                     .protocols = l->protocols,
                                     .hosts = l->hosts,
                                     .summary = "",
                                     .names = &s->names};
    return l;
}

struct live_screen *live_screen_free(struct live_screen *l)
{
    if (l != NULL) {
        terminal_leave(l->session->terminal);
        screen_done(&l->view);
        canvas_done(&l->canvas);
        output_drop(l->summary);
        free(l->rows);
        free(l);
    }
    return NULL;
}

/* ---- findings ---- */

/* The policy was read anew: the audit begins again, and what was found before is gone. */
static void begin_again(struct live_screen *l)
{
    screen_forget(&l->view);
    l->audit = l->session->audit;
    l->last = NULL;
    l->model.row_count = l->model.host_count = l->model.protocol_count = 0;
    l->taken_at = l->figured = 0;
    l->changed = true;
}

static void take_findings(struct live_screen *l)
{
    size_t before = l->model.row_count;
    const struct finding *f = audit_next_finding(l->audit, l->last);
    for (; f != NULL; f = audit_next_finding(l->audit, f)) {
        if (l->model.row_count == l->row_room) {
            size_t room = l->row_room == 0 ? 256 : 2 * l->row_room;
            struct screen_row *grown = realloc(l->rows, room * sizeof *grown);
            if (grown == NULL) {
                break;
            }
            l->rows = grown;
            l->row_room = room;
        }
        const struct acceptance *accepted = audit_acceptance(l->audit, f);
        l->rows[l->model.row_count++] = (struct screen_row){
            .finding = f, .accepted = accepted != NULL && f->last_ns <= accepted->until_ns};
        l->last = f;
    }
    l->model.rows = l->rows;
    if (l->model.row_count != before) {
        screen_arrange(&l->view, &l->model);
        l->changed = true;
    }
}

/* ---- figures ---- */

static void fill_protocols(struct live_screen *l)
{
    const struct traffic *t = gathering_traffic(l->session->gathering);
    size_t count = 0;
    for (unsigned i = 0; i < t->protocol_count; i++) {
        struct screen_protocol p = {.name = t->protocols[i]};
        for (unsigned b = 0; b < t->buckets; b++) {
            p.flows += t->counts[i][b].flows;
            p.octets += t->counts[i][b].bytes;
        }
        size_t at = count++;
        for (; at > 0 && l->protocols[at - 1].octets < p.octets; at--) {
            l->protocols[at] = l->protocols[at - 1];
        }
        l->protocols[at] = p;
    }
    l->model.protocol_count = count;
}

static struct screen_host host_of(const struct session *s, const struct gathered_host *h)
{
    const struct host *d = h->declared;
    const struct client_group *group = d != NULL ? NULL : policy_group(s->policy, &h->address);
    const struct learned_name *learned =
        d != NULL ? NULL : identity_names(audit_identity(s->audit), &h->address);
    const struct zone *zone = policy_zone(s->policy, &h->address);
    return (struct screen_host){
        .declared = d,
        .address = h->address,
        .learned = learned == NULL ? NULL : learned->name,
        .group = d != NULL       ? ""
                 : group != NULL ? group->name
                                 : "not declared",
        .site = d == NULL || d->site == NULL ? "" : d->site->code,
        .zone = zone == NULL ? "" : zone->name,
        .flows = h->flows,
        .octets = h->sent + h->received,
        .findings = h->findings,
        .worst = h->worst,
    };
}

/* The busiest; of equal ones the first met. */
static void fill_hosts(struct live_screen *l)
{
    const struct session *s = l->session;
    const struct gathered_host *best[LIMIT_SCREEN_HOSTS];
    size_t count = 0, all = 0;
    const struct gathered_host *const *hosts = gathering_met(s->gathering, &all);
    gathering_forget_findings(s->gathering);
    for (size_t i = 0; i < l->model.row_count; i++) {
        if (!l->rows[i].accepted) {
            gathering_finding(s->gathering, l->rows[i].finding);
        }
    }
    l->model.host_total = 0;
    for (size_t i = 0; i < all; i++) {
        const struct gathered_host *h = hosts[i];
        uint64_t octets = h->sent + h->received;
        if (h->flows == 0 && h->findings == 0) { /* declared, or met, and nothing of it ended yet */
            continue;
        }
        l->model.host_total++;
        size_t at = count < LIMIT_SCREEN_HOSTS ? count++ : count;
        for (; at > 0 && best[at - 1]->sent + best[at - 1]->received < octets; at--) {
            if (at < LIMIT_SCREEN_HOSTS) {
                best[at] = best[at - 1];
            }
        }
        if (at < LIMIT_SCREEN_HOSTS) {
            best[at] = h;
        }
    }
    for (size_t i = 0; i < count; i++) {
        l->hosts[i] = host_of(s, best[i]);
    }
    l->model.host_count = count;
}

static void fill_summary(struct live_screen *l, const struct run *run)
{
    const struct session *s = l->session;
    size_t len = 0;
    output_drop(l->summary);
    l->summary = output_to_memory();
    l->model.summary = "";
    if (l->summary != NULL) {
        record_summary(l->summary, &s->names, run, s->audit, s->gathering);
        output_octets(l->summary, "", 1); /* its end, as a text */
        l->model.summary = output_error(l->summary) < 0 ? "" : output_memory(l->summary, &len);
    }
}

static void fill_losses(struct screen_losses *l, const struct run *run,
                        const struct audit_counts *a)
{
    *l = (struct screen_losses){
        .dropped = run->source.dropped,
        .interfaces = run->source.interface_losses,
        .restarts = run->restarts,
        .given_up = run->flows.evicted + run->flows.evicted_half_open,
        .gaps = run->quality.gaps,
        .unread = run->engine.bad_messages + run->engine.messages_too_long + run->frames_malformed +
                  run->frames_truncated + run->frames_unknown_link + run->fragments_given_up,
        .shed = a->subjects_shed + a->findings_shed + a->state_shed + a->names_shed +
                a->paths_shed + run->engine.flow_memory,
    };
}

static void add_rates(struct live_screen *l, const struct source_counts *c, double seconds)
{
    struct screen_model *m = &l->model;
    m->packet_rate = (double)(c->packets - m->packets) / seconds;
    m->bit_rate = (double)(c->bytes - m->octets) * 8 / seconds;
    m->packets = c->packets;
    m->octets = c->bytes;
    if (m->history_count == SCREEN_HISTORY) {
        memmove(l->history, l->history + 1, (SCREEN_HISTORY - 1) * sizeof *l->history);
        m->history_count--;
    }
    l->history[m->history_count++] = (float)m->packet_rate;
}

static void fill(struct live_screen *l, struct pipeline *p, int64_t now)
{
    struct screen_model *m = &l->model;
    struct run whole = *pipeline_summary(p);
    const struct run *run = &whole;
    const struct source_counts *c = &run->source;
    whole.restarts = l->session->supervision.restarts;
    whole.gaps = l->session->supervision.gaps;
    whole.gap_count = l->session->supervision.gap_count;
    struct rusage usage = {0};
    (void)getrusage(RUSAGE_SELF, &usage);
    add_rates(l, c, (double)(now - (l->figured == 0 ? l->started : l->figured)) / 1e9);
    m->seconds = (double)(now - l->started) / 1e9;
    m->share = c->octets_total > 0 && c->octets_read <= c->octets_total
                   ? (double)c->octets_read / (double)c->octets_total
                   : -1;
    m->policy = base_name(l->session->policy->path);
    m->flows = run->flows.flows;
    m->memory = (uint64_t)usage.ru_maxrss * 1024;
    m->flow_memory = run->flows.memory_peak;
    fill_losses(&m->losses, run, audit_counts(l->audit));
    fill_protocols(l);
    fill_hosts(l);
    fill_summary(l, run);
    screen_arrange(&l->view, &l->model); /* some got worse */
    l->figured = now;
    l->changed = true;
}

/* ---- keys and messages ---- */

static void say(struct live_screen *l, const char *text, int64_t now)
{
    (void)snprintf(l->message, sizeof l->message, "%s", text);
    l->model.message = l->message;
    l->told_at = now;
    l->changed = true;
}

static void want_report(struct live_screen *l, int64_t now)
{
    const struct options *o = l->session->options;
    char text[sizeof l->message];
    if (l->session->service == NULL) {
        say(l, "the report comes when the files are read; q ends now, with what was read", now);
    } else if (o->report_folder == NULL && strcmp(o->output, "-") == 0) {
        say(l, "no place for a report: start with --report FOLDER; q ends with the report", now);
    } else {
        service_want_report();
        l->writing = true;
        (void)snprintf(text, sizeof text, "writing a report to %.200s ...",
                       o->report_folder == NULL ? o->output : o->report_folder);
        say(l, text, now);
    }
}

static void read_keys(struct live_screen *l, int64_t now)
{
    for (int key = 0; (key = terminal_key(l->session->terminal)) != KEYS_NONE;) {
        enum screen_answer answer = screen_key(&l->view, &l->model, key);
        l->changed = l->key = true;
        l->anew = l->anew || answer == ANSWER_REDRAW;
        if (answer == ANSWER_REPORT) {
            want_report(l, now);
        } else if (answer == ANSWER_END) {
            say(l, "ending: the report follows; ^C ends without it", now);
            end_run();
        }
    }
    if (terminal_is_gone(l->session->terminal)) {
        end_run();
    }
}

static void read_messages(struct live_screen *l, int64_t now)
{
    unsigned number = 0;
    const char *line = terminal_message(l->session->terminal, &number);
    if (line != NULL && number != l->told) {
        l->told = number;
        l->writing = false;
        say(l, line, now);
    }
    if (l->writing && !service_is_writing(l->session->service)) {
        l->writing = false;
        say(l, "the report is written", now);
    }
    if (l->model.message != NULL && now - l->told_at > MESSAGE_NS && !l->writing) {
        l->model.message = NULL;
        l->changed = true;
    }
}

/* ---- the whole ---- */

static void draw(struct live_screen *l, int64_t now)
{
    unsigned rows = 0, columns = 0;
    terminal_size(l->session->terminal, &rows, &columns);
    l->changed = l->changed || rows != l->canvas.rows || columns != l->canvas.columns;
    int64_t pause = l->key ? DRAW_KEY_NS : DRAW_NS;
    if (!l->changed || now - l->drawn < pause || !terminal_is_ready(l->session->terminal) ||
        !canvas_begin(&l->canvas, rows, columns)) {
        return;
    }
    screen_compose(&l->canvas, &l->model, &l->view);
    terminal_show(l->session->terminal, &l->canvas, l->anew);
    l->drawn = now;
    l->changed = l->key = l->anew = false;
}

void live_screen_caught_up(struct live_screen *l, struct pipeline *p)
{
    int64_t now = now_ns();
    if (l->audit != l->session->audit) {
        begin_again(l);
    }
    if (now - l->looked < LOOK_NS) {
        return;
    }
    l->looked = now;
    if (!l->taken) {
        if (!l->model.live && now - l->started < FIRST_NS) {
            return;
        }
        terminal_take(l->session->terminal);
        l->taken = true;
    }
    if (!l->view.paused && now - l->taken_at >= DRAW_NS) {
        l->taken_at = now;
        take_findings(l);
    }
    if (!l->view.paused && now - l->figured >= NS_PER_SECOND) {
        fill(l, p, now);
    }
    read_keys(l, now);
    read_messages(l, now);
    draw(l, now);
}
