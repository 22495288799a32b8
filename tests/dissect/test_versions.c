/*
 * Protocols of which little more than the version is read: SSH, SNMP, QUIC.
 */
#include "tests/dissect/test_octets.h"

static const struct play_options STREAM = {.records_only = true},
                                 DATAGRAMS = {.udp = true, .records_only = true};

static void ssh(struct talk *t)
{
    say_words(t, DIR_SERVER, "'SSH-2.0-OpenSSH_9.3p1 Debian-1' 0d0a");
    say_words(t, DIR_CLIENT, "'SSH-2.0-PuTTY_Release_0.78' 0d0a");
    say_words(t, DIR_CLIENT, "000000fc 0a 14 00*16 00000012 'curve25519-sha256,'");
}
static void ssh_old(struct talk *t)
{
    say_words(t, DIR_SERVER, "'SSH-1.99-Cisco-1.25' 0a");
}
static void ssh_joined(struct talk *t)
{
    say_words(t, DIR_CLIENT, "000000fc 0a 14 00*16 00000012 'curve25519-sha256,'");
}
static void ssh_endless(struct talk *t)
{
    say_words(t, DIR_SERVER, "'SSH-2.0-' 41*300");
}

static void test_ssh(void **state)
{
    static const struct logon_case rows[] = {
        {"both", ssh,
         "ssh @2 client ssh.version.client=2.0 ssh.version.server=2.0 "
         "ssh.software.client=PuTTY_Release_0.78 ssh.software.server=OpenSSH_9.3p1 Debian-1\n"},
        {"server alone", ssh_old,
         "ssh @1 server ssh.version.server=1.99 ssh.software.server=Cisco-1.25\n"},
        {"joined later", ssh_joined, ""},
        {"no end of the line", ssh_endless, ""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_logon(&rows[i], &STREAM);
    }
    sweep(ssh);
}

static void snmp_v1(struct talk *t)
{
    say_words(t, DIR_CLIENT, "3018 020100 0404 'open' a00d 020101 020100 020100 3002 3000");
}
static void snmp_v3(struct talk *t)
{
    say_words(t, DIR_CLIENT, "301a 020103 300d 020101 020205c0 0401 04 020103 0402 3000 3002 0400");
}
static void quic(struct talk *t)
{
    say_words(t, DIR_CLIENT, "c3 1a2a3a4a 08 0011223344556677 00 00 4496 00*20");
}
static void quic_negotiated(struct talk *t)
{
    say_words(t, DIR_SERVER, "80 00000000 00 08 0011223344556677 00000001 6b3343cf");
    say_words(t, DIR_CLIENT, "d3 6b3343cf 08 0011223344556677 00 00 4496 00*20");
}
static void quic_google(struct talk *t)
{
    say_words(t, DIR_CLIENT, "0d 0011223344556677 'Q043' 01 00*20");
}

static void test_datagrams(void **state)
{
    static const struct logon_case rows[] = {
        {"snmp with a community", snmp_v1, "snmp @1 client snmp.version=v1\n"},
        {"snmp with users", snmp_v3, "snmp @1 client snmp.version=v3\n"},
        {"quic of a version to be refused", quic, "quic @1 client quic.version=0x1a2a3a4a\n"},
        {"quic negotiated", quic_negotiated, "quic @2 client quic.version=2\n"},
        {"quic of Google", quic_google, "quic @1 client quic.version=Q043\n"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_logon(&rows[i], &DATAGRAMS);
        struct talk t = {.count = 0};
        rows[i].build(&t);
        for (size_t len = 0; len < t.steps[0].data.len; len++) {
            struct play_step step = t.steps[0];
            step.data.len = len;
            free(play(&step, 1, &DATAGRAMS));
            t.octets[len] ^= 0xff;
            free(play(t.steps, t.count, &DATAGRAMS));
            t.octets[len] ^= 0xff;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ssh),
        cmocka_unit_test(test_datagrams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
