#include "commands/web.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "reports/html.h"
#include "reports/metrics.h"

#define NS_PER_SECOND INT64_C(1000000000)
/* Making pages may take a fifth of a core, and is not begun more often than this. */
#define RENDERING_SHARE 4
#define RENDERING_GAP NS_PER_SECOND
#define TELL_AGAIN_SECONDS 3600

#define JSON_LINES "application/x-ndjson; charset=utf-8"
/* Its policy for the browser is only known when it is built: see page_policy. */
static char live_policy[1024];
static const struct server_path paths[] = {
    {"/", "text/html; charset=utf-8", true, live_policy},
    {"/data", "text/plain; charset=us-ascii", true, NULL},
    {"/records.jsonl", JSON_LINES, true, NULL},
    {"/findings.jsonl", JSON_LINES, true, NULL},
    {"/verdicts.jsonl", JSON_LINES, true, NULL},
    {"/statements.jsonl", JSON_LINES, true, NULL},
    {"/hosts.jsonl", JSON_LINES, true, NULL},
    {"/conversations.jsonl", JSON_LINES, true, NULL},
    {"/summary.json", "application/json; charset=utf-8", true, NULL},
    {"/metrics", METRICS_TYPE, false, NULL},
};
enum { PAGE, DATA, RECORDS, FINDINGS, SUMMARY = 8, METRICS, PATHS };
_Static_assert(sizeof paths / sizeof *paths == PATHS, "a path for each");
/* What a path has of the records; from FINDINGS to SUMMARY. */
static const char *const path_types[] = {"finding", "verdict",      "statement",
                                         "host",    "conversation", "summary"};

struct view { /* at the beginning of what the child writes; offsets from there */
    struct view_part {
        size_t at, len; /* at 0: not there */
    } parts[PATHS];
    size_t used;
};

struct announced { /* by id: the worst that was said of it */
    char id[sizeof((struct finding *)NULL)->id];
    uint8_t severity;
    bool accepted;
};
#define ANNOUNCED (LIMIT_FINDINGS * 2)

struct web {
    struct server *server;
    struct session *session;
    web_view *view;
    char run[20]; /* names this run */
    int64_t started_ns;
    int statm; /* of this process; -1: none */
    bool started;
    int64_t told_second; /* of figures */
    struct announced *announced;
    uint64_t findings[SEVERITY_CRITICAL + 1], accepted, announced_total;
    uint64_t event; /* the last finding's */
    /* The child that makes a rendering. */
    pid_t child; /* 0: there is none */
    struct shared *room;
    uint64_t change;
    int64_t begun_ns, not_before_ns;
    double rendering_seconds;
    /* What was told of visitors, and when. */
    struct server_counts told;
    int64_t told_refusals, told_tokens;
};

static int64_t clock_ns(clockid_t which)
{
    struct timespec now;
    clock_gettime(which, &now);
    return now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

/* ---- the beginning ---- */

static int check(const struct options *o)
{
    if (o->listen == NULL) {
        return o->token_file != NULL || o->certificate != NULL || o->key != NULL
                   ? trouble("--token-file, --certificate and --key are for --listen: add "
                             "--listen 127.0.0.1:8080")
                   : EXIT_CLEAN;
    }
    return o->live ? EXIT_CLEAN
                   : trouble("--listen shows an audit that goes on: it is for -i; of captures in "
                             "files --report writes the same page");
}

int web_open(struct session *s, web_view *view, struct web **ret)
{
    const struct options *o = s->options;
    char error[SERVER_ERROR];
    *ret = NULL;
    int status = check(o);
    if (status != EXIT_CLEAN || o->listen == NULL) {
        return status;
    }
    (void)snprintf(live_policy, sizeof live_policy, "%s%s", page_policy, PAGE_LIVE_POLICY);
    struct web *w = calloc(1, sizeof *w);
    struct announced *announced = calloc(ANNOUNCED, sizeof *announced);
    const struct server_options options = {.listen = o->listen,
                                           .token_file = o->token_file,
                                           .certificate_file = o->certificate,
                                           .key_file = o->key,
                                           .paths = paths,
                                           .path_count = PATHS};
    if (w == NULL || announced == NULL) {
        free(w);
        free(announced);
        return trouble("out of memory for --listen");
    }
    *w = (struct web){.session = s, .view = view, .announced = announced, .statm = -1};
    if (server_open(&options, error, &w->server) < 0) {
        (void)web_close(w);
        return trouble("%s", error);
    }
    if (!o->quiet) {
        (void)fprintf(stderr, "rolecall: the report is at %s\n", server_address(w->server));
    }
    *ret = w;
    return EXIT_CLEAN;
}

/* ---- findings ---- */

static struct announced *place_of(const struct web *w, const char *id)
{
    size_t at = strtoull(id, NULL, 16) % ANNOUNCED;
    while (w->announced[at].id[0] != '\0' && strcmp(w->announced[at].id, id) != 0) {
        at = (at + 1) % ANNOUNCED;
    }
    return &w->announced[at];
}

static void count_finding(struct web *w, const struct finding *f)
{
    struct announced *a = place_of(w, f->id);
    w->announced_total++;
    if (a->id[0] != '\0' && a->accepted) {
        w->accepted--;
    } else if (a->id[0] != '\0') {
        w->findings[a->severity]--;
    }
    memcpy(a->id, f->id, sizeof a->id);
    a->severity = (uint8_t)f->severity;
    const struct acceptance *c = audit_acceptance(w->session->audit, f);
    a->accepted = c != NULL && f->last_ns <= c->until_ns;
    if (a->accepted) {
        w->accepted++;
    } else {
        w->findings[a->severity]++;
    }
}

void web_announce(struct web *w, const struct finding *f, struct bytes line)
{
    if (w != NULL) {
        count_finding(w, f);
        w->event = server_event(w->server, "finding", line, true);
    }
}

void web_begin_anew(struct web *w)
{
    if (w != NULL) {
        memset(w->announced, 0, ANNOUNCED * sizeof *w->announced);
        memset(w->findings, 0, sizeof w->findings);
        w->accepted = 0;
        w->event = server_event(w->server, "policy", bytes_text("{}"), true);
    }
}

void web_begin(struct web *w)
{
    if (w != NULL) { /* after a death, another run: its events are numbered anew */
        w->started_ns = clock_ns(CLOCK_REALTIME);
        (void)snprintf(w->run, sizeof w->run, "%" PRIx64, (uint64_t)w->started_ns);
        w->statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    }
}

/* ---- figures ---- */

static uint64_t resident_octets(const struct web *w)
{
    char text[80] = "";
    unsigned long long pages = 0;
    /* proc(5): size resident ..., in pages */
    return w->statm >= 0 && pread(w->statm, text, sizeof text - 1, 0) > 0 &&
                   sscanf(text, "%*s %llu", &pages) == 1
               ? pages * (uint64_t)sysconf(_SC_PAGESIZE)
               : 0;
}

static void add_findings(struct json *j, const struct web *w)
{
    json_open(j, "findings", '{');
    for (unsigned s = SEVERITY_CRITICAL; s >= SEVERITY_INFO; s--) {
        json_number(j, severity_name(s), w->findings[s]);
    }
    json_close(j, '}');
    json_number(j, "accepted", w->accepted);
}

static void publish_figures(struct web *w, const struct run *run)
{
    struct output *out = output_to_memory();
    size_t len = 0;
    if (out == NULL) {
        return;
    }
    struct json j = json_on(out);
    json_open(&j, NULL, '{');
    json_text(&j, "run", w->run);
    json_time(&j, "start", w->started_ns, 0);
    json_time(&j, "now", clock_ns(CLOCK_REALTIME), 3);
    json_number(&j, "packets", run->source.packets);
    json_number(&j, "octets", run->source.bytes);
    json_number(&j, "dropped", run->source.dropped);
    json_number(&j, "flows", run->flows.flows);
    json_number(&j, "event", w->event);
    add_findings(&j, w);
    json_close(&j, '}');
    const char *text = output_memory(out, &len);
    if (output_error(out) >= 0) {
        (void)server_event(w->server, "figures", bytes_of(text, len), false);
    }
    output_drop(out);
}

static void publish_metrics(struct web *w, const struct run *run)
{
    const struct session *s = w->session;
    struct output *out = output_to_memory();
    struct metrics m = {.run = run,
                        .policy = s->policy,
                        .audit = audit_counts(s->audit),
                        .gathering = gathering_counts(s->gathering),
                        .accepted = w->accepted,
                        .announced = w->announced_total,
                        .restarts = s->supervision.restarts,
                        .started_ns = w->started_ns,
                        .now_ns = clock_ns(CLOCK_REALTIME),
                        .processor_seconds = (double)clock_ns(CLOCK_PROCESS_CPUTIME_ID) / 1e9,
                        .rendering_seconds = w->rendering_seconds,
                        .resident_octets = resident_octets(w)};
    size_t len = 0;
    if (out == NULL) {
        return;
    }
    memcpy(m.findings, w->findings, sizeof m.findings);
    server_counts(w->server, &m.server);
    metrics_write(out, &m);
    const char *text = output_memory(out, &len);
    struct shared *octets = output_error(out) < 0 ? NULL : shared_copy(bytes_of(text, len));
    if (octets != NULL) {
        server_publish(w->server, METRICS, octets);
    }
    shared_drop(octets);
    output_drop(out);
}

/* One line for many visitors, and not again for a while. */
static void tell_of_visitors(struct web *w, int64_t second)
{
    struct server_counts now;
    server_counts(w->server, &now);
    if (now.refused_connections > w->told.refused_connections && second >= w->told_refusals) {
        (void)trouble("--listen: there are more visitors than are served (%u, of one address %u): "
                      "the others are turned away, and /metrics counts them",
                      LIMIT_WEB_VISITORS, LIMIT_WEB_VISITORS_OF_ADDRESS);
        w->told_refusals = second + TELL_AGAIN_SECONDS;
    }
    if (now.wrong_tokens > w->told.wrong_tokens && second >= w->told_tokens) {
        (void)trouble("--listen: somebody came with a wrong token; /metrics counts them");
        w->told_tokens = second + TELL_AGAIN_SECONDS;
    }
    w->told = now;
}

/* ---- renderings ---- */

/* False when there is no more room: the part is then not there. */
static bool put_part(struct view *v, unsigned path, struct bytes octets)
{
    if (octets.len > LIMIT_WEB_RENDERING - v->used) {
        return false;
    }
    if (octets.len > 0) {
        memcpy((uint8_t *)v + v->used, octets.at, octets.len);
    }
    v->parts[path] = (struct view_part){v->used, octets.len};
    v->used += octets.len;
    return true;
}

static void put_output(struct view *v, unsigned path, const struct output *out)
{
    size_t len = 0;
    const char *text = output_memory(out, &len);
    if (text != NULL && output_error(out) >= 0) {
        (void)put_part(v, path, bytes_of(text, len));
    }
}

/* Records of one type stand together: a path of theirs is a part of the part. */
static void put_types(struct view *v)
{
    const struct view_part all = v->parts[RECORDS];
    for (unsigned i = 0; all.at != 0 && i < SUMMARY - FINDINGS + 1; i++) {
        char begins[40];
        int begin_len = snprintf(begins, sizeof begins, "{\"type\":\"%s\"", path_types[i]);
        struct view_part found = {.at = all.at};
        for (size_t at = 0; at < all.len;) {
            const char *line = (const char *)v + all.at + at;
            const char *end = memchr(line, '\n', all.len - at);
            size_t len = end == NULL ? all.len - at : (size_t)(end - line) + 1;
            if (strncmp(line, begins, (size_t)begin_len) == 0) {
                found.at = found.len == 0 ? all.at + at : found.at;
                found.len += len;
            }
            at += len;
        }
        v->parts[FINDINGS + i] = found;
    }
}

/* In the child. */
static int make_view(const struct web *w, struct pipeline *p, struct view *v)
{
    struct output *records = output_to_memory(), *page = output_to_memory(),
                  *data = output_to_memory();
    struct document *document = NULL;
    int status = records == NULL || page == NULL || data == NULL
                     ? EXIT_TROUBLE
                     : w->view(w->session, p, &document);
    if (status != EXIT_CLEAN) {
        return status;
    }
    v->used = sizeof *v;
    if (html_is_built()) {
        const struct html_live live = {.run = w->run, .event = w->event, .data = data};
        render_html_live(page, document, &live);
        put_output(v, PAGE, page);
        put_output(v, DATA, data);
    }
    document_write(records, document);
    put_output(v, RECORDS, records);
    put_types(v);
    return EXIT_CLEAN;
}

static void begin_rendering(struct web *w, struct pipeline *p, int64_t now)
{
    struct shared *room = shared_between(LIMIT_WEB_RENDERING);
    if (room == NULL) {
        w->not_before_ns = now + 60 * NS_PER_SECOND;
        (void)trouble("--listen: out of memory for the page");
        return;
    }
    (void)fflush(NULL);
    w->child = session_fork(w->session);
    if (w->child == 0) {
        server_forget(w->server);
        _exit(make_view(w, p, (struct view *)(void *)shared_room(room)));
    }
    if (w->child < 0) {
        w->child = 0;
        w->not_before_ns = now + 60 * NS_PER_SECOND;
        (void)trouble("--listen: no new page: cannot start a process: %s", strerror(errno));
        shared_drop(room);
        return;
    }
    w->room = room;
    w->begun_ns = now;
}

static void take_rendering(struct web *w, int64_t now, bool good)
{
    const struct view *v = (const struct view *)(const void *)shared_room(w->room);
    struct bytes parts[PATHS] = {{0}};
    if (good) {
        shared_trim(w->room, v->used);
        struct bytes all = shared_octets(w->room);
        for (unsigned i = 0; i < PATHS; i++) {
            if (v->parts[i].at != 0) {
                parts[i] = bytes_slice(all, v->parts[i].at, v->parts[i].len);
            }
        }
        server_render(w->server, &(struct server_rendering){
                                     .octets = w->room, .parts = parts, .change = w->change});
    }
    shared_drop(w->room);
    w->room = NULL;
    w->child = 0;
    w->rendering_seconds = (double)(now - w->begun_ns) / 1e9;
    int64_t gap = RENDERING_SHARE * (now - w->begun_ns);
    w->not_before_ns = now + (gap > RENDERING_GAP ? gap : RENDERING_GAP);
}

/* ---- many times a second ---- */

void web_caught_up(struct web *w, struct pipeline *p)
{
    if (w == NULL) {
        return;
    }
    if (!w->started) {
        w->started = true;
        int failed = server_start(w->server);
        if (failed < 0) {
            (void)trouble("--listen: cannot start a thread: %s", strerror(-failed));
        }
    }
    int64_t now = clock_ns(CLOCK_MONOTONIC);
    int status = 0;
    server_alive(w->server);
    if (now / NS_PER_SECOND != w->told_second) {
        w->told_second = now / NS_PER_SECOND;
        const struct run *run = pipeline_summary(p);
        publish_metrics(w, run);
        publish_figures(w, run);
        tell_of_visitors(w, w->told_second);
    }
    if (w->child != 0 && waitpid(w->child, &status, WNOHANG) != 0) {
        take_rendering(w, now, WIFEXITED(status) && WEXITSTATUS(status) == EXIT_CLEAN);
    }
    if (w->child == 0 && now >= w->not_before_ns &&
        server_renderings(w->server) < LIMIT_WEB_RENDERINGS &&
        server_wanted(w->server, &w->change)) {
        begin_rendering(w, p, now);
    }
}

void web_forget(struct web *w)
{
    if (w != NULL) {
        server_forget(w->server);
    }
}

struct web *web_close(struct web *w)
{
    if (w == NULL) {
        return NULL;
    }
    if (w->child != 0) {
        (void)waitpid(w->child, NULL, 0);
        shared_drop(w->room);
    }
    if (w->server != NULL) {
        (void)server_event(w->server, "end", bytes_text("{}"), false);
    }
    (void)server_close(w->server);
    if (w->statm >= 0) {
        (void)close(w->statm);
    }
    free(w->announced);
    free(w);
    return NULL;
}
