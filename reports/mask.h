/*
 * mask.h - a report for others: user names, host names, domains and addresses replaced, each always
 * by the same word: "user-3", "host-12", "domain-1", 198.18.0.7, 2001:db8::4.
 *
 * What is to be replaced is learned from the policy, from traffic and from the document itself;
 * whatever looks like an address, or like a host of a known domain, is replaced too. Names of
 * rules, roles, sites, zones and groups stay. Findings are numbered, since their ids follow from
 * names.
 *
 * Owner:  the mask; texts are copied. Limits: LIMIT_MASKED_NAMES, LIMIT_MASKED_OCTETS: past them
 * mask_document refuses, as a name that is not known would stay readable.
 */
#ifndef ROLECALL_REPORTS_MASK_H
#define ROLECALL_REPORTS_MASK_H

#include "dissect/observation.h"
#include "policy/policy.h"
#include "reports/document.h"

/* Bits of the records that names are learned from. */
#define MASK_RECORDS                                                                               \
    (1u << RECORD_HTTP | 1u << RECORD_SMB | 1u << RECORD_TLS | 1u << RECORD_LDAP |                 \
     1u << RECORD_SQL | 1u << RECORD_NTLM | 1u << RECORD_KERBEROS | 1u << RECORD_DNS |             \
     1u << RECORD_DHCP | 1u << RECORD_RDP)

/* MASKED_NAME: of a directory or a certificate, replaced as a whole. */
enum masked_kind { MASKED_HOST, MASKED_USER, MASKED_DOMAIN, MASKED_NAME, MASKED_FILE };
enum { MASKED_KINDS = MASKED_FILE + 1 };

struct mask;

struct mask *mask_new(const struct policy *p) MUST_USE; /* p: NULL when there is none */
void mask_policy(struct mask *m, const struct policy *p);
void mask_observe(struct mask *m, const struct observation *o);
/* "CORP\\user", "user@REALM", "cifs/host.domain", "host.domain:80" are taken apart. */
void mask_name(struct mask *m, enum masked_kind kind, const char *name);
/* 0; -E2BIG when there were more names than can be kept; -ENOMEM. The document is spoilt then. */
int mask_document(struct mask *m, struct document *d) MUST_USE;
/* What was learned, for a mask that replaces the same names by the same words later. Empty: more
 * names than can be kept. */
void mask_write(const struct mask *m, struct output *out);
int mask_read(struct mask *m, struct bytes names) MUST_USE; /* 0, -EINVAL, -E2BIG */
/* The text as the mask leaves it; the caller frees. NULL: out of memory. */
char *mask_text(struct mask *m, const char *text);
struct mask *mask_free(struct mask *m);

#endif
