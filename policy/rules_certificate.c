/*
 * rules_certificate.c - chapter H, R092: the certificate that a site system shows.
 *
 * Judged by the clock of the capture, never by today's. A handshake that the client broke off still
 * shows what is wrong.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dissect/text.h"
#include "policy/certificate.h"
#include "policy/ledger.h"

struct fault {
    const char *kind, *title;
    enum severity severity;
    char text[360], remedy[300];
};

/* ---- names ---- */

static bool holds_any(const struct observation *o, const char *const *names, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (certificate_holds(o, names[i])) {
            return true;
        }
    }
    return false;
}

static bool names_host(const struct observation *o, const struct party *server)
{
    char address[ADDRESS_TEXT];
    if (certificate_holds(o, server->host->name) ||
        certificate_holds(o, server->host->short_name) ||
        certificate_holds(o, address_format(&server->address, address))) {
        return true;
    }
    const struct role_instance *proxy = host_role(server->host, ROLE_WEB_PROXY);
    /* A proxy answers under the names of what it publishes. */
    return holds_any(o, server->host->aliases, server->host->alias_count) ||
           (proxy != NULL &&
            (holds_any(o, proxy->certificate_names, proxy->certificate_name_count) ||
             holds_any(o, proxy->publishes, proxy->publish_count)));
}

/* ---- faults ---- */

static bool fault_dates(const struct observation *o, struct fault *f)
{
    int64_t now = o->at.ns;
    int64_t from = (int64_t)observation_number(o, FACT_TLS_CERTIFICATE_NOT_BEFORE, 0);
    int64_t until =
        (int64_t)observation_number(o, FACT_TLS_CERTIFICATE_NOT_AFTER, (uint64_t)INT64_MAX);
    if (now >= from && now <= until) {
        return false;
    }
    long long days = (long long)((now > until ? now - until : from - now) / 86400000000000);
    *f = (struct fault){.kind = now > until ? "expired" : "not-yet-valid",
                        .title = now > until ? "Certificate expired" : "Certificate not yet valid",
                        .severity = SEVERITY_HIGH};
    (void)snprintf(
        f->text, sizeof f->text,
        now > until ? "had expired %lld days before" : "becomes valid only %lld days after", days);
    (void)snprintf(f->remedy, sizeof f->remedy,
                   "Renew the certificate, bind the new one, and turn on automatic enrolment so "
                   "that it does not lapse again.");
    return true;
}

/* What SQL Server makes for itself and for replication between sites: the product's documented
 * default. */
static bool is_database_default(const struct observation *o, const struct party *server)
{
    return (party_roles(server) & ROLE_BIT(ROLE_SITE_DATABASE)) != 0 &&
           observation_says(o, FACT_TLS_CERTIFICATE_SELF_SIGNED);
}

static bool fault_key(const struct observation *o, const struct party *server, struct fault *f)
{
    const char *key = observation_text(o, FACT_TLS_CERTIFICATE_KEY);
    if (key == NULL || strncmp(key, "rsa ", 4) != 0 || strtoul(key + 4, NULL, 10) >= 2048) {
        return false;
    }
    *f = (struct fault){.kind = "short-key",
                        .title = "Certificate key too short",
                        .severity = is_database_default(o, server) ? SEVERITY_INFO : SEVERITY_HIGH};
    (void)snprintf(f->text, sizeof f->text, "has a key of %.40s bits, where 2048 is the least",
                   key);
    (void)snprintf(f->remedy, sizeof f->remedy,
                   "Issue a new certificate from a template with RSA 2048 or longer.");
    return true;
}

static bool fault_signature(const struct observation *o, struct fault *f)
{
    const char *signature = observation_text(o, FACT_TLS_CERTIFICATE_SIGNATURE);
    /* A self-signed certificate's own signature protects nothing, whatever its hash. */
    if (signature == NULL || observation_says(o, FACT_TLS_CERTIFICATE_SELF_SIGNED) ||
        (!text_holds(signature, "sha1") && !text_holds(signature, "md5"))) {
        return false;
    }
    *f = (struct fault){.kind = "weak-signature",
                        .title = "Certificate signed with a broken hash",
                        .severity = SEVERITY_HIGH};
    (void)snprintf(f->text, sizeof f->text,
                   "is signed with %.80s, for which certificates can be forged", signature);
    (void)snprintf(
        f->remedy, sizeof f->remedy,
        "Have the issuing authority sign with SHA-256, then issue the certificate anew.");
    return true;
}

static enum client_mode weakest_mode(const struct host *h)
{
    enum client_mode found = CLIENTS_UNDECLARED;
    for (unsigned i = 0; i < h->role_count; i++) {
        enum client_mode m = role_client_mode(h, &h->roles[i]);
        found = m == CLIENTS_ENHANCED_HTTP || found == CLIENTS_UNDECLARED ? m : found;
    }
    return found;
}

static bool fault_self_signed(const struct observation *o, const struct party *server,
                              struct fault *f)
{
    bool database = is_database_default(o, server);
    if (!observation_says(o, FACT_TLS_CERTIFICATE_SELF_SIGNED) ||
        weakest_mode(server->host) == CLIENTS_ENHANCED_HTTP) {
        return false;
    }
    *f = (struct fault){.kind = "self-signed",
                        .title = "Self-signed certificate",
                        .severity = database ? SEVERITY_INFO : SEVERITY_MEDIUM};
    (void)snprintf(f->text, sizeof f->text,
                   "is signed by itself, so that clients cannot tell it from an impostor's%s",
                   database ? " (SQL Server makes such a certificate by default)" : "");
    (void)snprintf(f->remedy, sizeof f->remedy,
                   "Bind a certificate that the organisation's own authority issued.");
    return true;
}

static bool fault_name(const struct observation *o, const struct party *server, struct fault *f)
{
    const char *asked = observation_text(o, FACT_TLS_SERVER_NAME);
    bool fits = asked != NULL ? certificate_holds(o, asked) : names_host(o, server);
    /* A name in the SNI may be an alias that the policy knows while the certificate shows the
     * host's own name. */
    bool own = asked != NULL && !fits && names_host(o, server);
    /* Without the ClientHello nobody knows which name was asked for. */
    if (fits || own || observation_packet(o, FACT_TLS_CLIENT_HELLO_PACKET).order == 0) {
        return false;
    }
    *f = (struct fault){.kind = "name-mismatch",
                        .title = "Certificate for another name",
                        .severity = SEVERITY_MEDIUM};
    (void)snprintf(f->text, sizeof f->text, "does not hold the name %.120s",
                   asked != NULL ? asked : server->host->name);
    (void)snprintf(f->remedy, sizeof f->remedy,
                   "Issue the certificate with every name that clients use for this host as "
                   "subject alternative names.");
    return true;
}

static bool fault_usage(const struct observation *o, struct fault *f)
{
    bool any = false;
    for (const struct fact *e = observation_get(o, FACT_TLS_CERTIFICATE_EKU); e != NULL;
         e = observation_more(o, FACT_TLS_CERTIFICATE_EKU, e)) {
        any = true;
        if (strcmp(fact_text(o, e), "serverAuth") == 0 ||
            strcmp(fact_text(o, e), "anyExtendedKeyUsage") == 0) {
            return false;
        }
    }
    if (!any) {
        return false; /* RFC 5280 4.2.1.12: without the extension every use is allowed */
    }
    *f = (struct fault){
        .kind = "usage", .title = "Certificate not meant for servers", .severity = SEVERITY_MEDIUM};
    (void)snprintf(f->text, sizeof f->text,
                   "lists its uses, and server authentication is not among them");
    (void)snprintf(f->remedy, sizeof f->remedy,
                   "Issue it from a template with the server authentication usage.");
    return true;
}

/* Where the policy names the authorities; what a site issues itself is R017's. */
static bool fault_issuer(const struct policy *p, const struct observation *o, struct fault *f)
{
    const char *issuer = observation_text(o, FACT_TLS_CERTIFICATE_ISSUER);
    if (issuer == NULL || p->tls_issuer_count == 0 || strstr(issuer, "SMS Issuing") != NULL) {
        return false;
    }
    for (unsigned i = 0; i < p->tls_issuer_count; i++) {
        if (text_holds(issuer, p->tls_issuers[i])) {
            return false;
        }
    }
    *f = (struct fault){.kind = "issuer",
                        .title = "Certificate of an authority that is not expected",
                        .severity = SEVERITY_MEDIUM};
    (void)snprintf(f->text, sizeof f->text,
                   "is issued by %.120s, which is none of the policy's `issuers`", issuer);
    (void)snprintf(f->remedy, sizeof f->remedy,
                   "Bind a certificate of the expected authority, or name this one under `tls: "
                   "{issuers}` in the policy.");
    return true;
}

static bool is_authority(const struct policy *p, const char *name)
{
    bool found = false;
    for (unsigned i = 0; name != NULL && i < p->tls_authority_count && !found; i++) {
        found = strcmp(p->tls_authorities[i], name) == 0;
    }
    return found;
}

enum chain { CHAIN_UNKNOWN, CHAIN_FINE, CHAIN_STRANGE };

/* Whether the chain leads to a declared authority, by names. A server that sends its own
 * certificate alone leaves open what stands between; what a site issues itself is R017's. */
static enum chain chain_of(const struct policy *p, const struct observation *o,
                           const char **ret_end)
{
    const char *issuer = observation_text(o, FACT_TLS_CERTIFICATE_ISSUER);
    if (p->tls_authority_count == 0 || issuer == NULL || strstr(issuer, "SMS Issuing") != NULL) {
        return CHAIN_UNKNOWN;
    }
    bool fine = is_authority(p, issuer);
    const struct fact *f = observation_get(o, FACT_TLS_CHAIN_ISSUERS);
    *ret_end = NULL;
    for (; f != NULL && !fine; f = observation_more(o, FACT_TLS_CHAIN_ISSUERS, f)) {
        *ret_end = fact_text(o, f);
        fine = is_authority(p, *ret_end);
    }
    return fine ? CHAIN_FINE : *ret_end == NULL ? CHAIN_UNKNOWN : CHAIN_STRANGE;
}

static bool fault_authority(const struct policy *p, const struct observation *o, struct fault *f)
{
    const char *end = NULL;
    if (chain_of(p, o, &end) != CHAIN_STRANGE) {
        return false;
    }
    *f = (struct fault){.kind = "authority",
                        .title = "Certificate of an authority that is not declared",
                        .severity = SEVERITY_MEDIUM};
    (void)snprintf(f->text, sizeof f->text,
                   "comes with a chain that ends at %.120s, which is none of the policy's "
                   "`authorities`",
                   end);
    (void)snprintf(
        f->remedy, sizeof f->remedy,
        "Bind a certificate of a declared authority, or add this one's certificate under "
        "`tls: {authorities}` in the policy.");
    return true;
}

/* ---- the rule ---- */

static void report(struct audit *a, const struct rule *r, const struct observation *o,
                   const struct fault *fault)
{
    const struct scene *scene = audit_scene(a);
    const struct party *server = &scene->ends[DIR_SERVER], *client = &scene->ends[DIR_CLIENT];
    struct stamp shown = observation_packet(o, FACT_TLS_CERTIFICATE_PACKET);
    struct stamp alert = observation_packet(o, FACT_TLS_ALERT_PACKET);
    struct breach b = {.subject = {.host = server->host},
                       .client = client,
                       .server = server,
                       .any_client = true,
                       .kind = fault->kind,
                       .severity = fault->severity,
                       .confidence = CONFIDENCE_PROVEN,
                       .title = fault->title,
                       .at = &shown};
    char server_text[PARTY_TEXT], client_text[PARTY_TEXT];
    const char *subject = observation_text(o, FACT_TLS_CERTIFICATE_SUBJECT);
    bool is_new = false, refused = observation_is(o, FACT_TLS_ALERT_FROM, "client");
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, shown, "Certificate message: %.120s %s",
                     subject == NULL ? "(no subject)" : subject, fault->text);
    if (refused) {
        finding_evidence(a, f, alert, "the client refuses with alert %s",
                         observation_text(o, FACT_TLS_ALERT));
    }
    if (is_new) {
        finding_explain(
            a, f, "The certificate that %s shows on port %u (%.200s) %s%s. Seen by %s%s.",
            party_text(server, server_text), server->port, subject == NULL ? "no subject" : subject,
            fault->text,
            strcmp(fault->kind, "expired") == 0 || strcmp(fault->kind, "not-yet-valid") == 0
                ? " this handshake"
                : "",
            party_text(client, client_text), refused ? ", which refused it" : "");
        finding_remedy(a, f, "%s", fault->remedy);
    }
}

static void observe_certificate(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct party *server = &audit_scene(a)->ends[DIR_SERVER];
    if ((party_roles(server) & role_tls_servers()) == 0) {
        return;
    }
    struct subject subject = {.host = server->host};
    if (observation_get(o, FACT_TLS_CERTIFICATE_SHA256) == NULL) {
        bool resumed = observation_says(o, FACT_TLS_SESSION_RESUMED);
        bool newest = observation_is(o, FACT_TLS_VERSION, "TLS 1.3");
        judge_hidden(a, r, subject,
                     newest    ? "TLS 1.3 encrypts the certificate."
                     : resumed ? "A resumed session shows no certificate."
                               : "The handshake was seen without its Certificate message.");
        return;
    }
    struct fault fault;
    unsigned faults = 0;
    bool own = fault_self_signed(o, server, &fault);
    if (own) {
        report(a, r, o, &fault);
        faults++;
    }
    if (fault_dates(o, &fault)) {
        report(a, r, o, &fault);
        faults++;
    }
    if (fault_key(o, server, &fault)) {
        report(a, r, o, &fault);
        faults++;
    }
    if (fault_signature(o, &fault)) {
        report(a, r, o, &fault);
        faults++;
    }
    /* A self-signed certificate's name and usage prove nothing either way. */
    if (!own && fault_name(o, server, &fault)) {
        report(a, r, o, &fault);
        faults++;
    }
    if (!own && fault_usage(o, &fault)) {
        report(a, r, o, &fault);
        faults++;
    }
    if (!own && fault_issuer(audit_policy(a), o, &fault)) {
        report(a, r, o, &fault);
        faults++;
    }
    if (!own && fault_authority(audit_policy(a), o, &fault)) {
        report(a, r, o, &fault);
        faults++;
    }
    if (faults == 0) {
        judge_fine(a, r, subject,
                   "The certificate was valid at the time, fits the name, and has a sound key and "
                   "signature.");
    }
}

static void finish_certificate(struct audit *a, const struct rule *r)
{
    expect_hosts(a, r, role_tls_servers(), "No TLS handshake with this host is in the capture.");
}

const struct rule rule_certificate_problem = {
    .code = "R092",
    .name = "certificate-problem",
    .title = "Server certificate with a fault",
    .severity = SEVERITY_HIGH,
    .statements = "S23",
    .references = "Microsoft Learn: PKI certificate requirements for Configuration Manager\nRFC "
                  "5280 (X.509 certificates)\n"
                  "RFC 6125 (names in certificates)",
    .means =
        "A site system shows a certificate that clients should not accept: expired, not yet "
        "valid, self-signed, for another name, "
        "with a short key, signed with SHA-1 or MD5, not meant for servers, or from an authority "
        "that the policy does not name. Clients that "
        "accept it anyway have been told "
        "not to check, and will accept an impostor's as well.",
    .evidence =
        "The server's Certificate message, judged at the time of the packet. A host's "
        "declared names, those of what a proxy publishes, and the name the client "
        "asked for all count as right names; where the ClientHello was not captured no name is "
        "called wrong. Under enhanced HTTP a site-issued "
        "certificate is expected; a self-signed one of "
        "SQL Server is the product's default and is only noted. Issuers and the end of the chain "
        "that the server sends are compared by name with `tls: {issuers, authorities}`; a "
        "server that sends no chain leaves its end open. TLS 1.3 and resumed "
        "sessions hide the certificate: then "
        "nothing is said about it.",
    .remediation = "Issue a certificate from the organisation's own authority with the right "
                   "names, RSA 2048 or longer (or P-256), "
                   "SHA-256 and the server authentication usage, and renew it automatically.",
    .records = 1u << RECORD_TLS,
    .observe = observe_certificate,
    .finish = finish_certificate,
};
