/*
 * certificate.h - whose certificate a server shows, by the names in it.
 */
#ifndef ROLECALL_POLICY_CERTIFICATE_H
#define ROLECALL_POLICY_CERTIFICATE_H

#include "dissect/observation.h"

/* The server's certificate is for this name. */
bool certificate_holds(const struct observation *o, const char *name);

#endif
