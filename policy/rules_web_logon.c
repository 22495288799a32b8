/*
 * rules_web_logon.c - chapter D: NTLM inside HTTP. R051 WebDAV from site systems, R052 the
 * administration service.
 */
#include <string.h>
#include <strings.h>

#include "policy/flow_notes.h"
#include "policy/sign_on.h"

/* The request that a rule asks for and the NTLM of its connection, whichever is told first. */
struct web_logon {
    struct stamp request, proof; /* order 0: not yet */
    bool told;
};
_Static_assert(sizeof(struct web_logon) <= FLOW_NOTE_OCTETS, "a note has room for it");

/* The flow's note when this observation completes it; NULL otherwise. */
static const struct web_logon *join(struct audit *a, struct flow_notes *flows,
                                    const struct observation *o, bool is_request)
{
    bool is_proof = o->record == RECORD_NTLM && observation_is(o, FACT_NTLM_CARRIER, "http") &&
                    observation_get(o, FACT_NTLM_AUTHENTICATE_PACKET) != NULL &&
                    !observation_is(o, FACT_NTLM_VARIANT, "anonymous");
    if (o->record == RECORD_FLOW) {
        flow_note_remove(flows, o->flow.id);
        return NULL;
    }
    struct web_logon *w = is_proof || is_request ? flow_note(a, flows, o->flow.id, true) : NULL;
    if (w == NULL) {
        return NULL;
    }
    if (is_proof) {
        w->proof = observation_packet(o, FACT_NTLM_AUTHENTICATE_PACKET);
    } else if (w->request.order == 0) {
        w->request = observation_packet(o, FACT_HTTP_REQUEST_PACKET);
    }
    if (w->told || w->proof.order == 0 || w->request.order == 0) {
        return NULL;
    }
    w->told = true;
    return w;
}

static struct finding *report_logon(struct audit *a, const struct rule *r,
                                    const struct web_logon *w, struct subject subject,
                                    const char *what)
{
    const struct scene *scene = audit_scene(a);
    struct breach b = {.subject = subject,
                       .client = &scene->ends[DIR_CLIENT],
                       .server = &scene->ends[DIR_SERVER],
                       .confidence = CONFIDENCE_PROVEN,
                       .at = &w->proof};
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, w->request, "request %s", what);
    finding_evidence(a, f, w->proof, "NTLM AUTHENTICATE on that connection");
    return is_new ? f : NULL;
}

/* ---- R051 ---- */

#define FORCED_ROLES                                                                               \
    (ROLES_SITE_SERVERS | ROLE_BIT(ROLE_SMS_PROVIDER) | ROLE_BIT(ROLE_SITE_DATABASE))

static bool is_webdav(const struct observation *o)
{
    const char *agent = observation_text(o, FACT_HTTP_USER_AGENT);
    return (agent != NULL && strncasecmp(agent, "Microsoft-WebDAV-MiniRedir/", 27) == 0) ||
           observation_is(o, FACT_HTTP_METHOD, "OPTIONS") ||
           observation_is(o, FACT_HTTP_METHOD, "PROPFIND");
}

static void observe_webdav(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct flow_notes *flows = audit_state(a, r, sizeof *flows);
    if (flows == NULL || (party_roles(client) & FORCED_ROLES) == 0) {
        return;
    }
    struct subject subject = {.host = client->host};
    if (server->host != NULL || scene_is_allowed(a, "http")) {
        if (o->record != RECORD_FLOW) {
            judge_fine(a, r, subject, "Its HTTP went to declared hosts.");
        }
        return;
    }
    bool webdav = o->record == RECORD_HTTP && is_webdav(o);
    const struct web_logon *w = join(a, flows, o, webdav);
    if (w == NULL) {
        if (o->record == RECORD_HTTP && !webdav) {
            judge_fine(a, r, subject, "Its HTTP to others was no WebDAV.");
        }
        return;
    }
    struct finding *f = report_logon(a, r, w, subject, "of the WebDAV client");
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    if (f != NULL) {
        finding_explain(a, f,
                        "%s sent NTLM in plain HTTP as a WebDAV client to %s, which is no declared "
                        "host; that is how a computer behaves that was made to authenticate. (It "
                        "may also be an administrator's mapped drive.)",
                        party_text(client, client_text), party_text(server, server_text));
        finding_remedy(a, f, "Disable or uninstall the WebClient service on %s.",
                       client->host->name);
    }
}

static void finish_webdav(struct audit *a, const struct rule *r)
{
    expect_hosts(a, r, FORCED_ROLES, "No readable HTTP from this host is in the capture.");
}

const struct rule rule_webdav_ntlm_from_site_system = {
    .code = "R051",
    .name = "webdav-ntlm-from-site-system",
    .title = "Site system sent NTLM as a WebDAV client",
    .severity = SEVERITY_HIGH,
    .statements = "S34",
    .references = "Misconfiguration Manager: PREVENT-11, TAKEOVER-3, TAKEOVER-8\nMITRE ATT&CK "
                  "T1187",
    .means = "A site server, SMS Provider or site database authenticated by NTLM in WebDAV. Unlike "
             "SMB, HTTP has no signing, so such an authentication can be passed on to LDAP and to "
             "certificate services.",
    .evidence = "A request of the WebDAV redirector, OPTIONS or PROPFIND, from such a host to one "
                "that is not declared, and an NTLM AUTHENTICATE on the same connection. Lines of "
                "`matrix:` that allow http do not count.",
    .remediation = "Uninstall the WebClient service on site systems; restrict outgoing NTLM.",
    .records = 1u << RECORD_HTTP | 1u << RECORD_NTLM | 1u << RECORD_FLOW,
    .observe = observe_webdav,
    .finish = finish_webdav,
};

/* ---- R052 ---- */

static bool is_administration(const struct observation *o)
{
    const char *uri = observation_text(o, FACT_HTTP_URI);
    return uri != NULL && strncasecmp(uri, "/AdminService", 13) == 0 &&
           (uri[13] == '\0' || uri[13] == '/' || uri[13] == '?');
}

static void observe_administration(struct audit *a, const struct rule *r,
                                   const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *server = judged_server(a, ROLE_BIT(ROLE_SMS_PROVIDER));
    struct flow_notes *flows = audit_state(a, r, sizeof *flows);
    if (flows == NULL || server == NULL) {
        return;
    }
    struct subject subject = {.host = server->host};
    bool asks = o->record == RECORD_HTTP && is_administration(o);
    const struct web_logon *w = join(a, flows, o, asks);
    if (w != NULL) {
        char client_text[PARTY_TEXT];
        struct finding *f = report_logon(a, r, w, subject, "to /AdminService");
        if (f != NULL) {
            finding_explain(a, f,
                            "%s used the administration service of %s after an NTLM "
                            "authentication; one that was passed on administers the site.",
                            party_text(&scene->ends[DIR_CLIENT], client_text), server->host->name);
            finding_remedy(a, f,
                           "Update the site to a version whose administration service rejects "
                           "NTLM, and require multifactor authentication at %s.",
                           server->host->name);
        }
    } else if (asks && !observation_is(o, FACT_HTTP_AUTH, "ntlm")) {
        judge_fine(a, r, subject, "Requests to the administration service were readable.");
    } else if (o->record == RECORD_FLOW && observation_is(o, FACT_FLOW_PROTOCOL, "tls")) {
        judge_hidden(a, r, subject, "What goes to the administration service is inside TLS.");
    }
}

static void finish_administration(struct audit *a, const struct rule *r)
{
    expect_hosts(a, r, ROLE_BIT(ROLE_SMS_PROVIDER),
                 "No request to this host's administration service is in the capture.");
}

const struct rule rule_ntlm_to_adminservice = {
    .code = "R052",
    .name = "ntlm-to-adminservice",
    .title = "NTLM to the administration service",
    .severity = SEVERITY_HIGH,
    .statements = "S34",
    .references = "Misconfiguration Manager: TAKEOVER-5, PREVENT-9\nMITRE ATT&CK T1557",
    .means = "The SMS Provider's administration service took NTLM. An authentication passed on to "
             "it administers the whole site.",
    .evidence = "A readable request to /AdminService and an NTLM AUTHENTICATE on the same "
                "connection. Inside TLS, as it usually is, nothing can be seen.",
    .remediation = "A version that rejects NTLM there; multifactor authentication.",
    .records = 1u << RECORD_HTTP | 1u << RECORD_NTLM | 1u << RECORD_FLOW,
    .observe = observe_administration,
    .finish = finish_administration,
};
