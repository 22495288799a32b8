/*
 * identity.h - what the capture itself calls its hosts: names learned from traffic, by address.
 *
 * Anybody on the wire can claim a name, so a learned name is shown as such, decides nothing and
 * never stands in for a declaration; where it contradicts one, identity_conflict tells so.
 *
 * Spec:   RFC 1035 (addresses of names), RFC 1002 (NetBIOS), RFC 2132 3.14 and RFC 4702 (DHCP),
 * [MS-NLMP] 2.2.2.1, RFC 4120 6.2, RFC 5280 4.2.1.6. Owner:  entries and names belong to the
 * identity and live as long. Limits: LIMIT_LEARNED_ADDRESSES, LIMIT_LEARNED_NAMES; what they cost
 * is counted.
 */
#ifndef ROLECALL_POLICY_IDENTITY_H
#define ROLECALL_POLICY_IDENTITY_H

#include "dissect/observation.h"
#include "policy/policy.h"

/* In falling order of trust: what the host proves or states of itself, then what others say. */
enum name_source {
    NAMED_BY_KERBEROS, /* it holds the service's or the machine's key */
    NAMED_BY_NTLM,
    NAMED_BY_CERTIFICATE,
    NAMED_BY_DNS,
    NAMED_BY_DHCP,
    NAMED_BY_NETBIOS,
};

/* Sets of sources, a bit each. A relay passes on what its victim says by NTLM and Kerberos, which
 * then names the relay's address. */
#define NAMED_BY_ANY (~0u)
#define NAMED_BY_NO_RELAY (~(1u << NAMED_BY_KERBEROS | 1u << NAMED_BY_NTLM))

struct learned_name {
    const char *name; /* lower case, letters, digits, '-', '_' and '.' only */
    enum name_source source;
    struct stamp at; /* where it was first seen */
    const struct learned_name *next;
};

struct identity_entry {
    struct address address;
    const struct learned_name *names; /* the best first: whole names, then by source, then by age */
    unsigned count;
};

/* Bits of the records that names are learned from. */
#define IDENTITY_RECORDS                                                                           \
    (1u << RECORD_DNS | 1u << RECORD_DHCP | 1u << RECORD_NTLM | 1u << RECORD_KERBEROS |            \
     1u << RECORD_TLS)

struct identity;

struct identity *identity_new(void) MUST_USE;
struct identity *identity_free(struct identity *i);
void identity_observe(struct identity *i, const struct observation *o);
/* Names kept so far, and those that a limit kept out. */
uint64_t identity_learned(const struct identity *i);
uint64_t identity_shed(const struct identity *i);

/* The best name first; NULL: none was seen. */
const struct learned_name *identity_names(const struct identity *i, const struct address *a);
/* Every entry, in order of addresses. */
void identity_walk(const struct identity *i,
                   void (*visit)(void *user, const struct identity_entry *entry), void *user);
const char *name_source_text(enum name_source source); /* "DNS", "a certificate", ... */

struct identity_conflict {
    const struct learned_name *name;
    const struct host *declared; /* at that address; NULL: nobody */
    const struct host *named;    /* the host that is declared by that name, at other addresses */
};
/* True when a whole name learned for the address, by one of these sources, is that of a host which
 * is declared elsewhere. */
bool identity_conflict(const struct identity *i, const struct policy *p, const struct address *a,
                       unsigned sources, struct identity_conflict *ret);

#endif
