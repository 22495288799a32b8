/*
 * test_rules_content.c - R051 WebDAV of site systems, R052 NTLM to the administration service, R066
 * content looked through, R067 task sequence variables.
 */
#include "tests/policy/rule_play.h"
#include "tests/test.h"

#define PROOF " | ntlm.carrier=http | ntlm.variant=v2 | ntlm.user=x | ntlm.authenticate_packet=10"
#define DAV                                                                                        \
    " | http.method=PROPFIND | http.uri=/x | http.user_agent=Microsoft-WebDAV-MiniRedir/10.0 | "   \
    "http.request_packet=5"

static const struct rule_case webdav_cases[] = {
    {"a site server to a client",
     {"http 10.0.0.10 > 10.1.0.66:80" DAV, "ntlm 10.0.0.10 > 10.1.0.66:80" PROOF},
     "high proven 10.0.0.10 > 10.1.0.66:80 @5,10",
     "cm01.corp.example",
     "violated",
     NULL},
    {"told in the other order",
     {"ntlm 10.0.0.10 > 10.1.0.66:80" PROOF, "http 10.0.0.10 > 10.1.0.66:80" DAV},
     "high proven 10.0.0.10 > 10.1.0.66:80 @5,10",
     NULL,
     NULL,
     NULL},
    {"near miss: on another connection",
     {"http#1 10.0.0.10 > 10.1.0.66:80" DAV, "ntlm#2 10.0.0.10 > 10.1.0.66:80" PROOF},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: the number of an ended connection",
     {"http 10.0.0.10 > 10.1.0.66:80" DAV, "flow 10.0.0.10 > 10.1.0.66:80",
      "ntlm 10.0.0.10 > 10.1.0.66:80" PROOF},
     "",
     NULL,
     NULL,
     NULL},
    {"near miss: an ordinary request",
     {"http 10.0.0.10 > 10.1.0.66:80 | http.method=GET | http.uri=/ | http.request_packet=5",
      "ntlm 10.0.0.10 > 10.1.0.66:80" PROOF},
     "",
     "cm01.corp.example",
     "consistent",
     NULL},
    {"near miss: a declared server, a client's drive",
     {"http#1 10.0.0.10 > 10.0.0.4:80" DAV, "ntlm#1 10.0.0.10 > 10.0.0.4:80" PROOF,
      "http#2 10.1.0.5 > 10.1.0.66:80" DAV, "ntlm#2 10.1.0.5 > 10.1.0.66:80" PROOF},
     "",
     "cm01.corp.example",
     "consistent",
     NULL},
};

static void webdav(void **state)
{
    (void)state;
    rule_play_cases("R051", webdav_cases, COUNT_OF(webdav_cases));
}

#define ASKS(uri) " | http.method=GET | http.request_packet=5 | http.uri=" uri

static const struct rule_case administration_cases[] = {
    {"NTLM on the connection",
     {"http 10.1.0.5 > 10.0.0.14:80" ASKS("/AdminService/wmi/SMS_Site"),
      "ntlm 10.1.0.5 > 10.0.0.14:80" PROOF},
     "high proven 10.1.0.5 > 10.0.0.14:80 @5,10",
     "prov01.corp.example",
     "violated",
     NULL},
    {"near miss: another path",
     {"http 10.1.0.5 > 10.0.0.14:80" ASKS("/AdminServices/"), "ntlm 10.1.0.5 > 10.0.0.14:80" PROOF},
     "",
     "prov01.corp.example",
     "not_observed",
     NULL},
    {"near miss: no NTLM",
     {"http 10.1.0.5 > 10.0.0.14:80" ASKS("/adminservice?x") " | http.auth=negotiate"},
     "",
     "prov01.corp.example",
     "consistent",
     NULL},
    {"inside TLS",
     {"flow 10.1.0.5 > 10.0.0.14:443 | flow.protocol=tls"},
     "",
     "prov01.corp.example",
     "not_assessable",
     NULL},
};

static void administration(void **state)
{
    (void)state;
    rule_play_cases("R052", administration_cases, COUNT_OF(administration_cases));
}

#define TAKES(uri) " | http.method=GET | http.status=200 | http.request_packet=5 | http.uri=" uri

#define OPENS(name)                                                                                \
    " | smb.message=file | smb.path=\\\\dp01\\SCCMContentLib$ | smb.status_code=0 | "              \
    "smb.request_packet=5 | smb.name=" name

static const struct rule_case looting_cases[] = {
    {"the library's list by SMB",
     {"smb 10.1.0.66 > 10.0.0.30:445" OPENS("DataLib") " | smb.listed=true"},
     "high proven 10.1.0.66 > 10.0.0.30:445 @5",
     "dp01.corp.example",
     "violated",
     NULL},
    {"one content, by many behind one address",
     {"http 10.1.0.66 > 10.0.0.30:80" TAKES("/SMS_DP_SMSPKG$/P0100001/a")},
     "",
     "dp01.corp.example",
     "not_assessable",
     "\naddress-translation: {networks: [10.1.0.66]}\n"},
    {"near miss by SMB: opened but not listed, one package, another folder, another share",
     {"smb 10.1.0.66 > 10.0.0.30:445" OPENS("DataLib"),
      "smb 10.1.0.66 > 10.0.0.30:445" OPENS("DataLib\\P0100001.1"),
      "smb 10.1.0.66 > 10.0.0.30:445" OPENS("DataLibrary") " | smb.listed=true",
      "smb 10.1.0.66 > 10.0.0.30:445 | smb.message=file | smb.path=\\\\dp01\\public | "
      "smb.status_code=0 | smb.name=DataLib | smb.listed=true"},
     "",
     "dp01.corp.example",
     "consistent",
     NULL},
    {"near miss by SMB: refused, or by the site server",
     {"smb 10.1.0.66 > 10.0.0.30:445 | smb.message=file | smb.path=\\\\dp01\\SCCMContentLib$ | "
      "smb.status_code=0xc0000022 | smb.name=DataLib | smb.listed=true",
      "smb 10.0.0.10 > 10.0.0.30:445" OPENS("DataLib") " | smb.listed=true"},
     "",
     "dp01.corp.example",
     "consistent",
     NULL},
    {"the list of everything",
     {"http 10.1.0.66 > 10.0.0.30:80" TAKES("/SMS_DP_SMSPKG$/Datalib")},
     "high proven 10.1.0.66 > 10.0.0.30:80 @5",
     "dp01.corp.example",
     "violated",
     NULL},
    {"near miss: refused",
     {"http 10.1.0.66 > 10.0.0.30:80 | http.method=GET | http.status=401 | "
      "http.uri=/SMS_DP_SMSPKG$/Datalib"},
     "",
     "dp01.corp.example",
     "not_observed",
     NULL},
    {"near miss: a package, and a folder of that name within",
     {"http 10.1.0.66 > 10.0.0.30:80" TAKES("/SMS_DP_SMSPKG$/P0100001/Datalib"),
      "http 10.1.0.66 > 10.0.0.30:80" TAKES("/SMS_DP_SMSPKG$/Datalibrary/x")},
     "",
     "dp01.corp.example",
     "consistent",
     NULL},
    {"near miss: an administrator, another distribution point",
     {"http 10.9.0.6 > 10.0.0.30:80" TAKES("/sms_dp_smspkg$/datalib"),
      "http 10.0.0.31 > 10.0.0.30:80" TAKES("/SMS_DP_SMSPKG$/Datalib")},
     "",
     "dp01.corp.example",
     "consistent",
     NULL},
};

/* `every`: seconds from one content to the next. */
static char *fetch_many(const char *format, unsigned count, unsigned every)
{
    struct rule_play p;
    char line[200];
    rule_play_begin(&p, NULL);
    for (unsigned i = 0; i < count; i++) {
        for (unsigned file = 0; file < 3; file++) {
            (void)snprintf(line, sizeof line, format, i * every, i + 1, i, file);
            rule_play_say(&p, line);
        }
    }
    rule_play_finish(&p);
    char *findings = rule_play_findings(&p, "R066");
    rule_play_end(&p);
    return findings;
}

static void looting(void **state)
{
    static const struct {
        unsigned count, every;
        const char *findings;
    } cases[] = {
        {30, 5, "high derived 10.1.0.66 > 10.0.0.30:%d @1,30"},
        {29, 5, ""},
        {60, 20, ""},
    };
    static const char *const formats[] = {
        "http+%u 10.1.0.66 > 10.0.0.30:80 | http.method=GET | http.status=200 | "
        "http.request_packet=%u | http.uri=/SMS_DP_SMSPKG$/P01%05u/%u.cab",
        "smb+%u 10.1.0.66 > 10.0.0.30:445 | smb.message=file | smb.status_code=0 | "
        "smb.request_packet=%u | smb.path=\\\\dp01\\sccmcontentlib$ | "
        "smb.name=datalib\\P01%05u.%u",
    };
    (void)state;
    rule_play_cases("R066", looting_cases, COUNT_OF(looting_cases));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (size_t k = 0; k < COUNT_OF(formats); k++) {
            char *findings = fetch_many(formats[k], cases[i].count, cases[i].every);
            char wanted[100];
            (void)snprintf(wanted, sizeof wanted, cases[i].findings, k == 0 ? 80 : 445);
            assert_string_equal(findings, wanted);
            free(findings);
        }
    }
}

#define READS(name) " | tftp.operation=read | tftp.name=" name

static const struct rule_case variables_cases[] = {
    {"variables alone",
     {"tftp 10.1.0.66 udp> 10.0.0.30:69" READS("\\SMSTemp\\x.boot.var")},
     "medium derived 10.1.0.66 > 10.0.0.30:69 @1",
     "dp01.corp.example",
     "violated",
     NULL},
    {"after a request on port 4011",
     {"dhcp 10.1.0.66 udp> 10.0.0.30:4011 | dhcp.message=REQUEST | dhcp.proxy=true",
      "tftp 10.1.0.66 udp> 10.0.0.30:69" READS("\\SMSTemp\\x.boot.var")},
     "high derived 10.1.0.66 > 10.0.0.30:69 @2",
     NULL,
     NULL,
     NULL},
    {"again and again",
     {"tftp 10.1.0.66 udp> 10.0.0.30:69" READS("\\SMSTemp\\x.boot.var"),
      "tftp+60 10.1.0.66 udp> 10.0.0.30:69" READS("\\SMSTemp\\x.boot.var")},
     "high derived 10.1.0.66 > 10.0.0.30:69 @1,2",
     NULL,
     NULL,
     NULL},
    {"near miss: its size asked for first",
     {"tftp 10.1.0.66 udp> 10.0.0.30:69" READS("\\SMSTemp\\x.boot.var"),
      "tftp+1 10.1.0.66 udp> 10.0.0.30:69" READS("\\SMSTemp\\x.boot.var")},
     "medium derived 10.1.0.66 > 10.0.0.30:69 @1",
     NULL,
     NULL,
     NULL},
    {"near miss: a boot",
     {"dhcp 10.1.0.66 udp> 10.0.0.30:4011 | dhcp.message=REQUEST | dhcp.proxy=true",
      "tftp 10.1.0.66 udp> 10.0.0.30:69" READS("\\SMSBoot\\x64\\wdsmgfw.efi"),
      "tftp 10.1.0.66 udp> 10.0.0.30:69" READS("\\SMSTemp\\x.boot.bcd"),
      "tftp+40 10.1.0.66 udp> 10.0.0.30:69" READS("\\SMSTemp\\x.boot.var")},
     "",
     "dp01.corp.example",
     "consistent",
     NULL},
    {"over SMB",
     {"smb 10.1.0.66 > 10.0.0.30:445 | smb.message=file | smb.path=\\\\dp01\\REMINST | "
      "smb.name=SMSTemp\\x.boot.var | smb.status_code=0 | smb.request_packet=7"},
     "high proven 10.1.0.66 > 10.0.0.30:445 @7",
     NULL,
     NULL,
     NULL},
    {"near miss: over SMB by the site server, refused, or another file",
     {"smb 10.0.0.10 > 10.0.0.30:445 | smb.message=file | smb.path=\\\\dp01\\REMINST | "
      "smb.name=SMSTemp\\x.boot.var | smb.status_code=0",
      "smb 10.1.0.66 > 10.0.0.30:445 | smb.message=file | smb.path=\\\\dp01\\REMINST | "
      "smb.name=SMSTemp\\x.boot.var | smb.status_code=0xc0000022",
      "smb 10.1.0.66 > 10.0.0.30:445 | smb.message=file | smb.path=\\\\dp01\\REMINST | "
      "smb.name=SMSBoot\\boot.sdi | smb.status_code=0"},
     "",
     "dp01.corp.example",
     "consistent",
     NULL},
};

static void variables(void **state)
{
    (void)state;
    rule_play_cases("R067", variables_cases, COUNT_OF(variables_cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(webdav),
        cmocka_unit_test(administration),
        cmocka_unit_test(looting),
        cmocka_unit_test(variables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
