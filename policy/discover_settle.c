/* What several hosts show together: who uses whose database, shares and web sites. */
#include <string.h>

#include "policy/discover.h"

static bool acts_as(const struct discovered_host *h, enum role role)
{
    const struct discovered_role *r = discovered_role_of(h, role);
    return r != NULL && r->score > SCORE_POSSIBLE;
}

static unsigned users_of(const struct discovered_host *h, enum use use)
{
    return h->users[use] == NULL ? 0 : h->users[use]->count;
}

/* ---- the site server's share ---- */

/* Shares named after the site are the site server's, into which its site systems write. But when a
 * host that acts as the site server wrote into it, the share's owner is one of those. */
static void settle_site_share(struct discovery *d, struct discovered_host *owner)
{
    struct discovered_host *user =
        users_of(owner, USE_SITE_WRITE) == 0 ? NULL : owner->users[USE_SITE_WRITE]->all[0];
    const struct discovered_role *own = discovered_role_of(owner, ROLE_SITE_SERVER);
    const struct discovered_role *its =
        user == NULL ? NULL : discovered_role_of(user, ROLE_SITE_SERVER);
    if (user == NULL || own == NULL) {
        return;
    }
    bool served = own->by_share && its != NULL && !its->by_share && its->score > SCORE_POSSIBLE;
    bool written = users_of(owner, USE_SITE_WRITE) > 1 || acts_as(user, ROLE_MANAGEMENT_POINT);
    if (!served && written && its == NULL) {
        struct evidence_seen seen = evidence_of(d, owner->users[USE_SITE_WRITE]->at,
                                                "its share of the site is written by site systems");
        discovery_role(d, owner, ROLE_SITE_SERVER, SCORE_LIKELY, &seen);
    }
    struct discovered_host *system = served ? owner : user;
    if (served || its == NULL) {
        struct evidence_seen seen =
            evidence_of(d, own->seen.at, "a site system of %s: %s",
                        owner->site == NULL ? "a site" : owner->site,
                        served ? "the site server writes to it" : "it writes to the site server");
        discovery_role(d, system, ROLE_MANAGEMENT_POINT, SCORE_POSSIBLE, &seen);
    }
    user->site = user->site != NULL ? user->site : owner->site;
    user->site_seen = user->site_seen.why != NULL ? user->site_seen : owner->site_seen;
}

/* ---- databases, and who uses them ---- */

/* Management points ask their clients for certificates and use the database that the site server
 * uses. State migration points do so too, but their clients bring files by SMB. */
static void settle_point(struct discovery *d, struct discovered_host *database)
{
    struct discovered_users *u = database->users[USE_SQL];
    bool server = false;
    for (unsigned i = 0; i < u->count; i++) {
        server |= acts_as(u->all[i], ROLE_SITE_SERVER);
    }
    for (unsigned i = 0; i < u->count && server; i++) {
        struct discovered_host *h = u->all[i];
        bool state = false;
        for (unsigned c = 0; c < users_of(h, USE_WEB); c++) {
            state |= discovered_uses(h, USE_SMB, h->users[USE_WEB]->all[c]);
        }
        if (h->asks_at.order != 0 && !state && !acts_as(h, ROLE_SITE_SERVER)) {
            struct evidence_seen seen =
                evidence_of(d, h->asks_at,
                            "asks its HTTPS clients for certificates, and uses the "
                            "database of the site server");
            discovery_role(d, h, ROLE_MANAGEMENT_POINT, SCORE_LIKELY, &seen);
        }
    }
}

/* The site server and management points have one database in common, whatever their logons hide. */
static void settle_database(struct discovery *d, struct discovered_host *h)
{
    struct discovered_users *u = h->users[USE_SQL];
    bool server = false, point = false;
    for (unsigned i = 0; i < u->count; i++) {
        server |= acts_as(u->all[i], ROLE_SITE_SERVER);
        point |= acts_as(u->all[i], ROLE_MANAGEMENT_POINT);
    }
    if (server && point) {
        struct evidence_seen seen =
            evidence_of(d, u->at, "answers the SQL of a site server and of a management point");
        discovery_role(d, h, ROLE_SITE_DATABASE, SCORE_LIKELY, &seen);
    }
}

/* ---- administration ---- */

static bool is_point(const struct discovered_host *h)
{
    return acts_as(h, ROLE_MANAGEMENT_POINT) || acts_as(h, ROLE_DISTRIBUTION_POINT) ||
           acts_as(h, ROLE_SOFTWARE_UPDATE_POINT) || acts_as(h, ROLE_REPORTING_POINT);
}

/* Consoles reach the provider by WMI, or by HTTPS at the administration service; where it stands on
 * the site server, they are who opens the site server's share as well. Clients and site systems do
 * neither. */
static void settle_provider(struct discovery *d, struct discovered_host *h)
{
    struct discovered_users *web = h->users[USE_WEB], *wmi = h->users[USE_WMI];
    for (unsigned i = 0; wmi != NULL && i < wmi->count; i++) {
        if (!acts_as(wmi->all[i], ROLE_SITE_SERVER)) {
            struct evidence_seen seen =
                evidence_of(d, wmi->at, "a site server that takes WMI calls");
            discovery_role(d, h, ROLE_SMS_PROVIDER, SCORE_LIKELY, &seen);
        }
    }
    unsigned consoles = 0;
    for (unsigned i = 0; web != NULL && i < web->count; i++) {
        consoles += discovered_uses(h, USE_SITE_SHARE, web->all[i]) &&
                    !discovered_uses(h, USE_SITE_WRITE, web->all[i]);
    }
    if (consoles > 0 && !web->more && 2 * consoles >= web->count && h->asks_at.order == 0 &&
        !is_point(h)) {
        struct evidence_seen seen =
            evidence_of(d, web->at, "a site server whose HTTPS is used by who opens its share");
        discovery_role(d, h, ROLE_SMS_PROVIDER, SCORE_LIKELY, &seen);
    }
}

/* ---- cloud ---- */

static void settle_gateway(struct discovery *d, struct discovered_host *h)
{
    struct discovered_users *relay = h->users[USE_RELAY], *web = h->users[USE_WEB];
    bool others = false;
    for (unsigned i = 0; web != NULL && i < web->count; i++) {
        others |= !discovered_uses(h, USE_RELAY, web->all[i]);
    }
    enum score score = others ? SCORE_LIKELY : SCORE_POSSIBLE;
    struct evidence_seen seen =
        evidence_of(d, relay->at, "answers TLS on a port of connection points%s",
                    others ? ", and HTTPS to others" : "");
    discovery_role(d, h, ROLE_CLOUD_MANAGEMENT_GATEWAY, score, &seen);
    seen = evidence_of(d, relay->at, "keeps TLS to a cloud management gateway");
    for (unsigned i = 0; i < relay->count; i++) {
        discovery_role(d, relay->all[i], ROLE_CMG_CONNECTION_POINT, score, &seen);
    }
}

/* ---- sites ---- */

/* Who is served by a site server alone is of its site: its distribution points, its database. */
static void settle_site(struct discovery *d, struct discovered_host *h, enum use use,
                        const char *what)
{
    const struct discovered_users *u = h->users[use];
    const struct discovered_host *server = NULL;
    for (unsigned i = 0; u != NULL && i < u->count; i++) {
        if (acts_as(u->all[i], ROLE_SITE_SERVER) && u->all[i]->site != NULL) {
            if (server != NULL && strcmp(server->site, u->all[i]->site) != 0) {
                return;
            }
            server = u->all[i];
        }
    }
    if (server != NULL && h->site == NULL) {
        struct evidence_seen seen =
            evidence_of(d, u->at, "the site server of %s %s", server->site, what);
        discovery_site(d, h, server->site, &seen);
    }
}

static void settle_served(struct discovery *d, struct discovered_host *h)
{
    if (acts_as(h, ROLE_DISTRIBUTION_POINT)) {
        settle_site(d, h, USE_SMB, "writes files to it");
    } else if (acts_as(h, ROLE_SITE_DATABASE)) {
        settle_site(d, h, USE_SQL, "uses its database");
    }
}

static void settle_each(struct discovery *d,
                        void (*settle)(struct discovery *, struct discovered_host *), enum use use)
{
    size_t n = 0;
    struct discovered_host *const *hosts = discovery_hosts(d, &n);
    for (size_t i = 0; i < n; i++) {
        if (use == USE_COUNT || hosts[i]->users[use] != NULL) {
            settle(d, hosts[i]);
        }
    }
}

static void settle_administration(struct discovery *d, struct discovered_host *h)
{
    if (acts_as(h, ROLE_SITE_SERVER)) {
        settle_provider(d, h);
    }
}

void discovery_settle(struct discovery *d)
{
    settle_each(d, settle_site_share, USE_SITE_WRITE);
    settle_each(d, settle_point, USE_SQL);
    settle_each(d, settle_database, USE_SQL);
    settle_each(d, settle_administration, USE_COUNT);
    settle_each(d, settle_gateway, USE_RELAY);
    settle_each(d, settle_served, USE_COUNT);
}
