/*
 * policy_check.h - what the files of the static checks share: remarks, and a few questions to the
 * policy.
 *
 * Owner: remarks are collected and told in the order of the file; the first LIMIT_POLICY_REMARKS
 * are kept.
 */
#ifndef ROLECALL_POLICY_POLICY_CHECK_H
#define ROLECALL_POLICY_POLICY_CHECK_H

#include "policy/policy.h"

struct remarks {
    const struct policy *policy;
    void (*say)(void *user, const struct policy_remark *r);
    void *user;
    struct policy_remark *list;       /* NULL: no memory, so they are told as they are found */
    const struct host **site_servers; /* of each site, in the policy's order; NULL: none declared */
    unsigned count, room, left_out;
};

void remark(struct remarks *r, struct place at, enum severity severity, const char *statement,
            const char *format, ...) PRINTF_LIKE(5, 6);

/* The host that runs the site; NULL when none is declared. */
const struct host *check_site_server(const struct remarks *r, const struct site *site);
/* True when the forest of the site server does not trust the host's: S84 and its neighbours are
 * about such hosts. */
bool check_is_untrusted(const struct policy *p, const struct host *server, const struct host *host);
bool check_has_accounts(const struct policy *p, const char *purpose);
const char *
check_forest_name(const struct host *host); /* "a workgroup" and "no declared forest" too */

/* The domain part of an account is declared, or is a host for a local account. */
bool check_domain_is_known(const struct policy *p, const char *account);

void check_sites(struct remarks *r);    /* the tree, trusts, site servers, databases, providers */
void check_hosts(struct remarks *r);    /* roles where they cannot be, across forests, in zones */
void check_roles(struct remarks *r);    /* options of roles: modes, internet, proxies, content */
void check_accounts(struct remarks *r); /* accounts, client groups, trusts, accepted risks */
void check_network(struct remarks *r);  /* how systems find each other, the perimeter, proxies */
void check_paths(struct remarks *r);    /* what the policy's own matrix denies and opens */
void check_options(struct remarks *r);  /* messages, approval, names, accounts of single hosts */

#endif
