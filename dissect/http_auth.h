/*
 * http_auth.h - authentication in HTTP header fields.
 *
 * States schemes and user names, never a password, a token or a response. The base64 token of NTLM,
 * Negotiate and Kerberos is handed back, for the SPNEGO dissector.
 *
 * Spec:   RFC 9110 11, RFC 7617 (Basic), RFC 7616 (Digest), RFC 4559 (Negotiate), [MS-NTHT] (NTLM).
 * Owner:  spans borrow from the field. `o` may be NULL: then nothing is stated.
 */
#ifndef ROLECALL_DISSECT_HTTP_AUTH_H
#define ROLECALL_DISSECT_HTTP_AUTH_H

#include "dissect/dissector.h"

/* Longest token that is decoded: as large as a head may be. */
#define HTTP_TOKEN_OCTETS (LIMIT_HTTP_HEAD / 4 * 3 + 3)

/* An Authorization or Proxy-Authorization field. Returns its security token, or nothing. */
struct bytes http_auth_credentials(struct observation *o, struct bytes field);

/* A WWW-Authenticate or Proxy-Authenticate field. Returns the first security token in it, or
 * nothing. */
struct bytes http_auth_challenge(struct observation *o, struct bytes field);

#endif
