/* The sample loads, says what it says, and the look-ups answer from it; prefixes and names at their
 * edges. */
#include "tests/policy/test_policy.h"

static struct policy *load_sample(void)
{
    /* This file's own path leads to the sample, wherever the build runs. */
    char path[1024];
    const char *slash = strrchr(__FILE__, '/');
    (void)snprintf(path, sizeof path, "%.*s/../../policy/sample.yaml", (int)(slash - __FILE__),
                   __FILE__);
    struct policy *p = NULL;
    assert_int_equal(policy_load(path, NULL, &test_names, stderr, &p), 0);
    return p;
}

static struct address at(const char *text)
{
    struct address a;
    assert_true(address_parse(text, &a));
    return a;
}

static const char *host_at(const struct policy *p, const char *text)
{
    struct address a = at(text);
    const struct host *h = policy_host(p, &a);
    return h == NULL ? "none" : h->name;
}

static const char *zone_at(const struct policy *p, const char *text)
{
    struct address a = at(text);
    return policy_zone(p, &a)->name;
}

static const char *group_at(const struct policy *p, const char *text)
{
    struct address a = at(text);
    const struct client_group *g = policy_group(p, &a);
    return g == NULL ? "none" : g->name;
}

static const char *host_named(const struct policy *p, const char *name)
{
    const struct host *h = policy_host_named(p, name);
    return h == NULL ? "none" : h->name;
}

static const char *forest_of(const struct policy *p, const char *domain)
{
    const struct forest *f = policy_forest_of_domain(p, domain);
    return f == NULL ? "none" : f->name;
}

static void sample_is_read_whole(void **state)
{
    (void)state;
    struct policy *p = load_sample();
    assert_int_equal(p->profile, PROFILE_CURRENT);
    assert_int_equal(p->forest_count, 3);
    assert_int_equal(p->trust_count, 2);
    assert_int_equal(p->zone_count, 3); /* and the internet */
    assert_int_equal(p->site_count, 3);
    assert_int_equal(p->group_count, 5);
    assert_int_equal(p->tls_minimum, 0x0303);
    assert_true(p->pki);
    const struct site *s01 = &p->sites[2];
    assert_string_equal(s01->code, "S01");
    assert_string_equal(s01->parent->parent->code, "CEN");

    const struct host *mp = policy_host_named(p, "mp01.corp.example");
    const struct role_instance *role = host_role(mp, ROLE_MANAGEMENT_POINT);
    assert_int_equal(role->http_ports[0], 80);
    assert_int_equal(role->https_ports[0], 443);
    assert_int_equal(role->ports[0], 10123);
    assert_int_equal(role->serve_count, 1);
    assert_false(role->serves_internet);
    role = host_role(mp, ROLE_DISTRIBUTION_POINT);
    assert_int_equal(role->anonymous, 0);
    assert_int_equal(role->bandwidth_mbit, 10);
    assert_int_equal(role->between_from, 20 * 60);
    assert_int_equal(role->between_to, 6 * 60);
    assert_int_equal(role_client_mode(mp, role), CLIENTS_HTTPS);
    assert_null(host_role(mp, ROLE_DNS));
    role = host_role(policy_host_named(p, "mp9"), ROLE_MANAGEMENT_POINT);
    assert_int_equal(role->clients, CLIENTS_UNDECLARED);
    assert_int_equal(role_client_mode(policy_host_named(p, "mp9"), role), CLIENTS_HTTPS);
    assert_int_equal(role->anonymous, -1);
    assert_int_equal(role->between_from, -1);
    assert_true(host_role(policy_host_named(p, "mp02"), ROLE_MANAGEMENT_POINT)->serves_internet);
    role = host_role(policy_host_named(p, "proxy01"), ROLE_WEB_PROXY);
    assert_string_equal(role->proxy_mode, "bridging");
    assert_string_equal(role->publishes[0], "mp02.corp.example");
    assert_null(policy_free(p));
}

static void sample_tells_the_audit(void **state)
{
    (void)state;
    struct policy *p = load_sample();
    assert_string_equal(policy_accounts(p, "network-access")->accounts[0], "CORP\\svc-naa");
    assert_int_equal(policy_accounts(p, "enrollment-point-connection")->count, 0);
    assert_null(policy_accounts(p, "client-pull"));

    assert_int_equal(p->matrix_count, 2);
    assert_true(p->matrix[0].allow);
    assert_int_equal(p->matrix[0].from.kind, SELECT_HOST);
    assert_int_equal(p->matrix[0].to.is.role, ROLE_SITE_DATABASE);
    assert_string_equal(p->matrix[0].over[0], "smb");
    assert_string_equal(p->matrix[0].reason, "nightly backup");
    assert_false(p->matrix[1].allow);
    assert_int_equal(p->matrix[1].from.kind, SELECT_CLIENTS);
    assert_int_equal(p->matrix[1].over_count, 0);

    assert_int_equal(p->tuning_count, 3);
    assert_true(p->tunings[0].off);
    assert_int_equal(p->tunings[0].rule, 1);
    assert_int_equal(p->tunings[1].severity, SEVERITY_HIGH);
    assert_int_equal(p->tunings[2].rule, 3); /* by its code */
    assert_int_equal(p->tunings[2].severity, SEVERITY_LOW);
    assert_false(p->tunings[2].off);

    assert_int_equal(p->watch_count, 3);
    const struct watch_rule *watch = &p->watches[0];
    assert_int_equal(watch->condition_count, 2);
    assert_string_equal(watch->conditions[0].key, "smb.dialect");
    assert_string_equal(watch->conditions[0].values[1], "2.0.2");
    assert_null(watch->conditions[0].selectors);
    assert_int_equal(watch->conditions[1].selectors[0].is.role, ROLE_DISTRIBUTION_POINT);
    assert_true(p->watches[1].conditions[2].negated);
    assert_int_equal(p->watches[1].conditions[2].value_count, 2);

    assert_int_equal(p->acceptance_count, 2);
    assert_string_equal(p->acceptances[0].until, "2199-01-31");
    assert_true(p->acceptances[0].until_ns == INT64_C(7229260800) * 1000000000);
    assert_int_equal(p->acceptances[0].client.kind, SELECT_ANY);
    assert_int_equal(p->acceptances[1].rule, test_names.rule_count); /* the first watch rule */
    assert_int_equal(p->acceptances[1].server.kind, SELECT_PREFIX);
    assert_null(policy_free(p));
}

static void hosts_are_found_by_address_and_name(void **state)
{
    (void)state;
    struct policy *p = load_sample();
    assert_string_equal(host_at(p, "10.0.1.10"), "cm01.corp.example");
    assert_string_equal(host_at(p, "fd00:a::10"), "cm01.corp.example");
    assert_string_equal(host_at(p, "::ffff:10.0.1.10"), "cm01.corp.example");
    assert_string_equal(host_at(p, "10.0.1.99"), "none");
    static const char *const names[] = {
        "cm01.corp.example", "CM01.Corp.Example", "cm01", "CM01", "cmgr.corp.example", "cmgr",
        "cm01.corp.example."};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        assert_string_equal(host_named(p, names[i]), "cm01.corp.example");
    }
    assert_string_equal(host_named(p, "cm0"), "none");
    assert_string_equal(host_named(p, "cm01.corp"), "none");
    assert_string_equal(host_named(p, ""), "none");
    assert_string_equal(host_named(p, "proxy01"), "proxy01");
    assert_null(policy_free(p));
}

static void netbios_names_are_cut_and_never_guessed(void **state)
{
    (void)state;
    struct policy *p = test_policy("forests: {corp: {domains: [corp.example, emea.corp.example]}}\n"
                                   "hosts:\n  management-point1.corp.example: {}\n"
                                   "  dp01.corp.example: {}\n  dp01.emea.corp.example: {}\n"
                                   "  web: {}\n  web.corp.example: {}\n");
    assert_string_equal(host_named(p, "MANAGEMENT-POIN"), "management-point1.corp.example");
    assert_string_equal(host_named(p, "MANAGEMENT-POI"), "none");
    assert_string_equal(host_named(p, "dp01"), "none"); /* two of them */
    assert_string_equal(host_named(p, "dp01.emea.corp.example"), "dp01.emea.corp.example");
    assert_string_equal(host_named(p, "web"), "web"); /* declared beats derived */
    assert_string_equal(forest_of(p, "CORP"), "corp");
    assert_string_equal(forest_of(p, "EMEA"), "corp");
    assert_null(policy_free(p));
}

static void domains_lead_to_forests(void **state)
{
    (void)state;
    struct policy *p = load_sample();
    assert_string_equal(forest_of(p, "corp.example"), "corp");
    assert_string_equal(forest_of(p, "EMEA.CORP.EXAMPLE"), "corp");
    assert_string_equal(forest_of(p, "emea"), "corp");
    assert_string_equal(forest_of(p, "PARTNER"), "partner"); /* the first label of its domain */
    assert_string_equal(forest_of(p, "example"), "none");
    assert_null(policy_free(p));
    p = test_policy("forests: {a: {domains: [x.one]}, b: {domains: [x.two]}}\n");
    assert_string_equal(forest_of(p, "X"), "none"); /* either: never guessed */
    assert_string_equal(forest_of(p, "x.two"), "b");
    assert_null(policy_free(p));
}

static void the_longest_prefix_wins(void **state)
{
    (void)state;
    struct policy *p =
        test_policy("zones:\n"
                    "  all4: [0.0.0.0/0]\n"
                    "  all6: [\"::/0\"]\n"
                    "  ten: [10.0.0.0/8]\n"
                    "  mid: [10.0.0.0/16, 10.128.0.0/9]\n"
                    "  low: [10.0.0.0/24]\n"
                    "  one: [10.0.0.7]\n"
                    "  lab: [\"fd00:a::/48\"]\n"
                    "clients: {hq: {networks: [10.1.0.0/16]}, desk: {networks: [10.1.2.3]}}\n");
    static const struct {
        const char *address, *zone;
    } zones[] = {
        {"10.0.0.7", "one"},       {"10.0.0.8", "low"},       {"10.0.0.6", "low"},
        {"10.0.1.0", "mid"},       {"10.1.0.0", "ten"},       {"10.127.255.255", "ten"},
        {"10.128.0.0", "mid"},     {"10.255.255.255", "mid"}, {"11.0.0.0", "all4"},
        {"9.255.255.255", "all4"}, {"0.0.0.0", "all4"},       {"255.255.255.255", "all4"},
        {"fd00:a::1", "lab"},      {"fd00:a:1::", "all6"},    {"fd00:9:ffff::", "all6"},
        {"::1", "all6"},           {"ffff::", "all6"},
    };
    for (size_t i = 0; i < COUNT_OF(zones); i++) {
        assert_string_equal(zone_at(p, zones[i].address), zones[i].zone);
    }
    assert_string_equal(group_at(p, "10.1.2.3"), "desk");
    assert_string_equal(group_at(p, "10.1.2.4"), "hq");
    assert_string_equal(group_at(p, "10.2.0.0"), "none");
    assert_null(policy_free(p));

    p = test_policy("zones: {six: [\"::/0\"]}\n"); /* is not IPv4 */
    assert_string_equal(zone_at(p, "10.0.0.1"), "internet");
    assert_string_equal(zone_at(p, "2001:db8::1"), "six");
    assert_null(policy_free(p));
    p = test_policy("zones: {internet: [10.9.0.0/16], a: [10.0.0.0/8]}\n"); /* added to */
    assert_int_equal(p->zone_count, 2);
    assert_string_equal(zone_at(p, "10.9.1.1"), "internet");
    assert_string_equal(zone_at(p, "10.8.1.1"), "a");
    assert_string_equal(zone_at(p, "8.8.8.8"), "internet");
    assert_null(policy_free(p));
    p = test_policy("profile: strict\n");
    static const uint8_t digest[] = {0x4c, 0xc5, 0x8b, 0x26, 0x00, 0x6e, 0xd3, 0x87};
    assert_memory_equal(p->sha256, digest, sizeof digest);
    assert_string_equal(zone_at(p, "10.9.1.1"), "internet");
    assert_string_equal(group_at(p, "10.9.1.1"), "none");
    assert_string_equal(host_at(p, "10.9.1.1"), "none");
    assert_null(policy_free(p));
}

static void trusts_have_a_direction_and_a_kind(void **state)
{
    (void)state;
    struct policy *p = test_policy("forests: {a: {domains: [a.example]}, b: {domains: "
                                   "[b.example]}, c: {domains: [c.example]}, "
                                   "d: {domains: [d.example]}}\n"
                                   "trusts:\n"
                                   "  - {forests: [a, b], type: forest, direction: two-way}\n"
                                   "  - {forests: [a, c], type: forest, direction: one-way}\n"
                                   "  - {forests: [a, d], type: external, direction: two-way}\n"
                                   "  - {forests: [c, d], type: realm, direction: one-way}\n");
    const struct forest *a = &p->forests[0], *b = &p->forests[1], *c = &p->forests[2],
                        *d = &p->forests[3];
    assert_true(policy_kerberos_trust(p, a, b) && policy_kerberos_trust(p, b, a));
    assert_true(policy_kerberos_trust(p, a, c)); /* accounts of c at resources of a */
    assert_false(policy_kerberos_trust(p, c, a) || policy_trusts(p, c, a));
    assert_false(policy_kerberos_trust(p, a, d) || policy_kerberos_trust(p, d, a));
    assert_true(policy_trusts(p, a, d) && policy_trusts(p, d, a));
    assert_true(policy_kerberos_trust(p, c, d));
    assert_false(policy_trusts(p, b, c) || policy_trusts(p, d, c)); /* not transitive */
    assert_true(policy_kerberos_trust(p, a, a) && policy_trusts(p, a, a));
    assert_false(policy_kerberos_trust(p, NULL, NULL) || policy_trusts(p, a, NULL));
    assert_null(policy_free(p));
}

static void selectors_select(void **state)
{
    (void)state;
    struct policy *p =
        test_policy("zones: {dmz: [192.0.2.0/24]}\n"
                    "hosts:\n"
                    "  db.corp.example: {addresses: [10.0.0.1], roles: [site-database]}\n"
                    "  pc.corp.example: {addresses: [10.1.0.1]}\n"
                    "  mp.corp.example: {addresses: [10.1.0.2], roles: [management-point]}\n"
                    "  adm.corp.example: {addresses: [10.1.0.3], roles: [console]}\n"
                    "clients: {hq: {networks: [10.1.0.0/16]}, lab: {networks: [10.2.0.0/16]}}\n"
                    "administrators: {dbas: {networks: [10.1.9.0/24]}}\n"
                    "matrix:\n"
                    "  - deny: {from: site-database, to: db}\n"
                    "  - deny: {from: hq, to: clients}\n"
                    "  - deny: {from: administrators, to: dbas}\n"
                    "  - deny: {from: dmz, to: internet}\n"
                    "  - deny: {from: 10.0.0.0/8, to: 10.0.0.1}\n"
                    "  - deny: {from: any, to: \"fd00::/8\"}\n");
    static const struct {
        unsigned line;
        bool to;
        const char *yes, *no;
    } cases[] = {
        {0, false, "10.0.0.1", "10.1.0.2"},  {0, true, "10.0.0.1", "10.0.0.2"},
        {1, false, "10.1.0.1", "10.2.0.1"},  {1, true, "10.2.0.1", "10.1.0.2"},
        {1, true, "10.1.0.1", "10.1.9.1"},   {2, false, "10.1.9.1", "10.1.0.1"},
        {2, false, "10.1.0.3", "10.1.0.2"},  {2, true, "10.1.9.1", "10.1.0.3"},
        {3, false, "192.0.2.1", "10.0.0.1"}, {3, true, "10.0.0.1", "192.0.2.1"},
        {4, false, "10.0.0.1", "11.0.0.1"},  {4, true, "10.0.0.1", "10.0.0.2"},
        {5, true, "fd00::1", "10.0.0.1"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct matrix_exception *m = &p->matrix[cases[i].line];
        const struct selector *s = cases[i].to ? &m->to : &m->from;
        struct address yes = at(cases[i].yes), no = at(cases[i].no);
        if (!selector_matches(p, s, &yes) || selector_matches(p, s, &no)) {
            fail_msg("selector of case %zu", i);
        }
    }
    struct address any = at("2001:db8::1");
    assert_true(selector_matches(p, &p->matrix[5].from, &any));
    assert_null(policy_free(p));
}

static void roles_and_severities_have_names(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ROLE_COUNT; i++) {
        assert_int_equal(role_find(role_name((enum role)i)), i);
    }
    assert_int_equal(role_find("dn"), ROLE_COUNT);
    enum severity s = SEVERITY_OFF;
    assert_true(severity_parse("critical", &s) && s == SEVERITY_CRITICAL);
    assert_false(severity_parse("Critical", &s));
    assert_string_equal(severity_name(SEVERITY_MEDIUM), "medium");
    assert_true((role_site_systems() & ROLE_BIT(ROLE_MANAGEMENT_POINT)) != 0);
    assert_true((role_site_systems() & ROLE_BIT(ROLE_DOMAIN_CONTROLLER)) == 0);
    assert_null(policy_free(NULL));
}

static void aliases_of_yaml_and_odd_forms_load(void **state)
{
    (void)state;
    struct policy *p =
        test_policy("\xef\xbb\xbf# with a byte order mark\n"
                    "zones: {a: &nets [10.0.0.0/8]}\n"
                    "clients: {hq: {networks: *nets}}\n"
                    "trusts:\n"
                    "rules: {R063: \"off\"}\n"
                    "hosts: {a.corp.example: {roles: [dns, wins: , {console: {}}]}}\n");
    assert_string_equal(group_at(p, "10.0.0.1"), "hq");
    assert_true(p->tunings[0].off);
    assert_int_equal(p->hosts[0].role_count, 3);
    assert_int_equal(p->hosts[0].role_bits,
                     ROLE_BIT(ROLE_DNS) | ROLE_BIT(ROLE_WINS) | ROLE_BIT(ROLE_CONSOLE));
    assert_null(policy_free(p));
}

static void sample_declares_what_packets_cannot_tell(void **state)
{
    (void)state;
    struct policy *p = load_sample();
    const struct host *mp = policy_host_named(p, "mp9.perimeter.example");
    const struct host *dc = policy_host_named(p, "rodc01.corp.example");
    const struct host *dp = policy_host_named(p, "mp01.corp.example");
    assert_int_equal(p->sites[1].signing, 1);
    assert_int_equal(p->sites[1].client_push, 0);
    assert_int_equal(p->sites[1].approval, APPROVAL_AUTOMATIC);
    assert_int_equal(p->sites[1].maintenance_from, 22 * 60);
    assert_int_equal(p->sites[0].signing, -1);
    assert_string_equal(mp->installation_account, "PERIMETER\\svc-install");
    assert_string_equal(mp->service_names[0], "HTTP/mp.perimeter.example");
    assert_string_equal(mp->roles[0].connection_account, "CORP\\svc-mpdb");
    assert_true(dc->roles[0].read_only);
    assert_true(host_role(dp, ROLE_DISTRIBUTION_POINT)->urgent_at_any_time);
    assert_string_equal(p->sensor.zone->name, "intranet");
    assert_int_equal(p->sensor.see_count, 2);
    assert_int_equal(p->links.max_rtt_ms, 50);
    assert_int_equal(p->links.prestaged_max_mb, 500);
    assert_int_equal(p->ntlm.account_count, 1);
    assert_int_equal(p->ntlm.servers[0].kind, SELECT_HOST);
    assert_string_equal(p->cloud_names[0], "*.blob.core.windows.net");
    assert_int_equal(p->translator_count, 1);
    struct address translator = at("192.0.2.250"), booting = at("10.1.8.9"), desk = at("10.1.7.9");
    assert_true(policy_translates(p, &translator) && !policy_translates(p, &booting));
    assert_true(policy_boots(p, &booting) && !policy_boots(p, &desk));
    assert_string_equal(p->tls_issuers[0], "Corp Issuing CA 1");
    struct address client = at("198.51.100.7");
    const struct client_group *group = policy_group(p, &client);
    assert_int_equal(group->microsoft_update, 1);
    assert_string_equal(group->fallback[0]->name, "corp");
    (void)policy_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sample_is_read_whole),
        cmocka_unit_test(sample_tells_the_audit),
        cmocka_unit_test(sample_declares_what_packets_cannot_tell),
        cmocka_unit_test(hosts_are_found_by_address_and_name),
        cmocka_unit_test(netbios_names_are_cut_and_never_guessed),
        cmocka_unit_test(domains_lead_to_forests),
        cmocka_unit_test(the_longest_prefix_wins),
        cmocka_unit_test(trusts_have_a_direction_and_a_kind),
        cmocka_unit_test(selectors_select),
        cmocka_unit_test(roles_and_severities_have_names),
        cmocka_unit_test(aliases_of_yaml_and_odd_forms_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
