/*
 * test_rules_smb_content.c - R063 content that anybody can read, R069 files between sites.
 */
#include "tests/policy/rule_play.h"
#include "tests/test.h"

#define MOVED(path)                                                                                \
    " | smb.message=transfer | smb.path=" path " | smb.read_bytes=10 | smb.written_bytes=0 | "     \
    "smb.first_packet=20"
#define FILE_OF(share, name)                                                                       \
    " | smb.message=file | smb.path=" share " | smb.name=" name                                    \
    " | smb.status_code=0 | smb.first_packet=21"
#define TREE(path)                                                                                 \
    " | smb.message=tree_connect | smb.path=" path " | smb.status=STATUS_SUCCESS | "               \
    "smb.status_code=0 | smb.response_packet=13"
#define DENIED(path)                                                                               \
    " | smb.message=tree_connect | smb.path=" path " | smb.status=STATUS_ACCESS_DENIED | "         \
    "smb.status_code=0xc0000022 | smb.response_packet=13"
#define SESSION                                                                                    \
    " | smb.message=session_setup | smb.status=STATUS_SUCCESS | smb.status_code=0 | "              \
    "smb.response_packet=11"
#define PROOF(user)                                                                                \
    " | ntlm.carrier=smb | ntlm.variant=v2 | ntlm.domain=CORP | ntlm.user=" user                   \
    " | ntlm.authenticate_packet=10"

static const struct rule_case readable_cases[] = {
    {"package sources, to whomever",
     {"smb 10.0.0.10 > 10.0.0.4:445" MOVED("\\\\fs01\\Sources$"),
      "smb#2 10.0.0.30 > 10.0.0.4:445" MOVED("\\\\fs01\\Sources$")},
     "info proven - > 10.0.0.4:445 @20",
     "fs01.corp.example",
     "violated",
     NULL},
    {"a drive",
     {"smb 10.0.0.10 > 10.0.0.30:445" MOVED("\\\\dp01\\D$")},
     "info proven 10.0.0.10 > 10.0.0.30:445 @20",
     NULL,
     NULL,
     NULL},
    {"near miss: the product's own shares, which it signs only",
     {"smb 10.0.0.10 > 10.0.0.30:445" MOVED("\\\\dp01\\SMSPKGD$"),
      "smb 10.0.0.10 > 10.0.0.9:445" MOVED("\\\\cm00\\SMS_SITE")},
     "",
     "dp01.corp.example",
     "consistent",
     NULL},
    {"the same under a strict policy",
     {"smb 10.0.0.10 > 10.0.0.30:445" MOVED("\\\\dp01\\SMSPKGD$")},
     "info proven 10.0.0.10 > 10.0.0.30:445 @20",
     NULL,
     NULL,
     "\nprofile: strict\n"},
    {"users' files",
     {"smb 10.1.0.5 > 10.0.0.42:445" MOVED("\\\\smp02\\SMPSTORED_1A2B3C4D$")},
     "medium proven 10.1.0.5 > 10.0.0.42:445 @20",
     "smp02.corp.example",
     "violated",
     NULL},
    {"a backup, told once by its share and its file",
     {"smb 10.0.0.10 > 10.0.0.4:445" MOVED("\\\\fs01\\Backup"),
      "smb 10.0.0.10 > 10.0.0.4:445" FILE_OF("\\\\fs01\\Backup",
                                             "P01Backup\\CM_P01.mdf") " | smb.written_bytes=9"},
     "medium proven 10.0.0.10 > 10.0.0.4:445 @20,21",
     "fs01.corp.example",
     "violated",
     NULL},
    {"a private key on some share",
     {"smb 10.1.0.5 > 10.0.0.4:445" FILE_OF("\\\\fs01\\public",
                                            "certs\\web.PFX") " | smb.read_bytes=2000"},
     "medium proven 10.1.0.5 > 10.0.0.4:445 @21",
     NULL,
     NULL,
     NULL},
    {"to a server that nobody declared",
     {"smb 10.0.0.10 > 10.7.7.7:445" MOVED("\\\\nas\\backup$")},
     "medium proven 10.0.0.10 > 10.7.7.7:445 @20",
     "cm01.corp.example",
     "violated",
     NULL},
    {"near miss: a key that was only looked at, and a file of another kind",
     {"smb 10.1.0.5 > 10.0.0.4:445" FILE_OF("\\\\fs01\\public", "web.pfx") " | smb.read_bytes=0",
      "smb 10.1.0.5 > 10.0.0.4:445" FILE_OF("\\\\fs01\\public", ".ts") " | smb.read_bytes=9",
      "smb 10.1.0.5 > 10.0.0.4:445" FILE_OF("\\\\fs01\\public",
                                            "a.boot.var") " | smb.read_bytes=9"},
     "",
     "fs01.corp.example",
     "not_observed",
     NULL},
    {"near miss: another share, resources and a pipe",
     {"smb 10.1.0.5 > 10.0.0.4:445" MOVED("\\\\fs01\\public"),
      "smb 10.1.0.5 > 10.0.0.4:445" MOVED("\\\\fs01\\resources"),
      "smb 10.1.0.5 > 10.0.0.4:445" MOVED("\\\\fs01\\IPC$") " | smb.share_type=pipe"},
     "",
     "fs01.corp.example",
     "consistent",
     NULL},
    {"near miss: encrypted",
     {"smb 10.1.0.5 > 10.0.0.30:445" SESSION " | smb.encrypted=true",
      "smb 10.1.0.5 > 10.0.0.30:445" TREE("\\\\dp01\\SMSPKGD$") " | smb.encrypted=true"},
     "",
     "dp01.corp.example",
     "consistent",
     NULL},
    {"near miss: nothing moved",
     {"smb 10.1.0.5 > 10.0.0.30:445 | smb.message=transfer | smb.path=\\\\dp01\\SMSPKGD$ | "
      "smb.unsigned=3"},
     "",
     "dp01.corp.example",
     "not_observed",
     NULL},
    {"near miss: between clients",
     {"smb 10.1.0.5 > 10.1.0.6:445" MOVED("\\\\pc6\\backup")},
     "",
     NULL,
     NULL,
     NULL},
};

static void readable(void **state)
{
    (void)state;
    rule_play_cases("R063", readable_cases, COUNT_OF(readable_cases));
}

static const struct rule_case intersite_cases[] = {
    {"two primary sites",
     {"smb 10.0.0.10 > 10.0.0.11:445" SESSION,
      "smb 10.0.0.10 > 10.0.0.11:445" TREE("\\\\cm02\\SMS_SITE")},
     "medium proven 10.0.0.10 > 10.0.0.11:445 @11,13",
     "cm02.corp.example",
     "violated",
     NULL},
    {"another share of the parent's",
     {"smb 10.0.0.10 > 10.0.0.9:445" TREE("\\\\cm00\\tools")},
     "medium proven 10.0.0.10 > 10.0.0.9:445 @13",
     "cm00.corp.example",
     "violated",
     NULL},
    {"a third site's share, and the parent's drive",
     {"smb 10.0.0.10 > 10.0.0.9:445" TREE("\\\\cm00\\SMS_P02"),
      "smb 10.0.0.10 > 10.0.0.9:445" TREE("\\\\cm00\\C$")},
     "medium proven 10.0.0.10 > 10.0.0.9:445 @13; medium proven 10.0.0.10 > 10.0.0.9:445 @13",
     NULL,
     NULL,
     NULL},
    {"an account that nobody declared",
     {"ntlm 10.0.0.10 > 10.0.0.9:445" PROOF("svc-copy")},
     "medium proven 10.0.0.10 > 10.0.0.9:445 @10",
     NULL,
     NULL,
     "\naccounts: {intersite: ['CORP\\svc-intersite']}\n"},
    {"denied",
     {"smb 10.0.0.12 > 10.0.0.10:445" SESSION,
      "smb 10.0.0.12 > 10.0.0.10:445" DENIED("\\\\cm01\\SMS_SITE")},
     "medium proven 10.0.0.12 > 10.0.0.10:445 @13",
     "cm01.corp.example",
     "violated",
     NULL},
    {"near miss: child and parent, parent and child",
     {"smb 10.0.0.10 > 10.0.0.9:445" SESSION, "smb 10.0.0.10 > 10.0.0.9:445" TREE("\\\\cm00\\IPC$"),
      "smb 10.0.0.10 > 10.0.0.9:445" TREE("\\\\cm00\\SMS_SITE"),
      "smb 10.0.0.10 > 10.0.0.9:445" TREE("\\\\cm00\\sms_cen"),
      "ntlm 10.0.0.10 > 10.0.0.9:445" PROOF("CM01$"),
      "smb 10.0.0.10 > 10.0.0.12:445" TREE("\\\\cm03\\ADMIN$"),
      "smb 10.0.0.10 > 10.0.0.12:445" TREE("\\\\cm03\\SMS_P01")},
     "",
     "cm00.corp.example",
     "consistent",
     NULL},
    {"near miss: a declared account",
     {"ntlm 10.0.0.10 > 10.0.0.9:445" PROOF("svc-intersite")},
     "",
     "cm00.corp.example",
     "consistent",
     "\naccounts: {intersite: ['CORP\\svc-intersite']}\n"},
    {"near miss: what the matrix allows",
     {"smb 10.0.0.10 > 10.0.0.11:445" TREE("\\\\cm02\\SMS_SITE")},
     "",
     "cm02.corp.example",
     "consistent",
     "\nmatrix:\n  - allow: {from: cm01.corp.example, to: cm02.corp.example, over: [smb], "
     "reason: \"file replication route\"}\n"},
    {"near miss: a session that was refused, and a client",
     {"smb 10.0.0.10 > 10.0.0.11:445 | smb.message=session_setup | "
      "smb.status=STATUS_LOGON_FAILURE | smb.status_code=0xc000006d | smb.response_packet=11",
      "smb 10.1.0.5 > 10.0.0.11:445" TREE("\\\\cm02\\tools")},
     "",
     "cm02.corp.example",
     "not_observed",
     NULL},
    {"near miss: anonymous",
     {"ntlm 10.0.0.10 > 10.0.0.9:445 | ntlm.carrier=smb | ntlm.variant=anonymous | "
      "ntlm.authenticate_packet=10"},
     "",
     "cm00.corp.example",
     "not_observed",
     NULL},
};

static void intersite(void **state)
{
    (void)state;
    rule_play_cases("R069", intersite_cases, COUNT_OF(intersite_cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readable),
        cmocka_unit_test(intersite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
