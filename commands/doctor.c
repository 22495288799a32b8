/*
 * doctor.c - `rolecall doctor`: what this machine lacks for an audit of its interfaces, and how to
 * mend it. Nothing is changed. Exit status: 1 when something is bad, an audit then fails or misses
 * much.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/seccomp.h>

#include "capture/limits.h"
#include "commands/command.h"
#include "commands/doctor_interface.h"
#include "commands/guard.h"
#include "reports/text_layout.h"

#define MEGABYTE (UINT64_C(1) << 20)
/* Reports of an hour take some megabytes, findings.jsonl little; a store grows with each audit. */
#define DISK_BAD (64 * MEGABYTE)
#define DISK_WARN (1024 * MEGABYTE)

/* ---- what is said ---- */

static const char *const states[] = {"ok", "warn", "bad"};

void doctor_say(struct doctor *d, enum health state, const char *check, const char *mend,
                const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    d->bad += state == HEALTH_BAD;
    if (d->jsonl) {
        struct json j = record_begin(d->out, "check");
        json_text(&j, "check", check);
        json_text(&j, "interface", d->interface);
        json_text(&j, "status", states[state]);
        json_text(&j, "says", text);
        json_text(&j, "mend", state == HEALTH_OK ? NULL : mend);
        record_end(&j);
        return;
    }
    struct layout l;
    const enum ink inks[] = {INK_GOOD, INK_MEDIUM, INK_CRITICAL};
    layout_init(&l, d->out, &d->style);
    layout_begin(&l, 0, 6);
    layout_text(&l, inks[state], states[state]);
    layout_column(&l, 6);
    layout_format(&l, INK_PLAIN, "%s%s%s%s%s", d->interface == NULL ? "" : d->interface,
                  d->interface == NULL ? "" : ": ", text, state == HEALTH_OK ? "" : "; ",
                  state == HEALTH_OK ? "" : mend);
    layout_end(&l);
}

/* ---- the machine ---- */

static bool may_capture(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {0};
    return syscall(SYS_capget, &head, sets) == 0 &&
           (sets[0].effective & CAP_TO_MASK(CAP_NET_RAW)) != 0;
}

static void check_rights(struct doctor *d)
{
    bool may = may_capture();
    doctor_say(d, may ? HEALTH_OK : HEALTH_BAD, "rights",
               "run as root, as the service rolecall@INTERFACE, or once 'setcap cap_net_raw+ep' on "
               "the program",
               may ? "interfaces may be captured from (CAP_NET_RAW)"
                   : "interfaces may not be captured from: CAP_NET_RAW is missing");
}

static void check_landlock(struct doctor *d)
{
    unsigned version = guard_landlock_version();
    if (version == 0) {
        doctor_say(d, HEALTH_WARN, "landlock",
                   "boot with 'lsm=landlock,...' or a kernel from 5.13 on that has it",
                   "no Landlock: a fault in reading traffic could open every file that the user "
                   "may");
    } else if (version < 4) {
        doctor_say(d, HEALTH_WARN, "landlock", "a kernel from 6.7 on keeps to one TCP port as well",
                   "Landlock version %u keeps files, not connections", version);
    } else {
        doctor_say(d, HEALTH_OK, "landlock", NULL, "Landlock version %u: files and connections",
                   version);
    }
}

static void check_seccomp(struct doctor *d)
{
    uint32_t action = SECCOMP_RET_KILL_PROCESS;
    bool there = syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0U, &action) == 0;
    doctor_say(d, there ? HEALTH_OK : HEALTH_BAD, "seccomp",
               "a kernel from 4.14 on, built with CONFIG_SECCOMP_FILTER",
               there ? "system calls can be filtered (seccomp)"
                     : "system calls cannot be filtered (seccomp): a live audit refuses to begin");
}

static uint64_t memory_available(void)
{
    char line[128];
    unsigned long long kilobytes = 0;
    FILE *f = fopen("/proc/meminfo", "re");
    while (f != NULL && kilobytes == 0 && fgets(line, sizeof line, f) != NULL) {
        (void)sscanf(line, "MemAvailable: %llu", &kilobytes);
    }
    if (f != NULL) {
        (void)fclose(f);
    }
    return kilobytes * 1024;
}

/* Each interface's ring, what flows may take, and as much again: a report is written by a child
 * that copies what it touches. */
static void check_memory(struct doctor *d, const struct options *o)
{
    size_t interfaces = o->input_count == 0 ? 1 : o->input_count;
    uint64_t rings = (uint64_t)LIMIT_LIVE_RING * interfaces;
    uint64_t wanted = rings + 2 * (uint64_t)o->memory, there = memory_available();
    enum health state = there >= wanted                            ? HEALTH_OK
                        : there >= rings + (uint64_t)o->memory / 2 ? HEALTH_WARN
                                                                   : HEALTH_BAD;
    doctor_say(d, state, "memory", "give it more, or audit with a smaller --memory",
               "%llu MB of memory are free; rings take %llu MB, conversations up to %llu MB and as "
               "much again while a report is written",
               (unsigned long long)(there / MEGABYTE), (unsigned long long)(rings / MEGABYTE),
               (unsigned long long)(o->memory / MEGABYTE));
}

static void check_clock(struct doctor *d)
{
    struct timex t = {.modes = 0};
    bool synchronised = adjtimex(&t) != TIME_ERROR && (t.status & STA_UNSYNC) == 0;
    doctor_say(d, synchronised ? HEALTH_OK : HEALTH_WARN, "clock",
               "run chrony or systemd-timesyncd; 'timedatectl' tells",
               synchronised ? "the clock is synchronised"
                            : "the clock is not synchronised: times of findings do not match those "
                              "of other machines' logs");
}

static void check_disk(struct doctor *d, const char *folder)
{
    char where[GUARD_PATH];
    struct statvfs about;
    (void)snprintf(where, sizeof where, "%s", folder);
    if (access(where, F_OK) != 0) {
        guard_folder_of(folder, where);
    }
    if (statvfs(where, &about) != 0) {
        doctor_say(d, HEALTH_BAD, "disk", "make it, or name another with --report",
                   "%s: no such folder", folder);
        return;
    }
    uint64_t left = (uint64_t)about.f_bavail * about.f_frsize;
    doctor_say(d,
               left < DISK_BAD    ? HEALTH_BAD
               : left < DISK_WARN ? HEALTH_WARN
                                  : HEALTH_OK,
               "disk", "make room, or keep fewer reports with --keep",
               "%s: %llu MB are free for reports", folder, (unsigned long long)(left / MEGABYTE));
}

int run_doctor(const struct command *c, struct options *o, int argc, char **argv)
{
    struct doctor d = {.jsonl = o->format != NULL && strcmp(o->format, "jsonl") == 0};
    (void)argv;
    if (optind < argc || (o->input_count > 0 && !o->live)) {
        return usage(c, "only interfaces are looked at; name one with -i");
    }
    if (o->format != NULL && !d.jsonl && strcmp(o->format, "text") != 0) {
        return trouble("--format %s: expected text or jsonl", o->format);
    }
    if (open_output(o->output, &d.out) != EXIT_CLEAN) {
        return EXIT_TROUBLE;
    }
    d.style = style_for(o);
    check_rights(&d);
    check_landlock(&d);
    check_seccomp(&d);
    check_memory(&d, o);
    check_clock(&d);
    check_disk(&d, o->report_folder == NULL ? "." : o->report_folder);
    for (size_t i = 0; i < o->input_count; i++) {
        d.interface = o->inputs[i];
        doctor_interface(&d);
    }
    int status = close_output(d.out, o->output);
    return status != EXIT_CLEAN ? status : d.bad > 0 ? EXIT_FINDINGS : EXIT_CLEAN;
}
