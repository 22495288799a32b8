/*
 * rules_topology_links.c - chapter A: how far apart the systems of a site stand, and what is sent
 * to its distribution points. R009.
 */
#include <stdio.h>
#include <string.h>

#include "capture/limits.h"
#include "policy/topology.h"

#define SITE_SERVERS (ROLE_BIT(ROLE_SITE_SERVER) | ROLE_BIT(ROLE_SITE_SERVER_PASSIVE))
#define HOUR (INT64_C(3600) * 1000000000)
#define DAY (24 * HOUR)

/* Handshakes that a median needs, and is taken of: the last ones. */
#define HANDSHAKES_ENOUGH 5u
#define HANDSHAKES 32u
/* Segments that a share of losses needs. */
#define SEGMENTS_ENOUGH 100u
/* Statements S04: what is not well connected where the policy does not say. */
#define DEFAULT_RTT_MS 50u
/* What a site server sends in an hour besides content: a service started, a file of settings. */
#define BESIDES_CONTENT UINT64_C(1000000)
#define MEGABYTE UINT64_C(1000000)
#define HOURS_KEPT 32u
#define DAYS_KEPT 4u

struct sum { /* of an hour or day since the epoch */
    int64_t of;
    uint64_t octets;
};

struct link { /* from one host to another; and what is sent that way, where it is a delivery */
    const struct host *from, *to;
    uint32_t rtt_us[HANDSHAKES];
    unsigned handshakes;
    uint64_t segments, repeated;
    struct sum hours[HOURS_KEPT], outside[HOURS_KEPT], days[DAYS_KEPT];
};

struct links {
    struct link *slots[2 * LIMIT_LINKS];
    unsigned count;
};

/* ---- the table ---- */

static struct link *link_of(struct audit *a, struct links *all, const struct host *from,
                            const struct host *to)
{
    const struct host *first = audit_policy(a)->hosts;
    uint64_t pair = (uint64_t)(from - first) << 32 | (uint64_t)(to - first);
    size_t at = (size_t)((pair * UINT64_C(0x9e3779b97f4a7c15)) >> 32) % (2 * LIMIT_LINKS);
    while (all->slots[at] != NULL && (all->slots[at]->from != from || all->slots[at]->to != to)) {
        at = (at + 1) % (2 * LIMIT_LINKS);
    }
    if (all->slots[at] != NULL) {
        return all->slots[at];
    }
    if (all->count == LIMIT_LINKS) {
        audit_shed(a);
        return NULL;
    }
    struct link *made = audit_alloc(a, sizeof *made);
    if (made != NULL) {
        made->from = from;
        made->to = to;
        all->slots[at] = made;
        all->count++;
    }
    return made;
}

/* Adds to the sum of that hour or day, and gives it back; an older one that made room stays gone.
 */
static uint64_t add(struct sum *sums, unsigned room, int64_t of, uint64_t octets)
{
    struct sum *sum = &sums[(uint64_t)of % room];
    if (sum->of > of) {
        return 0;
    }
    if (sum->of < of) {
        *sum = (struct sum){.of = of};
    }
    sum->octets += octets;
    return sum->octets;
}

/* ---- what is reported ---- */

struct trouble {
    const char *kind;
    struct subject subject;
    const char *says; /* a sentence's end, with the numbers */
    const char *remedy;
    enum confidence confidence;
};

static void report_trouble(struct audit *a, const struct rule *r, const struct observation *o,
                           const struct trouble *t)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT];
    struct party server = scene->ends[DIR_SERVER];
    struct stamp first = observation_packet(o, FACT_FLOW_FIRST_PACKET);
    server.port = 0; /* it is the way there that is judged */
    struct breach b = {.subject = t->subject,
                       .client = client,
                       .server = &server,
                       .kind = t->kind,
                       .confidence = t->confidence,
                       .at = &first};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, first, "first packet of a connection that was counted");
    finding_evidence(a, f, o->at, "its last packet");
    if (is_new) {
        finding_explain(a, f, "From %s to %s, both of site %s, %s.",
                        party_text(client, client_text), party_text(&server, server_text),
                        server.host->site->code, t->says);
        finding_remedy(a, f, "%s", t->remedy);
    }
}

/* ---- links ---- */

static uint32_t median(const struct link *l)
{
    uint32_t sorted[HANDSHAKES];
    unsigned count = l->handshakes < HANDSHAKES ? l->handshakes : HANDSHAKES;
    for (unsigned i = 0; i < count; i++) {
        unsigned at = i;
        for (; at > 0 && sorted[at - 1] > l->rtt_us[i]; at--) {
            sorted[at] = sorted[at - 1];
        }
        sorted[at] = l->rtt_us[i];
    }
    return sorted[count / 2];
}

/* From SYN to the ACK of the answer is the whole way and back, wherever the sensor stands. */
static void judge_latency(struct audit *a, const struct rule *r, const struct observation *o,
                          struct link *l)
{
    uint64_t rtt = observation_number(o, FACT_FLOW_RTT_US, 0);
    uint32_t most = audit_policy(a)->links.max_rtt_ms;
    most = most == 0 ? DEFAULT_RTT_MS : most;
    if (rtt == 0) {
        return;
    }
    l->rtt_us[l->handshakes++ % HANDSHAKES] = (uint32_t)(rtt < UINT32_MAX ? rtt : UINT32_MAX);
    if (l->handshakes < HANDSHAKES_ENOUGH) {
        return;
    }
    uint32_t typical = median(l);
    if (typical / 1000 <= most) {
        judge_fine(a, r, (struct subject){.host = l->to},
                   "Handshakes with other systems of its site were quick.");
        return;
    }
    char says[160];
    (void)snprintf(says, sizeof says,
                   "handshakes take %u ms (median of the last %u), and %u ms %s well connected",
                   typical / 1000, l->handshakes < HANDSHAKES ? l->handshakes : HANDSHAKES, most,
                   audit_policy(a)->links.max_rtt_ms == 0 ? "is taken as" : "is declared as");
    struct trouble t = {.kind = "latency",
                        .subject = {.host = l->to},
                        .says = says,
                        .remedy = "Move the role closer to its site, or give that place a site of "
                                  "its own; if such a link is meant, raise `links: {max-rtt-ms}`.",
                        .confidence = CONFIDENCE_DERIVED};
    report_trouble(a, r, o, &t);
}

/* What is lost before the sensor is never seen there; so few repetitions prove something only where
 * the sensor stands in that site. */
static void judge_loss(struct audit *a, const struct rule *r, const struct observation *o,
                       struct link *l)
{
    const struct policy *p = audit_policy(a);
    uint32_t most = p->links.max_loss_percent;
    l->segments += observation_number(o, FACT_FLOW_PACKETS_CLIENT, 0) +
                   observation_number(o, FACT_FLOW_PACKETS_SERVER, 0);
    l->repeated += observation_number(o, FACT_FLOW_RETRANSMISSIONS_CLIENT, 0) +
                   observation_number(o, FACT_FLOW_RETRANSMISSIONS_SERVER, 0);
    if (most == 0 || l->segments < SEGMENTS_ENOUGH) {
        return;
    }
    struct subject subject = {.host = l->to};
    if (l->repeated * 100 <= l->segments * most) {
        if (p->sensor.site == l->to->site) {
            judge_fine(a, r, subject, "Few segments were sent again within its site.");
        } else {
            judge_hidden(a, r, subject,
                         "The sensor is not declared in its site, and does not see what is lost "
                         "before it.");
        }
        return;
    }
    char says[160];
    (void)snprintf(says, sizeof says,
                   "%llu of %llu packets were sent again (%llu %%), and %u %% is declared as the "
                   "most",
                   (unsigned long long)l->repeated, (unsigned long long)l->segments,
                   (unsigned long long)(l->repeated * 100 / l->segments), most);
    struct trouble t = {.kind = "loss",
                        .subject = subject,
                        .says = says,
                        .remedy = "Find where packets are lost on that way; move the role closer, "
                                  "or raise `links: {max-loss-percent}` if that is how the link "
                                  "is.",
                        .confidence =
                            p->sensor.site != NULL ? CONFIDENCE_DERIVED : CONFIDENCE_INFERRED};
    report_trouble(a, r, o, &t);
}

/* ---- deliveries ---- */

struct span {
    int64_t from, to; /* ns since the epoch, UTC */
};

static bool overlaps_schedule(const struct role_instance *dp, struct span s)
{
    int64_t from = dp->between_from * INT64_C(60000000000),
            to = dp->between_to * INT64_C(60000000000), start = s.from % DAY,
            end = start + (s.to - s.from);
    bool over_midnight = to <= from;
    return end - start >= DAY || (over_midnight ? start < to || end >= from
                                                : (start < to && end >= from) || end >= DAY + from);
}

static void judge_schedule(struct audit *a, const struct rule *r, const struct observation *o,
                           struct link *l, struct span s)
{
    const struct role_instance *dp = host_role(l->to, ROLE_DISTRIBUTION_POINT);
    struct subject subject = {.host = l->to, .role = dp};
    uint64_t octets = observation_number(o, FACT_FLOW_BYTES_CLIENT, 0);
    if (dp->between_from < 0) {
        return;
    }
    if (overlaps_schedule(dp, s)) {
        judge_fine(a, r, subject, "The site server sent to it within its schedule.");
        return;
    }
    uint64_t sum = add(l->outside, HOURS_KEPT, s.to / HOUR, octets);
    if (sum <= BESIDES_CONTENT) {
        judge_fine(a, r, subject, "Outside its schedule no more was sent than management needs.");
    } else if (dp->urgent_at_any_time) {
        judge_hidden(a, r, subject,
                     "Content was sent outside its schedule; it may have been urgent, which the "
                     "policy lets go at any time.");
    } else {
        char says[200];
        (void)snprintf(
            says, sizeof says,
            "%llu MB went by SMB in one hour outside the schedule %02d:%02d to %02d:%02d "
            "(UTC)",
            (unsigned long long)(sum / MEGABYTE), dp->between_from / 60, dp->between_from % 60,
            dp->between_to / 60, dp->between_to % 60);
        struct trouble t = {.kind = "schedule",
                            .subject = subject,
                            .says = says,
                            .remedy = "Set the schedule in the distribution point's properties; "
                                      "for its first filling use prestaged content. If urgent "
                                      "content may go at any time, declare `urgent-at-any-time`.",
                            .confidence = CONFIDENCE_DERIVED};
        report_trouble(a, r, o, &t);
    }
}

/* Octets are spread evenly over the time that the connection lasted. True: an hour had too many. */
static bool add_hours(struct link *l, struct span s, uint64_t octets, uint64_t most)
{
    int64_t first = s.from / HOUR, last = s.to / HOUR;
    first = last - first >= (int64_t)HOURS_KEPT ? last - (int64_t)HOURS_KEPT + 1 : first;
    bool over = false;
    for (int64_t hour = first; hour <= last; hour++) {
        int64_t from = hour * HOUR > s.from ? hour * HOUR : s.from;
        int64_t to = (hour + 1) * HOUR < s.to ? (hour + 1) * HOUR : s.to;
        double share = s.to > s.from ? (double)(to - from) / (double)(s.to - s.from) : 1;
        over |= add(l->hours, HOURS_KEPT, hour, (uint64_t)((double)octets * share)) > most;
    }
    return over;
}

static void judge_rate(struct audit *a, const struct rule *r, const struct observation *o,
                       struct link *l, struct span s)
{
    const struct role_instance *dp = host_role(l->to, ROLE_DISTRIBUTION_POINT);
    struct subject subject = {.host = l->to, .role = dp};
    uint64_t octets = observation_number(o, FACT_FLOW_BYTES_CLIENT, 0);
    if (dp->bandwidth_mbit == 0) {
        return;
    }
    /* Megabit a second, for an hour; a tenth more is headers and what was sent again. */
    uint64_t most = dp->bandwidth_mbit * MEGABYTE / 8 * 3600;
    if (!add_hours(l, s, octets, most + most / 10)) {
        judge_fine(a, r, subject, "The site server kept to its limit.");
        return;
    }
    char says[160];
    (void)snprintf(says, sizeof says,
                   "more than %llu MB went by SMB in one hour, which is what %u Mbit/s would allow",
                   (unsigned long long)(most / MEGABYTE), dp->bandwidth_mbit);
    struct trouble t = {.kind = "rate",
                        .subject = subject,
                        .says = says,
                        .remedy = "Set the rate limits in the distribution point's properties; for "
                                  "its first filling use prestaged content.",
                        .confidence = CONFIDENCE_DERIVED};
    report_trouble(a, r, o, &t);
}

static void judge_prestaged(struct audit *a, const struct rule *r, const struct observation *o,
                            struct link *l, struct span s)
{
    const struct role_instance *dp = host_role(l->to, ROLE_DISTRIBUTION_POINT);
    struct subject subject = {.host = l->to, .role = dp};
    uint32_t most = audit_policy(a)->links.prestaged_max_mb;
    if (!dp->prestaged) {
        return;
    }
    uint64_t sum =
        add(l->days, DAYS_KEPT, s.to / DAY, observation_number(o, FACT_FLOW_BYTES_CLIENT, 0));
    if (most == 0) {
        judge_hidden(a, r, subject,
                     "The policy does not say how much may be sent to a prestaged distribution "
                     "point (`links: {prestaged-max-mb}`).");
    } else if (sum <= most * MEGABYTE) {
        judge_fine(a, r, subject, "Little was sent to it, as its content is prestaged.");
    } else {
        char says[160];
        (void)snprintf(says, sizeof says,
                       "%llu MB went by SMB in one day, although its content is prestaged and %u "
                       "MB a day is declared as the most",
                       (unsigned long long)(sum / MEGABYTE), most);
        struct trouble t = {.kind = "prestaged",
                            .subject = subject,
                            .says = says,
                            .remedy = "Set packages to be copied to this distribution point by "
                                      "hand (\"Manually copy the content\").",
                            .confidence = CONFIDENCE_DERIVED};
        report_trouble(a, r, o, &t);
    }
}

static void judge_delivery(struct audit *a, const struct rule *r, const struct observation *o,
                           struct link *l)
{
    const struct role_instance *dp = host_role(l->to, ROLE_DISTRIBUTION_POINT);
    if (!dp->prestaged && dp->bandwidth_mbit == 0 && dp->between_from < 0) {
        judge_hidden(a, r, (struct subject){.host = l->to, .role = dp},
                     "The policy declares neither a schedule nor a limit for it.");
        return;
    }
    struct span s = {.from = (int64_t)observation_number(o, FACT_FLOW_START, (uint64_t)o->at.ns),
                     .to = o->at.ns};
    if (s.from < 0 || s.to < s.from) {
        return;
    }
    judge_schedule(a, r, o, l, s);
    judge_rate(a, r, o, l, s);
    judge_prestaged(a, r, o, l, s);
}

/* ---- the rule ---- */

static void observe_link(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    if (client->host == NULL || server->host == NULL || client->host == server->host ||
        client->host->site == NULL || client->host->site != server->host->site ||
        !party_is_site_system(client) || !party_is_site_system(server) ||
        !topology_is_answered(o)) {
        return;
    }
    struct links *all = audit_state(a, r, sizeof *all);
    struct link *l = all == NULL ? NULL : link_of(a, all, client->host, server->host);
    if (l == NULL) {
        return;
    }
    judge_latency(a, r, o, l);
    judge_loss(a, r, o, l);
    if ((party_roles(client) & SITE_SERVERS) != 0 && (party_roles(server) & SITE_SERVERS) == 0 &&
        (party_roles(server) & ROLE_BIT(ROLE_DISTRIBUTION_POINT)) != 0 &&
        (server->port == 445 || observation_is(o, FACT_FLOW_PROTOCOL, "smb"))) {
        judge_delivery(a, r, o, l);
    }
}

static void finish_link(struct audit *a, const struct rule *r)
{
    expect_roles(a, r, ROLE_BIT(ROLE_DISTRIBUTION_POINT),
                 "No transfer of its site server to this distribution point is in the capture.");
    expect_hosts(a, r, role_site_systems(),
                 "Too few handshakes of this host with others of its site are in the capture.");
}

const struct rule rule_unthrottled_or_slow_site_links = {
    .code = "R009",
    .name = "unthrottled-or-slow-site-links",
    .title = "Site system far away, or content sent outside its schedule",
    .severity = SEVERITY_INFO,
    .statements = "S02 S03 S04 S05 S06 S07",
    .references = "Microsoft Learn: Communications between endpoints in Configuration Manager "
                  "(site systems in a site)\nMicrosoft Learn: Manage network bandwidth for content",
    .means =
        "Systems of a site speak with each other at any time and at full speed, so they are to "
        "stand where the network is fast; only what the site server sends to a distribution "
        "point can be scheduled and throttled. Either a system of the site is further away "
        "than the policy calls well connected, or content went to a distribution point "
        "outside the schedule, above the limit, or although it is prestaged.",
    .evidence = "Between two site systems of one site: the median of at least five handshakes "
                "against `links: {max-rtt-ms}` (50 where not declared), and of at least a hundred "
                "packets the share sent again against `max-loss-percent`. From the site server to "
                "a distribution point by SMB: octets of frames by hour against `bandwidth` (a "
                "tenth more is let pass; outside the schedule one megabyte an hour is), and by day "
                "against `prestaged-max-mb`. Times of the schedule are read as UTC; connections "
                "that reach into it do not count. A sensor in another place sees fewer losses than "
                "there are, and the first filling of a distribution point looks like this.",
    .remediation = "Limit and schedule distribution, prestage content, or move the role.",
    .records = 1u << RECORD_FLOW,
    .observe = observe_link,
    .finish = finish_link,
};
