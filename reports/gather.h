/*
 * gather.h - what a report shows besides the audit's answers: hosts with their posture, who speaks
 * to whom, and traffic over time; gathered from observations, only where a report asks for it.
 *
 * Declared hosts are known from the start, with all their addresses; others are met by address.
 * A host's posture is what it shows as a server, unless a name says otherwise.
 *
 * Owner:  the gathering; the policy is borrowed. Equal input gives equal content and order.
 * Limits: LIMIT_GATHERED_...; what they cost is in gathering_counts. The first met are kept.
 */
#ifndef ROLECALL_REPORTS_GATHER_H
#define ROLECALL_REPORTS_GATHER_H

#include "capture/limits.h"
#include "policy/audit.h"

/* Bits of the records that are looked at. */
#define GATHERING_RECORDS                                                                          \
    (1u << RECORD_FLOW | 1u << RECORD_SMB | 1u << RECORD_TLS | 1u << RECORD_LDAP |                 \
     1u << RECORD_SQL | 1u << RECORD_NTLM | 1u << RECORD_KERBEROS)

struct tally_row {
    const char *name;
    uint64_t count;
};

struct tally { /* names and how often, in the order they were met */
    struct tally_row *rows;
    unsigned count, room;
};

struct gathered_certificate {
    const char *subject, *issuer, *key; /* NULL: not seen */
    int64_t not_after;                  /* ns; INT64_MIN: not seen */
    uint8_t sha256[32];
    bool self_signed;
};

enum { LDAP_PLAIN, LDAP_SIGNED, LDAP_SEALED, LDAP_TLS, LDAP_PROTECTIONS };

struct posture {
    struct tally smb_dialects, smb_signing, tls_versions, tls_ciphers, sql_encryption, sql_logins,
        ntlm_variants, kerberos_etypes; /* the last two in either role */
    uint64_t smb_sessions, smb_encrypted;
    uint64_t ldap[LDAP_PROTECTIONS], ldap_simple_binds;
    uint64_t ntlm[2], kerberos[2]; /* by enum dir: as client, as server */
    uint64_t http_clear, http_tls;
    struct gathered_certificate *certificates;
    unsigned certificate_count;
};

struct gathered_host {
    const struct host *declared; /* NULL: not declared */
    struct address address;      /* the first one seen; of a declared host, else its first */
    int64_t first_ns, last_ns;
    uint64_t flows; /* 0: declared, but never seen */
    uint64_t sent, received;
    uint64_t findings; /* in which it is an end, without those that the policy accepts */
    enum severity worst;
    struct posture posture;
};

struct gathered_conversation {
    const struct host *client_host; /* NULL, and no group: an address */
    const struct client_group *client_group;
    struct address client, server; /* the client's: the first of its kind */
    const struct host *server_host;
    char protocol[32];
    uint8_t transport; /* IANA number */
    uint16_t port;
    uint64_t flows, bytes, unanswered;
    int64_t first_ns, last_ns;
};

struct traffic_count {
    uint64_t flows, bytes;
};

struct traffic {   /* equal buckets, each a round number of seconds */
    int64_t first; /* the first bucket's number: its start divided by `seconds` */
    int64_t seconds;
    unsigned buckets; /* 0: no flow was seen */
    const char *protocols[LIMIT_TRAFFIC_PROTOCOLS];
    unsigned protocol_count;
    struct traffic_count counts[LIMIT_TRAFFIC_PROTOCOLS][LIMIT_TRAFFIC_BUCKETS];
};

struct gathering_counts {
    uint64_t hosts_shed;         /* ends of flows whose host was not kept */
    uint64_t conversations_shed; /* flows in no conversation that was kept */
    uint64_t details_shed;       /* names and certificates not kept */
};

struct gathering;

struct gathering *gathering_new(const struct policy *p) MUST_USE; /* NULL: out of memory */
void gathering_observe(struct gathering *g, const struct observation *o);
/* While it is gathered: the hosts so far, declared ones first, then as they were met. */
const struct gathered_host *const *gathering_met(const struct gathering *g, size_t *ret_count);
/* Counts the finding with its ends; first, none is counted. */
void gathering_forget_findings(struct gathering *g);
void gathering_finding(struct gathering *g, const struct finding *f);
/* Of a finished audit. Sorted: declared hosts as declared, then by address; conversations by
 * client, server, port. */
void gathering_finish(struct gathering *g, const struct audit *a);
const struct gathered_host *const *gathering_hosts(const struct gathering *g, size_t *ret_count);
const struct gathered_conversation *const *gathering_conversations(const struct gathering *g,
                                                                   size_t *ret_count);
const struct traffic *gathering_traffic(const struct gathering *g);
const struct gathering_counts *gathering_counts(const struct gathering *g);
struct gathering *gathering_free(struct gathering *g);

#endif
