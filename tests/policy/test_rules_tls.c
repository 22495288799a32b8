/*
 * test_rules_tls.c - R090 version, R091 cipher suite, R092 certificate.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/policy/rule_play.h"
#include "tests/test.h"

#define HELLO " | tls.server_hello_packet=5"
#define ASKED " | tls.client_hello_packet=4"

static const struct rule_case version_cases[] = {
    {"SSL 3.0",
     {"tls 10.1.0.5 > 10.0.0.20:443 | tls.version=SSL 3.0" HELLO},
     "high proven 10.1.0.5 > 10.0.0.20:443 @5",
     "mp01.corp.example",
     "violated",
     NULL},
    {"TLS 1.0",
     {"tls 10.1.0.5 > 10.0.0.20:443 | tls.version=TLS 1.0" HELLO},
     "high proven 10.1.0.5 > 10.0.0.20:443 @5",
     NULL,
     NULL,
     NULL},
    {"TLS 1.1",
     {"tls 10.1.0.5 > 10.0.0.20:443 | tls.version=TLS 1.1" HELLO},
     "medium proven 10.1.0.5 > 10.0.0.20:443 @5",
     NULL,
     NULL,
     NULL},
    {"a domain controller counts too",
     {"tls 10.1.0.5 > 10.0.0.2:636 | tls.version=TLS 1.0" HELLO},
     "high proven 10.1.0.5 > 10.0.0.2:636 @5",
     NULL,
     NULL,
     NULL},
    {"two clients and two versions",
     {"tls#1 10.1.0.5 > 10.0.0.20:443 | tls.version=TLS 1.0" HELLO,
      "tls#2 10.1.0.6 > 10.0.0.20:443 | tls.version=TLS 1.0 | "
      "tls.server_hello_packet=8",
      "tls#3 10.1.0.6 > 10.0.0.20:443 | tls.version=TLS 1.1 | tls.server_hello_packet=9"},
     "high proven - > 10.0.0.20:443 @5,8; medium proven 10.1.0.6 > 10.0.0.20:443 @9",
     NULL,
     NULL,
     NULL},
    {"the policy asks for 1.3",
     {"tls 10.1.0.5 > 10.0.0.20:443 | tls.version=TLS 1.2" HELLO},
     "medium proven 10.1.0.5 > 10.0.0.20:443 @5",
     NULL,
     NULL,
     "forests: {corp: {domains: [corp.example]}}\nsites: {P01: {type: primary}}\n"
     "hosts: {mp.corp.example: {addresses: [10.0.0.20], forest: corp, site: P01, roles: "
     "[management-point]}}\n"
     "clients: {hq: {networks: [10.1.0.0/16]}}\ntls: {minimum: \"1.3\"}\n"},
    {"near miss: the client offers 1.0, the server picks 1.2",
     {"tls 10.1.0.5 > 10.0.0.20:443 | tls.version=TLS 1.2 | tls.version_offered=TLS 1.2" HELLO},
     "",
     "mp01.corp.example",
     "consistent",
     NULL},
    {"near miss: the server refuses an old client",
     {"tls 10.1.0.5 > 10.0.0.20:443 | tls.version_offered=TLS 1.0 | "
      "tls.alert=protocol_version"},
     "",
     "mp01.corp.example",
     "not_assessable",
     NULL},
    {"near miss: an undeclared server",
     {"tls 10.1.0.5 > 10.7.7.7:443 | tls.version=TLS 1.0" HELLO},
     "",
     "mp01.corp.example",
     "not_observed",
     NULL},
};

static void version(void **state)
{
    (void)state;
    rule_play_cases("R090", version_cases, COUNT_OF(version_cases));
}

static const struct rule_case cipher_cases[] = {
    {"NULL",
     {"tls 10.1.0.5 > 10.0.0.20:443 | tls.cipher=TLS_RSA_WITH_NULL_SHA256" HELLO},
     "high proven 10.1.0.5 > 10.0.0.20:443 @5",
     "mp01.corp.example",
     "violated",
     NULL},
    {"anonymous",
     {"tls 10.1.0.5 > 10.0.0.20:443 | tls.cipher=TLS_ECDH_anon_WITH_AES_128_CBC_SHA" HELLO},
     "high proven 10.1.0.5 > 10.0.0.20:443 @5",
     NULL,
     NULL,
     NULL},
    {"export",
     {"tls 10.1.0.5 > 10.0.0.20:443 | tls.cipher=TLS_RSA_EXPORT_WITH_RC4_40_MD5" HELLO},
     "high proven 10.1.0.5 > 10.0.0.20:443 @5",
     NULL,
     NULL,
     NULL},
    {"RC4",
     {"tls 10.1.0.5 > 10.0.0.20:443 | tls.cipher=TLS_ECDHE_RSA_WITH_RC4_128_SHA" HELLO},
     "high proven 10.1.0.5 > 10.0.0.20:443 @5",
     NULL,
     NULL,
     NULL},
    {"DES",
     {"tls 10.1.0.5 > 10.0.0.20:443 | tls.cipher=TLS_DHE_RSA_WITH_DES_CBC_SHA" HELLO},
     "high proven 10.1.0.5 > 10.0.0.20:443 @5",
     NULL,
     NULL,
     NULL},
    {"3DES",
     {"tls 10.1.0.5 > 10.0.0.20:443 | tls.cipher=TLS_RSA_WITH_3DES_EDE_CBC_SHA" HELLO},
     "medium proven 10.1.0.5 > 10.0.0.20:443 @5",
     NULL,
     NULL,
     NULL},
    {"no forward secrecy",
     {"tls 10.1.0.5 > 10.0.0.20:443 | tls.cipher=TLS_RSA_WITH_AES_256_GCM_SHA384" HELLO},
     "low proven 10.1.0.5 > 10.0.0.20:443 @5",
     NULL,
     NULL,
     NULL},
    {"inside TDS",
     {"tls 10.1.0.5 > 10.0.0.13:1433 | tls.carrier=tds | "
      "tls.cipher=TLS_RSA_WITH_RC4_128_SHA" HELLO},
     "high proven 10.1.0.5 > 10.0.0.13:1433 @5",
     NULL,
     NULL,
     NULL},
    {"near miss: ECDHE",
     {"tls 10.1.0.5 > 10.0.0.20:443 | tls.cipher=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" HELLO},
     "",
     "mp01.corp.example",
     "consistent",
     NULL},
    {"near miss: TLS 1.3",
     {"tls 10.1.0.5 > 10.0.0.20:443 | tls.cipher=TLS_AES_256_GCM_SHA384" HELLO},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: ChaCha20",
     {"tls 10.1.0.5 > 10.0.0.20:443 | "
      "tls.cipher=TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256" HELLO},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: only offered",
     {"tls 10.1.0.5 > 10.0.0.20:443 | tls.ciphers_offered=TLS_RSA_WITH_NULL_SHA"},
     "",
     "mp01.corp.example",
     "not_assessable",
     NULL},
    {"nothing seen",
     {"flow 10.1.0.5 > 10.0.0.20:443"},
     "",
     "mp01.corp.example",
     "not_observed",
     NULL},
};

static void cipher(void **state)
{
    (void)state;
    rule_play_cases("R091", cipher_cases, COUNT_OF(cipher_cases));
}

#define SHOWN(subject)                                                                             \
    " | tls.version=TLS 1.2 | tls.certificate.sha256=00ff | tls.certificate.packet=6 | "           \
    "tls.certificate.subject=CN=" subject
#define DATES " | tls.certificate.not_before=-86400 | tls.certificate.not_after=86400"
#define SOUND " | tls.certificate.key=rsa 2048 | tls.certificate.signature=sha256WithRSAEncryption"
#define GOOD SHOWN("mp01") " | tls.certificate.san=DNS:mp01.corp.example" DATES SOUND

static const struct rule_case certificate_cases[] = {
    {"expired",
     {"tls+90000 10.1.0.5 > 10.0.0.20:443" GOOD},
     "high proven 10.1.0.5 > 10.0.0.20:443 @6",
     "mp01.corp.example",
     "violated",
     NULL},
    {"refused by the client for it",
     {"tls+90000 10.1.0.5 > 10.0.0.20:443" GOOD " | tls.alert=certificate_expired | "
      "tls.alert_from=client | tls.alert_packet=8"},
     "high proven 10.1.0.5 > 10.0.0.20:443 @6,8",
     NULL,
     NULL,
     NULL},
    {"not yet valid",
     {"tls 10.1.0.5 > 10.0.0.20:443" SHOWN(
         "mp01.corp.example") " | tls.certificate.not_before=86400 | "
                              "tls.certificate.not_after=186400" SOUND},
     "high proven 10.1.0.5 > 10.0.0.20:443 @6",
     NULL,
     NULL,
     NULL},
    {"a short key",
     {"tls 10.1.0.5 > 10.0.0.20:443" SHOWN("mp01.corp.example") DATES
      " | tls.certificate.key=rsa 1024 | "
      "tls.certificate.signature=sha256WithRSAEncryption"},
     "high proven 10.1.0.5 > 10.0.0.20:443 @6",
     NULL,
     NULL,
     NULL},
    {"SHA-1",
     {"tls 10.1.0.5 > 10.0.0.20:443" SHOWN("mp01.corp.example") DATES
      " | tls.certificate.key=rsa 2048 | "
      "tls.certificate.signature=sha1WithRSAEncryption"},
     "high proven 10.1.0.5 > 10.0.0.20:443 @6",
     NULL,
     NULL,
     NULL},
    {"another name",
     {"tls 10.1.0.5 > 10.0.0.20:443" ASKED SHOWN(
         "other") " | tls.certificate.san=DNS:other.corp.example" DATES SOUND},
     "medium proven 10.1.0.5 > 10.0.0.20:443 @6",
     NULL,
     NULL,
     NULL},
    {"another name, and the ClientHello that may have asked for it is not in the capture",
     {"tls 10.1.0.5 > 10.0.0.20:443" SHOWN(
         "other") " | tls.certificate.san=DNS:other.corp.example" DATES SOUND},
     "",
     NULL,
     NULL,
     NULL},
    {"a wildcard stands for one label",
     {"tls 10.1.0.5 > 10.0.0.20:443" ASKED SHOWN(
         "x") " | tls.certificate.san=DNS:*.example" DATES SOUND},
     "medium proven 10.1.0.5 > 10.0.0.20:443 @6",
     NULL,
     NULL,
     NULL},
    {"not for servers",
     {"tls 10.1.0.5 > 10.0.0.20:443" GOOD " | tls.certificate.eku=clientAuth"},
     "medium proven 10.1.0.5 > 10.0.0.20:443 @6",
     NULL,
     NULL,
     NULL},
    {"self-signed",
     {"tls 10.1.0.5 > 10.0.0.20:443" GOOD " | tls.certificate.self_signed=true"},
     "medium proven 10.1.0.5 > 10.0.0.20:443 @6",
     NULL,
     NULL,
     NULL},
    {"SQL Server's own",
     {"tls 10.1.0.5 > 10.0.0.13:1433" SHOWN("SSL_Self_Signed_Fallback") DATES SOUND
      " | tls.certificate.self_signed=true | tls.carrier=tds"},
     "info proven 10.1.0.5 > 10.0.0.13:1433 @6",
     NULL,
     NULL,
     NULL},
    {"with the short key it has between sites",
     {"tls 10.1.0.5 > 10.0.0.13:1433" SHOWN("ConfigMgr SQL Server") DATES
      " | tls.certificate.key=rsa 1024 | tls.certificate.self_signed=true"},
     "info proven 10.1.0.5 > 10.0.0.13:1433 @6; info proven 10.1.0.5 > 10.0.0.13:1433 @6",
     NULL,
     NULL,
     NULL},
    {"two faults are two findings",
     {"tls+90000 10.1.0.5 > 10.0.0.20:443" GOOD " | tls.certificate.eku=clientAuth"},
     "high proven 10.1.0.5 > 10.0.0.20:443 @6; medium proven 10.1.0.5 > 10.0.0.20:443 @6",
     NULL,
     NULL,
     NULL},
    {"near miss: sound",
     {"tls 10.1.0.5 > 10.0.0.20:443" GOOD " | tls.server_name=mp01.corp.example | "
      "tls.certificate.eku=clientAuth | tls.certificate.eku=serverAuth"},
     "",
     "mp01.corp.example",
     "consistent",
     NULL},
    {"near miss: a declared alias",
     {"tls 10.1.0.5 > 10.0.0.20:443" SHOWN(
         "x") " | tls.certificate.san=DNS:mp.corp.example" DATES SOUND},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: asked by alias, shows its own name",
     {"tls 10.1.0.5 > 10.0.0.20:443" GOOD " | tls.server_name=mp.corp.example"},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: a wildcard",
     {"tls 10.1.0.5 > 10.0.0.20:443" SHOWN(
         "x") " | tls.certificate.san=DNS:*.corp.example" DATES SOUND},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: an elliptic key",
     {"tls 10.1.0.5 > 10.0.0.20:443" SHOWN("mp01.corp.example") DATES
      " | tls.certificate.key=ec P-256 | tls.certificate.signature=ecdsa-with-SHA256"},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: a site-issued certificate under enhanced HTTP",
     {"tls 10.1.0.5 > 10.0.0.21:443" SHOWN("mp02.corp.example") DATES SOUND
      " | tls.certificate.self_signed=true"},
     "",
     "mp02.corp.example",
     "consistent",
     NULL},
    {"TLS 1.3 hides it",
     {"tls 10.1.0.5 > 10.0.0.20:443 | tls.version=TLS 1.3"},
     "",
     "mp01.corp.example",
     "not_assessable",
     NULL},
    {"so does resumption",
     {"tls 10.1.0.5 > 10.0.0.20:443 | tls.version=TLS 1.2 | tls.session_resumed=true"},
     "",
     "mp01.corp.example",
     "not_assessable",
     NULL},
    {"nothing seen",
     {"flow 10.1.0.5 > 10.0.0.20:443"},
     "",
     "mp01.corp.example",
     "not_observed",
     NULL},
};

static void certificate(void **state)
{
    (void)state;
    rule_play_cases("R092", certificate_cases, COUNT_OF(certificate_cases));
}

/* "CN=Corp Root", of an elliptic key. */
static const char root[] = "-----BEGIN CERTIFICATE-----\n"
                           "MIIBfzCCASWgAwIBAgIUQksTXBND5WWaxJ7SG0zeAZqq3OUwCgYIKoZIzj0EAwIw\n"
                           "FDESMBAGA1UEAwwJQ29ycCBSb290MCAXDTI2MTEyNjIyMDEyN1oYDzIwNTEwNzE4\n"
                           "MjIwMTI3WjAUMRIwEAYDVQQDDAlDb3JwIFJvb3QwWTATBgcqhkjOPQIBBggqhkjO\n"
                           "PQMBBwNCAAQ41QLE235ieBYqxbKBNPiLtCBArjk9aTpOSBPSj6oMTx8f9aqNjsJZ\n"
                           "cwd9CI8LNHqRtDNWXtW+fWukdp6aXgayo1MwUTAdBgNVHQ4EFgQUSSgaFiNWKgCm\n"
                           "Uc/iLeHRL840B/AwHwYDVR0jBBgwFoAUSSgaFiNWKgCmUc/iLeHRL840B/AwDwYD\n"
                           "VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiBhq3pDtjCwux7apJe3/hGk\n"
                           "6L7EjJTxLvyYazFFulW1RAIhAOLGH1JQutOYXUbHaBFMyfisBcn5pI8YGIdDlwVG\n"
                           "i2vh\n"
                           "-----END CERTIFICATE-----\n";

/* In a file of its own, which the policy of those cases names. */
static char with_root[400];

static void authorities(void **state)
{
#define CHAIN(issuer, more)                                                                        \
    {                                                                                              \
        "tls 10.1.0.5 > 10.0.0.20:443" GOOD " | tls.certificate.issuer=CN=" issuer more            \
    }
#define BEHIND(issuer) " | tls.chain_issuers=CN=" issuer
    static const struct rule_case cases[] = {
        {"a chain that ends elsewhere", CHAIN("Issuing", BEHIND("Other Root")),
         "medium proven 10.1.0.5 > 10.0.0.20:443 @6", "mp01.corp.example", "violated", with_root},
        {"a longer one", CHAIN("Issuing", BEHIND("Policy") BEHIND("Other Root")),
         "medium proven 10.1.0.5 > 10.0.0.20:443 @6", NULL, NULL, with_root},
        {"near miss: the declared authority", CHAIN("Corp Root", ""), "", "mp01.corp.example",
         "consistent", with_root},
        {"near miss: behind another", CHAIN("Issuing", BEHIND("Corp Root")), "", NULL, NULL,
         with_root},
        {"near miss: and with what stands above it",
         CHAIN("Issuing", BEHIND("Corp Root") BEHIND("World Root")), "", NULL, NULL, with_root},
        {"near miss: the server sends no chain", CHAIN("Issuing", ""), "", NULL, NULL, with_root},
        {"near miss: what a site issues itself", CHAIN("SMS Issuing", BEHIND("Other")), "", NULL,
         NULL, with_root},
        {"near miss: no authority is declared", CHAIN("Issuing", BEHIND("Other Root")), "", NULL,
         NULL, NULL},
    };
    (void)state;
    int fd = memfd_create("root", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, root, sizeof root - 1), (ssize_t)sizeof root - 1);
    (void)snprintf(with_root, sizeof with_root,
                   "forests: {corp: {domains: [corp.example]}}\nsites: {P01: {type: primary}}\n"
                   "hosts: {mp01.corp.example: {addresses: [10.0.0.20], forest: corp, site: P01, "
                   "roles: [management-point]}}\ntls: {authorities: [/proc/self/fd/%d]}\n",
                   fd);
    rule_play_cases("R092", cases, COUNT_OF(cases));
    (void)close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version),
        cmocka_unit_test(cipher),
        cmocka_unit_test(authorities),
        cmocka_unit_test(certificate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
