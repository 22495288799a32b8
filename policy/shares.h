/*
 * shares.h - what a share holds, told by its name; and which host a rule about SMB data judges.
 *
 * The product's shares have fixed names; package sources and backups are named by people, and most
 * of them name them so.
 */
#ifndef ROLECALL_POLICY_SHARES_H
#define ROLECALL_POLICY_SHARES_H

#include "policy/ledger.h"

enum share_kind {
    SHARE_OTHER,
    SHARE_PIPES,          /* IPC$ */
    SHARE_ADMINISTRATIVE, /* ADMIN$ and the drives */
    SHARE_INTERSITE,      /* SMS_SITE */
    SHARE_SITE,           /* SMS_P01 */
    SHARE_PACKAGES,
    SHARE_LIBRARY,
    SHARE_SETUP,
    SHARE_UPDATES,
    SHARE_SOURCE,
    SHARE_BACKUP,
    SHARE_USER_STATE,
};

enum share_kind share_kind_of(const char *share);
const char *share_kind_text(enum share_kind kind); /* "packages"; NULL: nothing known */
/* The server, or where that is nobody's the site system that uses it. No host: neither. */
struct subject share_subject(const struct scene *scene);

#endif
