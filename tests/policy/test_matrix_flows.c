/*
 * test_matrix_flows.c - which flows a declared hierarchy needs, which are optional, and which it
 * has none of.
 */
#include "policy/matrix_flows.h"
#include "tests/policy/test_policy.h"

#define HEAD                                                                                       \
    "forests: {corp: {domains: [corp.example]}, partner: {domains: [partner.example]}}\n"          \
    "zones: {intranet: [10.0.0.0/8]}\n"
#define SITES                                                                                      \
    "sites: {P01: {type: primary, client-communication: https}, P02: {type: primary},"             \
    " S01: {type: secondary, parent: P01}}\n"
#define HOSTS                                                                                      \
    "hosts:\n"                                                                                     \
    "  cm.corp.example: {forest: corp, site: P01, roles: [site-server]}\n"                         \
    "  cm2.corp.example: {forest: corp, site: P02, roles: [site-server, site-database]}\n"         \
    "  s1.corp.example: {forest: corp, site: S01, roles: [site-server]}\n"                         \
    "  db.corp.example: {forest: corp, site: P01, roles: [{site-database: {ports: [1444, "         \
    "4022]}}]}\n"                                                                                  \
    "  dc.corp.example: {forest: corp, roles: [domain-controller]}\n"                              \
    "  dc.partner.example: {forest: partner, roles: [domain-controller]}\n"                        \
    "  out.partner.example: {forest: partner, site: P01, site-server-initiates: true,"             \
    " roles: [management-point]}\n"                                                                \
    "  mp.corp.example: {addresses: [10.0.0.3], forest: corp, site: P01, roles:"                   \
    " [{management-point: {ports: {https: [8443]}, serves: [intranet]}}]}\n"                       \
    "  fsp.corp.example: {forest: corp, site: P01, roles: [fallback-status-point]}\n"              \
    "  x.corp.example: {forest: corp, site: P01, roles: [application-catalog-website]}\n"
#define CLIENTS                                                                                    \
    "clients:\n"                                                                                   \
    "  hq: {networks: [10.1.0.0/16], forest: corp}\n"                                              \
    "  kiosks: {networks: [10.2.0.0/16], workgroup: true}\n"                                       \
    "  away: {networks: [203.0.113.0/24], forest: corp}\n"
#define POLICY HEAD SITES HOSTS CLIENTS

// clang-format off
static const struct flow_case {
    const char *label, *policy, *from, *to;
    uint16_t port;
    const char *answer; /* "needed", "optional", "none" */
} cases[] = {
    {"a client's HTTPS, on the declared port", POLICY, "hq", "mp.corp.example", 8443, "needed"},
    {"and not on the usual one", POLICY, "hq", "mp.corp.example", 443, "none"},
    {"no HTTP where clients use HTTPS", POLICY, "hq", "mp.corp.example", 80, "none"},
    {"a zone that is not served", POLICY, "away", "mp.corp.example", 8443, "none"},
    {"HTTP by design", POLICY, "hq", "fsp.corp.example", 80, "needed"},
    {"the database's declared port", POLICY, "mp.corp.example", "db.corp.example", 1444, "needed"},
    {"the broker is for databases", POLICY, "mp.corp.example", "db.corp.example", 4022, "none"},
    {"the database of another site", POLICY, "mp.corp.example", "cm2.corp.example", 1433, "none"},
    {"sites that are parent and child", POLICY, "s1.corp.example", "cm.corp.example", 445, "needed"},
    {"sites that are not", POLICY, "cm2.corp.example", "cm.corp.example", 445, "none"},
    {"a site system to its site server", POLICY, "mp.corp.example", "cm.corp.example", 445, "needed"},
    {"but not from an untrusted place", POLICY, "out.partner.example", "cm.corp.example", 445, "none"},
    {"there the site server opens", POLICY, "cm.corp.example", "out.partner.example", 445, "needed"},
    {"a controller of its forest", POLICY, "hq", "dc.corp.example", 88, "needed"},
    {"a controller of another", POLICY, "hq", "dc.partner.example", 88, "none"},
    {"no controller for a workgroup", POLICY, "kiosks", "dc.corp.example", 88, "none"},
    {"the internet for the site server", POLICY, "cm.corp.example", "internet", 443, "needed"},
    {"client push is not declared", POLICY, "cm.corp.example", "hq", 445, "optional"},
    {"client push is declared", HEAD "sites: {P01: {type: primary, client-push: true}}\nhosts: {cm.corp.example: {site: P01, roles: [site-server]}}\n" CLIENTS, "cm.corp.example", "hq", 445, "needed"},
    {"a retired role that is declared", POLICY, "hq", "x.corp.example", 443, "needed"},
    {"and not when strict", "profile: strict\n" POLICY, "hq", "x.corp.example", 443, "none"},
    {"RPC to dynamic ports", POLICY, "cm.corp.example", "mp.corp.example", 49152, "needed"},
    {"and not to those of old systems", POLICY, "cm.corp.example", "mp.corp.example", 1024, "none"},
    {"a distribution point's share", HEAD "hosts: {d.corp.example: {roles: [{distribution-point: {package-share: true}}]}}\n" CLIENTS, "hq", "d.corp.example", 445, "needed"},
    {"near miss: no packages run from it", HEAD "hosts: {d.corp.example: {roles: [distribution-point]}}\n" CLIENTS, "hq", "d.corp.example", 445, "optional"},
};
// clang-format on

static const char *answer(const struct matrix_flow *flows, size_t count, const struct flow_case *c)
{
    const char *best = "none";
    for (size_t i = 0; i < count; i++) {
        bool there = false;
        for (unsigned k = 0; k < flows[i].port_count; k++) {
            there |= flows[i].ports[k].first <= c->port && flows[i].ports[k].last >= c->port;
        }
        if (there && strcmp(matrix_flow_end(&flows[i].from), c->from) == 0 &&
            strcmp(matrix_flow_end(&flows[i].to), c->to) == 0) {
            best = flows[i].needed ? "needed" : strcmp(best, "none") == 0 ? "optional" : best;
        }
    }
    return best;
}

static void test_what_is_needed(void **state)
{
    unsigned wrong = 0;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct policy *p = test_policy(cases[i].policy);
        struct matrix_flow *flows = NULL;
        size_t count = 0;
        assert_int_equal(matrix_flows(p, &flows, &count), 0);
        const char *got = answer(flows, count, &cases[i]);
        if (strcmp(got, cases[i].answer) != 0) {
            print_error("%s: %s\n", cases[i].label, got);
            wrong++;
        }
        free(flows);
        (void)policy_free(p);
    }
    assert_int_equal(wrong, 0);
}

/* What is listed as needed is what the audit takes for allowed. */
static void test_needed_is_allowed(void **state)
{
    (void)state;
    struct policy *p = test_policy(POLICY);
    struct matrix_flow *flows = NULL;
    size_t count = 0;
    assert_int_equal(matrix_flows(p, &flows, &count), 0);
    assert_true(count > 30);
    for (size_t i = 0; i < count; i++) {
        const struct matrix_flow *f = &flows[i];
        struct zone zone = {.name =
                                f->from.host == NULL && f->from.group == NULL ? "internet" : "x"};
        struct zone other = {.name = f->to.host == NULL && f->to.group == NULL ? "internet" : "x"};
        struct party client = {
            .known = true, .host = f->from.host, .group = f->from.group, .zone = &zone};
        struct party server = {.known = true,
                               .host = f->to.host,
                               .group = f->to.group,
                               .zone = &other,
                               .port = f->ports[0].first};
        struct connection c = {.client = &client,
                               .server = &server,
                               .transport = (f->transports & MATRIX_TCP) != 0 ? 6 : 17};
        if (matrix_ask(p, &c).allows == NULL) {
            fail_msg("%s: %s to %s port %u", f->row->id, matrix_flow_end(&f->from),
                     matrix_flow_end(&f->to), f->ports[0].first);
        }
    }
    free(flows);
    (void)policy_free(p);
}

/* What is asked of one connection agrees with the list of all. */
static void test_asked_one_by_one(void **state)
{
    (void)state;
    struct policy *p = test_policy(POLICY);
    struct matrix_flow *flows = NULL;
    size_t count = 0, needed = 0;
    bool *rows = matrix_rows_needed(p);
    assert_int_equal(matrix_flows(p, &flows, &count), 0);
    assert_non_null(rows);
    for (size_t i = 0; i < count; i++) {
        const struct matrix_flow *f = &flows[i];
        if (f->needed) {
            uint8_t transport = (f->transports & MATRIX_TCP) != 0 ? 6 : 17;
            assert_non_null(matrix_needs(p, &f->from, &f->to, transport, f->ports[0].first));
            assert_null(matrix_needs(p, &f->from, &f->to, transport, 7));
            needed++;
        }
    }
    assert_true(needed > 20);
    for (size_t i = 0; i < count; i++) {
        /* One of equal rows stands for all: its own need is the whole list's. */
        assert_true(!flows[i].needed || rows[flows[i].row - p->matrix_table->rows] ||
                    flows[i].row->otherwise != MATRIX_ALLOW);
    }
    assert_true(rows[1] && !rows[25]); /* clients use a management point; no gateway is declared */
    assert_string_equal(matrix_side_name(p->matrix_table->rows[1].from), "client");
    assert_string_equal(matrix_side_name(p->matrix_table->rows[1].to), "management-point");
    free(rows);
    free(flows);
    (void)policy_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_needed),
        cmocka_unit_test(test_needed_is_allowed),
        cmocka_unit_test(test_asked_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
