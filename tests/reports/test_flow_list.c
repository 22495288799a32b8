/*
 * test_flow_list.c - the flows in every format; names that must not reach a shell or a firewall as
 * they are.
 */
#include "tests/reports/report_scene.h"

#include "reports/flow_list.h"

static const char hierarchy[] =
    "sites: {P01: {type: primary}}\n"
    "hosts:\n"
    "  db.corp.example: {addresses: [10.0.0.1, \"fd00::1\"], site: P01, roles: [site-database]}\n"
    "  mp.corp.example: {addresses: [10.0.0.2], site: P01, roles: [management-point]}\n"
    "  lost.corp.example: {site: P01, roles: [management-point]}\n"
    "clients: {\"a'; \\\"$(x)\": {networks: [10.1.0.0/16, 10.2.0.9]}}\n";

static char *listed(const char *format)
{
    struct policy *p = scene_policy(hierarchy);
    struct matrix_flow *flows = NULL;
    struct output *out = output_to_memory();
    size_t count = 0, len = 0;
    assert_non_null(out);
    assert_int_equal(matrix_flows(p, &flows, &count), 0);
    assert_true(flow_list(out, format, flows, count));
    const char *at = output_memory(out, &len);
    char *text = strndup(at, len);
    assert_non_null(text);
    assert_int_equal(output_close(out), 0);
    free(flows);
    policy_free(p);
    return text;
}

static void test_formats(void **state)
{
    static const struct {
        const char *format, *says, *never;
    } cases[] = {
        {"table", "db.corp.example is reached by\n", NULL},
        {"csv",
         "\"mp.corp.example\",\"10.0.0.2\",\"db.corp.example\",\"10.0.0.1,fd00::1\",tcp,\"1433\","
         "sql,M059,1511..,yes\n",
         NULL},
        {"csv", "\"a'; \"\"$(x)\"", "\"a'; \"$"},
        {"json",
         "\"to\":{\"name\":\"db.corp.example\",\"addresses\":[\"10.0.0.1\",\"fd00::1\"]},"
         "\"transport\":\"tcp\",\"ports\":[\"1433\"],\"protocol\":\"sql\",\"row\":\"M059\","
         "\"versions\":\"1511..\",\"needed\":true}",
         NULL},
        {"nftables",
         "        ip saddr { 10.0.0.2 } ip daddr { 10.0.0.1 } tcp dport { 1433 } accept comment "
         "\"M059 mp.corp.example to db.corp.example\"\n",
         "ip6 saddr"},
        {"nftables",
         "        ip saddr { 10.1.0.0/16,10.2.0.9 } ip daddr { 10.0.0.2 } tcp dport { 443 } accept",
         "$("},
        {"nftables", "policy drop;", "{  }"},
        {"nftables", "# lost.corp.example has no address in the policy", NULL},
        {"windows",
         "# on db.corp.example\nNew-NetFirewallRule -DisplayName 'rolecall M059 TCP from "
         "mp.corp.example' -Direction Inbound -Action Allow -Protocol TCP -LocalPort 1433 "
         "-RemoteAddress 10.0.0.2\n",
         "optional"},
        {"windows", "from a______x_'", "$("},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = listed(cases[i].format);
        if (strstr(text, cases[i].says) == NULL) {
            fail_msg("%s lacks: %s\n%s", cases[i].format, cases[i].says, text);
        }
        if (cases[i].never != NULL && strstr(text, cases[i].never) != NULL) {
            fail_msg("%s has: %s\n%s", cases[i].format, cases[i].never, text);
        }
        free(text);
    }
}

static void test_no_such_format(void **state)
{
    struct output *out = output_to_memory();
    (void)state;
    assert_false(flow_list(out, "iptables", NULL, 0));
    assert_int_equal(output_close(out), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_no_such_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
