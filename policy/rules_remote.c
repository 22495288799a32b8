/*
 * rules_remote.c - calls and administrative shares that take hold of a server. From chapter D R046
 * forced authentication, R047 client push; from chapter E R064 service control, R065 remote
 * registry, R068 shares listed.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "policy/flow_notes.h"
#include "policy/recent.h"
#include "policy/shares.h"
#include "policy/sign_on.h"

static bool is_call(const struct observation *o)
{
    return observation_is(o, FACT_DCERPC_MESSAGE, "call");
}

static bool is_bind(const struct observation *o)
{
    return observation_is(o, FACT_DCERPC_MESSAGE, "bind") ||
           observation_is(o, FACT_DCERPC_MESSAGE, "alter");
}

static bool is_administrator(const struct party *p)
{
    return p->group != NULL && p->group->administrators;
}

static void finish_calls(struct audit *a, const struct rule *r)
{
    expect_hosts(a, r, role_site_systems(),
                 "No readable remote procedure call to this host is in the capture.");
}

/* ---- R046 ---- */

#define FORCED_NS (30 * SECOND)

static const struct {
    const char *uuid, *name;
    uint8_t opnums[10], count;
} forcing[] = {
    /* [MS-EFSR] 3.1.4.2: file names that may be on another server */
    {"c681d488-d850-11d0-8c52-00c04fd90f7e", "EFSRPC", {0, 4, 5, 6, 7, 8, 9, 12, 13, 15}, 10},
    {"df1941c5-fe89-4e79-bf10-463657acf44d", "EFSRPC", {0, 4, 5, 6, 7, 8, 9, 12, 13, 15}, 10},
    /* [MS-RPRN] 3.1.4.10.2, 3.1.4.10.4: notify me there */
    {"12345678-1234-abcd-ef00-0123456789ab", "print spooler", {62, 65}, 2},
    /* [MS-DFSNM] 3.1.4.4 */
    {"4fc742e0-4a10-11cf-8273-00aa004ae673", "DFS namespace", {12, 13}, 2},
    /* [MS-FSRVP] 3.1.4.9, 3.1.4.10 */
    {"a8e0653c-2744-4389-a61d-7373df8b2292", "shadow copy agent", {8, 9}, 2},
};

static const char *forcing_service(const struct observation *o, bool *ret_call)
{
    const char *uuid = observation_text(o, FACT_DCERPC_UUID);
    uint64_t opnum = observation_number(o, FACT_DCERPC_OPNUM, UINT64_MAX);
    *ret_call = false;
    for (size_t i = 0; uuid != NULL && i < sizeof forcing / sizeof *forcing; i++) {
        if (strcasecmp(uuid, forcing[i].uuid) != 0) {
            continue;
        }
        for (unsigned n = 0; n < forcing[i].count && is_call(o); n++) {
            *ret_call |= forcing[i].opnums[n] == opnum;
        }
        return forcing[i].name;
    }
    return NULL;
}

/* A call and the NTLM of the called host, whichever is told first: a call is told when it is
 * answered, and the callee authenticates before that. */
struct forced {
    struct party caller, callee, target;
    struct stamp call, proof; /* order 0: not yet */
};
_Static_assert(sizeof(struct forced) <= RECENT_OCTETS, "a row has room for it");

static void report_answered_call(struct audit *a, const struct rule *r, struct forced *f)
{
    int64_t after = f->proof.ns - f->call.ns;
    if (f->call.order == 0 || f->proof.order == 0 || after < 0 || after > FORCED_NS) {
        return;
    }
    struct breach b = {.subject = {.host = f->callee.host},
                       .client = &f->callee,
                       .server = &f->target,
                       .kind = "forced",
                       .severity = SEVERITY_CRITICAL,
                       .confidence = CONFIDENCE_DERIVED,
                       .title = "Forced authentication succeeded",
                       .at = &f->proof};
    char caller[PARTY_TEXT], callee[PARTY_TEXT], target[PARTY_TEXT];
    bool is_new = false;
    struct finding *found = judge_breach(a, r, &b, &is_new);
    party_text(&f->caller, caller);
    party_text(&f->callee, callee);
    party_text(&f->target, target);
    finding_evidence(a, found, f->call, "call of %s that makes %s connect", caller, callee);
    finding_evidence(a, found, f->proof, "NTLM AUTHENTICATE of %s to %s", callee, target);
    if (is_new) {
        finding_explain(a, found,
                        "%s called an operation at %s that makes it connect to a place of the "
                        "caller's choice, and within 30 seconds its computer account "
                        "authenticated to %s by NTLM.",
                        caller, callee, target);
        finding_remedy(a, found,
                       "Treat it as an attack: find who works at %s; look for what was done with "
                       "the account of %s, and restrict outgoing NTLM there.",
                       caller, f->callee.host->name);
    }
    f->call.order = f->proof.order = 0;
}

static void report_call(struct audit *a, const struct rule *r, const struct observation *o,
                        const char *service)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp call = observation_packet(o, FACT_DCERPC_REQUEST_PACKET);
    unsigned opnum = (unsigned)observation_number(o, FACT_DCERPC_OPNUM, 0);
    const char *fault = observation_text(o, FACT_DCERPC_FAULT);
    struct breach b = {.subject = {.host = server->host},
                       .client = client,
                       .server = server,
                       .kind = service,
                       .confidence = CONFIDENCE_PROVEN,
                       .at = &call};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, call, "%s, operation %u%s%s", service, opnum,
                     fault == NULL ? "" : ", refused: ", fault == NULL ? "" : fault);
    if (is_new) {
        finding_explain(a, f,
                        "%s called operation %u of the %s service at %s, which makes the called "
                        "computer connect to a place that the caller names.",
                        party_text(client, client_text), opnum, service,
                        party_text(server, server_text));
        finding_remedy(a, f,
                       "On %s, disable the print spooler and the WebClient service where nothing "
                       "needs them, filter these calls (RPC filters), and restrict outgoing NTLM.",
                       server->host->name);
    }
    struct recent *t = audit_state(a, r, sizeof *t);
    struct forced *row =
        t == NULL ? NULL : recent_make(a, t, recent_address(&server->address), call.ns);
    if (row != NULL) {
        row->caller = *client;
        row->callee = *server;
        row->call = call;
        report_answered_call(a, r, row);
    }
}

/* What a forced computer would send: its own account, by SMB or HTTP, to somebody else. */
static void note_forced(struct audit *a, const struct rule *r, struct recent *t,
                        const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp proof = observation_packet(o, FACT_NTLM_AUTHENTICATE_PACKET);
    if (!party_is_site_system(client) || proof.order == 0 || client->host == server->host ||
        ntlm_machine(a, o) != client->host ||
        !(observation_is(o, FACT_NTLM_CARRIER, "smb") ||
          observation_is(o, FACT_NTLM_CARRIER, "http"))) {
        return;
    }
    struct forced *row = recent_make(a, t, recent_address(&client->address), proof.ns);
    if (row != NULL) {
        row->callee = *client;
        row->target = *server;
        row->proof = proof;
        report_answered_call(a, r, row);
    }
}

static void observe_forcing(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    struct recent *t = audit_state(a, r, sizeof *t);
    bool forces = false;
    if (t == NULL) {
        return;
    }
    t->window_ns = FORCED_NS;
    if (o->record == RECORD_NTLM) {
        note_forced(a, r, t, o);
        return;
    }
    const struct party *server = judged_server(a, role_site_systems());
    if (server == NULL || !(is_call(o) || is_bind(o))) {
        return;
    }
    struct subject subject = {.host = server->host};
    const char *service = forcing_service(o, &forces);
    if (service != NULL && forces && !is_administrator(&scene->ends[DIR_CLIENT]) &&
        !scene_is_allowed(a, "dcerpc")) {
        report_call(a, r, o, service);
    } else if (service != NULL && is_bind(o)) {
        judge_hidden(a, r, subject,
                     "Services that can be made to connect elsewhere were bound to; calls that do "
                     "so were not seen.");
    } else {
        judge_fine(a, r, subject,
                   "No call that makes the host connect elsewhere was seen among its calls.");
    }
}

const struct rule rule_coercion_call = {
    .code = "R046",
    .name = "coercion-call",
    .title = "Call that forces a site system to authenticate",
    .severity = SEVERITY_HIGH,
    .statements = "S34",
    .references = "[MS-EFSR] 3.1.4.2, [MS-RPRN] 3.1.4.10, [MS-DFSNM] 3.1.4.4, [MS-FSRVP] "
                  "3.1.4\nMisconfiguration Manager: ELEVATE-1, TAKEOVER-1\nMITRE ATT&CK T1187",
    .means = "Somebody called one of the operations that make a Windows server connect, with its "
             "computer account, to a place the caller names. That authentication is what relays "
             "live on. Critical when the called host authenticated by NTLM within 30 seconds.",
    .evidence = "Interface and operation number of the call, which stay readable when its content "
                "is sealed, and the callee's next NTLM authentication with its own computer "
                "account in SMB or HTTP. Only site systems are judged, not print or file servers; "
                "declared administrators and lines of `matrix:` that allow dcerpc do not count. "
                "Inside encrypted SMB nothing is seen.",
    .remediation = "Disable the print spooler and WebClient on site systems, use RPC filters, "
                   "restrict outgoing NTLM.",
    .records = 1u << RECORD_DCERPC | 1u << RECORD_NTLM,
    .observe = observe_forcing,
    .finish = finish_calls,
};

/* ---- R064 ---- */

#define SVCCTL "367abb81-9844-35f1-ad32-98f038001003"
/* [MS-TSCH] 1.9: the old interface of the task scheduler, and the one in use */
#define ATSVC "1ff70682-0a51-30e8-076d-740be8cee98b"
#define TASKS "86d35949-83c9-4044-b424-db363231fd0c"

/* One sentence pattern for what was done at whose place. */
static void report_hold(struct audit *a, const struct rule *r, const struct breach *b,
                        const char *what)
{
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, b, &is_new);
    party_text(b->client, client_text);
    finding_evidence(a, f, *b->at, "%.200s", what);
    if (is_new) {
        finding_explain(a, f,
                        "%s: %s at %s, although it is neither a site server nor a declared "
                        "administrator. (It may also be a backup or patch tool that the policy "
                        "does not declare.)",
                        client_text, what, party_text(b->server, server_text));
        finding_remedy(a, f,
                       "Find out who works from %s; let the host firewall of %s take such "
                       "connections from the site server and administrators only, or declare it "
                       "(administrators:, matrix:).",
                       client_text, b->server->host->name);
    }
}

/* ---- accounts that install (S68, S77, S83) ---- */

#define ACCESS_DENIED 0xc0000022

struct installer { /* as whom a site server logged on, while the connection lasts */
    bool site_account, administrator; /* declared for child sites; of a whole domain */
    char account[80];
};
_Static_assert(sizeof(struct installer) <= FLOW_NOTE_OCTETS, "a note has room for it");

/* The built-in administrator of a domain; that of one computer has rights there alone. */
static bool is_domain_administrator(const struct audit *a, const struct observation *o)
{
    const char *user = observation_text(o, FACT_NTLM_USER),
               *domain = observation_text(o, FACT_NTLM_DOMAIN);
    return user != NULL && strcasecmp(user, "Administrator") == 0 && domain != NULL &&
           policy_forest_of_domain(audit_policy(a), domain) != NULL;
}

static void note_installer(struct audit *a, struct flow_notes *notes, const struct observation *o)
{
    char account[ACCOUNT_TEXT];
    bool said = observation_get(o, FACT_NTLM_AUTHENTICATE_PACKET) != NULL &&
                observation_get(o, FACT_NTLM_USER) != NULL;
    struct installer *note = said ? flow_note(a, notes, o->flow.id, true) : NULL;
    if (note != NULL) {
        /* A secondary site is installed with the computer account of its parent's site server. */
        note->site_account = ntlm_is_listed(a, o, "site-installation") || ntlm_is_machine(o);
        note->administrator = is_domain_administrator(a, o);
        (void)snprintf(note->account, sizeof note->account, "%.79s", ntlm_account(o, account));
    }
}

static bool is_child_of(const struct party *server, const struct party *client)
{
    const struct site *child = server->host->site, *parent = client->host->site;
    return (party_roles(server) & ROLES_SITE_SERVERS) != 0 && child != NULL && parent != NULL &&
           child->parent == parent;
}

struct misuse {
    const char *kind, *title, *why, *remedy;
    enum severity severity;
};

static void report_installer(struct audit *a, const struct rule *r, const struct observation *o,
                             const struct installer *note, const struct misuse *m)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp at = observation_packet(o, FACT_SMB_RESPONSE_PACKET);
    const char *path = observation_text(o, FACT_SMB_PATH);
    struct breach b = {.subject = {.host = server->host},
                       .client = client,
                       .server = server,
                       .kind = m->kind,
                       .severity = m->severity,
                       .confidence = CONFIDENCE_DERIVED,
                       .title = m->title,
                       .at = &at};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, at, "%.160s, answered with %.60s", path,
                     observation_text(o, FACT_SMB_STATUS));
    if (is_new) {
        finding_explain(a, f, "The site server %s reached for %.160s of %s%s%s: %s.",
                        party_text(client, client_text), path, party_text(server, server_text),
                        note == NULL ? "" : " as ", note == NULL ? "" : note->account, m->why);
        finding_remedy(a, f, "%s", m->remedy);
    }
}

/* A site server at an administrative share: who it is there, and whether it is let in. */
static void judge_installer(struct audit *a, const struct rule *r, const struct observation *o,
                            struct flow_notes *notes)
{
    static const struct misuse refused = {
        "refused", "Site server refused at a site system",
        "it was refused, so its account is no "
        "administrator there",
        "Make the installation account of that site system, or the site "
        "server's computer account, a local administrator of it.",
        SEVERITY_INFO};
    static const struct misuse administrator = {
        "administrator", "Site systems managed as the domain's administrator",
        "that account is administrator of the whole domain, and one computer would do",
        "Give installations an account that is administrator of the computers it connects to, and "
        "of no more.",
        SEVERITY_MEDIUM};
    static const struct misuse undeclared = {
        "site-installation", "Child site managed with another account than declared",
        "that is none of the policy's site-installation accounts",
        "Use the declared account, or name this one under `accounts: {site-installation}`.",
        SEVERITY_MEDIUM};
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    const struct account_list *list = policy_accounts(audit_policy(a), "site-installation");
    const struct installer *note = flow_note(a, notes, o->flow.id, false);
    uint64_t status = observation_number(o, FACT_SMB_STATUS_CODE, 1);
    if (status == ACCESS_DENIED) {
        report_installer(a, r, o, note, &refused);
    } else if (status != 0) {
        return;
    } else if (note != NULL && note->administrator) {
        report_installer(a, r, o, note, &administrator);
    } else if (note != NULL && !note->site_account && list != NULL && list->count > 0 &&
               is_child_of(server, client)) {
        report_installer(a, r, o, note, &undeclared);
    } else {
        judge_fine(a, r, (struct subject){.host = server->host},
                   "Site servers and declared administrators managed it.");
    }
}

/* True when the connection is a site server's, and was judged as such. */
static bool observe_installer(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    if ((party_roles(client) & ROLES_SITE_SERVERS) == 0 || !party_is_site_system(server) ||
        client->host == server->host) {
        return o->record == RECORD_NTLM || o->record == RECORD_FLOW;
    }
    struct flow_notes *notes = audit_state(a, r, sizeof *notes);
    const char *path = observation_text(o, FACT_SMB_PATH);
    if (notes == NULL) {
        return true;
    }
    if (o->record == RECORD_NTLM) {
        note_installer(a, notes, o);
    } else if (o->record == RECORD_FLOW) {
        flow_note_remove(notes, o->flow.id);
    } else if (o->record == RECORD_SMB && observation_is(o, FACT_SMB_MESSAGE, "tree_connect") &&
               share_kind_of(share_name(path)) == SHARE_ADMINISTRATIVE) {
        judge_installer(a, r, o, notes);
        return true;
    }
    return o->record == RECORD_NTLM || o->record == RECORD_FLOW;
}

/* ---- the rule ---- */

static void observe_hold(struct audit *a, const struct rule *r, const struct observation *o)
{
    if (observe_installer(a, r, o)) {
        return;
    }
    const struct scene *scene = audit_scene(a);
    const struct party *server = judged_server(a, role_site_systems());
    const char *path = observation_text(o, FACT_SMB_PATH), *kind = NULL;
    char what[240];
    struct stamp at = observation_packet(o, FACT_SMB_RESPONSE_PACKET);
    if (server == NULL) {
        return;
    }
    if (o->record == RECORD_SMB && observation_is(o, FACT_SMB_MESSAGE, "tree_connect") &&
        share_kind_of(share_name(path)) == SHARE_ADMINISTRATIVE &&
        observation_number(o, FACT_SMB_STATUS_CODE, 1) == 0) {
        kind = share_name(path);
        (void)snprintf(what, sizeof what, "opened the share %.180s", path);
    } else if (o->record == RECORD_DCERPC && is_bind(o) &&
               !observation_is(o, FACT_DCERPC_RESULT, "rejected")) {
        bool services = observation_is(o, FACT_DCERPC_UUID, SVCCTL);
        bool tasks = observation_is(o, FACT_DCERPC_UUID, ATSVC) ||
                     observation_is(o, FACT_DCERPC_UUID, TASKS);
        kind = services ? "svcctl" : tasks ? "atsvc" : NULL;
        (void)snprintf(what, sizeof what, "bound to the %s",
                       services ? "service control manager" : "task scheduler");
        at = observation_packet(o, FACT_DCERPC_REQUEST_PACKET);
    }
    struct subject subject = {.host = server->host};
    if (kind == NULL) {
        judge_fine(a, r, subject, "Connections did not reach for administration.");
    } else if (scene_is_managed(scene)) {
        judge_fine(a, r, subject, "Site servers and declared administrators managed it.");
    } else if (scene_is_allowed(a, o->record == RECORD_SMB ? "smb" : "dcerpc")) {
        judge_fine(a, r, subject, "The policy's matrix allows that host to manage it.");
    } else {
        struct breach b = {.subject = subject,
                           .client = &scene->ends[DIR_CLIENT],
                           .server = server,
                           .kind = kind,
                           .confidence = CONFIDENCE_PROVEN,
                           .at = &at};
        report_hold(a, r, &b, what);
    }
}

const struct rule rule_admin_share_or_service_control = {
    .code = "R064",
    .name = "admin-share-or-service-control-from-unexpected-host",
    .title = "Administrative access to a site system by an unexpected host",
    .severity = SEVERITY_HIGH,
    .statements = "S68 S77 S83",
    .references = "Microsoft Learn: Security and privacy for site administration (Configuration "
                  "Manager)\nMITRE ATT&CK T1021.002, T1569.002",
    .means = "A host opened an administrative share of a site system, or its service control or "
             "task scheduler, which is how programs are started on other computers. Only the site "
             "server and administrators have business there.",
    .evidence = "Successful connections to ADMIN$ or a drive's share, and binds to svcctl or atsvc "
                "that were not rejected. The remote registry is R065's. Site servers, consoles, "
                "declared administrators, the host itself and lines of `matrix:` that allow it do "
                "not count. Of site servers themselves is told where they are refused "
                "(information), where they come as a domain's built-in administrator, and where "
                "they manage a child site with an account by NTLM that is none of the "
                "site-installation accounts declared (both medium).",
    .remediation = "Host firewalls on site systems; declare backup and patch tools.",
    .records = 1u << RECORD_SMB | 1u << RECORD_DCERPC | 1u << RECORD_NTLM | 1u << RECORD_FLOW,
    .observe = observe_hold,
    .finish = finish_calls,
};

/* ---- R065 ---- */

#define WINREG "338cd001-2244-31f1-aaaa-900038001003"

/* The pipe was opened, or its service bound to; NULL: another, or another message. */
static const char *registry_use(const struct observation *o, struct stamp *ret_at,
                                bool *ret_refused)
{
    if (o->record == RECORD_SMB) {
        const char *name = observation_text(o, FACT_SMB_NAME);
        *ret_at = observation_packet(o, FACT_SMB_REQUEST_PACKET);
        *ret_refused = observation_number(o, FACT_SMB_STATUS_CODE, 1) != 0;
        bool pipe = observation_is(o, FACT_SMB_MESSAGE, "pipe") && name != NULL &&
                    strcasecmp(name + (name[0] == '\\'), "winreg") == 0;
        return pipe ? "opened the pipe of the remote registry" : NULL;
    }
    *ret_at = observation_packet(o, FACT_DCERPC_REQUEST_PACKET);
    *ret_refused = observation_is(o, FACT_DCERPC_RESULT, "rejected");
    return observation_is(o, FACT_DCERPC_UUID, WINREG) ? "bound to the remote registry" : NULL;
}

static void observe_registry(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *server = judged_server(a, role_site_systems()),
                       *client = &scene->ends[DIR_CLIENT];
    bool refused = false;
    struct stamp at;
    const char *key = observation_text(o, FACT_DCERPC_KEY);
    if (server == NULL || (o->record == RECORD_DCERPC && key == NULL && !is_bind(o))) {
        return;
    }
    struct subject subject = {.host = server->host};
    const char *use = registry_use(o, &at, &refused);
    char opened[200];
    if (key != NULL) {
        (void)snprintf(opened, sizeof opened, "opened the registry key %.150s", key);
        use = opened;
    }
    if (use == NULL) {
        if (o->record == RECORD_DCERPC) {
            judge_fine(a, r, subject, "Remote procedure calls went to other services.");
        }
    } else if (refused || scene_is_managed(scene) || scene_is_allowed(a, "dcerpc")) {
        judge_fine(a, r, subject,
                   refused ? "The remote registry was refused."
                           : "The remote registry was read by those who manage the host.");
    } else {
        struct breach b = {.subject = subject,
                           .client = client,
                           .server = server,
                           .severity = client->host == NULL ? SEVERITY_HIGH : SEVERITY_MEDIUM,
                           .confidence = CONFIDENCE_PROVEN,
                           .at = &at};
        report_hold(a, r, &b, use);
    }
}

const struct rule rule_remote_registry_recon = {
    .code = "R065",
    .name = "remote-registry-recon",
    .title = "Remote registry of a site system opened",
    .severity = SEVERITY_MEDIUM,
    .statements = "S01 S20",
    .references = "[MS-RRP] 2.1\nMisconfiguration Manager: RECON-6, DETECT-8\nMITRE ATT&CK T1012",
    .means = "A host opened the remote registry of a site system. Which roles it has, where the "
             "database is and who is connected stands there: a first step of reconnaissance. High "
             "from a client or an undeclared host.",
    .evidence = "The pipe winreg opened, or a bind to its interface that was not rejected; where "
                "calls are not sealed, the key (SOFTWARE\\Microsoft\\SMS names the site). Site "
                "servers, consoles, "
                "declared administrators, the host itself and lines of `matrix:` that allow dcerpc "
                "do not count. Inside encrypted SMB nothing is seen.",
    .remediation = "Disable the remote registry service or filter it by the host's firewall.",
    .records = 1u << RECORD_DCERPC | 1u << RECORD_SMB,
    .observe = observe_registry,
    .finish = finish_calls,
};

/* ---- R068 ---- */

#define SRVSVC "4b324fc8-1670-01d3-1278-5a47bf6ee188"
enum { NetrShareEnum = 15 }; /* [MS-SRVS] 3.1.4.8 */
#define LISTED_ENOUGH 3u
#define LISTED_NS (600 * SECOND)

struct lister { /* of a client: the servers it asked, the oldest first */
    struct {
        const struct host *host;
        struct stamp at;
    } asked[LISTED_ENOUGH];
    unsigned count;
};
_Static_assert(sizeof(struct lister) <= RECENT_OCTETS, "a row has room for it");

static void note_listed(struct lister *l, const struct host *host, const struct stamp *at)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < l->count; i++) {
        if (l->asked[i].host != host && at->ns - l->asked[i].at.ns <= LISTED_NS) {
            l->asked[kept++] = l->asked[i];
        }
    }
    if (kept == LISTED_ENOUGH) {
        memmove(&l->asked[0], &l->asked[1], (LISTED_ENOUGH - 1) * sizeof *l->asked);
        kept--;
    }
    l->asked[kept].host = host;
    l->asked[kept].at = *at;
    l->count = kept + 1;
}

static void report_listing(struct audit *a, const struct rule *r, const struct lister *l)
{
    const struct party *client = &audit_scene(a)->ends[DIR_CLIENT];
    const struct stamp *last = &l->asked[l->count - 1].at;
    struct breach b = {.client = client, .confidence = CONFIDENCE_DERIVED, .at = last};
    char client_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    for (unsigned i = 0; i < l->count; i++) {
        finding_evidence(a, f, l->asked[i].at, "list of shares asked of %s",
                         l->asked[i].host->name);
    }
    if (is_new) {
        finding_explain(a, f,
                        "%s asked %u site systems for their shares within ten minutes, among them "
                        "%s. (It may also be a scanner that the policy does not declare.)",
                        party_text(client, client_text), l->count, l->asked[0].host->name);
        finding_remedy(a, f,
                       "Find out who works from %s, or declare it (administrators:); keep SMB of "
                       "site systems to those who need it.",
                       client_text);
    }
}

static void observe_listing(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *server = judged_server(a, role_site_systems());
    struct recent *t = audit_state(a, r, sizeof *t);
    if (t == NULL || server == NULL || !is_call(o) ||
        !observation_is(o, FACT_DCERPC_UUID, SRVSVC)) {
        return;
    }
    t->window_ns = LISTED_NS;
    if (observation_number(o, FACT_DCERPC_OPNUM, 0) == NetrShareEnum && !scene_is_managed(scene)) {
        struct stamp at = observation_packet(o, FACT_DCERPC_REQUEST_PACKET);
        struct lister *l =
            recent_make(a, t, recent_address(&scene->ends[DIR_CLIENT].address), at.ns);
        if (l == NULL) {
            return;
        }
        note_listed(l, server->host, &at);
        if (l->count == LISTED_ENOUGH) {
            report_listing(a, r, l);
            return;
        }
    }
    judge_fine(a, r, (struct subject){0},
               "Shares were listed by those who manage them, or at fewer than three site systems "
               "in ten minutes.");
}

static void finish_listing(struct audit *a, const struct rule *r)
{
    judge_expected(a, r, (struct subject){0},
                   "No readable call to a site system's server service is in the capture.");
}

const struct rule rule_share_enumeration = {
    .code = "R068",
    .name = "share-enumeration",
    .title = "Shares of several site systems listed",
    .severity = SEVERITY_MEDIUM,
    .statements = "S01 S20",
    .references = "[MS-SRVS] 3.1.4.8\nMisconfiguration Manager: RECON-2\nMITRE ATT&CK T1135",
    .means = "One host asked several site systems which shares they have. The names tell roles and "
             "site codes: how an attacker maps a hierarchy.",
    .evidence = "NetrShareEnum (srvsvc, operation 15) by one client at three site systems within "
                "ten minutes. Browsing one or two servers does not count; neither do site servers, "
                "consoles and declared administrators or scanners.",
    .remediation = "Restrict SMB of site systems to those who need it; declare scanners.",
    .records = 1u << RECORD_DCERPC,
    .observe = observe_listing,
    .finish = finish_listing,
};

/* ---- R047 ---- */

struct push { /* how the session of a flow was set up */
    bool ntlm, kerberos;
};
_Static_assert(sizeof(struct push) <= FLOW_NOTE_OCTETS, "a note has room for it");

static void report_push(struct audit *a, const struct rule *r, const struct observation *o,
                        const struct push *p)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp at = observation_packet(o, FACT_SMB_RESPONSE_PACKET);
    bool ntlm = p != NULL && p->ntlm, known = ntlm || (p != NULL && p->kerberos);
    bool stranger = server->group == NULL;
    struct breach b = {.subject = {.host = client->host},
                       .client = client,
                       .server = server,
                       .severity = !ntlm      ? SEVERITY_MEDIUM
                                   : stranger ? SEVERITY_CRITICAL
                                              : SEVERITY_HIGH,
                       .confidence = CONFIDENCE_PROVEN,
                       .at = &at};
    const char *by = ntlm ? "by NTLM" : known ? "by Kerberos" : "in a session set up unseen";
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, at, "TREE_CONNECT to %.150s, %s", observation_text(o, FACT_SMB_PATH),
                     by);
    if (is_new) {
        finding_explain(a, f,
                        "The site server %s opened the administrative share of %s %s, as client "
                        "push does; whoever is there sees an account with administrative rights "
                        "on clients.",
                        party_text(client, client_text), party_text(server, server_text), by);
        finding_remedy(a, f,
                       "Install clients by group policy or software update instead; on %s clear "
                       "\"Allow connection fallback to NTLM\" and automatic site-wide client push.",
                       client->host->name);
    }
}

static void observe_push(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    struct flow_notes *flows = audit_state(a, r, sizeof *flows);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    if (flows == NULL || (party_roles(client) & ROLES_SITE_SERVERS) == 0 || server->host != NULL) {
        return;
    }
    struct subject subject = {.host = client->host};
    const char *share = share_name(observation_text(o, FACT_SMB_PATH));
    if (o->record == RECORD_FLOW) {
        flow_note_remove(flows, o->flow.id);
    } else if (observation_is(o, FACT_SMB_MESSAGE, "session_setup")) {
        struct push *p = flow_note(a, flows, o->flow.id, true);
        if (p != NULL) {
            p->ntlm |= observation_is(o, FACT_SMB_MECHANISM, "ntlm");
            p->kerberos |= observation_is(o, FACT_SMB_MECHANISM, "kerberos");
        }
    } else if (!observation_is(o, FACT_SMB_MESSAGE, "tree_connect")) {
        return;
    } else if (share_kind_of(share) == SHARE_ADMINISTRATIVE &&
               observation_number(o, FACT_SMB_STATUS_CODE, 1) == 0 && !is_administrator(server) &&
               !scene_is_allowed(a, "smb")) {
        report_push(a, r, o, flow_note(a, flows, o->flow.id, false));
    } else {
        judge_fine(a, r, subject,
                   "Shares that it opened at clients were none that push needs, or "
                   "the policy allows it.");
    }
}

static void finish_push(struct audit *a, const struct rule *r)
{
    expect_hosts(a, r, ROLES_SITE_SERVERS,
                 "No readable SMB from this site server to clients is in the capture.");
}

const struct rule rule_client_push_seen = {
    .code = "R047",
    .name = "client-push-seen",
    .title = "Client push",
    .severity = SEVERITY_MEDIUM,
    .statements = "S01",
    .references = "Microsoft Learn: Deploy clients to Windows computers (client push), Accounts "
                  "used in Configuration Manager\nMisconfiguration Manager: ELEVATE-2, ELEVATE-3, "
                  "PREVENT-1, PREVENT-2\nMITRE ATT&CK T1187, T1021.002",
    .means = "A site server installs clients over SMB. It offers accounts with administrative "
             "rights, one after the other, to whatever computer stands at that address. High by "
             "NTLM, critical by NTLM to an address that the policy does not know as a client.",
    .evidence = "A site server's successful connection to ADMIN$ or a drive's share of a computer "
                "that is no declared host, with the mechanism of its session. Targets declared by "
                "a line of `matrix:` (from the site server, over smb) do not count.",
    .remediation = "Group policy or software update based installation; no fallback to NTLM.",
    .records = 1u << RECORD_SMB | 1u << RECORD_FLOW,
    .observe = observe_push,
    .finish = finish_push,
};
