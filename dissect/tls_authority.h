/*
 * tls_authority.h - whose certificates a PEM file holds.
 *
 * Spec:   RFC 7468 (PEM), RFC 5280. Subjects as tls_cert.h writes them.
 * Limits: LIMIT_AUTHORITY_FILE, LIMIT_AUTHORITIES.
 */
#ifndef ROLECALL_DISSECT_TLS_AUTHORITY_H
#define ROLECALL_DISSECT_TLS_AUTHORITY_H

/* Calls `each` with the subject of every certificate; how many there are. 0: none, or no regular
 * file that can be read. */
unsigned authority_subjects(const char *path, void (*each)(void *user, const char *subject),
                            void *user);

#endif
