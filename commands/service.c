#include "commands/service.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "commands/web.h"

/* "2026-11-26T18-30-00Z", which any file system takes. */
#define FOLDER_FORMAT "%Y-%m-%dT%H-%M-%SZ"
#define FOLDER_TEXT sizeof "2026-11-26T18-30-00Z"
#define PATH_ROOM 4096
/* Between two looks for cited packets. */
#define LOOK_NS 250000000

static volatile sig_atomic_t report_asked, reload_asked;

struct service {
    struct session *session;
    service_report *report;
    time_t next_report; /* monotonic; 0: none */
    int64_t looked_ns;  /* monotonic: when cited packets were last looked for */
    time_t told;        /* when systemd was last told that all is well */
    pid_t writer;       /* writes a report; 0: nobody does */
    int announced;      /* findings.jsonl; -1: not open */
    int manager;        /* the service manager; -1: there is none */
    bool ready;
    char greeting[48]; /* who is to be asked for anything: the supervisor */
};

static time_t seconds(clockid_t which)
{
    struct timespec now;
    clock_gettime(which, &now);
    return now.tv_sec;
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (!supervised_honours(info)) {
        return;
    }
    if (number == SIGHUP) {
        reload_asked = 1;
    } else {
        report_asked = 1;
    }
}

void service_want_report(void)
{
    report_asked = 1;
}

bool service_is_writing(const struct service *v)
{
    return report_asked != 0 || v->writer != 0;
}

/* sd_notify(3): datagrams to where the service manager says it listens. Connected now, as a process
 * that reads traffic may not open sockets. -1: nobody listens. */
static int open_manager(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (path == NULL || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof to.sun_path) {
        return -1;
    }
    memcpy(to.sun_path, path, strlen(path));
    to.sun_path[0] = path[0] == '@' ? '\0' : path[0];
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&to, len) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static void tell_manager(const struct service *v, const char *what)
{
    if (v->manager >= 0) {
        (void)send(v->manager, what, strlen(what), MSG_NOSIGNAL); /* gone: nobody waits for it */
    }
}

static void on_evidence(void *user, const struct stamp *at)
{
    pins_want(user, at->packet);
}

void service_watch_evidence(struct session *s)
{
    if (s->pins != NULL) {
        audit_on_evidence(s->audit, on_evidence, s->pins);
    }
}

/* The ring goes on: what is cited is soon gone. */
static void look_for_evidence(struct service *v)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
    if (v->session->pins != NULL && ns - v->looked_ns >= LOOK_NS) {
        v->looked_ns = ns;
        pins_look(v->session->pins);
    }
}

struct service *service_new(struct session *s, service_report *report)
{
    struct service *v = calloc(1, sizeof *v);
    if (v == NULL) {
        return NULL;
    }
    *v = (struct service){
        .session = s, .report = report, .announced = -1, .manager = open_manager()};
    (void)snprintf(v->greeting, sizeof v->greeting, "READY=1\nMAINPID=%d",
                   (int)s->supervision.supervisor);
    if (s->options->every > 0) {
        v->next_report = seconds(CLOCK_MONOTONIC) + (time_t)s->options->every;
    }
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    (void)sigaction(SIGUSR1, &action, NULL);
    (void)sigaction(SIGHUP, &action, NULL);
    return v;
}

/* ---- findings as they happen ---- */

static bool open_announced(struct service *v)
{
    char path[PATH_ROOM];
    const char *folder = v->session->options->report_folder;
    if (v->announced < 0) {
        (void)snprintf(path, sizeof path, "%s/findings.jsonl", folder);
        if (mkdir(folder, 0777) == 0 || errno == EEXIST) {
            v->announced = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        }
        if (v->announced < 0) {
            (void)trouble("%s: cannot write: %s; findings are in the report at the end", path,
                          strerror(errno));
        }
    }
    return v->announced >= 0;
}

/* Whole lines, or none of a line that does not fit on the disk. */
static void append(struct service *v, const char *text, size_t len)
{
    off_t end = lseek(v->announced, 0, SEEK_END);
    while (len > 0) {
        ssize_t done = write(v->announced, text, len);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            (void)trouble("findings.jsonl: cannot write: %s; findings are in the report at the end",
                          strerror(errno));
            if (ftruncate(v->announced, end) != 0) {
                (void)trouble("findings.jsonl: its last line is cut: %s", strerror(errno));
            }
            return;
        }
        text += done;
        len -= (size_t)done;
    }
    (void)fdatasync(v->announced); /* a file system that cannot has been written to all the same */
}

static void announce(struct service *v)
{
    struct session *s = v->session;
    const struct finding *f = audit_take_new(s->audit);
    if (f == NULL || (s->options->report_folder == NULL && s->web == NULL)) {
        return;
    }
    struct output *lines = output_to_memory();
    size_t len = 0;
    for (; f != NULL && lines != NULL; f = audit_take_new(s->audit)) {
        size_t before = len;
        record_finding(lines, &s->names, f);
        const char *all = output_memory(lines, &len);
        if (len > before) { /* without the end of the line */
            web_announce(s->web, f, bytes_of(all + before, len - before - 1));
        }
    }
    const char *text = lines == NULL ? NULL : output_memory(lines, &len);
    if (text == NULL || output_error(lines) < 0) {
        (void)trouble("out of memory to announce a finding; it is in the report at the end");
    } else if (s->options->report_folder != NULL && open_announced(v)) {
        append(v, text, len);
    }
    output_drop(lines);
}

/* ---- reports ---- */

static int is_report_folder(const struct dirent *entry)
{
    struct tm when = {0};
    const char *end = strptime(entry->d_name, FOLDER_FORMAT, &when);
    return end != NULL && *end == '\0';
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *place)
{
    (void)about;
    (void)kind;
    (void)place;
    return remove(path);
}

/* The oldest go first: their names sort by time. */
static void keep_newest(const struct options *o)
{
    struct dirent **found = NULL;
    int count = scandir(o->report_folder, &found, is_report_folder, alphasort);
    for (int i = 0; i < count; i++) {
        char path[PATH_ROOM];
        (void)snprintf(path, sizeof path, "%s/%s", o->report_folder, found[i]->d_name);
        if (i + (int)o->keep < count && nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS) != 0) {
            (void)trouble("%s: cannot remove this old report: %s", path, strerror(errno));
        }
        free(found[i]);
    }
    free(found);
}

static void write_report(struct service *v, struct pipeline *p)
{
    char path[PATH_ROOM], name[FOLDER_TEXT];
    const struct options *o = v->session->options;
    time_t now = seconds(CLOCK_REALTIME);
    struct tm utc;
    if (o->tui && o->report_folder == NULL && strcmp(o->output, "-") == 0) {
        (void)trouble("no report now: it would go to the screen; start with --report FOLDER");
        return;
    }
    (void)strftime(name, sizeof name, FOLDER_FORMAT, gmtime_r(&now, &utc));
    (void)fflush(NULL);
    v->writer = session_fork(v->session);
    if (v->writer < 0) {
        v->writer = 0;
        (void)trouble("no report now: cannot start a process: %s", strerror(errno));
    }
    if (v->writer != 0) {
        return;
    }
    web_forget(v->session->web);
    if (o->report_folder == NULL) {
        _exit(v->report(v->session, p, NULL));
    }
    (void)snprintf(path, sizeof path, "%s/%s", o->report_folder, name);
    int status = mkdir(o->report_folder, 0777) != 0 && errno != EEXIST
                     ? trouble("%s: cannot make the folder: %s", o->report_folder, strerror(errno))
                     : v->report(v->session, p, path);
    if (o->keep > 0) {
        keep_newest(o);
    }
    _exit(status);
}

/* What it could not do it has said itself, unless a signal ended it. */
static void await_writer(struct service *v, int how)
{
    int status = 0;
    if (waitpid(v->writer, &status, how) == 0) {
        return;
    }
    if (WIFSIGNALED(status)) {
        (void)trouble(
            "a report was not written to its end: its process was ended by signal %d (%s); "
            "the audit goes on",
            WTERMSIG(status), strsignal(WTERMSIG(status)));
    }
    v->writer = 0;
}

/* ---- the policy, read anew ---- */

/* Facts that are not stated since nobody asked for them when the capture began. */
static void warn_of_missing(const struct policy *before, const struct policy *after)
{
    static const char *const costly[] = {"sql.text", "smb.name", "smb.action", "smb.listed"};
    for (size_t i = 0; i < sizeof costly / sizeof *costly; i++) {
        if (policy_watches(after, costly[i]) && !policy_watches(before, costly[i])) {
            (void)trouble("%s: a watch rule asks for %s, which is read from the next start on",
                          after->path, costly[i]);
        }
    }
}

static bool same_policy(const struct policy *a, const struct policy *b)
{
    return memcmp(a->sha256, b->sha256, sizeof a->sha256) == 0 &&
           memcmp(a->matrix_sha256, b->matrix_sha256, sizeof a->matrix_sha256) == 0;
}

static void reload(struct service *v, struct pipeline *p)
{
    struct session *s = v->session;
    struct policy *fresh = NULL;
    tell_manager(v, "RELOADING=1");
    /* It may have been moved away, as log rotation does. */
    if (v->announced >= 0) {
        (void)close(v->announced);
        v->announced = -1;
    }
    if (load_policy(s->options, s->options->policy, &fresh) != EXIT_CLEAN) {
        (void)trouble("%s: refused; the audit goes on with the policy it had", s->options->policy);
    } else if (same_policy(s->policy, fresh)) {
        policy_free(fresh);
    } else {
        struct audit *audit = audit_new(fresh);
        struct gathering *gathering = s->gathering == NULL ? NULL : gathering_new(fresh);
        if (audit != NULL && gathering != NULL) {
            audit_keep_fields(audit);
        }
        if (audit == NULL || (s->gathering != NULL && gathering == NULL)) {
            (void)trouble("out of memory; the audit goes on with the policy it had");
            gathering_free(gathering);
            audit_free(audit);
            policy_free(fresh);
        } else {
            write_report(v, p);
            warn_of_missing(s->policy, fresh);
            gathering_free(s->gathering);
            audit_free(s->audit);
            (void)pthread_mutex_lock(&s->policy_lock);
            policy_free(s->policy);
            s->policy = fresh;
            (void)pthread_mutex_unlock(&s->policy_lock);
            s->names.policy = fresh;
            if (s->mask != NULL) {
                mask_policy(s->mask, fresh);
            }
            s->audit = audit;
            if (s->pins != NULL) {
                pins_clear(s->pins);
            }
            service_watch_evidence(s);
            s->gathering = gathering;
            web_begin_anew(s->web);
        }
    }
    tell_manager(v, "READY=1");
}

void service_caught_up(struct service *v, struct pipeline *p)
{
    announce(v);
    web_caught_up(v->session->web, p);
    look_for_evidence(v);
    time_t now = seconds(CLOCK_MONOTONIC);
    if (!v->ready || now != v->told) {
        tell_manager(v, v->ready ? "WATCHDOG=1" : v->greeting);
        v->ready = true;
        v->told = now;
    }
    if (v->writer != 0) {
        await_writer(v, WNOHANG);
    }
    if (v->writer != 0) {
        return; /* what is asked for meanwhile is done when the report is written */
    }
    if (reload_asked != 0) {
        reload_asked = 0;
        reload(v, p);
        return;
    }
    bool due = v->next_report != 0 && now >= v->next_report;
    if (due) {
        v->next_report = now + (time_t)v->session->options->every;
    }
    if (due || report_asked != 0) {
        report_asked = 0;
        write_report(v, p);
    }
}

struct service *service_free(struct service *v)
{
    if (v == NULL) {
        return NULL;
    }
    announce(v);
    tell_manager(v, "STOPPING=1");
    if (v->writer != 0) {
        await_writer(v, 0);
    }
    if (v->manager >= 0) {
        (void)close(v->manager);
    }
    if (v->announced >= 0) {
        (void)close(v->announced);
    }
    free(v);
    return NULL;
}
