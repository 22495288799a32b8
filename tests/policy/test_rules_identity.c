/*
 * test_rules_identity.c - R114: requests to a management point that no client makes.
 */
#include "tests/policy/rule_play.h"
#include "tests/test.h"

#define POST                                                                                       \
    " > 10.0.0.20:80 | http.method=CCM_POST | http.uri=/ccm_system/request | "                     \
    "http.request_packet=5"
#define REGISTERS " | http.ccm.target_endpoint=MP_ClientRegistration"
#define FROM(guid) " | http.ccm.source_id=GUID:" guid

static const struct rule_case cases[] = {
    {"a registration from nowhere",
     {"http 10.7.7.7" POST REGISTERS},
     "high proven 10.7.7.7 > 10.0.0.20:80 @5",
     "mp01.corp.example",
     "violated",
     NULL},
    {"a tool's message ID",
     {"http 10.1.0.5" POST " | http.ccm.message_id={5dd100cd-df1d-45f5-ba17-a327f43465f8}"},
     "high derived 10.1.0.5 > 10.0.0.20:80 @5",
     NULL,
     NULL,
     NULL},
    {"a script",
     {"http 10.1.0.5" POST " | http.user_agent=python-requests/2.31.0"},
     "high proven 10.1.0.5 > 10.0.0.20:80 @5",
     NULL,
     NULL,
     NULL},
    {"the key of media, from nowhere",
     {"http 10.7.7.7 > 10.0.0.20:80 | http.method=GET | "
      "http.uri=/SMS_MP/.sms_aut?MPKEYINFORMATIONMEDIA | http.request_packet=5"},
     "high proven 10.7.7.7 > 10.0.0.20:80 @5",
     NULL,
     NULL,
     NULL},
    {"three identities",
     {"http 10.1.0.5" POST FROM("A"), "http 10.1.0.5" POST FROM("B"),
      "http 10.1.0.5" POST FROM("C")},
     "medium derived 10.1.0.5 > 10.0.0.20:80 @5",
     NULL,
     NULL,
     NULL},
    {"near miss: a client registers and reports",
     {"http 10.1.0.5" POST REGISTERS FROM("A"), "http 10.1.0.5" POST FROM("A"),
      "http 10.1.0.5" POST FROM("B"), "http+700 10.1.0.5" POST FROM("C")},
     "",
     "mp01.corp.example",
     "consistent",
     NULL},
    {"near miss: a script elsewhere",
     {"http 10.1.0.5 > 10.0.0.20:80 | http.method=GET | http.uri=/status | "
      "http.user_agent=python-requests/2.31.0",
      "http 10.7.7.7 > 10.0.0.30:80 | http.method=CCM_POST" REGISTERS},
     "",
     "mp01.corp.example",
     "not_observed",
     NULL},
    {"encrypted",
     {"tls 10.1.0.5 > 10.0.0.20:443 | tls.established=true"},
     "",
     "mp01.corp.example",
     "not_assessable",
     NULL},
};

static void identity(void **state)
{
    (void)state;
    rule_play_cases("R114", cases, COUNT_OF(cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
