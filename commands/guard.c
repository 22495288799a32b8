#include "commands/guard.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "commands/command.h"

#define PATH_ROOM (GUARD_PATH + 32)
/* Who an auditor is when root starts it and does not say. */
static const char *const users[] = {"rolecall", "nobody"};

void guard_folder_of(const char *path, char ret[GUARD_PATH])
{
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
    (void)snprintf(ret, GUARD_PATH, "%.*s", len == 0 ? 1 : (int)len, len == 0 ? "." : path);
}

/* ---- what has to be his before he is somebody else ---- */

/* A folder that is made here is his. One that is there already is somebody's: he is told below.
 * `user` NULL: he stays who he is. */
static int make_folder(const char *path, const struct passwd *user)
{
    if (mkdir(path, 0777) != 0) {
        return errno == EEXIST
                   ? EXIT_CLEAN
                   : trouble("%s: cannot make the folder: %s; choose another with --report", path,
                             strerror(errno));
    }
    return user == NULL || chown(path, user->pw_uid, user->pw_gid) == 0
               ? EXIT_CLEAN
               : trouble("%s: cannot give it to %s: %s", path, user->pw_name, strerror(errno));
}

/* --output is written anew in any case, whosever it was. */
static int make_output(const char *path, const struct passwd *user)
{
    struct stat about;
    FILE *f = fopen(path, "ae");
    bool fine = f != NULL && fstat(fileno(f), &about) == 0 &&
                (!S_ISREG(about.st_mode) || fchown(fileno(f), user->pw_uid, user->pw_gid) == 0);
    int error = errno;
    if (f != NULL) {
        (void)fclose(f);
    }
    return fine ? EXIT_CLEAN
                : trouble("%s: cannot write: %s; choose another place with --output", path,
                          strerror(error));
}

static int check_folder(const char *folder, const char *what, const char *user)
{
    return access(folder, R_OK | W_OK | X_OK) == 0
               ? EXIT_CLEAN
               : trouble(
                     "%s: %s may not write in the folder of %s: %s; 'chown %s' on it (and a way "
                     "to it) mends that, or another user with --user",
                     folder, user, what, strerror(errno), user);
}

static int check_file(const char *path, const char *what, const char *user)
{
    return access(path, R_OK | W_OK) == 0 || errno == ENOENT
               ? EXIT_CLEAN
               : trouble("%s: %s may not write %s: %s; 'chown %s' on it mends that", path, user,
                         what, strerror(errno), user);
}

static int check_places(const struct options *o, const char *user)
{
    char path[PATH_ROOM];
    int status = EXIT_CLEAN;
    if (o->report_folder != NULL) {
        status = check_folder(o->report_folder, "the report", user);
        (void)snprintf(path, sizeof path, "%s/findings.jsonl", o->report_folder);
        status = status == EXIT_CLEAN ? check_file(path, "findings as they happen", user) : status;
    }
    if (o->store != NULL && status == EXIT_CLEAN) {
        guard_folder_of(o->store, path);
        status = check_folder(path, "the store", user);
        status = status == EXIT_CLEAN ? check_file(o->store, "the store", user) : status;
    }
    if (o->policy != NULL && strcmp(o->policy, "-") != 0 && access(o->policy, R_OK) != 0) {
        (void)trouble("%s: %s may not read it: SIGHUP will be refused until he may", o->policy,
                      user);
    }
    return status;
}

/* ---- another user ---- */

static const struct passwd *find_user(const char *name)
{
    const struct passwd *found = name == NULL ? NULL : getpwnam(name);
    for (size_t i = 0; name == NULL && found == NULL && i < sizeof users / sizeof *users; i++) {
        found = getpwnam(users[i]);
    }
    if (found == NULL) {
        (void)trouble("--user %s: no such user here", name == NULL ? users[0] : name);
    } else if (found->pw_uid == 0) {
        (void)trouble("--user %s: that is root, which is what is to be given up", name);
        found = NULL;
    }
    return found;
}

/* In a user namespace that knows no other user, its root is nobody outside of it. */
static bool is_only_user(void)
{
    unsigned inside = 1, outside = 0, count = 0;
    FILE *f = fopen("/proc/self/uid_map", "re");
    int got = f == NULL ? 0 : fscanf(f, "%u %u %u", &inside, &outside, &count);
    if (f != NULL) {
        (void)fclose(f);
    }
    return got == 3 && inside == 0 && count == 1;
}

static int change_user(const struct passwd *user)
{
    if (prctl(PR_SET_KEEPCAPS, 1L, 0L, 0L, 0L) != 0 || setgroups(0, NULL) != 0 ||
        setresgid(user->pw_gid, user->pw_gid, user->pw_gid) != 0 ||
        setresuid(user->pw_uid, user->pw_uid, user->pw_uid) != 0) {
        return trouble("cannot become %s: %s; choose another user with --user", user->pw_name,
                       strerror(errno));
    }
    return EXIT_CLEAN;
}

/* `ret`: whom to become; NULL: nobody else. */
static int choose_user(const struct options *o, const struct passwd **ret)
{
    bool root = getuid() == 0 || geteuid() == 0;
    *ret = NULL;
    if (root && is_only_user() && o->user == NULL) {
        (void)trouble("there is no other user in this user namespace: its own root audits, without "
                      "capabilities");
        return EXIT_CLEAN;
    }
    if (!root && o->user == NULL) {
        return EXIT_CLEAN;
    }
    const struct passwd *user = find_user(o->user);
    if (user == NULL) {
        return EXIT_TROUBLE;
    }
    if (!root && user->pw_uid != getuid()) {
        return trouble("--user %s: only root can become somebody else", o->user);
    }
    *ret = root ? user : NULL;
    return EXIT_CLEAN;
}

/* ---- no rights ---- */

#ifdef ROLECALL_SANITIZED
/* The search for leaks (a hook of LeakSanitizer) looks into its own process, which is given up. */
static bool given_up;
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return given_up;
}
#endif

/* None that a program started from here could get; without CAP_SETPCAP they stay, and no new
 * privileges makes them worthless. */
static void empty_bounding_set(void)
{
    for (unsigned long c = 0; prctl(PR_CAPBSET_READ, c, 0L, 0L, 0L) >= 0; c++) {
        (void)prctl(PR_CAPBSET_DROP, c, 0L, 0L, 0L);
    }
}

static int keep_only_capture(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {0};
#ifdef ROLECALL_SANITIZED
    given_up = true;
#endif
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0L, 0L, 0L);
    if (syscall(SYS_capget, &head, sets) != 0) {
        return trouble("cannot ask for capabilities: %s", strerror(errno));
    }
    uint32_t kept = sets[0].permitted & CAP_TO_MASK(CAP_NET_RAW);
    memset(sets, 0, sizeof sets);
    sets[0].permitted = sets[0].effective = kept;
    if (syscall(SYS_capset, &head, sets) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) != 0 ||
        prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) != 0) {
        return trouble("cannot give up rights: %s", strerror(errno));
    }
    return EXIT_CLEAN;
}

int guard_become(const struct options *o)
{
    const struct passwd *user = NULL;
    int status = choose_user(o, &user);
    if (status == EXIT_CLEAN && o->report_folder != NULL) {
        status = make_folder(o->report_folder, user);
    }
    if (status == EXIT_CLEAN && user != NULL && strcmp(o->output, "-") != 0) {
        status = make_output(o->output, user);
    }
    if (status != EXIT_CLEAN) {
        return status;
    }
    empty_bounding_set();
    status = user == NULL ? EXIT_CLEAN : change_user(user);
    if (status == EXIT_CLEAN) {
        const struct passwd *now = getpwuid(getuid());
        status = check_places(o, now == NULL ? "this user" : now->pw_name);
    }
    return status == EXIT_CLEAN ? keep_only_capture() : status;
}
