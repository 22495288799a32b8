/*
 * test_matrix.c - every row of the matrix allows what it says, and only that; the reverse; the
 * policy's own lines.
 */
#include "capture/decode.h"
#include "policy/matrix.h"
#include "tests/policy/rule_play.h"
#include "tests/test.h"

/* ---- two ends made to order ---- */

struct made_end {
    struct role_instance role;
    struct site site;
    struct host host;
    struct client_group group;
    struct zone zone;
    struct party party;
};

/* A party that is one of these ends and nothing else: the lowest role, or what stands for no role.
 */
static void make_end(struct made_end *e, role_set ends, const char *site)
{
    memset(e, 0, sizeof *e);
    e->zone.name = "intranet";
    e->site.code = site;
    e->host = (struct host){
        .name = "host.example", .short_name = "host", .roles = &e->role, .site = &e->site};
    e->party = (struct party){.known = true, .zone = &e->zone};
    for (unsigned i = 0; i < ROLE_COUNT && e->host.role_count == 0; i++) {
        if ((ends & ROLE_BIT(i)) != 0) {
            e->role.role = (enum role)i;
            e->host.role_count = 1;
        }
    }
    if (e->host.role_count == 0 && (ends & (MATRIX_SITE_SYSTEM | MATRIX_INTERNET_FACING)) != 0) {
        e->role.role = ROLE_DATA_WAREHOUSE_POINT;
        e->role.serves_internet = (ends & MATRIX_INTERNET_FACING) != 0;
        e->host.role_count = 1;
    }
    if (e->host.role_count == 1) {
        e->host.role_bits = ROLE_BIT(e->role.role);
        e->party.host = &e->host;
    } else if ((ends & MATRIX_INTERNET) != 0) {
        e->zone.name = "internet";
    } else {
        e->group.name = "clients";
        e->party.group = &e->group;
    }
}

/* Both ends of a row, at sites that it asks for. */
static void make_ends(const struct matrix_row *row, struct made_end *from, struct made_end *to)
{
    make_end(from, row->from, "P01");
    make_end(to, row->to, "P02");
    if (row->sites == MATRIX_SAME_SITE) {
        to->host.site = from->host.site;
    } else if (row->sites == MATRIX_PARENT_CHILD) {
        to->site.parent = &from->site;
    }
}

static const char *protocol_of(enum matrix_class of)
{
    static const char *const names[] = {
        [MATRIX_HTTP] = "http",    [MATRIX_HTTPS] = "tls",         [MATRIX_HTTP_OR_HTTPS] = "http",
        [MATRIX_SMB] = "smb",      [MATRIX_RPC] = "dcerpc",        [MATRIX_SQL] = "tds",
        [MATRIX_LDAP] = "ldap",    [MATRIX_KERBEROS] = "kerberos", [MATRIX_MIXED] = "dcerpc",
        [MATRIX_OTHER] = "unknown"};
    return names[of];
}

static struct connection connection(const struct matrix_row *row, struct made_end *from,
                                    struct made_end *to, uint16_t port)
{
    to->party.port = port;
    from->party.port = 50000;
    return (struct connection){.client = &from->party,
                               .server = &to->party,
                               .transport = (row->transports & MATRIX_TCP) != 0 ? IP_TCP : IP_UDP,
                               .protocol = protocol_of((enum matrix_class)row->of)};
}

/* ---- the rows ---- */

static void check_row(const struct policy *p, const struct matrix_row *row)
{
    struct made_end from, to;
    bool one_way = row->direction == MATRIX_ONE_WAY && (row->from & row->to) == 0;
    for (unsigned i = 0; i < MATRIX_PORTS && row->ports[i].first != 0; i++) {
        make_ends(row, &from, &to);
        struct connection there = connection(row, &from, &to, row->ports[i].last);
        struct connection back = connection(row, &to, &from, row->ports[i].first);
        bool fine = true;
        to.party.port = row->ports[i].last;
        from.party.port = 50000;
        fine &= matrix_row_allows(row, &there) && !matrix_row_reverses(row, &there) &&
                matrix_ask(p, &there).allows != NULL;
        to.party.port = 50000;
        from.party.port = row->ports[i].first;
        if (one_way && from.party.host != NULL && to.party.host != NULL) {
            fine &= matrix_row_reverses(row, &back) && !matrix_row_allows(row, &back);
        } else if (row->direction == MATRIX_BOTH_WAYS) {
            fine &= matrix_row_allows(row, &back) && !matrix_row_reverses(row, &back);
        }
        if (!fine) {
            fail_msg("%s port %u", row->id, row->ports[i].first);
        }
    }
}

static void every_row(void **state)
{
    (void)state;
    struct rule_play play;
    rule_play_begin(&play, NULL);
    const struct matrix_table *t = play.policy->matrix_table;
    assert_int_equal(t->count, 179);
    for (unsigned i = 0; i < t->count; i++) {
        const struct matrix_row *row = &t->rows[i];
        unsigned number = 0;
        assert_int_equal(sscanf(row->id, "M%u", &number), 1);
        assert_int_equal(number, i + 1);
        assert_true(row->from != 0 && row->to != 0 && row->ports[0].first != 0);
        check_row(play.policy, row);
    }
    rule_play_end(&play);
}

static void nothing_else(void **state)
{
    (void)state;
    struct rule_play play;
    rule_play_begin(&play, NULL);
    const struct matrix_table *t = play.policy->matrix_table;
    for (unsigned i = 0; i < t->count; i++) {
        const struct matrix_row *row = &t->rows[i];
        struct made_end from, to, stranger;
        make_ends(row, &from, &to);
        struct connection c = connection(row, &from, &to, row->ports[0].first);
        assert_true(matrix_row_allows(row, &c));
        to.party.port = 7; /* no row has it */
        assert_false(matrix_row_allows(row, &c));
        to.party.port = row->ports[0].first;
        c.transport = 47;
        assert_false(matrix_row_allows(row, &c));
        c.transport = (row->transports & MATRIX_TCP) != 0 ? IP_TCP : IP_UDP;
        c.protocol = "mysql";
        assert_true(matrix_row_allows(row, &c) ==
                    (row->of == MATRIX_OTHER || row->of == MATRIX_MIXED));
        c.protocol = "unknown";
        assert_true(matrix_row_allows(row, &c));
        make_end(&stranger, 0, "P01");
        stranger.party.group = NULL;
        c.client = &stranger.party;
        assert_false(matrix_row_allows(row, &c) || matrix_row_reverses(row, &c));
    }
    rule_play_end(&play);
}

/* ---- what depends on sites, ports, settings ---- */

struct question {
    const char *label, *client, *server;
    uint16_t port;
    uint8_t transport;
    const char *protocol, *allows, *reversed; /* row ids; "": none */
};

static struct party party_at(const struct policy *p, const char *address, uint16_t port)
{
    struct party party = {.known = true, .port = port};
    assert_true(address_parse(address, &party.address));
    party.host = policy_host(p, &party.address);
    party.group = party.host != NULL ? NULL : policy_group(p, &party.address);
    party.zone = policy_zone(p, &party.address);
    return party;
}

static void check_question(const struct policy *p, const struct question *q)
{
    struct party client = party_at(p, q->client, 50000), server = party_at(p, q->server, q->port);
    struct connection c = {
        .client = &client, .server = &server, .transport = q->transport, .protocol = q->protocol};
    struct matrix_answer answer = matrix_ask(p, &c);
    const char *allows = answer.allows == NULL ? "" : answer.allows->id;
    const char *reversed = answer.reversed == NULL ? "" : answer.reversed->id;
    if (strcmp(allows, q->allows) != 0 || strcmp(reversed, q->reversed) != 0) {
        fail_msg("%s: allowed by '%s', reversed by '%s'", q->label, allows, reversed);
    }
}

static void in_a_hierarchy(void **state)
{
    static const struct question questions[] = {
        {"child to parent", "10.0.0.12", "10.0.0.10", 445, IP_TCP, "smb", "M142", ""},
        {"parent to child", "10.0.0.10", "10.0.0.12", 445, IP_TCP, "smb", "M142", ""},
        {"primary to central", "10.0.0.10", "10.0.0.9", 445, IP_TCP, "smb", "M142", ""},
        {"siblings", "10.0.0.10", "10.0.0.11", 445, IP_TCP, "smb", "", ""},
        {"grandparent by RPC", "10.0.0.9", "10.0.0.12", 135, IP_TCP, "dcerpc", "", ""},
        {"another hierarchy", "10.0.0.10", "10.0.0.19", 135, IP_TCP, "dcerpc", "M177", ""},
        {"a declared alternate port", "10.1.0.5", "10.0.0.20", 8443, IP_TCP, "tls", "M002", ""},
        {"not declared at this one", "10.1.0.5", "10.0.0.21", 8443, IP_TCP, "tls", "", ""},
        {"a declared database port", "10.0.0.20", "10.0.0.13", 51433, IP_TCP, "tds", "M059", ""},
        {"and in reverse", "10.0.0.13", "10.0.0.20", 51433, IP_TCP, "tds", "", "M059"},
        {"encrypted from the start", "10.0.0.20", "10.0.0.13", 1433, IP_TCP, "tls", "M059", ""},
        {"WSUS", "10.1.0.5", "10.0.0.40", 8530, IP_TCP, "http", "M016", ""},
        {"WSUS API from the database", "10.0.0.40", "10.0.0.10", 8530, IP_TCP, "http", "M133", ""},
        {"a perimeter management point", "192.0.2.20", "10.0.0.10", 445, IP_TCP, "smb", "M056", ""},
        {"a perimeter distribution point may", "192.0.2.21", "10.0.0.10", 445, IP_TCP, "smb",
         "M175", ""},
        {"consoles", "10.9.0.5", "10.0.0.14", 443, IP_TCP, "tls", "M164", ""},
        {"clients are no consoles", "10.1.0.5", "10.0.0.14", 443, IP_TCP, "tls", "", ""},
        {"a site server is a client too", "10.0.0.10", "203.0.113.9", 443, IP_TCP, "tls", "M037",
         ""},
        {"an unknown address inside", "10.0.0.10", "10.7.7.7", 443, IP_TCP, "tls", "", ""},
        {"Kerberos of a site system", "10.0.0.30", "10.0.0.2", 88, IP_UDP, "kerberos", "M033", ""},
        {"RPC on a dynamic port", "10.0.0.20", "10.0.0.10", 50001, IP_TCP, "dcerpc", "M058", ""},
        {"DHCP's answer", "10.0.0.30", "10.1.0.5", 68, IP_UDP, "dhcp", "M009", ""},
        {"TFTP's answer, from and to any port", "10.0.0.30", "10.1.0.5", 2070, IP_UDP, "tftp",
         "M010", ""},
        {"not to a low one", "10.0.0.30", "10.1.0.5", 500, IP_UDP, "unknown", "", ""},
        {"a database is no dynamic port", "10.0.0.20", "10.0.0.10", 1433, IP_TCP, "tds", "", ""},
    };
    struct rule_play play;
    (void)state;
    rule_play_begin(&play, NULL);
    for (size_t i = 0; i < COUNT_OF(questions); i++) {
        check_question(play.policy, &questions[i]);
    }
    rule_play_end(&play);
}

static void site_server_initiates(void **state)
{
    struct rule_play play;
    struct made_end from, to;
    (void)state;
    rule_play_begin(&play, NULL);
    const struct matrix_row *row = &play.policy->matrix_table->rows[174];
    assert_string_equal(row->id, "M175");
    make_ends(row, &from, &to);
    struct connection c = connection(row, &from, &to, 445);
    assert_true(matrix_row_allows(row, &c));
    from.host.site_server_initiates = true;
    assert_false(matrix_row_allows(row, &c));
    rule_play_end(&play);
}

static void exceptions(void **state)
{
    static const struct {
        const char *client, *server, *protocol, *reason; /* NULL: no line fits */
    } cases[] = {
        {"10.0.0.4", "10.0.0.13", "smb", "first"},  {"10.0.0.4", "10.0.0.13", "tds", NULL},
        {"10.1.0.5", "10.0.0.20", "tls", "second"}, {"10.2.0.5", "10.0.0.20", "tls", "third"},
        {"10.2.0.5", "10.0.0.20", "http", "third"}, {"10.2.0.5", "10.0.0.20", NULL, "third"},
        {"10.1.0.5", "10.0.0.20", NULL, NULL},      {"10.9.0.5", "10.0.0.13", "tds", "fourth"},
        {"10.8.0.5", "10.0.0.13", "tds", "fifth"},  {"10.7.7.7", "10.0.0.13", "tds", NULL},
    };
    struct rule_play play;
    (void)state;
    rule_play_begin(
        &play,
        "\nmatrix:\n"
        "  - allow: {from: fs01.corp.example, to: site-database, over: [smb], reason: first}\n"
        "  - allow: {from: hq, to: mp01.corp.example, over: [https], reason: second}\n"
        "  - deny: {from: clients, to: management-point, reason: third}\n"
        "  - allow: {from: administrators, to: site-database, reason: fourth}\n"
        "  - allow: {from: 10.8.0.0/16, to: intranet, reason: fifth}\n");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct party client = party_at(play.policy, cases[i].client, 50000);
        struct party server = party_at(play.policy, cases[i].server, 443);
        struct connection c = {.client = &client,
                               .server = &server,
                               .transport = IP_TCP,
                               .protocol = cases[i].protocol};
        /* hq is in clients too: without its protocol the third line is what is left. */
        bool left = cases[i].protocol == NULL && cases[i].reason == NULL;
        const struct matrix_exception *e = matrix_exception_of(play.policy, &c);
        assert_string_equal(e == NULL ? "none" : e->reason, left ? "third"
                                                            : cases[i].reason == NULL
                                                                ? "none"
                                                                : cases[i].reason);
    }
    rule_play_end(&play);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row),      cmocka_unit_test(nothing_else),
        cmocka_unit_test(in_a_hierarchy), cmocka_unit_test(site_server_initiates),
        cmocka_unit_test(exceptions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
