/*
 * records_model.c - the declared hierarchy as one record.
 */
#include <stdio.h>

#include "reports/records_report.h"

static void add_prefixes(struct json *j, const char *key, const struct prefix *prefixes,
                         unsigned count)
{
    char address[ADDRESS_TEXT], text[ADDRESS_TEXT + 4];
    json_open(j, key, '[');
    for (unsigned i = 0; i < count; i++) {
        const struct prefix *p = &prefixes[i];
        unsigned bits = address_is_v4(&p->address) && p->bits >= 96 ? p->bits - 96u : p->bits;
        (void)snprintf(text, sizeof text, "%s/%u", address_format(&p->address, address), bits);
        json_text(j, NULL, text);
    }
    json_close(j, ']');
}

static void add_names(struct json *j, const char *key, const char *const *names, unsigned count)
{
    json_open(j, key, '[');
    for (unsigned i = 0; i < count; i++) {
        json_text(j, NULL, names[i]);
    }
    json_close(j, ']');
}

static const char *forest_name(const struct forest *f)
{
    return f == NULL ? NULL : f->name;
}

/* A site's forest is that of its site server. */
static const char *site_forest(const struct policy *p, const struct site *site)
{
    for (unsigned i = 0; i < p->host_count; i++) {
        const struct host *h = &p->hosts[i];
        if (h->site == site && (h->role_bits & ROLE_BIT(ROLE_SITE_SERVER)) != 0) {
            return forest_name(h->forest);
        }
    }
    return NULL;
}

static void add_sites(struct json *j, const struct policy *p)
{
    static const char *const kinds[] = {"central-administration", "primary", "secondary"};
    json_open(j, "sites", '[');
    for (unsigned i = 0; i < p->site_count; i++) {
        const struct site *s = &p->sites[i];
        json_open(j, NULL, '{');
        json_text(j, "code", s->code);
        json_text(j, "kind", kinds[s->type]);
        json_text(j, "parent", s->parent == NULL ? NULL : s->parent->code);
        json_text(j, "forest", site_forest(p, s));
        json_close(j, '}');
    }
    json_close(j, ']');
}

/* A trust stands with the forest that it is declared for first: the one that trusts. */
static void add_trusts(struct json *j, const struct policy *p, const struct forest *of)
{
    static const char *const kinds[] = {"forest", "external", "realm"};
    json_open(j, "trusts", '[');
    for (unsigned i = 0; i < p->trust_count; i++) {
        const struct trust *t = &p->trusts[i];
        if (t->trusting == of) {
            json_open(j, NULL, '{');
            json_text(j, "to", t->trusted->name);
            json_text(j, "direction", t->two_way ? "two-way" : "one-way");
            json_text(j, "kind", kinds[t->type]);
            json_close(j, '}');
        }
    }
    json_close(j, ']');
}

static void add_forests(struct json *j, const struct policy *p)
{
    json_open(j, "forests", '[');
    for (unsigned i = 0; i < p->forest_count; i++) {
        const struct forest *f = &p->forests[i];
        json_open(j, NULL, '{');
        json_text(j, "name", f->name);
        add_names(j, "domains", f->domains, f->domain_count);
        add_trusts(j, p, f);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void add_zones(struct json *j, const struct policy *p)
{
    json_open(j, "zones", '[');
    for (unsigned i = 0; i < p->zone_count; i++) {
        json_open(j, NULL, '{');
        json_text(j, "name", p->zones[i].name);
        add_prefixes(j, "networks", p->zones[i].prefixes, p->zones[i].count);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void add_groups(struct json *j, const struct policy *p)
{
    json_open(j, "client_groups", '[');
    for (unsigned i = 0; i < p->group_count; i++) {
        const struct client_group *g = &p->groups[i];
        const struct zone *zone = g->count == 0 ? NULL : policy_zone(p, &g->prefixes[0].address);
        json_open(j, NULL, '{');
        json_text(j, "name", g->name);
        add_prefixes(j, "networks", g->prefixes, g->count);
        json_text(j, "forest", forest_name(g->forest));
        json_text(j, "zone", zone == NULL ? NULL : zone->name);
        if (g->administrators) {
            json_truth(j, "administrators", true);
        }
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void add_host(struct json *j, const struct policy *p, const struct host *h)
{
    char text[ADDRESS_TEXT];
    json_open(j, NULL, '{');
    json_text(j, "name", h->name);
    json_open(j, "addresses", '[');
    for (unsigned i = 0; i < h->address_count; i++) {
        json_text(j, NULL, address_format(&h->addresses[i], text));
    }
    json_close(j, ']');
    add_names(j, "aliases", h->aliases, h->alias_count);
    json_open(j, "roles", '[');
    for (unsigned i = 0; i < h->role_count; i++) {
        json_text(j, NULL, role_name(h->roles[i].role));
    }
    json_close(j, ']');
    json_text(j, "site", h->site == NULL ? NULL : h->site->code);
    json_text(j, "forest", forest_name(h->forest));
    json_text(j, "zone", h->address_count == 0 ? NULL : policy_zone(p, &h->addresses[0])->name);
    json_close(j, '}');
}

void record_model(struct output *out, const struct policy *p)
{
    struct json j = record_begin(out, "model");
    add_sites(&j, p);
    add_forests(&j, p);
    add_zones(&j, p);
    add_groups(&j, p);
    json_open(&j, "hosts", '[');
    for (unsigned i = 0; i < p->host_count; i++) {
        add_host(&j, p, &p->hosts[i]);
    }
    json_close(&j, ']');
    record_end(&j);
}
