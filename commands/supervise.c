#include "commands/supervise.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "capture/limits.h"
#include "commands/command.h"
#include "reports/screen_terminal.h"

#define NS_PER_SECOND INT64_C(1000000000)

struct watched {              /* written by the worker, believed for its report alone */
    _Atomic int64_t began_ns; /* interfaces are open; 0: not yet */
    _Atomic int64_t lived_ns; /* all was seen up to then */
};

struct deaths { /* of late */
    time_t first;
    unsigned count;
};

/* The process whose signals are honoured; 0: anybody's. */
static pid_t honoured;

static int64_t wall_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

static time_t monotonic(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static sigset_t passed_on(void)
{
    static const int numbers[] = {SIGHUP, SIGUSR1, SIGTERM, SIGINT, SIGCHLD};
    sigset_t signals;
    (void)sigemptyset(&signals);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        (void)sigaddset(&signals, numbers[i]);
    }
    return signals;
}

/* ---- in the worker ---- */

bool supervised_honours(const siginfo_t *info)
{
    return honoured == 0 || info->si_pid == honoured || info->si_code == SI_KERNEL;
}

void supervised_begins(struct supervision *v)
{
    int64_t now = wall_ns();
    if (v->supervisor == 0) {
        return;
    }
    if (v->gap_count > 0 && v->gaps[v->gap_count - 1].until_ns == 0) {
        v->gaps[v->gap_count - 1].until_ns = now;
    }
    atomic_store(&v->watched->began_ns, now);
    atomic_store(&v->watched->lived_ns, now);
    /* Whoever handles them is there now; what came meanwhile is not lost. */
    const sigset_t signals = passed_on();
    (void)sigprocmask(SIG_UNBLOCK, &signals, NULL);
}

void supervised_lives(const struct supervision *v)
{
    if (v->supervisor != 0) {
        atomic_store(&v->watched->lived_ns, wall_ns());
    }
}

static void become_worker(struct supervision *v, pid_t supervisor)
{
    v->supervisor = honoured = supervisor;
    /* Without a supervisor it writes the last report. */
    (void)prctl(PR_SET_PDEATHSIG, (unsigned long)SIGTERM, 0UL, 0UL, 0UL);
    if (getppid() != supervisor) {
        _exit(EXIT_TROUBLE);
    }
}

/* ---- in the supervisor ---- */

static bool is_end(int number)
{
    return number == SIGTERM || number == SIGINT;
}

/* How the worker ended. `ret_ending`: it was asked to. */
static int wait_for(pid_t worker, const sigset_t *signals, bool *ret_ending)
{
    for (;;) {
        int status = 0;
        siginfo_t info;
        if (waitpid(worker, &status, WNOHANG) == worker) {
            return status;
        }
        int number = sigwaitinfo(signals, &info);
        if (number > 0 && number != SIGCHLD) {
            *ret_ending = *ret_ending || is_end(number);
            /* A terminal has sent it to both. A second one that meets the first while that is
             * pending would be lost, and with it who sent it. */
            if (info.si_code != SI_KERNEL) {
                (void)kill(worker, number);
            }
        }
    }
}

static const char *why(int status)
{
    if (WIFEXITED(status)) {
        return "could not begin again";
    }
    switch (WTERMSIG(status)) {
    case SIGSYS:
        return "made a system call that is not permitted (SIGSYS)";
    case SIGKILL:
        return "was killed (SIGKILL: by somebody, or for want of memory)";
    case SIGSEGV:
        return "crashed (SIGSEGV)";
    case SIGBUS:
        return "crashed (SIGBUS)";
    case SIGABRT:
        return "gave up (SIGABRT)";
    default:
        return "was ended by a signal";
    }
}

/* The gap goes on where the worker before could not begin. */
static void note_gap(struct supervision *v, const char *because)
{
    int64_t began = atomic_exchange(&v->watched->began_ns, 0);
    int64_t lived = atomic_load(&v->watched->lived_ns);
    if (began == 0 && v->restarts > 0) {
        return;
    }
    if (v->gap_count > 0) {
        v->gaps[v->gap_count - 1].until_ns = began;
    }
    v->restarts++;
    if (v->gap_count == LIMIT_RESTART_GAPS) {
        memmove(v->gaps, v->gaps + 1, (LIMIT_RESTART_GAPS - 1) * sizeof *v->gaps);
        v->gap_count--;
    }
    v->gaps[v->gap_count++] =
        (struct run_gap){.from_ns = lived == 0 ? wall_ns() : lived, .because = because};
}

/* Seconds until the next try; 0: no more. */
static unsigned next_wait(struct deaths *d)
{
    time_t now = monotonic();
    if (now - d->first > LIMIT_RESTART_SECONDS) {
        *d = (struct deaths){.first = now};
    }
    return d->count++ >= LIMIT_RESTARTS ? 0 : 1U << (d->count - 1);
}

/* False when it was asked to end meanwhile. What else is asked for is told to the next worker's
 * start anyway: it reads the policy anew. */
static bool sleep_for(unsigned seconds, const sigset_t *signals)
{
    time_t end = monotonic() + (time_t)seconds;
    for (time_t now = monotonic(); now < end; now = monotonic()) {
        const struct timespec left = {.tv_sec = end - now};
        if (is_end(sigtimedwait(signals, NULL, &left))) {
            return false;
        }
    }
    return true;
}

static bool may_start_anew(struct supervision *v, int status, struct deaths *d, bool ending,
                           const sigset_t *signals)
{
    char when[TIME_TEXT];
    const char *because = why(status);
    note_gap(v, because);
    (void)time_format(v->gaps[v->gap_count - 1].from_ns, 0, when);
    unsigned wait = ending ? 0 : next_wait(d);
    if (wait == 0) {
        (void)trouble("the process that audits %s; nothing is seen since %s%s; findings.jsonl in "
                      "the report's folder has what was found",
                      because, when,
                      ending ? ", and there is no last report" : ", and it is not started again");
        return false;
    }
    (void)trouble("the process that audits %s; nothing is seen since %s; it is started anew in %u "
                  "s",
                  because, when, wait);
    if (!sleep_for(wait, signals)) {
        (void)trouble(
            "asked to end while nobody audits: there is no last report; findings.jsonl in "
            "the report's folder has what was found");
        return false;
    }
    return true;
}

static int run(struct supervision *v, supervised *work, void *user, const sigset_t *signals)
{
    struct deaths deaths = {.first = monotonic()};
    bool ending = false;
    for (;;) {
        pid_t self = getpid();
        (void)fflush(NULL);
        pid_t worker = fork();
        if (worker < 0) {
            return trouble("cannot start the process that audits: %s", strerror(errno));
        }
        if (worker == 0) {
            become_worker(v, self);
            exit(work(user));
        }
        int status = wait_for(worker, signals, &ending);
        terminal_rescue(); /* where it could not do that itself */
        bool began = atomic_load(&v->watched->began_ns) != 0;
        bool again = WIFSIGNALED(status) ||
                     (v->restarts > 0 && !began && WEXITSTATUS(status) == EXIT_TROUBLE);
        if (!again) {
            return WEXITSTATUS(status);
        }
        if (!may_start_anew(v, status, &deaths, ending, signals)) {
            return EXIT_TROUBLE;
        }
    }
}

int supervise(struct supervision *v, supervised *work, void *user)
{
    const sigset_t signals = passed_on();
    *v = (struct supervision){.gaps = calloc(LIMIT_RESTART_GAPS, sizeof *v->gaps)};
    v->watched =
        mmap(NULL, sizeof *v->watched, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (v->gaps == NULL || v->watched == MAP_FAILED) {
        free(v->gaps);
        return trouble("out of memory");
    }
    (void)sigprocmask(SIG_BLOCK, &signals, NULL);
    int status = run(v, work, user, &signals);
    (void)munmap(v->watched, sizeof *v->watched);
    free(v->gaps);
    *v = (struct supervision){.supervisor = 0};
    return status;
}
