/*
 * matrix.h - what the matrix says of a connection: which end opens which, and what the policy says
 * instead.
 *
 * Rows are those of the policy's matrix_table. A row fits a connection when both ends hold its
 * roles (all roles of a host count together), the transport and the answering port are its own or
 * one that the policy declares for that role, and the protocol is not known to be another. Whoever
 * is declared may also open what clients open, since servers are managed too; that only ever
 * permits.
 *
 * Units: transports are IANA numbers, ports host order. Owner: rows are the policy's; nothing is
 * kept.
 */
#ifndef ROLECALL_POLICY_MATRIX_H
#define ROLECALL_POLICY_MATRIX_H

#include "policy/audit.h"
#include "policy/matrix_rows.h"

struct connection {
    const struct party *client, *server; /* the port is the server's */
    uint8_t transport;
    const char *protocol; /* as in flow.protocol; NULL or "unknown": not known */
    bool guessed;         /* the protocol follows from the port alone */
};

struct matrix_answer {
    const struct matrix_row *allows; /* the first row that lets the client open it; NULL: none */
    const struct matrix_row
        *reversed; /* else the first row by which the server should have opened it; NULL: none */
};

struct matrix_answer matrix_ask(const struct policy *p, const struct connection *c);
bool matrix_row_allows(const struct matrix_row *row, const struct connection *c);
bool matrix_row_reverses(const struct matrix_row *row, const struct connection *c);
/* The policy's own line about it; it comes before the rows. NULL: none. */
const struct matrix_exception *matrix_exception_of(const struct policy *p,
                                                   const struct connection *c);
/* The row by which clients use this role over that connection, whoever its client really is; NULL:
 * none. */
const struct matrix_row *matrix_client_row(const struct policy *p, const struct connection *c,
                                           const struct role_instance *role);
/* Whether any row lets the client's roles open anything to the server's, whatever the port, and
 * whether one of those is for this protocol. */
struct matrix_pair {
    const struct matrix_row *row; /* NULL: the two have nothing to say to each other */
    bool speaks;
};
struct matrix_pair matrix_pair_of(const struct policy *p, const struct connection *c);
/* The roles that the two ends may have played in it, by the rows that allow it. */
void matrix_roles_used(const struct policy *p, const struct connection *c, role_set *ret_client,
                       role_set *ret_server);
/* The connection is allowed, but only by rows that ask for a declaration. */
bool matrix_needs_declaration(const struct policy *p, const struct connection *c);
/* Identifiers of rows, joined by ", ": those of that pair, or those that lead to the server. */
#define MATRIX_ROWS_TEXT 80
const char *matrix_rows_text(const struct policy *p, const struct connection *c, bool of_pair,
                             char text[MATRIX_ROWS_TEXT]);
/* The same for a side of a row: its first role. */
const char *matrix_side_name(role_set side);
/* "distribution-point", "client", ...: which end of the row this party is. */
const char *matrix_end_name(role_set end, const struct party *p);

#endif
