/*
 * rules_ldap.c - chapter F: the directory. R070 passwords in clear, R071 unsigned sessions, R072
 * NTLM logons of site systems, R073 reading and writing of CN=System Management.
 */
#include <string.h>
#include <strings.h>

#include "dissect/text.h"
#include "policy/flow_notes.h"
#include "policy/sign_on.h"

#define DIRECTORY (ROLE_BIT(ROLE_DOMAIN_CONTROLLER) | ROLE_BIT(ROLE_GLOBAL_CATALOG))

enum { LDAP_SUCCESS = 0, LDAP_STRONGER_AUTH_REQUIRED = 8 };

static bool is_operation(const struct observation *o, const char *name)
{
    return observation_is(o, FACT_LDAP_OPERATION, name);
}

static bool ended_with(const struct observation *o, uint64_t code)
{
    return observation_number(o, FACT_LDAP_RESULT_CODE, UINT64_MAX) == code;
}

static const char *result_of(const struct observation *o)
{
    const char *result = observation_text(o, FACT_LDAP_RESULT);
    return result == NULL ? "answer not seen" : result;
}

static void finish_directory(struct audit *a, const struct rule *r)
{
    expect_hosts(a, r, DIRECTORY, "No readable LDAP with this host is in the capture.");
}

/* ---- R070 ---- */

static const struct bind_kind {
    const char *mechanism, *title, *text;
    enum severity severity;
} bind_kinds[] = {
    {"simple", NULL, "with its password in clear", SEVERITY_CRITICAL},
    {"unauthenticated", "LDAP bind with a name and no password",
     "with an empty password, which the server takes for nobody's logon while the program may take "
     "the success for the account's",
     SEVERITY_MEDIUM},
    {"anonymous", "Anonymous LDAP bind", "without name and password", SEVERITY_INFO},
};

static void report_bind(struct audit *a, const struct rule *r, const struct observation *o,
                        const struct bind_kind *kind)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp request = observation_packet(o, FACT_LDAP_REQUEST_PACKET);
    const char *name = observation_text(o, FACT_LDAP_DN);
    struct breach b = {.subject = {.host = server->host != NULL ? server->host : client->host},
                       .client = client,
                       .server = server,
                       .kind = kind->mechanism,
                       .severity = kind->severity,
                       .confidence = CONFIDENCE_PROVEN,
                       .title = kind->title,
                       .at = &request};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    name = name == NULL ? "nobody" : name;
    finding_evidence(a, f, request, "bindRequest, %s authentication, of %.200s (%s)",
                     kind->mechanism, name, result_of(o));
    if (is_new) {
        finding_explain(a, f, "%s bound to %s on port %u as %.200s %s (%s).",
                        party_text(client, client_text), party_text(server, server_text),
                        server->port, name, kind->text, result_of(o));
        finding_remedy(a, f,
                       "Have the program on %s use LDAPS, StartTLS or a bind with signing, set "
                       "\"Domain controller: LDAP server signing requirements\" of %s to require "
                       "signing, and change the password if one crossed.",
                       client_text, server_text);
    }
}

static void observe_bind(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    const char *mechanism = observation_text(o, FACT_LDAP_MECHANISM);
    if (mechanism == NULL || !is_operation(o, "bind") ||
        (server->host == NULL && client->host == NULL)) {
        return;
    }
    for (size_t i = 0; i < sizeof bind_kinds / sizeof *bind_kinds; i++) {
        const struct bind_kind *kind = &bind_kinds[i];
        if (strcmp(kind->mechanism, mechanism) == 0) {
            /* Whoever cannot have been let in took nothing by having no password. */
            if (i == 0 || ended_with(o, LDAP_SUCCESS)) {
                report_bind(a, r, o, kind);
            }
            return;
        }
    }
    if (server->host != NULL) {
        judge_fine_with(a, r, (struct subject){.host = server->host},
                        "Binds used %.40s, which shows no password.", mechanism);
    }
}

const struct rule rule_ldap_cleartext_simple_bind = {
    .code = "R070",
    .name = "ldap-cleartext-simple-bind",
    .title = "Password in clear in an LDAP bind",
    .severity = SEVERITY_CRITICAL,
    .statements = "S01",
    .references = "RFC 4513 5.1\nMicrosoft Learn: LDAP signing for Active Directory Domain "
                  "Services\nMITRE ATT&CK T1040, T1552",
    .means = "A simple bind puts the account's password into the packet as it is. Whoever is on "
             "the way can use it. Critical for a password; medium for a name without one, to which "
             "a server answers success without having checked anything; for information when "
             "neither was sent.",
    .evidence = "The bindRequest itself, on a connection without TLS, with the server's answer: a "
                "password that was refused has crossed all the same. Behind StartTLS and in LDAPS "
                "nothing of this is seen. Binds without a password count only where they "
                "succeeded. The password itself is never written.",
    .remediation = "Use LDAPS, StartTLS or a SASL bind with signing; require LDAP signing at the "
                   "domain controllers, which refuses simple binds without TLS.",
    .records = 1u << RECORD_LDAP,
    .observe = observe_bind,
    .finish = finish_directory,
};

/* ---- R071 ---- */

/* Site systems look up and publish in their own forest. */
static bool serves_site_systems(const struct policy *p, const struct host *controller)
{
    for (unsigned i = 0; i < p->host_count; i++) {
        if (p->hosts[i].forest == controller->forest &&
            (p->hosts[i].role_bits & role_site_systems()) != 0) {
            return true;
        }
    }
    return false;
}

static void report_unsigned(struct audit *a, const struct rule *r, const struct observation *o,
                            const struct party *server, const char *mechanism)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT];
    struct stamp answer = observation_packet(o, FACT_LDAP_RESPONSE_PACKET);
    struct breach b = {.subject = {.host = server->host},
                       .client = client,
                       .server = server,
                       .any_client = true,
                       .severity = serves_site_systems(audit_policy(a), server->host)
                                       ? SEVERITY_HIGH
                                       : SEVERITY_MEDIUM,
                       .confidence = CONFIDENCE_PROVEN,
                       .at = &answer};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, observation_packet(o, FACT_LDAP_REQUEST_PACKET), "bindRequest (%s)",
                     mechanism);
    finding_evidence(a, f, answer, "bindResponse: success; %s",
                     observation_get(o, FACT_LDAP_PROTECTION) != NULL
                         ? "what follows is plain LDAP"
                         : "its NTLM agreed on neither signing nor sealing");
    if (is_new) {
        finding_explain(a, f,
                        "%s let %s bind by %s and go on without signing or sealing: it does not "
                        "require LDAP signing, so that an authentication relayed to it can change "
                        "the directory.",
                        party_text(server, server_text), party_text(client, client_text),
                        mechanism);
        finding_remedy(a, f,
                       "On %s, set \"Domain controller: LDAP server signing requirements\" to "
                       "Require signing (and LDAP channel binding to Always); see first in its "
                       "events 2887 and 2889 which clients still bind without.",
                       server->host->name);
    }
}

/* [MS-NLMP] 2.2.2.5: a session in which neither was negotiated has no protection to be had. */
static void note_bare(struct audit *a, struct flow_notes *bare, const struct observation *o)
{
    if (observation_is(o, FACT_NTLM_CARRIER, "ldap") &&
        observation_get(o, FACT_NTLM_AUTHENTICATE_PACKET) != NULL &&
        !observation_is(o, FACT_NTLM_VARIANT, "anonymous") &&
        observation_get(o, FACT_NTLM_SIGN) != NULL && !observation_says(o, FACT_NTLM_SIGN) &&
        !observation_says(o, FACT_NTLM_SEAL)) {
        (void)flow_note(a, bare, o->flow.id, true);
    }
}

static void observe_signing(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct party *server = judged_server(a, DIRECTORY);
    const char *mechanism = observation_text(o, FACT_LDAP_MECHANISM),
               *protection = observation_text(o, FACT_LDAP_PROTECTION);
    struct flow_notes *bare = server == NULL ? NULL : audit_state(a, r, sizeof *bare);
    if (bare == NULL) {
        return;
    }
    struct subject subject = {.host = server->host};
    if (o->record == RECORD_FLOW) {
        flow_note_remove(bare, o->flow.id);
        return;
    }
    if (o->record == RECORD_NTLM) {
        note_bare(a, bare, o);
        return;
    }
    if (o->record == RECORD_TLS) {
        if ((server->port == 636 || server->port == 3269) &&
            observation_says(o, FACT_TLS_ESTABLISHED)) {
            judge_fine(a, r, subject, "Sessions were protected by TLS.");
        }
    } else if (observation_says(o, FACT_LDAP_STARTTLS)) {
        judge_fine(a, r, subject, "Sessions were protected by TLS.");
    } else if (!is_operation(o, "bind")) {
        return;
    } else if (ended_with(o, LDAP_STRONGER_AUTH_REQUIRED)) {
        judge_fine(a, r, subject, "It refused a bind without signing (strongerAuthRequired).");
    } else if (!ended_with(o, LDAP_SUCCESS) || mechanism == NULL ||
               strcmp(mechanism, "simple") == 0 || strcmp(mechanism, "anonymous") == 0 ||
               strcmp(mechanism, "unauthenticated") == 0) {
        return; /* no security layer can be had with these: R070 */
    } else if (protection == NULL && flow_note(a, bare, o->flow.id, false) == NULL) {
        judge_hidden(a, r, subject,
                     "A bind succeeded, but nothing that followed it shows how it is protected.");
    } else if (protection == NULL || strcmp(protection, "none") == 0) {
        report_unsigned(a, r, o, server, mechanism);
    } else {
        judge_fine_with(a, r, subject, "Sessions were protected (%.20s).", protection);
    }
}

const struct rule rule_ldap_unsigned_session = {
    .code = "R071",
    .name = "ldap-unsigned-session",
    .title = "Domain controller does not require LDAP signing",
    .severity = SEVERITY_HIGH,
    .statements = "S01",
    .references = "Microsoft Learn: Security and privacy for site administration (Configuration "
                  "Manager)\nMisconfiguration Manager: PREVENT-13, TAKEOVER-8\nDISA STIG "
                  "WN22-DC-000320",
    .means = "An authenticated LDAP session went on without signatures. A domain controller that "
             "allows this lets an attacker pass on the authentication of a coerced computer "
             "account and change directory objects with its rights. High for controllers in a "
             "forest that has site systems, medium for others.",
    .evidence = "A SASL or Sicily bind that succeeded, followed by plain LDAP messages instead of "
                "protected buffers, or by NTLM that agreed on neither signing nor sealing. Not "
                "counted: LDAPS and StartTLS, simple binds (R070), binds "
                "with nothing behind them. That some mechanism may lawfully leave its messages "
                "bare does not matter: a controller that requires signing refuses such a bind.",
    .remediation = "Require LDAP signing on the domain controllers (supported by Configuration "
                   "Manager since 1910).",
    .records = 1u << RECORD_LDAP | 1u << RECORD_TLS | 1u << RECORD_NTLM | 1u << RECORD_FLOW,
    .observe = observe_signing,
    .finish = finish_directory,
};

/* ---- R072 ---- */

static void report_ntlm(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp proof = observation_packet(o, FACT_NTLM_AUTHENTICATE_PACKET);
    const char *user = observation_text(o, FACT_NTLM_USER),
               *domain = observation_text(o, FACT_NTLM_DOMAIN);
    struct breach b = {.subject = {.host = client->host},
                       .client = client,
                       .server = server,
                       .confidence = CONFIDENCE_PROVEN,
                       .at = &proof};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    user = user == NULL ? "" : user;
    domain = domain == NULL ? "" : domain;
    finding_evidence(a, f, proof, "NTLM AUTHENTICATE of %.100s\\%.100s in an LDAP bind", domain,
                     user);
    if (is_new) {
        finding_explain(a, f,
                        "The site system %s logged on to the directory at %s as %.100s\\%.100s by "
                        "NTLM%s.",
                        party_text(client, client_text), party_text(server, server_text), domain,
                        user,
                        observation_says(o, FACT_NTLM_CHANNEL_BINDING)
                            ? ""
                            : " without channel binding, as it does when somebody else is to be "
                              "relayed there");
        finding_remedy(a, f,
                       "Let %s name the domain controller by its FQDN so that Kerberos is used, "
                       "require LDAP signing and channel binding at %s, and restrict NTLM.",
                       client->host->name, server_text);
    }
}

/* [MS-ERREF] 2.1: SEC_E_BAD_BINDINGS, written by Active Directory into the diagnostic message */
static bool refused_binding(const struct observation *o)
{
    const char *words = observation_text(o, FACT_LDAP_DIAGNOSTIC);
    return words != NULL && strncmp(words, "80090346", 8) == 0;
}

static void observe_ntlm(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    if (o->record == RECORD_LDAP) {
        if (server->host != NULL && refused_binding(o)) {
            judge_fine(a, r, (struct subject){.host = server->host},
                       "It refused a bind without the right channel binding (80090346).");
        }
    } else if (!party_is_site_system(client)) {
        return;
    } else if (o->record == RECORD_KERBEROS) {
        if (observation_is(o, FACT_KERBEROS_CARRIER, "ldap")) {
            judge_fine(a, r, (struct subject){.host = client->host},
                       "It logged on to the directory by Kerberos.");
        }
    } else if (observation_is(o, FACT_NTLM_CARRIER, "ldap") &&
               !observation_is(o, FACT_NTLM_VARIANT, "anonymous") &&
               observation_get(o, FACT_NTLM_AUTHENTICATE_PACKET) != NULL) {
        if (ntlm_is_excepted(a, o)) {
            judge_fine(a, r, (struct subject){.host = client->host},
                       "NTLM was used where the policy says that it may be.");
        } else {
            report_ntlm(a, r, o);
        }
    }
}

static void finish_ntlm(struct audit *a, const struct rule *r)
{
    expect_hosts(a, r, role_site_systems(),
                 "No readable LDAP logon of this host is in the capture.");
}

const struct rule rule_ldap_ntlm_or_no_channel_binding = {
    .code = "R072",
    .name = "ldap-ntlm-or-no-channel-binding",
    .title = "Site system logs on to the directory by NTLM",
    .severity = SEVERITY_MEDIUM,
    .statements = "S34",
    .references = "Misconfiguration Manager: PREVENT-13\nMicrosoft Learn: LDAP channel binding "
                  "and LDAP signing requirements",
    .means = "A site system used NTLM towards a directory server. The product itself uses "
             "Kerberos there. NTLM in LDAP is what a relay of the site system's computer account "
             "looks like, and what makes such a relay possible.",
    .evidence = "An NTLM AUTHENTICATE message inside an LDAP bind from a declared site system. "
                "Inside LDAPS and StartTLS neither NTLM nor a channel binding can be seen. A "
                "server's error 80090346 shows that channel binding is enforced, and is good. What "
                "`ntlm:` declares does not count.",
    .remediation = "Use FQDNs and Kerberos, require LDAP signing and channel binding, restrict "
                   "NTLM.",
    .records = 1u << RECORD_LDAP | 1u << RECORD_NTLM | 1u << RECORD_KERBEROS,
    .observe = observe_ntlm,
    .finish = finish_ntlm,
};

/* ---- R073 ---- */

static const char container[] = "CN=System Management,CN=System,";

static bool is_in_container(const char *dn)
{
    for (; dn != NULL; dn = strchr(dn, ',') == NULL ? NULL : strchr(dn, ',') + 1) {
        if (strncasecmp(dn, container, sizeof container - 1) == 0) {
            return true;
        }
    }
    return false;
}

/* Names that attackers guess at: "*sccm*", "*mecm*". */
static bool hunts_for_names(const char *filter)
{
    return strchr(filter, '*') != NULL &&
           (text_holds(filter, "sccm") || text_holds(filter, "mecm") ||
            text_holds(filter, "configmgr"));
}

/* Asks for an attribute whose name begins like that. */
static bool asks_for(const struct observation *o, const char *beginning)
{
    for (const struct fact *f = observation_get(o, FACT_LDAP_ATTRIBUTES); f != NULL;
         f = observation_more(o, FACT_LDAP_ATTRIBUTES, f)) {
        if (strncasecmp(fact_text(o, f), beginning, strlen(beginning)) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_write(const struct observation *o)
{
    return is_operation(o, "modify") || is_operation(o, "add") || is_operation(o, "delete") ||
           is_operation(o, "modify-dn");
}

enum interest { NO_INTEREST, LAWFUL, READS_RIGHTS, HUNTS, STRANGER_READS, WRITES };

static enum interest interest_of(const struct observation *o, const struct party *client)
{
    const char *base = observation_text(o, FACT_LDAP_DN),
               *filter = observation_text(o, FACT_LDAP_FILTER);
    bool trusted =
        (party_roles(client) & (ROLES_SITE_SERVERS | DIRECTORY | ROLE_BIT(ROLE_CONSOLE))) != 0 ||
        (client->group != NULL && client->group->administrators);
    if (is_write(o)) {
        return !is_in_container(base) ? NO_INTEREST : trusted ? LAWFUL : WRITES;
    }
    if (!is_operation(o, "search")) {
        return NO_INTEREST;
    }
    bool of_product = is_in_container(base) || text_holds(filter, "mSSMS") ||
                      text_holds(filter, "System Management") || asks_for(o, "mSSMS");
    bool hunt = filter != NULL && hunts_for_names(filter);
    if (!of_product && !hunt) {
        return NO_INTEREST;
    }
    if (trusted) {
        return LAWFUL;
    }
    return hunt                                  ? HUNTS
           : asks_for(o, "nTSecurityDescriptor") ? READS_RIGHTS
           : party_is_declared(client)           ? LAWFUL
                                                 : STRANGER_READS;
}

static void report_enumeration(struct audit *a, const struct rule *r, const struct observation *o,
                               enum interest interest)
{
    static const char *const kinds[] = {
        [READS_RIGHTS] = "asked who holds which rights on the product's directory objects",
        [HUNTS] = "searched the directory by wildcard for names of the product",
        [STRANGER_READS] = "read the product's directory objects, without being declared in any "
                           "client network",
        [WRITES] = "changed, or tried to change, what site servers publish"};
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp request = observation_packet(o, FACT_LDAP_REQUEST_PACKET);
    const char *base = observation_text(o, FACT_LDAP_DN),
               *filter = observation_text(o, FACT_LDAP_FILTER);
    struct breach b = {.subject = {.host = server->host},
                       .client = client,
                       .server = server,
                       .kind = interest == WRITES ? "write" : "read",
                       .severity = interest == WRITES && ended_with(o, LDAP_SUCCESS)
                                       ? SEVERITY_HIGH
                                       : SEVERITY_MEDIUM,
                       .confidence = CONFIDENCE_PROVEN,
                       .title = interest == WRITES ? "CN=System Management written by a host that "
                                                     "is no site server"
                                                   : NULL,
                       .at = &request};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, request, "%s at \"%.120s\"%s%.160s: %s",
                     observation_text(o, FACT_LDAP_OPERATION), base == NULL ? "" : base,
                     filter == NULL ? "" : ", filter ", filter == NULL ? "" : filter, result_of(o));
    if (is_new) {
        finding_explain(a, f, "%s %s at %s (%s).", party_text(client, client_text), kinds[interest],
                        party_text(server, server_text), result_of(o));
        finding_remedy(
            a, f,
            "Find out what ran on %s and with which account; if it is an administrator's "
            "tool, declare the host under `administrators`. Only the site servers' "
            "computer accounts need rights on CN=System Management.",
            client_text);
    }
}

static void observe_enumeration(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct party *server = judged_server(a, DIRECTORY);
    if (server == NULL) {
        return;
    }
    struct subject subject = {.host = server->host};
    enum interest interest = interest_of(o, &audit_scene(a)->ends[DIR_CLIENT]);
    if (interest > LAWFUL) {
        report_enumeration(a, r, o, interest);
    } else if (interest == LAWFUL) {
        judge_fine(a, r, subject,
                   "The product's directory objects were used by site servers, clients and "
                   "administrators, as is intended.");
    } else if (observation_is(o, FACT_LDAP_PROTECTION, "seal")) {
        judge_hidden(a, r, subject, "Sealed sessions do not show what was read or written.");
    }
}

const struct rule rule_system_management_enumeration = {
    .code = "R073",
    .name = "system-management-enumeration",
    .title = "The product's directory objects explored by a host that has no need",
    .severity = SEVERITY_MEDIUM,
    .statements = "S50",
    .references = "Misconfiguration Manager: RECON-1, DETECT-2\nMITRE ATT&CK T1087.002, T1018",
    .means = "The container CN=System Management tells which sites and management points there "
             "are, and its access list names the site servers: where an attack begins. Whoever "
             "can write there can point clients to a management point of his own. High when "
             "something was written, medium for reading.",
    .evidence = "Base, filter and attributes of readable searches, and the entry of changes. "
                "Clients lawfully look up mSSMSSite and mSSMSManagementPoint objects; counted are "
                "only questions for the access list, wildcard searches for names of the product, "
                "reads by hosts that are declared nowhere, and changes by anyone but site servers, "
                "consoles and declared administrators. Sealed LDAP shows none of this.",
    .remediation = "Give rights on the container to the site servers' computer accounts only; look "
                   "into the host that asked.",
    .records = 1u << RECORD_LDAP,
    .observe = observe_enumeration,
    .finish = finish_directory,
};
