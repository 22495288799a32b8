/*
 * topology.h - what the rules of chapter A ask of a flow between two ends.
 *
 * Owner: nothing is kept; texts and parties are the scene's.
 */
#ifndef ROLECALL_POLICY_TOPOLOGY_H
#define ROLECALL_POLICY_TOPOLOGY_H

#include "policy/ledger.h"
#include "policy/matrix.h"

struct connection topology_connection(const struct scene *scene, const struct observation *o);
bool topology_has_ports(const struct observation *o);
const char *topology_protocol(const struct observation *o); /* "unknown" where it is not known */
/* Without the handshake either end may have opened the flow. */
bool topology_opener_is_unclear(const struct observation *o);
bool topology_is_answered(const struct observation *o);
/* The matrix's answer, remembered in the rule's state, which is used for nothing else. */
struct matrix_answer topology_ask(struct audit *a, const struct rule *r,
                                  const struct connection *c);
/* A managed machine: in a client network, or declared without a role. */
bool topology_is_client(const struct party *p);
/* Name, time and directory service, and the remote administration that R112 judges: every system of
 * a domain has these, whatever its role. */
bool topology_is_common(const struct connection *c, const struct observation *o);
/* "SYN from X to port N" and "SYN-ACK from Y", as far as they were captured. */
void topology_evidence(struct audit *a, struct finding *f, const struct observation *o);
/* What an answer of DNS or WINS names as management point and the policy does not; NULL: nothing.
 * `service`: the question was for the DNS service, not for a NetBIOS name. */
const char *topology_strange_location(const struct audit *a, const struct observation *o,
                                      bool service);
/* "_mssms_mp_p01._tcp.corp.example" */
bool topology_is_location(const char *query);

#endif
