/*
 * rules_smb.c - chapter E: SMB of site systems. R060 SMB 1, R061 signing not required, R062
 * unsigned sessions; and from chapter D R049, anonymous and guest sessions.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "policy/flow_notes.h"
#include "policy/ledger.h"

static bool is_smb2(const char *dialect)
{
    return dialect != NULL && dialect[0] >= '2' && dialect[0] <= '9';
}

static bool is_negotiate(const struct observation *o)
{
    return observation_is(o, FACT_SMB_MESSAGE, "negotiate");
}

static bool succeeded(const struct observation *o)
{
    return observation_number(o, FACT_SMB_STATUS_CODE, 0) == 0;
}

static void finish_smb(struct audit *a, const struct rule *r)
{
    expect_hosts(a, r, role_smb_servers(), "No SMB session with this host is in the capture.");
}

/* ---- R060 ---- */

static void report_smb1(struct audit *a, const struct rule *r, const struct observation *o,
                        const struct party *server)
{
    const struct scene *scene = audit_scene(a);
    const char *dialect = observation_text(o, FACT_SMB_DIALECT);
    bool negotiate = is_negotiate(o);
    struct stamp reply = observation_packet(o, FACT_SMB_RESPONSE_PACKET);
    struct breach b = {.subject = {.host = server->host},
                       .client = &scene->ends[DIR_CLIENT],
                       .server = server,
                       .severity = negotiate ? SEVERITY_MEDIUM : SEVERITY_HIGH,
                       .confidence = CONFIDENCE_PROVEN,
                       .at = &reply};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    if (negotiate) {
        finding_evidence(a, f, reply, "the server's NEGOTIATE reply chooses SMB 1 (%s)", dialect);
    } else {
        finding_evidence(a, f, reply, "SMB 1 session setup ends with %s",
                         observation_text(o, FACT_SMB_STATUS));
    }
    if (is_new) {
        finding_explain(a, f,
                        "%s %s %s by SMB 1, which has no protection against change in transit and "
                        "is the way in for known worms.",
                        party_text(&scene->ends[DIR_CLIENT], client_text),
                        negotiate ? "agreed with" : "opened a session at",
                        party_text(server, server_text));
        finding_remedy(
            a, f, "Remove the SMB 1 feature (server part) from %s, and its client part from %s.",
            server->host->name, client_text);
    }
}

static void observe_smb1(struct audit *a, const struct rule *r, const struct observation *o)
{
    struct flow_notes *flows = audit_state(a, r, sizeof *flows);
    const struct party *server = judged_server(a, role_smb_servers());
    const char *dialect = observation_text(o, FACT_SMB_DIALECT);
    if (flows == NULL || server == NULL) {
        return;
    }
    struct subject subject = {.host = server->host};
    if (o->record == RECORD_FLOW) {
        flow_note_remove(flows, o->flow.id);
    } else if (is_negotiate(o) && dialect != NULL && !is_smb2(dialect)) {
        (void)flow_note(a, flows, o->flow.id, true); /* its sessions are SMB 1 */
        report_smb1(a, r, o, server);
    } else if (is_negotiate(o) && dialect != NULL) {
        judge_fine_with(a, r, subject, "The server chose SMB %.40s.", dialect);
    } else if (is_negotiate(o)) {
        judge_hidden(a, r, subject,
                     "An SMB negotiation was seen without the server's choice of dialect.");
    } else if (observation_is(o, FACT_SMB_MESSAGE, "session_setup") && succeeded(o) &&
               flow_note(a, flows, o->flow.id, false) != NULL) {
        report_smb1(a, r, o, server);
    }
}

const struct rule rule_smb1_used = {
    .code = "R060",
    .name = "smb1-used",
    .title = "SMB 1 in use",
    .severity = SEVERITY_HIGH,
    .statements = "S01 S67",
    .references = "Microsoft Learn: Detect, enable, and disable SMBv1, SMBv2, and SMBv3 in "
                  "Windows\nDISA STIG WN22-00-000380, "
                  "WN22-00-000390\nMITRE ATT&CK T1210",
    .means = "A site system still speaks SMB 1. The protocol has no encryption and no downgrade "
             "protection, and its server code was "
             "the way in for WannaCry and its kin. High when a session was opened with it, medium "
             "when the server only agreed to it.",
    .evidence = "The dialect in the server's NEGOTIATE reply, and session setups on that "
                "connection. A client whose first packet is in "
                "SMB 1 form but that is answered with SMB 2 does not use SMB 1: that is how old "
                "and new clients begin alike.",
    .remediation = "Remove the SMB 1 feature from servers and clients; what still needs it (old "
                   "scanners, NAS) is to be replaced.",
    .records = 1u << RECORD_SMB | 1u << RECORD_FLOW,
    .observe = observe_smb1,
    .finish = finish_smb,
};

/* ---- R061 ---- */

#define SIGNING_MATTERS                                                                            \
    (ROLE_BIT(ROLE_SITE_SERVER) | ROLE_BIT(ROLE_SITE_SERVER_PASSIVE) |                             \
     ROLE_BIT(ROLE_SITE_DATABASE) | ROLE_BIT(ROLE_SMS_PROVIDER) |                                  \
     ROLE_BIT(ROLE_DISTRIBUTION_POINT) | ROLE_BIT(ROLE_PULL_DISTRIBUTION_POINT) |                  \
     ROLE_BIT(ROLE_MANAGEMENT_POINT) | ROLE_BIT(ROLE_DOMAIN_CONTROLLER))

/* A negotiation without required signing, until the flow ends: SMB 3 encryption of every session
 * makes up for it. */
struct negotiated {
    struct stamp reply;
    char dialect[12], signing[12];
    bool encrypted, plain; /* sessions seen */
};
_Static_assert(sizeof(struct negotiated) <= FLOW_NOTE_OCTETS, "a note has room for it");

static void report_signing(struct audit *a, const struct rule *r, const struct negotiated *n,
                           const struct party *server)
{
    const struct scene *scene = audit_scene(a);
    struct breach b = {.subject = {.host = server->host},
                       .client = &scene->ends[DIR_CLIENT],
                       .server = server,
                       .any_client = true,
                       .severity = (party_roles(server) & SIGNING_MATTERS) != 0 ? SEVERITY_HIGH
                                                                                : SEVERITY_MEDIUM,
                       .confidence = CONFIDENCE_PROVEN,
                       .at = &n->reply};
    char server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, n->reply, "NEGOTIATE reply (SMB %s): signing %s, not required",
                     n->dialect, n->signing);
    if (is_new) {
        finding_explain(a, f,
                        "%s does not require SMB signing (its NEGOTIATE reply says \"%s\"), so "
                        "that an authentication relayed to "
                        "it opens a session.",
                        party_text(server, server_text), n->signing);
        finding_remedy(a, f,
                       "On %s, set \"Microsoft network server: Digitally sign communications "
                       "(always)\" by group policy.",
                       server->host->name);
    }
}

static void note_negotiation(struct audit *a, const struct rule *r, struct flow_notes *flows,
                             const struct observation *o, const struct party *server)
{
    const char *signing = observation_text(o, FACT_SMB_SIGNING_SERVER),
               *dialect = observation_text(o, FACT_SMB_DIALECT);
    struct subject subject = {.host = server->host};
    if (signing == NULL || !is_smb2(dialect) || !succeeded(o)) {
        judge_hidden(a, r, subject,
                     "No successful SMB 2 or 3 negotiation with its reply was seen.");
        return;
    }
    if (strcmp(signing, "required") == 0) {
        judge_fine(a, r, subject, "The server's NEGOTIATE reply requires signing.");
        return;
    }
    struct negotiated *n = flow_note(a, flows, o->flow.id, true);
    if (n != NULL) {
        n->reply = observation_packet(o, FACT_SMB_RESPONSE_PACKET);
        (void)snprintf(n->dialect, sizeof n->dialect, "%s", dialect);
        (void)snprintf(n->signing, sizeof n->signing, "%s", signing);
    }
}

static void judge_negotiated(struct audit *a, const struct rule *r, const struct negotiated *n,
                             const struct party *server)
{
    if (n->encrypted && !n->plain) {
        judge_fine(a, r, (struct subject){.host = server->host},
                   "Signing is not required, but the session demanded encryption.");
    } else {
        report_signing(a, r, n, server);
    }
}

static void observe_signing(struct audit *a, const struct rule *r, const struct observation *o)
{
    struct flow_notes *flows = audit_state(a, r, sizeof *flows);
    const struct party *server = judged_server(a, role_smb_servers());
    if (flows == NULL || server == NULL) {
        return;
    }
    if (is_negotiate(o)) {
        note_negotiation(a, r, flows, o, server);
        return;
    }
    struct negotiated *n = flow_note(a, flows, o->flow.id, false);
    if (n != NULL && o->record == RECORD_FLOW) {
        judge_negotiated(a, r, n, server);
        flow_note_remove(flows, o->flow.id);
    } else if (n != NULL && observation_is(o, FACT_SMB_MESSAGE, "session_setup") && succeeded(o)) {
        n->encrypted |= observation_says(o, FACT_SMB_ENCRYPTED);
        n->plain |= !observation_says(o, FACT_SMB_ENCRYPTED);
    }
}

const struct rule rule_smb_signing_not_required = {
    .code = "R061",
    .name = "smb-signing-not-required",
    .title = "SMB server does not require signing",
    .severity = SEVERITY_HIGH,
    .statements = "S01 S67",
    .references = "Misconfiguration Manager: PREVENT-12, ELEVATE-1, TAKEOVER-2\nDISA STIG "
                  "WN22-SO-000190\nMicrosoft Learn: Security and "
                  "privacy for site administration (Configuration Manager)",
    .means = "The server accepts SMB sessions without signatures. An attacker who makes some "
             "account authenticate to him can pass that "
             "authentication on to this server and act there with the account's rights: the usual "
             "way from one coerced computer "
             "account to the whole site.",
    .evidence = "SecurityMode in the reply of a successful SMB 2 or 3 negotiation, without the bit "
                "that says \"required\". A failed or "
                "SMB 1 negotiation is not judged, and nothing is inferred from the operating "
                "system's version.",
    .remediation = "Require signing on the server side by group policy on all site systems and "
                   "domain controllers. SMB 3 encryption "
                   "required for all shares implies it.",
    .records = 1u << RECORD_SMB | 1u << RECORD_FLOW,
    .observe = observe_signing,
    .finish = finish_smb,
};
