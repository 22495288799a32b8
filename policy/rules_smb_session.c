/*
 * rules_smb_session.c - R049 anonymous and guest sessions, R062 data moved without signatures.
 */
#include <stdio.h>
#include <string.h>

#include "policy/flow_notes.h"
#include "policy/shares.h"
#include "policy/sign_on.h"

/* ---- R049 ---- */

struct nameless { /* an anonymous or guest session on a flow, until the flow ends */
    struct stamp granted;
    bool guest, opened_share;
};

static const char *kind_of(const struct nameless *n)
{
    return n->guest ? "guest" : "anonymous";
}

static void report_nameless(struct audit *a, const struct rule *r, const struct nameless *n,
                            const char *path, const struct stamp *at)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    bool share = path != NULL;
    struct breach b = {.subject = {.host = server->host},
                       .client = client,
                       .server = server,
                       .kind = share ? share_name(path) : kind_of(n),
                       .severity = share ? SEVERITY_HIGH : SEVERITY_LOW,
                       .confidence = CONFIDENCE_PROVEN,
                       .title =
                           share ? "Share opened without an account" : "Session without an account",
                       .at = share ? at : &n->granted};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, n->granted, "SESSION_SETUP reply grants %s session",
                     n->guest ? "a guest" : "an anonymous");
    if (share) {
        finding_evidence(a, f, *at, "TREE_CONNECT to %.200s succeeds in that session", path);
    }
    if (!is_new) {
        return;
    }
    party_text(client, client_text);
    party_text(server, server_text);
    if (share) {
        finding_explain(a, f,
                        "%s opened %.200s on %s in %s session, that is without an account that "
                        "could be held to it.",
                        client_text, path, server_text, n->guest ? "a guest" : "an anonymous");
    } else {
        finding_explain(a, f, "%s has %s session at %s, without opening more than the IPC$ share.",
                        client_text, n->guest ? "a guest" : "an anonymous", server_text);
    }
    finding_remedy(a, f,
                   "On %s, disable guest access (\"Accounts: Guest account status\", insecure "
                   "guest logons), restrict anonymous access to "
                   "named pipes and shares, and require signing, which guest sessions cannot do.",
                   server->host->name);
}

static void note_session(struct audit *a, struct flow_notes *flows, const struct rule *r,
                         const struct observation *o, struct subject subject)
{
    bool guest = observation_says(o, FACT_SMB_GUEST),
         anonymous = observation_says(o, FACT_SMB_ANONYMOUS);
    if (observation_number(o, FACT_SMB_STATUS_CODE, 1) != 0) {
        return;
    }
    struct nameless *n = guest || anonymous ? flow_note(a, flows, o->flow.id, true) : NULL;
    if (n != NULL) {
        n->granted = observation_packet(o, FACT_SMB_RESPONSE_PACKET);
        n->guest = guest;
    } else if (!guest && !anonymous) {
        judge_fine(a, r, subject, "Sessions were granted to accounts.");
    }
}

static void observe_nameless(struct audit *a, const struct rule *r, const struct observation *o)
{
    struct flow_notes *flows = audit_state(a, r, sizeof *flows);
    const struct party *server = judged_server(a, role_smb_servers());
    if (flows == NULL || server == NULL) {
        return;
    }
    struct subject subject = {.host = server->host};
    if (observation_is(o, FACT_SMB_MESSAGE, "session_setup")) {
        note_session(a, flows, r, o, subject);
        return;
    }
    struct nameless *n = flow_note(a, flows, o->flow.id, false);
    if (n == NULL) {
        return;
    }
    const char *path = observation_text(o, FACT_SMB_PATH);
    if (observation_is(o, FACT_SMB_MESSAGE, "tree_connect") &&
        observation_number(o, FACT_SMB_STATUS_CODE, 1) == 0 && path != NULL &&
        share_kind_of(share_name(path)) != SHARE_PIPES) {
        struct stamp at = observation_packet(o, FACT_SMB_RESPONSE_PACKET);
        n->opened_share = true;
        report_nameless(a, r, n, path, &at);
    } else if (o->record == RECORD_FLOW) {
        if (!n->opened_share) {
            report_nameless(a, r, n, NULL, NULL);
        }
        flow_note_remove(flows, o->flow.id);
    }
}

static void finish_smb(struct audit *a, const struct rule *r)
{
    expect_hosts(a, r, role_smb_servers(), "No SMB session with this host is in the capture.");
}

const struct rule rule_anonymous_or_guest_smb = {
    .code = "R049",
    .name = "anonymous-or-guest-smb",
    .title = "SMB session without an account",
    .severity = SEVERITY_HIGH,
    .statements = "S01",
    .references = "[MS-SMB2] 2.2.6 (session flags)\nMicrosoft Learn: Overview of Server Message "
                  "Block signing\nMITRE ATT&CK T1078.001, "
                  "T1135",
    .means = "A server of the hierarchy granted a session as guest or without any account. Who "
             "reads or writes in it cannot be named, "
             "nothing in it can be signed, and content that site systems serve may be changed or "
             "looted. High when a share other than "
             "IPC$ was opened, low for the session alone.",
    .evidence = "The guest or null flag in the SESSION_SETUP reply, or an NTLM AUTHENTICATE "
                "without an account and response (some servers "
                "do not set the flag), and TREE_CONNECT replies in that session. Domain "
                "controllers and printers open null sessions to "
                "IPC$ as a matter of course: that alone stays low.",
    .remediation = "Disable the guest account and insecure guest logons, restrict anonymous access "
                   "to shares and named pipes, require SMB "
                   "signing.",
    .records = 1u << RECORD_SMB | 1u << RECORD_FLOW,
    .observe = observe_nameless,
    .finish = finish_smb,
};

/* ---- R062 ---- */

/* What steers clients or sites, or is a copy of one: it is high. */
static bool is_sensitive(const struct scene *scene, enum share_kind kind, bool moved)
{
    role_set client = party_roles(&scene->ends[DIR_CLIENT]),
             server = party_roles(&scene->ends[DIR_SERVER]);
    bool from_site = (client & ROLES_SITE_SERVERS) != 0;
    bool between = from_site && (server & ROLES_SITE_SERVERS) != 0;
    bool source = from_site && (server & ROLE_BIT(ROLE_FILE_SHARE)) != 0;
    return (kind != SHARE_OTHER && kind != SHARE_USER_STATE) || (moved && (between || source));
}

/* A flow's transfers are told one after the other when it ends: its share's finding takes the first
 * request to a pipe as evidence too, whichever comes first. */
struct unsigned_flow {
    uint64_t flow;
    struct finding *found;
    struct stamp pipe;
};

static struct unsigned_flow *unsigned_flow(struct audit *a, const struct rule *r, uint64_t flow)
{
    struct unsigned_flow *u = audit_state(a, r, sizeof *u);
    if (u != NULL && u->flow != flow) {
        *u = (struct unsigned_flow){.flow = flow};
    }
    return u;
}

static void add_pipe(struct audit *a, const struct unsigned_flow *u)
{
    finding_evidence(a, u->found, u->pipe,
                     "first request to a pipe without signature or encryption");
}

static void report_unsigned(struct audit *a, const struct rule *r, const struct observation *o,
                            struct subject subject)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    const char *path = observation_text(o, FACT_SMB_PATH), *share = share_name(path);
    struct stamp first = observation_packet(o, FACT_SMB_UNSIGNED_PACKET);
    bool moved = observation_number(o, FACT_SMB_READ_BYTES, 0) +
                     observation_number(o, FACT_SMB_WRITTEN_BYTES, 0) >
                 0;
    bool sensitive = is_sensitive(scene, share_kind_of(share), moved);
    struct unsigned_flow *u = unsigned_flow(a, r, o->flow.id);
    if (path == NULL && u != NULL && u->found != NULL) {
        return; /* captured after the answer that closed its share, which is told already */
    }
    struct breach b = {.subject = subject,
                       .client = client,
                       .server = server,
                       .kind = share,
                       .severity = sensitive ? SEVERITY_HIGH : SEVERITY_MEDIUM,
                       .confidence = CONFIDENCE_PROVEN,
                       .at = &first};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, first,
                     "first of %llu requests to %.200s without signature or encryption",
                     (unsigned long long)observation_number(o, FACT_SMB_UNSIGNED, 0),
                     path == NULL ? "a share" : path);
    if (u != NULL) {
        u->found = f;
        add_pipe(a, u);
    }
    if (is_new) {
        finding_explain(a, f,
                        "%s worked on %.200s of %s without SMB signatures, so that what it read or "
                        "wrote could be changed on the way%s.",
                        party_text(client, client_text), path == NULL ? "a share" : path,
                        party_text(server, server_text),
                        sensitive ? "; this share holds what sites and clients install and run"
                                  : "");
        finding_remedy(a, f,
                       "Require signing on %s (\"Microsoft network server: Digitally sign "
                       "communications (always)\") and on its clients, or "
                       "protect the path with IPsec.",
                       server->host != NULL ? server->host->name : "the server");
    }
}

static void observe_unsigned(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    struct subject subject = share_subject(scene);
    if (subject.host == NULL || observation_says(o, FACT_SMB_GUEST) ||
        observation_says(o, FACT_SMB_ANONYMOUS)) {
        return;
    }
    bool session = observation_is(o, FACT_SMB_MESSAGE, "session_setup") &&
                   observation_number(o, FACT_SMB_STATUS_CODE, 1) == 0;
    /* IPC$ carries calls that have protections of their own. */
    bool pipe = observation_is(o, FACT_SMB_SHARE_TYPE, "pipe") ||
                share_kind_of(share_name(observation_text(o, FACT_SMB_PATH))) == SHARE_PIPES;
    if (observation_is(o, FACT_SMB_MESSAGE, "transfer") &&
        observation_number(o, FACT_SMB_UNSIGNED, 0) > 0) {
        struct unsigned_flow *u = pipe ? unsigned_flow(a, r, o->flow.id) : NULL;
        if (!pipe) {
            report_unsigned(a, r, o, subject);
        } else if (u != NULL) {
            u->pipe = observation_packet(o, FACT_SMB_UNSIGNED_PACKET);
            add_pipe(a, u);
        }
    } else if (observation_is(o, FACT_SMB_MESSAGE, "transfer")) {
        judge_fine(a, r, subject, "What was read and written was signed or encrypted.");
    } else if (session && observation_says(o, FACT_SMB_ENCRYPTED)) {
        judge_fine(a, r, subject, "The session demanded encryption.");
    } else if (session && observation_says(o, FACT_SMB_SIGNED)) {
        judge_fine(a, r, subject, "The session's messages are signed.");
    }
}

const struct rule rule_smb_session_unsigned = {
    .code = "R062",
    .name = "smb-session-unsigned",
    .title = "SMB data without signatures",
    .severity = SEVERITY_MEDIUM,
    .statements = "S01 S67",
    .references = "Microsoft Learn: Security and privacy for site administration (\"Use SMB "
                  "signing when you can't use IPsec\")\n"
                  "[MS-SMB2] 3.2.4.1.1 (signing)",
    .means = "After the logon, requests went to a share without a signature and outside "
             "encryption. Whoever stands in the path can change "
             "package sources, content, setup files or replication data unseen, and the receiver "
             "will install it. High for shares of "
             "the product (SMS_*, package, content and setup shares, administrative shares), for "
             "package sources and backups, and between site servers, medium for others.",
    .evidence = "Requests after authentication whose header lacks the SIGNED flag and that are in "
                "no encryption envelope. A package source is a share "
                "with \"source\" in its name, or what a site server uses of a declared file share; "
                "a backup is a share with \"backup\" in its name. Guest and "
                "anonymous sessions, which cannot sign, are R049's; calls through IPC$ have "
                "protections of their own and do not count.",
    .remediation = "Require SMB signing on both ends by group policy, or use SMB 3 encryption or "
                   "IPsec on these paths.",
    .records = 1u << RECORD_SMB,
    .observe = observe_unsigned,
    .finish = finish_smb,
};
