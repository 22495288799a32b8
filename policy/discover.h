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

/* What one host does at another that tells of both, together with what else they do. */
enum use {
    USE_SQL,
    USE_WEB,        /* TLS on port 443 */
    USE_SITE_SHARE, /* opens the share SMS_<site> */
    USE_SITE_WRITE, /* writes into it */
    USE_WMI,
    USE_RELAY, /* TLS on the ports of a cloud management gateway's connection point */
    USE_SMB,   /* file data */
    USE_COUNT
};

struct discovered_users {
    struct discovered_host *all[LIMIT_DISCOVERED_USERS]; /* the first */
    unsigned count;
    bool more;       /* than are kept */
    struct stamp at; /* of the last that is kept */
};

/* One TLS conversation of a host: as a server, or as a client. */
struct discovered_leg {
    uint64_t name; /* hash of what the server's certificate gives, else of what was asked for; 0:
                      none */
    struct discovered_host *peer;
    uint8_t random[8]; /* of the client's; its beginning */
    struct stamp at;   /* of the ClientHello; order 0: none */
};

struct discovered_host {
    struct address address;
    const char *name;             /* NULL: none was learned */
    enum name_source name_source; /* where there is one */
    struct stamp name_at;         /* likewise */
    const char *domain;           /* NULL: not known */
    const char *site;             /* NULL: not known */
    struct evidence_seen site_seen;
    struct discovered_role *roles;             /* in order of enum role */
    struct discovered_host *more;              /* the same host by its name, at another address */
    struct discovered_users *users[USE_COUNT]; /* NULL: none */
    struct discovered_leg outer, inner;        /* the last as a server, as a client */
    struct stamp asks_at; /* asks HTTPS clients for certificates; order 0: was not seen */
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
/* A role of a host known by name only, such as the target of an SRV record. */
struct named_role {
    const char *name;
    const char *site; /* its code; NULL: not said */
    enum role role;
    enum score score;
    struct evidence_seen seen;
};
void discovery_named_role(struct discovery *d, const struct named_role *r);
void discovery_domain(struct discovery *d, const char *name, const char *netbios,
                      const struct evidence_seen *seen);
void discovery_site(struct discovery *d, struct discovered_host *h, const char *code,
                    const struct evidence_seen *seen);
/* The packet and the words; kept when they are first used. */
struct evidence_seen evidence_of(struct discovery *d, struct stamp at, const char *format, ...)
    PRINTF_LIKE(3, 4);
void discovery_use(struct discovery *d, struct discovered_host *server, enum use use,
                   struct discovered_host *client, struct stamp at);
bool discovered_uses(const struct discovered_host *server, enum use use,
                     const struct discovered_host *client);
/* The text with the discovery's life; NULL past a limit. */
const char *discovery_keep(struct discovery *d, const char *text);
void discovery_evidence(struct discovery *d, const struct observation *o);

/* ---- discover_settle.c ---- */

/* What several hosts show together, once all is seen; before names are joined. */
void discovery_settle(struct discovery *d);

#endif
