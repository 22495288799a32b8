/*
 * guard_seal.c - Landlock and the filter of system calls, from which on hostile traffic is read.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "commands/command.h"
#include "commands/guard.h"
#include "reports/syslog_send.h"

/* Of later kernels than the headers that Debian 12 has: Documentation/userspace-api/landlock.rst.
 */
#define FS_REFER (UINT64_C(1) << 13)     /* version 2 */
#define FS_TRUNCATE (UINT64_C(1) << 14)  /* version 3 */
#define FS_IOCTL_DEV (UINT64_C(1) << 15) /* version 5 */
#define NET_BIND_TCP (UINT64_C(1) << 0)  /* version 4 */
#define NET_CONNECT_TCP (UINT64_C(1) << 1)
#define SCOPE_ABSTRACT_UNIX_SOCKET (UINT64_C(1) << 0) /* version 6 */
#define SCOPE_SIGNAL (UINT64_C(1) << 1)
#define RULE_NET_PORT 2

#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_WRITE                                                                                   \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                               \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |  \
     FS_REFER | FS_TRUNCATE)
/* Those that a rule for one file may name. */
#define FS_OF_FILE (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE)
/* All of version 1. */
#define FS_FIRST ((UINT64_C(1) << 13) - 1)

struct ruleset_parts { /* as the kernel reads it; it takes the part that it knows */
    uint64_t handled_access_fs, handled_access_net, scoped;
};

struct port_rule {
    uint64_t allowed_access, port;
};

struct landlock {
    int fd;
    struct ruleset_parts handled;
};

unsigned guard_landlock_version(void)
{
    long version =
        syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_CREATE_RULESET_VERSION);
    return version < 0 ? 0 : (unsigned)version;
}

static int begin(struct landlock *l, unsigned version)
{
    l->handled = (struct ruleset_parts){
        .handled_access_fs = FS_FIRST | (version >= 2 ? FS_REFER : 0) |
                             (version >= 3 ? FS_TRUNCATE : 0) | (version >= 5 ? FS_IOCTL_DEV : 0),
        .handled_access_net = version >= 4 ? NET_BIND_TCP | NET_CONNECT_TCP : 0,
        .scoped = version >= 6 ? SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL : 0,
    };
    size_t known = version >= 6   ? sizeof l->handled
                   : version >= 4 ? offsetof(struct ruleset_parts, scoped)
                                  : offsetof(struct ruleset_parts, handled_access_net);
    l->fd = (int)syscall(SYS_landlock_create_ruleset, &l->handled, known, 0U);
    return l->fd < 0 ? -errno : 0;
}

/* What is not there needs no rule. */
static int allow(const struct landlock *l, const char *path, uint64_t access)
{
    struct stat about;
    struct landlock_path_beneath_attr rule = {
        .allowed_access = access & l->handled.handled_access_fs,
        .parent_fd = path == NULL ? -1 : open(path, O_PATH | O_CLOEXEC)};
    if (rule.parent_fd < 0) {
        return 0;
    }
    if (fstat(rule.parent_fd, &about) == 0 && !S_ISDIR(about.st_mode)) {
        rule.allowed_access &= FS_OF_FILE;
    }
    long failed = syscall(SYS_landlock_add_rule, l->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0U);
    int error = failed != 0 ? -errno : 0;
    (void)close(rule.parent_fd);
    return error;
}

/* The folder, as editors and SQLite put new files in the place of old ones. */
static int allow_folder_of(const struct landlock *l, const char *path, uint64_t access)
{
    char folder[GUARD_PATH];
    if (path == NULL || strcmp(path, "-") == 0) {
        return 0;
    }
    guard_folder_of(path, folder);
    return allow(l, folder, access);
}

static int allow_port(const struct landlock *l, const char *syslog)
{
    struct syslog_target target;
    if (syslog == NULL || l->handled.handled_access_net == 0 ||
        !syslog_target_parse(syslog, &target)) {
        return 0;
    }
    const struct port_rule rule = {.allowed_access = NET_CONNECT_TCP,
                                   .port = strtoul(target.port, NULL, 10)};
    return syscall(SYS_landlock_add_rule, l->fd, RULE_NET_PORT, &rule, 0U) != 0 ? -errno : 0;
}

static int allow_all(const struct landlock *l, const struct options *o, const struct policy *p)
{
    int failed = allow(l, o->report_folder, FS_READ | FS_WRITE);
    failed = failed != 0 ? failed : allow_folder_of(l, o->store, FS_READ | FS_WRITE);
    failed = failed != 0 ? failed : allow_folder_of(l, o->policy, FS_READ);
    failed = failed != 0 ? failed : allow_folder_of(l, o->matrix, FS_READ);
    for (unsigned i = 0; p != NULL && failed == 0 && i < p->tls_authority_file_count; i++) {
        failed = allow_folder_of(l, p->tls_authority_files[i], FS_READ);
    }
    if (failed == 0 && strcmp(o->output, "-") != 0) {
        failed = allow(l, o->output, FS_WRITE);
    }
    /* SQLite's chance; an interface's counters, of which /sys/class/net has links to them. */
    failed = failed != 0 ? failed : allow(l, "/dev/urandom", FS_READ);
    failed = failed != 0 ? failed : allow(l, "/sys/class/net", FS_READ);
    failed = failed != 0 ? failed : allow(l, "/sys/devices", FS_READ);
    return failed != 0 ? failed : allow_port(l, o->syslog);
}

static int restrict_files(const struct options *o, const struct policy *p)
{
    struct landlock l = {.fd = -1};
    unsigned version = guard_landlock_version();
    if (version == 0) {
        (void)trouble("this kernel has no Landlock (see 'rolecall doctor'): files are kept by the "
                      "user's rights and the filter of system calls alone");
        return EXIT_CLEAN;
    }
    int failed = begin(&l, version);
    if (failed == 0) {
        failed = allow_all(&l, o, p);
    }
    if (failed == 0 && syscall(SYS_landlock_restrict_self, l.fd, 0U) != 0) {
        failed = -errno;
    }
    if (l.fd >= 0) {
        (void)close(l.fd);
    }
    return failed == 0 ? EXIT_CLEAN
                       : trouble("cannot give up files (Landlock): %s", strerror(-failed));
}

int guard_seal(const struct options *o, const struct policy *p)
{
    tzset(); /* read once, while it can be */
    int status = restrict_files(o, p);
    int failed =
        status == EXIT_CLEAN
            ? guard_filter(GUARD_ALWAYS | (o->syslog != NULL ? GUARD_SYSLOG : 0) |
                           (o->listen != NULL ? GUARD_LISTEN : 0) | (o->tui ? GUARD_SCREEN : 0))
            : 0;
    return failed == 0 ? status
                       : trouble("cannot give up system calls (seccomp): %s", strerror(-failed));
}
