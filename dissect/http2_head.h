/*
 * http2_head.h - the fields of an HTTP/2 request or reply, stated as http.c states those of HTTP/1.
 *
 * Spec:   RFC 9113 8.3 (pseudo-header fields), RFC 9110. Field names are lower case on the wire.
 */
#ifndef ROLECALL_DISSECT_HTTP2_HEAD_H
#define ROLECALL_DISSECT_HTTP2_HEAD_H

#include "dissect/dissector.h"

#define HTTP2_CONTENT_TYPE_MOST 80

/* A head that is being read. */
struct http2_head {
    struct dissection *dx;
    struct observation *o; /* NULL: its fields only have to be decompressed */
    bool reply;
    unsigned status; /* of a reply, 0 until it was read */
    bool connect;    /* a request for a tunnel */
    uint8_t type_len;
    char type[HTTP2_CONTENT_TYPE_MOST]; /* Content-Type */
    unsigned fields;                    /* read so far, */
    size_t octets;                      /* and how long they were */
    bool too_long;                      /* a limit bit: the rest is not stated */
};

/* One field, as hpack_read() tells them; `head` is a struct http2_head. */
void http2_head_field(void *head, struct bytes name, struct bytes value);

#endif
