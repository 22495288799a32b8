/*
 * policy.h - the declared hierarchy: what exists, who trusts whom, what is allowed.
 *
 * Read from one YAML file (spec/policy.md is the contract of its names). Everything is checked when
 * it is read: what is misspelt, contradictory or unresolvable is refused with file:line:column,
 * what was expected, and the nearest valid name; all faults are listed, not only the first.
 *
 * Owner:  policy_free frees everything reached from the policy; it is constant after loading, so
 * all threads may read it. Units:  prefix lengths in bits of the 128-bit form (IPv4 /8 is /104);
 * dates in ns since the Unix epoch, UTC.
 */
#ifndef ROLECALL_POLICY_POLICY_H
#define ROLECALL_POLICY_POLICY_H

#include <stdio.h>

#include "capture/address.h"
#include "capture/attributes.h"

enum role {
#define ROLE(id, name, doc) ROLE_##id,
#include "policy/roles.def"
#undef ROLE
    ROLE_COUNT
};
typedef uint64_t role_set; /* bit per enum role; the one typedef: a set is not a number */
#define ROLE_BIT(role) (UINT64_C(1) << (role))

const char *role_name(enum role role);
enum role role_find(const char *name); /* ROLE_COUNT when unknown */
/* Roles that make a host a site system, for rules about "a site system". */
role_set role_site_systems(void);
/* Declared hosts whose SMB, and whose TLS, the rules judge: site systems and what they lean on. */
role_set role_smb_servers(void);
role_set role_tls_servers(void);

/* What became of a role that the product no longer has, or is to lose ("was removed in version
 * 1910"); NULL: it is there to stay. And all of these. */
const char *role_retired(enum role role);
role_set role_retired_ones(void);

enum profile { PROFILE_ARTICLE, PROFILE_CURRENT, PROFILE_STRICT };
enum site_type { SITE_CENTRAL_ADMINISTRATION, SITE_PRIMARY, SITE_SECONDARY };
/* How clients are to talk to a role; `client-communication:` of a site, `clients:` of a role. */
enum client_mode {
    CLIENTS_UNDECLARED,
    CLIENTS_HTTPS,
    CLIENTS_HTTPS_OR_HTTP,
    CLIENTS_HTTP,
    CLIENTS_ENHANCED_HTTP
};
/* How a site comes to trust a client's self-made certificate; `approval:` of a site. */
enum approval { APPROVAL_UNDECLARED, APPROVAL_MANUAL, APPROVAL_AUTOMATIC, APPROVAL_ALL };
enum trust_type { TRUST_FOREST, TRUST_EXTERNAL, TRUST_REALM };
enum severity {
    SEVERITY_OFF,
    SEVERITY_INFO,
    SEVERITY_LOW,
    SEVERITY_MEDIUM,
    SEVERITY_HIGH,
    SEVERITY_CRITICAL
};

const char *severity_name(enum severity s);
bool severity_parse(const char *name, enum severity *ret);

struct place { /* in the policy file, for messages and for findings that rest on a declaration */
    unsigned line, column;
};

struct prefix {
    struct address address;
    uint8_t bits;
};

struct forest {
    const char *name;
    const char **domains; /* DNS names; Kerberos realms are these in upper case */
    const char **netbios;
    unsigned domain_count, netbios_count;
    bool published;
    struct place place;
};

struct trust {
    const struct forest *trusting, *trusted; /* one-way: first trusts second */
    bool two_way;
    enum trust_type type;
    struct place place;
};

struct zone {
    const char *name; /* "internet" is what no zone holds */
    const struct prefix *prefixes;
    unsigned count;
    struct place place; /* line 0: not declared, as "internet" usually is */
};

struct site {
    const char *code;
    enum site_type type;
    const struct site *parent; /* NULL at the top */
    enum client_mode clients;
    /* 1 yes, 0 no, -1 not declared: what clients' messages must be, and whether they are pushed. */
    int signing, encryption, client_push;
    enum approval approval;
    int maintenance_from, maintenance_to; /* minutes after midnight; -1: not declared */
    struct place place;
};

struct role_instance { /* one role on one host, with its options */
    enum role role;
    enum client_mode clients;   /* of the role; CLIENTS_UNDECLARED: the site's */
    const uint16_t *http_ports; /* declared alternate ports; counts 0: the defaults */
    const uint16_t *https_ports;
    const uint16_t *ports; /* other roles: SQL instance, ... */
    unsigned http_port_count, https_port_count, port_count;
    const struct zone **serves; /* NULL: not declared */
    unsigned serve_count;
    bool serves_internet;
    int anonymous; /* 1 yes, 0 no, -1 not declared */
    bool prestaged;
    uint32_t bandwidth_mbit;      /* 0: no limit declared */
    int between_from, between_to; /* minutes after midnight; -1: not declared */
    const char *proxy_mode;       /* bridging or tunneling; NULL: not declared */
    const char **publishes;
    unsigned publish_count;
    const char **certificate_names; /* of a web proxy, on its outer side */
    unsigned certificate_name_count;
    bool read_only;                 /* domain controller */
    bool package_share;             /* packages run from the distribution point's share, by SMB */
    bool urgent_at_any_time;        /* the bandwidth's schedule does not bind urgent content */
    int user_policy;                /* for internet clients: 1 yes, 0 no, -1 not declared */
    const char *connection_account; /* to the site database; NULL: the computer account */
    struct place place;
};

struct host {
    const char *name;       /* as declared, an FQDN */
    const char *short_name; /* up to the first dot */
    const char **aliases;
    unsigned alias_count;
    const struct address *addresses;
    unsigned address_count;
    const struct forest *forest; /* NULL: not declared, or workgroup */
    bool workgroup;
    const struct site *site; /* NULL: none */
    bool site_server_initiates;
    const char *installation_account; /* of this host alone; NULL: those of `accounts:` */
    const char **service_names;       /* SPNs besides those that follow from its names */
    unsigned service_name_count;
    const struct role_instance *roles;
    unsigned role_count;
    role_set role_bits;
    struct place place;
};

struct client_group { /* `clients:`, and `administrators:` under its own name */
    const char *name;
    const struct prefix *prefixes;
    unsigned count;
    const struct forest *forest;
    bool workgroup;
    bool administrators;            /* consoles, DBAs, jump hosts, scanners */
    int microsoft_update;           /* may fetch from there: 1 yes, 0 no, -1 not declared */
    const struct forest **fallback; /* other forests whose site systems it may use */
    unsigned fallback_count;
    struct place place;
};

/* The account lists of `accounts:`; names as declared, "DOMAIN\\user" or "user@domain". */
struct account_list {
    const char *purpose; /* "site-system-installation", ... */
    const char **accounts;
    unsigned count;
    struct place place;
};

/* What `from`, `to`, `server.role`, `accept` select: a role, a host, a group, a zone, a prefix, ...
 */
enum selector_kind {
    SELECT_ANY,
    SELECT_NAME,
    SELECT_ROLE,
    SELECT_HOST,
    SELECT_GROUP,
    SELECT_CLIENTS,
    SELECT_ADMINISTRATORS,
    SELECT_ZONE,
    SELECT_PREFIX
};
struct selector {
    enum selector_kind kind;
    union {
        enum role role;
        const struct host *host;
        const struct client_group *group;
        const struct zone *zone;
        struct prefix prefix;
        const char *name; /* SELECT_NAME: a full host name that is not declared; it selects nobody
                             until it is */
    } is;
};

/* `sensor:`; where the capture was taken. What it does not see cannot be missed. */
struct sensor {
    const struct zone *zone; /* NULL: not declared */
    const struct site *site;
    const struct zone **sees; /* left out: the zone where it stands */
    unsigned see_count;
    struct place place; /* line 0: not declared */
};

/* `links:`; what counts as a fast and well-connected network. 0: not declared. */
struct link_limits {
    uint32_t max_rtt_ms, max_loss_percent, prestaged_max_mb;
};

/* `ntlm:`; who may still use it. */
struct ntlm_exceptions {
    const char **accounts;
    const struct selector *servers;
    unsigned account_count, server_count;
};

struct matrix_exception { /* `matrix:`; first match wins, before the built-in matrix */
    bool allow;
    struct selector from, to;
    const char **over; /* protocol names; count 0: any */
    unsigned over_count;
    const char *reason;
    struct place place;
};

struct rule_tuning { /* `rules:` */
    unsigned rule;   /* index given by the rule name check, see policy_names; from rule_count up: a
                        watch rule */
    bool off;
    enum severity severity; /* SEVERITY_OFF: not changed */
};

enum watch_presence { WATCH_BY_VALUE, WATCH_PRESENT, WATCH_ABSENT };
enum watch_by { WATCH_BY_PAIR, WATCH_BY_CLIENT, WATCH_BY_SERVER };
struct watch_condition {              /* one key of `when:` */
    const char *key;                  /* a fact's name, or client.role, server.zone, ... */
    const char **values;              /* any of them */
    const struct selector *selectors; /* of client.role and server.role: one per value; else NULL */
    unsigned value_count;             /* 0: asked is only whether it is there */
    bool negated;
    enum watch_presence presence;
};
struct watch_rule {
    const char *name, *says;
    enum severity severity;
    const struct watch_condition *conditions;
    unsigned condition_count;
    unsigned count;    /* matches that make a finding; 0: each one */
    int64_t within_ns; /* the time in which they happen */
    enum watch_by by;  /* whose matches are counted together */
    struct place place;
};

struct acceptance {                  /* `accept:` */
    unsigned rule;                   /* as in struct rule_tuning */
    const char *rule_name;           /* as written */
    struct selector client, server;  /* SELECT_ANY where not given */
    int64_t until_ns;                /* end of that day; INT64_MAX: not given */
    const char *until, *reason, *by; /* NULL: not given */
    struct place place;
};

struct matrix_table;

struct policy {
    const char *path;
    uint8_t sha256[32]; /* of the file as read */
    enum profile profile;
    const struct matrix_table *matrix_table; /* matrix_rows.h; the rows of that profile */
    const char *matrix_path;                 /* NULL: the built-in matrix */
    uint8_t matrix_sha256[32];
    const struct forest *forests;
    const struct trust *trusts;
    const struct zone *zones;
    const struct site *sites;
    const struct host *hosts;
    const struct client_group *groups;
    const struct account_list *accounts;
    const struct matrix_exception *matrix;
    const struct rule_tuning *tunings;
    const struct watch_rule *watches;
    const struct acceptance *acceptances;
    unsigned forest_count, trust_count, zone_count, site_count, host_count, group_count,
        account_count, matrix_count, tuning_count, watch_count, acceptance_count;
    uint16_t tls_minimum;         /* 0x0303: TLS 1.2 */
    const char **tls_authorities; /* subjects of their certificates */
    unsigned tls_authority_count;
    const char **tls_authority_files; /* where they were read, and are again on SIGHUP */
    unsigned tls_authority_file_count;
    const char **tls_issuers; /* names of authorities whose certificates are expected */
    unsigned tls_issuer_count;
    bool pki; /* clients must show certificates */
    struct sensor sensor;
    struct link_limits links;
    struct ntlm_exceptions ntlm;
    const char **cloud_names; /* of storage and services; "*." stands for any first labels */
    unsigned cloud_name_count;
    const struct prefix *translators; /* NAT: behind such an address stand many hosts */
    unsigned translator_count;
    unsigned read_only_controllers;
    const struct prefix *boot_networks; /* where machines may boot by PXE; count 0: not declared */
    unsigned boot_network_count;
    struct policy_index *index; /* addresses and names; used by the look-ups below */
};

/* What the loader must know of others to check names: it is given, since rules stand above the
 * model. */
struct policy_names {
    unsigned rule_count;
    const char *(*rule_name)(
        unsigned rule); /* kebab name; rule codes ("R010") are accepted as well */
    const char *(*rule_code)(unsigned rule);
};

/* 0 and a policy; -EINVAL after writing one line per fault to `errors` (at most 50, then how many
 * more); another negative errno with one line when the file cannot be read. "-" is standard input.
 * `matrix` is the file with the matrix's rows, faults of which are written as well; NULL: the
 * built-in one. */
int policy_load(const char *path, const char *matrix, const struct policy_names *names,
                FILE *errors, struct policy **ret) MUST_USE;
struct policy *policy_free(struct policy *p);

/* ---- look-ups ---- */

const struct host *policy_host(const struct policy *p,
                               const struct address *a); /* NULL: no declared host */
const struct host *
policy_host_named(const struct policy *p,
                  const char *name); /* FQDN, alias, short or NetBIOS name; case ignored */
const struct zone *
policy_zone(const struct policy *p,
            const struct address *a); /* longest prefix; the internet zone otherwise */
const struct client_group *policy_group(const struct policy *p,
                                        const struct address *a); /* longest prefix; NULL: none */
const struct forest *
policy_forest_of_domain(const struct policy *p,
                        const char *domain); /* DNS, realm or NetBIOS; case ignored */
/* True when a watch rule that is not off asks for this fact. */
bool policy_watches(const struct policy *p, const char *fact);
const struct account_list *policy_accounts(const struct policy *p, const char *purpose);

/* True when a Kerberos-capable trust lets accounts of `account` log on at resources of `resource`
 * (same forest; forest trust in that direction; realm trust). External trusts do not carry Kerberos
 * across forests. */
bool policy_kerberos_trust(const struct policy *p, const struct forest *resource,
                           const struct forest *account);
/* True when any trust, external included, lets `resource` accept `account`. */
bool policy_trusts(const struct policy *p, const struct forest *resource,
                   const struct forest *account);

const struct role_instance *host_role(const struct host *h,
                                      enum role role); /* NULL: does not hold it */
/* The client mode in force for a role of a host: the role's own, else its site's. */
enum client_mode role_client_mode(const struct host *h, const struct role_instance *r);
bool selector_matches(const struct policy *p, const struct selector *s, const struct address *a);
/* A name of cloud storage or services (`cloud:`). */
bool policy_is_cloud_name(const struct policy *p, const char *name);
/* The time lies in the site's maintenance; false where none is declared. */
bool policy_is_maintenance(const struct site *site, int64_t ns);
/* The address may stand for many hosts (`address-translation:`). */
bool policy_translates(const struct policy *p, const struct address *a);
bool policy_boots(const struct policy *p, const struct address *a); /* lies in `pxe:` */
bool prefix_holds(const struct prefix *prefix, const struct address *a);

/* ---- checks that need no traffic ---- */

struct policy_remark {
    struct place place;
    enum severity severity;
    const char *statement; /* "S63" or NULL */
    char text[512];
};
/* Calls `say` for each, in file order. */
void policy_check(const struct policy *p, void (*say)(void *user, const struct policy_remark *r),
                  void *user);

#endif
