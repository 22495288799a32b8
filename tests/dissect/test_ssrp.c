/*
 * SSRP: what is asked of a SQL Server Browser, and the instances that it names.
 */
#include "tests/dissect/test_dns_messages.h"

static const struct play_options OPTIONS = {.udp = true, .port = 1434, .records_only = true};

static void say_text(struct talk *t, enum dir dir, const char *octets, size_t len)
{
    struct built b = {.len = 0};
    put(&b, octets, len);
    say(t, dir, b);
}

/* [MC-SQLR] 2.2.5 */
static void say_list(struct talk *t, const char *list)
{
    struct built b = {.len = 0};
    put_be(&b, 5, 1);
    put_le(&b, strlen(list), 2);
    put(&b, list, strlen(list));
    say(t, DIR_SERVER, b);
}

#define FIRST "ServerName;CM01;InstanceName;INST1;IsClustered;No;Version;15.0.2000.5;tcp;50123;;"
#define SECOND                                                                                     \
    "ServerName;CM01;InstanceName;MSSQLSERVER;IsClustered;No;Version;15.0.4153.1;"                 \
    "np;\\\\CM01\\pipe\\sql\\query;tcp;1433;;"

static void all(struct talk *t)
{
    say_text(t, DIR_CLIENT, "\3", 1);
    say_list(t, FIRST SECOND);
}
static void one(struct talk *t)
{
    say_text(t, DIR_CLIENT, "\4INST1", 7);
    say_list(t, FIRST);
}
static void administrator(struct talk *t)
{
    say_text(t, DIR_CLIENT, "\17\1INST1", 8);
    say_text(t, DIR_SERVER, "\5\6\0\1\xcb\xc3", 6);
}
static void unanswered(struct talk *t)
{
    say_text(t, DIR_CLIENT, "\2", 1);
    say_text(t, DIR_CLIENT, "\4INST2", 6);
}
static void broken_off(struct talk *t)
{
    say_list(t, "ServerName;CM01;InstanceName;INST1;Version;15.0;tc");
}
static void nothing(struct talk *t)
{
    say_text(t, DIR_CLIENT, "\3", 1);
    say_list(t, ";;;;");
}

static void test_what_is_stated(void **state)
{
    (void)state;
    static const struct logon_case rows[] = {
        {"all", all,
         "sql @2 server sql.message=ssrp sql.request=all "
         "sql.instances=INST1 tcp 50123 version 15.0.2000.5 sql.instances=MSSQLSERVER tcp 1433 "
         "np \\\\CM01\\pipe\\sql\\query version 15.0.4153.1\n"},
        {"one", one,
         "sql @2 server sql.message=ssrp sql.request=instance INST1 "
         "sql.instances=INST1 tcp 50123 version 15.0.2000.5\n"},
        {"administrator", administrator,
         "sql @2 server sql.message=ssrp sql.request=dac INST1 sql.instances=dac tcp 50123\n"},
        {"unanswered", unanswered,
         "sql @2 client sql.message=ssrp sql.request=broadcast\n"
         "sql @2 client sql.message=ssrp sql.request=instance INST2\n"},
        {"broken off", broken_off,
         "sql @1 server sql.message=ssrp sql.instances=INST1 version 15.0\n"},
        {"nothing", nothing, "sql @2 server sql.message=ssrp sql.request=all\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_logon(&rows[i], &OPTIONS);
    }
}

static void test_probe(void **state)
{
    (void)state;
    static const struct {
        const char *octets;
        size_t len;
        enum probe seen;
    } rows[] = {
        {"\2", 1, PROBE_CLIENT},
        {"\3", 1, PROBE_CLIENT},
        {"\4A", 3, PROBE_CLIENT},
        {"\17\1A", 4, PROBE_CLIENT},
        {"\5\1\0A", 4, PROBE_SERVER},
        {"\5\6\0\1\0\0", 6, PROBE_SERVER},
        {"\5\6\0\2\0\0", 6, PROBE_NO},
        {"\2\2", 2, PROBE_NO},
        {"\5\2\0A", 4, PROBE_NO},
        {"\4", 1, PROBE_NO},
        {"\1", 1, PROBE_NO},
        {"\5\0", 2, PROBE_NO},
        {"", 0, PROBE_NO},
        {"\4ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJ", 37, PROBE_NO},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (ssrp_dissector.probe(bytes_of(rows[i].octets, rows[i].len)) != rows[i].seen) {
            fail_msg("row %zu", i);
        }
    }
}

static void test_sweeps(void **state)
{
    (void)state;
    sweep_datagrams(all, 1434);
    sweep_datagrams(administrator, 1434);
    sweep_datagrams(broken_off, 1434);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_stated),
        cmocka_unit_test(test_probe),
        cmocka_unit_test(test_sweeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
