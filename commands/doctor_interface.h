/*
 * doctor_interface.h - what `rolecall doctor` says, and what it says of an interface.
 */
#ifndef ROLECALL_COMMANDS_DOCTOR_INTERFACE_H
#define ROLECALL_COMMANDS_DOCTOR_INTERFACE_H

#include "reports/text.h"

enum health { HEALTH_OK, HEALTH_WARN, HEALTH_BAD };

struct doctor {
    struct output *out;
    struct text_style style;
    bool jsonl;
    const char *interface; /* that is looked at; NULL: the machine */
    unsigned bad;
};

/* `mend` is said of what is not well; NULL where it always is. */
void doctor_say(struct doctor *d, enum health state, const char *check, const char *mend,
                const char *format, ...) PRINTF_LIKE(5, 6);
void doctor_interface(struct doctor *d);

#endif
