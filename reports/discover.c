#include "reports/discover.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define EVIDENCE_COLUMN 48
#define NETBIOS_NAME 15 /* characters ([MS-NBTE] 2.1) */
#define LINE_ROOM 1400

struct draft {
    struct output *out;
    const struct record_names *names;
    const struct discovery *d;
    struct discovered_host *const *hosts;
    const struct discovered_word *domains, *sites;
    size_t host_count, domain_count, site_count;
    char **host_names; /* as the draft names them, by place in `hosts` */
};

/* ---- lines ---- */

/* One line: its YAML, then what was observed as a comment. Names of files come from outside. */
static void line(struct draft *t, const char *yaml, const char *format, ...) PRINTF_LIKE(3, 4);
static void line(struct draft *t, const char *yaml, const char *format, ...)
{
    char text[LINE_ROOM];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (char *c = text; *c != '\0'; c++) {
        *c = (unsigned char)*c < ' ' || *c == 0x7f ? '?' : *c;
    }
    if (text[0] == '\0') {
        output_text(t->out, yaml);
    } else if (yaml[0] == '\0') {
        output_format(t->out, "# %s", text);
    } else {
        output_format(t->out, "%-*s # %s", EVIDENCE_COLUMN, yaml, text);
    }
    output_line(t->out);
}

static const char *place_text(const struct draft *t, const struct stamp *at, char text[300])
{
    const char *file = t->names->source == NULL || source_files(t->names->source) < 2
                           ? NULL
                           : source_file_name(t->names->source, at->file);
    (void)snprintf(text, 300, "%s%.240spacket %" PRIu64, file == NULL ? "" : file,
                   file == NULL ? "" : " ", at->packet);
    return text;
}

/* ---- forests ---- */

/* The domain that this one is a child of, the topmost; itself where there is none. */
static const struct discovered_word *root_of(const struct draft *t, const struct discovered_word *w)
{
    const struct discovered_word *above = discovery_domain_of(t->d, w->name);
    while (above != NULL) {
        w = above;
        above = discovery_domain_of(t->d, w->name);
    }
    return w;
}

/* The first label of the root domain, or all of them where another root begins alike. */
static void forest_name(const struct draft *t, const struct discovered_word *root, char name[256])
{
    size_t label = strcspn(root->name, ".");
    bool alike = false;
    for (size_t i = 0; i < t->domain_count; i++) {
        const struct discovered_word *w = &t->domains[i];
        alike |= w != root && root_of(t, w) == w && strcspn(w->name, ".") == label &&
                 strncmp(w->name, root->name, label) == 0;
    }
    (void)snprintf(name, 256, "%.*s", alike ? 255 : (int)label, root->name);
    for (char *c = name; *c != '\0'; c++) {
        *c = *c == '.' ? '-' : *c;
    }
}

static bool netbios_is_free(const struct draft *t, const struct discovered_word *of)
{
    for (const struct discovered_word *w = t->domains; w < of; w++) {
        if (w->netbios != NULL && strcasecmp(w->netbios, of->netbios) == 0) {
            return false;
        }
    }
    return true;
}

static void write_netbios(struct draft *t, const struct discovered_word *root)
{
    bool begun = false;
    for (size_t i = 0; i < t->domain_count; i++) {
        const struct discovered_word *w = &t->domains[i];
        if (root_of(t, w) == root && w->netbios != NULL && netbios_is_free(t, w)) {
            char text[64];
            if (!begun) {
                line(t, "    netbios:", "%s", "");
            }
            begun = true;
            (void)snprintf(text, sizeof text, "      - '%s'", w->netbios);
            line(t, text, "observed: the NetBIOS name of %s, in NTLM", w->name);
        }
    }
}

static void write_forests(struct draft *t)
{
    char text[300], name[256], place[300];
    if (t->domain_count > 0) {
        line(t, "forests:",
             "observed: domains; that one without a parent is a forest's root is a guess");
    }
    for (size_t r = 0; r < t->domain_count; r++) {
        const struct discovered_word *root = &t->domains[r];
        if (root_of(t, root) != root) {
            continue;
        }
        forest_name(t, root, name);
        (void)snprintf(text, sizeof text, "  '%s':", name);
        line(t, text, "%s", "");
        line(t, "    domains:", "%s", "");
        for (size_t i = 0; i < t->domain_count; i++) {
            const struct discovered_word *w = &t->domains[i];
            if (root_of(t, w) == root) {
                (void)snprintf(text, sizeof text, "      - '%s'", w->name);
                line(t, text, "observed: %s (%s)", w->seen.why, place_text(t, &w->seen.at, place));
            }
        }
        write_netbios(t, root);
    }
    if (t->domain_count > 1) {
        line(t, "", "Trusts cannot be seen: add 'trusts' where forests trust each other.");
    }
}

/* ---- zones and sites ---- */

/* RFC 1918, RFC 4193 */
static const struct {
    const char *text;
    uint8_t octets[2], mask[2];
    bool v6;
} private_networks[] = {
    {"10.0.0.0/8", {10, 0}, {0xff, 0}, false},
    {"172.16.0.0/12", {172, 16}, {0xff, 0xf0}, false},
    {"192.168.0.0/16", {192, 168}, {0xff, 0xff}, false},
    {"fc00::/7", {0xfc, 0}, {0xfe, 0}, true},
};
#define PRIVATE_NETWORKS (sizeof private_networks / sizeof *private_networks)

/* PRIVATE_NETWORKS for a public address. */
static size_t private_network(const struct address *a)
{
    const uint8_t *at = a->octets + (address_is_v4(a) ? 12 : 0);
    size_t i = 0;
    while (i < PRIVATE_NETWORKS &&
           (private_networks[i].v6 == address_is_v4(a) ||
            (at[0] & private_networks[i].mask[0]) != private_networks[i].octets[0] ||
            (at[1] & private_networks[i].mask[1]) != private_networks[i].octets[1])) {
        i++;
    }
    return i;
}

static void write_zones(struct draft *t)
{
    uint64_t seen[PRIVATE_NETWORKS + 1] = {0};
    char text[64];
    for (size_t i = 0; i < t->host_count; i++) {
        seen[private_network(&t->hosts[i]->address)]++;
    }
    bool begun = false;
    for (size_t i = 0; i < PRIVATE_NETWORKS; i++) {
        if (seen[i] > 0) {
            if (!begun) {
                line(t, "zones:", "zones cannot be seen: these are the private networks in use");
                line(t, "  intranet:", "%s", "");
            }
            begun = true;
            (void)snprintf(text, sizeof text, "    - '%s'", private_networks[i].text);
            line(t, text, "observed: %" PRIu64 " address%s", seen[i], seen[i] == 1 ? "" : "es");
        }
    }
}

static void write_sites(struct draft *t)
{
    char text[64], place[300];
    if (t->site_count > 0) {
        line(t, "sites:", "observed: codes; their types and parents cannot be seen");
    }
    for (size_t i = 0; i < t->site_count; i++) {
        (void)snprintf(text, sizeof text, "  '%s': {type: primary}", t->sites[i].name);
        line(t, text, "observed: %s (%s)", t->sites[i].seen.why,
             place_text(t, &t->sites[i].seen.at, place));
    }
}

/* ---- hosts ---- */

static bool same_netbios(const char *x, const char *y)
{
    size_t short_x = strcspn(x, "."), short_y = strcspn(y, ".");
    size_t cut_x = short_x > NETBIOS_NAME ? NETBIOS_NAME : short_x;
    size_t cut_y = short_y > NETBIOS_NAME ? NETBIOS_NAME : short_y;
    return cut_x == cut_y && strncmp(x, y, cut_x) == 0 && strcmp(x + short_x, y + short_y) == 0;
}

struct named_place {
    const char *name;
    size_t place;
};

static int compare_places(const void *left, const void *right)
{
    const struct named_place *x = left, *y = right;
    int by = strcmp(x->name + strcspn(x->name, "."), y->name + strcspn(y->name, "."));
    by = by != 0 ? by : strcmp(x->name, y->name);
    return by != 0 ? by : (x->place > y->place) - (x->place < y->place);
}

/* A name that the policy's loader takes: labels of letters, digits and inner hyphens. */
static bool is_policy_name(const char *name)
{
    size_t label = 0;
    for (const char *c = name; *c != '\0'; c++) {
        bool edge = label == 0 || c[1] == '.' || c[1] == '\0';
        if ((*c == '_' || (*c == '-' && edge)) || (*c == '.' && label == 0) || label > 62) {
            return false;
        }
        label = *c == '.' ? 0 : label + 1;
    }
    return label > 0;
}

/* Names of the draft: what was learned, or "unnamed-N"; no two with one NetBIOS name in a domain.
 */
static bool name_hosts(struct draft *t)
{
    struct named_place *all = calloc(t->host_count + 1, sizeof *all);
    t->host_names = calloc(t->host_count + 1, sizeof *t->host_names);
    size_t n = 0, unnamed = 0;
    bool fine = all != NULL && t->host_names != NULL;
    for (size_t i = 0; fine && i < t->host_count; i++) {
        const struct discovered_host *h = t->hosts[i];
        if (h->listed && h->name != NULL && is_policy_name(h->name)) {
            all[n++] = (struct named_place){.name = h->name, .place = i};
        }
    }
    if (n > 1) {
        qsort(all, n, sizeof *all, compare_places);
    }
    const char *last = NULL;
    for (size_t i = 0; fine && i < n; i++) {
        if (last == NULL || !same_netbios(last, all[i].name)) {
            t->host_names[all[i].place] = strdup(all[i].name);
            fine = t->host_names[all[i].place] != NULL;
            last = all[i].name;
        }
    }
    for (size_t i = 0; fine && i < t->host_count; i++) {
        char text[32];
        if (t->hosts[i]->listed && t->host_names[i] == NULL) {
            (void)snprintf(text, sizeof text, "unnamed-%zu", ++unnamed);
            t->host_names[i] = strdup(text);
            fine = t->host_names[i] != NULL;
        }
    }
    free(all);
    return fine;
}

static bool is_written(const struct discovered_role *r)
{
    return r->score > SCORE_POSSIBLE;
}

static void write_roles(struct draft *t, const struct discovered_host *h)
{
    char text[128], place[300];
    bool begun = false;
    for (const struct discovered_role *r = h->roles; r != NULL; r = r->next) {
        if (is_written(r)) {
            if (!begun) {
                line(t, "    roles:", "%s", "");
            }
            begun = true;
            (void)snprintf(text, sizeof text, "      - %s", role_name(r->role));
            line(t, text, "observed, %s: %s (%s%s)", score_name(r->score), r->seen.why,
                 place_text(t, &r->seen.at, place), r->times > 1 ? ", and more" : "");
        }
    }
    for (const struct discovered_role *r = h->roles; r != NULL; r = r->next) {
        if (!is_written(r)) {
            (void)snprintf(text, sizeof text, "    # - %s", role_name(r->role));
            line(t, text, "observed, possible: %s (%s)", r->seen.why,
                 place_text(t, &r->seen.at, place));
        }
    }
}

static bool has_site_role(const struct discovered_host *h)
{
    bool found = false;
    for (const struct discovered_role *r = h->roles; r != NULL && !found; r = r->next) {
        found = (ROLE_BIT(r->role) & role_site_systems()) != 0;
    }
    return found;
}

static void write_membership(struct draft *t, const struct discovered_host *h)
{
    char text[300], name[256], place[300];
    const struct discovered_word *domain =
        h->name == NULL ? NULL : discovery_domain_of(t->d, h->name);
    if (domain != NULL) {
        forest_name(t, root_of(t, domain), name);
        (void)snprintf(text, sizeof text, "    forest: '%s'", name);
        line(t, text, "observed: its name lies in %s", domain->name);
    }
    if (h->site != NULL) {
        (void)snprintf(text, sizeof text, "    site: '%s'", h->site);
        line(t, text, "observed: %s (%s)", h->site_seen.why,
             place_text(t, &h->site_seen.at, place));
    } else if (t->site_count == 1 && has_site_role(h)) {
        (void)snprintf(text, sizeof text, "    site: '%s'", t->sites[0].name);
        line(t, text, "a guess: no other site was seen");
    }
}

static void write_host(struct draft *t, size_t at)
{
    const struct discovered_host *h = t->hosts[at];
    char text[400], address[ADDRESS_TEXT], place[300];
    (void)snprintf(text, sizeof text, "  '%s':", t->host_names[at]);
    if (h->name == NULL) {
        line(t, text, "no name was seen");
    } else {
        line(t, text, "observed: named %s by %s (%s)", h->name, name_source_text(h->name_source),
             place_text(t, &h->name_at, place));
    }
    line(t, "    addresses:", "%s", "");
    for (const struct discovered_host *a = h; a != NULL; a = a->more) {
        (void)snprintf(text, sizeof text, "      - '%s'", address_format(&a->address, address));
        line(t, text, "%s", "");
    }
    write_membership(t, h);
    write_roles(t, h);
}

static void write_hosts(struct draft *t)
{
    bool begun = false;
    for (size_t i = 0; i < t->host_count; i++) {
        if (t->hosts[i]->listed) {
            if (!begun) {
                line(t, "hosts:", "observed: who acts in a role, with the evidence");
            }
            begun = true;
            write_host(t, i);
        }
    }
}

/* ---- clients ---- */

/* Not a host of the draft, and it opened conversations that were answered. */
static bool is_client(const struct draft *t, size_t at)
{
    const struct discovered_host *h = t->hosts[at];
    return h->is_client && !h->listed && h->roles == NULL &&
           private_network(&h->address) < PRIVATE_NETWORKS;
}

static unsigned network_octets(const struct address *a)
{
    return address_is_v4(a) ? 15 : 8;
}

static void write_network(struct draft *t, size_t from, size_t count, unsigned number)
{
    const struct discovered_host *h = t->hosts[from];
    struct address network = h->address;
    unsigned kept = network_octets(&network);
    char text[128], address[ADDRESS_TEXT], place[300];
    memset(network.octets + kept, 0, sizeof network.octets - kept);
    (void)snprintf(text, sizeof text, "  observed-%u: {networks: ['%s/%u']}", number,
                   address_format(&network, address), address_is_v4(&network) ? 24u : 64u);
    line(t, text, "observed: %zu client%s from %s on (%s); the network's size is a guess", count,
         count == 1 ? "" : "s", address_format(&h->address, address),
         place_text(t, &h->client_at, place));
}

/* Hosts are in order of their addresses, so that those of one network are neighbours. */
static void write_clients(struct draft *t)
{
    unsigned number = 0;
    size_t from = 0, count = 0, outside = 0;
    for (size_t i = 0; i <= t->host_count; i++) {
        if (i < t->host_count && !is_client(t, i)) {
            const struct discovered_host *h = t->hosts[i];
            outside += h->is_client && h->roles == NULL &&
                       private_network(&h->address) == PRIVATE_NETWORKS;
            continue;
        }
        bool same =
            i < t->host_count && count > 0 &&
            address_is_v4(&t->hosts[from]->address) == address_is_v4(&t->hosts[i]->address) &&
            memcmp(t->hosts[from]->address.octets, t->hosts[i]->address.octets,
                   network_octets(&t->hosts[i]->address)) == 0;
        if (!same && count > 0) {
            if (number == 0) {
                line(t, "clients:", "observed: who only opens conversations");
            }
            write_network(t, from, count, ++number);
            count = 0;
        }
        from = count == 0 ? i : from;
        count++;
    }
    if (outside > 0) {
        line(t, "", "%zu public address%s opened conversations: declare those that are clients.",
             outside, outside == 1 ? "" : "es");
    }
}

/* ---- against a policy ---- */

static const struct host *declared_of(const struct policy *p, const struct discovered_host *h)
{
    const struct host *found = NULL;
    for (; h != NULL && found == NULL; h = h->more) {
        found = policy_host(p, &h->address);
    }
    return found;
}

static bool holds(const struct host *declared, enum role role)
{
    role_set alike = ROLE_BIT(role);
    if (role == ROLE_DISTRIBUTION_POINT) {
        alike |= ROLE_BIT(ROLE_PULL_DISTRIBUTION_POINT);
    }
    return (declared->role_bits & alike) != 0;
}

static void compare_roles(struct draft *t, const struct discovered_host *h, const struct host *of)
{
    char place[300];
    for (const struct discovered_role *r = h->roles; r != NULL; r = r->next) {
        if (is_written(r) && !holds(of, r->role)) {
            line(t, "", "new: %s of %s, %s: %s (%s)", role_name(r->role), of->name,
                 score_name(r->score), r->seen.why, place_text(t, &r->seen.at, place));
        }
    }
    for (unsigned i = 0; i < of->role_count; i++) {
        enum role role = of->roles[i].role;
        enum role seen = role == ROLE_PULL_DISTRIBUTION_POINT ? ROLE_DISTRIBUTION_POINT : role;
        if (discovered_role_of(h, seen) == NULL) {
            line(t, "", "gone: %s of %s (line %u of the policy): not seen", role_name(role),
                 of->name, of->roles[i].place.line);
        }
    }
}

static void compare_host(struct draft *t, size_t at)
{
    const struct policy *p = t->names->policy;
    const struct discovered_host *h = t->hosts[at];
    const struct host *of = declared_of(p, h);
    char address[ADDRESS_TEXT], place[300];
    if (of == NULL) {
        line(t, "", "new: host %s at %s", t->host_names[at], address_format(&h->address, address));
        return;
    }
    const struct forest *forest = h->domain == NULL ? NULL : policy_forest_of_domain(p, h->domain);
    if (h->name != NULL && forest != NULL && forest != of->forest) {
        line(t, "", "contradicts: %s is declared in %s%s, and named %s by %s (%s)", of->name,
             of->forest == NULL ? "no forest" : "forest ",
             of->forest == NULL ? "" : of->forest->name, h->name, name_source_text(h->name_source),
             place_text(t, &h->name_at, place));
    }
    if (h->site != NULL && of->site != NULL && strcasecmp(h->site, of->site->code) != 0) {
        line(t, "", "contradicts: %s is declared in site %s, seen in %s: %s (%s)", of->name,
             of->site->code, h->site, h->site_seen.why, place_text(t, &h->site_seen.at, place));
    }
    compare_roles(t, h, of);
}

static void compare_name(void *user, const struct identity_entry *entry)
{
    struct draft *t = user;
    struct identity_conflict c;
    char address[ADDRESS_TEXT], place[300];
    if (identity_conflict(discovery_identity(t->d), t->names->policy, &entry->address, NAMED_BY_ANY,
                          &c)) {
        line(t, "", "contradicts: %s (%s) is named %s by %s (%s); the policy has that elsewhere",
             address_format(&entry->address, address),
             c.declared == NULL ? "not declared" : c.declared->name, c.name->name,
             name_source_text(c.name->source), place_text(t, &c.name->at, place));
    }
}

static void compare_unseen(struct draft *t, const struct host *of)
{
    bool seen = false, listed = false;
    for (size_t i = 0; i < t->host_count && !listed; i++) {
        bool same = policy_host(t->names->policy, &t->hosts[i]->address) == of;
        seen |= same;
        listed |= same && t->hosts[i]->roles != NULL;
    }
    if (!listed) {
        line(t, "", "gone: host %s (line %u of the policy): %s", of->name, of->place.line,
             seen ? "seen, but in none of its roles" : "not seen at any of its addresses");
    }
}

static void compare_words(struct draft *t)
{
    const struct policy *p = t->names->policy;
    for (size_t i = 0; i < t->domain_count; i++) {
        if (policy_forest_of_domain(p, t->domains[i].name) == NULL) {
            line(t, "", "new: domain %s: %s", t->domains[i].name, t->domains[i].seen.why);
        }
    }
    for (size_t i = 0; i < t->site_count; i++) {
        bool known = false;
        for (unsigned s = 0; s < p->site_count; s++) {
            known |= strcasecmp(p->sites[s].code, t->sites[i].name) == 0;
        }
        if (!known) {
            line(t, "", "new: site %s: %s", t->sites[i].name, t->sites[i].seen.why);
        }
    }
}

static void compare_clients(struct draft *t)
{
    char address[ADDRESS_TEXT];
    for (size_t i = 0; i < t->host_count; i++) {
        const struct address *a = &t->hosts[i]->address;
        if (is_client(t, i) && policy_host(t->names->policy, a) == NULL &&
            policy_group(t->names->policy, a) == NULL) {
            line(t, "", "new: client %s, in no declared network", address_format(a, address));
        }
    }
}

static void compare(struct draft *t)
{
    const struct policy *p = t->names->policy;
    line(t, "", "Compared with %.1000s; nothing of it is taken into this draft.", p->path);
    compare_words(t);
    for (size_t i = 0; i < t->host_count; i++) {
        if (t->hosts[i]->listed) {
            compare_host(t, i);
        }
    }
    compare_clients(t);
    identity_walk(discovery_identity(t->d), compare_name, t);
    for (unsigned i = 0; i < p->host_count; i++) {
        compare_unseen(t, &p->hosts[i]);
    }
    line(t, "", "End of the comparison.");
}

/* ---- the whole ---- */

void discover_draft(struct output *out, const struct record_names *names, const struct discovery *d)
{
    struct draft t = {.out = out, .names = names, .d = d};
    t.hosts = discovery_hosts(d, &t.host_count);
    t.domains = discovery_domains(d, &t.domain_count);
    t.sites = discovery_sites(d, &t.site_count);
    line(&t, "", "Draft of a policy, from traffic alone: nobody has declared any of it.");
    line(&t, "", "What was certain or likely is written out; what is only possible is a comment.");
    line(&t, "", "Read it, correct it, and take the comments out: then it is a policy.");
    line(&t, "profile: current", "not seen: the default");
    if (discovery_shed(d) > 0) {
        line(&t, "", "Not complete: %" PRIu64 " observations found no room.", discovery_shed(d));
    }
    if (!name_hosts(&t)) {
        line(&t, "", "Not complete: out of memory.");
    } else {
        if (names->policy != NULL) {
            compare(&t);
        }
        write_forests(&t);
        write_zones(&t);
        write_sites(&t);
        write_hosts(&t);
        write_clients(&t);
    }
    for (size_t i = 0; t.host_names != NULL && i < t.host_count; i++) {
        free(t.host_names[i]);
    }
    free(t.host_names);
}
