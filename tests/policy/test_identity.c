/*
 * test_identity.c - names that the capture gives to addresses: who says so, and what is no name.
 */
#include "capture/limits.h"
#include "policy/identity.h"
#include "tests/policy/rule_play.h"
#include "tests/test.h"

#define STEPS 4

static void observe(void *user, const struct observation *o)
{
    identity_observe(user, o);
}

struct listing {
    char text[600];
    size_t at;
};

static void list(void *user, const struct identity_entry *entry)
{
    struct listing *l = user;
    char address[ADDRESS_TEXT];
    for (const struct learned_name *n = entry->names; n != NULL; n = n->next) {
        l->at += (size_t)snprintf(l->text + l->at, sizeof l->text - l->at, "%s%s %s by %s",
                                  l->at == 0 ? "" : "; ", address_format(&entry->address, address),
                                  n->name, name_source_text(n->source));
        assert_true(l->at < sizeof l->text);
    }
}

static void names(void **state)
{
    static const struct {
        const char *label, *steps[STEPS], *names;
    } cases[] = {
        {"DNS, whole names before short ones",
         {"dns 10.1.0.5 > 10.0.0.2:53 | dns.kind=dns | dns.addresses=pc7 10.7.0.1",
          "dns 10.1.0.5 > 10.0.0.2:53 | dns.kind=dns | dns.addresses=PC7.corp.example. 10.7.0.1"},
         "10.7.0.1 pc7.corp.example by DNS; 10.7.0.1 pc7 by DNS"},
        {"known again, and what only begins alike",
         {"dns 10.1.0.5 > 10.0.0.2:53 | dns.kind=dns | dns.addresses=pc7 10.7.0.1",
          "dns 10.1.0.5 > 10.0.0.2:53 | dns.kind=dns | dns.addresses=PC7. 10.7.0.1",
          "dns 10.1.0.5 > 10.0.0.2:53 | dns.kind=dns | dns.addresses=pc 10.7.0.1"},
         "10.7.0.1 pc7 by DNS; 10.7.0.1 pc by DNS"},
        {"what is no host's name",
         {"dns 10.1.0.5 > 10.0.0.2:53 | dns.kind=dns | dns.addresses=_ldap._tcp.x 10.7.0.1",
          "dns 10.1.0.5 > 10.0.0.2:53 | dns.kind=dns | dns.addresses=a b.example 10.7.0.1",
          "dns 10.1.0.5 > 10.0.0.2:53 | dns.kind=dns | dns.addresses=10.7.0.1 10.7.0.1",
          "dns 10.1.0.5 > 10.0.0.2:53 | dns.kind=dns | dns.addresses=group.example 224.0.0.1"},
         ""},
        {"NetBIOS: hosts, no groups",
         {"dns 10.1.0.5 > 10.0.0.2:137 | dns.kind=nbns | dns.addresses=PC7<20> 10.7.0.1",
          "dns 10.1.0.5 > 10.0.0.2:137 | dns.kind=nbns | dns.addresses=CORP<1b> 10.7.0.2"},
         "10.7.0.1 pc7 by NetBIOS"},
        {"DHCP, by what is asked for",
         {"dhcp 10.0.0.9 udp> 10.0.0.2:67 | dhcp.message=REQUEST | dhcp.requested_ip=10.7.0.1 | "
          "dhcp.host_name=pc7",
          "dhcp 10.0.0.9 udp> 10.0.0.2:67 | dhcp.message=DISCOVER | dhcp.requested_ip=10.7.0.2 | "
          "dhcp.host_name=pc8"},
         "10.7.0.1 pc7 by DHCP"},
        {"NTLM: both ends",
         {"ntlm 10.7.0.1 > 10.7.0.2:445 | ntlm.workstation=PC7 | "
          "ntlm.server_dns_name=cm.corp.example"},
         "10.7.0.1 pc7 by NTLM; 10.7.0.2 cm.corp.example by NTLM"},
        {"Kerberos: a ticket that was taken, and a machine's own",
         {"kerberos 10.7.0.9 > 10.7.0.1:445 | kerberos.exchange=ap | "
          "kerberos.service=cifs/dp.corp.example | kerberos.result=success",
          "kerberos 10.7.0.9 > 10.7.0.2:445 | kerberos.exchange=ap | "
          "kerberos.service=cifs/dp2.corp.example | kerberos.result=unknown",
          "kerberos 10.7.0.3 > 10.0.0.2:88 | kerberos.exchange=as | kerberos.client=PC7$ | "
          "kerberos.realm=CORP.EXAMPLE",
          "kerberos 10.7.0.4 > 10.0.0.2:88 | kerberos.exchange=as | kerberos.client=PC8$ | "
          "kerberos.realm=CORP.EXAMPLE | kerberos.error=KDC_ERR_PREAUTH_REQUIRED"},
         "10.7.0.1 dp.corp.example by Kerberos; 10.7.0.3 pc7.corp.example by Kerberos"},
        {"certificates of one name",
         {"tls 10.7.0.1 > 10.7.0.2:443 | tls.certificate.san=dns:mp.corp.example",
          "tls 10.7.0.1 > 10.7.0.3:443 | tls.certificate.san=dns:a.example | "
          "tls.certificate.san=dns:b.example",
          "tls 10.7.0.1 > 10.7.0.4:443 | tls.certificate.san=dns:*.example"},
         "10.7.0.2 mp.corp.example by a certificate"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct rule_play p;
        struct listing l = {.at = 0};
        struct identity *id = identity_new();
        assert_non_null(id);
        rule_play_begin(&p, NULL);
        p.also = observe;
        p.also_user = id;
        for (size_t s = 0; s < STEPS && cases[i].steps[s] != NULL; s++) {
            rule_play_say(&p, cases[i].steps[s]);
        }
        identity_walk(id, list, &l);
        if (strcmp(l.text, cases[i].names) != 0) {
            print_error("%s: %s\n", cases[i].label, l.text);
        }
        assert_string_equal(l.text, cases[i].names);
        rule_play_end(&p);
        identity_free(id);
    }
}

static void conflicts(void **state)
{
    static const struct {
        const char *step, *named, *declared;
    } cases[] = {
        {"ntlm 10.1.0.5 > 10.7.0.1:445 | ntlm.server_dns_name=mp01.corp.example",
         "mp01.corp.example", NULL},
        {"ntlm 10.1.0.5 > 10.0.0.30:445 | ntlm.server_dns_name=mp01.corp.example",
         "mp01.corp.example", "dp01.corp.example"},
        {"ntlm 10.1.0.5 > 10.0.0.20:445 | ntlm.server_dns_name=MP01.corp.example", NULL, NULL},
        {"ntlm 10.1.0.5 > 10.0.0.20:445 | ntlm.server_dns_name=mp.corp.example", NULL, NULL},
        {"ntlm 10.1.0.5 > 10.7.0.1:445 | ntlm.server_dns_name=other.corp.example", NULL, NULL},
        {"ntlm 10.1.0.5 > 10.7.0.1:445 | ntlm.server_name=MP01", NULL, NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct rule_play p;
        struct address a;
        struct identity_conflict c = {0};
        struct identity *id = identity_new();
        rule_play_begin(&p, NULL);
        p.also = observe;
        p.also_user = id;
        rule_play_say(&p, cases[i].step);
        assert_true(address_parse(strstr(cases[i].step, "10.7.0.1:") != NULL    ? "10.7.0.1"
                                  : strstr(cases[i].step, "10.0.0.20:") != NULL ? "10.0.0.20"
                                                                                : "10.0.0.30",
                                  &a));
        assert_int_equal(identity_conflict(id, p.policy, &a, NAMED_BY_ANY, &c),
                         cases[i].named != NULL);
        assert_false(identity_conflict(id, p.policy, &a, NAMED_BY_NO_RELAY, &c));
        if (cases[i].named != NULL) {
            assert_string_equal(c.named->name, cases[i].named);
            assert_string_equal(c.declared == NULL ? "" : c.declared->name,
                                cases[i].declared == NULL ? "" : cases[i].declared);
        }
        rule_play_end(&p);
        identity_free(id);
    }
}

static void names_of_one_address_are_limited(void **state)
{
    struct rule_play p;
    struct identity *id = identity_new();
    (void)state;
    rule_play_begin(&p, NULL);
    p.also = observe;
    p.also_user = id;
    for (unsigned i = 0; i < LIMIT_LEARNED_NAMES + 3; i++) {
        char line[120];
        (void)snprintf(line, sizeof line,
                       "dns 10.1.0.5 > 10.0.0.2:53 | dns.kind=dns | dns.addresses=n%u.example "
                       "10.7.0.1",
                       i);
        rule_play_say(&p, line);
        rule_play_say(&p, line);
    }
    assert_int_equal(identity_learned(id), LIMIT_LEARNED_NAMES);
    assert_int_equal(identity_shed(id), 6);
    rule_play_end(&p);
    identity_free(id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(conflicts),
        cmocka_unit_test(names_of_one_address_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
