/*
 * rules_account.c - chapter D: accounts that must not show up in NTLM, or not there. R043 computer
 * accounts of site systems, R045 accounts used from foreign addresses, R048 the network access
 * account.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "policy/recent.h"
#include "policy/sign_on.h"

static struct stamp proof_of(const struct observation *o)
{
    return observation_packet(o, FACT_NTLM_AUTHENTICATE_PACKET);
}

static bool is_answer(const struct observation *o)
{
    return observation_get(o, FACT_NTLM_AUTHENTICATE_PACKET) != NULL &&
           observation_get(o, FACT_NTLM_USER) != NULL &&
           !observation_is(o, FACT_NTLM_VARIANT, "anonymous");
}

static const char *carrier_of(const struct observation *o)
{
    const char *carrier = observation_text(o, FACT_NTLM_CARRIER);
    return carrier == NULL ? "an unnamed protocol" : carrier;
}

/* The sentences that the three rules share: who, to whom, as whom, inside what. */
static struct finding *report_account(struct audit *a, const struct rule *r,
                                      const struct observation *o, const struct breach *b,
                                      const char *why)
{
    char account[ACCOUNT_TEXT], client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, b, &is_new);
    finding_evidence(a, f, *b->at, "NTLM AUTHENTICATE of %s in %s", ntlm_account(o, account),
                     carrier_of(o));
    if (is_new) {
        finding_explain(a, f, "%s authenticated to %s as %s by NTLM inside %s%s",
                        party_text(b->client, client_text), party_text(b->server, server_text),
                        account, carrier_of(o), why);
    }
    return is_new ? f : NULL;
}

/* ---- R043 ---- */

static bool is_stranger(const struct party *p)
{
    return p->host == NULL;
}

/* To these an authentication that was forced is passed on, or they are who forces it. */
static bool is_worst_target(const struct observation *o, const struct party *server)
{
    static const char *const carriers[] = {"http", "ldap", "tds"};
    for (size_t i = 0; i < sizeof carriers / sizeof *carriers; i++) {
        if (observation_is(o, FACT_NTLM_CARRIER, carriers[i])) {
            return true;
        }
    }
    return is_stranger(server);
}

static void observe_machine(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    if (!is_answer(o) || (party_roles(client) & ROLES_TOP) == 0 || client->host == server->host) {
        return;
    }
    struct subject subject = {.host = client->host};
    if (ntlm_machine(a, o) != client->host) {
        judge_fine(a, r, subject, "NTLM was used with other accounts than the computer's own.");
        return;
    }
    if (ntlm_is_excepted(a, o)) {
        judge_fine(a, r, subject, "The policy lets this account, or this server, use NTLM.");
        return;
    }
    struct stamp proof = proof_of(o);
    bool worst = is_worst_target(o, server);
    struct breach b = {.subject = subject,
                       .client = client,
                       .server = server,
                       .severity = worst ? SEVERITY_CRITICAL : SEVERITY_HIGH,
                       .confidence = CONFIDENCE_PROVEN,
                       .at = &proof};
    struct finding *f = report_account(
        a, r, o, &b,
        is_stranger(server) ? "; that is no declared host, and whoever stands there can act as "
                              "this computer, which administers the site."
                            : "; passed on, this would let others act as this computer, which "
                              "administers the site.");
    if (f != NULL) {
        finding_remedy(a, f,
                       "On %s, restrict outgoing NTLM (\"Network security: Restrict NTLM: Outgoing "
                       "NTLM traffic to remote servers\"), with exceptions only where Kerberos "
                       "cannot serve.",
                       client->host->name);
    }
}

static void finish_machine(struct audit *a, const struct rule *r)
{
    expect_hosts(a, r, ROLES_TOP, "No readable NTLM of this host is in the capture.");
}

const struct rule rule_site_system_machine_account_ntlm = {
    .code = "R043",
    .name = "site-system-machine-account-ntlm",
    .title = "Computer account of a site system used NTLM",
    .severity = SEVERITY_HIGH,
    .statements = "S34 S82",
    .references = "Misconfiguration Manager: TAKEOVER-1 to TAKEOVER-8, CRED-8, DETECT-1\nMITRE "
                  "ATT&CK T1187, T1557.001",
    .means = "A site server, SMS Provider, site database or management point authenticated with "
             "its computer account by NTLM. These accounts administer the site; an NTLM "
             "authentication of theirs, forced and passed on, is the usual way to take it over. "
             "Critical towards a client or an undeclared host, and inside HTTP, LDAP or SQL.",
    .evidence = "The account in the AUTHENTICATE message, HOST$ in the host's own domain, sent "
                "from that host's address. What a host sends to itself does not count, nor what "
                "goes to servers that can do NTLM only and are named under `ntlm: {servers}`.",
    .remediation = "Kerberos everywhere (service principal names, FQDNs), outgoing NTLM restricted "
                   "on site systems, signing and Extended Protection on what they talk to.",
    .records = 1u << RECORD_NTLM,
    .observe = observe_machine,
    .finish = finish_machine,
};

/* ---- R045 ---- */

#define NO_SITE_SERVER "; that account belongs to site servers, and this is none."
#define NOT_ITS_HOST                                                                               \
    "; that computer account belongs to a host with other addresses. (It may also be an address "  \
    "of that host which the policy lacks.)"

static void report_foreign(struct audit *a, const struct rule *r, const struct observation *o,
                           const struct host *owner)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT];
    struct stamp proof = proof_of(o);
    struct breach b = {.subject =
                           owner != NULL ? (struct subject){.host = owner} : scene_subject(scene),
                       .client = client,
                       .server = &scene->ends[DIR_SERVER],
                       .kind = owner != NULL ? owner->name : "account",
                       .confidence = CONFIDENCE_DERIVED,
                       .at = &proof};
    char account[ACCOUNT_TEXT], client_text[PARTY_TEXT], why[400];
    const char *workstation = observation_text(o, FACT_NTLM_WORKSTATION);
    bool says_other = owner != NULL && workstation != NULL && workstation[0] != '\0' &&
                      strcasecmp(workstation, owner->short_name) != 0;
    (void)snprintf(why, sizeof why, "%s%s%.60s%s", owner != NULL ? NOT_ITS_HOST : NO_SITE_SERVER,
                   says_other ? " The sender calls itself " : "", says_other ? workstation : "",
                   says_other ? ", which is another name too." : "");
    struct finding *f = report_account(a, r, o, &b, why);
    if (f != NULL) {
        finding_remedy(a, f,
                       "Find out what runs at %s; where it is not an address of a declared host, "
                       "treat it as a relay or a stolen account: change the password of %s and "
                       "require signing and Extended Protection.",
                       party_text(client, client_text), ntlm_account(o, account));
    }
}

/* A computer that was renamed or moved: it says the account's name itself, and is declared. */
static bool is_renamed(const struct observation *o, const struct host *owner,
                       const struct party *client)
{
    const char *workstation = observation_text(o, FACT_NTLM_WORKSTATION);
    return client->host != NULL && workstation != NULL &&
           strcasecmp(workstation, owner->short_name) == 0;
}

/* Accounts that site servers alone have the passwords of. */
static bool is_site_servers(const struct audit *a, const struct observation *o)
{
    static const char *const purposes[] = {"client-push", "site-system-installation",
                                           "active-directory-forest", "exchange-connection"};
    bool listed = false;
    for (size_t i = 0; i < sizeof purposes / sizeof *purposes && !listed; i++) {
        listed = ntlm_is_listed(a, o, purposes[i]);
    }
    return listed;
}

static void observe_foreign(struct audit *a, const struct rule *r, const struct observation *o)
{
    static const char between[] =
        "A proxy or address translation stood between the account and the server.";
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT];
    if (!is_answer(o)) {
        return;
    }
    const struct host *owner = ntlm_machine(a, o);
    if (owner != NULL) {
        struct subject subject = {.host = owner};
        if (client->host == owner) {
            judge_fine(a, r, subject, "Its computer account was used from its own addresses.");
        } else if (owner->address_count == 0) {
            judge_hidden(a, r, subject, "The host's addresses are not declared.");
        } else if (party_is_many(a, client)) {
            judge_hidden(a, r, subject, between);
        } else if (is_renamed(o, owner, client)) {
            judge_hidden(a, r, subject,
                         "A declared host gave that name as its own: renamed or moved, perhaps.");
        } else {
            report_foreign(a, r, o, owner);
        }
        return;
    }
    if (!is_site_servers(a, o)) {
        return;
    }
    if (party_is_many(a, client)) {
        judge_hidden(a, r, scene_subject(scene), between);
    } else if ((party_roles(client) & ROLES_SITE_SERVERS) != 0) {
        judge_fine(a, r, (struct subject){.host = client->host},
                   "The site's installation accounts were used from site servers.");
    } else {
        report_foreign(a, r, o, NULL);
    }
}

static void finish_foreign(struct audit *a, const struct rule *r)
{
    expect_hosts(a, r, role_site_systems(),
                 "No NTLM with this host's computer account is in the capture.");
}

const struct rule rule_machine_account_from_foreign_address = {
    .code = "R045",
    .name = "machine-account-from-foreign-address",
    .title = "Account used from an address that is not its host's",
    .severity = SEVERITY_CRITICAL,
    .statements = "S34 S82",
    .references = "Misconfiguration Manager: DETECT-1, DETECT-3\nMITRE ATT&CK T1557.001",
    .means = "A declared computer's account, or an account of the site servers' (client push, "
             "installation, forest or Exchange connection), authenticated from somewhere else. A "
             "computer's password is known to that computer "
             "alone: its authentication from elsewhere was passed on, or the password was stolen.",
    .evidence = "The account in the AUTHENTICATE message against the addresses of the host it "
                "belongs to, or against the site servers; a workstation name of another host is "
                "told. Not judged: hosts without declared addresses, declared proxies and address "
                "translation in between, and a declared host that gives the "
                "account's name as its own (renamed). All addresses of a host, VPN and translated "
                "ones too, are to be declared.",
    .remediation = "Find what stands at that address; then change the account's password, require "
                   "signing and Extended Protection, and restrict NTLM.",
    .records = 1u << RECORD_NTLM,
    .observe = observe_foreign,
    .finish = finish_foreign,
};

/* ---- R048 ---- */

#define CONTENT_ROLES                                                                              \
    (ROLE_BIT(ROLE_DISTRIBUTION_POINT) | ROLE_BIT(ROLE_PULL_DISTRIBUTION_POINT) |                  \
     ROLE_BIT(ROLE_STATE_MIGRATION_POINT) | ROLE_BIT(ROLE_FILE_SHARE))

/* Why it is worse than content fetched during a deployment; NULL: it is not. */
static const char *needless_access(const struct observation *o, const struct party *client,
                                   const struct party *server)
{
    bool content = (party_roles(server) & CONTENT_ROLES) != 0 &&
                   (observation_is(o, FACT_NTLM_CARRIER, "http") ||
                    observation_is(o, FACT_NTLM_CARRIER, "smb"));
    if (!content) {
        return "; the account is for content alone, and this server has none: somebody uses its "
               "password.";
    }
    const struct role_instance *dp = host_role(server->host, ROLE_DISTRIBUTION_POINT);
    enum client_mode mode = dp == NULL ? CLIENTS_UNDECLARED : role_client_mode(server->host, dp);
    const struct forest *own = party_forest(client);
    bool secure = mode == CLIENTS_HTTPS || mode == CLIENTS_ENHANCED_HTTP;
    if (secure && client->group != NULL && own != NULL && own == server->host->forest) {
        return ", although it stands in the server's own forest and the site gives clients HTTPS "
               "or Enhanced HTTP, where the account is not needed.";
    }
    return NULL;
}

/* Without a declaration: an account that several clients show to distribution points, and nobody
 * shows to anything else. */
#define SUSPECT_NS (INT64_C(86400) * SECOND)
#define SUSPECT_CLIENTS 5u

struct suspect { /* of an account */
    bool elsewhere;
    unsigned count;
    struct {
        struct address client;
        struct stamp at;
    } shown[SUSPECT_CLIENTS]; /* distinct clients */
};
_Static_assert(sizeof(struct suspect) <= RECENT_OCTETS, "a row has room for it");

/* True when this one makes them enough. */
static bool note_suspect(struct suspect *s, const struct scene *scene, const struct stamp *at)
{
    const struct party *client = &scene->ends[DIR_CLIENT];
    const role_set points =
        ROLE_BIT(ROLE_DISTRIBUTION_POINT) | ROLE_BIT(ROLE_PULL_DISTRIBUTION_POINT);
    bool is_client = client->group != NULL && !client->group->administrators;
    if (!is_client || (party_roles(&scene->ends[DIR_SERVER]) & points) == 0) {
        s->elsewhere = true;
        return false;
    }
    if (s->count > 0 && at->ns - s->shown[0].at.ns > SUSPECT_NS) {
        s->count = 0;
    }
    for (unsigned i = 0; i < s->count; i++) {
        if (address_equal(&s->shown[i].client, &client->address)) {
            return false;
        }
    }
    if (s->count == SUSPECT_CLIENTS) {
        return false;
    }
    s->shown[s->count].client = client->address;
    s->shown[s->count++].at = *at;
    return s->count == SUSPECT_CLIENTS && !s->elsewhere;
}

static void report_suspect(struct audit *a, const struct rule *r, const struct observation *o,
                           const struct suspect *s)
{
    const struct scene *scene = audit_scene(a);
    const struct party *server = &scene->ends[DIR_SERVER];
    struct stamp proof = proof_of(o);
    char account[ACCOUNT_TEXT], server_text[PARTY_TEXT];
    struct breach b = {.subject = scene_subject(scene),
                       .client = &scene->ends[DIR_CLIENT],
                       .server = server,
                       .kind = ntlm_account(o, account),
                       .confidence = CONFIDENCE_INFERRED,
                       .title = "Probable network access account in use",
                       .at = &proof};
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    for (unsigned i = 0; i < s->count; i++) {
        char client[ADDRESS_TEXT];
        finding_evidence(a, f, s->shown[i].at, "NTLM AUTHENTICATE of %s from %s", account,
                         address_format(&s->shown[i].client, client));
    }
    if (is_new) {
        finding_explain(a, f,
                        "%u clients authenticated as %s, to distribution points (the last time %s) "
                        "and nothing else: that is how a network access account is used, whose "
                        "password every client can read.",
                        s->count, account, party_text(server, server_text));
        finding_remedy(a, f,
                       "If it is the network access account, declare it (accounts: network-access) "
                       "and better remove it from the site: Enhanced HTTP or HTTPS makes it "
                       "needless.");
    }
}

static void observe_undeclared(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    struct recent *t = audit_state(a, r, sizeof *t);
    char account[ACCOUNT_TEXT];
    if (t == NULL || ntlm_is_machine(o) || observation_is(o, FACT_NTLM_RESULT, "failure")) {
        return;
    }
    t->window_ns = SUSPECT_NS;
    struct stamp proof = proof_of(o);
    (void)ntlm_account(o, account);
    for (char *letter = account; *letter != '\0'; letter++) {
        *letter = (char)(*letter >= 'A' && *letter <= 'Z' ? *letter + 32 : *letter);
    }
    struct suspect *s = recent_make(a, t, recent_key(0, account, strlen(account)), proof.ns);
    if (s != NULL && note_suspect(s, scene, &proof)) {
        report_suspect(a, r, o, s);
    }
}

static void observe_access(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    const struct account_list *list = policy_accounts(audit_policy(a), "network-access");
    if (!is_answer(o) || !scene_is_declared(scene)) {
        return;
    }
    if (list == NULL || list->count == 0) {
        if (party_is_site_system(server)) {
            judge_hidden(a, r, scene_subject(scene),
                         "No network access account is declared (accounts: network-access).");
        }
        observe_undeclared(a, r, o);
        return;
    }
    if (!ntlm_is_listed(a, o, "network-access")) {
        if (party_is_site_system(server)) {
            judge_fine(a, r, scene_subject(scene), "Other accounts were used.");
        }
        return;
    }
    const char *needless = needless_access(o, client, server);
    struct stamp proof = proof_of(o);
    struct breach b = {.subject = scene_subject(scene),
                       .client = client,
                       .server = server,
                       .severity = needless != NULL ? SEVERITY_HIGH : SEVERITY_MEDIUM,
                       .confidence = CONFIDENCE_PROVEN,
                       .at = &proof};
    struct finding *f = report_account(
        a, r, o, &b,
        needless != NULL ? needless
                         : ", the network access account, whose password every client can read.");
    if (f != NULL) {
        finding_remedy(a, f,
                       "Remove the network access account from the site (Enhanced HTTP or HTTPS "
                       "makes it needless), change its password and disable it.");
    }
}

static void finish_access(struct audit *a, const struct rule *r)
{
    expect_hosts(a, r, role_site_systems(), "No readable NTLM with this host is in the capture.");
}

const struct rule rule_network_access_account_on_the_wire = {
    .code = "R048",
    .name = "network-access-account-on-the-wire",
    .title = "Network access account in use",
    .severity = SEVERITY_MEDIUM,
    .statements = "S58 S108",
    .references = "Microsoft Learn: Accounts used in Configuration Manager (network access "
                  "account)\nMisconfiguration Manager: CRED-1 to CRED-4, PREVENT-3, "
                  "PREVENT-15\nMITRE ATT&CK T1552",
    .means = "The network access account authenticated. Its password lies on every client and can "
             "be read there, so whatever the account may do, every client's user may do. High when "
             "it goes to something else than content, or comes from a client of the server's own "
             "forest at a site where it is not needed.",
    .evidence = "The declared account (accounts: network-access) in an AUTHENTICATE message. "
                "Content fetched with it during an operating system deployment is a documented "
                "use and stays medium. Without a declaration it is inferred: an account, not a "
                "computer's, that five clients showed to distribution points within a day and "
                "nobody to anything else before.",
    .remediation = "Enhanced HTTP or HTTPS for clients, then remove and disable the account.",
    .records = 1u << RECORD_NTLM,
    .observe = observe_access,
    .finish = finish_access,
};
