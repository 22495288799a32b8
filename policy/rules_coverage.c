/*
 * rules_coverage.c - chapter K: what the capture shows of the hierarchy at all. R120 traffic that
 * is missing, R121 what is declared and was not seen, R122 what encryption hid, R123 required paths
 * that nobody answered.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "capture/decode.h"
#include "policy/coverage.h"
#include "policy/sign_on.h"

/* ---- R120 ---- */

static const char *missing_part(const struct sight *s, char text[240])
{
    (void)snprintf(
        text, 240, "%s%s%s",
        s->one_sided > 0 ? "Of some of its conversations only one direction was captured. " : "",
        s->gaps > 0 ? "Payload of some of its conversations was not captured. " : "",
        s->midstream > 0 ? "Some of its conversations were joined after their opening. " : "");
    text[strlen(text) - 1] = '\0';
    return text;
}

static size_t add_times(const struct audit_losses *lost, char *text, size_t room)
{
    char first[24], last[24];
    if (lost->interval_count == 0) {
        return 0;
    }
    time_t from = (time_t)(lost->intervals[0].from_ns / 1000000000);
    time_t to = (time_t)(lost->intervals[lost->interval_count - 1].to_ns / 1000000000);
    struct tm utc;
    (void)strftime(first, sizeof first, "%Y-%m-%d %H:%M:%S", gmtime_r(&from, &utc));
    (void)strftime(last, sizeof last, "%Y-%m-%d %H:%M:%S", gmtime_r(&to, &utc));
    return (size_t)snprintf(text, room, ", in %zu interval%s between %s and %s UTC",
                            lost->interval_count, lost->interval_count == 1 ? "" : "s", first,
                            last);
}

static void judge_whole(struct audit *a, const struct rule *r)
{
    const struct audit_losses *lost = audit_losses(a);
    const struct sight s = coverage_whole(audit_coverage(a));
    const struct subject everywhere = {.host = NULL};
    const struct {
        uint64_t count;
        const char *says;
    } parts[] = {{s.gaps, "lack payload"},
                 {s.one_sided, "were captured in one direction only"},
                 {s.midstream, "were joined after their opening"},
                 {lost->dropped, "packets were dropped by the capturing machine"},
                 {lost->cut_files, "files end inside a packet"},
                 {lost->shed, "packets were shed, as they came too fast"},
                 {lost->away, "times an interface was away"},
                 {lost->given_up, "conversations were given up by a limit"},
                 {lost->restarts, "times the audit had to begin anew"}};
    char text[640];
    size_t used = (size_t)snprintf(text, sizeof text, "Of %u conversations seen", s.seen),
           bare = used;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i].count > 0) {
            used += (size_t)snprintf(text + used, sizeof text - used, "%s %llu %s",
                                     used > bare ? "," : ":", (unsigned long long)parts[i].count,
                                     parts[i].says);
        }
    }
    if (used > bare) {
        used += add_times(lost, text + used, sizeof text - used);
        (void)snprintf(text + used, sizeof text - used, ".");
        judge_hidden(a, r, everywhere, text);
    } else if (s.both > 0) {
        judge_fine(a, r, everywhere, "No conversation lacks anything, and no loss was reported.");
    }
}

static void finish_gaps(struct audit *a, const struct rule *r)
{
    const struct policy *p = audit_policy(a);
    char text[240];
    judge_whole(a, r);
    for (unsigned i = 0; i < p->host_count; i++) {
        const struct subject subject = {.host = &p->hosts[i]};
        struct sight s =
            coverage_sight(audit_coverage(a), &(struct matrix_end){.host = &p->hosts[i]});
        if (p->hosts[i].role_bits != 0 && sight_is_partial(&s)) {
            judge_hidden(a, r, subject, missing_part(&s, text));
        } else if (p->hosts[i].role_bits != 0 && s.both > 0) {
            judge_fine(a, r, subject, "Its conversations were captured whole.");
        }
    }
    expect_hosts(a, r, role_site_systems(), "No conversation of this host is in the capture.");
    judge_expected(a, r, (struct subject){.host = NULL},
                   "No conversation between two ends is in the capture.");
}

const struct rule rule_capture_gap = {
    .code = "R120",
    .name = "capture-gap",
    .title = "Traffic that the capture lacks",
    .severity = SEVERITY_INFO,
    .statements = "",
    .references = "RFC 9293 3.5\nzeek issue 5866 (a directory seen in one direction only)",
    .means = "What was not captured cannot be judged. This rule never finds a breach: its verdicts "
             "say of which hosts part of the traffic is missing, and the verdicts of other rules "
             "that are consistent all the same are marked as partial. Where only openings are "
             "missing, rules about who opened a connection are touched as well as all others; "
             "where payload is missing, those about content.",
    .evidence = "Packets that the capturing machine dropped, files that end inside a packet, "
                "conversations given up by a limit, payload that was not captured (a snap length, "
                "a loss), conversations of which one direction is missing, and conversations "
                "joined after their opening. Copies that mirror ports deliver are counted once "
                "and touch nothing. An attempt that nobody answers lacks nothing.",
    .remediation = "Capture whole packets (snap length 0), both directions of the links of the "
                   "site systems, and from before the conversations begin; see `sensor` in the "
                   "policy.",
    .records = 0,
    .finish = finish_gaps,
};

/* ---- R121 ---- */

#define DATABASE ROLE_BIT(ROLE_SITE_DATABASE)
#define CONTROLLERS (ROLE_BIT(ROLE_DOMAIN_CONTROLLER) | ROLE_BIT(ROLE_GLOBAL_CATALOG))
/* Roles that do their work in the site database. */
#define ROLES_WITH_DATABASE                                                                        \
    (ROLE_BIT(ROLE_ASSET_INTELLIGENCE_POINT) | ROLE_BIT(ROLE_ENDPOINT_PROTECTION_POINT) |          \
     ROLE_BIT(ROLE_ENROLLMENT_POINT) | ROLE_BIT(ROLE_MANAGEMENT_POINT) |                           \
     ROLE_BIT(ROLE_REPORTING_POINT) | ROLE_BIT(ROLE_STATE_MIGRATION_POINT))

static bool holds(const struct host *h, role_set roles)
{
    return h != NULL && (h->role_bits & roles) != 0;
}

static bool are_related(const struct site *one, const struct site *two)
{
    return one != NULL && two != NULL && (one->parent == two || two->parent == one);
}

/* The database of a parent or child site; NULL: none is declared. */
static const struct host *partner_of(const struct policy *p, const struct host *h)
{
    for (unsigned i = 0; i < p->host_count; i++) {
        if (holds(&p->hosts[i], DATABASE) && are_related(p->hosts[i].site, h->site)) {
            return &p->hosts[i];
        }
    }
    return NULL;
}

static const struct role_instance *role_in(const struct host *h, role_set roles, unsigned *next)
{
    while (*next < h->role_count) {
        const struct role_instance *role = &h->roles[(*next)++];
        if ((ROLE_BIT(role->role) & roles) != 0) {
            return role;
        }
    }
    return NULL;
}

/* Says the same of each of these roles of the host. */
static void judge_roles(struct audit *a, const struct rule *r, const struct host *h, role_set roles,
                        const char *because)
{
    unsigned next = 0;
    for (const struct role_instance *role; (role = role_in(h, roles, &next)) != NULL;) {
        judge_fine(a, r, (struct subject){.host = h, .role = role}, because);
    }
}

static bool is_directory(const struct path *p)
{
    return p->row->of == MATRIX_LDAP && holds(p->from.host, ROLES_SITE_SERVERS) &&
           holds(p->to, CONTROLLERS);
}

static const struct host *controller_of(const struct policy *p, const struct forest *forest)
{
    for (unsigned i = 0; i < p->host_count; i++) {
        if (p->hosts[i].forest == forest && holds(&p->hosts[i], CONTROLLERS)) {
            return &p->hosts[i];
        }
    }
    return NULL;
}

static void judge_seen_paths(struct audit *a, const struct rule *r)
{
    size_t count = 0;
    const struct path *paths = coverage_paths(audit_coverage(a), &count);
    for (size_t i = 0; i < count; i++) {
        const struct path *p = &paths[i];
        if (p->answered == 0) {
            continue;
        }
        if (p->row->of == MATRIX_SQL && holds(p->from.host, ROLES_WITH_DATABASE)) {
            judge_roles(a, r, p->from.host, ROLES_WITH_DATABASE, "It reached the site database.");
        }
        if (p->row->sites == MATRIX_PARENT_CHILD && holds(p->from.host, DATABASE) &&
            holds(p->to, DATABASE)) {
            judge_roles(a, r, p->from.host, DATABASE, "It spoke with its partner's database.");
            judge_roles(a, r, p->to, DATABASE, "Its partner's database spoke with it.");
        }
        if (is_directory(p) && p->to->forest != NULL && p->to->forest->published) {
            judge_fine(a, r,
                       (struct subject){.host = p->from.host,
                                        .peer = controller_of(audit_policy(a), p->to->forest)},
                       "The site server opened the directory of a forest that is published to; "
                       "what it wrote there is R073's.");
        }
    }
}

static void expect_role(struct audit *a, const struct rule *r, const struct host *h,
                        const struct role_instance *role)
{
    const struct subject subject = {.host = h, .role = role};
    role_set bit = ROLE_BIT(role->role);
    if ((bit & ROLES_WITH_DATABASE) != 0 && holds(h, DATABASE)) {
        judge_hidden(a, r, subject,
                     "A site database is on the same host: what they say does not cross the "
                     "network.");
    } else if ((bit & ROLES_WITH_DATABASE) != 0) {
        judge_expected(a, r, subject,
                       "No connection of it to the site database is in the capture.");
    } else if (bit == DATABASE) {
        if (partner_of(audit_policy(a), h) != NULL) {
            judge_expected(a, r, subject,
                           "No replication with the database of its parent or child site is in "
                           "the capture.");
        }
    } else if ((coverage_roles(audit_coverage(a), h) & bit) != 0) {
        judge_fine(a, r, subject, "Connections that the matrix gives to this role were answered.");
    } else {
        judge_expected(a, r, subject, "No answered connection of this role is in the capture.");
    }
}

static void expect_publishing(struct audit *a, const struct rule *r, const struct host *h)
{
    const struct policy *p = audit_policy(a);
    for (unsigned i = 0; i < p->forest_count && holds(h, ROLE_BIT(ROLE_SITE_SERVER)); i++) {
        const struct host *dc = p->forests[i].published ? controller_of(p, &p->forests[i]) : NULL;
        if (dc != NULL && dc != h) {
            judge_expected(a, r, (struct subject){.host = h, .peer = dc},
                           "The site server opened no directory of that forest in the capture, "
                           "though it is published to.");
        }
    }
}

static void finish_coverage(struct audit *a, const struct rule *r)
{
    const struct policy *p = audit_policy(a);
    judge_seen_paths(a, r);
    for (unsigned i = 0; i < p->host_count; i++) {
        unsigned next = 0;
        for (const struct role_instance *role;
             (role = role_in(&p->hosts[i], role_site_systems(), &next)) != NULL;) {
            expect_role(a, r, &p->hosts[i], role);
        }
        expect_publishing(a, r, &p->hosts[i]);
    }
}

const struct rule rule_declared_but_not_seen = {
    .code = "R121",
    .name = "declared-but-not-seen",
    .title = "Declared, but not in the capture",
    .severity = SEVERITY_INFO,
    .statements = "S74 S90 S91 S92 S93 S94 S95 S111 S112",
    .references = "Microsoft Learn: Ports used in Configuration Manager",
    .means = "A role that is declared and never seen at work says nothing: neither that it does "
             "well nor that it is there. This rule never finds a breach: its verdicts tell which "
             "roles the capture covers, and the report's table of the matrix which rows.",
    .evidence = "For roles that work in the site database, an answered connection to it; for the "
                "databases of parent and child sites, one between them; for a site server and a "
                "forest that is published to, one to its directory; for other roles, an answered "
                "connection that the matrix gives to the role. Roles of one host that share a "
                "port cannot be told apart by it.",
    .remediation = "Capture longer, or where the role's traffic passes; or take the role out of "
                   "the policy when it is gone.",
    .records = 0,
    .finish = finish_coverage,
};

/* ---- R122 ---- */

enum { HID_CERTIFICATES, HID_SMB, HID_LDAP, HID_SQL, HID_ALL, HIDING };

struct hiding {
    uint64_t hid[HIDING], readable;
};

/* What the record says was hidden; HIDING: nothing; -1: it does not tell. */
static int hidden_part(const struct observation *o)
{
    const char *text = NULL;
    switch ((unsigned)o->record) {
    case RECORD_TLS:
        return observation_get(o, FACT_TLS_CERTIFICATE_VISIBLE) == NULL ? -1
               : observation_says(o, FACT_TLS_CERTIFICATE_VISIBLE)      ? HIDING
               : observation_is(o, FACT_TLS_VERSION, "TLS 1.3")         ? HID_CERTIFICATES
                                                                        : -1;
    case RECORD_SMB:
        return !observation_is(o, FACT_SMB_MESSAGE, "transfer") ? -1
               : observation_says(o, FACT_SMB_ENCRYPTED)        ? HID_SMB
                                                                : HIDING;
    case RECORD_LDAP:
        text = observation_text(o, FACT_LDAP_PROTECTION);
        return text == NULL ? -1 : strcmp(text, "seal") == 0 ? HID_LDAP : HIDING;
    case RECORD_SQL:
        text = observation_text(o, FACT_SQL_ENCRYPTION_RESULT);
        return text == NULL || !observation_is(o, FACT_SQL_MESSAGE, "prelogin") ? -1
               : strcmp(text, "full") == 0 || strcmp(text, "strict") == 0       ? HID_SQL
                                                                                : HIDING;
    default:
        return observation_says(o, FACT_FLOW_OPAQUE) ? HID_ALL : -1;
    }
}

static void observe_hiding(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    if (!party_is_declared(&scene->ends[DIR_CLIENT]) &&
        !party_is_declared(&scene->ends[DIR_SERVER])) {
        return;
    }
    int part = hidden_part(o);
    struct hiding *h = part < 0 ? NULL : audit_state(a, r, sizeof *h);
    if (h != NULL && part < HIDING) {
        h->hid[part]++;
    } else if (h != NULL) {
        h->readable++;
    }
}

static void finish_hiding(struct audit *a, const struct rule *r)
{
    static const char *const says[HIDING][2] = {{"the certificates of", "TLS 1.3 handshakes"},
                                                {"the content of", "SMB 3 sessions"},
                                                {"the content of", "sealed LDAP sessions"},
                                                {"the requests of", "SQL connections"},
                                                {"all of", "IPsec conversations"}};
    const struct subject everywhere = {.host = NULL};
    const struct hiding *h = audit_state(a, r, sizeof *h);
    char text[400] = "Encryption hid";
    const size_t empty = strlen(text);
    size_t used = empty;
    for (int i = 0; h != NULL && i < HIDING; i++) {
        if (h->hid[i] > 0) {
            used += (size_t)snprintf(text + used, sizeof text - used, "%s %s %llu %s",
                                     used > empty ? "," : "", says[i][0],
                                     (unsigned long long)h->hid[i], says[i][1]);
        }
    }
    if (used > empty) {
        (void)snprintf(text + used, sizeof text - used,
                       "; the rules that needed them are not assessable there.");
        judge_hidden(a, r, everywhere, text);
    } else if (h != NULL && h->readable > 0) {
        judge_fine(a, r, everywhere, "No encryption hid what the rules ask for.");
    }
    judge_expected(a, r, everywhere,
                   "Neither TLS nor SMB, LDAP, SQL or IPsec of declared ends is in the capture.");
}

const struct rule rule_not_assessable_encrypted = {
    .code = "R122",
    .name = "not-assessable-encrypted",
    .title = "Encryption hid what rules ask for",
    .severity = SEVERITY_INFO,
    .statements = "",
    .references = "RFC 8446 4.4.2\n[MS-SMB2] 3.1.4.3\nRFC 4513 5.2.1\n[MS-TDS] 2.2.6.5\nRFC 4303",
    .means = "Encryption is what one wants, and it blinds the audit. This rule never finds a "
             "breach: its verdict counts, for the whole capture, what hid the fields that other "
             "rules decide by; those rules say so for each host.",
    .evidence = "TLS 1.3 handshakes, whose certificates are encrypted; SMB 3 sessions and LDAP "
                "connections that are sealed; SQL connections encrypted as a whole; conversations "
                "inside IPsec; of which one end at least is declared.",
    .remediation = "Nothing is to be mended. Check certificates, SQL logons and directory entries "
                   "on the hosts, or capture where the traffic is decrypted.",
    .records = 1u << RECORD_TLS | 1u << RECORD_SMB | 1u << RECORD_LDAP | 1u << RECORD_SQL |
               1u << RECORD_FLOW,
    .observe = observe_hiding,
    .finish = finish_hiding,
};

#define ROLES_FOR_CLIENTS                                                                          \
    (ROLE_BIT(ROLE_MANAGEMENT_POINT) | ROLE_BIT(ROLE_DISTRIBUTION_POINT) |                         \
     ROLE_BIT(ROLE_PULL_DISTRIBUTION_POINT) | ROLE_BIT(ROLE_SOFTWARE_UPDATE_POINT) |               \
     ROLE_BIT(ROLE_FALLBACK_STATUS_POINT) | ROLE_BIT(ROLE_STATE_MIGRATION_POINT))

/* ---- R123 ---- */

#define TRIES 3 /* a SYN and its first two repetitions */

static bool sensor_sees(const struct sensor *s, const struct zone *zone)
{
    bool sees = s->see_count == 0 || s->zone == zone;
    for (unsigned i = 0; i < s->see_count && !sees; i++) {
        sees = s->sees[i] == zone;
    }
    return sees;
}

/* Why a missing answer says nothing here; NULL: an answer would have been seen. */
static const char *blindness(struct audit *a, const struct path *p)
{
    const struct matrix_end to = {.host = p->to};
    struct sight from_sight = coverage_sight(audit_coverage(a), &p->from);
    struct sight to_sight = coverage_sight(audit_coverage(a), &to);
    const struct sensor *sensor = &audit_policy(a)->sensor;
    if (!sensor_sees(sensor, p->client.zone) && !sensor_sees(sensor, p->server.zone)) {
        return "The declared sensor sees neither end of connections that were not answered.";
    }
    if (to_sight.both == 0 && to_sight.one_sided > 0) {
        return "Only one direction of this host's traffic was captured, so a missing answer says "
               "nothing.";
    }
    if (to_sight.both == 0 && from_sight.both == 0) {
        return "Nothing in the capture shows that answers between the two would pass the sensor.";
    }
    if (p->tries < TRIES) {
        return "A connection was tried without an answer, but not three times.";
    }
    return NULL;
}

static void describe(struct audit *a, struct finding *f, const struct path *p)
{
    char client[PARTY_TEXT], server[PARTY_TEXT], by[ADDRESS_TEXT], what[200];
    if (p->one_client || p->from.host != NULL) {
        party_text(&p->client, client);
    } else {
        (void)snprintf(client, sizeof client, "The client network %.100s", p->from.group->name);
    }
    party_text(&p->server, server);
    if (p->refused > 0) {
        (void)snprintf(what, sizeof what, "was refused by a reset");
    } else if (p->blocked > 0) {
        (void)snprintf(what, sizeof what,
                       "%s reported that it cannot be reached (ICMP unreachable, code %u)",
                       address_format(&p->blocked_by, by), p->icmp_code);
    } else {
        (void)snprintf(what, sizeof what, "no answer was seen at this sensor (%u SYNs)", p->tries);
    }
    finding_explain(a, f,
                    "%s needs %s on %s port %u (matrix row %s), tried it, and %s. Nothing on this "
                    "path was answered in the whole capture. A service or host that is down looks "
                    "the same as a filter behind the sensor.",
                    client, server, p->transport == IP_TCP ? "TCP" : "UDP", p->port, p->row->id,
                    what);
    finding_remedy(a, f,
                   "See whether port %u is served on %s; if it is, let the firewalls between %s "
                   "and it, that of the host itself too, pass it.",
                   p->port, p->to->name, client);
}

static void report_path(struct audit *a, const struct rule *r, const struct path *p,
                        struct subject subject)
{
    bool told = p->refused + p->blocked > 0;
    for (unsigned i = 0; i < p->attempt_count; i++) {
        const struct attempt *attempt = &p->attempts[i];
        struct breach b = {.subject = subject,
                           .client = &p->client,
                           .server = &p->server,
                           .any_client = p->from.group != NULL,
                           .kind = p->row->id,
                           .confidence = told ? CONFIDENCE_PROVEN : CONFIDENCE_DERIVED,
                           .at = &attempt->opening,
                           .flow = attempt->flow};
        bool is_new = false;
        struct finding *f = judge_breach(a, r, &b, &is_new);
        finding_evidence(a, f, attempt->opening, "%s to port %u",
                         p->transport == IP_TCP ? "SYN" : "first datagram", p->port);
        finding_evidence(a, f, attempt->ending, p->refused > 0 ? "reset" : "ICMP unreachable");
        if (is_new) {
            describe(a, f, p);
        }
        if (f != NULL && i + 1 == p->attempt_count) {
            f->client.known = p->one_client || p->from.host != NULL;
            f->count += p->silent + p->refused + p->blocked - p->attempt_count;
            f->last_ns = p->last_ns > f->last_ns ? p->last_ns : f->last_ns;
        }
    }
}

static void finish_paths(struct audit *a, const struct rule *r)
{
    size_t count = 0;
    const struct path *paths = coverage_paths(audit_coverage(a), &count);
    for (size_t i = 0; i < count; i++) {
        const struct path *p = &paths[i];
        struct subject subject = {.host = p->from.host == NULL ? p->to : p->from.host,
                                  .peer = p->from.host == NULL ? NULL : p->to};
        const char *blind = p->refused + p->blocked > 0 ? NULL : blindness(a, p);
        if (p->answered > 0) {
            judge_fine(a, r, subject, "Connections that the matrix requires were answered.");
        } else if (p->attempt_count == 0) {
            continue;
        } else if (blind != NULL) {
            judge_hidden(a, r, subject, blind);
        } else {
            report_path(a, r, p, subject);
        }
    }
    expect_hosts(a, r, ROLES_FOR_CLIENTS,
                 "No client asked for a connection to this host that the matrix requires.");
}

const struct rule rule_blocked_required_path = {
    .code = "R123",
    .name = "blocked-required-path",
    .title = "Required connection is not answered",
    .severity = SEVERITY_MEDIUM,
    .statements = "S09 S75 S88 S103",
    .references = "Microsoft Learn: Ports used in Configuration Manager\nRFC 9293 3.5\nRFC 792",
    .means = "A connection that the hierarchy needs was tried and came to nothing: it was refused, "
             "a router or host said that it cannot be reached, or three attempts had no answer. "
             "The role does not work for whoever tried, or works by a way that nobody planned.",
    .evidence = "The SYNs, the reset, or the ICMP error, of connections that a row of the matrix "
                "requires between declared ends. Not counted: a path that was answered at any time "
                "in the capture, to any client of the same network (a service that restarts), "
                "alternatives of one row (389 and 636, "
                "80 and 8530), connections to clients, which may be switched off, and what the "
                "policy denies itself. Where the sensor saw only one direction, or nothing shows "
                "that answers would pass it, a missing answer is not assessable. A host that is "
                "down looks the same as a filter.",
    .remediation = "Let the firewalls pass the port, or start the service; or declare the path "
                   "as denied under `matrix` when it is not meant to be.",
    .records = 0,
    .finish = finish_paths,
};
