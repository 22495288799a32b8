/*
 * test_rules_kerberos.c - R080 to R083: encryption types, collected tickets, pre-authentication,
 * and errors that explain NTLM.
 */
#include "tests/policy/rule_play.h"
#include "tests/test.h"

#define TGS(service, etype)                                                                        \
    " | kerberos.exchange=tgs | kerberos.service=" service " | kerberos.ticket_etype=" etype       \
    " | kerberos.reply_etype=aes256-cts-hmac-sha1-96 | kerberos.etypes_offered=rc4-hmac"
#define AT(packet) " | kerberos.reply_packet=" packet
#define AES "aes256-cts-hmac-sha1-96"

static const struct rule_case etype_cases[] = {
    {"a service of nobody's",
     {"kerberos 10.1.0.5 > 10.0.0.2:88" TGS("HTTP/app.corp.example", "rc4-hmac") AT("8")},
     "medium proven 10.1.0.5 > 10.0.0.2:88 @8",
     "dc01.corp.example",
     "violated",
     NULL},
    {"SQL Server",
     {"kerberos 10.1.0.5 > 10.0.0.2:88" TGS("MSSQLSvc/db01.corp.example:1433", "rc4-hmac") AT("8")},
     "high proven 10.1.0.5 > 10.0.0.2:88 @8",
     "db01.corp.example",
     "violated",
     NULL},
    {"DES",
     {"kerberos 10.1.0.5 > 10.0.0.2:88" TGS("HTTP/app.corp.example", "des-cbc-md5") AT("8")},
     "high proven 10.1.0.5 > 10.0.0.2:88 @8",
     NULL,
     NULL,
     NULL},
    {"a ticket that is shown",
     {"kerberos 10.1.0.5 > 10.0.0.30:445 | kerberos.exchange=ap | kerberos.carrier=smb | "
      "kerberos.service=cifs/dp01.corp.example | kerberos.ticket_etype=rc4-hmac | "
      "kerberos.packet=8"},
     "high proven 10.1.0.5 > 10.0.0.30:445 @8",
     "dp01.corp.example",
     "violated",
     NULL},
    {"the way into an old realm",
     {"kerberos 10.1.0.5 > 10.0.0.2:88" TGS("cifs/x.old.example", "rc4-hmac")
          AT("8") " | kerberos.ticket_service=krbtgt/"
                  "OLD.EXAMPLE | "
                  "kerberos.referral=OLD.EXAMPLE"},
     "low proven 10.1.0.5 > 10.0.0.2:88 @8",
     NULL,
     NULL,
     NULL},
    {"a client's own key",
     {"kerberos 10.1.0.5 > 10.0.0.2:88 | kerberos.exchange=as | kerberos.client=alice | "
      "kerberos.service=krbtgt/CORP.EXAMPLE | kerberos.ticket_etype=" AES
      " | kerberos.reply_etype=rc4-hmac" AT("8")},
     "medium proven 10.1.0.5 > 10.0.0.2:88 @8",
     NULL,
     NULL,
     NULL},
    {"near miss: RC4 offered, AES issued",
     {"kerberos 10.1.0.5 > 10.0.0.2:88" TGS("cifs/dp01.corp.example", AES) AT("8")},
     "",
     "dp01.corp.example",
     "consistent",
     NULL},
    {"near miss: the type of a session key",
     {"kerberos 10.1.0.5 > 10.0.0.2:88 | kerberos.exchange=tgs | "
      "kerberos.service=cifs/dp01.corp.example | kerberos.ticket_etype=" AES
      " | kerberos.reply_etype=rc4-hmac"},
     "",
     "dp01.corp.example",
     "consistent",
     NULL},
    {"near miss: refused",
     {"kerberos 10.1.0.5 > 10.0.0.2:88 | kerberos.exchange=tgs | kerberos.service=HTTP/x | "
      "kerberos.etypes_offered=rc4-hmac | kerberos.error=KDC_ERR_ETYPE_NOSUPP | "
      "kerberos.error_code=14"},
     "",
     "dc01.corp.example",
     "not_observed",
     NULL},
};

#define ASKS(flow, packet, service, etype)                                                         \
    "kerberos#" flow "@" packet " 10.1.0.5 > 10.0.0.2:88" TGS(service, etype) AT(packet)

static const struct rule_case roasting_cases[] = {
    {"five services",
     {ASKS("1", "1", "HTTP/a", "rc4-hmac"), ASKS("2", "2", "HTTP/b", "rc4-hmac"),
      ASKS("3", "3", "MSSQLSvc/c", "rc4-hmac"), ASKS("4", "4", "HTTP/d", "rc4-hmac"),
      ASKS("5", "5", "HTTP/e", "rc4-hmac")},
     "high derived 10.1.0.5 > 10.0.0.2:88 @1,2,3,4,5",
     "dc01.corp.example",
     "violated",
     NULL},
    {"two, without the AES that it offers otherwise",
     {"kerberos#9@1 10.1.0.5 > 10.0.0.2:88 | kerberos.exchange=as | "
      "kerberos.etypes_offered=" AES,
      ASKS("2", "2", "HTTP/b", "rc4-hmac"), ASKS("3", "3", "MSSQLSvc/c", "rc4-hmac")},
     "high derived 10.1.0.5 > 10.0.0.2:88 @2,3",
     NULL,
     NULL,
     NULL},
    {"near miss: one service, five times",
     {ASKS("1", "1", "HTTP/a", "rc4-hmac"), ASKS("2", "2", "HTTP/a", "rc4-hmac"),
      ASKS("3", "3", "http/a", "rc4-hmac"), ASKS("4", "4", "HTTP/a", "rc4-hmac"),
      ASKS("5", "5", "HTTP/a", "rc4-hmac")},
     "",
     "dc01.corp.example",
     "consistent",
     NULL},
    {"near miss: computers and AES",
     {ASKS("1", "1", "host/a", "rc4-hmac"), ASKS("2", "2", "CM01$", "rc4-hmac"),
      ASKS("3", "3", "HTTP/c", AES), ASKS("4", "4", "HTTP/d", AES), ASKS("5", "5", "HTTP/e", AES),
      ASKS("6", "6", "HTTP/f", "rc4-hmac")},
     "",
     "dc01.corp.example",
     "consistent",
     NULL},
    {"near miss: spread over time",
     {ASKS("1", "1", "HTTP/a", "rc4-hmac"), ASKS("2", "2", "HTTP/b", "rc4-hmac"),
      ASKS("3", "3", "HTTP/c", "rc4-hmac"), ASKS("4", "4", "HTTP/d", "rc4-hmac"),
      ASKS("5", "5+121", "HTTP/e", "rc4-hmac")},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: a declared scanner",
     {"kerberos#1@1 10.9.0.5 > 10.0.0.2:88" TGS("HTTP/a", "rc4-hmac") AT("1"),
      "kerberos#1@2 10.9.0.5 > 10.0.0.2:88" TGS("HTTP/b", "rc4-hmac") AT("2"),
      "kerberos#1@3 10.9.0.5 > 10.0.0.2:88" TGS("HTTP/c", "rc4-hmac") AT("3"),
      "kerberos#1@4 10.9.0.5 > 10.0.0.2:88" TGS("HTTP/d", "rc4-hmac") AT("4"),
      "kerberos#1@5 10.9.0.5 > 10.0.0.2:88" TGS("HTTP/e", "rc4-hmac") AT("5")},
     "",
     "dc01.corp.example",
     "consistent",
     NULL},
};

#define AS_REP                                                                                     \
    "kerberos 10.1.0.5 > 10.0.0.2:88 | kerberos.exchange=as | kerberos.client=svc-old | "          \
    "kerberos.service=krbtgt/CORP.EXAMPLE | kerberos.ticket_etype=" AES AT("9")
#define AS_REQ " | kerberos.request_packet=8 | kerberos.preauth=PA-PAC-REQUEST"

static const struct rule_case asrep_cases[] = {
    {"no proof was asked for",
     {AS_REP AS_REQ},
     "medium proven 10.1.0.5 > 10.0.0.2:88 @8,9",
     "dc01.corp.example",
     "violated",
     NULL},
    {"near miss: a timestamp",
     {AS_REP AS_REQ " | kerberos.preauth=PA-ENC-TIMESTAMP"},
     "",
     "dc01.corp.example",
     "consistent",
     NULL},
    {"near miss: a certificate", {AS_REP AS_REQ " | kerberos.pkinit=true"}, "", NULL, NULL, NULL},
    {"near miss: armored", {AS_REP AS_REQ " | kerberos.fast=true"}, "", NULL, NULL, NULL},
    {"near miss: how every logon begins",
     {"kerberos 10.1.0.5 > 10.0.0.2:88 | kerberos.exchange=as | kerberos.client=alice | "
      "kerberos.error=KDC_ERR_PREAUTH_REQUIRED | kerberos.error_code=25" AS_REQ},
     "",
     "dc01.corp.example",
     "consistent",
     NULL},
    {"the request was not captured", {AS_REP}, "", "dc01.corp.example", "not_assessable", NULL},
};

#define ERROR(code, name, service)                                                                 \
    "kerberos#1@7 10.1.0.5 > 10.0.0.2:88 | kerberos.exchange=tgs | kerberos.service=" service      \
    " | kerberos.error=" name " | kerberos.error_code=" code
#define LOGON " 10.1.0.5 > 10.0.0.30:445 | ntlm.carrier=smb | ntlm.authenticate_packet=10"

static const struct rule_case cause_cases[] = {
    {"an unknown name",
     {ERROR("7", "KDC_ERR_S_PRINCIPAL_UNKNOWN", "cifs/dp01.corp.example"), "ntlm#2@12" LOGON},
     "info derived 10.1.0.5 > 10.0.0.30:445 @7,10",
     "dp01.corp.example",
     "violated",
     NULL},
    {"clocks",
     {ERROR("37", "KRB_AP_ERR_SKEW", "HTTP/dp01:80"), "ntlm#2@12" LOGON},
     "info derived 10.1.0.5 > 10.0.0.30:445 @7,10",
     NULL,
     NULL,
     NULL},
    {"near miss: the error names another host",
     {ERROR("7", "KDC_ERR_S_PRINCIPAL_UNKNOWN", "cifs/mp01.corp.example"), "ntlm#2@12" LOGON},
     "",
     "dp01.corp.example",
     "not_assessable",
     NULL},
    {"near miss: an error that explains nothing",
     {ERROR("25", "KDC_ERR_PREAUTH_REQUIRED", "cifs/dp01.corp.example"), "ntlm#2@12" LOGON},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: long before",
     {ERROR("7", "KDC_ERR_S_PRINCIPAL_UNKNOWN", "cifs/dp01.corp.example"), "ntlm#2@12+61" LOGON},
     "",
     NULL,
     NULL,
     NULL},
};

static void etypes(void **state)
{
    (void)state;
    rule_play_cases("R080", etype_cases, COUNT_OF(etype_cases));
}

static void roasting(void **state)
{
    (void)state;
    rule_play_cases("R081", roasting_cases, COUNT_OF(roasting_cases));
}

/* Ten services by AES tickets, `every` seconds from one to the next, then what the client does. */
static const struct {
    const char *label;
    unsigned count, every;
    const char *then[3];
    const char *findings, *verdict;
} collecting[] = {
    {"none of them used",
     10,
     5,
     {"flow 10.1.0.5 > 10.0.0.20:443 | flow.protocol=tls",
      "tls 10.1.0.5 > 10.0.0.20:443 | tls.server_name=mp01.corp.example"},
     "medium inferred 10.1.0.5 > 10.0.0.2:88 @1,2,3,4,5,6,7,8",
     "violated"},
    {"near miss: nine",
     9,
     5,
     {"flow 10.1.0.5 > 10.0.0.20:443 | flow.protocol=tls"},
     "",
     "consistent"},
    {"near miss: slowly",
     10,
     14,
     {"flow 10.1.0.5 > 10.0.0.20:443 | flow.protocol=tls"},
     "",
     "consistent"},
    {"near miss: one shown to its service",
     10,
     5,
     {"flow 10.1.0.5 > 10.0.0.20:443 | flow.protocol=tls",
      "kerberos 10.1.0.5 > 10.7.7.7:80 | kerberos.exchange=ap | kerberos.service=HTTP/app3"},
     "",
     "consistent"},
    {"near miss: one named in TLS",
     10,
     5,
     {"flow 10.1.0.5 > 10.0.0.20:443 | flow.protocol=tls",
      "tls 10.1.0.5 > 10.7.7.7:443 | tls.server_name=APP3.corp.example"},
     "",
     "consistent"},
    {"near miss: one at an address of which DNS tells the name",
     10,
     5,
     {"dns 10.1.0.5 > 10.0.0.2:53 | dns.kind=dns | dns.addresses=app3.corp.example 10.7.7.7",
      "flow 10.1.0.5 > 10.7.7.7:445 | flow.protocol=smb"},
     "",
     "consistent"},
    {"near miss: nothing else of the client is in the capture",
     10,
     5,
     {"flow 10.1.0.5 > 10.0.0.2:88 | flow.protocol=kerberos",
      "flow 10.1.0.6 > 10.0.0.20:443 | flow.protocol=tls"},
     "",
     "consistent"},
};

static void collectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(collecting); i++) {
        struct rule_play p;
        char line[300];
        rule_play_begin(&p, NULL);
        for (unsigned k = 0; k < collecting[i].count; k++) {
            (void)snprintf(line, sizeof line,
                           "kerberos@%u+%u 10.1.0.5 > 10.0.0.2:88" TGS(
                               "HTTP/app%u", AES) " | kerberos.reply_packet=%u",
                           k + 1, k * collecting[i].every, k, k + 1);
            rule_play_say(&p, line);
        }
        for (size_t k = 0; k < COUNT_OF(collecting[i].then) && collecting[i].then[k]; k++) {
            rule_play_say(&p, collecting[i].then[k]);
        }
        rule_play_finish(&p);
        char *findings = rule_play_findings(&p, "R081");
        if (strcmp(findings, collecting[i].findings) != 0) {
            fail_msg("%s: %s", collecting[i].label, findings);
        }
        assert_string_equal(rule_play_verdict(&p, "R081", "dc01.corp.example"),
                            collecting[i].verdict);
        free(findings);
        rule_play_end(&p);
    }
}

static void asrep(void **state)
{
    (void)state;
    rule_play_cases("R082", asrep_cases, COUNT_OF(asrep_cases));
}

static void cause(void **state)
{
    (void)state;
    rule_play_cases("R083", cause_cases, COUNT_OF(cause_cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(etypes), cmocka_unit_test(roasting), cmocka_unit_test(collectors),
        cmocka_unit_test(asrep),  cmocka_unit_test(cause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
