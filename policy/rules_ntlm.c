/*
 * rules_ntlm.c - chapter D: NTLM and passwords in headers. R040 with the cause it can see, R041,
 * R050.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "policy/flow_notes.h"
#include "policy/recent.h"
#include "policy/sign_on.h"

/* A client tries Kerberos first and falls back at once; a silent KDC costs it up to a minute. */
#define CAUSE_NS (60 * SECOND)

/* ---- R040 ---- */

#define TRIES 2048
#define RECENT 256

struct kerberos_failure { /* the last one of a client */
    struct address client;
    struct stamp at;
    char service[120], error[48];
};

struct fallback { /* a finding that a cause may still be found for: a silent KDC is known only when
                     its flow ends */
    struct address client;
    int64_t ns;
    struct finding *finding;
};

struct causes {
    struct kerberos_failure failures[TRIES];
    struct fallback recent[RECENT];
    unsigned next_recent;
    struct flow_notes
        sicily; /* LDAP connections whose program asks for NTLM itself: [MS-ADTS] 5.1.1.1.3 */
};

static struct kerberos_failure *failure_of(struct causes *c, const struct address *client)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < 16; i++) {
        hash = (hash ^ client->octets[i]) * 16777619u;
    }
    return &c->failures[hash % TRIES];
}

static void note_kerberos(struct causes *c, const struct scene *scene, const struct observation *o)
{
    const char *error = observation_text(o, FACT_KERBEROS_ERROR),
               *service = observation_text(o, FACT_KERBEROS_SERVICE);
    /* Asked for pre-authentication, a larger transport, or told the time: how every logon begins.
     */
    if (error == NULL || strcmp(error, "KDC_ERR_PREAUTH_REQUIRED") == 0 ||
        strcmp(error, "KRB_ERR_RESPONSE_TOO_BIG") == 0) {
        return;
    }
    struct kerberos_failure *f = failure_of(c, &scene->ends[DIR_CLIENT].address);
    f->client = scene->ends[DIR_CLIENT].address;
    f->at = o->at;
    (void)snprintf(f->error, sizeof f->error, "%s", error);
    (void)snprintf(f->service, sizeof f->service, "%.110s",
                   service == NULL ? "the service" : service);
}

/* The forest that the account belongs to, as far as its name tells; else that of the machine it is
 * used on. */
static const struct forest *account_forest(const struct audit *a, const struct observation *o,
                                           const struct party *client, bool *ret_named)
{
    const char *user = observation_text(o, FACT_NTLM_USER),
               *domain = observation_text(o, FACT_NTLM_DOMAIN);
    const char *at = user == NULL ? NULL : strrchr(user, '@');
    *ret_named = (domain != NULL && domain[0] != '\0') || at != NULL;
    if (domain != NULL && domain[0] != '\0') {
        return policy_forest_of_domain(audit_policy(a), domain);
    }
    return at != NULL ? policy_forest_of_domain(audit_policy(a), at + 1) : party_forest(client);
}

static bool is_local_account(const struct observation *o, const struct party *server)
{
    const char *domain = observation_text(o, FACT_NTLM_DOMAIN),
               *name = observation_text(o, FACT_NTLM_SERVER_NAME);
    if (domain == NULL || domain[0] == '\0') {
        return false;
    }
    return strcmp(domain, ".") == 0 || (name != NULL && strcasecmp(domain, name) == 0) ||
           (server->host != NULL && strcasecmp(domain, server->host->short_name) == 0);
}

/* NULL where Kerberos could have been used; else why not, for the verdict. */
static const char *kerberos_excused(const struct audit *a, const struct observation *o,
                                    const struct scene *scene)
{
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    const struct forest *from = party_forest(client), *to = party_forest(server);
    const struct policy *p = audit_policy(a);
    bool named = false;
    if (ntlm_is_excepted(a, o)) {
        return "The policy lets this account, or this server, use NTLM.";
    }
    if (is_local_account(o, server)) {
        return "NTLM was used with an account local to the server, for which there is no Kerberos.";
    }
    const struct forest *account = account_forest(a, o, client, &named);
    if (named && account == NULL) {
        return "NTLM was used with an account of a domain that the policy does not know.";
    }
    if (from == NULL || to == NULL || !policy_kerberos_trust(p, to, from) ||
        !policy_kerberos_trust(p, from, to) ||
        (account != NULL && !policy_kerberos_trust(p, to, account))) {
        return "NTLM was used between places that no Kerberos trust connects.";
    }
    return NULL;
}

static bool names_party(const char *host, const struct party *server)
{
    if (server->host == NULL) {
        return true; /* nobody declared its names: none is known to be wrong */
    }
    return strcasecmp(host, server->host->name) == 0 ||
           strcasecmp(host, server->host->short_name) == 0;
}

/* What the target name that the client put into its answer says about the cause. */
static void name_cause(const struct observation *o, const struct party *server, char *text,
                       size_t room)
{
    const char *spn = observation_text(o, FACT_NTLM_TARGET_SPN);
    const char *host = spn == NULL ? NULL : strchr(spn, '/');
    struct address ignored;
    text[0] = '\0';
    if (host == NULL || host[1] == '\0') {
        return;
    }
    if (address_parse(host + 1, &ignored)) {
        (void)snprintf(text, room,
                       " The client addressed the server by IP address (%.100s), for which there "
                       "is no service principal.",
                       spn);
    } else if (!names_party(host + 1, server)) {
        (void)snprintf(text, room,
                       " The client addressed the server as %.100s, which is not its own name: an "
                       "alias needs a service principal name of "
                       "its own.",
                       spn);
    }
}

static const char *remedy_for(const char *error)
{
    static const struct {
        const char *error, *remedy;
    } known[] = {
        {"KDC_ERR_S_PRINCIPAL_UNKNOWN", "register the service principal name that the client asks "
                                        "for (setspn -S), or use the server's own "
                                        "FQDN"},
        {"KDC_ERR_ETYPE_NOSUPP", "enable AES for the accounts of both ends"},
        {"KRB_AP_ERR_SKEW", "correct the clock of the client or of the domain controller"},
        {"KDC_ERR_SVC_UNAVAILABLE", "find out why the domain controller could not serve"},
        {"KRB_AP_ERR_MODIFIED",
         "register the service principal name at the account that the service really runs as"},
    };
    for (size_t i = 0; error != NULL && i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i].error, error) == 0) {
            return known[i].remedy;
        }
    }
    return "register the service principal names of every name that clients use for it, use FQDNs, "
           "and let clients reach the domain controllers";
}

static void report_fallback(struct audit *a, const struct rule *r, const struct observation *o,
                            struct causes *causes)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp proof = observation_packet(o, FACT_NTLM_AUTHENTICATE_PACKET);
    const char *carrier = observation_text(o, FACT_NTLM_CARRIER),
               *result = observation_text(o, FACT_NTLM_RESULT);
    result = result == NULL ? "unknown" : result;
    struct breach b = {.subject = scene_subject(scene),
                       .client = client,
                       .server = server,
                       .severity = ((party_roles(client) | party_roles(server)) & ROLES_TOP) != 0
                                       ? SEVERITY_HIGH
                                       : SEVERITY_MEDIUM,
                       .confidence = CONFIDENCE_PROVEN,
                       .at = &proof};
    char account[ACCOUNT_TEXT], cause[320], client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    const struct kerberos_failure *k = failure_of(causes, &client->address);
    bool failed = address_equal(&k->client, &client->address) && k->at.order != 0 &&
                  proof.ns - k->at.ns <= CAUSE_NS && proof.ns >= k->at.ns;
    ntlm_account(o, account);
    finding_evidence(a, f, proof, "NTLM AUTHENTICATE of %s in %s", account, carrier);
    if (is_new) {
        finding_evidence(a, f, observation_packet(o, FACT_NTLM_RESULT_PACKET), "answered: %s",
                         observation_text(o, FACT_NTLM_STATUS) == NULL
                             ? result
                             : observation_text(o, FACT_NTLM_STATUS));
    }
    if (failed) {
        finding_evidence(a, f, k->at, "the KDC answers %s for %s", k->error, k->service);
    }
    if (is_new) {
        name_cause(o, server, cause, sizeof cause);
        char before[320] = "";
        if (failed) {
            (void)snprintf(
                before, sizeof before,
                " Kerberos had failed just before: the KDC answered %s for %s (packet %llu).",
                k->error, k->service, (unsigned long long)k->at.packet);
        }
        finding_explain(a, f,
                        "%s authenticated to %s as %s by NTLM inside %s (%s), although both belong "
                        "to forests with a Kerberos trust.%s%s",
                        party_text(client, client_text), party_text(server, server_text), account,
                        carrier, result, before, cause);
        finding_remedy(a, f,
                       "For %s: %s; then restrict NTLM (\"Network security: Restrict NTLM\").",
                       server->host != NULL ? server->host->name : server_text,
                       remedy_for(failed ? k->error : NULL));
    }
    if (!failed) {
        causes->recent[causes->next_recent++ % RECENT] =
            (struct fallback){client->address, proof.ns, f};
    }
}

/* A request to a KDC that nobody answered, learned when its flow ends. */
static void note_silent_kdc(struct audit *a, struct causes *c, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *kdc = &scene->ends[DIR_SERVER];
    bool silent = observation_is(o, FACT_FLOW_STATE, "unanswered") ||
                  observation_is(o, FACT_FLOW_STATE, "refused");
    if (kdc->port != 88 || !silent) {
        return;
    }
    struct stamp opening = observation_packet(o, FACT_FLOW_OPENING_PACKET);
    for (unsigned i = 0; i < RECENT; i++) {
        struct fallback *f = &c->recent[i];
        if (f->finding != NULL && address_equal(&f->client, &scene->ends[DIR_CLIENT].address) &&
            opening.ns <= f->ns && f->ns - opening.ns <= CAUSE_NS) {
            char kdc_text[PARTY_TEXT];
            finding_evidence(a, f->finding, opening, "request to the KDC at %s stays unanswered",
                             party_text(kdc, kdc_text));
            finding_explain(
                a, f->finding,
                "%s Kerberos had failed just before: the KDC at %s did not answer (packet %llu).",
                f->finding->explanation, kdc_text, (unsigned long long)opening.packet);
            f->finding = NULL;
        }
    }
}

static void observe_fallback(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    struct causes *causes = audit_state(a, r, sizeof *causes);
    if (causes == NULL) {
        return;
    }
    if (o->record == RECORD_KERBEROS) {
        note_kerberos(causes, scene, o);
        if (observation_is(o, FACT_KERBEROS_EXCHANGE, "ap") &&
            scene->ends[DIR_SERVER].host != NULL) {
            judge_fine(a, r, scene_subject(scene), "Kerberos was used.");
        }
        return;
    }
    if (o->record == RECORD_FLOW) {
        note_silent_kdc(a, causes, o);
        flow_note_remove(&causes->sicily, o->flow.id);
        return;
    }
    if (o->record == RECORD_LDAP) {
        if (observation_is(o, FACT_LDAP_MECHANISM, "sicily")) {
            (void)flow_note(a, &causes->sicily, o->flow.id, true);
        }
        return;
    }
    if (o->record == RECORD_SMB) {
        if (observation_is(o, FACT_SMB_MECHANISM, "kerberos") &&
            scene->ends[DIR_SERVER].host != NULL &&
            observation_number(o, FACT_SMB_STATUS_CODE, 1) == 0) {
            judge_fine(a, r, scene_subject(scene), "Kerberos was used.");
        }
        return;
    }
    if (!scene_is_declared(scene) || observation_is(o, FACT_NTLM_VARIANT, "anonymous") ||
        observation_get(o, FACT_NTLM_AUTHENTICATE_PACKET) == NULL) {
        return;
    }
    const char *excuse = flow_note(a, &causes->sicily, o->flow.id, false) != NULL
                             ? "NTLM was what a directory tool asked for itself (Sicily bind)."
                             : kerberos_excused(a, o, scene);
    if (excuse == NULL) {
        report_fallback(a, r, o, causes);
    } else if (scene_subject(scene).host != NULL) {
        judge_fine(a, r, scene_subject(scene), excuse);
    }
}

static void finish_authentication(struct audit *a, const struct rule *r)
{
    expect_hosts(a, r, role_site_systems() | ROLE_BIT(ROLE_DOMAIN_CONTROLLER),
                 "No readable authentication at this host is in the capture.");
}

const struct rule rule_ntlm_where_kerberos_expected = {
    .code = "R040",
    .name = "ntlm-where-kerberos-expected",
    .title = "NTLM where Kerberos was to be expected",
    .severity = SEVERITY_MEDIUM,
    .statements = "S32 S34 S53 S106",
    .references = "Microsoft Learn: Communications between endpoints in Configuration Manager "
                  "(note on NTLM)\nMITRE ATT&CK T1557\n"
                  "Misconfiguration Manager: TAKEOVER-1 and following (restricting NTLM)",
    .means = "Two ends whose forests trust each other by Kerberos used NTLM all the same. When "
             "Kerberos fails, clients try NTLM without a "
             "word, and NTLM authentications can be relayed and cracked. High when one end is a "
             "site server, SMS Provider, site database "
             "or management point.",
    .evidence = "An NTLM AUTHENTICATE message in any carrier, the forests of both ends and of the "
                "account. The cause is named as far as the "
                "capture shows it: the KDC's error just before, a KDC that did not answer, a "
                "target name that is an alias or an address. "
                "Local accounts, accounts of forests without a Kerberos trust, anonymous "
                "sessions, Sicily binds of directory tools and what `ntlm:` declares are not "
                "counted.",
    .remediation = "Register service principal names for every name in use, address servers by "
                   "FQDN, let clients reach domain controllers, "
                   "then restrict NTLM by policy.",
    .records = 1u << RECORD_NTLM | 1u << RECORD_KERBEROS | 1u << RECORD_SMB | 1u << RECORD_LDAP |
               1u << RECORD_FLOW,
    .observe = observe_fallback,
    .finish = finish_authentication,
};

/* ---- R041 ---- */

static void observe_v1(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct subject subject = scene_subject(scene);
    const char *variant = observation_text(o, FACT_NTLM_VARIANT);
    if (!scene_is_declared(scene) || variant == NULL || strcmp(variant, "anonymous") == 0) {
        return;
    }
    if (strcmp(variant, "v1") != 0) {
        judge_fine(a, r, subject,
                   strcmp(variant, "v2") == 0 ? "Clients answered with NTLMv2."
                                              : "Clients answered in the extended session form "
                                                "(NTLM2), which this rule does not count.");
        return;
    }
    struct stamp proof = observation_packet(o, FACT_NTLM_AUTHENTICATE_PACKET);
    struct breach b = {.subject = subject,
                       .client = client,
                       .server = server,
                       .confidence = CONFIDENCE_PROVEN,
                       .at = &proof};
    char account[ACCOUNT_TEXT], client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    ntlm_account(o, account);
    finding_evidence(a, f, proof, "NTLM response of %s has the 24-octet form of NTLMv1", account);
    if (is_new) {
        finding_explain(a, f,
                        "%s authenticated to %s as %s with an NTLMv1 response in %s; who sees it "
                        "can compute the account's NT hash.",
                        party_text(client, client_text), party_text(server, server_text), account,
                        observation_text(o, FACT_NTLM_CARRIER));
        finding_remedy(a, f,
                       "Set \"LAN Manager authentication level\" to \"Send NTLMv2 response only. "
                       "Refuse LM & NTLM\" on %s and on the domain "
                       "controllers, and change the password of %s.",
                       client->host != NULL ? client->host->name : client_text, account);
    }
}

const struct rule rule_ntlmv1_or_lm = {
    .code = "R041",
    .name = "ntlmv1-or-lm",
    .title = "NTLMv1 or LM response",
    .severity = SEVERITY_CRITICAL,
    .statements = "S34",
    .references = "[MS-NLMP] 2.2.1.3, 3.3.1\nDISA STIG: LAN Manager authentication level\nMITRE "
                  "ATT&CK T1557.001, T1110.002",
    .means = "An account answered an NTLM challenge in the old form, which is three DES operations "
             "under pieces of the NT hash. The hash can "
             "be computed from one such answer with modest means, and with it everything the "
             "account may do.",
    .evidence = "The length of the NT response in the AUTHENTICATE message: 24 octets in NTLMv1, "
                "more in NTLMv2. Anonymous messages have "
                "none; the extended session form, told by its LM field, is not counted here.",
    .remediation = "LmCompatibilityLevel 5 on clients, servers and domain controllers; replace "
                   "what cannot do NTLMv2; change the passwords "
                   "that were used.",
    .records = 1u << RECORD_NTLM,
    .observe = observe_v1,
    .finish = finish_authentication,
};

/* ---- R050 ---- */

static bool offers_only_basic(const struct observation *o)
{
    bool basic = false;
    for (const struct fact *f = observation_get(o, FACT_HTTP_AUTH_OFFERED); f != NULL;
         f = observation_more(o, FACT_HTTP_AUTH_OFFERED, f)) {
        if (strcmp(fact_text(o, f), "basic") != 0) {
            return false;
        }
        basic = true;
    }
    return basic;
}

static void report_header(struct audit *a, const struct rule *r, const struct observation *o,
                          const char *scheme)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    bool sent = observation_get(o, FACT_HTTP_AUTH) != NULL, basic = strcmp(scheme, "basic") == 0;
    struct stamp at =
        observation_packet(o, sent ? FACT_HTTP_REQUEST_PACKET : FACT_HTTP_RESPONSE_PACKET);
    struct breach b = {.subject = scene_subject(scene),
                       .client = client,
                       .server = server,
                       .kind = sent ? scheme : "offered",
                       .severity = sent && basic ? SEVERITY_CRITICAL : SEVERITY_MEDIUM,
                       .confidence = CONFIDENCE_PROVEN,
                       .title = !sent   ? "Server offers nothing but Basic over plain HTTP"
                                : basic ? NULL
                                        : "Digest authentication over plain HTTP",
                       .at = &at};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    const char *user = observation_text(o, FACT_HTTP_USER),
               *uri = observation_text(o, FACT_HTTP_URI);
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    if (sent) {
        finding_evidence(a, f, at, "Authorization: %s for user %.100s (password not shown)",
                         basic ? "Basic" : "Digest", user == NULL ? "(unreadable)" : user);
    } else {
        finding_evidence(a, f, at, "reply asks for Basic and nothing else");
    }
    if (!is_new) {
        return;
    }
    party_text(client, client_text);
    party_text(server, server_text);
    if (!sent) {
        finding_explain(a, f,
                        "%s asks %s for Basic authentication over plain HTTP (%.160s); a client "
                        "that complies sends its password readable.",
                        server_text, client_text, uri == NULL ? "" : uri);
    } else {
        finding_explain(
            a, f,
            "%s sent the %s of user %.100s to %s in a header of a plain HTTP request (%.160s).",
            client_text, basic ? "readable password" : "password digest",
            user == NULL ? "(unreadable)" : user, server_text, uri == NULL ? "" : uri);
    }
    finding_remedy(a, f,
                   "Use Windows authentication over TLS on %s; where Basic must stay, allow it "
                   "inside TLS only%s.",
                   server->host != NULL ? server->host->name : server_text,
                   sent ? ", and change that password" : "");
}

static void observe_header(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *server = &scene->ends[DIR_SERVER];
    const char *scheme = observation_text(o, FACT_HTTP_AUTH);
    if (!scene_is_declared(scene)) {
        return;
    }
    struct subject subject = scene_subject(scene);
    bool weak = scheme != NULL && (strcmp(scheme, "basic") == 0 || strcmp(scheme, "digest") == 0);
    bool proxy = observation_says(o, FACT_HTTP_PROXY_AUTH) &&
                 (party_roles(server) & ROLE_BIT(ROLE_WEB_PROXY)) != 0;
    if (weak && proxy) {
        judge_fine(a, r, subject, "Authentication with a declared proxy.");
    } else if (weak) {
        report_header(a, r, o, scheme);
    } else if (scheme == NULL && !proxy && offers_only_basic(o)) {
        report_header(a, r, o, "basic");
    } else if (scheme != NULL) {
        judge_fine(a, r, subject, "Requests authenticated by other schemes than Basic and Digest.");
    } else {
        judge_fine(a, r, subject, "Requests in clear carried no password.");
    }
}

static void finish_header(struct audit *a, const struct rule *r)
{
    expect_hosts(a, r, role_site_systems(), "No readable HTTP with this host is in the capture.");
}

const struct rule rule_http_basic_or_digest = {
    .code = "R050",
    .name = "http-basic-or-digest",
    .title = "Password in an HTTP header",
    .severity = SEVERITY_CRITICAL,
    .statements = "S25",
    .references =
        "RFC 7617 4 (Basic is not secure by itself)\nRFC 7616 5 (Digest)\nMITRE ATT&CK T1040",
    .means = "A request over plain HTTP carried a password: readable in Basic, as a digest that "
             "can be guessed at in Digest. Everybody on "
             "the path has it now. A server that asks for nothing but Basic over plain HTTP "
             "invites the same.",
    .evidence = "The Authorization header of a readable request (the user name is shown, the "
                "password never), or a 401 that offers only "
                "Basic. Authentication with a declared web proxy is not counted. Inside TLS "
                "nothing of it can be seen.",
    .remediation = "Windows authentication over TLS; no Basic without TLS; change the passwords "
                   "that were seen.",
    .records = 1u << RECORD_HTTP,
    .observe = observe_header,
    .finish = finish_header,
};
