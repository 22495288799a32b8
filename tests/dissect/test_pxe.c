/*
 * What a machine that boots from the network says: DHCP, with and without options, and TFTP.
 */
#include "tests/dissect/test_octets.h"

static const struct play_options OPTIONS = {.udp = true, .records_only = true};

#define FIXED(operation, your, next)                                                               \
    operation " 01 06 00 11223344 0000 8000 00000000 " your " " next " c0a80a01 0050569a0b0c "     \
              "00*10 "
#define NAMES "00*64 00*128 63825363 "

static void discover(struct talk *t)
{
    say_words(t, DIR_CLIENT,
              FIXED("01", "00000000", "00000000") NAMES
              "35 01 01 3c 20 'PXEClient:Arch:00007:UNDI:003016' 5d 02 0007 "
              "61 11 00 33221100 5544 7766 8899 aabbccddeeff 37 02 4243 ff");
}
/* Boot names in the fields, and options of Configuration Manager. */
static void proxy_answer(struct talk *t)
{
    say_words(
        t, DIR_SERVER,
        FIXED(
            "02", "00000000",
            "c0a80a0a") "'dp01' 00*60 'boot\\x64\\wdsmgfw.efi' 00*108"
                        " 63825363 35 01 05 36 04 c0a80a0a f3 03 020101 fc 02 'b' 00 fa 01 0d ff");
}
static void overloaded(struct talk *t)
{
    say_words(t, DIR_SERVER,
              FIXED("02", "c0a80a63", "00000000") "42 04 'dp02' ff 00*57 43 04 'a.sdi'"
                                                  " ff 00*120 63825363 34 01 03 35 01 02 0c 04 "
                                                  "'CL01' 51 07 00 0000 'CL01' ff");
    t->octets[108 + 1] = 5;
}
static void bootp(struct talk *t)
{
    say_words(t, DIR_CLIENT, FIXED("01", "00000000", "00000000") "00*64 'x.0' 00*125");
}
/* An option that is longer than what there is: what stands before it counts. */
static void broken_off(struct talk *t)
{
    say_words(t, DIR_CLIENT,
              FIXED("01", "00000000", "00000000") NAMES "35 01 03 32 04 c0a80a63 0c 40 'CL01'");
}

#define BASE "dhcp.client_mac=00:50:56:9a:0b:0c "

static void test_dhcp(void **state)
{
    static const struct logon_case rows[] = {
        {"discover", discover,
         "dhcp @1 client dhcp.message=DISCOVER " BASE "dhcp.relay=192.168.10.1 "
         "dhcp.vendor_class=PXEClient:Arch:00007:UNDI:003016 dhcp.architecture=EFI x64 "
         "dhcp.machine_id=00112233-4455-6677-8899-aabbccddeeff dhcp.options=53 dhcp.options=55 "
         "dhcp.options=60 dhcp.options=93 dhcp.options=97\n"},
        {"answer of a boot server", proxy_answer,
         "dhcp @1 server dhcp.message=ACK " BASE "dhcp.next_server=192.168.10.10 "
         "dhcp.relay=192.168.10.1 dhcp.server_id=192.168.10.10 dhcp.boot_server=dp01 "
         "dhcp.boot_file=boot\\x64\\wdsmgfw.efi dhcp.options=53 dhcp.options=54 dhcp.options=243 "
         "dhcp.options=250 dhcp.options=252\n"},
        {"options in the fields", overloaded,
         "dhcp @1 server dhcp.message=OFFER " BASE "dhcp.your_ip=192.168.10.99 "
         "dhcp.relay=192.168.10.1 dhcp.host_name=CL01 dhcp.client_fqdn=CL01 dhcp.boot_server=dp02 "
         "dhcp.boot_file=a.sdi dhcp.options=12 dhcp.options=52 dhcp.options=53 dhcp.options=66 "
         "dhcp.options=67 dhcp.options=81\n"},
        {"broken off", broken_off,
         "dhcp @1 client dhcp.message=REQUEST " BASE "dhcp.relay=192.168.10.1 "
         "dhcp.requested_ip=192.168.10.99 dhcp.options=50 dhcp.options=53\n"},
    };
    static const struct logon_case by_port = {"without options", bootp,
                                              "dhcp @1 client dhcp.message=BOOTREQUEST " BASE
                                              "dhcp.relay=192.168.10.1 "
                                              "dhcp.boot_file=x.0 dhcp.proxy=1\n"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_logon(&rows[i], &OPTIONS);
    }
    check_logon(&by_port, &(struct play_options){.udp = true, .records_only = true, .port = 4011});
}

static void read_request(struct talk *t)
{
    say_words(t, DIR_CLIENT,
              "0001 'SMSBoot\\x64\\wdsmgfw.efi' 00 'octet' 00 'tsize' 00 '0' 00 'blksize' 00 "
              "'1456' 00 'other' 00 'x' 00");
    say_words(t, DIR_SERVER, "0005 0002 'Access violation' 00");
}
static void transfer(struct talk *t)
{
    say_words(t, DIR_SERVER, "0006 'tsize' 00 '1024' 00");
    say_words(t, DIR_CLIENT, "0004 0000");
    say_words(t, DIR_SERVER, "0003 0001 5a*512");
}

static void test_tftp(void **state)
{
    static const struct logon_case rows[] = {
        {"request", read_request,
         "tftp @1 client tftp.operation=read tftp.name=SMSBoot\\x64\\wdsmgfw.efi tftp.mode=octet "
         "tftp.options=tsize=0 tftp.options=blksize=1456\n"
         "tftp @2 server tftp.operation=error tftp.error=2 tftp.error_text=Access violation\n"},
        {"transfer", transfer, ""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_logon(&rows[i], &OPTIONS);
    }
    struct talk t = {.count = 0};
    transfer(&t);
    char *answer = play(t.steps, t.count, &(struct play_options){.udp = true});
    assert_non_null(strstr(answer, "flow.protocol=tftp flow.identified_by=content"));
    free(answer);
}

/* Each message cut anywhere, and each octet changed: nothing breaks. */
static void check_cut(void (*build)(struct talk *t))
{
    struct talk t = {.count = 0};
    build(&t);
    for (size_t len = 0; len < t.steps[0].data.len; len++) {
        struct play_step step = t.steps[0];
        step.data.len = len;
        free(play(&step, 1, &OPTIONS));
        uint8_t saved = t.octets[len];
        static const uint8_t values[] = {0x00, 0x7f, 0x80, 0xff};
        for (size_t v = 0; v < COUNT_OF(values); v++) {
            t.octets[len] = values[v];
            free(play(t.steps, t.count, &OPTIONS));
        }
        t.octets[len] = saved;
    }
}

static void test_hostile(void **state)
{
    (void)state;
    check_cut(discover);
    check_cut(proxy_answer);
    check_cut(overloaded);
    check_cut(read_request);
    check_cut(transfer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dhcp),
        cmocka_unit_test(test_tftp),
        cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
