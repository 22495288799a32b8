#include <stdlib.h>

#include "policy/ledger.h"
#include "policy/matrix_flows.h"
#include "policy/policy_check.h"

/* ---- `deny` lines ---- */

/* The statement that asks for this way to be open. */
static const char *statement_of(const struct matrix_flow *f)
{
    static const struct {
        enum role role;
        const char *statement;
    } to_database[] = {
        {ROLE_ASSET_INTELLIGENCE_POINT, "S90"}, {ROLE_ENDPOINT_PROTECTION_POINT, "S91"},
        {ROLE_ENROLLMENT_POINT, "S92"},         {ROLE_MANAGEMENT_POINT, "S93"},
        {ROLE_REPORTING_POINT, "S94"},          {ROLE_STATE_MIGRATION_POINT, "S95"},
    };
    bool database = (f->row->to & ROLE_BIT(ROLE_SITE_DATABASE)) != 0;
    for (size_t i = 0; database && i < sizeof to_database / sizeof *to_database; i++) {
        if ((f->row->from & ROLE_BIT(to_database[i].role)) != 0) {
            return to_database[i].statement;
        }
    }
    const struct host *from = f->from.host, *to = f->to.host;
    if (f->row->sites == MATRIX_PARENT_CHILD) {
        return "S75";
    }
    if (from == NULL || from->role_bits == 0) {
        return "S09";
    }
    return database ? "S103" : to != NULL && to->site_server_initiates ? "S88" : "S01";
}

/* As flow.protocol has it; NULL: several, or one without a name. */
static const char *protocol_of(enum matrix_class of)
{
    switch (of) {
    case MATRIX_HTTP:
        return "http";
    case MATRIX_HTTPS:
        return "tls";
    case MATRIX_SMB:
        return "smb";
    case MATRIX_RPC:
        return "dcerpc";
    case MATRIX_SQL:
        return "tds";
    case MATRIX_LDAP:
        return "ldap";
    case MATRIX_KERBEROS:
        return "kerberos";
    case MATRIX_HTTP_OR_HTTPS:
    case MATRIX_MIXED:
    case MATRIX_OTHER:
        break;
    }
    return NULL;
}

/* False: the end has no address, so no line can be asked of it. */
static bool stands_for(const struct policy *p, const struct matrix_end *e, struct party *ret)
{
    if (e->host != NULL ? e->host->address_count == 0 : e->group == NULL || e->group->count == 0) {
        return false;
    }
    *ret = party_at(p, e->host != NULL ? &e->host->addresses[0] : &e->group->prefixes[0].address);
    return true;
}

static const struct matrix_exception *denied_by(const struct policy *p, const struct matrix_flow *f)
{
    struct party from, to;
    if (!f->needed || !stands_for(p, &f->from, &from) || !stands_for(p, &f->to, &to)) {
        return NULL;
    }
    struct connection c = {.client = &from,
                           .server = &to,
                           .transport = f->transports,
                           .protocol = protocol_of((enum matrix_class)f->row->of)};
    const struct matrix_exception *e = matrix_exception_of(p, &c);
    return e == NULL || e->allow ? NULL : e;
}

/* S01, S09, S75, S88, S90 to S95, S103: one remark a line, with the first flow that it cuts. */
static void check_denials(struct remarks *r)
{
    const struct policy *p = r->policy;
    struct matrix_flow *flows = NULL;
    size_t count = 0;
    unsigned denials = 0;
    for (unsigned i = 0; i < p->matrix_count; i++) {
        denials += !p->matrix[i].allow;
    }
    bool *told = denials == 0 ? NULL : calloc(p->matrix_count, sizeof *told);
    if (told == NULL || matrix_flows(p, &flows, &count) != 0) {
        free(told);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const struct matrix_exception *e = denied_by(p, &flows[i]);
        if (e != NULL && !told[e - p->matrix]) {
            told[e - p->matrix] = true;
            remark(r, e->place, SEVERITY_MEDIUM, statement_of(&flows[i]),
                   "this line denies what the hierarchy needs: %s to %s (%s, matrix row %s)",
                   matrix_flow_end(&flows[i].from), matrix_flow_end(&flows[i].to),
                   matrix_class_name((enum matrix_class)flows[i].row->of), flows[i].row->id);
        }
    }
    free(flows);
    free(told);
}

/* ---- `allow` lines ---- */

/* S86: for a host that the site server must reach by itself, or of a forest it does not trust. */
static void check_openings(struct remarks *r, const struct matrix_exception *e)
{
    const struct policy *p = r->policy;
    for (unsigned i = 0; i < p->host_count; i++) {
        const struct host *h = &p->hosts[i], *server = check_site_server(r, h->site);
        if (server == NULL || h->address_count == 0 || server->address_count == 0 ||
            !(h->site_server_initiates || check_is_untrusted(p, server, h)) ||
            !selector_matches(p, &e->from, &h->addresses[0]) ||
            !selector_matches(p, &e->to, &server->addresses[0])) {
            continue;
        }
        remark(r, e->place, SEVERITY_MEDIUM, "S86",
               "this line lets %s, %s, open connections to site server %s; there the site server "
               "must open them",
               h->name,
               h->site_server_initiates ? "declared 'site-server-initiates'"
                                        : "whose forest is not trusted",
               server->name);
        return;
    }
}

void check_paths(struct remarks *r)
{
    check_denials(r);
    for (unsigned i = 0; i < r->policy->matrix_count; i++) {
        if (r->policy->matrix[i].allow) {
            check_openings(r, &r->policy->matrix[i]);
        }
    }
}
