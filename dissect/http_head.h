/*
 * http_head.h - the head of an HTTP/1 message: its first line and its header fields.
 *
 * Spec:   RFC 9112 2 to 6, RFC 9110 5. Read as leniently as servers do: LF alone ends a line,
 * folded lines are joined, any token is a method. Owner:  all spans borrow from the head.
 */
#ifndef ROLECALL_DISSECT_HTTP_HEAD_H
#define ROLECALL_DISSECT_HTTP_HEAD_H

#include "capture/attributes.h"
#include "dissect/dissector.h"

enum http_field {
    HTTP_FIELD_HOST,
    HTTP_FIELD_USER_AGENT,
    HTTP_FIELD_SERVER,
    HTTP_FIELD_LOCATION,
    HTTP_FIELD_UPGRADE,
    HTTP_FIELD_CONTENT_TYPE,
    HTTP_FIELD_CONTENT_LENGTH,
    HTTP_FIELD_TRANSFER_ENCODING,
    HTTP_FIELD_AUTHORIZATION,
    HTTP_FIELD_PROXY_AUTHORIZATION,
    HTTP_FIELD_WWW_AUTHENTICATE,
    HTTP_FIELD_PROXY_AUTHENTICATE,
    HTTP_FIELD_SOAP_ACTION,
    HTTP_FIELD_BITS_PACKET_TYPE,
    HTTP_FIELD_CCM_CLIENT_ID,
    HTTP_FIELD_CLIENT_TOKEN,
    HTTP_FIELD_COUNT
};

/* How long the body is: RFC 9112 6.3. */
enum http_body { HTTP_BODY_NONE, HTTP_BODY_LENGTH, HTTP_BODY_CHUNKED, HTTP_BODY_UNTIL_CLOSE };

#define HTTP_CHALLENGES 8 /* WWW-Authenticate fields of one reply; servers send one a scheme */

struct http_head {
    bool reply;
    struct bytes method, target;              /* of a request */
    unsigned status;                          /* of a reply */
    struct bytes version;                     /* "HTTP/1.1" */
    struct bytes fields[HTTP_FIELD_COUNT];    /* the first of each name; `at` NULL: absent */
    struct bytes challenges[HTTP_CHALLENGES]; /* every WWW- and Proxy-Authenticate */
    unsigned challenge_count;
    enum http_body body; /* as the fields say; what the method and status say is the caller's */
    uint64_t length;     /* with HTTP_BODY_LENGTH */
    bool ambiguous_length, bad_length, space_before_colon;
};

enum probe http_probe(struct bytes head);

/* Octets up to and with the empty line, or 0 when it is not there yet. `from` octets were searched
 * before. */
size_t http_head_size(struct bytes in, size_t from);

/* A whole head, or as much of one as its limit allowed. False: the first line is not HTTP/1. */
bool http_head_read(struct bytes in, bool reply, struct http_head *ret_head) MUST_USE;

bool http_equal(struct bytes text, const char *word); /* ASCII case does not matter */
struct bytes http_trim(struct bytes text);            /* without white space at both ends */

#endif
