/*
 * test_rules_smb.c - R049 sessions without an account, R060 SMB 1, R061 signing not required, R062
 * data unsigned.
 */
#include "tests/policy/rule_play.h"
#include "tests/test.h"

#define NEGOTIATED(dialect, signing)                                                               \
    " | smb.message=negotiate | smb.dialect=" dialect " | smb.signing.server=" signing             \
    " | smb.response_packet=6"
#define SESSION                                                                                    \
    " | smb.message=session_setup | smb.status=STATUS_SUCCESS | smb.status_code=0 | "              \
    "smb.response_packet=11"
#define TREE(path)                                                                                 \
    " | smb.message=tree_connect | smb.path=" path " | smb.status_code=0 | smb.response_packet=13"
#define TRANSFER(path)                                                                             \
    " | smb.message=transfer | smb.path=" path " | smb.read_bytes=10 | smb.written_bytes=0"

static const struct rule_case nameless_cases[] = {
    {"a guest opens a share",
     {"smb 10.1.0.5 > 10.0.0.30:445" SESSION " | smb.guest=true",
      "smb 10.1.0.5 > 10.0.0.30:445" TREE("\\\\dp01\\SMSPKGD$")},
     "high proven 10.1.0.5 > 10.0.0.30:445 @11,13",
     "dp01.corp.example",
     "violated",
     NULL},
    {"an anonymous session opens a share",
     {"smb 10.1.0.5 > 10.0.0.30:445" SESSION " | smb.anonymous=true",
      "smb 10.1.0.5 > 10.0.0.30:445" TREE("\\\\dp01\\SMSPKGD$"),
      "flow 10.1.0.5 > 10.0.0.30:445 | flow.protocol=smb"},
     "high proven 10.1.0.5 > 10.0.0.30:445 @11,13",
     NULL,
     NULL,
     NULL},
    {"IPC$ alone is low",
     {"smb 10.1.0.5 > 10.0.0.30:445" SESSION " | smb.anonymous=true",
      "smb 10.1.0.5 > 10.0.0.30:445" TREE("\\\\dp01\\ipc$"),
      "flow 10.1.0.5 > 10.0.0.30:445 | flow.protocol=smb"},
     "low proven 10.1.0.5 > 10.0.0.30:445 @11",
     NULL,
     NULL,
     NULL},
    {"near miss: the share is refused",
     {"smb 10.1.0.5 > 10.0.0.30:445" SESSION " | smb.guest=true",
      "smb 10.1.0.5 > 10.0.0.30:445 | smb.message=tree_connect | smb.path=\\\\dp01\\C$ | "
      "smb.status_code=0xc0000022 | "
      "smb.response_packet=13",
      "flow 10.1.0.5 > 10.0.0.30:445 | flow.protocol=smb"},
     "low proven 10.1.0.5 > 10.0.0.30:445 @11",
     NULL,
     NULL,
     NULL},
    {"near miss: the session is refused",
     {"smb 10.1.0.5 > 10.0.0.30:445 | smb.message=session_setup | smb.status_code=0xc000006d | "
      "smb.guest=true | "
      "smb.response_packet=11"},
     "",
     "dp01.corp.example",
     "not_observed",
     NULL},
    {"near miss: an account",
     {"smb 10.1.0.5 > 10.0.0.30:445" SESSION " | smb.guest=false | smb.anonymous=false",
      "smb 10.1.0.5 > 10.0.0.30:445" TREE("\\\\dp01\\SMSPKGD$")},
     "",
     "dp01.corp.example",
     "consistent",
     NULL},
    {"near miss: another flow's share",
     {"smb#1 10.1.0.5 > 10.0.0.30:445" SESSION " | smb.guest=true",
      "smb#2 10.1.0.5 > 10.0.0.30:445" TREE("\\\\dp01\\SMSPKGD$"),
      "flow#1 10.1.0.5 > 10.0.0.30:445 | flow.protocol=smb"},
     "low proven 10.1.0.5 > 10.0.0.30:445 @11",
     NULL,
     NULL,
     NULL},
    {"near miss: an undeclared server",
     {"smb 10.1.0.5 > 10.7.7.7:445" SESSION " | smb.guest=true",
      "smb 10.1.0.5 > 10.7.7.7:445" TREE("\\\\x\\C$")},
     "",
     NULL,
     NULL,
     NULL},
};

static void nameless(void **state)
{
    (void)state;
    rule_play_cases("R049", nameless_cases, COUNT_OF(nameless_cases));
}

static const struct rule_case smb_one_cases[] = {
    {"a session",
     {"smb 10.1.0.5 > 10.0.0.30:445" NEGOTIATED("NT LM 0.12", "enabled"),
      "smb 10.1.0.5 > 10.0.0.30:445" SESSION},
     "high proven 10.1.0.5 > 10.0.0.30:445 @6,11",
     "dp01.corp.example",
     "violated",
     NULL},
    {"the server only agrees",
     {"smb 10.1.0.5 > 10.0.0.30:445" NEGOTIATED("NT LM 0.12", "enabled")},
     "medium proven 10.1.0.5 > 10.0.0.30:445 @6",
     NULL,
     NULL,
     NULL},
    {"a refused session is no session",
     {"smb 10.1.0.5 > 10.0.0.30:445" NEGOTIATED("NT LM 0.12", "enabled"),
      "smb 10.1.0.5 > 10.0.0.30:445 | smb.message=session_setup | smb.status_code=0xc000006d | "
      "smb.response_packet=11"},
     "medium proven 10.1.0.5 > 10.0.0.30:445 @6",
     NULL,
     NULL,
     NULL},
    {"near miss: a multi-protocol negotiation answered with SMB 2",
     {"smb 10.1.0.5 > 10.0.0.30:445" NEGOTIATED("2.0.2",
                                                "required") " | smb.dialects_offered=NT LM 0.12 | "
                                                            "smb.dialects_offered=SMB 2.002",
      "smb 10.1.0.5 > 10.0.0.30:445" SESSION},
     "",
     "dp01.corp.example",
     "consistent",
     NULL},
    {"near miss: no dialect was acceptable",
     {"smb 10.1.0.5 > 10.0.0.30:445 | smb.message=negotiate | smb.dialects_offered=NT LM 0.12"},
     "",
     "dp01.corp.example",
     "not_assessable",
     NULL},
    {"near miss: a session of SMB 2 on another flow",
     {"smb#1 10.1.0.5 > 10.0.0.30:445" NEGOTIATED("NT LM 0.12", "enabled"),
      "smb#2 10.1.0.5 > 10.0.0.30:445" SESSION},
     "medium proven 10.1.0.5 > 10.0.0.30:445 @6",
     NULL,
     NULL,
     NULL},
    {"nothing seen",
     {"flow 10.1.0.5 > 10.0.0.30:80 | flow.protocol=http"},
     "",
     "dp01.corp.example",
     "not_observed",
     NULL},
};

static void smb_one(void **state)
{
    (void)state;
    rule_play_cases("R060", smb_one_cases, COUNT_OF(smb_one_cases));
}

#define END " | flow.protocol=smb"

static const struct rule_case signing_cases[] = {
    {"a distribution point",
     {"smb 10.1.0.5 > 10.0.0.30:445" NEGOTIATED("3.1.1", "enabled"),
      "flow 10.1.0.5 > 10.0.0.30:445" END},
     "high proven 10.1.0.5 > 10.0.0.30:445 @6",
     "dp01.corp.example",
     "violated",
     NULL},
    {"a file share",
     {"smb 10.1.0.5 > 10.0.0.4:445" NEGOTIATED("3.1.1", "none"),
      "flow 10.1.0.5 > 10.0.0.4:445" END},
     "medium proven 10.1.0.5 > 10.0.0.4:445 @6",
     NULL,
     NULL,
     NULL},
    {"two clients: the server's own fault is one finding",
     {"smb#1 10.1.0.5 > 10.0.0.30:445" NEGOTIATED("3.1.1", "enabled"),
      "flow#1 10.1.0.5 > 10.0.0.30:445" END,
      "smb#2 10.1.0.6 > 10.0.0.30:445" NEGOTIATED("3.1.1", "enabled"),
      "flow#2 10.1.0.6 > 10.0.0.30:445" END},
     "high proven - > 10.0.0.30:445 @6",
     NULL,
     NULL,
     NULL},
    {"one plain session beside an encrypted one",
     {"smb 10.1.0.5 > 10.0.0.30:445" NEGOTIATED("3.1.1", "enabled"),
      "smb 10.1.0.5 > 10.0.0.30:445" SESSION " | smb.encrypted=true",
      "smb 10.1.0.5 > 10.0.0.30:445" SESSION " | smb.encrypted=false",
      "flow 10.1.0.5 > 10.0.0.30:445" END},
     "high proven 10.1.0.5 > 10.0.0.30:445 @6",
     NULL,
     NULL,
     NULL},
    {"near miss: required",
     {"smb 10.1.0.5 > 10.0.0.30:445" NEGOTIATED("3.1.1", "required"),
      "flow 10.1.0.5 > 10.0.0.30:445" END},
     "",
     "dp01.corp.example",
     "consistent",
     NULL},
    {"near miss: every session demands encryption",
     {"smb 10.1.0.5 > 10.0.0.30:445" NEGOTIATED("3.1.1", "enabled"),
      "smb 10.1.0.5 > 10.0.0.30:445" SESSION " | smb.encrypted=true",
      "flow 10.1.0.5 > 10.0.0.30:445" END},
     "",
     "dp01.corp.example",
     "consistent",
     NULL},
    {"near miss: SMB 1 is not judged",
     {"smb 10.1.0.5 > 10.0.0.30:445" NEGOTIATED("NT LM 0.12", "enabled"),
      "flow 10.1.0.5 > 10.0.0.30:445" END},
     "",
     "dp01.corp.example",
     "not_assessable",
     NULL},
    {"near miss: the negotiation failed",
     {"smb 10.1.0.5 > 10.0.0.30:445" NEGOTIATED("3.1.1", "enabled") " | smb.status_code=0xc00000bb",
      "flow 10.1.0.5 > 10.0.0.30:445" END},
     "",
     "dp01.corp.example",
     "not_assessable",
     NULL},
    {"near miss: no reply was seen",
     {"smb 10.1.0.5 > 10.0.0.30:445 | smb.message=negotiate", "flow 10.1.0.5 > 10.0.0.30:445" END},
     "",
     "dp01.corp.example",
     "not_assessable",
     NULL},
    {"near miss: a client's own server",
     {"smb 10.1.0.5 > 10.1.0.6:445" NEGOTIATED("3.1.1", "enabled"),
      "flow 10.1.0.5 > 10.1.0.6:445" END},
     "",
     "dp01.corp.example",
     "not_observed",
     NULL},
};

static void signing(void **state)
{
    (void)state;
    rule_play_cases("R061", signing_cases, COUNT_OF(signing_cases));
}

static const struct rule_case unsigned_data_cases[] = {
    {"a package share",
     {"smb 10.0.0.10 > 10.0.0.30:445" TRANSFER(
         "\\\\dp01\\SMSPKGD$") " | smb.unsigned=3 | smb.unsigned_packet=20"},
     "high proven 10.0.0.10 > 10.0.0.30:445 @20",
     "dp01.corp.example",
     "violated",
     NULL},
    {"some other share",
     {"smb 10.1.0.5 > 10.0.0.30:445" TRANSFER(
         "\\\\dp01\\public") " | smb.unsigned=3 | smb.unsigned_packet=20"},
     "medium proven 10.1.0.5 > 10.0.0.30:445 @20",
     NULL,
     NULL,
     NULL},
    {"package sources by name and by role, and a backup",
     {"smb 10.0.0.30 > 10.7.7.7:445" TRANSFER(
          "\\\\nas\\PkgSource$") " | smb.unsigned=3 | smb.unsigned_packet=20",
      "smb 10.0.0.10 > 10.0.0.4:445" TRANSFER(
          "\\\\fs01\\apps") " | smb.unsigned=3 | smb.unsigned_packet=21",
      "smb 10.0.0.14 > 10.0.0.4:445" TRANSFER(
          "\\\\fs01\\SiteBackup") " | smb.unsigned=3 | smb.unsigned_packet=22"},
     "high proven 10.0.0.10 > 10.0.0.4:445 @21; high proven 10.0.0.14 > 10.0.0.4:445 @22; high "
     "proven 10.0.0.30 > 10.7.7.7:445 @20",
     NULL,
     NULL,
     NULL},
    {"near miss of a source: resources, and a file share used by another",
     {"smb 10.0.0.30 > 10.7.7.7:445" TRANSFER(
          "\\\\nas\\resources") " | smb.unsigned=3 | smb.unsigned_packet=20",
      "smb 10.0.0.20 > 10.0.0.4:445" TRANSFER(
          "\\\\fs01\\apps") " | smb.unsigned=3 | smb.unsigned_packet=21"},
     "medium proven 10.0.0.20 > 10.0.0.4:445 @21; medium proven 10.0.0.30 > 10.7.7.7:445 @20",
     NULL,
     NULL,
     NULL},
    {"between sites",
     {"smb 10.0.0.10 > 10.0.0.9:445" TRANSFER(
         "\\\\cm00\\public") " | smb.unsigned=3 | smb.unsigned_packet=20"},
     "high proven 10.0.0.10 > 10.0.0.9:445 @20",
     NULL,
     NULL,
     NULL},
    {"two shares, and the pipe that came first",
     {"smb@30 10.1.0.5 > 10.0.0.30:445" TRANSFER(
          "\\\\dp01\\IPC$") " | smb.unsigned=2 | smb.unsigned_packet=14 | smb.share_type=pipe",
      "smb@30 10.1.0.5 > 10.0.0.30:445" TRANSFER(
          "\\\\dp01\\C$") " | smb.unsigned=3 | smb.unsigned_packet=20",
      "smb@30 10.1.0.5 > 10.0.0.30:445" TRANSFER(
          "\\\\dp01\\public") " | smb.unsigned=1 | smb.unsigned_packet=25"},
     "high proven 10.1.0.5 > 10.0.0.30:445 @20,14; medium proven 10.1.0.5 > 10.0.0.30:445 "
     "@25,14",
     NULL,
     NULL,
     NULL},
    {"a pipe of another flow is no evidence",
     {"smb#1 10.1.0.5 > 10.0.0.30:445" TRANSFER(
          "\\\\dp01\\IPC$") " | smb.unsigned=2 | smb.unsigned_packet=14",
      "smb#2 10.1.0.5 > 10.0.0.30:445" TRANSFER(
          "\\\\dp01\\C$") " | smb.unsigned=3 | smb.unsigned_packet=20"},
     "high proven 10.1.0.5 > 10.0.0.30:445 @20",
     NULL,
     NULL,
     NULL},
    {"to a server that is not declared",
     {"smb 10.0.0.10 > 10.7.7.7:445" TRANSFER(
         "\\\\x\\C$") " | smb.unsigned=3 | smb.unsigned_packet=20"},
     "high proven 10.0.0.10 > 10.7.7.7:445 @20",
     "cm01.corp.example",
     "violated",
     NULL},
    {"near miss: a pipe alone",
     {"smb 10.1.0.5 > 10.0.0.30:445" TRANSFER(
         "\\\\dp01\\IPC$") " | smb.unsigned=2 | smb.unsigned_packet=14"},
     "",
     "dp01.corp.example",
     "not_observed",
     NULL},
    {"near miss: signed",
     {"smb 10.1.0.5 > 10.0.0.30:445" TRANSFER("\\\\dp01\\SMSPKGD$") " | smb.signed=true"},
     "",
     "dp01.corp.example",
     "consistent",
     NULL},
    {"near miss: encrypted",
     {"smb 10.1.0.5 > 10.0.0.30:445" SESSION " | smb.encrypted=true"},
     "",
     "dp01.corp.example",
     "consistent",
     NULL},
    {"near miss: guests and anonymous sessions are another rule's",
     {"smb 10.1.0.5 > 10.0.0.30:445" TRANSFER(
          "\\\\dp01\\C$") " | smb.unsigned=3 | smb.unsigned_packet=20 | smb.guest=true",
      "smb 10.1.0.5 > 10.0.0.30:445" TRANSFER(
          "\\\\dp01\\C$") " | smb.unsigned=3 | smb.unsigned_packet=20 | smb.anonymous=true"},
     "",
     "dp01.corp.example",
     "not_observed",
     NULL},
};

static void unsigned_data(void **state)
{
    (void)state;
    rule_play_cases("R062", unsigned_data_cases, COUNT_OF(unsigned_data_cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nameless),
        cmocka_unit_test(smb_one),
        cmocka_unit_test(signing),
        cmocka_unit_test(unsigned_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
