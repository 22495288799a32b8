/*
 * http_messages.h - the parts of HTTP messages.
 *
 * Spec:   RFC 9110, 9112; RFC 1950, 1951 for the stored zlib stream.
 */
#ifndef ROLECALL_BENCH_HTTP_MESSAGES_H
#define ROLECALL_BENCH_HTTP_MESSAGES_H

#include <stddef.h>
#include <stdint.h>

struct octets;
struct random;

/* Request line and the headers every client here sends; the caller ends the head. */
void http_put_request(struct octets *o, const char *method, const char *uri, const char *host,
                      const char *agent);
/* Status line and common headers; `status` is "200 OK". The caller ends the head. */
void http_put_status(struct octets *o, const char *status, const char *content_type);
/* A small document of `elements` lines. */
void http_put_xml(struct octets *o, struct random *r, uint32_t elements);
/* `body` in chunks of a few hundred octets to some kilobytes, last chunk included. */
void http_put_chunks(struct octets *o, struct random *r, const struct octets *body);
/* n < 65536 octets as a zlib stream of one stored block. */
void http_put_stored_zlib(struct octets *o, const uint8_t *src, size_t n);

#endif
