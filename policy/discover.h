/*
 * discover.h - a hierarchy guessed from traffic alone: hosts, their likely roles, domains, sites.
 *
 * Every guess carries its evidence: what was seen, in which packet, how often, and how far it can
 * be trusted. What a server answers proves a role; what somebody asks for does not, since scanners
 * ask everybody for everything (spec/signatures.md, section 10).
 *
 * Owner:  everything belongs to the discovery; results are valid after discovery_finish. Limits:
 * LIMIT_DISCOVERED_HOSTS, LIMIT_DISCOVERED_OCTETS; what they cost is counted. Equal input gives
 * equal output.
 */
#ifndef ROLECALL_POLICY_DISCOVER_H
#define ROLECALL_POLICY_DISCOVER_H

#include "policy/identity.h"

enum score {
    SCORE_POSSIBLE, /* fits, and other things would fit as well */
    SCORE_LIKELY,   /* hardly anything else looks like it */
    SCORE_CERTAIN,  /* the host acted in the role before our eyes */
};
const char *score_name(enum score s);

struct evidence_seen {
    const char *why; /* printable ASCII, one line */
    struct stamp at;
};

struct discovered_role {
    enum role role;
    enum score score;
    struct evidence_seen seen; /* the first of the best */
    uint64_t times;            /* how often it was seen with that score or a lower one */
    bool by_share;             /* rests on the name of a share alone */
    struct discovered_role *next;
};

#define DISCOVERED_SQL_USERS 8

struct discovered_host {
    struct address address;
    const char *name;             /* NULL: none was learned */
    enum name_source name_source; /* where there is one */
    struct stamp name_at;         /* likewise */
    const char *domain;           /* NULL: not known */
    const char *site;             /* NULL: not known */
    struct evidence_seen site_seen;
    struct discovered_role *roles; /* in order of enum role */
    struct discovered_host *more;  /* the same host by its name, at another address */
    const struct discovered_host *site_share_user; /* who wrote to its share SMS_<site> */
    const struct discovered_host
        *sql_users[DISCOVERED_SQL_USERS]; /* whose SQL it answers; the first */
    unsigned sql_user_count;
    struct stamp sql_at;
    bool is_client, is_server, is_managed; /* managed: spoke as a Configuration Manager client */
    struct stamp client_at;
    bool listed; /* is among the hosts of the draft */
};

struct discovered_word { /* a domain or a site */
    const char *name;
    const char *netbios; /* of a domain; NULL: not known */
    struct evidence_seen seen;
};

struct discovery;

struct discovery *discovery_new(void) MUST_USE;
struct discovery *discovery_free(struct discovery *d);
void discovery_observe(struct discovery *d, const struct observation *o);
void discovery_finish(struct discovery *d);

/* All addresses, in order; those with a role are `listed`, and the first of each name carries all
 * roles of that name. */
struct discovered_host *const *discovery_hosts(const struct discovery *d, size_t *ret_count);
const struct discovered_word *discovery_domains(const struct discovery *d, size_t *ret_count);
const struct discovered_word *discovery_sites(const struct discovery *d, size_t *ret_count);
const struct identity *discovery_identity(const struct discovery *d);
uint64_t discovery_shed(const struct discovery *d);
/* The known domain that the name lies in, the longest one; NULL: none. */
const struct discovered_word *discovery_domain_of(const struct discovery *d, const char *name);
const struct discovered_role *discovered_role_of(const struct discovered_host *h, enum role role);

/* ---- between discover.c and discover_evidence.c ---- */

/* The host at that address, made at first; NULL for what is no host's address, or past a limit. */
struct discovered_host *discovery_host(struct discovery *d, const struct address *a);
void discovery_role(struct discovery *d, struct discovered_host *h, enum role role,
                    enum score score, const struct evidence_seen *seen);
/* For a host known by name only, such as the target of an SRV record. */
void discovery_named_role(struct discovery *d, const char *name, enum role role, enum score score,
                          const struct evidence_seen *seen);
void discovery_domain(struct discovery *d, const char *name, const char *netbios,
                      const struct evidence_seen *seen);
void discovery_site(struct discovery *d, struct discovered_host *h, const char *code,
                    const struct evidence_seen *seen);
/* The packet and the words; kept when they are first used. */
struct evidence_seen evidence_of(struct discovery *d, struct stamp at, const char *format, ...)
    PRINTF_LIKE(3, 4);
void discovery_evidence(struct discovery *d, const struct observation *o);

#endif
