/*
 * spnego.h - security tokens as SMB, HTTP and LDAP carry them.
 *
 * Spec:   RFC 4178, [MS-SPNG]; RFC 4121 4.1 (Kerberos tokens); [MS-NLMP] 2.2.1.
 * Owner:  struct ntlm_talk borrows its names.
 */
#ifndef ROLECALL_BENCH_SPNEGO_H
#define ROLECALL_BENCH_SPNEGO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct octets;
struct random;

/* One NTLMv2 authentication. */
struct ntlm_talk {
    struct random *random;
    const char *user, *workstation; /* the domain is NETBIOS_DOMAIN */
    const char *server_short, *server_fqdn;
    const char *target_spn; /* "cifs/dp01.corp.example" */
    uint8_t challenge[8];
    bool unprotected; /* the client declines signing */
};

/* Bare NTLMSSP messages. */
void ntlm_negotiate(struct octets *o);
void ntlm_challenge(struct octets *o, const struct ntlm_talk *talk);
void ntlm_authenticate(struct octets *o, const struct ntlm_talk *talk);

/* The same in SPNEGO; _accept ends either mechanism's exchange. */
void spnego_ntlm_negotiate(struct octets *o);
void spnego_ntlm_challenge(struct octets *o, const struct ntlm_talk *talk);
void spnego_ntlm_authenticate(struct octets *o, const struct ntlm_talk *talk);
void spnego_ntlm_accept(struct octets *o, struct random *r);

/* `service` is the ticket's, "cifs/dp01.corp.example". */
void spnego_kerberos_request(struct octets *o, struct random *r, const char *service);
void spnego_kerberos_accept(struct octets *o, struct random *r);

/* n octets sealed under an established Kerberos context (RFC 4121 4.2.4), as Windows rotates them.
 */
void kerberos_sealed(struct octets *o, struct random *r, bool from_server, size_t n);

/* What a server offers in its SMB2 NEGOTIATE response (NegTokenInit2). */
void spnego_server_hint(struct octets *o);

#endif
