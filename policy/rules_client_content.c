/*
 * rules_client_content.c - chapter B: what roles hand out to whoever asks. R012 the fallback status
 * point, R014 content without authentication, R016 update metadata in clear.
 */
#include <string.h>
#include <strings.h>

#include "policy/flow_notes.h"
#include "policy/ledger.h"
#include "policy/web_roles.h"

static const char *text_or(const struct observation *o, enum fact_id id, const char *otherwise)
{
    const char *text = observation_text(o, id);
    return text == NULL ? otherwise : text;
}

static bool is_answered(uint64_t status)
{
    return status >= 200 && status < 300;
}

/* ---- R012 ---- */

#define FSP ROLE_BIT(ROLE_FALLBACK_STATUS_POINT)
#define NOT_WITH_FSP                                                                               \
    ((role_site_systems() & ~FSP) | ROLE_BIT(ROLE_DOMAIN_CONTROLLER) |                             \
     ROLE_BIT(ROLE_GLOBAL_CATALOG))

static const char *first_role(role_set set)
{
    for (unsigned i = 0; i < ROLE_COUNT; i++) {
        if ((set & ROLE_BIT(i)) != 0) {
            return role_name((enum role)i);
        }
    }
    return "none";
}

static struct subject fsp_subject(const struct host *h)
{
    return (struct subject){.host = h, .role = host_role(h, ROLE_FALLBACK_STATUS_POINT)};
}

static void report_fsp_tls(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp hello = observation_packet(o, FACT_TLS_CLIENT_HELLO_PACKET);
    struct breach b = {.subject = fsp_subject(server->host),
                       .client = client,
                       .server = server,
                       .any_client = true,
                       .kind = "tls",
                       .confidence = CONFIDENCE_PROVEN,
                       .at = &hello};
    char client_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, hello, "ClientHello to port %u of the fallback status point",
                     server->port);
    finding_evidence(a, f, observation_packet(o, FACT_TLS_SERVER_HELLO_PACKET),
                     "it takes the handshake up");
    if (is_new) {
        finding_explain(a, f,
                        "%s spoke TLS with %s on port %u, whose only role is the fallback status "
                        "point; that role knows HTTP alone, so something else serves there.",
                        party_text(client, client_text), server->host->name, server->port);
        finding_remedy(a, f,
                       "Find out what answers TLS on %s and move it away, or declare its role.",
                       server->host->name);
    }
}

static void report_fsp_shared(struct audit *a, const struct rule *r, const struct observation *o,
                              role_set others)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp request = observation_packet(o, FACT_HTTP_REQUEST_PACKET);
    /* A hierarchy on one server is a laboratory. */
    bool single = (others & ROLE_BIT(ROLE_SITE_SERVER)) != 0;
    struct breach b = {.subject = fsp_subject(server->host),
                       .client = client,
                       .server = server,
                       .any_client = true,
                       .kind = "shared",
                       .severity = single ? SEVERITY_LOW : SEVERITY_MEDIUM,
                       .confidence = CONFIDENCE_DERIVED,
                       .at = &request};
    char client_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, request, "request: %s %.160s", text_or(o, FACT_HTTP_METHOD, ""),
                     text_or(o, FACT_HTTP_URI, ""));
    if (is_new) {
        finding_explain(a, f,
                        "%s asked %s for %.160s: that host serves as fallback status point, which "
                        "takes messages from anybody without authentication, and as %s as well.",
                        party_text(client, client_text), server->host->name,
                        text_or(o, FACT_HTTP_URI, ""), first_role(others));
        finding_remedy(a, f, "Give the fallback status point a server of its own, apart from %s.",
                       server->host->name);
    }
}

static void observe_fsp(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct party *server = judged_server(a, FSP);
    if (server == NULL) {
        return;
    }
    role_set others = party_roles(server) & NOT_WITH_FSP;
    if (o->record == RECORD_TLS) {
        bool web = server->port == 80 || server->port == 443 || server->port == 8443;
        if (web && (party_roles(server) & WEB_ROLES) == FSP &&
            observation_says(o, FACT_TLS_ESTABLISHED)) {
            report_fsp_tls(a, r, o);
        }
        return;
    }
    if (!web_request_is_clear(o) || observation_says(o, FACT_HTTP_PROXY)) {
        return;
    }
    enum role role = role_of_path(web_path(o));
    bool foreign = role != ROLE_COUNT && role != ROLE_FALLBACK_STATUS_POINT &&
                   is_answered(observation_number(o, FACT_HTTP_STATUS, 0));
    if (role == ROLE_FALLBACK_STATUS_POINT && others != 0) {
        report_fsp_shared(a, r, o, others);
    } else if (others == 0 && foreign) {
        report_fsp_shared(a, r, o, ROLE_BIT(role));
    } else if (role == ROLE_FALLBACK_STATUS_POINT) {
        judge_fine(a, r, fsp_subject(server->host),
                   "Clients used it by HTTP, and it stands alone.");
    }
}

static void finish_fsp(struct audit *a, const struct rule *r)
{
    expect_roles(a, r, FSP, "No traffic with this fallback status point is in the capture.");
}

const struct rule rule_fsp_misuse = {
    .code = "R012",
    .name = "fsp-misuse",
    .title = "Fallback status point misused",
    .severity = SEVERITY_MEDIUM,
    .statements = "S15",
    .references = "Microsoft Learn: Security and privacy for site administration (fallback status "
                  "point)",
    .means = "The fallback status point takes messages from clients that cannot authenticate, so "
             "it is the one role that anybody may write to, and always by HTTP. It should stand "
             "alone: on the server of another role, or of a domain controller, that door leads to "
             "more than status messages. TLS on such a server means that something else is there.",
    .evidence = "A TLS handshake that a host with this role alone completed on a web port; a "
                "request to its paths on a host that holds other roles as well; a request for "
                "another role's path that it answered. Low where everything is on the site "
                "server, as in laboratories.",
    .remediation = "Put the fallback status point on a server of its own; in a perimeter let the "
                   "site server open the connections.",
    .records = 1u << RECORD_HTTP | 1u << RECORD_TLS,
    .observe = observe_fsp,
    .finish = finish_fsp,
};

/* ---- R014 ---- */

struct content_note { /* of a connection */
    bool authenticated;
};
struct content_state {
    struct flow_notes connections;
};

static bool is_content_path(const char *path)
{
    return path != NULL && (strncasecmp(path, "/sms_dp_smspkg", 14) == 0 ||
                            strncasecmp(path, "/nocert_sms_dp_smspkg", 21) == 0);
}

static const struct role_instance *content_role(const struct host *h)
{
    const struct role_instance *role = host_role(h, ROLE_DISTRIBUTION_POINT);
    return role != NULL ? role : host_role(h, ROLE_PULL_DISTRIBUTION_POINT);
}

static void report_anonymous(struct audit *a, const struct rule *r, const struct observation *o,
                             struct subject subject)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp request = observation_packet(o, FACT_HTTP_REQUEST_PACKET);
    struct stamp reply = observation_packet(o, FACT_HTTP_RESPONSE_PACKET);
    /* What is missing may have said who it is. */
    bool whole = o->flow.opening_seen && !o->flow.holed[DIR_CLIENT];
    struct breach b = {.subject = subject,
                       .client = client,
                       .server = server,
                       .any_client = true,
                       .kind = whole ? "content" : "midstream",
                       .severity = whole ? SEVERITY_HIGH : SEVERITY_INFO,
                       .confidence = whole ? CONFIDENCE_PROVEN : CONFIDENCE_INFERRED,
                       .at = &request};
    char client_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, request, "%s %.160s without an Authorization header",
                     text_or(o, FACT_HTTP_METHOD, ""), text_or(o, FACT_HTTP_URI, ""));
    if (is_new) {
        finding_evidence(a, f, reply, "answered with status %u",
                         (unsigned)observation_number(o, FACT_HTTP_STATUS, 0));
        finding_explain(
            a, f, "%s gave %.160s to %s, which had not authenticated on that connection%s.",
            server->host->name, text_or(o, FACT_HTTP_URI, ""), party_text(client, client_text),
            whole ? "" : ", as far as it was captured: a part was not");
        finding_remedy(a, f,
                       "In the properties of the distribution point %s clear \"Allow clients to "
                       "connect anonymously\"; give clients that are in no domain a network access "
                       "account, or use enhanced HTTP.",
                       server->host->name);
    }
}

static void observe_content(struct audit *a, const struct rule *r, const struct observation *o)
{
    struct content_state *state = audit_state(a, r, sizeof *state);
    if (state == NULL) {
        return;
    }
    if (o->record == RECORD_FLOW) {
        flow_note_remove(&state->connections, o->flow.id);
        return;
    }
    const struct party *server = judged_server(a, ROLE_BIT(ROLE_DISTRIBUTION_POINT) |
                                                      ROLE_BIT(ROLE_PULL_DISTRIBUTION_POINT));
    if (o->record == RECORD_TLS) {
        if (server != NULL && observation_says(o, FACT_TLS_ESTABLISHED)) {
            judge_hidden(a, r,
                         (struct subject){.host = server->host, .role = content_role(server->host)},
                         "TLS hides who asked for what.");
        }
        return;
    }
    if (server == NULL || !web_request_is_clear(o) || !is_content_path(web_path(o))) {
        return;
    }
    uint64_t status = observation_number(o, FACT_HTTP_STATUS, 0);
    struct subject subject = {.host = server->host, .role = content_role(server->host)};
    if (observation_get(o, FACT_HTTP_AUTH) != NULL || status == 401) {
        /* NTLM and Kerberos authenticate the connection, and what follows shows no header. */
        struct content_note *note = flow_note(a, &state->connections, o->flow.id, true);
        if (note != NULL) {
            note->authenticated = true;
        }
        judge_fine(a, r, subject, "Content was given to those who authenticated.");
        return;
    }
    bool fetched = observation_is(o, FACT_HTTP_METHOD, "GET") ||
                   observation_is(o, FACT_HTTP_METHOD, "PROPFIND");
    if (!fetched || (status != 200 && status != 206 && status != 207)) {
        return;
    }
    const struct content_note *note = flow_note(a, &state->connections, o->flow.id, false);
    if (note != NULL && note->authenticated) {
        judge_fine(a, r, subject, "Content was given to those who authenticated.");
    } else if (subject.role->anonymous == 1) {
        judge_fine(a, r, subject,
                   "Content was given without authentication, which the policy allows here.");
    } else {
        report_anonymous(a, r, o, subject);
    }
}

static void finish_content(struct audit *a, const struct rule *r)
{
    expect_roles(a, r, ROLE_BIT(ROLE_DISTRIBUTION_POINT) | ROLE_BIT(ROLE_PULL_DISTRIBUTION_POINT),
                 "No readable request for content of this distribution point is in the capture.");
}

const struct rule rule_anonymous_content_access = {
    .code = "R014",
    .name = "anonymous-content-access",
    .title = "Distribution point serves content without authentication",
    .severity = SEVERITY_HIGH,
    .statements = "S13",
    .references = "Microsoft Learn: Communications between endpoints in Configuration Manager "
                  "(client to distribution point)\nMisconfiguration Manager: CRED-6, RECON-6\n"
                  "MITRE ATT&CK T1552.001",
    .means = "A distribution point gave package content to somebody who did not say who they are. "
             "Packages hold installers with licence keys, configuration files and scripts with "
             "passwords; whoever reaches the port can list and copy all of it.",
    .evidence = "A GET or PROPFIND below SMS_DP_SMSPKG$ or NOCERT_SMS_DP_SMSPKG$ that was answered "
                "by content, without an Authorization header, and without any authentication "
                "before on the same connection. Where a part of what the client sent was not "
                "captured it is for information only. Distribution points declared `anonymous: "
                "true` are as declared.",
    .remediation = "Clear \"Allow clients to connect anonymously\" on the distribution point.",
    .records = 1u << RECORD_HTTP | 1u << RECORD_TLS | 1u << RECORD_FLOW,
    .observe = observe_content,
    .finish = finish_content,
};

/* ---- R016 ---- */

/* [MS-WUSP] 2.1, [MS-WSUSSS] 2.1: the five virtual directories that demand TLS. /Content,
 * /Inventory and /SelfUpdate stay HTTP also where TLS is set up. */
static bool is_metadata_path(const char *path)
{
    static const char *const roots[] = {"/simpleauthwebservice", "/clientwebservice",
                                        "/reportingwebservice",  "/dssauthwebservice",
                                        "/serversyncwebservice", "/apiremoting30"};
    bool metadata = false;
    for (size_t i = 0; path != NULL && !metadata && i < sizeof roots / sizeof *roots; i++) {
        size_t len = strlen(roots[i]);
        metadata = strncasecmp(path, roots[i], len) == 0 && path[len] == '/';
    }
    return metadata;
}

static void report_metadata(struct audit *a, const struct rule *r, const struct observation *o,
                            struct subject subject, enum severity severity)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp request = observation_packet(o, FACT_HTTP_REQUEST_PACKET);
    const char *auth = observation_text(o, FACT_HTTP_AUTH);
    struct breach b = {.subject = subject,
                       .client = client,
                       .server = server,
                       .any_client = true,
                       .severity = severity,
                       .confidence = CONFIDENCE_PROVEN,
                       .at = &request};
    char client_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, request, "POST in clear: %.160s", text_or(o, FACT_HTTP_URI, ""));
    if (is_new) {
        finding_evidence(a, f, observation_packet(o, FACT_HTTP_RESPONSE_PACKET),
                         "answered in clear with status %u",
                         (unsigned)observation_number(o, FACT_HTTP_STATUS, 0));
        finding_explain(a, f,
                        "%s asked %s for update metadata (%.160s) by plain HTTP on port %u%s: "
                        "whoever stands in between can offer it updates of their own.",
                        party_text(client, client_text), server->host->name,
                        text_or(o, FACT_HTTP_URI, ""), server->port,
                        auth != NULL && strcmp(auth, "ntlm") == 0
                            ? ", and authenticated by NTLM, which can be relayed from there"
                            : "");
        finding_remedy(a, f,
                       "Require SSL on the virtual directories SimpleAuthWebService, "
                       "ClientWebService, ReportingWebService, DssAuthWebService, "
                       "ServerSyncWebService and ApiRemoting30 of %s, run wsusutil configuressl, "
                       "and set the software update point to require SSL.",
                       server->host->name);
    }
}

static void observe_metadata(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct party *server = judged_server(a, ROLE_BIT(ROLE_SOFTWARE_UPDATE_POINT));
    if (server == NULL) {
        return;
    }
    const struct role_instance *role = host_role(server->host, ROLE_SOFTWARE_UPDATE_POINT);
    struct subject subject = {.host = server->host, .role = role};
    if (o->record == RECORD_TLS) {
        bool port = server->port == 8531 || server->port == 443;
        for (unsigned i = 0; i < role->https_port_count; i++) {
            port |= role->https_ports[i] == server->port;
        }
        if (port && observation_says(o, FACT_TLS_ESTABLISHED)) {
            judge_fine(a, r, subject, "Clients used HTTPS.");
        }
        return;
    }
    if (!observation_is(o, FACT_HTTP_METHOD, "POST") || observation_says(o, FACT_HTTP_PROXY) ||
        !is_metadata_path(web_path(o))) {
        return;
    }
    uint64_t status = observation_number(o, FACT_HTTP_STATUS, 0);
    if (status == 403 || (status >= 301 && status <= 308)) {
        judge_fine(a, r, subject, "Metadata was asked for in clear and refused.");
        return;
    }
    enum client_mode mode = role_client_mode(server->host, role);
    report_metadata(a, r, o, subject,
                    mode == CLIENTS_HTTP            ? SEVERITY_INFO
                    : mode == CLIENTS_HTTPS_OR_HTTP ? SEVERITY_MEDIUM
                                                    : SEVERITY_HIGH);
}

static void finish_metadata(struct audit *a, const struct rule *r)
{
    expect_roles(a, r, ROLE_BIT(ROLE_SOFTWARE_UPDATE_POINT),
                 "No exchange of update metadata with this software update point is in the "
                 "capture.");
}

const struct rule rule_wsus_metadata_over_http = {
    .code = "R016",
    .name = "wsus-metadata-over-http",
    .title = "Update metadata without TLS",
    .severity = SEVERITY_HIGH,
    .statements = "S18",
    .references = "Microsoft Learn: Configure WSUS (secure WSUS with SSL)\nMicrosoft Learn: Ports "
                  "used in Configuration Manager (note on software update points)\nMITRE ATT&CK "
                  "T1557",
    .means = "Clients fetch the metadata of updates by plain HTTP. Updates themselves are signed, "
             "but the metadata says which signed program is run and with which arguments: somebody "
             "on the way can have the client run a command as the system account.",
    .evidence = "A SOAP POST in clear to one of the web services of WSUS. The update files, the "
                "inventory and licence texts are HTTP by design even with TLS set up and never "
                "count, nor do requests that were refused or redirected. Medium where the policy "
                "lets clients use either, for information where it declares HTTP.",
    .remediation = "Set up TLS on the web services of WSUS and require it in the software update "
                   "point's properties.",
    .records = 1u << RECORD_HTTP | 1u << RECORD_TLS,
    .observe = observe_metadata,
    .finish = finish_metadata,
};
