/*
 * rules_tls.c - chapter H: TLS of site systems. R090 version, R091 cipher suite, R092 certificate.
 *
 * Judged is what the server chose and showed. What a client merely offers is not a breach; a
 * handshake that nobody finished still shows what the server would have done.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "policy/ledger.h"

/* ---- R090 ---- */

static uint16_t version_code(const char *name)
{
    static const struct {
        const char *name;
        uint16_t code;
    } known[] = {{"SSL 2.0", 0x0200}, {"SSL 3.0", 0x0300}, {"TLS 1.0", 0x0301},
                 {"TLS 1.1", 0x0302}, {"TLS 1.2", 0x0303}, {"TLS 1.3", 0x0304}};
    for (size_t i = 0; name != NULL && i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i].name, name) == 0) {
            return known[i].code;
        }
    }
    return 0;
}

static const char *version_name(uint16_t code)
{
    static const char *const names[] = {"SSL 3.0", "TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3"};
    return code >= 0x0300 && code <= 0x0304 ? names[code - 0x0300] : "TLS 1.2";
}

static void report_version(struct audit *a, const struct rule *r, const struct observation *o,
                           const struct party *server)
{
    const struct scene *scene = audit_scene(a);
    const char *version = observation_text(o, FACT_TLS_VERSION);
    uint16_t code = version_code(version);
    struct stamp hello = observation_packet(o, FACT_TLS_SERVER_HELLO_PACKET);
    struct breach b = {.subject = {.host = server->host},
                       .client = &scene->ends[DIR_CLIENT],
                       .server = server,
                       .any_client = true,
                       .kind = version,
                       .severity = code <= 0x0301 ? SEVERITY_HIGH : SEVERITY_MEDIUM,
                       .confidence = CONFIDENCE_PROVEN,
                       .at = &hello};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, hello, "ServerHello chooses %s", version);
    if (is_new) {
        const char *minimum = version_name(scene->policy->tls_minimum);
        finding_explain(a, f, "%s chose %s on port %u for %s; the policy asks for %s or newer.",
                        party_text(server, server_text), version, server->port,
                        party_text(&scene->ends[DIR_CLIENT], client_text), minimum);
        finding_remedy(a, f,
                       "On %s, disable %s for the server side in Schannel (and in any proxy or SQL "
                       "Server in front), make "
                       "sure that clients and .NET support %s, then disable the old versions on "
                       "the clients too.",
                       server->host->name, version, minimum);
    }
}

static void observe_version(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct party *server = judged_server(a, role_tls_servers());
    const char *version = observation_text(o, FACT_TLS_VERSION);
    if (server == NULL) {
        return;
    }
    struct subject subject = {.host = server->host};
    uint16_t code = version_code(version);
    if (code == 0) {
        judge_hidden(a, r, subject,
                     "A TLS handshake was seen without the server's choice of version.");
    } else if (code < audit_policy(a)->tls_minimum) {
        report_version(a, r, o, server);
    } else {
        judge_fine_with(a, r, subject, "The server chose %.20s.", version);
    }
}

static void finish_tls(struct audit *a, const struct rule *r)
{
    expect_hosts(a, r, role_tls_servers(), "No TLS handshake with this host is in the capture.");
}

const struct rule rule_tls_below_minimum = {
    .code = "R090",
    .name = "tls-below-1-2",
    .title = "TLS version below the policy's minimum",
    .severity = SEVERITY_HIGH,
    .statements = "S23",
    .references = "Microsoft Learn: How to enable TLS 1.2 (Configuration Manager)\nRFC 8996 (TLS "
                  "1.0 and 1.1 deprecated)\n"
                  "RFC 7568 (SSL 3.0 prohibited)",
    .means = "A site system agreed to a TLS version older than the policy allows (1.2 unless the "
             "policy says otherwise). SSL 3.0 "
             "and TLS 1.0 have attacks that read or change traffic; TLS 1.1 is withdrawn. As long "
             "as a server accepts them, an "
             "attacker in the path can push clients down to them.",
    .evidence =
        "The version in the server's ServerHello (for TLS 1.3 its supported_versions). What a "
        "client offers does not "
        "count, nor a handshake that the server refused: the answer shows what is really in use.",
    .remediation =
        "Disable the old versions in Schannel on the server and, after that, on its clients; "
        "enable strong cryptography "
        "for .NET; update SQL Server Native Client and WSUS where they are too old for TLS 1.2.",
    .records = 1u << RECORD_TLS,
    .observe = observe_version,
    .finish = finish_tls,
};

/* ---- R091 ---- */

struct weakness {
    const char *part; /* in the suite's IANA name */
    enum severity severity;
    const char *what;
};

/* The first that fits decides. RFC 7465 (RC4), RFC 8429 (DES), NIST SP 800-131A (3DES), RFC 9325.
 */
static const struct weakness weaknesses[] = {
    {"_NULL", SEVERITY_HIGH, "does not encrypt at all"},
    {"_anon_", SEVERITY_HIGH, "does not authenticate the server"},
    {"EXPORT", SEVERITY_HIGH, "uses export-grade keys that can be broken at will"},
    {"_RC4_", SEVERITY_HIGH, "uses RC4, whose key stream leaks the plain text"},
    {"_RC2_", SEVERITY_HIGH, "uses RC2, a withdrawn cipher"},
    {"_DES_CBC", SEVERITY_HIGH, "uses single DES, which can be searched through"},
    {"_DES40_", SEVERITY_HIGH, "uses 40-bit DES"},
    {"_3DES_", SEVERITY_MEDIUM, "uses 3DES with its 64-bit blocks (Sweet32)"},
    {"_IDEA_", SEVERITY_MEDIUM, "uses IDEA with its 64-bit blocks"},
    {"_MD5", SEVERITY_MEDIUM, "uses MD5 for integrity"},
    {"TLS_RSA_", SEVERITY_LOW,
     "has no forward secrecy: who gets the server's key later can read what was recorded today"},
    {"TLS_DH_", SEVERITY_LOW, "has no forward secrecy (static Diffie-Hellman)"},
    {"TLS_ECDH_", SEVERITY_LOW, "has no forward secrecy (static elliptic-curve Diffie-Hellman)"},
    {"TLS_PSK_", SEVERITY_LOW, "has no forward secrecy (plain pre-shared key)"},
};

static const struct weakness *weakness_of(const char *suite)
{
    for (size_t i = 0; i < sizeof weaknesses / sizeof *weaknesses; i++) {
        if (strstr(suite, weaknesses[i].part) != NULL) {
            return &weaknesses[i];
        }
    }
    return NULL;
}

/* A hierarchy uses a handful of suites: what each was judged is remembered by its number. */
#define JUDGED_SUITES 64

struct judged_suites {
    struct {
        const struct weakness *weakness;
        uint32_t code; /* and 1 << 16, so that an empty place is no suite */
    } places[JUDGED_SUITES];
};

static const struct weakness *remembered_weakness(struct audit *a, const struct rule *r,
                                                  const struct observation *o, const char *suite)
{
    struct judged_suites *judged = audit_state(a, r, sizeof *judged);
    uint32_t code = (uint32_t)observation_number(o, FACT_TLS_CIPHER_CODE, 0) | 1u << 16;
    if (judged == NULL) {
        return weakness_of(suite);
    }
    unsigned at = code % JUDGED_SUITES;
    if (judged->places[at].code != code) {
        judged->places[at].code = code;
        judged->places[at].weakness = weakness_of(suite);
    }
    return judged->places[at].weakness;
}

static void report_cipher(struct audit *a, const struct rule *r, const struct observation *o,
                          const struct party *server, const struct weakness *w)
{
    const struct scene *scene = audit_scene(a);
    const char *suite = observation_text(o, FACT_TLS_CIPHER);
    struct stamp hello = observation_packet(o, FACT_TLS_SERVER_HELLO_PACKET);
    struct breach b = {.subject = {.host = server->host},
                       .client = &scene->ends[DIR_CLIENT],
                       .server = server,
                       .any_client = true,
                       .kind = suite,
                       .severity = w->severity,
                       .confidence = CONFIDENCE_PROVEN,
                       .at = &hello};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, hello, "ServerHello chooses %s", suite);
    if (is_new) {
        finding_explain(a, f, "%s chose %s on port %u for %s; this suite %s.",
                        party_text(server, server_text), suite, server->port,
                        party_text(&scene->ends[DIR_CLIENT], client_text), w->what);
        finding_remedy(a, f,
                       "On %s, set the cipher suite order so that only ECDHE suites with AES-GCM "
                       "(and the TLS 1.3 suites) remain, "
                       "and remove %s.",
                       server->host->name, suite);
    }
}

static void observe_cipher(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct party *server = judged_server(a, role_tls_servers());
    const char *suite = observation_text(o, FACT_TLS_CIPHER);
    if (server == NULL) {
        return;
    }
    struct subject subject = {.host = server->host};
    if (suite == NULL) {
        judge_hidden(a, r, subject,
                     "A TLS handshake was seen without the server's choice of cipher suite.");
        return;
    }
    const struct weakness *w = remembered_weakness(a, r, o, suite);
    if (w != NULL) {
        report_cipher(a, r, o, server, w);
    } else {
        judge_fine_with(a, r, subject, "The server chose %.120s.", suite);
    }
}

const struct rule rule_weak_cipher = {
    .code = "R091",
    .name = "weak-cipher",
    .title = "Weak cipher suite in use",
    .severity = SEVERITY_MEDIUM,
    .statements = "S23",
    .references = "RFC 9325 (recommendations for TLS)\nRFC 7465 (RC4 prohibited)\nMicrosoft Learn: "
                  "Cryptographic controls technical "
                  "reference (Configuration Manager)",
    .means = "The server chose a cipher suite that does not protect what it carries as it should: "
             "no encryption, no authentication, a "
             "broken cipher, or no forward secrecy. Severity follows the weakness: high where "
             "traffic can be read or changed, "
             "medium for 64-bit block ciphers and MD5, low where only forward secrecy is missing.",
    .evidence = "The cipher suite in the ServerHello, by its IANA name. Suites that a client "
                "merely offers do not count.",
    .remediation = "Order the server's cipher suites (Schannel group policy or registry) so that "
                   "only ECDHE with AES-GCM and the TLS 1.3 "
                   "suites remain.",
    .records = 1u << RECORD_TLS,
    .observe = observe_cipher,
    .finish = finish_tls,
};
