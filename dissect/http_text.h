/*
 * http_text.h - texts of HTTP as they are stated: folded fields in one line, targets without
 * passwords.
 *
 * Spec:   RFC 9112 5.2, RFC 3986 3.
 */
#ifndef ROLECALL_DISSECT_HTTP_TEXT_H
#define ROLECALL_DISSECT_HTTP_TEXT_H

#include "dissect/observation.h"

/* A folded field is one line: RFC 9112 5.2. */
void http_state(struct observation *o, enum fact_id id, struct bytes text);

/* As sent, but for a password in it: RFC 3986 3.2.1. */
void http_state_uri(struct observation *o, enum fact_id id, struct bytes uri);

/* Octets before "//", when the text is an absolute URI: RFC 3986 3; else 0. */
size_t http_authority_offset(struct bytes uri);

/* The place of the first `c`, or the length when there is none. */
size_t http_find(struct bytes text, char c);

#endif
