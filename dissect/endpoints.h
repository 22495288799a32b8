/*
 * endpoints.h - names connections by what an endpoint mapper said of their port.
 *
 * The answer is in one flow and the connection is another, perhaps another worker's: so this sees
 * observations where they are merged, in the order of packets, and the number of workers makes no
 * difference.
 *
 * Owner:  the table; observations are changed where they lie.
 * Errors: without memory, or past LIMIT_ENDPOINTS, endpoints are forgotten: the oldest of their
 *         place goes.
 */
#ifndef ROLECALL_DISSECT_ENDPOINTS_H
#define ROLECALL_DISSECT_ENDPOINTS_H

#include "dissect/observation.h"

struct endpoints;

struct endpoints *endpoints_new(void) MUST_USE;
struct endpoints *endpoints_free(struct endpoints *e);
/* Remembers an endpoint that a DCERPC record states. A flow record of a connection to one is given
 * its interfaces, and the protocol where its content did not tell. */
void endpoints_see(struct endpoints *e, struct observation *o);

#endif
