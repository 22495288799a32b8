/*
 * test_guard.c - what the filter of a process that reads traffic lets through, and what ends it.
 */
#include <fcntl.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "commands/guard_filter.h"
#include "tests/test.h"

#define NUMBER(x) ((long)(x))

struct call {
    const char *label;
    long number;
    long arguments[6];
};

static char *const nothing[] = {NULL};
static struct timespec at_once;
static struct sockaddr_in somewhere = {.sin_family = AF_INET};

/* How a process ends that makes this call under the filter: 0, or the signal. */
static int end_of(unsigned needs, const struct call *c)
{
    pid_t child = fork();
    if (child == 0) {
        const long *a = c->arguments;
        if (guard_filter(needs) != 0) {
            _exit(1);
        }
        (void)syscall(c->number, a[0], a[1], a[2], a[3], a[4], a[5]);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_false(WIFEXITED(status) && WEXITSTATUS(status) != 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void check(unsigned needs, const struct call *calls, size_t count, int wanted)
{
    for (size_t i = 0; i < count; i++) {
        int got = end_of(needs, &calls[i]);
        if (got != wanted) {
            print_error("%s: ended by %d, not %d\n", calls[i].label, got, wanted);
        }
        assert_int_equal(got, wanted);
    }
}

static const struct call connections[] = {
    {"a socket over IPv4", SYS_socket, {AF_INET, SOCK_STREAM, 0}},
    {"a socket over IPv6", SYS_socket, {AF_INET6, SOCK_STREAM, 0}},
    {"a connection", SYS_connect, {-1, 0, 0}},
};

static void others_end_it(void **state)
{
    const struct call calls[] = {
        {"another program", SYS_execve, {NUMBER("/bin/true"), NUMBER(nothing), NUMBER(nothing)}},
        {"another program, by descriptor", SYS_execveat, {-1, NUMBER(""), NUMBER(nothing), 0, 0}},
        {"looking into a process", SYS_ptrace, {PTRACE_TRACEME, 0, 0, 0}},
        {"reading a process", SYS_process_vm_readv, {1, 0, 0, 0, 0, 0}},
        {"writing a process", SYS_process_vm_writev, {1, 0, 0, 0, 0, 0}},
        {"a signal to another process", SYS_kill, {1, 0}},
        {"memory with code",
         SYS_mmap,
         {0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
        {"memory that becomes code", SYS_mprotect, {0, 4096, PROT_READ | PROT_EXEC}},
        {"a file in memory", SYS_memfd_create, {NUMBER("x"), 0}},
        {"a namespace", SYS_unshare, {CLONE_NEWUSER}},
        {"a process in a namespace", SYS_clone, {CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0}},
        {"another namespace", SYS_setns, {-1, 0}},
        {"a mount", SYS_mount, {NUMBER("none"), NUMBER("/tmp"), NUMBER("tmpfs"), 0, 0}},
        {"an end of a mount", SYS_umount2, {NUMBER("/nowhere"), 0}},
        {"another root", SYS_chroot, {NUMBER("/nowhere")}},
        {"another root, for good", SYS_pivot_root, {NUMBER("/nowhere"), NUMBER("/nowhere")}},
        {"a local socket", SYS_socket, {AF_UNIX, SOCK_STREAM, 0}},
        {"a pair of sockets", SYS_socketpair, {AF_UNIX, SOCK_STREAM, 0, 0}},
        {"a port that listens", SYS_listen, {-1, 1}},
        {"a datagram to anybody", SYS_sendto, {-1, 0, 0, 0, NUMBER(&somewhere), sizeof somewhere}},
        {"a message to anybody", SYS_sendmsg, {-1, 0, 0}},
        {"another user", SYS_setuid, {0}},
        {"another group", SYS_setgroups, {0, 0}},
        {"capabilities", SYS_capset, {0, 0}},
        {"rights of the process", SYS_prctl, {PR_SET_DUMPABLE, 1, 0, 0, 0}},
        {"a device", SYS_mknodat, {AT_FDCWD, NUMBER("/nowhere/x"), 0, 0}},
        {"a link", SYS_linkat, {AT_FDCWD, NUMBER("/nowhere/x"), AT_FDCWD, NUMBER("/nowhere/y"), 0}},
        {"a symbolic link", SYS_symlinkat, {NUMBER("/"), AT_FDCWD, NUMBER("/nowhere/y")}},
        {"a file by its handle", SYS_open_by_handle_at, {-1, 0, 0}},
        {"typing for the user", SYS_ioctl, {0, TIOCSTI, NUMBER("x")}},
        {"another kind of input and output", SYS_io_uring_setup, {1, 0}},
        {"a program in the kernel", SYS_bpf, {BPF_PROG_LOAD, 0, 0}},
        {"a module", SYS_init_module, {0, 0, 0}},
        {"another kernel", SYS_kexec_load, {0, 0, 0, 0}},
        {"counters of the processor", SYS_perf_event_open, {0, 0, -1, -1, 0}},
        {"faults of memory", SYS_userfaultfd, {0}},
        {"keys", SYS_keyctl, {0, 0, 0, 0, 0}},
        {"the clock", SYS_clock_settime, {CLOCK_REALTIME, 0}},
        {"the end of the machine", SYS_reboot, {0, 0, RB_DISABLE_CAD, 0}},
        {"the kernel's log", SYS_syslog, {3, 0, 0}},
    };
    (void)state;
#ifdef ROLECALL_SANITIZED
    skip(); /* there the filter only notes them */
#endif
    check(GUARD_ALWAYS, calls, COUNT_OF(calls), SIGSYS);
    check(GUARD_SYSLOG, calls, COUNT_OF(calls), SIGSYS);
    check(GUARD_ALWAYS, connections, COUNT_OF(connections), SIGSYS);
}

/* They fail, or not, as they would without a filter. */
static void listed_go_through(void **state)
{
    const struct call calls[] = {
        {"memory", SYS_mmap, {0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
        {"a file", SYS_openat, {AT_FDCWD, NUMBER("/dev/null"), O_RDONLY, 0}},
        {"an interface", SYS_socket, {AF_PACKET, SOCK_RAW, 0}},
        {"its settings", SYS_setsockopt, {-1, SOL_SOCKET, SO_RCVBUF, 0, 0}},
        {"waiting for packets", SYS_ppoll, {0, 0, NUMBER(&at_once), 0, 0}},
        {"to whom it is connected", SYS_sendto, {-1, 0, 0, 0, 0, 0}},
        {"old reports", SYS_unlinkat, {AT_FDCWD, NUMBER("/nowhere/x"), 0}},
        {"a folder", SYS_mkdirat, {AT_FDCWD, NUMBER("/nowhere/x"), 0}},
        {"how wide the terminal is", SYS_ioctl, {0, TIOCGWINSZ, 0}},
        {"a way that libraries try first", SYS_clone3, {0, 0}},
    };
    (void)state;
    check(GUARD_ALWAYS, calls, COUNT_OF(calls), 0);
    check(GUARD_SYSLOG, connections, COUNT_OF(connections), 0);
}

static void *thread_main(void *unused)
{
    return unused;
}

/* What a live audit does besides: threads, and a child that writes a report. */
static void threads_and_children_begin(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        pthread_t thread;
        int failed = guard_filter(GUARD_ALWAYS);
        failed += pthread_create(&thread, NULL, thread_main, NULL) != 0 ||
                  pthread_join(thread, NULL) != 0;
        pid_t writer = fork();
        if (writer == 0) {
            FILE *f = fopen("/dev/null", "we");
            _exit(f == NULL || fprintf(f, "report\n") < 0 || fclose(f) != 0);
        }
        int status = 1;
        failed += waitpid(writer, &status, 0) != writer || status != 0;
        _exit(failed);
    }
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(others_end_it),
        cmocka_unit_test(listed_go_through),
        cmocka_unit_test(threads_and_children_begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
