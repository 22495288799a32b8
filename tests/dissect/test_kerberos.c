#include "tests/test.h"

#include "tests/dissect/play.h"
#include "tests/dissect/test_kerberos_messages.h"

enum { MOST_STEPS = 24 };

struct script {
    struct built messages[MOST_STEPS];
    struct play_step steps[MOST_STEPS];
    size_t count;
};

static void add(struct script *s, enum dir dir, struct built message)
{
    assert_true(s->count < MOST_STEPS);
    s->messages[s->count] = message;
    s->steps[s->count++].dir = dir;
}

static char *told(struct script *s, struct play_options options)
{
    for (size_t i = 0; i < s->count; i++) {
        s->steps[i].data = built_bytes(&s->messages[i]);
    }
    return play(s->steps, s->count, &options);
}

static void frame(struct script *s)
{
    for (size_t i = 0; i < s->count; i++) {
        s->messages[i] = krb_framed(s->messages[i]);
    }
}

/* Fails unless the lines said begin with those expected, one for one; NULL ends the list. */
static void expect(const char *label, char *said, const char *const *lines)
{
    char *rest = NULL, *line = strtok_r(said, "\n", &rest);
    for (; *lines != NULL; lines++) {
        if (line == NULL || strcmp(line, *lines) != 0) {
            fail_msg("%s: not\n%s\nbut\n%s", label, *lines, line == NULL ? "nothing" : line);
        }
        line = strtok_r(NULL, "\n", &rest);
    }
    if (line != NULL) {
        fail_msg("%s: more: %s", label, line);
    }
    free(said);
}

static const struct kdc_request as_request = {.type = KRB_AS_REQ,
                                              .realm = "CORP.EXAMPLE",
                                              .client = "alice",
                                              .service = "krbtgt/CORP.EXAMPLE",
                                              .nonce = 0xdeadbeef,
                                              .etypes = {18, 23, -133},
                                              .padata = {2, 128}};
static const struct kdc_request tgs_request = {.type = KRB_TGS_REQ,
                                               .realm = "CORP.EXAMPLE",
                                               .service = "cifs/dp01.corp.example",
                                               .nonce = 7,
                                               .etypes = {18, 17},
                                               .padata = {1, 136}};

#define AS_FACTS                                                                                   \
    "kerberos.exchange=as kerberos.realm=CORP.EXAMPLE kerberos.client=alice "                      \
    "kerberos.service=krbtgt/CORP.EXAMPLE kerberos.etypes_offered=aes256-cts-hmac-sha1-96 "        \
    "kerberos.etypes_offered=rc4-hmac kerberos.etypes_offered=-133 "
#define AS_PREAUTH "kerberos.preauth=PA-ENC-TIMESTAMP kerberos.preauth=PA-PAC-REQUEST "
#define TGS_ETYPES                                                                                 \
    "kerberos.etypes_offered=aes256-cts-hmac-sha1-96 "                                             \
    "kerberos.etypes_offered=aes128-cts-hmac-sha1-96 "
#define TGS_PREAUTH "kerberos.preauth=PA-TGS-REQ kerberos.preauth=PA-FX-FAST "
#define AS_AES                                                                                     \
    "kerberos.ticket_etype=aes256-cts-hmac-sha1-96 kerberos.reply_etype=aes256-cts-hmac-sha1-96 "
#define UDP "kerberos.transport=udp"
#define TCP "kerberos.transport=tcp"

static struct script logon(void)
{
    struct script s = {.count = 0};
    add(&s, DIR_CLIENT, krb_request(&as_request));
    add(&s, DIR_SERVER, krb_reply(KRB_AS_REP, "alice", "krbtgt/CORP.EXAMPLE", 18, 18));
    add(&s, DIR_CLIENT, krb_request(&tgs_request));
    add(&s, DIR_SERVER, krb_reply(KRB_TGS_REP, "alice", "cifs/dp01.corp.example", 23, 18));
    return s;
}

static void exchanges(void **unused)
{
    (void)unused;
    static const char *const over_udp[] = {
        "kerberos @2 server " AS_FACTS AS_AES AS_PREAUTH
        "kerberos.request_packet=1 kerberos.reply_packet=2 " UDP,
        "kerberos @4 server kerberos.exchange=tgs kerberos.realm=CORP.EXAMPLE "
        "kerberos.client=alice "
        "kerberos.service=cifs/dp01.corp.example " TGS_ETYPES "kerberos.ticket_etype=rc4-hmac "
        "kerberos.reply_etype=aes256-cts-hmac-sha1-96 " TGS_PREAUTH
        "kerberos.request_packet=3 kerberos.reply_packet=4 " UDP,
        NULL};
    struct script s = logon();
    expect("UDP", told(&s, (struct play_options){.udp = true, .records_only = true}), over_udp);
    frame(&s);
    char *said = told(&s, (struct play_options){.records_only = true});
    assert_non_null(strstr(said, "kerberos.reply_packet=2 " TCP));
    assert_non_null(strstr(said, "kerberos.reply_packet=4 " TCP));
    assert_null(strstr(said, "cipher"));
    free(said);
    said = told(&s, (struct play_options){.port = 88});
    assert_non_null(strstr(said, "flow.protocol=kerberos"));
    free(said);
    play_truncation_sweep(s.steps, s.count);
    play_chunking_sweep(s.steps, s.count);
    play_gap_sweep(s.steps, s.count);
    play_hostile_sweep(s.steps, s.count);
}

/* One request, one answer: what the record says from "kerberos.realm" on, packets aside. */
static void answers(void **unused)
{
    (void)unused;
    static const struct {
        const char *label, *client, *service, *ticket;
        int64_t error, ticket_etype;
        const char *facts;
    } cases[] = {
        {"no such service", NULL, "cifs/nospn.corp.example", NULL, 7, 0,
         "kerberos.service=cifs/nospn.corp.example " TGS_ETYPES TGS_PREAUTH
         "kerberos.error=KDC_ERR_S_PRINCIPAL_UNKNOWN kerberos.error_code=7 "},
        {"an error without a name", NULL, "cifs/a", NULL, 99, 0,
         "kerberos.service=cifs/a " TGS_ETYPES TGS_PREAUTH
         "kerberos.error=99 kerberos.error_code=99 "},
        {"the error names the client", "bob", "cifs/a", NULL, 37, 0,
         "kerberos.client=bob kerberos.service=cifs/a " TGS_ETYPES TGS_PREAUTH
         "kerberos.error=KRB_AP_ERR_SKEW kerberos.error_code=37 "},
        {"a referral", "bob", "cifs/a.emea.example", "krbtgt/EMEA.EXAMPLE", 0, 18,
         "kerberos.client=bob kerberos.service=cifs/a.emea.example " TGS_ETYPES
         "kerberos.ticket_service=krbtgt/EMEA.EXAMPLE "
         "kerberos.ticket_etype=aes256-cts-hmac-sha1-96 kerberos.reply_etype=rc4-hmac "},
        {"another case is another service", "bob", "cifs/A", "cifs/a", 0, 3,
         "kerberos.client=bob kerberos.service=cifs/A " TGS_ETYPES "kerberos.ticket_service=cifs/a "
         "kerberos.ticket_etype=des-cbc-md5 kerberos.reply_etype=rc4-hmac "},
        {"a request for no service", "bob", NULL, "host/a", 0, 25,
         "kerberos.client=bob " TGS_ETYPES "kerberos.ticket_service=host/a "
         "kerberos.ticket_etype=25 kerberos.reply_etype=rc4-hmac "},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct kdc_request request = tgs_request;
        struct script s = {.count = 0};
        request.service = cases[i].service;
        add(&s, DIR_CLIENT, krb_request(&request));
        add(&s, DIR_SERVER,
            cases[i].ticket == NULL ? krb_error(cases[i].error, cases[i].client, cases[i].service)
                                    : krb_reply(KRB_TGS_REP, cases[i].client, cases[i].ticket,
                                                cases[i].ticket_etype, 23));
        char *said = told(&s, (struct play_options){.udp = true, .records_only = true});
        if (strstr(said, cases[i].facts) == NULL || strstr(said, "@2 server") == NULL ||
            strstr(said, "kerberos.request_packet=1 kerberos.reply_packet=2") == NULL) {
            fail_msg("%s: %s", cases[i].label, said);
        }
        free(said);
    }
}

/* Half an exchange. */
static void alone(void **unused)
{
    (void)unused;
    static const struct {
        const char *label;
        uint8_t type;
        int64_t error;
        const char *service, *line;
    } cases[] = {
        {"request", KRB_AS_REQ, 0, NULL,
         "kerberos @1 client " AS_FACTS AS_PREAUTH "kerberos.request_packet=1 " UDP},
        {"AS-REP", KRB_AS_REP, 0, "krbtgt/CORP.EXAMPLE",
         "kerberos @1 server kerberos.exchange=as kerberos.realm=CORP.EXAMPLE "
         "kerberos.client=alice "
         "kerberos.service=krbtgt/CORP.EXAMPLE " AS_AES "kerberos.reply_packet=1 " UDP},
        {"TGS-REP", KRB_TGS_REP, 0, "host/a",
         "kerberos @1 server kerberos.exchange=tgs kerberos.realm=CORP.EXAMPLE "
         "kerberos.client=alice kerberos.service=host/a " AS_AES "kerberos.reply_packet=1 " UDP},
        {"error about a ticket-granting ticket", KRB_ERROR, 6, "krbtgt/CORP.EXAMPLE",
         "kerberos @1 server kerberos.exchange=as kerberos.realm=CORP.EXAMPLE "
         "kerberos.service=krbtgt/CORP.EXAMPLE kerberos.error=KDC_ERR_C_PRINCIPAL_UNKNOWN "
         "kerberos.error_code=6 kerberos.reply_packet=1 " UDP},
        {"error about pre-authentication", KRB_ERROR, 24, NULL,
         "kerberos @1 server kerberos.exchange=as kerberos.realm=CORP.EXAMPLE "
         "kerberos.error=KDC_ERR_PREAUTH_FAILED kerberos.error_code=24 "
         "kerberos.reply_packet=1 " UDP},
        {"error about a service", KRB_ERROR, 7, "cifs/a",
         "kerberos @1 server kerberos.exchange=tgs kerberos.realm=CORP.EXAMPLE "
         "kerberos.service=cifs/a kerberos.error=KDC_ERR_S_PRINCIPAL_UNKNOWN "
         "kerberos.error_code=7 kerberos.reply_packet=1 " UDP},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct script s = {.count = 0};
        if (cases[i].type == KRB_AS_REQ) {
            add(&s, DIR_CLIENT, krb_request(&as_request));
        } else if (cases[i].type == KRB_ERROR) {
            add(&s, DIR_SERVER, krb_error(cases[i].error, NULL, cases[i].service));
        } else {
            add(&s, DIR_SERVER, krb_reply(cases[i].type, "alice", cases[i].service, 18, 18));
        }
        expect(cases[i].label, told(&s, (struct play_options){.udp = true, .records_only = true}),
               (const char *const[]){cases[i].line, NULL});
    }
}

static struct built ask(const char *service, int64_t nonce)
{
    struct kdc_request request = tgs_request;
    request.service = service;
    request.nonce = nonce;
    return krb_request(&request);
}

/* Which request an answer is for: upper case asks (a letter is a service), lower case answers it
 * with a ticket, '!' and a letter with an error that names it, '?' with one that names none. */
static void pairing(void **unused)
{
    (void)unused;
    static const struct {
        const char *label, *play;
        const char *records; /* service, request packet, reply packet; 0: none */
    } cases[] = {
        {"one after the other", "AaBb", "A12 B34 "},
        {"in order", "ABab", "A13 B24 "},
        {"errors by name", "AB!B!A", "B23 A14 "},
        {"errors without a name", "AB??", "A13 B24 "},
        {"a request repeated, answered once", "AAa", "A13 "},
        {"a request repeated, answered twice", "AAaa", "A13 "},
        {"a request repeated, refused twice", "AA!A!A", "A13 "},
        {"a request repeated after its answer", "AaAa", "A12 A34 "},
        {"a reply more than requests", "Aaa", "A12 A03 "},
        {"repeated before, not now", "AAaBbb", "A13 B45 B06 "},
        {"never answered", "AB", "A10 B20 "},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct script s = {.count = 0};
        for (const char *p = cases[i].play; *p != '\0'; p++) {
            char name[] = {*p, '\0'};
            if (*p == '?') {
                add(&s, DIR_SERVER, krb_error(7, NULL, NULL));
            } else if (*p == '!') {
                name[0] = *++p;
                add(&s, DIR_SERVER, krb_error(7, NULL, name));
            } else if (*p >= 'a') {
                name[0] = (char)(*p - 'a' + 'A');
                add(&s, DIR_SERVER, krb_reply(KRB_TGS_REP, "alice", name, 18, 18));
            } else {
                add(&s, DIR_CLIENT, ask(name, *p));
            }
        }
        char *said = told(&s, (struct play_options){.udp = true, .records_only = true});
        char got[64] = "", *rest = NULL;
        for (char *line = strtok_r(said, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
            const char *service = strstr(line, "kerberos.service=");
            const char *request = strstr(line, "request_packet="),
                       *reply = strstr(line, "reply_packet=");
            char one[] = {service ? service[17] : '-', request ? request[15] : '0',
                          reply ? reply[13] : '0', ' ', '\0'};
            assert_null(strstr(line, "ticket_service"));
            assert_true(strlen(got) + sizeof one < sizeof got);
            memcpy(got + strlen(got), one, sizeof one);
        }
        if (strcmp(got, cases[i].records) != 0) {
            fail_msg("%s: %s, not %s", cases[i].label, got, cases[i].records);
        }
        free(said);
    }
}

/* As in sv__bug-8278-krb5-01: what shares a segment is read all the same. */
static void one_segment(void **unused)
{
    (void)unused;
    struct script apart = logon(), s = {.count = 0};
    frame(&apart);
    add(&s, DIR_CLIENT, join(apart.messages[0], apart.messages[2]));
    add(&s, DIR_SERVER, join(apart.messages[1], apart.messages[3]));
    char *said = told(&s, (struct play_options){.records_only = true});
    assert_non_null(strstr(said, "kerberos.exchange=as"));
    assert_non_null(strstr(said, "kerberos.exchange=tgs"));
    assert_null(strstr(said, "ticket_service"));
    free(said);
    play_chunking_sweep(s.steps, s.count);

    /* A message between them that is none hides nothing. */
    struct built broken = krb_framed(krb_message(KRB_TGS_REQ, 1, octets("\xa4\x7f", 2)));
    s.messages[0] = join(join(apart.messages[0], broken), apart.messages[2]);
    said = told(&s, (struct play_options){0});
    assert_non_null(strstr(said, "kerberos.exchange=tgs"));
    assert_non_null(strstr(said, "kerberos.service=cifs/dp01.corp.example"));
    assert_non_null(strstr(said, "flow.anomalies=kerberos.bad_message"));
    free(said);
}

static void too_many_wait(void **unused)
{
    (void)unused;
    struct script s = {.count = 0};
    for (int i = 0; i < LIMIT_KERBEROS_WAITING + 1; i++) {
        char service[] = {(char)('A' + i), '\0'};
        add(&s, DIR_CLIENT, krb_framed(ask(service, i)));
    }
    char *said = told(&s, (struct play_options){0});
    assert_non_null(strstr(said,
                           "kerberos @9 client kerberos.exchange=tgs kerberos.realm=CORP.EXAMPLE "
                           "kerberos.service=A "));
    assert_non_null(strstr(said, "kerberos.service=I "));
    assert_non_null(strstr(said, "flow.anomalies=kerberos.waiting_limit"));
    free(said);
}

/* After a loss among the replies, what waited stays alone and the next pair is read. */
static void loss(void **unused)
{
    (void)unused;
    struct script apart = logon();
    frame(&apart);
    struct play_step steps[] = {
        {.dir = DIR_CLIENT, .data = built_bytes(&apart.messages[0])},
        {.dir = DIR_SERVER, .gap = apart.messages[1].len},
        {.dir = DIR_CLIENT, .data = built_bytes(&apart.messages[2])},
        {.dir = DIR_SERVER, .data = built_bytes(&apart.messages[3])},
    };
    char *said = play(steps, COUNT_OF(steps), &(struct play_options){.records_only = true});
    assert_non_null(strstr(said, "kerberos @2 client kerberos.exchange=as"));
    assert_non_null(strstr(said, "kerberos @4 server kerberos.exchange=tgs"));
    assert_non_null(strstr(said, "kerberos.request_packet=3 kerberos.reply_packet=4"));
    free(said);
}

/* [MS-SFU] 2.2.1 */
static struct built for_user(const char *user, const char *realm)
{
    struct built b = field((struct built){.len = 0}, 0, krb_name(user));
    return krb_padata(129, der(DER_SEQUENCE, field(b, 1, der_string(realm))));
}

/* [MS-SFU] 2.2.2 */
static struct built for_x509_user(const char *user, const char *realm)
{
    struct built id = field((struct built){.len = 0}, 0, der_number(7));
    id = user == NULL ? id : field(id, 1, krb_name(user));
    id = der(DER_SEQUENCE, field(id, 2, der_string(realm)));
    return krb_padata(130, der(DER_SEQUENCE, field((struct built){.len = 0}, 0, id)));
}

/* What pre-authentication data and options say. */
static void requests(void **unused)
{
    (void)unused;
    const struct built ticket = krb_ticket("CORP.EXAMPLE", "HTTP/mp01.corp.example", 18);
    const struct built armored = krb_padata(136, der(DER_CONTEXT, octets("armored", 7)));
    const struct built certificate = krb_padata(16, octets("signed", 6));
    const struct built self = for_user("alice", "CORP.EXAMPLE");
    const struct built both = join(for_x509_user("bob", "CORP.EXAMPLE"), self);
    const struct built mapped = for_x509_user(NULL, "CORP.EXAMPLE");
    const struct built broken = krb_padata(129, octets("\x30\x7f", 2));
    const struct built stamped = krb_padata(2, krb_encrypted(23, "time cipher"));
    const struct {
        const char *label;
        const struct built *more, *ticket;
        uint32_t options;
        const char *facts;
    } cases[] = {
        {"armored", &armored, NULL, 0, "kerberos.fast=1 "},
        {"a certificate", &certificate, NULL, 0, "kerberos.pkinit=1 "},
        {"a timestamp", &stamped, NULL, 0, "kerberos.preauth_etype=rc4-hmac "},
        {"for a user", &self, NULL, 0,
         "kerberos.s4u=self kerberos.s4u_user=alice@CORP.EXAMPLE kerberos.request_packet"},
        {"for a user, in both forms", &both, NULL, 0,
         "kerberos.s4u=self kerberos.s4u_user=bob@CORP.EXAMPLE kerberos.request_packet"},
        {"for a certificate's user", &mapped, NULL, 0,
         "kerberos.s4u=self kerberos.s4u_user=@CORP.EXAMPLE kerberos.request_packet"},
        {"for a user that cannot be read", &broken, NULL, 0,
         "kerberos.s4u=self kerberos.request_packet"},
        {"with a user's ticket", NULL, &ticket, KERBEROS_CNAME_IN_ADDL_TKT,
         "kerberos.s4u=proxy kerberos.s4u_service=HTTP/mp01.corp.example kerberos.request_packet"},
        {"user to user", NULL, &ticket, KERBEROS_ENC_TKT_IN_SKEY, "kerberos.user_to_user=1 "},
        {"an option without its ticket", NULL, NULL, KERBEROS_CNAME_IN_ADDL_TKT,
         TGS_PREAUTH "kerberos.request_packet"},
        {"a ticket without its option", NULL, &ticket, 0, TGS_PREAUTH "kerberos.request_packet"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct kdc_request request = tgs_request;
        struct script s = {.count = 0};
        request.more = cases[i].more;
        request.ticket = cases[i].ticket;
        request.options = cases[i].options;
        add(&s, DIR_CLIENT, krb_framed(krb_request(&request)));
        char *said = told(&s, (struct play_options){.records_only = true});
        if (strstr(said, cases[i].facts) == NULL || strstr(said, "cipher") != NULL) {
            fail_msg("%s: %s", cases[i].label, said);
        }
        free(said);
        play_truncation_sweep(s.steps, s.count);
        play_hostile_sweep(s.steps, s.count);
    }
}

/* RFC 4120 5.2.7.5 */
static struct built etype_info(void)
{
    static const int64_t etypes[] = {18, 18, 23};
    struct built list = {.len = 0};
    for (size_t i = 0; i < COUNT_OF(etypes); i++) {
        list = join(list,
                    der(DER_SEQUENCE, field((struct built){.len = 0}, 0, der_number(etypes[i]))));
    }
    return krb_padata(19, der(DER_SEQUENCE, list));
}

/* [MS-KILE] 2.2.1 */
static const uint8_t EXT_ERROR[] = {0x72, 0, 0, 0xc0, 0, 0, 0, 0, 1, 0, 0, 0};

static void error_data(void **unused)
{
    (void)unused;
    const struct built none = {.len = 0}, offered = join(krb_padata(136, none), etype_info());
    const struct built status = krb_padata(3, octets(EXT_ERROR, sizeof EXT_ERROR));
    const struct {
        const char *label;
        int64_t code;
        const char *client_realm;
        struct built data;
        const char *facts;
    } cases[] = {
        {"what the KDC accepts", 25, NULL, der(DER_SEQUENCE, offered),
         "kerberos.preauth_offered=PA-FX-FAST kerberos.preauth_offered=PA-ETYPE-INFO2 "
         "kerberos.etypes_supported=aes256-cts-hmac-sha1-96 kerberos.etypes_supported=rc4-hmac "
         "kerberos.error"},
        {"a status alone", 18, NULL, status,
         "kerberos.status=STATUS_ACCOUNT_DISABLED kerberos.status_code=0xc0000072 "},
        {"a status in a list", 18, NULL, der(DER_SEQUENCE, status),
         "kerberos.status=STATUS_ACCOUNT_DISABLED kerberos.status_code=0xc0000072 "},
        {"a status without a name", 18, NULL,
         krb_padata(3, octets("\x01\0\0\xee\0\0\0\0\1\0\0\0", 12)),
         "kerberos.status=0xee000001 kerberos.status_code=0xee000001 "},
        {"a salt of that length", 25, NULL, der(DER_SEQUENCE, status),
         "kerberos.preauth_offered=PA-PW-SALT kerberos.error"},
        {"another realm", 68, "EMEA.EXAMPLE", none, "kerberos.referral=EMEA.EXAMPLE "},
        {"noise", 60, NULL, octets("\x30\x7f\0\0", 4), "kerberos.error_code=60 "},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct script s = {.count = 0};
        add(&s, DIR_CLIENT, krb_request(&as_request));
        add(&s, DIR_SERVER, krb_error_data(cases[i].code, cases[i].client_realm, cases[i].data));
        frame(&s);
        char *said = told(&s, (struct play_options){.records_only = true});
        if (strstr(said, cases[i].facts) == NULL) {
            fail_msg("%s: %s", cases[i].label, said);
        }
        free(said);
        play_hostile_sweep(s.steps, s.count);
    }
}

/* A reply alone says by its own data how the client authenticated. */
static void reply_kinds(void **unused)
{
    (void)unused;
    struct built b = {.len = 0};
    struct script s = {.count = 0};
    struct built list = join(krb_padata(17, octets("signed", 6)),
                             krb_padata(136, der(DER_CONTEXT, octets("armored", 7))));
    b = field(b, 2, der(DER_SEQUENCE, list));
    b = field(b, 3, der_string("CORP.EXAMPLE"));
    b = field(b, 4, krb_name("alice"));
    b = field(b, 5, krb_ticket("CORP.EXAMPLE", "krbtgt/CORP.EXAMPLE", 18));
    add(&s, DIR_SERVER, krb_message(KRB_AS_REP, 0, field(b, 6, krb_encrypted(18, "cipher"))));
    char *said = told(&s, (struct play_options){.udp = true, .records_only = true});
    assert_non_null(strstr(said, "kerberos.fast=1 kerberos.pkinit=1 kerberos.reply_packet=1"));
    free(said);
}

static void kpasswd(void **unused)
{
    (void)unused;
    struct built none = {.len = 0}, ap = krb_ap_request(true, "kadmin/changepw", 18, "one cipher");
    struct built private = octets("\x75\x02\x30\0", 4);
    static const char facts[] =
        "kerberos.exchange=ap kerberos.carrier=kpasswd kerberos.realm=CORP.EXAMPLE "
        "kerberos.service=kadmin/changepw kerberos.ticket_etype=aes256-cts-hmac-sha1-96";
    const struct {
        const char *label;
        uint16_t version;
        struct built reply;
        const char *result;
    } cases[] = {
        {"changed", 1, krb_kpasswd(1, krb_ap_reply(), private), "kerberos.result=success"},
        {"set", 0xff80, krb_kpasswd(1, krb_ap_reply(), private), "kerberos.result=success"},
        {"refused", 1, krb_kpasswd(1, none, krb_error(37, NULL, "kadmin/changepw")),
         "kerberos.error=KRB_AP_ERR_SKEW kerberos.error_code=37 kerberos.password=change "
         "kerberos.result=failure"},
        {"refused in short", 1, krb_error(60, NULL, NULL),
         "kerberos.error=KRB_ERR_GENERIC kerberos.error_code=60 kerberos.password=change "
         "kerberos.result=failure"},
        {"refused with a reason", 0xff80,
         krb_kpasswd(1, none, krb_error_data(60, NULL, octets("\0\5denied", 8))),
         "kerberos.password=set kerberos.password_result=KRB5_KPASSWD_ACCESSDENIED "
         "kerberos.password_result_code=5 kerberos.result=failure"},
        {"refused with a number", 1,
         krb_kpasswd(1, none, krb_error_data(60, NULL, octets("\1\0", 2))),
         "kerberos.password_result=256 kerberos.password_result_code=256"},
        {"refused with too little", 1,
         krb_kpasswd(1, none, krb_error_data(60, NULL, octets("\1", 1))),
         "kerberos.password=change kerberos.result=failure"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (int tcp = 0; tcp < 2; tcp++) {
            struct script s = {.count = 0};
            add(&s, DIR_CLIENT, krb_kpasswd(cases[i].version, ap, private));
            add(&s, DIR_SERVER, cases[i].reply);
            if (tcp) {
                frame(&s);
            }
            char *said = told(&s, (struct play_options){.udp = !tcp});
            if (strstr(said, facts) == NULL || strstr(said, cases[i].result) == NULL ||
                strstr(said, "flow.protocol=kerberos") == NULL) {
                fail_msg("%s: %s", cases[i].label, said);
            }
            free(said);
            if (tcp) {
                play_chunking_sweep(s.steps, s.count);
                play_hostile_sweep(s.steps, s.count);
            }
        }
    }
}

/* Capture took the client for the server. */
static void turned(void **unused)
{
    (void)unused;
    struct script s = logon();
    frame(&s);
    char *said = told(
        &s, (struct play_options){.midstream = true, .wrong_guess = true, .records_only = true});
    assert_non_null(strstr(said, "kerberos @2 server kerberos.exchange=as"));
    assert_non_null(strstr(said, "kerberos @4 server kerberos.exchange=tgs"));
    free(said);
}

/* Every prefix of a datagram: cut, it states nothing. */
static void cut_datagrams(void **unused)
{
    (void)unused;
    struct script whole = logon();
    add(&whole, DIR_SERVER, krb_error(7, "alice", "cifs/dp01.corp.example"));
    for (size_t i = 0; i < whole.count; i++) {
        for (size_t len = 1; len < whole.messages[i].len; len++) {
            struct play_step step = {.dir = whole.steps[i].dir,
                                     .data = bytes_of(whole.messages[i].at, len)};
            char *said = play(&step, 1, &(struct play_options){.udp = true, .port = 88});
            if (strstr(said, "kerberos.exchange") != NULL) {
                fail_msg("message %zu cut to %zu: %s", i, len, said);
            }
            free(said);
        }
    }
}

static struct built with_octet(struct built b, size_t at, uint8_t value)
{
    b.at[at] = value;
    return b;
}

static void hostile(void **unused)
{
    (void)unused;
    struct built good = krb_request(&as_request);
    struct built name = krb_name("x");
    struct built numbers = field(field((struct built){.len = 0}, 0, der_number(2)), 1,
                                 der(DER_SEQUENCE, der_number(1)));
    struct built long_name = {.len = 0};
    for (int i = 0; i < 1400; i++) {
        put(&long_name, "x", 1);
    }
    struct built huge = field(field((struct built){.len = 0}, 0, der_number(2)), 1,
                              der(DER_SEQUENCE, der(DER_GENERAL_STRING, long_name)));
    struct built body = field((struct built){.len = 0}, 2, der_string("R"));
    struct built realm_missing = field((struct built){.len = 0}, 1, name);
    const struct {
        const char *label;
        struct built message;
        bool tcp;
        const char *has; /* NULL: states nothing */
    } cases[] = {
        {"whole", good, false, "kerberos.client=alice"},
        {"version 4", with_octet(good, 10, 4), false, NULL},
        {"another msg-type", with_octet(good, 15, 12), false, NULL},
        {"indefinite length", join(octets("\x6a\x80\x30\x80", 4), octets(good.at + 6, 40)), false,
         NULL},
        {"length of length", join(octets("\x6a\x85\0\0\0\0\x90", 7), octets(good.at + 3, 40)),
         false, NULL},
        {"longer than the datagram", with_octet(good, 2, 0xff), false, NULL},
        {"no body", krb_message(KRB_AS_REQ, 1, octets("\xa4\0", 2)), false, NULL},
        {"no realm",
         krb_message(KRB_AS_REQ, 1,
                     field((struct built){.len = 0}, 4, der(DER_SEQUENCE, realm_missing))),
         false, NULL},
        {"no nonce",
         krb_message(KRB_AS_REQ, 1,
                     field((struct built){.len = 0}, 4, der(DER_SEQUENCE, field(body, 3, name)))),
         false, "kerberos.realm=R kerberos.service=x "},
        {"numbers for names",
         krb_message(KRB_AS_REQ, 1,
                     field((struct built){.len = 0}, 4,
                           der(DER_SEQUENCE, field(body, 1, der(DER_SEQUENCE, numbers))))),
         false, "kerberos.realm=R kerberos.request_packet"},
        {"a name too long",
         krb_message(KRB_AS_REQ, 1,
                     field((struct built){.len = 0}, 4,
                           der(DER_SEQUENCE, field(body, 1, der(DER_SEQUENCE, huge))))),
         false, "xx\u2026 kerberos.request_packet"},
        {"an etype too long",
         krb_message(KRB_AS_REQ, 1,
                     field((struct built){.len = 0}, 4,
                           der(DER_SEQUENCE, field(body, 8,
                                                   octets("\x30\x0b\x02\x09"
                                                          "123456789",
                                                          13))))),
         false, "kerberos.realm=R kerberos.request_packet"},
        {"frame of nothing", octets("\0\0\0\0", 4), true, NULL},
        {"frame with the reserved bit", with_octet(krb_framed(good), 0, 0x80), true, NULL},
        {"frame shorter than the message", with_octet(krb_framed(good), 3, 40), true, NULL},
        {"kpasswd that ends early", krb_kpasswd(1, octets("\x6e", 1), (struct built){.len = 0}),
         false, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct script s = {.count = 0};
        add(&s, DIR_CLIENT, cases[i].message);
        char *said = told(&s, (struct play_options){.udp = !cases[i].tcp, .port = 88});
        const char *has = cases[i].has == NULL ? "kerberos.exchange" : cases[i].has;
        if ((strstr(said, has) != NULL) != (cases[i].has != NULL)) {
            fail_msg("%s: %s", cases[i].label, said);
        }
        free(said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exchanges),     cmocka_unit_test(answers),
        cmocka_unit_test(alone),         cmocka_unit_test(pairing),
        cmocka_unit_test(one_segment),   cmocka_unit_test(too_many_wait),
        cmocka_unit_test(loss),          cmocka_unit_test(kpasswd),
        cmocka_unit_test(requests),      cmocka_unit_test(error_data),
        cmocka_unit_test(reply_kinds),   cmocka_unit_test(turned),
        cmocka_unit_test(cut_datagrams), cmocka_unit_test(hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
