/*
 * rules_client_messages.c - chapter B: how what clients say is protected. R017 certificates that
 * the site issued itself, R018 client notification without TLS, R019 messages without signature.
 */
#include <string.h>
#include <strings.h>

#include "policy/topology.h"
#include "policy/web_roles.h"

/* ---- R017 ---- */

#define JUDGED_WEB (WEB_ROLES & ~ROLE_BIT(ROLE_SMS_PROVIDER))

/* Whether the role's clients were to meet a certificate of the organisation's own authority. */
static const char *pki_expected(const struct policy *p, const struct host *h)
{
    bool enhanced = false, https = false;
    for (unsigned i = 0; i < h->role_count; i++) {
        if ((ROLE_BIT(h->roles[i].role) & JUDGED_WEB) != 0) {
            enum client_mode mode = role_client_mode(h, &h->roles[i]);
            enhanced |= mode == CLIENTS_ENHANCED_HTTP;
            https |= mode == CLIENTS_HTTPS;
        }
    }
    return enhanced ? NULL
           : https  ? "the policy declares HTTPS for it, which needs a certificate of the PKI"
           : p->pki ? "the policy says that clients and servers use the PKI"
                    : NULL;
}

static void report_self_issued(struct audit *a, const struct rule *r, const struct observation *o,
                               const char *expected)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp shown = observation_packet(o, FACT_TLS_CERTIFICATE_PACKET);
    const char *issuer = observation_text(o, FACT_TLS_CERTIFICATE_ISSUER),
               *subject = observation_text(o, FACT_TLS_CERTIFICATE_SUBJECT);
    struct breach b = {.subject = {.host = server->host},
                       .client = client,
                       .server = server,
                       .any_client = true,
                       .severity = expected != NULL ? SEVERITY_HIGH : SEVERITY_INFO,
                       .confidence = CONFIDENCE_PROVEN,
                       .at = &shown};
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, shown, "certificate %.120s, issued by %.120s",
                     subject == NULL ? "without a subject" : subject, issuer);
    if (is_new) {
        finding_explain(a, f,
                        "%s shows a certificate on port %u that the site issued itself (%.120s); "
                        "%s.",
                        server->host->name, server->port, issuer,
                        expected != NULL ? expected : "that is what enhanced HTTP does");
        finding_remedy(a, f,
                       "Bind a certificate of the PKI to port %u in IIS of %s, or declare enhanced "
                       "HTTP for the site.",
                       server->port, server->host->name);
    }
}

static void observe_self_issued(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct party *server = judged_server(a, WEB_ROLES);
    if (server == NULL || observation_get(o, FACT_TLS_SERVER_HELLO_PACKET) == NULL) {
        return;
    }
    struct subject subject = {.host = server->host};
    const char *issuer = observation_text(o, FACT_TLS_CERTIFICATE_ISSUER);
    if (issuer == NULL) {
        if (observation_get(o, FACT_TLS_CERTIFICATE_VISIBLE) != NULL) {
            judge_hidden(a, r, subject,
                         "Encryption or resumption hid the certificate that it shows.");
        }
    } else if (strstr(issuer, "SMS Issuing") == NULL) {
        judge_fine(a, r, subject, "Its certificates are not those that a site issues itself.");
    } else if ((party_roles(server) & ROLE_BIT(ROLE_SMS_PROVIDER)) != 0) {
        judge_fine(a, r, subject, "The administration service uses the site's own certificate.");
    } else {
        report_self_issued(a, r, o, pki_expected(audit_policy(a), server->host));
    }
}

static void finish_self_issued(struct audit *a, const struct rule *r)
{
    expect_hosts(a, r, JUDGED_WEB, "No TLS handshake with this host is in the capture.");
}

const struct rule rule_self_issued_certificate = {
    .code = "R017",
    .name = "enhanced-http-or-self-signed",
    .title = "Certificate that the site issued itself",
    .severity = SEVERITY_INFO,
    .statements = "S23",
    .references = "Microsoft Learn: Enhanced HTTP (validate the certificate)",
    .means = "A site system shows a certificate of the authority \"SMS Issuing\", which is the "
             "site itself: enhanced HTTP. Under enhanced HTTP that is as it should be; where HTTPS "
             "with a PKI is declared, clients are not authenticated by certificates and nobody "
             "outside the site can check or revoke what they see.",
    .evidence = "The issuer in the Certificate message, up to TLS 1.2; TLS 1.3 hides it. High "
                "where HTTPS or a PKI is declared, otherwise for information. Hosts with the SMS "
                "Provider use it for the administration service and do not count.",
    .remediation = "Bind a certificate of the PKI to the web site, or declare enhanced HTTP.",
    .records = 1u << RECORD_TLS,
    .observe = observe_self_issued,
    .finish = finish_self_issued,
};

/* ---- R018 ---- */

#define MANAGEMENT_POINT ROLE_BIT(ROLE_MANAGEMENT_POINT)

static bool is_notification(const struct party *server)
{
    const struct role_instance *role = host_role(server->host, ROLE_MANAGEMENT_POINT);
    bool declared = server->port == 10123;
    for (unsigned i = 0; i < role->port_count; i++) {
        declared |= role->ports[i] == server->port;
    }
    return declared;
}

static void report_notification(struct audit *a, const struct rule *r, const struct observation *o,
                                const char *protocol)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp opening = observation_packet(o, FACT_FLOW_OPENING_PACKET);
    struct breach b = {
        .subject = {.host = server->host, .role = host_role(server->host, ROLE_MANAGEMENT_POINT)},
        .client = client,
        .server = server,
        .any_client = true,
        .confidence = protocol != NULL ? CONFIDENCE_PROVEN : CONFIDENCE_DERIVED,
        .at = &opening};
    char client_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    topology_evidence(a, f, o);
    if (is_new) {
        finding_explain(a, f,
                        "%s spoke with the client notification of %s on port %u, and what it sent "
                        "was %s instead of TLS.",
                        party_text(client, client_text), server->host->name, server->port,
                        protocol != NULL ? protocol : "something");
        finding_remedy(a, f,
                       "Update the client, see that nothing takes TLS off on the way to %s, and if "
                       "the port serves something else, move one of the two.",
                       server->host->name);
    }
}

static void observe_notification(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct party *server = judged_server(a, MANAGEMENT_POINT);
    if (server == NULL || !is_notification(server)) {
        return;
    }
    struct subject subject = {.host = server->host,
                              .role = host_role(server->host, ROLE_MANAGEMENT_POINT)};
    const char *protocol = observation_text(o, FACT_FLOW_PROTOCOL);
    bool content = observation_is(o, FACT_FLOW_IDENTIFIED_BY, "content");
    if (protocol != NULL && content && strcmp(protocol, "tls") == 0) {
        judge_fine(a, r, subject, "Client notification used TLS.");
    } else if (protocol != NULL && content) {
        report_notification(a, r, o, protocol);
    } else if (observation_says(o, FACT_FLOW_UNRECOGNISED) &&
               observation_number(o, FACT_FLOW_PACKETS_SERVER, 0) > 0) {
        report_notification(a, r, o, NULL);
    } else {
        judge_hidden(a, r, subject,
                     "Client notification was tried, but nothing that shows how it speaks was "
                     "captured.");
    }
}

static void finish_notification(struct audit *a, const struct rule *r)
{
    expect_roles(a, r, MANAGEMENT_POINT,
                 "No client notification of this management point (port "
                 "10123) is in the capture.");
}

const struct rule rule_client_notification_not_tls = {
    .code = "R018",
    .name = "client-notification-not-tls",
    .title = "Client notification without TLS",
    .severity = SEVERITY_MEDIUM,
    .statements = "S08",
    .references = "Microsoft Learn: Cryptographic controls technical reference (Configuration "
                  "Manager)\nMicrosoft Learn: Ports used in Configuration Manager",
    .means = "The channel by which the management point tells clients what to do at once is to be "
             "protected by TLS. In clear, tasks and client names can be read, and forged. What "
             "Microsoft's pages say about it contradicts itself, so the octets decide.",
    .evidence = "The first octets that clients send on port 10123 (or the port declared) of a "
                "management point are no TLS record. Where they were not captured nothing is "
                "concluded. Another service on that port looks alike.",
    .remediation = "Update clients; do not terminate TLS in between; keep the port for this alone.",
    .records = 1u << RECORD_FLOW,
    .observe = observe_notification,
    .finish = finish_notification,
};

/* ---- R019 ---- */

/* Whoever is to be registered or looks for its site has nothing yet to sign with. */
static bool is_anonymous_endpoint(const char *endpoint)
{
    static const char *const names[] = {"MP_ClientRegistration", "MP_LocationManager",
                                        "MP_ClientIDManager",    "MP_Token",
                                        "LS_ReplyLocations",     "FSP"};
    bool anonymous = false;
    for (size_t i = 0; i < sizeof names / sizeof *names && !anonymous; i++) {
        anonymous = strncasecmp(endpoint, names[i], strlen(names[i])) == 0;
    }
    return anonymous;
}

static bool is_inventory(const char *endpoint)
{
    return strncasecmp(endpoint, "MP_Hinv", 7) == 0 || strncasecmp(endpoint, "MP_Sinv", 7) == 0 ||
           strncasecmp(endpoint, "MP_Ddr", 6) == 0;
}

static bool is_sha1(const struct observation *o)
{
    return observation_is(o, FACT_HTTP_CCM_HASH_OID, "1.2.840.113549.1.1.5") ||
           observation_is(o, FACT_HTTP_CCM_HASH_OID, "1.3.14.3.2.26") ||
           observation_is(o, FACT_HTTP_CCM_HASH_OID, "1.3.14.3.2.29");
}

/* What the policy says of the server's site; -1: nothing. */
static int site_says(const struct party *server, bool encryption)
{
    const struct site *site = server->host->site;
    return site == NULL ? -1 : encryption ? site->encryption : site->signing;
}

static void report_message(struct audit *a, const struct rule *r, const struct observation *o,
                           struct subject subject, const char *endpoint)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp request = observation_packet(o, FACT_HTTP_REQUEST_PACKET);
    bool signature = observation_says(o, FACT_HTTP_CCM_SIGNED);
    bool sha1 = signature && is_sha1(o);
    const char *what = sha1        ? "signed with SHA-1"
                       : signature ? "readable, although the site is to encrypt"
                                   : "without a signature";
    struct breach b = {.subject = subject,
                       .client = client,
                       .server = server,
                       .any_client = true,
                       .kind = sha1        ? "sha1"
                               : signature ? "readable"
                                           : "unsigned",
                       /* That nobody has to sign is what the site was set to: a risk taken. */
                       .severity = !signature && site_says(server, false) == 0 ? SEVERITY_LOW
                                                                               : SEVERITY_OFF,
                       .confidence = CONFIDENCE_PROVEN,
                       .at = &request};
    char client_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, request, "message to %.80s, %s", endpoint, what);
    if (is_new) {
        finding_explain(a, f, "%s sent %s a message for %.80s by plain HTTP, %s%s%s.",
                        party_text(client, client_text), server->host->name, endpoint, what,
                        b.severity == SEVERITY_LOW ? " (as the policy declares the site)" : "",
                        observation_says(o, FACT_HTTP_CCM_BODY_READABLE)
                            ? ", and its content is open to everybody on the way"
                            : "");
        finding_remedy(a, f,
                       "In the site's properties, under signing and encryption, require signing "
                       "and SHA-256 and use encryption; better, set %s to HTTPS only.",
                       server->host->name);
    }
}

static void observe_message(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct party *server = judged_server(a, MANAGEMENT_POINT);
    const char *endpoint =
        server == NULL ? NULL : observation_text(o, FACT_HTTP_CCM_TARGET_ENDPOINT);
    if (endpoint == NULL) {
        return;
    }
    struct subject subject = {.host = server->host,
                              .role = host_role(server->host, ROLE_MANAGEMENT_POINT)};
    if (is_anonymous_endpoint(endpoint)) {
        judge_fine(a, r, subject, "Registration and location requests are anonymous by design.");
    } else if (observation_get(o, FACT_HTTP_CCM_SIGNED) == NULL) {
        judge_hidden(a, r, subject, "A message's header was not captured whole.");
    } else if (!observation_says(o, FACT_HTTP_CCM_SIGNED) || is_sha1(o)) {
        report_message(a, r, o, subject, endpoint);
    } else if (is_inventory(endpoint) && observation_says(o, FACT_HTTP_CCM_BODY_READABLE) &&
               site_says(server, true) == 1) {
        report_message(a, r, o, subject, endpoint);
    } else if (is_inventory(endpoint) && observation_says(o, FACT_HTTP_CCM_BODY_READABLE) &&
               site_says(server, true) < 0) {
        judge_hidden(a, r, subject,
                     "Inventory was sent signed and not encrypted, and the policy does not say "
                     "whether the site uses encryption.");
    } else {
        judge_fine(a, r, subject, "Messages in clear were signed.");
    }
}

static void finish_message(struct audit *a, const struct rule *r)
{
    expect_roles(a, r, MANAGEMENT_POINT,
                 "No readable client message for this management point is in the capture.");
}

const struct rule rule_unsigned_client_message = {
    .code = "R019",
    .name = "unsigned-or-unencrypted-client-message",
    .title = "Client message without signature",
    .severity = SEVERITY_MEDIUM,
    .statements = "S25",
    .references = "Microsoft Learn: Communications between endpoints in Configuration Manager "
                  "(client to management point)\nMicrosoft Learn: Configure security (signing and "
                  "encryption)",
    .means = "A client's message crossed the network by plain HTTP and nothing but its own word "
             "says that it is from that client: anybody can send inventory, status or policy "
             "requests in its name. SHA-1 no longer protects a signature.",
    .evidence = "A CCM_POST in clear whose header lacks the hook clientauth with a signature, or "
                "names SHA-1 for it. Registration, location and token requests are anonymous by "
                "design and do not count; whether a signature is right is not checked. Low where "
                "`client-messages: {signing: false}` of the site says that it does not ask for "
                "signatures. Signed inventory that can be read counts where `encryption: true` is "
                "declared, and is not judged where nothing is.",
    .remediation = "Require signing and SHA-256, use encryption, or better HTTPS.",
    .records = 1u << RECORD_HTTP,
    .observe = observe_message,
    .finish = finish_message,
};
