/*
 * rules_relay.c - chapter D: authentications passed on. R042 what can be relayed, R044 what was by
 * NTLM, R053 what was by Kerberos.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "policy/recent.h"
#include "policy/sign_on.h"

/* ---- R042 ---- */

static void report_relayable(struct audit *a, const struct rule *r, const struct observation *o,
                             bool in_http)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp proof = observation_packet(o, FACT_NTLM_AUTHENTICATE_PACKET);
    const char *carrier = observation_text(o, FACT_NTLM_CARRIER);
    bool targeted = observation_get(o, FACT_NTLM_TARGET_SPN) != NULL;
    struct breach b = {.subject = scene_subject(scene),
                       .client = client,
                       .server = server,
                       .kind = in_http ? "http" : "mic",
                       .confidence = CONFIDENCE_PROVEN,
                       .title = in_http ? "NTLM in plain HTTP can be relayed" : NULL,
                       .at = &proof};
    char account[ACCOUNT_TEXT], client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    ntlm_account(o, account);
    finding_evidence(a, f, proof, "AUTHENTICATE of %s: %s, channel binding %s, target name %s",
                     account, observation_says(o, FACT_NTLM_MIC) ? "MIC" : "no MIC",
                     observation_says(o, FACT_NTLM_CHANNEL_BINDING) ? "given" : "none",
                     targeted ? "given" : "none");
    if (is_new) {
        finding_explain(a, f,
                        "%s authenticated to %s as %s by NTLM inside %s %s; who makes the client "
                        "come to him can pass this authentication on to another server.",
                        party_text(client, client_text), party_text(server, server_text), account,
                        carrier == NULL ? "an unnamed protocol" : carrier,
                        in_http ? "without TLS, where nothing ties it to the connection"
                                : "without a message integrity code, so that its signing flags "
                                  "can be changed on the way");
        finding_remedy(a, f,
                       in_http ? "Let %s take Windows authentication inside TLS only, with "
                                 "Extended Protection for Authentication required."
                               : "On the client side of connections to %s, replace what sends NTLM "
                                 "without a MIC, and refuse NTLM where Kerberos serves.",
                       server->host != NULL ? server->host->name : server_text);
    }
}

static void observe_relayable(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    struct subject subject = scene_subject(scene);
    if (!scene_is_declared(scene) || !observation_is(o, FACT_NTLM_VARIANT, "v2") ||
        observation_get(o, FACT_NTLM_AUTHENTICATE_PACKET) == NULL) {
        return;
    }
    bool in_http = observation_is(o, FACT_NTLM_CARRIER, "http");
    bool bound = observation_says(o, FACT_NTLM_CHANNEL_BINDING);
    if (!observation_says(o, FACT_NTLM_MIC)) {
        report_relayable(a, r, o, false);
    } else if (in_http && !bound) {
        report_relayable(a, r, o, true);
    } else if (bound) {
        judge_fine(a, r, subject, "Answers were tied to their channel and carried a MIC.");
    } else {
        judge_fine(a, r, subject,
                   "Answers carried a MIC; where there is no TLS channel an empty channel binding "
                   "says nothing.");
    }
}

static void finish_authentication(struct audit *a, const struct rule *r)
{
    expect_hosts(a, r, role_site_systems() | ROLE_BIT(ROLE_DOMAIN_CONTROLLER),
                 "No readable authentication at this host is in the capture.");
}

const struct rule rule_ntlm_relayable = {
    .code = "R042",
    .name = "ntlm-relayable",
    .title = "NTLM answer without a MIC",
    .severity = SEVERITY_HIGH,
    .statements = "S34",
    .references = "[MS-NLMP] 2.2.2.1 (MsvAvFlags, MsvAvChannelBindings, MsvAvTargetName)\n"
                  "Misconfiguration Manager: PREVENT-13, PREVENT-14\nMITRE ATT&CK T1557.001",
    .means = "An NTLM authentication lacks what keeps it from being passed on: the message "
             "integrity code, without which an attacker in the middle strikes out signing, or, in "
             "plain HTTP, a TLS channel that it could be tied to.",
    .evidence = "The attribute pairs in the NTLMv2 response. A channel binding that is all zero is "
                "normal where there is no TLS channel (SMB, LDAP, RPC, SQL in clear) and is judged "
                "in HTTP only; inside TLS nothing can be seen. NTLMv1 is R041's.",
    .remediation = "Extended Protection for Authentication on IIS, SQL Server and AD CS, LDAP "
                   "channel binding, SMB signing; no Windows authentication outside TLS.",
    .records = 1u << RECORD_NTLM,
    .observe = observe_relayable,
    .finish = finish_authentication,
};

/* ---- one exchange on two connections: R044, R053 ---- */

struct leg { /* a connection that carried it */
    struct party client, server;
    struct stamp given, proof; /* given: order 0 where there is no challenge */
    uint64_t flow;
    char account[100];
};
_Static_assert(sizeof(struct leg) <= RECENT_OCTETS, "a row has room for it");

static bool same_party(const struct party *x, const struct party *y)
{
    return address_equal(&x->address, &y->address) || (x->host != NULL && x->host == y->host);
}

/* Copies of one connection, before and after address translation or behind one name, are none. */
static bool is_another(const struct leg *x, const struct leg *y)
{
    return x->flow != y->flow && !same_party(&x->client, &y->client) &&
           !same_party(&x->server, &y->server);
}

/* Which leg led to the server that was really meant to be used. */
static bool leads_to_target(const struct leg *leg, const struct leg *other)
{
    if (same_party(&leg->client, &other->server)) {
        return true;
    }
    if (same_party(&other->client, &leg->server)) {
        return false;
    }
    const struct stamp *mine = leg->given.order != 0 ? &leg->given : &leg->proof,
                       *theirs = other->given.order != 0 ? &other->given : &other->proof;
    /* The target's challenge comes first, the victim's proof too. */
    return leg->given.order != 0 ? mine->order < theirs->order : mine->order > theirs->order;
}

struct relay_words {
    const char *what, *same, *remedy; /* remedy: one %s, the target */
};

static void report_relay(struct audit *a, const struct rule *r, const struct leg *x,
                         const struct leg *y, const struct relay_words *words)
{
    bool first = leads_to_target(x, y);
    const struct leg *target = first ? x : y, *victim = first ? y : x;
    const struct host *subject = target->server.host != NULL   ? target->server.host
                                 : victim->client.host != NULL ? victim->client.host
                                                               : victim->server.host;
    struct breach b = {.subject = {.host = subject},
                       .client = &target->client,
                       .server = &target->server,
                       .kind = "relay",
                       .confidence = CONFIDENCE_PROVEN,
                       .at = &target->proof};
    char from[PARTY_TEXT], over[PARTY_TEXT], by[PARTY_TEXT], to[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    party_text(&victim->client, from);
    party_text(&victim->server, over);
    party_text(&target->client, by);
    party_text(&target->server, to);
    finding_evidence(a, f, target->proof, "%s from %s to %s", words->what, by, to);
    finding_evidence(a, f, victim->proof, "%s from %s to %s", words->same, from, over);
    if (target->given.order != 0 && victim->given.order != 0) {
        finding_evidence(a, f, target->given, "challenge of %s", to);
        finding_evidence(a, f, victim->given, "the same challenge, from %s", over);
    }
    if (is_new) {
        finding_explain(a, f,
                        "%s authenticated%s%s to %s, and the same exchange appears between %s and "
                        "%s: it was passed on, and its account was used there by another. (It may "
                        "also be a proxy or load balancer that the policy does not declare.)",
                        from, victim->account[0] != '\0' ? " as " : "", victim->account, over, by,
                        to);
        finding_remedy(a, f, words->remedy, to);
    }
}

/* True when this leg repeats one of another connection. */
static bool match_leg(struct audit *a, const struct rule *r, struct recent *t, uint64_t key,
                      const struct leg *leg, const struct relay_words *words)
{
    const struct leg *before = recent_find(t, key, leg->proof.ns);
    if (before == NULL) {
        struct leg *kept = recent_make(a, t, key, leg->proof.ns);
        if (kept != NULL) {
            *kept = *leg;
        }
        return false;
    }
    bool proxied = ((party_roles(&before->server) | party_roles(&leg->server)) &
                    ROLE_BIT(ROLE_WEB_PROXY)) != 0;
    bool declared = party_is_declared(&before->client) || party_is_declared(&before->server) ||
                    party_is_declared(&leg->client) || party_is_declared(&leg->server);
    if (!is_another(before, leg) || proxied || !declared) {
        return false;
    }
    report_relay(a, r, before, leg, words);
    return true;
}

/* ---- names: what was meant for another server ---- */

static void report_name(struct audit *a, const struct rule *r, const struct stamp *at,
                        const char *name, const struct relay_words *words)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct breach b = {.subject = scene_subject(scene),
                       .client = client,
                       .server = server,
                       .kind = words->what,
                       .confidence = CONFIDENCE_DERIVED,
                       .title = words->same,
                       .at = at};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, *at, "%s %.150s", words->what, name);
    if (is_new) {
        finding_explain(a, f,
                        "In the authentication of %s to %s, the %s is %.150s, which is not this "
                        "server: what belongs to another server was passed on. (It may also be an "
                        "alias, cluster name or further address that the policy does not declare.)",
                        party_text(client, client_text), party_text(server, server_text),
                        words->what, name);
        finding_remedy(a, f, words->remedy, server_text);
    }
}

/* ---- R044 ---- */

#define RELAY_NS (60 * SECOND)
#define INCIDENT                                                                                   \
    "Treat it as an attack: find who sits between, change the account's password, and require "    \
    "SMB "                                                                                         \
    "signing, Extended Protection and LDAP signing with channel binding on %s and its like."

static const struct relay_words by_challenge = {
    "the relayed authentication,", "the authentication that it was taken from,", INCIDENT};
static const struct relay_words by_target = {"target name in the AUTHENTICATE message",
                                             "NTLM answer meant for another server", INCIDENT};
static const struct relay_words by_challenger = {"computer name in the CHALLENGE message",
                                                 "NTLM challenge of another server", INCIDENT};

static bool is_nothing(struct bytes octets)
{
    uint8_t any = 0;
    for (size_t i = 0; i < octets.len; i++) {
        any |= octets.at[i];
    }
    return any == 0;
}

static bool match_exchange(struct audit *a, const struct rule *r, struct recent *t,
                           const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    static const enum fact_id keys[] = {FACT_NTLM_SERVER_CHALLENGE, FACT_NTLM_RESPONSE_HASH};
    struct leg leg = {.client = scene->ends[DIR_CLIENT],
                      .server = scene->ends[DIR_SERVER],
                      .given = observation_packet(o, FACT_NTLM_CHALLENGE_PACKET),
                      .proof = observation_packet(o, FACT_NTLM_AUTHENTICATE_PACKET),
                      .flow = o->flow.id};
    char account[ACCOUNT_TEXT];
    (void)snprintf(leg.account, sizeof leg.account, "%.99s", ntlm_account(o, account));
    if (leg.proof.order == 0) {
        leg.proof = leg.given;
    }
    bool matched = false;
    for (size_t i = 0; i < sizeof keys / sizeof *keys && !matched; i++) {
        const struct fact *fact = observation_get(o, keys[i]);
        struct bytes octets = fact == NULL ? (struct bytes){0} : fact_octets(o, fact);
        if (octets.len != 0 && !is_nothing(octets)) {
            uint64_t key = recent_key(keys[i] + 1, octets.at, octets.len);
            matched = match_leg(a, r, t, key, &leg, &by_challenge);
        }
    }
    return matched;
}

static void observe_relay(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *server = &scene->ends[DIR_SERVER];
    struct recent *t = audit_state(a, r, sizeof *t);
    if (t == NULL) {
        return;
    }
    t->window_ns = RELAY_NS;
    bool matched = match_exchange(a, r, t, o);
    if (!scene_is_declared(scene) || observation_is(o, FACT_NTLM_VARIANT, "anonymous")) {
        return;
    }
    const char *target = observation_text(o, FACT_NTLM_TARGET_SPN);
    const char *challenger = observation_text(o, FACT_NTLM_SERVER_DNS_NAME);
    challenger = challenger != NULL ? challenger : observation_text(o, FACT_NTLM_SERVER_NAME);
    struct stamp proof = observation_packet(o, FACT_NTLM_AUTHENTICATE_PACKET),
                 challenge = observation_packet(o, FACT_NTLM_CHALLENGE_PACKET);
    enum name_fit meant = name_fits(a, target, server), said = name_fits(a, challenger, server);
    if (meant == NAME_OTHER) {
        report_name(a, r, &proof, target, &by_target);
    }
    if (said == NAME_OTHER) {
        report_name(a, r, &challenge, challenger, &by_challenger);
    }
    if (matched || meant == NAME_OTHER || said == NAME_OTHER) {
        return;
    }
    if (meant == NAME_UNKNOWN && said == NAME_UNKNOWN) {
        judge_hidden(a, r, scene_subject(scene),
                     "The messages name no server that the policy knows; aliases are to be "
                     "declared.");
    } else {
        judge_fine(a, r, scene_subject(scene),
                   "Challenges were seen on one connection each, and names fit the server.");
    }
}

const struct rule rule_ntlm_relay_proven = {
    .code = "R044",
    .name = "ntlm-relay-proven",
    .title = "NTLM authentication was relayed",
    .severity = SEVERITY_CRITICAL,
    .statements = "S34",
    .references = "[MS-NLMP] 3.1.5.1.2, 3.3.2 (the response is bound to the challenge)\n"
                  "Misconfiguration Manager: DETECT-1, DETECT-3, TAKEOVER-1\nMITRE ATT&CK "
                  "T1557.001",
    .means = "One NTLM exchange appears on two connections, or belongs to another server than the "
             "one it was held with: somebody makes a computer authenticate to him and hands the "
             "exchange on, to act at the target as that account.",
    .evidence = "The same server challenge, or NTLMv2 response, within a minute on two connections "
                "whose clients and servers both differ: proven, since the answer is bound to the "
                "challenge. Responses are compared by a digest and never written. With one "
                "connection only: the target name in the answer, or the "
                "computer name in the challenge, is another declared host or address. Copies from "
                "a mirror port or before and after address translation share a client or a server "
                "and do not count; neither do declared proxies. Names that the policy does not "
                "know are not judged: aliases, cluster and listener names are to be declared.",
    .remediation = "Incident response; then SMB signing, Extended Protection for Authentication, "
                   "LDAP signing and channel binding, and no NTLM for computer accounts.",
    .records = 1u << RECORD_NTLM,
    .observe = observe_relay,
    .finish = finish_authentication,
};

/* ---- R053 ---- */

#define REPLAY_NS (300 * SECOND)
#define TICKET_INCIDENT                                                                            \
    "Treat it as an attack: find who sits between, and require signing and channel binding on "    \
    "%s, "                                                                                         \
    "which Kerberos alone does not give."

static const struct relay_words by_request = {
    "the relayed AP-REQ,", "the AP-REQ that it was taken from,", TICKET_INCIDENT};
static const struct relay_words by_ticket = {"service of the ticket",
                                             "Kerberos ticket for another server", TICKET_INCIDENT};

static bool match_request(struct audit *a, const struct rule *r, struct recent *t,
                          const struct observation *o, const struct stamp *at)
{
    const struct scene *scene = audit_scene(a);
    const struct fact *hash = observation_get(o, FACT_KERBEROS_AP_HASH);
    struct leg leg = {.client = scene->ends[DIR_CLIENT],
                      .server = scene->ends[DIR_SERVER],
                      .proof = *at,
                      .flow = o->flow.id};
    if (hash == NULL) {
        return false;
    }
    struct bytes octets = fact_octets(o, hash);
    return match_leg(a, r, t, recent_key(0, octets.at, octets.len), &leg, &by_request);
}

static void observe_request(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    struct recent *t = audit_state(a, r, sizeof *t);
    if (t == NULL || !observation_is(o, FACT_KERBEROS_EXCHANGE, "ap")) {
        return;
    }
    t->window_ns = REPLAY_NS;
    struct stamp at = observation_packet(o, FACT_KERBEROS_PACKET);
    at = at.order != 0 ? at : o->at;
    bool matched = match_request(a, r, t, o, &at);
    if (!scene_is_declared(scene) || matched) {
        return;
    }
    const char *service = observation_text(o, FACT_KERBEROS_TICKET_SERVICE);
    service = service != NULL ? service : observation_text(o, FACT_KERBEROS_SERVICE);
    switch (name_fits(a, service, &scene->ends[DIR_SERVER])) {
    case NAME_OTHER:
        report_name(a, r, &at, service, &by_ticket);
        break;
    case NAME_FITS:
        judge_fine(a, r, scene_subject(scene), "Tickets were for the server they were sent to.");
        break;
    case NAME_UNKNOWN:
        judge_hidden(a, r, scene_subject(scene),
                     "The tickets name a service that the policy does not know; aliases are to be "
                     "declared.");
        break;
    }
}

const struct rule rule_kerberos_relay_proven = {
    .code = "R053",
    .name = "kerberos-relay-proven",
    .title = "Kerberos authentication was relayed",
    .severity = SEVERITY_CRITICAL,
    .statements = "S34",
    .references = "RFC 4120 3.2.3 (replay)\nMisconfiguration Manager: TAKEOVER-5\nMITRE ATT&CK "
                  "T1557",
    .means = "The same AP-REQ went to two servers, or a ticket went to a server that it was not "
             "issued for. Where signing and channel binding are not required, an attacker can act "
             "with it although no NTLM is involved.",
    .evidence = "The digest of the ticket's and the authenticator's encrypted parts, on two "
                "connections within five minutes whose clients and servers both differ; or the "
                "ticket's service names another declared host. Declared aliases and proxies do not "
                "count, names that the policy does not know are not judged, and inside TLS nothing "
                "can be seen.",
    .remediation = "Incident response; then signing and channel binding on the targets, and no "
                   "dynamic DNS updates by anybody.",
    .records = 1u << RECORD_KERBEROS,
    .observe = observe_request,
    .finish = finish_authentication,
};
