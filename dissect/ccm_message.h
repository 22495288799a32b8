/*
 * ccm_message.h - the message that a Configuration Manager client posts to a management point.
 *
 * A CCM_POST's body has two parts: a header in XML (UTF-16 or UTF-8), which names sender, endpoint
 * and hooks, and the body proper, most often compressed by zlib. Of the body is told only whether
 * anybody on the way can read it, what it is, and which computer and client version it names.
 *
 * Spec:   none is published: the elements are those that clients of several makers send. RFC 2046
 * 5.1 (multipart), RFC 1950 (zlib), XML 1.0.
 * Units:  octets. Errors: what is not such a message states nothing.
 */
#ifndef ROLECALL_DISSECT_CCM_MESSAGE_H
#define ROLECALL_DISSECT_CCM_MESSAGE_H

#include "dissect/observation.h"

/* RFC 2046 5.1.1 */
#define CCM_BOUNDARY_MOST 70

/* The boundary of a Content-Type field; empty when its value is not multipart/mixed. */
struct bytes ccm_boundary(struct bytes content_type);

/* States a message, or as much of one as LIMIT_CCM_MESSAGE lets through. */
void ccm_message_state(struct observation *o, struct bytes boundary, struct bytes message);

#endif
