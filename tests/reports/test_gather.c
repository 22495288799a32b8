/*
 * test_gather.c - hosts, conversations and the time line from observations: who is one, what a
 * posture counts, and what the limits cost.
 */
#include "tests/test.h"

#include "reports/gather.h"
#include "tests/reports/report_scene.h"

#define SECOND INT64_C(1000000000)
#define START (SCENE_START / SECOND * SECOND)

static const char policy_text[] =
    "forests: {corp: {domains: [corp.example]}}\n"
    "zones: {intranet: [10.0.0.0/8]}\n"
    "sites: {P01: {type: primary}}\n"
    "hosts:\n"
    "  two.corp.example:\n"
    "    addresses: [10.0.0.2, 10.0.0.1]\n"
    "    forest: corp\n"
    "    site: P01\n"
    "    roles: [site-server]\n"
    "  mp.corp.example: {addresses: [10.0.0.3], forest: corp, site: P01,\n"
    "    roles: [{management-point: {ports: {https: [4443]}}}]}\n"
    "clients: {desks: {networks: [10.1.0.0/16], forest: corp}}\n";

struct gather_scene {
    struct policy *policy;
    struct audit *audit;
    struct gathering *gathering;
    struct observation_pool *pool;
};

static void begin(struct gather_scene *s)
{
    s->policy = scene_policy(policy_text);
    s->audit = audit_new(s->policy);
    s->gathering = gathering_new(s->policy);
    s->pool = observation_pool_new();
    assert_non_null(s->audit);
    assert_non_null(s->gathering);
    assert_non_null(s->pool);
}

static void finish(struct gather_scene *s)
{
    audit_finish(s->audit);
    gathering_finish(s->gathering, s->audit);
}

static void end(struct gather_scene *s)
{
    gathering_free(s->gathering);
    audit_free(s->audit);
    policy_free(s->policy);
    observation_pool_free(s->pool);
}

static struct observation *message(struct gather_scene *s, enum record record, const char *client,
                                   const char *server, uint16_t port)
{
    struct observation *o = observation_new(s->pool, record);
    assert_non_null(o);
    o->flow.protocol = IP_TCP;
    assert_true(address_parse(client, &o->flow.ends[DIR_CLIENT].address));
    assert_true(address_parse(server, &o->flow.ends[DIR_SERVER].address));
    o->flow.ends[DIR_CLIENT].port = 50000;
    o->flow.ends[DIR_SERVER].port = port;
    return o;
}

static void give(struct gather_scene *s, struct observation *o)
{
    gathering_observe(s->gathering, o);
    observation_release(s->pool, o);
}

static struct observation *flow_of(struct gather_scene *s, const char *client, const char *server,
                                   uint16_t port, int64_t from, int64_t to)
{
    struct observation *o = message(s, RECORD_FLOW, client, server, port);
    observation_num(o, FACT_FLOW_START, (uint64_t)(START + from * SECOND));
    observation_num(o, FACT_FLOW_END, (uint64_t)(START + to * SECOND));
    observation_num(o, FACT_FLOW_BYTES_CLIENT, 10);
    observation_num(o, FACT_FLOW_BYTES_SERVER, 5);
    observation_string(o, FACT_FLOW_STATE, "closed");
    return o;
}

static void add_flow(struct gather_scene *s, const char *client, const char *server,
                     const char *protocol)
{
    struct observation *o = flow_of(s, client, server, 445, 0, 2);
    observation_string(o, FACT_FLOW_PROTOCOL, protocol);
    give(s, o);
}

/* Declared hosts come first, seen or not, and own all their addresses; others follow by address. */
static void hosts_in_order(void **state)
{
    static const struct {
        const char *name, *address;
        uint64_t flows, sent, received;
    } expected[] = {
        {"two.corp.example", "10.0.0.1", 3, 25, 20},
        {"mp.corp.example", "10.0.0.3", 0, 0, 0},
        {NULL, "10.1.0.5", 1, 10, 5},
        {NULL, "192.0.2.1", 1, 5, 10},
        {NULL, "2001:db8::1", 1, 10, 5},
    };
    struct gather_scene s;
    (void)state;
    begin(&s);
    add_flow(&s, "10.0.0.1", "192.0.2.1", "smb");
    add_flow(&s, "2001:db8::1", "10.0.0.2", "smb");
    add_flow(&s, "10.1.0.5", "224.0.0.252", "llmnr"); /* a group of hosts is no host */
    add_flow(&s, "10.0.0.2", "224.0.0.251", "mdns");
    finish(&s);
    size_t count = 0;
    const struct gathered_host *const *hosts = gathering_hosts(s.gathering, &count);
    assert_int_equal(count, COUNT_OF(expected));
    for (size_t i = 0; i < count; i++) {
        char text[ADDRESS_TEXT];
        assert_string_equal(address_format(&hosts[i]->address, text), expected[i].address);
        assert_true((hosts[i]->declared == NULL) == (expected[i].name == NULL));
        assert_int_equal(hosts[i]->flows, expected[i].flows);
        assert_int_equal(hosts[i]->sent, expected[i].sent);
        assert_int_equal(hosts[i]->received, expected[i].received);
    }
    assert_int_equal(hosts[0]->first_ns, START);
    assert_int_equal(hosts[0]->last_ns, START + 2 * SECOND);
    end(&s);
}

static void clients_of_a_group_are_one(void **state)
{
    struct gather_scene s;
    (void)state;
    begin(&s);
    add_flow(&s, "192.0.2.9", "10.0.0.3", "smb");
    add_flow(&s, "10.1.0.5", "10.0.0.3", "smb");
    add_flow(&s, "10.1.0.6", "10.0.0.3", "smb");
    add_flow(&s, "10.1.0.6", "10.0.0.3", "http");
    add_flow(&s, "10.0.0.1", "10.0.0.3", "smb");
    add_flow(&s, "10.0.0.2", "10.0.0.3", "smb"); /* the same host */
    struct observation *o = flow_of(&s, "10.1.0.7", "10.0.0.3", 445, -5, 7);
    observation_string(o, FACT_FLOW_PROTOCOL, "smb");
    observation_replace(o, FACT_FLOW_STATE, "unanswered");
    give(&s, o);
    finish(&s);
    size_t count = 0;
    const struct gathered_conversation *const *all = gathering_conversations(s.gathering, &count);
    assert_int_equal(count, 4);
    assert_string_equal(all[0]->client_host->name, "two.corp.example");
    assert_int_equal(all[0]->flows, 2);
    assert_string_equal(all[1]->client_group->name, "desks");
    assert_string_equal(all[1]->protocol, "http");
    assert_int_equal(all[1]->flows, 1);
    assert_string_equal(all[2]->protocol, "smb");
    assert_int_equal(all[2]->flows, 3);
    assert_int_equal(all[2]->bytes, 45);
    assert_int_equal(all[2]->unanswered, 1);
    assert_int_equal(all[2]->first_ns, START - 5 * SECOND);
    assert_int_equal(all[2]->last_ns, START + 7 * SECOND);
    assert_null(all[3]->client_group);
    assert_null(all[3]->client_host);
    end(&s);
}

static const char *tally_text(const struct tally *t, char *text, size_t size)
{
    int len = 0;
    text[0] = '\0';
    for (unsigned i = 0; i < t->count; i++) {
        len += snprintf(text + len, size - (size_t)len, "%s=%u ", t->rows[i].name,
                        (unsigned)t->rows[i].count);
    }
    return text;
}

static void say(struct gather_scene *s, enum record record, const char *words[])
{
    struct observation *o = message(s, record, "10.1.0.5", "10.0.0.3", 4443);
    for (unsigned i = 0; words[i] != NULL; i += 2) {
        unsigned id = 0;
        while (id < FACT_COUNT && strcmp(fact_rows[id].key, words[i]) != 0) {
            id++;
        }
        assert_true(id < FACT_COUNT);
        if (fact_rows[id].type == FACT_BOOL) {
            observation_bool(o, (enum fact_id)id, strcmp(words[i + 1], "true") == 0);
        } else {
            observation_string(o, (enum fact_id)id, words[i + 1]);
        }
    }
    give(s, o);
}

#define SAY(s, record, ...) say(s, record, (const char *[]){__VA_ARGS__, NULL})

static void posture_of_a_server(void **state)
{
    char text[400];
    struct gather_scene s;
    (void)state;
    begin(&s);
    SAY(&s, RECORD_SMB, "smb.message", "negotiate", "smb.dialect", "3.1.1", "smb.signing.server",
        "required", "smb.signing.client", "none");
    SAY(&s, RECORD_SMB, "smb.message", "negotiate", "smb.dialect", "2.1", "smb.signing.server",
        "enabled");
    SAY(&s, RECORD_SMB, "smb.message", "session_setup", "smb.status", "STATUS_SUCCESS",
        "smb.encrypted", "true");
    SAY(&s, RECORD_SMB, "smb.message", "session_setup", "smb.status", "STATUS_LOGON_FAILURE");
    SAY(&s, RECORD_TLS, "tls.version", "TLS 1.2", "tls.cipher", "TLS_RSA_WITH_AES_128_CBC_SHA");
    SAY(&s, RECORD_LDAP, "ldap.operation", "bind", "ldap.mechanism", "simple", "ldap.protection",
        "none");
    SAY(&s, RECORD_LDAP, "ldap.operation", "search", "ldap.protection", "seal");
    SAY(&s, RECORD_SQL, "sql.message", "prelogin", "sql.encryption.result", "login");
    SAY(&s, RECORD_SQL, "sql.message", "login", "sql.auth", "windows");
    SAY(&s, RECORD_NTLM, "ntlm.variant", "v2");
    SAY(&s, RECORD_KERBEROS, "kerberos.ticket_etype", "rc4-hmac");
    SAY(&s, RECORD_FLOW, "flow.protocol", "tls");
    SAY(&s, RECORD_FLOW, "flow.protocol", "http");
    finish(&s);
    size_t count = 0;
    const struct gathered_host *const *hosts = gathering_hosts(s.gathering, &count);
    assert_int_equal(count, 3);
    const struct posture *p = &hosts[1]->posture, *client = &hosts[2]->posture;
    assert_string_equal(tally_text(&p->smb_dialects, text, sizeof text), "3.1.1=1 2.1=1 ");
    assert_string_equal(tally_text(&p->smb_signing, text, sizeof text), "required=1 enabled=1 ");
    assert_int_equal(p->smb_sessions, 1);
    assert_int_equal(p->smb_encrypted, 1);
    assert_string_equal(tally_text(&p->tls_versions, text, sizeof text), "TLS 1.2=1 ");
    assert_int_equal(p->ldap[LDAP_PLAIN], 1);
    assert_int_equal(p->ldap[LDAP_SEALED], 0);
    assert_int_equal(p->ldap_simple_binds, 1);
    assert_string_equal(tally_text(&p->sql_encryption, text, sizeof text), "login=1 ");
    assert_string_equal(tally_text(&p->sql_logins, text, sizeof text), "windows=1 ");
    assert_int_equal(p->ntlm[DIR_SERVER], 1);
    assert_int_equal(p->ntlm[DIR_CLIENT], 0);
    assert_int_equal(client->ntlm[DIR_CLIENT], 1);
    assert_string_equal(tally_text(&client->kerberos_etypes, text, sizeof text), "rc4-hmac=1 ");
    assert_int_equal(client->smb_dialects.count, 0);
    assert_int_equal(p->http_clear, 1);
    assert_int_equal(p->http_tls, 1);
    end(&s);
}

static void present(struct gather_scene *s, uint8_t number)
{
    uint8_t digest[32] = {number};
    struct observation *o = message(s, RECORD_TLS, "10.1.0.5", "10.0.0.3", 443);
    observation_format(o, FACT_TLS_CIPHER, "0x%04x", number);
    observation_format(o, FACT_TLS_CERTIFICATE_SUBJECT, "CN=%u", number);
    observation_hex(o, FACT_TLS_CERTIFICATE_SHA256, bytes_of(digest, sizeof digest));
    give(s, o);
}

static void limits_of_a_host(void **state)
{
    struct gather_scene s;
    (void)state;
    begin(&s);
    for (unsigned round = 0; round < 2; round++) {
        for (uint8_t i = 0; i < 30; i++) {
            present(&s, i);
        }
    }
    finish(&s);
    size_t count = 0;
    const struct posture *p = &gathering_hosts(s.gathering, &count)[1]->posture;
    assert_int_equal(p->tls_ciphers.count, LIMIT_GATHERED_NAMES);
    assert_int_equal(p->tls_ciphers.rows[LIMIT_GATHERED_NAMES - 1].count, 2);
    assert_int_equal(p->certificate_count, LIMIT_GATHERED_CERTIFICATES);
    assert_string_equal(p->certificates[7].subject, "CN=7");
    assert_null(p->certificates[7].issuer);
    assert_int_equal(gathering_counts(s.gathering)->details_shed,
                     2 * (30 - LIMIT_GATHERED_NAMES) + 2 * (30 - LIMIT_GATHERED_CERTIFICATES));
    end(&s);
}

/* A scan of the internet: the first are kept, declared hosts always are. */
static void limits_of_all(void **state)
{
    struct gather_scene s;
    (void)state;
    begin(&s);
    for (uint32_t i = 0; i < LIMIT_GATHERED_CONVERSATIONS + 100; i++) {
        char address[ADDRESS_TEXT];
        (void)snprintf(address, sizeof address, "172.16.%u.%u", i >> 8 & 255, i & 255);
        struct observation *o = flow_of(&s, address, "10.0.0.3", (uint16_t)(1 + (i >> 16)), 0, 0);
        give(&s, o);
    }
    finish(&s);
    const struct gathering_counts *counts = gathering_counts(s.gathering);
    size_t hosts = 0, conversations = 0;
    const struct gathered_host *const *all = gathering_hosts(s.gathering, &hosts);
    (void)gathering_conversations(s.gathering, &conversations);
    assert_int_equal(hosts, 2 + LIMIT_GATHERED_HOSTS);
    assert_int_equal(conversations, LIMIT_GATHERED_CONVERSATIONS);
    assert_int_equal(counts->conversations_shed, 100);
    /* The last hundred are the first hundred again. */
    assert_int_equal(counts->hosts_shed, LIMIT_GATHERED_CONVERSATIONS - LIMIT_GATHERED_HOSTS);
    assert_int_equal(all[1]->flows, LIMIT_GATHERED_CONVERSATIONS + 100);
    end(&s);
}

static void add_protocol(struct gather_scene *s, const char *protocol, int64_t from, int64_t to)
{
    struct observation *o = flow_of(s, "10.1.0.5", "10.0.0.3", 445, from, to);
    observation_string(o, FACT_FLOW_PROTOCOL, protocol);
    give(s, o);
}

static void time_line(void **state)
{
    struct gather_scene s;
    (void)state;
    begin(&s);
    add_protocol(&s, "smb", 100, 102);
    const struct traffic *t = gathering_traffic(s.gathering);
    assert_int_equal(t->seconds, 1);
    assert_int_equal(t->buckets, 3);
    assert_int_equal(t->counts[0][0].flows, 1);
    assert_int_equal(t->counts[0][1].flows, 0);
    assert_int_equal(t->counts[0][0].bytes + t->counts[0][1].bytes + t->counts[0][2].bytes, 15);
    add_protocol(&s, "tls", 0, 0); /* flows come when they end: the line grows in front, too */
    assert_int_equal(t->first, START / SECOND);
    assert_int_equal(t->buckets, 103);
    assert_int_equal(t->counts[0][100].flows, 1);
    add_protocol(&s, "tls", 0, 1200);
    assert_int_equal(t->seconds, 10);
    assert_int_equal(t->counts[1][0].flows, 2);
    uint64_t bytes = 0;
    for (unsigned b = 0; b < t->buckets; b++) {
        bytes += t->counts[0][b].bytes + t->counts[1][b].bytes;
    }
    assert_int_equal(bytes, 45);
    finish(&s);
    end(&s);
}

/* Clocks that lie, from the first moment that 64 bits of ns can tell to the last. */
static void time_line_of_all_time(void **state)
{
    static const int64_t times[][2] = {
        {INT64_MAX, INT64_MAX}, {INT64_MIN, INT64_MAX}, {0, INT64_MIN}, {-1, 0}};
    struct gather_scene s;
    (void)state;
    begin(&s);
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        struct observation *o = message(&s, RECORD_FLOW, "10.1.0.5", "10.0.0.3", 445);
        observation_num(o, FACT_FLOW_START, (uint64_t)times[i][0]);
        observation_num(o, FACT_FLOW_END, (uint64_t)times[i][1]);
        observation_num(o, FACT_FLOW_BYTES_CLIENT, 1000);
        give(&s, o);
    }
    const struct traffic *t = gathering_traffic(s.gathering);
    uint64_t flows = 0, bytes = 0;
    for (unsigned b = 0; b < t->buckets; b++) {
        flows += t->counts[0][b].flows;
        bytes += t->counts[0][b].bytes;
    }
    assert_true(t->buckets <= LIMIT_TRAFFIC_BUCKETS);
    assert_int_equal(flows, 4);
    assert_int_equal(bytes, 4000);
    finish(&s);
    end(&s);
}

static void protocols_past_the_limit_are_others(void **state)
{
    struct gather_scene s;
    (void)state;
    begin(&s);
    for (unsigned i = 0; i < LIMIT_TRAFFIC_PROTOCOLS + 5; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "p%u", i);
        add_protocol(&s, name, 0, 0);
    }
    const struct traffic *t = gathering_traffic(s.gathering);
    assert_int_equal(t->protocol_count, LIMIT_TRAFFIC_PROTOCOLS);
    assert_string_equal(t->protocols[LIMIT_TRAFFIC_PROTOCOLS - 1], "other");
    assert_int_equal(t->counts[LIMIT_TRAFFIC_PROTOCOLS - 1][0].flows, 6);
    finish(&s);
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_in_order),
        cmocka_unit_test(clients_of_a_group_are_one),
        cmocka_unit_test(posture_of_a_server),
        cmocka_unit_test(limits_of_a_host),
        cmocka_unit_test(limits_of_all),
        cmocka_unit_test(time_line),
        cmocka_unit_test(time_line_of_all_time),
        cmocka_unit_test(protocols_past_the_limit_are_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
