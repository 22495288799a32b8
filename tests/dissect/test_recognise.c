/*
 * What a flow is, by one message of one end on a port that says nothing: genuine messages, which
 * end sent them, and near misses that must stay unknown.
 */
#include "tests/dissect/test_octets.h"

struct opening {
    const char *label, *protocol;
    char transport; /* 't' or 'u' */
    char from;      /* 'c' or 's': who sends it; 'e': it does not tell */
    const char *message;
};

#define SMB2(command, flags)                                                                       \
    "fe'SMB' 4000 0000 00000000 " command " 0100 " flags                                           \
    " 00000000 0500000000000000 00000000 01000000 0100000000000000 00*16 "

/* ---- databases ---- */

static const struct opening databases[] = {
    {"mysql greeting", "mysql", 't', 's', "4a0000 00 0a '8.0.31' 00 00*67"},
    {"mysql refusal", "mysql", 't', 's', "180000 00 ff 6904 'Host is not allowed.' 0a"},
    {"mysql login", "mysql", 't', 'c', "260000 01 8da60f00 00000001 21 00*23 'root' 00 00"},
    {"mysql ssl request", "mysql", 't', 'c', "200000 01 85ae0f00 00000001 21 00*23"},
    {"mysql query", "mysql", 't', 'c', "090000 00 03 'SELECT 1'"},
    {"mysql prepare", "mysql", 't', 'c', "090000 00 16 'select 1'"},
    {"mysql ok", "mysql", 't', 's', "070000 01 00 01 00 0200 0000"},
    {"mysql columns", "mysql", 't', 's', "010000 01 01 180000 02 03 'def' 00*20"},
    {"mysql error", "mysql", 't', 's', "130000 01 ff 2804 '#42000' 'Syntax er' 0a"},
    {"postgresql startup", "postgresql", 't', 'c', "00000013 00030000 'user' 00 'me' 00 00*3"},
    {"postgresql ssl", "postgresql", 't', 'c', "00000008 04d2162f"},
    {"postgresql gss", "postgresql", 't', 'c', "00000008 04d21630"},
    {"postgresql cancel", "postgresql", 't', 'c', "00000010 04d2162e 00000001 00000002"},
    {"postgresql md5", "postgresql", 't', 's', "'R' 0000000c 00000005 01020304"},
    {"postgresql sasl", "postgresql", 't', 's', "'R' 00000017 0000000a 'SCRAM-SHA-256' 0000"},
    {"postgresql query", "postgresql", 't', 'c', "'Q' 0000000d 'select 1' 00"},
    {"postgresql answer", "postgresql", 't', 's',
     "'D' 0000000b 0001 00000001 31 'C' 0000000d 'SELECT 1' 00 'Z' 00000005 'I'"},
    {"postgresql error", "postgresql", 't', 's', "'E' 0000000c 'SFATAL' 00 00"},
    {"oracle connect", "oracle", 't', 'c',
     "0057 0000 01 00 0000 0139 012c 0000 0800 7fff 4f98 0000 0001 0022 003a 00*30 "
     "'(DESCRIPTION=(CONNECT_DATA=))'"},
    {"oracle accept", "oracle", 't', 's', "0018 0000 02 00 0000 0139 0000 0800 7fff 00*8"},
    {"oracle resend", "oracle", 't', 's', "0008 0000 0b 00 0000"},
    {"oracle refuse", "oracle", 't', 's',
     "0026 0000 04 00 0000 2200 0019 '(DESCRIPTION=(ERR=12514))' 00"},
    {"oracle data", "oracle", 't', 'e', "0010 0000 06 00 0000 0000 deadbeef 0092"},
    {"mongodb message", "mongodb", 't', 'c',
     "27000000 01000000 00000000 dd070000 00000000 00 12000000 10 'ping' 00 01000000 00*3"},
    {"mongodb answer", "mongodb", 't', 's',
     "26000000 02000000 01000000 dd070000 00000000 00 11000000 01 'ok' 00 00*6 f03f 00"},
    {"mongodb query", "mongodb", 't', 'c',
     "2c000000 01000000 00000000 d4070000 00000000 'admin.$cmd' 00 00000000 ffffffff 05000000 00"},
    {"mongodb reply", "mongodb", 't', 's',
     "29000000 02000000 01000000 01000000 08000000 00*8 00000000 01000000 05000000 00"},
    {"redis command", "redis", 't', 'e', "'*1' 0d0a '$4' 0d0a 'PING' 0d0a"},
    {"redis pong", "redis", 't', 's', "'+PONG' 0d0a"},
    {"redis refusal", "redis", 't', 's', "'-NOAUTH Authentication required.' 0d0a"},
    {"db2 exchange", "db2", 't', 'c', "0016 d0 01 0001 0010 1041 0006 115e 'db2' 00*3"},
    {"db2 answer", "db2", 't', 's', "0016 d0 03 0001 0010 1443 0006 115e 'db2' 00*3"},
};

/* ---- services ---- */

static const struct opening services[] = {
    {"rdp request", "rdp", 't', 'c', "0300 0013 0e e0 0000 0000 00 01 00 0800 03000000"},
    {"rdp cookie", "rdp", 't', 'c',
     "0300 0024 1f e0 0000 0000 00 'Cookie: mstshash=abcd' 0d0a 00*2"},
    {"rdp old request", "rdp", 't', 'c', "0300 000b 06 e0 0000 0000 00"},
    {"rdp confirm", "rdp", 't', 's', "0300 0013 0e d0 0000 1234 00 02 00 0800 02000000"},
    {"rdp standard data", "rdp", 't', 'c', "0300 0012 02 f0 80 64 0003 03eb 70 04 01020304"},
    {"rdp over udp", "rdp", 'u', 'c', "ffffffff 0040 0001 0b127f15 04d0 04d0 00*1216"},
    {"ssh", "ssh", 't', 'e', "'SSH-2.0-OpenSSH_9.3' 0d0a"},
    {"ssh joined", "ssh", 't', 'e',
     "000000fc 0a 14 00*16 00000020 'curve25519-sha256,ecdh-sha2-nist'"},
    {"tftp read", "tftp", 'u', 'c', "0001 'boot.wim' 00 'octet' 00"},
    {"tftp write", "tftp", 'u', 'c', "0002 'x' 00 'NetASCII' 00"},
    {"tftp block", "tftp", 'u', 'e', "0003 0001 5a*512"},
    {"tftp acknowledged", "tftp", 'u', 'e', "0004 0001"},
    {"tftp error", "tftp", 'u', 'e', "0005 0001 'File not found' 00"},
    {"tftp options", "tftp", 'u', 'e', "0006 'tsize' 00 '1024' 00"},
    {"dhcp", "dhcp", 'u', 'c', "01 01 06 00 00*232 63825363 35 01 01 ff"},
    {"dhcp offer", "dhcp", 'u', 's', "02 01 06 00 00*232 63825363 35 01 02 ff"},
    {"snmp v2c", "snmp", 'u', 'c', "301a 020101 0406 'public' a00d 020101 020100 020100 3002 3000"},
    {"snmp answer", "snmp", 'u', 's',
     "301a 020101 0406 'public' a20d 020101 020100 020100 3002 3000"},
    {"snmp v3", "snmp", 'u', 'e',
     "301a 020103 300d 020101 020205c0 0401 04 020103 0402 3000 3002 0400"},
    {"ntp request", "ntp", 'u', 'c', "23 00 06 20 00*36 e900000011223344"},
    {"ntp of Windows", "ntp", 'u', 'c',
     "db 00 0a fa 00000000 00010290 00000000 e900000011223344 00*16 e900001011223344"},
    {"ntp answer", "ntp", 'u', 's',
     "24 02 06 e8 00000100 00000200 c0a80001 e900000011223344 e900001011223344 "
     "e900001111223344 e900001111223355"},
    {"syslog", "syslog", 'u', 'c', "'<34>Oct 11 22:14:15 host su: failed'"},
    {"syslog new", "syslog", 'u', 'c', "'<34>1 2003-10-11T22:14:15.003Z host su - - - x'"},
    {"syslog framed", "syslog", 't', 'c', "'47 <34>1 2003-10-11T22:14:15.003Z host su - - - x'"},
    {"ike", "ike", 'u', 'c', "1122334455667788 00*8 21 20 22 08 00000000 00000020 00000004"},
    {"ike version 1", "ike", 'u', 'c',
     "1122334455667788 00*8 01 10 02 00 00000000 00000020 00000004"},
    {"ike through nat", "ike", 'u', 'c',
     "00000000 1122334455667788 00*8 21 20 22 08 00000000 00000020 00000004"},
    {"magic packet", "wol", 'u', 'c',
     "ff*6 001122334455 001122334455 001122334455 001122334455 001122334455 001122334455 "
     "001122334455 001122334455 001122334455 001122334455 001122334455 001122334455 001122334455 "
     "001122334455 001122334455 001122334455"},
    {"quic 1", "quic", 'u', 'e', "c3 00000001 08 0011223344556677 00 00 4496 00*20"},
    {"quic 2", "quic", 'u', 'e', "d3 6b3343cf 08 0011223344556677 00 00 4496 00*20"},
    {"quic draft", "quic", 'u', 'e', "c3 ff00001d 08 0011223344556677 00 00 4496 00*20"},
    {"quic versions", "quic", 'u', 's', "80 00000000 00 08 0011223344556677 00000001"},
    {"google quic", "quic", 'u', 'e', "0d 0011223344556677 'Q043' 01 00*20"},
};

/* ---- the protocols that are read: openings of either end, and from the middle ---- */

static const struct opening main_ones[] = {
    {"tls hello", "tls", 't', 'c', "16 0301 002d 01 000029 0303 00*32 00 0002 c02f 01 00"},
    {"tls server hello", "tls", 't', 's', "16 0303 002a 02 000026 0303 00*32 00 c02f 00"},
    {"tls key exchange", "tls", 't', 'c', "16 0303 0025 10 000021 20 11*32 14 0303 0001 01"},
    {"tls server key", "tls", 't', 's', "16 0303 0008 0c 000004 03001d20"},
    {"tls data", "tls", 't', 'e', "17 0303 0010 5a*16 17 0303 0004 00*4"},
    {"smb negotiate", "smb", 't', 'c',
     "00 000066 " SMB2("0000", "00000000") "2400 0100 0100 0000 00*28 0202"},
    {"smb answer", "smb", 't', 's',
     "00 000080 " SMB2("0000", "01000000") "4100 0100 1103 0000 00*56"},
    {"smb read", "smb", 't', 'c', "00 000071 " SMB2("0800", "00000000") "3100 00*47"},
    {"smb read answer", "smb", 't', 's', "00 000051 " SMB2("0800", "01000000") "1100 00*15"},
    {"http request", "http", 't', 'c', "'GET / HTTP/1.1' 0d0a 'Host: a' 0d0a 0d0a"},
    {"http answer", "http", 't', 's', "'HTTP/1.1 200 OK' 0d0a 'Content-Length: 0' 0d0a 0d0a"},
    {"http of a client", "http", 't', 'c',
     "'CCM_POST /ccm_system/request HTTP/1.1' 0d0a 'Host: a' 0d0a 0d0a"},
    {"ldap bind", "ldap", 't', 'c', "300c 020101 6007 020103 0400 8000"},
    {"ldap bind answer", "ldap", 't', 's', "300c 020101 6107 0a0100 0400 0400"},
    {"ldap entry", "ldap", 't', 's', "300b 020104 6406 0402 'ou' 3000"},
    {"ldap done", "ldap", 't', 's', "300c 020104 6507 0a0100 0400 0400"},
    {"cldap", "ldap", 'u', 'c',
     "301d 020101 6318 0400 0a0100 0a0100 020100 020100 010100 8703 'dnc' 3000"},
    {"dcerpc bind", "dcerpc", 't', 'c',
     "05 00 0b 03 10000000 4800 0000 01000000 d016 d016 00000000 01 00*3 0000 0100 "
     "08*16 03000000 04*16 02000000"},
    {"dcerpc bind answer", "dcerpc", 't', 's',
     "05 00 0c 03 10000000 3c00 0000 01000000 d016 d016 00000000 0400 '135' 00 00*2 01 00*3 00*24"},
    {"dcerpc request", "dcerpc", 't', 'c',
     "05 00 00 03 10000000 1c00 0000 02000000 04000000 0000 0300 00*4"},
    {"dcerpc answer", "dcerpc", 't', 's',
     "05 00 02 03 10000000 1c00 0000 02000000 04000000 0000 0000 00*4"},
    {"tds prelogin", "tds", 't', 'c',
     "12 01 001a 0000 01 00 00 000b 0006 01 0011 0001 ff 09000000 0000 00"},
    {"tds prelogin answer", "tds", 't', 's',
     "04 01 001a 0000 01 00 00 000b 0006 01 0011 0001 ff 0f000000 0000 00"},
    {"tds batch", "tds", 't', 'c',
     "01 01 0030 0000 01 00 16000000 12000000 0200 00*8 01000000 u'SELECT 1a'"},
    {"tds answer", "tds", 't', 's', "04 01 0020 0033 01 00 e3 0f00 10 01 00*19"},
};

/* ---- what looks like one of them, and is not ---- */

static const struct opening near_misses[] = {
    {"another version of mysql", "unknown", 't', 'c', "4a0000 00 09 '8.0.31' 00 00*67"},
    {"mysql without a verb", "unknown", 't', 'c', "090000 00 03 'FOOBARBA'"},
    {"mysql of another length", "unknown", 't', 'c', "0a0000 00 03 'SELECT 1'"},
    {"mysql ok with unknown status", "unknown", 't', 'c', "070000 01 00 01 00 0082 0000"},
    {"another code than postgresql's", "unknown", 't', 'c', "00000008 00ff00ff"},
    {"postgresql text that is none", "unknown", 't', 'c', "'Q' 0000000d 'nothing!' 00"},
    {"postgresql answer without an end", "unknown", 't', 'c', "'D' 0000000b 0001 00000001 31"},
    {"oracle of version 9999", "unknown", 't', 'c', "003a 0000 01 00 0000 270f 012c 00*46"},
    {"oracle data of another length", "unknown", 't', 'c',
     "0011 0000 06 00 0000 0000 deadbeef 0092"},
    {"mongodb of no operation", "unknown", 't', 'c', "27000000 01000000 00000000 dd080000 00*23"},
    {"mongodb with odd flags", "unknown", 't', 'c',
     "27000000 01000000 00000000 dd070000 00ff0000 00 12000000 10 'ping' 00 01000000 00*3"},
    {"greeting of a mailbox", "unknown", 't', 'c', "'+OK' 0d0a"},
    {"list that is no command", "unknown", 't', 'c', "'*1' 0d0a 'not redis, by far' 0d0a"},
    {"db2 of another length", "unknown", 't', 'c', "0016 d0 01 0001 0011 1041 0006 115e 00*6"},
    {"db2 reply as a request", "unknown", 't', 'c', "0016 d0 01 0001 0010 1443 0006 115e 00*6"},
    {"modbus", "unknown", 't', 'c', "0300 0000 0006 01 03 0000 000a"},
    {"s7 connection", "unknown", 't', 'c', "0300 0016 11 e0 0000 0001 00 c0010a c1020100 c2020102"},
    {"mms data", "unknown", 't', 'c',
     "0300 0016 02 f0 80 0d 0d 05 06 13 01 00 16 01 02 14 02 00 02 33 02"},
    {"rdp data of another length", "unknown", 't', 'c',
     "0300 0012 02 f0 80 64 0003 03eb 70 05 01020304"},
    {"ssh of no version", "unknown", 't', 'c', "'SSH-X.0-what is it' 0d0a"},
    {"tftp of no mode", "unknown", 'u', 'c', "0001 'boot.wim' 00 'octett' 00"},
    {"tftp short block", "unknown", 'u', 'c', "0003 0001 5a*20"},
    {"tftp later acknowledgement", "unknown", 'u', 'c', "0004 0100"},
    {"tftp error that is none", "unknown", 'u', 'c', "0005 0009 'File not found' 00"},
    {"dhcp without its cookie", "unknown", 'u', 'c', "01 01 06 00 00*232 63825364 35 01 01 ff"},
    {"snmp version 2 of the draft", "unknown", 'u', 'c',
     "301a 020102 0406 'public' a00d 020101 020100 020100 3002 3000"},
    {"snmp of another length", "unknown", 'u', 'c',
     "301b 020101 0406 'public' a00d 020101 020100 020100 3002 3000"},
    {"ntp of a stratum that is none", "unknown", 'u', 'c',
     "24 12 06 e8 00000100 00000200 c0a80001 e900000011223344 e900001011223344 "
     "e900001111223344 e900001111223355"},
    {"ntp of 1970", "unknown", 'u', 'c',
     "24 02 06 e8 00000100 00000200 c0a80001 8300000011223344 8300001011223344 "
     "8300001111223344 8300001111223355"},
    {"priority without a time", "unknown", 'u', 'c', "'<34>something of some device'"},
    {"priority past 191", "unknown", 'u', 'c', "'<192>Oct 11 22:14:15 host su: failed'"},
    {"ike of another length", "unknown", 'u', 'c',
     "1122334455667788 00*8 21 20 22 08 00000000 00000021 00000004"},
    {"ike of no exchange", "unknown", 'u', 'c',
     "1122334455667788 00*8 21 20 07 08 00000000 00000020 00000004"},
    {"esp on another port", "unknown", 'u', 'c', "00001000 00000001 5a*32"},
    {"magic packet with one wrong octet", "unknown", 'u', 'c', "ff*6 00*95 01"},
    {"magic packet cut", "unknown", 'u', 'c', "ff*6 00*95"},
    {"quic of no version", "unknown", 'u', 'c', "c3 00000003 08 0011223344556677 00 00 4496 00*20"},
    {"quic with a long id", "unknown", 'u', 'c', "c3 00000001 15 00*21 00 00 4496 00*20"},
    {"quic short header", "unknown", 'u', 'c', "43 0011223344556677 00*24"},
    {"rdp over udp of another size", "unknown", 'u', 'c',
     "ffffffff 0040 0001 0b127f15 04d0 04d0 00*1200"},
};

static void check_opening(const struct opening *row)
{
    struct talk t = {.count = 0};
    struct play_options options = {.udp = row->transport == 'u', .midstream = true};
    enum dir dir = row->from == 's' ? DIR_SERVER : DIR_CLIENT;
    char wanted[64];
    say_words(&t, dir, row->message);
    (void)snprintf(wanted, sizeof wanted, " flow.protocol=%s%s", row->protocol,
                   strcmp(row->protocol, "unknown") == 0 ? "\n" : " flow.identified_by=content");
    char *answer = play(t.steps, t.count, &options);
    const char *flow = strstr(answer, "flow @");
    if (flow == NULL || strstr(flow, wanted) == NULL) {
        print_error("%s: no%s in:\n%s", row->label, wanted, answer);
        free(answer);
        fail();
    }
    free(answer);
    if (row->from == 'e' || row->transport == 'u') {
        return; /* the first datagram opens its flow */
    }
    /* Capture took the client for the server, and the content says so. */
    options.wrong_guess = true;
    answer = play(t.steps, t.count, &options);
    if (strcmp(row->protocol, "unknown") != 0) {
        assert_non_null(strstr(answer, row->from == 's' ? "flow.packets.client=0" : "flow @"));
    }
    free(answer);
}

static void check_all(const struct opening *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        check_opening(&rows[i]);
    }
}

static void test_databases(void **state)
{
    (void)state;
    check_all(databases, COUNT_OF(databases));
}
static void test_services(void **state)
{
    (void)state;
    check_all(services, COUNT_OF(services));
}
static void test_what_is_read(void **state)
{
    (void)state;
    check_all(main_ones, COUNT_OF(main_ones));
}
static void test_near_misses(void **state)
{
    (void)state;
    check_all(near_misses, COUNT_OF(near_misses));
}

/* On their ports, where the octets alone would not do. */
static void test_by_port(void **state)
{
    static const struct {
        const char *label, *wanted;
        uint16_t port;
        bool udp;
        const char *message;
    } rows[] = {
        {"esp through nat", " flow.protocol=ipsec flow.identified_by=content flow.opaque=1", 4500,
         true, "00001000 00000001 5a*32"},
        {"nat kept alive", " flow.protocol=ipsec", 4500, true, "ff"},
        {"syslog of a device", " flow.protocol=syslog flow.identified_by=content", 514, true,
         "'<34>x'"},
        {"ntp control", " flow.protocol=ntp flow.identified_by=content", 123, true,
         "16 02 00 01 00*8"},
        {"bootp", " flow.protocol=dhcp flow.identified_by=content", 67, true, "01 01 06 00 00*296"},
        {"dhcp for ipv6", " flow.protocol=dhcp flow.identified_by=content", 547, true,
         "01 112233 0001 0004 00010203 0008 0002 0000"},
        {"no option of dhcp for ipv6", " flow.protocol=dhcp flow.identified_by=port", 547, true,
         "01 112233 0001 0044 00010203 0008 0002 0000"},
        {"client notification", " flow.protocol=client-notification flow.identified_by=port", 10123,
         false, "00010203040506070809 0a*20"},
        {"notification in tls", " flow.protocol=tls flow.identified_by=content", 10123, false,
         "16 0301 002d 01 000029 0303 00*32 00 0002 c02f 01 00"},
        {"remote control", " flow.protocol=remote-control flow.identified_by=port", 2701, false,
         "00010203040506070809 0a*20"},
        {"wake-up proxy", " flow.protocol=wake-up-proxy flow.identified_by=port", 25536, true,
         "00010203040506070809 0a*20"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct talk t = {.count = 0};
        struct play_options options = {.udp = rows[i].udp, .port = rows[i].port};
        say_words(&t, DIR_CLIENT, rows[i].message);
        char *answer = play(t.steps, t.count, &options);
        if (strstr(answer, rows[i].wanted) == NULL) {
            print_error("%s: no%s in:\n%s", rows[i].label, rows[i].wanted, answer);
            fail();
        }
        free(answer);
    }
}

/* [MS-WSMV] 2.1: the path says so, and nothing that only begins like it. */
static void test_winrm(void **state)
{
    static const struct {
        const char *message;
        bool named;
    } rows[] = {
        {"'POST /wsman HTTP/1.1' 0d0a 'Host: a' 0d0a 0d0a", true},
        {"'POST /WSMAN?PSVersion=5.1 HTTP/1.1' 0d0a 'Host: a' 0d0a 0d0a", true},
        {"'POST /wsman/SubscriptionManager/WEC HTTP/1.1' 0d0a 'Host: a' 0d0a 0d0a", true},
        {"'POST /wsmanual HTTP/1.1' 0d0a 'Host: a' 0d0a 0d0a", false},
        {"'POST /a/wsman HTTP/1.1' 0d0a 'Host: a' 0d0a 0d0a", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct talk t = {.count = 0};
        say_words(&t, DIR_CLIENT, rows[i].message);
        char *answer = play(t.steps, t.count, NULL);
        assert_int_equal(strstr(answer, "flow.application=WinRM") != NULL, rows[i].named);
        free(answer);
    }
}

/* Each message in a stream, cut and changed in every way: nothing breaks. */
static void test_sweeps(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(databases); i++) {
        struct talk t = {.count = 0};
        say_words(&t, databases[i].from == 's' ? DIR_SERVER : DIR_CLIENT, databases[i].message);
        play_truncation_sweep(t.steps, t.count);
        play_gap_sweep(t.steps, t.count);
        play_hostile_sweep(t.steps, t.count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_databases),    cmocka_unit_test(test_services),
        cmocka_unit_test(test_what_is_read), cmocka_unit_test(test_near_misses),
        cmocka_unit_test(test_by_port),      cmocka_unit_test(test_winrm),
        cmocka_unit_test(test_sweeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
