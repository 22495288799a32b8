#include "policy/matrix.h"

#include <stdio.h>
#include <string.h>

#include "capture/decode.h"

/* ---- ends ---- */

static bool faces_internet(const struct party *p)
{
    bool outside = p->zone != NULL && (strcmp(p->zone->name, "perimeter") == 0 ||
                                       strcmp(p->zone->name, "internet") == 0);
    for (unsigned i = 0; i < p->host->role_count && !outside; i++) {
        outside = p->host->roles[i].serves_internet;
    }
    return outside;
}

static role_set ends_of(const struct party *p)
{
    if (p->host == NULL) {
        bool internet = p->zone != NULL && strcmp(p->zone->name, "internet") == 0;
        return p->group == NULL           ? (internet ? MATRIX_INTERNET : 0)
               : p->group->administrators ? ROLE_BIT(ROLE_CONSOLE)
                                          : MATRIX_CLIENT;
    }
    if (p->host->role_bits == 0) {
        return MATRIX_CLIENT;
    }
    role_set ends = p->host->role_bits;
    if ((ends & role_site_systems()) != 0) {
        ends |= MATRIX_SITE_SYSTEM | (faces_internet(p) ? MATRIX_INTERNET_FACING : 0);
    }
    return ends;
}

const char *matrix_side_name(role_set side)
{
    for (unsigned i = 0; i < ROLE_COUNT; i++) {
        if ((side & ROLE_BIT(i)) != 0) {
            return role_name((enum role)i);
        }
    }
    return (side & (MATRIX_SITE_SYSTEM | MATRIX_INTERNET_FACING)) != 0 ? "site system"
           : (side & MATRIX_CLIENT) != 0                               ? "client"
                                                                       : "internet";
}

const char *matrix_end_name(role_set end, const struct party *p)
{
    role_set held = p->host == NULL ? ends_of(p) : p->host->role_bits;
    const role_set roles = ROLE_BIT(ROLE_COUNT) - 1;
    return matrix_side_name((end & held & roles) != 0 ? end & held & roles : end & ~roles);
}

/* ---- protocols, ports, sites ---- */

static bool is_one_of(const char *protocol, const char *first, const char *second)
{
    return strcmp(protocol, first) == 0 || (second != NULL && strcmp(protocol, second) == 0);
}

static bool protocol_fits(enum matrix_class of, const char *protocol)
{
    if (protocol == NULL || strcmp(protocol, "unknown") == 0) {
        return true;
    }
    switch (of) {
    case MATRIX_HTTP:
    case MATRIX_HTTPS:
    case MATRIX_HTTP_OR_HTTPS:
        return is_one_of(protocol, "http", "tls"); /* which of the two is other rules' business */
    case MATRIX_SMB:
        return is_one_of(protocol, "smb", "nbss");
    case MATRIX_RPC:
        return is_one_of(protocol, "dcerpc", NULL);
    case MATRIX_SQL:
        return is_one_of(protocol, "tds", "tls") || is_one_of(protocol, "ssrp", NULL);
    case MATRIX_LDAP:
        return is_one_of(protocol, "ldap", "tls");
    case MATRIX_KERBEROS:
        return is_one_of(protocol, "kerberos", NULL);
    case MATRIX_MIXED:
    case MATRIX_OTHER:
        return true;
    }
    return false;
}

static bool in_list(const uint16_t *ports, unsigned count, uint16_t port)
{
    for (unsigned i = 0; i < count; i++) {
        if (ports[i] == port) {
            return true;
        }
    }
    return false;
}

/* A port that the policy declares for a role of the answering side. */
static bool port_is_declared(const struct matrix_row *row, role_set side, const struct host *h,
                             uint16_t port)
{
    bool http = row->of == MATRIX_HTTP || row->of == MATRIX_HTTP_OR_HTTPS;
    bool https = row->of == MATRIX_HTTPS || row->of == MATRIX_HTTP_OR_HTTPS;
    bool others = row->of == MATRIX_SQL || row->of == MATRIX_OTHER;
    for (unsigned i = 0; h != NULL && i < h->role_count; i++) {
        const struct role_instance *r = &h->roles[i];
        if ((side & ROLE_BIT(r->role)) != 0 &&
            ((http && in_list(r->http_ports, r->http_port_count, port)) ||
             (https && in_list(r->https_ports, r->https_port_count, port)) ||
             (others && in_list(r->ports, r->port_count, port)))) {
            return true;
        }
    }
    return false;
}

static bool port_is_listed(const struct matrix_row *row, uint16_t port)
{
    for (unsigned i = 0; i < MATRIX_PORTS && row->ports[i].first != 0; i++) {
        if (port >= row->ports[i].first && port <= row->ports[i].last) {
            return true;
        }
    }
    return false;
}

static bool is_dynamic(const struct matrix_row *row, uint16_t port)
{
    bool fixed = false;
    for (unsigned i = 0; i < MATRIX_PORTS && row->ports[i].first != 0; i++) {
        fixed |= row->ports[i].first == port && row->ports[i].last == port;
    }
    return !fixed && (row->of == MATRIX_RPC || row->of == MATRIX_MIXED) && port != 135;
}

static const struct site *top_of(const struct site *s)
{
    while (s->parent != NULL) {
        s = s->parent;
    }
    return s;
}

static bool sites_fit(const struct matrix_row *row, const struct party *opener,
                      const struct party *other)
{
    const struct site *one = opener->host == NULL ? NULL : opener->host->site;
    const struct site *two = other->host == NULL ? NULL : other->host->site;
    bool known = one != NULL && two != NULL;
    switch ((enum matrix_sites)row->sites) {
    case MATRIX_ANY:
        return true;
    case MATRIX_SAME_SITE:
        return !known || one == two;
    case MATRIX_PARENT_CHILD:
        return known && (one->parent == two || two->parent == one);
    case MATRIX_OTHER_HIERARCHY:
        return known && top_of(one) != top_of(two);
    case MATRIX_UNLESS_SITE_SERVER_INITIATES:
        return opener->host == NULL || !opener->host->site_server_initiates;
    }
    return false;
}

static bool transport_fits(const struct matrix_row *row, uint8_t transport)
{
    return ((row->transports & MATRIX_TCP) != 0 && transport == IP_TCP) ||
           ((row->transports & MATRIX_UDP) != 0 && transport == IP_UDP);
}

/* ---- asking ---- */

struct asked { /* a connection with what its ends are, found once for all rows */
    const struct connection *c;
    role_set client, server;
    role_set may_client; /* what the client may act as */
};

static struct asked prepare(const struct connection *c)
{
    struct asked q = {.c = c, .client = ends_of(c->client), .server = ends_of(c->server)};
    /* A managed server is a client as well, towards the roles it uses. */
    q.may_client =
        q.client | (c->client->host != NULL || c->client->group != NULL ? MATRIX_CLIENT : 0);
    return q;
}

static bool answers_fit(const struct matrix_row *row, role_set side, const struct connection *c)
{
    uint16_t port = c->server->port;
    return (port_is_listed(row, port) || port_is_declared(row, side, c->server->host, port)) &&
           protocol_fits((enum matrix_class)row->of, c->protocol);
}

static bool allows(const struct matrix_row *row, const struct asked *q)
{
    const struct connection *c = q->c;
    bool forth = (row->from & q->may_client) != 0 && (row->to & q->server) != 0;
    bool back = row->direction != MATRIX_ONE_WAY && (row->to & q->may_client) != 0 &&
                (row->from & q->server) != 0;
    if ((!forth && !back) || !transport_fits(row, c->transport) ||
        !sites_fit(row, c->client, c->server)) {
        return false;
    }
    if (forth && answers_fit(row, row->to, c)) {
        return true;
    }
    if (back && row->direction == MATRIX_ANSWERED_ANEW) {
        return port_is_listed(row, c->server->port) || c->server->port >= MATRIX_OLD_DYNAMIC_FIRST;
    }
    return back && answers_fit(row, row->from, c);
}

static bool reverses(const struct matrix_row *row, const struct asked *q)
{
    const struct connection *c = q->c;
    uint16_t port = c->server->port;
    bool forth = (row->from & q->client) != 0 && (row->to & q->server) != 0;
    if ((row->to & q->client) == 0 || (row->from & q->server) == 0 || forth ||
        row->direction != MATRIX_ONE_WAY || !transport_fits(row, c->transport) ||
        !sites_fit(row, c->server, c->client) ||
        !protocol_fits((enum matrix_class)row->of, c->protocol)) {
        return false;
    }
    if (!port_is_listed(row, port)) {
        return port_is_declared(row, row->to, c->client->host, port);
    }
    /* Any high port is a dynamic one: there only the content tells. */
    return !is_dynamic(row, port) ||
           (!c->guessed && c->protocol != NULL && strcmp(c->protocol, "dcerpc") == 0);
}

/* Rows that fit both ends, whoever of them may open. */
static struct row_bits rows_of(const struct policy *p, const struct asked *q)
{
    return matrix_rows_both_ways(p->matrix_table, q->may_client, q->server);
}

struct matrix_answer matrix_ask(const struct policy *p, const struct connection *c)
{
    const struct matrix_table *t = p->matrix_table;
    struct asked q = prepare(c);
    struct matrix_answer answer = {NULL, NULL};
    struct row_bits set = rows_of(p, &q);
    for (const struct matrix_row *row; (row = matrix_rows_next(t, &set)) != NULL;) {
        if (allows(row, &q)) {
            answer.allows = row;
            return answer;
        }
    }
    set = matrix_rows_between(t, q.server, q.client);
    for (const struct matrix_row *row; (row = matrix_rows_next(t, &set)) != NULL;) {
        if (reverses(row, &q)) {
            answer.reversed = row;
            return answer;
        }
    }
    return answer;
}

struct matrix_pair matrix_pair_of(const struct policy *p, const struct connection *c)
{
    struct asked q = prepare(c);
    struct matrix_pair pair = {NULL, false};
    struct row_bits set = rows_of(p, &q);
    for (const struct matrix_row *row;
         !pair.speaks && (row = matrix_rows_next(p->matrix_table, &set)) != NULL;) {
        if (sites_fit(row, c->client, c->server)) {
            pair.row = pair.row == NULL ? row : pair.row;
            /* A row for something of its own is for its ports alone. */
            pair.speaks = row->of != MATRIX_OTHER && row->of != MATRIX_MIXED &&
                          protocol_fits((enum matrix_class)row->of, c->protocol);
        }
    }
    return pair;
}

void matrix_roles_used(const struct policy *p, const struct connection *c, role_set *ret_client,
                       role_set *ret_server)
{
    struct asked q = prepare(c);
    struct row_bits set = rows_of(p, &q);
    role_set client = 0, server = 0;
    for (const struct matrix_row *row; (row = matrix_rows_next(p->matrix_table, &set)) != NULL;) {
        if (allows(row, &q)) {
            bool forth = (row->from & q.may_client) != 0 && (row->to & q.server) != 0;
            client |= q.client & (forth ? row->from : row->to);
            server |= q.server & (forth ? row->to : row->from);
        }
    }
    *ret_client = client;
    *ret_server = server;
}

bool matrix_needs_declaration(const struct policy *p, const struct connection *c)
{
    struct asked q = prepare(c);
    bool allowed = false;
    struct row_bits set = rows_of(p, &q);
    for (const struct matrix_row *row; (row = matrix_rows_next(p->matrix_table, &set)) != NULL;) {
        if (allows(row, &q)) {
            allowed = true;
            if (row->otherwise != MATRIX_IF_DECLARED) {
                return false;
            }
        }
    }
    return allowed;
}

const char *matrix_rows_text(const struct policy *p, const struct connection *c, bool of_pair,
                             char text[MATRIX_ROWS_TEXT])
{
    struct asked q = prepare(c);
    size_t used = 0;
    struct row_bits set =
        of_pair ? rows_of(p, &q) : matrix_rows_between(p->matrix_table, MATRIX_EVERY_END, q.server);
    text[0] = '\0';
    for (const struct matrix_row *row; (row = matrix_rows_next(p->matrix_table, &set)) != NULL;) {
        if (of_pair && !sites_fit(row, c->client, c->server)) {
            continue;
        }
        if (used + strlen(row->id) + sizeof ", , ..." > MATRIX_ROWS_TEXT) {
            (void)snprintf(text + used, MATRIX_ROWS_TEXT - used, ", ...");
            break;
        }
        used += (size_t)snprintf(text + used, MATRIX_ROWS_TEXT - used, "%s%s",
                                 used == 0 ? "" : ", ", row->id);
    }
    return used == 0 ? "none" : text;
}

bool matrix_row_allows(const struct matrix_row *row, const struct connection *c)
{
    struct asked q = prepare(c);
    return allows(row, &q);
}

bool matrix_row_reverses(const struct matrix_row *row, const struct connection *c)
{
    struct asked q = prepare(c);
    return reverses(row, &q);
}

const struct matrix_row *matrix_client_row(const struct policy *p, const struct connection *c,
                                           const struct role_instance *role)
{
    struct row_bits set = matrix_rows_between(p->matrix_table, MATRIX_CLIENT, ROLE_BIT(role->role));
    for (const struct matrix_row *row; (row = matrix_rows_next(p->matrix_table, &set)) != NULL;) {
        if (transport_fits(row, c->transport) && answers_fit(row, ROLE_BIT(role->role), c)) {
            return row;
        }
    }
    return NULL;
}

/* ---- the policy's own lines ---- */

static bool is_over(const struct matrix_exception *e, const char *protocol)
{
    for (unsigned i = 0; protocol != NULL && i < e->over_count; i++) {
        if (strcmp(e->over[i], protocol) == 0 ||
            (strcmp(e->over[i], "https") == 0 && strcmp(protocol, "tls") == 0)) {
            return true;
        }
    }
    return e->over_count == 0;
}

const struct matrix_exception *matrix_exception_of(const struct policy *p,
                                                   const struct connection *c)
{
    for (unsigned i = 0; i < p->matrix_count; i++) {
        const struct matrix_exception *e = &p->matrix[i];
        if (is_over(e, c->protocol) && selector_matches(p, &e->from, &c->client->address) &&
            selector_matches(p, &e->to, &c->server->address)) {
            return e;
        }
    }
    return NULL;
}
