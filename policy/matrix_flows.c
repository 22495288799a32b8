#include "policy/matrix_flows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture/decode.h"
#include "capture/limits.h"

#define BROKER_PORT 4022 /* SQL Server Service Broker */
#define DOMAIN_ROLES (ROLE_BIT(ROLE_DOMAIN_CONTROLLER) | ROLE_BIT(ROLE_GLOBAL_CATALOG))
#define SITE_SERVERS (ROLE_BIT(ROLE_SITE_SERVER) | ROLE_BIT(ROLE_SITE_SERVER_PASSIVE))

const char *matrix_flow_end(const struct matrix_end *e)
{
    return e->host != NULL ? e->host->name : e->group != NULL ? e->group->name : "internet";
}

/* ---- ends ---- */

static const struct zone *zone_of(const struct policy *p, const struct matrix_end *e)
{
    if (e->host != NULL) {
        return e->host->address_count == 0 ? NULL : policy_zone(p, &e->host->addresses[0]);
    }
    return e->group == NULL || e->group->count == 0
               ? NULL
               : policy_zone(p, &e->group->prefixes[0].address);
}

/* As the matrix takes it for traffic, without what an address would add. */
static role_set ends_of(const struct policy *p, const struct matrix_end *e)
{
    if (e->host == NULL) {
        return e->group == NULL           ? MATRIX_INTERNET
               : e->group->administrators ? ROLE_BIT(ROLE_CONSOLE)
                                          : MATRIX_CLIENT;
    }
    if (e->host->role_bits == 0) {
        return MATRIX_CLIENT;
    }
    role_set ends = e->host->role_bits;
    bool outside = e->host->site_server_initiates;
    for (unsigned i = 0; i < e->host->role_count; i++) {
        outside |= e->host->roles[i].serves_internet;
    }
    const struct zone *zone = zone_of(p, e);
    outside |= zone != NULL && strcmp(zone->name, "perimeter") == 0;
    bool system = (ends & role_site_systems()) != 0;
    return ends | (system ? MATRIX_SITE_SYSTEM : 0) |
           (system && outside ? MATRIX_INTERNET_FACING : 0);
}

static const struct forest *forest_of(const struct matrix_end *e)
{
    return e->host != NULL ? e->host->forest : e->group != NULL ? e->group->forest : NULL;
}

static bool in_workgroup(const struct matrix_end *e)
{
    return e->host != NULL ? e->host->workgroup : e->group != NULL && e->group->workgroup;
}

/* ---- what a pair needs ---- */

static bool sites_fit(const struct matrix_row *row, const struct matrix_end *from,
                      const struct matrix_end *to)
{
    const struct site *one = from->host == NULL ? NULL : from->host->site;
    const struct site *two = to->host == NULL ? NULL : to->host->site;
    bool family = one != NULL && two != NULL && (one->parent == two || two->parent == one);
    switch ((enum matrix_sites)row->sites) {
    case MATRIX_PARENT_CHILD:
        return family;
    case MATRIX_OTHER_HIERARCHY:
        return false; /* migration has an end; who migrates knows its source */
    case MATRIX_ANY:
    case MATRIX_SAME_SITE:
    case MATRIX_UNLESS_SITE_SERVER_INITIATES:
        break;
    }
    bool upstream = row->from == ROLE_BIT(ROLE_SOFTWARE_UPDATE_POINT) && row->to == row->from;
    return one == NULL || two == NULL || (upstream ? one->parent == two : one == two);
}

/* Domain members use controllers of their forest; a site server also those of forests it publishes
 * to. */
static bool forests_fit(const struct matrix_row *row, const struct matrix_end *from,
                        const struct matrix_end *to)
{
    if ((row->to & ~DOMAIN_ROLES) != 0) {
        return true;
    }
    const struct forest *one = forest_of(from), *two = forest_of(to);
    bool publishes = from->host != NULL && (from->host->role_bits & SITE_SERVERS) != 0 &&
                     two != NULL && two->published;
    return !in_workgroup(from) && (one == NULL || two == NULL || one == two || publishes);
}

static const struct role_instance *answering_role(role_set side, const struct matrix_end *to)
{
    for (unsigned i = 0; to->host != NULL && i < to->host->role_count; i++) {
        if ((side & ROLE_BIT(to->host->roles[i].role)) != 0) {
            return &to->host->roles[i];
        }
    }
    return NULL;
}

static bool serves(const struct policy *p, const struct role_instance *role,
                   const struct matrix_end *from)
{
    const struct zone *zone = zone_of(p, from);
    if (role == NULL || role->serve_count == 0 || zone == NULL) {
        return true;
    }
    for (unsigned i = 0; i < role->serve_count; i++) {
        if (role->serves[i] == zone) {
            return true;
        }
    }
    return false;
}

/* Which of HTTP and HTTPS a client uses is declared; update content comes by HTTP in any case. */
static bool mode_fits(const struct matrix_row *row, const struct host *h,
                      const struct role_instance *role)
{
    if (h == NULL || role == NULL || (row->from & MATRIX_CLIENT) == 0 ||
        role->role == ROLE_FALLBACK_STATUS_POINT || role->role == ROLE_SOFTWARE_UPDATE_POINT) {
        return true;
    }
    enum client_mode mode = role_client_mode(h, role);
    return !(row->of == MATRIX_HTTP && mode == CLIENTS_HTTPS) &&
           !(row->of == MATRIX_HTTPS && mode == CLIENTS_HTTP);
}

static bool is_needed(const struct matrix_row *row, const struct matrix_flow *f,
                      const struct role_instance *role)
{
    switch ((enum matrix_default)row->otherwise) {
    case MATRIX_ALLOW:
        return true;
    case MATRIX_INFO:
        return false;
    case MATRIX_IF_DECLARED:
        break;
    }
    bool push = (row->to & MATRIX_CLIENT) != 0 && f->from.host != NULL &&
                f->from.host->site != NULL && f->from.host->site->client_push == 1 &&
                (row->of == MATRIX_SMB || row->of == MATRIX_RPC);
    bool shares = row->of == MATRIX_SMB && role != NULL && role->package_share;
    bool plain = row->of == MATRIX_HTTP && role != NULL && f->to.host != NULL &&
                 row->ports[0].first == 80 &&
                 role_client_mode(f->to.host, role) != CLIENTS_UNDECLARED;
    return push || shares || plain;
}

/* ---- ports ---- */

static void add_port(struct matrix_flow *f, struct port_range range)
{
    if (f->port_count < MATRIX_FLOW_PORTS) {
        f->ports[f->port_count++] = range;
    }
}

static void declared_ports(struct matrix_flow *f, const struct role_instance *role)
{
    const struct matrix_row *row = f->row;
    bool http = row->of == MATRIX_HTTP, https = row->of == MATRIX_HTTPS;
    bool notification = role->role == ROLE_MANAGEMENT_POINT && row->of == MATRIX_OTHER;
    const uint16_t *ports = http ? role->http_ports : https ? role->https_ports : role->ports;
    unsigned count = http                                    ? role->http_port_count
                     : https                                 ? role->https_port_count
                     : row->of == MATRIX_SQL || notification ? role->port_count
                                                             : 0;
    bool broker = row->ports[0].first == BROKER_PORT;
    for (unsigned i = 0; i < count; i++) {
        if (row->of != MATRIX_SQL || (ports[i] == BROKER_PORT) == broker) {
            add_port(f, (struct port_range){ports[i], ports[i]});
        }
    }
}

static void fill_ports(struct matrix_flow *f, const struct role_instance *role)
{
    if (role != NULL) {
        declared_ports(f, role);
    }
    bool any = f->port_count > 0;
    bool dynamic = false;
    for (unsigned i = 0; !any && i < MATRIX_PORTS && f->row->ports[i].first != 0; i++) {
        /* The old dynamic ports come after the new ones, and are those of systems long retired. */
        if (!dynamic) {
            add_port(f, f->row->ports[i]);
        }
        dynamic |= f->row->ports[i].first == MATRIX_DYNAMIC_FIRST;
    }
}

/* ---- the list ---- */

struct list {
    const struct policy *policy;
    struct matrix_flow *flows;
    size_t count, room;
    int error;
};

/* The side of the row that answers when the one end opens to the other; 0: it is not about them. */
static role_set answering_side(const struct matrix_row *row, role_set opens, role_set answers)
{
    if ((row->from & opens) != 0 && (row->to & answers) != 0) {
        return row->to;
    }
    bool back =
        row->direction == MATRIX_BOTH_WAYS && (row->to & opens) != 0 && (row->from & answers) != 0;
    return back ? row->from : 0;
}

/* False where the row is not for these two after all. */
static bool make_flow(const struct policy *p, const struct matrix_row *row, role_set side,
                      struct matrix_flow *f)
{
    const struct matrix_end *from = &f->from, *to = &f->to;
    const struct role_instance *role = answering_role(side, to);
    bool silent = from->host != NULL && from->host->site_server_initiates && to->host != NULL &&
                  (to->host->role_bits & SITE_SERVERS) != 0;
    if (silent || !forests_fit(row, from, to) || !sites_fit(row, from, to) ||
        !mode_fits(row, to->host, role) ||
        ((row->from & MATRIX_CLIENT) != 0 && !serves(p, role, from))) {
        return false;
    }
    f->row = row;
    f->transports = row->transports;
    f->port_count = 0;
    f->needed = is_needed(row, f, role);
    fill_ports(f, role);
    return true;
}

static bool has_port(const struct matrix_flow *f, uint16_t port)
{
    bool has = false;
    for (unsigned i = 0; i < f->port_count && !has; i++) {
        has = port >= f->ports[i].first && port <= f->ports[i].last;
    }
    return has;
}

const struct matrix_row *matrix_needs(const struct policy *p, const struct matrix_end *from,
                                      const struct matrix_end *to, uint8_t transport, uint16_t port)
{
    role_set opens = ends_of(p, from), answers = ends_of(p, to);
    struct matrix_flow f = {.from = *from, .to = *to};
    uint8_t bit = transport == IP_TCP ? MATRIX_TCP : MATRIX_UDP;
    struct row_bits set = matrix_rows_both_ways(p->matrix_table, opens, answers);
    for (const struct matrix_row *row; (row = matrix_rows_next(p->matrix_table, &set)) != NULL;) {
        role_set side = (row->transports & bit) == 0 ? 0 : answering_side(row, opens, answers);
        if (side != 0 && make_flow(p, row, side, &f) && f.needed && has_port(&f, port)) {
            return row;
        }
    }
    return NULL;
}

static void add_flow(struct list *l, const struct matrix_row *row, const struct matrix_end *from,
                     const struct matrix_end *to, role_set side)
{
    struct matrix_flow f = {.from = *from, .to = *to};
    if (!make_flow(l->policy, row, side, &f)) {
        return;
    }
    if (l->count == l->room) {
        size_t room = l->room == 0 ? 256 : l->room * 2;
        struct matrix_flow *grown =
            room > LIMIT_MATRIX_FLOWS ? NULL : realloc(l->flows, room * sizeof *grown);
        if (grown == NULL) {
            l->error = room > LIMIT_MATRIX_FLOWS ? -E2BIG : -ENOMEM;
            return;
        }
        l->flows = grown;
        l->room = room;
    }
    l->flows[l->count++] = f;
}

static struct matrix_end end_at(const struct policy *p, unsigned i)
{
    struct matrix_end e = {NULL, NULL};
    if (i < p->host_count) {
        e.host = &p->hosts[i];
    } else if (i < p->host_count + p->group_count) {
        e.group = &p->groups[i - p->host_count];
    }
    return e;
}

/* Every end that is declared, and whoever is not. */
struct all_ends {
    const struct policy *policy;
    unsigned count;
    role_set *roles;     /* of each, as ends_of() tells; NULL: out of memory */
    unsigned *answering; /* those that answer the row at hand */
    unsigned answering_count;
};

static struct all_ends all_ends(const struct policy *p)
{
    struct all_ends all = {.policy = p, .count = p->host_count + p->group_count + 1};
    all.roles = calloc(all.count, sizeof *all.roles);
    for (unsigned i = 0; i < all.count && all.roles != NULL; i++) {
        struct matrix_end e = end_at(p, i);
        all.roles[i] = ends_of(p, &e);
    }
    return all;
}

/* Needed by one of those that answer? */
static bool is_needed_from(const struct all_ends *all, const struct matrix_row *row, unsigned from,
                           unsigned *tries)
{
    struct matrix_flow f = {.from = end_at(all->policy, from)};
    for (unsigned k = 0; k < all->answering_count && *tries < LIMIT_ROW_PAIRS; k++, ++*tries) {
        unsigned to = all->answering[k];
        role_set side = to == from ? 0 : answering_side(row, all->roles[from], all->roles[to]);
        f.to = end_at(all->policy, to);
        if (side != 0 && make_flow(all->policy, row, side, &f) && f.needed) {
            return true;
        }
    }
    return false;
}

static bool row_is_needed(struct all_ends *all, const struct matrix_row *row)
{
    unsigned tries = 0;
    bool back = row->direction == MATRIX_BOTH_WAYS, needed = false;
    role_set opening = row->from | (back ? row->to : 0), other = row->to | (back ? row->from : 0);
    all->answering_count = 0;
    for (unsigned i = 0; i < all->count; i++) {
        all->answering[all->answering_count] = i;
        all->answering_count += (all->roles[i] & other) != 0;
    }
    for (unsigned i = 0; i < all->count && !needed && tries < LIMIT_ROW_PAIRS; i++) {
        needed = (all->roles[i] & opening) != 0 && is_needed_from(all, row, i, &tries);
    }
    return needed;
}

bool *matrix_rows_needed(const struct policy *p)
{
    struct all_ends all = all_ends(p);
    bool *needed = calloc(p->matrix_table->count + 1, sizeof *needed);
    all.answering = calloc(all.count + 1, sizeof *all.answering);
    if (needed == NULL || all.roles == NULL || all.answering == NULL) {
        free(needed);
        needed = NULL;
    }
    for (unsigned i = 0; i < p->matrix_table->count && needed != NULL; i++) {
        needed[i] = row_is_needed(&all, &p->matrix_table->rows[i]);
    }
    free(all.roles);
    free(all.answering);
    return needed;
}

static int compare_ends(const struct matrix_end *x, const struct matrix_end *y)
{
    int kind = (x->host == NULL) - (y->host == NULL);
    return kind != 0 ? kind : strcmp(matrix_flow_end(x), matrix_flow_end(y));
}

static int compare_where(const struct matrix_flow *x, const struct matrix_flow *y)
{
    int by = compare_ends(&x->to, &y->to);
    by = by != 0 ? by : compare_ends(&x->from, &y->from);
    by = by != 0 ? by : (x->transports > y->transports) - (x->transports < y->transports);
    by = by != 0 ? by : (x->port_count > y->port_count) - (x->port_count < y->port_count);
    for (unsigned i = 0; by == 0 && i < x->port_count; i++) {
        by = x->ports[i].first != y->ports[i].first ? x->ports[i].first - y->ports[i].first
                                                    : x->ports[i].last - y->ports[i].last;
    }
    return by;
}

static int compare_flows(const void *left, const void *right)
{
    const struct matrix_flow *x = left, *y = right;
    int by = compare_where(x, y);
    return by != 0 ? by : (x->row > y->row) - (x->row < y->row);
}

static void merge_equal(struct list *l)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->count; i++) {
        if (kept > 0 && compare_where(&l->flows[kept - 1], &l->flows[i]) == 0) {
            l->flows[kept - 1].needed |= l->flows[i].needed;
        } else {
            l->flows[kept++] = l->flows[i];
        }
    }
    l->count = kept;
}

static void add_pair(struct list *l, const struct all_ends *all, unsigned from, unsigned to)
{
    role_set opens = all->roles[from], answers = all->roles[to];
    struct matrix_end one = end_at(l->policy, from), two = end_at(l->policy, to);
    struct row_bits set = matrix_rows_both_ways(l->policy->matrix_table, opens, answers);
    for (const struct matrix_row *row;
         l->error == 0 && (row = matrix_rows_next(l->policy->matrix_table, &set)) != NULL;) {
        role_set side = answering_side(row, opens, answers);
        if (side != 0) {
            add_flow(l, row, &one, &two, side);
        }
    }
}

int matrix_flows(const struct policy *p, struct matrix_flow **ret, size_t *ret_count)
{
    struct all_ends all = all_ends(p);
    struct list l = {.policy = p, .error = all.roles == NULL ? -ENOMEM : 0};
    for (unsigned i = 0; i < all.count; i++) {
        for (unsigned k = 0; k < all.count && l.error == 0; k++) {
            if (i != k) {
                add_pair(&l, &all, i, k);
            }
        }
    }
    free(all.roles);
    if (l.error != 0) {
        free(l.flows);
        return l.error;
    }
    if (l.count > 0) {
        qsort(l.flows, l.count, sizeof *l.flows, compare_flows);
        merge_equal(&l);
    }
    *ret = l.flows;
    *ret_count = l.count;
    return 0;
}
