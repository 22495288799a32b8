/*
 * rules_topology_ports.c - chapter A: what lies on which port. R005 content that does not fit its
 * port.
 */
#include <string.h>

#include "capture/decode.h"
#include "policy/topology.h"
#include "policy/web_roles.h"

static bool holds(const uint16_t *ports, unsigned count, uint16_t port)
{
    bool held = false;
    for (unsigned i = 0; i < count && !held; i++) {
        held = ports[i] == port;
    }
    return held;
}

/* What a web role of the host has on that port, by its declaration or else by the product's
 * defaults. */
static const char *web_content(const struct host *h, uint16_t port)
{
    const char *declared = NULL, *usual = NULL;
    for (unsigned i = 0; i < h->role_count && declared == NULL; i++) {
        const struct role_instance *r = &h->roles[i];
        bool update = r->role == ROLE_SOFTWARE_UPDATE_POINT;
        declared = holds(r->https_ports, r->https_port_count, port) ? "tls"
                   : holds(r->http_ports, r->http_port_count, port) ? "http"
                                                                    : NULL;
        if ((ROLE_BIT(r->role) & WEB_ROLES) != 0) {
            usual = port == 443 || (update && port == 8531)  ? "tls"
                    : port == 80 || (update && port == 8530) ? "http"
                                                             : usual;
        }
    }
    return declared != NULL ? declared : usual;
}

static const char *expected_content(const struct host *h, uint16_t port)
{
    static const struct {
        uint16_t port;
        const char *content;
    } known[] = {{22, "ssh"},    {53, "dns"},    {88, "kerberos"}, {135, "dcerpc"}, {139, "smb"},
                 {389, "ldap"},  {445, "smb"},   {636, "tls"},     {1433, "tds"},   {3268, "ldap"},
                 {3269, "tls"},  {3389, "rdp"},  {5985, "http"},   {5986, "tls"},   {8531, "tls"},
                 {10123, "tls"}, {8530, "http"}, {443, "tls"},     {80, "http"}};
    const char *content = web_content(h, port);
    for (size_t i = 0; content == NULL && i < sizeof known / sizeof *known; i++) {
        content = known[i].port == port ? known[i].content : NULL;
    }
    return content;
}

static bool content_fits(const char *expected, const char *protocol)
{
    return strcmp(expected, protocol) == 0 ||
           (strcmp(expected, "http") == 0 && strcmp(protocol, "http2") == 0) ||
           /* [MS-TDS] 8.0 begins with TLS; so may Remote Desktop. */
           (strcmp(protocol, "tls") == 0 &&
            (strcmp(expected, "tds") == 0 || strcmp(expected, "rdp") == 0));
}

static void report_content(struct audit *a, const struct rule *r, const struct observation *o,
                           const char *protocol, const char *expected)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp opening = observation_packet(o, FACT_FLOW_FIRST_PACKET);
    bool clear = strcmp(expected, "tls") == 0 && strncmp(protocol, "http", 4) == 0;
    struct breach b = {.subject = {.host = server->host},
                       .client = client,
                       .server = server,
                       .any_client = true,
                       .kind = protocol,
                       .severity = clear ? SEVERITY_HIGH : SEVERITY_LOW,
                       .confidence = CONFIDENCE_PROVEN,
                       .at = &opening};
    char client_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    topology_evidence(a, f, o);
    if (is_new) {
        finding_explain(
            a, f, "%s spoke %s with %s on port %u, where %s belongs%s.",
            party_text(client, client_text), protocol, server->host->name, server->port, expected,
            clear ? ": requests crossed in clear on a port that is taken for protected" : "");
        finding_remedy(a, f,
                       "Correct the port of the service on %s, or declare it with the role in the "
                       "policy.",
                       server->host->name);
    }
}

static void report_logon(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp proof = observation_packet(o, FACT_NTLM_AUTHENTICATE_PACKET);
    const char *carrier = observation_text(o, FACT_NTLM_CARRIER);
    struct breach b = {.subject = {.host = server->host},
                       .client = client,
                       .server = server,
                       .any_client = true,
                       .kind = "ntlm",
                       .severity = SEVERITY_HIGH,
                       .confidence = CONFIDENCE_PROVEN,
                       .at = &proof};
    char client_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, proof, "NTLM AUTHENTICATE in %s", carrier);
    if (is_new) {
        finding_explain(a, f,
                        "%s authenticated to %s by NTLM in %s on port %u, which the policy and the "
                        "product's defaults do not know: such ports collect logons to relay.",
                        party_text(client, client_text), server->host->name, carrier, server->port);
        finding_remedy(a, f,
                       "Find what listens on port %u of %s; declare the port with its role if it "
                       "is meant.",
                       server->port, server->host->name);
    }
}

static void observe_content(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct party *server = judged_server(a, role_site_systems());
    if (server == NULL || o->flow.protocol != IP_TCP ||
        (party_roles(server) & ROLE_BIT(ROLE_WEB_PROXY)) != 0) {
        return;
    }
    const char *expected = expected_content(server->host, server->port);
    struct subject subject = {.host = server->host};
    if (o->record == RECORD_NTLM) {
        bool told = observation_is(o, FACT_NTLM_CARRIER, "http") ||
                    observation_is(o, FACT_NTLM_CARRIER, "smb") ||
                    observation_is(o, FACT_NTLM_CARRIER, "ldap");
        if (expected == NULL && told && observation_get(o, FACT_NTLM_AUTHENTICATE_PACKET) != NULL) {
            report_logon(a, r, o);
        }
        return;
    }
    const char *protocol = observation_text(o, FACT_FLOW_PROTOCOL);
    if (expected == NULL || protocol == NULL) {
        return;
    }
    if (!observation_is(o, FACT_FLOW_IDENTIFIED_BY, "content")) {
        judge_hidden(a, r, subject, "What was said on a known port was not recognised.");
    } else if (content_fits(expected, protocol)) {
        judge_fine(a, r, subject, "Its known ports carried what belongs there.");
    } else if (server->port != 10123) { /* R018's */
        report_content(a, r, o, protocol, expected);
    }
}

static void finish_content(struct audit *a, const struct rule *r)
{
    expect_hosts(a, r, role_site_systems(),
                 "No content on a known port of this host is in the "
                 "capture.");
}

const struct rule rule_port_protocol_mismatch = {
    .code = "R005",
    .name = "port-protocol-mismatch",
    .title = "Content does not fit the port",
    .severity = SEVERITY_LOW,
    .statements = "S01",
    .references = "Microsoft Learn: Ports used in Configuration Manager (note on custom ports)",
    .means = "A port of a site system carries something other than what belongs there. It is a "
             "service that was configured wrongly, or something that hides behind a port that "
             "firewalls let through. High where HTTP in clear runs on an HTTPS port, since "
             "everybody takes that for protected, and where NTLM logons go to a port that nobody "
             "knows.",
    .evidence = "The protocol as its content shows it, against the ports that the policy declares "
                "for the roles of the host, and else the product's and the well-known ones. Not "
                "counted: what the content does not tell, TLS to SQL Server and Remote Desktop "
                "(both begin with it), HTTP/2 in clear, and proxies.",
    .remediation = "Correct the port of the service, or declare it with the role in the policy.",
    .records = 1u << RECORD_FLOW | 1u << RECORD_NTLM,
    .observe = observe_content,
    .finish = finish_content,
};
