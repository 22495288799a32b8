#include "commands/guard_filter.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define GUARD_NAMESPACES                                                                           \
    (CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUSER |  \
     CLONE_NEWUTS)

/* Sanitizers look into their own process with calls that nobody else needs: there, what is not
 * listed is only noted by the kernel. */
#ifdef ROLECALL_SANITIZED
#define OTHER_CALLS SCMP_ACT_LOG
#else
#define OTHER_CALLS SCMP_ACT_KILL_PROCESS
#endif

struct guard_call {
    int number; /* negative: this machine has no such call */
    const char *name;
    unsigned need;
    uint32_t action;
    bool compared;
    struct scmp_arg_cmp comparison;
};

#define CALL(called, wanted, why)                                                                  \
    {.number = SCMP_SYS(called), .name = #called, .need = (wanted), .action = SCMP_ACT_ALLOW},
#define CALL_IF(called, wanted, argument, how, value, value2, why)                                 \
    {.number = SCMP_SYS(called),                                                                   \
     .name = #called,                                                                              \
     .need = (wanted),                                                                             \
     .action = SCMP_ACT_ALLOW,                                                                     \
     .compared = true,                                                                             \
     .comparison = {(argument), SCMP_CMP_##how, (scmp_datum_t)(value), (scmp_datum_t)(value2)}},
#define REFUSE(called, error, why)                                                                 \
    {.number = SCMP_SYS(called),                                                                   \
     .name = #called,                                                                              \
     .need = GUARD_ALWAYS,                                                                         \
     .action = SCMP_ACT_ERRNO(error)},

static const struct guard_call calls[] = {
#include "commands/guard_calls.def"
};
#define CALLS (sizeof calls / sizeof *calls)

static int add(scmp_filter_ctx filter, const struct guard_call *c)
{
    int failed = c->compared
                     ? seccomp_rule_add_array(filter, c->action, c->number, 1, &c->comparison)
                     : seccomp_rule_add(filter, c->action, c->number, 0);
    return failed == -EDOM ? 0 : failed; /* not of this machine */
}

int guard_filter(unsigned needs)
{
    scmp_filter_ctx filter = seccomp_init(OTHER_CALLS);
    int failed = filter == NULL ? -ENOMEM : 0;
    for (size_t i = 0; i < CALLS && failed == 0; i++) {
        if ((calls[i].need & (needs | GUARD_ALWAYS)) != 0) {
            failed = add(filter, &calls[i]);
        }
    }
    /* One tree over the numbers instead of a list: some comparisons for each call, not a hundred.
     */
    if (failed == 0) {
        (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
        failed = seccomp_load(filter);
    }
    if (filter != NULL) {
        seccomp_release(filter);
    }
    return failed;
}
