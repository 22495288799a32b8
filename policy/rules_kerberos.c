/*
 * rules_kerberos.c - chapter G: tickets. R080 weak encryption types, R081 kerberoasting, R082
 * replies without pre-authentication, R083 the Kerberos error behind an NTLM logon.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "policy/sign_on.h"

#define SECOND INT64_C(1000000000)
#define CONTROLLERS (ROLE_BIT(ROLE_DOMAIN_CONTROLLER) | ROLE_BIT(ROLE_GLOBAL_CATALOG))

enum strength { STRONG, WEAK_RC4, WEAK_DES };

/* RFC 4120 7.5.1, RFC 4757: DES with any checksum; RC4 is 23 and 24. */
static enum strength strength_of(const char *etype)
{
    return etype == NULL                        ? STRONG
           : strncmp(etype, "des-", 4) == 0     ? WEAK_DES
           : strncmp(etype, "rc4-hmac", 8) == 0 ? WEAK_RC4
                                                : STRONG;
}

static bool has_prefix(const char *text, const char *prefix)
{
    return strncasecmp(text, prefix, strlen(prefix)) == 0;
}

/* The host of "MSSQLSvc/sql01.corp.example:1433", as declared; NULL: none. */
static const struct host *service_host(const struct policy *p, const char *service)
{
    char name[256];
    const char *at = service == NULL ? NULL : strchr(service, '/');
    size_t len = at == NULL ? 0 : strcspn(at + 1, ":/@");
    if (len == 0 || len >= sizeof name) {
        return NULL;
    }
    memcpy(name, at + 1, len);
    name[len] = '\0';
    return policy_host_named(p, name);
}

/* The service that the ticket is for in the end. */
static const char *ticket_service(const struct observation *o)
{
    const char *other = observation_text(o, FACT_KERBEROS_TICKET_SERVICE);
    return other != NULL ? other : observation_text(o, FACT_KERBEROS_SERVICE);
}

static void finish_tickets(struct audit *a, const struct rule *r)
{
    expect_hosts(a, r, CONTROLLERS, "No Kerberos with this host is in the capture.");
}

/* ---- R080 ---- */

struct weak_ticket {
    const char *service, *etype, *what;
    const struct host *host; /* of the service; NULL: not declared */
    bool referral;
};

static enum severity weakness(const struct weak_ticket *t)
{
    if (t->referral) {
        return SEVERITY_LOW;
    }
    bool of_site = (t->host != NULL && (t->host->role_bits & role_site_systems()) != 0) ||
                   has_prefix(t->service, "MSSQLSvc/");
    return of_site || strength_of(t->etype) == WEAK_DES ? SEVERITY_HIGH : SEVERITY_MEDIUM;
}

static void report_weak(struct audit *a, const struct rule *r, const struct observation *o,
                        const struct weak_ticket *t)
{
    const struct scene *scene = audit_scene(a);
    const struct party *server = &scene->ends[DIR_SERVER], *client = &scene->ends[DIR_CLIENT];
    bool ap = observation_is(o, FACT_KERBEROS_EXCHANGE, "ap");
    struct stamp proof =
        observation_packet(o, ap ? FACT_KERBEROS_PACKET : FACT_KERBEROS_REPLY_PACKET);
    char kind[200], client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    (void)snprintf(kind, sizeof kind, "%s %.150s", t->what, t->service);
    struct breach b = {.subject = {.host = t->host != NULL ? t->host : server->host},
                       .client = client,
                       .server = server,
                       .any_client = true,
                       .kind = kind,
                       .severity = weakness(t),
                       .confidence = CONFIDENCE_PROVEN,
                       .at = &proof};
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, proof, "%s for %.160s: %s", t->what, t->service, t->etype);
    if (is_new) {
        party_text(client, client_text);
        finding_explain(a, f, "%s %s %s: the %s for %.160s is encrypted by %s%s.",
                        party_text(server, server_text), ap ? "was shown by" : "gave to",
                        client_text, t->what, t->service, t->etype,
                        t->referral ? ", so the trust between the two realms has no AES key"
                                    : ", whose key can be guessed at offline");
        finding_remedy(a, f,
                       "Enable AES (msDS-SupportedEncryptionTypes) for %s%.160s, change its "
                       "password once so that AES keys exist, then disable RC4 and DES.",
                       t->referral ? "the trust " : "the account that holds ", t->service);
    }
}

static void observe_weak(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const char *service = ticket_service(o),
               *ticket = observation_text(o, FACT_KERBEROS_TICKET_ETYPE),
               *reply = observation_text(o, FACT_KERBEROS_REPLY_ETYPE);
    if (ticket == NULL || service == NULL) {
        return; /* asked for at most: old systems put RC4 into every list */
    }
    bool as = observation_is(o, FACT_KERBEROS_EXCHANGE, "as");
    struct weak_ticket t = {.service = service,
                            .etype = ticket,
                            .what = "ticket",
                            .host = service_host(scene->policy, service),
                            .referral = observation_get(o, FACT_KERBEROS_REFERRAL) != NULL};
    if (t.host == NULL && scene->ends[DIR_SERVER].host == NULL) {
        return;
    }
    if (strength_of(ticket) != STRONG) {
        report_weak(a, r, o, &t);
    } else if (as && strength_of(reply) != STRONG) {
        /* RFC 4120 3.1.3: what the client opens by its own key */
        const char *user = observation_text(o, FACT_KERBEROS_CLIENT);
        t = (struct weak_ticket){
            .service = user == NULL ? service : user, .etype = reply, .what = "reply"};
        report_weak(a, r, o, &t);
    } else {
        judge_fine_with(
            a, r, (struct subject){.host = t.host != NULL ? t.host : scene->ends[DIR_SERVER].host},
            "Its tickets are encrypted by %.40s.", ticket);
    }
}

const struct rule rule_weak_kerberos_etype = {
    .code = "R080",
    .name = "weak-kerberos-etype",
    .title = "Kerberos ticket encrypted by RC4 or DES",
    .severity = SEVERITY_MEDIUM,
    .statements = "S32",
    .references = "DISA STIG WN22-SO-000290\nMicrosoft Support: KB5073381 (CVE-2026-20833, RC4 "
                  "is phased out)\nMITRE ATT&CK T1558.003",
    .means = "A ticket was issued under a key that DES or RC4 makes from the account's password "
             "without salt. Whoever asks for such a ticket can guess the password offline. High "
             "for DES and for services of site systems and SQL Server, medium for other RC4, low "
             "for tickets that only lead to a trusted realm.",
    .evidence = "The encryption type of tickets that were issued or shown, and of the part of an "
                "AS-REP that the client's own key opens. What a client merely offers does not "
                "count: older Windows always lists RC4. The type of a session key is not judged.",
    .remediation = "Enable AES for all accounts and trusts, renew their passwords, then allow AES "
                   "only.",
    .records = 1u << RECORD_KERBEROS,
    .observe = observe_weak,
    .finish = finish_tickets,
};

/* ---- R081 ---- */

#define ROAST_NS (120 * SECOND)
#define ROAST_SERVICES 5
#define ROASTERS 512

struct roasted {
    struct stamp at;
    char service[80];
};

struct roaster { /* what one client asked for lately */
    struct address client;
    bool offers_aes;
    unsigned next;
    struct roasted last[ROAST_SERVICES]; /* distinct ones */
};

/* Services that one client took AES tickets for in short order and has not used. */
#define UNUSED_ENOUGH 10u

struct collected {
    struct stamp at; /* order 0: none */
    const struct host *host;
    char service[80];
};

struct collector {
    struct party client, server;
    uint64_t flow;
    uint32_t held; /* which of `last` hold one, a bit each: mostly none, and every flow asks */
    bool full;     /* so many within the time, and none of them used */
    bool works;    /* it was served by something else than domain controllers */
    struct collected last[UNUSED_ENOUGH];
};

struct roasters {
    struct roaster slots[ROASTERS];
    struct collector collectors[ROASTERS];
};

static struct roaster *roaster_of(struct roasters *all, const struct address *client)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < 16; i++) {
        hash = (hash ^ client->octets[i]) * 16777619u;
    }
    struct roaster *slot = &all->slots[hash % ROASTERS];
    if (!address_equal(&slot->client, client)) {
        *slot = (struct roaster){.client = *client};
    }
    return slot;
}

static bool offers_aes(const struct observation *o)
{
    for (const struct fact *f = observation_get(o, FACT_KERBEROS_ETYPES_OFFERED); f != NULL;
         f = observation_more(o, FACT_KERBEROS_ETYPES_OFFERED, f)) {
        if (strncmp(fact_text(o, f), "aes", 3) == 0) {
            return true;
        }
    }
    return false;
}

/* Computers are no prey: their passwords are random. */
static bool is_prey(const char *service)
{
    return service != NULL && !has_prefix(service, "krbtgt/") && !has_prefix(service, "host/") &&
           strchr(service, '$') == NULL;
}

/* Notes the service; how many distinct ones there are within the window. */
static unsigned note_service(struct roaster *slot, const struct observation *o, const char *service)
{
    char kept[sizeof slot->last[0].service];
    struct stamp at = observation_packet(o, FACT_KERBEROS_REPLY_PACKET);
    (void)snprintf(kept, sizeof kept, "%.79s", service);
    for (unsigned i = 0; i < ROAST_SERVICES; i++) {
        if (strcasecmp(slot->last[i].service, kept) == 0) {
            slot->last[i].at = at;
            return 0;
        }
    }
    struct roasted *place = &slot->last[slot->next++ % ROAST_SERVICES];
    place->at = at;
    memcpy(place->service, kept, sizeof kept);
    unsigned count = 0;
    for (unsigned i = 0; i < ROAST_SERVICES; i++) {
        count += slot->last[i].at.order != 0 && at.ns - slot->last[i].at.ns <= ROAST_NS;
    }
    return count;
}

static struct collector *collector_of(struct roasters *all, const struct address *client)
{
    return &all->collectors[address_hash(client) % ROASTERS];
}

static void note_collected(struct collector *c, const struct scene *scene,
                           const struct observation *o, const char *service)
{
    struct stamp at = observation_packet(o, FACT_KERBEROS_REPLY_PACKET);
    struct collected *place = NULL;
    if (!address_equal(&c->client.address, &scene->ends[DIR_CLIENT].address)) {
        *c = (struct collector){.client = scene->ends[DIR_CLIENT]};
    }
    if (c->full || at.order == 0) {
        return;
    }
    c->server = scene->ends[DIR_SERVER];
    c->flow = o->flow.id;
    unsigned kept = 0;
    for (unsigned i = 0; i < UNUSED_ENOUGH; i++) {
        struct collected *one = &c->last[i];
        bool lives = one->at.order != 0 && at.ns - one->at.ns <= ROAST_NS;
        if (lives && strncasecmp(one->service, service, sizeof one->service - 1) == 0) {
            return;
        }
        kept += lives;
        place = lives || place != NULL ? place : one;
    }
    place->at = at;
    c->held |= UINT32_C(1) << (place - c->last);
    place->host = service_host(scene->policy, service);
    (void)snprintf(place->service, sizeof place->service, "%s", service);
    c->full = kept + 1 == UNUSED_ENOUGH;
}

/* "app.corp.example" is the host of "HTTP/app.corp.example:8080" and of "HTTP/app". */
static bool is_service_of(const char *service, const char *host)
{
    const char *at = strchr(service, '/');
    size_t len = at == NULL ? 0 : strcspn(at + 1, ":/@."), whole = strcspn(host, ".");
    return len > 0 && len == whole && strncasecmp(at + 1, host, len) == 0;
}

struct use { /* of a service: what is known of it; NULL: not that */
    const char *service, *name;
    const struct host *host;
};

static bool is_used(const struct collected *one, const struct use *use)
{
    return (use->host != NULL && one->host == use->host) ||
           (use->name != NULL && is_service_of(one->service, use->name)) ||
           (use->service != NULL &&
            strncasecmp(one->service, use->service, sizeof one->service - 1) == 0);
}

static void note_use(struct collector *c, const struct use *use)
{
    for (unsigned i = 0; c->held >> i != 0; i++) {
        if ((c->held >> i & 1) != 0 && is_used(&c->last[i], use)) {
            c->last[i].at.order = 0;
            c->held &= ~(UINT32_C(1) << i);
            c->full = false;
        }
    }
}

/* What is no ticket, but shows that the client works with what it took tickets for. */
static void observe_use(struct audit *a, struct roasters *all, const struct observation *o)
{
    const struct party *client = &audit_scene(a)->ends[DIR_CLIENT],
                       *server = &audit_scene(a)->ends[DIR_SERVER];
    struct collector *c = collector_of(all, &client->address);
    if (!c->client.known || !address_equal(&c->client.address, &client->address)) {
        return;
    }
    if (o->record == RECORD_KERBEROS) {
        note_use(c, &(struct use){.service = ticket_service(o)});
        return;
    }
    if (o->record == RECORD_TLS) {
        note_use(c, &(struct use){.name = observation_text(o, FACT_TLS_SERVER_NAME)});
        return;
    }
    /* Of one direction alone nobody sees what is done with a ticket. */
    c->works |= (party_roles(server) & CONTROLLERS) == 0 &&
                observation_number(o, FACT_FLOW_PACKETS_SERVER, 0) > 0 &&
                observation_number(o, FACT_FLOW_PACKETS_CLIENT, 0) > 0;
    if (server->host != NULL) {
        note_use(c, &(struct use){.host = server->host});
        return;
    }
    for (const struct learned_name *n = identity_names(audit_identity(a), &server->address);
         n != NULL; n = n->next) {
        note_use(c, &(struct use){.name = n->name});
    }
}

static void report_collector(struct audit *a, const struct rule *r, const struct collector *c)
{
    const struct collected *last = &c->last[0];
    for (unsigned i = 1; i < UNUSED_ENOUGH; i++) {
        last = c->last[i].at.order > last->at.order ? &c->last[i] : last;
    }
    struct breach b = {.subject = {.host = c->server.host},
                       .client = &c->client,
                       .server = &c->server,
                       .kind = "unused",
                       .severity = SEVERITY_MEDIUM,
                       .confidence = CONFIDENCE_INFERRED,
                       .title = "One client collects tickets that it does not use",
                       .at = &last->at,
                       .flow = c->flow};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    for (unsigned i = 0; i < UNUSED_ENOUGH; i++) {
        finding_evidence(a, f, c->last[i].at, "ticket for %s", c->last[i].service);
    }
    finding_explain(a, f,
                    "%s took tickets for %u different services from %s within two minutes, among "
                    "them %s, and the capture shows no use of any of them. Where RC4 is gone, "
                    "passwords are guessed against such tickets. (It may also be a monitoring host "
                    "that the policy does not declare.)",
                    party_text(&c->client, client_text), UNUSED_ENOUGH,
                    party_text(&c->server, server_text), last->service);
    finding_remedy(a, f,
                   "Look into %s, or declare it (administrators:). Give service accounts long "
                   "random passwords (group managed accounts).",
                   client_text);
}

static void finish_roasting(struct audit *a, const struct rule *r)
{
    struct roasters *all = audit_state(a, r, sizeof *all);
    for (unsigned i = 0; all != NULL && i < ROASTERS; i++) {
        const struct collector *c = &all->collectors[i];
        if (c->full && c->works) {
            report_collector(a, r, c);
        } else if (c->full) {
            judge_hidden(a, r, (struct subject){.host = c->server.host},
                         "A client took many tickets; whether it used them, the capture does not "
                         "show: there is nothing else of that client.");
        }
    }
    finish_tickets(a, r);
}

static void report_roasting(struct audit *a, const struct rule *r, const struct roaster *slot,
                            unsigned count)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct breach b = {.subject = {.host = server->host},
                       .client = client,
                       .server = server,
                       .confidence = CONFIDENCE_DERIVED};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    if (!is_new) {
        return;
    }
    for (unsigned i = 0; i < ROAST_SERVICES; i++) {
        const struct roasted *one = &slot->last[(slot->next + i) % ROAST_SERVICES];
        finding_evidence(a, f, one->at, "weak ticket for %s", one->service);
    }
    finding_explain(a, f,
                    "%s took RC4 or DES tickets for %u different services from %s within two "
                    "minutes%s, among them %s. That is what collecting tickets in order to guess "
                    "service accounts' passwords looks like.",
                    party_text(client, client_text), count, party_text(server, server_text),
                    count < ROAST_SERVICES ? " and offered no AES for them, as it otherwise does"
                                           : "",
                    slot->last[(slot->next + ROAST_SERVICES - 1) % ROAST_SERVICES].service);
    finding_remedy(a, f,
                   "Look into %s. Give service accounts AES keys and long random passwords (group "
                   "managed accounts); change those named in the evidence.",
                   client_text);
}

static void observe_roasting(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT];
    const char *service = observation_text(o, FACT_KERBEROS_SERVICE);
    struct subject subject = {.host = scene->ends[DIR_SERVER].host};
    struct roasters *all = audit_state(a, r, sizeof *all);
    if (all == NULL) {
        return;
    }
    if (o->record != RECORD_KERBEROS || observation_is(o, FACT_KERBEROS_EXCHANGE, "ap")) {
        observe_use(a, all, o);
        return;
    }
    if (subject.host == NULL) {
        return;
    }
    struct roaster *slot = roaster_of(all, &client->address);
    bool aes = offers_aes(o);
    bool downgraded =
        slot->offers_aes && !aes && observation_get(o, FACT_KERBEROS_ETYPES_OFFERED) != NULL;
    slot->offers_aes |= aes;
    if (!observation_is(o, FACT_KERBEROS_EXCHANGE, "tgs") || !is_prey(service)) {
        return;
    }
    bool weak = strength_of(observation_text(o, FACT_KERBEROS_TICKET_ETYPE)) != STRONG;
    if (client->group != NULL && client->group->administrators) {
        judge_fine(a, r, subject, "Tickets were taken by declared administrators and scanners.");
        return;
    }
    if (party_is_many(a, client)) {
        judge_hidden(a, r, subject, "Many clients stand behind the address that took tickets.");
        return;
    }
    if (!weak && observation_get(o, FACT_KERBEROS_TICKET_ETYPE) != NULL) {
        note_collected(collector_of(all, &client->address), scene, o, service);
    }
    unsigned count = weak ? note_service(slot, o, service) : 0;
    if (count >= (downgraded ? 2 : ROAST_SERVICES)) {
        report_roasting(a, r, slot, count);
    } else {
        judge_fine(a, r, subject, "No client took RC4 tickets for many services at once.");
    }
}

const struct rule rule_kerberoasting_indicator = {
    .code = "R081",
    .name = "kerberoasting-indicator",
    .title = "One client collects tickets of many services",
    .severity = SEVERITY_HIGH,
    .statements = "S32",
    .references = "MITRE ATT&CK T1558.003",
    .means = "A client asked for service tickets of many accounts in short order and got them "
             "under RC4 keys. A ticket under RC4 is the proof against which its account's password "
             "can be guessed, without any further contact with the domain.",
    .evidence =
        "Five different services within two minutes, each with an RC4 or DES ticket in the "
        "TGS-REP; two are enough where the client left AES out of the list that it "
        "offers otherwise. krbtgt, host/ and computer accounts do not count, nor do declared "
        "administrators and scanners, or declared address translation. A monitoring host looks "
        "alike until it is declared. Of AES "
        "tickets, which everybody takes who works, ten services within two minutes count, "
        "inferred and at the end, when no use of any was seen: no AP-REQ, no TLS and no "
        "connection to a host of that name, from a client of which other traffic was seen in "
        "both directions.",
    .remediation = "Look into the client; allow AES only; use group managed service accounts.",
    .records = 1u << RECORD_KERBEROS | 1u << RECORD_TLS | 1u << RECORD_FLOW,
    .observe = observe_roasting,
    .finish = finish_roasting,
};

/* ---- R082 ---- */

static bool proved_itself(const struct observation *o)
{
    static const char *const proofs[] = {"PA-ENC-TIMESTAMP", "PA-ENCRYPTED-CHALLENGE",
                                         "PA-SPAKE",         "PA-OTP-REQUEST",
                                         "PA-ENC-UNIX-TIME", "PA-SAM-RESPONSE2"};
    for (const struct fact *f = observation_get(o, FACT_KERBEROS_PREAUTH); f != NULL;
         f = observation_more(o, FACT_KERBEROS_PREAUTH, f)) {
        for (size_t i = 0; i < sizeof proofs / sizeof *proofs; i++) {
            if (strcmp(fact_text(o, f), proofs[i]) == 0) {
                return true;
            }
        }
    }
    return observation_says(o, FACT_KERBEROS_PKINIT) || observation_says(o, FACT_KERBEROS_FAST);
}

static void report_asrep(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp reply = observation_packet(o, FACT_KERBEROS_REPLY_PACKET);
    const char *user = observation_text(o, FACT_KERBEROS_CLIENT);
    user = user == NULL ? "an account" : user;
    struct breach b = {.subject = {.host = server->host},
                       .client = client,
                       .server = server,
                       .kind = user,
                       .confidence = CONFIDENCE_PROVEN,
                       .at = &reply};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, observation_packet(o, FACT_KERBEROS_REQUEST_PACKET),
                     "AS-REQ of %.120s without a proof of the password", user);
    finding_evidence(a, f, reply, "AS-REP instead of KDC_ERR_PREAUTH_REQUIRED");
    if (is_new) {
        finding_explain(a, f,
                        "%s gave %s an AS-REP for %.120s without pre-authentication: anybody can "
                        "ask for it and guess the account's password offline.",
                        party_text(server, server_text), party_text(client, client_text), user);
        finding_remedy(a, f,
                       "Take \"Do not require Kerberos preauthentication\" off the account %.120s "
                       "and change its password.",
                       user);
    }
}

static void observe_asrep(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct party *server = &audit_scene(a)->ends[DIR_SERVER];
    if (server->host == NULL || !observation_is(o, FACT_KERBEROS_EXCHANGE, "as")) {
        return;
    }
    struct subject subject = {.host = server->host};
    const char *error = observation_text(o, FACT_KERBEROS_ERROR);
    if (error != NULL) {
        if (strcmp(error, "KDC_ERR_PREAUTH_REQUIRED") == 0) {
            judge_fine(a, r, subject, "It asked for pre-authentication.");
        }
    } else if (observation_get(o, FACT_KERBEROS_TICKET_ETYPE) == NULL) {
        return;
    } else if (observation_get(o, FACT_KERBEROS_REQUEST_PACKET) == NULL) {
        judge_hidden(a, r, subject, "An AS-REP was seen without its request.");
    } else if (proved_itself(o)) {
        judge_fine(a, r, subject, "Tickets were given after pre-authentication.");
    } else {
        report_asrep(a, r, o);
    }
}

const struct rule rule_asrep_roasting_indicator = {
    .code = "R082",
    .name = "asrep-roasting-indicator",
    .title = "Ticket given without pre-authentication",
    .severity = SEVERITY_MEDIUM,
    .statements = "S32",
    .references = "RFC 4120 3.1.2, 5.2.7\nMITRE ATT&CK T1558.004",
    .means = "The KDC gave a ticket-granting ticket to a client that had not shown that it knows "
             "the password. The reply holds a part encrypted by the account's key, against which "
             "the password can be guessed: the account is open to everybody who knows its name.",
    .evidence = "An AS-REQ without any kind of pre-authentication (timestamp, encrypted "
                "challenge, certificate, SPAKE, FAST) that was answered by an AS-REP. A first "
                "request that is answered by KDC_ERR_PREAUTH_REQUIRED is how every logon begins.",
    .remediation = "Require pre-authentication for all accounts and change the passwords of those "
                   "that did without.",
    .records = 1u << RECORD_KERBEROS,
    .observe = observe_asrep,
    .finish = finish_tickets,
};

/* ---- R083 ---- */

#define EXPLAINS_NS (60 * SECOND)
#define REFUSALS 1024

struct refusal { /* the last one of a client */
    struct address client;
    struct stamp at;
    const struct host *host; /* of the service */
    uint64_t code;
    char service[120], error[48];
};

struct refusals {
    struct refusal slots[REFUSALS];
};

/* RFC 4120 7.5.9 */
static const struct cause {
    uint64_t code;
    const char *means, *remedy;
} causes[] = {
    {7, "no account holds that service principal name",
     "register it with setspn -S at the account that the service runs as"},
    {14, "client, service and KDC share no encryption type",
     "enable AES for the accounts of both ends"},
    {29, "the KDC could not reach what it needed", "find out why the domain controller failed"},
    {37, "the clocks differ by more than five minutes",
     "correct the clock of the client or of the domain controller"},
    {41, "the ticket was made for another account's key",
     "register the service principal name at the account that the service really runs as, and at "
     "no other"},
};

static const struct cause *cause_of(uint64_t code)
{
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++) {
        if (causes[i].code == code) {
            return &causes[i];
        }
    }
    return NULL;
}

static struct refusal *refusal_of(struct refusals *all, const struct address *client)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < 16; i++) {
        hash = (hash ^ client->octets[i]) * 16777619u;
    }
    return &all->slots[hash % REFUSALS];
}

static void note_refusal(struct refusals *all, const struct scene *scene,
                         const struct observation *o)
{
    uint64_t code = observation_number(o, FACT_KERBEROS_ERROR_CODE, 0);
    const char *service = observation_text(o, FACT_KERBEROS_SERVICE),
               *error = observation_text(o, FACT_KERBEROS_ERROR);
    bool ap = observation_is(o, FACT_KERBEROS_EXCHANGE, "ap");
    const struct party *server = &scene->ends[DIR_SERVER];
    if (cause_of(code) == NULL) {
        return;
    }
    struct refusal *slot = refusal_of(all, &scene->ends[DIR_CLIENT].address);
    *slot = (struct refusal){.client = scene->ends[DIR_CLIENT].address,
                             .at = o->at,
                             .host = ap ? server->host : service_host(scene->policy, service),
                             .code = code};
    (void)snprintf(slot->service, sizeof slot->service, "%.119s",
                   service == NULL ? "the service" : service);
    (void)snprintf(slot->error, sizeof slot->error, "%.47s", error == NULL ? "an error" : error);
}

static void report_cause(struct audit *a, const struct rule *r, const struct observation *o,
                         const struct refusal *refusal)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    const struct cause *cause = cause_of(refusal->code);
    struct stamp proof = observation_packet(o, FACT_NTLM_AUTHENTICATE_PACKET);
    struct breach b = {.subject = {.host = server->host},
                       .client = client,
                       .server = server,
                       .kind = refusal->error,
                       .confidence = CONFIDENCE_DERIVED,
                       .at = &proof};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, refusal->at, "%s for %s", refusal->error, refusal->service);
    finding_evidence(a, f, proof, "NTLM AUTHENTICATE to the same host");
    if (is_new) {
        finding_explain(a, f,
                        "%s had asked for Kerberos towards %s and was refused: %s for %s (%s). "
                        "It then used NTLM.",
                        party_text(client, client_text), party_text(server, server_text),
                        refusal->error, refusal->service, cause->means);
        finding_remedy(a, f, "For %s (%s): %s.", server->host->name, refusal->service,
                       cause->remedy);
    }
}

static void observe_cause(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *server = &scene->ends[DIR_SERVER];
    bool ntlm = o->record == RECORD_NTLM;
    if (ntlm ? server->host == NULL : observation_get(o, FACT_KERBEROS_ERROR_CODE) == NULL) {
        return;
    }
    struct refusals *all = audit_state(a, r, sizeof *all);
    if (all == NULL) {
        return;
    }
    if (!ntlm) {
        note_refusal(all, scene, o);
        return;
    }
    struct stamp proof = observation_packet(o, FACT_NTLM_AUTHENTICATE_PACKET);
    const struct refusal *refusal = refusal_of(all, &scene->ends[DIR_CLIENT].address);
    if (proof.order == 0 || observation_is(o, FACT_NTLM_VARIANT, "anonymous")) {
        return;
    }
    bool before = refusal->at.order != 0 && refusal->host == server->host &&
                  address_equal(&refusal->client, &scene->ends[DIR_CLIENT].address) &&
                  proof.ns >= refusal->at.ns && proof.ns - refusal->at.ns <= EXPLAINS_NS;
    if (before) {
        report_cause(a, r, o, refusal);
    } else {
        judge_hidden(a, r, (struct subject){.host = server->host},
                     "NTLM was used; no Kerberos error that would explain it is in the capture.");
    }
}

static void finish_cause(struct audit *a, const struct rule *r)
{
    expect_hosts(a, r, role_site_systems() | CONTROLLERS,
                 "No readable NTLM logon at this host is in the capture.");
}

const struct rule rule_kerberos_failure_explains_ntlm = {
    .code = "R083",
    .name = "kerberos-failure-explains-ntlm",
    .title = "A Kerberos error explains the NTLM logon after it",
    .severity = SEVERITY_INFO,
    .statements = "S34",
    .references = "RFC 4120 7.5.9\nMicrosoft Learn: Communications between endpoints in "
                  "Configuration Manager (note on NTLM)",
    .means = "Kerberos was refused, and the client fell back to NTLM. This goes with R040 and "
             "says what has to be mended so that Kerberos is used.",
    .evidence = "A KRB-ERROR 7, 14, 29, 37 or 41 that names a service of the host, and an NTLM "
                "logon of the same client at that host within 60 seconds. Only the last error of "
                "a client is kept. A KDC that does not answer is told by R040.",
    .remediation = "Depends on the error: register the service principal name, enable AES, "
                   "correct the clock.",
    .records = 1u << RECORD_KERBEROS | 1u << RECORD_NTLM,
    .observe = observe_cause,
    .finish = finish_cause,
};
