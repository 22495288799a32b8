/*
 * rules_coverage.c - chapter K: what the capture shows of the hierarchy at all. R120 traffic that
 * is missing, R121 what is declared and was not seen, R122 what encryption hid, R123 required paths
 * that nobody answered.
 */
#include <stdio.h>
#include <string.h>

#include "capture/decode.h"
#include "policy/coverage.h"
#include "policy/ledger.h"

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
                "in the capture (a service that restarts), alternatives of one row (389 and 636, "
                "80 and 8530), connections to clients, which may be switched off, and what the "
                "policy denies itself. Where the sensor saw only one direction, or nothing shows "
                "that answers would pass it, a missing answer is not assessable. A host that is "
                "down looks the same as a filter.",
    .remediation = "Let the firewalls pass the port, or start the service; or declare the path "
                   "as denied under `matrix` when it is not meant to be.",
    .records = 0,
    .finish = finish_paths,
};
